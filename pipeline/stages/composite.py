"""NDVI of one year on the mine's grid: from scenes, with what was observed, or from a prepared composite."""

from __future__ import annotations

import json
import logging
from contextlib import ExitStack
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from pipeline import blockwise, scenes
from pipeline import grid as grids
from pipeline.aoi import read_zones
from pipeline.composite import DTYPES, Result, blocks, compute, recipe
from pipeline.coverage import zone_coverages
from pipeline.handles import close_idle
from pipeline.observed import part_rows, write_part
from pipeline.prepared import annual_ndvi, missing_year
from pipeline.season import season_days
from pipeline.stages.job import Job
from pipeline.styles import continuous_qml
from pipeline.writer import Band, RasterSpec, raster_target, write_raster, write_text

log = logging.getLogger("minegreen")
UNITS = {"ndvi": "1", "clear": "observations", "doy": "day of year", "water": "share of clear observations"}


def run(job: Job, year: int) -> None:
    """Write ndvi_<year>.tif; from scenes also clear_, doy_ and water_<year>.tif and the year's part of zone_by_scene.csv; with styles."""
    pinned = json.loads(job.folder.scenes.read_text(encoding="utf-8"))
    grid = grids.from_json(pinned["grid"])
    if "scenes" in pinned:
        _from_scenes(job, year, grid, [scenes.from_json(s) for s in pinned["scenes"] if s["year"] == year])
        return
    (record,) = [r for r in pinned["images"] if r["year"] == year]
    if record["file"] is None:
        ndvi = missing_year(grid, job.block)
    else:
        ndvi = annual_ndvi(Path(record["file"]), pinned["bands"], pinned["scale"], pinned["offset"], grid, job.block)
    spec = RasterSpec((Band("ndvi", "1"),), "float32", float("nan"), job.tags("composite", year=str(year)))
    with job.computing(f"NDVI {year}"):
        write_raster(job.folder.ndvi(year), ndvi, grid, spec)
    _style(job, "ndvi", year)


def _from_scenes(job: Job, year: int, grid: Any, listed: list[scenes.Scene]) -> None:
    config, folder = job.config, job.folder
    catalog = config.sensors[job.sensor].catalog
    if catalog is None:
        raise AssertionError("scenes come from a catalogue")
    read = tuple(scenes.stamped(scenes.signed(listed, Path(catalog))))
    zones = read_zones(config, job.config_path)
    coverages = zone_coverages(zones, grid)
    how = recipe(config, job.sensor, grids.ground_cell_m(grid))
    chosen = config.composite
    tags = job.tags("composite", year=str(year), method=chosen.method, min_clear=str(chosen.min_clear), scenes=str(len(read)))
    sums = np.zeros((len(read), len(coverages), 4), np.int64)
    lock = Lock()
    days = len({s.day for s in read})
    with ExitStack() as stack:
        targets = {}
        for name, dtype in DTYPES.items():
            nodata = float("nan") if dtype == "float32" else None
            targets[name] = stack.enter_context(raster_target(_path(job, name, year), grid, RasterSpec((Band(name, UNITS[name]),), dtype, nodata, tags)))

        def place(found: Result) -> None:
            for name, values in found.values.items():
                targets[name].put(found.rows, found.cols, values[None])
            with lock:
                np.add(sums, found.sums, out=sums)

        with job.computing(f"NDVI {year} from {len(read)} scenes"):
            cut = blocks(grid, job.block, days, coverages, blockwise.workers(job.threads))
            blockwise.each(compute, cut, (read, grid, how, len(coverages)), place)
        close_idle()  # writing needs the memory
    for name in DTYPES:
        _style(job, name, year)
    write_part(folder.zone_by_scene(year), part_rows(read, coverages, sums))


def _path(job: Job, name: str, year: int) -> Path:
    return job.folder.ndvi(year) if name == "ndvi" else job.folder.observed(name, year)


def _style(job: Job, name: str, year: int) -> None:
    span = season_days(job.config.season) if name == "doy" else None
    write_text(_path(job, name, year).with_suffix(".qml"), continuous_qml(name, span))
