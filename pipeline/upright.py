"""The grid on which a raster is drawn: its own, or UTM where its own is skew, as the sinusoidal grid far from its meridian."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from pipeline.aoi import Zones
from pipeline.prepared import read_on_grid

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

MOST_SKEW = 2.0  # degrees by which the angle between true north and east may differ from a right one: never reached in UTM
PARTS = 8  # drawn cells along the side of a cell of the raster, where there is room
LONGEST = 700  # drawn cells along the longest side, at most about


def skew_deg(grid: GeoBox) -> float:
    """Return by how much the angle between true north and true east on the grid differs from a right one, at its centre, in degrees."""
    from pyproj import Geod, Transformer

    west, south, east, north = grid.boundingbox
    to_ground = Transformer.from_crs(grid.crs.to_wkt(), 4326, always_xy=True)
    lon, lat = to_ground.transform((west + east) / 2, (south + north) / 2)
    ends = [Geod(ellps="WGS84").fwd(lon, lat, azimuth, 1000.0)[:2] for azimuth in (0, 180, 90, 270)]
    x, y = np.array([to_ground.transform(*end, direction="INVERSE") for end in ends]).T
    up, right = np.arctan2(y[0] - y[1], x[0] - x[1]), np.arctan2(y[2] - y[3], x[2] - x[3])
    return float(abs(np.degrees(up - right) - 90))


def upright(grid: GeoBox, zones: Zones) -> GeoBox:
    """Return the grid to draw a raster on: its own, or where that is skew UTM around the zones, in smaller cells.

    There each drawn cell shows the cell of the raster in which its middle lies: nothing is mixed, cells become slanted.
    """
    from odc.geo.crs import CRS
    from odc.geo.geobox import GeoBox
    from odc.geo.geom import BoundingBox

    if skew_deg(grid) <= MOST_SKEW:
        return grid
    cell, (west, south, east, north) = abs(grid.resolution.x), grid.boundingbox
    own = zones.on(grid.crs, cell).total_bounds
    around = max(cell, min(own[0] - west, own[1] - south, east - own[2], north - own[3]))
    utm = CRS(zones.frame.estimate_utm_crs().to_string())
    x0, y0, x1, y1 = zones.on(utm, cell).total_bounds
    box = BoundingBox(x0 - around, y0 - around, x1 + around, y1 + around, utm)
    return GeoBox.from_bbox(box, resolution=max(cell / PARTS, max(box.span_x, box.span_y) / LONGEST), tight=False)


def read_upright(path: Path, bands: tuple[int, ...], shown: GeoBox, rows: slice | None = None) -> np.ndarray:
    """Return bands of a raster on the grid that it is drawn on, float32 (band, y, x); NaN where it has no data or no cell."""
    return read_on_grid(path, bands, shown, rows or slice(0, shown.shape[0]), slice(0, shown.shape[1]))
