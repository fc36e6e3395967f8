"""The grid: the images' own cells where they can be kept, else whole multiples of the resolution in UTM."""

import math

import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from shapely.geometry import box

from pipeline import config as configs
from pipeline.aoi import read_zones
from pipeline.errors import BadInput
from pipeline.grid import dilation_cells, from_json, native_grid, sensor_grid, to_json

UTM = "EPSG:32647"
W, N = 540_000, 4_210_300
OWN = GeoBox((30, 40), Affine(10, 0, W, 0, -10, N), UTM)


def grid_of(mine, native, **settings):
    """Return the grid of a mine with other `grid` settings."""
    mine.settings["grid"] = {"buffer_m": 0} | settings
    mine.write_aoi()
    config = configs.load(mine.write_config())
    return sensor_grid(config, "sentinel-2", read_zones(config, mine.config), native)


def edges(grid):
    """Return west, south, east, north."""
    return tuple(grid.boundingbox)


def coincide(native, grid):
    """Return whether cells of both grids coincide."""
    column, row = ~native.affine * (grid.affine.c, grid.affine.f)
    return native.crs == grid.crs and native.resolution == grid.resolution and [column, row] == pytest.approx([round(column), round(row)], abs=1e-3)


def test_the_grid_is_the_cells_of_the_image_that_the_zones_box_meets(small_mine):
    grid = grid_of(small_mine, OWN)
    assert edges(grid) == (W + 20, N - 250, W + 350, N - 50)
    assert grid.shape == (20, 33)
    assert coincide(OWN, grid)


def test_a_box_within_cells_is_widened_to_their_edges(small_mine):
    small_mine.zones = [("a", box(W + 21, N - 109.5, W + 58.3, N - 50.2)), ("background", box(W + 60, N - 90, W + 75, N - 60))]
    small_mine.settings["aoi"]["zones"] = {}
    assert edges(grid_of(small_mine, OWN)) == (W + 20, N - 110, W + 80, N - 50)


@pytest.mark.parametrize(("buffer_m", "west", "south", "east", "north"), [(0, 20, 250, 350, 50), (10, 10, 260, 360, 40), (25, -10, 280, 380, 20)])
def test_the_buffer_goes_around_the_box_also_beyond_the_image(small_mine, buffer_m, west, south, east, north):
    grid = grid_of(small_mine, OWN, buffer_m=buffer_m)
    assert edges(grid) == (W + west, N - south, W + east, N - north)
    assert coincide(OWN, grid)


@pytest.mark.parametrize(
    ("crs", "north", "x", "y", "cell"),
    [
        ("EPSG:26910", 5_600_000, 3.7, -2.2, 30),  # NAD83 / UTM
        ("EPSG:32647", 5_600_000, 15, 15, 30),  # as Landsat: cell centres on multiples of 30
        ("EPSG:32647", 5_600_000, 0.125, 7.875, 20),
        ("EPSG:3005", 900_000, 5, 5, 25),  # NAD83 / BC Albers
    ],
)
def test_odd_pixel_edges_are_kept_and_no_image_is_resampled(small_mine, crs, north, x, y, cell):
    native = GeoBox((300, 300), Affine(cell, 0, 700_000 + x, 0, -cell, north + y), crs)
    small_mine.crs = crs
    small_mine.zones = [(z, box(700_000 + e, north - 5000, 701_000 + e, north - 4000)) for z, e in (("pit", 3000), ("background", 5000))]
    grid = grid_of(small_mine, native, buffer_m=100)
    assert grid.crs == native.crs
    assert grid.resolution.x == cell
    assert coincide(native, grid)
    left, bottom, right, top = edges(grid)
    assert 702_900 - cell < left <= 702_900
    assert 706_100 <= right < 706_100 + cell
    assert north - 5100 - cell < bottom <= north - 5100
    assert north - 3900 <= top < north - 3900 + cell
    assert ((left - 700_000 - x) / cell, (north + y - top) / cell) == pytest.approx((round((left - 700_000 - x) / cell), round((north + y - top) / cell)))


def test_zones_in_degrees_get_the_images_crs(small_mine):
    small_mine.crs = "EPSG:4326"
    small_mine.zones = [("pit", box(99.456, 38.030, 99.459, 38.033)), ("background", box(99.46, 38.03, 99.462, 38.032))]
    grid = grid_of(small_mine, OWN)
    assert grid.crs.epsg == 32647
    assert coincide(OWN, grid)


def unusable():
    """Return images whose own grid cannot be kept."""
    rotated = Affine.translation(W, N) @ Affine.rotation(20) @ Affine.scale(30, -30)
    return {
        "degrees": GeoBox((100, 100), Affine(1e-4, 0, 99.45, 0, -1e-4, 38.04), "EPSG:4326"),
        "south-up": GeoBox((30, 40), Affine(30, 0, W, 0, 30, N - 300), UTM),
        "rotated": GeoBox((30, 40), rotated, UTM),
        "not square": GeoBox((30, 40), Affine(30, 0, W, 0, -20, N), UTM),
        "mirrored": GeoBox((30, 40), Affine(-30, 0, W + 400, 0, -30, N), UTM),
        "feet": GeoBox((30, 40), Affine(30, 0, W, 0, -30, N), "EPSG:2225"),
        "no image": None,
    }


@pytest.mark.parametrize("name", unusable())
def test_without_a_usable_native_grid_cells_lie_on_multiples_in_utm(small_mine, name):
    grid = grid_of(small_mine, unusable()[name])
    assert grid.crs.epsg == 32647
    assert (grid.resolution.x, grid.resolution.y) == (10, -10)  # the sensor's own
    assert edges(grid) == (W + 20, N - 250, W + 350, N - 50)


@pytest.mark.parametrize(("lon", "lat", "epsg"), [(99.46, 38.03, 32647), (-44.0, -20.1, 32723), (-120.9, 49.8, 32610), (148.2, -22.5, 32755)])
def test_the_utm_zone_is_that_of_the_zones(small_mine, lon, lat, epsg):
    small_mine.crs = "EPSG:4326"
    small_mine.zones = [("pit", box(lon, lat, lon + 0.01, lat + 0.01)), ("background", box(lon + 0.02, lat, lon + 0.03, lat + 0.01))]
    grid = grid_of(small_mine, None)
    assert grid.crs.epsg == epsg
    assert all(math.isclose(v % 10, 0, abs_tol=1e-6) or math.isclose(v % 10, 10, abs_tol=1e-6) for v in edges(grid))


def test_a_resolution_that_is_asked_for_is_used_in_the_images_crs(small_mine):
    grid = grid_of(small_mine, OWN, resolution_m={"sentinel-2": 20})
    assert grid.crs.epsg == 32647
    assert (grid.resolution.x, grid.resolution.y) == (20, -20)
    assert edges(grid) == (W + 20, N - 260, W + 360, N - 40)
    assert not coincide(OWN, grid)


def test_the_images_own_resolution_asked_for_keeps_its_edges(small_mine):
    native = GeoBox((30, 40), Affine(10, 0, W + 3, 0, -10, N + 4), UTM)
    grid = grid_of(small_mine, native, resolution_m={"sentinel-2": 10})
    assert coincide(native, grid)
    assert edges(grid)[0] == W + 13


def test_a_crs_that_is_asked_for_is_used(small_mine):
    same = grid_of(small_mine, OWN, crs=UTM)
    assert coincide(OWN, same)
    other = grid_of(small_mine, OWN, crs="EPSG:32648")
    assert other.crs.epsg == 32648
    assert (other.resolution.x, edges(other)[0] % 10) == (10, 0)
    west, south, east, north = edges(other)
    x, y = pyproj.Transformer.from_crs(UTM, 32648, always_xy=True).transform([W + 20, W + 350, W + 20, W + 350], [N - 250, N - 250, N - 50, N - 50])
    assert west <= min(x) < west + 10
    assert east - 10 < max(x) <= east
    assert south <= min(y) < south + 10
    assert north - 10 < max(y) <= north


@pytest.mark.parametrize(("crs", "why"), [("EPSG:4326", "degrees"), ("EPSG:2225", "feet"), ("EPSG:4978", "geocentric")])
def test_a_crs_that_is_not_in_metres_is_refused(small_mine, crs, why):
    with pytest.raises(BadInput, match=rf"grid\.crs\n  found:    {crs}\n  expected: a projected CRS in metres"):
        grid_of(small_mine, OWN, crs=crs)


def test_a_zone_smaller_than_a_cell_is_refused_by_name(small_mine):
    small_mine.zones.append(("Sliver", box(W, N - 20, W + 9.9, N - 10)))
    with pytest.raises(BadInput, match=r"zone Sliver\n  found:    99 m2\n  expected: at least one cell of 10 m: 100 m2"):
        grid_of(small_mine, OWN)
    small_mine.zones[-1] = ("Sliver", box(W, N - 20, W + 10, N - 10))
    assert edges(grid_of(small_mine, OWN))[0] == W


def test_a_grid_of_too_many_cells_is_refused_before_any_memory(small_mine):
    with pytest.raises(BadInput, match=r"cells\n  expected: at most 2,000,000,000"):
        grid_of(small_mine, OWN, resolution_m={"sentinel-2": 0.005})


def test_a_grid_survives_json_and_the_raster_file(tmp_path):
    grid = GeoBox((3, 4), Affine(10, 0, W + 0.125, 0, -10, N - 1 / 3), UTM)
    assert from_json(to_json(grid)) == grid
    assert to_json(grid)["transform"] == [10, 0, W + 0.125, 0, -10, N - 1 / 3]
    profile = {"driver": "GTiff", "count": 1, "height": 3, "width": 4, "dtype": "uint8", "crs": UTM, "transform": grid.affine}
    with rasterio.open(tmp_path / "a.tif", "w", **profile) as dataset:
        dataset.write(np.zeros((1, 3, 4), np.uint8))
    with rasterio.open(tmp_path / "a.tif") as dataset:
        assert coincide(native_grid(dataset), grid)
        assert native_grid(dataset).shape == (3, 4)


def test_masks_grow_by_a_distance_on_the_ground_up_to_what_the_kernel_holds(small_mine):
    small_mine.settings["sensors"] = {"sentinel-2": {"catalog": "synthetic"}}
    small_mine.settings["mask"] = {"dilate_m": 500}
    small_mine.write_aoi()
    config = configs.load(small_mine.write_config())
    assert dilation_cells(config, small_mine.config, 10) == 50
    assert dilation_cells(config, small_mine.config, 2) == 250
    with pytest.raises(BadInput, match="at most 250 cells of 1.9 m") as caught:
        dilation_cells(config, small_mine.config, 1.9)
    assert (caught.value.where, caught.value.field, caught.value.found) == (str(small_mine.config), "mask.dilate_m", "500.0")
    nothing = config.model_copy(update={"mask": configs.Mask(dilate=(), dilate_m=500)})
    assert dilation_cells(nothing, small_mine.config, 1.9) == 0
