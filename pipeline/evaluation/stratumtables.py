"""Columns of the tables by stratum: those of the tables by zone, with the stratum after the zone."""

from __future__ import annotations

from pipeline.areas import AREA_COLUMNS, GROUP_COLUMNS
from pipeline.evaluation import breaktable, landtables, pitlaketable
from pipeline.evaluation.recoverytable import COLUMNS as RECOVERY_COLUMNS
from pipeline.evaluation.residualtable import RESIDUAL_COLUMNS
from pipeline.evaluation.stratified import STRATA_COLUMNS
from pipeline.zonestats import CHANGE_COLUMNS, FVC_COLUMNS
from pipeline.zonetrend import TREND_COLUMNS

OF_ZONES = {
    "fvc_by_zone": "fvc_by_stratum",
    "fvc_change_by_zone": "fvc_change_by_stratum",
    "trend_area_by_zone": "trend_area_by_stratum",
    "trend_groups_by_zone": "trend_groups_by_stratum",
    "trend_by_zone": "trend_by_stratum",
    "recovery_by_zone": "recovery_by_stratum",
    "residual_trend_by_zone": "residual_trend_by_stratum",
    "breaks_by_zone": "breaks_by_stratum",
    "break_years_by_zone": "break_years_by_stratum",
    "landcover_by_year": "landcover_by_stratum",
    "landcover_transitions": "transitions_by_stratum",
    "landcover_baseline": "landcover_baseline_by_stratum",
    "pit_lakes_by_zone": "pit_lakes_by_stratum",
}


def with_stratum(columns: tuple[str, ...]) -> tuple[str, ...]:
    """Return the columns of a table of zones with the stratum after the zone.

    >>> with_stratum(("mine", "zone", "role"))
    ('mine', 'zone', 'stratum', 'role')
    """
    after = columns.index("zone") + 1
    return (*columns[:after], "stratum", *columns[after:])


TABLES = {
    "strata_by_zone": STRATA_COLUMNS,
    "fvc_by_stratum": with_stratum(FVC_COLUMNS),
    "fvc_change_by_stratum": with_stratum(CHANGE_COLUMNS),
    "trend_area_by_stratum": with_stratum(AREA_COLUMNS),
    "trend_groups_by_stratum": with_stratum(GROUP_COLUMNS),
    "trend_by_stratum": with_stratum(TREND_COLUMNS),
    "recovery_by_stratum": with_stratum(RECOVERY_COLUMNS),
    "residual_trend_by_stratum": with_stratum(RESIDUAL_COLUMNS),
    "breaks_by_stratum": with_stratum(breaktable.COLUMNS),
    "break_years_by_stratum": with_stratum(breaktable.YEAR_COLUMNS),
    "landcover_by_stratum": with_stratum(landtables.BY_YEAR_COLUMNS),
    "transitions_by_stratum": with_stratum(landtables.TRANSITION_COLUMNS),
    "landcover_baseline_by_stratum": with_stratum(landtables.BASELINE_COLUMNS),
    "pit_lakes_by_stratum": with_stratum(pitlaketable.COLUMNS),
}
