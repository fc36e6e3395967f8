"""Charts of the report as SVG, drawn from rows of the tables; text becomes text nodes, so that names are never markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.classes import TrendClass

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 42, 12, 12, 26


def _svg(width: float, height: float, title: str) -> ET.Element:
    root = ET.Element("svg", viewBox=f"0 0 {width:g} {height:g}", role="img", xmlns="http://www.w3.org/2000/svg")
    ET.SubElement(root, "title").text = title
    return root


def _line(parent: ET.Element, x1: float, y1: float, x2: float, y2: float, kind: str) -> None:
    ET.SubElement(parent, "line", {"x1": f"{x1:.1f}", "y1": f"{y1:.1f}", "x2": f"{x2:.1f}", "y2": f"{y2:.1f}", "class": kind})


def _text(parent: ET.Element, x: float, y: float, words: str, anchor: str = "middle") -> None:
    ET.SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor}).text = words


def cover_series(series: Mapping[str, Sequence[tuple[int, float | None, float | None]]], title: str) -> str:
    """Return mean cover per year, one line for each name: (year, mean, standard deviation over the zone's cells), NaN-free.

    The first name is drawn as `own` with its spread, the others as `reference`. Years without a value break the line.
    """
    years = sorted({year for rows in series.values() for year, _, _ in rows})
    root = _svg(WIDTH, HEIGHT, title)

    def x(year: int) -> float:
        return LEFT + 12 + (WIDTH - LEFT - RIGHT - 24) * (year - years[0]) / max(1, years[-1] - years[0])

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, max(0.0, value))

    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        _line(root, LEFT, y(value), WIDTH - RIGHT, y(value), "grid")
        _text(root, LEFT - 6, y(value) + 4, f"{100 * value:.0f} %", "end")
    for year in years:
        _text(root, x(year), HEIGHT - 8, str(year))
    for i, (name, rows) in enumerate(series.items()):
        kind = "reference" if i else "own"
        group = ET.SubElement(root, "g", {"class": kind})
        ET.SubElement(group, "title").text = name
        before: tuple[float, float] | None = None
        for year, mean, spread in sorted(rows):
            here = None if mean is None else (x(year), y(mean))
            if here is not None and mean is not None:
                if spread is not None and not i:
                    _line(group, here[0], y(mean - spread), here[0], y(mean + spread), "spread")
                if before is not None:
                    _line(group, *before, *here, "series")
                ET.SubElement(group, "circle", cx=f"{here[0]:.1f}", cy=f"{here[1]:.1f}", r="3.5")
            before = here
    return ET.tostring(root, encoding="unicode")


def class_bars(shares: Mapping[str, Mapping[int, float]], classes: Sequence[TrendClass], title: str) -> str:
    """Return one horizontal bar per zone, per cent of its area by class, in the order of `classes`."""
    row, left = 24, 150
    height = TOP + row * len(shares) + BOTTOM
    width = 640
    root = _svg(width, height, title)
    per_cent = (width - left - RIGHT) / 100
    for share in (0, 25, 50, 75, 100):
        _line(root, left + share * per_cent, TOP, left + share * per_cent, height - BOTTOM, "grid")
        _text(root, left + share * per_cent, height - 8, f"{share} %")
    for i, (zone, found) in enumerate(shares.items()):
        top = TOP + row * i
        label = ET.SubElement(root, "text", {"x": f"{left - 6}", "y": f"{top + 15}", "text-anchor": "end"})
        label.text = zone if len(zone) <= 22 else f"{zone[:20]}…"
        ET.SubElement(label, "title").text = zone
        start = 0.0
        for c in classes:
            share = found.get(c.code, 0.0)
            if share <= 0:
                continue
            place = {"x": f"{left + start * per_cent:.2f}", "y": f"{top + 3}", "width": f"{share * per_cent:.2f}", "height": f"{row - 6}"}
            bar = ET.SubElement(root, "rect", place | {"fill": c.colour, "class": "bar"})
            ET.SubElement(bar, "title").text = f"{zone}: {c.label}: {share:.1f} %"
            start += share
    return ET.tostring(root, encoding="unicode")


def scene_dots(scenes: Sequence[Mapping[str, Any]], title: str) -> str:
    """Return the scenes of one zone over years (rows) and days of the year: dots, lighter where more of the zone was masked.

    `scenes`: year, day (of the year), masked (per cent of what the scene showed of the zone).
    """
    years = sorted({int(s["year"]) for s in scenes})
    days = [int(s["day"]) for s in scenes]
    row = 18
    height = TOP + row * len(years) + BOTTOM
    root = _svg(WIDTH, height, title)
    first, last = min(days), max(days)

    def x(day: int) -> float:
        return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * (day - first) / max(1, last - first)

    for i, year in enumerate(years):
        y = TOP + row * i + 9
        _text(root, LEFT - 6, y + 4, str(year), "end")
        _line(root, LEFT, y, WIDTH - RIGHT, y, "grid")
        for scene in scenes:
            if int(scene["year"]) != year:
                continue
            dot = {"cx": f"{x(int(scene['day'])):.1f}", "cy": f"{y}", "r": "4", "class": "scene", "fill-opacity": f"{1 - float(scene['masked']) / 100:.2f}"}
            ET.SubElement(ET.SubElement(root, "circle", dot), "title").text = f"{scene['when']}: {scene['masked']:.0f} %"
    for day in (first, last):
        _text(root, x(day), height - 8, str(day))
    return ET.tostring(root, encoding="unicode")
