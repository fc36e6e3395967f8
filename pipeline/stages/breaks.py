"""When did it change: breaks.tif, breaks_by_zone.csv, break_years_by_zone.csv, the maps of both years and the chart of the zones."""

from __future__ import annotations

import logging
from typing import Any

import numpy as np

from pipeline.aoi import Zones, read_zones
from pipeline.attribution import source_line, title_of
from pipeline.config import Config
from pipeline.config_breaks import Breaks
from pipeline.coverage import ZoneCoverage, touched_cells, zone_coverages
from pipeline.errors import one_line
from pipeline.evaluation.breakchart import break_chart
from pipeline.evaluation.breakmap import year_map
from pipeline.evaluation.breakraster import BANDS, NAMES, break_bands
from pipeline.evaluation.breaks import fewest
from pipeline.evaluation.breaktable import COLUMNS, YEAR_COLUMNS, ZoneBreaks, break_rows
from pipeline.grid import native_grid
from pipeline.maps import step_of
from pipeline.reader import kept_open, open_raster, open_stack, read_every, read_window
from pipeline.relative import read_series
from pipeline.sheet import Words, save
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.styles import year_qml
from pipeline.tables import read_csv, write_csv
from pipeline.upright import read_upright, upright
from pipeline.words import Text
from pipeline.writer import RasterSpec, write_raster, write_text

log = logging.getLogger("minegreen")
NAME, YEARS, RASTER = "breaks_by_zone", "break_years_by_zone", "breaks.tif"
LEAST_BLOCK, PER_THREAD = 64, 4  # a cell costs a thousand times its reading: a small grid is cut finer, so that every thread has blocks
LEVEL = Text(
    "Shown where p is at most {level:g}: of cells without a break about {share:g} % show one.",
    "仅显示 p 不大于 {level:g} 者；无突变的像元约有 {share:g} % 也会出现。",
)
EDGES = Text(
    "A break needs {least} values on each side: read {first} as that year or earlier, {last} as that year or later.",
    "突变两侧各需 {least} 个值：{first} 年应读作该年或更早，{last} 年应读作该年或更晚。",
)


def run(job: Job) -> None:
    """Write the raster with its style, the tables, the maps and the chart."""
    asked = job.config.breaks
    assert asked is not None  # the stage is made where the key is
    zones = read_zones(job.config, job.config_path)
    with open_raster(job.folder.ndvi(job.config.years.first)) as dataset:
        grid = native_grid(dataset)
    coverages = {c.zone: c for c in zone_coverages(zones, grid)}
    _write_raster(job, asked, grid, coverages)
    with kept_open(grid):
        made, by_year = rows(job, coverages)
    write_csv(job.folder.table(NAME), COLUMNS, made)
    write_csv(job.folder.table(YEARS), YEAR_COLUMNS, by_year)
    _draw_maps(job, asked, grid, zones)
    caption = Text(
        "Mean of each zone with the lines of its break, and the years of its cells by area.", "各区均值及其突变前后的直线，以及像元突变年份的面积分布。"
    )
    words = Words(title_of(job.config, "when it changed", job.sensor), (caption, _level(asked)), (_source(job, asked),))
    save(break_chart(read_csv(job.folder.table(NAME)), read_csv(job.folder.table(YEARS)), words), job.folder.root / f"{NAME}.png")


def rows(job: Job, coverages: dict[str, ZoneCoverage]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of both tables, of zones or parts of zones; breaks.tif must be there."""
    config, folder, asked = job.config, job.folder, job.config.breaks
    assert asked is not None
    pair, period = read_pair(folder.endmembers), asked.period(config)
    years, bands = list(range(period[0], period[1] + 1)), [NAMES.index(name) + 1 for name in ("disturbance", "recovery", "recovery_by")]
    made: list[dict[str, Any]] = []
    by_year: list[dict[str, Any]] = []
    for zone, c in coverages.items():
        series = read_series(folder, c, years, pair, scenes=job.has_scenes)
        used, values, common = series.period(*period, config.trend.variable)
        cells = [read_window(folder.root / RASTER, c.rows, c.cols, band)[c.touched] for band in bands]
        found = ZoneBreaks(tuple(used), values, series.share(common), series.weights, *cells)
        named = {"mine": config.mine, "sensor": job.sensor, "variable": config.trend.variable, "zone": zone, "role": c.role}
        row, of_years = break_rows(found, asked, period, named)
        made.append(row)
        by_year += of_years
        log.info("breaks: %s", one_line(zone))
    return made, by_year


def block_side(shape: tuple[int, int], most: int, threads: int) -> int:
    """Return the side of the blocks: halved from `most` until each thread has some.

    >>> block_side((10_000, 10_000), 512, 8), block_side((400, 300), 512, 8), block_side((50, 50), 512, 8)
    (512, 64, 64)
    """
    while most > LEAST_BLOCK and -(-shape[0] // most) * -(-shape[1] // most) < PER_THREAD * threads:
        most //= 2
    return most


def _write_raster(job: Job, asked: Breaks, grid: Any, coverages: dict[str, ZoneCoverage]) -> None:
    """Write breaks.tif: of the cells that a zone touches, or with `grid.clip: box` of all."""
    import dask.array as da

    from pipeline.kernels.pixels import cover

    first, last = asked.period(job.config)
    pair = read_pair(job.folder.endmembers) if job.config.trend.variable == "fvc" else None
    stack = open_stack({y: job.folder.ndvi(y) for y in range(first, last + 1)}, block_side(grid.shape, job.block, job.threads))
    chosen = touched_cells(coverages.values(), grid.shape) if job.config.grid.clip == "zones" else np.ones(grid.shape, bool)
    inside = da.from_array(chosen[None], chunks=(1, *stack.chunks[1:]))
    years = np.arange(first, last + 1, dtype=np.float64)

    def one_block(ndvi: np.ndarray, inside: np.ndarray) -> np.ndarray:
        out = np.full((len(BANDS), *ndvi.shape[1:]), np.nan, np.float32)
        if inside.any():
            values = ndvi[:, inside[0]]
            out[:, inside[0]] = break_bands(values if pair is None else cover(values, pair.soil, pair.vegetation), years, asked)
        return out

    result = da.map_blocks(one_block, stack.data, inside, dtype=np.float32, chunks=((len(BANDS),), *stack.chunks[1:]))
    tags = job.tags(
        "breaks", period=f"{first}-{last}", variable=job.config.trend.variable, method=asked.method, shown_at=f"{asked.level:g}", least=str(asked.least)
    )
    path = job.folder.root / RASTER
    with job.computing(f"breaks {first}-{last}"):
        write_raster(path, result, grid, RasterSpec(BANDS, "float32", float("nan"), tags, nearest=True))
    write_text(path.with_suffix(".qml"), year_qml(*asked.shown_years(job.config)))


def _draw_maps(job: Job, asked: Breaks, grid: Any, zones: Zones) -> None:
    path, period = job.folder.root / RASTER, asked.period(job.config)
    shown, step = upright(grid, zones), step_of(grid.shape)
    names = ("disturbance", "recovery", "recovery_by", "n")
    numbers = [NAMES.index(name) + 1 for name in names]
    if shown is grid:
        bands = [read_every(path, step, number) for number in numbers]
        shown = grid if step == 1 else _coarser(grid, bands[0].shape, step)
    else:
        bands = list(read_upright(path, tuple(numbers), shown))
    of = dict(zip(names, bands, strict=True))
    tested, inside = np.isfinite(of["recovery_by"]), np.isfinite(of["n"])
    needs = fewest(asked.level, least=asked.least, slopes=asked.method == "lines")
    headings = {
        "disturbance": (Text("Year of disturbance", "扰动年份"), Text("none shown", "未显示扰动")),
        "recovery": (Text("Year of recovery", "恢复起始年份"), Text("none shown", "未显示恢复")),
    }
    for name, (heading, none) in headings.items():
        captions: tuple[Text, ...] = (_level(asked), _edges(asked, job.config))
        if not tested.any():
            none_tested = Text(f"No cell has the {needs} years with a value that a break needs.", f"没有像元具有突变检验所需的 {needs} 个有效年份。")
            captions = (none_tested,)
        title = f"{heading.en.lower()}, {period[0]}-{period[1]}"
        words = Words(title_of(job.config, title, job.sensor), captions, (_source(job, asked),))
        figure = year_map(of[name], tested, inside, shown, zones, asked.shown_years(job.config), words, heading, none, grid)
        save(figure, job.folder.root / f"break_{name}.png")


def _coarser(grid: Any, shape: tuple[int, int], step: int) -> Any:
    """Return the grid of every `step`-th cell."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    return GeoBox(shape, grid.affine * Affine.scale(step), grid.crs)


def _level(asked: Breaks) -> Text:
    return Text(*(words.format(level=asked.level, share=100 * asked.level) for words in (LEVEL.en, LEVEL.zh)))


def _edges(asked: Breaks, config: Config) -> Text:
    first, last = asked.shown_years(config)
    return Text(*(words.format(least=asked.least, first=first, last=last) for words in (EDGES.en, EDGES.zh)))


def _source(job: Job, asked: Breaks) -> str:
    return source_line(job.config, job.sensor, asked.period(job.config), synthetic=job.synthetic)
