"""The map of trend classes of one period."""

from __future__ import annotations

from pipeline.aoi import read_zones
from pipeline.classes import legend, limits
from pipeline.grid import native_grid
from pipeline.kernels.null import smallest_p
from pipeline.maps import class_map
from pipeline.reader import open_raster
from pipeline.stages.job import Job


def run(job: Job, period: tuple[int, int]) -> None:
    """Write trend_class_<a>-<b>.png beside the raster."""
    config = job.config
    path = job.folder.classes(period)
    with open_raster(path) as dataset:
        grid, codes = native_grid(dataset), dataset.read(1)
    synthetic = config.sensors[job.sensor].catalog == "synthetic"
    title = f"{config.title or config.mine}: trend of {config.trend.variable.upper()} {period[0]}-{period[1]}"
    season = f"season {config.season.start} to {config.season.end}"
    source = f"{'SYNTHETIC DATA, not observed. ' if synthetic else ''}{job.sensor}, {season}. Theil-Sen, Mann-Kendall ({config.trend.significance})."
    trend = config.trend
    n = config.images_in(job.sensor, period)
    p_min = smallest_p(n, trend.significance)
    alphas = limits(trend.scheme, trend.alpha.slight, trend.alpha.significant, trend.alpha.extreme)
    beyond = frozenset(c.code for c in legend(trend.scheme) if c.limit is not None and not p_min <= alphas[c.limit])
    source = f"{source} Smallest p that {n} years can reach: {p_min:.2g}."
    class_map(path.with_suffix(".png"), codes, grid, read_zones(config, job.config_path), trend.scheme, title, source, beyond)
