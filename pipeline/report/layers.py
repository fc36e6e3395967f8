"""Rasters of one sensor as small arrays inside the page: every n-th cell, as whole numbers, compressed."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import groupby
from math import ceil, sqrt
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.reader import open_raster
from pipeline.upright import read_upright

MOST_CELLS = 700_000
MOST_VALUES = 15_000_000  # of all layers of a page together: what keeps it below 15 MB
ROWS = 512
LEVEL = 7  # 9 takes seven times as long for 2 % less


@dataclass(frozen=True)
class Encoding:
    """How values are stored: value = stored / scale; `missing` stands for NaN; with `planes` all low bytes come before all high bytes.

    Noisy numbers of two bytes take a fifth less so; those of few values, as p, take more.
    """

    dtype: str
    scale: float
    missing: int
    planes: bool = False


COVER = Encoding("uint8", 100.0, 255)
NDVI = Encoding("int8", 100.0, -128)
SLOPE = Encoding("int16", 1_000.0, -32_768, planes=True)
SLOPE_END = Encoding("int16", 500.0, -32_768, planes=True)
PROBABILITY = Encoding("uint16", 10_000.0, 65_535)
COUNT = Encoding("uint8", 1.0, 255)
CODE = Encoding("uint8", 1.0, 255)


@dataclass(frozen=True)
class Layer:
    """One array of the page: what it is (`fvc`, `slope`, ...), of which year or period, from which band of which file.

    Outside the zones it is told in `steps` of the last digit stored, or not at all.
    """

    kind: str
    when: str
    path: Path
    band: int
    encoding: Encoding
    zones_only: bool = False
    steps: int = 1


def step_of(shape: tuple[int, int], layers: int) -> int:
    """Return n for every n-th cell, so that at most `MOST_CELLS` are shown, fewer where there are many layers.

    >>> step_of((700, 1000), 10), step_of((4000, 5000), 10), step_of((700, 1000), 50)
    (1, 6, 2)
    """
    return max(1, ceil(sqrt(shape[0] * shape[1] / min(MOST_CELLS, MOST_VALUES / max(layers, 1)))))


def packed(layers: Iterable[Layer], step: int, inside: np.ndarray, shown: Any = None) -> list[dict[str, Any]]:
    """Return layers for the page: encoding and cells, row by row, as zlib in base 64; each file is read once.

    `shown`: the grid that the rasters are drawn on where it is not their own (`pipeline.upright`); `step` is 1 there.
    `inside` (y, x) are the shown cells of zones; elsewhere a layer is missing or in coarser steps where it says so, which keeps the page small.
    """
    out = []
    for path, group in groupby(layers, key=lambda layer: layer.path):
        of_file = list(group)
        stored: list[list[np.ndarray]] = [[] for _ in of_file]
        top = 0
        for values in _strips(path, [layer.band for layer in of_file], step, shown):
            rows = slice(top, top + values.shape[1])
            top = rows.stop
            for layer, band, pieces in zip(of_file, values, stored, strict=True):
                pieces.append(_stored(band, layer, inside[rows]))
        for layer, pieces in zip(of_file, stored, strict=True):
            whole = np.concatenate(pieces)
            if layer.encoding.planes:
                whole = whole.astype(whole.dtype.newbyteorder("<")).reshape(-1, 1).view(np.uint8).T
            deflate = zlib.compressobj(LEVEL, strategy=zlib.Z_FILTERED)
            cells = deflate.compress(whole.tobytes()) + deflate.flush()
            how = layer.encoding
            encoding = {"type": how.dtype, "scale": how.scale, "missing": how.missing} | ({"planes": True} if how.planes else {})
            out.append({"kind": layer.kind, "when": layer.when} | encoding | {"data": base64.b64encode(cells).decode("ascii")})
    return out


def _stored(values: np.ndarray, layer: Layer, inside: np.ndarray) -> np.ndarray:
    encoding = layer.encoding
    stored = np.full(values.shape, encoding.missing, encoding.dtype)
    valid = np.isfinite(values) & inside if layer.zones_only else np.isfinite(values)
    limits = np.iinfo(encoding.dtype)
    lowest, highest = limits.min + (encoding.missing == limits.min), limits.max - (encoding.missing == limits.max)
    steps = np.where(inside, 1, layer.steps)[valid]
    stored[valid] = np.clip(np.rint(values[valid].astype(np.float64) * encoding.scale / steps) * steps, lowest, highest).astype(encoding.dtype)
    return stored


def _strips(path: Path, bands: list[int], step: int, shown: Any) -> Iterator[np.ndarray]:
    """Return every n-th row and column of bands, (band, y, x), strip by strip, so that memory does not grow with the raster."""
    from rasterio.windows import Window

    if shown is not None:
        for top in range(0, shown.shape[0], ROWS):
            yield read_upright(path, tuple(bands), shown, slice(top, min(shown.shape[0], top + ROWS)))
        return
    with open_raster(path) as dataset:
        height, width = dataset.shape
        rows = max(step, ROWS // step * step)
        for top in range(0, height, rows):
            yield dataset.read(bands, window=Window(0, top, width, min(rows, height - top)))[:, ::step, ::step]


def inside_zones(classes: Path, step: int, shown: Any = None) -> np.ndarray:
    """Return which shown cells have a class, `(y, x)` bool: those that a zone touches, or all of them with `clip: box`."""
    return np.nan_to_num(np.concatenate([strip[0] for strip in _strips(classes, [1], step, shown)])) != 0
