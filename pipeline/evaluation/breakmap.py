"""Maps of the years of disturbance and recovery: one colour for a year, or for a few years where there are many."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.lettering import has_chinese
from pipeline.maps import Entry, image_map
from pipeline.sheet import GROUND, Words
from pipeline.styles import year_colours
from pipeline.words import Text

MOST_ENTRIES = 20
NONE, FEW = "#d9d9d9", "#9e9e9e"


def year_bins(first: int, last: int) -> list[tuple[int, int]]:
    """Return spans of years of equal length, at most MOST_ENTRIES; the last may be shorter.

    >>> year_bins(2003, 2006), year_bins(1988, 2022)[-2:]
    ([(2003, 2003), (2004, 2004), (2005, 2005), (2006, 2006)], [(2020, 2021), (2022, 2022)])
    """
    wide = -(-(last - first + 1) // MOST_ENTRIES)
    return [(a, min(a + wide - 1, last)) for a in range(first, last + 1, wide)]


def year_map(
    when: np.ndarray,
    tested: np.ndarray,
    inside: np.ndarray,
    grid: Any,
    zones: Zones,
    span: tuple[int, int],
    words: Words,
    heading: Text,
    none: Text,
    of: Any = None,
) -> Any:
    """Return the map of a raster of years.

    Parameters
    ----------
    when : (y, x) year, NaN where none is shown
    tested, inside : (y, x) bool: cells with enough years to show one; cells of the zones, without which the map is blank
    span : first and last year that can occur
    none : what cells that are tested and show no year are called
    of : the raster's own grid, where it is drawn on another
    """
    few = Text("too few years", "年数不足")
    bins = year_bins(*span)
    colours = year_colours(0, len(bins) - 1)
    image = np.empty((*when.shape, 3), np.uint8)
    image[:] = _rgb(GROUND)
    image[inside] = _rgb(FEW)
    image[tested & inside] = _rgb(NONE)
    entries = []
    for i, (a, b) in enumerate(bins):
        image[(when >= a) & (when <= b)] = _rgb(colours[i])
        entries.append(Entry(f"{a}" if a == b else f"{a}-{b}", colours[i]))
    entries = [*entries, Entry(_label(none), NONE)] if tested.any() else []
    if (inside & ~tested).any():
        entries.append(Entry(_label(few), FEW))
    return image_map(image, grid, zones, words, _label(heading), tuple(entries), of=of)


def _label(text: Text) -> str:
    return f"{text.en} {text.zh}" if has_chinese() else text.en


def _rgb(colour: str) -> list[int]:
    return [int(colour[i : i + 2], 16) for i in (1, 3, 5)]
