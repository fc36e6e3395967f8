"""Composite of one year's days (time in one chunk; space may be chunked at will)."""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels.codes import LAND, WATER

MEAN = -1.0  # in place of a percentile
LANES = 512  # pixels at a time: the days of that many stay in the first-level cache
GROUP = 64  # days that are counted in one byte a pixel, their days of the year (below 1,000) in two
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit("i8[:, ::1](i8, i8)", **_OPTIONS)
def network(n, top):
    """Return the comparisons (m, 2), in order, that bring the ranks 0 to `top` of n values to their places.

    Odd-even merge sort (Batcher 1968) without the comparisons that only order values above `top`.
    """
    found = np.empty((n * n, 2), np.int64)
    m = 0
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(min(k, n - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        found[m, 0] = i + j
                        found[m, 1] = i + j + k
                        m += 1
            k //= 2
        p *= 2
    needed = np.zeros(n, np.bool_)
    needed[: top + 1] = True
    first = m
    for c in range(m - 1, -1, -1):
        low, high = found[c]
        if needed[low] or needed[high]:
            needed[low] = True
            needed[high] = True
            first -= 1
            found[first, 0] = low
            found[first, 1] = high
    return found[first:m].copy()


# Loops over one row are functions of their own, which the compiler vectorises.
@njit("void(f4[::1], f4[::1])", **_OPTIONS)
def _exchange(low, high):
    for w in range(low.size):
        u = low[w]
        v = high[w]
        low[w] = min(u, v)
        high[w] = max(u, v)


@njit("void(u1[::1], u2, u1[::1], u1[::1], u2[::1])", **_OPTIONS)
def _count_day(state, day_of_year, clear, wet, days):
    for x in range(state.size):
        water = np.uint8(state[x] == WATER)
        seen = np.uint8(state[x] == LAND) | water
        clear[x] += seen
        wet[x] += water
    for x in range(state.size):
        days[x] += day_of_year if (state[x] == LAND) | (state[x] == WATER) else np.uint16(0)


@njit("void(u1[::1], u1[::1], u2[::1], i4[::1], i4[::1], i4[::1])", **_OPTIONS)
def _add_counts(clear, wet, days, all_clear, all_wet, all_days):
    for x in range(clear.size):
        all_clear[x] += clear[x]
    for x in range(wet.size):
        all_wet[x] += wet[x]
    for x in range(days.size):
        all_days[x] += days[x]
    clear[:] = 0
    wet[:] = 0
    days[:] = 0


@njit("void(f4[::1], f4[::1], i4[::1])", **_OPTIONS)
def _fill(values, row, number):
    for w in range(values.size):
        valid = values[w] == values[w]
        number[w] += np.int32(valid)
        row[w] = values[w] if valid else np.float32(np.inf)


@njit("void(i4[::1], i4[::1], i4[::1], u2[::1], f4[::1], f4[::1])", **_OPTIONS)
def _observed(clear, wet, days, out_clear, out_day, out_share):
    for w in range(out_clear.size):
        out_clear[w] = clear[w]
    for w in range(out_day.size):
        out_day[w] = np.float64(days[w]) / np.float64(clear[w])  # 0 / 0 is NaN
    for w in range(out_share.size):
        out_share[w] = np.float64(wet[w]) / np.float64(clear[w])


@njit("void(f4[:, ::1], i4[::1], f8, f4[::1])", **_OPTIONS)
def _order_statistics(tile, number, share, out):
    for w in range(out.size):
        last = max(number[w] - 1, 0)
        place = share * last
        below = np.int32(place)
        low = np.float64(tile[below, w])
        out[w] = low + (np.float64(tile[min(below + 1, last), w]) - low) * (place - below)


@njit("void(f4[::1], f4[::1], f4[::1], f4[::1])", **_OPTIONS)
def _deviate(values, centre, total, squares):
    for w in range(values.size):
        d = values[w] - centre[w] if values[w] < np.inf else np.float32(0.0)
        total[w] += d
        squares[w] += d * d


@njit("void(f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1], f4[::1])", **_OPTIONS)
def _deviate_four(a, b, c, d, centre, total, squares):
    for w in range(a.size):
        m = centre[w]
        p = a[w] - m if a[w] < np.inf else np.float32(0.0)
        q = b[w] - m if b[w] < np.inf else np.float32(0.0)
        r = c[w] - m if c[w] < np.inf else np.float32(0.0)
        s = d[w] - m if d[w] < np.inf else np.float32(0.0)
        total[w] += (p + q) + (r + s)
        squares[w] += (p * p + q * q) + (r * r + s * s)


@njit("void(f4[::1], f4[::1], i4[::1], f4[::1])", **_OPTIONS)
def _deviation(total, squares, number, out):
    for w in range(out.size):
        n = np.float32(number[w])
        out[w] = np.sqrt(max(squares[w] - total[w] * total[w] / n, np.float32(0.0)) / (n - np.float32(1.0)))


@njit("void(i4[::1], i4[::1], i4[::1], i4, b1, f4[::1])", **_OPTIONS)
def _blank(number, clear, wet, least, keep_water, out):
    for w in range(out.size):
        is_water = (clear[w] > 0) & (2 * wet[w] >= clear[w]) & (not keep_water)
        out[w] = np.float32(np.nan) if (number[w] < least) | is_water else out[w]


@njit("void(f4[:, ::1], u1[:, ::1], i8[::1], f8, i8, b1, f4[::1], u2[::1], f4[::1], f4[::1], f4[::1])", **_OPTIONS)
def composite(ndvi, state, day_of_year, percentile, least, keep_water, annual, seen, day, share_wet, sd):
    """Compose the days of one year.

    Parameters
    ----------
    ndvi : (days, pixels) float32, NaN where a day has no observation of land
    state : (days, pixels) LAND, WATER, or anything else where the day is not clear
    day_of_year : (days,) 1 to 999
    percentile : 0..100, linear between the order statistics as numpy.percentile; MEAN for the mean
    least : a pixel with fewer observations of land has no NDVI
    keep_water : False: a pixel that is water in at least half of its clear observations has no NDVI
    annual, seen, day, share_wet : (pixels,) filled with NDVI of the year, the number of clear observations (never missing),
        their mean day of year, and their share on water; the last two are NaN without a clear observation
    sd : (pixels,) filled with the standard deviation (n - 1) of the observations of land; NaN below two, and where the year has
        no NDVI; an empty array where it is not wanted. Summed about the NDVI of the year, so that float32 is enough
    """
    n_days, n_pixels = ndvi.shape
    share = percentile / 100.0
    steps = network(n_days, min(n_days - 1, np.int64(max(share, 0.0) * (n_days - 1)) + 1))
    tile = np.empty((max(n_days, 1), LANES), np.float32)
    number = np.empty(LANES, np.int32)
    total = np.zeros(LANES)
    off = np.zeros(LANES, np.float32)
    squares = np.zeros(LANES, np.float32)
    clear = np.empty(LANES, np.int32)
    wet = np.empty(LANES, np.int32)
    days = np.empty(LANES, np.int32)
    group = np.zeros(LANES, np.uint8), np.zeros(LANES, np.uint8), np.zeros(LANES, np.uint16)
    for first in range(0, n_pixels, LANES):
        width = min(LANES, n_pixels - first)
        number[:] = 0
        clear[:] = 0
        wet[:] = 0
        days[:] = 0
        for i in range(n_days):
            _fill(ndvi[i, first : first + width], tile[i], number)
            _count_day(state[i, first : first + width], np.uint16(day_of_year[i]), *group)
            if (i + 1) % GROUP == 0 or i + 1 == n_days:
                _add_counts(*group, clear, wet, days)
        value = annual[first : first + width]
        if percentile >= 0:
            for c in range(steps.shape[0]):
                _exchange(tile[steps[c, 0]], tile[steps[c, 1]])
            _order_statistics(tile, number, share, value)
        else:
            total[:] = 0.0
            for i in range(n_days):
                for w in range(width):
                    total[w] += np.float64(tile[i, w]) if tile[i, w] < np.inf else 0.0
            for w in range(width):
                value[w] = total[w] / max(number[w], 1)
        if sd.size > 0:
            off[:] = 0.0
            squares[:] = 0.0
            fours = n_days - n_days % 4
            for i in range(0, fours, 4):
                _deviate_four(tile[i, :width], tile[i + 1], tile[i + 2], tile[i + 3], value, off, squares)
            for i in range(fours, n_days):
                _deviate(tile[i, :width], value, off, squares)
            _deviation(off, squares, number, sd[first : first + width])
            _blank(number, clear, wet, np.int32(max(least, 2)), keep_water, sd[first : first + width])
        _observed(clear, wet, days, seen[first : first + width], day[first : first + width], share_wet[first : first + width])
        _blank(number, clear, wet, np.int32(max(least, 1)), keep_water, value)
