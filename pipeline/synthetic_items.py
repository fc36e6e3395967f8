"""What the scenes of the synthetic mine have in common: the mark that they are made, their files, their STAC items."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.writer import Band, RasterSpec, raster_target, write_text

LABEL = {"source": "synthetic: made by minegreen, not observed"}
COG = "image/tiff; application=geotiff; profile=cloud-optimized"


@dataclass(frozen=True)
class Asset:
    """One file of a scene: its title, values (y, x), no-data value, and what its item says of the band."""

    title: str
    values: np.ndarray
    nodata: float | None
    band: dict[str, Any]


def write(path: Path, values: np.ndarray, geobox: Any, spec: RasterSpec) -> None:
    """Write one band (y, x)."""
    write_bands(path, values[None], geobox, spec)


def write_bands(path: Path, values: np.ndarray, geobox: Any, spec: RasterSpec) -> None:
    """Write several bands (band, y, x)."""
    height, width = geobox.shape
    with raster_target(path, geobox, spec) as target:
        target.put(slice(0, height), slice(0, width), values)


def write_scene(folder: Path, scenes: str, name: str, assets: dict[str, Asset], geobox: Any, tags: dict[str, str]) -> dict[str, Any]:
    """Write `<scenes>/<name>/<asset>.tif` below a folder, and return the assets of its STAC item, hrefs relative to the folder."""
    listed = {}
    for key, asset in assets.items():
        href = f"{scenes}/{name}/{key}.tif"
        kind = asset.values.dtype.name
        write(folder / href, asset.values, geobox, RasterSpec((Band(key),), kind, asset.nodata, LABEL | tags))
        listed[key] = {"href": href, "type": COG, "title": asset.title, "roles": ["data"], "raster:bands": [{"data_type": kind} | asset.band]}
    return listed


def feature(name: str, geobox: Any, properties: dict[str, Any], assets: dict[str, Any], extensions: list[str]) -> dict[str, Any]:
    """Return the STAC item of one scene, its outline that of the grid's corners."""
    box = geobox.boundingbox
    x, y = np.array([box.left, box.right, box.right, box.left, box.left]), np.array([box.bottom, box.bottom, box.top, box.top, box.bottom])
    lon, lat = _to_degrees(geobox.crs.to_wkt()).transform(x, y)
    corners = np.column_stack([lon, lat]).round(7).tolist()
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": extensions,
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [corners]},
        "bbox": [*np.min(corners, axis=0).tolist(), *np.max(corners, axis=0).tolist()],
        "properties": properties
        | {
            "proj:shape": list(geobox.shape),
            "proj:transform": [float(v) for v in geobox.affine[:6]],
            "minegreen:source": LABEL["source"],
        },
        "collection": "minegreen-synthetic",
        "links": [],
        "assets": assets,
    }


@cache
def _to_degrees(wkt: str) -> Any:
    from pyproj import CRS, Transformer

    return Transformer.from_crs(CRS.from_wkt(wkt), 4326, always_xy=True)


def write_collection(path: Path, items: list[dict[str, Any]]) -> None:
    """Write an item collection."""
    write_text(path, json.dumps({"type": "FeatureCollection", "stac_version": "1.0.0", "features": items}, indent=1) + "\n")


def write_record(path: Path, record: dict[str, Any]) -> None:
    """Write what was planted."""
    write_text(path, json.dumps(record, indent=1, ensure_ascii=False) + "\n")
