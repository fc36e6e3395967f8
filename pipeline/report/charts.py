"""Charts of the report as SVG, drawn from rows of the tables; text becomes text nodes, so that names are never markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from pipeline.classes import TrendClass
from pipeline.svg import BOTTOM, LEFT, RIGHT, TOP, WIDTH, YearPlot, dot, drawing, line, markup, rectangle, text, titled

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


def cover_series(series: Mapping[str, Sequence[tuple[int, float | None, float | None]]], title: str, restored: float | None = None) -> str:
    """Return mean cover per year, one line for each name: (year, mean, standard deviation over the zone's cells).

    The first name is drawn as `own` with its spread, the others as `reference`. Years without a value break the line.
    `restored`: when restoration ended, on the axis of the seasons (`pipeline.coverchart.restored_on`), drawn where it lies among the years.
    """
    years = sorted({year for rows in series.values() for year, _, _ in rows})
    plot = YearPlot(years, 0.0, 1.0, title)
    for value in (0.0, 0.25, 0.5, 0.75, 1.0):
        plot.level(value, f"{100 * value:.0f} %")
    if restored is not None and years[0] <= restored <= years[-1]:
        titled(plot.upright(restored, {"class": "restored"}), f"restored 修复 {int(restored)}")

    def place(year: int, value: float) -> tuple[float, float]:
        return plot.x(year), plot.y(min(1.0, max(0.0, value)))

    for i, (name, rows) in enumerate(series.items()):
        group = titled(ET.SubElement(plot.root, "g", {"class": "reference" if i else "own"}), name)
        before: tuple[float, float] | None = None
        for year, mean, spread in sorted(rows, key=lambda row: row[0]):
            here = None if mean is None else place(year, mean)
            if here is not None and mean is not None:
                if spread is not None and not i:
                    line(group, place(year, mean - spread), place(year, mean + spread), {"class": "spread"})
                if before is not None:
                    line(group, before, here, {"class": "series"})
                dot(group, here, 3.5)
            before = here
    return markup(plot.root)


def class_bars(bars: Sequence[Bar], classes: Sequence[TrendClass], title: str) -> str:
    """Return one horizontal bar per zone, per cent of its area by class in the order of `classes`, and its km2 in all; below it, thin, its reference."""
    row, left, right = 24, 150, 78
    width, height = 640, TOP + row * len(bars) + BOTTOM
    root = drawing(width, height, title)
    per_cent = (width - left - right) / 100
    for tick in (0, 25, 50, 75, 100):
        line(root, (left + tick * per_cent, TOP), (left + tick * per_cent, height - BOTTOM))
        text(root, left + tick * per_cent, height - 8, f"{tick} %")
    for i, bar in enumerate(bars):
        top = TOP + row * i
        name = bar.zone if len(bar.zone) <= NAME else f"{bar.zone[: NAME - 2]}…"
        if not bar.zone.isascii() and len(bar.zone) > NAME // 2:
            name = f"{bar.zone[: NAME // 2 - 1]}…"
        titled(text(root, left - 6, top + 15, name, "end"), bar.zone)
        start = 0.0
        for c in classes:
            share = bar.shares.get(c.code, 0.0)
            if share <= 0:
                continue
            drawn = rectangle(root, left + start * per_cent, top + 3, share * per_cent, row - 6, {"fill": c.colour, "class": "bar"})
            titled(drawn, f"\u2068{bar.zone}\u2069: {c.label} {c.label_zh}: {share:.1f} %, {bar.km2.get(c.code, 0.0):.4f} km2")
            start += share
        start = 0.0
        for c in classes:
            share = bar.reference.get(c.code, 0.0)
            if share > 0:
                drawn = rectangle(root, left + start * per_cent, top + row - 3, share * per_cent, 4, {"fill": c.colour, "class": "bar"})
                titled(drawn, f"reference 参照区: {share:.1f} %")
            start += share
        text(root, width - 4, top + 15, f"{sum(bar.km2.values()):.4g} km2", "end")
    return markup(root)


def scene_dots(scenes: Sequence[Seen], title: str) -> str:
    """Return the scenes of one zone over years (rows) and days of the year: dots, lighter where more of the zone was masked."""
    years = sorted({s.year for s in scenes})
    row = 18
    height = TOP + row * len(years) + BOTTOM
    root = drawing(WIDTH, height, title)
    first, last = min(s.day for s in scenes), max(s.day for s in scenes)

    def x(day: int) -> float:
        return LEFT + 8 + (WIDTH - LEFT - RIGHT - 16) * (day - first) / max(1, last - first)

    for i, year in enumerate(years):
        y = TOP + row * i + 9
        text(root, LEFT - 6, y + 4, str(year), "end")
        line(root, (LEFT, y), (WIDTH - RIGHT, y))
        for s in scenes:
            if s.year == year:
                look = {"class": "scene", "fill-opacity": f"{1 - s.masked / 100:.2f}"}
                titled(dot(root, (round(x(s.day)), y), 4, look), f"{s.when}: {s.masked:.0f} %")
    ends = {min(scenes, key=lambda s: s.day): "start", max(scenes, key=lambda s: s.day): "end"}  # by its own year: a leap year counts a day more
    for s, anchor in ends.items():
        text(root, x(s.day), height - 8, f"{date(s.year, 1, 1) + timedelta(s.day - 1):%m-%d}", anchor)
    return markup(root)
