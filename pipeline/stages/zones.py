"""The zones with their results, as a GeoPackage."""

from __future__ import annotations

from pipeline.aoi import read_zones
from pipeline.geopackage import write_zones, zone_columns
from pipeline.stages.job import Job


def run(job: Job) -> None:
    """Write results/<mine>/zones.gpkg from the tables of every sensor."""
    config, root = job.config, job.mine_folder
    zones = read_zones(config, job.config_path)
    columns: dict[str, list[float | None]] = {}
    for sensor in config.sensors:
        columns |= zone_columns(root.sensor(sensor), sensor, config.periods, zones.names, config.targets)
    write_zones(root.zones, zones, columns)
