"""The report of a large mine: its size, the time it takes and its peak memory, in a fresh process.

Run `python benchmarks/report.py` (`--small`: seconds, for a test). Data, made on the spot in a temporary folder and removed, and not observed: NDVI of
5 prepared composites of 4000 x 5000 cells with noise, 40 zones that cover most of it, two periods; every stage before the report runs as in the
workflow. The map layers of the page are compared with the rasters before anything is printed. Prints one Markdown table.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
import time
import zlib
from pathlib import Path

import geopandas as gpd
import numpy as np
import rasterio
import yaml
from affine import Affine
from shapely.geometry import box

from pipeline.report.mapdata import OUTSIDE

YEARS = range(2020, 2025)
PERIODS = ([2021, 2024], [2020, 2024])
CRS, WEST, NORTH = "EPSG:32647", 500_000.0, 4_240_000.0
# VmHWM is that of the process alone; ru_maxrss would begin with that of its parent
REPORT = """import sys; from pipeline.__main__ import main; code = main(["report", sys.argv[1], "--results", sys.argv[2]])
print([line for line in open("/proc/self/status") if line.startswith("VmHWM")][0]); sys.exit(code)"""
LIMITS = {"MB": 15.0, "s": 60.0, "GB": 1.0}


def make(folder: Path, height: int, width: int) -> Path:
    """Write composites, zones and config, and return the config."""
    rng = np.random.default_rng(11)
    base = rng.uniform(0.1, 0.8, (1, width)).astype("float32")
    profile = {"driver": "GTiff", "dtype": "float32", "count": 1, "width": width, "height": height, "nodata": float("nan"), "tiled": True, "crs": CRS}
    for i, year in enumerate(YEARS):
        with rasterio.open(folder / f"{year}.tif", "w", transform=Affine(10, 0, WEST, 0, -10, NORTH), **profile) as out:
            for top in range(0, height, 500):
                rows = min(500, height - top)
                values = base + 0.01 * i + 0.03 * rng.standard_normal((rows, width), np.float32)
                out.write(np.clip(values, 0.01, 0.95).astype("float32"), 1, window=rasterio.windows.Window(0, top, width, rows))
    dx, dy = width * 10 / 8, height * 10 / 5
    zones = [box(WEST + dx * i + 60, NORTH - dy * (j + 1) + 60, WEST + dx * (i + 1) - 60, NORTH - dy * j - 60) for j in range(5) for i in range(8)]
    gpd.GeoDataFrame({"zone": [f"zone {i}" for i in range(40)]}, geometry=zones, crs=CRS).to_file(folder / "aoi.gpkg")
    config = {
        "mine": "large",
        "aoi": {"path": str(folder / "aoi.gpkg"), "zone_field": "zone", "reference": ["zone 39"]},
        "years": {"first": YEARS[0], "last": YEARS[-1]},
        "season": {"start": "07-01", "end": "08-31"},
        "grid": {"buffer_m": 0},
        "sensors": {"sentinel-2": {"composites": str(folder / "{year}.tif"), "bands": {"ndvi": 1}}},
        "trend": {"periods": [list(p) for p in PERIODS]},
    }
    (folder / "large.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    return folder / "large.yaml"


def stages(config: Path) -> None:
    """Run every stage before the report."""
    from pipeline.__main__ import main

    of_year = [["composite", "--year", str(y)] for y in YEARS]
    of_period = [[name, "--period", f"{a}-{b}"] for name in ("trend", "classes") for a, b in PERIODS]
    for stage, *more in [["scenes"], *of_year, ["endmembers"], ["fvc"], *of_period, ["areas"]]:
        done = main([stage, str(config), "--sensor", "sentinel-2", *more, "--threads", "2", "--results", str(config.parent / "results")])
        if done != 0:
            raise SystemExit(f"stage {stage} ended with {done}")


def compare(folder: Path) -> tuple[int, int]:
    """Return cells and layers that the page shows, after comparing each layer with its raster."""
    text = (folder / "report.html").read_text(encoding="utf-8")
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
    if found is None:
        raise SystemExit("the page has no data")
    (shown,) = json.loads(found[1])["maps"]
    step, cells = shown["step"], shown["width"] * shown["height"]
    with rasterio.open(folder / "sentinel-2" / f"trend_class_{PERIODS[0][0]}-{PERIODS[0][1]}.tif") as dataset:
        inside = dataset.read(1)[::step, ::step] != 0
    bands = {"relative_slope": 1, "slope": 1, "slope_low": 2, "slope_high": 3, "p": 8, "n": 9}
    for layer in shown["layers"]:
        stems = {"fvc": "fvc", "class": "trend_class", "relative_class": "trend_relative_class", "relative_slope": "trend_relative"}
        name = f"{stems.get(layer['kind'], 'trend')}_{layer['when']}"
        with rasterio.open(folder / "sentinel-2" / f"{name}.tif") as dataset:
            there = dataset.read(bands.get(layer["kind"], 1))[::step, ::step].astype(float)
        if layer["kind"] in bands:
            there[~inside] = np.nan
        packed = np.frombuffer(zlib.decompress(base64.b64decode(layer["data"])), np.uint8)
        packed = np.stack(np.split(packed, 2), axis=1).ravel() if layer.get("planes") else packed  # all low bytes, then all high bytes
        stored = packed.view(layer["type"]).reshape(shown["height"], shown["width"])
        here = np.where(stored == layer["missing"], np.nan, stored / layer["scale"])
        within = np.where(inside | (layer["kind"] != "fvc"), 0.5, OUTSIDE / 2) / layer["scale"] + 1e-6
        if not (np.isnan(here) == np.isnan(there)).all() or (np.abs(here - there) > within).any():
            raise SystemExit(f"{layer['kind']} {layer['when']} is not the raster")
    return cells, len(shown["layers"])


def main() -> int:
    """Print the table; 1 when a limit is broken."""
    small = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    small.add_argument("--small", action="store_true", help="a small case, for a test")
    height, width = (300, 400) if small.parse_args().small else (4000, 5000)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        config = make(folder, height, width)
        stages(config)
        started = time.perf_counter()
        command = [sys.executable, "-c", REPORT, str(config), str(folder / "results")]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - started
        peak = int(done.stdout.split()[-2]) / 2**20
        root = folder / "results" / "large"
        size = (root / "report.html").stat().st_size / 1e6
        cells, layers = compare(root)
    print("| mine | cells | layers | cells shown | report | time | peak memory |\n|---|---|---|---|---|---|---|")
    print(f"| 40 zones, 2 periods | {height * width:,} | {layers} | {cells:,} | {size:.1f} MB | {seconds:.1f} s | {peak:.2f} GB |")
    return int(size > LIMITS["MB"] or seconds > LIMITS["s"] or peak > LIMITS["GB"])


if __name__ == "__main__":
    sys.exit(main())
