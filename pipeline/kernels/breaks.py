"""Change points of many pixels at once: Pettitt's test and two lines with a jump (time in one chunk; space may be chunked at will).

NaN or infinite values are gaps: they compare false and weigh nothing, so that every pixel keeps the years that it has.

References
----------
Pettitt, A. N. (1979): A non-parametric approach to the change-point problem. Applied Statistics 28, 126-135.
Quandt, R. E. (1958): The estimation of the parameters of a linear regression system obeying two separate regimes. JASA 53, 873-880.
Freedman, D. and Lane, D. (1983): A nonstochastic interpretation of reported significance levels. J. Business Econ. Stat. 1, 292-298.
"""

from __future__ import annotations

import numpy as np
from numba import njit

LANES = 32  # pixels at a time, as in the Mann-Kendall kernel
ORDERS = 64  # orders at a time: their sums of 24 years stay in the first-level cache
ROUNDING = 1e-13  # of the largest value: residuals below that are rounding, not noise
TIES = 1e-12  # of two ratios of sums of squares: sums of the same numbers in another order
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit("void(f8[:, ::1], i8[:, ::1])", **_OPTIONS)
def doubled_ranks(y, out):
    """Fill `out` (time, pixels) with 2 rank - (n + 1), ties at their mean rank: the sum of signs against all values; 0 at gaps."""
    n_time, n_pixels = y.shape
    out[:] = 0
    for a in range(n_time):
        for b in range(a + 1, n_time):
            for w in range(n_pixels):
                sign = np.int64(y[a, w] > y[b, w]) - np.int64(y[a, w] < y[b, w])
                out[a, w] += sign
                out[b, w] -= sign


@njit("void(f8[:, ::1], f8[::1], f8[:, ::1])", **_OPTIONS)
def change_points(y, t, out):
    """Fill `out` (6, pixels) with Pettitt's change point of each series.

    Rows: valid values; U_t of largest size, with its sign (positive: values fall), the first where several are; the time of
    the last value before the change and of the first after it, NaN where every U_t is 0; number of t with that |U_t|, 0 there; number of
    pairs of equal values. U_t is the sum over i <= t < j of sign(x_i - x_j), formed as the sum of doubled ranks up to t.
    """
    n_time, n_pixels = y.shape
    tile = np.empty((n_time, LANES))
    rank = np.empty((n_time, LANES))
    pairs = np.empty(LANES)
    for first in range(0, n_pixels, LANES):
        width = min(LANES, n_pixels - first)
        pairs[:] = 0.0
        rank[:] = 0.0
        for i in range(n_time):
            for w in range(LANES):
                tile[i, w] = np.nan
            for w in range(width):
                value = y[i, first + w]
                tile[i, w] = value if abs(value) < np.inf else np.nan
        for a in range(n_time):
            for b in range(a + 1, n_time):
                for w in range(LANES):
                    u = tile[a, w]
                    v = tile[b, w]
                    sign = (1.0 if u > v else 0.0) - (1.0 if u < v else 0.0)
                    rank[a, w] += sign
                    rank[b, w] -= sign
                    pairs[w] += 1.0 if u == v else 0.0
        for w in range(width):
            count = 0.0
            total = 0.0
            found = 0.0
            places = 0.0
            before = np.nan
            after = np.nan
            waiting = False
            for i in range(n_time):
                if tile[i, w] == tile[i, w]:
                    if waiting:
                        after = t[i]
                        waiting = False
                    count += 1.0
                    total += rank[i, w]
                    if abs(total) > abs(found):
                        found = total
                        before = t[i]
                        places = 1.0
                        waiting = True  # a later value follows: the last total is 0
                    elif abs(total) == abs(found) and found != 0.0:
                        places += 1.0
            pixel = first + w
            out[0, pixel] = count
            out[1, pixel] = found
            out[2, pixel] = before
            out[3, pixel] = after
            out[4, pixel] = places
            out[5, pixel] = pairs[w]


@njit("void(i8[::1], u1[:, ::1], i8[::1])", **_OPTIONS)
def largest_u(ranks, orders, out):
    """Fill `out` (orders,) with max |U_t| of the doubled ranks (n,) in each order; orders (n, orders)."""
    n, count = orders.shape
    total = np.zeros(count, np.int64)
    out[:] = 0
    for i in range(n):
        for k in range(count):
            total[k] += ranks[orders[i, k]]
            out[k] = max(out[k], abs(total[k]))


@njit("Tuple((i8, f8, f8, f8))(f8[:, ::1], f8[::1], i8, f8, f8[::1], f8[::1])", **_OPTIONS)
def _one_line(y, t, pixel, free, e, s):
    """Fill `e` with the residuals of a pixel's valid values from one line, `s` with their times about the mean of the times.

    free : 1 with a slope, 0 for a level. Returns the number of values, the slope, the sum of `s` squared and the largest value; below 2
    values only the number.
    """
    n = 0
    largest = 0.0
    mean = 0.0
    middle = 0.0
    for i in range(y.shape[0]):
        value = y[i, pixel]
        if abs(value) < np.inf:
            e[n] = value
            s[n] = t[i]
            mean += value
            middle += t[i]
            largest = max(largest, abs(value))
            n += 1
    if n < 2:
        return n, np.nan, np.nan, largest
    mean /= n
    middle /= n
    stt = 0.0
    ste = 0.0
    for i in range(n):
        s[i] -= middle
        e[i] -= mean
        stt += s[i] * s[i]
        ste += s[i] * e[i]
    slope = free * ste / stt
    for i in range(n):
        e[i] -= slope * s[i]
    return n, slope, stt, largest


@njit("void(f8[:, ::1], f8[::1], i8, b1, f8[:, ::1])", **_OPTIONS)
def two_lines(y, t, least, slopes, out):
    """Fill `out` (8, pixels) with the least-squares fit of two lines with a jump between two of the values.

    Rows: valid values; slope of one line; time of the last value before the break and of the first after it; slope before; slope
    after; step: line after minus line before at the first value after; F-like (RSS1 - RSS2) / RSS2, infinite where two lines leave
    rounding only. Without `slopes` all lines are level: means. At least `least` values lie on each side; fewer than 2 `least`
    values: all but the count and the slope are NaN, below 2 the slope too. Where one line leaves rounding only, there is no break:
    F is 0, and all but the count and the slope NaN.

    The break is sought on the residuals of one line, with times about each pixel's mean: both sums of squares stay as they are.
    """
    n_time, n_pixels = y.shape
    e = np.empty(n_time)
    s = np.empty(n_time)
    when = np.empty(n_time)
    free = 1.0 if slopes else 0.0
    for pixel in range(n_pixels):
        for k in range(1, 8):
            out[k, pixel] = np.nan
        n, slope, stt, largest = _one_line(y, t, pixel, free, e, s)
        out[0, pixel] = n
        out[1, pixel] = slope
        if n < 2 * least:
            continue
        n = 0
        for i in range(n_time):
            if abs(y[i, pixel]) < np.inf:
                when[n] = t[i]
                n += 1
        rss1 = 0.0
        for i in range(n):
            rss1 += e[i] * e[i]
        rounding = n * (ROUNDING * largest) ** 2
        if rss1 <= rounding:
            out[7, pixel] = 0.0
            continue
        best = -1.0
        split = 0
        left = 0.0
        right = 0.0
        a = 0.0
        b = 0.0
        c = 0.0
        q = 0.0
        mean_left = 0.0
        mean_right = 0.0
        for i in range(n - least):
            a += e[i]
            b += s[i] * e[i]
            c += s[i]
            q += s[i] * s[i]
            m = i + 1.0
            if i + 1 >= least:
                r = n - m
                stt_left = q - c * c / m
                stt_right = stt - q - c * c / r
                ste_left = free * (b - a * c / m)
                ste_right = -free * (b + a * c / r)
                gain = a * a / m + ste_left * ste_left / stt_left + a * a / r + ste_right * ste_right / stt_right
                if gain > best:
                    best = gain
                    split = i + 1
                    left = ste_left / stt_left
                    right = ste_right / stt_right
                    mean_left = a / m - left * c / m
                    mean_right = -a / r + right * c / r
        rss2 = 0.0
        for i in range(n):
            rest = e[i] - (mean_left + left * s[i] if i < split else mean_right + right * s[i])
            rss2 += rest * rest
        out[2, pixel] = when[split - 1]
        out[3, pixel] = when[split]
        out[4, pixel] = slope + left
        out[5, pixel] = slope + right
        out[6, pixel] = mean_right + right * s[split] - mean_left - left * s[split]
        out[7, pixel] = max(rss1 - rss2, 0.0) / rss2 if rss2 > rounding else np.inf


@njit("void(f8[::1], f8[::1], i8, f8, u1[:, ::1], i8, i8, f8[:, ::1], f8[:, ::1], f8[::1])", **_OPTIONS)
def _ratios(e, s, least, free, orders, first, count, sums, moments, out):
    """Fill `out` with the smallest RSS2 / RSS1 of residuals (n,) in `count` of the orders (n, orders); 1 where a line leaves nothing.

    s : (n,) times about their mean; free : 1 with slopes, 0 without; sums, moments : (n, ORDERS) work space.
    """
    n = e.size
    squares = 0.0
    stt = 0.0
    for i in range(n):
        squares += e[i] * e[i]
        stt += s[i] * s[i]
    for k in range(count):
        sums[0, k] = e[orders[0, first + k]]
        moments[0, k] = s[0] * sums[0, k]
        out[k] = 0.0
    for i in range(1, n):
        for k in range(count):
            value = e[orders[i, first + k]]
            sums[i, k] = sums[i - 1, k] + value
            moments[i, k] = moments[i - 1, k] + s[i] * value
    c = 0.0
    q = 0.0
    for i in range(n - least):
        c += s[i]
        q += s[i] * s[i]
        if i + 1 >= least:
            m = i + 1.0
            r = n - m
            means = 1.0 / m + 1.0 / r
            per_left = 1.0 / (q - c * c / m)
            per_right = 1.0 / (stt - q - c * c / r)
            at_left = c / m
            at_right = c / r
            for k in range(count):
                a = sums[i, k]
                ste_left = free * (moments[i, k] - a * at_left)
                ste_right = free * (moments[n - 1, k] - moments[i, k] - a * at_right)
                gain = a * a * means + ste_left * ste_left * per_left + ste_right * ste_right * per_right
                out[k] = max(out[k], gain)
    for k in range(count):
        total = moments[n - 1, k]
        rss1 = squares - free * total * total / stt
        out[k] = (squares - out[k]) / rss1 if rss1 > TIES * squares else 1.0


@njit("void(f8[:, ::1], f8[::1], i8, b1, u1[:, ::1], b1, f8, f8[::1])", **_OPTIONS)
def residual_orders(y, t, least, slopes, orders, drawn, level, out):
    """Fill `out` (pixels,) with the share of orders of the one-line residuals whose two lines gain at least as much as observed.

    y : (time, pixels), each with as many valid values as `orders` (n, orders) has rows, at least 2 `least`
    drawn : the observed order is added to the orders; otherwise it is one of them
    level : counting stops where p is above it for certain: `out` is then a number above `level`, not p; 1 to count all
    """
    n, count = orders.shape
    n_pixels = y.shape[1]
    e = np.empty(n)
    s = np.empty(n)
    sums = np.empty((n, ORDERS))
    moments = np.empty((n, ORDERS))
    ratio = np.empty(ORDERS)
    own = np.empty((n, 1), np.uint8)
    for i in range(n):
        own[i, 0] = i
    added = 1 if drawn else 0
    free = 1.0 if slopes else 0.0
    for pixel in range(n_pixels):
        _, _, _, largest = _one_line(y, t, pixel, free, e, s)
        squares = 0.0
        for i in range(n):
            squares += e[i] * e[i]
        if squares <= n * (ROUNDING * largest) ** 2:
            out[pixel] = 1.0
            continue
        _ratios(e, s, least, free, own, 0, 1, sums, moments, ratio)
        observed = ratio[0] + TIES
        reached = added
        for first in range(0, count, ORDERS):
            width = min(ORDERS, count - first)
            _ratios(e, s, least, free, orders, first, width, sums, moments, ratio)
            for k in range(width):
                reached += 1 if ratio[k] <= observed else 0
            if reached > level * (count + added):
                break
        out[pixel] = reached / (count + added)
