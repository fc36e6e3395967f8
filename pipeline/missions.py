"""What an item must be, for its sensor: of a known mission and level, with the quality layers that the mask needs."""

from __future__ import annotations

import re
from collections.abc import Container
from pathlib import Path

from pipeline.adjustments import ADJUSTMENTS
from pipeline.errors import BadInput
from pipeline.sensors import SceneRule
from pipeline.stac import Asset, Item


def check_mission(item: Item, rule: SceneRule, adjust: str, catalog: Path) -> None:
    """Refuse an item of an unknown mission where layers or adjustment depend on it, and one of another processing level.

    Raises
    ------
    BadInput
        Naming the item, its platform or level.
    """
    known, fix = rule.missions, "give the item its `platform`, or remove it"
    if adjust != "none":
        lines = ADJUSTMENTS[adjust]
        known, fix = (*lines.unchanged, *lines.lines), f"{fix}; without `adjust: {adjust}` other platforms of the sensor can be read"
    if known and item.mission not in known:
        found = item.properties.get("platform") or "none"
        raise BadInput(catalog, f"item {item.id}: platform", found, f"one of {', '.join(known)}", fix)
    told = re.match(r"L[CEOT]0([4-9])_", item.id)
    if told and known and item.mission != f"landsat-{told[1]}":
        raise BadInput(catalog, f"item {item.id}: platform", item.properties.get("platform"), f"landsat-{told[1]}, as its id says", "correct the item")
    for name, start in rule.levels.items():
        level = item.properties.get(name)
        if level is not None and not str(level).zfill(len(start)).startswith(start):
            raise BadInput(catalog, f"item {item.id}: {name}", level, f"{start}...", "search Landsat Collection 2, Level 2")


def lacking(roles: Container[str], rule: SceneRule, drop: tuple[str, ...]) -> str | None:
    """Return why an item without some quality layer cannot be read, None where it can."""
    if "mask" not in roles:
        return f"no quality layer ({', '.join(rule.names('mask'))})"
    for layer in rule.quality:
        wanted = [name for name in layer.needed_for if name in drop]
        if wanted and layer.role not in roles:
            return f"no layer that tells {wanted[0]} ({', '.join(layer.names)}); mask.drop without it reads the item"
    return None


def linear(asset: Asset, band: int, role: str, rule: SceneRule, catalog: Path, item: Item) -> tuple[float, float]:
    """Return scale and offset of NDVI, or the scale of red and NIR (their offset is decided later).

    Raises
    ------
    BadInput
        Where what is published is not what the sensor's files have.
    """
    scale, offset = asset.number("scale", band), asset.number("offset", band)
    if role == "ndvi" and scale is None:
        scale = rule.scale_ndvi
    if role == "ndvi" and scale is None:
        raise BadInput(catalog, f"item {item.id}: asset {asset.key}", "no scale", "raster:bands with a scale", "add {scale: 1} where the values are NDVI")
    where = f"item {item.id}: asset {asset.key}"
    scale = rule.scale if scale is None else scale
    own = rule.scale_ndvi if role == "ndvi" else rule.scale
    if own is not None and not abs(scale - own) <= 1e-6 * own:
        raise BadInput(catalog, f"{where}: scale", scale, f"{own:g}, as the provider's files have it", "correct the item")
    if role != "ndvi" and rule.offset_from is None and offset is not None and not abs(offset - rule.offset) <= 1e-9:
        raise BadInput(catalog, f"{where}: offset", offset, f"{rule.offset:g}, as the provider's files have it", "correct the item")
    if not 0 < scale <= 1:
        raise BadInput(catalog, f"{where}: scale", scale, "a number above 0, at most 1", "correct the item")
    if role == "ndvi" and not abs(offset or 0.0) <= 1:
        raise BadInput(catalog, f"{where}: offset", offset, "NDVI, -1 to 1", "correct the item")
    return scale, (offset or 0.0) if role == "ndvi" else 0.0
