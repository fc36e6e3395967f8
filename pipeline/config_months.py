"""What a config says of months: which there are, and whether the trend test is of monthly values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pipeline.kernels.null import LARGEST, SEASONAL_TESTS

if TYPE_CHECKING:
    from pipeline.config import Config

LEAST_MONTHS = 2
YEARLY = "mann-kendall"  # the test of yearly values: of zone means in every run, of pixels by default


def touched(start: str, end: str) -> tuple[int, ...]:
    """Return every calendar month that a season ("MM-DD" to "MM-DD") touches, in its order; the first one twice where the season ends in it a year later.

    >>> touched("07-01", "08-31"), touched("11-15", "02-28"), touched("07-15", "07-10")[::12]
    ((7, 8), (11, 12, 1, 2), (7, 7))
    """
    first, last = int(start[:2]), int(end[:2])
    count = 13 if first == last and end < start else (last - first) % 12 + 1
    return tuple((first - 1 + i) % 12 + 1 for i in range(count))


def months_of(config: Config) -> tuple[int, ...]:
    """Return the months of which there are composites, in the order of the season; none with `composite.interval: year`."""
    return touched(config.season.start, config.season.end) if config.composite.interval == "month" else ()


def is_seasonal(config: Config) -> bool:
    """Return whether pixels are tested on monthly values."""
    return config.trend.test in SEASONAL_TESTS


def intervals_of(config: Config) -> tuple[Literal["year", "month"], ...]:
    """Return of which values a run makes tests: yearly ones always, monthly ones where pixels are tested on them."""
    return ("year", "month") if is_seasonal(config) else ("year",)


def no_sensitivity(config: Config, cells: int = 0) -> str | None:
    """Return why sensitivity.csv has no variants on a grid of this many cells, None where it has."""
    if is_seasonal(config) and config.sensitivity.run is not False:
        return f"trend.test: {config.trend.test} is of monthly values, and the variants are of yearly ones"
    return config.sensitivity.refused(cells)


def check_months(config: Config) -> None:
    """Refuse settings on months that do not go together, by a ValueError in the form of `pipeline.config_errors`."""
    season, trend, months = config.season, config.trend, months_of(config)
    if months:
        for name, source in config.sensors.items():
            if source.catalog is None:
                found = f"month with the prepared composites of sensors.{name}"
                raise ValueError(f"composite.interval: {found}; expected scenes (`catalog`) of every sensor; fix: say year, or make a config of its own for it")
        if len(set(months)) < len(months):
            found = f"{season.start} to {season.end} touches month {months[0]} twice"
            raise ValueError(f"season: {found}; expected each calendar month once with composite.interval month; fix: let the season end a month earlier")
    if trend.test not in SEASONAL_TESTS:
        return
    if not months:
        found = f"{trend.test} with composite.interval year"
        raise ValueError(f"trend.test: {found}; expected composite.interval month, as it compares monthly values; fix: set that, or use {YEARLY}")
    if len(months) < LEAST_MONTHS:
        found = f"{trend.test} with the one month of the season {season.start} to {season.end}"
        raise ValueError(f"trend.test: {found}; expected at least {LEAST_MONTHS} months; fix: use {YEARLY}, or a longer season")
    if trend.significance != "auto":
        raise ValueError(f"trend.significance: {trend.significance} with {trend.test}; expected auto, as the test has a p of its own; fix: remove it")
    if config.sensitivity.run is True:
        raise ValueError(f"sensitivity: true with {trend.test}; expected auto or false, as its variants are of yearly values; fix: remove it")
    most = max(len(months) * (b - a + 1) * (b - a) // 2 for a, b in config.periods)
    if trend.test == "year-permutation" and most > LARGEST:
        raise ValueError(f"trend.test: {trend.test} of {most} pairs of values; expected at most {LARGEST}; fix: use hirsch-slack, or a shorter period")
