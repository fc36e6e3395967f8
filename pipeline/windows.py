"""Which pixels of an image lie under a block of the mine's grid: the nearest ones, so that values never mix."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.grid import is_plain

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox


@dataclass(frozen=True)
class Lookup:
    """Pixels of an image under a block of `shape`: a window of the image, and for each cell its place in the window.

    `rows` (y,) and `cols` (x,) where image and grid have parallel axes, else both (y, x); -1 where the cell lies outside
    the image. `window` is (row, column, height, width), None where no cell lies inside.
    """

    shape: tuple[int, int]
    window: tuple[int, int, int, int] | None
    rows: np.ndarray
    cols: np.ndarray

    @property
    def separable(self) -> bool:
        """Return whether rows and columns are looked up independently."""
        return self.rows.ndim == 1

    @cached_property
    def straight(self) -> bool:
        """Return whether the window is the block."""
        if self.window is None or not self.separable or self.window[2:] != self.shape:
            return False
        return bool(np.array_equal(self.rows, np.arange(self.shape[0])) and np.array_equal(self.cols, np.arange(self.shape[1])))

    def take(self, values: np.ndarray, outside: float) -> np.ndarray:
        """Return the window's values on the block; `outside` where the image does not reach."""
        if self.straight:
            return values
        rows, cols = (self.rows[:, None], self.cols[None, :]) if self.separable else (self.rows, self.cols)
        out = values[rows, cols]
        out[np.broadcast_to((rows < 0) | (cols < 0), self.shape)] = outside
        return out


def locate(image: GeoBox, grid: GeoBox, rows: slice, cols: slice) -> Lookup:
    """Return the lookup of a block of the grid (which may reach beyond the grid: a halo) in an image.

    The pixel in which a cell's centre lies is its pixel; on a border between two pixels (a grid that is finer by an even
    factor does not meet that) the one to the south and east.
    """
    y, x = np.arange(rows.start, rows.stop) + 0.5, np.arange(cols.start, cols.stop) + 0.5
    if image.crs == grid.crs and is_plain(image) and is_plain(grid):
        to_image = ~image.affine @ grid.affine
        column = _index(to_image.a * x + to_image.c, image.shape[1])
        row = _index(to_image.e * y + to_image.f, image.shape[0])
        return _lookup((y.size, x.size), row, column)
    from pyproj import Transformer

    across, down = np.meshgrid(x, y)
    project = Transformer.from_crs(str(grid.crs), image.crs.to_wkt(), always_xy=True)
    east, north = project.transform(*_apply(grid.affine, across, down), errcheck=False)
    column, row = _apply(~image.affine, east, north)
    column, row = _index(column, image.shape[1]), _index(row, image.shape[0])
    outside = (column < 0) | (row < 0)
    column[outside] = row[outside] = -1
    return _lookup((y.size, x.size), row, column)


def _lookup(shape: tuple[int, int], rows: np.ndarray, cols: np.ndarray) -> Lookup:
    """Return the lookup with indices that start at the window."""
    inner_rows, inner_cols = rows[rows >= 0], cols[cols >= 0]
    if not inner_rows.size or not inner_cols.size:
        return Lookup(shape, None, rows, cols)
    top, left = int(inner_rows.min()), int(inner_cols.min())
    window = (top, left, int(inner_rows.max()) - top + 1, int(inner_cols.max()) - left + 1)
    return Lookup(shape, window, np.where(rows >= 0, rows - top, -1), np.where(cols >= 0, cols - left, -1))


def _index(position: np.ndarray, size: int) -> np.ndarray:
    """Return whole pixel numbers, -1 outside 0..size; positions within 1e-6 below a border count as on it."""
    with np.errstate(invalid="ignore"):
        found = np.floor(position + 1e-6)
        return np.where((found >= 0) & (found < size), found, -1).astype(np.int64)


def _apply(affine: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    with np.errstate(invalid="ignore"):
        return affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f
