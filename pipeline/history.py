"""The ground of the history 2002-2022: what each cell of 30 m is in each year, its cover, and the areas that follow.

A cell is one thing: nothing is mixed. Imports nothing of the code that reads it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline import planted_history as plan
from pipeline.ground import UTM, embedded_zones
from pipeline.planted_history import UNITS, YEARS, Unit
from pipeline.planted_site import shift

CELL_M, EDGE_M, MARGIN_M = 30.0, 15.0, 700.0  # edges on odd multiples of 15 m, as Landsat's
MEADOW, AFFECTED, DUG, RESTORED, WATER, OPEN = 1, 2, 3, 4, 5, 6
GROUND = {MEADOW: "undisturbed", AFFECTED: "affected", DUG: "excavated", RESTORED: "restored", WATER: "water", OPEN: "bare, not of the mine"}
MINING, WET, LOW, MEDIUM, HIGH = 1, 2, 3, 4, 5
CLASSES = {MINING: "mining", WET: "water", LOW: "low cover", MEDIUM: "medium cover", HIGH: "high cover"}


@dataclass(frozen=True)
class Place:
    """The grid, and per zone the ground area in m2 that it covers of each cell (y, x), which sums to its geodesic area; `cell_m2` is that of a whole cell."""

    geobox: Any
    area_m2: dict[str, np.ndarray]
    cell_m2: float

    def touched(self, zones: Any) -> np.ndarray:
        """Return the cells that any of some zones touches."""
        return np.any([self.area_m2[zone] > 0 for zone in zones], axis=0)


@dataclass(frozen=True)
class History:
    """What is planted; arrays are (years, y, x) or (y, x).

    `ground` are codes of GROUND, `cover` is NaN where water is. `disturbed` and `restored` are the years in which a cell was dug and in which cover came
    back, 0 for never. `light` is red + NIR.
    """

    place: Place
    ground: np.ndarray
    cover: np.ndarray
    disturbed: np.ndarray
    restored: np.ndarray
    light: np.ndarray

    def classes(self) -> np.ndarray:
        """Return codes of CLASSES: water; mining where cover is below the lowest bound and the mine's boundary touches the cell; else grades of cover."""
        bare, medium, high = plan.BOUNDS
        inside = self.place.touched(UNITS)
        found = np.select([self.cover >= high, self.cover >= medium], [HIGH, MEDIUM], LOW).astype(np.uint8)
        found[inside & (self.cover < bare)] = MINING
        found[self.ground == WATER] = WET
        return found


def make(aoi: Path, seed: int) -> History:
    """Return the planted history.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    place = locate(aoi)
    shape = tuple(place.geobox.shape)
    rng = np.random.default_rng((seed, YEARS[0]))
    rough, tufts, patches, dust = (_field(rng, shape, cells) for cells in (3, 3, 8, 4))
    disturbed, restored, flooded = (np.zeros(shape, np.uint16) for _ in range(3))
    level = np.full(shape, plan.HIGH)
    for name, unit in UNITS.items():
        order = _order(place, name, unit, rough)
        for year in reversed(YEARS):
            disturbed.flat[order[: round(unit.dug(year) * len(order))]] = year
            flooded.flat[order[: round(unit.flooded(year) * len(order))]] = year
        restored.flat[order] = unit.restored or 0
        low, thin = (round(share * len(order)) for share in np.cumsum(plan.THIN))
        level.flat[order[:thin]] = plan.MEDIUM
        level.flat[order[:low]] = plan.LOW
    steady = place.area_m2[plan.STEADY] > 0
    far = (_distance(disturbed > 0) > plan.APART_M) & ~steady & (place.area_m2[plan.REFERENCE] == 0)
    low, thin = np.quantile(patches[far], np.cumsum(plan.PATCHES))
    level[far & (patches < thin)] = plan.MEDIUM
    level[far & (patches < low)] = plan.LOW
    ground = _ground(place, disturbed, restored, flooded, level)
    return History(place, ground, _cover(ground, level, steady, restored, tufts, dust), disturbed, restored, 0.35 + 0.05 * patches)


def _ground(place: Place, disturbed: np.ndarray, restored: np.ndarray, flooded: np.ndarray, level: np.ndarray) -> np.ndarray:
    """Return what each cell is in each year: codes of GROUND."""
    elsewhere, steady = _open(place), place.area_m2[plan.STEADY] > 0
    found = np.empty((len(YEARS), *disturbed.shape), np.uint8)
    for i, year in enumerate(YEARS):
        wet, back, dug = ((since > 0) & (since <= year) for since in (flooded, restored, disturbed))
        found[i] = np.select([wet, back, dug, elsewhere], [WATER, RESTORED, DUG, OPEN], MEADOW)
        near = _distance(found[i] == DUG) <= plan.HALO_M
        found[i][near & (found[i] == MEADOW) & (level == plan.HIGH) & ~steady] = AFFECTED
    return found


def _cover(ground: np.ndarray, level: np.ndarray, steady: np.ndarray, restored: np.ndarray, tufts: np.ndarray, dust: np.ndarray) -> np.ndarray:
    """Return the cover of each cell in each year; `tufts` and `dust` are -1 to 1."""
    meadow = level + np.select([level == value for value in plan.SPREAD], list(plan.SPREAD.values())) * tufts
    bare = plan.BARE + plan.BARE_SPREAD * dust
    found = np.empty(ground.shape)
    for i, year in enumerate(YEARS):
        own = np.where(steady, plan.STEADY_COVER, meadow + shift(year))
        season = np.clip(year - restored.astype(int), 0, len(plan.RETURN) - 1)
        back = np.array(plan.RETURN)[season] + plan.RETURN_SPREAD * tufts + shift(year)
        by_kind = {MEADOW: own, AFFECTED: plan.HALO_FACTOR * own, DUG: bare, RESTORED: back, OPEN: bare}
        found[i] = np.select([ground[i] == kind for kind in by_kind], list(by_kind.values()), np.nan)
    return found


def _order(place: Place, name: str, unit: Unit, rough: np.ndarray) -> np.ndarray:
    """Return the cells of a unit as places in the flat grid, in the order in which they are dug: any first part of them hangs together by edges.

    Digging spreads from the middle of the zone, over the cells that it reaches first (shortest paths on a rough cost).
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    area = place.area_m2[name]
    cost = np.where(area > place.cell_m2 / 2, 1.0, plan.OUTSIDE_COST) * np.exp(0.8 * rough)
    index = np.arange(area.size).reshape(area.shape)
    pairs = [(index[:, :-1], index[:, 1:]), (index[:-1], index[1:])]
    a, b = (np.concatenate([pair[side].ravel() for pair in pairs]) for side in (0, 1))
    graph = csr_array(((cost.flat[a] + cost.flat[b]) / 2, (a, b)), shape=(area.size, area.size))
    rows, cols = np.indices(area.shape)
    middle = [np.average(places, weights=area) for places in (rows, cols)]
    away = np.where(area > place.cell_m2 / 2, np.hypot(rows - middle[0], cols - middle[1]), np.inf)
    reached = dijkstra(graph, directed=False, indices=int(away.argmin()))
    return np.argsort(reached, kind="stable")[: round(unit.share * area.sum() / place.cell_m2)]


def _open(place: Place) -> np.ndarray:
    """Return the bare cells that are not of the mine: a river bed and gravel."""
    height, width = place.geobox.shape
    transform = place.geobox.affine
    x, y = transform.c + CELL_M * (np.arange(width) + 0.5), transform.f - CELL_M * (np.arange(height)[:, None] + 0.5)
    south = transform.f - CELL_M * height + MARGIN_M
    bed = south - plan.RIVER_SOUTH_M + plan.RIVER_SWING_M * np.sin(2 * np.pi * (x - transform.c) / plan.RIVER_WAVE_M)
    found = np.abs(y - bed) <= plan.RIVER_HALF_M
    for east, north, radius in plan.GRAVEL:
        found |= np.hypot(x - east, y - north) <= radius
    return found


def _distance(mask: np.ndarray) -> np.ndarray:
    """Return the distance in metres from each cell's centre to that of the nearest cell of a mask; inf without any."""
    from scipy.ndimage import distance_transform_edt

    return np.asarray(distance_transform_edt(~mask, sampling=CELL_M)) if mask.any() else np.full(mask.shape, np.inf)


def _field(rng: np.random.Generator, shape: tuple[int, ...], cells: float) -> np.ndarray:
    """Return a smooth random field, -1 to 1, standard deviation about 0.4."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal(shape), cells)
    return np.clip(field / (2.5 * field.std()), -1, 1)


def locate(aoi: Path) -> Place:
    """Return the grid and what the zones cover of it.

    Raises
    ------
    BadInput
        When the AOI is not the embedded one.
    """
    import shapely
    from affine import Affine
    from odc.geo.geobox import GeoBox
    from pyproj import Geod, Proj

    frame = embedded_zones(aoi)
    west, south, east, north = frame.to_crs(UTM).total_bounds
    left, bottom = (np.floor((edge - MARGIN_M - EDGE_M) / CELL_M) * CELL_M + EDGE_M for edge in (west, south))
    right, top = (np.ceil((edge + MARGIN_M - EDGE_M) / CELL_M) * CELL_M + EDGE_M for edge in (east, north))
    height, width = round((top - bottom) / CELL_M), round((right - left) / CELL_M)
    geobox = GeoBox((height, width), Affine(CELL_M, 0, left, 0, -CELL_M, top), f"EPSG:{UTM}")
    x, y = np.meshgrid(left + CELL_M * np.arange(width), top - CELL_M * np.arange(1, height + 1))
    boxes = shapely.box(x, y, x + CELL_M, y + CELL_M)
    area_m2 = {}
    degrees = frame.to_crs(4326)
    for name, shape, round_shape in zip(frame["zone"], frame.to_crs(UTM).geometry, degrees.geometry, strict=True):
        shapely.prepare(shape)
        covered = np.where(shapely.contains_properly(shape, boxes), CELL_M**2, 0.0)
        cut = shapely.intersects(shape, boxes) & (covered == 0)
        covered[cut] = shapely.area(shapely.intersection(boxes[cut], shape))
        area_m2[name] = covered * (abs(Geod(ellps="WGS84").geometry_area_perimeter(round_shape)[0]) / covered.sum())
    scale = Proj(UTM).get_factors(*degrees.union_all().centroid.coords[0]).areal_scale
    return Place(geobox, area_m2, CELL_M**2 / scale)
