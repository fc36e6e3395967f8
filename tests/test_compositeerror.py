"""The error of a composite against theory and simulation: factors of few observations, and what scenes share."""

import numpy as np
import pytest

from pipeline.compositeerror import LARGEST, composite_error, differences, factor, factors, scene_means, shared_share
from pipeline.kernels.series import MEAN

# Standard deviation of the median of k normal values: order statistics of Sarhan and Greenberg 1956 (k = 3: variance 0.4487; 5: 0.2868).
MEDIAN_VARIANCE = {1: 1.0, 2: 0.5, 3: 0.4487, 5: 0.2868, 7: 0.2104, 9: 0.1661}


@pytest.mark.parametrize("k", MEDIAN_VARIANCE)
def test_factor_of_the_median_is_that_of_the_order_statistics(k):
    assert factor(50.0, np.array([k])).item() == pytest.approx(MEDIAN_VARIANCE[k] ** 0.5, rel=0.03)


@pytest.mark.parametrize("k", [2, 3, 4, 6, 8, 10])
@pytest.mark.parametrize("percentile", [25.0, 50.0, 75.0, 100.0])
def test_factors_are_those_of_numpys_percentiles(k, percentile):
    made = np.percentile(np.random.default_rng(5).standard_normal((40_000, k)), percentile, axis=1).std()
    assert factor(percentile, np.array([k])).item() == pytest.approx(made, rel=0.03)


def test_many_observations_reach_the_asymptotic_factors():
    number = np.array([LARGEST, 200])
    np.testing.assert_allclose(factor(MEAN, number), 1 / np.sqrt(number), rtol=1e-12)
    np.testing.assert_allclose(factor(50.0, number), np.sqrt(np.pi / 2 / number), rtol=0.04)
    assert np.isnan(factors(50.0)[0])
    assert np.isnan(factor(75.0, np.array([0, np.nan]))).all()
    assert factor(100.0, number)[0] == factor(100.0, number)[1]  # a maximum narrows slower than 1 / sqrt(number)


@pytest.mark.parametrize("ratio", [0.0, 0.3, 1.0])
def test_of_a_mean_all_of_the_shared_variance_stays(ratio):
    assert shared_share(MEAN, 8, ratio) == ratio


@pytest.mark.parametrize("ratio", [0.0, 0.2, 0.8, 1.0])
@pytest.mark.parametrize("k", [1, 3, 8])
def test_of_a_median_less_of_it_stays(ratio, k):
    rng = np.random.default_rng(11)
    scenes, cells = np.sqrt(ratio) * rng.standard_normal((800, 1, k)), np.sqrt(1 - ratio) * rng.standard_normal((800, 60, k))
    made = np.median(scenes + cells, axis=2)
    expected = made.mean(axis=1).var() / made.var()
    found = shared_share(50.0, k, ratio)
    assert found == pytest.approx(expected, abs=0.06)
    assert found <= ratio + 0.03


@pytest.mark.parametrize("percentile", [MEAN, 50.0, 75.0])
def test_planted_errors_are_found(percentile):
    rng = np.random.default_rng(3)
    years, k, cells = 12, 8, 3000
    ground = 0.5 + 0.1 * rng.standard_normal((years, 1, cells))
    seen = ground + 0.03 * rng.standard_normal((years, k, cells)) + 0.02 * rng.standard_normal((years, k, 1))
    error = composite_error(seen.std(axis=1, ddof=1), np.full((years, cells), k), np.ones(cells), [list(v.mean(axis=1)) for v in seen], percentile)
    made = (seen.mean(axis=1) if percentile < 0 else np.percentile(seen, percentile, axis=1)) - ground[:, 0]
    assert error.freedom == years * (k - 1)
    within = made - made.mean(axis=1, keepdims=True)
    np.testing.assert_allclose(error.cells.mean(axis=1), within.std(axis=1), rtol=0.12)  # a share of its own of each year
    assert np.sqrt((error.cells**2).mean()) == pytest.approx(within.std(), rel=0.04)
    if percentile < 0:
        assert (error.shared == error.shared[0]).all()
        assert error.shared[0] == pytest.approx(0.02 / np.sqrt(k), rel=0.2)


def test_fewer_clear_dates_are_less_sure():
    clear = np.array([[1, 2, 4, 8, 16]] * 3)
    spread = np.where(clear >= 2, 0.04, np.nan)
    error = composite_error(spread, clear, np.ones(5), [[0.5, 0.5, 0.5]] * 3, MEAN)
    np.testing.assert_allclose(error.cells, 0.04 / np.sqrt(clear))
    np.testing.assert_array_equal(error.shared, 0)


def test_a_year_without_spread_takes_that_of_the_others():
    spread = np.array([[0.02, 0.02], [np.nan, np.nan], [0.04, 0.04]])
    clear = np.array([[3, 3], [1, 0], [3, 3]])
    error = composite_error(spread, clear, np.ones(2), [[0.4, 0.4], [], [0.5, 0.5]], MEAN)
    of_one = np.sqrt((0.02**2 + 0.04**2) / 2)
    np.testing.assert_allclose(error.cells, [[0.02 / np.sqrt(3)] * 2, [of_one, of_one], [0.04 / np.sqrt(3)] * 2])


@pytest.mark.parametrize(("spread", "scenes"), [(np.nan, [[0.4, 0.5]] * 2), (0.02, [[0.4], [0.5]]), (0.02, [[], []])])
def test_what_nothing_tells_is_not_known(spread, scenes):
    assert composite_error(np.full((2, 3), spread), np.full((2, 3), 4), np.ones(3), scenes, 50.0) is None


def test_scenes_that_show_little_of_a_zone_do_not_tell_its_mean():
    row = {"zone": "pit", "item": "a", "ndvi_mean": 0.4, "clear_pct": 80.0}
    other = [row | {"zone": "dump"}, row | {"item": "b", "clear_pct": 49.9}, row | {"item": "c", "ndvi_mean": None}]
    assert scene_means([[row, *other], other], "pit") == [[0.4], []]


def test_differences_are_of_scenes_that_show_all_zones():
    def row(zone, item, mean, clear=90.0):
        return {"zone": zone, "item": item, "ndvi_mean": mean, "clear_pct": clear}

    first = [row("pit", "a", 0.4), row("pit", "b", 0.5), row("pit", "c", 0.6), row("near", "a", 0.7), row("near", "b", 0.8), row("far", "a", 0.1)]
    rows = [*first, row("far", "b", 0.2, 10.0), row("near", "c", 0.9), row("far", "c", 0.3)]
    found = differences([rows, []], "pit", {"near": 3.0, "far": 1.0})
    np.testing.assert_allclose(found[0], [0.4 - 0.55, 0.6 - 0.75])
    assert found[1] == []
    np.testing.assert_allclose(differences([rows], "near", {"near": 3.0}), np.zeros((1, 3)), atol=1e-15)


def test_what_zone_and_reference_share_is_not_in_their_difference():
    rng = np.random.default_rng(6)
    scene = 0.03 * rng.standard_normal((6, 8))
    own, apart = [list(v) for v in 0.4 + scene], [list(v) for v in 0.001 * rng.standard_normal((6, 8))]
    spread, clear = np.full((6, 50), 0.04), np.full((6, 50), 8)
    absolute, relative = (composite_error(spread, clear, np.ones(50), own, MEAN, a) for a in (None, apart))
    np.testing.assert_array_equal(relative.cells, absolute.cells)
    assert relative.shared.max() < 0.3 * absolute.shared.min()
    assert composite_error(spread, clear, np.ones(50), own, MEAN, [[0.1]] * 6) is None
