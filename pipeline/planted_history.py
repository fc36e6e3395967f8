"""What is planted in the history 2002-2022 of the synthetic mine; plain Python.

A mine of its own at the same place: same zones, other ground than in 2020-2024. Nothing is shared with the code that is
tested against it. All of it is ours, see docs/synthetic-mine.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from pipeline.passes import FIRST_PASS, SEASON, Pass

YEARS = tuple(range(2002, 2023))
PEAK = 2019


@dataclass(frozen=True)
class Unit:
    """Ground that is dug or heaped up in and around one zone.

    `share` is how many cells it has in the peak year, of those in the zone; `opening` of them are dug in the year `opened`, the rest in equal
    parts until the peak year. All is `restored` at once. `lake`: the year in which water appears, and its share of the unit then and in 2022.
    """

    opened: int
    share: float = 0.85
    opening: float = 0.6
    restored: int | None = None
    lake: tuple[int, float, float] | None = None

    def dug(self, year: int) -> float:
        """Return the share of the unit's cells that are dug by a year.

        >>> [round(Unit(2006).dug(year), 2) for year in (2005, 2006, 2012, 2019, 2022)]
        [0.0, 0.6, 0.78, 1.0, 1.0]
        """
        if year < self.opened:
            return 0.0
        return self.opening + (1 - self.opening) * (min(year, PEAK) - self.opened) / (PEAK - self.opened)

    def flooded(self, year: int) -> float:
        """Return the share of the unit's cells that are water in a year.

        >>> [round(Unit(2013, lake=(2016, 0.05, 0.35)).flooded(year), 2) for year in (2015, 2016, 2019, 2022)]
        [0.0, 0.05, 0.2, 0.35]
        """
        if self.lake is None or year < self.lake[0]:
            return 0.0
        first, start, end = self.lake
        return start + (end - start) * (year - first) / (YEARS[-1] - first)


UNITS: dict[str, Unit] = {
    "South dump of Pit No. 2": Unit(2003, restored=2022),
    "Pit No. 4": Unit(2006, restored=2020),
    "Pit No. 5": Unit(2009, restored=2021),
    "Bare spoil": Unit(2011),
    "Pit No. 7": Unit(2013, lake=(2016, 0.05, 0.35)),
}
STEADY, STEADY_COVER = "Closed meadow", 0.95  # in every year, whatever the weather
REFERENCE = "Background"  # meadow of high cover alone

HIGH, MEDIUM, LOW = 0.80, 0.45, 0.20  # cover of undisturbed meadow in a normal year
SPREAD = {HIGH: 0.05, MEDIUM: 0.03, LOW: 0.03}  # the largest deviation of a cell
RETURN = (0.20, 0.42, 0.50)  # cover of restored ground in its first, second and third season, in a normal year
RETURN_SPREAD = 0.03
BARE, BARE_SPREAD = 0.03, 0.01
BOUNDS = (0.10, 0.30, 0.60)  # mining below the first inside the mine's boundary; low, medium and high cover from there on: no cell is near one
THIN = (0.06, 0.12)  # of a unit's cells: low and medium cover before it is opened, where digging starts
PATCHES = (0.03, 0.08)  # of the ground far from the mine: low and medium cover
HALO_M, HALO_FACTOR = 125.0, 0.6  # meadow whose centre lies that near to that of a dug cell has that share of its cover
APART_M = 300.0  # least distance of patches from ground that is ever dug
OUTSIDE_COST = 12.0  # digging goes that much slower outside of the zone

# Bare ground that never touches the mine: a river bed south of it, and gravel at two places (UTM 47N, radius in metres)
RIVER_SOUTH_M, RIVER_SWING_M, RIVER_WAVE_M, RIVER_HALF_M = 330.0, 60.0, 2500.0, 45.0
GRAVEL: tuple[tuple[float, float, float], ...] = ((541700.0, 4209690.0, 80.0), (538600.0, 4211600.0, 110.0))


@dataclass(frozen=True)
class PlantedSky:
    """What lies between the ground and the scenes. On no two dates of a year is one cell hidden."""

    cloud: tuple[float, float] = (0.10, 0.28)  # range of the share of cloud and cirrus before that rule
    dates: int = 4  # most of a year


SKY = PlantedSky()


def mission(year: int) -> int:
    """Return the Landsat mission of a year: 5, in 2012 7 with its gaps, then 8."""
    return 5 if year <= 2011 else 7 if year == 2012 else 8


def passes(year: int) -> list[Pass]:
    """Return the passes of a year within the season; Landsat 5 and 8 on the same days of the 16-day cycle.

    >>> [(p.mission, p.day.isoformat()) for p in passes(2012)]
    [(7, '2012-07-01'), (7, '2012-07-17'), (7, '2012-08-02'), (7, '2012-08-18')]
    """
    number = mission(year)
    day, last = date(year, *SEASON[0]), date(year, *SEASON[1])
    day += timedelta(days=(FIRST_PASS[7 if number == 7 else 8] - day).days % 16)
    found: list[Pass] = []
    while day <= last and len(found) < SKY.dates:
        found.append(Pass(number, day))
        day += timedelta(days=16)
    return found
