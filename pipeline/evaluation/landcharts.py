"""Figures of land cover at 300 dpi: bars of the class areas by year, and what became what as a Sankey diagram."""

from __future__ import annotations

from typing import Any

from pipeline.evaluation.landclasses import NO_DATA_NAME, LandCover
from pipeline.evaluation.landfigure import Look, Rows, Sankey, areas_by_year, classes_of, looks, of_whole, sankeys
from pipeline.lettering import has_chinese, shortened, width_in, with_fonts
from pipeline.sheet import CHART_IN, INK, SMALL_PT, TEXT_PT, Sheet, Words, new_sheet, open_frame

BODY_IN = 3.6
MOST_COLUMNS = 6  # years of Sankey diagrams on the page
NODE_IN = 0.14
LABEL_IN = 1.95
ROOM_IN = 0.16  # of a node that has a label


def _legend(sheet: Sheet, shown: list[Look]) -> float:
    """Draw the classes below the body and return their height."""
    lines, chinese = -(-len(shown) // 3), has_chinese()
    width = (sheet.right - sheet.left) / 3
    for i, look in enumerate(shown):
        x, y = sheet.left + (i // lines) * width, sheet.bottom + (lines - 1 - i % lines) * 0.2 + 0.08
        label = f"{look.name} {look.chinese}" if chinese and look.chinese != look.name else look.name
        sheet.entry(x, y, label, width - 0.1, look.colour, _hatch(look))
    return lines * 0.2 + 0.1


def _hatch(look: Look) -> str | None:
    return "////" if look.name == NO_DATA_NAME else None


def _ordered(names: list[str], mining: str | None) -> list[str]:
    """Return names with that of mining first."""
    return sorted(names, key=lambda name: name != mining)


@with_fonts
def by_year_chart(rows: Rows, scheme: LandCover | None, mining: str | None, words: Words) -> Any:
    """Return stacked bars of the class areas of the whole mine, one bar a year, mining lowest; years without a map stay free."""
    own = of_whole(rows)
    areas = areas_by_year(own)
    look = looks(list(dict.fromkeys(r["class"] for r in own)), scheme, mining)
    order = _ordered(list(areas), mining)
    sheet = new_sheet(words, CHART_IN, BODY_IN + 0.2 * -(-len(order) // 3))
    under = _legend(sheet, [look[name] for name in order])
    axes = sheet.axes(sheet.left + 0.6, sheet.bottom + under + 0.3, sheet.right - sheet.left - 0.7, sheet.top - sheet.bottom - under - 0.4)
    years = sorted({int(r["year"]) for r in own})
    base = [0.0] * len(years)
    for name in order:
        heights = [areas[name].get(year, 0.0) for year in years]
        bars = axes.bar(years, heights, 0.84, base, color=look[name].colour, edgecolor="#777777", linewidth=0.3, label=name)
        for bar in bars:
            bar.set_hatch(_hatch(look[name]))
            bar.set_hatch_linewidth(0.5)
        base = [a + b for a, b in zip(base, heights, strict=True)]
    axes.set(xlim=(years[0] - 0.7, years[-1] + 0.7), ylim=(0, max(base) * 1.04))
    axes.set_ylabel("area, km²", fontsize=TEXT_PT)
    axes.set_xticks(years[::-1][:: -(-len(years) // 14)])
    open_frame(axes)
    return sheet.figure


@with_fonts
def transition_chart(rows: Rows, scheme: LandCover | None, mining: str | None, words: Words) -> Any:
    """Return Sankey diagrams of the whole mine: one column a year, heights are areas, ribbons have the colour of what the ground was."""
    if not rows:
        sheet = new_sheet(words, CHART_IN, 0.6)
        sheet.text(sheet.left, sheet.top - 0.3, "No two years are compared.")
        return sheet.figure
    own = of_whole(rows)
    names = classes_of(own, mining)
    look, every = looks(names, scheme, mining), sankeys(own, names)
    drawn: list[Sankey] = []
    for one in every:
        if not drawn or sum(len(s.years) for s in (*drawn, one)) <= MOST_COLUMNS:
            drawn.append(one)
    if len(drawn) < len(every):
        rest = f"{len(drawn)} of {len(every)} diagrams; all pairs are in landcover_transitions.csv."
        words = Words(words.title, words.captions, (*words.source, rest))
    sheet = new_sheet(words, CHART_IN, BODY_IN + 0.2 * -(-len(names) // 3))
    under = _legend(sheet, [look[name] for name in names])
    width = (sheet.right - sheet.left) / sum(len(s.years) for s in drawn)
    x = sheet.left
    for one in drawn:
        _draw(sheet, one, look, (x, sheet.bottom + under + 0.15), (width * len(one.years), sheet.top - sheet.bottom - under - 0.45))
        x += width * len(one.years)
    return sheet.figure


def _draw(sheet: Sheet, one: Sankey, look: dict[str, Look], corner: tuple[float, float], size: tuple[float, float]) -> None:
    from matplotlib.patches import PathPatch
    from matplotlib.path import Path

    left = corner[0] + LABEL_IN
    step = (size[0] - 2 * LABEL_IN - NODE_IN) / (len(one.years) - 1)

    def x(column: int) -> float:
        return left + step * column

    def y(place: float) -> float:
        return corner[1] + size[1] * (1 - place)

    for r in one.ribbons:
        a, b = x(r.column) + NODE_IN, x(r.column + 1)
        middle = (a + b) / 2
        (t0, u0), (t1, u1) = map(y, r.left), map(y, r.right)
        corners = [(a, t0), (middle, t0), (middle, t1), (b, t1), (b, u1), (middle, u1), (middle, u0), (a, u0), (a, t0)]
        codes = [Path.MOVETO, *[Path.CURVE4] * 3, Path.LINETO, *[Path.CURVE4] * 3, Path.CLOSEPOLY]
        patch = PathPatch(Path(corners, codes), facecolor=look[r.before].colour, alpha=0.5, linewidth=0, gid=f"{r.before} to {r.after}")
        sheet.paper.add_patch(patch)
    for node in one.nodes:
        height = size[1] * (node.bottom - node.top)
        place = x(node.column), y(node.bottom)
        bar = sheet.rectangle(*place, NODE_IN, height, facecolor=look[node.name].colour, edgecolor="#777777", linewidth=0.3, hatch=_hatch(look[node.name]))
        bar.set_gid(f"{node.name} {one.years[node.column]}")
        end = {0: "right", len(one.years) - 1: "left"}.get(node.column)
        text = f"{node.area_km2:.3g} km²"
        if end is None:
            if height >= ROOM_IN:
                sheet.text(place[0] + NODE_IN + 0.04, place[1] + height / 2, text, SMALL_PT, va="center_baseline", color=INK)
            continue
        room = LABEL_IN - 0.12 - width_in(f", {text}", SMALL_PT)
        label = f"{shortened(node.name, room, SMALL_PT)}, {text}"
        sheet.text(place[0] + (NODE_IN + 0.06 if end == "left" else -0.06), place[1] + height / 2, label, SMALL_PT, ha=end, va="center_baseline")
    for i, year in enumerate(one.years):
        sheet.text(x(i) + NODE_IN / 2, corner[1] + size[1] + 0.06, str(year), TEXT_PT, ha="center")
