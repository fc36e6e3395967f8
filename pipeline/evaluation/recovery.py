"""Recovery of a zone against its reference: difference, ratio, completeness and years to a share of the reference.

All values of one indicator (cover, NDVI), one per year; NaN is a year without value and never becomes a number. Intervals speak of
that year's state, known from a few scenes; they do not speak of what other years would have brought (`pipeline.evaluation.baci`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.paired import LEVEL, Estimates, PairedErrors, quantile, yearly

SHARE = 0.8  # of the reference that counts as recovered: R80P and Y2R as used with Landsat (PEOPLE-ER, spectral-recovery)


@dataclass(frozen=True)
class YearsToRecovery:
    """When a zone first reached a share of its reference.

    `years`: from the restoration (year 0) to the first year seen at the share; None if never seen there. `earliest`: the first year that may have
    been there, as it has no value, or the year itself; None if no year can. They differ where years without value come first: `years` is
    then an upper bound. `missing`: years without value before the hit (without a hit: all). `relapsed`: later years seen below.
    `above_before`: years before the restoration seen at the share, which then says little. `reason`: in words, where `years` is None.
    """

    years: int | None
    earliest: int | None
    missing: tuple[int, ...]
    relapsed: tuple[int, ...]
    above_before: tuple[int, ...]
    reason: str = ""


def difference(zone: np.ndarray, reference: np.ndarray, errors: PairedErrors | None = None, *, level: float = LEVEL) -> Estimates:
    """Return zone minus reference per year, in the unit of the values, with the t interval of the paired differences.

    D = X - R, D +- t SE(X - R). What moves both alike (haze, a dry year) is not in it. NaN where either is; no interval without errors.

    >>> found = difference([0.6], [0.8], PairedErrors([0.03], [0.03], [0.02], [4]))
    >>> [round(float(a[0]), 3) for a in (found.value, found.low, found.high)]
    [-0.2, -0.243, -0.157]
    """
    x, r, e = _given(zone, reference, errors)
    return _linear(x - r, e.difference, e.freedom, level)


def ratio(zone: np.ndarray, reference: np.ndarray, errors: PairedErrors | None = None, *, level: float = LEVEL) -> Estimates:
    """Return zone divided by reference per year, with the delta-method interval of paired values.

    Q = X / R, dQ = (dX - Q dR) / R, so that SE(Q)^2 = (var X + Q^2 var R - 2 Q cov) / R^2; degrees of freedom those of the paired scenes. Where
    X is clearly positive the interval is formed on ln Q (`scale` "log"), elsewhere on Q ("linear").

    NaN where either is, and where R is not clearly positive: R <= 0 or, with a known error, the lower end of R's own interval <= 0.

    >>> found = ratio([0.4], [0.8], PairedErrors([0.02], [0.02], [0.02], [9]))
    >>> [round(float(a[0]), 3) for a in (found.value, found.low, found.high)], found.scale
    ([0.5, 0.462, 0.541], ('log',))
    """
    x, r, e = _given(zone, reference, errors)
    q = np.full_like(x, np.nan)
    np.divide(x, r, out=q, where=_clearly_positive(r, e.reference, e.freedom, level))
    se = np.sqrt(np.maximum(e.zone**2 + q**2 * e.reference**2 - 2 * q * e.covariance, 0)) / np.where(np.isfinite(q), r, np.nan)
    plain = _linear(q, se, e.freedom, level)
    known = np.isfinite(plain.low)
    log = known & _clearly_positive(x, e.zone, e.freedom, level)
    width = np.zeros_like(x)
    width[log] = quantile(e.freedom[log], level) * se[log] / q[log]
    low, high = np.where(log, q * np.exp(-width), plain.low), np.where(log, q * np.exp(width), plain.high)
    return Estimates(q, low, high, tuple("log" if a else "linear" if b else "" for a, b in zip(log, known, strict=True)))


def r80p(zone: np.ndarray, reference: np.ndarray, errors: PairedErrors | None = None, *, share: float = SHARE, level: float = LEVEL) -> Estimates:
    """Return X / (share R) per year: 1 and more is recovered. Interval and NaN rule as `ratio`.

    Differs from PEOPLE-ER's spectral-recovery: theirs is one number, of the fifth year after restoration started (in the literature the
    maximum of the fourth and fifth), against a target fixed before; here one per year against the reference of the same year.

    >>> r80p([0.6], [0.8]).value.round(4).tolist()
    [0.9375]
    """
    found = ratio(zone, reference, errors, level=level)
    return Estimates(found.value / _share(share), found.low / share, found.high / share, found.scale)


def completeness(
    zone: np.ndarray, reference: np.ndarray, before: np.ndarray, errors: PairedErrors | None = None, *, least_gap: float, level: float = LEVEL
) -> Estimates:
    """Return the share of the way from the zone's state before restoration to the reference of the same year that a zone has gone.

    RC = (X_t - X_0) / (R_t - X_0), X_0 the mean of the before-years that have a value; 0 = as before, 1 = as the reference. Delta method:
    dRC = (dX_t - RC dR_t - (1 - RC) dX_0) / (R_t - X_0); errors of different years are independent; degrees of freedom after Welch-Satterthwaite.
    Measured coverage at a nominal 0.9: 0.86 to 0.94 from three scenes a year on, 0.84 to 0.96 with two (1,000 and more planted recoveries).
    A good year after bad ones raises X_t and R_t but not X_0, and with them RC: `gap_closed` is free of what a year adds to both.

    Parameters
    ----------
    zone, reference : (years,) values
    before : (years,) bool, years before restoration
    errors : of the scenes; without them there is no interval
    least_gap : smallest R_t - X_0 that counts as a gap to be closed, in the unit of the values

    NaN where X_t or R_t is, where no before-year has a value, and where R_t - X_0 is not clearly positive: not above `least_gap` or, with a
    known error, the lower end of its own interval <= 0 (Fieller: only above it is an interval of the quotient bounded).

    >>> completeness([0.2, 0.5], [0.8, 0.8], [True, False], least_gap=0.1).value.round(3).tolist()
    [0.0, 0.5]
    """
    x, r, e = _given(zone, reference, errors)
    chosen = _years_before(before, x)
    if not (np.isfinite(least_gap) and least_gap >= 0):
        raise ValueError(f"least_gap is {least_gap}; expected a number of 0 or more, in the unit of the values")
    count = int(chosen.sum())
    start = x[chosen].mean() if count else np.nan
    out = np.full((3, x.size), np.nan)
    for t in np.flatnonzero(np.isfinite(x) & np.isfinite(r - start)).tolist():
        others = chosen & (np.arange(x.size) != t)
        part = 1 / count if chosen[t] else 0.0  # of X_t in X_0, where t is itself a before-year
        gap = r[t] - start
        gap_width = _half_width(e, t, (-part, 1.0), others, 1 / count, level)
        if gap <= least_gap or gap - np.nan_to_num(gap_width) <= 0:
            continue
        rc = (x[t] - start) / gap
        width = _half_width(e, t, (1 - (1 - rc) * part, -rc), others, (1 - rc) / count, level) / gap
        out[:, t] = rc, rc - width, rc + width
    return _on_one_scale(*out)


def gap_closed(
    zone: np.ndarray, reference: np.ndarray, before: np.ndarray, errors: PairedErrors | None = None, *, least_gap: float, level: float = LEVEL
) -> Estimates:
    """Return the share of the gap between zone and reference before restoration that is closed, free of what a year adds to both.

    G = 1 - D_t / D_0 with D = X - R and D_0 its mean over the before-years that have both: `completeness` of the differences on their way to 0.
    Parameters, NaN rule (the gap is -D_0) and errors as there; intervals from the errors of the differences.

    >>> after = gap_closed([0.2, 0.55], [0.8, 0.7], [True, False], least_gap=0.1)  # in the second year the reference is 0.1 lower
    >>> after.value.round(3).tolist()
    [0.0, 0.75]
    """
    x, r, e = _given(zone, reference, errors)
    nothing = np.zeros_like(x)
    return completeness(x - r, nothing, before, PairedErrors(e.difference, nothing, e.difference, e.freedom), least_gap=least_gap, level=level)


def years_to_recovery(years: Sequence[int], zone: np.ndarray, reference: np.ndarray, start: int, *, share: float = SHARE, of: str = "year") -> YearsToRecovery:
    """Return when X_t >= share R_t first held, in years from `start`, the year of restoration (0 possible).

    A year without X or R, or with R <= 0 (a share of which is no lower bar), has no value and is never taken as below; years of the
    calendar that the series lacks count as such. `of`: what `reason` calls a year.

    Differs from PEOPLE-ER's spectral-recovery (read in its source): never reached is None with the reason, there -9999 or NaN by version; a
    later relapse is named, there ignored; a gap before the hit makes it an upper bound, there a gap is taken as below; the target is the
    reference of the same year, there one fixed number (give `reference` as a constant for that).

    Years that do not rise, or of another number than the values, raise ValueError.

    >>> found = years_to_recovery([2020, 2021, 2022, 2023, 2024], [0.2, 0.3, np.nan, 0.7, 0.6], [0.8] * 5, 2021)
    >>> found.years, found.earliest, found.missing, found.relapsed
    (2, 1, (2022,), (2024,))
    """
    x, r = yearly({"zone": zone, "reference": reference})
    calendar = np.asarray(years)
    if calendar.shape != x.shape or not np.issubdtype(calendar.dtype, np.integer) or (np.diff(calendar) <= 0).any():
        raise ValueError(f"years are {calendar.tolist()}; expected {x.size} rising whole numbers, one for each value")
    bar = _share(share) * r
    known = np.isfinite(x) & (r > 0)
    at = known & (np.where(known, x, -np.inf) >= np.where(known, bar, np.inf))
    above = tuple(calendar[at & (calendar < start)].tolist())
    seen = set(calendar[known].tolist())
    hits = calendar[at & (calendar >= start)].tolist()
    last = hits[0] if hits else max(calendar[-1:].tolist(), default=start - 1)
    missing = tuple(y for y in range(start, last + 1) if y not in seen)
    if hits:
        relapsed = tuple(calendar[known & ~at & (calendar > last)].tolist())
        return YearsToRecovery(last - start, min((*missing, last)) - start, missing, relapsed, above)
    reason = f"no {of} with a value from {start} on"
    if any(y >= start for y in seen):
        reason = f"below {share:g} of the reference in every {of} with a value from {start} to {last}"
    return YearsToRecovery(None, missing[0] - start if missing else None, missing, (), above, reason)


def _given(zone: np.ndarray, reference: np.ndarray, errors: PairedErrors | None) -> tuple[np.ndarray, np.ndarray, PairedErrors]:
    named = {"zone": zone, "reference": reference} | ({} if errors is None else {"errors": errors.zone})
    x, r, *_ = yearly(named)
    return x, r, errors or PairedErrors(*np.full((4, x.size), np.nan))


def _years_before(before: np.ndarray, x: np.ndarray) -> np.ndarray:
    chosen = np.asarray(before)
    if chosen.dtype != bool or chosen.shape != x.shape:
        raise ValueError(f"before has shape {chosen.shape} and type {chosen.dtype}; expected true or false for each of {x.size} years")
    return chosen & np.isfinite(x)


def _share(share: float) -> float:
    if not 0 < share <= 1:
        raise ValueError(f"share is {share}; expected a number above 0, at most 1, for instance 0.8")
    return share


def _half_width(e: PairedErrors, t: int, own: tuple[float, float], others: np.ndarray, of_others: float, level: float) -> float:
    """Return the half width of the interval of own[0] X_t + own[1] R_t + of_others times the sum of X of other years; NaN where not known."""
    mine = own[0] ** 2 * e.zone[t] ** 2 + own[1] ** 2 * e.reference[t] ** 2 + 2 * own[0] * own[1] * e.covariance[t]
    parts = np.append((of_others * e.zone[others]) ** 2, np.maximum(mine, 0.0))
    freedom = np.append(e.freedom[others], e.freedom[t])
    if np.isnan(parts).any() or not (freedom > 0).all():
        return float("nan")
    total = parts.sum()
    satterthwaite = total**2 / (parts**2 / freedom).sum() if total > 0 else freedom.min()
    return float(quantile(satterthwaite, level) * np.sqrt(total))


def _clearly_positive(values: np.ndarray, se: np.ndarray, freedom: np.ndarray, level: float) -> np.ndarray:
    clear: np.ndarray = (values > 0) & (values - np.nan_to_num(quantile(freedom, level) * se) > 0)
    return clear


def _linear(value: np.ndarray, se: np.ndarray, freedom: np.ndarray, level: float) -> Estimates:
    width = quantile(freedom, level) * se
    return _on_one_scale(value, value - width, value + width)


def _on_one_scale(value: np.ndarray, low: np.ndarray, high: np.ndarray) -> Estimates:
    return Estimates(value, low, high, tuple("linear" if known else "" for known in np.isfinite(low)))
