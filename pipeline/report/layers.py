"""Rasters of one sensor as small arrays inside the page: every n-th cell, as whole numbers, compressed."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.reader import open_raster

MOST_CELLS = 700_000
ROWS = 512


@dataclass(frozen=True)
class Encoding:
    """How values are stored: value = stored / scale; `missing` stands for NaN."""

    dtype: str
    scale: float
    missing: int


COVER = Encoding("uint8", 100.0, 255)
SLOPE = Encoding("int16", 1_000.0, -32_768)
PROBABILITY = Encoding("uint16", 10_000.0, 65_535)
COUNT = Encoding("uint8", 1.0, 255)
CODE = Encoding("uint8", 1.0, 0)


@dataclass(frozen=True)
class Layer:
    """One array of the page: what it is (`fvc`, `slope`, ...), of which year or period, from which band of which file."""

    kind: str
    when: str
    path: Path
    band: int
    encoding: Encoding
    zones_only: bool = False


def step_of(shape: tuple[int, int]) -> int:
    """Return n for every n-th cell, so that at most `MOST_CELLS` are shown."""
    return max(1, ceil(sqrt(shape[0] * shape[1] / MOST_CELLS)))


def packed(layer: Layer, step: int, inside: np.ndarray) -> dict[str, Any]:
    """Return a layer for the page: its encoding and its cells, row by row, as zlib in base 64.

    `inside` (y, x) are the shown cells of zones; a layer that is only told there is missing elsewhere, which keeps the page small.
    """
    encoding = layer.encoding
    values = np.concatenate(list(_strips(layer, step)))
    stored = np.full(values.shape, encoding.missing, encoding.dtype)
    valid = np.isfinite(values) & inside if layer.zones_only else np.isfinite(values)
    limits = np.iinfo(encoding.dtype)
    lowest, highest = limits.min + (encoding.missing == limits.min), limits.max - (encoding.missing == limits.max)
    stored[valid] = np.clip(np.rint(values[valid] * encoding.scale), lowest, highest).astype(encoding.dtype)
    return {
        "kind": layer.kind,
        "when": layer.when,
        "type": encoding.dtype,
        "scale": encoding.scale,
        "missing": encoding.missing,
        "data": base64.b64encode(zlib.compress(stored.tobytes(), 9)).decode("ascii"),
    }


def _strips(layer: Layer, step: int) -> Iterator[np.ndarray]:
    """Return every n-th row and column of a band, strip by strip, so that memory does not grow with the raster."""
    from rasterio.windows import Window

    with open_raster(layer.path) as dataset:
        height, width = dataset.shape
        rows = max(step, ROWS // step * step)
        for top in range(0, height, rows):
            window = Window(0, top, width, min(rows, height - top))
            yield dataset.read(layer.band, window=window)[::step, ::step].astype(np.float64)


def inside_zones(classes: Path, step: int) -> np.ndarray:
    """Return which shown cells are touched by a zone: those with a class."""
    return np.concatenate(list(_strips(Layer("class", "", classes, 1, CODE), step))) != 0


def outlines(frame: Any, grid: Any, step: int) -> list[dict[str, Any]]:
    """Return the zones as rings in cells of the shown map, simplified to half of such a cell."""
    there = frame.to_crs(grid.crs.to_wkt())
    to_cell = ~grid.affine
    out = []
    for name, role, geometry in zip(there["zone"], there["role"], there.geometry, strict=True):
        simple = geometry.simplify(0.5 * step * abs(grid.resolution.x), preserve_topology=True)
        rings = []
        for polygon in getattr(simple, "geoms", [simple]):
            for ring in (polygon.exterior, *polygon.interiors):
                cells = [to_cell * (x, y) for x, y, *_ in ring.coords]
                rings.append([[round(c / step, 2), round(r / step, 2)] for c, r in cells])
        out.append({"zone": name, "role": role, "rings": rings})
    return out
