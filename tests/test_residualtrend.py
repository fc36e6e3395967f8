"""Trend beside climate against plain loops, numpy, scipy and pymannkendall; planted rain and planted restoration; size of the test."""

import numpy as np
import pymannkendall
import pytest
from scipy import stats

from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.evaluation.climate import LEAST_FOR_TREND
from pipeline.evaluation.residualtable import NUMBERS, RESIDUAL_COLUMNS, residual_row
from pipeline.evaluation.residualtrend import DRAWS, normal_errors, residual_trend
from pipeline.zonestats import ZoneSeries

NAN = np.nan


def weather(n, seed=0, r=0.0):
    """Return precipitation (correlated with the years by about r) and temperature, (n, 2)."""
    rng = np.random.default_rng([seed, 1])  # a stream of its own
    line = stats.zscore(np.arange(n))
    return np.column_stack([250 + 60 * (r * line + np.sqrt(1 - r * r) * rng.normal(size=n)), 8 + rng.normal(size=n)])


def left(values, climate):
    """Return the residuals of a least-squares fit with a constant, by numpy."""
    design = np.column_stack([np.ones(len(climate)), climate])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


@pytest.mark.parametrize("n", [8, 11, 24])
@pytest.mark.parametrize("variables", [1, 2])
def test_slopes_and_s_agree_with_numpy_and_scipy(n, variables):
    rng, times, climate = np.random.default_rng(n), np.sort(np.random.default_rng(n).choice(60, n, replace=False)) + 1960.0, weather(n, n)[:, :variables]
    series = rng.normal(0.3, 0.1, (n, 5))
    found = residual_trend(series, times, climate)
    u = left(times, climate)
    for cell in range(5):
        e = left(series[:, cell], climate)
        assert found.slope[cell] == pytest.approx(stats.theilslopes(e, u).slope)
        tau = stats.kendalltau(e, u)
        assert found.s[cell] == pytest.approx(tau.statistic * n * (n - 1) / 2)
        published = pymannkendall.original_test(e)
        assert found.restrend_slope[cell] == pytest.approx(stats.theilslopes(e, times).slope)
        assert found.restrend_p[cell] == pytest.approx(stats.kendalltau(e, times, method="exact").pvalue if n <= 20 else published.p, abs=1e-9)
        assert found.r2[cell] == pytest.approx(1 - e @ e / ((series[:, cell] - series[:, cell].mean()) ** 2).sum())
    assert found.n.tolist() == [n] * 5
    assert found.time_left == pytest.approx(u @ u / ((times - times.mean()) ** 2).sum())


def test_least_squares_of_the_two_residuals_is_the_coefficient_of_the_years():
    """Frisch and Waugh: why the partial slope is that of the years beside climate."""
    climate, times, y = weather(12, 1, 0.7), np.arange(12.0), np.random.default_rng(1).normal(size=12)
    design = np.column_stack([np.ones(12), climate, times])
    coefficient = np.linalg.lstsq(design, y, rcond=None)[0][-1]
    e, u = left(y, climate), left(times, climate)
    assert u @ e / (u @ u) == pytest.approx(coefficient)


def test_p_is_that_of_a_drawing_of_its_own():
    n, climate = 9, weather(9, 3, 0.5)
    series = np.random.default_rng(3).normal(size=(n, 40))
    found = residual_trend(series, np.arange(n), climate)
    u, rng = left(np.arange(n, dtype=float), climate), np.random.default_rng(99)
    i, j = np.triu_indices(n, 1)
    e = left(rng.normal(size=(n, 40_000)), climate)
    drawn = np.abs((np.sign(e[j] - e[i]) * np.sign(u[j] - u[i])[:, None]).sum(axis=0))
    for s, p in zip(found.s, found.p, strict=True):
        other = np.mean(drawn >= abs(s))
        assert p == pytest.approx(other, abs=5 * np.sqrt(other * (1 - other) * (1 / DRAWS + 1 / 40_000)) + 1e-4)


def test_the_f_test_of_climate_agrees_with_a_plain_one():
    n, climate, times = 10, weather(10, 4), np.arange(10.0)
    series = np.random.default_rng(4).normal(size=(n, 6)) + 0.01 * climate[:, :1]
    found = residual_trend(series, times, climate).climate_p
    for cell in range(6):
        y = series[:, cell]
        small, large = ((left(y, x) ** 2).sum() for x in (times[:, None], np.column_stack([times, climate])))
        f = (small - large) / 2 / (large / (n - 4))
        assert found[cell] == pytest.approx(stats.f.sf(f, 2, n - 4))


def test_the_interval_holds_the_slopes_that_the_test_does_not_refuse():
    n, climate, times = 12, weather(12, 5, 0.4), np.arange(12.0)
    y = np.random.default_rng(5).normal(size=(n, 1)) + 0.2 * times[:, None]
    found = residual_trend(y, times, climate)
    low, high = float(found.slope_low[0]), float(found.slope_high[0])
    tiny = 1e-6 * (high - low)

    def p(slope):
        return float(residual_trend(y - slope * times[:, None], times, climate).p[0])

    assert min(p(low + tiny), p(high - tiny)) > 0.10 - 1e-9
    assert max(p(low - tiny), p(high + tiny)) <= 0.10
    assert low < found.slope[0] < high


# What is planted


def test_cover_made_by_rain_alone_has_no_trend_beside_it_however_rain_rises():
    climate = weather(15, 6, 0.9)
    found = residual_trend((0.1 + 0.001 * climate[:, 0] + 0.02 * climate[:, 1])[:, None], np.arange(15), climate)
    assert (found.slope[0], found.s[0], found.p[0], found.restrend_slope[0]) == (0, 0, 1, 0)
    assert found.r2[0] == pytest.approx(1)
    assert found.climate_p[0] == 0
    stored = residual_trend((0.1 + 0.001 * climate[:, :1]).astype(np.float32), np.arange(15), climate)
    assert (stored.s[0], stored.p[0]) == (0, 1)  # the rounding of a float32 raster is no trend


def test_restoration_planted_on_rain_is_recovered_where_the_residuals_of_restrend_lose_it():
    n, truth = 20, 0.012
    climate, times = weather(n, 8, 0.7), np.arange(n, dtype=float)
    noise = np.random.default_rng(8).normal(0, 0.02, (n, 300))
    cover = (0.1 + 0.0008 * climate[:, 0] + 0.01 * climate[:, 1] + truth * times)[:, None] + noise
    found = residual_trend(cover, times, climate)
    assert found.slope.mean() == pytest.approx(truth, rel=0.02)
    assert np.mean((found.slope_low <= truth) & (truth <= found.slope_high)) > 0.85
    assert (found.p <= 0.05).mean() > 0.99
    assert found.restrend_slope.mean() < 0.7 * truth
    assert stats.theilslopes(cover.mean(axis=1), times).slope > 1.3 * truth  # the plain trend takes the rain's share too


@pytest.mark.parametrize(("n", "r"), [(8, 0.0), (8, 0.8), (20, 0.5)])
def test_size_is_nominal_where_that_of_an_exchangeable_s_is_not(n, r):
    """2,000 series over 40 climates each; errors are independent and normal."""
    given, naive, published = [], [], []
    for seed in range(40):
        climate, rng = weather(n, seed, r), np.random.default_rng(1000 + seed)
        found = residual_trend(rng.normal(size=(n, 50)) + 0.02 * climate[:, :1], np.arange(n), climate)
        given.append(found.p <= 0.05)
        published.append(found.restrend_p <= 0.05)
        exact = {s: stats.kendalltau(np.arange(n), order).pvalue for s, order in orders_by_s(n).items()}
        naive.append([exact[abs(int(s))] <= 0.05 for s in found.s])
    assert 0.025 < np.mean(given) < 0.065
    assert np.mean(naive) > np.mean(given) + 0.008
    assert np.mean(published) < (0.006 if r == 0.8 else 0.045)


def orders_by_s(n):
    """Return an order of n values for each S from 0 up: by moving values to the front one step at a time."""
    order, out, s = list(range(n)), {}, n * (n - 1) // 2
    out[s] = list(order)
    for last in range(1, n):
        for place in range(last, 0, -1):
            order[place - 1], order[place] = order[place], order[place - 1]
            s -= 2
            if s >= 0:
                out[s] = list(order)
    return out


# Gaps and refusals


def test_each_series_is_that_of_its_own_years():
    n, climate, times = 14, weather(14, 9), np.arange(14.0)
    series = np.random.default_rng(9).normal(size=(n, 4))
    series[2, 1] = series[5, 2] = series[6, 2] = NAN
    series[0, 3] = np.inf
    dry = climate.copy()
    dry[10, 1] = NAN
    found = residual_trend(series, times, dry)
    assert found.n.tolist() == [13, 12, 11, 12]
    for cell in range(4):
        own = np.isfinite(series[:, cell]) & (times != 10)
        alone = residual_trend(series[own, cell][:, None], times[own], climate[own])
        for name in found._fields:
            assert getattr(found, name)[cell] == getattr(alone, name)[0], name


def test_many_cells_are_worked_strip_by_strip():
    series, climate = np.random.default_rng(0).normal(size=(8, 4100)), weather(8)
    whole, part = residual_trend(series, np.arange(8), climate), residual_trend(series[:, 4090:], np.arange(8), climate)
    assert np.array_equal(whole.slope[4090:], part.slope)
    assert np.array_equal(whole.p[4090:], part.p)


def test_below_eight_years_nothing_is_said():
    series = np.random.default_rng(0).normal(size=(8, 2))
    series[3, 1] = NAN
    found = residual_trend(series, np.arange(8), weather(8))
    assert (LEAST_FOR_TREND, found.n.tolist()) == (8, [8, 7])
    for values in found[1:]:
        assert np.isfinite(values[0])
        assert np.isnan(values[1])


def test_climate_that_follows_the_years_cannot_be_told_from_a_trend():
    times = np.arange(10.0)
    found = residual_trend(np.random.default_rng(0).normal(size=(10, 1)), times, (200 + 3 * times)[:, None])
    assert np.isnan([found.slope[0], found.p[0], found.slope_low[0]]).all()
    assert found.time_left[0] == pytest.approx(0, abs=1e-12)


def test_climate_that_does_not_vary_or_repeats_changes_nothing():
    series, times, rain = np.random.default_rng(1).normal(size=(9, 1)), np.arange(9.0), weather(9)[:, :1]
    alone = residual_trend(series, times, rain)
    for more in (np.full((9, 1), 8.1), 2 * rain + 3):
        both = residual_trend(series, times, np.hstack([rain, more]))
        assert [float(v[0]) for v in both] == pytest.approx([float(v[0]) for v in alone])
    constant = residual_trend(series, times, np.full((9, 1), 8.1))
    assert constant.slope[0] == pytest.approx(stats.theilslopes(series[:, 0], times).slope)
    assert (constant.time_left[0], constant.r2[0]) == (pytest.approx(1), pytest.approx(0, abs=1e-12))
    assert np.isnan(constant.climate_p[0])


def test_years_that_climate_leaves_at_one_time_are_not_compared():
    """Rain is one value in four years and another in the next four: what is left of the years is -1.5, -.5, .5, 1.5 twice."""
    rain, y = np.repeat([100.0, 300.0], 4)[:, None], np.array([1.0, 2, 4, 3, 10, 12, 11, 15])
    found = residual_trend(y[:, None], np.arange(8), rain)
    e, u = y - np.repeat([2.5, 12.0], 4), np.tile([-1.5, -0.5, 0.5, 1.5], 2)
    pairs = [(i, j) for i in range(8) for j in range(i) if u[i] != u[j]]
    assert found.s[0] == sum(np.sign((e[i] - e[j]) * (u[i] - u[j])) for i, j in pairs)
    assert found.slope[0] == pytest.approx(np.median([(e[i] - e[j]) / (u[i] - u[j]) for i, j in pairs]))


@pytest.mark.parametrize(
    ("series", "times", "climate", "says"),
    [
        (np.zeros(8), np.arange(8), np.zeros((8, 1)), r"series \(8,\)"),
        (np.zeros((8, 1)), np.arange(7), np.zeros((8, 1)), r"times \(7,\)"),
        (np.zeros((8, 1)), np.arange(8), np.zeros((8, 0)), r"climate \(8, 0\)"),
        (np.zeros((8, 1)), np.arange(8)[::-1], np.zeros((8, 1)), "strictly increasing"),
        (np.zeros((2, 1)), np.array([1.0, NAN]), np.zeros((2, 1)), "strictly increasing"),
    ],
)
def test_other_shapes_are_refused(series, times, climate, says):
    with pytest.raises(ValueError, match=says):
        residual_trend(series, times, climate)


def test_drawn_errors_are_standard_normal_and_the_same_every_time():
    errors = normal_errors(8)
    assert np.array_equal(errors, normal_errors(8))
    assert stats.kstest(errors.ravel(), "norm").pvalue > 0.01
    assert abs(np.corrcoef(errors)[np.triu_indices(8, 1)]).max() < 0.05


# Zones


def zone(n, seed=0, cells=6, gaps=()):
    """Return a zone of cells of different area; cover = rain + trend of the cell's number + noise."""
    rng, climate = np.random.default_rng(seed), weather(n, seed)
    area = np.arange(1.0, cells + 1)[None, :] * 100
    cover = 0.2 + 0.0005 * climate[:, :1] + 0.03 * (np.arange(cells) >= cells - 2) * np.arange(n)[:, None] + rng.normal(0, 0.01, (n, cells))
    ndvi = (0.1 + 0.8 * cover)[:, None, :].astype(np.float32)
    for year, cell in gaps:
        ndvi[year, 0, cell] = NAN
    coverage = ZoneCoverage("pit", "pit", slice(0, 1), slice(0, cells), area)
    return ZoneSeries(coverage, ndvi, list(range(2005, 2005 + n)), Endmembers(0.1, 0.9, 0)), climate


def by_year(climate, names=("precipitation", "temperature"), first=2005):
    return {name: {first + i: float(v) for i, v in enumerate(climate[:, k])} for k, name in enumerate(names)}


def test_a_zones_row_is_that_of_its_mean_series_and_its_cells():
    series, climate = zone(14)
    row = residual_row(series, (2005, 2018), "fvc", by_year(climate), 0.05)
    means = np.array([np.average(series.values(i, "fvc"), weights=series.weights) for i in range(14)])
    alone = residual_trend(means[:, None], np.arange(2005.0, 2019), climate)
    for name, column in ({"n": "n"} | NUMBERS).items():
        assert row[column] == pytest.approx(float(getattr(alone, name)[0])), name
    cells = residual_trend(np.stack([series.values(i, "fvc") for i in range(14)]), np.arange(14.0), climate)
    up = (cells.p <= 0.05) & (cells.slope > 0)
    assert up[4:].all()
    assert row["partial_rising_pct"] == pytest.approx(100 * series.weights[up].sum() / 2100)
    assert row["partial_rising_pct"] >= 100 * 1100 / 2100 - 1e-9
    assert (row["cells_tested_pct"], row["note"], row["predictors"]) == (100, "", "precipitation temperature")
    assert set(row) == set(RESIDUAL_COLUMNS) - {"mine", "sensor", "variable", "zone", "role", "first_year", "last_year"}


def test_a_zone_without_eight_years_of_cover_and_climate_has_a_reason():
    series, climate = zone(9)
    values = by_year(climate)
    values["precipitation"] |= {2006: None}
    assert residual_row(series, (2005, 2013), "fvc", values, 0.05)["n"] == 8
    values["temperature"] |= {2010: None}
    row = residual_row(series, (2005, 2013), "fvc", values, 0.05)
    assert row["note"] == "7 years with cover and climate; at least 8 are needed"
    assert (row["n"], row["years_used"]) == (7, "2005 2007 2008 2009 2011 2012 2013")
    assert [row[k] for k in ("partial_slope", "partial_p", "restrend_p", "partial_rising_pct", "cells_tested_pct")] == [None] * 5
    assert residual_row(series, (2007, 2013), "fvc", by_year(climate), 0.05)["n"] == 7


def test_cells_are_tested_with_their_own_years_and_untested_area_is_said():
    series, climate = zone(9, gaps=[(0, 0), (1, 0), (2, 1)])
    row = residual_row(series, (2005, 2013), "ndvi", by_year(climate), 0.05)
    assert row["cells_tested_pct"] == pytest.approx(100 * (2100 - 100) / 2100)  # the first cell has 7 years, the second 8
    assert row["n"] == 9


def test_a_zone_whose_climate_follows_the_years_says_so():
    series, _ = zone(10)
    row = residual_row(series, (2005, 2014), "fvc", {"temperature": {2005 + i: 5 + 0.1 * i for i in range(10)}}, 0.05)
    assert row["note"].startswith("climate follows the years")
    assert (row["partial_slope"], row["partial_rising_pct"], row["cells_tested_pct"]) == (None, None, 0)
    assert row["climate_r2"] is not None
