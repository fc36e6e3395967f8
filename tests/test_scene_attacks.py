"""What an attacker found in scenes: odd metadata, files that change under the run, and words that no number can hold."""

import json
import os
import shutil
import time

import numpy as np
import pytest
from affine import Affine
from scenemine import CRS, NORTH, SHAPE, WEST, read, rejected, snapshot, write_tif

from pipeline import config as configs
from pipeline import plan, scenes
from pipeline.__main__ import main
from pipeline.errors import RunFault
from pipeline.images import read_image
from pipeline.pinned import signed
from pipeline.stages import composite as stage_module

HERE = Affine(10, 0, WEST, 0, -10, NORTH)
COARSE = Affine(20, 0, WEST, 0, -20, NORTH)
GIANT = 10**400
SENSOR = "sentinel-2"
ENGINEERING = 'LOCAL_CS["mine grid",UNIT["metre",1]]'
MOON = "+proj=tmerc +lat_0=0 +lon_0=99 +a=1737400 +b=1737400 +units=m +no_defs"
COMMON = [{"eo:common_name": name} for name in ("green", "red", "nir")]

pytestmark = pytest.mark.usefixtures("elsewhere")


@pytest.fixture
def stopped(capfd):
    """Return a function that runs the composite of 2022, which must stop with exit 3 and leave nothing, and returns its message."""

    def call(mine, *more):
        before = snapshot(mine.folder / "results")
        capfd.readouterr()
        assert mine.stage("composite", "--sensor", SENSOR, "--year", "2022", *more) == 3
        text = capfd.readouterr().err
        assert "Traceback" not in text
        assert {p: t for p, t in snapshot(mine.folder / "results").items() if t is not None} == {p: t for p, t in before.items() if t is not None}
        return text

    return call


def file(mine, number, asset):
    """Return the path of a scene's file."""
    return mine.folder / "scenes" / mine.scenes[number]["id"] / f"{asset}.tif"


def edit(mine, change):
    """Let a function change the second feature of the catalogue."""
    content = json.loads(mine.catalog.read_text(encoding="utf-8"))
    change(content["features"][1])
    mine.catalog.write_text(json.dumps(content), encoding="utf-8")


def publish(red, nir):
    """Return a change of an item: `raster:bands` of B04 and B08."""
    return lambda item: [item["assets"][name].update({"raster:bands": [band]}) for name, band in (("B04", red), ("B08", nir)) if band]


def pinned(mine):
    """Pin the scenes and return scenes.json."""
    assert mine.stage("scenes", "--sensor", SENSOR) == 0
    return json.loads((mine.folder / "results/small" / SENSOR / "scenes.json").read_text(encoding="utf-8"))


def ndvi(mine, year=2022):
    """Return the composite of a year of a mine whose scenes are pinned."""
    assert mine.stage("composite", "--sensor", SENSOR, "--year", str(year)) == 0
    return read(mine.folder / "results/small" / SENSOR / f"ndvi_{year}.tif")


# ---------------------------------------------------------------- signed hrefs


def listing(tmp_path, *entries):
    """Write a catalogue of items X; entries are (collection, host); return its path."""
    items = []
    for collection, host in entries:
        assets = {name: {"href": f"https://{host}/{name}.tif?sig=of-{collection}"} for name in ("B04", "B08", "SCL")}
        properties = {"datetime": "2022-07-05T04:07:11Z"}
        items.append({"type": "Feature", "id": "X", "collection": collection, "properties": properties, "assets": assets, "links": []})
    path = tmp_path / "items.json"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": items}), encoding="utf-8")
    return path


def signed_scene():
    """Return the scene X of collection A as scenes.json holds it."""
    roles = {"red": "B04", "nir": "B08", "mask": "SCL"}
    layers = {role: scenes.Layer(name, f"https://a.org/{name}.tif", 1, 1.0, 0.0, signed=True) for role, name in roles.items()}
    return scenes.Scene("X", "2022-07-05T04:07:11Z", "2022-07-05", 2022, 186, 0.0, layers)


@pytest.mark.parametrize("order", [(("A", "a.org"), ("B", "b.org")), (("B", "b.org"), ("A", "a.org"))], ids=["A first", "B first"])
def test_01_signed_hrefs_are_those_of_the_collection_that_is_read(tmp_path, order):
    (found,) = signed([signed_scene()], listing(tmp_path, *order))
    hrefs = {role: layer.href for role, layer in found.layers.items()}
    assert hrefs == {role: f"https://a.org/{name}.tif?sig=of-A" for role, name in (("red", "B04"), ("nir", "B08"), ("mask", "SCL"))}


def test_22_an_asset_that_left_the_catalogue_is_a_fault_that_names_the_item(tmp_path):
    path = listing(tmp_path, ("A", "a.org"))
    content = json.loads(path.read_text(encoding="utf-8"))
    del content["features"][0]["assets"]["B08"]
    path.write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(RunFault, match="X.*B08|B08.*X") as caught:
        signed([signed_scene()], path)
    assert "sig=" not in str(caught.value)


def test_22_an_item_that_left_the_catalogue_is_a_fault_that_names_it(tmp_path):
    with pytest.raises(RunFault, match="X"):
        signed([signed_scene()], listing(tmp_path, ("B", "b.org")))


@pytest.mark.parametrize("href", [" https://h.org/x.tif?sig=SECRET", "//h.org/x.tif?sig=SECRET"], ids=["space before it", "no scheme"])
def test_24_what_is_nearly_a_url_is_refused_without_its_secret(small, refused, href):
    edit(small, lambda item: item["assets"]["B04"].update(href=href))
    error = refused(small)
    assert small.scenes[1]["id"] in f"{error.field} {error.where}"
    assert "SECRET" not in str(error)


# ---------------------------------------------------------------- scale, offset, bands


def test_02_a_scale_of_1_for_reflectance_is_refused(small, refused):
    edit(small, publish({"scale": 1.0}, {"scale": 1.0}))
    error = refused(small)
    assert small.scenes[1]["id"] in error.field
    assert "B04" in error.field
    assert "scale" in error.field
    assert error.found.startswith("1")
    assert "0.0001" in error.expected


def test_02_red_and_nir_of_different_scales_are_refused(small, refused):
    edit(small, publish({"scale": 0.0001}, {"scale": 0.0002}))
    error = refused(small)
    assert small.scenes[1]["id"] in error.field
    assert "0.0002" in error.found


@pytest.mark.parametrize("offset", [0, -0.5], ids=["none", "garbage"])
def test_03_red_and_nir_of_different_offsets_are_refused(small, refused, offset):
    edit(small, publish({"scale": 0.0001, "offset": -0.1}, {"scale": 0.0001, "offset": offset}))
    error = refused(small)
    assert small.scenes[1]["id"] in f"{error.field} {error.found}"
    assert "-0.1" in error.found
    assert f"{offset:g}" in error.found.replace("-0.1", "")


def test_07_one_band_for_red_and_nir_is_refused(small, refused):
    edit(small, lambda item: item["assets"]["B08"].update(href=item["assets"]["B04"]["href"]))
    error = refused(small)
    assert small.scenes[1]["id"] in f"{error.field} {error.found}"


def test_07_a_key_twice_in_the_catalogue_is_refused(small, refused):
    ours = f'"B04": {{"href": "scenes/{small.scenes[1]["id"]}/B04.tif"}}'
    text = small.catalog.read_text(encoding="utf-8")
    assert text.count(ours) == 1
    small.catalog.write_text(text.replace(ours, f"{ours}, {ours.replace('B04.tif', 'B08.tif')}"), encoding="utf-8")
    error = refused(small)
    assert error.where == str(small.catalog)
    assert "B04" in f"{error.field} {error.found}"


def test_07_assets_of_one_file_are_read_by_the_common_names_of_its_bands(small):
    scene = small.scenes[1]
    write_tif(small.folder / "scenes" / scene["id"] / "image.tif", np.stack([np.full(SHAPE, 1500, "uint16"), scene["red"], scene["nir"]]), HERE)
    asset = {"href": f"scenes/{scene['id']}/image.tif", "eo:bands": COMMON}
    edit(small, lambda item: item.update(assets={"red": asset, "nir": asset, "SCL": item["assets"]["SCL"]}))
    layers = pinned(small)["scenes"][1]["layers"]
    assert (layers["red"]["band"], layers["nir"]["band"]) == (2, 3)
    assert ndvi(small) == pytest.approx(0.6, abs=1e-6)


@pytest.fixture
def ndvi_items(small):
    """Return a function that makes NDVI of int16 0.6 the only asset beside SCL, with a published band."""

    def call(band, value=6000):
        content = json.loads(small.catalog.read_text(encoding="utf-8"))
        for number, item in enumerate(content["features"]):
            write_tif(file(small, number, "NDVI"), np.full(SHAPE, value, "int16"), HERE, nodata=None)
            asset = {"href": f"scenes/{item['id']}/NDVI.tif", "raster:bands": [band]}
            item["assets"] = {"ndvi": asset, "SCL": item["assets"]["SCL"]}
        small.catalog.write_text(json.dumps(content), encoding="utf-8")
        return small

    return call


def test_09_ndvi_that_is_right_is_read(ndvi_items):
    mine = ndvi_items({"scale": 0.0001})
    pinned(mine)
    assert ndvi(mine) == pytest.approx(0.6, abs=1e-6)


@pytest.mark.parametrize(("offset", "word"), [(float("nan"), "nan"), (1000, "1000")], ids=["NaN", "1000"])
def test_09_ndvi_with_an_offset_that_cannot_be_is_refused(ndvi_items, refused, offset, word):
    error = refused(ndvi_items({"scale": 0.0001, "offset": offset}))
    assert "ndvi" in error.field
    assert "offset" in f"{error.field} {error.found}"
    assert word in error.found.lower().replace(",", "")


def test_09_integer_ndvi_with_scale_1_is_refused(ndvi_items, refused):
    error = refused(ndvi_items({"scale": 1}))
    assert "ndvi" in error.field
    assert "scale" in f"{error.field} {error.found} {error.expected}"


# ---------------------------------------------------------------- files that change under the run

REWRITTEN = {
    "other size": lambda path: write_tif(path, read(path)[:-1], HERE),
    "other position": lambda path: write_tif(path, read(path), Affine(10, 0, WEST + 500, 0, -10, NORTH)),
    "other cells": lambda path: write_tif(path, read(path), Affine(30, 0, WEST, 0, -30, NORTH)),
    "other type": lambda path: write_tif(path, read(path).astype("int32"), HERE),
    "complex": lambda path: write_tif(path, read(path).astype("complex64"), HERE),
    "no CRS": lambda path: write_tif(path, read(path), HERE, crs=None),
    "other CRS": lambda path: write_tif(path, read(path), HERE, crs="EPSG:32648"),
}


@pytest.mark.parametrize("asset", ["B04", "B08"])
@pytest.mark.parametrize("change", REWRITTEN.values(), ids=REWRITTEN)
def test_04_an_image_that_changed_after_the_inspection_is_a_fault(small, stopped, change, asset):
    pinned(small)
    change(file(small, 1, asset))
    text = stopped(small)
    assert f"item {small.scenes[1]['id']}: asset {asset}" in text
    assert "changed" in text


@pytest.mark.parametrize("dtype", ["float32", "uint16"])
def test_04_a_mask_that_changed_after_the_inspection_is_a_fault(small, stopped, dtype):
    pinned(small)
    write_tif(file(small, 1, "SCL"), np.full((30, 40), 4.7 if dtype == "float32" else 4, dtype), COARSE)
    text = stopped(small)
    assert f"item {small.scenes[1]['id']}: asset SCL" in text
    assert "changed" in text


def test_04_an_image_that_lost_bands_is_a_fault(small, stopped):
    scene = small.scenes[1]
    path = file(small, 1, "image")
    write_tif(path, np.stack([scene["red"], scene["red"], scene["nir"]]), HERE)
    image = {"href": f"scenes/{scene['id']}/image.tif", "bands": COMMON}
    edit(small, lambda item: item.update(assets={"image": image, "SCL": item["assets"]["SCL"]}))
    pinned(small)
    write_tif(path, scene["red"], HERE)
    text = stopped(small)
    assert f"item {scene['id']}: asset image" in text
    assert "changed" in text


def test_04_an_image_that_changes_between_two_blocks_is_a_fault(small, stopped, monkeypatch):
    pinned(small)
    seen, compute = [], stage_module.compute

    def later(block, *more, **named):
        if len(seen) == 1:
            for asset in ("B04", "B08"):
                write_tif(file(small, 1, asset), read(file(small, 1, asset)) - np.uint16(500), HERE)
        seen.append(block.number)
        return compute(block, *more, **named)

    monkeypatch.setattr(stage_module, "compute", later)
    text = stopped(small, "--block", "4", "--threads", "1")
    assert len(seen) > 1
    assert f"item {small.scenes[1]['id']}: asset B0" in text
    assert "changed" in text


def test_26_a_file_written_again_with_its_old_date_is_opened_again(tmp_path):
    path = tmp_path / "x.tif"
    write_tif(path, np.full((6, 8), 7, "uint16"), HERE)
    old = path.stat()

    def total(dataset):
        return int(dataset.read(1).sum())

    assert read_image(str(path), "item A: asset B04", total) == 7 * 48
    write_tif(path, np.full((9, 8), 5, "uint16"), HERE)
    os.utime(path, ns=(old.st_atime_ns, old.st_mtime_ns))
    assert path.stat().st_size != old.st_size
    assert read_image(str(path), "item A: asset B04", total) == 5 * 72


# ---------------------------------------------------------------- places


def test_05_an_image_below_the_results_of_its_mine_is_refused_and_stays(small):
    own = small.folder / "results/small" / SENSOR / "ndvi_2022.tif"
    own.parent.mkdir(parents=True)
    shutil.move(file(small, 1, "B04"), own)
    content = own.read_bytes()
    edit(small, lambda item: item["assets"]["B04"].update(href=f"results/small/{SENSOR}/ndvi_2022.tif"))
    error = rejected(small)
    assert str(own) in str(error)
    assert own.read_bytes() == content


def test_05_a_catalogue_below_the_results_of_its_mine_is_refused_and_stays(small):
    moved = small.folder / "results/small/items.json"
    moved.parent.mkdir(parents=True)
    shutil.copytree(small.folder / "scenes", moved.parent / "scenes")
    shutil.move(small.catalog, moved)
    small.settings["sensors"][SENSOR]["catalog"] = str(moved)
    small.write_config()
    content = moved.read_bytes()
    assert str(moved) in str(rejected(small))
    assert moved.read_bytes() == content


def test_17_results_of_the_mine_that_are_a_plain_file_are_refused(small):
    plain = small.folder / "results/small"
    plain.parent.mkdir()
    plain.write_text("mine", encoding="utf-8")
    assert str(plain) in str(rejected(small))
    assert plain.read_text(encoding="utf-8") == "mine"


@pytest.mark.parametrize("word", ["{year}", "{mine}"])
def test_18_braces_in_a_local_href_are_refused(small, refused, word):
    path = small.folder / "scenes" / word / "B04.tif"
    path.parent.mkdir()
    shutil.move(file(small, 1, "B04"), path)
    edit(small, lambda item: item["assets"]["B04"].update(href=f"scenes/{word}/B04.tif"))
    error = refused(small)
    assert word in str(error)
    assert path.is_file()


def test_19_the_items_of_another_mines_synthetic_scenes_are_refused(small):
    other = small.folder / "results/other/synthetic"
    other.mkdir(parents=True)
    shutil.move(small.catalog, other / "items.json")
    shutil.move(small.folder / "scenes", other / "scenes")
    small.settings["sensors"][SENSOR]["catalog"] = str(other / "items.json")
    small.write_config()
    assert str(other / "items.json") in str(rejected(small))


@pytest.mark.parametrize("asset", ["B04", "SCL"])
def test_20_an_image_from_the_future_is_refused(small, capsys, asset):
    path = file(small, 1, asset)
    os.utime(path, (time.time() + 86_400,) * 2)
    error = rejected(small)
    assert str(path) in str(error)
    assert "future" in str(error)
    capsys.readouterr()
    assert main(["check", str(small.config), "--results", str(small.folder / "results")]) == 2
    assert "future" in capsys.readouterr().err
    assert not (small.folder / "results").exists()


GRID = '{"grid": {"height": 1, "width": 1, "transform": [1, 0, 0, 0, -1, 0], "crs": "%s"}, "scenes": [{"layers": 5}]}'
CORRUPT = {
    "empty": "",
    "cut": "{",
    "a list": "[]",
    "nothing in it": "{}",
    "null": "null",
    "a number for the grid": '{"grid": 5}',
    "no CRS of this name": GRID % "nonsense",
    "a number for the layers": GRID % CRS,
    "deep": "[" * 100_000,
    "half a character": "\ud800",
}


@pytest.mark.parametrize("content", CORRUPT.values(), ids=CORRUPT)
def test_21_a_kept_inspection_that_is_corrupt_is_made_anew(small, elsewhere, content):
    expected = pinned(small)
    kept = list((elsewhere / ".snakemake/minegreen/inspected").glob("*.json"))
    assert kept
    for path in kept:
        path.write_bytes(content.encode("utf-8", "surrogatepass"))
    shutil.rmtree(small.folder / "results")
    assert pinned(small) == expected


@pytest.mark.parametrize("name", ["B04.tif.msk", "B04.tif.aux.xml"])
def test_16_a_folder_named_like_a_side_file_is_refused(small, refused, name):
    file(small, 1, name).with_name(name).mkdir()
    error = refused(small)
    assert name in str(error)


def test_13_a_name_too_long_for_a_file_does_no_harm_where_it_is_not_used(small):
    edit(small, lambda item: item["assets"].update(thumb={"href": "b" * 300 + ".tif"}))
    pinned(small)
    assert ndvi(small) == pytest.approx(0.6, abs=1e-6)


def test_13_a_name_too_long_for_a_file_is_refused_where_it_is_used(small, refused):
    edit(small, lambda item: item["assets"]["B04"].update(href="b" * 300 + ".tif"))
    assert "bbb" in str(refused(small))


# ---------------------------------------------------------------- numbers, dates and text that nothing can hold


@pytest.mark.parametrize("when", ["9999-12-31T23:59:59Z", "0001-01-01T00:00:00+10:00"])
def test_10_a_date_at_the_end_of_the_calendar_is_refused(small, refused, when):
    edit(small, lambda item: item["properties"].update(datetime=when))
    error = refused(small)
    assert error.field == f"item {small.scenes[1]['id']}: datetime"
    assert when in error.found


UNBELIEVABLE = {
    "cloud cover": lambda item: item["properties"].update({"eo:cloud_cover": GIANT}),
    "scale": publish({"scale": GIANT}, {"scale": GIANT}),
    "offset": publish({"offset": -GIANT}, {"offset": -GIANT}),
    "transform": lambda item: item["assets"]["B04"].update({"proj:transform": [10, 0, GIANT, 0, -10, GIANT]}),
    "shape": lambda item: item["assets"]["B04"].update({"proj:shape": [GIANT, GIANT]}),
    "epsg": lambda item: item["properties"].update({"proj:epsg": GIANT}),
    "code": lambda item: item["properties"].update({"proj:code": "EPSG:" + "9" * 5000}),
}


@pytest.mark.parametrize("change", UNBELIEVABLE.values(), ids=UNBELIEVABLE)
def test_11_a_number_of_400_digits_is_refused_or_ignored(small, capsys, change):
    edit(small, change)
    code = small.stage("scenes", "--sensor", SENSOR)
    assert "Traceback" not in capsys.readouterr().err
    if code == 0:
        assert ndvi(small) == pytest.approx(0.6, abs=1e-6)
    else:
        assert code == 2
        assert not (small.folder / "results").exists()
        rejected(small)


def test_11_a_cloud_cover_that_is_not_a_number_is_refused(small, refused):
    edit(small, lambda item: item["properties"].update({"eo:cloud_cover": float("nan")}))
    error = refused(small)
    assert "nan" in f"{error.field} {error.found}".lower()


SURROGATES = {
    "id": lambda item: item.update(id="a\ud800b"),
    "asset": lambda item: item["assets"].update({"x\ud800": {"href": "b.tif"}}),
    "href": lambda item: item["assets"]["B04"].update(href="a\ud800b.tif"),
}


@pytest.mark.parametrize("change", SURROGATES.values(), ids=SURROGATES)
def test_12_a_lone_surrogate_is_refused(small, refused, change):
    edit(small, change)
    error = refused(small)
    assert "\\ud800" in str(error)
    str(error).encode("utf-8")


# ---------------------------------------------------------------- grids


@pytest.mark.parametrize("crs", [ENGINEERING, MOON], ids=["engineering", "Moon"])
@pytest.mark.parametrize("assets", [("B04", "B08"), ("SCL",)], ids=["bands", "SCL"])
def test_14_a_crs_that_has_no_place_on_earth_is_refused(small, refused, crs, assets):
    for name in assets:
        write_tif(file(small, 1, name), read(file(small, 1, name)), COARSE if name == "SCL" else HERE, crs=crs)
    edit(small, lambda item: item["properties"].pop("proj:epsg"))
    error = refused(small)
    assert str(file(small, 1, assets[0])) in str(error)
    assert small.scenes[1]["id"] in error.field
    assert "CRS" in str(error)


DEGENERATE = {
    "one line": lambda size: Affine(size, size, WEST, size, size, NORTH),
    "no height": lambda size: Affine(size, 0, WEST, 0, 0, NORTH),
    "no number": lambda size: Affine(size, 0, float("nan"), 0, -size, NORTH),
}


@pytest.mark.parametrize("transform", DEGENERATE.values(), ids=DEGENERATE)
@pytest.mark.parametrize("assets", [("B04", "B08"), ("SCL",)], ids=["bands", "SCL"])
def test_15_a_degenerate_transform_is_refused(small, refused, transform, assets):
    for name in assets:
        write_tif(file(small, 1, name), read(file(small, 1, name)), transform(20 if name == "SCL" else 10))
    error = refused(small)
    assert error.where in {str(file(small, 1, name)) for name in assets}
    assert small.scenes[1]["id"] in error.field


def test_15_a_quality_layer_of_other_ground_is_refused(small, refused):
    write_tif(file(small, 1, "SCL"), read(file(small, 1, "SCL")), Affine(20, 0, WEST + 50_000, 0, -20, NORTH))
    error = refused(small)
    assert small.scenes[1]["id"] in error.field
    assert "position" in str(error)


def test_08_a_coarse_first_scene_does_not_decide_the_grid(small):
    for name in ("B04", "B08"):
        write_tif(file(small, 0, name), read(file(small, 0, name))[::6, ::6], Affine(60, 0, WEST, 0, -60, NORTH))
    transform = pinned(small)["grid"]["transform"]
    assert (transform[0], transform[4]) == (10, -10)


def test_06_dilation_is_a_distance_on_the_ground(mine):
    cloud = np.full((30, 40), 4)
    cloud[15, 20] = 9
    mine.settings["mask"] = {"dilate_m": 150}
    mine.add("2021-07-05", ndvi=0.6)
    mine.add("2022-07-05", ndvi=0.6, scl=cloud)
    mine.write()
    areas = {}
    for crs, shrink in ((CRS, 1.0), ("EPSG:3857", np.cos(np.radians(38.03)))):
        mine.settings["grid"] = {"buffer_m": 40, "crs": crs}
        mine.write_config()
        cell = pinned(mine)["grid"]["transform"][0] * shrink
        areas[crs] = np.isnan(ndvi(mine)).sum() * cell**2
    assert areas[CRS] == pytest.approx(np.pi * 160**2, rel=0.15)
    assert areas["EPSG:3857"] == pytest.approx(areas[CRS], rel=0.25)


# ---------------------------------------------------------------- the same ground, and what is said of it


def test_27_the_same_reflectance_gives_the_same_bytes_with_and_without_the_offset(mine):
    rng = np.random.default_rng(27)
    for day in (5, 10, 15):
        field, light = rng.uniform(-0.2, 0.9, SHAPE), rng.uniform(0.1, 0.9, SHAPE)
        mine.add(f"2021-07-{day:02d}", ndvi=field, light=light, baseline="02.14")
        mine.add(f"2022-07-{day:02d}", ndvi=field, light=light, baseline="05.10")
    for before, after in zip(mine.scenes[::2], mine.scenes[1::2], strict=True):
        assert (after["red"] == before["red"] + 1000).all()
        assert (after["nir"] == before["nir"] + 1000).all()
    mine.write()
    pinned(mine)
    before, after = (ndvi(mine, year) for year in (2021, 2022))
    assert np.isfinite(before).all()
    assert before.tobytes() == after.tobytes()


def contradicted(mine, word):
    """Return the mine with two items that contradict the config's word on the offset, and one that does not."""
    water = np.full((30, 40), 4)
    water[:10, :10] = 6
    mine.settings["sensors"][SENSOR]["offset"] = word
    mine.add("2021-07-05", ndvi=0.6, offset=0)
    for day in (5, 10):
        mine.add(f"2022-07-{day:02d}", ndvi=0.6 if word == "applied" else 0.8, offset=1000 if word == "applied" else 0, scl=water)
    mine.write()
    return mine


@pytest.mark.parametrize("word", ["applied", "raw"])
def test_28_data_that_contradict_the_users_word_are_warned_of(mine, word):
    contradicted(mine, word)
    found = plan.check(mine.config, configs.load(mine.config), mine.folder / "results").scenes[SENSOR]
    (text,) = [w for w in found.warnings if word in w]
    assert "2 of 3" in text
    assert mine.scenes[1]["id"] in text
    assert mine.scenes[0]["id"] not in text


def test_28_data_that_agree_with_the_users_word_are_not_warned_of(small):
    small.settings["sensors"][SENSOR]["offset"] = "raw"
    small.write_config()
    assert plan.check(small.config, configs.load(small.config), small.folder / "results").scenes[SENSOR].warnings == ()


def test_29_the_manifest_holds_what_inspection_and_masks_warn_of(mine):
    pit = np.full((30, 40), 4)
    pit[:, :21] = 9
    mine.settings["mask"] = {"dilate": []}
    mine.settings["years"]["last"] = 2023
    for year in (2021, 2022):
        for day in range(1, 25):
            mine.add(f"{year}-07-{day:02d}", ndvi=0.6, scl=pit if day % 2 else None)
    mine.write()
    folder = mine.composites(write=False)
    assert mine.stage("observations", "--sensor", SENSOR) == 0
    assert mine.stage("manifest") == 0
    warnings = json.loads((folder.parent / "run.json").read_text(encoding="utf-8"))["warnings"]
    assert [w for w in warnings if "zone pit" in w and "masked far more often than its reference" in w]
    assert [w for w in warnings if "no scene in the season of 2023" in w]
    assert not [w for w in warnings if "zone background" in w]
