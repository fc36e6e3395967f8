"""Figures of land cover for the report, as SVG; names become text nodes in both languages, never markup."""

from __future__ import annotations

import xml.etree.ElementTree as ET

from pipeline.evaluation.landclasses import LandCover
from pipeline.evaluation.landfigure import Look, Rows, Sankey, areas_by_year, classes_of, looks, of_whole, sankeys
from pipeline.svg import BOTTOM, HEIGHT, LEFT, RIGHT, TOP, WIDTH, drawing, line, markup, rectangle, spaced, text, titled

LABEL, NODE, STEP = 146, 8, 78
CHARACTERS = 22  # of a class beside a node; the whole stands in its title


def by_year_svg(rows: Rows, scheme: LandCover | None, mining: str | None, title: str) -> str:
    """Return stacked bars of the class areas of the whole mine as SVG, mining lowest, from rows of landcover_by_year.csv."""
    own = of_whole(rows)
    areas = areas_by_year(own)
    look = looks(list(dict.fromkeys(r["class"] for r in own)), scheme, mining)
    order = sorted(areas, key=lambda name: name != mining)
    years = sorted({int(r["year"]) for r in own})
    most = max(sum(areas[name].get(year, 0.0) for name in order) for year in years)
    lines = -(-len(order) // 2)
    root = drawing(WIDTH, HEIGHT + 15 * lines + 6, title)
    step = (WIDTH - LEFT - RIGHT) / (years[-1] - years[0] + 1)
    for share in (0, 0.5, 1):
        y = HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share
        line(root, (LEFT, y), (WIDTH - RIGHT, y))
        text(root, LEFT - 6, y + 4, f"{most * share:.3g}", "end")
    text(root, LEFT - 6, HEIGHT - BOTTOM + 16, "km2", "end")
    for year in spaced(years, 7):
        text(root, LEFT + step * (year - years[0] + 0.5), HEIGHT - BOTTOM + 16, str(year))
    for year in years:
        bottom = float(HEIGHT - BOTTOM)
        for name in order:
            height = (HEIGHT - TOP - BOTTOM) * areas[name].get(year, 0.0) / most
            if height <= 0:
                continue
            bottom -= height
            bar = rectangle(root, LEFT + step * (year - years[0] + 0.08), bottom, step * 0.84, height, {"fill": look[name].colour, "class": "bar"})
            titled(bar, f"{year}, {_both(look[name])}: {areas[name][year]:.4g} km2")
    for i, name in enumerate(order):
        x, y = LEFT + (i // lines) * (WIDTH - LEFT) / 2, HEIGHT + 4 + 15 * (i % lines)
        rectangle(root, x, y, 10, 10, {"fill": look[name].colour, "class": "bar"})
        _name(root, x + 14, y + 9, look[name], "start", 22)
    return markup(root)


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
    root = drawing(width, height, f"{title} {'–'.join(map(str, one.years))}")

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
        titled(path, f"{_both(look[r.before])} → {_both(look[r.after])}: {r.area_km2:.4g} km2")
    for node in one.nodes:
        bar = rectangle(root, x(node.column), y(node.top), NODE, y(node.bottom) - y(node.top), {"fill": look[node.name].colour, "class": "bar"})
        titled(bar, f"{one.years[node.column]}, {_both(look[node.name])}: {node.area_km2:.4g} km2")
        at = y((node.top + node.bottom) / 2) + 3.5
        if node.column == 0:
            _name(root, x(0) - 4, at, look[node.name], "end", CHARACTERS)
        elif node.column == len(one.years) - 1:
            _name(root, x(node.column) + NODE + 4, at, look[node.name], "start", CHARACTERS)
    for i, year in enumerate(one.years):
        text(root, x(i) + NODE / 2, 13, str(year))
    return markup(root)


def _name(parent: ET.Element, x: float, y: float, look: Look, anchor: str, most: int) -> None:
    """Write the name of a class, once for each language of the page."""
    if look.name == look.chinese:
        text(parent, x, y, _cut(look.name, most), anchor)
        return
    text(parent, x, y, _cut(look.name, most), anchor, lang="en")
    text(parent, x, y, _cut(look.chinese, most), anchor, lang="zh")


def _cut(name: str, most: int) -> str:
    room = most if name.isascii() else most // 2 + 1
    return name if len(name) <= room else f"{name[: room - 1].rstrip()}…"


def _both(look: Look) -> str:
    return look.name if look.name == look.chinese else f"{look.name} {look.chinese}"
