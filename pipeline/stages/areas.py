"""All tables of one sensor: areas by class, groups, cover per zone and year, changes, zone trends."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline import areas, zonestats
from pipeline.aoi import Zones, read_zones
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.grid import native_grid
from pipeline.kernels.kendall import OUTPUTS
from pipeline.reader import open_raster, read_window
from pipeline.stages.endmembers import read_pair
from pipeline.stages.job import Job
from pipeline.tables import write_csv

BAND = {name: i for i, name in enumerate(OUTPUTS, 1)}


def run(job: Job) -> None:
    """Write the five CSV tables of the sensor."""
    config, folder = job.config, job.folder
    zones = read_zones(config, job.config_path)
    with open_raster(folder.ndvi(config.years.first)) as dataset:
        coverages = {c.zone: c for c in zone_coverages(zones, native_grid(dataset))}
    pair = read_pair(folder.endmembers)
    series = {
        zone: zonestats.ZoneSeries(c, np.stack([read_window(folder.ndvi(y), c.rows, c.cols) for y in config.all_years]), config.all_years, pair)
        for zone, c in coverages.items()
    }
    base = {"mine": config.mine, "sensor": job.sensor}
    named = {zone: base | {"zone": zone, "role": c.role} for zone, c in coverages.items()}
    write_csv(folder.table("fvc_by_zone"), zonestats.FVC_COLUMNS, [r for z, s in series.items() for r in s.annual_rows(named[z])])
    changes = [r for z, s in series.items() for r in zonestats.change_rows(s, [series[x] for x in zones.references[z]], named[z])]
    write_csv(folder.table("fvc_change_by_zone"), zonestats.CHANGE_COLUMNS, changes)
    area_rows: list[dict[str, Any]] = []
    group_rows: list[dict[str, Any]] = []
    trend_rows: list[dict[str, Any]] = []
    for period in config.periods:
        of_period = {"variable": config.trend.variable, "first_year": period[0], "last_year": period[1], "test": config.trend.test}
        a, g = _class_tables(job, zones, coverages, period, base | of_period | {"target": "absolute"})
        area_rows += a
        group_rows += g
        for zone, c in coverages.items():
            slope, s = (read_window(folder.trend(period), c.rows, c.cols, BAND[name]) for name in ("slope", "s"))
            row = zonestats.trend_row(series[zone], period, config.trend.variable, config.trend.significance, slope, s)
            trend_rows.append(named[zone] | of_period | row)
    write_csv(folder.table("trend_area_by_zone"), areas.AREA_COLUMNS, area_rows)
    write_csv(folder.table("trend_groups_by_zone"), areas.GROUP_COLUMNS, group_rows)
    write_csv(folder.table("trend_by_zone"), zonestats.TREND_COLUMNS, trend_rows)


def _class_tables(
    job: Job, zones: Zones, coverages: dict[str, ZoneCoverage], period: tuple[int, int], common: dict[str, Any]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    trend = job.config.trend
    counted = {z: areas.class_areas(read_window(job.folder.classes(period), c.rows, c.cols), c) for z, c in coverages.items()}
    usual = {z: areas.usual_n(read_window(job.folder.trend(period), c.rows, c.cols, BAND["n"]), c) for z, c in coverages.items()}
    rows: list[dict[str, Any]] = []
    groups: list[dict[str, Any]] = []
    for zone, coverage in coverages.items():
        named = common | {"zone": zone, "role": coverage.role}
        there = areas.total([counted[z] for z in zones.references[zone]])
        rows += areas.area_rows(trend.scheme, trend.significance, counted[zone], there, usual[zone], named)
        groups += areas.group_rows(trend.scheme, counted[zone], there, named | {"level": "zone"})
    for role in dict.fromkeys(c.role for c in coverages.values()):
        members = [z for z, c in coverages.items() if c.role == role]
        together = areas.total([counted[z] for z in members])
        there = areas.total([counted[r] for r in dict.fromkeys(r for z in members for r in zones.references[z])])
        groups += areas.group_rows(trend.scheme, together, there, common | {"level": "role", "zone": None, "role": role})
    return rows, groups
