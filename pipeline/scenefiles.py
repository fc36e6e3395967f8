"""What the files of a scene are, against what its metadata say; and a sample of the whole scene."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.access import Access
from pipeline.aoi import Zones
from pipeline.errors import BadInput, one_line
from pipeline.grid import native_grid
from pipeline.images import read_image, shown, state_of
from pipeline.quality import QUALITY
from pipeline.sensors import SceneRule
from pipeline.stac import Item

if TYPE_CHECKING:
    from odc.geo.geobox import GeoBox

SAMPLE_SIDE = 1024
NDVI_DTYPES = ("int16", "float32", "float64")
DAY_DTYPES = ("int16", "uint16")


class File(Protocol):
    """What is needed of a layer here."""

    @property
    def asset(self) -> str:
        """Return the asset's name."""

    @property
    def href(self) -> str:
        """Return the asset's file."""

    @property
    def inside(self) -> str:
        """Return what is meant of the file."""

    @property
    def band(self) -> int:
        """Return the 1-based band."""

    @property
    def access(self) -> Access:
        """Return how a server is asked."""


@dataclass(frozen=True)
class Header:
    """Grid and type of one file, and the digest of its state."""

    grid: GeoBox
    dtype: str
    state: str


def open_header(item: Item, layers: Any, rule: SceneRule) -> dict[str, Header]:
    """Open every layer of an item and return its headers by role; `main` is the red (or NDVI) one.

    Raises
    ------
    BadInput
        No such band, no CRS, a wrong dtype, or a grid that the metadata contradict.
    """
    out = {}
    for role, layer in layers.items():
        dtypes = QUALITY[layer.quality].dtypes if layer.quality else {"ndvi": NDVI_DTYPES, "day": DAY_DTYPES}.get(role, rule.dtypes)
        out[role] = _checked(item, layer, dtypes)
        if role == "ndvi" and (out[role].dtype == "int16") == (layer.scale == 1):
            told = ("1 for whole numbers", "for instance 0.0001") if layer.scale == 1 else (f"{layer.scale:g}, and values of type {out[role].dtype}", "int16")
            fix = "correct the item" if layer.scale == 1 else "give the files as the provider publishes them, or as yearly composites"
            raise BadInput(shown(layer.href), f"item {item.id}: asset {layer.asset}: scale", *told, fix)
    if "red" in out and out["red"].grid != out["nir"].grid and layers["nir"].asset in rule.assets["nir"]:
        raise BadInput(shown(layers["nir"].href), f"item {item.id}: grid", "not that of the red band", "red and NIR on one grid", "remove the item")
    main = out["red" if "red" in out else "ndvi"]
    for role, layer in layers.items():
        if not meets(out[role].grid, main.grid):
            where = f"item {item.id}: asset {layer.asset}: position"
            raise BadInput(shown(layer.href), where, "beside the other bands", "a layer of the same ground", "download it again, or remove the item")
        if rule.one_grid and not _same(out[role].grid, main.grid):
            found = f"{_told(out[role].grid)}, the bands' {_told(main.grid)}"
            raise BadInput(shown(layer.href), f"item {item.id}: asset {layer.asset}: grid", found, "the grid of the bands", "download it again")
    return out | {"main": main}


def _checked(item: Item, layer: File, dtypes: tuple[str, ...]) -> Header:
    where = f"item {item.id}: asset {layer.asset}"

    def header(dataset: Any) -> tuple[Any, ...]:
        dtype = dataset.dtypes[layer.band - 1] if layer.band <= dataset.count else None
        there = dataset.crs is not None and _usable(dataset.transform)
        return dataset.count, dataset.crs, dataset.transform, dataset.shape, dtype, native_grid(dataset) if there else None, state_of(dataset, layer.href)

    try:
        count, crs, transform, shape, dtype, grid, state = read_image(layer.href, where, header, access=layer.access, inside=layer.inside)
    except BadInput as error:
        raise BadInput(error.where, f"{where}: {error.field}", error.found, error.expected, error.fix) from None
    name = shown(layer.href)
    if layer.band > count:
        raise BadInput(name, where, f"{count} bands", f"band {layer.band}", "correct the item")
    if crs is None:
        raise BadInput(name, f"{where}: CRS", "none", "a coordinate reference system", "assign it (gdal_edit -a_srs) or download it again")
    if transform.is_identity:
        raise BadInput(name, f"{where}: georeference", "a CRS but no position", "a GeoTIFF with an affine transform", "download it again")
    if not _usable(transform):
        raise BadInput(name, f"{where}: georeference", "cells without area", "a GeoTIFF with an affine transform", "download it again")
    if not _on_earth(crs.to_wkt()):
        raise BadInput(name, f"{where}: CRS", one_line(crs.to_wkt(), 80), "a reference system of the Earth", "assign the right one, or download it again")
    if dtype not in dtypes:
        raise BadInput(name, f"{where}: values", dtype, " or ".join(dtypes), "give the files as the provider publishes them")
    asset = item.assets[layer.asset]
    listed, epsg = asset.projection("shape"), asset.epsg
    own = [v for v in (asset.content.get("proj:shape"), asset.content.get("proj:transform")) if v is not None]
    if epsg is not None and crs.to_epsg() not in (None, epsg):
        raise BadInput(name, f"{where}: CRS", f"EPSG:{crs.to_epsg()} in the file, EPSG:{epsg} in the item", "the same", "is it the right file?")
    if own and isinstance(listed, list) and tuple(listed) != tuple(shape):
        raise BadInput(name, f"{where}: shape", f"{list(shape)} in the file, {listed} in the item", "the same", "is it the right file?")
    published = asset.content.get("proj:transform")
    numbers = [v for v in published if isinstance(v, (int, float))][:6] if isinstance(published, list) else []
    if len(numbers) == 6 and not np.allclose(numbers, list(transform)[:6], rtol=0, atol=1e-3):
        raise BadInput(name, f"{where}: transform", f"{list(transform)[:6]} in the file, {numbers} in the item", "the same", "is it the right file?")
    return Header(grid, dtype, state)


def _same(one: GeoBox, other: GeoBox) -> bool:
    """Return whether two grids are one, to a thousandth of a cell."""
    close = np.allclose(tuple(one.affine)[:6], tuple(other.affine)[:6], rtol=0, atol=1e-3 * abs(one.affine.a))
    return bool(one.shape == other.shape and one.crs == other.crs and close)


def _told(grid: GeoBox) -> str:
    a = grid.affine
    return f"{grid.shape[1]} x {grid.shape[0]} cells of {a.a:g} from {a.c:.10g}, {a.f:.10g}"


def _usable(transform: Any) -> bool:
    """Return whether cells have a place and an area."""
    return bool(np.isfinite(tuple(transform)).all()) and not transform.is_degenerate


@lru_cache(maxsize=64)
def _on_earth(wkt: str) -> bool:
    """Return whether a CRS can be related to longitude and latitude on the Earth; the files of a catalogue share a few."""
    from pyproj import CRS, Transformer
    from pyproj.exceptions import ProjError

    try:
        own = CRS.from_wkt(wkt)
        Transformer.from_crs(own, 4326, always_xy=True)
    except ProjError:
        return False
    body = own.ellipsoid.semi_major_metre if own.ellipsoid is not None else 0.0
    return abs(body - 6_378_137) < 100_000


def meets(image: GeoBox, grid: GeoBox) -> bool:
    """Return whether the boxes of two grids overlap."""
    from rasterio.warp import transform_bounds

    west, south, east, north = transform_bounds(image.crs.to_wkt(), grid.crs.to_wkt(), *image.boundingbox)
    box = grid.boundingbox
    return bool(west < box.right and east > box.left and south < box.top and north > box.bottom)


def finest_grid(grids: list[Any], zones: Zones) -> Any:
    """Return the grid that decides: the finest one in the AOI's UTM zone, else in the commonest CRS; of the first scene that has it."""
    utm = zones.frame.estimate_utm_crs().to_epsg()
    epsg = [g.crs.epsg or g.crs.to_wkt() for g in grids]
    wanted = utm if utm in epsg else Counter(epsg).most_common(1)[0][0]
    return min((g for g, code in zip(grids, epsg, strict=True) if code == wanted), key=lambda g: round(abs(g.affine.a), 6))


def commonest_grid(grids: list[Any]) -> Any:
    """Return the first grid of those on which most images lie."""
    (phase, _), *_ = Counter(map(phase_of, grids)).most_common()
    return next(g for g in grids if phase_of(g) == phase)


def phase_of(grid: Any) -> tuple[Any, ...]:
    """Return what grids share whose cells coincide where they overlap: CRS, cell size, and where in a cell the origin lies, to a thousandth of a cell."""
    a = grid.affine
    return grid.crs.to_wkt(), round(a.a, 3), round(a.e, 3), *(round(at / step % 1, 3) % 1 for at, step in ((a.c, a.a), (a.f, a.e)))


def sample(item: Item, red: File, mask: File) -> tuple[np.ndarray, np.ndarray]:
    """Return stored red and mask codes of the whole scene at reduced resolution, the same shape.

    Raises
    ------
    RunFault
        When a file cannot be read.
    """

    def small(layer: File) -> np.ndarray:
        def read(dataset: Any) -> np.ndarray:
            from rasterio.enums import Resampling

            step = max(1, -(-max(dataset.shape) // SAMPLE_SIDE))
            wanted = tuple(-(-side // step) for side in dataset.shape)
            return np.asarray(dataset.read(layer.band, out_shape=wanted, resampling=Resampling.nearest))

        return np.asarray(read_image(layer.href, f"item {item.id}: asset {layer.asset}", read, access=layer.access, inside=layer.inside))

    values, codes = small(red), small(mask)
    rows = np.arange(values.shape[0]) * codes.shape[0] // values.shape[0]
    cols = np.arange(values.shape[1]) * codes.shape[1] // values.shape[1]
    return values, codes[rows[:, None], cols[None, :]]
