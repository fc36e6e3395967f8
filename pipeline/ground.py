"""The ground of the synthetic mine: cover per pixel and year as planted, the lake, the coal, and the classes they give."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.errors import BadInput
from pipeline.planted import COAL_CELLS, COAL_COVER, ELSEWHERE, FLAT, NO_CHANGE, P_BY_S, YEARS, ZONES, PlantedZone, class_means

CELL_M, MARGIN_M, FINE = 10.0, 700.0, 5  # zones are burnt on cells of 2 m and averaged to cover fractions
UTM = 32647
CHECKED = (2021, 2024)  # the period whose class shares are planted


@dataclass(frozen=True)
class Ground:
    """What is planted. Arrays are (years, y, x) or (y, x) on cells of 10 m; `geobox` has edges on multiples of 20 m.

    `fractions` gives per zone the covered share of each cell.
    """

    geobox: Any
    cover: np.ndarray
    water: np.ndarray
    coal: np.ndarray
    inside: np.ndarray
    light: np.ndarray  # red + NIR on average
    fractions: dict[str, np.ndarray]

    def classes(self, first: int, last: int) -> np.ndarray:
        """Return the trend class of each cell of a zone, 0 outside.

        97 where at least half of the years are water, else 99 with fewer than four years without water.
        """
        years = slice(YEARS.index(first), YEARS.index(last) + 1)
        wet, series = self.water[years, self.inside], self.cover[years, self.inside]
        found = np.full(wet.shape[1], 99, np.uint8)
        for pattern in np.unique(wet, axis=1).T:
            here = (wet == pattern[:, None]).all(axis=0)
            if 2 * pattern.sum() >= pattern.size:
                found[here] = 97
            elif (~pattern).sum() >= 4:
                found[here] = trend_classes(series[~pattern][:, here], np.arange(first, last + 1)[~pattern])
        codes = np.zeros(self.inside.shape, np.uint8)
        codes[self.inside] = found
        return codes


def trend_classes(series: np.ndarray, years: np.ndarray) -> np.ndarray:
    """Return the class code of each column of a series (years, pixels): `planted.trend_class` for many pixels.

    >>> trend_classes(np.array([[0.1, 0.5], [0.2, 0.5001], [0.3, 0.4999], [0.4, 0.5]]), np.arange(2021, 2025)).tolist()
    [7, 5]
    """
    pairs = list(combinations(range(len(series)), 2))
    slope = np.median([(series[j] - series[i]) / (years[j] - years[i]) for i, j in pairs], axis=0)
    score = np.abs(np.sum([np.sign(series[j] - series[i]) for i, j in pairs], axis=0)).astype(int)
    p = np.ones(len(pairs) + 1)
    for s, value in P_BY_S[len(series)].items():
        p[s] = value
    strength = np.select([p[score] <= 0.05, p[score] <= 0.10], [3, 2], 1)
    return np.where(np.abs(slope) < NO_CHANGE, FLAT, 5 + np.sign(slope) * strength).astype(np.uint8)


def make(aoi: Path, seed: int) -> Ground:
    """Return the planted ground.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    fractions, areas, geobox = _zone_fractions(aoi)
    shape = tuple(geobox.shape)
    rng = np.random.default_rng(seed)
    fields = [_field(rng, shape) for _ in range(4)]
    cover = np.full((len(YEARS), *shape), ELSEWHERE) + 0.05 * fields[0] + np.array([-0.02, 0.02, -0.01, 0.0, 0.01])[:, None, None]
    planted, water, coal = np.zeros(shape, np.uint8), np.zeros((len(YEARS), *shape), bool), np.zeros(shape, bool)
    stack = np.array(list(fractions.values()))
    owner = np.where(stack.max(axis=0) > 0, stack.argmax(axis=0), -1)
    for index, (name, zone) in enumerate(ZONES.items()):
        mine, fraction = owner == index, fractions[name]
        if zone.lake is not None:
            water, coal = _lake(np.where(mine, fraction, 0), areas[name], zone.lake, fields[2])
        flooded = np.where(mine, water.sum(axis=0), -1)
        for times in np.unique(flooded[mine]):  # one part per year of flooding, so that each year's land keeps the zone's mean
            part, kind = (flooded == times) & ~coal, zone
            if times == 0 and coal[mine].any():
                kind = _without_coal(zone, float(fraction[coal].sum() / fraction[flooded == 0].sum()))
            cover[:, part], planted[part] = _plant(kind, fraction[part], [f[part] for f in fields])
    cover[:, coal], planted[coal] = COAL_COVER, FLAT
    if cover.min() < 0 or cover.max() > 1:
        raise ValueError(f"planted cover {cover.min()} to {cover.max()}; expected 0..1")
    light = (0.35 + 0.04 * fields[3]).astype(np.float32)
    ground = Ground(geobox, cover, water, coal, owner >= 0, light, fractions)
    codes = ground.classes(*CHECKED)
    if not np.array_equal(codes[codes < 97], planted[codes < 97]):
        raise ValueError("a planted series lost its class; expected the planted class at every pixel")
    return ground


def _without_coal(zone: PlantedZone, share: float) -> PlantedZone:
    """Return what the rest of a zone must be, so that with a share of coal (no change) it is the zone."""
    means = tuple((m - share * COAL_COVER) / (1 - share) for m in zone.means)
    shares = {code: (s - share * (code == FLAT)) / (1 - share) for code, s in zone.shares.items()}
    return replace(zone, means=means, shares=shares)


def _lake(fraction: np.ndarray, area: float, shares: tuple[float, ...], field: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return water (years, y, x) and coal (y, x): whole cells of 20 m inside the zone; the lake grows outwards.

    `area` is the zone's in cells of 10 m. The coal lies east of the last year's lake.
    """
    whole = _blocks(fraction).min(axis=(1, 3)) == 1
    rows, cols = (np.arange(n, dtype=float) for n in whole.shape)
    y, x = np.nonzero(_blocks(fraction).max(axis=(1, 3)) > 0)
    across, down = np.ptp(x) / 2, np.ptp(y) / 2
    lake_x, coal_x, middle = x.mean() - 0.2 * across, x.mean() + 0.62 * across, y.mean()
    far = np.hypot((cols - lake_x) / across, (rows[:, None] - middle) / down) + 0.05 * _blocks(field).mean(axis=(1, 3))
    order = np.argsort(np.where(whole, far, np.inf), axis=None, kind="stable")
    wet = np.zeros((len(shares), whole.size), bool)
    for i, share in enumerate(shares):
        wet[i, order[: round(share * area / 4)]] = True
    near = np.hypot(cols - coal_x, rows[:, None] - middle).ravel()
    near[wet[-1] | ~whole.ravel()] = np.inf
    coal = np.zeros(whole.size, bool)
    coal[np.argsort(near, kind="stable")[: COAL_CELLS // 4]] = True
    return fine(wet.reshape(-1, *whole.shape)), fine(coal.reshape(whole.shape))


def _blocks(values: np.ndarray) -> np.ndarray:
    return values.reshape(values.shape[0] // 2, 2, values.shape[1] // 2, 2)


def coarse(values: np.ndarray) -> np.ndarray:
    """Return the mean of each 2 x 2 cells: 10 m to 20 m."""
    return _blocks(values).mean(axis=(1, 3))


def fine(values: np.ndarray) -> np.ndarray:
    """Return each cell as 2 x 2 cells (last two axes): 20 m to 10 m."""
    return values.repeat(2, axis=-2).repeat(2, axis=-1)


def _plant(zone: PlantedZone, weights: np.ndarray, fields: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return cover (years, pixels) and class per pixel of one zone; area-weighted means and shares as planted."""
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


def _field(rng: np.random.Generator, shape: tuple[int, ...]) -> np.ndarray:
    """Return a smooth random field, bounded to -2.5..2.5, standard deviation about 1."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal(shape), 12) + 0.15 * gaussian_filter(rng.standard_normal(shape), 2)
    return np.clip(field / field.std(), -2.5, 2.5)


def embedded_zones(aoi: Path) -> Any:
    """Return the frame of the embedded mine's zones.

    Raises
    ------
    BadInput
        When the AOI is another.
    """
    import geopandas as gpd

    frame = gpd.read_file(aoi)
    names = set(frame["zone"]) if "zone" in frame else set()
    if names != set(ZONES):
        raise BadInput(
            aoi,
            "catalog: synthetic",
            f"zones {', '.join(sorted(map(str, names)))}",
            f"the embedded mine's zones: {', '.join(ZONES)}",
            "use aoi/jiangcang.geojson, or give `composites:`",
        )
    return frame


def _zone_fractions(aoi: Path) -> tuple[dict[str, np.ndarray], dict[str, float], Any]:
    """Return per zone the covered fraction of each cell and the area in cells, and the grid: UTM 47N, edges on multiples of 20 m."""
    from affine import Affine
    from odc.geo.geobox import GeoBox
    from rasterio.features import rasterize

    frame = embedded_zones(aoi).to_crs(UTM)
    west, south, east, north = frame.total_bounds
    step = 2 * CELL_M
    left, top = np.floor((west - MARGIN_M) / step) * step, np.ceil((north + MARGIN_M) / step) * step
    width, height = 2 * int(np.ceil((east + MARGIN_M - left) / step)), 2 * int(np.ceil((top - south + MARGIN_M) / step))
    transform = Affine(CELL_M / FINE, 0, left, 0, -CELL_M / FINE, top)
    fractions, areas = {}, {}
    for name in ZONES:
        shapes = list(frame.loc[frame["zone"] == name, "geometry"])
        burnt = rasterize(shapes, out_shape=(height * FINE, width * FINE), transform=transform, dtype="uint8", all_touched=True)
        rows, cols = (slice(v[0] // FINE, v[-1] // FINE + 1) for v in (np.flatnonzero(burnt.any(axis=axis)) for axis in (1, 0)))
        inside = burnt.reshape(height, FINE, width, FINE)[rows, :, cols]
        fractions[name] = np.zeros((height, width))
        fractions[name][rows, cols] = inside.mean(axis=(1, 3))
        areas[name] = sum(shape.area for shape in shapes) / CELL_M**2
    return fractions, areas, GeoBox((height, width), Affine(CELL_M, 0, left, 0, -CELL_M, top), f"EPSG:{UTM}")
