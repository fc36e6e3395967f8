"""run.json: what made the results, and a checksum of each; and its verification."""

from __future__ import annotations

import hashlib
import json
import re
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pipeline
from pipeline.config import Config
from pipeline.config_catalog import SYNTHETIC
from pipeline.config_months import months_of
from pipeline.coverwords import clamped_sentences, masked_warning, soil_sentences
from pipeline.errors import BadInput
from pipeline.evaluation.records import EVALUATIONS
from pipeline.layout import REFERENCE, RELATIVE
from pipeline.provenance import is_synthetic
from pipeline.tables import read_csv
from pipeline.words import zone_named

SUFFIXES = {".tif", ".csv", ".json", ".gpkg", ".xlsx", ".png"}
APART = {"run.json", "check.png"}  # the manifest itself, and what `minegreen check` draws at any time
DATED = re.compile(r"(?:^|_)([0-9]{4}(?:-(?:[0-9]{4}|[0-9]{2}))?)[.]")  # the year, month or period in the name of a product
LIBRARIES = (
    "numpy", "numba", "dask", "xarray", "rioxarray", "rasterio", "odc-geo", "geopandas", "shapely", "exactextract", "pydantic", "snakemake", "XlsxWriter",
)  # fmt: skip


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def products(root: Path) -> list[Path]:
    """Return every product below results/<mine>/ that the manifest covers, sorted."""
    found = (p for p in root.rglob("*") if p.is_file() and p.suffix in SUFFIXES and not p.name.startswith("."))
    return sorted(p for p in found if str(p.relative_to(root)) not in APART and "logs" not in p.relative_to(root).parts)


def leftovers(root: Path, config: Config) -> list[Path]:
    """Return the products below results/<mine>/ of an earlier configuration: of a sensor, year, month, period, target or evaluation that it has no more."""
    folders = {*config.sensors, *(["synthetic"] if any(s.catalog in SYNTHETIC for s in config.sensors.values()) else [])}
    spans = {str(y) for y in config.all_years} | {f"{a}-{b}" for a, b in config.periods}
    spans |= {f"{y}-{m:02d}" for y in config.all_years for m in months_of(config)}
    gone = () if RELATIVE in config.targets else (f"_{RELATIVE}_",)
    made = {name: {f for e in config.evaluations_of(name) for f in e.files} for name in config.sensors}
    evaluated = {f for e in EVALUATIONS.values() for f in e.files}

    def current(path: Path) -> bool:
        named = DATED.search(path.name)
        if len(path.parts) == 1:
            return True
        wanted = (named is None or named[1] in spans) and not any(word in path.name for word in gone)
        if path.name in evaluated and path.name not in made.get(path.parts[0], ()):
            return False
        return path.parts[0] in folders and (path.parts[0] == "synthetic" or wanted)

    return [p for p in products(root) if not current(p.relative_to(root))]


def warnings_of(folder: Path) -> list[str]:
    """Return what a sensor's results warn of: of its images, zones taken for cloud, cover beyond the endmembers, and references that do not fit."""
    pinned = json.loads((folder / "scenes.json").read_text(encoding="utf-8"))
    found = list(pinned.get("warnings", []))
    masked = folder / "masked_by_zone.csv"
    if "scenes" in pinned and masked.is_file():  # without scenes it is of an earlier run
        found += [masked_warning(r) for r in read_csv(masked) if r["warning"]]
    if (folder / "endmembers.json").is_file():
        found += [text.en for text in soil_sentences(json.loads((folder / "endmembers.json").read_text(encoding="utf-8")))]
    if (folder / "fvc_by_zone.csv").is_file():
        rows = read_csv(folder / "fvc_by_zone.csv")
        found += [
            f"{zone_named(zone)}: {text.en}"
            for zone in dict.fromkeys(r["zone"] for r in rows)
            for text in clamped_sentences([r for r in rows if r["zone"] == zone])
        ]
    if (folder / f"{REFERENCE}.csv").is_file():
        found += [f"{zone_named(r['zone'])}: {r['warning']}" for r in read_csv(folder / f"{REFERENCE}.csv") if r["warning"]]
    return found


def software() -> dict[str, str]:
    """Return the version of every library that decides a result."""
    return {"minegreen": pipeline.__version__, "python": sys.version.split()[0]} | {name: version(name) for name in LIBRARIES}


def describe(root: Path, config: Config, warnings: tuple[str, ...]) -> dict[str, Any]:
    """Return the content of run.json, without what is left of an earlier configuration; no times, so that equal runs give equal bytes."""
    ledgers, left = {}, set(leftovers(root, config))
    for name in config.sensors:
        ledgers[name] = dict(Counter(row["status"] for row in read_csv(root / name / "ledger.csv")))
    return {
        "software": software(),
        "config": config.model_dump(mode="json"),
        "warnings": [*warnings, *(text for name in config.sensors for text in warnings_of(root / name))],
        "ledger": ledgers,
        "synthetic": [name for name in config.sensors if is_synthetic(root / name / "scenes.json")],
        "sha256": {str(p.relative_to(root)): sha256(p) for p in products(root) if p not in left},
    }


def verify(results: Path) -> list[str]:
    """Return what differs between run.json and the files; empty when all is well.

    `results` is results/<mine>/ or a folder of such folders.

    Raises
    ------
    BadInput
        When there is no run.json, or it cannot be read.
    """
    roots = [results] if (results / "run.json").is_file() else sorted(p.parent for p in results.glob("*/run.json"))
    if not roots:
        raise BadInput(results, "RESULTS", "no run.json", "the results folder of a finished run", "run snakemake first")
    return [f"{root}: {line}" for root in roots for line in _compare(root)]


def unfinished(results: Path) -> list[str]:
    """Return the mines of a results folder that a run has begun and not finished: they have no run.json to be compared with."""
    begun = {pinned.parents[1] for pinned in results.glob("*/*/scenes.json")}
    return sorted(mine.name for mine in begun if not (mine / "run.json").is_file())


def _compare(root: Path) -> list[str]:
    try:
        listed: dict[str, str] = dict(json.loads((root / "run.json").read_text(encoding="utf-8"))["sha256"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(root / "run.json", "manifest", error, "a manifest written by a run", "run snakemake again") from None
    present = {str(p.relative_to(root)): p for p in products(root)}
    out = [f"missing: {name}" for name in listed if name not in present]
    out += [f"changed: {name}" for name, path in present.items() if name in listed and sha256(path) != listed[name]]
    return out + [f"not of this run: {name}" for name in present if name not in listed]
