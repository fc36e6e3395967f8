"""Benjamini-Hochberg against scipy, against the procedure written out, and against numbers that can be checked by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from pipeline.kernels.null import smallest_p, two_sided_p
from pipeline.manytests import Family, lookup, q_values

NAN = float("nan")


def rejected(p, rate) -> np.ndarray:
    """Reject by Benjamini and Hochberg's own words: the largest k with p(k) <= rate k / m, and all p up to it."""
    p = np.asarray(p)
    ordered = sorted(p)
    passing = [k for k in range(1, p.size + 1) if ordered[k - 1] <= rate * k / p.size]
    return p <= ordered[passing[-1] - 1] if passing else np.zeros(p.size, bool)


def attainable(n: int, size: int, seed: int) -> np.ndarray:
    """Draw p of Kendall's S of n values without trend: many equal ones."""
    rng = np.random.default_rng(seed)
    s = np.sign(np.subtract.outer(range(n), range(n)))
    orders = np.argsort(rng.random((size, n)), axis=1)
    return two_sided_p((1,) * n)[[abs(int((np.sign(o[:, None] - o[None, :]) * s).sum() // 2)) for o in orders]]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("size", [1, 2, 3, 10, 1000])
def test_equals_scipy_on_random_p(size, seed):
    p = np.random.default_rng(seed).random(size) ** 2
    np.testing.assert_allclose(q_values(p), stats.false_discovery_control(p, method="bh"), rtol=1e-14)


@pytest.mark.parametrize("n", [3, 4, 5, 6, 8])
def test_equals_scipy_on_the_p_of_few_years(n):
    p = attainable(n, 700, n)
    np.testing.assert_allclose(q_values(p), stats.false_discovery_control(p, method="bh"), rtol=1e-14)


@given(st.lists(st.sampled_from([0.0, 1e-9, 0.01, 0.02, 1 / 12, 1 / 3, 0.75, 1.0]), min_size=1, max_size=60))
def test_equals_scipy_on_any_ties(p):
    np.testing.assert_allclose(q_values(np.array(p)), stats.false_discovery_control(p, method="bh"), rtol=1e-14, atol=0)


@given(st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60), st.floats(0.001, 0.999))
def test_q_at_most_a_rate_is_what_the_procedure_rejects_at_it(p, rate):
    p = np.array(p)
    q = q_values(p)
    near = np.abs(q - rate) < 1e-12  # p m / k and rate k / m are rounded differently
    assert np.array_equal((q <= rate)[~near], rejected(p, rate)[~near])


def test_the_largest_passing_rank_counts_not_the_first_that_fails():
    # .030 > .05 / 4, and .031 > .05 x 2 / 4, but .032 <= .05 x 3 / 4: all three pass. Stopping at the first failure gives none.
    p = np.array([0.030, 0.031, 0.032, 0.9])
    assert (q_values(p) <= 0.05).tolist() == [True, True, True, False]
    assert q_values(p)[:3] == pytest.approx([0.032 * 4 / 3] * 3)


@pytest.mark.parametrize("shape", [(7,), (3, 4), (2, 3, 4)])
def test_missing_is_not_tested_and_makes_the_family_smaller(shape):
    p = np.random.default_rng(1).random(shape)
    p.flat[::3] = NAN
    q, tested = q_values(p), ~np.isnan(p)
    assert q.shape == shape
    assert np.isnan(q[~tested]).all()
    np.testing.assert_allclose(q[tested], stats.false_discovery_control(p[tested], method="bh"), rtol=1e-14)


@pytest.mark.parametrize("p", [[], [NAN], [NAN, NAN]])
def test_no_test_no_q(p):
    assert np.isnan(q_values(np.array(p, float))).all()
    family = Family.of(np.array(p, float))
    assert family.size == 0
    assert math.isnan(family.q_min(np.array([]), np.array([])))


@pytest.mark.parametrize("p", [0.03, 0.0, 1.0])
def test_one_pixel_keeps_its_p(p):
    assert q_values(np.array([p])).tolist() == [p]


def test_all_ones_stay_ones():
    assert q_values(np.ones(9)).tolist() == [1.0] * 9


def test_q_never_falls_with_p_and_is_never_below_it():
    p = np.sort(np.random.default_rng(3).random(500) ** 3)
    q = q_values(p)
    assert (np.diff(q) >= 0).all()
    assert (q >= p).all()
    assert q[-1] == p[-1]


@pytest.mark.parametrize("bad", [[-0.1, 0.5], [0.5, 1.5], [math.inf]])
def test_what_is_no_probability_is_refused(bad):
    with pytest.raises(ValueError, match=r"expected 0\.\.1"):
        q_values(np.array(bad))


# Four years: every p is at least 2 / 24


@pytest.mark.parametrize(("rate", "share"), [(0.10, 0.8334), (0.20, 0.4167)])
def test_four_years_need_that_share_of_the_family_at_its_largest_s(rate, share):
    pixels = 10_000
    for rising, passes in ((math.ceil(share * pixels), True), (math.floor(share * pixels) - 2, False)):
        p = np.where(np.arange(pixels) < rising, 2 / 24, 1.0)
        assert (q_values(p)[0] <= rate) == passes, rising


def test_four_years_never_pass_five_percent():
    family = Family.of(np.full(1000, 2 / 24))  # every pixel at |S| = 6
    assert family.q_min(np.array([smallest_p(4, "auto")]), np.array([1000])) == pytest.approx(1 / 12)
    assert family.q(np.array([2 / 24]))[0] == pytest.approx(1 / 12)


def test_smallest_q_of_pixels_with_several_numbers_of_years():
    # 10 pixels of 5 years (p_min 1/60) and 90 of 4 years (1/12): min(100/10/60, 1/12) = 1/12; with 40 of 5 years 100/40/60 = 1/24
    p_min = np.array([smallest_p(n, "auto") for n in (2, 4, 5)])  # 2 years: NaN
    for five, expected in ((10, 1 / 12), (40, 1 / 24)):
        family = Family.of(np.ones(100))
        assert family.q_min(p_min, np.array([7, 100 - five, five])) == pytest.approx(expected)


@given(st.lists(st.tuples(st.sampled_from([3, 4, 5, 6]), st.floats(0, 1)), min_size=1, max_size=40))
def test_no_data_reach_less_than_the_smallest_q(pixels):
    p_min = np.array([smallest_p(n, "auto") for n, _ in pixels])
    p = np.maximum(p_min, [v for _, v in pixels])
    family = Family.of(p)
    assert family.q(p).min() >= family.q_min(p_min, np.ones(p.size, int)) - 1e-15
    assert Family.of(p_min).q(p_min).min() == pytest.approx(family.q_min(p_min, np.ones(p.size, int)))


def test_smallest_q_of_another_number_of_tests_is_refused():
    with pytest.raises(ValueError, match="given for 3 tests; expected the 2 of the family"):
        Family.of(np.array([0.5, 0.2])).q_min(np.array([0.1]), np.array([3]))


# Rasters, window by window


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_windows_give_what_the_whole_raster_gives(dtype):
    p = attainable(5, 900, 0).astype(dtype).reshape(30, 30)
    p[4:7, :9] = NAN
    windows = [p[top : top + 7] for top in range(0, 30, 7)]
    family = Family.of(iter(windows))
    assert family.size == (~np.isnan(p)).sum()
    assert family.p.dtype == dtype
    assert np.array_equal(np.concatenate([family.q(w) for w in windows]), q_values(p), equal_nan=True)
    np.testing.assert_allclose(q_values(p)[~np.isnan(p)], stats.false_discovery_control(p[~np.isnan(p)].astype(float)), rtol=1e-14)


def test_every_float32_finds_itself():
    p = np.float32([1 / 12, 1 / 3, 3 / 4, 1])
    family = Family.of([p, p[::-1]])
    assert family.counts.tolist() == [2, 2, 2, 2]
    assert family.q(p).tolist() == pytest.approx([1 / 3, 2 / 3, 1, 1], rel=1e-7)


def test_a_window_of_another_float_type_is_refused_while_counting_and_not_found_while_mapping():
    with pytest.raises(ValueError, match="float32, float64; expected one float type"):
        Family.of([np.float32([0.1]), np.array([0.1])])
    with pytest.raises(ValueError, match="not in the family"):
        Family.of(np.float32([0.1])).q(np.array([0.1]))


@pytest.mark.parametrize("p", [0.05, 0.15, 0.3])
def test_a_pixel_outside_of_the_family_has_no_q(p):
    with pytest.raises(ValueError, match="blanked with NaN"):
        Family.of(np.array([0.1, 0.2])).q(np.array([0.1, p]))
    with pytest.raises(ValueError, match="blanked with NaN"):
        Family.of(np.array([NAN])).q(np.array([p]))


def test_counts_stand_for_pixels():
    values, counts = np.array([0.75, 1 / 12, NAN, 1 / 12]), np.array([5, 2, 9, 1])
    family = Family.counted(values, counts)
    p = np.repeat(values, counts)
    np.testing.assert_allclose(family.q(p), q_values(p), rtol=1e-15)
    assert family.p.tolist() == [1 / 12, 0.75]
    assert lookup(family.p, family.counts).tolist() == family.adjusted.tolist()


def test_false_discoveries_stay_below_the_rate():
    """Mean share of false ones among the rejected, 90 % true nulls: at most .9 x .2 for independent tests, and not much less."""
    rng = np.random.default_rng(11)
    shares = []
    for _ in range(2000):
        null, real = rng.random(90), stats.norm.sf(rng.normal(3, 1, 10))
        found = q_values(np.concatenate([null, real])) <= 0.2
        shares.append(found[:90].sum() / max(found.sum(), 1))
    error = np.std(shares) / math.sqrt(len(shares))
    print(f"false discovery rate {np.mean(shares):.4f} +- {error:.4f}, expected .18")
    assert abs(np.mean(shares) - 0.18) < 4 * error
