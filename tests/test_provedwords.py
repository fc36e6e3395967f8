"""What is said of a zone as a whole: from rows of the tables whose every number is given."""

import numpy as np
import pytest
from mademine import RULES, cells, tables

from pipeline.classes import legend
from pipeline.findings import findings
from pipeline.provedwords import bounds_sentences, control_sentences, joint_sentences
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
    assert {s.key for s in found["pit"].flags} <= {"reference_swings", "reference_apart", "reference_unknown", "reference_leads", "disagree", "disagree_slope"}


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
