"""The parts of the page that evaluations fill, in the order of EVALUATIONS."""

from __future__ import annotations

from collections.abc import Callable

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.layout import SensorFolder
from pipeline.report import on_breaks, on_climate, on_footprint, on_landcover, on_recovery, on_strata, on_water
from pipeline.report.part import Part

PARTS: dict[str, Callable[[Config, Zones, str, SensorFolder], Part]] = {
    "recovery": on_recovery.part,
    "climate": on_climate.part,
    "landcover": on_landcover.part,
    "footprint": on_footprint.part,
    "water": on_water.part,
    "breaks": on_breaks.part,
    "strata": on_strata.part,
}


def evaluated(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> list[Part]:
    """Return the parts of a sensor's evaluations, made from their CSV tables."""
    return [PARTS[e.key](config, zones, sensor, folder) for e in config.evaluations_of(sensor)]
