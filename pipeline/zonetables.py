"""Rows of the six CSV tables of one sensor, and how cells are read from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.layout import ABSOLUTE
from pipeline.words import Text, part

Row = Mapping[str, Any]
Period = tuple[int, int]
TOO_SMALL = 98


@dataclass(frozen=True)
class Tables:
    """Rows of the six CSV tables of one sensor, as `pipeline.tables.read_csv` returns them: text, empty where missing."""

    fvc: list[dict[str, str]] = field(default_factory=list)
    change: list[dict[str, str]] = field(default_factory=list)
    area: list[dict[str, str]] = field(default_factory=list)
    groups: list[dict[str, str]] = field(default_factory=list)
    trend: list[dict[str, str]] = field(default_factory=list)
    reference: list[dict[str, str]] = field(default_factory=list)


def number(text: str | None) -> float | None:
    """Return a cell as a number; None where it is empty. ValueError for text, and for what is not finite: no stage writes such a cell."""
    if not text:
        return None
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text!r} is not a finite number")
    return value


def of_zone(tables: Tables, zone: str, target: str = ABSOLUTE) -> Tables:
    """Return the rows of one zone; of its trends those of a target."""
    fvc, change, area, groups, trend = (
        [r for r in rows if r["zone"] == zone] for rows in (tables.fvc, tables.change, tables.area, tables.groups, tables.trend)
    )
    area, groups, trend = ([r for r in rows if r["target"] == target] for rows in (area, groups, trend))
    return Tables(fvc, change, area, [r for r in groups if r["level"] == "zone"], trend, [r for r in tables.reference if r["zone"] == zone])


def of_period(own: Tables, period: Period) -> Tables:
    """Return the rows of one period; cover and change as they are."""
    tested = own.area, own.groups, own.trend, own.reference
    return Tables(own.fvc, own.change, *([r for r in rows if (int(r["first_year"]), int(r["last_year"])) == period] for rows in tested))


def column(rows: Iterable[Row], key: str, name: str) -> dict[Any, float]:
    """Return the cells of a column that are not empty, by the text of another."""
    return {r[key]: value for r in rows if (value := number(r[name])) is not None}


def variable_name(variable: str, target: str = ABSOLUTE) -> Text:
    """Return what the trend is of, in words."""
    own = part("fvc" if variable == "fvc" else "ndvi_name")
    return own if target == ABSOLUTE else part("minus_reference", variable=own)


def unclamped_name(variable: str, target: str = ABSOLUTE) -> Text:
    """Return what the trend of a mean is of, in words: that of cover is formed before clamping."""
    own = part("fvc_before" if variable == "fvc" else "ndvi_name")
    return own if target == ABSOLUTE else part("minus_reference", variable=own)


def is_too_small(own: Tables) -> bool:
    """Return whether a zone is too small for the sensor: its whole area is in the rows of code 98."""
    return any(int(r["code"]) == TOO_SMALL and (number(r["share_pct"]) or 0.0) > 0 for r in own.area)


def small_zones(tables: Tables) -> frozenset[str]:
    """Return the zones that are too small for the sensor."""
    return frozenset(r["zone"] for r in tables.area if int(r["code"]) == TOO_SMALL and (number(r["share_pct"]) or 0.0) > 0)


def all_too_small(tables: Tables) -> bool:
    """Return whether the sensor has no zone that is large enough for areas by class."""
    return bool(tables.area) and small_zones(tables) == {r["zone"] for r in tables.area}


def classed(at: Tables) -> float:
    """Return the share of the zone that has a trend class, per cent."""
    return sum(number(r["share_pct"]) or 0.0 for r in at.area if int(r["code"]) < 97)
