"""The pieces that charts of the report are drawn of, as SVG; text becomes text nodes, so that names are never markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Mapping, Sequence

WIDTH, HEIGHT = 360, 200
LEFT, RIGHT, TOP, BOTTOM = 42, 12, 12, 26
MOST_YEARS = 8  # that are written at an axis
GRID: Mapping[str, str] = {"class": "grid"}


def drawing(width: float, height: float, title: str) -> ET.Element:
    """Return an empty drawing with its title."""
    root = ET.Element("svg", viewBox=f"0 0 {width:g} {height:g}", role="img", xmlns="http://www.w3.org/2000/svg")
    ET.SubElement(root, "title").text = title
    return root


def markup(root: ET.Element) -> str:
    """Return a drawing as text."""
    return ET.tostring(root, encoding="unicode")


def titled(element: ET.Element, words: str) -> ET.Element:
    """Give a shape the words that show when the pointer is over it."""
    ET.SubElement(element, "title").text = words
    return element


def line(parent: ET.Element, a: tuple[float, float], b: tuple[float, float], look: Mapping[str, str] = GRID) -> ET.Element:
    """Draw a line between two points."""
    place = {"x1": f"{a[0]:.1f}", "y1": f"{a[1]:.1f}", "x2": f"{b[0]:.1f}", "y2": f"{b[1]:.1f}"}
    return ET.SubElement(parent, "line", place | dict(look))


def text(parent: ET.Element, x: float, y: float, words: str, anchor: str = "middle", **look: str) -> ET.Element:
    """Write words at a point."""
    found = ET.SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor} | look)
    found.text = words
    return found


def rectangle(parent: ET.Element, x: float, y: float, width: float, height: float, look: Mapping[str, str]) -> ET.Element:
    """Draw a rectangle from its upper left corner; to hundredths, as bars are put on one another."""
    place = {"x": x, "y": y, "width": width, "height": height}
    return ET.SubElement(parent, "rect", {name: f"{round(v, 2):.6g}" for name, v in place.items()} | dict(look))


def dot(parent: ET.Element, at: tuple[float, float], radius: float, look: Mapping[str, str] | None = None) -> ET.Element:
    """Draw a dot around a point."""
    return ET.SubElement(parent, "circle", {"cx": f"{at[0]:.1f}", "cy": f"{at[1]:.1f}", "r": f"{radius:g}"} | dict(look or {}))


def spaced(years: Sequence[int], most: int = MOST_YEARS) -> list[int]:
    """Return the years that are written at an axis: every n-th from the last, at most so many.

    >>> spaced(range(2000, 2012), 6), spaced([2020, 2021], 6)
    ([2001, 2003, 2005, 2007, 2009, 2011], [2020, 2021])
    """
    step = -(-len(years) // most)
    return list(years)[::-1][::step][::-1]


class YearPlot:
    """A drawing of values over years, with the years at its lower axis; `more` is room for a legend below it."""

    def __init__(self, years: Sequence[int], low: float, high: float, title: str, more: float = 0.0) -> None:
        self.years, self.low, self.high = years, low, high
        self.root = drawing(WIDTH, HEIGHT + more, title)
        for year in spaced(years):
            text(self.root, self.x(year), HEIGHT - 8, str(year))

    def x(self, year: float) -> float:
        """Return where a year, or a part of one, stands."""
        return LEFT + 12 + (WIDTH - LEFT - RIGHT - 24) * (year - self.years[0]) / max(1, self.years[-1] - self.years[0])

    def y(self, value: float) -> float:
        """Return the height of a value."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (value - self.low) / (self.high - self.low)

    def level(self, value: float, label: str) -> ET.Element:
        """Draw a line across at a value, and write its label at the axis."""
        text(self.root, LEFT - 6, self.y(value) + 4, label, "end")
        return line(self.root, (LEFT, self.y(value)), (WIDTH - RIGHT, self.y(value)))

    def upright(self, year: float, look: Mapping[str, str]) -> ET.Element:
        """Draw a line from the bottom to the top at a year."""
        return line(self.root, (self.x(year), HEIGHT - BOTTOM), (self.x(year), TOP), look)
