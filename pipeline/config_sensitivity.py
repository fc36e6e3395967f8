"""The config key `sensitivity`."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from pipeline.config_base import Model

LEAST_CONTRAST = 0.05  # NDVI between the endmembers; below it cover would be noise
LARGEST_AUTO = 5_000_000  # cells of the grid


class FixedPair(Model):
    """NDVI of bare ground and of closed vegetation."""

    soil: Annotated[float, Field(ge=-1, le=1, description="NDVI of bare ground")]
    vegetation: Annotated[float, Field(gt=0, le=1, description="NDVI of closed vegetation, above soil")]

    @model_validator(mode="after")
    def _order(self) -> FixedPair:
        if not self.vegetation - self.soil >= LEAST_CONTRAST:
            raise ValueError(f"soil {self.soil:g}, vegetation {self.vegetation:g}; expected vegetation at least {LEAST_CONTRAST} above soil; fix: correct them")
        return self


class Sensitivity(Model):
    """Whether sensitivity.csv is made, and what for; `sensitivity: auto` is short for `{run: auto}`."""

    run: Literal["auto"] | bool = Field("auto", description="as the short form: auto, true or false")
    fixed: FixedPair | None = Field(
        None,
        description="the pair {soil: NDVI, vegetation: NDVI} of the variant `endmembers_fixed`, from your own field spectra or a source that you cite; "
        "no default: the pairs in use in the literature could not be verified",
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        return given if isinstance(given, dict | Sensitivity) else {"run": given}

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        """Return the schema of the long form and of the short one."""
        return {"anyOf": [{"const": "auto"}, {"type": "boolean"}, handler.resolve_ref_schema(handler(core))]}

    def refused(self, cells: int) -> str | None:
        """Return why no variant is computed on a grid of this many cells, None where they are."""
        if self.run is False:
            return "sensitivity: false"
        if self.run == "auto" and cells > LARGEST_AUTO:
            return f"the grid has {cells:,} cells, `sensitivity: auto` goes up to {LARGEST_AUTO:,}; say `sensitivity: true`"
        return None
