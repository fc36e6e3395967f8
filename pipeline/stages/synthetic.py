"""Write the synthetic mine: scenes and truth, weather and relief."""

from __future__ import annotations

from pathlib import Path

from pipeline import synthetic, synthetic_history, synthetic_landsat, synthetic_modis, synthetic_site
from pipeline.stages.job import Job


def run(job: Job, kind: str) -> None:
    """Write what a kind of sensor sees of the mine, its `history` or its `site`, into results/<mine>/synthetic/."""
    aoi, folder = Path(job.config.aoi.path), job.mine_folder.synthetic
    if kind == "landsat":
        synthetic_landsat.generate(aoi, folder)
    elif kind == "modis":
        synthetic_modis.generate(aoi, folder)
    elif kind == "history":
        synthetic_history.generate(aoi, folder, threads=job.threads)
    elif kind == "site":
        synthetic_site.generate(aoi, folder)
    else:
        synthetic.generate(aoi, folder, threads=job.threads)
