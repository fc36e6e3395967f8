"""Many cells, many tests: which area of a zone keeps its class when p is adjusted for the number of cells tested.

The family is the tested cells of one zone in one period: a zone is what a user asks about, and the answer for one zone must not depend on which
others the file holds. The reference is never in a family: it is what the others are compared with.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from pipeline.classes import P_TOLERANCE, legend
from pipeline.coverage import ZoneCoverage
from pipeline.kernels.null import smallest_p_of
from pipeline.kernels.pixels import classify
from pipeline.manytests import CONTROLLED, NOT_TESTABLE, REFERENCE, Family

TREND_CODES = range(1, 10)


@dataclass(frozen=True)
class ZoneTests:
    """The tested cells of a zone: how many have how many valid years, and their family; `family` is None for a reference and where no cell is tested.

    `area_by_n` is the ground area in m2 of the tested cells by number of valid years. `controlled` holds the area in m2 of each code when
    q takes the place of p. `test` and `months`: the trend test, and of how many months, or of which months
    of which years (years, months) the zone has any value.
    """

    is_reference: bool = False
    family: Family | None = None
    q_min: float | None = None
    area_by_n: Mapping[int, float] = field(default_factory=dict)
    controlled: Mapping[int, float] = field(default_factory=dict)
    test: str = "mann-kendall"
    months: int | np.ndarray = 0

    def testable_pct(self, alpha: float, significance: str) -> float | None:
        """Return the share of the tested area whose own number of years can reach a p of `alpha`, per cent; None without tested area."""
        whole = sum(self.area_by_n.values())
        reached = sum(area for n, area in self.area_by_n.items() if smallest_p_of(self.test, n, self.months, significance) <= alpha + P_TOLERANCE)
        return 100 * reached / whole if whole > 0 else None

    def status(self, alpha: float) -> str | None:
        """Return whether a class of level `alpha` can be controlled in this zone; None where nothing is tested."""
        if self.is_reference:
            return REFERENCE
        if self.q_min is None:
            return None
        return CONTROLLED if self.q_min <= alpha + P_TOLERANCE else NOT_TESTABLE


def tested(codes: np.ndarray, coverage: ZoneCoverage) -> np.ndarray:
    """Return which cells of a zone's window are tested: those that it touches whose code is a trend class."""
    return coverage.touched & (codes >= TREND_CODES.start) & (codes < TREND_CODES.stop)


def family_of(codes: np.ndarray, p: np.ndarray, coverage: ZoneCoverage, least_pixels: int, reference: np.ndarray) -> Family | None:
    """Return the family of a zone from its windows of class codes and p; None where no cell is tested or the zone is too small.

    `reference`: which cells of the window belong to a reference; they are in no family.
    """
    cells = tested(codes, coverage) & ~reference
    return Family.of(p[cells]) if coverage.holds(least_pixels) and cells.any() else None


def zone_tests(
    codes: np.ndarray,
    bands: Mapping[str, np.ndarray],
    coverage: ZoneCoverage,
    rules: Mapping[str, float],
    no_change: float,
    significance: str,
    least_pixels: int,
    *,
    reference: np.ndarray | None,
    test: str = "mann-kendall",
    months: int | np.ndarray = 0,
) -> ZoneTests:
    """Return what is tested in a zone; `bands` are its windows of `slope`, `p` and `n`, `rules` those of `pipeline.classes.limits`.

    A cell that the zone covers in part is one test, and counts with its covered area in the areas. `reference`: which cells of the window
    belong to a reference and are in no family; None for a zone that is a reference itself.
    """
    cells = tested(codes, coverage)
    if not coverage.holds(least_pixels) or not cells.any():
        return ZoneTests(reference is None, test=test, months=months)
    n, area = bands["n"][cells].astype(np.int64), coverage.area_m2[cells]
    sums = np.bincount(n, weights=area)
    area_by_n = {int(i): float(sums[i]) for i in np.flatnonzero(sums)}
    if reference is None:
        return ZoneTests(True, area_by_n=area_by_n, test=test, months=months)
    cells &= ~reference
    if not cells.any():
        return ZoneTests(False, area_by_n=area_by_n, test=test, months=months)
    n, area, p = bands["n"][cells].astype(np.int64), coverage.area_m2[cells], bands["p"][cells]
    family = Family.of(p)
    counts = np.bincount(n)
    occurring = np.flatnonzero(counts)
    q_min = family.q_min(np.array([smallest_p_of(test, int(i), months, significance) for i in occurring]), counts[occurring])
    q = family.q(p).astype(np.float32)
    by_q = classify(bands["slope"][cells], q, n.astype(np.float32), min_years=0, no_change=no_change, **rules)
    of_code = np.bincount(by_q, weights=area, minlength=10)
    return ZoneTests(False, family, q_min, area_by_n, {int(c): float(of_code[c]) for c in TREND_CODES}, test, months)


def control_cells(tests: ZoneTests, scheme: str, alphas: Mapping[str, float], significance: str) -> dict[int, dict[str, object]]:
    """Return the columns `testable_pct`, `area_q_km2`, `q_min` and `control` of each trend class.

    `area_q_km2` is empty where no q can reach the class's level, never 0, and for a reference.
    """
    out: dict[int, dict[str, object]] = {}
    for c in legend(scheme):
        if c.code not in TREND_CODES:
            continue
        alpha = None if c.limit is None else alphas[c.limit]
        status = tests.status(1.0 if alpha is None else alpha)
        known = status == CONTROLLED
        out[c.code] = {
            "testable_pct": None if alpha is None else tests.testable_pct(alpha, significance),
            "area_q_km2": tests.controlled.get(c.code, 0.0) / 1e6 if known else None,
            "q_min": tests.q_min,
            "control": status,
        }
    return out
