"""Footprint of the mine in every year: footprint_by_year.csv, footprint.tif of the last year that is known, and figures."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from pipeline.aoi import Zones, read_zones
from pipeline.attribution import source_line, title_of
from pipeline.config_footprint import Footprint
from pipeline.coverage import ZoneCoverage, touched_cells, zone_coverages
from pipeline.evaluation.cellareas import cell_areas_m2, cell_sides_m
from pipeline.evaluation.footprintinputs import boundary_zones, check_footprint_inputs, polygon_share, reference_zones
from pipeline.evaluation.footprintmap import colour_table, footprint_map, footprint_qml
from pipeline.evaluation.footprintseries import area_by_year
from pipeline.evaluation.footprinttable import COLUMNS, WATER_SHARE, Found, Site, codes_of, footprint_of, reference_mean, year_rows
from pipeline.evaluation.yearlyareas import area_panels
from pipeline.grid import ground_cell_m, native_grid
from pipeline.maps import MOST_PIXELS, step_of
from pipeline.previews import coarse
from pipeline.reader import kept_open, open_raster, read_every, read_window
from pipeline.sheet import Words, save
from pipeline.stages.job import Job
from pipeline.tables import read_csv, write_csv
from pipeline.upright import read_upright, upright
from pipeline.words import Text
from pipeline.writer import Band, RasterSpec, raster_target, write_text

log = logging.getLogger("minegreen")
NAME, RASTER = "footprint_by_year", "footprint.tif"


def run(job: Job) -> None:
    """Write the table, the raster with its style, the map and the chart."""
    asked = job.config.footprint
    assert asked is not None  # the stage is made where the key is
    zones = read_zones(job.config, job.config_path)
    with open_raster(job.folder.fvc(job.config.years.first)) as dataset:
        grid = native_grid(dataset)
    check_footprint_inputs(job.config, job.config_path, zones, {job.sensor: grid})
    coverages = {c.zone: c for c in zone_coverages(zones, grid)}
    mine = boundary_zones(job.config, job.config_path, zones)
    side = ground_cell_m(grid)
    site = Site(touched_cells((coverages[z] for z in mine), grid.shape), cell_areas_m2(grid), cell_sides_m(grid) or (side, side))
    with kept_open(grid):
        made, year, codes = _years(job, asked, site, grid, [coverages[z] for z in reference_zones(job.config, zones)])
    write_csv(job.folder.table(NAME), COLUMNS, made)
    _write_raster(job, grid, codes, year)
    _draw(job, zones, grid, year, mine)


def _years(job: Job, asked: Footprint, site: Site, grid: Any, references: list[ZoneCoverage]) -> tuple[list[dict[str, Any]], int, np.ndarray]:
    """Return the rows of all years, and the last year that is known with its codes; without any, the last."""
    config, shape, named = job.config, site.boundary.shape, {"mine": job.config.mine, "sensor": job.sensor}
    whole = (slice(0, shape[0]), slice(0, shape[1]))
    rows: list[dict[str, Any]] = []
    year, shown = config.years.last, Found(None, None)
    for each in config.all_years:
        fvc = read_window(job.folder.fvc(each), *whole)
        wet = np.zeros(shape, bool)
        if job.has_scenes:
            with np.errstate(invalid="ignore"):
                wet = (read_window(job.folder.observed("water", each), *whole) >= WATER_SHARE) & np.isnan(fvc)
        mean = None
        if references and asked.distance_m is not None:
            cover = np.concatenate([fvc[c.rows, c.cols][c.touched] for c in references])
            mean = reference_mean(cover, np.concatenate([c.area_m2[c.touched] for c in references]))
        found = footprint_of(fvc, wet, mean, site, asked)
        if found.excavated is not None:
            year, shown = each, found
        shares: dict[str, tuple[str, np.ndarray]] = {p.kind: (p.path, polygon_share(p, i, grid)) for i, p in enumerate(asked.polygons) if p.year == each}
        rows += [row | named for row in year_rows(found, each, site, asked, shares, config.years.last)]
        log.info("footprint: %s", each)
    return rows, year, codes_of(shown, shape)


def _write_raster(job: Job, grid: Any, codes: np.ndarray, year: int) -> None:
    """Write footprint.tif with its style."""
    path, asked = job.folder.root / RASTER, job.config.footprint
    assert asked is not None
    rule = f"bare below {asked.bare_below:g}, connectivity {asked.connectivity}"
    if asked.distance_m is not None:
        rule += f"; affected within {asked.distance_m:g} m below {asked.relative_below:g} of the reference"
    tags = job.tags("footprint", year=str(year), codes="1 excavated, 2 affected, 3 may be either", rule=rule)
    with raster_target(path, grid, RasterSpec((Band("footprint"),), "uint8", 0, tags, colour_table())) as target:
        target.put(slice(0, grid.shape[0]), slice(0, grid.shape[1]), codes[None])
    write_text(path.with_suffix(".qml"), footprint_qml())


def _draw(job: Job, zones: Zones, grid: Any, year: int, mine: list[str]) -> None:
    """Write the map of the year and the chart of all years."""
    config, path, cover = job.config, job.folder.root / RASTER, job.folder.fvc(year)
    span, synthetic = (config.years.first, config.years.last), job.synthetic
    rows = read_csv(job.folder.table(NAME))
    shown, of, step, source = upright(grid, zones), grid, step_of(grid.shape), [source_line(config, job.sensor, (year, year), synthetic=synthetic)]
    if shown is grid:
        codes, fvc = read_every(path, step), read_every(cover, step)
        if step > 1:
            shown = of = coarse(grid, MOST_PIXELS)
            source.append(f"Shown at 1:{step}: one cell of {step} x {step}.")
    else:
        codes, fvc = (read_upright(p, (1,), shown)[0] for p in (path, cover))
    words = Words(title_of(config, f"footprint {year}", job.sensor), (_rule(config.footprint, mine),), tuple(source))
    save(footprint_map(np.nan_to_num(codes).astype(np.uint8), fvc, shown, zones, words, of), job.folder.root / "footprint.png")
    line = source_line(config, job.sensor, span, synthetic=synthetic)
    words = Words(title_of(config, "footprint by year", job.sensor), (_rule(config.footprint, mine),), (line,))
    save(area_panels(area_by_year(rows), "km²", words, ""), job.folder.root / f"{NAME}.png")


def _rule(asked: Footprint | None, mine: list[str]) -> Text:
    assert asked is not None
    names, more = mine[:4], len(mine) - 4
    en = f"Excavated: cover below {asked.bare_below:g}, connected with {', '.join(names)}{f' and {more} more' if more > 0 else ''}."
    zh = f"挖损：覆盖度低于 {asked.bare_below:g} 且与{'、'.join(names)}{f'等 {len(mine)} 区' if more > 0 else ''}相连。"
    if asked.distance_m is not None:
        en += f" Affected: within {asked.distance_m:g} m, cover more than {abs(asked.relative_below or 0):g} below the reference."
        zh += f" 受影响：{asked.distance_m:g} m 以内，覆盖度比参照区低 {abs(asked.relative_below or 0):g} 以上。"
    return Text(en, zh)
