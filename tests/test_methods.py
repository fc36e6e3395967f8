"""Restoration methods compared over mines: numbers from pixels, weights that differ, mines without the key, hostile names, the page and its figure."""

import csv
import html
import json
import re
import shutil
import xml.etree.ElementTree as ET

import numpy as np
import pytest
import yaml
from conftest import SmallMine
from shapely.geometry import box

from pipeline import config as configs
from pipeline.__main__ import main
from pipeline.columns import COLUMNS
from pipeline.config_methods import Weights
from pipeline.errors import BadInput
from pipeline.evaluation.indicators import INDICATORS, KEYS, Placed
from pipeline.evaluation.methodstable import EFFECT_COLUMNS, METHOD_COLUMNS, common_weights, compare
from pipeline.evaluation.methodzones import MethodZone, takes_part
from pipeline.layout import SummaryFolder
from pipeline.methodschart import dots
from pipeline.methodspage import section

NAN = float("nan")
YEARS = tuple(range(2017, 2025))
SHARED = np.array([0.0, 0.02, -0.02, 0.03, -0.03, 0.04, -0.01, 0.02])  # of NDVI: good and bad years
AFTER = np.arange(8) >= 4  # restored in June 2020: that season is partial
ZONES = {"a1": 0.10, "a2": 0.14, "b1": 0.24, "b2": 0.28, "c1": 0.18, "bare": 0.0}  # what restoration adds to NDVI
MEASURES = {"a1": ["manure"], "a2": ["manure"], "b1": ["manure", "seed"], "b2": [" seed", "manure"], "c1": ["seed"]}
WEIGHTS = {"gain": 2, "stability": 1}
SLOPES = {"a1": 0.001, "b2": 0.004}


def ndvi_of(zone, extra=0.0):
    """Return planted NDVI per year."""
    if zone == "ref":
        return 0.65 + SHARED
    rise = SLOPES.get(zone, 0.0) * np.maximum(np.arange(8) - 4, 0)
    return 0.25 + 0.8 * SHARED + np.where(AFTER, ZONES[zone] + extra, 0.0) + rise


def mine_of(folder, name, results, extra=0.0, **settings):
    """Run a mine of six zones of 6 x 6 cells and a reference; return its folder in `results`."""
    folder.mkdir(parents=True)
    mine = SmallMine(folder, years=YEARS)
    ndvi = np.full((8, 30, 40), 0.3)
    mine.zones = []
    for i, zone in enumerate([*ZONES, "ref"]):
        r0, c0 = 2 + 8 * (i // 4), 2 + 8 * (i % 4)
        ndvi[:, r0 : r0 + 6, c0 : c0 + 6] = ndvi_of(zone, extra)[:, None, None]
        mine.zones.append((zone, box(mine.west + 10 * c0, mine.north - 10 * (r0 + 6), mine.west + 10 * (c0 + 6), mine.north - 10 * r0)))
    mine.red, mine.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    facts = {zone: {"restored": "2020-06", "measures": MEASURES.get(zone, [])} for zone in ZONES}
    mine.settings |= {"mine": name, "recovery": {"least_gap": 0.05}, "sensitivity": False, "uncertainty": False, "methods": {"weights": WEIGHTS}}
    mine.settings["aoi"] |= {"reference": ["ref"], "zones": facts}
    mine.settings = {k: v for k, v in (mine.settings | settings).items() if v is not None}
    root = mine.run().parent
    config = [str(mine.config), "--results", str(mine.results)]
    if "recovery" in mine.settings:
        assert main(["recovery", config[0], "--sensor", "sentinel-2", *config[1:]]) == 0
    assert main(["manifest", *config]) == 0
    shutil.copytree(root, results / name)
    return results / name


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Return a results folder with two finished mines; restoration adds 0.04 more in the second."""
    folder = tmp_path_factory.mktemp("methods")
    mine_of(folder / "m", "m", folder / "results")
    mine_of(folder / "n", "n", folder / "results", extra=0.04)
    return folder / "results"


@pytest.fixture
def results(two, tmp_path):
    """Return a copy of the two mines, to be changed."""
    shutil.copytree(two, tmp_path / "results")
    return tmp_path / "results"


def read(path):
    """Return the rows of a table as text."""
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def made(results):
    """Write the summary; return the rows of both tables."""
    assert main(["summary", str(results)]) == 0
    folder = SummaryFolder(results)
    rows, told = read(folder.methods), read(folder.effects)
    assert all(tuple(r) == METHOD_COLUMNS for r in rows)
    assert all(tuple(r) == EFFECT_COLUMNS for r in told)
    return rows, told


def one(rows, **cells):
    """Return the only row with these cells."""
    (found,) = [r for r in rows if all(r[k] == v for k, v in cells.items())]
    return found


def edit(results, mine, change):
    """Let a function change the config in run.json of a mine."""
    path = results / mine / "run.json"
    content = json.loads(path.read_text(encoding="utf-8"))
    change(content["config"])
    path.write_text(json.dumps(content), encoding="utf-8")


# ---------------------------------------------------------------- numbers


def expected(zone, extra):
    """Return value and position of the indicators of a zone from the planted NDVI, by plain numpy."""
    x, r = ((ndvi_of(z, extra) - 0.05) / 0.81 for z in (zone, "ref"))
    before, after = np.arange(8) < 3, AFTER
    start, d = x[before].mean(), x - r
    change = d[after].mean() - d[before].mean()
    years = np.arange(8.0)[after]
    own, other = (np.std(v - np.polyval(np.polyfit(years, v, 1), years)) * np.sqrt(4 / 2) for v in (d[after], r[after]))
    slope = np.median([(d[j] - d[i]) / (j - i) for i in range(8) for j in range(i + 1, 8)])
    return {
        "cover": (x[after].mean(), (x[after].mean() - start) / (r[after].mean() - start)),
        "gain": (change, change / -d[before].mean()),
        "completeness": ((x[7] - start) / (r[7] - start),) * 2,
        "stability": (own, (other - own) / (other + own)),
        "relative_trend": (slope, slope * 7 / -d[0]),
    }


@pytest.mark.parametrize("zone", MEASURES)
@pytest.mark.parametrize("mine, extra", [("m", 0.0), ("n", 0.04)])
def test_a_zone_is_placed_as_its_planted_series_say(two, mine, extra, zone):
    rows, _ = made(two)
    for key, (value, position) in expected(zone, extra).items():
        row = one(rows, level="zone", mine=mine, zone=zone, indicator=key)
        assert float(row["value"]) == pytest.approx(value, abs=2e-5), key
        assert float(row["position"]) == pytest.approx(position, abs=2e-4), key
    groups = read(two / mine / "sentinel-2" / "trend_groups_by_zone.csv")
    net = sum(s * float(one(groups, zone=zone, level="zone", target="relative", group=g)["share_pct"]) for g, s in (("increase", 1), ("decrease", -1)))
    row = one(rows, level="zone", mine=mine, zone=zone, indicator="trend_shares")
    assert (float(row["value"]), float(row["position"])) == pytest.approx((net, net / 100))


def test_methods_pool_the_zones_of_both_mines(two):
    rows, _ = made(two)
    assert {r["method"]: r["method_zones"] for r in rows if r["level"] == "method"} == {"manure": "4", "manure + seed": "4", "seed": "2"}
    for key in ("gain", "stability"):
        own = [expected(z, extra)[key][1] for z in ("b1", "b2") for extra in (0.0, 0.04)]
        row = one(rows, level="method", method="manure + seed", indicator=key)
        assert float(row["position"]) == pytest.approx(np.mean(own), abs=2e-4)
        half = 2.3534 * np.std(own, ddof=1) / 2  # t of 3 degrees of freedom
        assert (float(row["position_low"]), float(row["position_high"])) == pytest.approx((np.mean(own) - half, np.mean(own) + half), abs=1e-3)
        assert float(row["weight"]) == pytest.approx({"gain": 2 / 3, "stability": 1 / 3}[key])
    assert one(rows, level="method", method="seed", indicator="cover")["weight"] == ""


def test_the_score_is_the_weighted_mean_and_ranks_the_methods(two):
    rows, _ = made(two)
    for name, zones in {"manure": ("a1", "a2"), "manure + seed": ("b1", "b2"), "seed": ("c1",)}.items():
        own = [(2 * expected(z, e)["gain"][1] + expected(z, e)["stability"][1]) / 3 for z in zones for e in (0.0, 0.04)]
        row = one(rows, level="method", method=name, indicator="score")
        assert float(row["value"]) == pytest.approx(np.mean(own), abs=2e-4)
        assert row["zones_used"] == str(len(own))
        assert row["rank"] == {"manure": "3", "manure + seed": "1", "seed": "2"}[name]
        assert int(row["rank_low"]) <= int(row["rank"]) <= int(row["rank_high"])


def test_effects_have_the_mine_as_a_block_and_a_pair_beyond_the_sum(two):
    """All three kinds stand in both mines, but no zone without measures: seed and manure are told, their pair is not."""
    _, told = made(two)
    for name in ("manure", "seed"):
        row = one(told, indicator="gain", restoration_measure=name, with_measure="")
        assert (row["identified"], row["zones_used"], row["zones_given"]) == ("yes", "10", {"manure": "8", "seed": "6"}[name])
        x = [[e == 0, e > 0, "manure" in ms, "seed" in ms] for e in (0.0, 0.04) for ms in ([m.strip() for m in v] for v in MEASURES.values())]
        y = [expected(z, e)["gain"][1] for e in (0.0, 0.04) for z in MEASURES]
        solution = np.linalg.lstsq(np.array(x, float), np.array(y))[0]
        assert float(row["effect"]) == pytest.approx(solution[{"manure": 2, "seed": 3}[name]], abs=2e-4)
        assert float(row["effect_low"]) < float(row["effect"]) < float(row["effect_high"])
    pair = one(told, indicator="gain", restoration_measure="manure", with_measure="seed")
    assert (pair["identified"], pair["effect"], pair["freedom"]) == ("no", "", "")
    assert pair["note"] == "its zones follow from manure and seed: both together cannot be told from each alone"
    assert {r["indicator"] for r in told} == {*KEYS, "score"}


def test_a_zone_without_measures_and_the_reference_are_no_methods(two):
    rows, _ = made(two)
    assert [(r["mine"], r["zone"], r["note"], r["method"]) for r in rows if r["zone"] == "bare"] == [(m, "bare", "no measures given", "") for m in "mn"]
    assert not [r for r in rows if r["zone"] == "ref"]


# ---------------------------------------------------------------- weights


def test_weights_that_differ_refuse_the_score_and_nothing_else(results):
    before, _ = made(results)
    edit(results, "n", lambda c: c["methods"].update(weights={"gain": 1, "stability": 1}))
    rows, told = made(results)
    scores = [r for r in rows if r["indicator"] == "score"]
    assert scores
    for r in scores:
        assert (r["value"], r["rank"]) == ("", "")
        assert r["note"].startswith("no score: the weights differ between mines (m: gain 0.667, stability 0.333; n: gain 0.5, stability 0.5)")
    positions = [[r["position"] for r in table if r["indicator"] != "score"] for table in (before, rows)]
    assert positions[0] == positions[1]
    assert "score" not in {r["indicator"] for r in told}
    page = SummaryFolder(results).page.read_text(encoding="utf-8")
    assert "No score: the weights differ between mines" in page
    assert "没有得分：各矿区的权重不同" in page


def test_a_mine_without_the_key_has_indicators_and_no_score(results):
    edit(results, "n", lambda c: c.update(methods=None))
    rows, _ = made(results)
    row = one(rows, level="method", method="manure", indicator="score")
    assert (row["method_zones"], row["zones_used"]) == ("4", "2")
    assert row["note"] == "2 of 4 zones left out: no score: its mine gives no weights (key `methods`)"
    assert one(rows, level="method", method="manure", indicator="gain")["zones_used"] == "4"
    assert one(rows, level="method", method="seed", indicator="score")["rank_low"] == "", "one zone with a score"


def test_without_any_weights_there_are_indicators_only(results):
    for mine in "mn":
        edit(results, mine, lambda c: c.update(methods=None))
    rows, told = made(results)
    assert all(r["note"] == "no score: no mine gives weights (key `methods`)" for r in rows if r["indicator"] == "score")
    assert {r["indicator"] for r in told} == set(KEYS)
    assert "No score: no mine gives weights" in SummaryFolder(results).page.read_text(encoding="utf-8")


def test_the_ratios_of_weights_count(results):
    before, _ = made(results)
    edit(results, "n", lambda c: c["methods"].update(weights={k: 10 * w for k, w in WEIGHTS.items()}))
    assert made(results)[0] == before


@pytest.mark.parametrize(
    "weights, says",
    [({}, "no weight above 0"), ({"cover": 0}, "no weight above 0"), ({"cover": -1, "gain": 2}, "greater than or equal to 0"), ({"height": 1}, "height")],
)
def test_weights_that_weigh_nothing_are_bad_input(tmp_path, weights, says):
    mine = SmallMine(tmp_path)
    mine.settings["methods"] = {"weights": weights}
    with pytest.raises(BadInput) as caught:
        configs.load(mine.write())
    assert says in str(caught.value)
    assert main(["check", str(mine.config)]) == 2


def test_weights_are_those_of_the_indicators():
    assert tuple(Weights.model_fields) == KEYS
    assert set(configs.Config.model_fields["methods"].annotation.__args__[0].model_fields) == {"weights"}


def test_weights_that_all_mines_share():
    same = {"gain": 1.0, "cover": 0.0}
    assert common_weights({"a": same, "b": {"gain": 5.0}})[0] == {"gain": 1.0}
    assert common_weights({"a": None, "b": None}) == (None, common_weights({})[1])


# ---------------------------------------------------------------- what lacks


def test_without_recovery_only_the_trend_has_values(tmp_path):
    root = mine_of(tmp_path / "m", "m", tmp_path / "results", recovery=None).parent
    rows, told = made(root)
    valued = {r["indicator"] for r in rows if r["value"]}
    assert valued == {"trend_shares", "relative_trend"}
    assert not any(r["position"] for r in rows)
    assert "the key `recovery` is not in the config" in one(rows, level="zone", zone="a1", indicator="gain")["note"]
    assert {r["identified"] for r in told} == {"no"}
    assert {r["note"] for r in told if not r["with_measure"]} == {"no zone with a value"}
    page = SummaryFolder(root).page.read_text(encoding="utf-8")
    assert page.count("not known 未知") == 18, "three methods, six indicators, no score"


def test_a_zone_whose_value_has_no_interval_says_why(results):
    rows, _ = made(results)
    bare = [r for r in rows if r["level"] == "zone" and r["indicator"] != "score" and r["value"] and not r["low"]]
    assert {"stability", "trend_shares"} <= {r["indicator"] for r in bare}
    assert all("no interval" in r["note"] for r in bare)
    assert not [r for r in rows if r["level"] == "zone" and r["low"] and "no interval" in r["note"]]


def test_without_a_least_gap_no_position_on_a_gap(results):
    for mine in "mn":
        edit(results, mine, lambda c: c["recovery"].update(least_gap=None))
    rows, _ = made(results)
    assert {r["indicator"] for r in rows if r["position"]} == {"stability", "completeness"}, "completeness stands in recovery_by_zone.csv already"
    assert one(rows, level="zone", mine="m", zone="a1", indicator="gain")["note"].startswith("recovery.least_gap is not given")


def test_mines_without_measures_and_weights_write_headers_only(results):
    def bare(config):
        config.update(methods=None)
        for facts in config["aoi"]["zones"].values():
            facts["measures"] = []

    for mine in "mn":
        edit(results, mine, bare)
    assert made(results) == ([], [])
    assert "methods.csv" not in SummaryFolder(results).page.read_text(encoding="utf-8")
    assert not takes_part({"aoi": {"zones": {}}}), "a run.json of an earlier version"
    assert takes_part({"methods": {"weights": WEIGHTS}, "aoi": {"zones": {}}})


def test_a_changed_table_leaves_the_mine_out(results):
    table = results / "n" / "sentinel-2" / "recovery_by_zone.csv"
    table.write_text(table.read_text(encoding="utf-8").replace("after", "before"), encoding="utf-8")
    rows, _ = made(results)
    assert {r["mine"] for r in rows} == {"", "m"}
    assert "recovery_by_zone.csv is not as its run left it" in SummaryFolder(results).page.read_text(encoding="utf-8")


def test_verify_names_tables_that_are_older_than_the_mines(results, capsys):
    made(results)
    capsys.readouterr()
    assert main(["verify", str(results)]) == 0
    table = SummaryFolder(results).methods
    table.write_text(table.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert main(["verify", str(results)]) == 3
    assert "older than the mines: methods.csv;" in capsys.readouterr().out


def test_variables_and_sensors_are_not_mixed(results):
    edit(results, "n", lambda c: c["trend"].update(variable="ndvi"))
    rows, _ = made(results)
    assert {(r["variable"], r["mine"]) for r in rows if r["level"] == "zone"} == {("fvc", "m"), ("ndvi", "n")}
    assert {r["method_zones"] for r in rows if r["method"] == "manure" and r["level"] == "method"} == {"2"}


# ---------------------------------------------------------------- what users wrote, and the page


HOSTILE = ["<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")', "a, \"b\" 'c'\nd", "{{ 7 * 7 }}", "羊粪" * 60]


@pytest.mark.parametrize("name", HOSTILE, ids=ascii)
def test_a_measure_is_inert_and_whole(results, name):
    def rename(config):
        for facts in config["aoi"]["zones"].values():
            facts["measures"] = [name if m == "manure" else m for m in facts["measures"]]

    for mine in "mn":
        edit(results, mine, rename)
    rows, told = made(results)
    assert name in {r["method"].removeprefix("'") for r in rows}
    assert name in {r["restoration_measure"].removeprefix("'") for r in told}
    assert not any(r["method"].startswith("=") for r in rows)
    page = SummaryFolder(results).page.read_text(encoding="utf-8")
    assert "<img" not in page
    assert "49" not in re.findall(r"<td><bdi>(.*?)</bdi>", page)
    figure = ET.fromstring(re.search(r"<svg viewBox.*?</svg>", page, re.DOTALL)[0])
    assert name in {t.text for t in figure.iter("{http://www.w3.org/2000/svg}title")}


def test_the_page_has_the_numbers_of_the_table(two):
    rows, _ = made(two)
    page = SummaryFolder(two).page.read_text(encoding="utf-8")
    part = page.split("Restoration methods compared")[1]
    cells = re.findall(r"<td>(.*?)</td>", part.split("</table>")[0], re.DOTALL)
    assert len(cells) == 3 * (4 + len(KEYS))
    assert [c for c in cells if c.startswith("<bdi>")] == ["<bdi>manure</bdi>", "<bdi>manure + seed</bdi>", "<bdi>seed</bdi>"]
    gain = one(rows, level="method", method="manure", indicator="gain")
    assert cells[3].startswith(f"{float(gain['position']):.2f} ({float(gain['position_low']):.2f}")
    assert cells[9].startswith("3 (")
    assert "No measures given, so not compared: m: bare, n: bare." in part
    assert "Weights of the score, of 1 in all: gain 0.667, stability 0.333." in part
    for indicator in INDICATORS:
        for text in (indicator.name, indicator.formula, indicator.zero, indicator.one):
            assert html.escape(text.en, quote=True).replace("&#x27;", "&#39;") in part
            assert text.zh in part
    assert "://" not in page.replace('xmlns="http://www.w3.org/2000/svg"', "")
    assert "style=" not in page


def placed(**positions):
    """Return indicators of these positions, the others not known."""
    return {key: Placed(positions.get(key, NAN), position=positions.get(key, NAN)) for key in KEYS}


def zones_of(*rows):
    """Return zones of one mine from (zone, measures, positions)."""
    return [MethodZone("m", name, "s2", "fvc", frozenset(measures), placed(**positions), {"gain": 1.0}) for name, measures, positions in rows]


def test_the_figure_marks_what_lies_beyond_its_axis_and_what_is_not_known():
    found = compare(zones_of(("x", "a", {"gain": 7.5, "cover": 0.5}), ("y", "b", {"gain": -4.0})))
    figure = ET.fromstring(dots([r for r in found.rows if r["level"] == "method"], "t"))
    svg = "{http://www.w3.org/2000/svg}"
    words = [t.text for t in figure.iter(f"{svg}text")]
    assert len(list(figure.iter(f"{svg}path"))) == 4, "gain and score of both"
    assert len(list(figure.iter(f"{svg}circle"))) == 1
    assert {"7.50", "-4.00", "0.50"} <= set(words)
    assert words.count("not known 未知") == 4 + 5
    box = [float(v) for v in figure.get("viewBox").split()]
    for t in figure.iter(f"{svg}text"):
        assert 0 <= float(t.get("x")) <= box[2]
        assert 0 <= float(t.get("y")) <= box[3]


def test_dots_lie_where_their_positions_say():
    found = compare(zones_of(("x", "a", {"gain": 0.0}), ("y", "b", {"gain": 1.0}), ("z", "c", {"gain": 0.25})))
    figure = ET.fromstring(dots([r for r in found.rows if r["level"] == "method"], "t"))
    svg = "{http://www.w3.org/2000/svg}"
    at = [float(c.get("cx")) for c in figure.iter(f"{svg}circle")]
    axis = [float(line.get("x1")) for line in figure.iter(f"{svg}line")][:2]
    assert at[:2] == pytest.approx(axis)
    assert at[2] == pytest.approx(axis[0] + 0.25 * (axis[1] - axis[0]), abs=0.1)


def test_weights_on_what_no_zone_has_are_told():
    lacking = section(compare(zones_of(("x", "a", {"cover": 0.5}))))
    assert "No zone has a score: each lacks a position that has a weight." in lacking
    assert "没有分区有得分" in lacking
    assert "No zone has a score" not in section(compare(zones_of(("x", "a", {"gain": 0.5}))))


def test_nothing_compared_says_nothing():
    assert section(compare([])) == ""
    silent = compare([MethodZone("m", "x", "s2", "fvc", frozenset(), placed())])
    assert [r["note"] for r in silent.rows] == ["no measures given"]
    assert "No measures given, so not compared: m: x." in section(silent)


def test_every_column_has_a_meaning_in_both_languages():
    for name in (*METHOD_COLUMNS, *EFFECT_COLUMNS):
        assert COLUMNS[name].meaning
        assert COLUMNS[name].meaning_zh


def test_the_key_changes_run_json_alone(tmp_path):
    from pipeline.provenance import READS, options

    mine = SmallMine(tmp_path)
    without = configs.load(mine.write())
    mine.settings["methods"] = {"weights": {"gain": 1}}
    given = configs.load(mine.write_config())
    assert yaml.safe_load(mine.config.read_text())["methods"]
    changed = {stage for stage in READS if options(without, stage, "sentinel-2") != options(given, stage, "sentinel-2")}
    assert changed == {"manifest"}
