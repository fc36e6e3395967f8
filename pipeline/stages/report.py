"""The report of a mine: report.html."""

from __future__ import annotations

from pipeline.aoi import read_zones
from pipeline.report.page import page
from pipeline.stages.job import Job
from pipeline.writer import write_text


def run(job: Job) -> None:
    """Write results/<mine>/report.html."""
    write_text(job.mine_folder.report, page(job.config, job.mine_folder, read_zones(job.config, job.config_path)))
