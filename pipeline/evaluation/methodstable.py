"""methods.csv and methods_effects.csv: restoration methods compared over all mines, one sensor and variable at a time."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean
from typing import Any

from pipeline.evaluation.effects import Effect, effects
from pipeline.evaluation.indicators import INDICATORS, KEYS, Indicator, Placed
from pipeline.evaluation.methodzones import MethodZone
from pipeline.evaluation.ranking import Mean, checked_weights, mean_over_zones, ranks, score
from pipeline.words import NOTHING, Text

METHOD_COLUMNS = (
    "sensor", "variable", "level", "method", "mine", "zone", "method_zones", "zones_used", "indicator", "unit", "value", "low", "high", "position",
    "position_low", "position_high", "weight", "rank", "rank_low", "rank_high", "note",
)  # fmt: skip
EFFECT_COLUMNS = (
    "sensor", "variable", "indicator", "restoration_measure", "with_measure", "identified", "effect", "effect_low", "effect_high", "freedom", "zones_used",
    "zones_given", "note",
)  # fmt: skip
SCORE = "score"
NO_MEASURES = "no measures given"
SAID = "no interval: the note in recovery_by_zone.csv says why"
NO_INTERVAL = {"cover": "no interval: one year after restoration", "gain": SAID, "completeness": SAID}  # of a zone; others have none
NO_WEIGHTS = Text("no score: no mine gives weights (key `methods`)", "没有得分：没有矿区给出权重（`methods` 键）")


@dataclass(frozen=True)
class Compared:
    """Rows of both tables; by sensor and variable the weights of the score, relative to their sum, or why there is no score, and dates of restoration."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    effects: list[dict[str, Any]] = field(default_factory=list)
    weights: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    no_score: dict[tuple[str, str], Text] = field(default_factory=dict)
    dates: dict[tuple[str, str], list[str]] = field(default_factory=dict)


def compare(zones: Sequence[MethodZone]) -> Compared:
    """Return the comparison of all zones: for each sensor and variable its methods, their zones, those without measures, and the effects."""
    out = Compared()
    for group in dict.fromkeys((z.sensor, z.variable) for z in zones):
        own = [z for z in zones if (z.sensor, z.variable) == group]
        weights, why = common_weights({z.mine: z.weights for z in own})
        named: dict[str, Any] = {"sensor": group[0], "variable": group[1]}
        given = [z for z in own if z.measures]
        scores = [_score(z, weights, why) for z in given]
        out.dates[group] = sorted({z.restored for z in given if z.restored})
        if given and weights is None:
            out.no_score[group] = why
        elif weights is not None:
            out.weights[group] = weights
        out.rows.extend(_filled(named | row, METHOD_COLUMNS) for row in (*_methods(given, scores, weights, why), *_zones(given, scores, weights)))
        out.rows.extend(_filled(named | {"level": "zone", "mine": z.mine, "zone": z.zone, "note": NO_MEASURES}, METHOD_COLUMNS) for z in own if not z.measures)
        out.effects.extend(_filled(named | row, EFFECT_COLUMNS) for row in _effects(given, scores, weights))
    return out


def common_weights(by_mine: Mapping[str, Mapping[str, float] | None]) -> tuple[dict[str, float] | None, Text]:
    """Return the weights that all mines share, relative to their sum, and otherwise why there are none. A mine that gives none does not object.

    >>> common_weights({"a": {"gain": 1, "cover": 1}, "b": None, "c": {"gain": 2, "cover": 2}})[0]
    {'gain': 0.5, 'cover': 0.5}
    >>> common_weights({"a": {"gain": 1}, "b": {"gain": 1, "cover": 1}})[1].en
    'no score: the weights differ between mines (a: gain 1; b: gain 0.5, cover 0.5); fix: the same `methods.weights` in all'
    """
    given = {mine: checked_weights(weights) for mine, weights in by_mine.items() if weights is not None}
    if not given:
        return None, NO_WEIGHTS
    first = next(iter(given.values()))
    if all(w.keys() == first.keys() and all(math.isclose(w[k], first[k], rel_tol=1e-9) for k in w) for w in given.values()):
        return first, NOTHING
    told = "; ".join(f"{mine}: {', '.join(f'{k} {w:.3g}' for k, w in weights.items())}" for mine, weights in given.items())
    return None, Text(
        f"no score: the weights differ between mines ({told}); fix: the same `methods.weights` in all",
        f"没有得分：各矿区的权重不同（{told}）；请在所有矿区使用相同的 `methods.weights`",
    )


@dataclass(frozen=True)
class _Scored:
    """The score of a zone; NaN where it has none, then with the reason."""

    value: float
    note: str = ""


def _score(zone: MethodZone, weights: Mapping[str, float] | None, why: Text) -> _Scored:
    if weights is None:
        return _Scored(math.nan, why.en)
    if zone.weights is None:
        return _Scored(math.nan, "no score: its mine gives no weights (key `methods`)")
    value = score({key: p.position for key, p in zone.indicators.items()}, weights)
    missing = [key for key in weights if math.isnan(zone.indicators[key].position)]
    return _Scored(value, f"no score: no position of {', '.join(missing)}" if missing else "")


def _methods(zones: list[MethodZone], scores: list[_Scored], weights: Mapping[str, float] | None, why: Text) -> list[dict[str, Any]]:
    names = sorted({z.method for z in zones})
    of = {name: [(z, s) for z, s in zip(zones, scores, strict=True) if z.method == name] for name in names}
    places = ranks({name: [s.value for _, s in own] for name, own in of.items()})
    totals = {name: mean_over_zones([s.value for _, s in own]) for name, own in of.items()}
    most = max((m.zones for m in totals.values()), default=0)
    rows: list[dict[str, Any]] = []
    for name, own in of.items():
        common: dict[str, Any] = {"level": "method", "method": name, "method_zones": len(own)}
        for indicator in INDICATORS:
            found = [z.indicators[indicator.key] for z, _ in own]
            value, position = mean_over_zones([p.value for p in found]), mean_over_zones([p.position for p in found])
            rows.append(
                common
                | {"indicator": indicator.key, "unit": indicator.unit, "weight": (weights or {}).get(indicator.key), "zones_used": position.zones}
                | {"value": value.value, "low": value.low, "high": value.high}
                | {"position": position.value, "position_low": position.low, "position_high": position.high}
                | {"note": _lacking({"position": position, "value": value}, len(own), [p.reason.en for p in found])}
            )
        total, place = totals[name], places[name]
        parts = (_lacking({"score": total}, len(own), [s.note for _, s in own]), _fewer(total.zones, most))
        rows.append(
            common
            | {"indicator": SCORE, "unit": "1", "value": total.value, "low": total.low, "high": total.high, "zones_used": total.zones}
            | {name: None if math.isnan(v) else int(v) for name, v in (("rank", place.rank), ("rank_low", place.low), ("rank_high", place.high))}
            | {"note": why.en if weights is None else "; ".join(filter(None, parts)) or None}
        )
    return rows


def _lacking(means: Mapping[str, Mean], zones: int, reasons: Sequence[str]) -> str | None:
    """Return what to know of the means of a row: zones that are not in them, and why they have no interval; which of them, where that is not so of all.

    `reasons` are why zones are not in the first, which has the fewest.
    """
    told = "; ".join(dict.fromkeys(filter(None, reasons)))
    alike = len({m.zones for m in means.values()}) == 1
    lacking = [(name, zones - m.zones) for name, m in means.items() if m.zones < zones][: 1 if alike else None]
    parts = [f"{left} of {zones} zones left out{'' if alike else f' of the {name}'}{'' if i else f': {told}'}" for i, (name, left) in enumerate(lacking)]
    for why, of in (
        ("one zone", [name for name, m in means.items() if m.zones == 1]),
        ("no spread between zones", [name for name, m in means.items() if m.zones > 1 and math.isnan(m.low)]),
    ):
        if of:
            parts.append(f"{why}: no interval{'' if len(of) == len(means) else f' of the {of[0]}'}")
    return "; ".join(parts) or None


def _fewer(zones: int, most: int) -> str | None:
    """Return that a score rests on fewer zones than that of another method."""
    return f"score of {zones} zone{'' if zones == 1 else 's'}, that of another method of {most}" if 0 < zones < most else None


def _zones(zones: list[MethodZone], scores: list[_Scored], weights: Mapping[str, float] | None) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for zone, own in sorted(zip(zones, scores, strict=True), key=lambda pair: (pair[0].method, pair[0].mine)):
        common: dict[str, Any] = {"level": "zone", "method": zone.method, "mine": zone.mine, "zone": zone.zone}
        for indicator in INDICATORS:
            found: Placed = zone.indicators[indicator.key]
            rows.append(
                common
                | {"indicator": indicator.key, "unit": indicator.unit, "weight": (weights or {}).get(indicator.key), "value": found.value}
                | {"low": found.low, "high": found.high, "position": found.position, "note": _why(indicator, found)}
            )
        rows.append(common | {"indicator": SCORE, "unit": "1", "value": own.value, "note": own.note or None})
    return rows


def _why(indicator: Indicator, found: Placed) -> str | None:
    """Return why an indicator of a zone has no position, and why it has a value without an interval."""
    bare = not math.isnan(found.value) and math.isnan(found.low)
    return "; ".join(filter(None, (found.reason.en, NO_INTERVAL.get(indicator.key, "no interval of one zone") if bare else ""))) or None


def _effects(zones: list[MethodZone], scores: list[_Scored], weights: Mapping[str, float] | None) -> list[dict[str, Any]]:
    """Return the effects on the position of each indicator, and on the score where there is one; the mine is a block."""
    responses = {key: [z.indicators[key].position for z in zones] for key in KEYS}
    if weights is not None:
        responses[SCORE] = [s.value for s in scores]
    rows = []
    for key, values in responses.items():
        for e in effects(values, [z.measures for z in zones], [z.mine for z in zones]) if zones else ():
            rows.append(
                {"indicator": key, "restoration_measure": e.measures[0], "with_measure": e.measures[1] if len(e.measures) > 1 else None}
                | {"identified": "yes" if e.identified else "no", "effect": e.value, "effect_low": e.low, "effect_high": e.high}
                | {"freedom": e.freedom if e.identified else None, "zones_used": e.zones, "zones_given": e.given}
                | {"note": "; ".join(filter(None, (e.reason.en, _age(zones, values, e) if e.identified else ""))) or None}
            )
    return rows


def _age(zones: Sequence[MethodZone], values: Sequence[float], effect: Effect) -> str:
    """Return that the zones with an effect's measures were restored in other years than those without, empty where they were not or it is not known.

    The mine is a block: only mines that have zones of both kinds tell the effect.
    """
    dated = [(z, int(z.restored[:4])) for z, v in zip(zones, values, strict=True) if z.restored and math.isfinite(v)]
    known = [(z.mine, year, z.measures.issuperset(effect.measures)) for z, year in dated]
    both = {mine for mine, _, given in known if given} & {mine for mine, _, given in known if not given}
    own, others = ([year for mine, year, given in known if mine in both and given == side] for side in (True, False))
    if not own or not others or f"{mean(own):.1f}" == f"{mean(others):.1f}":
        return ""
    return f"its zones were restored in {mean(own):.1f} on average, the others in {mean(others):.1f}: age is in the effect"


def _filled(row: dict[str, Any], columns: tuple[str, ...]) -> dict[str, Any]:
    return {name: row.get(name) for name in columns}
