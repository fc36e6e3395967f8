"""What is planted in the synthetic mine: zone means of cover per year, class shares, endmembers; plain Python.

Nothing here is shared with the code that is tested against it. Published values are those of Feng 2025 (Front. Environ.
Sci. 12:1538243); everything else is ours and marked so in `OURS` and in docs/synthetic-mine.md.
"""

from __future__ import annotations

from dataclasses import dataclass
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
    """Mean cover per year (2020..2024), class shares of 2021-2024, and how far pixels of one class lie apart."""

    means: tuple[float, float, float, float, float]
    shares: dict[int, float]
    spread: float
    published: str


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
    "Bare spoil": PlantedZone((0.0, 0.0, 0.0, 0.0, 0.0), {FLAT: 1.0}, 0.0, "nothing"),
    "Closed meadow": PlantedZone((1.0, 1.0, 1.0, 1.0, 1.0), {FLAT: 1.0}, 0.0, "nothing"),
}
ELSEWHERE = 0.70  # cover outside all zones


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
