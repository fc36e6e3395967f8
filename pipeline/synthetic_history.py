"""The history 2002-2022 of the synthetic mine as Landsat Collection 2 Level 2 scenes, a STAC item per scene, and the truth.

Deterministic for a seed, whatever the number of threads. Imports nothing of the code that reads it.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import history, sky
from pipeline import planted_history as plan
from pipeline.history import CLASSES, GROUND, History
from pipeline.passes import LANDSAT, ROWS, Pass
from pipeline.planted import SKY as LIGHT
from pipeline.planted import SOIL, VEGETATION
from pipeline.planted import WATER as WATER_PAIR
from pipeline.planted_history import UNITS, YEARS
from pipeline.planted_site import WEATHER, WETNESS, shift
from pipeline.synthetic_items import LABEL, write_bands, write_collection, write_record
from pipeline.synthetic_landsat import CIRRUS, CLOUD, DILATED, FILL, RING, SHADOW, SHADOW_SHIFT, SNOW, WATER, Sight, gaps, qa_pixel, write_pass
from pipeline.writer import Band, RasterSpec

SCENES = "scenes_history"
REACH = RING + 2  # cells around a cloud or shadow that a reader may drop: the dilated ring, and 40 m more
COLOURS = {
    0: (0, 0, 0, 0),
    1: (150, 110, 80, 255),
    2: (40, 90, 200, 255),
    3: (245, 235, 180, 255),
    4: (170, 210, 110, 255),
    5: (60, 140, 50, 255),
    6: (200, 200, 200, 255),
}


def generate(aoi: Path, folder: Path, *, noise: bool = True, seed: int = 1538243, threads: int = 1) -> None:
    """Write `items_history.json`, `scenes_history/<id>/red.tif`, `nir08.tif`, `qa_pixel.tif`, `qa_radsat.tif`, and the truth.

    The truth: `truth_history_fvc.tif` (NaN where water), `truth_history_class.tif` and `truth_history_ground.tif` with a band per year,
    `truth_history_change.tif` with the years in which a cell was dug and restored, and `truth_history.json`. `noise=False` leaves out noise and the
    scene's own light; clouds, shadows and gaps are the same.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    planted = history.make(aoi, seed)

    def scenes_of(year: int) -> list[dict[str, Any]]:
        return _write_year(folder, planted, year, seed, noise)

    with ThreadPoolExecutor(threads) as pool:
        items = list(pool.map(scenes_of, YEARS))
    _write_truth(folder, planted)
    write_record(folder / "truth_history.json", record(planted) | {"seed": seed, "noise": noise})
    write_collection(folder / "items_history.json", [item for of_year in items for item in of_year])


def _write_year(folder: Path, planted: History, year: int, seed: int, noise: bool) -> list[dict[str, Any]]:
    """Write the scenes of a year and return their items."""
    passes, shape = plan.passes(year), tuple(planted.place.geobox.shape)
    missing = [gaps(shape, LANDSAT.gap_period * k / len(passes)) if p.mission == 7 else np.zeros(shape, bool) for k, p in enumerate(passes)]
    hidden = np.zeros(shape, bool)
    made = []
    for index, passing in enumerate(passes):
        elsewhere = np.any([gap for k, gap in enumerate(missing) if k != index], axis=0)
        cloud, shadow, bright = _clouds(shape, (seed, year, index, 1), sky.near(hidden | elsewhere, REACH))
        hidden |= sky.near(cloud | shadow, REACH)
        sight = _see(planted, passing, (cloud, shadow, bright, missing[index]), (seed, year, index, 0), noise)
        made += write_pass(folder, SCENES, planted.place.geobox, passing, {ROWS[1]: (0, shape[0])}, sight)
    return made


def _clouds(shape: tuple[int, ...], key: tuple[int, ...], kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return cloud, shadow on the ground, and how bright the cloud is; what either hides or a reader drops around it lies off `kept`."""
    rng = np.random.default_rng(key)
    field = sky.smooth(rng, shape, 9)
    limit = np.quantile(field, 1 - rng.uniform(*plan.SKY.cloud))
    cloud = field > limit
    shadow = np.roll(cloud, SHADOW_SHIFT, axis=(0, 1)) & ~cloud
    shadow[SHADOW_SHIFT[0] :], shadow[:, SHADOW_SHIFT[1] :] = False, False
    return cloud & ~kept, shadow & ~kept, 0.32 + 0.34 * np.clip((field - limit) / (field.max() - limit), 0, 1)


def _see(planted: History, passing: Pass, covering: tuple[np.ndarray, ...], key: tuple[int, ...], noise: bool) -> Sight:
    """Return what a pass shows."""
    cloud, shadow, bright, gap = covering
    i, rng = YEARS.index(passing.day.year), np.random.default_rng(key)
    wet = planted.ground[i] == history.WATER
    light = planted.light + (rng.uniform(-0.012, 0.012) if noise else 0.0)
    ndvi = SOIL + np.nan_to_num(planted.cover[i]) * (VEGETATION - SOIL)
    pair = np.stack([light * (1 - ndvi), light * (1 + ndvi)]) / 2
    for band, more in ((0, 0.0), (1, 0.02)):
        pair[band][wet] = WATER_PAIR[band]
        pair[band][shadow] *= 0.45
        pair[band][cloud] = bright[cloud] + more
    if noise:
        pair += LANDSAT.noise_sd * rng.standard_normal(pair.shape)
    none = np.zeros(gap.shape, bool)
    ring = sky.near(cloud, RING) & ~cloud
    pixel = qa_pixel({CLOUD: cloud, CIRRUS: none, SHADOW: shadow, SNOW: none, DILATED: ring, WATER: wet & ~cloud}, none, passing.mission >= 8)
    pixel[gap] = FILL
    return Sight(np.clip(pair, LIGHT.least, None), pixel, np.zeros(gap.shape, np.uint16))


def _write_truth(folder: Path, planted: History) -> None:
    grid, years = planted.place.geobox, tuple(Band(str(year)) for year in YEARS)
    cover = RasterSpec(tuple(Band(str(year), "1") for year in YEARS), "float32", float("nan"), LABEL)
    codes = RasterSpec(years, "uint8", 0, LABEL, COLOURS)
    write_bands(folder / "truth_history_fvc.tif", planted.cover.astype(np.float32), grid, cover)
    write_bands(folder / "truth_history_class.tif", planted.classes(), grid, codes)
    write_bands(folder / "truth_history_ground.tif", planted.ground, grid, codes)
    change = RasterSpec((Band("disturbed"), Band("restored")), "uint16", 0, LABEL)
    write_bands(folder / "truth_history_change.tif", np.stack([planted.disturbed, planted.restored]), grid, change)


def record(planted: History) -> dict[str, Any]:
    """Return what is planted: bounds, weather, areas in m2 and zone means by year, and the years of change."""
    classes, place = planted.classes(), planted.place
    mine = np.sum([place.area_m2[name] for name in UNITS], axis=0)
    bare, medium, high = plan.BOUNDS
    return {
        "note": LABEL["source"],
        "soil": SOIL,
        "vegetation": VEGETATION,
        "bounds": {"mining_below": bare, "medium_from": medium, "high_from": high},
        "halo": {"distance_m": plan.HALO_M, "factor": plan.HALO_FACTOR},
        "peak_year": plan.PEAK,
        "boundary": list(UNITS),
        "reference": plan.REFERENCE,
        "cell_m2": place.cell_m2,
        "codes": {"ground": GROUND, "class": CLASSES},
        "weather": {
            "coefficient": WEATHER,
            "wetness": {str(year): WETNESS[year] for year in YEARS},
            "cover_shift": {str(year): round(shift(year), 6) for year in YEARS},
        },
        "ground_m2": {str(year): _by_code(planted.ground[i], np.full(mine.shape, place.cell_m2), GROUND) for i, year in enumerate(YEARS)},
        "class_m2_in_boundary": {str(year): _by_code(classes[i], mine, CLASSES) for i, year in enumerate(YEARS)},
        "zones": {name: _zone(planted, classes, name) for name in place.area_m2},
        "days": {str(year): [f"{p.day} landsat-{p.mission}" for p in plan.passes(year)] for year in YEARS},
    }


def _zone(planted: History, classes: np.ndarray, name: str) -> dict[str, Any]:
    area, unit = planted.place.area_m2[name], UNITS.get(name)
    land = np.isfinite(planted.cover)
    means = [float(np.average(planted.cover[i][land[i]], weights=area[land[i]])) for i in range(len(YEARS))]
    return {
        "area_m2": float(area.sum()),
        "disturbed": unit.opened if unit else None,
        "restored": unit.restored if unit else None,
        "water_from": unit.lake[0] if unit and unit.lake else None,
        "fvc_mean": {str(year): round(mean, 6) for year, mean in zip(YEARS, means, strict=True)},
        "class_m2": {str(year): _by_code(classes[i], area, CLASSES) for i, year in enumerate(YEARS)},
    }


def _by_code(codes: np.ndarray, area_m2: np.ndarray, names: dict[int, str]) -> dict[str, float]:
    sums = np.bincount(codes.ravel(), weights=area_m2.ravel(), minlength=max(names) + 1)
    return {name: round(float(sums[code]), 3) for code, name in names.items()}
