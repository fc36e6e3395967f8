"""Residual trend of zones: of a zone's mean series and of its cells, as rows of a table; what cannot be said has a note instead."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.classes import P_TOLERANCE
from pipeline.evaluation.climate import LEAST_FOR_TREND
from pipeline.evaluation.residualtrend import residual_trend
from pipeline.zonestats import ZoneSeries

NUMBERS = {
    "slope": "partial_slope", "slope_low": "partial_slope_low", "slope_high": "partial_slope_high", "s": "partial_s", "p": "partial_p",
    "restrend_slope": "restrend_slope", "restrend_p": "restrend_p", "r2": "climate_r2", "climate_p": "climate_p", "time_left": "time_left",
}  # fmt: skip
OF_CELLS = ("cells_tested_pct", "partial_rising_pct", "partial_falling_pct")
RESIDUAL_COLUMNS = (
    "mine", "sensor", "variable", "zone", "role", "first_year", "last_year", "predictors", "years_used", "n", "common_pct", *NUMBERS.values(),
    "cell_alpha", *OF_CELLS, "note",
)  # fmt: skip


def climate_matrix(values: Mapping[str, Mapping[int, float | None]], years: list[int]) -> np.ndarray:
    """Return the predictors of years, (years, variables), NaN where there is none.

    >>> climate_matrix({"precipitation": {2020: 210.0, 2021: None}}, [2020, 2021, 2022]).tolist()
    [[210.0], [nan], [nan]]
    """
    rows = [[np.nan if (v := of.get(year)) is None else v for of in values.values()] for year in years]
    return np.array(rows, np.float64).reshape(len(years), len(values))


def residual_row(series: ZoneSeries, period: tuple[int, int], variable: str, values: Mapping[str, Mapping[int, float | None]], alpha: float) -> dict[str, Any]:
    """Return one row of residual_trend_by_zone.csv without the columns that name the mine and zone.

    Of the zone's mean series (`ZoneSeries.period`, which says what years and cells) over the years that have climate: the fields of `residual_trend`. Of its
    cells, each with its own years: the share of the zone's area that could be tested, and of that the shares with a rising or falling partial trend at
    p <= `alpha`. Below 8 years, or where climate follows the years, there is a `note` instead of numbers.

    Parameters
    ----------
    values : precipitation, temperature or both: by year, None where the season is not known
    alpha : of one cell's test; by chance alone this share of a zone passes it
    """
    climate = climate_matrix(values, list(series.years))
    there = dict(zip(series.years, np.isfinite(climate).all(axis=1), strict=True))
    used, means, valid = series.period(*period, variable)
    kept = [i for i, year in enumerate(used) if there[year]]
    years = [used[i] for i in kept]
    out: dict[str, Any] = {"predictors": " ".join(values), "years_used": " ".join(map(str, years)), "n": len(years), "cell_alpha": alpha}
    out |= {"common_pct": series.share(valid) if used else None} | dict.fromkeys((*NUMBERS.values(), *OF_CELLS)) | {"note": ""}
    if len(years) < LEAST_FOR_TREND:
        return out | {"note": f"{len(years)} years with cover and climate; at least {LEAST_FOR_TREND} are needed"}
    found = residual_trend(means[kept][:, None], np.array(years, float), climate_matrix(values, years))
    out |= {column: _known(getattr(found, name)[0]) for name, column in NUMBERS.items()}
    if out["partial_slope"] is None:
        out["note"] = "climate follows the years: its part and the trend's cannot be told apart"
    chosen = [i for i, year in enumerate(series.years) if period[0] <= year <= period[1]]
    cells = np.stack([series.values(i, variable) for i in chosen])
    tested = residual_trend(cells, np.array([series.years[i] for i in chosen], float), climate[chosen])
    known = np.isfinite(tested.p)
    out["cells_tested_pct"] = series.share(known)
    if known.any():
        total = series.weights[known].sum()
        passed = known & (tested.p <= alpha + P_TOLERANCE)
        for name, sign in (("partial_rising_pct", 1), ("partial_falling_pct", -1)):
            out[name] = float(100 * series.weights[passed & (np.sign(tested.s) == sign)].sum() / total)
    return out


def _known(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
