"""The synthetic scenes hold what is planted: read with plain rasterio and numpy."""

import json
from collections import Counter, defaultdict
from datetime import date

import numpy as np
import pytest
import rasterio
from running import ROOT

from pipeline.errors import BadInput
from pipeline.ground import trend_classes
from pipeline.planted import COAL_CELLS, COAL_COVER, SKY, SOIL, VEGETATION, YEARS, ZONES, baseline, dates, trend_class
from pipeline.synthetic import generate

AOI = ROOT / "aoi" / "jiangcang.geojson"
CLOUDY, CLEAR = (8, 9, 10), (2, 4, 5, 6, 7)


class Mine:
    """One generated folder: scenes mosaicked by date on the whole area."""

    def __init__(self, folder):
        self.folder = folder
        self.items = json.loads((folder / "items.json").read_text(encoding="utf-8"))["features"]
        self.truth = json.loads((folder / "truth.json").read_text(encoding="utf-8"))
        with rasterio.open(folder / "truth_fvc_2020.tif") as dataset:
            self.shape, self.bounds = dataset.shape, dataset.bounds
        self.days = defaultdict(list)
        for item in self.items:
            self.days[date.fromisoformat(item["properties"]["datetime"][:10])].append(item)

    def read(self, name):
        """Return the first band of a file."""
        with rasterio.open(self.folder / name) as dataset:
            return dataset.read(1)

    def mosaic(self, day, key):
        """Return digital numbers less offset (10 m) or SCL (20 m) of a date; 0 where nothing was seen."""
        size = 20 if key == "SCL" else 10
        out = np.zeros((self.shape[0] * 10 // size, self.shape[1] * 10 // size), np.int32)
        for item in self.days[day]:
            asset = item["assets"][key]
            values = self.read(asset["href"]).astype(np.int32)
            left = round((asset["proj:transform"][2] - self.bounds.left) / size)
            shift = 1000 if item["properties"]["s2:processing_baseline"] >= "04.00" else 0
            part = out[:, left : left + values.shape[1]]
            part[values > 0] = values[values > 0] - (0 if key == "SCL" else shift)
        return out

    def scl(self, year):
        """Return the twelve masks of a year."""
        return np.stack([self.mosaic(day, "SCL") for day in dates(year)])

    def reflectance(self, day):
        """Return red and NIR; wrong where nothing was seen."""
        return np.stack([self.mosaic(day, key) for key in ("B04", "B08")]).astype(np.float32) / 10000

    def medians(self, year):
        """Return the median cover over clear dates, without dilation."""
        stack = []
        for day in dates(year):
            red, nir = self.reflectance(day)
            clear = fine(np.isin(self.mosaic(day, "SCL"), CLEAR))
            stack.append(np.where(clear, (nir - red) / np.where(clear, nir + red, 1), np.nan).astype(np.float32))
        ordered = np.sort(np.stack(stack), axis=0)  # NaN last
        count = np.isfinite(ordered).sum(axis=0)
        low, high = (np.take_along_axis(ordered, np.maximum(k, 0)[None], 0)[0] for k in ((count - 1) // 2, count // 2))
        return ((low + high) / 2 - SOIL) / (VEGETATION - SOIL)


def fine(values):
    return values.repeat(2, axis=-2).repeat(2, axis=-1)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """The noise-free and the noisy mine."""
    folder = tmp_path_factory.mktemp("synthetic")
    for name, noise in (("free", False), ("noisy", True)):
        generate(AOI, folder / name, noise=noise, threads=2)
    return Mine(folder / "free"), Mine(folder / "noisy")


@pytest.fixture(scope="module")
def free(pair):
    return pair[0]


@pytest.fixture(scope="module")
def noisy(pair):
    return pair[1]


@pytest.fixture(scope="module")
def covers(pair):
    """Median cover per year: noise-free, noisy."""
    return [np.stack([mine.medians(year) for year in YEARS]) for mine in pair]


@pytest.fixture(scope="module")
def masks(pair):
    """SCL per year and date on cells of 20 m: noise-free, noisy."""
    return [np.stack([mine.scl(year) for year in YEARS]) for mine in pair]


@pytest.fixture(scope="module")
def planted(free):
    return np.stack([free.read(f"truth_fvc_{year}.tif") for year in YEARS])


@pytest.fixture(scope="module")
def zones(free):
    import geopandas as gpd
    from rasterio.features import rasterize

    with rasterio.open(free.folder / "truth_fvc_2020.tif") as dataset:
        frame = gpd.read_file(AOI).to_crs(dataset.crs)
        return {
            z: rasterize([g], out_shape=dataset.shape, transform=dataset.transform).astype(bool) for z, g in zip(frame["zone"], frame.geometry, strict=True)
        }


@pytest.fixture(scope="module")
def blind():
    mask = np.zeros((327, 524), bool)
    row, col, size = SKY.blind_patch
    mask[row : row + size, col : col + size] = True
    return mask


def test_seventy_items_twelve_days_a_year(noisy):
    assert len({item["id"] for item in noisy.items}) == len(noisy.items) == 70
    assert Counter(day.year for day in noisy.days) == dict.fromkeys(YEARS, 12)
    assert all((7, 1) <= (day.month, day.day) <= (8, 31) for day in noisy.days)
    assert sorted(noisy.days) == [day for year in YEARS for day in dates(year)]
    assert len({tuple((d.month, d.day) for d in dates(year)) for year in YEARS}) == 5


def test_items_say_what_a_reader_needs(noisy):
    for item in noisy.items:
        properties = item["properties"]
        assert properties["datetime"].endswith("Z") and "T04:07" in properties["datetime"]
        assert properties["proj:epsg"] == 32647
        assert properties["minegreen:source"] == "synthetic: made by minegreen, not observed"
        assert properties["grid:code"] in ("MGRS-47SNC", "MGRS-47SPC")
        assert properties["platform"] in ("sentinel-2a", "sentinel-2b")
        assert item["collection"] == "minegreen-synthetic" and item["links"] == []
        west, south, east, north = item["bbox"]
        assert 99.4 < west < east < 99.6 and 38.0 < south < north < 38.1
        shift = properties["s2:processing_baseline"] >= "04.00"
        for key in ("B04", "B08", "SCL"):
            asset = item["assets"][key]
            (band,) = asset["raster:bands"]
            assert asset["href"] == f"scenes/{item['id']}/{key}.tif"
            assert band["nodata"] == 0
            assert ("offset" in band) == (key != "SCL")
            assert band.get("offset", 0) == (-0.1 if shift and key != "SCL" else 0)
            assert band.get("scale", 0.0001) == 0.0001


def test_files_are_what_the_items_say(noisy):
    for item in noisy.items:
        for key, asset in item["assets"].items():
            with rasterio.open(noisy.folder / asset["href"]) as dataset:
                assert dataset.dtypes == (asset["raster:bands"][0]["data_type"],)
                assert dataset.res == ((20, 20) if key == "SCL" else (10, 10))
                assert list(dataset.shape) == asset["proj:shape"]
                assert list(dataset.transform[:6]) == asset["proj:transform"]
                assert all(edge % 20 == 0 for edge in dataset.bounds)
                assert dataset.crs.to_epsg() == 32647
                assert dataset.nodata == 0
                assert "synthetic" in dataset.tags()["source"]


def test_every_file_is_a_valid_cog(noisy):
    from rio_cogeo.cogeo import cog_validate

    for path in [*sorted(noisy.folder.glob("scenes/*202207*/*.tif")), *sorted(noisy.folder.glob("*.tif"))]:
        valid, errors, warnings = cog_validate(path, strict=True)
        assert valid, (path.name, errors, warnings)


def test_cloud_cover_of_an_item_is_that_of_its_mask(noisy):
    for item in noisy.items:
        scl = noisy.read(item["assets"]["SCL"]["href"])
        assert item["properties"]["eo:cloud_cover"] == pytest.approx(100 * np.isin(scl, CLOUDY)[scl > 0].mean(), abs=0.006)


def test_two_days_a_year_have_two_tiles_that_overlap_by_30_columns(noisy):
    assert Counter(len(items) for items in noisy.days.values()) == {1: 50, 2: 10}
    assert Counter(day.year for day, items in noisy.days.items() if len(items) == 2) == dict.fromkeys(YEARS, 2)
    for items in noisy.days.values():
        if len(items) == 2:
            west, east = items
            assert west["properties"]["datetime"] == east["properties"]["datetime"]
            assert west["properties"]["grid:code"] != east["properties"]["grid:code"]
            start, width = ([item["assets"]["B04"][key] for item in items] for key in ("proj:transform", "proj:shape"))
            assert start[0][2] + 10 * width[0][1] - start[1][2] == 300
            assert start[1][2] + 10 * width[1][1] == noisy.bounds.right


def test_both_radiometric_regimes_and_one_day_with_both(noisy):
    used = {year: {i["properties"]["s2:processing_baseline"] for day, items in noisy.days.items() if day.year == year for i in items} for year in YEARS}
    assert used == {2020: {"03.00"}, 2021: {"03.00"}, 2022: {"04.00", "05.10", "03.00"}, 2023: {"05.10"}, 2024: {"05.10"}}
    mixed = [items for items in noisy.days.values() if len({i["properties"]["s2:processing_baseline"] for i in items}) == 2]
    assert [[i["properties"]["s2:processing_baseline"] for i in items] for items in mixed] == [["05.10", "03.00"]]
    assert baseline(2022, 8, east=True) == "03.00"
    west, east = (noisy.read(i["assets"]["B08"]["href"]).astype(int) for i in mixed[0])
    assert np.array_equal(west[:, -30:] - 1000, east[:, :30])


def test_zero_is_no_data_only(noisy):
    strips = 0
    for item in noisy.items:
        empty = fine(noisy.read(item["assets"]["SCL"]["href"])) == 0
        shift = 1000 if item["properties"]["s2:processing_baseline"] >= "04.00" else 0
        for key in ("B04", "B08"):
            values = noisy.read(item["assets"][key]["href"])
            assert np.array_equal(values == 0, empty)
            assert values[~empty].min() > shift
        strips += bool(empty.any())
        assert empty.mean() < 0.25
    assert strips == len(SKY.swath_edge)


def test_cloud_share_of_every_day(masks):
    for days in masks:
        for scl in days.reshape(-1, *days.shape[2:]):
            assert 0.10 <= np.isin(scl, CLOUDY)[scl > 0].mean() <= 0.40


def test_every_class_of_the_mask_occurs_and_shadows_are_dark(free, masks):
    assert set(np.unique(masks[0])) == {0, 2, 3, 4, 5, 6, 8, 9, 10}
    day = dates(2021)[4]
    scl, light = fine(free.mosaic(day, "SCL")), free.reflectance(day).sum(axis=0)
    assert np.median(light[scl == 3]) == pytest.approx(0.45 * np.median(light[scl == 4]), rel=0.1)
    thick = free.reflectance(day)[:, (scl == 8) | (scl == 9)]
    assert thick.min() >= 0.3 and thick.max() <= 0.7


def test_two_per_cent_of_the_cloud_is_missed_in_blobs(masks):
    free, noisy = masks
    cloudy = np.isin(free, CLOUDY)
    missed = cloudy & np.isin(noisy, CLEAR)
    assert missed.sum() / cloudy.sum() == pytest.approx(0.02, abs=0.001)
    assert np.isin(noisy[missed], (4, 5)).all()
    neighbours = missed[..., 1:, :] & missed[..., :-1, :]
    assert neighbours.sum() > 0.6 * missed.sum()


def test_two_per_cent_of_bare_ground_is_masked_as_cloud(free, masks, planted):
    clean, noisy = masks
    wrong = np.isin(clean, CLEAR) & np.isin(noisy, CLOUDY)
    assert (noisy[wrong] == 8).all()
    for i, year in enumerate(YEARS):
        known = planted[i].reshape(327, 2, 524, 2)
        bare = (np.where(np.isnan(known), 1, known) < 0.15).all(axis=(1, 3))
        seen = np.isin(clean[i], CLEAR) & bare
        assert (wrong[i] & bare).sum() / seen.sum() == pytest.approx(0.02, abs=0.003), year
        inside = ~np.isnan(known).any(axis=(1, 3))
        assert not (wrong[i] & inside & ~bare).any()


def test_haze_in_three_per_cent_of_the_observations(free, noisy, masks):
    hazy = seen = 0
    for year, day in ((2020, dates(2020)[1]), (2022, dates(2022)[8]), (2024, dates(2024)[5])):
        k = dates(year).index(day)
        land = np.isin(masks[0][YEARS.index(year), k], (4, 5)) & np.isin(masks[1][YEARS.index(year), k], (4, 5))
        more = (noisy.reflectance(day) - free.reflectance(day)).mean(axis=0).reshape(327, 2, 524, 2).mean(axis=(1, 3))[land]
        hazy, seen = hazy + (more > 0.025).sum(), seen + more.size
        assert np.median(more[more > 0.025]) == pytest.approx(0.06, abs=0.01)
        assert np.percentile(more, 99.9) < 0.09
    assert hazy / seen == pytest.approx(0.03, abs=0.003)


def test_noise_is_at_least_one_per_cent_of_reflectance_in_both_bands(free, noisy, zones, masks):
    bare = zones["Bare spoil"]
    for year in (2021, 2023):
        day, k = dates(year)[4], YEARS.index(year)
        clear = fine(masks[0][k, 4] == 5) & fine(masks[1][k, 4] == 5) & bare
        difference = (noisy.reflectance(day) - free.reflectance(day))[:, clear]
        difference = difference[:, np.abs(difference.sum(axis=0)) < 0.06]  # without haze
        assert difference.shape[1] > 3000
        assert (difference.std(axis=1) >= 0.0098).all() and (difference.std(axis=1) <= 0.0106).all()
        assert abs(np.corrcoef(difference)[0, 1]) < 0.08
        assert np.abs(difference.mean(axis=1)).max() < 0.002


def test_between_two_and_twelve_clear_dates_outside_the_blind_patch(masks, blind):
    for days in masks:
        clear = np.isin(days, CLEAR).sum(axis=1)
        assert clear.max() <= 12
        for i, year in enumerate(YEARS):
            assert clear[i][~blind if year == SKY.blind_year else ...].min() >= 2, year
        assert (clear >= 6).mean() > 0.9


def test_paired_dates_never_hide_the_same_place_even_dilated_by_40_m(masks, blind):
    from scipy.ndimage import binary_dilation

    square = np.ones((5, 5), bool)
    for i in range(len(YEARS)):
        for a, b in SKY.pairs:
            first, second = (binary_dilation(np.isin(masks[0][i, k], (3, *CLOUDY)) & ~blind, square) for k in (a, b))
            assert not (first & second & ~binary_dilation(blind, square)).any()


def test_the_blind_patch_has_no_clear_date_in_its_year_and_lies_outside_all_zones(masks, blind, zones):
    from scipy.ndimage import binary_dilation

    assert blind.sum() * 4 == 900
    around = fine(binary_dilation(blind, iterations=5))
    assert not any((mask & around).any() for mask in zones.values())
    for days in masks:
        clear = np.isin(days, CLEAR).sum(axis=1)
        assert clear[YEARS.index(SKY.blind_year)][blind].max() == 0
        assert min(clear[i][blind].min() for i, year in enumerate(YEARS) if year != SKY.blind_year) >= 2


def test_the_lake_grows_as_planted(free, masks, zones):
    pit = zones["Pit No. 7"]
    water = np.stack([free.read(f"truth_water_{year}.tif") for year in YEARS])
    assert set(np.unique(water)) == {0, 1}
    assert not (water[:, ~pit]).any()
    assert (np.diff(water.astype(int), axis=0) >= 0).all()
    assert water.sum(axis=(1, 2)) / pit.sum() == pytest.approx(ZONES["Pit No. 7"].lake, abs=0.002)
    for i, year in enumerate(YEARS):
        seen = np.isin(masks[0][i], CLEAR)
        for k, day in enumerate(dates(year)):
            assert np.array_equal((masks[0][i, k] == 6), (water[i, ::2, ::2] == 1) & seen[k])
            red, nir = free.reflectance(day)[:, fine(masks[0][i, k] == 6)]
            assert (red == np.float32(0.03)).all() and (nir == np.float32(0.012)).all()


def test_truth_is_without_cover_where_water_and_says_97_or_99(free, planted):
    water = np.stack([free.read(f"truth_water_{year}.tif") for year in YEARS]).astype(bool)
    assert np.isnan(planted[water]).all()
    for first, last in ((2021, 2024), (2020, 2024)):
        wet = water[YEARS.index(first) :].sum(axis=0)
        years = last - first + 1
        codes = free.read(f"truth_class_{first}-{last}.tif")
        assert np.array_equal(codes == 97, 2 * wet >= years)
        assert np.array_equal(codes == 99, (2 * wet < years) & (years - wet < 4))
        assert (codes == 97).sum() > 1000 and (codes == 99).sum() > 500


def test_coal_is_dark_lies_beside_the_lake_and_is_called_shadow_on_a_third_of_the_dates(free, masks, planted, zones):
    coal = np.isclose(planted[0], COAL_COVER, atol=1e-6)
    assert coal.sum() == COAL_CELLS
    assert zones["Pit No. 7"][coal].all()
    assert free.read("truth_class_2021-2024.tif")[coal].tolist() == [5] * COAL_CELLS
    cells = coal[::2, ::2]
    wrong_dates = 0
    for i, year in enumerate(YEARS):
        called = masks[0][i][:, cells]
        assert set(np.unique(called)) <= {0, 2, 3, 8, 9, 10}
        assert (called == 2).any(axis=1).sum() >= 3
        for k, day in enumerate(dates(year)):
            red, nir = free.reflectance(day)[:, fine(masks[0][i, k] == 2)]
            assert red == pytest.approx(0.03, rel=0.05)
            assert nir / red == pytest.approx(7 / 6, rel=1e-5)
            shaded = free.reflectance(day)[0][coal & fine(masks[0][i, k] == 3)]
            wrong_dates += bool((shaded > 0.028).any())
    called = masks[0][:, :, cells]
    assert (called == 2).sum() > (called == 3).sum()
    assert 10 <= wrong_dates <= 20  # four of twelve dates a year, less those under cloud


def test_noise_free_medians_are_the_planted_cover(covers, planted):
    known = np.isfinite(planted)
    worst = np.abs(covers[0] - planted)[known].max()
    print(f"largest difference of the noise-free median from the planted cover: {worst:.5f}")
    assert worst <= 0.001


@pytest.mark.parametrize("period", [(2021, 2024), (2020, 2024)])
def test_noise_free_medians_give_the_planted_classes(period, free, covers, planted):
    years = slice(YEARS.index(period[0]), YEARS.index(period[1]) + 1)
    codes = free.read(f"truth_class_{period[0]}-{period[1]}.tif")
    land = (codes > 0) & (codes < 97) & np.isfinite(planted[years]).all(axis=0)
    found = trend_classes(covers[0][years][:, land].astype(float), np.arange(period[0], period[1] + 1))
    agreement = (found == codes[land]).mean()
    print(f"{period}: noise-free medians give {100 * agreement:.3f} % of the planted classes")
    assert agreement >= 0.99


def test_noisy_medians_keep_the_zone_means(covers, planted, zones):
    worst = 0.0
    for name, mask in zones.items():
        for i in range(len(YEARS)):
            land = mask & np.isfinite(planted[i])
            mean = float(np.mean(covers[1][i][land], dtype=np.float64))
            print(f"{name} {YEARS[i]}: {mean:.4f}, planted {ZONES[name].means[i]:.4f}, difference {mean - ZONES[name].means[i]:+.4f}")
            worst = max(worst, abs(mean - ZONES[name].means[i]))
    print(f"largest difference: {worst:.4f}")
    assert worst < 0.015


def test_planted_zone_means_and_shares_in_the_truth(free, planted, zones):
    codes = free.read("truth_class_2021-2024.tif")
    pooled = sum(mask.sum() for mask in zones.values())
    for name, mask in zones.items():
        means = [float(np.nanmean(planted[i][mask])) for i in range(len(YEARS))]
        assert means == pytest.approx(ZONES[name].means, abs=0.001)
        found = codes[mask & (codes < 97)]
        for code, share in ZONES[name].shares.items():
            assert (found == code).mean() == pytest.approx(share, abs=0.01), (name, code)
        if ZONES[name].spread == 0:
            assert mask.sum() > 0.10 * pooled


def test_classes_of_many_pixels_are_those_of_one(planted):
    rng = np.random.default_rng(7)
    for years in (4, 5):
        series = rng.normal(0.5, 0.05, (years, 300)) * rng.choice([0.001, 1], 300) + np.linspace(0, 0.05, years)[:, None] * rng.integers(-1, 2, 300)
        assert trend_classes(series, np.arange(years)).tolist() == [trend_class(tuple(s)) for s in series.T.tolist()]


def test_truth_json_says_what_was_planted_in_the_sky(noisy, masks):
    sky = noisy.truth["sky"]
    assert "not observed" in noisy.truth["note"]
    assert len(sky["days"]) == 60
    day = dates(2022)[8]
    scl = masks[1][2, 8]
    assert sky["days"][day.isoformat()]["cloud_pct"] == pytest.approx(100 * np.isin(scl, CLOUDY)[scl > 0].mean(), abs=0.001)
    assert sum(len(entry["items"]) for entry in sky["days"].values()) == 70
    assert noisy.truth["zones"]["Pit No. 7"]["water_share"]["2024"] == 0.40


def test_bytes_depend_on_the_seed_only(noisy, tmp_path):
    generate(AOI, tmp_path / "one", threads=1)
    names = sorted(p.relative_to(noisy.folder) for p in noisy.folder.rglob("*") if p.is_file())
    assert len(names) == 70 * 3 + 14
    assert names == sorted(p.relative_to(tmp_path / "one") for p in (tmp_path / "one").rglob("*") if p.is_file())
    for name in names:
        assert (tmp_path / "one" / name).read_bytes() == (noisy.folder / name).read_bytes(), name


def test_another_seed_gives_other_scenes_and_keeps_the_means(noisy, zones, tmp_path):
    generate(AOI, tmp_path, noise=False, seed=2, threads=2)
    other = Mine(tmp_path)
    assert not np.array_equal(other.mosaic(dates(2020)[0], "SCL"), noisy.mosaic(dates(2020)[0], "SCL"))
    for year in YEARS:
        clear = np.isin(other.scl(year), CLEAR).sum(axis=0)
        row, col, size = SKY.blind_patch
        clear[row : row + size, col : col + size] = 2
        assert clear.min() >= 2
        assert np.nanmean(other.read(f"truth_fvc_{year}.tif")[zones["Pit No. 4"]]) == pytest.approx(ZONES["Pit No. 4"].means[YEARS.index(year)], abs=0.001)


def test_another_aoi_is_refused(tmp_path):
    path = tmp_path / "other.geojson"
    path.write_text(AOI.read_text(encoding="utf-8").replace("Pit No. 7", "Pit No. 8"), encoding="utf-8")
    with pytest.raises(BadInput, match="the embedded mine's zones"):
        generate(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


# A copy of what is synthetic stays synthetic


def said_synthetic(folder):
    """Return what the results say of the images: the pin, the tags of a raster, the row of the summary and the page."""
    from pipeline.stages import summary
    from pipeline.tables import read_csv

    with rasterio.open(folder / "fvc_2020.tif") as dataset:
        tag = dataset.tags().get("source")
    results = folder.parents[1]
    summary.run(results)
    (row,) = read_csv(results / "summary" / "mines.csv")
    listed = json.loads((folder.parent / "run.json").read_text(encoding="utf-8"))["synthetic"]
    return json.loads((folder / "scenes.json").read_text(encoding="utf-8"))["synthetic"], tag, listed, row["synthetic"]


@pytest.mark.parametrize("mark", [None, "synthetic: made by minegreen, not observed"])
def test_scenes_that_are_marked_give_results_that_say_so(tmp_path, caplog, mark):
    from scenemine import SceneMine

    mine = SceneMine(tmp_path).series(2)
    for scene in mine.scenes[3:]:  # some of them are enough
        scene["properties"] = {"minegreen:source": mark} if mark else {}
    folder = mine.run()
    assert mine.stage("manifest") == 0
    assert said_synthetic(folder) == ((True, "synthetic", ["sentinel-2"], "yes") if mark else (False, None, [], "no"))
    assert ("marked as synthetic" in caplog.text) == (mark is not None)


def test_composites_that_are_marked_give_results_that_say_so(small_mine, caplog):
    from pipeline.__main__ import main

    small_mine.write()
    with rasterio.open(small_mine.folder / "2021.tif", "r+") as dataset:
        dataset.update_tags(source="synthetic")
    small_mine.write_images = lambda: None
    folder = small_mine.run()
    assert main(["manifest", str(small_mine.config), "--results", str(small_mine.results)]) == 0
    assert said_synthetic(folder) == (True, "synthetic", ["sentinel-2"], "yes")
    assert "marked as synthetic" in caplog.text
    assert main(["map", str(small_mine.config), "--sensor", "sentinel-2", "--results", str(small_mine.results)]) == 0
