"""A small mine whose images are Landsat Collection 2 Level 2 or MODIS scenes, in their encodings, that a test can change."""

import datetime as dt
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from affine import Affine
from scenemine import CRS, NORTH, WEST, SceneMine, write_tif

SINUSOIDAL = "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +no_defs"
CELL = 1_111_950.5197665554 / 4800
SHAPE = (24, 30)  # of Landsat: 720 x 900 m
LANDSAT_BITS = {"fill": 1, "clear": 21824, "water": 21952, "cloud": 22280, "dilated": 21826, "cirrus": 54596, "shadow": 23888, "snow": 30048}


@dataclass
class SensorMine(SceneMine):
    """Scenes are dicts: id, `files` (asset: values, transform, CRS, nodata), `properties`, and what is to be put into the item."""

    sensor: str = "landsat"

    def __post_init__(self):
        """Plant the zones of `SceneMine` and one sensor."""
        super().__post_init__()
        self.settings["sensors"] = {self.sensor: {"catalog": str(self.folder / "items.json")}}
        self.settings["mask"] = {"dilate": []}

    def landsat(self, when, ndvi=0.5, platform="landsat-8", light=0.4, qa="clear", radsat=0, row=33, crs=CRS, west=WEST - 15, north=NORTH + 15, **more):
        """Add a scene of 30 m; pixel centres on multiples of 30 m. `qa` is a name, or values."""
        ndvi = np.broadcast_to(np.asarray(ndvi, float), SHAPE)
        bands = {}
        for name, reflectance in (("red", light * (1 - ndvi) / 2), ("nir08", light * (1 + ndvi) / 2)):
            bands[name] = np.rint((reflectance + 0.2) / 0.0000275).astype("uint16")
        bits = np.full(SHAPE, LANDSAT_BITS[qa], "uint16") if isinstance(qa, str) else np.asarray(qa, "uint16")
        bands |= {"qa_pixel": bits, "qa_radsat": np.broadcast_to(np.asarray(radsat, "uint16"), SHAPE).copy()}
        for name in ("red", "nir08"):
            bands[name][bits == 1] = 0
        where = Affine(30, 0, west, 0, -30, north)
        number = platform[-1]
        scene_id = f"L{'C' if number in '89' else 'E' if number == '7' else 'T'}0{number}_L2SP_1330{row}_{when.replace('-', '')}_02_T1"
        properties = {"datetime": f"{when}T04:03:{len(self.scenes) % 60:02d}.5Z", "platform": platform, "landsat:wrs_path": "133", "landsat:wrs_row": f"0{row}"}
        properties |= {"proj:epsg": int(crs.split(":")[1]), "landsat:correction": "L2SP"}
        files = {name: (values, where, crs, 1 if name == "qa_pixel" else 0) for name, values in bands.items()}
        self.scenes.append({"id": scene_id, "files": files, "properties": properties} | more)
        return self.scenes[-1]

    def modis(self, start, ndvi, day, product="MOD13Q1", reliability=0, quality=2112, origin=None, days=16, **more):
        """Add a composite of 16 days; `ndvi` stored, `day` of year, all (y, x) or numbers, on cells of the sinusoidal grid."""
        shape = np.broadcast_shapes(*(np.shape(v) for v in (ndvi, day, reliability, quality)), (8, 8))
        first = dt.date.fromisoformat(start)
        where = Affine(CELL, 0, origin[0], 0, -CELL, origin[1])
        kinds = {"NDVI": (ndvi, "int16", -3000), "pixel_reliability": (reliability, "int8", -1), "VI_Quality": (quality, "uint16", 65535)}
        kinds["composite_day_of_the_year"] = (day, "int16", -1)
        files = {f"250m_16_days_{k}": (np.broadcast_to(np.asarray(v), shape).astype(t), where, SINUSOIDAL, n) for k, (v, t, n) in kinds.items()}
        properties = {"datetime": None, "start_datetime": f"{start}T00:00:00Z", "end_datetime": f"{first + dt.timedelta(days=days - 1)}T23:59:59Z"}
        properties |= {"platform": "terra" if product.startswith("MOD") else "aqua", "modis:horizontal-tile": 25, "modis:vertical-tile": 5}
        scene_id = f"{product}.A{first.year}{first.timetuple().tm_yday:03d}.h25v05.061"
        self.scenes.append({"id": scene_id, "files": files, "properties": properties} | more)
        return self.scenes[-1]

    def modis_reflectance(self, start, red, nir, state, day=None, origin=None, *, product="MOD09Q1", cell=CELL, **more):
        """Add a composite of 8 days of reflectance, stored values (y, x); MOD09A1 has cells of twice the side and each pixel's `day`."""
        first = dt.date.fromisoformat(start)
        where, size = Affine(cell, 0, origin[0], 0, -cell, origin[1]), "250m" if product.endswith("Q1") else "500m"
        kinds = {"sur_refl_b01": (red, "int16", -28672), "sur_refl_b02": (nir, "int16", -28672), f"sur_refl_state_{size}": (state, "uint16", 65535)}
        kinds |= {"sur_refl_day_of_year": (day, "uint16", 65535)} if day is not None else {}
        files = {name: (np.asarray(v).astype(t), where, SINUSOIDAL, n) for name, (v, t, n) in kinds.items()}
        properties = {"datetime": None, "start_datetime": f"{start}T00:00:00Z", "end_datetime": f"{first + dt.timedelta(days=7)}T23:59:59Z"}
        properties |= {"platform": "terra", "modis:horizontal-tile": 25, "modis:vertical-tile": 5}
        scene_id = f"{product}.A{first.year}{first.timetuple().tm_yday:03d}.h25v05.061"
        self.scenes.append({"id": scene_id, "files": files, "properties": properties} | more)
        return self.scenes[-1]

    def item(self, scene):
        """Return the item of a scene."""
        assets = {name: {"href": f"scenes/{scene['id']}/{name}.tif"} for name in scene["files"]}
        assets = {name: asset | scene.get("assets", {}).get(name, {}) for name, asset in assets.items()}
        item = {"type": "Feature", "stac_version": "1.0.0", "id": scene["id"], "properties": scene["properties"], "assets": assets, "links": []}
        return item | scene.get("item", {})

    def write(self):
        """Write AOI, scenes, items and config; return the path of the config."""
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self.folder / "aoi.gpkg"
        path.unlink(missing_ok=True)
        gpd.GeoDataFrame({"zone": [z[0] for z in self.zones]}, geometry=[z[1] for z in self.zones], crs=CRS).to_file(path)
        for scene in self.scenes:
            for name, (values, where, crs, nodata) in scene["files"].items():
                write_tif(self.folder / "scenes" / scene["id"] / f"{name}.tif", values, where, crs, nodata)
        self.write_items()
        return self.write_config()
