"""The report: its numbers are those of the tables, its maps those of the rasters, its words those of the mine, and no name is markup."""

import csv
import json
import re
import sqlite3
from dataclasses import replace

import numpy as np
import openpyxl
import pytest
import rasterio
from affine import Affine
from conftest import SmallMine
from reportpage import Page, unpacked
from running import ROOT
from scenemine import SceneMine
from shapely.geometry import box

from pipeline import config as configs
from pipeline import svg
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.columns import COLUMNS
from pipeline.coverage import zone_coverages
from pipeline.decoding import Decoded
from pipeline.grid import native_grid
from pipeline.quality import MASK_NAMES
from pipeline.report import charts, headings, method
from pipeline.report.layers import COVER, MOST_VALUES, SLOPE, Layer, packed, step_of
from pipeline.report.page import bound, inert
from pipeline.report.where import cell_steps

HOSTILE = ["<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")', "江" * 60, "</script><script>alert(2)</script>", "background"]


def finish(mine, *stages):
    """Run the stages that close a mine in this process, and return its folder."""
    for stage in (*stages, "workbook", "zones", "project", "report"):
        assert main([stage, str(mine.config), "--results", str(mine.results)]) == 0, stage
    return mine.results / "small"


def test_the_verdict_of_every_zone_is_that_of_the_table(default, jiangcang):
    """4 years: column p minus reference at 0.10; 5 years: column p_s_mean at 0.05; of the reference itself its own values."""
    page = [t for t in default.texts["en"] if "the recommended test" in t]
    source = {(r["zone"], r["first_year"], r["target"]): r for r in rows_of(jiangcang.results / "jiangcang/sentinel-2/trend_by_zone.csv")}
    expected = []
    for zone in dict.fromkeys(z for z, _, _ in source):
        for first, column, level in (("2021", "p", 0.10), ("2020", "p_s_mean", 0.05)):
            row = source[zone, first, "absolute" if zone == "Background" else "relative"]
            p, s = float(row[column]), float(row["s" if column == "p" else "s_mean"])
            found = "no trend" if p > level + 1e-6 else "a rise" if s > 0 else "a fall"
            expected.append((first, column, row["target"], f"p\u00a0=\u00a0{p:.2g}", f"{found} found at {level:.2f}."))
    for text, parts in zip(page[: len(expected)], expected, strict=True):
        assert text.startswith(f"{parts[0]}-2024:")
        assert f"column {parts[1]}, target {parts[2]}) gives {parts[3]}," in text
        assert text.endswith(parts[4])
    assert len(expected) == 14
    assert not [t for t in default.texts["en"] if "too few for its trend" in t]


def test_the_method_names_reference_joint_test_q_and_b(default):
    for words in ("Minus reference: each cell", "whole years of all cells change places", "Benjamini and Hochberg 1995", "b: how far the zone swings"):
        assert any(words in t for t in default.texts["en"]), words
    assert any("Benjamini and Hochberg 1995" in t for t in default.texts["zh"])
    assert not [t for t in default.texts["en"] if "no restoration at all" in t or "say how many" in t]


def rows_of(path):
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def default(jiangcang):
    """The report of the default mine."""
    return Page((jiangcang.results / "jiangcang" / "report.html").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A finished mine whose zones have hostile names; nobody may change its files."""
    mine = SmallMine(tmp_path_factory.mktemp("hostile"))
    w, n = mine.west, mine.north
    mine.zones = [(name, box(w + 70 * i + 10, n - 250, w + 70 * i + 60, n - 50)) for i, name in enumerate(HOSTILE)]
    mine.settings["aoi"]["zones"] = {HOSTILE[0]: {"role": "pit", "restored": "2021-06"}}
    mine.settings["title"] = "<b>江仓</b> & '\""
    mine.run()
    finish(mine)
    return mine


# Numbers: one source


TABLES = {"fvc_by_zone": headings.COVER, "fvc_change_by_zone": headings.CHANGE, "trend_groups_by_zone": headings.GROUPS, "trend_by_zone": headings.TREND}
TABLES |= {"trend_area_by_zone": headings.AREA, "masked_by_zone": headings.MASKED, "ledger": headings.LEDGER}
TABLES |= {"sensitivity.csv": headings.SENSITIVITY}


def shown(column, text):
    """Return a CSV cell as the workbook's format shows it, worked out here again."""
    if not text or COLUMNS[column].format == "@":
        return text or "–"
    value = f"{float(text):.{len(COLUMNS[column].format.partition('.')[2])}f}"
    return value[1:] if value.startswith("-") and float(value) == 0 else value


@pytest.mark.parametrize("table", TABLES)
def test_tables_of_the_report_are_those_of_the_csv_files(default, jiangcang, table):
    head, rows = default.table(table)
    columns = [h.key for h in TABLES[table]]
    assert head == [h.en for h in TABLES[table]]
    source = rows_of(jiangcang.results / "jiangcang" / "sentinel-2" / f"{table.removesuffix('.csv')}.csv")
    if table in ("trend_area_by_zone", "trend_groups_by_zone"):
        source = [r for r in source if float(r["area_km2"]) > 0]
    assert rows == [[shown(c, r[c]) for c in columns] for r in source]
    assert len(rows) > 5


def test_report_csv_workbook_and_geopackage_hold_the_same_numbers(default, jiangcang):
    """The four, read by four readers: every zone's change and shares, in full where the file holds them in full."""
    root = jiangcang.results / "jiangcang"
    change = {(r["zone"], r["from_year"], r["to_year"]): r for r in rows_of(root / "sentinel-2" / "fvc_change_by_zone.csv")}
    groups = {
        (r["zone"], r["first_year"], r["last_year"], r["group"]): r
        for r in rows_of(root / "sentinel-2" / "trend_groups_by_zone.csv")
        if r["zone"] and r["target"] == "absolute"
    }
    book = openpyxl.load_workbook(root / "tables.xlsx", read_only=True)
    sheets = {}
    for name, column in (("fvc_change_by_zone", "change_points"), ("trend_groups_by_zone", "share_pct")):
        head, *rows = book[name].iter_rows(values_only=True)
        keys = [h.partition(" (")[0] for h in head]
        sheets[name] = [dict(zip(keys, row, strict=True)) for row in rows]
        assert column in keys
    with sqlite3.connect(root / "zones.gpkg") as gpkg:
        gpkg.row_factory = sqlite3.Row
        layer = {r["zone"]: dict(r) for r in gpkg.execute("SELECT * FROM zones")}
    _, glance = default.table("overview 概览")
    seen = 0
    for cells in glance:
        zone, (first, last) = cells[0], cells[1].split("–")
        source, stem = change[zone, first, last], f"sentinel_2_{first}_{last}"
        sheet = [r for r in sheets["fvc_change_by_zone"] if (r["zone"], r["from_year"], r["to_year"]) == (zone, int(first), int(last))]
        assert cells[2:5] == [shown(k, source[k]) for k in ("fvc_from", "fvc_to", "change_points")]
        assert float(source["change_points"]) == sheet[0]["change_points"] == layer[zone][f"{stem}_change_points"]
        for cell, group in zip(cells[6:9], ("increase", "decrease", "no_change"), strict=True):
            text, valid = (groups[zone, first, last, group][name] for name in ("share_pct", "share_valid_pct"))
            where = (zone, int(first), int(last), group)
            (of_sheet,) = [
                r for r in sheets["trend_groups_by_zone"] if (r["zone"], r["first_year"], r["last_year"], r["group"], r["target"]) == (*where, "absolute")
            ]
            assert cell == shown("share_pct", valid)
            assert (float(text), float(valid)) == (of_sheet["share_pct"], of_sheet["share_valid_pct"])
            assert float(text) == layer[zone][f"{stem}_{group}_pct"]
            seen += 1
    assert seen == 7 * 2 * 3


def test_robust_is_the_same_sign_in_every_variant(default, jiangcang):
    """Worked out from sensitivity.csv once more, without the code."""
    source = [r for r in rows_of(jiangcang.results / "jiangcang/sentinel-2/sensitivity.csv") if r["computed"] == "yes"]
    _, rows = default.table("sensitivity 敏感性")
    assert len(rows) == 14
    for zone, years, variants, *cells in rows:
        own = [r for r in source if (r["zone"], f"{r['first_year']}-{r['last_year']}") == (zone, years)]
        assert int(variants) == len(own) - 1 >= 5
        for column, (base, between, robust) in zip(("change_points", "net_pct"), (cells[:3], cells[3:]), strict=True):
            values = [float(r[column]) for r in own]
            assert base == shown(column, next(r[column] for r in own if r["variant"] == "base"))
            assert between == f"{shown(column, repr(min(values)))} … {shown(column, repr(max(values)))}"
            assert robust.startswith("yes") == (min(values) > 0 or max(values) < 0), (zone, years, column)


def test_glance_says_what_p_can_reach(default):
    _, rows = default.table("overview 概览")
    assert {(r[1], r[-2], r[-1]) for r in rows} == {("2021–2024", "0.0833", "no, too few years"), ("2020–2024", "0.0167", "yes")}
    assert [r[5] for r in rows if r[0] == "Background"] == ["–", "–"]  # not compared with itself


def test_change_since_any_year_is_that_of_the_csv_file(default, jiangcang):
    head, rows = default.table("change since any year 自任一年以来的变化")
    source = {
        (r["zone"], r["from_year"]): r["change_points"]
        for r in rows_of(jiangcang.results / "jiangcang/sentinel-2/fvc_change_by_zone.csv")
        if r["to_year"] == "2024"
    }
    assert head[1:] == [f"since {y}" for y in range(2020, 2024)]
    assert {(r[0], str(2020 + i)): v for r in rows for i, v in enumerate(r[1:])} == {k: shown("change_points", v) for k, v in source.items()}


# Maps: the rasters


def test_layers_are_the_rasters(default, jiangcang):
    folder = jiangcang.results / "jiangcang" / "sentinel-2"
    step = default.data["maps"][0]["step"]

    def raster(name, band=1):
        with rasterio.open(folder / name) as dataset:
            return dataset.read(band)[::step, ::step].astype(float)

    classes = raster("trend_class_2021-2024.tif")
    assert step == 1
    for year in range(2020, 2025):
        there, here = raster(f"fvc_{year}.tif"), default.layer("fvc", year)
        assert np.array_equal(np.isnan(there), np.isnan(here))
        error = np.abs(there - here)
        assert np.nanmax(error[classes != 0]) <= 0.005 + 1e-6
        assert np.nanmax(error) <= 0.05 + 1e-6, "coarser outside the zones"
    for period in ("2021-2024", "2020-2024"):
        codes = raster(f"trend_class_{period}.tif")
        assert np.array_equal(np.nan_to_num(default.layer("class", period)), codes)
        for kind, band, within in (("slope", 1, 0.0005), ("slope_low", 2, 0.001), ("slope_high", 3, 0.001), ("p", 8, 0.00005), ("n", 9, 0)):
            there = np.where(classes != 0, raster(f"trend_{period}.tif", band), np.nan)
            assert np.array_equal(np.isnan(default.layer(kind, period)), np.isnan(there)), kind
            assert np.nanmax(np.abs(default.layer(kind, period) - there)) <= within + 1e-6, kind
        assert np.array_equal(np.nan_to_num(default.layer("relative_class", period)), raster(f"trend_relative_class_{period}.tif"))
        there = np.where(classes != 0, raster(f"trend_relative_{period}.tif"), np.nan)
        assert np.array_equal(np.isnan(default.layer("relative_slope", period)), np.isnan(there))
        assert np.nanmax(np.abs(default.layer("relative_slope", period) - there)) <= 0.0005 + 1e-6


def test_outlines_lie_on_the_classes(default):
    shown_map = default.data["maps"][0]
    inside = np.nan_to_num(default.layer("class", "2021-2024")) > 0
    for zone in shown_map["zones"]:
        x, y = zone["at"]
        assert inside[int(y), int(x)]
        xs, ys = zip(*zone["rings"][0], strict=True)
        assert min(xs) >= 0
        assert max(xs) <= shown_map["width"]
        assert max(ys) <= shown_map["height"]
    assert [z["zone"] for z in shown_map["zones"] if z["reference"]] == ["Background"]


def test_zone_series_are_those_of_the_tables(default, jiangcang):
    series = default.data["maps"][0]["series"]
    for r in rows_of(jiangcang.results / "jiangcang/sentinel-2/fvc_by_zone.csv"):
        assert [int(r["year"]), float(r["fvc_mean"])] in series[r["zone"]]["series"]
    for r in rows_of(jiangcang.results / "jiangcang/sentinel-2/trend_by_zone.csv"):
        line = series[r["zone"]]["trends"][f"{r['first_year']}-{r['last_year']}"]
        names = {"slope": "slope", "low": "slope_low", "high": "slope_high", "p": "p", "n": "n"}
        found = line if r["target"] == "absolute" else line["relative"]
        assert {k: found[k] for k in names} == {k: float(r[c]) if r[c] else None for k, c in names.items()}


@pytest.mark.parametrize("step", [1, 3, 7])
def test_packed_cells_are_every_nth_whatever_the_strips(tmp_path, step, monkeypatch):
    rng = np.random.default_rng(3)
    values = rng.normal(0.4, 0.3, (2, 55, 41)).astype("float32")
    values[:, rng.random((55, 41)) < 0.2] = np.nan
    with rasterio.open(
        tmp_path / "x.tif", "w", driver="GTiff", width=41, height=55, count=2, dtype="float32", nodata=float("nan"), transform=Affine(10, 0, 0, 0, -10, 0)
    ) as out:
        out.write(values)
    monkeypatch.setattr("pipeline.report.layers.ROWS", 16)
    inside = np.ones(values[0, ::step, ::step].shape, bool)
    inside[:, 0] = False
    wanted = [Layer("a", "1", tmp_path / "x.tif", 2, COVER, steps=2), Layer("b", "1", tmp_path / "x.tif", 1, SLOPE, zones_only=True)]
    for layer, band, found in zip(wanted, (1, 0), packed(wanted, step, inside), strict=True):
        stored = unpacked(found, inside.shape)
        there = values[band, ::step, ::step]
        missing = np.isnan(there) | (~inside if layer.zones_only else False)
        assert np.array_equal(stored == found["missing"], missing)
        clipped = np.clip(there[~missing], 0 if layer.kind == "a" else -9, 2.54 if layer.kind == "a" else 9)
        half = np.where(inside, 0.5, 1.0 if layer.kind == "a" else np.nan)[~missing]
        assert (np.abs(stored[~missing] / found["scale"] - clipped) <= half / found["scale"] + 1e-6).all()
        assert layer.kind != "a" or (stored[~missing & ~inside] % 2 == 0).all()


def test_a_larger_raster_is_shown_by_fewer_cells():
    for shape, layers in (((4000, 5000), 17), ((9000, 7000), 90), ((613, 1007), 17), ((5, 5), 400)):
        step = step_of(shape, layers)
        assert (shape[0] / step) * (shape[1] / step) * layers <= max(MOST_VALUES * 1.01, 25 * 400)
    assert step_of((613, 1007), 17) == 1


# Names are text


def test_hostile_names_are_whole_and_inert_in_the_report(hostile):
    text = (hostile.results / "small" / "report.html").read_text(encoding="utf-8")
    page = Page(text)
    assert {t for t, _ in page.elements} & {"img", "iframe", "object", "embed", "b"} == set()
    assert [a.get("id", "code") for t, a in page.elements if t == "script"] == ["data", "code"]
    assert not [a for _, a in page.elements for name in a if name.startswith("on")]
    assert not [v for _, a in page.elements for k, v in a.items() if k in ("href", "src") and not re.fullmatch(r"#?[a-z0-9./-]+", v)]
    assert [z["zone"] for z in page.data["maps"][0]["zones"]] == HOSTILE
    assert [r[0] for r in page.table("overview 概览")[1]] == HOSTILE
    assert [a["data-zone"] for t, a in page.elements if t == "button" and "data-zone" in a] == HOSTILE
    assert sum(t == "svg" for t, _ in page.elements) == len(HOSTILE) + 2  # charts of cover; bars, and those minus reference
    assert "http://x" in text


def test_hostile_names_are_the_same_in_csv_workbook_geopackage_and_report(hostile):
    root = hostile.results / "small"
    in_csv = [r["zone"] for r in rows_of(root / "sentinel-2" / "trend_by_zone.csv") if r["target"] == "absolute"]
    assert in_csv == [HOSTILE[0], f"'{HOSTILE[1]}", *HOSTILE[2:]]  # a spreadsheet runs nothing
    sheet = openpyxl.load_workbook(root / "tables.xlsx")["trend_by_zone"]
    column = [c.value.partition(" (")[0] for c in sheet[1]].index("zone") + 1
    cells = [sheet.cell(r, column) for r in range(2, sheet.max_row + 1)]
    assert [c.value for c in cells] == [zone for zone in HOSTILE for _ in range(2)], "of the zone, and minus its reference"
    assert {c.data_type for c in cells} == {"s"}
    assert not [c for c in cells if c.hyperlink]
    with sqlite3.connect(root / "zones.gpkg") as gpkg:
        assert [r[0] for r in gpkg.execute("SELECT zone FROM zones ORDER BY fid")] == HOSTILE
    page = Page((root / "report.html").read_text(encoding="utf-8"))
    assert [r[0] for r in page.table("trend_by_zone")[1]][::2] == HOSTILE


def test_json_in_the_page_cannot_end_its_script():
    text = inert({"zone": "</script><!-- & \u2028"})
    assert not set("<>&") & set(text)
    assert json.loads(text) == {"zone": "</script><!-- & \u2028"}
    with pytest.raises(ValueError, match="not JSON compliant"):
        inert({"value": float("nan")})


def test_the_page_asks_nothing_of_any_host(default, jiangcang):
    text = (jiangcang.results / "jiangcang" / "report.html").read_text(encoding="utf-8")
    (policy,) = [a["content"] for t, a in default.elements if a.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "connect-src 'none'" in policy
    hosts = set(re.findall(r"(?:https?:)?//([a-z0-9.-]+\.[a-z]{2,})", text))
    assert hosts <= {"www.w3.org"}  # the name of SVG, which nothing loads
    assert not [a for t, a in default.elements if t in ("link", "img", "iframe")]
    assert len(text.encode()) <= 5_000_000


def test_links_lead_to_files_of_the_run(default, jiangcang):
    all_links = [a["href"] for t, a in default.elements if t == "a"]
    links = [link for link in all_links if not link.startswith("#")]
    assert len(links) == 5
    ids = [a["id"] for _, a in default.elements if "id" in a]
    assert len(ids) == len(set(ids))
    assert {link[1:] for link in all_links if link.startswith("#")} <= set(ids)
    for link in set(links) - {"run.json"}:  # written after the report
        assert (jiangcang.results / "jiangcang" / link).exists(), link


# Words


def test_both_languages_say_as_much(default):
    assert len(default.texts["en"]) == len(default.texts["zh"]) > 200
    assert all(re.search("[\u4e00-\u9fff0-9A-Zp=：、。（）]", t) for t in default.texts["zh"])


def test_every_number_of_the_english_words_stands_in_the_chinese(default):
    for en, zh in zip(default.texts["en"], default.texts["zh"], strict=True):
        numbers = [sorted(re.findall(r"\d+(?:\.\d+)?", t.replace("\u00a0", ""))) for t in (en, zh)]
        assert numbers[0] == numbers[1], (en, zh)


def test_synthetic_is_said(default, hostile):
    assert any("Synthetic" in t for t in default.texts["en"])
    page = Page((hostile.results / "small" / "report.html").read_text(encoding="utf-8"))
    assert not any("ynthetic" in t for t in page.texts["en"])


def made(folder, ndvi=None, zones=None, reference=True, **more):
    """Return the report of a small mine from prepared composites whose NDVI (years, 30, 40) or zones the test gives."""
    mine = SmallMine(folder)
    if ndvi is not None:
        field = np.broadcast_to(np.asarray(ndvi, float), mine.red.shape)
        mine.red, mine.nir = (0.2 * (1 - field)).astype("float32"), (0.2 * (1 + field)).astype("float32")
    if zones is not None:
        mine.zones = zones(mine)
    if not reference:
        mine.settings["aoi"] |= {"reference": [], "zones": {}}
    mine.settings |= more
    mine.run()
    return Page((finish(mine) / "report.html").read_text(encoding="utf-8"))


def rising(start, end):
    return np.linspace(start, end, 5)[:, None, None]


def words(page):
    return bound(" ".join(page.texts["en"])).replace("\u00a0", " ")


def test_recovering_and_degrading_mines_are_told_apart(tmp_path):
    up = words(made(tmp_path / "up", rising(0.2, 0.6)))
    assert "From 2020 to 2024 cover rose by 49 percentage points" in up
    assert "fell by" not in up.split("Limits")[0]
    down = words(made(tmp_path / "down", rising(0.6, 0.2)))
    assert "From 2020 to 2024 cover fell by 49 percentage points" in down


def test_a_mine_without_data_says_so(tmp_path):
    page = made(tmp_path, np.full((5, 1, 1), np.nan))
    text = words(page)
    assert "No clear observation of land in 2020-2024: cover is not known." in text
    assert "no cell has a trend, so that nothing can be checked" in text
    assert all(r[2:5] == ["–", "–", "–"] for r in page.table("overview 概览")[1])
    assert np.isnan(page.layer("fvc", 2020)).all()


def test_cover_beyond_the_endmembers_is_flagged(tmp_path):
    """Most of the pit lies below the soil's NDVI in every year."""
    ndvi = np.full((5, 30, 40), 0.5)
    ndvi[:, 5:20, :24] = np.linspace(-0.2, 0.02, 5)[:, None, None]
    page = made(tmp_path, ndvi)
    flags = [t.replace("\u00a0", " ") for t in page.texts["en"] if "was set to 0 or 1" in t]
    assert flags[0].startswith("75 % in 2020 and 75 % in 2024 of the valid land had cover below 0 or above 1")
    (row,) = [r for r in rows_of(tmp_path / "results/small/sentinel-2/fvc_by_zone.csv") if (r["zone"], r["year"]) == ("pit", "2020")]
    assert float(row["clamped_pct"]) == pytest.approx(75)
    assert any("cover (before clamping)" in t for t in page.texts["en"])


def test_water_is_not_known_from_composites(tmp_path):
    page = made(tmp_path, rising(0.3, 0.5))
    folder = tmp_path / "results/small"
    assert {r["area_km2"] + r["share_pct"] for r in rows_of(folder / "sentinel-2/trend_area_by_zone.csv") if r["class_id"] == "water"} == {""}
    assert {r["area_km2"] + r["share_pct"] for r in rows_of(folder / "sentinel-2/trend_groups_by_zone.csv") if r["group"] == "water"} == {""}
    with sqlite3.connect(folder / "zones.gpkg") as gpkg:
        assert set(gpkg.execute("SELECT sentinel_2_2020_2024_water_pct FROM zones")) == {(None,)}
    assert {r[9].split(" / ")[0] for r in page.table("overview 概览")[1]} == {"–"}
    assert 97 not in {c["code"] for c in page.data["maps"][0]["classes"]}


def test_one_zone_without_reference(tmp_path):
    page = made(tmp_path, rising(0.3, 0.5), zones=lambda m: m.zones[:1], reference=False)
    assert [r[5] for r in page.table("overview 概览")[1]] == ["–"]
    assert "reference rose" not in words(page)
    assert not [z for z in page.data["maps"][0]["zones"] if z["reference"]]


def test_forty_zones(tmp_path):
    def grid(mine):
        w, n = mine.west, mine.north
        return [(f"zone {8 * j + i}", box(w + 50 * i + 2, n - 60 * j - 58, w + 50 * i + 48, n - 60 * j - 2)) for j in range(5) for i in range(8)]

    page = made(tmp_path, rising(0.3, 0.5), zones=grid, reference=False)
    assert [r[0] for r in page.table("overview 概览")[1]] == [f"zone {i}" for i in range(40)]
    assert sum(t == "svg" for t, _ in page.elements) == 41


def test_trend_of_ndvi_shows_ndvi(tmp_path):
    page = made(tmp_path, rising(0.3, 0.5), trend={"variable": "ndvi"})
    shown_map = page.data["maps"][0]
    assert shown_map["variable"] == "ndvi"
    assert abs(np.nanmean(page.layer("ndvi", 2020)) - 0.3) < 0.006
    assert abs(shown_map["series"]["pit"]["series"][4][1] - 0.5) < 1e-6
    assert [v["label"] for v in shown_map["views"] if v["kind"] == "ndvi"] == [f"NDVI {y}" for y in range(2024, 2019, -1)]
    assert "NDVI has a rising slope on 100 %" in words(page)


@pytest.fixture(scope="module")
def watery(tmp_path_factory):
    """A finished mine from scenes: the pit is water in every year, and 2024 was seen in late August only."""
    mine = SceneMine(tmp_path_factory.mktemp("watery"))
    codes = np.full((30, 40), 4)
    codes[:, :22] = 6
    light = np.full((60, 80), 0.4)
    light[:, :44] = 0.03
    mine.series(per_year=3, years=range(2020, 2024), scl=codes, light=light)
    for day in (25, 28, 30):
        mine.add(f"2024-08-{day}", ndvi=0.5, scl=codes, light=light)
    mine.run()
    assert mine.stage("report") == 0
    return mine


def test_water_only_and_a_shift_of_the_season(watery):
    (report,) = watery.folder.rglob("report.html")
    page = Page(report.read_text(encoding="utf-8"))
    text = words(page)
    assert "Water covers the whole zone in 2020-2024." in text
    days = {r["year"]: float(r["doy_mean"]) for r in rows_of(next(watery.folder.rglob("fvc_by_zone.csv"))) if r["zone"] == "background"}
    shift = max(days.values()) - min(days.values())
    assert shift > 40
    assert f"The clear observations of 2024 lie {shift:.0f} days later in the season" in text
    assert {r[0] for r in page.table("water 水体")[1]} == {"pit"}


# Parts


PREPARED = Decoded(None, None, True, False, (), frozenset(), frozenset())
SEEN = replace(PREPARED, scenes=70, known=frozenset(MASK_NAMES))


def test_method_names_every_option_that_decides(tmp_path):
    config = configs.load(ROOT / "configs" / "jiangcang.yaml")
    both = method.method(config, "sentinel-2", SEEN, 10, synthetic=True)
    text = " ".join(t.en for t in both)
    for part in (
        "07-01",
        "08-31",
        "70 scenes",
        "cloud, cirrus",
        "40 m",
        "0.04",
        "median",
        "at least 2",
        "percentile 5",
        "percentile 95",
        "p <= 0.1",
        "p <= 0.05",
        "0.0005",
    ):
        assert part in text, part
    assert "scenes" not in " ".join(t.en for t in method.method(config, "sentinel-2", PREPARED, 10, synthetic=True)[1:])


def test_smallest_p_is_two_over_n_factorial():
    config = configs.load(ROOT / "configs" / "jiangcang.yaml")
    found = method.reach(config)
    for (n, p, _), expected in zip(found, (1 / 3, 1 / 12, 1 / 60, 1 / 360), strict=True):
        assert p == pytest.approx(expected, rel=1e-12), n
    assert [[c.code for c in classes] for _, _, classes in found] == [[], [3, 7], [2, 3, 7, 8], [2, 3, 7, 8]]
    assert method.out_of_reach(config) == {"2021-2024": [2, 8], "2020-2024": []}


def test_cell_steps_follow_true_north():
    """Checked against the convergence of the transverse Mercator projection: tan(g) = tan(lon - lon0) sin(lat)."""
    from types import SimpleNamespace

    from odc.geo.geobox import GeoBox
    from pyproj import Transformer

    grid = GeoBox((100, 100), Affine(10, 0, 740_000, 0, -10, 4_210_000), "EPSG:32647")
    steps = cell_steps(grid, SimpleNamespace(rows=slice(40, 60), cols=slice(40, 60)))
    lon, lat = Transformer.from_crs(32647, 4326, always_xy=True).transform(740_500, 4_209_500)
    convergence = np.arctan(np.tan(np.radians(lon - 99)) * np.sin(np.radians(lat)))
    assert convergence > 0.02
    assert np.arctan2(steps.column[1], steps.column[0]) == pytest.approx(-convergence, abs=1e-4)  # grid north lies east of north here
    assert np.hypot(*steps.column) == pytest.approx(10, rel=1e-3)


def test_bars_are_as_long_as_the_shares():
    import xml.etree.ElementTree as ET

    from pipeline.classes import legend

    bar = charts.Bar("a", {4: 25.0, 6: 60.0, 97: 15.0}, {4: 1.0, 6: 2.4, 97: 0.6})
    root = ET.fromstring(charts.class_bars([bar], [c for c in legend("seven") if c.code], "t"))
    drawn = [(r.get("fill"), float(r.get("x")), float(r.get("width"))) for r in root.iter("{http://www.w3.org/2000/svg}rect")]
    whole = sum(d[2] for d in drawn)
    assert [round(100 * d[2] / whole, 1) for d in drawn] == [25.0, 60.0, 15.0]
    assert [d[0] for d in drawn] == ["#dfc27d", "#a6dcd3", "#4393c3"]
    assert all(abs(a[1] + a[2] - b[1]) < 0.02 for a, b in zip(drawn, drawn[1:], strict=False))


def test_restoration_before_the_season_is_drawn_before_it(default):
    """June 2021 comes before the season of July and August 2021."""
    (line,) = [a for t, a in default.elements if a.get("class") == "restored"][:1]
    years = [charts.LEFT + 12 + (charts.WIDTH - charts.LEFT - charts.RIGHT - 24) * i / 4 for i in range(5)]
    assert years[0] < float(line["x1"]) < years[1]


def test_missing_years_break_the_line():
    import xml.etree.ElementTree as ET

    rows = [(2020, 0.2, 0.1), (2021, None, None), (2022, 0.4, 0.1), (2023, 0.6, 0.1)]
    root = ET.fromstring(charts.cover_series({"a": rows}, "t", restored=2021.5))
    lines = [x for x in root.iter("{http://www.w3.org/2000/svg}line") if x.get("class") == "series"]
    marks = [x for x in root.iter("{http://www.w3.org/2000/svg}line") if x.get("class") == "restored"]
    circles = list(root.iter("{http://www.w3.org/2000/svg}circle"))
    assert (len(lines), len(marks), len(circles)) == (1, 1, 3)
    assert float(circles[0].get("cy")) - float(circles[2].get("cy")) == pytest.approx(0.4 * (svg.HEIGHT - svg.TOP - svg.BOTTOM), abs=0.11)


def test_zones_far_from_any_word_of_the_code(hostile):
    """Zones, grid and coverages agree in the report's own reading."""
    config = configs.load(hostile.config)
    zones = read_zones(config, hostile.config)
    with rasterio.open(hostile.results / "small/sentinel-2/ndvi_2020.tif") as dataset:
        assert [c.zone for c in zone_coverages(zones, native_grid(dataset))] == HOSTILE


# Faults


@pytest.mark.parametrize(
    ("table", "old", "new"),
    [
        ("fvc_by_zone", r"(?m)^(small,sentinel-2,pit,pit,2020,)[^,]+", r"\1abc"),
        ("fvc_by_zone", r"(?m)^(small,sentinel-2,pit,pit,2020,)[^,]+", r"\1nan"),
        ("fvc_by_zone", "fvc_mean,", "fvc_average,"),
        ("fvc_change_by_zone", r"(?m)^(small,sentinel-2,pit,pit,2020,2024,[^,]+,[^,]+,)[^,]+", r"\1inf"),
        ("trend_by_zone", r"(?s).*", ""),
    ],
)
def test_a_table_that_was_edited_is_bad_input_and_leaves_the_report_as_it_is(tmp_path, capsys, table, old, new):
    mine = SmallMine(tmp_path)
    mine.run()
    root = finish(mine)
    before = (root / "report.html").read_bytes()
    path = root / "sentinel-2" / f"{table}.csv"
    text = path.read_text(encoding="utf-8")
    path.write_text(re.sub(old, new, text, count=1), encoding="utf-8")
    assert path.read_text(encoding="utf-8") != text
    capsys.readouterr()
    assert main(["report", str(mine.config), "--results", str(mine.results)]) == 2
    told = capsys.readouterr().err
    assert "Traceback" not in told
    for part in ("tables", "found:", "expected:", "minegreen verify"):
        assert part in told
    assert (root / "report.html").read_bytes() == before


def test_scene_tables_of_an_earlier_run_are_not_of_this_one(tmp_path):
    """The results folder held a run from scenes before: its tables lie there still."""
    mine = SmallMine(tmp_path)
    folder = mine.run()
    (folder / "zone_by_scene.csv").write_text("zone,datetime,item,ndvi_mean,clear_pct,masked_pct,offset\npit,2020-07-05T00:00:00Z,OLD,0.5,90,10,0\n")
    (folder / "masked_by_zone.csv").write_text(
        "mine,sensor,zone,role,scenes,masked_pct,reference_masked_pct,ratio,warning\nsmall,sentinel-2,pit,pit,1,10,1,9,OLD\n"
    )
    text = (finish(mine) / "report.html").read_text(encoding="utf-8")
    assert "OLD" not in text


def test_names_that_turn_the_direction_are_isolated(tmp_path):
    name = "pit\u202e"
    page = made(tmp_path, rising(0.3, 0.5), zones=lambda m: [(name, m.zones[0][1]), m.zones[1]], reference=False)
    assert [r[0] for r in page.table("overview 概览")[1]] == [name, "background"]
    titles = [t for t, a in page.elements if t == "bdi"]
    assert len(titles) >= 4
    (root,) = tmp_path.rglob("report.html")
    assert f"\u2068{name}\u2069: " in root.read_text(encoding="utf-8")  # titles of the bars


def test_days_of_scenes_are_those_of_their_own_year():
    import xml.etree.ElementTree as ET

    seen = [charts.Seen(2020, 183, 0.0, "a"), charts.Seen(2020, 244, 0.0, "b"), charts.Seen(2021, 186, 0.0, "c")]
    root = ET.fromstring(charts.scene_dots(seen, "t"))
    assert [t.text for t in root.iter("{http://www.w3.org/2000/svg}text")] == ["2020", "2021", "07-01", "08-31"]
