"""Where the classes of each zone lie, from the class rasters: one zone's window at a time."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pipeline.coverage import ZoneCoverage
from pipeline.layout import SensorFolder
from pipeline.reader import read_window
from pipeline.sectors import CellSteps, sector_sentences
from pipeline.words import Sentence


def cell_steps(grid: Any, coverage: ZoneCoverage) -> CellSteps:
    """Return the ground metres, east and north, from a cell to the next column and row at a zone's centre: geodesics on WGS 84."""
    from pyproj import CRS, Geod, Transformer

    column, row = (s.start + (s.stop - s.start) / 2 for s in (coverage.cols, coverage.rows))
    across, down = np.array([column, column + 1, column]), np.array([row, row, row + 1])
    x, y = grid.affine.a * across + grid.affine.c, grid.affine.e * down + grid.affine.f
    lon, lat = Transformer.from_crs(CRS.from_wkt(grid.crs.to_wkt()), 4326, always_xy=True).transform(x, y)
    azimuth, _, distance = Geod(ellps="WGS84").inv(lon[[0, 0]], lat[[0, 0]], lon[1:], lat[1:])
    east, north = distance * np.sin(np.radians(azimuth)), distance * np.cos(np.radians(azimuth))
    return CellSteps((float(east[0]), float(north[0])), (float(east[1]), float(north[1])))


def where(
    folder: SensorFolder, coverages: Iterable[ZoneCoverage], grid: Any, periods: tuple[tuple[int, int], ...], least_pixels: int = 0
) -> dict[tuple[str, tuple[int, int]], tuple[Sentence, ...]]:
    """Return the sentences of `pipeline.sectors` by zone and period; none for zones of fewer than `least_pixels`."""
    out = {}
    for c in (c for c in coverages if c.holds(least_pixels)):
        steps = cell_steps(grid, c)
        for period in periods:
            out[c.zone, period] = sector_sentences(read_window(folder.classes(period), c.rows, c.cols), c.area_m2, steps, period)
    return out
