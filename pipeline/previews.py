"""What the images of a year look like: the clearest day, or the prepared composite, read on a coarse grid and shown in false colour.

Only red and near infrared are read, so near infrared is shown as red, and the red band as green and blue: vegetation
looks red, bare ground grey to cyan, water dark, cloud white. Images that hold NDVI only are shown as a grey ramp.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.aoi import Zones
from pipeline.composite import BlockReader, Recipe
from pipeline.kernels.codes import LAND, NO_DATA, WATER
from pipeline.kernels.observe import merge
from pipeline.kernels.pixels import normalised_difference
from pipeline.maps import Entry, image_map
from pipeline.prepared import read_on_grid
from pipeline.scenes import Scene
from pipeline.sheet import GROUND, Words
from pipeline.sources import Source
from pipeline.tiling import Block

STRIP = 256  # rows of the coarse grid that are read at a time
LOW_PCT, HIGH_PCT = 2, 98
MOST_POOLED = 200_000  # values of one image that decide the stretch
LOOKS = "Vegetation looks red, bare ground grey to cyan, water dark, cloud and snow white."
DARK = "Dark is low NDVI: bare ground, water, and also cloud and snow, which are shown as they are. Cells without data are white, too."
LIKE_OTHERS = f"Shown: percentiles {LOW_PCT} to {HIGH_PCT} of what is clear in the zones, the same in all years."
Stretch = Mapping[str, tuple[float, float]]


@dataclass(frozen=True)
class View:
    """An image on a coarse grid, (y, x): `bands` float16 reflectance (`red`, `nir`) or `ndvi`, NaN without data; `clear` as the masks say.

    `last`: the last day of a provider's composite of several days, which begins on the day `name`; else empty.
    """

    name: str
    items: tuple[str, ...]
    bands: dict[str, np.ndarray]
    clear: np.ndarray
    last: str = ""

    @property
    def when(self) -> str:
        """Return the day or days of the images, or the year of a prepared composite."""
        return f"{self.name} to {self.last}" if self.last else self.name

    def clear_share(self, inside: np.ndarray) -> float:
        """Return the clear share of the cells in `inside`, per cent."""
        return 100 * float(self.clear[inside].mean())

    @property
    def ndvi(self) -> np.ndarray:
        """Return the NDVI of what is clear, float32."""
        if "ndvi" in self.bands:
            ndvi = self.bands["ndvi"].astype(np.float32)
        else:
            ndvi = normalised_difference(self.bands["red"].astype(np.float32), self.bands["nir"].astype(np.float32))
        return np.where(self.clear, ndvi, np.float32(np.nan))


def coarse(grid: Any, most: int) -> Any:
    """Return the grid with cells so large that its longest side has at most `most`."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    step = max(1, -(-max(grid.shape) // most))
    return GeoBox((-(-grid.shape[0] // step), -(-grid.shape[1] // step)), grid.affine @ Affine.scale(step), grid.crs)


def by_day(scenes: Iterable[Scene]) -> dict[str, tuple[Scene, ...]]:
    """Return scenes by their solar day, in their fixed order."""
    days: dict[str, list[Scene]] = defaultdict(list)
    for scene in sorted(scenes, key=lambda s: (s.when, s.id)):
        days[scene.day].append(scene)
    return {day: tuple(found) for day, found in days.items()}


def clearest_day(scenes: Iterable[Scene], rows: Iterable[Mapping[str, Any]], area_m2: Mapping[str, float]) -> tuple[Scene, ...]:
    """Return the scenes of the day that shows the largest clear area of all zones, from rows of zone_by_scene; the first of equal days.

    Scenes of a day may show the same ground twice: of a zone, two scenes count together less what they must share.
    """
    shares: dict[str, dict[str, tuple[float, float]]] = defaultdict(dict)
    for row in rows:
        shares[row["item"]][row["zone"]] = row["clear_pct"], row["masked_pct"]
    days = by_day(scenes)

    def clear_m2(day: str) -> float:
        total = 0.0
        for zone, area in area_m2.items():
            of_zone = [shares[s.id][zone] for s in days[day] if zone in shares[s.id]]
            together = sum(clear for clear, _ in of_zone) - max(0.0, sum(map(sum, of_zone)) - 100)
            total += area * max([together, *(clear for clear, _ in of_zone)], default=0.0)
        return total

    return days[max(days, key=clear_m2)] if days else ()


def read_day(scenes: Sequence[Scene], grid: Any, how: Recipe) -> View:
    """Return the images of one day on a coarse grid, each cell from its nearest pixel, merged in their order.

    Raises
    ------
    RunFault
        When an image cannot be read.
    """
    height, width = grid.shape
    names = ("ndvi",) if any("ndvi" in s.layers for s in scenes) else ("red", "nir")
    bands = {name: np.full(grid.shape, np.nan, np.float16) for name in names}
    clear = np.zeros(grid.shape, bool)
    for top in range(0, height, STRIP):
        rows = slice(top, min(height, top + STRIP))
        block = Block(0, rows, slice(0, width), ())
        reader = BlockReader(block, grid, how)
        state, ndvi = np.full(block.shape, NO_DATA, np.uint8), np.full(block.shape, np.nan, np.float32)
        for scene in scenes:
            own_state, own_ndvi = np.empty_like(state), np.empty_like(ndvi)
            reader.observe(scene, own_state, own_ndvi)
            merge(own_state, own_ndvi, state, ndvi)
            for name in names:
                if name in scene.layers:
                    held = bands[name][rows]
                    held[...] = np.where(np.isnan(held), _small(reader.reflectance(scene, name)), held)
        clear[rows] = (state == LAND) | (state == WATER)
    return View(scenes[0].day, tuple(s.id for s in scenes), bands, clear, max(s.last for s in scenes))


def read_composite(path: Path, chosen: Source, year: int, grid: Any) -> View:
    """Return a prepared composite on a coarse grid, each cell from its nearest pixel; clear is what has an NDVI."""
    names: list[str] = [name for name in ("red", "nir", "ndvi") if name in chosen.bands]
    bands = {name: np.full(grid.shape, np.nan, np.float16) for name in names}
    for top in range(0, grid.shape[0], STRIP):
        rows = slice(top, min(grid.shape[0], top + STRIP))
        values = read_on_grid(path, tuple(chosen.bands[name] for name in names), grid, rows, slice(0, grid.shape[1]))
        for name, band in zip(names, values, strict=True):
            bands[name][rows] = _small(band * np.float32(chosen.scale) + np.float32(chosen.offset))
    whole = View(str(year), (path.name,), bands, np.ones(grid.shape, bool))
    return replace(whole, clear=np.abs(np.nan_to_num(whole.ndvi, nan=9)) <= 1)


def _small(values: np.ndarray) -> np.ndarray:
    return np.clip(values, -60_000, 60_000).astype(np.float16)


def stretch(views: Iterable[View], inside: np.ndarray) -> dict[str, tuple[float, float]]:
    """Return the values of each band that are shown darkest and brightest, for all years alike: percentiles 2 and 98 of what is clear in the zones.

    Where nothing is clear in them in any year, of all values; empty where there are none. `inside`: the cells of the zones.
    """
    pooled: dict[tuple[str, bool], list[np.ndarray]] = defaultdict(list)
    for view in views:
        for name, band in view.bands.items():
            for only_clear in (True, False):
                values = band[view.clear & inside] if only_clear else band.reshape(-1)
                values = values[np.isfinite(values)]
                pooled[name, only_clear].append(values[:: max(1, values.size // MOST_POOLED)])
    out = {}
    for name, only_clear in pooled:
        together = np.concatenate(pooled[name, only_clear]).astype(np.float32)
        if name not in out and together.size:
            low, high = (float(v) for v in np.percentile(together, (LOW_PCT, HIGH_PCT)))
            out[name] = low, max(high, low + 1e-4)
    return out


def picture(view: View, limits: Stretch) -> np.ndarray | None:
    """Return the picture of a view: (y, x, 3) uint8 with NIR, red, red, the page's ground where there is no data; NDVI as (y, x) in 0..1; None without data."""
    if not all(name in limits for name in view.bands):
        return None
    scaled = {}
    for name, band in view.bands.items():
        low, high = limits[name]
        scaled[name] = np.clip((band.astype(np.float32) - low) / (high - low), 0, 1)
    if "ndvi" in scaled:
        return np.ma.masked_invalid(scaled["ndvi"])
    rgb = np.stack([scaled["nir"], scaled["red"], scaled["red"]], axis=-1)
    there = np.isfinite(rgb).all(axis=-1)
    return np.where(there[..., None], np.rint(np.nan_to_num(rgb) * 255).astype(np.uint8), np.array(_bytes(GROUND), np.uint8))


def preview_map(view: View | None, limits: Stretch, grid: Any, zones: Zones, words: Words, of: Any = None) -> Any:
    """Return the figure of a view with the zones, and what its colours mean; without a view, of the zones alone; `of`: see `image_map`."""
    image = None if view is None else picture(view, limits)
    if view is None or image is None:
        return image_map(None, grid, zones, words, "No image" if view is None else "No data", (), of=of)
    if "ndvi" in limits and "ndvi" in view.bands:
        low, high = limits["ndvi"]
        entries = [Entry(f"NDVI {low + i / 4 * (high - low):.2f}", _hex(i / 4)) for i in range(4, -1, -1)]
        only = "The images hold NDVI only: no false colour can be formed."
        return image_map(image, grid, zones, words, "NDVI in grey", tuple(entries), (only, DARK, LIKE_OTHERS), of)
    (red, nir) = (f"{limits[name][0]:.3g} to {limits[name][1]:.3g}" for name in ("red", "nir"))
    entries = [Entry(f"near infrared, {nir}", "#ff0000"), Entry(f"red band, {red}", "#00ffff")]
    return image_map(image, grid, zones, words, "False colour (NIR, red, red)", tuple(entries), (LOOKS, LIKE_OTHERS), of)


def items_line(items: Sequence[str]) -> str:
    """Return the line that names the images of a preview."""
    return f"Image{'s' if len(items) > 1 else ''}: {', '.join(items)}." if items else ""


def _hex(grey: float) -> str:
    return f"#{round(255 * grey):02x}" + f"{round(255 * grey):02x}" * 2


def _bytes(colour: str) -> tuple[int, ...]:
    return tuple(int(colour[i : i + 2], 16) for i in (1, 3, 5))
