"""HDF4-EOS grids read as GDAL would read them, by many threads, and refused where they are something else."""

import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import rasterio
from downloads import write_hdf
from rasterio.enums import Resampling
from rasterio.errors import RasterioIOError
from rasterio.windows import Window
from running import SHARED

from pipeline import hdf4proof, listing
from pipeline.errors import BadInput, RunFault
from pipeline.grid import native_grid
from pipeline.hdf4 import Hdf4Error, Hdf4Grid, attribute, layers
from pipeline.images import read_image, state_of
from pipeline.reader import open_raster

CELL = 231.65635826385412
REAL = SHARED / "modis_mod13a2_vi_quality_2016145"
PAIRS = [("1 km 16 days NDVI", "NDVI"), ("1 km 16 days VI Quality", "VI_Quality"), ("1 km 16 days pixel reliability", "pixel_reliability")]
real = pytest.mark.usefixtures("shared")
VALUES = {
    "a": np.arange(600, dtype="int16").reshape(20, 30) - 300,
    "b": np.arange(600, dtype="uint16").reshape(20, 30) * 100,
    "c": (np.arange(600) % 128 - 3).astype("int8").reshape(20, 30),
    "d": np.arange(600, dtype="uint32").reshape(20, 30) * 5_000_000,
    "e": (np.arange(600) % 256).astype("uint8").reshape(20, 30),
}


@pytest.fixture
def made(tmp_path):
    return write_hdf(tmp_path / "x.hdf", VALUES, 8_000_000.0, 4_200_000.0, CELL, fill={"a": -3000, "b": 65535, "c": -1}, factor={"a": 10000.0, "b": 0.0001})


@real
@pytest.mark.parametrize(("name", "clip"), PAIRS)
def test_real_file_equals_the_geotiffs_beside_it(name, clip):
    (path,) = REAL.glob("*.hdf")
    grid = Hdf4Grid(path, name)
    with rasterio.open(next(REAL.glob(f"*_clip_{clip}.tif"))) as tif:
        whole = tif.read(1)
        assert np.array_equal(grid.read(1), whole)
        assert (grid.shape, grid.width, grid.height, grid.count) == (tif.shape, tif.width, tif.height, tif.count)
        assert (grid.dtypes, grid.nodata, grid.transform, grid.crs) == (tif.dtypes, tif.nodata, tif.transform, tif.crs)
        assert native_grid(grid) == native_grid(tif)
        for window in (Window(0, 0, 1, 1), Window(30, 40, 50, 60), Window(218, 184, 1, 1)):
            assert np.array_equal(grid.read(1, window=window), tif.read(1, window=window))
            ours, theirs = grid.read(1, window=window, masked=True), tif.read(1, window=window, masked=True)
            assert np.array_equal(np.ma.getmaskarray(ours), np.ma.getmaskarray(theirs))
            assert np.array_equal(ours.filled(7), theirs.filled(7))
        for shape in ((10, 11), (93, 110), (185, 219)):
            wanted = tif.read(1, out_shape=shape, resampling=Resampling.nearest)
            assert np.array_equal(grid.read(1, out_shape=shape, resampling=Resampling.nearest), wanted)
        assert whole.std() > 0


@pytest.mark.parametrize("name", VALUES)
def test_every_type_comes_back(made, name):
    grid = Hdf4Grid(made, name)
    assert grid.dtypes == (str(VALUES[name].dtype),)
    assert np.array_equal(grid.read(1), VALUES[name])
    assert grid.read([1]).shape == grid.read((1,)).shape == (1, 20, 30)
    buffer = np.empty((3, 4), VALUES[name].dtype)
    assert grid.read(1, window=Window(5, 6, 4, 3), out=buffer) is buffer
    assert np.array_equal(buffer, VALUES[name][6:9, 5:9])


def test_grid_and_attributes(made):
    grid = Hdf4Grid(made, "a")
    assert grid.transform * (0, 0) == (8_000_000.0, 4_200_000.0)
    assert (grid.transform.a, grid.transform.e) == (pytest.approx(CELL, abs=1e-6), pytest.approx(-CELL, abs=1e-6))
    assert "Sinusoidal" in grid.crs.to_wkt()
    assert "6371007.181" in grid.crs.to_wkt()
    assert [Hdf4Grid(made, n).nodata for n in "abcde"] == [-3000.0, 65535.0, -1.0, None, None]
    assert layers(made) == {"a": 0.0001, "b": 0.0001, "c": None, "d": None, "e": None}
    assert attribute(made, "StructMetadata").startswith("GROUP=SwathStructure")
    assert attribute(made, "CoreMetadata") == ""


def test_metadata_in_several_parts(tmp_path):
    from pyhdf.SD import SD, SDC

    path = write_hdf(tmp_path / "x.hdf", {"a": VALUES["a"]}, 0.0, 0.0, CELL)
    whole = attribute(path, "StructMetadata")
    file = SD(str(path), SDC.WRITE)
    file.attr("StructMetadata.0").set(SDC.CHAR8, whole[:300])
    file.attr("StructMetadata.1").set(SDC.CHAR8, whole[300:])
    file.end()
    assert attribute(path, "StructMetadata") == whole
    assert np.array_equal(Hdf4Grid(path, "a").read(1), VALUES["a"])


def test_one_file_many_threads(made):
    def one(i):
        name = "abcde"[i % 5]
        row, col = i % 15, i % 20
        what = f"item x: asset {name}"
        found = read_image(str(made), what, lambda d: d.read(1, window=Window(col, row, 7, 5)), inside=name)
        return np.array_equal(found, VALUES[name][row : row + 5, col : col + 7])

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(one, range(400)))


def test_more_files_than_the_library_keeps_open(tmp_path):
    paths = [write_hdf(tmp_path / f"{i}.hdf", {"a": VALUES["a"] + i}, 0.0, 0.0, CELL) for i in range(80)]
    grids = [open_raster(p, "a") for p in paths]
    assert [int(g.read(1)[0, 0]) for g in grids] == [i - 300 for i in range(80)]


def test_path_in_any_script(tmp_path):
    path = write_hdf(tmp_path / "矿区 é" / "x y.hdf", {"a": VALUES["a"]}, 0.0, 0.0, CELL)
    assert np.array_equal(open_raster(path, "a").read(1), VALUES["a"])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"projection": "GCTP_GEO"}, "sinusoidal"),
        ({"struct": "GROUP=GridStructure\nEND\n"}, "no grid for a"),
        ({"struct": "x" * 30_000}, "no grid for a"),
        ({"struct": 'GROUP=GRID_1\n\t\tXDim=5\n\t\tYDim=20\n\t\tDataFieldName="a"\nEND_GROUP=GRID_1\n'}, "in StructMetadata"),
        ({"struct": 'GROUP=GRID_1\n\t\tXDim=1e999\n\t\tYDim=20\n\t\tDataFieldName="a"\nEND_GROUP=GRID_1\n'}, "no XDim"),
        ({"struct": 'GROUP=GRID_1\n\t\tDataFieldName="a"\nEND_GROUP=GRID_1\n'}, "no YDim"),
    ],
)
def test_other_grids_are_refused(tmp_path, change, words):
    path = write_hdf(tmp_path / "x.hdf", {"a": VALUES["a"]}, 0.0, 0.0, CELL, **change)
    with pytest.raises(Hdf4Error, match=words):
        Hdf4Grid(path, "a")
    with pytest.raises(BadInput, match=words):
        open_raster(path, "a")


@pytest.mark.parametrize("change", [("HDFE_GD_UL", "HDFE_GD_LR"), ("6371007.181000", "6378137.000000"), ("UpperLeftPointMtrs=(", "UpperLeftPointMtrs=(9,")])
def test_grids_that_would_lie_elsewhere_are_refused(tmp_path, change):
    path = write_hdf(tmp_path / "x.hdf", {"a": VALUES["a"]}, 0.0, 0.0, CELL)
    struct = attribute(path, "StructMetadata").replace(*change)
    with pytest.raises(Hdf4Error):
        Hdf4Grid(write_hdf(tmp_path / "y.hdf", {"a": VALUES["a"]}, 0.0, 0.0, CELL, struct=struct), "a")


def test_no_such_data_set_and_no_hdf4(tmp_path, made):
    with pytest.raises(BadInput, match="no data set z"):
        open_raster(made, "z")
    (tmp_path / "h5.hdf").write_bytes(b"\x89HDF\r\n\x1a\n" + b"\0" * 50)
    (tmp_path / "no.hdf").write_bytes(b"\x0e\x03\x13\x01" + b"\0" * 50)
    with pytest.raises(BadInput, match="HDF4"):
        open_raster(tmp_path / "no.hdf", "a")
    with pytest.raises(BadInput, match="HDF4"):
        open_raster(tmp_path / "h5.hdf", "a")
    with pytest.raises(Hdf4Error):
        layers(tmp_path / "no.hdf")


def test_without_a_data_set_an_hdf_is_no_raster(made):
    with pytest.raises(BadInput, match="not a readable GeoTIFF"):
        open_raster(made)


def test_windows_outside_of_the_grid_are_refused(made):
    for window in (Window(-1, 0, 5, 5), Window(0, 16, 5, 5), Window(29, 0, 2, 1), Window(0, 0, 0, 1)):
        with pytest.raises(RasterioIOError, match="outside"):
            Hdf4Grid(made, "a").read(1, window=window)


def test_file_that_goes_away_is_a_fault_that_names_it(tmp_path, made, monkeypatch):
    from pipeline import images

    monkeypatch.setattr(images.time, "sleep", lambda s: None)

    def read(dataset):
        Path(made).write_bytes(b"gone")
        return dataset.read(1)

    with pytest.raises((RunFault, BadInput), match="x.hdf"):
        read_image(str(made), "item M: asset NDVI", read, inside="a")


def test_state_tells_grids_apart(made, tmp_path):
    same = write_hdf(tmp_path / "y.hdf", VALUES, 8_000_000.0, 4_200_000.0, CELL, fill={"a": -3000, "b": 65535, "c": -1}, factor={"a": 10000.0, "b": 0.0001})
    moved = write_hdf(tmp_path / "z.hdf", VALUES, 8_000_000.0 + CELL, 4_200_000.0, CELL)
    first = state_of(Hdf4Grid(made, "a"), str(made))
    assert state_of(Hdf4Grid(same, "a"), str(same)) == first
    assert state_of(Hdf4Grid(moved, "a"), str(moved)) != first
    assert state_of(Hdf4Grid(made, "b"), str(made)) != first


# --- files on which the HDF4 library crashes or hangs: small ones of which random bytes were changed until it did -------

DAMAGED = Path(__file__).parent / "damaged"


@pytest.fixture
def short(monkeypatch, tmp_path):
    """Wait for a few seconds only; keep the proofs in an empty folder."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(hdf4proof, "SECONDS_OF_METADATA", 4)


@pytest.mark.usefixtures("short")
@pytest.mark.parametrize(("name", "words"), [("abort", "it crashes"), ("crash", "it crashes"), ("endless", "no answer within 4 s")])
def test_file_that_kills_or_holds_the_library_is_an_error(made, name, words):
    path = DAMAGED / f"{name}.hdf"
    for read in (layers, lambda p: attribute(p, "CoreMetadata"), lambda p: Hdf4Grid(p, "250m 16 days NDVI")):
        with pytest.raises(Hdf4Error, match=f"the HDF library fails on it.*{words}"):
            read(path)
    with pytest.raises(BadInput, match=f"{name}.hdf"):
        open_raster(path, "250m 16 days NDVI")
    assert np.array_equal(Hdf4Grid(made, "a").read(1), VALUES["a"])


@pytest.mark.usefixtures("short")
def test_folder_with_such_files_gives_the_others(tmp_path):
    folder = tmp_path / "d"
    name = "250m 16 days NDVI"
    write_hdf(folder / "MOD13Q1.A2021353.h26v05.061.2022004231519.hdf", {name: VALUES["a"]}, 8_000_000.0, 4_200_000.0, CELL)
    for day, kind in enumerate(("abort", "crash", "endless"), 1):
        (folder / f"MOD13Q1.A20200{day:02d}.h25v05.061.2021123456789.hdf").write_bytes((DAMAGED / f"{kind}.hdf").read_bytes())
    found = listing.listed(folder, "modis")
    assert [i.id[:16] for i in found.items] == ["MOD13Q1.A2021353"]
    assert [r for _, r in found.refused if "damaged (the HDF library fails on it" in r] == [r for _, r in found.refused]
    assert len(found.refused) == 3


@pytest.mark.usefixtures("short")
def test_file_that_is_damaged_while_it_is_read_is_a_fault_that_names_it(made):
    what = "item M: asset NDVI"

    def read(dataset):
        Path(made).write_bytes((DAMAGED / "crash.hdf").read_bytes())
        return dataset.read(1)

    with pytest.raises((RunFault, BadInput), match="x.hdf"):
        read_image(str(made), what, read, inside="a")


@pytest.mark.usefixtures("short")
def test_values_that_cannot_be_unpacked_are_found_before_they_are_needed(tmp_path):
    """A packed layer whose last rows were overwritten: its metadata are whole."""
    from pyhdf.SD import SD, SDC

    path = write_hdf(tmp_path / "x.hdf", VALUES, 0.0, 0.0, CELL)
    file = SD(str(path), SDC.WRITE)
    data = file.create("packed", SDC.INT16, (20, 30))
    data.setcompress(SDC.COMP_DEFLATE, 9)
    noise = np.random.default_rng(1).integers(-9999, 9999, (20, 30)).astype("int16")
    data[:] = noise
    data.endaccess()
    file.end()
    assert hdf4proof.fault(path, "packed") == ""
    content, packed = bytearray(path.read_bytes()), zlib.compress(noise.astype(">i2").tobytes(), 9)
    at = bytes(content).index(packed[:32])
    content[at + 200 : at + 900] = b"\xff" * 700
    path.write_bytes(content)
    assert "damaged" in hdf4proof.fault(path, "packed")
    assert hdf4proof.fault(path) == hdf4proof.fault(path, "a") == ""


@pytest.mark.usefixtures("short")
def test_one_process_proves_all_files_and_the_proof_is_kept(tmp_path, monkeypatch):
    paths = [write_hdf(tmp_path / f"{i}.hdf", VALUES, 0.0, 0.0, CELL) for i in range(3)]
    hdf4proof.close()
    started, original = [], hdf4proof._started
    monkeypatch.setattr(hdf4proof, "_started", lambda: started.append(1) or original())
    for path in paths:
        for name in "abc":
            assert Hdf4Grid(path, name).read(1).shape == (20, 30)
    assert len(started) == 1
    hdf4proof.close()
    monkeypatch.setattr(hdf4proof, "_known", {})  # as in the next stage
    assert np.array_equal(Hdf4Grid(paths[0], "a").read(1), VALUES["a"])
    assert len(started) == 1
    write_hdf(paths[0], {"a": VALUES["a"] + 1}, 0.0, 0.0, CELL)
    assert Hdf4Grid(paths[0], "a").read(1)[0, 0] == -299
    assert len(started) == 2


@pytest.mark.usefixtures("short")
def test_process_that_cannot_be_started_says_nothing_of_the_file(made, monkeypatch):
    hdf4proof.close()
    with monkeypatch.context() as patch:
        patch.setattr(hdf4proof.sys, "executable", "/no/python")
        with pytest.raises(RunFault, match="no process can be started"):
            layers(made)
        made.rename(made.with_name("MOD13Q1.A2021353.h26v05.061.2022004231519.hdf"))
        with pytest.raises(RunFault, match="no process can be started"):  # and no row, which would be kept
            listing.listed(made.parent, "modis")
    made = made.with_name("MOD13Q1.A2021353.h26v05.061.2022004231519.hdf")
    assert set(layers(made)) == set(VALUES)


@pytest.mark.usefixtures("short")
def test_relative_path_after_the_working_folder_has_changed(tmp_path, monkeypatch):
    for name in ("one", "two"):
        write_hdf(tmp_path / name / "x.hdf", VALUES, 0.0, 0.0, CELL)
        monkeypatch.chdir(tmp_path / name)
        assert set(layers("x.hdf")) == set(VALUES)
