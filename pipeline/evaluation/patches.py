"""Patches: cells of a mask that hang together, by sides alone (4) or by sides and corners (8)."""

from __future__ import annotations

import numpy as np

from pipeline.evaluation.groundarea import mask_of

CONNECTIVITIES = (4, 8)


def patches(mask: np.ndarray, connectivity: int) -> tuple[np.ndarray, int]:
    """Return the number of each cell's patch and how many patches there are.

    Parameters
    ----------
    mask : (y, x) bool
        Cells that belong to a patch.
    connectivity : 4 or 8
        Whether cells hang together by their sides alone, or by corners too. No default: areas depend on it.

    Returns
    -------
    labels : (y, x) int
        0 outside of the mask, else 1, 2, ... in the order in which patches are first met row by row.
    count : int

    Raises
    ------
    ValueError
        If `connectivity` is neither, or the mask is not a 2-D array of True and False.

    Examples
    --------
    >>> diagonal = np.eye(2, dtype=bool)
    >>> patches(diagonal, 4)[1], patches(diagonal, 8)[1]
    (2, 1)
    """
    from scipy.ndimage import label

    if connectivity not in CONNECTIVITIES:
        raise ValueError(f"connectivity is {connectivity!r}; expected 4 (sides) or 8 (sides and corners)")
    if np.ndim(mask) != 2:
        raise ValueError(f"the mask has {np.ndim(mask)} dimensions; expected 2, (y, x)")
    structure = np.ones((3, 3), bool) if connectivity == 8 else np.array([[0, 1, 0], [1, 1, 1], [0, 1, 0]], bool)
    labels, count = label(mask_of(mask, np.shape(mask), "the mask"), structure=structure)
    return labels, int(count)


def touching(mask: np.ndarray, seeds: np.ndarray, connectivity: int) -> np.ndarray:
    """Return the patches of a mask that have at least one cell in `seeds`, `(y, x)` bool.

    Errors as `patches`; `seeds` must have the mask's shape.

    >>> touching(np.array([[True, True, False, True]]), np.array([[True, False, False, False]]), 4).tolist()
    [[True, True, False, False]]
    """
    labels, count = patches(mask, connectivity)
    kept = np.zeros(count + 1, bool)
    kept[labels[mask_of(seeds, labels.shape, "the seeds")]] = True
    kept[0] = False
    return kept[labels]


def patch_areas(labels: np.ndarray, count: int, area_m2: np.ndarray) -> list[float]:
    """Return the ground area in m2 of patches 1, 2, ...; 0.0 for one outside of the zone.

    >>> patch_areas(np.array([[1, 1, 0, 2]]), 2, np.array([[100.0, 50.0, 100.0, 0.0]]))
    [150.0, 0.0]
    """
    return [float(a) for a in np.bincount(labels.ravel(), weights=area_m2.ravel(), minlength=count + 1)[1:]]
