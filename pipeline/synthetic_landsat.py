"""The synthetic mine as Landsat Collection 2 Level 2 scenes: the planted ground in cells of 30 m, in the product's own encoding.

Deterministic for a seed. Imports nothing of the code that reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import ground, mixture, sky
from pipeline.passes import LANDSAT, PATH, ROWS, Pass, landsat_passes
from pipeline.planted import SKY, YEARS
from pipeline.synthetic_items import LABEL, Asset, feature, write_collection, write_record, write_scene

SCENES = "scenes_landsat"
CELL_M, EDGE_M = 30, 15.0  # USGS puts cell centres on multiples of 30 m: edges lie on odd multiples of 15 m
SCALE, OFFSET, TOP = 0.0000275, -0.2, 65455
FILL, DILATED, CIRRUS, CLOUD, SHADOW, SNOW, CLEAR, WATER = (1 << bit for bit in range(8))  # QA_PIXEL, bits 0 to 7
CLOUD_CONFIDENCE, SHADOW_CONFIDENCE, SNOW_CONFIDENCE, CIRRUS_CONFIDENCE = 8, 10, 12, 14  # first of two bits: 1 low, 2 medium, 3 high
OVERLAP = 20  # rows that two WRS-2 rows share
RING = 3  # cells around a cloud that the mask calls dilated
SHADOW_SHIFT = (-5, -4)  # cells: 150 m north, 120 m west
NAMES = {5: ("LT05", ["tm"]), 7: ("LE07", ["etm"]), 8: ("LC08", ["oli", "tirs"]), 9: ("LC09", ["oli", "tirs"])}
EXTENSIONS = [
    "https://stac-extensions.github.io/raster/v1.0.0/schema.json",
    "https://stac-extensions.github.io/eo/v1.0.0/schema.json",
    "https://stac-extensions.github.io/projection/v1.0.0/schema.json",
    "https://landsat.usgs.gov/stac/landsat-extension/v1.1.1/schema.json",
]


@dataclass(frozen=True)
class Sight:
    """What one pass shows: reflectance of red and NIR (2, y, x), QA_PIXEL and QA_RADSAT (y, x)."""

    pair: np.ndarray
    pixel: np.ndarray
    saturation: np.ndarray

    def shares(self) -> dict[str, float]:
        """Return what is planted, in per cent; the gaps of all cells, the rest of the observed ones."""
        seen = self.pixel != FILL
        bits = {"cloud": CLOUD | CIRRUS, "dilated": DILATED, "shadow": SHADOW, "snow": SNOW, "water": WATER}
        table = {f"{name}_pct": round(100 * float((self.pixel[seen] & bit > 0).mean()), 3) for name, bit in bits.items()}
        return table | {"saturation_flag_pct": round(100 * float((self.saturation[seen] > 0).mean()), 3), "gap_pct": round(100 * float((~seen).mean()), 3)}


def generate(aoi: Path, folder: Path, *, noise: bool = True, seed: int = 1538243) -> None:
    """Write `items_landsat.json`, `scenes_landsat/<id>/red.tif`, `nir08.tif`, `qa_pixel.tif`, `qa_radsat.tif` and `truth_landsat.json`.

    `noise=False` leaves out noise, the season's curve, the pass's own light, saturation and doubtful clouds; clouds, shadows, snow and gaps are the same.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    planted = ground.make(aoi, seed)
    grid, average = cells(planted)
    mixtures = {year: mixture.mix(planted, year, average) for year in YEARS}
    items: list[dict[str, Any]] = []
    days: dict[str, Any] = {}
    for year in YEARS:
        for index, passing in enumerate(landsat_passes(year)):
            sight = _see(mixtures[year], passing, year, index, seed, noise)
            height, (north, south) = grid.shape[0], ROWS
            parts = {south: (0, height)}
            if index in LANDSAT.two_rows:
                parts = {north: (0, height // 2 + OVERLAP // 2), south: (height // 2 - OVERLAP // 2, height)}
            made = write_pass(folder, SCENES, grid, passing, parts, sight)
            items += made
            days[passing.day.isoformat()] = {"items": [item["id"] for item in made], "mission": passing.mission, **sight.shares()}
    record = {
        "note": LABEL["source"],
        "seed": seed,
        "noise": noise,
        "grid": {"crs": str(grid.crs), "transform": list(grid.affine)[:6], "shape": list(grid.shape)},
        "zones": mixture.zone_means(planted, mixtures, average),
        "days": days,
    }
    write_record(folder / "truth_landsat.json", record)
    write_collection(folder / "items_landsat.json", items)


def cells(planted: ground.Ground) -> tuple[Any, mixture.Average]:
    """Return the grid of 30 m within the ground, and the mean by area over each of its cells."""
    return mixture.aligned(planted, CELL_M, EDGE_M)


def _see(mixed: mixture.Mixture, passing: Pass, year: int, index: int, seed: int, noise: bool) -> Sight:
    """Return what a pass shows."""
    rng = np.random.default_rng((seed, year, index, 0, 30))
    shape = mixed.land.shape
    oli = passing.mission >= 8
    cloud, cirrus, shadow, bright = _clouds(shape, passing, year, index, seed)
    after = np.array((passing.day - passing.day.replace(month=7, day=31)).days)
    light = rng.uniform(-0.012, 0.012) if noise else 0.0
    pair = mixed.reflectance(sky.vigour(year, after) if noise else 1.0, light)
    wet = mixed.water > mixture.WET
    snow = np.zeros(shape, bool)
    if (year, index) in LANDSAT.snow:
        open_ground = ~cloud & ~cirrus & ~shadow & ~wet
        field = sky.smooth(rng, shape, 5)
        snow = open_ground & (field > np.quantile(field[open_ground], 1 - LANDSAT.snow_share))
    pair[:, snow] = np.array([[0.74], [0.70]])
    pair *= np.where(shadow, 0.45, 1.0)
    pair[:, cirrus] = 0.85 * pair[:, cirrus] + 0.2 * bright[cirrus]
    for band, more in ((0, 0.0), (1, 0.02)):
        pair[band][cloud] = bright[cloud] + more
    if noise:
        pair += LANDSAT.noise_sd * rng.standard_normal(pair.shape)
    pair = np.clip(pair, SKY.least, None)
    ring = sky.near(cloud, RING) & ~cloud & ~cirrus
    clear = ~(cloud | cirrus | shadow | snow | ring)
    doubtful = clear & (rng.random(shape) < LANDSAT.doubtful) & noise
    pixel = qa_pixel({CLOUD: cloud, CIRRUS: cirrus, SHADOW: shadow, SNOW: snow, DILATED: ring, WATER: wet & ~cloud}, doubtful, oli)
    saturation = _saturate(pair, clear & ~wet, rng, oli) if noise else np.zeros(shape, np.uint16)
    gap = np.zeros(shape, bool) if oli else gaps(shape, rng.uniform(0, LANDSAT.gap_period))
    pixel[gap], saturation[gap] = FILL, 0
    return Sight(pair, pixel, saturation)


def _clouds(shape: tuple[int, ...], passing: Pass, year: int, index: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return cloud, cirrus (which ETM+ does not tell apart), shadow on the ground, and how bright the cloud is."""
    rng = np.random.default_rng((seed, year, index, 1, 30))
    field = sky.smooth(np.random.default_rng((seed, year, index // 2, 2, 30)), shape, 9) * (1 - 2 * (index % 2))
    limit = np.quantile(field, 1 - rng.uniform(*LANDSAT.cloud))
    texture = sky.smooth(rng, shape, 7)
    if (year, index) in LANDSAT.overcast:
        limit = field.min() - 1
    covered = field > limit
    excess = np.clip((field - limit) / (field.max() - limit), 0, 1)
    cirrus = covered & (texture > 0.9) & (excess < 0.5) & (passing.mission >= 8)
    shadow = np.roll(covered & (texture > -0.3), SHADOW_SHIFT, axis=(0, 1)) & ~covered
    shadow[SHADOW_SHIFT[0] :], shadow[:, SHADOW_SHIFT[1] :] = False, False
    return covered & ~cirrus, cirrus, shadow, 0.32 + 0.34 * excess


def qa_pixel(flags: dict[int, np.ndarray], doubtful: np.ndarray, oli: bool) -> np.ndarray:
    """Return QA_PIXEL: flags, clear where neither cloud nor dilated cloud, and low confidences raised where a flag is set; ETM+ has none for cirrus."""
    pixel = np.zeros(doubtful.shape, np.uint16)
    for bit, mask in flags.items():
        pixel[mask] |= np.uint16(bit)
    pixel[~flags[CLOUD] & ~flags[DILATED]] |= np.uint16(CLEAR)
    said = [(CLOUD_CONFIDENCE, flags[CLOUD]), (SHADOW_CONFIDENCE, flags[SHADOW]), (SNOW_CONFIDENCE, flags[SNOW])]
    for bit, high in [*said, *([(CIRRUS_CONFIDENCE, flags[CIRRUS])] if oli else [])]:
        pixel |= (np.where(high, 3, 1) << bit).astype(np.uint16)
    pixel[doubtful] ^= np.uint16(3 << CLOUD_CONFIDENCE)  # low, 01, becomes medium, 10
    return pixel


def _saturate(pair: np.ndarray, clear: np.ndarray, rng: np.random.Generator, oli: bool) -> np.ndarray:
    """Return QA_RADSAT, bit b for band b + 1, and put saturated values to the top of the range.

    Red and NIR are bands 4 and 5 of OLI, 3 and 4 of ETM+. The bit of a third band, which means red on the other sensor, is set
    where red and NIR are right.
    """
    red, nir, other = (3, 4, 2) if oli else (2, 3, 4)
    draw = rng.random(clear.shape)
    half = LANDSAT.saturated / 2
    flags = np.zeros(clear.shape, np.uint16)
    for band, bit, low in ((0, red, 0.0), (1, nir, half)):
        mask = clear & (low <= draw) & (draw < low + half)
        pair[band][mask] = TOP * SCALE + OFFSET
        flags[mask] = 1 << bit
    flags[clear & (1 - draw < LANDSAT.other_band)] = 1 << other
    return flags


def gaps(shape: tuple[int, ...], start: float) -> np.ndarray:
    """Return the gaps of ETM+ since its scan line corrector failed: stripes across the track, wider to the scene's edge; `start` moves them, in rows."""
    rows, cols = np.indices(shape)
    narrow, wide = LANDSAT.gap_width
    width = narrow + (wide - narrow) * cols / shape[1]
    return np.asarray((rows - LANDSAT.gap_slope * cols + start) % LANDSAT.gap_period < width)


def write_pass(folder: Path, scenes: str, grid: Any, passing: Pass, parts: dict[int, tuple[int, int]], sight: Sight) -> list[dict[str, Any]]:
    """Write the scenes of a pass, `parts` says which lines of the grid each WRS-2 row has, and return their items."""
    numbers = np.rint((sight.pair - OFFSET) / SCALE).astype(np.uint16)
    numbers[:, sight.pixel == FILL] = 0
    made = []
    for row, (first, last) in parts.items():
        rows, part = slice(first, last), grid[first:last, :]
        prefix, instruments = NAMES[passing.mission]
        name = f"SYN_{prefix}_L2SP_{PATH:03d}{row:03d}_{passing.day:%Y%m%d}_{passing.day + timedelta(days=14):%Y%m%d}_02_T1"
        pixel, letters = sight.pixel[rows], ("B4 B5" if passing.mission >= 8 else "B3 B4").split()
        measured = {"nodata": 0, "spatial_resolution": CELL_M, "scale": SCALE, "offset": OFFSET}
        flags = {"spatial_resolution": CELL_M, "unit": "bit index"}
        assets = {
            "red": Asset(f"Red Band ({letters[0]})", numbers[0, rows], 0, measured),
            "nir08": Asset(f"Near Infrared Band 0.8 ({letters[1]})", numbers[1, rows], 0, measured),
            "qa_pixel": Asset("Pixel Quality Assessment Band", pixel, 1, flags),
            "qa_radsat": Asset("Radiometric Saturation Quality Assessment Band", sight.saturation[rows], None, flags),
        }
        cloud = round(100 * float((pixel[pixel != FILL] & (CLOUD | CIRRUS) > 0).mean()), 2)
        properties = {
            "datetime": f"{passing.day}T04:0{3 if row == ROWS[0] else 4}:{30 if row == ROWS[0] else 0:02d}Z",  # rows follow each other within 24 s
            "platform": f"landsat-{passing.mission}",
            "instruments": instruments,
            "gsd": CELL_M,
            "eo:cloud_cover": cloud,
            "proj:epsg": 32647,
            "landsat:cloud_cover_land": cloud,
            "landsat:wrs_type": "2",
            "landsat:wrs_path": f"{PATH:03d}",
            "landsat:wrs_row": f"{row:03d}",
            "landsat:collection_category": "T1",
            "landsat:collection_number": "02",
            "landsat:correction": "L2SP",
        }
        tags = {"datetime": str(properties["datetime"]), "AREA_OR_POINT": "Point"}
        made.append(feature(name, part, properties, write_scene(folder, scenes, name, assets, part, tags), EXTENSIONS))
    return made
