"""Draw docs/images/breaks-fire.png: years of disturbance of a burnt forest, by index and years. Run `python docs/breaks_fire.py FOLDER`.

FOLDER holds 24 Landsat composites of British Columbia (2000.tif ... 2023.tif: blue, green, red, NIR, SWIR 1, SWIR 2) and wildfire_516.gpkg, from the test data
of PEOPLE-ER/Spectral-Recovery (Apache-2.0).
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import rasterio
from PIL import Image
from rasterio.features import geometry_mask

from pipeline.config_breaks import Breaks
from pipeline.evaluation.breakraster import NAMES, break_bands
from pipeline.lettering import with_fonts
from pipeline.sheet import GREY, INK, SMALL_PT, TEXT_PT, Words, new_sheet, save
from pipeline.words import Text

ROOT = Path(__file__).parents[1]
YEARS = tuple(range(2000, 2024))
FIRE = 2005
SHOWN = {FIRE: "#d55e00", FIRE + 1: "#e69f00"}
OTHER, NONE, OUTSIDE = "#56b4e9", "#dddddd", "#ffffff"
CASES = (("NBR, 2000-2023", (6, 4), 2023), ("NDVI, 2000-2010", (3, 4), 2010), ("NDVI, 2000-2023", (3, 4), 2023))


@dataclass(frozen=True)
class Found:
    """Year of disturbance of each cell (y, x), NaN where none is shown; which cells burnt; the outline of the fire in cells."""

    title: str
    when: np.ndarray
    inside: np.ndarray
    outline: np.ndarray

    def share(self, year: int) -> float:
        """Return the share of the fire's cells with this year, per cent."""
        return float(100 * np.mean(self.when[self.inside] == year))


def disturbances(home: Path, title: str, bands: tuple[int, int], last: int) -> Found:
    """Return the years of disturbance of an index (b - a) / (b + a) from the first year to `last`."""
    years, index = [y for y in YEARS if y <= last], []
    for year in years:
        with rasterio.open(home / f"{year}.tif") as image:
            a, b = image.read(list(bands)).astype(np.float64)
            shape, transform, crs = image.shape, image.transform, image.crs
        usable = (a > 0) & (b > 0)
        index.append(np.where(usable, b - a, np.nan) / np.where(usable, a + b, 1))
    (fire,) = gpd.read_file(home / "wildfire_516.gpkg").to_crs(crs).geometry
    inside = geometry_mask([fire], shape, transform, invert=True)
    when = np.full(shape, np.nan)
    cells = break_bands(np.array(index)[:, inside], np.array(years, float), Breaks())
    when[inside] = cells[NAMES.index("disturbance")]
    shapes = fire.geoms if fire.geom_type == "MultiPolygon" else [fire]
    outline = np.array(max(shapes, key=lambda s: s.area).exterior.coords)
    return Found(title, when, inside, np.array([~transform @ (x, y) for x, y, *_ in outline]))


def painted(found: Found) -> np.ndarray:
    """Return the map as (y, x, 3) in 0..1."""
    from matplotlib.colors import to_rgb

    image = np.empty((*found.when.shape, 3))
    image[:] = to_rgb(OUTSIDE)
    image[found.inside] = to_rgb(NONE)
    image[np.isfinite(found.when)] = to_rgb(OTHER)
    for year, colour in SHOWN.items():
        image[found.when == year] = to_rgb(colour)
    return image


@with_fonts
def figure(cases: list[Found], path: Path) -> None:
    """Draw a map and a histogram of each case."""
    nbr, early, late = (sum(found.share(year) for year in SHOWN) for found in cases)
    said = Text(
        f"A wildfire of {FIRE} in British Columbia. Of its cells, NBR shows a disturbance in {FIRE} or {FIRE + 1} on {nbr:.0f} %, NDVI on {early:.0f} and "
        f"{late:.0f} %.",
        "",
    )
    source = (
        f"Two lines with a jump, shown where p <= 0.05. Composites may be of before the fire: the first that shows it is of {FIRE} or {FIRE + 1}. Landsat "
        "composites: PEOPLE-ER/Spectral-Recovery (Apache-2.0). Below: per cent of the fire's cells by year.",
    )
    sheet = new_sheet(Words("Year of disturbance by index and years", (said,), source), 7.2, 3.35)
    width = (sheet.right - sheet.left) / len(cases)
    for i, found in enumerate(cases):
        x = sheet.left + i * width
        sheet.text(x + 0.3, sheet.top - 0.2, found.title, TEXT_PT)
        _map(sheet.axes(x + 0.2, sheet.bottom + 1.4, width - 0.3, sheet.top - sheet.bottom - 1.65), found)
        _bars(sheet.axes(x + 0.3, sheet.bottom + 0.55, width - 0.45, 0.75), found)
    for i, (colour, label) in enumerate([(SHOWN[FIRE], str(FIRE)), (SHOWN[FIRE + 1], str(FIRE + 1)), (OTHER, "another year"), (NONE, "none shown")]):
        sheet.entry(sheet.left + 0.3 + 1.6 * i, sheet.bottom + 0.18, label, 1.5, colour)
    save(sheet.figure, path)
    with Image.open(path) as picture:  # few colours: a third of the bytes
        small = picture.convert("RGB").quantize(48, dither=Image.Dither.NONE)
    small.save(path, dpi=(300, 300), optimize=True)


def _map(axes: Any, found: Found) -> None:
    axes.imshow(painted(found), interpolation="nearest")
    axes.plot(found.outline[:, 0] - 0.5, found.outline[:, 1] - 0.5, color=INK, linewidth=0.6)
    left, top = found.outline.min(axis=0) - 1.5
    right, bottom = found.outline.max(axis=0) + 0.5
    axes.set(xlim=(left, right), ylim=(bottom, top))
    axes.axis("off")


def _bars(axes: Any, found: Found) -> None:
    for year in YEARS:
        axes.bar(year, found.share(year), width=0.85, color=SHOWN.get(year, OTHER))
    axes.set(xlim=(YEARS[0] - 0.7, YEARS[-1] + 0.7), ylim=(0, 45), yticks=[0, 20, 40], xticks=[2000, 2005, 2010, 2015, 2020])
    axes.tick_params(labelsize=SMALL_PT - 0.5, length=2, width=0.5, color=GREY)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)


if __name__ == "__main__":
    figure([disturbances(Path(sys.argv[1]), *case) for case in CASES], ROOT / "docs" / "images" / "breaks-fire.png")
