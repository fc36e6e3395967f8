"""Mann-Kendall and Theil-Sen for many pixels at once (time in one chunk; space may be chunked at will).

The work goes across pixels on the native (time, pixel) layout, in groups of `LANES` pixels that stay in the cache.
NaN compares false, so gaps need no branch. All pairwise slopes of a group are sorted by one odd-even merge network,
whose steps are the same for every pixel and therefore run in vector lanes.

References
----------
Mann, H. B. (1945): Nonparametric tests against trend. Econometrica 13, 245-259.
Kendall, M. G. (1975): Rank Correlation Methods, 4th ed.
Sen, P. K. (1968): Estimates of the regression coefficient based on Kendall's tau. JASA 63, 1379-1389.
Gilbert, R. O. (1987): Statistical Methods for Environmental Pollution Monitoring, 16.4 and 17.3.
Batcher, K. E. (1968): Sorting networks and their applications. AFIPS 32, 307-314.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from pipeline.kernels.null import EXACT_MAX_N, TIE_KEY

LANES = 32  # 8 to 1,024 were tried: 32 keeps n = 48 (1,128 slopes) in the second-level cache
Z90 = 1.6448536269514722  # upper 5 % point of the standard normal: two-sided 90 %
_A, _B, _C = (float(w) for w in TIE_KEY)
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit("void(f8[:, ::1], i8)", **_OPTIONS)
def sort_rows(planes, n):
    """Sort the first n rows of `planes` in place, each column on its own, ascending (odd-even merge sort)."""
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(min(k, n - j - k)):
                    a = i + j
                    b = a + k
                    if a // (2 * p) == b // (2 * p):
                        for w in range(LANES):
                            u = planes[a, w]
                            v = planes[b, w]
                            planes[a, w] = u if u < v else v
                            planes[b, w] = v if u < v else u
            k //= 2
        p *= 2


@njit("f8(f8, f8, f8, i8, i8[::1], i8[::1], f8[:, ::1], i8)", **_OPTIONS)
def p_value(s, z, key, n, start, keys, exact_p, exact_to):
    """Return the two-sided p of one pixel: exact, conditional on its ties, up to `exact_to` values, normal above."""
    if n > exact_to:
        return math.erfc(abs(z) / math.sqrt(2.0))
    low = start[n]
    high = start[n + 1]
    wanted = np.int64(key)
    while high - low > 1:
        middle = (low + high) // 2
        if keys[middle] <= wanted:
            low = middle
        else:
            high = middle
    return exact_p[low, np.int64(abs(s))]


@njit(
    [
        "void(f4[:, ::1], f8[::1], i8[::1], i8[::1], f8[:, ::1], i8, f4[:, ::1])",
        "void(f8[:, ::1], f8[::1], i8[::1], i8[::1], f8[:, ::1], i8, f8[:, ::1])",
    ],
    **_OPTIONS,
)
def mann_kendall(y, t, start, keys, exact_p, exact_to, out):
    """Fill `out` (9, pixels) with the `OUTPUTS` of each pixel's series.

    Parameters
    ----------
    y : (time, pixels), NaN or infinite where there is no value
    t : (time,), strictly increasing; slopes are per unit of t
    start, keys, exact_p : `pipeline.kernels.null.NullTables`
    exact_to : p is exact for pixels of at most this many values; 0 for the normal approximation everywhere
    out : (9, pixels). Pixels with fewer than 3 values are NaN in all but n.

    The interval is Gilbert's (nominal 90 %, tie-corrected variance, ranks rounded), and the whole range of the slopes
    where his ranks do not exist. The intercept is the line's value at t[0]: median(y) + slope (t[0] - median(t)).
    """
    n_time, n_pixels = y.shape
    n_pairs = n_time * (n_time - 1) // 2
    slopes = np.empty((n_pairs, LANES))
    tile = np.empty((n_time, LANES))
    values = np.empty((n_time, LANES))
    s = np.empty(LANES)
    count = np.empty(LANES)
    tie = np.empty(LANES)
    key = np.empty(LANES)
    equal = np.empty(LANES)
    for first in range(0, n_pixels, LANES):
        width = min(LANES, n_pixels - first)
        for w in range(LANES):
            s[w] = 0.0
            count[w] = 0.0
            tie[w] = 0.0
            key[w] = 0.0
        for i in range(n_time):
            for w in range(width):
                value = np.float64(y[i, first + w])
                valid = abs(value) < np.inf
                count[w] += 1.0 if valid else 0.0
                tile[i, w] = value if valid else np.nan
                values[i, w] = value if valid else np.inf
        row = 0
        for i in range(n_time):
            for w in range(LANES):
                equal[w] = 0.0
            for j in range(i + 1, n_time):
                per_time = 1.0 / (t[j] - t[i])
                for w in range(LANES):
                    d = tile[j, w] - tile[i, w]
                    s[w] += (1.0 if d > 0 else 0.0) - (1.0 if d < 0 else 0.0)
                    equal[w] += 1.0 if d == 0 else 0.0
                    slope = d * per_time
                    slopes[row, w] = slope if d == d else np.inf
                row += 1
            for w in range(LANES):
                e = equal[w]
                tie[w] += 6.0 * e * (e + 2.0)  # sums to t (t - 1) (2 t + 5) over each group of t equal values
                key[w] += _A * e + _B * e * e + _C * e * e * e
        sort_rows(slopes, n_pairs)
        sort_rows(values, n_time)
        for w in range(width):
            pixel = first + w
            n = np.int64(count[w])
            out[8, pixel] = n
            if n < 3:
                for k in range(8):
                    out[k, pixel] = np.nan
                continue
            pairs = n * (n - 1) // 2
            slope = 0.5 * (slopes[(pairs - 1) // 2, w] + slopes[pairs // 2, w])
            deviation = math.sqrt((n * (n - 1) * (2 * n + 5) - tie[w]) / 18.0)
            rank = max(0, np.int64(np.rint((pairs - Z90 * deviation) / 2.0)) - 1)
            seen = 0
            t_low = t[0]
            t_high = t[0]
            for i in range(n_time):
                if tile[i, w] == tile[i, w]:
                    if seen == (n - 1) // 2:
                        t_low = t[i]
                    if seen == n // 2:
                        t_high = t[i]
                        break
                    seen += 1
            middle = 0.5 * (values[(n - 1) // 2, w] + values[n // 2, w])
            z = 0.0
            if s[w] > 0:
                z = (s[w] - 1.0) / deviation
            elif s[w] < 0:
                z = (s[w] + 1.0) / deviation
            out[0, pixel] = slope
            out[1, pixel] = slopes[rank, w]
            out[2, pixel] = slopes[pairs - 1 - rank, w]
            out[3, pixel] = middle + slope * (t[0] - 0.5 * (t_low + t_high))
            out[4, pixel] = s[w]
            out[5, pixel] = s[w] / pairs
            out[6, pixel] = z
            out[7, pixel] = p_value(s[w], z, key[w], n, start, keys, exact_p, exact_to)


def exact_limit(significance: str, n_time: int) -> int:
    """Return up to how many values p is exact: 20 for `auto` and `exact`, 0 for `normal`.

    Raises
    ------
    ValueError
        For `exact` with more than 20 times, and for any other word.
    """
    if significance not in {"auto", "exact", "normal"}:
        raise ValueError(f"significance is {significance!r}; expected auto, exact or normal")
    if significance == "exact" and n_time > EXACT_MAX_N:
        raise ValueError(f"exact significance needs at most {EXACT_MAX_N} times, got {n_time}; use auto")
    return 0 if significance == "normal" else EXACT_MAX_N
