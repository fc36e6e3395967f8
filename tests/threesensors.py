"""A made mine seen by three sensors: yearly composites of one planted cover at 10 m and 30 m in UTM and at 231.66 m on the MODIS grid."""

from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import yaml
from affine import Affine
from pyproj import Transformer
from shapely import contains_xy
from shapely.geometry import Polygon, box

from pipeline.__main__ import main

UTM = "EPSG:32647"
SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
PIXEL = 1_111_950.5197665554 / 4800
WEST, SOUTH, EAST, NORTH = 536_000.0, 4_206_000.0, 547_000.0, 4_213_000.0
YEARS = (2020, 2021, 2022, 2023, 2024)
SOIL, VEGETATION = 0.05, 0.86
PIT = Polygon([(538_013, 4_208_007), (541_391, 4_207_551), (541_622, 4_211_204), (538_200, 4_211_103)])  # 213 pixels of MODIS
ZONES = {
    "pit": PIT,
    "dump": box(542_207, 4_209_100, 543_311, 4_210_203),  # 23 pixels
    "meadow": box(543_803, 4_207_700, 546_390, 4_211_320),  # 175 pixels
    "speck": box(542_310, 4_207_505, 542_430, 4_207_610),  # a quarter of one
}


def cover(x, y, year):
    """Return the planted cover, 0.1 to 0.9, smooth in UTM metres: it rises in the west, falls in the pit's south-east corner, is steady in the east."""
    east = (x - WEST) / (EAST - WEST)
    fall = np.exp(-(((x - 541_000) / 500) ** 2) - ((y - 4_208_000) / 500) ** 2)
    return 0.35 + 0.35 * east + (year - 2020) * (0.05 * np.clip(1.6 - 2.4 * east, 0, 1) - 0.12 * fall) + 0.002 * np.sin(7.3 * year)


def utm_image(year, cell):
    """Return NDVI (y, x) and transform of a composite in UTM: the cover in the middle of each cell."""
    x, y = np.arange(WEST + cell / 2, EAST, cell), np.arange(NORTH - cell / 2, SOUTH, -cell)
    return SOIL + (VEGETATION - SOIL) * cover(x[None, :], y[:, None], year), Affine(cell, 0, WEST, 0, -cell, NORTH)


def modis_image(year, parts=8):
    """Return NDVI (y, x) and transform of a composite on the MODIS grid: the mean of parts x parts points of each pixel; it covers the whole UTM box."""
    to_sinusoidal = Transformer.from_crs(UTM, SINUSOIDAL, always_xy=True)
    px, py = to_sinusoidal.transform(*np.meshgrid(np.linspace(WEST, EAST, 50), np.linspace(SOUTH, NORTH, 50)))
    left, top = np.floor(px.min() / PIXEL), np.ceil(py.max() / PIXEL)
    shape = int(top - np.floor(py.min() / PIXEL)), int(np.ceil(px.max() / PIXEL) - left)
    transform = Affine(PIXEL, 0, left * PIXEL, 0, -PIXEL, top * PIXEL)
    across, down = (np.arange(shape[1] * parts) + 0.5) / parts, (np.arange(shape[0] * parts) + 0.5) / parts
    x, y = to_sinusoidal.transform(*(transform @ tuple(np.meshgrid(across, down))), direction="INVERSE")
    fine = SOIL + (VEGETATION - SOIL) * cover(np.asarray(x), np.asarray(y), year)
    return fine.reshape(shape[0], parts, shape[1], parts).mean(axis=(1, 3)), transform


def inside(polygon, step=4.0):
    """Return points every few metres of a polygon in UTM, x and y: what areas and means are checked against."""
    west, south, east, north = polygon.bounds
    x, y = np.meshgrid(np.arange(west + step / 2, east, step), np.arange(south + step / 2, north, step))
    kept = contains_xy(polygon, x, y)
    return x[kept], y[kept]


@dataclass
class ManySensors:
    """The mine below one folder; `sensors` of s2 (10 m), landsat (30 m), modis (231.66 m), in that order in the config unless told."""

    folder: Path
    sensors: tuple[str, ...] = ("landsat", "modis", "sentinel-2")

    def write(self, **more) -> Path:
        """Write AOI, composites and config; return the config's path. `more` are keys of the config."""
        self.folder.mkdir(parents=True, exist_ok=True)
        gpd.GeoDataFrame({"zone": list(ZONES)}, geometry=list(ZONES.values()), crs=UTM).to_file(self.folder / "aoi.gpkg")
        entries = {}
        for sensor in self.sensors:
            for year in YEARS:
                ndvi, transform = modis_image(year) if sensor == "modis" else utm_image(year, {"sentinel-2": 10, "landsat": 30}[sensor])
                crs = SINUSOIDAL if sensor == "modis" else UTM
                profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "height": ndvi.shape[0], "width": ndvi.shape[1], "nodata": float("nan")}
                (self.folder / sensor).mkdir(exist_ok=True)
                with rasterio.open(self.folder / sensor / f"{year}.tif", "w", crs=crs, transform=transform, **profile) as out:
                    out.write(np.float32([0.2 * (1 - ndvi), 0.2 * (1 + ndvi)]))
            entries[sensor] = {"composites": str(self.folder / sensor / "{year}.tif"), "bands": {"red": 1, "nir": 2}}
        settings = {
            "mine": "many",
            "title": "Many sensors 多传感器",
            "aoi": {
                "path": str(self.folder / "aoi.gpkg"),
                "zone_field": "zone",
                "reference": ["meadow"],
                "zones": {"pit": {"role": "works"}, "dump": {"role": "works"}, "speck": {"role": "tailings"}},
            },
            "grid": {"buffer_m": 300},
            "years": {"first": YEARS[0], "last": YEARS[-1]},
            "season": {"start": "07-01", "end": "08-31"},
            "sensors": entries,
        } | more
        config = self.folder / "many.yaml"
        config.write_text(yaml.safe_dump(settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return config

    def run(self, config, first=()) -> Path:
        """Run every stage in this process, sensors in `first` before the others; return results/many/."""
        span = f"{YEARS[0]}-{YEARS[-1]}"
        for sensor in (*first, *(s for s in self.sensors if s not in first)):
            years = [["composite", "--year", str(y)] for y in YEARS], [["fvc"]]
            calls = [["scenes"], *years[0], ["endmembers"], *years[1], ["trend", "--period", span], ["classes", "--period", span]]
            for stage, *more in [*calls, ["areas"], ["sensitivity"], ["map", "--period", span], ["previews"], ["chart"]]:
                assert main([stage, str(config), "--sensor", sensor, *more, "--results", str(self.folder / "results")]) == 0, (sensor, stage)
        for stage in ("workbook", "zones", "project", "report", "manifest"):
            assert main([stage, str(config), "--results", str(self.folder / "results")]) == 0, stage
        assert main(["summary", str(self.folder / "results")]) == 0
        return self.folder / "results" / "many"
