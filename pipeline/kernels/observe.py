"""One image of one block: mask codes decoded, reflectance formed, NDVI and the state of each cell (elementwise).

Mask codes go through a table of 65,536 entries, so that classes (Sentinel-2 SCL) and bits (Landsat QA_PIXEL) are read
alike; the tables are data (`pipeline.sensors`).
"""

from __future__ import annotations

import numpy as np
from numba import njit

from pipeline.kernels.codes import LAND, MASKED, NDVI_UNIT, NO_DATA, WATER

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit(["void(u1[:, ::1], i8[::1], i8[::1], u1[::1], u1, u1[:, ::1])", "void(u2[:, ::1], i8[::1], i8[::1], u1[::1], u1, u1[:, ::1])"], **_OPTIONS)
def spread(codes, rows, cols, table, outside, out):
    """Fill `out` (y, x) with `table[codes[rows[y], cols[x]]]`, nearest neighbour; `outside` where an index is negative."""
    for y in range(out.shape[0]):
        r = rows[y]
        for x in range(out.shape[1]):
            c = cols[x]
            out[y, x] = table[codes[r, c]] if r >= 0 and c >= 0 else outside


@njit("void(u1[:, ::1], u1[:, ::1])", **_OPTIONS)
def combine(other, out):
    """Add the entries of another quality layer to `out` (y, x): no data in either is no data, masked goes before water, water before land."""
    for y in range(out.shape[0]):
        for x in range(out.shape[1]):
            a = other[y, x]
            b = out[y, x]
            out[y, x] = max(a, b) if (a != NO_DATA) & (b != NO_DATA) else np.uint8(NO_DATA)


# The loop over one row is a function of its own: on whole arrays the compiler cannot rule out overlaps and does not vectorise.
@njit([f"void({kind}[::1], {kind}[::1], u1[::1], u1[::1], f4[::1], f4, f4, f4, b1, u1[::1], f4[::1])" for kind in ("u2", "i2", "f4")], **_OPTIONS)
def _observe_row(red, nir, codes, grown, linear, low, high, least_sum, keep_water, state, ndvi):
    scale_r, shift_r, scale_n, shift_n = linear[0], linear[1], linear[2], linear[3]
    for x in range(red.size):
        r = np.float32(red[x])
        n = np.float32(nir[x])
        entry = codes[x] & np.uint8(7)
        there = (low <= r) & (r <= high) & (low <= n) & (n <= high) & (entry != NO_DATA)
        r = (r + shift_r) * scale_r
        n = (n + shift_n) * scale_n
        total = n + r
        positive = (r > 0) & (n > 0)
        free = there & (grown[x] == 0)
        land = free & (entry == LAND) & positive & (total >= least_sum)
        water = free & (entry == WATER)
        found = np.uint8(MASKED) if there else np.uint8(NO_DATA)
        found = np.uint8(WATER) if water else found
        state[x] = np.uint8(LAND) if land else found
        ndvi[x] = (n - r) / total if land | (water & keep_water & positive) else np.float32(np.nan)


def _signature(kind: str) -> str:
    return f"void({kind}[:, ::1], {kind}[:, ::1], u1[:, ::1], u1[:, ::1], i8, f4[::1], f4, f4, f4, b1, u1[:, ::1], f4[:, ::1])"


@njit([_signature(kind) for kind in ("u2", "i2", "f4")], **_OPTIONS)
def observe(red, nir, codes, grown, halo, linear, low, high, least_sum, keep_water, state, ndvi):
    """Fill `state` and `ndvi` of one image.

    Parameters
    ----------
    red, nir : (y, x) stored values; outside low..high (or NaN) is no data
    codes : (y + 2 halo, x + 2 halo) table entries of the mask
    grown : (y, x) 1 where a dilated code reaches
    linear : scale and shift of red, scale and shift of NIR: reflectance = (stored + shift) x scale, in float32, shift = offset / scale.
        So equal reflectance is equal bit by bit with and without the Sentinel-2 offset, and ties between years stay ties.
    least_sum : reflectances of land that sum to less, or of which one is not positive, are no observation (MASKED)
    keep_water : NDVI of water too
    state : (y, x) NO_DATA, LAND, WATER or MASKED. Water keeps its state whatever its reflectance.
    ndvi : (y, x) (nir - red) / (nir + red) of LAND, NaN elsewhere
    """
    width = state.shape[1]
    for y in range(state.shape[0]):
        of_row = codes[y + halo, halo : halo + width]
        _observe_row(red[y], nir[y], of_row, grown[y], linear, low, high, least_sum, keep_water, state[y], ndvi[y])


@njit("void(f4[:, ::1], u1[:, ::1], u1[:, ::1], i8, f4[::1], b1, u1[:, ::1], f4[:, ::1])", **_OPTIONS)
def observe_ndvi(stored, codes, grown, halo, linear, keep_water, state, ndvi):
    """Fill `state` and `ndvi` of one image that already is NDVI; NaN, and NDVI beyond -1..1, is no data. See `observe`."""
    for y in range(state.shape[0]):
        for x in range(state.shape[1]):
            value = stored[y, x] * linear[0] + linear[1]
            entry = codes[y + halo, x + halo] & 7
            found = entry
            if grown[y, x] and found != NO_DATA:
                found = np.uint8(MASKED)
            if not -1 <= value <= 1:
                found = np.uint8(NO_DATA)
            state[y, x] = found
            ndvi[y, x] = value if found == LAND or (keep_water and found == WATER) else np.float32(np.nan)


@njit("void(u1[:, ::1], f4[:, ::1], u1[:, ::1], f4[:, ::1])", **_OPTIONS)
def merge(state, ndvi, day_state, day_ndvi):
    """Add an image to its day: a cell keeps its first clear observation; masked only where no image is clear."""
    for y in range(state.shape[0]):
        for x in range(state.shape[1]):
            had = day_state[y, x]
            now = state[y, x]
            if not (had == LAND or had == WATER) and now != NO_DATA and now != had:  # noqa: SIM109
                day_state[y, x] = now
                day_ndvi[y, x] = ndvi[y, x]


@njit("void(u1[::1], f4[::1], i8[::1], i8[::1], i8[::1])", **_OPTIONS)
def zone_sums(state, ndvi, cells, weights, out):
    """Add one image of one zone to `out` (4,): weight clear, weight masked, weight with NDVI, weight x NDVI.

    Weights are whole multiples of 1 / WEIGHT_UNIT cell, NDVI of 1 / NDVI_UNIT: whole sums do not depend on the order.
    """
    for i in range(cells.size):
        found = state[cells[i]]
        w = weights[i]
        if found == LAND or found == WATER:  # noqa: SIM109
            out[0] += w
        elif found == MASKED:
            out[1] += w
        v = ndvi[cells[i]]
        if v == v:
            out[2] += w
            out[3] += w * np.int64(np.rint(np.float64(v) * NDVI_UNIT))
