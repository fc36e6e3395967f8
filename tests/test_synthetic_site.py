"""Weather and relief of the synthetic mine: the files read with pandas, plain rasterio and scipy."""

import json
from datetime import date

import numpy as np
import pandas as pd
import pytest
import rasterio
import yaml
from odc.geo.geobox import GeoBox
from running import ROOT, place, snakemake
from scipy.ndimage import convolve

from pipeline import config_climate, planted_site
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.config import load
from pipeline.coverage import zone_coverages
from pipeline.layout import MineFolder
from pipeline.planted import ZONES
from pipeline.planted_site import WEATHER
from pipeline.synthetic_site import Bench, elevation, generate, precipitation, profile, slope_and_fall

AOI = ROOT / "aoi" / "jiangcang.geojson"
CONFIG = ROOT / "configs" / "jiangcang.yaml"
HISTORY = ROOT / "configs" / "examples" / "jiangcang-synthetic-2002-2022.yaml"
PITS, DUMPS = ["Pit No. 4", "Pit No. 5", "Pit No. 7"], ["South dump of Pit No. 2", "Bare spoil"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The files as the command writes them."""
    results = tmp_path_factory.mktemp("site")
    assert main(["synthetic", str(CONFIG), "--kind", "site", "--results", str(results)]) == 0
    return MineFolder(results, "jiangcang")


@pytest.fixture(scope="module")
def truth(folder):
    return json.loads((folder.synthetic / "truth_site.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def rain(folder):
    return series(folder.synthetic_site("precipitation"))


@pytest.fixture(scope="module")
def warmth(folder):
    return series(folder.synthetic_site("temperature"))


@pytest.fixture(scope="module")
def terrain(folder):
    """Heights, slope and direction of fall by Horn's weights as a convolution, and the grid."""
    with rasterio.open(folder.synthetic_site("dem")) as dataset:
        height, grid = dataset.read(1).astype(float), GeoBox(dataset.shape, dataset.transform, dataset.crs)
        assert dataset.units == ("m",) and np.isnan(dataset.nodata) and "not observed" in dataset.tags()["source"]
        assert dataset.crs == rasterio.CRS.from_epsg(32647) and dataset.res == (30, 30)
    kernel = np.outer([1, 2, 1], [-1, 0, 1]) / (8 * 30)
    east = convolve(height, kernel[:, ::-1], mode="nearest")  # a convolution turns its kernel by half a turn
    north = convolve(height, kernel.T, mode="nearest")
    return height, np.degrees(np.arctan(np.sqrt(east**2 + north**2))), np.degrees(np.arctan2(-east, -north)) % 360, grid


def series(path):
    table = pd.read_csv(path)
    assert list(table.columns) == ["date", "value"] and table.notna().all().all()
    return pd.Series(table["value"].to_numpy(), pd.to_datetime(table["date"], format="%Y-%m-%d"))


def shares_of(terrain, zone):
    """Return the share of a zone's ground that is platform, sunny slope, shady slope and steep."""
    _, slope, fall, grid = terrain
    (area,) = [found for found in zone_coverages(read_zones(load(CONFIG), CONFIG), grid) if found.zone == zone]
    slope, fall = slope[area.rows, area.cols], fall[area.rows, area.cols]
    between = (slope >= 5) & (slope < 25)
    masks = (slope < 5, between & (fall >= 90) & (fall < 270), between & ~((fall >= 90) & (fall < 270)), slope >= 25)
    return [float(area.area_m2[mask].sum() / area.area_m2.sum()) for mask in masks]


# --- weather -----------------------------------------------------------------------------------------------------------------


def test_every_day_of_2002_to_2024_has_one_value(rain, warmth):
    days = pd.date_range(date(2002, 1, 1), date(2024, 12, 31))
    assert rain.index.equals(days) and warmth.index.equals(days)
    assert (rain >= 0).all() and rain.max() < 80
    assert warmth.between(-40, 30).all()


def test_the_files_have_no_comment_and_one_decimal(folder):
    for name in ("precipitation", "temperature"):
        lines = folder.synthetic_site(name).read_text(encoding="utf-8").splitlines()
        assert lines[0] == "date,value" and lines[1].startswith("2002-01-01,") and lines[-1].startswith("2024-12-31,")
        assert all(len(line.split(".")[1]) == 1 for line in lines[1:])


def test_may_to_september_sum_to_the_normal_times_the_wetness_of_the_year(rain, truth):
    weather = truth["weather"]
    assert weather["driven_months"] == [5, 6, 7, 8, 9]
    sums = rain.groupby([rain.index.year, rain.index.month]).sum()
    for year, wetness in weather["wetness"].items():
        for month in weather["driven_months"]:
            assert sums[int(year), month] == pytest.approx(weather["normal_mm"][month - 1] * wetness, abs=0.0501)
        season = sum(sums[int(year), month] for month in weather["driven_months"])
        assert season == pytest.approx(weather["driven_mm"][year], abs=1e-6)
        assert season == pytest.approx(410 * wetness, abs=0.25)


def test_2021_is_the_wettest_season_and_no_trend_is_planted(rain):
    season = rain[rain.index.month.isin([7, 8])]
    season = season.groupby(season.index.year).sum()
    print(f"July and August: {season.min():.1f} to {season.max():.1f} mm; 2021 {season[2021]:.1f}")
    assert season.idxmax() == 2021 and season[2021] == pytest.approx(1.19 * 210, abs=0.1)
    assert abs(np.corrcoef(season.index, season)[0, 1]) < 0.1


def test_the_cover_of_the_history_follows_the_season(rain, tmp_path):
    """Cover of undisturbed meadow on July and August of each year: the planted coefficient, per share of the normal 210 mm."""
    from pipeline import history

    planted = history.make(AOI, 1538243)
    meadow = (planted.ground == history.MEADOW).all(axis=0) & (planted.place.area_m2["Closed meadow"] == 0)
    cover = planted.cover[:, meadow].mean(axis=1)
    season = rain[rain.index.month.isin([7, 8])]
    season = season.groupby(season.index.year).sum().loc[2002:2022].to_numpy()
    slope, level = np.polyfit(season / 210 - 1, cover, 1)
    print(f"cover per share of the normal: {slope:.4f}, planted {WEATHER}")
    assert slope == pytest.approx(WEATHER, rel=0.005)
    assert np.abs(cover - level - slope * (season / 210 - 1)).max() < 1e-4


def test_the_background_of_2020_to_2024_lies_on_the_same_line(truth):
    """Its published mean of 2021 and ours of the other years; those of the pits do not, as they are restored meanwhile."""
    weather = truth["weather"]
    expected = [0.806 + weather["coefficient"] * (weather["wetness"][str(year)] - 1) for year in range(2020, 2025)]
    assert ZONES["Background"].means == pytest.approx(expected, abs=1e-4)
    assert ZONES["Pit No. 4"].means != pytest.approx(expected, abs=0.05)


def test_temperature_is_that_of_a_high_plateau(warmth):
    months = warmth.groupby(warmth.index.month).mean()
    assert months.idxmax() == 7 and 7 < months[7] < 11 and months[1] < -13
    assert (warmth[warmth.index.month.isin([1, 12])] < 0).mean() > 0.99
    years = warmth.groupby(warmth.index.year).mean()
    assert -6 < years.min() < years.max() < -1.5
    odd = warmth - warmth.groupby(warmth.index.day_of_year).transform("mean")
    assert 0.55 < np.corrcoef(odd[:-1], odd[1:])[0, 1] < 0.8


# --- relief ------------------------------------------------------------------------------------------------------------------


def test_shares_of_strata_are_those_of_an_independent_horn(terrain, truth):
    planted = truth["strata"]["shares"]
    assert set(planted) == set(ZONES)
    for zone, said in planted.items():
        found = shares_of(terrain, zone)
        assert [said[k] for k in ("platform", "sunny slope", "shady slope", "steep slope")] == pytest.approx(found, abs=1e-5)
        assert sum(found) == pytest.approx(1, abs=1e-9)


def test_pits_and_dumps_have_every_stratum_and_meadow_is_gentle(terrain):
    for zone in (*PITS, *DUMPS):
        shares = shares_of(terrain, zone)
        print(zone, [round(100 * share, 1) for share in shares])
        assert min(shares) > 0.10
    for zone in ("Background", "Closed meadow"):
        assert shares_of(terrain, zone)[0] > 0.98


def test_pits_lie_below_their_surroundings_and_dumps_above(terrain):
    height, _, _, grid = terrain
    for found in zone_coverages(read_zones(load(CONFIG), CONFIG), grid):
        rows, cols = slice(found.rows.start - 3, found.rows.stop + 3), slice(found.cols.start - 3, found.cols.stop + 3)
        inside = np.pad(found.touched, 3)
        middle, around = np.median(height[rows, cols][inside]), np.median(height[rows, cols][~inside])
        if found.zone in PITS:
            assert middle < around - 40
        elif found.zone in DUMPS:
            assert middle > around + 40
    assert 3700 < height.min() < height.max() < 4300


def test_the_whole_grid_of_a_run_lies_on_the_terrain(terrain):
    """The rasters of a run cover the zones' box and 500 m around it."""
    frame = read_zones(load(CONFIG), CONFIG).frame.to_crs(32647)
    west, south, east, north = frame.total_bounds
    box = terrain[3].boundingbox
    assert box.left < west - 530 and box.bottom < south - 530 and box.right > east + 530 and box.top > north + 530


@pytest.mark.parametrize(("rows", "fall"), [(1, 180.0), (-1, 0.0)])
def test_a_plane_that_falls_to_the_south_or_north(rows, fall):
    plane = np.tile(rows * 30 * np.tan(np.radians(20)) * np.arange(5)[::-1, None], (1, 5))
    slope, direction = slope_and_fall(plane)
    assert slope[1:-1, 1:-1] == pytest.approx(np.full((3, 3), 20.0))
    assert direction[1:-1, 1:-1] == pytest.approx(np.full((3, 3), fall))
    assert np.isnan(slope[0]).all() and np.isnan(slope[:, -1]).all()


def test_a_plane_that_falls_to_the_east():
    assert slope_and_fall(np.tile(-30.0 * np.arange(3), (3, 1)))[1][1, 1] == 90


def test_a_bench_is_its_steps():
    steps = Bench(1, ((100, 45), (100, 0), (100, 45)))
    assert profile(steps, np.array([0.0, 100.0, 150.0, 250.0, 900.0])) == pytest.approx([0, 100, 100, 150, 200])


# --- the files ---------------------------------------------------------------------------------------------------------------


def test_equal_seeds_give_equal_bytes_and_others_do_not(folder, tmp_path):
    generate(AOI, tmp_path)
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (folder.synthetic / path.name).read_bytes()
    assert {path.name for path in tmp_path.iterdir()} == {"precipitation.csv", "temperature.csv", "dem.tif", "truth_site.json"}
    assert not np.array_equal(precipitation(1), precipitation(2))
    from pipeline.history import locate

    assert not np.array_equal(elevation(locate(AOI), 1), elevation(locate(AOI), 2))


def test_the_workflow_makes_them_where_they_are_asked_for_and_not_else(tmp_path):
    """A dry run: what is asked of a mine with the history, and the whole of it."""
    config = ("--configfile", str(HISTORY), "--config", f"results={tmp_path}")
    asked = snakemake("-n", str(tmp_path / "jiangcang-history" / "synthetic" / "dem.tif"), *config, cwd=place())
    assert asked.returncode == 0 and "weather and relief" in asked.stdout + asked.stderr, asked.stderr
    whole = snakemake("-n", *config, cwd=place())
    said = whole.stdout + whole.stderr
    assert whole.returncode == 0 and "write the history 2002-2022" in said and "weather and relief" in said
    settings = yaml.safe_load(HISTORY.read_text(encoding="utf-8"))
    for key in ("climate", "strata"):
        del settings[key]
    plain = tmp_path / "plain.yaml"
    plain.write_text(yaml.safe_dump(settings, allow_unicode=True), encoding="utf-8")
    without = snakemake("-n", "--configfile", str(plain), "--config", f"results={tmp_path}", cwd=place())
    said = without.stdout + without.stderr
    assert without.returncode == 0 and "write the history 2002-2022" in said and "weather and relief" not in said


def test_the_config_knows_the_years_of_the_weather():
    assert (planted_site.FIRST_DAY.year, planted_site.LAST_DAY.year) == config_climate.SYNTHETIC_YEARS
