"""The grid of one mine and sensor: CRS, cell size, pixel edges, extent; one odc-geo GeoBox."""

from __future__ import annotations

from math import ceil, floor
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.errors import BadInput
from pipeline.kernels.codes import LARGEST_HALO
from pipeline.sensors import SENSORS

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

MAX_CELLS = 2_000_000_000
SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"  # of MODIS tiles


def sensor_grid(config: Config, sensor: str, zones: Zones, native: GeoBox | None, config_path: Path | str = "config") -> GeoBox:
    """Return the GeoBox that covers the AOI's box plus the buffer.

    Where the images' own grid (`native`) is north-up, projected in metres, square, and has the wanted CRS and
    resolution, its pixel edges are kept, so that nothing is resampled. Otherwise edges lie on multiples of the
    resolution, in the wanted CRS or the UTM zone of the AOI. A sensor with a native grid stays on that of its images, or
    where they have none that can be kept on the MODIS sinusoidal grid, whatever CRS is wanted.

    Raises
    ------
    BadInput
        For a CRS that is not projected in metres, a zone smaller than a cell (of a sensor without least pixels), or a grid of
        more than 2e9 cells.
    """
    from odc.geo.geobox import GeoBox
    from odc.geo.geom import BoundingBox

    keeps = native is not None and is_plain(native)
    record = SENSORS[config.kind(sensor)]
    if record.native_grid and not keeps:
        native, keeps = modis_grid(), True
    asked = "auto" if record.native_grid else config.grid.crs
    crs = (native.crs if keeps and native is not None else _utm(zones)) if asked == "auto" else _crs(asked, config_path)
    if not crs.projected or crs.units[0] not in {"metre", "meter", "m"}:
        raise BadInput(config_path, "grid.crs", asked, "a projected CRS in metres", "use auto or a UTM code such as EPSG:32647")
    wanted = config.grid.resolution_m.get(sensor)
    own = abs(native.resolution.x) if keeps and native is not None and native.crs == crs else None
    resolution = wanted or own or record.resolution_m
    frame = zones.on(crs, resolution)
    if not record.least_pixels:
        _not_too_small(frame, resolution, Path(config.aoi.path))
    west, south, east, north = frame.total_bounds
    around = config.grid.buffer_m
    box = BoundingBox(west - around, south - around, east + around, north + around, crs)
    if own is not None and native is not None and abs(resolution - own) < 1e-9:
        grid = _enclosing(native, box)
    else:
        grid = GeoBox.from_bbox(box, resolution=resolution, tight=False)
    if grid.shape[0] * grid.shape[1] > MAX_CELLS:
        raise BadInput(
            config_path,
            "grid",
            f"{grid.shape[1]:,} x {grid.shape[0]:,} cells",
            f"at most {MAX_CELLS:,}",
            "split the mine, or use a coarser grid.resolution_m",
        )
    return grid


def modis_grid() -> GeoBox:
    """Return the MODIS sinusoidal grid at 250 m: the whole Earth, 36 x 18 tiles of 4800 x 4800 pixels."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    pixel = SENSORS["modis"].resolution_m
    return GeoBox((18 * 4800, 36 * 4800), Affine(pixel, 0, -18 * 4800 * pixel, 0, -pixel, 9 * 4800 * pixel), SINUSOIDAL)


def finest(grids: dict[str, GeoBox]) -> str:
    """Return the sensor whose cells are smallest on the ground, the first of equal ones."""
    return min(grids, key=lambda sensor: ground_cell_m(grids[sensor]))


def native_grid(dataset: Any) -> GeoBox:
    """Return the GeoBox of an open raster."""
    from odc.geo.geobox import GeoBox

    return GeoBox.from_rio(dataset)


def ground_cell_m(grid: GeoBox) -> float:
    """Return the side of a square with a cell's ground area at the grid's centre, in metres; the grid's own where the projection is true to 1 %."""
    own, (height, width) = abs(grid.resolution.x), grid.shape
    down, across, sine = ground_sides(grid, np.array(height / 2), np.array(width / 2))
    side = float(np.sqrt(down * across * sine))  # of a slanted cell: its area
    return side if abs(side / own - 1) > 0.01 else own


def ground_sides(grid: GeoBox, rows: np.ndarray, cols: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return of cells how long their sides down and across are on the ground, in metres, and the sine of the angle between them.

    `rows` and `cols` are places on the grid in cells, of one shape; geodesics on WGS 84.
    """
    from pyproj import CRS, Geod, Transformer

    y, x = np.asarray(rows, np.float64), np.asarray(cols, np.float64)
    to_ground = Transformer.from_crs(CRS.from_wkt(grid.crs.to_wkt()), 4326, always_xy=True)

    def at(row: np.ndarray, col: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        lon, lat = to_ground.transform(col * grid.affine.a + grid.affine.c, row * grid.affine.e + grid.affine.f)
        return np.asarray(lon), np.asarray(lat)

    here, geod = at(y, x), Geod(ellps="WGS84")
    downward, _, down = geod.inv(*here, *at(y + 1, x))
    sideways, _, across = geod.inv(*here, *at(y, x + 1))
    return np.asarray(down), np.asarray(across), np.abs(np.sin(np.radians(np.asarray(sideways) - downward)))


def dilation_cells(config: Config, where: Path | str, cell_m: float) -> float:
    """Return by how many cells of this side on the ground the dilated masks grow; `where` is named in the error.

    Raises
    ------
    BadInput
        When it is more than the kernel can hold.
    """
    reach = config.mask.dilate_m / cell_m if config.mask.dilate else 0.0
    if reach > LARGEST_HALO:
        raise BadInput(where, "mask.dilate_m", config.mask.dilate_m, f"at most {LARGEST_HALO} cells of {cell_m:g} m", "lower it")
    return reach


def is_plain(native: GeoBox) -> bool:
    """Return whether a grid is projected in metres, north up, with square cells."""
    a = native.affine
    return bool(
        native.crs
        and native.crs.projected
        and native.crs.units[0] in {"metre", "meter", "m"}
        and a.b == a.d == 0
        and a.a > 0 > a.e
        and abs(a.a + a.e) < 1e-6 * a.a
    )


def _enclosing(native: GeoBox, box: Any) -> GeoBox:
    """Return the cells of a grid, continued beyond its edges where needed, that enclose a box (to 1e-6 cell)."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    left, top = ~native.affine @ (box.left, box.top)
    right, bottom = ~native.affine @ (box.right, box.bottom)
    x0, y0 = floor(left + 1e-6), floor(top + 1e-6)
    shape = (ceil(bottom - 1e-6) - y0, ceil(right - 1e-6) - x0)
    return GeoBox(shape, native.affine @ Affine.translation(x0, y0), native.crs)


def _crs(asked: str, config_path: Path | str) -> Any:
    from odc.geo.crs import CRS
    from pyproj.exceptions import CRSError

    try:
        return CRS(asked)
    except CRSError:
        raise BadInput(config_path, "grid.crs", asked, "an EPSG code that exists", "use auto or a UTM code such as EPSG:32647") from None


def _utm(zones: Zones) -> Any:
    from odc.geo.crs import CRS

    return CRS(zones.frame.estimate_utm_crs().to_string())


def _not_too_small(frame: Any, resolution: float, path: Path) -> None:
    for name, area in zip(frame["zone"], frame.geometry.area, strict=True):
        if area < resolution**2:
            raise BadInput(
                path,
                f"zone {name}",
                f"{area:.4g} m2",
                f"at least one cell of {resolution:g} m: {resolution**2:g} m2",
                "remove the zone, or use finer images",
            )


def to_json(grid: GeoBox) -> dict[str, Any]:
    """Return the grid as plain values for scenes.json."""
    return {"crs": str(grid.crs), "transform": list(grid.affine)[:6], "height": int(grid.shape[0]), "width": int(grid.shape[1])}


def from_json(values: dict[str, Any]) -> GeoBox:
    """Return the GeoBox written by `to_json`."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    return GeoBox((values["height"], values["width"]), Affine(*values["transform"]), values["crs"])
