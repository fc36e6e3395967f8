"""The trend of a zone: of its mean series, of the difference to its reference, and of all its cells when whole years change places."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.jointtest import joint_test
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.null import smallest_p
from pipeline.relative import ReferenceSeries
from pipeline.trend import statistics
from pipeline.zonestats import ZoneSeries

TREND_COLUMNS = (
    "mine", "sensor", "variable", "target", "zone", "role", "first_year", "last_year", "test", "years_used", "common_pct", "slope", "slope_low",
    "slope_high", "s", "tau", "p", "n", "p_min", "slope_mean", "change_mean", "s_zero_pct", "s_mean", "rising_pct", "falling_pct", "p_s_mean",
    "p_monotone", "p_slope_mean", "p_joint_min", "orders",
)  # fmt: skip
JOINT = TREND_COLUMNS[-8:]
OF_MEAN = ("slope", "slope_low", "slope_high", "s", "tau", "p", "p_min", "change_mean", "p_s_mean", "p_monotone", "p_slope_mean", "p_joint_min", "orders")


def trend_row(
    series: ZoneSeries,
    period: tuple[int, int],
    variable: str,
    significance: str,
    pixel_slope: np.ndarray,
    pixel_s: np.ndarray,
    reference: ReferenceSeries | None = None,
) -> dict[str, Any]:
    """Return one row of trend_by_zone.csv: of a zone, or with `reference` of the zone minus its reference.

    `pixel_slope` and `pixel_s` are the zone's window of the trend raster. `change_mean` is the mean over pixels of last
    minus first year, over pixels valid in both; `s_zero_pct` the share of tested area with S = 0. The years are those of the zone's mean
    series (`ZoneSeries.period`), of the difference those that the reference has too. A zone that is (part of) its own reference has no trend
    of the difference: its mean is taken from itself, so that nothing is left to test; its cells still have theirs.
    """
    used, means, cells = series.period(*period, variable)
    less = np.zeros(len(used)) if reference is None else reference.of(used)
    kept = np.flatnonzero(np.isfinite(less))
    used, means, less = [used[i] for i in kept], means[kept], less[kept]
    out = dict.fromkeys(OUTPUTS) | {"n": float(len(used))}
    times = np.array(used, float)
    if used:
        out = dict(zip(OUTPUTS, statistics((means - less)[:, None], times, significance=significance)[:, 0].tolist(), strict=True))
    inside = series.coverage.touched
    slope, s = pixel_slope[inside].astype(np.float64), pixel_s[inside]
    tested = np.isfinite(slope)
    row = {
        "years_used": " ".join(map(str, used)),
        "common_pct": series.share(cells) if used else None,
        **{k: out[k] for k in ("slope", "slope_low", "slope_high", "s", "tau", "p")},
        "n": len(used),
        "p_min": smallest_p(len(used), significance),
        "slope_mean": series.mean(slope, tested),
        "change_mean": _change(series, period, variable, reference),
        "s_zero_pct": 100 * float(series.weights[tested & (s == 0)].sum() / series.weights[tested].sum()) if tested.any() else None,
        **_joint(series, used, variable, less),
    }
    own = reference is not None and series.coverage.zone in reference.zones
    return row | dict.fromkeys(OF_MEAN) if own else row


def _change(series: ZoneSeries, period: tuple[int, int], variable: str, reference: ReferenceSeries | None) -> float | None:
    i, j = series.years.index(period[0]), series.years.index(period[1])
    both = series.valid[i] & series.valid[j]
    own = series.mean(series.values(j, variable) - series.values(i, variable), both)
    if own is None or reference is None:
        return own
    first, last = reference.of(period)
    return own - float(last - first) if np.isfinite(last - first) else None


def _joint(series: ZoneSeries, used: list[int], variable: str, less: np.ndarray) -> dict[str, Any]:
    """Return the joint test of all cells of the zone over the years used."""
    values = np.stack([series.values(series.years.index(y), variable) - m for y, m in zip(used, less, strict=True)]) if len(used) >= 3 else None
    found = None if values is None else joint_test(values, np.array(used, float), series.weights)
    if found is None:
        return dict.fromkeys(JOINT)
    named = (found.mean_s, found.rising_pct, found.falling_pct, found.mean_s_p, found.monotone_p, found.slope_mean_p, found.p_min, found.orders)
    return dict(zip(JOINT, named, strict=True))
