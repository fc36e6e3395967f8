"""The config key `strata`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, StringConstraints, model_validator

from pipeline.config_catalog import LocalPath
from pipeline.config_dem import WHAT, check_dem, dem_file
from pipeline.config_evaluation import EvaluationKey

if TYPE_CHECKING:
    from pipeline.config import Config

Slope = Annotated[float, Field(gt=0, lt=90)]
Azimuth = Annotated[float, Field(ge=0, lt=360)]
OF_DEM = ("platform_below_deg", "steep_from_deg", "sunny_deg")


class Strata(EvaluationKey):
    """Tables by stratum: by terrain from an elevation model (`dem`), or by landforms that the zones' file names (`field`)."""

    dem: LocalPath | None = Field(None, description=WHAT)
    field: Annotated[str, StringConstraints(min_length=1, max_length=200)] | None = Field(
        None,
        description="attribute of the zones' file with the landform of each feature; features of one zone name with different landforms are then one zone",
    )
    platform_below_deg: Slope = Field(5.0, description="with `dem`: slope in degrees below which ground is a platform")
    steep_from_deg: Slope = Field(
        25.0,
        description="with `dem`: slope in degrees from which it is steep; 25: China's Water and Soil Conservation Law, article 20, forbids crops there",
    )
    sunny_deg: tuple[Azimuth, Azimuth] = Field(
        (90.0, 270.0),
        description="with `dem`: aspects, degrees clockwise from true north, from which to which a slope in between is sunny, the others being shady, in the "
        "northern hemisphere; in the southern one north and south change places. Default: the half that faces the noon sun; sources differ: docs/strata.md",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> Strata:
        if (self.dem is None) == (self.field is None):
            found = "neither `dem` nor `field`" if self.dem is None else "both `dem` and `field`"
            raise ValueError(f"{found}; expected one of them; fix: {'give one' if self.dem is None else 'remove one'}")
        if self.field is not None and (given := [key for key in OF_DEM if key in self.model_fields_set]):
            raise ValueError(f"{given[0]} with `field`; expected it with `dem` only; fix: remove it, landforms come from the file")
        if self.platform_below_deg >= self.steep_from_deg:
            found = f"platform_below_deg {self.platform_below_deg:g}, steep_from_deg {self.steep_from_deg:g}"
            raise ValueError(f"{found}; expected the first below the second; fix: correct one of them")
        if self.sunny_deg[0] == self.sunny_deg[1]:
            raise ValueError(f"sunny_deg {list(self.sunny_deg)}; expected two different directions; fix: for instance [90, 270]")
        return self

    def files(self, config: Config, results: Path) -> list[Path]:
        """Return the elevation model."""
        found = dem_file(self.dem, config, results)
        return [] if found is None else [found]


def check_strata(config: Config) -> None:
    """Refuse the attribute of the zones' names as that of landforms, and the synthetic elevation model of a mine that is not synthetic."""
    if config.strata is not None:
        if config.strata.field is not None and config.strata.field == (config.aoi.zone_field or "zone"):
            raise ValueError(f"strata.field: {config.strata.field!r}, the name of the zone; expected the attribute of the landform; fix: name another")
        check_dem("strata.dem", config.strata.dem, config)
