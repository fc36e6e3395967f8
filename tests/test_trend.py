"""trend(): labels, times, Dask, float types, words and errors. The numbers themselves: test_kendall.py."""

import math

import dask
import dask.array as da
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from pipeline.trend import TESTS, trend, years

NINE = ["slope", "slope_low", "slope_high", "intercept", "s", "tau", "z", "p", "n"]
NAN = float("nan")
RISING = [0.50, 0.55, 0.61, 0.70]


def series(values, times=None, dtype="float64") -> xr.DataArray:
    times = np.arange(2000, 2000 + len(values)) if times is None else times
    return xr.DataArray(np.asarray(values, dtype), coords={"time": times}, dims="time")


def cube(dtype="float64", n=7, dims=("time", "y", "x")) -> xr.DataArray:
    """Build a 7 x 40 x 30 stack with gaps, ties, an empty pixel and an infinite value."""
    rng = np.random.default_rng(7)
    values = rng.normal(0.4, 0.1, (n, 40, 30)).round(2)
    values[rng.random(values.shape) < 0.2] = NAN
    values[:, 3, 5] = NAN
    values[2, 4, 4] = math.inf
    coords = {"time": np.arange(2018, 2018 + n), "y": np.arange(40.0)[::-1], "x": np.arange(30.0), "spatial_ref": 32647}
    return xr.DataArray(values.astype(dtype), coords=coords, dims=("time", "y", "x")).transpose(*dims)


def numbers(out: xr.Dataset) -> list[float]:
    return [float(out[name]) for name in NINE]


# What comes back


def test_nine_variables_in_the_contracts_order():
    out = trend(cube())
    assert isinstance(out, xr.Dataset)
    assert list(out.data_vars) == NINE


def test_four_rising_years():
    out = trend(series(RISING, [2021, 2022, 2023, 2024]))
    expected = [0.19 / 3, 0.05, 0.09, 0.58 - 1.5 * 0.19 / 3, 6, 1, 5 / math.sqrt(26 / 3), 1 / 12, 4]
    assert numbers(out) == pytest.approx(expected, rel=1e-12)
    assert out.sizes == {}


@pytest.mark.parametrize("dims", [("time", "y", "x"), ("y", "time", "x"), ("y", "x", "time"), ("x", "time", "y")])
def test_space_keeps_its_order_and_coordinates_wherever_time_stands(dims):
    out, expected = trend(cube(dims=dims)), trend(cube())
    assert out.slope.dims == tuple(d for d in dims if d != "time")
    xr.testing.assert_equal(out.transpose("y", "x"), expected)
    for name in ("y", "x", "spatial_ref"):
        xr.testing.assert_equal(out[name], cube()[name])
    assert "time" not in out.coords


def test_any_name_of_the_time_dimension():
    xr.testing.assert_equal(trend(cube().rename(time="year"), dim="year"), trend(cube()))


def test_more_dimensions_than_space():
    data = xr.concat([cube(), -cube()], dim="sensor")
    out = trend(data)
    assert out.s.dims == ("sensor", "y", "x")
    xr.testing.assert_equal(out.s[1], -out.s[0])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_output_has_the_inputs_float_type(dtype):
    out = trend(cube(dtype))
    assert {out[name].dtype for name in NINE} == {np.dtype(dtype)}


def test_float32_differs_from_float64_by_the_last_rounding_only():
    data = cube("float32") + np.random.default_rng(0).normal(0, 1e-4, (7, 40, 30)).astype("float32")
    xr.testing.assert_identical(trend(data), trend(data.astype("float64")).astype("float32"))


def test_units_of_the_data_do_not_stick_to_other_quantities():
    out = trend(cube().assign_attrs(units="percent", long_name="cover"))
    assert all(out[name].attrs.get("units") != "percent" for name in ("slope", "s", "tau", "z", "p", "n"))


def test_input_is_left_alone():
    data = cube()
    before = data.copy(deep=True)
    trend(data)
    xr.testing.assert_identical(data, before)


# Dask


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("chunks", [{"y": 40, "x": 30}, {"y": 7, "x": 11}, {"y": 1, "x": 30}])
def test_chunks_change_nothing(chunks, dtype):
    data = cube(dtype)
    lazy = trend(data.chunk({"time": -1} | chunks))
    assert all(isinstance(lazy[name].data, da.Array) for name in NINE)
    assert all(lazy[name].dtype == dtype for name in NINE)
    xr.testing.assert_identical(lazy.compute(), trend(data))


@pytest.mark.parametrize("workers", [1, 2, 4])
def test_threads_change_nothing(workers):
    with dask.config.set(scheduler="threads", num_workers=workers):
        xr.testing.assert_identical(trend(cube().chunk({"time": -1, "y": 5, "x": 6})).compute(), trend(cube()))


def test_time_in_several_chunks_is_refused():
    with pytest.raises(ValueError, match="time"):
        trend(cube().chunk({"time": 2}))


def test_dask_with_time_last_and_unsorted():
    data = cube(dims=("y", "x", "time")).isel(time=[3, 0, 6, 1, 5, 2, 4])
    xr.testing.assert_identical(trend(data.chunk({"time": -1, "y": 9})).compute(), trend(cube()))


# Times


def test_numbers_are_years_and_slopes_are_per_year():
    assert float(trend(series([1, 2, 3], [2000, 2002, 2004])).slope) == 0.5
    assert float(trend(series([1, 2, 3], [2000.0, 2000.25, 2000.5])).slope) == 4


@pytest.mark.parametrize("dtype", ["int16", "uint16", "int64", "float32", "float64"])
def test_any_kind_of_number_may_count_the_years(dtype):
    out = trend(series(RISING[::-1], np.array([2024, 2023, 2022, 2021], dtype)))  # unsigned differences must not wrap
    assert numbers(out) == numbers(trend(series(RISING, [2021, 2022, 2023, 2024])))


def test_a_missing_year_counts_as_time():
    # 2022 is missing: slopes 1/1, 3/3, 4/4, 2/2, 3/3, 1/1 on real dates
    assert float(trend(series([1, 2, 4, 5], [2020, 2021, 2023, 2024])).slope) == 1


@pytest.mark.parametrize("order", [[3, 2, 1, 0], [1, 3, 0, 2], [2, 0, 3, 1]])
def test_unsorted_times_are_sorted_together_with_their_values(order):
    data = series([0.5, 0.7, 0.6, 0.9], [2020, 2021, 2023, 2024])
    xr.testing.assert_identical(trend(data.isel(time=order)), trend(data))


@pytest.mark.parametrize(
    ("date", "year"),
    [
        ("2021-01-01", 2021.0),
        ("2021-07-02T12:00", 2021.5),  # 182.5 of 365 days
        ("2020-07-02", 2020.5),  # 183 of 366 days
        ("2020-12-31", 2020 + 365 / 366),
        ("1969-12-31", 1969 + 364 / 365),
        ("1900-03-01", 1900 + 59 / 365),  # 1900 was no leap year
        ("2000-03-01", 2000 + 60 / 366),
    ],
)
def test_a_date_is_its_year_and_the_share_of_it_gone(date, year):
    assert years(np.array([date], "datetime64[ns]"))[0] == pytest.approx(year, abs=1e-9)


@pytest.mark.parametrize("unit", ["D", "h", "s", "ms", "us", "ns"])
def test_resolution_of_dates_does_not_matter(unit):
    dates = np.array(["2020-07-02", "2021-01-01"], f"datetime64[{unit}]")
    assert years(dates).tolist() == [2020.5, 2021.0]


@pytest.mark.parametrize("unit", ["Y", "M", "W"])
def test_coarse_dates_start_their_period(unit):
    assert years(np.array(["2020-01", "2021-01"], f"datetime64[{unit}]")).tolist() == pytest.approx([2020, 2021], abs=0.02)


def test_dates_give_slopes_per_year():
    dates = np.array(["2020-07-15", "2021-07-15", "2022-08-20", "2024-06-30"], "datetime64[ns]")
    fractions = [2020 + 196 / 366, 2021 + 195 / 365, 2022 + 231 / 365, 2024 + 181 / 366]
    values = [0.4, 0.45, 0.43, 0.6]
    line = stats.theilslopes(values, fractions, alpha=0.90)
    out = trend(series(values, dates))
    assert [float(out[n]) for n in ("slope", "slope_low", "slope_high")] == pytest.approx([line.slope, line.low_slope, line.high_slope], rel=1e-9)
    assert float(out.intercept) == pytest.approx(line.intercept + line.slope * fractions[0], rel=1e-9)


def test_the_same_day_of_every_year_gives_the_slope_of_whole_years():
    dates = np.array([f"{y}-01-01" for y in range(2020, 2025)], "datetime64[ns]")
    values = [0.2, 0.5, 0.4, 0.6, 0.7]
    assert numbers(trend(series(values, dates))) == pytest.approx(numbers(trend(series(values, range(2020, 2025)))), rel=1e-12)


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([2020, 2021, 2021], "repeat"),
        ([2020.0, NAN, 2022.0], "not finite"),
        ([2020.0, 2021.0, math.inf], "not finite"),
        (np.array(["2020-07-01", "2020-07-01", "2021-07-01"], "datetime64[ns]"), "repeat"),
        (np.array(["2020-07-01", "NaT", "2021-07-01"], "datetime64[ns]"), "NaT"),
        (["2020", "2021", "2022"], "expected years as numbers, or datetime64"),
        (np.array([0, 365, 730], "timedelta64[D]").astype("timedelta64[ns]"), "expected years as numbers, or datetime64"),
        (np.array([2020, "2021", None], object), "expected years as numbers, or datetime64"),
        (np.array([2020, 2021, 2022], complex), "expected years as numbers, or datetime64"),
    ],
    ids=["repeated", "nan", "infinite", "repeated date", "NaT", "strings", "timedelta", "objects", "complex"],
)
def test_times_that_are_no_years_are_refused(times, message):
    with pytest.raises(ValueError, match=message):
        trend(series([1, 2, 3], times))


def test_booleans_are_no_years():
    with pytest.raises(ValueError, match="times are bool"):
        years(np.array([False, True]))


# Words


@pytest.mark.parametrize("significance", ["auto", "exact", "normal"])
def test_significance_changes_p_only(significance):
    out, expected = trend(cube(), significance=significance), trend(cube())
    xr.testing.assert_identical(out.drop_vars("p"), expected.drop_vars("p"))


def test_auto_is_exact_for_a_pixel_of_18_values_in_a_window_of_24_years():
    values = np.arange(24.0)
    values[[0, 4, 9, 10, 17, 23]] = NAN
    values[[1, 2]] = values[[2, 1]]
    out = trend(series(values))
    assert float(out.n) == 18
    assert float(out.p) == pytest.approx(2 * (1 + 17) / math.factorial(18), rel=1e-12)  # 1 order without an inversion, 17 with one


@pytest.mark.parametrize(("n", "exact"), [(19, True), (20, True), (21, False), (22, False)])
def test_auto_is_exact_up_to_twenty(n, exact):
    values = np.random.default_rng(n).normal(size=n) + 0.05 * np.arange(n)
    out = trend(series(values))
    by_scipy = stats.kendalltau(np.arange(n), values, method="exact").pvalue if exact else 2 * stats.norm.sf(abs(float(out.z)))
    assert float(out.p) == pytest.approx(by_scipy, rel=1e-12)


def test_z_is_normal_whatever_the_significance():
    assert float(trend(series(RISING), significance="exact").z) == pytest.approx(5 / math.sqrt(26 / 3))


def test_exact_is_refused_above_twenty_times():
    with pytest.raises(ValueError, match="at most 20 times, got 21; use auto"):
        trend(series(np.arange(21.0)), significance="exact")


@pytest.mark.parametrize("word", ["exact", "exakt"])
def test_significance_is_refused_before_any_block_is_computed(word):
    data = series(np.arange(21.0)).expand_dims(x=3).transpose("time", "x").chunk({"x": 1})
    with pytest.raises(ValueError, match="use auto|expected auto"):
        trend(data, significance=word)


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int64", "float16", "complex128", "bool", "object", ">f4"])
def test_data_that_are_not_native_floats_are_refused(dtype):
    with pytest.raises(ValueError, match="expected float32 or float64 with NaN for missing values"):
        trend(series([1, 2, 3], dtype=dtype))


@pytest.mark.parametrize("word", ["exakt", "", "Exact", None])
def test_unknown_significance_is_refused(word):
    with pytest.raises(ValueError, match="expected auto, exact or normal"):
        trend(series([1, 2, 3]), significance=word)


def test_unknown_test_is_refused_and_the_known_ones_are_named():
    with pytest.raises(ValueError, match="test is 'kendall'; expected one of mann-kendall"):
        trend(series([1, 2, 3]), test="kendall")


def test_unknown_dimension_is_refused_and_the_present_ones_are_named():
    with pytest.raises(ValueError, match="dim is 'year'; expected one of time, y, x"):
        trend(cube(), dim="year")


def test_every_test_names_its_source():
    assert all(t.name == name and t.reference for name, t in TESTS.items())
