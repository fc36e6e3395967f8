"""Trend of one period: Theil-Sen slope and Mann-Kendall test per pixel."""

from __future__ import annotations

import numpy as np

from pipeline.grid import native_grid
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.kendall import Z90
from pipeline.kernels.null import interval_coverage
from pipeline.reader import open_raster, open_stack
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.styles import continuous_qml
from pipeline.trend import annual_statistics
from pipeline.writer import Band, RasterSpec, write_raster, write_text

UNITS = {"slope": "per year", "slope_low": "per year", "slope_high": "per year", "intercept": "1", "n": "years"}


def run(job: Job, period: tuple[int, int]) -> None:
    """Write trend_<a>-<b>.tif and its style. Cover is formed before clamping, in float64, so S and p are NDVI's."""
    trend = job.config.trend
    years = list(range(period[0], period[1] + 1))
    pair = read_pair(job.folder.endmembers) if trend.variable == "fvc" else None
    stack = open_stack({y: job.folder.ndvi(y) for y in years}, job.block)
    times = np.array(years, np.float64)

    def one_block(ndvi: np.ndarray) -> np.ndarray:
        return annual_statistics(ndvi, times, pair, test=trend.test, significance=trend.significance)

    with open_raster(job.folder.ndvi(years[0])) as dataset:
        grid = native_grid(dataset)
    result = stack.data.map_blocks(one_block, dtype=np.float32, chunks=((len(OUTPUTS),), *stack.chunks[1:]))
    tags = job.tags(
        "trend",
        period=f"{period[0]}-{period[1]}",
        variable=trend.variable,
        test=trend.test,
        significance=trend.significance,
        interval="nominal 90 %; true coverage without ties at each n: " + _coverages(len(years)),
    )
    spec = RasterSpec(tuple(Band(name, UNITS.get(name, "")) for name in OUTPUTS), "float32", float("nan"), tags)
    with job.computing(f"trend {period[0]}-{period[1]}"):
        write_raster(job.folder.trend(period), result, grid, spec)
    write_text(job.folder.trend(period).with_suffix(".qml"), continuous_qml("slope"))


def _coverages(n_max: int) -> str:
    parts = []
    for n in range(3, n_max + 1):
        pairs = n * (n - 1) // 2
        half = Z90 * (n * (n - 1) * (2 * n + 5) / 18) ** 0.5
        excluded = max(0, round((pairs - half) / 2) - 1)
        parts.append(f"{n}: {100 * interval_coverage(n, excluded):.2f} %")
    return ", ".join(parts)
