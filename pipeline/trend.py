"""Per-pixel trend: labelled wrapper around the kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import prod
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from pipeline.endmembers import Endmembers
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.kendall import exact_limit, mann_kendall
from pipeline.kernels.null import null_tables

if TYPE_CHECKING:
    import xarray as xr

STRIP_CELLS = 8192  # whose work arrays stay in the second-level cache at 5 years


@dataclass(frozen=True)
class TrendTest:
    """One trend test: its kernel, and where it comes from."""

    name: str
    kernel: Callable[..., None]
    reference: str
    seasonal: bool = False  # of values by year and season


def _seasonal(test: int) -> Callable[..., None]:
    """Return the kernel of a seasonal test (y, t, out), imported when it is called: it is compiled only for those who use it."""

    def kernel(y: np.ndarray, t: np.ndarray, out: np.ndarray) -> None:
        from pipeline.kernels.null import ALL_ORDERS_MAX_N, LARGEST
        from pipeline.kernels.seasonal import YEAR_PERMUTATION, few_year_signs, order_signs, seasonal_trend

        largest = y.shape[1] * len(t) * (len(t) - 1) // 2
        if test == YEAR_PERMUTATION and largest > LARGEST:
            raise ValueError(f"{len(t)} years of {y.shape[1]} seasons compare {largest} pairs; year-permutation takes at most {LARGEST}")
        drawn = test == YEAR_PERMUTATION and len(t) > ALL_ORDERS_MAX_N
        seasonal_trend(y, t, test, order_signs(len(t) if drawn else 0), *few_year_signs(), out)

    return kernel


TESTS: dict[str, TrendTest] = {
    t.name: t
    for t in (
        TrendTest(
            "mann-kendall",
            mann_kendall,
            "Mann 1945; Kendall 1975; Sen 1968; interval: Gilbert 1987; exact p conditional on ties: pipeline.kernels.null",
        ),
        TrendTest("seasonal-kendall", _seasonal(0), "Hirsch, Slack and Smith 1982; interval: Gilbert 1987", seasonal=True),
        TrendTest("hirsch-slack", _seasonal(1), "Hirsch and Slack 1984, with missing values: mid-ranks, pairs with both values", seasonal=True),
        TrendTest("year-permutation", _seasonal(2), "S' of Hirsch, Slack and Smith 1982 under orders of whole years", seasonal=True),
    )
}


def trend(
    data: xr.DataArray,
    *,
    test: str = "mann-kendall",
    significance: Literal["auto", "exact", "normal"] = "auto",
    dim: str = "time",
) -> xr.Dataset:
    """Return slope and significance of the monotonic trend of every series along `dim`.

    Parameters
    ----------
    data : DataArray with `dim` among its dimensions, float32 or float64, numpy or Dask (one chunk along `dim`).
        NaN and infinite values are gaps.
    test : name in `TESTS`. The seasonal ones take datetime64 times: the year, and the calendar month as season, one value of
        a month at most; see `seasonal_statistics`
    significance : "auto" is exact up to 20 values, ties included, and normal above; "exact"; "normal"; seasonal tests
        have their own p and know "auto" only
    dim : numbers on it are years; datetime64 becomes a fractional year

    Returns
    -------
    Dataset of nine variables without `dim`, in the input's float type. `slope` (Theil-Sen), `slope_low`, `slope_high`
    (nominal 90 %) in data units per year; `intercept`: the line's value at the first time; `s`; `tau` (tau-a); `z`:
    normal z with tie variance and continuity correction; `p`: two-sided; `n`: valid values. Fewer than 3 valid values
    give NaN in all but `n`; a constant series gives slope 0 and p 1.

    Raises
    ------
    ValueError
        Times that are neither numbers nor dates, repeated or missing; a dtype that is not a float; an unknown test.

    Examples
    --------
    >>> import numpy as np, xarray as xr
    >>> cover = xr.DataArray(np.array([0.50, 0.55, 0.61, 0.70]), coords={"time": [2021, 2022, 2023, 2024]}, dims="time")
    >>> out = trend(cover)
    >>> round(float(out.slope), 4), float(out.s), round(float(out.p), 4), float(out.n)
    (0.0633, 6.0, 0.0833, 4.0)
    """
    if test not in TESTS:
        raise ValueError(f"test is {test!r}; expected one of {', '.join(TESTS)}")
    if data.dtype not in (np.float32, np.float64):
        raise ValueError(f"data are {data.dtype}; expected float32 or float64 with NaN for missing values")
    if dim not in data.dims:
        raise ValueError(f"dim is {dim!r}; expected one of {', '.join(map(str, data.dims))}")
    if dim not in data.coords:
        raise ValueError(f"{dim!r} has no coordinate; expected years as numbers, or datetime64")
    data = data.transpose(dim, ...)
    times = years(data[dim])
    if TESTS[test].seasonal:
        return _dataset(data, dim, _seasonal_block, {"place": _calendar(data[dim], test, significance), "test": test})
    exact_limit(significance, times.size)
    order = np.argsort(times)
    if not np.array_equal(order, np.arange(times.size)):
        data, times = data.isel({dim: order}), times[order]
    return _dataset(data, dim, _block, {"times": times, "test": test, "significance": significance})


def _dataset(data: xr.DataArray, dim: str, block: Callable[..., np.ndarray], settings: dict[str, Any]) -> xr.Dataset:
    import xarray as xr

    stacked = xr.apply_ufunc(
        block,
        data,
        kwargs=settings,
        input_core_dims=[[dim]],
        output_core_dims=[["statistic"]],
        dask="parallelized",
        keep_attrs=False,
        output_dtypes=[data.dtype],
        dask_gufunc_kwargs={"output_sizes": {"statistic": len(OUTPUTS)}},
    )
    return xr.Dataset({name: stacked.isel(statistic=i) for i, name in enumerate(OUTPUTS)})


def _block(block: np.ndarray, times: np.ndarray, test: str, significance: str) -> np.ndarray:
    """Return (..., statistic) of a block (..., time); the native (time, pixel) layout is restored without a copy."""
    series = np.moveaxis(block, -1, 0)
    return np.moveaxis(statistics(series, times, test=test, significance=significance), 0, -1)


def _calendar(coordinate: Any, test: str, significance: str) -> dict[tuple[int, int], int]:
    """Return the place on the time axis of each (year, month)."""
    values = np.asarray(coordinate)
    if not np.issubdtype(values.dtype, np.datetime64):
        raise ValueError(f"times are {values.dtype}; {test} needs dates (datetime64), of which it takes year and month")
    if significance != "auto":
        raise ValueError(f"significance is {significance!r}; {test} has a p of its own, expected auto")
    found: dict[tuple[int, int], int] = {}
    for place, month in enumerate(values.astype("datetime64[M]").astype(np.int64).tolist()):
        key = (1970 + month // 12, 1 + month % 12)
        if key in found:
            raise ValueError(f"several values in {key[0]}-{key[1]:02d}; {test} takes one value of a month, e.g. a monthly composite")
        found[key] = place
    return found


def _seasonal_block(block: np.ndarray, place: dict[tuple[int, int], int], test: str) -> np.ndarray:
    """Return (..., statistic) of a block (..., time), whose values are laid out by year and month."""
    whole, months = (sorted({key[i] for key in place}) for i in (0, 1))
    series = np.full((len(whole), len(months), *block.shape[:-1]), np.nan, block.dtype)
    for (year, month), i in place.items():
        series[whole.index(year), months.index(month)] = block[..., i]
    return np.moveaxis(seasonal_statistics(series, np.array(whole, np.float64), test=test), 0, -1)


def seasonal_statistics(series: np.ndarray, times: np.ndarray, *, test: str) -> np.ndarray:
    """Return the nine statistics (9, ...) of seasonal values, in their float type.

    `slope` is the median of all slopes between years within a season, in units per year; `slope_low`, `slope_high` nominal
    90 % (Gilbert's ranks with the test's variance, Hirsch's for year-permutation); `intercept`: median over seasons of the
    line's value at the first time; `s`: sum of Kendall's S of the seasons; `tau`: s over the number of pairs compared; `z`:
    with continuity correction (year-permutation: with Hirsch's variance); `p`: two-sided; `n`: YEARS with at least one value.

    seasonal-kendall: normal p, variance of independent seasons (ties corrected). hirsch-slack: normal p, variance with the
    covariances of the seasons; NaN where that is 0. year-permutation: share of the orders of whole years with at least the
    observed s: all orders of up to 7 years with values, 9,999 drawn ones (fixed seed) above.

    Parameters
    ----------
    series : (years, seasons, ...) float32 or float64; NaN and infinite values are gaps
    times : (years,) strictly increasing, in years
    test : a seasonal test of `TESTS`

    Raises
    ------
    ValueError
        Another test, other shapes or times.

    Examples
    --------
    >>> import numpy as np
    >>> cover = np.array([[0.50, 0.30], [0.55, 0.32], [0.61, 0.31], [0.70, 0.37]])  # 4 years, 2 seasons
    >>> out = dict(zip(OUTPUTS, seasonal_statistics(cover, np.arange(2021.0, 2025), test="year-permutation").tolist()))
    >>> out["s"], round(out["slope"], 4), round(out["p"], 4), out["n"]
    (10.0, 0.0525, 0.1667, 4.0)
    """
    if test not in TESTS or not TESTS[test].seasonal:
        raise ValueError(f"test is {test!r}; expected one of {', '.join(t.name for t in TESTS.values() if t.seasonal)}")
    when = np.ascontiguousarray(times, np.float64)
    if series.ndim < 2 or when.shape != series.shape[:1] or not (np.isfinite(when).all() and (np.diff(when) > 0).all()):
        raise ValueError(f"series {series.shape}, times {when.shape}; expected (years, seasons, ...) and as many times, strictly increasing")
    shape = series.shape[2:]
    flat = np.ascontiguousarray(series, np.float64).reshape(*series.shape[:2], prod(shape))
    out = np.empty((len(OUTPUTS), flat.shape[2]))
    TESTS[test].kernel(flat, when, out)
    return out.astype(series.dtype, copy=False).reshape(len(OUTPUTS), *shape)


def statistics(series: np.ndarray, times: np.ndarray, *, test: str = "mann-kendall", significance: str = "auto") -> np.ndarray:
    """Return the nine statistics (9, ...) of plain arrays (time, ...); see `trend`. No seasonal tests: `seasonal_statistics`."""
    if TESTS[test].seasonal:
        raise ValueError(f"test is {test!r}; expected a test of one value a year: use seasonal_statistics")
    shape = series.shape[1:]
    flat = np.ascontiguousarray(series).reshape(series.shape[0], prod(shape))
    out = np.empty((len(OUTPUTS), flat.shape[1]), flat.dtype)
    limit = exact_limit(significance, len(times))
    TESTS[test].kernel(flat, np.ascontiguousarray(times, np.float64), *null_tables(len(times)), limit, out)
    return out.reshape(len(OUTPUTS), *shape)


def annual_statistics(
    ndvi: np.ndarray,
    times: np.ndarray,
    pair: Endmembers | None,
    *,
    test: str,
    significance: str,
    out: np.ndarray | None = None,
    minus: tuple[np.ndarray, np.ndarray] | None = None,
) -> np.ndarray:
    """Return the nine statistics (9, y, x), float32, of yearly NDVI (time, y, x), or of its cover before clamping.

    Cover is formed in float64. The work goes in strips of rows through arrays that are used again: they stay in the cache,
    and the system need not clear new memory. `out`: where the result goes; default a new array. `minus`: the number of each
    cell's reference (y, x), and the mean of every reference (references, time), that is subtracted; NaN where there is none.
    """
    n, height, width = ndvi.shape
    if out is None:
        out = np.empty((len(OUTPUTS), height, width), np.float32)
    tables, limit = null_tables(len(times)), exact_limit(significance, len(times))
    strip = max(1, STRIP_CELLS // max(width, 1))  # rows
    values, found = np.empty(n * strip * width), np.empty(len(OUTPUTS) * strip * width)
    for top in range(0, height, strip):
        part = ndvi[:, top : top + strip]
        rows = part.shape[1]
        series, result = values[: part.size].reshape(part.shape), found[: len(OUTPUTS) * rows * width]
        if pair is None:
            series[:] = part
        else:
            np.subtract(part, pair.soil, out=series, dtype=np.float64)
            np.divide(series, pair.vegetation - pair.soil, out=series)
        if minus is not None:
            series -= minus[1].T[:, minus[0][top : top + rows]]
        flat = result.reshape(len(OUTPUTS), rows * width)
        TESTS[test].kernel(series.reshape(n, rows * width), np.ascontiguousarray(times, np.float64), *tables, limit, flat)
        out[:, top : top + strip] = result.reshape(len(OUTPUTS), rows, width)
    return out


def monthly_statistics(
    ndvi: np.ndarray, times: np.ndarray, pair: Endmembers | None, *, test: str, minus: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """Return the nine statistics (9, y, x), float32, of monthly NDVI (years, months, y, x), or of its cover before clamping.

    `test`: a seasonal test; see `seasonal_statistics`. Cover is formed in float64, with one pair for all months. `minus`: the number of each
    cell's reference (y, x), and the mean of every reference (references, years, months), that is subtracted; NaN where there is none.
    """
    _, _, height, width = ndvi.shape
    out = np.empty((len(OUTPUTS), height, width), np.float32)
    strip = max(1, STRIP_CELLS // max(width, 1))  # rows
    for top in range(0, height, strip):
        series = ndvi[:, :, top : top + strip].astype(np.float64)
        if pair is not None:
            series = (series - pair.soil) / (pair.vegetation - pair.soil)
        if minus is not None:
            series -= np.moveaxis(minus[1][minus[0][top : top + strip]], (2, 3), (0, 1))
        out[:, top : top + strip] = seasonal_statistics(series, times, test=test)
    return out


def years(coordinate: Any) -> np.ndarray:
    """Return times as float64 years: numbers as they are, dates as year + share of that year gone.

    >>> import numpy as np
    >>> years(np.array(["2021-01-01", "2021-07-02T12:00"], "datetime64[ns]")).tolist()
    [2021.0, 2021.5]
    """
    values = np.asarray(coordinate)
    if np.issubdtype(values.dtype, np.datetime64):
        if np.isnat(values).any():
            raise ValueError("times hold NaT; expected a date for each value")
        start = values.astype("datetime64[Y]")
        length = (start + 1).astype("datetime64[ns]") - start.astype("datetime64[ns]")
        out = start.astype(np.int64) + 1970 + (values - start.astype("datetime64[ns]")) / length
    elif np.issubdtype(values.dtype, np.number) and not np.issubdtype(values.dtype, np.complexfloating) and values.dtype.kind != "m":
        out = values.astype(np.float64)
    else:
        raise ValueError(f"times are {values.dtype}; expected years as numbers, or datetime64")
    if not np.isfinite(out).all() or np.unique(out).size != out.size:
        raise ValueError("times repeat or are not finite; expected one value per time")
    return np.asarray(out, np.float64)
