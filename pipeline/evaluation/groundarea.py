"""Ground areas of cells whose sums are exact, so that tables of areas add up to the last bit in whatever order they are summed."""

from __future__ import annotations

from math import ceil, log2

import numpy as np

BITS = 52  # of a float64's mantissa; sums of up to 2**53 grains are exact


def ground_areas(area_m2: np.ndarray, shape: tuple[int, ...] | None = None) -> np.ndarray:
    """Return a zone's ground areas rounded to a grain so fine that every sum of them is exact.

    The grain is a power of two of 2**-52 to 2**-51 of the zone's area. Each cell moves by at most half a grain, so the zone of a million cells by less than
    3e-10 of its area, and a row of a transition table equals the class's area bit by bit.

    Parameters
    ----------
    area_m2 : (y, x) float
        Ground area in m2 that the zone covers of each cell, as `ZoneCoverage.area_m2`; 0 outside.
    shape : tuple of int, optional
        Shape that the areas must have.

    Raises
    ------
    ValueError
        If an area is negative, NaN or infinite, if all are 0, or if the shape differs.

    Examples
    --------
    >>> bool((ground_areas(np.array([0.1, 0.2, 0.3])) == [0.1, 0.2, 0.3]).all()), float(ground_areas(np.array([0.1, 0.2, 0.3])).sum().round(12))
    (False, 0.6)
    """
    area = np.asarray(area_m2, np.float64)
    if shape is not None and area.shape != tuple(shape):
        raise ValueError(f"ground areas of shape {area.shape}; expected {tuple(shape)}, one per cell; fix: cut both to the same window")
    if not np.isfinite(area).all() or (area < 0).any():
        raise ValueError("a ground area is negative or not a number; expected m2 from 0 up, 0 outside of the zone")
    total = float(area.sum())
    if total <= 0:
        raise ValueError("the ground areas are all 0; expected a zone that covers at least part of one cell")
    grain = 2.0 ** (ceil(log2(total)) - BITS)
    return np.rint(area / grain) * grain


def mask_of(values: np.ndarray | None, shape: tuple[int, ...], name: str) -> np.ndarray:
    """Return a mask of this shape, `(y, x)` bool; all False where None is given.

    Raises ValueError for another shape, and for values that are not boolean: NaN would become True.

    >>> mask_of(None, (1, 2), "water").tolist()
    [[False, False]]
    """
    if values is None:
        return np.zeros(shape, bool)
    mask = np.asarray(values)
    if mask.dtype != bool:
        raise ValueError(f"{name} is {mask.dtype}; expected True and False, with unknown cells in a mask of their own")
    if mask.shape != tuple(shape):
        raise ValueError(f"{name} has shape {mask.shape}; expected {tuple(shape)}; fix: cut both to the same window")
    return mask


def area_of(mask: np.ndarray, area_m2: np.ndarray) -> float:
    """Return the ground area in m2 of the cells of a mask; `area_m2` as of `ground_areas`.

    >>> area_of(np.array([[True, False]]), np.array([[100.0, 50.0]]))
    100.0
    """
    return float(ground_areas(area_m2, np.shape(mask))[mask_of(mask, np.shape(mask), "the mask")].sum())
