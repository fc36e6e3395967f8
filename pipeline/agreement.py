"""What other sensors say of the zones beside the one with the finest cells: their cover, whether it moved in the same direction, and what may differ."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.words import NOTHING, Sentence, Text, joined, listed, moved, part, per_cent, say, sign
from pipeline.zonetables import Period, Tables, number

SEMICOLON = Text("; ", "；")


@dataclass(frozen=True)
class Extent:
    """What a zone is on a sensor's grid: `pixels` (sum of covered fractions), the share of its mean that is of its surroundings, whether it is too small."""

    pixels: float
    surroundings_pct: float
    small: bool


def beside(
    lead: Tables, others: Mapping[str, Tables], name: str, period: Period, small: Mapping[str, Mapping[str, Mapping[str, Text | str | int]]] | None = None
) -> dict[str, Sentence]:
    """Return a sentence by zone: the change of cover from the first to the last year of a period by each of the other sensors.

    Directions are compared with that by the leading sensor, `name`; less than 0.05 percentage points has none. Where a
    sensor has no value in one of the years, its change is not known, and nothing is compared. `small`: by sensor and zone that is too
    small for it, the fields `count` and `least` of its pixels.
    """
    own = _changes(lead, period)
    theirs = {sensor: _changes(tables, period) for sensor, tables in others.items()}
    out = {}
    for zone, change in own.items():
        values = joined((_by(sensor, changes.get(zone), change, (small or {}).get(sensor, {}).get(zone)) for sensor, changes in theirs.items()), SEMICOLON)
        unknown = {"sensor": name} if change is None else {}
        out[zone] = say("beside_unknown" if unknown else "beside", first=period[0], last=period[1], values=values, **unknown)
    return out if others else {}


def _by(sensor: str, there: float | None, here: float | None, pixels: Mapping[str, Text | str | int] | None) -> Text:
    if there is None:
        return part("by_none", sensor=sensor)
    if here is None:
        return part("by", sensor=sensor, moved=moved(there))
    product = sign(there) * sign(here)
    if product > 0 or sign(there) == sign(here):
        return part("by_same", sensor=sensor, moved=moved(there))
    small = NOTHING if pixels is None else part("by_small", **pixels)
    return part("by_opposite" if product < 0 else "by_still", sensor=sensor, moved=moved(there), small=small)


def scale_sentence(pairs: Mapping[str, tuple[float, float]]) -> Sentence:
    """Return whether cover of several sensors is on one scale; `pairs`: NDVI of bare ground and closed vegetation by sensor."""
    shared: dict[tuple[float, float], list[Text]] = {}
    for sensor, pair in pairs.items():
        shared.setdefault(pair, []).append(Text(sensor, sensor))
    words = [{"soil": f"{soil:.4f}", "vegetation": f"{vegetation:.4f}"} for soil, vegetation in shared]
    if len(shared) == 1:
        return say("one_pair", **words[0])
    return say("own_pairs", pairs=joined((part("pair", sensors=listed(names), **w) for names, w in zip(shared.values(), words, strict=True)), SEMICOLON))


def cover_table(tables: Mapping[str, Tables], extents: Mapping[str, Mapping[str, Extent]]) -> tuple[list[str], list[dict[str, Any]]]:
    """Return the years, and one row per zone and sensor with its mean cover of each year as the table has it, empty where it is not known."""
    years = sorted({r["year"] for of in tables.values() for r in of.fvc}, key=int)
    by = {(r["zone"], sensor, r["year"]): r["fvc_mean"] for sensor, of in tables.items() for r in of.fvc}
    zones = dict.fromkeys(r["zone"] for of in tables.values() for r in of.fvc)
    rows = [
        {"zone": zone, "sensor": sensor, "extent": extents[sensor].get(zone), "cover": [by.get((zone, sensor, y), "") for y in years]}
        for zone in zones
        for sensor in tables
    ]
    return years, rows


def edge_sentence(extents: Mapping[str, Mapping[str, Extent]], finest: str) -> Sentence | None:
    """Return how much of a mean is of a zone's surroundings: where that is most, beside the same zone by the finest sensor; None where none has any."""
    found = [(e.surroundings_pct, sensor, zone) for sensor, of in extents.items() if sensor != finest for zone, e in of.items() if zone in extents[finest]]
    most, sensor, zone = max(found, default=(0.0, "", ""))
    if most <= 0:
        return None
    return say("edges", zone=zone, share=per_cent(most), sensor=sensor, least=per_cent(extents[finest][zone].surroundings_pct), finest=finest)


def _changes(tables: Tables, period: Period) -> dict[str, float | None]:
    """Return the change of cover of each zone between the ends of a period, percentage points."""
    ends = str(period[0]), str(period[1])
    return {r["zone"]: number(r["change_points"]) for r in tables.change if (r["from_year"], r["to_year"]) == ends}
