"""What a map must say of its grid: the name of its CRS, where true north is, what a length on the ground is, round lengths."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox


def crs_name(crs: Any) -> str:
    """Return `EPSG:<code>` of a CRS where it has one, else its name, or that of its projection."""
    return f"EPSG:{crs.epsg}" if crs.epsg else crs_title(crs)


def crs_title(crs: Any) -> str:
    """Return the name of a CRS, with its code where it has one; a CRS without a name is called by its projection."""
    name = str(crs.proj.name)
    if name in {"unknown", "unnamed", ""} and crs.proj.coordinate_operation is not None:
        name = str(crs.proj.coordinate_operation.method_name)
    return f"{name} (EPSG:{crs.epsg})" if crs.epsg else name


def scale_length(most: float) -> float:
    """Return the longest of 1, 2, 5 x 10^k metres that is not longer than `most`.

    >>> scale_length(2300.0), scale_length(180.0)
    (2000.0, 100.0)
    """
    power = 10.0 ** np.floor(np.log10(most))
    return float(max(m * power for m in (0.5, 1, 2, 5) if m * power <= most))


def length_text(metres: float) -> str:
    """Return a round length in m or km.

    >>> length_text(500.0), length_text(2000.0)
    ('500 m', '2 km')
    """
    return f"{metres / 1000:g} km" if metres >= 1000 else f"{metres:g} m"


def ground_per_unit(grid: GeoBox) -> float:
    """Return the metres on the ground (WGS 84 ellipsoid) of one unit of the CRS, eastward through the grid's centre.

    0.9996 to 1.001 in UTM, cos(latitude) in Web Mercator, about 1 in the sinusoidal grid; taken over the grid's whole width.
    """
    from pyproj import Geod

    west, _, east, _ = grid.boundingbox
    middle = _centre(grid)[1]
    x = np.linspace(west, east, 9)  # in pieces: a line of the grid is no geodesic
    lon, lat = _lonlat(grid, x, np.full(9, middle))
    return float(Geod(ellps="WGS84").line_length(lon, lat) / (east - west))


def true_north_deg(grid: GeoBox) -> float:
    """Return the direction of true north at the grid's centre, in degrees clockwise from the grid's north (up)."""
    from pyproj import Geod, Transformer

    x, y = _centre(grid)
    lon, lat = (v.item() for v in _lonlat(grid, np.array([x]), np.array([y])))
    step = 1000.0  # metres: short enough for the direction, long enough for float64
    ahead = Geod(ellps="WGS84").fwd(lon, lat, 0.0, step)[:2]
    behind = Geod(ellps="WGS84").fwd(lon, lat, 180.0, step)[:2]
    to_grid = Transformer.from_crs(4326, grid.crs.to_wkt(), always_xy=True)
    (x1, y1), (x0, y0) = to_grid.transform(*ahead), to_grid.transform(*behind)
    return float(np.degrees(np.arctan2(x1 - x0, y1 - y0)))


def north_text(degrees: float) -> str:
    """Return how true north lies to the grid's north.

    >>> north_text(0.84), north_text(-12.0), north_text(0.04)
    ('true north 0.8° east of grid north', 'true north 12.0° west of grid north', 'true north is grid north')
    """
    if abs(degrees) < 0.05:
        return "true north is grid north"
    return f"true north {abs(degrees):.1f}° {'east' if degrees > 0 else 'west'} of grid north"


def _centre(grid: GeoBox) -> tuple[float, float]:
    west, south, east, north = grid.boundingbox
    return (west + east) / 2, (south + north) / 2


def _lonlat(grid: GeoBox, x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    from pyproj import Transformer

    lon, lat = Transformer.from_crs(grid.crs.to_wkt(), 4326, always_xy=True).transform(x, y)
    return lon, lat
