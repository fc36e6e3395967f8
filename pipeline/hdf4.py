"""HDF4-EOS grids (MODIS) through pyhdf: GDAL in rasterio's wheels has no HDF4 driver.

The HDF4 library is not thread-safe and opens few files at a time: every call is under one lock, and a file is open
only while it is read. A file on which it would crash or hang is told by `pipeline.hdf4proof` before it is opened here.
"""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline import hdf4proof

if TYPE_CHECKING:
    from collections.abc import Iterator


RADIUS_M = 6371007.181  # sphere of the MODIS sinusoidal grid, as every MODIS land product's StructMetadata has it
LONGEST_SIDE = 100_000  # cells; the finest MODIS tile has 4,800
DTYPES = {20: "int8", 21: "uint8", 22: "int16", 23: "uint16", 24: "int32", 25: "uint32", 5: "float32", 6: "float64"}  # hntdefs.h of the HDF4 library
_lock = Lock()


class Hdf4Error(ValueError):
    """A file that is no HDF4-EOS grid as this module reads it; the text says why."""


@contextmanager
def _opened(path: Path | str, name: str = "") -> Iterator[Any]:
    from pyhdf.error import HDF4Error
    from pyhdf.SD import SD, SDC

    if problem := hdf4proof.fault(path, name):
        raise Hdf4Error(problem)
    with _lock:
        try:
            file = SD(str(path), SDC.READ)
        except HDF4Error as error:
            raise Hdf4Error(f"not a readable HDF4 file ({error})") from None
        try:
            yield file
        except HDF4Error as error:
            raise Hdf4Error(f"damaged: {error}") from None
        finally:
            with suppress(HDF4Error):
                file.end()


def layers(path: Path | str) -> dict[str, float | None]:
    """Return the two-dimensional data sets of a file, with the factor that its attributes give: value = stored x factor.

    The vegetation indices publish what to divide by (10000), the reflectances what to multiply by (0.0001).

    Raises
    ------
    Hdf4Error
        When the file cannot be read.
    """
    out: dict[str, float | None] = {}
    with _opened(path) as file:
        for name, (_, shape, *_) in file.datasets().items():
            if len(shape) == 2:
                factor = file.select(name).attributes().get("scale_factor")
                usable = isinstance(factor, (int, float)) and factor > 0
                out[name] = None if not usable else 1 / factor if factor > 1 else float(factor)
    return out


def attribute(path: Path | str, name: str) -> str:
    """Return a text attribute of a file with its continuations (`name.0`, `name.1`, ...); empty where there is none."""
    with _opened(path) as file:
        found = file.attributes()
    parts: list[str] = []
    while isinstance(part := found.get(f"{name}.{len(parts)}"), str):
        parts.append(part.rstrip("\0"))
    return "".join(parts)


class Hdf4Grid:
    """One data set of an HDF4-EOS grid, with as much of an open raster of rasterio as is asked of one here.

    Raises
    ------
    Hdf4Error
        No such data set, no sinusoidal grid around it, or sizes that contradict each other.
    """

    count = 1

    def __init__(self, path: Path | str, name: str) -> None:
        from affine import Affine
        from rasterio.crs import CRS

        self.path, self.name = str(path), name
        struct = attribute(path, "StructMetadata")
        with _opened(path, name) as file:
            if name not in file.datasets():
                raise Hdf4Error(f"no data set {name}")
            data = file.select(name)
            _, _, shape, kind, _ = data.info()
            fill = data.attributes().get("_FillValue")
            data.endaccess()
        grid = _grid_of(struct, name)
        size = int(_number(grid, "YDim")[0]), int(_number(grid, "XDim")[0])
        if not isinstance(shape, (list, tuple)) or tuple(shape) != size or not 0 < min(size) <= max(size) <= LONGEST_SIDE:
            raise Hdf4Error(f"{name}: {shape} values, {list(size)} in StructMetadata")
        if kind not in DTYPES:
            raise Hdf4Error(f"{name}: values of HDF4 type {kind}")
        if "GCTP_SNSOID" not in grid or abs(_number(grid, "ProjParams")[0] - RADIUS_M) > 1 or re.search(r"GridOrigin=(?!HDFE_GD_UL)", grid):
            raise Hdf4Error("not on the MODIS sinusoidal grid")
        (left, top), (right, bottom) = _number(grid, "UpperLeftPointMtrs"), _number(grid, "LowerRightMtrs")
        self.shape = self.height, self.width = size
        self.transform = Affine((right - left) / self.width, 0, left, 0, (bottom - top) / self.height, top)
        self.crs = CRS.from_proj4(f"+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R={RADIUS_M} +units=m +no_defs")
        self.dtypes = (DTYPES[kind],)
        there = isinstance(fill, (int, float)) and np.can_cast(np.min_scalar_type(int(fill)), self.dtypes[0])
        self.nodata = float(fill) if there else None
        self.block_shapes = [(1, self.width)]
        self.descriptions = (name,)

    def read(
        self,
        indexes: int | list[int] | tuple[int, ...] = 1,
        *,
        window: Any = None,
        out: np.ndarray | None = None,
        masked: bool = False,
        out_shape: tuple[int, ...] | None = None,
        resampling: Any = None,
    ) -> np.ndarray:
        """Return stored values of a window (default: all), each from its nearest pixel where `out_shape` is smaller; a list of bands gives (band, y, x).

        Raises
        ------
        rasterio.errors.RasterioIOError
            When the file cannot be read.
        """
        from rasterio.errors import RasterioIOError

        row, col, rows, cols = (0, 0, *self.shape) if window is None else (int(v) for v in (window.row_off, window.col_off, window.height, window.width))
        if row < 0 or col < 0 or rows < 1 or cols < 1 or row + rows > self.height or col + cols > self.width:
            raise RasterioIOError(f"{self.name}: a window outside of the grid")
        try:
            with _opened(self.path, self.name) as file:
                values = np.asarray(file.select(self.name).get(start=(row, col), count=(rows, cols)), self.dtypes[0]).reshape(rows, cols)
        except (Hdf4Error, ValueError, IndexError) as error:
            raise RasterioIOError(f"{self.name}: {error}") from None
        if out_shape is not None:
            down, across = ((np.arange(n) + 0.5) * of // n for n, of in zip(out_shape[-2:], (rows, cols), strict=True))
            values = values[down.astype(int)[:, None], across.astype(int)]
        if out is not None:
            out[...] = values
            values = out
        if masked:
            values = np.ma.masked_array(values, np.zeros(values.shape, bool) if self.nodata is None else values == self.nodata)
        return values if isinstance(indexes, int) else values[None]

    def close(self) -> None:
        """Do nothing: the file is open only while it is read."""

    def __enter__(self) -> Hdf4Grid:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


def _grid_of(struct: str, name: str) -> str:
    """Return the part of StructMetadata that describes the grid of a data set."""
    for grid in re.findall(r"GROUP=(GRID_\d+)\s(.*?)END_GROUP=\1\s", struct, re.DOTALL):
        if f'DataFieldName="{name}"' in grid[1]:
            return str(grid[1])
    raise Hdf4Error(f"no grid for {name} in StructMetadata")


def _number(grid: str, key: str) -> list[float]:
    found = re.search(rf"^\s*{key}=\(?([-+0-9.eE, ]+)\)?\s*$", grid, re.MULTILINE)
    try:
        values = [float(v) for v in found[1].split(",")] if found else []
    except ValueError:
        values = []
    if not values or not np.isfinite(values).all() or (key.endswith("Mtrs") and len(values) != 2):
        raise Hdf4Error(f"no {key} in StructMetadata")
    return values
