"""What is planted around the synthetic mine: its weather and its relief; plain Python.

Synthetic, of the kind of the Qinghai plateau: no station's record and no surveyed height. All of it is ours, see
docs/synthetic-mine.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

FIRST_DAY, LAST_DAY = date(2002, 1, 1), date(2024, 12, 31)

# Share of the normal precipitation that each month of May to September gets in a year. The values of 2020..2024 are those by
# which the planted cover of the undisturbed background, 0.806 + WEATHER x (wetness - 1), is the published one of 2021 and ours of the others.
WETNESS: dict[int, float] = dict(
    zip(
        range(FIRST_DAY.year, LAST_DAY.year + 1),
        (0.93, 1.08, 0.98, 1.12, 0.88, 1.05, 1.0, 1.1, 0.92, 1.03, 1.09, 0.85, 1.04, 0.83, 0.97, 1.06, 1.15, 1.01, 0.807, 1.19, 0.929, 1.0, 1.071),
        strict=True,
    )
)
WEATHER = 0.14  # cover that a wetness of 1 above normal adds


@dataclass(frozen=True)
class PlantedWeather:
    """Normals of the daily series. Months are January to December."""

    normal_mm: tuple[float, ...] = (2.0, 4.0, 10.0, 20.0, 50.0, 80.0, 110.0, 100.0, 70.0, 22.0, 5.0, 2.0)
    wet_days: tuple[float, ...] = (0.06, 0.1, 0.18, 0.28, 0.42, 0.55, 0.6, 0.55, 0.5, 0.25, 0.1, 0.06)  # share of days with precipitation
    driven: tuple[int, ...] = (5, 6, 7, 8, 9)  # months that follow WETNESS; the others are drawn
    other_sd: float = 0.3  # standard deviation of the logarithm of the other months' shares of their normal
    mean_c: float = -3.5
    swing_c: float = 12.5  # half the difference of the warmest day to the coldest
    warmest: int = 202  # day of the year
    year_sd: float = 0.5  # of a year's mean temperature
    day_sd: float = 2.5
    memory: float = 0.7  # correlation of a day's temperature with the day before


@dataclass(frozen=True)
class Bench:
    """Profile of a pit or dump from its rim inwards: (width m, degrees) per step; `sign` is -1 for a pit, +1 for a dump. Inside the last step lies a flat."""

    sign: int
    steps: tuple[tuple[float, float], ...]


WEATHER_NORMALS = PlantedWeather()
PIT = Bench(-1, ((30, 0), (120, 34), (120, 1.5), (120, 14)))
DUMP = Bench(+1, ((120, 30), (120, 1.5), (120, 12)))
RELIEF: dict[str, Bench] = {"Pit No. 4": PIT, "Pit No. 5": PIT, "Pit No. 7": PIT, "South dump of Pit No. 2": DUMP, "Bare spoil": DUMP}
FOOT_M = 3850.0  # height of the valley at the south-west corner
FALL_DEGREES = (1.6, 0.6)  # the valley rises to the north and to the east
HILLS_M, HILLS_CELLS = 12.0, 14  # standard deviation of the hills, and how many cells smooth them
PLATFORM_BELOW, STEEP_FROM = 5.0, 25.0  # degrees
SUNNY = (90.0, 270.0)  # direction in which the ground falls, clockwise from north, the first included: the southern half


def days() -> list[date]:
    """Return every day of the series.

    >>> len(days()), days()[-1].isoformat()
    (8401, '2024-12-31')
    """
    return [FIRST_DAY + timedelta(days=i) for i in range((LAST_DAY - FIRST_DAY).days + 1)]


def shift(year: int) -> float:
    """Return what the year's weather adds to the cover of meadow and restored ground.

    >>> round(shift(2021), 4), round(0.806 + shift(2021), 4)
    (0.0266, 0.8326)
    """
    return WEATHER * (WETNESS[year] - 1)
