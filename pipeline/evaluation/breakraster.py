"""breaks.tif: years of disturbance and recovery of each cell, strip by strip of cells so that memory stays small."""

from __future__ import annotations

import numpy as np

from pipeline.config_breaks import Breaks
from pipeline.evaluation.breaks import disturbance_and_recovery, pettitt
from pipeline.writer import Band

BANDS = (
    Band("disturbance", "year"),
    Band("disturbance_step", "1"),
    Band("disturbance_p"),
    Band("recovery", "year"),
    Band("recovery_by", "0: none shown, 1: at a break, 2: from the disturbance on"),
    Band("recovery_p"),
    Band("pettitt", "year"),
    Band("pettitt_p"),
    Band("n", "years"),
)
NAMES = tuple(band.name for band in BANDS)
STRIP_CELLS = 8192


def break_bands(series: np.ndarray, years: np.ndarray, asked: Breaks) -> np.ndarray:
    """Return the bands of breaks.tif of many cells, (bands, cells) float32.

    `disturbance`, `recovery`: year, the first with a value after the break, NaN where none is shown at `asked.level`; `disturbance_step`: fall at the
    break; `recovery_by`: NaN where the cell has too few years with a value to show any break, 0 where it has enough and no recovery is shown;
    `pettitt`: first year after the most probable change, whatever its p; `n`: years with a value.

    Parameters
    ----------
    series : (years, cells) float; NaN and infinite values are gaps
    years : (years,) strictly increasing

    >>> import numpy as np
    >>> stripped = np.array([0.81, 0.80, 0.81, 0.79, 0.80, 0.81, 0.20, 0.21, 0.20, 0.22, 0.21, 0.22])
    >>> found = dict(zip(NAMES, break_bands(stripped[:, None], np.arange(2001.0, 2013), Breaks()), strict=True))
    >>> [float(found[name][0]) for name in ("disturbance", "pettitt", "recovery_by", "n")]
    [2007.0, 2007.0, 0.0, 12.0]
    """
    out = np.empty((len(BANDS), series.shape[1]), np.float32)
    for first in range(0, series.shape[1], STRIP_CELLS):
        strip = slice(first, first + STRIP_CELLS)
        part = np.asarray(series[:, strip], np.float64)
        phases = disturbance_and_recovery(part, years, level=asked.level, least=asked.least, slopes=asked.method == "lines", seed=asked.seed)
        change = pettitt(part, years, seed=asked.seed)
        by = np.where(phases.tested, phases.recovery_by, np.nan)
        found = (
            phases.disturbance,
            phases.disturbance_step,
            phases.disturbance_p,
            phases.recovery,
            by,
            phases.recovery_p,
            change.first_after,
            change.p,
            change.n,
        )
        for band, values in zip(out[:, strip], found, strict=True):
            band[:] = values
    return out
