"""How net change and trend shares of each zone come out under variants of the analysis: sensitivity.csv."""

from __future__ import annotations

import json
import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from rasterio.windows import Window

from pipeline import areas
from pipeline import grid as grids
from pipeline.aoi import read_zones
from pipeline.classes import limits
from pipeline.config_trend import Trend
from pipeline.cover import configured_pair, pooled_percentiles
from pipeline.coverage import ZoneCoverage, touched_cells, zone_coverages
from pipeline.endmembers import Endmembers
from pipeline.errors import RunFault, one_line
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.pixels import classify
from pipeline.reader import open_raster
from pipeline.season import season_year
from pipeline.sensitivity import BASE, SENSITIVITY_COLUMNS, SHARES, with_verdicts
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.tables import write_csv
from pipeline.trend import annual_statistics
from pipeline.variants import SHIFT_DAYS, Variant, all_variants, scene_variants
from pipeline.zonestats import ZoneSeries

log = logging.getLogger("minegreen")
SLOPE, P, N = (OUTPUTS.index(name) for name in ("slope", "p", "n"))
WATER_CODE = 97
LEAST_YEARS = 3  # of a trend
CELLS = 65_536  # of a trend at a time
ZONE_COPIES, ZONE_BYTES = 3, 2**30  # copies of a zone's NDVI that are held at a time, and how much all threads may hold


@dataclass(frozen=True)
class Analysis:
    """What a variant is computed from; `reason` where it cannot be.

    `ndvi` (years, cells) of the cells that any zone touches or the endmembers are pooled from; `water`, the same: the cell is
    water that year, None where no cell can be.
    """

    variant: Variant
    ndvi: np.ndarray | None = None
    water: np.ndarray | None = None
    pair: Endmembers | None = None
    reason: str | None = None


def run(job: Job) -> None:
    """Write sensitivity.csv: one row per zone, period and variant; what cannot be computed has no numbers and says why."""
    config = job.config
    pinned = json.loads(job.folder.scenes.read_text(encoding="utf-8"))
    grid = grids.from_json(pinned["grid"])
    coverages = zone_coverages(read_zones(config, job.config_path), grid)
    scenes = _Scenes(job, pinned)
    touched = touched_cells(coverages, grid.shape)
    inside = touched if config.fvc.region == "zones" else np.ones(grid.shape, bool)
    number = np.cumsum(inside.ravel()).reshape(grid.shape) - 1
    with job.computing("sensitivity"):
        analyses = _analyses(job, inside)
        places = {c.zone: number[c.rows, c.cols][c.touched] for c in coverages}
        tasks = [(c, analysis) for c in coverages for analysis in analyses]
        largest = max(c.area_m2.size for c in coverages) * len(config.all_years) * ZONE_COPIES * 4
        with ThreadPoolExecutor(max(1, min(job.threads, ZONE_BYTES // largest))) as pool:
            found = list(pool.map(lambda task: _zone_rows(job, scenes, task[0], places[task[0].zone], task[1]), tasks))
    order = {a.variant.name: i for i, a in enumerate(analyses)}
    zones = {c.zone: i for i, c in enumerate(coverages)}
    periods = {period: i for i, period in enumerate(config.periods)}
    rows = sorted(
        (row for part in found for row in part),
        key=lambda r: (zones[r["zone"]], periods[r["first_year"], r["last_year"]], order[r["variant"]]),
    )
    for analysis in analyses:
        if analysis.reason is not None:
            log.info("%s", one_line(f"sensitivity: {analysis.variant.name}: not computed: {analysis.reason}"))
    write_csv(job.folder.table("sensitivity"), SENSITIVITY_COLUMNS, with_verdicts(rows))


class _Scenes:
    """How many scenes each variant has in each year; None for prepared composites, which do not tell."""

    def __init__(self, job: Job, pinned: dict[str, Any]) -> None:
        self.known = "scenes" in pinned
        self.season, self.unusable = job.config.season, int(pinned.get("margin_unusable", 0))
        self.own = Counter(s["year"] for s in pinned.get("scenes", []))
        self.days = [(s["year"], date.fromisoformat(s["day"])) for name in ("scenes", "margin") for s in pinned.get(name, [])]
        self.added = [(s["year"], date.fromisoformat(s["day"])) for s in pinned.get("margin", [])]
        self.missing = {r["year"] for r in pinned.get("images", []) if r["file"] is None}

    def count(self, variant: Variant, year: int) -> int:
        """Return the number of scenes of a year under a variant."""
        return self.own[year] if not variant.shift else self._of(self.days, variant, year)

    def adds(self, variant: Variant, year: int) -> int:
        """Return the number of scenes that a shifted season has and the config's has not."""
        return self._of(self.added, variant, year)

    def _of(self, days: list[tuple[int, date]], variant: Variant, year: int) -> int:
        return sum(y == year and season_year(day, self.season, variant.shift) == year for y, day in days)

    def has_images(self, year: int) -> bool:
        """Return whether a year has an image."""
        return self.own[year] > 0 if self.known else year not in self.missing


def _analyses(job: Job, inside: np.ndarray) -> list[Analysis]:
    """Return the base and every variant with what it is computed from; every raster is read once."""
    config, folder = job.config, job.folder
    years, from_scenes = config.all_years, job.has_scenes
    wet = from_scenes and "water" in config.fvc.exclude
    refused = config.sensitivity.refused(inside.size)
    own_pair = read_pair(folder.endmembers)
    varied = scene_variants(config) if from_scenes and refused is None else ()
    bands = [f"{what}_{v.name}" for what in ("ndvi", "water") for v in varied if what == "ndvi" or v.shift]
    of_years = len(years), int(inside.sum())
    own, share, more = (np.empty((count, *of_years), np.float32) for count in (1, int(wet), len(bands)))
    tasks = [(folder.ndvi(y), own[:, i]) for i, y in enumerate(years)]
    tasks += [(folder.observed("water", y), share[:, i]) for i, y in enumerate(years) if wet]
    tasks += [(folder.variants(y), more[:, i]) for i, y in enumerate(years) if varied]
    with ThreadPoolExecutor(job.threads) as pool:
        list(pool.map(lambda task: fill(task[1], task[0], inside, job.block), tasks))
    own_ndvi, own_water = own[0], _is_water(share[0]) if wet else None
    out = []
    for variant in all_variants(config, job.sensor):
        ndvi, water, pair = own_ndvi, own_water, own_pair
        reason = variant.refused or (refused if variant.name != BASE else None)
        if reason is None and variant.of_scenes:
            ndvi = more[bands.index(f"ndvi_{variant.name}")]
            if wet and variant.shift:
                water = _is_water(more[bands.index(f"water_{variant.name}")])
        try:
            if reason is None and (variant.of_scenes or variant.endmembers or variant.fixed):
                pair = _pair(job, variant, ndvi)
        except RunFault as error:
            reason = str(error)
            out.append(Analysis(variant, ndvi, water, None, reason))
            continue
        out.append(Analysis(variant, reason=reason) if reason else Analysis(variant, ndvi, water, pair))
    return out


def fill(out: np.ndarray, path: Path, inside: np.ndarray, block: int) -> None:
    """Fill `out` (bands, cells) with all bands of a raster at the cells that are `inside` (y, x), in row-major order."""
    height, width = inside.shape
    done = 0
    with open_raster(path) as dataset:
        for top in range(0, height, block):
            rows = min(block, height - top)
            values = dataset.read(window=Window(0, top, width, rows))[:, inside[top : top + rows]]
            out[:, done : done + values.shape[1]] = values
            done += values.shape[1]


def _is_water(share: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        return np.asarray(share >= 0.5)


def _pair(job: Job, variant: Variant, ndvi: np.ndarray) -> Endmembers:
    """Return the endmember pair of a variant: found as the config's, in the variant's own NDVI."""
    fvc, every = job.config.fvc, job.config.all_years
    if variant.fixed is not None:
        return Endmembers(variant.fixed.soil, variant.fixed.vegetation, 0).check()
    if variant.endmembers is None and (fvc.endmembers is not None or job.config.pair_of(job.sensor) is not None):
        return read_pair(job.folder.endmembers)  # the pair is given: it does not come from these images
    pooled = [ndvi[every.index(y)][None] for y in fvc.years or every]
    find = partial(pooled_percentiles, [(values, np.ones(values.shape[1:], bool)) for values in pooled])
    if variant.endmembers is not None:
        (soil, vegetation), count = find(variant.endmembers)
        return Endmembers(soil, vegetation, count).check()
    return configured_pair(fvc.soil, fvc.vegetation, find)


def _zone_rows(job: Job, scenes: _Scenes, c: ZoneCoverage, place: np.ndarray, analysis: Analysis) -> list[dict[str, Any]]:
    """Return the rows of one zone and variant, one per period; `place`: which of the analysis' cells the zone touches."""
    config, variant = job.config, analysis.variant
    series, water = None, None
    if analysis.ndvi is not None and analysis.pair is not None:
        ndvi = np.full((len(config.all_years), *c.area_m2.shape), np.nan, np.float32)
        ndvi[:, c.touched] = analysis.ndvi[:, place]
        series = ZoneSeries(c, ndvi, config.all_years, analysis.pair)
        water = None if analysis.water is None else analysis.water[:, place]
    rows = []
    for first, last in config.periods:
        start = first + variant.drops_first
        spanned = range(start, last + 1)
        refused = analysis.reason if analysis.ndvi is None else None
        reason = refused or _reason(scenes, variant, first, last) or analysis.reason
        row: dict[str, Any] = dict.fromkeys(SENSITIVITY_COLUMNS) | {
            "mine": config.mine, "sensor": job.sensor, "variable": config.trend.variable, "zone": c.zone, "role": c.role,
            "first_year": first, "last_year": last, "variant": variant.name, "choice": variant.choice, "computed": "no",
        }  # fmt: skip
        if reason is not None or series is None:
            rows.append(row | {"note": f"not computed: {reason}"})
            continue
        before, after, _ = series.change(start, last)
        row |= {"computed": "yes", "from_year": start, "to_year": last, "note": _note(scenes, variant, spanned)}
        row |= {"scenes": sum(scenes.count(variant, y) for y in spanned) if scenes.known else None}
        row |= {"soil_ndvi": series.pair.soil, "vegetation_ndvi": series.pair.vegetation, "fvc_from": before, "fvc_to": after}
        row |= {"change_points": None if before is None or after is None else 100 * (after - before)}
        needed = config.trend.years_needed((start, last))
        codes = zone_codes(series, water, (start, last), min(needed, len(spanned)) if variant.drops_first else needed, config.trend)
        rows.append(row | group_shares(config.trend.scheme, codes, c, job.record.least_pixels))
    return rows


def _reason(scenes: _Scenes, variant: Variant, first: int, last: int) -> str | None:
    """Return why a variant cannot be computed in one period."""
    if variant.drops_first:
        if last - first < LEAST_YEARS:
            return f"{last - first} years remain, a trend needs {LEAST_YEARS}"
        if not scenes.has_images(first + 1):
            return f"no image of {first + 1}"
    if variant.shift and (empty := [str(y) for y in (first, last) if not scenes.count(variant, y)]):
        return f"no scene in the shifted season of {', '.join(empty)}"
    return None


def _note(scenes: _Scenes, variant: Variant, years: range) -> str | None:
    """Return what a reader must know of a shifted season."""
    if not variant.shift:
        return None
    notes = []
    if not any(scenes.adds(variant, y) for y in years):
        notes.append(f"the catalogue has no scene in the {SHIFT_DAYS} days that the shift adds: a shorter season, not a shifted one")
    elif lacking := [str(y) for y in years if not scenes.adds(variant, y)]:
        notes.append(f"no scene in the {SHIFT_DAYS} days that the shift adds in {', '.join(lacking)}")
    if scenes.unusable:
        notes.append(f"{scenes.unusable} items near the season cannot be used, see ledger.csv")
    return "; ".join(notes) or None


def zone_codes(series: ZoneSeries, water: np.ndarray | None, period: tuple[int, int], needed: int, trend: Trend) -> np.ndarray:
    """Return the trend classes of a zone's cells as the class raster has them: the zone's window, uint8, 0 where it does not touch.

    `water` (years, cells): where the cell is water that year, None where no cell can be; a cell needs `needed` valid years.
    """
    first, last = (series.years.index(y) for y in period)
    ndvi, times = series.ndvi[first : last + 1], np.arange(period[0], period[1] + 1, dtype=np.float64)
    rules = limits(trend.scheme, trend.alpha.slight, trend.alpha.significant, trend.alpha.extreme)
    pair = series.pair if trend.variable == "fvc" else None
    codes = np.zeros(ndvi.shape[1], np.uint8)
    for start in range(0, codes.size, CELLS):
        part = slice(start, start + CELLS)
        found = annual_statistics(ndvi[:, None, part], times, pair, test=trend.test, significance=trend.significance)[:, 0]
        codes[part] = classify(found[SLOPE], found[P], found[N], min_years=needed, no_change=trend.no_change, **rules)
    if water is not None:
        codes[2 * water[first : last + 1].sum(axis=0) >= times.size] = WATER_CODE
    out = np.zeros(series.coverage.area_m2.shape, np.uint8)
    out[series.coverage.touched] = codes
    return out


def group_shares(scheme: str, codes: np.ndarray, c: ZoneCoverage, least_pixels: int = 0) -> dict[str, float | None]:
    """Return the groups' shares of a zone's area in per cent, and `net_pct`, increase minus decrease: None where no cell has a class."""
    counted = areas.class_areas(codes, c, least_pixels)
    shares = {r["group"]: r["share_pct"] for r in areas.group_rows(scheme, counted, {}, {})}
    tested = any(counted.get(code, 0.0) > 0 for code in counted if code not in areas.NOT_CLASSED)
    out: dict[str, float | None] = {f"{name}_pct": shares[name] for name in SHARES}
    return out | {"net_pct": shares["increase"] - shares["decrease"] if tested else None}
