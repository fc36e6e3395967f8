"""Cover of every year of one sensor."""

from __future__ import annotations

from pipeline.cover import annual_cover
from pipeline.endmembers import Endmembers
from pipeline.grid import native_grid
from pipeline.reader import open_raster, open_stack
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.styles import continuous_qml
from pipeline.writer import Band, RasterSpec, write_raster, write_text


def run(job: Job) -> None:
    """Write fvc_<year>.tif of every year, clamped to 0..1, with styles; all in one job, as most of a job on a small grid is the start of its process."""
    pair = read_pair(job.folder.endmembers)
    for year in job.config.all_years:
        _year(job, year, pair)


def _year(job: Job, year: int, pair: Endmembers) -> None:
    path = job.folder.ndvi(year)
    with open_raster(path) as dataset:
        grid = native_grid(dataset)
    tags = job.tags("fvc", year=str(year), soil_ndvi=repr(pair.soil), vegetation_ndvi=repr(pair.vegetation))
    spec = RasterSpec((Band("fvc", "1"),), "float32", float("nan"), tags)
    with job.computing(f"cover {year}"):
        write_raster(job.folder.fvc(year), annual_cover(open_stack({year: path}, job.block).data, pair), grid, spec)
    write_text(job.folder.fvc(year).with_suffix(".qml"), continuous_qml("fvc"))
