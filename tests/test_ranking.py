"""Methods side by side: means against scipy, weights by hand, ranks against brute force, and the coverage of rank intervals in planted runs."""

from itertools import product

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.ranking import checked_weights, mean_over_zones, ranks, score

NAN = float("nan")


# Means over zones


def test_the_mean_is_that_of_the_zones_and_its_interval_of_the_t_test():
    values = [0.2, 0.5, NAN, 0.9, 0.4]
    found = mean_over_zones(values)
    known = [0.2, 0.5, 0.9, 0.4]
    assert found.value == pytest.approx(0.5)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.90, 3, 0.5, stats.sem(known)))
    assert found.zones == 4


@pytest.mark.parametrize("values, value, zones", [([], NAN, 0), ([NAN], NAN, 0), ([0.4], 0.4, 1), ([0.4, 0.4], 0.4, 2)])
def test_no_interval_without_a_spread_between_zones(values, value, zones):
    found = mean_over_zones(values)
    assert found.value == pytest.approx(value, nan_ok=True)
    assert np.isnan([found.low, found.high]).all()
    assert found.zones == zones


# Scores


def test_weights_count_relative_to_their_sum():
    positions = {"cover": 0.9, "gain": 0.3, "completeness": 0.6}
    assert score(positions, {"cover": 2, "gain": 1, "completeness": 1}) == pytest.approx((2 * 0.9 + 0.3 + 0.6) / 4)
    assert score(positions, {"cover": 200, "gain": 100, "completeness": 100}) == pytest.approx(score(positions, {"cover": 2, "gain": 1, "completeness": 1}))


def test_an_indicator_without_weight_may_be_missing_and_one_with_weight_may_not():
    positions = {"cover": 0.9, "gain": NAN}
    assert score(positions, {"cover": 1, "gain": 0}) == 0.9
    assert score(positions, {"cover": 1}) == 0.9
    assert np.isnan(score(positions, {"cover": 1, "gain": 0.01}))
    assert np.isnan(score(positions, {"cover": 1, "stability": 1}))


def test_a_score_is_not_cut_off():
    assert score({"cover": 1.4, "gain": -0.2}, {"cover": 1, "gain": 0}) == 1.4


@pytest.mark.parametrize("weights", [{}, {"cover": 0}, {"cover": -1, "gain": 2}, {"cover": NAN}, {"cover": np.inf}])
def test_weights_that_weigh_nothing_are_refused(weights):
    with pytest.raises(ValueError, match="at least one above 0"):
        checked_weights(weights)


# Ranks


def test_ranks_follow_the_means_and_equal_means_share_the_better_rank():
    found = ranks({"a": [0.1, 0.3], "b": [0.8, 1.0], "c": [0.2, 0.2], "d": [0.0, 0.1]})
    assert {name: r.rank for name, r in found.items()} == {"a": 2, "b": 1, "c": 2, "d": 4}


def test_intervals_are_those_of_every_possible_resample():
    """Two zones a method: one of two is drawn, stretched from the mean; all 8 draws of three methods are equally likely."""
    scores = {"a": [0.1, 0.7], "b": [0.42, 0.5], "c": [0.2, 0.3]}
    stretch = stats.t.ppf(0.95, 1) / stats.norm.ppf(0.95)
    places = []
    for drawn in product(*scores.values()):
        means = [np.mean(own) + (d - np.mean(own)) * stretch for own, d in zip(scores.values(), drawn, strict=True)]
        places.append([1 + sum(m > own for m in means) for own in means])
    expected = np.sort(np.array(places), axis=0)
    found = ranks(scores, resamples=20_000)
    for j, rank in enumerate(found.values()):  # the tails of 5 % lie within the outermost of eight equally likely draws
        assert (rank.low, rank.high) == (expected[0, j], expected[-1, j])


def test_the_spread_of_drawn_means_is_that_of_the_mean():
    """The law behind n - 1 draws: their variance is s^2 / n, where n draws would give (n - 1) / n of it."""
    rng = np.random.default_rng(0)
    for n in (2, 3, 8):
        values = rng.normal(0, 1, n)
        drawn = values[rng.integers(0, n, (200_000, n - 1))].mean(axis=1)
        assert drawn.var() == pytest.approx(values.var(ddof=1) / n, rel=0.02)


def test_clear_methods_have_one_rank_and_equal_ones_any():
    rng = np.random.default_rng(3)
    clear = ranks({f"m{i}": rng.normal(-i, 0.05, 6) for i in range(4)})
    assert [(r.rank, r.low, r.high) for r in clear.values()] == [(i, i, i) for i in (1, 2, 3, 4)]
    alike = ranks({f"m{i}": rng.normal(0, 1, 6) + (0.05 * i) for i in range(4)})
    assert max(r.high - r.low for r in alike.values()) == 3


def test_one_zone_has_no_interval_and_widens_the_others():
    pair = {"a": [0.8, 0.81, 0.79], "b": [0.2, 0.21, 0.19]}
    found = ranks(pair | {"one": [0.5], "none": [NAN, NAN]})
    assert found["one"].rank == 2
    assert np.isnan([found["one"].low, found["one"].high, found["none"].rank, found["none"].low]).all()
    assert (found["a"].rank, found["a"].low, found["a"].high) == (1, 1, 2)
    assert (found["b"].rank, found["b"].low, found["b"].high) == (3, 2, 3)
    without = ranks(pair)
    assert (without["b"].low, without["b"].high) == (2, 2)


def test_equal_seeds_give_equal_intervals_and_zones_without_score_do_not_count():
    scores = {"a": [0.5, 0.7, 0.1, NAN], "b": [0.4, 0.6, 0.3]}
    assert ranks(scores) == ranks(scores) == ranks({"a": [0.5, 0.7, 0.1], "b": [0.4, 0.6, 0.3]})
    assert ranks({}) == {}


# Coverage, as told in the docstring and in docs/methods-compared.md

RUNS = 2000


def coverage(methods, zones, apart):
    """Return the share of planted ranks inside their interval; zones of SD 1 about true means that lie `apart` from one to the next."""
    rng = np.random.default_rng(methods * 100 + zones)
    hits = 0
    for run in range(RUNS):
        drawn = rng.normal(-apart * np.arange(methods)[:, None], 1, (methods, zones))
        found = ranks(dict(enumerate(drawn)), resamples=400, seed=run)
        hits += sum(r.low <= 1 + true <= r.high for true, r in found.items())
    return hits / (RUNS * methods)


@pytest.mark.parametrize("methods, zones", [(3, 2), (3, 5), (6, 2), (6, 3), (6, 10)])
def test_rank_intervals_hold_in_planted_runs(methods, zones):
    near, far = (coverage(methods, zones, apart) for apart in (0.1, 1.0))
    print(f"{methods} methods of {zones} zones: {near:.3f} at 0.1, {far:.3f} at 1")
    assert near > 0.88
    assert far > 0.97
