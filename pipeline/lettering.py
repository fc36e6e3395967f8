"""Text of figures: the fonts that hold it, its width in print, and how it is wrapped or cut; no text is ever a formula."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from functools import cache, wraps
from typing import Any, ParamSpec, TypeVar
from unicodedata import east_asian_width

DOTS = "\u2026"
CHINESE = "\u6c34\u4f53\u589e"  # characters of the legend
CLOSING = "\uff0c\u3002\uff1b\uff1a\u3001\uff09"  # no line begins with these
P = ParamSpec("P")
T = TypeVar("T")
DIRECTIONS = {"LRE", "RLE", "PDF", "LRO", "RLO", "LRI", "RLI", "FSI", "PDI"}


def with_fonts(draw: Callable[P, T]) -> Callable[P, T]:
    """Draw with fonts that hold the text and without formulas, whatever the user's matplotlib settings are."""

    @wraps(draw)
    def drawn(*arguments: P.args, **named: P.kwargs) -> T:
        from matplotlib import style

        with style.context(["default", {"font.family": list(families()), "text.parse_math": False}]):
            return draw(*arguments, **named)

    return drawn


@cache
def families() -> tuple[str, ...]:
    """Return the fonts for all text: matplotlib's own, then installed ones with Chinese, sans and simplified first."""
    from matplotlib.font_manager import fontManager

    wide = {f.name for f in fontManager.ttflist if "CJK" in f.name or f.name in {"SimHei", "Microsoft YaHei", "PingFang SC"}}
    return ("DejaVu Sans", *sorted(wide, key=lambda name: ("Serif" in name, "SC" not in name, name))[:2])


@cache
def _faces() -> tuple[Any, ...]:
    from matplotlib.font_manager import FontProperties, findfont, get_font

    return tuple(get_font(findfont(FontProperties(family=family))) for family in families())


def _can(character: str) -> bool:
    return any(face.get_char_index(ord(character)) for face in _faces())  # 0: no glyph


def has_chinese() -> bool:
    """Return whether an installed font has the Chinese characters of the legend; without, figures are in English only."""
    return all(map(_can, CHINESE))


def drawable(text: str) -> str:
    """Return text in one line without the characters that no installed font can draw, and without marks of direction.

    A figure never shows empty boxes, and no name turns the words beside it around.
    """
    kept = " ".join("".join(c for c in text if c.isspace() or (_can(c) and unicodedata.bidirectional(c) not in DIRECTIONS)).split())
    return kept or "(name in a script without a font here)"


@cache
def _advance(character: str) -> float:
    """Return how far a character moves the pen, in units of the type size."""
    from matplotlib.ft2font import LoadFlags

    for face in _faces():
        if face.get_char_index(ord(character)):
            face.set_size(100, 72)
            return float(face.load_char(ord(character), flags=LoadFlags.NO_HINTING).linearHoriAdvance) / 6553600  # 16.16 fixed point
    return 1.0


def width_in(text: str, size: float) -> float:
    """Return the width of one line of text in inches, `size` in points."""
    return sum(map(_advance, text)) * size / 72


def wrapped(text: str, most_in: float, size: float, lines: int = 99) -> list[str]:
    """Return text as lines no wider than `most_in` inches at `size` points; what is beyond `lines` is cut, marked by dots.

    Lines break at blanks and between Chinese characters; a word wider than a line breaks anywhere.
    """
    rest, out = drawable(text), list[str]()
    while rest and len(out) < lines:
        count = _fitting(rest, most_in, size)
        if count < len(rest):
            if len(out) == lines - 1:
                out.append(rest[: _fitting(rest, most_in - width_in(DOTS, size), size)].rstrip() + DOTS)
                break
            breaks = [i for i in range(1, count + 1) if rest[i] == " " or ((_wide(rest[i - 1]) or _wide(rest[i])) and rest[i] not in CLOSING)]
            count = breaks[-1] if breaks else count
        out.append(rest[:count].rstrip())
        rest = rest[count:].lstrip()
    return out


def shortened(text: str, most_in: float, size: float) -> str:
    """Return text in one line no wider than `most_in` inches, cut and marked by dots where it is wider."""
    return wrapped(text, most_in, size, 1)[0]


def _fitting(text: str, most_in: float, size: float) -> int:
    """Return the number of leading characters that fit, at least one."""
    width = 0.0
    for i, character in enumerate(text):
        width += _advance(character) * size / 72
        if width > most_in and i:
            return i
    return len(text)


def _wide(character: str) -> bool:
    return east_asian_width(character) in "WF"
