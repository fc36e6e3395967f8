"""Faults of scenes: what is refused before any work, what stops a run, and what is counted and right nevertheless."""

import csv
import itertools
import json
import os
import subprocess
import sys
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Geod, Transformer
from scenemine import CRS, NORTH, SHAPE, WEST, read, write_tif
from shapely.ops import transform

from pipeline import config as configs
from pipeline import images, plan, scenefiles
from pipeline import scenes as scenes_module
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.errors import BadInput, RunFault

ROOT = Path(__file__).parents[1]
HERE = Affine(10, 0, WEST, 0, -10, NORTH)
COARSE = Affine(20, 0, WEST, 0, -20, NORTH)

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def stopped(capfd):
    """Return a function that runs a stage that must stop with exit 3, and returns its message."""

    def call(mine, *arguments):
        capfd.readouterr()
        assert mine.stage(*arguments, "--sensor", "sentinel-2") == 3
        text = capfd.readouterr().err
        assert "Traceback" not in text
        assert not [p for p in (mine.folder / "results").rglob("*") if ".part" in p.name]
        return text

    return call


def file(mine, number, asset):
    """Return the path of a scene's file."""
    return mine.folder / "scenes" / mine.scenes[number]["id"] / f"{asset}.tif"


def edit(mine, change):
    """Let a function change the features of the catalogue."""
    content = json.loads(mine.catalog.read_text(encoding="utf-8"))
    change(content["features"])
    mine.catalog.write_text(json.dumps(content), encoding="utf-8")


def ledger(mine, results="results"):
    """Return the ledger's rows after asserting that they are the catalogue's assets, each once."""
    with (mine.folder / results / "small/sentinel-2/ledger.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    content = json.loads(mine.catalog.read_text(encoding="utf-8"))
    listed = [(item["id"], asset) for item in content["features"] for asset in item["assets"]]
    assert len(rows) == len(listed)
    assert Counter((row["item"], row["asset"]) for row in rows) == Counter(listed)
    assert {row["status"] for row in rows} <= {"read", "dropped"}
    assert all(row["reason"] for row in rows)
    return rows


def statuses(mine):
    """Return the ledger's statuses by item."""
    found = {}
    for row in ledger(mine):
        found.setdefault(row["item"], set()).add(row["status"])
    return found


def composites(mine, **more):
    """Make every composite; assert that what is missing is NaN and never zero, and that the ledger accounts for everything."""
    folder = mine.composites(write=False, **more)
    ledger(mine, **more)
    for path in folder.glob("ndvi_*.tif"):
        ndvi, clear = read(path), read(folder / path.name.replace("ndvi", "clear"))
        assert ndvi.dtype == np.float32
        assert np.isnan(ndvi[clear == 0]).all()
        assert not (ndvi == 0).any()
    return folder


def tifs(folder):
    """Return the bytes of every raster and of scenes.json."""
    return {p.name: p.read_bytes() for p in [*folder.glob("*.tif"), folder / "scenes.json"]}


def grid_slice(folder):
    """Return rows and columns of the results' grid that the scenes' 60 x 80 cells cover."""
    grid = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))["grid"]
    top, left = (grid["transform"][5] - NORTH) / 10, (WEST - grid["transform"][2]) / 10
    assert top == int(top)
    assert left == int(left)
    return int(top), int(left)


def on_scene(folder, name):
    """Return a raster on the scenes' own cells; cells that the results' grid does not have are left out as (values, rows, columns)."""
    values, (top, left) = read(folder / name), grid_slice(folder)
    rows, cols = (np.arange(n) - s for n, s in zip(values.shape, (top, left), strict=True))
    inside = np.ix_((rows >= 0) & (rows < SHAPE[0]), (cols >= 0) & (cols < SHAPE[1]))
    out = np.full(SHAPE, -99.0, np.float32)
    out[np.ix_(rows[(rows >= 0) & (rows < SHAPE[0])], cols[(cols >= 0) & (cols < SHAPE[1])])] = values[inside]
    return out


def cells(values):
    """Return the values of cells that the results' grid has."""
    return values[values != -99.0]


def test_the_mine_that_the_faults_start_from_is_good(small):
    small.write()
    folder = composites(small)
    for year in (2021, 2022):
        assert cells(on_scene(folder, f"ndvi_{year}.tif")) == pytest.approx(0.6, abs=1e-6)
        assert (cells(on_scene(folder, f"clear_{year}.tif")) == 1).all()


# ---------------------------------------------------------------- files that cannot be read


@pytest.mark.parametrize("asset", ["B04", "B08", "SCL"])
def test_s01_a_truncated_file_stops_its_year_and_the_same_command_completes_after_repair(small, stopped, asset):
    small.write()
    whole = tifs(composites(small, results="whole"))
    path = file(small, 1, asset)
    good = path.read_bytes()
    assert small.stage("scenes", "--sensor", "sentinel-2") == 0
    path.write_bytes(good[: len(good) * 6 // 10])
    folder = small.folder / "results/small/sentinel-2"
    assert small.stage("composite", "--sensor", "sentinel-2", "--year", "2021") == 0
    before = {p.name for p in folder.iterdir()}
    text = stopped(small, "composite", "--year", "2022")
    assert f"item {small.scenes[1]['id']}: asset {asset}" in text
    assert str(path) in text
    assert {p.name for p in folder.iterdir()} == before
    assert not (folder / "ndvi_2022.tif").exists()
    path.write_bytes(good)
    assert small.stage("composite", "--sensor", "sentinel-2", "--year", "2022") == 0
    assert tifs(folder) == whole
    ledger(small)


@pytest.mark.parametrize("asset", ["B04", "SCL"])
def test_s01_a_truncated_file_stops_before_the_run_when_the_data_are_asked_for_the_offset(small, stopped, asset):
    small.write()
    path = file(small, 1, asset)
    good = path.read_bytes()
    path.write_bytes(good[: len(good) * 6 // 10])
    text = stopped(small, "scenes")
    assert f"item {small.scenes[1]['id']}: asset {asset}" in text
    assert not list(small.folder.glob("results/small/sentinel-2/*"))
    path.write_bytes(good)
    assert small.stage("scenes", "--sensor", "sentinel-2") == 0


def test_s01_a_file_that_vanished_after_it_was_pinned_stops_its_year(small, stopped):
    small.write()
    assert small.stage("scenes", "--sensor", "sentinel-2") == 0
    file(small, 0, "B08").rename(small.folder / "away.tif")
    text = stopped(small, "composite", "--year", "2021")
    assert all(part in text for part in (small.scenes[0]["id"], "asset B08", "no such file"))
    assert not list(small.folder.glob("results/small/sentinel-2/*_2021.tif"))
    (small.folder / "away.tif").rename(file(small, 0, "B08"))
    assert small.stage("composite", "--sensor", "sentinel-2", "--year", "2021") == 0


NOT_A_TIFF = {
    "empty": b"",
    "HTML": b"<!DOCTYPE html><html><body>404</body></html>",
    "no directory": b"II*\0" + b"\0" * 4,
    "directory beyond the end": b"II*\0\xff\xff\xff\x7f",
    "JPEG 2000": b"\0\0\0\x0cjP  \r\n\x87\n" + b"\0" * 100,
}


@pytest.mark.parametrize("asset", ["B04", "SCL"])
@pytest.mark.parametrize("content", NOT_A_TIFF.values(), ids=NOT_A_TIFF)
def test_s03_what_is_no_geotiff_is_refused_whatever_its_name(small, refused, content, asset):
    small.write()
    file(small, 1, asset).write_bytes(content)
    error = refused(small)
    assert error.where == str(file(small, 1, asset))
    assert (error.found, error.expected) == (f"{len(content):,} bytes that are not a readable GeoTIFF or JPEG 2000", "a GeoTIFF or JPEG 2000")


def test_s03_a_file_that_is_not_there_is_refused(small, refused):
    small.write()
    file(small, 0, "B08").unlink()
    error = refused(small)
    assert (error.where, error.found) == (str(file(small, 0, "B08")), "no such file")


@pytest.mark.parametrize("kind", ["VRT", "WMS"])
def test_x01_a_vrt_or_wms_named_tif_is_refused_and_nothing_is_asked_for(small, refused, server, kind):
    small.write()
    good, path = file(small, 0, "B04"), file(small, 1, "B04")
    inner = f"<SourceFilename>/vsicurl/{server.url}/secret.tif</SourceFilename>" if kind == "VRT" else f"<ServerUrl>{server.url}/wms?</ServerUrl>"
    vrt = (
        f'<VRTDataset rasterXSize="80" rasterYSize="60"><SRS>{CRS}</SRS><GeoTransform>{WEST}, 10, 0, {NORTH}, 0, -10</GeoTransform>'
        f'<VRTRasterBand dataType="UInt16" band="1"><SimpleSource>{inner}<SourceBand>1</SourceBand></SimpleSource></VRTRasterBand></VRTDataset>'
    )
    path.write_text(vrt if kind == "VRT" else f"<GDAL_WMS><Service name='TMS'>{inner}</Service></GDAL_WMS>", encoding="utf-8")
    error = refused(small)
    assert error.where == str(path)
    assert "not a readable GeoTIFF" in error.found
    assert server.asked == []
    assert good.is_file()


def test_x01_a_vrt_from_a_server_is_refused(small, refused, server):
    small.write()
    vrt = '<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>'
    (small.folder / "vrt.tif").write_text(vrt, encoding="utf-8")
    edit(small, lambda items: items[1]["assets"]["B04"].update(href=f"{server.url}/vrt.tif?sig=secret123"))
    error = refused(small)
    assert error.where == f"{server.url}/vrt.tif"
    assert "secret123" not in str(error)


def test_x04_a_header_that_claims_giant_blocks_is_refused(small, refused):
    small.write()
    path = file(small, 0, "B04")
    options = {"driver": "GTiff", "dtype": "uint16", "count": 1, "width": 65536, "height": 65536, "crs": CRS, "transform": HERE}
    rasterio.open(path, "w", **options, tiled=True, blockxsize=32768, blockysize=32768, sparse_ok=True, bigtiff="YES").close()
    error = refused(small)
    assert (error.where, error.found) == (str(path), "blocks of 32768 x 32768")


# ---------------------------------------------------------------- items that cannot be used


@pytest.mark.parametrize("asset", ["B04", "B08"])
def test_s04_an_item_without_red_or_nir_is_refused(small, refused, asset):
    small.write()
    edit(small, lambda items: items[1]["assets"].pop(asset))
    error = refused(small)
    assert (error.where, error.field) == (str(small.catalog), f"item {small.scenes[1]['id']}: assets")
    assert error.found.startswith(f"no {'red' if asset == 'B04' else 'nir'} among ")
    assert asset in error.expected


def test_s04_a_band_that_the_file_does_not_have_is_refused(small, refused):
    small.write()
    bands = [{"eo:common_name": name} for name in ("green", "red", "nir")]
    edit(small, lambda items: items[1].update(assets={"image": items[1]["assets"]["B04"] | {"bands": bands}, "SCL": items[1]["assets"]["SCL"]}))
    error = refused(small)
    assert error.where == str(file(small, 1, "B04"))
    assert small.scenes[1]["id"] in error.field
    assert (error.found, error.expected) == ("1 bands", "band 2")


def test_s04_bands_of_one_file_are_found_by_their_common_names(small):
    small.write()
    scene = small.scenes[1]
    stack = np.stack([np.full(SHAPE, 7777, "uint16"), scene["red"], scene["nir"]])
    write_tif(small.folder / "scenes" / scene["id"] / "image.tif", stack, HERE)
    bands = [{"eo:common_name": name} for name in ("green", "red", "nir")]
    image = {"href": f"scenes/{scene['id']}/image.tif", "bands": bands}
    edit(small, lambda items: items[1].update(assets={"image": image, "SCL": items[1]["assets"]["SCL"]}))
    assert cells(on_scene(composites(small), "ndvi_2022.tif")) == pytest.approx(0.6, abs=1e-6)


def test_s05_a_scene_without_a_mask_is_dropped_and_counted(small):
    small.add("2022-07-10", ndvi=0.1, scl=None)
    small.scenes[2]["scl"] = None
    small.write()
    folder = composites(small)
    rows = [row for row in ledger(small) if row["item"] == small.scenes[2]["id"]]
    assert {(row["asset"], row["status"]) for row in rows} == {("B04", "dropped"), ("B08", "dropped")}
    assert all("SCL" in row["reason"] for row in rows)
    assert cells(on_scene(folder, "ndvi_2022.tif")) == pytest.approx(0.6, abs=1e-6)
    assert (cells(on_scene(folder, "clear_2022.tif")) == 1).all()


def test_s05_a_catalogue_of_which_no_scene_has_a_mask_is_refused(small, refused):
    for scene in small.scenes:
        scene["scl"] = None
    small.write()
    error = refused(small)
    assert (error.where, error.expected) == (str(small.catalog), "at least one scene")
    assert error.found.startswith("2 items: no quality layer")


@pytest.mark.parametrize(("asset", "where"), [("B04", HERE), ("B08", HERE), ("SCL", COARSE)])
def test_s06_no_crs(small, refused, asset, where):
    small.write()
    write_tif(file(small, 1, asset), read(file(small, 1, asset)), where, crs=None)
    error = refused(small)
    assert error.where == str(file(small, 1, asset))
    assert error.field == f"item {small.scenes[1]['id']}: asset {asset}: CRS"
    assert (error.found, error.expected) == ("none", "a coordinate reference system")


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_s06_a_crs_without_a_position(small, refused):
    small.write()
    write_tif(file(small, 1, "B04"), read(file(small, 1, "B04")), Affine.identity())
    error = refused(small)
    assert error.where == str(file(small, 1, "B04"))
    assert "no position" in error.found


@pytest.mark.parametrize("fields", [{"proj:epsg": 32648}, {"proj:epsg": None, "proj:code": "EPSG:32648"}], ids=["STAC 1.0", "STAC 1.1"])
def test_s07_another_crs_in_the_item_than_in_the_file(small, refused, fields):
    small.scenes[1]["properties"] = fields
    small.write()
    error = refused(small)
    assert error.where in {str(file(small, 1, asset)) for asset in ("B04", "B08", "SCL")}
    assert small.scenes[1]["id"] in error.field
    assert "EPSG:32647 in the file, EPSG:32648 in the item" in error.found


@pytest.mark.parametrize("asset", ["B04", "B08", "SCL"])
def test_s07_another_shape_in_the_item_than_in_the_file(small, refused, asset):
    small.write()
    edit(small, lambda items: items[1]["assets"][asset].update({"proj:shape": [61, 80]}))
    error = refused(small)
    assert (error.where, error.field) == (str(file(small, 1, asset)), f"item {small.scenes[1]['id']}: asset {asset}: shape")
    assert error.found == ("[30, 40] in the file, [61, 80] in the item" if asset == "SCL" else "[60, 80] in the file, [61, 80] in the item")


@pytest.mark.parametrize("shift", [(10, 0), (0, 10), (0.5, 0)])
def test_s07_another_transform_in_the_item_than_in_the_file(small, refused, shift):
    small.write()
    published = [10, 0, WEST + shift[0], 0, -10, NORTH + shift[1], 0, 0, 1]
    edit(small, lambda items: items[1]["assets"]["B08"].update({"proj:transform": published}))
    error = refused(small)
    assert (error.where, error.field) == (str(file(small, 1, "B08")), f"item {small.scenes[1]['id']}: asset B08: transform")
    assert error.found.endswith(f"[10, 0, {WEST + shift[0]}, 0, -10, {NORTH + shift[1]}] in the item")


def test_s07_what_the_item_says_rightly_is_accepted(small):
    small.write()

    def say(items):
        for item in items:
            for name, asset in item["assets"].items():
                size = 20 if name == "SCL" else 10
                asset |= {"proj:shape": [600 // size, 800 // size], "proj:transform": [size, 0, WEST, 0, -size, NORTH], "proj:code": CRS}

    edit(small, say)
    assert small.stage("scenes", "--sensor", "sentinel-2") == 0
    assert {row["status"] for row in ledger(small)} == {"read"}


def test_s07_red_and_nir_on_different_grids(small, refused):
    small.write()
    write_tif(file(small, 1, "B08"), read(file(small, 1, "B08"))[:-1], HERE)
    error = refused(small)
    assert error.where == str(file(small, 1, "B08"))
    assert "not that of the red band" in error.found


def test_s08_no_scene_meets_the_area(small, refused):
    for scene in small.scenes:
        scene["west"] += 5000
    small.write()
    error = refused(small)
    assert (error.where, error.field) == (str(small.catalog), "sensors.sentinel-2.catalog")
    assert (error.found, error.expected) == ("2 items: does not meet the area", "at least one scene")


def test_s08_a_scene_that_does_not_meet_the_area_is_dropped_and_counted(small):
    small.add("2022-07-10", ndvi=0.1, west=WEST + 5000)
    small.write()
    folder = composites(small)
    assert [row["reason"] for row in ledger(small) if row["item"] == small.scenes[2]["id"]] == ["does not meet the area"] * 3
    assert cells(on_scene(folder, "ndvi_2022.tif")) == pytest.approx(0.6, abs=1e-6)


def test_s08_a_scene_that_meets_a_part_gives_that_part(small):
    small.scenes[1]["west"] += 200
    small.write()
    folder = composites(small)
    ndvi, clear = on_scene(folder, "ndvi_2022.tif"), on_scene(folder, "clear_2022.tif")
    assert np.isnan(ndvi[:, :20][ndvi[:, :20] != -99]).all()
    assert (clear[:, :20][clear[:, :20] != -99] == 0).all()
    assert cells(ndvi[:, 20:]) == pytest.approx(0.6, abs=1e-6)
    assert (cells(clear[:, 20:]) == 1).all()


@pytest.mark.parametrize("declared", [None, 255, 4, 65535, 1800], ids=str)
def test_s09_nodata_undeclared_or_wrong_changes_nothing(mine, declared):
    clear = np.full((30, 40), 4)
    clear[10:14, 10:16] = 0
    for year in (2021, 2022):
        scene = mine.add(f"{year}-07-05", ndvi=0.6, scl=clear)
        scene["red"][40:44, 50:60] = scene["nir"][40:44, 50:60] = 0
        scene["nir"][30:34, 60:62] = 0
    mine.write()
    right = composites(mine, results="right")
    expected = np.full(SHAPE, 0.6, np.float32)
    expected[20:28, 20:32] = expected[40:44, 50:60] = expected[30:34, 60:62] = np.nan
    for year in (2021, 2022):
        found = on_scene(right, f"ndvi_{year}.tif")
        np.testing.assert_allclose(found[found != -99], expected[found != -99], atol=1e-6)
    for number, asset in itertools.product(range(2), ("B04", "B08", "SCL")):
        path = file(mine, number, asset)
        values = read(path)
        fits = declared is not None and declared <= np.iinfo(values.dtype).max
        write_tif(path, values, COARSE if asset == "SCL" else HERE, nodata=declared if fits else None)
    made, expected = tifs(composites(mine)), tifs(right)
    assert {k: v for k, v in made.items() if k != "scenes.json"} == {k: v for k, v in expected.items() if k != "scenes.json"}


def test_s10_extreme_values_are_no_data_and_are_not_wrapped_around(mine):
    mine.add("2021-07-05", ndvi=0.6)
    scene = mine.add("2022-07-05", ndvi=0.6)
    wanted = np.full(SHAPE, 0.6)
    changes = [
        (30, "red", 65535, np.nan),
        (31, "nir", 65535, np.nan),
        (32, "red", 999, np.nan),  # reflectance below 0: unsigned subtraction would give 6.5
        (33, "nir", 500, np.nan),
        (34, "red", 1, np.nan),
        (35, "red", 1000, np.nan),  # reflectance 0
        (36, "nir", 32767, (3.1767 - 0.08) / (3.1767 + 0.08)),
        (37, "nir", 32768, np.nan),
        (38, "red", 1001, (0.32 - 0.0001) / (0.32 + 0.0001)),
        (39, "nir", 0, np.nan),
    ]
    for column, band, value, expected in changes:
        scene[band][20:23, column] = value
        wanted[20:23, column] = expected
    mine.write()
    folder = composites(mine)
    found = on_scene(folder, "ndvi_2022.tif")
    np.testing.assert_allclose(found[found != -99], wanted[found != -99], atol=2e-6)
    clear = on_scene(folder, "clear_2022.tif")
    assert (clear[found != -99] == np.isfinite(wanted)[found != -99]).all()


def test_s10_negative_stored_values_are_no_data(small):
    small.write()
    for band in ("B04", "B08"):
        values = read(file(small, 0, band)).astype("int16")
        values[20, 30:33] = (-9999, -1, -32768)
        write_tif(file(small, 0, band), values, HERE, nodata=None)
    found = on_scene(composites(small), "ndvi_2021.tif")
    assert np.isnan(found[20, 30:33]).all()
    assert np.isnan(cells(found)).sum() == 3


# ---------------------------------------------------------------- the radiometric offset


def test_s11_no_step_between_baselines(small):
    small.write()
    folder = composites(small)
    before, after = (cells(on_scene(folder, f"ndvi_{year}.tif")) for year in (2021, 2022))
    np.testing.assert_allclose(after, before, atol=1e-6)
    assert before == pytest.approx(0.6, abs=1e-6)
    offsets = [s["offset"] for s in json.loads((folder / "scenes.json").read_text(encoding="utf-8"))["scenes"]]
    assert offsets == [0.0, -0.1]
    reasons = {row["item"]: row["reason"] for row in ledger(small) if row["asset"] == "B04"}
    assert [f"offset {o}" in reasons[s["id"]] for o, s in zip(("0:", "-0.1:"), small.scenes, strict=True)] == [True, True]


def test_s11_baselines_mixed_in_one_year(mine):
    for day, baseline in ((5, "03.01"), (10, "05.10"), (15, "04.00"), (20, "02.14")):
        for year in (2021, 2022):
            mine.add(f"{year}-07-{day:02d}", ndvi=0.6, baseline=baseline)
    mine.settings["composite"]["method"] = "max"
    mine.write()
    highest = composites(mine)
    mine.settings["composite"]["method"] = "p0"
    mine.write_config()
    lowest = composites(mine, results="lowest")
    for year in (2021, 2022):
        for folder in (highest, lowest):
            assert cells(on_scene(folder, f"ndvi_{year}.tif")) == pytest.approx(0.6, abs=1e-6)
        assert (cells(on_scene(highest, f"clear_{year}.tif")) == 4).all()


def test_s11_an_unknown_baseline_is_refused_and_every_item_named(small, refused):
    for day in (10, 15):
        small.add(f"2022-07-{day}", ndvi=0.6)
    for scene, value in zip(small.scenes[1:], (None, "unknown", "5"), strict=True):
        scene["properties"] = {"s2:processing_baseline": value}
    small.write()
    error = refused(small)
    assert (error.where, error.field) == (str(small.catalog), "sensors.sentinel-2.offset: 3 of 4 items")
    assert all(scene["id"] in error.found for scene in small.scenes[1:])
    assert small.scenes[0]["id"] not in error.found
    assert "the metadata do not say" in error.found
    assert "`offset: raw`" in error.fix
    assert "`offset: applied`" in error.fix


@pytest.fixture
def lying(small):
    """Return the mine with honest scenes, one whose offset is gone although it must be there, and one where it is there."""
    water = np.full((30, 40), 4)
    water[:10, :10] = 6
    small.add("2022-07-10", ndvi=0.8, offset=0)
    small.add("2021-07-10", ndvi=0.6, offset=1000, scl=water)
    small.write()
    return small


def test_s11_metadata_that_lie_in_either_direction_are_named_every_item(lying, refused):
    error = refused(lying)
    assert (error.where, error.field) == (str(lying.catalog), "sensors.sentinel-2.offset: 2 of 4 items")
    gone, there = (lying.scenes[i]["id"] for i in (2, 3))
    parts = dict(text.split(": ", 1) for text in error.found.split("; ") if text.startswith("S2_"))
    assert set(parts) == {gone, there}
    assert "the offset is in the stored values" in parts[gone]
    assert "the product has no offset" in parts[there]
    assert "offset absent: data floor 400 " in error.found
    assert "offset present" in error.found


def test_s11_many_liars_are_counted_and_the_first_named(mine, refused):
    for day in range(1, 26):
        mine.add(f"2022-07-{day:02d}", ndvi=0.8, offset=0)
    mine.write()
    error = refused(mine)
    assert error.field.endswith("25 of 25 items")
    assert [scene["id"] in error.found for scene in mine.scenes] == [True] * 20 + [False] * 5
    assert error.found.endswith("and 5 more")


def test_s11_the_users_word_goes_before_metadata_and_data(lying):
    lying.scenes = lying.scenes[2:3]
    lying.write()
    for word, expected in (("applied", 0.8), ("raw", np.nan)):
        lying.settings["sensors"]["sentinel-2"]["offset"] = word
        lying.write_config()
        found = cells(on_scene(composites(lying, results=word), "ndvi_2022.tif"))
        assert found == pytest.approx(expected, abs=1e-6, nan_ok=True)


def earth_search(mine, flag):
    """Make the items those of Earth Search with a flag."""

    def change(items):
        for item in items:
            item["properties"]["earthsearch:boa_offset_applied"] = flag

    mine.names = {"red": "red", "nir": "nir", "mask": "scl"}
    mine.write()
    edit(mine, change)


def test_s11_an_earth_search_flag_that_is_false_although_the_offset_is_gone_is_named(mine, refused):
    mine.add("2022-07-05", ndvi=0.8, baseline="04.00", offset=0)
    mine.add("2022-07-10", ndvi=0.8, baseline="04.00")
    earth_search(mine, False)
    error = refused(mine)
    assert error.field.endswith("1 of 2 items")
    assert error.found.startswith(f"{mine.scenes[0]['id']}: ")
    assert "boa_offset_applied false" in error.found
    assert mine.scenes[1]["id"] not in error.found


@pytest.mark.parametrize(("flag", "offset"), [(False, 1000), (True, 0)])
def test_s11_an_earth_search_flag_that_is_right(mine, flag, offset):
    mine.add("2022-07-05", ndvi=0.8, baseline="04.00", offset=offset)
    mine.add("2021-07-05", ndvi=0.8, baseline="03.01")
    earth_search(mine, flag)
    folder = composites(mine)
    for year in (2021, 2022):
        assert cells(on_scene(folder, f"ndvi_{year}.tif")) == pytest.approx(0.8, abs=1e-6)


def test_s11_data_that_could_not_be_looked_at_are_looked_at_by_the_next_call(mine, monkeypatch):
    mine.add("2022-07-05", ndvi=0.8, offset=0)
    mine.write()
    seen = Counter()

    def only_headers(href, what, action, **more):
        seen[href] += 1
        if seen[href] > 1:
            raise RunFault(f"{what}: cannot be read")
        return images.read_image(href, what, action, **more)

    with monkeypatch.context() as patch:
        patch.setattr(scenefiles, "read_image", only_headers)
        mine.stage("scenes", "--sensor", "sentinel-2", results="first")
    assert max(seen.values()) > 1
    with pytest.raises(BadInput, match="the data say the opposite"):
        plan.make([str(mine.config)], {"results": str(mine.folder / "results")})


# ---------------------------------------------------------------- order, duplicates, orientation, types, dates


def test_s13_the_order_of_the_items_changes_no_byte(mine):
    ndvi = np.tile(np.linspace(0.2, 0.7, SHAPE[1]), (SHAPE[0], 1))
    for year in (2021, 2022):
        mine.add(f"{year}-07-05T04:07:11Z", ndvi=ndvi, noise=0.002)
        mine.add(f"{year}-07-05T04:07:25Z", ndvi=ndvi[:, ::-1], noise=0.002, west=WEST + 400)
        mine.add(f"{year}-07-05T04:07:25Z", ndvi=0.3, noise=0.002, west=WEST - 300)
    mine.write()
    first = composites(mine)
    expected = tifs(first)
    lines = (first / "ledger.csv").read_text(encoding="utf-8")
    assert len(json.loads(expected["scenes.json"])["scenes"]) == 6
    for number, order in enumerate([(5, 4, 3, 2, 1, 0), (1, 0, 2, 4, 3, 5), (2, 3, 0, 5, 1, 4)]):
        mine.write_items(order)
        folder = composites(mine, results=f"other{number}")
        assert tifs(folder) == expected
        assert (folder / "ledger.csv").read_text(encoding="utf-8") == lines
    reflectance = [mine.scenes[3][band] / 10_000 - 0.1 for band in ("red", "nir")]
    found = on_scene(first, "ndvi_2022.tif")
    inside = found != -99
    np.testing.assert_allclose(found[inside], ((reflectance[1] - reflectance[0]) / (reflectance[1] + reflectance[0]))[inside], atol=1e-5)
    assert (cells(on_scene(first, "clear_2022.tif")) == 1).all()


def test_s13_tiles_of_one_day_complete_each_other(mine):
    cloudy = np.full((30, 40), 4)
    cloudy[:, 15:20] = 9
    mine.settings["mask"] = {"dilate": []}
    mine.add("2021-07-05", ndvi=0.5)
    mine.add("2022-07-05T04:07:11Z", ndvi=0.2, scl=cloudy)
    mine.add("2022-07-05T04:07:25Z", ndvi=0.6)
    mine.write()
    folder = composites(mine)
    expected = np.full(SHAPE, 0.2, np.float32)
    expected[:, 30:40] = 0.6
    found = on_scene(folder, "ndvi_2022.tif")
    np.testing.assert_allclose(found[found != -99], expected[found != -99], atol=1e-6)
    assert (cells(on_scene(folder, "clear_2022.tif")) == 1).all()


@pytest.mark.parametrize("order", [(0, 1, 1), (1, 0, 1), (0, 1, 0, 1, 0)], ids=str)
def test_s14_an_exact_duplicate_is_read_once_and_counted(small, order):
    small.write()
    expected = tifs(composites(small, results="once"))
    small.write_items(order)
    assert tifs(composites(small)) == expected
    rows = ledger(small)
    assert Counter(row["status"] for row in rows) == {"read": 6, "dropped": 3 * (len(order) - 2)}
    assert {row["reason"] for row in rows if row["status"] == "dropped"} == {"duplicate: the same item is listed twice"}


@pytest.mark.parametrize("what", ["date", "asset", "baseline"])
def test_s14_one_id_with_different_content_is_refused(small, refused, what):
    small.write()

    def change(items):
        other = json.loads(json.dumps(items[1]))
        if what == "date":
            other["properties"]["datetime"] = "2022-07-06T04:07:11Z"
        elif what == "asset":
            other["assets"]["B04"]["href"] = items[0]["assets"]["B04"]["href"]
        else:
            other["properties"]["s2:processing_baseline"] = "04.00"
        items.append(other)

    edit(small, change)
    error = refused(small)
    assert (error.where, error.field) == (str(small.catalog), f"item {small.scenes[1]['id']}")
    assert error.found == "two items of this id with different content"


def test_s14_of_two_versions_of_a_scene_the_newer_is_read(small):
    small.add("2022-07-05", ndvi=0.1, baseline="04.00")
    for scene in small.scenes:
        scene["properties"] = {"grid:code": "MGRS-47SNC", "platform": "sentinel-2a"}
    small.write()
    folder = composites(small)
    assert cells(on_scene(folder, "ndvi_2022.tif")) == pytest.approx(0.6, abs=1e-6)
    assert statuses(small) == {small.scenes[0]["id"]: {"read"}, small.scenes[1]["id"]: {"read"}, small.scenes[2]["id"]: {"dropped"}}
    reasons = {row["reason"] for row in ledger(small) if row["item"] == small.scenes[2]["id"]}
    assert reasons == {f"another version of the scene is read: {small.scenes[1]['id']}"}


def test_s16_files_that_are_south_up_give_the_same_values(mine):
    ndvi = 0.4 + 0.2 * np.random.default_rng(3).random(SHAPE)
    codes = np.full((30, 40), 4)
    codes[8:11, 9:15] = 9
    for year in (2021, 2022):
        mine.add(f"{year}-07-05", ndvi=ndvi, scl=codes)
    mine.write()
    expected = composites(mine, results="north-up")
    for number in range(2):
        for asset, size in (("B04", 10), ("B08", 10), ("SCL", 20)):
            write_tif(file(mine, number, asset), read(file(mine, number, asset))[::-1], Affine(size, 0, WEST, 0, size, NORTH - 600))
    folder = composites(mine)
    for name in ("ndvi_2021.tif", "clear_2021.tif", "ndvi_2022.tif", "clear_2022.tif"):
        with rasterio.open(folder / name) as ours, rasterio.open(expected / name) as theirs:
            assert ours.transform == theirs.transform
            np.testing.assert_array_equal(ours.read(1), theirs.read(1))


def test_s16_rotated_files_give_values_from_the_right_place(mine):
    turned = Affine.translation(WEST - 300, NORTH - 100) @ Affine.rotation(20) @ Affine.scale(10, -10)
    shape = (150, 150)
    cols, rows = np.meshgrid(np.arange(shape[1]) + 0.5, np.arange(shape[0]) + 0.5)
    x, y = turned.a * cols + turned.b * rows + turned.c, turned.d * cols + turned.e * rows + turned.f

    def field(x, y):
        return 0.2 + 0.5 * (x - WEST + 400) / 1600 + 0.1 * (NORTH - y) / 600

    mine.add("2021-07-05")
    mine.add("2022-07-05")
    mine.write()
    ndvi = field(x, y)
    for number, offset in enumerate((0, 1000)):
        for asset, sign in (("B04", -1), ("B08", 1)):
            write_tif(file(mine, number, asset), np.rint(4000 * (1 + sign * ndvi) / 2 + offset).astype("uint16"), turned)
        write_tif(file(mine, number, "SCL"), np.full(shape, 4, "uint8"), turned)
    folder = composites(mine)
    with rasterio.open(folder / "ndvi_2022.tif") as dataset:
        found, where = dataset.read(1), dataset.transform
    assert where.b == where.d == 0
    cols, rows = np.meshgrid(np.arange(found.shape[1]) + 0.5, np.arange(found.shape[0]) + 0.5)
    x, y = where.a * cols + where.c, where.e * rows + where.f
    back = ~turned
    inside = (back.a * x + back.b * y + back.c > 0) & (back.a * x + back.b * y + back.c < 150)
    inside &= (back.d * x + back.e * y + back.f > 0) & (back.d * x + back.e * y + back.f < 150)
    assert np.isnan(found[~inside]).all()
    assert inside.mean() > 0.6
    steepest = np.hypot(0.5 / 1600, 0.1 / 600)
    np.testing.assert_allclose(found[inside], field(x, y)[inside], atol=steepest * 7.1 + 2e-4)  # half a pixel's diagonal away at most


@pytest.mark.parametrize(
    ("asset", "dtype", "expected"),
    [
        ("B04", "float32", "uint16 or int16"),
        ("B04", "uint8", "uint16 or int16"),
        ("B08", "uint32", "uint16 or int16"),
        ("SCL", "uint16", "uint8"),
        ("SCL", "float32", "uint8"),
    ],
)
def test_s17_a_wrong_dtype(small, refused, asset, dtype, expected):
    small.write()
    write_tif(file(small, 1, asset), (read(file(small, 1, asset)) % 200).astype(dtype), COARSE if asset == "SCL" else HERE)
    error = refused(small)
    assert (error.where, error.field) == (str(file(small, 1, asset)), f"item {small.scenes[1]['id']}: asset {asset}: values")
    assert (error.found, error.expected) == (dtype, expected)


@pytest.mark.parametrize("value", [None, "", "yesterday", 20220705])
def test_s18_a_missing_or_bad_date(small, refused, value):
    small.scenes[1]["properties"] = {"datetime": value}
    small.write()
    error = refused(small)
    assert (error.where, error.field) == (str(small.catalog), f"item {small.scenes[1]['id']}: datetime")
    assert error.found == str(value or ("nothing" if value == "" else "None"))


FIELDS = {
    "item": ["collection", "links"],
    "properties": ["eo:cloud_cover", "s2:processing_baseline", "grid:code", "platform", "proj:code", "proj:shape"],
    "asset": ["href", "alternate", "raster:bands", "bands", "proj:epsg", "proj:shape", "proj:transform", "raster:scale"],
}
WRONG = [None, 5, ["text"], [None] * 6, {"a": [1]}, float("nan")]


@pytest.mark.parametrize("place", FIELDS)
def test_a_field_of_a_wrong_type_is_bad_input_or_does_no_harm(small, place):
    for scene in small.scenes:
        scene["properties"] = {"grid:code": "MGRS-47SNC"}
    config = configs.load(small.write())
    zones = read_zones(config, small.config)
    good = small.catalog.read_text(encoding="utf-8")
    wrong = []
    for name, value in itertools.product(FIELDS[place], WRONG):
        items = json.loads(good)["features"]
        {"item": items[1], "properties": items[1]["properties"], "asset": items[1]["assets"]["B04"]}[place][name] = value
        small.catalog.write_text(json.dumps({"type": "FeatureCollection", "features": items}), encoding="utf-8")
        try:
            assert scenes_module.inspect(config, small.config, "sentinel-2", zones, small.catalog).scenes
        except BadInput as error:
            assert all([error.where, error.field, error.found, error.expected, error.fix])
        except Exception as error:
            wrong.append((name, value, repr(error)))
    assert wrong == []


# ---------------------------------------------------------------- years without data


def zone_area(mine, name):
    """Return a zone's area on the ellipsoid, m2."""
    outline = dict(mine.zones)[name].segmentize(10)
    return abs(Geod(ellps="WGS84").geometry_area_perimeter(transform(Transformer.from_crs(CRS, 4326, always_xy=True).transform, outline))[0])


def rows_of(folder, table, **wanted):
    """Return rows of a table."""
    with (folder / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
        return [row for row in csv.DictReader(handle) if all(row[k] == v for k, v in wanted.items())]


def test_t01_a_year_of_clouds_is_no_data_and_never_zero(mine):
    mine.settings |= {"years": {"first": 2020, "last": 2024}, "trend": {"min_years": 5}}
    mine.series(1)
    mine.scenes[2]["scl"] = np.full((30, 40), 9, "uint8")
    mine.write()
    folder = mine.run(write=False)
    assert (read(folder / "clear_2022.tif") == 0).all()
    for name in ("ndvi", "fvc", "doy", "water"):
        assert np.isnan(read(folder / f"{name}_2022.tif")).all(), name
    assert {row["status"] for row in ledger(mine)} == {"read"}
    for zone in ("pit", "background"):
        (cover,) = rows_of(folder, "fvc_by_zone", zone=zone, year="2022")
        assert (cover["fvc_mean"], cover["ndvi_mean"], float(cover["valid_pct"]), float(cover["clear_mean"] or 0)) == ("", "", 0.0, 0.0)
        areas = {row["code"]: float(row["area_ha"]) for row in rows_of(folder, "trend_area_by_zone", zone=zone, target="absolute")}
        assert areas.pop("99") == pytest.approx(zone_area(mine, zone) / 1e4, rel=1e-5)
        assert set(areas.values()) == {0.0}
        seen = rows_of(folder, "zone_by_scene", zone=zone, item=mine.scenes[2]["id"])
        assert [(row["ndvi_mean"], float(row["clear_pct"]), float(row["masked_pct"])) for row in seen] == [("", 0.0, 100.0)]


def test_t01_a_year_of_clouds_is_left_out_of_the_trend(mine):
    mine.settings |= {"years": {"first": 2020, "last": 2024}}
    for i, year in enumerate(range(2020, 2025)):
        mine.add(f"{year}-07-05", ndvi=0.3 + 0.05 * i, scl=np.full((30, 40), 9) if year == 2022 else None)
    mine.write()
    folder = mine.run(write=False)
    scenes = grid_slice(folder)
    assert scenes is not None
    slope, n = (on_scene_band(folder, "trend_2020-2024.tif", name) for name in ("slope", "n"))
    assert (cells(n) == 4).all()
    assert cells(slope) == pytest.approx(0.05 / (0.86 - 0.05), abs=2e-4)


def on_scene_band(folder, name, band):
    """Return a named band of a raster on the scenes' cells that the results' grid has."""
    with rasterio.open(folder / name) as dataset:
        values = dataset.read(dataset.descriptions.index(band) + 1)
    top, left = grid_slice(folder)
    rows, cols = (np.arange(n) - s for n, s in zip(values.shape, (top, left), strict=True))
    return values[np.ix_((rows >= 0) & (rows < SHAPE[0]), (cols >= 0) & (cols < SHAPE[1]))]


def test_t02_a_year_without_scenes_is_no_data_and_the_trend_uses_the_real_years(mine, capsys):
    mine.settings |= {"years": {"first": 2020, "last": 2024}}
    for i, year in enumerate(range(2020, 2025)):
        if year != 2023:
            mine.add(f"{year}-07-05", ndvi=0.3 + 0.05 * i)
    mine.write()
    folder = mine.run(write=False)
    assert "no scene in the season of 2023" in capsys.readouterr().err
    assert np.isnan(read(folder / "ndvi_2023.tif")).all()
    assert (read(folder / "clear_2023.tif") == 0).all()
    assert cells(on_scene_band(folder, "trend_2020-2024.tif", "slope")) == pytest.approx(0.05 / (0.86 - 0.05), abs=2e-4)
    (cover,) = rows_of(folder, "fvc_by_zone", zone="pit", year="2023")
    assert (cover["fvc_mean"], float(cover["valid_pct"])) == ("", 0.0)
    assert ledger(mine)


def test_t02_no_scene_in_any_season_is_refused(mine, refused):
    mine.add("2022-06-30")
    mine.add("2019-07-05")
    mine.write()
    error = refused(mine)
    assert (error.found, error.expected) == ("2 items: outside the seasons", "at least one scene")


def test_scenes_that_are_not_wanted_are_counted_with_their_reason(small):
    small.add("2022-09-16", ndvi=0.1)
    small.add("2022-07-11", ndvi=0.1)["properties"] = {"eo:cloud_cover": 80.1}
    small.add("2022-07-12", ndvi=0.1)["item"] = {"collection": "other"}
    for scene in small.scenes[:4]:
        scene["item"] = {"collection": "sentinel-2-l2a"}
    small.settings["sensors"]["sentinel-2"]["collection"] = "sentinel-2-l2a"
    small.write()
    folder = composites(small)
    assert cells(on_scene(folder, "ndvi_2022.tif")) == pytest.approx(0.6, abs=1e-6)
    reasons = {row["item"]: row["reason"] for row in ledger(small) if row["status"] == "dropped"}
    assert reasons == {
        small.scenes[2]["id"]: "outside the seasons",
        small.scenes[3]["id"]: "cloud cover 80.1 % above max_cloud_pct 80",
        small.scenes[4]["id"]: "collection other, not sentinel-2-l2a",
    }


# ---------------------------------------------------------------- network and secrets


class Server:
    """Serves a folder over HTTP with ranges; `answers` holds, per path, what to answer next instead, `asked` what was asked for."""

    def __init__(self, root):
        self.root, self.asked, self.answers, self.ranges = Path(root), [], {}, True
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def log_message(self, *arguments):
                """Keep quiet."""

            def do_GET(self):
                """Answer with a file, a part of it, or what the test wants."""
                outer.answer(self)

            do_HEAD = do_GET

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        Thread(target=self.http.serve_forever, args=(0.05,), daemon=True).start()

    def answer(self, request):
        """Answer one request."""
        path = request.path.split("?")[0]
        self.asked.append(path)
        wanted = self.answers.get(path)
        special = wanted.pop(0) if isinstance(wanted, list) and wanted else wanted if isinstance(wanted, int) else None
        found = self.root / path.lstrip("/")
        if special == "cut":
            request.close_connection = True
            request.connection.close()
            return
        if special or not found.is_file():
            request.send_error(special or 404)
            return
        content, code = found.read_bytes(), 200
        whole = len(content)
        if self.ranges and (wanted := request.headers.get("Range")):
            first, last = wanted.removeprefix("bytes=").split("-")
            last = min(int(last), whole - 1) if last else whole - 1
            content, code = content[int(first) : last + 1], 206
        request.send_response(code)
        if code == 206:
            request.send_header("Content-Range", f"bytes {first}-{last}/{whole}")
        if self.ranges:
            request.send_header("Accept-Ranges", "bytes")
        request.send_header("Content-Length", str(len(content)))
        request.end_headers()
        if request.command != "HEAD":
            request.wfile.write(content)


@pytest.fixture
def server(tmp_path):
    """Return a server of the mine's folder."""
    server = Server(tmp_path / "mine")
    yield server
    server.http.shutdown()
    server.http.server_close()


def serve(mine, server, user="", query="?sig=secret123"):
    """Let every href of the catalogue lead to the server, which is not waited for long."""
    mine.settings["network"] = {"pause_s": 0.01}
    mine.write()

    def change(items):
        for item in items:
            for asset in item["assets"].values():
                asset["href"] = f"{server.url.replace('//', f'//{user}')}/{asset['href']}{query}"

    edit(mine, change)


def own_process(mine, *arguments):
    """Run a stage as a user would, in a process of its own, and return its exit code and everything that it printed."""
    command = [sys.executable, "-m", "pipeline", arguments[0], str(mine.config), "--sensor", "sentinel-2", *arguments[1:]]
    command += ["--results", str(mine.folder / "results")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": str(ROOT)}, timeout=60)
    return done.returncode, done.stdout + done.stderr


def test_x08_secrets_of_hrefs_are_in_no_file_and_no_output(mine, server, capfd, caplog, elsewhere, tmp_path):
    mine.settings |= {"years": {"first": 2020, "last": 2024}}
    mine.series(1)
    mine.write()
    local = mine.composites("local", write=False)
    capfd.readouterr()
    serve(mine, server, user="me:secret456@", query="?sig=secret123&se=2030")
    plan.make([str(mine.config)], {"results": str(mine.folder / "results")})
    assert main(["check", str(mine.config), "--results", str(mine.folder / "results")]) == 0
    folder = mine.run(write=False)
    log = mine.folder / "results" / "logs" / "again.log"
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2022", "--log", str(log)) == 0
    assert mine.stage("manifest") == 0
    assert len(set(server.asked)) == 15
    for path in local.glob("*.tif"):
        assert path.read_bytes() == (folder / path.name).read_bytes(), path.name
    printed = "".join(capfd.readouterr()) + caplog.text
    assert not any(word in printed for word in ("secret123", "secret456"))
    files = [p for top in (mine.folder / "results", elsewhere) for p in top.rglob("*") if p.is_file()]
    assert len(files) > 40
    for path in files:
        content = path.read_bytes()
        assert not any(word in content for word in (b"secret123", b"secret456")), path
    hrefs = [layer["href"] for s in json.loads((folder / "scenes.json").read_text(encoding="utf-8"))["scenes"] for layer in s["layers"].values()]
    assert len(hrefs) == 15
    assert all(href.startswith(f"{server.url}/scenes/") and href.endswith(".tif") for href in hrefs)
    assert {row["status"] for row in ledger(mine)} == {"read"}


@pytest.mark.parametrize("extra", ["s3://bucket/TCI.jp2", "/vsizip/a.zip/b.tif", "http://[::1/preview.png", ""])
def test_x08_signed_scenes_are_read_whatever_the_assets_are_that_nobody_reads(small, server, extra):
    serve(small, server)
    edit(small, lambda items: [item["assets"].update(extra={"href": extra}) for item in items])
    folder = composites(small)
    assert cells(on_scene(folder, "ndvi_2022.tif")) == pytest.approx(0.6, abs=1e-6)
    assert Counter(row["status"] for row in ledger(small)) == {"read": 6, "dropped": 2}


@pytest.mark.parametrize(
    ("href", "asset"),
    [
        ("/vsicurl/http://127.0.0.1:9/B04.tif?sig=secret123", "B04"),
        ("file:///vsicurl/http://127.0.0.1:9/B04.tif?sig=secret123", "B04"),
        ("/vsizip/a.zip/B04.tif", "B04"),
        ("s3://bucket", "B04"),
        ("s3://bucket/B04.tif?X-Amz-Signature=secret123", "B04"),
        ("HTTPS://host.org/B04.tif?sig=secret123", "B04"),
        ("http://[::1/B04.tif?sig=secret123", "B04"),
        ("http:///B04.tif?sig=secret123", "B04"),
        ("GTIFF_DIR:1:B04.tif", "B04"),
        ("", "B04"),
        ("/vsicurl/http://127.0.0.1:9/SCL.tif", "SCL"),
        ("s3://bucket/../SCL.tif", "SCL"),
    ],
)
def test_x02_a_path_that_is_neither_a_file_nor_http_is_refused(small, refused, href, asset):
    small.write()
    edit(small, lambda items: items[1]["assets"][asset].update(href=href))
    error = refused(small)
    assert error.where == str(small.catalog)
    assert error.field == f"item {small.scenes[1]['id']}: asset {asset}: href"
    assert error.expected == "a path or an http(s) URL"
    assert "secret123" not in str(error)


@pytest.mark.parametrize("catalog", ["/vsicurl/http://127.0.0.1:9/items.json", "s3://bucket/items.json"])
def test_x02_a_catalogue_that_is_no_file_is_refused(small, refused, catalog):
    small.settings["sensors"]["sentinel-2"]["catalog"] = catalog
    small.write()
    error = refused(small)
    assert "catalog" in error.field
    assert catalog in error.found


CODES = {404: "not found (404)", 403: "token expired?", 401: "credentials"}


@pytest.mark.parametrize("asset", ["B04", "SCL"])
@pytest.mark.parametrize("code", CODES)
def test_n01_n02_what_the_server_refuses_stops_at_once_naming_item_and_asset(small, server, stopped, caplog, code, asset):
    serve(small, server)
    path = f"/scenes/{small.scenes[1]['id']}/{asset}.tif"
    server.answers[path] = code
    began = time.monotonic()
    text = stopped(small, "scenes")
    assert time.monotonic() - began < 3
    assert all(part in text for part in (f"item {small.scenes[1]['id']}: asset {asset}", f"{server.url}{path}", CODES[code]))
    assert "secret123" not in text + caplog.text
    assert server.asked.count(path) == 1
    assert not [p for p in (small.folder / "results").rglob("*") if p.is_file()]
    with pytest.raises(RunFault):
        plan.make([str(small.config)], {"results": str(small.folder / "results")})


def test_n01_what_vanished_after_it_was_pinned_stops_its_year_and_the_same_command_completes(small, server):
    small.write()
    expected = tifs(composites(small, results="local"))
    serve(small, server)
    assert small.stage("scenes", "--sensor", "sentinel-2") == 0
    path = file(small, 1, "B08")
    path.rename(small.folder / "away.tif")
    code, text = own_process(small, "composite", "--year", "2022")
    assert code == 3
    assert all(part in text for part in (f"item {small.scenes[1]['id']}: asset B08", "not found (404)"))
    assert not any(word in text for word in ("secret123", "secret456"))
    folder = small.folder / "results/small/sentinel-2"
    assert sorted(p.name for p in folder.rglob("*") if p.is_file()) == ["ledger.csv", "scenes.json"]
    (small.folder / "away.tif").rename(path)
    code, text = own_process(small, "composite", "--year", "2022")
    assert (code, "secret123" in text) == (0, False)
    assert (folder / "ndvi_2022.tif").read_bytes() == expected["ndvi_2022.tif"]


def test_n02_a_refusal_in_a_process_of_its_own_prints_no_secret(small, server):
    serve(small, server, user="me:secret456@")
    server.answers[f"/scenes/{small.scenes[0]['id']}/SCL.tif"] = 403
    code, text = own_process(small, "scenes")
    assert code == 3
    assert "token expired?" in text
    assert not any(word in text for word in ("secret123", "secret456"))


@pytest.mark.parametrize("code", [503, 429])
def test_n03_a_server_that_is_busy_is_asked_again(small, server, code):
    serve(small, server)
    path = f"/scenes/{small.scenes[1]['id']}/B04.tif"
    server.answers[path] = [code]
    assert small.stage("scenes", "--sensor", "sentinel-2") == 0
    assert server.answers[path] == []
    assert {row["status"] for row in ledger(small)} == {"read"}


@pytest.mark.parametrize("after", [0, 1], ids=["at the first request", "after the first request"])
def test_n04_a_connection_that_is_cut_twice_is_tried_again(small, server, monkeypatch, after):
    serve(small, server)
    path = f"/scenes/{small.scenes[1]['id']}/B04.tif"
    server.answers[path] = [None] * after + ["cut", "cut"]
    assert small.stage("scenes", "--sensor", "sentinel-2") == 0
    assert server.answers[path] == []


def test_n04_a_connection_that_is_always_cut_is_a_fault_and_not_bad_input(small, server, stopped, monkeypatch):
    serve(small, server)
    server.answers[f"/scenes/{small.scenes[1]['id']}/B04.tif"] = ["cut"] * 20
    text = stopped(small, "scenes")
    assert f"item {small.scenes[1]['id']}: asset B04" in text
    assert not any(word in text for word in ("secret123", "secret456"))


def test_n07_a_server_without_ranges_is_a_fault_and_not_bad_input(server, monkeypatch):
    server.ranges = False
    values = np.random.default_rng(5).integers(1, 9999, (1500, 1500)).astype("uint16")
    write_tif(server.root / "large.tif", values, HERE)
    with pytest.raises(RunFault, match="item S2_X: asset B04"):
        images.read_image(f"{server.url}/large.tif", "item S2_X: asset B04", lambda dataset: dataset.read(1))
