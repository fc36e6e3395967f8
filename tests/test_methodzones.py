"""Zones as methods are compared by: hand-made tables in, indicators out; and what the rows of methods say of zones left out."""

import math

import pytest

from pipeline.evaluation.indicators import KEYS, Placed
from pipeline.evaluation.methodstable import compare
from pipeline.evaluation.methodzones import RECOVERY, MethodZone, method_zones
from pipeline.methodspage import section

NAN = float("nan")
YEARS = ("2020", "2021", "2022", "2023")
PHASES = ("before", "works", "after", "after")


def config(**changes):
    """Return the config of a run.json, as far as the comparison reads it."""
    return {
        "mine": "m",
        "years": {"first": 2020, "last": 2023},
        "aoi": {"reference": ["r"], "zones": {"z": {"measures": ["manure", " seed ", "manure", " "], "restored": "2021-09"}}},
        "trend": {"variable": "fvc", "periods": [[2020, 2023], [2021, 2023]]},
        "recovery": {"least_gap": 0.1, "level": 0.9, "sensors": None},
        "methods": {"weights": {"gain": 1.0}},
    } | changes


def recovery_rows(x=("0.2", "0.9", "0.4", "0.6"), r=("0.8", "0.8", "0.8", "0.9"), restored="2021-09"):
    """Return rows of recovery_by_zone.csv as text."""
    common = [{"zone": "z", "restored": restored, "year": y, "phase": p} for y, p in zip(YEARS, PHASES, strict=True)]
    told = [("0", "-0.1", "0.1"), ("", "", ""), ("0.333", "0.2", "0.5"), ("0.571", "0.4", "0.7")]
    rows = [c | {"measure": "difference", "zone_value": a, "reference_value": b} for c, a, b in zip(common, x, r, strict=True)]
    rows += [c | {"measure": "completeness", "value": v, "low": a, "high": b} for c, (v, a, b) in zip(common, told, strict=True)]
    return [*rows, {"zone": "z", "restored": restored, "year": "", "measure": "baci", "value": "9"}, {"zone": "other", "measure": "difference"}]


def trend_tables():
    """Return rows of the two trend tables; those of another period, target or level must not be taken."""
    groups = []
    for group, share in (("increase", "70"), ("decrease", "10")):
        row = {"zone": "z", "level": "zone", "target": "relative", "first_year": "2020", "last_year": "2023", "group": group, "share_pct": share}
        wrong = [row | {"level": "role"}, row | {"target": "absolute"}, row | {"first_year": "2021"}, row | {"zone": "y"}]
        groups += [*(w | {"share_pct": "99"} for w in wrong), row]
    slope = {"zone": "z", "target": "relative", "first_year": "2020", "last_year": "2023", "slope": "0.1", "slope_low": "0.05", "slope_high": "0.15"}
    return {"trend_groups_by_zone": groups, "trend_by_zone": [slope | {"target": "absolute", "slope": "9"}, slope]}


def zone(tables=None, **changes):
    """Return the only zone of the hand-made mine."""
    (found,) = method_zones(config(**changes), "s2", ["z"], trend_tables() | {RECOVERY: recovery_rows()} if tables is None else tables)
    return found


def test_a_zone_is_read_from_its_own_rows():
    found = zone()
    assert (found.mine, found.zone, found.sensor, found.variable, found.weights) == ("m", "z", "s2", "fvc", {"gain": 1.0})
    assert found.indicators["cover"].value == pytest.approx(0.5), "the year of works is not after"
    assert found.indicators["cover"].position == pytest.approx(0.3 / 0.65)
    assert found.indicators["gain"].value == pytest.approx(-0.35 + 0.6)
    assert found.indicators["completeness"] == Placed(0.571, 0.4, 0.7, 0.571)
    assert (found.indicators["trend_shares"].value, found.indicators["trend_shares"].position) == (60.0, 0.6)
    assert found.indicators["relative_trend"] == Placed(0.1, 0.05, 0.15, pytest.approx(0.1 * 3 / 0.6))
    assert found.indicators["stability"].reason.en.startswith("fewer than 4 years")


def test_measures_are_a_set_of_texts_without_the_blanks_around_them():
    assert zone().measures == {"manure", "seed"}
    assert zone().method == "manure + seed"
    assert zone(aoi={"reference": [], "zones": {}}).measures == frozenset()


def test_the_first_period_counts_and_without_periods_all_years():
    assert zone(trend={"variable": "ndvi", "periods": None}).indicators["trend_shares"].value == 60
    second = zone(trend={"variable": "fvc", "periods": [[2021, 2023]]})
    assert second.indicators["relative_trend"].reason.en == "the slope of the zone minus its reference is not known"


def test_intervals_of_another_level_are_not_taken_for_ours():
    found = zone(recovery={"least_gap": 0.1, "level": 0.8, "sensors": None}).indicators["completeness"]
    assert (found.value, found.position) == (0.571, 0.571)
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_without_a_date_before_and_after_are_not_compared():
    tables = trend_tables() | {RECOVERY: recovery_rows(restored="")}
    found = zone(tables)
    assert {found.indicators[k].reason.en for k in ("cover", "gain", "completeness", "stability")} == {"no date of restoration"}
    assert found.indicators["relative_trend"].position == pytest.approx(0.5)


def test_gaps_in_the_series_stay_gaps():
    tables = trend_tables() | {RECOVERY: recovery_rows(x=("", "0.9", "0.4", "0.6"))}
    assert zone(tables).indicators["gain"].reason.en.startswith("no year before restoration")
    assert zone(tables).indicators["relative_trend"].reason.en.startswith("at the start of the period"), "in 2021 the zone lay above its reference"


def test_a_mine_of_an_earlier_version_has_neither_key():
    old = {k: v for k, v in config().items() if k not in ("recovery", "methods")}
    (found,) = method_zones(old, "s2", ["z"], trend_tables())
    assert found.weights is None
    assert found.indicators["gain"].reason.en.startswith("no series of the zone and its reference")


def test_a_sensor_that_the_key_leaves_out_is_named_as_a_reason():
    found = zone(trend_tables(), recovery={"least_gap": 0.1, "level": 0.9, "sensors": ["l8"]}).indicators["trend_shares"]
    assert found.reason.en.endswith("is not in the config, or its `sensors` leave this one out, or the zone has no reference")
    assert "或其 `sensors` 不含该传感器" in found.reason.zh


def test_the_date_of_restoration_is_that_of_the_zone():
    assert zone().restored == "2021-09"
    assert zone(aoi={"reference": [], "zones": {}}).restored is None


# Rows of methods


def made(*positions, weights=None):
    """Return the rows of one method from the gains of its zones."""
    zones = [
        MethodZone("m", f"z{i}", "s2", "fvc", frozenset({"a"}), {k: Placed(p, position=p) for k in KEYS} | {"gain": Placed(p, position=p)}, weights)
        for i, p in enumerate(positions)
    ]
    return {r["indicator"]: r for r in compare(zones).rows if r["level"] == "method"}


def test_rows_say_which_zones_are_left_out_and_why_there_is_no_interval():
    assert made(0.5, 0.7)["gain"]["note"] is None
    assert made(0.5)["gain"]["note"] == "one zone: no interval"
    assert made(0.5, 0.5)["gain"]["note"] == "no spread between zones: no interval"
    assert made(0.5, NAN)["gain"]["note"].startswith("1 of 2 zones left out")


def of(*zones, weights=None):
    """Return the comparison of zones of (mine, measures, restored, value, position), which are those of every indicator."""
    return compare(
        [MethodZone(m, f"z{i}", "s2", "fvc", frozenset(ms), {k: Placed(v, position=p) for k in KEYS}, weights, r) for i, (m, ms, r, v, p) in enumerate(zones)]
    )


def test_a_note_says_which_number_it_is_about():
    """Two zones have a value, one of them a position."""
    rows = {(r["level"], r["indicator"]): r for r in of(("m", "a", None, 0.2, 0.5), ("m", "a", None, 0.4, NAN)).rows}
    row = rows["method", "trend_shares"]
    assert (row["zones_used"], row["method_zones"], row["value"], row["position"]) == (1, 2, pytest.approx(0.3), 0.5)
    assert not math.isnan(row["low"])
    assert row["note"] == "1 of 2 zones left out of the position: ; one zone: no interval of the position"
    (row,) = [r for r in of(("m", "a", None, 0.2, NAN)).rows if r["level"] == "method" and r["indicator"] == "gain"]
    assert row["note"] == "1 of 1 zones left out of the position: ; one zone: no interval of the value"
    (row,) = [r for r in of(("m", "a", None, 0.2, 0.1), ("m", "a", None, 0.2, 0.3)).rows if r["level"] == "method" and r["indicator"] == "gain"]
    assert row["note"] == "no spread between zones: no interval of the value"


def test_a_score_of_fewer_zones_than_that_of_another_says_so():
    found = of(*(("m", m, None, p, p) for m, p in (("a", 0.5), ("a", 0.6), ("b", 0.3), ("b", NAN))), weights={"gain": 1.0})
    scores = {r["method"]: r for r in found.rows if r["level"] == "method" and r["indicator"] == "score"}
    assert scores["a"]["note"] is None
    assert scores["b"]["note"].endswith("one zone: no interval; score of 1 zone, that of another method of 2")


def test_age_is_named_in_an_effect_whose_zones_were_restored_in_other_years():
    zones = [("m", "ab", "2020-06", 0.5, 0.5), ("m", "b", "2021-06", 0.2, 0.2), ("m", "ab", "2020", 0.7, 0.7), ("m", "b", "2021-09", 0.3, 0.3)]
    told = {(e["restoration_measure"], e["with_measure"]): e for e in of(*zones).effects if e["indicator"] == "gain"}
    assert told["a", None]["identified"] == "yes" and told["a", None]["effect"] == pytest.approx(0.35)
    assert told["a", None]["note"] == "its zones were restored in 2020.0 on average, the others in 2021.0: age is in the effect"
    assert told["b", None]["identified"] == "no" and "age" not in told["b", None]["note"]
    same = [(*z[:2], "2020-06", *z[3:]) for z in zones]
    assert not [e for e in of(*same).effects if "age" in (e["note"] or "")]
    undated = [(*z[:2], z[2] if "a" in z[1] else None, *z[3:]) for z in zones]
    assert not [e for e in of(*undated).effects if "age" in (e["note"] or "")], "of the others nothing is known"
    alone = [e for e in of(*zones[:2]).effects if e["indicator"] == "gain" and e["restoration_measure"] == "a"][0]
    assert alone["note"] == "as many unknowns as zones: no interval; its zones were restored in 2020.0 on average, the others in 2021.0: age is in the effect"


def test_age_is_compared_in_mines_that_tell_the_effect():
    """All of mine n lack the measure and are old: as a block it says nothing of the effect, nor of the age in it."""
    zones = [("m", "ab", "2020", 0.5, 0.5), ("m", "b", "2020", 0.2, 0.2), ("n", "b", "2006", 0.2, 0.2), ("n", "b", "2006", 0.4, 0.4)]
    (found,) = [e for e in of(*zones).effects if (e["indicator"], e["restoration_measure"], e["with_measure"]) == ("gain", "a", None)]
    assert (found["identified"], found["note"]) == ("yes", None)


def test_the_page_says_of_how_many_zones_numbers_are_and_that_age_counts():
    zones = [("m", "a", "2020-06", 0.5, 0.5), ("m", "a", "2021-06", 0.6, NAN), ("m", "b", "2022-06", 0.3, 0.3), ("m", "b", "2022-06", 0.2, 0.2)]
    found = of(*zones, weights={"gain": 1.0})
    page = section(found)
    assert "<td>0.50 (1 of 2)</td>" in page and ">0.50 (1 of 2)</text>" in page
    assert "(2 of 2)" not in page
    assert "<td>1 (no interval 无区间)</td>" in page
    assert "Scores rest on different numbers of zones, and that of fewer zones is known less well: a: 1; b: 2." in page
    assert "各方法得分所依据的分区数不同，分区较少者把握较小：a：1；b：2。" in page
    assert "(2020-06 to 2022-06)" in page and "age counts as method" in page and "（2020-06 至 2022-06）" in page and "年限之差" in page
    same = section(of(*((*z[:2], "2020-06", *z[3:4], 0.5) for z in zones), weights={"gain": 1.0}))
    assert "age counts" not in same and "Scores rest" not in same and "no interval 无区间" not in same


def test_a_missing_position_with_a_weight_costs_the_score_and_is_named():
    weights = {"gain": 1.0, "cover": 1.0}
    assert made(0.5, 0.7, weights=weights)["score"]["value"] == pytest.approx(0.6)
    row = made(0.5, NAN, weights=weights)["score"]
    assert (row["value"], row["zones_used"], row["rank"], row["rank_low"]) == (0.5, 1, 1, None)
    assert row["note"] == "1 of 2 zones left out: no score: no position of gain, cover; one zone: no interval"


def test_sensors_are_compared_apart():
    both = [MethodZone("m", "z", s, "fvc", frozenset({"a"}), {k: Placed(v, position=v) for k in KEYS}, None) for s, v in (("s2", 0.2), ("l8", 0.8))]
    rows = [r for r in compare(both).rows if r["level"] == "method" and r["indicator"] == "cover"]
    assert [(r["sensor"], r["position"], r["method_zones"]) for r in rows] == [("s2", 0.2, 1), ("l8", 0.8, 1)]
