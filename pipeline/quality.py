"""QUALITY: what the values of sensors' quality layers mean, as data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.kernels.codes import GROWS, LAND, MASKED, NO_DATA, WATER

MASK_NAMES = ("cloud", "cirrus", "shadow", "snow", "saturated", "water", "dark", "unclassified")
NEVER_DILATED = ("snow", "water")


@dataclass(frozen=True)
class Bits:
    """Stored values whose bits `first` to `last` (0 is the lowest), read as a number, are one of `values`."""

    first: int
    last: int
    values: tuple[int, ...] = (1,)

    def found(self, stored: np.ndarray) -> np.ndarray:
        """Return which of the stored values (uint16) are meant.

        >>> Bits(3, 5, (3, 5)).found(np.array([0b011000, 0b101111, 0b001000], np.uint16)).tolist()
        [True, True, False]
        """
        return np.isin((stored >> self.first) & (2 ** (self.last - self.first + 1) - 1), self.values)


def bit(*numbers: int) -> tuple[Bits, ...]:
    """Return the values of which one of these bits is set."""
    return tuple(Bits(n, n) for n in numbers)


def code(*values: int) -> tuple[Bits, ...]:
    """Return whole values."""
    return (Bits(0, 15, values),)


@dataclass(frozen=True)
class MaskRule:
    """Quality layer of a sensor: which stored values each name stands for. `no_data` always is no data, whatever is dropped.

    A value without a name (Sentinel-2 SCL 4 and 5) is land; one above `largest` is no data.
    """

    classes: dict[str, tuple[Bits, ...]]
    no_data: tuple[Bits, ...]
    dtypes: tuple[str, ...]
    reference: str
    largest: int = 65535

    def table(self, drop: tuple[str, ...], dilate: tuple[str, ...]) -> np.ndarray:
        """Return what each stored value means: uint8 (65536,), entries of `pipeline.kernels.codes`.

        No data goes before what is dropped, that before water, water before land. A negative value stands at 65536 plus itself.

        >>> QUALITY["scl"].table(("cloud", "snow"), ("cloud",))[[0, 4, 6, 8, 11, 99]].tolist()
        [0, 1, 2, 11, 3, 0]
        >>> QUALITY["qa_pixel"].table(("cloud", "shadow"), ("cloud",))[[1, 21824, 21952, 22280, 23888]].tolist()
        [0, 1, 2, 11, 3]
        """
        stored = np.arange(65536, dtype=np.uint16)
        out = np.full(65536, LAND, np.uint8)
        named = {name: np.logical_or.reduce([b.found(stored) for b in bits]) for name, bits in self.classes.items()}
        if "water" in named:
            out[named["water"]] = WATER
        for growing in (False, True):
            for name, here in named.items():
                if name in drop and (name in dilate) == growing:
                    out[here] = MASKED | (GROWS if growing else 0)
        for bits in self.no_data:
            out[bits.found(stored)] = NO_DATA
        out[self.largest + 1 :] = NO_DATA
        return out


SENTINEL_2_GUIDE = "ESA Sentinel-2 L2A scene classification (SCL), codes 0-11; 2 is cast shadow since baseline 04.00, dark area before"
LANDSAT_GUIDE = "USGS Landsat Collection 2 Level 2 product guides (LSDS-1328, LSDS-1618, LSDS-1619)"
MODIS_VI_GUIDE = "MOD13 user guide, Collection 6.1 (Didan), table of VI Quality; bit split as in google/earthengine-catalog and MODIStsp"
MODIS_SR_GUIDE = "MOD09 user guide, Collection 6.1: 16-bit state flags; as in google/earthengine-catalog and MODIStsp"
WATER_BODIES = (0, 3, 5, 6, 7)  # of the MODIS land/water field; 1 land, 2 shore, 4 ephemeral

QUALITY: dict[str, MaskRule] = {
    "scl": MaskRule(
        {
            "cloud": code(8, 9),
            "cirrus": code(10),
            "shadow": code(3),
            "snow": code(11),
            "saturated": code(1),
            "water": code(6),
            "dark": code(2),
            "unclassified": code(7),
        },
        no_data=code(0),
        dtypes=("uint8",),
        reference=SENTINEL_2_GUIDE,
        largest=11,
    ),
    "qa_pixel": MaskRule(
        {"cloud": bit(3, 1), "cirrus": bit(2), "shadow": bit(4), "snow": bit(5), "water": bit(7)},
        no_data=bit(0),
        dtypes=("uint16",),
        reference=f"{LANDSAT_GUIDE}: QA_PIXEL; bit 1 is dilated cloud, bit 2 (cirrus) is not used by TM and ETM+",
    ),
    "qa_radsat-oli": MaskRule(
        {"saturated": bit(3, 4, 11)},
        no_data=(),
        dtypes=("uint16",),
        reference=f"{LANDSAT_GUIDE}: QA_RADSAT of OLI, bits 3 and 4: bands 4 (red) and 5 (NIR), bit 11: terrain hides the ground",
    ),
    "qa_radsat-tm": MaskRule(
        {"saturated": bit(2, 3, 9)},
        no_data=(),
        dtypes=("uint16",),
        reference=f"{LANDSAT_GUIDE}: QA_RADSAT of TM and ETM+, bits 2 and 3: bands 3 (red) and 4 (NIR), bit 9: dropped pixel",
    ),
    "vi_reliability": MaskRule(
        {"cloud": code(3), "snow": code(2)},
        no_data=code(65535),
        dtypes=("int8", "uint8", "int16"),
        reference="MOD13 user guide, Collection 6.1 (Didan): pixel reliability -1 fill, 0 good, 1 marginal, 2 snow or ice, 3 cloudy",
        largest=3,
    ),
    "vi_quality": MaskRule(
        {"cloud": (Bits(0, 1, (2,)), *bit(10)), "snow": bit(14), "shadow": bit(15), "water": (Bits(11, 13, WATER_BODIES),)},
        no_data=(Bits(0, 1, (3,)), *code(65535)),
        dtypes=("uint16",),
        reference=f"{MODIS_VI_GUIDE}: bits 0-1 (2 cloudy, 3 not produced), 10 mixed clouds, 11-13 land/water (a fixed map), 14 snow or ice, 15 shadow",
    ),
    "sr_state": MaskRule(
        {
            "cloud": (Bits(0, 1, (1, 2)), *bit(10)),
            "cirrus": (Bits(8, 9, (2, 3)),),
            "shadow": bit(2),
            "snow": bit(12, 15),
            "water": (Bits(3, 5, WATER_BODIES),),
        },
        no_data=code(65535),
        dtypes=("uint16",),
        reference=f"{MODIS_SR_GUIDE}: bits 0-1 (1 cloudy, 2 mixed), 2 shadow, 3-5 land/water, 8-9 cirrus (2 average, 3 high), 10 cloud, 12 and 15 snow",
    ),
}
