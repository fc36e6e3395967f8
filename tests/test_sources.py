"""Prepared composites: which file for which year, what is refused before any work, and what the ledger accounts for."""

import csv
import json
from collections import Counter

import numpy as np
import pytest
import rasterio
from affine import Affine

from pipeline import config as configs
from pipeline import plan
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.errors import BadInput
from pipeline.sources import inspect, source


@pytest.fixture
def refused(small_mine, capsys):
    """Return a function that runs preflight, `check` and the stage on the mine, and returns the error they agree on."""

    def call():
        small_mine.write_config()
        before = set(small_mine.folder.rglob("*"))
        with pytest.raises(BadInput) as caught:
            plan.make([str(small_mine.config)], {"results": str(small_mine.results)})
        error = caught.value
        capsys.readouterr()
        for command in (["check"], ["scenes", "--sensor", "sentinel-2"]):
            assert main([command[0], str(small_mine.config), *command[1:], "--results", str(small_mine.results)]) == 2
            assert capsys.readouterr().err == f"minegreen: {error}\n"
        assert all([error.where, error.field, error.found, error.expected, error.fix])
        assert set(small_mine.folder.rglob("*")) == before
        assert not small_mine.results.exists()
        return error

    return call


def write_image(mine, year, values=None, **profile):
    """Write the composite of a year again with another profile; values are 0.1 in red and 0.4 in NIR, or as given."""
    profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "width": 40, "height": 30, "crs": mine.crs, "transform": mine.transform} | profile
    with rasterio.open(mine.folder / f"{year}.tif", "w", **profile) as out:
        for band in range(1, profile["count"] + 1):
            out.write(np.full((profile["height"], profile["width"]), values or (0.1 if band == 1 else 0.4), profile["dtype"]), band)


def entry(mine):
    """Return the settings of the mine's sensor."""
    return mine.settings["sensors"]["sentinel-2"]


def ledger(mine):
    """Return the rows of the ledger."""
    with (mine.results / "small/sentinel-2/ledger.csv").open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def looked_at(mine):
    """Return grid and records of the mine's images."""
    config = configs.load(mine.write_config())
    return inspect(config, mine.config, "sentinel-2", read_zones(config, mine.config), source(config, "sentinel-2"))


def test_a_source_has_one_file_per_year_without_looking_at_the_disk(small_mine):
    small_mine.write_config()
    chosen = source(configs.load(small_mine.config), "sentinel-2")
    assert chosen.files == {y: small_mine.folder / f"{y}.tif" for y in range(2020, 2025)}
    assert (chosen.bands, chosen.scale, chosen.offset) == ({"red": 1, "nir": 2}, 1.0, 0.0)


def test_every_year_in_a_pattern_is_replaced(small_mine):
    entry(small_mine)["composites"] = "data/{year}/ndvi_{year}.tif"
    assert str(source(configs.load(small_mine.write_config()), "sentinel-2").files[2021]) == "data/2021/ndvi_2021.tif"


def test_missing_years_are_named_together_with_the_fix(small_mine, refused):
    small_mine.write()
    for year in (2021, 2023):
        (small_mine.folder / f"{year}.tif").unlink()
    error = refused()
    assert (error.where, error.field) == (str(small_mine.config), "sensors.sentinel-2.composites")
    assert error.found == f"no file for 2021, 2023; for instance {small_mine.folder / '2021.tif'}"
    assert error.expected == "a file for each year"
    assert "missing_years: [2021, 2023]" in error.fix
    entry(small_mine)["missing_years"] = [2021, 2023]
    plan.make([str(small_mine.write_config())], {"results": str(small_mine.results)})


def test_all_years_missing_is_refused(small_mine, refused):
    small_mine.write_aoi()
    entry(small_mine)["missing_years"] = list(small_mine.years)
    error = refused()
    assert (error.field, error.found, error.expected) == ("sensors.sentinel-2.missing_years", "every year", "at least one composite")


@pytest.mark.parametrize(("bands", "name"), [({"red": 1, "nir": 3}, "nir"), ({"red": 4, "nir": 2}, "red"), ({"ndvi": 3}, "ndvi")])
def test_s04_a_band_that_does_not_exist(small_mine, refused, bands, name):
    small_mine.write()
    entry(small_mine)["bands"] = bands
    error = refused()
    assert (error.where, error.field) == (str(small_mine.folder / "2020.tif"), f"sensors.sentinel-2.bands.{name}")
    assert (error.found, error.expected, error.fix) == (str(bands[name]), "a band from 1 to 2", "correct `bands`")


@pytest.mark.parametrize("dtype", ["complex64", "complex128"])
def test_s17_complex_values(small_mine, refused, dtype):
    small_mine.write()
    write_image(small_mine, 2022, dtype=dtype)
    error = refused()
    assert (error.where, error.field) == (str(small_mine.folder / "2022.tif"), "band 1")
    assert (error.found, error.expected) == (dtype, "integer or floating-point values")


@pytest.mark.parametrize("dtype", ["uint8", "int8", "uint16", "int16", "uint32", "int32", "float32", "float64"])
def test_every_real_dtype_is_accepted(small_mine, dtype):
    small_mine.write()
    write_image(small_mine, 2022, dtype=dtype)
    grid, records = looked_at(small_mine)
    assert records[2] == {"year": 2022, "file": str(small_mine.folder / "2022.tif"), "bytes": records[2]["bytes"], "shape": [30, 40], "dtype": dtype}
    assert (grid.affine.c, grid.affine.f) == (small_mine.west + 20, small_mine.north - 50)


def test_s06_no_crs(small_mine, refused):
    small_mine.write()
    write_image(small_mine, 2021, crs=None)
    error = refused()
    assert error.where == str(small_mine.folder / "2021.tif")
    assert (error.field, error.found, error.expected) == ("CRS", "none", "a coordinate reference system")
    assert "gdal_edit" in error.fix


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
def test_s06_a_crs_without_a_place(small_mine, refused):
    small_mine.write()
    write_image(small_mine, 2021, transform=Affine.identity())
    assert refused().where == str(small_mine.folder / "2021.tif")


@pytest.mark.parametrize("shift", [(5000, 0), (0, 5000), (-410, 0)], ids=["east", "north", "just beside"])
def test_s08_images_that_do_not_meet_the_aoi(small_mine, refused, shift):
    small_mine.write()
    for year in small_mine.years:
        write_image(small_mine, year, transform=Affine.translation(*shift) @ small_mine.transform)
    error = refused()
    assert (error.where, error.field) == (str(small_mine.config), "sensors.sentinel-2.composites")
    assert error.found == "images that do not meet the AOI: 2020, 2021, 2022, 2023, 2024"
    assert "CRS" in error.fix


def test_s08_images_in_a_wrong_crs_do_not_meet_the_aoi(small_mine, refused):
    small_mine.write()
    for year in small_mine.years:
        write_image(small_mine, year, crs="EPSG:32617")
    assert refused().found.startswith("images that do not meet the AOI: 2020")


def test_s08_one_year_that_does_not_meet_the_aoi_is_named(small_mine, refused):
    small_mine.write()
    write_image(small_mine, 2023, transform=Affine.translation(50_000, 0) @ small_mine.transform)
    assert "2023" in str(refused())


def test_s08_partly_overlapping_images_give_their_part(small_mine):
    small_mine.write()
    for year in small_mine.years:
        write_image(small_mine, year, transform=Affine.translation(120, 0) @ small_mine.transform, nodata=0)
    config, results = str(small_mine.config), ["--results", str(small_mine.results)]
    assert main(["scenes", config, "--sensor", "sentinel-2", *results]) == 0
    assert main(["composite", config, "--sensor", "sentinel-2", "--year", "2020", *results]) == 0
    with rasterio.open(small_mine.results / "small/sentinel-2/ndvi_2020.tif") as dataset:
        ndvi = dataset.read(1)
    assert np.isnan(ndvi[:, :10]).all()
    assert ndvi[:, 10:] == pytest.approx(0.6)


def test_s16_images_in_another_utm_zone_still_meet_the_aoi(small_mine):
    small_mine.write()
    write_image(small_mine, 2020, crs="EPSG:3857", transform=Affine(20, 0, 11_068_000, 0, -20, 4_587_000), width=400, height=400)
    looked_at(small_mine)


NOT_A_TIFF = {
    "empty": b"",
    "HTML": b"<!DOCTYPE html><html><body>404</body></html>",
    "PNG": b"\x89PNG\r\n\x1a\n" + b"\0" * 100,
    "no directory": b"II*\0" + b"\0" * 4,
    "directory beyond the end": b"II*\0\xff\xff\xff\x7f",
    "WMS": b"<GDAL_WMS><Service name='TMS'><ServerUrl>http://127.0.0.1:9/</ServerUrl></Service></GDAL_WMS>",
    "VRT": b'<VRTDataset rasterXSize="1" rasterYSize="1"><VRTRasterBand dataType="Byte" band="1"/></VRTDataset>',
}


@pytest.mark.parametrize("content", NOT_A_TIFF.values(), ids=NOT_A_TIFF)
def test_s03_x01_what_is_no_geotiff_is_refused_whatever_its_name(small_mine, refused, content):
    small_mine.write()
    (small_mine.folder / "2022.tif").write_bytes(content)
    error = refused()
    assert error.where == str(small_mine.folder / "2022.tif")
    assert (error.found, error.expected) == (f"{len(content):,} bytes that are not a readable GeoTIFF or JPEG 2000", "a GeoTIFF or JPEG 2000")
    assert error.fix == "convert or download it again"


def test_x03_python_in_vrts_set_in_the_environment_is_refused(small_mine, refused, monkeypatch):
    small_mine.write()
    monkeypatch.setenv("GDAL_VRT_ENABLE_PYTHON", "TRUSTED_MODULES")
    error = refused()
    assert (error.where, error.field, error.found) == ("environment", "GDAL_VRT_ENABLE_PYTHON", "TRUSTED_MODULES")
    assert error.fix == "unset it"


def test_x04_a_header_that_claims_giant_blocks_is_refused(small_mine, refused):
    small_mine.write()
    profile = {"driver": "GTiff", "dtype": "float32", "count": 2, "width": 65536, "height": 65536, "crs": small_mine.crs, "transform": small_mine.transform}
    path = small_mine.folder / "2022.tif"
    rasterio.open(path, "w", **profile, tiled=True, blockxsize=32768, blockysize=32768, sparse_ok=True, bigtiff="YES").close()
    error = refused()
    assert error.where == str(path)
    assert error.found == "blocks of 32768 x 32768"
    assert "1 GiB" in error.expected


def test_declared_missing_years_are_dropped_in_the_ledger_and_the_counts_add_up(small_mine):
    entry(small_mine)["missing_years"] = [2022]
    small_mine.write()
    (small_mine.folder / "2022.tif").unlink()
    assert main(["scenes", str(small_mine.config), "--sensor", "sentinel-2", "--results", str(small_mine.results)]) == 0
    rows = ledger(small_mine)
    assert list(rows[0]) == ["item", "datetime", "asset", "status", "reason"]
    assert Counter(row["status"] for row in rows) == {"read": 8, "dropped": 2}
    assert len({(row["item"], row["asset"]) for row in rows}) == len(rows) == 5 * 2
    assert [(row["datetime"], row["asset"]) for row in rows if row["status"] == "dropped"] == [("2022", "red"), ("2022", "nir")]
    assert {row["reason"] for row in rows} == {"", "declared in missing_years"}
    pinned = json.loads((small_mine.results / "small/sentinel-2/scenes.json").read_text(encoding="utf-8"))
    assert [record["file"] is None for record in pinned["images"]] == [False, False, True, False, False]


def test_a_missing_year_stays_in_the_tables_without_values(small_mine):
    entry(small_mine)["missing_years"] = [2022]
    small_mine.settings["trend"] = {"min_years": 4}
    folder = small_mine.run()
    assert main(["manifest", str(small_mine.config), "--results", str(small_mine.results)]) == 0
    with (folder / "fvc_by_zone.csv").open(encoding="utf-8", newline="") as handle:
        rows = {(row["zone"], row["year"]): row for row in csv.DictReader(handle)}
    assert rows["pit", "2022"]["fvc_mean"] == ""
    assert float(rows["pit", "2022"]["valid_pct"]) == 0
    assert float(rows["pit", "2021"]["fvc_mean"]) > 0
    assert json.loads((small_mine.results / "small/run.json").read_text(encoding="utf-8"))["ledger"] == {"sentinel-2": {"read": 8, "dropped": 2}}


def test_stored_integers_are_scaled(small_mine):
    small_mine.write_aoi()
    entry(small_mine).update(scale=0.0001, offset_value=-0.1)
    for year in small_mine.years:
        write_image(small_mine, year, dtype="uint16")
        with rasterio.open(small_mine.folder / f"{year}.tif", "r+") as out:
            out.write(np.stack([np.full((30, 40), 2000, "uint16"), np.full((30, 40), 4000, "uint16")]))
    config, common = str(small_mine.write_config()), ["--sensor", "sentinel-2", "--results", str(small_mine.results)]
    assert main(["scenes", config, *common]) == 0
    assert main(["composite", config, "--year", "2024", *common]) == 0
    with rasterio.open(small_mine.results / "small/sentinel-2/ndvi_2024.tif") as dataset:
        assert dataset.read(1) == pytest.approx((0.3 - 0.1) / (0.3 + 0.1))


def test_an_ndvi_band_without_its_scale_is_refused_and_right_with_it(small_mine, refused):
    small_mine.write()
    for year in small_mine.years:
        write_image(small_mine, year, count=1, dtype="int16", values=4200, nodata=-9999)
    small_mine.settings["sensors"]["sentinel-2"]["bands"] = {"ndvi": 1}
    small_mine.write_config()
    error = refused()
    assert error.field == "sensors.sentinel-2.scale"
    assert "4200" in error.found
    assert "0.0001" in error.fix
    small_mine.settings["sensors"]["sentinel-2"]["scale"] = 0.0001
    small_mine.write_config()
    looked_at(small_mine)


def test_an_offset_without_its_scale_is_refused(small_mine, refused):
    small_mine.write()
    for year in small_mine.years:
        write_image(small_mine, year, dtype="uint16", values=12000, nodata=0)
    small_mine.settings["sensors"]["sentinel-2"] |= {"offset_value": -0.2}
    small_mine.write_config()
    assert "reflectance" in refused().found
    small_mine.settings["sensors"]["sentinel-2"] |= {"scale": 0.0000275}
    small_mine.write_config()
    looked_at(small_mine)


def test_what_the_user_should_know_of_the_zones_is_in_the_log(small_mine):
    outline = small_mine.zones[0][1]
    small_mine.zones[1] = ("background", outline.buffer(-20))
    config = str(small_mine.write())
    log = small_mine.folder / "scenes.log"
    assert main(["scenes", config, "--sensor", "sentinel-2", "--results", str(small_mine.results), "--log", str(log)]) == 0
    assert "zones pit and background overlap by 100 %" in log.read_text(encoding="utf-8")
