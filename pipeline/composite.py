"""Yearly composites from scenes, fused: one task per block walks the year's scenes, and no stack of scenes ever exists.

For each image: windowed reads of red, NIR and mask, one kernel that decodes the mask, scales and forms NDVI; images of
one solar day are merged in their fixed order; then one kernel forms the composite of the days. Memory is a block times
the days of one year, and blocks get smaller where there are many days.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import groupby
from math import floor, prod
from threading import local
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from pipeline.config import Config
from pipeline.errors import BadInput, RunFault
from pipeline.grid import dilation_cells, native_grid
from pipeline.images import FileChanged, read_image, shown, state_of
from pipeline.kernels.codes import GROWS, LAND, NO_DATA, WATER
from pipeline.kernels.neighbours import grow
from pipeline.kernels.observe import combine, merge, observe, observe_ndvi, spread, zone_sums
from pipeline.kernels.series import MEAN, composite
from pipeline.scenes import Scene
from pipeline.sensors import SENSORS
from pipeline.tiling import Block
from pipeline.windows import Lookup, locate

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

DTYPES = {"ndvi": "float32", "clear": "uint16", "doy": "float32", "water": "float32", "sd": "float32"}
GOLDEN = 0.618034
ALWAYS = (-32767, 32767)  # days of year
UNKNOWN_DAY = -32768


@dataclass(frozen=True)
class Recipe:
    """How the images of one sensor become a composite; plain values, so that a task can travel."""

    tables: dict[str, np.ndarray]
    valid: tuple[float, float]
    halo: int
    reach: float
    least_sum: float
    keep_water: bool
    percentile: float
    least: int
    valid_ndvi: tuple[float, float] | None = None


def recipe(config: Config, sensor: str, cell_m: float) -> Recipe:
    """Return the recipe of a sensor on a grid with cells of this side on the ground.

    Raises
    ------
    BadInput
        When masks would be dilated by more cells than can be.
    """
    rule = SENSORS[config.kind(sensor)].scenes
    mask, chosen = config.mask, config.composite
    reach = dilation_cells(config, config.mine, cell_m)
    return Recipe(
        {layer.quality: layer.rule.table(mask.drop, mask.dilate) for layer in rule.quality},
        rule.valid,
        floor(reach + 1e-9),
        reach,
        mask.min_reflectance_sum,
        "water" not in config.fvc.exclude,
        MEAN if chosen.method == "mean" else chosen.percentile,
        chosen.min_clear,
        rule.valid_ndvi,
    )


@dataclass(frozen=True)
class Cut:
    """Another composite from the same walk over the scenes: of which of the days, and of which percentile (`MEAN`: the mean).

    `with_water`: the share of water is wanted too, because the days are others than those of the run's own composite. `season`: first
    and last day of year of what counts, for images whose pixels are of several days.
    """

    days: slice
    percentile: float
    with_water: bool
    season: tuple[int, int] = ALWAYS


@dataclass(frozen=True)
class Cuts:
    """The days of the run's own composite among all days that are read, and further composites."""

    own: slice
    more: tuple[Cut, ...]


@dataclass(frozen=True)
class Result:
    """One block of one year: arrays (y, x) as `DTYPES`; `sums` (scenes, zones, 4), see `zone_sums`.

    `more`: (bands, y, x) float32, NDVI of every further composite, then the share of water of those that want it.
    """

    rows: slice
    cols: slice
    values: dict[str, np.ndarray]
    sums: np.ndarray
    more: np.ndarray | None = None


def compute(
    block: Block,
    scenes: tuple[Scene, ...],
    grid: GeoBox,
    how: Recipe,
    zones: int,
    out: dict[str, np.ndarray] | None = None,
    cuts: Cuts | None = None,
    season: tuple[int, int] = ALWAYS,
) -> Result:
    """Return the composite of one block of one year; `scenes` in their fixed order (by day, time and id).

    `out`: contiguous arrays of the block that are filled; default: new ones. `cuts`: `scenes` hold more days than the
    composite is of; only its own count in `sums`, whose rows are all scenes. `season`: first and last day of year; where the pixels of
    an image are of several days, only those of the season count.

    Raises
    ------
    RunFault
        When an image cannot be read, naming item and asset: a gap in the data never comes from a failure.
    """
    reader = BlockReader(block, grid, how)
    shape = block.shape
    groups = list(enumerate(list(group) for _, group in groupby(scenes, key=lambda s: s.day)))
    days = len(groups)
    start = int(days * (block.number * GOLDEN % 1))  # each block elsewhere: files are seldom wanted by two threads at a time
    ndvi = _buffer("ndvi", (days, *shape), np.float32)
    of_days = _buffer("states", (days, *shape), np.uint8)
    pixel_days = _buffer("pixel days", (days, *shape), np.int16) if any("day" in scene.layers for scene in scenes) else None
    numbers = np.zeros(days, np.int64)
    sums = np.zeros((len(scenes), zones, 4), np.int64)
    position = {scene.id: i for i, scene in enumerate(scenes)}
    for i, group in groups[start:] + groups[:start]:
        own = cuts is None or cuts.own.start <= i < cuts.own.stop
        for k, scene in enumerate(group):
            state, values = (of_days[i], ndvi[i]) if k == 0 else (_buffer("state", shape, np.uint8), _buffer("values", shape, np.float32))
            reader.observe(scene, state, values)
            counted, measured = state, values
            if pixel_days is not None:
                when = reader.days(scene)
                counted, measured = in_season(when, season, state, values)
                taken = slice(None) if k == 0 else (of_days[i] != LAND) & (of_days[i] != WATER) & (state != NO_DATA)
                pixel_days[i][taken] = when[taken]
            for part in block.parts if own else ():
                zone_sums(counted.reshape(-1), measured.reshape(-1), part.cells, part.weights, sums[position[scene.id], part.zone])
            if k > 0:
                merge(state, values, of_days[i], ndvi[i])
            numbers[i] = max(scene.day_of_year, 0)  # a season that starts before 1 January, whose days of year nobody asks for
    if out is None:
        out = {name: np.empty(shape, dtype) for name, dtype in DTYPES.items()}
    cells = prod(shape)
    flat = [out[name].reshape(cells) for name in DTYPES]
    values, states = ndvi.reshape(days, cells), of_days.reshape(days, cells)

    def form(of: slice, within: tuple[int, int], percentile: float, into: Sequence[np.ndarray]) -> None:
        if pixel_days is None:
            composite(values[of], states[of], numbers[of], percentile, how.least, how.keep_water, *into)
            return
        when = pixel_days.reshape(days, cells)[of]
        seen, measured = in_season(when, within, states[of], values[of])
        composite(measured, seen, numbers[of], percentile, how.least, how.keep_water, *into)
        clear = (seen == LAND) | (seen == WATER)
        with np.errstate(invalid="ignore"):
            into[2][:] = np.where(clear, when, 0).sum(axis=0) / into[1]  # 0 / 0 is NaN

    form(slice(0, days) if cuts is None else cuts.own, season, how.percentile, flat)
    if cuts is None:
        return Result(block.rows, block.cols, out, sums)
    bands = len(cuts.more) + sum(cut.with_water for cut in cuts.more)
    more = np.empty((bands, cells), np.float32)
    seen, day, dry = _buffer("seen", (cells,), np.uint16), _buffer("day", (cells,), np.float32), _buffer("dry", (cells,), np.float32)
    shares, unwanted = iter(more[len(cuts.more) :]), np.empty(0, np.float32)
    for cut, annual in zip(cuts.more, more, strict=False):
        form(cut.days, cut.season, cut.percentile, (annual, seen, day, next(shares) if cut.with_water else dry, unwanted))
    return Result(block.rows, block.cols, out, sums, more.reshape(bands, *shape))


def in_season(when: np.ndarray, season: tuple[int, int], state: np.ndarray, ndvi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return state and NDVI without what is of a day outside a season, or of an unknown one."""
    outside = (when < season[0]) | (when > season[1]) | (when == UNKNOWN_DAY)
    return np.where(outside, np.uint8(NO_DATA), state), np.where(outside, np.float32(np.nan), ndvi)


_memory = local()
_natives: WeakKeyDictionary[Any, tuple[GeoBox, Any]] = WeakKeyDictionary()
_states: WeakKeyDictionary[Any, str] = WeakKeyDictionary()


def _buffer(name: str, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
    """Return this thread's array of a name, contents undefined: new memory for every image costs a third of the time."""
    size = prod(shape) * np.dtype(dtype).itemsize
    held: np.ndarray | None = _memory.__dict__.get(name)
    if held is None or held.size < size:
        held = _memory.__dict__[name] = np.empty(size, np.uint8)
    return held[:size].view(dtype).reshape(shape)


def _native(dataset: Any) -> tuple[GeoBox, Any]:
    """Return the grid of an open file, and a key that equal grids share; worked out once per open file."""
    if dataset not in _natives:
        _natives[dataset] = native_grid(dataset), (dataset.crs.to_wkt(), dataset.transform, dataset.shape)
    return _natives[dataset]


def _state(dataset: Any, href: str) -> str:
    """Return the state of an open file; worked out once per open file."""
    if dataset not in _states:
        _states[dataset] = state_of(dataset, href)
    return _states[dataset]


class BlockReader:
    """Reads images of one block; which pixels lie under it is worked out once per grid of the images."""

    def __init__(self, block: Block, grid: GeoBox, how: Recipe) -> None:
        self.block, self.grid, self.how = block, grid, how
        self.lookups: dict[Any, Lookup] = {}

    def observe(self, scene: Scene, state: np.ndarray, ndvi: np.ndarray) -> None:
        """Fill state and NDVI of one image on the block."""
        how, layers = self.how, scene.layers
        codes = self._codes(scene, "mask")
        for role in layers:
            if role != "mask" and layers[role].quality:
                combine(self._codes(scene, role), codes)
        if not codes.any():  # NO_DATA everywhere: the other bands need not be read
            state[:], ndvi[:] = NO_DATA, np.nan
            return
        grown = grow(codes, GROWS, how.halo, how.reach, _buffer("grown", self.block.shape, np.uint8), _buffer("distance", codes.shape, np.uint8))
        low, high = np.float32(how.valid[0]), np.float32(how.valid[1])
        if "ndvi" in layers:
            linear = np.array([layers["ndvi"].scale, layers["ndvi"].offset], np.float32)
            values = self._ndvi(scene)
            observe_ndvi(values, codes, grown, how.halo, linear, how.keep_water, state, ndvi)
            return
        red, nir = (self._band(scene, role, how.valid[0] - 1) for role in ("red", "nir"))
        if red.dtype != nir.dtype:
            red, nir = red.astype(np.float32), nir.astype(np.float32)
        linear = np.array([v for role in ("red", "nir") for v in (layers[role].scale, layers[role].offset / layers[role].scale)], np.float32)
        observe(red, nir, codes, grown, how.halo, linear, low, high, np.float32(how.least_sum), how.keep_water, state, ndvi)

    def _lookup(self, dataset: Any, halo: int) -> Lookup:
        native, key = _native(dataset)
        key = (key, halo)
        if key not in self.lookups:
            rows, cols = (slice(s.start - halo, s.stop + halo) for s in (self.block.rows, self.block.cols))
            self.lookups[key] = locate(native, self.grid, rows, cols)
        return self.lookups[key]

    def _window(self, scene: Scene, role: str, halo: int, own_nodata: bool = False) -> tuple[Lookup, np.ndarray | None]:
        from rasterio.windows import Window

        layer = scene.layers[role]

        def read(dataset: Any) -> tuple[Lookup, np.ndarray | None]:
            if layer.state and _state(dataset, layer.href) != layer.state:
                raise FileChanged(f"{what}: {shown(layer.href)}: the file has changed since it was inspected; run again to inspect it anew")
            lookup = self._lookup(dataset, halo)
            if lookup.window is None:
                return lookup, None
            top, left, height, width = lookup.window
            window = Window(left, top, width, height)
            if not own_nodata:
                buffer = _buffer(f"read {role}", (height, width), dataset.dtypes[layer.band - 1])
                return lookup, dataset.read(layer.band, window=window, out=buffer)
            return lookup, dataset.read(layer.band, window=window, masked=True).astype(np.float32).filled(np.nan)

        what = f"item {scene.id}: asset {layer.asset}"
        try:
            found: tuple[Lookup, np.ndarray | None] = read_image(layer.href, what, read, layer.stamp, layer.access, layer.inside)
        except BadInput as error:
            raise RunFault(f"{what}: {shown(layer.href)}: {error.found}; has the file changed since the run began?") from None
        return found

    def reflectance(self, scene: Scene, role: str) -> np.ndarray:
        """Return a band of one image on the block, float32 reflectance (or NDVI); NaN where there is no data."""
        layer = scene.layers[role]
        if role == "ndvi":
            return self._ndvi(scene) * np.float32(layer.scale) + np.float32(layer.offset)
        low, high = self.how.valid
        stored = self._band(scene, role, low - 1).astype(np.float32)
        with np.errstate(invalid="ignore"):
            there = (stored >= low) & (stored <= high)
        return np.where(there, stored * np.float32(layer.scale) + np.float32(layer.offset), np.float32(np.nan))

    def days(self, scene: Scene) -> np.ndarray:
        """Return the day of each pixel on the block, int16, from 1 January of the season's year; UNKNOWN_DAY where none is told, or none of the composite."""
        if "day" not in scene.layers:
            return np.full(self.block.shape, scene.day_of_year, np.int16)
        stored = self._band(scene, "day", 0).astype(np.int16)  # 0 is no day, and fits unsigned files
        first = date.fromisoformat(scene.day)
        start = (first - date(first.year, 1, 1)).days + 1
        turned = np.where(stored < start, stored + (date(first.year + 1, 1, 1) - date(first.year, 1, 1)).days, stored)
        told = (stored >= 1) & (stored <= 366) & (turned - start <= (date.fromisoformat(scene.last or scene.day) - first).days)
        return np.where(told, turned - start + scene.day_of_year, UNKNOWN_DAY).astype(np.int16)

    def _ndvi(self, scene: Scene) -> np.ndarray:
        """Return stored NDVI on the block, NaN where there is no data."""
        values = self._band(scene, "ndvi", np.nan)
        if self.how.valid_ndvi is not None:
            low, high = self.how.valid_ndvi
            with np.errstate(invalid="ignore"):
                values[(values < low) | (values > high)] = np.nan
        return values

    def _band(self, scene: Scene, role: str, outside: float) -> np.ndarray:
        """Return stored values on the block; `outside` must be no data for the sensor."""
        lookup, values = self._window(scene, role, 0, own_nodata=role == "ndvi")
        if values is None:
            return np.full(lookup.shape, outside, np.float32)
        if values.dtype not in (np.uint16, np.int16, np.float32):
            values = values.astype(np.float32)
        return np.ascontiguousarray(lookup.take(values, outside))

    def _codes(self, scene: Scene, role: str) -> np.ndarray:
        """Return table entries of a quality layer on the block and its halo."""
        table = self.how.tables[scene.layers[role].quality]
        lookup, codes = self._window(scene, role, self.how.halo)
        out = _buffer(f"codes {role}", lookup.shape, np.uint8)
        if codes is None:
            out[:] = NO_DATA
            return out
        if lookup.separable:
            whole = codes if codes.dtype in (np.uint8, np.uint16) else codes.astype(np.int16).view(np.uint16)
            spread(whole, lookup.rows, lookup.cols, table, np.uint8(NO_DATA), out)
            return out
        return lookup.take(table[codes.astype(np.uint16)], NO_DATA)
