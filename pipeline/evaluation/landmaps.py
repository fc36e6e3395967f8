"""Yearly land-cover maps of the user's: each on its own grid, checked before any work, read as codes that have a name."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput, nearest
from pipeline.evaluation.landclasses import read_codes
from pipeline.evaluation.wholemine import own_zones
from pipeline.reader import open_raster

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

NORTH_UP = "warp it to a grid that is north up, by nearest neighbour (gdalwarp -r near)"


@dataclass(frozen=True)
class LandMap:
    """One map: the part of its own grid that encloses the zones, continued beyond its edges where needed; `top` and `left` are that part's first cell."""

    year: int
    path: Path
    grid: GeoBox
    top: int
    left: int

    def codes(self, rows: slice, cols: slice, inside: np.ndarray, names: Mapping[int, str], nodata: Collection[int]) -> np.ndarray:
        """Return a window of `grid` as codes, int32, `NO_DATA` where the map has none, beyond its edges and where `inside` is False.

        Raises
        ------
        BadInput
            If a cell of `inside` has a code without a name, or the file cannot be read to its end.
        """
        from rasterio.errors import RasterioError
        from rasterio.windows import Window

        with open_raster(self.path) as dataset:
            height, width = dataset.shape
            y, x = slice(self.top + rows.start, self.top + rows.stop), slice(self.left + cols.start, self.left + cols.stop)
            there_y, there_x = slice(max(0, y.start), min(height, y.stop)), slice(max(0, x.start), min(width, x.stop))
            values = np.ma.masked_all((y.stop - y.start, x.stop - x.start), dataset.dtypes[0])
            if there_y.start < there_y.stop and there_x.start < there_x.stop:
                window = Window(there_x.start, there_y.start, there_x.stop - there_x.start, there_y.stop - there_y.start)
                try:
                    found = dataset.read(1, window=window, masked=True)
                except RasterioError:
                    raise BadInput(self.path, "raster", "a part that cannot be read", "a whole GeoTIFF", "download or export it again") from None
                values[there_y.start - y.start : there_y.stop - y.start, there_x.start - x.start : there_x.stop - x.start] = found
        return read_codes(values, names, nodata=nodata, inside=inside, path=str(self.path))


def check_land(config: Config, config_path: Path, zones: Zones) -> None:
    """Refuse (BadInput) what the land cover of a config cannot be made from: maps, codes or zones of the boundary."""
    asked = config.landcover
    if asked is None:
        return
    check_boundary(config, zones, config_path)
    if asked.rule is None:
        maps = open_maps(asked.maps(config), zones, asked.names, config_path)
        if asked.transitions != ():
            check_one_grid(maps, list(maps), config_path)
        check_codes(maps, zones, asked.names, asked.nodata)


def check_boundary(config: Config, zones: Zones, config_path: Path | str) -> None:
    """Refuse (BadInput) a boundary of the rule that names no zone, a reference, or nothing."""
    rule = config.landcover.rule if config.landcover is not None else None
    if rule is None:
        return
    named = own_zones(zones) if rule.boundary is None else rule.boundary
    if strange := next((name for name in named if name not in zones.names), None):
        raise BadInput(config_path, "landcover.rule.boundary", strange, f"a zone of {config.aoi.path}", nearest(strange, zones.names))
    if both := next((name for name in named if name in zones.reference_zones), None):
        raise BadInput(
            config_path, "landcover.rule.boundary", f"{both}, a reference", "zones of the mine", "leave it out: undisturbed ground is no mining land"
        )
    if not named:
        raise BadInput(config_path, "landcover.rule.boundary", "every zone is a reference", "a zone of the mine", "name the zones inside its boundary")


def open_maps(files: Mapping[int, Path], zones: Zones, names: Mapping[int, str], config_path: Path | str) -> dict[int, LandMap]:
    """Return the map of each year; its header is checked, its codes are not.

    Raises
    ------
    BadInput
        A year without a file, or a file that is no single band of numbers with a CRS on a north-up grid that meets the zones, whose band has a scale or an
        offset, or whose nodata value is a class.
    """
    if absent := [year for year, path in files.items() if not path.is_file()]:
        there = [year for year in files if year not in absent]
        found = f"no file for {', '.join(map(str, absent))}, for instance {files[absent[0]]}"
        fix = "add them, or correct the path (relative to the working directory)"
        if there:
            fix = f"add them, correct the path (relative to the working directory), or say landcover.years: {there}"
        raise BadInput(config_path, "landcover.path", found, "a map for each year", fix)
    return {year: _opened(year, path, zones, names) for year, path in files.items()}


def check_codes(maps: Mapping[int, LandMap], zones: Zones, names: Mapping[int, str], nodata: Collection[int]) -> None:
    """Read every map inside the zones; BadInput where a code has no name."""
    coverages: list[tuple[GeoBox, Any]] = []
    for land in maps.values():
        found = next((of for grid, of in coverages if same_grid(grid, land.grid)), None)
        if found is None:
            found = zone_coverages(zones, land.grid)
            coverages.append((land.grid, found))
        for c in found:
            land.codes(c.rows, c.cols, c.touched, names, nodata)


def check_one_grid(maps: Mapping[int, LandMap], years: Sequence[int], config_path: Path | str) -> None:
    """Refuse (BadInput) to compare maps whose cells do not coincide: nothing is resampled here."""
    first = maps[years[0]]
    for year in years[1:]:
        if not same_grid(first.grid, maps[year].grid):
            found = f"{first.path}: {_told(first.grid)}, {maps[year].path}: {_told(maps[year].grid)}"
            expected = f"maps of {first.year} and {year} on one grid, so that cells can be compared"
            fix = "bring them onto one grid by nearest neighbour (gdalwarp -r near -tap -tr), or say landcover.transitions: []"
            raise BadInput(config_path, "landcover.transitions", found, expected, fix)


def same_grid(one: GeoBox, other: GeoBox) -> bool:
    """Return whether two grids are one, to a thousandth of a cell."""
    close = np.allclose(tuple(one.affine)[:6], tuple(other.affine)[:6], rtol=0, atol=1e-3 * abs(one.affine.a))
    return bool(one.shape == other.shape and one.crs == other.crs and close)


def _told(grid: GeoBox) -> str:
    a = grid.affine
    return f"cells of {a.a:.6g} x {-a.e:.6g} from {a.c:.10g}, {a.f:.10g} in {grid.crs.epsg or 'a CRS of its own'}"


def _opened(year: int, path: Path, zones: Zones, names: Mapping[int, str]) -> LandMap:
    with open_raster(path) as dataset:
        crs, a, shape, count, dtype, nodata = dataset.crs, dataset.transform, dataset.shape, dataset.count, dataset.dtypes[0], dataset.nodata
        scale, offset = dataset.scales[0], dataset.offsets[0]
    if crs is None:
        raise BadInput(path, "CRS", "none", "a coordinate reference system", "assign it (gdal_edit -a_srs) or export it again")
    if count != 1:
        raise BadInput(path, "bands", count, "one band of codes", "write the band of codes to a file of its own (gdal_translate -b)")
    if np.dtype(dtype).kind not in "iuf":
        raise BadInput(path, "values", dtype, "integer or floating-point codes", "export real values")
    if (scale, offset) != (1, 0):
        fix = "write the codes themselves (gdal_translate -unscale), or, where the stored values are the codes, say so (gdal_edit -scale 1 -offset 0)"
        raise BadInput(path, "values", f"a scale of {scale:g} and an offset of {offset:g}", "codes as they are, scale 1 and offset 0", fix)
    if a.is_identity:
        raise BadInput(path, "georeference", "a CRS but no position", "a GeoTIFF with an affine transform", "georeference it, or export it again")
    if a.b or a.d or not a.a > 0 > a.e:
        raise BadInput(path, "georeference", "cells that are turned or not north up", "a north-up grid", NORTH_UP)
    if nodata in names:
        fix = "correct landcover.classes, or the file's nodata value (gdal_edit -unsetnodata)"
        raise BadInput(path, "nodata", f"{nodata:g}, which is the class {names[int(nodata)]!r}", "a code that is no class", fix)
    return _enclosing(year, path, zones, crs, a, shape)


def _enclosing(year: int, path: Path, zones: Zones, crs: Any, a: Any, shape: tuple[int, int]) -> LandMap:
    from affine import Affine
    from odc.geo.geobox import GeoBox
    from pyproj.exceptions import ProjError

    try:
        bounds = zones.on(crs.to_wkt(), a.a).total_bounds
    except (ProjError, ValueError):  # its CRS cannot show the zones
        bounds = np.full(4, np.nan)
    west, south, east, north = map(float, bounds)
    outside = not all(map(isfinite, (west, south, east, north)))
    if not outside:
        left, top = floor((west - a.c) / a.a + 1e-6), floor((north - a.f) / a.e + 1e-6)
        right, bottom = ceil((east - a.c) / a.a - 1e-6), ceil((south - a.f) / a.e - 1e-6)
        outside = right <= 0 or bottom <= 0 or left >= shape[1] or top >= shape[0]
    if outside:
        raise BadInput(path, "position", "no cell of the zones", "a map of the mine", "check aoi.path and the map's CRS in QGIS, or leave the year out")
    return LandMap(year, path, GeoBox((bottom - top, right - left), a @ Affine.translation(left, top), crs.to_wkt()), top, left)
