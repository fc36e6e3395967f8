"""The default run: noisy scenes of the synthetic mine against plain numpy and pymannkendall on the same files, and against truth."""

import json
from itertools import combinations, permutations

import geopandas as gpd
import numpy as np
import pandas as pd
import pymannkendall
import pytest
import rasterio
from exactextract import exact_extract
from running import ROOT
from scipy.ndimage import distance_transform_edt

from pipeline import ground, sky
from pipeline.planted import YEARS, ZONES

CLOUDS = (3, 8, 9)  # dilated by 40 m; cirrus, snow and saturated are dropped undilated
DROPPED = (1, 3, 8, 9, 10, 11)
SEED = 1538243


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read(1)


@pytest.fixture(scope="module")
def folder(jiangcang):
    return jiangcang.results / "jiangcang" / "sentinel-2"


@pytest.fixture(scope="module")
def source(jiangcang):
    return jiangcang.results / "jiangcang" / "synthetic"


@pytest.fixture(scope="module")
def window(folder, source):
    """The run's grid as a window of the truth rasters."""
    with rasterio.open(folder / "ndvi_2020.tif") as grid, rasterio.open(source / "truth_fvc_2020.tif") as dataset:
        column, row = (round(v) for v in ~dataset.transform @ (grid.bounds.left, grid.bounds.top))
        return np.s_[row : row + grid.height, column : column + grid.width]


@pytest.fixture(scope="module")
def masks(source):
    """Per date: usable (clear, 40 m from cloud and shadow) and water, whole area, by plain numpy from the SCL files."""
    items = json.loads((source / "items.json").read_text())["features"]
    with rasterio.open(source / "truth_fvc_2020.tif") as dataset:
        shape, origin = dataset.shape, dataset.transform
    out = {}
    for item in items:
        with rasterio.open(source / item["assets"]["SCL"]["href"]) as dataset:
            scl, where = dataset.read(1), dataset.transform
        scl = np.repeat(np.repeat(scl, 2, 0), 2, 1)
        near = distance_transform_edt(~np.isin(scl, CLOUDS)) * 10 <= 40
        row, col = round((origin.f - where.f) / 10), round((where.c - origin.c) / 10)
        out[item["id"]] = item, (slice(row, row + scl.shape[0]), slice(col, col + scl.shape[1])), (scl != 0) & ~np.isin(scl, DROPPED) & ~near, scl == 6
    return shape, out


@pytest.fixture(scope="module")
def annual(source, masks):
    """NDVI per year (median of the clear days of land, at least two; NaN where water) by plain numpy from the files."""
    shape, scenes = masks
    out = []
    for year in YEARS:
        days = {}
        for item, place, usable, wet in scenes.values():
            if not item["properties"]["datetime"].startswith(str(year)):
                continue
            offset = np.float32(item["assets"]["B04"]["raster:bands"][0]["offset"])
            red, nir = ((read(source / item["assets"][b]["href"]).astype("f4") + np.float32(offset * 1e4)) * np.float32(1e-4) for b in ("B04", "B08"))
            good = usable & ~wet & (red > 0) & (nir > 0) & (red + nir >= np.float32(0.04))
            with np.errstate(all="ignore"):
                ndvi = np.where(good, (nir - red) / (nir + red), np.float32(np.nan))
            values, water = days.setdefault(item["properties"]["datetime"][:10], (np.full(shape, np.nan, "f4"), np.zeros(shape, bool)))
            values[place] = np.where(np.isnan(values[place]) & ~water[place], ndvi, values[place])
            water[place] |= usable & wet & np.isnan(values[place])
        stack, lake = np.array([v for v, _ in days.values()]), np.array([w for _, w in days.values()]).sum(0)
        land = np.isfinite(stack).sum(0)
        median = np.nanmedian(np.where(land > 0, stack, 0), axis=0).astype("f4")
        median[(land < 2) | ((lake > 0) & (2 * lake >= lake + land))] = np.nan
        out.append(median)
    return np.array(out)


def exact_p(n):
    """Two-sided p of each abs(S) without ties, by all orders."""
    scores = np.array([abs(sum(np.sign(b - a) for a, b in combinations(order, 2))) for order in permutations(range(n))])
    return {int(s): float((scores >= s).mean()) for s in np.unique(scores)}


def classes(cover):
    """Trend class of series (years, pixels) without gaps or ties: S by pymannkendall, once per order of the values."""
    pairs = list(combinations(range(len(cover)), 2))
    slope = np.median([(cover[j] - cover[i]) / (j - i) for i, j in pairs], axis=0)
    orders, inverse = np.unique(cover.argsort(axis=0).argsort(axis=0), axis=1, return_inverse=True)
    score = np.array([pymannkendall.original_test(order).s for order in orders.T])[inverse.ravel()]
    table = exact_p(len(cover))
    p = np.array([table[s] for s in range(0, max(table) + 1, 2)])[np.abs(score).astype(int) // 2]
    strength = np.select([p <= 0.05, p <= 0.10], [3, 2], 1)
    return np.where(np.abs(slope) < 0.0005, 5, 5 + np.sign(slope) * strength).astype("u1")


def test_ndvi_equals_plain_numpy_on_the_same_files(folder, annual, window):
    for i, year in enumerate(YEARS):
        np.testing.assert_array_equal(read(folder / f"ndvi_{year}.tif"), annual[i][window])


@pytest.mark.parametrize(("first", "last"), [(2021, 2024), (2020, 2024)])
def test_classes_equal_numpy_and_pymannkendall_on_the_same_files(first, last, folder, annual, window):
    frame = gpd.read_file(ROOT / "aoi" / "jiangcang.geojson")
    codes = read(folder / f"trend_class_{first}-{last}.tif")
    inside = codes != 0
    pooled = annual[:, window[0], window[1]][:, inside]
    soil, vegetation = np.percentile(pooled[np.isfinite(pooled)].astype("f8"), (5, 95))
    pair = json.loads((folder / "endmembers.json").read_text())
    assert (pair["soil_ndvi"], pair["vegetation_ndvi"]) == pytest.approx((soil, vegetation), abs=1e-12)
    assert len(frame) == len(ZONES)
    chosen = annual[first - 2020 : last - 2019, window[0], window[1]][:, inside].astype("f8")
    whole = np.isfinite(chosen).all(0) & np.array([np.unique(v).size == v.size for v in chosen.T])
    expected = classes((chosen[:, whole] - soil) / (vegetation - soil))
    agreement = (codes[inside][whole] == expected).mean()
    share = whole.mean()
    print(
        f"{first}-{last}: {100 * agreement:.4f} % of {whole.sum()} pixels (complete series: {100 * share:.2f} % of the zones) have the class of pymannkendall"
    )
    assert share > 0.95
    assert agreement >= 0.995


def test_fvc_per_zone_and_year_within_002_of_the_planted_mean(folder):
    table = pd.read_csv(folder / "fvc_by_zone.csv")
    difference = table["fvc_mean"] - [ZONES[row.zone].means[YEARS.index(row.year)] for row in table.itertuples()]
    print(f"largest difference of FVC per zone and year: {difference.abs().max():.4f}")
    assert len(table) == len(ZONES) * len(YEARS)
    assert difference.abs().max() <= 0.02


def test_dump_and_background_show_no_class_above_its_share_by_more_than_monte_carlo_error(folder, masks, window):
    """What the planted series give under the planted noise, by new draws of the noise, plain numpy and the same clouds."""
    planted = ground.make(ROOT / "aoi" / "jiangcang.geojson", SEED)
    plans = {year: sky.plan(planted, SEED, year, True) for year in YEARS[1:]}
    shape, scenes = masks
    usable = {}
    for item, place, good, _ in scenes.values():
        day = usable.setdefault(item["properties"]["datetime"][:10], np.zeros(shape, bool))
        day[place] |= good
    frame = gpd.read_file(ROOT / "aoi" / "jiangcang.geojson").to_crs(32647)
    codes = read(folder / "trend_class_2021-2024.tif")
    zones = {}
    for name in ("South dump of Pit No. 2", "Background"):
        with rasterio.open(folder / "trend_class_2021-2024.tif") as dataset:
            cells = exact_extract(dataset, frame[frame["zone"] == name], ["cell_id", "coverage"], output="pandas")
            ids = np.array(cells["cell_id"][0])[np.array(cells["coverage"][0]) > 0.5]
        zones[name] = np.divmod(ids, codes.shape[1])
    draws = {name: [] for name in zones}
    pair = json.loads((folder / "endmembers.json").read_text())
    cells = [np.concatenate([z[k] for z in zones.values()]) + window[k].start for k in (0, 1)]
    for seed in range(8):
        annual = []
        for year in YEARS[1:]:
            stack = []
            for k, day in enumerate(plans[year]):
                red, nir = sky.observe(planted, day, 900 + seed, year, k, True)[:, cells[0], cells[1]]
                good = usable[sky.dates(year)[k].isoformat()][cells[0], cells[1]] & (red + nir >= 0.04)
                stack.append(np.where(good, (nir - red) / (nir + red), np.nan))
            annual.append(np.nanmedian(stack, axis=0))
        cover = (np.array(annual) - pair["soil_ndvi"]) / (pair["vegetation_ndvi"] - pair["soil_ndvi"])
        found, start = classes(cover), 0
        for name, (rows, _) in zones.items():
            part = found[start : start + rows.size]
            draws[name].append([(part == code).mean() for code in range(3, 8)])
            start += rows.size
    for name, (rows, cols) in zones.items():
        ours = np.array([(codes[rows, cols] == code).mean() for code in range(3, 8)])
        mean, spread = np.mean(draws[name], axis=0), np.std(draws[name], axis=0, ddof=1)
        error = np.maximum(spread, np.sqrt(mean * (1 - mean) / rows.size))
        print(name, "ours", ours.round(4), "expected", mean.round(4), "error", error.round(4))
        assert ours.sum() > 0.999
        assert (ours <= mean + 4 * error * np.sqrt(1 + 1 / 8)).all()


def test_the_lake_is_water_in_rasters_and_tables(folder, source, window):
    for year in YEARS:
        planted = read(source / f"truth_water_{year}.tif")[window] == 1
        water = read(folder / f"water_{year}.tif")
        assert planted.sum() > 700
        assert ((water >= 0.5) == planted).mean() > 0.9999
        assert np.isnan(read(folder / f"ndvi_{year}.tif")[planted]).mean() > 0.999
    table = pd.read_csv(folder / "trend_area_by_zone.csv").query("first_year == 2021 and code == 97 and target == 'absolute'").set_index("zone")["share_pct"]
    assert table["Pit No. 7"] == pytest.approx(100 * ZONES["Pit No. 7"].lake[3], abs=0.5)
    assert (table.drop("Pit No. 7") < 0.05).all()


def test_the_all_cloud_patch_is_no_data_in_its_year_and_never_zero(folder, source, window):
    patch = json.loads((source / "truth.json").read_text())["sky"]["blind_patch"]
    top, left = patch["first_row"] - window[0].start, patch["first_column"] - window[1].start
    cells = np.s_[top : top + patch["cells_of_10_m"][0], left : left + patch["cells_of_10_m"][1]]
    assert (read(folder / f"clear_{patch['year']}.tif")[cells] == 0).all()
    assert np.isnan(read(folder / f"ndvi_{patch['year']}.tif")[cells]).all()
    assert np.isnan(read(folder / f"fvc_{patch['year']}.tif")[cells]).all()
    other = next(y for y in YEARS if y != patch["year"])
    assert np.isfinite(read(folder / f"ndvi_{other}.tif")[cells]).mean() > 0.9


def test_false_clouds_are_named_in_table_and_log(jiangcang, folder):
    table = pd.read_csv(folder / "masked_by_zone.csv").set_index("zone")
    log = (jiangcang.results / "jiangcang" / "logs" / "sentinel-2" / "observations.log").read_text(encoding="utf-8")
    assert table.loc["Bare spoil", "ratio"] > 1.5  # 2 % of bare cells are planted as false cloud, and grow by 40 m
    assert table.loc["Bare spoil", "ratio"] == table.loc["Bare spoil", "masked_pct"] / table.loc["Bare spoil", "reference_masked_pct"]
    assert "zone Bare spoil" in log
    for zone in table.index:
        assert (f"zone {zone}:" in log) == isinstance(table.loc[zone, "warning"], str)


def test_the_ledger_holds_every_listed_asset_and_the_manifest_its_counts(jiangcang, folder, source):
    items = json.loads((source / "items.json").read_text())["features"]
    ledger = pd.read_csv(folder / "ledger.csv")
    assert len(ledger) == sum(len(item["assets"]) for item in items) == 210
    assert set(zip(ledger["item"], ledger["asset"], strict=True)) == {(i["id"], a) for i in items for a in i["assets"]}
    manifest = json.loads((jiangcang.results / "jiangcang" / "run.json").read_text(encoding="utf-8"))
    assert manifest["ledger"]["sentinel-2"] == {"read": 210}


def test_the_table_of_the_readme_is_what_the_run_gives(folder):
    table = pd.read_csv(folder / "trend_area_by_zone.csv").query("first_year == 2021 and target == 'absolute'")
    lines = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.endswith("| 0.083 |")]
    assert len(lines) == 5
    for line in lines:
        name, km2, *shares, _ = (cell.strip() for cell in line.strip("|").split("|"))
        rows = table[table["zone"] == name.removesuffix(" (reference)")].set_index("code")
        assert km2 == f"{rows['area_km2'].sum():.3f}"
        assert shares == [f"{rows.loc[code, 'share_pct']:.2f}" for code in (7, 6, 5, 4, 3, 97, 99)]


def test_the_table_of_zones_minus_reference_in_the_readme_is_what_the_run_gives(folder):
    table = pd.read_csv(folder / "trend_by_zone.csv").query("first_year == 2021").set_index(["zone", "target"])
    lines = [line for line in (ROOT / "README.md").read_text(encoding="utf-8").splitlines() if line.endswith("| 0.083 (4 years) |")]
    assert len(lines) == 4
    rose = []
    for line in lines:
        name, *found, _ = (cell.strip() for cell in line.strip("|").split("|"))
        own, less = table.loc[(name, "absolute")], table.loc[(name, "relative")]
        interval = f"{100 * less.slope_low:+.2f} to {100 * less.slope_high:+.2f}"
        assert found == [f"{100 * own.slope:+.2f}", f"{own.p:.3f}", f"{100 * less.slope:+.2f}", interval, f"{less.p:.3f}"]
        assert f"{less.p_min:.3f}" == "0.083"
        rose += [name] if less.s == 6 else []
    assert rose == ["Pit No. 7"], "the sentence below the table"


def test_bounds_hold_as_many_planted_areas_as_the_methods_page_says(folder, source):
    table = pd.read_csv(folder / "trend_area_by_zone.csv").query("target == 'absolute' and code < 97 and area_low_km2 == area_low_km2")
    zones = gpd.read_file(ROOT / "aoi" / "jiangcang.geojson")
    held, off = 0, []
    for (first, last), rows in table.groupby(["first_year", "last_year"]):
        with rasterio.open(source / f"truth_class_{first}-{last}.tif") as dataset:
            found = exact_extract(dataset, zones.to_crs(dataset.crs), ["unique", "frac"], include_cols=["zone"], output="pandas").set_index("zone")
        whole = pd.read_csv(folder / "trend_area_by_zone.csv").query("target == 'absolute' and first_year == @first").groupby("zone")["area_km2"].sum()
        for row in rows.itertuples():
            of = dict(zip(found.loc[row.zone, "unique"], found.loc[row.zone, "frac"], strict=True))
            planted = of.get(row.code, 0.0) * whole[row.zone]
            inside = row.area_low_km2 - 0.001 <= planted <= row.area_high_km2 + 0.001
            held += inside
            off += [] if inside else [(row.zone, first, row.code, planted, row.area_low_km2, row.area_high_km2)]
    methods = " ".join((ROOT / "docs" / "methods.md").read_text(encoding="utf-8").split())
    print(held, len(table), off)
    assert f"the bounds hold {held} of the {len(table)} planted areas of trend classes ({100 * held / len(table):.0f} %)" in methods
    ((planted, low, high),) = [(p, a, b) for zone, first, code, p, a, b in off if (zone, first, code) == ("Bare spoil", 2021, 5)]
    assert f"of *Bare spoil* {planted:.3f} km2 are planted as *no change* in 2021-2024, its bounds are {low:.0f} to {high:.3f}" in methods
