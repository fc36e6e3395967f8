"""Make the five tables of a mine whose every cell is given, by the functions that make them in a run."""

import numpy as np

from pipeline import areas, zonestats
from pipeline.classes import limits
from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.evidence import Rules
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.pixels import classify
from pipeline.tables import read_csv, write_csv
from pipeline.trend import statistics
from pipeline.zonetables import Tables

RULES = Rules(slight=0.10, significant=0.05, extreme=0.01, significance="auto")
PAIR = Endmembers(0.0, 1.0, 0)  # cover = NDVI
CELL_M2 = 100.0


def cells(*kinds):
    """Return cover (years, 1, cells) from pairs of a number of cells and their series; None and NaN are missing."""
    return np.concatenate([np.repeat(np.array(series, float)[:, None], count, axis=1) for count, series in kinds], axis=1)[:, None]


def tables(folder, zones, first=2021, references=("reference",), water=None, periods=None, scheme="seven", variable="fvc"):
    """Return the tables of a mine, written and read again.

    `zones`: name to cover (years, y, x); `water`: name to bool of the same shape (given, the mine is one of scenes).
    """
    years = list(range(first, first + len(next(iter(zones.values())))))
    periods = periods or [(years[0], years[-1])]
    annual, changes, trends, counted, usual = [], {}, [], {}, {}
    for zone, values in zones.items():
        wet = np.zeros(values.shape) if water is None else water.get(zone, np.zeros(values.shape))
        ndvi = np.where(wet > 0, np.nan, values).astype(np.float32)
        coverage = ZoneCoverage(zone, "pit", slice(0, ndvi.shape[1]), slice(0, ndvi.shape[2]), np.full(ndvi.shape[1:], CELL_M2))
        seen = None if water is None else zonestats.Seen(np.ones(ndvi.shape, np.uint16), ndvi * 0 + 200, wet.astype(np.float32), (0.0,) * len(years))
        series = zonestats.ZoneSeries(coverage, ndvi, years, PAIR, seen)
        named = {"mine": "made", "sensor": "s", "zone": zone, "role": "reference" if zone in references else "pit"}
        annual += series.annual_rows(named)
        changes[zone] = named, zonestats.changes(series)
        for period in periods:
            chosen = [years.index(y) for y in range(period[0], period[1] + 1)]
            found = statistics(ndvi[chosen], np.array(years, float)[chosen])
            slope, s, p, n = (found[OUTPUTS.index(k)] for k in ("slope", "s", "p", "n"))
            codes = classify(slope, p, n, min_years=max(3, len(chosen) - 1), no_change=0.0005, **limits(scheme, 0.10, 0.05, 0.01))
            codes = np.where(2 * (wet[chosen] > 0).sum(axis=0) >= len(chosen), np.uint8(97), codes)
            counted[zone, period], usual[zone, period] = areas.class_areas(codes, coverage), areas.usual_n(n, coverage)
            of = {"variable": variable, "first_year": period[0], "last_year": period[1], "test": "mann-kendall"}
            trends.append(named | of | zonestats.trend_row(series, period, variable, "auto", slope, s))
    there = [z for z in references if z in zones]
    rows = [r for named, own in changes.values() for r in zonestats.change_rows(own, [changes[z][1] for z in there], named)]
    classes, groups = [], []
    for (zone, period), own in counted.items():
        other = areas.total([counted[z, period] for z in there])
        of = {"variable": variable, "target": "absolute", "first_year": period[0], "last_year": period[1], "test": "mann-kendall"}
        named = changes[zone][0] | of
        classes += areas.area_rows(scheme, "auto", own, other, usual[zone, period], named)
        groups += areas.group_rows(scheme, own, other, named | {"level": "zone"})
        groups += areas.group_rows(scheme, own, other, named | {"level": "role", "zone": None})
    parts = [
        ("fvc", zonestats.FVC_COLUMNS, annual),
        ("change", zonestats.CHANGE_COLUMNS, rows),
        ("area", areas.AREA_COLUMNS, classes),
        ("groups", areas.GROUP_COLUMNS, groups),
        ("trend", zonestats.TREND_COLUMNS, trends),
    ]
    for name, columns, written in parts:
        write_csv(folder / f"{name}.csv", columns, written)
    return Tables(**{name: read_csv(folder / f"{name}.csv") for name, _, _ in parts})
