"""Chart of mean cover by zone and year at 300 dpi, with the reference (as Fig. 3 of Feng 2025)."""

from __future__ import annotations

import math
from calendar import monthrange
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from pipeline.coverwords import LEAST_LAND, land_observed
from pipeline.lettering import with_fonts, wrapped
from pipeline.sheet import CHART_IN, GREY, INK, MARGIN_IN, SMALL_PT, TEXT_PT, Sheet, Words, line_in, new_sheet, open_frame, room_in
from pipeline.styles import SERIES
from pipeline.zonetables import number

MARKERS = "osD^vp"
REFERENCE_MARKERS = "XP*"
BAND = "#dcd6ee"  # months of restoration
LABEL_SHARE = 0.08  # of the axis: the width of a month in the small letters
LEGEND_IN = 2.7
MOST_LINES, MOST_DASHED = 6, 3  # zones and references in one panel; more get a panel each
MOST_PANELS = 48


@dataclass(frozen=True)
class Restored:
    """When restoration of a zone ended: `text` as given (year or month), `first` and `last` as years on the axis of seasons."""

    text: str
    first: float
    last: float


@dataclass(frozen=True)
class Series:
    """Mean cover of one zone: per cent by year, NaN where there is none; `partial` are years that saw only a part of the land."""

    zone: str
    years: tuple[int, ...]
    cover: tuple[float, ...]
    partial: frozenset[int]
    references: tuple[str, ...]
    restored: Restored | None = None


def restored_on(text: str, season_days: tuple[int, int]) -> Restored:
    """Return the span of a year or month on an axis where each year stands at the middle of its season.

    >>> found = restored_on("2021-06", (182, 244))
    >>> round(found.first, 2), round(found.last, 2)
    (2020.83, 2020.91)
    """
    year, _, month = text.partition("-")
    first, last = (int(month), int(month)) if month else (1, 12)
    start, end = date(int(year), first, 1), date(int(year), last, monthrange(int(year), last)[1])
    middle = (sum(season_days) / 2 - 0.5) / 365.25
    january = date(int(year), 1, 1)
    return Restored(text, int(year) + (start - january).days / 365.25 - middle, int(year) + ((end - january).days + 1) / 365.25 - middle)


def cover_series(rows: list[dict[str, str]], references: Mapping[str, tuple[str, ...]], restored: Mapping[str, Restored]) -> list[Series]:
    """Return the series of fvc_by_zone.csv, in its order; a year without a row or value is a gap."""
    years = range(min(int(r["year"]) for r in rows), max(int(r["year"]) for r in rows) + 1)
    by_zone: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in rows:
        by_zone[row["zone"]].append(row)
    out = []
    for zone, own in by_zone.items():
        found = {int(r["year"]): number(r["fvc_mean"]) for r in own}
        cover = tuple(math.nan if (value := found.get(y)) is None else 100 * value for y in years)
        partial = frozenset(y for y, share in land_observed(own).items() if share < LEAST_LAND)
        out.append(Series(zone, tuple(years), cover, partial, tuple(references.get(zone, ())), restored.get(zone)))
    return out


@with_fonts
def cover_chart(series: list[Series], words: Words) -> Any:
    """Return the chart of mean cover by zone and year, the reference dashed; lines break where a year has no value.

    Up to six zones share a panel, more have a panel each beside their own reference.
    """
    named = {name for s in series for name in s.references}
    zones, references = [s for s in series if s.zone not in named], [s for s in series if s.zone in named]
    if not zones:  # every zone is a reference of another
        zones, references = series, []
    cover = [v for s in series for v in s.cover if math.isfinite(v)]
    top = min(100.0, 10 * math.ceil((max(cover, default=100.0) + 2) / 10))
    draw = _one_panel if len(zones) <= MOST_LINES and len(references) <= MOST_DASHED else _panels
    return draw(zones, references, words, top)


def _one_panel(zones: list[Series], references: list[Series], words: Words, top: float) -> Any:
    notes = [*_dates(zones), *_notes([*zones, *references], references)]
    said = [(wrapped(text, LEGEND_IN - 0.4, SMALL_PT, 6 if len(notes) < 6 else 2), colour) for text, colour in notes]
    needed = 0.3 + 0.4 * len(zones + references) + sum(0.06 + len(lines) * line_in(SMALL_PT) for lines, _ in said)
    sheet = new_sheet(words, CHART_IN, min(max(4.6, needed), room_in(words, CHART_IN)))
    axes = sheet.axes(sheet.left + 0.5, sheet.bottom + 0.42, CHART_IN - 2 * MARGIN_IN - 0.65 - LEGEND_IN, sheet.top - sheet.bottom - 0.5)
    x, y = sheet.right - LEGEND_IN, sheet.top - 0.15
    for i, one in enumerate(zones):
        colour, marker = SERIES[i % len(SERIES)], MARKERS[i % len(MARKERS)]
        _line(axes, one, colour, marker)
        y = _sample(sheet, x, y, one.zone, colour, marker)
    for i, one in enumerate(references):
        marker = REFERENCE_MARKERS[i % len(REFERENCE_MARKERS)]
        _line(axes, one, INK, marker, reference=True)
        y = _sample(sheet, x, y, f"{one.zone} (reference)", INK, marker, reference=True)
    _frame(axes, zones[0].years, top, TEXT_PT)
    axes.set_ylabel("mean vegetation cover, %", fontsize=TEXT_PT, labelpad=2)
    axes.set_xlabel("growing season", fontsize=TEXT_PT, labelpad=3)
    _spans(axes, zones, labelled=True)
    for lines, colour in said:
        y -= 0.06
        if colour:
            sheet.rectangle(x, y - 0.055, 0.3, 0.11, facecolor=colour, edgecolor="none")
        for line in lines:
            sheet.text(x + 0.4, y, line, SMALL_PT, va="center", color=GREY)
            y -= line_in(SMALL_PT)
    return sheet.figure


def _panels(zones: list[Series], references: list[Series], words: Words, top: float) -> Any:
    shown = zones[:MOST_PANELS]
    columns = 4 if len(shown) <= 16 else 6 if len(shown) <= 30 else 8
    rows = -(-len(shown) // columns)
    left = f"The first {len(shown)} of {len(zones)} zones; all are in fvc_by_zone.csv. " if len(shown) < len(zones) else ""
    said = " ".join(f"{text[0].upper()}{text[1:]}." for text, _ in _notes([*shown, *references], references))
    bands = "Shaded: restoration ended in that month or year. " if any(s.restored for s in shown) else ""
    dashed = "Solid: zone. Dashed: its reference. " if references else ""
    words = Words(words.title, words.captions, (*words.source, f"{left}{dashed}{bands}{said} y: mean vegetation cover, %, x: growing season."))
    body = min(room_in(words, CHART_IN), rows * 1.6 + 0.2)
    sheet = new_sheet(words, CHART_IN, body)
    width, height = (sheet.right - sheet.left - 0.3) / columns, (sheet.top - sheet.bottom - 0.2) / rows
    by_name = {s.zone: s for s in references}
    for i, one in enumerate(shown):
        x, y = sheet.left + 0.3 + (i % columns) * width, sheet.top - (i // columns + 1) * height
        axes = sheet.axes(x, y + 0.12, width - 0.1, height - 0.5)
        for name in one.references:
            if name in by_name and name != one.zone:
                _line(axes, by_name[name], GREY, "", reference=True)
        _line(axes, one, SERIES[0], "o", size=3)
        _frame(axes, one.years, top, SMALL_PT, narrow=True)
        _spans(axes, [one], labelled=False)
        axes.tick_params(labelleft=i % columns == 0, labelbottom=i + columns >= len(shown))
        name = "\n".join(wrapped(one.zone, width - 0.12, SMALL_PT, 2))
        sheet.text(x, y + height - 0.36, name, SMALL_PT, gid="zone name", linespacing=1.15)
    return sheet.figure


def _line(axes: Any, one: Series, colour: str, marker: str, *, reference: bool = False, size: float = 4.5) -> None:
    """Draw one series: a line that breaks where a value is missing, hollow markers where only a part of the land was seen."""
    style: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 1.6, "zorder": 2.5} if reference else {"linewidth": 1.3}
    axes.plot(one.years, one.cover, color=colour, label=one.zone, gid="reference" if reference else "zone", **style)
    if marker:
        for partial in (False, True):
            at = [(y, v) for y, v in zip(one.years, one.cover, strict=True) if math.isfinite(v) and (y in one.partial) == partial]
            face = "white" if partial else colour
            axes.plot(*zip(*at, strict=True), marker, color=colour, markersize=size, markerfacecolor=face, zorder=3, gid="points") if at else None


def _sample(sheet: Sheet, x: float, y: float, label: str, colour: str, marker: str, *, reference: bool = False) -> float:
    """Draw a line's entry in the legend and return the height of the next."""
    style: dict[str, Any] = {"linestyle": (0, (4, 2)), "linewidth": 1.6} if reference else {"linewidth": 1.3}
    sheet.paper.plot([x, x + 0.15, x + 0.3], [y, y, y], marker=marker, markevery=[1], markersize=4.5, color=colour, **style)
    for line in wrapped(label, LEGEND_IN - 0.4, TEXT_PT, 2):
        sheet.text(x + 0.4, y, line, va="center_baseline")
        y -= line_in(TEXT_PT)
    return y - 0.07


def _frame(axes: Any, years: tuple[int, ...], top: float, size: float, *, narrow: bool = False) -> None:
    from matplotlib.ticker import MaxNLocator

    step = -(-len(years) // (3 if narrow else 15))
    axes.set(xlim=(years[0] - 0.5, years[-1] + 0.5), ylim=(0, top), xticks=years[::step])
    axes.set_xticks(years[::step], [str(y) for y in years[::step]])
    axes.yaxis.set_major_locator(MaxNLocator(4 if narrow else 10, steps=[1, 2, 5, 10]))
    open_frame(axes, size)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("left", "bottom"):
        axes.spines[side].set(linewidth=0.6, color=GREY)


def _spans(axes: Any, zones: list[Series], *, labelled: bool) -> None:
    first, last = axes.get_xlim()
    labels: list[tuple[float, str]] = []
    for text, span in sorted({s.restored.text: s.restored for s in zones if s.restored}.items(), key=lambda pair: pair[1].first):
        if span.last > first and span.first < last:
            axes.axvspan(max(span.first, first), min(span.last, last), color=BAND, linewidth=0, zorder=0.5, gid=f"restored {text}")
            x = (max(span.first, first) + min(span.last, last)) / 2
            near = bool(labels) and x - labels[-1][0] < LABEL_SHARE * (last - first)  # two labels there would run into each other: one says both
            labels = [*labels[:-1], (x, f"{labels[-1][1]}, {text}")] if near else [*labels, (x, text)]
    for x, text in labels if labelled else []:
        axes.text(x, axes.get_ylim()[1], text, fontsize=SMALL_PT, ha="right" if "," in text else "center", va="bottom", color=GREY, gid="restored")


def _dates(zones: list[Series]) -> list[tuple[str, str]]:
    """Return the entries of the legend that say when restoration ended."""
    dates: dict[str, list[str]] = defaultdict(list)
    for one in zones:
        if one.restored:
            beyond = not (one.restored.last > one.years[0] - 0.5 and one.restored.first < one.years[-1] + 0.5)
            dates[one.restored.text + (", not among these years" if beyond else "")].append(one.zone)
    return [(f"restoration ended {text}: {', '.join(names)}", "" if "," in text else BAND) for text, names in sorted(dates.items())]


def _notes(series: list[Series], references: list[Series]) -> list[tuple[str, str]]:
    out = [] if references else [("no reference zone is given", "")]
    if any(s.partial for s in series):
        out.append((f"hollow: less than {LEAST_LAND:g} % of the zone's land was observed", ""))
    if any(not math.isfinite(v) for s in series for v in s.cover):
        out.append(("a gap is a year without any observed land, not joined across", ""))
    return out
