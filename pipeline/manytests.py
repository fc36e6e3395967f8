"""Many tests at once: Benjamini-Hochberg's false discovery rate, from distinct p and how often each occurs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


def lookup(values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Return the adjusted p of each distinct p of a family, float64.

    q of p(k) is the smallest m p(j) / j of all j >= k, at most 1: the smallest rate at which the step-up procedure, which
    rejects up to the LARGEST rank with p(j) <= rate j / m, still rejects it. Of equal p only the last rank matters.

    Parameters
    ----------
    values : (k,) distinct p, ascending, 0..1, no NaN
    counts : (k,) how many tests have each

    References
    ----------
    Benjamini, Y. and Hochberg, Y. (1995): Controlling the false discovery rate. JRSS B 57, 289-300.

    >>> import numpy as np
    >>> lookup(np.array([0.01, 0.03, 0.5]), np.array([1, 1, 2])).round(4).tolist()  # .01 x 4 / 1, .03 x 4 / 2, .5 x 4 / 4
    [0.04, 0.06, 0.5]
    """
    rank = np.cumsum(counts)
    if rank.size == 0:
        return np.empty(0)
    raw = values.astype(np.float64) * (rank[-1] / rank)
    return np.minimum(np.minimum.accumulate(raw[::-1])[::-1], 1.0)


@dataclass(frozen=True, eq=False)
class Family:
    """The tests of one family: distinct p, ascending, in the float type they came in; how often each occurs; and their q.

    A family is made from windows of a raster, which need never be in memory together, and then maps each window's p to q.
    Equal p must be the same number: keep the raster's float type.
    """

    p: np.ndarray
    counts: np.ndarray
    adjusted: np.ndarray

    @classmethod
    def of(cls, windows: np.ndarray | Iterable[np.ndarray]) -> Family:
        """Return the family of all p that are not NaN in one array, or in several windows (an iterable) of one float type.

        Raises
        ------
        ValueError
            p outside 0..1, or windows of several types.
        """
        found: dict[float, int] = {}
        types = set()
        for window in [windows] if isinstance(windows, np.ndarray) else windows:
            types.add(window.dtype)
            values, counts = np.unique(window[~np.isnan(window)], return_counts=True)
            for value, count in zip(values.tolist(), counts.tolist(), strict=True):  # a float32 is exact as a Python float
                found[value] = found.get(value, 0) + count
        if len(types) > 1:
            raise ValueError(f"p come as {', '.join(sorted(map(str, types)))}; expected one float type, or equal p would differ")
        return cls.counted(np.array(list(found), types.pop() if types else np.float64), np.array(list(found.values()), np.int64))

    @classmethod
    def counted(cls, values: np.ndarray, counts: np.ndarray) -> Family:
        """Return the family in which each of `values` (any order, repeats allowed; NaN = not tested) occurs so many times."""
        tested = ~np.isnan(values) & (counts > 0)
        p, place = np.unique(values[tested], return_inverse=True)
        if p.size and not (p[0] >= 0 and p[-1] <= 1):
            raise ValueError(f"p reach from {p[0]} to {p[-1]}; expected 0..1, and NaN where nothing was tested")
        number = np.zeros(p.size, np.int64)
        np.add.at(number, place, counts[tested])
        return cls(p, number, lookup(p, number))

    @property
    def size(self) -> int:
        """Number of tests."""
        return int(self.counts.sum())

    def q(self, p: np.ndarray) -> np.ndarray:
        """Return q of a window, same shape, float64; NaN (not tested) stays NaN.

        Raises
        ------
        ValueError
            A p that is not in the family: q is defined for its members only. Blank what lies outside before.
        """
        out = np.full(p.shape, np.nan)
        tested = ~np.isnan(p)
        wanted = p[tested]
        place = np.searchsorted(self.p, wanted)
        if wanted.size and (self.size == 0 or not np.array_equal(self.p[np.minimum(place, self.p.size - 1)], wanted)):
            raise ValueError("a p of this window is not in the family; expected windows the family was made from, others blanked with NaN")
        out[tested] = self.adjusted[place]
        return out

    def q_min(self, p_min: np.ndarray, counts: np.ndarray) -> float:
        """Return the smallest q that the family could reach: if every test had the smallest p its own n allows.

        No data can give less, as p only grows from there. NaN for a family without tests.

        Parameters
        ----------
        p_min : (k,) smallest reachable p, e.g. `pipeline.kernels.null.smallest_p` of each n; NaN = cannot be tested
        counts : (k,) number of tests with it

        Raises
        ------
        ValueError
            When they are not as many tests as the family has.
        """
        best = Family.counted(np.asarray(p_min, np.float64), np.asarray(counts, np.int64))
        if best.size != self.size:
            raise ValueError(f"smallest p are given for {best.size} tests; expected the {self.size} of the family")
        return float(best.adjusted[0]) if best.size else float("nan")


def q_values(p: np.ndarray) -> np.ndarray:
    """Return Benjamini-Hochberg's q of every p, same shape, float64; NaN = not tested: stays NaN and is not in the family.

    >>> import numpy as np
    >>> q_values(np.array([0.01, np.nan, 0.5, 0.03, 0.5])).round(4).tolist()
    [0.04, nan, 0.5, 0.06, 0.5]
    """
    values = np.asarray(p)
    return Family.of(values).q(values)
