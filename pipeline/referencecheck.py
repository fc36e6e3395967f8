"""What a reference is worth: its own trend, where it is closed vegetation, and how the zone follows it from year to year.

The difference to a reference removes what both share. It misleads where the reference itself changes, where it is so green that NDVI no
longer tells more from less, and where the zone swings more or less than the reference does (Stewart-Oaten and Bence 2001).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.null import smallest_p
from pipeline.relative import ReferenceSeries
from pipeline.trend import statistics
from pipeline.zonestats import ZoneSeries

REFERENCE_COLUMNS = (
    "mine", "sensor", "variable", "zone", "role", "reference", "first_year", "last_year", "years_used", "common_pct", "mean", "beyond_pct",
    "slope", "slope_low", "slope_high", "s", "p", "n", "p_min", "zone_slope", "b", "b_low", "b_high", "warning",
)  # fmt: skip
LEVEL = 0.90  # of the interval of b


def slope_on_reference(zone: np.ndarray, reference: np.ndarray, years: np.ndarray) -> tuple[float, float | None, float | None] | None:
    """Return b of zone = a + c year + b reference, by least squares, and its 90 % interval (Student's t, n - 3 degrees of freedom).

    b is 1 where the zone swings as the reference does, once both straight lines are taken out. None with fewer than 4 years, or where
    the reference is a straight line itself. The interval assumes independent years.

    >>> t = np.arange(2020.0, 2025.0); r = np.array([0.1, -0.1, 0.2, 0.0, -0.1])
    >>> round(slope_on_reference(0.3 + 0.05 * t + 0.5 * r, r, t)[0], 6)
    0.5
    """
    n = years.size
    if n < 4:
        return None
    line = np.column_stack([np.ones(n), years - years.mean()])
    swing, own = (v - line @ np.linalg.lstsq(line, v, rcond=None)[0] for v in (reference, zone))
    total = float(swing @ swing)
    if total <= 1e-12 * max(1.0, float(reference @ reference)):
        return None
    b = float(swing @ own) / total
    from scipy.special import stdtrit

    left = own - b * swing
    half = float(stdtrit(n - 3, 0.5 + LEVEL / 2)) * float(np.sqrt(left @ left / (n - 3) / total))
    return b, b - half, b + half


def reference_row(series: ZoneSeries, reference: ReferenceSeries, period: tuple[int, int], variable: str, significance: str) -> dict[str, Any]:
    """Return the row of one zone and period of reference_by_zone.csv, without what names it and without its warning."""
    years = np.array(reference.years, np.float64)
    found = dict.fromkeys(OUTPUTS)
    if years.size:
        found = dict(zip(OUTPUTS, statistics(reference.mean[:, None], years, significance=significance)[:, 0].tolist(), strict=True))
    used, means, _ = series.period(*period, variable)
    both = [i for i, y in enumerate(used) if y in reference.years]
    own, at = means[both] if both else means[:0], np.array([used[i] for i in both], np.float64)
    zone_slope = float(statistics(own[:, None], at, significance=significance)[0, 0]) if at.size >= 3 else None
    b = slope_on_reference(own, reference.of([used[i] for i in both]), at)
    row: dict[str, Any] = {
        "reference": "; ".join(reference.zones),
        "years_used": " ".join(map(str, reference.years)),
        "common_pct": reference.common_pct,
        "mean": float(reference.mean.mean()) if years.size else None,
        "beyond_pct": reference.beyond_pct,
        **{k: found[k] for k in ("slope", "slope_low", "slope_high", "s", "p")},
        "n": len(reference.years),
        "p_min": smallest_p(len(reference.years), significance),
        "zone_slope": zone_slope,
        **dict(zip(("b", "b_low", "b_high"), b or (None, None, None), strict=True)),
    }
    return row
