"""The zones of a finished mine as the comparison of methods takes them: measures from the config of the run, indicators from its tables."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.evaluation.indicators import Observed, Placed, placed
from pipeline.evaluation.paired import LEVEL
from pipeline.layout import RELATIVE
from pipeline.zonetables import Row, number

TABLES = ("trend_groups_by_zone", "trend_by_zone")
RECOVERY = "recovery_by_zone"  # where the mine has it


@dataclass(frozen=True)
class MethodZone:
    """One zone that is no reference: its measures (empty where none are given), indicators and date of restoration; `weights` are those of its mine."""

    mine: str
    zone: str
    sensor: str
    variable: str
    measures: frozenset[str]
    indicators: Mapping[str, Placed]
    weights: Mapping[str, float] | None = field(default=None)
    restored: str | None = field(default=None)

    @property
    def method(self) -> str:
        """Return the measures as one text, sorted, empty without any.

        >>> MethodZone("a", "pit", "s2", "fvc", frozenset({"seed", "manure"}), {}).method
        'manure + seed'
        """
        return " + ".join(sorted(self.measures))


def takes_part(config: Mapping[str, Any]) -> bool:
    """Return whether a mine has anything to compare: measures of any zone, or weights. `config` as in run.json."""
    return config.get("methods") is not None or any(facts.get("measures") for facts in config["aoi"]["zones"].values())


def method_zones(config: Mapping[str, Any], sensor: str, zones: Sequence[str], tables: Mapping[str, list[dict[str, str]]]) -> list[MethodZone]:
    """Return the zones of one sensor, in the order given; `tables` as `pipeline.tables.read_csv` gives them, without recovery_by_zone where there is none.

    The trend is that of the first period of the config. Measures are free text: equal text is one measure, blanks around it do not count.
    """
    asked, methods, trend = config.get("recovery") or {}, config.get("methods"), config["trend"]
    first, last = (trend["periods"] or [[config["years"]["first"], config["years"]["last"]]])[0]
    out = []
    for zone in zones:
        facts = config["aoi"]["zones"].get(zone) or {}
        measures = frozenset(filter(None, (text.strip() for text in facts.get("measures") or ())))
        rows = [r for r in tables.get(RECOVERY, ()) if r["zone"] == zone]
        known = _series(rows, exact=asked.get("level") == LEVEL) | _trend(tables, zone, first, last)
        observed = Observed(**known, first=first, last=last)
        found = placed(observed, asked.get("least_gap"))
        weights = methods["weights"] if methods else None
        out.append(MethodZone(config["mine"], zone, sensor, trend["variable"], measures, found, weights, facts.get("restored")))
    return out


def _series(rows: Sequence[Row], *, exact: bool) -> dict[str, Any]:
    """Return the series of a zone from its rows of recovery_by_zone.csv; intervals of completeness only where they are of our level."""
    yearly = [r for r in rows if r["measure"] == "difference"]
    years = tuple(int(r["year"]) for r in yearly)
    told = {int(r["year"]): r for r in rows if r["measure"] == "completeness"}
    ends = [[_number(told.get(year, {}).get(name)) for year in years] for name in ("value", "low", "high")]
    if not exact:
        ends[1:] = [[math.nan] * len(years)] * 2
    return {
        "years": years,
        "cover": np.array([_number(r["zone_value"]) for r in yearly]),
        "reference": np.array([_number(r["reference_value"]) for r in yearly]),
        "phase": tuple(r["phase"] for r in yearly) if any(r["restored"] for r in yearly) else (),
        "completeness": np.array(ends).reshape(3, len(years)),
    }


def _trend(tables: Mapping[str, list[dict[str, str]]], zone: str, first: int, last: int) -> dict[str, float]:
    """Return the net share of the area and the slope, both of the zone minus its reference."""
    period = {"zone": zone, "first_year": str(first), "last_year": str(last), "target": RELATIVE}
    groups = {r["group"]: r for r in _those(tables["trend_groups_by_zone"], period | {"level": "zone"})}
    slope: Row = next(iter(_those(tables["trend_by_zone"], period)), {})
    up, down = (_number(groups.get(g, {}).get("share_pct")) for g in ("increase", "decrease"))
    return {"net_pct": up - down} | {name: _number(slope.get(name)) for name in ("slope", "slope_low", "slope_high")}


def _those(rows: Sequence[dict[str, str]], cells: Mapping[str, str]) -> list[dict[str, str]]:
    return [r for r in rows if all(r[name] == value for name, value in cells.items())]


def _number(text: str | None) -> float:
    value = number(text)
    return math.nan if value is None else value
