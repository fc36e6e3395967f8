"""Weather of the seasons of one sensor's zones, and the trend of cover beside it: three tables, a chart, residual_trend.tif."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from pipeline.aoi import Zones, read_zones
from pipeline.attribution import source_line, title_of
from pipeline.coverage import ZoneCoverage, zone_coverages
from pipeline.errors import one_line
from pipeline.evaluation.climate import CLIMATE_COLUMNS, PRECIPITATION, TEMPERATURE, Weather, by_year, climate_rows
from pipeline.evaluation.climatechart import ZoneWeather, climate_chart
from pipeline.evaluation.climatefiles import read_all
from pipeline.evaluation.climatewords import PEAK_COLUMNS, peak_rows, peak_year
from pipeline.evaluation.residualraster import BANDS, UNITS, climates_of_cells, residual_block
from pipeline.evaluation.residualtable import RESIDUAL_COLUMNS, climate_matrix, residual_row
from pipeline.grid import native_grid
from pipeline.reader import kept_open, open_raster, open_stack
from pipeline.relative import compared_with, read_series
from pipeline.sheet import Words, save
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.styles import continuous_qml
from pipeline.tables import read_csv, write_csv
from pipeline.words import Text
from pipeline.writer import Band, RasterSpec, write_raster, write_text
from pipeline.zonetables import number

log = logging.getLogger("minegreen")
Seasons = dict[str, dict[str, dict[int, float | None]]]  # zone, quantity, year
SAID = Text(
    "Cover by year, and below it precipitation and temperature of the growing season minus their mean.",
    "逐年植被覆盖度，其下为生长季降水与气温的距平。",
)


def run(job: Job) -> None:
    """Write the tables, the chart and the raster."""
    config, folder, asked = job.config, job.folder, job.config.climate
    assert asked is not None  # the stage is made where the key is
    zones, years = read_zones(config, job.config_path), config.all_years
    weather = read_all(asked.paths(config, job.results), zones, config.season, years, asked.baseline)
    with open_raster(folder.ndvi(years[0])) as dataset:
        grid = native_grid(dataset)
    coverages = {c.zone: c for c in zone_coverages(zones, grid)}
    made = climate_table(job, coverages, weather)
    write_csv(folder.table("climate_by_zone"), CLIMATE_COLUMNS, made)
    fvc = read_csv(folder.table("fvc_by_zone"))
    cover = {zone: {int(r["year"]): number(r["fvc_mean"]) for r in fvc if r["zone"] == zone} for zone in coverages}
    seasons = {zone: quantities([r for r in made if r["zone"] == zone]) for zone in coverages}
    peaks = [row for zone, c in coverages.items() for row in peak_rows(_named(job, c), peak_year(cover[zone], seasons[zone]))]
    write_csv(folder.table("climate_peak_by_zone"), PEAK_COLUMNS, peaks)
    with kept_open(grid):
        write_csv(folder.table("residual_trend_by_zone"), RESIDUAL_COLUMNS, rows(job, coverages, seasons))
    _chart(job, zones, cover, {zone: quantities([r for r in made if r["zone"] == zone], "anomaly") for zone in coverages})
    _raster(job, grid, coverages, seasons)


def climate_table(job: Job, coverages: Mapping[str, ZoneCoverage], weather: list[Weather]) -> list[dict[str, Any]]:
    """Return the rows of climate_by_zone.csv, zone by zone."""
    config = job.config
    base = config.climate.baseline if config.climate else None
    return [row for zone, c in coverages.items() for row in climate_rows(_named(job, c), zone, weather, config.season, config.all_years, base)]


def rows(job: Job, coverages: Mapping[str, ZoneCoverage], seasons: Seasons) -> list[dict[str, Any]]:
    """Return the rows of residual_trend_by_zone.csv: every zone of `coverages`, every period. `coverages` may be parts of zones."""
    config, pair, out = job.config, read_pair(job.folder.endmembers), []
    variable = config.trend.variable
    for zone, c in coverages.items():
        series = read_series(job.folder, c, config.all_years, pair, scenes=job.has_scenes)
        for period in config.periods:
            named = _named(job, c) | {"variable": variable, "first_year": period[0], "last_year": period[1]}
            out.append(named | residual_row(series, period, variable, seasons[zone], config.trend.alpha.significant))
        log.info("climate: %s", one_line(zone))
    return out


def _named(job: Job, coverage: ZoneCoverage) -> dict[str, Any]:
    return {"mine": job.config.mine, "sensor": job.sensor, "zone": coverage.zone, "role": coverage.role}


def quantities(made: Sequence[Mapping[str, Any]], column: str = "amount") -> dict[str, dict[int, float | None]]:
    """Return precipitation and temperature of one zone's rows by year; what is not given is left out."""
    found = {name: by_year(made, name, column) for name in (PRECIPITATION, TEMPERATURE)}
    return {name: values for name, values in found.items() if values}


def _chart(job: Job, zones: Zones, cover: dict[str, dict[int, float | None]], anomalies: Seasons) -> None:
    config, years = job.config, tuple(job.config.all_years)
    compared = compared_with(zones)

    def filled(values: Mapping[int, float | None], times: float = 1.0) -> tuple[float, ...]:
        return tuple(np.nan if (v := values.get(year)) is None else times * v for year in years)

    shown = []
    for zone in cover:
        others = [name for name in compared[zone] if name != zone]
        reference = filled(cover[others[0]], 100) if len(others) == 1 else ()
        shown.append(ZoneWeather(zone, years, filled(cover[zone], 100), {name: filled(v) for name, v in anomalies[zone].items()}, reference))
    source = source_line(config, job.sensor, (years[0], years[-1]), synthetic=job.synthetic)
    words = Words(title_of(config, "vegetation cover and weather by zone", job.sensor), (SAID,), (source,))
    save(climate_chart(shown, words), job.folder.root / "climate_by_zone.png")


def _raster(job: Job, grid: Any, coverages: Mapping[str, ZoneCoverage], seasons: Seasons) -> None:
    """Write residual_trend.tif: the partial trend of every cell over all years, with the weather of the zone that covers most of it."""
    import dask.array as da

    config, years = job.config, job.config.all_years
    matrices = {zone: climate_matrix(values, years) for zone, values in seasons.items()}
    number_of, climates = climates_of_cells(list(coverages.values()), matrices, grid.shape)
    stack = open_stack({y: job.folder.ndvi(y) for y in years}, job.block)
    pair = read_pair(job.folder.endmembers) if config.trend.variable == "fvc" else None
    where = da.from_array(number_of[None], chunks=(1, *stack.chunks[1:]))
    times = np.array(years, np.float64)

    def one_block(ndvi: np.ndarray, place: np.ndarray) -> np.ndarray:
        return residual_block(ndvi, times, place[0], climates, pair)

    result = da.map_blocks(one_block, stack.data, where, dtype=np.float32, chunks=((len(BANDS),), *stack.chunks[1:]))
    predictors = next(iter(seasons.values()))
    tags = job.tags("climate", period=f"{years[0]}-{years[-1]}", variable=config.trend.variable, predictors=" ".join(predictors))
    spec = RasterSpec(tuple(Band(name, UNITS.get(name, "")) for name in BANDS), "float32", float("nan"), tags)
    path = job.folder.root / "residual_trend.tif"
    with job.computing("trend beside climate"):
        write_raster(path, result, grid, spec)
    write_text(path.with_suffix(".qml"), continuous_qml("slope"))
