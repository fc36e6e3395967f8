"""Close a run: run.json."""

from __future__ import annotations

import json
import logging

from pipeline.aoi import read_zones
from pipeline.manifest import describe, leftovers
from pipeline.stages.job import Job
from pipeline.writer import write_text

log = logging.getLogger("minegreen")
NAMED = 5


def run(job: Job) -> None:
    """Write results/<mine>/run.json."""
    config, root = job.config, job.mine_folder.root
    if left := [str(p.relative_to(root)) for p in leftovers(root, config)]:
        named = f"{', '.join(left[:NAMED])}{f' and {len(left) - NAMED} more' if len(left) > NAMED else ''}"
        log.warning("left in %s of an earlier configuration, and not of this run: %s; delete or move them: `minegreen verify` names each", root, named)
    content = describe(root, config, read_zones(config, job.config_path).warnings)
    write_text(root / "run.json", json.dumps(content, indent=1, ensure_ascii=False) + "\n")
