"""MODIS: NDVI against its own product, the main job on real composites on the sinusoidal grid against plain numpy, and the grid itself."""

import csv
import json

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import shapely
import yaml
from affine import Affine
from odc.geo.geobox import GeoBox
from running import Run, place, snakemake
from scipy.stats import kendalltau, theilslopes
from shapely.geometry import box
from threesensors import PIXEL, SINUSOIDAL

from pipeline import config as configs
from pipeline.__main__ import main
from pipeline.aoi import Zones, read_zones
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput
from pipeline.grid import ground_cell_m, modis_grid, sensor_grid
from pipeline.kernels.pixels import normalised_difference
from pipeline.sensors import SENSORS

YEARS = (2008, 2009, 2010, 2011, 2012)
TILE = 1_111_950.5197665554


# NDVI


def truncated(ndvi):
    """Return NDVI as MOD13 stores it: the first four digits, the rest cut off."""
    return np.trunc(1e4 * ndvi) / 1e4


def cut(red, nir):
    """Return trunc(1e4 (nir - red) / (nir + red)) of stored whole numbers, in whole numbers: Python's division of integers cuts nothing by rounding."""
    top, whole = 10_000 * (nir.astype(np.int64) - red), nir.astype(np.int64) + red
    return np.sign(top) * (np.abs(top) // whole)


def test_ndvi_of_137_dates_is_the_products_own(shared):
    """MOD13Q1 of Mato Grosso: stored NDVI is that of its own red and NIR, cut after four digits."""
    folder = shared / "modis_mato_grosso_rednir_2007_2013"
    red, nir, stored = (rasterio.open(folder / f"{name}.tif").read() for name in ("red", "nir", "ndvi"))
    assert red.shape == (137, 27, 37)
    counts = [np.rint(v * 1e4).astype(np.int64) for v in (red, nir, stored)]
    exact = cut(*counts[:2])
    assert (exact == counts[2]).all()
    ours = normalised_difference(red, nir)
    assert np.isfinite(ours).all()
    assert np.abs(ours - (nir - red) / (nir + red)).max() < 1e-7
    assert ((ours >= counts[2] / 1e4 - 1e-7) & (ours < (counts[2] + 1) / 1e4 + 1e-7)).all()
    at_an_edge = np.abs(1e4 * ours - np.rint(1e4 * ours)) < 1e-3  # where float32 may fall on either side
    assert (np.rint(1e4 * truncated(ours.astype(np.float64))) == counts[2])[~at_an_edge].all()
    assert at_an_edge.mean() < 0.02


def test_ndvi_of_18_years_at_ten_sites_is_the_products_own(shared):
    table = pd.read_csv(shared / "modis_mod13a1_sites_2000_2018" / "MOD13A1_10sites.csv")
    table = table[["sur_refl_b01", "sur_refl_b02", "NDVI"]].dropna()
    red, nir, stored = (table[c].to_numpy(np.int64) for c in table)
    assert len(table) == 4210
    assert (cut(red, nir) == stored).all()
    usable = (red > 0) & (nir > 0)
    ours = normalised_difference(np.float32(red), np.float32(nir), 1e-4, 0.0)
    assert (np.isfinite(ours) == usable).all()
    assert np.abs(ours[usable] - stored[usable] / 1e4).max() < 1e-4 + 1e-7


# The main job on real composites


@pytest.fixture(scope="module")
def mato_grosso(shared, tmp_path_factory) -> Run:
    """Run the main job on the yearly means of MOD13Q1 red and NIR 2008-2012, on their own grid; zones are boxes of whole and of half pixels."""
    folder = tmp_path_factory.mktemp("mato-grosso")
    source = shared / "modis_mato_grosso_rednir_2007_2013"
    dates = pd.to_datetime((source / "timeline").read_text().split())
    with rasterio.open(source / "red.tif") as red, rasterio.open(source / "nir.tif") as nir:
        transform, crs, bands = red.transform, red.crs, np.stack([red.read(), nir.read()])
    for year in YEARS:
        own = bands[:, dates.year == year].mean(axis=1)
        profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "height": 27, "width": 37, "crs": crs, "transform": transform, "nodata": float("nan")}
        with rasterio.open(folder / f"{year}.tif", "w", **profile) as out:
            out.write(own.astype("float32"))

    def cells(x0, y0, x1, y1):
        (left, top), (right, bottom) = transform @ (x0, y0), transform @ (x1, y1)
        return box(left, bottom, right, top)

    frame = gpd.GeoDataFrame({"zone": list(BOXES)}, geometry=[cells(*b) for b in BOXES.values()], crs=crs)
    frame.to_file(folder / "aoi.gpkg")
    settings = {
        "mine": "mato-grosso",
        "aoi": {"path": str(folder / "aoi.gpkg"), "zone_field": "zone", "reference": ["east"]},
        "grid": {"crs": "EPSG:32721", "buffer_m": 0},  # MODIS stays on its own
        "years": {"first": 2008, "last": 2012},
        "season": {"start": "01-01", "end": "12-31"},
        "sensors": {"modis": {"composites": str(folder / "{year}.tif"), "bands": {"red": 1, "nir": 2}}},
        "fvc": {"region": "grid"},
    }
    (folder / "mato-grosso.yaml").write_text(yaml.safe_dump(settings), encoding="utf-8")
    done = snakemake("--configfile", str(folder / "mato-grosso.yaml"), "--config", f"results={folder / 'results'}")
    assert done.returncode == 0, done.stderr[-3000:]
    return Run(folder / "mato-grosso.yaml", folder / "results", done.stdout + done.stderr, place())


BOXES = {"west": (2, 3, 14, 23), "east": (20, 3, 34.5, 15.5), "hundred": (15, 15, 20, 35 - 15), "ten by ten": (21, 16, 31, 26), "nearly": (3, 24, 13, 26.9)}


def rows(run, table):
    with (run.results / "mato-grosso" / "modis" / f"{table}.csv").open(encoding="utf-8", newline="") as handle:
        return [r for r in csv.DictReader(handle) if r.get("target", "absolute") == "absolute"]


def weights(zone):
    """Return the covered share of each of the 27 x 37 cells."""
    x0, y0, x1, y1 = BOXES[zone]
    across = np.clip(np.minimum(np.arange(37) + 1, x1) - np.maximum(np.arange(37), x0), 0, 1)
    down = np.clip(np.minimum(np.arange(27) + 1, y1) - np.maximum(np.arange(27), y0), 0, 1)
    return down[:, None] * across[None, :]


@pytest.fixture(scope="module")
def stack(mato_grosso):
    """Return NDVI (year, y, x) of the yearly means, in float64."""
    out = []
    for year in YEARS:
        with rasterio.open(mato_grosso.config.parent / f"{year}.tif") as dataset:
            red, nir = dataset.read().astype(np.float64)
        out.append((nir - red) / (nir + red))
    return np.stack(out)


def test_the_grid_is_the_images_own_whatever_crs_is_asked_for(mato_grosso):
    with rasterio.open(mato_grosso.config.parent / "2008.tif") as image, rasterio.open(mato_grosso.results / "mato-grosso/modis/ndvi_2008.tif") as ours:
        assert pyproj.CRS.from_wkt(ours.crs.to_wkt()).coordinate_operation.method_name == "Sinusoidal"
        assert ours.res == pytest.approx((PIXEL, PIXEL), rel=1e-9)
        column, row = ~image.transform @ (ours.transform.c, ours.transform.f)
        assert (column, row) == pytest.approx((2, 3), abs=1e-6)
        whole = image.read().astype(np.float64)
        red, nir = whole[:, 3 : 3 + ours.height, 2 : 2 + ours.width]
        np.testing.assert_allclose(ours.read(1), (nir - red) / (nir + red), atol=1e-7)


def test_means_and_their_trend_are_those_of_plain_numpy(mato_grosso, stack):
    pair = json.loads((mato_grosso.results / "mato-grosso/modis/endmembers.json").read_text())
    cover = (stack - pair["soil_ndvi"]) / (pair["vegetation_ndvi"] - pair["soil_ndvi"])
    annual = {(r["zone"], int(r["year"])): r for r in rows(mato_grosso, "fvc_by_zone")}
    for zone in BOXES:
        w = weights(zone)
        means = [np.average(v, weights=w) for v in cover]
        for i, year in enumerate(YEARS):
            assert float(annual[zone, year]["ndvi_mean"]) == pytest.approx(np.average(stack[i], weights=w), abs=1e-6)
            assert float(annual[zone, year]["fvc_mean"]) == pytest.approx(np.average(np.clip(cover[i], 0, 1), weights=w), abs=1e-5)
        (trend,) = [r for r in rows(mato_grosso, "trend_by_zone") if r["zone"] == zone]
        assert float(trend["slope"]) == pytest.approx(theilslopes(means, YEARS).slope, abs=1e-6)
        assert float(trend["p"]) == pytest.approx(kendalltau(YEARS, means, method="exact").pvalue, abs=1e-9)


def test_classes_are_given_from_100_pixels_of_a_zone_on(mato_grosso, stack):
    pixels = {zone: weights(zone).sum() for zone in BOXES}
    assert pixels == pytest.approx({"west": 240, "east": 181.25, "hundred": 25, "ten by ten": 100, "nearly": 29})
    area = {(r["zone"], int(r["code"])): r for r in rows(mato_grosso, "trend_area_by_zone")}
    pair = json.loads((mato_grosso.results / "mato-grosso/modis/endmembers.json").read_text())
    contrast = pair["vegetation_ndvi"] - pair["soil_ndvi"]
    for zone, count in pixels.items():
        if count < 100:
            assert float(area[zone, 98]["share_pct"]) == 100
            continue
        w, shares = weights(zone), dict.fromkeys((2, 3, 4, 5, 6, 7, 8, 98, 99), 0.0)
        for y, x in np.argwhere(w > 0):
            series = stack[:, y, x].astype(np.float32)
            slope = theilslopes(series.astype(np.float64) / contrast, YEARS).slope
            p = kendalltau(YEARS, series, method="exact").pvalue
            strength = 2 if p <= 0.05 + 1e-6 else 1 if p <= 0.10 + 1e-6 else 0
            code = 5 if abs(slope) < 0.0005 else (6 + strength if slope > 0 else 4 - strength)
            shares[int(code)] += 100 * w[y, x] / count
        found = {code: float(area[zone, code]["share_pct"]) for code in shares}
        assert found == pytest.approx(shares, abs=0.02)
        assert len([s for s in shares.values() if s > 0]) > 3


def test_areas_sum_to_the_polygons_and_warnings_name_no_fault(mato_grosso):
    for zone in BOXES:
        own = [r for r in rows(mato_grosso, "trend_area_by_zone") if r["zone"] == zone]
        total = sum(float(r["area_km2"] or 0) for r in own)
        assert total == pytest.approx(weights(zone).sum() * PIXEL**2 / 1e6, rel=0.01)  # sphere against ellipsoid: latitude is not the authalic one
        assert sum(float(r["share_pct"] or 0) for r in own) == pytest.approx(100)
    assert (mato_grosso.results / "mato-grosso" / "report.html").stat().st_size > 10_000


# The grid


def zones_at(crs, **polygons):
    """Return zones of polygons in a CRS."""
    frame = gpd.GeoDataFrame({"zone": list(polygons), "role": "zone"}, geometry=list(polygons.values()), crs=crs)
    geod = pyproj.Geod(ellps="WGS84")
    frame["geodesic_m2"] = [abs(geod.geometry_area_perimeter(g)[0]) for g in frame.geometry.to_crs(4326)]
    return Zones(frame, {z: () for z in polygons}, ())


@pytest.fixture
def modis_mine(small_mine):
    """Return the small mine with MODIS composites named in its config."""
    (entry,) = small_mine.settings["sensors"].values()
    small_mine.settings["sensors"] = {"modis": entry}
    return small_mine


def grid_of(mine, native, **settings):
    mine.settings["grid"] = {"buffer_m": 0} | settings
    mine.write_aoi()
    config = configs.load(mine.write_config())
    return sensor_grid(config, "modis", read_zones(config, mine.config), native)


def test_the_record_is_that_of_the_grids_definition():
    assert pytest.approx(2 * np.pi * 6_371_007.181 / 36, abs=1e-6) == TILE
    assert SENSORS["modis"].resolution_m == TILE / 4800 == pytest.approx(231.656358, abs=1e-6)
    whole = modis_grid()
    assert tuple(whole.boundingbox) == pytest.approx((-18 * TILE, -9 * TILE, 18 * TILE, 9 * TILE))
    assert ground_cell_m(whole) == PIXEL  # at the meridian
    far = GeoBox((4, 4), Affine(PIXEL, 0, 8_700_000, 0, -PIXEL, 4_220_000), SINUSOIDAL)
    assert ground_cell_m(far) == PIXEL  # slanted, but of the same area


@pytest.mark.parametrize("native", [None, GeoBox((100, 100), Affine(0.002, 0, 99.4, 0, -0.002, 38.1), "EPSG:4326")])
def test_without_a_grid_of_their_own_images_go_to_the_modis_tiles(modis_mine, native):
    grid = grid_of(modis_mine, native, crs="EPSG:32647")
    assert grid.crs.proj.coordinate_operation.method_name == "Sinusoidal"
    left, top = grid.affine.c / PIXEL, grid.affine.f / PIXEL
    assert (left, top) == pytest.approx((round(left), round(top)), abs=1e-6)
    x, y = pyproj.Transformer.from_crs(modis_mine.crs, SINUSOIDAL, always_xy=True).transform(540_100, 4_210_200)
    west, south, east, north = grid.boundingbox
    assert west < x < east
    assert south < y < north


def test_a_coarser_grid_of_the_images_is_kept(modis_mine):
    native = GeoBox((2400, 2400), Affine(2 * PIXEL, 0, 7 * TILE, 0, -2 * PIXEL, 4 * TILE), SINUSOIDAL)
    assert abs(grid_of(modis_mine, native).resolution.x) == 2 * PIXEL


def test_a_resolution_of_its_own_is_refused(modis_mine):
    with pytest.raises(BadInput, match=r"grid\.resolution_m\.modis\n  found:    250 for a sensor that stays on its images' own grid"):
        grid_of(modis_mine, None, resolution_m={"modis": 250})


def test_a_zone_smaller_than_a_pixel_is_no_error_for_modis(modis_mine):
    modis_mine.zones.append(("Sliver", box(540_000, 4_210_290, 540_009, 4_210_300)))
    assert grid_of(modis_mine, None).shape[0] >= 1


@pytest.mark.parametrize("side", [0.01, 1.0, 30.0])
def test_the_tiniest_zone_has_its_area_in_the_pixel_that_holds_it(side):
    zones = zones_at("EPSG:32647", a=box(540_000, 4_210_000, 540_000 + side, 4_210_000 + side))
    grid = GeoBox.from_bbox(zones.on(modis_grid().crs, PIXEL).total_bounds, SINUSOIDAL, resolution=PIXEL, tight=False)
    (found,) = zone_coverages(zones, grid)
    assert found.area_m2.sum() == pytest.approx(zones.frame["geodesic_m2"].iloc[0], rel=1e-9)
    assert found.pixels == pytest.approx(side**2 / PIXEL**2, rel=0.01)
    assert not found.holds(100)


@pytest.mark.parametrize(("crs", "side"), [("EPSG:4326", 0.5), ("EPSG:32647", 40_000.0)])
def test_long_edges_are_divided_so_that_they_are_geodesics_on_the_grid(crs, side):
    corner = (99.0, 37.5) if crs == "EPSG:4326" else (540_000.0, 4_180_000.0)
    polygon = box(*corner, corner[0] + side, corner[1] + side)
    zones = zones_at(crs, a=polygon)
    geod, to_ground = pyproj.Geod(ellps="WGS84"), pyproj.Transformer.from_crs(crs, 4326, always_xy=True)
    dense = []
    corners = list(polygon.exterior.coords)
    for a, b in zip(corners, corners[1:], strict=False):
        (lon0, lat0), (lon1, lat1) = to_ground.transform(*a), to_ground.transform(*b)
        dense += [(lon0, lat0), *geod.npts(lon0, lat0, lon1, lat1, 1000)]
    x, y = pyproj.Transformer.from_crs(4326, SINUSOIDAL, always_xy=True).transform(*np.array(dense).T)
    true = shapely.Polygon(np.stack([x, y], axis=1))
    plain = zones.frame.to_crs(SINUSOIDAL).geometry.iloc[0]
    ours = zones.on(modis_grid().crs, PIXEL).geometry.iloc[0]
    off = {name: true.exterior.hausdorff_distance(shapely.segmentize(g, 50).exterior) for name, g in (("plain", plain), ("ours", ours))}
    assert off["ours"] < 0.011 * PIXEL + 25.1 * 0.01  # 1 % of a pixel
    assert off["plain"] > 25  # metres: what straight edges would be off
    assert ours.symmetric_difference(true).area < 2e-4 * true.area


def test_edges_that_are_straight_enough_stay_as_they_are():
    polygon = box(540_000, 4_210_000, 541_000, 4_211_000)
    zones = zones_at("EPSG:4326", a=gpd.GeoSeries([polygon], crs="EPSG:32647").to_crs(4326).iloc[0])
    for crs, cell in (("EPSG:32647", 10.0), (SINUSOIDAL, PIXEL)):
        assert len(zones.on(GeoBox((1, 1), Affine(cell, 0, 0, 0, -cell, 0), crs).crs, cell).geometry.iloc[0].exterior.coords) == 5


def test_holes_and_parts_keep_their_shape_when_edges_are_divided():
    ring = box(99.0, 37.5, 99.6, 38.1).difference(box(99.2, 37.7, 99.4, 37.9))
    zones = zones_at("EPSG:4326", a=shapely.MultiPolygon([ring, box(99.7, 37.5, 99.8, 37.6)]))
    found = zones.on(modis_grid().crs, PIXEL).geometry.iloc[0]
    assert found.is_valid
    assert len(found.geoms) == 2
    assert len(found.geoms[0].interiors) == 1
    assert len(found.geoms[0].exterior.coords) > 20
    back = gpd.GeoSeries([found], crs=SINUSOIDAL).to_crs(4326).iloc[0]
    geod = pyproj.Geod(ellps="WGS84")
    assert abs(geod.geometry_area_perimeter(back)[0]) == pytest.approx(zones.frame["geodesic_m2"].iloc[0], rel=1e-4)


# Endmembers of another sensor


@pytest.fixture
def two(small_mine):
    """Return the small mine with two sensors of equal images."""
    entry = small_mine.settings["sensors"]["sentinel-2"]
    small_mine.settings["sensors"] = {"sentinel-2": entry, "yearly": entry | {"sensor": "landsat", "bands": dict(entry["bands"])}}
    return small_mine


@pytest.mark.parametrize(
    ("fvc", "field", "found", "expected"),
    [
        ({"endmembers_from": "sentinel-3"}, "fvc.endmembers_from", "no sensor 'sentinel-3'", "one of sentinel-2, yearly"),
        ({"endmembers_from": "yearly", "endmembers": "x.json"}, "fvc.endmembers_from", "yearly with fvc.endmembers", "one of them"),
    ],
)
def test_a_pair_from_no_sensor_or_from_two_places_is_refused(two, fvc, field, found, expected):
    two.settings["fvc"] = fvc
    with pytest.raises(BadInput) as caught:
        configs.load(two.write_config())
    assert (caught.value.field, caught.value.found, caught.value.expected) == (field, found, expected)


def test_the_lending_sensor_has_its_own_pair_and_nothing_goes_round(two):
    two.settings["fvc"] = {"endmembers_from": "yearly"}
    config = configs.load(two.write_config())
    assert (config.pair_of("sentinel-2"), config.pair_of("yearly")) == ("yearly", None)
    two.settings["fvc"] = {}
    assert configs.load(two.write_config()).pair_of("sentinel-2") is None


def test_a_pair_that_the_lender_has_not_made_yet_is_named(two, capsys):
    two.settings["fvc"] = {"endmembers_from": "yearly"}
    two.write()
    assert main(["endmembers", str(two.config), "--sensor", "sentinel-2", "--results", str(two.results)]) == 2
    assert "yearly/endmembers.json" in capsys.readouterr().err
