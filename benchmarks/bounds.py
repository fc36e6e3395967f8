"""How often bounds of class areas hold the true area of the class, in simulated zones whose series without error are known.

Run `python benchmarks/bounds.py` (15 settings of 500 zones, prints the Markdown table of docs/methods.md), with `--small` for a few zones in seconds.

A zone has 1600 cells. Its NDVI without error: years that all cells share, noise that is smooth in space and differs between years, and patches in which a
rise or fall of 0.02 a year is planted. A yearly value is the median of the dates; the error of one date is independent between cells but for the part that
the zone shares. What the product is told is what it has of real scenes: the spread of the dates in each cell, and the mean of the zone on each date.
"""

from __future__ import annotations

import argparse
import os
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from itertools import repeat

import numpy as np
from scipy.ndimage import gaussian_filter

from pipeline.areabounds import Rule, share_bounds
from pipeline.classes import limits
from pipeline.compositeerror import composite_error

LEVEL, NO_CHANGE, PER_YEAR = 0.9, 0.0005, 0.02
CODES = (2, 3, 4, 5, 6, 7, 8)
SIDE, RUNS, SMALL = 40, 500, 4


@dataclass(frozen=True)
class Setting:
    """What is simulated: `sd` and `shared` are standard deviations of the error of the mean of a year's dates, all of it and the shared part."""

    years: int
    dates: int
    sd: float
    shared: float
    real_years: float
    real_cells: float
    planted: float


SETTINGS = (
    Setting(4, 8, 0.02, 0.0, 0.04, 0.015, 0.3),
    Setting(4, 3, 0.02, 0.01, 0.04, 0.015, 0.3),
    Setting(5, 8, 0.02, 0.01, 0.04, 0.015, 0.3),
    Setting(5, 8, 0.01, 0.0, 0.04, 0.03, 0.0),
    Setting(5, 3, 0.04, 0.01, 0.04, 0.015, 0.6),
    Setting(5, 8, 0.04, 0.0, 0.04, 0.015, 0.3),
    Setting(8, 8, 0.02, 0.01, 0.04, 0.015, 0.3),
    Setting(8, 3, 0.04, 0.02, 0.04, 0.015, 0.6),
    Setting(8, 8, 0.03, 0.0, 0.02, 0.015, 0.6),
    Setting(4, 8, 0.02, 0.02, 0.04, 0.015, 0.3),
    Setting(4, 8, 0.03, 0.005, 0.01, 0.01, 0.2),
    Setting(5, 8, 0.02, 0.005, 0.02, 0.0, 0.5),
    Setting(5, 8, 0.02, 0.0, 0.0, 0.0, 0.0),
    Setting(5, 8, 0.02, 0.01, 0.0, 0.0, 0.0),
    Setting(5, 3, 0.02, 0.0, 0.0, 0.0, 0.5),
)


def ground(rng: np.random.Generator, s: Setting) -> np.ndarray:
    """Return NDVI without error, (years, cells)."""
    smooth = np.array([gaussian_filter(rng.standard_normal((SIDE, SIDE)), 2, mode="wrap") for _ in range(s.years)]).reshape(s.years, -1)
    rank = gaussian_filter(rng.standard_normal((SIDE, SIDE)), 3, mode="wrap").ravel().argsort().argsort() / SIDE**2
    slope = PER_YEAR * ((rank < 0.7 * s.planted).astype(float) - (rank > 1 - 0.3 * s.planted))
    time_of = np.arange(s.years)[:, None] - (s.years - 1) / 2
    return np.asarray(0.5 + s.real_years * rng.standard_normal((s.years, 1)) + s.real_cells * smooth / smooth.std() + time_of * slope)


def zone(s: Setting, number: int, seed: int) -> np.ndarray:
    """Return whether the bounds hold the true share of each class, and how wide they are, (2, classes)."""
    rng = np.random.default_rng([SETTINGS.index(s), number, seed])
    true = ground(rng, s)
    own = np.sqrt(s.sd**2 - s.shared**2)
    shape = (s.years, s.dates)
    noise = own * rng.standard_normal((*shape, true.shape[1])) + s.shared * rng.standard_normal((*shape, 1))
    seen = true[:, None] + noise * np.sqrt(s.dates)
    weights = np.ones(true.shape[1])
    scenes = [list(year.mean(axis=1)) for year in seen]
    error = composite_error(seen.std(axis=1, ddof=1), np.full(true.shape, s.dates), weights, scenes, 50.0)
    if error is None:
        raise AssertionError("two dates or more tell an error")
    years = np.arange(s.years, dtype=float)
    rule = Rule(years, limits("seven", 0.10, 0.05, 0.01), (NO_CHANGE,), max(4, int(np.ceil(0.7 * s.years))))
    found = share_bounds(np.median(seen, axis=1), weights, error, rule, CODES, LEVEL)
    if found is None:
        raise AssertionError("a zone of so many cells has bounds")
    shares = rule.shares(true[:, :, None], weights / weights.sum(), CODES)[0, 0]
    held = (found[0] - 1e-9 <= shares) & (shares <= found[1] + 1e-9)
    return np.stack([held, found[1] - found[0]])


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help=f"{SMALL} zones of each setting")
    given = parser.parse_args()
    runs, began = SMALL if given.small else RUNS, time.perf_counter()
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    print("| years | dates | error, SD | of it shared, SD | real years, SD | real cells, SD | rise or fall planted | least | mean | width |")
    print("|---" * 10 + "|")
    least = []
    with ProcessPoolExecutor() as pool:
        for s in SETTINGS:
            found = np.array(list(pool.map(zone, repeat(s, runs), range(runs), repeat(0, runs), chunksize=max(1, runs // 20))))
            held, width = found[:, 0].mean(axis=0), found[:, 1].mean(axis=0)
            least.append(held.min())
            *numbers, planted = astuple(s)
            cells = [f"{v:g}" for v in numbers] + [
                f"{100 * planted:.0f} %",
                f"{100 * held.min():.0f} %",
                f"{100 * held.mean():.0f} %",
                f"{100 * width.mean():.0f} %",
            ]
            print(f"| {' | '.join(cells)} |", flush=True)
    print(
        f"\n{len(SETTINGS)} settings of {runs} zones, nominal {LEVEL:.0%}; least covered class of all: {min(least):.1%}; {time.perf_counter() - began:.0f} s."
    )


if __name__ == "__main__":
    main()
