"""Laws that the trend tests obey whatever the data: monotone transforms, reversal of time, an added line, the order of cells, gaps."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import false_discovery_control

from pipeline.jointtest import joint_test
from pipeline.kernels.codes import OUTPUTS
from pipeline.manytests import q_values
from pipeline.trend import seasonal_statistics, statistics

ROW = {name: i for i, name in enumerate(OUTPUTS)}
RANKS = ("s", "tau", "z", "p", "n")  # of these nothing but the order of values counts
LAWS = settings(max_examples=60, deadline=None, database=None, derandomize=True)
FEW = settings(LAWS, max_examples=20)


@st.composite
def stacks(draw, *, least=3, most=12, cells=5, gaps=True):
    """Return times (uneven) and series (time, cell) of whole numbers, so that ties occur and sums are exact, with gaps anywhere."""
    n, width = draw(st.integers(least, most)), draw(st.integers(1, cells))
    steps = draw(st.lists(st.integers(1, 4), min_size=n, max_size=n))
    value = st.integers(-6, 6).map(float) | st.just(np.nan) if gaps else st.integers(-6, 6).map(float)
    rows = draw(st.lists(st.lists(value, min_size=width, max_size=width), min_size=n, max_size=n))
    return 2000.0 + np.cumsum(steps), np.array(rows)


def named(series, times, **options):
    return dict(zip(OUTPUTS, statistics(series, times, **options), strict=True))


SIGNIFICANCE = st.sampled_from(["auto", "normal"])


@LAWS
@given(stacks(), st.lists(st.integers(1, 9), min_size=13, max_size=13), SIGNIFICANCE)
def test_a_monotone_transform_changes_nothing_that_rests_on_ranks(data, steps, significance):
    times, series = data
    ladder = np.cumsum(steps).astype(float)  # strictly rising, one rung for each of -6 .. 6
    there = np.where(np.isnan(series), np.nan, ladder[np.nan_to_num(series + 6).astype(int)])
    before, after = named(series, times, significance=significance), named(there, times, significance=significance)
    for name in RANKS:
        np.testing.assert_array_equal(before[name], after[name])


@LAWS
@given(stacks(), SIGNIFICANCE)
def test_reversing_time_flips_s_and_slope_and_leaves_p(data, significance):
    times, series = data
    before = named(series, times, significance=significance)
    after = named(np.ascontiguousarray(series[::-1]), -times[::-1], significance=significance)
    for name in ("s", "tau", "z", "slope"):
        np.testing.assert_allclose(after[name], -before[name], rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(after["p"], before["p"])
    np.testing.assert_array_equal(after["n"], before["n"])
    np.testing.assert_allclose(after["slope_low"], -before["slope_high"], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(after["slope_high"], -before["slope_low"], rtol=1e-12, atol=1e-12)


@LAWS
@given(stacks(), st.integers(-20, 20), st.integers(-5, 5))
def test_an_added_line_adds_its_slope_and_its_height(data, a, b):
    times, series = data
    before, after = named(series, times), named(series + a + b * (times - times[0])[:, None], times)
    np.testing.assert_allclose(after["slope"], before["slope"] + b, rtol=1e-9, atol=1e-9)  # not its interval: a line makes and unmakes ties
    np.testing.assert_allclose(after["intercept"] - before["intercept"], _added_height(series, times, a, b), atol=1e-6)


def _added_height(series, times, a, b):
    """Return what the intercept gains: median(y) is not additive, so both sides are formed from numpy's own medians."""
    out = []
    for cell in series.T:
        there = np.isfinite(cell)
        if there.sum() < 3:
            out.append(np.nan)
            continue
        t, y = times[there] - times[0], cell[there]
        out.append(np.median(y + a + b * t) - np.median(y) - b * np.median(t))
    return out


@LAWS
@given(stacks(cells=40), st.randoms(use_true_random=False))
def test_permuting_cells_permutes_the_results(data, random):
    times, series = data
    order = list(range(series.shape[1]))
    random.shuffle(order)
    np.testing.assert_array_equal(statistics(np.ascontiguousarray(series[:, order]), times), statistics(series, times)[:, order])


@LAWS
@given(stacks(gaps=False), st.data())
def test_a_gap_anywhere_is_as_if_that_time_were_not_there(data, chosen):
    times, series = data
    gone = np.array(chosen.draw(st.lists(st.booleans(), min_size=len(times), max_size=len(times))))
    where = chosen.draw(st.sampled_from(["as drawn", "first", "last", "both ends", "middle", "all"]))
    middle = np.arange(len(times)) == len(times) // 2
    ends = {"first": [0], "last": [-1], "both ends": [0, -1]}
    if where in ends:
        gone = np.zeros(len(times), bool)
        gone[ends[where]] = True
    gone = {"middle": middle, "all": np.ones(len(times), bool)}.get(where, gone)
    holes = series.copy()
    holes[gone] = np.nan
    found = named(holes, times)
    left = len(times) - gone.sum()
    assert (found["n"] == left).all()
    if left < 3:
        assert all(np.isnan(found[name]).all() for name in OUTPUTS if name != "n")
        return
    alone = named(np.ascontiguousarray(series[~gone]), times[~gone])
    for name in (*RANKS, "slope", "slope_low", "slope_high"):
        np.testing.assert_allclose(found[name], alone[name], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(found["intercept"], alone["intercept"] + alone["slope"] * (times[0] - times[~gone][0]), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("missing", [np.nan, np.inf, -np.inf])
def test_all_gaps_are_no_trend_and_no_zero(missing):
    found = named(np.full((6, 3), missing), np.arange(6.0))
    assert (found["n"] == 0).all()
    assert all(np.isnan(found[name]).all() for name in OUTPUTS if name != "n")


@LAWS
@given(stacks(), st.integers(1, 7))
def test_p_is_a_probability_above_its_floor(data, scale):
    from math import factorial

    times, series = data
    p, n = named(series * scale, times)["p"], named(series, times)["n"]
    known = ~np.isnan(p)
    assert (known == (n >= 3)).all()
    floor = np.array([2 / factorial(int(k)) for k in n[known]])
    assert ((p[known] >= floor * (1 - 1e-9)) & (p[known] <= 1)).all()


# -- several values a year ----------------------------------------------------------------------------------------------------------------------------------

SEASONAL = st.sampled_from(["seasonal-kendall", "hirsch-slack", "year-permutation"])


@st.composite
def calendars(draw, *, least=3, most=9, gaps=True):
    """Return years (uneven) and series (year, season, cell) of whole numbers, with gaps anywhere."""
    n, seasons, width = draw(st.integers(least, most)), draw(st.integers(1, 4)), draw(st.integers(1, 3))
    steps = draw(st.lists(st.integers(1, 3), min_size=n, max_size=n))
    value = st.integers(-6, 6).map(float) | st.just(np.nan) if gaps else st.integers(-6, 6).map(float)
    values = draw(st.lists(value, min_size=n * seasons * width, max_size=n * seasons * width))
    return 2000.0 + np.cumsum(steps), np.array(values).reshape(n, seasons, width)


def by_season(series, times, test):
    return dict(zip(OUTPUTS, seasonal_statistics(series, times, test=test), strict=True))


@FEW
@given(calendars(), SEASONAL)
def test_seasonal_a_monotone_transform_of_each_season_changes_nothing_that_rests_on_ranks(data, test):
    times, series = data
    there = series.copy()
    for g in range(series.shape[1]):
        there[:, g] = np.exp(series[:, g] / (g + 1)) + 10 * g
    before, after = by_season(series, times, test), by_season(there, times, test)
    for name in RANKS:
        np.testing.assert_allclose(before[name], after[name], rtol=1e-12)


@FEW
@given(calendars(most=7), SEASONAL)
def test_seasonal_reversing_time_flips_s_and_slope_and_leaves_p(data, test):
    """Up to 7 years, where every order is looked at: drawn orders are not their own mirror images."""
    times, series = data
    before, after = by_season(series, times, test), by_season(np.ascontiguousarray(series[::-1]), -times[::-1], test)
    for name in ("s", "tau", "z", "slope"):
        np.testing.assert_allclose(after[name], -before[name], rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(after["p"], before["p"], rtol=1e-12)


@FEW
@given(calendars(), st.lists(st.integers(-9, 9), min_size=4, max_size=4), st.integers(-4, 4), SEASONAL)
def test_seasonal_an_added_line_adds_its_slope_whatever_the_height_of_each_season(data, heights, b, test):
    times, series = data
    added = np.array(heights[: series.shape[1]], float)[None, :, None] + b * (times - times[0])[:, None, None]
    before, after = by_season(series, times, test), by_season(series + added, times, test)
    np.testing.assert_allclose(after["slope"], before["slope"] + b, rtol=1e-9, atol=1e-9)
    np.testing.assert_array_equal(after["n"], before["n"])


@FEW
@given(calendars(), st.randoms(use_true_random=False), SEASONAL)
def test_seasonal_the_order_of_cells_and_of_seasons_does_not_matter(data, random, test):
    times, series = data
    cells, seasons = (list(range(series.shape[i])) for i in (2, 1))
    random.shuffle(cells)
    random.shuffle(seasons)
    before = seasonal_statistics(series, times, test=test)
    np.testing.assert_array_equal(seasonal_statistics(np.ascontiguousarray(series[:, :, cells]), times, test=test), before[:, cells])
    np.testing.assert_allclose(seasonal_statistics(np.ascontiguousarray(series[:, seasons]), times, test=test), before, rtol=1e-12, atol=1e-12)


@FEW
@given(calendars(gaps=False), st.sampled_from(["first", "last", "middle", "both ends"]), SEASONAL)
def test_seasonal_a_year_of_gaps_is_as_if_it_were_not_there(data, where, test):
    times, series = data
    place = {"first": [0], "last": [-1], "middle": [len(times) // 2], "both ends": [0, -1]}[where]
    gone = np.isin(np.arange(len(times)), np.arange(len(times))[place])
    holes = series.copy()
    holes[gone] = np.nan
    found = by_season(holes, times, test)
    assert (found["n"] == (~gone).sum()).all()
    if (~gone).sum() < 3:
        assert all(np.isnan(found[name]).all() for name in OUTPUTS if name != "n")
    elif test != "year-permutation" or len(times) <= 7 or gone.sum() == 0:  # other years are other draws
        alone = by_season(np.ascontiguousarray(series[~gone]), times[~gone], test)
        for name in (*RANKS, "slope", "slope_low", "slope_high"):
            np.testing.assert_allclose(found[name], alone[name], rtol=1e-12, atol=1e-12)


@FEW
@given(calendars(), SEASONAL)
def test_seasonal_a_season_of_gaps_is_as_if_it_were_not_there_and_all_gaps_are_no_trend(data, test):
    times, series = data
    more = np.concatenate([series, np.full_like(series[:, :1], np.nan)], axis=1)
    np.testing.assert_allclose(seasonal_statistics(more, times, test=test), seasonal_statistics(series, times, test=test), rtol=1e-12, atol=1e-12)
    empty = by_season(np.full_like(series, np.nan), times, test)
    assert (empty["n"] == 0).all()
    assert all(np.isnan(empty[name]).all() for name in OUTPUTS if name != "n")


@FEW
@given(stacks(most=7))
def test_one_season_is_the_annual_test(data):
    times, series = data
    annual, exact = named(series, times, significance="normal"), named(series, times)
    one = {test: by_season(series[:, None], times, test) for test in ("seasonal-kendall", "year-permutation")}
    for found in one.values():
        for name in ("s", "slope"):
            known = ~np.isnan(found[name])
            assert (known == (annual["n"] >= 3)).all()
            np.testing.assert_allclose(found[name][known], annual[name][known], rtol=1e-12, atol=1e-12)
    known = annual["n"] >= 3
    np.testing.assert_allclose(one["seasonal-kendall"]["p"][known], annual["p"][known], rtol=1e-9)
    np.testing.assert_allclose(one["year-permutation"]["p"][known], exact["p"][known], rtol=1e-9)


# -- whole years permuted jointly ---------------------------------------------------------------------------------------------------------------------------


def joint(times, series, weights=None, **options):
    return joint_test(series, times, np.ones(series.shape[1]) if weights is None else weights, **options)


@FEW
@given(stacks(most=6))
def test_joint_a_monotone_transform_leaves_the_tests_that_rest_on_ranks(data):
    times, series = data
    before, after = joint(times, series), joint(times, np.exp(series))
    assert (before is None) == (after is None)
    if before is not None:
        assert (after.mean_s, after.mean_s_p) == (before.mean_s, before.mean_s_p)
        assert (after.rising_pct, after.falling_pct, after.monotone_p) == (before.rising_pct, before.falling_pct, before.monotone_p)


@FEW
@given(stacks(most=6))
def test_joint_reversing_time_flips_the_statistics_and_leaves_p(data):
    times, series = data
    before, after = joint(times, series), joint(-times[::-1], series[::-1])
    assert (before is None) == (after is None)
    if before is not None:
        assert after.mean_s == pytest.approx(-before.mean_s)
        assert after.slope_mean == pytest.approx(-before.slope_mean)
        assert (after.rising_pct, after.falling_pct) == pytest.approx((before.falling_pct, before.rising_pct))
        assert (after.mean_s_p, after.monotone_p) == pytest.approx((before.mean_s_p, before.monotone_p))


@FEW
@given(stacks(most=6), st.integers(-9, 9), st.integers(-3, 3))
def test_joint_an_added_line_adds_its_slope(data, a, b):
    times, series = data
    before, after = joint(times, series), joint(times, series + a + b * times[:, None])
    assert (before is None) == (after is None)
    if before is not None:
        assert after.slope_mean == pytest.approx(before.slope_mean + b, abs=1e-9)


@FEW
@given(stacks(most=9, cells=12), st.randoms(use_true_random=False), st.integers(2, 50))
def test_joint_the_order_of_cells_and_the_unit_of_area_do_not_matter(data, random, unit):
    times, series = data
    area = np.arange(1.0, series.shape[1] + 1)
    order = list(range(series.shape[1]))
    random.shuffle(order)
    before, after = joint(times, series, area), joint(times, np.ascontiguousarray(series[:, order]), unit * area[order])
    assert (before is None) == (after is None)
    if before is not None:
        for name in ("mean_s", "mean_s_p", "rising_pct", "falling_pct", "monotone_p", "slope_mean", "slope_mean_p"):
            assert getattr(after, name) == pytest.approx(getattr(before, name), abs=1e-12), name


@FEW
@given(stacks(most=6, gaps=False), st.sampled_from([0, -1, 1]))
def test_joint_a_year_without_any_value_is_not_there(data, where):
    times, series = data
    holes = series.copy()
    holes[where] = np.nan
    left = np.arange(len(times)) != where % len(times)
    assert joint(times, holes) == joint(times[left], np.ascontiguousarray(series[left]))
    assert joint(times, np.full_like(series, np.nan)) is None


# -- many tests ---------------------------------------------------------------------------------------------------------------------------------------------


@LAWS
@given(st.lists(st.sampled_from([1 / 12, 1 / 3, 0.75, 1.0, 0.01, 0.05]), min_size=1, max_size=40), st.randoms(use_true_random=False), st.integers(0, 5))
def test_q_is_scipys_and_moves_with_its_cell(p, random, gaps):
    values = np.array(p)
    np.testing.assert_allclose(q_values(values), false_discovery_control(values), rtol=1e-12)
    order = list(range(len(p)))
    random.shuffle(order)
    np.testing.assert_array_equal(q_values(values[order]), q_values(values)[order])
    padded = np.concatenate([values, np.full(gaps, np.nan)])
    np.testing.assert_array_equal(q_values(padded), np.concatenate([q_values(values), np.full(gaps, np.nan)]))
    assert (q_values(values) >= values).all()
