"""The synthetic Jiangcang mine as scenes like Sentinel-2 L2A: planted ground, planted sky, a STAC item per scene, and the truth.

Deterministic for a seed, whatever the number of threads. Imports nothing of the code that reads it.
"""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import ground, sky
from pipeline.planted import COAL, COAL_CELLS, COAL_COVER, SKY, SOIL, VEGETATION, WATER, YEARS, ZONES, baseline, dates
from pipeline.writer import Band, RasterSpec, write_raster, write_text

PERIODS = ((2021, 2024), (2020, 2024))
LABEL = {"source": "synthetic: made by minegreen, not observed"}
OVERLAP = 30  # columns of 10 m that the west and the east tile share
SCALE, SHIFT = 10000, 1000  # digital numbers: reflectance x 10000, plus 1000 from baseline 04.00 on
WEST, EAST = "47SNC", "47SPC"
COLOURS = {
    0: (0, 0, 0, 0),
    2: (64, 64, 64, 255),
    3: (120, 60, 20, 255),
    4: (80, 160, 40, 255),
    5: (220, 200, 120, 255),
    6: (40, 90, 200, 255),
    8: (170, 170, 170, 255),
    9: (240, 240, 240, 255),
    10: (120, 200, 230, 255),
}
EXTENSIONS = [
    "https://stac-extensions.github.io/eo/v1.1.0/schema.json",
    "https://stac-extensions.github.io/grid/v1.1.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.1.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.1.0/schema.json",
]


def generate(aoi: Path, folder: Path, *, noise: bool = True, seed: int = 1538243, threads: int = 1) -> None:
    """Write `items.json`, `scenes/<id>/B04.tif`, `B08.tif`, `SCL.tif`, and the truth.

    The truth: `truth_fvc_<year>.tif` (NaN where water), `truth_water_<year>.tif`, `truth_class_<a>-<b>.tif` and `truth.json`.
    `noise=False` leaves out noise, the season's curve, haze, missed and false clouds; clouds and shadows are the same.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    import dask

    planted = ground.make(aoi, seed)

    def days_of(year: int) -> list[sky.Day]:
        return sky.plan(planted, seed, year, noise)

    def scenes_of(key: tuple[int, int]) -> list[dict[str, Any]]:
        return _write_day(folder, planted, plans[key[0]][key[1]], key, seed, noise)

    with dask.config.set(scheduler="synchronous"), ThreadPoolExecutor(threads) as pool:
        truth = pool.submit(_write_truth, folder, planted)
        plans = dict(zip(YEARS, pool.map(days_of, YEARS), strict=True))
        keys = [(year, index) for year in YEARS for index in range(12)]
        items = dict(zip(keys, pool.map(scenes_of, keys), strict=True))
        truth.result()
    record = {
        "note": LABEL["source"],
        "seed": seed,
        "noise": noise,
        "soil": SOIL,
        "vegetation": VEGETATION,
        "zones": _zones(),
        "coal": {"zone": "Pit No. 7", "cells_of_10_m": COAL_CELLS, "red": COAL[0], "nir": COAL[1], "fvc": COAL_COVER},
        "water": {"red": WATER[0], "nir": WATER[1]},
        "sky": _sky_record(plans, items, noise),
    }
    write_text(folder / "truth.json", json.dumps(record, indent=1, ensure_ascii=False) + "\n")
    features = [item for key in keys for item in items[key]]
    write_text(folder / "items.json", json.dumps({"type": "FeatureCollection", "stac_version": "1.0.0", "features": features}, indent=1) + "\n")


def _zones() -> dict[str, Any]:
    table: dict[str, Any] = {}
    for name, zone in ZONES.items():
        table[name] = {
            "fvc_mean": dict(zip(map(str, YEARS), zone.means, strict=True)),
            "shares_2021_2024": {str(k): v for k, v in zone.shares.items()},
        }
        if zone.lake is not None:
            table[name]["water_share"] = dict(zip(map(str, YEARS), zone.lake, strict=True))
    return table


def _sky_record(plans: dict[int, list[sky.Day]], items: dict[tuple[int, int], list[dict[str, Any]]], noise: bool) -> dict[str, Any]:
    row, col, size = SKY.blind_patch
    planted = {"noise_sd": SKY.noise_sd, "missed": SKY.missed, "false": SKY.false, "haze": SKY.haze, "season_fall": SKY.season_fall} if noise else {}
    return planted | {
        "blind_patch": {"year": SKY.blind_year, "first_row": 2 * row, "first_column": 2 * col, "cells_of_10_m": [2 * size, 2 * size]},
        "days": {
            dates(year)[index].isoformat(): {"items": [item["id"] for item in items[year, index]], **day.shares()}
            for year, days in plans.items()
            for index, day in enumerate(days)
        },
    }


def _write_truth(folder: Path, planted: ground.Ground) -> None:
    fvc = RasterSpec((Band("fvc", "1"),), "float32", float("nan"), LABEL)
    water = RasterSpec((Band("water"),), "uint8", 255, LABEL, {0: (0, 0, 0, 0), 1: (40, 90, 200, 255)})
    for i, year in enumerate(YEARS):
        known = planted.inside & ~planted.water[i]
        _write(folder / f"truth_fvc_{year}.tif", np.where(known, planted.cover[i], np.nan).astype(np.float32), planted.geobox, fvc)
        _write(folder / f"truth_water_{year}.tif", planted.water[i].astype(np.uint8), planted.geobox, water)
    for first, last in PERIODS:
        spec = RasterSpec((Band("truth_class"),), "uint8", 0, LABEL)
        _write(folder / f"truth_class_{first}-{last}.tif", planted.classes(first, last), planted.geobox, spec)


def _write(path: Path, values: np.ndarray, geobox: Any, spec: RasterSpec) -> None:
    import dask.array as da

    write_raster(path, da.from_array(values[None], chunks=(1, 512, 512)), geobox, spec)


def _write_day(folder: Path, planted: ground.Ground, day: sky.Day, key: tuple[int, int], seed: int, noise: bool) -> list[dict[str, Any]]:
    """Write the one or two scenes of a date and return their items."""
    year, index = key
    pair = np.rint(sky.observe(planted, day, seed, year, index, noise) * SCALE).astype(np.uint16)
    width = pair.shape[2]
    half, more = width // 4 * 2, OVERLAP // 2 // 2 * 2  # even columns: SCL has cells of 20 m
    tiles = {WEST: (0, half + OVERLAP - more), EAST: (half - more, width)} if index in SKY.two_tiles else {WEST: (0, width)}
    items = []
    for tile, (left, right) in tiles.items():
        scl = day.scl[:, left // 2 : right // 2]
        level = baseline(year, index, east=tile == EAST)
        shift = SHIFT if level >= "04.00" else 0
        numbers = np.where(ground.fine(scl) == sky.NO_DATA, 0, pair[:, :, left:right] + np.uint16(shift)).astype(np.uint16)
        item = _item(year, index, tile, level, planted.geobox[:, left:right], scl)
        tags = LABEL | {"datetime": item["properties"]["datetime"], "processing_baseline": level}
        for name, values in (("B04", numbers[0]), ("B08", numbers[1]), ("SCL", scl)):
            coarse = name == "SCL"
            spec = RasterSpec((Band(name),), "uint8" if coarse else "uint16", 0, tags, COLOURS if coarse else None)
            _write(folder / item["assets"][name]["href"], values, _grid(planted.geobox[:, left:right], coarse), spec)
        items.append(item)
    return items


def _grid(geobox: Any, coarse: bool) -> Any:
    from affine import Affine
    from odc.geo.geobox import GeoBox

    height, width = geobox.shape
    return GeoBox((height // 2, width // 2), geobox.affine @ Affine.scale(2), geobox.crs) if coarse else geobox


def _item(year: int, index: int, tile: str, level: str, geobox: Any, scl: np.ndarray) -> dict[str, Any]:
    """Return the STAC item of one scene; hrefs are relative to items.json."""
    from rasterio.warp import transform_bounds

    day, letter = dates(year)[index], "AB"[index % 2]
    name = f"SYN_S2{letter}_{tile}_{day:%Y%m%d}_L2A"
    west, south, east, north = (round(v, 7) for v in transform_bounds(geobox.crs.to_wkt(), "EPSG:4326", *geobox.boundingbox))
    assets = {}
    for key in ("B04", "B08", "SCL"):
        coarse = key == "SCL"
        grid = _grid(geobox, coarse)
        band = {"nodata": 0, "data_type": "uint8", "spatial_resolution": 20}
        if not coarse:
            band = {"nodata": 0, "data_type": "uint16", "scale": 1 / SCALE, "offset": -SHIFT / SCALE if level >= "04.00" else 0, "spatial_resolution": 10}
        assets[key] = {
            "href": f"scenes/{name}/{key}.tif",
            "type": "image/tiff; application=geotiff; profile=cloud-optimized",
            "roles": ["data"],
            "proj:shape": list(grid.shape),
            "proj:transform": [float(v) for v in grid.affine[:6]],
            "raster:bands": [band],
        }
    cloudy = np.isin(scl, (sky.CLOUD, sky.THICK_CLOUD, sky.CIRRUS))
    return {
        "type": "Feature",
        "stac_version": "1.0.0",
        "stac_extensions": EXTENSIONS,
        "id": name,
        "geometry": {"type": "Polygon", "coordinates": [[[west, south], [east, south], [east, north], [west, north], [west, south]]]},
        "bbox": [west, south, east, north],
        "properties": {
            "datetime": f"{day}T04:07:{3 * index + 1:02d}Z",
            "platform": f"sentinel-2{letter.lower()}",
            "proj:epsg": 32647,
            "eo:cloud_cover": round(100 * float(cloudy[scl != sky.NO_DATA].mean()), 2),
            "s2:processing_baseline": level,
            "grid:code": f"MGRS-{tile}",
            "minegreen:source": LABEL["source"],
        },
        "collection": "minegreen-synthetic",
        "links": [],
        "assets": assets,
    }
