"""Zones that are right: any CRS, format, script and geometry of polygons, with areas on the ellipsoid."""

import json
import math
import sqlite3
import struct
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import shapely
from shapely.geometry import MultiPolygon, Polygon, box

from pipeline import config as configs
from pipeline import plan
from pipeline.aoi import read_zones
from pipeline.checkup import run as check
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput
from pipeline.grid import sensor_grid

PER_GRID_M2 = 1 / 0.99962**2  # scale of UTM 40 km from the central meridian: 0.9996 (1 + (40 / 6371)^2 / 2)
SQUARE = box(540_020, 4_210_050, 540_220, 4_210_250)  # 200 m x 200 m
BOWTIE = Polygon([(540_020, 4_210_280), (540_120, 4_210_180), (540_120, 4_210_280), (540_020, 4_210_180)])  # two triangles of 2500 m2


@pytest.fixture
def mine(small_mine):
    """Return a small mine without references and roles, so that zones may have any name."""
    small_mine.settings["aoi"] = {"path": str(small_mine.folder / "aoi.gpkg"), "zone_field": "zone"}
    return small_mine


def read(mine):
    """Return the zones of a mine's config."""
    return read_zones(configs.load(mine.write_config()), mine.config)


def zones_of(mine, *zones, crs="EPSG:32647"):
    """Write (name, geometry) pairs and return the zones that are read."""
    mine.zones, mine.crs = list(zones), crs
    mine.write_aoi()
    return read(mine)


def test_zones_are_read_in_file_order_with_geodesic_areas(mine):
    zones = zones_of(mine, ("z", SQUARE), ("a", mine.zones[1][1]))
    assert list(zones.frame.columns) == ["zone", "role", "geodesic_m2", "geometry"]
    assert (zones.names, zones.warnings) == (["z", "a"], ())
    assert zones.frame["geodesic_m2"].tolist() == pytest.approx([40_000 * PER_GRID_M2, 20_000 * PER_GRID_M2], rel=2e-6)


def test_the_geodesic_area_of_a_degree_at_the_equator_is_karneys(mine):
    (area,) = zones_of(mine, ("a", box(99, 0, 100, 1)), crs="EPSG:4326").frame["geodesic_m2"]
    assert area == pytest.approx(12_308_778_361.469, rel=1e-9)


def test_the_direction_of_a_ring_does_not_matter_and_a_hole_is_no_area(mine):
    turned = [("left", shapely.geometry.polygon.orient(SQUARE, 1)), ("right", shapely.geometry.polygon.orient(SQUARE, -1))]
    holed = SQUARE.difference(SQUARE.buffer(-50, join_style="mitre"))
    expected = [40_000 * PER_GRID_M2, 40_000 * PER_GRID_M2, 30_000 * PER_GRID_M2]
    assert zones_of(mine, *turned, ("holed", holed)).frame["geodesic_m2"].tolist() == pytest.approx(expected, rel=2e-6)


@pytest.mark.parametrize("epsg", [4326, 3857, 32648, 4490, 4214, 6933], ids=lambda code: f"EPSG:{code}")
def test_a02_another_crs_gives_the_same_zones_and_grid(mine, epsg):
    first = plan.check(mine.write(), configs.load(mine.config), mine.results)
    gpd.read_file(mine.folder / "aoi.gpkg").to_crs(epsg).to_file(mine.folder / "aoi.fgb", SPATIAL_INDEX="NO")
    mine.settings["aoi"]["path"] = str(mine.folder / "aoi.fgb")
    second = plan.check(mine.write_config(), configs.load(mine.config), mine.results)
    (before, grids), (after, others) = (first.zones, first.grids), (second.zones, second.grids)
    assert after.names == before.names
    assert after.frame["geodesic_m2"].tolist() == pytest.approx(before.frame["geodesic_m2"].tolist(), rel=1e-6)
    grid, other = grids["sentinel-2"], others["sentinel-2"]
    assert grid.crs == other.crs
    assert abs(grid.affine.c - other.affine.c) <= 10
    assert np.abs(np.subtract(grid.shape, other.shape)).max() <= 1


@pytest.mark.parametrize("suffix", [".shp", ".gpkg", ".fgb", ".geojson", ".json", ".GPKG"])
def test_every_format_gives_the_same_zones(mine, suffix):
    path = mine.folder / f"zones{suffix}"
    driver = {".shp": "ESRI Shapefile", ".fgb": "FlatGeobuf", ".geojson": "GeoJSON", ".json": "GeoJSON"}.get(suffix, "GPKG")
    gpd.GeoDataFrame({"zone": ["坑", "b"]}, geometry=[z[1] for z in mine.zones], crs=mine.crs).to_crs(4326).to_file(path, driver=driver, encoding="UTF-8")
    mine.settings["aoi"]["path"] = str(path)
    assert read(mine).frame.set_index("zone")["geodesic_m2"].to_dict() == pytest.approx({"坑": 40_030.43, "b": 20_015.21}, rel=1e-6)


def test_kml_is_read_with_its_names(mine):
    ring = "99.458,38.03 99.46,38.03 99.46,38.04 99.458,38.04 99.458,38.03"
    polygon = f"<Polygon><outerBoundaryIs><LinearRing><coordinates>{ring}</coordinates></LinearRing></outerBoundaryIs></Polygon>"
    kml = f'<?xml version="1.0"?><kml xmlns="http://www.opengis.net/kml/2.2"><Document><Placemark><name>坑 4</name>{polygon}</Placemark></Document></kml>'
    (mine.folder / "zones.kml").write_text(kml, encoding="utf-8")
    mine.settings["aoi"] = {"path": str(mine.folder / "zones.kml"), "zone_field": "Name"}
    assert read(mine).names == ["坑 4"]


def test_a_shapefile_without_cpg_needs_its_encoding(mine):
    mine.settings["aoi"]["path"] = str(mine.folder / "zones.shp")
    gpd.GeoDataFrame({"zone": ["江仓"]}, geometry=[SQUARE], crs=mine.crs).to_file(mine.folder / "zones.shp", encoding="gbk")
    (mine.folder / "zones.cpg").unlink()
    assert read(mine).names != ["江仓"]
    mine.settings["aoi"]["encoding"] = "gbk"
    assert read(mine).names == ["江仓"]


@pytest.mark.parametrize(
    ("columns", "field", "names"),
    [
        ({"zone": ["a", "b"], "other": ["c", "d"]}, None, ["a", "b"]),
        ({"zone": ["a", "b"], "other": ["c", "d"]}, "other", ["c", "d"]),
        ({"other": ["c", "d"]}, None, ["zone 1", "zone 2"]),
        ({"number": [4, 5]}, "number", ["4", "5"]),
        ({"zone": ["  a ", "b\t"]}, None, ["a", "b"]),
    ],
    ids=["zone by default", "another field", "numbered", "numbers", "trimmed"],
)
def test_names_come_from_the_zone_field(mine, columns, field, names):
    gpd.GeoDataFrame(columns, geometry=[z[1] for z in mine.zones], crs=mine.crs).to_file(mine.folder / "aoi.gpkg")
    mine.settings["aoi"]["zone_field"] = field
    assert read(mine).names == names


NAMES = ["..", "../../up", "/etc/passwd", "a\nb", "a\r\nb", "a\tb", "x" * 300, "$(id)", "`id`", "; id", "{mine}", "%s", "'", '"', "=1+1", "<b>", "a\\b"]


@pytest.mark.parametrize("name", NAMES, ids=lambda name: ascii(name[:12]))
def test_a06_any_name_is_text_and_never_a_path(mine, name):
    assert zones_of(mine, (name, SQUARE), ("other", mine.zones[1][1])).names == [name, "other"]
    mine.write_images()
    targets = plan.make([str(mine.config)], {"results": str(mine.results)}).targets()
    assert targets[0] == str(mine.results / "small" / "run.json")
    folder = mine.results / "small" / "sentinel-2"
    assert targets[1:5] == [str(mine.results / "small" / name) for name in ("tables.xlsx", "zones.gpkg", "small.qgz", "report.html")]
    assert {Path(target).parent for target in targets[5:]} == {folder, mine.results / "summary"}


def test_a06_a_nul_in_a_name_ends_the_name(mine):
    mine.write_aoi()
    content = json.loads(gpd.read_file(mine.folder / "aoi.gpkg").to_crs(4326).to_json())
    content["features"][0]["properties"]["zone"] = "pit\0/../up"
    mine.settings["aoi"]["path"] = str(mine.folder / "zones.geojson")
    (mine.folder / "zones.geojson").write_text("\ufeff" + json.dumps(content), encoding="utf-8")
    assert read(mine).names == ["pit", "background"]


@pytest.mark.parametrize("name", ["江仓矿区", "🌱🪨", "منجم الفحم", "מכרה", "a\u202eb", "ไทย", "e\u0301", "İ"], ids=ascii)
def test_a07_any_script_is_kept_as_it_is(mine, name):
    assert zones_of(mine, (name, SQUARE)).names == [name]


@pytest.mark.parametrize("bounds", [(10, 83.9, 10.1, 83.99), (10, -83.99, 10.1, -83.9), (179.9, 10, 180, 10.1), (-180, -0.1, -179.9, 0.1)], ids=str)
def test_areas_up_to_84_degrees_and_up_to_the_180th_meridian_are_read(mine, bounds):
    assert zones_of(mine, ("a", box(*bounds)), crs="EPSG:4326").names == ["a"]


def test_a12_heights_and_multipolygons_are_right(mine):
    for form in (shapely.force_3d(SQUARE, 4100.0), MultiPolygon([SQUARE]), shapely.force_3d(MultiPolygon([SQUARE]), -1.0)):
        frame = zones_of(mine, ("a", form)).frame
        assert frame["geodesic_m2"].tolist() == pytest.approx([40_030.43], rel=1e-6)
        assert not frame.geometry.has_z.any()


def test_a12_the_parts_of_a_multipolygon_are_one_zone(mine):
    zones = zones_of(mine, ("a", MultiPolygon([SQUARE, mine.zones[1][1]])))
    assert (zones.names, zones.frame["geodesic_m2"].tolist()) == (["a"], pytest.approx([60_045.64], rel=1e-6))


@pytest.mark.parametrize("kind", ["CurvePolygon", "MultiSurface", "CompoundCurve"])
def test_a12_a_circle_of_arcs_has_the_area_of_the_circle(mine, kind):
    x, y, radius = mine.west + 200, mine.north - 150, 80.0
    west, top, east, bottom = (x - radius, y), (x, y + radius), (x + radius, y), (x, y - radius)

    def wkb(code, *parts):
        return struct.pack("<BII", 1, code, len(parts)) + b"".join(part if isinstance(part, bytes) else struct.pack("<dd", *part) for part in parts)

    ring = wkb(9, wkb(8, west, top, east), wkb(8, east, bottom, west)) if kind == "CompoundCurve" else wkb(8, west, top, east, bottom, west)
    surface = wkb(12, wkb(10, ring)) if kind == "MultiSurface" else wkb(10, ring)
    frame = gpd.GeoDataFrame({"zone": ["a"]}, geometry=[SQUARE], crs=mine.crs)
    frame.to_file(mine.folder / "aoi.gpkg", geometry_type="Unknown", SPATIAL_INDEX="NO")
    base = sqlite3.connect(mine.folder / "aoi.gpkg")
    base.execute("UPDATE aoi SET geom = ?", (b"GP" + struct.pack("<BBi", 0, 1, 32647) + surface,))
    base.commit()
    base.close()
    assert read(mine).frame.geometry.area.tolist() == pytest.approx([math.pi * radius**2], rel=2e-3)


def test_a03_a_bowtie_with_repair_is_its_two_triangles_with_area_before_and_after(mine):
    mine.settings["aoi"]["repair"] = True
    zones = zones_of(mine, ("bow", BOWTIE))
    assert zones.frame.geometry.is_valid.all()
    assert zones.frame.geometry.area.tolist() == pytest.approx([5000])
    (warning,) = zones.warnings
    assert warning.startswith("zone bow: repaired (Self-intersection[540070 4210230]); area 0 before, 5000 after")


def test_a03_repair_changes_no_valid_polygon_and_drops_spikes(mine):
    spiked = Polygon([(0, 0), (50, 0), (100, 0), (50, 0), (50, -100), (0, -100)])
    mine.settings["aoi"]["repair"] = True
    zones = zones_of(mine, ("good", SQUARE), ("spiked", shapely.affinity.translate(spiked, 540_250, 4_210_250)))
    assert zones.frame.geometry.iloc[0].equals_exact(SQUARE, 0, normalize=True)
    assert zones.frame.geometry.iloc[1].area == pytest.approx(5000)
    assert len(zones.warnings) == 1


def test_a03_what_has_no_area_cannot_be_repaired(mine):
    mine.settings["aoi"]["repair"] = True
    with pytest.raises(BadInput, match="a polygon with an area"):
        zones_of(mine, ("flat", Polygon([(540_020, 4_210_280), (540_120, 4_210_280), (540_020, 4_210_280)])))


def test_a15_a_mine_across_two_utm_zones_has_one_grid_and_its_areas(mine):
    mine.settings["sensors"] = {"sentinel-2": {"catalog": "synthetic"}}
    zones = zones_of(mine, ("west", box(101.99, 38.0, 102.0, 38.01)), ("east", box(102.0, 38.0, 102.01, 38.01)), crs="EPSG:4326")
    west, east = zones.frame["geodesic_m2"]
    assert west == pytest.approx(east, rel=1e-9)
    grid = sensor_grid(configs.load(mine.config), "sentinel-2", zones, None)
    assert grid.crs.epsg in {32647, 32648}
    assert [c.area_m2.sum() for c in zone_coverages(zones, grid)] == pytest.approx([west, east], rel=1e-9)


def test_a16_overlapping_zones_are_right_and_flagged(mine):
    half, inside, touching = shapely.affinity.translate(SQUARE, 100, 0), SQUARE.buffer(-20), shapely.affinity.translate(SQUARE, -200, 0)
    zones = zones_of(mine, ("a", SQUARE), ("half", half), ("touching", touching))
    assert zones.warnings == ("zones a and half overlap by 50 % of the smaller; that area counts in both",)
    assert zones.frame["geodesic_m2"].tolist() == pytest.approx([40_030.4] * 3, rel=1e-5)
    assert zones_of(mine, ("a", SQUARE), ("inside", inside)).warnings[0].startswith("zones a and inside overlap by 100 % of the smaller")
    assert any("zones a and inside overlap" in line for line in check([mine.write()], mine.results))


@pytest.mark.parametrize("crs", ["+proj=ortho +lat_0=-38 +lon_0=-80", "+proj=gnom +lat_0=-38 +lon_0=-80", "+proj=ortho +lat_0=52 +lon_0=99"])
def test_a_crs_that_cannot_show_the_zones_is_told(mine, crs):
    zones = zones_of(mine, ("a", box(99, -60, 100, -50) if "52" in crs else SQUARE), crs="EPSG:4326" if "52" in crs else "EPSG:32647")
    with pytest.raises(ValueError, match="coordinates that are not finite"):
        zones.on(crs, 10)


def test_roles_and_references_follow_the_config(mine):
    tiles = [(name, box(540_000 + i * 50, 4_210_200, 540_040 + i * 50, 4_210_250)) for i, name in enumerate("abcde")]
    mine.settings["aoi"] |= {"reference": ["d", "e"]}
    mine.settings["aoi"]["zones"] = {"a": {"role": "pit", "reference": ["c", "d"]}, "b": {"reference": []}, "d": {"role": "meadow"}}
    zones = zones_of(mine, *tiles)
    assert zones.frame["role"].tolist() == ["pit", "zone", "zone", "meadow", "reference"]
    assert (zones.references["a"], zones.references["b"], zones.references["c"]) == (("c", "d"), (), ("d", "e"))
    assert zones.role("a") == "pit"
