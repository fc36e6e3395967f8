"""Statistics of a whole zone under orders of its years (years and cells in one chunk each).

One order of whole years is one row of `orders`: `orders[k, place]` is the year whose values stand at `place`. All cells
and their gaps travel with the year.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels.kendall import LANES, sort_rows

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit("void(f8[:, ::1], f8[::1], f8[::1], i8[:, ::1], f8[::1])", **_OPTIONS)
def slope_sums(series, times, weights, orders, out):
    """Add to `out` (orders,) the sum over cells of weight x Theil-Sen slope; every cell has at least 3 values, NaN are gaps."""
    n, cells = series.shape
    pairs = n * (n - 1) // 2
    differences = np.empty((pairs, LANES))
    slopes = np.empty((pairs, LANES))
    last = np.empty(LANES, np.int64)
    when = np.empty(n)
    for first in range(0, cells, LANES):
        width = min(LANES, cells - first)
        for w in range(LANES):
            for row in range(pairs):
                differences[row, w] = np.nan
        for w in range(width):
            m = 0
            for a in range(n):
                m += 1 if series[a, first + w] == series[a, first + w] else 0
            last[w] = m * (m - 1) // 2 - 1
        row = 0
        for a in range(n):
            for b in range(a + 1, n):
                for w in range(width):
                    differences[row, w] = series[b, first + w] - series[a, first + w]
                row += 1
        for k in range(orders.shape[0]):
            for place in range(n):
                when[orders[k, place]] = times[place]
            row = 0
            for a in range(n):
                for b in range(a + 1, n):
                    per_time = 1.0 / (when[b] - when[a])
                    for w in range(LANES):
                        d = differences[row, w]
                        slopes[row, w] = d * per_time if d == d else np.inf
                    row += 1
            sort_rows(slopes, pairs)
            total = 0.0
            for w in range(width):
                total += weights[first + w] * 0.5 * (slopes[last[w] // 2, w] + slopes[(last[w] + 1) // 2, w])
            out[k] += total


@njit("void(u1[:, ::1], f8[::1], i8[:, ::1], i8[:, ::1], f8[:, ::1])", **_OPTIONS)
def monotone_weights(patterns, weights, skip, orders, out):
    """Fill `out` (2, orders) with the weight of cells that rise, and that fall, in every step.

    patterns : (m, years) distinct rows, sorted: a cell's valid years from its smallest value to its largest, counted from 1,
        then 0; at least 3 each
    weights : (m,) of the cells with that pattern
    skip : (m, depth) the first later row that does not begin with the same j + 2 years: where step j fails, they all fail
    """
    m, n = patterns.shape
    depth = skip.shape[1]
    place = np.empty(n + 1, np.int64)
    for k in range(orders.shape[0]):
        for side in range(2):
            for i in range(n):
                place[orders[k, i] + 1] = i if side == 0 else -i
            total = 0.0
            i = 0
            while i < m:
                step = 0
                while step + 1 < n and patterns[i, step + 1] != 0 and place[patterns[i, step]] < place[patterns[i, step + 1]]:
                    step += 1
                if step + 1 == n or patterns[i, step + 1] == 0:
                    total += weights[i]
                    i += 1
                elif step < depth:
                    i = skip[i, step]
                else:
                    i += 1
            out[side, k] = total
