"""All tables of one sensor: areas by class, groups, cover per zone and year, changes, zone trends."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import areas, uncertainty, zonestats
from pipeline.aoi import Zones, read_zones
from pipeline.areabounds import class_bounds
from pipeline.classes import legend
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.grid import native_grid
from pipeline.kernels.codes import OUTPUTS
from pipeline.layout import OBSERVED
from pipeline.observed import masked_share, read_part
from pipeline.reader import open_raster, read_window
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.tables import write_csv

log = logging.getLogger("minegreen")
BAND = {name: i for i, name in enumerate(OUTPUTS, 1)}


def run(job: Job) -> None:
    """Write the five CSV tables of the sensor."""
    config, folder = job.config, job.folder
    zones = read_zones(config, job.config_path)
    with open_raster(folder.ndvi(config.years.first)) as dataset:
        coverages = {c.zone: c for c in zone_coverages(zones, native_grid(dataset))}
    pair = read_pair(folder.endmembers)
    named = {zone: {"mine": config.mine, "sensor": job.sensor, "zone": zone, "role": c.role} for zone, c in coverages.items()}
    annual: list[dict[str, Any]] = []
    changes: dict[str, dict[tuple[int, int], zonestats.Change]] = {}
    trends: list[dict[str, Any]] = []
    parts = {y: read_part(folder.zone_by_scene(y)) for y in config.all_years} if config.sensors[job.sensor].catalog is not None else {}
    for zone, c in coverages.items():  # one zone at a time: memory is the largest zone's, not the mine's
        ndvi = np.stack([read_window(folder.ndvi(y), c.rows, c.cols) for y in config.all_years])
        series = zonestats.ZoneSeries(c, ndvi, config.all_years, pair, _seen(job, c, parts))
        annual += series.annual_rows(named[zone])
        changes[zone] = zonestats.changes(series)
        for period in config.periods:
            slope, s = (read_window(folder.trend(period), c.rows, c.cols, BAND[name]) for name in ("slope", "s"))
            row = zonestats.trend_row(series, period, config.trend.variable, config.trend.significance, slope, s)
            trends.append(named[zone] | _of_period(job, period) | row)
        log.info("tables: %s", zone)
    write_csv(folder.table("fvc_by_zone"), zonestats.FVC_COLUMNS, annual)
    rows = [r for z in changes for r in zonestats.change_rows(changes[z], [changes[x] for x in zones.references[z]], named[z])]
    write_csv(folder.table("fvc_change_by_zone"), zonestats.CHANGE_COLUMNS, rows)
    write_csv(folder.table("trend_by_zone"), zonestats.TREND_COLUMNS, trends)
    tables = [_class_tables(job, zones, coverages, period) for period in config.periods]
    for name, columns, i in (("trend_area_by_zone", areas.AREA_COLUMNS, 0), ("trend_groups_by_zone", areas.GROUP_COLUMNS, 1)):
        rows = [r for pair in tables for r in pair[i]]
        write_csv(folder.table(name), columns, areas.without_water(rows) if config.sensors[job.sensor].catalog is None else rows)


def _seen(job: Job, c: ZoneCoverage, parts: dict[int, list[dict[str, Any]]]) -> zonestats.Seen | None:
    """Return what scenes showed of a zone; None for prepared composites."""
    if not parts:
        return None
    clear, doy, water = (np.stack([read_window(job.folder.observed(what, y), c.rows, c.cols) for y in parts]) for what in OBSERVED[:3])
    return zonestats.Seen(clear, doy, water, tuple(masked_share([r for r in rows if r["zone"] == c.zone]) for rows in parts.values()))


def _of_period(job: Job, period: tuple[int, int]) -> dict[str, Any]:
    trend = job.config.trend
    return {"variable": trend.variable, "first_year": period[0], "last_year": period[1], "test": trend.test}


def _bounds(job: Job, c: ZoneCoverage, period: tuple[int, int]) -> dict[int, tuple[float, float]] | None:
    """Return the bounds of the class areas of a zone, m2; None without error, and where the zone is too small."""
    config, folder = job.config, job.folder
    if not config.uncertainty.run or not c.holds(job.record.least_pixels):
        return None
    years, scenes = range(period[0], period[1] + 1), config.sensors[job.sensor].catalog is not None
    if not scenes and config.uncertainty.ndvi_sd is None:
        return None

    def window(*paths: Path) -> np.ndarray:
        return np.stack([read_window(p, c.rows, c.cols)[c.touched] for p in paths])

    weights = c.area_m2[c.touched]
    ndvi = window(*map(folder.ndvi, years))
    seen = (window(*(folder.observed("sd", y) for y in years)), window(*(folder.observed("clear", y) for y in years))) if scenes else None
    parts = [read_part(folder.zone_by_scene(y)) for y in years] if scenes else []
    error = uncertainty.zone_error(config, ndvi.shape, weights, seen, parts, c.zone)
    limits = uncertainty.slope_limits(config, job.sensor, read_pair(folder.endmembers), folder.endmembers)
    codes = window(folder.classes(period))[0]
    classes = tuple(k.code for k in legend(config.trend.scheme) if k.code != 0)
    return class_bounds(ndvi, codes, weights, error, uncertainty.rule_of(config, period, limits), classes, config.uncertainty.level)


def _class_tables(job: Job, zones: Zones, coverages: dict[str, ZoneCoverage], period: tuple[int, int]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    trend = job.config.trend
    common = {"mine": job.config.mine, "sensor": job.sensor, "target": "absolute"} | _of_period(job, period)
    least = job.record.least_pixels
    counted = {z: areas.class_areas(read_window(job.folder.classes(period), c.rows, c.cols), c, least) for z, c in coverages.items()}
    usual = {z: areas.usual_n(read_window(job.folder.trend(period), c.rows, c.cols, BAND["n"]), c, least) for z, c in coverages.items()}
    rows: list[dict[str, Any]] = []
    groups: list[dict[str, Any]] = []
    for zone, coverage in coverages.items():
        named = common | {"zone": zone, "role": coverage.role}
        there = areas.total([counted[z] for z in zones.references[zone]])
        found = areas.area_rows(trend.scheme, trend.significance, counted[zone], there, usual[zone], named)
        rows += areas.with_bounds(found, _bounds(job, coverage, period))
        groups += areas.group_rows(trend.scheme, counted[zone], there, named | {"level": "zone"})
    for role in dict.fromkeys(c.role for c in coverages.values()):
        members = [z for z, c in coverages.items() if c.role == role]
        together = areas.total([counted[z] for z in members])
        there = areas.total([counted[r] for r in dict.fromkeys(r for z in members for r in zones.references[z])])
        groups += areas.group_rows(trend.scheme, together, there, common | {"level": "role", "zone": None, "role": role})
    return rows, groups
