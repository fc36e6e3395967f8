"""Several zones as one, ground of overlapping ones counted once, and which cells of a zone lie inside a boundary."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.coverage import ZoneCoverage, zone_coverages

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

ALL_OF_IT = 1 - 1e-6  # of a zone: edges that two polygons share differ by rounding


def own_zones(zones: Zones) -> list[str]:
    """Return the zones that are no reference of any: together the mine."""
    return [name for name in zones.names if name not in zones.reference_zones]


def together(zones: Zones, names: Collection[str]) -> Zones:
    """Return the union of zones as one zone without name and role; its geodesic area counts ground in several of them once."""
    import shapely

    return _single(zones, shapely.union_all([_polygon(zones, name) for name in names]))


def share_inside(zones: Zones, zone: Zones, boundary: Collection[str], coverage: ZoneCoverage, grid: GeoBox) -> np.ndarray:
    """Return which cells of a zone lie inside a boundary, `(y, x)` bool in the zone's window.

    A cell that the boundary cuts is inside where it holds at least half of the ground that the zone covers of the cell, so that cells at the edge of a zone
    of the boundary are inside, and those of its neighbour are not.

    Parameters
    ----------
    zones : Zones
        Of the mine.
    zone : Zones
        The one zone that is asked about.
    boundary : names
        Zones whose union is the boundary.
    coverage : ZoneCoverage
        Of `zone`, or of a part of it, on `grid`.
    """
    import shapely

    own = zone.frame.geometry.iloc[0]
    shared = own.intersection(shapely.union_all([_polygon(zones, name) for name in boundary]))
    share = shared.area / own.area
    if share >= ALL_OF_IT:
        return coverage.touched
    out = np.zeros(coverage.area_m2.shape)
    if share > 1 - ALL_OF_IT:
        (found,) = zone_coverages(_single(zone, shapely.union_all([p for p in shapely.get_parts(shared) if p.area > 0])), grid)
        top, left = found.rows.start - coverage.rows.start, found.cols.start - coverage.cols.start
        out[top : top + found.area_m2.shape[0], left : left + found.area_m2.shape[1]] = found.area_m2
    return np.asarray(coverage.touched & (out >= 0.5 * coverage.area_m2))


def _polygon(zones: Zones, name: str) -> Any:
    return zones.frame.geometry[zones.frame["zone"] == name].iloc[0]


def _single(zones: Zones, polygon: Any) -> Zones:
    import geopandas as gpd
    from pyproj import Geod

    whole = gpd.GeoSeries([polygon], crs=zones.frame.crs).normalize()  # rings of all parts turn the same way, so that their areas add up
    area, _ = Geod(ellps="WGS84").geometry_area_perimeter(whole.to_crs(4326).iloc[0])
    frame = gpd.GeoDataFrame({"zone": [""], "role": [""], "geodesic_m2": [abs(area)]}, geometry=list(whole), crs=zones.frame.crs)
    return Zones(frame, {"": ()}, ())
