"""Pixel minus reference: against plain numpy and pymannkendall on a mine with two references, gaps, and years that fall out."""

import csv
import json
import shutil

import numpy as np
import pymannkendall
import pytest
import rasterio
from conftest import SmallMine
from scipy import stats
from shapely.geometry import box

from pipeline.__main__ import main
from pipeline.areabounds import Error, Rule, class_bounds
from pipeline.classes import legend, limits
from pipeline.config import load
from pipeline.control import zone_tests
from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.kernels.codes import OUTPUTS
from pipeline.referencecheck import slope_on_reference
from pipeline.referencewords import reference_sentences
from pipeline.relative import ReferenceSeries, compared_with, owned_by, owners, reference_series
from pipeline.trend import annual_statistics, statistics
from pipeline.zonestats import ZoneSeries
from pipeline.zonetrend import trend_row

YEARS = list(range(2020, 2025))
SHAPE = (30, 40)
PAIR = Endmembers(0.05, 0.86, 0)


def coverage(zone, rows, cols, area=None):
    shape = (rows.stop - rows.start, cols.stop - cols.start)
    return ZoneCoverage(zone, "zone", rows, cols, np.full(shape, 100.0) if area is None else area)


class Zones:
    """What `compared_with` needs of zones."""

    def __init__(self, references):
        self.references, self.names = references, list(references)


# Zones on whole cells of the small mine's grid (10 m, 30 x 40, from 540000, 4210300)


def zone(rows, cols):
    w, n = 540_000.0, 4_210_300.0
    return box(w + 10 * cols[0], n - 10 * rows[1], w + 10 * cols[1], n - 10 * rows[0])


LAYOUT = {"pit": ((2, 12), (2, 12)), "dump": ((2, 12), (14, 24)), "meadow": ((15, 25), (2, 12)), "marsh": ((15, 25), (14, 30))}


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """Return a finished mine: noise, a year effect shared by all cells, a rise in the pit, gaps; 2022 is mostly missing in the marsh."""
    made = SmallMine(tmp_path_factory.mktemp("relative"))
    rng = np.random.default_rng(5)
    shared = np.array([0.0, 0.05, -0.04, 0.03, -0.02])[:, None, None]
    ndvi = 0.45 + shared + 0.02 * rng.standard_normal((5, *SHAPE))
    ndvi[:, 2:12, 2:12] += 0.03 * np.arange(5)[:, None, None]
    ndvi[:, 15:25, 14:30] += np.array([0.0, 0.01, 0.02, 0.01, 0.04])[:, None, None]
    made.red, made.nir = 0.2 * (1 - ndvi), 0.2 * (1 + ndvi)
    gaps = rng.random((5, *SHAPE)) < 0.04
    gaps[2, 15:25, 14:24] = True  # 100 of the 160 cells of the marsh: 2022 falls out there
    gaps[0, 15:25, 2:6] = True  # 40 of the 100 cells of the meadow: 2020 stays
    for band in (made.red, made.nir):
        band[gaps] = np.nan
    made.red, made.nir = made.red.astype("float32"), made.nir.astype("float32")
    made.zones = [(name, zone(*place)) for name, place in LAYOUT.items()]
    made.settings["aoi"]["reference"] = ["meadow"]
    made.settings["aoi"]["zones"] = {"dump": {"reference": ["marsh"]}, "marsh": {"reference": []}}
    made.settings["fvc"] = {"soil": {"ndvi": 0.05}, "vegetation": {"ndvi": 0.86}}
    made.settings["grid"] = {"buffer_m": 0} | made.settings.get("grid", {})
    made.folder_of_sensor = made.run()
    return made


def bands(path):
    with rasterio.open(path) as src:
        return src.read(), src


def yearly(mine):
    out = []
    for year in YEARS:
        with rasterio.open(mine.folder_of_sensor / f"ndvi_{year}.tif") as src:
            out.append(src.read(1))
            transform = src.transform
    cover = (np.stack(out).astype(np.float64) - PAIR.soil) / (PAIR.vegetation - PAIR.soil)
    return cover, round((540_000.0 - transform.c) / 10), round((transform.f - 4_210_300.0) / 10)


def place(name, left, top):
    (r0, r1), (c0, c1) = LAYOUT[name]
    return slice(r0 + top, r1 + top), slice(c0 + left, c1 + left)


def expected_mean(cover, rows, cols):
    """Return the reference's mean by plain numpy: years with at least half of the cells, over the cells valid in all of these."""
    own = cover[:, rows, cols].reshape(len(YEARS), -1)
    used = np.isfinite(own).mean(axis=1) >= 0.5
    cells = np.isfinite(own[used]).all(axis=0)
    out = np.full(len(YEARS), np.nan)
    out[used] = own[used][:, cells].mean(axis=1)
    return out


def test_every_pixel_of_every_zone_equals_numpy_and_pymannkendall(mine):
    cover, left, top = yearly(mine)
    found, _ = bands(mine.folder_of_sensor / "trend_relative_2020-2024.tif")
    meadow, marsh = (expected_mean(cover, *place(z, left, top)) for z in ("meadow", "marsh"))
    assert np.isnan(marsh).tolist() == [False, False, True, False, False], "the year of the gaps falls out"
    assert np.isfinite(meadow).all()
    compared = 0
    for name, mean in (("pit", meadow), ("meadow", meadow), ("dump", marsh), ("marsh", marsh)):
        rows, cols = place(name, left, top)
        difference = cover[:, rows, cols].reshape(5, -1) - mean[:, None]
        ours = found[:, rows, cols].reshape(len(OUTPUTS), -1)
        for i in range(0, difference.shape[1], 3):
            series = difference[:, i]
            seen = np.isfinite(series)
            assert ours[OUTPUTS.index("n"), i] == seen.sum()
            if seen.sum() < 3:
                continue
            theirs = pymannkendall.original_test(series[seen])
            slope = stats.theilslopes(series[seen], np.array(YEARS)[seen]).slope
            assert ours[OUTPUTS.index("s"), i] == theirs.s
            assert ours[OUTPUTS.index("z"), i] == pytest.approx(theirs.z, abs=1e-5)
            assert ours[OUTPUTS.index("slope"), i] == pytest.approx(slope, abs=1e-6)
            compared += 1
    assert compared > 120


def test_a_cell_that_no_zone_touches_is_compared_with_the_reference_of_the_mine(mine):
    cover, left, top = yearly(mine)
    found, _ = bands(mine.folder_of_sensor / "trend_relative_2020-2024.tif")
    meadow = expected_mean(cover, *place("meadow", left, top))
    at = 13 + top, 20 + left
    series = cover[:, at[0], at[1]] - meadow
    seen = np.isfinite(series)
    assert found[OUTPUTS.index("slope"), at[0], at[1]] == pytest.approx(stats.theilslopes(series[seen], np.array(YEARS)[seen]).slope, abs=1e-6)


def test_rasters_say_what_they_are(mine):
    for target, name in (("absolute", "trend"), ("relative", "trend_relative")):
        for what in ("", "_class", "_q"):
            path = mine.folder_of_sensor / f"{name}{what}_2020-2024.tif"
            with rasterio.open(path) as src:
                assert src.tags()["target"] == target
            assert path.with_suffix(".qml").is_file()
    with rasterio.open(mine.folder_of_sensor / "trend_relative_2020-2024.tif") as src:
        assert "5: 0.0167" in src.tags()["p_min"]
        assert "reference" in src.tags()["minus"]


def rows_of(mine, name, **wanted):
    with (mine.folder_of_sensor / f"{name}.csv").open(encoding="utf-8", newline="") as handle:
        return [r for r in csv.DictReader(handle) if all(r[k] == v for k, v in wanted.items())]


def test_relative_areas_sum_to_the_polygon_and_name_the_share_of_the_reference(mine):
    for name in LAYOUT:
        both = [sum(float(r["area_km2"] or 0) for r in rows_of(mine, "trend_area_by_zone", zone=name, target=t)) for t in ("absolute", "relative")]
        assert both[1] == pytest.approx(both[0], rel=1e-9)
        assert both[0] == pytest.approx(float(rows_of(mine, "fvc_by_zone", zone=name)[0]["area_km2"]), rel=1e-6)
    own = {r["class_id"]: r["share_pct"] for r in rows_of(mine, "trend_area_by_zone", zone="marsh", target="relative")}
    there = {r["class_id"]: r["share_reference_pct"] for r in rows_of(mine, "trend_area_by_zone", zone="dump", target="relative")}
    assert {k: float(v or 0) for k, v in own.items()} == pytest.approx({k: float(v or 0) for k, v in there.items()})


def test_the_difference_of_a_zone_to_its_reference_has_its_own_row(mine):
    cover, left, top = yearly(mine)
    meadow = expected_mean(cover, *place("meadow", left, top))
    rows, cols = place("pit", left, top)
    own = cover[:, rows, cols].reshape(5, -1)
    cells = np.isfinite(own).all(axis=0)
    difference = own[:, cells].mean(axis=1) - meadow
    (row,) = rows_of(mine, "trend_by_zone", zone="pit", target="relative")
    assert float(row["slope"]) == pytest.approx(stats.theilslopes(difference, YEARS).slope, abs=1e-6)
    assert float(row["s"]) == pymannkendall.original_test(difference).s
    assert float(row["change_mean"]) == pytest.approx(
        np.nanmean(own[4] - own[0]) - (meadow[4] - meadow[0]), abs=2e-4
    )  # over the cells valid in both years; weights of equal cells differ by 1e-4 on the ground
    assert row["orders"] == "120"
    (itself,) = rows_of(mine, "trend_by_zone", zone="meadow", target="relative")
    assert (itself["slope"], itself["p"], itself["p_s_mean"], itself["p_min"]) == ("", "", "", ""), "a mean minus itself is no evidence"
    assert itself["rising_pct"] != ""
    (dump,) = rows_of(mine, "trend_by_zone", zone="dump", target="relative")
    assert dump["years_used"] == "2020 2021 2023 2024"
    assert float(dump["p_min"]) == pytest.approx(2 / 24)


def test_the_table_of_references(mine):
    cover, left, top = yearly(mine)
    marsh = expected_mean(cover, *place("marsh", left, top))
    (row,) = rows_of(mine, "reference_by_zone", zone="dump")
    assert (row["reference"], row["years_used"], row["n"]) == ("marsh", "2020 2021 2023 2024", "4")
    assert float(row["mean"]) == pytest.approx(np.nanmean(marsh), abs=1e-5)
    kept = np.isfinite(marsh)
    assert float(row["slope"]) == pytest.approx(stats.theilslopes(marsh[kept], np.array(YEARS)[kept]).slope, abs=1e-6)
    assert {r["zone"] for r in rows_of(mine, "reference_by_zone")} == set(LAYOUT)


def test_the_reference_is_never_in_a_family_of_tests(mine):
    _, left, top = yearly(mine)
    for target in ("trend", "trend_relative"):
        q, _ = bands(mine.folder_of_sensor / f"{target}_q_2020-2024.tif")
        p, _ = bands(mine.folder_of_sensor / f"{target}_2020-2024.tif")
        codes, _ = bands(mine.folder_of_sensor / f"{target}_class_2020-2024.tif")
        for name in LAYOUT:
            at = place(name, left, top)
            if name in ("meadow", "marsh"):
                assert np.isnan(q[0][at]).all()
                continue
            tested = (codes[0][at] >= 1) & (codes[0][at] <= 9)
            expected = stats.false_discovery_control(p[OUTPUTS.index("p")][at][tested].astype(np.float64))
            assert q[0][at][tested] == pytest.approx(expected, abs=1e-6)
            assert np.isnan(q[0][at][~tested]).all()
            found = {r["class_id"]: r for r in rows_of(mine, "trend_area_by_zone", zone=name, target="absolute" if target == "trend" else "relative")}
            kept = (expected <= 0.10 + 1e-6) & (p[OUTPUTS.index("slope")][at][tested] >= 0.0005)
            total = sum(float(found[c]["area_q_km2"] or 0) for c in ("significant_increase", "slightly_significant_increase"))
            assert total == pytest.approx(
                kept.sum() * float(found["no_change"]["area_km2"] or 0) / max(1, (codes[0][at] == 5).sum()) or kept.sum() * 1e-4, rel=2e-3
            )
        for name in ("meadow", "marsh"):
            assert {r["control"] for r in rows_of(mine, "trend_area_by_zone", zone=name) if int(r["code"]) < 97} == {"reference"}
            assert {r["area_q_km2"] for r in rows_of(mine, "trend_area_by_zone", zone=name)} == {""}


def test_four_years_cannot_be_tested_at_five_per_cent_and_say_so_in_words(mine):
    rows = {r["class_id"]: r for r in rows_of(mine, "trend_area_by_zone", zone="dump", target="relative")}
    row = rows["significant_increase"]
    assert (row["testable_pct"], row["control"], row["area_q_km2"]) == ("0.0", "not testable", "")
    assert float(row["q_min"]) == pytest.approx(2 / 24)
    assert rows["slightly_significant_increase"]["control"] == "controlled"
    assert rows["no_significant_increase"]["testable_pct"] == ""


def test_relative_to_reference_can_be_switched_off_and_needs_a_reference(mine, tmp_path):
    settings = json.loads(json.dumps(mine.settings))
    mine.settings["trend"] = settings.get("trend", {}) | {"relative_to_reference": False}
    try:
        assert load(mine.write_config()).targets == ("absolute",)
        mine.settings["trend"]["relative_to_reference"] = True
        mine.settings["aoi"]["reference"], mine.settings["aoi"]["zones"] = [], {}
        assert main(["trend", str(mine.write_config()), "--sensor", "sentinel-2", "--results", str(tmp_path)]) == 2
        mine.settings["trend"]["relative_to_reference"] = "auto"
        assert load(mine.write_config()).targets == ("absolute",)
    finally:
        mine.settings.clear()
        mine.settings.update(settings)
        mine.write_config()


def test_the_owner_of_a_cell_covers_most_of_it_and_the_smaller_zone_wins():
    whole = coverage("mine", slice(0, 4), slice(0, 4))
    pit = coverage("pit", slice(1, 3), slice(1, 3))
    edge = coverage("edge", slice(0, 1), slice(3, 5), np.array([[30.0, 100.0]]))
    assert owners([whole, pit, edge], (5, 5)).tolist() == [[1, 1, 1, 1, 3], [1, 2, 2, 1, 0], [1, 2, 2, 1, 0], [1, 1, 1, 1, 0], [0] * 5]
    assert owners([edge, pit, whole], (5, 5)).max() == 3


def test_a_reference_without_one_of_its_own_is_compared_with_the_set_to_which_it_belongs():
    assert compared_with(Zones({"pit": ("a", "b"), "a": (), "b": (), "far": ()})) == {"pit": ("a", "b"), "a": ("a", "b"), "b": ("a", "b"), "far": ()}


def test_references_together_weigh_by_area_and_a_year_falls_out_below_half():
    big = ZoneSeries(coverage("a", slice(0, 1), slice(0, 3)), np.float32([[[0.5, 0.6, np.nan]], [[0.6, 0.7, 0.8]], [[np.nan, np.nan, 0.9]]]), [1, 2, 3], PAIR)
    small = ZoneSeries(coverage("b", slice(0, 1), slice(3, 4), np.array([[50.0]])), np.float32([[[0.2]], [[0.4]], [[0.4]]]), [1, 2, 3], PAIR)
    found = reference_series([big, small], ("a", "b"), (1, 3), "ndvi")
    assert found.years == (1, 2), "150 of 350 m2 in the third year"
    assert found.mean == pytest.approx([(50 + 60 + 10) / 250, (60 + 70 + 20) / 250])
    assert found.common_pct == pytest.approx(100 * 250 / 350)
    assert np.isnan(found.of([1, 2, 3])).tolist() == [False, False, True]
    none = reference_series(
        [ZoneSeries(coverage("c", slice(0, 1), slice(0, 1)), np.full((3, 1, 1), np.nan, np.float32), [1, 2, 3], PAIR)], ("c",), (1, 3), "fvc"
    )
    assert (none.years, none.common_pct, none.beyond_pct) == ((), 0.0, None)


def test_subtracting_a_series_equals_subtracting_it_beforehand():
    rng = np.random.default_rng(8)
    ndvi = rng.uniform(0, 1, (6, 70, 200)).astype(np.float32)
    ndvi[rng.random(ndvi.shape) < 0.1] = np.nan
    which, means = rng.integers(0, 3, (70, 200)).astype(np.uint16), rng.uniform(0, 1, (3, 6))
    means[0] = np.nan
    times = np.arange(2019.0, 2025.0)
    ours = annual_statistics(ndvi, times, PAIR, test="mann-kendall", significance="auto", minus=(which, means))
    cover = (ndvi.astype(np.float64) - PAIR.soil) / (PAIR.vegetation - PAIR.soil)
    theirs = statistics(cover - means.T[:, which], times).astype(np.float32)
    np.testing.assert_array_equal(ours, theirs)
    assert (ours[OUTPUTS.index("n")][which == 0] == 0).all()


@pytest.mark.parametrize("n", [4, 5, 9])
def test_b_is_the_partial_slope_of_least_squares(n):
    rng = np.random.default_rng(n)
    years = np.arange(2000.0, 2000 + n)
    reference, zone = rng.standard_normal(n), rng.standard_normal(n)
    design = np.column_stack([np.ones(n), years - years.mean(), reference])
    beta, residual, *_ = np.linalg.lstsq(design, zone, rcond=None)
    covariance = float(residual[0]) / (n - 3) * np.linalg.inv(design.T @ design)
    half = stats.t.ppf(0.95, n - 3) * covariance[2, 2] ** 0.5
    assert slope_on_reference(zone, reference, years) == pytest.approx((beta[2], beta[2] - half, beta[2] + half))


def test_b_needs_four_years_and_a_reference_that_swings():
    assert slope_on_reference(np.ones(3), np.array([1.0, 2, 4]), np.arange(3.0)) is None
    assert slope_on_reference(np.array([1.0, 2, 1, 3]), np.array([1.0, 2, 3, 4]), np.arange(4.0)) is None


ROW = {
    "zone": "pit", "reference": "meadow", "first_year": 2020, "last_year": 2024, "variable": "fvc", "n": 5, "p": 0.8, "slope": 0.001, "zone_slope": 0.02,
    "beyond_pct": 3.0, "b": 1.1, "b_low": 0.7, "b_high": 1.5,
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        ({}, []),
        ({"n": 2}, ["reference_short"]),
        ({"p": 0.0833, "slope": 0.03}, ["reference_moves"]),
        ({"slope": -0.03}, ["reference_leads"]),
        ({"slope": 0.021}, []),  # steeper than the zone, but the difference is next to nothing
        ({"slope": 0.03, "zone_slope": 0.001}, ["reference_leads"]),
        ({"beyond_pct": 60.0}, ["reference_green"]),
        ({"b": 0.2, "b_low": 0.1, "b_high": 0.4}, ["reference_swings"]),
        ({"b": 2.2, "b_low": 1.1, "b_high": 3.4}, ["reference_swings"]),
        ({"b": -0.0008, "b_low": -0.1, "b_high": 0.1}, ["reference_apart"]),
        ({"b": -2.0, "b_low": -3.1, "b_high": -0.9}, ["reference_swings"]),
        ({"b": 0.2, "b_low": -3.0, "b_high": 3.4}, ["reference_unknown"]),
        ({"b": 3.5, "b_low": 0.1, "b_high": 7.0}, ["reference_unknown"]),
        ({"b": "", "b_low": "", "b_high": "", "p": "", "zone_slope": None}, []),
        ({"zone": "meadow", "slope": -0.03, "b": 1.0, "b_low": 1.0, "b_high": 1.0}, []),
    ],
)
def test_what_undermines_the_comparison_is_said(change, keys):
    for row in (ROW | change, {k: str(v) if v is not None else "" for k, v in (ROW | change).items()}):
        found = reference_sentences(row, 0.10)
        assert [s.key for s in found] == keys
        assert all("meadow" in s.en and "meadow" in s.zh for s in found)


def test_cells_of_a_reference_are_in_no_family_of_a_zone_around_it():
    whole, inner = coverage("whole", slice(0, 4), slice(0, 5)), coverage("meadow", slice(0, 2), slice(0, 5))
    rng = np.random.default_rng(3)
    codes = rng.choice([3, 6, 7], (4, 5)).astype(np.uint8)
    p = np.where(codes == 6, 0.5, 0.01).astype(np.float32)
    reference = owned_by(owners([whole, inner], (4, 5)), [whole, inner], ["meadow"])
    assert reference[:2].all()
    assert not reference[2:].any()
    slope = np.where(codes == 3, -0.02, 0.02).astype(np.float32)
    bands = {"slope": slope, "p": p, "n": np.full((4, 5), 8, np.float32)}
    found = zone_tests(codes, bands, whole, limits("seven", 0.10, 0.05, 0.01), 0.0005, "auto", 0, reference=reference)
    assert found.family.size == 10
    expected = stats.false_discovery_control(p[2:].ravel().astype(np.float64))
    assert found.controlled[8] == pytest.approx(100 * ((expected <= 0.05) & (slope[2:].ravel() > 0)).sum())
    assert sum(found.controlled.values()) == pytest.approx(1000)
    assert sum(found.area_by_n.values()) == pytest.approx(2000)
    alone = zone_tests(codes[:2], {k: v[:2] for k, v in bands.items()}, inner, limits("seven", 0.10, 0.05, 0.01), 0.0005, "auto", 0, reference=None)
    assert (alone.is_reference, alone.family, alone.status(0.05)) == (True, None, "reference")


def test_the_bounds_of_relative_areas_are_those_of_the_difference_and_know_no_shared_error(mine, tmp_path):
    made = dict(mine.settings)
    tables = {}
    for shared in (0.0, 0.05):
        copy = tmp_path / f"{shared}"
        shutil.copytree(mine.results, copy)
        mine.settings = made | {"uncertainty": {"ndvi_sd": 0.02, "ndvi_sd_shared": shared}}
        config = mine.write_config()
        assert main(["areas", str(config), "--sensor", "sentinel-2", "--results", str(copy)]) == 0
        with (copy / "small" / "sentinel-2" / "trend_area_by_zone.csv").open(encoding="utf-8") as file:
            tables[shared] = {(r["zone"], r["target"], int(r["code"])): (r["area_low_km2"], r["area_high_km2"]) for r in csv.DictReader(file)}
    loaded = load(config)
    mine.settings = made
    mine.write_config()
    cover, left, top = yearly(mine)
    codes, _ = bands(mine.folder_of_sensor / "trend_relative_class_2020-2024.tif")
    rule = Rule(np.array(YEARS, float), limits("seven", 0.10, 0.05, 0.01), (0.0005 * 0.81, 0.00025 * 0.81, 0.001 * 0.81), 4)
    assert loaded.trend.no_change == 0.0005
    classes = tuple(k.code for k in legend("seven") if k.code != 0)
    checked = 0
    for name, of in (("pit", "meadow"), ("dump", "marsh"), ("meadow", "meadow")):
        rows, cols = place(name, left, top)
        difference = (cover[:, rows, cols].reshape(5, -1) - expected_mean(cover, *place(of, left, top))[:, None]) * 0.81
        error = Error(np.full(difference.shape, 0.02), np.zeros(5))
        wanted = class_bounds(difference, codes[0, rows, cols].ravel(), np.full(difference.shape[1], 100.0), error, rule, classes, 0.90)
        for code, (low, high) in wanted.items():
            found = tables[0.05].get((name, "relative", code))
            if found is not None and found[0]:
                assert [float(v) for v in found] == pytest.approx([low / 1e6, high / 1e6], abs=2e-4), (name, code)
                checked += 1
    assert checked >= 15
    assert {k: v for k, v in tables[0.0].items() if k[1] == "relative"} == {k: v for k, v in tables[0.05].items() if k[1] == "relative"}
    assert {k: v for k, v in tables[0.0].items() if k[1] == "absolute"} != {k: v for k, v in tables[0.05].items() if k[1] == "absolute"}


@pytest.mark.parametrize(
    ("aoi", "field", "found"),
    [
        ({"reference": ["meadow", "marsh", "meadow"]}, "aoi.reference", "meadow twice"),
        ({"reference": ["meadow"], "zones": {"pit": {"reference": ["marsh", "marsh"]}}}, "aoi.zones.pit.reference", "marsh twice"),
        ({"reference": [], "zones": {"pit": {"reference": ["pit"]}}}, "aoi.zones.pit.reference", "pit, the zone itself"),
        ({"reference": [], "zones": {"pit": {"reference": ["marsh", "pit"]}}}, "aoi.zones.pit.reference", "pit, the zone itself"),
    ],
)
def test_a_reference_named_twice_or_by_itself_is_refused(mine, aoi, field, found, capsys):
    made = dict(mine.settings)
    mine.settings = made | {"aoi": {"path": made["aoi"]["path"]} | aoi}
    config = mine.write_config()
    mine.settings = made
    assert main(["check", str(config), "--results", str(mine.folder / "none")]) == 2
    said = capsys.readouterr().err
    mine.write_config()
    assert f"{field}\n  found:    {found}" in said
    assert not (mine.folder / "none").exists()


def test_a_row_minus_a_reference_that_is_never_seen_says_nothing_of_common_cells():
    series = ZoneSeries(coverage("pit", slice(0, 4), slice(0, 5)), np.full((5, 4, 5), 0.4, np.float32), YEARS, PAIR)
    never = ReferenceSeries(("meadow",), (), np.empty(0), 0.0, None)
    row = trend_row(series, (2020, 2024), "fvc", "auto", np.full((4, 5), np.nan), np.full((4, 5), np.nan), never)
    assert (row["years_used"], row["n"], row["common_pct"]) == ("", 0, None)
