"""The synthetic mine as MOD13Q1 and MYD13Q1 composites: the planted ground on MODIS' sinusoidal cells, in the product's own encoding.

Deterministic for a seed. Imports nothing of the code that reads it.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import ground, mixture, sky
from pipeline.passes import MODIS, PERIOD_DAYS, Composite, modis_composites
from pipeline.planted import SKY, YEARS
from pipeline.synthetic_items import LABEL, Asset, feature, write_collection, write_record, write_scene

SCENES = "scenes_modis"
RADIUS, TILE, CELLS = 6371007.181, 1111950.5197665554, 4800  # metres, metres, cells of a tile
HORIZONTAL, VERTICAL = 25, 5
TILES_ACROSS, TILES_DOWN = 36, 18
WKT = (
    'PROJCS["unnamed",GEOGCS["Unknown datum based upon the custom spheroid",DATUM["Not specified (based on custom spheroid)",'
    'SPHEROID["Custom spheroid",6371007.181,0]],PRIMEM["Greenwich",0],UNIT["degree",0.0174532925199433,AUTHORITY["EPSG","9122"]]],'
    'PROJECTION["Sinusoidal"],PARAMETER["longitude_of_center",0],PARAMETER["false_easting",0],PARAMETER["false_northing",0],'
    'UNIT["Meter",1],AXIS["Easting",EAST],AXIS["Northing",NORTH]]'
)
NDVI_LEAST, NDVI_FILL, QUALITY_FILL, NO_DAY = -2000, -3000, 65535, -1
FILL, GOOD, MARGINAL, SNOW, CLOUDY = -1, 0, 1, 2, 3  # pixel reliability
LAND, SHORE, SHALLOW = 1, 2, 3  # bits 11 to 13 of VI Quality
QUALITY = {  # MODLAND (bits 0-1), usefulness (2-5), aerosol (6-7), and single bits
    GOOD: 0 | 0 << 2 | 1 << 6,
    MARGINAL: 1 | 1 << 2 | 2 << 6,
    SNOW: 1 | 4 << 2 | 1 << 14,
    CLOUDY: 2 | 6 << 2 | 1 << 10,
}
SEEN = 0.5  # share of a cell that must lie on the made ground, else it is fill
EXTENSIONS = [
    "https://stac-extensions.github.io/projection/v1.0.0/schema.json",
    "https://stac-extensions.github.io/raster/v1.0.0/schema.json",
    "https://stac-extensions.github.io/classification/v1.0.0/schema.json",
]


def generate(aoi: Path, folder: Path, *, noise: bool = True, seed: int = 1538243) -> None:
    """Write `items_modis.json`, `scenes_modis/<id>/250m_16_days_*.tif` and `truth_modis.json`.

    `noise=False` leaves out noise, the season's curve and the composite's own light; reliability, days and fills are the same.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    planted = ground.make(aoi, seed)
    grid, average, seen = cells(planted)
    mixtures = {year: mixture.mix(planted, year, average) for year in YEARS}
    items, composites = [], {}
    for year in YEARS:
        for index, composite in enumerate(modis_composites(year)):
            layers = _composite(mixtures[year], composite, seen, (seed, year, index), noise)
            item = _write_composite(folder, grid, composite, layers)
            items.append(item)
            reliability = layers["250m_16_days_pixel_reliability"].values
            named = {"good": GOOD, "marginal": MARGINAL, "snow": SNOW, "cloudy": CLOUDY, "fill": FILL}
            composites[item["id"]] = {f"{name}_pct": round(100 * float((reliability[seen] == code).mean()), 3) for name, code in named.items()}
    record = {
        "note": LABEL["source"],
        "seed": seed,
        "noise": noise,
        "grid": {"tile": f"h{HORIZONTAL:02d}v{VERTICAL:02d}", "transform": list(grid.affine)[:6], "shape": list(grid.shape)},
        "zones": mixture.zone_means(planted, mixtures, average),
        "composites": composites,
    }
    write_record(folder / "truth_modis.json", record)
    write_collection(folder / "items_modis.json", items)


def cells(planted: ground.Ground) -> tuple[Any, mixture.Average, np.ndarray]:
    """Return the grid of the tile's cells around the ground, the mean over each by the 10 m cells whose centre lies in it, and where that is known."""
    from affine import Affine
    from odc.geo.geobox import GeoBox
    from pyproj import CRS, Transformer

    geobox = planted.geobox
    height, width = geobox.shape
    x, y = (np.asarray(v).ravel() for v in np.meshgrid(np.arange(width) + 0.5, np.arange(height) + 0.5))
    east, north = geobox.affine * (x, y)
    project = Transformer.from_crs(CRS.from_wkt(geobox.crs.to_wkt()), CRS.from_wkt(WKT), always_xy=True)
    size = TILE / CELLS
    left, top = (HORIZONTAL - TILES_ACROSS / 2) * TILE, (TILES_DOWN / 2 - VERTICAL) * TILE
    flat_x, flat_y = project.transform(east, north)
    cols, rows = np.floor((flat_x - left) / size).astype(int), np.floor((top - flat_y) / size).astype(int)
    first_row, first_col = rows.min(), cols.min()
    shape = (int(rows.max() - first_row + 1), int(cols.max() - first_col + 1))
    where = (rows - first_row) * shape[1] + cols - first_col
    count = np.bincount(where, minlength=shape[0] * shape[1])
    grid = GeoBox(shape, Affine(size, 0, left + first_col * size, 0, -size, top - first_row * size), WKT)

    def average(values: np.ndarray) -> np.ndarray:
        total = np.bincount(where, values.ravel(), minlength=count.size)
        return (total / np.maximum(count, 1)).reshape(shape)

    return grid, average, (count >= SEEN * (size / ground.CELL_M) ** 2).reshape(shape)


def _composite(mixed: mixture.Mixture, composite: Composite, seen: np.ndarray, key: tuple[int, int, int], noise: bool) -> dict[str, Asset]:
    """Return the four layers of a composite, by the names of their assets."""
    seed, year, index = key
    rng = np.random.default_rng((seed, year, index, 0, 250))
    shape = seen.shape
    middle = (PERIOD_DAYS - 1) / 2
    passed = np.clip(np.rint(middle + MODIS.days_sd * sky.smooth(rng, shape, 1.5)), 0, PERIOD_DAYS - 1).astype(int)
    day = composite.first.timetuple().tm_yday + passed
    after = passed + (composite.first - date(year, 7, 31)).days
    light = rng.uniform(-0.012, 0.012) if noise else 0.0
    pair = mixed.reflectance(sky.vigour(year, after) if noise else 1.0, light)
    reliability = _reliability(shape, rng)
    for code, amount, colour in ((SNOW, 0.8, 0.7), (CLOUDY, rng.uniform(0.3, 0.9, shape), 0.45)):
        share = np.broadcast_to(amount, shape)
        pair = np.where(reliability == code, (1 - share) * pair + share * colour, pair)
    if noise:
        pair += MODIS.noise_sd * rng.standard_normal(pair.shape)
    red, nir = np.clip(pair, SKY.least, None)
    ndvi = np.clip(np.trunc(10000 * (nir - red) / (nir + red)), NDVI_LEAST, None)
    reliability[~seen] = FILL
    empty = reliability == FILL
    surface = np.where(mixed.water > mixture.WET, SHALLOW, np.where(mixed.water > 0, SHORE, LAND))
    quality = np.select([reliability == code for code in QUALITY], list(QUALITY.values())) | surface << 11
    plain = {"spatial_resolution": 250}
    return {
        "250m_16_days_NDVI": Asset("16 day NDVI", np.where(empty, NDVI_FILL, ndvi).astype(np.int16), NDVI_FILL, plain | {"unit": "NDVI", "scale": 0.0001}),
        "250m_16_days_pixel_reliability": Asset("Quality reliability of VI pixel", reliability, FILL, plain | {"unit": "Rank"}),
        "250m_16_days_VI_Quality": Asset("VI quality indicators", np.where(empty, QUALITY_FILL, quality).astype(np.uint16), QUALITY_FILL, plain),
        "250m_16_days_composite_day_of_the_year": Asset(
            "Day of year VI pixel", np.where(empty, NO_DAY, day).astype(np.int16), NO_DAY, plain | {"unit": "Julian Day"}
        ),
    }


def _reliability(shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
    """Return pixel reliability: clouds and what is marginal in patches, snow and fill cell by cell."""
    clouds, odd = sky.smooth(rng, shape, 2), rng.random(shape)
    cloudy = clouds > np.quantile(clouds, 1 - rng.uniform(*MODIS.cloudy))
    marginal = clouds < np.quantile(clouds, MODIS.marginal)
    fill, snow = odd < MODIS.fill, odd > 1 - MODIS.snow
    return np.select([fill, snow, cloudy, marginal], [FILL, SNOW, CLOUDY, MARGINAL], GOOD).astype(np.int8)


def _write_composite(folder: Path, grid: Any, composite: Composite, layers: dict[str, Asset]) -> dict[str, Any]:
    """Write one composite and return its item: a range of time and no `datetime`, as catalogues give it."""
    tile = f"h{HORIZONTAL:02d}v{VERTICAL:02d}"
    name = f"SYN_{composite.product}.A{composite.first:%Y%j}.{tile}.061.{composite.last:%Y%j}000000"
    properties = {
        "datetime": None,
        "start_datetime": f"{composite.first}T00:00:00Z",
        "end_datetime": f"{composite.last}T23:59:59Z",
        "platform": "terra" if composite.product.startswith("MOD") else "aqua",
        "instruments": ["modis"],
        "modis:horizontal-tile": HORIZONTAL,
        "modis:vertical-tile": VERTICAL,
        "modis:tile-id": f"51{HORIZONTAL:03d}{VERTICAL:03d}",
        "proj:epsg": None,
        "proj:wkt2": WKT,
    }
    tags = {"start_datetime": str(properties["start_datetime"]), "end_datetime": str(properties["end_datetime"])}
    return feature(name, grid, properties, write_scene(folder, SCENES, name, layers, grid, tags), EXTENSIONS)
