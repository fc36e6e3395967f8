"""SENSORS: what differs between sensors, as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.kernels.codes import GROWS, LAND, MASKED, NO_DATA, WATER

MASK_NAMES = ("cloud", "cirrus", "shadow", "snow", "saturated", "water", "dark", "unclassified")
NEVER_DILATED = ("snow", "water")
MODIS_TILE_M = 1_111_950.5197665554  # a tile's side: 1/36 of the equator of the sphere of radius 6,371,007.181 m


@dataclass(frozen=True)
class MaskRule:
    """Quality layer of a sensor: which codes each name stands for. `no_data` always is no data, whatever is dropped.

    A code without a name (Sentinel-2 SCL 4 and 5) is land.
    """

    codes: dict[str, tuple[int, ...]]
    no_data: tuple[int, ...]
    dtypes: tuple[str, ...]
    reference: str

    def table(self, drop: tuple[str, ...], dilate: tuple[str, ...]) -> np.ndarray:
        """Return what each stored value means: uint8 (65536,), entries of `pipeline.kernels.codes`.

        Values beyond the sensor's codes are no data.

        >>> rule = SENSORS["sentinel-2"].scenes.mask
        >>> rule.table(("cloud", "snow"), ("cloud",))[[0, 4, 6, 8, 11, 99]].tolist()
        [0, 1, 2, 11, 3, 0]
        """
        out = np.full(65536, NO_DATA, np.uint8)
        out[: self.known] = LAND
        for name, codes in self.codes.items():
            entry = MASKED | (GROWS if name in dilate else 0) if name in drop else WATER if name == "water" else LAND
            out[list(codes)] = entry
        out[list(self.no_data)] = NO_DATA
        return out

    @property
    def known(self) -> int:
        """Return the number of codes that the sensor has, from 0 on."""
        return max(c for codes in (*self.codes.values(), self.no_data) for c in codes) + 1


@dataclass(frozen=True)
class SceneRule:
    """How the items of a sensor are read.

    `assets` gives, per role, the names by which catalogues call the asset, best first; `common` the common names of the
    bands inside assets of several bands. Values outside `valid` (stored) are no data: a file's own nodata is not needed,
    and a wrong one does no harm. `offset_from` is the baseline from which products carry the radiometric
    offset; `ground_codes` and `dark_codes` are the mask codes over which the data's own floor is taken.
    """

    assets: dict[str, tuple[str, ...]]
    common: dict[str, tuple[str, ...]]
    dtypes: tuple[str, ...]
    valid: tuple[float, float]
    scale: float
    mask: MaskRule
    offset: float = 0.0
    offset_from: float | None = None
    ground_codes: tuple[int, ...] = ()
    dark_codes: tuple[int, ...] = ()


@dataclass(frozen=True)
class Sensor:
    """One sensor; `resolution_m` is the cell size of its red and NIR bands on the ground.

    Class areas are given only for zones of at least `least_pixels` pixels: edges and mixed pixels decide those of smaller
    ones. `native_grid`: results stay on the images' own grid, because another would move or mix pixels of this size.
    """

    name: str
    title: str
    resolution_m: float
    reference: str
    scenes: SceneRule | None = None
    least_pixels: int = 0
    native_grid: bool = False


SENTINEL_2_L2A = SceneRule(
    assets={
        "red": ("red", "B04", "B04_10m"),
        "nir": ("nir", "B08", "B08_10m"),
        "mask": ("scl", "SCL", "SCL_20m"),
        "ndvi": ("ndvi", "NDVI"),
    },
    common={"red": ("red",), "nir": ("nir",)},
    dtypes=("uint16", "int16"),
    valid=(1, 32767),
    scale=0.0001,
    offset=-0.1,
    offset_from=4.0,
    ground_codes=(2, 3, 4, 5, 6, 7),
    dark_codes=(2, 3, 6),
    mask=MaskRule(
        codes={
            "cloud": (8, 9),
            "cirrus": (10,),
            "shadow": (3,),
            "snow": (11,),
            "saturated": (1,),
            "water": (6,),
            "dark": (2,),
            "unclassified": (7,),
        },
        no_data=(0,),
        dtypes=("uint8",),
        reference="ESA Sentinel-2 L2A scene classification (SCL), codes 0-11; 2 is cast shadow since baseline 04.00, dark area before",
    ),
)

SENSORS: dict[str, Sensor] = {
    s.name: s
    for s in (
        Sensor("sentinel-2", "Sentinel-2 MSI", 10.0, "ESA Sentinel-2 User Handbook: B04 and B08 at 10 m", SENTINEL_2_L2A),
        Sensor("landsat", "Landsat TM, ETM+, OLI", 30.0, "USGS Landsat Collection 2 Level 2: 30 m"),
        Sensor(
            "modis",
            "MODIS Terra and Aqua",
            MODIS_TILE_M / 4800,
            "MOD13Q1 v061: 250 m on the MODIS sinusoidal grid, tiles of 1111950.52 m with 4800 x 4800 pixels",
            least_pixels=100,
            native_grid=True,
        ),
    )
}
