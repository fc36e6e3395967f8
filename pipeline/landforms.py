"""Features of the zones' file that are parts of a zone: landforms by an attribute, and the zones that they make up together."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.errors import BadInput, nearest

if TYPE_CHECKING:
    import geopandas as gpd

UNNAMED = "unknown"  # the landform of a feature whose attribute is empty
LEAST_OVERLAP = 1e-6  # of the smaller feature: edges drawn twice differ by rounding


def landforms_of(frame: gpd.GeoDataFrame, path: Path, field: str) -> list[str]:
    """Return the landform of each feature, `unknown` where the attribute is empty; BadInput without the attribute, or where it is empty everywhere."""
    fields = [c for c in frame.columns if c != frame.geometry.name]
    if field not in fields:
        fix = nearest(field, fields) if fields else "give `strata.dem` instead, or a file with attributes"
        raise BadInput(path, "strata.field", field, f"an attribute of the file: {', '.join(fields) or 'it has none'}", fix)
    found = ["" if value is None or value != value else str(value).strip() for value in frame[field]]
    if not any(found):
        raise BadInput(path, f"strata.field, {field}", "no landform in any feature", "the landform of each feature", "fill the attribute")
    return [text or UNNAMED for text in found]


def joined(frame: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    """Return one row per zone, in the order in which zones first come, with the union of its features; BadInput where landforms of a zone overlap."""
    import shapely

    rows: dict[str, list[int]] = {}
    for row, name in enumerate(frame["zone"]):
        rows.setdefault(name, []).append(row)
    polygons: list[Any] = []
    for name, own in rows.items():
        parts = [frame.geometry.iloc[row] for row in own]
        for (i, a), (j, b) in combinations(zip(own, parts, strict=True), 2):
            shared = a.intersection(b).area / min(a.area, b.area)
            if shared > LEAST_OVERLAP:
                found = f"landforms {frame['stratum'].iloc[i]} and {frame['stratum'].iloc[j]} overlap by {100 * shared:.3g} % of the smaller"
                raise BadInput(path, f"rows {i + 1} and {j + 1}, zone {name}", found, "landforms that share edges only", "cut the polygons apart")
        polygons.append(parts[0] if len(parts) == 1 else shapely.union_all(parts))
    first = frame.iloc[[own[0] for own in rows.values()]]
    return first.set_geometry(polygons, crs=frame.crs).reset_index(drop=True)
