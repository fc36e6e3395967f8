"""Write the synthetic mine: scenes and truth."""

from __future__ import annotations

from pathlib import Path

from pipeline import synthetic
from pipeline.stages.job import Job


def run(job: Job) -> None:
    """Write results/<mine>/synthetic/."""
    synthetic.generate(Path(job.config.aoi.path), job.mine_folder.synthetic, threads=job.threads)
