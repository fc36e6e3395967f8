"""Trend of one period: Theil-Sen slope and test per pixel, of yearly or of monthly values."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.aoi import read_zones
from pipeline.config_months import is_seasonal, months_of
from pipeline.coverage import zone_coverages
from pipeline.grid import native_grid
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.kendall import Z90
from pipeline.kernels.null import interval_coverage, smallest_p_of
from pipeline.layout import RELATIVE
from pipeline.reader import open_raster, open_stack
from pipeline.relative import References, owners
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.styles import continuous_qml
from pipeline.trend import annual_statistics, monthly_statistics
from pipeline.writer import Band, RasterSpec, write_raster, write_text

log = logging.getLogger("minegreen")
UNITS = {"slope": "per year", "slope_low": "per year", "slope_high": "per year", "intercept": "1", "n": "years"}


def run(job: Job, period: tuple[int, int]) -> None:
    """Write trend_<a>-<b>.tif and its style, and those relative to the reference where there is one.

    Cover is formed before clamping, in float64, so S and p are NDVI's.
    """
    with open_raster(job.folder.ndvi(period[0])) as dataset:
        grid = native_grid(dataset)
    for target in job.config.targets:
        _write(job, period, grid, target)


def _write(job: Job, period: tuple[int, int], grid: Any, target: str) -> None:
    import dask.array as da

    trend = job.config.trend
    years = list(range(period[0], period[1] + 1))
    pair = read_pair(job.folder.endmembers) if trend.variable == "fvc" else None
    months = months_of(job.config) if is_seasonal(job.config) else ()
    layers = [job.folder.ndvi(y, m) for y in years for m in months or (None,)]
    stack = open_stack(dict(enumerate(layers)), job.block)
    times = np.array(years, np.float64)
    means, more = None, []
    tags: dict[str, str] = {}
    if target == RELATIVE:
        number, means, tags = _references(job, period, grid, months or (None,))
        more = [da.from_array(number[None], chunks=(1, *stack.chunks[1:]))]

    def one_block(ndvi: np.ndarray, *reference: np.ndarray) -> np.ndarray:
        minus = (reference[0][0], means) if reference and means is not None else None
        if months:
            return monthly_statistics(ndvi.reshape(len(years), len(months), *ndvi.shape[1:]), times, pair, test=trend.test, minus=minus)
        less = None if minus is None else (minus[0], minus[1][..., 0])
        return annual_statistics(ndvi, times, pair, test=trend.test, significance=trend.significance, minus=less)

    result = da.map_blocks(one_block, stack.data, *more, dtype=np.float32, chunks=((len(OUTPUTS),), *stack.chunks[1:]))
    reached = ", ".join(f"{n}: {smallest_p_of(trend.test, n, len(months), trend.significance):.3g}" for n in range(3, len(years) + 1))
    tags |= {"target": target} | job.tags(
        "trend",
        period=f"{period[0]}-{period[1]}",
        variable=trend.variable,
        test=trend.test,
        **(_of_months(months, trend.test, reached) if months else {"significance": trend.significance}),
    )
    if not months:
        tags |= {
            "interval": "nominal 90 %; true coverage without ties at each n: " + _coverages(len(years)),
            "p_min": f"smallest p without ties at each n: {reached}",
        }
    spec = RasterSpec(tuple(Band(name, UNITS.get(name, "")) for name in OUTPUTS), "float32", float("nan"), tags)
    path = job.folder.trend(period, target)
    with job.computing(f"{target} trend {period[0]}-{period[1]}"):
        write_raster(path, result, grid, spec)
    write_text(path.with_suffix(".qml"), continuous_qml("slope"))


def _of_months(months: tuple[int, ...], test: str, reached: str) -> dict[str, str]:
    """Return what the raster of a seasonal test says of its values, its interval and what its p can reach."""
    least = "bound that p cannot go below" if test == "hirsch-slack" else "smallest p without ties and gaps"
    return {
        "months": ", ".join(f"{m:02d}" for m in months),
        "interval": "nominal 90 %, ranks from the variance of S; true coverage not known",
        "p_min": f"{least} at each n (years): {reached}",
    }


def _references(job: Job, period: tuple[int, int], grid: Any, months: Sequence[int | None]) -> tuple[np.ndarray, np.ndarray, dict[str, str]]:
    """Return the number of each cell's reference, the means of every reference (0: none) by year and month, and what the raster says of them.

    `months`: `(None,)` for yearly values.
    """
    config = job.config
    zones = read_zones(config, job.config_path)
    coverages = {c.zone: c for c in zone_coverages(zones, grid)}
    references = References(zones, config.aoi.reference, coverages, job.folder, config.all_years)
    years, pair = range(period[0], period[1] + 1), read_pair(job.folder.endmembers)
    means = np.full((1 + len(references.sets), len(years), len(months)), np.nan)
    for k, month in enumerate(months):
        found = references.series([period], config.trend.variable, pair, month)
        for i, chosen in enumerate(references.sets, 1):
            means[i, :, k] = found[chosen, period].of(years)
    for chosen, own in zip(references.sets, means[1:], strict=True):
        lost = [str(y) if m is None else f"{y}-{m:02d}" for y, row in zip(years, own, strict=True) for m, v in zip(months, row, strict=True) if np.isnan(v)]
        if lost:
            log.warning(
                "%s, %s-%s: the reference %s is not seen well enough in %s: no relative value then", job.sensor, *period, ", ".join(chosen), ", ".join(lost)
            )
    of = "cells valid in all years used" if months == (None,) else "same year and month, cells valid in that month of all years used"
    return references.numbers(owners(coverages.values(), grid.shape)), means, {"minus": f"mean of the zone's reference, {of}"}


def _coverages(n_max: int) -> str:
    parts = []
    for n in range(3, n_max + 1):
        pairs = n * (n - 1) // 2
        half = Z90 * (n * (n - 1) * (2 * n + 5) / 18) ** 0.5
        excluded = max(0, round((pairs - half) / 2) - 1)
        parts.append(f"{n}: {100 * interval_coverage(n, excluded):.2f} %")
    return ", ".join(parts)
