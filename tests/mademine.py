"""Make the six tables of a mine whose every cell is given, by the functions that make them in a run."""

import numpy as np

from pipeline import areas, zonestats
from pipeline.classes import limits
from pipeline.control import control_cells, zone_tests
from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.evidence import Rules
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.pixels import classify
from pipeline.referencecheck import REFERENCE_COLUMNS, reference_row
from pipeline.relative import reference_series
from pipeline.tables import read_csv, write_csv
from pipeline.trend import statistics
from pipeline.zonetables import Tables
from pipeline.zonetrend import TREND_COLUMNS, trend_row

RULES = Rules(slight=0.10, significant=0.05, extreme=0.01, significance="auto")
PAIR = Endmembers(0.0, 1.0, 0)  # cover = NDVI
CELL_M2 = 100.0


def cells(*kinds):
    """Return cover (years, 1, cells) from pairs of a number of cells and their series; None and NaN are missing."""
    return np.concatenate([np.repeat(np.array(series, float)[:, None], count, axis=1) for count, series in kinds], axis=1)[:, None]


def tables(folder, zones, first=2021, references=("reference",), water=None, periods=None, scheme="seven", variable="fvc", relative=False):
    """Return the tables of a mine, written and read again.

    `zones`: name to cover (years, y, x); `water`: name to bool of the same shape (given, the mine is one of scenes). `relative`: with the
    trend relative to the references too.
    """
    years = list(range(first, first + len(next(iter(zones.values())))))
    periods = periods or [(years[0], years[-1])]
    there = [z for z in references if z in zones]
    targets = ("absolute", "relative") if relative and there else ("absolute",)
    rules = limits(scheme, 0.10, 0.05, 0.01)
    series, wet, named, annual = {}, {}, {}, []
    for zone, values in zones.items():
        wet[zone] = np.zeros(values.shape) if water is None else water.get(zone, np.zeros(values.shape))
        ndvi = np.where(wet[zone] > 0, np.nan, values).astype(np.float32)
        coverage = ZoneCoverage(zone, "pit", slice(0, ndvi.shape[1]), slice(0, ndvi.shape[2]), np.full(ndvi.shape[1:], CELL_M2))
        seen = None if water is None else zonestats.Seen(np.ones(ndvi.shape, np.uint16), ndvi * 0 + 200, wet[zone].astype(np.float32), (0.0,) * len(years))
        series[zone] = zonestats.ZoneSeries(coverage, ndvi, years, PAIR, seen)
        named[zone] = {"mine": "made", "sensor": "s", "zone": zone, "role": "reference" if zone in references else "pit"}
        annual += series[zone].annual_rows(named[zone])
    changes = {zone: zonestats.changes(own) for zone, own in series.items()}
    trends, worth, classes, groups = [], [], [], []
    for period in periods:
        of = {"variable": variable, "first_year": period[0], "last_year": period[1], "test": "mann-kendall"}
        chosen = [years.index(y) for y in range(period[0], period[1] + 1)]
        reference = reference_series([series[z] for z in there], tuple(there), period, variable) if there else None
        for target in targets:
            counted, usual, control = {}, {}, {}
            less = None if target == "absolute" else reference
            for zone, values in zones.items():
                ndvi = np.where(wet[zone] > 0, np.nan, values).astype(np.float32)[chosen]
                own = ndvi if less is None else ndvi - less.of(range(period[0], period[1] + 1))[:, None, None].astype(np.float32)
                found = statistics(own, np.array(years, float)[chosen])
                bands = {name: found[i] for i, name in enumerate(OUTPUTS)}
                codes = classify(bands["slope"], bands["p"], bands["n"], min_years=max(3, len(chosen) - 1), no_change=0.0005, **rules)
                codes = np.where(2 * (wet[zone][chosen] > 0).sum(axis=0) >= len(chosen), np.uint8(97), codes)
                coverage = series[zone].coverage
                counted[zone], usual[zone] = areas.class_areas(codes, coverage), areas.usual_n(bands["n"], coverage)
                tested = zone_tests(codes, bands, coverage, rules, 0.0005, "auto", 0, reference=None if zone in there else np.zeros(codes.shape, bool))
                control[zone] = control_cells(tested, scheme, {"slight": 0.10, "significant": 0.05, "extreme": 0.01}, "auto")
                row = trend_row(series[zone], period, variable, "auto", bands["slope"], bands["s"], less)
                trends.append(named[zone] | of | {"target": target} | row)
            for zone, own in counted.items():
                other = areas.total([counted[z] for z in there])
                said = named[zone] | of | {"target": target}
                classes += areas.area_rows(scheme, "auto", own, other, usual[zone], said, control[zone])
                groups += areas.group_rows(scheme, own, other, said | {"level": "zone"}, control[zone])
                groups += areas.group_rows(scheme, own, other, said | {"level": "role", "zone": None})
        if relative and reference is not None:
            worth += [named[zone] | of | reference_row(own, reference, period, variable, "auto") | {"warning": None} for zone, own in series.items()]
    rows = [r for z, own in changes.items() for r in zonestats.change_rows(own, [changes[x] for x in there], named[z])]
    parts = [
        ("fvc", zonestats.FVC_COLUMNS, annual),
        ("change", zonestats.CHANGE_COLUMNS, rows),
        ("area", areas.AREA_COLUMNS, classes),
        ("groups", areas.GROUP_COLUMNS, groups),
        ("trend", TREND_COLUMNS, trends),
        ("reference", REFERENCE_COLUMNS, worth),
    ]
    for name, columns, written in parts:
        write_csv(folder / f"{name}.csv", columns, written)
    return Tables(**{name: read_csv(folder / f"{name}.csv") for name, _, _ in parts})
