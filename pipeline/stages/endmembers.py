"""The endmember pair of one sensor, for all years: endmembers.json."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import numpy as np

from pipeline.aoi import read_zones
from pipeline.cover import configured_pair, percentiles
from pipeline.coverage import touched_cells, zone_coverages
from pipeline.coverwords import soil_sentences
from pipeline.endmembers import Endmembers
from pipeline.grid import native_grid
from pipeline.reader import open_raster, open_stack
from pipeline.sources import read_pair
from pipeline.stages.job import Job
from pipeline.variants import PERCENTILES
from pipeline.writer import write_text

log = logging.getLogger("minegreen")


def run(job: Job) -> None:
    """Write endmembers.json: the pair, its source, and the number of values pooled for it (by the sensor that it comes from)."""
    config = job.config
    lender, pooled = config.pair_of(job.sensor), dict[str, float]()
    if lender is not None:
        pair, method = read_pair(job.mine_folder.sensor(lender).endmembers), f"pair of the sensor {lender} of this run (fvc.endmembers_from)"
    elif config.fvc.endmembers is not None:
        pair, method = read_pair(Path(config.fvc.endmembers)), "frozen pair of an earlier run"
    else:
        pair, pooled = _from_images(job)
        method = "as configured under fvc"
    described = {
        "soil_ndvi": pair.soil,
        "vegetation_ndvi": pair.vegetation,
        "method": method,
        "fvc": config.fvc.model_dump(mode="json", exclude={"endmembers"}, exclude_none=True),
        "pooled_values": pair.pixels,
    } | ({"percentiles": pooled} if pooled else {})
    for text in soil_sentences(described):
        log.warning("%s: %s", job.sensor, text.en)
    write_text(job.folder.endmembers, json.dumps(described, indent=1) + "\n")


def _from_images(job: Job) -> tuple[Endmembers, dict[str, float]]:
    """Return the pair, and the percentiles that its range is between, found in the same passes; none where no member is a percentile."""
    config = job.config
    pooled: dict[str, float] = {}
    more = tuple(q for pair in PERCENTILES for q in pair)

    def find(wanted: tuple[float, ...]) -> tuple[list[float], int]:
        paths = {year: job.folder.ndvi(year) for year in (config.fvc.years or config.all_years)}
        stack = open_stack(paths, job.block)
        inside = np.ones(stack.shape[1:], bool)
        if config.fvc.region == "zones":
            with open_raster(next(iter(paths.values()))) as dataset:
                grid = native_grid(dataset)
            inside = touched_cells(zone_coverages(read_zones(config, job.config_path), grid), stack.shape[1:])
        with job.computing("endmembers"):
            values, number = percentiles(stack.data, inside, (*wanted, *more))
        if number:
            pooled.update({f"{q:g}": v for q, v in zip(more, values[len(wanted) :], strict=True)})
        return values[: len(wanted)], number

    return configured_pair(config.fvc.soil, config.fvc.vegetation, find), pooled
