"""The zone's permutation of whole years: brute force, uniform p under correlated fields, laws, gaps, drawn orders."""

import math
from itertools import combinations, permutations

import numpy as np
import pymannkendall
import pytest
from scipy import ndimage, stats

from pipeline import jointtest
from pipeline.jointtest import joint_test
from pipeline.kernels.joint import monotone_weights
from pipeline.kernels.null import DRAWN, drawn_orders
from pipeline.trend import statistics

NAN = float("nan")


def sign(x) -> int:
    return int(x > 0) - int(x < 0)


def brute(series, times, weights) -> dict[str, float]:
    """Every order, cell by cell, by peers: S by pymannkendall, slope by scipy, monotone by comparing neighbours."""
    n, area, found = len(times), sum(weights), []
    for order in permutations(range(n)):
        s = rising = falling = slope = 0.0
        for column, weight in zip(series[list(order)].T, weights, strict=True):
            there = np.isfinite(column)
            steps = {sign(d) for d in np.diff(column[there])}
            s += weight / area * pymannkendall.original_test(column[there]).s
            slope += weight / area * stats.theilslopes(column[there], times[there]).slope
            rising += 100 * weight / area * (steps == {1})
            falling += 100 * weight / area * (steps == {-1})
        found.append((s, max(rising, falling), slope, rising, falling))
    table = np.array(found)
    size = np.abs(table[:, :3])
    p = np.maximum((size >= size[0] - 1e-9).mean(axis=0), 2 / math.factorial(n))
    names = ("mean_s", "slope_mean", "rising_pct", "falling_pct", "mean_s_p", "monotone_p", "slope_mean_p")
    return dict(zip(names, [*table[0, [0, 2, 3, 4]], *p], strict=True))


def zone(n: int, cells: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return a small zone with a weak trend: ties in every third cell, gaps in every second, each cell with at least 3 values."""
    rng = np.random.default_rng(seed)
    series = rng.normal(0, 0.1, (n, cells)) + 0.05 * np.arange(n)[:, None] + rng.normal(0, 0.05, (n, 1))
    series[:, ::3] = series[:, ::3].round(1)
    for cell in range(1, cells, 2):
        series[rng.permutation(n)[: rng.integers(0, n - 2)], cell] = NAN
    return series, rng.uniform(1, 100, cells)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("n", "cells"), [(3, 5), (4, 1), (4, 7), (5, 5), (6, 2)])
@pytest.mark.parametrize("even", [True, False])
def test_equals_brute_force(n, cells, even, seed):
    series, weights = zone(n, cells, 10 * n + seed)
    times = 2000.0 + (np.arange(n) if even else np.cumsum(np.random.default_rng(seed).uniform(0.3, 2, n)))
    found = joint_test(series, times, weights)
    assert (found.n, found.orders, found.drawn, found.cells, found.slope_cells) == (n, math.factorial(n), False, cells, cells)
    for name, expected in brute(series, times, weights).items():
        assert getattr(found, name) == pytest.approx(expected, rel=1e-9, abs=1e-12), name


def test_two_cells_of_three_years_by_hand():
    # cell 1 (weight 1) rises: S 3, slope 1; cell 2 (weight 3) is 0, 2, 1: S 1, slopes 2, 0.5, -1
    found = joint_test(np.array([[1.0, 0], [2, 2], [3, 1]]), np.array([2000.0, 2001, 2002]), np.array([1.0, 3]))
    assert (found.mean_s, found.rising_pct, found.falling_pct, found.slope_mean) == (1.5, 25, 0, 0.625)
    # mean S = (S1 + 3 S2) / 4 of the orders abc acb bac bca cab cba: 1.5, 2.5, -.5, .5, -2.5, -1.5
    assert found.mean_s_p == pytest.approx(4 / 6)
    # larger share one way: 25, 75, 0, 75, 0, 25 %
    assert (found.monotone_p, found.p_min) == (4 / 6, 1 / 3)


def test_statistics_over_all_cells_are_means_of_what_trend_gives():
    series, weights = zone(6, 500, 1)
    pixels = statistics(series, np.arange(6.0))
    found = joint_test(series, np.arange(6.0), weights)
    assert found.mean_s == pytest.approx(np.average(pixels[4], weights=weights), rel=1e-12)
    assert found.slope_mean == pytest.approx(np.average(pixels[0], weights=weights), rel=1e-12)
    untied = np.array([len(np.unique(c[~np.isnan(c)])) == (~np.isnan(c)).sum() for c in series.T])
    for name, side in (("rising_pct", 1), ("falling_pct", -1)):
        assert getattr(found, name) == pytest.approx(100 * np.average((pixels[5] == side) & untied, weights=weights), rel=1e-12)


# Without a trend, p is uniform on what it can be, whatever the cells share


def fields(n: int, count: int, seed: int):
    """Make null fields of 12 x 12 cells: a year effect shared by all, smooth weather, and noise of the cell."""
    rng = np.random.default_rng(seed)
    for _ in range(count):
        smooth = ndimage.gaussian_filter(rng.normal(size=(n, 12, 12)), (0, 2, 2)) * 4
        yield (0.7 * rng.normal(size=(n, 1, 1)) + 0.5 * smooth + 0.5 * rng.normal(size=(n, 12, 12))).reshape(n, 144)


def pooled_p(series) -> float:
    """Regional Kendall: cells as if independent, sum of S over the root of the sum of variances, with continuity correction."""
    n = len(series)
    s = sum(np.sign(series[j] - series[i]).sum() for i, j in combinations(range(n), 2))
    return float(2 * stats.norm.sf(max(abs(s) - 1, 0) / math.sqrt(series.shape[1] * n * (n - 1) * (2 * n + 5) / 18)))


def test_pooling_is_the_regional_test_of_pymannkendall_without_its_covariances():
    series = next(fields(5, 1, 0))
    found = pymannkendall.seasonal_test(series.reshape(-1), period=144)  # sites as seasons: the same sums
    assert pooled_p(series) == pytest.approx(found.p, abs=1e-12)


@pytest.mark.parametrize(("n", "count", "bins"), [(5, 2400, 60), (6, 720, 36)])
def test_p_is_uniform_under_correlated_null_fields_and_pooling_is_not(n, count, bins):
    times, weights = np.arange(n) + 2020.0, np.random.default_rng(0).uniform(50, 100, 144)
    found = [(joint_test(f, times, weights), pooled_p(f)) for f in fields(n, count, n)]
    pooled = np.mean([p <= 0.05 for _, p in found])
    steps = math.factorial(n) // 2  # a statistic and its mirror image stand together
    for name in ("mean_s_p", "slope_mean_p"):
        p = np.array([getattr(t, name) for t, _ in found])
        place = np.rint(p * steps).astype(int)
        assert np.abs(p * steps - place).max() < 1e-9
        assert 1 <= place.min() <= place.max() <= steps
        counts = np.bincount((place - 1) * bins // steps, minlength=bins)
        uniform = stats.chisquare(counts).pvalue
        size = {a: np.mean(p <= a + 1e-12) for a in (0.05, 0.1)}
        print(f"n {n}, {count} fields, {name}: size at .05 {size[0.05]:.4f}, at .10 {size[0.1]:.4f}, uniform p {uniform:.3f}; pooled {pooled:.3f}")
        assert uniform > 0.001
        for a, share in size.items():
            assert abs(share - a) < 4 * math.sqrt(a * (1 - a) / count), (name, a)
    monotone = np.array([t.monotone_p for t, _ in found])
    sizes = {a: np.mean(monotone <= a + 1e-12) for a in (2 / math.factorial(n), 0.05, 0.1, 0.2)}
    print("monotone share:", {round(a, 4): round(float(v), 4) for a, v in sizes.items()})
    for a, share in sizes.items():
        assert share < a + 4 * math.sqrt(a * (1 - a) / count), a
    assert pooled > 0.4


def test_p_of_uneven_times_is_not_below_its_level_more_often_than_that():
    times, weights = np.array([2016.0, 2019, 2020, 2024, 2025]), np.ones(144)
    p = np.array([joint_test(f, times, weights).slope_mean_p for f in fields(5, 600, 9)])
    for a in (1 / 60, 0.05, 0.1, 0.5):
        assert np.mean(p <= a + 1e-12) < a + 4 * math.sqrt(a * (1 - a) / p.size), a
    assert p.min() >= 1 / 60


# What it can show


@pytest.mark.parametrize(("n", "p_min"), [(3, 1 / 3), (4, 1 / 12), (5, 1 / 60), (6, 1 / 360), (7, 1 / 2520), (8, 1e-4), (12, 1e-4)])
@pytest.mark.parametrize("slope", [0.1, -0.1])
def test_a_zone_that_moves_one_way_reaches_the_smallest_p(n, p_min, slope):
    series = slope * np.arange(n)[:, None] + np.linspace(0, 1, 40) + np.random.default_rng(n).uniform(-0.04, 0.04, (n, 40))
    found = joint_test(series, np.arange(n) + 2000.0, np.ones(40))
    assert found.p_min == pytest.approx(p_min)
    assert {found.mean_s_p, found.monotone_p} == {found.p_min}
    assert found.p_min <= found.slope_mean_p < 0.4  # the next test says why
    assert (found.rising_pct, found.falling_pct) == ((100, 0) if slope > 0 else (0, 100))
    assert found.mean_s == math.copysign(n * (n - 1) / 2, slope)
    assert found.slope_mean == pytest.approx(slope, rel=0.1)


def test_values_on_one_line_share_their_slope_with_other_orders():
    found = joint_test(np.arange(5.0)[:, None], np.arange(5.0), np.ones(1))
    slopes = [stats.theilslopes(np.array(order, float), np.arange(5.0)).slope for order in permutations(range(5))]
    assert sum(abs(b) >= 1 for b in slopes) == 22
    assert (found.mean_s_p, found.monotone_p, found.slope_mean_p) == (1 / 60, 1 / 60, 22 / 120)


def test_no_p_is_below_its_floor_where_no_order_mirrors_another():
    # times 0, 1, 10: three cells whose reversed order has a smaller mean slope
    found = joint_test(np.array([[0.0, 0], [3, 1], [4, 2]]), np.array([0.0, 1, 10]), np.ones(2))
    assert found.slope_mean_p == 1 / 3


def test_a_shared_trend_is_found_in_noise_that_hides_it_in_single_cells():
    rng = np.random.default_rng(2)
    series = 0.01 * np.arange(6)[:, None] + rng.normal(0, 0.04, (6, 900))
    single = statistics(series, np.arange(6.0))[7]
    found = joint_test(series, np.arange(6.0), np.ones(900))
    assert np.mean(single <= 0.05) < 0.2
    assert found.mean_s_p == found.slope_mean_p == pytest.approx(1 / 360)


def test_flat_and_tied_zones_show_nothing():
    found = joint_test(np.full((5, 4), 0.3), np.arange(5.0), np.ones(4))
    assert (found.mean_s, found.rising_pct, found.falling_pct, found.slope_mean) == (0, 0, 0, 0)
    assert (found.mean_s_p, found.monotone_p, found.slope_mean_p) == (1, 1, 1)


# Laws


@pytest.mark.parametrize("n", [4, 5, 7])
def test_time_turned_round_leaves_p_and_turns_the_statistics(n):
    series, weights = zone(n, 30, n)
    times = np.cumsum(np.random.default_rng(n).uniform(0.3, 2, n))
    one, other = joint_test(series, times, weights), joint_test(series[::-1], -times[::-1], weights)
    for name in ("mean_s_p", "monotone_p", "slope_mean_p"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12), name
    assert (other.rising_pct, other.falling_pct) == pytest.approx((one.falling_pct, one.rising_pct))
    assert (other.mean_s, other.slope_mean) == pytest.approx((-one.mean_s, -one.slope_mean))


@pytest.mark.parametrize("n", [5, 10])
def test_monotone_transforms_leave_mean_s_and_monotone_share(n):
    series, weights = zone(n, 30, n)
    one, other = (joint_test(v, np.arange(float(n)), weights) for v in (series, np.exp(3 * series)))
    for name in ("mean_s", "mean_s_p", "rising_pct", "falling_pct", "monotone_p"):
        assert getattr(one, name) == getattr(other, name), name


@pytest.mark.parametrize("n", [5, 10])
def test_the_order_of_the_cells_and_the_unit_of_area_change_nothing(n):
    series, weights = zone(n, 30, n)
    mixed = np.random.default_rng(0).permutation(30)
    one, other = joint_test(series, np.arange(float(n)), weights), joint_test(series[:, mixed], np.arange(float(n)), weights[mixed] / 1e4)
    for name in one.__dataclass_fields__:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-9), name


def test_a_cell_of_twice_the_area_counts_as_two_cells():
    series, _ = zone(5, 6, 3)
    one, other = joint_test(series, np.arange(5.0), np.r_[2, np.ones(5)]), joint_test(series[:, [0, *range(6)]], np.arange(5.0), np.ones(7))
    for name in ("mean_s", "mean_s_p", "rising_pct", "monotone_p", "slope_mean", "slope_mean_p"):
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-12), name


# Gaps and what is left out


def test_cells_with_two_values_or_no_area_and_years_without_values_are_left_out():
    series, weights = zone(5, 6, 8)
    short = np.full((5, 1), NAN)
    short[:2] = 0.5
    more = np.concatenate([series, short, np.full((5, 1), NAN), series[:, :1]], axis=1)
    more = np.insert(more, 2, math.inf, axis=0)
    times = np.array([2000.0, 2001, 2001.5, 2002, 2003, 2004])
    assert joint_test(more, times, np.r_[weights, 50, 50, 0]) == joint_test(series, np.delete(times, 2), weights)


@pytest.mark.parametrize(
    "series",
    [np.ones((2, 5)), np.ones((5, 0)), np.full((5, 4), NAN), np.array([[1, 1], [2, NAN], [NAN, 2], [NAN, NAN]])],
    ids=["two years", "no cell", "all missing", "two values a cell"],
)
def test_what_cannot_be_tested_is_none(series):
    assert joint_test(series, np.arange(float(len(series))), np.ones(series.shape[1])) is None


def test_a_zone_without_area_is_none():
    assert joint_test(np.ones((5, 3)), np.arange(5.0), np.zeros(3)) is None


@pytest.mark.parametrize(
    ("times", "weights", "message"),
    [
        ([0, 1, 1], [1, 1], "strictly increasing"),
        ([0, NAN, 2], [1, 1], "strictly increasing"),
        ([0, 1, 2], [1, -1], "at least 0"),
        ([0, 1, 2], [1, NAN], "at least 0"),
        ([0, 1], [1, 1], r"expected \(years, cells\)"),
        ([0, 1, 2], [1], r"expected \(years, cells\)"),
    ],
)
def test_wrong_input_is_refused(times, weights, message):
    with pytest.raises(ValueError, match=message):
        joint_test(np.ones((3, 2)), np.array(times, float), np.array(weights, float))


def test_more_years_than_a_byte_counts_are_refused():
    with pytest.raises(ValueError, match="at most 255"):
        joint_test(np.ones((256, 1)), np.arange(256.0), np.ones(1))


def test_the_input_is_left_alone():
    series = np.array([[1.0, math.inf], [2, 5], [3, 4]])
    before = series.copy()
    joint_test(series, np.arange(3.0), np.ones(2))
    assert np.array_equal(series, before)


# Drawn orders


def test_drawn_orders_give_the_share_of_all_orders():
    """8 years: 40,320 orders, here each looked at in numpy, cell by cell."""
    rng = np.random.default_rng(4)
    series = rng.normal(size=(8, 6)) + 0.25 * np.arange(8)[:, None]
    orders = np.array(list(permutations(range(8))))
    values = series[orders]  # (orders, places, cells)
    s, slopes = np.zeros(len(orders)), []
    for i, j in combinations(range(8), 2):
        s += np.sign(values[:, j] - values[:, i]).mean(axis=1)
        slopes.append((values[:, j] - values[:, i]) / (j - i))
    slope = np.median(slopes, axis=0).mean(axis=1)
    found = joint_test(series, np.arange(8.0), np.ones(6))
    assert (found.orders, found.drawn) == (DRAWN, True) == (9999, True)
    for name, statistic in (("mean_s_p", s), ("slope_mean_p", slope)):
        exact = np.mean(np.abs(statistic) >= abs(statistic[0]) - 1e-12)
        assert 0.01 < exact < 0.5
        assert abs(getattr(found, name) - exact) < 4 * math.sqrt(exact * (1 - exact) / DRAWN), name


def test_p_of_drawn_orders_counts_the_observed_one():
    found = joint_test(*zone(9, 20, 0)[:1], np.arange(9.0), np.ones(20))
    for p in (found.mean_s_p, found.monotone_p, found.slope_mean_p):
        assert p * 10_000 == pytest.approx(round(p * 10_000), abs=1e-8)
        assert p >= 1e-4


def test_the_same_seed_gives_the_same_p_and_another_one_close_to_it():
    series, weights = zone(10, 20, 1)
    series -= 0.045 * np.arange(10)[:, None]
    one, again, other = (joint_test(series, np.arange(10.0), weights, seed=s) for s in (0, 0, 1))
    assert one == again
    assert one != other
    assert abs(one.mean_s_p - other.mean_s_p) < 4 * math.sqrt(2 * 0.25 / DRAWN)


def test_drawn_orders_are_even():
    orders = drawn_orders(9, 0)
    assert orders.shape == (DRAWN, 9)
    assert (np.sort(orders, axis=1) == np.arange(9)).all()
    for place in range(9):
        assert stats.chisquare(np.bincount(orders[:, place], minlength=9)).pvalue > 1e-5


# The work stays within its bounds


def test_the_slope_looks_at_evenly_spaced_cells_where_all_are_too_many(monkeypatch):
    series, weights = zone(5, 100, 2)
    monkeypatch.setattr(jointtest, "SLOPES", 120 * 10 * 20)
    found = joint_test(series, np.arange(5.0), weights)
    assert (found.cells, found.slope_cells) == (100, 20)
    part = joint_test(series[:, 2::5], np.arange(5.0), weights[2::5])
    assert found.slope_mean_p == part.slope_mean_p
    assert found.slope_mean == pytest.approx(np.average(statistics(series, np.arange(5.0))[0], weights=weights), rel=1e-12)  # of all cells


def test_one_cell_is_looked_at_however_small_the_bound(monkeypatch):
    monkeypatch.setattr(jointtest, "SLOPES", 1)
    assert joint_test(*zone(5, 9, 2)[:1], np.arange(5.0), np.ones(9)).slope_cells == 1


@pytest.mark.parametrize("cells", [1, 2, 7, 100])
@pytest.mark.parametrize("most", [0, 1, 3, 100, 1000])
def test_evenly_spaced_cells_are_distinct_and_inside(cells, most):
    some = jointtest._evenly_spaced(cells, most)
    assert some.size == max(1, min(cells, most))
    assert some[0] >= 0
    assert some[-1] < cells
    gaps = np.diff(some)
    assert gaps.size == 0 or 1 <= gaps.min() <= gaps.max() <= gaps.min() + 1


@pytest.mark.parametrize("depth", [1, 2, 4, 9])
def test_what_is_skipped_would_have_failed(depth):
    """Every pattern of 5 years and some of their parts, with and without skipping: equal weights, for every order."""
    rows = [p + (0,) * (5 - k) for k in (3, 4, 5) for p in permutations(range(1, 6), k)]
    patterns = np.array(sorted(rows)[::2], np.uint8)
    weights = np.random.default_rng(0).random(len(patterns))
    orders = np.array(list(permutations(range(5))), np.int64)
    out = np.empty((2, len(orders)))
    monotone_weights(patterns, weights, jointtest._skips(patterns, depth), orders, out)
    for k, order in enumerate(orders):
        places = np.argsort(order)  # of each year
        for side in (0, 1):
            expected = 0.0
            for row, weight in zip(patterns, weights, strict=True):
                steps = np.diff(places[row[row > 0].astype(int) - 1])
                expected += weight * bool((steps > 0).all() if side == 0 else (steps < 0).all())
            assert out[side, k] == pytest.approx(expected, rel=1e-12)
