"""Ground area and sides of the cells of a grid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.grid import ground_sides

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

PARTS = 64  # along a side of the grid: within a part every cell has the area of its middle
LEAST_SINE = 0.999  # of the angle between a cell's sides: 2.6 degrees off a right one


def cell_areas_m2(grid: GeoBox) -> np.ndarray:
    """Return the ground area of every cell of a grid in m2, `(y, x)` float64: sides by geodesics on WGS 84 times the sine of the angle between them.

    Constant within 1/64 of the grid's height and width; in UTM areas differ from it by less than 1e-5 there, for a mine.
    """
    (rows, y), (cols, x) = (_parts(n) for n in grid.shape)
    down, across, sine = ground_sides(grid, *np.meshgrid(y, x, indexing="ij"))
    return np.asarray((down * across * sine)[np.ix_(rows, cols)])


def cell_sides_m(grid: GeoBox) -> tuple[float, float] | None:
    """Return the ground length of a cell's sides at the grid's centre, (down, across) metres; None where cells are slanted, as far from MODIS' meridian.

    The grid's own where the projection is true to 1 %, as `ground_cell_m`: three cells of 10 m are 30 m, though UTM may make 30.01 m of them.
    """
    down, across, sine = ground_sides(grid, np.array(grid.shape[0] / 2), np.array(grid.shape[1] / 2))
    if sine < LEAST_SINE:
        return None
    own = abs(grid.resolution.y), abs(grid.resolution.x)
    return own if all(abs(side / of - 1) <= 0.01 for side, of in zip((down, across), own, strict=True)) else (float(down), float(across))


def _parts(cells: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the part of every cell along a side, and the middle of every part in cells, less half a cell."""
    size = -(-cells // PARTS)
    starts = np.arange(0, cells, size)
    return np.arange(cells) // size, (starts + np.minimum(starts + size, cells)) / 2 - 0.5
