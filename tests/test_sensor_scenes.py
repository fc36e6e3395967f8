"""Landsat and MODIS scenes through the run, against plain numpy."""

import json

import numpy as np
import pytest
from affine import Affine
from pyproj import Transformer
from scenemine import CRS, NORTH, WEST, read, rejected
from sensormine import CELL, LANDSAT_BITS, SHAPE, SINUSOIDAL, SensorMine

from pipeline.adjustments import ADJUSTMENTS
from pipeline.errors import BadInput
from pipeline.tables import read_csv


@pytest.fixture
def landsat(tmp_path):
    return SensorMine(tmp_path)


@pytest.fixture
def modis(tmp_path):
    mine = SensorMine(tmp_path, sensor="modis")
    mine.settings |= {"composite": {"min_clear": 1}, "years": {"first": 2020, "last": 2021}, "grid": {"buffer_m": 0}, "sensitivity": False}
    x, y = Transformer.from_crs(CRS, SINUSOIDAL, always_xy=True).transform(WEST + 50, NORTH - 60)
    mine.origin = (np.floor(x / CELL) * CELL - 2 * CELL, np.ceil(y / CELL) * CELL + 2 * CELL)
    return mine


MODIS_LAYERS = ("NDVI", "pixel_reliability", "VI_Quality", "composite_day_of_the_year")


def decoded(stored, line=(1.0, 0.0)):
    """Return reflectance of stored Landsat values, in float64."""
    return (stored.astype(float) * 0.0000275 - 0.2) * line[0] + line[1]


def series(mine, **more):
    for year in range(2020, 2025):
        for day in ("07-05", "07-13", "08-06"):
            mine.landsat(f"{year}-{day}", **({"ndvi": 0.3 + 0.05 * (year - 2020)} | more))


def window(mine):
    """Return where the run's grid lies in the scenes: rows and columns of the first cell, and the shape."""
    grid = json.loads((mine.folder / "results" / "small" / "landsat" / "scenes.json").read_text())["grid"]
    a = grid["transform"]
    return round((NORTH + 15 - a[5]) / 30), round((a[2] - WEST + 15) / 30), grid["height"], grid["width"]


def test_landsat_keeps_its_own_cells_and_equals_plain_numpy(landsat):
    rng = np.random.default_rng(1)
    names = list(LANDSAT_BITS)
    for year in range(2020, 2025):
        for i, day in enumerate(("07-05", "07-13", "07-21", "08-06")):
            kinds = rng.choice(len(names), SHAPE, p=[0.05, 0.65, 0.05, 0.1, 0.05, 0.03, 0.04, 0.03])
            qa = np.array([LANDSAT_BITS[n] for n in names], "uint16")[kinds]
            platform = ("landsat-5", "landsat-7", "landsat-8", "landsat-9")[i]
            radsat = rng.choice([0, 1 << 2, 1 << 3, 1 << 4, 1 << 9, 1 << 11], SHAPE, p=[0.9, 0.02, 0.02, 0.02, 0.02, 0.02])
            landsat.landsat(f"{year}-{day}", rng.uniform(-0.1, 0.9, SHAPE), platform, qa=qa, radsat=radsat)
    folder = landsat.composites()
    top, left, height, width = window(landsat)
    assert (top, left) >= (0, 0) and (height, width) == read(folder / "ndvi_2020.tif").shape
    for year in range(2020, 2025):
        values, water, clear = [], [], []
        for scene in (s for s in landsat.scenes if s["properties"]["datetime"].startswith(str(year))):
            red, nir, qa, radsat = (scene["files"][n][0] for n in ("red", "nir08", "qa_pixel", "qa_radsat"))
            bits = (3, 4, 11) if scene["properties"]["platform"][-1] in "89" else (2, 3, 9)
            saturated = np.any([radsat >> b & 1 for b in bits], axis=0)
            free = ((qa & 0b111111) == 0) & ~saturated
            r, n = decoded(red), decoded(nir)
            land = free & ((qa >> 7 & 1) == 0) & (r > 0) & (n > 0) & (r + n >= 0.04)
            values.append(np.where(land, (n - r) / (n + r), np.nan))
            water.append(free & ((qa >> 7 & 1) == 1))
            clear.append(land | water[-1])
        count, wet = np.sum(clear, axis=0), np.sum(water, axis=0)
        number = np.isfinite(values).sum(axis=0)
        middle = np.array([[np.median(v[np.isfinite(v)]) if np.isfinite(v).any() else np.nan for v in row] for row in np.moveaxis(values, 0, -1)])
        expected = np.where((number >= 2) & ~((2 * wet >= count) & (count > 0)), middle, np.nan)
        here = slice(top, top + height), slice(left, left + width)
        np.testing.assert_array_equal(read(folder / f"clear_{year}.tif"), count[here])
        np.testing.assert_allclose(read(folder / f"ndvi_{year}.tif"), expected[here], rtol=0, atol=2e-6)
        assert np.isfinite(expected).sum() > 300


@pytest.mark.parametrize("adjust", ["roy-2016-ols", "roy-2016-rma"])
def test_adjustment_moves_etm_and_leaves_oli(landsat, adjust):
    landsat.settings["sensors"]["landsat"]["adjust"] = adjust
    landsat.settings["years"] = {"first": 2020, "last": 2021}
    landsat.settings["trend"] = {"periods": [[2020, 2021]]}
    for year, platform in ((2020, "landsat-7"), (2021, "landsat-8")):
        for day in ("07-05", "07-21"):
            landsat.landsat(f"{year}-{day}", 0.42, platform)
    folder = landsat.composites()
    scene = landsat.scenes[0]["files"]
    red, nir = scene["red"][0][0, 0], scene["nir08"][0][0, 0]
    lines = ADJUSTMENTS[adjust].lines["landsat-7"]
    r, n = decoded(red, lines["red"]), decoded(nir, lines["nir"])
    assert read(folder / "ndvi_2020.tif")[3, 3] == pytest.approx((n - r) / (n + r), abs=1e-6)
    r, n = decoded(red), decoded(nir)
    assert read(folder / "ndvi_2021.tif")[3, 3] == pytest.approx((n - r) / (n + r), abs=1e-6)
    assert abs(read(folder / "ndvi_2020.tif")[3, 3] - read(folder / "ndvi_2021.tif")[3, 3]) > 0.002


def test_published_coefficients_are_those_of_the_tables():
    """Roy et al. 2016, table 2 (OLS and RMA, surface reflectance); HLS v2.0 bandpass parameters."""
    roy = ADJUSTMENTS["roy-2016-ols"].line("landsat-5", "red"), ADJUSTMENTS["roy-2016-ols"].line("landsat-7", "nir")
    assert roy == ((0.9047, 0.0061), (0.8462, 0.0412))
    assert ADJUSTMENTS["roy-2016-rma"].line("landsat-7", "red") == (0.9825, -0.0022)
    assert ADJUSTMENTS["roy-2016-rma"].line("landsat-7", "nir") == (1.0073, -0.0021)
    hls = {m: (ADJUSTMENTS["hls-v2"].line(f"sentinel-2{m}", "red"), ADJUSTMENTS["hls-v2"].line(f"sentinel-2{m}", "nir")) for m in "abc"}
    assert hls == {"a": ((0.9765, 0.0009), (0.9983, -0.0001)), "b": ((0.9761, 0.0010), (0.9966, 0.0)), "c": ((0.9718, 0.0011), (0.9995, -0.0003))}


def test_slc_off_gaps_two_missions_two_rows_duplicates_and_any_order_give_one_answer(landsat):
    """Landsat 7 has gaps of fill that Landsat 8 does not have; the neighbour row shows the same ground."""
    stripes = np.full(SHAPE, LANDSAT_BITS["clear"], "uint16")
    stripes[:, ::4] = 1
    for year in range(2020, 2025):
        for day in ("07-05", "07-21"):
            landsat.landsat(f"{year}-{day}", 0.3, "landsat-7", qa=stripes)
            landsat.landsat(f"{year}-{day}", 0.3, "landsat-7", qa=stripes, row=34)
        landsat.landsat(f"{year}-07-13", 0.4, "landsat-8")
        landsat.landsat(f"{year}-08-14", 0.4, "landsat-9")
    landsat.settings["composite"] = {"min_clear": 1, "method": "max"}
    folder = landsat.composites()
    expected = {p.name: p.read_bytes() for p in folder.glob("*.tif")}
    assert len(expected) == 25
    assert np.nanmax(np.abs(read(folder / "ndvi_2020.tif") - 0.4)) < 1e-4
    top, left, _, width = window(landsat)
    gap = (np.arange(width) + left) % 4 == 0
    assert (read(folder / "clear_2020.tif")[:, gap] == 2).all(), "fill is no observation"
    assert (read(folder / "clear_2020.tif")[:, ~gap] == 4).all(), "two rows of one day are one observation"
    twice = [landsat.item(s) for s in landsat.scenes for _ in range(2)]
    rng = np.random.default_rng(3)
    for round_ in range(2):
        items = [twice[i] for i in rng.permutation(len(twice))]
        landsat.catalog.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
        again = landsat.composites(results=f"again{round_}", write=False)
        assert {p.name: p.read_bytes() for p in again.glob("*.tif")} == expected
        rows = read_csv(again / "ledger.csv")
        assert len(rows) == 4 * len(twice)
        assert sum(r["status"] == "read" for r in rows) == 4 * len(landsat.scenes)
        assert all("duplicate" in r["reason"] for r in rows if r["status"] == "dropped")


def test_gaps_of_landsat_7_beside_landsat_8_in_two_utm_zones_twice_and_in_any_order_equal_plain_numpy(landsat):
    """Medians: a gap of Landsat 7 takes nothing from the Landsat 8 below it; a scene of the next zone counts by the pixel under each centre."""
    rng = np.random.default_rng(11)
    x, y = Transformer.from_crs(CRS, "EPSG:32648", always_xy=True).transform(WEST, NORTH)
    beside = {"crs": "EPSG:32648", "west": round(x / 30) * 30 - 15 - 60, "north": round(y / 30) * 30 + 15 + 60}
    for year in range(2020, 2025):
        for k, (day, platform, more) in enumerate(
            (("07-05", "landsat-7", {}), ("07-13", "landsat-8", {}), ("07-21", "landsat-7", beside), ("08-06", "landsat-8", beside), ("08-14", "landsat-7", {}))
        ):
            qa = np.full(SHAPE, LANDSAT_BITS["clear"], "uint16")
            if platform == "landsat-7":
                qa[(np.arange(SHAPE[0])[:, None] + np.arange(SHAPE[1])[None, :] + k) % 5 < 2] = LANDSAT_BITS["fill"]  # slanting gaps, elsewhere each time
            landsat.landsat(f"{year}-{day}", rng.uniform(0.1, 0.8, SHAPE), platform, qa=qa, **more)
    landsat.settings |= {"composite": {"min_clear": 1}, "sensitivity": False}
    folder = landsat.run()
    top, left, height, width = window(landsat)
    cols, rows = np.meshgrid(WEST - 15 + 30 * (left + np.arange(width) + 0.5), NORTH + 15 - 30 * (top + np.arange(height) + 0.5))
    gaps = other = 0
    for year in range(2020, 2025):
        values = []
        for scene in (s for s in landsat.scenes if s["properties"]["datetime"].startswith(str(year))):
            (red, where, crs, _), nir, qa = scene["files"]["red"], scene["files"]["nir08"][0], scene["files"]["qa_pixel"][0]
            east, north = Transformer.from_crs(CRS, crs, always_xy=True).transform(cols, rows)
            col, row = np.floor((east - where.c) / 30).astype(int), np.floor((where.f - north) / 30).astype(int)
            inside = (row >= 0) & (row < SHAPE[0]) & (col >= 0) & (col < SHAPE[1])
            row, col = np.where(inside, row, 0), np.where(inside, col, 0)
            r, n = decoded(red)[row, col], decoded(nir)[row, col]
            there = inside & (qa[row, col] != 1)
            values.append(np.where(there, (n - r) / (n + r), np.nan))
            gaps += int((inside & ~there).sum())
            other += int(there.sum()) if crs != CRS else 0
        number = np.isfinite(values).sum(axis=0)
        np.testing.assert_array_equal(read(folder / f"clear_{year}.tif"), number)
        np.testing.assert_allclose(read(folder / f"ndvi_{year}.tif"), np.nanmedian(values, axis=0), rtol=0, atol=2e-6)
        assert (number >= 1).all()
    print(f"{gaps} cells in gaps, {other} observations from the other zone, {5 * height * width} medians agree with numpy")
    assert gaps > 2000 and other > 2000
    expected = {p.name: p.read_bytes() for p in folder.iterdir() if p.suffix in (".tif", ".csv") and p.name != "ledger.csv"}
    twice = [landsat.item(s) for s in landsat.scenes for _ in range(2)]
    ledgers = set()
    for round_ in range(2):
        items = [twice[i] for i in rng.permutation(len(twice))]
        items = [item | {"assets": {k: item["assets"][k] for k in rng.permutation(list(item["assets"]))}} for item in items]
        landsat.catalog.write_text(json.dumps({"type": "FeatureCollection", "features": items}))
        again = landsat.run(results=f"again{round_}", write=False)
        assert {p.name: p.read_bytes() for p in again.iterdir() if p.name in expected} == expected
        ledgers.add((again / "ledger.csv").read_bytes())
    assert len(ledgers) == 1
    status = [r["status"] for r in read_csv(again / "ledger.csv")]
    assert (status.count("read"), status.count("dropped")) == (4 * 25, 4 * 25)


def test_a_scene_of_the_neighbouring_utm_zone_is_read_where_it_lies(landsat):
    series(landsat)
    x, y = Transformer.from_crs(CRS, "EPSG:32648", always_xy=True).transform(WEST, NORTH)
    west, north = round(x / 30) * 30 - 15 - 300, round(y / 30) * 30 + 15 + 90
    for scene in [s for s in landsat.scenes if s["properties"]["datetime"][5:10] == "08-06"]:
        landsat.scenes.remove(scene)
        landsat.landsat(scene["properties"]["datetime"][:10], 0.9, crs="EPSG:32648", west=west, north=north)
    landsat.settings["composite"] = {"method": "max", "min_clear": 1}
    folder = landsat.composites()
    found = read(folder / "ndvi_2022.tif")
    assert np.isclose(found, 0.9, atol=1e-4).mean() > 0.5
    assert set(np.round(found[np.isfinite(found)], 3)) <= {np.float32(0.4), np.float32(0.9)}, "values never mix"
    assert "32647" in json.loads((folder / "scenes.json").read_text())["grid"]["crs"]


@pytest.mark.parametrize(
    ("change", "field", "found"),
    [
        (lambda s: s["properties"].pop("platform"), "platform", "none"),
        (lambda s: s["properties"].update(platform="landsat-3"), "platform", "landsat-3"),
        (lambda s: s["properties"].update({"landsat:correction": "L1TP"}), "landsat:correction", "L1TP"),
        (lambda s: s["properties"].update({"landsat:collection_number": "01"}), "landsat:collection_number", "01"),
        (lambda s: s["properties"].update(platform="landsat-7"), "platform", "landsat-7"),  # its id says landsat-8
        (lambda s: s["properties"].update({"eo:cloud_cover": "99.5"}), "eo:cloud_cover", "99.5"),
        (lambda s: s.update(assets={"red": {"raster:bands": [{"scale": 0.0001, "offset": 0}]}}), "scale", "0.0001"),
        (lambda s: s.update(assets={"red": {"raster:bands": [{"scale": 0.0000275, "offset": -0.1}]}}), "offset", "-0.1"),
        (lambda s: s["files"].pop("nir08"), "assets", "no nir"),
    ],
)
def test_what_landsat_items_must_be(landsat, change, field, found):
    series(landsat)
    change(landsat.scenes[4])
    landsat.write()
    error = rejected(landsat)
    assert landsat.scenes[4]["id"] in error.field and field in error.field
    assert found in error.found
    assert "adjust" not in str(error)  # none is set


def test_a_platform_that_only_the_adjustment_does_not_know_says_so(tmp_path):
    mine = SensorMine(tmp_path)
    series(mine)
    mine.settings["sensors"]["landsat"]["adjust"] = "roy-2016-ols"
    mine.scenes[4]["properties"].pop("platform")
    mine.write()
    error = rejected(mine)
    assert "without `adjust: roy-2016-ols`" in error.fix and "landsat-8" in error.expected


def test_check_warns_of_a_mask_that_the_sensor_does_not_know(landsat, capsys):
    from pipeline.__main__ import main

    series(landsat)
    landsat.settings["mask"] = {"drop": ["cloud", "dark"], "dilate": []}
    assert main(["check", str(landsat.write()), "--results", str(landsat.folder / "checked")]) == 0
    said = capsys.readouterr().out
    assert "warning: landsat: its quality layers know no dark: to drop these has no effect" in said
    assert "radiometric offset" not in said


def test_without_qa_radsat_an_item_is_dropped_unless_saturation_is_kept(landsat):
    series(landsat)
    del landsat.scenes[0]["files"]["qa_radsat"]
    folder = landsat.composites()
    rows = [r for r in read_csv(folder / "ledger.csv") if r["item"] == landsat.scenes[0]["id"]]
    assert {r["status"] for r in rows} == {"dropped"}
    assert all("qa_radsat" in r["reason"] for r in rows)
    landsat.settings["mask"]["drop"] = ["cloud", "shadow"]
    folder = landsat.composites(results="kept")
    rows = [r for r in read_csv(folder / "ledger.csv") if r["item"] == landsat.scenes[0]["id"]]
    assert [r["status"] for r in rows] == ["read"] * 3


def test_an_older_version_of_a_landsat_scene_is_not_read_twice(landsat):
    series(landsat)
    newer = landsat.landsat("2020-07-05", 0.9, item={"id": "LC08_L2SP_133033_20200705_20200913_02_T1"})
    newer["properties"]["datetime"] = "2020-07-05T04:03:01.2Z"
    newer["id"] += "x"
    landsat.write()
    folder = landsat.composites()
    rows = read_csv(folder / "ledger.csv")
    assert sum(r["reason"].startswith("another version") for r in rows) == 4


def test_a_year_without_a_clear_pixel_is_no_data_and_not_zero(landsat):
    series(landsat)
    for scene in landsat.scenes:
        if scene["properties"]["datetime"].startswith("2022"):
            scene["files"]["qa_pixel"][0][:] = LANDSAT_BITS["cloud"]
    folder = landsat.run()
    row = next(r for r in read_csv(folder / "fvc_by_zone.csv") if r["zone"] == "pit" and r["year"] == "2022")
    assert row["fvc_mean"] == "" and float(row["valid_pct"]) == 0
    classes = [r for r in read_csv(folder / "trend_area_by_zone.csv") if (r["zone"], r["target"]) == ("pit", "absolute")]
    assert sum(float(r["area_km2"]) for r in classes) == pytest.approx(0.35 * 0.44, rel=2e-3)


def expected_modis(scenes, first, last):
    """Return NDVI (median), clear count and mean day of a season from the stored layers, pixel by pixel."""
    values, days = [], []
    for scene in scenes:
        ndvi, reliability, quality, day = (
            scene["files"][f"250m_16_days_{n}"][0] for n in ("NDVI", "pixel_reliability", "VI_Quality", "composite_day_of_the_year")
        )
        q = quality.astype(int)
        good = np.isin(reliability, (0, 1)) & ((q & 3) < 2) & ((q >> 10 & 1) == 0) & ((q >> 14 & 1) == 0) & ((q >> 15 & 1) == 0)
        good &= (ndvi >= -2000) & (ndvi <= 10000) & (day >= first) & (day <= last)
        values.append(np.where(good, ndvi * 1e-4, np.nan))
        days.append(np.where(good, day, np.nan))
    with np.errstate(all="ignore"):
        count = np.isfinite(values).sum(axis=0)
        middle, day = (np.full(count.shape, np.nan) for _ in range(2))
        some = count > 0
        middle[some], day[some] = np.nanmedian(np.array(values)[:, some], axis=0), np.nanmean(np.array(days)[:, some], axis=0)
    return middle, count, day


def test_modis_stays_on_its_sinusoidal_cells_and_counts_the_pixels_own_days(modis):
    rng = np.random.default_rng(7)
    starts = {"MOD13Q1": ("2021-06-10", "2021-06-26", "2021-07-12", "2021-07-28", "2021-08-13", "2021-08-29"), "MYD13Q1": ("2021-07-04", "2021-07-20")}
    for product, days in starts.items():
        for start in days:
            first = int(np.datetime64(start, "D").astype("datetime64[D]").astype(int) - np.datetime64("2021-01-01").astype(int)) + 1
            ndvi, day = rng.integers(1000, 9000, (8, 8)), first + rng.integers(0, 16, (8, 8))
            reliability = rng.choice([0, 1, 2, 3, -1], (8, 8), p=[0.6, 0.2, 0.07, 0.08, 0.05])
            quality = np.select([reliability == 1, reliability == 2, reliability == 3], [2117, 2117 | 1 << 14, 2118], 2112)
            quality = np.where(rng.random((8, 8)) < 0.05, quality | 1 << 15, quality)
            quality, day = np.where(reliability == -1, 65535, quality), np.where(reliability == -1, -1, day)
            modis.modis(start, np.where(reliability == -1, -3000, ndvi), day, product, reliability, quality, modis.origin)
    folder = modis.composites()
    pinned = json.loads((folder / "scenes.json").read_text())
    a, grid = pinned["grid"]["transform"], pinned["grid"]
    assert a[0] == pytest.approx(CELL, abs=1e-9)
    top, left = round((modis.origin[1] - a[5]) / CELL), round((a[2] - modis.origin[0]) / CELL)
    assert (top * CELL, left * CELL) == (pytest.approx(modis.origin[1] - a[5], abs=1e-3), pytest.approx(a[2] - modis.origin[0], abs=1e-3))
    middle, count, day = expected_modis(modis.scenes, 182, 243)
    here = slice(top, top + grid["height"]), slice(left, left + grid["width"])
    np.testing.assert_array_equal(read(folder / "clear_2021.tif"), count[here])
    np.testing.assert_allclose(read(folder / "ndvi_2021.tif"), middle[here], atol=1e-6)
    np.testing.assert_allclose(read(folder / "doy_2021.tif"), day[here], rtol=1e-6)
    listed = {s["id"] for s in pinned["scenes"]}
    assert "MOD13Q1.A2021177.h25v05.061" in listed, "from 26 June, with pixels of July"
    assert "MOD13Q1.A2021161.h25v05.061" not in listed
    ledger = read_csv(folder / "ledger.csv")
    assert len(ledger) == 4 * len(modis.scenes)
    assert sum(r["status"] == "read" for r in ledger) == 4 * len(listed)


def test_a_pixel_of_the_next_year_is_counted_on(modis):
    """The composite from 19 December holds pixels of 19 December to 3 January."""
    modis.settings |= {"season": {"start": "12-01", "end": "02-28"}}
    day = np.full((8, 8), 360)
    day[:4] = 2
    modis.modis("2021-12-19", 5000, day, origin=modis.origin)
    folder = modis.composites()
    found = read(folder / "doy_2021.tif")
    assert set(found[np.isfinite(found)]) <= {360.0, 367.0}
    assert np.isfinite(found).any()


def test_values_beyond_the_valid_range_and_unknown_days_are_no_data(modis):
    ndvi = np.full((8, 8), 5000)
    ndvi[:, ::2] = -3000
    day = np.full((8, 8), 200)
    day[::2] = -1
    modis.modis("2021-07-12", ndvi, day, origin=modis.origin)
    for name, values in modis.scenes[0]["files"].items():
        modis.scenes[0]["files"][name] = (*values[:3], None)
    folder = modis.composites()
    a = json.loads((folder / "scenes.json").read_text())["grid"]["transform"]
    top, left = round((modis.origin[1] - a[5]) / CELL), round((a[2] - modis.origin[0]) / CELL)
    found = read(folder / "ndvi_2021.tif")
    expected = np.where((ndvi == 5000) & (day == 200), 0.5, np.nan)[top : top + found.shape[0], left : left + found.shape[1]]
    np.testing.assert_allclose(found, expected, atol=1e-7)


@pytest.mark.parametrize(
    ("end", "start", "told"),
    [
        ("2021-07-01T00:00:00Z", "2021-07-12T00:00:00Z", "end_datetime"),
        ("2023-07-01T00:00:00Z", "2021-07-12T00:00:00Z", "end_datetime"),
        ("x", "y", "start_datetime"),
    ],
)
def test_spans_that_cannot_be(modis, end, start, told):
    modis.modis("2021-07-12", 5000, 200, origin=modis.origin)
    modis.scenes[0]["properties"] |= {"start_datetime": start, "end_datetime": end}
    modis.write()
    with pytest.raises(BadInput, match=told):
        from pipeline.stac import read_items

        read_items(modis.catalog)


# What is not what it seems


def moved(files, name, cells=0.0, step=1):
    """Move a layer by a part of a cell, or keep every n-th cell of it."""
    values, where, crs, nodata = files[name]
    files[name] = (values[::step, ::step].copy(), where @ Affine.translation(cells, cells) @ Affine.scale(step), crs, nodata)


@pytest.mark.parametrize(("layer", "cells", "step"), [("qa_pixel", 0.5, 1), ("qa_pixel", 0, 2), ("qa_radsat", 0.5, 1), ("nir08", 0.5, 1)])
def test_a_landsat_layer_on_another_grid_is_refused(landsat, layer, cells, step):
    series(landsat)
    moved(landsat.scenes[4]["files"], layer, cells, step)
    landsat.write()
    error = rejected(landsat)
    assert landsat.scenes[4]["id"] in error.field and error.field.endswith("grid")


def test_a_modis_quality_layer_shifted_by_half_a_cell_is_refused(modis):
    modis.modis("2021-07-12", 5000, 200, origin=modis.origin)
    moved(modis.scenes[0]["files"], "250m_16_days_pixel_reliability", 0.5)
    modis.write()
    assert "250m_16_days_pixel_reliability: grid" in rejected(modis).field


def test_one_image_on_another_grid_does_not_move_that_of_the_others(modis):
    for start, shift in (("2021-07-12", 0.5), ("2021-07-28", 0), ("2021-08-13", 0)):
        modis.modis(start, 5000, -1, origin=(modis.origin[0] + shift * CELL, modis.origin[1]))
        del modis.scenes[-1]["files"]["250m_16_days_composite_day_of_the_year"]
    folder = modis.composites()
    pinned = json.loads((folder / "scenes.json").read_text())
    columns = (pinned["grid"]["transform"][2] - modis.origin[0]) / CELL
    assert columns == pytest.approx(round(columns), abs=1e-6)
    (text,) = [w for w in pinned["warnings"] if "another grid" in w]
    assert text == f"modis: 1 of 3 items lie on another grid than the others, and are resampled: {modis.scenes[0]['id']}"


def test_ndvi_in_floating_point_with_the_scale_of_whole_numbers_is_refused(modis):
    modis.modis("2021-07-12", 5000, 200, origin=modis.origin)
    files = modis.scenes[0]["files"]
    values, *more = files["250m_16_days_NDVI"]
    files["250m_16_days_NDVI"] = ((values * 0.0001).astype("float32"), *more)
    modis.write()
    error = rejected(modis)
    assert (error.found, error.expected) == ("0.0001, and values of type float32", "int16")


def test_an_older_version_of_a_modis_tile_is_not_read_whatever_its_collection(modis):
    for version, ndvi in (("006", 2000), ("061", 5000)):
        modis.modis("2021-07-12", ndvi, 200, origin=modis.origin, item={"collection": f"modis-13Q1-{version}"})
        modis.scenes[-1]["id"] = f"MOD13Q1.A2021193.h25v05.{version}.2021210101112"
        modis.scenes[-1]["item"]["id"] = modis.scenes[-1]["id"]
    folder = modis.composites()
    found = read(folder / "ndvi_2021.tif")
    assert set(np.unique(found[np.isfinite(found)]).round(4)) == {np.float32(0.5)}
    dropped = {r["item"]: r["reason"] for r in read_csv(folder / "ledger.csv") if r["status"] == "dropped"}
    assert list(dropped) == ["MOD13Q1.A2021193.h25v05.006.2021210101112"]


def test_two_products_of_one_sensor_are_refused_as_they_show_the_same_passes(modis):
    modis.modis("2021-07-12", 5000, 200, origin=modis.origin)
    modis.modis_reflectance("2021-07-12", np.full((8, 8), 1000), np.full((8, 8), 3000), np.full((8, 8), 8), origin=modis.origin)
    modis.write()
    error = rejected(modis)
    assert error.found.startswith("2 products: ")
    assert all(
        f"{asset}: {item}.A2021193" in error.found for asset, item in (("250m_16_days_pixel_reliability", "MOD13Q1"), ("sur_refl_state_250m", "MOD09Q1"))
    )


def test_a_day_that_is_none_of_the_composites_is_no_observation(modis):
    day = np.full((8, 8), 200)
    day[:, ::2] = 240  # the composite ends on day 208
    modis.modis("2021-07-12", 5000, day, origin=modis.origin)
    folder = modis.composites()
    found = read(folder / "doy_2021.tif")
    assert set(found[np.isfinite(found)]) == {200.0}
    assert 0.2 < np.isnan(read(folder / "ndvi_2021.tif")).mean() < 0.8
