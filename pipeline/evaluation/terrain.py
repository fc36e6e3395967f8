"""Slope and aspect of the ground from elevations, on whatever grid these lie: Horn 1981 with cells measured on the ground."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

NODES = 17  # along each side of a window: between them the length and direction of a cell are linear to less than 1e-4


@dataclass(frozen=True)
class Steps:
    """Where the next cell of a grid lies on the ground: metres to the east and to true north, one number or `(y, x)`.

    `across`: of one column to the right, `down`: of one row down. On a grid that is true to scale and north, with cells of 30 m: (30, 0) and (0, -30).
    """

    across_east: np.ndarray | float
    across_north: np.ndarray | float
    down_east: np.ndarray | float
    down_north: np.ndarray | float

    @property
    def cell_m(self) -> float:
        """Return the shorter side of a cell on the ground, metres: the smallest of the window."""
        sides = [np.hypot(self.across_east, self.across_north), np.hypot(self.down_east, self.down_north)]
        return float(min(np.min(side) for side in sides))


def slope_aspect(elevation: np.ndarray, steps: Steps) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and aspect of every cell, degrees, by the third-order finite difference of Horn.

    Parameters
    ----------
    elevation : (y, x) float
        Elevations in metres, NaN where unknown.
    steps : Steps
        Ground metres of one column and one row.

    Returns
    -------
    slope : (y, x) float64
        0 level, below 90. NaN where the cell or any of its eight neighbours is unknown, so also along the window's edge.
    aspect : (y, x) float64
        Direction in which the ground falls, clockwise from true north, 0 to below 360. NaN where the slope is, and where it is 0.

    Notes
    -----
    Per column and per row the differences of Horn are [(c + 2f + i) - (a + 2d + g)] / 8 and [(g + 2h + i) - (a + 2b + c)] / 8 of the cells a b c / d e f /
    g h i. With the ground vectors of a column and a row they give the gradient to the east and to the north, whether or not cells are square, slanted, or
    turned against true north (UTM off its middle, sinusoidal). On square north-up cells this is the slope and aspect of GDAL and ArcGIS.

    References
    ----------
    Horn 1981, Hill shading and the reflectance map, Proceedings of the IEEE 69(1), 14-47.

    Examples
    --------
    >>> east_rises = np.array([[0.0, 10.0, 20.0]] * 3)  # 10 m over 10 m: 45 degrees, falling to the west
    >>> slope, aspect = slope_aspect(east_rises, Steps(10, 0, 0, -10))
    >>> round(float(slope[1, 1]), 6), round(float(aspect[1, 1]), 6)
    (45.0, 270.0)
    """
    z = np.asarray(elevation, np.float64)
    if z.ndim != 2:
        raise ValueError(f"elevations of shape {z.shape}; expected (y, x)")
    slope, aspect = np.full(z.shape, np.nan), np.full(z.shape, np.nan)
    if min(z.shape) < 3:
        return slope, aspect
    left, middle, right = z[:, :-2], z[:, 1:-1], z[:, 2:]
    weighed = left + 2 * middle + right
    beside = right - left
    per_row = (weighed[2:] - weighed[:-2]) / 8
    per_column = (beside[:-2] + 2 * beside[1:-1] + beside[2:]) / 8
    per_row[np.isnan(z[1:-1, 1:-1])] = np.nan  # the formula itself does not look at the cell in the middle
    ae, an, de, dn = (_inner(step, z.shape) for step in (steps.across_east, steps.across_north, steps.down_east, steps.down_north))
    area = ae * dn - an * de  # negative: rows run to the south
    east, north = (dn * per_column - an * per_row) / area, (ae * per_row - de * per_column) / area
    slope[1:-1, 1:-1] = np.degrees(np.arctan(np.hypot(east, north)))
    falls = np.degrees(np.arctan2(-east, -north)) % 360
    falls[falls == 360] = 0  # of a tiny negative angle
    aspect[1:-1, 1:-1] = np.where((east == 0) & (north == 0), np.nan, falls)
    return slope, aspect


def _inner(step: np.ndarray | float, shape: tuple[int, int]) -> np.ndarray:
    return np.broadcast_to(np.asarray(step, np.float64), shape)[1:-1, 1:-1]


def ground_steps(grid: GeoBox, rows: slice, cols: slice) -> Steps:
    """Return the ground metres of one column and one row of a window of a grid, each `(y, x)`.

    Distances and directions are geodesics on WGS 84 from a cell to its neighbours, at 17 x 17 nodes of the window and linear between them. `rows` and `cols`
    may reach beyond the grid. The grid may be projected, geographic or rotated.

    Raises
    ------
    ValueError
        If the window reaches to where its CRS has no latitude and longitude.

    Examples
    --------
    >>> from affine import Affine
    >>> from odc.geo.geobox import GeoBox
    >>> second = 1 / 3600
    >>> steps = ground_steps(GeoBox((3, 3), Affine(second, 0, 99, 0, -second, 60), "EPSG:4326"), slice(0, 3), slice(0, 3))
    >>> round(float(steps.across_east[1, 1]), 2), round(float(steps.down_north[1, 1]), 2)
    (15.5, -30.95)
    """
    from pyproj import CRS, Geod, Transformer

    y, x = (np.unique(np.linspace(s.start + 0.5, s.stop - 0.5, NODES)) for s in (rows, cols))
    across, down = np.meshgrid(x, y)
    project = Transformer.from_crs(CRS.from_wkt(grid.crs.to_wkt()), 4326, always_xy=True)
    geod = Geod(ellps="WGS84")

    def lonlat(column: np.ndarray, row: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        a = grid.affine
        lon, lat = project.transform(a.a * column + a.b * row + a.c, a.d * column + a.e * row + a.f, errcheck=False)
        if not (np.isfinite(lon).all() and np.isfinite(lat).all()):
            raise ValueError("the window reaches to where the CRS has no latitude and longitude; expected a window inside of it")
        return lon, lat

    here = lonlat(across, down)

    def step(column: int, row: int) -> tuple[np.ndarray, np.ndarray]:
        azimuth, _, metres = geod.inv(*here, *lonlat(across + column, down + row))
        back, _, less = geod.inv(*here, *lonlat(across - column, down - row))
        east = (metres * np.sin(np.radians(azimuth)) - less * np.sin(np.radians(back))) / 2
        north = (metres * np.cos(np.radians(azimuth)) - less * np.cos(np.radians(back))) / 2
        return _between(east, y, x, rows, cols), _between(north, y, x, rows, cols)

    return Steps(*step(1, 0), *step(0, 1))


def _between(nodes: np.ndarray, y: np.ndarray, x: np.ndarray, rows: slice, cols: slice) -> np.ndarray:
    """Return values at every cell from those at nodes, linear along both axes."""
    lines = np.array([np.interp(np.arange(cols.start, cols.stop) + 0.5, x, line) for line in nodes])
    at = np.arange(rows.start, rows.stop) + 0.5
    upper = np.clip(np.searchsorted(y, at, side="right") - 1, 0, max(0, len(y) - 2))
    if len(y) == 1:
        return np.repeat(lines, len(at), axis=0)
    share = ((at - y[upper]) / (y[upper + 1] - y[upper]))[:, None]
    return lines[upper] * (1 - share) + lines[upper + 1] * share
