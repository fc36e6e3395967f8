"""The mines of a results folder side by side: numbers from pixels, hostile titles, runs one by one, and folders that do not fit."""

import base64
import csv
import hashlib
import json
import re
import shutil
import subprocess
import sys
import threading
from html.parser import HTMLParser

import numpy as np
import pytest
import yaml
from conftest import SmallMine
from running import environment, place, snakemake
from shapely.geometry import box

from pipeline import config as configs
from pipeline import plan
from pipeline.__main__ import main
from pipeline.errors import BadInput
from pipeline.layout import MineFolder, SummaryFolder
from pipeline.lock import waiting
from pipeline.summary import SHARES, SUMMARY_COLUMNS, TESTED, finished, split, summarise
from pipeline.summarypage import CSS, HEADS

LONG = "江仓露天煤矿四号坑生态修复治理与植被恢复遥感监测评估示范区北部排土场及其周边高寒草甸对照样地二零二零至二零二四年度成果汇总表"
LONG = (LONG * 2)[:60]
HOSTILE = ["<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")', LONG, "a \u202e b", "</title><script>alert(1)</script>", "{{ 7 * 7 }}", "a\nb, \"c\" 'd'"]


def made(mine, name, results, **settings):
    """Run a small mine under an id into a results folder, with manifest; return its folder."""
    mine.settings |= {"mine": name} | settings
    root = mine.run().parent
    assert main(["manifest", str(mine.config), "--results", str(mine.results)]) == 0
    if mine.results != results:
        results.mkdir(parents=True, exist_ok=True)
        shutil.copytree(root, results / name)
    return results / name


def small(folder, years=(2020, 2021, 2022, 2023, 2024)):
    """Return a small mine below a folder that is made."""
    folder.mkdir(parents=True, exist_ok=True)
    return SmallMine(folder, years=years)


def rows_of(results):
    """Write the summary as the rule does, and return the rows of mines.csv as text."""
    assert main(["summary", str(results)]) == 0
    with SummaryFolder(results).table.open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert all(tuple(row) == SUMMARY_COLUMNS for row in rows)
    return rows


def page_of(results):
    """Return the page as text."""
    return SummaryFolder(results).page.read_text(encoding="utf-8")


class Parts(HTMLParser):
    """What a browser makes of a page: its tags, links and text."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.attributes, self.words = [], [], set(), []
        self.feed(page)
        self.close()
        self.text = "".join(self.words)

    def handle_starttag(self, tag, attrs):
        """Keep a tag."""
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        self.links += [value for name, value in attrs if name in {"href", "src"}]

    def handle_data(self, data):
        """Keep text."""
        self.words.append(data)


# ---------------------------------------------------------------- numbers


SOIL, VEGETATION = 0.05, 0.86


def cover_of(mine):
    """Return cover (years, y, x) of the planted NDVI, clamped; NaN where red is missing."""
    ndvi = (mine.nir.astype(float) - mine.red) / (mine.nir.astype(float) + mine.red)
    return np.clip((ndvi - SOIL) / (VEGETATION - SOIL), 0, 1)


@pytest.fixture(scope="module")
def planted(tmp_path_factory):
    """Three zones of whole cells that are no reference, two that are; gaps in the first and the last year; one zone without any pair."""
    mine = small(tmp_path_factory.mktemp("planted"))
    w, n = mine.west, mine.north
    windows = {"a": (2, 12, 2, 12), "b": (14, 28, 2, 8), "blind": (2, 6, 14, 18), "r1": (2, 12, 26, 30), "r2": (14, 20, 26, 38)}  # rows, columns
    mine.zones = [(name, box(w + 10 * c0, n - 10 * r1, w + 10 * c1, n - 10 * r0)) for name, (r0, r1, c0, c1) in windows.items()]
    ndvi = np.full((5, 30, 40), 0.3)
    ndvi[:, 2:12, 2:12] = np.array([0.2, 0.25, 0.31, 0.4, 0.5])[:, None, None]
    ndvi[:, 14:28, 2:8] = np.array([0.6, 0.55, 0.5, 0.45, 0.3])[:, None, None]
    ndvi[:, 2:12, 26:30] = np.array([0.40, 0.41, 0.42, 0.43, 0.44])[:, None, None]
    ndvi[:, 14:20, 26:38] = np.array([0.50, 0.5, 0.5, 0.5, 0.49])[:, None, None]
    ndvi += np.arange(1200).reshape(30, 40) * 1e-5
    ndvi[0, 2:5, 2:12] = np.nan  # 30 of the 100 cells of a
    ndvi[4, 14:16, 2:8] = np.nan  # 12 of the 84 cells of b
    ndvi[4, 2:6, 14:18] = np.nan  # all 16 cells of blind
    mine.red, mine.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    mine.settings["aoi"] |= {"reference": ["r1"], "zones": {"a": {"role": "pit", "reference": ["r2"]}, "r2": {"role": "meadow"}}}
    mine.settings["trend"] = {"min_years": 5}
    results = mine.results
    made(mine, "planted", results)
    (row,) = rows_of(results)
    return mine, windows, row


def test_cover_is_the_mean_of_all_cells_valid_in_both_years_of_zones_that_are_no_reference(planted):
    mine, windows, row = planted
    cover = cover_of(mine)
    own = np.zeros((30, 40), bool)
    for name in ("a", "b", "blind"):
        r0, r1, c0, c1 = windows[name]
        own[r0:r1, c0:c1] = True
    both = own & np.isfinite(cover[0]) & np.isfinite(cover[4])
    assert (own.sum(), both.sum()) == (200, 142)
    first, last = cover[0][both].mean(), cover[4][both].mean()
    assert float(row["fvc_from"]) == pytest.approx(first, rel=1e-5)
    assert float(row["fvc_to"]) == pytest.approx(last, rel=1e-5)
    assert float(row["change_points"]) == pytest.approx(100 * (last - first), rel=1e-5)
    assert float(row["valid_both_pct"]) == pytest.approx(100 * 142 / 200, rel=1e-5)
    assert float(row["area_km2"]) == pytest.approx(0.02, rel=2e-3), "ground area: 0.08 % off in UTM"
    assert (row["zones"], row["first_year"], row["last_year"], row["synthetic"], row["variable"]) == ("3", "2020", "2024", "no", "fvc")


def test_the_reference_is_every_zone_that_one_is_compared_with(planted):
    mine, windows, row = planted
    change = cover_of(mine)[4] - cover_of(mine)[0]
    values = [change[r0:r1, c0:c1].ravel() for r0, r1, c0, c1 in (windows["r1"], windows["r2"])]
    assert float(row["reference_change_points"]) == pytest.approx(100 * np.concatenate(values).mean(), rel=1e-4)


def test_shares_are_those_of_the_cells_and_add_up_to_100(planted):
    _, _, row = planted
    counts = {"increase": 70, "decrease": 72, "insufficient": 30 + 12 + 16, "no_change": 0}
    for group, count in counts.items():
        assert float(row[f"{group}_pct"]) == pytest.approx(100 * count / 200, rel=1e-5), group
    assert row["water_pct"] == "", "composites do not tell it"
    assert sum(float(row[f"{group}_pct"]) for group in counts) == pytest.approx(100, rel=1e-9)
    assert float(row["significant_or_slight_increase_pct"]) == pytest.approx(35, rel=1e-5), "five rising years: p = 1/60"
    assert float(row["significant_or_slight_decrease_pct"]) == pytest.approx(36, rel=1e-5)


def test_the_smallest_p_is_that_of_the_zones_with_most_of_the_area(planted):
    assert float(planted[2]["p_min"]) == pytest.approx(2 / 120, rel=1e-9), "n = 5 in a and b; 4 in blind"


@pytest.mark.parametrize(
    ("aoi", "mine", "reference"),
    [
        ({"reference": [], "zones": {}}, "abc", ""),
        ({"reference": ["c"], "zones": {}}, "ab", "c"),
        ({"reference": ["c"], "zones": {"a": {"reference": ["b"]}, "b": {"reference": None}}}, "a", "bc"),
        ({"reference": ["a", "b", "c"], "zones": {}}, "", "abc"),
    ],
)
def test_zones_are_split_by_what_the_config_names_as_reference(aoi, mine, reference):
    assert split(list("abc"), aoi) == (list(mine), list(reference))


@pytest.fixture(scope="module")
def finished_mine(tmp_path_factory):
    """A finished small mine; copy it to change it."""
    mine = small(tmp_path_factory.mktemp("finished"))
    return made(mine, "a", mine.folder / "all")


@pytest.fixture
def results(finished_mine, tmp_path):
    """Return a results folder with the finished mine `a`."""
    shutil.copytree(finished_mine, tmp_path / "results" / "a")
    return tmp_path / "results"


def edit(folder, change):
    """Let a function change run.json of a mine."""
    path = folder / "run.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content)
    path.write_text(json.dumps(content), encoding="utf-8")


def test_overlapping_zones_count_twice_and_the_overlap_is_a_warning(tmp_path):
    mine = small(tmp_path)
    pit = mine.zones[0]
    mine.zones.append(("again", pit[1]))
    results = made(mine, "twice", tmp_path / "all").parent
    (row,) = rows_of(results)
    assert row["zones"] == "2"
    assert float(row["area_km2"]) == pytest.approx(0.08, rel=2e-3)
    assert row["warnings"] == "1"
    assert "overlap by 100 %" in page_of(results)


def test_a_mine_of_references_alone_has_no_numbers_of_its_own(results):
    edit(results / "a", lambda run: run["config"]["aoi"].update(reference=["pit", "background"]))
    (row,) = rows_of(results)
    assert (row["zones"], float(row["area_km2"])) == ("0", 0)
    assert {row[name] for name in ("fvc_from", "fvc_to", "change_points", "valid_both_pct", "increase_pct", "p_min")} == {""}
    assert row["reference_change_points"] != ""
    assert "nan" not in page_of(results).lower().replace("finance", "")


def test_without_a_reference_its_change_is_not_known(results):
    edit(results / "a", lambda run: run["config"]["aoi"].update(reference=[]))
    (row,) = rows_of(results)
    assert (row["zones"], row["reference_change_points"]) == ("2", "")


def test_the_first_period_of_the_config_is_shown_once_per_sensor(results, finished_mine):
    shutil.copytree(results / "a" / "sentinel-2", results / "a" / "second")

    def change(run):
        run["config"]["sensors"] |= {"second": run["config"]["sensors"]["sentinel-2"]}
        run["synthetic"] = ["second"]
        run["sha256"] |= {name.replace("sentinel-2", "second"): digest for name, digest in run["sha256"].items()}
        run["config"]["trend"]["periods"] = [[2020, 2024], [2021, 2023]]

    edit(results / "a", change)
    rows = rows_of(results)
    assert [(r["mine"], r["sensor"], r["synthetic"], r["first_year"]) for r in rows] == [("a", "sentinel-2", "no", "2020"), ("a", "second", "yes", "2020")]
    assert Parts(page_of(results)).text.count("synthetic, not observed") == 1


# ---------------------------------------------------------------- what users wrote


@pytest.mark.parametrize("title", HOSTILE, ids=ascii)
def test_a_title_is_inert_and_whole(results, title):
    plain = Parts(page_of(results)).tags if rows_of(results) else []
    edit(results / "a", lambda run: [run["config"].update(title=title), run["warnings"].append(f"zone {title}: odd")])
    (row,) = rows_of(results)
    assert row["title"].removeprefix("'" if title.startswith("=") else "") == title
    assert not row["title"].startswith("=")
    parts = Parts(page_of(results))
    assert title in parts.text
    assert f"zone {title}: odd" in parts.text
    assert set(parts.tags) == {*plain, "h2", "ul", "li"}
    assert not {"script", "img"} & set(parts.tags)
    assert not [name for name in parts.attributes if name.startswith("on")]


def test_the_page_asks_for_nothing_and_lets_no_script_in(results):
    rows_of(results)
    page = page_of(results)
    parts = Parts(page)
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', page)
    (style,) = re.findall(r"<style>(.*?)</style>", page, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    policy = policy.replace("&#39;", "'")
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert style == CSS
    assert "url(" not in style
    assert "://" not in page
    assert "style" not in parts.attributes, "the policy would drop it"
    assert {"script", "link", "img", "iframe"} & set(parts.tags) == set()
    home = SummaryFolder(results).root
    assert parts.links
    assert all((home / link).is_file() for link in parts.links)


def test_files_are_linked_where_they_are(results):
    (row,) = rows_of(results)
    assert row["report"] == ""
    for name in ("report.html", "tables.xlsx", "a.qgz"):
        (results / "a" / name).touch()
    (row,) = rows_of(results)
    assert row["report"] == "../a/report.html"
    assert Parts(page_of(results)).links == ["mines.csv", "mines.csv", "../a/report.html", "../a/tables.xlsx", "../a/a.qgz"]


def test_every_head_is_in_both_languages_and_has_its_cell(results):
    rows_of(results)
    page = page_of(results)
    for _, english, chinese in HEADS:
        assert f'{english}<br><small lang="zh">{chinese}</small>' in page
    assert page.count("<td") == page.count("<th ") == len(HEADS)


def test_the_page_shows_the_numbers_of_the_table_rounded(planted):
    mine, _, row = planted
    cells = re.findall(r"<td[^>]*>(.*?)</td>", page_of(mine.results), re.DOTALL)
    expected = [100 * float(row["fvc_from"]), 100 * float(row["fvc_to"]), float(row["change_points"]), float(row["reference_change_points"])]
    assert [float(cell) for cell in cells[5:9]] == pytest.approx(expected, abs=0.0501)
    shown = [float(row[f"{name}_pct"] or "nan") for name in (*SHARES, *TESTED)]
    assert [float(cell.replace("–", "nan")) for cell in cells[11:18]] == pytest.approx(shown, abs=0.0501, nan_ok=True)
    widths = [float(w) for w in re.findall(r'<rect class="\w+" x="[\d.]+" width="([\d.]+)"', page_of(mine.results))]
    assert sum(widths) == pytest.approx(100, abs=0.05)
    assert len(widths) == 3, "no part for a share of zero"


# ---------------------------------------------------------------- folders that do not fit


def not_listed(results):
    """Return what the page says of folders that are left out."""
    assert [row["mine"] for row in rows_of(results)] == ["a"]
    return Parts(page_of(results)).text.split("Not listed")[1]


def test_a_table_that_was_changed_after_its_run_is_left_out_with_the_reason(results, caplog):
    shutil.copytree(results / "a", results / "b")
    edit(results / "b", lambda run: run["config"].update(mine="b"))
    assert len(rows_of(results)) == 2
    table = results / "b" / "sentinel-2" / "fvc_change_by_zone.csv"
    table.write_text(table.read_text().replace("background", "Background"))
    assert "b: sentinel-2/fvc_change_by_zone.csv is not as its run left it" in not_listed(results)
    assert "b: left out of the summary" in caplog.text


def test_a_copy_of_a_mines_folder_under_another_name_is_left_out(results):
    shutil.copytree(results / "a", results / "a-2023")
    assert "a-2023: its run.json is of the mine a" in not_listed(results)


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\xff\xfe", b'{"config": null}', b'{"config": {"mine": "b"}}', b"null"])
def test_a_run_json_that_cannot_be_read_is_left_out(results, content):
    (results / "b").mkdir()
    (results / "b" / "run.json").write_bytes(content)
    assert "b: its tables cannot be read" in not_listed(results)


def test_unfinished_and_foreign_folders_are_no_mines(results):
    (results / "unfinished" / "sentinel-2").mkdir(parents=True)
    for name in ("summary", "Not-an-id", "a b"):
        (results / name).mkdir(exist_ok=True)
        (results / name / "run.json").write_text("{}")
    assert finished(results) == ["a"]
    assert finished(results / "nothing") == []


def test_a_folder_without_a_finished_mine_gives_an_empty_table(tmp_path):
    assert rows_of(tmp_path) == []
    assert "No finished mine" in page_of(tmp_path)


def test_a_folder_that_is_none_or_that_of_one_mine_is_refused(results, capsys):
    for folder, words in ((results / "a", "a mine's folder"), (results / "nothing", "no such folder")):
        before = sorted(results.rglob("*"))
        assert main(["summary", str(folder)]) == 2
        assert words in capsys.readouterr().err
        assert sorted(results.rglob("*")) == before


def test_verify_of_the_whole_folder_still_works(results, capsys):
    rows_of(results)
    assert main(["verify", str(results)]) == 0
    assert "every output is as the run left it" in capsys.readouterr().out


@pytest.mark.parametrize("change", ["edited", "a mine more", "a mine less"])
def test_verify_names_a_summary_that_does_not_say_what_the_tables_do(results, capsys, change):
    shutil.copytree(results / "a", results / "b")
    edit(results / "b", lambda run: run["config"].update(mine="b"))
    rows_of(results)
    if change == "edited":
        table = SummaryFolder(results).table
        table.write_text(table.read_text().replace(",fvc,", ",FVC,"))
    elif change == "a mine less":
        shutil.rmtree(results / "b")
    else:
        shutil.copytree(results / "a", results / "c")
        edit(results / "c", lambda run: run["config"].update(mine="c"))
    assert main(["verify", str(results)]) == 3
    (line,) = capsys.readouterr().out.splitlines()
    assert line.endswith(f"mines.csv; `minegreen summary {results}` makes it anew")
    assert main(["summary", str(results)]) == 0
    assert main(["verify", str(results)]) == 0
    assert main(["verify", str(results / "a")]) == 0


def test_no_mine_can_be_called_summary(small_mine, capsys, monkeypatch):
    small_mine.settings["mine"] = "summary"
    small_mine.write()
    with pytest.raises(BadInput) as caught:
        configs.load(small_mine.config)
    assert caught.value.field == "mine"
    assert "summary" in caught.value.found
    monkeypatch.chdir(small_mine.folder)
    assert main(["new", "summary", "--aoi", "aoi.gpkg"]) == 2
    assert "MINE" in capsys.readouterr().err
    assert not (small_mine.folder / "configs").exists()


def test_a_summary_folder_that_cannot_be_written_is_bad_input(small_mine):
    small_mine.write()
    small_mine.results.mkdir()
    (small_mine.results / "summary").write_text("a file")
    with pytest.raises(BadInput, match="summary"):
        plan.make([str(small_mine.config)], {"results": str(small_mine.results)})


def test_writers_of_one_summary_wait_for_each_other(results):
    done = []

    def write():
        done.append(main(["summary", str(results)]))

    thread = threading.Thread(target=write)
    with waiting(SummaryFolder(results).root):
        thread.start()
        thread.join(0.5)
        assert done == []
        shutil.copytree(results / "a", results / "b")
        edit(results / "b", lambda run: run["config"].update(mine="b"))
    thread.join(60)
    assert done == [0]
    assert listed(results) == ["a", "b"], "read after the lock was free"


def test_equal_mines_give_equal_bytes(results):
    rows_of(results)
    before = SummaryFolder(results).table.read_bytes(), SummaryFolder(results).page.read_bytes()
    rows_of(results)
    assert (SummaryFolder(results).table.read_bytes(), SummaryFolder(results).page.read_bytes()) == before


def test_summarise_reads_and_writes_nothing(results):
    before = {p: p.stat().st_mtime_ns for p in results.rglob("*")}
    assert len(summarise(results).rows) == 1
    assert {p: p.stat().st_mtime_ns for p in results.rglob("*")} == before


# ---------------------------------------------------------------- runs


def run(*mines, results):
    """Run the workflow on some mines as a user would, and return what it printed."""
    done = snakemake("--configfile", *[str(m) for m in mines], "--config", f"results={results}")
    assert done.returncode == 0, (done.stdout + done.stderr)[-3000:]
    return done.stdout + done.stderr


def listed(results):
    """Return the mines of the table as it lies there."""
    with SummaryFolder(results).table.open(encoding="utf-8", newline="") as handle:
        return [row["mine"] for row in csv.DictReader(handle)]


def config_of(mine, name):
    """Write a config of a small mine under another id."""
    path = mine.folder / f"{name}.yaml"
    path.write_text(yaml.safe_dump(mine.settings | {"mine": name}, allow_unicode=True), encoding="utf-8")
    return path


def test_mines_that_run_one_by_one_or_at_once_are_in_one_table(tmp_path):
    small_mine = small(tmp_path, years=(2022, 2023, 2024))  # as few jobs as can be: three whole runs
    small_mine.settings |= {"trend": {"min_years": 3}, "sensitivity": False}
    small_mine.write()
    results = small_mine.results
    a, b, c = (config_of(small_mine, name) for name in "abc")
    alone = run(a, results=results).rstrip().splitlines()[-1]
    assert alone == f"minegreen: a: tables: {MineFolder(results, 'a').workbook}"
    assert listed(results) == ["a"]
    command = [sys.executable, "-m", "snakemake", "--cores", "2", "--config", f"results={results}", "--configfile"]
    quiet = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "cwd": place(), "env": environment()}
    together = [subprocess.Popen([*command, str(config)], **quiet) for config in (b, c)]
    printed = [process.communicate(timeout=600)[0] for process in together]
    assert [process.returncode for process in together] == [0, 0], printed
    assert listed(results) == ["a", "b", "c"]
    assert main(["verify", str(results)]) == 0
    run(b, results=results)  # the summary once more, where the last of the two did not know of the other when it began
    again = run(a, results=results)
    assert "Nothing to be done" in again, "whichever mine runs, the summary is up to date"
    assert again.rstrip().splitlines()[-1] == f"minegreen: all mines: {results}/summary/index.html", "also where nothing had to be done"
    assert f"minegreen: a: QGIS project: {MineFolder(results, 'a').project}" in again
    assert f"{results}/b/b.qgz" not in again
    shutil.rmtree(results / "b")
    assert "Nothing to be done" not in run(a, results=results)
    assert listed(results) == ["a", "c"]


def test_a_dry_run_and_a_refused_run_write_no_summary(small_mine):
    small_mine.write()
    done = snakemake("--dry-run", "--configfile", str(small_mine.config), "--config", f"results={small_mine.results}")
    assert done.returncode == 0
    assert re.search(r"^summary\s+1", done.stdout + done.stderr, re.MULTILINE)
    assert "minegreen: small:" not in done.stdout + done.stderr
    assert not small_mine.results.exists()
