"""Pit lakes of a table as bars by year, for the chart and the report."""

from __future__ import annotations

from pipeline.evaluation.yearlyareas import Panel, YearArea
from pipeline.words import Text
from pipeline.zonetables import number

COLOUR = "#2b7bba"


def of_zones(rows: list[dict[str, str]]) -> dict[str, list[dict[str, str]]]:
    """Return the rows of pit_lakes_by_zone.csv by zone, in the table's order."""
    out: dict[str, list[dict[str, str]]] = {}
    for row in rows:
        out.setdefault(row["zone"], []).append(row)
    return out


def water_by_year(rows: list[dict[str, str]]) -> list[Panel]:
    """Return the water of each zone by year in hectares, of zones that have water in any year."""
    out = []
    for zone, own in of_zones(rows).items():
        if any(number(r["water_km2"]) for r in own):
            out.append(Panel(Text(zone, zone), COLOUR, [_area(r) for r in own]))
    return out


def _area(row: dict[str, str]) -> YearArea:
    water, unknown = number(row["water_km2"]), number(row["unknown_km2"])
    return YearArea(int(row["year"]), None if water is None else 100 * water, None if water is None or unknown is None else 100 * (water + unknown))
