"""Trend of monthly or otherwise seasonal values, many pixels at once (years and seasons in one chunk; space may be chunked at will).

Everything comes from one small matrix per pixel: D[a, b] = sum over seasons of the sign of (value of year b - value of year a).
S' is the sum of D over pairs of years; its variance by Hirsch and Slack is [sum of D**2 + sum over years of (row sum of D)**2]
/ 3, which is their sum of all covariances written at once (tests/test_seasonal.py); and under another order of whole years S'
is the same sum with other signs.

References
----------
Hirsch, R. M., Slack, J. R. and Smith, R. A. (1982): Techniques of trend analysis for monthly water quality data. WRR 18, 107-121.
Hirsch, R. M. and Slack, J. R. (1984): A nonparametric trend test for seasonal data with serial dependence. WRR 20, 727-732.
Gilbert, R. O. (1987): Statistical Methods for Environmental Pollution Monitoring, 17.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numba import njit

from pipeline.kernels.kendall import LANES, Z90, sort_rows
from pipeline.kernels.null import ALL_ORDERS_MAX_N, all_orders, drawn_orders

SEASONAL_KENDALL, HIRSCH_SLACK, YEAR_PERMUTATION = 0, 1, 2
ORDERS = 2048  # at a time, whose sums stay in the first-level cache
SEED = 0  # of the orders drawn above ALL_ORDERS_MAX_N years: the same for every pixel and run
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@cache
def order_signs(n: int) -> np.ndarray:
    """Return (pairs, orders) int16: +1 where the later year of a pair stands later in that order too, else -1.

    Up to `ALL_ORDERS_MAX_N` years one of each order and its mirror image, whose S' is opposite; above, the drawn orders.
    """
    places = all_orders(n) if n <= ALL_ORDERS_MAX_N else drawn_orders(n, SEED)
    if 2 <= n <= ALL_ORDERS_MAX_N:
        places = places[places[:, 0] < places[:, -1]]
    a, b = np.triu_indices(n, 1)
    return np.where(places[:, b] > places[:, a], 1, -1).T.astype(np.int16, order="C")


@cache
def few_year_signs() -> tuple[np.ndarray, np.ndarray]:
    """Return `order_signs` of 0 to 7 years beside each other, padded with 0, and the column where each begins (9,)."""
    parts = [order_signs(n) for n in range(ALL_ORDERS_MAX_N + 1)]
    pairs = len(parts[-1])
    columns = np.concatenate([np.pad(p, ((0, pairs - len(p)), (0, 0))) for p in parts], axis=1)
    return columns, np.cumsum([0] + [p.shape[1] for p in parts]).astype(np.int64)


@njit("i8(i2[::1], i8, i2[:, ::1], i8, i8, i8, i2[::1])", **_OPTIONS)
def count_orders(d, pairs, signs, begin, end, size, totals):
    """Return in how many of the orders `begin` to `end` the sum of +-d over the pairs is at least `size`, 16 orders at a time."""
    hits = 0
    for first in range(begin, end, totals.size):
        part = totals[: min(end - first, totals.size)]
        for k in range(part.size):
            part[k] = 0
        for row in range(pairs):
            v = d[row]
            sign = signs[row, first : first + part.size]
            for k in range(part.size):
                part[k] += v * sign[k]
        for k in range(part.size):
            hits += 1 if abs(part[k]) >= size else 0
    return hits


@njit("void(f8[:, :, ::1], f8[::1], i8, i2[:, ::1], i2[:, ::1], i8[::1], f8[:, ::1])", **_OPTIONS)
def seasonal_trend(y, t, test, signs, few, few_start, out):
    """Fill `out` (9, pixels) with the `OUTPUTS` of each pixel's series.

    Parameters
    ----------
    y : (years, seasons, pixels), NaN or infinite where there is no value
    t : (years,), strictly increasing; slopes are per unit of t
    test : SEASONAL_KENDALL, HIRSCH_SLACK or YEAR_PERMUTATION
    signs : `order_signs` of the number of years, for pixels with more than 7 years in YEAR_PERMUTATION
    few, few_start : `few_year_signs`, for the others
    out : (9, pixels). n counts years with at least one value; below 3, or without two values of any season, all else is NaN.

    Missing values: their sign is 0 in D, which gives a missing value the middle rank of its season and leaves its pairs out
    of K (as the R package rkt; EnvStats takes K of the filled ranks instead). A variance of 0 cannot be tested by Hirsch and
    Slack: z and p are NaN. Slope: median of all slopes between years within a season. Interval: Gilbert's ranks (nominal
    90 %) with the test's variance, Hirsch's for YEAR_PERMUTATION; the whole range where his ranks do not exist. Intercept:
    median over seasons of the line's value at t[0], median(y_g) + slope (t[0] - median(t_g)).
    """
    n_time, n_seasons, n_pixels = y.shape
    n_pairs = n_time * (n_time - 1) // 2
    slopes = np.empty((n_pairs * n_seasons, LANES))
    tile = np.empty((n_time, LANES))
    values = np.empty((n_time, LANES))
    middle = np.empty((n_seasons, LANES))
    when = np.empty((n_seasons, LANES))
    d = np.empty((n_pairs, LANES), np.int16)
    own = np.empty(n_pairs, np.int16)
    totals = np.empty(ORDERS, np.int16)
    seen = np.empty((n_time, LANES), np.bool_)
    s = np.empty(LANES)
    pairs = np.empty(LANES)
    variance = np.empty(LANES)
    count = np.empty(LANES)
    equal = np.empty(LANES)
    tie = np.empty(LANES)
    for first in range(0, n_pixels, LANES):
        width = min(LANES, n_pixels - first)
        for w in range(LANES):
            s[w] = 0.0
            pairs[w] = 0.0
            variance[w] = 0.0
            for pair in range(n_pairs):
                d[pair, w] = 0
            for i in range(n_time):
                seen[i, w] = False
        row = 0
        for g in range(n_seasons):
            for w in range(LANES):
                count[w] = 0.0
                tie[w] = 0.0
            for i in range(n_time):
                for w in range(LANES):
                    value = y[i, g, first + w] if w < width else np.nan
                    valid = abs(value) < np.inf
                    count[w] += 1.0 if valid else 0.0
                    tile[i, w] = value if valid else np.nan
                    values[i, w] = value if valid else np.inf
                    seen[i, w] |= valid
            pair = 0
            for i in range(n_time):
                for w in range(LANES):
                    equal[w] = 0.0
                for j in range(i + 1, n_time):
                    per_time = 1.0 / (t[j] - t[i])
                    for w in range(LANES):
                        e = tile[j, w] - tile[i, w]
                        sign = (1.0 if e > 0 else 0.0) - (1.0 if e < 0 else 0.0)
                        s[w] += sign
                        d[pair, w] += np.int16(sign)
                        equal[w] += 1.0 if e == 0 else 0.0
                        slopes[row, w] = e * per_time if e == e else np.inf
                    row += 1
                    pair += 1
                for w in range(LANES):
                    tie[w] += 6.0 * equal[w] * (equal[w] + 2.0)  # sums to k (k - 1) (2 k + 5) over each group of k equal values
            sort_rows(values, n_time)
            for w in range(width):
                m = np.int64(count[w])
                pairs[w] += m * (m - 1) // 2
                variance[w] += (m * (m - 1) * (2 * m + 5) - tie[w]) / 18.0
                middle[g, w] = 0.5 * (values[(m - 1) // 2, w] + values[m // 2, w]) if m > 0 else np.inf
                before = 0
                low = 0.0
                for i in range(n_time):
                    if tile[i, w] == tile[i, w]:
                        if before == (m - 1) // 2:
                            low = t[i]
                        if before == m // 2:
                            when[g, w] = 0.5 * (low + t[i])
                        before += 1
        if test == HIRSCH_SLACK:
            for w in range(LANES):
                variance[w] = 0.0
            for i in range(n_time):
                for w in range(LANES):
                    tie[w] = 0.0
                pair = 0
                for a in range(n_time):
                    for b in range(a + 1, n_time):
                        if a == i or b == i:  # each pair twice: half of its square each time
                            side = 1.0 if a == i else -1.0
                            for w in range(LANES):
                                tie[w] += side * d[pair, w]
                                variance[w] += 0.5 * d[pair, w] * d[pair, w]
                        pair += 1
                for w in range(LANES):
                    variance[w] += tie[w] * tie[w]
            for w in range(LANES):
                variance[w] /= 3.0
        sort_rows(slopes, n_pairs * n_seasons)
        for w in range(width):
            pixel = first + w
            n = 0
            for i in range(n_time):
                n += 1 if seen[i, w] else 0
            for k in range(8):
                out[k, pixel] = np.nan
            out[8, pixel] = n
            if n < 3 or pairs[w] == 0:
                continue
            m = np.int64(pairs[w])
            slope = 0.5 * (slopes[(m - 1) // 2, w] + slopes[m // 2, w])
            deviation = math.sqrt(variance[w])
            rank = max(0, np.int64(np.rint((m - Z90 * deviation) / 2.0)) - 1) if deviation > 0 else 0
            z = 0.0
            if s[w] != 0:
                z = (s[w] - math.copysign(1.0, s[w])) / deviation
            elif deviation == 0 and test == HIRSCH_SLACK:
                z = np.nan
            p = math.erfc(abs(z) / math.sqrt(2.0))
            if test == YEAR_PERMUTATION:
                row = 0
                pair = 0
                for a in range(n_time):
                    for b in range(a + 1, n_time):
                        if seen[a, w] and seen[b, w]:
                            own[row] = d[pair, w]
                            row += 1
                        pair += 1
                size = np.int64(abs(s[w]))
                if n <= ALL_ORDERS_MAX_N:
                    p = count_orders(own, row, few, few_start[n], few_start[n + 1], size, totals) / (few_start[n + 1] - few_start[n])
                else:
                    for pair in range(n_pairs):
                        own[pair] = d[pair, w]
                    p = (1 + count_orders(own, n_pairs, signs, 0, signs.shape[1], size, totals)) / (1 + signs.shape[1])
            out[0, pixel] = slope
            out[1, pixel] = slopes[rank, w]
            out[2, pixel] = slopes[m - 1 - rank, w]
            out[4, pixel] = s[w]
            out[5, pixel] = s[w] / pairs[w]
            out[6, pixel] = z
            out[7, pixel] = p
            for g in range(n_seasons):
                middle[g, w] += slope * (t[0] - when[g, w]) if middle[g, w] < np.inf else 0.0
        sort_rows(middle, n_seasons)
        for w in range(width):
            m = 0
            while m < n_seasons and middle[m, w] < np.inf:
                m += 1
            if out[0, first + w] == out[0, first + w]:
                out[3, first + w] = 0.5 * (middle[(m - 1) // 2, w] + middle[m // 2, w])
