"""What each scene showed of each zone: zone_by_scene.csv, and the share that the mask took against the reference."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.coverage import ZoneCoverage
from pipeline.errors import BadInput
from pipeline.kernels.codes import NDVI_UNIT, WEIGHT_UNIT
from pipeline.scenes import Scene
from pipeline.writer import write_text

ZONE_BY_SCENE_COLUMNS = ("zone", "datetime", "item", "ndvi_mean", "clear_pct", "masked_pct", "offset")
MASKED_COLUMNS = ("mine", "sensor", "zone", "role", "scenes", "masked_pct", "reference_masked_pct", "ratio", "warning")
PART_KEYS = {"year", *ZONE_BY_SCENE_COLUMNS}
WARN_ABOVE = 1.5  # times the reference's masked share on the same scenes


def part_rows(scenes: Iterable[Scene], coverages: list[ZoneCoverage], sums: np.ndarray) -> list[dict[str, Any]]:
    """Return one row per scene and zone that the scene shows; `sums` (scenes, zones, 4) as `kernels.observe.zone_sums`.

    `clear_pct` and `masked_pct` are shares of the zone's area; what is left has no data in the scene. `ndvi_mean` is
    over the clear area that is not water, and empty without any.
    """
    whole = [int(np.rint(c.area_m2 / c.area_m2.max() * WEIGHT_UNIT).sum()) for c in coverages]
    rows = []
    for i, scene in enumerate(scenes):
        for j, coverage in enumerate(coverages):
            clear, masked, weight, total = (int(v) for v in sums[i, j])
            if clear + masked == 0:
                continue
            rows.append(
                {
                    "year": scene.year,
                    "zone": coverage.zone,
                    "datetime": scene.when,
                    "item": scene.id,
                    "ndvi_mean": total / NDVI_UNIT / weight if weight else None,
                    "clear_pct": 100 * clear / whole[j],
                    "masked_pct": 100 * masked / whole[j],
                    "offset": scene.offset,
                }
            )
    return rows


def write_part(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write the rows of one year."""
    write_text(path, json.dumps(rows, ensure_ascii=False, indent=0) + "\n")


def read_part(path: Path) -> list[dict[str, Any]]:
    """Return the rows of one year.

    Raises
    ------
    BadInput
        When the file is not what `write_part` wrote.
    """
    try:
        rows = json.loads(path.read_text(encoding="utf-8"))
        good = isinstance(rows, list) and all(isinstance(r, dict) and set(r) == PART_KEYS and all(_is_of(k, r[k]) for k in r) for r in rows)
    except ValueError:
        good = False
    if not good:
        raise BadInput(path, "rows", "content that no run wrote", "the rows of one year", "delete it and run again")
    return list(rows)


def _is_of(key: str, value: Any) -> bool:
    return value is None or isinstance(value, str if key in {"zone", "datetime", "item"} else int | float)


def masked_share(rows: list[dict[str, Any]]) -> float | None:
    """Return the masked share of what scenes showed of a zone, per cent; None where they showed nothing."""
    seen = sum(r["clear_pct"] + r["masked_pct"] for r in rows)
    return 100 * sum(r["masked_pct"] for r in rows) / seen if seen else None


def masked_rows(rows: list[dict[str, Any]], zones: list[dict[str, Any]], references: dict[str, tuple[str, ...]]) -> list[dict[str, Any]]:
    """Return one row per zone: its masked share and that of its reference, on scenes that show both.

    Bright spoil is taken for cloud and dark coal for shadow: a share far above the reference's means that the mask takes
    the ground for weather. `zones` holds the leading columns; `warning` says so above `WARN_ABOVE` times.
    """
    by_zone: dict[str, dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in rows:
        by_zone[row["zone"]][row["item"]] = row
    out = []
    for named in zones:
        own, others = by_zone[named["zone"]], [by_zone[r] for r in references[named["zone"]] if r != named["zone"]]
        shared = [item for item in own if any(item in o for o in others)]
        here = masked_share([own[i] for i in (shared if others else own)])
        there = masked_share([o[i] for o in others for i in shared if i in o]) if others else None
        ratio = here / there if here is not None and there else None
        text = None
        if here is not None and there is not None and here > WARN_ABOVE * there:
            text = "masked far more often than its reference on the same scenes: is the ground taken for cloud or shadow?"
        measured = {"scenes": len(shared if others else own), "masked_pct": here, "reference_masked_pct": there, "ratio": ratio, "warning": text}
        out.append(named | measured)
    return out
