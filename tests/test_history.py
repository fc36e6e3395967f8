"""The history 2002-2022 of the synthetic mine: its scenes and its truth, read with plain rasterio, numpy and scipy, and its cover as the software finds it."""

import csv
import json
from datetime import date
from hashlib import sha256

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from pyproj import Geod
from rasterio.features import rasterize
from running import ROOT
from scipy.ndimage import label, maximum_filter
from scipy.spatial import cKDTree

from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.config import load
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput
from pipeline.planted_history import Unit
from pipeline.planted_site import WETNESS
from pipeline.synthetic_history import generate

AOI = ROOT / "aoi" / "jiangcang.geojson"
EXAMPLE = ROOT / "configs" / "examples" / "jiangcang-synthetic-2002-2022.yaml"
YEARS = list(range(2002, 2023))
MEADOW, AFFECTED, DUG, RESTORED, WATER, OPEN = 1, 2, 3, 4, 5, 6
SOIL, VEGETATION = 0.05, 0.86
PITS_AND_DUMPS = ["South dump of Pit No. 2", "Pit No. 4", "Pit No. 5", "Bare spoil", "Pit No. 7"]


class Made:
    """One generated folder."""

    def __init__(self, folder):
        self.folder = folder
        self.items = json.loads((folder / "items_history.json").read_text(encoding="utf-8"))["features"]
        self.truth = json.loads((folder / "truth_history.json").read_text(encoding="utf-8"))
        self.fvc, self.classes, self.ground, self.change = (self.bands(f"truth_history_{name}.tif") for name in ("fvc", "class", "ground", "change"))
        with rasterio.open(folder / "truth_history_fvc.tif") as dataset:
            self.transform, self.crs, self.shape = dataset.transform, dataset.crs, dataset.shape

    def bands(self, name):
        """Return all bands of a file."""
        with rasterio.open(self.folder / name) as dataset:
            return dataset.read()

    def of_year(self, year):
        """Return the items of a year."""
        return [item for item in self.items if item["properties"]["datetime"].startswith(str(year))]

    def seen(self, item):
        """Return the cover that red and NIR of a scene stand for, QA_PIXEL, and red + NIR."""
        red, nir, pixel = (self.bands(item["assets"][key]["href"])[0] for key in ("red", "nir08", "qa_pixel"))
        red, nir = (values.astype(float) * 0.0000275 - 0.2 for values in (red, nir))
        return ((nir - red) / (nir + red) - SOIL) / (VEGETATION - SOIL), pixel, red + nir

    def burnt(self, names, touched):
        """Return the cells of some zones."""
        frame = gpd.read_file(AOI).to_crs(self.crs)
        shapes = frame.geometry[frame["zone"].isin(names)]
        return rasterize(shapes, out_shape=self.shape, transform=self.transform, all_touched=touched).astype(bool)


def clear(pixel):
    """Return the cells without fill, dilated cloud, cloud and shadow."""
    return pixel & 0b11011 == 0


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """A results folder with the config of the example and its scenes."""
    folder = tmp_path_factory.mktemp("results")
    settings = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")) | {"sensitivity": False}
    settings["aoi"]["path"] = str(AOI)
    (folder / "history.yaml").write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    assert main(["synthetic", str(folder / "history.yaml"), "--kind", "history", "--results", str(folder), "--threads", "2"]) == 0
    return folder


@pytest.fixture(scope="module")
def noisy(results):
    return Made(results / "jiangcang-history" / "synthetic")


@pytest.fixture(scope="module")
def free(tmp_path_factory):
    folder = tmp_path_factory.mktemp("free")
    generate(AOI, folder, threads=2, noise=False)
    return Made(folder)


@pytest.fixture(scope="module")
def zone_area(noisy):
    """Ground area in m2 of each zone per cell, by the code that the tables take their areas from."""
    from odc.geo.geobox import GeoBox

    grid = GeoBox(noisy.shape, noisy.transform, noisy.crs)
    areas = {}
    for found in zone_coverages(read_zones(load(EXAMPLE), EXAMPLE), grid):
        areas[found.zone] = np.zeros(noisy.shape)
        areas[found.zone][found.rows, found.cols] = found.area_m2
    return areas


# --- the scenes --------------------------------------------------------------------------------------------------------------


def test_three_or_four_dates_in_every_season_of_the_missions_of_the_time(noisy):
    assert len({item["id"] for item in noisy.items}) == len(noisy.items)
    for year in YEARS:
        days = [date.fromisoformat(item["properties"]["datetime"][:10]) for item in noisy.of_year(year)]
        assert 3 <= len(days) <= 4 and all(date(year, 7, 1) <= day <= date(year, 8, 31) for day in days)
        assert {(b - a).days for a, b in zip(days, days[1:], strict=False)} == {16}
        flown = 5 if year < 2012 else 7 if year == 2012 else 8
        assert {item["properties"]["platform"] for item in noisy.of_year(year)} == {f"landsat-{flown}"}
        assert {item["id"][:8] for item in noisy.of_year(year)} == {{5: "SYN_LT05", 7: "SYN_LE07", 8: "SYN_LC08"}[flown]}


def test_everything_says_that_it_is_made(noisy):
    assert all(item["properties"]["minegreen:source"].startswith("synthetic") for item in noisy.items)
    for path in noisy.folder.rglob("*.tif"):
        with rasterio.open(path) as dataset:
            assert "not observed" in dataset.tags()["source"]
    assert "not observed" in noisy.truth["note"]


def test_the_truth_is_what_the_scenes_show(free):
    for i, year in enumerate(YEARS):
        for item in free.of_year(year):
            cover, pixel, _ = free.seen(item)
            here = clear(pixel) & np.isfinite(free.fvc[i])
            assert here.mean() > 0.5
            assert np.abs(cover - free.fvc[i])[here].max() < 6e-4  # half a digital number of each band
            assert np.array_equal(pixel & 128 > 0, (free.ground[i] == WATER) & (pixel & 8 == 0) & (pixel != 1))


def test_noise_leaves_the_cover_unbiased_with_the_spread_that_follows(noisy):
    for year in (2002, 2012, 2019, 2022):
        i = YEARS.index(year)
        for item in noisy.of_year(year):
            cover, pixel, light = noisy.seen(item)
            here = clear(pixel) & np.isfinite(noisy.fvc[i])
            ndvi = SOIL + noisy.fvc[i][here] * (VEGETATION - SOIL)
            expected = 0.004 * np.sqrt(2 * (1 + ndvi**2)) / light[here] / (VEGETATION - SOIL)  # of (nir - red) / (nir + red)
            error = (cover[here] - noisy.fvc[i][here]) / expected
            assert abs(error.mean()) < 0.02 and abs(error.std() - 1) < 0.02


def test_no_cell_is_hidden_on_two_dates_of_a_year(noisy):
    """Cloud and shadow grown by 60 m, as a reader may drop them, the ring that QA_PIXEL calls dilated, and the gaps of Landsat 7."""
    least = {}
    for year in YEARS:
        hidden = []
        for item in noisy.of_year(year):
            pixel = noisy.seen(item)[1]
            hidden.append(maximum_filter(pixel & 0b11000 > 0, 5) | (pixel & 0b11 > 0))
        counts = np.sum(hidden, axis=0)
        least[year] = len(hidden) - counts.max()
        assert (counts > 1).mean() == 0 or year == 2012  # its gaps are up to half a line wider than a quarter of their period
        assert 0.02 < np.mean(hidden) < 0.35
    assert (counts > 1).mean() < 0.01 and min(least.values()) >= 2
    gaps = [noisy.seen(item)[1] == 1 for item in noisy.of_year(2012)]
    assert all(0.2 < gap.mean() < 0.25 for gap in gaps)


def test_qa_pixel_has_the_values_of_the_guide(noisy):
    for year in (2005, 2012, 2020):
        for item in noisy.of_year(year):
            values = set(np.unique(noisy.seen(item)[1]).tolist())
            assert values & {5440, 21824} == ({21824} if year == 2020 else {5440})
            radsat = noisy.bands(item["assets"]["qa_radsat"]["href"])
            assert (radsat == 0).all()


def test_equal_seeds_give_equal_bytes_whatever_the_threads(noisy, tmp_path):
    generate(AOI, tmp_path, threads=1)
    first, second = ({p.relative_to(f): sha256(p.read_bytes()).hexdigest() for p in f.rglob("*") if p.is_file()} for f in (noisy.folder, tmp_path))
    assert len(first) == 4 * len(noisy.items) + 6
    assert first == second


# --- the truth ---------------------------------------------------------------------------------------------------------------


def test_the_bands_are_the_years(noisy):
    for name in ("fvc", "class", "ground"):
        with rasterio.open(noisy.folder / f"truth_history_{name}.tif") as dataset:
            assert [int(text) for text in dataset.descriptions] == YEARS


def test_classes_follow_from_cover_by_the_bounds_and_no_cell_is_near_one(noisy):
    bounds = noisy.truth["bounds"]
    mining, medium, high = (bounds[k] for k in ("mining_below", "medium_from", "high_from"))
    inside = noisy.burnt(PITS_AND_DUMPS, touched=True)
    grades = np.where(noisy.fvc >= high, 5, np.where(noisy.fvc >= medium, 4, 3))
    grades[(noisy.fvc < mining) & inside] = 1
    grades[np.isnan(noisy.fvc)] = 2
    assert np.array_equal(grades, noisy.classes)
    distance = min(float(np.nanmin(np.abs(noisy.fvc - bound))) for bound in (mining, medium, high))
    print(f"cover closest to a bound: {distance:.3f}")
    assert distance > 0.03
    assert noisy.truth["codes"]["class"] == {"1": "mining", "2": "water", "3": "low cover", "4": "medium cover", "5": "high cover"}
    before = noisy.classes[0]
    assert (before == 5).mean() > 0.85 and 0.02 < (before == 3).mean() < (before == 4).mean()


def test_areas_of_the_truth_are_those_of_the_tables(noisy, zone_area):
    """Cells of the truth rasters summed with the ground areas that the software takes, which sum to each zone's geodesic area."""
    for zone, area in zone_area.items():
        said = noisy.truth["zones"][zone]
        assert said["area_m2"] == pytest.approx(area.sum(), rel=1e-6)
        for i, year in enumerate(YEARS):
            sums = np.bincount(noisy.classes[i].ravel(), weights=area.ravel(), minlength=6)
            assert list(said["class_m2"][str(year)].values()) == pytest.approx(sums[1:6].tolist(), abs=1e-6 * area.sum())
    mine = sum(zone_area[zone] for zone in PITS_AND_DUMPS)
    assert noisy.truth["boundary"] == PITS_AND_DUMPS
    for i, year in enumerate(YEARS):
        sums = np.bincount(noisy.classes[i].ravel(), weights=mine.ravel(), minlength=6)
        assert list(noisy.truth["class_m2_in_boundary"][str(year)].values()) == pytest.approx(sums[1:6].tolist(), abs=1e-6 * mine.sum())


def test_a_cell_has_its_geodesic_area(noisy):
    from pyproj import Transformer

    to_degrees = Transformer.from_crs(noisy.crs, 4326, always_xy=True)
    for row, column in ((0, 0), (100, 170), (217, 349)):
        x, y = zip(*[noisy.transform @ (column + dx, row + dy) for dx, dy in ((0, 0), (1, 0), (1, 1), (0, 1))], strict=True)
        area = abs(Geod(ellps="WGS84").polygon_area_perimeter(*to_degrees.transform(x, y))[0])
        assert noisy.truth["cell_m2"] == pytest.approx(area, rel=2e-4)
    for i, year in enumerate(YEARS):
        counts = np.bincount(noisy.ground[i].ravel(), minlength=7)[1:7] * noisy.truth["cell_m2"]
        assert list(noisy.truth["ground_m2"][str(year)].values()) == pytest.approx(counts.tolist(), abs=0.01)


def test_mining_grows_from_2003_to_its_peak_in_2019_and_shrinks(noisy):
    for key, name in (("ground_m2", "excavated"), ("class_m2_in_boundary", "mining")):
        areas = np.array([noisy.truth[key][str(year)][name] for year in YEARS])
        print(name, (areas / 1e6).round(3).tolist())
        peak = YEARS.index(2019)
        assert noisy.truth["peak_year"] == YEARS[int(areas.argmax())] == 2019
        assert areas[0] == 0 < areas[1]
        assert (np.diff(areas[: peak + 1]) > 0).all() and (np.diff(areas[peak:]) < 0).all()
        assert np.sort(areas)[-2] < 0.97 * areas[peak]  # by more than the 2 % to which areas are to be found


def test_dug_ground_hangs_together_with_the_mine_and_bare_ground_elsewhere_does_not(noisy):
    touched, inside = noisy.burnt(PITS_AND_DUMPS, touched=True), noisy.burnt(PITS_AND_DUMPS, touched=False)
    for i, year in enumerate(YEARS):
        dug, bare = noisy.ground[i] == DUG, noisy.ground[i] == OPEN
        patches, count = label(dug | (noisy.ground[i] == WATER))
        assert all(touched[patches == k].any() for k in range(1, count + 1))
        assert count == sum(Unit(opened).dug(year) > 0 and not (back and back <= year) for opened, back in UNITS)
        found = label(dug | bare, np.ones((3, 3)))[0]
        apart = np.unique(found[bare])
        assert not touched[np.isin(found, apart)].any() and not dug[np.isin(found, apart)].any()
        assert len(apart) >= 3
        assert year == 2002 or (dug & inside).sum() > 0.9 * dug.sum()
        assert np.nanmax(noisy.fvc[i][dug | bare]) < 0.05


UNITS = [(2003, 2022), (2006, 2020), (2009, 2021), (2011, None), (2013, None)]  # opened, restored


def test_around_dug_ground_the_meadow_has_a_share_of_its_cover(noisy):
    halo = noisy.truth["halo"]
    shift = noisy.truth["weather"]["cover_shift"]
    for year in (2003, 2011, 2019, 2022):
        i = YEARS.index(year)
        cells = np.argwhere(np.ones(noisy.shape, bool))
        dug = cKDTree(np.argwhere(noisy.ground[i] == DUG))
        near = (30 * dug.query(cells)[0] <= halo["distance_m"]).reshape(noisy.shape)
        lowered = noisy.ground[i] == AFFECTED
        untouched = noisy.fvc[0] - shift["2002"] + shift[str(year)]
        assert np.allclose(noisy.fvc[i][lowered], halo["factor"] * untouched[lowered], atol=1e-6)
        assert not (lowered & ~near).any() and (noisy.fvc[i][near & (noisy.ground[i] == MEADOW)] > 1).sum() == 0
        assert not (near & (noisy.ground[i] == MEADOW)).any()  # no other meadow lies there
        assert lowered.sum() > 400


def test_the_weather_of_a_year_moves_meadow_and_restored_ground_alike(noisy, zone_area):
    weather = noisy.truth["weather"]
    wetness = np.array([weather["wetness"][str(year)] for year in YEARS])
    meadow = (noisy.ground == MEADOW).all(axis=0) & (zone_area["Closed meadow"] == 0)
    series = noisy.fvc[:, meadow].mean(axis=1)
    slope, level = np.polyfit(wetness - 1, series, 1)
    assert slope == pytest.approx(weather["coefficient"], rel=1e-4)
    assert np.abs(series - level - slope * (wetness - 1)).max() < 1e-5
    assert abs(np.corrcoef(YEARS, wetness)[0, 1]) < 0.05  # weather has no trend
    assert max(WETNESS, key=WETNESS.get) == 2021
    seasons = {0: [], 1: [], 2: []}
    for i, year in enumerate(YEARS):
        for age in seasons:
            back = (noisy.ground[i] == RESTORED) & (noisy.change[1] == year - age)
            if back.any():
                seasons[age].append(float(noisy.fvc[i][back].mean() - weather["cover_shift"][str(year)]))
    assert [len(values) for values in seasons.values()] == [3, 2, 1]
    for values, expected in zip(seasons.values(), (0.20, 0.42, 0.50), strict=True):
        assert values == pytest.approx([expected] * len(values), abs=0.004)
    steady = zone_area["Closed meadow"] > 0
    assert np.ptp(noisy.fvc[:, steady]) == 0


def test_the_years_of_change_are_those_of_the_cells_and_the_zones(noisy):
    disturbed, restored = noisy.change
    for i, year in enumerate(YEARS):
        ever = (noisy.ground[: i + 1] == DUG).any(axis=0) | (noisy.ground[: i + 1] == WATER).any(axis=0)
        assert np.array_equal(ever, (disturbed > 0) & (disturbed <= year))
        assert np.array_equal(noisy.ground[i] == RESTORED, (restored > 0) & (restored <= year))
    for name, zone in noisy.truth["zones"].items():
        change = np.diff([zone["fvc_mean"][str(year)] for year in YEARS])
        fall, rise = (YEARS[1 + int(pick)] for pick in (change.argmin(), change.argmax()))
        print(name, zone["disturbed"], fall, zone["restored"], rise)
        if zone["disturbed"]:
            assert fall == zone["disturbed"] and change.min() < -0.3
        else:
            assert np.abs(change).max() < 0.06
        if zone["restored"]:
            back = change[YEARS.index(zone["restored"]) - 1 :]
            assert (change[: YEARS.index(zone["restored"]) - 1] < 0.05).all() and back.max() > 0.1
    assert {z: noisy.truth["zones"][z]["restored"] for z in PITS_AND_DUMPS} == {
        "South dump of Pit No. 2": 2022,
        "Pit No. 4": 2020,
        "Pit No. 5": 2021,
        "Bare spoil": None,
        "Pit No. 7": None,
    }


def test_the_config_says_the_planted_dates(noisy):
    facts = load(EXAMPLE).aoi.zones
    for name, zone in noisy.truth["zones"].items():
        said = facts[name].restored
        assert (said is None) == (zone["restored"] is None)
        assert said is None or said == f"{zone['restored']}-06"
        assert bool(facts[name].phase) == bool(facts[name].measures) == bool(said)


def test_the_lake_of_pit_7_appears_in_2016_and_grows(noisy, zone_area):
    wet = np.array([(noisy.ground[i] == WATER).sum() for i in range(len(YEARS))])
    first = YEARS.index(noisy.truth["zones"]["Pit No. 7"]["water_from"])
    assert YEARS[first] == 2016
    assert (wet[:first] == 0).all() and (np.diff(wet[first - 1 :]) > 0).all()
    assert ((noisy.ground == WATER).any(axis=0) <= (zone_area["Pit No. 7"] > 0)).all()
    assert np.isnan(noisy.fvc[noisy.ground == WATER]).all() and np.isfinite(noisy.fvc[noisy.ground != WATER]).all()
    assert ((noisy.ground[1:] == WATER) >= (noisy.ground[:-1] == WATER)).all()


# --- what the software makes of it -------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def found(noisy, results):
    """The folder with cover and water of every year, by the stages of the example as far as that."""
    for stage in ("scenes", "composite", "endmembers", "fvc"):
        assert main([stage, str(results / "history.yaml"), "--results", str(results), "--threads", "2", "--sensor", "landsat"]) == 0
    return results / "jiangcang-history" / "landsat"


def test_the_yearly_means_of_the_zones_are_the_planted_ones(found, noisy, zone_area):
    """Within 0.3 points of cover: the noise of single cells, 1.5 points, averages out over 880 cells and more; a bias would not."""
    largest = 0.0
    for i, year in enumerate(YEARS):
        with rasterio.open(found / f"fvc_{year}.tif") as dataset:
            window = dataset.window(*rasterio.transform.array_bounds(*noisy.shape, noisy.transform))
            cover = dataset.read(1, window=window, boundless=True, fill_value=np.nan)
        with rasterio.open(found / f"water_{year}.tif") as dataset:
            wet = dataset.read(1, window=window, boundless=True, fill_value=0) >= 0.5
        assert cover.shape == noisy.shape
        own = np.isfinite(cover)
        assert np.array_equal(wet & (zone_area["Pit No. 7"] > 0), noisy.ground[i] == WATER)
        for zone, area in zone_area.items():
            weights = area * own
            mean = float((np.nan_to_num(cover) * weights).sum() / weights.sum())
            largest = max(largest, abs(mean - noisy.truth["zones"][zone]["fvc_mean"][str(year)]))
            land = area * np.isfinite(noisy.fvc[i])
            assert weights.sum() == pytest.approx(land.sum(), rel=1e-9)  # every cell of land is seen in every year
    print(f"largest difference of a zone's yearly mean: {100 * largest:.2f} points")
    assert largest < 0.003


def test_the_planted_areas_of_mining_come_back(found, noisy, zone_area):
    mine = sum(zone_area[zone] for zone in PITS_AND_DUMPS)
    areas = []
    for year in YEARS:
        with rasterio.open(found / f"fvc_{year}.tif") as dataset:
            window = dataset.window(*rasterio.transform.array_bounds(*noisy.shape, noisy.transform))
            cover = dataset.read(1, window=window, boundless=True, fill_value=np.nan)
        areas.append(float(mine[cover < noisy.truth["bounds"]["mining_below"]].sum()))
    planted = [noisy.truth["class_m2_in_boundary"][str(year)]["mining"] for year in YEARS]
    print(f"largest difference of a year's area of mining: {100 * max(abs(a / b - 1) for a, b in zip(areas[1:], planted[1:], strict=True)):.3f} %")
    assert areas[1:] == pytest.approx(planted[1:], rel=0.02) and areas[0] < 0.001 * max(planted)
    assert YEARS[int(np.argmax(areas))] == 2019


def with_landcover(results, **asked):
    """Run the stage `landcover` on the results with this key; return m2 by zone (empty: the whole mine), year and code, and the peak of mining by zone."""
    settings = yaml.safe_load((results / "history.yaml").read_text(encoding="utf-8")) | {"landcover": asked}
    path = results / "landcover.yaml"
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    assert main(["landcover", str(path), "--results", str(results), "--sensor", "landsat"]) == 0
    folder = results / "jiangcang-history" / "landsat"
    with (folder / "landcover_by_year.csv").open(encoding="utf-8", newline="") as file:
        areas = {(r["zone"], int(r["year"]), int(r["code"])): 1e6 * float(r["area_km2"]) for r in csv.DictReader(file)}
    with (folder / "landcover_baseline.csv").open(encoding="utf-8", newline="") as file:
        peaks = {r["zone"]: (r["peak_year"], r["peak_certain"]) for r in csv.DictReader(file) if r["class"] == "mining"}
    return areas, peaks


def test_land_cover_by_rule_finds_the_planted_areas_and_the_peak(found, noisy, results):
    """All classes inside the mine's boundary in every year, from noisy scenes to the table; few cells of a class are told to five cells."""
    bounds, cell = noisy.truth["bounds"], noisy.truth["cell_m2"]
    rule = {"bare_below": bounds["mining_below"], "medium_from": bounds["medium_from"], "high_from": bounds["high_from"]}
    areas, peaks = with_landcover(results, rule=rule | {"boundary": noisy.truth["boundary"]})
    worst = dict.fromkeys(noisy.truth["codes"]["class"].values(), 0.0)
    for year in YEARS:
        for code, name in noisy.truth["codes"]["class"].items():
            own, planted = sum(areas[zone, year, int(code)] for zone in PITS_AND_DUMPS), noisy.truth["class_m2_in_boundary"][str(year)][name]
            if planted > 100 * cell:
                worst[name] = max(worst[name], abs(own / planted - 1))
            else:
                assert abs(own - planted) < 5 * cell, (year, name)
    print("land cover 2002 to 2022, largest error of a year: " + ", ".join(f"{name} {100 * off:.2f} %" for name, off in worst.items()))
    assert max(worst.values()) < 0.02
    assert peaks[""] == ("2019", "yes")


def test_land_cover_from_the_planted_map_is_the_planted_history(results, found, noisy, zone_area, tmp_path):
    for i, year in enumerate(YEARS):
        profile = {"driver": "GTiff", "dtype": "uint8", "count": 1, "height": noisy.shape[0], "width": noisy.shape[1], "nodata": 0}
        with rasterio.open(tmp_path / f"{year}.tif", "w", crs=noisy.crs, transform=noisy.transform, **profile) as out:
            out.write(noisy.classes[i], 1)
    areas, peaks = with_landcover(results, path=str(tmp_path / "{year}.tif"), classes=noisy.truth["codes"]["class"], mining="mining")
    for zone, weights in zone_area.items():
        for i, year in enumerate(YEARS):
            planted = np.bincount(noisy.classes[i].ravel(), weights=weights.ravel(), minlength=6)[1:6]
            assert [areas[zone, year, code] for code in range(1, 6)] == pytest.approx(planted.tolist(), rel=1e-5, abs=1.0)
    assert peaks[""] == ("2019", "yes")


# --- what is refused ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"years": {"first": 2001, "last": 2022}}, ("years", "2001..2022", "2002..2022")),
        ({"years": {"first": 2010, "last": 2023}}, ("years", "2010..2023", "2002..2022")),
        ({"sensors": {"sentinel-2": {"catalog": "synthetic-history"}}}, ("sensors.sentinel-2.catalog", "with sentinel-2", "landsat")),
        ({"sensors": {"modis": {"catalog": "synthetic-history"}}}, ("sensors.modis.catalog", "with modis", "landsat")),
        ({"sensors": {"landsat": {"catalog": "synthetic"}}}, ("years", "`catalog: synthetic`", "2020..2024")),
    ],
    ids=str,
)
def test_the_history_is_of_its_years_and_of_landsat(change, words, tmp_path):
    settings = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")) | change
    settings["trend"] = {}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    with pytest.raises(BadInput) as caught:
        load(path)
    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_a_history_of_fewer_years_is_taken(tmp_path):
    settings = yaml.safe_load(EXAMPLE.read_text(encoding="utf-8")) | {"years": {"first": 2010, "last": 2021}, "trend": {}}
    settings["sensors"] = {"tm": {"sensor": "landsat", "catalog": "synthetic-history"}}
    path = tmp_path / "mine.yaml"
    path.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    assert load(path).kind("tm") == "landsat"


def test_another_aoi_is_refused(tmp_path):
    frame = gpd.read_file(AOI)
    frame["zone"] = [f"zone {i}" for i in range(len(frame))]
    frame.to_file(tmp_path / "other.geojson")
    with pytest.raises(BadInput, match="the embedded mine's zones"):
        generate(tmp_path / "other.geojson", tmp_path / "out")
    assert not (tmp_path / "out").exists()
