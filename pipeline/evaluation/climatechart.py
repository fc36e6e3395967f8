"""Chart of cover by year with the anomalies of precipitation and temperature below it, zone by zone, at 300 dpi."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.climate import PRECIPITATION, TEMPERATURE
from pipeline.lettering import with_fonts, wrapped
from pipeline.sheet import CHART_IN, GREY, INK, SMALL_PT, Sheet, Words, new_sheet, open_frame, room_in
from pipeline.styles import SERIES

WET, DRY, WARM, COLD = "#0072b2", "#b08d57", "#d55e00", "#56b4e9"  # Okabe and Ito 2008 and a brown: colour-blind safe
PEAK = "#f3e6b3"  # the year of the largest cover
COLOURS = {PRECIPITATION: (WET, DRY), TEMPERATURE: (WARM, COLD)}
LABELS = {PRECIPITATION: "precip., mm", TEMPERATURE: "temp., °C"}
MOST_ACROSS, MOST_ROWS, ROW_IN = 4, 2, 3.2


@dataclass(frozen=True)
class ZoneWeather:
    """One zone: cover by year in per cent, that of its reference where there is one, and anomalies by variable; NaN where there is none."""

    zone: str
    years: tuple[int, ...]
    cover: tuple[float, ...]
    anomalies: Mapping[str, tuple[float, ...]]
    reference: tuple[float, ...] = ()

    @property
    def peak(self) -> int | None:
        """Return the year of the largest cover, the first of several; None without any cover."""
        known = [(value, -year) for year, value in zip(self.years, self.cover, strict=True) if math.isfinite(value)]
        return -max(known)[1] if known else None


@with_fonts
def climate_chart(zones: Sequence[ZoneWeather], words: Words) -> Any:
    """Return the chart: per zone its cover, and below it bars of the anomalies, on one scale for all zones; the year of the largest cover is shaded.

    At most eight zones are drawn, and the page says so.
    """
    shown = list(zones[: MOST_ACROSS * MOST_ROWS])
    columns = min(MOST_ACROSS, len(shown))
    rows = -(-len(shown) // columns)
    words = Words(words.title, words.captions, (*words.source, _notes(shown, len(zones))))
    body = min(room_in(words, CHART_IN), rows * ROW_IN)
    sheet = new_sheet(words, CHART_IN, body)
    width, height = (sheet.right - sheet.left - 0.75) / columns, (sheet.top - sheet.bottom) / rows
    every = [v for z in shown for series in (z.cover, z.reference) for v in series if math.isfinite(v)]
    top = min(100.0, 10 * math.ceil((max(every, default=100.0) + 2) / 10))
    variables = [name for name in (PRECIPITATION, TEMPERATURE) if any(name in z.anomalies for z in shown)]
    limits = {name: _limit(shown, name) for name in variables}
    for i, zone in enumerate(shown):
        x, y = sheet.left + 0.75 + (i % columns) * width, sheet.top - (i // columns + 1) * height
        _block(sheet, zone, (x, y, width - 0.15, height), top, limits, labelled=i % columns == 0)
    return sheet.figure


def _limit(zones: Sequence[ZoneWeather], name: str) -> float:
    sizes = [abs(v) for z in zones for v in z.anomalies.get(name, ()) if math.isfinite(v)]
    return 1.15 * max(sizes, default=0.0) or 1.0


def _block(sheet: Sheet, zone: ZoneWeather, place: tuple[float, float, float, float], top: float, limits: Mapping[str, float], *, labelled: bool) -> None:
    """Draw one zone: cover in the upper half, a strip of bars for each variable below."""
    x, y, width, height = place
    title, foot = 0.42, 0.3
    room = height - title - foot
    strip = 0.24 * room
    own = sheet.axes(x, y + foot + len(limits) * (strip + 0.08), width, room - len(limits) * (strip + 0.08))
    if zone.reference:
        own.plot(zone.years, zone.reference, color=INK, linestyle=(0, (4, 2)), linewidth=1.2, gid="reference")
    own.plot(zone.years, zone.cover, color=SERIES[0], linewidth=1.3, marker="o", markersize=3.5, gid="cover")
    own.set_ylim(0, top)
    panels = [(own, "cover, %")]
    for row, (name, limit) in enumerate(limits.items()):
        axes = sheet.axes(x, y + foot + (len(limits) - 1 - row) * (strip + 0.08), width, strip)
        above, below = COLOURS[name]
        for year, value in zip(zone.years, zone.anomalies.get(name, ()), strict=False):
            if math.isfinite(value):
                axes.bar(year, value, width=0.7, color=above if value > 0 else below, gid=f"{name} {year}")
        axes.axhline(0, color=GREY, linewidth=0.6)
        axes.set_ylim(-limit, limit)
        panels.append((axes, LABELS[name]))
    for axes, label in panels:
        _frame(axes, zone, label if labelled else "", numbers=labelled, years=axes is panels[-1][0])
    sheet.text(x, y + height - 0.36, "\n".join(wrapped(zone.zone, width, SMALL_PT, 2)), SMALL_PT, gid="zone name", linespacing=1.15)


def _frame(axes: Any, zone: ZoneWeather, label: str, *, numbers: bool, years: bool) -> None:
    from matplotlib.ticker import MaxNLocator

    step = -(-len(zone.years) // 4)  # labels of the last year and of the next panel's first do not meet
    axes.set_xlim(zone.years[0] - 0.6, zone.years[-1] + 0.6)
    axes.set_xticks(zone.years[::step], [str(y) for y in zone.years[::step]])
    axes.yaxis.set_major_locator(MaxNLocator(4, steps=[1, 2, 5, 10]))
    open_frame(axes, labelleft=numbers, labelbottom=years)
    axes.grid(axis="y", color="#e3e3e3", linewidth=0.6)
    axes.set_axisbelow(True)
    axes.set_ylabel(label, fontsize=SMALL_PT, labelpad=2)
    axes.yaxis.set_label_coords(-0.42 / (axes.get_position().width * axes.figure.get_figwidth()), 0.5)
    if zone.peak is not None:
        axes.axvspan(zone.peak - 0.5, zone.peak + 0.5, color=PEAK, linewidth=0, zorder=0.5, gid=f"peak {zone.peak}")
    for side in ("left", "bottom"):
        axes.spines[side].set(linewidth=0.6, color=GREY)


def _notes(shown: Sequence[ZoneWeather], all_of_them: int) -> str:
    said = [f"The first {len(shown)} of {all_of_them} zones; all are in climate_by_zone.csv."] if len(shown) < all_of_them else []
    said.append("Shaded: the year of the largest cover. Bars: precipitation and temperature of the season minus their mean of the baseline years.")
    if any(z.reference for z in shown):
        said.append("Dashed: reference.")
    if any(not math.isfinite(v) for z in shown for values in z.anomalies.values() for v in values):
        said.append("No bar: the weather of that season is not known.")
    if any(not math.isfinite(v) for z in shown for v in z.cover):
        said.append("A gap: no observed land.")
    return " ".join(said)
