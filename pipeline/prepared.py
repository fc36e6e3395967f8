"""Yearly NDVI on the mine's grid from prepared composites, block by block."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.grid import native_grid
from pipeline.handles import lent
from pipeline.reader import BLOCK, open_raster
from pipeline.windows import locate

if TYPE_CHECKING:
    import dask.array as da
    from odc.geo.geobox import GeoBox


def read_on_grid(path: Path, bands: tuple[int, ...], grid: GeoBox, rows: slice, cols: slice) -> np.ndarray:
    """Return a block of bands on the grid, float32 `(bands, y, x)`; NaN where the file has no data or no pixel.

    Pixels are copied where the grids coincide; otherwise the nearest pixel is taken, so that values never mix.
    """
    from rasterio.windows import Window

    with lent((path, path.stat().st_mtime_ns), lambda: open_raster(path)) as dataset:
        lookup = locate(native_grid(dataset), grid, rows, cols)
        if lookup.window is None:
            return np.full((len(bands), *lookup.shape), np.nan, np.float32)
        top, left, height, width = lookup.window
        values = dataset.read(bands, window=Window(left, top, width, height), masked=True).astype(np.float32).filled(np.nan)
    return np.stack([lookup.take(band, np.nan) for band in values])


def annual_ndvi(path: Path, bands: dict[str, int], scale: float, offset: float, grid: GeoBox, block: int = BLOCK) -> da.Array:
    """Return the NDVI of one prepared composite on the grid, lazy float32 `(1, y, x)`.

    `bands` is {red, nir} or {ndvi}, 1-based. Stored NDVI outside -1..1 after scaling is no observation.
    """
    import dask.array as da

    from pipeline.kernels.pixels import normalised_difference  # here, as most of those who import this module compile nothing

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
