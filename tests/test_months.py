"""Monthly composites and the tests of them through a run: plain numpy, the library, independent implementations, gaps, references, and the turn of the year."""

import csv
import json
import math
import re
from itertools import combinations, permutations
from pathlib import Path

import numpy as np
import pymannkendall
import pytest
import rasterio
import xarray as xr
from pyproj import Transformer
from running import snakemake
from scenemine import CRS, NORTH, SHAPE, WEST, SceneMine, read, rejected
from scipy import stats
from sensormine import CELL, SINUSOIDAL, SensorMine
from test_composite import composed, hashes, plain

from pipeline.__main__ import main
from pipeline.config import Season, load
from pipeline.config_months import touched
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.null import smallest_p, smallest_p_of, smallest_seasonal_p
from pipeline.monthscheck import reference
from pipeline.season import bounds, month_bounds
from pipeline.trend import TESTS, seasonal_statistics, trend

YEARS = range(2020, 2025)
SEASONAL = [name for name, test in TESTS.items() if test.seasonal]
DAYS = ("07-04", "07-12", "07-31", "08-01", "08-09", "08-20")


def monthly(folder, test=None, years=YEARS, days=DAYS, **more):
    """A mine with clouds, water and noise; a year effect, a season, a rise in the west; 2022 has no scene in August."""
    mine = SceneMine(folder)
    mine.settings |= {"composite": {"interval": "month"}, "years": {"first": years[0], "last": years[-1]}, "mask": {"dilate": []}}
    mine.settings |= {"sensitivity": False, **({"trend": {"test": test}} if test else {})} | more
    mine.settings["sensors"]["sentinel-2"]["offset"] = "raw"
    west = np.arange(SHAPE[1]) < 40
    for i, year in enumerate(years):
        for day in days:
            if year == 2022 and day.startswith("08"):
                continue
            rng = np.random.default_rng([year, int(day.replace("-", ""))])
            ndvi = 0.4 + 0.05 * np.sin(3.0 * i) + 0.1 * day.startswith("08") + 0.04 * i * west + 0.03 * rng.standard_normal(SHAPE)
            scl = rng.choice([4, 8, 6, 0], (SHAPE[0] // 2, SHAPE[1] // 2), p=[0.7, 0.2, 0.05, 0.05])
            mine.add(f"{year}-{day}", ndvi=ndvi, scl=scl)
    return mine


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return monthly(tmp_path_factory.mktemp("months"), "hirsch-slack")


@pytest.fixture(scope="module")
def folder(mine):
    return mine.run()


def stacked(folder, months=("07", "08"), years=YEARS, cover=True):
    """Return the monthly files as the library takes them: cover of the one pair (0.05, 0.86), by date."""
    values = np.stack([read(folder / f"ndvi_{y}-{m}.tif") for y in years for m in months]).astype(np.float64)
    times = np.array([f"{y}-{m}-15" for y in years for m in months], "datetime64[ns]")
    return xr.DataArray((values - 0.05) / 0.81 if cover else values, coords={"time": times}, dims=("time", "y", "x"))


# Composites


@pytest.mark.parametrize("month", ["07", "08"])
@pytest.mark.parametrize("year", [2020, 2022, 2024])
def test_a_monthly_composite_equals_plain_numpy_of_the_months_scenes_bit_by_bit(mine, folder, year, month):
    days = {day: v for day, v in plain(mine, folder, year, dilate_m=0).items() if day[5:7] == month}
    found = read(folder / f"ndvi_{year}-{month}.tif")
    if (year, month) == (2022, "08"):
        assert not days
        assert np.isnan(found).all(), "a month without a scene is missing, never 0"
        return
    assert len(days) == 3
    expected, _, _ = composed(days, lambda v: np.nanmedian(v, axis=0))
    assert 0.5 < np.isfinite(expected).mean() < 0.98
    np.testing.assert_array_equal(found, expected)
    whole, _, _ = composed(plain(mine, folder, year, dilate_m=0), lambda v: np.nanmedian(v, axis=0))
    np.testing.assert_array_equal(read(folder / f"ndvi_{year}.tif"), whole)


def test_min_clear_and_method_hold_for_each_month(tmp_path):
    mine = monthly(tmp_path, years=range(2020, 2022), composite={"interval": "month", "method": "max", "min_clear": 3})
    folder = mine.composites()
    for month in ("07", "08"):
        days = {day: v for day, v in plain(mine, folder, 2021, dilate_m=0).items() if day[5:7] == month}
        expected, _, _ = composed(days, lambda v: np.nanmax(v, axis=0), least=3)
        np.testing.assert_array_equal(read(folder / f"ndvi_2021-{month}.tif"), expected)
        assert 0.2 < np.isnan(expected).mean() < 0.9


@pytest.mark.parametrize("sensitivity", [False, True])
def test_everything_else_has_the_same_bytes_with_and_without_months(tmp_path, sensitivity):
    mine = monthly(tmp_path, sensitivity=sensitivity)
    with_months = hashes(mine.run())
    mine.settings["composite"] = {"interval": "year"}
    mine.write_config()
    without = hashes(mine.run(results="yearly", write=False))
    assert {name for name in with_months if name not in without} == {f"ndvi_{y}-{m}.tif" for y in YEARS for m in ("07", "08")}
    assert {name: with_months[name] for name in without} == without
    assert len(without) > 40
    assert ("sensitivity/ndvi_2020.tif" in without) == sensitivity


def test_bytes_do_not_depend_on_blocks_threads_or_order(mine, folder):
    first = hashes(folder)
    mine.write_items(list(range(len(mine.scenes)))[::-1])
    again = mine.run(results="again", more=("--block", "17", "--threads", "3"), write=False)
    assert hashes(again) == first


def test_monthly_rasters_say_what_they_are(folder):
    with (
        rasterio.open(folder / "ndvi_2021-07.tif") as july,
        rasterio.open(folder / "ndvi_2022-08.tif") as empty,
        rasterio.open(folder / "ndvi_2021.tif") as year,
    ):
        assert (july.tags()["year"], july.tags()["month"], july.tags()["scenes"], july.tags()["min_clear"]) == ("2021", "07", "3", "2")
        assert empty.tags()["scenes"] == "0"
        assert year.tags()["scenes"] == "6"
        assert "month" not in year.tags()
        assert july.tags()["options"] == year.tags()["options"]
        assert (july.descriptions, july.dtypes, july.units) == (("ndvi",), ("float32",), ("1",))
    assert (folder / "ndvi_2021-07.qml").read_text() == (folder / "ndvi_2021.qml").read_text()


def test_a_season_across_the_turn_of_the_year_names_its_months_by_the_seasons_year(tmp_path):
    mine = SceneMine(tmp_path)
    mine.settings |= {"season": {"start": "11-15", "end": "01-20"}, "years": {"first": 2020, "last": 2021}, "composite": {"interval": "month", "min_clear": 1}}
    mine.settings |= {"sensitivity": False, "trend": {"periods": [[2020, 2021]]}}
    planted = {"2020-11-20": 0.3, "2020-12-05": 0.4, "2021-01-10": 0.5, "2021-11-16": 0.35, "2021-12-31": 0.45, "2022-01-01": 0.55, "2020-11-14": 0.9}
    for day, ndvi in planted.items():
        mine.add(day, ndvi=ndvi)
    folder = mine.composites()
    found = {p.stem: float(np.nanmean(read(p))) for p in sorted(folder.glob("ndvi_*-*.tif"))}
    expected = {"ndvi_2020-11": 0.3, "ndvi_2020-12": 0.4, "ndvi_2020-01": 0.5, "ndvi_2021-11": 0.35, "ndvi_2021-12": 0.45, "ndvi_2021-01": 0.55}
    assert found == pytest.approx(expected, abs=2e-3)


def test_months_of_a_season_day_by_day():
    """Each day of a season is in exactly one of its months, and the bounds of the months are those of the season."""
    for start, end in (("07-01", "08-31"), ("06-20", "09-05"), ("11-15", "02-29"), ("05-10", "05-20"), ("02-29", "04-01"), ("03-01", "02-28")):
        season = Season(start=start, end=end)
        for year in (2020, 2021, 2023):
            first, last = bounds(season, year)
            counted = [d for month in touched(start, end) for a, b in [month_bounds(season, year, month)] for d in range(a, b + 1)]
            assert counted == list(range(first, last + 1)), (start, end, year)


# The trend of monthly values


def test_the_trend_of_a_run_equals_the_library_on_the_monthly_files(folder):
    expected = trend(stacked(folder), test="hirsch-slack")
    with rasterio.open(folder / "trend_2020-2024.tif") as found:
        for i, name in enumerate(OUTPUTS, 1):
            np.testing.assert_allclose(found.read(i), expected[name].values.astype(np.float32), rtol=1e-6, atol=1e-7, err_msg=name)
        tags = found.tags()
    assert np.isfinite(expected.slope.values).mean() > 0.9
    assert (tags["test"], tags["months"], tags["target"]) == ("hirsch-slack", "07, 08", "absolute")
    assert "significance" not in tags
    least = [2 * stats.norm.sf(math.sqrt(pairs) * (1 - 1 / (2 * pairs))) for pairs in (3, 6, 10)]
    assert tags["p_min"] == f"bound that p cannot go below at each n (years): 3: {least[0]:.3g}, 4: {least[1]:.3g}, 5: {least[2]:.3g}"


def test_years_are_counted_not_values_and_a_missing_month_keeps_its_year(folder):
    values = np.isfinite(stacked(folder).values.reshape(5, 2, -1))
    n = read(folder / "trend_2020-2024.tif", OUTPUTS.index("n") + 1).ravel()
    assert np.array_equal(n, values.any(axis=1).sum(axis=0))
    assert (n == 5).sum() > 500, "2022 has July alone, and counts"
    assert not values[2, 1].any()


def sign(v):
    return int(v > 0) - int(v < 0)


def formulas(x, test):
    """Return S, slope and p of (years, months) by the definitions: scipy, and pymannkendall where it is right."""
    slopes, s, variance = [], 0, 0.0
    for season in x.T:
        seen = np.isfinite(season)
        t, v = np.arange(len(x))[seen], season[seen]
        slopes += [(v[j] - v[i]) / (t[j] - t[i]) for i, j in combinations(range(len(v)), 2)]
        s += sum(sign(v[j] - v[i]) for i, j in combinations(range(len(v)), 2))
    if test == "seasonal-kendall":
        peer = pymannkendall.seasonal_test(x.reshape(-1), period=x.shape[1])
        assert peer.s == s
        return s, np.median(slopes), peer.p
    if test == "hirsch-slack":
        with np.errstate(invalid="ignore", divide="ignore"):  # it divides by a variance of 0 too
            peer = pymannkendall.correlated_seasonal_test(x.reshape(-1), period=x.shape[1])  # of complete years: no continuity correction there
        z = (s - np.sign(s)) / math.sqrt(peer.var_s) if peer.var_s > 0 else np.nan
        return s, np.median(slopes), 2 * stats.norm.sf(abs(z))
    x = x[np.isfinite(x).any(axis=1)]
    scores = []
    for order in permutations(range(len(x))):
        y = x[list(order)]
        scores.append(sum(np.nan_to_num(np.sign(y[j] - y[i])).sum() for i, j in combinations(range(len(y)), 2)))
    variance = np.mean(np.abs(scores) >= abs(s))
    return s, np.median(slopes), variance


@pytest.mark.parametrize("test", SEASONAL)
def test_every_seasonal_test_of_a_run_equals_independent_implementations(test, tmp_path):
    mine = monthly(tmp_path, test, years=range(2018, 2022))
    folder = mine.run()
    x = stacked(folder, years=range(2018, 2022)).values.reshape(4, 2, -1)
    found = {name: read(folder / "trend_2018-2021.tif", i).ravel() for i, name in enumerate(OUTPUTS, 1)}
    complete = np.isfinite(x).all(axis=(0, 1))
    chosen = np.flatnonzero(complete if test == "hirsch-slack" else np.isfinite(x).any(axis=1).sum(axis=0) == 4)[::17]
    assert chosen.size > 30
    for i in chosen:
        s, slope, p = formulas(x[..., i], test)
        assert found["s"][i] == s
        assert found["slope"][i] == pytest.approx(slope, rel=1e-5)
        assert found["p"][i] == pytest.approx(p, rel=1e-5, nan_ok=True)


def test_classes_follow_the_p_of_the_configured_test(folder):
    slope, p, n = (read(folder / "trend_2020-2024.tif", OUTPUTS.index(k) + 1) for k in ("slope", "p", "n"))
    codes = read(folder / "trend_class_2020-2024.tif")
    inside = (codes > 0) & (codes < 97)
    strength = np.select([p <= 0.05 + 1e-6, p <= 0.10 + 1e-6], [3, 2], 1)
    expected = np.where(np.abs(slope) < 0.0005, 5, 5 + np.sign(slope) * strength)
    assert np.array_equal(codes[inside], expected[inside])
    assert (n[inside] >= 4).all()
    assert {7, 8} & set(np.unique(codes[inside]).tolist())


def rows_of(folder, name):
    return list(csv.DictReader((folder / f"{name}.csv").read_text(encoding="utf-8").splitlines()))


def test_tables_say_the_test_and_its_smallest_p_and_zone_means_stay_yearly(folder):
    area = rows_of(folder, "trend_area_by_zone")
    assert {r["test"] for r in area} == {"hirsch-slack"}
    bound = 2 * stats.norm.sf(math.sqrt(10) * (1 - 1 / 20))  # 10 pairs of 5 years, 2 months
    assert {round(float(r["p_min"]), 12) for r in area} == {round(bound, 12)}
    pit = {r["class_id"]: r for r in area if (r["zone"], r["target"]) == ("pit", "absolute")}
    assert float(pit["significant_increase"]["testable_pct"]) > 99, "5 years with values can reach p = 0.05"
    zones = rows_of(folder, "trend_by_zone")
    assert {r["test"] for r in zones} == {"mann-kendall"}
    mean = [float(r["fvc_mean"]) for r in rows_of(folder, "fvc_by_zone") if r["zone"] == "pit"]
    assert len(mean) == 5
    (row,) = [r for r in zones if (r["zone"], r["target"]) == ("pit", "absolute")]
    assert float(row["p_min"]) == pytest.approx(2 / math.factorial(int(row["n"])))
    slopes = read(folder / "trend_2020-2024.tif")
    assert float(row["slope_mean"]) == pytest.approx(0.04 / 0.81, abs=0.02)
    assert np.nanmax(slopes) > 0.04


# Minus the reference of the same year and month


def test_relative_is_the_pixel_minus_the_reference_of_the_same_year_and_month(tmp_path):
    mine = monthly(tmp_path, "year-permutation")
    for scene in mine.scenes:
        if scene["when"].startswith("2021-08"):
            scene["scl"][:, 22:36] = 8  # two thirds of the reference: August 2021 falls out there, July does not
    folder = mine.run()
    x = stacked(folder).values.reshape(5, 2, *read(folder / "ndvi_2020.tif").shape)
    grid = json.loads((folder / "scenes.json").read_text())["grid"]["transform"]
    left, top = round((grid[2] - WEST) / 10), round((NORTH - grid[5]) / 10)
    rows = slice(6 - top, 50 - top)
    whole, half = slice(45 - left, 74 - left), 74 - left  # the last column of the reference is covered by half
    weights = np.ones((44, 30))
    weights[:, -1] = 0.5
    own = x[:, :, rows, whole.start : half + 1].reshape(5, 2, -1)
    weights, means = weights.ravel(), np.full((5, 2), np.nan)
    for g in range(2):
        seen = np.isfinite(own[:, g])
        used = (seen * weights).sum(axis=1) >= 0.5 * weights.sum()
        cells = seen[used].all(axis=0)
        means[used, g] = np.average(own[used, g][:, cells], axis=1, weights=weights[cells])
    assert np.isnan(means).tolist() == [[False, False], [False, True], [False, True], [False, False], [False, False]]
    expected = trend(stacked(folder) - means.reshape(10, 1, 1), test="year-permutation")
    with rasterio.open(folder / "trend_relative_2020-2024.tif") as found:
        for name in ("s", "p", "n"):
            got = found.read(OUTPUTS.index(name) + 1)
            assert np.array_equal(got, expected[name].values.astype(np.float32), equal_nan=True), name
        np.testing.assert_allclose(found.read(1), expected.slope.values, rtol=0, atol=2e-6)
        assert found.tags()["minus"] == "mean of the zone's reference, same year and month, cells valid in that month of all years used"


# Config faults


FAULTS = {
    "year": ({"trend": {"test": "hirsch-slack"}}, "trend.test", "composite.interval year", "interval month"),
    "one": ({"composite": {"interval": "month"}, "season": {"start": "07-01", "end": "07-31"}, "trend": {"test": "hirsch-slack"}}, "trend.test", "07-31", "2"),
    "exact": ({"composite": {"interval": "month"}, "trend": {"test": "year-permutation", "significance": "exact"}}, "trend.significance", "exact", "auto"),
    "normal": ({"composite": {"interval": "month"}, "trend": {"test": "seasonal-kendall", "significance": "normal"}}, "trend.significance", "normal", "auto"),
    "table": ({"composite": {"interval": "month"}, "trend": {"test": "hirsch-slack"}, "sensitivity": True}, "sensitivity", "true", "auto or false"),
    "twice": ({"composite": {"interval": "month"}, "season": {"start": "07-15", "end": "07-10"}}, "season", "month 7 twice", "once"),
    "day": ({"composite": {"interval": "day"}}, "composite.interval", "day", "'year' or 'month'"),
    "pairs": (
        {
            "composite": {"interval": "month"},
            "season": {"start": "01-01", "end": "12-31"},
            "years": {"first": 1950, "last": 2030},
            "trend": {"test": "year-permutation"},
        },
        "trend.test",
        "38880 pairs",
        "32767",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_settings_that_do_not_go_together_are_refused(name, tmp_path):
    settings, field, found, expected = FAULTS[name]
    mine = SceneMine(tmp_path)
    mine.settings |= settings
    mine.add("2020-07-05")
    mine.write()
    error = rejected(mine)
    assert error.field == field
    assert found in str(error.found)
    assert expected in error.expected


def test_prepared_composites_have_no_months(tmp_path, mine):
    settings = {**mine.settings, "trend": {}}
    settings["sensors"] = settings["sensors"] | {"landsat": {"composites": "x/{year}.tif", "bands": {"ndvi": 1}}}
    made = SceneMine(tmp_path)
    made.settings = settings
    made.write_config()
    error = rejected(made)
    assert (error.field, error.found) == ("composite.interval", "month with the prepared composites of sensors.landsat")
    assert "catalog" in error.expected


# check, crosscheck, and what is left out


def test_check_names_the_test_its_months_and_what_it_can_reach(mine, capsys):
    assert main(["check", str(mine.config), "--results", str(mine.folder / "checked")]) == 0
    lines = capsys.readouterr().out.splitlines()
    (line,) = [text for text in lines if "trend 2020-2024" in text and "with images" in text]
    assert "hirsch-slack of 2 months: 5 years with images, at least 4 valid; p cannot go below 0.00266" in line
    assert not [text for text in lines if "cannot occur" in text]


def test_check_marks_what_whole_years_cannot_reach(tmp_path, capsys):
    mine = monthly(tmp_path, "year-permutation", years=range(2018, 2022))
    mine.write()
    assert main(["check", str(mine.config), "--results", str(mine.folder / "checked")]) == 0
    text = capsys.readouterr().out
    assert "year-permutation of 2 months: 4 years with images, at least 4 valid; the smallest p that can be reached is 0.0833" in text
    assert "cannot occur, whatever the vegetation does: significant decrease, significant increase" in text


@pytest.mark.parametrize("test", SEASONAL)
def test_crosscheck_recomputes_the_configured_test_and_finds_a_changed_pixel(test, tmp_path, capsys):
    mine = monthly(tmp_path, test, years=range(2018, 2026) if test == "year-permutation" else YEARS)  # 8 years: drawn orders
    folder = mine.run()
    command = ["crosscheck", str(mine.config), "--pixels", "150", "--results", str(mine.folder / "results")]
    assert main(command) == 0, capsys.readouterr().out
    assert "150 pixels; largest differences" in capsys.readouterr().out
    years = load(mine.config).years
    with rasterio.open(folder / f"trend_{years.first}-{years.last}.tif", "r+", IGNORE_COG_LAYOUT_BREAK="YES") as dataset:
        p = dataset.read(8)
        dataset.write(np.where(p > 0.2, p - 0.001, p), 8)
    assert main(command) != 0


def test_sensitivity_is_left_out_with_a_seasonal_test_and_kept_with_months_alone(tmp_path):
    mine = monthly(tmp_path, "hirsch-slack")
    del mine.settings["sensitivity"]
    mine.write()
    config = load(mine.config)
    assert config.tables_of("sentinel-2") == {"with_scenes": True, "with_sensitivity": False, "evaluated": ()}
    mine.settings["trend"] = {}
    mine.write_config()
    assert load(mine.config).tables_of("sentinel-2")["with_sensitivity"]


def test_check_tells_the_measured_false_positives_of_the_test(tmp_path, capsys):
    mine = monthly(tmp_path, "seasonal-kendall")
    mine.write()
    assert main(["check", str(mine.config), "--results", str(mine.folder / "checked")]) == 0
    (line,) = [text for text in capsys.readouterr().out.splitlines() if "each cell, 5 years: " in text]
    with Path("pipeline/sizes.csv").open(encoding="utf-8") as file:
        rows = [r for r in csv.DictReader(file) if (r["test"], r["unit"], r["years"], float(r["lag1"])) == ("seasonal-kendall", "cell", "5", 0.0)]
    worst = max(float(r["size_05"]) for r in rows)
    assert worst > 0.2, "months that share their year's weather are no independent witnesses"
    assert f"false positives up to {worst:.3f} at p <= 0.05" in line
    assert line.startswith("  warning: "), "it does not hold its level"
    assert "(simulated with 4 months a year)" in line


def test_check_says_what_a_test_of_monthly_values_leaves_out_and_when_no_test_uses_the_months(tmp_path, capsys):
    mine = monthly(tmp_path, "year-permutation")
    mine.write()
    said = {}
    for test in ("year-permutation", "mann-kendall"):
        mine.settings["trend"] = {"test": test, "periods": [[2021, 2024]]}
        mine.write_config()
        assert main(["check", str(mine.config), "--results", str(mine.folder / "checked")]) == 0
        said[test] = capsys.readouterr().out
    assert "class areas have no bounds, and there is no sensitivity.csv" in said["year-permutation"]
    assert "p <= 0.05 cannot occur; false positives up to" in said["year-permutation"]
    assert "warning: seasonal" not in said["year-permutation"]
    assert "monthly composites that no test uses" in said["mann-kendall"]
    assert "class areas have no bounds" not in said["mann-kendall"]
    assert "no test uses" not in said["year-permutation"]


# MODIS: each pixel in the month of its own day


def test_a_composite_of_days_counts_each_pixel_in_the_month_of_its_day(tmp_path):
    mine = SensorMine(tmp_path, sensor="modis")
    mine.settings |= {"composite": {"min_clear": 1, "interval": "month"}, "years": {"first": 2021, "last": 2022}, "grid": {"buffer_m": 0}, "sensitivity": False}
    x, y = Transformer.from_crs(CRS, SINUSOIDAL, always_xy=True).transform(WEST + 50, NORTH - 60)
    origin = np.floor(x / CELL) * CELL - 2 * CELL, np.ceil(y / CELL) * CELL + 2 * CELL
    day = np.full((8, 8), 205)  # 24 July
    day[:, 4:] = 215  # 3 August
    day[0] = -1  # not told
    for year in (2021, 2022):
        mine.modis(f"{year}-07-20", 5000, day, origin=origin)
        mine.modis(f"{year}-08-05", 7000, 220, origin=origin)
    folder = mine.composites()
    july, august, whole = (read(folder / f"ndvi_2021{m}.tif") for m in ("-07", "-08", ""))
    top, left = (round((v - w) / CELL) for v, w in zip((origin[1], grid_of(folder)[2]), (grid_of(folder)[5], origin[0]), strict=True))
    days = day[top : top + july.shape[0], left : left + july.shape[1]]
    assert {205, 215} <= set(np.unique(days).tolist())
    np.testing.assert_array_equal(july, np.where(days == 205, np.float32(0.5), np.float32(np.nan)))
    expected = np.where(days == 215, np.float32(0.6), np.float32(0.7))  # the median of 0.5 and 0.7, or 0.7 alone
    np.testing.assert_allclose(august, expected, atol=1e-6)
    np.testing.assert_allclose(whole, np.where(days == -1, 0.7, 0.6), atol=1e-6)


def grid_of(folder):
    return json.loads((folder / "scenes.json").read_text())["grid"]["transform"]


# The workflow


def test_the_workflow_writes_the_months_of_one_mine_and_none_of_another(tmp_path):
    mine = monthly(tmp_path / "a", "year-permutation")
    mine.write()
    other = monthly(tmp_path / "b")
    other.settings |= {"mine": "yearly", "composite": {"min_clear": 1}}
    other.write()
    results = tmp_path / "results"
    done = snakemake("--configfile", str(mine.config), str(other.config), "--config", f"results={results}")
    assert done.returncode == 0, done.stderr[-3000:]
    made = {p.name for p in (results / "small" / "sentinel-2").glob("ndvi_*-*")}
    assert made == {f"ndvi_{y}-{m}.{end}" for y in YEARS for m in ("07", "08") for end in ("tif", "qml")}
    assert not list((results / "yearly").rglob("ndvi_*-*"))
    listed = json.loads((results / "small" / "run.json").read_text())["sha256"]
    assert {f"sentinel-2/ndvi_{y}-07.tif" for y in YEARS} <= set(listed)
    assert not (results / "small" / "sentinel-2" / "sensitivity.csv").exists()
    report = (results / "small" / "report.html").read_text(encoding="utf-8")
    assert "orders of whole years, all months together" in report
    assert "each cell, 5 years: p <= 0.05 cannot occur" not in report
    assert "each cell, 5 years: false positives up to" in report.replace("\u00a0", " ")
    assert "but false positives" not in report, "this test holds its levels"
    seasonal = mine.config.with_name("seasonal.yaml")
    seasonal.write_text(mine.config.read_text(encoding="utf-8").replace("year-permutation", "seasonal-kendall"), encoding="utf-8")
    assert main(["report", str(seasonal), "--results", str(results)]) == 0
    report = (results / "small" / "report.html").read_text(encoding="utf-8")
    assert "but false positives 0.30 at 0.05" in report
    assert "that a class can be reached is no proof here" in report
    assert "Bounds of class areas: not known with a test of monthly values." in report.replace("\u00a0", " ")
    area = rows_of(results / "small" / "sentinel-2", "trend_area_by_zone")
    assert {(r["area_low_km2"], r["area_high_km2"]) for r in area} == {("", "")}, "bounds are of yearly values"
    assert any(r["area_low_km2"] for r in rows_of(results / "yearly" / "sentinel-2", "trend_area_by_zone"))
    assert "the trend test is of monthly ones" in report.replace("\u00a0", " ") or "sensitivity: false" in report.replace("\u00a0", " ")
    assert main(["verify", str(results)]) == 0
    (results / "small" / "sentinel-2" / "ndvi_2021-08.tif").unlink()
    again = snakemake("--configfile", str(mine.config), str(other.config), "--config", f"results={results}", "--dry-run")
    assert "composite_2020_2024_m07_m08" in again.stdout + again.stderr


def test_on_a_large_grid_the_months_are_made_year_by_year(tmp_path):
    mine = monthly(tmp_path, "hirsch-slack", grid={"buffer_m": 40, "resolution_m": {"sentinel-2": 0.5}})
    mine.write()
    done = snakemake("--configfile", str(mine.config), "--config", f"results={tmp_path / 'results'}", "--dry-run")
    text = done.stdout + done.stderr
    assert done.returncode == 0, text[-3000:]
    assert re.search(r"^composite_m07_m08 +5$", text, re.MULTILINE), text[:2000]


def test_what_crosscheck_computes_anew_equals_the_library_with_ties_gaps_and_no_variance():
    rng = np.random.default_rng(11)
    for n, months in ((3, 2), (4, 2), (5, 3), (6, 12), (9, 2)):
        x = rng.normal(0.5, 0.1, (n, months, 30)).round(1)
        x[rng.random(x.shape) < 0.2] = np.nan
        x[:, :, 0] = 0.5  # nothing but ties: no variance
        x[:, 1, 1], x[:, 0, 1] = np.arange(n), -np.arange(n)  # two months that cancel out
        years = np.arange(2000, 2000 + n)
        for test in SEASONAL:
            found = dict(zip(OUTPUTS, seasonal_statistics(x, years.astype(float), test=test), strict=True))
            for i in range(30):
                expected = reference(x[..., i], years, test)
                for name, value in expected.items():
                    assert found[name][i] == pytest.approx(value, rel=1e-9, abs=1e-12, nan_ok=True), (test, n, months, i, name)


@pytest.mark.parametrize("significance", ["auto", "exact", "normal"])
def test_the_smallest_p_is_that_of_the_configured_test(significance):
    for n in range(1, 25):
        assert smallest_p_of("mann-kendall", n, 6, significance) == pytest.approx(smallest_p(n, significance), nan_ok=True)
        for test in SEASONAL:
            found = smallest_p_of(test, n, 6, significance)
            assert found == pytest.approx(smallest_seasonal_p(test, n, 6), nan_ok=True)
            assert np.isnan(found) == (n < 3)


def test_no_pixel_of_a_run_is_below_the_smallest_p_of_its_years(folder):
    p, n = (read(folder / "trend_2020-2024.tif", OUTPUTS.index(name) + 1) for name in ("p", "n"))
    for years in (3, 4, 5):
        assert np.nanmin(p[n == years]) >= smallest_p_of("hirsch-slack", years, 2, "auto") - 1e-7
