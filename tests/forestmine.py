"""A burnt forest in British Columbia as a mine: five sites and the fire of 2005, two reference polygons, 24 Landsat composites as NDVI and as NBR."""

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
import shapely
import yaml

from pipeline.__main__ import main

FIRE, YEARS = 2005, tuple(range(2000, 2024))
REFERENCE = ("reference 1", "reference 2")
BANDS = {"ndvi": (3, 4), "nbr": (6, 4)}  # of (b - a) / (b + a): the pipeline's NDVI of bands named red and nir is NBR where `red` is the short-wave band


def zones_of(home, crs=26910, cut=True):
    """Return the polygons with names and years; the reference 1 m off the sites and the fire, which it overlaps as it is given."""
    sites = gpd.read_file(home / "test_multiple_polygons.gpkg").to_crs(crs)
    fire = gpd.read_file(home / "wildfire_516.gpkg").to_crs(crs)
    reference = gpd.read_file(home / "test_reference.gpkg").to_crs(crs)
    sites["zone"], fire["zone"], reference["zone"] = [f"site {i + 1}" for i in range(len(sites))], "fire", list(REFERENCE)
    if cut:
        reference["geometry"] = reference.geometry.difference(pd.concat([sites, fire]).union_all().buffer(1))
    return pd.concat([sites, fire, reference], ignore_index=True)


class ForestMine:
    """The mine below a folder; `settings` may be changed before `run`."""

    def __init__(self, home, folder, index, cut=True, **breaks):
        self.home, self.folder, self.index, self.zones = home, folder, index, zones_of(home, cut=cut)
        folder.mkdir(parents=True, exist_ok=True)
        self.zones.drop(columns=["ref_start", "red_end"]).to_file(folder / "aoi.gpkg")
        restored = {z.zone: {"restored": f"{z.rest_start:.0f}"} for z in self.zones.itertuples() if z.rest_start == z.rest_start}
        red, nir = BANDS[index]
        self.settings = {
            "mine": "forest",
            "aoi": {"path": str(folder / "aoi.gpkg"), "zone_field": "zone", "reference": list(REFERENCE), "zones": restored},
            "grid": {"buffer_m": 0},
            "years": {"first": YEARS[0], "last": YEARS[-1]},
            "season": {"start": "07-01", "end": "08-31"},
            "sensors": {"landsat": {"composites": str(home / "{year}.tif"), "bands": {"red": red, "nir": nir}}},
            "trend": {"variable": "ndvi"},
            "recovery": {"least_gap": 0.02},
            "breaks": breaks,
        }

    def run(self, *stages):
        """Write the config, run the stages in this process and return the sensor's folder."""
        config = self.folder / "forest.yaml"
        config.write_text(yaml.safe_dump(self.settings), encoding="utf-8")
        for stage in stages:
            assert main([stage, str(config), "--sensor", "landsat", "--results", str(self.folder / "results"), "--threads", "2"]) == 0, stage
        return self.folder / "results" / "forest" / "landsat"

    def cells(self, folder):
        """Return the index by plain numpy on the grid of the results, (years, y, x), and the covered share of each cell by zone, by shapely."""
        with rasterio.open(folder / "ndvi_2000.tif") as grid:
            transform, shape = grid.transform, grid.shape
        out = []
        for year in YEARS:
            with rasterio.open(self.home / f"{year}.tif") as source:
                column, row = (round(v) for v in ~source.transform @ (transform.c, transform.f))
                window = rasterio.windows.Window(column, row, shape[1], shape[0])
                a, b = source.read(list(BANDS[self.index]), window=window, boundless=True, fill_value=np.nan).astype(np.float64)
            usable = (a > 0) & (b > 0)
            out.append(np.where(usable, b - a, np.nan) / np.where(usable, a + b, 1))
        x, y = transform.c + 10 * np.arange(shape[1]), transform.f - 10 * np.arange(shape[0])
        boxes = shapely.box(x[None], y[:, None] - 10, x[None] + 10, y[:, None])
        covered = {z.zone: shapely.area(shapely.intersection(boxes, z.geometry)) / 100 for z in self.zones.itertuples()}
        return np.array(out), covered


def mean_series(cube, share):
    """Return the years in which half of the covered area has a value, and their mean over the cells valid in all of them, by plain numpy."""
    inside = share > 1e-6
    values, weights = cube[:, inside], share[inside]
    there = ~np.isnan(values)
    used = [i for i in range(len(values)) if weights[there[i]].sum() >= 0.5 * weights.sum()]
    always = there[used].all(axis=0)
    return [YEARS[i] for i in used], np.array([(values[i, always] * weights[always]).sum() / weights[always].sum() for i in used])
