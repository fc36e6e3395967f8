"""Matched controls: undisturbed cells that looked before restoration as the restored cells did."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.spatial import cKDTree

from pipeline.evaluation.paired import ROUNDING

K = 20  # controls of a cell (del Rio-Mena et al. 2021)
LEAST_SHARE = 0.5  # of the pairs: a year with less falls out


@dataclass(frozen=True)
class Balance:
    """How far one feature of restored cells and controls differed before and after matching.

    Means in the feature's unit; standardised mean differences are (treated - controls) / sqrt((var treated + var controls) / 2), with the
    variances before matching in both, so that only the means move (Rosenbaum and Rubin 1985); NaN for a feature without spread.
    """

    feature: str
    treated_mean: float
    control_mean_before: float
    control_mean_after: float
    smd_before: float
    smd_after: float


@dataclass(frozen=True)
class Matching:
    """Controls of restored cells: for `treated` (n,) their numbers, `controls` (n, k) those of control cells, `distance` (n, k) in standard deviations.

    Cells that lack a feature are in neither. `treated_cells`, `control_cells`: given; `treated_left_out`, `controls_left_out`: of them
    left out. `balance`: one record per feature.
    """

    treated: np.ndarray
    controls: np.ndarray
    distance: np.ndarray
    balance: tuple[Balance, ...]
    treated_cells: int
    control_cells: int
    treated_left_out: int
    controls_left_out: int


@dataclass(frozen=True)
class MatchedSeries:
    """Yearly means of restored cells and of their controls over the same pairs; `share` of all pairs that were valid, 0..1, NaN values below half."""

    zone: np.ndarray
    reference: np.ndarray
    share: np.ndarray


def match(
    treated_ndvi: np.ndarray,
    control_ndvi: np.ndarray,
    *,
    treated_elevation: np.ndarray | None = None,
    control_elevation: np.ndarray | None = None,
    k: int = K,
    names: Sequence[object] | None = None,
) -> Matching:
    """Return for each restored cell the k nearest control cells in NDVI of every year before restoration and, if given, elevation.

    Each feature is divided by sqrt((var treated + var controls) / 2), the distance is Euclidean, so that three years weigh three times as much as
    elevation. Controls are used again and again (with replacement); ties go to any. A cell with NaN in a feature is left out and counted.

    A caution: cells matched by a noisy past drift back to the mean of where they come from (Daw and Hatfield 2018). Where restored and control
    cells differed much before matching (`balance`), part of the contrast is that drift; more years before weaken it. Controls far away
    (`distance`) are no controls.

    Parameters
    ----------
    treated_ndvi, control_ndvi : (years before, cells)
    treated_elevation, control_elevation : (cells,) metres; both or none
    k : controls for each cell; 20 after del Rio-Mena et al. 2021
    names : of the years before, as features and errors name them (`ndvi 2020`); default 1, 2, ...

    Errors: ValueError for other shapes, infinite values, fewer than k controls, no restored cell, or a feature that is one value in restored cells and
    another one in controls.

    >>> found = match([[0.1, 0.5]], [[0.0, 0.12, 0.45, 0.9]], k=1)
    >>> found.controls.tolist(), [(round(b.smd_before, 2), round(b.smd_after, 2)) for b in found.balance]
    ([[1], [2]], [(-0.19, 0.04)])
    """
    own, other, features = _features(treated_ndvi, control_ndvi, treated_elevation, control_elevation, names)
    treated, pool = np.flatnonzero(np.isfinite(own).all(1)), np.flatnonzero(np.isfinite(other).all(1))
    if k < 1 or pool.size < max(k, 1):
        raise ValueError(
            f"k is {k} and {pool.size} control cells have every feature; expected 1 <= k <= that number: take a smaller k or a larger control area"
        )
    if not treated.size:
        raise ValueError("no restored cell has every feature; expected NDVI in every year before restoration, and elevation where it is used")
    a, b = own[treated], other[pool]
    spread = np.sqrt((a.var(0, ddof=min(1, len(a) - 1)) + b.var(0, ddof=min(1, len(b) - 1))) / 2)
    apart = a.mean(0) - b.mean(0)
    least = ROUNDING * np.maximum(abs(a).max(0), abs(b).max(0))
    flat = spread <= least
    if stuck := ", ".join(n for n, bad in zip(features, flat & (abs(apart) > least), strict=True) if bad):
        raise ValueError(f"{stuck}: one value in all restored cells and another in all controls; expected controls that can be like them")
    scale = np.where(flat, 1.0, spread)
    distance, place = cKDTree(b / scale).query(a / scale, k=[*range(1, k + 1)])
    after = b[place].mean(axis=(0, 1))
    smd = [np.where(flat, np.nan, gap / scale) for gap in (apart, a.mean(0) - after)]
    rows = zip(features, *(v.tolist() for v in (a.mean(0), b.mean(0), after, *smd)), strict=True)
    balance, left_out = tuple(Balance(*row) for row in rows), (len(own) - treated.size, len(other) - pool.size)
    return Matching(treated, pool[place], distance, balance, len(own), len(other), *left_out)


def matched_series(matching: Matching, treated: np.ndarray, controls: np.ndarray) -> MatchedSeries:
    """Return the yearly means of restored cells and of their controls, for `pipeline.evaluation.baci.baci`: the replicate stays the year.

    Parameters
    ----------
    matching : of the same cells in the same order
    treated, controls : (years, cells) values, all cells that were given to `match`; NaN = gap

    Each restored cell with a value stands against the mean of its controls that have one, and counts as often as it has such controls. A year in
    which less than half of all pairs are valid is NaN. ValueError if the cells are not those of the matching.

    >>> found = match([[0.1, 0.5]], [[0.0, 0.12, 0.45, 0.9]], k=1)
    >>> series = matched_series(found, [[0.6, 0.8]], [[0.2, 0.3, 0.5, 0.9]])
    >>> [round(float(v[0]), 2) for v in (series.zone, series.reference, series.share)]
    [0.7, 0.4, 1.0]
    """
    own, other = np.asarray(treated, np.float64), np.asarray(controls, np.float64)
    years = len(own) if own.ndim else 0
    if own.shape != (years, matching.treated_cells) or other.shape != (years, matching.control_cells):
        expected = f"(years, {matching.treated_cells}) and (years, {matching.control_cells})"
        raise ValueError(f"values have shapes {own.shape} and {other.shape}; expected {expected}: all cells given to `match`, in their order")
    out = np.full((3, len(own)), np.nan)
    for year, (x, r) in enumerate(zip(own, other, strict=True)):
        mine = np.broadcast_to(x[matching.treated][:, None], matching.controls.shape)
        theirs = r[matching.controls]
        valid = np.isfinite(mine) & np.isfinite(theirs)
        out[2, year] = valid.mean()
        if out[2, year] >= LEAST_SHARE:
            out[:2, year] = mine[valid].mean(), theirs[valid].mean()
    return MatchedSeries(*out)


def _features(
    treated_ndvi: np.ndarray,
    control_ndvi: np.ndarray,
    treated_elevation: np.ndarray | None,
    control_elevation: np.ndarray | None,
    years: Sequence[object] | None,
) -> tuple[np.ndarray, np.ndarray, list[str]]:
    own, other = np.asarray(treated_ndvi, np.float64), np.asarray(control_ndvi, np.float64)
    if own.ndim != 2 or other.ndim != 2 or len(own) != len(other) or not len(own):
        raise ValueError(f"NDVI has shapes {own.shape} and {other.shape}; expected (years before, cells) of the same years, at least one")
    years = range(1, len(own) + 1) if years is None else years
    if len(years) != len(own):
        raise ValueError(f"{len(years)} names are given for {len(own)} years before; expected one each")
    names = [f"ndvi {year}" for year in years]
    if (treated_elevation is None) != (control_elevation is None):
        raise ValueError("elevation is given for restored or control cells only; expected both or none")
    if treated_elevation is not None and control_elevation is not None:
        heights = np.asarray(treated_elevation, np.float64), np.asarray(control_elevation, np.float64)
        if heights[0].shape != own.shape[1:] or heights[1].shape != other.shape[1:]:
            raise ValueError(f"elevation has shapes {heights[0].shape} and {heights[1].shape}; expected one value per cell")
        own, other = np.vstack([own, heights[0]]), np.vstack([other, heights[1]])
        names.append("elevation")
    if np.isinf(own).any() or np.isinf(other).any():
        raise ValueError("a feature has infinite values; expected numbers, NaN where there is none")
    return own.T, other.T, names
