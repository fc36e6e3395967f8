"""The sky of the synthetic mine: clouds, shadows, haze, what the scene classification says of them, and what a scene then shows.

Masks are made on cells of 20 m, so that the scene classification (SCL) of the noise-free variant is exact. Every random draw
belongs to a (seed, year, date, purpose): nothing depends on the order of work, and both variants have the same clouds.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.ground import Ground, coarse, fine
from pipeline.planted import COAL, SKY, SOIL, VEGETATION, WATER, YEARS, dates

NO_DATA, DARK, SHADOW, PLANTS, BARE, WET, CLOUD, THICK_CLOUD, CIRRUS = 0, 2, 3, 4, 5, 6, 8, 9, 10
CLEAR = (DARK, PLANTS, BARE, WET)
GREEN, BARE_BELOW = 0.30, 0.15  # cover from which SCL says vegetation; cover below which ground may be mistaken for cloud
GAP = 5  # cells of 20 m between what paired dates hide: more than twice 40 m
SHADOW_SHIFT = (-8, -6)  # cells: shadows lie to the north-west in the morning


@dataclass(frozen=True)
class Day:
    """One date, on cells of 20 m: SCL, what is really there (0 ground, else SHADOW, CLOUD or CIRRUS), its brightness and added haze."""

    scl: np.ndarray
    truth: np.ndarray
    bright: np.ndarray
    haze: np.ndarray

    def shares(self) -> dict[str, float]:
        """Return what is planted, in per cent of the observed cells."""
        seen = self.scl != NO_DATA
        cloudy = (self.truth == CLOUD) | (self.truth == CIRRUS)
        said = np.isin(self.scl, (CLOUD, THICK_CLOUD, CIRRUS))
        masks = {
            "cloud": said,
            "shadow": self.truth == SHADOW,
            "missed_cloud": cloudy & ~said,
            "false_cloud": said & ~cloudy,
            "haze": self.haze > 0,
            "clear": np.isin(self.scl, CLEAR),
        }
        return {f"{name}_pct": round(100 * float(mask[seen].mean()), 3) for name, mask in masks.items()} | {"observed_pct": round(100 * float(seen.mean()), 3)}


def smooth(rng: np.random.Generator, shape: tuple[int, ...], cells: float) -> np.ndarray:
    """Return a smooth random field of standard deviation 1."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), cells, truncate=3)
    return field / field.std()


def near(mask: np.ndarray, cells: int) -> np.ndarray:
    """Return a mask grown by some cells, corners included."""
    from scipy.ndimage import maximum_filter

    return maximum_filter(mask, size=2 * cells + 1)


def plan(ground: Ground, seed: int, year: int, noise: bool) -> list[Day]:
    """Return the twelve days of a year.

    No cell outside the blind patch is cloudy or in shadow on both dates of a pair, with a gap of 100 m, so that each has at
    least three clear dates; false clouds leave at least two.
    """
    i = YEARS.index(year)
    cover, coal, water = coarse(ground.cover[i]), coarse(ground.coal) > 0, coarse(ground.water[i]) > 0
    surface = np.select([water, coal, cover >= GREEN], [WET, DARK, PLANTS], BARE).astype(np.uint8)
    may_fail = (coarse((ground.cover[i] < BARE_BELOW).astype(np.float32)) == 1) & ~water
    days: list[Day] = []
    hidden: dict[int, np.ndarray] = {}
    partner = dict(SKY.pairs) | {b: a for a, b in SKY.pairs}
    odd = [k for k in range(12) if k not in partner]
    in_shadow = {odd[(i + k) % len(odd)] for k in range(SKY.coal_in_shadow)}
    for k in range(12):
        rng = np.random.default_rng((seed, year, k, 0))
        low, high = SKY.paired_cloud if k in partner else SKY.cloud
        share = rng.uniform(low, high)
        first = min(k, partner.get(k, k))
        field = smooth(np.random.default_rng((seed, year, first, 3)), cover.shape, 14) * (1 if k == first else -1)
        limit = np.quantile(field, 1 - share)
        cloudy, texture = field > limit, smooth(rng, cover.shape, 10)
        shadow = np.roll(cloudy & (texture > -0.3), SHADOW_SHIFT, axis=(0, 1)) & ~cloudy
        shadow[SHADOW_SHIFT[0] :], shadow[:, SHADOW_SHIFT[1] :] = False, False
        if k != first:
            cloudy, shadow = cloudy & ~hidden[first], shadow & ~hidden[first]
        hidden[k] = near(cloudy | shadow, GAP)
        excess = np.clip((field - limit) / (field.max() - limit), 0, 1)
        truth = np.select([cloudy & (texture > 0.9) & (excess < 0.5), cloudy, shadow], [CIRRUS, CLOUD, SHADOW], 0).astype(np.uint8)
        if year == SKY.blind_year:
            row, col, size = SKY.blind_patch
            truth[row : row + size, col : col + size] = CLOUD
        scl = np.where(truth == 0, surface, truth)
        scl[coal & (truth == 0) & (k in in_shadow)] = SHADOW
        scl[(truth == CLOUD) & (excess > 0.35)] = THICK_CLOUD
        if (year, k) in SKY.swath_edge:
            rows, cols = np.indices(scl.shape)
            edge = scl.shape[1] * rng.uniform(0.08, 0.14) + 0.2 * rows
            scl[(cols if rng.random() < 0.5 else scl.shape[1] - 1 - cols) < edge] = NO_DATA
        days.append(Day(scl, truth, 0.32 + 0.34 * excess, np.zeros(cover.shape, np.float32)))
    if noise:
        _plant_errors(days, surface, may_fail, seed, year)
    return days


def _plant_errors(days: list[Day], surface: np.ndarray, may_fail: np.ndarray, seed: int, year: int) -> None:
    """Plant missed clouds, false clouds and haze."""
    blind = np.zeros(surface.shape, bool)
    if year == SKY.blind_year:
        row, col, size = SKY.blind_patch
        blind[row : row + size, col : col + size] = True
    clear_dates = np.sum([np.isin(day.scl, CLEAR) for day in days], axis=0)
    for k, day in enumerate(days):
        rng = np.random.default_rng((seed, year, k, 1))
        clear = np.isin(day.scl, CLEAR)
        missed, haze, amount = (smooth(rng, surface.shape, cells) for cells in (3, 10, 6))
        cloudy = np.isin(day.scl, (CLOUD, THICK_CLOUD, CIRRUS))
        may_miss = cloudy & (day.truth == CLOUD) & ~blind
        taken = may_miss & (missed >= np.partition(missed[may_miss], -int(SKY.missed * cloudy.sum()))[-int(SKY.missed * cloudy.sum())])
        day.scl[taken] = np.where(surface[taken] == PLANTS, PLANTS, BARE)
        false = clear & may_fail & (rng.random(surface.shape) < SKY.false) & (clear_dates > 2)
        day.scl[false] = CLOUD
        clear_dates = clear_dates - false + taken
        land = clear & np.isin(day.scl, (PLANTS, BARE))
        hazy = land & (haze > np.quantile(haze[land], 1 - SKY.haze))
        low, high = SKY.haze_adds
        day.haze[hazy] = np.clip((low + high) / 2 + 0.25 * (high - low) * amount[hazy], low, high)


def season(year: int) -> np.ndarray:
    """Return the factor of the cover on each date: highest at the year's peak, median 1.

    >>> round(float(np.median(season(2020))), 6), bool(season(2020).argmax() < season(2022).argmax())
    (1.0, True)
    """
    return vigour(year, np.array([(d - d.replace(month=7, day=31)).days for d in dates(year)]))


def vigour(year: int, days: np.ndarray) -> np.ndarray:
    """Return the factor of the cover some days after 31 July, in the same measure: median 1 on Sentinel-2's twelve dates."""

    def curve(after: np.ndarray) -> np.ndarray:
        return 1 - SKY.season_fall * ((after - SKY.peak_shift[year]) / 31) ** 2

    own = np.array([(d - d.replace(month=7, day=31)).days for d in dates(year)])
    return curve(days) / np.median(curve(own))


def observe(ground: Ground, day: Day, seed: int, year: int, index: int, noise: bool) -> np.ndarray:
    """Return the reflectance of red and NIR (2, y, x) on one date, whole area, clipped to what a sensor gives."""
    i = YEARS.index(year)
    rng = np.random.default_rng((seed, year, index, 2))
    dim = rng.uniform(-0.012, 0.012, 2)
    cover = ground.cover[i].astype(np.float32) * np.float32(season(year)[index] if noise else 1)
    ndvi = SOIL + cover * np.float32(VEGETATION - SOIL)
    light = ground.light + np.float32(0.01 * (i % 3) + dim[0])
    pair = np.stack([light * (1 - ndvi), light * (1 + ndvi)]) / 2
    step = 1 + 0.02 * round(100 * dim[1] * 2 / 1.2)  # 0.96 to 1.04 in steps that leave whole digital numbers
    for mask, values, factor in ((ground.water[i], WATER, 1.0), (ground.coal, COAL, step)):
        for band in (0, 1):
            pair[band][mask] = values[band] * factor
    truth, bright = fine(day.truth), fine(day.bright)
    pair *= np.where(truth == SHADOW, np.float32(0.45), np.float32(1))
    thin = truth == CIRRUS
    pair[:, thin] = 0.85 * pair[:, thin] + 0.2 * bright[thin]
    for band, more in ((0, 0.0), (1, 0.02)):
        np.copyto(pair[band], bright + np.float32(more), where=truth == CLOUD)
    pair += fine(day.haze)
    if noise:
        pair += np.float32(SKY.noise_sd) * rng.standard_normal(pair.shape, dtype=np.float32)
    return np.clip(pair, np.float32(SKY.least), None, out=pair)
