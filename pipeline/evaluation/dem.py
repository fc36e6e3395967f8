"""Elevations of a digital elevation model, and which share of each cell of a sensor's grid lies in which terrain stratum."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.coverage import ZoneCoverage
from pipeline.errors import BadInput
from pipeline.evaluation.strata import TERRAIN, TerrainRules, terrain_codes
from pipeline.evaluation.terrain import ground_steps, slope_aspect
from pipeline.grid import ground_cell_m
from pipeline.reader import open_raster
from pipeline.windows import locate

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

LAND_M = (-600.0, 9000.0)  # the shore of the Dead Sea lies at -430 m, Mount Everest at 8,849 m; heights above the ellipsoid are up to 110 m off
MOST_POINTS = 16  # along each side of a cell of the sensor: shares are then known to less than a hundredth
BLOCK_CELLS = 1024  # along each side, of elevations and of points that are in memory at once
METRES = {"", "m", "metre", "metres", "meter", "meters", "unknown"}


@dataclass(frozen=True)
class Dem:
    """An open elevation model and its grid; `dataset` is the reader's."""

    path: Path
    dataset: Any
    grid: GeoBox

    @property
    def shape(self) -> tuple[int, int]:
        """Return rows and columns."""
        return (int(self.dataset.height), int(self.dataset.width))


@dataclass(frozen=True)
class TerrainShares:
    """Per cell of a zone's window and stratum of `TERRAIN` (5, y, x): its share of the cell, and mean slope x share in degrees (0 for `unknown`)."""

    shares: np.ndarray
    slope: np.ndarray

    def by_name(self) -> dict[str, np.ndarray]:
        """Return the shares by stratum, for `pipeline.evaluation.strata.split`; `unknown` last."""
        return {TERRAIN[code]: self.shares[code] for code in (1, 2, 3, 4, 0)}

    def slope_mean(self, stratum: str, coverage: ZoneCoverage) -> float | None:
        """Return the mean slope of a stratum of the zone, degrees, weighted by ground area; None without area, and for `unknown`."""
        code = TERRAIN.index(stratum)
        weight = float((self.shares[code] * coverage.area_m2).sum())
        return float((self.slope[code] * coverage.area_m2).sum()) / weight if code and weight else None


def open_dem(path: Path, field: str = "strata.dem") -> Dem:
    """Return an elevation model, open; the caller closes its dataset. `field` is named in errors.

    Raises
    ------
    BadInput
        For what the reader refuses, a raster of several bands or of no numbers, one without a CRS or place, or in another unit than metres.
    """
    from odc.geo.geobox import GeoBox

    if not path.is_file():
        raise BadInput(path, field, "no such file", "an elevation model", "check the path; it is relative to the working directory")
    dataset = open_raster(path)
    try:
        if dataset.count != 1 or np.dtype(dataset.dtypes[0]).kind not in "iuf":
            raise BadInput(path, field, f"{dataset.count} bands of {dataset.dtypes[0]}", "one band of elevations", "give the elevation model alone")
        if dataset.crs is None or not (dataset.crs.is_projected or dataset.crs.is_geographic):
            found = "no coordinate reference system" if dataset.crs is None else "a CRS that is neither projected nor geographic"
            raise BadInput(path, field, found, "an elevation model with a CRS", "assign it, for instance by gdal_translate -a_srs")
        unit = (dataset.units[0] or "").strip()
        if unit.casefold() not in METRES:
            raise BadInput(path, field, f"elevations in {unit}", "elevations in metres", "convert them to metres")
        if not np.isfinite(tuple(dataset.transform)).all():
            found = "a geotransform of numbers that are not finite"
            raise BadInput(path, field, found, "a georeferenced raster", "assign its corners, for instance by gdal_translate -a_ullr")
        if dataset.transform.is_identity:
            raise BadInput(path, field, "no place on the ground", "a georeferenced raster", "assign its corners, for instance by gdal_translate -a_ullr")
        return Dem(path, dataset, GeoBox.from_rio(dataset))
    except BaseException:
        dataset.close()
        raise


def check_covers(dem: Dem, zones: Zones, field: str = "strata.dem") -> None:
    """Raise BadInput where a zone reaches beyond the elevation model's frame, with the share that is covered of the zone that is covered least.

    A zone that the model's CRS cannot show is not covered. Holes within the frame are no error: there the stratum is `unknown`.
    """
    import shapely
    from pyproj.exceptions import ProjError

    height, width = dem.shape
    frame = shapely.Polygon([dem.grid.affine @ corner for corner in ((0, 0), (width, 0), (width, height), (0, height))])
    try:
        polygons = list(zones.frame.to_crs(dem.dataset.crs.to_wkt()).geometry)
    except ProjError:  # of another celestial body
        polygons = [shapely.Polygon()] * len(zones.names)
    shown = [not p.is_empty and bool(np.isfinite(shapely.get_coordinates(p)).all()) for p in polygons]
    shares = [p.intersection(frame).area / p.area if whole else 0.0 for p, whole in zip(polygons, shown, strict=True)]
    least = int(np.argmin(shares))
    if shares[least] < 1 - 1e-6:
        raise BadInput(
            dem.path,
            f"{field}, zone {zones.names[least]}",
            f"elevations for {100 * shares[least]:.4g} % of the zone",
            "an elevation model that covers every zone",
            f"give one that reaches a cell further than {zones.names[least]} on every side, or take the zone out",
        )


def check_elevations(dem: Dem, zones: Zones) -> None:
    """Read the model under every zone once; BadInput where it cannot be read, or for values that no land has. Memory: BLOCK_CELLS squared at a time."""
    there = zones.frame.to_crs(dem.dataset.crs.to_wkt())
    for polygon in there.geometry:
        west, south, east, north = polygon.bounds
        corners = [~dem.grid.affine @ corner for corner in ((west, north), (east, north), (west, south), (east, south))]
        (left, right), (top, bottom) = ((int(min(v)) - 1, int(max(v)) + 2) for v in zip(*corners, strict=True))
        for row in range(max(0, top), min(dem.shape[0], bottom), BLOCK_CELLS):
            for col in range(max(0, left), min(dem.shape[1], right), BLOCK_CELLS):
                elevations(dem, slice(row, min(row + BLOCK_CELLS, bottom)), slice(col, min(col + BLOCK_CELLS, right)))


def southern(zones: Zones) -> dict[str, bool]:
    """Return of each zone whether its middle lies south of the equator."""
    bounds = zones.frame.geometry.to_crs(4326).bounds
    return dict(zip(zones.names, (bounds["miny"] + bounds["maxy"] < 0).tolist(), strict=True))


def elevations(dem: Dem, rows: slice, cols: slice) -> np.ndarray:
    """Return elevations in metres of a window that may reach beyond the model, `(y, x)` float64, NaN where it has none.

    Scale and offset of the band are applied; nodata and masked cells are NaN. BadInput for values that no land on Earth has, which are a nodata value that
    the file does not name.
    """
    from rasterio.errors import RasterioError
    from rasterio.windows import Window

    out = np.full((rows.stop - rows.start, cols.stop - cols.start), np.nan)
    height, width = dem.shape
    top, bottom, left, right = max(0, rows.start), min(height, rows.stop), max(0, cols.start), min(width, cols.stop)
    if top >= bottom or left >= right:
        return out
    try:
        stored = dem.dataset.read(1, window=Window(left, top, right - left, bottom - top), masked=True)
    except RasterioError:
        found = f"rows {top} to {bottom - 1} cannot be read"
        raise BadInput(dem.path, "elevation", found, "a whole raster", "copy or download the file again") from None
    values = stored.astype(np.float64) * (dem.dataset.scales[0] or 1.0) + (dem.dataset.offsets[0] or 0.0)
    known = np.ma.filled(values, np.nan)
    strange = known[(known < LAND_M[0]) | (known > LAND_M[1])]
    if strange.size:
        fix = "name the nodata value, for instance by gdal_edit.py -a_nodata, or convert the unit"
        raise BadInput(dem.path, "elevation", f"{strange[0]:g} m", f"metres from {LAND_M[0]:g} to {LAND_M[1]:g}", fix)
    out[top - rows.start : bottom - rows.start, left - cols.start : right - cols.start] = known
    return out


def terrain_shares(dem: Dem, grid: GeoBox, coverage: ZoneCoverage, rules: TerrainRules, *, south: bool) -> TerrainShares:
    """Return which share of each cell of a zone lies in which terrain stratum.

    Slope, aspect and stratum are formed on the elevation model's own cells, in metres on the ground, and never on elevations that were resampled: to
    interpolate a coarse model to the sensor's cells would invent slopes between its heights, and to average a fine one to them would level the benches and
    faces that are to be told apart. The strata are then brought to the sensor's grid, each point to the cell of the model in which it lies:

    - a model as coarse as the sensor's cells or coarser gives each of them the stratum at its centre (nearest neighbour);
    - of a finer one, as many points stand in each cell of the sensor as the model has cells there (16 x 16 at most), and the cell is shared out by them, as
      a cell is that the edge of a zone cuts. So the areas of the strata do not depend on the sensor.

    Within a cell that the zone's edge cuts the shares are those of the whole cell. Points without a slope (holes, and the cells beside them and along the
    model's edge, where a neighbour is missing) are `unknown`.

    Parameters
    ----------
    dem : Dem
    grid : GeoBox
        The sensor's grid.
    coverage : ZoneCoverage
        The zone's, on that grid.
    rules : TerrainRules
    south : bool
        Whether the zone lies south of the equator.

    Raises
    ------
    BadInput
        For elevations that are none.
    """
    shape = coverage.area_m2.shape
    shares, slopes = np.zeros((len(TERRAIN), *shape)), np.zeros((len(TERRAIN), *shape))
    shares[0] = 1.0
    for rows, cols, points in _blocks(dem, grid, coverage):
        shares[:, rows, cols], slopes[:, rows, cols] = _block(points, rules, south)
    return TerrainShares(shares, slopes)


def cell_elevations(dem: Dem, grid: GeoBox, coverage: ZoneCoverage) -> np.ndarray:
    """Return the elevation of each cell of a zone in metres, (y, x) float64: the mean of the model's cells in it; NaN where the model has none.

    Points stand in a cell as in `terrain_shares`: a model as coarse as the cells gives each the height at its centre, a finer one the mean of 16 x 16 points at
    most. Cells that the zone does not touch are NaN. BadInput for elevations that are none.
    """
    out = np.full(coverage.area_m2.shape, np.nan)
    for rows, cols, points in _blocks(dem, grid, coverage):
        if points.found.window is None:
            continue
        top, left, high, wide = points.found.window
        height = points.found.take(elevations(dem, slice(top, top + high), slice(left, left + wide)), np.nan)
        cells = height.reshape(points.shape).transpose(0, 2, 1, 3).reshape(points.shape[0], points.shape[2], -1)
        known = np.isfinite(cells)
        count = known.sum(axis=2)
        out[rows, cols] = np.divide(np.where(known, cells, 0.0).sum(axis=2), count, out=np.full(count.shape, np.nan), where=count > 0)
    return np.where(coverage.touched, out, np.nan)


@dataclass(frozen=True)
class _Points:
    """The points of a block of cells, where they lie on the elevation model, and their number as (rows, along a cell, columns, along a cell)."""

    dem: Dem
    found: Any
    shape: tuple[int, int, int, int]


def _blocks(dem: Dem, grid: GeoBox, coverage: ZoneCoverage) -> Iterator[tuple[slice, slice, _Points]]:
    """Yield the blocks of a zone's window that the zone touches, with their points."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    cell, shape = ground_cell_m(grid), coverage.area_m2.shape
    dem_cell = _cell_m(dem, grid, coverage)
    along = int(np.clip(ceil(cell / dem_cell - 0.01), 1, MOST_POINTS))
    side = max(1, int(BLOCK_CELLS // max(along, cell / dem_cell)))
    fine = GeoBox((grid.shape[0] * along, grid.shape[1] * along), grid.affine @ Affine.scale(1 / along), grid.crs)
    for top in range(0, shape[0], side):
        for left in range(0, shape[1], side):
            rows, cols = slice(top, min(shape[0], top + side)), slice(left, min(shape[1], left + side))
            if coverage.touched[rows, cols].any():
                first, across = (coverage.rows.start + top) * along, (coverage.cols.start + left) * along
                height, width = rows.stop - top, cols.stop - left
                found = locate(dem.grid, fine, slice(first, first + height * along), slice(across, across + width * along))
                yield rows, cols, _Points(dem, found, (height, along, width, along))


def _cell_m(dem: Dem, grid: GeoBox, coverage: ZoneCoverage) -> float:
    """Return the shorter side of the elevation model's cell at the middle of a zone, metres on the ground."""
    row, col = (coverage.rows.start + coverage.rows.stop) // 2, (coverage.cols.start + coverage.cols.stop) // 2
    found = locate(dem.grid, grid, slice(row, row + 1), slice(col, col + 1)).window
    row, col = found[:2] if found is not None else (dem.shape[0] // 2, dem.shape[1] // 2)
    return ground_steps(dem.grid, slice(row, row + 1), slice(col, col + 1)).cell_m


def _block(points: _Points, rules: TerrainRules, south: bool) -> tuple[np.ndarray, np.ndarray]:
    """Return shares and slope x share of some cells of the sensor's grid, both (5, y, x)."""
    found, (height, along, width, _) = points.found, points.shape
    codes, slope = np.zeros((height * along, width * along), np.uint8), np.zeros((height * along, width * along))
    if found.window is not None:
        top, left, high, wide = found.window
        around = slice(top - 1, top + high + 1), slice(left - 1, left + wide + 1)
        steep, faces = slope_aspect(elevations(points.dem, *around), ground_steps(points.dem.grid, *around))
        inner = steep[1:-1, 1:-1]
        codes = found.take(terrain_codes(inner, faces[1:-1, 1:-1], rules, south=south), 0)
        slope = found.take(np.nan_to_num(inner, nan=0.0), 0.0)
    is_of = (codes == np.arange(len(TERRAIN))[:, None, None]).reshape(len(TERRAIN), *points.shape)
    return is_of.mean(axis=(2, 4)), (is_of * slope.reshape(points.shape)).mean(axis=(2, 4))
