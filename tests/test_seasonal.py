"""Seasonal tests against formulas written out, pymannkendall, enumeration of whole-year orders, and published answers."""

import csv
import json
import math
import subprocess
import sys
from itertools import combinations, combinations_with_replacement, permutations

import numpy as np
import pymannkendall
import pytest
import xarray as xr
from running import ROOT
from scipy import stats

from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.kendall import LANES, Z90
from pipeline.kernels.null import DRAWN, smallest_p, smallest_seasonal_p
from pipeline.kernels.seasonal import order_signs
from pipeline.stages import warm
from pipeline.trend import TESTS, seasonal_statistics, statistics, trend

NAN = float("nan")
SEASONAL = [name for name, test in TESTS.items() if test.seasonal]


def run(series, times=None, test="seasonal-kendall", dtype="float64") -> dict[str, np.ndarray]:
    values = np.asarray(series, dtype)
    out = seasonal_statistics(values, np.arange(len(values)) if times is None else np.asarray(times, float), test=test)
    assert out.dtype == values.dtype
    return dict(zip(OUTPUTS, out, strict=True))


def sample(n: int, seasons: int, pixels: int, seed: int = 0, gaps: float = 0.25) -> np.ndarray:
    """(years, seasons, pixels): a season's level, what a year's months share, noise; ties in every third pixel, gaps in every second."""
    rng = np.random.default_rng(1000 * n + 10 * seasons + seed)
    out = rng.normal(0.5, 0.2, (1, seasons, 1)) + rng.normal(0, 0.1, (n, 1, pixels)) + rng.normal(0, 0.1, (n, seasons, pixels))
    out += 0.03 * np.arange(n)[:, None, None] * rng.integers(-1, 2, pixels)
    out[..., ::3] = out[..., ::3].round(1)
    out[..., 1::2][rng.random(out[..., 1::2].shape) < gaps] = NAN
    return out


# The formulas, written out


def sign(x):
    return (x > 0) * 1 - (x < 0) * 1


def ranks(x: np.ndarray) -> np.ndarray:
    """Mid-ranks among the values that are there; a missing one has the middle rank."""
    there = ~np.isnan(x)
    return np.where(there, [1 + sum(v < u for v in x[there]) + (sum(v == u for v in x[there]) - 1) / 2 for u in x], (there.sum() + 1) / 2)


def kendall(x: np.ndarray) -> tuple[int, float]:
    """S and its variance of the values that are there, ties corrected."""
    v = x[~np.isnan(x)]
    n = len(v)
    s = sum(sign(b - a) for a, b in combinations(v, 2))
    return s, (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in np.unique(v, return_counts=True)[1])) / 18


def covariance(x: np.ndarray, y: np.ndarray, filled: bool = False) -> float:
    """[K + 4 sum R R - n (n_g + 1) (n_h + 1)] / 3; K of pairs with both values (as rkt), or of the filled ranks (as EnvStats)."""
    a, b = (ranks(x), ranks(y)) if filled else (x, y)
    k = sum(np.nan_to_num(sign((a[j] - a[i]) * (b[j] - b[i]))) for i, j in combinations(range(len(x)), 2))
    return (k + 4 * sum(ranks(x) * ranks(y)) - len(x) * ((~np.isnan(x)).sum() + 1) * ((~np.isnan(y)).sum() + 1)) / 3


def hirsch(x: np.ndarray) -> tuple[int, float]:
    found = [kendall(season) for season in x.T]
    return sum(s for s, _ in found), sum(v for _, v in found)


def hirsch_slack(x: np.ndarray, filled: bool = False) -> tuple[int, float]:
    s, variance = hirsch(x)
    return s, variance + 2 * sum(covariance(a, b, filled) for a, b in combinations(x.T, 2))


def z_of(s: float, variance: float) -> float:
    return NAN if variance <= 0 else (s - sign(s)) / math.sqrt(variance)


def slopes_of(x: np.ndarray, times: np.ndarray) -> list[float]:
    found = [(season[j] - season[i]) / (times[j] - times[i]) for season in x.T for i, j in combinations(range(len(x)), 2)]
    return sorted(v for v in found if v == v)


SHAPES = [(3, 1), (3, 4), (4, 2), (5, 12), (7, 3), (9, 4), (12, 12), (21, 2)]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(("n", "seasons"), SHAPES)
def test_score_variance_and_p_equal_the_formulas_with_gaps_and_ties(n, seasons, dtype):
    series = sample(n, seasons, 24).astype(dtype)
    rtol = 1e-6 if dtype == "float32" else 1e-11
    for test, formula in (("seasonal-kendall", hirsch), ("hirsch-slack", hirsch_slack)):
        out = run(series, test=test, dtype=dtype)
        expected = [formula(pixel.astype(float)) for pixel in np.moveaxis(series, -1, 0)]
        tested = ~np.isnan(out["slope"])
        assert tested.sum() >= 16
        z = np.array([z_of(*e) for e in expected])
        assert np.array_equal(out["s"][tested], np.array([s for s, _ in expected])[tested])
        np.testing.assert_allclose(out["z"][tested], z[tested], rtol=rtol, atol=1e-9, err_msg=test)
        np.testing.assert_allclose(out["p"][tested], 2 * stats.norm.sf(np.abs(z[tested])), rtol=rtol, atol=1e-12, err_msg=test)


@pytest.mark.parametrize(("n", "seasons"), SHAPES)
def test_slope_interval_intercept_tau_and_n_equal_their_definitions_on_uneven_years(n, seasons):
    series = sample(n, seasons, 24, 1)
    times = 1990 + np.cumsum(np.random.default_rng(n).integers(1, 4, n))
    for test in SEASONAL:
        out = run(series, times, test)
        for pixel in range(24):
            x = series[..., pixel]
            there = ~np.isnan(x)
            assert out["n"][pixel] == there.any(axis=1).sum()
            slopes = slopes_of(x, times)
            if out["n"][pixel] < 3 or not slopes:
                assert all(np.isnan(out[name][pixel]) for name in OUTPUTS if name != "n")
                continue
            slope = np.median(slopes)
            s, variance = (hirsch_slack if test == "hirsch-slack" else hirsch)(x)
            rank = round((len(slopes) - Z90 * math.sqrt(variance)) / 2) if variance > 0 else 0
            lines = [np.median(x[t, g]) + slope * (times[0] - np.median(times[t])) for g, t in enumerate(there.T) if t.any()]
            expected = [slope, slopes[max(rank, 1) - 1], slopes[-max(rank, 1)], np.median(lines), s / len(slopes)]
            got = [out[name][pixel] for name in ("slope", "slope_low", "slope_high", "intercept", "tau")]
            assert got == pytest.approx(expected, rel=1e-9, abs=1e-12), (test, pixel)


def test_the_sum_of_all_covariances_is_the_square_form_that_the_kernel_uses():
    """Diagonal included: cov_gg is Kendall's variance with ties, whatever is missing."""
    for pixel in np.moveaxis(sample(8, 4, 12), -1, 0):
        d = np.nansum(sign(pixel[None] - pixel[:, None]), axis=2)
        form = (np.triu(d**2).sum() + (d.sum(axis=1) ** 2).sum()) / 3
        assert form == pytest.approx(sum(covariance(a, b) for a in pixel.T for b in pixel.T), rel=1e-12)
        assert [covariance(a, a) for a in pixel.T] == pytest.approx([kendall(a)[1] for a in pixel.T], rel=1e-12)


@pytest.mark.parametrize("n", [3, 5, 8, 20])
def test_one_season_is_mann_kendall(n):
    series = sample(n, 1, 40)
    times = 2000 + np.cumsum(np.random.default_rng(n).uniform(0.5, 2, n))
    expected = dict(zip(OUTPUTS, statistics(series[:, 0], times, significance="normal"), strict=True))
    flat = expected["z"] == 0
    for test in SEASONAL:
        out = run(series, times, test)
        for name in OUTPUTS:
            if name == "p" and test == "year-permutation":
                continue
            keep = ~flat if test == "hirsch-slack" and name in "zp" else slice(None)
            np.testing.assert_allclose(out[name][keep], expected[name][keep], rtol=1e-9, atol=1e-12, err_msg=f"{test} {name}")
    if n <= 7:
        exact = statistics(series[:, 0], times, significance="exact")[7]
        np.testing.assert_allclose(run(series, times, "year-permutation")["p"], exact, rtol=1e-12)


# pymannkendall, where it is right and where not


@pytest.mark.parametrize(("n", "seasons"), [(4, 2), (5, 12), (9, 4), (15, 12)])
def test_seasonal_kendall_equals_pymannkendall(n, seasons):
    series = sample(n, seasons, 20)
    out = run(series)
    for pixel in range(20):
        peer = pymannkendall.seasonal_test(series[..., pixel].reshape(-1), period=seasons)
        assert [out[k][pixel] for k in ("s", "z", "p", "slope")] == pytest.approx([peer.s, peer.z, peer.p, peer.slope], rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("n", "seasons"), [(4, 2), (5, 12), (9, 4), (15, 12)])
def test_hirsch_slack_has_pymannkendalls_variance_on_complete_data(n, seasons):
    series = sample(n, seasons, 20, gaps=0)
    out = run(series, test="hirsch-slack")
    for pixel in range(20):
        peer = pymannkendall.correlated_seasonal_test(series[..., pixel].reshape(-1), period=seasons)
        assert out["s"][pixel] == peer.s
        assert out["tau"][pixel] == pytest.approx(peer.Tau)
        assert out["z"][pixel] == pytest.approx((peer.s - np.sign(peer.s)) / math.sqrt(peer.var_s), rel=1e-12)


def test_pymannkendalls_correlated_tests_have_no_continuity_correction():
    """4 years, 2 seasons, all rising: it prints p = .0415; ours .0617; no order of whole years can give less than 2/24."""
    rising = np.array([[1.0, 5], [2, 6], [3, 7], [4, 8]])
    peer = pymannkendall.correlated_seasonal_test(rising.reshape(-1), period=2)
    assert (round(peer.z, 3), round(peer.p, 4)) == (2.038, 0.0415)
    ours = run(rising, test="hirsch-slack")
    assert ours["z"] == pytest.approx((12 - 1) / (2 * math.sqrt(26 / 3)))
    assert round(float(ours["p"]), 4) == 0.0617
    assert run(rising, test="year-permutation")["p"] == pytest.approx(2 / 24)


def test_pymannkendalls_correlated_tests_drop_every_year_with_a_gap():
    series = np.array([[1.0, 5], [2, NAN], [3, 7], [4, 8], [5, 9]])
    peer = pymannkendall.correlated_seasonal_test(series.reshape(-1), period=2)
    assert peer.s == 2 * 6  # of 4 years
    ours = run(series, test="hirsch-slack")
    assert (ours["s"], ours["n"]) == (10 + 6, 5)
    assert ours["z"] == pytest.approx(z_of(*hirsch_slack(series)))


@pytest.mark.parametrize("name", ["correlated_seasonal_test", "regional_test"])
def test_pymannkendall_ignores_alpha_here_and_ours_gives_p_alone(name):
    series = sample(10, 4, 1, 3, gaps=0)[..., 0] + 0.03 * np.arange(10)[:, None]
    settings = {"period": 4} if name == "correlated_seasonal_test" else {}
    strict, loose = (getattr(pymannkendall, name)(series.reshape(-1) if settings else series, alpha=a, **settings) for a in (1e-12, 0.05))
    assert strict.p == loose.p > 1e-12
    assert strict.h == loose.h  # p is above one alpha and not above the other
    test = "hirsch-slack" if settings else "seasonal-kendall"
    s, variance = (hirsch_slack if settings else hirsch)(series)
    assert run(series, test=test)["p"] == pytest.approx(2 * stats.norm.sf(abs(z_of(s, variance))), rel=1e-9)


def test_pymannkendall_takes_a_missing_year_for_none():
    series = np.array([[1.0, 5], [2, 6], [4, 8], [5, 9]])  # 2020, 2021, 2023, 2024: one a year
    assert pymannkendall.seasonal_test(series.reshape(-1), period=2).slope > 1.1
    assert run(series, [2020, 2021, 2023, 2024])["slope"] == 1


def test_pymannkendall_tests_two_years_and_ours_does_not():
    series = np.array([[1.0, 5, 3], [2, 6, 4]])
    assert round(pymannkendall.seasonal_test(series.reshape(-1), period=3).p, 3) == 0.248
    for test in SEASONAL:
        out = run(series, test=test)
        assert out["n"] == 2
        assert np.isnan(out["p"])
        assert np.isnan(out["slope"])


def test_pymannkendalls_hamed_rao_can_give_no_p_at_all():
    """Its variance can be negative (issue 29); a plain Mann-Kendall p always exists. Hamed and Rao's test is not offered here."""
    rng = np.random.default_rng(0)
    for _ in range(2000):
        x = rng.normal(size=10)
        with np.errstate(invalid="ignore"):
            peer = pymannkendall.hamed_rao_modification_test(x)
        if peer.var_s < 0:
            break
    assert peer.var_s < 0
    assert np.isnan(peer.p)
    assert 0 < statistics(x[:, None], np.arange(10.0))[7, 0] <= 1
    assert not any("hamed" in name for name in TESTS)


def test_pymannkendalls_partial_test_leaves_ties_out_of_its_variance():
    """A covariate of its own ranks aside, its variance is that of untied values; ours takes ties into account. No partial test is offered here."""
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 3, 12).astype(float), rng.normal(size=12)
    peer = pymannkendall.partial_test(np.column_stack([x, y]))
    untied = 12 * 11 * 29 / 18
    rho = (sum(sign((x[j] - x[i]) * (y[j] - y[i])) for i, j in combinations(range(12), 2)) + 4 * sum(ranks(x) * ranks(y)) - 12 * 13**2) / 3 / untied
    assert peer.var_s == pytest.approx((1 - rho**2) * untied)
    s, variance = kendall(x)
    assert variance < 0.95 * untied
    assert statistics(x[:, None], np.arange(12.0))[6, 0] == pytest.approx(z_of(s, variance))
    assert not any("partial" in name for name in TESTS)


def test_covariance_of_zero_or_less_cannot_be_tested_and_is_never_p_one():
    # two seasons that mirror each other: D = 0, S' = 0, variance 0
    mirrored = np.array([[1.0, 4], [2, 3], [3, 2], [4, 1]])
    assert hirsch_slack(mirrored) == (0, 0)
    out = run(mirrored, test="hirsch-slack")
    assert np.isnan(out["p"])
    assert np.isnan(out["z"])
    assert (out["s"], out["slope"], out["n"], out["slope_low"], out["slope_high"]) == (0, 0, 4, -1, 1)
    assert run(mirrored)["p"] == run(mirrored, test="year-permutation")["p"] == 1


@pytest.mark.parametrize("n", [3, 5, 9])
def test_a_constant_series_has_slope_zero(n):
    series = np.tile([0.2, 0.7, 0.4], (n, 1))
    for test, p in (("seasonal-kendall", 1), ("year-permutation", 1), ("hirsch-slack", NAN)):
        out = run(series, test=test)
        expected = [0, 0, 0, 0.4, 0, 0, p if p != p else 0, p, n]
        assert [float(out[k]) for k in OUTPUTS] == pytest.approx(expected, nan_ok=True), test


# Missing values: which K


def test_k_leaves_out_pairs_with_a_missing_value_where_envstats_takes_the_filled_ranks():
    series = np.array([[1.0, 2], [2, 1], [NAN, 4], [4, 3], [5, 5]])
    ours, theirs = hirsch_slack(series), hirsch_slack(series, filled=True)
    print(f"variance with a gap: {ours[1]:.4f} (K of pairs with both values), {theirs[1]:.4f} (K of filled ranks)")
    assert ours != theirs
    assert run(series, test="hirsch-slack")["z"] == pytest.approx(z_of(*ours), rel=1e-12)


def test_variance_with_gaps_is_close_to_the_true_one():
    """12,000 null series of 12 years, 4 correlated seasons, a fifth missing: mean of the variance against the variance of S'."""
    rng = np.random.default_rng(5)
    series = rng.normal(size=(12, 1, 12_000)) + 0.7 * rng.normal(size=(12, 4, 12_000))
    series[rng.random(series.shape) < 0.2] = NAN
    out, independent = run(series, test="hirsch-slack"), run(series)
    far = np.abs(out["s"]) > 1  # S of 0 and 1 give z = 0 whatever the variance
    estimate, naive = (np.mean(((np.abs(o["s"][far]) - 1) / o["z"][far]) ** 2) for o in (out, independent))
    true = np.mean(out["s"] ** 2)
    filled = np.mean([hirsch_slack(x, filled=True)[1] for x in np.moveaxis(series[..., :200], -1, 0)])
    pairs = np.mean([hirsch_slack(x)[1] for x in np.moveaxis(series[..., :200], -1, 0)])
    print(f"variance of S' {true:.0f}; Hirsch-Slack {estimate:.0f}, independent seasons {naive:.0f}; first 200: {pairs:.0f}, K of filled ranks {filled:.0f}")
    assert abs(estimate / true - 1) < 0.06
    assert naive < 0.6 * true


# Orders of whole years


def permutation_p(x: np.ndarray) -> float:
    """Every order of the years that have a value, written out."""
    x = x[~np.isnan(x).all(axis=1)]
    scores = [abs(hirsch(x[list(order)])[0]) for order in permutations(range(len(x)))]
    return float(np.mean([s >= scores[0] for s in scores]))


@pytest.mark.parametrize(("n", "seasons", "pixels"), [(3, 2, 12), (4, 1, 12), (4, 3, 12), (5, 2, 8), (6, 3, 3)])
def test_year_permutation_equals_every_order_with_gaps_and_ties(n, seasons, pixels):
    series = sample(n, seasons, pixels, 2, gaps=0.4)
    series[1, :, 1] = NAN  # a year without a value
    out = run(series, test="year-permutation")
    for pixel in range(pixels):
        if out["n"][pixel] >= 3:
            assert out["p"][pixel] == pytest.approx(permutation_p(series[..., pixel]), rel=1e-12), pixel


@pytest.mark.parametrize("kept", [3, 4, 5])
def test_few_years_in_a_long_window_are_enumerated_and_not_drawn(kept):
    few = sample(kept, 3, 10, 4)
    window = np.full((11, 3, 10), NAN)
    places = np.sort(np.random.default_rng(kept).permutation(11)[:kept])
    window[places] = few
    window[:, :, 9] = sample(11, 3, 1, 4)[..., 0]  # next to a pixel that needs drawn orders
    out, alone = run(window, test="year-permutation"), run(few, places, test="year-permutation")
    assert out["n"][:9].tolist() == alone["n"][:9].tolist()
    np.testing.assert_allclose(out["p"][:9], alone["p"][:9], rtol=1e-12)
    assert out["p"][9] * 1e4 == pytest.approx(round(out["p"][9] * 1e4), abs=1e-7)


def test_seven_years_are_enumerated():
    series = sample(7, 2, 3, gaps=0)
    orders = np.array(list(permutations(range(7))))
    for pixel in range(3):
        d = sign(series[None, :, :, pixel] - series[:, None, :, pixel]).sum(axis=2)
        scores = np.abs(sum(d[orders[:, i], orders[:, j]] for i, j in combinations(range(7), 2)))
        assert run(series, test="year-permutation")["p"][pixel] == pytest.approx(np.mean(scores >= scores[0]), rel=1e-12)


@pytest.mark.parametrize("seasons", [1, 4])
def test_drawn_orders_give_the_share_of_all_orders(seasons):
    series = sample(8, seasons, 6, gaps=0)
    orders = np.array(list(permutations(range(8))))
    out = run(series, test="year-permutation")
    for pixel in range(6):
        d = sign(series[None, :, :, pixel] - series[:, None, :, pixel]).sum(axis=2)
        scores = np.abs(sum(d[orders[:, i], orders[:, j]] for i, j in combinations(range(8), 2)))
        exact = np.mean(scores >= scores[0])
        assert abs(out["p"][pixel] - exact) < 4 * math.sqrt(exact * (1 - exact) / DRAWN) + 1e-4


def test_drawn_p_counts_the_observed_order_and_repeats():
    series = sample(10, 3, 50)
    p = run(series, test="year-permutation")["p"]
    d = np.nansum(sign(series[None] - series[:, None]), axis=2)
    a, b = np.triu_indices(10, 1)
    scores = order_signs(10).T.astype(int) @ d[a, b]
    expected = (1 + (np.abs(scores) >= np.abs(d[a, b].sum(axis=0))).sum(axis=0)) / (DRAWN + 1)
    tested = ~np.isnan(p)
    np.testing.assert_allclose(p[tested], expected[tested], rtol=1e-12)
    assert np.array_equal(p, run(series, test="year-permutation")["p"], equal_nan=True)


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_order_signs_are_one_of_each_order_and_its_mirror_image(n):
    signs = order_signs(n).T.astype(int)
    both = {tuple(row) for row in np.concatenate([signs, -signs]).tolist()}
    assert len(signs) == math.factorial(n) // 2
    assert len(both) == math.factorial(n)
    assert tuple([1] * signs.shape[1]) in both


def test_size_with_correlated_months_pooling_them_is_too_large_and_whole_years_are_not():
    """5 years x 4 months, correlation .8 within a year, no trend: nominal .05 and .10."""
    rng = np.random.default_rng(8)
    series = math.sqrt(0.8) * rng.normal(size=(5, 1, 20_000)) + math.sqrt(0.2) * rng.normal(size=(5, 4, 20_000))
    found = {test: [float(np.mean(run(series, test=test)["p"] <= a + 1e-12)) for a in (0.05, 0.1)] for test in SEASONAL}
    print("size at .05, .10:", {k: [round(v, 4) for v in s] for k, s in found.items()})
    assert found["seasonal-kendall"][0] > 0.15
    for a, size in zip((0.05, 0.1), found["year-permutation"], strict=True):
        assert size < a + 4 * math.sqrt(a * (1 - a) / 20_000)
        assert size > 0.6 * a  # S' has ties between orders


# The smallest p


def test_smallest_p_of_year_permutation_and_seasonal_kendall_is_reached_by_rising_seasons():
    for n in range(3, 12):
        for seasons in (1, 2, 12):
            rising = np.arange(n)[:, None] + np.zeros(seasons)
            for test in ("year-permutation", "seasonal-kendall"):
                assert run(rising, test=test)["p"] == pytest.approx(smallest_seasonal_p(test, n, seasons), rel=1e-9), (test, n, seasons)


@pytest.mark.parametrize(("n", "seasons"), [(3, 1), (3, 2), (3, 3), (3, 4), (4, 1), (4, 2), (4, 3), (5, 2)])
def test_no_series_goes_below_the_smallest_p(n, seasons):
    """Every series without ties: all choices of one order a season, up to the order of the seasons."""
    series = np.array(list(combinations_with_replacement(permutations(range(n)), seasons)), float).transpose(2, 1, 0)
    for test in SEASONAL:
        p, least = run(series, test=test)["p"], smallest_seasonal_p(test, n, seasons)
        assert np.nanmin(p) >= least - 1e-12
        if test != "hirsch-slack" or seasons == 1:
            assert np.nanmin(p) == pytest.approx(least, rel=1e-9)
        else:
            print(f"hirsch-slack, {n} years, {seasons} seasons: smallest p {np.nanmin(p):.4f}, bound {least:.4f}")


@pytest.mark.parametrize("n", [3, 4, 5, 6])
def test_hirsch_slack_comes_close_to_its_bound_where_seasons_are_rotations(n):
    """N + 1 rotations of rising values, one of them twice: not all monotone, and yet a smaller p than if they were."""
    rotations = np.array([np.roll(np.arange(n + 1), k)[np.roll(np.arange(n + 1), k) > 0] for k in range(n + 1)], float)
    series = np.argsort(rotations, axis=1).T.astype(float)
    copies = np.tile(series, (1, 6))
    out, rising = run(copies, test="hirsch-slack"), run(np.sort(copies, axis=0), test="hirsch-slack")
    bound, pairs, seasons = smallest_seasonal_p("hirsch-slack", n, copies.shape[1]), n * (n - 1) / 2, copies.shape[1]
    print(f"{n} years, {seasons} seasons: p {float(out['p']):.5f} of rotations, {float(rising['p']):.5f} of rising seasons, bound {bound:.5f}")
    assert out["z"] == pytest.approx(math.sqrt(pairs) * (1 - 3 / (seasons * pairs)))
    assert bound < out["p"] < rising["p"]


def test_smallest_p_with_gaps_holds_too_for_hirsch_slack():
    rng = np.random.default_rng(3)
    series = rng.integers(0, 3, (4, 3, 20_000)).astype(float)
    series[rng.random(series.shape) < 0.3] = NAN
    p = run(series, test="hirsch-slack")["p"]
    assert np.nanmin(p) >= smallest_seasonal_p("hirsch-slack", 4, 3)


@pytest.mark.parametrize(("seasons", "p"), [(2, 0.00347), (3, 1.4e-4), (4, 6.0e-6)])
def test_exact_minimum_of_independent_months_is_the_printed_one_and_no_test_here_claims_it(seasons, p):
    """4 years: 2 (1 / 24)**m would hold if months were independent."""
    assert 2 * (1 / 24) ** seasons == pytest.approx(p, rel=0.05)
    assert smallest_seasonal_p("year-permutation", 4, seasons) == 2 / 24


def test_smallest_p_of_one_season_is_kendalls():
    for n in range(3, 12):
        assert smallest_seasonal_p("hirsch-slack", n, 1) == smallest_seasonal_p("seasonal-kendall", n, 1) == pytest.approx(smallest_p(n, "normal"))
    assert all(math.isnan(smallest_seasonal_p(t, n, m)) for t in SEASONAL for n, m in ((2, 12), (0, 1), (5, 0)))
    with pytest.raises(ValueError, match="expected seasonal-kendall, hirsch-slack or year-permutation"):
        smallest_seasonal_p("mann-kendall", 5, 12)


# Laws


@pytest.mark.parametrize("test", SEASONAL)
@pytest.mark.parametrize("n", [5, 9])
def test_laws(test, n):
    series = sample(n, 4, 40)
    one = run(series, test=test)

    def same(other, names=OUTPUTS, rtol=1e-9):
        for name in names:
            np.testing.assert_allclose(other[name], one[name], rtol=rtol, atol=1e-9, err_msg=name)

    same(run(series[:, ::-1], test=test))  # order of the seasons
    mixed = np.random.default_rng(0).permutation(40)
    same({k: v[np.argsort(mixed)] for k, v in run(series[..., mixed], test=test).items()})
    same(run(np.exp(series), test=test), ("s", "tau", "z", "p", "n"))
    same(run(series + np.array([1, -2, 0, 5])[:, None], test=test), ("slope", "slope_low", "slope_high", "s", "z", "p", "n"))
    turned = run(series[::-1], -np.arange(n)[::-1], test=test)
    same({k: -v for k, v in turned.items()}, ("slope", "s", "z", "tau"))
    if n <= 7 or test != "year-permutation":
        same(turned, ("p", "n"))
    steeper = run(series + 0.5 * np.arange(n)[:, None, None], test=test)
    same({"slope": steeper["slope"] - 0.5}, ["slope"])


@pytest.mark.parametrize("pixels", [0, 1, LANES - 1, LANES, LANES + 1, 3 * LANES + 5])
@pytest.mark.parametrize("test", SEASONAL)
def test_each_pixel_is_on_its_own(test, pixels):
    series = sample(6, 3, 3 * LANES + 5)
    out, whole = run(series[..., :pixels], test=test), run(series, test=test)
    for name in OUTPUTS:
        assert np.array_equal(out[name], whole[name][:pixels], equal_nan=True)


def test_infinite_values_are_gaps_and_a_month_a_year_apart_is_no_pair():
    series = sample(6, 3, 30)
    with_inf = np.where(np.isnan(series), math.inf, series)
    for test in SEASONAL:
        assert all(np.array_equal(run(series, test=test)[k], run(with_inf, test=test)[k], equal_nan=True) for k in OUTPUTS)
        lonely = run(np.where(np.eye(4, dtype=bool), 1.0, NAN), test=test)  # 4 years, each with another month
        assert lonely["n"] == 4
        assert all(np.isnan(lonely[k]) for k in OUTPUTS if k != "n")


@pytest.mark.parametrize(
    ("shape", "times", "test", "message"),
    [
        ((5, 3), np.arange(4.0), "hirsch-slack", r"expected \(years, seasons, ...\)"),
        ((5,), np.arange(5.0), "hirsch-slack", r"expected \(years, seasons, ...\)"),
        ((3, 2), np.array([0.0, 0, 1]), "hirsch-slack", "strictly increasing"),
        ((3, 2), np.array([0.0, NAN, 1]), "hirsch-slack", "strictly increasing"),
        ((3, 2), np.arange(3.0), "mann-kendall", "expected one of seasonal-kendall, hirsch-slack, year-permutation"),
        ((3, 2), np.arange(3.0), "none", "expected one of seasonal-kendall, hirsch-slack, year-permutation"),
    ],
)
def test_wrong_input_is_refused(shape, times, test, message):
    with pytest.raises(ValueError, match=message):
        seasonal_statistics(np.ones(shape), times, test=test)


def test_more_pairs_than_the_sums_hold_are_refused_and_not_wrapped():
    assert run(np.ones((3, 10922)), test="year-permutation")["p"] == 1
    rising = np.arange(74)[:, None] * np.ones(12)
    assert run(rising, test="year-permutation")["p"] == 1e-4
    with pytest.raises(ValueError, match="75 years of 12 seasons compare 33300 pairs; year-permutation takes at most 32767"):
        run(np.ones((75, 12)), test="year-permutation")
    assert run(np.arange(75)[:, None] * np.ones(12))["s"] == 33300


GAPS = [
    [[1, 1, 0], [1, 0, 1], [1, 1, 1], [0, 0, 1], [1, 1, 0]],
    [[1, 0], [0, 1], [1, 0], [0, 1], [1, 0]],  # years that no month shares
    [[1, 1], [1, 1], [1, 0], [1, 1]],
]


@pytest.mark.parametrize("there", GAPS)
def test_the_smallest_p_of_months_with_gaps_is_reached_where_all_rises_and_never_passed(there):
    there = np.array(there, bool)
    n, seasons = there.shape
    rising = np.where(there, np.arange(n)[:, None] + 0.01 * np.arange(seasons), np.nan)
    noise = np.where(there[..., None], np.random.default_rng(n).standard_normal((n, seasons, 20_000)), np.nan)
    for test in ("seasonal-kendall", "hirsch-slack", "year-permutation"):
        least = smallest_seasonal_p(test, n, there)
        assert least >= smallest_seasonal_p(test, n, seasons) - 1e-12, "gaps only take away"
        assert np.nanmin(run(noise, test=test)["p"]) >= least - 1e-12
        if test != "hirsch-slack":
            assert run(rising, test=test)["p"] == pytest.approx(least, rel=1e-9)


def test_months_that_are_never_seen_twice_reach_nothing():
    there = np.eye(4, dtype=bool)
    assert all(np.isnan(smallest_seasonal_p(test, 4, there)) for test in ("seasonal-kendall", "hirsch-slack", "year-permutation"))
    whole = np.ones((5, 3), bool)
    for test in ("seasonal-kendall", "hirsch-slack", "year-permutation"):
        assert smallest_seasonal_p(test, 5, whole) == pytest.approx(smallest_seasonal_p(test, 5, 3))


def test_a_seasonal_test_of_annual_values_is_refused():
    with pytest.raises(ValueError, match="use seasonal_statistics"):
        statistics(np.ones((4, 2)), np.arange(4.0), test="hirsch-slack")


def test_trend_and_warm_do_without_the_seasonal_kernels_until_they_are_asked_for(tmp_path):
    asked = "import sys, pipeline.trend; print([m for m in ('seasonal', 'joint') if 'pipeline.kernels.' + m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True, cwd=ROOT).stdout.strip() == "[]"
    warm.run(tmp_path / "warm")
    compiled = set((tmp_path / "warm").read_text(encoding="utf-8").splitlines())
    assert {"slope_sums 1", "monotone_weights 1"} <= compiled
    assert "seasonal_trend 1" not in compiled


# trend() takes dates


def monthly(dtype="float64") -> xr.DataArray:
    """Build monthly data, May to September of 6 years without 2021, on uneven days, with gaps."""
    dates = [np.datetime64(f"{y}-{m:02d}-{1 + (7 * y + 3 * m) % 28:02d}") for y in (2018, 2019, 2020, 2022, 2023, 2024) for m in range(5, 10)]
    values = sample(6, 5, 12).reshape(30, 3, 4).astype(dtype)
    return xr.DataArray(values, coords={"time": np.array(dates, "datetime64[ns]"), "y": range(3), "x": range(4)}, dims=("time", "y", "x"))


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("test", SEASONAL)
def test_year_and_month_of_the_dates_are_year_and_season(test, dtype):
    data = monthly(dtype)
    out = trend(data, test=test)
    expected = seasonal_statistics(data.values.reshape(6, 5, 3, 4), np.array([2018.0, 2019, 2020, 2022, 2023, 2024]), test=test)
    assert list(out.data_vars) == list(OUTPUTS)
    assert out.s.dims == ("y", "x")
    for i, name in enumerate(OUTPUTS):
        assert out[name].dtype == dtype
        assert np.array_equal(out[name].values, expected[i], equal_nan=True)
    mixed = np.random.default_rng(0).permutation(30)
    xr.testing.assert_identical(trend(data.isel(time=mixed), test=test), out)
    xr.testing.assert_identical(trend(data.chunk({"time": -1, "y": 1, "x": 3}), test=test).compute(), out)


def test_months_that_are_absent_from_the_dates_are_gaps():
    data = monthly().isel(time=[i for i in range(30) if i not in (3, 8, 29)])
    filled = monthly()
    filled[[3, 8, 29]] = NAN
    xr.testing.assert_identical(trend(data, test="hirsch-slack"), trend(filled, test="hirsch-slack"))


def test_several_values_of_a_month_are_refused():
    data = monthly()
    dates = data.time.values.copy()
    dates[1] = np.datetime64("2018-05-30")
    with pytest.raises(ValueError, match="several values in 2018-05; hirsch-slack takes one value of a month"):
        trend(data.assign_coords(time=dates), test="hirsch-slack")


@pytest.mark.parametrize("times", [np.arange(30), np.linspace(2018, 2024, 30)])
def test_numbers_have_no_months(times):
    with pytest.raises(ValueError, match="seasonal-kendall needs dates"):
        trend(monthly().assign_coords(time=times), test="seasonal-kendall")


@pytest.mark.parametrize("word", ["exact", "normal"])
def test_seasonal_tests_have_a_p_of_their_own(word):
    with pytest.raises(ValueError, match="has a p of its own, expected auto"):
        trend(monthly(), test="year-permutation", significance=word)


# Published answers


def table(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def answers(shared):
    return shared / "trend_test_answers"


def by_year(rows, value, season="Month") -> tuple[np.ndarray, np.ndarray]:
    years, seasons = (list(dict.fromkeys(float(r[k]) if k == "Year" else r[k] for r in rows)) for k in ("Year", season))
    out = np.full((len(years), len(seasons)), NAN)
    for r in rows:
        if r[value] not in ("", "NA"):
            out[years.index(float(r["Year"])), seasons.index(r[season])] = float(r[value])
    return out, np.array(years)


def test_monthly_example_of_the_epa_guidance_as_printed_by_envstats(answers):
    """Example 14-10: 12 months of 3 years; tau, slope, z and p to the last digit printed."""
    (printed,) = [c for c in json.loads((answers / "envstats_answers.json").read_text(encoding="utf-8"))["cases"] if "season" in c]
    series, years = by_year(table(answers / printed["data"]), printed["y"])
    out = run(series, years)
    assert series.size == printed["n"]
    assert out["tau"] == pytest.approx(printed["tau"], abs=5e-8)
    assert out["slope"] == pytest.approx(printed["slope"], abs=5e-8)
    assert out["z"] == pytest.approx(printed["z"], abs=5e-8)
    assert out["p"] == pytest.approx(printed["p"], rel=3e-7)
    low, high = printed["slope_ci95"]  # 95 %, interpolated between the ranks; ours is nominal 90 %
    assert low <= out["slope_low"] <= out["slope"] <= out["slope_high"] <= high
    # EnvStats' intercept at year 0 is the median of lines with each season's own slope; ours has the one slope and begins in 1983
    own = [np.median(x) - np.median(slopes_of(x[:, None], years)) * np.median(years) for x in series.T]
    assert np.median(own) == pytest.approx(printed["intercept"], abs=5e-8)
    lines = [np.median(x) - 0.06 for x in series.T]
    assert out["intercept"] == pytest.approx(np.median(lines), rel=1e-9)
    # what the 3 years can show of themselves: whole years have 6 orders
    assert run(series, years, "year-permutation")["p"] == pytest.approx(1 / 3)


def rkt(rows, value) -> tuple[int, float]:
    """S and corrected variance as the R package rkt forms them: all pairs of months, diagonal included, K of pairs with both values."""
    series, _ = by_year(rows, value)
    return hirsch(series)[0], sum(covariance(a, b) for a in series.T for b in series.T)


@pytest.mark.parametrize("value", ["SO4", "NO3", "mm"])
def test_monthly_rain_of_the_r_package_rkt(value, answers):
    """13 years of monthly rain, which rkt ships: its own formula of the corrected variance."""
    rows = table(answers / "rkt_pie1.csv")
    series, years = by_year(rows, value)
    out = run(series, years, "hirsch-slack")
    s, variance = rkt(rows, value)
    print(f"{value}: {series.shape}, {np.isnan(series).sum()} missing, S {s}, var {hirsch(series)[1]:.1f}, corrected {variance:.1f}, p {float(out['p']):.5f}")
    assert out["s"] == s
    assert out["z"] == pytest.approx(z_of(s, variance), rel=1e-10)
    assert out["slope"] == pytest.approx(np.median(slopes_of(series, years)), rel=1e-10)
    assert run(series, years)["z"] == pytest.approx(z_of(*hirsch(series)), rel=1e-10)


@pytest.mark.parametrize("station", ["we", "ka", "mz", "ko", "bh", "bi"])
def test_monthly_hcb_of_the_rhine(station, answers):
    """Six stations of the R package trend's example data, 12 years of months: S, variance, z and slope by pymannkendall."""
    series = np.array([float(r[station]) for r in table(answers / "hcb.csv")]).reshape(12, 12)
    out, correlated = run(series), run(series, test="hirsch-slack")
    peer, peer_correlated = pymannkendall.seasonal_test(series.reshape(-1), 12), pymannkendall.correlated_seasonal_test(series.reshape(-1), 12)
    assert [out[k] for k in ("s", "z", "p", "slope")] == pytest.approx([peer.s, peer.z, peer.p, peer.slope], rel=1e-9)
    assert correlated["z"] == pytest.approx((peer.s - np.sign(peer.s)) / math.sqrt(peer_correlated.var_s), rel=1e-9)
    assert abs(correlated["z"]) < abs(out["z"])  # months of a year are alike: less evidence than it seems


def test_airline_passengers_by_pymannkendall(answers):
    series = np.array([float(r["#Passengers"]) for r in table(answers / "AirPassengers.csv")]).reshape(12, 12)
    out, peer = run(series, 1949 + np.arange(12)), pymannkendall.seasonal_test(series.reshape(-1), 12)
    assert (out["s"], out["tau"]) == (peer.s, pytest.approx(peer.Tau))
    assert out["slope"] == pytest.approx(peer.slope)
    assert out["z"] == pytest.approx(peer.z)
    assert run(series, test="year-permutation")["p"] == smallest_seasonal_p("year-permutation", 12, 12)
