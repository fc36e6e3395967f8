"""Trend of a whole zone tested by orders of its years: all cells move together, so that they need not be independent."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import factorial

import numpy as np

from pipeline.kernels.joint import monotone_weights, slope_sums
from pipeline.kernels.null import ALL_ORDERS_MAX_N, DRAWN, all_orders, drawn_orders

SLOPES = 2.0e8  # pair slopes that the test of the mean slope may form: about 2 s of one core
SKIP_DEPTH = 4  # of the first steps, in which almost every pattern fails
TIES = 1e-12  # relative: sums of the same numbers in another order


@dataclass(frozen=True)
class JointTest:
    """What a zone's values say about a trend when whole years are exchangeable without one.

    `n` years with values; `orders` of them looked at: all n!, or `drawn` at random. Statistics, each with its p:
    `mean_s`, area-weighted mean of Kendall's S of the cells; `rising_pct` and `falling_pct`, share of the area that rises
    and that falls from each of its values to the next, tested by the larger (`monotone_p`); `slope_mean`, area-weighted mean
    Theil-Sen slope per year. p are two-sided, and never below `p_min`, which the first two reach where all cells move one
    way (the slope: see Notes of `joint_test`). `cells` with at least 3 values are in all of these; `slope_cells` of them,
    evenly spaced, in `slope_mean_p`.
    """

    n: int
    orders: int
    drawn: bool
    mean_s: float
    mean_s_p: float
    rising_pct: float
    falling_pct: float
    monotone_p: float
    slope_mean: float
    slope_mean_p: float
    p_min: float
    cells: int
    slope_cells: int


def joint_test(series: np.ndarray, times: np.ndarray, weights: np.ndarray, *, seed: int = 0) -> JointTest | None:
    """Return the permutation test of a zone; None with fewer than 3 years or without a cell that has 3 values.

    Null hypothesis: whole years are exchangeable. The values of all cells move together, and gaps with them, so that what
    cells share (spatial correlation, good and bad years) is kept, and p holds whatever it is. Exact: all orders up to 7
    years, p = share of orders with at least the statistic. Above, 9,999 drawn orders, p = (1 + number of those) / 10,000
    (Davison and Hinkley 1997). Autocorrelation from year to year is NOT covered: such years are not exchangeable.

    Parameters
    ----------
    series : (years, cells) values; NaN or infinite = gap. Years without any value are left out.
    times : (years,) strictly increasing, in years; need not be evenly spaced
    weights : (cells,) ground area, not negative
    seed : of the drawn orders; not used up to 7 years

    Notes
    -----
    The p of the slope uses evenly spaced cells, chosen without a look at the values, where all would need more than
    `SLOPES` pair slopes: this costs power, never validity. With uneven times no order mirrors the observed one exactly,
    and p is raised to `p_min` = 2 / n!. The slope is the weakest of the three where cells hardly vary around one line: many
    other orders of evenly spaced values have the same median slope (5 values on a line: 22 of 120 orders, p = .18).

    References
    ----------
    Livezey, R. E. and Chen, W. Y. (1983): Statistical field significance and its determination by Monte Carlo techniques.
    Monthly Weather Review 111, 46-59.
    Davison, A. C. and Hinkley, D. V. (1997): Bootstrap Methods and their Application, chapter 4.

    >>> import numpy as np
    >>> zone = np.array([[0.1, 0.2], [0.2, 0.3], [0.3, 0.5], [0.4, 0.6]])
    >>> found = joint_test(zone, np.arange(2021.0, 2025), np.ones(2))
    >>> found.mean_s, round(found.mean_s_p, 4), found.rising_pct, round(found.monotone_p, 4)
    (6.0, 0.0833, 100.0, 0.0833)
    """
    values = np.where(np.isfinite(series), series, np.nan).astype(np.float64, copy=False)
    area, when = np.asarray(weights, np.float64), np.asarray(times, np.float64)
    _check(values, when, area)
    used = (np.isfinite(values).sum(axis=0) >= 3) & (area > 0)
    values = values[:, used]
    seen = np.isfinite(values).any(axis=1)
    values, when, area = np.ascontiguousarray(values[seen]), when[seen], area[used]
    n, cells = values.shape
    if n < 3 or cells == 0:
        return None
    drawn = n > ALL_ORDERS_MAX_N
    observed = np.arange(n)[None]
    orders = np.concatenate([observed, drawn_orders(n, seed)]) if drawn else all_orders(n)  # row 0: as observed
    total = float(area.sum())
    p_min = 1 / (DRAWN + 1) if drawn else 2 / factorial(n)

    def p(statistic: np.ndarray) -> float:
        size = np.abs(statistic)
        return max(float(np.mean(size >= size[0] - TIES * size.max())), p_min)

    signs = _sign_sums(values, area) / total
    mean_s = sum((signs[orders[:, i], orders[:, j]] for i, j in combinations(range(n), 2)), np.zeros(len(orders)))
    patterns, shares = _patterns(values, area / total)
    monotone = np.empty((2, len(orders)))
    monotone_weights(patterns, shares, _skips(patterns, SKIP_DEPTH), orders, monotone)
    some = _evenly_spaced(cells, int(SLOPES / (len(orders) * n * (n - 1) / 2)))
    slope, mean_slope = np.zeros(len(orders)), np.zeros(1)
    slope_sums(np.ascontiguousarray(values[:, some]), when, area[some], orders, slope)
    slope_sums(values, when, area, orders[:1], mean_slope)
    rising, falling = np.minimum(100 * monotone[:, 0], 100)  # shares sum to 1 but for rounding
    return JointTest(
        n=n,
        orders=DRAWN if drawn else len(orders),
        drawn=drawn,
        mean_s=float(mean_s[0]),
        mean_s_p=p(mean_s),
        rising_pct=float(rising),
        falling_pct=float(falling),
        monotone_p=p(monotone.max(axis=0)),
        slope_mean=float(mean_slope[0]) / total,
        slope_mean_p=p(slope),
        p_min=p_min,
        cells=cells,
        slope_cells=some.size,
    )


def _check(values: np.ndarray, times: np.ndarray, weights: np.ndarray) -> None:
    if values.ndim != 2 or times.shape != values.shape[:1] or weights.shape != values.shape[1:]:
        raise ValueError(f"series {values.shape}, times {times.shape}, weights {weights.shape}; expected (years, cells), (years,), (cells,)")
    if not (np.isfinite(times).all() and (np.diff(times) > 0).all()):
        raise ValueError("times are not finite and strictly increasing")
    if not (np.isfinite(weights).all() and (weights >= 0).all()):
        raise ValueError("weights are not finite and at least 0")
    if len(times) > np.iinfo(np.uint8).max:
        raise ValueError(f"{len(times)} years; expected at most 255")


def _evenly_spaced(cells: int, most: int) -> np.ndarray:
    """Return the places of at most so many cells, at least 1, evenly spaced."""
    count = max(1, min(cells, most))
    return ((np.arange(count) + 0.5) * cells / count).astype(np.int64)


def _patterns(values: np.ndarray, shares: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the distinct rows of `monotone_weights`, sorted, and their shares; cells with equal values are never monotone."""
    n = values.shape[0]
    ranks = np.argsort(values, axis=0)  # NaN last
    ordered = np.take_along_axis(values, ranks, axis=0)
    strict = ~(np.diff(ordered, axis=0) == 0).any(axis=0)
    rows = np.where(np.isnan(ordered), 0, ranks + 1)[:, strict].T.astype(np.uint8, order="C")
    distinct, place = np.unique(rows.view(f"S{n}")[:, 0], return_inverse=True)
    patterns = np.frombuffer(distinct.tobytes(), np.uint8).reshape(-1, n).copy()
    return patterns, np.bincount(place, shares[strict], len(patterns)).astype(np.float64)


def _sign_sums(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return (years, years), antisymmetric: sum over cells of weight x sign of (value of the later row - of the earlier), gaps 0."""
    out = np.zeros((len(values), len(values)))
    for a, b in combinations(range(len(values)), 2):
        out[a, b] = weights @ (values[b] > values[a]) - weights @ (values[b] < values[a])
    return out - out.T


def _skips(patterns: np.ndarray, depth: int) -> np.ndarray:
    """Return `skip` of `monotone_weights` for sorted patterns."""
    m = len(patterns)
    same = np.logical_and.accumulate(patterns[1:] == patterns[:-1], axis=1)
    out = np.empty((m, depth), np.int64)
    for j in range(depth):
        begin = np.append(np.flatnonzero(~same[:, min(j + 1, same.shape[1] - 1)]) + 1, m)
        out[:, j] = begin[np.searchsorted(begin, np.arange(m), side="right")]
    return out
