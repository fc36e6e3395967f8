"""What undermines the comparison of a zone with its reference, in sentences from a row of reference_by_zone.csv."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pipeline.classes import P_TOLERANCE
from pipeline.words import Sentence, Text, moved, p_text, per_cent, say

MOST_BEYOND = 50.0  # per cent of the reference's area and years at or beyond closed vegetation
MOST_UNKNOWN = 1.0  # width of the interval of b: a wider one holds 1 and half or twice as much, or more
LEAST_YEARS = 3  # from which a slope can be formed


def reference_sentences(row: Mapping[str, Any], slight: float) -> list[Sentence]:
    """Return the warnings of a row: cells as values or as text of the CSV file, empty or None where missing.

    Said is: that the reference has too few years; that it has a trend of its own (p of at most `slight`), or a slope that is steeper than the
    zone's and makes most of the difference; that most of it is at or beyond closed vegetation; that the zone swings more or less than it (1 outside
    the interval of b), or not with it (0 inside), or that this is not known (an interval wider than `MOST_UNKNOWN`).
    """

    def value(name: str) -> float | None:
        return None if row[name] in (None, "") else float(row[name])

    names, own = str(row["reference"]), row["zone"] in str(row["reference"]).split("; ")
    said: dict[str, Any] = {"first": row["first_year"], "last": row["last_year"], "names": names}
    if int(row["n"]) < LEAST_YEARS:
        return [say("reference_short", n=int(row["n"]), **said)]
    scale, variable = (100 if row["variable"] == "fvc" else 1), str(row["variable"])
    p, slope, zone, beyond, b, low, high = (value(k) for k in ("p", "slope", "zone_slope", "beyond_pct", "b", "b_low", "b_high"))
    unit = Text(" percentage points", "个百分点") if variable == "fvc" else Text("", "")
    out = []
    if p is not None and slope is not None and p <= slight + P_TOLERANCE:
        out.append(say("reference_moves", moved=moved(scale * slope, variable), p=p_text(p), **said))
    elif not own and p is not None and slope is not None and zone is not None and abs(slope) > abs(zone) < abs(zone - slope):
        there, here = (Text(f"{round(v, 2) + 0.0:+.2f}{unit.en}", f"{round(v, 2) + 0.0:+.2f}{unit.zh}") for v in (scale * slope, scale * zone))
        out.append(say("reference_leads", there=there, here=here, p=p_text(p), **said))
    if beyond is not None and beyond > MOST_BEYOND:
        out.append(say("reference_green", share=per_cent(beyond), **said))
    if not own and b is not None and low is not None and high is not None:
        known = {name: f"{round(v, 2) + 0.0:.2f}" for name, v in (("b", b), ("low", low), ("high", high))}  # without a sign before 0
        if not low <= 1 <= high:
            out.append(say("reference_apart" if low <= 0 <= high else "reference_swings", **known, **said))
        elif high - low > MOST_UNKNOWN:
            out.append(say("reference_unknown", **known, **said))
    return out
