"""The only reader of rasters: GeoTIFF, JPEG 2000 and MODIS grids (HDF4), told by their first bytes and by nothing else."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import hdf4
from pipeline.errors import BadInput
from pipeline.packaged import BAD_ZIP

if TYPE_CHECKING:
    import xarray as xr
    from odc.geo.geobox import GeoBox

BLOCK = 512
MAX_BLOCK_BYTES = 2**30
TIFF_SIGNATURES = {b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"}
JPEG_2000_SIGNATURE = b"\0\0\0\x0cjP  \r\n\x87\n"  # ISO/IEC 15444-1, signature box
KINDS = "a GeoTIFF or JPEG 2000"


def driver_of(start: bytes) -> str:
    """Return the one GDAL driver that may open a file which starts with these bytes (12 or more); GTiff where they say nothing.

    >>> driver_of(JPEG_2000_SIGNATURE), driver_of(b"<VRTDataset")
    ('JP2OpenJPEG', 'GTiff')
    """
    return "JP2OpenJPEG" if start.startswith(JPEG_2000_SIGNATURE) else "GTiff"


def open_raster(path: Path, inside: str = "") -> Any:
    """Open a raster for reading; a renamed VRT, WMS or other file that could lead elsewhere is refused.

    `inside` names a member of a zip, or a data set of an HDF4 file (which comes back as `pipeline.hdf4.Hdf4Grid`); it is
    given by the index of a folder of products alone, never by a catalogue's text.

    Raises
    ------
    BadInput
        Not a regular file, not a GeoTIFF or JPEG 2000, of complex integers, or with blocks of more than 1 GiB.
    """
    import rasterio

    if os.environ.get("GDAL_VRT_ENABLE_PYTHON"):
        raise BadInput("environment", "GDAL_VRT_ENABLE_PYTHON", os.environ["GDAL_VRT_ENABLE_PYTHON"], "not set", "unset it")
    try:
        there = path.is_file()
    except OSError as error:  # a name that is too long
        raise BadInput(path, "raster", error.strerror, KINDS, "check the path") from None
    if not there:
        raise BadInput(path, "raster", "no such file", KINDS, "check the path")
    if not os.access(path, os.R_OK):
        raise BadInput(path, "raster", "no permission to read it", f"{KINDS} that can be read", "correct its permissions")
    with path.open("rb") as handle:
        start = handle.read(12)
    if inside:
        return _open_member(path, inside) if start.startswith(b"PK") else _open_hdf4(path, inside)
    _check_neighbours(path)
    try:
        dataset = rasterio.open(path, driver=driver_of(start), sharing=False)
    except rasterio.errors.RasterioError:
        size = path.stat().st_size
        raise BadInput(path, "raster", f"{size:,} bytes that are not a readable GeoTIFF or JPEG 2000", KINDS, "convert or download it again") from None
    check_blocks(path, dataset)
    return dataset


def _open_hdf4(path: Path, inside: str) -> hdf4.Hdf4Grid:
    try:
        return hdf4.Hdf4Grid(path, inside)
    except hdf4.Hdf4Error as error:
        raise BadInput(path, "HDF4", error, "a MODIS product on its sinusoidal grid", "download it again") from None


def _open_member(path: Path, inside: str) -> Any:
    """Open a member of a zip where it lies; nothing is unpacked, and no other file of the zip is looked at."""
    import rasterio

    try:
        with zipfile.ZipFile(path) as archive, archive.open(inside) as handle:
            start = handle.read(12)
        with rasterio.Env(GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"):
            # The braces end the name of the zip: GDAL would look for another one in names such as a.zip.d/b.zip.
            dataset = rasterio.open(f"/vsizip/{{{path.absolute()}}}/{inside}", driver=driver_of(start), sharing=False)
    except (*BAD_ZIP, ValueError, KeyError, rasterio.errors.RasterioError) as error:
        told = f"{inside} cannot be read" if isinstance(error, (OSError, ValueError, rasterio.errors.RasterioError)) else f"{inside}: {error}"
        raise BadInput(path, "zip", told, f"{KINDS} in it", "download it again, or unpack it") from None
    check_blocks(path, dataset)
    return dataset


def check_blocks(where: Path | str, dataset: Any) -> None:
    """Refuse, and close, a raster of complex integers, which numpy does not have, or with blocks larger than 1 GiB."""
    (rows, cols), kind = dataset.block_shapes[0], dataset.dtypes[0]
    try:
        size = np.dtype(kind).itemsize
    except TypeError:
        dataset.close()
        raise BadInput(where, "raster", f"values of {kind}", "integers or floating-point numbers", "export real values") from None
    if rows * cols * size > MAX_BLOCK_BYTES:
        dataset.close()
        raise BadInput(where, "raster", f"blocks of {rows} x {cols}", "blocks below 1 GiB", "rewrite it with tiles of 512 x 512")


def _check_neighbours(path: Path) -> None:
    """Refuse side files of a raster through which GDAL would open any other file with any driver."""
    aux = f"{path.name}.aux.xml".casefold()
    wanted = {f"{path.name}{suffix}".casefold() for suffix in (".msk", ".ovr")}
    for neighbour in path.parent.iterdir():
        name = neighbour.name.casefold()
        if name != aux and name not in wanted:
            continue
        if not neighbour.is_file() or not os.access(neighbour, os.R_OK):
            raise BadInput(neighbour, "side file", "no file that can be read", "a file that can be read, or none", "remove it")
        if name == aux and b"OVERVIEW_FILE" in neighbour.read_bytes():
            raise BadInput(neighbour, "side file", "OVERVIEW_FILE, which names another file", "no such entry", "remove the file")
        if name in wanted:
            with neighbour.open("rb") as handle:
                if handle.read(4) not in TIFF_SIGNATURES:
                    raise BadInput(neighbour, "mask or overview file", "content that is no TIFF", "a TIFF", "remove it, or write it again")


def open_stack(paths: dict[int, Path], block: int = BLOCK) -> xr.DataArray:
    """Return rasters of one grid as a lazy (time, y, x) array, years on `time`, Dask chunks of all years.

    The first band of each file; values and nodata as stored (this project's rasters mark missing with NaN).
    """
    import rioxarray
    import xarray as xr

    first = None
    for path in paths.values():
        with open_raster(path) as dataset:
            first = first or (dataset.shape, dataset.transform)
            _check_grid(path, dataset, *first)
    layers = [
        rioxarray.open_rasterio(p, chunks={"band": 1, "y": block, "x": block}, lock=False, cache=False, driver="GTiff", sharing=False).isel(band=0, drop=True)
        for p in paths.values()
    ]
    stack = xr.concat(layers, dim=xr.Variable("time", list(paths)), join="exact", combine_attrs="drop_conflicts")
    return stack.chunk({"time": -1})


@dataclass
class _Kept:
    grid: GeoBox
    datasets: dict[Path, Any]


_KEPT: ContextVar[_Kept | None] = ContextVar("rasters kept open", default=None)
MOST_KEPT = 300  # open files; a system allows 1,024 or more


@contextmanager
def kept_open(grid: GeoBox) -> Iterator[None]:
    """Keep the rasters of `read_window` open until the end of the block: a tile that several windows touch is decoded once, not once for each.

    For finished files on one grid alone: one on another grid is refused, one that is written anew inside the block would be read as it was. Decoded
    tiles lie in GDAL's cache of blocks (5 % of memory, the oldest go first).
    """
    kept = _Kept(grid, {})
    token = _KEPT.set(kept)
    try:
        yield
    finally:
        for dataset in kept.datasets.values():
            dataset.close()
        _KEPT.reset(token)


def _check_grid(path: Path, dataset: Any, shape: tuple[int, int], transform: Any) -> None:
    if tuple(dataset.shape) != tuple(shape) or not dataset.transform.almost_equals(transform, 1e-6):
        found = f"{dataset.height} x {dataset.width} cells from {dataset.transform.c:g}, {dataset.transform.f:g}"
        wanted = f"{shape[0]} x {shape[1]} cells from {transform.c:g}, {transform.f:g}, as the other rasters of the run"
        raise BadInput(path, "grid", found, wanted, "delete it and run again")


def read_window(path: Path, rows: slice, cols: slice, band: int = 1) -> np.ndarray:
    """Return one window of one band, values as stored."""
    from rasterio.windows import Window

    def read(dataset: Any) -> np.ndarray:
        if band > dataset.count:
            raise BadInput(path, "bands", dataset.count, f"at least {band}", "delete it and run again")
        values: np.ndarray = dataset.read(band, window=Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start))
        return values

    kept = _KEPT.get()
    if kept is not None and path in kept.datasets:
        return read(kept.datasets[path])
    dataset = open_raster(path)
    try:
        if kept is not None:
            _check_grid(path, dataset, kept.grid.shape, kept.grid.affine)
            if len(kept.datasets) < MOST_KEPT:
                kept.datasets[path] = dataset
        return read(dataset)
    finally:
        if kept is None or path not in kept.datasets:
            dataset.close()


def read_cells(path: Path, bands: list[int], rows: np.ndarray, cols: np.ndarray) -> np.ndarray:
    """Return single cells of bands, (band, cell), values as stored: strip by strip, each tile decoded once."""
    from rasterio.windows import Window

    out = np.empty((len(bands), len(rows)))
    with open_raster(path) as dataset:
        height, width = dataset.shape
        for top in range(0, height, BLOCK):
            here = np.flatnonzero((rows >= top) & (rows < top + BLOCK))
            if here.size:
                strip = dataset.read(bands, window=Window(0, top, width, min(BLOCK, height - top)))
                out[:, here] = strip[:, rows[here] - top, cols[here]]
    return out


def open_bands(path: Path, block: int = BLOCK) -> Any:
    """Return one raster as a lazy (band, y, x) Dask array, all bands in one chunk."""
    import rioxarray

    open_raster(path).close()
    opened = rioxarray.open_rasterio(path, chunks={"band": -1, "y": block, "x": block}, lock=False, cache=False, driver="GTiff", sharing=False)
    return opened.data


def read_every(path: Path, step: int, band: int = 1) -> np.ndarray:
    """Return every `step`-th cell of one band, each from the middle of its `step` x `step` cells; strip by strip, so that memory stays small."""
    from rasterio.windows import Window

    with open_raster(path) as dataset:
        height, width = dataset.shape
        out = np.empty((-(-height // step), -(-width // step)), dataset.dtypes[0])
        across = np.minimum(np.arange(out.shape[1]) * step + step // 2, width - 1)
        for first in range(0, out.shape[0], max(1, BLOCK // step)):
            last = min(out.shape[0], first + max(1, BLOCK // step))
            strip = dataset.read(band, window=Window(0, first * step, width, min(last * step, height) - first * step))
            down = np.minimum(np.arange(last - first) * step + step // 2, strip.shape[0] - 1)
            out[first:last] = strip[down[:, None], across]
    return out
