"""The evaluation `climate` in a run: tables and raster against plain numpy and scipy, refusals before anything is written, its part of the report."""

import csv
import os
import re
import time
from datetime import date, timedelta

import numpy as np
import pytest
import rasterio
from conftest import SmallMine
from pipeline_configs import loaded, refused_config
from rasterio.transform import from_origin
from scipy import stats

from pipeline import plan
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.config import load
from pipeline.errors import BadInput
from pipeline.evaluation.climate import CLIMATE_COLUMNS
from pipeline.evaluation.climatewords import PEAK_COLUMNS
from pipeline.evaluation.residualraster import BANDS, climates_of_cells
from pipeline.evaluation.residualtable import RESIDUAL_COLUMNS
from pipeline.layout import MineFolder
from pipeline.report.evaluated import evaluated

YEARS = tuple(range(2013, 2023))
RAIN = np.array([210.0, 180, 260, 240, 190, 230, 300, 220, 310, 205])  # mm in July and August
WARMTH = np.array([8.0, 8.4, 7.6, 8.8, 8.1, 9.0, 7.9, 8.6, 8.2, 8.5])


def rows_of(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def stage(mine):
    return main(["climate", str(mine.config), "--sensor", "sentinel-2", "--results", str(mine.results)])


def daily(path, sums, unit="mm"):
    """Write a table of days of which the season (62 days) has this sum (mm) or mean (degC) in each year; other days differ."""
    lines = ["date,value"]
    for year, value in zip(YEARS, sums, strict=True):
        for i in range((date(year + 1, 1, 1) - date(year, 1, 1)).days):
            day = date(year, 1, 1) + timedelta(days=i)
            inside = 7 <= day.month <= 8
            lines.append(f"{day},{(value / 62 if unit == 'mm' else value) if inside else 3.25}")
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


def ten_years(folder):
    """Return a mine of ten years: the background follows rain, the pit rain and restoration."""
    mine = SmallMine(folder / "mine", years=YEARS)
    mine.folder.mkdir()
    noise = np.random.default_rng(3).normal(0, 0.004, (10, 30, 40))
    cover = 0.2 + 0.0006 * RAIN[:, None, None] + noise
    cover[:, :, :24] += 0.025 * np.arange(10)[:, None, None]
    ndvi = 0.05 + 0.81 * cover
    mine.red, mine.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    mine.settings["climate"] = {"precipitation": daily(mine.folder / "rain.csv", RAIN), "temperature": daily(mine.folder / "t.csv", WARMTH, "degC")}
    mine.settings["trend"] = {"periods": [[2013, 2022], [2016, 2022]]}
    mine.settings["sensitivity"] = False
    return mine


@pytest.fixture
def wet(tmp_path):
    return ten_years(tmp_path)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Return the mine and its results; made once, nothing changes them."""
    mine = ten_years(tmp_path_factory.mktemp("climate"))
    folder = mine.run()
    assert stage(mine) == 0
    return mine, folder


def part_of(mine):
    config = load(mine.config)
    (part,) = evaluated(config, read_zones(config, mine.config), "sentinel-2", MineFolder(mine.results, "small").sensor("sentinel-2"))
    return part


def left(values, *climate):
    design = np.column_stack([np.ones(len(values)), *climate])
    return values - design @ np.linalg.lstsq(design, values, rcond=None)[0]


# What is made


def test_seasons_anomalies_and_ranks_are_those_that_were_written(made):
    _, folder = made
    rows = rows_of(folder, "climate_by_zone")
    assert tuple(rows[0]) == CLIMATE_COLUMNS
    assert len(rows) == 2 * 4 * 10
    for name, truth in (("precipitation", RAIN), ("temperature", WARMTH)):
        for zone in ("pit", "background"):
            own = [r for r in rows if (r["zone"], r["quantity"]) == (zone, name)]
            assert [float(r["amount"]) for r in own] == pytest.approx(truth.tolist())
            assert [float(r["anomaly"]) for r in own] == pytest.approx((truth - truth.mean()).tolist())
            assert [float(r["anomaly_sd"]) for r in own] == pytest.approx(stats.zscore(truth, ddof=1).tolist())
            assert [float(r["weather_rank"]) for r in own] == stats.rankdata(-truth).tolist()
    assert {r["amount"] for r in rows if r["quantity"] == "days_above_0"} == {"62.0"}
    assert {(r["first_day"], r["last_day"]) for r in rows if r["year"] == "2020"} == {("2020-07-01", "2020-08-31")}


def test_the_peak_is_that_of_the_table_of_cover(made):
    _, folder = made
    peaks = rows_of(folder, "climate_peak_by_zone")
    assert tuple(peaks[0]) == PEAK_COLUMNS
    for zone in ("pit", "background"):
        cover = np.array([float(r["fvc_mean"]) for r in rows_of(folder, "fvc_by_zone") if r["zone"] == zone])
        for name, truth in (("precipitation", RAIN), ("temperature", WARMTH)):
            (row,) = [r for r in peaks if (r["zone"], r["quantity"]) == (zone, name)]
            best = int(np.argmax(cover))
            assert (int(row["peak_year"]), float(row["weather_rank"])) == (YEARS[best], stats.rankdata(-truth)[best])
            assert float(row["spearman_rho"]) == pytest.approx(stats.spearmanr(cover, truth).statistic)
    assert {r["peak_year"] for r in peaks} == {"2021"}  # the wettest
    rain = {r["zone"]: r for r in peaks if r["quantity"] == "precipitation"}
    assert float(rain["background"]["spearman_p"]) < 0.01 < 0.05 < float(rain["pit"]["spearman_p"])


def test_the_trend_beside_climate_of_zones_recovers_what_was_planted(made):
    _, folder = made
    rows = rows_of(folder, "residual_trend_by_zone")
    assert tuple(rows[0]) == RESIDUAL_COLUMNS
    whole = {r["zone"]: r for r in rows if r["first_year"] == "2013"}
    assert float(whole["pit"]["partial_slope"]) == pytest.approx(0.025, rel=0.02)
    assert float(whole["pit"]["partial_p"]) <= 0.001
    assert abs(float(whole["background"]["partial_slope"])) < 0.0005
    assert float(whole["background"]["climate_p"]) < 1e-6
    assert float(whole["pit"]["partial_rising_pct"]) > 99
    assert float(whole["background"]["partial_rising_pct"]) + float(whole["background"]["partial_falling_pct"]) < 15  # 5 by chance
    plain = {r["zone"]: r for r in rows_of(folder, "trend_by_zone") if r["first_year"] == "2013" and r["target"] == "absolute"}
    for zone, row in whole.items():
        assert row["years_used"] == plain[zone]["years_used"]
        assert float(row["time_left"]) == pytest.approx(left(np.array(YEARS, float), RAIN, WARMTH) @ left(np.array(YEARS, float), RAIN, WARMTH) / 82.5)


def test_a_period_below_eight_years_is_refused_in_words(made):
    mine, folder = made
    short = [r for r in rows_of(folder, "residual_trend_by_zone") if r["first_year"] == "2016"]
    assert len(short) == 2
    for row in short:
        assert (row["n"], row["note"]) == ("7", "7 years with cover and climate; at least 8 are needed")
        assert row["partial_slope"] == row["restrend_slope"] == row["partial_rising_pct"] == ""
    assert "Trend beside climate 2016-2022: not told, 7 years" in part_of(mine).lead[0].en
    assert "2016-2022年剔除气候后的趋势：未给出，年数不足（至少需 8 年）。" in part_of(mine).lead[0].zh


def test_the_raster_is_the_fit_of_each_cell(made):
    _, folder = made
    with rasterio.open(folder / "residual_trend.tif") as dataset:
        assert dataset.descriptions == BANDS
        assert dataset.tags()["predictors"] == "precipitation temperature"
        assert not any("rain.csv" in value for value in dataset.tags().values())
        found = dict(zip(BANDS, dataset.read(), strict=True))
    assert (folder / "residual_trend.qml").is_file()
    covers = []
    for year in YEARS:
        with rasterio.open(folder / f"ndvi_{year}.tif") as dataset:
            covers.append((dataset.read(1).astype(float) - 0.05) / 0.81)
    covers = np.stack(covers)
    u = left(np.array(YEARS, float), RAIN, WARMTH)
    for y, x in ((1, 1), (15, 13), (3, 25), (17, 31)):
        e = left(covers[:, y, x], RAIN, WARMTH)
        assert found["slope"][y, x] == pytest.approx(stats.theilslopes(e, u).slope, rel=1e-4, abs=1e-7)
        assert found["s"][y, x] == pytest.approx(stats.kendalltau(e, u).statistic * 45)
        assert found["n"][y, x] == 10
    assert np.isnan(found["slope"][0, 21])
    assert np.isnan(found["n"][0, 21])  # between the zones


def test_cells_have_the_climate_of_the_zone_that_covers_most_of_them():
    from pipeline.coverage import ZoneCoverage

    one = ZoneCoverage("a", "", slice(0, 1), slice(0, 3), np.array([[100.0, 60.0, 50.0]]))
    two = ZoneCoverage("b", "", slice(0, 1), slice(1, 4), np.array([[40.0, 50.0, 10.0]]))
    same = ZoneCoverage("c", "", slice(1, 2), slice(0, 1), np.array([[1.0]]))
    a, b = np.zeros((8, 2)), np.ones((8, 2))
    number, climates = climates_of_cells([one, two, same], {"a": a, "b": b, "c": a.copy()}, (2, 5))
    assert number.tolist() == [[0, 0, 0, 1, -1], [0, -1, -1, -1, -1]]
    assert [c.mean() for c in climates] == [0, 1]


def test_another_run_gives_the_same_bytes_wherever_the_weather_lies(made):
    mine, folder = made
    elsewhere = mine.folder / "elsewhere.csv"
    elsewhere.write_bytes((mine.folder / "rain.csv").read_bytes())
    names = ["climate_by_zone.csv", "climate_peak_by_zone.csv", "residual_trend_by_zone.csv", "climate_by_zone.png", "residual_trend.tif", "residual_trend.qml"]
    before = [(folder / name).read_bytes() for name in names]
    given = mine.settings["climate"]
    mine.settings["climate"] = given | {"precipitation": str(elsewhere)}
    mine.write_config()
    assert stage(mine) == 0
    mine.settings["climate"] = given
    mine.write_config()
    assert [(folder / name).read_bytes() for name in names] == before


# Gaps


def test_a_season_with_a_missing_day_is_left_out_everywhere_and_said(wet):
    rain = wet.folder / "rain.csv"
    rain.write_text(re.sub(r"2019-08-11,.*\n", "", rain.read_text()))
    folder = wet.run()
    assert stage(wet) == 0
    (gap,) = [r for r in rows_of(folder, "climate_by_zone") if (r["zone"], r["quantity"], r["year"]) == ("pit", "precipitation", "2019")]
    assert [gap[k] for k in ("amount", "anomaly", "weather_rank")] == [""] * 3
    assert (gap["values_missing"], gap["note"]) == ("1", "1 of 62 days missing")
    whole = next(r for r in rows_of(folder, "residual_trend_by_zone") if (r["zone"], r["first_year"]) == ("pit", "2013"))
    assert "2019" not in whole["years_used"]
    assert whole["n"] == "9"
    (warning,) = part_of(wet).warnings
    assert "precipitation 2019" in warning.en
    assert "precipitation 2019" in warning.zh
    with rasterio.open(folder / "residual_trend.tif") as dataset:
        assert dataset.read(BANDS.index("n") + 1)[15, 13] == 9


def test_years_without_images_are_gaps_of_cover(wet):
    wet.red[4], wet.nir[4] = np.nan, np.nan
    folder = wet.run()
    assert stage(wet) == 0
    whole = next(r for r in rows_of(folder, "residual_trend_by_zone") if (r["zone"], r["first_year"]) == ("pit", "2013"))
    assert (whole["n"], "2017" in whole["years_used"]) == ("9", False)
    assert {r["cover_years"] for r in rows_of(folder, "climate_peak_by_zone")} == {"9"}
    assert part_of(wet).figures[0].svg.count("<circle") == 9


def test_one_variable_alone_and_five_years_give_the_weather_and_refuse_the_trend(small_mine):
    small_mine.folder.mkdir(parents=True, exist_ok=True)
    months = "".join(f"{year}-{month:02d},{10 * month + year - 2020}\n" for year in range(2020, 2025) for month in range(1, 13))
    (small_mine.folder / "rain.csv").write_text("date,value\n" + months)
    small_mine.settings["climate"] = {"precipitation": str(small_mine.folder / "rain.csv")}
    folder = small_mine.run()
    assert stage(small_mine) == 0
    rows = rows_of(folder, "climate_by_zone")
    assert {r["quantity"] for r in rows} == {"precipitation"}
    assert [float(r["amount"]) for r in rows if r["zone"] == "pit"] == [150 + 2 * i for i in range(5)]
    assert {r["note"] for r in rows_of(folder, "residual_trend_by_zone")} == {"5 years with cover and climate; at least 8 are needed"}
    with rasterio.open(folder / "residual_trend.tif") as dataset:
        slope, n = dataset.read(1), dataset.read(BANDS.index("n") + 1)
    assert np.isnan(slope).all()
    assert np.nanmax(n) == np.nanmin(n) == 5
    lead = part_of(small_mine).lead[0]
    assert "the wettest of 5 years" in lead.en
    assert "rho = 1.00 over 5 years, p = 0.017" in lead.en  # both rise: a correlation, and no cause
    assert "no proof of a cause" in lead.en


def test_rasters_of_weather_by_zone(wet):
    """One column of cells of rain a zone: the pit lies in the first, the background in the second."""
    west, north = wet.west - 400, wet.north + 100
    for year, rain in zip(YEARS, RAIN, strict=True):
        bands = np.zeros((12, 1, 2), np.float32)
        bands[6:8, 0, 0], bands[6:8, 0, 1] = rain / 2, rain
        profile = {"driver": "GTiff", "dtype": "float32", "count": 12, "width": 2, "height": 1}
        with rasterio.open(wet.folder / f"r{year}.tif", "w", crs=wet.crs, transform=from_origin(west, north, 635, 635), **profile) as out:
            out.write(bands)
    wet.settings["climate"] = {"precipitation": str(wet.folder / "r{year}.tif")}
    folder = wet.run()
    assert stage(wet) == 0
    rows = rows_of(folder, "climate_by_zone")
    assert [float(r["amount"]) for r in rows if r["zone"] == "pit"] == pytest.approx(RAIN.tolist())
    assert [float(r["amount"]) for r in rows if r["zone"] == "background"] == pytest.approx((2 * RAIN).tolist())
    pinned = load(wet.config).climate.files(load(wet.config), wet.results)
    assert [p.name for p in pinned] == [f"r{year}.tif" for year in YEARS]


# Refusals


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ({}, "climate"),
        ("yes", "climate"),
        ({"rain": "a.csv"}, "climate.rain"),
        ({"precipitation": 3}, "climate.precipitation"),
        ({"precipitation": "a.nc"}, "climate"),
        ({"precipitation": "a.tif"}, "climate"),
        ({"precipitation": "a.csv", "baseline": [2020]}, "climate.baseline"),
        ({"precipitation": "a.csv", "baseline": [2020, 2010]}, "climate"),
        ({"precipitation": "a.csv", "sensors": ["landsat"]}, "climate.sensors"),
    ],
)
def test_faults_of_the_key_are_refused(given, part, tmp_path):
    error = refused_config(tmp_path, {"sentinel-2": {"catalog": "items.json"}}, climate=given)
    assert error.field.startswith(part)
    assert all([error.found, error.expected, error.fix])


def test_the_word_synthetic_is_for_the_embedded_mine(tmp_path):
    given = {"precipitation": "synthetic", "temperature": "synthetic"}
    error = refused_config(tmp_path, {"sentinel-2": {"catalog": "items.json"}}, climate=given)
    assert error.field.startswith("climate")
    config = loaded(tmp_path, {"sentinel-2": {"catalog": "synthetic"}}, climate=given)
    made = [p.as_posix() for p in config.climate.files(config, tmp_path)]
    assert made == [f"{tmp_path}/x/synthetic/{name}.csv" for name in given]


@pytest.mark.parametrize(
    ("change", "where", "says"),
    [
        (lambda text: text.replace("2015-07-04,", "2015-07-03,"), "rain.csv", "2015-07-03 twice"),
        (lambda text: "".join(x for x in text.splitlines(True) if not x.startswith("2018")), "rain.csv", "no value in the season of 2018"),
        (lambda text: text.replace("date,value", "date,rain"), "rain.csv", "date,rain"),
        (lambda text: text + "2023-01-01,-1\n", "rain.csv", "-1 mm"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_before_anything_runs(wet, change, where, says):
    path = wet.folder / where
    path.write_text(change(path.read_text()))
    wet.write()
    with pytest.raises(BadInput, match=re.escape(says)) as caught:
        plan.make([str(wet.config)], {"results": str(wet.results)})
    assert caught.value.exit_code == 2
    assert caught.value.where == str(path)
    assert not wet.results.exists()
    assert main(["check", str(wet.config), "--results", str(wet.results)]) == 2


def _cut(data):
    return data[: len(data) // 2]


def _spoilt(data):
    return data[: len(data) // 2] + b"\xff" * (len(data) - len(data) // 2)


@pytest.mark.parametrize("damage", [_cut, _spoilt])
def test_a_damaged_raster_is_named_before_anything_runs(wet, damage, capsys):
    """The second half of the file, where its last bands lie, is cut off or is no deflate stream."""
    profile = {"driver": "GTiff", "dtype": "float32", "count": 12, "width": 64, "height": 64, "compress": "deflate", "interleave": "band"}
    for year in YEARS:
        path = wet.folder / f"r{year}.tif"
        with rasterio.open(path, "w", crs=wet.crs, transform=from_origin(wet.west - 400, wet.north + 400, 100, 100), **profile) as out:
            out.write(np.random.default_rng(year).uniform(0, 100, (12, 64, 64)).astype(np.float32))
    path.write_bytes(damage(path.read_bytes()))
    wet.settings["climate"] = {"precipitation": str(wet.folder / "r{year}.tif")}
    wet.write()
    with pytest.raises(BadInput, match="a part that cannot be read") as caught:
        plan.make([str(wet.config)], {"results": str(wet.results)})
    assert caught.value.where == str(path)
    assert not wet.results.exists()
    assert main(["check", str(wet.config), "--results", str(wet.results)]) == 2
    assert str(path) in capsys.readouterr().err


def test_a_baseline_that_the_file_does_not_have(wet):
    wet.settings["climate"]["baseline"] = [1991, 2020]
    wet.write()
    with pytest.raises(BadInput, match="the season of 1991, 1992") as caught:
        plan.make([str(wet.config)], {"results": str(wet.results)})
    assert caught.value.field == "climate.baseline"


def test_the_key_decides_what_is_made(wet):
    made = plan.make([str(wet.write())], {"results": str(wet.results)})
    names = {p.rsplit("/", 1)[1] for p in made.sensor_products("small", "sentinel-2")}
    assert {"climate_by_zone.csv", "climate_by_zone.png", "climate_peak_by_zone.csv", "residual_trend_by_zone.csv", "residual_trend.tif"} <= names
    inputs = made.evaluated("small", "sentinel-2", "climate")
    assert {str(wet.folder / "rain.csv"), str(wet.folder / "t.csv")} <= set(inputs)
    del wet.settings["climate"]
    wet.write_config()
    assert not any("climate" in p for p in plan.make([str(wet.config)], {"results": str(wet.results)}).products("small"))


# The page


def test_the_report_tells_what_the_tables_say(made):
    mine, folder = made
    part = part_of(mine)
    row = next(r for r in rows_of(folder, "residual_trend_by_zone") if (r["zone"], r["first_year"]) == ("pit", "2013"))
    pit, background = part.lead
    assert pit.en.startswith("pit: cover was largest in 2021, the wettest of 10 years, rank 6 of 10 years in temperature (1 = warmest).")
    assert f"it rose by {100 * float(row['partial_slope']):.1f} percentage points a year in 2013-2022" in pit.en
    low, high = (f"{100 * float(row[k]):+.2f}" for k in ("partial_slope_low", "partial_slope_high"))
    assert f"({low} … {high}), p < 0.001" in pit.en
    assert "Spearman's rho" in background.en
    for text in (pit, background, *part.notes, part.title):
        assert re.search(r"[\u4e00-\u9fff]", text.zh)
    assert [f.svg.count('class="bar"') for f in part.figures] == [20, 20]
    assert part.warnings == ()
    assert {r["quantity"] for r in part.tables[0].rows} == {"precipitation", "temperature"}
    assert part.tables[1].rows == rows_of(folder, "residual_trend_by_zone")


@pytest.mark.parametrize(
    ("spoil", "field", "found"),
    [
        (lambda mine: mine.settings["climate"].update(precipitation=daily(inside(mine) / "rain.csv", RAIN)), "climate", "in the results folder"),
        (lambda mine: os.utime(mine.folder / "rain.csv", (time.time() + 3600,) * 2), "time of change", "in the future"),
    ],
)
def test_files_that_the_run_writes_over_or_of_the_future_are_refused(wet, spoil, field, found):
    """What is made from a file of the future would be older than it, and made again in every run."""
    wet.write()
    plan.make([str(wet.config)], {"results": str(wet.results)})
    spoil(wet)
    wet.write_config()
    with pytest.raises(BadInput) as caught:
        plan.make([str(wet.config)], {"results": str(wet.results)})
    assert caught.value.field == field and found in str(caught.value.found)


def inside(mine):
    folder = mine.results / "weather"
    folder.mkdir(parents=True)
    return folder
