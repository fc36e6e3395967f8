"""What the figures of land cover show, whatever draws them: the colours of the classes, areas by year, and the layout of a Sankey diagram."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from pipeline.evaluation.landclasses import NO_DATA, NO_DATA_CHINESE, NO_DATA_NAME, PRESETS, RULE, LandCover
from pipeline.evaluation.landtables import MINE

Rows = list[dict[str, str]]
NO_DATA_COLOUR, MINING_COLOUR = "#d0d0d0", "#8c510a"
COLOURS = (  # of classes that have none of their own: Tol's muted scheme, readable without colour vision, then lighter ones
    "#117733", "#ddcc77", "#cc6677", "#44aa99", "#aa4499", "#999933", "#882255", "#88ccee", "#332288", "#bbcc33", "#ee8866", "#ffaabb", "#6699cc", "#99ddff",
)  # fmt: skip
KNOWN = {of: colour for scheme in (RULE, *PRESETS.values()) for _, name, chinese, colour in scheme.classes for of in (name, chinese)}
GAP = 0.04  # between two classes of a Sankey diagram, of its height
LEAST = 1e-9  # of the whole: a class of less is rounding


@dataclass(frozen=True)
class Look:
    """How a class is shown: its name in English and Chinese (the same where it is the user's), and its colour."""

    name: str
    chinese: str
    colour: str


@dataclass(frozen=True)
class Node:
    """One class in one year of a Sankey diagram: its column, and from where to where it reaches, 0 (top) to 1."""

    column: int
    name: str
    top: float
    bottom: float
    area_km2: float


@dataclass(frozen=True)
class Ribbon:
    """What became what: from a node of a column to one of the next; `left` and `right` are (top, bottom) there."""

    column: int
    before: str
    after: str
    left: tuple[float, float]
    right: tuple[float, float]
    area_km2: float


@dataclass(frozen=True)
class Sankey:
    """One diagram: a column for each year."""

    years: tuple[int, ...]
    nodes: tuple[Node, ...]
    ribbons: tuple[Ribbon, ...]


def looks(names: list[str], scheme: LandCover | None, mining: str | None) -> dict[str, Look]:
    """Return how classes are shown, by name in their order; no data last. A name that a published scheme has takes its colour: water is blue.

    >>> looks(["rock", "spoil"], None, "spoil")["spoil"]
    Look(name='spoil', chinese='spoil', colour='#8c510a')
    """
    own = scheme.colours if scheme is not None else KNOWN
    chinese = scheme.chinese if scheme is not None else {}
    free = iter(COLOURS * (1 + len(names) // len(COLOURS)))
    out = {n: Look(n, chinese.get(n, n), MINING_COLOUR if n == mining else own.get(n) or next(free)) for n in names if n != NO_DATA_NAME}
    return out | {NO_DATA_NAME: Look(NO_DATA_NAME, NO_DATA_CHINESE, NO_DATA_COLOUR)}


def of_whole(rows: Rows) -> Rows:
    """Return the rows of the mine as a whole, or of the first zone where the table has none."""
    return [r for r in rows if r["level"] == MINE] or [r for r in rows if r["zone"] == rows[0]["zone"]]


def areas_by_year(rows: Rows) -> dict[str, dict[int, float]]:
    """Return the area in km2 of each class with any, by year, from rows of landcover_by_year.csv of one zone."""
    out: dict[str, dict[int, float]] = defaultdict(dict)
    for r in rows:
        out[r["class"]][int(r["year"])] = float(r["area_km2"])
    return {name: areas for name, areas in out.items() if any(areas.values())}


def classes_of(rows: Rows, mining: str | None) -> list[str]:
    """Return the classes of rows of landcover_transitions.csv from top to bottom: mining, the others by code, no data."""
    found = {int(r[f"{of}_code"]): r[f"{of}_class"] for r in rows for of in ("from", "to")}
    return [found[code] for code in sorted(found, key=lambda code: (code == NO_DATA, found[code] != mining, code))]


def sankeys(rows: Rows, order: list[str]) -> list[Sankey]:
    """Return the diagrams of the rows of landcover_transitions.csv of one zone: pairs that follow each other (2002 to 2019, 2019 to 2022) are one.

    `order` is that of the classes, from top to bottom.
    """
    flows: dict[tuple[int, int], dict[tuple[str, str], float]] = defaultdict(dict)
    for r in rows:
        flows[int(r["first_year"]), int(r["last_year"])][r["from_class"], r["to_class"]] = float(r["area_km2"])
    chains: list[list[int]] = []
    for first, last in flows:
        if chains and chains[-1][-1] == first:
            chains[-1].append(last)
        else:
            chains.append([first, last])
    return [_sankey(tuple(years), [flows[pair] for pair in zip(years[:-1], years[1:], strict=True)], order) for years in chains]


def _sankey(years: tuple[int, ...], flows: list[dict[tuple[str, str], float]], order: list[str]) -> Sankey:
    whole = sum(flows[0].values())
    columns: list[dict[str, float]] = []
    for i in range(len(years)):
        held: dict[str, float] = dict.fromkeys(order, 0.0)
        for (before, after), area in flows[min(i, len(flows) - 1)].items():
            held[before if i < len(flows) else after] += area
        columns.append({name: area for name, area in held.items() if area > LEAST * whole})
    scale = (1 - GAP * (max(map(len, columns)) - 1)) / whole
    nodes: dict[tuple[int, str], Node] = {}
    for i, held in enumerate(columns):
        top = 0.0
        for name, area in held.items():
            nodes[i, name] = Node(i, name, top, top + area * scale, area)
            top += area * scale + GAP
    ribbons = []
    left, right = ({key: node.top for key, node in nodes.items()} for _ in range(2))
    for i, flow in enumerate(flows):
        for before, after in sorted(flow, key=lambda pair: (order.index(pair[0]), order.index(pair[1]))):
            area = flow[before, after]
            if area > LEAST * whole:
                a, b = left[i, before], right[i + 1, after]
                left[i, before], right[i + 1, after] = a + area * scale, b + area * scale
                ribbons.append(Ribbon(i, before, after, (a, a + area * scale), (b, b + area * scale), area))
    return Sankey(years, tuple(nodes.values()), tuple(ribbons))
