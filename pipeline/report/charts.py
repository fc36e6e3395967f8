"""Charts of the report as SVG, drawn from rows of the tables; text becomes text nodes, so that names are never markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from pipeline.classes import TrendClass

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 42, 12, 12, 26
NAME = 22  # characters of a name beside a bar; the whole stands in its title


@dataclass(frozen=True)
class Bar:
    """The classes of one zone: per cent of its area and km2, by code; `reference`: per cent of its reference, empty for a reference and without one."""

    zone: str
    shares: Mapping[int, float]
    km2: Mapping[int, float]
    reference: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Seen:
    """What one scene showed of a zone: its year and day of the year (beyond 365 after the turn of the year), and the masked share in per cent."""

    year: int
    day: int
    masked: float
    when: str


def _svg(width: float, height: float, title: str) -> ET.Element:
    root = ET.Element("svg", viewBox=f"0 0 {width:g} {height:g}", role="img", xmlns="http://www.w3.org/2000/svg")
    ET.SubElement(root, "title").text = title
    return root


def _line(parent: ET.Element, x1: float, y1: float, x2: float, y2: float, kind: str) -> ET.Element:
    return ET.SubElement(parent, "line", {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}", "class": kind})


def _text(parent: ET.Element, x: float, y: float, words: str, anchor: str = "middle") -> None:
    ET.SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}).text = words


def spaced(years: Sequence[int], most: int) -> list[int]:
    """Return the years that are written at an axis: every n-th from the last, at most so many.

    >>> spaced(range(2000, 2012), 6), spaced([2020, 2021], 6)
    ([2001, 2003, 2005, 2007, 2009, 2011], [2020, 2021])
    """
    step = -(-len(years) // most)
    return list(years)[::-1][::step][::-1]


def cover_series(series: Mapping[str, Sequence[tuple[int, float | None, float | None]]], title: str, restored: float | None = None) -> str:
    """Return mean cover per year, one line for each name: (year, mean, standard deviation over the zone's cells).

    The first name is drawn as `own` with its spread, the others as `reference`. Years without a value break the line.
    `restored`: when restoration ended, on the axis of the seasons (`pipeline.coverchart.restored_on`), drawn where it lies among the years.
    """
    years = sorted({year for rows in series.values() for year, _, _ in rows})
    root = _svg(WIDTH, HEIGHT, title)

    def x(year: float) -> float:
        return LEFT + 12 + (WIDTH - LEFT - RIGHT - 24) * (year - years[0]) / max(1, years[-1] - years[0])

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, max(0.0, value))

    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        _line(root, LEFT, y(value), WIDTH - RIGHT, y(value), "grid")
        _text(root, LEFT - 6, y(value) + 4, f"{100 * value:.0f} %", "end")
    for year in spaced(years, 8):
        _text(root, x(year), HEIGHT - 8, str(year))
    if restored is not None and years[0] <= restored <= years[-1]:
        mark = _line(root, x(restored), y(0), x(restored), y(1), "restored")
        ET.SubElement(mark, "title").text = f"restored 修复 {int(restored)}"
    for i, (name, rows) in enumerate(series.items()):
        group = ET.SubElement(root, "g", {"class": "reference" if i else "own"})
        ET.SubElement(group, "title").text = name
        before: tuple[float, float] | None = None
        for year, mean, spread in sorted(rows, key=lambda row: row[0]):
            here = None if mean is None else (x(year), y(mean))
            if here is not None and mean is not None:
                if spread is not None and not i:
                    _line(group, here[0], y(mean - spread), here[0], y(mean + spread), "spread")
                if before is not None:
                    _line(group, *before, *here, "series")
                ET.SubElement(group, "circle", cx=f"{here[0]:.1f}", cy=f"{here[1]:.1f}", r="3.5")
            before = here
    return ET.tostring(root, encoding="unicode")


def class_bars(bars: Sequence[Bar], classes: Sequence[TrendClass], title: str) -> str:
    """Return one horizontal bar per zone, per cent of its area by class in the order of `classes`, and its km2 in all; below it, thin, its reference."""
    row, left, right = 24, 150, 78
    width, height = 640, TOP + row * len(bars) + BOTTOM
    root = _svg(width, height, title)
    per_cent = (width - left - right) / 100
    for tick in (0, 25, 50, 75, 100):
        _line(root, left + tick * per_cent, TOP, left + tick * per_cent, height - BOTTOM, "grid")
        _text(root, left + tick * per_cent, height - 8, f"{tick} %")
    for i, bar in enumerate(bars):
        top = TOP + row * i
        label = ET.SubElement(root, "text", {"x": f"{left - 6}", "y": f"{top + 15}", "text-anchor": "end"})
        label.text = bar.zone if len(bar.zone) <= NAME else f"{bar.zone[: NAME - 2]}…"
        if not bar.zone.isascii() and len(bar.zone) > NAME // 2:
            label.text = f"{bar.zone[: NAME // 2 - 1]}…"
        ET.SubElement(label, "title").text = bar.zone
        start = 0.0
        for c in classes:
            share = bar.shares.get(c.code, 0.0)
            if share <= 0:
                continue
            place = {"x": f"{left + start * per_cent:.2f}", "y": f"{top + 3}", "width": f"{share * per_cent:.2f}", "height": f"{row - 6}"}
            drawn = ET.SubElement(root, "rect", place | {"fill": c.colour, "class": "bar"})
            ET.SubElement(drawn, "title").text = f"\u2068{bar.zone}\u2069: {c.label} {c.label_zh}: {share:.1f} %, {bar.km2.get(c.code, 0.0):.4f} km2"
            start += share
        start = 0.0
        for c in classes:
            share = bar.reference.get(c.code, 0.0)
            if share > 0:
                place = {"x": f"{left + start * per_cent:.2f}", "y": f"{top + row - 3}", "width": f"{share * per_cent:.2f}", "height": "4"}
                drawn = ET.SubElement(root, "rect", place | {"fill": c.colour, "class": "bar"})
                ET.SubElement(drawn, "title").text = f"reference 参照区: {share:.1f} %"
            start += share
        _text(root, width - 4, top + 15, f"{sum(bar.km2.values()):.4g} km2", "end")
    return ET.tostring(root, encoding="unicode")


def scene_dots(scenes: Sequence[Seen], title: str) -> str:
    """Return the scenes of one zone over years (rows) and days of the year: dots, lighter where more of the zone was masked."""
    years = sorted({s.year for s in scenes})
    row = 18
    height = TOP + row * len(years) + BOTTOM
    root = _svg(WIDTH, height, title)
    first, last = min(s.day for s in scenes), max(s.day for s in scenes)

    def x(day: int) -> float:
        return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * (day - first) / max(1, last - first)

    for i, year in enumerate(years):
        y = TOP + row * i + 9
        _text(root, LEFT - 6, y + 4, str(year), "end")
        _line(root, LEFT, y, WIDTH - RIGHT, y, "grid")
        for s in scenes:
            if s.year == year:
                dot = {"cx": f"{x(s.day):.0f}", "cy": f"{y}", "r": "4", "class": "scene", "fill-opacity": f"{1 - s.masked / 100:.2f}"}
                ET.SubElement(ET.SubElement(root, "circle", dot), "title").text = f"{s.when}: {s.masked:.0f} %"
    ends = {min(scenes, key=lambda s: s.day): "start", max(scenes, key=lambda s: s.day): "end"}  # by its own year: a leap year counts a day more
    for s, anchor in ends.items():
        _text(root, x(s.day), height - 8, f"{date(s.year, 1, 1) + timedelta(s.day - 1):%m-%d}", anchor)
    return ET.tostring(root, encoding="unicode")
