"""NDVI of one year on the mine's grid."""

from __future__ import annotations

import json
from pathlib import Path

from pipeline import grid as grids
from pipeline.composite import annual_ndvi, missing_year
from pipeline.stages.job import Job
from pipeline.writer import Band, RasterSpec, write_raster


def run(job: Job, year: int) -> None:
    """Write ndvi_<year>.tif."""
    pinned = json.loads(job.folder.scenes.read_text(encoding="utf-8"))
    grid = grids.from_json(pinned["grid"])
    (record,) = [r for r in pinned["images"] if r["year"] == year]
    if record["file"] is None:
        ndvi = missing_year(grid, job.block)
    else:
        ndvi = annual_ndvi(Path(record["file"]), pinned["bands"], pinned["scale"], pinned["offset"], grid, job.block)
    spec = RasterSpec((Band("ndvi", "1"),), "float32", float("nan"), job.tags("composite", year=str(year)))
    with job.computing(f"NDVI {year}"):
        write_raster(job.folder.ndvi(year), ndvi, grid, spec)
