"""Faults of an AOI through the preflight and `check`: exit 2, one complete message, and nothing written."""

import json
import math
import warnings

import geopandas as gpd
import pytest
import shapely
from shapely.geometry import GeometryCollection, LineString, MultiLineString, MultiPoint, Point, Polygon, box

from pipeline import plan
from pipeline.__main__ import main
from pipeline.errors import BadInput

DUPLICATES = [("pit", "pit"), ("Pit", "pIT"), ("pit", "ｐｉｔ"), ("pit", " pit "), ("é", "e\u0301"), ("straße", "STRASSE"), ("坑①", "坑1")]
POINTS = [(540020, 4210280), (540120, 4210280), (540120, 4210180)]
gdal_warns = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")


@pytest.fixture
def refused(small_mine, capsys):
    """Return a function that runs preflight and `check` on zones that must be refused, and returns the error they agree on.

    It takes (name, geometry) pairs, or nothing when the test has written its own file.
    """

    def call(zones=None, *, at=None):
        small_mine.settings["aoi"].setdefault("zone_field", "zone")
        for key in ("reference", "zones"):
            small_mine.settings["aoi"].pop(key, None)
        small_mine.write_images()
        if zones is not None:
            small_mine.zones = zones
            small_mine.write_aoi()
        small_mine.write_config()
        before = set(small_mine.folder.rglob("*"))
        with pytest.raises(BadInput) as caught:
            plan.make([str(small_mine.config)], {"results": str(small_mine.results)})
        error = caught.value
        capsys.readouterr()
        assert main(["check", str(small_mine.config), "--results", str(small_mine.results)]) == 2
        assert capsys.readouterr().err.endswith(f"minegreen: {error}\n")
        assert (at or small_mine.settings["aoi"]["path"]) in error.where
        assert all([error.field, error.found, error.expected, error.fix])
        assert set(small_mine.folder.rglob("*")) == before
        assert not small_mine.results.exists()
        return error

    return call


@pytest.fixture
def geojson(small_mine, refused):
    """Return a function that writes GeoJSON text and asserts that it is refused."""

    def call(geometry, head=""):
        path = small_mine.folder / "zones.geojson"
        geometry = geometry if isinstance(geometry, str) else json.dumps(geometry)
        feature = f'{{"type": "Feature", "properties": {{"zone": "a"}}, "geometry": {geometry}}}'
        path.write_text(f'{{"type": "FeatureCollection", {head}"features": [{feature}]}}', encoding="utf-8")
        small_mine.settings["aoi"]["path"] = str(path)
        return refused()

    return call


def ring(*points):
    """Return a GeoJSON polygon."""
    return {"type": "Polygon", "coordinates": [list(map(list, points))]}


@pytest.fixture
def square(small_mine):
    """Return a polygon of 200 m x 200 m inside the images."""
    return small_mine.zones[0][1]


@pytest.mark.parametrize("name", ["aoi.gpkg", "aoi.shp"])
def test_a01_no_crs(small_mine, refused, name):
    path = small_mine.folder / name
    small_mine.settings["aoi"]["path"] = str(path)
    with warnings.catch_warnings(action="ignore"):
        gpd.GeoDataFrame({"zone": ["a"]}, geometry=[small_mine.zones[0][1]]).to_file(path)
    error = refused()
    assert (error.field, error.found, error.expected) == ("coordinate reference system", "none", "a CRS")
    assert "assign it" in error.fix


@pytest.mark.parametrize("row", [1, 2])
def test_a03_a_bowtie_without_repair(small_mine, refused, square, row):
    x, y = small_mine.west + 20, small_mine.north - 20
    bow = Polygon([(x, y), (x + 100, y - 100), (x + 100, y), (x, y - 100)])
    zones = [("bow", bow), ("good", square)]
    error = refused(zones if row == 1 else zones[::-1])
    assert (error.field, error.found) == (f"row {row}, zone bow", "invalid polygon: Self-intersection[540070 4210230]")
    assert error.expected == "a valid polygon"
    assert "aoi.repair: true" in error.fix


@pytest.mark.parametrize("geometry", [None, Polygon()], ids=["null", "empty"])
def test_a04_no_geometry(refused, square, geometry):
    error = refused([("good", square), ("none", geometry)])
    assert (error.field, error.found) == ("row 2, zone none", "no geometry")
    assert (error.expected, error.fix) == ("a polygon", "draw it, or delete the row")


def test_a04_no_features(small_mine, refused):
    gpd.GeoDataFrame({"zone": []}, geometry=[], crs=small_mine.crs).to_file(small_mine.folder / "aoi.gpkg")
    error = refused()
    assert (error.field, error.found, error.expected) == ("features", "none", "at least one polygon")


@pytest.mark.parametrize(("first", "second"), DUPLICATES, ids=ascii)
def test_a05_duplicate_names(small_mine, refused, square, first, second):
    error = refused([(first, square), ("other", small_mine.zones[1][1]), (second, small_mine.zones[1][1])])
    assert (error.field, error.found) == ("rows 1 and 3, zone", second.strip())
    assert "a different name for each zone" in error.expected
    assert "rename one" in error.fix


@pytest.mark.parametrize("name", [None, "", "  ", "\t\n"], ids=["null", "empty", "spaces", "white space"])
def test_a_zone_without_a_name(small_mine, refused, square, name):
    error = refused([("a", square), (name, small_mine.zones[1][1])])
    assert (error.field, error.found, error.fix) == ("row 2, zone", "no name", "fill the attribute")


def test_a06_a_name_is_one_line_of_a_message(refused):
    error = refused([("a\nfix:      nothing\x1b[31m" + "x" * 300, None)])
    assert len(str(error).splitlines()) == 4
    assert "\x1b" not in str(error)


def test_the_zone_field_that_does_not_exist(small_mine, refused):
    small_mine.write_aoi()
    small_mine.settings["aoi"]["zone_field"] = "zona"
    error = refused()
    assert (error.field, error.found, error.fix) == ("aoi.zone_field", "zona", "did you mean `zone`?")


@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"reference": ["backgrounds"]}, "aoi.reference"),
        ({"zones": {"backgrounds": {"role": "pit"}}}, "aoi.zones"),
        ({"zones": {"pit": {"reference": ["backgrounds"]}}}, "aoi.zones.pit.reference"),
    ],
)
def test_a_zone_that_the_config_names_but_the_file_lacks(small_mine, facts, field):
    for key in ("reference", "zones"):
        small_mine.settings["aoi"].pop(key)
    small_mine.settings["aoi"] |= facts
    small_mine.write()
    with pytest.raises(BadInput) as caught:
        plan.make([str(small_mine.config)], {"results": str(small_mine.results)})
    error = caught.value
    assert (error.where, error.field, error.found) == (str(small_mine.config), field, "backgrounds")
    assert small_mine.settings["aoi"]["path"] in error.expected
    assert error.fix == "did you mean `background`?"


@pytest.mark.parametrize(("west", "east"), [(179.99, 180.01), (-180.01, -179.99), (190, 190.1), (-200, -190)])
def test_a09_across_the_antimeridian(geojson, west, east):
    error = geojson(ring((west, 10), (east, 10), (east, 10.1), (west, 10.1), (west, 10)))
    assert (error.field, error.found) == ("zones", f"longitudes {west:g} to {east:g}")
    assert error.expected == "an area that does not cross the 180th meridian"
    assert "one mine each side" in error.fix


def test_a09_split_at_the_antimeridian(small_mine, refused):
    small_mine.crs = "EPSG:4326"
    error = refused([("a", box(179.99, 10, 180, 10.1)), ("b", box(-180, 10, -179.99, 10.1))])
    assert error.expected == "an area that does not cross the 180th meridian"


def test_a09_across_the_antimeridian_in_a_pacific_crs(small_mine, refused):
    small_mine.crs = "EPSG:3832"
    x = 30 * 20037508.342789244 / 180
    assert refused([("a", box(x - 500, 1e6, x + 500, 1e6 + 1000))]).expected == "an area that does not cross the 180th meridian"


def test_a_local_crs_has_no_place_on_the_earth(small_mine, refused):
    path = small_mine.folder / "local.gpkg"
    gpd.GeoDataFrame({"zone": ["a"]}, geometry=[box(0, 0, 100, 100)], crs='LOCAL_CS["mine grid",UNIT["metre",1]]').to_file(path)
    small_mine.settings["aoi"]["path"] = str(path)
    error = refused()
    assert (error.field, error.found, error.expected) == ("coordinate reference system", "mine grid, a CRS of no place on the Earth", "a CRS on the Earth")


@pytest.mark.parametrize(("south", "north", "shown"), [(84.5, 84.6, "84.6"), (-84.6, -84.5, "-84.6"), (83.9, 84.1, "84.1"), (89, 90, "90")])
def test_a10_beyond_84_degrees(geojson, south, north, shown):
    error = geojson(ring((10, south), (10.1, south), (10.1, north), (10, north), (10, south)))
    assert (error.field, error.found, error.expected) == ("zone a", f"latitude {shown}", "at most 84 degrees")
    assert "no UTM zone" in error.fix


@pytest.mark.parametrize(("longitude", "latitude", "shown"), [(38, 99, "99.1"), (38, -99.1, "-99"), (9, 123, "123.1")])
def test_a11_a_latitude_above_90_asks_whether_it_is_swapped(geojson, longitude, latitude, shown):
    error = geojson(ring((longitude, latitude), (longitude + 0.1, latitude), (longitude + 0.1, latitude + 0.1), (longitude, latitude)))
    assert (error.field, error.found, error.expected) == ("zone a", f"latitude {shown}", "-90 to 90")
    assert "swapped?" in error.fix


def test_a_longitude_that_does_not_exist(geojson):
    error = geojson(ring((540000, 38), (540100, 38), (540100, 38.1), (540000, 38)))
    assert (error.found, error.expected) == ("longitude 540000 to 540100", "-180 to 180")
    assert "CRS" in error.fix


@pytest.mark.parametrize(
    "form",
    [
        LineString(POINTS),
        MultiLineString([POINTS]),
        Point(POINTS[0]),
        MultiPoint(POINTS),
        GeometryCollection([box(540020, 4210180, 540120, 4210280), Point(540020, 4210280)]),
    ],
    ids=lambda g: g.geom_type,
)
def test_a13_lines_points_and_collections(refused, form):
    error = refused([("a", form)])
    assert (error.field, error.found) == ("row 1, zone a", form.geom_type)
    assert (error.expected, error.fix) == ("Polygon or MultiPolygon", "convert it to polygons, or keep one mine by `minegreen new --where`")


def test_a14_smaller_than_a_pixel(small_mine, refused, square):
    x, y = small_mine.west, small_mine.north
    error = refused([("good", square), ("tiny", box(x + 250, y - 59, x + 259, y - 50))])
    assert (error.field, error.found, error.expected) == ("zone tiny", "81 m2", "at least one cell of 10 m: 100 m2")
    assert "finer images" in error.fix


def test_a14_smaller_than_a_pixel_of_the_synthetic_mine(small_mine, refused):
    small_mine.settings["sensors"] = {"sentinel-2": {"catalog": "synthetic"}}
    assert refused([("tiny", box(small_mine.west, small_mine.north, small_mine.west + 9, small_mine.north + 9))]).field == "zone tiny"


def test_a14_a_coarser_resolution_makes_a_zone_too_small(small_mine, refused, square):
    small_mine.settings["grid"]["resolution_m"] = {"sentinel-2": 250}
    assert refused([("a", square)]).expected == "at least one cell of 250 m: 62500 m2"


@pytest.mark.parametrize("value", [math.inf, -math.inf])
def test_a17_infinite_coordinates(small_mine, refused, value):
    error = refused([("a", Polygon([(value, 0), (1, 1), (1, 0)]))])
    assert (error.field, error.found) == ("row 1, zone a", "coordinates that are infinite or not numbers")
    assert (error.expected, error.fix) == ("finite coordinates", "correct the geometry")


@gdal_warns
@pytest.mark.parametrize("word", ["Infinity", "-Infinity", "1e999", "NaN"])
@pytest.mark.parametrize("point", [0, 1], ids=["at the ends", "inside"])
def test_a17_infinite_numbers_in_geojson(geojson, word, point):
    points = [["99.458", "38.03"], ["99.46", "38.03"], ["99.46", "38.04"]]
    points[point][0] = word
    geojson(f'{{"type": "Polygon", "coordinates": [[{", ".join(f"[{x}, {y}]" for x, y in [*points, points[0]])}]]}}')


@pytest.mark.parametrize(
    "geometry",
    [
        ring((99.458, 38.03), (99.46, 38.03), (99.46, 38.04), (99.458, 38.04)),
        ring((99.458, 38.03), (99.46, 38.03)),
        ring((99.458, 38.03)),
        {"type": "Polygn", "coordinates": [[[99.458, 38.03], [99.46, 38.03], [99.46, 38.04], [99.458, 38.03]]]},
        {"type": "Polygon", "coordinates": [[["a", 38.03], [99.46, 38.03], [99.46, 38.04], ["a", 38.03]]]},
        [],
    ],
    ids=["open ring", "two points", "one point", "misspelt type", "text as number", "a list"],
)
@gdal_warns
def test_broken_geojson_geometry(geojson, geometry):
    geojson(geometry)


@pytest.mark.parametrize(
    ("name", "content", "found"),
    [
        ("zones.gpkg", b"SQLite format 3\0" + b"\0" * 200, ""),
        ("zones.geojson", b'{"type": "FeatureCollection", "features": [', ""),
        ("zones.geojson", b'{"mine": 1}', ""),
        ("zones.geojson", b"[]", "content that is not .geojson"),
        ("zones.geojson", b"<html>", "content that is not .geojson"),
        ("zones.shp", b"\x00\x00\x27\x0a" + b"\0" * 96, ""),
        ("zones.fgb", b"fgb\x03fgb\x00", ""),
        ("zones.txt", b"x", ".txt"),
        ("zones", b"x", "no extension"),
    ],
)
@gdal_warns
def test_a_file_that_is_no_vector_file(small_mine, refused, name, content, found):
    small_mine.settings["aoi"]["path"] = str(small_mine.folder / name)
    (small_mine.folder / name).write_bytes(content)
    error = refused()
    assert found in error.found


def test_a_file_that_does_not_exist(small_mine, refused):
    small_mine.settings["aoi"]["path"] = str(small_mine.folder / "nothing.gpkg")
    error = refused()
    assert (error.field, error.found, error.expected) == ("aoi.path", "no such file", "a vector file")
    assert "working directory" in error.fix


@pytest.mark.parametrize("name", ["aoi.gpkg", "aoi.shp"])
def test_an_encoding_that_does_not_exist(small_mine, refused, square, name):
    small_mine.settings["aoi"] |= {"encoding": "utf-7777", "path": str(small_mine.folder / name)}
    assert "utf-7777" in str(refused([("江仓", square)]))


def test_coordinates_that_do_not_fit_the_crs(small_mine, refused):
    error = refused([("a", shapely.affinity.translate(small_mine.zones[0][1], 1e9, 1e9))])
    assert "CRS" in error.fix


def test_an_aoi_far_from_the_images(small_mine, refused):
    error = refused([("a", shapely.affinity.translate(small_mine.zones[0][1], 5000, 0))], at=str(small_mine.config))
    assert error.field == "sensors.sentinel-2.composites"
    assert error.found.startswith("images that do not meet the AOI: 2020")
