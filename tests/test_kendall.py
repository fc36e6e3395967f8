"""The Mann-Kendall and Theil-Sen kernel against enumeration, scipy and pymannkendall; gaps, ties, lanes, laws."""

import math
from collections import Counter
from functools import cache
from itertools import combinations, permutations, product

import numpy as np
import pymannkendall
import pytest
from scipy import stats

from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.kendall import LANES, Z90, exact_limit, sort_rows
from pipeline.kernels.null import interval_coverage, smallest_p
from pipeline.trend import statistics

NAN = float("nan")
FLOATS = ("float32", "float64")


def run(series, times=None, significance="auto", dtype="float64") -> dict[str, np.ndarray]:
    """Statistics of (time,) or (time, pixels) values by name; times default to 0, 1, 2, ..."""
    values = np.asarray(series, dtype)
    out = statistics(values, np.arange(len(values)) if times is None else np.asarray(times, float), significance=significance)
    assert out.dtype == values.dtype
    return dict(zip(OUTPUTS, out, strict=True))


def gapped(columns: np.ndarray, gaps: int, rng) -> np.ndarray:
    """Put `gaps` NaN at random places of every column, keeping the order of its values."""
    n, width = columns.shape
    out = np.full((n + gaps, width), np.nan)
    places = np.sort(np.argsort(rng.random((n + gaps, width)), axis=0)[:n], axis=0)
    np.put_along_axis(out, places, columns, axis=0)
    return out


def score(values) -> int:
    return sum((b > a) - (b < a) for a, b in combinations(values, 2))


# Exact p: every possible series of 3 to 7 values


@cache
def every_series(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Every series of n values up to a monotone transform, (n, count), with S and P(|S| >= s) over all orders of its values."""
    orders = [w for w in product(range(n), repeat=n) if len(set(w)) == max(w) + 1]
    scores = [score(w) for w in orders]
    kinds = [tuple(w.count(v) for v in range(n)) for w in orders]
    counts: dict[tuple[int, ...], Counter] = {}
    for kind, s in zip(kinds, scores, strict=True):
        counts.setdefault(kind, Counter())[abs(s)] += 1
    p = {(kind, s): sum(c for other, c in found.items() if other >= s) / found.total() for kind, found in counts.items() for s in found}
    return np.array(orders).T, np.array(scores), np.array([p[kind, abs(s)] for kind, s in zip(kinds, scores, strict=True)])


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("significance", ["auto", "exact"])
@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_exact_p_of_every_possible_series(n, significance, dtype):
    series, s, p = every_series(n)
    out = run(series, significance=significance, dtype=dtype)
    assert np.array_equal(out["s"], s)
    np.testing.assert_allclose(out["p"], p, rtol=1e-14 if dtype == "float64" else 1e-7)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize(("n", "gaps"), [(3, 1), (4, 3), (5, 15), (6, 4), (7, 2)])
def test_exact_p_of_every_possible_series_with_gaps(n, gaps, dtype):
    series, s, p = every_series(n)
    out = run(gapped(series, gaps, np.random.default_rng(n)), dtype=dtype)
    assert np.array_equal(out["n"], np.full(s.size, n))
    assert np.array_equal(out["s"], s)
    np.testing.assert_allclose(out["p"], p, rtol=1e-14 if dtype == "float64" else 1e-7)


@pytest.mark.parametrize("n", range(3, 21))
def test_exact_p_without_ties_equals_scipy(n):
    rng = np.random.default_rng(n)
    series = np.cumsum(rng.normal(0.2, 1, (n, 12)), axis=0)
    expected = [stats.kendalltau(np.arange(n), column, method="exact").pvalue for column in series.T]
    np.testing.assert_allclose(run(series, significance="exact")["p"], expected, rtol=1e-12)


@cache
def merged(old: int, new: int) -> Counter:
    """Inversions of every way to merge `new` larger equal values into a row of `old`: Pascal's rule on the last place."""
    if old == 0 or new == 0:
        return Counter({0: 1})
    last_is_new = merged(old, new - 1)
    last_is_old = Counter({i + new: c for i, c in merged(old - 1, new).items()})
    return last_is_new + last_is_old


def exact_p(values) -> float:
    """P(|S| >= |s|) over all orders of the values: tie groups merged one after the other, in Python integers."""
    ways, placed, pairs = Counter({0: 1}), 0, 0
    for value in sorted(set(values)):
        size = sum(v == value for v in values)
        step = Counter()
        for (i, a), (j, b) in product(ways.items(), merged(placed, size).items()):
            step[i + j] += a * b
        ways, pairs, placed = step, pairs + placed * size, placed + size
    s = abs(score(values))
    return sum(c for i, c in ways.items() if abs(pairs - 2 * i) >= s) / ways.total()


def test_the_merging_oracle_agrees_with_enumeration():
    series, _, p = every_series(5)
    assert [exact_p(column) for column in series.T.tolist()] == pytest.approx(p.tolist(), rel=1e-15)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("n", range(8, 21))
def test_exact_p_with_ties_equals_an_independent_programme(n, dtype):
    rng = np.random.default_rng(n)
    columns = [rng.integers(0, high, n) for high in (2, 3, 4, n // 2, n) for _ in range(4)]
    columns += [np.sort(c) for c in columns[::3]]  # the largest S of a pattern
    expected = [exact_p(c.tolist()) for c in columns]
    out = run(gapped(np.array(columns, float).T, 5, rng), dtype=dtype)
    np.testing.assert_allclose(out["p"], expected, rtol=1e-13 if dtype == "float64" else 1e-7)


@pytest.mark.parametrize("n", range(3, 25))
@pytest.mark.parametrize("significance", ["auto", "normal"])
def test_a_monotone_series_reaches_the_smallest_p(n, significance):
    assert run(np.arange(n), significance=significance)["p"] == pytest.approx(smallest_p(n, significance), rel=1e-12)


def test_p_turns_normal_above_20_values_of_the_pixel_not_of_the_window():
    series = np.full((24, 3), NAN)
    for pixel, n in enumerate((18, 20, 21)):
        series[:n, pixel] = np.r_[2, 1, np.arange(3, n + 1)]  # one inversion
    out = run(series)
    assert out["p"][:2].tolist() == pytest.approx([exact_p(series[:n, 0 if n == 18 else 1].tolist()) for n in (18, 20)], rel=1e-12)
    assert out["p"][2] == pytest.approx(math.erfc(out["z"][2] / math.sqrt(2)), rel=1e-14)


def test_normal_p_is_normal_at_every_n():
    series = np.random.default_rng(0).normal(size=(12, 200))
    out = run(series, significance="normal")
    np.testing.assert_allclose(out["p"], 2 * stats.norm.sf(np.abs(out["z"])), rtol=1e-12)


# Everything else: pymannkendall and scipy


def pixels_of(n: int) -> np.ndarray:
    """(n, pixels) series: noise, trend, few and many ties, each without and with gaps, among them the first and last time."""
    rng = np.random.default_rng(100 + n)
    noise = rng.normal(0.4, 0.1, (n, 4))
    columns = [noise, noise + 0.03 * np.arange(n)[:, None], noise.round(1), rng.integers(0, 3, (n, 4)), np.full((n, 1), 0.25)]
    full = np.concatenate(columns, axis=1).astype(np.float32).astype(np.float64)  # the same numbers in both float types
    holed = np.where(rng.random(full.shape) < 0.25, NAN, full)
    holed[0, ::3] = holed[-1, 1::3] = NAN
    both = np.concatenate([full, holed], axis=1)
    return both[:, np.isfinite(both).sum(axis=0) >= 3]


def oracle(times: np.ndarray, column: np.ndarray) -> dict[str, float]:
    """Return the nine numbers of one series by peers: S, tau-a, z, p by pymannkendall; slope, interval, line by scipy."""
    there = np.isfinite(column)
    test = pymannkendall.original_test(column[there])
    line = stats.theilslopes(column[there], times[there], alpha=0.90)
    return {
        "slope": line.slope,
        "slope_low": line.low_slope,
        "slope_high": line.high_slope,
        "intercept": line.intercept + line.slope * times[0],
        "s": test.s,
        "tau": test.Tau,
        "z": test.z,
        "p": test.p,
        "n": there.sum(),
    }


@pytest.mark.parametrize("n", range(3, 61))
def test_equals_pymannkendall_and_scipy_on_yearly_times(n):
    series, times = pixels_of(n), np.arange(n) + 2000.0
    expected = [oracle(times, column) for column in series.T]
    for dtype, rtol in (("float64", 1e-9), ("float32", 3e-7)):
        out = run(series, times, "normal", dtype)
        for name in OUTPUTS:
            np.testing.assert_allclose(out[name], [e[name] for e in expected], rtol=rtol, atol=1e-12, err_msg=f"{name} {dtype}")


@pytest.mark.parametrize("n", [3, 4, 5, 8, 13, 20, 21, 47])
def test_equals_scipy_on_irregular_times(n):
    rng = np.random.default_rng(n)
    series, times = pixels_of(n), 1984 + np.cumsum(rng.uniform(0.05, 4, n))
    out = run(series, times, "normal")
    expected = [oracle(times, column) for column in series.T]
    for name in OUTPUTS:
        np.testing.assert_allclose(out[name], [e[name] for e in expected], rtol=1e-9, atol=1e-9, err_msg=name)


@pytest.mark.parametrize("n", [4, 9, 24, 60])
def test_slope_and_intercept_equal_pymannkendall_on_unit_spacing(n):
    series = pixels_of(n)
    out = run(series)
    for pixel, column in enumerate(series.T):
        expected = pymannkendall.original_test(column)
        assert out["slope"][pixel] == pytest.approx(expected.slope, rel=1e-12, abs=1e-15)
        assert out["intercept"][pixel] == pytest.approx(expected.intercept, rel=1e-12)


@pytest.mark.parametrize("n", range(3, 61, 3))
def test_z_holds_the_variance_of_pymannkendall(n):
    series = pixels_of(n)
    out = run(series)
    for pixel, column in enumerate(series.T):
        if abs(out["s"][pixel]) > 1:  # S of 0 and 1 give z = 0 whatever the variance
            variance = ((abs(out["s"][pixel]) - 1) / out["z"][pixel]) ** 2
            assert variance == pytest.approx(pymannkendall.original_test(column).var_s, rel=1e-12)


@pytest.mark.parametrize("n", [4, 5, 6, 7])
def test_z_of_every_possible_series_has_kendalls_tie_corrected_variance(n):
    series, s, _ = every_series(n)
    ties = np.array([sum(t * (t - 1) * (2 * t + 5) for t in Counter(c).values()) for c in series.T.tolist()])
    variance = (n * (n - 1) * (2 * n + 5) - ties) / 18
    expected = np.divide(s - np.sign(s), np.sqrt(variance), out=np.zeros(s.size), where=s != 0)
    np.testing.assert_allclose(run(series)["z"], expected, rtol=1e-13)


# The interval of the slope


def slopes_of(times, column) -> list[float]:
    pairs = [(t, v) for t, v in zip(times, column, strict=True) if v == v]
    return sorted((b - a) / (u - t) for (t, a), (u, b) in combinations(pairs, 2))


def test_interval_is_the_whole_range_where_gilberts_ranks_do_not_exist():
    # n = 3: (3 - 1.645 * 1.915) / 2 = -0.07, rank 0; n = 4: (6 - 1.645 * 2.944) / 2 = 0.58, rank 1 = the smallest
    for column in ([0.2, 0.9, 0.4], [0.1, 0.5, 0.2, 0.9]):
        out, slopes = run(column), slopes_of(range(len(column)), column)
        assert (out["slope_low"], out["slope_high"]) == pytest.approx((slopes[0], slopes[-1]))


@pytest.mark.parametrize("n", range(3, 41))
def test_interval_lies_between_the_slopes_of_gilberts_rounded_ranks(n):
    column = np.random.default_rng(n).normal(size=n)
    out, slopes = run(column), slopes_of(range(n), column)
    width = Z90 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    low = max(round((len(slopes) - width) / 2), 1)  # rank M1, counted from 1
    assert out["slope_low"] == pytest.approx(slopes[low - 1], rel=1e-12)
    assert out["slope_high"] == pytest.approx(slopes[-low], rel=1e-12)


def test_z90_is_the_upper_five_percent_point():
    assert pytest.approx(stats.norm.ppf(0.95), rel=1e-15) == Z90


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7, 8])
def test_share_of_all_orders_whose_interval_holds_zero_is_the_coverage(n):
    column = np.random.default_rng(n).normal(size=n)
    excluded = sum(s < run(column)["slope_low"] - 1e-12 for s in slopes_of(range(n), column))
    out = run(np.array(list(permutations(range(n)))).T)
    share = np.mean((out["slope_low"] < 0) & (out["slope_high"] > 0))
    assert share == pytest.approx(interval_coverage(n, excluded), abs=1e-12)


@pytest.mark.parametrize("n", [10, 16, 25])
def test_simulated_coverage_of_a_true_slope(n):
    rng = np.random.default_rng(n)
    runs, slope = 20_000, 0.3
    out = run(slope * np.arange(n)[:, None] + rng.exponential(size=(n, runs)))  # skewed noise: the method is free of its shape
    width = Z90 * math.sqrt(n * (n - 1) * (2 * n + 5) / 18)
    expected = interval_coverage(n, round((n * (n - 1) / 2 - width) / 2) - 1)
    assert 0.88 < expected < 0.93
    share = np.mean((out["slope_low"] < slope) & (slope < out["slope_high"]))
    assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / runs)


# Facts that can be checked by eye


@pytest.mark.parametrize("dtype", FLOATS)
def test_four_rising_years(dtype):
    out = run([0.50, 0.55, 0.61, 0.70], [2021, 2022, 2023, 2024], dtype=dtype)
    # slopes .05 .055 .0667 .06 .075 .09: median (.06 + .0667) / 2; Var S = 26 / 3
    expected = [0.19 / 3, 0.05, 0.09, 0.58 - 1.5 * 0.19 / 3, 6, 1, 5 / math.sqrt(26 / 3), 1 / 12, 4]
    assert [float(out[name]) for name in OUTPUTS] == pytest.approx(expected, rel=1e-6 if dtype == "float32" else 1e-12)


@pytest.mark.parametrize(
    ("column", "slope", "s"),
    [
        ([0, 1, 0, 1], 1 / 6, 2),  # slopes -1 0 0 1/3 1 1: the two middle ones differ
        ([0, 0, 1, 3], 1, 5),  # 0 .5 1 1 1.5 2: the two middle ones are equal
        ([1, 1, 1, 2, 2], 7 / 24, 6),  # 0 0 0 0 1/4 1/3 1/3 1/2 1/2 1
        ([1, 0, 3, 0.5], 1 / 24, 0),  # -2.5 -1 -1/6 1/4 1 3: S = 0 and yet the slope is not
    ],
)
def test_slope_is_the_mean_of_the_two_middle_slopes_of_an_even_number(column, slope, s):
    out = run(column)
    assert out["slope"] == pytest.approx(slope, rel=1e-14)
    assert out["s"] == s


def test_slope_is_the_middle_slope_of_an_odd_number():
    assert run([0, 5, 2])["slope"] == 1  # slopes -3 1 5


def test_s_of_zero_gives_z_zero_and_p_one():
    for significance in ("exact", "normal"):
        out = run([1, 0, 3, 0.5], significance=significance)
        assert (out["s"], out["tau"], out["z"], out["p"]) == (0, 0, 0, 1)


@pytest.mark.parametrize("n", [3, 4, 5, 20, 21, 40])
@pytest.mark.parametrize("value", [0.0, 0.37, -1.0])
@pytest.mark.parametrize("dtype", FLOATS)
def test_constant_series_has_slope_zero_and_p_one(n, value, dtype):
    for significance in ("auto", "normal"):
        out = run(np.full(n, value), significance=significance, dtype=dtype)
        assert [float(out[k]) for k in ("slope", "slope_low", "slope_high", "s", "tau", "z", "p", "n")] == [0, 0, 0, 0, 0, 0, 1, n]
        assert out["intercept"] == np.dtype(dtype).type(value)


def test_minus_zero_ties_with_zero():
    out = run([0.0, -0.0, 0.0, 1.0])
    assert out["s"] == 3
    assert out["p"] == 0.5  # ties (3, 1)


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("column", [[NAN] * 5, [NAN, 1, NAN, NAN, NAN], [1, NAN, NAN, NAN, 2], [math.inf, 1, 2, -math.inf, NAN]])
def test_fewer_than_three_values_give_nan_in_all_but_n(column, dtype):
    out = run(column, dtype=dtype)
    assert out["n"] == np.isfinite(column).sum()
    assert all(np.isnan(out[name]) for name in OUTPUTS if name != "n")


@pytest.mark.parametrize("n_time", [1, 2])
@pytest.mark.parametrize("pixels", [1, 40])
def test_windows_shorter_than_three_give_nan(n_time, pixels):
    out = run(np.ones((n_time, pixels)))
    assert np.array_equal(out["n"], np.full(pixels, n_time))
    assert all(np.isnan(out[name]).all() for name in OUTPUTS if name != "n")


def test_a_window_without_any_time_gives_n_of_zero():
    out = run(np.ones((0, 4)))
    assert out["n"].tolist() == [0, 0, 0, 0]
    assert np.isnan(out["slope"]).all()


def test_no_pixels_give_no_results():
    assert statistics(np.ones((5, 0)), np.arange(5.0)).shape == (9, 0)
    assert statistics(np.ones((5, 0, 3)), np.arange(5.0)).shape == (9, 0, 3)


def test_infinite_values_are_gaps_and_the_input_is_left_alone():
    column = np.array([1.0, np.inf, 2.0, -np.inf, 2.5, 4.0])
    before = column.copy()
    out, expected = run(column), run(np.where(np.isfinite(column), column, NAN))
    assert {k: float(v) for k, v in out.items()} == {k: float(v) for k, v in expected.items()}
    assert out["n"] == 4
    assert np.array_equal(column, before)


@pytest.mark.parametrize("missing", [[0], [5], [2], [0, 1], [4, 5], [0, 5], [1, 3]])
def test_a_missing_year_equals_a_series_without_it(missing):
    times, column = np.array([2010, 2011, 2013, 2016, 2017, 2020.0]), np.array([0.3, 0.35, 0.31, 0.5, 0.5, 0.48])
    holed, kept = column.copy(), np.setdiff1d(np.arange(6), missing)
    holed[missing] = NAN
    with_gap, without = run(holed, times), run(column[kept], times[kept])
    for name in OUTPUTS:
        if name != "intercept":
            assert with_gap[name] == without[name], name
    assert with_gap["intercept"] == pytest.approx(without["intercept"] + with_gap["slope"] * (times[0] - times[kept[0]]), rel=1e-14)


@pytest.mark.parametrize(
    ("column", "intercept"),
    [
        ([1, 2, 3, 4], 1),  # on a line: its first value
        ([NAN, 2, 3, 4], 1),  # the first value is missing: the line is still read at 2020
        ([NAN, NAN, NAN, 4, 5, 6], 1),
        ([1, 2, NAN, NAN, 5], 1),
        ([0, 9, 2, 3], 2.5 - 1.5),  # median(y) - slope (median(t) - 2020); slopes -7 -3 1 1 1 9, so 2.5 - 1 * 1.5
        ([1, 5, NAN, 1], 1),  # slopes -2 0 4: the line is flat at median(y)
    ],
)
def test_intercept_is_the_lines_value_at_the_first_time(column, intercept):
    assert run(column, 2020 + np.arange(len(column)))["intercept"] == pytest.approx(intercept, rel=1e-12)


def test_slope_is_per_unit_of_time():
    assert run([0, 1, 2, 3], [0, 0.5, 1, 1.5])["slope"] == 2
    assert run([0, 1, 2, 3], [2000, 2004, 2008, 2012])["slope"] == 0.25
    assert run([0, 1, 5], [2000, 2001, 2005])["slope"] == 1  # real dates, not positions


def test_slopes_of_float32_are_formed_in_float64():
    column = np.float32([1.0, 1.0 + 2**-23, 1.0 + 2**-22])  # neighbours in float32
    assert run(column, [0, 3, 6], dtype="float32")["slope"] == np.float32(2**-23 / 3)


# Lanes: a pixel's result depends on its own series only


def mixed(n: int, pixels: int) -> np.ndarray:
    """Pixels with all the trouble there is: gaps, ties, constants, nothing at all, infinite and huge values."""
    rng = np.random.default_rng(pixels)
    series = rng.normal(size=(n, pixels))
    series[:, ::3] = series[:, ::3].round(1)
    series[rng.random(series.shape) < 0.2] = NAN
    series[:, 3::7] = NAN
    series[:, 4::7] = 0.5
    series[0, 5::7] = np.inf
    series[:, 6::7] *= 1e300
    return series


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("pixels", [1, 2, LANES - 1, LANES, LANES + 1, 2 * LANES, 2 * LANES + 1, 10 * LANES + 7])
def test_a_pixels_result_does_not_depend_on_its_neighbours(pixels, dtype):
    series = mixed(9, pixels)
    series = np.where(np.abs(series) > 1e30, series / 1e270, series).astype(dtype)
    times = np.arange(9.0)
    together = statistics(series, times)
    for pixel in range(pixels):
        assert np.array_equal(together[:, pixel], statistics(series[:, pixel : pixel + 1], times)[:, 0], equal_nan=True), pixel


@pytest.mark.parametrize("n", [3, 4, 11, 24, 48])
def test_permuting_pixels_permutes_results(n):
    series, times = mixed(n, 77), np.arange(float(n))
    order = np.random.default_rng(n).permutation(77)
    assert np.array_equal(statistics(series, times)[:, order], statistics(series[:, order], times), equal_nan=True)


@pytest.mark.parametrize("shape", [(7,), (7, 5), (7, 3, 4), (7, 2, 3, 4)])
def test_shape_of_space_does_not_matter(shape):
    series = np.random.default_rng(0).normal(size=shape)
    out = statistics(series, np.arange(7.0))
    assert out.shape == (9, *shape[1:])
    assert np.array_equal(out.reshape(9, -1), statistics(series.reshape(7, -1), np.arange(7.0)))


def test_memory_layout_does_not_matter():
    series = np.random.default_rng(0).normal(size=(6, 40, 7))
    times, expected = np.arange(6.0), statistics(series, np.arange(6.0))
    assert np.array_equal(statistics(np.asfortranarray(series), times), expected)
    assert np.array_equal(statistics(series[::-1][::-1], times), expected)
    assert np.array_equal(statistics(series[:, ::2], times), expected[:, ::2])
    assert np.array_equal(statistics(series, np.arange(12.0)[::2] / 2), expected)


# Laws


@pytest.fixture(params=[3, 4, 7, 20, 33])
def series(request) -> np.ndarray:
    return pixels_of(request.param)


def same(a, b, names, rtol=1e-9) -> None:
    for name in names:
        np.testing.assert_allclose(a[name], b[name], rtol=rtol, atol=1e-12, err_msg=name)


RANKS = ("s", "tau", "z", "p", "n")
SLOPES = ("slope", "slope_low", "slope_high")


def test_reversing_time_flips_s_and_slope_and_keeps_p(series):
    forward, back = run(series), run(series[::-1])
    for name in ("s", "tau", "z"):
        assert np.array_equal(back[name], -forward[name]), name
    same(back, forward, ("p", "n"), rtol=0)
    same({"slope": -back["slope"], "slope_low": -back["slope_high"], "slope_high": -back["slope_low"]}, forward, SLOPES)


def test_changing_the_sign_of_the_values_does_the_same(series):
    plus, minus = run(series), run(-series)
    assert np.array_equal(minus["s"], -plus["s"])
    same(minus, plus, ("p", "n"), rtol=0)
    same({"slope": -minus["slope"], "slope_low": -minus["slope_high"], "slope_high": -minus["slope_low"]}, plus, SLOPES)


@pytest.mark.parametrize("transform", [np.exp, lambda v: v**3 + v, lambda v: np.arctan(5 * v), lambda v: 1000 * v - 7], ids=["exp", "cubic", "arctan", "line"])
def test_increasing_transforms_keep_s_and_p(series, transform):
    same(run(transform(series)), run(series), RANKS, rtol=0)


def test_times_matter_to_slopes_only_and_not_to_s_and_p(series):
    times = np.cumsum(np.random.default_rng(1).uniform(0.1, 5, len(series)))
    same(run(series, times), run(series), RANKS, rtol=0)


def test_slope_scales_with_values_and_inversely_with_time(series):
    one, other = run(series), run(4 * series + 3, np.arange(len(series)) / 8)
    same(other, {name: 32 * one[name] for name in SLOPES}, SLOPES)
    same(other, {"intercept": 4 * one["intercept"] + 3}, ["intercept"])


def test_shifting_time_changes_nothing(series):
    same(run(series, 2000.0 + np.arange(len(series))), run(series), OUTPUTS)


def test_slope_lies_in_its_interval(series):
    out = run(series)
    assert (out["slope_low"] <= out["slope"]).all()
    assert (out["slope"] <= out["slope_high"]).all()


def test_slope_never_contradicts_s():
    for n in (3, 4, 5, 6):
        ranks, s, _ = every_series(n)
        steps = np.random.default_rng(n).exponential(size=n)
        out = run(np.cumsum(steps)[ranks])  # every order of values that lie unevenly apart
        assert np.array_equal(out["s"], s)
        assert not ((s > 0) & (out["slope"] < 0)).any()
        assert not ((s < 0) & (out["slope"] > 0)).any()


@pytest.mark.parametrize("n", [3, 6, 20, 21, 60])
def test_bounds_of_the_outputs(n):
    out = run(mixed(n, 300))
    there = out["n"] >= 3
    pairs = out["n"] * (out["n"] - 1) / 2
    assert ((out["p"] > 0) & (out["p"] <= 1))[there].all()
    assert (np.abs(out["s"]) <= pairs)[there].all()
    assert np.array_equal(out["tau"][there], (out["s"] / pairs)[there])
    assert np.array_equal(np.sign(out["z"])[there & (np.abs(out["s"]) > 1)], np.sign(out["s"])[there & (np.abs(out["s"]) > 1)])
    assert all(np.isnan(out[name][~there]).all() for name in OUTPUTS if name != "n")


# The sorting network


@pytest.mark.parametrize("n", range(1, 14))
def test_network_sorts_every_row_of_zeros_and_ones_and_therefore_everything(n):
    every = np.array(list(product([0.0, 1.0], repeat=n))).T  # Knuth: what sorts all of these sorts all rows
    every = np.pad(every, ((0, 0), (0, -every.shape[1] % LANES)))
    for first in range(0, every.shape[1], LANES):
        planes = np.ascontiguousarray(every[:, first : first + LANES])
        expected = np.sort(planes, axis=0)
        sort_rows(planes, n)
        assert np.array_equal(planes, expected)


@pytest.mark.parametrize("n", [0, 1, 2, 31, 32, 33, 63, 100, 190, 276, 1128, 1770])
def test_network_sorts_like_numpy(n):
    planes = np.random.default_rng(n).normal(size=(n + 3, LANES)).round(1)
    planes[::4] = np.inf
    expected = np.concatenate([np.sort(planes[:n], axis=0), planes[n:]])
    sort_rows(planes, n)
    assert np.array_equal(planes, expected)  # rows beyond n are left alone


# Words


@pytest.mark.parametrize(("word", "limit"), [("auto", 20), ("exact", 20), ("normal", 0)])
def test_exact_limit(word, limit):
    assert exact_limit(word, 20) == limit


def test_exact_limit_refuses_what_it_cannot_do():
    assert exact_limit("auto", 21) == 20
    with pytest.raises(ValueError, match="at most 20 times, got 21; use auto"):
        exact_limit("exact", 21)
    with pytest.raises(ValueError, match="significance is 'exakt'; expected auto, exact or normal"):
        exact_limit("exakt", 5)
