"""landcover_by_year.csv, landcover_transitions.csv and landcover_baseline.csv: land cover of zones and of the whole mine, as rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.evaluation.landclasses import NO_DATA
from pipeline.evaluation.landcover import baseline, class_areas, default_pairs, landcover_rows, transitions

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

ZONE, MINE = "zone", "mine"  # levels of the tables
NAMED = ("mine", "sensor", "level", "zone", "role")
BY_YEAR_COLUMNS = (*NAMED, "year", "code", "class", "area_km2", "area_ha", "share_pct", "share_valid_pct")
TRANSITION_COLUMNS = (
    *NAMED, "first_year", "last_year", "from_code", "from_class", "to_code", "to_class", "area_km2", "area_ha", "share_from_pct", "share_pct",
)  # fmt: skip
BASELINE_COLUMNS = (
    *NAMED, "code", "class", "first_year", "year", "area_km2", "change_km2", "change_low_km2", "change_high_km2", "peak_year", "peak_certain",
)  # fmt: skip


@dataclass(frozen=True)
class Ground:
    """What rows are of: `named` holds level, zone and role; `read` returns the codes and the ground areas in m2 of its window in a year, both (y, x).

    `grid` returns the grid of a year, in which that window lies.
    """

    named: Mapping[str, str | None]
    read: Callable[[int], tuple[np.ndarray, np.ndarray]]
    grid: Callable[[int], GeoBox]


def pairs_of(ground: Ground, years: Sequence[int], names: Mapping[int, str], mining: int | None) -> list[tuple[int, int]]:
    """Return which years are compared where none are asked for: first to the peak of mining and peak to last; without such a class first to last.

    Years in which no cell has a code tell nothing and are passed over.
    """
    areas = {year: class_areas(*ground.read(year), names) for year in years}
    known = {year: found for year, found in areas.items() if any(area > 0 for code, area in found.items() if code != NO_DATA)}
    if len(known) < 2:
        return []
    if mining is None:
        return [(min(known), max(known))]
    return default_pairs(baseline(known)[mining])


def land_rows(
    ground: Ground, years: Sequence[int], names: Mapping[int, str], pairs: Sequence[tuple[int, int]], *, since_first: bool = True
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of one zone, or of the mine, in the three tables.

    Parameters
    ----------
    ground : Ground
    years : ascending
    names : {code: name}
    pairs : years to compare; both codes must be on one grid
    since_first : whether rows of the baseline are made; the ground must then have one area every year

    Returns
    -------
    rows of landcover_by_year, landcover_transitions, landcover_baseline
    """
    areas = {year: class_areas(*ground.read(year), names) for year in years}
    of_years = [{**ground.named, **row} for row in landcover_rows(areas, names)]
    changed: list[dict[str, Any]] = []
    for first, last in pairs:
        (before, area), (after, _) = ground.read(first), ground.read(last)
        changed += [{**ground.named, **row} for row in transitions((first, before), (last, after), area, names).rows(names)]
    since: list[dict[str, Any]] = []
    for code, history in (baseline(areas) if since_first else {}).items():
        told = {"code": code, "class": names[code], "first_year": years[0], "peak_year": history.peak_year}
        certain = None if history.peak_year is None else "yes" if history.peak_certain else "no"
        for i, year in enumerate(history.years):
            change = {
                "area_km2": history.area_m2[i] / 1e6,
                "change_km2": history.change_m2[i] / 1e6,
                "change_low_km2": history.change_low_m2[i] / 1e6,
                "change_high_km2": history.change_high_m2[i] / 1e6,
            }
            since.append({**ground.named, **told, "year": year, **change, "peak_certain": certain})
    return of_years, changed, since
