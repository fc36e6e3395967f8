"""Pit lakes of every zone and year, and the type of its succession: pit_lakes_by_zone.csv, pit_lakes_by_zone.png."""

from __future__ import annotations

import logging
from typing import Any

from pipeline.aoi import read_zones
from pipeline.attribution import source_line, title_of
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.errors import one_line
from pipeline.evaluation.pitlaketable import COLUMNS, lake_row
from pipeline.evaluation.pitlakewords import water_by_year
from pipeline.evaluation.yearlyareas import area_panels
from pipeline.grid import native_grid
from pipeline.reader import kept_open, open_raster, read_window
from pipeline.sheet import Words, save
from pipeline.stages.job import Job
from pipeline.tables import read_csv, write_csv
from pipeline.words import Text

log = logging.getLogger("minegreen")
NAME = "pit_lakes_by_zone"
CAPTION = Text("Water of each zone: cells that are water in at least half of a year's clear observations.", "各区水体：一年中至少半数晴空观测为水体的像元。")


def run(job: Job) -> None:
    """Write the table and the chart."""
    zones = read_zones(job.config, job.config_path)
    with open_raster(job.folder.observed("water", job.config.years.first)) as dataset:
        grid = native_grid(dataset)
    with kept_open(grid):
        made = rows(job, {c.zone: c for c in zone_coverages(zones, grid)})
    write_csv(job.folder.table(NAME), COLUMNS, made)
    years = job.config.all_years
    source = source_line(job.config, job.sensor, (years[0], years[-1]), synthetic=job.synthetic)
    words = Words(title_of(job.config, "pit lakes", job.sensor), (CAPTION,), (source,))
    save(area_panels(water_by_year(read_csv(job.folder.table(NAME))), "ha", words, "No zone has water in any year."), job.folder.root / f"{NAME}.png")


def rows(job: Job, coverages: dict[str, ZoneCoverage]) -> list[dict[str, Any]]:
    """Return the rows of zones, or of parts of zones, year by year; lakes of a part are patches within it."""
    config, asked, made = job.config, job.config.water, []
    assert asked is not None  # the stage is made where the key is
    for zone, c in coverages.items():
        named = {"mine": config.mine, "sensor": job.sensor, "zone": zone, "role": c.role}
        for year in config.all_years:
            share = read_window(job.folder.observed("water", year), c.rows, c.cols)
            made.append(named | {"year": year} | lake_row(share, c.area_m2, asked))
        log.info("water: %s", one_line(zone))
    return made
