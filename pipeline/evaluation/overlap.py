"""A reference must be other ground than the zones that are compared with it."""

from __future__ import annotations

from pathlib import Path

from pipeline.aoi import Zones
from pipeline.errors import BadInput

LEAST_SHARE = 1e-4  # of the smaller zone: edges cut along one another differ by what a projection bends them


def check_overlap(zones: Zones, path: str | Path) -> None:
    """Refuse (BadInput) a zone that overlaps a zone of its own reference: what is restored would then be part of what it is compared with.

    A zone that is its own reference is not compared and is passed over. `path` is that of the AOI file, for the message.
    """
    frame = zones.on("EPSG:6933", 1.0)  # equal area, metres
    polygons = dict(zip(frame["zone"], frame.geometry, strict=True))
    for zone, references in zones.references.items():
        for other in references:
            if zone in references or not polygons[zone].intersects(polygons[other]):
                continue
            shared = polygons[zone].intersection(polygons[other]).area / min(polygons[zone].area, polygons[other].area)
            if shared > LEAST_SHARE:
                found = f"its reference {other} overlaps it by {100 * shared:.3g} % of the smaller"
                raise BadInput(str(path), f"zone {zone}", found, "a reference outside of the zones compared with it", "cut the polygons apart")
