"""Weather and relief around the synthetic mine: daily precipitation and temperature, a terrain model, and what is planted in them.

Deterministic for a seed. Imports nothing of the code that reads it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline import planted_site as plan
from pipeline.history import CELL_M, Place, locate
from pipeline.planted_site import RELIEF, WEATHER, WEATHER_NORMALS, WETNESS, Bench, days
from pipeline.synthetic_items import LABEL, write, write_record
from pipeline.writer import Band, RasterSpec, write_text


def generate(aoi: Path, folder: Path, *, seed: int = 1538243) -> None:
    """Write `precipitation.csv` (mm a day), `temperature.csv` (mean of a day, degrees Celsius), `dem.tif` (metres) and `truth_site.json`.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    place = locate(aoi)
    height = elevation(place, seed).astype(np.float32)
    wet, warm = precipitation(seed), temperature(seed)
    write_series(folder / "precipitation.csv", wet)
    write_series(folder / "temperature.csv", warm)
    write(folder / "dem.tif", height, place.geobox, RasterSpec((Band("elevation", "m"),), "float32", float("nan"), LABEL))
    write_record(folder / "truth_site.json", record(place, height, wet) | {"seed": seed})


def precipitation(seed: int) -> np.ndarray:
    """Return the precipitation of each day, tenths of mm as whole numbers.

    Each month that WETNESS drives sums to its normal times the year's wetness, rounded to 0.1 mm; each has a wet day at least.
    """
    rng = np.random.default_rng((seed, 1))
    months = np.array([(day.year, day.month) for day in days()])
    found = np.zeros(len(months), np.int64)
    for year, month in np.unique(months, axis=0):
        here = np.flatnonzero((months == (year, month)).all(axis=1))
        share = WETNESS[int(year)] if month in WEATHER_NORMALS.driven else rng.lognormal(0, WEATHER_NORMALS.other_sd)
        whole = round(10 * WEATHER_NORMALS.normal_mm[month - 1] * share)
        rain = rng.gamma(0.8, 1, here.size) * (rng.random(here.size) < WEATHER_NORMALS.wet_days[month - 1])
        rain[rng.integers(here.size)] += 0.5
        reached = np.rint(whole * np.cumsum(rain) / rain.sum()).astype(np.int64)
        found[here] = np.diff(reached, prepend=0)
    return found


def temperature(seed: int) -> np.ndarray:
    """Return the mean temperature of each day, tenths of degrees Celsius as whole numbers; no trend is planted."""
    rng = np.random.default_rng((seed, 2))
    own = dict(zip(WETNESS, rng.normal(0, WEATHER_NORMALS.year_sd, len(WETNESS)), strict=True))
    keep = WEATHER_NORMALS.memory
    found, odd = [], 0.0
    for day in days():
        odd = keep * odd + float(rng.normal(0, WEATHER_NORMALS.day_sd * np.sqrt(1 - keep**2)))
        course = WEATHER_NORMALS.swing_c * np.cos(2 * np.pi * (day.timetuple().tm_yday - WEATHER_NORMALS.warmest) / 365.25)
        found.append(WEATHER_NORMALS.mean_c + course + own[day.year] + odd)
    return np.rint(10 * np.array(found)).astype(np.int64)


def write_series(path: Path, tenths: np.ndarray) -> None:
    """Write a daily series given in tenths: columns date and value."""
    rows = [f"{day},{value / 10:.1f}" for day, value in zip(days(), tenths.tolist(), strict=True)]
    write_text(path, "\n".join(["date,value", *rows]) + "\n")


def elevation(place: Place, seed: int) -> np.ndarray:
    """Return the height of each cell in metres: a valley that rises to the north-east, hills, pits cut into it and dumps heaped on it in benches."""
    from scipy.ndimage import distance_transform_edt, gaussian_filter

    height, width = place.geobox.shape
    rng = np.random.default_rng((seed, 3))
    north, east = (np.tan(np.radians(angle)) for angle in plan.FALL_DEGREES)
    found = plan.FOOT_M + CELL_M * (north * np.arange(height)[::-1, None] + east * np.arange(width))
    hills = gaussian_filter(rng.standard_normal((height, width)), plan.HILLS_CELLS)
    found = found + plan.HILLS_M * hills / hills.std()
    for name, bench in RELIEF.items():
        inside = place.area_m2[name] > place.cell_m2 / 2
        within = distance_transform_edt(np.pad(inside, 1), sampling=CELL_M)[1:-1, 1:-1] - CELL_M / 2
        flat = np.average(found[inside])
        found = np.where(inside, flat + (found - flat) * 0.25 + bench.sign * profile(bench, within), found)
    return found


def profile(bench: Bench, within: np.ndarray) -> np.ndarray:
    """Return how far the ground lies from the level of the rim, some metres inside of it: steps, then flat.

    >>> profile(Bench(-1, ((100, 45), (50, 0))), np.array([-15.0, 50.0, 120.0, 500.0])).round(6).tolist()
    [0.0, 50.0, 100.0, 100.0]
    """
    widths, angles = np.array(bench.steps, float).T
    edges = np.concatenate([[0.0], np.cumsum(widths)])
    return np.interp(within, edges, np.concatenate([[0.0], np.cumsum(widths * np.tan(np.radians(angles)))]))


def slope_and_fall(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return slope and direction of fall in degrees, clockwise from grid north, by the differences of Horn 1981; NaN along the edge.

    >>> slope, fall = slope_and_fall(np.array([[30.0] * 3, [0.0] * 3, [-30.0] * 3]))
    >>> float(slope[1, 1].round(6)), float(fall[1, 1])
    (45.0, 180.0)
    """
    weights = np.array([1.0, 2.0, 1.0]) / (8 * CELL_M)
    slope, fall = np.full(height.shape, np.nan), np.full(height.shape, np.nan)
    z = height.astype(float)
    rows, cols = height.shape
    part = [[z[i : rows - 2 + i, j : cols - 2 + j] for j in range(3)] for i in range(3)]
    east = sum(weight * (part[i][2] - part[i][0]) for i, weight in enumerate(weights))
    north = sum(weight * (part[0][j] - part[2][j]) for j, weight in enumerate(weights))
    slope[1:-1, 1:-1] = np.degrees(np.arctan(np.hypot(east, north)))
    fall[1:-1, 1:-1] = np.degrees(np.arctan2(-np.asarray(east), -np.asarray(north))) % 360
    return slope, fall


def strata(height: np.ndarray) -> dict[str, np.ndarray]:
    """Return which cells are platform, sunny slope, shady slope and steep slope: each cell off the edge is one of them."""
    slope, fall = slope_and_fall(height)
    platform, steep = slope < plan.PLATFORM_BELOW, slope >= plan.STEEP_FROM
    sunny = (fall >= plan.SUNNY[0]) & (fall < plan.SUNNY[1])
    between = np.isfinite(slope) & ~platform & ~steep
    return {"platform": platform, "sunny slope": between & sunny, "shady slope": between & ~sunny, "steep slope": steep}


def record(place: Place, height: np.ndarray, wet: np.ndarray) -> dict[str, Any]:
    """Return what is planted: the year's wetness and what it does to cover, sums of May to September, and shares of strata per zone."""
    masks = strata(height)
    shares = {
        name: {stratum: round(float(area[mask].sum() / area.sum()), 6) for stratum, mask in masks.items()} | {"area_m2": float(area.sum())}
        for name, area in place.area_m2.items()
    }
    driven = np.array([day.month in WEATHER_NORMALS.driven for day in days()])
    year_of = np.array([day.year for day in days()])
    return {
        "note": LABEL["source"],
        "weather": {
            "coefficient": WEATHER,
            "wetness": {str(year): value for year, value in WETNESS.items()},
            "driven_months": list(WEATHER_NORMALS.driven),
            "normal_mm": list(WEATHER_NORMALS.normal_mm),
            "driven_mm": {str(year): int(wet[driven & (year_of == year)].sum()) / 10 for year in WETNESS},
        },
        "strata": {
            "platform_below_degrees": plan.PLATFORM_BELOW,
            "steep_from_degrees": plan.STEEP_FROM,
            "sunny_falls_to_degrees": list(plan.SUNNY),
            "shares": shares,
        },
    }
