"""breaks_by_zone.csv and break_years_by_zone.csv: the breaks of a zone's mean series, and the years of its cells by area."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.config_breaks import Breaks
from pipeline.evaluation.breakedges import RECOVERY_BY, at_edges
from pipeline.evaluation.breaks import break_fit, break_p, disturbance_and_recovery, fewest, pettitt
from pipeline.words import counts
from pipeline.zonestats import weighted_median

ZONE = ("mine", "sensor", "variable", "zone", "role")
COLUMNS = (
    *ZONE, "first_year", "last_year", "break_method", "shown_at", "years_used", "n", "n_least", "common_pct", "pettitt_year", "pettitt_p", "break_year",
    "break_step", "break_p", "slope_before", "slope_after", "disturbance_year", "disturbance_step", "disturbance_p", "recovery_year", "recovery_by",
    "recovery_p", "tested_pct", "disturbed_pct", "disturbance_usual", "disturbance_usual_pct", "disturbance_median", "recovering_pct", "recovery_usual",
    "recovery_usual_pct", "recovery_median", "note",
)  # fmt: skip
YEAR_COLUMNS = (*ZONE, "year", "zone_value", "one_line", "two_lines", "disturbed_km2", "disturbed_pct", "recovering_km2", "recovering_pct")


@dataclass(frozen=True)
class ZoneBreaks:
    """What the rows of a zone are made from.

    `years`, `values`: those years of the period in which the zone has a value, and its mean in them; `common_pct`: share of the zone's area in these
    means. Of its cells, (cells,): `area_m2`, and `disturbance`, `recovery`, `recovery_by` as in breaks.tif.
    """

    years: tuple[int, ...]
    values: np.ndarray
    common_pct: float
    area_m2: np.ndarray
    disturbance: np.ndarray
    recovery: np.ndarray
    recovery_by: np.ndarray


def break_rows(zone: ZoneBreaks, asked: Breaks, period: tuple[int, int], common: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Return the row of a zone in breaks_by_zone.csv, and its rows in break_years_by_zone.csv, one for each year of the period.

    With fewer years with a value than a break needs (`pipeline.evaluation.breaks.fewest`) the cells of the break are empty and `note` says why.
    `note` names years of the mean that may be earlier or later too (`at_edges`).
    """
    needs = fewest(asked.level, least=asked.least, slopes=asked.method == "lines")
    series, notes = _of_series(zone, asked, needs)
    areas = {"disturb": _by_year(zone, zone.disturbance, period), "recover": _by_year(zone, zone.recovery, period)}
    tested = float(zone.area_m2[np.isfinite(zone.recovery_by)].sum())
    if tested == 0:
        notes.append(f"no cell has {needs} years with a value")
    row = common | {"first_year": period[0], "last_year": period[1], "break_method": asked.method, "shown_at": asked.level, "n_least": needs}
    row |= {"years_used": " ".join(map(str, zone.years)), "n": len(zone.years), "common_pct": zone.common_pct} | series
    row |= {"tested_pct": _per_cent(tested, float(zone.area_m2.sum()))}
    row |= _of_cells("disturbance", "disturbed_pct", zone, zone.disturbance, tested) | _of_cells("recovery", "recovering_pct", zone, zone.recovery, tested)
    notes += _of_edges(row, asked.least)
    row |= {"note": "; ".join(notes) or None}
    lines = _lines(zone, asked)
    years = [
        common
        | {"year": year, "zone_value": lines["zone_value"].get(year), "one_line": lines["one_line"].get(year), "two_lines": lines["two_lines"].get(year)}
        | _area("disturbed", areas["disturb"][year], tested)
        | _area("recovering", areas["recover"][year], tested)
        for year in range(period[0], period[1] + 1)
    ]
    return {name: row.get(name) for name in COLUMNS}, years


def _of_series(zone: ZoneBreaks, asked: Breaks, needs: int) -> tuple[dict[str, Any], list[str]]:
    """Return what the zone's mean series says, and why it says nothing."""
    n = len(zone.years)
    if n < needs:
        return {}, [f"{counts(n, 'year')} with a value; a break needs at least {needs}, {asked.least} or more on each side, to be shown at {asked.level:g}"]
    values, times, slopes = zone.values[:, None], np.array(zone.years, np.float64), asked.method == "lines"
    change = pettitt(values, times, seed=asked.seed)
    fit = break_fit(values, times, least=asked.least, slopes=slopes)
    p = break_p(values, times, least=asked.least, slopes=slopes, seed=asked.seed)
    phases = disturbance_and_recovery(values, times, level=asked.level, least=asked.least, slopes=slopes, seed=asked.seed)
    found = {
        "pettitt_year": change.first_after, "pettitt_p": change.p, "break_year": fit.first_after, "break_step": fit.step, "break_p": p,
        "slope_before": fit.slope_before, "slope_after": fit.slope_after, "disturbance_year": phases.disturbance,
        "disturbance_step": phases.disturbance_step, "disturbance_p": phases.disturbance_p, "recovery_year": phases.recovery,
        "recovery_p": phases.recovery_p,
    }  # fmt: skip
    row = {name: float(v[0]) if np.isfinite(v[0]) else None for name, v in found.items()}
    row |= {name: int(row[name] or 0) for name in row if name.endswith("_year") and row[name] is not None}
    return row | {"recovery_by": RECOVERY_BY.get(int(phases.recovery_by[0]))}, []


def _of_edges(row: dict[str, Any], least: int) -> list[str]:
    """Return the note on each year of the mean that may be earlier or later."""
    return [
        f"{name} in {row[f'{name}_year']} or {word}: no break of its values can be placed {word}"
        for name, words in at_edges(row, least).items()
        for word in words
    ]


def _lines(zone: ZoneBreaks, asked: Breaks) -> dict[str, dict[int, float]]:
    """Return the zone's mean, the value of one line, and that of two, by year; no lines where there are too few values for them."""
    out: dict[str, dict[int, float]] = {"zone_value": dict(zip(zone.years, zone.values.tolist(), strict=True)), "one_line": {}, "two_lines": {}}
    if len(zone.years) < 2 * asked.least:
        return out
    times = np.array(zone.years, np.float64)
    found = break_fit(zone.values[:, None], times, least=asked.least, slopes=asked.method == "lines")
    fit = {name: float(v[0]) for name, v in found._asdict().items()}
    out["one_line"] = _line(zone, np.ones(times.size, bool), fit["slope"])
    if np.isfinite(fit["step"]):
        before = times < fit["first_after"]
        out["two_lines"] = _line(zone, before, fit["slope_before"]) | _line(zone, ~before, fit["slope_after"])
    return out


def _line(zone: ZoneBreaks, which: np.ndarray, slope: float) -> dict[int, float]:
    """Return the values of the least-squares line of some years that has this slope: through their mean."""
    times = np.array(zone.years, np.float64)[which]
    values = zone.values[which].mean() + slope * (times - times.mean())
    return dict(zip(times.astype(int).tolist(), values.tolist(), strict=True))


def _by_year(zone: ZoneBreaks, when: np.ndarray, period: tuple[int, int]) -> dict[int, float]:
    """Return the area of the cells of each year, m2."""
    return {year: float(zone.area_m2[when == year].sum()) for year in range(period[0], period[1] + 1)}


def _per_cent(area: float, of: float) -> float:
    return min(100.0, 100 * float(area) / of)


def _area(name: str, area: float, tested: float) -> dict[str, float | None]:
    return {f"{name}_km2": area / 1e6, f"{name}_pct": _per_cent(area, tested)} if tested > 0 else {f"{name}_km2": None, f"{name}_pct": None}


def _of_cells(name: str, share: str, zone: ZoneBreaks, when: np.ndarray, tested: float) -> dict[str, Any]:
    """Return the share of the tested area that shows it, the year of most area with its share, and the median year by area."""
    if tested == 0:
        return {}
    there = np.isfinite(when)
    found: dict[str, Any] = {share: _per_cent(zone.area_m2[there].sum(), tested)}
    if not there.any():
        return found
    years, place = np.unique(when[there], return_inverse=True)
    areas = np.bincount(place, zone.area_m2[there])
    most = int(areas.argmax())
    found |= {f"{name}_usual": int(years[most]), f"{name}_usual_pct": _per_cent(areas[most], tested)}
    return found | {f"{name}_median": weighted_median(when[there].astype(np.float64), zone.area_m2[there])}
