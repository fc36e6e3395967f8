"""Land cover of one sensor's zones and of the whole mine: landcover_by_year.csv, landcover_transitions.csv, landcover_baseline.csv, two figures."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.aoi import Zones, read_zones
from pipeline.attribution import source_line, title_of
from pipeline.config_landcover import Landcover, LandRule
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.errors import one_line
from pipeline.evaluation.landcharts import by_year_chart, transition_chart
from pipeline.evaluation.landclasses import WATER, rule_codes
from pipeline.evaluation.landmaps import LandMap, check_land, open_maps, same_grid
from pipeline.evaluation.landtables import BASELINE_COLUMNS, BY_YEAR_COLUMNS, MINE, TRANSITION_COLUMNS, ZONE, Ground, land_rows, pairs_of
from pipeline.evaluation.stratified import Stratified
from pipeline.evaluation.wholemine import own_zones, share_inside, together
from pipeline.grid import native_grid
from pipeline.reader import open_raster, read_window
from pipeline.sheet import Words, save
from pipeline.stages.job import Job
from pipeline.tables import read_csv, write_csv
from pipeline.words import Text

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

log = logging.getLogger("minegreen")
BY_YEAR, TRANSITIONS, BASELINE = "landcover_by_year", "landcover_transitions", "landcover_baseline"


def run(job: Job) -> None:
    """Write the tables and the figures."""
    asked = job.config.landcover
    assert asked is not None  # the stage is made where the key is
    zones = read_zones(job.config, job.config_path)
    check_land(job.config, job.config_path, zones)
    years = asked.years_of(job.config, job.sensor)
    grounds, names = classified(job, zones)
    pairs = asked.transitions
    if pairs is None:
        whole = next((g for g in grounds if g.named["level"] == MINE), grounds[0])
        pairs = tuple(pairs_of(whole, years, names, asked.mining_code))
    tables: tuple[list[dict[str, Any]], ...] = ([], [], [])
    for ground in grounds:
        for held, rows in zip(tables, land_rows(ground, years, names, pairs), strict=True):
            held += [{"mine": job.config.mine, "sensor": job.sensor, **row} for row in rows]
        log.info("land cover: %s", one_line(str(ground.named["zone"] or "the whole mine")))
    for name, columns, rows in zip((BY_YEAR, TRANSITIONS, BASELINE), (BY_YEAR_COLUMNS, TRANSITION_COLUMNS, BASELINE_COLUMNS), tables, strict=True):
        write_csv(job.folder.table(name), columns, rows)
    _figures(job, asked, years, "all zones that are no reference together" if own_zones(zones) else zones.names[0])


def classified(job: Job, zones: Zones) -> tuple[list[Ground], dict[int, str]]:
    """Return every zone, and the mine, with its codes of each year; and the classes that the codes can be."""
    asked = job.config.landcover
    assert asked is not None
    if asked.rule is None:
        maps = open_maps(asked.maps(job.config), zones, asked.names, job.config_path)
        return list(of_maps(zones, maps, asked)), dict(asked.names)
    wet = _water_known(job, asked.years_of(job.config, job.sensor))
    return list(by_rule(job, zones, asked.rule, wet=wet)), {code: name for code, name in asked.names.items() if code != WATER or wet}


def rows_by_stratum(job: Job, zones: Zones, strata: Callable[[GeoBox], Stratified]) -> dict[str, list[dict[str, Any]]]:
    """Return the rows of the three tables of zones by stratum, zone by zone, from the codes of whole zones; the years compared are those of the mine.

    `strata` returns the strata of all zones on a grid. Where the maps lie on different grids, strata are cut anew on each, so that their areas differ from
    year to year: there are no rows of the baseline, and a stratum has the years in which it has ground; both are logged.
    """
    asked = job.config.landcover
    assert asked is not None
    years, (grounds, names) = asked.years_of(job.config, job.sensor), classified(job, zones)
    done = read_csv(job.folder.table(TRANSITIONS))
    pairs = list(dict.fromkeys((int(r["first_year"]), int(r["last_year"])) for r in done))
    made: dict[str, list[dict[str, Any]]] = {BY_YEAR: [], TRANSITIONS: [], BASELINE: []}
    one_grid = all(same_grid(grounds[0].grid(years[0]), grounds[0].grid(year)) for year in years)
    on = dict.fromkeys(years, strata(grounds[0].grid(years[0]))) if one_grid else {year: strata(grounds[0].grid(year)) for year in years}
    if not one_grid:
        log.warning("land cover: maps lie on different grids: areas of a stratum differ between them, so that %s is empty", f"{BASELINE}_by_stratum.csv")
    for ground in grounds:
        zone = ground.named["zone"]
        if ground.named["level"] != ZONE or zone is None:
            continue
        codes = {year: ground.read(year)[0] for year in years}
        for stratum in on[years[0]].names:
            areas = {year: on[year].parts[zone][stratum].area_m2 for year in years if stratum in on[year].parts[zone]}
            if not areas:
                continue
            if lacking := [str(year) for year in years if year not in areas]:
                log.warning("land cover: %s has no ground on the map of %s", one_line(f"{zone}: {stratum}"), ", ".join(lacking))
            part = Ground(ground.named, partial(_of_year, codes, areas), ground.grid)
            for held, rows in zip(made.values(), land_rows(part, list(areas), names, pairs, since_first=one_grid), strict=True):
                held += [{"mine": job.config.mine, "sensor": job.sensor, "stratum": stratum, **row} for row in rows]
    return made


def _of_year(codes: dict[int, np.ndarray], areas: dict[int, np.ndarray], year: int) -> tuple[np.ndarray, np.ndarray]:
    return codes[year], areas[year]


def of_maps(zones: Zones, maps: dict[int, LandMap], asked: Landcover) -> Iterator[Ground]:
    """Return every zone, and the mine, on the grids of the maps: coverage of cells is exact, nothing is resampled."""
    units = [(ZONE, name, zones.role(name)) for name in zones.names]
    whole = together(zones, own_zones(zones)) if own_zones(zones) else None
    covered: list[tuple[Any, dict[str | None, ZoneCoverage]]] = []
    of_year: dict[int, dict[str | None, ZoneCoverage]] = {}
    for year, land in maps.items():
        found = next((of for grid, of in covered if same_grid(grid, land.grid)), None)
        if found is None:
            found = {c.zone: c for c in zone_coverages(zones, land.grid)}
            found |= {None: zone_coverages(whole, land.grid)[0]} if whole is not None else {}
            covered.append((land.grid, found))
        of_year[year] = found

    def read(zone: str | None, year: int) -> tuple[np.ndarray, np.ndarray]:
        c = of_year[year][zone]
        return maps[year].codes(c.rows, c.cols, c.touched, asked.names, asked.nodata), c.area_m2

    for level, name, role in units:
        yield Ground({"level": level, "zone": name, "role": role}, partial(read, name), lambda year: maps[year].grid)
    if whole is not None:
        yield Ground({"level": MINE, "zone": None, "role": None}, partial(read, None), lambda year: maps[year].grid)


def by_rule(job: Job, zones: Zones, rule: LandRule, *, wet: bool) -> Iterator[Ground]:
    """Return every zone, and the mine, on the sensor's grid, classified by the rule; `wet`: whether water is known."""
    with open_raster(job.folder.fvc(job.config.years.first)) as dataset:
        grid = native_grid(dataset)
    own = own_zones(zones)
    boundary = own if rule.boundary is None else rule.boundary
    units: list[tuple[str, str | None, str | None, Zones]] = [(ZONE, name, zones.role(name), together(zones, [name])) for name in zones.names]
    units += [(MINE, None, None, together(zones, own))] if own else []
    bounds = rule.model_dump(exclude={"boundary"})

    def read(c: ZoneCoverage, inside: np.ndarray, year: int) -> tuple[np.ndarray, np.ndarray]:
        cover = np.where(c.touched, read_window(job.folder.fvc(year), c.rows, c.cols), np.nan)
        water = None
        if wet:
            water = c.touched & np.isnan(cover) & (read_window(job.folder.observed("water", year), c.rows, c.cols) >= 0.5)
        return rule_codes(cover, inside, water, **bounds), c.area_m2

    for level, name, role, zone in units:
        (c,) = zone_coverages(zone, grid)
        inside = share_inside(zones, zone, boundary, c, grid)
        yield Ground({"level": level, "zone": name, "role": role}, partial(read, c, inside), lambda _: grid)


def _water_known(job: Job, years: list[int]) -> bool:
    """Return whether the images tell water: prepared composites do not, nor do scenes whose quality layer has no such class."""
    if not job.has_scenes:
        return False
    for year in years:
        with open_raster(job.folder.observed("water", year)) as dataset:
            shape = dataset.shape
        if np.isfinite(read_window(job.folder.observed("water", year), slice(0, shape[0]), slice(0, shape[1]))).any():
            return True
    return False


def _figures(job: Job, asked: Landcover, years: list[int], whole: str) -> None:
    config, scheme = job.config, asked.scheme
    if asked.rule is not None:
        source = source_line(config, job.sensor, (years[0], years[-1]), synthetic=job.synthetic)
        how = f"Classes by rule: mining below cover {asked.rule.bare_below:g} inside the boundary; grassland medium from {asked.rule.medium_from:g}, high "
        lines: tuple[str, ...] = (f"{how}from {asked.rule.high_from:g}.", source)
    else:
        lines = (f"Land-cover maps: {scheme.title if scheme else 'classes named in the config'}.",)
    rows = read_csv(job.folder.table(BY_YEAR))
    mining = asked.names.get(asked.mining_code) if asked.mining_code is not None else None
    caption = Text(f"Area of each class by year, of {whole}.", "各类别逐年面积。")
    words = Words(title_of(config, "land cover by year", job.sensor), (caption,), lines)
    save(by_year_chart(rows, scheme, mining, words), job.folder.root / f"{BY_YEAR}.png")
    caption = Text(f"What became what between the years written above the columns, of {whole}.", "柱上所标年份之间的类别转移。")
    words = Words(title_of(config, "land-cover transitions", job.sensor), (caption,), lines)
    save(transition_chart(read_csv(job.folder.table(TRANSITIONS)), scheme, mining, words), job.folder.root / f"{TRANSITIONS}.png")
