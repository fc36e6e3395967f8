"""The report of a mine: report.html."""

from __future__ import annotations

import logging

from pipeline.aoi import read_zones
from pipeline.errors import BadInput
from pipeline.report.page import page
from pipeline.stages.job import Job
from pipeline.writer import write_text

log = logging.getLogger("minegreen")
CACHE_BYTES = 128 * 2**20  # a row of tiles with all bands of a trend raster; GDAL's own share of the memory is far more


def run(job: Job) -> None:
    """Write results/<mine>/report.html."""
    import rasterio

    zones = read_zones(job.config, job.config_path)
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        try:
            text = page(job.config, job.mine_folder, zones)
        except (KeyError, ValueError, StopIteration) as error:
            log.debug("report", exc_info=True)
            found, fix = f"{type(error).__name__}: {error}", "delete the table that was changed (`minegreen verify` names it) and run snakemake again"
            raise BadInput(job.mine_folder.root, "tables", found, "tables as the run wrote them", fix) from None
    write_text(job.mine_folder.report, text)
