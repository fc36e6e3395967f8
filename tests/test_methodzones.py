"""Zones as methods are compared by: hand-made tables in, indicators out; and what the rows of methods say of zones left out."""

import math

import pytest

from pipeline.evaluation.indicators import KEYS, Placed
from pipeline.evaluation.methodstable import compare
from pipeline.evaluation.methodzones import RECOVERY, MethodZone, method_zones

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
