"""Item collections: what is read of them, and what each bad one is told."""

import json
from datetime import UTC, datetime

import pytest

from pipeline.errors import BadInput
from pipeline.stac import read_items


def item(name="A", when="2022-07-04T04:07:11Z", assets=None, **more):
    """Return an item."""
    properties = {"datetime": when} | more.pop("properties", {})
    assets = {"red": {"href": "B04.tif"}} if assets is None else assets
    return {"type": "Feature", "stac_version": "1.0.0", "id": name, "properties": properties, "assets": assets, "links": []} | more


@pytest.fixture
def given(tmp_path):
    """Return a function that writes a catalogue and returns what is read of it."""

    def call(*features, content=None):
        path = tmp_path / "items.json"
        path.write_text(json.dumps({"type": "FeatureCollection", "features": features} if content is None else content), encoding="utf-8")
        return read_items(path)

    return call


@pytest.fixture
def refused(tmp_path):
    """Return a function that writes a file that must be refused, and returns the complete error."""

    def call(text):
        path = tmp_path / "items.json"
        path.write_bytes(text if isinstance(text, bytes) else (text if isinstance(text, str) else json.dumps(text)).encode())
        with pytest.raises(BadInput) as caught:
            read_items(path)
        error = caught.value
        assert error.where == str(path)
        assert all([error.field, error.found, error.expected, error.fix])
        return error

    return call


def only(asset, **properties):
    """Return a function's argument: one item with one asset."""
    return item(assets={"a": asset}, properties=properties)


def test_the_order_of_the_file_is_kept_and_each_item_is_complete(given):
    found = given(item("B", collection="c1"), item("A", properties={"eo:cloud_cover": 12}), item("C", links=[{"rel": "self", "href": "https://h/C"}]))
    assert [i.id for i in found] == ["B", "A", "C"]
    assert [i.collection for i in found] == ["c1", None, None]
    assert [i.cloud_pct for i in found] == [None, 12.0, None]
    assert [i.links for i in found] == [(), (), ("https://h/C",)]
    assert list(found[0].assets) == ["red"]
    assert found[0].assets["red"].href == "B04.tif"


def test_a_single_item_is_a_catalogue_of_one(given):
    assert [i.id for i in given(content=item("only"))] == ["only"]


def test_the_same_item_twice_is_read_twice(given):
    assert [i.id for i in given(item("A"), item("A"))] == ["A", "A"]


@pytest.mark.parametrize(
    ("text", "when"),
    [
        ("2022-07-04T04:07:11Z", datetime(2022, 7, 4, 4, 7, 11, tzinfo=UTC)),
        ("2022-07-04T04:07:11.024000Z", datetime(2022, 7, 4, 4, 7, 11, 24_000, tzinfo=UTC)),
        ("2022-07-04T04:07:11.024Z", datetime(2022, 7, 4, 4, 7, 11, 24_000, tzinfo=UTC)),
        ("2022-07-04T04:07:11", datetime(2022, 7, 4, 4, 7, 11, tzinfo=UTC)),
        ("2022-07-04T12:07:11+08:00", datetime(2022, 7, 4, 4, 7, 11, tzinfo=UTC)),
        ("2022-07-03T23:07:11-05:00", datetime(2022, 7, 4, 4, 7, 11, tzinfo=UTC)),
        ("2022-07-04", datetime(2022, 7, 4, tzinfo=UTC)),
    ],
)
def test_times_are_in_utc(given, text, when):
    (found,) = given(item(when=text))
    assert found.when == when
    assert found.when.utcoffset().total_seconds() == 0


@pytest.mark.parametrize(
    ("asset", "properties", "epsg"),
    [
        ({}, {"proj:epsg": 32647}, 32647),
        ({}, {"proj:code": "EPSG:32647"}, 32647),
        ({"proj:epsg": 32648}, {"proj:epsg": 32647}, 32648),
        ({"proj:code": "EPSG:32648"}, {"proj:code": "EPSG:32647"}, 32648),
        ({"proj:code": "EPSG:32648"}, {"proj:epsg": 32647}, 32648),
        ({"proj:code": None}, {}, None),
        ({}, {"proj:code": "IAU_2015:30100"}, None),
        ({}, {"proj:epsg": None}, None),
        ({}, {}, None),
    ],
)
def test_the_crs_of_stac_1_0_and_1_1_of_the_asset_before_the_item(given, asset, properties, epsg):
    (found,) = given(only({"href": "a.tif"} | asset, **properties))
    assert found.assets["a"].epsg == epsg


@pytest.mark.parametrize(
    ("asset", "scale", "offset"),
    [
        ({"raster:bands": [{"scale": 0.0001, "offset": -0.1}]}, 0.0001, -0.1),
        ({"bands": [{"raster:scale": 0.0001, "raster:offset": -0.1}]}, 0.0001, -0.1),
        ({"raster:scale": 0.0001, "raster:offset": -0.1}, 0.0001, -0.1),
        ({"bands": [{"name": "B04"}], "raster:scale": 0.0001, "raster:offset": -0.1}, 0.0001, -0.1),
        ({"raster:bands": [{"scale": 0.0001, "offset": 0}]}, 0.0001, 0.0),
        ({"raster:bands": [{"scale": 0.0001}]}, 0.0001, None),
        ({"raster:bands": []}, None, None),
        ({"raster:bands": [{"scale": "0.0001", "offset": True}]}, None, None),
        ({"raster:bands": [None]}, None, None),
        ({}, None, None),
    ],
)
def test_scale_and_offset_wherever_they_are_published(given, asset, scale, offset):
    (found,) = given(only({"href": "a.tif"} | asset))
    assert (found.assets["a"].number("scale"), found.assets["a"].number("offset")) == (scale, offset)


def test_each_band_of_an_asset_has_its_own_values(given):
    asset = {"raster:bands": [{"scale": 1}, {"scale": 2, "offset": 5}], "eo:bands": [{"common_name": "red"}, {"common_name": "nir"}]}
    found = given(only(asset))[0].assets["a"]
    assert [found.number("scale", b) for b in (1, 2, 3)] == [1.0, 2.0, None]
    assert [found.number("offset", b) for b in (1, 2)] == [None, 5.0]
    assert found.bands == [{"scale": 1, "common_name": "red"}, {"scale": 2, "offset": 5, "common_name": "nir"}]


def test_a_bands_value_goes_before_the_assets(given):
    found = given(only({"bands": [{"raster:scale": 0.5}, {}], "raster:scale": 0.25}))[0].assets["a"]
    assert [found.number("scale", b) for b in (1, 2)] == [0.5, 0.25]


@pytest.mark.parametrize(
    ("properties", "baseline"),
    [
        ({"s2:processing_baseline": "04.00"}, 4.0),
        ({"s2:processing_baseline": "05.10"}, 5.1),
        ({"s2:processing_baseline": "05.09"}, 5.09),
        ({"s2:processing_baseline": "03.01"}, 3.01),
        ({"s2:processing_baseline": "02.14"}, 2.14),
        ({"s2:processing_baseline": "N0510"}, 5.1),
        ({"sentinel2:processing_baseline": "05.11"}, 5.11),
        ({"processing:version": "05.10"}, 5.1),
        ({"processing:version": "0.1.0"}, None),
        ({"s2:processing_baseline": "new"}, None),
        ({"s2:processing_baseline": None}, None),
        ({}, None),
    ],
)
def test_the_processing_baseline(given, properties, baseline):
    assert given(item(properties=properties))[0].baseline == baseline


@pytest.mark.parametrize(
    ("properties", "tile"),
    [
        ({"grid:code": "MGRS-47SNC"}, "47SNC"),
        ({"s2:mgrs_tile": "47SNC"}, "47SNC"),
        ({"mgrs:utm_zone": 47, "mgrs:latitude_band": "S", "mgrs:grid_square": "NC"}, "47SNC"),
        ({"mgrs:utm_zone": 47, "mgrs:latitude_band": "S"}, None),
        ({}, None),
    ],
)
def test_the_tile(given, properties, tile):
    assert given(item(properties=properties))[0].tile == tile


HTTPS = "https://download.example.org/B04.jp2"


@pytest.mark.parametrize(
    ("asset", "href"),
    [
        ({"href": "s3://b/B04.jp2", "alternate": {"https": {"href": HTTPS}}}, HTTPS),
        ({"href": "s3://b/B04.jp2", "alternate": {"s3": {"href": "s3://c/B04.jp2"}, "x": {"href": HTTPS}}}, HTTPS),
        ({"href": "s3://b/B04.jp2", "alternate": {"s3": {"href": "s3://c/B04.jp2"}}}, "s3://b/B04.jp2"),
        ({"href": "s3://b/B04.jp2", "alternate": ["no", "object"]}, "s3://b/B04.jp2"),
        ({"href": "s3://b/B04.jp2"}, "s3://b/B04.jp2"),
        ({"href": "https://a/B04.tif", "alternate": {"https": {"href": HTTPS}}}, "https://a/B04.tif"),
        ({"href": "scenes/B04.tif", "alternate": {"https": {"href": HTTPS}}}, "scenes/B04.tif"),
        ({"href": "/data/B04.tif", "alternate": {"https": {"href": HTTPS}}}, "/data/B04.tif"),
    ],
)
def test_the_https_alternate_where_the_main_href_is_neither_a_path_nor_http(given, asset, href):
    assert given(only(asset))[0].assets["a"].href == href


def test_no_such_file(tmp_path):
    with pytest.raises(BadInput) as caught:
        read_items(tmp_path / "none.json")
    error = caught.value
    assert (error.where, error.field, error.found) == (str(tmp_path / "none.json"), "catalog", "no such file")
    assert "STAC item collection" in error.expected
    assert "path" in error.fix


@pytest.mark.parametrize("text", ["", "{", "<html>404</html>", b"\xff\xfe\x00", "[" * 100_000, '{"type": "FeatureCollection"', "NaN,"], ids=range(7))
def test_no_json(refused, text):
    error = refused(text)
    assert error.field == "catalog"
    assert error.found.startswith("no JSON: ")
    assert "STAC item collection" in error.expected


@pytest.mark.parametrize(
    ("content", "found"),
    [
        ({"type": "Collection", "id": "sentinel-2-l2a"}, "type Collection"),
        ({"type": "Catalog"}, "type Catalog"),
        ({"items": []}, "type None"),
        ([item()], "type list"),
        ("text", "type str"),
        (7, "type int"),
        ({"type": "FeatureCollection", "features": {"a": 1}}, "type FeatureCollection"),
    ],
)
def test_something_that_is_no_item_collection(refused, content, found):
    error = refused(json.dumps(content))
    assert (error.field, error.found, error.expected) == ("catalog", found, "a FeatureCollection of STAC items")


def test_no_features(refused):
    error = refused({"type": "FeatureCollection", "features": []})
    assert (error.field, error.found, error.expected) == ("features", "none", "at least one item")
    assert "search again" in error.fix


@pytest.mark.parametrize("feature", [None, 5, "text", [], {}, {"type": "Feature", "id": "A"}, {"id": "A", "properties": [1]}])
def test_a_feature_without_properties_is_named_by_its_number(refused, feature):
    error = refused({"type": "FeatureCollection", "features": [item(), feature]})
    assert (error.field, error.found, error.expected) == ("feature 2", "no properties", "a STAC item")


@pytest.mark.parametrize(("value", "found"), [(None, "None"), ("", "nothing"), (7, "7"), (["A"], "['A']"), ("x" * 301, "x" * 301)])
def test_an_item_without_an_id_is_named_by_its_number(refused, value, found):
    error = refused({"type": "FeatureCollection", "features": [item(), item() | {"id": value}]})
    assert (error.field, error.found) == ("feature 2: id", found)
    assert "1 to 300 characters" in error.expected


def test_an_item_whose_id_is_absent(refused):
    bad = item()
    del bad["id"]
    assert refused({"type": "FeatureCollection", "features": [bad]}).field == "feature 1: id"


@pytest.mark.parametrize(("assets", "found"), [(None, "NoneType"), ([], "list"), ([{"href": "a"}], "list"), ("a.tif", "str"), ({"red": "a.tif"}, "dict")])
def test_s04_assets_that_are_no_assets(refused, assets, found):
    error = refused({"type": "FeatureCollection", "features": [item("S2_X") | {"assets": assets}]})
    assert (error.field, error.found) == ("item S2_X: assets", found)
    assert "assets by name" in error.expected


@pytest.mark.parametrize(
    ("when", "found"), [(None, "None"), ("", "nothing"), ("July 2022", "July 2022"), ("2022-13-01T00:00:00Z", "2022-13-01"), (2022, "2022")]
)
def test_s18_a_missing_or_bad_date_names_the_item(refused, when, found):
    error = refused({"type": "FeatureCollection", "features": [item("good"), item("S2_X", when=when)]})
    assert error.field == "item S2_X: datetime"
    assert error.found.startswith(found)
    assert "2022-07-04T04:07:11Z" in error.expected


def test_s18_no_date_at_all(refused):
    bad = item("S2_X")
    del bad["properties"]["datetime"]
    assert refused({"type": "FeatureCollection", "features": [bad]}).field == "item S2_X: datetime"


@pytest.mark.parametrize("links", [None, {}, 5, "text", [None, 5, {"rel": "self"}]], ids=str)
def test_links_of_a_wrong_type_do_no_harm_or_are_bad_input(tmp_path, links):
    path = tmp_path / "items.json"
    path.write_text(json.dumps(item(links=links)), encoding="utf-8")
    try:
        assert [i.id for i in read_items(path)] == ["A"]
    except BadInput as error:
        assert "links" in error.field
