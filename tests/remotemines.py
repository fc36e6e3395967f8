"""Small mines of the three sensors for tests over the network, and the comparison of what they give with what files give."""

import json

import numpy as np
import yaml
from pyproj import Transformer
from scenemine import CRS, NORTH, WEST, SceneMine, snapshot
from sensormine import CELL, SHAPE, SINUSOIDAL, SensorMine
from servers import COLLECTION, served_items

QUICK = {"timeout_s": 2, "connect_timeout_s": 2, "attempts": 3, "pause_s": 0.01}
COLLECTIONS = {"sentinel-2": COLLECTION, "landsat": "test-landsat", "modis": "test-modis"}


def made(folder, years=range(2020, 2025)):
    """Return a mine with tiled scenes that differ, some cloudy, all of them named in a collection."""
    mine = SceneMine(folder)
    for i, year in enumerate(years):
        for day in (5, 15, 25):
            codes = np.full((30, 40), 4, "uint8")
            codes[: 3 * (day // 10 + i), :7] = 9
            mine.add(f"{year}-07-{day:02d}", ndvi=0.3 + 0.08 * i, noise=0.01, scl=codes, item={"collection": COLLECTION})
    mine.add("2021-06-20", ndvi=0.4, noise=0.01, item={"collection": COLLECTION})
    mine.settings["network"] = QUICK
    return mine


def of_sensor(folder, sensor, years=(2020, 2021)):
    """Return a mine with Landsat or MODIS scenes, two a year, all of them named in a collection; Landsat 7 until 2020."""
    mine = SensorMine(folder, sensor=sensor)
    mine.settings |= {"years": {"first": years[0], "last": years[-1]}, "composite": {"min_clear": 1}, "sensitivity": False, "network": QUICK}
    rng = np.random.default_rng(7)
    if sensor == "landsat":
        for year in years:
            for day in ("07-05", "08-09"):
                mine.landsat(f"{year}-{day}", rng.uniform(0.1, 0.8, SHAPE), "landsat-7" if year <= 2020 else "landsat-9")
    else:
        x, y = Transformer.from_crs(CRS, SINUSOIDAL, always_xy=True).transform(WEST + 50, NORTH - 60)
        origin = (np.floor(x / CELL) * CELL - 2 * CELL, np.ceil(y / CELL) * CELL + 2 * CELL)
        mine.settings["grid"] = {"buffer_m": 0}
        for year in years:
            for start, day in (("06-25", 185), ("07-11", 200)):
                mine.modis(f"{year}-{start}", rng.integers(1000, 9000, (8, 8)), day, origin=origin)  # the first composites begin before the season
    for scene in mine.scenes:
        scene["item"] = {"collection": COLLECTIONS[sensor]}
    mine.settings["sensors"][sensor]["collection"] = COLLECTIONS[sensor]
    return mine


def by_api(mine, api, results):
    """Write a config beside the mine's own that takes every sensor from an API; return its path."""
    settings = mine.settings | {"sensors": {sensor: {"catalog": api, "collection": COLLECTIONS[sensor]} for sensor in mine.settings["sensors"]}}
    path = mine.folder / f"{results}.yaml"
    path.write_text(yaml.safe_dump(settings), encoding="utf-8")
    return path


def same(folder, other, *, but=("scenes.json", "items.json")):
    """Compare every raster and table of two runs of one sensor byte by byte; return how many there are."""
    names = sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.suffix in (".tif", ".csv") and p.name not in but)
    for name in names:
        assert (folder / name).read_bytes() == (other / name).read_bytes(), name
    return len(names)


def files(folder):
    """Return every file below a folder with the time of its change."""
    return {path: when for path, when in snapshot(folder).items() if when is not None}


def pinned(mine, base, query="", collection=COLLECTION):
    """Write the items with hrefs below an address, and the config."""
    features = served_items(mine, base, collection, query=query)
    mine.catalog.write_text(json.dumps({"type": "FeatureCollection", "features": features}), encoding="utf-8")
    mine.write_config()
