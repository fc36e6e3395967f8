"""Made grids, zones and table rows for tests of figures; every number can be checked by eye."""

import geopandas as gpd
import numpy as np
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from pipeline.aoi import Zones
from pipeline.classes import legend
from pipeline.sheet import Words
from pipeline.words import Text

W, N = 540_000, 4_210_300
UTM, SINUSOIDAL, MERCATOR = "EPSG:32647", "+proj=sinu +lon_0=0 +x_0=0 +y_0=0 +R=6371007.181 +units=m +type=crs", "EPSG:3857"
HOSTILE = ["<img src=x onerror=alert(1)>", '=HYPERLINK("http://x")', r"$\alpha$ $x", "江仓矿区第四号露天采坑" * 5 + "北侧边坡区"]
WORDS = Words("Mine: a figure", (Text("One caption, 12 %.", "一个标题，12%。"),), ("Source: made. Minegreen.",))


def grid(shape=(30, 40), cell=10, crs=UTM, west=W, north=N):
    """Return a grid, north up."""
    return GeoBox(shape, Affine(cell, 0, west, 0, -cell, north), crs)


def zones(*names, across=None, shape=(30, 40), references=()):
    """Return zones of 30 x 80 m side by side, or in rows of `across`, in degrees; each compared with `references`."""
    across = across or len(names)
    high = shape[0] * 10 / -(-len(names) // across)
    wide = shape[1] * 10 / across
    corner = [(W + (i % across + 0.15) * wide, N - (i // across + 0.9) * high) for i in range(len(names))]
    shapes = [box(x, y, x + 0.7 * wide, y + 0.6 * high) for x, y in corner]
    frame = gpd.GeoDataFrame({"zone": list(names)}, geometry=shapes, crs=32647).to_crs(4326)
    return Zones(frame.assign(role="pit", geodesic_m2=2400.0), {n: tuple(references) for n in names}, ())


def cover_rows(covers, first=2020, **more):
    """Return rows of fvc_by_zone.csv from covers by zone and year in 0..1; None: nothing was seen."""
    out = []
    for zone, values in covers.items():
        for i, value in enumerate(values):
            row = {"zone": zone, "year": str(first + i), "fvc_mean": "" if value is None else repr(value), "water_pct": "0.0"}
            out.append(row | {"valid_pct": "0.0" if value is None else "100.0"} | more.get(f"{zone} {first + i}", {}))
    return out


def area_rows(areas, scheme="seven", period=(2020, 2024), target="absolute"):
    """Return rows of trend_area_by_zone.csv from areas in km2 by zone and code."""
    out = []
    for zone, own in areas.items():
        whole = sum(own.values()) or 1.0
        for c in legend(scheme)[1:]:
            area = own.get(c.code, 0.0)
            row = {"zone": zone, "target": target, "scheme": scheme, "first_year": str(period[0]), "last_year": str(period[1])}
            out.append(
                row | {"code": str(c.code), "class_id": c.class_id, "area_km2": repr(area), "share_pct": repr(100 * area / whole), "share_reference_pct": ""}
            )
    return out


def many(count, seed=0):
    """Return covers and areas of many zones."""
    rng = np.random.default_rng(seed)
    names = [f"Zone {i} of the eastern dump" for i in range(1, count + 1)]
    covers = {name: [float(v) for v in rng.uniform(0.1, 0.8, 5)] for name in names}
    codes = [2, 3, 4, 5, 6, 7, 8, 97, 99]
    areas = {name: dict(zip(codes, (float(v) for v in rng.dirichlet(np.ones(9)) * rng.uniform(0.2, 3)), strict=True)) for name in names}
    return names, covers, areas


def texts(figure):
    """Return every text of a figure that is not empty."""
    from matplotlib.text import Text as Drawn

    return [t for t in figure.findobj(Drawn) if t.get_text() and t.get_visible()]
