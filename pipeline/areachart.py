"""Chart of the areas of the trend classes by zone at 300 dpi: stacked bars (as Fig. 4 of Feng 2025)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from pipeline.classes import TrendClass, legend
from pipeline.layout import ABSOLUTE
from pipeline.lettering import has_chinese, shortened, width_in, with_fonts
from pipeline.sheet import CHART_IN, GREY, INK, SMALL_PT, TEXT_PT, TOO_FEW, Words, new_sheet, room_in
from pipeline.words import rounded
from pipeline.zonetables import number

MOST_ROWS = 40
NAME_IN = 1.9
STRIP = (0.43, 0.12)  # of the reference: middle below that of the row, and height, in rows
BESIDE = "Thin bars: shares of the zone's reference."
ROOM_PCT = 7.0  # per cent of a bar that a number needs


@dataclass(frozen=True)
class Bar:
    """One zone of the area chart: km2 and per cent of the zone by class code, and per cent of its reference, empty without one."""

    zone: str
    area_km2: dict[int, float]
    share_pct: dict[int, float]
    reference_pct: dict[int, float] = field(default_factory=dict)


def area_bars(rows: list[dict[str, str]], period: tuple[int, int], target: str = ABSOLUTE) -> tuple[str, list[Bar]]:
    """Return the scheme, and the bars of a period and target in the table's order, from trend_area_by_zone.csv."""
    found: dict[str, tuple[dict[int, float], ...]] = {}
    scheme = "seven"
    for row in rows:
        if row["target"] != target or (int(row["first_year"]), int(row["last_year"])) != period:
            continue
        scheme = row["scheme"]
        held = found.setdefault(row["zone"], ({}, {}, {}))
        for values, name in zip(held, ("area_km2", "share_pct", "share_reference_pct"), strict=True):
            value = number(row[name])
            if value is not None:
                values[int(row["code"])] = value
    return scheme, [Bar(zone, *values) for zone, values in found.items()]


def ordered(scheme: str) -> list[TrendClass]:
    """Return the classes from the strongest decrease to the strongest increase, then what has no trend."""
    return [c for c in legend(scheme) if c.code != 0]


@with_fonts
def area_chart(bars: list[Bar], scheme: str, words: Words, references: frozenset[str] = frozenset(), unreachable: frozenset[int] = frozenset()) -> Any:
    """Return stacked bars of the class areas of every zone, in per cent of the zone and in km2; what has no trend is hatched.

    Classes in `unreachable` are marked in the legend: no series of this length can get them. Below the bar of a zone that is no reference is
    a thin one of its reference: what noise and good and bad years alone put into each class.
    """
    shown_bars = bars[:MOST_ROWS]
    if len(shown_bars) < len(bars):
        rest = f"The first {len(shown_bars)} of {len(bars)} zones; all are in trend_area_by_zone.csv."
        words = Words(words.title, words.captions, (*words.source, rest))
    compared = [b.reference_pct if b.zone not in references else {} for b in shown_bars]
    if any(compared):
        words = Words(words.title, words.captions, (BESIDE, *words.source))
    if unreachable:
        words = Words(words.title, words.captions, (TOO_FEW, *words.source))
    classes = ordered(scheme)
    present = [c for c in classes if c.code < 90 or any(b.area_km2.get(c.code) for b in bars)]
    lines = -(-len(present) // 3)
    under = 0.55 + lines * 0.2
    row = min(0.42, (room_in(words, CHART_IN) - under - 0.2) / max(1, len(shown_bars)))
    sheet = new_sheet(words, CHART_IN, max(1, len(shown_bars)) * row + under + 0.2)
    bottom, height = sheet.bottom + under, sheet.top - 0.2 - sheet.bottom - under
    left = sheet.left + NAME_IN + 0.1
    wide = sheet.right - left
    shares, areas = sheet.axes(left, bottom, wide * 0.57, height), sheet.axes(left + wide * 0.6, bottom, wide * 0.38, height)
    _stack(shares, [b.share_pct for b in shown_bars], present)
    there = [i for i, values in enumerate(compared) if values]
    if there:
        _stack(shares, [compared[i] for i in there], present, [i + STRIP[0] for i in there], STRIP[1])
    _stack(areas, [b.area_km2 for b in shown_bars], present)
    totals = [sum(b.area_km2.values()) for b in shown_bars]
    most = max(totals, default=0.0) or 1.0
    shares.set(xlim=(0, 100))
    areas.set(xlim=(0, most * 1.14))
    for axes, label in ((shares, "share of the zone, %"), (areas, "area, km2")):
        axes.set(ylim=(max(1, len(shown_bars)) - 0.5, -0.5), yticks=[])
        axes.set_xlabel(label.replace("km2", "km²"), fontsize=TEXT_PT, labelpad=2)
        axes.tick_params(labelsize=SMALL_PT, length=2.5, width=0.6, color=GREY)
        for side in ("top", "right", "left"):
            axes.spines[side].set_visible(False)
        axes.spines["bottom"].set(linewidth=0.6, color=GREY)
    for i, (bar, total) in enumerate(zip(shown_bars, totals, strict=True)):
        y = bottom + height - (i + 0.5) * row
        mark = " (reference)" if bar.zone in references else ""
        room = NAME_IN - width_in(mark, TEXT_PT)
        sheet.text(left - 0.1, y, shortened(bar.zone, room, TEXT_PT) + mark, ha="right", va="center_baseline", gid="zone name")
        areas.text(total + most * 0.012, i, f"{total:.3g}", fontsize=SMALL_PT, va="center_baseline", color=GREY)
        _numbers(shares, bar, i, present)
    chinese = has_chinese()
    for i, c in enumerate(present):
        x, y = sheet.left + (i // lines) * (sheet.right - sheet.left) / 3, sheet.bottom + (lines - 1 - i % lines) * 0.2 + 0.08
        mark = " *" if c.code in unreachable else ""
        sheet.entry(x, y, (f"{c.label} {c.label_zh}" if chinese else c.label) + mark, (sheet.right - sheet.left) / 3 - 0.1, c.colour, _hatch(c))
    return sheet.figure


def _hatch(c: TrendClass) -> str | None:
    """Return the hatch of what has no trend, so that it is not taken for a class of change."""
    return {97: "...", 98: "xxx", 99: "////"}.get(c.code)


def _stack(axes: Any, values: list[dict[int, float]], classes: list[TrendClass], rows: list[float] | None = None, height: float = 0.72) -> None:
    left = [0.0] * len(values)
    for c in classes:
        widths = [v.get(c.code, 0.0) for v in values]
        bars = axes.barh(
            range(len(values)) if rows is None else rows, widths, height, left, color=c.colour, edgecolor="#777777", linewidth=0.3, label=c.class_id
        )
        for patch in bars:
            patch.set_hatch(_hatch(c))
            patch.set_hatch_linewidth(0.5)
        left = [a + b for a, b in zip(left, widths, strict=True)]


def _numbers(axes: Any, bar: Bar, row: int, classes: list[TrendClass]) -> None:
    """Write shares into the parts that have room for them."""
    from matplotlib.patheffects import withStroke

    left = 0.0
    for c in classes:
        share = bar.share_pct.get(c.code, 0.0)
        if share >= ROOM_PCT:
            dark = sum(w * v for w, v in zip((0.299, 0.587, 0.114), c.rgba[:3], strict=True)) < 130
            number_text = axes.text(left + share / 2, row, rounded(share), fontsize=SMALL_PT, ha="center", va="center_baseline", color="white" if dark else INK)
            if _hatch(c):
                number_text.set_path_effects([withStroke(linewidth=2.5, foreground=c.colour)])
        left += share
