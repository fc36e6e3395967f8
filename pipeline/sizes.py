"""Measured sizes and powers of the trend tests, and which test is recommended for a number of years.

The numbers are simulated by benchmarks/false_positives.py, which says how; they are data of the package. A size is the share of fields without any trend
in which a test rejects; of a test of single cells the share of such cells.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Literal

LEVELS = (0.05, 0.10)
Interval = Literal["year", "month"]


@dataclass(frozen=True)
class Measured:
    """A row of sizes.csv: one test in one setting. Numbers ending in 05 and 10 are those at p <= 0.05 and p <= 0.10.

    `size` and `power` are shares, `error` their Monte Carlo standard errors; `low` and `high` bound the share of rejected cells in 90 % of null fields.
    `fdr` is the false discovery rate with the trend in half of the cells, of the control of many tests alone; else NaN. `within` is the correlation
    within a year, NaN in yearly data.
    """

    test: str
    target: str
    unit: str
    interval: str
    years: int
    lag1: float
    within: float
    shared: bool
    fields: int
    size_05: float
    error_05: float
    low_05: float
    high_05: float
    size_10: float
    error_10: float
    low_10: float
    high_10: float
    power_05: float
    power_error_05: float
    power_10: float
    power_error_10: float
    fdr_05: float
    fdr_10: float

    def size(self, level: float) -> float:
        """Return the measured size at a level."""
        return {0.05: self.size_05, 0.10: self.size_10}[level]

    def error(self, level: float) -> float:
        """Return the standard error of the size at a level."""
        return {0.05: self.error_05, 0.10: self.error_10}[level]

    def power(self, level: float) -> float:
        """Return the measured power at a level."""
        return {0.05: self.power_05, 0.10: self.power_10}[level]

    def holds(self, level: float) -> bool:
        """Return whether the size does not exceed the level by more than two standard errors."""
        return self.size(level) <= level + 2 * self.error(level)


@cache
def measured() -> tuple[Measured, ...]:
    """Return every row of sizes.csv."""
    read = {f.name: {"str": str, "int": int, "float": float, "bool": "True".__eq__}[str(f.type)] for f in fields(Measured)}
    with files("pipeline").joinpath("sizes.csv").open(encoding="utf-8", newline="") as handle:
        return tuple(Measured(**{name: read[name](text) for name, text in row.items()}) for row in csv.DictReader(handle))
