"""Dot plot of restoration methods: the position of each indicator between the state before (0) and the reference (1), as SVG."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from typing import Any

from pipeline import svg
from pipeline.evaluation.indicators import INDICATORS, Indicator
from pipeline.evaluation.methodstable import SCORE
from pipeline.words import Text

WIDTH, LEFT, RIGHT, TOP, LINE = 760, 250, 96, 46, 17
LEAST, MOST = -0.5, 1.5  # of the axis, widened to what is shown up to the limits
LIMITS = (-2.0, 3.0)  # beyond: an arrow, the number stands beside it
NAME = 92  # characters of a method's name in its line
INK, DIM, DOT, TOTAL = "#222222", "#777777", "#1b6e3c", "#0b5394"


def dots(rows: Sequence[dict[str, Any]], title: str) -> str:
    """Return the figure of one sensor: `rows` of methods.csv of level method, in their order.

    A dot is the mean position over the method's zones, the bar its t interval over them; the square is the score. What is not known is written as such.
    """
    names = list(dict.fromkeys(r["method"] for r in rows))
    scored = any(r["indicator"] == SCORE and _known(r["value"]) for r in rows)
    lines = [*INDICATORS, *([None] if scored else [])]
    height = TOP + len(names) * (len(lines) + 1.6) * LINE + 12
    root = svg.drawing(WIDTH, height, title)
    root.attrib.update(width=str(WIDTH), height=f"{height:g}")
    low, high = _limits(rows)
    for value, words in ((0.0, Text("before", "修复前")), (1.0, Text("reference", "对照"))):
        _line(root, _x(value, low, high), TOP - 12, _x(value, low, high), height - 8, "#999999", dash="" if value else "3 3")
        _text(root, _x(value, low, high), 13, f"{words.en} {words.zh}", "middle")
        _text(root, _x(value, low, high), 28, f"{value:g}", "middle", DIM)
    by = {(r["method"], r["indicator"]): r for r in rows}
    y = float(TOP)
    for name in names:
        zones = by[name, INDICATORS[0].key]["method_zones"]
        y += 1.3 * LINE
        own = name if len(name) <= NAME else name[: NAME - 1] + "\N{HORIZONTAL ELLIPSIS}"
        svg.titled(_text(root, 6, y - 4, f"{own} (n = {zones})", "start", weight="600"), name)
        for indicator in lines:
            _one(root, by[name, indicator.key if indicator else SCORE], indicator, y + LINE / 2, (low, high))
            y += LINE
        y += 0.3 * LINE
    return svg.markup(root)


def used_of(row: dict[str, Any]) -> str:
    """Return of how many of a method's zones a number is, empty where it is of all or of none.

    >>> used_of({"zones_used": 1, "method_zones": 2}), used_of({"zones_used": 2, "method_zones": 2}), used_of({"zones_used": 0, "method_zones": 2})
    (' (1 of 2)', '', '')
    """
    return f" ({row['zones_used']} of {row['method_zones']})" if 0 < row["zones_used"] < row["method_zones"] else ""


def _one(root: ET.Element, row: dict[str, Any], indicator: Indicator | None, y: float, limits: tuple[float, float]) -> None:
    words = indicator.name if indicator else Text("score", "得分")
    _text(root, LEFT - 12, y + 4, f"{words.en} {words.zh}", "end")
    value, low, high = (row[name] for name in (("position", "position_low", "position_high") if indicator else ("value", "low", "high")))
    if not _known(value):
        _text(root, WIDTH - 6, y + 4, "not known 未知", "end", DIM)
        return
    colour = DOT if indicator else TOTAL
    at = _x(min(max(value, limits[0]), limits[1]), *limits)
    if _known(low) and _known(high):
        _line(root, _x(max(low, limits[0]), *limits), y, _x(min(high, limits[1]), *limits), y, colour, width=1.6)
    if not limits[0] <= value <= limits[1]:
        step = 7 if value > limits[1] else -7
        ET.SubElement(root, "path", {"d": f"M{at:.1f} {y - 4:.1f} L{at + step:.1f} {y:.1f} L{at:.1f} {y + 4:.1f} Z", "fill": colour})
    elif indicator:
        svg.dot(root, (at, y), 4, {"fill": colour})
    else:
        svg.rectangle(root, at - 4, y - 4, 8, 8, {"fill": colour})
    _text(root, WIDTH - 6, y + 4, f"{value:.2f}{used_of(row)}", "end")


def _limits(rows: Sequence[dict[str, Any]]) -> tuple[float, float]:
    found = [LEAST, MOST]
    for r in rows:
        names = ("value", "low", "high") if r["indicator"] == SCORE else ("position", "position_low", "position_high")
        found += [r[name] for name in names if _known(r[name])]
    return max(min(found), LIMITS[0]), min(max(found), LIMITS[1])


def _known(value: Any) -> bool:
    return value is not None and math.isfinite(value)


def _x(value: float, low: float, high: float) -> float:
    return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)


def _line(root: ET.Element, x1: float, y1: float, x2: float, y2: float, colour: str, *, width: float = 1, dash: str = "") -> None:
    svg.line(root, (x1, y1), (x2, y2), {"stroke": colour, "stroke-width": f"{width:g}"} | ({"stroke-dasharray": dash} if dash else {}))


def _text(root: ET.Element, x: float, y: float, words: str, anchor: str, colour: str = INK, *, weight: str = "400") -> ET.Element:
    return svg.text(root, x, y, words, anchor, **{"fill": colour, "font-size": "12", "font-weight": weight})
