"""SENSORS: what differs between sensors, as data."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from pipeline.quality import QUALITY, MaskRule

LANDSAT_MISSIONS = ("landsat-4", "landsat-5", "landsat-7", "landsat-8", "landsat-9")
SINUSOIDAL_M = 1_111_950.5197665554 / 4800  # side of a MODIS tile of 10 degrees on a sphere of 6,371,007.181 m, and its cells of "250 m"


@dataclass(frozen=True)
class QualityLayer:
    """One quality layer that items may have: `role`, its asset names, and what its values mean (`pipeline.quality.QUALITY`).

    `missions`: platforms whose values these are, empty for all. `needed_for`: names of `mask.drop` that cannot be told
    without the layer; an item that lacks it is dropped where one of them is wanted, and always where `role` is `mask`.
    """

    role: str
    names: tuple[str, ...]
    quality: str
    missions: tuple[str, ...] = ()
    needed_for: tuple[str, ...] = ()

    @property
    def rule(self) -> MaskRule:
        """Return what the values mean."""
        return QUALITY[self.quality]


@dataclass(frozen=True)
class SceneRule:
    """How the items of a sensor are read.

    `assets` gives, per role, the names by which catalogues call the asset, best first; `common` the common names of the
    bands inside assets of several bands. Values outside `valid` (stored) are no data: a file's own nodata is not needed,
    and a wrong one does no harm; likewise `valid_ndvi` where the files are NDVI. `offset_from` is the baseline from which products
    carry the radiometric offset; `ground_codes` and `dark_codes` are the mask codes over which the data's own floor is taken. Items
    of a sensor with `missions` must be of one of these platforms; `levels`: properties that, where given, start so. The role `day` is
    the day of year of each pixel's observation. `one_grid`: all layers of an item lie on the grid of its bands.
    """

    assets: dict[str, tuple[str, ...]]
    common: dict[str, tuple[str, ...]]
    dtypes: tuple[str, ...]
    valid: tuple[float, float]
    scale: float
    quality: tuple[QualityLayer, ...]
    offset: float = 0.0
    offset_from: float | None = None
    ground_codes: tuple[int, ...] = ()
    dark_codes: tuple[int, ...] = ()
    valid_ndvi: tuple[float, float] | None = None
    scale_ndvi: float | None = None
    missions: tuple[str, ...] = ()
    levels: dict[str, str] = field(default_factory=dict)
    one_grid: bool = False

    def names(self, role: str) -> tuple[str, ...]:
        """Return the asset names of a role, quality layers included."""
        return self.assets.get(role, ()) + tuple(n for layer in self.quality if layer.role == role for n in layer.names)


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
    scenes: SceneRule
    least_pixels: int = 0
    native_grid: bool = False


SENTINEL_2_L2A = SceneRule(
    assets={"red": ("red", "B04", "B04_10m"), "nir": ("nir", "B08", "B08_10m"), "ndvi": ("ndvi", "NDVI")},
    common={"red": ("red",), "nir": ("nir",)},
    dtypes=("uint16", "int16"),
    valid=(1, 32767),
    scale=0.0001,
    offset=-0.1,
    offset_from=4.0,
    ground_codes=(2, 3, 4, 5, 6, 7),
    dark_codes=(2, 3, 6),
    quality=(QualityLayer("mask", ("scl", "SCL", "SCL_20m"), "scl"),),
)
LANDSAT_C2_L2 = SceneRule(
    assets={"red": ("red",), "nir": ("nir08", "nir")},
    common={"red": ("red",), "nir": ("nir08", "nir")},
    dtypes=("uint16",),
    valid=(1, 65455),
    scale=0.0000275,
    offset=-0.2,
    quality=(
        QualityLayer("mask", ("qa_pixel",), "qa_pixel"),
        QualityLayer("saturation", ("qa_radsat",), "qa_radsat-oli", ("landsat-8", "landsat-9"), ("saturated",)),
        QualityLayer("saturation", ("qa_radsat",), "qa_radsat-tm", ("landsat-4", "landsat-5", "landsat-7"), ("saturated",)),
    ),
    missions=LANDSAT_MISSIONS,
    levels={"landsat:correction": "L2", "landsat:collection_number": "02"},
    one_grid=True,
)
MODIS_LAND = SceneRule(
    assets={
        "red": ("sur_refl_b01",),
        "nir": ("sur_refl_b02",),
        "ndvi": ("250m_16_days_NDVI", "500m_16_days_NDVI", "1_km_16_days_NDVI"),
        "day": (
            "250m_16_days_composite_day_of_the_year",
            "500m_16_days_composite_day_of_the_year",
            "1_km_16_days_composite_day_of_the_year",
            "sur_refl_day_of_year",
        ),
    },
    common={},
    dtypes=("int16",),
    valid=(-100, 16000),
    scale=0.0001,
    quality=(
        QualityLayer("mask", ("250m_16_days_pixel_reliability", "500m_16_days_pixel_reliability", "1_km_16_days_pixel_reliability"), "vi_reliability"),
        QualityLayer("mask", ("sur_refl_state_250m", "sur_refl_state_500m"), "sr_state"),
        QualityLayer("quality", ("250m_16_days_VI_Quality", "500m_16_days_VI_Quality", "1_km_16_days_VI_Quality"), "vi_quality"),
    ),
    one_grid=True,
    valid_ndvi=(-2000, 10000),
    scale_ndvi=0.0001,
)

SENSORS: dict[str, Sensor] = {
    s.name: s
    for s in (
        Sensor("sentinel-2", "Sentinel-2 MSI", 10.0, "ESA Sentinel-2 User Handbook: B04 and B08 at 10 m", SENTINEL_2_L2A),
        Sensor("landsat", "Landsat TM, ETM+, OLI", 30.0, "USGS Landsat Collection 2 Level 2: 30 m", LANDSAT_C2_L2),
        Sensor(
            "modis",
            "MODIS Terra and Aqua",
            SINUSOIDAL_M,
            "MOD13Q1, MYD13Q1, MOD09Q1 and MOD09A1, Collection 6.1, sinusoidal grid",
            MODIS_LAND,
            least_pixels=100,
            native_grid=True,
        ),
    )
}


def kind_of(assets: Collection[str]) -> str | None:
    """Return the kind of sensor that has quality layers, or a vegetation index, of these names; None where none has, or several have.

    >>> kind_of(["red", "nir08", "qa_pixel"]), kind_of(["B04", "B08", "SCL"]), kind_of(["red", "nir"])
    ('landsat', 'sentinel-2', None)
    """
    found = []
    for kind, sensor in SENSORS.items():
        index = {name for name in sensor.scenes.assets.get("ndvi", ()) if name.lower() != "ndvi"}
        if not index.union(*(layer.names for layer in sensor.scenes.quality)).isdisjoint(assets):
            found.append(kind)
    return found[0] if len(found) == 1 else None
