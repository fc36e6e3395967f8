"""Coverage fractions: every cell holds the share of it that the zone covers, and a zone's cells hold its ground area."""

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import MultiPolygon, Polygon, box

from pipeline import config as configs
from pipeline.aoi import Zones, read_zones
from pipeline.coverage import touched_cells, zone_coverages
from pipeline.errors import RunFault

CELL = 10.0
WEST, NORTH = 540_000.0, 4_210_300.0
GRID = GeoBox((30, 40), Affine(CELL, 0, WEST, 0, -CELL, NORTH), "EPSG:32647")
GEOD = pyproj.Geod(ellps="WGS84")


def at(*points):
    """Return a polygon from points in cells right of and below the grid's corner."""
    return Polygon([(WEST + CELL * x, NORTH - CELL * y) for x, y in points])


SLANTED = at((2.3, 1.1), (17.7, 4.2), (9.9, 21.6))
HOLED = SLANTED.buffer(10).difference(at((7, 5), (12.5, 6.5), (9, 12)))
ZONES = {
    "slanted": SLANTED,
    "concave": at((1, 1), (20, 1), (20, 20), (10.5, 3.3), (1, 20)),
    "hole": HOLED,
    "two parts": MultiPolygon([SLANTED, at((30.5, 10), (36, 12.25), (31, 28.9))]),
    "parts that share a cell": MultiPolygon([box(WEST + 101, NORTH - 109, WEST + 103, NORTH - 101), box(WEST + 106, NORTH - 109, WEST + 108, NORTH - 101)]),
    "inside one cell": at((5.2, 5.2), (5.4, 5.9), (5.7, 5.3)),
    "thin sliver": at((3, 2.5), (33, 27.5), (33, 27.6)),
    "along cell edges": box(WEST + 20, NORTH - 250, WEST + 220, NORTH - 50),
    "the whole grid": box(WEST, NORTH - 300, WEST + 400, NORTH),
}


def geodesic(polygon, crs):
    """Return the area of the polygon whose vertices, on WGS 84, are joined by geodesics."""
    to_lonlat = pyproj.Transformer.from_crs(crs, 4326, always_xy=True)

    def ring(line):
        return abs(GEOD.polygon_area_perimeter(*to_lonlat.transform(*np.array(line.coords).T))[0])

    parts = getattr(polygon, "geoms", [polygon])
    return sum(ring(p.exterior) - sum(map(ring, p.interiors)) for p in parts)


def zones_of(polygons, crs="EPSG:32647"):
    """Return zones by name; their geodesic area is this module's own."""
    frame = gpd.GeoDataFrame({"zone": list(polygons)}, geometry=list(polygons.values()), crs=crs)
    frame["role"] = "pit"
    frame["geodesic_m2"] = [geodesic(p, crs) for p in polygons.values()]
    return Zones(frame, {}, ())


def intersections(polygon, grid=GRID):
    """Return the covered share of every cell by shapely's intersection, `(y, x)`."""
    height, width = grid.shape
    a = grid.affine
    left, top = np.meshgrid(a.c + a.a * np.arange(width), a.f + a.e * np.arange(height))
    return shapely.area(shapely.intersection(polygon, shapely.box(left, top + a.e, left + a.a, top))) / (a.a * -a.e)


def on_grid(coverage, grid=GRID):
    """Return a zone's areas on the whole grid."""
    out = np.zeros(grid.shape)
    out[coverage.rows, coverage.cols] = coverage.area_m2
    return out


@pytest.mark.parametrize("name", ZONES)
def test_fractions_are_those_of_shapely(name):
    polygon = ZONES[name]
    (coverage,) = zone_coverages(zones_of({name: polygon}), GRID)
    fraction = on_grid(coverage) * polygon.area / geodesic(polygon, 32647) / CELL**2
    np.testing.assert_allclose(fraction, intersections(polygon), atol=2e-6)


@pytest.mark.parametrize("name", ZONES)
def test_a_zones_cells_sum_to_its_geodesic_area(name):
    (coverage,) = zone_coverages(zones_of({name: ZONES[name]}), GRID)
    assert coverage.area_m2.sum() == pytest.approx(geodesic(ZONES[name], 32647), rel=1e-9)


@pytest.mark.parametrize(
    ("aoi_crs", "grid_crs", "lon", "lat"),
    [
        ("EPSG:4326", "EPSG:32647", 99.0, 38.0),  # central meridian: one square metre on the grid is 1.0008 on the ground
        ("EPSG:4326", "EPSG:32647", 101.97, 38.0),  # the zone lies on both sides of 102 E, where UTM 47 meets UTM 48
        ("EPSG:32648", "EPSG:32647", 102.02, 38.0),
        ("EPSG:4326", "EPSG:3005", -120.9, 49.8),  # Albers equal area
        ("EPSG:26910", "EPSG:3005", -120.9, 49.8),  # NAD83 / UTM to NAD83 / BC Albers
        ("EPSG:4326", "EPSG:32723", -44.0, -20.1),
    ],
)
def test_areas_are_geodesic_in_any_projection(tmp_path, small_mine, aoi_crs, grid_crs, lon, lat):
    x, y = pyproj.Transformer.from_crs(4326, grid_crs, always_xy=True).transform(lon, lat)
    plan = [(-900, -700), (800, -400), (3000, 900), (-500, 1100)]
    corners = pyproj.Transformer.from_crs(grid_crs, aoi_crs, always_xy=True).itransform([(x + dx, y + dy) for dx, dy in plan])
    polygon = Polygon(list(corners))
    small_mine.crs, small_mine.zones = aoi_crs, [("far", polygon)]
    small_mine.settings["aoi"] = {"path": str(tmp_path / "aoi.gpkg")}
    small_mine.write_aoi()
    zones = read_zones(configs.load(small_mine.write_config()), small_mine.config)
    left, top = np.floor(x / 30) * 30 - 1500, np.floor(y / 30) * 30 + 1500
    grid = GeoBox((100, 200), Affine(30, 0, left, 0, -30, top), grid_crs)
    (coverage,) = zone_coverages(zones, grid)
    assert coverage.area_m2.sum() == pytest.approx(geodesic(polygon, aoi_crs), rel=1e-9)
    scale = pyproj.Proj(grid_crs).get_factors(*pyproj.Transformer.from_crs(grid_crs, 4326, always_xy=True).transform(x + 600, y + 200)).areal_scale
    assert coverage.area_m2.max() == pytest.approx(30 * 30 / scale, rel=3e-5)  # a whole cell: k varies by 1e-5 over the zone


def test_overlapping_zones_each_keep_their_whole_area():
    a, b = at((2, 2), (12, 2), (12, 12), (2, 12)), at((7.5, 7.5), (18, 8), (16, 19))
    both = zone_coverages(zones_of({"a": a, "b": b}), GRID)
    alone = [zone_coverages(zones_of({n: p}), GRID)[0] for n, p in (("a", a), ("b", b))]
    for together, single in zip(both, alone, strict=True):
        np.testing.assert_array_equal(together.area_m2, single.area_m2)
    assert (on_grid(both[0]) > 0)[on_grid(both[1]) > 0].any()


def test_names_roles_and_order_are_the_files_and_windows_are_tight():
    zones = zones_of({"z": SLANTED, "江仓": ZONES["along cell edges"]})
    zones.frame["role"] = ["pit", "background"]
    first, second = zone_coverages(zones, GRID)
    assert [(c.zone, c.role) for c in (first, second)] == [("z", "pit"), ("江仓", "background")]
    assert (first.rows, first.cols) == (slice(1, 22), slice(2, 18))
    assert (second.rows, second.cols) == (slice(5, 25), slice(2, 22))
    assert np.unique(second.area_m2).size == 1


def test_touched_cells_are_those_that_any_zone_meets():
    polygons = {"a": SLANTED, "b": ZONES["thin sliver"], "c": ZONES["along cell edges"]}
    touched = touched_cells(zone_coverages(zones_of(polygons), GRID), GRID.shape)
    expected = np.any([intersections(p) > 1e-6 for p in polygons.values()], axis=0)
    np.testing.assert_array_equal(touched, expected)
    assert not touched_cells([], GRID.shape).any()


@pytest.mark.parametrize("polygon", [at((35, 5), (45, 5), (45, 15)), at((-3, 5), (3, 5), (3, 9)), at((60, 60), (70, 60), (70, 70))])
def test_a_zone_that_leaves_the_grid_is_a_fault_that_names_it(polygon):
    with pytest.raises(RunFault, match="zone far west"):
        zone_coverages(zones_of({"far west": polygon}), GRID)
