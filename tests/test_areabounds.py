"""Bounds of class areas: coverage over 500 simulated zones, and what holds in every zone."""

from pathlib import Path

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from pipeline import sizes
from pipeline.areabounds import LEAST_CELLS, Error, Rule, class_bounds, share_bounds
from pipeline.classes import legend, limits
from pipeline.compositeerror import composite_error
from pipeline.kernels.pixels import classify
from pipeline.trend import statistics

TRENDS = (2, 3, 4, 5, 6, 7, 8)
CLASSES = tuple(c.code for c in legend("seven") if c.code != 0)
SIDE = 20  # cells
NO_CHANGE = 0.0005

# years, clear dates, SD of one composite's error, of what the zone shares of it, share planted, SD of real years, SD of real cells and years
WORLDS = {
    "quiet sensor": (5, 8, 0.01, 0.0, 0.3, 0.04, 0.015),
    "error as large as the ground's": (5, 8, 0.02, 0.01, 0.3, 0.04, 0.015),
    "few years, few dates": (4, 3, 0.02, 0.01, 0.3, 0.04, 0.015),
    "error twice the ground's": (5, 8, 0.04, 0.0, 0.6, 0.04, 0.015),
    "eight years": (8, 8, 0.02, 0.01, 0.3, 0.04, 0.015),
}
RUNS = 100  # of each world: 500 in all
PER_YEAR = 0.02


def rule(n, no_change=(NO_CHANGE,)):
    """Return the rule of n years in scheme seven."""
    return Rule(2020.0 + np.arange(n), limits("seven", 0.10, 0.05, 0.01), no_change, min(4, n))


def true_shares(series, n):
    """Return the share of each class by the kernels of a run, without anything of the bounds."""
    slope, p, count = statistics(series, 2020.0 + np.arange(n))[[0, 7, 8]]
    codes = classify(slope, p, count, min_years=min(4, n), no_change=NO_CHANGE, **limits("seven", 0.10, 0.05, 0.01))
    return np.array([(codes == c).mean() for c in TRENDS])


def ground(rng, n, planted, real_years, real_cells):
    """Return NDVI without error (n, cells): years shared by all, smooth noise, and patches with a planted rise or fall."""
    smooth = np.array([gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2, mode="wrap") for _ in range(n)]).reshape(n, -1)
    rank = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 3, mode="wrap").ravel().argsort().argsort() / SIDE**2
    slope = PER_YEAR * ((rank < 0.7 * planted).astype(float) - (rank > 1 - 0.3 * planted))
    time = np.arange(n)[:, None] - (n - 1) / 2
    return 0.5 + real_years * rng.standard_normal((n, 1)) + real_cells * smooth / smooth.std() + time * slope


def observed(rng, x, dates, sd, shared):
    """Return the mean of the dates, and the error that their spread tells."""
    noise = rng.standard_normal((len(x), dates, x.shape[1])) * sd + rng.standard_normal((len(x), dates, 1)) * shared
    seen = x[:, None] + noise * np.sqrt(dates)
    error = composite_error(seen.std(axis=1, ddof=1), np.full(x.shape, dates), np.ones(x.shape[1]), [list(v.mean(axis=1)) for v in seen], -1.0)
    return seen.mean(axis=1), error


@pytest.fixture(scope="module")
def coverage():
    """Return per world and class how often the bounds at 90 % hold the true area, and their mean width."""
    out = {}
    for i, (name, (n, dates, sd, shared, planted, real_years, real_cells)) in enumerate(WORLDS.items()):
        hits, width = np.zeros(len(TRENDS)), np.zeros(len(TRENDS))
        for run in range(RUNS):
            rng = np.random.default_rng([i, run])
            x = ground(rng, n, planted, real_years, real_cells)
            y, error = observed(rng, x, dates, sd, shared)
            low, high = share_bounds(y, np.ones(y.shape[1]), error, rule(n), TRENDS, 0.9)
            true = true_shares(x, n)
            hits += (true >= low - 1e-9) & (true <= high + 1e-9)
            width += high - low
        out[name] = hits / RUNS, width / RUNS
        print(name, "coverage", out[name][0].round(3), "width", out[name][1].round(2))
    return out


def test_bounds_cover_the_planted_areas_at_their_level(coverage):
    assert len(WORLDS) * RUNS >= 500
    together = np.mean([hits for hits, _ in coverage.values()], axis=0)
    print("all", together.round(3))
    assert (together >= 0.9).all()
    for name, (hits, _) in coverage.items():
        assert (hits >= 0.9 - 2.6 * np.sqrt(0.09 / RUNS)).all(), name  # 2.6 standard errors of a share of 90 %


def test_bounds_tell_something(coverage):
    _, width = coverage["quiet sensor"]
    assert (width < 0.25).all()
    _, wide = coverage["error as large as the ground's"]
    assert wide[[TRENDS.index(4), TRENDS.index(6)]].min() > width.max()


@pytest.fixture
def zone():
    rng = np.random.default_rng(1)
    return ground(rng, 5, 0.4, 0.03, 0.02).astype(np.float32), rng.uniform(50, 100, SIDE**2)


def none(shape):
    return Error(np.zeros(shape), np.zeros(shape[0]))


def test_without_error_the_bounds_are_the_area(zone):
    ndvi, weights = zone
    low, high = share_bounds(ndvi, weights, none(ndvi.shape), rule(5), TRENDS, 0.9)
    np.testing.assert_array_equal(low, high)
    slope, p, n = statistics(ndvi.astype(float), 2020.0 + np.arange(5))[[0, 7, 8]]
    codes = classify(slope, p, n, min_years=4, no_change=NO_CHANGE, **limits("seven", 0.1, 0.05, 0.01))
    np.testing.assert_allclose(low, [weights[codes == c].sum() / weights.sum() for c in TRENDS], atol=1e-12)


def test_without_error_a_wider_limit_moves_area_into_no_change_only(zone):
    ndvi, weights = zone
    low, high = share_bounds(ndvi, weights, none(ndvi.shape), rule(5, (0.004, 0.001, 0.009)), TRENDS, 0.9)
    slope = statistics(ndvi.astype(float), 2020.0 + np.arange(5))[0].astype(np.float32)
    still = [weights[np.abs(slope) < t].sum() / weights.sum() for t in (0.001, 0.009)]
    at = TRENDS.index(5)
    np.testing.assert_allclose([low[at], high[at]], still, atol=1e-12)
    narrow, wide = (share_bounds(ndvi, weights, none(ndvi.shape), rule(5, (t,)), TRENDS, 0.9)[0] for t in (0.001, 0.009))
    others = np.arange(len(TRENDS)) != at
    np.testing.assert_allclose(high[others], narrow[others], atol=1e-12)
    np.testing.assert_allclose(low[others], wide[others], atol=1e-12)


def test_bounds_hold_the_area_itself_lie_in_0_to_1_and_come_out_equal_again(zone):
    ndvi, weights = zone
    error = Error(np.full(ndvi.shape, 0.02), np.full(5, 0.01))
    low, high = share_bounds(ndvi, weights, error, rule(5), TRENDS, 0.9)
    area = share_bounds(ndvi, weights, none(ndvi.shape), rule(5), TRENDS, 0.9)[0]
    assert (low <= area).all()
    assert (area <= high).all()
    assert (low >= 0).all()
    assert (high <= 1).all()
    np.testing.assert_array_equal(share_bounds(ndvi, weights, error, rule(5), TRENDS, 0.9), [low, high])


def test_a_higher_level_is_wider(zone):
    ndvi, weights = zone
    error = Error(np.full(ndvi.shape, 0.02), np.full(5, 0.01))
    narrow, wide = (np.diff(share_bounds(ndvi, weights, error, rule(5), TRENDS, level), axis=0)[0] for level in (0.5, 0.95))
    assert (wide >= narrow - 1e-12).all()
    assert (wide > narrow).any()


def test_a_class_that_so_many_years_cannot_reach_has_no_area(zone):
    ndvi, weights = zone
    low, high = share_bounds(ndvi[:4], weights, Error(np.full((4, SIDE**2), 0.05), np.zeros(4)), rule(4), TRENDS, 0.9)
    out = [TRENDS.index(2), TRENDS.index(8)]
    np.testing.assert_array_equal(low[out], 0)
    np.testing.assert_array_equal(high[out], 0)
    assert (high[[TRENDS.index(3), TRENDS.index(7)]] > 0).all()


def test_ground_that_never_changes_may_be_no_change_throughout():
    rng = np.random.default_rng(8)
    y, error = observed(rng, np.full((5, SIDE**2), 0.4), 8, 0.02, 0.0)
    low, high = share_bounds(y, np.ones(SIDE**2), error, rule(5), TRENDS, 0.9)
    assert true_shares(y, 5)[TRENDS.index(5)] < 0.2, "the error hides it"
    assert high[TRENDS.index(5)] == 1
    assert low[TRENDS.index(4)] == pytest.approx(0, abs=0.02)
    assert low[TRENDS.index(6)] == pytest.approx(0, abs=0.02)


def test_gaps_are_left_out_as_in_the_trend(zone):
    ndvi, weights = zone
    holes = ndvi.copy()
    holes[2, ::3] = np.nan
    low, high = share_bounds(holes, weights, none(ndvi.shape), rule(5), TRENDS, 0.9)
    np.testing.assert_allclose(low, high)
    slope, p, n = statistics(holes.astype(float), 2020.0 + np.arange(5))[[0, 7, 8]]
    codes = classify(slope, p, n, min_years=4, no_change=NO_CHANGE, **limits("seven", 0.1, 0.05, 0.01))
    np.testing.assert_allclose(low, [weights[codes == c].sum() / weights.sum() for c in TRENDS], atol=1e-12)
    wide = share_bounds(holes, weights, Error(np.full(ndvi.shape, 0.02), np.zeros(5)), rule(5), TRENDS, 0.9)
    assert np.isfinite(wide).all()
    assert (wide[0] <= low + 1e-12).all()
    assert (wide[1] >= low - 1e-12).all()


def codes_of(ndvi):
    slope, p, n = statistics(ndvi.astype(float), 2020.0 + np.arange(5))[[0, 7, 8]]
    return classify(slope, p, n, min_years=4, no_change=NO_CHANGE, **limits("seven", 0.1, 0.05, 0.01))


def test_water_and_insufficient_data_do_not_depend_on_the_error(zone):
    ndvi, weights = zone
    ndvi = ndvi.copy()
    ndvi[:3, :40] = np.nan
    codes = codes_of(ndvi)
    codes[40:60] = 97
    assert (codes[:40] == 99).all()
    found = class_bounds(ndvi, codes, weights, Error(np.full(ndvi.shape, 0.02), np.zeros(5)), rule(5), CLASSES, 0.9)
    assert tuple(found) == CLASSES
    assert found[99] == pytest.approx([weights[:40].sum()] * 2)
    assert found[97] == pytest.approx([weights[40:60].sum()] * 2)
    assert found[98] == (0.0, 0.0)
    classed = weights[60:].sum()
    assert all(0 <= low <= weights[codes == c].sum() + 1e-6 <= high + 2e-6 <= classed + 3e-6 for c, (low, high) in found.items() if c in TRENDS)


def test_a_zone_that_is_all_water_has_no_trend_class(zone):
    ndvi, weights = zone
    found = class_bounds(ndvi * np.nan, np.full(SIDE**2, 97), weights, none(ndvi.shape), rule(5), CLASSES, 0.9)
    assert found == {c: (0.0, 0.0) for c in CLASSES} | {97: (weights.sum(), weights.sum())}


def test_what_is_not_known_has_no_bounds(zone):
    ndvi, weights = zone
    assert class_bounds(ndvi, codes_of(ndvi), weights, None, rule(5), CLASSES, 0.9) is None
    few = ndvi[:, : LEAST_CELLS - 1]
    assert class_bounds(few, codes_of(few), weights[: LEAST_CELLS - 1], none(few.shape), rule(5), CLASSES, 0.9) is None


@pytest.mark.parametrize("n", [3, 12, 25])
def test_any_number_of_years(n):
    rng = np.random.default_rng(n)
    x = ground(rng, n, 0.3, 0.03, 0.02)
    found = share_bounds(x, np.ones(SIDE**2), Error(np.full(x.shape, 0.01), np.full(n, 0.005)), rule(n), TRENDS, 0.9)
    assert np.isfinite(found).all()
    assert (found[0] <= found[1]).all()


def test_one_series_everywhere_and_error_larger_than_all_that_is_seen():
    y = np.full((5, 100), 0.3) + np.linspace(0, 0.05, 5)[:, None]
    low, high = share_bounds(y, np.ones(100), Error(np.full(y.shape, 0.02), np.full(5, 0.02)), rule(5), TRENDS, 0.9)
    assert high[TRENDS.index(8)] == 1
    assert np.isfinite([low, high]).all()


@pytest.mark.parametrize(("n", "cells"), [(4, 30), (5, 31), (10, 40), (25, 60)])
@pytest.mark.parametrize("even", [True, False])
def test_zones_of_few_cells_have_bounds(n, cells, even):
    rng = np.random.default_rng(cells)
    y = 0.4 + 0.03 * rng.standard_normal((n, cells))
    weights = np.ones(cells) if even else rng.random(cells) ** 2
    found = share_bounds(y, weights, Error(np.full((n, cells), 0.02), np.full(n, 0.01)), rule(n), TRENDS, 0.9)
    own = rule(n).shares(y[:, :, None], weights / weights.sum(), TRENDS)[0, 0]
    assert (found[0] <= own + 1e-9).all() and (own <= found[1] + 1e-9).all()


def test_the_least_coverage_told_is_that_of_the_table():
    methods = (Path(sizes.__file__).parents[1] / "docs" / "methods.md").read_text(encoding="utf-8")
    rows = [
        line.strip("| ").split(" | ") for line in methods.split("**Coverage measured.**")[1].split("Planted changes")[0].splitlines() if line.startswith("| ")
    ]
    least = min(int(row[-3].rstrip(" %")) for row in rows[1:])
    assert least - 1 <= sizes.LEAST_HELD_PCT <= least, "never more than was measured: the table rounds to the nearest"
    assert len(rows) == 16
