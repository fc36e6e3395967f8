"""Pin the images of one sensor and the grid: scenes.json and ledger.csv."""

from __future__ import annotations

import json
import logging
from collections import Counter
from typing import Any

from pipeline import scenes
from pipeline.aoi import Zones, read_zones
from pipeline.config_catalog import SYNTHETIC
from pipeline.config_months import no_sensitivity
from pipeline.errors import BadInput, one_line
from pipeline.grid import sensor_grid, to_json
from pipeline.inspection import catalog_of, inspected, made_by_software
from pipeline.margin import UNUSABLE
from pipeline.sources import inspect, source
from pipeline.stages.job import Job
from pipeline.tables import write_csv
from pipeline.writer import write_text

log = logging.getLogger("minegreen")
LEDGER_COLUMNS = ("item", "datetime", "asset", "status", "reason")


def run(job: Job) -> None:
    """Write scenes.json (grid, and the scenes or the yearly composites) and ledger.csv (one row per listed asset)."""
    zones = read_zones(job.config, job.config_path)
    for text in zones.warnings:
        log.warning("%s", one_line(text))
    if job.has_scenes:
        _scenes(job, zones)
    else:
        _composites(job, zones)


def _scenes(job: Job, zones: Zones) -> None:
    found = inspected(job.config, job.config_path, job.sensor, zones, catalog_of(job.config, job.sensor, job.results))
    for text in found.warnings:
        log.warning("%s", one_line(text))
    for status, number in sorted(Counter(row["status"] for row in found.ledger).items()):
        log.info("%s: %d of %d listed assets %s", job.sensor, number, len(found.ledger), status)
    pinned: dict[str, Any] = {
        "grid": to_json(found.grid),
        "warnings": found.warnings,
        "synthetic": _synthetic(job),
        "scenes": [scenes.to_json(s) for s in found.scenes],
    }
    height, width = found.grid.shape
    if job.config.sensors[job.sensor].searched:
        _as_planned(job, zones, height * width)
    if no_sensitivity(job.config, height * width) is None:
        pinned["margin"] = [scenes.to_json(s) for s in found.margin]
        pinned["margin_unusable"] = len({row["item"] for row in found.ledger if str(row["reason"]).startswith(UNUSABLE)})
    write_text(job.folder.scenes, json.dumps(pinned, indent=1, ensure_ascii=False) + "\n")
    write_csv(job.folder.ledger, LEDGER_COLUMNS, found.ledger)


def _synthetic(job: Job) -> bool:
    marked = made_by_software(job.config, job.sensor, job.results)
    if marked and job.config.sensors[job.sensor].catalog not in SYNTHETIC:
        log.warning("%s: the images are marked as synthetic, made by software, not observed; every result says so", job.sensor)
    return marked


def _as_planned(job: Job, zones: Zones, cells: int) -> None:
    """Refuse a grid on the limit of `sensitivity: auto`: the run was planned before the images were known, by the grid of the zones."""
    rows, columns = sensor_grid(job.config, job.sensor, zones, None, job.config_path).shape
    if (no_sensitivity(job.config, rows * columns) is None) != (no_sensitivity(job.config, cells) is None):
        raise BadInput(
            job.config_path,
            "sensitivity",
            f"auto, with {cells:,} cells of the images' grid and {rows * columns:,} planned",
            "true or false, so near the limit of auto",
            "say `sensitivity: true`, or false",
        )


def _composites(job: Job, zones: Zones) -> None:
    """Pin one image per year; the ledger has one row per year and band."""
    chosen = source(job.config, job.sensor)
    grid, records = inspect(job.config, job.config_path, job.sensor, zones, chosen)
    pinned: dict[str, Any] = {
        "grid": to_json(grid),
        "bands": chosen.bands,
        "scale": chosen.scale,
        "offset": chosen.offset,
        "synthetic": _synthetic(job),
        "images": records,
    }
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
