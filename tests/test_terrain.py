"""Slope and aspect: planes and cones whose answer is known, plain loops over Horn's cells, GDAL, and grids that are no squares on the ground."""

import math
import shutil
import subprocess

import numpy as np
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import CRS, Geod, Proj, Transformer

from pipeline.evaluation.terrain import Steps, ground_steps, slope_aspect

NAN = float("nan")
SQUARE = Steps(10, 0, 0, -10)
GEOD = Geod(ellps="WGS84")


def plane(slope, aspect, shape=(7, 9), steps=SQUARE, base=4000.0):
    """Return elevations of a plane that falls towards an aspect, on cells with these ground steps."""
    rows, cols = np.mgrid[: shape[0], : shape[1]]
    east = cols * steps.across_east + rows * steps.down_east
    north = cols * steps.across_north + rows * steps.down_north
    fall = math.tan(math.radians(slope))
    return base - fall * (east * math.sin(math.radians(aspect)) + north * math.cos(math.radians(aspect)))


def turned(a, b):
    """Return the angle between directions, degrees."""
    return abs((a - b + 180) % 360 - 180)


@pytest.mark.parametrize("aspect", range(0, 360, 15))
@pytest.mark.parametrize("slope", [0.5, 4.999, 25.0, 70.0])
def test_planes_in_every_direction(slope, aspect):
    found, falls = slope_aspect(plane(slope, aspect), SQUARE)
    assert found[1:-1, 1:-1] == pytest.approx(slope, abs=1e-9)
    assert turned(falls[1:-1, 1:-1], aspect).max() < 1e-7
    assert np.nanmin(falls) >= 0
    assert np.nanmax(falls) < 360


def test_a_cone_falls_away_from_its_top_and_a_pit_towards_its_bottom():
    y, x = np.mgrid[:101, :101]
    east, north = 10.0 * (x - 50), -10.0 * (y - 50)
    radius = np.hypot(east, north)
    away = np.degrees(np.arctan2(east, north)) % 360
    far = (radius > 200) & (radius < 480)
    for rises, direction in ((-1, away), (1, (away + 180) % 360)):
        slope, aspect = slope_aspect(3900 + rises * radius * math.tan(math.radians(30)), SQUARE)
        assert abs(slope[far] - 30).max() < 0.05  # Horn smooths: at 20 cells from the top by this much
        assert turned(aspect[far], direction[far]).max() < 0.05


def test_every_cell_by_plain_loops():
    rng = np.random.default_rng(3)
    z = rng.normal(3900, 8, (23, 31))
    z[rng.random(z.shape) < 0.03] = NAN
    steps = Steps(7.0, 0, 0, -11.0)
    slope, aspect = slope_aspect(z, steps)
    known = 0
    for i in range(z.shape[0]):
        for j in range(z.shape[1]):
            cells = [z[i + k, j + m] if 0 <= i + k < z.shape[0] and 0 <= j + m < z.shape[1] else NAN for k in (-1, 0, 1) for m in (-1, 0, 1)]
            a, b, c, d, _, f, g, h, k = cells
            if any(math.isnan(v) for v in cells):
                assert math.isnan(slope[i, j])
                assert math.isnan(aspect[i, j])
                continue
            east, north = ((c + 2 * f + k) - (a + 2 * d + g)) / (8 * 7.0), ((a + 2 * b + c) - (g + 2 * h + k)) / (8 * 11.0)
            assert slope[i, j] == pytest.approx(math.degrees(math.atan(math.hypot(east, north))), abs=1e-9)
            assert turned(aspect[i, j], math.degrees(math.atan2(-east, -north))) < 1e-9
            known += 1
    assert known > 300


def test_an_unknown_cell_leaves_itself_and_its_neighbours_without_slope():
    z = plane(10, 90)
    z[3, 4] = NAN
    slope, aspect = slope_aspect(z, SQUARE)
    unknown = np.isnan(slope)
    expected = np.ones(z.shape, bool)
    expected[1:-1, 1:-1] = False
    expected[2:5, 3:6] = True
    assert np.array_equal(unknown, expected)
    assert np.array_equal(np.isnan(aspect), expected)


def test_level_ground_has_no_aspect():
    slope, aspect = slope_aspect(np.full((4, 4), 12.0), SQUARE)
    assert (slope[1:-1, 1:-1] == 0).all()
    assert np.isnan(aspect).all()


@pytest.mark.parametrize("shape", [(0, 0), (1, 5), (2, 9), (9, 2)])
def test_windows_without_an_inside_have_no_slope(shape):
    slope, aspect = slope_aspect(np.zeros(shape), SQUARE)
    assert slope.shape == aspect.shape == shape
    assert np.isnan(slope).all()
    assert np.isnan(aspect).all()


def test_a_cube_is_refused():
    with pytest.raises(ValueError, match=r"expected \(y, x\)"):
        slope_aspect(np.zeros((2, 3, 4)), SQUARE)


@pytest.mark.parametrize("angle", [0, 17, 90, 145, 200, 333])
@pytest.mark.parametrize("mirrored", [False, True])
def test_turned_and_slanted_cells(angle, mirrored):
    """A grid turned by any angle, with cells of 8 x 13 m, its rows to either side, sees the same ground."""
    a = math.radians(angle)
    side = -1 if mirrored else 1
    steps = Steps(8 * math.cos(a), 8 * math.sin(a), side * 13 * math.sin(a), -side * 13 * math.cos(a))
    slope, aspect = slope_aspect(plane(12, 200, steps=steps), steps)
    assert slope[1:-1, 1:-1] == pytest.approx(12, abs=1e-9)
    assert aspect[1:-1, 1:-1] == pytest.approx(200, abs=1e-7)


@pytest.fixture(scope="module")
def rough():
    """Hills with noise, a flat and a hole, near 0 m, where GDAL's float32 sums are exact enough: 120 x 140 cells."""
    rng = np.random.default_rng(8)
    y, x = np.mgrid[:120, :140]
    z = 60 * np.sin(x / 9) * np.cos(y / 13) + 0.4 * x + rng.normal(0, 1, x.shape)
    z[50:55, 70:80] = NAN
    z[:20, :20] = 12
    return z.astype(np.float32)


@pytest.mark.skipif(shutil.which("gdaldem") is None, reason="gdaldem, the oracle of this test, is not installed")
@pytest.mark.parametrize("width, height", [(30.0, 30.0), (12.0, 30.0)])
def test_equals_gdal(rough, tmp_path, width, height):
    path = tmp_path / "dem.tif"
    profile = {"driver": "GTiff", "width": 140, "height": 120, "count": 1, "dtype": "float32", "crs": "EPSG:32647", "nodata": NAN}
    with rasterio.open(path, "w", transform=Affine(width, 0, 540_000, 0, -height, 4_210_000), **profile) as dataset:
        dataset.write(rough, 1)
    found = {}
    for what in ("slope", "aspect"):
        subprocess.run(["gdaldem", what, path, tmp_path / f"{what}.tif", "-q"], check=True)
        with rasterio.open(tmp_path / f"{what}.tif") as dataset:
            values = dataset.read(1).astype(np.float64)
            found[what] = np.where(values == -9999, NAN, values)
    slope, aspect = slope_aspect(rough, Steps(width, 0, 0, -height))
    worst = np.nanmax(abs(slope - found["slope"]))
    print(f"cells of {width:g} x {height:g} m: slope differs from GDAL's float32 by at most {worst:.2g} degrees")
    assert worst < 2e-4
    assert np.array_equal(np.isnan(slope), np.isnan(found["slope"]))
    if width == height:  # GDAL's aspect takes cells for squares
        steep = slope > 0.5
        assert turned(aspect[steep], found["aspect"][steep]).max() < 0.02
        assert np.array_equal(np.isnan(aspect), np.isnan(found["aspect"]))


# Cells on the ground


def geobox(shape, transform, crs):
    return GeoBox(shape, transform, crs)


UTM = geobox((40, 50), Affine(30, 0, 540_000, 0, -30, 4_210_000), "EPSG:32647")
GRIDS = {
    "UTM": UTM,
    "UTM far from its middle": geobox((40, 50), Affine(30, 0, 780_000, 0, -30, 4_210_000), "EPSG:32647"),
    "UTM in the south": geobox((40, 50), Affine(30, 0, 300_000, 0, -30, 6_900_000), "EPSG:32735"),
    "degrees": geobox((40, 50), Affine(1 / 3600, 0, 99.4, 0, -1 / 3600, 38.1), "EPSG:4326"),
    "degrees, high north": geobox((40, 50), Affine(1 / 3600, 0, 23.4, 0, -1 / 3600, 67.1), "EPSG:4326"),
    "sinusoidal": geobox((40, 50), Affine(231.65635, 0, 8_690_000, 0, -231.65635, 4_220_000), "+proj=sinu +R=6371007.181 +units=m +no_defs"),
    "Albers of China": geobox((40, 50), Affine(25, 0, -2_600_000, 0, -25, 4_200_000), "+proj=aea +lat_1=25 +lat_2=47 +lon_0=105 +units=m +datum=WGS84"),
    "Web Mercator": geobox((40, 50), Affine(38, 0, 11_070_000, 0, -38, 4_590_000), "EPSG:3857"),
    "feet": geobox((40, 50), Affine(100, 0, 900_000, 0, -100, 1_700_000), "EPSG:2229"),
    "rotated": geobox((40, 50), Affine(30, 0, 540_000, 0, -30, 4_210_000) @ Affine.rotation(25), "EPSG:32647"),
    "south up": geobox((40, 50), Affine(30, 0, 540_000, 0, 30, 4_210_000), "EPSG:32647"),
}


@pytest.mark.parametrize("name", GRIDS)
def test_steps_are_those_of_the_projection(name):
    """PROJ's own derivatives of each projection, and the radii of curvature of the ellipsoid, against geodesics to the neighbours."""
    grid = GRIDS[name]
    crs = CRS.from_wkt(grid.crs.to_wkt())
    rows, cols = slice(5, 33), slice(2, 49)
    steps = ground_steps(grid, rows, cols)
    for i, j in ((0, 0), (13, 20), (27, 46)):
        x, y = grid.affine @ (cols.start + j + 0.5, rows.start + i + 0.5)
        lon, lat = Transformer.from_crs(crs, 4326, always_xy=True).transform(x, y)
        e2, phi = 0.0066943799901413165, math.radians(lat)
        w = 1 - e2 * math.sin(phi) ** 2
        normal, meridian = 6378137.0 / math.sqrt(w), 6378137.0 * (1 - e2) / w**1.5
        a = grid.affine
        if crs.is_geographic:
            per_x, per_y = (math.radians(1) * normal * math.cos(phi), 0.0), (0.0, math.radians(1) * meridian)
        else:
            proj = Proj(crs)
            d = 1e-6
            (ax, ay), (bx, by) = proj(lon - d, lat), proj(lon + d, lat)
            (cx, cy), (dx, dy) = proj(lon, lat - d), proj(lon, lat + d)
            to_grid = np.array([[(bx - ax) / (2 * d), (dx - cx) / (2 * d)], [(by - ay) / (2 * d), (dy - cy) / (2 * d)]])  # of degrees to units
            to_ground = np.diag([math.radians(1) * normal * math.cos(phi), math.radians(1) * meridian]) @ np.linalg.inv(to_grid)
            per_x, per_y = to_ground[:, 0], to_ground[:, 1]
        across = (a.a * per_x[0] + a.d * per_y[0], a.a * per_x[1] + a.d * per_y[1])
        down = (a.b * per_x[0] + a.e * per_y[0], a.b * per_x[1] + a.e * per_y[1])
        side = math.hypot(*across)
        found = (steps.across_east[i, j], steps.across_north[i, j], steps.down_east[i, j], steps.down_north[i, j])
        assert np.abs(np.array(found) - (*across, *down)).max() < 1e-5 * side, name


@pytest.mark.parametrize("name", GRIDS)
def test_a_hill_looks_the_same_on_every_grid(name):
    """A cone measured by geodesics from its top: 15 degrees everywhere, falling along the azimuth from the top, whatever the grid."""
    grid = GRIDS[name]
    y, x = np.mgrid[:40, :50]
    east, north = grid.affine.a * (x + 0.5) + grid.affine.b * (y + 0.5) + grid.affine.c, grid.affine.d * (x + 0.5) + grid.affine.e * (y + 0.5) + grid.affine.f
    lon, lat = Transformer.from_crs(CRS.from_wkt(grid.crs.to_wkt()), 4326, always_xy=True).transform(east, north)
    top = lon[-1, -1] + 0.3, lat[-1, -1] + 0.2  # so far away that the cone is a plane for Horn
    azimuth, back, metres = GEOD.inv(np.full(lon.shape, top[0]), np.full(lon.shape, top[1]), lon, lat)
    steps = ground_steps(grid, slice(0, 40), slice(0, 50))
    slope, aspect = slope_aspect(5000 - metres * math.tan(math.radians(15)), steps)
    assert abs(slope[1:-1, 1:-1] - 15).max() < 0.002
    assert turned(aspect, (back + 180) % 360)[1:-1, 1:-1].max() < 0.01
    plain = slope_aspect(5000 - metres * math.tan(math.radians(15)), Steps(abs(grid.affine.a) or 1, 0, 0, -(abs(grid.affine.e) or 1)))
    off = turned(plain[1], (back + 180) % 360)[1:-1, 1:-1].max(), abs(plain[0][1:-1, 1:-1] - 15).max()
    print(f"{name}: taken as a north-up grid in metres, aspect is off by {off[0]:.2f} and slope by {off[1]:.2f} degrees")
    if name in {"sinusoidal", "Albers of China", "rotated", "south up", "degrees", "feet", "Web Mercator"}:
        assert max(off) > 1  # the correction is no ornament


def test_windows_of_one_cell_and_beyond_the_grid():
    whole = ground_steps(UTM, slice(-1, 41), slice(-1, 51))
    one = ground_steps(UTM, slice(7, 8), slice(9, 10))
    assert whole.across_east.shape == (42, 52)
    assert one.across_east.shape == (1, 1)
    assert one.across_east[0, 0] == pytest.approx(whole.across_east[8, 10], abs=1e-6)
    assert one.cell_m == pytest.approx(30 / 0.9996, abs=0.02)


def test_the_shorter_side_is_the_cell():
    assert Steps(7.0, 0, 0, -11.0).cell_m == 7
    assert Steps(np.full((2, 2), 12.0), 5.0, 0, np.array([[-9.0, -8.0], [-9.0, -9.0]])).cell_m == 8


def test_where_a_crs_ends_is_refused():
    grid = geobox((10, 10), Affine(1e6, 0, 0, 0, -1e6, 2e7), "+proj=ortho +lat_0=40 +lon_0=100 +units=m")
    with pytest.raises(ValueError, match="no latitude and longitude"):
        ground_steps(grid, slice(0, 10), slice(0, 10))
