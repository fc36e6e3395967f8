"""The style of the footprint's raster, and its map over the cover of the same year."""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.evaluation.footprintseries import COLOURS, ENTRIES, LABELS
from pipeline.evaluation.footprinttable import CODES
from pipeline.maps import Entry, image_map
from pipeline.sheet import Words
from pipeline.styles import palette_qml

NOTES = ("Grey: cover that year, dark where high.", "White: no cover, or water.")


def footprint_qml() -> str:
    """Return the style of footprint.tif."""
    return palette_qml(ENTRIES)


def colour_table() -> dict[int, tuple[int, int, int, int]]:
    """Return the colour table of footprint.tif.

    >>> colour_table()[0], colour_table()[1]
    ((255, 255, 255, 0), (179, 88, 6, 255))
    """
    return {0: (255, 255, 255, 0)} | {CODES[kind]: (*_rgb(colour), 255) for kind, colour in COLOURS.items()}


def picture(codes: np.ndarray, fvc: np.ndarray) -> np.ndarray:
    """Return the footprint over cover in grey, `(y, x, 3)` uint8.

    >>> picture(np.array([[0, 0, 1]]), np.array([[0.0, np.nan, 0.5]])).tolist()
    [[[240, 240, 240], [255, 255, 255], [179, 88, 6]]]
    """
    grey = np.where(np.isfinite(fvc), 240 - 130 * np.clip(np.nan_to_num(fvc), 0, 1), 255)
    out = np.repeat(np.rint(grey).astype(np.uint8)[..., None], 3, axis=-1)
    for kind, code in CODES.items():
        out[codes == code] = _rgb(COLOURS[kind])
    return out


def footprint_map(codes: np.ndarray, fvc: np.ndarray, grid: Any, zones: Zones, words: Words, of: Any) -> Any:
    """Return the map: `codes` and `fvc` (y, x) on `grid`; `of` is the raster's own grid."""
    entries = tuple(Entry(LABELS[kind].en, COLOURS[kind]) for kind, code in CODES.items() if (codes == code).any())
    return image_map(picture(codes, fvc), grid, zones, words, "Footprint", entries, NOTES, of)


def _rgb(colour: str) -> tuple[int, int, int]:
    red, green, blue = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return red, green, blue
