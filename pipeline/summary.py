"""The mines of a results folder side by side: one row per finished mine and sensor, from its tables alone.

Zones that are a reference of another are compared with, never summed. A mine whose tables are not those of its run.json is left
out, with the reason.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.config import RESERVED_MINE_IDS
from pipeline.config_base import MINE_ID
from pipeline.evaluation.methodstable import EFFECT_COLUMNS, METHOD_COLUMNS, compare
from pipeline.evaluation.methodzones import RECOVERY, TABLES, MethodZone, method_zones, takes_part
from pipeline.layout import MineFolder, SensorFolder, SummaryFolder
from pipeline.manifest import sha256
from pipeline.tables import csv_text, read_csv
from pipeline.zonetables import Row, number

SHARES = ("increase", "decrease", "no_change", "water", "insufficient")  # of all area: they add up to 100
TESTED = ("significant_or_slight_increase", "significant_or_slight_decrease")
SUMMARY_COLUMNS = (
    "mine", "title", "sensor", "synthetic", "variable", "first_year", "last_year", "zones", "area_km2", "fvc_from", "fvc_to", "change_points",
    "reference_change_points", "valid_both_pct", *(f"{group}_pct" for group in (*SHARES, *TESTED)), "p_min", "warnings", "report",
)  # fmt: skip
READ = ("fvc_change_by_zone", "trend_area_by_zone", "trend_groups_by_zone")


@dataclass(frozen=True)
class Summary:
    """Rows of mines.csv; the warnings of each mine; why other folders are left out; and zones for the comparison of methods."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    warnings: dict[str, list[str]] = field(default_factory=dict)
    left_out: dict[str, str] = field(default_factory=dict)
    zones: list[MethodZone] = field(default_factory=list)


def finished(results: Path) -> list[str]:
    """Return the ids of the mines below a results folder that have a run.json, sorted."""
    names = (p.parent.name for p in results.glob("*/run.json") if p.is_file())
    return sorted(n for n in names if re.fullmatch(MINE_ID, n) and n not in RESERVED_MINE_IDS)


def summarise(results: Path) -> Summary:
    """Return what the finished mines of a results folder say."""
    found = Summary()
    for mine in finished(results):
        folder = MineFolder(results, mine)
        try:
            run = json.loads(folder.manifest.read_text(encoding="utf-8"))
            if run["config"]["mine"] != mine:
                found.left_out[mine] = f"its run.json is of the mine {run['config']['mine']}"
                continue
            rows = [_row(folder, run, sensor) for sensor in run["config"]["sensors"]]
            zones = [zone for sensor in run["config"]["sensors"] for zone in _method_zones(folder, run, sensor)]
            warnings = [str(text) for text in run["warnings"]]
        except Changed as error:
            found.left_out[mine] = f"{error} is not as its run left it"
            continue
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            found.left_out[mine] = f"its tables cannot be read ({type(error).__name__}: {error}); run it again"
            continue
        found.rows.extend(rows)
        found.zones.extend(zones)
        found.warnings[mine] = warnings
    return found


def tables(folder: SummaryFolder, found: Summary) -> dict[Path, str]:
    """Return the tables of all mines as text, by their path."""
    methods = compare(found.zones)
    return {
        folder.table: csv_text(SUMMARY_COLUMNS, found.rows),
        folder.methods: csv_text(METHOD_COLUMNS, methods.rows),
        folder.effects: csv_text(EFFECT_COLUMNS, methods.effects),
    }


def stale(results: Path) -> list[str]:
    """Return a line for each table of all mines that is there and does not say what the mines' tables do; none where there is no summary/mines.csv."""
    folder = SummaryFolder(results)
    if not folder.table.is_file():
        return []
    old = [p.name for p, text in tables(folder, summarise(results)).items() if p.is_file() and p.read_bytes() != text.encode()]
    return [f"{folder.root}: changed, or older than the mines: {name}; `minegreen summary {results}` makes it anew" for name in old]


class Changed(Exception):
    """A table differs from the checksum in run.json."""


def _row(folder: MineFolder, run: dict[str, Any], sensor: str) -> dict[str, Any]:
    config = run["config"]
    change, area, groups = (_table(folder, folder.sensor(sensor), name, run["sha256"]) for name in READ)
    first, last = (config["trend"]["periods"] or [[config["years"]["first"], config["years"]["last"]]])[0]
    of_pair = {r["zone"]: r for r in change if (r["from_year"], r["to_year"]) == (str(first), str(last))}
    mine, reference = split(list(of_pair), config["aoi"])
    period = {"first_year": str(first), "last_year": str(last), "target": "absolute"}
    areas = _areas([r for r in groups if r["level"] == "zone" and _has(r, period)])
    own, there = (_together([of_pair[z] for z in zones], areas) for zones in (mine, reference))
    whole = _whole(mine, areas)
    known = {g for g in (*SHARES, *TESTED) if whole > 0 and any(g in areas[z] for z in mine)}  # a zone too small is in `insufficient`
    shares = {f"{g}_pct": 100 * sum(areas[z].get(g, 0.0) for z in mine) / whole if g in known else None for g in (*SHARES, *TESTED)}
    return {
        "mine": folder.mine,
        "title": config["title"] or folder.mine,
        "sensor": sensor,
        "synthetic": "yes" if sensor in run["synthetic"] else "no",
        "variable": config["trend"]["variable"],
        "first_year": first,
        "last_year": last,
        "zones": len(mine),
        "area_km2": whole,
        "fvc_from": own[0],
        "fvc_to": own[1],
        "change_points": _points(*own[:2]),
        "reference_change_points": _points(*there[:2]),
        "valid_both_pct": 100 * own[2] / whole if whole > 0 else None,
        **shares,
        "p_min": _usual_p([r for r in area if r["zone"] in mine and _has(r, period)]),
        "warnings": len(run["warnings"]),
        "report": f"../{folder.mine}/{folder.report.name}" if folder.report.is_file() else None,
    }


def _method_zones(folder: MineFolder, run: dict[str, Any], sensor: str) -> list[MethodZone]:
    config = run["config"]
    if not takes_part(config):
        return []
    asked = config.get("recovery")
    recovered = asked is not None and (asked["sensors"] is None or sensor in asked["sensors"])
    names = (*TABLES, *((RECOVERY,) if recovered else ()))
    read = {name: _table(folder, folder.sensor(sensor), name, run["sha256"]) for name in names}
    own, _ = split(list(dict.fromkeys(r["zone"] for r in read["trend_by_zone"])), config["aoi"])
    return method_zones(config, sensor, own, read)


def _table(folder: MineFolder, sensor: SensorFolder, name: str, listed: dict[str, str]) -> list[dict[str, str]]:
    path = sensor.table(name)
    relative = str(path.relative_to(folder.root))
    if sha256(path) != listed[relative]:
        raise Changed(relative)
    return read_csv(path)


def _has(row: Row, cells: dict[str, str]) -> bool:
    return all(row[name] == value for name, value in cells.items())


def split(zones: list[str], aoi: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the zones that are no reference of any, and those that are, by the config's `aoi`."""
    named = {*aoi["reference"], *(name for facts in aoi["zones"].values() for name in facts["reference"] or ())}
    return [z for z in zones if z not in named], [z for z in zones if z in named]


def _areas(rows: list[dict[str, str]]) -> dict[str, dict[str, float]]:
    """Return the area of each group in each zone, km2; water is absent where it is not known."""
    out: dict[str, dict[str, float]] = {}
    for r in rows:
        if (area := number(r["area_km2"])) is not None:
            out.setdefault(r["zone"], {})[r["group"]] = area
    return out


def _whole(zones: list[str], areas: dict[str, dict[str, float]]) -> float:
    return sum(areas[z].get(g, 0.0) for z in zones for g in SHARES)


def _together(rows: list[dict[str, str]], areas: dict[str, dict[str, float]]) -> tuple[float | None, float | None, float]:
    """Return the mean cover of zones together in the earlier and the later year, and the area of what it is the mean of, km2.

    Each zone counts with the ground area of its cells valid in both years, so that the mean is that of all those cells.
    """
    known = []
    for r in rows:
        before, after, both = number(r["fvc_from"]), number(r["fvc_to"]), number(r["valid_both_pct"])
        if before is not None and after is not None and both:
            known.append((before, after, _whole([r["zone"]], areas) * both / 100))
    weight = sum(w for _, _, w in known)
    if weight <= 0:
        return None, None, 0.0
    return sum(b * w for b, _, w in known) / weight, sum(a * w for _, a, w in known) / weight, weight


def _points(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else 100 * (after - before)


def _usual_p(rows: list[dict[str, str]]) -> float | None:
    """Return the p_min of the zones that hold most of the area."""
    held: Counter[float] = Counter()
    for r in rows:
        if (p := number(r["p_min"])) is not None:
            held[p] += number(r["area_km2"]) or 0.0  # type: ignore[assignment]  # areas are no counts
    return max(held, key=lambda p: held[p]) if held else None
