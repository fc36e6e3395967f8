"""Restoration methods side by side: means over their zones, scores by the user's weights, and rank intervals by bootstrap over zones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri

from pipeline.evaluation.paired import LEVEL, ROUNDING, quantile

RESAMPLES = 2000
SEED = 20201231  # fixed: equal zones give equal intervals


@dataclass(frozen=True)
class Mean:
    """Mean over zones with its t interval; `zones` have a value. NaN where not known; no interval below two zones or without spread."""

    value: float
    low: float
    high: float
    zones: int


@dataclass(frozen=True)
class Rank:
    """Rank of a method by its score, 1 the best, with its interval. NaN without a score; no interval (NaN) below two zones with a score."""

    rank: float
    low: float
    high: float


def mean_over_zones(values: Sequence[float], level: float = LEVEL) -> Mean:
    """Return the mean of the zones that have a value, each counted once whatever its area, and its t interval with the zone as replicate.

    >>> found = mean_over_zones([0.4, 0.6, float("nan")])
    >>> found.value, round(found.low, 3), round(found.high, 3), found.zones
    (0.5, -0.131, 1.131, 2)
    """
    known = _finite(values)
    if not known.size:
        return Mean(math.nan, math.nan, math.nan, 0)
    value = float(known.mean())
    spread = known.std(ddof=1) if known.size > 1 else 0.0
    known_spread = spread > ROUNDING * abs(known).max()
    width = float(quantile(known.size - 1, level) * spread / math.sqrt(known.size)) if known_spread else math.nan
    return Mean(value, value - width, value + width, known.size)


def checked_weights(weights: Mapping[str, float]) -> dict[str, float]:
    """Return weights as they count: those above 0, divided by their sum. ValueError for negative ones, and where none is above 0.

    >>> checked_weights({"cover": 3, "gain": 1, "stability": 0})
    {'cover': 0.75, 'gain': 0.25}
    """
    if not all(math.isfinite(w) and w >= 0 for w in weights.values()) or not sum(weights.values()) > 0:
        raise ValueError(f"weights are {dict(weights)}; expected numbers of 0 or more, at least one above 0")
    total = sum(weights.values())
    return {key: w / total for key, w in weights.items() if w > 0}


def score(positions: Mapping[str, float], weights: Mapping[str, float]) -> float:
    """Return the weighted mean of the positions of one zone; NaN where one that has a weight is not known.

    >>> round(score({"cover": 0.8, "gain": 0.4, "stability": float("nan")}, {"cover": 3, "gain": 1, "stability": 0}), 3)
    0.7
    """
    return float(sum(w * positions.get(key, math.nan) for key, w in checked_weights(weights).items()))


def ranks(scores: Mapping[str, Sequence[float]], *, level: float = LEVEL, resamples: int = RESAMPLES, seed: int = SEED) -> dict[str, Rank]:
    """Return the rank of each method by the mean score of its zones, with an interval for each rank by bootstrap over the zones of every method.

    Equal means share the better rank. Of a method's n zones n - 1 are drawn with replacement, so that the spread of the drawn means is that of
    the mean and not less (Rao and Wu 1988), and their distance from the mean is stretched by the ratio of the t and normal quantiles, as n zones
    know their spread badly (the correction of Hesterberg 2015, for percentile intervals). The interval holds for one rank at a time.

    Measured coverage at a nominal 0.9, 2,000 planted runs each of 3 or 6 methods with 2 to 10 zones, normal or skewed (`benchmarks/ranks.py`): 0.90 to 0.98
    where true means lie 0.1 standard deviations of a zone apart, 0.97 and more from 0.5 on: steps of whole ranks make it wide. Zones are taken as independent;
    where those of one mine share their fate it is too narrow.

    A method of one zone has a rank but no interval, and as its score may lie anywhere, it widens those of the others by one rank to both sides.

    Parameters
    ----------
    scores : by method, the scores of its zones; NaN = no score

    >>> found = ranks({"soil": [0.7, 0.8, 0.75], "seed": [0.2, 0.3, 0.1], "none": [float("nan")]})
    >>> found["soil"], found["none"].rank
    (Rank(rank=1.0, low=1.0, high=1.0), nan)
    """
    zones = {name: values for name, given in scores.items() if (values := _finite(given)).size}
    means = np.array([v.mean() for v in zones.values()])
    own = dict(zip(zones, _places(means[:, None])[:, 0].astype(float).tolist(), strict=True))
    several = [name for name, values in zones.items() if values.size > 1]
    rng = np.random.default_rng(seed)
    drawn = np.array([_drawn(zones[name], rng, resamples, level) for name in several]).reshape(len(several), resamples)
    places = _places(drawn)
    tail = (1 - level) / 2
    low, high = (np.quantile(places, q, axis=1, method="inverted_cdf") if several else np.empty(0) for q in (tail, 1 - tail))
    alone = len(zones) - len(several)
    intervals = {name: (float(a), float(b) + alone) for name, a, b in zip(several, low, high, strict=True)}
    return {name: Rank(own.get(name, math.nan), *intervals.get(name, (math.nan, math.nan))) for name in scores}


def _finite(values: Sequence[float]) -> np.ndarray:
    given = np.asarray(values, np.float64)
    return given[np.isfinite(given)]


def _places(means: np.ndarray) -> np.ndarray:
    """Return ranks down each column, 1 for the largest; (methods, resamples)."""
    better: np.ndarray = means[None, :, :] > means[:, None, :]
    return 1 + better.sum(axis=1, dtype=np.int64)


def _drawn(values: np.ndarray, rng: np.random.Generator, resamples: int, level: float) -> np.ndarray:
    """Return the resampled means of one method, (resamples,)."""
    n = values.size
    mean = values.mean()
    chosen = values[rng.integers(0, n, (resamples, n - 1))].mean(axis=1)
    stretch = float(quantile(n - 1, level)) / float(ndtri(0.5 + level / 2))
    return np.asarray(mean + (chosen - mean) * stretch)
