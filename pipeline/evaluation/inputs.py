"""Yearly values of a zone and its reference, and their errors, from the results of a run."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.compositeerror import factor, paired_means
from pipeline.endmembers import Endmembers
from pipeline.evaluation.paired import PairedErrors, paired_errors
from pipeline.zonestats import ZoneSeries


def yearly_means(series: ZoneSeries, variable: str) -> np.ndarray:
    """Return the mean of a zone in each of its years, of cover before clamping or of NDVI, (years,); NaN where the year falls out.

    As in trend_by_zone.csv: a year with less than half of the zone's land falls out, and the mean of every other year is over the cells valid in all of
    them, so that the same ground is compared.
    """
    used, means, _ = series.period(series.years[0], series.years[-1], variable)
    known = dict(zip(used, means.tolist(), strict=True))
    return np.array([known.get(year, np.nan) for year in series.years])


def scene_errors(parts: list[list[dict[str, Any]]], zone: str, references: dict[str, float], percentile: float, contrast: float) -> PairedErrors | None:
    """Return the errors of the yearly values of a zone and its reference, from the scenes that show both; None without any scene.

    Standard errors of the mean of a year's scenes (`paired_errors`), times what a composite of so many normal values has beside their mean
    (`compositeerror.factor`), divided by `contrast`: NDVI of closed vegetation minus that of bare ground for cover, 1 for NDVI. What the ground did
    within the season is in them, so that they are rather too large.

    Parameters
    ----------
    parts : rows of what each scene showed, year by year (`pipeline.observed.read_part`)
    references : ground areas of the reference zones, by name
    percentile : of the composite, negative for the mean
    """
    if not any(parts):
        return None
    own, others = paired_means(parts, zone, references)
    found = paired_errors(own, others)
    number = np.array([max(len(year), 1) for year in own], float)
    times = factor(percentile, number) * np.sqrt(number) / contrast
    return PairedErrors(found.zone * times, found.reference * times, found.difference * times, found.freedom)


def contrast_of(pair: Endmembers, variable: str) -> float:
    """Return by what NDVI is divided to be the trend's variable.

    >>> contrast_of(Endmembers(0.05, 0.85, 100), "fvc").__round__(2), contrast_of(Endmembers(0.05, 0.85, 100), "ndvi")
    (0.8, 1.0)
    """
    return pair.vegetation - pair.soil if variable == "fvc" else 1.0
