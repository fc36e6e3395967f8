"""Before-after-control-impact: by how much a zone moved against its reference when it was restored, with the year as replicate."""

from __future__ import annotations

import math
import re
from calendar import monthrange
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from pipeline.config import Season
from pipeline.evaluation.paired import LEVEL, ROUNDING, quantile, yearly
from pipeline.season import bounds

BEFORE, PARTIAL, AFTER = PHASES = ("before", "partial", "after")
LEAST_YEARS = 2  # on each side, for a spread between years


@dataclass(frozen=True)
class Contrast:
    """Mean of the years after minus mean of the years before, in the unit of the values, with the Welch t interval.

    `freedom`: degrees of freedom after Welch and Satterthwaite. `before`, `after`: years with a value. Where `low`, `high`, `se` and `freedom`
    are NaN, `reason` says why in words; it is empty where an interval exists.
    """

    value: float
    low: float
    high: float
    se: float
    freedom: float
    before: int
    after: int
    reason: str = ""


@dataclass(frozen=True)
class Baci:
    """The contrast of zone minus reference without the partial years (`full`), and with them among the years after."""

    full: Contrast
    with_partial: Contrast


def phases(years: Sequence[int], restored: str, season: Season) -> tuple[str, ...]:
    """Return "before", "partial" or "after" for the season of each year.

    `restored` is the year ("2021") or month ("2021-06") in which restoration ended. Seen from one day on which it may have ended: the season
    that holds the day is partial, or else the first season after it (what was sown just before has not grown a season); earlier ones are
    before, later ones after. A season is before or after only if it is so from every day of the month or year, else partial: a year alone
    usually leaves two seasons partial, a month one. When the works began is not known here: a year before the end that they already
    marred is to be left out of the values.

    Errors: ValueError for any other form of `restored`. The case that asks for it: Feng et al. 2025, where works went on until the middle of 2021.

    >>> summer = Season(start="07-01", end="08-31")
    >>> phases([2020, 2021, 2022], "2021-06", summer), phases([2020, 2021, 2022, 2023], "2021", summer)
    (('before', 'partial', 'after'), ('before', 'partial', 'partial', 'after'))
    """
    found = re.fullmatch(r"([0-9]{4})(?:-(0[1-9]|1[0-2]))?", restored)
    if not found or not date.min.year < int(found[1]) < date.max.year:
        raise ValueError(f'restored is {restored!r}; expected the year or month in which restoration ended, as "2021" or "2021-06"')
    year, month = int(found[1]), int(found[2] or 0)
    first = date(year, month or 1, 1)
    last = date(year, month or 12, monthrange(year, month or 12)[1])
    out = []
    for of in years:
        before_last, own_last = _last_day(of - 1, season), _last_day(of, season)
        if own_last < first:
            out.append(BEFORE)
        elif before_last >= last:
            out.append(AFTER)
        else:
            out.append(PARTIAL)
    return tuple(out)


def contrast(values: np.ndarray, phase: Sequence[str], *, with_partial: bool = False, level: float = LEVEL) -> Contrast:
    """Return mean after minus mean before of one series, and its Welch t interval over years.

    Interval: Welch's, degrees of freedom after Satterthwaite, so that the years after may vary by more (a zone that still grows) or less. Years are
    taken as independent of each other; where a bad year lasts into the next, the interval is too short. NaN years are left out. With fewer than
    two years on a side, or no spread at all, there is no interval and `reason` says so.

    Parameters
    ----------
    values : (years,) a zone's values, or zone minus reference
    phase : of each year, see `phases`
    with_partial : count partial years as after; else they are left out
    level : nominal coverage

    >>> found = contrast([-0.5, -0.4, -0.3, -0.1, 0.0], ["before", "before", "partial", "after", "after"])
    >>> round(found.value, 3), round(found.low, 3), round(found.high, 3), round(found.freedom, 3)
    (0.4, 0.194, 0.606, 2.0)
    >>> contrast([-0.4, -0.1, 0.0], ["before", "after", "after"]).reason
    'one year before restoration: how years differ is not known, so that there is no interval'
    """
    (series,) = yearly({"values": values})
    if len(phase) != series.size or set(phase) - set(PHASES):
        raise ValueError(f"phases are {list(phase)}; expected {', '.join(PHASES)} for each of {series.size} years")
    valid, of = np.isfinite(series), np.array(phase, dtype=object)
    old = series[valid & (of == BEFORE)]
    new = series[valid & ((of == AFTER) | (with_partial & (of == PARTIAL)))]
    value = float(new.mean() - old.mean()) if old.size and new.size else math.nan
    parts = [np.var(side, ddof=1) / side.size if side.size >= LEAST_YEARS else np.nan for side in (old, new)]
    reason = "; ".join(filter(None, (_too_few(old.size, "before"), _too_few(new.size, "after"))))
    total = float(sum(parts))
    if not reason and total <= (ROUNDING * max(abs(old).max(), abs(new).max())) ** 2:
        reason = "no spread between years before nor after: how years differ is not known, so that there is no interval"
    if reason:
        return Contrast(value, math.nan, math.nan, math.nan, math.nan, old.size, new.size, reason)
    freedom = total**2 / sum(p**2 / (side.size - 1) for p, side in zip(parts, (old, new), strict=True))
    width = float(quantile(freedom, level)) * total**0.5
    return Contrast(value, value - width, value + width, total**0.5, float(freedom), old.size, new.size)


def baci(zone: np.ndarray, reference: np.ndarray, phase: Sequence[str], *, level: float = LEVEL) -> Baci:
    """Return the before-after-control-impact contrast, mean D after - mean D before with D = zone - reference, with and without partial years.

    What a year adds to zone and reference alike is not in D. A year without either value is left out. The replicate is the year, not the
    cell: cells of one zone share its weather and its works (Stewart-Oaten, Murdoch and Parker 1986). Errors and reasons as `contrast`.

    >>> found = baci([0.2, 0.3, 0.4, 0.6, 0.7], [0.7, 0.7, 0.7, 0.7, 0.7], ["before", "before", "partial", "after", "after"])
    >>> round(found.full.value, 3), round(found.with_partial.value, 3), found.with_partial.after
    (0.4, 0.317, 3)
    """
    x, r = yearly({"zone": zone, "reference": reference})
    return Baci(*(contrast(x - r, phase, with_partial=partial, level=level) for partial in (False, True)))


def _last_day(year: int, season: Season) -> date:
    return date(year, 1, 1) + timedelta(days=bounds(season, year)[1] - 1)


def _too_few(count: int, side: str) -> str:
    if count >= LEAST_YEARS:
        return ""
    if count == 0:
        return f"no year {side} restoration: there is nothing to compare"
    return f"one year {side} restoration: how years differ is not known, so that there is no interval"
