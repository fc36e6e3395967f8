"""`minegreen crosscheck`: recompute a sample of a run's pixels with pymannkendall, scipy and an independent exact p, by the configured test."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import monthscheck
from pipeline.config import Config, load
from pipeline.config_months import YEARLY, is_seasonal, months_of
from pipeline.errors import BadInput
from pipeline.kernels.codes import OUTPUTS
from pipeline.layout import MineFolder, SensorFolder
from pipeline.reader import open_raster, read_cells
from pipeline.sources import read_pair

SEED = 20210101
TOLERANCES = {"n": 0.0, "s": 0.0, "tau": 1e-6, "z": 1e-5, "p": 1e-6, "slope": 1e-6}  # rasters hold float32


@dataclass(frozen=True)
class Checked:
    """The recomputed sample of one sensor and period: its size, the largest relative difference of each statistic, and lines on pixels that differ.

    `trends`: how many of the pixels have a trend.
    """

    sensor: str
    period: tuple[int, int]
    pixels: int
    trends: int
    worst: dict[str, float]
    wrong: tuple[str, ...]

    @property
    def good(self) -> bool:
        """Return whether something was compared and nothing differs by more than its tolerance."""
        return self.trends > 0 and not self.wrong

    @property
    def shown(self) -> str:
        """Return the largest differences in words."""
        return ", ".join(f"{name} {self.worst[name]:.2g}" for name in TOLERANCES)


def run(config_path: Path, pixels: int, results: Path) -> tuple[list[str], bool]:
    """Return report lines and whether every difference is within its tolerance, for each sensor and period.

    Raises
    ------
    BadInput
        When the run has not been done.
    """
    config = load(config_path)
    lines, good = [], True
    for sensor in config.sensors:
        folder = MineFolder(results, config.mine).sensor(sensor)
        for period in config.periods:
            found = check(config, sensor, folder, period, pixels)
            lines.append(f"{sensor} {period[0]}-{period[1]}: {found.pixels} pixels; largest differences: {found.shown}")
            lines += [f"  {text}" for text in found.wrong[:5]]
            if not found.trends:
                lines.append("  no pixel of the sample has a trend: there is nothing to compare")
            good &= found.good
    return lines, good


def check(config: Config, sensor: str, folder: SensorFolder, period: tuple[int, int], pixels: int) -> Checked:
    """Recompute up to `pixels` pixels of one period.

    Raises
    ------
    BadInput
        When the run has not been done.
    """
    if not folder.trend(period).is_file():
        raise BadInput(folder.trend(period), "trend raster", "no such file", "a finished run", "run snakemake first")
    pair = read_pair(folder.endmembers) if config.trend.variable == "fvc" else None
    with open_raster(folder.trend(period)) as dataset:
        chosen = sample(dataset.read(OUTPUTS.index("n") + 1), pixels)
    values = read_cells(folder.trend(period), [OUTPUTS.index(name) + 1 for name in TOLERANCES], *chosen)
    ours = dict(zip(TOLERANCES, values, strict=True))
    years = np.arange(period[0], period[1] + 1)
    months = months_of(config) if is_seasonal(config) else (None,)
    layers = [read_cells(folder.ndvi(int(year), month), [1], *chosen)[0] for year in years for month in months]
    series = np.stack(layers, axis=1)
    if is_seasonal(config):
        series = series.reshape(-1, len(years), len(months))
    if pair is not None:
        series = (series - pair.soil) / (pair.vegetation - pair.soil)
    worst, wrong = compare(series, years, ours, config.trend.significance, config.trend.test)
    return Checked(sensor, period, len(series), int(np.isfinite(ours["slope"]).sum()), worst, tuple(wrong))


def sample(n: np.ndarray, pixels: int) -> tuple[np.ndarray, np.ndarray]:
    """Return indices of up to `pixels` cells, spread evenly over the numbers of valid years that occur."""
    rng = np.random.default_rng(SEED)
    flat = n.astype(np.uint16).ravel()
    counts = np.bincount(flat)
    occurring = sorted(np.flatnonzero(counts), key=lambda value: int(counts[value]))
    taken: list[np.ndarray] = []
    left = pixels
    for i, value in enumerate(occurring):
        share = min(int(counts[value]), left // (len(occurring) - i))
        taken.append(rng.choice(np.flatnonzero(flat == value), share, replace=False))
        left -= share
    rows, cols = np.unravel_index(np.sort(np.concatenate(taken)), n.shape)
    return rows, cols


def compare(series: np.ndarray, years: np.ndarray, ours: dict[str, np.ndarray], significance: str, test: str = YEARLY) -> tuple[dict[str, float], list[str]]:
    """Return the largest difference of each statistic, and a line for each pixel that differs by more than allowed.

    `series`: (pixels, years), of a seasonal test (pixels, years, months).
    """
    worst = dict.fromkeys(TOLERANCES, 0.0)
    wrong = []
    for i, values in enumerate(series):
        theirs = reference(values, years, significance) if test == YEARLY else monthscheck.reference(values, years, test)
        for name, tolerance in TOLERANCES.items():
            mine, other = float(ours[name][i]), theirs[name]
            both_missing = np.isnan(mine) and np.isnan(other)
            difference = 0.0 if both_missing else abs(mine - other) / max(1.0, abs(other))
            if not difference <= tolerance:
                wrong.append(f"{name}: {mine!r} here, {other!r} there, series {values.tolist()}")
            worst[name] = max(worst[name], difference) if not np.isnan(difference) else float("nan")
    return worst, wrong


def reference(values: np.ndarray, years: np.ndarray, significance: str) -> dict[str, float]:
    """Return n, s, tau, z, p and slope of one series by pymannkendall, scipy and `exact_p`."""
    import pymannkendall
    from scipy.stats import theilslopes

    valid = np.isfinite(values)
    y, t = values[valid], years[valid]
    out: dict[str, Any] = dict.fromkeys(TOLERANCES, float("nan")) | {"n": float(valid.sum())}
    if valid.sum() < 3:
        return out
    test = pymannkendall.original_test(y)
    exact = significance != "normal" and len(y) <= 20
    return out | {
        "s": float(test.s),
        "tau": float(test.Tau),
        "z": float(test.z),
        "p": exact_p(tuple(sorted(Counter(y.tolist()).values())), abs(int(test.s))) if exact else float(test.p),
        "slope": float(theilslopes(y, t).slope),
    }


@cache
def exact_p(groups: tuple[int, ...], s: int) -> float:
    """Return P(|S| >= s) conditional on ties, by merging tie groups one after the other in whole numbers.

    Independent of the kernels' tables: Pascal's rule for each merge, Python integers, no polynomial division.

    >>> exact_p((1, 1, 1, 1), 6), exact_p((2, 1, 1), 5)
    (0.08333333333333333, 0.16666666666666666)
    """
    counts, placed = {0: 1}, 0
    for size in groups:
        merged: Counter[int] = Counter()
        for a, x in counts.items():
            for b, y in _merge(placed, size).items():
                merged[a + b] += x * y
        counts, placed = dict(merged), placed + size
    pairs = max(counts)
    extreme = sum(c for inversions, c in counts.items() if abs(pairs - 2 * inversions) >= s)
    return float(Fraction(extreme, sum(counts.values())))


@cache
def _merge(m: int, t: int) -> dict[int, int]:
    """Return how many ways there are to merge t equal values into m others, by the number of inversions they add."""
    if m == 0 or t == 0:
        return {0: 1}
    out: Counter[int] = Counter(_merge(m - 1, t))
    for inversions, ways in _merge(m, t - 1).items():
        out[inversions + m] += ways
    return dict(out)
