"""The chart of cover by zone and year."""

from __future__ import annotations

import logging

from pipeline.aoi import read_zones
from pipeline.attribution import source_line, title_of
from pipeline.captions import cover_caption
from pipeline.coverchart import cover_chart, cover_series, restored_on
from pipeline.lettering import has_chinese
from pipeline.season import season_days
from pipeline.sheet import ENGLISH_ONLY, Words, save
from pipeline.stages.job import Job
from pipeline.tables import read_csv
from pipeline.zonetables import Tables

log = logging.getLogger("minegreen")


def run(job: Job) -> None:
    """Write fvc_by_zone.png beside the table."""
    config, folder = job.config, job.folder
    if not has_chinese():
        log.warning(ENGLISH_ONLY)
    tables = Tables(fvc=read_csv(folder.table("fvc_by_zone")))
    days = season_days(config.season)
    restored = {zone: restored_on(facts.restored, days) for zone, facts in config.aoi.zones.items() if facts.restored}
    series = cover_series(tables.fvc, read_zones(config, job.config_path).references, restored)
    source = source_line(config, job.sensor, (config.years.first, config.years.last), synthetic=job.synthetic)
    save(cover_chart(series, Words(title_of(config, "vegetation cover by zone", job.sensor), (cover_caption(tables),), (source,))), folder.cover_chart)
