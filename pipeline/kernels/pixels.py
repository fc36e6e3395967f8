"""Elementwise kernels: any chunks, any shape. Missing in, missing out; nothing missing becomes a number."""

from __future__ import annotations

import numpy as np
from numba import njit

_OPTIONS = {"nogil": True, "cache": True, "error_model": "numpy", "boundscheck": False}


@njit("void(f4[::1], f4[::1], f8, f8, f4[::1])", **_OPTIONS)
def _normalised_difference(red, nir, scale, offset, out):
    for i in range(out.size):
        r = np.float64(red[i]) * scale + offset
        n = np.float64(nir[i]) * scale + offset
        out[i] = (n - r) / (n + r) if (r > 0.0 and n > 0.0 and r + n < np.inf) else np.nan


def normalised_difference(red: np.ndarray, nir: np.ndarray, scale: float = 1.0, offset: float = 0.0) -> np.ndarray:
    """Return NDVI = (nir - red) / (nir + red) of stored values, float32, same shape.

    Reflectance is stored value x scale + offset, formed in float64. NaN where either value is NaN or either
    reflectance is not positive: a surface reflects something in both bands, so such a pair is no observation.

    References
    ----------
    Rouse, J. W. et al. (1974): Monitoring vegetation systems in the Great Plains with ERTS. NASA SP-351.

    >>> import numpy as np
    >>> normalised_difference(np.float32([0.1, 0.0, np.nan]), np.float32([0.3, 0.3, 0.3])).round(6).tolist()
    [0.5, nan, nan]
    """
    out = np.empty(red.shape, np.float32)
    a, b = (np.ascontiguousarray(v, np.float32).reshape(-1) for v in (red, nir))
    _normalised_difference(a, b, float(scale), float(offset), out.reshape(-1))
    return out


def cover(ndvi: np.ndarray, soil: float, vegetation: float) -> np.ndarray:
    """Return unclamped fractional vegetation cover (ndvi - soil) / (vegetation - soil), float64, same shape.

    Dimidiate pixel model. Below 0 and above 1 where NDVI lies outside the endmembers; NaN stays NaN. The map is
    strictly increasing in float64, so that Mann-Kendall S and p of cover equal those of NDVI.

    References
    ----------
    Gutman, G. and Ignatov, A. (1998): The derivation of the green vegetation fraction from NOAA/AVHRR data. IJRS 19.

    >>> import numpy as np
    >>> cover(np.float32([0.05, 0.86, np.nan]), 0.05, 0.86).round(6).tolist()
    [0.0, 1.0, nan]
    """
    return (ndvi.astype(np.float64) - soil) / (vegetation - soil)


@njit("void(f4[::1], f8, f8, f4[::1])", **_OPTIONS)
def _clamped_cover(ndvi, soil, contrast, out):
    for i in range(ndvi.size):
        c = (np.float64(ndvi[i]) - soil) / contrast
        out[i] = min(max(c, 0.0), 1.0) if c == c else np.nan


def clamped_cover(ndvi: np.ndarray, soil: float, vegetation: float) -> np.ndarray:
    """Return `cover` clamped to 0..1 as float32, same shape; NaN stays NaN. One pass, without arrays in between.

    >>> import numpy as np
    >>> clamped_cover(np.float32([-0.5, 0.455, 0.9, np.nan]), 0.05, 0.86).round(6).tolist()
    [0.0, 0.5, 1.0, nan]
    """
    out = np.empty(ndvi.shape, np.float32)
    _clamped_cover(np.ascontiguousarray(ndvi, np.float32).reshape(-1), soil, vegetation - soil, out.reshape(-1))
    return out


@njit("void(f4[::1], f4[::1], f4[::1], i8, f8, f8, f8, f8, u1[::1])", **_OPTIONS)
def _classify(slope, p, n, min_years, no_change, slight, significant, extreme, out):
    for i in range(out.size):
        b = np.float64(slope[i])
        if not n[i] >= min_years or b != b:
            out[i] = 99
        elif abs(b) < no_change or b == 0.0:
            out[i] = 5
        else:
            strength = 1
            if p[i] <= extreme:
                strength = 4
            elif p[i] <= significant:
                strength = 3
            elif p[i] <= slight:
                strength = 2
            out[i] = 5 + strength if b > 0.0 else 5 - strength


def classify(
    slope: np.ndarray,
    p: np.ndarray,
    n: np.ndarray,
    *,
    min_years: int,
    no_change: float,
    slight: float,
    significant: float,
    extreme: float,
) -> np.ndarray:
    """Return the trend class code of each pixel, uint8, same shape (codes: `pipeline.classes.LEGEND`).

    Rules in order: 99 fewer than `min_years` valid years; 5 abs(slope) < `no_change` or slope = 0; then direction from
    the sign of the slope and strength from p: 9/1 p <= extreme, 8/2 p <= significant, 7/3 p <= slight, 6/4 the rest.
    A limit of -1 switches its class off. The caller adds the tolerance of the comparison to the limits.

    >>> import numpy as np
    >>> f = np.float32
    >>> limits = dict(min_years=4, no_change=0.0005, slight=0.1, significant=0.05, extreme=-1)
    >>> classify(f([0.02, -0.02, 0.02, 0.0]), f([0.083, 0.33, 0.5, 1]), f([4, 4, 3, 4]), **limits).tolist()
    [7, 4, 99, 5]
    """
    out = np.empty(slope.shape, np.uint8)
    a, b, c = (np.ascontiguousarray(v, np.float32).reshape(-1) for v in (slope, p, n))
    _classify(a, b, c, min_years, no_change, slight, significant, extreme, out.reshape(-1))
    return out


@njit("void(f4[::1], b1[::1], i8[::1])", **_OPTIONS)
def _count_bins(values, chosen, counts):
    for i in range(values.size):
        v = np.float64(values[i])
        if chosen[i] and -np.inf < v < np.inf:
            counts[min(max(np.int64((v + 1.0) * (counts.size / 2)), 0), counts.size - 1)] += 1


@njit("i8(f4[::1], b1[::1], b1[::1], f8[::1])", **_OPTIONS)
def _take_bins(values, chosen, wanted, out):
    n = 0
    for i in range(values.size):
        v = np.float64(values[i])
        if chosen[i] and -np.inf < v < np.inf and wanted[min(max(np.int64((v + 1.0) * (wanted.size / 2)), 0), wanted.size - 1)]:
            out[n] = v
            n += 1
    return n


def count_bins(values: np.ndarray, chosen: np.ndarray, bins: int) -> np.ndarray:
    """Return how many finite values of chosen cells fall into each of `bins` equal bins of -1..1 (the outer ones are open).

    >>> import numpy as np
    >>> count_bins(np.float32([-1, -0.1, 0.3, np.nan, 1]), np.array([True, True, True, True, False]), 4).tolist()
    [1, 1, 1, 0]
    """
    counts = np.zeros(bins, np.int64)
    _count_bins(np.ascontiguousarray(values, np.float32).reshape(-1), np.ascontiguousarray(chosen).reshape(-1), counts)
    return counts


def take_bins(values: np.ndarray, chosen: np.ndarray, wanted: np.ndarray, most: int) -> np.ndarray:
    """Return the finite values, float64, of chosen cells that fall into the bins where `wanted`; `most` bounds their number."""
    out = np.empty(most)
    n = _take_bins(np.ascontiguousarray(values, np.float32).reshape(-1), np.ascontiguousarray(chosen).reshape(-1), wanted, out)
    return out[:n].copy()
