"""When did it change: plain loops, scipy, published answers, brute force over all orders, planted breaks, a burnt forest."""

import math
from itertools import permutations

import geopandas as gpd
import numpy as np
import pymannkendall
import pytest
import rasterio
from rasterio.features import geometry_mask
from scipy import stats

from pipeline.evaluation.breaks import AT_BREAK, FROM_DISTURBANCE, LEAST, break_fit, break_p, disturbance_and_recovery, pettitt
from pipeline.kernels.null import DRAWN, drawn_orders

NAN = float("nan")
NOISE = 1.0


def one(values, times=None, test=pettitt, **settings) -> dict[str, float]:
    """Return the answer of one series, as numbers by name."""
    times = np.arange(2000.0, 2000 + len(values)) if times is None else times
    found = test(np.array(values, float)[:, None], np.array(times, float), **settings)
    return {name: float(v[0]) for name, v in found._asdict().items()}


def sign(x) -> int:
    return int(x > 0) - int(x < 0)


def all_u(x) -> list[int]:
    """U_t of t = 1 .. n - 1, from its definition."""
    return [sum(sign(a - b) for a in x[:t] for b in x[t:]) for t in range(1, len(x))]


def series_with_gaps(n: int, cells: int, seed: int, decimals: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Return noise with gaps in two of three cells, ties where rounded, at uneven times."""
    rng = np.random.default_rng(seed)
    series = rng.normal(0, 1, (n, cells))
    if decimals is not None:
        series = series.round(decimals)
    for cell in range(cells):
        if cell % 3:
            series[rng.permutation(n)[: rng.integers(0, n - 2)], cell] = rng.choice([NAN, np.inf, -np.inf])
    return series, 2000 + np.cumsum(rng.uniform(0.4, 2, n))


# Pettitt's test


@pytest.mark.parametrize("decimals", [None, 0])
@pytest.mark.parametrize("n", [3, 4, 7, 12, 24])
def test_change_point_equals_plain_loops_and_mann_whitney(n, decimals):
    series, times = series_with_gaps(n, 60, n, decimals)
    found = pettitt(series, times)
    for cell, column in enumerate(series.T):
        there = np.isfinite(column)
        x, t = column[there], times[there]
        u = all_u(x)
        for k, value in enumerate(u, 1):  # U_t is the Mann-Whitney statistic of the two parts, about its mean
            assert value == 2 * stats.mannwhitneyu(x[:k], x[k:], method="asymptotic", use_continuity=False).statistic - k * (len(x) - k)
        size = max(map(abs, u))
        assert (found.n[cell], abs(found.u[cell])) == (len(x), size)
        if size == 0:
            assert (math.isnan(found.last_before[cell]), found.places[cell], found.p[cell]) == (True, 0, 1)
            continue
        k = [abs(v) for v in u].index(size)
        assert (found.u[cell], found.last_before[cell], found.first_after[cell]) == (u[k], t[k], t[k + 1])
        assert found.places[cell] == sum(abs(v) == size for v in u)
        assert found.p_approx[cell] == pytest.approx(min(1, 2 * math.exp(-6 * size**2 / (len(x) ** 3 + len(x) ** 2))), rel=1e-12)


def test_a_gap_at_the_change_leaves_the_years_between_open():
    found = one([0.8, 0.7, NAN, NAN, 0.2, 0.1, 0.3])
    assert (found["last_before"], found["first_after"], found["n"], found["u"]) == (2001, 2004, 5, 6)


# Pettitt (1979), table 1; K = 232, tau = 17, p = .0146, which the R packages wq and wql give too
TABLE_1 = (
    "-1.05 .96 1.22 .58 -.98 -.03 -1.54 -.71 -.35 .66 .44 .91 -.02 -1.42 1.26 -1.02 -.81 1.66 1.05 .97 2.14 1.22 -.24 1.60 .72 -.12 .44 .03 .66 .56 "
    "1.37 1.66 .10 .80 1.29 .49 -.07 1.18 3.29 1.84"
)


def test_published_series_of_pettitt():
    found = one([float(v) for v in TABLE_1.split()], np.arange(1, 41))
    assert (found["u"], found["last_before"], found["places"]) == (-232, 17, 1)
    assert round(found["p_approx"], 4) == 0.0146
    assert found["p"] < found["p_approx"]  # the approximation is known to be above the truth


def test_printed_answer_of_the_r_package_trend_with_ties():
    values = [-0.2, -0.2, -1.8, -0.3, 1.5, -0.2, -0.2, 1.2, -1, 1.2, -1, -0.5, 1.1, -1.2]  # U* = 17, K = 10, "p-value = 1.109"
    found = one(values, np.arange(1, 15))
    assert (abs(found["u"]), found["last_before"], found["p_approx"]) == (17, 10, 1)
    assert round(2 * math.exp(-6 * found["u"] ** 2 / (14**3 + 14**2)), 3) == 1.109
    assert 0.5 < found["p"] < 1


def test_a_smooth_trend_misleads_pettitt_and_not_the_two_lines():
    """The example of R's wq: a trend with a step after 75 of 100; Pettitt's test gives 50, its residuals 75."""
    t = np.arange(1.0, 101)
    y = t + np.where(t > 75, 10.0, 0)
    assert one(y, t)["last_before"] == 50
    assert one(y, t, break_fit)["last_before"] == 75
    assert one(y - np.polyval(np.polyfit(t, y, 1), t), t)["last_before"] == 75


def exact_pettitt(x) -> float:
    """Share of every order with at least this K, in plain numpy."""
    n = len(x)
    table = np.array(list(permutations(stats.rankdata(x))))
    k = np.abs(np.cumsum(table, axis=1) * 2 - np.arange(1, n + 1) * (n + 1)).max(axis=1)
    return float(np.mean(k >= max(map(abs, all_u(x)))))


@pytest.mark.parametrize("values", [[3, 1, 2], [1, 2, 2, 3], [4, 1, 1, 1, 1], [2, 2, 1, 1, 1], [1, 2, 3, 4, 5, 6], [5, 6, 6, 1, 2, 1], [1, 1, 1, 1, 2, 2, 3]])
def test_p_equals_brute_force_over_all_orders(values):
    assert one(values)["p"] == pytest.approx(exact_pettitt(values), rel=1e-12)
    assert one([-v for v in values])["p"] == one(values[::-1])["p"] == one(values)["p"]


@pytest.mark.parametrize(("n", "decimals"), [(6, None), (6, 0), (7, None), (7, 0)])
def test_p_of_many_equals_brute_force_over_all_orders(n, decimals):
    series = np.random.default_rng(n).normal(size=(n, 12))
    series = series if decimals is None else series.round(decimals)
    found = pettitt(series, np.arange(float(n)))
    for cell in range(12):
        assert found.p[cell] == pytest.approx(exact_pettitt(series[:, cell]), rel=1e-12)


@pytest.mark.parametrize("decimals", [None, 0])
def test_drawn_orders_are_near_all_orders(decimals):
    series = np.random.default_rng(8).normal(size=(8, 8)) + np.arange(8)[:, None] * 0.3
    series = series if decimals is None else series.round(decimals)
    found = pettitt(series, np.arange(8.0))
    for cell in range(8):
        exact = exact_pettitt(series[:, cell])  # of 40,320 orders
        assert abs(found.p[cell] - exact) < 4.5 * math.sqrt(exact * (1 - exact) / DRAWN) + 1e-4


def test_drawn_p_by_hand_and_the_same_for_equal_series():
    rng = np.random.default_rng(3)
    series = rng.normal(size=(20, 5))
    series[:, 1] = np.exp(3 * series[:, 0])  # the same ranks
    series[:, 2] = -series[:, 0]
    found = pettitt(series, np.arange(20.0))
    assert found.p[0] == found.p[1] == found.p[2]
    ranks = drawn_orders(20, 0) + 1
    k = np.abs(2 * np.cumsum(ranks, axis=1) - 21 * np.arange(1, 21)).max(axis=1)
    for cell in range(5):
        assert found.p[cell] == (1 + np.sum(k >= abs(found.u[cell]))) / (DRAWN + 1)
    other = pettitt(series, np.arange(20.0), seed=1).p
    assert 0 < np.abs(other - found.p).max() < 0.03


def test_what_cannot_be_tested_is_nan_and_not_zero():
    series = np.array([[1, NAN, 5, 1.0], [2, 1, 5, NAN], [NAN, NAN, 5, NAN], [NAN, NAN, 5, NAN]])
    found = pettitt(series, np.arange(4.0))
    assert found.n.tolist() == [2, 1, 4, 1]
    for name in ("u", "last_before", "first_after", "places", "p", "p_approx"):
        assert np.isnan(getattr(found, name)[[0, 1, 3]]).all(), name
    assert (found.u[2], found.p[2], found.p_approx[2], found.places[2]) == (0, 1, 1, 0)
    assert np.isnan([found.last_before[2], found.first_after[2]]).all()
    assert pettitt(np.full((0, 2), NAN), np.zeros(0)).n.tolist() == [0, 0]
    assert pettitt(np.full((5, 0), NAN), np.arange(5.0)).p.shape == (0,)


# Two lines with a jump


def sloping(t, y) -> tuple[np.ndarray, float]:
    design = np.column_stack([np.ones_like(t), t])
    found = np.linalg.lstsq(design, y, rcond=None)[0]
    return found, float(((y - design @ found) ** 2).sum())


def level(t, y) -> tuple[np.ndarray, float]:
    return np.array([y.mean(), 0]), float(((y - y.mean()) ** 2).sum())


def brute_fit(t, y, least, slopes=True) -> dict[str, float]:
    """Every break, by numpy.linalg.lstsq of both sides."""
    t = t - 2000.0
    line_rss = sloping if slopes else level
    one_line, rss1 = line_rss(t, y)
    best = (math.inf,)
    for k in range(least, len(t) - least + 1):
        (left, rss_left), (right, rss_right) = line_rss(t[:k], y[:k]), line_rss(t[k:], y[k:])
        if rss_left + rss_right < best[0]:
            best = (rss_left + rss_right, k, left, right)
    rss2, k, left, right = best
    at = np.array([1, t[k]])
    return {
        "slope": one_line[1],
        "last_before": t[k - 1] + 2000,
        "first_after": t[k] + 2000,
        "slope_before": left[1],
        "slope_after": right[1],
        "step": at @ (right - left),
        "f": (rss1 - rss2) / rss2,
    }


@pytest.mark.parametrize("slopes", [True, False])
@pytest.mark.parametrize("least", [3, 4, 6])
@pytest.mark.parametrize("n", [6, 8, 13, 24])
def test_fit_equals_least_squares_over_all_breaks(n, least, slopes):
    series, times = series_with_gaps(n, 60, 100 + n)
    found = break_fit(series, times, least=least, slopes=slopes)
    fitted = 0
    for cell, column in enumerate(series.T):
        there = np.isfinite(column)
        assert found.n[cell] == there.sum()
        if there.sum() < 2 * least:
            assert all(math.isnan(getattr(found, name)[cell]) for name in ("last_before", "first_after", "slope_before", "slope_after", "step", "f"))
            continue
        fitted += 1
        for name, value in brute_fit(times[there], column[there], least, slopes).items():
            assert getattr(found, name)[cell] == pytest.approx(value, rel=1e-8, abs=1e-10), name
    assert fitted >= 20 or n < 2 * least


def test_fit_by_hand():
    # 0.8 0.8 0.8 | 0.2 0.3 0.4: both lines exact, the line before would give 0.8 in 2006
    found = one([0.8, 0.8, 0.8, 0.2, 0.3, 0.4], np.arange(2003, 2009), break_fit)
    assert (found["last_before"], found["first_after"], found["f"]) == (2005, 2006, math.inf)
    assert (found["slope_before"], found["slope_after"], found["step"]) == pytest.approx((0, 0.1, -0.6), abs=1e-12)
    assert found["slope"] == pytest.approx(-2.05 / 17.5, rel=1e-12)  # -2.5 .8 - 1.5 .8 - .5 .8 + .5 .2 + 1.5 .3 + 2.5 .4 = -2.05


def test_a_line_or_a_constant_has_no_break():
    t = np.arange(2000.0, 2020)
    for y in (0.2 + 0.03 * (t - 2000), np.full(20, 0.7), np.zeros(20), 1e6 - 7 * t):
        found = one(y, t, break_fit)
        assert found["f"] == 0
        assert all(math.isnan(found[name]) for name in ("last_before", "first_after", "slope_before", "slope_after", "step"))
        assert break_p(y[:, None], t).tolist() == [1]


def test_a_line_added_changes_slopes_by_its_own_and_nothing_else():
    series, times = series_with_gaps(16, 40, 7)
    plain, tilted = break_fit(series, times), break_fit(3 * series + 5 - 0.7 * times[:, None], times)
    for name in ("last_before", "first_after"):
        np.testing.assert_array_equal(getattr(tilted, name), getattr(plain, name))
    for name in ("slope", "slope_before", "slope_after"):
        np.testing.assert_allclose(getattr(tilted, name), 3 * getattr(plain, name) - 0.7, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(tilted.step, 3 * plain.step, rtol=1e-7, atol=1e-9)
    np.testing.assert_allclose(tilted.f, plain.f, rtol=1e-6)
    np.testing.assert_array_equal(break_p(3 * series + 5 - 0.7 * times[:, None], times), break_p(series, times))


@pytest.mark.parametrize("slopes", [True, False])
@pytest.mark.parametrize(("n", "count"), [(6, 4), (7, 2)])
def test_break_p_equals_brute_force_over_all_orders(n, count, slopes):
    rng = np.random.default_rng(n)
    t = np.cumsum(rng.uniform(0.5, 1.5, n)) if n == 6 else np.arange(float(n))
    series = rng.normal(size=(n, count)) + 0.3 * t[:, None]
    orders = np.array(list(permutations(range(n))))
    design = np.column_stack([np.ones(n), t] if slopes else [np.ones(n)])
    for column, p in zip(series.T, break_p(series, t, slopes=slopes), strict=True):
        moved = (column - design @ np.linalg.lstsq(design, column, rcond=None)[0])[orders].T

        def rss(rows, moved=moved):
            return ((moved[rows] - design[rows] @ np.linalg.lstsq(design[rows], moved[rows], rcond=None)[0]) ** 2).sum(axis=0)

        best = np.min([rss(np.arange(k)) + rss(np.arange(k, n)) for k in range(LEAST, n - LEAST + 1)], axis=0)
        found = best / rss(np.arange(n))
        assert found[0] == pytest.approx(1 / (1 + brute_fit(t + 2000.0, column, LEAST, slopes)["f"]), rel=1e-9)
        assert p == pytest.approx(np.mean(found <= found[0] + 1e-9), rel=1e-12)


def test_break_p_of_drawn_orders_equals_brute_force_with_gaps():
    rng = np.random.default_rng(5)
    times = np.cumsum(rng.uniform(0.5, 1.5, 14))
    series = rng.normal(size=(14, 3))
    series[[2, 9], 0] = NAN
    series[0, 1] = np.inf
    for column, p in zip(series.T, break_p(series, times, least=4), strict=True):
        t, y = times[np.isfinite(column)], column[np.isfinite(column)]
        n = len(t)
        moved = (y - np.polyval(np.polyfit(t, y, 1), t))[drawn_orders(n, 0)].T
        best = np.full(DRAWN, math.inf)
        for k in range(4, n - 3):
            best = np.minimum(best, sum(np.polyfit(t[s], moved[s], 1, full=True)[1] for s in (slice(0, k), slice(k, n))))
        found = best / np.polyfit(t, moved, 1, full=True)[1]
        assert p == pytest.approx((1 + np.sum(found <= 1 / (1 + brute_fit(t, y, 4)["f"]) + 1e-9)) / (DRAWN + 1), rel=1e-12)


# Bad input


@pytest.mark.parametrize("call", [pettitt, break_fit, break_p, lambda s, t: disturbance_and_recovery(s, t, level=0.05)])
def test_bad_times_and_shapes_are_refused(call):
    series = np.zeros((4, 2))
    for times in ([1.0, 2, 2, 3], [1.0, 2, 4, 3], [1.0, 2, 3, NAN], [1.0, 2, 3]):
        with pytest.raises(ValueError, match="times"):
            call(series, np.array(times))
    with pytest.raises(ValueError, match="expected"):
        call(series[:, 0], np.arange(4.0))
    with pytest.raises(ValueError, match="256 times; expected at most 255"):
        call(np.zeros((256, 1)), np.arange(256.0))


def test_bad_settings_are_refused():
    series, times = np.zeros((8, 1)), np.arange(8.0)
    for call in (break_fit, break_p, lambda s, t, least: disturbance_and_recovery(s, t, level=0.05, least=least)):
        with pytest.raises(ValueError, match="least is 2; expected at least 3"):
            call(series, times, least=2)
    for level in (0, 1, 5, NAN):
        with pytest.raises(ValueError, match="level"):
            disturbance_and_recovery(series, times, level=level)


def test_float32_in_gives_the_same_and_the_input_is_left_alone():
    series = np.random.default_rng(0).normal(size=(12, 6)).astype(np.float32)
    series[3, 2] = np.inf
    kept, times = series.copy(), np.arange(12)
    for call in (pettitt, break_fit):
        for a, b in zip(call(series, times), call(series.astype(float), times.astype(float)), strict=True):
            np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(series, kept)


# What they find


def planted(cells: int, n: int, seed: int, step: float, before: float = 0.0, after: float = 0.0, edge: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """Return series (n, cells) with noise of SD 1 and a step, and where each breaks: values on either side at least `edge`."""
    rng = np.random.default_rng(seed)
    place = rng.integers(edge, n - edge + 1, cells)
    i = np.arange(n)[:, None]
    clean = np.where(i < place, before * (i - place), step + after * (i - place))
    return clean + rng.normal(0, NOISE, (n, cells)), place


def near(when, place) -> float:
    return float(np.mean(np.abs(when - place) <= 1))


@pytest.mark.parametrize("step", [3.0, -3.0])
def test_planted_steps_are_found_within_a_year(step):
    t = np.arange(20.0)
    for edge in (3, 5, 7):
        series, place = planted(2000, 20, 1, step, edge=edge)
        found, levels, lines = pettitt(series, t), break_fit(series, t, slopes=False), break_fit(series, t)
        shares = [near(v.first_after, place) for v in (levels, found, lines)]
        shown = [float(np.mean(p <= 0.05)) for p in (break_p(series, t, slopes=False), found.p, break_p(series, t))]
        print(f"step {step:+.0f} SD, n 20, {edge} values or more on each side, of levels, Pettitt, lines:", end=" ")
        print(f"within one year {np.round(shares, 3)}, p <= .05 {np.round(shown, 3)}")
        assert shares[0] >= 0.9
        assert shares[1] >= 0.9 or edge < 7  # Pettitt's test draws changes near the ends to the middle
        assert shares[2] >= 0.75  # two slopes more to be estimated: see the next test for what they need
        assert shown[0] > 0.95
        assert np.mean(np.sign(-found.u) == np.sign(step)) > 0.99
        assert np.median(levels.step) == pytest.approx(step, abs=0.2)


@pytest.mark.parametrize(("before", "after", "side"), [(0.0, 0.3, -1), (0.3, -0.1, -1), (-0.2, 0.2, -1), (0.0, 0.3, 1)])
def test_planted_lines_are_found_within_a_year(before, after, side):
    shares = {}
    for size in (3, 4):
        series, place = planted(2000, 20, 2, side * size, before, after)
        fit = break_fit(series, np.arange(20.0))
        right = fit.first_after == place
        middle = [float(np.median(getattr(fit, name)[right])) for name in ("slope_before", "slope_after", "step")]
        shares[size] = near(fit.first_after, place)
        print(
            f"slopes {before:+.1f}, {after:+.1f} SD a year, step {side * size:+d} SD, n 20: within one year {shares[size]:.3f}, in the year {right.mean():.3f}"
        )
        assert middle == pytest.approx([before, after, side * size], abs=0.4)
    assert shares[4] >= 0.9
    assert shares[3] >= 0.75  # least squares is maximum likelihood here: 3 SD and 20 values say no more


def _one_fit_rss(series, slopes):
    t = np.arange(float(len(series)))
    design = np.column_stack([np.ones_like(t), t])[:, : 2 if slopes else 1]
    return ((series - design @ np.linalg.lstsq(design, series, rcond=None)[0]) ** 2).sum(axis=0)


def test_a_criterion_that_chooses_between_levels_and_lines_is_no_better_throughout():
    """Why it is not offered: by BIC steps between levels are found as often as by levels, almost, but falls within a trend are lost."""
    shares = {}
    for before, after in ((0.0, 0.0), (0.0, 0.3), (0.3, -0.1), (-0.2, 0.2), (0.3, 0.3)):
        series, place = planted(2000, 20, 1, -3, before, after)
        t = np.arange(20.0)
        fits = break_fit(series, t, slopes=False), break_fit(series, t)
        rss = [_one_fit_rss(series, slopes) / (1 + fit.f) for slopes, fit in zip((False, True), fits, strict=True)]
        chosen = np.where(20 * np.log(rss[0]) <= 20 * np.log(rss[1]) + 2 * math.log(20), fits[0].first_after, fits[1].first_after)
        shares[before, after] = [near(when, place) for when in (fits[0].first_after, fits[1].first_after, chosen)]
        print(f"slopes {before:+.1f}, {after:+.1f}, step -3 SD, n 20, within one year: levels, lines, by BIC {np.round(shares[before, after], 3)}")
    assert shares[0, 0][2] > 0.9 > shares[0, 0][1]
    assert shares[0.3, 0.3][0] < 0.1  # levels take the trend for the break
    assert shares[0.3, 0.3][2] < shares[0.3, 0.3][1] - 0.1
    assert shares[0.3, 0.3][1] > 0.75


def test_a_bend_without_a_jump_is_placed_poorly_as_stated():
    series, place = planted(2000, 20, 3, 0, 0, 0.5)
    shares = near(break_fit(series, np.arange(20.0)).first_after, place), near(pettitt(series, np.arange(20.0)).first_after, place)
    print(f"bend from level to 0.5 SD a year, no step, n 20: within one year: lines {shares[0]:.3f}, Pettitt {shares[1]:.3f}")
    assert max(shares) < 0.5


# False positives


def band(level: float, runs: int) -> float:
    return 4 * math.sqrt(level * (1 - level) / runs)


@pytest.mark.parametrize("n", [6, 7, 12, 20, 24])
def test_pettitt_calls_noise_a_change_as_often_as_stated(n):
    runs = 4000
    p = pettitt(np.random.default_rng(n).normal(size=(n, runs)), np.arange(float(n))).p
    reachable = np.unique(p)
    for level in (0.05, 0.1):
        below = reachable[reachable <= level + 1e-12]
        attained = below.max() if below.size else 0.0  # K is a whole number: p has steps
        share = np.mean(p <= level + 1e-12)
        print(f"Pettitt, white noise, n {n}, {runs} series: p <= {level}: {share:.4f}; largest p up to {level} that occurs: {attained:.4f}")
        assert abs(share - attained) <= band(level, runs)


@pytest.mark.parametrize("slopes", [True, False])
@pytest.mark.parametrize(("n", "runs"), [(6, 20_000), (7, 10_000), (12, 2000), (20, 2000), (24, 2000)])
def test_break_p_calls_noise_around_a_line_a_break_as_often_as_stated(n, runs, slopes):
    t = np.arange(float(n))
    trend = np.random.default_rng(1).uniform(-1, 1, runs) * t[:, None] if slopes else 0
    p = break_p(trend + np.random.default_rng(n).normal(size=(n, runs)), t, slopes=slopes)
    for level in (0.05, 0.1):
        share = np.mean(p <= level + 1e-12)
        print(f"two {'lines' if slopes else 'levels'}, {'trend and ' if slopes else ''}white noise, n {n}, {runs} series: p <= {level}: {share:.4f}")
        above = 0.01 if slopes and n < 8 else 0  # residuals of a fitted line are not quite exchangeable: stated in break_p
        assert share - level <= band(level, runs) + above, level
        assert share - level >= -band(level, runs) or (not slopes and n < 8)  # two levels of 6 values have 20 divisions: no p below .1


def test_pettitt_calls_a_trend_a_change_and_the_two_lines_do_not():
    t = np.arange(20.0)
    series = 0.3 * t[:, None] + np.random.default_rng(4).normal(size=(20, 1000))
    shares = float(np.mean(pettitt(series, t).p <= 0.05)), float(np.mean(break_p(series, t) <= 0.05))
    print(f"trend of 0.3 SD a year, n 20: Pettitt {shares[0]:.3f}, two lines {shares[1]:.3f} at .05")
    assert shares[0] > 0.9
    assert shares[1] < 0.05 + band(0.05, 1000)


# Disturbance and recovery


def years_of(values, level=0.05, **settings):
    found = one(values, None, disturbance_and_recovery, level=level, **settings)
    return found["disturbance"], found["recovery"], found["recovery_by"], found["tested"]


WOBBLE = 0.01 * np.array([0, 1, -1, 0.5, -0.5, 1, 0, -1, 0.7, -0.6, 0.2, 0.9, -0.9, 0.3, -0.2, 0.8, -1, 0.1, 0.6, -0.7, 0.4, -0.3, 1, -0.8])


@pytest.mark.parametrize(
    ("clean", "disturbance", "recovery", "by"),
    [
        ([0.8] * 8 + [0.2] * 16, 2008, NAN, 0),  # stripped, nothing since
        ([0.8] * 8 + list(np.linspace(0.2, 0.7, 16)), 2008, 2008, FROM_DISTURBANCE),  # burnt, growing back at once
        ([0.8] * 6 + [0.2] * 10 + [0.6] * 8, 2006, 2016, AT_BREAK),  # stripped, sown ten years later
        ([0.8] * 6 + [0.2] * 8 + list(np.linspace(0.25, 0.75, 10)), 2006, 2014, AT_BREAK),  # the slope turns up after eight years
        ([0.2] * 12 + [0.6] * 12, NAN, 2012, AT_BREAK),  # on disturbed land from the first
        ([0.5] * 24, NAN, NAN, 0),
        (list(np.linspace(0.2, 0.7, 24)), NAN, NAN, 0),  # a trend has no year of change
        (list(np.linspace(0.9, 0.7, 12)) + list(np.linspace(0.3, 0.1, 12)), 2012, NAN, 0),
        ([0.8, 0.1, 0.1] + [0.1] * 21, NAN, NAN, 0),  # stripped before a break can be told: what follows is no recovery
        ([0.8] + list(np.linspace(0.3, 0.15, 21)) + [0.3, 0.3], NAN, NAN, 0),
        (list(np.linspace(0.8, 0.2, 20)) + [0.3, 0.4, 0.5, 0.6], NAN, 2020, AT_BREAK),  # a long decline that turns
    ],
)
def test_years_of_disturbance_and_recovery_of_plain_cases(clean, disturbance, recovery, by):
    assert years_of(np.array(clean) + WOBBLE) == pytest.approx((disturbance, recovery, by, 1), nan_ok=True)


@pytest.mark.parametrize(
    ("clean", "disturbance", "recovery"),
    [
        ([0.8] * 8 + [0.2] * 16, 2008, NAN),
        ([0.8] * 6 + [0.2] * 10 + [0.6] * 8, 2006, 2016),
        ([0.2] * 12 + [0.6] * 12, NAN, 2012),
        ([0.5] * 24, NAN, NAN),
        (list(np.linspace(0.7, 0.2, 24)), 2012, NAN),  # a trend is taken for a break, as stated
    ],
)
def test_years_by_levels(clean, disturbance, recovery):
    assert years_of(np.array(clean) + WOBBLE, slopes=False)[:2] == pytest.approx((disturbance, recovery), nan_ok=True)


def test_values_that_no_order_can_show_are_untested():
    few = 0.01 * WOBBLE[:7] + np.where(np.arange(7) < 4, 0.8, 0.2)
    assert years_of(few)[3] == 1
    assert years_of(few, slopes=False)[3] == 0  # 35 divisions: p is 2/35 at least
    assert years_of(few, slopes=False, level=0.06)[3] == 1


def test_years_that_cannot_be_told_are_said_to_be_untested():
    assert years_of([0.8, 0.8, 0.2, 0.2, 0.3]) == pytest.approx((NAN, NAN, 0, 0), nan_ok=True)
    assert years_of([NAN] * 24) == pytest.approx((NAN, NAN, 0, 0), nan_ok=True)


def test_phases_agree_with_their_definition_cell_by_cell():
    rng = np.random.default_rng(11)
    t = np.arange(2000.0, 2024)
    i = np.arange(24)[:, None]
    first, second = rng.integers(5, 10, 120), rng.integers(13, 18, 120)
    series = rng.normal(0, 0.5, (24, 120)) + np.where(i >= first, -3, 0) + np.where(i >= second, rng.choice([0, 2, 3, 5], 120), 0) + 0.1 * (i >= first) * i
    series[rng.random(series.shape) < 0.1] = NAN
    found = disturbance_and_recovery(series, t, level=0.05)
    seen = set()
    for cell in range(120):
        y = series[:, cell]
        there = np.isfinite(y)
        fall, start = _by_definition(t[there], y[there])
        assert (found.disturbance[cell], found.recovery[cell]) == pytest.approx((fall, start), nan_ok=True), cell
        seen.add((math.isnan(fall), int(found.recovery_by[cell])))
    assert len(seen) >= 4, seen


def _shown(t, y):
    if len(t) < 2 * LEAST or break_p(y[:, None], t)[0] > 0.05:
        return None
    return brute_fit(t, y, LEAST)


def _gains(fit, t, y) -> bool:
    if y[-LEAST:].mean() <= y[t <= fit["last_before"]][-LEAST:].mean():
        return False
    before = fit["slope_before"] * (fit["last_before"] - t[0])
    at_last_before = -fit["step"] - fit["slope_before"] * (fit["first_after"] - fit["last_before"])  # of the line before, beside the line after
    return fit["slope_after"] * (t[-1] - fit["first_after"]) - at_last_before > max(before, 0)


def _by_definition(t, y) -> tuple[float, float]:
    """The three steps of the docstring, one series at a time, with lstsq and pymannkendall."""
    whole = _shown(t, y)
    fall = whole if whole and whole["step"] < 0 else None
    if whole and not fall:
        early = t <= whole["last_before"]
        earlier = _shown(t[early], y[early])
        fall = earlier if earlier and earlier["step"] < 0 else None
    if not fall:
        return NAN, whole["first_after"] if whole and _gains(whole, t, y) else NAN
    late = t >= fall["first_after"]
    after = _shown(t[late], y[late])
    if after and _gains(after, t[late], y[late]):
        return fall["first_after"], after["first_after"]
    kendall = pymannkendall.original_test(y[late])
    exact = stats.kendalltau(t[late], y[late], method="exact").pvalue
    return fall["first_after"], fall["first_after"] if kendall.s > 0 and exact <= 0.05 else NAN


def test_phases_of_planted_series_and_of_noise():
    rng = np.random.default_rng(21)
    t = np.arange(2000.0, 2024)
    i = np.arange(24)[:, None]
    burnt = np.where(i < 7, 0, -3 + 0.15 * (i - 7)) + rng.normal(0, 0.7, (24, 1000))
    found = disturbance_and_recovery(burnt, t, level=0.05)
    near, back = np.mean(np.abs(found.disturbance - 2007) <= 1), np.mean(found.recovery_by == FROM_DISTURBANCE)
    print(f"fall of 4.3 SD in 2007, growing back at 0.21 SD a year: disturbance within one year {near:.3f}, rise from then on {back:.3f}")
    assert near > 0.9
    noise = disturbance_and_recovery(rng.normal(size=(24, 2000)), t, level=0.05)
    shares = [float(np.isfinite(v).mean()) for v in (noise.disturbance, noise.recovery)]
    print(f"white noise, n 24, level .05: a disturbance in {shares[0]:.4f}, a recovery in {shares[1]:.4f} of 2,000 series")
    assert max(shares) < 0.05 + band(0.05, 2000)
    assert noise.tested.all()


# A burnt forest: 24 Landsat composites, wildfire_516 of 2005

FIRE = 2005
YEARS = np.arange(2000.0, 2024)


@pytest.fixture(scope="module")
def forest(shared):
    """NDVI, NBR (years, cells) and a function from a file of polygons to (masks (cells,), their table)."""
    folder, ndvi, nbr = shared / "landsat_bc_annual_2000_2023", [], []
    for year in YEARS:
        with rasterio.open(folder / f"{year:.0f}.tif") as image:
            red, nir, swir2 = image.read([3, 4, 6]).astype(float)
            shape, transform, crs = image.shape, image.transform, image.crs
        with np.errstate(invalid="ignore", divide="ignore"):
            ndvi.append(((nir - red) / (nir + red)).ravel())
            nbr.append(((nir - swir2) / (nir + swir2)).ravel())

    def sites(name):
        table = gpd.read_file(folder / f"{name}.gpkg").to_crs(crs)
        return [geometry_mask([shape_], shape, transform, invert=True).ravel() for shape_ in table.geometry], table

    return np.array(ndvi), np.array(nbr), sites


def in_fire(when) -> tuple[float, float, float]:
    """Share of pixels whose first year after the change is the year of the fire, the next year, either."""
    first, second = float(np.mean(when == FIRE)), float(np.mean(when == FIRE + 1))
    return first, second, first + second


def test_breaks_of_a_burnt_forest_fall_in_the_year_of_the_fire(forest):
    ndvi, nbr, sites = forest
    (fire,), table = sites("wildfire_516")
    assert (table.dist_start[0], int(fire.sum())) == (FIRE, 5522)
    burnt = np.nanmean(nbr[YEARS < FIRE], axis=0) - nbr[YEARS == FIRE + 1][0] > 0.27  # dNBR, moderate severity (Key and Benson 2006)
    shares = {}
    for name, index in (("NDVI", ndvi), ("NBR", nbr)):
        for last in (2010, 2023):
            for what, cells in (("polygon", fire), ("dNBR > .27", fire & burnt)):
                used = last >= YEARS
                part, t = index[np.ix_(used, cells)], YEARS[used]
                phases = disturbance_and_recovery(part, t, level=0.05)
                seen = np.isfinite(phases.disturbance)
                found = {"Pettitt": pettitt(part, t).first_after, "lines": break_fit(part, t).first_after, "shown": phases.disturbance[seen]}
                for how, when in found.items():
                    shares[name, last, what, how] = in_fire(when)
                    of = f" of the {seen.mean():.2f} with a disturbance at .05" if how == "shown" else ""
                    first, second, either = in_fire(when)
                    print(f"{name} 2000-{last}, {what}, {how}: {FIRE} {first:.3f}, {FIRE + 1} {second:.3f}, either {either:.3f}{of}")
    for how in ("Pettitt", "lines", "shown"):
        assert shares["NDVI", 2010, "polygon", how][2] > 0.5, how
        assert shares["NBR", 2023, "dNBR > .27", how][2] > 0.7, how
    assert shares["NDVI", 2023, "polygon", "shown"][2] > 0.5
    assert shares["NBR", 2023, "polygon", "lines"][2] > 0.5
    # As `break_fit` says: NDVI of all 24 years is back within a few years of the fire, and most of its breaks are later.
    assert shares["NDVI", 2023, "polygon", "lines"][2] < 0.5


def test_break_years_of_the_sites_agree_with_plain_numpy(forest):
    ndvi, _, sites = forest
    masks, table = sites("test_multiple_polygons")
    (fire,), _ = sites("wildfire_516")
    assert table.dist_start.tolist() == [2002, 2002, 2004, 2002, 2005]
    for name, mask in [("wildfire", fire), *((f"site {i}, dist_start {table.dist_start[i]}", m) for i, m in enumerate(masks))]:
        some = np.isfinite(ndvi[:, mask]).any(axis=1)
        mean = np.full(len(YEARS), NAN)
        mean[some] = np.nanmean(ndvi[some][:, mask], axis=1)
        y, t = mean[some], YEARS[some]
        fit, found = one(mean, YEARS, break_fit), one(mean, YEARS)
        for key, value in brute_fit(t, y, LEAST).items():
            assert fit[key] == pytest.approx(value, rel=1e-8), (name, key)
        u = all_u(y)
        k = int(np.argmax(np.abs(u)))
        assert (found["u"], found["last_before"], found["first_after"]) == (u[k], t[k], t[k + 1])
        p = float(break_p(mean[:, None], YEARS)[0])
        print(f"{name}: lines break in {fit['first_after']:.0f}, step {fit['step']:+.3f}, p {p:.4f}; Pettitt {found['first_after']:.0f}, p {found['p']:.3f}")
    assert one(np.nanmean(ndvi[:, fire], axis=1), YEARS, break_fit)["first_after"] == FIRE
