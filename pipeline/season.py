"""Which solar day an image was taken on, and which year's season that day belongs to."""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable
from datetime import date, datetime, timedelta

from pipeline.config import Season


def solar_day(when: datetime, longitude: float) -> date:
    """Return the day of local solar time, so that images of one overpass share a day.

    >>> from datetime import UTC
    >>> solar_day(datetime(2022, 12, 31, 23, 30, tzinfo=UTC), 150.0).isoformat()
    '2023-01-01'
    """
    return (when + timedelta(hours=longitude / 15)).date()


def season_year(day: date, season: Season, shift: int = 0) -> int | None:
    """Return the year of the season's start if the day lies in a season, else None; both ends belong to it.

    `shift` moves the season as a whole by so many days. It keeps its year, also where its start falls into another, so that
    the seasons of two years never share a day.

    >>> summer, winter = Season(start="07-01", end="08-31"), Season(start="11-15", end="02-28")
    >>> season_year(date(2021, 8, 31), summer), season_year(date(2021, 9, 1), summer), season_year(date(2022, 2, 1), winter)
    (2021, None, 2021)
    >>> season_year(date(2021, 6, 16), summer, -15), season_year(date(2021, 6, 15), summer, -15)
    (2021, None)
    >>> season_year(date(2020, 12, 21), Season(start="01-05", end="03-31"), -15)
    2021
    """
    day -= timedelta(days=shift)
    here = f"{day:%m-%d}"
    if season.start <= season.end:
        return day.year if season.start <= here <= season.end else None
    if here >= season.start:
        return day.year
    return day.year - 1 if here <= season.end else None


def season_years(first: date, last: date, season: Season, shift: int = 0) -> set[int]:
    """Return the years of the seasons, moved as a whole by `shift` days, that hold one of the days from `first` to `last`.

    >>> season_years(date(2021, 8, 20), date(2022, 7, 2), Season(start="07-01", end="08-31")) == {2021, 2022}
    True
    """
    days = (first + timedelta(days=i) for i in range((last - first).days + 1))
    return {year for day in days if (year := season_year(day, season, shift)) is not None}


def bounds(season: Season, year: int, shift: int = 0) -> tuple[int, int]:
    """Return the first and last day of a year's season, moved as a whole by `shift` days, counted as `day_of_year`.

    >>> bounds(Season(start="07-01", end="08-31"), 2021), bounds(Season(start="11-15", end="02-29"), 2022, -15)
    ((182, 243), (304, 409))
    """

    def counted(text: str, of: int, beyond: int) -> int:
        month, day = map(int, text.split("-"))
        there = min(day, monthrange(of, month)[1])  # a season from 29 February on starts on 1 March of other years
        return day_of_year(date(of, month, there) + timedelta(days=shift + beyond * (day - there)), year)

    return counted(season.start, year, 1), counted(season.end, year + int(season.end < season.start), 0)


def month_bounds(season: Season, year: int, month: int) -> tuple[int, int]:
    """Return the first and last day of a year's season that lie in a calendar month, counted as `day_of_year`; the last before the first where none does.

    A month after the turn of the year belongs to the season's year.

    >>> summer, winter = Season(start="07-10", end="08-31"), Season(start="11-15", end="02-28")
    >>> month_bounds(summer, 2021, 7), month_bounds(winter, 2021, 11), month_bounds(winter, 2021, 1)
    ((191, 212), (319, 334), (366, 396))
    """
    of = year + (month < int(season.start[:2]))
    first, last = bounds(season, year)
    start, end = date(of, month, 1), date(of, month, monthrange(of, month)[1])
    return max(first, day_of_year(start, year)), min(last, day_of_year(end, year))


def meeting(days: Iterable[tuple[date, date]], year: int, first: int, last: int) -> slice:
    """Return which of ascending spans of days (first, last) meet the days of year `first` to `last`, from the first to the last that does."""
    inside = [i for i, (start, end) in enumerate(days) if day_of_year(start, year) <= last and day_of_year(end, year) >= first]
    return slice(inside[0], inside[-1] + 1) if inside else slice(0, 0)


def day_of_year(day: date, year: int) -> int:
    """Return the day counted from 1 January of the season's year, 1-based; beyond 365 after the turn of the year.

    >>> day_of_year(date(2022, 1, 1), 2021)
    366
    """
    return (day - date(year, 1, 1)).days + 1


def season_days(season: Season) -> tuple[int, int]:
    """Return the first and last day of year of a season, counted as `day_of_year`, of leap and other years the wider.

    >>> season_days(Season(start="07-01", end="08-31")), season_days(Season(start="11-15", end="02-28"))
    ((182, 244), (319, 425))
    """

    def counted(text: str, later: int) -> list[int]:
        month, day = map(int, text.split("-"))
        return [day_of_year(date(y + later, month, min(day, monthrange(y + later, month)[1])), y) for y in (2022, 2023, 2024)]

    return min(counted(season.start, 0)), max(counted(season.end, int(season.end < season.start)))
