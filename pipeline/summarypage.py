"""summary/index.html: the rows of mines.csv as one page in English and Chinese, without script and without any other file."""

from __future__ import annotations

import base64
import hashlib
from typing import Any

from pipeline.classes import LEGEND
from pipeline.evaluation.methodstable import compare
from pipeline.methodspage import section
from pipeline.summary import SHARES, TESTED, Summary

COLOURS = {c.class_id: c.colour for c in LEGEND}
FILLS = {
    "increase": COLOURS["slightly_significant_increase"],
    "decrease": COLOURS["slightly_significant_decrease"],
    "no_change": COLOURS["no_change"],
    "water": COLOURS["water"],
    "insufficient": COLOURS["insufficient_data"],
}
BAR = 100  # width of the bar of shares
CSS = """
body{font:14px/1.4 system-ui,sans-serif;margin:1rem;color:#222;background:#fff}
h1{font-size:1.4rem}h2{font-size:1.1rem;margin-top:2rem}h3{font-size:1rem}p,li{max-width:60rem}
.wide{overflow-x:auto}table{border-collapse:collapse;font-size:13px}
th,td{padding:.3rem .4rem;border-bottom:1px solid #ccc;vertical-align:top;text-align:right;white-space:nowrap}
th{border-bottom:2px solid #555;font-weight:600;font-size:12px;vertical-align:bottom;white-space:normal}
th:first-child,td:first-child{text-align:left;white-space:normal;min-width:11rem;max-width:20rem}
bdi{overflow-wrap:anywhere}small{color:#555;font-weight:400}.synthetic{color:#8c2d04;font-weight:600}
svg{border:1px solid #999}th svg{display:block;margin:0 0 .2rem auto}a{color:#0b5394}
@media print{body{margin:0;font-size:9pt}.wide{overflow:visible}}
""" + "".join(f".{name}{{fill:{colour}}}" for name, colour in FILLS.items())  # fmt: skip
# The hash lets this style in and nothing else: no script, no request, no style that a name could bring along.
POLICY = f"default-src 'none'; style-src 'sha256-{base64.b64encode(hashlib.sha256(CSS.encode()).digest()).decode()}'; base-uri 'none'; form-action 'none'"
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{{ policy }}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Mines 矿区汇总</title>
<style>{{ css|safe }}</style>
</head>
<body>
<h1>Mines <span lang="zh">矿区汇总</span></h1>
<p>Every finished mine of this results folder, by sensor; the numbers in full are in <a href="mines.csv">mines.csv</a>. Cover and shares are of all zones
that are no reference, weighted by area; where zones overlap, their common area counts in each. Cover is the mean of the cells valid in both years.
&ndash; means not known.</p>
<p lang="zh">本结果文件夹中全部已完成的矿区，按传感器列出；完整数值见 <a href="mines.csv">mines.csv</a>。覆盖度与各比例按面积加权，
包括对照分区以外的全部分区；分区重叠处的面积在各分区中分别计入。覆盖度为两年均有效像元的平均值。&ndash; 表示未知。</p>
<div class="wide">
<table>
<thead><tr>
{% for name, english, chinese in heads -%}
<th scope="col">{% if name %}<svg width="12" height="12" aria-hidden="true"><rect class="{{ name }}" width="12" height="12"/></svg>{% endif -%}
{{ english }}<br><small lang="zh">{{ chinese }}</small></th>
{% endfor -%}
</tr></thead>
<tbody>
{% for r in rows -%}
<tr>
<td><bdi>{{ r.title }}</bdi><br><small>{{ r.mine }}</small>
{%- if r.synthetic %}<br><span class="synthetic">synthetic, not observed <span lang="zh">合成数据，非观测</span></span>{% endif %}
{%- if r.files %}<br>{% for href, text in r.files %}<a href="{{ href }}">{{ text }}</a>{% if not loop.last %} &middot; {% endif %}{% endfor %}{% endif %}</td>
<td>{{ r.sensor }}</td><td>{{ r.period }}</td><td>{{ r.zones }}</td><td>{{ r.area }}</td>
<td>{{ r.before }}</td><td>{{ r.after }}</td><td>{{ r.change }}</td><td>{{ r.reference }}</td><td>{{ r.seen }}</td>
<td>{% if r.bar %}<svg width="{{ width }}" height="14" role="img" aria-label="{{ r.label }}">
{%- for name, x, wide in r.bar %}<rect class="{{ name }}" x="{{ x }}" width="{{ wide }}" height="14"/>{% endfor %}</svg>{% endif %}</td>
{% for text in r.shares %}<td>{{ text }}</td>{% endfor %}
<td>{{ r.p_min }}</td><td>{{ r.warnings }}</td>
</tr>
{% else -%}
<tr><td>No finished mine <span lang="zh">没有已完成的矿区</span></td></tr>
{% endfor -%}
</tbody>
</table>
</div>
{{ methods|safe }}
{%- if warnings -%}
<h2>Warnings <span lang="zh">警告</span></h2>
<ul>{% for mine, texts in warnings %}<li>{{ mine }}<ul>{% for text in texts %}<li><bdi>{{ text }}</bdi></li>{% endfor %}</ul></li>{% endfor %}</ul>
{% endif -%}
{% if left_out -%}
<h2>Not listed <span lang="zh">未列出</span></h2>
<ul>{% for mine, reason in left_out %}<li>{{ mine }}: <bdi>{{ reason }}</bdi></li>{% endfor %}</ul>
{% endif -%}
</body>
</html>
"""
HEADS = (
    ("", "Mine", "矿区"),
    ("", "Sensor", "传感器"),
    ("", "Period", "时段"),
    ("", "Zones", "分区数"),
    ("", "Area, km2", "面积，km2"),
    ("", "Cover, first year, %", "首年覆盖度，%"),
    ("", "Cover, last year, %", "末年覆盖度，%"),
    ("", "Change, points", "变化，百分点"),
    ("", "Change of the reference, points", "对照变化，百分点"),
    ("", "Valid in both years, %", "两年均有效，%"),
    ("", "Shares of the area", "面积比例"),
    ("increase", "Increase, %", "增加，%"),
    ("decrease", "Decrease, %", "减少，%"),
    ("no_change", "No change, %", "无变化，%"),
    ("water", "Water, %", "水体，%"),
    ("insufficient", "Insufficient data, %", "数据不足，%"),
    ("", "Increase, at least slightly significant, %", "增加且至少轻微显著，%"),
    ("", "Decrease, at least slightly significant, %", "减少且至少轻微显著，%"),
    ("", "Smallest p in reach", "可达到的最小 p 值"),
    ("", "Warnings", "警告数"),
)
NAMES = {"increase": "increase", "decrease": "decrease", "no_change": "no change", "water": "water", "insufficient": "insufficient data"}


def page(found: Summary, files: dict[str, list[tuple[str, str]]]) -> str:
    """Return the page; `files` are the links of each mine (address relative to the page, text). All that users wrote is escaped."""
    from jinja2 import Environment, StrictUndefined

    template = Environment(autoescape=True, undefined=StrictUndefined).from_string(PAGE)
    return template.render(
        policy=POLICY,
        css=CSS,
        heads=HEADS,
        width=BAR,
        rows=[_shown(r, files[r["mine"]]) for r in found.rows],
        warnings=[(mine, texts) for mine, texts in found.warnings.items() if texts],
        left_out=found.left_out.items(),
        methods=section(compare(found.zones)),
    )


def _shown(row: dict[str, Any], files: list[tuple[str, str]]) -> dict[str, Any]:
    """Return a row as the texts of the page."""
    shares = {name: row[f"{name}_pct"] for name in SHARES}
    return {
        **{name: row[name] for name in ("mine", "title", "sensor", "zones", "warnings")},
        "synthetic": row["synthetic"] == "yes",
        "period": f"{row['first_year']}-{row['last_year']}",
        "area": f"{row['area_km2']:.4g}",
        "before": _percent(None if row["fvc_from"] is None else 100 * row["fvc_from"]),
        "after": _percent(None if row["fvc_to"] is None else 100 * row["fvc_to"]),
        "change": _points(row["change_points"]),
        "reference": _points(row["reference_change_points"]),
        "seen": _percent(row["valid_both_pct"]),
        "bar": _bar(shares),
        "label": ", ".join(f"{NAMES[name]} {_percent(share)} %" for name, share in shares.items()),
        "shares": [_percent(row[f"{name}_pct"]) for name in (*SHARES, *TESTED)],
        "p_min": "\N{EN DASH}" if row["p_min"] is None else f"{row['p_min']:.3g}",
        "files": files,
    }


def _bar(shares: dict[str, float | None]) -> list[tuple[str, str, str]]:
    """Return class, start and width of the parts of the bar."""
    out, x = [], 0.0
    for name, share in shares.items():
        if share:
            out.append((name, f"{x:.2f}", f"{share * BAR / 100:.2f}"))
            x += share * BAR / 100
    return out


def _percent(value: float | None) -> str:
    """Return a share to a tenth; zero and all only where they are so.

    >>> _percent(None), _percent(0.0), _percent(0.04), _percent(53.24), _percent(99.98), _percent(100.0)
    ('–', '0', '<0.1', '53.2', '>99.9', '100')
    """
    if value is None:
        return "\N{EN DASH}"
    if value == 0 or abs(value - 100) < 1e-9:
        return f"{value:.0f}"
    return "<0.1" if value < 0.05 else ">99.9" if value >= 99.95 else f"{value:.1f}"


def _points(value: float | None) -> str:
    """Return a change with its sign; one that rounds to nothing says so.

    >>> _points(22.77), _points(-0.04), _points(0.0), _points(None)
    ('+22.8', '±<0.1', '0', '–')
    """
    if value is None:
        return "\N{EN DASH}"
    if value == 0:
        return "0"
    return "\N{PLUS-MINUS SIGN}<0.1" if abs(value) < 0.05 else f"{value:+.1f}"
