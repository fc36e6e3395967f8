"""What each scene showed of each zone, of all years: zone_by_scene.csv and masked_by_zone.csv."""

from __future__ import annotations

import logging

from pipeline.aoi import read_zones
from pipeline.coverwords import masked_warning
from pipeline.errors import one_line
from pipeline.observed import MASKED_COLUMNS, ZONE_BY_SCENE_COLUMNS, masked_rows, read_part
from pipeline.stages.job import Job
from pipeline.tables import write_csv

log = logging.getLogger("minegreen")


def run(job: Job) -> None:
    """Write both tables; a zone that is masked far more often than its reference is named in the log."""
    config, folder = job.config, job.folder
    zones = read_zones(config, job.config_path)
    rows = [row for year in config.all_years for row in read_part(folder.zone_by_scene(year))]
    write_csv(folder.table("zone_by_scene"), ZONE_BY_SCENE_COLUMNS, [{k: r[k] for k in ZONE_BY_SCENE_COLUMNS} for r in rows])
    named = [
        {"mine": config.mine, "sensor": job.sensor, "zone": zone, "role": role} for zone, role in zip(zones.frame["zone"], zones.frame["role"], strict=True)
    ]
    shares = masked_rows(rows, named, zones.references)
    for row in shares:
        log.info("masked: %s", one_line(f"{row['zone']}: {_percent(row['masked_pct'])} %, reference {_percent(row['reference_masked_pct'])} %"))
        if row["warning"]:
            log.warning("%s", one_line(masked_warning(row)))
    write_csv(folder.table("masked_by_zone"), MASKED_COLUMNS, shares)


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1f}"
