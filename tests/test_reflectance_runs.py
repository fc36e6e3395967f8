"""MODIS surface reflectance, and reflectance adjusted to OLI, from scenes to tables, against plain numpy."""

import datetime as dt
import json

import geopandas as gpd
import numpy as np
import pytest
import shapely
from affine import Affine
from downloads import write_hdf
from pyproj import Transformer
from scenemine import CRS, NORTH, SHAPE, WEST, SceneMine, read, write_tif
from sensormine import CELL, SINUSOIDAL, SensorMine
from sensormine import SHAPE as LANDSAT_SHAPE
from shapely.geometry import box

from pipeline.tables import read_csv

YEARS = (2020, 2021, 2022, 2023)
LAND = 1 << 3
STATES = {"clear": LAND, "assumed clear": LAND | 3, "small cirrus": LAND | 1 << 8, "beside cloud": LAND | 1 << 13, "shore": 2 << 3, "ephemeral": 4 << 3}
CLEAR = tuple(STATES.values())
MASKED = (LAND | 1, LAND | 2, LAND | 1 << 2, LAND | 2 << 8, LAND | 3 << 8, LAND | 1 << 10, LAND | 1 << 12, LAND | 1 << 15)
WATER, NONE = (0, 3 << 3, 5 << 3, 6 << 3, 7 << 3), (65535,)
STARTS = (177, 185, 201, 233, 241)  # 25 June, whose days partly lie before the season, to 29 August


def modis_mine(folder, product, rng):
    """Return a mine of MODIS reflectance: zones of 30 and 16 km2 and one of less than a cell; of random values, faults and states."""
    mine = SensorMine(folder, sensor="modis")
    w, n = WEST, NORTH
    mine.zones = [("pit", box(w, n - 6000, w + 5000, n)), ("background", box(w + 5400, n - 4000, w + 9400, n))]
    mine.zones += [("speck", box(w + 5100, n - 300, w + 5300, n - 150))]
    mine.settings |= {"composite": {"min_clear": 1}, "years": {"first": YEARS[0], "last": YEARS[-1]}, "grid": {"buffer_m": 0}, "sensitivity": False}
    mine.settings["aoi"]["zones"]["speck"] = {"role": "tailings"}
    cell = CELL if product.endswith("Q1") else 2 * CELL
    to_grid = Transformer.from_crs(CRS, SINUSOIDAL, always_xy=True)
    x, y = to_grid.transform(*np.meshgrid(np.linspace(w, w + 9400, 30), np.linspace(n - 6000, n, 30)))
    left, top = np.floor(x.min() / cell) - 1, np.ceil(y.max() / cell) + 1
    shape = int(top - np.floor(y.min() / cell)) + 1, int(np.ceil(x.max() / cell) - left) + 1
    for year in YEARS:
        for k, start in enumerate(STARTS):
            day = dt.date(year, 1, 1) + dt.timedelta(days=start - 1)
            red, nir = rng.integers(200, 2500, shape), rng.integers(800, 5000, shape)
            red = np.where(rng.random(shape) < 0.03, rng.choice([-28672, -50, 0, 16001, -101], shape), red)
            nir = np.where(rng.random(shape) < 0.02, rng.choice([-28672, -30, 16001], shape), nir)
            dark = rng.random(shape) < 0.03
            red, nir = np.where(dark, 150, red), np.where(dark, 150, nir)
            state = rng.choice([*CLEAR, *MASKED, *WATER, *NONE], shape, p=[0.7 / 6] * 6 + [0.2 / 8] * 8 + [0.07 / 5] * 5 + [0.03])
            days = np.where(rng.random(shape) < 0.04, 65535, start + rng.integers(0, 8, shape)) if product.endswith("A1") else None
            cut = slice(None), slice(0, shape[1] - 9 if k == 2 else None)  # one image of each year ends within the grid
            parts = [None if v is None else v[cut] for v in (red, nir, state, days)]
            mine.modis_reflectance(day.isoformat(), *parts, origin=(left * cell, top * cell), product=product, cell=cell)
    return mine, cell, (left * cell, top * cell), shape


def composed(mine, year, shape):
    """Return NDVI (median), clear count and mean day of a year, from stored layers pixel by pixel; the season is days 182 (183) to 243 (244)."""
    first, last = ((dt.date(year, *d) - dt.date(year, 1, 1)).days + 1 for d in ((7, 1), (8, 31)))
    ndvi, clear, days, wet = [], [], [], []
    for scene in (s for s in mine.scenes if s["properties"]["start_datetime"].startswith(str(year))):
        names = list(scene["files"])
        red, nir, state = (np.full(shape, fill, int) for fill in (-28672, -28672, 65535))
        start = (dt.date.fromisoformat(scene["properties"]["start_datetime"][:10]) - dt.date(year, 1, 1)).days + 1
        day = np.full(shape, start + 3 if len(names) == 3 else 65535)  # the middle day
        for whole, name in zip((red, nir, state, day), names, strict=False):
            values = scene["files"][name][0]
            whole[: values.shape[0], : values.shape[1]] = values
        there = (red >= -100) & (red <= 16000) & (nir >= -100) & (nir <= 16000) & (day >= first) & (day <= last)
        r, n = red * 1e-4, nir * 1e-4
        land = there & np.isin(state, CLEAR) & (r > 0) & (n > 0) & (red + nir >= 400)
        wet.append(there & np.isin(state, WATER))
        clear.append(land | wet[-1])
        with np.errstate(all="ignore"):
            ndvi.append(np.where(land, (n - r) / (n + r), np.nan))
        days.append(np.where(clear[-1], day, 0))
    count, water = np.sum(clear, axis=0), np.sum(wet, axis=0)
    stack = np.sort(ndvi, axis=0)  # NaN last
    number = np.isfinite(stack).sum(axis=0)
    low, high = (np.take_along_axis(stack, np.maximum(k, 0)[None], 0)[0] for k in ((number - 1) // 2, number // 2))
    middle = np.where((number >= 1) & ~((2 * water >= count) & (count > 0)), (low + high) / 2, np.nan)
    with np.errstate(all="ignore"):
        return middle, count, np.sum(days, axis=0) / count


@pytest.mark.parametrize("product", ["MOD09Q1", "MOD09A1"])
def test_modis_reflectance_from_scenes_to_tables_equals_plain_numpy(tmp_path, product):
    mine, cell, origin, shape = modis_mine(tmp_path, product, np.random.default_rng(9))
    folder = mine.run()
    grid = json.loads((folder / "scenes.json").read_text())["grid"]
    a = grid["transform"]
    assert a[0] == pytest.approx(cell, abs=1e-9)
    top, left = round((origin[1] - a[5]) / cell), round((a[2] - origin[0]) / cell)
    here = slice(top, top + grid["height"]), slice(left, left + grid["width"])
    ndvi, compared = {}, 0
    for year in YEARS:
        middle, count, day = composed(mine, year, shape)
        np.testing.assert_array_equal(read(folder / f"clear_{year}.tif"), count[here])
        np.testing.assert_allclose(read(folder / f"ndvi_{year}.tif"), middle[here], rtol=0, atol=2e-6)
        np.testing.assert_allclose(read(folder / f"doy_{year}.tif"), day[here], rtol=1e-6)
        ndvi[year], compared = middle[here], compared + np.isfinite(middle[here]).sum()
    frame = gpd.GeoSeries([z for _, z in mine.zones], index=[n for n, _ in mine.zones], crs=CRS).segmentize(20).to_crs(SINUSOIDAL)
    rows, cols = np.indices((grid["height"], grid["width"]))
    west, north = a[2] + cols * cell, a[5] - rows * cell
    pixels = shapely.box(west, north - cell, west + cell, north)
    cover = {(r["zone"], int(r["year"])): r for r in read_csv(folder / "fvc_by_zone.csv")}
    worst = 0.0
    for zone, polygon in frame.items():
        weights = shapely.area(shapely.intersection(pixels, polygon))
        for year in YEARS:
            seen = np.isfinite(ndvi[year])
            if weights[seen].sum() > 0.01 * weights.sum():
                mean = (ndvi[year][seen] * weights[seen]).sum() / weights[seen].sum()
                worst = max(worst, abs(float(cover[zone, year]["ndvi_mean"]) - mean))
    areas = [r for r in read_csv(folder / "trend_area_by_zone.csv") if r["target"] == "absolute"]
    small = {"speck"} if product == "MOD09Q1" else {"background", "speck"}  # 16 km2 are 298 or 75 cells
    for zone, polygon in mine.zones:
        own = {r["class_id"]: float(r["area_km2"]) for r in areas if r["zone"] == zone and r["area_km2"]}  # empty: not known
        whole = float(cover[zone, 2020]["area_km2"])
        assert whole == pytest.approx(polygon.area / 1e6, rel=2e-3)  # the polygon's area in UTM, whose scale is 0.9996
        assert sum(own.values()) == pytest.approx(whole, rel=1e-6)
        assert own["too_small"] == pytest.approx(whole if zone in small else 0, rel=1e-6)
        assert (set(own) == {"too_small"}) == (zone in small)
    ledger = read_csv(folder / "ledger.csv")
    assert len(ledger) == sum(len(s["files"]) for s in mine.scenes)
    pinned = {s["id"] for s in json.loads((folder / "scenes.json").read_text())["scenes"]}
    assert {r["item"] for r in ledger if r["status"] == "read"} == pinned
    assert any("177." in i for i in pinned) == (product == "MOD09A1"), "25 June to 2 July: only where pixels tell their day"
    print(f"{product}: {compared} NDVI values, cells of {cell:.2f} m; zone means differ by {worst:.2g} at most; too small: {sorted(small)}")
    assert compared > 1000 and worst < 1e-4


@pytest.mark.parametrize("product", ["MOD09Q1", "MOD09A1"])
def test_modis_reflectance_in_hdf_gives_the_values_of_geotiffs(tmp_path, monkeypatch, product):
    monkeypatch.chdir(tmp_path)
    mine, cell, origin, _ = modis_mine(tmp_path / "mine", product, np.random.default_rng(10))
    theirs = mine.composites()
    catalog = tmp_path / "downloads"
    for scene in mine.scenes:
        layers = {name: file[0] for name, file in scene["files"].items()}
        fill = {name: file[3] for name, file in scene["files"].items()}
        factor = {"sur_refl_b01": 0.0001, "sur_refl_b02": 0.0001}  # of these products it is what to multiply by
        write_hdf(catalog / f"{scene['id']}.2023001000000.hdf".replace(":", ""), layers, *origin, cell, fill=fill, factor=factor)
    mine.settings["sensors"]["modis"]["catalog"] = str(catalog)
    mine.write_config()
    ours = mine.composites(results="hdf", write=False)
    names = sorted(p.name for p in theirs.glob("*.tif"))
    assert len(names) == 5 * len(YEARS)
    for name in names:
        np.testing.assert_array_equal(read(ours / name), read(theirs / name), err_msg=name)
    grids = [json.loads((f / "scenes.json").read_text())["grid"] for f in (ours, theirs)]
    assert grids[0]["transform"] == pytest.approx(grids[1]["transform"], abs=1e-4)  # StructMetadata has micrometres
    assert np.isfinite(read(ours / "ndvi_2021.tif")).mean() > 0.5
    assert len(read_csv(ours / "ledger.csv")) == len(read_csv(theirs / "ledger.csv"))


ROY = {"ols": ((0.9047, 0.0061), (0.8462, 0.0412)), "rma": ((0.9825, -0.0022), (1.0073, -0.0021))}  # Roy et al. 2016, table 2: red, NIR


@pytest.mark.parametrize("kind", ["none", "ols", "rma"])
def test_landsat_7_and_5_adjusted_to_oli_from_scenes_to_tables(tmp_path, kind):
    """Years of TM and ETM+ are moved by the published lines, those of OLI stay; each pixel, and the mean of a zone."""
    mine, rng = SensorMine(tmp_path), np.random.default_rng(4)
    mine.settings |= {"years": {"first": 2010, "last": 2014}, "composite": {"min_clear": 1}, "sensitivity": False}
    if kind != "none":
        mine.settings["sensors"]["landsat"]["adjust"] = f"roy-2016-{kind}"
    for year, platform in ((2010, "landsat-5"), (2011, "landsat-7"), (2012, "landsat-7"), (2013, "landsat-8"), (2014, "landsat-9")):
        mine.landsat(f"{year}-07-15", rng.uniform(0.05, 0.85, LANDSAT_SHAPE), platform, light=rng.uniform(0.2, 0.6, LANDSAT_SHAPE))
    folder = mine.run()
    grid = json.loads((folder / "scenes.json").read_text())["grid"]
    a = grid["transform"]
    top, left = round((NORTH + 15 - a[5]) / 30), round((a[2] - WEST + 15) / 30)
    worst, moved = 0.0, 0.0
    for scene in mine.scenes:
        stored = [scene["files"][name][0].astype(float) * 0.0000275 - 0.2 for name in ("red", "nir08")]
        old = scene["properties"]["platform"][-1] in "57"
        lines = ROY[kind] if kind != "none" and old else ((1, 0), (1, 0))
        red, nir = (v * slope + constant for v, (slope, constant) in zip(stored, lines, strict=True))
        expected = ((nir - red) / (nir + red))[top : top + grid["height"], left : left + grid["width"]]
        plain = ((stored[1] - stored[0]) / (stored[1] + stored[0]))[top : top + grid["height"], left : left + grid["width"]]
        found = read(folder / f"ndvi_{scene['properties']['datetime'][:4]}.tif")
        assert found.shape == expected.shape
        worst = max(worst, np.abs(found - expected).max())
        moved = max(moved, np.abs(found - plain).max())
        assert (np.abs(found - plain).max() < 2e-6) == (kind == "none" or not old)
    rows = {r["year"]: r for r in read_csv(folder / "fvc_by_zone.csv") if r["zone"] == "pit"}
    assert len(rows) == 5 and all(r["fvc_mean"] for r in rows.values())
    print(f"{kind}: largest difference from numpy {worst:.2g}, largest change by the adjustment {moved:.3f}")
    assert worst < 2e-6


HLS = {"a": ((0.9765, 0.0009), (0.9983, -0.0001)), "b": ((0.9761, 0.0010), (0.9966, 0.0)), "c": ((0.9718, 0.0011), (0.9995, -0.0003))}


def test_sentinel_2_adjusted_by_hls_v2_from_scenes_to_tables(tmp_path):
    """Red at 10 m, NIR of B8A at 20 m, three satellites, before and after the radiometric offset."""
    mine, rng = SceneMine(tmp_path), np.random.default_rng(6)
    mine.names["nir"] = "B8A"
    mine.settings |= {"composite": {"min_clear": 1}, "sensitivity": False}
    mine.settings["sensors"]["sentinel-2"]["adjust"] = "hls-v2"
    narrow = []
    for year, unit in zip(range(2020, 2025), "ababc", strict=True):
        scene = mine.add(f"{year}-07-15", ndvi=rng.uniform(0.05, 0.8, SHAPE), properties={"platform": f"sentinel-2{unit}"})
        narrow.append(scene["nir"][::2, ::2].copy())
    mine.write()
    for scene, values in zip(mine.scenes, narrow, strict=True):
        write_tif(tmp_path / "scenes" / scene["id"] / "B8A.tif", values, Affine(20, 0, WEST, 0, -20, NORTH))
    folder = mine.run(write=False)
    grid = json.loads((folder / "scenes.json").read_text())["grid"]
    a = grid["transform"]
    assert a[0] == 10
    top, left = round((NORTH - a[5]) / 10), round((a[2] - WEST) / 10)
    worst, moved = 0.0, 0.0
    for scene, values in zip(mine.scenes, narrow, strict=True):
        offset = 0.1 if scene["when"] > "2022-01-25" else 0.0
        red, nir = scene["red"] * 1e-4 - offset, np.kron(values, np.ones((2, 2))) * 1e-4 - offset
        plain = (nir - red) / (nir + red)
        red, nir = (v * slope + constant for v, (slope, constant) in zip((red, nir), HLS[scene["properties"]["platform"][-1]], strict=True))
        expected = (nir - red) / (nir + red)
        here = slice(top, top + grid["height"]), slice(left, left + grid["width"])
        found = read(folder / f"ndvi_{scene['when'][:4]}.tif")
        assert np.isfinite(found).all()
        worst, moved = max(worst, np.abs(found - expected[here]).max()), max(moved, np.abs(found - plain[here]).max())
    assert all(r["fvc_mean"] for r in read_csv(folder / "fvc_by_zone.csv"))
    print(f"hls-v2: largest difference from numpy {worst:.2g}, largest change by the adjustment {moved:.4f}")
    assert worst < 2e-6 and moved > 0.005
