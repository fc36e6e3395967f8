"""The writer: a file appears whole under its name or not at all; rasters are valid COGs whose bytes depend on values only."""

import os
import resource
import zlib

import dask
import dask.array as da
import numpy as np
import pytest
import rasterio
import rasterio.shutil
from affine import Affine
from odc.geo.geobox import GeoBox
from rio_cogeo.cogeo import cog_validate

from pipeline.classes import legend
from pipeline.errors import RunFault
from pipeline.writer import Band, RasterSpec, atomic, write_raster, write_text

SEVEN = {c.code: c.rgba for c in legend("seven")}
FLOAT = RasterSpec((Band("slope", "per year"), Band("p")), "float32", float("nan"), {"period": "2021-2024", "rule": "p <= 0.05; 显著"})
CLASSES = RasterSpec((Band("trend_class"),), "uint8", 0, {"scheme": "seven"}, SEVEN)
SIZES = [(30, 40), (512, 512), (700, 1300), (513, 3)]


def grid(shape):
    return GeoBox(shape, Affine(10, 0, 540_000, 0, -10, 4_210_300), "EPSG:32647")


def floats(shape, bands=2):
    """Return random values with a hole and a border of NaN."""
    values = np.random.default_rng(1).normal(0, 0.1, (bands, *shape)).astype(np.float32)
    values[:, : shape[0] // 3, : shape[1] // 2] = np.nan
    values[:, :, -1] = np.nan
    return values


def codes(shape):
    """Return random class codes, none beside another that averages to it, with a part outside."""
    values = np.random.default_rng(2).choice([2, 8, 97, 99], (1, *shape)).astype(np.uint8)
    values[:, : shape[0] // 4] = 0
    return values


def write(path, values, spec, chunks=(256, 256)):
    write_raster(path, da.from_array(values, chunks=(values.shape[0], *chunks)), grid(values.shape[1:]), spec)
    return path


@pytest.mark.parametrize("shape", SIZES)
@pytest.mark.parametrize(("make", "spec"), [(floats, FLOAT), (codes, CLASSES)], ids=["float", "classes"])
def test_rasters_are_valid_cogs_that_hold_what_was_computed(tmp_path, make, spec, shape):
    path = write(tmp_path / "a.tif", make(shape), spec)
    valid, errors, warnings = cog_validate(path, strict=True, quiet=True)
    assert (valid, errors, warnings) == (True, [], [])
    with rasterio.open(path) as dataset:
        np.testing.assert_array_equal(dataset.read(), make(shape))
        assert dataset.crs.to_epsg() == 32647
        assert dataset.transform == Affine(10, 0, 540_000, 0, -10, 4_210_300)
        assert dataset.profile["blockxsize"] == dataset.profile["blockysize"] == 512
        assert bool(dataset.overviews(1)) == (max(shape) > 512)
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_names_units_tags_and_nodata_are_kept(tmp_path):
    with rasterio.open(write(tmp_path / "a.tif", floats((40, 50)), FLOAT)) as dataset:
        assert dataset.descriptions == ("slope", "p")
        assert dataset.units[0] == "per year"
        assert not dataset.units[1]
        assert FLOAT.tags.items() <= dataset.tags().items()
        assert set(dataset.tags()) <= {*FLOAT.tags, "AREA_OR_POINT", "OVR_RESAMPLING_ALG"}  # no time, no path
        assert dataset.dtypes == ("float32", "float32")
        assert np.isnan(dataset.nodata)


def test_the_colour_table_is_kept_and_outside_is_transparent(tmp_path):
    with rasterio.open(write(tmp_path / "a.tif", codes((40, 50)), CLASSES)) as dataset:
        kept = dataset.colormap(1)
        assert dataset.nodata == 0
        assert dataset.colorinterp[0].name == "palette"
        assert dataset.descriptions == ("trend_class",)
    assert {c: kept[c][:3] for c in SEVEN if c} == {c: rgba[:3] for c, rgba in SEVEN.items() if c}
    assert kept[0][3] == 0


def test_overviews_of_classes_hold_only_codes_that_exist(tmp_path):
    values = codes((700, 1300))
    path = write(tmp_path / "a.tif", values, CLASSES)
    with rasterio.open(path) as dataset:
        levels = len(dataset.overviews(1))
    assert levels >= 1
    for level in range(levels):
        with rasterio.open(path, overview_level=level) as overview:
            assert overview.shape < values.shape[1:]
            assert set(np.unique(overview.read(1))) <= set(np.unique(values))


def test_overviews_of_floats_are_averages_of_what_is_valid(tmp_path):
    values = floats((1024, 1024), bands=1)
    spec = RasterSpec((Band("fvc", "1"),), "float32", float("nan"))
    with rasterio.open(write(tmp_path / "a.tif", values, spec), overview_level=0) as overview:
        half = overview.read(1)
    np.testing.assert_allclose(half[400, :-1], values[0, 800:802].reshape(2, 512, 2).mean((0, 2))[:-1], atol=1e-6)
    np.testing.assert_allclose(half[400, -1], values[0, 800:802, 1022].mean(), atol=1e-6)
    assert np.isnan(half[:100, :200]).all()


@pytest.mark.parametrize(("make", "spec"), [(floats, FLOAT), (codes, CLASSES)], ids=["float", "classes"])
def test_bytes_depend_neither_on_chunks_nor_on_threads(tmp_path, make, spec):
    found = set()
    for i, (chunks, threads) in enumerate([((512, 512), 1), ((100, 333), 4), ((700, 1300), 1), ((64, 1300), 3), ((511, 7), 2)]):
        with dask.config.set(scheduler="threads", num_workers=threads):
            found.add(write(tmp_path / f"{i}.tif", make((700, 1300)), spec, chunks).read_bytes())
    assert len(found) == 1


@pytest.mark.parametrize("value", [np.nan, 0.0, -0.0, 1e-45, 3e38, np.inf], ids=str)
def test_uniform_rasters_come_back_bit_for_bit(tmp_path, value):
    values = np.full((2, 600, 600), value, np.float32)
    with rasterio.open(write(tmp_path / "a.tif", values, FLOAT)) as dataset:
        np.testing.assert_array_equal(dataset.read().view(np.uint32), values.view(np.uint32))


def test_nan_of_any_sign_is_missing(tmp_path):
    with np.errstate(invalid="ignore"):
        values = np.zeros((2, 600, 600), np.float32) / np.float32(0)  # on most processors the sign bit of this NaN is set
    with rasterio.open(write(tmp_path / "a.tif", values, FLOAT)) as dataset:
        assert np.isnan(dataset.read()).all()


@pytest.mark.parametrize(("bands", "shape"), [(1, (30, 40)), (3, (30, 40)), (2, (40, 30))])
def test_data_that_do_not_fit_the_grid_or_the_bands_are_a_fault(tmp_path, bands, shape):
    with pytest.raises(RunFault, match=r"a\.tif: data .* do not fit the grid"):
        write_raster(tmp_path / "a.tif", da.zeros((bands, *shape), dtype="float32"), grid((30, 40)), FLOAT)
    assert list(tmp_path.iterdir()) == []


def test_an_exception_in_a_block_leaves_no_file(tmp_path):
    def fail(block):
        raise ZeroDivisionError("in a block")

    data = da.from_array(floats((600, 600)), chunks=(2, 300, 300)).map_blocks(fail, dtype=np.float32, meta=np.empty((0, 0, 0), np.float32))
    with pytest.raises(ZeroDivisionError):
        write_raster(tmp_path / "a.tif", data, grid((600, 600)), FLOAT)
    assert list(tmp_path.iterdir()) == []


def test_a_failed_write_leaves_the_former_file_as_it_was(tmp_path):
    before = write(tmp_path / "a.tif", floats((40, 50)), FLOAT).read_bytes()
    with pytest.raises(RunFault):
        write_raster(tmp_path / "a.tif", da.zeros((1, 3, 3)), grid((30, 40)), FLOAT)
    with pytest.raises(OSError, match="full"), atomic(tmp_path / "a.tif") as part:
        part.write_bytes(b"half")
        raise OSError("disk full")
    assert (tmp_path / "a.tif").read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


@pytest.mark.parametrize("where", [(0, 0, 0), (1, 699, 1299)])
def test_a_copy_that_lost_one_value_is_a_fault_and_no_file(tmp_path, monkeypatch, where):
    copy = rasterio.shutil.copy

    def lossy(source, target, **options):
        with rasterio.open(source, "r+") as dataset:
            values = dataset.read()
            values[where] += 0.5
            dataset.write(values)
        copy(source, target, **options)

    monkeypatch.setattr(rasterio.shutil, "copy", lossy)
    with pytest.raises(RunFault, match=r"1 of 18 blocks read back differently; is the disk full"):
        write(tmp_path / "a.tif", np.ones((2, 700, 1300), np.float32), FLOAT)
    assert list(tmp_path.iterdir()) == []


def test_a_truncated_copy_is_a_fault_and_no_file(tmp_path, monkeypatch):
    copy = rasterio.shutil.copy

    def short(source, target, **options):
        copy(source, target, **options)
        os.truncate(target, os.path.getsize(target) * 2 // 3)  # noqa: PTH202

    monkeypatch.setattr(rasterio.shutil, "copy", short)
    with pytest.raises(RunFault, match=r"a\.tif"):
        write(tmp_path / "a.tif", floats((700, 1300)), FLOAT)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("limit", [0, 5_000, 2_000_000, 12_000_000])
def test_a_full_disk_is_a_fault_and_no_file(tmp_path, limit):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    values = floats((700, 1300))  # 12.6 MB in whole tiles
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))  # a write beyond the limit fails as on a full disk
    try:
        with pytest.raises(RunFault, match="could not be written|read back differently"):
            write(tmp_path / "a.tif", values, FLOAT)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_every_block_is_compared(tmp_path, monkeypatch):
    crc, calls = zlib.crc32, []

    def counted(data):
        calls.append(len(data))
        return crc(data)

    monkeypatch.setattr(zlib, "crc32", counted)
    write(tmp_path / "a.tif", floats((700, 1300)), FLOAT, (350, 650))
    assert calls == [2 * 350 * 650 * 4] * 8  # four blocks, before and after
    numbers = iter(range(99))
    monkeypatch.setattr(zlib, "crc32", lambda data: next(numbers))
    with pytest.raises(RunFault, match="4 of 4 blocks read back differently"):
        write(tmp_path / "b.tif", floats((700, 1300)), FLOAT, (350, 650))
    assert [p.name for p in tmp_path.iterdir()] == ["a.tif"]


def test_atomic_shows_the_file_only_at_the_end(tmp_path):
    path = tmp_path / "new" / "folder" / "a.txt"
    with atomic(path) as part:
        part.write_text("x")
        assert part.parent == path.parent
        assert part.suffix == path.suffix
        assert part.name.startswith(".")
        assert not path.exists()
    assert path.read_text() == "x"
    assert [p.name for p in path.parent.iterdir()] == ["a.txt"]


def test_what_a_killed_run_left_for_this_name_is_removed_and_nothing_else(tmp_path):
    stale = [".a.tif.123.part.tif", ".a.tif.123.part.tif.tiles.tif", ".a.tif.9.part.tif.ovr.tmp"]
    kept = [".b.tif.123.part.tif", "a.tif.aux.xml", ".lock", "a.qml", ".aa.tif.1.part.tif"]
    for name in stale + kept:
        (tmp_path / name).write_text("left")
    write(tmp_path / "a.tif", codes((30, 40)), CLASSES)
    assert {p.name for p in tmp_path.iterdir()} == {"a.tif", *kept}


@pytest.mark.parametrize("text", ["", "a\n", "江仓 ⛏\n", "line\u2028separator", "one\rreturn", "two\r\nlines"])
def test_text_is_written_as_it_is(tmp_path, text):
    write_text(tmp_path / "a.txt", text)
    assert (tmp_path / "a.txt").read_bytes() == text.encode()


def test_text_that_reads_back_differently_is_a_fault(tmp_path, monkeypatch):
    path = type(tmp_path)
    whole = path.write_bytes
    monkeypatch.setattr(path, "write_bytes", lambda self, content: whole(self, content[:-1]))
    with pytest.raises(RunFault, match=r"a\.txt: what was written reads back differently"):
        write_text(tmp_path / "a.txt", "abc")
    assert list(tmp_path.iterdir()) == []
