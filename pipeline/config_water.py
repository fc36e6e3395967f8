"""The config key `water`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from pipeline.config_evaluation import EvaluationKey

if TYPE_CHECKING:
    from pipeline.config import Config

Share = Annotated[float, Field(gt=0, le=100)]


class Water(EvaluationKey):
    """Pit lakes: patches of water of a zone and year, and whether the zone's succession is terrestrial, aquatic or mixed."""

    connectivity: Literal[4, 8] = Field(description="cells of a lake hang together by their sides (4), or by sides and corners (8); lakes are counted by it")
    least_m2: Annotated[float, Field(ge=0)] = Field(0.0, description="area in m2 from which a patch of water is a lake; by default every patch is")
    terrestrial_below_pct: Share | None = Field(
        None, description="share of the zone's area in per cent: with less water its succession is terrestrial; no default, as the study gives none"
    )
    aquatic_from_pct: Share | None = Field(
        None, description="share in per cent: from here on succession is aquatic, between the two mixed; without both bounds no type is told"
    )


def check_water(config: Config) -> None:
    """Refuse water of prepared composites, which hold none, and bounds that are half given or out of order."""
    asked = config.water
    if asked is None:
        return
    made = [s for s in config.sensors if asked.sensors is None or s in asked.sensors]
    if dry := [s for s in made if config.sensors[s].catalog is None]:
        wet = [s for s in config.sensors if config.sensors[s].catalog is not None]
        fix = f"set water.sensors: [{', '.join(wet)}]" if wet else "remove `water`"
        raise ValueError(f"water: {dry[0]!r} has prepared composites, which do not tell water; expected sensors with `catalog`; fix: {fix}")
    if "water" in config.mask.drop:
        raise ValueError("water: with `water` in mask.drop, which takes every observation of water away; expected it kept; fix: remove it from mask.drop")
    low, high = asked.terrestrial_below_pct, asked.aquatic_from_pct
    if (low is None) != (high is None):
        given = "terrestrial_below_pct" if high is None else "aquatic_from_pct"
        raise ValueError(f"water.{given}: given alone; expected terrestrial_below_pct and aquatic_from_pct, or neither; fix: give the other, or remove it")
    if low is not None and high is not None and low > high:
        raise ValueError(f"water.terrestrial_below_pct: {low:g}; expected at most aquatic_from_pct, {high:g}; fix: swap or correct them")
