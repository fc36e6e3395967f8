"""What undermines the comparison of a zone with its reference, in sentences from a row of reference_by_zone.csv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.classes import P_TOLERANCE
from pipeline.words import Sentence, moved, p_text, per_cent, say

MOST_BEYOND = 50.0  # per cent of the reference's area and years at or beyond closed vegetation
LEAST_YEARS = 3  # from which a slope can be formed


def reference_sentences(row: Mapping[str, Any], slight: float) -> list[Sentence]:
    """Return the warnings of a row: cells as values or as text of the CSV file, empty or None where missing.

    Said is: that the reference has too few years; that it has a trend of its own (p of at most `slight`), or changes more per year than the
    zone; that most of it is at or beyond closed vegetation; that the zone swings more or less than it (1 outside the interval of b), or not
    with it at all (0 not below the interval either).
    """

    def value(name: str) -> float | None:
        return None if row[name] in (None, "") else float(row[name])

    names, own = str(row["reference"]), row["zone"] in str(row["reference"]).split("; ")
    said: dict[str, Any] = {"first": row["first_year"], "last": row["last_year"], "names": names}
    if int(row["n"]) < LEAST_YEARS:
        return [say("reference_short", n=int(row["n"]), **said)]
    scale, variable = (100 if row["variable"] == "fvc" else 1), str(row["variable"])
    p, slope, zone, beyond, b, low, high = (value(k) for k in ("p", "slope", "zone_slope", "beyond_pct", "b", "b_low", "b_high"))
    out = []
    if p is not None and slope is not None and p <= slight + P_TOLERANCE:
        out.append(say("reference_moves", moved=moved(scale * slope, variable), p=p_text(p), **said))
    elif not own and slope is not None and zone is not None and abs(slope) > abs(zone):
        out.append(say("reference_leads", there=moved(scale * slope, variable), here=moved(scale * zone, variable), **said))
    if beyond is not None and beyond > MOST_BEYOND:
        out.append(say("reference_green", share=per_cent(beyond), **said))
    if not own and b is not None and low is not None and high is not None and not low <= 1 <= high:
        out.append(say("reference_apart" if low <= 0 else "reference_swings", b=f"{b:.2f}", low=f"{low:.2f}", high=f"{high:.2f}", **said))
    return out
