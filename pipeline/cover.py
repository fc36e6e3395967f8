"""Fractional vegetation cover: one endmember pair for all years, dimidiate pixel model."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.endmembers import Endmembers
from pipeline.kernels.pixels import clamped_cover, count_bins, take_bins

if TYPE_CHECKING:
    import dask.array as da

BINS = 4096


def configured_pair(soil: Any, vegetation: Any, find: Callable[[tuple[float, ...]], tuple[list[float], int]]) -> Endmembers:
    """Return the pair that a config asks for, each member by `ndvi` or by `percentile`; `find` gives percentiles of the pooled NDVI, see `percentiles`.

    Raises
    ------
    RunFault
        When the pair cannot carry a cover model.
    """
    wanted = {"soil": soil, "vegetation": vegetation}
    found: dict[str, float] = {name: e.ndvi for name, e in wanted.items() if e.ndvi is not None}
    asked = {name: e.percentile for name, e in wanted.items() if e.percentile is not None}
    values, pooled = find(tuple(asked.values())) if asked else ([], 0)
    found |= dict(zip(asked, values, strict=True))
    return Endmembers(found["soil"], found["vegetation"], pooled).check()


def percentiles(ndvi: Any, inside: np.ndarray, wanted: tuple[float, ...]) -> tuple[list[float], int]:
    """Return percentiles of all valid NDVI inside a mask, pooled over all years, and the number of values; see `pooled_percentiles`.

    Parameters
    ----------
    ndvi : (time, y, x) array, Dask or numpy, -1..1, NaN = no value
    inside : (y, x) bool
    wanted : percentiles, 0..100
    """
    if isinstance(ndvi, np.ndarray):
        return pooled_percentiles([(ndvi, inside)], wanted)
    import dask.array as da

    mask = da.from_array(inside, chunks=ndvi.chunks[1:]).to_delayed()
    return pooled_percentiles(list(zip(ndvi.to_delayed().ravel(), np.broadcast_to(mask, ndvi.numblocks).ravel(), strict=True)), wanted)


def pooled_percentiles(blocks: list[tuple[Any, Any]], wanted: tuple[float, ...]) -> tuple[list[float], int]:
    """Return percentiles of all valid values of many blocks, and the number of values; each block is (time, y, x) and its mask (y, x).

    Equal to `numpy.percentile` (linear interpolation), in two passes over the blocks and without holding the values:
    a histogram finds the bins of the order statistics that are needed, then only the values of those bins are kept.
    """
    import dask

    counts = np.sum(dask.compute(*[dask.delayed(_histogram)(b, m) for b, m in blocks]), axis=0)
    total = int(counts.sum())
    if total == 0:
        return [float("nan")] * len(wanted), 0
    positions = [q / 100 * (total - 1) for q in wanted]
    ranks = sorted({r for p in positions for r in (int(np.floor(p)), int(np.ceil(p)))})
    before = np.concatenate([[0], np.cumsum(counts)])
    needed = np.unique(np.searchsorted(before, ranks, side="right") - 1)
    kept = np.sort(np.concatenate(dask.compute(*[dask.delayed(_values_in)(b, m, needed) for b, m in blocks])))
    kept_bins = _bin(kept)
    order = {r: _order_statistic(kept, kept_bins, before, r) for r in ranks}
    out = []
    for p in positions:
        low, high = order[int(np.floor(p))], order[int(np.ceil(p))]
        out.append(low + (high - low) * (p - np.floor(p)))
    return out, total


def _bin(values: np.ndarray) -> np.ndarray:
    return np.clip(((values.astype(np.float64) + 1) * (BINS / 2)).astype(np.int64), 0, BINS - 1)


def _histogram(block: np.ndarray, inside: np.ndarray) -> np.ndarray:
    return np.sum([count_bins(year, inside, BINS) for year in block], axis=0)


def _values_in(block: np.ndarray, inside: np.ndarray, bins: np.ndarray) -> np.ndarray:
    wanted = np.zeros(BINS, bool)
    wanted[bins] = True
    return np.concatenate([take_bins(year, inside, wanted, year.size) for year in block])


def _order_statistic(kept: np.ndarray, kept_bins: np.ndarray, before: np.ndarray, rank: int) -> float:
    wanted = int(np.searchsorted(before, rank, side="right") - 1)
    return float(kept[np.searchsorted(kept_bins, wanted) + rank - before[wanted]])


def annual_cover(ndvi: Any, pair: Endmembers) -> da.Array:
    """Return clamped cover, 0..1, lazy float32, same shape and chunks; NaN stays NaN."""
    import dask.array as da

    return da.asarray(ndvi).map_blocks(clamped_cover, pair.soil, pair.vegetation, dtype=np.float32)
