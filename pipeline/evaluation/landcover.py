"""Area of land-cover classes by year, what became what between two years, and the change from the first year.

All areas of one zone have the same grain (`pipeline.evaluation.groundarea`): classes sum to the zone, and rows and columns of a transition table to the
classes of its two years, bit by bit. Cells without a code are the class `no data` and are never dropped.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.evaluation.groundarea import ground_areas
from pipeline.evaluation.landclasses import NO_DATA, NO_DATA_NAME, check_names


def class_codes(names: Mapping[int, str]) -> tuple[int, ...]:
    """Return the codes of a table in order: those with a name, then `NO_DATA`.

    >>> class_codes({4: "grassland", 1: "cropland"})
    (4, 1, -1)
    """
    check_names(names)
    return (*names, NO_DATA)


def _places(codes: np.ndarray, known: tuple[int, ...], shape: tuple[int, ...]) -> np.ndarray:
    values = np.asarray(codes)
    if values.shape != shape:
        raise ValueError(f"codes of shape {values.shape}; expected {shape}, that of the ground areas; fix: cut both to the zone's window")
    if values.dtype.kind not in "iu":
        raise ValueError(f"codes are {values.dtype}; expected whole numbers of read_codes or rule_codes")
    order = np.argsort(known)
    places = order[np.searchsorted(known, values, sorter=order).clip(max=len(known) - 1)]
    if (strange := np.unique(values[np.asarray(known)[places] != values])).size:
        raise ValueError(f"code {strange[0]} has no name; expected one of {', '.join(map(str, known))}; fix: read the map by read_codes")
    return places


def class_areas(codes: np.ndarray, area_m2: np.ndarray, names: Mapping[int, str]) -> dict[int, float]:
    """Return the ground area in m2 of each class of a zone in one year: zeros included, `NO_DATA` last.

    Parameters
    ----------
    codes : (y, x) int
        Of `read_codes` or `rule_codes`: the zone's window, `NO_DATA` where the map has no code.
    area_m2 : (y, x) float
        `ZoneCoverage.area_m2`: what the zone covers of each cell; 0 outside.
    names : {code: name}

    Raises
    ------
    ValueError
        If shapes differ, a code has no name, or the areas are none (`ground_areas`).

    Examples
    --------
    >>> class_areas(np.array([[1, 1, -1]]), np.array([[100.0, 40.0, 0.5]]), {1: "mining", 2: "water"})
    {1: 140.0, 2: 0.0, -1: 0.5}
    """
    area, known = ground_areas(area_m2), class_codes(names)
    sums = np.bincount(_places(codes, known, area.shape).ravel(), weights=area.ravel(), minlength=len(known))
    return {code: float(total) for code, total in zip(known, sums, strict=True)}


@dataclass(frozen=True)
class Transitions:
    """What became what in a zone between two years: `area_m2[i, j]` was class `codes[i]` in `first_year` and is `codes[j]` in `last_year`."""

    first_year: int
    last_year: int
    codes: tuple[int, ...]
    area_m2: np.ndarray

    def of(self, before: int, after: int) -> float:
        """Return the area in m2 that was one class and became another."""
        return float(self.area_m2[self.codes.index(before), self.codes.index(after)])

    @property
    def before(self) -> dict[int, float]:
        """Return the area in m2 of each class in the first year."""
        return dict(zip(self.codes, self.area_m2.sum(axis=1).tolist(), strict=True))

    @property
    def after(self) -> dict[int, float]:
        """Return the area in m2 of each class in the last year."""
        return dict(zip(self.codes, self.area_m2.sum(axis=0).tolist(), strict=True))

    def rows(self, names: Mapping[int, str]) -> list[dict[str, Any]]:
        """Return one row per pair of classes that has area: years, codes, names, km2, ha, per cent of the class it came from and of the zone."""
        whole, before = float(self.area_m2.sum()), self.before
        title = {**names, NO_DATA: NO_DATA_NAME}
        return [
            {
                "first_year": self.first_year,
                "last_year": self.last_year,
                "from_code": a,
                "from_class": title[a],
                "to_code": b,
                "to_class": title[b],
                "area_km2": self.of(a, b) / 1e6,
                "area_ha": self.of(a, b) / 1e4,
                "share_from_pct": 100 * self.of(a, b) / before[a],
                "share_pct": 100 * self.of(a, b) / whole,
            }
            for a in self.codes
            for b in self.codes
            if self.of(a, b) > 0
        ]


def transitions(first: tuple[int, np.ndarray], last: tuple[int, np.ndarray], area_m2: np.ndarray, names: Mapping[int, str]) -> Transitions:
    """Return the transition table between two years; each is `(year, codes)`. Parameters and errors as `class_areas`; the years must differ.

    The years may be given in any order of time. The table conserves area: its row sums are `class_areas` of the first year and its column sums those of the
    last, exactly.

    >>> before, after = np.array([[1, 1, 2]]), np.array([[1, 2, -1]])
    >>> found = transitions((2002, before), (2019, after), np.full((1, 3), 100.0), {1: "grassland", 2: "mining"})
    >>> found.area_m2.tolist(), found.of(1, 2)
    ([[100.0, 100.0, 0.0], [0.0, 0.0, 100.0], [0.0, 0.0, 0.0]], 100.0)
    """
    if first[0] == last[0]:
        raise ValueError(f"both years are {first[0]}; expected two different years")
    area, known = ground_areas(area_m2), class_codes(names)
    pairs = _places(first[1], known, area.shape) * len(known) + _places(last[1], known, area.shape)
    sums = np.bincount(pairs.ravel(), weights=area.ravel(), minlength=len(known) ** 2)
    return Transitions(first[0], last[0], known, sums.reshape(len(known), len(known)))


def landcover_rows(areas: Mapping[int, Mapping[int, float]], names: Mapping[int, str]) -> list[dict[str, Any]]:
    """Return one row per year and class: km2, ha, per cent of the zone, and of the zone's ground with a code (None for `no data`, or where none has).

    `areas` is {year: class_areas(...)} of one zone.

    >>> landcover_rows({2002: {1: 3e6, -1: 1e6}}, {1: "mining"})[0]
    {'year': 2002, 'code': 1, 'class': 'mining', 'area_km2': 3.0, 'area_ha': 300.0, 'share_pct': 75.0, 'share_valid_pct': 100.0}
    """
    rows = []
    for year, found in sorted(areas.items()):
        whole = sum(found.values())
        valid = whole - found[NO_DATA]
        for code, area in found.items():
            name, coded = (NO_DATA_NAME, False) if code == NO_DATA else (names[code], valid > 0)
            shares = {"share_pct": 100 * area / whole, "share_valid_pct": 100 * area / valid if coded else None}
            rows.append({"year": year, "code": code, "class": name, "area_km2": area / 1e6, "area_ha": area / 1e4, **shares})
    return rows


@dataclass(frozen=True)
class History:
    """One class of a zone over the years, m2.

    `change_m2` is the difference to the first year; it lies between `change_low_m2` and `change_high_m2` whatever the cells without a code are, of
    either year. `peak_year` is the first year of the largest area, None where the class never occurs; `peak_certain` says whether it stays the peak whatever
    these cells are in the other years, and no other year ties with it.
    """

    code: int
    years: tuple[int, ...]
    area_m2: tuple[float, ...]
    change_m2: tuple[float, ...]
    change_low_m2: tuple[float, ...]
    change_high_m2: tuple[float, ...]
    peak_year: int | None
    peak_certain: bool


def baseline(areas: Mapping[int, Mapping[int, float]]) -> dict[int, History]:
    """Return the history of each class, `NO_DATA` left out: change from the first year and the year of the peak.

    Parameters
    ----------
    areas : {year: {code: m2}}
        `class_areas` of one zone by year; the same classes every year.

    Raises
    ------
    ValueError
        If there is no year, if classes differ between years, or if the zone's area does.

    Examples
    --------
    >>> found = baseline({2002: {1: 10.0, 2: 90.0, -1: 0.0}, 2019: {1: 30.0, 2: 70.0, -1: 0.0}, 2022: {1: 20.0, 2: 80.0, -1: 0.0}})[1]
    >>> found.change_m2, found.peak_year, found.peak_certain
    ((0.0, 20.0, 10.0), 2019, True)
    """
    if not areas:
        raise ValueError("no years of land cover; expected at least one")
    years = tuple(sorted(areas))
    first = areas[years[0]]
    whole = sum(first.values())
    for year in years:
        if set(areas[year]) != set(first) or NO_DATA not in first:
            raise ValueError(f"classes of {year} are not those of {years[0]}; expected the same every year, no data included")
        if abs(sum(areas[year].values()) - whole) > 1e-9 * whole:
            found = f"areas of {year} sum to {sum(areas[year].values()):.6g} m2, those of {years[0]} to {whole:.6g}"
            raise ValueError(f"{found}; expected the same zone every year")
    missing = [areas[year][NO_DATA] for year in years]
    return {code: _history(code, years, [areas[year][code] for year in years], missing) for code in first if code != NO_DATA}


def _history(code: int, years: tuple[int, ...], area: list[float], missing: list[float]) -> History:
    peak = int(np.argmax(area))
    rivals = [a + m for i, (a, m) in enumerate(zip(area, missing, strict=True)) if i != peak]
    ever = area[peak] > 0
    return History(
        code,
        years,
        tuple(area),
        tuple(a - area[0] for a in area),
        tuple(a - area[0] - missing[0] if i else 0.0 for i, a in enumerate(area)),
        tuple(a + m - area[0] if i else 0.0 for i, (a, m) in enumerate(zip(area, missing, strict=True))),
        years[peak] if ever else None,
        ever and all(area[peak] > rival for rival in rivals),
    )


def default_pairs(history: History) -> list[tuple[int, int]]:
    """Return the pairs of years to compare for a class: first to peak and peak to last; first to last where it has no peak or that is an end.

    Empty for a single year.

    >>> default_pairs(baseline({y: {1: a, -1: 0.0, 2: 9 - a} for y, a in ((2002, 1.0), (2019, 5.0), (2022, 3.0))})[1])
    [(2002, 2019), (2019, 2022)]
    """
    first, last = history.years[0], history.years[-1]
    peak = history.peak_year if history.peak_year is not None else first
    return [(a, b) for a, b in ((first, peak), (peak, last)) if a != b]
