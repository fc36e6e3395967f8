"""Real Landsat products and made MODIS products, run from their folder to the tables, against numbers worked out by hand."""

import csv
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from downloads import write_hdf
from pyproj import Transformer
from rasterio.crs import CRS
from rasterio.windows import Window
from running import SHARED
from scenemine import SceneMine, write_tif
from shapely.geometry import box

from pipeline.__main__ import main
from pipeline.reader import open_raster

LANDSAT = SHARED / "landsat_c2l2_scenes_qa_pixel"
SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
CELL = 231.65635826385412


def site(folder, sensor, catalog, zones, crs, years, season=("01-01", "12-31"), **settings):
    """Return a mine of these zones, with images from a folder of products."""
    mine = SceneMine(folder)
    gpd.GeoDataFrame({"zone": list(zones)}, geometry=list(zones.values()), crs=crs).to_file(folder / "aoi.gpkg")
    mine.settings["years"] = {"first": years[0], "last": years[1]}
    mine.settings["season"] = {"start": season[0], "end": season[1]}
    mine.settings["aoi"]["zones"] = {}
    mine.settings["aoi"]["reference"] = []
    mine.settings["sensors"] = {sensor: {"catalog": str(catalog), "max_cloud_pct": 100}}
    mine.settings["composite"] = {"min_clear": 1}
    mine.settings["mask"] = {"dilate": []}
    mine.settings["sensitivity"] = False
    mine.settings |= settings
    mine.write_config()
    return mine


def table(folder, name):
    with (folder / name).open(encoding="utf-8") as handle:
        return [r for r in csv.DictReader(handle) if r.get("target", "absolute") == "absolute"]


def by_hand(product, raster):
    """Return the NDVI of a real product on the cells of a raster, by the pixel under each cell's centre; NaN where it is not clear."""
    bands = {}
    with rasterio.open(raster) as grid:
        rows, cols = np.indices(grid.shape)
        xs, ys = grid.transform * (cols + 0.5, rows + 0.5)
    for name in ("SR_B4", "SR_B5", "QA_PIXEL", "QA_RADSAT"):
        with rasterio.open(next(LANDSAT.glob(f"*_{product}_*_{name}.TIF"))) as image:
            left, top = ~image.transform * (xs, ys)
            bands[name] = image.read(1)[np.floor(top).astype(int), np.floor(left).astype(int)].astype(np.int64)
    red, nir = (bands[b] * 0.0000275 - 0.2 for b in ("SR_B4", "SR_B5"))
    masked = (bands["QA_PIXEL"] & 0b111111) != 0  # fill, dilated cloud, cirrus, cloud, shadow, snow
    masked |= (bands["QA_RADSAT"] & 0b11000) != 0  # red and NIR of OLI
    masked |= (red + nir < 0.04) | (red <= 0) | (nir <= 0) | (bands["SR_B4"] == 0) | (bands["SR_B5"] == 0)
    water = (bands["QA_PIXEL"] & 128) != 0
    return np.where(masked | water, np.nan, (nir - red) / (nir + red))


def test_real_landsat_products_with_mtl_run_from_their_folder(shared, tmp_path):
    """The scene of 2019 in Colombia: a clear valley and clouds around it; the others of the folder lie elsewhere."""
    square = box(499_500, 176_500, 511_500, 188_500)
    mine = site(tmp_path, "landsat", LANDSAT, {"site": square, "north": box(499_500, 192_000, 505_500, 198_000)}, "EPSG:32618", (2018, 2020))
    folder = mine.run(write=False)
    with rasterio.open(folder / "ndvi_2019.tif") as found:
        ndvi, resolution, crs = found.read(1), found.res, found.crs
    assert (resolution, crs) == ((30, 30), CRS.from_epsg(32618))  # the pixels of the files are not square: a grid of the sensor's own cells
    wanted = by_hand("008059", folder / "ndvi_2019.tif")
    assert np.array_equal(np.isnan(ndvi), np.isnan(wanted))
    assert np.isfinite(wanted).mean() > 0.3
    assert np.nanmax(np.abs(ndvi - wanted)) < 1e-5
    assert 0.5 < np.nanmedian(ndvi) < 0.95  # forest and pasture
    rows = {(r["zone"], r["year"]): r for r in table(folder, "fvc_by_zone.csv")}
    assert rows["site", "2019"]["ndvi_mean"]
    assert not rows["site", "2018"]["ndvi_mean"]
    ledger = table(folder, "ledger.csv")
    assert {r["item"] for r in ledger} == {p.name[:-9] for p in LANDSAT.glob("*_MTL.json")}
    assert {r["item"][10:16] for r in ledger if r["status"] == "read"} == {"008059"}
    assert {r["asset"] for r in ledger if r["status"] == "read"} == {"red", "nir08", "qa_pixel", "qa_radsat"}


def test_scene_without_a_clear_pixel_is_no_data_and_not_zero_hectares(shared, tmp_path):
    square = box(300_000, 3_780_000, 310_000, 3_790_000)
    mine = site(tmp_path, "landsat", LANDSAT, {"site": square}, "EPSG:32617", (2013, 2016))
    folder = mine.run(write=False)
    with rasterio.open(folder / "ndvi_2013.tif") as found:
        assert np.isnan(found.read(1)).all()
    with rasterio.open(folder / "clear_2013.tif") as found:
        assert found.read(1).max() == 0
    (row,) = (r for r in table(folder, "fvc_by_zone.csv") if r["year"] == "2013")
    assert float(row["valid_pct"]) == 0
    assert not row["fvc_mean"]
    assert not row["ndvi_mean"]
    areas = {r["class_id"]: float(r["area_ha"]) for r in table(folder, "trend_area_by_zone.csv") if r["target"] == "absolute"}
    whole = gpd.read_file(tmp_path / "aoi.gpkg").to_crs("+proj=laea +lat_0=34 +lon_0=-83").area.iloc[0] / 10_000
    assert areas["insufficient_data"] == pytest.approx(whole, rel=1e-4)
    assert sum(areas.values()) == pytest.approx(whole, rel=1e-4)
    scenes = json.loads((folder / "scenes.json").read_text())["scenes"]
    assert [s["id"] for s in scenes] == ["LC08_L2SP_017036_20130419_20200913_02_T2"]


# --- MODIS -----------------------------------------------------------------------------------------------------------

SIZE = (60, 50)


@pytest.fixture(scope="module")
def modis(tmp_path_factory):
    """Return folder, planted NDVI by year (stored), upper left corner, and the arrays of every product."""
    folder = tmp_path_factory.mktemp("modis")
    x, y = Transformer.from_crs(4326, SINUSOIDAL, always_xy=True).transform(99.5, 38.0)
    left, top = round(x / CELL) * CELL, round(y / CELL) * CELL
    rng, planted, files = np.random.default_rng(3), {}, {}
    for year in range(2018, 2023):
        planted[year] = (3000 + 800 * (year - 2018) + rng.integers(0, 400, SIZE)).astype("int16")
        for first, cloud in ((193, True), (209, False)):
            ndvi, reliability = planted[year].copy(), np.zeros(SIZE, "int8")
            if cloud:  # what is cloudy shows another value, which must not come through
                reliability[:20, :20], ndvi[:20, :20] = 3, 100
            ndvi[-1], reliability[-1] = -3000, -1
            name = f"MOD13Q1.A{year}{first}.h26v05.061.2023001000000"
            layers = {"NDVI": ndvi, "pixel reliability": reliability, "VI Quality": np.full(SIZE, 1 << 11, "uint16")}  # bits 11-13: land
            layers["composite day of the year"] = np.full(SIZE, first + 5, "int16")
            files[name] = {f"250m 16 days {k}": v for k, v in layers.items()}
            files[name]["250m 16 days VI Quality"][reliability == 3] |= 0b10  # MODLAND: cloudy
            files[name]["250m 16 days VI Quality"][-1] = 65535
            fill = {f"250m 16 days {k}": v for k, v in {"NDVI": -3000, "pixel reliability": -1, "VI Quality": 65535, "composite day of the year": -1}.items()}
            write_hdf(folder / f"{name}.hdf", files[name], left, top, CELL, fill=fill, factor={"250m 16 days NDVI": 10000.0})
    return folder, planted, (left, top), files


def modis_site(folder, modis, catalog):
    left, top = modis[2]
    zone = box(left + 4 * CELL, top - 55 * CELL, left + 45 * CELL, top - 5 * CELL)
    return site(folder, "modis", catalog, {"site": zone}, SINUSOIDAL, (2018, 2022), ("07-01", "08-31"), grid={"buffer_m": 0})


def test_made_hdf_products_run_from_their_folder(modis, tmp_path):
    catalog, planted, (left, top), _ = modis
    folder = modis_site(tmp_path, modis, catalog).run(write=False)
    for year, stored in planted.items():
        with rasterio.open(folder / f"ndvi_{year}.tif") as found:
            assert "Sinusoidal" in found.crs.to_wkt()
            assert found.res == pytest.approx((CELL, CELL), abs=1e-6)
            row, col = round((top - found.transform.f) / CELL), round((found.transform.c - left) / CELL)
            ndvi = found.read(1)
        part = stored[row : row + ndvi.shape[0], col : col + ndvi.shape[1]] * 0.0001
        assert ndvi.shape[0] >= 50
        assert np.nanmax(np.abs(ndvi - part)) < 1e-6
        assert np.isfinite(ndvi[:50]).all()
    rows = {int(r["year"]): r for r in table(folder, "fvc_by_zone.csv")}
    zone_means = {y: s[5:55, 4:45].mean() * 0.0001 for y, s in planted.items()}
    for year, wanted in zone_means.items():
        assert float(rows[year]["ndvi_mean"]) == pytest.approx(wanted, abs=1e-4)
    ledger = table(folder, "ledger.csv")
    assert len(ledger) == 10 * 4
    assert {r["status"] for r in ledger} == {"read"}


def test_hdf_and_geotiffs_of_the_same_products_give_the_same_bytes(modis, tmp_path):
    catalog, _, (left, top), files = modis
    for name, layers in files.items():
        for key, values in layers.items():
            where = Affine(CELL, 0, left, 0, -CELL, top)
            with open_raster(catalog / f"{name}.hdf", key) as grid:
                where, nodata = grid.transform, grid.nodata
                assert np.array_equal(grid.read(1, window=Window(3, 4, 5, 6)), values[4:10, 3:8])
            write_tif(tmp_path / "tif" / f"{name}_{key.replace(' ', '_')}.tif", values, where, SINUSOIDAL, nodata=nodata)
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    ours = modis_site(tmp_path / "a", modis, catalog).run(write=False)
    theirs = modis_site(tmp_path / "b", modis, tmp_path / "tif").run(write=False)
    with rasterio.open(ours / "ndvi_2020.tif") as found:
        assert np.isfinite(found.read(1)).mean() > 0.9
    for path in sorted(ours.glob("*.tif")):
        assert path.read_bytes() == (theirs / path.name).read_bytes(), path.name
    assert (ours / "fvc_by_zone.csv").read_bytes() == (theirs / "fvc_by_zone.csv").read_bytes()


def test_real_hdf_runs_from_its_folder(shared, tmp_path):
    """One date of MOD13A2 (1 km): the composite of its year is its own NDVI where its reliability allows."""
    home = SHARED / "modis_mod13a2_vi_quality_2016145"
    with rasterio.open(home / "MOD13A2.A2016145.h18v04_clip_NDVI.tif") as clip:
        stored, where = clip.read(1), clip.transform
    with rasterio.open(home / "MOD13A2.A2016145.h18v04_clip_pixel_reliability.tif") as clip:
        reliability = clip.read(1)
    size = where.a
    zone = box(where.c + 60 * size, where.f - 120 * size, where.c + 120 * size, where.f - 60 * size)
    mine = site(tmp_path, "modis", home, {"site": zone}, SINUSOIDAL, (2016, 2017), ("05-01", "06-30"), grid={"buffer_m": 0})
    folder = mine.run(write=False)
    with rasterio.open(folder / "ndvi_2016.tif") as found:
        row, col = round((where.f - found.transform.f) / size), round((found.transform.c - where.c) / size)
        ndvi = found.read(1)
    here = slice(row, row + ndvi.shape[0]), slice(col, col + ndvi.shape[1])
    good = np.isin(reliability[here], (0, 1))
    assert good.mean() > 0.5
    assert np.isfinite(ndvi[good]).mean() > 0.5
    seen = np.isfinite(ndvi)
    assert np.abs(ndvi[seen] - stored[here][seen] * 0.0001).max() < 1e-6
    assert not np.isfinite(ndvi[~good]).any()
    refused = [r for r in table(folder, "ledger.csv") if not r["asset"]]
    assert len(refused) == 3


def test_new_proposes_the_sensor_whose_products_are_there(shared, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    gpd.GeoDataFrame({"zone": ["site"]}, geometry=[box(499_500, 176_500, 511_500, 188_500)], crs="EPSG:32618").to_file("aoi.gpkg")
    assert main(["new", "site", "--aoi", "aoi.gpkg", "--zone-field", "zone", "--catalog", str(LANDSAT)]) == 0
    written = Path("configs/site.yaml")
    text = written.read_text(encoding="utf-8")
    assert "  landsat:\n" in text
    assert "offset:" not in text.split("sensors:")[1].split("mask:")[0]
    written.write_text(text.replace("max_cloud_pct: 80", "max_cloud_pct: 100"), encoding="utf-8")
    capsys.readouterr()
    assert main(["check", "configs/site.yaml"]) == 0
    assert "landsat: 1 of 3 listed scenes" in capsys.readouterr().out
