"""The part of summary/index.html on restoration methods: for each sensor a figure, the methods, and the effects of measures that are identified."""

from __future__ import annotations

import math
from typing import Any

from pipeline.evaluation.indicators import INDICATORS
from pipeline.evaluation.methodstable import SCORE, Compared
from pipeline.methodschart import dots, used_of
from pipeline.words import Text

DASH = "\N{EN DASH}"
PART = """
<h2>Restoration methods compared <span lang="zh">修复方法比较</span></h2>
<p>A method is the set of measures of a zone; zones of all mines with the same set are together. Each indicator has a place between the state before
restoration (0) and the reference (1), as the list at the end says; it is not cut off. Dots are means over zones, bars their t intervals (nominal 90 %),
squares the score. (1 of 2): the number is of one of the method's two zones alone. Measures are not drawn by lot: where better ground got other measures,
that is in the numbers too. In full:
<a href="methods.csv">methods.csv</a>,
<a href="methods_effects.csv">methods_effects.csv</a>.</p>
<p lang="zh">方法是分区修复措施的集合；各矿区措施相同的分区合并。每个指标位于修复前状态（0）与对照（1）之间，
定义见末尾列表；不截断。圆点为各分区均值，横线为其 t 区间（名义 90 %），方块为得分。(1 of 2)：该数值仅来自该方法两个分区中的一个。
措施并非随机分配：若立地较好的分区采用了不同措施，其影响也包含在数值中。完整数值见
<a href="methods.csv">methods.csv</a> 和 <a href="methods_effects.csv">methods_effects.csv</a>。</p>
{% for g in groups -%}
<h3>{{ g.sensor }}, {{ g.variable }}</h3>
{% for text in g.said -%}
<p><bdi>{{ text.en }}</bdi> <span lang="zh"><bdi>{{ text.zh }}</bdi></span></p>
{% endfor -%}
{% if g.rows -%}
<div class="wide">{{ g.svg|safe }}</div>
<div class="wide"><table>
<thead><tr>{% for english, chinese in g.heads %}<th scope="col">{{ english }}<br><small lang="zh">{{ chinese }}</small></th>{% endfor %}</tr></thead>
<tbody>
{% for row in g.rows -%}
<tr>{% for text in row %}<td>{% if loop.first %}<bdi>{{ text }}</bdi>{% else %}{{ text }}{% endif %}</td>{% endfor %}</tr>
{% endfor -%}
</tbody></table></div>
{% endif -%}
{% if g.effects -%}
<p>Effects of measures, and of pairs beyond the sum of both, where the zones tell them:
<span lang="zh">可由这些分区识别的措施效应（成对措施为超出两者之和的部分）：</span></p>
<div class="wide"><table>
<thead><tr>{% for english, chinese in effect_heads %}<th scope="col">{{ english }}<br><small lang="zh">{{ chinese }}</small></th>{% endfor %}</tr></thead>
<tbody>
{% for row in g.effects -%}
<tr>{% for text in row %}<td>{% if loop.first %}<bdi>{{ text }}</bdi>{% else %}{{ text }}{% endif %}</td>{% endfor %}</tr>
{% endfor -%}
</tbody></table></div>
{% endif -%}
{% endfor -%}
<ul>
{% for i in indicators -%}
<li><b>{{ i.name.en }}</b>: {{ i.formula.en }}. 0: {{ i.zero.en }}; 1: {{ i.one.en }}.
<span lang="zh"><b>{{ i.name.zh }}</b>：{{ i.formula.zh }}。0：{{ i.zero.zh }}；1：{{ i.one.zh }}。</span></li>
{% endfor -%}
</ul>
"""
EFFECT_HEADS = (
    ("Measure, or pair of measures", "措施或成对措施"),
    ("On", "对象"),
    ("Effect", "效应"),
    ("Interval", "区间"),
    ("Zones with it", "采用的分区数"),
    ("Zones", "分区数"),
)
ON = {i.key: f"{i.name.en} {i.name.zh}" for i in INDICATORS} | {SCORE: "score 得分"}


def section(found: Compared) -> str:
    """Return the part as HTML, all that users wrote escaped; empty where nothing is compared."""
    from jinja2 import Environment, StrictUndefined

    if not found.rows:
        return ""
    groups = [_group(found, of) for of in dict.fromkeys((r["sensor"], r["variable"]) for r in found.rows)]
    return Environment(autoescape=True, undefined=StrictUndefined).from_string(PART).render(groups=groups, effect_heads=EFFECT_HEADS, indicators=INDICATORS)


def _group(found: Compared, of: tuple[str, str]) -> dict[str, Any]:
    own = [r for r in found.rows if (r["sensor"], r["variable"]) == of]
    methods = [r for r in own if r["level"] == "method"]
    silent = [f"{r['mine']}: {r['zone']}" for r in own if r["method"] is None]
    effects = [r for r in found.effects if (r["sensor"], r["variable"]) == of]
    told = [r for r in effects if r["identified"] == "yes"]
    said = [Text(f"{t.en[0].upper()}{t.en[1:]}.", f"{t.zh}。") for t in [found.no_score.get(of)] if t]
    if weights := found.weights.get(of):
        told_weights = ", ".join(f"{key} {w:.3g}" for key, w in weights.items())
        said.append(Text(f"Weights of the score, of 1 in all: {told_weights}.", f"得分的权重（总和为 1）：{told_weights}。"))
    if of in found.weights and not any(r["indicator"] == SCORE and r["zones_used"] for r in methods):
        said.append(Text("No zone has a score: each lacks a position that has a weight.", "没有分区有得分：均缺少有权重的位置。"))
    scored = {r["method"]: r["zones_used"] for r in methods if r["indicator"] == SCORE and r["zones_used"]}
    if len(set(scored.values())) > 1:
        counts = Text("; ".join(f"{name}: {n}" for name, n in scored.items()), "；".join(f"{name}：{n}" for name, n in scored.items()))
        said.append(
            Text(
                f"Scores rest on different numbers of zones, and that of fewer zones is known less well: {counts.en}.",
                f"各方法得分所依据的分区数不同，分区较少者把握较小：{counts.zh}。",
            )
        )
    if len(dates := found.dates.get(of, [])) > 1:
        said.append(
            Text(
                f"These zones were restored at different dates ({dates[0]} to {dates[-1]}) and are compared as they are by the last year: "
                "those restored earlier had more seasons to grow, so that age counts as method.",
                f"这些分区的修复日期不同（{dates[0]} 至 {dates[-1]}），而均按截至末年的状态比较：修复较早者生长季更多，因此年限之差会被算作方法之差。",
            )
        )
    if effects:
        pairs = [sum(bool(r["with_measure"]) == pair for r in told) for pair in (False, True)]
        of_all = [sum(bool(r["with_measure"]) == pair for r in effects) for pair in (False, True)]
        said.append(
            Text(
                f"Effects that these zones tell, over all indicators: {pairs[0]} of {of_all[0]} of one measure, {pairs[1]} of {of_all[1]} of pairs; "
                "of the others the column note says why not.",
                f"这些分区能够识别的效应（全部指标）：单项措施 {pairs[0]}/{of_all[0]}，成对措施 {pairs[1]}/{of_all[1]}；其余见 note 列所述原因。",
            )
        )
    if silent:
        said.append(Text(f"No measures given, so not compared: {', '.join(silent)}.", f"未给出措施，故不参与比较：{'、'.join(silent)}。"))
    heads = [("Method", "方法"), ("Zones", "分区数"), *((i.name.en.capitalize(), i.name.zh) for i in INDICATORS), ("Score", "得分"), ("Rank", "名次")]
    return {
        "sensor": of[0],
        "variable": of[1],
        "said": said,
        "svg": dots(methods, f"{of[0]}: positions of methods 方法的位置") if methods else "",
        "heads": heads,
        "rows": [_method([r for r in methods if r["method"] == name]) for name in dict.fromkeys(r["method"] for r in methods)],
        "effects": [_effect(r) for r in told if r["indicator"] == (SCORE if of not in found.no_score else r["indicator"])],
    }


def _method(rows: list[dict[str, Any]]) -> list[str]:
    by = {r["indicator"]: r for r in rows}
    places = [_with(by[i.key]["position"], by[i.key]["position_low"], by[i.key]["position_high"]) + used_of(by[i.key]) for i in INDICATORS]
    total = by[SCORE]
    rank = _with(total["rank"], total["rank_low"], total["rank_high"], 0)
    return [
        rows[0]["method"],
        str(rows[0]["method_zones"]),
        *places,
        _with(total["value"], total["low"], total["high"]) + used_of(total),
        rank + (" (no interval 无区间)" if total["rank"] is not None and total["rank_low"] is None else ""),
    ]


def _effect(row: dict[str, Any]) -> list[str]:
    name = row["restoration_measure"] + (f" \N{MULTIPLICATION SIGN} {row['with_measure']}" if row["with_measure"] else "")
    low, high = row["effect_low"], row["effect_high"]
    interval = f"{low:+.2f} \N{HORIZONTAL ELLIPSIS} {high:+.2f}" if math.isfinite(low) else DASH
    return [name, ON[row["indicator"]], f"{row['effect']:+.2f}", interval, str(row["zones_given"]), str(row["zones_used"])]


def _with(value: float | None, low: float | None, high: float | None, digits: int = 2) -> str:
    """Return a number with its interval.

    >>> _with(0.5, 0.25, 0.75), _with(0.5, float("nan"), float("nan")), _with(float("nan"), 0, 1), _with(1, 1, 3, 0), _with(2, None, None, 0)
    ('0.50 (0.25 … 0.75)', '0.50', '–', '1 (1 … 3)', '2')
    """
    if value is None or not math.isfinite(value):
        return DASH
    known = low is not None and high is not None and math.isfinite(low)
    return f"{value:.{digits}f}" + (f" ({low:.{digits}f} \N{HORIZONTAL ELLIPSIS} {high:.{digits}f})" if known else "")
