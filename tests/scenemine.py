"""A small mine whose images are scenes: Sentinel-2-like files and a STAC item collection that a test can change."""

import copy
import json
from dataclasses import dataclass, field
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from shapely.geometry import box

from pipeline import plan
from pipeline.errors import BadInput

CRS = "EPSG:32647"
WEST, NORTH = 540_000.0, 4_210_300.0
SHAPE = (60, 80)


def write_tif(path, values, transform, crs=CRS, nodata=0, **options):
    """Write one or several bands as a plain GeoTIFF."""
    values = np.atleast_3d(values.T).T if values.ndim == 2 else values
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "dtype": values.dtype, "count": values.shape[0], "height": values.shape[1], "width": values.shape[2]} | options
    with rasterio.open(path, "w", crs=crs, transform=transform, nodata=nodata, **profile) as out:
        out.write(values)


@dataclass
class SceneMine:
    """Zones, scenes and config below one folder; change what a test needs, then `write()`.

    `scenes` are dicts: id, when, red, nir (stored values, 10 m), scl (20 m), baseline, and what is to be put into the
    item (`properties`, `bands`: raster:bands of red and NIR). Grid: 60 x 80 cells of 10 m.
    """

    folder: Path
    scenes: list = field(default_factory=list)
    settings: dict = field(default_factory=dict)
    zones: list = field(default_factory=list)
    names: dict = field(default_factory=lambda: {"red": "B04", "nir": "B08", "mask": "SCL"})

    def __post_init__(self):
        """Plant two zones and an empty catalogue."""
        w, n = WEST, NORTH
        self.zones = [("pit", box(w + 50, n - 500, w + 400, n - 60)), ("background", box(w + 450, n - 500, w + 745, n - 60))]
        self.settings = {
            "mine": "small",
            "aoi": {"path": str(self.folder / "aoi.gpkg"), "zone_field": "zone", "reference": ["background"], "zones": {"pit": {"role": "pit"}}},
            "grid": {"buffer_m": 40},
            "years": {"first": 2020, "last": 2024},
            "season": {"start": "07-01", "end": "08-31"},
            "sensors": {"sentinel-2": {"catalog": str(self.folder / "items.json")}},
            "fvc": {"soil": {"ndvi": 0.05}, "vegetation": {"ndvi": 0.86}},
        }

    def add(self, when, *, ndvi=0.5, light=0.4, offset=None, baseline=None, noise=0.0, scl=None, seed=0, **more):
        """Add a scene of constant or given NDVI; the offset of 1,000 is in the values from baseline 04.00 on."""
        rng = np.random.default_rng([seed, len(self.scenes)])
        baseline = baseline or ("03.00" if when < "2022-01-25" else "05.10")
        offset = (1000 if float(baseline) >= 4 else 0) if offset is None else offset
        ndvi = np.broadcast_to(ndvi, SHAPE)
        red, nir = light * (1 - ndvi) / 2, light * (1 + ndvi) / 2
        red, nir = (b + noise * rng.standard_normal(SHAPE) for b in (red, nir))
        red, nir = (np.clip(np.rint(b * 10_000) + offset, 1, 65535).astype("uint16") for b in (red, nir))
        codes = np.full((SHAPE[0] // 2, SHAPE[1] // 2), 4, "uint8") if scl is None else np.asarray(scl, "uint8")
        scene = {"id": f"S2_{when.replace('-', '').replace(':', '')}_{len(self.scenes):03d}", "when": f"{when}T04:07:11Z" if len(when) == 10 else when}
        scene |= {"red": red, "nir": nir, "scl": codes, "baseline": baseline, "west": WEST, "north": NORTH, "crs": CRS} | more
        self.scenes.append(scene)
        return scene

    def series(self, per_year=3, years=range(2020, 2025), **more):
        """Add `per_year` scenes a year of a rising cover with a little noise."""
        for i, year in enumerate(years):
            for day in range(per_year):
                self.add(f"{year}-07-{5 + 5 * day:02d}", **({"ndvi": 0.3 + 0.08 * i, "noise": 0.004} | more))
        return self

    def item(self, scene):
        """Return the item of a scene."""
        properties = {"datetime": scene["when"], "s2:processing_baseline": scene["baseline"], "proj:epsg": int(scene["crs"].split(":")[1])}
        properties |= scene.get("properties", {})
        there = [k for k in ("red", "nir", "mask") if scene.get({"mask": "scl"}.get(k, k)) is not None]
        assets = {self.names[k]: {"href": f"scenes/{scene['id']}/{self.names[k]}.tif"} for k in there}
        for k in ("red", "nir"):
            if "bands" in scene and self.names[k] in assets:
                assets[self.names[k]]["raster:bands"] = copy.deepcopy(scene["bands"])
        item = {"type": "Feature", "stac_version": "1.0.0", "id": scene["id"], "properties": properties, "assets": assets, "links": []}
        return item | scene.get("item", {})

    @property
    def catalog(self):
        """Return the path of the item collection."""
        return self.folder / "items.json"

    @property
    def config(self):
        """Return the path of the config."""
        return self.folder / "small.yaml"

    def write_items(self, order=None):
        """Write the item collection, in the order of the scenes or another."""
        items = [self.item(s) for s in self.scenes]
        items = [items[i] for i in order] if order is not None else items
        self.catalog.write_text(json.dumps({"type": "FeatureCollection", "features": items}), encoding="utf-8")

    def write(self):
        """Write AOI, scenes, items and config; return the path of the config."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = Path(self.settings["aoi"]["path"])
        path.unlink(missing_ok=True)
        gpd.GeoDataFrame({"zone": [z[0] for z in self.zones]}, geometry=[z[1] for z in self.zones], crs=CRS).to_file(path)
        for scene in self.scenes:
            for name, size, key in (("red", 10, "red"), ("nir", 10, "nir"), ("mask", 20, "scl")):
                if scene.get(key) is not None:
                    where = Affine(size, 0, scene["west"], 0, -size, scene["north"])
                    write_tif(self.folder / "scenes" / scene["id"] / f"{self.names[name]}.tif", scene[key], where, scene["crs"], scene.get("nodata", 0))
        self.write_items()
        return self.write_config()

    def write_config(self):
        """Write the config."""
        self.config.write_text(yaml.safe_dump(self.settings, allow_unicode=True, sort_keys=False), encoding="utf-8")
        return self.config

    def stage(self, *arguments, results="results"):
        """Run one stage in this process and return its exit code."""
        from pipeline.__main__ import main

        name, *more = arguments
        return main([name, str(self.config), *more, "--results", str(self.folder / results)])

    def composites(self, results="results", more=(), write=True):
        """Write everything, pin the scenes, and make every year's composite; return results/small/<sensor>/."""
        if write:
            self.write()
        (sensor,) = self.settings["sensors"]
        assert self.stage("scenes", "--sensor", sensor, results=results) == 0
        for year in range(self.settings["years"]["first"], self.settings["years"]["last"] + 1):
            assert self.stage("composite", "--sensor", sensor, "--year", str(year), *more, results=results) == 0
        return self.folder / results / "small" / sensor

    def run(self, results="results", more=(), write=True):
        """Make every table; return results/small/<sensor>/."""
        (sensor,) = self.settings["sensors"]
        return self.tables(sensor, self.composites(results, more, write), results)

    def run_of(self, sensor, results="results"):
        """Make every table of one of several sensors, everything being written; return results/small/<sensor>/."""
        assert self.stage("scenes", "--sensor", sensor, results=results) == 0
        for year in range(self.settings["years"]["first"], self.settings["years"]["last"] + 1):
            assert self.stage("composite", "--sensor", sensor, "--year", str(year), results=results) == 0
        return self.tables(sensor, self.folder / results / "small" / sensor, results)

    def tables(self, sensor, folder, results="results"):
        """Make every table from the composites of a sensor; return their folder."""
        first, last = self.settings["years"]["first"], self.settings["years"]["last"]
        calls = [("observations",), ("endmembers",), ("fvc",)]
        for a, b in self.settings.get("trend", {}).get("periods", [[first, last]]):
            calls += [("trend", "--period", f"{a}-{b}"), ("classes", "--period", f"{a}-{b}")]
        wanted = self.settings.get("sensitivity") is not False
        for name, *arguments in [*calls, ("areas",), *([("sensitivity",)] if wanted else [])]:
            assert self.stage(name, "--sensor", sensor, *arguments, results=results) == 0, name
        return folder


def read(path, band=1):
    """Return a raster band."""
    with rasterio.open(path) as dataset:
        return dataset.read(band)


def snapshot(folder):
    """Return every path below a folder, of files with the time of their change."""
    return {p: None if p.is_dir() else p.lstat().st_mtime_ns for p in folder.rglob("*")}


def rejected(mine):
    """Return the error of a preflight that must refuse; nothing is written below the mine's folder."""
    before = snapshot(mine.folder)
    with pytest.raises(BadInput) as caught:
        plan.make([str(mine.config)], {"results": str(mine.folder / "results")})
    error = caught.value
    assert error.exit_code == 2
    assert all([error.where, error.field, error.found, error.expected, error.fix])
    assert snapshot(mine.folder) == before
    return error
