"""Trend classes of one period: slope and p to class code."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np

from pipeline.aoi import Zones, read_zones
from pipeline.classes import legend, limits
from pipeline.control import TREND_CODES, family_of
from pipeline.coverage import ZoneCoverage, touched_cells, zone_coverages
from pipeline.grid import native_grid
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.pixels import classify
from pipeline.reader import open_bands, open_raster, open_stack, read_window
from pipeline.relative import owned_by, owners
from pipeline.stages.job import Job
from pipeline.styles import class_aux_xml, class_qml, continuous_qml
from pipeline.writer import Band, RasterSpec, raster_target, write_raster, write_text

SLOPE, P, N = (OUTPUTS.index(name) for name in ("slope", "p", "n"))
WATER_CODE, TOO_SMALL = 97, 98


def run(job: Job, period: tuple[int, int]) -> None:
    """Write trend_class_<a>-<b>.tif with colour table, .qml and .tif.aux.xml, and trend_q_<a>-<b>.tif; those of the relative trend likewise."""
    with open_raster(job.folder.trend(period)) as dataset:
        grid = native_grid(dataset)
    zones = read_zones(job.config, job.config_path)
    coverages = zone_coverages(zones, grid)
    for target in job.config.targets:
        _write(job, period, target, grid, zones, coverages)


def _write_q(
    job: Job, period: tuple[int, int], target: str, grid: Any, references: frozenset[str], coverages: list[ZoneCoverage], tags: dict[str, str]
) -> None:
    """Write p adjusted for the number of cells tested in the zone that covers most of each cell; none in a reference, or outside of all zones."""
    trend, classes, path = job.folder.trend(period, target), job.folder.classes(period, target), job.folder.q(period, target)
    owner = owners(coverages, grid.shape)
    compared, families = owned_by(owner, coverages, references), []
    for c in coverages:
        codes, p = read_window(classes, c.rows, c.cols), read_window(trend, c.rows, c.cols, P + 1)
        families.append(None if c.zone in references else family_of(codes, p, c, job.record.least_pixels, compared[c.rows, c.cols]))
    tags = tags | {"adjusted": "Benjamini-Hochberg 1995; family: the tested cells of a zone in the period; never those of a reference"}
    spec = RasterSpec((Band(path.stem.rpartition("_")[0]),), "float32", float("nan"), tags)
    height, width = grid.shape
    with raster_target(path, grid, spec) as out:
        for top, left in product(range(0, height, job.block), range(0, width, job.block)):
            rows, cols = slice(top, min(height, top + job.block)), slice(left, min(width, left + job.block))
            q = np.full((rows.stop - top, cols.stop - left), np.nan, np.float32)
            here = owner[rows, cols]
            if here.any():
                codes, p = read_window(classes, rows, cols), read_window(trend, rows, cols, P + 1)
                for i in np.unique(here[here > 0]):
                    family = families[i - 1]
                    cells = (here == i) & (codes >= TREND_CODES.start) & (codes < TREND_CODES.stop)
                    if family is not None and cells.any():
                        q[cells] = family.q(p[cells])
            out.put(rows, cols, q[None])
    write_text(path.with_suffix(".qml"), continuous_qml("q"))


def _write(job: Job, period: tuple[int, int], target: str, grid: Any, zones: Zones, coverages: list[ZoneCoverage]) -> None:
    """Write the class raster of one target."""
    import dask.array as da

    config = job.config
    trend = config.trend
    data = open_bands(job.folder.trend(period, target), job.block)
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
        inside = touched_cells(coverages, grid.shape)
        small = inside & ~touched_cells((c for c in coverages if c.holds(job.record.least_pixels)), grid.shape)
    mask = da.from_array(np.stack([inside, small]), chunks=(2, *data.chunks[1:]))
    wet = job.has_scenes and "water" in config.fvc.exclude
    if wet:
        water = open_stack({y: job.folder.observed("water", y) for y in years}, job.block).data
    else:
        water = da.zeros((1, *grid.shape), chunks=(1, *data.chunks[1:]), dtype=np.float32)
    codes = da.map_blocks(one_block, data, mask, water, dtype=np.uint8, chunks=((1,), *data.chunks[1:]))
    colours = {c.code: c.rgba for c in legend(trend.scheme)}
    rule = f"p <= {trend.alpha.extreme:g} / {trend.alpha.significant:g} / {trend.alpha.slight:g}; no change below {trend.no_change:g} per year"
    tags = {"target": target} | job.tags(
        "classes", period=f"{period[0]}-{period[1]}", variable=trend.variable, test=trend.test, scheme=trend.scheme, rule=rule, min_years=str(needed)
    )
    path = job.folder.classes(period, target)
    with job.computing(f"{target} classes {period[0]}-{period[1]}"):
        write_raster(path, codes, grid, RasterSpec((Band(path.stem.rpartition("_")[0]),), "uint8", 0, tags, colours))
    _write_q(job, period, target, grid, zones.reference_zones, coverages, tags)
    write_text(path.with_suffix(".qml"), class_qml(trend.scheme))
    write_text(path.with_name(path.name + ".aux.xml"), class_aux_xml(trend.scheme))
