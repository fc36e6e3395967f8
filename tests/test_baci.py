"""Before-after-control-impact: phases day by day, Welch against scipy, planted contrasts with bad years, reasons where nothing can be said."""

import re
from datetime import date, timedelta

import numpy as np
import pytest
from scipy import stats

from pipeline.config import Season
from pipeline.evaluation.baci import baci, contrast, phases
from pipeline.season import season_year

NAN = float("nan")
SUMMER = Season(start="07-01", end="08-31")


# Phases


def day_by_day(years, first, last, season):
    """Return the phases from walking over the calendar: for each day on which restoration may have ended, the season that holds it or comes next."""
    seen = {year: set() for year in years}
    day = first
    while day <= last:
        later = day
        while (partial := season_year(later, season)) is None:
            later += timedelta(days=1)
        for year in years:
            seen[year].add("before" if year < partial else "after" if year > partial else "partial")
        day += timedelta(days=1)
    return tuple(found.pop() if len(found) == 1 else "partial" for found in seen.values())


@pytest.mark.parametrize(
    "season", [("07-01", "08-31"), ("11-15", "02-28"), ("02-29", "04-10"), ("01-01", "12-31"), ("05-20", "09-30"), ("06-01", "07-01"), ("11-15", "01-01")]
)
@pytest.mark.parametrize("restored", ["2021", "2021-01", "2021-02", "2021-06", "2021-07", "2021-08", "2021-09", "2021-11", "2021-12"])
def test_phases_agree_with_a_walk_over_the_calendar(season, restored):
    of, years = Season(start=season[0], end=season[1]), list(range(2017, 2026))
    month = int(restored[5:] or 0)
    first, following = date(2021, month or 1, 1), date(2021 + (month in (0, 12)), 1 if month in (0, 12) else month + 1, 1)
    assert phases(years, restored, of) == day_by_day(years, first, following - timedelta(days=1), of)


def test_phases_of_the_founding_study():
    """Works until the middle of 2021, seasons of July and August: 2021 has seen part of a season's growth."""
    assert phases(range(2020, 2025), "2021-06", SUMMER) == ("before", "partial", "after", "after", "after")
    assert phases(range(2020, 2025), "2021-08", SUMMER) == ("before", "partial", "after", "after", "after")
    assert phases(range(2020, 2025), "2021-09", SUMMER) == ("before", "before", "partial", "after", "after")


def test_a_year_alone_leaves_two_seasons_partial():
    assert phases(range(2020, 2025), "2021", SUMMER) == ("before", "partial", "partial", "after", "after")
    assert phases([], "2021", SUMMER) == ()


@pytest.mark.parametrize("restored", ["", "21", "2021-13", "2021-6", "2021-06-30", "June 2021", "0000", "9999"])
def test_other_dates_are_refused(restored):
    with pytest.raises(ValueError, match='as "2021" or "2021-06"'):
        phases([2021], restored, SUMMER)


# Contrast


@pytest.mark.parametrize("seed", range(20))
def test_welch_agrees_with_scipy(seed):
    rng = np.random.default_rng(seed)
    before, after, level = rng.integers(2, 8), rng.integers(2, 8), rng.choice([0.8, 0.9, 0.95])
    values = rng.normal(0, 0.1, before + after)
    values[:before] *= 3
    gaps = np.insert(values, before, NAN)
    found = contrast(gaps, ["before"] * before + ["after"] * (after + 1), level=level)
    peer = stats.ttest_ind(values[before:], values[:before], equal_var=False)
    interval = peer.confidence_interval(level)
    assert (found.low, found.high, found.freedom) == pytest.approx((interval.low, interval.high, peer.df))
    assert found.value / found.se == pytest.approx(peer.statistic)
    assert (found.before, found.after, found.reason) == (before, after, "")


def test_baci_by_hand():
    """D = -0.5, -0.4 before, -0.3 in the partial year, -0.1, 0.0 after."""
    phase = ["before", "before", "partial", "after", "after"]
    found = baci([0.2, 0.4, 0.4, 0.5, 0.8], [0.7, 0.8, 0.7, 0.6, 0.8], phase)
    assert found.full.value == pytest.approx(-0.05 + 0.45)
    assert found.full.se == pytest.approx((0.005 / 2 + 0.005 / 2) ** 0.5)
    assert found.full.freedom == pytest.approx(2)
    assert found.full.high - found.full.value == pytest.approx(2.9200 * 0.0707107, rel=1e-4)
    assert (found.full.before, found.full.after, found.with_partial.after) == (2, 2, 3)
    assert found.with_partial.value == pytest.approx(-0.4 / 3 + 0.45)


def test_baci_is_the_contrast_of_the_differences_and_swaps_sign():
    rng = np.random.default_rng(1)
    x, r, phase = rng.random(8), rng.random(8), ["before"] * 3 + ["partial"] + ["after"] * 4
    one, other = baci(x, r, phase), baci(r, x, phase)
    assert one.full == contrast(x - r, phase)
    assert one.with_partial == contrast(x - r, phase, with_partial=True)
    assert (one.full.low, one.full.high) == pytest.approx((-other.full.high, -other.full.low))


def test_years_without_either_value_are_left_out():
    phase = ["before"] * 3 + ["after"] * 3
    found = baci([0.1, NAN, 0.3, 0.5, 0.6, 0.7], [0.8, 0.8, 0.8, NAN, 0.8, 0.9], phase).full
    assert found == baci([0.1, 0.3, 0.6, 0.7], [0.8, 0.8, 0.8, 0.9], ["before"] * 2 + ["after"] * 2).full
    assert (found.before, found.after) == (2, 2)


@pytest.mark.parametrize(
    "values, phase, value, reason",
    [
        ([0.1, 0.5, 0.6], "baa", 0.45, "one year before restoration: how years differ is not known"),
        ([0.1, NAN, 0.5, 0.6], "bbaa", 0.45, "one year before restoration: how years differ is not known"),
        ([0.1, 0.2, 0.6], "bba", 0.45, "one year after restoration: how years differ is not known"),
        ([0.1, 0.6], "ba", 0.5, "one year before restoration: .*; one year after restoration: "),
        ([0.5, 0.6], "aa", NAN, "no year before restoration: there is nothing to compare"),
        ([0.1, 0.2, NAN], "bba", NAN, "no year after restoration: there is nothing to compare"),
        ([], "", NAN, "no year before .* no year after"),
        ([0.1, 0.1, 0.1, 0.7, 0.7, 0.7], "bbbaaa", 0.6, "no spread between years"),
    ],
)
def test_without_two_years_on_each_side_there_is_no_interval_but_a_reason(values, phase, value, reason):
    found = contrast(values, [{"b": "before", "p": "partial", "a": "after"}[p] for p in phase])
    assert found.value == pytest.approx(value, nan_ok=True)
    assert np.isnan([found.low, found.high, found.se, found.freedom]).all()
    assert re.match(reason, found.reason)


def test_the_partial_year_can_be_what_allows_an_interval():
    found = baci([0.2, 0.3, 0.4, 0.7], [0.8] * 4, ["before", "before", "partial", "after"])
    assert found.full.reason.startswith("one year after restoration")
    assert found.with_partial.reason == ""
    assert found.with_partial.low < found.with_partial.value < found.with_partial.high


@pytest.mark.parametrize(
    "values, phase, says",
    [([0.1, 0.2], ["before"], "phases"), ([0.1], ["während"], "phases"), ([[0.1]], ["before"], "shape"), ([np.inf], ["before"], "infinite")],
)
def test_bad_input_is_refused(values, phase, says):
    with pytest.raises(ValueError, match=says):
        contrast(values, phase)
    with pytest.raises(ValueError, match=says):
        baci(values, values, phase)


def test_unequal_series_are_refused():
    with pytest.raises(ValueError, match="zone has 2, reference has 1"):
        baci([0.1, 0.2], [0.1], ["before", "after"])


# Planted contrasts


@pytest.mark.parametrize("level", [0.8, 0.9, 0.95])
def test_intervals_cover_and_bad_years_do_not_bias(level):
    """4,000 mines: 4 years before, 5 after, gain 0.3; good and bad years shared with the reference, two droughts after; spreads differ."""
    rng, runs = np.random.default_rng(7), 4000
    phase = ["before"] * 4 + ["after"] * 5
    weather = rng.normal(0, 0.06, (runs, 9)) + np.array([0] * 6 + [-0.12, -0.12, 0])
    own = rng.normal(0, 1, (runs, 9)) * np.array([0.02] * 4 + [0.04] * 5)
    zone = 0.25 + 0.3 * (np.arange(9) >= 4) + weather + own
    reference = 0.75 + weather + rng.normal(0, 0.01, (runs, 9))
    relative = [baci(x, r, phase, level=level).full for x, r in zip(zone, reference, strict=True)]
    plain = [contrast(x, phase, level=level) for x in zone]
    values, plain_values = np.array([c.value for c in relative]), np.array([c.value for c in plain])
    coverage = np.mean([c.low <= 0.3 <= c.high for c in relative])
    plain_coverage = np.mean([c.low <= 0.3 <= c.high for c in plain])
    print(f"level {level}: BACI mean {values.mean():.4f}, coverage {coverage:.4f}; zone alone mean {plain_values.mean():.4f}, coverage {plain_coverage:.4f}")
    assert abs(values.mean() - 0.3) <= 4 * values.std() / runs**0.5
    assert abs(plain_values.mean() - 0.252) <= 4 * plain_values.std() / runs**0.5
    assert abs(plain_values.mean() - 0.3) > 20 * plain_values.std() / runs**0.5
    assert coverage == pytest.approx(level, abs=0.02)
    assert np.std(values) < 0.5 * np.std(plain_values)


def test_leaving_the_partial_year_out_removes_its_bias():
    rng, phase = np.random.default_rng(8), ["before"] * 4 + ["partial"] + ["after"] * 4
    share = np.array([0, 0, 0, 0, 0.4, 1, 1, 1, 1])
    d = -0.5 + 0.3 * share + rng.normal(0, 0.03, (2000, 9))
    full, with_partial = (np.mean([contrast(x, phase, with_partial=p).value for x in d]) for p in (False, True))
    assert full == pytest.approx(0.3, abs=0.002)
    assert with_partial == pytest.approx(0.3 * 4.4 / 5, abs=0.002)
