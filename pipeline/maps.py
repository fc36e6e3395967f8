"""Maps as PNG: trend classes with zones, legend, scale bar and north arrow; zones over an image."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, wraps
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.styles import shown
from pipeline.writer import atomic

DPI = 150
WIDTH_IN = 10.0
MOST_PIXELS = 2000  # longest side of the drawn raster


def _with_fonts(draw: Callable[..., None]) -> Callable[..., None]:
    """Draw with fonts that hold the text, whatever the user's matplotlib settings are."""

    @wraps(draw)
    def drawn(*arguments: Any, **named: Any) -> None:
        from matplotlib import rc_context

        with rc_context({"font.family": list(_families())}):
            draw(*arguments, **named)

    return drawn


@_with_fonts
def class_map(path: Path, codes: np.ndarray, grid: Any, zones: Zones, scheme: str, title: str, source: str, unreachable: frozenset[int] = frozenset()) -> None:
    """Draw a class raster (y, x) with zone outlines, a legend of the scheme's classes, scale bar and north arrow.

    Classes in `unreachable` are marked in the legend: no series of this length can get them.
    """
    from matplotlib.colors import BoundaryNorm, ListedColormap
    from matplotlib.patches import Patch

    classes = shown(scheme)
    figure, axes = _figure(grid)
    step = -(-max(codes.shape) // MOST_PIXELS)
    present = set(np.unique(codes).tolist())
    colours = ListedColormap([c.colour for c in classes])
    norm = BoundaryNorm([c.code - 0.5 for c in classes] + [classes[-1].code + 0.5], len(classes))
    drawn = np.ma.masked_equal(codes[::step, ::step], 0)
    axes.imshow(drawn, cmap=colours, norm=norm, extent=_extent(grid), interpolation="nearest")
    _zones(axes, zones, grid)
    ranked = sorted((c for c in classes if c.code < 90), key=lambda c: -c.code) + [c for c in classes if c.code >= 90 and c.code in present]
    notes = {c.code: " (too few years)" if c.code in unreachable else "" for c in ranked}
    handles = [Patch(facecolor=c.colour, edgecolor="#777777", linewidth=0.4, label=c.label + notes[c.code]) for c in ranked]
    figure.legend(handles=handles, loc="outside right center", frameon=False, fontsize=9, title="trend class")
    _furniture(axes, grid, title, source)
    _save(figure, path)


@_with_fonts
def zone_map(path: Path, image: np.ndarray | None, grid: Any, zones: Zones, title: str, source: str) -> None:
    """Draw the zones over an NDVI image (y, x), or over nothing when there is none yet."""
    figure, axes = _figure(grid)
    if image is not None:
        step = -(-max(image.shape) // MOST_PIXELS)
        shading = axes.imshow(image[::step, ::step], cmap="YlGn", vmin=0, vmax=0.9, extent=_extent(grid), interpolation="nearest")
        figure.colorbar(shading, ax=axes, label="NDVI", shrink=0.6)
    _zones(axes, zones, grid)
    _furniture(axes, grid, title, source)
    _save(figure, path)


def _figure(grid: Any) -> tuple[Any, Any]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    height, width = grid.shape
    figure = Figure(figsize=(WIDTH_IN, min(14.0, max(4.5, 7.2 * height / width + 1.2))), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_facecolor("#fbfbf8")
    return figure, axes


def _extent(grid: Any) -> tuple[float, float, float, float]:
    west, south, east, north = grid.boundingbox
    return west, east, south, north


def _zones(axes: Any, zones: Zones, grid: Any) -> None:
    from matplotlib.patheffects import withStroke

    frame = zones.frame.to_crs(str(grid.crs))
    frame.boundary.plot(ax=axes, color="#222222", linewidth=0.9)
    for name, geometry in zip(frame["zone"], frame.geometry, strict=True):
        west, _, east, north = geometry.bounds
        text = axes.annotate(
            drawable(name, 40),
            ((west + east) / 2, north),
            xytext=(0, 3),
            textcoords="offset points",
            ha="center",
            va="bottom",
            fontsize=8.5,
            parse_math=False,
        )
        text.set_path_effects([withStroke(linewidth=2.5, foreground="white")])


def _furniture(axes: Any, grid: Any, title: str, source: str) -> None:
    west, east, south, north = _extent(grid)
    axes.set_ylabel("")
    axes.set(xlim=(west, east), ylim=(south, north), xticks=[], yticks=[], aspect="equal")
    axes.set_title(drawable(title), fontsize=12, loc="left", parse_math=False)
    length = scale_length((east - west) / 4)
    x, y = west + 0.03 * (east - west), south + 0.05 * (north - south)
    axes.plot([x, x + length], [y, y], color="black", linewidth=3, solid_capstyle="butt")
    label = f"{length / 1000:g} km" if length >= 1000 else f"{length:g} m"
    axes.annotate(label, (x + length / 2, y), xytext=(0, 4), textcoords="offset points", ha="center", fontsize=9)
    axes.annotate("", (0.97, 0.95), (0.97, 0.86), xycoords="axes fraction", arrowprops={"arrowstyle": "-|>", "color": "black"})
    axes.annotate("N", (0.97, 0.955), xycoords="axes fraction", ha="center", va="bottom", fontsize=11)
    axes.set_xlabel(drawable(f"{source}   Grid: {crs_name(grid.crs)}, {abs(grid.resolution.x):g} m", 200), fontsize=8, loc="left", parse_math=False)


def crs_name(crs: Any) -> str:
    """Return `EPSG:<code>` of a CRS where it has one, else its name."""
    return f"EPSG:{crs.epsg}" if crs.epsg else str(crs.proj.name)


def scale_length(most: float) -> float:
    """Return the longest of 1, 2, 5 x 10^k metres that is not longer than `most`.

    >>> scale_length(2300.0), scale_length(180.0)
    (2000.0, 100.0)
    """
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(m * power for m in (0.5, 1, 2, 5) if m * power <= most))


@cache
def _families() -> tuple[str, ...]:
    """Return the fonts for all text: matplotlib's own, then installed ones with Chinese, sans and simplified first."""
    from matplotlib.font_manager import fontManager

    wide = {f.name for f in fontManager.ttflist if "CJK" in f.name or f.name in {"SimHei", "Microsoft YaHei", "PingFang SC"}}
    return ("DejaVu Sans", *sorted(wide, key=lambda name: ("Serif" in name, "SC" not in name, name))[:2])


@cache
def _characters() -> frozenset[int]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return frozenset(c for family in _families() for c in get_font(findfont(FontProperties(family=family))).get_charmap())


def drawable(text: str, most: int = 90) -> str:
    """Return text without the characters that no installed font can draw, and cut: a map never shows empty boxes."""
    kept = " ".join("".join(c for c in text if c.isspace() or ord(c) in _characters()).split())
    return (kept if len(kept) <= most else f"{kept[: most - 3]}...") or "(name in a script without a font here)"


def _save(figure: Any, path: Path) -> None:
    with atomic(path) as part:
        figure.savefig(part, dpi=DPI, metadata={"Software": None})
