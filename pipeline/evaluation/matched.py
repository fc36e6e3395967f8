"""The contrast against matched control cells of the reference, and the balance of the matching, as rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from pipeline.evaluation.baci import BEFORE, baci
from pipeline.evaluation.controls import Matching, match, matched_series
from pipeline.evaluation.recoverytable import LEFT_OUT, contrast_row

BALANCE_COLUMNS = (
    "mine", "sensor", "zone", "role", "reference", "feature", "zone_mean", "reference_mean", "controls_mean", "smd_before", "smd_after", "cells",
    "cells_left_out", "controls",
)  # fmt: skip
NAMES = ("baci_matched", "baci_matched_with_partial")


def matched_rows(
    ndvi: tuple[np.ndarray, np.ndarray],
    values: tuple[np.ndarray, np.ndarray],
    years: Sequence[int],
    phase: tuple[str, ...],
    *,
    k: int,
    level: float,
    heights: tuple[np.ndarray, np.ndarray] | None = None,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Return the rows of the contrast against matched controls, and those of the balance; of a refused matching the reason in the first.

    Parameters
    ----------
    ndvi, values : (years, cells) of the zone's cells and of the reference's, NDVI and the variable of the trend; NaN = gap
    phase : of each year (`recoverytable.phases_of`)
    k : controls of each cell
    heights : elevation of the zone's cells and of the reference's, (cells,) metres, NaN where not known: matched too
    """
    before = np.array([p == BEFORE for p in phase])
    if not before.any():
        return [{"measure": name, "note": "no year before restoration: there is nothing to match by"} for name in NAMES], []
    named = [year for year, b in zip(years, before, strict=True) if b]
    try:
        own, theirs = heights or (None, None)
        found = match(ndvi[0][before], ndvi[1][before], treated_elevation=own, control_elevation=theirs, k=k, names=named)
    except ValueError as error:
        return [{"measure": name, "note": f"no matched controls: {error}"} for name in NAMES], []
    series = matched_series(found, *values)
    clean = np.where([p in LEFT_OUT for p in phase], np.nan, series.zone)
    result = baci(clean, series.reference, tuple(BEFORE if p in LEFT_OUT else p for p in phase), level=level)
    rows = [{"measure": name} | contrast_row(of) for name, of in zip(NAMES, (result.full, result.with_partial), strict=True)]
    return rows, _balance(found, k)


def _balance(found: Matching, k: int) -> list[dict[str, Any]]:
    return [
        {"feature": b.feature, "zone_mean": b.treated_mean, "reference_mean": b.control_mean_before, "controls_mean": b.control_mean_after}
        | {"smd_before": b.smd_before, "smd_after": b.smd_after, "cells": found.treated_cells, "cells_left_out": found.treated_left_out, "controls": k}
        for b in found.balance
    ]
