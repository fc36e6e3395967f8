"""Areas by trend class and zone: every square metre of a zone is in exactly one row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from pipeline.classes import GROUPS, LEGEND, legend
from pipeline.coverage import ZoneCoverage
from pipeline.errors import RunFault, one_line
from pipeline.kernels.null import smallest_p_of
from pipeline.manytests import CONTROLLED

AREA_COLUMNS = (
    "mine", "sensor", "variable", "target", "zone", "role", "first_year", "last_year", "test", "scheme", "code", "class_id", "class",
    "area_km2", "area_ha", "area_low_km2", "area_high_km2", "share_pct", "share_valid_pct", "share_reference_pct", "p_min",
    "testable_pct", "area_q_km2", "q_min", "control",
)  # fmt: skip
GROUP_COLUMNS = (
    "mine", "sensor", "variable", "target", "level", "zone", "role", "first_year", "last_year", "test", "scheme", "group",
    "area_km2", "area_ha", "share_pct", "share_valid_pct", "share_reference_pct", "area_q_km2", "control",
)  # fmt: skip
CONTROL = AREA_COLUMNS[-4:]
WATER, TOO_SMALL = 97, 98
TESTED = ("significant_or_slight_increase", "significant_or_slight_decrease")
NOT_CLASSED = (WATER, TOO_SMALL, 99)
KNOWN = {c.code for c in LEGEND if c.code != 0}  # 0 is outside of all zones


def class_areas(codes: np.ndarray, coverage: ZoneCoverage, least_pixels: int = 0) -> dict[int, float]:
    """Return the ground area in m2 of each code inside a zone; `codes` is the zone's window of the class raster.

    The whole area of a zone of fewer than `least_pixels` is `too_small`, whatever its cells are. Raises RunFault where a cell of the zone has a code
    that is no class, so that areas would not sum to the zone.
    """
    if not coverage.holds(least_pixels):
        return {TOO_SMALL: float(coverage.area_m2.sum())}
    sums = np.bincount(codes.ravel(), weights=coverage.area_m2.ravel(), minlength=256)
    found = {int(code): float(sums[code]) for code in np.flatnonzero(sums)}
    if strange := sorted(set(found) - KNOWN):
        raise RunFault(
            f"zone {one_line(coverage.zone)}: cells with code {strange[0]} in the raster of trend classes, which is no class; delete it and run again"
        )
    return found


def usual_n(n: np.ndarray, coverage: ZoneCoverage, least_pixels: int = 0) -> int:
    """Return the number of valid years that the largest part of a zone has; 0 where the zone is too small to be classed."""
    if not coverage.holds(least_pixels):
        return 0
    values = np.nan_to_num(n, nan=0).astype(np.int64)
    return int(np.bincount(values.ravel(), weights=coverage.area_m2.ravel()).argmax())


def total(areas: list[dict[int, float]]) -> dict[int, float]:
    """Return the sum of several zones' class areas."""
    return {code: sum(a.get(code, 0.0) for a in areas) for code in {c for a in areas for c in a}}


def _shares(part: float, areas: dict[int, float]) -> tuple[float, float | None]:
    whole = sum(areas.values())
    valid = whole - sum(areas.get(c, 0.0) for c in NOT_CLASSED)
    return 100 * part / whole, 100 * part / valid if valid > 0 else None


def _told(areas: dict[int, float], codes: tuple[int, ...]) -> bool:
    """Return whether the area of some codes is known: not that of a class where all is too small to be classed."""
    return set(areas) != {TOO_SMALL} or TOO_SMALL in codes


def area_rows(
    scheme: str,
    significance: str,
    areas: dict[int, float],
    reference: dict[int, float],
    n: int,
    common: dict[str, Any],
    control: Mapping[int, Mapping[str, Any]] | None = None,
    *,
    test: str = "mann-kendall",
    months: int | np.ndarray = 0,
) -> list[dict[str, Any]]:
    """Return one row per class of the scheme, zeros included, then water, too small, insufficient; empty where all is too small to be classed.

    `control`: what `pipeline.control.control_cells` says of each class. `test` and `months`: of which test the classes are, and of how many
    months. `reference` holds the class areas of the zone's
    reference zones together, empty without one. Cells of 98 and 99 and water are no trend class: `share_valid_pct` leaves them out of the denominator, and is
    empty for themselves.
    """
    rows = []
    for c in (c for c in legend(scheme) if c.code != 0):
        area = areas.get(c.code, 0.0)
        share, valid = _shares(area, areas)
        known = {"area_km2": area / 1e6, "area_ha": area / 1e4, "share_pct": share}
        rows.append(
            common
            | {"scheme": scheme, "code": c.code, "class_id": c.class_id, "class": c.label, "area_low_km2": None, "area_high_km2": None}
            | (known if _told(areas, (c.code,)) else dict.fromkeys(known))
            | {"share_valid_pct": None if c.code in NOT_CLASSED else valid}
            | {"share_reference_pct": _shares(reference.get(c.code, 0.0), reference)[0] if reference and _told(reference, (c.code,)) else None}
            | {"p_min": smallest_p_of(test, n, months, significance)}
            | dict.fromkeys(CONTROL)
            | dict((control or {}).get(c.code, {}))
        )
    return rows


def group_rows(
    scheme: str,
    areas: dict[int, float],
    reference: dict[int, float],
    common: dict[str, Any],
    control: Mapping[int, Mapping[str, Any]] | None = None,
) -> list[dict[str, Any]]:
    """Return one row per group of classes; `increase` holds `significant_or_slight_increase`, likewise `decrease`.

    `control`: of the classes of one zone (`pipeline.control.control_cells`); it stands in the rows of what is at least slightly significant.
    """
    rows = []
    for group, codes in GROUPS.items():
        area = sum(areas.get(code, 0.0) for code in codes)
        share, valid = _shares(area, areas)
        there = sum(reference.get(code, 0.0) for code in codes)
        known = {"area_km2": area / 1e6, "area_ha": area / 1e4, "share_pct": share}
        rows.append(
            common
            | {"scheme": scheme, "group": group}
            | (known if _told(areas, codes) else dict.fromkeys(known))
            | {"share_valid_pct": None if group in {"water", "insufficient"} else valid}
            | {"share_reference_pct": _shares(there, reference)[0] if reference and _told(reference, codes) else None}
            | (_controlled(codes, control or {}) if group in TESTED else {"area_q_km2": None, "control": None})
        )
    return rows


def _controlled(codes: tuple[int, ...], control: Mapping[int, Mapping[str, Any]]) -> dict[str, Any]:
    """Return area and status of a group: what its classes that can be controlled hold; where none can, why."""
    own = [control[code] for code in codes if code in control]
    known = [row["area_q_km2"] for row in own if row["area_q_km2"] is not None]
    words = [row["control"] for row in own]
    return {"area_q_km2": sum(known) if known else None, "control": CONTROLLED if CONTROLLED in words else next(iter(words), None)}


def without_water(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return rows of either table with water as not known: prepared composites do not tell it, and nothing unknown is a zero."""
    names = ("area_km2", "area_ha", "area_low_km2", "area_high_km2", "share_pct", "share_reference_pct")
    return [row | {name: None for name in names if name in row} if row.get("code") == WATER or row.get("group") == "water" else row for row in rows]


def with_bounds(rows: list[dict[str, Any]], bounds: dict[int, tuple[float, float]] | None) -> list[dict[str, Any]]:
    """Return rows of one zone with the bounds of their areas, given in m2 by code; empty where none are known, and where the area is not."""
    out = []
    for row in rows:
        known = bounds is not None and row["area_km2"] is not None
        low, high = bounds[row["code"]] if bounds is not None and known else (None, None)
        out.append(row | {"area_low_km2": None if low is None else low / 1e6, "area_high_km2": None if high is None else high / 1e6})
    return out
