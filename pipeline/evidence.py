"""What a class of significance means at a number of years: which order of the values it needs, and how often chance gives it."""

from __future__ import annotations

from dataclasses import dataclass
from math import erfc, isclose, sqrt

import numpy as np

from pipeline.classes import P_TOLERANCE
from pipeline.kernels.null import EXACT_MAX_N, SEASONAL_TESTS, partitions, smallest_p_of, two_sided_p, untied_tail
from pipeline.layout import ABSOLUTE
from pipeline.words import NOTHING, Text, part


@dataclass(frozen=True)
class Rules:
    """The options of a run that decide classes: largest p of each strength, and how p is found: by which test, of how many months."""

    slight: float
    significant: float
    extreme: float
    significance: str
    test: str = "mann-kendall"
    months: int = 0

    @property
    def of_orders(self) -> bool:
        """Return whether p is that of the orders of a cell's yearly values, so that a class can be said in words of these."""
        return self.test not in SEASONAL_TESTS

    def smallest_p(self, n: int) -> float:
        """Return the smallest p that n years can reach."""
        return smallest_p_of(self.test, n, self.months, self.significance)

    def alpha(self, limit: str) -> float:
        """Return the largest p of a strength: `slight`, `significant` or `extreme`."""
        return {"slight": self.slight, "significant": self.significant, "extreme": self.extreme}[limit]

    def reaches(self, p_min: float, alpha: float) -> bool:
        """Return whether a smallest p is small enough."""
        return p_min <= alpha + P_TOLERANCE


def p_of_s(pattern: tuple[int, ...], significance: str) -> np.ndarray:
    """Return the two-sided p of |S| = 0, 1, ..., D for values with these tie groups; NaN where S cannot be.

    >>> p_of_s((1, 1, 1, 1), "auto")[[6, 4]].round(3).tolist(), p_of_s((1, 1, 1, 1), "normal")[[6, 4]].round(3).tolist()
    ([0.083, 0.333], [0.089, 0.308])
    """
    n = sum(pattern)
    if significance != "normal" and n <= EXACT_MAX_N:
        return two_sided_p(pattern)
    pairs = n * (n - 1) // 2 - sum(t * (t - 1) // 2 for t in pattern)
    variance = (n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in pattern)) / 18
    p = np.full(pairs + 1, np.nan)
    for s in range(pairs, -1, -1):
        if s == 0 or len(pattern) < n or (pairs - s) % 2 == 0:
            p[s] = 1.0 if s == 0 or variance <= 0 else erfc((s - 1) / sqrt(variance) / sqrt(2))
    return p


def meaning(span: int, below: float, alpha: float, significance: str, target: str = ABSOLUTE) -> tuple[Text, Text]:
    """Return what every cell with `below` < p <= `alpha` did, in words for rise and for fall; empty where orders differ.

    `target`: whether of the cells' values or of their difference to the reference. A cell may have fewer valid years than the period's `span`, and equal
    values: the words hold for all of them.
    """
    lengths, ties = set(), False
    for n in range(span, 2, -1):
        for pattern in partitions(n)[::-1]:  # untied values first
            p = p_of_s(pattern, significance)
            within = np.flatnonzero((p <= alpha + P_TOLERANCE) & ~(p <= below + (P_TOLERANCE if below else 0)))
            if within.size and (within < p.size - 1).any():
                return NOTHING, NOTHING
            if within.size:
                lengths.add(n)
                ties |= len(pattern) < n
    if not lengths:
        return NOTHING, NOTHING
    who = part("own_values" if target == ABSOLUTE else "difference")
    if ties:
        return part("rose_never_fell", who=who), part("fell_never_rose", who=who)
    kind = "every" if lengths == {span} else "each"
    return part(f"rose_{kind}", who=who), part(f"fell_{kind}", who=who)


def years_of(p_min: float, most: int, rules: Rules) -> int:
    """Return the number of valid years whose smallest p this is, of several the largest.

    >>> rules = Rules(0.10, 0.05, 0.01, "auto")
    >>> years_of(1 / 12, 5, rules), years_of(1 / 60, 5, rules)
    (4, 5)
    """
    least = {n: rules.smallest_p(n) for n in range(max(most, 3), 2, -1)}
    return min(least, key=lambda n: (not isclose(least[n], p_min, rel_tol=1e-6), abs(least[n] - p_min)))


def chance(n: int, alpha: float, significance: str) -> float:
    """Return the probability that n values in random order rise with p <= `alpha`; the same for a fall.

    >>> round(chance(4, 0.10, "auto"), 4), round(chance(5, 0.05, "auto"), 4), chance(4, 0.05, "auto")
    (0.0417, 0.0083, 0.0)
    """
    tail = untied_tail(n)
    p = p_of_s((1,) * n, significance) if n <= EXACT_MAX_N or significance == "normal" else None
    top = n * (n - 1) // 2
    if p is None:
        p = p_of_s((1,) * n, "normal")
    reached = [i for i in range(top // 2 + 1) if p[top - 2 * i] <= alpha + P_TOLERANCE]
    return float(tail[reached[-1]]) if reached else 0.0
