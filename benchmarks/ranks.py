"""How often rank intervals of restoration methods hold the true rank, in planted runs.

Run `python benchmarks/ranks.py` (2,000 runs a setting, prints the Markdown table of docs/methods-compared.md), with `--small` for a few runs in seconds.

True means of the methods lie one step apart; the scores of their zones scatter about them with standard deviation 1, so that a step is in standard
deviations of a zone. Zones are independent; normal, or skewed (exponential, shifted to the same mean).
"""

from __future__ import annotations

import argparse
from itertools import product

import numpy as np

from pipeline.evaluation.ranking import RESAMPLES, ranks

METHODS, ZONES, STEPS = (3, 6), (2, 3, 5, 10), (0.1, 0.5, 1.0, 2.0)
RUNS, SMALL = 2000, 10


def held(methods: int, zones: int, step: float, skewed: bool, runs: int) -> tuple[float, float]:
    """Return the share of true ranks inside their interval, and the mean number of ranks that an interval holds."""
    rng = np.random.default_rng([methods, zones, int(10 * step), skewed])
    true = -step * np.arange(methods)[:, None]
    hits, wide = 0, 0.0
    for run in range(runs):
        noise = rng.exponential(1, (methods, zones)) - 1 if skewed else rng.normal(0, 1, (methods, zones))
        found = ranks({str(i): scores for i, scores in enumerate((true + noise).tolist())}, seed=run).values()
        hits += sum(r.low <= i <= r.high for i, r in enumerate(found, start=1))
        wide += sum(r.high - r.low + 1 for r in found)
    return hits / (runs * methods), wide / (runs * methods)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--small", action="store_true", help=f"{SMALL} runs of each setting")
    runs = SMALL if parser.parse_args().small else RUNS
    print("| methods | zones of each | scores | " + " | ".join(f"step {s:g}" for s in STEPS) + " |")
    print("|---" * (3 + len(STEPS)) + "|")
    least = 1.0
    for methods, zones, skewed in product(METHODS, ZONES, (False, True)):
        found = [held(methods, zones, step, skewed, runs) for step in STEPS]
        least = min(least, *(share for share, _ in found))
        cells = " | ".join(f"{share:.3f} ({wide:.1f})" for share, wide in found)
        print(f"| {methods} | {zones} | {'skewed' if skewed else 'normal'} | {cells} |", flush=True)
    print(f"\n{runs:,} runs a setting, {RESAMPLES:,} resamples, nominal 0.9; least of all: {least:.3f}.")


if __name__ == "__main__":
    main()
