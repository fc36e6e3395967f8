"""Downloaded products run from their folder: the same rasters and tables as from the same pixels in GeoTIFFs."""

import csv
import json
import shutil

import numpy as np
import pytest
from downloads import safe_name, write_safe, zip_safe
from scenemine import CRS, NORTH, WEST, SceneMine

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
