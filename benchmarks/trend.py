"""Trend kernels against a loop over pymannkendall: equality first, then five interleaved rounds on one core.

Run `python benchmarks/trend.py`. Data: random series with 10 % gaps and at least 20 % of pixels with ties. Both sides
compute on one core; ours gives nine outputs with exact p, block by
block as in the pipeline; the peer `original_test` (S, z, p, tau, slope, intercept). Prints one
Markdown table: medians of five rounds in pixels per second of CPU time, and the ratio of each round's pair.
"""

from __future__ import annotations

import statistics
import sys
import time

import numpy as np
import pymannkendall

from pipeline.kernels.codes import OUTPUTS
from pipeline.trend import statistics as ours

ROUNDS = 5
SIZES = {4: (2_000_000, 20_000), 5: (2_000_000, 20_000), 20: (200_000, 5_000), 48: (30_000, 3_000)}  # n: pixels of ours, of the peer
TOLERANCE = 1e-9
ROW = {name: i for i, name in enumerate(OUTPUTS)}


def series(n: int, pixels: int, seed: int) -> np.ndarray:
    """Return (n, pixels) float64: values on a grid of 0.02 so that ties occur, with 10 % gaps."""
    rng = np.random.default_rng(seed)
    values = np.round(0.5 + 0.15 * rng.standard_normal((n, pixels)) + 0.01 * np.arange(n)[:, None], 2)
    values = np.round(values / 0.02) * 0.02
    values[rng.random(values.shape) < 0.10] = np.nan
    return values


def tied_share(values: np.ndarray) -> float:
    """Return the share of pixels with at least one tie."""
    ordered = np.sort(values, axis=0)
    with np.errstate(invalid="ignore"):
        return float((np.diff(ordered, axis=0) == 0).any(axis=0).mean())


def peer(values: np.ndarray) -> list[tuple[float, ...]]:
    """Return s, z, p, tau, slope of each pixel by a loop, as a user would write it; NaN below 3 values."""
    out = []
    for column in values.T:
        if np.isfinite(column).sum() < 3:
            out.append((np.nan,) * 5)
            continue
        test = pymannkendall.original_test(column)
        out.append((test.s, test.z, test.p, test.Tau, test.slope))
    return out


def check(n: int) -> int:
    """Compare both on 5,000 pixels; stop when a number differs by more than 1e-9 (relative above 1).

    Times are equally spaced, which is what pymannkendall assumes.
    """
    values = series(n, 5_000, seed=n)
    mine = ours(values, np.arange(n, dtype=float), significance="normal")
    theirs = np.array(peer(values)).T
    for row, name in enumerate(("s", "z", "p", "tau", "slope")):
        a, b = mine[ROW[name]], theirs[row]
        worst = np.nanmax(np.abs(a - b) / np.maximum(1, np.abs(b)))
        if not worst <= TOLERANCE or not np.array_equal(np.isnan(a), np.isnan(b)):
            sys.exit(f"n = {n}: {name} differs by {worst:.3g}; no speed is claimed")
    return values.shape[1]


BLOCK = 512 * 512


def in_blocks(values: np.ndarray, times: np.ndarray) -> None:
    """Compute as the pipeline does: block by block, all nine outputs."""
    for first in range(0, values.shape[1], BLOCK):
        ours(np.ascontiguousarray(values[:, first : first + BLOCK]), times)


def seconds(call: object, *arguments: object) -> float:
    """Return the CPU time of one call."""
    start = time.process_time()
    call(*arguments)  #
    return time.process_time() - start


def main() -> None:
    """Print the table."""
    print("| n | pixels with ties | ours, px/s | pymannkendall loop, px/s | ratio (median of 5) | lowest | compared before |")
    print("|---|---|---|---|---|---|---|")
    for n, (many, few) in SIZES.items():
        compared = check(n)
        big, small = series(n, many, seed=1), series(n, few, seed=2)
        times = np.arange(n, dtype=float)
        ours(big[:, :1000], times)
        mine, theirs, ratios = [], [], []
        for _ in range(ROUNDS):
            mine.append(many / seconds(in_blocks, big, times))
            theirs.append(few / seconds(peer, small))
            ratios.append(mine[-1] / theirs[-1])
        a, b, ratio = (statistics.median(v) for v in (mine, theirs, ratios))
        print(f"| {n} | {100 * tied_share(small):.0f} % | {a:,.0f} | {b:,.0f} | x{ratio:,.0f} | x{min(ratios):,.0f} | {compared:,} pixels, 1e-9 |", flush=True)


if __name__ == "__main__":
    main()
