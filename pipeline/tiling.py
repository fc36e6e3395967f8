"""How a grid is cut into blocks, and which cells of the zones lie in each."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import ceil
from typing import TYPE_CHECKING

import numpy as np

from pipeline.coverage import ZoneCoverage
from pipeline.kernels.codes import WEIGHT_UNIT

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

STACK_BYTES = 64 * 2**20  # of NDVI of one block and year; beyond it blocks get smaller
LEAST_SIDE = 64
TURNS = 2  # blocks per worker, at least: the last ones shall not keep one worker waiting for long


@dataclass(frozen=True)
class ZonePart:
    """The part of a zone in one block: flat cell numbers of the block, and their covered fractions in WEIGHT_UNIT."""

    zone: int
    cells: np.ndarray
    weights: np.ndarray


@dataclass(frozen=True)
class Block:
    """Where a task works; `number` counts the blocks of a grid."""

    number: int
    rows: slice
    cols: slice
    parts: tuple[ZonePart, ...]

    @property
    def shape(self) -> tuple[int, int]:
        """Return the block's rows and columns."""
        return self.rows.stop - self.rows.start, self.cols.stop - self.cols.start


def blocks(grid: GeoBox, side: int, days: int, coverages: list[ZoneCoverage], workers: int = 1) -> Iterator[Block]:
    """Return the blocks of a grid: `side` rows high and a multiple of `side` cells wide, smaller where a year has many days.

    Wide blocks read images in fewer and larger pieces; there are at least `TURNS` for each worker where the grid allows it.
    """
    height, width = grid.shape
    while side > LEAST_SIDE and side * side * 4 * days > STACK_BYTES:
        side = ceil(side / 2)
    across = max(1, min(ceil(width / side), STACK_BYTES // (side * side * 4 * max(days, 1))))
    while across > 1 and ceil(height / side) * ceil(width / (across * side)) < TURNS * workers:
        across = ceil(across / 2)
    for number, (top, left) in enumerate(product(range(0, height, side), range(0, width, across * side))):
        rows, cols = slice(top, min(top + side, height)), slice(left, min(left + across * side, width))
        yield Block(number, rows, cols, tuple(_parts(rows, cols, coverages)))


def _parts(rows: slice, cols: slice, coverages: list[ZoneCoverage]) -> Iterator[ZonePart]:
    width = cols.stop - cols.start
    for number, c in enumerate(coverages):
        top, bottom = max(rows.start, c.rows.start), min(rows.stop, c.rows.stop)
        left, right = max(cols.start, c.cols.start), min(cols.stop, c.cols.stop)
        if top >= bottom or left >= right:
            continue
        whole = c.area_m2.max()
        fraction = c.area_m2[top - c.rows.start : bottom - c.rows.start, left - c.cols.start : right - c.cols.start] / whole
        y, x = np.nonzero(fraction)
        if y.size:
            weights = np.rint(fraction[y, x] * WEIGHT_UNIT).astype(np.int64)
            yield ZonePart(number, (y + top - rows.start) * width + x + left - cols.start, weights)
