"""Charts of mean cover by stratum and year: a panel a zone, as a page and as SVG for the report."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.strata import PLATFORM, SHADY, STEEP, SUNNY, UNKNOWN
from pipeline.lettering import with_fonts, wrapped
from pipeline.sheet import CHART_IN, GREY, SMALL_PT, Words, new_sheet, open_frame, room_in
from pipeline.styles import SERIES
from pipeline.svg import HEIGHT, LEFT, WIDTH, YearPlot, dot, line, markup, rectangle, text, titled
from pipeline.words import Text
from pipeline.zonetables import number

MOST_PANELS, MOST_LINES = 24, len(SERIES)
ENTRY = 16  # height of an entry of the legend
OF_TERRAIN = {PLATFORM: SERIES[0], SUNNY: SERIES[4], SHADY: SERIES[2], STEEP: SERIES[1], UNKNOWN: GREY}
MARKERS = "osD^vP"
NAMES = {
    PLATFORM: Text(PLATFORM, "平台"),
    SUNNY: Text(SUNNY, "阳坡"),
    SHADY: Text(SHADY, "阴坡"),
    STEEP: Text(STEEP, "陡坡"),
    UNKNOWN: Text(UNKNOWN, "未知"),
}


@dataclass(frozen=True)
class Line:
    """Mean cover of one stratum of a zone in per cent by year, NaN where there is none, with its area in km2."""

    stratum: str
    years: tuple[int, ...]
    cover: tuple[float, ...]
    km2: float


def named(stratum: str) -> Text:
    """Return the name of a stratum in both languages; landforms are the user's words.

    >>> named("sunny slope").zh, named("内排土场平盘").en
    ('阳坡', '内排土场平盘')
    """
    return NAMES.get(stratum, Text(stratum, stratum))


def cover_lines(rows: Sequence[dict[str, str]]) -> dict[str, list[Line]]:
    """Return the lines of each zone from the rows of fvc_by_stratum.csv, in its order; a year without a row or value is a gap."""
    if not rows:
        return {}
    years = range(min(int(r["year"]) for r in rows), max(int(r["year"]) for r in rows) + 1)
    cover: dict[tuple[str, str], dict[int, float | None]] = {}
    area: dict[tuple[str, str], float] = {}
    for r in rows:
        cover.setdefault((r["zone"], r["stratum"]), {})[int(r["year"])] = number(r["fvc_mean"])
        area[r["zone"], r["stratum"]] = number(r["area_km2"]) or 0.0
    out: dict[str, list[Line]] = {}
    for (zone, stratum), found in cover.items():
        values = tuple(math.nan if (value := found.get(y)) is None else 100 * value for y in years)
        out.setdefault(zone, []).append(Line(stratum, tuple(years), values, area[zone, stratum]))
    return out


def colours(names: Sequence[str]) -> dict[str, str]:
    """Return a colour for each stratum that charts show: terrain has fixed ones, of landforms the first six have one.

    >>> list(colours(["platform", "unknown"]).values()), len(colours([str(i) for i in range(9)]))
    (['#0072b2', '#5f5f5f'], 6)
    """
    if set(names) <= set(OF_TERRAIN):
        return {name: OF_TERRAIN[name] for name in names}
    known = [name for name in names if name != UNKNOWN][:MOST_LINES]
    return dict(zip(known, SERIES, strict=False)) | ({UNKNOWN: GREY} if UNKNOWN in names else {})


def _top(lines: dict[str, list[Line]]) -> float:
    cover = [v for own in lines.values() for one in own for v in one.cover if math.isfinite(v)]
    return min(100.0, 10 * math.ceil((max(cover, default=98.0) + 2) / 10))


@with_fonts
def strata_chart(rows: Sequence[dict[str, str]], names: Sequence[str], words: Words) -> Any:
    """Return a page with one panel a zone: mean cover of each of its strata by year; `names` are all strata in their order."""
    lines, colour = cover_lines(rows), colours(names)
    shown = list(lines.items())[:MOST_PANELS]
    columns = min(4, max(1, len(shown)))
    down = -(-max(1, len(shown)) // columns)
    left = f"The first {len(shown)} of {len(lines)} zones; " if len(shown) < len(lines) else ""
    fewer = f"the first {MOST_LINES} landforms; " if len(colour) < len(names) else ""
    said = f"{left}{fewer}all are in fvc_by_stratum.csv. " if left or fewer else ""
    words = Words(words.title, words.captions, (*words.source, f"{said}y: mean cover, per cent. Larger marks: the zone's largest stratum."))
    sheet = new_sheet(words, CHART_IN, min(room_in(words, CHART_IN), down * 2.1 + 0.5))
    width, height = (sheet.right - sheet.left - 0.35) / columns, (sheet.top - sheet.bottom - 0.45) / down
    step = (sheet.right - sheet.left) / max(1, len(colour))
    for i, (name, of) in enumerate(colour.items()):
        text = named(name)
        label = text.en if text.en == text.zh else f"{text.en} {text.zh}"
        sheet.entry(sheet.left + i * step, sheet.top - 0.15, label, step - 0.1, of)
    for i, (zone, own) in enumerate(shown):
        x, y = sheet.left + 0.35 + (i % columns) * width, sheet.top - 0.35 - (i // columns + 1) * height
        axes = sheet.axes(x, y + 0.2, width - 0.45, height - 0.55)
        _panel(axes, own, colour, _top(lines))
        sheet.text(x, y + height - 0.3, "\n".join(wrapped(zone, width - 0.3, SMALL_PT, 1)), SMALL_PT, gid="zone name")
    return sheet.figure


def _panel(axes: Any, own: list[Line], colour: dict[str, str], top: float) -> None:
    years = own[0].years
    largest = max(own, key=lambda one: one.km2)
    for one in own:
        if one.stratum in colour:
            marker = MARKERS[list(colour).index(one.stratum) % len(MARKERS)]
            axes.plot(years, one.cover, marker=marker, markersize=4.5 if one is largest else 3, linewidth=1.2, color=colour[one.stratum])
    step = -(-len(years) // 5)
    axes.set(xlim=(years[0] - 0.5, years[-1] + 0.5), ylim=(0, top))
    axes.set_xticks(years[::step], [str(y) for y in years[::step]])
    axes.grid(axis="y", color="#dddddd", linewidth=0.5)
    open_frame(axes)


def strata_svg(own: list[Line], colour: dict[str, str], title: str) -> str:
    """Return mean cover of one zone's strata by year as SVG with its legend; years without a value break the line."""
    years, drawn = own[0].years, [one for one in own if one.stratum in colour]
    rows = -(-len(drawn) // 2)
    top = _top({"": own})
    plot = YearPlot(years, 0.0, top, title, ENTRY * rows + 4)
    for mark in range(0, int(top) + 1, 10 if top <= 50 else 20):
        plot.level(mark, f"{mark} %")
    for i, of_stratum in enumerate(drawn):
        of = colour[of_stratum.stratum]
        group = ET.SubElement(plot.root, "g", {"stroke": of, "fill": of})
        before: tuple[float, float] | None = None
        for year, value in zip(of_stratum.years, of_stratum.cover, strict=True):
            here = (plot.x(year), plot.y(value)) if math.isfinite(value) else None
            if here is not None:
                if before is not None:
                    line(group, before, here, {"stroke-width": "2"})
                titled(dot(group, here, 3), f"{of_stratum.stratum}, {year}: {value:.1f} %")
            before = here
        x, y = LEFT + (i % 2) * (WIDTH - LEFT) / 2, HEIGHT + ENTRY * (i // 2) + 12
        rectangle(plot.root, x, y - 8, 12, 8, {"fill": of})
        text(plot.root, x + 17, y, _cut(named(of_stratum.stratum)), "start")
    return markup(plot.root)


def _cut(name: Text) -> str:
    whole = name.en if name.en == name.zh else f"{name.en} {name.zh}"
    return whole if len(whole) <= 20 else f"{whole[:19]}…"
