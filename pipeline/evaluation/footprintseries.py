"""Names and colours of excavated and affected ground, and their areas by year as charts draw them."""

from __future__ import annotations

from pipeline.evaluation.footprinttable import AFFECTED, CODES, EXCAVATED
from pipeline.evaluation.yearlyareas import Panel, YearArea
from pipeline.words import Text
from pipeline.zonetables import number

COLOURS = {EXCAVATED: "#b35806", AFFECTED: "#fdb863", "unknown": "#b2abd2"}  # ColorBrewer PuOr, colour-blind safe
LABELS = {EXCAVATED: Text("excavated", "挖损"), AFFECTED: Text("affected", "受影响"), "unknown": Text("may be either", "可能属于其中之一")}

ENTRIES = [(CODES[kind], COLOURS[kind], f"{label.en} {label.zh}") for kind, label in LABELS.items()]  # of a legend of footprint.tif


def area_by_year(rows: list[dict[str, str]]) -> list[Panel]:
    """Return the areas of excavated and affected ground by year, km2, from the rows of footprint_by_year.csv."""
    out = []
    for kind, label in LABELS.items():
        years = [YearArea(int(r["year"]), number(r["area_km2"]), number(r["possible_km2"])) for r in rows if r["kind"] == kind]
        if years:
            out.append(Panel(label, COLOURS[kind], years))
    return out
