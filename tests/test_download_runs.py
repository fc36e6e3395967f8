"""Downloaded products run from their folder: the same rasters and tables as from the same pixels in GeoTIFFs."""

import csv
import json
import shutil

import numpy as np
import pytest
from downloads import safe_name, write_safe, zip_safe
from scenemine import CRS, NORTH, WEST, SceneMine

from pipeline import plan
from pipeline.__main__ import main
from pipeline.errors import BadInput

TILES = ("ndvi", "clear", "doy", "water")


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Return a mine with 15 scenes of rising cover, clouds in some and water, run from GeoTIFFs."""
    made = SceneMine(tmp_path_factory.mktemp("mine"))
    rng = np.random.default_rng(5)
    for i, year in enumerate(range(2020, 2025)):
        for day in (5, 15, 25):
            scl = np.full((30, 40), 4, "uint8")
            scl[rng.random((30, 40)) < 0.004] = 9
            scl[:5, :5] = 6
            made.add(f"{year}-07-{day:02d}", ndvi=0.3 + 0.08 * i, noise=0.004, scl=scl, properties={"grid:code": "MGRS-47SNC", "platform": "sentinel-2a"})
    made.settings["trend"] = {"periods": [[2020, 2024]]}
    made.run()
    return made


def delivered(mine, folder):
    """Write the scenes of a mine as .SAFE trees."""
    for scene in mine.scenes:
        write_safe(folder, scene["when"][:-1], scene["red"], scene["nir"], scene["scl"], baseline=scene["baseline"], west=WEST, north=NORTH, crs=CRS)
    return folder


def run_from(mine, catalog, results):
    """Run a mine from another catalogue; return its folder of results."""
    mine.settings["sensors"] = {"sentinel-2": {"catalog": str(catalog)}}
    mine.write_config()
    return mine.run(results, write=False)


def ledger(folder):
    with (folder / "ledger.csv").open(encoding="utf-8") as handle:
        return list(csv.DictReader(handle))


@pytest.fixture(scope="module")
def safe_run(mine, tmp_path_factory):
    folder = delivered(mine, tmp_path_factory.mktemp("safe"))
    return folder, run_from(mine, folder, "from_safe")


def test_safe_trees_give_the_bytes_of_geotiffs(mine, safe_run):
    ours, theirs = safe_run[1], mine.folder / "results" / "small" / "sentinel-2"
    names = [f"{what}_{year}.tif" for what in (*TILES, "fvc") for year in range(2020, 2025)] + ["trend_2020-2024.tif", "trend_class_2020-2024.tif"]
    for name in names:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    for table in ("trend_area_by_zone.csv", "fvc_by_zone.csv"):
        assert (ours / table).read_bytes() == (theirs / table).read_bytes(), table


def test_pinned_scenes_of_safe_trees(safe_run):
    folder, results = safe_run
    pinned = json.loads((results / "scenes.json").read_text())["scenes"]
    assert [s["id"] for s in pinned] == [safe_name(s["when"], "03.00" if s["year"] < 2022 else "05.10") for s in pinned]
    assert [s["offset"] for s in pinned] == [0.0 if s["year"] < 2022 else -0.1 for s in pinned]
    first = pinned[0]["layers"]
    assert first["red"]["href"].startswith(str(folder / f"{pinned[0]['id']}.SAFE"))
    assert first["red"]["href"].endswith("_B04_10m.jp2")
    assert "inside" not in first["red"]


def test_ledger_of_safe_trees_adds_up(safe_run):
    rows = ledger(safe_run[1])
    assert len({r["item"] for r in rows}) == 15
    assert len(rows) == 15 * 8  # red, nir, scl, and five files of metadata
    assert sum(r["status"] == "read" for r in rows) == 15 * 3
    assert {r["asset"] for r in rows if r["status"] == "read"} == {"red", "nir", "scl"}


def test_zips_give_the_same_bytes_and_nothing_is_unpacked(mine, safe_run, tmp_path):
    folder, theirs = safe_run
    for i, safe in enumerate(sorted(folder.glob("*.SAFE"))):
        zip_safe(safe, tmp_path / (f"{safe.name}.zip" if i % 2 else f"{safe.stem}.zip"), method=8 if i % 3 else 0)
    before = sorted(p.name for p in tmp_path.rglob("*"))
    ours = run_from(mine, tmp_path, "from_zips")
    assert sorted(p.name for p in tmp_path.rglob("*")) == before
    for path in sorted(theirs.rglob("*.tif")):
        assert (ours / path.relative_to(theirs)).read_bytes() == path.read_bytes(), path.name
    pinned = json.loads((ours / "scenes.json").read_text())["scenes"]
    assert all(s["layers"]["mask"]["href"].endswith(".zip") for s in pinned)
    assert all(s["layers"]["mask"]["inside"].endswith("_SCL_20m.jp2") for s in pinned)
    assert len(ledger(ours)) == 15 * 8


def test_products_that_cannot_be_used_are_rows_of_the_ledger(mine, safe_run, tmp_path):
    folder, theirs = safe_run
    shutil.copytree(folder, tmp_path / "all")
    there = tmp_path / "all"
    names = sorted(p.name for p in there.glob("*.SAFE"))
    next((there / names[0]).rglob("*_B04_10m.jp2")).write_bytes(b"damaged")
    (there / names[1] / "MTD_MSIL2A.xml").write_text("<broken")
    next((there / names[2]).rglob("*_B08_10m.jp2")).unlink()
    (there / safe_name("2022-07-01T04:07:11", level="MSIL1C")).with_suffix(".SAFE").mkdir()
    zip_safe(there / names[3])
    (there / "LC08_L2SP_136034_20220704_20220708_02_T1.tar").write_bytes(b"packed")
    ours = run_from(mine, there, "with_damaged")
    rows = ledger(ours)
    refused = {r["item"]: r for r in rows if not r["asset"]}
    assert all(r["status"] == "dropped" and not r["datetime"] and r["reason"] for r in refused.values())
    assert "7 bytes that are not a readable GeoTIFF or JPEG 2000" in refused[names[0][:-5]]["reason"]
    assert "metadata cannot be read" in refused[names[1][:-5]]["reason"]
    assert "nir" in refused[names[2][:-5]]["reason"]
    assert f"the same product is read from {names[3]}" in refused[names[3][:-5]]["reason"]
    assert "unpack it" in refused["LC08_L2SP_136034_20220704_20220708_02_T1.tar"]["reason"]
    assert len(refused) == 6
    assert len(rows) == 12 * 8 + 6
    assert np.array_equal((ours / "ndvi_2024.tif").read_bytes(), (theirs / "ndvi_2024.tif").read_bytes())


def test_new_and_check_take_a_folder(mine, safe_run, tmp_path, monkeypatch, capsys):
    shutil.copytree(safe_run[0], tmp_path / "my downloads")
    (tmp_path / "my downloads" / "stray.tif").write_bytes(b"x")
    monkeypatch.chdir(tmp_path)
    assert main(["new", "site", "--aoi", mine.settings["aoi"]["path"], "--zone-field", "zone", "--catalog", "my downloads"]) == 0
    written = (tmp_path / "configs" / "site.yaml").read_text(encoding="utf-8")
    assert 'catalog: "my downloads"    # folder of downloaded products; docs/own-files.md' in written
    assert "years: {first: 2020, last: 2024}" in written
    capsys.readouterr()
    assert main(["check", "configs/site.yaml"]) == 0
    said = capsys.readouterr().out
    assert "sentinel-2: 15 of 16 listed scenes: 2020: 3, 2021: 3, 2022: 3, 2023: 3, 2024: 3" in said
    assert "radiometric offset: 9 scenes -0.1, 6 scenes 0" in said
    assert "dropped: 1 asset: no product that is known by its name" in said
    assert "zones drawn over the clearest scene" in said


def test_products_in_the_mines_data_folder_are_found(mine, safe_run, tmp_path, monkeypatch):
    shutil.copytree(safe_run[0], tmp_path / "data" / "site")
    monkeypatch.chdir(tmp_path)
    assert main(["new", "site", "--aoi", mine.settings["aoi"]["path"], "--zone-field", "zone"]) == 0
    assert 'catalog: "data/site"' in (tmp_path / "configs" / "site.yaml").read_text(encoding="utf-8")


@pytest.fixture
def planned(mine, safe_run, tmp_path, monkeypatch):
    """Return a function that plans a run from a copy of the products."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(safe_run[0], tmp_path / "in")
    mine.settings["sensors"] = {"sentinel-2": {"catalog": "in"}}
    mine.write_config()
    return lambda results="results": plan.make([str(mine.config)], {"results": results})


def test_plan_names_files_and_never_the_folder(planned, tmp_path):
    found = planned()
    images = found.images("small", "sentinel-2")
    assert len(images) == 15 * 3
    assert all((tmp_path / i).is_file() and i.endswith(".jp2") for i in images)
    assert len(found.images("small", "sentinel-2", 2021)) == 9


def test_jobs_run_again_when_a_product_comes_goes_or_changes(planned, tmp_path):
    stamps = [planned().stamp("scenes", "small", "sentinel-2")]
    write_safe(tmp_path / "in" / "deep", "2019-01-01T04:07:11", *(np.full((n, n), 4, t) for n, t in ((60, "uint16"), (60, "uint16"), (30, "uint8"))))
    stamps.append(planned().stamp("scenes", "small", "sentinel-2"))
    shutil.rmtree(tmp_path / "in" / "deep")
    stamps.append(planned().stamp("scenes", "small", "sentinel-2"))
    next((tmp_path / "in").rglob("*_SCL_20m.jp2")).touch()
    stamps.append(planned().stamp("scenes", "small", "sentinel-2"))
    (tmp_path / "in" / "notes.md").write_text("mine")
    stamps.append(planned().stamp("scenes", "small", "sentinel-2"))
    assert stamps[0] == stamps[2]
    assert stamps[3] == stamps[4]
    assert len(set(stamps)) == 3
    assert len({planned().stamp("composite", "small", "sentinel-2")}) == 1


def test_results_below_the_folder_of_products_are_refused(planned):
    with pytest.raises(BadInput) as caught:
        planned("in/results")
    assert "in which the results folder lies" in caught.value.found


def test_folder_without_a_product_is_refused_by_check(mine, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    mine.settings["sensors"] = {"sentinel-2": {"catalog": str(tmp_path / "empty")}}
    assert main(["check", str(mine.write_config())]) == 2
    said = capsys.readouterr().err
    assert "no product of sentinel-2" in said
    assert "Sentinel-2 Level-2A .SAFE" in said


def test_image_that_changes_after_its_inspection_is_a_fault_and_no_gap(mine, safe_run, tmp_path):
    for safe in safe_run[0].glob("*.SAFE"):
        zip_safe(safe, tmp_path / f"{safe.name}.zip")
    mine.settings["sensors"] = {"sentinel-2": {"catalog": str(tmp_path)}}
    mine.write_config()
    assert mine.stage("scenes", "--sensor", "sentinel-2", results="changed") == 0
    victim = sorted(tmp_path.glob("*_20220715T*.zip"))[0]
    victim.write_bytes(victim.read_bytes()[:-2000])
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2022", results="changed") == 3
    assert not (mine.folder / "changed" / "small" / "sentinel-2" / "ndvi_2022.tif").exists()
