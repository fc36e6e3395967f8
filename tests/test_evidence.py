"""What a class means at a number of years, against enumeration of every order of the values."""

from dataclasses import replace
from itertools import permutations, product

import numpy as np
import pymannkendall
import pytest

from pipeline.evidence import Rules, chance, meaning, p_of_s, years_of
from pipeline.kernels.null import partitions, smallest_p, smallest_p_of, smallest_seasonal_p
from pipeline.trend import statistics

RULES = Rules(0.10, 0.05, 0.01, "auto")


def ranked(n):
    """Return every series of n values up to order, ties included."""
    return np.array([v for v in product(range(n), repeat=n) if set(v) == set(range(max(v) + 1))], float)


def orders(span, below, alpha, significance):
    """Return whether all series of a class rose strictly, whether none fell, and the lengths that occur; by enumeration."""
    strict, never, lengths = True, True, set()
    for n in range(3, span + 1):
        values = ranked(n)
        out = statistics(values.T.copy(), np.arange(n, dtype=float), significance=significance)
        slope_s, p = out[4], out[7]
        within = (slope_s > 0) & (p <= alpha + 1e-6) & (p > below + (1e-6 if below else 0))
        if within.any():
            steps = np.diff(values[within], axis=1)
            strict &= bool((steps > 0).all())
            never &= bool((steps >= 0).all())
            lengths.add(n)
    return strict, never, lengths


@pytest.mark.parametrize("significance", ["auto", "normal"])
@pytest.mark.parametrize(("below", "alpha"), [(0, 0.01), (0, 0.05), (0.01, 0.05), (0.05, 0.10), (0, 0.125), (0.05, 0.125), (0, 0.34)])
@pytest.mark.parametrize("span", [3, 4, 5, 6])
def test_meaning_is_what_every_series_of_the_class_did(span, below, alpha, significance):
    rose, fell = meaning(span, below, alpha, significance)
    strict, never, lengths = orders(span, below, alpha, significance)
    if not lengths or not never:
        expected = ""
    elif not strict:
        expected = " (it fell in no year)"
    else:
        expected = " (it rose every year)" if lengths == {span} else " (it rose in each year that has a value)"
    assert rose.en == expected
    assert bool(fell.en) == bool(rose.en)


def test_long_periods_are_answered_at_once():
    assert meaning(40, 0.05, 0.10, "auto")[0].en == ""


@pytest.mark.parametrize("pattern", [p for n in (3, 4, 5, 6) for p in partitions(n) if len(p) > 1])
def test_normal_p_is_that_of_pymannkendall(pattern):
    p = p_of_s(pattern, "normal")
    values = np.repeat(np.arange(len(pattern)), pattern)
    for order in set(permutations(values.tolist())):
        result = pymannkendall.original_test(order)
        assert p[int(abs(result.s))] == pytest.approx(result.p, abs=1e-12)


@pytest.mark.parametrize("significance", ["auto", "normal"])
@pytest.mark.parametrize("n", [4, 5, 6])
@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.10, 0.34])
def test_chance_counts_orders(n, alpha, significance):
    values = np.array(list(permutations(range(n))), float)
    out = statistics(values.T.copy(), np.arange(n, dtype=float), significance=significance)
    assert chance(n, alpha, significance) == pytest.approx(((out[4] > 0) & (out[7] <= alpha + 1e-6)).mean(), abs=1e-12)


def test_chance_of_many_years_is_near_half_of_alpha():
    assert 0.045 < chance(24, 0.10, "auto") <= 0.0505


@pytest.mark.parametrize("significance", ["auto", "normal"])
@pytest.mark.parametrize("n", range(3, 25))
def test_the_number_of_years_comes_back_from_the_smallest_p(n, significance):
    assert years_of(smallest_p(n, significance), 24, replace(RULES, significance=significance)) == n


@pytest.mark.parametrize("test", ["seasonal-kendall", "hirsch-slack", "year-permutation"])
def test_the_number_of_years_comes_back_from_the_smallest_p_of_a_seasonal_test(test):
    rules = replace(RULES, test=test, months=3)
    for n in range(3, 8):
        assert years_of(smallest_p_of(test, n, 3, "auto"), 8, rules) == n
        assert rules.smallest_p(n) == smallest_seasonal_p(test, n, 3)
    assert not rules.of_orders
    assert RULES.of_orders


def test_reached_is_what_classes_use():
    assert RULES.reaches(0.05 + 5e-7, RULES.alpha("significant"))
    assert not RULES.reaches(1 / 12, RULES.alpha("significant"))
    assert (RULES.alpha("slight"), RULES.alpha("extreme")) == (0.10, 0.01)
