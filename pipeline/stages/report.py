"""The report of a mine: report.html."""

from __future__ import annotations

from pipeline.aoi import read_zones
from pipeline.report.page import page
from pipeline.stages.job import Job
from pipeline.writer import write_text

CACHE_BYTES = 128 * 2**20  # a row of tiles with all bands of a trend raster; GDAL's own share of the memory is far more


def run(job: Job) -> None:
    """Write results/<mine>/report.html."""
    import rasterio

    zones = read_zones(job.config, job.config_path)
    with rasterio.Env(GDAL_CACHEMAX=CACHE_BYTES):
        write_text(job.mine_folder.report, page(job.config, job.mine_folder, zones))
