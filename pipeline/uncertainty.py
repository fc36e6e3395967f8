"""What the bounds of class areas are made from: the range of the slope of `no_change`, and the error of a zone's NDVI."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import isfinite
from pathlib import Path

import numpy as np

from pipeline.areabounds import Error, Rule, class_bounds
from pipeline.classes import legend, limits
from pipeline.compositeerror import composite_error, differences, scene_means
from pipeline.config import Config
from pipeline.config_months import is_seasonal
from pipeline.coverage import ZoneCoverage
from pipeline.endmembers import Endmembers
from pipeline.errors import BadInput
from pipeline.layout import RELATIVE, SensorFolder
from pipeline.observed import read_part
from pipeline.reader import read_window
from pipeline.relative import ReferenceSeries
from pipeline.variants import PERCENTILES, percentile_of

HALF_TO_DOUBLE = (0.5, 2.0)


def contrasts(config: Config, sensor: str, pair: Endmembers, path: Path) -> tuple[float, ...]:
    """Return NDVI of closed vegetation minus that of bare ground: of the pair in use, and the least and largest of the range; `path`: endmembers.json."""
    own = pair.vegetation - pair.soil
    given, fvc = config.uncertainty.endmembers, config.fvc
    if given is not None:
        return own, given.vegetation[0] - given.soil[1], given.vegetation[1] - given.soil[0]
    if fvc.endmembers is not None or config.pair_of(sensor) is not None:
        return (own,)
    if fvc.soil.percentile is None and fvc.vegetation.percentile is None:
        return (own,)
    try:
        pooled = json.loads(path.read_text(encoding="utf-8"))["percentiles"]
        values = {percent: float(pooled[f"{percent:g}"]) for pair_of in PERCENTILES for percent in pair_of}
        if not all(map(isfinite, values.values())):
            raise ValueError("not finite")
    except (ValueError, KeyError, TypeError) as error:
        found = f"{type(error).__name__}: {error}"
        raise BadInput(path, "percentiles", found, "the percentiles that the stage `endmembers` writes", "delete the file and run again") from None
    soils = [values[low] if fvc.soil.percentile is not None else pair.soil for low, _ in PERCENTILES]
    vegetated = [values[high] if fvc.vegetation.percentile is not None else pair.vegetation for _, high in PERCENTILES]
    return own, *(high - low for low, high in zip(soils, vegetated, strict=True))


def slope_limits(config: Config, sensor: str, pair: Endmembers, path: Path) -> tuple[float, ...]:
    """Return slopes of NDVI per year below which there is no change: as configured, and the least and largest under both ranges."""
    own = config.trend.no_change
    steps = (own, *(config.uncertainty.no_change or (own * f for f in HALF_TO_DOUBLE)))
    scale = contrasts(config, sensor, pair, path) if config.trend.variable == "fvc" else (1.0,)
    return own * scale[0], min(steps) * min(scale), max(steps) * max(scale)


def rule_of(config: Config, period: tuple[int, int], no_change: tuple[float, ...]) -> Rule:
    """Return how a series of a period gets its class; `no_change` as `slope_limits`."""
    trend = config.trend
    of_p = limits(trend.scheme, trend.alpha.slight, trend.alpha.significant, trend.alpha.extreme)
    years = np.arange(period[0], period[1] + 1, dtype=np.float64)
    return Rule(years, of_p, no_change, trend.years_needed(period), trend.test, trend.significance)


class Bounds:
    """The bounds of the class areas of a sensor's zones, from its rasters and what each scene showed of each zone.

    They are of yearly values: with a test of monthly ones there are none. `compared`: the reference of each zone; `means`: its series by
    reference and period, see `pipeline.relative`.
    """

    def __init__(
        self,
        config: Config,
        sensor: str,
        folder: SensorFolder,
        coverages: dict[str, ZoneCoverage],
        pair: Endmembers,
        compared: Mapping[str, tuple[str, ...]],
        means: Mapping[tuple[tuple[str, ...], tuple[int, int]], ReferenceSeries],
    ) -> None:
        self.config, self.folder, self.coverages, self.pair, self.compared, self.means = config, folder, coverages, pair, compared, means
        self.scenes = config.sensors[sensor].catalog is not None
        self.known = config.uncertainty.run and not is_seasonal(config) and (self.scenes or config.uncertainty.ndvi_sd is not None)
        self.no_change = slope_limits(config, sensor, pair, folder.endmembers) if self.known else ()
        self.parts = {y: read_part(folder.zone_by_scene(y)) for y in config.all_years} if self.known and self.scenes else {}

    def of(self, c: ZoneCoverage, period: tuple[int, int], target: str) -> dict[int, tuple[float, float]] | None:
        """Return the bounds of each class of a zone, m2, by code; None where the error is not known."""
        if not self.known:
            return None
        years = range(period[0], period[1] + 1)
        weights = c.area_m2[c.touched]
        values = self._window(c, [self.folder.ndvi(y) for y in years]).astype(np.float64)
        values[~np.isfinite(values)] = np.nan
        if target == RELATIVE:
            values -= self._reference(c, period)[:, None]
        error = self._error(c, years, weights, target)
        codes = self._window(c, [self.folder.classes(period, target)])[0]
        classes = tuple(k.code for k in legend(self.config.trend.scheme) if k.code != 0)
        return class_bounds(values, codes, weights, error, rule_of(self.config, period, self.no_change), classes, self.config.uncertainty.level)

    def _window(self, c: ZoneCoverage, paths: list[Path]) -> np.ndarray:
        return np.stack([read_window(path, c.rows, c.cols)[c.touched] for path in paths])

    def _reference(self, c: ZoneCoverage, period: tuple[int, int]) -> np.ndarray:
        """Return NDVI of the reference in each year of a period; its series is cover where the trend is of cover."""
        mean = self.means[self.compared[c.zone], period].of(range(period[0], period[1] + 1))
        of_cover = self.config.trend.variable == "fvc"
        found: np.ndarray = self.pair.soil + mean * (self.pair.vegetation - self.pair.soil) if of_cover else mean
        return found

    def _error(self, c: ZoneCoverage, years: range, weights: np.ndarray, target: str) -> Error | None:
        given = self.config.uncertainty
        if given.ndvi_sd is not None:
            shared = 0.0 if target == RELATIVE else given.ndvi_sd_shared or 0.0  # what both share is not in the difference
            return Error(np.full((len(years), weights.size), given.ndvi_sd), np.full(len(years), shared))
        spread, clear = (self._window(c, [self.folder.observed(what, y) for y in years]) for what in ("sd", "clear"))
        parts = [self.parts[y] for y in years]
        references = {zone: float(self.coverages[zone].area_m2.sum()) for zone in self.compared[c.zone]}
        apart = differences(parts, c.zone, references) if target == RELATIVE else None
        return composite_error(spread, clear, weights, scene_means(parts, c.zone), percentile_of(self.config.composite.method), apart)
