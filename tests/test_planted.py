"""The run on the noise-free scenes of the synthetic mine gives back what was planted."""

import json
import shutil
from collections import Counter

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import pytest
import rasterio
import yaml
from running import ROOT

from pipeline.__main__ import main
from pipeline.planted import SOIL, VEGETATION, YEARS, ZONES

FIXED = {"soil": {"ndvi": SOIL}, "vegetation": {"ndvi": VEGETATION}}


def read(path):
    with rasterio.open(path) as dataset:
        return dataset.read()


@pytest.fixture(scope="module")
def folder(noise_free):
    return noise_free.results / "jiangcang" / "sentinel-2"


@pytest.fixture(scope="module")
def truth(noise_free):
    return noise_free.config.parent / "truth"


@pytest.fixture(scope="module")
def fixed(noise_free, folder, tmp_path_factory):
    """The same NDVI with fixed endmembers: folder of the sensor."""
    results = tmp_path_factory.mktemp("fixed")
    settings = yaml.safe_load(noise_free.config.read_text(encoding="utf-8")) | {"fvc": FIXED}
    config = results / "fixed.yaml"
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    target = results / "jiangcang" / "sentinel-2"
    target.mkdir(parents=True)
    for path in [p for name in ("ndvi", "clear", "doy", "water", "sd") for p in folder.glob(f"{name}_*.tif")]:
        shutil.copy(path, target)
    shutil.copytree(folder / "zone_by_scene", target / "zone_by_scene")
    shutil.copy(folder / "scenes.json", target)
    common = ["--sensor", "sentinel-2", "--results", str(results)]
    for stage, *more in [["endmembers"], ["fvc"]]:
        assert main([stage, str(config), *common, *more]) == 0
    for period in ("2021-2024", "2020-2024"):
        for stage in ("trend", "classes"):
            assert main([stage, str(config), *common, "--period", period]) == 0
    assert main(["areas", str(config), *common]) == 0
    return target


def window_of_truth(name, folder, truth):
    """Return a truth raster on the run's grid (the images reach further than the run's grid)."""
    with rasterio.open(folder / "ndvi_2020.tif") as grid, rasterio.open(truth / name) as dataset:
        column, row = (round(v) for v in ~dataset.transform @ (grid.bounds.left, grid.bounds.top))
        return dataset.read(1, window=rasterio.windows.Window(column, row, grid.width, grid.height))


@pytest.mark.parametrize("endmembers", ["percentile", "fixed"])
def test_fvc_per_zone_and_year_within_0005(endmembers, folder, fixed):
    table = pd.read_csv((folder if endmembers == "percentile" else fixed) / "fvc_by_zone.csv")
    assert len(table) == len(ZONES) * len(YEARS)
    planted = [ZONES[row.zone].means[YEARS.index(row.year)] for row in table.itertuples()]
    worst = np.abs(table["fvc_mean"] - planted).max()
    print(f"largest difference of FVC per zone and year, {endmembers} endmembers: {worst:.2g}")
    assert worst <= 0.005


def test_published_means_are_planted(folder):
    table = pd.read_csv(folder / "fvc_by_zone.csv").set_index(["zone", "year"])["fvc_mean"]
    published = {("Pit No. 4", 2020): 53.21, ("Pit No. 4", 2021): 77.45, ("Pit No. 5", 2020): 54.37, ("Pit No. 5", 2021): 72.75}
    published |= {("Pit No. 5", 2024): 70.69, ("Background", 2021): 83.26}
    for key, value in published.items():
        assert 100 * table[key] == pytest.approx(value, abs=0.5)
    assert (table["Pit No. 4"].loc[2021:] > 0.70).all()
    assert table["Pit No. 4"].idxmax() == 2021
    assert table["South dump of Pit No. 2"].between(0.45, 0.55).all()
    assert table["Background"].between(0.77, 0.84).all()


def test_percentile_endmembers_recover_the_planted_pair(folder):
    pair = json.loads((folder / "endmembers.json").read_text())
    assert pair["soil_ndvi"] == pytest.approx(SOIL, abs=5e-4)  # numbers are whole: NDVI in steps of about 2.5e-4
    assert pair["vegetation_ndvi"] == pytest.approx(VEGETATION, abs=5e-4)


@pytest.mark.parametrize("endmembers", ["percentile", "fixed"])
@pytest.mark.parametrize("period", ["2021-2024", "2020-2024"])
def test_class_equals_the_planted_class(period, endmembers, folder, fixed, truth):
    source = folder if endmembers == "percentile" else fixed
    found = read(source / f"trend_class_{period}.tif")[0]
    planted = window_of_truth(f"truth_class_{period}.tif", folder, truth)
    inside = (planted > 0) & (found > 0)
    assert inside.sum() > 150_000
    agreement = (found == planted)[inside].mean()
    recall = {int(c): float((found == planted)[inside & (planted == c)].mean()) for c in np.unique(planted[inside])}
    print(f"{period}, {endmembers}: agreement {100 * agreement:.4f} %, recall {recall}")
    assert agreement >= 0.99
    assert min(recall.values()) >= 0.95
    assert set(recall) == ({3, 4, 5, 6, 7, 97, 99} if period == "2021-2024" else set(map(int, np.unique(planted[inside]))))


@pytest.fixture(scope="module")
def by_month(noise_free, folder, tmp_path_factory):
    """The same scenes composed by month, and tested by orders of whole years: folder of the sensor."""
    results = tmp_path_factory.mktemp("months")
    settings = yaml.safe_load(noise_free.config.read_text(encoding="utf-8")) | {"composite": {"interval": "month", "min_clear": 1}}
    settings["trend"]["test"] = "year-permutation"
    config = results / "months.yaml"
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    target = results / "jiangcang" / "sentinel-2"
    target.mkdir(parents=True)
    for name in ("scenes.json", "endmembers.json"):
        shutil.copy(folder / name, target)
    common = ["--sensor", "sentinel-2", "--results", str(results)]
    for stage in ("composite", "trend", "classes"):
        assert main([stage, str(config), *common]) == 0
    return target


@pytest.mark.parametrize("period", ["2021-2024", "2020-2024"])
def test_class_of_monthly_values_equals_the_planted_class(period, by_month, folder, truth):
    """Without noise July and August say the same of every year, so that whole years have S and p of the yearly test, and its class."""
    values = np.stack([[read(by_month / f"ndvi_{y}-{m}.tif")[0] for m in ("07", "08")] for y in range(int(period[:4]), 2025)])
    complete = np.isfinite(values).all(axis=(0, 1))
    found, planted = read(by_month / f"trend_class_{period}.tif")[0], window_of_truth(f"truth_class_{period}.tif", folder, truth)
    inside = (planted > 0) & (planted < 97) & (found > 0) & complete
    agreement = (found == planted)[inside].mean()
    print(f"{period}: {inside.sum()} cells, agreement {100 * agreement:.4f} %")
    assert inside.sum() > 100_000
    assert agreement >= 0.99
    slope, of_truth = read(by_month / f"trend_{period}.tif")[0], read(folder / f"trend_{period}.tif")[0]
    assert np.abs(slope - of_truth)[inside].max() < 0.005


def read_table(folder, name, target="absolute"):
    table = pd.read_csv(folder / f"{name}.csv")
    return table[table["target"] == target]


def test_every_share_within_10_per_cent_or_5_pixels(folder):
    table = read_table(folder, "trend_area_by_zone").query("first_year == 2021")
    for zone, planted in ZONES.items():
        rows = table[table["zone"] == zone].set_index("code")
        total = rows["area_km2"].sum()
        if planted.lake is not None:
            continue  # the shares of a zone with a lake are those of its land: next test
        for code in rows.index:
            share = planted.shares.get(code, 0.0)
            allowed = max(0.10 * share * total, 5 * 1e-4)
            assert abs(rows.loc[code, "area_km2"] - share * total) <= allowed, (zone, code)


def test_published_class_shares_are_planted(folder):
    table = read_table(folder, "trend_area_by_zone").query("first_year == 2021").set_index(["zone", "code"])["share_pct"]
    for code, share in {6: 70.80, 7: 13.92, 4: 10.67, 3: 0.14, 5: 4.48}.items():
        assert table["Pit No. 4", code] == pytest.approx(share, abs=0.1)
    assert table["Pit No. 5", 6] + table["Pit No. 5", 7] == pytest.approx(76.57, abs=0.1)
    assert table["Pit No. 5", 4] == pytest.approx(16.28, abs=0.1)
    assert table["Pit No. 5", 3] + table["Pit No. 5", 4] == pytest.approx(17.66, abs=0.1)
    assert table["Pit No. 5", 5] == pytest.approx(5.77, abs=0.1)


def test_zone_areas_equal_the_geodesic_area(folder):
    frame = gpd.read_file(ROOT / "aoi" / "jiangcang.geojson").set_index("zone")
    geod = pyproj.Geod(ellps="WGS84")
    table = read_table(folder, "trend_area_by_zone")
    for (zone, _), rows in table.groupby(["zone", "first_year"]):
        area = abs(geod.geometry_area_perimeter(frame.loc[zone, "geometry"])[0]) / 1e6
        assert rows["area_km2"].sum() == pytest.approx(area, rel=1e-5)
        assert rows["share_pct"].sum() == pytest.approx(100, abs=1e-9)


def test_published_zone_areas(folder):
    table = pd.read_csv(folder / "fvc_by_zone.csv").drop_duplicates("zone").set_index("zone")["area_km2"]
    assert table["Pit No. 4"] == pytest.approx(2.50, abs=0.005)
    assert table["Pit No. 5"] == pytest.approx(2.93, abs=0.005)


@pytest.mark.parametrize("period", ["2021-2024", "2020-2024"])
def test_s_and_p_of_fvc_equal_those_of_ndvi_pixel_by_pixel(period, noise_free, folder, tmp_path):
    settings = yaml.safe_load(noise_free.config.read_text(encoding="utf-8"))
    settings["trend"]["variable"] = "ndvi"
    config = tmp_path / "ndvi.yaml"
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    target = tmp_path / "jiangcang" / "sentinel-2"
    target.mkdir(parents=True)
    for path in (folder / "scenes.json", folder / "endmembers.json", *folder.glob("ndvi_*.tif")):
        shutil.copy(path, target)
    assert main(["trend", str(config), "--sensor", "sentinel-2", "--period", period, "--results", str(tmp_path)]) == 0
    of_fvc, of_ndvi = read(folder / f"trend_{period}.tif"), read(target / f"trend_{period}.tif")
    for band in (4, 5, 6, 7, 8):  # s, tau, z, p, n
        assert np.array_equal(of_fvc[band], of_ndvi[band], equal_nan=True)
    assert not np.array_equal(of_fvc[0], of_ndvi[0])


@pytest.mark.parametrize(("period", "present"), [("2021-2024", (5, 7, 7)), ("2020-2024", (6, 6, 6))])
def test_classes_of_schemes_five_seven_nine_nest(period, present, noise_free, folder, tmp_path):
    codes = {}
    for scheme in ("five", "seven", "nine"):
        settings = yaml.safe_load(noise_free.config.read_text(encoding="utf-8"))
        settings["trend"]["scheme"] = scheme
        config = tmp_path / f"{scheme}.yaml"
        config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
        target = tmp_path / scheme / "jiangcang" / "sentinel-2"
        target.mkdir(parents=True)
        for path in (folder / "scenes.json", *folder.glob(f"trend_*{period}.tif"), *folder.glob("water_*.tif")):
            shutil.copy(path, target)
        call = ["classes", str(config), "--sensor", "sentinel-2", "--period", period, "--results", str(tmp_path / scheme)]
        assert main(call) == 0
        codes[scheme] = read(target / f"trend_class_{period}.tif")[0]
    for fine, coarse in (("nine", "seven"), ("seven", "five"), ("nine", "five")):
        pairs = Counter(zip(codes[fine].ravel().tolist(), codes[coarse].ravel().tolist(), strict=True))
        assert len({a for a, _ in pairs}) == len(pairs), f"one class of {fine} lies in two of {coarse}"
    assert tuple(len(np.unique(codes[s])) - 1 for s in ("five", "seven", "nine")) == present  # without 0, outside


def test_no_trend_class_without_vegetation_change(folder):
    table = read_table(folder, "trend_area_by_zone")
    steady = table[table["zone"].isin(["Bare spoil", "Closed meadow"]) & (table["code"] != 5)]
    assert (steady["area_km2"] == 0).all()


@pytest.mark.parametrize("year", YEARS)
def test_the_lake_is_water_as_planted(year, folder, truth):
    planted = window_of_truth(f"truth_water_{year}.tif", folder, truth)
    water, ndvi = read(folder / f"water_{year}.tif")[0], read(folder / f"ndvi_{year}.tif")[0]
    assert planted.sum() > 500
    assert np.array_equal(water >= 0.5, planted == 1)
    assert np.isnan(ndvi[planted == 1]).all()
    table = pd.read_csv(folder / "fvc_by_zone.csv").set_index(["zone", "year"]).sort_index()
    share = ZONES["Pit No. 7"].lake[YEARS.index(year)]
    assert table.loc[("Pit No. 7", year), "water_pct"] == pytest.approx(100 * share, abs=0.1)
    assert (table.drop("Pit No. 7")["water_pct"] == 0).all()


def test_the_lake_is_a_row_of_the_tables(folder):
    table = read_table(folder, "trend_area_by_zone").set_index(["zone", "first_year", "code"])["area_km2"].sort_index()
    whole = table["Pit No. 7", 2021].sum()
    lake = ZONES["Pit No. 7"].lake
    assert table["Pit No. 7", 2021, 97] == pytest.approx(lake[3] * whole, rel=0.01)  # water in 2023 and 2024 at least
    assert table["Pit No. 7", 2020, 97] == pytest.approx(lake[2] * whole, rel=0.01)  # in 3 of 5 years
    groups = read_table(folder, "trend_groups_by_zone").query("zone == 'Pit No. 7' and group == 'water' and first_year == 2021")
    assert groups["area_km2"].item() == table["Pit No. 7", 2021, 97]


def test_the_lake_moves_no_endmember(noise_free, folder, tmp_path):
    """With the lake kept as if it were land the soil endmember moves; without it the planted pair comes back."""
    settings = yaml.safe_load(noise_free.config.read_text(encoding="utf-8"))
    settings["fvc"]["exclude"] = []
    config = tmp_path / "kept.yaml"
    config.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    target = tmp_path / "jiangcang" / "sentinel-2"
    target.mkdir(parents=True)
    shutil.copy(folder / "scenes.json", target)
    common = ["--sensor", "sentinel-2", "--results", str(tmp_path)]
    for year in YEARS:
        assert main(["composite", str(config), *common, "--year", str(year)]) == 0
    assert main(["endmembers", str(config), *common]) == 0
    without, with_lake = (json.loads((f / "endmembers.json").read_text()) for f in (folder, target))
    ndvi = np.stack([read(folder / f"ndvi_{y}.tif")[0] for y in YEARS])
    assert with_lake["pooled_values"] - without["pooled_values"] == sum(int((read(folder / f"water_{y}.tif")[0] >= 0.5).sum()) for y in YEARS)
    assert np.nanmin(ndvi) > 0
    print(f"soil NDVI {without['soil_ndvi']:.6f}, with the lake {with_lake['soil_ndvi']:.6f}")
    assert without["soil_ndvi"] == pytest.approx(SOIL, abs=5e-4)


def test_no_step_between_the_radiometric_regimes(folder, truth):
    """Steady ground keeps its NDVI from the years without to those with the offset, on the day of mixed tiles as well."""
    table = pd.read_csv(folder / "fvc_by_zone.csv")
    for zone, ndvi in (("Bare spoil", SOIL), ("Closed meadow", VEGETATION)):
        assert table.loc[table["zone"] == zone, "ndvi_mean"].to_numpy() == pytest.approx(ndvi, abs=5e-4)
    scenes = pd.read_csv(folder / "zone_by_scene.csv").query("zone in ['Bare spoil', 'Closed meadow'] and clear_pct > 1")
    scenes["ndvi"] = scenes["zone"].map({"Bare spoil": SOIL, "Closed meadow": VEGETATION})
    assert set(scenes["offset"]) == {0, -0.1}
    assert set(scenes[scenes["datetime"].str.startswith("2022-08-14")]["offset"]) == {0, -0.1}
    assert (scenes["ndvi_mean"] - scenes["ndvi"]).abs().max() < 1e-3


def test_four_years_reach_no_significant_class_and_the_table_says_so(folder):
    table = read_table(folder, "trend_area_by_zone").query("first_year == 2021")
    assert (table.loc[table["code"].isin([2, 8]), "area_km2"] == 0).all()
    assert table["p_min"].to_numpy() == pytest.approx(2 / 24)


def test_synthetic_data_are_called_synthetic(jiangcang):
    for path in (jiangcang.results / "jiangcang" / "sentinel-2").glob("*.tif"):
        with rasterio.open(path) as dataset:
            assert dataset.tags()["source"] == "synthetic", path.name
    manifest = json.loads((jiangcang.results / "jiangcang" / "run.json").read_text(encoding="utf-8"))
    assert manifest["config"]["sensors"]["sentinel-2"]["catalog"] == "synthetic"
    assert "not observed" in json.loads((jiangcang.results / "jiangcang" / "synthetic" / "truth.json").read_text(encoding="utf-8"))["note"]


def test_every_raster_of_the_run_is_a_valid_cog_with_units_and_band_names(folder):
    from rio_cogeo.cogeo import cog_validate

    paths = sorted(folder.glob("*.tif"))
    assert len(paths) == 42  # NDVI, cover, clear, doy, water, sd of five years; trend, classes and q of two periods, of the cells and minus reference
    for path in paths:
        valid, errors, warnings = cog_validate(path, strict=True)
        assert valid, (path.name, errors, warnings)
        with rasterio.open(path) as dataset:
            assert all(dataset.descriptions)
    with rasterio.open(folder / "trend_2021-2024.tif") as dataset:
        assert dataset.descriptions == ("slope", "slope_low", "slope_high", "intercept", "s", "tau", "z", "p", "n")
        assert dataset.units[0] == "per year"
        assert "4: 91.67 %" in dataset.tags()["interval"]


def test_class_rasters_carry_legend_colours_names_and_style(folder):
    from xml.etree import ElementTree

    from pipeline.classes import legend

    classes = {c.code: c for c in legend("seven")}
    for period in ("2021-2024", "2020-2024"):
        path = folder / f"trend_class_{period}.tif"
        with rasterio.open(path) as dataset:
            colours = dataset.colormap(1)
        assert all(colours[code] == c.rgba for code, c in classes.items())
        names = [e.text or "" for e in ElementTree.parse(folder / f"{path.name}.aux.xml").iter("Category")]
        assert {code: names[code] for code in classes} == {code: c.label for code, c in classes.items()}
        entries = list(ElementTree.parse(path.with_suffix(".qml")).iter("paletteEntry"))
        assert {int(e.get("value")): e.get("color") for e in entries} == {code: c.colour for code, c in classes.items() if code != 0}
