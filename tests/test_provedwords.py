"""What is said of a zone as a whole: from rows of the tables whose every number is given."""

from dataclasses import replace

import numpy as np
import pytest
from mademine import RULES, cells, tables

from pipeline.classes import legend
from pipeline.findings import findings
from pipeline.provedwords import bounds_sentences, control_sentences, joint_sentences, verdict_sentences
from pipeline.zonetables import Tables

RISE, FALL, UP = (0.2, 0.3, 0.4, 0.5), (0.5, 0.4, 0.3, 0.2), (0.4, 0.6, 0.5, 0.7)
REFERENCE = cells((60, (0.80, 0.83, 0.81, 0.82)), (40, (0.80, 0.84, 0.81, 0.81)))
TREND = {
    "first_year": "2020", "last_year": "2024", "target": "absolute", "s_mean": "-2.46", "rising_pct": "1.0", "falling_pct": "40.0", "p_s_mean": "0.25",
    "p_monotone": "0.016666", "p_joint_min": "0.016666",
}  # fmt: skip


def area(code, **cells_of_row):
    row = {"first_year": "2020", "last_year": "2024", "target": "absolute", "code": str(code), "area_km2": "0.0", "share_pct": "0.0", "q_min": "", "p_min": ""}
    return row | {"area_low_km2": "", "area_high_km2": ""} | cells_of_row


def test_the_joint_test_is_said_with_its_floor():
    (found,) = joint_sentences(Tables(trend=[TREND]))
    assert found.en == (
        "2020-2024, all cells together: when whole years change places, p = 0.25 for the cells' mean S (-2.5); 1.0 % of the area rises every year and 40 % "
        "falls every year, p = 0.017, smallest reachable p = 0.017."
    )
    (less,) = joint_sentences(Tables(trend=[TREND | {"target": "relative"}]))
    assert "(minus reference)" in less.en
    assert "减去参照区" in less.zh


@pytest.mark.parametrize("missing", ["s_mean", "p_s_mean", "p_joint_min"])
def test_a_joint_test_that_could_not_be_made_is_not_said(missing):
    assert joint_sentences(Tables(trend=[TREND | {missing: ""}])) == []
    assert joint_sentences(Tables()) == []


def test_a_monthly_run_says_that_the_joint_test_is_of_yearly_values():
    (yearly,), (monthly,) = joint_sentences(Tables(trend=[TREND])), joint_sentences(Tables(trend=[TREND]), monthly=True)
    assert "yearly" not in yearly.en
    assert "all cells together, of yearly values: when" in monthly.en
    assert "取年值" in monthly.zh


def test_a_mean_s_that_rounds_to_nothing_has_no_sign():
    (found,) = joint_sentences(Tables(trend=[TREND | {"s_mean": "-0.027"}]))
    assert "mean S (0.0)" in found.en


def zone_row(target="relative", **more):
    """Return a row of trend_by_zone.csv of 2021-2024 with numbers by which each column can be told."""
    row = {"first_year": "2021", "last_year": "2024", "variable": "fvc", "target": target, "n": "4", "slope": "0.0045", "s": "2.0", "p": "0.75"}
    return row | {"slope_mean": "-0.031", "s_mean": "-3.5", "p_s_mean": "0.033", "rising_pct": "1", "falling_pct": "40", "p_monotone": "0.02"} | more


def verdict(own, minus=None, rules=RULES, compared=True):
    made = Tables(trend=[own]), Tables(trend=[minus] if minus else [])
    return [s.en for s in verdict_sentences(*made, rules, (2021, 2024), compared=compared)]


OWN = zone_row("absolute", p="0.083333333", s="6.0", slope="0.02")


def test_the_verdict_is_of_the_recommended_column():
    """Of 4 years the zone's mean minus the reference at 0.10, of 5 the cells together at 0.05."""
    assert verdict(OWN, zone_row()) == [
        "2021-2024: the recommended test (the zone minus its reference: Mann-Kendall, exact p; column p, target relative) gives p = 0.75, S = +2, "
        "slope +0.45 percentage points per year: no trend found at 0.10."
    ]
    (five,) = verdict(OWN | {"n": "5"}, zone_row(n="5"))
    assert "mean S of the cells; column p_s_mean, target relative) gives p = 0.033, mean S of the cells -3.50, mean slope of the cells -3.10" in five
    assert five.endswith(": a fall found at 0.05.")


@pytest.mark.parametrize(("s", "p", "found"), [("6.0", "0.08333333", "a rise"), ("-6.0", "0.08333333", "a fall"), ("4.0", "0.3333", "no trend")])
def test_the_direction_of_the_verdict_is_that_of_the_statistic(s, p, found):
    (said,) = verdict(OWN, zone_row(s=s, p=p, slope="0.01"))
    assert said.endswith(f": {found} found at 0.10.")


def test_a_reference_and_a_zone_whose_reference_has_too_few_years_are_tested_by_their_own_values():
    empty = zone_row(p="", s="", slope="")
    for compared in (False, True):
        (said,) = verdict(OWN, empty, compared=compared)
        assert "(the zone: Mann-Kendall, exact p; column p, target absolute) gives p = 0.083, S = +6" in said
    assert verdict(OWN, zone_row(), compared=False) == verdict(OWN)


def test_no_verdict_where_nothing_is_recommended_or_could_be_made():
    assert verdict(OWN, zone_row(n="3")) == ["2021-2024: no test is recommended for 3 years: none finds a trend more often than it errs."]
    assert verdict(OWN | {"n": "2", "p": ""}) == []
    (missing,) = verdict(OWN | {"n": "5"}, zone_row(n="5", p_s_mean=""))
    assert missing.endswith("column p_s_mean, target relative) could not be made.")


def test_the_verdict_says_by_what_p_and_values_it_was_made():
    (normal,) = verdict(OWN, zone_row(), replace(RULES, significance="normal"))
    assert "Mann-Kendall, normal approximation as configured; column p" in normal
    (long,) = verdict(OWN | {"n": "21"}, zone_row(n="21"))
    assert "Mann-Kendall, normal approximation (exact p up to 20 years); column p" in long
    (exact,) = verdict(OWN | {"n": "20"}, zone_row(n="20"))
    assert "Mann-Kendall, exact p; column p" in exact
    (monthly,) = verdict(OWN, zone_row(n="5"), replace(RULES, test="seasonal-kendall", months=2))
    assert "mean S of the cells, of yearly values; column p_s_mean" in monthly
    assert "slope +0.45 percentage points" in monthly, "slopes of cells are of monthly values there"
    (ndvi,) = verdict(OWN, zone_row(variable="ndvi"))
    assert "slope +0.0045 per year" in ndvi


def groups(**more):
    row = {"first_year": "2020", "last_year": "2024", "target": "absolute", "control": "controlled", "area_q_km2": "0.0"}
    return [row | {"group": f"significant_or_slight_{way}"} | more for way in ("increase", "decrease")]


def test_what_is_left_with_q_is_a_share_of_the_zone():
    areas = [area(7, area_km2="3.0", share_pct="75"), area(97, area_km2="1.0", share_pct="25")]
    made = Tables(area=areas, groups=groups(area_q_km2="1.0"))
    (found,) = control_sentences(made, RULES)
    assert "25 % of the zone keeps a rise and 25 % a fall" in found.en
    assert "rate 10 %" in found.en


def test_what_cannot_be_tested_is_no_area():
    areas = [area(7, area_km2="4.0", share_pct="100", q_min="0.3333")]
    (found,) = control_sentences(Tables(area=areas, groups=groups(control="not testable", area_q_km2="")), RULES)
    assert found.key == "not_testable"
    assert "smallest q is 0.33" in found.en
    assert "0 %" not in found.en.replace("10 %", "")
    assert control_sentences(Tables(area=areas, groups=groups(control="reference", area_q_km2="")), RULES) == []
    assert control_sentences(Tables(area=[area(99, area_km2="4", share_pct="100")], groups=groups()), RULES) == []
    assert control_sentences(Tables(), RULES) == []


def test_bounds_are_said_of_the_classes_that_the_years_can_reach():
    known = {"p_min": "0.0833", "area_km2": "1.0"}
    areas = [area(code, **known, area_low_km2="0.0", area_high_km2=repr(0.5 * code)) for code in (2, 3, 6, 7, 8)]
    (found,) = bounds_sentences(Tables(area=areas), RULES)
    assert found.en.endswith("slightly significant decrease 0 % to 30 %, slightly significant increase 0 % to 70 %.")
    assert "significant increase 0 % to 80 %" not in found.en, "4 years cannot reach it"
    assert bounds_sentences(Tables(area=[a | {"area_low_km2": "", "area_high_km2": ""} for a in areas]), RULES) == []


def test_a_zone_with_a_reference_is_told_of_the_difference_too(tmp_path):
    made = tables(tmp_path, {"pit": cells((14, RISE), (61, UP), (25, FALL)), "reference": REFERENCE}, relative=True)
    found = {f.zone: f for f in findings(made, RULES, {"pit": ("reference",), "reference": ("reference",)})}
    said = [s.en for s in found["pit"].sentences]
    (slopes,) = [s for s in said if "cover minus reference has a rising slope" in s]
    assert slopes.startswith("2021-2024: cover minus reference has a rising slope on 75 % of the zone, a falling one on 25 %")
    assert any("the zone's mean cover (before clamping) minus reference rose by" in s for s in said)
    assert sum(s.key == "joint" for s in found["pit"].sentences) == 2
    of_reference = [s.key for s in found["reference"].sentences]
    assert "controlled" not in of_reference, "a reference is in no family"
    assert of_reference.count("mean") == 1, "its mean minus itself is not tested"
    assert "mean_none" not in of_reference, "its 4 years are enough for its own trend"
    assert of_reference.count("verdict") == 1
    assert any(s.key == "verdict" for s in found["pit"].lead), "it is not folded away"
    of_classes = [s.en for s in found["pit"].sentences if s.key == "classes"]
    assert ["(minus reference)" in s for s in of_classes] == [False, True]
    assert ["the difference rose every year" in s for s in of_classes] == [False, True]
    assert {s.key for s in found["pit"].flags} <= {"reference_swings", "reference_apart", "reference_unknown", "reference_leads", "disagree", "disagree_slope"}


def test_water_and_years_that_are_too_few_are_said_once(tmp_path):
    part = (np.nan, np.nan, 0.5, 0.6)
    wet = {"pit": np.concatenate([np.zeros((4, 1, 80)), np.ones((4, 1, 20))], axis=2)}
    zones = {"pit": cells((60, RISE), (20, part), (20, UP)), "reference": REFERENCE}
    made = tables(tmp_path, zones, water=wet, relative=True)
    (pit,) = [f for f in findings(made, RULES, {"pit": ("reference",), "reference": ("reference",)}) if f.zone == "pit"]
    keys = [s.key for s in pit.sentences]
    assert (keys.count("lake"), keys.count("insufficient")) == (1, 1)


def test_means_of_years_and_classes_of_months_are_not_mixed_without_a_word(tmp_path):
    made = tables(tmp_path, {"pit": cells((60, (0.40, 0.42, 0.41, 0.43)), (40, (0.9, 0.3, 0.2, 0.1)))}, references=())
    for rules, mixed in ((RULES, False), (replace(RULES, test="seasonal-kendall", months=2), True)):
        (pit,) = findings(made, rules, {})
        flags = [s.en for s in pit.flags if s.key.startswith("disagree")]
        assert flags
        assert all(("The mean is of yearly values, the class of monthly ones" in s) == mixed for s in flags)


def test_every_cell_of_the_relative_tables_is_of_the_relative_trend(tmp_path):
    made = tables(tmp_path, {"pit": cells((30, RISE), (70, UP)), "reference": REFERENCE}, relative=True)
    rows = {(r["zone"], r["target"], r["class_id"]): r for r in made.area}
    pit = np.array([RISE, UP])
    mean = REFERENCE[:, 0].mean(axis=1)
    rising = [30, 70] @ (np.diff(pit - mean, axis=1) > 0).all(axis=1)
    assert float(rows["pit", "relative", "slightly_significant_increase"]["share_pct"]) == pytest.approx(rising)
    for target in ("absolute", "relative"):
        total = sum(float(rows["pit", target, c.class_id]["area_km2"]) for c in legend("seven")[1:])
        assert total == pytest.approx(100 * 100 / 1e6)
