"""The trend classes of one period: the map, and the bars of their areas."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

import numpy as np

from pipeline.aoi import Zones, read_zones
from pipeline.areachart import area_bars, area_chart
from pipeline.attribution import source_line, title_of, unreachable
from pipeline.captions import class_captions
from pipeline.grid import native_grid
from pipeline.layout import ABSOLUTE
from pipeline.lettering import has_chinese
from pipeline.maps import class_map, step_of
from pipeline.reader import open_raster, read_every
from pipeline.sheet import ENGLISH_ONLY, Words, save
from pipeline.stages.job import Job
from pipeline.tables import read_csv
from pipeline.upright import read_upright, upright
from pipeline.zonetables import Tables, all_too_small

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

log = logging.getLogger("minegreen")


def run(job: Job, period: tuple[int, int]) -> None:
    """Write trend_class_<a>-<b>.png and trend_area_by_zone_<a>-<b>.png, and those of the relative trend."""
    if not has_chinese():
        log.warning(ENGLISH_ONLY)
    with open_raster(job.folder.classes(period)) as dataset:
        grid = native_grid(dataset)
    zones = read_zones(job.config, job.config_path)
    shown = upright(grid, zones)
    for target in job.config.targets:
        _draw(job, period, target, zones, grid, shown)


def _draw(job: Job, period: tuple[int, int], target: str, zones: Zones, grid: GeoBox, shown: GeoBox) -> None:
    config, folder = job.config, job.folder
    rows = read_csv(folder.table("trend_area_by_zone"))
    tables = Tables(area=rows)
    pinned = json.loads(folder.scenes.read_text(encoding="utf-8"))
    beyond = frozenset[int]() if all_too_small(tables) else unreachable(config, pinned, period)  # the years are not what hinders
    span, variable = f"{period[0]}-{period[1]}", config.trend.variable.upper() + ("" if target == ABSOLUTE else " minus reference")
    caption, source = class_captions(tables, target)[period], source_line(config, job.sensor, period, synthetic=job.synthetic, trend=True)
    words = Words(title_of(config, f"trend of {variable} {span}", job.sensor), (caption,), (source,))
    step = step_of(grid.shape)
    if shown is grid:
        codes = read_every(folder.classes(period, target), step)
    else:
        codes, step = np.nan_to_num(read_upright(folder.classes(period, target), (1,), shown)[0]).astype(np.uint8), 1
    save(class_map(codes, shown, zones, config.trend.scheme, words, beyond, step, grid), folder.class_map(period, target))
    references = zones.reference_zones
    scheme, bars = area_bars(rows, period, target)
    words = Words(title_of(config, f"area by class of the trend of {variable} {span}", job.sensor), (caption,), (source,))
    save(area_chart(bars, scheme, words, references, beyond), folder.area_chart(period, target))
