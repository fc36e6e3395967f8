"""The only writer: each file appears under its name whole, checked and synced, or not at all."""

from __future__ import annotations

import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from pipeline import blockwise
from pipeline.errors import RunFault

CACHE_BYTES = 64 * 2**20
TILE = 512


@contextmanager
def atomic(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`; on leaving without an error, sync it and give it its name.

    Temporary files that a killed run left for the same name are removed first.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in path.parent.glob(f".{path.name}.*.part*"):
        stale.unlink(missing_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part{path.suffix}")
    try:
        yield part
        _sync(part)
        part.replace(path)
        _sync(path.parent)
    finally:
        part.unlink(missing_ok=True)


def _sync(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_text(path: Path, text: str) -> None:
    """Write a text file (UTF-8), whole or not at all."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file, whole or not at all."""
    with atomic(path) as part:
        try:
            part.write_bytes(content)
        except OSError as error:  # a full disk names no file
            raise RunFault(f"{path}: {error.strerror}; nothing of it was kept") from None
        if part.read_bytes() != content:
            raise RunFault(f"{path}: what was written reads back differently; is the disk full?")


@dataclass(frozen=True)
class Band:
    """Name and unit of one band."""

    name: str
    unit: str = ""


@dataclass(frozen=True)
class RasterSpec:
    """What a raster is, beside its values. `colours` maps codes to RGBA for class rasters; `nearest`: values that must not be averaged, such as years."""

    bands: tuple[Band, ...]
    dtype: str
    nodata: float | None
    tags: dict[str, str] = field(default_factory=dict)
    colours: dict[int, tuple[int, int, int, int]] | None = None
    nearest: bool = False

    @property
    def mixed(self) -> bool:
        """Return whether overviews are averages."""
        return self.colours is None and not self.nearest

    @property
    def creation(self) -> dict[str, Any]:
        """Return the options of the COG driver: nearest overviews for classes and years, average for continuous values."""
        classes = self.colours is not None
        return {
            "driver": "COG",
            "compress": "ZSTD",
            "level": 9 if classes else 1,
            "predictor": "NO" if classes else "YES",
            "blocksize": TILE,
            "overview_resampling": "AVERAGE" if self.mixed else "NEAREST",
            "bigtiff": "IF_SAFER",
        }


class RasterTarget:
    """Takes blocks in any order and from any thread, and remembers a checksum of each.

    After an error Dask returns while other threads still work: `finish` waits for them and keeps them off the dataset,
    which may be closed only then.
    """

    def __init__(self, dataset: Any, dtype: str) -> None:
        self.dataset, self.dtype, self.lock, self.open = dataset, dtype, Lock(), True
        self.sums: dict[Any, int] = {}

    def put(self, rows: slice, cols: slice, block: np.ndarray) -> None:
        """Write a block (band, y, x)."""
        from rasterio.windows import Window

        block = block.astype(self.dtype, copy=False)
        if block.dtype.kind == "f":
            block = np.where(np.isnan(block), block.dtype.type(np.nan), block)  # one NaN: sign and payload mean nothing
        window = Window(cols.start, rows.start, cols.stop - cols.start, rows.stop - rows.start)
        with self.lock:
            if not self.open:
                return
            self.dataset.write(block, window=window)
            self.sums[window] = zlib.crc32(block.tobytes())

    def finish(self) -> None:
        """Wait for a write under way and take no further block."""
        with self.lock:
            self.open = False


def _overviews(tiled: Path, spec: RasterSpec, side: int) -> None:
    """Build overviews in the band-interleaved file: left to the COG driver, 9 bands of 9 Mpx took 93 s instead of 3."""
    import rasterio
    from rasterio.enums import Resampling

    factors = [2**k for k in range(1, 32) if side / 2 ** (k - 1) > TILE]
    if factors:
        try:
            dataset = rasterio.open(tiled, "r+")
        except TypeError as error:  # rasterio's word for a file that is none: nothing of it reached the disk
            raise RunFault(f"{tiled.name}: could not be written: {error}; is the disk full?") from None
        with dataset:
            dataset.build_overviews(factors, Resampling.average if spec.mixed else Resampling.nearest)


@contextmanager
def raster_target(path: Path, geobox: Any, spec: RasterSpec) -> Iterator[RasterTarget]:
    """Give a target that takes the blocks of a raster; on leaving without an error it becomes a cloud-optimised GeoTIFF.

    Blocks go to a tiled temporary file that gets its overviews, one copy makes the COG, which is reopened and compared block by block with
    checksums of what was computed. Bytes do not depend on threads, block size or the order of blocks.

    Raises
    ------
    RunFault
        If a block is missing, or the file does not read back as computed (full disk, failing disk); no file has the
        final name then.
    """
    import rasterio
    import rasterio.shutil

    height, width = geobox.shape
    profile = {"driver": "GTiff", "dtype": spec.dtype, "nodata": spec.nodata, "count": len(spec.bands), "height": height, "width": width}
    grid = {"crs": str(geobox.crs), "transform": geobox.affine}
    tiles = {"tiled": True, "blockxsize": TILE, "blockysize": TILE, "interleave": "band", "bigtiff": "IF_SAFER", "sparse_ok": True}
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES, GDAL_PAM_ENABLED="NO"), atomic(path) as part:
        tiled = part.with_name(f"{part.name}.tiles.tif")
        try:
            with rasterio.open(tiled, "w", **profile, **grid, **tiles) as dataset:
                for index, band in enumerate(spec.bands, 1):
                    dataset.set_band_description(index, band.name)
                dataset.units = [band.unit for band in spec.bands]
                dataset.update_tags(**spec.tags)
                if spec.colours is not None:
                    dataset.write_colormap(1, spec.colours)
                target = RasterTarget(dataset, spec.dtype)
                try:
                    yield target
                finally:
                    target.finish()
            if sum(w.width * w.height for w in target.sums) != width * height:
                raise RunFault(f"{path}: blocks of {len(target.sums)} windows do not make up the raster")
            _overviews(tiled, spec, max(height, width))
            rasterio.shutil.copy(tiled, part, **spec.creation)
            with rasterio.open(part, driver="GTiff") as copy:
                wrong = [w for w, crc in target.sums.items() if zlib.crc32(copy.read(window=w).tobytes()) != crc]
        except rasterio.errors.RasterioError as error:
            raise RunFault(f"{path}: could not be written: {error}") from error
        finally:
            tiled.unlink(missing_ok=True)
        if wrong:
            raise RunFault(f"{path}: {len(wrong)} of {len(target.sums)} blocks read back differently; is the disk full?")


def write_raster(path: Path, data: Any, geobox: Any, spec: RasterSpec) -> None:
    """Compute a (band, y, x) Dask array (all bands in one chunk) block by block and write it; see `raster_target`."""
    import dask

    bands, height, width = data.shape
    if (height, width) != geobox.shape or bands != len(spec.bands) or data.numblocks[0] != 1:
        raise RunFault(f"{path.name}: data {data.shape} do not fit the grid {geobox.shape} with {len(spec.bands)} bands")
    parts = data.to_delayed()[0]
    rows, cols = (np.concatenate([[0], np.cumsum(sizes)]).tolist() for sizes in data.chunks[1:])
    with raster_target(path, geobox, spec) as target:

        def place(block: np.ndarray, i: int, j: int) -> tuple[slice, slice, np.ndarray]:
            return slice(rows[i], rows[i + 1]), slice(cols[j], cols[j + 1]), block

        tasks = [dask.delayed(place, pure=False)(parts[i, j], i, j) for i, j in np.ndindex(parts.shape)]
        blockwise.run(tasks, lambda found: target.put(*found))
