"""The QGIS project of a mine."""

from __future__ import annotations

import json

from pipeline import grid as grids
from pipeline.aoi import read_zones
from pipeline.qgis import project_xml, write_project
from pipeline.stages.job import Job


def run(job: Job) -> None:
    """Write results/<mine>/<mine>.qgz; what it shows need not be there yet."""
    config, root = job.config, job.mine_folder
    boxes, synthetic = {}, []
    for sensor in config.sensors:
        pinned = json.loads(root.sensor(sensor).scenes.read_text(encoding="utf-8"))
        synthetic += [sensor] if pinned["synthetic"] else []
        boxes[sensor] = grids.from_json(pinned["grid"])
    write_project(root.project, project_xml(config, root, boxes, read_zones(config, job.config_path), synthetic))
