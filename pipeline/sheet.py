"""A page of a figure in inches: title, captions, body, source line, legend entries, scale bar, north arrow; and its PNG."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.cartography import length_text
from pipeline.lettering import has_chinese, shortened, with_fonts, wrapped
from pipeline.words import Text
from pipeline.writer import atomic

DPI = 300
A4_IN = (11.69, 8.27)  # landscape
CHART_IN = 10.4  # width of the page of a chart
MARGIN_IN = 0.3
TITLE_PT, CAPTION_PT, TEXT_PT, SMALL_PT = 11.0, 8.5, 8.0, 7.0  # nothing is smaller in print
LINE = 1.35  # of the type size
INK, GREY, GROUND = "#222222", "#5f5f5f", "#fbfbf8"
TOO_FEW = "* cannot occur: too few years."
ENGLISH_ONLY = "no installed font has Chinese characters: figures are in English only"
SWATCH_IN = (0.3, 0.13)


def line_in(size: float) -> float:
    """Return the height of a line of text in inches."""
    return size * LINE / 72


@dataclass(frozen=True)
class Words:
    """What is written on a figure: title, captions (English, and Chinese where a font has it), and the lines of the source."""

    title: str
    captions: tuple[Text, ...]
    source: tuple[str, ...]


@dataclass
class Sheet:
    """A page. Lengths are in inches from its lower left corner; the body lies between `bottom` and `top`, `left` and `right`."""

    figure: Any
    paper: Any
    left: float
    right: float
    bottom: float
    top: float

    def text(self, x: float, y: float, text: str, size: float = TEXT_PT, **more: Any) -> Any:
        """Write text whose lower left corner (or `ha`, `va`) is at a point."""
        return self.paper.text(x, y, text, fontsize=size, color=more.pop("color", INK), **({"va": "bottom"} | more))

    def axes(self, left: float, bottom: float, width: float, height: float) -> Any:
        """Add axes at a place of the page."""
        w, h = self.figure.get_size_inches()
        return self.figure.add_axes((left / w, bottom / h, width / w, height / h))

    def rectangle(self, x: float, y: float, width: float, height: float, **more: Any) -> Any:
        """Draw a rectangle."""
        from matplotlib.patches import Rectangle

        return self.paper.add_patch(Rectangle((x, y), width, height, **more))

    def entry(self, x: float, y: float, label: str, most_in: float, colour: str, hatch: str | None = None) -> None:
        """Draw one entry of a legend: a swatch of a colour and its label, centred on `y`."""
        width, height = SWATCH_IN
        self.rectangle(x, y - height / 2, width, height, facecolor=colour, edgecolor="#777777", linewidth=0.4, hatch=hatch)
        self.text(x + width + 0.08, y, shortened(label, most_in - width - 0.08, TEXT_PT), va="center_baseline")


def header_in(words: Words, width: float) -> float:
    """Return the height of title and captions on a page of this width."""
    return line_in(TITLE_PT) + line_in(CAPTION_PT) * len(_captions(words, width)) + 0.08


def footer_in(words: Words, width: float) -> float:
    """Return the height of the source lines on a page of this width."""
    return line_in(SMALL_PT) * len(_source(words, width)) + 0.08


def room_in(words: Words, width: float) -> float:
    """Return the height that words leave for the body on an A4 page."""
    return A4_IN[1] - header_in(words, width) - footer_in(words, width) - 2 * MARGIN_IN


def _captions(words: Words, width: float) -> list[str]:
    most, chinese = width - 2 * MARGIN_IN, has_chinese()
    texts = [text for caption in words.captions for text in ((caption.en, caption.zh) if chinese else (caption.en,))]
    return [line for text in texts if text for line in wrapped(text, most, CAPTION_PT)]


def _source(words: Words, width: float) -> list[str]:
    return [line for text in words.source for line in wrapped(text, width - 2 * MARGIN_IN, SMALL_PT)]


def new_sheet(words: Words, width: float, body: float) -> Sheet:
    """Return a page of a width with a body of a height, its words written."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    head, foot = header_in(words, width), footer_in(words, width)
    height = body + head + foot + 2 * MARGIN_IN
    figure = Figure(figsize=(width, height), dpi=DPI)
    FigureCanvasAgg(figure)
    paper = figure.add_axes((0, 0, 1, 1))
    paper.set(xlim=(0, width), ylim=(0, height))
    paper.axis("off")
    sheet = Sheet(figure, paper, MARGIN_IN, width - MARGIN_IN, MARGIN_IN + foot, height - MARGIN_IN - head)
    y = height - MARGIN_IN
    sheet.text(MARGIN_IN, y, shortened(words.title, width - 2 * MARGIN_IN, TITLE_PT), TITLE_PT, va="top")
    y -= line_in(TITLE_PT)
    for line in _captions(words, width):
        sheet.text(MARGIN_IN, y, line, CAPTION_PT, va="top", color="#333333")
        y -= line_in(CAPTION_PT)
    y = MARGIN_IN + foot - 0.08
    for line in _source(words, width):
        sheet.text(MARGIN_IN, y, line, SMALL_PT, va="top", color=GREY)
        y -= line_in(SMALL_PT)
    return sheet


def open_frame(axes: Any, size: float = SMALL_PT, **more: Any) -> None:
    """Give axes small thin marks, and no frame above and to the right; `more`: of the marks."""
    axes.tick_params(labelsize=size, length=2.5, width=0.6, color=GREY, **more)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


def scale_bar(sheet: Sheet, x: float, y: float, length_m: float, inches: float) -> None:
    """Draw a bar of four parts, `inches` long on paper, with its length on the ground."""
    for i in range(4):
        colour = INK if i % 2 == 0 else "white"
        bar = sheet.rectangle(x + i * inches / 4, y, inches / 4, 0.07, facecolor=colour, edgecolor=INK, linewidth=0.6)
        bar.set_gid(f"scale bar {i}")
    for share, text in ((0.0, "0"), (0.5, length_text(length_m / 2)), (1.0, length_text(length_m))):
        sheet.text(x + share * inches, y + 0.1, text, SMALL_PT, ha="center")


def north_arrow(sheet: Sheet, x: float, y: float, degrees: float) -> None:
    """Draw an arrow to true north, `degrees` clockwise from up, its foot around a point; N stands at its head."""
    from matplotlib.patches import Polygon
    from matplotlib.transforms import Affine2D

    turn = Affine2D().rotate_deg(-degrees)
    for side, colour in ((-1, INK), (1, "white")):
        corners = turn.transform([(0, 0.25), (side * 0.09, -0.25), (0, -0.16)]) + (x, y)
        arrow = sheet.paper.add_patch(Polygon(corners, closed=True, facecolor=colour, edgecolor=INK, linewidth=0.6, joinstyle="round"))
        arrow.set_gid(f"north arrow {side}")
    head = turn.transform((0, 0.35))
    sheet.text(x + head[0], y + head[1], "N", TEXT_PT, ha="center", va="center")


@with_fonts
def save(figure: Any, path: Path) -> None:
    """Write a figure as PNG at 300 dpi, whole or not at all; equal figures give equal bytes."""
    with atomic(path) as part:
        figure.savefig(part, dpi=DPI, metadata={"Software": None}, pil_kwargs={"compress_level": 3})  # level 6: 5 % smaller, twice the time
