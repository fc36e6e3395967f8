"""The evaluation `recovery` in a run: its table against plain numpy, its refusals, its part of the report, and what the key changes."""

import csv
import json
import re

import numpy as np
import pytest
import rasterio
from affine import Affine
from exactextract import exact_extract
from pipeline_configs import loaded, refused_config
from scenemine import SceneMine
from scipy.stats import t as student
from shapely.geometry import box

from pipeline import plan
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.columns import COLUMNS as ALL_COLUMNS
from pipeline.config import Season, load
from pipeline.errors import BadInput
from pipeline.evaluation.baci import contrast
from pipeline.evaluation.matched import matched_rows
from pipeline.evaluation.recovery import years_to_recovery
from pipeline.evaluation.recoverytable import COLUMNS, NOT_RESTORED, phases_of
from pipeline.layout import MineFolder
from pipeline.report import on_recovery
from pipeline.report.evaluated import evaluated
from pipeline.report.recoverynotes import in_both

SCENES = {"sentinel-2": {"catalog": "synthetic"}}
AOI = {"path": "a.gpkg", "reference": ["background"], "zones": {"pit": {"restored": "2021-06"}}}
YEARLY = ("difference", "ratio", "r80p", "completeness", "gap_closed")
YEARS = (2020, 2021, 2022, 2023, 2024)


def rows_of(folder, name="recovery_by_zone"):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def measures(rows, zone="pit"):
    return {(r["measure"], r["year"] if r["measure"] in YEARLY else ""): r for r in rows if r["zone"] == zone}


def stage(mine, *more):
    return main(["recovery", str(mine.config), "--sensor", "sentinel-2", "--results", str(mine.results), *more])


@pytest.fixture
def restored(small_mine):
    """Return a mine of composites whose pit was restored in June 2021."""
    small_mine.settings["aoi"]["zones"] = {"pit": {"role": "pit", "restored": "2021-06"}}
    small_mine.settings["recovery"] = {"least_gap": 0.1}
    return small_mine


def by_hand(mine):
    """Return yearly cover of pit and background by exactextract and plain numpy: mean of the cells, before clamping."""
    out = {}
    for name, polygon in mine.zones:
        means = []
        for year in YEARS:
            with rasterio.open(mine.folder / f"{year}.tif") as dataset:
                red, nir = dataset.read().astype(float)
            west, north = mine.west, mine.north
            cols = slice(int((polygon.bounds[0] - west) / 10), int((polygon.bounds[2] - west) / 10))
            lines = slice(int((north - polygon.bounds[3]) / 10), int((north - polygon.bounds[1]) / 10))
            ndvi = ((nir - red) / (nir + red))[lines, cols]
            means.append((ndvi.mean() - 0.05) / 0.81)
        out[name] = np.array(means)
    return out["pit"], out["background"]


def test_every_measure_equals_plain_numpy(restored):
    folder = restored.run()
    assert stage(restored) == 0
    rows = rows_of(folder)
    assert tuple(rows[0]) == COLUMNS
    found, (x, r) = measures(rows), by_hand(restored)
    start = x[0]
    for i, year in enumerate(map(str, YEARS)):
        assert float(found["difference", year]["value"]) == pytest.approx(x[i] - r[i], abs=1e-6)
        assert float(found["ratio", year]["value"]) == pytest.approx(x[i] / r[i], abs=1e-6)
        assert float(found["r80p", year]["value"]) == pytest.approx(x[i] / (0.8 * r[i]), abs=1e-6)
        assert float(found["completeness", year]["value"]) == pytest.approx((x[i] - start) / (r[i] - start), abs=1e-6)
        assert float(found["gap_closed", year]["value"]) == pytest.approx(1 - (x[i] - r[i]) / (x[0] - r[0]), abs=1e-6)
        assert float(found["ratio", year]["zone_value"]) == pytest.approx(x[i], abs=1e-6)
    d = x - r
    assert float(found["baci", ""]["value"]) == pytest.approx(d[2:].mean() - d[0], abs=1e-6)
    assert float(found["baci_with_partial", ""]["value"]) == pytest.approx(d[1:].mean() - d[0], abs=1e-6)
    assert [found["ratio", str(y)]["phase"] for y in YEARS] == ["before", "partial", "after", "after", "after"]


def test_one_year_before_gives_no_interval_and_says_so(restored):
    folder = restored.run()
    assert stage(restored) == 0
    found = measures(rows_of(folder))
    for name in ("baci", "baci_with_partial"):
        assert found[name, ""]["low"] == found[name, ""]["high"] == ""
        assert found[name, ""]["note"].startswith("one year before restoration")


def test_composites_tell_no_interval_of_a_year(restored):
    folder = restored.run()
    assert stage(restored) == 0
    ratio = measures(rows_of(folder))["ratio", "2022"]
    assert ratio["value"] != "" and ratio["low"] == "" and ratio["note"] == "no interval: the images do not tell the error of a year"


def test_a_zone_without_a_date_has_ratio_and_reasons(small_mine):
    small_mine.settings["recovery"] = {}
    folder = small_mine.run()
    assert stage(small_mine) == 0
    found = measures(rows_of(folder))
    assert float(found["ratio", "2024"]["value"]) > 0 and found["ratio", "2024"]["phase"] == ""
    for name in ("completeness", "gap_closed"):
        assert found[name, "2024"]["value"] == "" and "restored" in found[name, "2024"]["note"]
    for name in ("baci", "years_to_recovery"):
        assert found[name, ""]["value"] == "" and "restored" in found[name, ""]["note"]


def test_without_least_gap_there_is_no_completeness(restored):
    restored.settings["recovery"] = {}
    folder = restored.run()
    assert stage(restored) == 0
    found = measures(rows_of(folder))
    assert found["completeness", "2024"]["value"] == "" and found["completeness", "2024"]["note"] == "recovery.least_gap is not given"


def test_a_year_without_values_is_a_gap_and_never_a_zero(restored):
    restored.red[3], restored.nir[3] = np.nan, np.nan
    folder = restored.run()
    assert stage(restored) == 0
    found = measures(rows_of(folder))
    for name in ("difference", "ratio", "r80p", "completeness", "gap_closed"):
        assert found[name, "2023"]["value"] == "" and found[name, "2023"]["note"] == "no value of the zone and its reference"
    assert found["baci", ""]["years_after"] == "2"


def test_years_to_recovery_with_and_without_the_partial_season(restored):
    restored.red[1], restored.nir[1] = restored.red[1] * 0 + 0.1, restored.nir[1] * 0 + 0.3  # both at NDVI 0.5 in the partial season
    restored.red[4], restored.nir[4] = restored.red[1], restored.nir[1]
    folder = restored.run()
    assert stage(restored) == 0
    found = measures(rows_of(folder))
    with_partial, without = found["years_to_recovery_with_partial", ""], found["years_to_recovery", ""]
    assert (with_partial["year"], float(with_partial["value"])) == ("2021", 0.0)
    assert "below again in 2022, 2023" in with_partial["note"]
    assert float(without["value"]) == 3.0 and float(without["low"]) == 0.0
    assert "2021 left out or without value: an upper bound" in without["note"]


def test_a_partial_season_below_the_share_is_none_in_which_it_may_have_been_reached(restored):
    restored.settings["recovery"] = {"share": 1.0}
    folder = restored.run()
    assert stage(restored) == 0
    rows = rows_of(folder)
    found = measures(rows)
    assert next(float(r["value"]) for r in rows if (r["measure"], r["year"]) == ("ratio", "2021")) < 1
    without, counted = found["years_to_recovery", ""], found["years_to_recovery_with_partial", ""]
    assert (without["value"], without["low"], counted["low"]) == ("", "", "")
    assert without["note"] == "below 1 of the reference in every whole season with a value from 2021 to 2024"
    assert counted["note"] == "below 1 of the reference in every year with a value from 2021 to 2024"


def pit_of(mine):
    """Return the rows and columns of the pit's cells."""
    west, south, east, north = dict(mine.zones)["pit"].bounds
    return slice(int((mine.north - north) / 10), int((mine.north - south) / 10)), slice(int((west - mine.west) / 10), int((east - mine.west) / 10))


def test_where_only_the_partial_season_is_seen_the_report_does_not_say_that_the_share_was_not_reached(restored):
    rows, cols = pit_of(restored)
    restored.red[2:, rows, cols] = np.nan
    restored.settings["recovery"] = {"share": 1.0}
    folder = restored.run()
    assert stage(restored) == 0
    row = measures(rows_of(folder))["years_to_recovery", ""]
    assert (row["value"], row["low"], row["note"]) == ("", "1", "no whole season with a value from 2021 on")
    (lead,) = told(restored).lead
    assert "Without partial seasons it is not known whether it reached 100 % of the reference: no whole season with a value from 2021 on." in lead.en
    assert "是否达到参照区的 100 % 尚不清楚：自 2021 年起没有有值的完整季节。" in lead.zh


def test_means_of_less_than_half_of_a_zone_are_told(restored):
    """The first rows of the pit have no value in one year, the last ones none in another: both years are kept, the means are of the rows between."""
    rows, cols = pit_of(restored)
    count = rows.stop - rows.start
    gone = int(0.45 * count)
    restored.red[1, rows.start : rows.start + gone, cols] = np.nan
    restored.red[2, rows.stop - gone : rows.stop, cols] = np.nan
    folder = restored.run()
    assert stage(restored) == 0
    share = 100 * (count - 2 * gone) / count
    assert [float(r["common_pct"]) for r in rows_of(folder)] == pytest.approx([share] * len(rows_of(folder)))
    (warning,) = (w for w in told(restored).warnings if "its means are of" in w.en)
    assert warning.en.startswith(f"pit: its means are of {share:.0f} % of its area") and f"占分区面积 {share:.0f} %" in warning.zh


def test_a_restoration_before_the_first_year_makes_the_years_an_upper_bound(restored):
    """Restored in October 2016: the season of 2017 is the first, and nothing is known of it before 2020."""
    restored.settings["aoi"]["zones"]["pit"]["restored"] = "2016-10"
    restored.settings["recovery"] = {"share": 0.3}
    folder = restored.run()
    assert stage(restored) == 0
    found = measures(rows_of(folder))
    row, (x, r) = found["years_to_recovery", ""], by_hand(restored)
    first = next(year for year, own, other in zip(YEARS, x, r, strict=True) if own >= 0.3 * other)
    assert (row["year"], float(row["value"]), float(row["low"])) == ("2017", first - 2017, 0)
    assert row["note"].startswith("2017-2019 left out or without value: an upper bound")
    assert found["baci", ""]["note"] == "no year before restoration: there is nothing to compare"


def test_a_restoration_after_the_last_year_has_nothing_after_it(restored):
    restored.settings["aoi"]["zones"]["pit"]["restored"] = "2024-10"
    folder = restored.run()
    assert stage(restored) == 0
    found = measures(rows_of(folder))
    assert found["years_to_recovery", ""]["note"] == "no season after restoration among these years"
    assert found["baci", ""]["note"] == "no year after restoration: there is nothing to compare"


def test_seasons_of_works_are_left_out_of_the_state_before(restored):
    restored.settings["years"] = {"first": 2020, "last": 2024}
    restored.settings["aoi"]["zones"]["pit"]["restored"] = "2022-06"
    restored.settings["recovery"] = {"least_gap": 0.1, "works_from": {"pit": "2021-03"}}
    folder = restored.run()
    assert stage(restored) == 0
    found, (x, r) = measures(rows_of(folder)), by_hand(restored)
    assert [found["ratio", str(y)]["phase"] for y in YEARS] == ["before", "works", "partial", "after", "after"]
    d = x - r
    assert float(found["baci", ""]["value"]) == pytest.approx(d[3:].mean() - d[0], abs=1e-6)
    assert float(found["completeness", "2024"]["value"]) == pytest.approx((x[4] - x[0]) / (r[4] - x[0]), abs=1e-6)


def test_the_state_before_is_that_of_the_last_seasons_before(restored):
    restored.settings["aoi"]["zones"]["pit"]["restored"] = "2023-06"
    restored.settings["recovery"] = {"least_gap": 0.01, "before_years": 2}
    folder = restored.run()
    assert stage(restored) == 0
    found, (x, r) = measures(rows_of(folder)), by_hand(restored)
    assert [found["ratio", str(y)]["phase"] for y in YEARS] == ["earlier", "before", "before", "partial", "after"]
    d, start = x - r, x[1:3].mean()
    assert float(found["baci", ""]["value"]) == pytest.approx(d[4] - d[1:3].mean(), abs=1e-6)
    assert found["baci", ""]["years_before"] == "2"
    assert float(found["completeness", "2024"]["value"]) == pytest.approx((x[4] - start) / (r[4] - start), abs=1e-6)


def test_phases_of_works():
    summer = Season(start="07-01", end="08-31")
    assert phases_of([2019, 2020, 2021, 2022], summer, "2021-06", None) == ("before", "before", "partial", "after")
    assert phases_of([2019, 2020, 2021, 2022], summer, "2021-06", "2019-09") == ("before", "works", "partial", "after")
    assert phases_of([2019, 2020, 2021, 2022], summer, "2021-06", "2021-01") == ("before", "before", "partial", "after")


def test_matched_controls_and_their_balance(restored):
    """The background holds cells like the pit's in 2020 and others; only those like them are controls."""
    like = restored.red.shape[1:]
    ndvi = np.full((5, *like), 0.6) + np.random.default_rng(0).normal(0, 0.01, (5, *like))
    ndvi[:, :, :24] = np.array([0.2, 0.3, 0.45, 0.5, 0.5])[:, None, None] + np.random.default_rng(1).normal(0, 0.01, (5, like[0], 24))
    ndvi[3:, 15:, 24:] -= 0.3  # the ground that was never like the pit
    ndvi[:, :15, 24:] = np.array([0.2, 0.22, 0.22, 0.23, 0.24])[:, None, None] + np.random.default_rng(2).normal(0, 0.01, (5, 15, like[1] - 24))
    restored.red, restored.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    restored.settings["recovery"] = {"controls": 5}
    folder = restored.run()
    assert stage(restored) == 0
    found = measures(rows_of(folder))
    gain = (np.mean([0.45, 0.5, 0.5]) - 0.2 - (np.mean([0.22, 0.23, 0.24]) - 0.2)) / 0.81
    assert float(found["baci_matched", ""]["value"]) == pytest.approx(gain, abs=0.01)
    assert float(found["baci", ""]["value"]) != pytest.approx(gain, abs=0.02)  # half of the reference is another kind of ground
    (balance,) = rows_of(folder, "control_balance_by_zone")
    assert balance["feature"] == "ndvi 2020" and balance["controls"] == "5" and balance["cells"] == "400"
    assert abs(float(balance["smd_before"])) > 1 > 0.1 > abs(float(balance["smd_after"]))


def test_controls_are_matched_by_elevation_too(restored):
    """All ground looked alike in 2020; what lies as high as the pit went another way than what lies 500 m above it."""
    like = restored.red.shape[1:]
    ndvi = np.full((5, *like), 0.2) + np.random.default_rng(0).normal(0, 0.01, (5, *like))
    ndvi[1:, :, :24] += np.array([0.1, 0.25, 0.3, 0.3])[:, None, None]
    ndvi[1:, :15, 24:] += np.array([0.02, 0.02, 0.03, 0.04])[:, None, None]  # as high as the pit
    ndvi[1:, 15:, 24:] += 0.4
    restored.red, restored.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    z = 4000 + np.random.default_rng(1).normal(0, 30, (50, 60))
    z[25:, 34:] += 500
    profile = {"driver": "GTiff", "height": 50, "width": 60, "count": 1, "dtype": "float32", "crs": restored.crs}
    restored.folder.mkdir(parents=True, exist_ok=True)
    with rasterio.open(restored.folder / "dem.tif", "w", transform=Affine(10, 0, restored.west - 100, 0, -10, restored.north + 100), **profile) as dataset:
        dataset.write(z.astype("float32"), 1)
    restored.settings["recovery"] = {"controls": 10}
    folder = restored.run()
    assert stage(restored) == 0
    alike = float(measures(rows_of(folder))["baci_matched", ""]["value"])
    restored.settings["recovery"] = {"controls": 10, "dem": str(restored.folder / "dem.tif")}
    restored.write()
    assert stage(restored) == 0
    found = float(measures(rows_of(folder))["baci_matched", ""]["value"])
    gain = (np.mean([0.25, 0.3, 0.3]) - np.mean([0.02, 0.03, 0.04])) / 0.81
    print(f"gain against controls: {found:.3f} with elevation, {alike:.3f} without, {gain:.3f} planted against ground as high")
    assert found == pytest.approx(gain, abs=0.03) and alike < gain - 0.1
    ndvi_row, height = rows_of(folder, "control_balance_by_zone")
    assert (ndvi_row["feature"], height["feature"]) == ("ndvi 2020", "elevation")
    bounds = dict(restored.zones)["background"].bounds
    rows = slice(int((restored.north - bounds[3]) / 10) + 10, int((restored.north - bounds[1]) / 10) + 10)
    cols = slice(int((bounds[0] - restored.west) / 10) + 10, int((bounds[2] - restored.west) / 10) + 10)
    assert float(height["reference_mean"]) == pytest.approx(z[rows, cols].mean(), abs=0.01)
    assert abs(float(height["smd_before"])) > 0.5 > 0.2 > abs(float(height["smd_after"]))


def test_a_matching_that_cannot_be_made_is_refused_in_words(restored):
    restored.settings["recovery"] = {"controls": 1000}
    folder = restored.run()
    assert stage(restored) == 0
    row = measures(rows_of(folder))["baci_matched", ""]
    assert row["value"] == "" and "take a smaller k" in row["note"]
    assert rows_of(folder, "control_balance_by_zone") == []


def test_water_is_no_missing_land(tmp_path):
    """Two thirds of the pit are a lake: its land is seen whole in every year, and no year falls out (as in trend_by_zone.csv)."""
    mine = SceneMine(tmp_path / "mine")
    lake = np.full((30, 40), 4, "uint8")
    lake[3:19, 2:20] = 6
    for i, year in enumerate(YEARS):
        for day in range(3):
            mine.add(f"{year}-07-{5 + 5 * day:02d}", ndvi=0.3 + 0.05 * i, light=0.15, scl=lake if year < 2023 else None)
    mine.settings["aoi"]["zones"] = {"pit": {"role": "pit", "restored": "2021-06"}}
    mine.settings |= {"recovery": {}, "breaks": {}}
    config, results = str(mine.write()), tmp_path / "results"
    rest = ["--sensor", "sentinel-2", "--results", str(results)]
    for name in ("scenes", "composite", "observations", "endmembers", "fvc", "recovery", "breaks"):
        assert main([name, config, *rest]) == 0, name
    folder = results / "small" / "sentinel-2"
    found = {r["year"]: r for r in rows_of(folder) if r["measure"] == "ratio" and r["zone"] == "pit"}
    for i, year in enumerate(YEARS):
        assert float(found[str(year)]["zone_value"]) == pytest.approx((0.3 + 0.05 * i - 0.05) / 0.81, abs=1e-3)
    (row,) = [r for r in rows_of(folder, "breaks_by_zone") if r["zone"] == "pit"]
    assert row["n"] == "5"


def test_intervals_come_from_the_scenes_that_show_both(tmp_path):
    """Differences of scenes of one year by hand: t interval with n - 1 degrees of freedom, times what a median has beside a mean."""
    mine = SceneMine(tmp_path / "mine")
    rng = np.random.default_rng(4)
    haze = {}
    for year in YEARS:
        for day in range(6):
            pit, there = 0.3 + 0.05 * (year - 2020) + rng.normal(0, 0.02), 0.7 + rng.normal(0, 0.02)
            ndvi = np.full((60, 80), there)
            ndvi[:, :42] = pit
            haze.setdefault(year, []).append((pit, there))
            mine.add(f"{year}-07-{3 + 4 * day:02d}", ndvi=ndvi)
    mine.settings["composite"] = {"method": "mean"}
    mine.settings["aoi"]["zones"] = {"pit": {"role": "pit", "restored": "2021-06"}}
    mine.settings["recovery"] = {"level": 0.9}
    folder = mine.run()
    config = str(mine.folder / "small.yaml")
    assert main(["recovery", config, "--sensor", "sentinel-2", "--results", str(folder.parents[1])]) == 0
    found = measures(rows_of(folder))
    for year in YEARS:
        pairs = np.array(haze[year])
        d = (pairs[:, 0] - pairs[:, 1]) / 0.81
        half = student.ppf(0.95, 5) * d.std(ddof=1) / np.sqrt(6)
        row = found["difference", str(year)]
        assert float(row["freedom"]) == 5
        assert float(row["value"]) == pytest.approx(d.mean(), abs=2e-3)  # reflectance is stored in steps of 1e-4
        assert float(row["high"]) - float(row["low"]) == pytest.approx(2 * half, rel=0.03)


@pytest.mark.parametrize(
    ("given", "aoi", "part"),
    [
        ({}, {"path": "a.gpkg"}, "recovery"),
        ({"share": 0}, AOI, "recovery.share"),
        ({"share": 1.2}, AOI, "recovery.share"),
        ({"least_gap": 0}, AOI, "recovery.least_gap"),
        ({"level": 1.0}, AOI, "recovery.level"),
        ({"controls": 0}, AOI, "recovery.controls"),
        ({"dem": "dem.tif"}, AOI, "recovery.dem"),
        ({"controls": 5, "dem": ""}, AOI, "recovery.dem"),
        ({"controls": 5, "dem": "https://host/dem.tif"}, AOI, "recovery.dem"),
        ({"sensors": ["landsat"]}, AOI, "recovery.sensors"),
        ({"sensors": []}, AOI, "recovery.sensors"),
        ({"works_from": {"dump": "2020"}}, AOI, "recovery.works_from"),
        ({"works_from": {"pitt": "2020"}}, AOI, "recovery.works_from"),
        ({"works_from": {"pit": "2021-07"}}, AOI, "recovery.works_from"),
        ({"works_from": {"pit": "20"}}, AOI, "recovery.works_from"),
        ({"minimum": 1}, AOI, "recovery.minimum"),
        ("yes", AOI, "recovery"),
    ],
)
def test_faults_are_refused_with_their_key(given, aoi, part, tmp_path):
    error = refused_config(tmp_path, SCENES, recovery=given, aoi=aoi)
    assert error.field.startswith(part)
    assert all([error.found, error.expected, error.fix])


def test_a_reference_that_overlaps_the_pit_is_refused_before_anything_runs(restored, capsys):
    w, n = restored.west, restored.north
    restored.zones[1] = ("background", box(w + 200, n - 250, w + 350, n - 50))
    restored.write()
    with pytest.raises(Exception, match="overlaps it by") as caught:
        plan.make([str(restored.config)], {"results": str(restored.results)})
    assert caught.value.exit_code == 2 and caught.value.field == "zone pit"
    assert not restored.results.exists()
    del restored.settings["recovery"]
    restored.write_config()
    plan.make([str(restored.config)], {"results": str(restored.results)})  # without the key it is a warning, as before


def test_an_elevation_model_that_does_not_cover_is_refused_before_anything_runs(restored):
    restored.settings["recovery"] = {"controls": 5, "dem": str(restored.folder / "dem.tif")}
    restored.write()
    for shift, found in ((5000, "elevations for 0 % of the zone"), (None, "no such file")):
        if shift is not None:
            profile = {"driver": "GTiff", "height": 50, "width": 60, "count": 1, "dtype": "float32", "crs": restored.crs}
            place = Affine(10, 0, restored.west + shift, 0, -10, restored.north)
            with rasterio.open(restored.folder / "dem.tif", "w", transform=place, **profile) as dataset:
                dataset.write(np.full((1, 50, 60), 4000, "float32"))
        else:
            (restored.folder / "dem.tif").unlink()
        with pytest.raises(BadInput, match=found) as caught:
            plan.make([str(restored.config)], {"results": str(restored.results)})
        assert "strata" not in str(caught.value)
        assert not restored.results.exists()


def test_the_key_decides_what_is_made(restored):
    restored.settings["recovery"] = {}
    with_key = plan.make([str(restored.write())], {"results": str(restored.results)})
    names = {p.rsplit("/", 1)[1] for p in with_key.sensor_products("small", "sentinel-2")}
    assert {"recovery_by_zone.csv", "control_balance_by_zone.csv", "recovery_by_zone.png"} <= names
    assert list(with_key.evaluators()) == ["recovery"]
    del restored.settings["recovery"]
    restored.write_config()
    without = plan.make([str(restored.config)], {"results": str(restored.results)})
    assert not any("recovery" in p for p in without.products("small")) and without.evaluators() == {}


def test_the_sensors_of_the_key(tmp_path):
    config = loaded(tmp_path, SCENES | {"landsat": {"catalog": "synthetic"}}, recovery={"sensors": ["landsat"]}, aoi=AOI)
    assert [e.key for e in config.evaluations_of("landsat")] == ["recovery"] and config.evaluations_of("sentinel-2") == ()


def test_the_report_tells_what_the_table_says(restored):
    folder = restored.run()
    assert stage(restored) == 0
    config = load(restored.config)
    (part,) = evaluated(config, read_zones(config, restored.config), "sentinel-2", MineFolder(restored.results, "small").sensor("sentinel-2"))
    found = measures(rows_of(folder))
    (lead,) = part.lead
    assert f"pit, 2024: {100 * float(found['ratio', '2024']['value']):.0f} % of its reference" in lead.en
    assert f"{100 * float(found['baci', '']['value']):+.1f} points of cover" in lead.en and "one year before restoration" in lead.en
    assert re.search(r"[\u4e00-\u9fff]", lead.zh) and "参照区" in lead.zh
    (figure,) = part.figures
    assert figure.svg.count("<circle") == 5 and "2021" in figure.svg
    assert {r["measure"] for r in part.tables[0].rows} >= {"ratio", "baci", "years_to_recovery"}
    assert json.dumps([h.key for h in part.tables[0].headings])


def test_the_report_says_that_the_share_was_not_reached(restored):
    restored.settings["recovery"] = {"share": 1.0}
    restored.run()
    assert stage(restored) == 0
    config = load(restored.config)
    (part,) = evaluated(config, read_zones(config, restored.config), "sentinel-2", MineFolder(restored.results, "small").sensor("sentinel-2"))
    assert (
        "Without partial seasons it did not reach 100 % of the reference: below 1 of the reference in every whole season with a value from 2021 to 2024."
        in part.lead[0].en
    )


def told(mine):
    """Return the part of the report."""
    config = load(mine.config)
    (part,) = evaluated(config, read_zones(config, mine.config), "sentinel-2", MineFolder(mine.results, "small").sensor("sentinel-2"))
    return part


def numbers(text):
    """Return the numbers of a sentence, sorted; ranges of years as their two ends."""
    return sorted(re.findall(r"[0-9]+(?:[.,][0-9]+)*", text.replace("\N{EM DASH}", "-")))


def test_the_chinese_says_the_numbers_and_caveats_of_the_english(restored):
    """At the share in the partial season and in the last year, below between: upper bound, relapse, and no interval with one year before."""
    restored.red[1], restored.nir[1] = restored.red[1] * 0 + 0.1, restored.nir[1] * 0 + 0.3
    restored.red[4], restored.nir[4] = restored.red[1], restored.nir[1]
    restored.run()
    assert stage(restored) == 0
    (lead,) = told(restored).lead
    assert numbers(lead.en) == sorted([*numbers(lead.zh)])
    without = "Without partial seasons it reached 80 % of the reference in 2024, 3 years after 2021, the first season not before restoration"
    counted = "With partial seasons counted it reached 80 % of the reference in 2021, the first season not before restoration (below again in 2022, 2023)."
    assert f"{without} (2021 left out or without value: an upper bound)." in lead.en
    assert lead.en.index(without) < lead.en.index(counted)
    assert "since before restoration (2020), without partial seasons (one year before restoration" in lead.en
    for text in ("自修复前（2020 年）以来", "修复前仅一年：年际差异未知，因此没有区间", "（2021 年未计入或无值：为上限）", "（2022、2023 年又低于该比例）"):
        assert text in lead.zh
    assert lead.zh.index("不计部分季节，2024 年") < lead.zh.index("计入部分季节，2021 年")
    assert not re.search(r"[a-z]{4}", lead.zh)


def test_the_share_is_told_once_where_partial_seasons_make_no_difference(restored):
    restored.settings["recovery"] = {"share": 1.0}
    restored.run()
    assert stage(restored) == 0
    (lead,) = told(restored).lead
    assert lead.en.count("100 %") == 1 and "With partial" not in lead.en
    assert "尚未达到参照区的 100 %：2021—2024 年有值的各完整季节均低于参照区的 1 倍" in lead.zh


def test_a_share_held_before_restoration_is_said_in_both_languages(restored):
    restored.settings["recovery"] = {"share": 0.05}
    restored.run()
    assert stage(restored) == 0
    (lead,) = told(restored).lead
    assert "at the share in 2020 already, before restoration" in lead.en and "修复前的 2020 年已达到该比例" in lead.zh


def contrast_row(value, measure="baci", **more):
    """Return a row of a contrast as text."""
    cells = {"zone": "pit", "restored": "2021-06", "variable": "fvc", "measure": measure, "low": "", "high": "", "note": "", "phase": "", "year": ""}
    return cells | {"value": value} | more


def before_rows(*years):
    return [contrast_row("-0.1", "difference", year=str(y), phase="before") for y in years]


def test_a_contrast_of_nothing_is_told_and_not_taken_for_missing():
    rows = [*before_rows(2019, 2020), contrast_row("0.0"), contrast_row("0.3", "baci_with_partial")]
    (text,) = on_recovery._of_zone(rows, [], "pit", 0.8)
    assert "moved by +0.0 points of cover" in text.en and "without partial seasons" in text.en
    assert "+0.0 个百分点（不计部分季节）" in text.zh
    (text,) = on_recovery._of_zone([*before_rows(2020), contrast_row(""), rows[3]], [], "pit", 0.8)
    assert "moved by +30.0 points of cover" in text.en and "partial seasons counted" in text.en


@pytest.mark.parametrize(("years", "said"), [((2000, 2001, 2002), True), ((2011, 2012), False), ((2010, 2020), True)])
def test_years_before_that_reach_far_back_are_said_to_hold_an_earlier_state(years, said):
    (text,) = on_recovery._of_zone([*before_rows(*years), contrast_row("0.2")], [], "pit", 0.8)
    assert (f"({years[0]}-{years[-1]})" if len(years) > 2 else f"({years[0]} and {years[1]})") in text.en
    assert ("recovery.before_years" in text.en) == ("recovery.before_years" in text.zh) == said
    assert ("earlier state" in text.en) == ("更早的状态" in text.zh) == said


def test_the_years_before_that_are_named_are_those_of_the_contrast(restored):
    restored.settings["aoi"]["zones"]["pit"]["restored"] = "2023-06"
    restored.settings["recovery"] = {"before_years": 2}
    folder = restored.run()
    assert stage(restored) == 0
    assert measures(rows_of(folder))["baci", ""]["years_before"] == "2"
    (lead,) = told(restored).lead
    assert "(2021 and 2022)" in lead.en and "（2021和2022 年）" in lead.zh


NOTES_OF_SOURCES = [
    *(contrast([-0.4] * a + [-0.1] * b, ["before"] * a + ["after"] * b).reason for a, b in ((0, 2), (1, 2), (2, 0), (2, 1), (2, 2), (1, 1), (0, 0))),
    *(years_to_recovery([2020, 2021, 2022], x, [0.8] * 3, 2021, of=of).reason for x in ([0.1] * 3, [0.1, np.nan, np.nan]) for of in ("year", "whole season")),
    NOT_RESTORED,
    "no season after restoration among these years",
    "2007, 2011 left out or without value: an upper bound; below again in 2013, 2014; at the share in 2000 already, before restoration",
    *(r["note"] for r in matched_rows((np.ones((1, 3)),) * 2, (np.ones((1, 3)),) * 2, [2020], ("after",), k=1, level=0.9)[0]),
    *(
        matched_rows((own, there), (own, there), [2020], ("before",), k=k, level=0.9)[0][0]["note"]
        for own, there, k in (
            (np.ones((1, 3)), np.ones((1, 3)), 5),
            (np.full((1, 3), np.nan), np.ones((1, 3)), 1),
            (np.ones((1, 3)), np.zeros((1, 3)), 1),
        )
    ),
]


def test_a_refusal_of_matched_controls_names_years_and_elevation():
    """As the table of the balance names them, though the second of the three years is not before; elevation in Chinese too."""
    own, there, phase = np.ones((3, 4)), np.full((3, 4), 0.5), ("before", "works", "before")
    heights = np.full(4, 4000.0), np.full(4, 3900.0)
    rows, balance = matched_rows((own, there), (own, there), [2008, 2009, 2010], phase, k=1, level=0.9, heights=heights)
    assert balance == [] and rows[0]["note"].startswith("no matched controls: ndvi 2008, ndvi 2010, elevation: one value in all restored cells")
    assert in_both(rows[0]["note"]).zh.startswith("没有匹配像元：2008 年 NDVI、2010 年 NDVI、海拔 在全部修复像元中")
    rng = np.random.default_rng(3)
    own, there = rng.normal(0.4, 0.1, (3, 4)), rng.normal(0.5, 0.1, (3, 4))
    _, balance = matched_rows((own, there), (own, there), [2008, 2009, 2010], phase, k=1, level=0.9, heights=heights[:1] * 2)
    assert [r["feature"] for r in balance] == ["ndvi 2008", "ndvi 2010", "elevation"]


@pytest.mark.parametrize("note", NOTES_OF_SOURCES)
def test_every_note_is_said_in_chinese(note):
    """Each note as the evaluations themselves make it: the same numbers, and no English left but names of keys and features."""
    found = in_both(note)
    assert found.en == note
    assert set(numbers(found.zh)) <= set(numbers(note))
    assert set(re.findall(r"[0-9]{4}", note)) == set(re.findall(r"[0-9]{4}", found.zh))
    assert not re.search(r"[A-Za-z]{3}", re.sub(r"recovery\.controls|aoi\.zones\.\*\.restored|NDVI|ndvi", "", found.zh))
    assert bool(found.zh) == bool(note)


def test_a_note_that_is_not_known_is_not_lost():
    assert in_both("below again in 2013; something new").zh == "2013 年又低于该比例；something new"


def test_matched_controls_are_told_with_their_balance(restored):
    """Half of the pit lacks 2020, and no ground of the reference is as bare as the rest of it: far apart after matching."""
    like = restored.red.shape[1:]
    ndvi = np.full((5, *like), 0.6) + np.random.default_rng(0).normal(0, 0.01, (5, *like))
    ndvi[:, :, :24] = np.array([0.2, 0.3, 0.45, 0.5, 0.5])[:, None, None] + np.random.default_rng(1).normal(0, 0.01, (5, like[0], 24))
    restored.red, restored.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    restored.red[0, 5:10, 2:22], restored.nir[0, 5:10, 2:22] = np.nan, np.nan
    restored.settings["recovery"] = {"controls": 5}
    folder = restored.run()
    assert stage(restored) == 0
    (balance,), found = rows_of(folder, "control_balance_by_zone"), measures(rows_of(folder))
    assert int(balance["cells_left_out"]) == 100
    smd, matched = abs(float(balance["smd_after"])), found["baci_matched", ""]
    assert smd > 0.25
    part = told(restored)
    (lead,), (warning,) = part.lead, part.warnings
    assert f"(5 for each restored cell; 100 of 400 restored cells left out) it moved by {100 * float(matched['value']):+.1f} points of cover" in lead.en
    assert f"at most by {smd:.2f} standard deviations (NDVI 2020)" in lead.en and f"最多相差 {smd:.2f} 个标准差（2020 年 NDVI）" in lead.zh
    assert "400 个修复像元中略去 100 个" in lead.zh and f"变化 {100 * float(matched['value']):+.1f} 个百分点" in lead.zh
    assert numbers(lead.en) == numbers(lead.zh)
    assert f"differ by {smd:.2f}" in warning.en and "0.25" in warning.en and "0.25" in warning.zh and f"{smd:.2f}" in warning.zh
    assert [t.name for t in part.tables] == ["recovery_by_zone", "control_balance_by_zone"]
    assert part.tables[1].rows[0]["smd_after"] == balance["smd_after"]


def test_controls_that_are_alike_give_no_warning_and_refused_ones_their_reason(restored):
    restored.settings["recovery"] = {"controls": 1000}
    restored.run()
    assert stage(restored) == 0
    part = told(restored)
    assert part.warnings == () and [t.name for t in part.tables] == ["recovery_by_zone"]
    assert "Against matched cells there is no contrast: no matched controls: k is 1000" in part.lead[0].en
    assert "没有与匹配像元的对比：没有匹配像元：每个像元需 1000 个" in part.lead[0].zh
    cells = {"zone": "pit", "cells": "9", "cells_left_out": "0", "controls": "2"}
    balance = [cells | {"feature": "ndvi 2019", "smd_after": ""}, cells | {"feature": "elevation", "smd_after": "-0.25"}]
    rows = [*before_rows(2020), contrast_row("0.2"), contrast_row("0.1", "baci_matched", low="0.05", high="0.15")]
    (text,) = on_recovery._of_zone(rows, balance, "pit", 0.8)
    assert "moved by +10.0 (5.0 … 15.0) points of cover, without partial seasons" in text.en and "0.25 standard deviations (elevation)" in text.en
    assert "变化 +10.0 (5.0 … 15.0) 个百分点" in text.zh and "（海拔）" in text.zh


def test_the_part_says_of_which_cells_its_means_are(restored):
    restored.run()
    assert stage(restored) == 0
    assert any("valid in all years used" in n.en and "chart of cover" in n.en and "各年均有效" in n.zh and "覆盖度图" in n.zh for n in told(restored).notes)


def test_the_column_year_of_years_to_recovery_is_explained():
    assert "the first season not before restoration and not the year reached" in ALL_COLUMNS["measure"].meaning
    assert "不早于修复的首个季节而非达到的年份" in ALL_COLUMNS["measure"].meaning_zh


def test_a_zone_on_the_edge_of_cells_counts_by_its_share(restored):
    """Half cells: the zone's mean is weighted by ground area, as exactextract weights it."""
    w, n = restored.west, restored.north
    restored.zones[0] = ("pit", box(w + 25, n - 246, w + 214, n - 53))
    restored.red *= np.linspace(0.8, 1.2, 40, dtype="float32")
    folder = restored.run()
    assert stage(restored) == 0
    import geopandas as gpd

    zones = gpd.GeoDataFrame({"zone": [z[0] for z in restored.zones]}, geometry=[z[1] for z in restored.zones], crs=restored.crs)
    means = exact_extract(str(folder / "ndvi_2024.tif"), zones, ["mean"], include_cols=["zone"], output="pandas").set_index("zone")["mean"]
    row = measures(rows_of(folder))["difference", "2024"]
    assert float(row["value"]) == pytest.approx((means["pit"] - means["background"]) / 0.81, abs=1e-5)


def test_check_names_what_is_made_and_hints_at_it_where_dates_are_given(restored, capsys):
    restored.write()
    assert main(["check", str(restored.config), "--results", str(restored.results)]) == 0
    assert "  recovery: recovery_by_zone.csv, control_balance_by_zone.csv of sentinel-2\n" in capsys.readouterr().out
    del restored.settings["recovery"]
    restored.write_config()
    assert main(["check", str(restored.config), "--results", str(restored.results)]) == 0
    assert "with the key `recovery` zones are compared with their reference before and after them" in capsys.readouterr().out
    restored.settings["aoi"]["zones"] = {"pit": {"role": "pit"}}
    restored.write_config()
    assert main(["check", str(restored.config), "--results", str(restored.results)]) == 0
    assert "recovery" not in capsys.readouterr().out
