"""The synthetic Jiangcang mine: yearly red and NIR composites with planted cover and planted trend classes.

Noise-free: each pixel's cover series is planted, its brightness varies by pixel and year, and NDVI carries the cover.
Deterministic. Imports nothing of the code that reads it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import BadInput
from pipeline.planted import ELSEWHERE, FLAT, SOIL, VEGETATION, YEARS, ZONES, class_means, trend_class
from pipeline.writer import Band, RasterSpec, write_raster, write_text

CELL_M, MARGIN_M, FINE = 10.0, 700.0, 5  # zones are burnt on cells of 2 m and averaged to cover fractions
PERIODS = ((2021, 2024), (2020, 2024))
LABEL = {"source": "synthetic: made by minegreen, not observed"}


def generate(aoi: Path, folder: Path) -> None:
    """Write `composites/<year>.tif` (red, nir), `truth_fvc_<year>.tif`, `truth_class_<a>-<b>.tif` and `truth.json`.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    import dask.array as da
    from scipy.ndimage import gaussian_filter

    fractions, grid = _zone_fractions(aoi)
    shape = grid.shape
    rng = np.random.default_rng(1538243)
    fields = [_smooth(rng, shape, gaussian_filter) for _ in range(4)]
    cover = np.full((len(YEARS), *shape), ELSEWHERE) + 0.05 * fields[0] + np.array([-0.02, 0.02, -0.01, 0.0, 0.01])[:, None, None]
    planted = np.zeros(shape, np.uint8)
    table: dict[str, object] = {}
    owner = np.where(np.max(list(fractions.values()), axis=0) > 0, np.argmax(list(fractions.values()), axis=0), -1)
    for index, (name, fraction) in enumerate(fractions.items()):
        mine = owner == index
        cover[:, mine], planted[mine] = _plant(name, fraction[mine], [f[mine] for f in fields])
        table[name] = {
            "fvc_mean": dict(zip(map(str, YEARS), ZONES[name].means, strict=True)),
            "shares_2021_2024": {str(k): v for k, v in ZONES[name].shares.items()},
        }
    if cover.min() < 0 or cover.max() > 1:
        raise ValueError(f"planted cover {cover.min()} to {cover.max()}; expected 0..1")
    inside = owner >= 0
    steady = np.isin(owner, [i for i, name in enumerate(fractions) if ZONES[name].spread == 0])
    for i, year in enumerate(YEARS):
        light = np.where(steady, 0.35, 0.35 + 0.04 * fields[3] + 0.01 * (i % 3))  # red + nir
        ndvi = SOIL + cover[i] * (VEGETATION - SOIL)
        pair = np.stack([light * (1 - ndvi) / 2, light * (1 + ndvi) / 2]).astype(np.float32)
        write_raster(folder / "composites" / f"{year}.tif", da.from_array(pair, chunks=(2, 512, 512)), grid, _spec("red", "nir"))
        truth = np.where(inside, cover[i], np.nan).astype(np.float32)[None]
        write_raster(folder / f"truth_fvc_{year}.tif", da.from_array(truth, chunks=(1, 512, 512)), grid, _spec("fvc"))
    for first, last in PERIODS:
        codes = np.zeros(shape, np.uint8)
        series = cover[YEARS.index(first) : YEARS.index(last) + 1, inside].T.tolist()
        codes[inside] = [trend_class(tuple(s)) for s in series]
        spec = RasterSpec((Band("truth_class"),), "uint8", 0, LABEL)
        write_raster(folder / f"truth_class_{first}-{last}.tif", da.from_array(codes[None], chunks=(1, 512, 512)), grid, spec)
        if (first, last) == PERIODS[0] and not np.array_equal(codes, planted):
            raise ValueError("a planted series lost its class; expected the planted class at every pixel")
    truth_text = json.dumps({"note": LABEL["source"], "soil": SOIL, "vegetation": VEGETATION, "zones": table}, indent=1, ensure_ascii=False)
    write_text(folder / "truth.json", truth_text + "\n")


def _spec(*names: str) -> RasterSpec:
    return RasterSpec(tuple(Band(n, "1") for n in names), "float32", float("nan"), LABEL)


def _plant(name: str, weights: np.ndarray, fields: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return cover (years, pixels) and class per pixel of one zone; area-weighted means and shares as planted."""
    zone = ZONES[name]
    order = np.argsort(fields[1] + 0.25 * fields[2], kind="stable")
    ends = np.cumsum(list(zone.shares[c] for c in sorted(zone.shares)))
    position = (np.cumsum(weights[order]) - weights[order] / 2) / weights.sum()
    codes = np.empty(weights.size, np.uint8)
    codes[order] = np.array(sorted(zone.shares))[np.minimum(np.searchsorted(ends, position), len(ends) - 1)]
    cover = np.empty((len(YEARS), weights.size))
    cover[0] = zone.means[0] + _centred(0.8 * zone.spread * fields[0], weights)
    for code, means in class_means(zone).items():
        here = codes == code
        if not here.any():
            continue
        level = float(np.mean(means))
        offset = _centred(zone.spread * fields[0][here], weights[here])
        swing = 1 + _centred(0.12 * fields[3][here], weights[here]) if code != FLAT else np.ones(int(here.sum()))
        for i, mean in enumerate(means, 1):
            cover[i, here] = level + offset + swing * (mean - level)
    return cover, codes


def _centred(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return values - np.average(values, weights=weights)


def _smooth(rng: np.random.Generator, shape: tuple[int, int], blur: Any) -> np.ndarray:
    """Return a smooth random field, bounded to -2.5..2.5, standard deviation about 1."""
    field = blur(rng.standard_normal(shape), 12) + 0.15 * blur(rng.standard_normal(shape), 2)
    return np.clip(field / field.std(), -2.5, 2.5)


def _zone_fractions(aoi: Path) -> tuple[dict[str, np.ndarray], Any]:
    """Return the covered fraction of each cell per zone, and the grid: UTM 47N, cells on multiples of 10 m."""
    import geopandas as gpd
    from affine import Affine
    from odc.geo.geobox import GeoBox
    from rasterio.features import rasterize

    frame = gpd.read_file(aoi).to_crs(32647)
    names = set(frame["zone"]) if "zone" in frame else set()
    if names != set(ZONES):
        raise BadInput(
            aoi,
            "catalog: synthetic",
            f"zones {', '.join(sorted(map(str, names)))}",
            f"the embedded mine's zones: {', '.join(ZONES)}",
            "use aoi/jiangcang.geojson, or give `composites:`",
        )
    west, south, east, north = frame.total_bounds
    left, top = np.floor((west - MARGIN_M) / CELL_M) * CELL_M, np.ceil((north + MARGIN_M) / CELL_M) * CELL_M
    width, height = int(np.ceil((east + MARGIN_M - left) / CELL_M)), int(np.ceil((top - south + MARGIN_M) / CELL_M))
    fine = Affine(CELL_M / FINE, 0, left, 0, -CELL_M / FINE, top)
    fractions = {}
    for name in ZONES:
        shapes = list(frame.loc[frame["zone"] == name, "geometry"])
        burnt = rasterize(shapes, out_shape=(height * FINE, width * FINE), transform=fine, dtype="uint8", all_touched=True)
        fractions[name] = burnt.reshape(height, FINE, width, FINE).mean(axis=(1, 3))
    return fractions, GeoBox((height, width), Affine(CELL_M, 0, left, 0, -CELL_M, top), "EPSG:32647")
