"""Years of disturbance and recovery that may be earlier or later: those at the ends of what a break can be placed at."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

RECOVERY_BY = {1: "break", 2: "disturbance"}  # a rise that begins at a break of its own, or in the year of disturbance
EARLIER, LATER = "earlier", "later"


def at_edges(row: Mapping[str, Any], least: int) -> dict[str, tuple[str, ...]]:
    """Return of the disturbance and of the recovery of a row of breaks_by_zone.csv whether it may be EARLIER or LATER than its year.

    It may where its year is the first or the last that a break of its values can have, with `least` of them on each side: a change beyond is placed
    there. Its values are those that `disturbance_and_recovery` sought it in: of a disturbance that is not the break of the whole series those before
    that break, of a recovery those from the disturbance on. A recovery from the disturbance on is no break and has no such place.

    >>> row = {"years_used": "2001 2002 2003 2004 2005 2006 2007 2008", "break_year": "2004", "disturbance_year": "2004", "recovery_year": ""}
    >>> at_edges(row, 3)
    {'disturbance': ('earlier',), 'recovery': ()}
    """
    years = [int(year) for year in row["years_used"].split()]
    at, fell, rose = (int(row[name]) if row.get(name) else None for name in ("break_year", "disturbance_year", "recovery_year"))
    found: dict[str, tuple[str, ...]] = {"disturbance": (), "recovery": ()}
    if fell is not None and at is not None:
        found["disturbance"] = edges_of(fell, *_places(years if fell == at else [y for y in years if y < at], least))
    if rose is not None and row["recovery_by"] == RECOVERY_BY[1]:
        found["recovery"] = edges_of(rose, *_places([y for y in years if fell is None or y >= fell], least))
    return found


def edges_of(year: int, first: int, last: int) -> tuple[str, ...]:
    """Return whether what is told of a year may be EARLIER or LATER: it is the first, or the last, that can be told."""
    return tuple(word for word, edge in ((EARLIER, first), (LATER, last)) if year == edge)


def _places(years: list[int], least: int) -> tuple[int, int]:
    """Return the first and the last year that a break of these years can have."""
    return years[least], years[-least]
