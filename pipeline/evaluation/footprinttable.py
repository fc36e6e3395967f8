"""Footprint of a mine year by year: excavated and affected ground from cover and water, the rows of its table, and the codes of its raster."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.config_footprint import Footprint as Asked
from pipeline.evaluation.footprint import Footprint, affected, excavated, iou
from pipeline.evaluation.production import affected_by_production

COLUMNS = ("mine", "sensor", "year", "kind", "area_km2", "area_ha", "possible_km2", "cut", "polygons", "polygons_km2", "iou", "note")
EXCAVATED, AFFECTED, NATIONAL = KINDS = ("excavated", "affected", "national_affected")
CODES = {EXCAVATED: 1, AFFECTED: 2, "unknown": 3}
WATER_SHARE = 0.5  # of a year's clear observations: from here on the cell is water that year
LEAST_SHARE = 0.5  # of the reference's area: a year with less has no mean
NO_VALUES = "no cover and no water within the boundary that year"
NO_REFERENCE = "the reference has cover on less than half of its area that year"
NO_AFFECTED = "no affected ground that year"


@dataclass(frozen=True)
class Site:
    """What does not change from year to year: cells that the boundary touches, ground area of every cell, `(y, x)`, and a cell's sides in metres."""

    boundary: np.ndarray
    area_m2: np.ndarray
    cell_m: tuple[float, float]


@dataclass(frozen=True)
class Found:
    """The footprint of a year: excavated and affected ground; None where it cannot be told, or is not asked for. `note` says why."""

    excavated: Footprint | None
    affected: Footprint | None
    note: str = ""

    def of(self, kind: str) -> Footprint | None:
        """Return the footprint of a kind."""
        return self.excavated if kind == EXCAVATED else self.affected


def reference_mean(fvc: np.ndarray, area_m2: np.ndarray) -> float | None:
    """Return mean cover of the reference in a year, weighted by ground area; None where less than half of its area has cover.

    `fvc` cover, NaN where not known; `area_m2` what the reference covers of each cell; of one shape.

    >>> reference_mean(np.array([0.6, 0.9, np.nan]), np.array([100.0, 50.0, 100.0])).__round__(3)
    0.7
    """
    known = np.isfinite(fvc) & (area_m2 > 0)
    if area_m2[known].sum() < LEAST_SHARE * area_m2.sum():
        return None
    return float(np.average(fvc[known].astype(np.float64), weights=area_m2[known]))


def footprint_of(fvc: np.ndarray, wet: np.ndarray, mean: float | None, site: Site, asked: Asked) -> Found:
    """Return the footprint of a year.

    Parameters
    ----------
    fvc : (y, x) float
        Cover 0..1; NaN where not known.
    wet : (y, x) bool
        Cells without cover that are water: neither bare, nor affected, nor unknown.
    mean : float, optional
        Mean cover of the reference that year.
    """
    unknown = np.isnan(fvc) & ~wet
    if unknown[site.boundary].all():
        return Found(None, None, NO_VALUES)
    with np.errstate(invalid="ignore"):
        dug = excavated(fvc < asked.bare_below, site.boundary, connectivity=asked.connectivity, unknown=unknown)
    if asked.distance_m is None or asked.relative_below is None:
        return Found(dug, None)
    if mean is None:
        return Found(dug, None, NO_REFERENCE)
    relative = fvc.astype(np.float64) - mean
    return Found(dug, affected(dug, relative, site.cell_m, distance_m=asked.distance_m, below=asked.relative_below, excluded=wet))


def year_rows(found: Found, year: int, site: Site, asked: Asked, shares: dict[str, tuple[str, np.ndarray]], last: int) -> list[dict[str, Any]]:
    """Return the rows of a year: excavated, and where asked for affected and, in the year of the outputs (by default the `last`), national_affected.

    `shares` holds by kind the file of the user's polygons of that year, and the share that they cover of each cell, `(y, x)` 0..1.
    """
    rows = []
    for kind in KINDS[:2] if asked.distance_m is not None else KINDS[:1]:
        row = dict.fromkeys(COLUMNS) | {"year": year, "kind": kind}
        footprint = found.of(kind)
        if kind in shares:
            file, share = shares[kind]
            row |= {"polygons": Path(file).name, "polygons_km2": float((share * site.area_m2).sum()) / 1e6}
        if footprint is None:
            rows.append(row | {"note": found.note})
            continue
        area, possible = footprint.areas_m2(site.area_m2)
        row |= {"area_km2": area / 1e6, "area_ha": area / 1e4, "possible_km2": possible / 1e6, "cut": "yes" if footprint.cut else "no"}
        rows.append(row | {"iou": iou(footprint.cells, shares[kind][1], site.area_m2) if kind in shares else None})
    made = asked.production
    if made is not None and year == (made.year or last):
        rows.append(dict.fromkeys(COLUMNS) | {"year": year, "kind": NATIONAL} | _national(rows[-1], made.mines_output, made.national_output))
    return rows


def _national(row: dict[str, Any], mines: float, national: float) -> dict[str, Any]:
    """Return what stands in the row of all mines of the country, from that of affected ground."""
    if row["area_km2"] is None:
        return {"note": row["note"]}
    if row["area_km2"] == 0:
        return {"note": NO_AFFECTED}
    area, possible = (affected_by_production(row[name], mines, national) for name in ("area_km2", "possible_km2"))
    return {"area_km2": area, "area_ha": 100 * area, "possible_km2": possible, "cut": row["cut"]}


def codes_of(found: Found, shape: tuple[int, int]) -> np.ndarray:
    """Return the codes of a year, `(y, x)` uint8: 1 excavated, 2 affected, 3 may be one of both, 0 neither; all 3 where nothing is known.

    >>> none = np.zeros((1, 3), bool)
    >>> dug = Footprint(np.array([[True, False, False]]), np.array([[True, True, False]]), False)
    >>> codes_of(Found(dug, None), (1, 3)).tolist(), codes_of(Found(None, None), (1, 3)).tolist()
    ([[1, 3, 0]], [[3, 3, 3]])
    """
    out = np.zeros(shape, np.uint8)
    if found.excavated is None:
        out[:] = CODES["unknown"]
        return out
    for footprint, code in ((found.affected, CODES[AFFECTED]), (found.excavated, CODES[EXCAVATED])):
        if footprint is not None:
            out[footprint.possible & (out != CODES[AFFECTED])] = CODES["unknown"]
            out[footprint.cells] = code
    return out
