"""Weather of growing seasons: precipitation, temperature, days above 0 degC, their anomalies and ranks. Pure functions of daily or monthly values.

A season with a missing day or month has no value, never a part taken for the whole. An anomaly is the value minus the mean of stated years; divided
by their sample standard deviation it is the standardised one.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import numpy as np

from pipeline.config import Season
from pipeline.season import bounds

PRECIPITATION, TEMPERATURE = "precipitation", "temperature"
LEAST_FOR_SD = 3  # years
LEAST_FOR_TREND = 8  # years valid in cover and climate; below, the residuals of a fit have too few values to test
FREEZING = 0.0  # degC
CLIMATE_COLUMNS = (
    "mine", "sensor", "zone", "role", "quantity", "quantity_unit", "year", "first_day", "last_day", "amount", "values_missing", "baseline_first",
    "baseline_last", "baseline_n", "baseline_mean", "baseline_sd", "anomaly", "anomaly_sd", "weather_rank", "ranked_years", "note",
)  # fmt: skip


@dataclass(frozen=True)
class Weather:
    """One variable as read: per zone the values by day, or by the first day of the month where `monthly`; gaps are not in it.

    `zones` has the one key "" where the series stands for all zones. `path`: where it comes from, for messages.
    """

    variable: str
    path: str
    monthly: bool
    zones: Mapping[str, Mapping[date, float]]

    def of(self, zone: str) -> Mapping[date, float]:
        """Return the values of a zone."""
        return self.zones[zone] if zone in self.zones else self.zones[""]


@dataclass(frozen=True)
class Quantity:
    """One quantity of a season: its unit, the variable it is made of, and how; `make` takes values and the days that each stands for."""

    name: str
    unit: str
    of: str
    make: Callable[[np.ndarray, np.ndarray], float]
    reference: str
    daily_only: bool = False


def _sum(values: np.ndarray, days: np.ndarray) -> float:
    return float(values.sum())


def _mean(values: np.ndarray, days: np.ndarray) -> float:
    return float(np.average(values, weights=days))


def _days_above(values: np.ndarray, days: np.ndarray) -> float:
    return float((values > FREEZING).sum())


def _degree_days(values: np.ndarray, days: np.ndarray) -> float:
    return float(np.maximum(values - FREEZING, 0).sum())


QUANTITIES: dict[str, Quantity] = {
    q.name: q
    for q in (
        Quantity(PRECIPITATION, "mm", PRECIPITATION, _sum, "sum of the season"),
        Quantity(TEMPERATURE, "degC", TEMPERATURE, _mean, "mean of the season; months count by their days"),
        Quantity("days_above_0", "days", TEMPERATURE, _days_above, "days of the season with a mean above 0 degC", daily_only=True),
        Quantity("degree_days", "degC days", TEMPERATURE, _degree_days, "sum of daily means above 0 degC, base 0 degC (McMaster and Wilhelm 1997)", True),
    )
}


@dataclass(frozen=True)
class SeasonValue:
    """A quantity of one season: None where days or months are `missing`; `first` and `last`: the days that it stands for, months in full."""

    value: float | None
    missing: int
    first: date
    last: date
    reason: str = ""


def season_dates(season: Season, year: int) -> tuple[date, date]:
    """Return the first and last day of a year's season.

    >>> [day.isoformat() for day in season_dates(Season(start="11-15", end="02-29"), 2022)]
    ['2022-11-15', '2023-02-28']
    """
    first, last = bounds(season, year)
    return date(year, 1, 1) + timedelta(days=first - 1), date(year, 1, 1) + timedelta(days=last - 1)


def season_value(quantity: Quantity, values: Mapping[date, float], monthly: bool, season: Season, year: int) -> SeasonValue:
    """Return a quantity of the season of a year; of monthly values that of all months that the season touches, in full (`first`, `last`).

    Parameters
    ----------
    values : by day, or by the first day of the month; what is not there is missing

    Examples
    --------
    >>> july = {date(2021, 7, day): 1.5 for day in range(1, 32)}
    >>> summer = Season(start="07-01", end="07-31")
    >>> season_value(QUANTITIES["precipitation"], july, False, summer, 2021).value
    46.5
    >>> found = season_value(QUANTITIES["precipitation"], {day: v for day, v in july.items() if day.day != 4}, False, summer, 2021)
    >>> found.value, found.missing, found.reason
    (None, 1, '1 of 31 days missing')
    """
    first, last = season_dates(season, year)
    if monthly:
        first, last = first.replace(day=1), last.replace(day=monthrange(last.year, last.month)[1])
    wanted = [first + timedelta(days=i) for i in range((last - first).days + 1)]
    if monthly:
        wanted = [day for day in wanted if day.day == 1]
    missing = sum(day not in values for day in wanted)
    unit = "months" if monthly else "days"
    if missing:
        return SeasonValue(None, missing, first, last, f"{missing} of {len(wanted)} {unit} missing")
    if monthly and quantity.daily_only:
        return SeasonValue(None, 0, first, last, "monthly values do not tell days")
    lengths = np.array([monthrange(day.year, day.month)[1] if monthly else 1 for day in wanted], np.float64)
    return SeasonValue(quantity.make(np.array([values[day] for day in wanted], np.float64), lengths), 0, first, last)


@dataclass(frozen=True)
class Baseline:
    """Mean and sample standard deviation of `n` years; None where they are not known (SD: below 3 years, or 0)."""

    n: int
    mean: float | None
    sd: float | None


def baseline(values: Sequence[float | None]) -> Baseline:
    """Return what anomalies are measured from; years without a value are left out.

    >>> baseline([100.0, None, 140.0, 120.0])
    Baseline(n=3, mean=120.0, sd=20.0)
    """
    known = np.array([v for v in values if v is not None], np.float64)
    sd = float(known.std(ddof=1)) if known.size >= LEAST_FOR_SD else 0.0
    small = 1e-9 * float(abs(known).max(initial=0.0))  # what arithmetic alone makes of equal values
    return Baseline(known.size, float(known.mean()) if known.size else None, sd if sd > small else None)


def ranks(values: Sequence[float | None]) -> list[float | None]:
    """Return the rank of each value, 1 the largest (wettest, warmest); ties share the mean of their ranks, years without value have none.

    >>> ranks([120.0, None, 150.0, 120.0])
    [2.5, None, 1.0, 2.5]
    """
    known = np.array([v for v in values if v is not None], np.float64)
    found = iter(mean_ranks(-known).tolist())
    return [None if v is None else next(found) for v in values]


def mean_ranks(values: np.ndarray) -> np.ndarray:
    """Return the ranks of a few values (n,), 1 the smallest; ties share the mean of their ranks. None may be NaN.

    >>> mean_ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    return (values < values[:, None]).sum(1) + ((values == values[:, None]).sum(1) + 1) / 2


def climate_rows(
    common: Mapping[str, Any], zone: str, weather: Sequence[Weather], season: Season, years: Sequence[int], base: tuple[int, int] | None
) -> list[dict[str, Any]]:
    """Return the rows of one zone for climate_by_zone.csv: each quantity, each year, with anomaly and rank.

    `base`: first and last year of the baseline; None: the years of the run. Ranks are among the years of the run that have a value.
    """
    rows = []
    first, last = base or (years[0], years[-1])
    for quantity in QUANTITIES.values():
        for source in (w for w in weather if w.variable == quantity.of):
            values, monthly = source.of(zone), source.monthly
            found = {y: season_value(quantity, values, monthly, season, y) for y in {*years, *range(first, last + 1)}}
            against = baseline([found[y].value for y in range(first, last + 1)])
            own = [found[y] for y in years]
            known = [v.value for v in own]
            for year, one, rank in zip(years, own, ranks(known), strict=True):
                anomaly = None if one.value is None or against.mean is None else one.value - against.mean
                rows.append(
                    {**common, "zone": zone, "quantity": quantity.name, "quantity_unit": quantity.unit, "year": year}
                    | {"first_day": one.first.isoformat(), "last_day": one.last.isoformat(), "amount": one.value, "values_missing": one.missing}
                    | {"baseline_first": first, "baseline_last": last, "baseline_n": against.n, "baseline_mean": against.mean, "baseline_sd": against.sd}
                    | {"anomaly": anomaly, "anomaly_sd": None if anomaly is None or against.sd is None else anomaly / against.sd}
                    | {"weather_rank": rank, "ranked_years": sum(v is not None for v in known), "note": one.reason}
                )
    return rows


def by_year(rows: Sequence[Mapping[str, Any]], quantity: str, column: str = "amount") -> dict[int, float | None]:
    """Return a column of one zone's rows of climate_by_zone.csv by year, of one quantity; numbers or their text, None where empty.

    >>> by_year([{"quantity": "precipitation", "year": "2021", "amount": "210.5"}], "precipitation")
    {2021: 210.5}
    """
    return {int(r["year"]): None if r[column] in (None, "") else float(r[column]) for r in rows if r["quantity"] == quantity}
