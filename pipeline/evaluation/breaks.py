"""When did it change: Pettitt's test, one break between two lines, and the years of disturbance and recovery, of many series at once."""

from __future__ import annotations

from functools import cache
from math import comb, factorial
from typing import NamedTuple

import numpy as np

from pipeline.kernels.breaks import change_points, doubled_ranks, largest_u, residual_orders, two_lines
from pipeline.kernels.codes import OUTPUTS
from pipeline.kernels.null import ALL_ORDERS_MAX_N, all_orders, drawn_orders
from pipeline.trend import statistics

LEAST = 3  # values on each side of a break: the fewest that a line through them does not always meet
AT_BREAK, FROM_DISTURBANCE = 1, 2  # what `Phases.recovery_by` says; 0: none shown


class ChangePoint(NamedTuple):
    """Pettitt's change point of each series: see `pettitt`. All (cells,) float64."""

    n: np.ndarray
    u: np.ndarray
    last_before: np.ndarray
    first_after: np.ndarray
    places: np.ndarray
    p: np.ndarray
    p_approx: np.ndarray


class BreakFit(NamedTuple):
    """Two lines with a jump, of each series: see `break_fit`. All (cells,) float64."""

    n: np.ndarray
    slope: np.ndarray
    last_before: np.ndarray
    first_after: np.ndarray
    slope_before: np.ndarray
    slope_after: np.ndarray
    step: np.ndarray
    f: np.ndarray


class Phases(NamedTuple):
    """Years of disturbance and recovery of each series: see `disturbance_and_recovery`. All (cells,)."""

    disturbance: np.ndarray
    disturbance_step: np.ndarray
    disturbance_p: np.ndarray
    recovery: np.ndarray
    recovery_by: np.ndarray
    recovery_p: np.ndarray
    tested: np.ndarray


def fewest(level: float, *, least: int = LEAST, slopes: bool = True) -> int:
    """Return how many values a series needs at least for a break to be shown at `level`.

    2 `least`, or more where so few values have too few orders: without `slopes` the best division of n values into two levels is reached by
    2 of comb(n, n // 2) divisions, so that p cannot be below that share; with slopes by 2 of n! orders of evenly spaced values.

    >>> fewest(0.05), fewest(0.05, slopes=False), fewest(0.05, least=5, slopes=False)
    (6, 8, 10)
    """
    n = 2 * least
    while 2 / (factorial(n) if slopes else comb(n, n // 2)) > level:
        n += 1
    return n


def pettitt(series: np.ndarray, times: np.ndarray, *, seed: int = 0) -> ChangePoint:
    """Return the change point of Pettitt's test of each series, with its p.

    U_t is the sum over i <= t < j of sign(x_i - x_j): the Mann-Whitney statistic of the first t values against the others. K = max |U_t|.
    `u`: the U_t of that size, positive where values fall, negative where they rise; `last_before` and `first_after`: the times of the two
    values that the change lies between (years apart where there is a gap), NaN where all values are equal; `places`: how many t have that
    |U_t|, the first of which is given; `n`: valid values.

    `p`: share of the orders of the values with at least the observed K. Exact up to 7 values: all orders. Above: (1 + number) / 10,000
    of 9,999 drawn orders, the same for all series with the same number of values and the same ties. `p_approx`: 2 exp(-6 K^2 / (n^3 + n^2)),
    at most 1, Pettitt's approximation, which ignores ties and is good below .5 only.

    What p assumes: without a change, every order of the values is equally likely. A TREND is no such order: it is found as a change near the
    middle, so that a small p says that values differ, not that they jumped (`break_fit` compares with a line). Nor are autocorrelated years.

    Parameters
    ----------
    series : (times, cells) float; NaN and infinite values are gaps. Fewer than 3 values: all NaN but `n`
    times : (times,) strictly increasing, in years; need not be evenly spaced
    seed : of the drawn orders

    Raises
    ------
    ValueError
        Other shapes or times, or more than 255 times.

    References
    ----------
    Pettitt, A. N. (1979): A non-parametric approach to the change-point problem. Applied Statistics 28, 126-135.

    >>> import numpy as np
    >>> found = pettitt(np.array([[0.8], [0.7], [0.9], [0.2], [0.3], [0.1]]), np.arange(2003.0, 2009))
    >>> float(found.u[0]), found.last_before.tolist(), found.first_after.tolist(), found.p.tolist()
    (9.0, [2005.0], [2006.0], [0.1])
    """
    values, when = _checked(series, times)
    out = np.empty((6, values.shape[1]))
    change_points(values, when, out)
    n, u, before, after, places, pairs = out
    few = n < 3
    p = np.full(n.shape, np.nan)
    for count in np.unique(n[~few]).astype(int):
        orders = _orders(count, seed)
        cells = np.flatnonzero((n == count) & (pairs > 0))
        untied = np.flatnonzero((n == count) & (pairs == 0))
        p[untied] = _share(np.arange(1 - count, count, 2), orders, np.abs(u[untied]))
        ranks = np.empty((len(when), cells.size), np.int64)
        doubled_ranks(np.ascontiguousarray(values[:, cells]), ranks)
        hidden = np.where(np.isnan(values[:, cells]), np.iinfo(np.int64).max, ranks)
        patterns, which = np.unique(np.sort(hidden, axis=0)[:count].T, axis=0, return_inverse=True)
        for k, pattern in enumerate(patterns):
            some = cells[which == k]
            p[some] = _share(pattern, orders, np.abs(u[some]))
    for row in (u, before, after, places):
        row[few] = np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        approx = np.minimum(2 * np.exp(-6 * u**2 / (n**3 + n**2)), 1)
    return ChangePoint(n, u, before, after, places, p, approx)


def break_fit(series: np.ndarray, times: np.ndarray, *, least: int = LEAST, slopes: bool = True) -> BreakFit:
    """Return the two least-squares lines with a jump between them that fit each series best, beside one line.

    The break lies between two values with at least `least` values on each side, where the residual sum of squares of both lines (RSS2) is
    smallest; the first such place where several are. `slope`: one line; `last_before`, `first_after`: times of the two values next to the
    break; `slope_before`, `slope_after`: per unit of time; `step`: line after minus line before, both at `first_after`: what that year shows
    beside what the line before would have given; `f`: (RSS1 - RSS2) / RSS2 with RSS1 of one line, infinite where two lines fit exactly. F is
    larger than an F statistic of a known break, because the place is chosen: `break_p`, not a table, says what it means.

    The two lines need not meet: land is stripped or burnt within a year. A version that meets (a hinge) is not offered: it would spread a
    fall of one year over the years around it. The price: a bend without a jump is placed poorly.

    One break is one break. Of several changes it is the one that two lines tell best, and it need not be the fall: land that is green again a
    few years after it was stripped or burnt may show its rise, or a later change. Give the years up to then to ask for the fall alone.
    A step of 3 standard deviations of the noise in 20 years is placed within one year in about 4 of 5 series, one of 4 in 9 of 10; without
    `slopes` one of 3 in 19 of 20, where nothing but the level changes.

    Parameters
    ----------
    series : (times, cells) float; NaN and infinite values are gaps. Fewer than 2 `least` values: all NaN but `n` and `slope` (from 2 values).
        Values on one line: no break, `f` 0 and all but `n` and `slope` NaN
    times : (times,) strictly increasing, in years; need not be evenly spaced
    least : values on each side, at least 3
    slopes : False: the lines are level, means, and all slopes 0: the break is placed better where nothing but the level changes, and a
        trend is taken for a break

    Raises
    ------
    ValueError
        Other shapes or times, more than 255 times, or `least` below 3.

    References
    ----------
    Quandt, R. E. (1958): The estimation of the parameters of a linear regression system obeying two separate regimes. JASA 53, 873-880.

    >>> import numpy as np
    >>> found = break_fit(np.array([[0.8], [0.8], [0.8], [0.2], [0.3], [0.4]]), np.arange(2003.0, 2009))
    >>> [round(float(v[0]), 4) for v in (found.last_before, found.first_after, found.slope_before, found.slope_after, found.step)]
    [2005.0, 2006.0, 0.0, 0.1, -0.6]
    """
    values, when = _checked(series, times)
    _check_least(least)
    out = np.empty((len(BreakFit._fields), values.shape[1]))
    two_lines(values, when, least, slopes, out)
    return BreakFit(*out)


def break_p(series: np.ndarray, times: np.ndarray, *, least: int = LEAST, slopes: bool = True, seed: int = 0) -> np.ndarray:
    """Return p of `break_fit` against one line, (cells,): by orders of the residuals of that line. Some 1,000 series of 24 years a second.

    The residuals of the one-line fit change places; for each order the best two lines are sought again, anywhere, and p is the share of
    orders with at least the observed F: of all orders up to 7 values, (1 + number) / 10,000 of 9,999 drawn ones above. The line itself
    changes neither sum of squares, so that a trend without a break is no break.

    What p assumes: residuals of the true line are exchangeable (one spread in all years, no autocorrelation). Those of the FITTED line
    are so only nearly: p is not exact, also with all orders. Of 30,000 series of normal noise, p was at most .05 in .058 at 6 values and in
    .053 at 7; of 10,000 each of 8 to 24 values in .047 to .054. Without `slopes` the values themselves change places: p is exact if they
    are exchangeable.

    Parameters
    ----------
    series, times, least, slopes : as for `break_fit`. Fewer than 2 `least` values: NaN; values on one line: 1
    seed : of the drawn orders

    Raises
    ------
    ValueError
        Other shapes or times, more than 255 times, or `least` below 3.

    References
    ----------
    Freedman, D. and Lane, D. (1983): A nonstochastic interpretation of reported significance levels. J. Business Econ. Stat. 1, 292-298.

    >>> import numpy as np
    >>> stripped = np.array([0.81, 0.80, 0.81, 0.79, 0.80, 0.81, 0.20, 0.21, 0.20, 0.22, 0.21, 0.22])
    >>> break_p(stripped[:, None], np.arange(2001.0, 2013)) < 0.01
    array([ True])
    """
    values, when = _checked(series, times)
    _check_least(least)
    return _break_p(values, when, least, slopes, seed, 1.0)


def disturbance_and_recovery(series: np.ndarray, times: np.ndarray, *, level: float, least: int = LEAST, slopes: bool = True, seed: int = 0) -> Phases:
    """Return the years of disturbance and recovery of each series, as far as breaks show them at `level`.

    A break is shown where `break_p` is at most `level`. The definition, in order:

    1. Disturbance: the break of the whole series, where it is shown and its `step` is negative. Where it is shown and does not fall, the
       break of the values before it, on the same conditions. The year is the first with a value after the break.
    2. Recovery, of the values from the year of disturbance on: the break of these values, where it is shown and they gain more after it than
       before (line at the last value minus line at the break's last value before, above 0 and above the gain of the line before): a rise, or
       a slope that turns up; and the mean of their last `least` values is above that of the `least` values before the break, as a line through a
       fall ends below the land. Otherwise the year of disturbance itself, where these values rise (Mann-Kendall S > 0, p at most `level`).
    3. Without a disturbance: the break of the whole series, where it is shown and gains as in 2: the series may begin on disturbed land.

    Several disturbances are not told apart: the one that two lines tell best is given, and a short dip between them may be missed. The later
    steps test values that an earlier test has chosen; their p take no account of that.

    `disturbance`, `recovery`: year, NaN where none is shown; `disturbance_step`: fall at the break; `disturbance_p`, `recovery_p`: NaN where
    none is shown; `recovery_by`: AT_BREAK (1), FROM_DISTURBANCE (2), 0; `tested`: whether there were as many values as a break needs (`fewest`),
    without which nothing can be shown: years that are NaN there say nothing.

    Parameters
    ----------
    series, times, least, slopes, seed : as for `break_p`; without `slopes` gains are steps between levels
    level : between 0 and 1

    Raises
    ------
    ValueError
        Other shapes or times, more than 255 times, `least` below 3, or another level.

    >>> import numpy as np
    >>> burnt = np.array([0.81, 0.80, 0.81, 0.79, 0.80, 0.81, 0.20, 0.22, 0.24, 0.26, 0.29, 0.30, 0.33])
    >>> found = disturbance_and_recovery(burnt[:, None], np.arange(2001.0, 2014), level=0.05)
    >>> found.disturbance.tolist(), found.recovery.tolist(), found.recovery_by.tolist()
    ([2007.0], [2007.0], [2])
    """
    values, when = _checked(series, times)
    _check_least(least)
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a number between 0 and 1")
    cells = values.shape[1]
    year, step, p_fall = (np.full(cells, np.nan) for _ in range(3))
    start, p_start = (np.full(cells, np.nan) for _ in range(2))
    by = np.zeros(cells, np.uint8)
    whole, p = _shown(values, when, least, slopes, seed, level)
    shown = np.isfinite(p)

    def fall(places: np.ndarray, fit: BreakFit, p: np.ndarray) -> None:
        falls = np.isfinite(p) & (fit.step < 0)
        some = places[falls]
        year[some], step[some], p_fall[some] = fit.first_after[falls], fit.step[falls], p[falls]

    everywhere = np.arange(cells)
    fall(everywhere, whole, p)
    earlier = np.flatnonzero(shown & np.isnan(year))
    fall(earlier, *_shown(_between(values, when, earlier, -np.inf, whole.last_before[earlier]), when, least, slopes, seed, level))

    def rise(places: np.ndarray, part: np.ndarray, fit: BreakFit, p: np.ndarray) -> None:
        gains = np.isfinite(p) & _gains(part, when, fit, least)
        some = places[gains]
        start[some], p_start[some], by[some] = fit.first_after[gains], p[gains], AT_BREAK

    untouched = np.flatnonzero(np.isnan(year))
    rise(untouched, values[:, untouched], BreakFit(*(v[untouched] for v in whole)), p[untouched])
    disturbed = np.flatnonzero(np.isfinite(year))
    later = _between(values, when, disturbed, year[disturbed], np.inf)
    rise(disturbed, later, *_shown(later, when, least, slopes, seed, level))
    kendall = dict(zip(OUTPUTS, statistics(later, when), strict=True))
    rising = (kendall["s"] > 0) & (kendall["p"] <= level) & (by[disturbed] == 0)
    some = disturbed[rising]
    start[some], p_start[some], by[some] = year[some], kendall["p"][rising], FROM_DISTURBANCE
    return Phases(year, step, p_fall, start, by, p_start, whole.n >= fewest(level, least=least, slopes=slopes))


def _checked(series: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return values (gaps NaN) and times as contiguous float64."""
    values, when = np.asarray(series), np.ascontiguousarray(times, np.float64)
    if values.ndim != 2 or when.shape != values.shape[:1]:
        raise ValueError(f"series {values.shape}, times {when.shape}; expected (times, cells) and (times,)")
    if not (np.isfinite(when).all() and (np.diff(when) > 0).all()):
        raise ValueError("times are not finite and strictly increasing")
    if len(when) > np.iinfo(np.uint8).max:
        raise ValueError(f"{len(when)} times; expected at most 255")
    return np.ascontiguousarray(np.where(np.isfinite(values), values, np.nan), np.float64), when


def _check_least(least: int) -> None:
    if least < LEAST:
        raise ValueError(f"least is {least}; expected at least {LEAST} values on each side: a line through two leaves no residual")


@cache
def _orders(n: int, seed: int) -> np.ndarray:
    """Return the orders of n values, (n, orders): all, the first as observed, or drawn ones."""
    orders = all_orders(n) if n <= ALL_ORDERS_MAX_N else drawn_orders(n, seed)
    return np.ascontiguousarray(orders.T.astype(np.uint8))


def _share(ranks: np.ndarray, orders: np.ndarray, observed: np.ndarray) -> np.ndarray:
    """Return p of each observed K, from K of these doubled ranks in all or in drawn orders."""
    found = np.empty(orders.shape[1], np.int64)
    largest_u(np.ascontiguousarray(ranks, np.int64), orders, found)
    found.sort()
    drawn = int(len(ranks) > ALL_ORDERS_MAX_N)
    reached = len(found) - np.searchsorted(found, observed) + drawn
    return reached / (len(found) + drawn)


def _break_p(values: np.ndarray, when: np.ndarray, least: int, slopes: bool, seed: int, level: float) -> np.ndarray:
    """Return p of the break of each series; above `level` some number above it."""
    n = np.isfinite(values).sum(axis=0)
    p = np.full(n.shape, np.nan)
    for count in np.unique(n[n >= 2 * least]).tolist():
        cells = np.flatnonzero(n == count)
        found = np.empty(cells.size)
        part = np.ascontiguousarray(values[:, cells])
        residual_orders(part, when, least, slopes, _orders(count, seed), count > ALL_ORDERS_MAX_N, level, found)
        p[cells] = found
    return p


def _shown(values: np.ndarray, when: np.ndarray, least: int, slopes: bool, seed: int, level: float) -> tuple[BreakFit, np.ndarray]:
    """Return the fit, and p where it is at most `level`, else NaN."""
    fit = break_fit(values, when, least=least, slopes=slopes)
    p = _break_p(values, when, least, slopes, seed, level)
    return fit, np.where((p <= level) & np.isfinite(fit.step), p, np.nan)


def _between(values: np.ndarray, when: np.ndarray, cells: np.ndarray, first: np.ndarray | float, last: np.ndarray | float) -> np.ndarray:
    """Return the series of some cells, with gaps outside their own first and last time."""
    inside = (when[:, None] >= first) & (when[:, None] <= last)
    return np.where(inside, values[:, cells], np.nan)


def _gains(values: np.ndarray, when: np.ndarray, fit: BreakFit, least: int) -> np.ndarray:
    """Return whether the lines gain after the break, and more than before it, from the break's last value before to the last value; and the values too."""
    there = np.isfinite(values)
    first, last = when[there.argmax(axis=0)], when[len(when) - 1 - there[::-1].argmax(axis=0)]
    before = fit.slope_before * (fit.last_before - first)
    after = fit.step + fit.slope_before * (fit.first_after - fit.last_before) + fit.slope_after * (last - fit.first_after)
    higher = _mean_of_last(values, there, least) > _mean_of_last(values, there & (when[:, None] <= fit.last_before), least)
    return higher & (after > np.maximum(before, 0))


def _mean_of_last(values: np.ndarray, there: np.ndarray, count: int) -> np.ndarray:
    """Return the mean of the last `count` of the values that are there, of each series; NaN without any."""
    last = there & (np.cumsum(there[::-1], axis=0)[::-1] <= count)
    n = last.sum(axis=0)
    return np.divide(np.where(last, values, 0.0).sum(axis=0), n, out=np.full(n.shape, np.nan), where=n > 0)
