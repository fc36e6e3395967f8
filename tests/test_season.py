"""Solar days and seasons, against calendars written out day by day."""

from datetime import UTC, date, datetime, timedelta, timezone

import pytest

from pipeline.config import Season
from pipeline.season import day_of_year, season_days, season_year, solar_day


def days(first, last):
    """Return every day from first to last."""
    return [first + timedelta(n) for n in range((last - first).days + 1)]


@pytest.mark.parametrize(
    ("hour", "minute", "longitude", "day"),
    [
        (4, 7, 99.5, 15),  # 10:45 in the Qilian mountains
        (23, 30, 0.0, 15),
        (23, 30, 150.0, 16),  # 09:30 in eastern Australia
        (18, 0, -105.0, 15),  # 11:00 in the Rocky Mountains
        (0, 30, -120.0, 14),  # 16:30 of the day before
        (12, 0, 180.0, 16),
        (12, 0, -180.0, 15),
        (11, 59, -180.0, 14),
    ],
)
def test_the_solar_day_is_that_of_the_place(hour, minute, longitude, day):
    assert solar_day(datetime(2022, 7, 15, hour, minute, tzinfo=UTC), longitude) == date(2022, 7, day)


def test_images_of_one_overpass_share_a_day_where_the_utc_day_changes_between_them():
    first = datetime(2022, 7, 14, 23, 59, 50, tzinfo=UTC)
    assert {solar_day(first + timedelta(seconds=s), 150.0) for s in (0, 14, 28)} == {date(2022, 7, 15)}


def test_the_turn_of_the_year_and_leap_days():
    assert solar_day(datetime(2019, 12, 31, 23, 0, tzinfo=UTC), 90.0) == date(2020, 1, 1)
    assert solar_day(datetime(2020, 3, 1, 1, 0, tzinfo=UTC), -90.0) == date(2020, 2, 29)
    assert solar_day(datetime(2021, 3, 1, 1, 0, tzinfo=UTC), -90.0) == date(2021, 2, 28)


@pytest.mark.parametrize(
    ("start", "end", "last_year_later"),
    [("07-01", "08-31", 0), ("07-01", "07-01", 0), ("01-01", "12-31", 0), ("02-29", "03-05", 0), ("11-15", "02-28", 1), ("12-31", "01-01", 1)],
)
def test_a_season_has_exactly_its_days_and_its_year_is_that_of_its_start(start, end, last_year_later):
    season = Season(start=start, end=end)
    expected = {}
    for year in range(2018, 2025):
        month, day = map(int, start.split("-"))
        first = date(year, month, day) if (month, day) != (2, 29) or year % 4 == 0 else date(year, 3, 1)
        month, day = map(int, end.split("-"))
        expected |= dict.fromkeys(days(first, date(year + last_year_later, month, day)), year)
    for day in days(date(2019, 1, 1), date(2023, 12, 31)):
        assert season_year(day, season) == expected.get(day), day


def test_a_season_that_ends_on_a_leap_day_ends_on_28_february_in_other_years():
    season = Season(start="12-01", end="02-29")
    assert [season_year(d, season) for d in (date(2020, 2, 29), date(2020, 3, 1), date(2021, 2, 28), date(2021, 3, 1))] == [2019, None, 2020, None]


@pytest.mark.parametrize(
    ("day", "year", "number"),
    [
        (date(2021, 1, 1), 2021, 1),
        (date(2021, 7, 4), 2021, 185),  # 31 + 28 + 31 + 30 + 31 + 30 + 4
        (date(2020, 7, 4), 2020, 186),
        (date(2020, 12, 31), 2020, 366),
        (date(2022, 1, 1), 2021, 366),
        (date(2021, 1, 1), 2020, 367),
        (date(2022, 2, 28), 2021, 424),  # 365 + 31 + 28
    ],
)
def test_the_day_of_the_year_counts_on_over_the_turn_of_the_year(day, year, number):
    assert day_of_year(day, year) == number


def test_days_of_one_season_ascend_without_a_gap():
    numbers = [day_of_year(d, 2020) for d in days(date(2020, 11, 15), date(2021, 2, 28))]
    assert numbers == list(range(320, 320 + 106))  # 16 + 31 + 31 + 28 days from day 320


def test_another_time_zone_of_the_same_moment_is_the_same_solar_day():
    utc = datetime(2022, 7, 14, 22, 0, tzinfo=UTC)
    beijing = utc.astimezone(timezone(timedelta(hours=8)))
    assert beijing.date() != utc.date()
    assert solar_day(utc, 100.0) == date(2022, 7, 15)
    assert solar_day(utc, 10.0) == date(2022, 7, 14)


@pytest.mark.parametrize(
    ("start", "end"),
    [("07-01", "08-31"), ("01-01", "12-31"), ("11-15", "02-28"), ("12-01", "02-29"), ("02-01", "02-29"), ("08-01", "07-31"), ("05-05", "05-05")],
)
def test_the_days_of_a_season_are_the_least_and_the_greatest_of_any_year(start, end):
    season = Season(start=start, end=end)
    counted = [day_of_year(d, year) for d in days(date(2019, 1, 1), date(2030, 12, 31)) if (year := season_year(d, season)) is not None and 2020 <= year < 2029]
    assert season_days(season) == (min(counted), max(counted))
