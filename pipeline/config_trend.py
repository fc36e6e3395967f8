"""The keys of the trend: periods, test, classes and their thresholds."""

from __future__ import annotations

from math import ceil
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config_base import Model, Year

if TYPE_CHECKING:
    from pipeline.config import Config

Probability = Annotated[float, Field(gt=0, lt=1)]


class Alpha(Model):
    """Largest p of each strength."""

    slight: Probability = Field(0.10, description="of slightly significant")
    significant: Probability = Field(0.05, description="of significant")
    extreme: Probability = Field(0.01, description="of extremely significant")

    @model_validator(mode="after")
    def _order(self) -> Alpha:
        if not self.extreme < self.significant < self.slight:
            raise ValueError(
                f"extreme {self.extreme}, significant {self.significant}, slight {self.slight}; expected extreme < significant < slight; fix: order them"
            )
        return self


class Trend(Model):
    """Trend test and classes."""

    periods: tuple[tuple[Year, Year], ...] | None = Field(None, description="list of [first, last]; default: all years")
    variable: Literal["fvc", "ndvi"] = Field("fvc", description="fvc (before clamping) or ndvi")
    test: Literal["mann-kendall", "seasonal-kendall", "hirsch-slack", "year-permutation"] = Field(
        "mann-kendall", description="trend test of a pixel; the last three are of monthly values (composite.interval: month); the slope is Theil-Sen's"
    )
    significance: Literal["auto", "exact", "normal"] = Field("auto", description="auto: exact up to n = 20, ties included, normal above; mann-kendall only")
    scheme: Literal["five", "seven", "nine"] = Field("seven", description="number of trend classes")
    alpha: Alpha = Field(Alpha(), description="largest p of each strength; classes use p <= alpha")
    no_change: Annotated[float, Field(ge=0, le=1)] = Field(
        0.0005, description="abs(slope) per year below this is no change (a convention in the literature; its source was not read)"
    )
    min_years: Literal["auto"] | Annotated[int, Field(ge=3, le=250)] = Field(
        "auto", description="valid years that a pixel needs; auto = max(4, 70 % of the period)"
    )
    relative_to_reference: Literal["auto"] | bool = Field(
        "auto", description="also test each pixel minus the mean of its zone's reference; auto: where a zone has a reference"
    )

    def years_needed(self, period: tuple[int, int]) -> int:
        """Return the number of valid years that a pixel needs in a period."""
        span = period[1] - period[0] + 1
        return max(4, ceil(0.7 * span - 1e-9)) if self.min_years == "auto" else self.min_years


def check_trend(config: Config) -> None:
    """Refuse trend settings that do not fit the years and the reference of the config."""
    every, periods = config.all_years, config.periods
    for first, last in periods:
        if not every[0] <= first < last <= every[-1]:
            raise ValueError(f"trend.periods: [{first}, {last}]; expected two years, ascending, in {every[0]}..{every[-1]}; fix: correct the period or `years`")
        if config.trend.significance == "exact" and last - first + 1 > 20:
            raise ValueError(f"trend.significance: exact with the {last - first + 1} years of [{first}, {last}]; expected at most 20; fix: use auto")
        if config.trend.min_years != "auto" and config.trend.min_years > last - first + 1:
            raise ValueError(
                f"trend.min_years: {config.trend.min_years} with the {last - first + 1} years of [{first}, {last}]; expected at most that; fix: lower it"
            )
    if config.trend.relative_to_reference is True and not config.has_reference:
        raise ValueError("trend.relative_to_reference: true without a reference; expected aoi.reference; fix: name a zone of undisturbed vegetation there")
    if len(set(periods)) != len(periods) or not periods:
        raise ValueError(f"trend.periods: {[list(p) for p in periods]}; expected at least one, each once; fix: remove the repetition")
