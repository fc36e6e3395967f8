"""Charts of recovery: each zone divided by its reference, year by year, as a page and as SVG for the report."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from pipeline.lettering import with_fonts, wrapped
from pipeline.sheet import CHART_IN, GREY, SMALL_PT, Words, new_sheet, open_frame, room_in
from pipeline.styles import SERIES
from pipeline.svg import YearPlot, dot, line, markup, titled
from pipeline.zonetables import number

MOST_PANELS = 48
HOLLOW = ("partial", "works")


@dataclass(frozen=True)
class Point:
    """One year of a ratio: value and interval, None where not known; `phase` as in the table."""

    year: int
    value: float | None
    low: float | None
    high: float | None
    phase: str


def ratios(rows: list[dict[str, str]]) -> dict[str, list[Point]]:
    """Return the ratio of each zone by year, from the rows of recovery_by_zone.csv."""
    out: dict[str, list[Point]] = defaultdict(list)
    for r in rows:
        if r["measure"] == "ratio":
            out[r["zone"]].append(Point(int(r["year"]), number(r["value"]), number(r["low"]), number(r["high"]), r["phase"]))
    return dict(out)


def _top(points: list[Point]) -> float:
    return max(1.1, *(1.05 * v for p in points for v in (p.value, p.high) if v is not None), 0.0)


def _bottom(points: list[Point]) -> float:
    return min(0.0, *(v for p in points for v in (p.value, p.low) if v is not None), 0.0)


@with_fonts
def recovery_chart(rows: list[dict[str, str]], share: float, words: Words) -> Any:
    """Return a page with one panel a zone: its ratio to the reference with intervals, the lines at 1 and at the share that counts as recovered."""
    series = ratios(rows)
    shown = list(series.items())[:MOST_PANELS]
    columns = min(4, max(1, len(shown)))
    lines = -(-max(1, len(shown)) // columns)
    left = f"The first {len(shown)} of {len(series)} zones; all are in recovery_by_zone.csv. " if len(shown) < len(series) else ""
    said = f"{left}Bars: interval. Line at 1: as the reference; dashed: {share:g} of it. Hollow: partial season, or works going on. y: zone / reference."
    words = Words(words.title, words.captions, (*words.source, said))
    sheet = new_sheet(words, CHART_IN, min(room_in(words, CHART_IN), lines * 2.0 + 0.2))
    width, height = (sheet.right - sheet.left - 0.3) / columns, (sheet.top - sheet.bottom - 0.1) / lines
    every = [p for _, points in shown for p in points]
    limits = _bottom(every), _top(every)
    if not shown:
        sheet.text(sheet.left, sheet.top - 0.3, "No zone has a reference other than itself.")
    for i, (zone, points) in enumerate(shown):
        x, y = sheet.left + 0.3 + (i % columns) * width, sheet.top - (i // columns + 1) * height
        axes = sheet.axes(x, y + 0.2, width - 0.4, height - 0.55)
        _panel(axes, points, share, limits)
        axes.tick_params(labelleft=i % columns == 0)
        sheet.text(x, y + height - 0.3, "\n".join(wrapped(zone, width - 0.15, SMALL_PT, 1)), SMALL_PT, gid="zone name")
    return sheet.figure


def _panel(axes: Any, points: list[Point], share: float, limits: tuple[float, float]) -> None:
    years = [p.year for p in points]
    axes.axhline(1, color=GREY, linewidth=0.8)
    axes.axhline(share, color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    axes.plot(years, [math.nan if p.value is None else p.value for p in points], color=SERIES[0], linewidth=1.2)
    for p in points:
        if p.value is None:
            continue
        if p.low is not None and p.high is not None:
            axes.plot([p.year, p.year], [p.low, p.high], color=SERIES[0], linewidth=1.0)
        axes.plot(p.year, p.value, "o", color=SERIES[0], markersize=4, markerfacecolor="white" if p.phase in HOLLOW else SERIES[0])
    step = -(-len(years) // 5)
    axes.set(xlim=(years[0] - 0.5, years[-1] + 0.5), ylim=limits)
    axes.set_xticks(years[::step], [str(y) for y in years[::step]])
    open_frame(axes)


def ratio_svg(points: list[Point], share: float, title: str) -> str:
    """Return the ratio of one zone by year as SVG, with intervals; years without a value break the line."""
    plot = YearPlot([p.year for p in points], _bottom(points), _top(points), title)
    for value, label in {0.0: "0", share: f"{share:g}", 1.0: "1"}.items():
        drawn = plot.level(value, label)
        if value == share < 1:
            drawn.set("style", "stroke-dasharray: 4 3; stroke: #777")
    group = ET.SubElement(plot.root, "g", {"class": "own"})
    before: tuple[float, float] | None = None
    for p in points:
        here = None if p.value is None else (plot.x(p.year), plot.y(p.value))
        if here is not None:
            if p.low is not None and p.high is not None:
                line(group, (here[0], plot.y(p.low)), (here[0], plot.y(p.high)), {"class": "spread"})
            if before is not None:
                line(group, before, here, {"class": "series"})
            hollow = {"style": "fill: #fff; stroke: currentColor; stroke-width: 1.5"} if p.phase in HOLLOW else {}
            interval = "" if p.low is None or p.high is None else f" ({p.low:.2f} … {p.high:.2f})"
            titled(dot(group, here, 3.5, hollow), f"{p.year}: {p.value:.2f}{interval} {p.phase}".rstrip())
        before = here
    return markup(plot.root)
