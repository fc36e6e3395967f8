"""The kernel that composes a year's days, against numpy; the sorting network, by the 0-1 principle."""

import itertools

import numpy as np
import pytest

from pipeline.kernels.codes import LAND, MASKED, NO_DATA, WATER
from pipeline.kernels.series import LANES, MEAN, composite, network

PIXELS = 2 * LANES + 77


def days(n_days, seed=0):
    """Return states (days, pixels), NDVI that is NaN off land, and days of the year; some pixels have no observation, some all."""
    rng = np.random.default_rng(seed)
    clear = rng.random((n_days, PIXELS)) < rng.random(PIXELS)
    clear[:, 0], clear[:, 1] = True, False
    state = np.where(clear, np.where(rng.random((n_days, PIXELS)) < rng.random(PIXELS) / 2, WATER, LAND), rng.choice([NO_DATA, MASKED], (n_days, PIXELS)))
    ndvi = np.where(state == LAND, rng.uniform(-1, 1, state.shape).round(2), np.nan).astype(np.float32)  # with ties
    return state.astype(np.uint8), ndvi, np.sort(rng.integers(1, 731, n_days))


def run(ndvi, state, day, percentile, least=1, keep_water=True):
    """Return what the kernel fills: NDVI, clear, day, share of water."""
    out = np.empty(PIXELS, np.float32), np.empty(PIXELS, np.uint16), np.empty(PIXELS, np.float32), np.empty(PIXELS, np.float32)
    composite(ndvi, state, day, percentile, least, keep_water, *out, np.empty(0, np.float32))
    return out


def spread(ndvi, state, day, percentile, least=1, keep_water=True):
    """Return the standard deviation that the kernel fills, beside unchanged other results."""
    out = np.empty(PIXELS, np.float32), np.empty(PIXELS, np.uint16), np.empty(PIXELS, np.float32), np.empty(PIXELS, np.float32)
    sd = np.full(PIXELS, -1, np.float32)
    composite(ndvi, state, day, percentile, least, keep_water, *out, sd)
    for with_sd, without in zip(out, run(ndvi, state, day, percentile, least, keep_water), strict=True):
        np.testing.assert_array_equal(with_sd, without)
    return sd


@pytest.mark.parametrize("n_days", [1, 2, 3, 4, 5, 12, 13, 31, 64, 65, 130])
@pytest.mark.parametrize("percentile", [0.0, 10.0, 50.0, 75.0, 100.0])
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_percentiles_equal_numpys(n_days, percentile):
    state, ndvi, day = days(n_days)
    got = run(ndvi, state, day, percentile)[0]
    np.testing.assert_allclose(got, np.nanpercentile(ndvi.astype(np.float64), percentile, axis=0), rtol=1e-6, atol=1e-7)


@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_the_median_equals_numpys_bit_by_bit():
    state, ndvi, day = days(12)
    np.testing.assert_array_equal(run(ndvi, state, day, 50.0)[0], np.nanmedian(ndvi, axis=0))


@pytest.mark.parametrize("n_days", [1, 12, 70])
@pytest.mark.filterwarnings("ignore:Mean of empty slice")
def test_the_mean_equals_numpys(n_days):
    state, ndvi, day = days(n_days)
    np.testing.assert_allclose(run(ndvi, state, day, MEAN)[0], np.nanmean(ndvi.astype(np.float64), axis=0), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("n_days", [1, 12, 63, 64, 65, 128, 200, 300])
@pytest.mark.filterwarnings("ignore:invalid value encountered")
def test_clear_days_day_of_year_and_share_of_water_are_counted(n_days):
    state, ndvi, day = days(n_days, 1)
    _, clear, mean_day, share = run(ndvi, state, day, 50.0)
    seen = (state == LAND) | (state == WATER)
    np.testing.assert_array_equal(clear, seen.sum(axis=0))
    np.testing.assert_allclose(mean_day, (day[:, None] * seen).sum(axis=0) / seen.sum(axis=0), rtol=1e-6)
    np.testing.assert_allclose(share, (state == WATER).sum(axis=0) / seen.sum(axis=0), rtol=1e-6)
    assert np.isnan(mean_day[1])
    assert np.isnan(share[1])
    assert clear[1] == 0


@pytest.mark.parametrize("keep_water", [True, False])
@pytest.mark.parametrize("least", [0, 1, 3, 13])
@pytest.mark.filterwarnings("ignore:All-NaN slice")
def test_pixels_with_too_few_observations_or_on_water_have_no_ndvi(least, keep_water):
    state, ndvi, day = days(12, 2)
    water, seen = (state == WATER).sum(axis=0), np.isin(state, (LAND, WATER)).sum(axis=0)
    blank = (np.isfinite(ndvi).sum(axis=0) < max(least, 1)) | (~np.bool_(keep_water) & (seen > 0) & (2 * water >= seen))
    assert (blank & (np.isfinite(ndvi).sum(axis=0) > 0)).any() == (least > 1 or not keep_water)
    np.testing.assert_array_equal(run(ndvi, state, day, 50.0, least, keep_water)[0], np.where(blank, np.nan, np.nanmedian(ndvi, axis=0)).astype(np.float32))


@pytest.mark.parametrize("n_days", [1, 2, 3, 4, 5, 12, 31, 64, 130])
@pytest.mark.parametrize("percentile", [MEAN, 0.0, 50.0, 75.0, 100.0])
@pytest.mark.filterwarnings("ignore:Degrees of freedom")
def test_the_spread_of_the_observations_is_numpys(n_days, percentile):
    state, ndvi, day = days(n_days, 5)
    expected = np.nanstd(ndvi.astype(np.float64), axis=0, ddof=1)
    number = np.isfinite(ndvi).sum(axis=0)
    got = spread(ndvi, state, day, percentile)
    np.testing.assert_array_equal(np.isnan(got), number < 2)  # one observation tells no spread
    np.testing.assert_allclose(got, expected, rtol=2e-5, atol=1e-6)


@pytest.mark.filterwarnings("ignore:Degrees of freedom")
def test_a_spread_far_below_the_values_is_not_lost_in_float32():
    state, _, day = days(12, 6)
    values = (0.8 + 1e-4 * np.random.default_rng(1).standard_normal(state.shape)).astype(np.float32)
    ndvi = np.where(state == LAND, values, np.float32(np.nan))
    expected = np.nanstd(ndvi.astype(np.float64), axis=0, ddof=1)
    np.testing.assert_allclose(spread(ndvi, state, day, 50.0), expected, rtol=1e-4, atol=1e-8)
    equal = np.where(state == LAND, np.float32(0.3), np.float32(np.nan))
    assert np.nanmax(spread(equal, state, day, MEAN)) == 0


@pytest.mark.parametrize("keep_water", [True, False])
@pytest.mark.parametrize("least", [1, 3])
def test_the_spread_is_empty_where_the_year_has_no_ndvi(least, keep_water):
    state, ndvi, day = days(12, 2)
    annual, sd = run(ndvi, state, day, 50.0, least, keep_water)[0], spread(ndvi, state, day, 50.0, least, keep_water)
    np.testing.assert_array_equal(np.isnan(sd), np.isnan(annual) | (np.isfinite(ndvi).sum(axis=0) < 2))


def test_the_order_of_days_does_not_matter():
    state, ndvi, day = days(13, 3)
    order = np.random.default_rng(4).permutation(13)
    for a, b in zip(run(ndvi, state, day, 50.0), run(ndvi[order], state[order], day[order], 50.0), strict=True):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n", range(1, 12))
def test_the_network_brings_every_low_rank_to_its_place(n):
    every = np.array(list(itertools.product((0, 1), repeat=n)))  # a network that sorts all zeros and ones sorts all numbers (Knuth 5.3.4)
    whole = len(network(n, n - 1))
    for top in range(n):
        steps, values = network(n, top), every.copy()
        for low, high in steps:
            values[:, [low, high]] = np.sort(values[:, [low, high]], axis=1)
        np.testing.assert_array_equal(values[:, : top + 1], np.sort(every, axis=1)[:, : top + 1])
        assert len(steps) <= whole
    assert len(network(n, 0)) == n - 1
