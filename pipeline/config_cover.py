"""The keys of fractional vegetation cover: the endmembers and where they come from."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, model_validator

from pipeline.config_base import Id, Model, Year
from pipeline.config_catalog import LocalPath

if TYPE_CHECKING:
    from pipeline.config import Config


class Endmember(Model):
    """One endmember of the cover model: a percentile of the pooled NDVI, or a fixed NDVI."""

    percentile: Annotated[float, Field(ge=0, le=100)] | None = Field(None, description="percentile of the pooled NDVI")
    ndvi: Annotated[float, Field(ge=-1, le=1)] | None = Field(None, description="fixed NDVI, instead of a percentile")

    @model_validator(mode="after")
    def _one_form(self) -> Endmember:
        if (self.percentile is None) == (self.ndvi is None):
            raise ValueError("both or neither of percentile and ndvi; expected one of them; fix: for instance {percentile: 5}")
        return self


class Fvc(Model):
    """Fractional vegetation cover by the dimidiate pixel model; one endmember pair for all years."""

    soil: Endmember = Field(Endmember(percentile=5), description="NDVI of bare ground: {percentile: 0..100} of the pooled NDVI, or {ndvi: value}")
    vegetation: Endmember = Field(Endmember(percentile=95), description="NDVI of closed vegetation, likewise")
    region: Literal["zones", "grid"] = Field("zones", description="pixels pooled for the percentiles: all zones, or the whole grid")
    years: tuple[Year, ...] | None = Field(None, description="years pooled for the percentiles; default all")
    exclude: tuple[Literal["water"], ...] = Field(
        ("water",),
        description="[water]: a pixel that is water in at least half of a year's clear observations has no NDVI and cover that year; []: it keeps them",
    )
    endmembers: LocalPath | None = Field(None, description="endmembers.json of an earlier run: its pair is used unchanged")
    endmembers_from: Id | None = Field(
        None, description="id of a sensor of this mine whose pair all sensors use, so that their cover is on one scale; default: each sensor its own"
    )


def check_cover(config: Config) -> None:
    """Refuse cover settings that do not fit the years and sensors of the config."""
    every = config.all_years
    if config.fvc.years is not None and (not config.fvc.years or not set(config.fvc.years) <= set(every)):
        raise ValueError(f"fvc.years: {list(config.fvc.years)}; expected some of {every[0]}..{every[-1]}; fix: remove the others")
    lender = config.fvc.endmembers_from
    if lender not in (None, *config.sensors):
        raise ValueError(f"fvc.endmembers_from: no sensor {lender!r}; expected one of {', '.join(config.sensors)}; fix: use the sensor's id")
    if lender is not None and config.fvc.endmembers is not None:
        raise ValueError(f"fvc.endmembers_from: {lender} with fvc.endmembers; expected one of them; fix: remove one, a file's pair is that of all sensors")
    soil, vegetation = config.fvc.soil, config.fvc.vegetation
    for low, high in ((soil.percentile, vegetation.percentile), (soil.ndvi, vegetation.ndvi)):
        if low is not None and high is not None and low >= high:
            raise ValueError(f"fvc.soil: {low} with vegetation {high}; expected soil below vegetation; fix: swap or correct them")
