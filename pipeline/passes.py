"""When Landsat and MODIS see the synthetic mine, and what is planted in their scenes; plain Python.

Nothing here is shared with the code that reads them. What is a product's own (bits, fills, grids, cycles) is named with its
source in docs/synthetic-mine.md; shares and amounts are ours.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

PATH, ROWS = 134, (33, 34)  # WRS-2
FIRST_PASS = {8: date(2015, 7, 18), 7: date(2015, 7, 10), 9: date(2022, 7, 13)}  # a pass of path 134; each mission again every 16 days
MISSIONS = {2020: (7, 8), 2021: (7, 8), 2022: (8, 9), 2023: (8, 9), 2024: (8, 9)}
SEASON = ((7, 1), (8, 31))
PERIOD_DAYS = 16  # of a MODIS composite
STARTS = {"MOD13Q1": (177, 193, 209, 225, 241), "MYD13Q1": (185, 201, 217, 233)}  # day of the year


@dataclass(frozen=True)
class PlantedLandsat:
    """What lies between the ground and the Landsat scenes; shares are of a scene's observed cells of 30 m.

    The second pass of each pair (0 and 1, 2 and 3, ...) is clear where the first is cloudy.
    """

    noise_sd: float = 0.004  # of reflectance, each band, cell and date apart
    cloud: tuple[float, float] = (0.10, 0.28)  # range of the share of cloud and cirrus
    overcast: tuple[tuple[int, int], ...] = ((2021, 6), (2023, 3))  # (year, pass): cloud everywhere
    snow: tuple[tuple[int, int], ...] = ((2020, 0), (2022, 7), (2024, 1))  # (year, pass) with snow on the ground
    snow_share: float = 0.02  # of the clear cells
    doubtful: float = 0.02  # of the clear cells: QA_PIXEL gives cloud a medium confidence and sets no bit
    saturated: float = 0.003  # of the clear cells: red or NIR is saturated and at the top of its range
    other_band: float = 0.01  # of the clear cells: the bit of a band that NDVI does not use; red and NIR are right
    two_rows: tuple[int, int] = (2, 5)  # passes of a year on which rows 33 and 34 share the mine; else row 34 alone
    gap_period: float = 33.0  # cells from one gap of the failed scan line corrector to the next
    gap_width: tuple[float, float] = (6.0, 8.5)  # cells, at the west and the east edge
    gap_slope: float = 0.2  # rows down per column to the east


@dataclass(frozen=True)
class PlantedModis:
    """What lies between the ground and the MODIS composites; shares are of the cells of a composite."""

    noise_sd: float = 0.002  # of reflectance
    cloudy: tuple[float, float] = (0.05, 0.25)  # range
    marginal: float = 0.12
    snow: float = 0.01
    fill: float = 0.015
    days_sd: float = 5.0  # of the day that a cell was taken from, around the middle of the period


LANDSAT = PlantedLandsat()
MODIS = PlantedModis()


@dataclass(frozen=True)
class Pass:
    """One pass of a Landsat mission."""

    mission: int
    day: date


@dataclass(frozen=True)
class Composite:
    """One MODIS composite: product and first and last day."""

    product: str
    first: date
    last: date


def landsat_passes(year: int) -> list[Pass]:
    """Return the passes over the mine within the season, in order of time; two missions, eight days apart.

    >>> [(p.mission, p.day.isoformat()) for p in landsat_passes(2022)][:3]
    [(8, '2022-07-05'), (9, '2022-07-13'), (8, '2022-07-21')]
    """
    found = []
    for mission in MISSIONS[year]:
        day, last = date(year, *SEASON[0]), date(year, *SEASON[1])
        day += timedelta(days=(FIRST_PASS[mission] - day).days % 16)
        while day <= last:
            found.append(Pass(mission, day))
            day += timedelta(days=16)
    return sorted(found, key=lambda p: p.day)


def modis_composites(year: int) -> list[Composite]:
    """Return the composites that overlap the season, in order of time; those of Aqua start eight days after those of Terra.

    >>> [c.first.isoformat() for c in modis_composites(2021)][:3], modis_composites(2020)[0].first.isoformat()
    (['2021-06-26', '2021-07-04', '2021-07-12'], '2020-06-25')
    """
    found = []
    for product, starts in STARTS.items():
        for start in starts:
            first = date(year, 1, 1) + timedelta(days=start - 1)
            found.append(Composite(product, first, first + timedelta(days=PERIOD_DAYS - 1)))
    return sorted(found, key=lambda c: c.first)
