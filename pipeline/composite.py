"""Yearly NDVI on the mine's grid from prepared composites, block by block."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.grid import is_aligned, native_grid
from pipeline.kernels.pixels import normalised_difference
from pipeline.reader import BLOCK, open_raster, thread_handle

if TYPE_CHECKING:
    import dask.array as da
    from odc.geo.geobox import GeoBox


def read_on_grid(path: Path, bands: tuple[int, ...], grid: GeoBox, rows: slice, cols: slice) -> np.ndarray:
    """Return a block of bands on the grid, float32 `(bands, y, x)`; NaN where the file has no data or no pixel.

    Pixels are copied where the grids coincide; otherwise the nearest pixel is taken, so that values never mix.
    """
    from rasterio.windows import Window

    dataset = thread_handle((path, path.stat().st_mtime_ns), lambda: open_raster(path))
    out = np.full((len(bands), rows.stop - rows.start, cols.stop - cols.start), np.nan, np.float32)
    native = native_grid(dataset)
    if is_aligned(native, grid):
        shift = ~native.affine @ grid.affine
        top, left = round(shift.f) + rows.start, round(shift.c) + cols.start
        bottom, right = top + out.shape[1], left + out.shape[2]
        y0, y1 = max(top, 0), min(bottom, dataset.height)
        x0, x1 = max(left, 0), min(right, dataset.width)
        if y0 < y1 and x0 < x1:
            inner = dataset.read(bands, window=Window(x0, y0, x1 - x0, y1 - y0), masked=True)
            out[:, y0 - top : y1 - top, x0 - left : x1 - left] = inner.astype(np.float32).filled(np.nan)
        return out
    return _nearest(dataset, bands, grid, rows, cols, out)


def _nearest(dataset: Any, bands: tuple[int, ...], grid: GeoBox, rows: slice, cols: slice, out: np.ndarray) -> np.ndarray:
    """Fill `out` (bands, y, x) with the pixels in which the centres of the grid's cells lie; NaN where there is none."""
    from pyproj import Transformer
    from rasterio.windows import Window

    x, y = np.meshgrid(np.arange(cols.start, cols.stop) + 0.5, np.arange(rows.start, rows.stop) + 0.5)
    to_image = Transformer.from_crs(str(grid.crs), dataset.crs.to_wkt(), always_xy=True)
    east, north = to_image.transform(*_apply(grid.affine, x, y), errcheck=False)
    column, row = _apply(~dataset.transform, east, north)
    with np.errstate(invalid="ignore"):
        inside = (column >= 0) & (row >= 0) & (column < dataset.width) & (row < dataset.height)
    if not inside.any():
        return out
    c, r = column[inside].astype(np.int64), row[inside].astype(np.int64)
    window = Window(c.min(), r.min(), c.max() - c.min() + 1, r.max() - r.min() + 1)
    values = dataset.read(bands, window=window, masked=True).astype(np.float32).filled(np.nan)
    out[:, inside] = values[:, r - r.min(), c - c.min()]
    return out


def _apply(affine: Any, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return affine.a * x + affine.b * y + affine.c, affine.d * x + affine.e * y + affine.f


def annual_ndvi(path: Path, bands: dict[str, int], scale: float, offset: float, grid: GeoBox, block: int = BLOCK) -> da.Array:
    """Return the NDVI of one prepared composite on the grid, lazy float32 `(1, y, x)`.

    `bands` is {red, nir} or {ndvi}, 1-based. Stored NDVI outside -1..1 after scaling is no observation.
    """
    import dask.array as da

    wanted = tuple(bands[name] for name in ("red", "nir", "ndvi") if name in bands)

    def one_block(block_info: Any = None) -> np.ndarray:
        (_, _), (y0, y1), (x0, x1) = block_info[None]["array-location"]
        values = read_on_grid(path, wanted, grid, slice(y0, y1), slice(x0, x1))
        if len(wanted) == 2:
            return normalised_difference(values[0], values[1], scale, offset)[None]
        ndvi = values * np.float32(scale) + np.float32(offset)
        return np.where(np.abs(ndvi) <= 1, ndvi, np.float32(np.nan))

    height, width = grid.shape
    chunks = da.core.normalize_chunks((1, block, block), (1, height, width))
    return da.map_blocks(one_block, chunks=chunks, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32))


def missing_year(grid: GeoBox, block: int = BLOCK) -> da.Array:
    """Return the NDVI of a year without images: NaN everywhere."""
    import dask.array as da

    return da.full((1, *grid.shape), np.nan, dtype=np.float32, chunks=(1, block, block))
