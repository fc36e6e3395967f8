"""Config models of what is done with scenes: mask and composite."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from pipeline.config_base import Model
from pipeline.quality import MASK_NAMES, NEVER_DILATED

MaskName = Literal["cloud", "cirrus", "shadow", "snow", "saturated", "water", "dark", "unclassified"]


class Mask(Model):
    """Which observations of scenes are dropped; no data always is."""

    drop: tuple[MaskName, ...] = Field(
        ("cloud", "cirrus", "shadow", "snow", "saturated"),
        description=f"classes to drop, of: {', '.join(MASK_NAMES)}; one that a sensor's quality layers do not know has no effect, as check says",
    )
    dilate: tuple[MaskName, ...] = Field(("cloud", "shadow"), description="dropped classes that grow by dilate_m; never water or snow")
    dilate_m: Annotated[float, Field(ge=0, le=2500)] = Field(40, description="distance on the ground between cell centres, metres")
    min_reflectance_sum: Annotated[float, Field(ge=0, le=1)] = Field(
        0.04, description="land whose red + NIR reflectance is below this, or of which either is not positive, is no observation"
    )

    @model_validator(mode="after")
    def _dilated_are_dropped(self) -> Mask:
        for name in self.dilate:
            if name in NEVER_DILATED or name not in self.drop:
                raise ValueError(f"dilate: {name}; expected classes of mask.drop other than {' and '.join(NEVER_DILATED)}; fix: remove it, or drop it too")
        return self


class Composite(Model):
    """How the clear observations of one season become one value."""

    method: Annotated[str, StringConstraints(pattern=r"^(median|mean|max|p[0-9]{1,2}|p100)$")] = Field(
        "median", description="median, mean, max, or a percentile such as p75"
    )
    interval: Literal["year", "month"] = Field(
        "year", description="year: one composite per season; month: also one of every calendar month that the season touches, from scenes only"
    )
    min_clear: Annotated[int, Field(ge=1, le=1000)] = Field(2, description="a pixel with fewer clear observations of land has no value in that year, or month")

    @property
    def percentile(self) -> float:
        """Return the percentile that a method other than the mean takes."""
        return {"median": 50.0, "max": 100.0}.get(self.method) or float(self.method[1:])
