"""Recovery of every zone of one sensor against its reference: recovery_by_zone.csv, control_balance_by_zone.csv, recovery_by_zone.png."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import Any

import numpy as np

from pipeline.aoi import Zones, read_zones
from pipeline.attribution import source_line, title_of
from pipeline.config_dem import dem_file
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.errors import one_line
from pipeline.evaluation.dem import cell_elevations, open_dem
from pipeline.evaluation.inputs import contrast_of, scene_errors, yearly_means
from pipeline.evaluation.matched import BALANCE_COLUMNS, matched_rows
from pipeline.evaluation.overlap import check_overlap
from pipeline.evaluation.recoverychart import recovery_chart
from pipeline.evaluation.recoverytable import COLUMNS, ZoneRecord, phases_of, recovery_rows
from pipeline.grid import native_grid
from pipeline.observed import read_part
from pipeline.reader import kept_open, open_raster
from pipeline.relative import References, read_series
from pipeline.sheet import Words, save
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.tables import read_csv, write_csv
from pipeline.variants import percentile_of
from pipeline.words import Text
from pipeline.zonestats import ZoneSeries

log = logging.getLogger("minegreen")
NAME, BALANCE = "recovery_by_zone", "control_balance_by_zone"


def run(job: Job) -> None:
    """Write the tables and the chart."""
    zones = read_zones(job.config, job.config_path)
    check_overlap(zones, job.config.aoi.path)
    with open_raster(job.folder.ndvi(job.config.years.first)) as dataset:
        grid = native_grid(dataset)
    with kept_open(grid):
        made, balance = rows(job, zones, {c.zone: c for c in zone_coverages(zones, grid)})
    write_csv(job.folder.table(NAME), COLUMNS, made)
    write_csv(job.folder.table(BALANCE), BALANCE_COLUMNS, balance)
    shown = read_csv(job.folder.table(NAME))
    years = job.config.all_years
    source = source_line(job.config, job.sensor, (years[0], years[-1]), synthetic=job.synthetic)
    caption = Text("Zone divided by its reference in the same year, with its interval.", "各区与同年参照区之比及其区间。")
    words = Words(title_of(job.config, "recovery against the reference", job.sensor), (caption,), (source,))
    save(recovery_chart(shown, job.config.recovery.share if job.config.recovery else 1.0, words), job.folder.root / f"{NAME}.png")


def rows(job: Job, zones: Zones, coverages: dict[str, ZoneCoverage], *, scenes: bool = True) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of both tables, of the zones of `coverages` that have a reference other than themselves.

    `coverages` may be parts of zones, and `zones` then names as references those that have such a part: it is what is compared with. What scenes showed is
    known of whole zones alone: for parts `scenes` is False, and single years have no interval.
    """
    config, folder, asked = job.config, job.folder, job.config.recovery
    assert asked is not None  # the stage is made where the key is
    years, variable, pair = config.all_years, config.trend.variable, read_pair(folder.endmembers)
    span = (years[0], years[-1])
    everywhere = tuple(name for name in config.aoi.reference if name in coverages)
    means = References(zones, everywhere, coverages, folder, years).series([span], variable, pair)
    parts = [read_part(folder.zone_by_scene(y)) for y in years] if scenes and job.has_scenes else []
    made: list[dict[str, Any]] = []
    balance: list[dict[str, Any]] = []
    for zone, c in coverages.items():
        references = zones.references[zone]
        if not references or zone in references:
            continue
        facts = config.aoi.zones.get(zone)
        restored, works = facts.restored if facts else None, asked.works_from.get(zone)
        named: dict[str, Any] = {"mine": config.mine, "sensor": job.sensor, "zone": zone, "role": c.role, "reference": "; ".join(references)}
        areas = {name: float(coverages[name].area_m2.sum()) for name in references}
        errors = scene_errors(parts, zone, areas, percentile_of(config.composite.method), contrast_of(pair, variable))
        series = read_series(folder, c, years, pair, scenes=job.has_scenes)
        used, _, cells = series.period(*span, variable)
        named |= {"common_pct": series.share(cells) if used else None}
        record = ZoneRecord(tuple(years), yearly_means(series, variable), means[references, span].of(years), errors, restored, works)
        made += recovery_rows(record, asked, config.season, named | {"variable": variable})
        if asked.controls is not None and restored is not None:
            others = [read_series(folder, coverages[name], years, pair) for name in references]
            heights = _heights(job, [c], [coverages[name] for name in references])
            (ndvi, own), (ndvi_there, there) = _cells([series], variable), _cells(others, variable)
            phase = phases_of(years, config.season, restored, works, asked.before_years)
            found, balanced = matched_rows((ndvi, ndvi_there), (own, there), years, phase, k=asked.controls, level=asked.level, heights=heights)
            made += [dict.fromkeys(COLUMNS) | named | {"variable": variable, "restored": restored} | row for row in found]
            balance += [named | row for row in balanced]
        log.info("recovery: %s", one_line(zone))
    return made, balance


def _heights(job: Job, own: list[ZoneCoverage], others: list[ZoneCoverage]) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the elevation of all cells of zones and of their references, as `_cells` orders them; None without an elevation model."""
    asked = job.config.recovery
    path = None if asked is None else dem_file(asked.dem, job.config, job.results)
    if path is None:
        return None
    with open_raster(job.folder.ndvi(job.config.years.first)) as dataset:
        grid = native_grid(dataset)
    dem = open_dem(path, "recovery.dem")
    with closing(dem.dataset):
        found = [np.concatenate([cell_elevations(dem, grid, c)[c.touched] for c in covered]) for covered in (own, others)]
    return found[0], found[1]


def _cells(parts: list[ZoneSeries], variable: str) -> tuple[np.ndarray, np.ndarray]:
    """Return NDVI and the variable of the trend of all cells of zones, (years, cells) float64."""
    ndvi = np.concatenate([p.ndvi for p in parts], axis=1).astype(np.float64)
    return ndvi, np.concatenate([np.stack([p.values(i, variable) for i in range(len(p.years))]) for p in parts], axis=1)
