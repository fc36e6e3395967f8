"""SENSORS: what differs between sensors, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Sensor:
    """One sensor; `resolution_m` is the cell size of its red and NIR bands on the ground."""

    name: str
    title: str
    resolution_m: float
    reference: str


SENSORS: dict[str, Sensor] = {
    s.name: s
    for s in (
        Sensor("sentinel-2", "Sentinel-2 MSI", 10.0, "ESA Sentinel-2 User Handbook: B04 and B08 at 10 m"),
        Sensor("landsat", "Landsat TM, ETM+, OLI", 30.0, "USGS Landsat Collection 2 Level 2: 30 m"),
    )
}
