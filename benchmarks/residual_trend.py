"""False positives, bias and coverage of the residual trend of `pipeline.evaluation.residualtrend`: prints the table of its docstring.

    python benchmarks/residual_trend.py

Per row: 400 climates (two variables, the first with the expected correlation r to the years), 50 series each. Errors: independent normal; below, errors
whose neighbours correlate by .3, of Student's t with 3 degrees of freedom, and lognormal, all of variance 1. Vegetation = rain + temperature / 2 + slope x
years + error.
"""

from __future__ import annotations

import numpy as np

from pipeline.evaluation.residualtrend import residual_trend
from pipeline.trend import statistics

CLIMATES, SERIES, ALPHA = 400, 50, 0.05


def errors(rng: np.random.Generator, kind: str, n: int) -> np.ndarray:
    """Return errors (n, SERIES) of mean 0 and variance 1."""
    if kind == "t3":
        return rng.standard_t(3, (n, SERIES)) / np.sqrt(3)
    if kind == "lognormal":
        return (np.exp(rng.normal(size=(n, SERIES))) - np.exp(0.5)) / np.sqrt((np.e - 1) * np.e)
    e = rng.normal(size=(n + 30, SERIES))
    if kind == "ar":
        for i in range(1, len(e)):
            e[i] = 0.3 * e[i - 1] + np.sqrt(1 - 0.09) * e[i]
    return e[30:]


def measure(n: int, r: float, kind: str = "normal") -> tuple[float, ...]:
    """Return mean slopes (RESTREND, partial) of a true slope 1, the coverage of its interval, and rates of p <= .05 without any trend.

    The rates: RESTREND, the partial S as if exchangeable, the partial p as given, the plain trend.
    """
    rng = np.random.default_rng(n)
    t = np.arange(n, dtype=float)
    line = (t - t.mean()) / t.std()
    found = []
    for _ in range(CLIMATES):
        x = np.column_stack([r * line + np.sqrt(1 - r * r) * rng.normal(size=n), rng.normal(size=n)])
        driven = (x[:, 0] + 0.5 * x[:, 1])[:, None]
        y = driven + errors(rng, kind, n)
        none, some = residual_trend(y, t, x), residual_trend(y + 1.0 * t[:, None], t, x)
        covers = (some.slope_low <= 1) & (some.slope_high >= 1)
        plain = statistics(y, t)[7]
        naive = exchangeable_p(none.s, n)
        rates = [np.mean(p <= ALPHA) for p in (none.restrend_p, naive, none.p, plain)]
        found.append((some.restrend_slope.mean(), some.slope.mean(), covers.mean(), *rates))
    return tuple(np.mean(found, axis=0).tolist())


def exchangeable_p(s: np.ndarray, n: int) -> np.ndarray:
    """Return the exact p of Mann-Kendall for these S."""
    from pipeline.kernels.null import two_sided_p

    return np.asarray(two_sided_p((1,) * n))[np.abs(s).astype(int)]


def main() -> None:
    """Print the table, then the rates under other errors."""
    print("| n | r | slope: RESTREND | partial | interval | p: RESTREND | partial as if exchangeable | partial | plain |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n in (8, 12, 20):
        for r in (0.0, 0.5, 0.8):
            restrend, partial, covers, *rates = measure(n, r)
            print(f"| {n} | {r:g} | {restrend:.2f} | {partial:.2f} | {covers:.3f} | {' | '.join(f'{v:.3f}' for v in rates)} |", flush=True)
    for kind in ("ar", "t3", "lognormal"):
        for n in (8, 12, 20):
            rates = measure(n, 0.0, kind)[3:]
            print(f"{kind}, n = {n}: {', '.join(f'{v:.3f}' for v in rates)}", flush=True)


if __name__ == "__main__":
    main()
