"""What the bounds of class areas are made from: the range of the slope of `no_change`, and the error of a zone's NDVI."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.areabounds import Error, Rule
from pipeline.classes import limits
from pipeline.compositeerror import composite_error, scene_means
from pipeline.config import Config
from pipeline.endmembers import Endmembers
from pipeline.variants import percentile_of

PERCENTILES = ((2.0, 98.0), (5.0, 95.0))  # pairs of the endmember range, as in sensitivity.csv
HALF_TO_DOUBLE = (0.5, 2.0)


def contrasts(config: Config, sensor: str, pair: Endmembers, path: Path) -> tuple[float, ...]:
    """Return NDVI of closed vegetation minus that of bare ground: of the pair in use, and the least and largest of the range; `path`: endmembers.json."""
    own = pair.vegetation - pair.soil
    given, fvc = config.uncertainty.endmembers, config.fvc
    if given is not None:
        return own, given.vegetation[0] - given.soil[1], given.vegetation[1] - given.soil[0]
    if fvc.endmembers is not None or config.pair_of(sensor) is not None:
        return (own,)
    pooled: dict[str, float] = json.loads(path.read_text(encoding="utf-8")).get("percentiles", {})
    found = [own]
    for low, high in PERCENTILES:
        soil = pooled.get(f"{low:g}", pair.soil) if fvc.soil.percentile is not None else pair.soil
        vegetation = pooled.get(f"{high:g}", pair.vegetation) if fvc.vegetation.percentile is not None else pair.vegetation
        found.append(vegetation - soil)
    return tuple(found)


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


def zone_error(
    config: Config, shape: tuple[int, ...], weights: np.ndarray, seen: tuple[np.ndarray, np.ndarray] | None, parts: list[list[dict[str, Any]]], zone: str
) -> Error | None:
    """Return the error of the NDVI of a zone's cells, `shape` = (years, cells): as configured, or of the composites; None where nothing tells it.

    `seen`: spread and number of the observations, (years, cells) each; None for prepared composites. `parts`: what each scene showed of the zones.
    """
    given = config.uncertainty
    if given.ndvi_sd is not None:
        return Error(np.full(shape, given.ndvi_sd), np.full(shape[0], given.ndvi_sd_shared or 0.0))
    if seen is None:
        return None
    return composite_error(*seen, weights, scene_means(parts, zone), percentile_of(config.composite.method))
