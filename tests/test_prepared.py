"""Prepared composites on the mine's grid: copied where cells coincide, else the nearest cell; what is missing is NaN."""

import dask
import numpy as np
import pyproj
import pytest
import rasterio
from affine import Affine
from odc.geo.geobox import GeoBox
from rasterio.enums import Resampling

from pipeline.prepared import annual_ndvi, missing_year, read_on_grid

WEST, NORTH = 540_000.0, 4_210_300.0
IMAGE = Affine(10, 0, WEST, 0, -10, NORTH)
UTM, NEXT_UTM = "EPSG:32647", "EPSG:32648"
ALIGNED = GeoBox((30, 40), IMAGE, UTM)


def image(path, values, transform=IMAGE, crs=UTM, mask=None, **options):
    """Write bands `(band, y, x)` as a GeoTIFF, with an internal mask if given."""
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": values.dtype}
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True), rasterio.open(path, "w", crs=crs, transform=transform, **profile, **options) as dataset:
        dataset.write(values)
        if mask is not None:
            dataset.write_mask(mask)
    return path


def cells(bands=1, dtype="float32"):
    """Return 30 x 40 different values from 0.01 to 0.99, or counts from 1."""
    values = np.arange(1, bands * 1200 + 1).reshape(bands, 30, 40)
    return values.astype(dtype) if np.dtype(dtype).kind in "iu" else (0.01 + 0.98 * values / values.max()).astype(dtype)


def whole(path, grid, bands=(1,)):
    return read_on_grid(path, bands, grid, slice(0, grid.shape[0]), slice(0, grid.shape[1]))


def shifted(columns, rows, shape):
    """Return a grid whose corner lies some cells right of and below the image's."""
    return GeoBox(shape, IMAGE @ Affine.translation(columns, rows), UTM)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int16", "uint16", "uint8"])
def test_an_aligned_window_is_a_slice(tmp_path, dtype):
    values = cells(2, dtype) if dtype != "uint8" else cells(2, "uint16").astype("uint8")
    path = image(tmp_path / "a.tif", values)
    grid = shifted(3, 5, (20, 30))
    found = read_on_grid(path, (2, 1), grid, slice(4, 11), slice(2, 30))
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, values[[1, 0], 9:16, 5:33].astype(np.float32))


@pytest.mark.parametrize(("columns", "rows"), [(-5, -3), (35, 25), (-5, 25), (100, 0), (0, -40), (-60, 3)])
def test_aligned_cells_outside_the_image_are_nan(tmp_path, columns, rows):
    values = cells()
    found = whole(image(tmp_path / "a.tif", values), shifted(columns, rows, (30, 40)))
    expected = np.full((1, 30, 40), np.nan, np.float32)
    for y in range(30):
        for x in range(40):
            if 0 <= y + rows < 30 and 0 <= x + columns < 40:
                expected[0, y, x] = values[0, y + rows, x + columns]
    np.testing.assert_array_equal(found, expected)


def missing_ways():
    """Return the ways in which an image says that its left half is missing: (values, options)."""
    left = np.zeros((30, 40), bool)
    left[:, :20] = True
    mask = np.where(left, 0, 255).astype(np.uint8)
    with_alpha = np.concatenate([cells(1, "uint16"), mask[None].astype(np.uint16) * 257])
    return {
        "nodata of floats": (np.where(left, -9999, cells()).astype(np.float32), {"nodata": -9999}),
        "nodata of integers": (np.where(left, -32768, cells(1, "int16")).astype(np.int16), {"nodata": -32768}),
        "nodata zero": (np.where(left, 0, cells(1, "uint16")).astype(np.uint16), {"nodata": 0}),
        "nodata is NaN": (np.where(left, np.nan, cells()).astype(np.float32), {"nodata": np.nan}),
        "NaN not declared": (np.where(left, np.nan, cells()).astype(np.float32), {}),
        "NaN and another nodata": (np.where(left, np.nan, cells()).astype(np.float32), {"nodata": -1}),
        "internal mask": (cells(), {"mask": mask}),
        "internal mask of integers": (cells(1, "uint16"), {"mask": mask}),
        "alpha band": (with_alpha, {"photometric": "minisblack", "alpha": "yes"}),
    }


@pytest.mark.parametrize("way", missing_ways())
def test_what_the_image_calls_missing_is_nan(tmp_path, way):
    values, options = missing_ways()[way]
    found = whole(image(tmp_path / "a.tif", values, **options), ALIGNED)[0]
    assert np.isnan(found[:, :20]).all()
    np.testing.assert_array_equal(found[:, 20:], values[0, :, 20:].astype(np.float32))


@pytest.mark.parametrize("way", missing_ways())
def test_what_the_image_calls_missing_is_nan_on_another_grid_too(tmp_path, way):
    values, options = missing_ways()[way]
    grid = GeoBox((25, 34), Affine(12, 0, WEST + 1, 0, -12, NORTH - 1), UTM)
    found = whole(image(tmp_path / "a.tif", values, **options), grid)[0]
    centre = WEST + 1 + 12 * (np.arange(34) + 0.5)
    left, right, outside = centre < WEST + 199, (centre > WEST + 201) & (centre < WEST + 399), centre > WEST + 401
    assert np.isnan(found[:, left]).all()
    assert np.isnan(found[:, outside]).all()
    assert np.isin(found[:24][:, right], values[0].astype(np.float32)).all()


def test_zero_is_a_value_where_no_nodata_is_declared(tmp_path):
    path = image(tmp_path / "a.tif", np.zeros((1, 30, 40), np.float32))
    assert (whole(path, ALIGNED) == 0).all()
    assert (whole(path, shifted(2.5, 2.5, (20, 20))) == 0).all()


def source_cell(grid, transform, crs):
    """Return column and row in the image, with fractions, of the centre of every cell of a grid (by pyproj)."""
    x, y = np.meshgrid(np.arange(grid.shape[1]) + 0.5, np.arange(grid.shape[0]) + 0.5)
    a = grid.affine
    to_image = pyproj.Transformer.from_crs(str(grid.crs), crs, always_xy=True)
    east, north = to_image.transform(a.a * x + a.b * y + a.c, a.d * x + a.e * y + a.f)
    b = ~transform
    return b.a * east + b.b * north + b.c, b.d * east + b.e * north + b.f


def other_grids():
    """Return grids that do not coincide with the image, each larger than the image: (grid, image's transform, image's CRS)."""
    x, y = pyproj.Transformer.from_crs(UTM, NEXT_UTM, always_xy=True).transform(WEST, NORTH)
    rotated = Affine.translation(WEST + 100, NORTH - 100) @ Affine.rotation(30) @ Affine.scale(10, -10)
    around = GeoBox((60, 80), Affine(10, 0, WEST - 200, 0, -10, NORTH + 150), UTM)
    degrees = Affine(1.1e-4, 0, 99.4562, 0, -0.9e-4, 38.0391)
    return {
        "half a cell off": (GeoBox((40, 50), IMAGE @ Affine.translation(-4.5, -4.5), UTM), IMAGE, UTM),
        "finer": (GeoBox((140, 180), Affine(3, 0, WEST - 50, 0, -3, NORTH + 50), UTM), IMAGE, UTM),
        "coarser": (GeoBox((15, 20), Affine(37, 0, WEST - 70, 0, -37, NORTH + 70), UTM), IMAGE, UTM),
        "next UTM zone": (GeoBox((90, 110), Affine(10, 0, x - 250, 0, -10, y + 250), NEXT_UTM), IMAGE, UTM),
        "image in degrees": (around, degrees, "EPSG:4326"),
        "image south-up": (around, Affine(10, 0, WEST, 0, 10, NORTH - 300), UTM),
        "image rotated": (around, rotated, UTM),
    }


@pytest.mark.parametrize("declared", [{"nodata": np.nan}, {}, {"nodata": -1}], ids=["nodata NaN", "no nodata", "nodata -1"])
@pytest.mark.parametrize("name", other_grids())
def test_on_another_grid_each_cell_is_the_nearest_of_the_image_or_nan(tmp_path, name, declared):
    grid, transform, crs = other_grids()[name]
    values = cells()
    found = whole(image(tmp_path / "a.tif", values, transform, crs, **declared), grid)[0]
    x, y = source_cell(grid, transform, crs)
    slack = 1e-5  # in cells of the image
    inside = (x > slack) & (x < 40 - slack) & (y > slack) & (y < 30 - slack)
    outside = (x < -slack) | (x > 40 + slack) | (y < -slack) | (y > 30 + slack)
    assert outside.sum() > 100
    assert np.isnan(found[outside]).all()
    assert np.isin(found[np.isfinite(found)], values).all()
    row, column = np.divmod(np.searchsorted(values.ravel(), found[inside]), 40)
    assert np.abs(column + 0.5 - x[inside]).max() <= 0.5 + slack
    assert np.abs(row + 0.5 - y[inside]).max() <= 0.5 + slack


def test_overviews_of_the_image_never_mix_values_into_a_coarser_grid(tmp_path):
    values = np.tile(cells(), (1, 10, 10))
    path = image(tmp_path / "a.tif", values, nodata=np.nan, tiled=True, blockxsize=64, blockysize=64)
    with rasterio.open(path, "r+") as dataset:
        dataset.build_overviews([2, 4, 8], Resampling.average)
    found = whole(path, GeoBox((30, 40), Affine(83, 0, WEST + 3, 0, -83, NORTH - 3), UTM))
    assert np.isin(found, values).all()


def test_many_images_on_other_grids_keep_their_handles_apart(tmp_path):
    paths = [image(tmp_path / f"{i}.tif", np.full((1, 30, 40), i + 1, np.float32)) for i in range(40)]
    grid = shifted(2.5, 2.5, (20, 20))
    for _ in range(2):
        assert [set(np.unique(whole(p, grid))) for p in paths] == [{i + 1} for i in range(40)]


def test_a_file_that_is_written_anew_is_read_anew(tmp_path):
    path = image(tmp_path / "a.tif", cells())
    whole(path, ALIGNED)
    path.unlink()
    image(path, cells() / 2)
    np.testing.assert_array_equal(whole(path, ALIGNED), cells() / 2)


def reflectances():
    """Return red and NIR with zero, negative and missing values."""
    rng = np.random.default_rng(11)
    pair = rng.uniform(0.005, 0.6, (2, 30, 40)).astype(np.float32)
    pair[0, 0], pair[1, 1], pair[:, 2], pair[0, 3], pair[1, 4] = 0, -0.01, 0, np.nan, np.nan
    return pair


def ndvi_of(red, nir):
    """Return NDVI in float64; NaN where either reflectance is not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where((red > 0) & (nir > 0), (nir - red) / (nir + red), np.nan)


@pytest.mark.parametrize("block", [7, 16, 64])
def test_ndvi_is_the_formula_in_float64_for_any_block(tmp_path, block):
    pair = reflectances()
    path = image(tmp_path / "a.tif", pair)
    ndvi = annual_ndvi(path, {"red": 1, "nir": 2}, 1.0, 0.0, ALIGNED, block)
    assert ndvi.shape == (1, 30, 40)
    assert ndvi.dtype == np.float32
    with dask.config.set(scheduler="threads", num_workers=4):
        found = ndvi.compute()
    np.testing.assert_allclose(found[0], ndvi_of(*pair.astype(np.float64)), rtol=0, atol=1e-6)
    np.testing.assert_array_equal(found, annual_ndvi(path, {"red": 1, "nir": 2}, 1.0, 0.0, ALIGNED).compute())


@pytest.mark.parametrize("name", ["half a cell off", "next UTM zone"])
def test_blocks_change_nothing_on_another_grid(tmp_path, name):
    grid, transform, crs = other_grids()[name]
    path = image(tmp_path / "a.tif", reflectances(), transform, crs, nodata=np.nan)
    found = [annual_ndvi(path, {"red": 1, "nir": 2}, 1.0, 0.0, grid, block).compute() for block in (7, 16, 64, 512)]
    assert np.isfinite(found[0]).any()
    for other in found[1:]:
        np.testing.assert_array_equal(found[0], other)


def test_integers_are_scaled_before_ndvi(tmp_path):
    stored = np.random.default_rng(4).integers(7273, 43636, (4, 30, 40)).astype(np.uint16)  # Landsat Collection 2
    stored[:, 0, 0] = 0
    stored[2, 0, 1] = 7000  # reflectance below 0
    path = image(tmp_path / "a.tif", stored, nodata=0)
    found = annual_ndvi(path, {"red": 3, "nir": 4}, 2.75e-5, -0.2, ALIGNED).compute()[0]
    reflectance = stored.astype(np.float64) * 2.75e-5 - 0.2
    np.testing.assert_allclose(found, ndvi_of(reflectance[2], reflectance[3]), atol=1e-6)
    assert np.isnan(found[0, :2]).all()


def test_extremes_of_uint16_do_not_wrap(tmp_path):
    stored = np.zeros((2, 1, 4), np.uint16)
    stored[0], stored[1] = [1, 65535, 65535, 65534], [65535, 1, 65535, 65535]
    path = image(tmp_path / "a.tif", stored)
    found = annual_ndvi(path, {"red": 1, "nir": 2}, 1e-4, 0.0, GeoBox((1, 4), IMAGE, UTM)).compute()[0, 0]
    np.testing.assert_allclose(found, [65534 / 65536, -65534 / 65536, 0, 1 / 131069], atol=1e-7)


def test_a_band_that_is_ndvi_is_scaled_and_bounded(tmp_path):
    stored = np.int16([[[-3000, -2000, 0, 8123, 10000, 10001, 32767]]])
    path = image(tmp_path / "a.tif", stored, nodata=-3000)
    found = annual_ndvi(path, {"ndvi": 1}, 1e-4, 0.0, GeoBox((1, 7), IMAGE, UTM)).compute()[0, 0]
    np.testing.assert_allclose(found, [np.nan, -0.2, 0, 0.8123, 1, np.nan, np.nan], atol=1e-7)
    shifted_by_one = annual_ndvi(path, {"ndvi": 1}, 1e-4, -1.0, GeoBox((1, 7), IMAGE, UTM)).compute()[0, 0]
    np.testing.assert_allclose(shifted_by_one, [np.nan, np.nan, -1, -0.1877, 0, 0.0001, np.nan], atol=1e-6)


@pytest.mark.parametrize("bands", [{"red": 1, "nir": 2}, {"ndvi": 1}])
def test_nothing_beyond_the_image_becomes_a_number(tmp_path, bands):
    path = image(tmp_path / "a.tif", cells(2))
    for grid in (shifted(200, 200, (10, 10)), shifted(200.5, 200.5, (10, 10))):
        assert np.isnan(annual_ndvi(path, bands, 1.0, 0.1, grid, 4).compute()).all()


@pytest.mark.parametrize("block", [7, 16, 64])
def test_a_year_without_images_is_nan_everywhere(block):
    ndvi = missing_year(ALIGNED, block)
    assert ndvi.shape == (1, 30, 40)
    assert ndvi.dtype == np.float32
    assert np.isnan(ndvi.compute()).all()
