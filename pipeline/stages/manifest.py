"""Close a run: run.json."""

from __future__ import annotations

import json

from pipeline.aoi import read_zones
from pipeline.manifest import describe
from pipeline.stages.job import Job
from pipeline.writer import write_text


def run(job: Job) -> None:
    """Write results/<mine>/run.json."""
    config, root = job.config, job.mine_folder.root
    content = describe(root, config, read_zones(config, job.config_path).warnings)
    write_text(root / "run.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
