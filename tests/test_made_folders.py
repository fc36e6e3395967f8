"""Folders of Landsat bundles of every mission and of MODIS HDF, made here: proposed, checked, run, against the same pixels given as items."""

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from downloads import write_hdf, write_landsat
from pyproj import Transformer
from scenemine import CRS, NORTH, WEST, SceneMine, read
from sensormine import CELL, LANDSAT_BITS, SHAPE, SINUSOIDAL, SensorMine
from shapely.geometry import box

from pipeline import listing
from pipeline.__main__ import main
from pipeline.tables import read_csv

YEARS = range(2009, 2015)
SUFFIXES = ("MTL.txt", "MTL.xml", "MTL.json")


@pytest.fixture(scope="module")
def landsat(tmp_path_factory):
    """Return a mine with two scenes a year of Landsat 5, then 7 with gaps, then 8 and 9, its tables from items, and the same scenes as bundles."""
    mine, rng = SensorMine(tmp_path_factory.mktemp("landsat")), np.random.default_rng(12)
    mine.settings |= {"years": {"first": YEARS[0], "last": YEARS[-1]}, "composite": {"min_clear": 1}, "sensitivity": False}
    gaps = np.full(SHAPE, LANDSAT_BITS["clear"], "uint16")
    gaps[:, 3::7] = LANDSAT_BITS["fill"]
    for year in YEARS:
        for k, day in enumerate(("07-05", "08-06")):
            platform = "landsat-5" if year < 2011 else "landsat-7" if year < 2013 else ("landsat-8", "landsat-9")[k]
            radsat = rng.choice([0, 1 << 2, 1 << 3, 1 << 4, 1 << 9, 1 << 11], SHAPE, p=[0.75, 0.05, 0.05, 0.05, 0.05, 0.05])
            qa = gaps.copy() if platform == "landsat-7" else np.full(SHAPE, LANDSAT_BITS["clear"], "uint16")
            qa[rng.random(SHAPE) < 0.1] = LANDSAT_BITS["cloud"]
            mine.landsat(f"{year}-{day}", rng.uniform(0.1, 0.8, SHAPE), platform, qa=qa, radsat=radsat)
    folder, bundles = mine.run(), tmp_path_factory.mktemp("bundles")
    for i, scene in enumerate(mine.scenes):
        name = scene["id"].split("_")
        product = "_".join([*name[:4], "20200913", *name[4:]])
        write_landsat(bundles / f"order {i % 2}", product, scene["properties"]["datetime"], scene["files"], SUFFIXES[i % 3], cloud=5.5 + i)
    return mine, folder, bundles


def test_bundles_of_landsat_5_and_7_become_items(landsat, tmp_path, monkeypatch, caplog):
    monkeypatch.chdir(tmp_path)
    mine, _, bundles = landsat
    found = listing.listed(bundles, "landsat")
    assert caplog.text == ""  # the package says of each scene of TM and ETM+ that its footprint is a box
    assert found.refused == ()
    items = sorted(found.items, key=lambda i: i.when)
    assert [i.mission for i in items] == [s["properties"]["platform"] for s in mine.scenes]
    assert [i.when.isoformat()[:19] for i in items] == [s["properties"]["datetime"][:19] for s in mine.scenes]
    assert {i.cloud_pct for i in items} == {5.5 + k for k in range(12)}
    for item in items:
        number = item.mission[-1]
        red, nir = ("SR_B4", "SR_B5") if number in "89" else ("SR_B3", "SR_B4")
        assert item.assets["red"].href.endswith(f"_{red}.TIF") and item.assets["nir08"].href.endswith(f"_{nir}.TIF")
        assert item.assets["red"].number("scale", 1) == 2.75e-05 and item.assets["nir08"].number("offset", 1) == -0.2
        assert (item.tile, item.id[2:4]) == ("WRS2-133033", f"0{number}")


def by_hand(scenes, year):
    """Return the mean NDVI of at most two clear values, and how many there are."""
    values = []
    for scene in (s for s in scenes if s["properties"]["datetime"].startswith(str(year))):
        red, nir, qa, radsat = (scene["files"][n][0].astype(int) for n in ("red", "nir08", "qa_pixel", "qa_radsat"))
        bits = (3, 4, 11) if scene["properties"]["platform"][-1] in "89" else (2, 3, 9)
        wrong = (radsat & sum(1 << b for b in bits)) != 0
        r, n = red * 0.0000275 - 0.2, nir * 0.0000275 - 0.2
        with np.errstate(all="ignore"):
            values.append(np.where((qa == LANDSAT_BITS["clear"]) & ~wrong, (n - r) / (n + r), np.nan))
    count = np.isfinite(values).sum(axis=0)
    with np.errstate(all="ignore"):
        return np.nansum(values, axis=0) / count, count


def test_bundles_of_landsat_5_7_8_and_9_run_from_their_folder(landsat, tmp_path, monkeypatch):
    """Rasters and tables are those of the same pixels given as items, and NDVI is what numpy gives with the bits of each mission."""
    monkeypatch.chdir(tmp_path)
    mine, theirs, bundles = landsat
    other = SensorMine(mine.folder)
    other.settings = mine.settings | {"sensors": {"landsat": {"catalog": str(bundles)}}}
    other.write_config()
    ours = other.run("from_bundles", write=False)
    of_items = ("ledger.csv", "zone_by_scene.csv")  # these name the items
    names = [p.name for p in sorted(theirs.glob("*")) if p.suffix in (".tif", ".csv") and p.name not in of_items]
    assert len(names) > 30
    for name in names:
        assert (ours / name).read_bytes() == (theirs / name).read_bytes(), name
    shape, compared = read(ours / "ndvi_2009.tif").shape, 0
    a = json.loads((ours / "scenes.json").read_text())["grid"]["transform"]
    top, left = round((NORTH + 15 - a[5]) / 30), round((a[2] - WEST + 15) / 30)
    here = slice(top, top + shape[0]), slice(left, left + shape[1])
    for year in YEARS:
        ndvi, count = by_hand(mine.scenes, year)
        np.testing.assert_array_equal(read(ours / f"clear_{year}.tif"), count[here])
        np.testing.assert_allclose(read(ours / f"ndvi_{year}.tif"), ndvi[here], rtol=0, atol=2e-6)
        compared += np.isfinite(ndvi[here]).sum()
    assert (read(ours / "clear_2011.tif") == 0).mean() > 0.1  # gaps
    ledger = read_csv(ours / "ledger.csv")
    assert len(ledger) == 12 * 5  # with the MTL
    assert sum(r["status"] == "read" for r in ledger) == 12 * 4
    print(f"{len(names)} files are equal, {compared} NDVI values agree with numpy")


def proposed(folder, zones, crs, catalog, monkeypatch, capsys):
    """Set up the mine small by `minegreen new` in a folder, check it, and return the config's mine and what check said."""
    monkeypatch.chdir(folder)
    gpd.GeoDataFrame({"zone": list(zones)}, geometry=list(zones.values()), crs=crs).to_file("aoi.gpkg")
    assert main(["new", "small", "--aoi", "aoi.gpkg", "--zone-field", "zone", "--catalog", str(catalog)]) == 0
    capsys.readouterr()
    assert main(["check", "configs/small.yaml"]) == 0
    return SceneMine(folder / "configs"), capsys.readouterr().out


def test_new_and_check_take_a_folder_of_landsat_bundles(landsat, tmp_path, monkeypatch, capsys):
    mine, _, bundles = landsat
    config, said = proposed(tmp_path, dict(mine.zones), CRS, bundles, monkeypatch, capsys)
    text = config.config.read_text(encoding="utf-8")
    assert "  landsat:\n" in text and "offset:" not in text
    assert f"years: {{first: {YEARS[0]}, last: {YEARS[-1]}}}" in text
    assert "landsat: 12 of 12 listed scenes: " + ", ".join(f"{y}: 2" for y in YEARS) in said
    assert "cells of 30 m" in said
    config.settings["years"] = {"first": YEARS[0], "last": YEARS[-1]}
    tables = config.run_of("landsat")
    assert len(read_csv(tables / "fvc_by_zone.csv")) == len(YEARS) * len(mine.zones)


def test_new_check_and_run_take_a_folder_of_modis_hdf_with_zones_too_small(tmp_path, monkeypatch, capsys):
    """Pits of 400 and 81 cells and one of a quarter: the small ones have one row, and every zone sums to its polygon."""
    shape, rng, catalog = (40, 36), np.random.default_rng(8), tmp_path / "downloads"
    x, y = Transformer.from_crs(4326, SINUSOIDAL, always_xy=True).transform(99.5, 38.0)
    left, top = round(x / CELL) * CELL, round(y / CELL) * CELL
    fill = {"NDVI": -3000, "pixel reliability": -1, "VI Quality": 65535, "composite day of the year": -1}
    planted = {}
    for year in range(2018, 2023):
        planted[year] = (2500 + 900 * (year - 2018) + rng.integers(0, 300, shape)).astype("int16")
        for first in (193, 209):
            layers = {"NDVI": planted[year], "pixel reliability": np.zeros(shape, "int8"), "VI Quality": np.full(shape, 2112, "uint16")}
            layers["composite day of the year"] = np.full(shape, first + 3, "int16")
            named = {f"250m 16 days {k}": v for k, v in layers.items()}
            write_hdf(
                catalog / f"MOD13Q1.A{year}{first}.h26v05.061.2023001000000.hdf", named, left, top, CELL, fill={f"250m 16 days {k}": v for k, v in fill.items()}
            )

    def cells(col, row, width, height):
        return box(left + col * CELL, top - (row + height) * CELL, left + (col + width) * CELL, top - row * CELL)

    places = {"North pit": (3, 3, 20, 20), "West dump": (3, 26, 9, 9), "Pit Speck": (26, 10, 0.5, 0.5), "background": (14, 25, 20, 12)}
    config, said = proposed(tmp_path, {k: cells(*v) for k, v in places.items()}, SINUSOIDAL, Path("downloads"), monkeypatch, capsys)
    text = config.config.read_text(encoding="utf-8")
    assert "  modis:\n" in text and "offset:" not in text
    assert "years: {first: 2018, last: 2022}" in text
    assert "modis: 10 of 10 listed scenes: " + ", ".join(f"{y}: 2" for y in planted) in said
    told = [line for line in said.splitlines() if "too small" in line]
    assert [name for name in places if any(name in line for line in told)] == ["West dump", "Pit Speck"]
    config.settings["years"] = {"first": 2018, "last": 2022}
    tables = config.run_of("modis")
    cover = {(r["zone"], int(r["year"])): r for r in read_csv(tables / "fvc_by_zone.csv")}
    areas = [r for r in read_csv(tables / "trend_area_by_zone.csv") if r["target"] == "absolute"]
    equal_area = gpd.GeoSeries([cells(*v) for v in places.values()], index=list(places), crs=SINUSOIDAL)  # true to area on its sphere
    for zone, (col, row, width, height) in places.items():
        own = {r["class_id"]: float(r["area_km2"]) for r in areas if r["zone"] == zone and r["area_km2"]}  # empty: not known
        whole = float(cover[zone, 2018]["area_km2"])
        assert whole == pytest.approx(equal_area[zone].area / 1e6, rel=5e-3)  # the run measures on the ellipsoid
        assert sum(own.values()) == pytest.approx(whole, rel=1e-6)
        assert own["too_small"] == pytest.approx(whole if width * height < 100 else 0, rel=1e-6)
        assert (set(own) == {"too_small"}) == (width * height < 100)
        print(f"{zone}: {width * height:g} cells, {whole:.4f} km2, classes { ({k: round(v, 4) for k, v in own.items() if v}) }")
        part = slice(int(row), int(np.ceil(row + height))), slice(int(col), int(np.ceil(col + width)))
        for year, stored in planted.items():
            assert float(cover[zone, year]["ndvi_mean"]) == pytest.approx(stored[part].mean() * 1e-4, abs=1e-4)
    with_class = {r["class_id"] for r in areas if r["zone"] == "North pit" and float(r["area_km2"]) > 0}
    assert with_class and not with_class & {"too_small", "insufficient_data"}
