"""Composite of one year's days (time in one chunk; space may be chunked at will)."""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels.codes import LAND, WATER

MEAN = -1.0  # in place of a percentile
LANES = 256  # pixels at a time: the days of that many stay in the first-level cache
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit("void(u1[::1], i4, i4[::1], i4[::1], i4[::1])", **_OPTIONS)
def _count_row(state, day_of_year, clear, wet, days):
    for x in range(state.size):
        water = np.int32(state[x] == WATER)
        seen = np.int32(state[x] == LAND) | water
        clear[x] += seen
        wet[x] += water
        days[x] += seen * day_of_year


@njit("void(f4[::1], f4[::1])", **_OPTIONS)
def _exchange(low, high):
    for w in range(low.size):
        u = low[w]
        v = high[w]
        low[w] = min(u, v)
        high[w] = max(u, v)


@njit("void(f4[:, ::1], i8)", **_OPTIONS)
def _sort_days(tile, n):
    """Sort the first n rows of a tile without NaN, each column on its own, ascending (odd-even merge sort; Batcher 1968)."""
    p = 1
    while p < n:
        k = p
        while k >= 1:
            for j in range(k % p, n - k, 2 * k):
                for i in range(min(k, n - j - k)):
                    if (i + j) // (2 * p) == (i + j + k) // (2 * p):
                        _exchange(tile[i + j], tile[i + j + k])
            k //= 2
        p *= 2


# Loops over one row are functions of their own, which the compiler vectorises.
@njit("void(f4[::1], f4[::1], i4[::1])", **_OPTIONS)
def _fill(values, row, number):
    for w in range(values.size):
        valid = values[w] == values[w]
        number[w] += np.int32(valid)
        row[w] = values[w] if valid else np.float32(np.inf)


@njit("void(i4[::1], i4[::1], i4[::1], f4[::1], f4[::1], f4[::1])", **_OPTIONS)
def _observed(clear, wet, days, out_clear, out_day, out_share):
    for w in range(clear.size):
        out_clear[w] = clear[w]
    for w in range(clear.size):
        out_day[w] = np.float64(days[w]) / np.float64(clear[w])  # 0 / 0 is NaN
    for w in range(clear.size):
        out_share[w] = np.float64(wet[w]) / np.float64(clear[w])


@njit("void(f4[:, ::1], i4[::1], f8, f4[::1])", **_OPTIONS)
def _order_statistics(tile, number, share, out):
    for w in range(out.size):
        last = max(number[w] - 1, 0)
        place = share * last
        below = np.int32(place)
        low = np.float64(tile[below, w])
        out[w] = low + (np.float64(tile[min(below + 1, last), w]) - low) * (place - below)


@njit("void(i4[::1], i4[::1], i4[::1], i4, b1, f4[::1])", **_OPTIONS)
def _blank(number, clear, wet, least, keep_water, out):
    for w in range(out.size):
        is_water = (clear[w] > 0) & (2 * wet[w] >= clear[w]) & (not keep_water)
        out[w] = np.float32(np.nan) if (number[w] < least) | is_water else out[w]


@njit("void(f4[:, ::1], u1[:, ::1], i8[::1], f8, i8, b1, f4[:, ::1])", **_OPTIONS)
def composite(ndvi, state, day_of_year, percentile, least, keep_water, out):
    """Fill `out` (4, pixels): NDVI of the year, clear observations, their mean day of year, their share on water.

    Parameters
    ----------
    ndvi : (days, pixels) float32, NaN where a day has no observation of land
    state : (days, pixels) LAND, WATER, or anything else where the day is not clear
    day_of_year : (days,)
    percentile : 0..100, linear between the order statistics as numpy.percentile; MEAN for the mean
    least : a pixel with fewer observations of land has no NDVI
    keep_water : False: a pixel that is water in at least half of its clear observations has no NDVI

    Without a clear observation day and share are NaN; the number of clear observations is never missing.
    """
    n_days, n_pixels = ndvi.shape
    tile = np.empty((max(n_days, 1), LANES), np.float32)
    number = np.empty(LANES, np.int32)
    total = np.zeros(LANES)
    clear_of = np.empty(LANES, np.int32)
    wet_of = np.empty(LANES, np.int32)
    days_of = np.empty(LANES, np.int32)
    for first in range(0, n_pixels, LANES):
        width = min(LANES, n_pixels - first)
        clear = clear_of[:width]
        wet = wet_of[:width]
        days = days_of[:width]
        number[:] = 0
        clear[:] = 0
        wet[:] = 0
        days[:] = 0
        for i in range(n_days):
            _fill(ndvi[i, first : first + width], tile[i], number)
            _count_row(state[i, first : first + width], np.int32(day_of_year[i]), clear, wet, days)
        if percentile >= 0:
            _sort_days(tile, n_days)
        else:
            total[:] = 0.0
            for i in range(n_days):
                for w in range(width):
                    total[w] += np.float64(tile[i, w]) if tile[i, w] < np.inf else 0.0
        _observed(clear, wet, days, out[1, first : first + width], out[2, first : first + width], out[3, first : first + width])
        value = out[0, first : first + width]
        if percentile < 0:
            for w in range(width):
                value[w] = total[w] / max(number[w], 1)
        else:
            _order_statistics(tile, number, percentile / 100.0, value)
        _blank(number, clear, wet, np.int32(max(least, 1)), keep_water, value)
