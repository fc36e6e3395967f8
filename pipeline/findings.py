"""What the tables of one sensor say about each zone, in sentences computed from the numbers.

Cover and its change come first, then the shares of the trend classes, then what the years cannot prove. A number that the
tables do not hold gives no sentence, or one that says that it is not known.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from pipeline.classes import GROUPS, LEGEND, TrendClass, legend
from pipeline.coverwords import LEAST_LAND, change_sentences, clamped_sentences, cover_sentences, observed_sentences, season_sentences
from pipeline.evidence import Rules, chance, meaning, years_of
from pipeline.layout import RELATIVE
from pipeline.provedwords import bounds_sentences, control_sentences, joint_sentences, less, verdict_sentences
from pipeline.referencewords import reference_sentences
from pipeline.words import NOTHING, OR, STOP, Sentence, Text, alpha_text, joined, listed, moved, p_text, part, per_cent, say, sign
from pipeline.zonetables import Period, Tables, classed, column, is_too_small, number, of_period, of_zone, unclamped_name, variable_name

LARGE = 1.0  # percentage points of mean change that "no change" as the largest class disagrees with


@dataclass(frozen=True)
class Finding:
    """The words on one zone: plain text, to be escaped by whoever renders it.

    `lead` are those of the sentences that are read first: cover, its change, and the first period's shares with what they
    cannot prove. `flags` are where two of its numbers disagree, or years were seen at different times of the season.
    """

    zone: str
    role: str
    sentences: tuple[Sentence, ...]
    flags: tuple[Sentence, ...]
    lead: tuple[Sentence, ...] = ()

    @property
    def more(self) -> tuple[Sentence, ...]:
        """Return the sentences that are not in the lead."""
        return tuple(s for s in self.sentences if s not in self.lead)


def findings(
    tables: Tables,
    rules: Rules,
    references: Mapping[str, tuple[str, ...]],
    where: Mapping[tuple[str, Period], tuple[Sentence, ...]] | None = None,
    small: Mapping[str, Text] | None = None,
) -> tuple[Finding, ...]:
    """Return what is found on every zone, in the order of the tables.

    `references`: the reference zones of each zone (`Zones.references`); a zone among its own is compared with nothing.
    `where`: the sentences of `pipeline.sectors` by zone and period. `small`: of zones that are too small for the sensor, how
    many pixels they have, in words.
    """
    out = []
    for zone, role in {r["zone"]: r["role"] for r in tables.fvc}.items():
        own = of_zone(tables, zone)
        compared = zone not in references.get(zone, ())
        lead: list[Sentence] = []
        verdicts: list[Sentence] = []
        trends: list[Sentence] = []
        limits: list[Sentence] = []
        flags = [*season_sentences(own.fvc), *clamped_sentences(own.fvc)]
        if is_too_small(own):
            lead.append(say("too_small", pixels=(small or {}).get(zone, NOTHING)))
        relative_rows = of_zone(tables, zone, RELATIVE)
        monthly = not rules.of_orders
        for period in dict.fromkeys((int(r["first_year"]), int(r["last_year"])) for r in own.area):
            at, minus = of_period(own, period), of_period(relative_rows, period)
            shares, beyond = [*_shares(at, period, compared), *_classes(at, rules, period, compared)], _limits(at, rules, period)
            relative = [*_shares(minus, period, compared, beside=at), *_classes(minus, rules, period, compared)] if minus.area else []
            difference = _mean(minus, rules, period) if compared else []  # a reference minus itself has none
            verdicts += verdict_sentences(at, minus, rules, period, compared=compared)
            if not trends:
                lead += [*shares, *difference, *(s for s in beyond if s.key != "chance")]
            trends += [*shares, *(where or {}).get((zone, period), ()), *bounds_sentences(at, rules)]
            trends += [*_mean(at, rules, period), *joint_sentences(at, monthly=monthly), *control_sentences(at, rules)]
            trends += [*relative, *bounds_sentences(minus, rules), *difference, *joint_sentences(minus, monthly=monthly), *control_sentences(minus, rules)]
            flags += [s for row in own.reference if (int(row["first_year"]), int(row["last_year"])) == period for s in reference_sentences(row, rules.slight)]
            limits += beyond
            flags += _disagreement(at, period, monthly)
        cover = (*cover_sentences(own.fvc), *change_sentences(own, compared))
        too_small = [s for s in lead if s.key == "too_small"]
        sentences = (*cover, *verdicts, *observed_sentences(own.fvc), *too_small, *trends, *limits)
        out.append(Finding(zone, role, sentences, tuple(flags), (*cover, *verdicts, *lead)))
    return tuple(out)


def _whole(at: Tables) -> Text:
    return part("zone" if classed(at) >= 99.95 else "classed")


def _of_reference(at: Tables, rows: list[dict[str, str]], key: str) -> dict[str, float]:
    """Return the reference's shares of its own area with a trend, per cent; empty without such an area."""
    codes = {int(k): v for k, v in column(at.area, "code", "share_reference_pct").items()}
    classed = sum(v for code, v in codes.items() if code < 97)
    return {k: min(100.0, 100 * v / classed) for k, v in column(rows, key, "share_reference_pct").items()} if classed > 0 else {}


def _shares(at: Tables, period: Period, compared: bool, beside: Tables | None = None) -> list[Sentence]:
    """Return the shares with a slope and without a trend; where they stand `beside` those of the zone's own values, the latter only if they differ."""
    own, there = column(at.groups, "group", "share_valid_pct"), _of_reference(at, at.groups, "group")
    codes = {int(k): v for k, v in column(at.area, "code", "share_pct").items()}
    out = []
    if classed(at) > 0 and own:
        three = [{k: per_cent(s[g]) for k, g in (("up", "increase"), ("down", "decrease"), ("flat", "no_change"))} for s in (own, there) if s]
        reference = part("reference_three", **three[1]) if len(three) > 1 and compared else NOTHING
        named = {"variable": variable_name(at.area[0]["variable"], at.area[0]["target"]), "whole": _whole(at), "reference": reference}
        out.append(say("slopes", first=period[0], last=period[1], **named, **three[0]))
    said = {int(k): per_cent(v) for k, v in column(beside.area, "code", "share_pct").items()} if beside else {}
    for key, code in (("lake", 97), ("insufficient", 99)):
        share = per_cent(codes.get(code, 0.0))
        if codes.get(code, 0.0) > 0 and said.get(code) != share:
            out.append(say(key, first=period[0], last=period[1], share=share, less=less(at.area[0]["target"])))
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
    own, there = column(at.area, "code", "share_valid_pct"), _of_reference(at, at.area, "code")
    p_min, out = _p_min(at), []
    if classed(at) <= 0:
        return []
    target = at.area[0]["target"]
    for up, down, alpha, below in _strengths(at, rules):
        rise, fall = own.get(str(up.code), 0.0), own.get(str(down.code), 0.0)
        if (p_min is None or not rules.reaches(p_min, alpha)) and rise + fall <= 0:
            continue
        rose, fell = meaning(period[1] - period[0] + 1, below, alpha, rules.significance, target) if rules.of_orders else (NOTHING, NOTHING)
        known = {k: per_cent(there.get(str(c.code), 0.0)) for k, c in (("up", up), ("down", down))}
        reference = part("reference_two", **known) if there and compared else NOTHING
        words = {"up_class": Text(up.label, up.label_zh), "down_class": Text(down.label, down.label_zh), "whole": _whole(at), "reference": reference}
        words["less"] = less(target)
        means = {"up_means": rose if rise > 0 else NOTHING, "down_means": fell if fall > 0 else NOTHING}
        out.append(say("classes", first=period[0], last=period[1], up=per_cent(rise), down=per_cent(fall), **words, **means))
    return out


def _mean(at: Tables, rules: Rules, period: Period) -> list[Sentence]:
    if not at.trend:
        return []
    row = at.trend[0]
    slope, p, p_min, variable = number(row["slope"]), number(row["p"]), number(row["p_min"]), row["variable"]
    if slope is None or p is None or p_min is None:
        return [say("mean_none", first=period[0], last=period[1], n=row["n"], less=less(row["target"]))] if classed(at) > 0 else []
    change = moved(slope * (100 if variable == "fvc" else 1), variable)
    least = NOTHING if rules.reaches(p_min, rules.significant) else part("least_p", p=p_text(p_min))
    words = {"variable": unclamped_name(variable, row["target"]), "moved": change, "p": p_text(p), "least": least}
    unproven = NOTHING if rules.reaches(p, rules.slight) or slope == 0 else part("unproven")
    return [say("mean", first=period[0], last=period[1], n=row["n"], unproven=unproven, **words)]


def _limits(at: Tables, rules: Rules, period: Period) -> list[Sentence]:
    if classed(at) <= 0:
        return []
    p_min = _p_min(at)
    if p_min is None:
        return [say("no_p", first=period[0], last=period[1])]
    out, n = [], years_of(p_min, period[1] - period[0] + 1, rules)
    strengths = _strengths(at, rules)
    beyond = [s for s in strengths if not rules.reaches(p_min, s[2])]
    if beyond:
        labels = listed((Text(c.label, c.label_zh) for s in reversed(beyond) for c in s[:2]), OR)
        out.append(say("unreachable", first=period[0], last=period[1], n=n, alpha=alpha_text(beyond[-1][2]), p=p_text(p_min), labels=labels))
    if len(beyond) < len(strengths) and rules.of_orders:
        alpha = strengths[-1][2]
        share = per_cent(100 * chance(n, alpha, rules.significance))
        out.append(say("chance", first=period[0], last=period[1], n=n, share=share, alpha=f"{alpha:g}"))
    return out


def _disagreement(at: Tables, period: Period, monthly: bool) -> list[Sentence]:
    """Return a flag where the sign of the mean's change or slope is not the direction of the largest class, with the reason."""
    shares = {int(k): v for k, v in column(at.area, "code", "share_valid_pct").items()}
    trended = {c: shares[c.code] for c in LEGEND if c.code in shares}
    if not at.trend or not trended:
        return []
    largest, variable = max(trended, key=lambda c: trended[c]), at.trend[0]["variable"]
    scale = 100 if variable == "fvc" else 1
    change, slope = (None if (v := number(at.trend[0][name])) is None else v * scale for name in ("change_mean", "slope"))
    words = {"variable": unclamped_name(variable), "label": Text(largest.label, largest.label_zh), "share": per_cent(trended[largest])}
    up, down = (sum(shares.get(code, 0.0) for code in GROUPS[g]) for g in ("increase", "decrease"))
    area = part("why_area", up=per_cent(up), down=per_cent(down))
    seen = [part("why_part", share=per_cent(classed(at)))] if classed(at) < LEAST_LAND else []
    seen += [part("why_values")] if monthly else []
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
