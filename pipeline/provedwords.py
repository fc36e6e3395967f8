"""What can be said of a zone as a whole: all its cells together when whole years change places, and its cells adjusted for their number."""

from __future__ import annotations

from typing import Any

from pipeline.classes import LEGEND, P_TOLERANCE
from pipeline.evidence import Rules
from pipeline.kernels.null import EXACT_MAX_N
from pipeline.layout import ABSOLUTE
from pipeline.manytests import CONTROLLED, NOT_TESTABLE
from pipeline.referencewords import LEAST_YEARS
from pipeline.sizes import P_COLUMNS, TESTS, UNITS, Recommendation, by_normal, recommended
from pipeline.words import NOTHING, Sentence, Text, alpha_text, joined, p_text, part, per_cent, plus, say
from pipeline.zonetables import Period, Tables, classed, number


def less(target: str) -> Text:
    """Return that a number is of the difference to the reference; nothing for a zone's own values."""
    return NOTHING if target == ABSOLUTE else part("less_reference")


def verdict_sentences(at: Tables, minus: Tables, rules: Rules, period: Period, *, compared: bool) -> list[Sentence]:
    """Return what the test found that is recommended for the years of a zone in a period, or that none is recommended or could be made.

    `at` and `minus`: its rows of the trend of its own values and minus its reference. A zone that is its own reference (not `compared`), and one whose
    reference has too few years, has the test that is recommended without a reference. Fewer than 3 years give nothing.
    """
    relative = minus.trend if compared and minus.trend and number(minus.trend[0]["p"]) is not None else []
    rows = relative or at.trend
    named: dict[str, Any] = {"first": period[0], "last": period[1]}
    if not rows or (n := int(rows[0]["n"])) < LEAST_YEARS:
        return []
    found = recommended(n, reference=bool(relative))
    if found is None:
        return [say("verdict_none", n=n, **named)]
    if found.unit != "zone":
        return []
    row = (at.trend if found.target == ABSOLUTE else relative)[0]
    test, column = TESTS[found.test], P_COLUMNS[found.test]
    if found.test == "mann-kendall" and rules.significance == "normal":
        test = part("as_configured", test=TESTS["mann-kendall-normal"])
    elif found.test == "mann-kendall" and n > EXACT_MAX_N:
        test = by_normal(TESTS["mann-kendall-normal"])
    named |= {"unit": UNITS[found.unit, found.target], "test": test, "column": column, "target": found.target}
    named["yearly"] = NOTHING if rules.of_orders else part("of_yearly")
    p = number(row[column])
    return [say("verdict_missing", **named) if p is None else _verdict(found, row, p, rules, named)]


def _verdict(found: Recommendation, row: dict[str, str], p: float, rules: Rules, named: dict[str, Any]) -> Sentence:
    """Return what a recommended test found; the direction is that of what it tests."""
    if found.test == "joint-monotone":
        value = (number(row["rising_pct"]) or 0.0) - (number(row["falling_pct"]) or 0.0)
        statistic = part("statistic_shares", value=plus(value, 1))
    else:
        key = {"mann-kendall": "s", "joint-mean-s": "s_mean", "joint-slope": "slope_mean"}[found.test]
        value = number(row[key]) or 0.0
        statistic = part("statistic_s", value=plus(value, 0)) if key == "s" else part("statistic_cells", value=plus(number(row["s_mean"]) or 0.0, 2))
    cells = found.test != "mann-kendall" and rules.of_orders  # the slopes of cells are of monthly values where these are tested
    slope = number(row["slope_mean" if cells else "slope"]) or 0.0
    shown = part("slope_points", number=plus(100 * slope, 2)) if row["variable"] == "fvc" else Text(plus(slope, 4), plus(slope, 4))
    way = "found_none" if p > found.level + P_TOLERANCE or value == 0 else "found_rise" if value > 0 else "found_fall"
    words = {"p": p_text(p), "statistic": statistic, "slope": part("slope_of_cells" if cells else "slope_of_mean", value=shown)}
    return say("verdict", found=part(way), level=f"{found.level:.2f}", **words, **named)


def joint_sentences(at: Tables, *, monthly: bool = False) -> list[Sentence]:
    """Return what the joint test of a zone's cells says, of one period and target; nothing where it could not be made.

    `monthly`: the run tests single cells on monthly values, so that it must be said that this test is of yearly ones.
    """
    out = []
    for row in at.trend:
        s, rising, falling, p_s, p_m, least = (number(row[k]) for k in ("s_mean", "rising_pct", "falling_pct", "p_s_mean", "p_monotone", "p_joint_min"))
        if s is None or rising is None or falling is None or p_s is None or p_m is None or least is None:
            continue
        shares = {"rising": per_cent(rising), "falling": per_cent(falling)}
        words = {"p_s": p_text(p_s), "p_m": p_text(p_m), "least": part("least_p", p=p_text(least)), "less": less(row["target"])}
        words["yearly"] = part("of_yearly") if monthly else NOTHING
        out.append(say("joint", first=row["first_year"], last=row["last_year"], s=plus(s, 1), **shares, **words))
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
    return [say("bounds", first=row["first_year"], last=row["last_year"], less=less(row["target"]), values=joined(said))]


def control_sentences(at: Tables, rules: Rules) -> list[Sentence]:
    """Return what is left of a zone's classes when p is adjusted for the number of its cells; nothing for a reference, and where no cell is tested."""
    rows = {r["group"]: r for r in at.groups}
    up, down = (rows.get(f"significant_or_slight_{way}") for way in ("increase", "decrease"))
    if up is None or down is None or classed(at) <= 0:
        return []
    named: dict[str, Any] = {"first": up["first_year"], "last": up["last_year"], "alpha": alpha_text(rules.slight), "less": less(up["target"])}
    if up["control"] == NOT_TESTABLE:
        q = next(v for r in at.area if (v := number(r["q_min"])) is not None)
        return [say("not_testable", q=f"{q:.2g}", **named)]
    whole = sum(number(r["area_km2"]) or 0.0 for r in at.area)
    kept = [number(r["area_q_km2"]) for r in (up, down)]
    if up["control"] != CONTROLLED or kept[0] is None or kept[1] is None or whole <= 0:
        return []
    return [say("controlled", up=per_cent(100 * kept[0] / whole), down=per_cent(100 * kept[1] / whole), **named)]
