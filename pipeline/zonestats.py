"""Zone means: cover and NDVI per year, change between years, and the mean series of a period."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np

from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.kernels.pixels import cover

FVC_COLUMNS = (
    "mine", "sensor", "zone", "role", "year", "fvc_mean", "fvc_mean_common", "fvc_median", "fvc_sd", "ndvi_mean", "valid_pct",
    "common_pct", "water_pct", "masked_pct", "clamped_pct", "clear_mean", "doy_mean", "area_km2",
)  # fmt: skip
CHANGE_COLUMNS = (
    "mine", "sensor", "zone", "role", "from_year", "to_year", "fvc_from", "fvc_to", "change_points", "change_pct",
    "reference_change_points", "valid_both_pct",
)  # fmt: skip
LEAST_SHARE = 0.5  # a year falls out of the zone's series where less than half of the zone's land is valid


@dataclass(frozen=True)
class Seen:
    """What scenes showed of one zone: windows (years, y, x) of the clear_, doy_ and water_ rasters; masked share per year, per cent."""

    clear: np.ndarray
    doy: np.ndarray
    water: np.ndarray
    masked_pct: tuple[float | None, ...]


class ZoneSeries:
    """NDVI of one zone for all years, with area weights; cover is formed one year at a time.

    `ndvi` is the zone's window, (years, y, x) float32, NaN = missing; every mean is weighted by the ground area of the
    zone in the cell. `water` is the share of observations that are water, likewise, where `seen` does not hold it.
    """

    def __init__(
        self, coverage: ZoneCoverage, ndvi: np.ndarray, years: list[int], pair: Endmembers, seen: Seen | None = None, *, water: np.ndarray | None = None
    ) -> None:
        inside = coverage.touched
        self.seen = seen
        self.coverage, self.years, self.pair = coverage, years, pair
        self.weights = coverage.area_m2[inside]
        self.ndvi = ndvi[:, inside]
        self.valid: np.ndarray = np.isfinite(self.ndvi)
        with np.errstate(invalid="ignore"):
            wet = water if seen is None else seen.water
            self.water = np.zeros_like(self.valid) if wet is None else (wet[:, inside] >= 0.5) & ~self.valid

    def unclamped(self, i: int) -> np.ndarray:
        """Return cover of the i-th year before clamping, float64."""
        return cover(self.ndvi[i], self.pair.soil, self.pair.vegetation)

    def fvc(self, i: int) -> np.ndarray:
        """Return cover of the i-th year, 0..1, float64."""
        return np.clip(self.unclamped(i), 0, 1)

    def values(self, i: int, variable: str) -> np.ndarray:
        """Return the trend's variable in the i-th year: cover before clamping, or NDVI; float64."""
        return self.unclamped(i) if variable == "fvc" else self.ndvi[i].astype(np.float64)

    def share(self, which: np.ndarray) -> float:
        """Return the share of the zone's area in some of its cells, per cent."""
        return min(100.0, float(100 * self.weights[which].sum() / self.weights.sum()))

    def land_share(self, i: int) -> float:
        """Return the valid share of the zone's area that is not water in the i-th year, per cent."""
        land = self.weights[~self.water[i]].sum()
        return float(100 * self.weights[self.valid[i]].sum() / land) if land > 0 else 0.0

    def observed(self, i: int) -> dict[str, float | None]:
        """Return what scenes showed in the i-th year; all empty for prepared composites, which cannot tell."""
        if self.seen is None:
            return dict.fromkeys(("water_pct", "masked_pct", "clear_mean", "doy_mean"))
        inside = self.coverage.touched
        clear, doy = self.seen.clear[i][inside].astype(np.float64), self.seen.doy[i][inside].astype(np.float64)
        return {
            "water_pct": self.share(self.water[i]) if np.isfinite(self.seen.water[i][inside]).any() else None,
            "masked_pct": self.seen.masked_pct[i],
            "clear_mean": self.mean(clear, np.ones(clear.size, bool)),
            "doy_mean": self.mean(doy, np.isfinite(doy)),
        }

    def mean(self, values: np.ndarray, which: np.ndarray) -> float | None:
        """Return the area-weighted mean over some cells; None without any."""
        return float(np.average(values[which], weights=self.weights[which])) if which.any() else None

    def annual_rows(self, common: dict[str, Any]) -> list[dict[str, Any]]:
        """Return one row per year for fvc_by_zone.csv."""
        seen = self.valid.any(axis=1)  # a year without a valid cell in the zone has nothing in common with any
        always = np.logical_and.reduce(self.valid[seen], axis=0) & seen.any()
        rows = []
        for i, year in enumerate(self.years):
            ok, unclamped = self.valid[i], self.unclamped(i)
            fvc = np.clip(unclamped, 0, 1)
            mean = self.mean(fvc, ok)
            sd = None if mean is None else float(np.sqrt(np.average((fvc[ok] - mean) ** 2, weights=self.weights[ok])))
            with np.errstate(invalid="ignore"):
                clamped = ok & ((unclamped < 0) | (unclamped > 1))
            rows.append(
                common
                | {"year": year, "fvc_mean": mean, "fvc_mean_common": self.mean(fvc, always & ok), "fvc_sd": sd}
                | {"fvc_median": weighted_median(fvc[ok], self.weights[ok]), "ndvi_mean": self.mean(self.ndvi[i].astype(np.float64), ok)}
                | {"valid_pct": self.share(ok), "common_pct": self.share(always)}
                | {"clamped_pct": 100 * float(self.weights[clamped].sum() / self.weights[ok].sum()) if ok.any() else None}
                | self.observed(i)
                | {"area_km2": float(self.weights.sum() / 1e6)}
            )
        return rows

    def change(self, first: int, second: int) -> tuple[float | None, float | None, float]:
        """Return mean cover in two years over the cells valid in both, and the share of those cells in per cent."""
        i, j = self.years.index(first), self.years.index(second)
        both = self.valid[i] & self.valid[j]
        return self.mean(self.fvc(i), both), self.mean(self.fvc(j), both), self.share(both)

    def period(self, first: int, last: int, variable: str) -> tuple[list[int], np.ndarray, np.ndarray]:
        """Return the years used, the zone's mean series, and the cells it is the mean of.

        A year with less than half of the zone's land falls out; the mean is over cells valid in all years that are left, of
        cover before clamping, or of NDVI.
        """
        chosen = [i for i, y in enumerate(self.years) if first <= y <= last and self.land_share(i) >= 100 * LEAST_SHARE]
        cells = np.logical_and.reduce(self.valid[chosen], axis=0) if chosen else np.zeros(self.weights.size, bool)
        means = [self.mean(self.values(i, variable), cells) for i in chosen]
        series = np.array([m for m in means if m is not None])
        return [self.years[i] for i in chosen] if series.size else [], series, cells


def weighted_median(values: np.ndarray, weights: np.ndarray) -> float | None:
    """Return the median of weighted values: the middle of the two where exactly half the weight lies below.

    >>> weighted_median(np.array([3.0, 1.0, 2.0]), np.array([1.0, 1.0, 1.0]))
    2.0
    >>> weighted_median(np.array([1.0, 2.0]), np.array([1.0, 1.0]))
    1.5
    """
    if values.size == 0:
        return None
    order = np.argsort(values)
    values, cumulated = values[order], np.cumsum(weights[order])
    half = cumulated[-1] / 2
    i = min(int(np.searchsorted(cumulated, half * (1 - 1e-12))), values.size - 1)
    exactly = abs(cumulated[i] - half) <= 1e-12 * half and i + 1 < values.size
    return float((values[i] + values[i + 1]) / 2 if exactly else values[i])


@dataclass(frozen=True)
class Change:
    """Mean cover of a zone in two years over the cells valid in both, and the area of those cells."""

    before: float | None
    after: float | None
    both_pct: float
    both_m2: float


def changes(series: ZoneSeries) -> dict[tuple[int, int], Change]:
    """Return the change between every two years of a zone."""
    area = float(series.weights.sum())
    found = {pair: series.change(*pair) for pair in combinations(series.years, 2)}
    return {pair: Change(before, after, both, area * both / 100) for pair, (before, after, both) in found.items()}


def change_rows(own: dict[tuple[int, int], Change], references: list[dict[tuple[int, int], Change]], common: dict[str, Any]) -> list[dict[str, Any]]:
    """Return one row per pair of years for fvc_change_by_zone.csv, beside the change of the reference zones together."""
    rows = []
    for (first, second), change in own.items():
        points = None if change.before is None or change.after is None else 100 * (change.after - change.before)
        rows.append(
            common
            | {"from_year": first, "to_year": second, "fvc_from": change.before, "fvc_to": change.after, "change_points": points}
            | {"change_pct": points / change.before if points is not None and change.before else None}
            | {"reference_change_points": _together([r[first, second] for r in references]), "valid_both_pct": change.both_pct}
        )
    return rows


def _together(parts: list[Change]) -> float | None:
    known = [(100 * (c.after - c.before), c.both_m2) for c in parts if c.before is not None and c.after is not None]
    return float(np.average([p for p, _ in known], weights=[w for _, w in known])) if known else None
