"""What other sensors say of the zones beside the one with the finest cells: whether cover moved in the same direction."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.words import Sentence, Text, joined, moved, part, say, sign
from pipeline.zonetables import Period, Tables, number

SEMICOLON = Text("; ", "；")


def beside(lead: Tables, others: Mapping[str, Tables], name: str, period: Period) -> dict[str, Sentence]:
    """Return a sentence by zone: the change of cover from the first to the last year of a period by each of the other sensors.

    Directions are compared with that by the leading sensor, `name`; less than 0.05 percentage points has none. Where a
    sensor has no value in one of the years, its change is not known, and nothing is compared.
    """
    own = _changes(lead, period)
    theirs = {sensor: _changes(tables, period) for sensor, tables in others.items()}
    out = {}
    for zone, change in own.items():
        values = joined((_by(sensor, changes.get(zone), change) for sensor, changes in theirs.items()), SEMICOLON)
        unknown = {"sensor": name} if change is None else {}
        out[zone] = say("beside_unknown" if unknown else "beside", first=period[0], last=period[1], values=values, **unknown)
    return out if others else {}


def _by(sensor: str, there: float | None, here: float | None) -> Text:
    if there is None:
        return part("by_none", sensor=sensor)
    if here is None:
        return part("by", sensor=sensor, moved=moved(there))
    product = sign(there) * sign(here)
    same = product > 0 or sign(there) == sign(here)
    return part("by_same" if same else "by_opposite" if product < 0 else "by_still", sensor=sensor, moved=moved(there))


def _changes(tables: Tables, period: Period) -> dict[str, float | None]:
    """Return the change of cover of each zone between the ends of a period, percentage points."""
    ends = str(period[0]), str(period[1])
    return {r["zone"]: number(r["change_points"]) for r in tables.change if (r["from_year"], r["to_year"]) == ends}
