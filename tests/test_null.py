"""The null distribution of S is exact for every tie pattern up to n = 20: enumeration, q-factorials, published counts."""

import math
from collections import Counter
from fractions import Fraction
from functools import cache
from itertools import combinations, permutations, product

import numpy as np
import pytest

from pipeline.kernels.null import (
    EXACT_MAX_N,
    all_orders,
    interval_coverage,
    inversion_counts,
    null_tables,
    partitions,
    smallest_p,
    tie_key,
    two_sided_p,
    untied_tail,
)

PARTITION_NUMBERS = [1, 1, 2, 3, 5, 7, 11, 15, 22, 30, 42, 56, 77, 101, 135, 176, 231, 297, 385, 490, 627]  # OEIS A000041
FUBINI_NUMBERS = {3: 13, 4: 75, 5: 541, 6: 4683, 7: 47293}  # weak orders of n things, OEIS A000670

# Number of the n! arrangements without ties that have S = s, by s from the top; S = -s has the same number (Kendall 1975).
PUBLISHED = {
    3: {3: 1, 1: 2},
    4: {6: 1, 4: 3, 2: 5, 0: 6},
    5: {10: 1, 8: 4, 6: 9, 4: 15, 2: 20, 0: 22},
    6: {15: 1, 13: 5, 11: 14, 9: 29, 7: 49, 5: 71, 3: 90, 1: 101},
    7: {21: 1, 19: 6, 17: 20, 15: 49, 13: 98, 11: 169, 9: 259, 7: 359, 5: 455, 3: 531, 1: 573},
    8: dict(zip(range(28, -1, -2), [1, 7, 27, 76, 174, 343, 602, 961, 1415, 1940, 2493, 3017, 3450, 3736, 3836], strict=True)),
    9: dict(
        zip(
            range(36, -1, -2),
            [1, 8, 35, 111, 285, 628, 1230, 2191, 3606, 5545, 8031, 11021, 14395, 17957, 21450, 24584, 27073, 28675, 29228],
            strict=True,
        )
    ),
    10: dict(
        zip(
            range(45, 0, -2),
            [1, 9, 44, 155, 440, 1068, 2298, 4489, 8095, 13640, 21670, 32683, 47043, 64889, 86054, 110010]
            + [135853, 162337, 187959, 211089, 230131, 243694, 250749],
            strict=True,
        )
    ),
}

# n: smallest |S| with two-sided exact p <= .10, .05, .01 (None: no value of S reaches it), and the smallest p as printed.
CRITICAL = {
    3: (None, None, None, ".3333"),
    4: (6, None, None, ".0833"),
    5: (8, 10, None, ".0167"),
    6: (11, 13, 15, ".00278"),
    7: (13, 15, 19, ".000397"),
    8: (16, 18, 22, "4.96e-5"),
    9: (18, 20, 26, "5.5e-6"),
    10: (21, 23, 29, "5.5e-7"),
    11: (23, 27, 33, "5.0e-8"),
    12: (26, 30, 38, "4.2e-9"),
}
EVERY_PATTERN = [pattern for n in range(1, EXACT_MAX_N + 1) for pattern in partitions(n)]


def score(values) -> int:
    """Kendall's S by its definition."""
    return sum((b > a) - (b < a) for a, b in combinations(values, 2))


@cache
def enumerated(n: int) -> dict[tuple[int, ...], Counter]:
    """How often each S occurs, by sizes of the tie groups from low to high, over every arrangement of n values."""
    found: dict[tuple[int, ...], Counter] = {}
    for series in product(range(n), repeat=n):
        if len(set(series)) == max(series) + 1:
            sizes = tuple(series.count(v) for v in range(max(series) + 1))
            found.setdefault(sizes, Counter())[score(series)] += 1
    return found


@cache
def macmahon(pattern: tuple[int, ...]) -> tuple[int, ...]:
    """Arrangements of a multiset by inversions: prod(1 - q^k, k <= n) / prod over groups of prod(1 - q^k, k <= t), in Python integers."""
    n = sum(pattern)
    degree = sum(a * b for a, b in combinations(pattern, 2))
    counts = [1] + [0] * degree
    for k in range(1, n + 1):
        for i in range(degree, k - 1, -1):
            counts[i] -= counts[i - k]
    for size in pattern:
        for k in range(1, size + 1):
            for i in range(k, degree + 1):
                counts[i] += counts[i - k]
    return tuple(counts)


def multinomial(pattern) -> int:
    return math.factorial(sum(pattern)) // math.prod(math.factorial(t) for t in pattern)


def by_score(counts) -> Counter:
    """Turn counts by inversions into counts by S = D - 2 i."""
    return Counter({len(counts) - 1 - 2 * i: int(c) for i, c in enumerate(counts)})


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_counts_equal_the_enumeration_of_every_arrangement(n):
    found = enumerated(n)
    assert sum(c.total() for c in found.values()) == FUBINI_NUMBERS[n]
    assert {tuple(sorted(sizes, reverse=True)) for sizes in found} == set(partitions(n))
    for sizes, counts in found.items():
        assert by_score(inversion_counts(sizes)) == counts, sizes
        assert by_score(macmahon(sizes)) == counts, f"the oracle of the next tests is wrong at {sizes}"


def test_counts_equal_macmahons_q_multinomial_for_every_pattern_up_to_20():
    for pattern in EVERY_PATTERN:
        assert tuple(inversion_counts(pattern).tolist()) == macmahon(pattern), pattern


def test_counts_add_up_to_the_multinomial_coefficient():
    for pattern in EVERY_PATTERN:
        assert int(inversion_counts(pattern).sum()) == multinomial(pattern), pattern


def test_counts_are_symmetric():
    for pattern in EVERY_PATTERN:
        counts = inversion_counts(pattern)
        assert np.array_equal(counts, counts[::-1]), pattern


@pytest.mark.parametrize("pattern", [(3, 2, 1), (4, 2, 2, 1), (5, 3, 1, 1)])
def test_order_of_the_groups_does_not_matter(pattern):
    expected = inversion_counts(pattern).tolist()
    assert all(inversion_counts(other).tolist() == expected for other in permutations(pattern))


def test_counts_stay_in_int64_at_the_largest_n():
    untied = inversion_counts((1,) * EXACT_MAX_N)
    assert untied.dtype == np.int64
    assert int(untied.sum()) == math.factorial(20) < 2**63 < math.factorial(21)


def test_variance_equals_kendalls_tie_corrected_formula_for_every_pattern():
    for pattern in EVERY_PATTERN:
        counts = by_score(inversion_counts(pattern))
        n = sum(pattern)
        variance = Fraction(sum(c * s * s for s, c in counts.items()), counts.total())
        assert variance == Fraction(n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in pattern), 18), pattern


@pytest.mark.parametrize("n", PUBLISHED)
def test_counts_without_ties_equal_the_published_table(n):
    assert {s: c for s, c in by_score(inversion_counts((1,) * n)).items() if s >= 0} == PUBLISHED[n]


@pytest.mark.parametrize(
    ("pattern", "top", "p"), [((2, 1, 1), 5, Fraction(1, 6)), ((2, 2), 4, Fraction(1, 3)), ((3, 1), 3, Fraction(1, 2)), ((4,), 0, Fraction(1))]
)
def test_four_values_with_ties_reach_these_p(pattern, top, p):
    values = two_sided_p(pattern)
    assert values.size == top + 1
    assert values[top] == pytest.approx(float(p), rel=1e-15)


@pytest.mark.parametrize("n", CRITICAL)
def test_critical_values_equal_the_published_table(n):
    *critical, smallest = CRITICAL[n]
    p = two_sided_p((1,) * n)
    for alpha, expected in zip((0.10, 0.05, 0.01), critical, strict=True):
        reached = np.flatnonzero(p <= alpha)
        assert (int(reached[0]) if reached.size else None) == expected, f"alpha {alpha}"
    assert float(p[-1]) == pytest.approx(float(smallest), rel=0.02 if "e" in smallest else 0.003)


def test_two_sided_p_is_the_share_of_arrangements_at_least_as_extreme_for_every_pattern_up_to_20():
    for pattern in EVERY_PATTERN:
        counts, total = macmahon(pattern), multinomial(pattern)
        pairs, tail = len(counts) - 1, 0
        p = two_sided_p(pattern)
        assert p.size == pairs + 1
        for i in range(pairs // 2 + 1):
            tail += counts[i]
            expected = 1.0 if 2 * i == pairs else 2 * tail / total  # true division of integers rounds correctly
            assert p[pairs - 2 * i] == pytest.approx(expected, rel=1e-15, abs=0), (pattern, pairs - 2 * i)


def test_p_is_nan_exactly_where_s_cannot_occur():
    for pattern in EVERY_PATTERN:
        p = two_sided_p(pattern)
        possible = (np.arange(p.size) - (p.size - 1)) % 2 == 0
        assert np.array_equal(np.isfinite(p), possible), pattern


def test_p_starts_at_one_and_falls_strictly_with_the_size_of_s():
    for pattern in EVERY_PATTERN:
        p = two_sided_p(pattern)
        p = p[np.isfinite(p)]
        assert p[0] == 1.0
        assert (np.diff(p) < 0).all()
        assert (p > 0).all()


@pytest.mark.parametrize("n", range(EXACT_MAX_N + 1))
def test_every_pattern_is_listed_once(n):
    found = partitions(n)
    assert len(found) == len(set(found)) == PARTITION_NUMBERS[n]
    assert all(sum(p) == n and list(p) == sorted(p, reverse=True) for p in found)


@pytest.mark.parametrize("n", range(EXACT_MAX_N + 1))
def test_tie_key_tells_every_pattern_of_n_apart(n):
    keys = [tie_key(p) for p in partitions(n)]
    assert len(set(keys)) == len(keys)


def test_tie_key_is_the_sum_that_the_kernel_forms_from_later_equal_values():
    # a a b a: the first a has two equal values after it, the second one; 7*2 + 4 + 3*8 = 42, 7 + 1 + 3 = 11
    assert tie_key((3, 1)) == 42 + 11
    assert tie_key((1, 1, 1, 1)) == 0
    assert tie_key((2, 2)) == 2 * 11


def test_tables_hold_every_pattern_sorted_by_key():
    start, keys, p = null_tables(EXACT_MAX_N)
    assert np.diff(start).tolist() == PARTITION_NUMBERS
    for n in range(EXACT_MAX_N + 1):
        rows = slice(start[n], start[n + 1])
        assert (np.diff(keys[rows]) > 0).all()
        for pattern in partitions(n):
            row = start[n] + np.searchsorted(keys[rows], tie_key(pattern))
            expected = two_sided_p(pattern)
            assert np.array_equal(p[row, : expected.size], expected, equal_nan=True), pattern
            assert np.isnan(p[row, expected.size :]).all()


@pytest.mark.parametrize("n_max", [0, 1, 2, 3, 7, 19])
def test_small_tables_are_the_head_of_the_large_one(n_max):
    small, large = null_tables(n_max), null_tables(EXACT_MAX_N)
    rows, width = small.p.shape
    assert np.array_equal(small.start, large.start[: n_max + 2])
    assert np.array_equal(small.keys, large.keys[:rows])
    assert np.array_equal(small.p, large.p[:rows, :width], equal_nan=True)


def test_tables_stop_at_20():
    assert null_tables(50).p.shape == null_tables(20).p.shape


def test_one_sided_tail_of_four_equals_the_table_of_the_mannkendall_toolbox():
    tail = untied_tail(4)  # P(S >= 6), P(S >= 4), P(S >= 2), P(S >= 0), ...
    assert tail[:4].round(3).tolist() == [0.042, 0.167, 0.375, 0.625]


@pytest.mark.parametrize("n", range(2, EXACT_MAX_N + 1))
def test_one_sided_tail_is_half_the_two_sided_p(n):
    pairs = n * (n - 1) // 2
    tail, p = untied_tail(n), two_sided_p((1,) * n)
    for s in range(pairs, 0, -2):
        assert 2 * tail[(pairs - s) // 2] == pytest.approx(p[s], rel=1e-12), s


@pytest.mark.parametrize("n", [2, 21, 30, 60])
def test_one_sided_tail_runs_from_one_over_n_factorial_to_one(n):
    tail = untied_tail(n)
    assert tail.size == n * (n - 1) // 2 + 1
    assert tail[0] == pytest.approx(1 / math.factorial(n), rel=1e-12)
    assert tail[-1] == pytest.approx(1, abs=1e-12)
    assert np.allclose(tail[:-1] + tail[-2::-1], 1, atol=1e-12)


@pytest.mark.parametrize(("n", "excluded", "share"), [(4, 0, 11 / 12), (4, 1, 2 / 3), (5, 0, 59 / 60), (5, 1, 11 / 12), (3, 0, 2 / 3)])
def test_coverage_of_the_slope_interval_equals_the_published_shares(n, excluded, share):
    assert interval_coverage(n, excluded) == pytest.approx(share, abs=1e-12)


@pytest.mark.parametrize("n", [3, 4, 5, 6, 7])
def test_coverage_equals_the_share_of_all_orders_whose_interval_holds_the_true_slope(n):
    # With a true slope of 0, the interval [X(r + 1), X(N - r)] holds it when more than r slopes lie on either side.
    pairs = n * (n - 1) // 2
    rising = Counter((pairs + score(order)) // 2 for order in permutations(range(n)))
    for excluded in range(pairs // 2):
        share = sum(c for up, c in rising.items() if excluded < up < pairs - excluded) / math.factorial(n)
        assert interval_coverage(n, excluded) == pytest.approx(share, abs=1e-12), excluded


@pytest.mark.parametrize("n", range(3, EXACT_MAX_N + 1))
def test_smallest_p_is_two_in_n_factorial(n):
    assert smallest_p(n, "auto") == smallest_p(n, "exact") == pytest.approx(2 / math.factorial(n), rel=1e-15)
    assert smallest_p(n, "auto") == pytest.approx(np.nanmin(two_sided_p((1,) * n)), rel=1e-15)


@pytest.mark.parametrize(("n", "p"), [(3, 0.2963), (4, 0.0894), (5, 0.0275), (6, 0.0085), (7, 0.00266)])
def test_smallest_normal_p_has_the_published_z(n, p):
    z_max = {3: 1.044, 4: 1.698, 5: 2.205, 6: 2.630, 7: 3.004}[n]
    assert smallest_p(n, "normal") == pytest.approx(math.erfc(z_max / math.sqrt(2)), rel=3e-3)
    assert smallest_p(n, "normal") == pytest.approx(p, abs=2e-4)


def test_smallest_p_is_normal_above_20_and_unknown_below_3():
    assert smallest_p(21, "auto") == smallest_p(21, "normal") > 2 / math.factorial(21)
    assert all(math.isnan(smallest_p(n, word)) for n in (0, 1, 2) for word in ("auto", "exact", "normal"))


@pytest.mark.parametrize("n", range(8))
def test_all_orders_are_those_of_itertools(n):
    from itertools import permutations

    assert all_orders(n).tolist() == [list(p) for p in permutations(range(n))]
