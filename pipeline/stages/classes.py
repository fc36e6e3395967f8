"""Trend classes of one period: slope and p to class code."""

from __future__ import annotations

import numpy as np

from pipeline.aoi import read_zones
from pipeline.classes import legend, limits
from pipeline.coverage import touched_cells, zone_coverages
from pipeline.grid import native_grid
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.pixels import classify
from pipeline.reader import open_bands, open_raster, open_stack
from pipeline.stages.job import Job
from pipeline.styles import class_aux_xml, class_qml
from pipeline.writer import Band, RasterSpec, write_raster, write_text

SLOPE, P, N = (OUTPUTS.index(name) for name in ("slope", "p", "n"))
WATER_CODE, TOO_SMALL = 97, 98


def run(job: Job, period: tuple[int, int]) -> None:
    """Write trend_class_<a>-<b>.tif with colour table, .qml and .tif.aux.xml."""
    import dask.array as da

    config = job.config
    trend = config.trend
    path = job.folder.trend(period)
    with open_raster(path) as dataset:
        grid = native_grid(dataset)
    data = open_bands(path, job.block)
    rules = limits(trend.scheme, trend.alpha.slight, trend.alpha.significant, trend.alpha.extreme)
    needed = trend.years_needed(period)

    years = range(period[0], period[1] + 1)

    def one_block(bands: np.ndarray, inside: np.ndarray, water: np.ndarray) -> np.ndarray:
        codes = classify(bands[SLOPE], bands[P], bands[N], min_years=needed, no_change=trend.no_change, **rules)
        codes = np.where(2 * (water >= 0.5).sum(axis=0, dtype=np.uint16) >= len(years), np.uint8(WATER_CODE), codes)
        codes = np.where(inside[1], np.uint8(TOO_SMALL), codes)
        return np.where(inside[0], codes, np.uint8(0))[None]

    inside, small = np.ones(grid.shape, bool), np.zeros(grid.shape, bool)
    if config.grid.clip == "zones":
        coverages = zone_coverages(read_zones(config, job.config_path), grid)
        inside = touched_cells(coverages, grid.shape)
        small = inside & ~touched_cells((c for c in coverages if c.holds(job.record.least_pixels)), grid.shape)
    mask = da.from_array(np.stack([inside, small]), chunks=(2, *data.chunks[1:]))
    wet = config.sensors[job.sensor].catalog is not None and "water" in config.fvc.exclude
    if wet:
        water = open_stack({y: job.folder.observed("water", y) for y in years}, job.block).data
    else:
        water = da.zeros((1, *grid.shape), chunks=(1, *data.chunks[1:]), dtype=np.float32)
    codes = da.map_blocks(one_block, data, mask, water, dtype=np.uint8, chunks=((1,), *data.chunks[1:]))
    colours = {c.code: c.rgba for c in legend(trend.scheme)}
    rule = f"p <= {trend.alpha.extreme:g} / {trend.alpha.significant:g} / {trend.alpha.slight:g}; no change below {trend.no_change:g} per year"
    tags = job.tags(
        "classes", period=f"{period[0]}-{period[1]}", variable=trend.variable, test=trend.test, scheme=trend.scheme, rule=rule, min_years=str(needed)
    )
    target = job.folder.classes(period)
    with job.computing(f"classes {period[0]}-{period[1]}"):
        write_raster(target, codes, grid, RasterSpec((Band("trend_class"),), "uint8", 0, tags, colours))
    write_text(target.with_suffix(".qml"), class_qml(trend.scheme))
    write_text(target.with_name(target.name + ".aux.xml"), class_aux_xml(trend.scheme))
