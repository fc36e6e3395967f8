"""NDVI of one year on the mine's grid: from scenes, with what was observed, or from a prepared composite."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np

from pipeline import blockwise, scenes
from pipeline import grid as grids
from pipeline.aoi import read_zones
from pipeline.composite import DTYPES, Cut, Cuts, Result, compute, recipe
from pipeline.config_months import months_of
from pipeline.coverage import zone_coverages
from pipeline.errors import RunFault
from pipeline.handles import close_idle
from pipeline.inspection import catalog_of
from pipeline.observed import part_rows, write_part
from pipeline.pinned import ready
from pipeline.prepared import annual_ndvi, missing_year
from pipeline.season import bounds, day_of_year, meeting, month_bounds, season_days
from pipeline.stages.job import Job
from pipeline.styles import continuous_qml
from pipeline.tiling import blocks
from pipeline.variants import Variant, percentile_of, scene_variants, span
from pipeline.writer import Band, RasterSpec, raster_target, write_raster, write_text

log = logging.getLogger("minegreen")
UNITS = {"ndvi": "1", "clear": "observations", "doy": "day of year", "water": "share of clear observations", "sd": "1"}


def run(job: Job, year: int) -> None:
    """Write ndvi_<year>.tif; from scenes also clear_, doy_, water_ and sd_<year>.tif and the year's part of zone_by_scene.csv; with styles.

    With `composite.interval: month` also ndvi_<year>-<mm>.tif, from the same walk over the scenes; nothing else depends on it.
    """
    pinned = json.loads(job.folder.scenes.read_text(encoding="utf-8"))
    grid = grids.from_json(pinned["grid"])
    if "scenes" in pinned:
        own, margin = ([scenes.from_json(s) for s in pinned.get(name, []) if s["year"] == year] for name in ("scenes", "margin"))
        _from_scenes(job, year, grid, own, margin, scene_variants(job.config) if "margin" in pinned else ())
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


def _from_scenes(job: Job, year: int, grid: Any, own: list[scenes.Scene], margin: list[scenes.Scene], variants: tuple[Variant, ...]) -> None:
    """Write the products of one year, and the composites of its months and of the variants from the same walk over its scenes.

    `margin`: scenes that only shifted seasons hold; nothing of the year's products depends on them.
    """
    config, folder = job.config, job.folder
    listed = sorted((*own, *margin), key=lambda s: (s.day, s.when, s.id))
    read = tuple(ready(listed, config, job.sensor, catalog_of(config, job.sensor, job.results)))
    season = bounds(config.season, year)
    limits = {month: month_bounds(config.season, year, month) for month in months_of(config)}
    cuts = _cuts(job, year, _days(read), variants, limits) if variants or limits else None
    zones = read_zones(config, job.config_path)
    coverages = zone_coverages(zones, grid)
    how = recipe(config, job.sensor, grids.ground_cell_m(grid))
    chosen = config.composite
    tags = job.tags("composite", year=str(year), method=chosen.method, min_clear=str(chosen.min_clear), scenes=str(len(own)))
    sums = np.zeros((len(read), len(coverages), 4), np.int64)
    lock = Lock()
    days = len({s.day for s in read})
    with ExitStack() as stack:
        targets = {}
        for name, dtype in DTYPES.items():
            nodata = float("nan") if dtype == "float32" else None
            targets[name] = stack.enter_context(raster_target(_path(job, name, year), grid, RasterSpec((Band(name, UNITS[name]),), dtype, nodata, tags)))
        of_month = []
        for month, (first, last) in limits.items():
            seen = sum(day_of_year(start, year) <= last and day_of_year(end, year) >= first for start, end in map(_span, own))
            spec = RasterSpec((Band("ndvi", UNITS["ndvi"]),), "float32", float("nan"), tags | {"month": f"{month:02d}", "scenes": str(seen)})
            of_month.append(stack.enter_context(raster_target(folder.ndvi(year, month), grid, spec)))
        if variants:
            bands = tuple(Band(f"{what}_{v.name}", UNITS[what]) for what in ("ndvi", "water") for v in variants if what == "ndvi" or v.shift)
            spec = RasterSpec(bands, "float32", float("nan"), {k: v for k, v in tags.items() if k != "scenes"})
            more = stack.enter_context(raster_target(folder.variants(year), grid, spec))

        def place(found: Result) -> None:
            for name, values in found.values.items():
                targets[name].put(found.rows, found.cols, values[None])
            if found.more is not None:
                of_variants, of_months, water = np.split(found.more, (len(variants), len(variants) + len(limits)))
                for target, values in zip(of_month, of_months, strict=True):
                    target.put(found.rows, found.cols, values[None])
                if variants:
                    more.put(found.rows, found.cols, np.concatenate([of_variants, water]) if limits else found.more)
            with lock:
                np.add(sums, found.sums, out=sums)

        with job.computing(f"NDVI {year} from {len(read)} scenes"), _naming(margin):
            cut = blocks(grid, job.block, days, coverages, blockwise.workers(job.threads))
            blockwise.each(compute, cut, (read, grid, how, len(coverages), None, cuts, season), place)
        close_idle()  # writing needs the memory
    for name in DTYPES:
        _style(job, name, year)
    for month in limits:
        write_text(folder.ndvi(year, month).with_suffix(".qml"), continuous_qml("ndvi"))
    chosen_rows = [i for i, scene in enumerate(read) if scene.id in {s.id for s in own}]
    write_part(folder.zone_by_scene(year), part_rows([read[i] for i in chosen_rows], coverages, sums[chosen_rows]))


def _days(read: tuple[scenes.Scene, ...]) -> list[tuple[date, date]]:
    """Return the first and last day of the images of each day, in order."""
    days = {day: max(s.last or s.day for s in read if s.day == day) for day in sorted({s.day for s in read})}
    return [(date.fromisoformat(first), date.fromisoformat(last)) for first, last in days.items()]


def _span(scene: scenes.Scene) -> tuple[date, date]:
    return date.fromisoformat(scene.day), date.fromisoformat(scene.last or scene.day)


def _cuts(job: Job, year: int, days: list[tuple[date, date]], variants: tuple[Variant, ...], months: Mapping[int, tuple[int, int]]) -> Cuts:
    """Return which of a year's days the run's composite, each variant and then each month are of, and by which method.

    `months`: the first and last day of the season in each, as days of year.
    """
    season, method = job.config.season, percentile_of(job.config.composite.method)

    def cut(shift: int, percentile: float) -> Cut:
        return Cut(span(days, season, shift, year), percentile, bool(shift), bounds(season, year, shift))

    of_variants = tuple(cut(v.shift, method if v.percentile is None else v.percentile) for v in variants)
    of_months = tuple(Cut(meeting(days, year, *limits), method, False, limits) for limits in months.values())
    return Cuts(span(days, season, 0, year), of_variants + of_months)


@contextmanager
def _naming(margin: list[scenes.Scene]) -> Iterator[None]:
    """Say in a fault that names a scene of the margin how the run does without it."""
    try:
        yield
    except RunFault as error:
        if any(f"item {scene.id}:" in str(error) for scene in margin):
            raise type(error)(f"{error}; this scene serves sensitivity.csv only: `sensitivity: false` runs without it") from None
        raise


def _path(job: Job, name: str, year: int) -> Path:
    return job.folder.ndvi(year) if name == "ndvi" else job.folder.observed(name, year)


def _style(job: Job, name: str, year: int) -> None:
    span = season_days(job.config.season) if name == "doy" else None
    write_text(_path(job, name, year).with_suffix(".qml"), continuous_qml(name, span))
