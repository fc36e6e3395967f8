"""The partial trend of every cell: which weather belongs to a cell, and one block of the raster."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.evaluation.residualtrend import residual_trend

BANDS = ("slope", "slope_low", "slope_high", "s", "p", "climate_p", "n")
UNITS = {"slope": "per year", "slope_low": "per year", "slope_high": "per year", "n": "years"}
OUTSIDE = -1


def climates_of_cells(
    coverages: Sequence[ZoneCoverage], matrices: Mapping[str, np.ndarray], shape: tuple[int, int]
) -> tuple[np.ndarray, tuple[np.ndarray, ...]]:
    """Return the number of each cell's climate, (y, x) int16, -1 where no zone touches it, and the climates, each once: (years, variables).

    A cell of several zones has the climate of the one that covers most of it, of equal ones the first.

    >>> pit = ZoneCoverage("pit", "pit", slice(0, 1), slice(1, 3), np.array([[5.0, 9.0]]))
    >>> number, climates = climates_of_cells([pit], {"pit": np.zeros((8, 1))}, (1, 4))
    >>> number.tolist(), len(climates)
    ([[-1, 0, 0, -1]], 1)
    """
    climates: dict[bytes, np.ndarray] = {}
    most, out = np.zeros(shape), np.full(shape, OUTSIDE, np.int16)
    for coverage in coverages:
        own = np.ascontiguousarray(matrices[coverage.zone], np.float64)
        climates.setdefault(own.tobytes(), own)
        window = coverage.rows, coverage.cols
        larger = coverage.area_m2 > most[window]
        out[window][larger] = list(climates).index(own.tobytes())
        most[window] = np.maximum(most[window], coverage.area_m2)
    return out, tuple(climates.values())


def residual_block(ndvi: np.ndarray, times: np.ndarray, number: np.ndarray, climates: Sequence[np.ndarray], pair: Endmembers | None) -> np.ndarray:
    """Return `BANDS` of one block, (bands, y, x) float32: the partial trend of `residual_trend`; NaN outside of the zones and where it is refused.

    `n` is the number of years with a value and climate, also where these are too few. Cover is formed before clamping, in float64; of NDVI without `pair`.

    Parameters
    ----------
    ndvi : (times, y, x)
    number : (y, x), of `climates`; -1: outside
    """
    out = np.full((len(BANDS), *number.shape), np.nan, np.float32)
    for i, climate in enumerate(climates):
        here = number == i
        if not here.any():
            continue
        series = ndvi[:, here].astype(np.float64)
        if pair is not None:
            series = (series - pair.soil) / (pair.vegetation - pair.soil)
        found = residual_trend(series, times, climate)
        out[:, here] = np.stack([getattr(found, name) for name in BANDS])
    return out
