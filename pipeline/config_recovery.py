"""The config key `recovery`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from pipeline.config_base import Month
from pipeline.config_catalog import LocalPath
from pipeline.config_dem import WHAT, check_dem, dem_file
from pipeline.config_evaluation import EvaluationKey
from pipeline.errors import nearest

if TYPE_CHECKING:
    from pipeline.config import Config


class Recovery(EvaluationKey):
    """Recovery of each zone against its reference: difference, ratio, completeness, years to recovery, before-after-control-impact contrast."""

    share: Annotated[float, Field(gt=0, le=1)] = Field(
        0.8, description="share of the reference that counts as recovered: 0.8 as in R80P and Y2R of PEOPLE-ER's spectral-recovery"
    )
    least_gap: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="smallest cover that the reference must have above the zone before restoration for completeness to be told, 0..1; no default, as no "
        "source gives one: without it there is no completeness",
    )
    level: Annotated[float, Field(ge=0.5, le=0.99)] = Field(0.9, description="nominal coverage of the intervals; measured coverage: docs/recovery.md")
    works_from: dict[str, Month] = Field(
        default_factory=dict,
        description='by zone: year or month ("2020-05") in which the works of restoration began; seasons from then to `restored` are neither before nor after',
    )
    before_years: Annotated[int, Field(ge=1, le=200)] | None = Field(
        None,
        description="number of the last seasons before restoration (and before `works_from`) that are the state before; default: all, which on a long series "
        "may reach back to undisturbed ground",
    )
    controls: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None,
        description="number of matched control cells of each restored cell (20 in del Rio-Mena et al. 2021), from the reference zones, by NDVI of every year "
        "before restoration; default: none, the reference zone as a whole is the control",
    )
    dem: LocalPath | None = Field(None, description=f"with `controls`: elevation is matched too, as one more year is; {WHAT}")

    def files(self, config: Config, results: Path) -> list[Path]:
        """Return the elevation model."""
        found = dem_file(self.dem, config, results)
        return [] if found is None else [found]


def check_recovery(config: Config) -> None:
    """Refuse recovery without a reference or against restored ground, an elevation model without controls, and works of a zone that is not restored."""
    asked = config.recovery
    if asked is None:
        return
    if not config.has_reference:
        raise ValueError("recovery: no zone has a reference; expected aoi.reference or a zone's `reference`; fix: name undisturbed zones, or remove `recovery`")
    if asked.dem is not None and asked.controls is None:
        raise ValueError("recovery.dem: without recovery.controls; expected both, as elevation serves to match controls; fix: give controls, or remove dem")
    check_dem("recovery.dem", asked.dem, config)
    references = {*config.aoi.reference, *(name for facts in config.aoi.zones.values() for name in facts.reference or ())}
    if renewed := sorted(name for name in references if name in config.aoi.zones and config.aoi.zones[name].restored is not None):
        found = f"{renewed[0]!r}, which has `restored`"
        raise ValueError(f"recovery: the reference is {found}; expected undisturbed ground; fix: name another reference, or remove its `restored`")
    for zone, began in asked.works_from.items():
        facts = config.aoi.zones.get(zone)
        ended = facts.restored if facts else None
        if ended is None:
            dated = ", ".join(repr(name) for name, of in config.aoi.zones.items() if of.restored is not None) or "zones of aoi.zones with it"
            lacks = "has no `restored`" if facts else "is no zone of aoi.zones"
            fix = "give it, or remove the zone here" if facts else nearest(zone, list(config.aoi.zones))
            raise ValueError(f"recovery.works_from: {zone!r} {lacks}; expected {dated}; fix: {fix}")
        if began[: len(ended)] > ended[: len(began)]:
            raise ValueError(f"recovery.works_from: {zone!r} from {began}, restored {ended}; expected works before their end; fix: correct one of them")
