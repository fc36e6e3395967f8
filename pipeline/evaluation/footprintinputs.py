"""What the evaluation `footprint` takes beside rasters: the zones of the boundary, the cells of the grid, the user's polygons; each checked."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.aoi import Zones, read_frame
from pipeline.config import Config
from pipeline.config_footprint import FootprintPolygons
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput, nearest
from pipeline.evaluation.cellareas import cell_areas_m2, cell_sides_m

if TYPE_CHECKING:
    import geopandas as gpd
    from odc.geo.geobox import GeoBox

MOST_CELLS = 200_000_000  # whole-grid arrays take about 40 bytes a cell
ONE = "polygons of the footprint"


def boundary_zones(config: Config, config_path: Path | str, zones: Zones) -> list[str]:
    """Return the zones of the mine's boundary; BadInput for a name that no zone has, a reference, and where every zone is a reference."""
    asked = config.footprint
    named = list(asked.boundary or ()) if asked is not None else []
    for name in named:
        if name not in zones.names:
            raise BadInput(config_path, "footprint.boundary", name, f"zones of {config.aoi.path}", nearest(name, zones.names))
        if name in zones.reference_zones:
            raise BadInput(config_path, "footprint.boundary", f"{name}, a reference", "zones of the mine", "remove it here, or as reference")
    found = named or [name for name in zones.names if name not in zones.reference_zones]
    if not found:
        raise BadInput(config_path, "footprint.boundary", "every zone is a reference", "at least one zone of the mine", "add one to the AOI")
    return found


def reference_zones(config: Config, zones: Zones) -> list[str]:
    """Return the zones whose mean affected ground is compared with: `aoi.reference`, else the references of the zones together."""
    return list(config.aoi.reference) or sorted(zones.reference_zones)


def check_footprint_inputs(config: Config, config_path: Path | str, zones: Zones, grids: dict[str, GeoBox]) -> None:
    """Refuse (BadInput) what the evaluation could not use: boundary, grid of a sensor that it is made for, files of polygons."""
    asked = config.footprint
    if asked is None:
        return
    boundary_zones(config, config_path, zones)
    for sensor, grid in grids.items():
        if asked.sensors is not None and sensor not in asked.sensors:
            continue
        if grid.shape[0] * grid.shape[1] > MOST_CELLS:
            found = f"{grid.shape[1]:,} x {grid.shape[0]:,} cells of {sensor}"
            raise BadInput(config_path, "footprint", found, f"at most {MOST_CELLS:,}", "lower grid.buffer_m, or use a coarser grid.resolution_m")
        if asked.distance_m is not None and cell_sides_m(grid) is None:
            fix = "name other sensors in footprint.sensors, or leave distance_m and relative_below out"
            raise BadInput(config_path, "footprint.distance_m", f"slanted cells of {sensor}, whose distances are not those on the ground", "a right angle", fix)
        for i, polygons in enumerate(asked.polygons):
            polygon_share(polygons, i, grid)


def polygon_share(polygons: FootprintPolygons, number: int, grid: GeoBox) -> np.ndarray:
    """Return the share 0..1 that the polygons of a file cover of each cell of a grid, `(y, x)` float64; where they overlap, once.

    Raises
    ------
    BadInput
        When the file is none, has no CRS, coordinates that do not fit it, anything but valid polygons, or polygons that reach beyond the grid, whose
        rest could not be compared.
    """
    import geopandas as gpd
    import pyproj
    import shapely
    from pyproj.exceptions import ProjError

    path, key = Path(polygons.path), f"footprint.polygons.{number}.path"
    frame = read_frame(path, key=key)
    if frame.crs is None:
        raise BadInput(path, key, "no coordinate reference system", "a CRS", "assign it in QGIS, or add the .prj file")
    shapes = [None if g is None else shapely.force_2d(g) for g in frame.geometry]
    for row, shape in enumerate(shapes, 1):
        if shape is None or shape.is_empty or shape.geom_type not in {"Polygon", "MultiPolygon"} or not shape.is_valid:
            found = "no geometry" if shape is None or shape.is_empty else shape.geom_type if shape.is_valid else f"invalid: {shapely.is_valid_reason(shape)}"
            raise BadInput(path, f"{key}, row {row}", found, "valid polygons", "correct it in QGIS, or delete the row")
    if not shapes:
        raise BadInput(path, key, "no features", "at least one polygon", "draw one, or remove the entry")
    _check_coordinates(gpd.GeoSeries(shapes, crs=frame.crs), path, key)
    together = gpd.GeoDataFrame({"zone": [ONE], "role": [""]}, geometry=[shapely.union_all(shapes)], crs=frame.crs)
    lonlat = together.geometry.to_crs(4326).iloc[0]
    together["geodesic_m2"] = [abs(pyproj.Geod(ellps="WGS84").geometry_area_perimeter(lonlat)[0])]
    one = Zones(together, {}, ())
    try:
        west, south, east, north = one.on(grid.crs, abs(grid.resolution.x)).total_bounds
    except (ProjError, ValueError):  # so far away that the grid's CRS cannot show them
        west, south, east, north = np.full(4, np.nan)
    box = grid.boundingbox
    if not (box.left <= west and box.bottom <= south and east <= box.right and north <= box.top):
        fix = "check the file's CRS in QGIS, or raise grid.buffer_m"
        raise BadInput(path, key, "polygons that reach beyond the grid", "polygons within the AOI's box and grid.buffer_m", fix)
    (coverage,) = zone_coverages(one, grid)
    out = np.zeros(grid.shape)
    window = cell_areas_m2(grid)[coverage.rows, coverage.cols]
    out[coverage.rows, coverage.cols] = np.clip(coverage.area_m2 / window, 0, 1)
    return out


def _check_coordinates(shapes: gpd.GeoSeries, path: Path, key: str) -> None:
    """Refuse (BadInput) polygons whose coordinates do not fit the CRS of their file, and a CRS that is of no place on the Earth."""
    from pyproj.exceptions import ProjError

    for row, (west, south, east, north) in enumerate(shapes.bounds.to_numpy(), 1):
        latitude, longitude = max(south, north, key=abs), max(west, east, key=abs)
        if shapes.crs.is_geographic and (abs(latitude) > 90 or abs(longitude) > 360):
            found = f"{f'latitude {latitude:.6g}' if abs(latitude) > 90 else f'longitude {longitude:.6g}'} in {shapes.crs.name}"
            fix = "is the file's CRS right? A GeoJSON without `crs` is longitude and latitude; are these swapped?"
            raise BadInput(path, f"{key}, row {row}", found, "longitudes -180 to 180 and latitudes -90 to 90", fix)
    try:
        lonlat = shapes.to_crs(4326)
    except ProjError:
        raise BadInput(path, key, f"{shapes.crs.name}, a CRS of no place on the Earth", "a CRS on the Earth", "is the file's CRS right?") from None
    for row, bounds in enumerate(lonlat.bounds.to_numpy(), 1):
        if not np.isfinite(bounds).all():
            raise BadInput(path, f"{key}, row {row}", "coordinates outside its CRS", "coordinates that fit the CRS", "is the file's CRS right?")
