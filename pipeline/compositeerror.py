"""Error of a yearly composite: from the spread of the observations that it is made of."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from typing import Any

import numpy as np

from pipeline.areabounds import Error

LARGEST = 64  # observations; the factor of more follows 1 / sqrt(number)
SAMPLES = 6000
LEAST_SEEN = 50.0  # per cent of a zone that a scene must show for its mean to be the zone's


@cache
def factors(percentile: float) -> np.ndarray:
    """Return the standard deviation of a composite of 0..64 normal observations of standard deviation 1 (0: NaN); a negative percentile is the mean.

    Simulated with a fixed seed (to 1 %), because the asymptotic factors of median and percentile do not hold for few observations.

    >>> factors(-1.0)[4].item()
    0.5
    """
    out = np.full(LARGEST + 1, np.nan)
    if percentile < 0:
        out[1:] = 1 / np.sqrt(np.arange(1, LARGEST + 1))
        return out
    values = np.random.default_rng(0).standard_normal((SAMPLES, LARGEST))
    for k in range(1, LARGEST + 1):
        place = percentile / 100 * (k - 1)
        below = int(place)
        ordered = np.partition(values[:, :k], sorted({below, min(below + 1, k - 1)}), axis=1)
        low, high = ordered[:, below], ordered[:, min(below + 1, k - 1)]
        out[k] = (low + (high - low) * (place - below)).std()
    return out


def factor(percentile: float, number: np.ndarray) -> np.ndarray:
    """Return the standard deviation of composites of so many observations each of standard deviation 1; NaN for none."""
    whole = np.clip(np.nan_to_num(number), 0, LARGEST).astype(int)
    beyond = 1.0 if percentile in (0.0, 100.0) else np.sqrt(LARGEST / np.maximum(number, LARGEST))
    found: np.ndarray = factors(percentile)[whole] * beyond
    return found


@cache
def shared_share(percentile: float, number: int, ratio: float) -> float:
    """Return the share of a composite's variance that a zone's cells share, where scenes share `ratio` of the variance of an observation.

    Of a mean it is `ratio`. Of a percentile it is less, as cells take it from different scenes; simulated with a fixed seed.
    """
    if percentile < 0 or number < 2 or ratio in (0.0, 1.0):
        return ratio
    rng = np.random.default_rng(0)
    zones, cells, k = 400, 40, min(number, LARGEST // 2)
    values = np.sqrt(ratio) * rng.standard_normal((zones, 1, k)) + np.sqrt(1 - ratio) * rng.standard_normal((zones, cells, k))
    made = np.percentile(values, percentile, axis=2)
    alone = float(made.var(axis=1, ddof=1).mean())
    shared = max(float(made.mean(axis=1).var(ddof=1)) - alone / cells, 0.0)
    return shared / (shared + alone)


def _ratio(part: float, whole: float) -> float:
    return round(min(part / whole, 1.0) * 20) / 20 if whole > 0 else 0.0


def composite_error(
    spread: np.ndarray, clear: np.ndarray, weights: np.ndarray, scenes: list[list[float]], percentile: float, apart: list[list[float]] | None = None
) -> Error | None:
    """Return the error of the yearly composites of a zone's cells; None where the observations do not tell it.

    Parameters
    ----------
    spread : (years, cells) standard deviation of the observations of land, NaN below two
    clear : (years, cells) number of observations
    weights : (cells,) areas
    scenes : for each year the zone's mean NDVI in each scene, see `scene_means`
    percentile : of the composite, negative for the mean
    apart : for each year the zone's mean minus that of its reference in each scene, where the values are differences from the reference: what
        both share of a scene's error is not in them

    What the means of the scenes differ by is shared by the zone; the rest of the spread within cells is independent. Both
    hold what the ground really did within the season, so that the error is rather too large.
    """
    usable = np.isfinite(spread) & (clear >= 2)
    freedom = np.where(usable, clear - 1.0, 0.0)
    within = np.full(len(spread), np.nan)
    for i, year in enumerate(spread):
        if freedom[i].any():
            within[i] = (freedom[i] * np.where(usable[i], year, 0.0).astype(np.float64) ** 2).sum() / freedom[i].sum()
    between, pooled, _ = _between(scenes)
    _, common, degrees = _between(scenes if apart is None else apart)
    if not np.isfinite(within).any() or not np.isfinite([pooled, common]).all():
        return None
    variance = np.where(np.isfinite(within), within, np.nanmean(within))
    several = [max(1, round(float(np.average(c, weights=weights * (c > 0))))) if (weights * (c > 0)).any() else 1 for c in clear]
    of_year = [shared_share(percentile, k, _ratio(b if np.isfinite(b) else pooled, v)) for k, b, v in zip(several, between, variance, strict=True)]
    of_all = [shared_share(percentile, k, _ratio(common, float(variance.mean()))) for k in several]
    cells = np.sqrt(variance * (1 - np.array(of_year)))[:, None] * np.nan_to_num(factor(percentile, clear), nan=1.0)
    shared = np.sqrt(variance.mean() * np.array(of_all)) * factor(percentile, np.array(several))
    return Error(cells, shared, degrees)


def _between(scenes: list[list[float]]) -> tuple[np.ndarray, float, int]:
    """Return the variance between the scenes of each year, that of all years together, and its degrees of freedom; NaN where no year has two."""
    of_year = np.array([np.var(year, ddof=1) if len(year) > 1 else np.nan for year in scenes])
    degrees = np.array([max(len(year) - 1, 0) for year in scenes])
    if not degrees.any():
        return of_year, float("nan"), 0
    return of_year, float((degrees * np.nan_to_num(of_year)).sum() / degrees.sum()), int(degrees.sum())


def scene_means(parts: Iterable[list[dict[str, Any]]], zone: str) -> list[list[float]]:
    """Return a zone's mean NDVI in each scene that shows at least half of it, year by year; `parts` as `pipeline.observed.read_part`."""
    return [list(_means(rows, zone).values()) for rows in parts]


def differences(parts: Iterable[list[dict[str, Any]]], zone: str, references: dict[str, float]) -> list[list[float]]:
    """Return a zone's mean NDVI minus that of its references together in each scene that shows at least half of all of them; `references`: areas."""
    own, others = paired_means(parts, zone, references)
    return [[a - b for a, b in zip(*year, strict=True)] for year in zip(own, others, strict=True)]


def paired_means(parts: Iterable[list[dict[str, Any]]], zone: str, references: dict[str, float]) -> tuple[list[list[float]], list[list[float]]]:
    """Return mean NDVI of a zone, and of its references together, in each scene that shows at least half of all of them; `references`: areas."""
    zone_means: list[list[float]] = []
    reference_means: list[list[float]] = []
    for rows in parts:
        own, others = _means(rows, zone), {name: _means(rows, name) for name in references}
        shown = [item for item in own if all(item in o for o in others.values())]
        zone_means.append([own[item] for item in shown])
        reference_means.append([float(np.average([o[item] for o in others.values()], weights=list(references.values()))) for item in shown])
    return zone_means, reference_means


def _means(rows: list[dict[str, Any]], zone: str) -> dict[str, float]:
    return {r["item"]: float(r["ndvi_mean"]) for r in rows if r["zone"] == zone and r["ndvi_mean"] is not None and r["clear_pct"] >= LEAST_SEEN}
