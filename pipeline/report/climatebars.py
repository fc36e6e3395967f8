"""Cover by year above bars of the weather's anomalies, as SVG for the report; text becomes text nodes, so that names are never markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping, Sequence

from pipeline.svg import RIGHT, WIDTH, dot, drawing, line, markup, rectangle, spaced, text, titled
from pipeline.words import Text

LEFT, COVER, STRIP, GAP, TOP, BOTTOM = 50, 110, 52, 10, 12, 24
NAMES = {"precipitation": Text("precipitation", "降水量"), "temperature": Text("temperature", "气温")}
UNITS = {"precipitation": "mm", "temperature": "°C"}
COLOURS = {"precipitation": ("#0072b2", "#b08d57"), "temperature": ("#d55e00", "#56b4e9")}


def climate_bars(years: Sequence[int], cover: Mapping[int, float], anomalies: Mapping[str, Mapping[int, float]], title: str) -> str:
    """Return cover (0..1) by year as a line, and below it one strip of bars for each variable, all over the same years.

    What is not in a mapping is not known: the line breaks, and there is no bar. The year of the largest cover is shaded in all parts.
    """
    height = TOP + COVER + len(anomalies) * (GAP + STRIP) + BOTTOM
    root = drawing(WIDTH, height, title)
    step = (WIDTH - LEFT - RIGHT) / len(years)

    def x(year: int) -> float:
        return LEFT + step * (year - years[0] + 0.5)

    if cover:
        best = min(cover, key=lambda year: (-cover[year], year))
        shade = rectangle(root, x(best) - step / 2, TOP, step, height - TOP - BOTTOM, {"class": "peak"})
        titled(shade, f"{best}: largest cover 植被覆盖度最大")
    for share in (0.0, 0.5, 1.0):
        line(root, (LEFT, TOP + COVER * (1 - share)), (WIDTH - RIGHT, TOP + COVER * (1 - share)))
        text(root, LEFT - 6, TOP + COVER * (1 - share) + 4, f"{100 * share:.0f} %", "end")
    own = ET.SubElement(root, "g", {"class": "own"})
    before: tuple[float, float] | None = None
    for year in years:
        here = (x(year), TOP + COVER * (1 - min(1.0, max(0.0, cover[year])))) if year in cover else None
        if here and before:
            line(own, before, here, {"class": "series"})
        if here:
            titled(dot(own, here, 3), f"{year}: {100 * cover[year]:.1f} %")
        before = here
    for row, (name, values) in enumerate(anomalies.items()):
        _strip(root, name, values, TOP + COVER + GAP + row * (STRIP + GAP) + STRIP / 2, x, step)
    for year in spaced(years):
        text(root, x(year), height - 8, str(year))
    return markup(root)


def _strip(root: ET.Element, name: str, values: Mapping[int, float], middle: float, x: Callable[[int], float], step: float) -> None:
    """Draw the anomalies of one variable around a line, the largest as high as the strip allows; its size stands at the axis."""
    above, below = COLOURS[name]
    most = max((abs(v) for v in values.values()), default=0.0)
    line(root, (LEFT, middle), (WIDTH - RIGHT, middle))
    group = titled(ET.SubElement(root, "g", {"class": name}), f"{NAMES[name].en} {NAMES[name].zh}, {UNITS[name]}")
    for year, value in sorted(values.items()):
        high = STRIP / 2 * abs(value) / most if most else 0.0
        top = middle - high if value > 0 else middle
        drawn = rectangle(group, x(year) - 0.35 * step, top, 0.7 * step, high, {"fill": above if value > 0 else below, "class": "bar"})
        titled(drawn, f"{year}: {value:+.1f} {UNITS[name]}")
    if most:
        for sign in (1, -1):
            text(root, LEFT - 6, middle - sign * STRIP / 2 + (9 if sign > 0 else 0), f"{sign * most:+.3g}", "end")
    text(root, LEFT - 6, middle + 4, UNITS[name], "end")
