"""The config key `methods`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from pipeline.config_base import Model

Weight = Annotated[float, Field(ge=0, le=1e6)]


class Weights(Model):
    """Weights of the indicators of summary/methods.csv in the score; only their ratios count, and one that is not named has none."""

    cover: Weight = Field(0, description="weight of the mean cover after restoration")
    gain: Weight = Field(0, description="weight of the change beyond that of the reference")
    completeness: Weight = Field(0, description="weight of the completeness of the last year")
    stability: Weight = Field(0, description="weight of moving with the reference in good and bad years")
    trend_shares: Weight = Field(0, description="weight of the area that rises against the reference minus that which falls")
    relative_trend: Weight = Field(0, description="weight of the slope of the zone minus its reference")

    @model_validator(mode="after")
    def _some(self) -> Weights:
        if not sum(self.model_dump().values()) > 0:
            raise ValueError("no weight above 0; expected at least one; fix: for instance `{gain: 1, stability: 1}`, or remove `methods`")
        return self


class Methods(Model):
    """Restoration methods compared over all mines of the results folder (summary/methods.csv)."""

    weights: Weights = Field(description="weights of the score, the same in every mine; there are no default weights, and without the key there is no score")
