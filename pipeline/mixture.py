"""What a cell coarser than the planted ground sees of it: reflectances mix by area, covers do not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.ground import CELL_M, Ground
from pipeline.planted import COAL, SOIL, VEGETATION, WATER, YEARS, ZONES

WET = 0.5  # share of water above which a cell is called water
Average = Callable[[np.ndarray], np.ndarray]  # (y, x) on cells of 10 m -> their mean by area in each coarser cell


@dataclass(frozen=True)
class Mixture:
    """The ground of one year in coarser cells; arrays are (y, x), means over the cell's area.

    `water` and `coal` are shares; `land` is the share of the rest, `light`, `cover` and `lit_cover` are means of light, cover and
    light x cover, each counted as 0 off that land.
    """

    land: np.ndarray
    light: np.ndarray
    cover: np.ndarray
    lit_cover: np.ndarray
    water: np.ndarray
    coal: np.ndarray

    def reflectance(self, vigour: Any = 1.0, brighter: float = 0.0) -> np.ndarray:
        """Return red and NIR (2, y, x): the mean by area of what each cell of 10 m reflects.

        There, (red + NIR) / 2 is half the light plus `brighter`, and NDVI is soil's to vegetation's by cover x `vigour`.
        """
        bright = self.light + brighter * self.land
        greener = (VEGETATION - SOIL) * vigour * (self.lit_cover + brighter * self.cover)
        pair = np.stack([bright - SOIL * bright - greener, bright + SOIL * bright + greener]) / 2
        for band in (0, 1):
            pair[band] += self.water * WATER[band] + self.coal * COAL[band]
        return pair


def mix(ground: Ground, year: int, average: Average) -> Mixture:
    """Return what coarser cells see of the ground in a year."""
    i = YEARS.index(year)
    land = ~ground.water[i] & ~ground.coal
    light, cover = np.where(land, ground.light, 0.0), np.where(land, ground.cover[i], 0.0)
    water = ground.water[i].astype(float)
    return Mixture(*(average(values) for values in (land.astype(float), light, cover, light * cover, water, ground.coal.astype(float))))


def cover_of(pair: np.ndarray) -> np.ndarray:
    """Return the cover that red and NIR (2, ...) stand for, cut to 0..1."""
    red, nir = pair
    return np.clip(((nir - red) / (nir + red) - SOIL) / (VEGETATION - SOIL), 0, 1)


def zone_means(ground: Ground, mixtures: dict[int, Mixture], average: Average) -> dict[str, Any]:
    """Return per zone and year the planted cover, and its mean over the coarser cells, without cells whose greater part is water.

    Cells that a zone's outline cuts count with their covered share, yet show ground of both sides: the two means differ.
    """
    table: dict[str, Any] = {}
    for name, zone in ZONES.items():
        weights = average(ground.fractions[name])
        means = {}
        for year, mixture in mixtures.items():
            here = (weights > 0) & (mixture.water <= WET)
            means[str(year)] = round(float(np.average(cover_of(mixture.reflectance()[:, here]), weights=weights[here])), 4)
        table[name] = {
            "fvc_mean": dict(zip(map(str, YEARS), zone.means, strict=True)),
            "fvc_mean_on_grid": means,
            "cells": round(float(weights.sum()), 1),
        }
    return table


def aligned(ground: Ground, size: int, corner: float) -> tuple[Any, Average]:
    """Return the grid of whole cells of `size` metres within the ground, edges at `corner` plus multiples of it, and the mean over them."""
    from affine import Affine
    from odc.geo.geobox import GeoBox

    box = ground.geobox.boundingbox
    left, bottom = (np.ceil((edge - corner) / size) * size + corner for edge in (box.left, box.bottom))
    right, top = (np.floor((edge - corner) / size) * size + corner for edge in (box.right, box.top))
    height, width = round((top - bottom) / size), round((right - left) / size)
    down = _shares(ground.geobox.shape[0], height, (box.top - top) / CELL_M, size / CELL_M)
    across = _shares(ground.geobox.shape[1], width, (left - box.left) / CELL_M, size / CELL_M)
    grid = GeoBox((height, width), Affine(size, 0, left, 0, -size, top), ground.geobox.crs)
    return grid, lambda values: np.asarray(down @ values @ across.T)


def _shares(fine: int, coarse: int, start: float, step: float) -> Any:
    """Return (coarse, fine): the share of each coarse cell that lies in each fine one; `start` and `step` in fine cells.

    >>> _shares(4, 2, 0.5, 1.5).toarray().round(3).tolist()
    [[0.333, 0.667, 0.0, 0.0], [0.0, 0.0, 0.667, 0.333]]
    """
    from scipy.sparse import csr_array

    edges = start + step * np.arange(coarse + 1)
    cells = np.arange(fine)
    overlap = np.minimum(edges[1:, None], cells + 1) - np.maximum(edges[:-1, None], cells)
    return csr_array(np.clip(overlap, 0, None) / step)
