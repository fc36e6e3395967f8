"""Kernels that look at the cells around a cell: blocks need a halo of at least the reach."""

from __future__ import annotations

import math

import numpy as np
from numba import njit

from pipeline.kernels.codes import LARGEST_HALO

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit("void(u1[:, ::1], u1, i8, f8, u1[:, ::1], u1[:, ::1])", **_OPTIONS)
def _grow(codes, flag, halo, reach, nearest, out):
    rows, cols = codes.shape
    height, width = out.shape
    far = np.uint8(halo + 1)
    above = np.full(cols, far, np.uint8)  # distance to the nearest flagged cell upwards, then downwards
    for y in range(rows):
        for x in range(cols):
            step = above[x] + np.uint8(above[x] < far)
            above[x] = np.uint8(0) if codes[y, x] & flag else np.uint8(step)
        nearest[y] = above
    above[:] = far
    row = np.empty(width, np.uint8)
    for y in range(rows - 1, -1, -1):
        for x in range(cols):
            step = above[x] + np.uint8(above[x] < far)
            above[x] = min(np.uint8(step), nearest[y, x])
        if not halo <= y < halo + height:
            continue
        row[:] = 0
        for dx in range(-halo, halo + 1):
            beside = reach * reach - dx * dx
            if beside >= 0:
                most = np.uint8(math.floor(math.sqrt(beside) + 1e-9))
                shifted = above[halo + dx : halo + dx + width]
                for x in range(width):
                    row[x] |= np.uint8(shifted[x] <= most)
        out[y - halo] = row


def grow(codes: np.ndarray, flag: int, halo: int, reach: float) -> np.ndarray:
    """Return 1 for cells whose centre lies within `reach` of the centre of a flagged cell, else 0.

    Exact Euclidean distance: down and up each column first, then across the row.

    Parameters
    ----------
    codes : (y + 2 halo, x + 2 halo) uint8; a cell is flagged where `codes & flag`
    flag : the bit
    halo : cells around the block, at most 250, at least floor(reach)
    reach : distance in cells

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
    out = np.zeros((codes.shape[0] - 2 * halo, codes.shape[1] - 2 * halo), np.uint8)
    if (codes & np.uint8(flag)).any():
        _grow(codes, np.uint8(flag), halo, reach, np.empty_like(codes), out)
    return out
