"""Tables of one sensor by stratum of each zone: strata_by_zone.csv, those of areas and of other evaluations by stratum, fvc_by_stratum.png."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipeline.aoi import Zones, read_zones
from pipeline.attribution import source_line, title_of
from pipeline.config_dem import dem_file
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.errors import one_line
from pipeline.evaluation.dem import check_covers, open_dem
from pipeline.evaluation.landmaps import same_grid
from pipeline.evaluation.recoverytable import COLUMNS as RECOVERY_COLUMNS
from pipeline.evaluation.recoverytable import NO_SCENES
from pipeline.evaluation.strata import TerrainRules
from pipeline.evaluation.stratachart import strata_chart
from pipeline.evaluation.stratified import Stratified, by_landform, by_terrain
from pipeline.evaluation.stratumtables import OF_ZONES, TABLES
from pipeline.grid import native_grid
from pipeline.reader import kept_open, open_raster
from pipeline.sheet import Words, save
from pipeline.stages import areas, breaks, climate, landcover, recovery, water
from pipeline.stages.job import Job
from pipeline.tables import read_csv, write_csv
from pipeline.words import Text

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

log = logging.getLogger("minegreen")
NO_INTERVAL = "no interval: the error of a year is known of whole zones only"


def run(job: Job) -> None:
    """Write the tables and the chart."""
    config, folder = job.config, job.folder
    zones = read_zones(config, job.config_path)
    with open_raster(folder.ndvi(config.years.first)) as dataset:
        grid = native_grid(dataset)
    with kept_open(grid):
        coverages = {c.zone: c for c in zone_coverages(zones, grid)}
        found = strata(job, zones, grid, coverages)
        made = _by_stratum(job, zones, grid, coverages, found)
        if "landcover" in {e.key for e in config.evaluations_of(job.sensor)}:
            made |= landcover.rows_by_stratum(job, zones, _on_grids(job, zones, grid, found))
    write_csv(folder.table("strata_by_zone"), TABLES["strata_by_zone"], found.rows({"mine": config.mine, "sensor": job.sensor}))
    for name, table in OF_ZONES.items():
        write_csv(folder.table(table), TABLES[table], _ordered(made[name], zones))
    source = source_line(config, job.sensor, (config.years.first, config.years.last), synthetic=job.synthetic)
    caption = Text("Mean cover of each zone by stratum and year.", "各区按分层的逐年平均植被覆盖度。")
    words = Words(title_of(config, "cover by stratum", job.sensor), (caption,), (source,))
    shown = read_csv(folder.table("fvc_by_stratum"))
    save(strata_chart(shown, [n for n in found.names if any(n in parts for parts in found.parts.values())], words), folder.root / "fvc_by_stratum.png")


def strata(job: Job, zones: Zones, grid: GeoBox, coverages: dict[str, ZoneCoverage]) -> Stratified:
    """Return the strata of all zones on a sensor's grid, as configured."""
    asked = job.config.strata
    assert asked is not None  # the stage is made where the key is
    path = dem_file(asked.dem, job.config, job.results)
    if path is None:
        return by_landform(grid, zones, coverages)
    dem = open_dem(path)
    with closing(dem.dataset):
        check_covers(dem, zones)
        rules = TerrainRules(asked.platform_below_deg, asked.steep_from_deg, asked.sunny_deg)
        return by_terrain(dem, grid, zones, coverages, rules)


def _on_grids(job: Job, zones: Zones, grid: GeoBox, found: Stratified) -> Callable[[GeoBox], Stratified]:
    """Return what gives the strata on any grid, as land-cover maps have grids of their own; each is made once."""
    known = [(grid, found)]

    def on(other: GeoBox) -> Stratified:
        there = next((of for one, of in known if same_grid(one, other)), None)
        if there is None:
            there = strata(job, zones, other, {c.zone: c for c in zone_coverages(zones, other)})
            known.append((other, there))
        return there

    return on


def _by_stratum(job: Job, zones: Zones, grid: GeoBox, coverages: dict[str, ZoneCoverage], found: Stratified) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of every table, one stratum after the other, each with its stratum."""
    tables = areas.ZoneTables(job, grid, zones, coverages)
    asked = {e.key for e in job.config.evaluations_of(job.sensor)}
    weather = read_csv(job.folder.table("climate_by_zone")) if "climate" in asked else []
    seasons = {zone: climate.quantities([r for r in weather if r["zone"] == zone]) for zone in coverages}
    made: dict[str, list[dict[str, Any]]] = {name: [] for name in OF_ZONES}
    for stratum in found.names:
        own, parts, shown = found.of(stratum, zones)
        if not shown:
            continue
        of_stratum = tables.rows(own, parts, shown)
        alone = {zone: part for zone, part in parts.items() if zone in shown}
        if "recovery" in asked:
            of_stratum["recovery_by_zone"] = [_told(row) for row in recovery.rows(job, own, parts, scenes=False)[0] if row["zone"] in shown]
        if "climate" in asked:
            of_stratum["residual_trend_by_zone"] = climate.rows(job, alone, seasons)
        if "water" in asked:
            of_stratum["pit_lakes_by_zone"] = water.rows(job, alone)
        if "breaks" in asked:
            of_stratum["breaks_by_zone"], of_stratum["break_years_by_zone"] = breaks.rows(job, alone)
        for name, rows in made.items():
            rows += [row | {"stratum": stratum} for row in of_stratum.get(name, [])]
        log.info("strata: %s", one_line(stratum))
    return made


def _told(row: dict[str, Any]) -> dict[str, Any]:
    """Return a row of recovery with all columns, and its own reason where a year has no interval."""
    whole = {name: row.get(name) for name in RECOVERY_COLUMNS}
    return whole | {"note": NO_INTERVAL} if whole["note"] == NO_SCENES else whole


def _ordered(rows: Iterable[dict[str, Any]], zones: Zones) -> list[dict[str, Any]]:
    """Return rows zone by zone as in the file, the strata of each in their order; rows of all zones of a role last."""
    place = {zone: i for i, zone in enumerate(zones.names)}
    return sorted(rows, key=lambda row: place.get(row["zone"], len(place)))
