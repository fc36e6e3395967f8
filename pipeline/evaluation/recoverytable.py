"""recovery_by_zone.csv: the measures of recovery of one zone against its reference, as rows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.config import Season
from pipeline.config_recovery import Recovery
from pipeline.evaluation.baci import AFTER, BEFORE, PARTIAL, Contrast, baci, phases
from pipeline.evaluation.paired import Estimates, PairedErrors
from pipeline.evaluation.recovery import completeness, difference, gap_closed, r80p, ratio, years_to_recovery

COLUMNS = (
    "mine", "sensor", "variable", "zone", "role", "reference", "common_pct", "restored", "measure", "year", "phase", "zone_value", "reference_value",
    "value", "low", "high", "freedom", "years_before", "years_after", "note",
)  # fmt: skip
WORKS = "works"  # seasons while works of restoration went on: neither before nor after
EARLIER = "earlier"  # seasons long before restoration, which are not the state that it found
LEFT_OUT = (WORKS, EARLIER)
YEARLY = ("difference", "ratio", "r80p", "completeness", "gap_closed")
NOT_RESTORED = "no date of restoration is given (aoi.zones.*.restored)"
NO_SCENES = "no interval: the images do not tell the error of a year"
NO_GAP = "recovery.least_gap is not given"


@dataclass(frozen=True)
class ZoneRecord:
    """What the rows of a zone are made from: (years,) values of zone and reference, NaN = gap, and the errors of both; None where they are not known."""

    years: tuple[int, ...]
    zone: np.ndarray
    reference: np.ndarray
    errors: PairedErrors | None
    restored: str | None
    works_from: str | None = None


def phases_of(years: Sequence[int], season: Season, restored: str, works_from: str | None, before_years: int | None = None) -> tuple[str, ...]:
    """Return the phase of each season: as `pipeline.evaluation.baci.phases`, and `works` from the season in which works began until restoration.

    With `before_years` only so many of the last seasons before count as before, and those ahead of them are `earlier`.

    >>> phases_of([2018, 2019, 2020, 2021, 2022], Season(start="07-01", end="08-31"), "2021-06", "2020-05")
    ('before', 'before', 'works', 'partial', 'after')
    """
    found = phases(years, restored, season)
    if works_from is not None:
        begun = phases(years, works_from, season)
        found = tuple(WORKS if own == BEFORE and of != BEFORE else own for own, of in zip(found, begun, strict=True))
    last = sorted(year for year, phase in zip(years, found, strict=True) if phase == BEFORE)[-before_years:] if before_years else years
    return tuple(EARLIER if phase == BEFORE and year not in last else phase for year, phase in zip(years, found, strict=True))


def recovery_rows(record: ZoneRecord, asked: Recovery, season: Season, common: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the rows of one zone: the measures of each year, then those of the whole series.

    A measure that cannot be told has an empty value and a note that says why; none is left out. The contrast and the years to recovery stand twice:
    without the partial seasons, and with them (`..._with_partial`).
    """
    x, r, errors = record.zone, record.reference, record.errors
    phase = phases_of(record.years, season, record.restored, record.works_from, asked.before_years) if record.restored else ("",) * len(record.years)
    of_zone = common | {"restored": record.restored}
    found: dict[str, tuple[Estimates, str]] = {
        "difference": (difference(x, r, errors, level=asked.level), ""),
        "ratio": (ratio(x, r, errors, level=asked.level), ""),
        "r80p": (r80p(x, r, errors, share=asked.share, level=asked.level), ""),
    }
    before = np.array([p == BEFORE for p in phase], bool)
    gaps = np.full(x.size, np.nan)
    nothing = Estimates(gaps, gaps, gaps)
    for name, measure in (("completeness", completeness), ("gap_closed", gap_closed)):
        why = NOT_RESTORED if not record.restored else NO_GAP if asked.least_gap is None else ""
        found[name] = nothing, why
        if asked.least_gap is not None and record.restored:
            found[name] = measure(x, r, before, errors, least_gap=asked.least_gap, level=asked.level), _why_not(before, x)
    rows = [
        of_zone
        | {"measure": name, "year": year, "phase": phase[i] or None, "zone_value": x[i], "reference_value": r[i]}
        | {"value": of.value[i], "low": of.low[i], "high": of.high[i], "freedom": _freedom(name, of, errors, i)}
        | {"note": _note(of, i, x, r, errors, why) or None}
        for name, (of, why) in found.items()
        for i, year in enumerate(record.years)
    ]
    return [_filled(row) for row in (*rows, *_of_series(record, asked, phase, season, of_zone))]


def _filled(row: dict[str, Any]) -> dict[str, Any]:
    return {name: row.get(name) for name in COLUMNS}


def _freedom(name: str, of: Estimates, errors: PairedErrors | None, i: int) -> float | None:
    """Return the degrees of freedom of the year's own scenes; an interval made of several years has none that one number tells."""
    own = name not in ("completeness", "gap_closed")
    return float(errors.freedom[i]) if own and errors is not None and math.isfinite(of.low[i]) else None


def _why_not(before: np.ndarray, x: np.ndarray) -> str:
    return "" if (before & np.isfinite(x)).any() else "no year before restoration has a value"


def _note(of: Estimates, i: int, x: np.ndarray, r: np.ndarray, errors: PairedErrors | None, why: str) -> str:
    if not (math.isfinite(x[i]) and math.isfinite(r[i])):
        return "no value of " + " and ".join(name for name, v in (("the zone", x[i]), ("its reference", r[i])) if not math.isfinite(v))
    if not math.isfinite(of.value[i]):
        return why or "the gap to the reference, or the reference itself, is not clearly above 0"
    if errors is None:
        return NO_SCENES
    return "" if math.isfinite(of.low[i]) else "no interval: fewer than two scenes of that year show both"


def _of_series(record: ZoneRecord, asked: Recovery, phase: tuple[str, ...], season: Season, common: dict[str, Any]) -> list[dict[str, Any]]:
    names = ("baci", "baci_with_partial", "years_to_recovery", "years_to_recovery_with_partial")
    if not record.restored:
        return [common | {"measure": name, "note": NOT_RESTORED} for name in names]
    worked = np.array([p in LEFT_OUT for p in phase], bool)
    clean = np.where(worked, np.nan, record.zone)
    found = baci(clean, record.reference, tuple(BEFORE if p in LEFT_OUT else p for p in phase), level=asked.level)
    rows = [common | {"measure": name} | contrast_row(of) for name, of in zip(names[:2], (found.full, found.with_partial), strict=True)]
    start = first_season(record.restored, season)
    return [*rows, *(common | {"measure": name} | _reached(record, asked, phase, start, partial=i == 1) for i, name in enumerate(names[2:]))]


def first_season(restored: str, season: Season) -> int:
    """Return the year of the first season that is not before restoration, whether or not the run has it.

    >>> first_season("2021-06", Season(start="07-01", end="08-31")), first_season("2021-10", Season(start="07-01", end="08-31"))
    (2021, 2022)
    """
    near = range(int(restored[:4]) - 1, int(restored[:4]) + 2)
    return next(year for year, phase in zip(near, phases(near, restored, season), strict=True) if phase != BEFORE)


def contrast_row(of: Contrast) -> dict[str, Any]:
    """Return the cells of a row that a contrast fills."""
    return {
        "value": of.value,
        "low": of.low,
        "high": of.high,
        "freedom": of.freedom,
        "years_before": of.before,
        "years_after": of.after,
        "note": of.reason or None,
    }


def _reached(record: ZoneRecord, asked: Recovery, phase: tuple[str, ...], start: int, *, partial: bool) -> dict[str, Any]:
    """Return the years to recovery: counted from the first season that is not before restoration; `low`: the earliest that it may have been."""
    kept = [p in ((BEFORE, PARTIAL, AFTER) if partial else (BEFORE, AFTER)) for p in phase]
    if start > record.years[-1]:
        return {"year": start, "note": "no season after restoration among these years"}
    x = np.where(kept, record.zone, np.nan)
    left_out = {y: i for i, (y, p) in enumerate(zip(record.years, phase, strict=True)) if p == PARTIAL and not partial}
    found = years_to_recovery(record.years, x, record.reference, start, share=asked.share, of="whole season" if left_out else "year")
    # a partial season below the share is left out, but it is not one in which the share may have been reached
    below = {y for y, i in left_out.items() if record.reference[i] > 0 and record.zone[i] < asked.share * record.reference[i]}
    unknown = tuple(y for y in found.missing if y not in below)
    earliest = min((*(y - start for y in unknown), *([] if found.years is None else [found.years])), default=None)
    told = [found.reason]
    told += [f"{_years(unknown)} left out or without value: an upper bound"] if unknown and found.years is not None else []
    told += [f"below again in {_years(found.relapsed)}"] if found.relapsed else []
    told += [f"at the share in {_years(found.above_before)} already, before restoration"] if found.above_before else []
    high = None if found.years is None else float(found.years)
    return {"value": high, "low": earliest, "high": high, "year": start, "note": "; ".join(filter(None, told)) or None}


def _years(years: Sequence[int]) -> str:
    """Return years in words, three and more in a row as a span.

    >>> _years([2011, 2013, 2014, 2016, 2017, 2018])
    '2011, 2013, 2014, 2016-2018'
    """
    runs: list[list[int]] = []
    for year in years:
        if runs and year == runs[-1][-1] + 1:
            runs[-1].append(year)
        else:
            runs.append([year])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 2 else ", ".join(map(str, run)) for run in runs)
