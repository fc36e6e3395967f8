"""The reader: only GeoTIFFs are opened, nothing leads elsewhere, and threads read what one handle reads."""

import contextlib

import dask
import numpy as np
import pytest
import rasterio
from affine import Affine

from pipeline import reader
from pipeline.errors import BadInput
from pipeline.grid import native_grid
from pipeline.reader import kept_open, open_bands, open_raster, open_stack, read_window


def geotiff(path, values, west=540_000, **options):
    """Write bands `(band, y, x)` as a GeoTIFF with cells of 10 m."""
    count, height, width = values.shape
    profile = {"driver": "GTiff", "count": count, "height": height, "width": width, "dtype": values.dtype, "crs": "EPSG:32647"}
    with rasterio.open(path, "w", transform=Affine(10, 0, west, 0, -10, 4_210_300), **(profile | options)) as dataset:
        dataset.write(values)
    return path


def vrt(path, source):
    """Write a virtual raster of 40 x 30 cells that shows another file."""
    shows = f"<SimpleSource><SourceFilename>{source}</SourceFilename><SourceBand>1</SourceBand></SimpleSource>"
    where = "<SRS>EPSG:32647</SRS><GeoTransform>540000,10,0,4210300,0,-10</GeoTransform>"
    masks = '<Metadata><MDI key="INTERNAL_MASK_FLAGS_1">2</MDI></Metadata>'
    path.write_text(f'<VRTDataset rasterXSize="40" rasterYSize="30">{where}{masks}<VRTRasterBand dataType="Byte" band="1">{shows}</VRTRasterBand></VRTDataset>')
    return path


@pytest.fixture
def secret(tmp_path):
    """A raster that nobody named as input."""
    (tmp_path / "elsewhere").mkdir()
    return geotiff(tmp_path / "elsewhere" / "secret.tif", np.full((1, 30, 40), 42, np.uint8))


def refused(path, *parts):
    with pytest.raises(BadInput) as caught:
        open_raster(path)
    assert all(part in str(caught.value) for part in (path.name, *parts))
    assert caught.value.exit_code == 2


def test_a_virtual_raster_under_the_name_of_a_geotiff_is_refused(tmp_path, secret):
    with rasterio.open(vrt(tmp_path / "a.vrt", secret)) as dataset:
        assert dataset.read(1).max() == 42  # it would work
    (tmp_path / "a.vrt").rename(tmp_path / "2020.tif")
    refused(tmp_path / "2020.tif", "a GeoTIFF", "convert or download it again")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"<!doctype html><html><body>404 Not Found</body></html>",
        b'<GDAL_WMS><Service name="TMS"><ServerUrl>http://127.0.0.1:1/</ServerUrl></Service></GDAL_WMS>',
        b"II*\0",
        b"\x89PNG\r\n\x1a\n",
        b"PK\x03\x04 a zip",
        b"ncols 2\nnrows 1\nxllcorner 0\nyllcorner 0\ncellsize 1\n1 2\n",
    ],
    ids=["empty", "html", "wms", "header only", "png", "zip", "ascii grid"],
)
def test_what_is_no_geotiff_is_refused_with_its_size(tmp_path, content):
    path = tmp_path / "2020.tif"
    path.write_bytes(content)
    refused(path, f"{len(content)} bytes that are not a readable GeoTIFF")


def test_complex_integers_are_refused_and_closed(tmp_path, monkeypatch):
    path = geotiff(tmp_path / "2020.tif", np.ones((1, 3, 4), np.complex64), dtype="complex_int16")
    opened = []
    real = rasterio.open
    monkeypatch.setattr(rasterio, "open", lambda *args, **options: opened.append(real(*args, **options)) or opened[-1])
    refused(path, "complex_int16", "integers or floating-point numbers", "export real values")
    assert [dataset.closed for dataset in opened] == [True]


def test_what_is_no_file_is_refused(tmp_path):
    refused(tmp_path / "absent.tif", "no such file")
    (tmp_path / "folder.tif").mkdir()
    refused(tmp_path / "folder.tif", "no such file")


@pytest.mark.parametrize("value", ["YES", "TRUSTED_MODULES", "1"])
def test_python_in_virtual_rasters_is_refused_before_any_file(tmp_path, monkeypatch, value):
    path = geotiff(tmp_path / "a.tif", np.zeros((1, 30, 40), np.uint8))
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", value)
    with pytest.raises(BadInput, match=rf"GDAL_VRT_ENABLE_PYTHON\n  found:    {value}"):
        open_raster(path)


@pytest.mark.parametrize("name", ["2020.tif.msk", "2020.tif.ovr", "2020.tif.OVR", "far.vrt"])
def test_a_virtual_raster_beside_a_geotiff_shows_no_other_file(tmp_path, secret, name):
    path = geotiff(tmp_path / "2020.tif", np.ones((1, 30, 40), np.uint8))
    vrt(tmp_path / name, secret)
    if name == "far.vrt":  # side files may name any file as overviews
        side = f'<PAMDataset><Metadata domain="OVERVIEWS"><MDI key="OVERVIEW_FILE">{tmp_path / name}</MDI></Metadata></PAMDataset>'
        (tmp_path / "2020.tif.aux.xml").write_text(side)
    with contextlib.suppress(BadInput), open_raster(path) as dataset:  # refused, or read without it
        assert 42 not in dataset.read_masks(1)
        assert 42 not in dataset.read(1, out_shape=(15, 20))
        assert str(secret) not in dataset.files


def test_blocks_of_more_than_a_gibibyte_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MAX_BLOCK_BYTES", 30 * 40 * 4 - 1)
    refused(geotiff(tmp_path / "a.tif", np.zeros((1, 30, 40), np.float32), blockysize=30), "blocks of 30 x 40", "tiles of 512 x 512")
    monkeypatch.undo()
    sparse = {"count": 1, "height": 40_000, "width": 40_000, "dtype": "uint8", "tiled": True, "blockxsize": 40_000, "blockysize": 40_000, "sparse_ok": True}
    with rasterio.open(tmp_path / "bomb.tif", "w", driver="GTiff", crs="EPSG:32647", transform=Affine.scale(10, -10), **sparse):
        pass
    refused(tmp_path / "bomb.tif", "blocks of 40000 x 40000")


def test_a_window_is_a_slice_of_the_band(tmp_path):
    values = np.arange(2 * 30 * 40, dtype=np.float32).reshape(2, 30, 40)
    values[1, 3, 4] = np.nan
    path = geotiff(tmp_path / "a.tif", values, nodata=np.nan)
    np.testing.assert_array_equal(read_window(path, slice(2, 9), slice(3, 40)), values[0, 2:9, 3:40])
    np.testing.assert_array_equal(read_window(path, slice(0, 30), slice(4, 5), band=2), values[1, :, 4:5])


def yearly(folder, years=(2020, 2021, 2024)):
    """Write one raster per year; its values are year + position."""
    cells = np.arange(30 * 40, dtype=np.float32).reshape(1, 30, 40) / 4096
    return {y: geotiff(folder / f"{y}.tif", cells + y, nodata=np.nan) for y in years}


@pytest.mark.parametrize("block", [7, 16, 512])
def test_a_stack_holds_the_years_on_time_in_order(tmp_path, block):
    paths = yearly(tmp_path)
    stack = open_stack(paths, block)
    assert stack.dims == ("time", "y", "x")
    assert stack["time"].values.tolist() == [2020, 2021, 2024]
    assert stack.chunks[0] == (3,)
    assert max(stack.chunks[1]) <= block
    assert max(stack.chunks[2]) <= block
    for year, path in paths.items():
        with rasterio.open(path) as dataset:
            np.testing.assert_array_equal(stack.sel(time=year), dataset.read(1))


def test_a_stack_of_different_grids_is_an_error(tmp_path):
    paths = yearly(tmp_path, (2020, 2021))
    geotiff(paths[2021], np.zeros((1, 30, 40), np.float32), west=540_010)
    with pytest.raises(BadInput, match="2021.tif: grid"):
        open_stack(paths)


def test_bands_come_in_one_chunk(tmp_path):
    values = np.random.default_rng(0).random((5, 30, 40)).astype(np.float32)
    bands = open_bands(geotiff(tmp_path / "a.tif", values), block=16)
    assert bands.chunks == ((5,), (16, 14), (16, 16, 8))
    np.testing.assert_array_equal(bands.compute(), values)


def test_threads_read_what_one_thread_reads(tmp_path):
    paths = yearly(tmp_path)
    stack = open_stack(paths, 8)
    one = stack.compute(scheduler="synchronous")
    for _ in range(5):
        with dask.config.set(scheduler="threads", num_workers=8):
            np.testing.assert_array_equal(stack.compute(), one)


def grid_of(path):
    with open_raster(path) as dataset:
        return native_grid(dataset)


def test_rasters_kept_open_give_the_same_windows_and_are_opened_once_and_closed_at_the_end(tmp_path, monkeypatch):
    values = np.arange(2 * 40 * 50, dtype=np.float32).reshape(2, 40, 50)
    path = geotiff(tmp_path / "a.tif", values)
    opened = []
    usual = reader.open_raster
    monkeypatch.setattr(reader, "open_raster", lambda p: opened.append(usual(p)) or opened[-1])
    with kept_open(grid_of(path)):
        for rows, cols, band in ((slice(0, 9), slice(3, 40), 1), (slice(5, 40), slice(0, 50), 2), (slice(0, 9), slice(3, 40), 1)):
            np.testing.assert_array_equal(read_window(path, rows, cols, band), values[band - 1, rows, cols])
        assert len(opened) == 1
        assert not opened[0].closed
    assert opened[0].closed
    np.testing.assert_array_equal(read_window(path, slice(0, 2), slice(0, 2)), values[0, :2, :2])
    assert len(opened) == 2


def test_more_rasters_than_may_be_kept_open_are_read_all_the_same(tmp_path, monkeypatch):
    monkeypatch.setattr(reader, "MOST_KEPT", 1)
    paths = [geotiff(tmp_path / f"{i}.tif", np.full((1, 8, 8), i, np.float32)) for i in range(3)]
    with kept_open(grid_of(paths[0])):
        for _ in range(2):
            assert [read_window(p, slice(0, 8), slice(0, 8)).mean() for p in paths] == [0, 1, 2]


@pytest.mark.parametrize("change", [{"west": 540_010}, {"cut": 1}])
def test_a_raster_on_another_grid_is_refused_among_those_kept_open_and_in_a_stack(tmp_path, change):
    first = geotiff(tmp_path / "a.tif", np.zeros((1, 30, 40), np.float32))
    other = geotiff(tmp_path / "b.tif", np.zeros((1, 30 - change.pop("cut", 0), 40), np.float32), **change)
    with kept_open(grid_of(first)):
        read_window(first, slice(0, 5), slice(0, 5))
        with pytest.raises(BadInput, match=r"b\.tif: grid\n  found: .*\n  expected: 30 x 40 cells from 540000, 4.2103e\+06"):
            read_window(other, slice(0, 5), slice(0, 5))
    with pytest.raises(BadInput, match=r"b\.tif: grid"):
        open_stack({2020: first, 2021: other})


def test_a_band_that_is_not_there_is_one_clear_error(tmp_path):
    path = geotiff(tmp_path / "a.tif", np.zeros((1, 30, 40), np.float32))
    with pytest.raises(BadInput, match=r"bands\n  found: +1\n  expected: at least 2"):
        read_window(path, slice(0, 5), slice(0, 5), 2)
