"""Errors of yearly values known from scenes that show a zone and its reference on the same day, and t intervals made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import stdtrit

LEVEL = 0.90  # nominal, as that of the trend's interval
ROUNDING = 1e-9  # relative: what arithmetic alone may make of equal values


@dataclass(frozen=True)
class PairedErrors:
    """Standard errors of a zone's value, its reference's and their difference, per year, from the same scenes; NaN where not known.

    `freedom`: degrees of freedom from which each year's errors are known. The difference tells how far errors of zone and reference go
    together: cov = (zone^2 + reference^2 - difference^2) / 2.
    """

    zone: np.ndarray
    reference: np.ndarray
    difference: np.ndarray
    freedom: np.ndarray

    def __post_init__(self) -> None:
        """Refuse errors that no paired scenes can have."""
        named = {name: getattr(self, name) for name in ("zone", "reference", "difference", "freedom")}
        zone, reference, difference, _ = arrays = yearly({f"errors.{name}": values for name, values in named.items()})
        if min(np.nanmin(a, initial=0.0) for a in arrays) < 0:
            raise ValueError("a standard error or its degrees of freedom is negative; expected 0 or more, NaN where not known")
        slack = ROUNDING * (zone + reference)
        if np.any((difference > zone + reference + slack) | (difference < abs(zone - reference) - slack)):
            raise ValueError("errors of zone, reference and difference contradict each other; expected all three from the same paired scenes")
        for name, array in zip(named, arrays, strict=True):
            object.__setattr__(self, name, array)

    @property
    def covariance(self) -> np.ndarray:
        """Return the covariance of the errors of zone and reference, per year."""
        return (self.zone**2 + self.reference**2 - self.difference**2) / 2


@dataclass(frozen=True)
class Estimates:
    """One value per year with its interval; NaN where it is not known. `scale` says on which scale the interval was formed ("" without one)."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    scale: tuple[str, ...] = ()


def paired_errors(zone: Sequence[Sequence[float]], reference: Sequence[Sequence[float]]) -> PairedErrors:
    """Return the standard errors of the means of scenes that show both zone and reference; for each year the values, scene by scene.

    A scene where either is NaN is left out; below two scenes the errors are NaN and `freedom` 0. They are errors of the mean: those of a
    median of the same scenes are up to 1.25 times as large. Unequal numbers of years or scenes raise ValueError.

    >>> found = paired_errors([[0.5, 0.7]], [[0.8, 0.9]])
    >>> [round(float(a[0]), 3) for a in (found.zone, found.reference, found.difference, found.freedom)]
    [0.1, 0.05, 0.05, 1.0]
    """
    if len(zone) != len(reference) or any(len(z) != len(r) for z, r in zip(zone, reference, strict=True)):
        raise ValueError("scenes of zone and reference are not paired; expected the same scenes of the same years, NaN where one is not seen")
    out = np.full((3, len(zone)), np.nan)
    freedom = np.zeros(len(zone))
    for year, (own, other) in enumerate(zip(zone, reference, strict=True)):
        pairs = np.array([own, other], float)
        pairs = pairs[:, np.isfinite(pairs).all(0)]
        if (n := pairs.shape[1]) > 1:
            out[:, year] = np.std([*pairs, pairs[0] - pairs[1]], axis=1, ddof=1) / np.sqrt(n)
            freedom[year] = n - 1
    return PairedErrors(out[0], out[1], out[2], freedom)


def yearly(series: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return series as float64 arrays of one number of years, by the names that an error message gives them.

    Anything but one value or NaN per year, the same number of them in each, raises ValueError.

    >>> yearly({"zone": [0.5, float("nan")]})[0].tolist()
    [0.5, nan]
    """
    out = {name: np.asarray(values, np.float64) for name, values in series.items()}
    sizes = {array.size for array in out.values()}
    for name, array in out.items():
        if array.ndim != 1 or np.isinf(array).any():
            raise ValueError(f"{name} has shape {array.shape}{', with infinite values' if np.isinf(array).any() else ''}; expected one value or NaN per year")
    if len(sizes) > 1:
        raise ValueError(f"{', '.join(f'{name} has {array.size}' for name, array in out.items())} years; expected the same years in each")
    return tuple(out.values())


def quantile(freedom: np.ndarray | float, level: float) -> np.ndarray:
    """Return how many standard errors a two-sided t interval of this level reaches to either side; NaN without degrees of freedom.

    >>> round(float(quantile(4, 0.95)), 4)
    2.7764
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a number between 0 and 1, for instance 0.9")
    known = np.asarray(freedom, np.float64)
    return np.asarray(stdtrit(np.where(known > 0, known, np.nan), 0.5 + level / 2))
