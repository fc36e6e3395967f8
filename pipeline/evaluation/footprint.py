"""Footprint of a mine in a year: excavated ground, ground affected around it, and how far both agree with a polygon."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.groundarea import area_of, ground_areas, mask_of
from pipeline.evaluation.patches import touching


@dataclass(frozen=True)
class Footprint:
    """Cells of a footprint, `(y, x)` bool.

    `cells`: those that the images show. `possible`: those and every cell that could belong to it were unknown cells the worst that they can be.
    `cut`: whether the footprint may go on outside of the window, so that its area is a lower bound.
    """

    cells: np.ndarray
    possible: np.ndarray
    cut: bool

    def areas_m2(self, area_m2: np.ndarray) -> tuple[float, float]:
        """Return the ground area in m2 of `cells` and of `possible`; `area_m2` (y, x) as `ground_areas`, and its errors."""
        return area_of(self.cells, area_m2), area_of(self.possible, area_m2)


def excavated(bare: np.ndarray, boundary: np.ndarray, *, connectivity: int, unknown: np.ndarray | None = None) -> Footprint:
    """Return the excavated ground: bare cells that hang together with a bare cell that the mine's polygon touches.

    Bare patches that never touch the polygon (roads, river beds, rock elsewhere) are left out; those that touch it count whole, also outside of the polygon.

    Parameters
    ----------
    bare : (y, x) bool
        Bare cells of a year, e.g. FVC below a bound of the user's.
    boundary : (y, x) bool
        Cells that the mine's boundary polygon touches (`ZoneCoverage.touched`).
    connectivity : 4 or 8
    unknown : (y, x) bool, optional
        Cells without a value that year: not bare in `cells`, bare in `possible`.

    Raises
    ------
    ValueError
        If shapes differ, a mask is not boolean, no cell touches the polygon, or a cell is both bare and unknown.

    References
    ----------
    Excavated and affected areas: Dong et al. 2025 (Sci. Rep.); the rule for pixels is this software's.

    Examples
    --------
    >>> bare = np.array([[True, True, False, True]])
    >>> excavated(bare, np.array([[False, True, True, False]]), connectivity=4).cells.tolist()
    [[True, True, False, False]]
    """
    shape = np.shape(bare)
    open_ground, mine, dark = mask_of(bare, shape, "bare ground"), mask_of(boundary, shape, "the boundary"), mask_of(unknown, shape, "unknown")
    if not mine.any():
        raise ValueError("no cell touches the mine's boundary polygon; expected a polygon within the window")
    if (open_ground & dark).any():
        raise ValueError("cells are both bare and unknown; expected one of both")
    possible = touching(open_ground | dark, mine, connectivity)
    edge = np.ones(shape, bool)
    edge[1:-1, 1:-1] = False
    return Footprint(touching(open_ground, mine, connectivity), possible, bool((possible & edge).any()))


def distance_to(cells: np.ndarray, cell_m: tuple[float, float]) -> np.ndarray:
    """Return the distance in metres from each cell's centre to that of the nearest cell of a mask, `(y, x)` float64; inf where the mask is empty.

    `cell_m` is the ground size of a cell, (y, x) metres; they may differ. Exact Euclidean distance (scipy.ndimage.distance_transform_edt, after Maurer et
    al. 2003, IEEE TPAMI 25:265-270). ValueError for a size that is not above 0.

    >>> distance_to(np.array([[True, False, False], [False, False, False]]), (30.0, 10.0)).round(1).tolist()
    [[0.0, 10.0, 20.0], [30.0, 31.6, 36.1]]
    """
    from scipy.ndimage import distance_transform_edt

    if len(cell_m) != 2 or not all(0 < side < np.inf for side in cell_m):
        raise ValueError(f"cell size {cell_m}; expected metres above 0, (y, x)")
    mask = mask_of(cells, np.shape(cells), "the mask")
    if not mask.any():
        return np.full(mask.shape, np.inf)
    return np.asarray(distance_transform_edt(~mask, sampling=cell_m), np.float64)


def _within(cells: np.ndarray, cell_m: tuple[float, float], distance_m: float) -> np.ndarray:
    return distance_to(cells, cell_m) <= distance_m * (1 + 1e-12)  # 3 cells of 10.1 m are 30.3 m, whatever the last bit says


def affected(
    dug: Footprint, relative_fvc: np.ndarray, cell_m: tuple[float, float], *, distance_m: float, below: float, excluded: np.ndarray | None = None
) -> Footprint:
    """Return the ground affected around the excavated one: near it, and with a relative FVC below a bound. The excavated cells themselves are left out.

    Parameters
    ----------
    dug : Footprint
        Of `excavated`.
    relative_fvc : (y, x) float
        FVC relative to the reference area, as difference or ratio; NaN where not known.
    cell_m : (float, float)
        Ground size of a cell in metres, (y, x).
    distance_m : float
        Largest distance from the centre of an excavated cell to that of an affected one.
    below : float
        Bound of `relative_fvc`, in its unit. No default: the studies give none.
    excluded : (y, x) bool, optional
        Cells that are never affected, e.g. water, which has no FVC.

    Returns
    -------
    Footprint
        `possible` adds cells without a value and those near ground that may be excavated. `cut`: cells outside of the window would be near enough too.

    Raises
    ------
    ValueError
        If shapes differ, the distance is not a number from 0, or the bound is not finite.

    Examples
    --------
    >>> dug = excavated(np.array([[True, False, False, False]]), np.array([[True, False, False, False]]), connectivity=4)
    >>> affected(dug, np.array([[-0.5, -0.3, 0.0, -0.3]]), (10.0, 10.0), distance_m=20, below=-0.1).cells.tolist()
    [[False, True, False, False]]
    """
    relative = np.asarray(relative_fvc, np.float64)
    if relative.shape != dug.cells.shape:
        raise ValueError(f"relative FVC has shape {relative.shape}; expected {dug.cells.shape}; fix: cut both to the same window")
    if not 0 <= distance_m < np.inf:
        raise ValueError(f"distance {distance_m} m; expected metres from 0")
    if not np.isfinite(below):
        raise ValueError(f"bound {below} of relative FVC; expected a finite number")
    free = ~dug.cells & ~mask_of(excluded, relative.shape, "the excluded cells")
    near, maybe_near = _within(dug.cells, cell_m, distance_m), _within(dug.possible, cell_m, distance_m)
    lower = relative < below
    cells = free & near & lower
    possible = free & maybe_near & (lower | np.isnan(relative))
    around = _within(np.pad(dug.possible, 1), cell_m, distance_m)
    around[1:-1, 1:-1] = False
    return Footprint(cells, possible, bool(around.any() or dug.cut))


def iou(cells: np.ndarray, polygon: np.ndarray, area_m2: np.ndarray) -> float | None:
    """Return intersection over union of a footprint and a polygon by ground area, 0..1; None where both are empty.

    Parameters
    ----------
    cells : (y, x) bool
    polygon : (y, x) bool or float
        The user's polygon: cells in it, or the share 0..1 that it covers of each cell. A cell of the footprint that it half covers is half agreed.
    area_m2 : (y, x) float
        Ground area of whole cells.

    Raises
    ------
    ValueError
        If shapes differ or a share lies outside of 0..1.

    Examples
    --------
    >>> iou(np.array([[True, True, False]]), np.array([[0.0, 1.0, 1.0]]), np.full((1, 3), 100.0)).__round__(3)
    0.333
    """
    mine, area = mask_of(cells, np.shape(cells), "the footprint").astype(np.float64), ground_areas(area_m2, np.shape(cells))
    share = np.asarray(polygon, np.float64)
    if share.shape != mine.shape or not ((share >= 0) & (share <= 1)).all():
        raise ValueError(f"polygon of shape {share.shape} with shares {share.min():g} to {share.max():g}; expected {mine.shape} and 0..1")
    union = float((np.maximum(mine, share) * area).sum())
    return float((np.minimum(mine, share) * area).sum()) / union if union > 0 else None
