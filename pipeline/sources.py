"""Prepared composites of one sensor: which file for which year, checked before any work."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.endmembers import Endmembers
from pipeline.errors import BadInput
from pipeline.grid import native_grid, sensor_grid
from pipeline.prepared import read_on_grid
from pipeline.reader import open_raster
from pipeline.scenefiles import meets


@dataclass(frozen=True)
class Source:
    """Files by year (None: declared missing) and how their values are read."""

    files: dict[int, Path | None]
    bands: dict[str, int]
    scale: float
    offset: float


def source(config: Config, sensor: str) -> Source:
    """Return the source of a sensor with prepared composites, without looking at the disk."""
    entry = config.sensors[sensor]
    pattern, bands = entry.composites, entry.bands
    if pattern is None or bands is None:
        raise AssertionError("the config model guarantees composites and bands")
    files = {y: None if y in entry.missing_years else Path(pattern.replace("{year}", str(y))) for y in config.all_years}
    return Source(files, bands.model_dump(exclude_none=True), entry.scale, entry.offset_value)


def inspect(config: Config, config_path: Path, sensor: str, zones: Zones, chosen: Source) -> tuple[Any, list[dict[str, Any]]]:
    """Open every file of a source and return the sensor's grid and one record per year.

    Raises
    ------
    BadInput
        A file is absent, no GeoTIFF, lacks a band or a CRS, has complex values, or no file meets the AOI.
    """
    absent = [y for y, path in chosen.files.items() if path is not None and not path.is_file()]
    if absent:
        first = chosen.files[absent[0]]
        raise BadInput(
            config_path,
            f"sensors.{sensor}.composites",
            f"no file for {', '.join(map(str, absent))}; for instance {first}",
            "a file for each year",
            f"add them, correct the path (relative to the working directory), or declare missing_years: {absent}",
        )
    natives: dict[int, Any] = {}
    records: list[dict[str, Any]] = []
    for year, path in chosen.files.items():
        if path is None:
            records.append({"year": year, "file": None})
            continue
        with open_raster(path) as dataset:
            if dataset.crs is None:
                raise BadInput(path, "CRS", "none", "a coordinate reference system", "assign it (gdal_edit -a_srs) or export it again")
            for name, number in chosen.bands.items():
                if number > dataset.count:
                    raise BadInput(path, f"sensors.{sensor}.bands.{name}", number, f"a band from 1 to {dataset.count}", "correct `bands`")
                if np.dtype(dataset.dtypes[number - 1]).kind not in "iuf":
                    raise BadInput(path, f"band {number}", dataset.dtypes[number - 1], "integer or floating-point values", "export real values")
            if dataset.transform.is_identity:
                raise BadInput(path, "georeference", "a CRS but no position", "a GeoTIFF with an affine transform", "georeference it, or export it again")
            natives[year] = native_grid(dataset)
            records.append({"year": year, "file": str(path), "bytes": path.stat().st_size, "shape": list(dataset.shape), "dtype": dataset.dtypes[0]})
    if not natives:
        raise BadInput(config_path, f"sensors.{sensor}.missing_years", "every year", "at least one composite", "remove years from it")
    grid = sensor_grid(config, sensor, zones, natives[min(natives)], config_path)
    outside = [year for year, native in natives.items() if not meets(native, grid)]
    if outside:
        raise BadInput(
            config_path,
            f"sensors.{sensor}.composites",
            f"images that do not meet the AOI: {', '.join(map(str, outside))}",
            "images of the mine",
            f"check aoi.path and the images' CRS in QGIS; where no image exists, declare missing_years: {outside}",
        )
    for path in (p for p in chosen.files.values() if p is not None):
        _check_scale(path, sensor, chosen, grid)
    return grid, records


def _check_scale(path: Path, sensor: str, chosen: Source, grid: Any) -> None:
    """Refuse values that cannot be what the config says, on up to 512 x 512 cells in the middle of the grid."""
    from rasterio.errors import RasterioError

    is_ndvi = "ndvi" in chosen.bands
    if not is_ndvi and chosen.offset == 0:
        return  # NDVI does not depend on the scale then
    height, width = grid.shape
    top, left = max(0, height // 2 - 256), max(0, width // 2 - 256)
    rows, cols = slice(top, min(height, top + 512)), slice(left, min(width, left + 512))
    try:
        values = read_on_grid(path, tuple(chosen.bands.values()), grid, rows, cols)
    except RasterioError:
        return  # a damaged file is a fault of the run: the job names it
    scaled = values[np.isfinite(values)].astype(np.float64) * chosen.scale + chosen.offset
    most = 1.0 if is_ndvi else 2.0
    if scaled.size and np.mean(np.abs(scaled) > most) > 0.01:
        raise BadInput(
            path,
            f"sensors.{sensor}.scale",
            f"{'NDVI' if is_ndvi else 'reflectance'} from {scaled.min():.6g} to {scaled.max():.6g} after scale and offset_value",
            "NDVI from -1 to 1" if is_ndvi else "reflectance from 0 to about 1",
            "set scale (and offset_value) as the images' documentation says, for instance scale: 0.0001",
        )


def read_pair(path: Path) -> Endmembers:
    """Return the pair of an endmembers.json.

    Raises
    ------
    BadInput
        When the file is absent or does not hold a pair.
    """
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
        return Endmembers(float(values["soil_ndvi"]), float(values["vegetation_ndvi"]), int(values.get("pooled_values", 0))).check()
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(
            path,
            "fvc.endmembers",
            f"{type(error).__name__}: {error}",
            "an endmembers.json with soil_ndvi and vegetation_ndvi",
            "give the file of an earlier run",
        ) from None
