"""Charts of breaks: each zone's mean with the lines of its break, and the years of its cells by area; as a page and as SVG for the report."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from pipeline.lettering import with_fonts, wrapped
from pipeline.sheet import CHART_IN, GREY, SMALL_PT, Words, new_sheet, open_frame, room_in
from pipeline.styles import SERIES
from pipeline.svg import YearPlot, dot, line, markup, rectangle, titled
from pipeline.zonetables import number

MOST_PANELS = 24
LEAST_SPAN, LEAST_SHARE = 0.1, 10.0  # of the axes, in the variable and in per cent: noise must not fill a panel
BESIDE = 0.25  # years by which a recovery in the year of disturbance is drawn beside it
OWN, DISTURBED, RECOVERING = SERIES[0], SERIES[1], SERIES[2]
READ = (
    "Dots: mean of the zone; dashed grey: one line; blue: the two lines, where their break is shown. Upright: year of disturbance (orange), of recovery "
    "(green). The lines are those of the whole series; these years may be those of a part of it: the values before its break, or from the fall on. "
    "Bars below: share of the tested area by year of disturbance (orange) and of recovery (green), in per cent. "
    "A change in the first or the last years is placed at the first or the last year that a break can have: it may be earlier or later."
)


@dataclass(frozen=True)
class ZoneYears:
    """What is drawn of a zone: (year, value) of its mean and of the lines, shares of its area by year; None where not known.

    `two` is empty where the break is not shown; `disturbance` and `recovery` are years of the zone's mean, None where none is shown.
    """

    zone: str
    years: tuple[int, ...]
    mean: tuple[float | None, ...]
    one: tuple[float | None, ...]
    two: tuple[float | None, ...]
    break_year: int | None
    disturbance: int | None
    recovery: int | None
    disturbed: tuple[float | None, ...]
    recovering: tuple[float | None, ...]

    @property
    def parts(self) -> tuple[list[tuple[int, float]], list[tuple[int, float]]]:
        """Return the points of the line before the break, and of that after it; both empty where none is shown."""
        there = [(year, v) for year, v in zip(self.years, self.two, strict=False) if v is not None]
        at = self.break_year or 0
        return [p for p in there if p[0] < at], [p for p in there if p[0] >= at]

    @property
    def line(self) -> list[tuple[int, float]]:
        """Return the points of the one line."""
        return [(year, v) for year, v in zip(self.years, self.one, strict=True) if v is not None]

    @property
    def range(self) -> tuple[float, float]:
        """Return the smallest and the largest value that is drawn, with some room, and LEAST_SPAN apart; 0 and 1 without any."""
        drawn = [v for v in (*self.mean, *self.one, *self.two) if v is not None]
        if not drawn:
            return 0.0, 1.0
        span = max(drawn) - min(drawn)
        room = max(0.08 * span, (LEAST_SPAN - span) / 2)
        return min(drawn) - room, max(drawn) + room

    @property
    def most(self) -> float:
        """Return the largest share of area of a year, up to the next LEAST_SHARE."""
        largest = max((v for v in (*self.disturbed, *self.recovering) if v is not None), default=0.0)
        return LEAST_SHARE * max(1, math.ceil(largest / LEAST_SHARE - 1e-9))

    @property
    def has_shares(self) -> bool:
        """Return whether any cell could be tested."""
        return any(v is not None for v in self.disturbed)


def zone_years(rows: list[dict[str, str]], years: list[dict[str, str]]) -> list[ZoneYears]:
    """Return what is drawn, from the rows of breaks_by_zone.csv and of break_years_by_zone.csv."""
    by_zone: dict[str, list[dict[str, str]]] = defaultdict(list)
    for r in years:
        by_zone[r["zone"]].append(r)
    out = []
    for row in rows:
        own = by_zone[row["zone"]]
        p = number(row["break_p"])
        shown = p is not None and p <= float(row["shown_at"])

        def column(name: str, own: list[dict[str, str]] = own) -> tuple[float | None, ...]:
            return tuple(number(r[name]) for r in own)

        out.append(
            ZoneYears(
                row["zone"], tuple(int(r["year"]) for r in own), column("zone_value"), column("one_line"), column("two_lines") if shown else (),
                _year(row["break_year"]), _year(row["disturbance_year"]), _year(row["recovery_year"]), column("disturbed_pct"), column("recovering_pct"),
            )
        )  # fmt: skip
    return out


def _year(text: str) -> int | None:
    return int(text) if text else None


@with_fonts
def break_chart(rows: list[dict[str, str]], years: list[dict[str, str]], words: Words) -> Any:
    """Return a page with a panel for each zone: its series with the lines, below it the years of its cells by area."""
    found = zone_years(rows, years)
    shown = found[:MOST_PANELS]
    left = f"The first {len(shown)} of {len(found)} zones; all are in the tables. " if len(shown) < len(found) else ""
    words = Words(words.title, words.captions, (*words.source, left + READ))
    columns = min(4, max(1, len(shown)))
    lines = -(-max(1, len(shown)) // columns)
    sheet = new_sheet(words, CHART_IN, min(room_in(words, CHART_IN), lines * 2.9 + 0.2))
    width, height = (sheet.right - sheet.left - 0.3) / columns, (sheet.top - sheet.bottom - 0.1) / lines
    for i, zone in enumerate(shown):
        x, y = sheet.left + 0.3 + (i % columns) * width, sheet.top - (i // columns + 1) * height
        body = height - 0.6
        _series_panel(sheet.axes(x + 0.15, y + 0.25 + 0.42 * body, width - 0.5, 0.58 * body), zone)
        _area_panel(sheet.axes(x + 0.15, y + 0.25, width - 0.5, 0.32 * body), zone)
        sheet.text(x, y + height - 0.3, "\n".join(wrapped(zone.zone, width - 0.15, SMALL_PT, 1)), SMALL_PT, gid="zone name")
    return sheet.figure


def _frame(axes: Any, zone: ZoneYears, labels: bool) -> None:
    step = -(-len(zone.years) // 5)
    ticks = zone.years[::-1][::step][::-1]
    axes.set(xlim=(zone.years[0] - 0.7, zone.years[-1] + 0.7))
    axes.set_xticks(ticks, [str(y) for y in ticks] if labels else [""] * len(ticks))
    open_frame(axes)


def _series_panel(axes: Any, zone: ZoneYears) -> None:
    axes.plot(*_xy(zone.line), color=GREY, linewidth=0.8, linestyle=(0, (4, 2)))
    for part in zone.parts:
        axes.plot(*_xy(part), color=OWN, linewidth=1.4)
    beside = BESIDE if zone.recovery == zone.disturbance else 0.0
    for year, colour, shift in ((zone.disturbance, DISTURBED, 0.0), (zone.recovery, RECOVERING, beside)):
        if year is not None:
            axes.axvline(year + shift, color=colour, linewidth=1.0)
    axes.plot(zone.years, [math.nan if v is None else v for v in zone.mean], "o", color=OWN, markersize=2.6)
    axes.set(ylim=zone.range)
    _frame(axes, zone, False)


def _area_panel(axes: Any, zone: ZoneYears) -> None:
    for shares, colour, shift in ((zone.disturbed, DISTURBED, -0.2), (zone.recovering, RECOVERING, 0.2)):
        axes.bar([y + shift for y in zone.years], [v or 0.0 for v in shares], width=0.4, color=colour)
    axes.set(ylim=(0, 1.05 * zone.most))
    _frame(axes, zone, True)
    if not zone.has_shares:
        axes.text(0.5, 0.5, "too few years", transform=axes.transAxes, ha="center", va="center", fontsize=SMALL_PT, color=GREY)


def _xy(points: list[tuple[int, float]]) -> tuple[list[int], list[float]]:
    return [x for x, _ in points], [y for _, y in points]


def series_svg(zone: ZoneYears, title: str) -> str:
    """Return the mean of a zone by year with the one line, the two lines where their break is shown, and the years of disturbance and recovery."""
    low, high = zone.range
    plot = YearPlot(zone.years, low, high, title)
    for share in (0.1, 0.5, 0.9):
        value = low + share * (high - low)
        plot.level(value, f"{value:.2f}")
    dashed = {"stroke": GREY, "stroke-dasharray": "5 3"}
    for part, drawn in ((zone.line, dashed), *((p, {"stroke": OWN, "stroke-width": "2"}) for p in zone.parts)):
        if len(part) > 1:
            first, last = ((plot.x(year), plot.y(value)) for year, value in (part[0], part[-1]))
            line(plot.root, first, last, drawn)
    beside = BESIDE if zone.recovery == zone.disturbance else 0.0
    for year, colour, word, shift in ((zone.disturbance, DISTURBED, "disturbance 扰动", 0.0), (zone.recovery, RECOVERING, "recovery 恢复", beside)):
        if year is not None:
            titled(plot.upright(year + shift, {"stroke": colour, "stroke-width": "1.5"}), f"{word} {year}")
    for year, mean in zip(zone.years, zone.mean, strict=True):
        if mean is not None:
            titled(dot(plot.root, (plot.x(year), plot.y(mean)), 3, {"fill": OWN}), f"{year}: {mean:.3f}")
    return markup(plot.root)


def years_svg(zone: ZoneYears, title: str) -> str:
    """Return bars of the share of the tested area by year of disturbance and of recovery, per cent."""
    plot = YearPlot(zone.years, 0.0, 1.05 * zone.most, title)
    for value in (0.0, zone.most / 2, zone.most):
        plot.level(value, f"{value:.0f} %")
    wide = 0.4 * (plot.x(zone.years[0] + 1) - plot.x(zone.years[0]))
    for shares, colour, start, word in ((zone.disturbed, DISTURBED, -1.0, "disturbance 扰动"), (zone.recovering, RECOVERING, 0.0, "recovery 恢复")):
        for year, share in zip(zone.years, shares, strict=True):
            if share:
                top = plot.y(share)
                bar = rectangle(plot.root, plot.x(year) + start * wide, top, wide, plot.y(0) - top, {"fill": colour})
                titled(bar, f"{word} {year}: {share:.1f} %")
    return markup(plot.root)
