"""What a product depends on: a hash of the code of its stage and a digest of the options that the stage reads."""

from __future__ import annotations

import ast
import hashlib
import json
from functools import cache
from pathlib import Path
from typing import Any

from pipeline.config import Config
from pipeline.config_months import is_seasonal
from pipeline.evaluation.records import EVALUATIONS

HOME = Path(__file__).parent

# The parts of a config that each stage reads, beside the ids; `sensor` stands for the entry of the stage's sensor,
# `searched` for its catalogue and collection, `references` for which zones are compared with which, `seasonal` for a test of monthly values.
GEOMETRY = ("aoi.path", "aoi.repair", "aoi.encoding", "aoi.zone_field")
REPORTED = (
    "mine", "title", "aoi", "grid", "years", "season", "sensors", "mask", "composite", "fvc", "trend", "sensitivity", "uncertainty", *EVALUATIONS,
)  # fmt: skip
READS: dict[str, tuple[str, ...]] = {
    "synthetic": ("aoi.path",),
    "search": ("searched", "years", "season", "grid.buffer_m", *GEOMETRY),
    "scenes": ("sensor", "years", "season", "sensitivity.run", "seasonal", "grid", *GEOMETRY),
    "composite": ("sensor", "season", "mask", "composite.method", "composite.min_clear", "fvc.exclude", *GEOMETRY),  # rasters of months change no other
    "observations": ("mine", "aoi", "years"),
    "endmembers": ("fvc", "years", *GEOMETRY),
    "fvc": ("fvc", "years"),
    "trend": ("trend.variable", "trend.test", "trend.significance", "season", "trend.relative_to_reference", "years", *GEOMETRY, "references"),
    "classes": ("trend", "fvc.exclude", "grid.clip", *GEOMETRY, "references"),
    "areas": ("mine", "aoi", "years", "season", "trend", "fvc", "composite.method", "uncertainty"),
    "sensitivity": ("mine", "sensor", "aoi", "years", "season", "composite.method", "fvc", "trend", "sensitivity"),
    "map": ("mine", "title", "aoi", "trend", "season", "sensor", "composite.method"),
    "chart": ("mine", "title", "aoi", "years", "season", "sensor", "composite.method"),
    "previews": ("mine", "title", "aoi", "years", "season", "sensor", "mask"),
    "workbook": ("mine", "sensors", "sensitivity.run", "seasonal", *EVALUATIONS),
    "zones": ("mine", "aoi", "years", "sensors", "trend.periods", "trend.relative_to_reference"),
    "project": (
        "mine",
        "title",
        "aoi",
        "years",
        "season",
        "sensors",
        "trend.variable",
        "trend.scheme",
        "trend.periods",
        "trend.relative_to_reference",
        "breaks",
        "climate",
        "footprint",
    ),
    "report": REPORTED,
    "manifest": (*REPORTED, "methods", "network"),
} | {e.key: (e.key, *e.options) for e in EVALUATIONS.values()}
BLOCKS = ("body", "orelse", "finalbody", "handlers", "cases")  # where a statement holds others
TEMPLATES = {".j2", ".css", ".js"}
FILE_KEYS = {"path", "composites", "catalog", "endmembers", "precipitation", "temperature", "title", "requester_pays"}


def options(config: Config, stage: str, sensor: str | None = None) -> dict[str, Any]:
    """Return the options that a stage reads, as plain values."""
    whole = config.model_dump(mode="json")
    if sensor is not None:
        whole["sensor"] = {sensor: whole["sensors"][sensor]}
        whole["searched"] = {sensor: [config.sensors[sensor].catalog, config.collection(sensor)]}
    whole["references"] = [config.aoi.reference, {zone: facts.reference for zone, facts in config.aoi.zones.items()}]
    whole["seasonal"] = is_seasonal(config)
    if config.strata is not None and config.strata.field is not None:  # features of one name are then one zone
        whole["aoi"]["zone_field"] = [config.aoi.zone_field, config.strata.field]
    out: dict[str, Any] = {}
    for path in READS[stage]:
        value: Any = whole
        for key in path.split("."):
            value = value[key]
        out[path] = value
    return out


def digest(values: Any, *, with_files: bool = True) -> str:
    """Return a short hash of plain values; without file names and titles for what is written into products."""
    if not with_files:
        values = _without_files(values)
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:16]


def _without_files(values: Any) -> Any:
    if isinstance(values, dict):
        return {k: _without_files(v) for k, v in values.items() if k.split(".")[-1] not in FILE_KEYS}
    return [_without_files(v) for v in values] if isinstance(values, list) else values


@cache
def is_synthetic(scenes: Path) -> bool:
    """Return whether the images of a sensor are made by software, not observed, as its scenes.json says."""
    return bool(json.loads(scenes.read_text(encoding="utf-8"))["synthetic"])


def code(stage: str) -> str:
    """Return a hash of the source of a stage's module, of everything in `pipeline` that it imports, of their data (`<module>.csv`) and the templates beside."""
    todo, seen = [f"pipeline.stages.{stage}"], set()
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += imports(module)
    text = "".join(f"{m}\n{_source(m).read_text(encoding='utf-8')}" for m in sorted(seen))
    folders = sorted({_source(m).parent for m in seen})
    text += "".join(f"{p.name}\n{p.read_text(encoding='utf-8')}" for f in folders for p in sorted(f.iterdir()) if p.suffix in TEMPLATES)
    text += "".join(data.read_text(encoding="utf-8") for m in sorted(seen) if (data := _source(m).with_suffix(".csv")).exists())
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _source(module: str) -> Path:
    path = HOME.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def imports(module: str) -> list[str]:
    """Return the `pipeline` modules that a module imports anywhere, except for type checking only."""
    return list(_imported(_source(module).read_text(encoding="utf-8")))


@cache
def _imported(source: str) -> tuple[str, ...]:
    """Return the imports of a module's source, sorted; most modules belong to many stages and are parsed once."""
    found: set[str] = set()
    todo: list[ast.AST] = [ast.parse(source)]
    while todo:  # statements alone: an import is none of the many expressions
        node = todo.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "pipeline":
            names = [f"{node.module}.{a.name}" for a in node.names]
            found |= {n if _source(n).exists() else node.module for n in names}
        elif isinstance(node, ast.Import):
            found |= {a.name for a in node.names if a.name.split(".")[0] == "pipeline"}
        todo += [child for block in BLOCKS for child in getattr(node, block, ())]
    return tuple(sorted(found - {"pipeline"}))
