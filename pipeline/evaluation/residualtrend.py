"""Trend of cover that precipitation and temperature do not explain: residual trend (RESTREND), and the partial trend that takes its place.

References
----------
Evans, J. and Geerken, R. (2004): Discrimination between climate and human-induced dryland degradation. J. Arid Environ. 57, 535-554.
Wessels, K. J., van den Bergh, F. and Scholes, R. J. (2012): Limits to detectability of land degradation by trend analysis of vegetation index data. Remote
Sens. Environ. 125, 10-22.
Frisch, R. and Waugh, F. V. (1933): Partial time regressions as compared with individual trends. Econometrica 1, 387-401.
Dufour, J.-M. (2006): Monte Carlo tests with nuisance parameters. J. Econometrics 133, 443-477.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from pipeline.evaluation.climate import LEAST_FOR_TREND
from pipeline.trend import statistics

DRAWS = 9_999
LEVEL = 0.90  # nominal, as that of the trend's interval
STRIP_CELLS = 4096  # whose slopes between years are held at a time
ROUNDING = 1e-6  # of the largest value: what is left of a float32 raster after an exact fit
SAME = 1e-9  # of the length of the series: years that climate leaves at one time


class ResidualTrend(NamedTuple):
    """Trend of each series beside climate: see `residual_trend`. All (cells,) float64, NaN where refused but in `n`."""

    n: np.ndarray
    slope: np.ndarray
    slope_low: np.ndarray
    slope_high: np.ndarray
    s: np.ndarray
    p: np.ndarray
    restrend_slope: np.ndarray
    restrend_p: np.ndarray
    r2: np.ndarray
    climate_p: np.ndarray
    time_left: np.ndarray


def residual_trend(series: np.ndarray, times: np.ndarray, climate: np.ndarray) -> ResidualTrend:
    """Return the trend of each series that is left when precipitation and temperature are taken out of it.

    `slope`, `s`, `p`: the PARTIAL trend. Both the series and the years are regressed on climate (ordinary least squares with a constant); `slope` is the
    Theil-Sen slope of what is left of the series over what is left of the years, in its unit per year, `s` Kendall's S of the two. Pairs of years that
    climate leaves at one time are not compared. `slope_low`, `slope_high`: nominal 90 %, the slopes that the test does not refuse, [min, max] of the slopes
    where that does not exist. `p`: two-sided; residuals of a fit are not exchangeable, so the null distribution of S is drawn for the very years and
    climate, 9,999 times with independent normal errors (fixed seed), which is exact for those whatever their size (Dufour 2006).

    `restrend_slope`, `restrend_p`: as published (Evans and Geerken 2004), Theil-Sen and Mann-Kendall of the residuals over the years. Kept for comparison:
    where climate itself has a trend, they lose the part of the vegetation's trend that runs with it. `r2`: share of the series that climate explains;
    by chance alone about (number of climate variables) / (n - 1). `climate_p`: of the F test of climate beside a linear trend, for normal errors: a large
    one says that climate explains nothing here, and the plain trend says as much (Wessels et al. 2012: strong degradation hides the
    relation to rain). `time_left`: share of the years' variance that climate leaves; near 0 trend and climate cannot be told apart.

    Measured (`benchmarks/residual_trend.py`: 20,000 series a row, two climate variables, the first correlated with the years by r; errors of standard
    deviation 1): the mean slope where the true one is 1, how often the interval holds it, and how often p <= .05 where there is no trend; "as if exchangeable":
    the p of Mann-Kendall for the same S; "plain": Mann-Kendall of the series itself, which climate moves.

    | n | r | slope: RESTREND | partial | interval | p: RESTREND | partial as if exchangeable | partial | plain |
    |---|---|---|---|---|---|---|---|---|
    | 8 | 0 | 0.69 | 1.00 | 0.923 | 0.028 | 0.076 | 0.040 | 0.031 |
    | 8 | 0.5 | 0.54 | 1.00 | 0.922 | 0.014 | 0.077 | 0.044 | 0.093 |
    | 8 | 0.8 | 0.25 | 1.01 | 0.927 | 0.001 | 0.073 | 0.041 | 0.230 |
    | 12 | 0 | 0.82 | 1.00 | 0.909 | 0.045 | 0.068 | 0.044 | 0.044 |
    | 12 | 0.5 | 0.62 | 1.00 | 0.909 | 0.022 | 0.067 | 0.042 | 0.165 |
    | 12 | 0.8 | 0.28 | 1.00 | 0.908 | 0.002 | 0.068 | 0.041 | 0.431 |
    | 20 | 0 | 0.90 | 1.00 | 0.908 | 0.048 | 0.061 | 0.047 | 0.048 |
    | 20 | 0.5 | 0.68 | 1.00 | 0.907 | 0.024 | 0.060 | 0.047 | 0.284 |
    | 20 | 0.8 | 0.32 | 1.00 | 0.905 | 0.002 | 0.060 | 0.049 | 0.703 |

    With errors of Student's t (3 degrees of freedom) or lognormal the partial p is <= .05 in .036 to .045 of cases. With errors that go on for years (lag-1
    correlation .3) it is TOO SMALL: <= .05 in .072, .095 and .115 of cases for n = 8, 12, 20 (RESTREND .055, .097, .114; plain .048, .069, .080). Nothing
    here says that climate or restoration is the cause.

    Parameters
    ----------
    series : (times, cells) float; NaN and infinite values are gaps. Fewer than 8 values in years with climate: refused
    times : (times,) strictly increasing, in years
    climate : (times, variables): season sums and means; a year with a gap is left out

    Raises
    ------
    ValueError
        Other shapes or times, or no climate variable.

    Examples
    --------
    >>> rain = np.array([210.0, 260, 190, 300, 240, 280, 230, 310])
    >>> found = residual_trend((0.001 * rain + 0.02 * np.arange(8))[:, None], np.arange(2015.0, 2023), rain[:, None])
    >>> [round(float(v[0]), 3) for v in (found.slope, found.restrend_slope, found.time_left)]
    [0.02, 0.015, 0.73]
    """
    y, t, x = np.asarray(series, np.float64), np.asarray(times, np.float64), np.asarray(climate, np.float64)
    if y.ndim != 2 or x.ndim != 2 or not (len(y) == len(t) == len(x)) or not x.shape[1]:
        raise ValueError(f"series {y.shape}, times {t.shape}, climate {x.shape}; expected (times, cells), (times,) and (times, variables) of the same years")
    if t.ndim != 1 or not np.isfinite(t).all() or not (np.diff(t) > 0).all():
        raise ValueError("times are not strictly increasing numbers; expected one for each year")
    valid = np.isfinite(y) & np.isfinite(x).all(axis=1, keepdims=True)
    out = np.full((len(ResidualTrend._fields), y.shape[1]), np.nan)
    out[0] = valid.sum(axis=0)
    patterns, which = np.unique(valid, axis=1, return_inverse=True)
    for number, pattern in enumerate(patterns.T):
        if pattern.sum() >= LEAST_FOR_TREND:
            cells = np.flatnonzero(which.ravel() == number)
            fit = _Fit(t[pattern], x[pattern])
            for first in range(0, cells.size, STRIP_CELLS):
                some = cells[first : first + STRIP_CELLS]
                out[1:, some] = fit.of(y[np.ix_(pattern, some)])
    return ResidualTrend(*out)


class _Fit:
    """What all series with values in the same years share: the fit on climate, what it leaves of the years, and the null distribution of S."""

    def __init__(self, t: np.ndarray, x: np.ndarray) -> None:
        self.t = t - t.mean()
        self.q = _basis(x)
        left = self.residuals(self.t[:, None])[:, 0]
        self.time_left = float(left @ left / (self.t @ self.t))
        i, j = np.triu_indices(len(t), 1)
        gap = left[j] - left[i]
        apart = abs(gap) > SAME * np.ptp(self.t)
        self.i, self.j, self.gap = i[apart], j[apart], gap[apart]
        s = abs(self.s(self.residuals(normal_errors(len(t)))))
        self.null = np.sort(s)

    def residuals(self, y: np.ndarray) -> np.ndarray:
        """Return what climate and a constant leave of each series; 0 where that is rounding."""
        centred = y - y.mean(axis=0)
        left = centred - self.q @ (self.q.T @ centred)
        return np.where(abs(left) <= ROUNDING * abs(y).max(axis=0), 0.0, left)

    def s(self, e: np.ndarray) -> np.ndarray:
        """Return Kendall's S of residuals and what is left of the years, pair by pair: memory for one pair at a time."""
        out = np.zeros(e.shape[1])
        for i, j, gap in zip(self.i, self.j, self.gap, strict=True):
            out += np.sign(e[j] - e[i]) * np.sign(gap)
        return out

    def p(self, s: np.ndarray) -> np.ndarray:
        """Return the share of drawn S at least as large, the observed one counted."""
        beyond = len(self.null) - np.searchsorted(self.null, abs(s) - 0.5)
        return (1 + beyond) / (len(self.null) + 1)

    def of(self, y: np.ndarray) -> np.ndarray:
        """Return the fields of `ResidualTrend` after `n`, (10, cells)."""
        e, n, k = self.residuals(y), len(y), self.q.shape[1]
        out = np.full((10, y.shape[1]), np.nan)
        published = statistics(e, self.t)
        total = ((y - y.mean(axis=0)) ** 2).sum(axis=0)
        rest = (e**2).sum(axis=0)
        out[5], out[6] = published[0], published[7]
        np.divide(total - rest, total, out=out[7], where=total > 0)
        out[9] = self.time_left
        if not self.gap.size:  # climate follows the years: nothing to compare
            return out
        slopes = np.sort((e[self.j] - e[self.i]) / self.gap[:, None], axis=0)
        s = self.s(e)
        m = len(slopes)
        refused = np.flatnonzero(self.p(np.arange(m + 1)) <= 1 - LEVEL)
        below = (m - (int(refused[0]) - 1)) // 2 if refused.size else 0
        out[0] = (slopes[(m - 1) // 2] + slopes[m // 2]) / 2
        out[1], out[2] = slopes[max(below - 1, 0)], slopes[min(m - below, m - 1)]
        out[3], out[4] = s, self.p(s)
        out[8] = _climate_p(y, self.t, self.q, n, k)
        return out


def _basis(x: np.ndarray) -> np.ndarray:
    """Return an orthonormal basis of the centred climate variables; one that does not vary, or repeats another, adds nothing."""
    centred = x - x.mean(axis=0)
    spread = np.sqrt((centred**2).sum(axis=0))
    varies = spread > SAME * abs(x).max(axis=0) * len(x)
    u, size, _ = np.linalg.svd(centred[:, varies] / spread[varies], full_matrices=False)
    return np.asarray(u[:, size > SAME])


def _climate_p(y: np.ndarray, t: np.ndarray, q: np.ndarray, n: int, k: int) -> np.ndarray:
    """Return p of the F test that climate adds nothing to a constant and a linear trend."""
    from scipy.special import fdtrc

    line = (t / np.sqrt(t @ t))[:, None]
    centred = y - y.mean(axis=0)
    alone = centred - line @ (line.T @ centred)
    both, _ = np.linalg.qr(np.hstack([line, q]))
    rest = ((centred - both @ (both.T @ centred)) ** 2).sum(axis=0)
    gained = (alone**2).sum(axis=0) - rest
    least = (ROUNDING * abs(y).max(axis=0)) ** 2 * n
    out = np.full(y.shape[1], np.nan)
    if k and n > k + 2:
        exact = rest <= least
        f = np.maximum(gained, 0) / k / (np.where(exact, 1.0, rest) / (n - k - 2))
        out = np.where(exact, np.where(gained > least, 0.0, np.nan), fdtrc(k, n - k - 2, f))
    return out


def normal_errors(n: int, seed: int = 0) -> np.ndarray:
    """Return `DRAWS` series of n independent standard normal errors, (n, draws): of raw bits, whose stream numpy keeps from version to version.

    >>> normal_errors(8).shape
    (8, 9999)
    """
    from scipy.special import ndtri

    bits = np.random.PCG64(seed).random_raw(DRAWS * n) >> np.uint64(11)
    return np.asarray(ndtri((bits.astype(np.float64) + 0.5) * 2.0**-53)).reshape(n, DRAWS)
