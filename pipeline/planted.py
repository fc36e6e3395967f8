"""What is planted in the synthetic mine: cover per zone and year, class shares, endmembers, the lake, the sky; plain Python.

Nothing here is shared with the code that is tested against it. Published values are those of Feng 2025 (Front. Environ.
Sci. 12:1538243), named in each zone's `published`; everything else is ours, see docs/synthetic-mine.md.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from itertools import combinations, permutations
from statistics import median

YEARS = (2020, 2021, 2022, 2023, 2024)
SOIL, VEGETATION = 0.05, 0.86
NO_CHANGE = 0.0005

INCREASE, SLIGHT_INCREASE, FLAT, DECREASE, SLIGHT_DECREASE = 6, 7, 5, 4, 3

# Deviation of a class's mean from the zone's mean of 2021-2024, per year; `no significant increase` takes the rest.
SHAPES: dict[int, tuple[float, float, float, float]] = {
    SLIGHT_INCREASE: (-0.090, -0.070, -0.050, -0.030),
    FLAT: (0.0300, 0.0302, 0.0298, 0.0301),
    DECREASE: (0.050, 0.025, 0.032, -0.027),
    SLIGHT_DECREASE: (0.040, 0.010, -0.015, -0.035),
}


@dataclass(frozen=True)
class PlantedZone:
    """Mean cover per year (2020..2024), class shares of 2021-2024, and how far pixels of one class lie apart.

    Means are those of the year's land, shares those of pixels that are land in 2021-2024. `lake`: water per year, as share of the zone.
    """

    means: tuple[float, ...]
    shares: dict[int, float]
    spread: float
    published: str
    lake: tuple[float, ...] | None = None


ZONES: dict[str, PlantedZone] = {
    "Pit No. 4": PlantedZone(
        (0.5321, 0.7745, 0.7240, 0.7430, 0.7610),
        {INCREASE: 0.7080, SLIGHT_INCREASE: 0.1392, DECREASE: 0.1067, SLIGHT_DECREASE: 0.0014, FLAT: 0.0447},
        0.035,
        "means 2020 and 2021; above 70 % after; all shares (they print as 100.01 %; no change takes 0.01 less)",
    ),
    "Pit No. 5": PlantedZone(
        (0.5437, 0.7275, 0.6840, 0.6980, 0.7069),
        {INCREASE: 0.6200, SLIGHT_INCREASE: 0.1457, DECREASE: 0.1628, SLIGHT_DECREASE: 0.0138, FLAT: 0.0577},
        0.035,
        "means 2020, 2021, 2024; 76.57 % increase, 17.66 % decrease (16.28 not significant), 5.77 % no change",
    ),
    "South dump of Pit No. 2": PlantedZone(
        (0.4620, 0.5080, 0.4760, 0.4880, 0.4990),
        {INCREASE: 0.60, SLIGHT_INCREASE: 0.08, DECREASE: 0.22, SLIGHT_DECREASE: 0.02, FLAT: 0.08},
        0.035,
        "about 50 %",
    ),
    "Background": PlantedZone(
        (0.7790, 0.8326, 0.7960, 0.8060, 0.8160),
        {INCREASE: 0.62, SLIGHT_INCREASE: 0.04, DECREASE: 0.26, SLIGHT_DECREASE: 0.02, FLAT: 0.06},
        0.020,
        "77-84 %; 83.26 % in 2021",
    ),
    "Pit No. 7": PlantedZone(
        (0.3000, 0.3300, 0.3100, 0.3250, 0.3450),
        {INCREASE: 0.56, SLIGHT_INCREASE: 0.10, DECREASE: 0.16, SLIGHT_DECREASE: 0.02, FLAT: 0.16},
        0.035,
        "nothing",
        lake=(0.10, 0.17, 0.25, 0.33, 0.40),
    ),
    "Bare spoil": PlantedZone((0.0, 0.0, 0.0, 0.0, 0.0), {FLAT: 1.0}, 0.0, "nothing"),
    "Closed meadow": PlantedZone((1.0, 1.0, 1.0, 1.0, 1.0), {FLAT: 1.0}, 0.0, "nothing"),
}
ELSEWHERE = 0.70  # cover outside all zones

WATER = (0.030, 0.012)  # red and NIR
COAL_CELLS = 440  # cells of 10 m beside the lake of Pit No. 7; part of its land and of its `no change`
COAL = (0.0300, 0.0350)  # red and NIR; times 0.96 to 1.04, both bands alike, so that NDVI is 1/13 on every date
COAL_COVER = (1 / 13 - SOIL) / (VEGETATION - SOIL)


@dataclass(frozen=True)
class PlantedSky:
    """What lies between the ground and the scenes; shares are of the day's observed cells of 20 m. All of it is ours."""

    first_day: dict[int, int]  # day of July of the first of twelve dates, five days apart
    peak_shift: dict[int, int]  # days from 31 July to the greenest day
    season_fall: float = 0.04  # loss of cover 31 days from the peak
    noise_sd: float = 0.0102  # reflectance; a little above 0.01 because values are cut at `least`
    least: float = 0.0005
    cloud: tuple[float, float] = (0.14, 0.36)  # range of the share of cloud and cirrus
    paired_cloud: tuple[float, float] = (0.14, 0.30)  # the same on paired dates
    missed: float = 0.02  # of the cloudy cells: SCL says 4 or 5
    false: float = 0.02  # of the clear bare cells: SCL says 8
    haze: float = 0.03  # of the clear land cells
    haze_adds: tuple[float, float] = (0.04, 0.08)
    pairs: tuple[tuple[int, int], ...] = ((0, 11), (2, 9), (4, 7))  # no cell is cloudy or in shadow on both dates
    two_tiles: tuple[int, int] = (3, 8)
    swath_edge: tuple[tuple[int, int], ...] = ((2020, 10), (2021, 1), (2023, 5), (2024, 6))  # a strip without data
    coal_in_shadow: int = 4  # dates of a year on which SCL calls the coal a shadow
    blind_year: int = 2022
    blind_patch: tuple[int, int, int] = (120, 280, 15)  # first row, first column, size in cells of 20 m: cloud on all dates of the year


SKY = PlantedSky({2020: 3, 2021: 2, 2022: 5, 2023: 4, 2024: 6}, {2020: -5, 2021: 3, 2022: 7, 2023: -7, 2024: 2})
SPLIT_DAY = (2022, 8)  # the west tile has baseline 05.10, the east tile 03.00


def dates(year: int) -> list[date]:
    """Return the twelve acquisition dates of a year.

    >>> dates(2020)[0].isoformat(), dates(2020)[-1].isoformat()
    ('2020-07-03', '2020-08-27')
    """
    return [date(year, 7, SKY.first_day[year]) + timedelta(days=5 * i) for i in range(12)]


def baseline(year: int, index: int, east: bool = False) -> str:
    """Return the processing baseline of a scene; from 04.00 on, 1000 is added to the digital numbers.

    >>> baseline(2021, 0), baseline(2022, 0), baseline(2022, 8), baseline(2022, 8, east=True), baseline(2023, 0)
    ('03.00', '04.00', '05.10', '03.00', '05.10')
    """
    if (year, index) == SPLIT_DAY:
        return "03.00" if east else "05.10"
    return "03.00" if year < 2022 else "04.00" if year == 2022 else "05.10"


def class_means(zone: PlantedZone) -> dict[int, tuple[float, ...]]:
    """Return the mean cover of 2021..2024 of each class of a zone, such that their weighted mean is the zone's."""
    if zone.spread == 0:
        return {FLAT: zone.means[1:]}
    level = sum(zone.means[1:]) / 4
    means = {code: tuple(level + d for d in SHAPES[code]) for code in zone.shares if code != INCREASE}
    rest = [(zone.means[1 + i] - sum(zone.shares[code] * means[code][i] for code in means)) / zone.shares[INCREASE] for i in range(4)]
    means[INCREASE] = tuple(rest)
    for code, series in means.items():
        if trend_class(series) != code:
            raise ValueError(f"planted series {series} has class {trend_class(series)}, wanted {code}")
    return means


def kendall_s(values: tuple[float, ...]) -> int:
    """Return Kendall's S by its definition.

    >>> kendall_s((1.0, 3.0, 2.0, 4.0))
    4
    """
    return sum((b > a) - (b < a) for a, b in combinations(values, 2))


def _exact_p(n: int) -> dict[int, float]:
    scores = [abs(kendall_s(order)) for order in permutations(range(n))]
    return {s: sum(other >= s for other in scores) / len(scores) for s in set(scores)}


P_BY_S = {n: _exact_p(n) for n in (4, 5)}


def trend_class(values: tuple[float, ...]) -> int:
    """Return the class code of a series without ties or gaps in scheme seven, by plain definitions.

    >>> trend_class((0.1, 0.2, 0.3, 0.4)), trend_class((0.1, 0.2, 0.3, 0.4, 0.5)), trend_class((0.5, 0.5001, 0.4999, 0.5))
    (7, 8, 5)
    """
    slope = median((values[j] - values[i]) / (j - i) for i, j in combinations(range(len(values)), 2))
    if abs(slope) < NO_CHANGE:
        return FLAT
    p = P_BY_S[len(values)].get(abs(kendall_s(values)), 1.0)  # with ties |S| may be odd: never near a limit here
    strength = 3 if p <= 0.05 else 2 if p <= 0.10 else 1
    return 5 + strength if slope > 0 else 5 - strength
