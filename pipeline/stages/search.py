"""Pin the items of a STAC API: items.json."""

from __future__ import annotations

import json
import logging

from pipeline.aoi import read_zones
from pipeline.errors import BadInput
from pipeline.search import api_of, search
from pipeline.stages.job import Job
from pipeline.writer import write_text

log = logging.getLogger("minegreen")


def run(job: Job) -> None:
    """Write items.json: every item of the collection that meets the zones and the seasons, in a fixed order."""
    entry = job.config.sensors[job.sensor]
    if not entry.searched:
        raise BadInput(job.config_path, f"sensors.{job.sensor}.catalog", entry.catalog, "a preset or the address of a STAC API", "there is nothing to search")
    text = search(job.config, job.sensor, read_zones(job.config, job.config_path))
    log.info("%s: %d items of %s at %s", job.sensor, len(json.loads(text)["features"]), job.config.collection(job.sensor), api_of(job.config, job.sensor))
    write_text(job.folder.items, text)
