"""Figures of land cover for the report, as SVG; names become text nodes in both languages, never markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from pipeline.evaluation.landclasses import LandCover
from pipeline.evaluation.landfigure import Look, Rows, Sankey, areas_by_year, classes_of, looks, of_whole, sankeys

WIDTH, HEIGHT = 360, 200
LEFT, TOP, BOTTOM = 42, 12, 26
LABEL, NODE, STEP = 98, 8, 78
CHARACTERS = 13  # of a class beside a node; the whole stands in its title


def by_year_svg(rows: Rows, scheme: LandCover | None, mining: str | None, title: str) -> str:
    """Return stacked bars of the class areas of the whole mine as SVG, mining lowest, from rows of landcover_by_year.csv."""
    own = of_whole(rows)
    areas = areas_by_year(own)
    look = looks(list(dict.fromkeys(r["class"] for r in own)), scheme, mining)
    order = sorted(areas, key=lambda name: name != mining)
    years = sorted({int(r["year"]) for r in own})
    most = max(sum(areas[name].get(year, 0.0) for name in order) for year in years)
    lines = -(-len(order) // 2)
    root = _svg(WIDTH, HEIGHT + 15 * lines + 6, title)
    step = (WIDTH - LEFT - 12) / (years[-1] - years[0] + 1)
    for share in (0, 0.5, 1):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
        ET.SubElement(root, "line", {"x1": f"{LEFT}", "y1": f"{y:.1f}", "x2": f"{WIDTH - 12}", "y2": f"{y:.1f}", "class": "grid"})
        _text(root, LEFT - 6, y + 4, f"{most * share:.3g}", "end")
    _text(root, LEFT - 6, HEIGHT - BOTTOM + 16, "km2", "end")
    for year in years[::-1][:: -(-len(years) // 7)]:
        _text(root, LEFT + step * (year - years[0] + 0.5), HEIGHT - BOTTOM + 16, str(year))
    for year in years:
        bottom = float(HEIGHT - BOTTOM)
        for name in order:
            height = (HEIGHT - TOP - BOTTOM) * areas[name].get(year, 0.0) / most
            if height <= 0:
                continue
            bottom -= height
            place = {"x": f"{LEFT + step * (year - years[0] + 0.08):.1f}", "y": f"{bottom:.2f}", "width": f"{step * 0.84:.1f}", "height": f"{height:.2f}"}
            bar = ET.SubElement(root, "rect", place | {"fill": look[name].colour, "class": "bar"})
            ET.SubElement(bar, "title").text = f"{year}, {_both(look[name])}: {areas[name][year]:.4g} km2"
    for i, name in enumerate(order):
        x, y = LEFT + (i // lines) * (WIDTH - LEFT) / 2, HEIGHT + 4 + 15 * (i % lines)
        ET.SubElement(root, "rect", {"x": f"{x:.0f}", "y": f"{y}", "width": "10", "height": "10", "fill": look[name].colour, "class": "bar"})
        _name(root, x + 14, y + 9, look[name], "start", 22)
    return ET.tostring(root, encoding="unicode")


def transition_svgs(rows: Rows, scheme: LandCover | None, mining: str | None, title: str) -> list[str]:
    """Return the Sankey diagrams of the whole mine as SVG, from rows of landcover_transitions.csv; none where no years are compared."""
    if not rows:
        return []
    own = of_whole(rows)
    order = classes_of(own, mining)
    look = looks(order, scheme, mining)
    return [_diagram(one, look, title) for one in sankeys(own, order)]


def _diagram(one: Sankey, look: dict[str, Look], title: str) -> str:
    width, height = max(WIDTH, 2 * LABEL + NODE + STEP * (len(one.years) - 1)), HEIGHT + 20
    step = (width - 2 * LABEL - NODE) / (len(one.years) - 1)
    root = _svg(width, height, f"{title} {'–'.join(map(str, one.years))}")

    def x(column: int) -> float:
        return LABEL + step * column

    def y(place: float) -> float:
        return 22 + (height - 30) * place

    for r in one.ribbons:
        a, b = x(r.column) + NODE, x(r.column + 1)
        m = (a + b) / 2
        (t0, u0), (t1, u1) = map(y, r.left), map(y, r.right)
        way = f"M{a:.1f} {t0:.2f}C{m:.1f} {t0:.2f} {m:.1f} {t1:.2f} {b:.1f} {t1:.2f}V{u1:.2f}C{m:.1f} {u1:.2f} {m:.1f} {u0:.2f} {a:.1f} {u0:.2f}Z"
        path = ET.SubElement(root, "path", {"d": way, "fill": look[r.before].colour, "fill-opacity": "0.5"})
        ET.SubElement(path, "title").text = f"{_both(look[r.before])} → {_both(look[r.after])}: {r.area_km2:.4g} km2"
    for node in one.nodes:
        place = {"x": f"{x(node.column):.1f}", "y": f"{y(node.top):.2f}", "width": f"{NODE}", "height": f"{y(node.bottom) - y(node.top):.2f}"}
        bar = ET.SubElement(root, "rect", place | {"fill": look[node.name].colour, "class": "bar"})
        ET.SubElement(bar, "title").text = f"{one.years[node.column]}, {_both(look[node.name])}: {node.area_km2:.4g} km2"
        at = y((node.top + node.bottom) / 2) + 3.5
        if node.column == 0:
            _name(root, x(0) - 4, at, look[node.name], "end", CHARACTERS)
        elif node.column == len(one.years) - 1:
            _name(root, x(node.column) + NODE + 4, at, look[node.name], "start", CHARACTERS)
    for i, year in enumerate(one.years):
        _text(root, x(i) + NODE / 2, 13, str(year))
    return ET.tostring(root, encoding="unicode")


def _svg(width: float, height: float, title: str) -> ET.Element:
    root = ET.Element("svg", viewBox=f"0 0 {width:g} {height:g}", role="img", xmlns="http://www.w3.org/2000/svg")
    ET.SubElement(root, "title").text = title
    return root


def _text(parent: ET.Element, x: float, y: float, words: str, anchor: str = "middle", **more: str) -> None:
    ET.SubElement(parent, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "text-anchor": anchor} | more).text = words


def _name(parent: ET.Element, x: float, y: float, look: Look, anchor: str, most: int) -> None:
    """Write the name of a class, once for each language of the page."""
    if look.name == look.chinese:
        _text(parent, x, y, _cut(look.name, most), anchor)
        return
    _text(parent, x, y, _cut(look.name, most), anchor, lang="en")
    _text(parent, x, y, _cut(look.chinese, most), anchor, lang="zh")


def _cut(name: str, most: int) -> str:
    room = most if name.isascii() else most // 2 + 1
    return name if len(name) <= room else f"{name[: room - 1].rstrip()}…"


def _both(look: Look) -> str:
    return look.name if look.name == look.chinese else f"{look.name} {look.chinese}"
