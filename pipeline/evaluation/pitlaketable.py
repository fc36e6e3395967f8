"""Pit lakes zone by zone and year by year: the rows of pit_lakes_by_zone.csv."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.config_water import Water
from pipeline.evaluation.pitlakes import pit_lakes, succession_type

COLUMNS = (
    "mine", "sensor", "zone", "role", "year", "lakes", "lakes_km2", "largest_km2", "water_km2", "unknown_km2", "water_low_pct", "water_high_pct",
    "succession", "note",
)  # fmt: skip
WATER_SHARE = 0.5  # of a year's clear observations: from here on the cell is water that year
NOTHING = "no clear observation of the zone that year"
OPEN = "unknown cells could make it another type"


def lake_row(share: np.ndarray, area_m2: np.ndarray, asked: Water) -> dict[str, Any]:
    """Return the lakes of a zone in a year, areas in km2 and the range of the share of water in per cent.

    Without a clear observation of the zone lakes and areas are empty, never 0. The type is empty without bounds, and where unknown cells could change it.

    Parameters
    ----------
    share : (y, x) float
        Share of a year's clear observations that are water, as water_<year>.tif; NaN without one.
    area_m2 : (y, x) float
        `ZoneCoverage.area_m2`.
    """
    unknown = np.isnan(share)
    with np.errstate(invalid="ignore"):
        found = pit_lakes(share >= WATER_SHARE, area_m2, connectivity=asked.connectivity, least_m2=asked.least_m2, unknown=unknown)
    low, high = found.share_pct
    row: dict[str, Any] = dict.fromkeys(COLUMNS[5:])
    row |= {"unknown_km2": found.unknown_m2 / 1e6, "water_low_pct": low, "water_high_pct": high}
    if found.unknown_m2 >= found.zone_m2:
        return row | {"note": NOTHING}
    lakes = found.lakes_m2
    row |= {"lakes": len(lakes), "lakes_km2": sum(lakes) / 1e6, "largest_km2": lakes[0] / 1e6 if lakes else None, "water_km2": found.water_m2 / 1e6}
    if asked.terrestrial_below_pct is None or asked.aquatic_from_pct is None:
        return row
    kind = succession_type(found, terrestrial_below_pct=asked.terrestrial_below_pct, aquatic_from_pct=asked.aquatic_from_pct)
    return row | {"succession": kind, "note": OPEN if kind is None else None}
