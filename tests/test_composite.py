"""Composites from scenes equal plain numpy, whatever the order of items, blocks, threads or processes."""

import hashlib
import itertools
import json

import numpy as np
import pytest
import rasterio
from affine import Affine
from pyproj import Transformer
from scenemine import NORTH, SHAPE, WEST, SceneMine, read, write_tif
from scipy.ndimage import distance_transform_edt

from pipeline.tiling import blocks

CLEAR, NO_DATA = (2, 4, 5, 7), 0
PRODUCTS = ("ndvi", "clear", "doy", "water", "sd")


def busy(folder, per_year=5, years=(2020, 2021, 2022, 2023, 2024)):
    """A mine with every SCL code, noise, no data, two baselines, water, and two scenes on one day of each year."""
    mine = SceneMine(folder)
    for year, k in itertools.product(years, range(per_year)):
        rng = np.random.default_rng([year, k])
        coarse = rng.random((8, 10))
        scl = np.kron(rng.choice(12, (8, 10), p=[0.04, 0.02, 0.06, 0.06, 0.4, 0.16, 0.1, 0.02, 0.05, 0.04, 0.02, 0.03]), np.ones((4, 4)))[: SHAPE[0] // 2]
        mine.add(f"{year}-07-{4 + 6 * k:02d}", ndvi=0.9 * np.kron(coarse, np.ones((8, 8)))[: SHAPE[0]], noise=0.02, scl=scl.astype("u1"), seed=year)
        if k == 1:
            other = rng.choice([0, 4, 8], (SHAPE[0] // 2, SHAPE[1] // 2))
            mine.add(f"{year}-07-{4 + 6 * k:02d}T04:07:25Z", ndvi=0.7, noise=0.02, scl=other, seed=year, baseline="03.00")
    for scene in mine.scenes[::3]:
        scene["red"][10:13, :] = 0  # a swath edge in one band only
    return mine


def plain(mine, folder, year, *, dilate_m=40.0, least_sum=0.04):
    """Return per day (NDVI of land, state) on the run's grid by plain numpy; state 0 no data, 1 land, 2 water, 3 masked."""
    grid = json.loads((folder / "scenes.json").read_text())["grid"]
    left, top = round((grid["transform"][2] - WEST) / 10), round((NORTH - grid["transform"][5]) / 10)
    window = np.s_[top : top + grid["height"], left : left + grid["width"]]
    days = {}
    for scene in sorted((s for s in mine.scenes if s["when"].startswith(str(year))), key=lambda s: (s["when"], s["id"])):
        scl = np.repeat(np.repeat(scene["scl"], 2, 0), 2, 1)
        near = distance_transform_edt(~np.isin(scl, (3, 8, 9))) * 10 <= dilate_m if dilate_m and np.isin(scl, (3, 8, 9)).any() else np.zeros(SHAPE, bool)
        offset = np.float32(-0.1) if float(scene["baseline"]) >= 4 else np.float32(0)
        red, nir = ((scene[k].astype("f4") + np.float32(offset * 1e4)) * np.float32(1e-4) for k in ("red", "nir"))
        seen = (scene["red"] > 0) & (scene["nir"] > 0) & (scene["red"] < 32768) & (scene["nir"] < 32768) & (scl != 0)
        bright = (red > 0) & (nir > 0) & (red + nir >= np.float32(least_sum))
        state = np.where(seen, 3, 0)
        state[seen & np.isin(scl, CLEAR) & bright & ~near] = 1
        state[seen & (scl == 6) & ~near] = 2
        with np.errstate(all="ignore"):
            ndvi = np.where(state == 1, (nir - red) / (nir + red), np.float32(np.nan))
        if scene["when"][:10] in days:
            first_ndvi, first_state = days[scene["when"][:10]]
            better = np.isin(first_state, (0, 3)) & (state != 0)
            better &= ~((first_state == 3) & (state == 3))
            ndvi, state = np.where(better, ndvi, first_ndvi), np.where(better, state, first_state)
        days[scene["when"][:10]] = ndvi, state
    return {day: (ndvi[window], state[window]) for day, (ndvi, state) in days.items()}


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return busy(tmp_path_factory.mktemp("busy"))


@pytest.fixture(scope="module")
def folder(mine):
    return mine.composites()


def composed(days, how, least=2, keep_water=False):
    """Return NDVI, clear, doy and water of a year by plain numpy."""
    ndvi, state = (np.array([v[i] for v in days.values()]) for i in (0, 1))
    clear, wet, count = np.isin(state, (1, 2)).sum(0), (state == 2).sum(0), np.isfinite(ndvi).sum(0)
    with np.errstate(all="ignore"):
        value = how(np.where(count > 0, ndvi, 0)).astype("f4")
        share = (wet / clear).astype("f4")
    value[(count < least) | ((clear > 0) & (2 * wet >= clear) & (not keep_water))] = np.nan
    return value, clear, share


@pytest.mark.parametrize("year", [2020, 2022, 2024])
def test_median_composite_equals_plain_numpy_bit_by_bit(mine, folder, year):
    days = plain(mine, folder, year)
    value, clear, share = composed(days, lambda v: np.nanmedian(v, axis=0))
    assert len(days) == 5
    assert 0.2 < np.isfinite(value).mean() < 0.98
    np.testing.assert_array_equal(read(folder / f"ndvi_{year}.tif"), value)
    np.testing.assert_array_equal(read(folder / f"clear_{year}.tif"), clear)
    np.testing.assert_array_equal(read(folder / f"water_{year}.tif"), share)


def test_day_of_year_is_the_mean_of_the_clear_observations(mine, folder):
    days = plain(mine, folder, 2024)  # a leap year: 4 July is day 186
    state = np.array([v[1] for v in days.values()])
    number = np.array([186 + 6 * k for k in range(5)])[:, None, None]
    clear = np.isin(state, (1, 2))
    with np.errstate(all="ignore"):
        expected = (clear * number).sum(0) / clear.sum(0)
    np.testing.assert_allclose(read(folder / "doy_2024.tif"), expected, rtol=1e-6)


@pytest.mark.parametrize("year", [2020, 2022])
@pytest.mark.filterwarnings("ignore:Degrees of freedom")
def test_the_spread_is_that_of_the_observations_of_land(mine, folder, year):
    days = plain(mine, folder, year)
    ndvi = np.array([v[0] for v in days.values()])
    value = composed(days, lambda v: np.nanmedian(v, axis=0))[0]
    number = np.isfinite(ndvi).sum(axis=0)
    expected = np.where(np.isnan(value) | (number < 2), np.nan, np.nanstd(ndvi.astype(np.float64), axis=0, ddof=1))
    assert {2, 3, 4} <= set(number[np.isfinite(expected)])
    np.testing.assert_allclose(read(folder / f"sd_{year}.tif"), expected, rtol=1e-4, atol=1e-6)


METHODS = {
    "mean": lambda v: np.nanmean(v.astype("f8"), axis=0),
    "max": lambda v: np.nanmax(v, axis=0),
    "p75": lambda v: np.nanpercentile(v.astype("f8"), 75, axis=0),
    "p5": lambda v: np.nanpercentile(v.astype("f8"), 5, axis=0),
}


@pytest.mark.parametrize("method", METHODS)
def test_other_methods_equal_plain_numpy(method, mine, tmp_path):
    mine = busy(tmp_path, years=(2021, 2022))
    mine.settings["years"] = {"first": 2021, "last": 2022}
    mine.settings["composite"] = {"method": method, "min_clear": 1}
    folder = mine.composites()
    for year in (2021, 2022):
        value, _, _ = composed(plain(mine, folder, year), METHODS[method], least=1)
        np.testing.assert_allclose(read(folder / f"ndvi_{year}.tif"), value, rtol=0, atol=1e-6)


@pytest.mark.parametrize(("dilate_m", "least_sum"), [(0.0, 0.04), (25.0, 0.3), (95.0, 0.0)])
def test_dilation_and_least_reflectance_equal_plain_numpy(dilate_m, least_sum, tmp_path):
    mine = busy(tmp_path, years=(2022, 2023))
    mine.settings["years"] = {"first": 2022, "last": 2023}
    mine.settings["mask"] = {"dilate_m": dilate_m, "min_reflectance_sum": least_sum}
    folder = mine.composites(more=("--block", "16"))
    value, clear, _ = composed(plain(mine, folder, 2022, dilate_m=dilate_m, least_sum=least_sum), lambda v: np.nanmedian(v, axis=0))
    np.testing.assert_array_equal(read(folder / "ndvi_2022.tif"), value)
    np.testing.assert_array_equal(read(folder / "clear_2022.tif"), clear)


def test_water_is_never_dilated_and_kept_where_config_keeps_it(tmp_path):
    mine = SceneMine(tmp_path)
    lake = np.full((30, 40), 4)
    lake[10:20, 10:20] = 6
    lake[5, 5] = 11  # snow: dropped, not dilated
    for year in range(2020, 2025):
        for day in ("05", "15"):
            mine.add(f"{year}-07-{day}", ndvi=0.5, light=0.2, scl=lake)
    folder = mine.composites()
    left = round((json.loads((folder / "scenes.json").read_text())["grid"]["transform"][2] - WEST) / 10)
    ndvi = np.full(SHAPE, np.nan)
    top = round((NORTH - json.loads((folder / "scenes.json").read_text())["grid"]["transform"][5]) / 10)
    found = read(folder / "ndvi_2021.tif")
    ndvi[top : top + found.shape[0], left : left + found.shape[1]] = found
    missing = np.isnan(ndvi[top : top + found.shape[0], left : left + found.shape[1]])
    expected = np.zeros(SHAPE, bool)
    expected[20:40, 20:40] = expected[10:12, 10:12] = True
    np.testing.assert_array_equal(missing, expected[top : top + found.shape[0], left : left + found.shape[1]])
    mine.settings["fvc"]["exclude"] = []
    kept = mine.composites(results="kept", write=False) if mine.write_config() else None
    lake_cells = np.zeros(SHAPE, bool)
    lake_cells[20:40, 20:40] = True
    values = read(kept / "ndvi_2021.tif")[lake_cells[top : top + found.shape[0], left : left + found.shape[1]]]
    assert np.allclose(values, 0.5, atol=1e-3)
    assert (read(kept / "water_2021.tif")[lake_cells[top : top + found.shape[0], left : left + found.shape[1]]] == 1).all()


def test_a_pixel_needs_min_clear_observations_of_land(tmp_path):
    mine = SceneMine(tmp_path)
    half = np.full((30, 40), 4)
    half[:, 20:] = 8
    mine.settings["mask"] = {"dilate": []}
    for year in range(2020, 2025):
        mine.add(f"{year}-07-05")
        mine.add(f"{year}-07-15", scl=half)
    folder = mine.composites()
    clear, ndvi = read(folder / "clear_2020.tif"), read(folder / "ndvi_2020.tif")
    assert set(np.unique(clear)) == {1, 2}
    assert np.array_equal(np.isfinite(ndvi), clear == 2)


def hashes(folder):
    names = [p for p in sorted(folder.rglob("*")) if p.suffix in (".tif", ".json", ".csv")]
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


def test_equal_bytes_for_any_order_of_items_block_size_and_threads(tmp_path):
    mine = busy(tmp_path)
    first = hashes(mine.run())
    assert {f"{name}_2022.tif" for name in PRODUCTS} | {"zone_by_scene.csv", "masked_by_zone.csv", "ledger.csv", "scenes.json"} <= set(first)
    orders = [list(range(len(mine.scenes)))[::-1], list(np.random.default_rng(1).permutation(len(mine.scenes)))]
    for i, (order, block, threads) in enumerate([(orders[0], "17", "1"), (orders[1], "33", "4"), (None, "512", "2")]):
        mine.write_items(order)
        assert hashes(mine.run(results=f"again{i}", more=("--block", block, "--threads", threads), write=False)) == first


def test_equal_bytes_on_a_dask_cluster_of_two_processes(tmp_path, two_workers):
    mine = busy(tmp_path)
    first = hashes(mine.run())
    folder = mine.composites(results="cluster", more=("--dask", two_workers, "--block", "16"), write=False)
    for stage in (("observations",), ("endmembers",)):
        assert mine.stage(stage[0], "--sensor", "sentinel-2", results="cluster") == 0
    assert mine.stage("trend", "--sensor", "sentinel-2", "--period", "2020-2024", "--dask", two_workers, results="cluster") == 0
    found = hashes(folder)
    assert {"trend_2020-2024.tif", "ndvi_2020.tif", "zone_by_scene.csv"} <= set(found)
    assert found == {name: first[name] for name in found}


def test_a_scheduler_that_does_not_answer_is_a_fault(tmp_path, monkeypatch, caplog):
    from pipeline import blockwise

    monkeypatch.setattr(blockwise, "ANSWER_S", 1)
    mine = busy(tmp_path, years=(2020, 2021))
    mine.write()
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 0
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2020", "--dask", "tcp://127.0.0.1:9") == 3
    assert not (tmp_path / "results/small/sentinel-2/ndvi_2020.tif").exists()
    assert "tcp://127.0.0.1:9" in caplog.text


def test_scenes_of_two_utm_zones_are_read_at_their_nearest_pixels(tmp_path):
    """A scene in the next UTM zone carries a coordinate in its values: each cell must hold the pixel under its centre."""
    mine = SceneMine(tmp_path)
    mine.settings["years"] = {"first": 2020, "last": 2021}
    mine.settings["mask"] = {"dilate": []}
    mine.settings["composite"] = {"min_clear": 1}
    mine.add("2020-07-05")
    other = mine.add("2021-07-05")
    mine.write()
    to_46 = Transformer.from_crs(32647, 32646, always_xy=True)
    east, north = to_46.transform([WEST, WEST + 800, WEST, WEST + 800], [NORTH, NORTH, NORTH - 600, NORTH - 600])
    left, top = np.floor((min(east) - 100) / 20) * 20, np.ceil((max(north) + 100) / 20) * 20
    height, width = 2 * int((top - min(north) + 100) / 20), 2 * int((max(east) + 100 - left) / 20)
    y, x = np.mgrid[:height, :width]
    ndvi = 0.2 + 0.5 * ((y * 7 + x * 3) % 997) / 997
    path = tmp_path / "scenes" / other["id"]
    red, nir = ((0.4 * (1 + sign * ndvi) / 2 * 1e4).round().astype("u2") for sign in (-1, 1))
    for name, values, size in (("B04", red, 10), ("B08", nir, 10), ("SCL", np.full((height // 2, width // 2), 4, "u1"), 20)):
        write_tif(path / f"{name}.tif", values, Affine(size, 0, left, 0, -size, top), "EPSG:32646")
    other["properties"] = {"proj:epsg": 32646}
    mine.write_items()
    folder = mine.composites(write=False)
    grid = json.loads((folder / "scenes.json").read_text())["grid"]
    assert rasterio.crs.CRS.from_string(grid["crs"]).to_epsg() == 32647
    r, n = red.astype("f4") * np.float32(1e-4), nir.astype("f4") * np.float32(1e-4)
    stored = (n - r) / (n + r)
    found = read(folder / "ndvi_2021.tif")
    e, n = np.meshgrid(grid["transform"][2] + 10 * (np.arange(grid["width"]) + 0.5), grid["transform"][5] - 10 * (np.arange(grid["height"]) + 0.5))
    cx, cy = to_46.transform(e, n)
    expected = stored[np.floor((top - cy) / 10).astype(int), np.floor((cx - left) / 10).astype(int)]
    np.testing.assert_array_equal(found, expected)


def test_zone_by_scene_adds_up_and_equals_weighted_means_of_plain_numpy(mine, folder):
    import geopandas as gpd
    import pandas as pd
    from exactextract import exact_extract
    from exactextract.raster import NumPyRasterSource

    assert mine.stage("observations", "--sensor", "sentinel-2") == 0
    table = pd.read_csv(folder / "zone_by_scene.csv")
    assert list(table.columns) == ["zone", "datetime", "item", "ndvi_mean", "clear_pct", "masked_pct", "offset"]
    grid = json.loads((folder / "scenes.json").read_text())["grid"]
    left, top = grid["transform"][2], grid["transform"][5]
    frame = gpd.read_file(mine.settings["aoi"]["path"])
    single = [s for s in mine.scenes if sum(o["when"][:10] == s["when"][:10] for o in mine.scenes) == 1]
    for scene in single[::4]:
        ndvi, state = plain(mine, folder, int(scene["when"][:4]))[scene["when"][:10]]
        bounds = (left, top - 10 * grid["height"], left + 10 * grid["width"], top)
        for zone in ("pit", "background"):
            one = frame[frame["zone"] == zone]
            part = {
                name: exact_extract(NumPyRasterSource(values.astype("f8"), *bounds, srs_wkt=frame.crs.to_wkt()), one, ["mean"], output="pandas")["mean"].iloc[0]
                for name, values in (("clear", np.isin(state, (1, 2))), ("masked", state == 3), ("ndvi", ndvi))
            }
            (row,) = table[(table["item"] == scene["id"]) & (table["zone"] == zone)].to_dict("records")
            assert row["clear_pct"] == pytest.approx(100 * part["clear"], abs=0.01)
            assert row["masked_pct"] == pytest.approx(100 * part["masked"], abs=0.01)
            assert row["ndvi_mean"] == pytest.approx(part["ndvi"], abs=1e-4)
            assert row["offset"] == (-0.1 if float(scene["baseline"]) >= 4 else 0)


@pytest.mark.parametrize("days", [0, 1, 12, 64, 65, 500])
def test_blocks_cover_the_grid_once_and_hold_a_bounded_stack(days):
    class Grid:
        shape = (1300, 700)

    seen = np.zeros(Grid.shape, int)
    for block in blocks(Grid, 512, days, []):
        seen[block.rows, block.cols] += 1
        assert days * 4 * block.shape[0] * block.shape[1] <= 64 * 2**20
    assert (seen == 1).all()
