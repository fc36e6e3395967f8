"""Kernels that look at the cells around a cell: blocks need a halo of at least the reach."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from pipeline.kernels.codes import LARGEST_HALO

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


# The loops over one row are functions of their own: on whole arrays the compiler cannot rule out overlaps and does not vectorise.
@njit("void(u1[::1], u1, u1, u1[::1], u1[::1])", **_OPTIONS)
def _down(codes, flag, far, above, out):
    for x in range(codes.size):
        step = min(np.uint8(above[x] + np.uint8(1)), far)
        out[x] = np.uint8(0) if codes[x] & flag else step


@njit("void(u1[::1], u1, u1[::1])", **_OPTIONS)
def _up(nearest, far, below):
    for x in range(nearest.size):
        step = min(np.uint8(below[x] + np.uint8(1)), far)
        below[x] = min(step, nearest[x])


@njit("void(u1[::1], u1, u1[::1])", **_OPTIONS)
def _reached(distance, most, row):
    for x in range(row.size):
        row[x] |= np.uint8(distance[x] <= most)


@njit("void(u1[:, ::1], u1, i8, f8, u1[:, ::1], u1[:, ::1])", **_OPTIONS)
def _grow(codes, flag, halo, reach, nearest, out):
    rows, cols = codes.shape
    height, width = out.shape
    far = np.uint8(halo + 1)
    column = np.full(cols, far, np.uint8)  # distance to the nearest flagged cell upwards, then in both directions
    for y in range(rows):
        _down(codes[y], flag, far, column, nearest[y])
        for x in range(cols):  # an assignment of slices would compile the text of its error, for 2 s
            column[x] = nearest[y, x]
    column[:] = far
    for y in range(rows - 1, -1, -1):
        _up(nearest[y], far, column)
        if not halo <= y < halo + height:
            continue
        row = out[y - halo]
        row[:] = 0
        for dx in range(-halo, halo + 1):
            beside = reach * reach - dx * dx
            if beside >= 0:
                _reached(column[halo + dx : halo + dx + width], np.uint8(math.floor(math.sqrt(beside) + 1e-9)), row)


def grow(codes: np.ndarray, flag: int, halo: int, reach: float, out: np.ndarray | None = None, work: np.ndarray | None = None) -> np.ndarray:
    """Return 1 for cells whose centre lies within `reach` of the centre of a flagged cell, else 0.

    Exact Euclidean distance: down and up each column first, then across the row.

    Parameters
    ----------
    codes : (y + 2 halo, x + 2 halo) uint8; a cell is flagged where `codes & flag`
    flag : the bit
    halo : cells around the block, at most 250, at least floor(reach)
    reach : distance in cells
    out, work : where the result and the distances go, of the shapes of the result and of `codes`; default: new arrays

    Returns
    -------
    (y, x) uint8, without the halo. 0 everywhere, without work, where nothing is flagged.

    References
    ----------
    Meijster, A. et al. (2000): A general algorithm for computing distance transforms in linear time. ISMM.

    >>> import numpy as np
    >>> cloud = np.zeros((5, 7), np.uint8); cloud[2, 3] = 8
    >>> grow(cloud, 8, 1, 1.0).tolist()
    [[0, 0, 1, 0, 0], [0, 1, 1, 1, 0], [0, 0, 1, 0, 0]]
    """
    if not (reach < halo + 1 and 0 <= halo <= LARGEST_HALO):
        raise ValueError(f"halo {halo} with reach {reach}; expected at least the reach, at most {LARGEST_HALO} cells")
    if out is None:
        out = np.empty((codes.shape[0] - 2 * halo, codes.shape[1] - 2 * halo), np.uint8)
    if (codes & np.uint8(flag)).any():
        _grow(codes, np.uint8(flag), halo, reach, np.empty_like(codes) if work is None else work, out)
    else:
        out[:] = 0
    return out
