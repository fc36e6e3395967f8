"""Exact null distribution of Kendall's S, conditional on ties (numpy only; small tables, no chunks).

Under no trend every order of the observed values is equally likely. For values with tie groups of sizes t1, t2, ...
the number of inversions of a random arrangement has the Gaussian (q-) multinomial coefficient as its counts, so that
the null distribution of S is exact for any tie pattern. Counts stay below 20! < 2**63, so int64 is exact up to n = 20.

References
----------
Kendall, M. G. (1975): Rank Correlation Methods, 4th ed., chapters 1 and 4 (S and its distribution, ties).
Andrews, G. E. (1976): The Theory of Partitions, theorem 3.6 (inversions of multiset permutations).
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

import numpy as np

EXACT_MAX_N = 20  # 20! is the last factorial below 2**63
ALL_ORDERS_MAX_N = 7  # 5,040 orders of whole years; above, DRAWN of them
DRAWN = 9_999
LARGEST = 2**15 - 1  # S' of one order of whole years in int16: enough for 12 months of 74 years
SEASONAL_TESTS = ("seasonal-kendall", "hirsch-slack", "year-permutation")
TIE_KEY = (7, 1, 3)  # weights of eq, eq**2, eq**3; tells every tie pattern of n <= 20 apart (tests/test_null.py)


class NullTables(NamedTuple):
    """Two-sided p of every (n, tie pattern, |S|) up to `n`, searchable by n and tie key.

    `start[n] : start[n + 1]` are the rows of n, sorted by `keys`; `p[row, abs(s)]`, NaN where |S| cannot occur.
    """

    start: np.ndarray
    keys: np.ndarray
    p: np.ndarray


def tie_key(pattern: tuple[int, ...]) -> int:
    """Return the number by which the kernels recognise a tie pattern: 0 without ties.

    >>> tie_key((1, 1, 1)), tie_key((2, 1)), tie_key((3,))
    (0, 11, 53)
    """
    a, b, c = TIE_KEY
    return sum(a * k + b * k * k + c * k**3 for size in pattern for k in range(size))


def partitions(n: int, largest: int | None = None) -> list[tuple[int, ...]]:
    """Return the tie patterns of n values: sizes of the groups of equal values, descending.

    >>> partitions(3)
    [(3,), (2, 1), (1, 1, 1)]
    """
    if n == 0:
        return [()]
    top = n if largest is None else min(n, largest)
    return [(k, *rest) for k in range(top, 0, -1) for rest in partitions(n - k, k)]


@cache
def _gaussian_binomial(n: int, k: int) -> np.ndarray:
    """Return the coefficients of the Gaussian binomial [n choose k] in q."""
    if k == 0 or k == n:
        return np.ones(1, np.int64)
    out = np.zeros(k * (n - k) + 1, np.int64)
    head, tail = _gaussian_binomial(n - 1, k - 1), _gaussian_binomial(n - 1, k)
    out[: head.size] += head
    out[k : k + tail.size] += tail
    return out


@cache
def inversion_counts(pattern: tuple[int, ...]) -> np.ndarray:
    """Return how many arrangements of a multiset have 0, 1, 2, ... inversions, `(D + 1,)` int64.

    `D` is the number of pairs that are not tied; an arrangement with i inversions has S = D - 2 i.

    >>> inversion_counts((1, 1, 1)).tolist()
    [1, 2, 2, 1]
    >>> inversion_counts((2, 1)).tolist()
    [1, 1, 1]
    """
    if len(pattern) <= 1:
        return np.ones(1, np.int64)
    return np.convolve(inversion_counts(pattern[1:]), _gaussian_binomial(sum(pattern), pattern[0]))


def two_sided_p(pattern: tuple[int, ...]) -> np.ndarray:
    """Return P(|S| >= s) for s = 0, 1, ..., D; NaN at values that S cannot take. `(D + 1,)` float64."""
    counts = inversion_counts(pattern)
    pairs = counts.size - 1
    total = int(counts.sum())
    p = np.full(pairs + 1, np.nan)
    tail = np.cumsum(counts)  # tail[i]: arrangements with S >= pairs - 2 i
    for i in range(pairs // 2 + 1):
        s = pairs - 2 * i
        p[s] = 1.0 if s == 0 else 2 * int(tail[i]) / total
    return p


@cache
def null_tables(n_max: int) -> NullTables:
    """Return the exact two-sided p of every tie pattern of n = 0 .. min(n_max, 20) values."""
    top = min(n_max, EXACT_MAX_N)
    rows = [sorted((tie_key(pattern), pattern) for pattern in partitions(n)) for n in range(top + 1)]
    start = np.cumsum([0] + [len(r) for r in rows]).astype(np.int64)
    flat = [pair for r in rows for pair in r]
    p = np.full((len(flat), top * (top - 1) // 2 + 1 if top else 1), np.nan)
    for row, (_, pattern) in enumerate(flat):
        values = two_sided_p(pattern)
        p[row, : values.size] = values
    return NullTables(start, np.array([key for key, _ in flat], np.int64), p)


def untied_tail(n: int) -> np.ndarray:
    """Return P(S >= s) without ties for s = N, N - 2, N - 4, ... where N = n (n - 1) / 2. Any n; float64.

    >>> (untied_tail(4) * 24).round(12).tolist()
    [1.0, 4.0, 9.0, 15.0, 20.0, 23.0, 24.0]
    """
    density = np.ones(1)
    for k in range(2, n + 1):
        density = np.convolve(density, np.full(k, 1 / k))
    return np.cumsum(density)


def interval_coverage(n: int, excluded: int) -> float:
    """Return the true coverage of the interval between the ordered pair slopes `excluded` steps from each end.

    Sen (1968): P = 1 - 2 P(S >= N - 2 r) for the interval from the (r + 1)-th to the (N - r)-th of N slopes.

    >>> round(interval_coverage(4, 0), 4)
    0.9167
    """
    return float(1 - 2 * untied_tail(n)[excluded])


def smallest_p(n: int, significance: str) -> float:
    """Return the smallest two-sided p that n values without ties can reach; NaN below n = 3.

    `significance` is `auto` (exact up to n = 20), `exact` or `normal`.

    >>> round(smallest_p(4, "auto"), 4), round(smallest_p(4, "normal"), 4)
    (0.0833, 0.0894)
    """
    from math import erfc, factorial, nan, sqrt

    if n < 3:
        return nan
    if significance == "normal" or n > EXACT_MAX_N:
        z = (n * (n - 1) / 2 - 1) / sqrt(n * (n - 1) * (2 * n + 5) / 18)
        return erfc(z / sqrt(2))
    return 2 / factorial(n)


def all_orders(n: int) -> np.ndarray:
    """Return all n! orders of n years, (orders, n) int64, ascending: the first is that of the years.

    >>> all_orders(3).tolist()
    [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]]
    """
    out = np.empty((1, 0), np.int64)
    for size in range(1, n + 1):
        parts = [np.column_stack([np.full(len(out), first), out + (out >= first)]) for first in range(size)]
        out = np.concatenate(parts)
    return out


def drawn_orders(n: int, seed: int) -> np.ndarray:
    """Return `DRAWN` random orders of n years, (orders, n) int64: of raw bits, whose stream numpy keeps from version to version."""
    keys = np.random.PCG64(seed).random_raw(DRAWN * n).reshape(DRAWN, n)
    return np.argsort(keys, axis=1, kind="stable")


def smallest_seasonal_p(test: str, n: int, seasons: int | np.ndarray) -> float:
    """Return a two-sided p below which no n years of so many seasons, without gaps and ties, can go; NaN below n = 3.

    `seasons`: how many, or (years, seasons) which of them have any value at all: cells that have more gaps reach less.

    `year-permutation`: 2 / n! up to 7 years, 1 / 10,000 above: reached where every season is monotone. `seasonal-kendall`:
    the normal p of that case, Z = (m N - 1) / sqrt(m V) with N = n (n - 1) / 2, V = n (n - 1) (2 n + 5) / 18, m seasons.
    `hirsch-slack` takes its variance from the data: seasons that are NOT all monotone can have the smaller one. For every S'
    its variance is at least S'**2 / N (the quadratic form of the covariances, minimised), hence Z < sqrt(N) (1 - 1 / (m N)),
    a bound that data come close to but need not reach; one season is Kendall's test.

    >>> [round(smallest_seasonal_p(test, 4, 12), 4) for test in ("seasonal-kendall", "hirsch-slack", "year-permutation")]
    [0.0, 0.0157, 0.0833]
    """
    from math import erfc, factorial, nan, sqrt

    if isinstance(seasons, np.ndarray):
        return _smallest_with_gaps(test, n, seasons)
    pairs, variance = n * (n - 1) / 2, n * (n - 1) * (2 * n + 5) / 18
    if test not in SEASONAL_TESTS:
        raise ValueError(f"test is {test!r}; expected seasonal-kendall, hirsch-slack or year-permutation")
    if n < 3 or seasons < 1:
        return nan
    if test == "year-permutation":
        return 2 / factorial(n) if n <= ALL_ORDERS_MAX_N else 1 / (DRAWN + 1)
    if test == "seasonal-kendall" or seasons == 1:
        return erfc((seasons * pairs - 1) / sqrt(seasons * variance) / sqrt(2))
    return erfc(sqrt(pairs) * (1 - 1 / (seasons * pairs)) / sqrt(2))


def _smallest_with_gaps(test: str, n: int, there: np.ndarray) -> float:
    """Return `smallest_seasonal_p` where `there` (years, seasons) says which values there are; NaN where no two years can be compared.

    `seasonal-kendall`: every pair that can be compared rises. `year-permutation`: orders that keep the years of every season in their order show
    the same, so that p is their share; where a cell has other years than the zone, and above 7 years, the bound without gaps. `hirsch-slack`: the
    bound without gaps of the seasons that can be compared.
    """
    from math import erfc, nan, sqrt

    there = there[there.any(axis=1)]
    counts = np.minimum(there.sum(axis=0), n)
    counts = counts[counts >= 2]
    if n < 3 or counts.size == 0:
        return nan
    if test == "seasonal-kendall":
        pairs, variance = float((counts * (counts - 1)).sum()) / 2, float((counts * (counts - 1) * (2 * counts + 5)).sum()) / 18
        return erfc((pairs - 1) / sqrt(variance) / sqrt(2))
    usual = smallest_seasonal_p(test, n, int(counts.size))
    if test == "hirsch-slack" or n != len(there) or n > ALL_ORDERS_MAX_N:
        return usual
    orders = all_orders(n)
    alike = np.ones(len(orders), bool)
    for season in there.T:
        alike &= (np.diff(orders[:, season], axis=1) > 0).all(axis=1)
    return min(1.0, max(usual, 2 * float(alike.mean())))


def smallest_p_of(test: str, n: int, months: int | np.ndarray, significance: str) -> float:
    """Return the smallest two-sided p that n years of a pixel can reach with a configured test; NaN below n = 3.

    `mann-kendall`: `smallest_p` with its `significance`, whatever `months` is; the seasonal tests: `smallest_seasonal_p` of so many
    months, or of those that are there, of `hirsch-slack` a bound.

    >>> [round(smallest_p_of(test, 4, 2, "auto"), 4) for test in ("mann-kendall", "hirsch-slack", "year-permutation")]
    [0.0833, 0.0247, 0.0833]
    """
    return smallest_seasonal_p(test, n, months) if test in SEASONAL_TESTS else smallest_p(n, significance)
