"""Maps at 300 dpi: trend classes, or an image, with zones, legend, scale bar and arrow to true north."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.cartography import crs_title, ground_per_unit, north_text, scale_length, true_north_deg
from pipeline.lettering import has_chinese, shortened, width_in, with_fonts, wrapped
from pipeline.sheet import GREY, GROUND, INK, MARGIN_IN, SMALL_PT, TEXT_PT, TOO_FEW, Sheet, Words, line_in, new_sheet, north_arrow, room_in, scale_bar
from pipeline.styles import shown

MAP_IN = 7.0  # width, at most
LEAST_PAGE_IN = 6.5
ENTRY_IN = 0.21
SIDE_IN = 2.8  # the column beside the map
GAP_IN = 0.15
LEAST_ASPECT, MOST_ASPECT = 0.6, 2.4  # of the view, width / height: a narrow grid is shown with its surroundings
MOST_PIXELS = 2000  # longest side of what is drawn: about one pixel in print
LABEL_IN = 1.7
MOST_KEY_LINES = 14


@dataclass(frozen=True)
class Entry:
    """One entry of a legend; `note` marks it."""

    label: str
    colour: str
    note: str = ""


def step_of(shape: tuple[int, int]) -> int:
    """Return n where every n-th cell of a raster is shown.

    >>> step_of((1000, 2000)), step_of((1000, 2001)), step_of((5000, 4000))
    (1, 2, 3)
    """
    return -(-max(shape) // MOST_PIXELS)


def class_entries(scheme: str, present: frozenset[int], unreachable: frozenset[int] = frozenset()) -> tuple[Entry, ...]:
    """Return the legend of a scheme, increases first; water, too small and insufficient where they occur.

    Labels are in English, and in Chinese where a font has it.
    """
    classes = shown(scheme)
    ranked = sorted((c for c in classes if c.code < 90), key=lambda c: -c.code) + [c for c in classes if c.code >= 90 and c.code in present]
    chinese = has_chinese()
    return tuple(Entry(f"{c.label} {c.label_zh}" if chinese else c.label, c.colour, "*" if c.code in unreachable else "") for c in ranked)


@with_fonts
def class_map(
    codes: np.ndarray, grid: Any, zones: Zones, scheme: str, words: Words, unreachable: frozenset[int] = frozenset(), step: int = 1, of: Any = None
) -> Any:
    """Return the map of a class raster: `codes` (y, x), every `step`-th cell of a raster on `grid`.

    `of`: the raster's own grid where it is drawn on another. Classes in `unreachable` are marked in the legend: no series of this length can get them.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap

    classes = shown(scheme)
    entries = class_entries(scheme, frozenset(np.unique(codes).tolist()), unreachable)
    notes = (TOO_FEW,) if unreachable else ()
    layout = _layout(grid, zones, words, f"shown at 1:{step}: one cell of {step} x {step}" if step > 1 else "", of or grid)
    sheet, axes = _page(layout, len(entries) + len(notes) + 1)
    norm = BoundaryNorm([c.code - 0.5 for c in classes] + [classes[-1].code + 0.5], len(classes))
    colours = ListedColormap([c.colour for c in classes])
    axes.imshow(np.ma.masked_equal(codes, 0), cmap=colours, norm=norm, extent=_extent(grid, codes.shape, step), interpolation="nearest", aspect="auto")
    _finish(sheet, axes, layout, grid, zones, "Trend class 趋势类别" if has_chinese() else "Trend class", entries, notes)
    return sheet.figure


@with_fonts
def image_map(
    image: np.ndarray | None,
    grid: Any,
    zones: Zones,
    words: Words,
    heading: str,
    entries: tuple[Entry, ...],
    notes: tuple[str, ...] = (),
    of: Any = None,
) -> Any:
    """Return the map of the zones over an image, (y, x, 3) uint8 or a grey ramp (y, x) in 0..1 on `grid`, or over nothing.

    `of`: the image's own grid where it is drawn on another.
    """
    layout = _layout(grid, zones, words, "", of or grid)
    sheet, axes = _page(layout, len(entries) + 2 * len(notes) + 1)
    if image is not None:
        if image.ndim == 3:  # matplotlib takes twice the memory for RGB without alpha
            image = np.dstack([image, np.full(image.shape[:2], 255, np.uint8)])
        axes.imshow(image, cmap="gray", vmin=0, vmax=1, extent=_extent(grid, image.shape[:2], 1), interpolation="nearest", aspect="auto")
    _finish(sheet, axes, layout, grid, zones, heading, entries, notes)
    return sheet.figure


@dataclass(frozen=True)
class Layout:
    """Where a map lies on its page: the box shown (west, east, south, north), its size in inches, the zones' labels, and whether they are numbers."""

    words: Words
    page_in: float
    view: tuple[float, float, float, float]
    width_in: float
    height_in: float
    shapes: tuple[Any, ...]
    labels: tuple[tuple[str, float, float], ...]
    numbered: bool

    @property
    def per_unit(self) -> float:
        """Return inches per unit of the CRS."""
        return self.width_in / (self.view[1] - self.view[0])

    @property
    def key_in(self) -> float:
        """Return the height of the key of numbered zones."""
        return _key_lines(len(self.shapes)) * line_in(SMALL_PT) + 0.15 if self.numbered else 0.0


def _layout(grid: Any, zones: Zones, words: Words, note: str, of: Any) -> Layout:
    """Return the layout of a map: names on the zones where none lies on another, else numbers and a key below the map."""
    view = _view(grid)
    aspect = (view[1] - view[0]) / (view[3] - view[2])
    drawn = "" if of is grid else f"drawn in {crs_title(grid.crs)}, each point with the value of its cell"
    said = [f"Grid: {crs_title(of.crs)}; cells shown: {abs(of.resolution.x):g} m", drawn, note, north_text(true_north_deg(grid))]
    words = Words(words.title, words.captions, (*words.source, "; ".join(s for s in said if s) + "."))
    shapes, names = tuple(zones.on(grid.crs, abs(grid.resolution.x)).geometry), list(zones.frame["zone"])
    sides = SIDE_IN + GAP_IN + 2 * MARGIN_IN
    page = MAP_IN + sides
    for numbered in (False, True):
        for _ in range(2):  # a narrow map has a narrow page, whose words take more lines
            key = _key_lines(len(names)) * line_in(SMALL_PT) + 0.15 if numbered else 0.0
            height = min(room_in(words, page) - key, MAP_IN / aspect)
            page = max(LEAST_PAGE_IN, height * aspect + sides)
        per_unit = height * aspect / (view[1] - view[0])
        texts = [[str(i)] for i in range(1, len(names) + 1)] if numbered else [wrapped(name, LABEL_IN, TEXT_PT, 2) for name in names]
        labels = _places(texts, shapes, view, per_unit, SMALL_PT if numbered else TEXT_PT, force=numbered)
        if labels is not None:
            break
    else:
        raise AssertionError("numbers are always placed")
    return Layout(words, page, view, height * aspect, height, shapes, tuple(labels), numbered)


def _page(layout: Layout, lines: int) -> tuple[Sheet, Any]:
    """Return the page and the axes of the map; `lines` are those of the legend."""
    body = max(layout.height_in + layout.key_in, lines * ENTRY_IN + 1.4)
    sheet = new_sheet(layout.words, layout.page_in, body)
    axes = sheet.axes(sheet.left, sheet.top - layout.height_in, layout.width_in, layout.height_in)
    axes.set(xlim=layout.view[:2], ylim=layout.view[2:], xticks=[], yticks=[], facecolor=GROUND)
    return sheet, axes


def _view(grid: Any) -> tuple[float, float, float, float]:
    """Return what a map shows: the grid, wider or higher where it would be a strip."""
    west, south, east, north = grid.boundingbox
    width, height = east - west, north - south
    more_x, more_y = max(0.0, LEAST_ASPECT * height - width) / 2, max(0.0, width / MOST_ASPECT - height) / 2
    return west - more_x, east + more_x, south - more_y, north + more_y


def _extent(grid: Any, shape: tuple[int, ...], step: int) -> tuple[float, float, float, float]:
    """Return the box of every `step`-th cell, each drawn `step` cells wide; it may reach beyond the grid by less than a step."""
    west, north = grid.affine.c, grid.affine.f
    return west, west + shape[1] * step * grid.affine.a, north + shape[0] * step * grid.affine.e, north


def _finish(sheet: Sheet, axes: Any, layout: Layout, grid: Any, zones: Zones, heading: str, entries: tuple[Entry, ...], notes: tuple[str, ...]) -> None:
    """Draw the zones, and beside the map the legend, the scale bar and the arrow."""
    _zones(axes, layout)
    if layout.numbered:
        _key(sheet, sheet.top - layout.height_in - 0.1, list(zones.frame["zone"]))
    x, y = sheet.left + layout.width_in + GAP_IN, sheet.top - 0.1
    sheet.text(x, y, heading, TEXT_PT + 0.5, va="center", fontweight="bold")
    for entry in entries:
        y -= ENTRY_IN
        sheet.entry(x, y, f"{entry.label} {entry.note}".rstrip(), SIDE_IN, entry.colour)
    y -= 0.06
    for line in (line for note in notes for line in wrapped(note, SIDE_IN, SMALL_PT)):
        y -= line_in(SMALL_PT)
        sheet.text(x, y, line, SMALL_PT, va="center", color=GREY)
    y = min(y - 0.9, sheet.top - layout.height_in)
    per_metre = layout.per_unit / ground_per_unit(grid)
    length = scale_length((SIDE_IN - 1.0) / per_metre)
    scale_bar(sheet, x + 0.08, y, length, length * per_metre)
    north_arrow(sheet, x + SIDE_IN - 0.35, y + 0.32, true_north_deg(grid))


def _zones(axes: Any, layout: Layout) -> None:
    from matplotlib.collections import LineCollection
    from matplotlib.patheffects import withStroke

    lines = [np.asarray(line.coords)[:, :2] for shape in layout.shapes for line in _lines(shape.boundary)]
    axes.add_collection(LineCollection(lines, colors="white", linewidths=1.8, alpha=0.7), autolim=False)
    axes.add_collection(LineCollection(lines, colors=INK, linewidths=0.8), autolim=False)
    size = SMALL_PT if layout.numbered else TEXT_PT
    for label, x, y in layout.labels:
        text = axes.text(x, y, label, fontsize=size, ha="center", va="center", linespacing=1.15, color="black", gid="zone label")
        text.set_path_effects([withStroke(linewidth=2.2, foreground="white")])


def _lines(boundary: Any) -> list[Any]:
    return list(boundary.geoms) if hasattr(boundary, "geoms") else [boundary]


def _places(
    labels: list[list[str]], shapes: tuple[Any, ...], view: tuple[float, float, float, float], per_unit: float, size: float, *, force: bool = False
) -> list[tuple[str, float, float]] | None:
    """Return a place for the middle of each label, in units of the CRS, so that none lies on another; None where that fails.

    Tried: above the zone, below it, in it, beside it. With `force` a label that finds no place of its own is put into its zone.
    """
    taken: list[tuple[float, float, float, float]] = []
    out = []
    for lines, shape in zip(labels, shapes, strict=True):
        half_x = (max(width_in(line, size) for line in lines) / 2 + 0.03) / per_unit
        half_y = (len(lines) * size * 1.2 / 72 / 2 + 0.02) / per_unit
        west, south, east, north = shape.bounds
        inside = shape.representative_point()
        middle = (west + east) / 2, (south + north) / 2
        around = [(middle[0], north + half_y), (middle[0], south - half_y), (inside.x, inside.y), (east + half_x, middle[1]), (west - half_x, middle[1])]
        if force:
            around = [around[2], *around[:2], *around[3:]]
        for x, y in around:
            box = x - half_x, y - half_y, x + half_x, y + half_y
            within = view[0] <= box[0] and box[2] <= view[1] and view[2] <= box[1] and box[3] <= view[3]
            if within and not any(box[0] < t[2] and t[0] < box[2] and box[1] < t[3] and t[1] < box[3] for t in taken):
                break
        else:
            if not force:
                return None
            x, y = around[0]
            box = x - half_x, y - half_y, x + half_x, y + half_y
        taken.append(box)
        out.append(("\n".join(lines), x, y))
    return out


def _columns(count: int) -> int:
    return 2 if count <= 8 else 3 if count <= 24 else 4


def _key_lines(count: int) -> int:
    """Return the lines that a key of numbered zones takes."""
    return min(MOST_KEY_LINES, -(-count // _columns(count)))


def _key(sheet: Sheet, top: float, names: list[str]) -> None:
    """Write the numbered zones below the map, column by column."""
    columns, lines = _columns(len(names)), _key_lines(len(names))
    column = (sheet.right - sheet.left) / columns
    most = columns * lines
    for i, name in enumerate(names[:most]):
        x, y = sheet.left + (i // lines) * column, top - (i % lines) * line_in(SMALL_PT)
        last = i == most - 1 and len(names) > most
        text = f"... {len(names) - i} more, numbered as in the tables" if last else f"{i + 1}. {name}"
        sheet.text(x, y, shortened(text, column - 0.1, SMALL_PT), SMALL_PT, va="top", gid="zone key")
