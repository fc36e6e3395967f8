"""Pixel minus reference: what a zone does that undisturbed vegetation beside it does not.

A wet or dry year moves the zone and its reference alike, so that the difference is steadier than the zone itself and shows the same
trend more clearly (design: Stewart-Oaten et al. 1986, before-after-control-impact). The difference is formed before clamping.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from pipeline.aoi import Zones
from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.layout import SensorFolder
from pipeline.reader import read_window
from pipeline.zonestats import ZoneSeries

LEAST_SHARE = 0.5  # of the reference's area: a year with less falls out


@dataclass(frozen=True)
class ReferenceSeries:
    """The mean of reference zones together, one value per year used, over the cells valid in all of these years.

    `common_pct` is the share of the reference's area that those cells are; `beyond_pct` the share of their area and years in which cover
    before clamping is 1 or more: there NDVI is that of closed vegetation, and says little of more or less of it.
    """

    zones: tuple[str, ...]
    years: tuple[int, ...]
    mean: np.ndarray
    common_pct: float
    beyond_pct: float | None

    def of(self, years: Iterable[int]) -> np.ndarray:
        """Return the mean of each of some years, float64; NaN where the year fell out."""
        known = dict(zip(self.years, self.mean.tolist(), strict=True))
        return np.array([known.get(year, np.nan) for year in years])


def compared_with(zones: Zones) -> dict[str, tuple[str, ...]]:
    """Return the reference that each zone's cells are compared with; empty without one.

    It is the zone's own (`Zones.references`); of a zone that has none but is itself a reference, that to which it belongs, so that the
    reference's cells show what chance does to cells minus their mean.
    """
    out = {}
    for zone in zones.names:
        sets = [s for s in zones.references.values() if zone in s]
        out[zone] = zones.references[zone] or (sets[0] if sets else ())
    return out


def reference_series(parts: list[ZoneSeries], zones: tuple[str, ...], period: tuple[int, int], variable: str) -> ReferenceSeries:
    """Return the mean series of reference zones together in a period, of cover before clamping or of NDVI.

    A year in which less than half of the reference's area is valid falls out; the mean of every year that is left is over the cells valid
    in all of them, weighted by ground area. Without such cells no year is left.
    """
    weights = np.concatenate([p.weights for p in parts])
    valid = np.concatenate([p.valid for p in parts], axis=1)
    years = parts[0].years
    chosen = [i for i, y in enumerate(years) if period[0] <= y <= period[1] and weights[valid[i]].sum() >= LEAST_SHARE * weights.sum()]
    cells = np.logical_and.reduce(valid[chosen], axis=0) if chosen else np.zeros(weights.size, bool)
    if not cells.any():
        return ReferenceSeries(zones, (), np.empty(0), 0.0, None)

    def mean(values: list[np.ndarray]) -> float:
        return float(np.average(np.concatenate(values)[cells], weights=weights[cells]))

    means = np.array([mean([p.values(i, variable) for p in parts]) for i in chosen])
    beyond = float(np.mean([mean([(p.unclamped(i) >= 1).astype(np.float64) for p in parts]) for i in chosen]))
    common = 100 * float(weights[cells].sum() / weights.sum())
    return ReferenceSeries(zones, tuple(years[i] for i in chosen), means, common, 100 * beyond)


def read_series(
    folder: SensorFolder, coverage: ZoneCoverage, years: list[int], pair: Endmembers, month: int | None = None, *, scenes: bool = False
) -> ZoneSeries:
    """Return NDVI of one zone for all years, from the yearly rasters, or those of one month; with `scenes`, water that they showed is no missing land."""
    window = coverage.rows, coverage.cols
    water = np.stack([read_window(folder.observed("water", y), *window) for y in years]) if scenes else None
    return ZoneSeries(coverage, np.stack([read_window(folder.ndvi(y, month), *window) for y in years]), years, pair, water=water)


class References:
    """Every reference of a mine and its mean series, for one sensor."""

    def __init__(self, zones: Zones, everywhere: tuple[str, ...], coverages: dict[str, ZoneCoverage], folder: SensorFolder, years: list[int]) -> None:
        self.of_zone = compared_with(zones)
        self.everywhere, self.coverages, self.folder, self.years = everywhere, coverages, folder, years
        self.sets = [s for s in dict.fromkeys((everywhere, *self.of_zone.values())) if s]

    def series(
        self, periods: Iterable[tuple[int, int]], variable: str, pair: Endmembers, month: int | None = None
    ) -> dict[tuple[tuple[str, ...], tuple[int, int]], ReferenceSeries]:
        """Return the mean series of every reference in every period, of the yearly values or of one month's; one reference is in memory at a time.

        A month stands for itself: which of its years fall out, and which cells are valid in all others, does not depend on other months,
        with which it is never compared.
        """
        out: dict[tuple[tuple[str, ...], tuple[int, int]], ReferenceSeries] = {}
        for chosen in self.sets:
            parts = [read_series(self.folder, self.coverages[z], self.years, pair, month) for z in chosen]
            out |= {(chosen, period): reference_series(parts, chosen, period, variable) for period in periods}
        return out

    def numbers(self, owner: np.ndarray) -> np.ndarray:
        """Return the number of each cell's reference, `(y, x)` uint16, 0 without one; `owner` is that of `owners`.

        A cell that no zone touches is compared with `aoi.reference`.
        """
        of = [self.everywhere, *(self.of_zone[z] for z in self.coverages)]
        return np.array([1 + self.sets.index(s) if s else 0 for s in of], np.uint16)[owner]


def owned_by(owner: np.ndarray, coverages: Iterable[ZoneCoverage], names: Iterable[str]) -> np.ndarray:
    """Return which cells belong to zones of these names, `(y, x)` bool; `owner` is that of `owners`, of the same coverages."""
    wanted = set(names)
    return np.isin(owner, [i for i, c in enumerate(coverages, 1) if c.zone in wanted])


def owners(coverages: Iterable[ZoneCoverage], shape: tuple[int, int]) -> np.ndarray:
    """Return the number (from 1, in their order) of the zone that covers most of each cell, `(y, x)`, 0 where none touches it.

    Where zones cover the same share of a cell, that of the smaller zone: a pit within the mine's boundary is the pit.
    """
    listed = list(coverages)
    out = np.zeros(shape, np.uint8 if len(listed) < 256 else np.uint16)
    most = np.zeros(shape, np.uint8)
    for i in sorted(range(len(listed)), key=lambda i: -float(listed[i].area_m2.sum())):
        c = listed[i]
        share = np.ceil(np.clip(c.area_m2 / c.area_m2.max(), 0, 1) * 255).astype(np.uint8)
        at, best = out[c.rows, c.cols], most[c.rows, c.cols]
        mine = (share > 0) & (share >= best)
        at[mine], best[mine] = i + 1, share[mine]
    return out
