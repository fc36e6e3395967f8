"""The tables of all sensors as one workbook: tables.xlsx."""

from __future__ import annotations

import logging
from pathlib import Path

from pipeline.errors import one_line
from pipeline.evaluation.records import TABLES as EVALUATED
from pipeline.layout import LEDGER, SCENE_TABLES, SENSITIVITY, TABLES
from pipeline.stages.job import Job
from pipeline.workbook import write_workbook

log = logging.getLogger("minegreen")


def run(job: Job) -> None:
    """Write results/<mine>/tables.xlsx from the CSV tables, which stay the one source of its numbers."""
    tables: dict[str, dict[str, Path]] = {name: {} for name in (*TABLES, *EVALUATED, SENSITIVITY, *SCENE_TABLES, LEDGER)}
    for sensor in job.config.sensors:
        for name, path in job.mine_folder.sensor(sensor).tables(**job.config.tables_of(sensor)).items():
            tables[name][sensor] = path
    for text in write_workbook(job.mine_folder.workbook, {name: parts for name, parts in tables.items() if parts}):
        log.warning("%s", one_line(text))
