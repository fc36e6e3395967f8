"""Which share of each cell a zone covers, and the ground area that share stands for."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from math import inf
from typing import TYPE_CHECKING

import numpy as np

from pipeline.aoi import Zones
from pipeline.errors import RunFault

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

SLIVER = 1e-6  # of a cell, or of a smaller zone: an edge on a cell border touches the next cell by rounding only


@dataclass(frozen=True)
class ZoneCoverage:
    """One zone on the grid: its window, and per cell of it the ground area in m2 (0 where the zone does not touch).

    The areas sum to the zone's geodesic area: grid areas are divided by the areal scale of the projection at the zone.
    `pixels` is the sum of the covered fractions.
    """

    zone: str
    role: str
    rows: slice
    cols: slice
    area_m2: np.ndarray
    pixels: float = inf

    def holds(self, least_pixels: int) -> bool:
        """Return whether the zone covers at least so many pixels; a millionth of one is rounding."""
        return self.pixels >= least_pixels - 1e-6

    @property
    def surroundings_pct(self) -> float:
        """Return how much of a mean over the zone's cells is of ground outside it, per cent: cells count by the fraction that the zone covers."""
        fraction = self.area_m2 * (self.pixels / self.area_m2.sum())
        return 100 * float((fraction * np.clip(1 - fraction, 0, 1)).sum() / fraction.sum())

    @property
    def touched(self) -> np.ndarray:
        """Return where the zone touches the cell."""
        return self.area_m2 > 0


def zone_coverages(zones: Zones, grid: GeoBox) -> list[ZoneCoverage]:
    """Return the coverage of every zone, in file order; `each_coverage` needs the memory of one zone only."""
    return list(each_coverage(zones, grid))


def each_coverage(zones: Zones, grid: GeoBox) -> Iterator[ZoneCoverage]:
    """Return the coverage of every zone, in file order, one after the other (coverage fractions by exactextract).

    Raises
    ------
    RunFault
        If the fractions of a zone do not add up to its area on the grid.
    """
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    frame = zones.on(grid.crs, abs(grid.resolution.x))
    west, south, east, north = grid.boundingbox
    height, width = grid.shape
    cells = np.broadcast_to(np.uint8(1), (height, width))
    source = NumPyRasterSource(cells, west, south, east, north, srs_wkt=grid.crs.to_wkt())
    cell_m2 = abs(grid.resolution.x * grid.resolution.y)
    for i, (zone, role, geodesic) in enumerate(zip(frame["zone"], frame["role"], frame["geodesic_m2"], strict=True)):
        results = exact_extract(source, frame.iloc[[i]][["zone", "geometry"]], ["cell_id", "coverage"], output="pandas")
        ids = np.asarray(results["cell_id"].iloc[0], np.int64)
        fraction = np.asarray(results["coverage"].iloc[0], np.float64)
        on_grid = fraction.sum() * cell_m2
        if abs(on_grid / frame.geometry.iloc[i].area - 1) > 1e-5:
            raise RunFault(f"zone {zone}: coverage of {on_grid:.6g} m2 on the grid, polygon of {frame.geometry.iloc[i].area:.6g} m2")
        counts = fraction > SLIVER * min(1.0, float(fraction.max()))
        ids, fraction = ids[counts], fraction[counts]
        y, x = np.divmod(ids, width)
        rows, cols = slice(int(y.min()), int(y.max()) + 1), slice(int(x.min()), int(x.max()) + 1)
        area = np.zeros((rows.stop - rows.start, cols.stop - cols.start))
        area[y - rows.start, x - cols.start] = fraction * (geodesic / fraction.sum())
        yield ZoneCoverage(zone, role, rows, cols, area, float(fraction.sum()))


def touched_cells(coverages: Iterable[ZoneCoverage], shape: tuple[int, int]) -> np.ndarray:
    """Return where any zone touches the cell, `(y, x)` bool."""
    out = np.zeros(shape, bool)
    for coverage in coverages:
        out[coverage.rows, coverage.cols] |= coverage.touched
    return out
