"""Affected area from production: the five mines of Dong et al. 2025, number by number, in plain arithmetic."""

from dataclasses import replace

import pytest
from pages import DOCS, section

from pipeline.evaluation.production import DONG_2025, affected_by_production, reproduce


def test_the_printed_sums_of_the_five_mines_are_reproduced():
    affected, excavated, national = reproduce()
    assert sum(map(float, DONG_2025.affected_km2)) == pytest.approx(1679.60, abs=1e-9)
    assert sum(map(float, DONG_2025.excavated_km2)) == pytest.approx(274.80, abs=1e-9)
    assert (affected.printed, affected.calculated, affected.follows) == ("1679.60", 1679.6, True)
    assert (excavated.printed, excavated.calculated, excavated.follows) == ("274.80", 274.8, True)
    for row in (affected, excavated, national):
        print(row.words)


def test_the_national_area_does_not_follow_and_needs_another_output():
    national = reproduce()[2]
    assert not national.follows
    assert national.calculated == pytest.approx(1679.60 * 1060 / 142) == pytest.approx(12537.86, abs=0.005)
    assert national.needs == pytest.approx(1057.0, abs=0.001)
    assert round(national.needs / 1000, 2) == 1.06, "the text has 1.06 billion tons: not rounded, 1057 Mt was used"
    assert national.within_rounding, "142 Mt stands for 141.5 to 142.5"
    assert "printed 12502.37, but the printed numbers give 12537.86" in national.words
    assert "1057.0 Mt" in national.words


def test_a_number_that_no_rounding_explains_is_told_apart():
    found = reproduce(replace(DONG_2025, national_affected_km2="15,502.37"))[2]
    assert (found.follows, found.within_rounding) == (False, False)
    assert found.words.endswith("no numbers that round to the printed ones give it")
    found = reproduce(replace(DONG_2025, national_affected_km2="12,537.86"))[2]
    assert (found.follows, found.needs) == (True, None)
    wrong = reproduce(replace(DONG_2025, affected_sum_km2="1697.60"))[0]
    assert (wrong.follows, wrong.within_rounding, wrong.needs) == (False, False, None)
    assert "printed 1697.60, but the printed numbers give 1679.60" in wrong.words


def test_shares_of_the_country_as_printed():
    land = 9.6e6  # km2
    assert round(100 * 1679.6 / land, 2) == 0.02
    assert round(100 * affected_by_production(1679.6, 142, 1057) / land, 2) == 0.13


def test_area_from_production_by_hand():
    assert affected_by_production(10, 5, 100) == 200
    assert affected_by_production(10, 5, 5) == 10


@pytest.mark.parametrize("numbers", [(0, 5, 100), (10, 0, 100), (10, -5, 100), (10, 5, float("inf")), (float("nan"), 5, 100)])
def test_numbers_that_are_not_above_zero_are_refused(numbers):
    with pytest.raises(ValueError, match="expected a number above 0"):
        affected_by_production(*numbers)


def test_outputs_in_two_units_are_refused():
    with pytest.raises(ValueError, match="more than the country's 1.06; fix: give both in one unit"):
        affected_by_production(1679.6, 142, 1.06)


def test_text_in_an_example_is_refused():
    with pytest.raises(ValueError, match="expected a number from 0 as printed"):
        reproduce(replace(DONG_2025, affected_km2=("about 400",)))


def test_the_page_shows_the_printed_numbers_and_says_what_was_computed():
    page = section((DOCS / "footprint.md").read_text(encoding="utf-8"), "Its five mines as an example")
    (table,) = page.tables
    rows = list(zip(DONG_2025.affected_km2, DONG_2025.excavated_km2, strict=True))
    assert [tuple(row[1:]) for row in table[1:]] == [*rows, (DONG_2025.affected_sum_km2, DONG_2025.excavated_sum_km2)]
    words = " ".join(page.text.split())
    affected, excavated, national = reproduce()
    for row in (affected, excavated):
        assert row.words[0].upper() + row.words[1:] in words
    assert national.words.removeprefix("national affected area: ") in words
    assert f"{DONG_2025.national_output_mt} Mt of the country and {DONG_2025.mines_output_mt} Mt of the mines" in words
    assert "does not follow from what is printed" in words and not national.follows
    low, high = (1679.60 * 1060 / mines for mines in (142.5, 141.5))
    assert low < float(DONG_2025.national_affected_km2) < high, "141.5 to 142.5 Mt holds it"
