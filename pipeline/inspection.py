"""The inspection of a catalogue, kept until catalogue, files, options or code change: opening every scene takes time.

The preflight of the workflow and the job that pins the scenes ask for the same; the second finds it here. What is kept
lies outside the results, holds no query of a URL, and may be deleted at any time.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import grid as grids
from pipeline import scenes
from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.config_catalog import HISTORY, SYNTHETIC
from pipeline.images import is_remote, resolve, stamp_of
from pipeline.layout import MineFolder
from pipeline.listing import fingerprint, listed
from pipeline.margin import with_margin
from pipeline.provenance import code, digest, options
from pipeline.reader import open_raster
from pipeline.scenes import Inspected
from pipeline.sources import source
from pipeline.writer import write_text

CACHE = Path(".snakemake") / "minegreen" / "inspected"


def catalog_of(config: Config, sensor: str, results: Path) -> Path:
    """Return the item collection or folder of a sensor: the user's, or what a job of the run writes."""
    entry, folder = config.sensors[sensor], MineFolder(results, config.mine)
    if entry.searched:
        return folder.sensor(sensor).items
    if entry.catalog in SYNTHETIC:
        return folder.synthetic_items("history" if entry.catalog == HISTORY else config.kind(sensor))
    return Path(str(entry.catalog))


def inspected(config: Config, config_path: Path, sensor: str, zones: Zones, catalog: Path) -> Inspected:
    """Return `pipeline.scenes.inspect` of a catalogue with the scenes of shifted seasons, kept from the last time where nothing has changed."""
    kept = CACHE / f"{_key(config, sensor, zones, catalog)}.json"
    with suppress(OSError, ValueError, LookupError, TypeError, AttributeError, RuntimeError):  # what cannot be used is made again
        values = json.loads(kept.read_text(encoding="utf-8"))
        return Inspected(
            grids.from_json(values["grid"]),
            tuple(scenes.from_json(s) for s in values["scenes"]),
            tuple(values["ledger"]),
            tuple(values["warnings"]),
            int(values["listed"]),
            tuple(scenes.from_json(s) for s in values["margin"]),
        )
    found = with_margin(scenes.inspect(config, config_path, sensor, zones, catalog), config, sensor, zones, catalog)
    there = listed(catalog, config.kind(sensor))
    found = replace(found, ledger=(*found.ledger, *there.rows()), listed=found.listed + len(there.refused))
    text = {
        "grid": grids.to_json(found.grid),
        "scenes": [scenes.to_json(s) for s in found.scenes],
        "ledger": found.ledger,
        "warnings": found.warnings,
        "listed": found.listed,
        "margin": [scenes.to_json(s) for s in found.margin],
    }
    with suppress(OSError):  # where nothing can be kept, the next call inspects again
        write_text(kept, json.dumps(text, ensure_ascii=False))
    return found


def made_by_software(config: Config, sensor: str, results: Path) -> bool:
    """Return whether images of a sensor are marked as synthetic: an item by `minegreen:source`, a prepared composite by its tag `source`.

    The marks are those that the synthetic mine and every raster made from it carry, so that a copy of them is told from what
    was observed.
    """
    if config.sensors[sensor].catalog is not None:
        marks = [item.properties.get("minegreen:source") for item in listed(catalog_of(config, sensor, results), config.kind(sensor)).items]
    else:
        marks = []
        for path in filter(None, source(config, sensor).files.values()):
            with open_raster(path) as dataset:
                marks.append(dataset.tags().get("source"))
    return any(str(mark).startswith("synthetic") for mark in marks)


def _key(config: Config, sensor: str, zones: Zones, catalog: Path) -> str:
    """Return a hash of everything that the inspection depends on; of local files their size and time of change."""
    items = listed(catalog, config.kind(sensor)).items
    files: dict[str, Any] = {}
    for item in items:
        for asset in item.assets.values():
            try:
                href = resolve(asset.href, catalog)
            except ValueError:
                continue
            if not is_remote(href):
                files[href] = stamp_of(href)
    outline = [zones.frame.crs.to_wkt(), zones.frame.to_wkb(hex=True).to_json()]
    home = "" if config.sensors[sensor].searched else str(catalog.absolute())  # of a search no href is relative
    whole = [home, digest(options(config, "scenes", sensor)), code("scenes"), outline, sorted(files.items())]
    return hashlib.sha256(json.dumps([fingerprint(catalog), *whole]).encode()).hexdigest()[:32]
