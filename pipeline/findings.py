"""What the tables of one sensor say about each zone, in sentences computed from the numbers.

Cover and its change come first, then the shares of the trend classes, then what the years cannot prove. A number that the
tables do not hold gives no sentence, or one that says that it is not known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.classes import GROUPS, LEGEND, TrendClass, legend
from pipeline.evidence import Rules, chance, meaning, years_of
from pipeline.words import (
    NOTHING,
    OR,
    STOP,
    Sentence,
    Text,
    alpha_text,
    joined,
    listed,
    moved,
    p_text,
    part,
    per_cent,
    say,
    sign,
    signed,
    years_text,
)

Row = Mapping[str, Any]
Period = tuple[int, int]
LEAST_LAND = 95.0  # per cent of the land observed: below, a year is named as partial
MOST_PARTIAL = 4  # years named one by one
LARGE = 1.0  # percentage points of mean change that "no change" as the largest class disagrees with


@dataclass(frozen=True)
class Finding:
    """The words on one zone: plain text, `zone` as the tables write it. `flags` are where two of its numbers disagree."""

    zone: str
    role: str
    sentences: tuple[Sentence, ...]
    flags: tuple[Sentence, ...]


@dataclass(frozen=True)
class Tables:
    """Rows of the five CSV tables of one sensor, as `pipeline.tables.read_csv` returns them: text, empty where missing."""

    fvc: list[dict[str, str]] = field(default_factory=list)
    change: list[dict[str, str]] = field(default_factory=list)
    area: list[dict[str, str]] = field(default_factory=list)
    groups: list[dict[str, str]] = field(default_factory=list)
    trend: list[dict[str, str]] = field(default_factory=list)


def findings(
    tables: Tables, rules: Rules, references: Mapping[str, tuple[str, ...]], where: Mapping[tuple[str, Period], tuple[Sentence, ...]] | None = None
) -> tuple[Finding, ...]:
    """Return what is found on every zone, in the order of the tables.

    `references`: the reference zones of each zone (`Zones.references`); a zone among its own is compared with nothing.
    `where`: the sentences of `pipeline.sectors` by zone and period.
    """
    out = []
    for zone, role in {r["zone"]: r["role"] for r in tables.fvc}.items():
        own = _of_zone(tables, zone)
        compared = zone not in references.get(zone, ())
        trends, limits, flags = [], [], []
        for period in dict.fromkeys((int(r["first_year"]), int(r["last_year"])) for r in own.area):
            at = _of_period(own, period)
            trends += [*_shares(at, period, compared), *_classes(at, rules, period, compared), *(where or {}).get((zone, period), ())]
            trends += _mean(at, rules, period)
            limits += _limits(at, rules, period)
            flags += _disagreement(at, period)
        sentences = (*cover_sentences(own.fvc), *_change(own, compared), *observed_sentences(own.fvc), *trends, *limits)
        out.append(Finding(zone, role, sentences, tuple(flags)))
    return tuple(out)


def number(text: str | None) -> float | None:
    """Return a cell as a number; None where it is empty."""
    return float(text) if text else None


def _of_zone(tables: Tables, zone: str) -> Tables:
    groups = [r for r in tables.groups if r["level"] == "zone" and r["zone"] == zone and r["target"] == "absolute"]
    areas = [r for r in tables.area if r["zone"] == zone and r["target"] == "absolute"]
    return Tables(
        *([r for r in rows if r["zone"] == zone] for rows in (tables.fvc, tables.change)), areas, groups, [r for r in tables.trend if r["zone"] == zone]
    )


def _of_period(own: Tables, period: Period) -> Tables:
    a, g, t = ([r for r in rows if (int(r["first_year"]), int(r["last_year"])) == period] for rows in (own.area, own.groups, own.trend))
    return Tables(own.fvc, own.change, a, g, t)


def _column(rows: Iterable[Row], key: str, name: str) -> dict[Any, float]:
    return {r[key]: value for r in rows if (value := number(r[name])) is not None}


def cover_sentences(fvc: list[dict[str, str]]) -> list[Sentence]:
    """Return the sentence of mean cover in the first and last year that have one, the highest and lowest between them."""
    covers = {int(y): 100 * v for y, v in _column(fvc, "year", "fvc_mean").items()}
    if not covers:
        years = [int(r["year"]) for r in fvc]
        return [say("no_years", first=min(years), last=max(years))] if years else []
    first, last = min(covers), max(covers)
    chosen = dict.fromkeys((first, last), "in_year")
    for name, best in (("lowest", min(covers, key=lambda y: covers[y])), ("highest", max(covers, key=lambda y: covers[y]))):
        if per_cent(covers[best]) not in (per_cent(covers[first]), per_cent(covers[last])):
            chosen[best] = name
    return [say("cover", values=joined(part(chosen[y], share=per_cent(covers[y]), year=y) for y in sorted(chosen)))]


def _change(own: Tables, compared: bool) -> list[Sentence]:
    years = sorted(int(y) for y in _column(own.fvc, "year", "fvc_mean"))
    if len(years) < 2:
        return [say("one_year", year=years[0])] if years else []
    first, last = years[0], years[-1]
    rows = [r for r in own.change if (int(r["from_year"]), int(r["to_year"])) == (first, last)]
    points = number(rows[0]["change_points"]) if rows else None
    if points is None:
        return [say("change_none", first=first, last=last)]
    both, there = number(rows[0]["valid_both_pct"]), number(rows[0]["reference_change_points"])
    over = part("over", share=per_cent(both)) if both is not None and both < LEAST_LAND else NOTHING
    reference = part("reference_change", moved=moved(there), difference=signed(points - there)) if there is not None and compared else NOTHING
    return [say("change", first=first, last=last, moved=moved(points), over=over, reference=reference)]


def observed_sentences(fvc: list[dict[str, str]]) -> list[Sentence]:
    """Return what was not seen, and what is water: years without any value, years seen in part, water in the first and last year."""
    valid, water = ({int(y): v for y, v in _column(fvc, "year", name).items()} for name in ("valid_pct", "water_pct"))
    years = [int(r["year"]) for r in fvc]
    empty = [y for y in years if valid.get(y, 0.0) <= 0]
    drowned = [y for y in empty if water.get(y, 0.0) >= 99.95]
    out = [say("all_water", years=years_text(drowned))] if drowned else []
    unseen = [y for y in empty if y not in drowned]
    if unseen:
        out.append(say("no_observation", years=years_text(unseen)))
    land = {y: min(100.0, 100 * valid[y] / (100 - water.get(y, 0.0))) for y in years if y not in empty and water.get(y, 0.0) < 100}
    partial = [y for y in land if land[y] < LEAST_LAND]
    if len(partial) > MOST_PARTIAL:
        worst = min(partial, key=lambda y: land[y])
        named = {"share": per_cent(land[worst]), "year": worst, "limit": per_cent(LEAST_LAND)}
        out.append(say("partial_many", count=len(partial), n=len(years), **named))
    elif partial:
        out.append(say("partial", values=joined(part("in_year", share=per_cent(land[y]), year=y) for y in partial)))
    if len(drowned) < len(water) and any(v > 0 for v in water.values()):
        ends = dict.fromkeys((min(water), max(water)))
        out.append(say("water", values=joined(part("of_zone", share=per_cent(water[y]), year=y) for y in ends)))
    return out


def variable_name(variable: str) -> Text:
    """Return what the trend is of, in words."""
    return part("fvc" if variable == "fvc" else "ndvi_name")


def _classed(at: Tables) -> float:
    """Return the share of the zone that has a trend class, per cent."""
    return sum(number(r["share_pct"]) or 0.0 for r in at.area if int(r["code"]) < 97)


def _whole(at: Tables) -> Text:
    return part("zone" if _classed(at) >= 99.95 else "classed")


def _of_reference(at: Tables, rows: list[dict[str, str]], key: str) -> dict[str, float]:
    """Return the reference's shares of its own area with a trend, per cent; empty without such an area."""
    codes = {int(k): v for k, v in _column(at.area, "code", "share_reference_pct").items()}
    classed = sum(v for code, v in codes.items() if code < 97)
    return {k: min(100.0, 100 * v / classed) for k, v in _column(rows, key, "share_reference_pct").items()} if classed > 0 else {}


def _shares(at: Tables, period: Period, compared: bool) -> list[Sentence]:
    own, there = _column(at.groups, "group", "share_valid_pct"), _of_reference(at, at.groups, "group")
    codes = {int(k): v for k, v in _column(at.area, "code", "share_pct").items()}
    out = []
    if _classed(at) > 0 and own:
        three = [{k: per_cent(s[g]) for k, g in (("up", "increase"), ("down", "decrease"), ("flat", "no_change"))} for s in (own, there) if s]
        reference = part("reference_three", **three[1]) if len(three) > 1 and compared else NOTHING
        named = {"variable": variable_name(at.area[0]["variable"]), "whole": _whole(at), "reference": reference}
        out.append(say("slopes", first=period[0], last=period[1], **named, **three[0]))
    for key, code in (("lake", 97), ("too_small", 98), ("insufficient", 99)):
        if codes.get(code, 0.0) > 0:
            out.append(say(key, first=period[0], last=period[1], share=per_cent(codes[code])))
    return out


def _strengths(at: Tables, rules: Rules) -> list[tuple[TrendClass, TrendClass, float, float]]:
    """Return increase and decrease class of each strength with its alpha and the next smaller one, strongest first."""
    present = [c for c in legend(at.area[0]["scheme"]) if c.limit is not None]
    limits = sorted({c.limit for c in present if c.limit is not None}, key=rules.alpha)
    by = {(c.limit, c.direction): c for c in present}
    return [(by[k, 1], by[k, -1], rules.alpha(k), rules.alpha(limits[i - 1]) if i else 0.0) for i, k in enumerate(limits)]


def _p_min(at: Tables) -> float | None:
    return number(at.area[0]["p_min"])


def _classes(at: Tables, rules: Rules, period: Period, compared: bool) -> list[Sentence]:
    own, there = _column(at.area, "code", "share_valid_pct"), _of_reference(at, at.area, "code")
    p_min, out = _p_min(at), []
    if p_min is None or _classed(at) <= 0:
        return []
    for up, down, alpha, below in _strengths(at, rules):
        rise, fall = own.get(str(up.code), 0.0), own.get(str(down.code), 0.0)
        if not rules.reaches(p_min, alpha) and rise + fall <= 0:
            continue
        rose, fell = meaning(period[1] - period[0] + 1, below, alpha, rules.significance)
        known = {k: per_cent(there.get(str(c.code), 0.0)) for k, c in (("up", up), ("down", down))}
        reference = part("reference_two", **known) if there and compared else NOTHING
        words = {"up_class": Text(up.label, up.label_zh), "down_class": Text(down.label, down.label_zh), "whole": _whole(at), "reference": reference}
        means = {"up_means": rose if rise > 0 else NOTHING, "down_means": fell if fall > 0 else NOTHING}
        out.append(say("classes", first=period[0], last=period[1], up=per_cent(rise), down=per_cent(fall), **words, **means))
    return out


def _mean(at: Tables, rules: Rules, period: Period) -> list[Sentence]:
    if not at.trend:
        return []
    row = at.trend[0]
    slope, p, p_min, variable = number(row["slope"]), number(row["p"]), number(row["p_min"]), row["variable"]
    if slope is None or p is None or p_min is None:
        return [say("mean_none", first=period[0], last=period[1], n=row["n"])] if _classed(at) > 0 else []
    change = moved(slope * (100 if variable == "fvc" else 1), variable)
    least = NOTHING if rules.reaches(p_min, rules.significant) else part("least_p", p=p_text(p_min))
    return [say("mean", first=period[0], last=period[1], variable=variable_name(variable), moved=change, n=row["n"], p=p_text(p), least=least)]


def _limits(at: Tables, rules: Rules, period: Period) -> list[Sentence]:
    if _classed(at) <= 0:
        return []
    p_min = _p_min(at)
    if p_min is None:
        return [say("no_p", first=period[0], last=period[1])]
    out, n = [], years_of(p_min, period[1] - period[0] + 1, rules.significance)
    strengths = _strengths(at, rules)
    beyond = [s for s in strengths if not rules.reaches(p_min, s[2])]
    if beyond:
        labels = listed((Text(c.label, c.label_zh) for s in reversed(beyond) for c in s[:2]), OR)
        out.append(say("unreachable", first=period[0], last=period[1], n=n, alpha=alpha_text(beyond[-1][2]), p=p_text(p_min), labels=labels))
    if len(beyond) < len(strengths):
        alpha = strengths[-1][2]
        share = per_cent(100 * chance(n, alpha, rules.significance))
        out.append(say("chance", first=period[0], last=period[1], n=n, share=share, alpha=f"{alpha:g}"))
    return out


def _disagreement(at: Tables, period: Period) -> list[Sentence]:
    """Return a flag where the sign of the mean's change or slope is not the direction of the largest class, with the reason."""
    shares = {int(k): v for k, v in _column(at.area, "code", "share_valid_pct").items()}
    trended = {c: shares[c.code] for c in LEGEND if c.code in shares}
    if not at.trend or not trended:
        return []
    largest, variable = max(trended, key=lambda c: trended[c]), at.trend[0]["variable"]
    scale = 100 if variable == "fvc" else 1
    change, slope = (None if (v := number(at.trend[0][name])) is None else v * scale for name in ("change_mean", "slope"))
    words = {"variable": variable_name(variable), "label": Text(largest.label, largest.label_zh), "share": per_cent(trended[largest])}
    up, down = (sum(shares.get(code, 0.0) for code in GROUPS[g]) for g in ("increase", "decrease"))
    area = part("why_area", up=per_cent(up), down=per_cent(down))
    seen = [part("why_part", share=per_cent(_classed(at)))] if _classed(at) < LEAST_LAND else []
    out = []
    if change is not None:
        opposite = sign(change, variable) * largest.direction < 0
        if opposite or (largest.direction == 0 and abs(change) >= LARGE * scale / 100):
            order = [part("why_order", first=period[0], last=period[1])] if opposite else []
            why = joined([area, *order, *seen], STOP)
            out.append(say("disagree", first=period[0], last=period[1], moved=moved(change, variable), why=why, **words))
    if slope is not None and sign(slope, variable) * largest.direction < 0:
        order = [part("why_slope", first=period[0], last=period[1], moved=moved(change, variable))] if change is not None else []
        why = joined([area, *order, *seen], STOP)
        out.append(say("disagree_slope", first=period[0], last=period[1], moved=moved(slope, variable), why=why, **words))
    return out
