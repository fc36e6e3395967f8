"""Catalogues in a config: presets, addresses of STAC APIs, what goes together, and what reading their files takes."""

import json
from datetime import date

import pytest
from pipeline_configs import loaded, refused_config
from pyproj import Geod
from running import ROOT

from pipeline.access import KEYS, Access, access_of, check_keys
from pipeline.catalogs import CATALOGS, is_searched
from pipeline.errors import BadInput
from pipeline.images import resolve
from pipeline.remote import bucket_and_key, options, plain_text, reason
from pipeline.search import api_of, box_of, spans_of
from pipeline.stac import Asset, read_items

API = "https://stac.example.org/v1"


def test_presets_are_data_that_the_page_shows():
    page = (ROOT / "docs" / "catalogues.md").read_text(encoding="utf-8")
    assert list(CATALOGS) == ["earth-search", "planetary-computer", "cdse"]
    for catalog in CATALOGS.values():
        assert f"`{catalog.name}`" in page
        assert catalog.url in page
        assert catalog.reference
        assert catalog.access in {"open", "signed", "s3"}
        for collection in catalog.collections.values():
            assert f"`{collection.id}`" in page


@pytest.mark.parametrize(("catalog", "searched"), [(API, True), ("http://127.0.0.1:8000", True), ("cdse", True), ("items.json", False), ("synthetic", False)])
def test_what_is_searched(catalog, searched):
    assert is_searched(catalog) is searched


@pytest.mark.parametrize(
    ("entry", "api", "collection"),
    [
        ({"catalog": "earth-search"}, "https://earth-search.aws.element84.com/v1", "sentinel-2-c1-l2a"),
        ({"catalog": "earth-search", "collection": "sentinel-2-l2a"}, "https://earth-search.aws.element84.com/v1", "sentinel-2-l2a"),
        ({"catalog": "planetary-computer"}, "https://planetarycomputer.microsoft.com/api/stac/v1", "sentinel-2-l2a"),
        ({"catalog": "cdse"}, "https://stac.dataspace.copernicus.eu/v1", "sentinel-2-l2a"),
        ({"catalog": API, "collection": "x"}, API, "x"),
    ],
)
def test_a_preset_knows_its_address_and_collection(tmp_path, entry, api, collection):
    config = loaded(tmp_path, {"sentinel-2": entry})
    assert config.sensors["sentinel-2"].searched
    assert (api_of(config, "sentinel-2"), config.collection("sentinel-2")) == (api, collection)


@pytest.mark.parametrize(
    ("address", "secret"),
    [
        ("https://me:hunter2@stac.example.org/v1", "hunter2"),
        ("https://stac.example.org/v1?token=hunter2", "hunter2"),
        ("https://stac.example.org/v1#hunter2", "hunter2"),
        ("https://hunter2@stac.example.org/v1?x=hunter2", "hunter2"),
        ("https:///v1", "-none-"),
        ("http://[::1/v1", "-none-"),
        ("https://stac.example.org/a b", "-none-"),
        ("https://stac.example.org/{mine}", "-none-"),
        ("https://stac.example.org/$(id)'", "-none-"),
    ],
)
def test_x08_an_address_with_a_secret_or_none_is_refused_and_the_secret_not_repeated(tmp_path, address, secret):
    error = refused_config(tmp_path, {"sentinel-2": {"catalog": address, "collection": "x"}})
    assert error.field == "sensors.sentinel-2.catalog"
    assert secret not in str(error)
    assert "without user, password and query" in error.expected


@pytest.mark.parametrize("catalog", ["s3://bucket/items.json", "ftp://host/x", "HTTPS://host/v1", "/vsicurl/https://host/items.json", "file:///etc/x"])
def test_x02_other_addresses_are_refused(tmp_path, catalog):
    assert refused_config(tmp_path, {"sentinel-2": {"catalog": catalog, "collection": "x"}}).field == "sensors.sentinel-2.catalog"


@pytest.mark.parametrize(
    ("sensors", "field", "found", "fix"),
    [
        ({"sentinel-2": {"catalog": API}}, "sensors.sentinel-2.collection", "missing", "collection: sentinel-2-l2a"),
        ({"sentinel-2": {"composites": "{year}.tif", "bands": {"ndvi": 1}, "requester_pays": True}}, "sensors.sentinel-2", "requester_pays", "remove them"),
        ({"sentinel-2": {"catalog": "earth-search", "requester_pays": 1}}, "sensors.sentinel-2.requester_pays", "1", "correct the value"),
        ({"sentinel-2": {"catalog": "earthsearch "}}, None, None, None),  # a file of that name, which the preflight does not find
    ],
)
def test_what_does_not_go_together_is_refused(tmp_path, sensors, field, found, fix):
    if field is None:
        assert not loaded(tmp_path, sensors).sensors["sentinel-2"].searched
        return
    error = refused_config(tmp_path, sensors)
    assert error.field == field
    assert found in error.found
    assert fix in error.fix


@pytest.mark.parametrize(
    ("catalog", "kind", "more", "field"),
    [
        ("cdse", "landsat", {}, "catalog"),
        ("earth-search", "modis", {}, "catalog"),
        ("cdse", "landsat", {"collection": "mine"}, None),
        ("earth-search", "landsat", {}, "requester_pays"),
        ("earth-search", "landsat", {"requester_pays": True}, None),
        ("planetary-computer", "landsat", {}, None),
        ("planetary-computer", "modis", {}, None),
    ],
)
def test_a_sensor_that_a_preset_does_not_have_or_that_costs_money(catalog, kind, more, field):
    from types import SimpleNamespace

    from pipeline.config_catalog import check_source

    entry = SimpleNamespace(**({"catalog": catalog, "collection": None, "requester_pays": False} | more))
    if field is None:
        check_source("x", kind, entry)
        return
    with pytest.raises(ValueError, match=f"^sensors.x.{field}: ") as caught:
        check_source("x", kind, entry)
    assert "planetary-computer" in str(caught.value)
    assert len(str(caught.value).split("; ")) == 3


@pytest.mark.parametrize(
    ("network", "field"),
    [
        ({"timeout_s": 0}, "timeout_s"),
        ({"timeout_s": 1.5}, "timeout_s"),
        ({"connect_timeout_s": 601}, "connect_timeout_s"),
        ({"attempts": 0}, "attempts"),
        ({"attempts": 11}, "attempts"),
        ({"pause_s": -1}, "pause_s"),
        ({"pause": 1}, "pause"),
    ],
)
def test_network_has_bounds(tmp_path, network, field):
    assert f"network.{field}" in refused_config(tmp_path, {"sentinel-2": {"catalog": "cdse"}}, network=network).field


def test_network_reaches_the_reads(tmp_path):
    network = {"timeout_s": 7, "connect_timeout_s": 3, "attempts": 4, "pause_s": 0.5}
    config = loaded(tmp_path, {"sentinel-2": {"catalog": "cdse"}}, network=network)
    access = access_of(config, "sentinel-2")
    assert access == Access(7, 3, 4, 0.5, False, "eodata.dataspace.copernicus.eu", "default")
    given = options("https://host.org/a.tif", access)
    assert given["GDAL_HTTP_LOW_SPEED_TIME"] == "7"
    assert given["GDAL_HTTP_CONNECTTIMEOUT"] == "3"
    assert given["GDAL_HTTP_MAX_RETRY"] == "3"
    assert not any(key.startswith("AWS") for key in given)


@pytest.mark.parametrize("name", [*KEYS, "AWS_SESSION_TOKEN", "PC_SDK_SUBSCRIPTION_KEY", "GDAL_HTTP_USERPWD", "GDAL_HTTP_BEARER"])
@pytest.mark.parametrize("value", ["hunter2\r\nX-Evil: 1", "hunter2\n", "\x00hunter2", "hun\x7fter2", "hunter2\x85"])
@pytest.mark.parametrize("catalog", ["cdse", "earth-search"])
def test_x08_credentials_with_control_characters_are_refused_without_being_shown(tmp_path, name, value, catalog):
    config = loaded(tmp_path, {"sentinel-2": {"catalog": catalog}})
    with pytest.raises(BadInput) as caught:
        check_keys(config, dict.fromkeys(KEYS, "a") | {"HOME": "/a\nb", name: value})
    assert caught.value.field == name
    assert not any(part in str(caught.value) for part in ("hun", "ter2", "Evil"))


def test_x08_a_stage_that_reads_s3_looks_at_the_credentials_too(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "hunter2\nX-Evil: 1")
    with pytest.raises(BadInput, match="AWS_SESSION_TOKEN"):
        options("s3://bucket/a.tif", Access())
    assert options("https://host.org/a.tif", Access())


def test_keys_are_asked_for_where_they_are_needed_and_never_repeated(tmp_path):
    config = loaded(tmp_path, {"sentinel-2": {"catalog": "cdse"}})
    check_keys(config, dict.fromkeys(KEYS, "hunter2"))
    for environment in ({}, {KEYS[0]: "hunter2"}, {KEYS[0]: "hunter2", KEYS[1]: ""}):
        with pytest.raises(BadInput) as caught:
            check_keys(config, environment)
        assert "sensors.sentinel-2" in str(caught.value)
        assert "hunter2" not in str(caught.value)
    check_keys(loaded(tmp_path, {"sentinel-2": {"catalog": "earth-search"}}), {})


def test_s3_is_read_with_keys_of_the_environment_alone_and_pays_only_when_told(monkeypatch):
    for key in KEYS:
        monkeypatch.delenv(key, raising=False)
    href = "s3://usgs-landsat/collection02/B4.TIF"
    free = options(href, Access())
    assert free["AWS_NO_SIGN_REQUEST"] == "YES"
    assert "AWS_REQUEST_PAYER" not in free
    monkeypatch.setenv(KEYS[0], "id")
    monkeypatch.setenv(KEYS[1], "hunter2")
    paid = options(href, Access(requester_pays=True, endpoint="s3.host.org", region="here"))
    assert (paid["AWS_NO_SIGN_REQUEST"], paid["AWS_REQUEST_PAYER"], paid["AWS_S3_ENDPOINT"], paid["AWS_REGION"]) == ("NO", "requester", "s3.host.org", "here")
    assert "hunter2" not in str(paid)
    assert "AWS_REQUEST_PAYER" not in options("https://host.org/a.tif", Access(requester_pays=True))


@pytest.mark.parametrize(
    "href",
    ["s3://", "s3://b", "s3://bucket", "s3://bucket/", "s3://bucket//a.tif", "s3://bucket/../a.tif", "s3://bucket/a/../b.tif", "s3://buck et/a", "s3://B/a.tif"]
    + ["s3://bucket/a.tif?x=1", "s3://bucket/a#b", "s3://bucket/a\nb", "s3://bucket/a\0b", "s3://bucket/{a}", "s3://me:pw@bucket/a.tif", "s3:/bucket/a.tif", "S3://bucket/a"],
)  # fmt: skip
def test_x02_an_s3_address_is_a_bucket_and_a_plain_key(tmp_path, href):
    with pytest.raises(ValueError):
        bucket_and_key(href)
    with pytest.raises(ValueError):
        resolve(href, tmp_path / "items.json")


def test_an_s3_address_is_taken_apart():
    assert bucket_and_key("s3://eodata/Sentinel-2/a b/B04.jp2".replace(" ", "_")) == ("eodata", "Sentinel-2/a_b/B04.jp2")


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 409])
def test_what_is_not_asked_again(status):
    assert reason(status)


@pytest.mark.parametrize("status", [None, 206, 408, 429, 500, 502, 503, 504])
def test_what_is_asked_again(status):
    assert reason(status) is None


@pytest.mark.parametrize("user", ["me:hun/ter2", "me:hun@ter2", "me:1/ter2", "me:hun@/ter2", "ter2"])
def test_texts_lose_passwords_with_a_slash_or_an_at_sign(user):
    text = plain_text(f"/vsicurl/http://{user}@host.org/B04.tif: no; see https://docs.org/a@b and mail@host.org")
    assert text == "/vsicurl/http://host.org/B04.tif: no; see https://docs.org/a@b and mail@host.org"


def test_texts_of_gdal_lose_their_queries():
    text = "HTTP error code: 503 - https://me:hunter2@host.org/B04.tif?sig=hunter2. Retrying again in 1.0 secs"
    assert plain_text(text).startswith("HTTP error code: 503 - https://host.org/B04.tif")
    assert "hunter2" not in plain_text(text)


OPEN = "https://open.example.org/B04.tif"
LOGIN = "https://landsatlook.usgs.gov/data/B4.TIF"
BUCKET = "s3://usgs-landsat/collection02/B4.TIF"


@pytest.mark.parametrize(
    ("content", "href", "pays"),
    [
        ({"href": OPEN}, OPEN, False),
        ({"href": BUCKET, "alternate": {"https": {"href": OPEN}}}, OPEN, False),
        ({"href": LOGIN, "alternate": {"s3": {"href": BUCKET, "storage:requester_pays": True}}}, BUCKET, True),
        ({"href": BUCKET, "storage:requester_pays": True, "alternate": {"x": {"href": LOGIN}}}, BUCKET, True),
        ({"href": LOGIN}, LOGIN, False),
        ({"href": OPEN, "alternate": {"s3": {"href": BUCKET, "storage:requester_pays": True}}}, OPEN, False),
        ({"href": "B04.tif", "alternate": {"s3": {"href": BUCKET}}}, "B04.tif", False),
        ({"href": "gs://bucket/B04.tif", "alternate": {"x": {"href": "/etc/passwd"}}}, "gs://bucket/B04.tif", False),
        ({"href": "gs://bucket/B04.tif", "alternate": {"x": {"href": BUCKET}, "y": 7}}, BUCKET, False),
        ({"href": "https://[x/B04.tif", "alternate": None}, "https://[x/B04.tif", False),
    ],
)
def test_of_several_addresses_the_one_that_can_be_read_is_taken(content, href, pays):
    asset = Asset("red", content, {})
    assert (asset.href, asset.requester_pays) == (href, pays)


def test_of_cdse_the_storage_is_read_and_not_what_needs_a_login():
    (item,) = read_items(ROOT / "tests" / "items" / "cdse-sentinel-2-l2a.json")
    asset = item.assets["B04_10m"]
    assert asset.href.startswith("s3://eodata/Sentinel-2/")
    assert json.dumps(asset.content).count("download.dataspace.copernicus.eu") > 0
    assert not asset.requester_pays  # of its two storages one is free for all


def test_the_searched_days_are_the_seasons_with_a_margin_worked_out_by_hand(tmp_path):
    config = loaded(tmp_path, {"sentinel-2": {"catalog": "cdse"}}, years={"first": 2020, "last": 2022})
    # 1 July and 31 August, 15 days of sensitivity + 16 of a composite + 1 of time zones; a leap year moves days of the year by one
    assert spans_of(config) == [(date(y, 5, 29 if y % 4 == 0 else 30), date(y, 10, 2 if y % 4 == 0 else 3)) for y in (2020, 2021, 2022)]
    winter = loaded(tmp_path, {"sentinel-2": {"catalog": "cdse"}}, years={"first": 2020, "last": 2022}, season={"start": "10-01", "end": "09-30"})
    ((first, last),) = spans_of(winter)
    assert first <= date(2020, 8, 30) and last >= date(2023, 11, 1)


def test_the_searched_box_holds_the_zones_and_the_buffer_and_little_more(small_mine):
    from pipeline.aoi import read_zones
    from pipeline.config import load

    small_mine.settings["grid"] = {"buffer_m": 500}
    config = load(small_mine.write())
    zones = read_zones(config, small_mine.config)
    west, south, east, north = box_of(config, zones)
    inner = zones.frame.to_crs(4326).total_bounds
    geod = Geod(ellps="WGS84")
    here, there = (inner[0], inner[1]), (inner[2], inner[3])
    sides = [((west, here[1]), here), ((here[0], south), here), ((east, there[1]), there), ((there[0], north), there)]
    for outer, own in sides:
        assert 500 <= geod.inv(*outer, *own)[2] < 560
