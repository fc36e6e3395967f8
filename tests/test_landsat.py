"""The main job on 24 real Landsat composites, against plain float64, scipy, pymannkendall and an exact computation."""

import csv
import json
from collections import Counter
from itertools import permutations

import numpy as np
import pandas as pd
import pymannkendall
import pytest
import rasterio
import yaml
from scipy.stats import theilslopes

from pipeline.__main__ import main
from pipeline.crosscheck import exact_p

YEARS = range(2000, 2024)
BANDS = ("slope", "slope_low", "slope_high", "intercept", "s", "tau", "z", "p", "n")


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read()


@pytest.fixture(scope="module")
def folder(landsat):
    return landsat.results / "bc-wildfire-516" / "landsat"


@pytest.fixture(scope="module")
def ndvi(folder):
    return np.stack([read(folder / f"ndvi_{year}.tif")[0] for year in YEARS])


def test_the_same_command_runs_from_composites_to_tables(landsat, folder):
    assert "100%" in landsat.output
    for name in ("trend_area_by_zone", "trend_groups_by_zone", "fvc_by_zone", "fvc_change_by_zone", "trend_by_zone"):
        assert (folder / f"{name}.csv").stat().st_size > 0


def test_crs_and_pixel_edges_are_kept(folder, shared):
    with rasterio.open(folder / "ndvi_2000.tif") as ours, rasterio.open(shared / "landsat_bc_annual_2000_2023" / "2000.tif") as theirs:
        assert ours.crs.to_epsg() == theirs.crs.to_epsg() == 26910
        assert ours.res == theirs.res == (10, 10)
        column, row = ~theirs.transform @ (ours.bounds.left, ours.bounds.top)
        assert column == pytest.approx(round(column), abs=1e-6)
        assert row == pytest.approx(round(row), abs=1e-6)


def test_ndvi_equals_float64_within_1e6(ndvi, folder, shared):
    worst, compared = 0.0, 0
    for year, ours in zip(YEARS, ndvi, strict=True):
        with rasterio.open(folder / f"ndvi_{year}.tif") as grid, rasterio.open(shared / "landsat_bc_annual_2000_2023" / f"{year}.tif") as source:
            column, row = (round(v) for v in ~source.transform @ (grid.bounds.left, grid.bounds.top))
            window = rasterio.windows.Window(column, row, grid.width, grid.height)
            red, nir = source.read([3, 4], window=window, boundless=True, fill_value=np.nan).astype(np.float64)
        usable = (red > 0) & (nir > 0)
        with np.errstate(invalid="ignore"):
            expected = np.where(usable, (nir - red) / (nir + red), np.nan)
        assert np.array_equal(np.isnan(ours), np.isnan(expected))
        worst = max(worst, float(np.nanmax(np.abs(ours - expected))))
        compared += int(usable.sum())
    print(f"NDVI: {compared} values, largest difference {worst:.2g}")
    assert worst <= 1e-6
    assert compared > 200_000


@pytest.fixture(scope="module")
def normal_ndvi(landsat, folder, tmp_path_factory):
    """Trend rasters of NDVI with significance normal, on the project's own ndvi_<year>.tif."""
    results = tmp_path_factory.mktemp("normal")
    settings = yaml.safe_load(landsat.config.read_text(encoding="utf-8"))
    settings["trend"] |= {"variable": "ndvi", "significance": "normal"}
    config = results / "normal.yaml"
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    target = results / "bc-wildfire-516" / "landsat"
    target.mkdir(parents=True)
    for name in ("scenes.json", *(f"ndvi_{year}.tif" for year in YEARS)):
        (target / name).write_bytes((folder / name).read_bytes())
    assert main(["trend", str(config), "--sensor", "landsat", "--period", "2000-2023", "--results", str(results)]) == 0
    return dict(zip(BANDS, read(target / "trend_2000-2023.tif"), strict=True))


def sampled(ndvi, count, seed=1):
    valid = np.isfinite(ndvi).sum(axis=0)
    rows, cols = np.nonzero(valid >= 3)
    chosen = np.random.default_rng(seed).choice(rows.size, count, replace=False)
    return rows[chosen], cols[chosen]


def test_slope_s_p_equal_scipy_and_pymannkendall_on_2500_pixels_with_gaps(ndvi, normal_ndvi):
    years = np.array(YEARS)
    rows, cols = sampled(ndvi, 2500)
    gaps = 0
    worst = dict.fromkeys(("slope", "slope_low", "slope_high", "s", "z", "p", "tau"), 0.0)
    for r, c in zip(rows, cols, strict=True):
        series = ndvi[:, r, c].astype(np.float64)
        ok = np.isfinite(series)
        gaps += int(not ok.all())
        test = pymannkendall.original_test(series[ok])
        line = theilslopes(series[ok], years[ok], 0.90)
        theirs = {"slope": line.slope, "slope_low": line.low_slope, "slope_high": line.high_slope, "s": test.s, "z": test.z, "p": test.p, "tau": test.Tau}
        for name, value in theirs.items():
            worst[name] = max(worst[name], abs(float(normal_ndvi[name][r, c]) - value))
        assert normal_ndvi["n"][r, c] == ok.sum()
    print(f"2500 pixels, {gaps} with gaps; largest differences: " + ", ".join(f"{k} {v:.2g}" for k, v in worst.items()))
    assert gaps > 500
    assert worst["s"] == 0
    assert max(worst["slope"], worst["slope_low"], worst["slope_high"]) <= 1e-8
    assert max(worst["p"], worst["tau"]) <= 1e-6
    assert worst["z"] <= 1e-5


def enumerated_p(values, s):
    """Return the exact p of a short series by trying every order."""
    scores = Counter()
    for order in permutations(values):
        scores[sum((b > a) - (b < a) for i, a in enumerate(order) for b in order[i + 1 :])] += 1
    return sum(k for score, k in scores.items() if abs(score) >= abs(s)) / sum(scores.values())


@pytest.mark.parametrize(("period", "count"), [("2000-2023", 81), ("2005-2023", 2500)])
def test_with_auto_pixels_of_at_most_20_years_are_exact(period, count, ndvi, folder):
    bands = dict(zip(BANDS, read(folder / f"trend_{period}.tif"), strict=True))
    rows, cols = np.nonzero((bands["n"] >= 3) & (bands["n"] <= 20))
    assert rows.size >= count
    chosen = np.random.default_rng(2).choice(rows.size, count, replace=False)
    for r, c in zip(rows[chosen], cols[chosen], strict=True):
        series = ndvi[int(period[:4]) - 2000 :, r, c]
        groups = tuple(sorted(Counter(series[np.isfinite(series)].tolist()).values()))
        assert bands["p"][r, c] == pytest.approx(exact_p(groups, abs(int(bands["s"][r, c]))), abs=1e-6)


def test_the_exact_computation_used_here_equals_enumeration():
    rng = np.random.default_rng(3)
    for _ in range(40):
        values = rng.integers(0, 4, rng.integers(3, 7)).tolist()
        s = sum((b > a) - (b < a) for i, a in enumerate(values) for b in values[i + 1 :])
        assert exact_p(tuple(sorted(Counter(values).values())), abs(s)) == pytest.approx(enumerated_p(values, s))


def test_with_auto_longer_pixels_are_normal(ndvi, folder, normal_ndvi):
    bands = dict(zip(BANDS, read(folder / "trend_2000-2023.tif"), strict=True))
    many = bands["n"] > 20
    assert np.array_equal(bands["p"][many], normal_ndvi["p"][many])


def test_s_and_p_of_cover_equal_those_of_ndvi_on_real_data(folder, normal_ndvi):
    bands = dict(zip(BANDS, read(folder / "trend_2000-2023.tif"), strict=True))
    for name in ("s", "tau", "z", "n"):
        assert np.array_equal(bands[name], normal_ndvi[name], equal_nan=True)


def test_the_ledger_accounts_for_every_band_of_every_year(folder, landsat):
    with (folder / "ledger.csv").open(encoding="utf-8", newline="") as handle:
        rows = list(csv.DictReader(handle))
    assert len(rows) == 2 * 24
    assert {row["status"] for row in rows} == {"read"}
    manifest = json.loads((landsat.results / "bc-wildfire-516" / "run.json").read_text(encoding="utf-8"))
    assert manifest["ledger"] == {"landsat": {"read": 48}}


def test_areas_sum_to_the_polygon_although_2011_is_mostly_missing(folder):
    table = pd.read_csv(folder / "trend_area_by_zone.csv")
    cover = pd.read_csv(folder / "fvc_by_zone.csv").drop_duplicates("zone").set_index("zone")["area_km2"]
    for (zone, *_), rows in table.groupby(["zone", "first_year", "target"]):
        assert rows["area_km2"].sum() == pytest.approx(cover[zone], rel=1e-9)
    year = pd.read_csv(folder / "fvc_by_zone.csv").query("year == 2011")
    assert (year["valid_pct"] < 65).all()


def test_a_year_that_is_mostly_missing_falls_out_of_the_zone_series(folder):
    used = pd.read_csv(folder / "trend_by_zone.csv").query("first_year == 2000 and target == 'absolute'").set_index("zone")["years_used"]
    valid = pd.read_csv(folder / "fvc_by_zone.csv").query("year == 2011").set_index("zone")["valid_pct"]
    assert {zone for zone, years in used.items() if "2011" not in years.split()} == set(valid[valid < 50].index)
    assert 0 < (valid < 50).sum() < 5


def test_the_fire_shows_as_a_fall_of_cover(folder):
    """Zone 4 burnt in 2002 to 2004 (attribute dist_start of the polygons) and cover rose from then on."""
    cover = pd.read_csv(folder / "fvc_by_zone.csv").query("zone == 'zone 4'").set_index("year")["fvc_mean_common"]
    assert cover[2005] < cover[2000] - 0.2
    assert cover[2023] > cover[2005] + 0.2


def test_crosscheck_agrees(landsat, capsys):
    assert main(["crosscheck", str(landsat.config), "--pixels", "400", "--results", str(landsat.results)]) == 0
    assert "all within tolerance" in capsys.readouterr().out
