"""What can be said of a zone as a whole: all its cells together when whole years change places, and its cells adjusted for their number."""

from __future__ import annotations

from typing import Any

from pipeline.classes import LEGEND
from pipeline.evidence import Rules
from pipeline.layout import ABSOLUTE
from pipeline.manytests import CONTROLLED, NOT_TESTABLE
from pipeline.words import NOTHING, Sentence, Text, alpha_text, joined, p_text, part, per_cent, say
from pipeline.zonetables import Tables, classed, number


def _less(target: str) -> Text:
    return NOTHING if target == ABSOLUTE else part("less_reference")


def joint_sentences(at: Tables) -> list[Sentence]:
    """Return what the joint test of a zone's cells says, of one period and target; nothing where it could not be made."""
    out = []
    for row in at.trend:
        s, rising, falling, p_s, p_m, least = (number(row[k]) for k in ("s_mean", "rising_pct", "falling_pct", "p_s_mean", "p_monotone", "p_joint_min"))
        if s is None or rising is None or falling is None or p_s is None or p_m is None or least is None:
            continue
        shares = {"rising": per_cent(rising), "falling": per_cent(falling)}
        words = {"p_s": p_text(p_s), "p_m": p_text(p_m), "least": part("least_p", p=p_text(least)), "less": _less(row["target"])}
        out.append(say("joint", first=row["first_year"], last=row["last_year"], s=f"{s:+.1f}", **shares, **words))
    return out


def bounds_sentences(at: Tables, rules: Rules) -> list[Sentence]:
    """Return the bounds of the classes that the years can reach, as shares of the zone; nothing where there are none."""
    whole = sum(number(r["area_km2"]) or 0.0 for r in at.area)
    limits, said = {c.code: c.limit for c in LEGEND}, []
    for r in at.area:
        limit, p, low, high = limits[int(r["code"])], number(r["p_min"]), number(r["area_low_km2"]), number(r["area_high_km2"])
        if limit is None or p is None or low is None or high is None or whole <= 0 or not rules.reaches(p, rules.alpha(limit)):
            continue
        label = next(Text(c.label, c.label_zh) for c in LEGEND if c.code == int(r["code"]))
        said.append(part("bounded", label=label, low=per_cent(100 * low / whole), high=per_cent(100 * high / whole)))
    if not said:
        return []
    row = at.area[0]
    return [say("bounds", first=row["first_year"], last=row["last_year"], less=_less(row["target"]), values=joined(said))]


def control_sentences(at: Tables, rules: Rules) -> list[Sentence]:
    """Return what is left of a zone's classes when p is adjusted for the number of its cells; nothing for a reference, and where no cell is tested."""
    rows = {r["group"]: r for r in at.groups}
    up, down = (rows.get(f"significant_or_slight_{way}") for way in ("increase", "decrease"))
    if up is None or down is None or classed(at) <= 0:
        return []
    named: dict[str, Any] = {"first": up["first_year"], "last": up["last_year"], "alpha": alpha_text(rules.slight), "less": _less(up["target"])}
    if up["control"] == NOT_TESTABLE:
        q = next(v for r in at.area if (v := number(r["q_min"])) is not None)
        return [say("not_testable", q=f"{q:.2g}", **named)]
    whole = sum(number(r["area_km2"]) or 0.0 for r in at.area)
    kept = [number(r["area_q_km2"]) for r in (up, down)]
    if up["control"] != CONTROLLED or kept[0] is None or kept[1] is None or whole <= 0:
        return []
    return [say("controlled", up=per_cent(100 * kept[0] / whole), down=per_cent(100 * kept[1] / whole), **named)]
