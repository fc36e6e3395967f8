"""Elevation models of any CRS and cell: strata of planted ground on the sensor's grid, against loops cell by cell; what is no such model is refused."""

import math

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from affine import Affine
from exactextract import exact_extract
from odc.geo.geobox import GeoBox
from pyproj import Transformer
from shapely.geometry import Polygon, box

from pipeline.aoi import Zones
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput
from pipeline.evaluation.dem import cell_elevations, check_covers, check_elevations, elevations, open_dem, southern, terrain_shares
from pipeline.evaluation.strata import PLATFORM, SHADY, STEEP, SUNNY, TERRAIN, UNKNOWN, TerrainRules, split, terrain_codes
from pipeline.evaluation.terrain import ground_steps, slope_aspect

NAN = float("nan")
UTM, WEST, NORTH = "EPSG:32647", 540_000.0, 4_210_200.0
RULES = TerrainRules()
PIT = Polygon([(WEST + x, NORTH - y) for x, y in ((303, 297), (905, 351), (861, 902), (347, 955))])
NAMES = ("flat", "south face", "north face", "wall")
AS = {"flat": PLATFORM, "south face": SUNNY, "north face": SHADY, "wall": STEEP}


def grid_of(cell, crs=UTM):
    return GeoBox((int(1200 / cell), int(1200 / cell)), Affine(cell, 0, WEST, 0, -cell, NORTH), crs)


def zones_of(**polygons):
    frame = gpd.GeoDataFrame({"zone": list(polygons)}, geometry=list(polygons.values()), crs=UTM)
    frame["role"], frame["geodesic_m2"] = "pit", frame.geometry.area
    return Zones(frame, {}, ())


def write(path, values, transform, crs=UTM, nodata=NAN, dtype="float32", bands=1, **tags):
    values = np.broadcast_to(values, (bands, *np.shape(values)[-2:]))
    profile = {"driver": "GTiff", "height": values.shape[1], "width": values.shape[2], "count": bands, "dtype": dtype, "nodata": nodata}
    with rasterio.open(path, "w", crs=crs, transform=transform, **profile) as dataset:
        dataset.write(values.astype(dtype))
        for name, value in tags.items():
            setattr(dataset, name, value)
    return path


def ground(east, north):
    """Return elevations of four quarters that meet at (600, 600): a flat, a south face of 15, a north face of 15 and a wall of 40 degrees.

    East and north are metres from the corner of the grid; the quarters are joined by cliffs, where Horn sees whatever it sees.
    """
    right, lower = east > 600, north < -600
    rise = math.tan(math.radians(15))
    faces = [4000 + 0 * east, 4100 + rise * north, 4300 - rise * north, 4200 + math.tan(math.radians(40)) * east]
    return np.select([~right & ~lower, right & ~lower, ~right & lower, right & lower], faces)


def on(cell, path, margin=300):
    """Write the ground on square cells of this size around the grid."""
    n = int((1200 + 2 * margin) / cell)
    y, x = np.mgrid[:n, :n]
    z = ground(-margin + cell * (x + 0.5), margin - cell * (y + 0.5))
    return write(path, z, Affine(cell, 0, WEST - margin, 0, -cell, NORTH + margin))


def strata_of(path, zones, grid, rules=RULES, south=False):
    dem = open_dem(path)
    try:
        check_covers(dem, zones)
        (coverage,) = zone_coverages(zones, grid)
        return coverage, terrain_shares(dem, grid, coverage, rules, south=south)
    finally:
        dem.dataset.close()


@pytest.mark.parametrize("cell", [10, 30, 250])
@pytest.mark.parametrize("dem_cell", [2, 10, 30])
def test_planted_quarters(tmp_path, cell, dem_cell):
    """Away from the cliffs each cell is wholly of what was planted, whatever the sizes of the cells."""
    zones, grid = zones_of(pit=PIT), grid_of(cell)
    coverage, found = strata_of(on(dem_cell, tmp_path / "dem.tif"), zones, grid)
    assert found.shares.sum(axis=0) == pytest.approx(1, abs=1e-12)
    y, x = np.mgrid[coverage.rows, coverage.cols] * cell
    margin = 2.5 * dem_cell
    clear = coverage.touched & ((x + cell < 600 - margin) | (x > 600 + margin)) & ((y + cell < 600 - margin) | (y > 600 + margin))
    assert clear.any() or cell == 250
    planted = np.select([(x < 600) & (y < 600), (x >= 600) & (y < 600), (x < 600) & (y >= 600)], [1, 2, 3], 4)
    for code in range(1, 5):
        assert (found.shares[code][clear & (planted == code)] == 1).all()
    parts = split(coverage, found.by_name())
    assert sum(p.area_m2.sum() for p in parts.values()) == pytest.approx(coverage.area_m2.sum(), rel=1e-12)
    for name, expected in ((SUNNY, 15), (SHADY, 15), (PLATFORM, 0)):
        codes = TERRAIN.index(name)
        whole = clear & (found.shares[codes] == 1)
        if whole.any():
            assert found.slope[codes][whole] == pytest.approx(expected, abs=0.05)


def test_areas_do_not_depend_on_the_sensor(tmp_path):
    """A fine model gives every sensor the same areas: cells are shared out, also where they hold four strata."""
    path, zones = on(5, tmp_path / "dem.tif"), zones_of(block=box(WEST + 300, NORTH - 900, WEST + 900, NORTH - 300))
    areas = {}
    for cell in (5, 10, 20, 50, 100):
        coverage, found = strata_of(path, zones, grid_of(cell))
        areas[cell] = {name: part.area_m2.sum() for name, part in split(coverage, found.by_name()).items()}
    for cell in (10, 20, 50):
        assert areas[cell] == pytest.approx(areas[5], rel=1e-9)
    assert areas[100] == pytest.approx(areas[5], rel=0.05)  # 16 points a side stand for 20 cells
    print({name: round(float(100 * area / 360_000), 2) for name, area in areas[5].items()}, "% of the zone")


def brute(path, coverage, grid, points, rules=RULES):
    """Return shares by reading the whole model, its slopes at once, and one point after the other."""
    with rasterio.open(path) as dataset:
        z = dataset.read(1, masked=True).astype(float).filled(NAN)
        dem, back = GeoBox.from_rio(dataset), ~dataset.transform
        project = Transformer.from_crs(str(grid.crs), dataset.crs.to_wkt(), always_xy=True)
    slope, aspect = slope_aspect(z, ground_steps(dem, slice(0, z.shape[0]), slice(0, z.shape[1])))
    codes = terrain_codes(slope, aspect, rules, south=False)
    shares = np.zeros((5, *coverage.area_m2.shape))
    for i, row in enumerate(range(coverage.rows.start, coverage.rows.stop)):
        for j, col in enumerate(range(coverage.cols.start, coverage.cols.stop)):
            for k in range(points):
                for m in range(points):
                    x, y = grid.affine @ (col + (m + 0.5) / points, row + (k + 0.5) / points)
                    c, r = back @ project.transform(x, y)
                    inside = 0 <= c < z.shape[1] and 0 <= r < z.shape[0]
                    shares[codes[int(r), int(c)] if inside else 0, i, j] += 1 / points**2
    return shares


@pytest.mark.parametrize(
    "crs, side, points", [("EPSG:4326", 1 / 3600, 2), ("EPSG:4326", 0.25 / 3600, 5), (UTM, 12.0, 3), ("EPSG:32648", 45.0, 1), ("turned", 15.0, 2)]
)
def test_rough_ground_by_plain_loops(tmp_path, crs, side, points):
    """Another CRS, other cells, holes, a turned grid: each point has the stratum of the model's cell in which it lies."""
    rng = np.random.default_rng(4)
    zones, grid = zones_of(pit=PIT), grid_of(30)
    there = "EPSG:32647" if crs == "turned" else crs
    west, south, east, north = zones.frame.to_crs(there).total_bounds
    around = 40 * side
    shape = (int((north - south + 2 * around) / side), int((east - west + 2 * around) / side))
    y, x = np.mgrid[: shape[0], : shape[1]]
    metres = side * 111_000 if there == "EPSG:4326" else side
    z = 3900 + metres * (3 * np.sin(x / 4) * np.cos(y / 5) + rng.normal(0, 0.05, shape))
    z[rng.random(shape) < 0.02] = -9999
    turn = Affine.rotation(7) if crs == "turned" else Affine.identity()
    path = write(tmp_path / "dem.tif", z, Affine(side, 0, west - around, 0, -side, north + around) @ turn, there, -9999)
    if crs == "turned":
        zones = zones_of(pit=box(WEST + 400, NORTH - 800, WEST + 800, NORTH - 400))
    coverage, found = strata_of(path, zones, grid)
    expected = brute(path, coverage, grid, points)
    inside = coverage.touched
    differ = abs(found.shares - expected).max(axis=0)[inside] > 1e-9
    print(f"{crs} {side:.3g}: {inside.sum()} cells, strata {dict(zip(TERRAIN, (expected[:, inside].mean(axis=1)).round(3).tolist(), strict=True))}")
    assert (expected[:, inside].max(axis=1) > 0).all()  # every stratum occurs
    assert differ.mean() < 0.002  # a point on the border of two cells may fall to either by rounding


def test_blocks_do_not_show(tmp_path, monkeypatch):
    rng = np.random.default_rng(6)
    path = write(tmp_path / "dem.tif", 3900 + rng.normal(0, 2, (180, 180)), Affine(10, 0, WEST - 300, 0, -10, NORTH + 300))
    zones, grid = zones_of(pit=PIT), grid_of(20)
    _, whole = strata_of(path, zones, grid)
    monkeypatch.setattr("pipeline.evaluation.dem.BLOCK_CELLS", 7)
    coverage, tiled = strata_of(path, zones, grid)
    assert np.array_equal(whole.shares[:, coverage.touched], tiled.shares[:, coverage.touched])
    assert tiled.slope[:, coverage.touched] == pytest.approx(whole.slope[:, coverage.touched], abs=1e-6)


def test_holes_and_the_edge_are_unknown(tmp_path):
    """A hole leaves its cells and their neighbours unknown; so is the model's outermost row."""
    z = np.full((40, 40), 4000.0)
    z[20, 20] = -32768
    path = write(tmp_path / "dem.tif", z, Affine(30, 0, WEST, 0, -30, NORTH), nodata=-32768)
    zones = zones_of(all=box(WEST, NORTH - 1200, WEST + 1200, NORTH))
    coverage, found = strata_of(path, zones, grid_of(30))
    unknown = found.shares[0] == 1
    expected = np.ones((40, 40), bool)
    expected[1:-1, 1:-1] = False
    expected[19:22, 19:22] = True
    assert np.array_equal(unknown, expected)
    parts = split(coverage, found.by_name())
    assert list(parts) == [PLATFORM, UNKNOWN]
    assert parts[UNKNOWN].area_m2.sum() == pytest.approx(900 * expected.sum())
    assert found.slope_mean(UNKNOWN, coverage) is None
    assert found.slope_mean(STEEP, coverage) is None
    assert found.slope_mean(PLATFORM, coverage) == 0


def test_mean_slope_is_weighted_by_ground(tmp_path):
    coverage, found = strata_of(on(10, tmp_path / "dem.tif"), zones_of(pit=PIT), grid_of(30))
    for code, name in enumerate(TERRAIN):
        total = weight = 0.0
        for i, j in np.argwhere(coverage.touched):
            if found.shares[code, i, j] > 0:
                ground_m2 = found.shares[code, i, j] * coverage.area_m2[i, j]
                total += ground_m2 * found.slope[code, i, j] / found.shares[code, i, j]
                weight += ground_m2
        assert found.slope_mean(name, coverage) == (pytest.approx(total / weight) if code and weight else None)
    assert found.slope_mean(SUNNY, coverage) == pytest.approx(15, abs=0.2)


@pytest.mark.parametrize("dem_cell", [2, 5, 10, 30, 60])
@pytest.mark.parametrize("cell", [10, 30, 250])
def test_elevation_of_a_cell_is_the_mean_of_the_model_in_it(tmp_path, cell, dem_cell):
    """Against exactextract, wherever the model's cells lie in the sensor's; coarser ones give the height at the middle."""
    n = int(1800 / dem_cell)
    z = 4000 + np.random.default_rng(3).normal(0, 50, (n, n)).astype("float32")
    path = write(tmp_path / "dem.tif", z, Affine(dem_cell, 0, WEST - 300, 0, -dem_cell, NORTH + 300))
    dem, grid = open_dem(path), grid_of(cell)
    (coverage,) = zone_coverages(zones_of(pit=PIT), grid)
    found = cell_elevations(dem, grid, coverage)
    dem.dataset.close()
    assert np.array_equal(np.isfinite(found), coverage.touched)
    rows, cols = np.nonzero(coverage.touched)
    west, north = WEST + cell * (coverage.cols.start + cols), NORTH - cell * (coverage.rows.start + rows)
    if dem_cell >= cell:
        i, j = ((NORTH + 300 - (north - cell / 2)) // dem_cell).astype(int), ((west + cell / 2 - WEST + 300) // dem_cell).astype(int)
        assert np.array_equal(found[rows, cols], z[i, j].astype(float))
    elif cell % dem_cell == 0 and cell / dem_cell <= 16:
        cells = gpd.GeoDataFrame(geometry=[box(w, n - cell, w + cell, n) for w, n in zip(west, north, strict=True)], crs=UTM)
        expected = exact_extract(str(path), cells, "mean", output="pandas")["mean"]
        assert found[rows, cols] == pytest.approx(expected.to_numpy(), abs=1e-3)
    else:  # points stand for cells that they do not divide: the mean is near
        assert np.abs(found[rows, cols] - 4000).max() < 5 * 50 / min(16, cell / dem_cell)


def test_elevation_has_gaps_where_the_model_has_them(tmp_path):
    z = np.full((60, 60), 4000.0)
    z[:, 30:] = NAN
    dem, grid = open_dem(write(tmp_path / "dem.tif", z, Affine(30, 0, WEST - 300, 0, -30, NORTH + 300))), grid_of(30)
    (coverage,) = zone_coverages(zones_of(pit=PIT), grid)
    found = cell_elevations(dem, grid, coverage)
    dem.dataset.close()
    right = np.arange(coverage.cols.start, coverage.cols.stop) >= 20
    assert np.array_equal(np.isfinite(found), coverage.touched & ~right) and (found[np.isfinite(found)] == 4000).all()


def test_in_the_south_faces_change_names(tmp_path):
    path, zones, grid = on(10, tmp_path / "dem.tif"), zones_of(pit=PIT), grid_of(10)
    north, south = (strata_of(path, zones, grid, south=there)[1] for there in (False, True))
    assert np.array_equal(north.shares[2], south.shares[3])
    assert np.array_equal(north.shares[3], south.shares[2])
    assert np.array_equal(north.shares[[0, 1, 4]], south.shares[[0, 1, 4]])


def test_the_hemisphere_is_that_of_the_middle_of_the_zone():
    here = box(29.0, -0.3, 29.1, -0.2), box(29.0, -0.3, 29.1, 0.1), box(29.0, -0.1, 29.1, 0.2)
    frame = gpd.GeoDataFrame({"zone": ["a", "b", "c"], "role": "pit", "geodesic_m2": 1.0}, geometry=list(here), crs=4326).to_crs(32735)
    assert southern(Zones(frame, {}, ())) == {"a": True, "b": True, "c": False}


def test_scale_offset_and_whole_numbers(tmp_path):
    """Centimetres above 3,000 m as whole numbers, as some models are stored."""
    z = np.rint((ground(*np.meshgrid(np.arange(-285.0, 1500, 30), -np.arange(-285.0, 1500, 30))) - 3000) * 10)
    path = write(
        tmp_path / "dem.tif", z, Affine(30, 0, WEST - 300, 0, -30, NORTH + 300), dtype="int32", nodata=-1, scales=(0.1,), offsets=(3000.0,), units=("m",)
    )
    coverage, found = strata_of(path, zones_of(pit=PIT), grid_of(30))
    assert found.slope_mean(SUNNY, coverage) == pytest.approx(15, abs=0.5)
    assert found.slope_mean(PLATFORM, coverage) == pytest.approx(0, abs=0.5)


def test_a_window_beyond_the_model_is_filled_up(tmp_path):
    dem = open_dem(write(tmp_path / "dem.tif", np.arange(12.0).reshape(3, 4), Affine(30, 0, WEST, 0, -30, NORTH)))
    assert elevations(dem, slice(-1, 2), slice(2, 5)).tolist() == pytest.approx(np.array([[NAN] * 3, [2, 3, NAN], [6, 7, NAN]]), nan_ok=True)
    assert np.isnan(elevations(dem, slice(5, 7), slice(0, 2))).all()
    dem.dataset.close()


# What is no elevation model


def refused(call, *words):
    with pytest.raises(BadInput) as caught:
        call()
    for word in words:
        assert word in str(caught.value)
    assert all(f"\n  {label}" in str(caught.value) for label in ("found:", "expected:", "fix:"))


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"bands": 2}, ("2 bands", "one band of elevations")),
        ({"crs": None}, ("no coordinate reference system",)),
        ({"crs": 'LOCAL_CS["mine grid",UNIT["metre",1]]'}, ("neither projected nor geographic",)),
        ({"units": ("ft",)}, ("elevations in ft", "in metres")),
        ({"dtype": "complex64", "nodata": None}, ("bands of complex64",)),
    ],
)
def test_what_is_no_elevation_model_is_refused(tmp_path, settings, words):
    path = write(tmp_path / "dem.tif", np.full((9, 9), 4000.0), Affine(30, 0, WEST, 0, -30, NORTH), **settings)
    refused(lambda: open_dem(path), "dem.tif", "strata.dem", *words)


def test_files_that_are_no_raster_are_refused(tmp_path):
    (tmp_path / "dem.tif").write_text("ncols 3\nnrows 3\n")
    refused(lambda: open_dem(tmp_path / "dem.tif"), "not a readable GeoTIFF")
    refused(lambda: open_dem(tmp_path / "absent.tif"), "no such file")


def test_a_compound_crs_is_taken(tmp_path):
    path = write(tmp_path / "dem.tif", np.full((9, 9), 4000.0), Affine(30, 0, WEST, 0, -30, NORTH), crs="EPSG:32647+5773")
    open_dem(path).dataset.close()


@pytest.mark.parametrize(
    "shift, share",
    [((0, 0), None), ((300, 0), 25.0), ((0, 600), 50.0), ((5000, 0), 0.0)],
)
def test_a_zone_beyond_the_model_is_named_with_its_share(tmp_path, shift, share):
    path = write(tmp_path / "dem.tif", np.full((40, 40), 4000.0), Affine(30, 0, WEST + shift[0], 0, -30, NORTH - shift[1]))
    zones = zones_of(inner=box(WEST + 620, NORTH - 900, WEST + 680, NORTH - 800), outer=box(WEST + 200, NORTH - 1000, WEST + 600, NORTH - 200))
    dem = open_dem(path)
    if share is None:
        check_covers(dem, zones)
    else:
        expected = {25.0: "75 % of the zone", 50.0: "50 % of the zone", 0.0: "elevations for 0 %"}[share]
        refused(lambda: check_covers(dem, zones), "dem.tif", "strata.dem, zone " + ("inner" if share == 0 else "outer"), expected)
    dem.dataset.close()


@pytest.mark.parametrize(
    "crs",
    [
        "+proj=gnom +lat_0=-38 +lon_0=-81",
        "+proj=ortho +lat_0=0 +lon_0=9.5",
        'GEOGCS["Moon",DATUM["D",SPHEROID["Moon",1737400,0]],PRIMEM["0",0],UNIT["degree",0.0174532925199433]]',
    ],
)
def test_a_zone_that_the_models_crs_cannot_show_is_not_covered(tmp_path, crs):
    """The far side of the Earth for two projections (of a part of the zone for the second), and another celestial body."""
    dem = open_dem(write(tmp_path / "dem.tif", np.full((9, 9), 4000.0), Affine(1e6, 0, -4e6, 0, -1e6, 4e6), crs=crs))
    zones = zones_of(pit=box(WEST, NORTH - 9e4, WEST + 9e4, NORTH))
    with dem.dataset:
        refused(lambda: check_covers(dem, zones), "strata.dem, zone pit", "elevations for 0 % of the zone")


@pytest.mark.parametrize("number", [float("nan"), float("inf")])
def test_a_geotransform_that_is_not_finite_is_refused(tmp_path, number):
    path = write(tmp_path / "dem.tif", np.full((9, 9), 4000.0), Affine(30, 0, number, 0, -30, NORTH))
    refused(lambda: open_dem(path), "dem.tif", "strata.dem", "not finite")


@pytest.mark.parametrize("value", [-9999.0, 1e30, float("inf")])
def test_values_that_are_no_land_are_found_before_a_run(tmp_path, value):
    z = np.full((60, 60), 4000.0)
    zones = zones_of(inner=box(WEST + 600, NORTH - 900, WEST + 690, NORTH - 800))
    for row, bad in ((30, True), (2, False)):  # within the zone, and far from all zones
        here = z.copy()
        here[row + 8, 31] = value
        dem = open_dem(write(tmp_path / "dem.tif", here, Affine(30, 0, WEST - 300, 0, -30, NORTH + 300), nodata=None))
        if bad:
            refused(lambda dem=dem: check_elevations(dem, zones), "dem.tif", "nodata")
        else:
            check_elevations(dem, zones)
        dem.dataset.close()


def test_a_truncated_model_is_named_before_a_run(tmp_path):
    z = 4000 + np.random.default_rng(0).normal(0, 5, (300, 300))
    path = write(tmp_path / "dem.tif", z, Affine(5, 0, WEST, 0, -5, NORTH))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 3])
    dem = open_dem(path)
    refused(lambda: check_elevations(dem, zones_of(pit=PIT)), "dem.tif", "cannot be read", "whole raster")
    dem.dataset.close()


@pytest.mark.parametrize("value", [-32768.0, 65535.0, 1e30])
def test_a_hole_that_the_file_does_not_name_is_refused(tmp_path, value):
    z = np.full((60, 60), 4000.0)
    z[30, 30] = value
    path = write(tmp_path / "dem.tif", z, Affine(30, 0, WEST - 300, 0, -30, NORTH + 300), nodata=None)
    refused(lambda: strata_of(path, zones_of(pit=PIT), grid_of(30)), f"{np.float32(value):g} m", "nodata")
