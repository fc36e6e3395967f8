"""Real images through scenes and composite: two Sentinel-2 L2A dates, 60 dates of SCL, 423 Landsat dates, 193 layers of 88 days."""

import csv
import datetime as dt
import json
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pymannkendall
import pytest
import rasterio
import xarray as xr
import yaml
from affine import Affine
from scenemine import read, write_tif
from scipy.ndimage import distance_transform_edt
from scipy.stats import theilslopes
from shapely.geometry import box

from pipeline import sensors
from pipeline.__main__ import main
from pipeline.quality import QUALITY, MaskRule, code
from pipeline.sensors import QualityLayer
from pipeline.trend import trend


def run(folder, items, bounds, crs, *, first, last, season=("01-01", "12-31"), sensor="sentinel-2", zone=None, **settings):
    """Write items, an AOI and a config, run scenes and composites in this process and return the folder of the sensor."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "items.json").write_text(json.dumps({"type": "FeatureCollection", "features": items}), encoding="utf-8")
    gpd.GeoDataFrame({"zone": ["all"]}, geometry=[zone or box(*bounds)], crs=crs).to_file(folder / "aoi.gpkg")
    config = {
        "mine": "real",
        "aoi": {"path": str(folder / "aoi.gpkg")},
        "grid": {"buffer_m": 0},
        "years": {"first": first, "last": last},
        "season": {"start": season[0], "end": season[1]},
        "sensors": {"images": {"sensor": sensor, "catalog": str(folder / "items.json"), "max_cloud_pct": 100}},
    } | settings
    (folder / "real.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
    common = [str(folder / "real.yaml"), "--sensor", "images", "--results", str(folder / "results")]
    assert main(["scenes", *common]) == 0
    for year in range(first, last + 1):
        assert main(["composite", *common, "--year", str(year)]) == 0
    return folder / "results" / "real" / "images"


def item(name, when, assets, **properties):
    content = {"type": "Feature", "id": name, "properties": {"datetime": when} | properties, "assets": assets, "links": []}
    return content | {"stac_version": "1.0.0"}


@pytest.fixture(scope="module")
def barbellino(shared, tmp_path_factory):
    """Both dates through the pipeline, each its own year."""
    source = shared / "s2_l2a_scl_po_valley_2020" / "sen2r_barbellino"
    items = []
    for day in ("20170703", "20190723"):
        bands = [{"name": f"B{i}"} for i in range(1, 12)]
        bands[3]["common_name"], bands[7]["common_name"] = "red", "nir"
        assets = {"BOA": {"href": str(source / f"S2A2A_{day}_022_Barbellino_BOA_10.tif"), "eo:bands": bands}}
        assets["SCL"] = {"href": str(source / f"S2A2A_{day}_022_Barbellino_SCL_10.tif")}
        when = f"{day[:4]}-{day[4:6]}-{day[6:]}T10:20:00Z"
        items.append(item(f"S2A_{day}", when, assets, **{"s2:processing_baseline": "02.05" if day < "2018" else "02.13"}))
    with rasterio.open(items[0]["assets"]["BOA"]["href"]) as dataset:
        bounds, crs = dataset.bounds, dataset.crs
    folder = tmp_path_factory.mktemp("barbellino")
    return source, run(folder, items, bounds, crs, first=2017, last=2019, composite={"min_clear": 1}, mask={"dilate": [], "min_reflectance_sum": 0.0})


@pytest.mark.parametrize("day", ["20170703", "20190723"])
def test_ndvi_of_real_sentinel_2_is_the_ndvi_stored_beside_it(barbellino, day):
    source, folder = barbellino
    stored = read(source / f"S2A2A_{day}_022_Barbellino_NDVI_10.tif") / 1e4
    scl = np.repeat(np.repeat(read(source / f"S2A2A_{day}_022_Barbellino_SCL_10.tif"), 2, 0), 2, 1)
    ndvi = read(folder / f"ndvi_{day[:4]}.tif")
    land = np.isin(scl, [2, 4, 5, 7])
    assert ndvi.shape == stored.shape
    assert land.sum() > 300
    assert np.array_equal(np.isfinite(ndvi), land)
    worst = np.abs(ndvi[land] - stored[land]).max()
    print(f"{day}: {land.sum()} pixels, largest difference from the stored NDVI {worst:.2g}")
    assert worst <= 0.5001e-4


@pytest.mark.parametrize("day", ["20170703", "20190723"])
def test_the_alpine_lake_is_water(barbellino, day):
    source, folder = barbellino
    scl = np.repeat(np.repeat(read(source / f"S2A2A_{day}_022_Barbellino_SCL_10.tif"), 2, 0), 2, 1)
    water = read(folder / f"water_{day[:4]}.tif")
    assert (scl == 6).sum() >= 44
    assert np.all(water[scl == 6] == 1)
    assert np.isnan(read(folder / f"ndvi_{day[:4]}.tif")[scl == 6]).all()
    assert np.nansum(water) == (scl == 6).sum()


def test_a_year_without_a_real_scene_has_no_data(barbellino):
    _, folder = barbellino
    assert np.isnan(read(folder / "ndvi_2018.tif")).all()
    assert np.isnan(read(folder / "water_2018.tif")).all()
    assert not read(folder / "clear_2018.tif").any()


@pytest.fixture(scope="module")
def po_valley(shared, tmp_path_factory):
    """60 dates of NDVI at 10 m and SCL at 20 m, whose grids do not nest: inputs, masked stack by plain numpy, results."""
    source = shared / "s2_l2a_scl_po_valley_2020"
    items, stack, days = [], [], []
    for path in sorted((source / "NDVI").glob("*.tif"), key=lambda p: p.name.split("_")[1]):
        mission, day = path.name.split("_")[:2]
        scl_path = source / "SCL" / path.name.replace("NDVI", "SCL")
        assets = {"ndvi": {"href": str(path), "raster:bands": [{"scale": 1e-4}]}, "scl": {"href": str(scl_path)}}
        items.append(item(f"{mission}_{day}", f"{day[:4]}-{day[4:6]}-{day[6:]}T10:10:00Z", assets))
        with rasterio.open(path) as ndvi, rasterio.open(scl_path) as scl:
            values, codes, grid, bounds, crs = ndvi.read(1), scl.read(1), ndvi.transform, ndvi.bounds, ndvi.crs
            rows, cols = np.mgrid[-4 : values.shape[0] + 4, -4 : values.shape[1] + 4]
            x, y = grid.c + 10 * (cols + 0.5), grid.f - 10 * (rows + 0.5)
            c, r = np.floor((x - scl.transform.c) / 20).astype(int), np.floor((scl.transform.f - y) / 20).astype(int)
            inside = (c >= 0) & (r >= 0) & (c < codes.shape[1]) & (r < codes.shape[0])
            wide = np.where(inside, codes[r.clip(0, codes.shape[0] - 1), c.clip(0, codes.shape[1] - 1)], 0)
        near = distance_transform_edt(~np.isin(wide, [3, 8, 9])) * 10 <= 40 if np.isin(wide, [3, 8, 9]).any() else np.zeros(wide.shape, bool)
        good = np.isin(wide, [2, 4, 5, 7]) & ~near
        plain = np.where(good[4:-4, 4:-4] & (values != -32768), values.astype("f4") * np.float32(1e-4), np.float32(np.nan))
        stack.append(np.where(np.abs(plain) <= 1, plain, np.nan))
        days.append(dt.date(int(day[:4]), int(day[4:6]), int(day[6:])))
    folder = run(tmp_path_factory.mktemp("po"), items, bounds, crs, first=2019, last=2020)
    return np.array(stack), days, folder


def test_60_dates_of_real_scl_are_masked_dilated_and_composed_as_by_plain_numpy(po_valley):
    stack, days, folder = po_valley
    assert len(stack) == 60
    clear = np.isfinite(stack).sum(0)
    with np.errstate(all="ignore"):
        expected = np.where(clear >= 2, np.nanmedian(np.where(clear >= 2, stack, 0), axis=0), np.nan).astype("f4")
        doy = np.nansum(np.isfinite(stack) * np.array([d.timetuple().tm_yday for d in days])[:, None, None], axis=0) / clear
    print(f"{len(stack)} dates, clear observations {clear.min()}-{clear.max()}")
    assert clear.max() > 10
    np.testing.assert_array_equal(read(folder / "ndvi_2020.tif"), expected)
    np.testing.assert_array_equal(read(folder / "clear_2020.tif"), clear)
    np.testing.assert_allclose(read(folder / "doy_2020.tif"), doy, rtol=1e-6)


def test_the_trend_of_the_masked_real_dates_equals_pymannkendall_and_scipy(po_valley):
    stack, days, _ = po_valley
    data = xr.DataArray(stack, coords={"time": np.array(days, "datetime64[ns]")}, dims=("time", "y", "x"))
    ours = trend(data, significance="normal")
    start = np.array([d.year for d in days])
    length = np.array([366 if y % 4 == 0 else 365 for y in start])
    t = start + (np.array([d.timetuple().tm_yday for d in days]) - 1) / length
    compared = 0
    for y, x in np.ndindex(stack.shape[1:]):
        ok = np.isfinite(stack[:, y, x])
        if ok.sum() >= 3:
            theirs = pymannkendall.original_test(stack[ok, y, x].astype("f8"))
            assert float(ours.s[y, x]) == theirs.s
            assert float(ours.p[y, x]) == pytest.approx(theirs.p, abs=1e-6)
            assert float(ours.slope[y, x]) == pytest.approx(theilslopes(stack[ok, y, x].astype("f8"), t[ok]).slope, rel=1e-5, abs=1e-6)
            compared += 1
    assert compared > 100


FMASK = MaskRule(
    classes={"cloud": code(4), "shadow": code(2), "snow": code(3), "water": code(1)},
    no_data=code(255),
    dtypes=("uint8",),
    reference="Zhu and Woodcock 2012: Fmask 0 clear, 1 water, 2 shadow, 3 snow, 4 cloud, 255 no data",
    largest=255,
)


@pytest.fixture(scope="module")
def yatsm(shared, tmp_path_factory):
    """423 Landsat dates of 300 pixels with Fmask, written as scenes of a sensor that only a record describes."""
    record = sensors.SENSORS["sentinel-2"]
    layers = (QualityLayer("mask", ("fmask",), "fmask"),)
    rule = replace(record.scenes, quality=layers, valid=(-2000.0, 16000.0), offset_from=None, offset=0.0)
    folder = tmp_path_factory.mktemp("yatsm")
    with np.load(shared / "landsat_yatsm_1984_2014" / "p013r030_row50_300px.npz", allow_pickle=True) as stored:
        values, names, days = stored["Y"], list(stored["bands"]), [dt.date.fromisoformat(d) for d in stored["iso"]]
    red, nir, fmask = (values[names.index(n)] for n in ("red", "nir", next(n for n in names if n.casefold() == "fmask")))
    where, items = Affine(30, 0, 300_000, 0, -30, 4_700_000), []
    for i, day in enumerate(days):
        assets = {}
        for name, band in (("red", red[i].astype("int16")), ("nir", nir[i].astype("int16")), ("fmask", fmask[i].astype("uint8"))):
            path = folder / f"{name}_{day}.tif"
            write_tif(path, band[None, None], where, "EPSG:32619", nodata=None)
            assets[name] = {"href": path.name}
        items.append(item(f"L_{day}", f"{day}T15:00:00Z", assets))
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(QUALITY, "fmask", FMASK)
        patch.setitem(sensors.SENSORS, "fmask-landsat", replace(record, name="fmask-landsat", resolution_m=30.0, scenes=rule))
        bounds = (300_000, 4_700_000 - 30, 300_000 + 9000, 4_700_000)
        season = ("05-15", "09-30")
        out = run(folder, items, bounds, "EPSG:32619", first=1984, last=2014, season=season, sensor="fmask-landsat", mask={"dilate": []})
        common = [str(folder / "real.yaml"), "--sensor", "images", "--results", str(folder / "results")]
        assert main(["endmembers", *common]) == 0
        assert main(["trend", *common, "--period", "1984-2014"]) == 0
    return red, nir, fmask, days, out


def test_423_landsat_dates_with_fmask_equal_plain_numpy(yatsm):
    red, nir, fmask, days, folder = yatsm
    assert len(days) == 423
    r, n = (b.astype("f4") * np.float32(1e-4) for b in (red, nir))
    land = (fmask == 0) & (r > 0) & (n > 0) & (n + r >= np.float32(0.04)) & (red <= 16000) & (nir <= 16000)
    with np.errstate(all="ignore"):
        ndvi = np.where(land, (n - r) / (n + r), np.float32(np.nan))
    years = np.array([d.year for d in days])
    season = np.array([(5, 15) <= (d.month, d.day) <= (9, 30) for d in days])
    annual = []
    for year in range(1984, 2015):
        chosen = ndvi[season & (years == year)]
        count = np.isfinite(chosen).sum(0)
        with np.errstate(all="ignore"):
            expected = np.where(count >= 2, np.nanmedian(np.where(count >= 2, chosen, 0), axis=0) if len(chosen) else np.nan, np.nan).astype("f4")
        found = read(folder / f"ndvi_{year}.tif")[0]
        wet = ((fmask == 1) & (red > -2000) & (nir > -2000))[season & (years == year)].sum(0)
        expected[(wet > 0) & (2 * wet >= count + wet)] = np.nan
        np.testing.assert_array_equal(found, expected)
        annual.append(found)
    annual = np.array(annual)
    assert np.isfinite(annual).sum() > 3000
    pair = json.loads((folder / "endmembers.json").read_text())
    cover = (annual.astype("f8") - pair["soil_ndvi"]) / (pair["vegetation_ndvi"] - pair["soil_ndvi"])
    slope, s, p = (read(folder / "trend_1984-2014.tif", band)[0] for band in (1, 5, 8))
    checked = 0
    for x in range(cover.shape[1]):
        ok = np.isfinite(cover[:, x])
        if ok.sum() > 20:
            theirs = pymannkendall.original_test(cover[ok, x])
            assert s[x] == theirs.s
            assert p[x] == pytest.approx(theirs.p, abs=1e-6)
            assert slope[x] == pytest.approx(theilslopes(cover[ok, x], np.arange(1984, 2015)[ok]).slope, rel=1e-5, abs=1e-8)
            checked += 1
    print(f"{np.isfinite(annual).sum()} annual values and {checked} trends of real Landsat pixels equal")
    assert checked > 50


def test_same_day_layers_merge_to_88_days(shared, tmp_path):
    source = shared / "s2_ndvi_phenopy_chile"
    with (source / "dates_ndvi.csv").open() as handle:
        times = [row[0].replace(" ", "T") + "Z" for row in csv.reader(handle) if row]
    with rasterio.open(source / "ndvi_test.tif") as dataset:
        layers, grid, bounds, crs = dataset.read(), dataset.transform, dataset.bounds, dataset.crs
    assert len(times) == len(layers) == 193
    mask = np.full((layers.shape[1], layers.shape[2]), 4, "uint8")  # synthetic: the source has no quality layer
    write_tif(tmp_path / "vegetation.tif", mask, grid, crs)
    items = []
    for i, when in enumerate(times):
        write_tif(tmp_path / f"{i:03d}.tif", layers[i], grid, crs, nodata=None)
        assets = {"ndvi": {"href": f"{i:03d}.tif", "raster:bands": [{"scale": 1}]}, "scl": {"href": "vegetation.tif"}}
        items.append(item(f"layer-{i:03d}", when, assets))
    folder = run(tmp_path, items, bounds, crs, first=2018, last=2019)
    pinned = json.loads((folder / "scenes.json").read_text())["scenes"]
    assert len(pinned) == 193
    assert len({s["day"] for s in pinned}) == 88
    for year in (2018, 2019):
        days = {}
        for i, when in enumerate(times):
            if when.startswith(str(year)):
                first = days.setdefault(when[:10], np.full(layers.shape[1:], np.nan, "f4"))
                new = np.where(np.abs(layers[i]) <= 1, layers[i], np.nan).astype("f4")
                first[:] = np.where(np.isnan(first), new, first)
        stack = np.array(list(days.values()))
        count = np.isfinite(stack).sum(0)
        np.testing.assert_array_equal(read(folder / f"clear_{year}.tif"), count)
        np.testing.assert_array_equal(read(folder / f"ndvi_{year}.tif"), np.nanmedian(stack, axis=0).astype("f4"))
