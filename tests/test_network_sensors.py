"""All three sensors over the network: one run against a STAC API and a server of ranges, and what a run does when servers fail."""

import csv
import json
import os
from pathlib import Path

import numpy as np
import pytest
from conftest import REQUIRED
from faultserver import serving
from remotemines import COLLECTIONS, QUICK, by_api, files, made, of_sensor, pinned, same
from running import snakemake
from scenemine import read, snapshot
from servers import nginx, served_items, stac_api

from pipeline.handles import close_idle

SENSORS = ("sentinel-2", "landsat", "modis")
YEARS = (2020, 2021, 2022)
FIRST_READ = {"landsat": "qa_pixel", "modis": "250m_16_days_pixel_reliability"}  # the quality layer goes first
ASSETS = {"landsat": ("red", "qa_radsat", "nir08"), "modis": ("250m_16_days_NDVI", "250m_16_days_VI_Quality", "250m_16_days_composite_day_of_the_year")}


@pytest.fixture
def three(tmp_path):
    """Return the mines of the three sensors, each with its own scenes, and one config for all in the folder of the first."""
    mines = {"sentinel-2": made(tmp_path / "mine" / "sentinel-2", YEARS)}
    mines |= {sensor: of_sensor(tmp_path / "mine" / sensor, sensor, YEARS) for sensor in SENSORS[1:]}
    for sensor, mine in mines.items():
        mine.settings["sensors"][sensor]["collection"] = COLLECTIONS[sensor]
        mine.write()
    first = mines["sentinel-2"]
    for sensor in SENSORS[1:]:
        first.settings["sensors"] |= mines[sensor].settings["sensors"]
    first.settings |= {"years": {"first": YEARS[0], "last": YEARS[-1]}, "composite": {"min_clear": 1}, "sensitivity": False}
    first.write_config()
    return mines


def test_one_run_of_three_sensors_against_a_stac_api_gives_the_bytes_that_files_give(three, tmp_path, monkeypatch):
    """The whole workflow, twice: against rustac and nginx, then with the API gone, when nothing is left to do."""
    monkeypatch.chdir(tmp_path)
    mine = three["sentinel-2"]
    results = tmp_path / "from-api"
    with nginx(tmp_path / "mine", tmp_path / "nginx", "http" in REQUIRED) as base:
        items = [item for sensor in SENSORS for item in served_items(three[sensor], f"{base}/{sensor}", COLLECTIONS[sensor])]
        with stac_api(items, tmp_path / "api") as api:
            arguments = ("--configfile", str(by_api(mine, api, "from-api")), "--config", f"results={results}")
            done = snakemake(*arguments)
            assert done.returncode == 0, done.stderr[-3000:]
        before = snapshot(results)
        again = snakemake(*arguments)  # the API is not asked again
        assert again.returncode == 0, again.stderr[-3000:]
        assert "Nothing to be done" in again.stdout + again.stderr
        assert snapshot(results) == before
    requests = (tmp_path / "nginx" / "access.log").read_text()
    manifest = json.loads((results / "small" / "run.json").read_text(encoding="utf-8"))
    for sensor in SENSORS:
        there = results / "small" / sensor
        compared = same(mine.run_of(sensor), there)
        count = sum(p.suffix in (".tif", ".csv") for p in there.rglob("*"))
        listed = json.loads((there / "items.json").read_text(encoding="utf-8"))["features"]
        with (there / "ledger.csv").open(encoding="utf-8") as handle:
            rows = list(csv.DictReader(handle))
        layers = [layer for s in json.loads((there / "scenes.json").read_text(encoding="utf-8"))["scenes"] for layer in s["layers"].values()]
        ranged = sum(f"GET /{sensor}/" in line and '" 206 ' in line for line in requests.splitlines())
        print(f"{sensor}: {compared} of {count} rasters and tables are equal, {len(listed)} items, {len(rows)} assets, {ranged} requests of ranges")
        assert compared == count >= 20
        assert sorted(i["id"] for i in listed) == sorted(s["id"] for s in three[sensor].scenes)
        assert len(rows) == sum(len(i["assets"]) for i in listed)
        assert all(layer["href"].startswith(f"{base}/{sensor}/") for layer in layers)
        assert sum(r["status"] == "read" for r in rows) == len(layers)
        assert len(layers) < ranged < 3 * len(layers)  # a job of a year reads its year alone
        assert f"{sensor}/items.json" in manifest["sha256"]
        assert np.isfinite(read(there / "ndvi_2021.tif")).sum() > 5
    close_idle()


def test_items_of_other_collections_are_not_searched(three, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for sensor in SENSORS[1:]:
        mine = three[sensor]
        items = served_items(mine, "http://127.0.0.1:9", COLLECTIONS[sensor])
        others = [item | {"id": f"other-{item['id']}", "collection": "other"} for item in items]
        with stac_api([*others, *items], tmp_path / f"api-{sensor}") as api:
            mine.settings["sensors"][sensor]["catalog"] = api
            mine.write_config()
            assert mine.stage("search", "--sensor", sensor) == 0
        found = json.loads((mine.folder / "results" / "small" / sensor / "items.json").read_text(encoding="utf-8"))["features"]
        assert sorted(i["id"] for i in found) == sorted(s["id"] for s in mine.scenes)


@pytest.fixture(scope="module", params=SENSORS[1:])
def from_files(request, tmp_path_factory):
    """Make the composites of a mine of Landsat and one of MODIS from files; nobody may change them."""
    root = tmp_path_factory.mktemp(f"files-{request.param}")
    mine = of_sensor(root / "mine", request.param)
    here = Path.cwd()
    os.chdir(root)
    try:
        return mine, mine.composites()
    finally:
        os.chdir(here)


@pytest.fixture
def remote(from_files, tmp_path, monkeypatch):
    """Return sensor, mine with hrefs that lead to a server that has bad days, and the server."""
    mine, _ = from_files
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CPL_VSIL_CURL_NON_CACHED", "/vsicurl/")  # stages are processes of their own, here they are one
    with serving(mine.folder) as server:
        other = of_sensor(tmp_path / "mine", mine.sensor)
        other.folder.mkdir()
        (other.folder / "aoi.gpkg").write_bytes((mine.folder / "aoi.gpkg").read_bytes())
        pinned(other, server.url, collection=COLLECTIONS[mine.sensor])
        yield mine.sensor, other, server
    close_idle()


@pytest.mark.parametrize("kind", ["503", "429", "cut"])
def test_n03_n04_what_fails_twice_gives_the_same_bytes(remote, from_files, kind):
    sensor, mine, server = remote
    for i, asset in enumerate(ASSETS[sensor]):
        server.fault(f"{mine.scenes[i]['id']}/{asset}", kind, 2)
    server.fault(f"{mine.scenes[3]['id']}/{FIRST_READ[sensor]}", kind, 2)
    folder = mine.composites(write=False)
    assert [fault.times for fault in server.faults] == [0] * 4
    assert same(folder, from_files[1], but=()) >= 9


@pytest.mark.parametrize("kind", ["503", "429", "cut"])
def test_n03_n04_what_fails_twice_while_composites_are_made_gives_the_same_bytes(remote, from_files, kind):
    """As above, where the inspection has found every file."""
    sensor, mine, server = remote
    assert mine.stage("scenes", "--sensor", sensor) == 0
    close_idle()
    for i, asset in enumerate((*ASSETS[sensor], FIRST_READ[sensor])):
        server.fault(f"{mine.scenes[i]['id']}/{asset}", kind, 2)
    for year in (2020, 2021):
        assert mine.stage("composite", "--sensor", sensor, "--year", str(year)) == 0
    assert [fault.times for fault in server.faults] == [0] * 4
    assert same(mine.folder / "results" / "small" / sensor, from_files[1], but=()) >= 9


@pytest.mark.parametrize("kind", ["404", "hang", "dead"])
def test_n01_n05_a_server_that_fails_for_good_stops_the_composite_and_names_item_and_asset(remote, kind, capfd):
    """No product of the year is left; where the server is well again the same command completes."""
    sensor, mine, server = remote
    assert mine.stage("scenes", "--sensor", sensor) == 0
    close_idle()
    folder, item, asset = mine.folder / "results" / "small" / sensor, mine.scenes[2]["id"], ASSETS[sensor][0]
    text = (folder / "scenes.json").read_text(encoding="utf-8")
    if kind == "dead":
        scenes = json.loads(text)
        asset = FIRST_READ[sensor]
        for layer in next(s for s in scenes["scenes"] if s["id"] == item)["layers"].values():
            layer["href"] = layer["href"].replace(str(server.port), "9")
        (folder / "scenes.json").write_text(json.dumps(scenes), encoding="utf-8")
    else:
        server.fault(f"{item}/{asset}", kind)
    before = files(folder)
    assert mine.stage("composite", "--sensor", sensor, "--year", "2021") == 3
    said = capfd.readouterr().err
    assert f"item {item}: asset {asset}: http://127.0.0.1:" in said
    assert {"404": "not found (404)", "hang": "the last 2 seconds", "dead": "tried 3 times"}[kind] in said
    assert files(folder) == before
    server.faults.clear()
    (folder / "scenes.json").write_text(text, encoding="utf-8")
    if kind != "hang":  # the server may still hold the connection
        assert mine.stage("composite", "--sensor", sensor, "--year", "2021") == 0


@pytest.mark.parametrize("kind", ["hang", "dead"])
def test_n05_a_server_that_fails_for_good_stops_the_inspection_and_nothing_is_left(remote, kind, capfd):
    sensor, mine, server = remote
    item, asset = mine.scenes[2]["id"], ASSETS[sensor][0]
    mine.settings["network"] = QUICK | {"timeout_s": 1, "attempts": 2}
    if kind == "dead":
        items = json.loads(mine.catalog.read_text(encoding="utf-8"))
        there = next(i for i in items["features"] if i["id"] == item)["assets"][asset]
        there["href"] = there["href"].replace(str(server.port), "9")
        mine.catalog.write_text(json.dumps(items), encoding="utf-8")
    else:
        server.fault(f"{item}/{asset}", kind)
    mine.write_config()
    assert mine.stage("scenes", "--sensor", sensor) == 3
    said = capfd.readouterr().err
    assert f"item {item}: asset {asset}: http://127.0.0.1:" in said
    assert {"hang": "the last 1 seconds", "dead": "tried 2 times"}[kind] in said
    assert [p.name for p in (mine.folder / "results").rglob("*") if p.is_file()] == []
