"""Bars of an area by year with what may be more of it: panels of a page, and as SVG for the report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.lettering import has_chinese, with_fonts, wrapped
from pipeline.sheet import CHART_IN, GREY, SMALL_PT, Words, new_sheet, open_frame, room_in
from pipeline.svg import BOTTOM, RIGHT, WIDTH, drawing, line, markup, rectangle, spaced, text, titled
from pipeline.words import Text

MOST_PANELS = 48
HEIGHT, LEFT, TOP = 180, 54, 18  # of the SVG: lower than others, with wide numbers and the unit above the axis
UNKNOWN = "#c9c9c9"


@dataclass(frozen=True)
class YearArea:
    """The area of a year and the largest that it can be, in one unit; None where not known."""

    year: int
    area: float | None
    possible: float | None


@dataclass(frozen=True)
class Panel:
    """The areas of one thing over the years, oldest first, with the colour of its bars."""

    label: Text
    colour: str
    years: Sequence[YearArea]

    @property
    def name(self) -> str:
        """Return the label in both languages, once where they are the same."""
        return self.label.en if self.label.en == self.label.zh else f"{self.label.en} {self.label.zh}"

    @property
    def top(self) -> float:
        """Return the end of the axis: 1.1 times the largest area, or possible one where that is not beyond three times it; 1 without any.

        >>> Panel(Text("", ""), "", [YearArea(2020, 2.0, 3.0), YearArea(2021, 4.0, 400.0)]).top
        4.4
        """
        areas = [y.area for y in self.years if y.area]
        most = max(areas, default=0.0)
        known = [y.possible for y in self.years if y.possible is not None and (not areas or y.possible <= 3 * most)]
        return 1.1 * max([most, *known]) or 1.0

    def missing(self) -> list[int]:
        """Return the years without an area."""
        return [y.year for y in self.years if y.area is None]


@with_fonts
def area_panels(panels: Sequence[Panel], unit: str, words: Words, nothing: str) -> Any:
    """Return a page with one panel of bars for each thing; grey: what unknown cells may add, cut at the end of the axis; `nothing`: said without panels."""
    shown = list(panels[:MOST_PANELS])
    left = f"The first {len(shown)} of {len(panels)}; all are in the table. " if len(shown) < len(panels) else ""
    said = f"{left}Bars: area, {unit}. Grey: what cells without a value may add, cut at the end of the axis. A year without a bar and with a cross: not known."
    words = Words(words.title, words.captions, (*words.source, said))
    columns = min(4, max(1, len(shown)))
    lines = -(-max(1, len(shown)) // columns)
    sheet = new_sheet(words, CHART_IN, min(room_in(words, CHART_IN), lines * (3.2 if lines == 1 else 2.0) + 0.2))
    width, height = (sheet.right - sheet.left - 0.4) / columns, (sheet.top - sheet.bottom - 0.1) / lines
    if not shown:
        sheet.text(sheet.left, sheet.top - 0.3, nothing)
    for i, panel in enumerate(shown):
        x, y = sheet.left + 0.4 + (i % columns) * width, sheet.top - (i // columns + 1) * height
        _panel(sheet.axes(x, y + 0.2, width - 0.6, height - 0.6), panel)
        name = f"{panel.name if has_chinese() else panel.label.en}, {unit}"
        sheet.text(x, y + height - 0.3, "\n".join(wrapped(name, width - 0.15, SMALL_PT, 1)), SMALL_PT, gid="zone name")
    return sheet.figure


def _panel(axes: Any, panel: Panel) -> None:
    years, top = [y.year for y in panel.years], panel.top
    axes.bar(years, [min(y.possible or 0.0, top) for y in panel.years], 0.8, color=UNKNOWN)
    axes.bar(years, [y.area or 0.0 for y in panel.years], 0.8, color=panel.colour)
    axes.plot(panel.missing(), [0.03 * top for _ in panel.missing()], "x", color=GREY, markersize=4)
    step = -(-len(years) // 6)
    axes.set(xlim=(years[0] - 0.6, years[-1] + 0.6), ylim=(0, top))
    axes.set_xticks(years[::-1][::step], [str(y) for y in years[::-1][::step]])
    open_frame(axes)


def area_svg(panel: Panel, unit: str, title: str) -> str:
    """Return the bars of one panel as SVG; a year that is not known has a cross."""
    years, top = [y.year for y in panel.years], panel.top
    root = drawing(WIDTH, HEIGHT, title)
    step = (WIDTH - LEFT - RIGHT) / max(1, len(years))

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(value, top) / top

    for value in (0.0, top / 2.2, top / 1.1):
        line(root, (LEFT, y(value)), (WIDTH - RIGHT, y(value)))
        text(root, LEFT - 5, y(value) + 4, f"{value:.3g}", "end")
    text(root, LEFT - 5, TOP - 6, unit, "end")
    labelled = set(spaced(years))
    for i, of in enumerate(panel.years):
        x = LEFT + i * step
        if of.year in labelled:
            text(root, x + step / 2, HEIGHT - 8, str(of.year))
        if of.area is None:
            text(root, x + step / 2, HEIGHT - BOTTOM - 3, "×")
            continue
        for length, colour in ((of.possible, UNKNOWN), (of.area, panel.colour)):
            if length:
                bar = rectangle(root, x + 0.1 * step, y(length), 0.8 * step, HEIGHT - BOTTOM - y(length), {"fill": colour})
                titled(bar, f"{of.year}: {of.area:.4g} {unit}" + ("" if of.possible is None else f" … {of.possible:.4g} {unit}"))
    return markup(root)
