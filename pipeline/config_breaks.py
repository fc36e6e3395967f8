"""The config key `breaks`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.config_base import Year
from pipeline.config_evaluation import EvaluationKey

if TYPE_CHECKING:
    from pipeline.config import Config


class Breaks(EvaluationKey):
    """When did it change: years of disturbance and recovery of each cell and zone, by one break of its series, and Pettitt's test."""

    level: Annotated[float, Field(ge=0.001, le=0.2)] = Field(
        0.05, description="p up to which a break is shown: nominal share of series without a break that show one; measured: docs/breaks.md"
    )
    least: Annotated[int, Field(ge=3, le=20)] = Field(3, description="values on each side of a break: a series needs twice as many years with a value")
    method: Literal["lines", "levels"] = Field(
        "lines",
        description="lines: two straight lines with a jump beside one line; levels: two means beside one, which places a plain step better and takes a trend "
        "for a break",
    )
    years: tuple[Year, Year] | None = Field(
        None, description="first and last year of the series: for instance those up to a rise, to ask for the fall alone; default: all years"
    )
    seed: Annotated[int, Field(ge=0, le=2**31 - 1)] = Field(0, description="of the 9,999 drawn orders that p is from above 7 values")

    def period(self, config: Config) -> tuple[int, int]:
        """Return the first and the last year of the series."""
        return self.years or (config.years.first, config.years.last)

    def shown_years(self, config: Config) -> tuple[int, int]:
        """Return the first and the last year that a break can have: `least` years lie before it, and from it on; all where there are too few."""
        first, last = self.period(config)
        return (first + self.least, last - self.least + 1) if last - first + 1 >= 2 * self.least else (first, last)


def check_breaks(config: Config) -> None:
    """Refuse years outside the run's, and fewer than a break needs; a run of too few years as a whole is told so in its tables."""
    asked = config.breaks
    if asked is None or asked.years is None:
        return
    first, last = asked.years
    if not config.years.first <= first <= last <= config.years.last:
        raise ValueError(f"breaks.years: {first}..{last}; expected rising years in {config.years.first}..{config.years.last}; fix: correct them")
    if last - first + 1 < 2 * asked.least:
        found = f"{first}..{last}, {last - first + 1} years, with breaks.least {asked.least}"
        raise ValueError(f"breaks.years: {found}; expected at least {2 * asked.least} years, {asked.least} on each side of a break; fix: take more years")
