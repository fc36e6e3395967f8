"""Composite of one year's days (time in one chunk; space may be chunked at will)."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from pipeline.kernels.codes import LAND, WATER
from pipeline.kernels.kendall import LANES, sort_rows

MEAN = -1.0  # in place of a percentile
_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit("void(u1[:, ::1], i8, i4[:, :, ::1])", **_OPTIONS)
def count(day_state, day_of_year, counts):
    """Add one day to `counts` (3, y, x): clear observations, those on water, sum of their days of the year."""
    for y in range(day_state.shape[0]):
        for x in range(day_state.shape[1]):
            found = day_state[y, x]
            water = np.int32(found == WATER)
            clear = np.int32(found == LAND) + water
            counts[0, y, x] += clear
            counts[1, y, x] += water
            counts[2, y, x] += clear * np.int32(day_of_year)


@njit("void(f4[:, ::1], i4[:, ::1], f8, i8, b1, f4[:, ::1])", **_OPTIONS)
def composite(ndvi, counts, percentile, least, keep_water, out):
    """Fill `out` (4, pixels): NDVI of the year, clear observations, their mean day of year, their share on water.

    Parameters
    ----------
    ndvi : (days, pixels) float32, NaN where a day has no observation of land
    counts : (3, pixels), see `count`
    percentile : 0..100, linear between the order statistics as numpy.percentile; MEAN for the mean
    least : a pixel with fewer observations of land has no NDVI
    keep_water : False: a pixel that is water in at least half of its clear observations has no NDVI

    Without a clear observation day and share are NaN; the number of clear observations is never missing.
    """
    n_days, n_pixels = ndvi.shape
    tile = np.empty((max(n_days, 1), LANES), np.float32)
    number = np.empty(LANES)
    total = np.empty(LANES)
    for first in range(0, n_pixels, LANES):
        width = min(LANES, n_pixels - first)
        for w in range(LANES):
            number[w] = 0.0
            total[w] = 0.0
        for i in range(n_days):
            for w in range(width):
                value = ndvi[i, first + w]
                valid = value == value
                number[w] += 1.0 if valid else 0.0
                total[w] += np.float64(value) if valid else 0.0
                tile[i, w] = value if valid else np.float32(np.inf)
        if percentile >= 0:
            sort_rows(tile, n_days)
        for w in range(width):
            pixel = first + w
            n = np.int64(number[w])
            clear = counts[0, pixel]
            out[1, pixel] = clear
            out[2, pixel] = np.float64(counts[2, pixel]) / clear if clear > 0 else np.nan
            out[3, pixel] = np.float64(counts[1, pixel]) / clear if clear > 0 else np.nan
            is_water = clear > 0 and 2 * counts[1, pixel] >= clear
            if n < max(least, 1) or (is_water and not keep_water):
                out[0, pixel] = np.nan
            elif percentile < 0:
                out[0, pixel] = total[w] / n
            else:
                place = percentile / 100.0 * (n - 1)
                below = np.int64(math.floor(place))
                low = np.float64(tile[below, w])
                high = np.float64(tile[min(below + 1, n - 1), w])
                out[0, pixel] = low + (high - low) * (place - below)
