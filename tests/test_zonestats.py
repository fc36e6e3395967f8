"""Zone means, changes and trends against plain numpy, scipy and enumeration, on arrays small enough to check by eye."""

from itertools import permutations

import numpy as np
import pymannkendall
import pytest
from scipy import stats

from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.tables import cell
from pipeline.zonestats import CHANGE_COLUMNS, FVC_COLUMNS, ZoneSeries, change_rows, changes, weighted_median
from pipeline.zonetrend import TREND_COLUMNS, trend_row

NAN = np.nan
PAIR = Endmembers(0.1, 0.9, 0)  # cover = (NDVI - 0.1) / 0.8
YEARS = [2020, 2021, 2022]


def coverage(area_m2):
    area_m2 = np.array(area_m2, float)
    return ZoneCoverage("pit", "pit", slice(0, area_m2.shape[0]), slice(0, area_m2.shape[1]), area_m2)


def series(area_m2, ndvi, years=YEARS):
    return ZoneSeries(coverage(area_m2), np.array(ndvi, np.float32), years, PAIR)


# Four cells of 100, 50, 25 and 25 m2; one more cell that the zone does not touch.
AREA = [[100, 50, 0], [25, 25, 0]]
TINY = series(
    AREA,
    [
        [[0.1, 0.5, 9.0], [0.9, 0.5, NAN]],  # cover 0, 0.5, 1, 0.5
        [[0.5, NAN, 0.3], [0.9, 0.98, 0.3]],  # cover 0.5, -, 1, 1.1
        [[0.02, 0.5, 0.3], [NAN, 0.98, 0.3]],  # cover -0.1, 0.5, -, 1.1
    ],
)
ROWS = TINY.annual_rows({"zone": "pit"})


def test_every_mean_is_weighted_by_the_zones_area_in_the_cell():
    assert [r["year"] for r in ROWS] == YEARS
    assert [r["fvc_mean"] for r in ROWS] == pytest.approx([(0 + 25 + 25 + 12.5) / 200, (50 + 25 + 25) / 150, (0 + 25 + 25) / 175], abs=1e-7)
    assert [r["ndvi_mean"] for r in ROWS] == pytest.approx([(10 + 25 + 22.5 + 12.5) / 200, (50 + 22.5 + 24.5) / 150, (2 + 25 + 24.5) / 175], abs=1e-7)
    assert {r["zone"] for r in ROWS} == {"pit"}


def test_the_common_mean_is_over_cells_valid_in_every_year():
    assert [r["fvc_mean_common"] for r in ROWS] == pytest.approx([12.5 / 125, (50 + 25) / 125, 25 / 125], abs=1e-7)
    assert {r["common_pct"] for r in ROWS} == {62.5}


def test_valid_clamped_and_area():
    assert [r["valid_pct"] for r in ROWS] == [100, 75, 87.5]
    assert [r["clamped_pct"] for r in ROWS] == pytest.approx([0, 100 * 25 / 150, 100 * 125 / 175])  # of the valid area
    assert {r["area_km2"] for r in ROWS} == {200 / 1e6}


def test_standard_deviation_and_median_are_weighted():
    for row, values, weights in zip(ROWS, ([0, 0.5, 1, 0.5], [0.5, 1, 1], [0, 0.5, 1]), ([4, 2, 1, 1], [4, 1, 1], [4, 2, 1]), strict=True):
        whole = np.repeat(values, weights)  # areas in units of 25 m2
        assert row["fvc_sd"] == pytest.approx(np.std(whole), abs=1e-7)
        assert row["fvc_median"] == pytest.approx(np.median(whole), abs=1e-7)


def test_rows_have_the_columns_of_their_tables():
    here = {"mine", "sensor", "zone", "role"}
    assert set(ROWS[0]) | here == set(FVC_COLUMNS)
    assert set(change_rows(changes(TINY), [], {})[0]) | here == set(CHANGE_COLUMNS)
    nothing = np.full((2, 3), NAN, np.float32)
    there = set(trend_row(TINY, (2020, 2022), "fvc", "auto", nothing, nothing))
    assert there | here | {"variable", "target", "first_year", "last_year", "test"} == set(TREND_COLUMNS)


def test_what_prepared_composites_cannot_tell_stays_empty():
    assert {r[k] for r in ROWS for k in ("water_pct", "masked_pct", "clear_mean", "doy_mean")} == {None}


def test_a_year_without_data_has_empty_cells_not_zeros():
    empty = series(AREA, [[[0.5] * 3] * 2, [[NAN] * 3] * 2, [[0.5] * 3] * 2])
    row = empty.annual_rows({})[1]
    assert row["valid_pct"] == 0
    assert [row[k] for k in ("fvc_mean", "fvc_mean_common", "fvc_median", "fvc_sd", "ndvi_mean", "clamped_pct")] == [None] * 6
    before, after, both = empty.change(2020, 2021)
    assert (before, after, both) == (None, None, 0)


@pytest.mark.parametrize("seed", range(5))
def test_against_numpy_on_random_zones(seed):
    rng = np.random.default_rng(seed)
    area = np.where(rng.random((6, 7)) < 0.3, 0, rng.integers(1, 9, (6, 7)) * 12.5)
    ndvi = np.where(rng.random((3, 6, 7)) < 0.3, NAN, rng.uniform(-0.1, 1, (3, 6, 7))).astype(np.float32)
    rows = series(area, ndvi).annual_rows({})
    always = np.isfinite(ndvi).all(axis=0)
    for i, row in enumerate(rows):
        ok = np.isfinite(ndvi[i]) & (area > 0)
        fvc, w = np.clip((ndvi[i].astype(float) - 0.1) / 0.8, 0, 1), (area / 12.5).astype(int)
        whole = np.repeat(fvc[ok], w[ok])
        assert row["fvc_mean"] == pytest.approx(whole.mean())
        assert row["fvc_sd"] == pytest.approx(whole.std())
        assert row["fvc_median"] == pytest.approx(np.median(whole))
        assert row["fvc_mean_common"] == pytest.approx(np.average(fvc[always], weights=area[always]))
        assert row["valid_pct"] == pytest.approx(100 * area[ok].sum() / area.sum())


@pytest.mark.parametrize(
    ("values", "weights", "median"),
    [
        ([5.0], [2.0], 5.0),
        ([1, 2], [1, 1], 1.5),
        ([2, 1], [1, 3], 1.0),
        ([1, 2, 3, 4], [1, 1, 1, 1], 2.5),
        ([4, 1, 3, 2], [0.1, 0.1, 0.1, 0.1], 2.5),  # 0.1 + 0.1 is not exactly half of the sum in floats
        ([1, 1, 1, 9], [1, 1, 1, 2], 1.0),
        ([7, 7, 7], [0.3, 0.3, 0.3], 7.0),
        ([1, 9, 2], [1e6, 1e-3, 1e6], 2.0),
    ],
)
def test_the_weighted_median_splits_the_weight(values, weights, median):
    assert weighted_median(np.array(values, float), np.array(weights, float)) == median


def test_change_is_over_cells_valid_in_both_years_only():
    rows = change_rows(changes(TINY), [], {"zone": "pit"})
    assert [(r["from_year"], r["to_year"]) for r in rows] == [(2020, 2021), (2020, 2022), (2021, 2022)]
    first = rows[0]  # without the cell of 50 m2, which is missing in 2021
    assert first["fvc_from"] == pytest.approx((25 + 12.5) / 150, abs=1e-7)
    assert first["fvc_to"] == pytest.approx((50 + 25 + 25) / 150, abs=1e-7)
    assert first["change_points"] == pytest.approx(100 * (100 - 37.5) / 150, abs=1e-5)
    assert first["change_pct"] == pytest.approx(100 * (100 - 37.5) / 37.5, abs=1e-4)
    assert [r["valid_both_pct"] for r in rows] == [75, 87.5, 62.5]
    assert {r["reference_change_points"] for r in rows} == {None}


def test_relative_change_from_bare_ground_is_empty():
    risen = series([[1.0]], [[[0.05]], [[0.5]], [[0.5]]])
    row = change_rows(changes(risen), [], {})[0]
    assert (row["fvc_from"], row["change_pct"]) == (0, None)
    assert row["change_points"] == pytest.approx(50, abs=1e-5)


def test_change_of_cells_that_share_no_valid_year_is_empty():
    torn = series([[1.0, 1.0]], [[[0.5, NAN]], [[NAN, 0.5]], [[0.5, 0.5]]])
    row = change_rows(changes(torn), [], {})[0]
    assert [row[k] for k in ("fvc_from", "fvc_to", "change_points", "change_pct")] == [None] * 4
    assert row["valid_both_pct"] == 0


def test_the_references_change_is_weighted_by_their_area_that_is_valid_in_both_years():
    small = series([[30.0]], [[[0.5]], [[0.9]], [[NAN]]])  # + 50 points on 30 m2
    large = series([[60.0, 60.0]], [[[0.5, 0.5]], [[0.1, NAN]], [[0.5, 0.5]]])  # - 50 points on 60 of 120 m2
    rows = change_rows(changes(TINY), [changes(small), changes(large)], {})
    assert rows[0]["reference_change_points"] == pytest.approx((30 * 50 - 60 * 50) / 90, abs=1e-4)
    assert rows[1]["reference_change_points"] == pytest.approx(0, abs=1e-5)  # the small one has no 2022: it drops out, it is not 0 points
    lost = series([[30.0]], [[[NAN]], [[0.9]], [[NAN]]])
    assert change_rows(changes(TINY), [changes(lost)], {})[0]["reference_change_points"] is None


FIVE = [2019, 2020, 2021, 2022, 2024]


def row_of(zone, period=(2019, 2024), variable="fvc", significance="auto", slope=None, s=None):
    shape = zone.coverage.area_m2.shape
    nothing = np.full(shape, NAN, np.float32)
    return trend_row(zone, period, variable, significance, nothing if slope is None else np.float32(slope), nothing if s is None else np.float32(s))


def flat(means, years=FIVE, area=((100.0, 50.0),)):
    """Return a zone whose cells all have these covers."""
    ndvi = 0.1 + 0.8 * np.array(means)
    return series(area, np.broadcast_to(ndvi[:, None, None], (len(means), *np.shape(area))), years)


@pytest.mark.parametrize("means", [(0.20, 0.30, 0.25, 0.45, 0.40), (0.9, 0.8, 0.85, 0.5, 0.3), (0.1, 0.2, 0.3, 0.4, 0.5), (0.5, 0.2, 0.4, 0.3, 0.6)])
def test_the_zones_trend_is_scipys_slope_and_the_enumerated_p(means):
    row = row_of(flat(means))
    slope, _, _, _ = stats.theilslopes(means, FIVE)
    test = pymannkendall.original_test(means)
    every = [sum(np.sign(b - a) for i, a in enumerate(o) for b in o[i + 1 :]) for o in permutations(range(5))]
    assert row["slope"] == pytest.approx(slope, abs=1e-7)
    assert row["s"] == test.s
    assert row["tau"] == pytest.approx(test.s / 10)
    assert row["p"] == pytest.approx(np.mean(np.abs(every) >= abs(test.s)))
    assert row_of(flat(means), significance="normal")["p"] == pytest.approx(test.p)
    assert row["slope_low"] <= row["slope"] <= row["slope_high"]
    assert (row["n"], row["years_used"], row["common_pct"]) == (5, "2019 2020 2021 2022 2024", 100)


def test_p_min_is_the_p_of_a_zone_that_only_rises():
    rising = row_of(flat((0.1, 0.2, 0.3, 0.4, 0.5)))
    assert rising["p"] == rising["p_min"] == pytest.approx(2 / 120)
    normal = row_of(flat((0.1, 0.2, 0.3, 0.4, 0.5)), significance="normal")
    assert normal["p"] == pytest.approx(normal["p_min"]) == pytest.approx(pymannkendall.original_test([1, 2, 3, 4, 5]).p)


def test_a_constant_zone_has_slope_zero_and_p_one():
    row = row_of(flat((0.4,) * 5))
    assert (row["slope"], row["s"], row["tau"], row["p"]) == (0, 0, 0, 1)


def test_the_zones_series_is_cover_before_clamping_or_ndvi():
    above = flat((1.1, 1.2, 1.3, 1.4, 1.5))
    assert row_of(above)["slope"] == pytest.approx(stats.theilslopes([1.1, 1.2, 1.3, 1.4, 1.5], FIVE)[0], abs=1e-6)
    assert row_of(above, variable="ndvi")["slope"] == pytest.approx(0.8 * row_of(above)["slope"])
    assert row_of(above, variable="ndvi")["p"] == row_of(above)["p"]


def test_the_period_chooses_the_years():
    row = row_of(flat((0.5, 0.1, 0.2, 0.3, 0.4)), period=(2020, 2024))
    assert (row["n"], row["years_used"], row["s"]) == (4, "2020 2021 2022 2024", 6)


@pytest.mark.parametrize(("missing", "used", "common_pct"), [(49.0, 5, 51.0), (50.0, 5, 50.0), (51.0, 4, 100.0), (100.0, 4, 100.0)])
def test_a_year_of_which_less_than_half_is_valid_falls_out(missing, used, common_pct):
    ndvi = np.broadcast_to(np.float32([0.2, 0.3, 0.4, 0.5, 0.6])[:, None, None], (5, 1, 2)).copy()
    ndvi[2, 0, 0] = NAN
    ndvi[2, 0, 1] = NAN if missing == 100 else ndvi[2, 0, 1]
    row = row_of(series([[missing, 100.0 - missing if missing < 100 else 1.0]], ndvi, FIVE))
    assert row["n"] == used
    assert ("2021" in row["years_used"].split()) == (used == 5)
    assert row["common_pct"] == pytest.approx(common_pct)


def test_the_series_is_the_mean_over_cells_valid_in_all_years_used():
    ndvi = np.full((5, 1, 3), 0.5, np.float32)
    ndvi[:, 0, 0] = [0.2, 0.3, 0.4, 0.5, 0.6]
    ndvi[:, 0, 2] = [0.9, NAN, NAN, NAN, 0.1]  # would turn the series round if it came and went
    zone = series([[50.0, 30.0, 20.0]], ndvi, FIVE)
    used, means, cells = zone.period(2019, 2024, "ndvi")
    assert used == FIVE
    assert cells.tolist() == [True, True, False]
    np.testing.assert_allclose(means, (50 * np.array([0.2, 0.3, 0.4, 0.5, 0.6]) + 30 * 0.5) / 80, atol=1e-7)
    assert row_of(zone)["common_pct"] == 80


@pytest.mark.parametrize("valid_years", [0, 1, 2])
def test_fewer_than_three_years_give_empty_cells(valid_years):
    ndvi = np.full((5, 1, 2), NAN, np.float32)
    ndvi[:valid_years] = 0.5
    row = row_of(series([[100.0, 50.0]], ndvi, FIVE))
    assert {cell(row[k]) for k in ("slope", "slope_low", "slope_high", "s", "tau", "p", "p_min", "change_mean")} == {""}
    assert row["n"] == valid_years


def test_means_over_pixels_are_weighted_and_leave_untested_pixels_out():
    zone = flat((0.1, 0.2, 0.3, 0.4, 0.5), area=((100.0, 50.0, 0.0, 50.0),))
    row = row_of(zone, slope=[[0.02, -0.04, 9.0, NAN]], s=[[10, 0, 0, NAN]])
    assert row["slope_mean"] == pytest.approx((100 * 0.02 - 50 * 0.04) / 150, abs=1e-8)
    assert row["s_zero_pct"] == pytest.approx(100 * 50 / 150)
    nothing = row_of(zone)
    assert (nothing["slope_mean"], nothing["s_zero_pct"]) == (None, None)


def test_change_mean_is_last_minus_first_over_pixels_valid_in_both():
    ndvi = np.float32([[[0.1, 0.1, NAN]], [[0.3, 0.3, 0.3]], [[0.3, 0.3, 0.3]], [[0.3, 0.3, 0.3]], [[0.5, 0.98, 0.9]]])
    zone = series([[100.0, 50.0, 50.0]], ndvi, FIVE)
    assert row_of(zone)["change_mean"] == pytest.approx((100 * 0.5 + 50 * 1.1) / 150, abs=1e-6)  # before clamping
    assert row_of(zone, variable="ndvi")["change_mean"] == pytest.approx((100 * 0.4 + 50 * 0.88) / 150, abs=1e-6)
