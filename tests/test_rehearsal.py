"""What the pages show is what happens: their commands are typed again, their numbers are those of the run, their scripts work."""

import json
import re
import shutil
import subprocess
import sys

import pandas as pd
import pytest
import rasterio
from downloads import write_safe
from pages import DOCS, blocks, section
from running import ROOT, environment

CONSOLE = "console"
OWN = (DOCS / "own-files.md").read_text(encoding="utf-8")


def shown(page):
    """Return the commands of a page with what it shows below them, in order, from all its `console` blocks."""
    text = "\n".join(block for language, block in blocks((DOCS / page).read_text(encoding="utf-8")) if language == CONSOLE)
    parts = re.split(r"^\$ ", text, flags=re.MULTILINE)
    return [(first, rest.strip("\n")) for first, _, rest in (part.partition("\n") for part in parts if part.strip())]


@pytest.fixture(scope="module")
def workplace(three_sensors, tmp_path_factory):
    """Return a copy of the repository's folder as a reader has it after the quick start: the finished run is there."""
    folder = tmp_path_factory.mktemp("workplace")
    for name in ("aoi", "configs"):
        shutil.copytree(ROOT / name, folder / name)
    shutil.copytree(three_sensors.results, folder / "results")
    return folder


def typed(command, folder):
    done = subprocess.run(["bash", "-c", command], cwd=folder, env=environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True, check=False)
    assert done.returncode == 0, (command, done.stderr)
    return done.stdout.strip("\n")


@pytest.mark.parametrize("page", ["quick-start.md", "new-mine.md", "own-files.md"])
def test_commands_print_what_the_page_shows(page, workplace):
    assert len(shown(page)) >= 2
    for command, below in shown(page):
        printed = typed(command, workplace)
        if command.startswith("minegreen crosscheck"):  # rounding of the last digits is the machine's
            below, printed = (re.sub(r"[\d.]+e-\d+", "small", text) for text in (below, printed))
        assert printed == below, command


@pytest.mark.parametrize(("page", "mine"), [("new-mine.md", "rehearsal"), ("own-files.md", "prepared")])
def test_settings_on_the_page_are_what_new_writes(page, mine, workplace, tmp_path):
    shutil.copytree(workplace / "aoi", tmp_path / "aoi")
    if mine == "rehearsal":
        shutil.copytree(workplace / "results/jiangcang/synthetic", tmp_path / "scenes")
    else:
        shutil.copytree(workplace / "results/jiangcang/sentinel-2", tmp_path / "data/prepared", ignore=shutil.ignore_patterns("[!n]*"))
    (new,) = (command for command, _ in shown(page) if command.startswith(f"minegreen new {mine} "))
    typed(new, tmp_path)
    written = (tmp_path / f"configs/{mine}.yaml").read_text(encoding="utf-8")
    on_page = [block for language, block in blocks((DOCS / page).read_text(encoding="utf-8")) if language == "yaml"]
    assert [block for block in on_page if block in written]
    assert mine != "rehearsal" or on_page[0] == written


def test_the_commands_for_downloaded_products_are_accepted(workplace, tmp_path):
    """The products are made here from the synthetic scenes, in the layout and with the names of ESA's."""
    source = workplace / "results/jiangcang/synthetic"
    items = [i for i in json.loads((source / "items.json").read_text(encoding="utf-8"))["features"] if i["properties"]["datetime"][8:10] < "09"]
    assert len({i["properties"]["datetime"][:4] for i in items}) >= 4
    for item in items:
        facts, bands = item["properties"], []
        for asset in ("B04", "B08", "SCL"):
            with rasterio.open(source / item["assets"][asset]["href"]) as dataset:
                bands.append(dataset.read(1))
                if asset == "B04":
                    place = {"west": dataset.transform.c, "north": dataset.transform.f, "crs": str(dataset.crs)}
        tile = facts["grid:code"].replace("MGRS-", "T")
        write_safe(tmp_path / "path/to/downloads", facts["datetime"][:19], *bands, baseline=facts["s2:processing_baseline"], tile=tile, **place)
    shutil.copytree(workplace / "aoi", tmp_path / "aoi")
    (new, check) = [line for line in section(OWN, "Downloaded products").blocks[0][1].splitlines() if line]
    typed(new.replace("path/to/zones.geojson", "aoi/jiangcang.geojson").replace("--zone-field name", "--zone-field zone"), tmp_path)
    printed = typed(check, tmp_path)
    assert f"{len(items)} of {len(items)} listed scenes" in printed
    offsets = {i["id"]: i["assets"]["B04"]["raster:bands"][0]["offset"] for i in items}
    assert f"{sum(o != 0 for o in offsets.values())} scenes -0.1" in printed


def test_the_script_that_picks_a_mine_out_of_a_large_file(shared, tmp_path):
    (script,) = (block for language, block in blocks((DOCS / "new-mine.md").read_text(encoding="utf-8")) if language == "python")
    large = shared / "mining_polygons" / "coal-mine-boundaries-methane.geojson"
    (tmp_path / "aoi").mkdir()
    subprocess.run([sys.executable, "-c", script.replace("path/to/polygons.geojson", str(large))], cwd=tmp_path, check=True, capture_output=True)
    typed("minegreen new my-mine --aoi aoi/my-mine.geojson --zone-field description", tmp_path)
    text = (tmp_path / "configs" / "my-mine.yaml").read_text(encoding="utf-8")
    assert '"Ovoot Tolgoi coal mine, Sunset open pit": {role: pit}' in text


READING = (DOCS / "reading.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def tables(jiangcang):
    found = {p.stem: pd.read_csv(p) for p in (jiangcang.results / "jiangcang" / "sentinel-2").glob("*.csv")}
    both = {name: table for name, table in found.items() if "target" in table}
    return found | {f"{name} {of}": t[t["target"] == of] for name, t in both.items() for of in ("absolute", "relative")}


def of(table, **where):
    for column, value in where.items():
        table = table[table[column] == value]
    (row,) = table.to_dict("records")
    return row


def test_cover_of_the_reading_page_is_that_of_the_run(tables):
    (header, *rows), *_ = section(READING, "Net change first").tables
    assert len(rows) == 3
    for zone, *values in rows:
        for year, value in zip(header[1:], values, strict=True):
            assert value == f"{100 * of(tables['fvc_by_zone'], zone=zone, year=int(year))['fvc_mean']:.1f}"


def test_changes_of_the_reading_page_are_those_of_the_run(tables):
    (_, *rows), *_ = section(READING, "Compare with the reference").tables
    assert len(rows) == 3
    for zone, first, last, points, reference in rows:
        row = of(tables["fvc_change_by_zone"], zone=zone, from_year=int(first), to_year=int(last))
        assert (points, reference) == (f"{row['change_points']:.1f}", f"{row['reference_change_points']:.1f}")
    pit, lake = (of(tables["fvc_change_by_zone"], zone=z, from_year=2020, to_year=2024) for z in ("Pit No. 4", "Pit No. 7"))
    assert f"which is {pit['change_pct']:.1f} % of what it had" in READING
    assert f"it is {lake['valid_both_pct']:.1f} %" in READING
    assert f"gained {lake['change_points'] - lake['reference_change_points']:.1f} points more" in READING


def test_classes_of_the_reading_page_are_those_of_the_run(tables):
    (header, *rows), *_ = section(READING, "Trend classes").tables
    assert len(rows) == 5
    for label, *values in rows:
        for zone, value in zip(header[1:], values, strict=True):
            assert value == f"{of(tables['trend_area_by_zone absolute'], zone=zone, first_year=2021, **{'class': label})['share_pct']:.2f}"
    for group in ("increase", "decrease"):
        row = of(tables["trend_groups_by_zone absolute"], zone="Pit No. 4", level="zone", first_year=2021, group=group)
        assert f"{row['share_pct']:.2f} %" in section(READING, "Trend classes").text
    lake = {code: of(tables["trend_area_by_zone absolute"], zone="Pit No. 7", first_year=2021, code=code)["share_pct"] for code in (97, 99)}
    assert f"{lake[97]:.2f} % is water and {lake[99]:.2f} % is insufficient data" in READING


def test_relative_trends_and_bounds_of_the_reading_page_are_those_of_the_run(tables):
    (_, *rows), *_ = section(READING, "Minus reference, and the zone as a whole").tables
    assert len(rows) == 3
    for zone, target, slope, p, together in rows:
        row = of(tables[f"trend_by_zone {target}"], zone=zone, first_year=2020)
        assert (slope, p, together) == (f"{row['slope']:.4f}", f"{row['p']:.2f}", f"{row['p_s_mean']:.2f}")
        assert abs(row["p_min"] - 0.017) < 0.0005
    assert abs(of(tables["reference_by_zone"], zone="Bare spoil", first_year=2020)["b"]) < 0.05
    text = section(READING, "Minus reference, and the zone as a whole").text
    swing, step = (of(tables["reference_by_zone"], zone="Pit No. 4", first_year=first) for first in (2021, 2020))
    assert f"it swings {swing['b']:.1f} times as far as its reference, 90 % interval {swing['b_low']:.1f} to {swing['b_high']:.1f}" in text
    assert swing["b_low"] > 1
    assert isinstance(swing["warning"], str)
    assert f"its b is {step['b']:.1f}, interval {step['b_low']:.1f} to {step['b_high']:.1f}, so that it is not known" in text.replace("*", "")
    assert "is not known" in step["warning"]
    (header, *rows), *_ = section(READING, "Bounds, and many cells").tables
    assert len(rows) == 2
    for label, *values in rows:
        row = of(tables["trend_area_by_zone relative"], zone="Pit No. 4", first_year=2020, **{"class": label})
        assert values == [f"{row[name.strip('`')]:.3f}" for name in header[1:]]
        assert row["control"] == "controlled"


def test_smallest_p_of_the_pages_by_trying_all_orders():
    from itertools import combinations, permutations

    methods = (DOCS / "methods.md").read_text(encoding="utf-8")
    p = {}
    for n in (3, 4, 5, 6, 7):
        counts = [abs(sum((b > a) - (b < a) for a, b in combinations(order, 2))) for order in permutations(range(n))]
        p[n] = counts.count(max(counts)) / len(counts)
    for text, title in ((READING, "p_min: what cannot be tested"), (methods, "What few years can show")):
        (_, *rows), *_ = section(text, title).tables
        for n, smallest, *_ in rows:
            assert abs(float(smallest) - p[int(n)]) < 0.5 * 10 ** -len(smallest.split(".")[1])
    for n, _, *said in section(READING, "p_min: what cannot be tested").tables[0][1:]:
        assert said == ["can be tested" if p[int(n)] <= alpha else "cannot be tested" for alpha in (0.10, 0.05, 0.01)]
    (scores, orders, exact, normal), *_ = section(methods, "Exact p").tables
    four = [sum((b > a) - (b < a) for a, b in combinations(order, 2)) for order in permutations(range(4))]
    from statistics import NormalDist

    for s, count, by_orders, by_normal in zip(map(int, scores[1:]), orders[1:], exact[1:], normal[1:], strict=True):
        assert int(count) == four.count(s)
        assert by_orders == f"{sum(abs(x) >= abs(s) for x in four) / 24:.3f}"
        z = max(abs(s) - 1, 0) / (4 * 3 * 13 / 18) ** 0.5
        assert by_normal == f"{2 * NormalDist().cdf(-z):.3f}"


def test_dates_and_masks_of_the_reading_page_are_those_of_the_run(tables):
    for year in (2021, 2024):
        assert f"day {of(tables['fvc_by_zone'], zone='Pit No. 7', year=year)['doy_mean']:.1f} in {year}" in READING.replace("at day", "day")
    row = of(tables["masked_by_zone"], zone="Bare spoil")
    assert isinstance(row["warning"], str)
    assert f"{row['ratio']:.2f} times" in READING
