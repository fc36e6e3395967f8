"""Pin the images of one sensor and the grid: scenes.json and ledger.csv."""

from __future__ import annotations

import json
import logging

from pipeline.aoi import read_zones
from pipeline.errors import one_line
from pipeline.grid import to_json
from pipeline.sources import inspect, source
from pipeline.stages.job import Job
from pipeline.tables import write_csv
from pipeline.writer import write_text

log = logging.getLogger("minegreen")
LEDGER_COLUMNS = ("item", "datetime", "asset", "status", "reason")


def run(job: Job) -> None:
    """Write scenes.json (grid, bands, one record per year) and ledger.csv (one row per year and band)."""
    config = job.config
    chosen = source(config, job.sensor, job.results)
    zones = read_zones(config, job.config_path)
    for text in zones.warnings:
        log.warning("%s", one_line(text))
    grid, records = inspect(config, job.config_path, job.sensor, zones, chosen)
    pinned = {"grid": to_json(grid), "bands": chosen.bands, "scale": chosen.scale, "offset": chosen.offset, "images": records}
    write_text(job.folder.scenes, json.dumps(pinned, indent=1, ensure_ascii=False) + "\n")
    rows = [
        {
            "item": f"composite {record['year']}",
            "datetime": str(record["year"]),
            "asset": asset,
            "status": "read" if record["file"] else "dropped",
            "reason": None if record["file"] else "declared in missing_years",
        }
        for record in records
        for asset in chosen.bands
    ]
    write_csv(job.folder.ledger, LEDGER_COLUMNS, rows)
