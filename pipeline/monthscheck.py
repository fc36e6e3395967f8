"""Seasonal statistics of one pixel once more, for `minegreen crosscheck`: month by month with pymannkendall and scipy, and formulas written out."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np

from pipeline.kernels.null import ALL_ORDERS_MAX_N, drawn_orders

NAMES = ("n", "s", "tau", "z", "p", "slope")


def reference(x: np.ndarray, years: np.ndarray, test: str) -> dict[str, float]:
    """Return n, s, tau, z, p and slope of one pixel's values (years, months), NaN = missing, by the definitions.

    S and its variance of each month are pymannkendall's; the covariance of two months is Hirsch and Slack's formula on mid-ranks; orders of
    whole years are looked at one by one. z has a continuity correction, which pymannkendall's own test of correlated months lacks.
    """
    import pymannkendall
    from scipy.stats import norm

    there = np.isfinite(x)
    seen = there.any(axis=1)
    out = dict.fromkeys(NAMES, float("nan")) | {"n": float(seen.sum())}
    pairs = [(i, j) for i, j in combinations(range(len(x)), 2)]
    slopes = [(x[j, g] - x[i, g]) / (years[j] - years[i]) for g in range(x.shape[1]) for i, j in pairs if there[i, g] and there[j, g]]
    if seen.sum() < 3 or not slopes:
        return out
    each = [pymannkendall.original_test(x[there[:, g], g]) for g in range(x.shape[1]) if there[:, g].sum() > 1]
    s, variance = sum(float(e.s) for e in each), sum(float(e.var_s) for e in each)
    if test == "hirsch-slack":
        variance += 2 * sum(covariance(x[:, g], x[:, h]) for g, h in combinations(range(x.shape[1]), 2))
    flat = abs(variance) < 1e-9
    z = (s - np.sign(s)) / np.sqrt(variance) if not flat else float("nan") if test == "hirsch-slack" else 0.0
    p = share_of_orders(x) if test == "year-permutation" else 2 * float(norm.sf(abs(z)))
    return out | {"s": s, "tau": s / len(slopes), "z": float(z), "p": p, "slope": float(np.median(slopes))}


def covariance(x: np.ndarray, y: np.ndarray) -> float:
    """Return the covariance of Kendall's S of two months: [K + 4 sum R R - n (n_x + 1) (n_y + 1)] / 3, a missing value has the middle rank.

    >>> covariance(np.array([1.0, 2, 3, 4]), np.array([1.0, 2, 3, 4])), covariance(np.array([1.0, 2, 3, 4]), np.array([4.0, 3, 2, 1]))
    (8.666666666666666, -8.666666666666666)
    """
    from scipy.stats import rankdata

    def ranks(v: np.ndarray) -> np.ndarray:
        out = np.full(v.size, (np.isfinite(v).sum() + 1) / 2)
        out[np.isfinite(v)] = rankdata(v[np.isfinite(v)])
        return out

    k = sum(float(np.nan_to_num(np.sign((x[j] - x[i]) * (y[j] - y[i])))) for i, j in combinations(range(x.size), 2))
    return float(k + 4 * (ranks(x) * ranks(y)).sum() - x.size * (np.isfinite(x).sum() + 1) * (np.isfinite(y).sum() + 1)) / 3


def share_of_orders(x: np.ndarray) -> float:
    """Return the share of orders of whole years, all months together, whose sum of S is at least as far from 0 as observed.

    All orders of up to 7 years with values; above, the drawn ones of the run beside the observed one.

    >>> share_of_orders(np.array([[1.0, 5], [2, 6], [3, 7], [4, 8]]))  # 2 of 24
    0.08333333333333333
    """
    kept = np.isfinite(x).any(axis=1)
    every = kept.sum() <= ALL_ORDERS_MAX_N
    x = x[kept] if every else x
    signs = np.nansum(np.sign(x[None] - x[:, None]), axis=2)  # of year j less year i, summed over months
    orders = np.array(list(permutations(range(len(x))))) if every else drawn_orders(len(x), 0)
    a, b = np.triu_indices(len(x), 1)
    observed = abs(signs[a, b].sum())
    hits = int((np.abs((signs[a, b] * np.sign(orders[:, b] - orders[:, a])).sum(axis=1)) >= observed).sum())
    return hits / len(orders) if every else (1 + hits) / (1 + len(orders))
