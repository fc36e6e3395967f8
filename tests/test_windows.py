"""Which pixel lies under which cell, against a search cell by cell."""

from math import floor

import numpy as np
import pytest
from affine import Affine
from odc.geo.geobox import GeoBox
from pyproj import Transformer

from pipeline.windows import locate

UTM, WEST, NORTH = "EPSG:32647", 540_000.0, 4_210_300.0
GRID = GeoBox((30, 40), Affine(10, 0, WEST, 0, -10, NORTH), UTM)
WHOLE = slice(0, 30), slice(0, 40)
OUTSIDE = -7


def box(shape, resolution, east=0.0, south=0.0, crs=UTM):
    """Return a north-up image that starts so many metres east and south of the grid."""
    return GeoBox(shape, Affine(resolution, 0, WEST + east, 0, -resolution, NORTH - south), crs)


def numbered(image):
    """Return an image whose pixels are numbered."""
    return np.arange(image.shape[0] * image.shape[1], dtype=np.int32).reshape(image.shape)


def seen(image, rows=WHOLE[0], cols=WHOLE[1], grid=GRID):
    """Return the pixel numbers that a lookup gives for a block, read through its window as a reader does."""
    found = locate(image, grid, rows, cols)
    assert found.shape == (rows.stop - rows.start, cols.stop - cols.start)
    if found.window is None:
        return np.full(found.shape, OUTSIDE, np.int32)
    top, left, height, width = found.window
    assert 0 <= top < top + height <= image.shape[0]
    assert 0 <= left < left + width <= image.shape[1]
    return found.take(numbered(image)[top : top + height, left : left + width].copy(), OUTSIDE)


def searched(image, rows=WHOLE[0], cols=WHOLE[1], grid=GRID):
    """Return the pixel number under each cell's centre, one cell after the other."""
    project = Transformer.from_crs(str(grid.crs), str(image.crs), always_xy=True) if str(grid.crs) != str(image.crs) else None
    out = np.full((rows.stop - rows.start, cols.stop - cols.start), OUTSIDE, np.int32)
    for i, row in enumerate(range(rows.start, rows.stop)):
        for j, col in enumerate(range(cols.start, cols.stop)):
            x, y = grid.affine @ (col + 0.5, row + 0.5)
            x, y = project.transform(x, y) if project else (x, y)
            column, line = ~image.affine @ (x, y)
            if 0 <= column < image.shape[1] and 0 <= line < image.shape[0]:
                out[i, j] = floor(line) * image.shape[1] + floor(column)
    return out


def test_the_same_grid_is_read_as_it_is():
    found = locate(GRID, GRID, slice(5, 15), slice(8, 28))
    assert found.window == (5, 8, 10, 20)
    assert found.straight
    assert found.separable
    np.testing.assert_array_equal(seen(GRID, slice(5, 15), slice(8, 28)), numbered(GRID)[5:15, 8:28])


def test_an_aligned_image_that_starts_elsewhere_is_read_as_it_is():
    image = box((50, 60), 10, east=-70, south=-30)
    assert locate(image, GRID, *WHOLE).window == (3, 7, 30, 40)
    assert locate(image, GRID, *WHOLE).straight
    np.testing.assert_array_equal(seen(image), numbered(image)[3:33, 7:47])


def test_a_window_of_the_blocks_shape_is_not_straight_where_it_is_shifted():
    found = locate(box((30, 40), 10, east=20), GRID, slice(0, 30), slice(0, 40))
    assert not found.straight
    expected = np.full((30, 40), OUTSIDE)
    expected[:, 2:] = numbered(GRID)[:, :38]
    np.testing.assert_array_equal(seen(box((30, 40), 10, east=20)), expected)


def test_a_halo_reaches_beyond_the_grid_where_the_image_does():
    image = box((34, 44), 10, east=-20, south=-20)
    np.testing.assert_array_equal(seen(image, slice(-2, 32), slice(-2, 42)), numbered(image))


def test_a_halo_beyond_the_image_is_outside():
    values = seen(GRID, slice(-3, 33), slice(-3, 43))
    np.testing.assert_array_equal(values[3:-3, 3:-3], numbered(GRID))
    edge = np.ones(values.shape, bool)
    edge[3:-3, 3:-3] = False
    assert (values[edge] == OUTSIDE).all()


def test_coarse_pixels_under_a_fine_grid_are_repeated():
    image = box((15, 20), 20)
    np.testing.assert_array_equal(seen(image), np.kron(numbered(image), np.ones((2, 2), int)))


@pytest.mark.parametrize(("east", "south"), [(-10, 0), (0, -10), (-10, -10)])
def test_coarse_pixels_that_start_half_a_pixel_before_the_grid(east, south):
    image = box((16, 21), 20, east=east, south=south)
    whole = np.kron(numbered(image), np.ones((2, 2), int))
    top, left = -south // 10, -east // 10
    np.testing.assert_array_equal(seen(image), whole[top : top + 30, left : left + 40])


@pytest.mark.parametrize("start", [0, 1, 2, 3, 7])
def test_blocks_that_start_at_odd_cells_see_the_same_coarse_pixels(start):
    image = box((15, 20), 20)
    whole = np.kron(numbered(image), np.ones((2, 2), int))
    np.testing.assert_array_equal(seen(image, slice(start, start + 9), slice(start + 1, start + 12)), whole[start : start + 9, start + 1 : start + 12])


def test_of_fine_pixels_the_one_to_the_south_east_of_a_cells_centre_is_taken():
    image = box((60, 80), 5)
    np.testing.assert_array_equal(seen(image), numbered(image)[1::2, 1::2])


def test_of_finer_pixels_by_three_the_middle_one_is_taken():
    grid = GeoBox((10, 12), Affine(30, 0, WEST, 0, -30, NORTH), UTM)
    image = box((30, 36), 10)
    np.testing.assert_array_equal(seen(image, slice(0, 10), slice(0, 12), grid), numbered(image)[1::3, 1::3])


@pytest.mark.parametrize(("east", "south"), [(3.0, -4.0), (4.999, 4.999), (-5.001, -5.001), (123.4, 77.7)])
def test_an_image_that_is_not_aligned_gives_the_pixel_under_each_centre(east, south):
    image = box((40, 50), 10, east=east, south=south)
    np.testing.assert_array_equal(seen(image), searched(image))


@pytest.mark.parametrize("noise", [1e-7, -1e-7])
def test_coordinates_with_noise_do_not_move_pixels(noise):
    image = box((60, 80), 5, east=noise, south=noise)
    np.testing.assert_array_equal(seen(image), numbered(image)[1::2, 1::2])


@pytest.mark.parametrize(("east", "south"), [(150, 0), (-150, 0), (0, 110), (0, -110), (-250, -190), (390, 290)])
def test_partly_outside(east, south):
    image = box((30, 40), 10, east=east, south=south)
    expected = searched(image)
    assert 0 < (expected != OUTSIDE).sum() < 1200
    np.testing.assert_array_equal(seen(image), expected)


@pytest.mark.parametrize(("east", "south"), [(400, 0), (-400, 0), (0, 300), (0, -300), (90_000, 0), (400, 300)])
def test_fully_outside_has_no_window(east, south):
    assert locate(box((30, 40), 10, east=east, south=south), GRID, *WHOLE).window is None


def test_south_up():
    image = GeoBox((34, 44), Affine(10, 0, WEST - 20, 0, 10, NORTH - 320), UTM)
    np.testing.assert_array_equal(seen(image), numbered(image)[::-1][2:32, 2:42])


def test_south_up_coarse_and_partly_outside():
    image = GeoBox((10, 12), Affine(20, 0, WEST + 70, 0, 20, NORTH - 250), UTM)
    expected = searched(image)
    assert 0 < (expected != OUTSIDE).sum() < 1200
    np.testing.assert_array_equal(seen(image), expected)


def test_rotated():
    image = GeoBox((40, 40), Affine.translation(WEST + 150, NORTH + 40) @ Affine.rotation(-33) @ Affine.scale(9.3, -9.7), UTM)
    expected = searched(image)
    assert 0 < (expected != OUTSIDE).sum() < 1200
    np.testing.assert_array_equal(seen(image), expected)


def elsewhere(crs, shape, pixel, shift=(0.0, 0.0)):
    """Return a north-up image in another CRS whose middle lies over the grid's, moved by a share of its size."""
    x, y = Transformer.from_crs(UTM, crs, always_xy=True).transform(WEST + 200, NORTH - 150)
    width, height = shape[1] * pixel, shape[0] * pixel
    return GeoBox(shape, Affine(pixel, 0, x - width * (0.5 + shift[0]), 0, -pixel, y + height * (0.5 + shift[1])), crs)


OTHERS = {
    "next zone": elsewhere("EPSG:32648", (60, 70), 10),
    "next zone, coarse": elsewhere("EPSG:32648", (30, 35), 20),
    "web mercator": elsewhere("EPSG:3857", (60, 70), 11.3),
    "degrees": elsewhere("EPSG:4326", (50, 60), 1e-4),
    "degrees, fine": elsewhere("EPSG:4326", (120, 140), 5e-5),
    "next zone, partly": elsewhere("EPSG:32648", (60, 70), 10, (0.4, 0.3)),
    "degrees, partly": elsewhere("EPSG:4326", (50, 60), 1e-4, (-0.5, 0.4)),
    "polar": elsewhere("EPSG:3413", (60, 60), 15),
}


@pytest.mark.parametrize("image", OTHERS.values(), ids=OTHERS)
def test_another_crs_gives_the_pixel_under_each_centre(image):
    expected = searched(image)
    assert (expected != OUTSIDE).sum() > 100
    np.testing.assert_array_equal(seen(image), expected)


@pytest.mark.parametrize("rows, cols", [(slice(3, 11), slice(17, 40)), (slice(-4, 34), slice(-4, 44))])
def test_blocks_and_halos_in_another_crs(rows, cols):
    image = OTHERS["next zone"]
    np.testing.assert_array_equal(seen(image, rows, cols), searched(image, rows, cols))


def test_fully_outside_in_another_crs_has_no_window():
    assert locate(elsewhere("EPSG:32648", (10, 10), 10, (30, 30)), GRID, *WHOLE).window is None


def test_cells_that_the_images_projection_cannot_show_are_outside():
    image = GeoBox((100, 100), Affine(100_000, 0, -5_000_000, 0, -100_000, 5_000_000), "+proj=ortho +lat_0=0 +lon_0=-80 +type=crs")
    assert locate(image, GRID, *WHOLE).window is None


def test_values_keep_their_type_and_outside_is_what_was_asked():
    found = locate(box((30, 40), 10, east=20), GRID, *WHOLE)
    values = found.take(np.full((30, 38), 65535, np.uint16), 0)
    assert values.dtype == np.uint16
    assert (values[:, :2] == 0).all()
    assert (values[:, 2:] == 65535).all()
