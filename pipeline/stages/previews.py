"""The clearest image of each year of one sensor, in false colour."""

from __future__ import annotations

import gc
import json
from functools import lru_cache
from typing import Any

from pipeline import grid as grids
from pipeline import scenes
from pipeline.aoi import Zones, read_zones
from pipeline.attribution import source_line, title_of
from pipeline.captions import preview_caption
from pipeline.composite import recipe
from pipeline.coverage import touched_cells, zone_coverages
from pipeline.handles import close_idle
from pipeline.inspection import catalog_of
from pipeline.maps import MOST_PIXELS
from pipeline.observed import read_part
from pipeline.pinned import ready
from pipeline.previews import View, clearest_day, coarse, items_line, preview_map, read_composite, read_day, stretch
from pipeline.sheet import Words, save
from pipeline.sources import Source, source
from pipeline.stages.job import Job
from pipeline.upright import upright

HELD_BYTES = 64 * 2**20  # of views


def run(job: Job) -> None:
    """Write preview_<year>.png of every year; a year without an image is drawn as such."""
    config, folder = job.config, job.folder
    zones = read_zones(config, job.config_path)
    pinned = json.loads(folder.scenes.read_text(encoding="utf-8"))
    own = grids.from_json(pinned["grid"])
    drawn = upright(own, zones)
    grid = coarse(drawn, MOST_PIXELS)
    listed = [scenes.from_json(s) for s in pinned["scenes"]] if "scenes" in pinned else None
    chosen = source(config, job.sensor) if listed is None else None

    @lru_cache(maxsize=max(1, HELD_BYTES // (5 * grid.shape[0] * grid.shape[1])))  # the rest is read again: memory does not grow with the years
    def view_of(year: int) -> View | None:
        if chosen is not None:
            return _of_composite(chosen, year, grid)
        return _of_scenes(job, year, grid, listed or [], zones)

    inside = touched_cells(zone_coverages(zones, grid), grid.shape)
    gc.freeze()  # what lives on is not looked through again for each year
    try:
        limits = stretch((view for year in config.all_years if (view := view_of(year)) is not None), inside)
        for year in config.all_years:
            view = view_of(year)
            share = None if view is None else view.clear_share(inside)
            caption = preview_caption(str(year) if view is None else view.name, share, scenes=listed is not None, last=view.last if view else "")
            one = "composite" if view is not None and view.last else "day"
            what = f"composite of {year}" if listed is None else f"clearest {one} of the season {year}"
            lines = (source_line(config, job.sensor, (year, year), synthetic=job.synthetic, images=True), items_line(view.items if view else ()))
            words = Words(title_of(config, what, job.sensor), (caption,), tuple(line for line in lines if line))
            save(preview_map(view, limits, grid, zones, words, None if drawn is own else own), folder.preview(year))
            close_idle()
            gc.collect()  # figures refer to themselves
    finally:
        gc.unfreeze()


def _of_scenes(job: Job, year: int, grid: Any, listed: list[scenes.Scene], zones: Zones) -> View | None:
    areas = dict(zip(zones.frame["zone"], zones.frame["geodesic_m2"], strict=True))
    day = clearest_day([s for s in listed if s.year == year], read_part(job.folder.zone_by_scene(year)), areas)
    if not day:
        return None
    day = tuple(ready(list(day), job.config, job.sensor, catalog_of(job.config, job.sensor, job.results)))
    return read_day(day, grid, recipe(job.config, job.sensor, grids.ground_cell_m(grid)))


def _of_composite(chosen: Source, year: int, grid: Any) -> View | None:
    path = chosen.files[year]
    return None if path is None else read_composite(path, chosen, year, grid)
