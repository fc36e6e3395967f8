"""What Landsat and MODIS see of the synthetic mine: read with plain rasterio and numpy, bits and projections by hand."""

import json
import math
import re
from collections import defaultdict
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
import rasterio
from running import ROOT

from pipeline import ground, synthetic_landsat, synthetic_modis
from pipeline.errors import BadInput
from pipeline.passes import LANDSAT, MODIS
from pipeline.planted import COAL, SOIL, VEGETATION, WATER, YEARS, ZONES

AOI = ROOT / "aoi" / "jiangcang.geojson"
# QA_PIXEL of OLI as in the USGS guide and in real scenes; that of ETM+ is the same without bits 14 and 15
USGS = {1, 21762, 21824, 21890, 21952, 22080, 22208, 22280, 23826, 23888, 23954, 24016, 29986, 30048, 54534, 54596, 54724}
RED, NIR, NDVI, RELIABILITY, QUALITY, DAY = (
    "red",
    "nir08",
    "250m_16_days_NDVI",
    "250m_16_days_pixel_reliability",
    "250m_16_days_VI_Quality",
    "250m_16_days_composite_day_of_the_year",
)
R, TILE = 6371007.181, 1111950.5197665554


class Made:
    """One generated folder of one kind of sensor."""

    def __init__(self, folder, kind):
        self.folder, self.kind = folder, kind
        self.items = json.loads((folder / f"items_{kind}.json").read_text(encoding="utf-8"))["features"]
        self.truth = json.loads((folder / f"truth_{kind}.json").read_text(encoding="utf-8"))

    def read(self, item, key):
        """Return the values of an asset."""
        with rasterio.open(self.folder / item["assets"][key]["href"]) as dataset:
            return dataset.read(1)

    def at(self, item):
        """Return the mission and the day of a Landsat item."""
        return int(item["properties"]["platform"][-1]), date.fromisoformat(item["properties"]["datetime"][:10])


@pytest.fixture(scope="module")
def landsat(tmp_path_factory):
    folder = tmp_path_factory.mktemp("landsat")
    synthetic_landsat.generate(AOI, folder)
    return Made(folder, "landsat")


@pytest.fixture(scope="module")
def free_landsat(tmp_path_factory):
    folder = tmp_path_factory.mktemp("landsat-free")
    synthetic_landsat.generate(AOI, folder, noise=False)
    return Made(folder, "landsat")


@pytest.fixture(scope="module")
def modis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modis")
    synthetic_modis.generate(AOI, folder)
    return Made(folder, "modis")


@pytest.fixture(scope="module")
def free_modis(tmp_path_factory):
    folder = tmp_path_factory.mktemp("modis-free")
    synthetic_modis.generate(AOI, folder, noise=False)
    return Made(folder, "modis")


@pytest.fixture(scope="module")
def planted():
    return ground.make(AOI, 1538243)


def reflectance(planted, year):
    """Return red and NIR of every cell of 10 m, without sky: cover gives NDVI, light the sum."""
    i = YEARS.index(year)
    ndvi = SOIL + planted.cover[i] * (VEGETATION - SOIL)
    red, nir = planted.light * (1 - ndvi) / 2, planted.light * (1 + ndvi) / 2
    for mask, pair in ((planted.water[i], WATER), (planted.coal, COAL)):
        red[mask], nir[mask] = pair
    return red, nir


def cover_of(ndvi):
    return np.clip((ndvi - SOIL) / (VEGETATION - SOIL), 0, 1)


def zone_shapes(crs):
    import geopandas as gpd

    frame = gpd.read_file(AOI).to_crs(crs)
    return dict(zip(frame["zone"], frame.geometry, strict=True))


# --- Landsat -----------------------------------------------------------------------------------------------------------------


def test_each_mission_comes_every_16_days_and_the_other_8_days_later(landsat):
    days = defaultdict(set)
    for item in landsat.items:
        mission, day = landsat.at(item)
        days[mission].add(day)
        assert (7, 1) <= (day.month, day.day) <= (8, 31)
    assert {m: sorted({d.year for d in found}) for m, found in days.items()} == {7: [2020, 2021], 8: list(YEARS), 9: [2022, 2023, 2024]}
    for found in days.values():
        assert {(d - min(found)).days % 16 for d in found} == {0}
    assert {(min(days[m]) - min(days[8])).days % 16 for m in (7, 9)} == {8}
    counts = [len({landsat.at(i)[1] for i in landsat.items if landsat.at(i)[1].year == year}) for year in YEARS]
    assert counts == [7, 8, 8, 7, 8]


def test_landsat_items_look_like_those_of_a_catalogue_and_are_marked_as_made(landsat):
    for item in landsat.items:
        mission, day = landsat.at(item)
        properties = item["properties"]
        found = re.fullmatch(r"SYN_(LE07|LC08|LC09)_L2SP_(\d{3})(\d{3})_(\d{8})_(\d{8})_02_T1", item["id"])
        assert found and found[1] == f"{'LE' if mission == 7 else 'LC'}{mission:02d}"
        assert (found[2], found[3]) == (properties["landsat:wrs_path"], properties["landsat:wrs_row"])
        assert found[4] == f"{day:%Y%m%d}" and found[5] > found[4]
        assert properties["instruments"] == (["etm"] if mission == 7 else ["oli", "tirs"])
        assert properties["landsat:collection_category"] == "T1" and properties["landsat:collection_number"] == "02"
        assert properties["proj:epsg"] == 32647
        assert properties["minegreen:source"] == "synthetic: made by minegreen, not observed"
        assert item["collection"] == "minegreen-synthetic" and item["links"] == []
        assert list(item["assets"]) == [RED, NIR, "qa_pixel", "qa_radsat"]
        for key in (RED, NIR):
            (band,) = item["assets"][key]["raster:bands"]
            assert (band["scale"], band["offset"], band["nodata"], band["data_type"]) == (2.75e-05, -0.2, 0, "uint16")
        west, south, east, north = item["bbox"]
        assert 99.4 < west < east < 99.6 and 38.0 < south < north < 38.1


def test_centres_of_landsat_cells_lie_on_multiples_of_30_m(landsat):
    for item in landsat.items:
        for asset in item["assets"].values():
            with rasterio.open(landsat.folder / asset["href"]) as dataset:
                a = dataset.transform
                assert (a.a, a.b, a.d, a.e) == (30, 0, 0, -30)
                assert (a.c + 15) % 30 == 0 and (a.f - 15) % 30 == 0
                assert a.c % 30 == 15  # no edge of 10 m or 20 m cells at the same place
                assert dataset.crs.to_epsg() == 32647 and dataset.dtypes == ("uint16",)
                assert list(dataset.shape) == item["properties"]["proj:shape"]
                assert list(a[:6]) == item["properties"]["proj:transform"]
                assert "not observed" in dataset.tags()["source"] and dataset.tags()["AREA_OR_POINT"] == "Point"


def test_files_are_valid_cogs(landsat, modis):
    from rio_cogeo.cogeo import cog_validate

    for made in (landsat, modis):
        for item in made.items[::9]:
            for asset in item["assets"].values():
                valid, errors, warnings = cog_validate(made.folder / asset["href"], strict=True)
                assert valid, (asset["href"], errors, warnings)


def test_two_rows_of_one_pass_share_20_lines(landsat):
    by_day = defaultdict(list)
    for item in landsat.items:
        by_day[landsat.at(item)].append(item)
    double = {key: sorted(items, key=lambda i: i["properties"]["landsat:wrs_row"]) for key, items in by_day.items() if len(items) == 2}
    assert {day.year for _, day in double} == set(YEARS) and len(double) == 2 * len(YEARS)
    assert {mission for mission, _ in double} == {7, 8, 9}
    for north, south in double.values():
        assert [i["properties"]["landsat:wrs_row"] for i in (north, south)] == ["033", "034"]
        assert {i["properties"]["landsat:wrs_path"] for i in (north, south)} == {"134"}
        times = [datetime.fromisoformat(i["properties"]["datetime"]) for i in (north, south)]
        assert timedelta(0) < times[1] - times[0] < timedelta(minutes=1)
        top, bottom = ([i["properties"][f"proj:{k}"] for k in ("transform", "shape")] for i in (north, south))
        shared = round((bottom[0][5] - (top[0][5] - 30 * top[1][0])) / 30)
        assert shared == 20
        for key in north["assets"]:
            assert np.array_equal(landsat.read(north, key)[-20:], landsat.read(south, key)[:20])


def test_every_qa_pixel_value_is_one_that_usgs_gives(landsat):
    seen = defaultdict(int)
    for item in landsat.items:
        mission, _ = landsat.at(item)
        values, counts = np.unique(landsat.read(item, "qa_pixel"), return_counts=True)
        for value, count in zip(values.tolist(), counts.tolist(), strict=True):
            known = USGS if mission > 7 else {1} | {v & 0x3FFF for v in USGS if v & 0xC000 == 0x4000}
            assert value in known, (mission, value, bin(value))
            seen[value] += count
    assert {21824, 21952, 22280, 23888, 21762, 30048, 54596, 22080, 5440, 5896, 1} <= set(seen)


def test_qa_pixel_bits_agree_with_each_other(landsat):
    for item in landsat.items:
        q = landsat.read(item, "qa_pixel").astype(int)
        q = q[q != 1]
        bit = [(q >> n) & 1 for n in range(8)]
        confidence = {n: (q >> n) & 3 for n in (8, 10, 12, 14)}
        assert not bit[0].any()
        assert np.array_equal(bit[6] == 1, (bit[1] == 0) & (bit[3] == 0))  # clear: neither cloud nor dilated cloud
        assert np.array_equal(bit[3] == 1, confidence[8] == 3)
        assert np.array_equal(bit[4] == 1, confidence[10] == 3)
        assert np.array_equal(bit[5] == 1, confidence[12] == 3)
        assert np.array_equal(bit[2] == 1, confidence[14] == 3)
        if item["properties"]["platform"] == "landsat-7":
            assert not confidence[14].any() and not bit[2].any()
        cloudy = 100 * ((bit[3] | bit[2]) == 1).mean()
        assert item["properties"]["eo:cloud_cover"] == pytest.approx(cloudy, abs=0.006)


def test_bits_are_those_of_real_scenes(landsat, shared):
    real = set()
    for path in (shared / "landsat_c2l2_scenes_qa_pixel").glob("*QA_PIXEL.TIF"):
        with rasterio.open(path) as dataset:
            real |= set(np.unique(dataset.read(1)).tolist())
    ours = {v for i in landsat.items if landsat.at(i)[0] > 7 for v in np.unique(landsat.read(i, "qa_pixel")).tolist()}
    print("OLI values:", sorted(ours), "of these not in the three real scenes:", sorted(ours - real))
    assert {21762, 21824, 21952, 22080, 22280, 23826, 23888, 29986, 30048} <= real & ours


def test_fill_is_zero_in_both_bands_one_in_qa_pixel_and_nothing_else(landsat):
    for item in landsat.items:
        fill = landsat.read(item, "qa_pixel") == 1
        for key in (RED, NIR):
            values = landsat.read(item, key)
            assert np.array_equal(values == 0, fill)
            assert values[~fill].min() >= 7273  # reflectance above 0
        assert not landsat.read(item, "qa_radsat")[fill].any()


def test_gaps_are_stripes_of_22_per_cent_every_33_lines_in_etm_scenes_alone(landsat):
    phases = set()
    for item in landsat.items:
        gap = landsat.read(item, "qa_pixel") == 1
        if landsat.at(item)[0] > 7:
            assert not gap.any()
            continue
        assert gap.mean() == pytest.approx(0.22, abs=0.03)
        starts = np.flatnonzero(gap[1:, 0] & ~gap[:-1, 0])
        assert {33} == set(np.diff(starts).tolist())
        lengths = [int(gap[s + 1 : s + 12, c].sum()) for c in (0, -1) for s in np.flatnonzero(gap[1:, c] & ~gap[:-1, c])[:2]]
        assert lengths[0] in (6, 7) and lengths[-1] in (8, 9)
        phases.add(int(starts[0]))
    assert len(phases) > 3


def test_saturation_bits_belong_to_the_mission(landsat):
    other = missing = 0
    for item in landsat.items:
        mission, day = landsat.at(item)
        flags, red, nir = landsat.read(item, "qa_radsat"), landsat.read(item, RED), landsat.read(item, NIR)
        red_bit, nir_bit, wrong_bit = (2, 3, 4) if mission == 7 else (3, 4, 2)  # bit = band - 1: ETM+ B3, B4, B5; OLI B4, B5, B3
        assert set(np.unique(flags)) <= {0, 1 << red_bit, 1 << nir_bit, 1 << wrong_bit}
        assert np.array_equal(flags == 1 << red_bit, red == 65455)
        assert np.array_equal(flags == 1 << nir_bit, nir == 65455)
        decoy = flags == 1 << wrong_bit
        assert (red[decoy].astype(int) < 30000).all()
        other, missing = other + decoy.sum(), missing + (flags == 0).all()
    assert other > 10000 and missing == len(LANDSAT.overcast)


def test_a_pass_may_have_no_clear_cell(landsat):
    overcast = [i for i in landsat.items if i["properties"]["eo:cloud_cover"] == 100]
    assert {landsat.at(i)[1].year for i in overcast} == {2021, 2023}
    for item in overcast:
        assert ((landsat.read(item, "qa_pixel") & 0b1110) > 0).all()


def test_reflectance_of_a_cell_is_the_mean_by_area_of_the_ground_below(free_landsat, planted):
    rng, worst = np.random.default_rng(3), 0.0
    left, top = planted.geobox.boundingbox.left, planted.geobox.boundingbox.top
    for item in free_landsat.items[::4]:
        mission, day = free_landsat.at(item)
        red, nir = reflectance(planted, day.year)
        pixel = free_landsat.read(item, "qa_pixel") & 0x3FFF
        x0, y0 = (item["properties"]["proj:transform"][k] for k in (2, 5))
        clear = np.argwhere(np.isin(pixel, (5440, 5504)))
        if not clear.size:
            continue
        differences = []
        for row, col in clear[rng.choice(len(clear), 60)]:
            west, north = x0 + 30 * col - left, top - (y0 - 30 * row)
            sums = np.zeros(2)
            for i in range(math.floor(north / 10), math.ceil((north + 30) / 10)):
                for j in range(math.floor(west / 10), math.ceil((west + 30) / 10)):
                    high = min(north + 30, 10 * i + 10) - max(north, 10 * i)
                    wide = min(west + 30, 10 * j + 10) - max(west, 10 * j)
                    sums += high * wide * np.array([red[i, j], nir[i, j]])
            stored = np.array([free_landsat.read(item, key)[row, col] for key in (RED, NIR)]) * 0.0000275 - 0.2
            differences.append((stored - sums / 900, (stored[1] - stored[0]) / stored.sum() - (sums[1] - sums[0]) / sums.sum()))
        ndvi = np.array([d[1] for d in differences])
        worst = max(worst, np.abs(ndvi).max())
        assert np.abs(np.array([d[0] for d in differences])).max() < 0.02  # a pass is a little brighter or darker as a whole
    print(f"largest difference in NDVI from the ground by hand: {worst:.5f}")
    assert worst < 0.002


def landsat_covers(made):
    """Return cover per year on the mine's cells of 30 m: median of what QA_PIXEL and QA_RADSAT call clear, water out."""
    rows, cols = made.truth["grid"]["shape"]
    top = made.truth["grid"]["transform"][5]
    out = {}
    for year in YEARS:
        stack = defaultdict(lambda: np.full((rows, cols), np.nan))
        for item in made.items:
            mission, day = made.at(item)
            if day.year != year:
                continue
            q, s = made.read(item, "qa_pixel"), made.read(item, "qa_radsat")
            bad = (q & 0b111111 > 0) | (q & 128 > 0) | (s & (0b1100 if mission == 7 else 0b11000) > 0)
            red, nir = (made.read(item, key) * 0.0000275 - 0.2 for key in (RED, NIR))
            first = round((top - item["properties"]["proj:transform"][5]) / 30)
            part = stack[day][first : first + len(q)]
            part[~bad] = ((nir - red) / (nir + red))[~bad]
        whole = np.stack(list(stack.values()))
        count = np.isfinite(whole).sum(axis=0)
        median = np.full((rows, cols), np.nan)
        median[count > 0] = np.nanmedian(whole[:, count > 0], axis=0)
        out[year] = cover_of(median)
    return out


def test_landsat_zone_means_are_the_planted_ones(landsat):
    from affine import Affine
    from rasterio.features import rasterize

    covers = landsat_covers(landsat)
    rows, cols = landsat.truth["grid"]["shape"]
    west, north = (landsat.truth["grid"]["transform"][k] for k in (2, 5))
    worst = on_grid = 0.0
    for name, shape in zone_shapes(32647).items():
        burnt = rasterize([shape], out_shape=(rows * 15, cols * 15), transform=Affine(2, 0, west, 0, -2, north))
        weight = burnt.reshape(rows, 15, cols, 15).mean(axis=(1, 3))
        for i, year in enumerate(YEARS):
            known = np.isfinite(covers[year]) & (weight > 0)
            mean = np.average(covers[year][known], weights=weight[known])
            planted, grid = ZONES[name].means[i], landsat.truth["zones"][name]["fvc_mean_on_grid"][str(year)]
            print(f"{name} {year}: {mean:.4f}, planted {planted:.4f} ({mean - planted:+.4f}), on the grid {grid:.4f} ({mean - grid:+.4f})")
            worst, on_grid = max(worst, abs(mean - planted)), max(on_grid, abs(mean - grid))
            assert landsat.truth["zones"][name]["fvc_mean"][str(year)] == planted
    print(f"largest difference: {worst:.4f} from what is planted, {on_grid:.4f} from its mean on the grid")
    assert worst < 0.02 and on_grid < 0.015


def test_truth_says_what_is_in_the_landsat_scenes(landsat):
    truth = landsat.truth
    assert "not observed" in truth["note"]
    assert sorted(name for day in truth["days"].values() for name in day["items"]) == sorted(i["id"] for i in landsat.items)
    for item in landsat.items[::7]:
        _, day = landsat.at(item)
        if len(truth["days"][day.isoformat()]["items"]) == 2:
            continue
        q = landsat.read(item, "qa_pixel")
        seen = q != 1
        planted = truth["days"][day.isoformat()]
        assert planted["gap_pct"] == pytest.approx(100 * (~seen).mean(), abs=0.001)
        assert planted["shadow_pct"] == pytest.approx(100 * (q[seen] & 16 > 0).mean(), abs=0.001)
        assert planted["dilated_pct"] == pytest.approx(100 * (q[seen] & 2 > 0).mean(), abs=0.001)


# --- MODIS -------------------------------------------------------------------------------------------------------------------


def test_composites_are_those_of_terra_and_aqua(modis):
    starts = defaultdict(set)
    for item in modis.items:
        properties = item["properties"]
        assert properties["datetime"] is None
        first, last = (datetime.fromisoformat(properties[f"{k}_datetime"]) for k in ("start", "end"))
        assert last - first == timedelta(days=16) - timedelta(seconds=1)
        product, year, day = re.fullmatch(r"SYN_(M[OY]D13Q1)\.A(\d{4})(\d{3})\.h25v05\.061\.\d{13}", item["id"]).groups()
        assert (first.year, first.timetuple().tm_yday) == (int(year), int(day))
        assert properties["platform"] == {"MOD13Q1": "terra", "MYD13Q1": "aqua"}[product]
        starts[product].add((int(year), int(day)))
        assert properties["modis:tile-id"] == "51025005" and properties["proj:epsg"] is None
        assert properties["minegreen:source"] == "synthetic: made by minegreen, not observed"
        assert list(item["assets"]) == [NDVI, RELIABILITY, QUALITY, DAY]
    assert {(d - 1) % 16 for _, d in starts["MOD13Q1"]} == {0} and {(d - 9) % 16 for _, d in starts["MYD13Q1"]} == {0}
    assert {product: len(found) for product, found in starts.items()} == {"MOD13Q1": 5 * len(YEARS), "MYD13Q1": 4 * len(YEARS)}


def test_modis_cells_are_those_of_tile_h25v05(modis):
    """The mine's place by the sinusoidal formulas: x = R lon cos(lat), y = R lat on a sphere."""
    lon, lat = math.radians(99.49), math.radians(38.04)
    x, y = R * lon * math.cos(lat), R * lat
    assert (math.floor((x + math.pi * R) / TILE), math.floor((math.pi * R / 2 - y) / TILE)) == (25, 5)
    for item in modis.items[::5]:
        for asset in item["assets"].values():
            with rasterio.open(modis.folder / asset["href"]) as dataset:
                a, size = dataset.transform, TILE / 4800
                assert a.a == pytest.approx(size, abs=1e-9) and a.e == pytest.approx(-size, abs=1e-9)
                for cells in ((a.c + math.pi * R - 25 * TILE) / size, (math.pi * R / 2 - 5 * TILE - a.f) / size):
                    assert cells == pytest.approx(round(cells), abs=1e-4)
                    assert 0 <= round(cells) < 4800
                assert dataset.bounds.left < x < dataset.bounds.right and dataset.bounds.bottom < y < dataset.bounds.top
                assert "+proj=sinu" in dataset.crs.to_proj4() and "6371007.181" in dataset.crs.to_proj4()
                assert list(dataset.shape) == item["properties"]["proj:shape"]
                assert list(a[:6]) == item["properties"]["proj:transform"]
                assert "not observed" in dataset.tags()["source"]


def test_modis_layers_have_their_types_and_fills(modis):
    wanted = {NDVI: ("int16", -3000), RELIABILITY: ("int8", -1), QUALITY: ("uint16", 65535), DAY: ("int16", -1)}
    for item in modis.items:
        fill = modis.read(item, RELIABILITY) == -1
        for key, (kind, value) in wanted.items():
            with rasterio.open(modis.folder / item["assets"][key]["href"]) as dataset:
                assert dataset.dtypes == (kind,) and dataset.nodata == value
                assert item["assets"][key]["raster:bands"][0]["data_type"] == kind
                assert np.array_equal(dataset.read(1) == value, fill)
        ndvi = modis.read(item, NDVI)[~fill]
        assert ndvi.min() >= -2000 and ndvi.max() < 10000
    assert modis.items[0]["assets"][NDVI]["raster:bands"][0]["scale"] == 0.0001


def test_vi_quality_says_the_same_as_the_reliability(modis):
    for item in modis.items:
        reliability, quality = modis.read(item, RELIABILITY), modis.read(item, QUALITY).astype(int)
        here = reliability != -1
        r, q = reliability[here], quality[here]
        modland, usefulness, mixed, surface, snow = q & 3, (q >> 2) & 15, (q >> 10) & 1, (q >> 11) & 7, (q >> 14) & 1
        assert np.array_equal(modland, np.array([0, 1, 1, 2])[r])
        assert (usefulness[r == 0] == 0).all() and (usefulness[r > 0] > 0).all()
        assert np.array_equal(snow == 1, r == 2) and np.array_equal(mixed == 1, r == 3)
        assert set(np.unique(surface)) <= {1, 2, 3} and (surface == 1).mean() > 0.95
        assert not (q >> 15).any()


def test_vi_quality_values_occur_with_the_same_reliability_in_real_rows(modis, shared):
    real = pd.read_csv(shared / "modis_mod13a1_sites_2000_2018" / "MOD13A1_10sites.csv").dropna(subset=["DetailedQA", "SummaryQA"])
    pairs = {(int(q), int(r)) for q, r in zip(real["DetailedQA"], real["SummaryQA"], strict=True)}
    for item in modis.items[::6]:
        reliability, quality = modis.read(item, RELIABILITY), modis.read(item, QUALITY)
        land = (reliability != -1) & ((quality >> 11) & 7 == 1)
        assert set(zip(quality[land].tolist(), reliability[land].tolist(), strict=True)) <= pairs


def test_days_lie_in_the_period_and_differ_between_cells(modis):
    for item in modis.items:
        first = datetime.fromisoformat(item["properties"]["start_datetime"]).timetuple().tm_yday
        days = modis.read(item, DAY)
        days = days[days != -1]
        assert days.min() >= first and days.max() <= first + 15
        assert len(np.unique(days)) >= 10


def test_shares_of_the_reliability_are_the_planted_ones(modis):
    low, high = MODIS.cloudy
    for item in modis.items:
        reliability = modis.read(item, RELIABILITY)
        planted = modis.truth["composites"][item["id"]]
        assert low * 100 - 4 <= planted["cloudy_pct"] <= high * 100 + 4
        seen = round((reliability == 3).sum() / planted["cloudy_pct"] * 100)
        assert (reliability == 2).sum() / seen == pytest.approx(planted["snow_pct"] / 100, abs=0.001)
        assert (reliability == 1).sum() / seen == pytest.approx(planted["marginal_pct"] / 100, abs=0.001)
    assert sum(c["fill_pct"] for c in modis.truth["composites"].values()) / len(modis.items) == pytest.approx(100 * MODIS.fill, abs=0.4)


@pytest.fixture(scope="module")
def cell_of(planted, modis):
    """Cell of the MODIS window, row and column, in which points of the ground lie, by the sinusoidal formulas; 2 x 2 points a cell of 10 m or the centres."""
    from pyproj import Transformer

    x0, y0 = (modis.truth["grid"]["transform"][k] for k in (2, 5))

    def call(points):
        height, width = planted.geobox.shape
        box, step = planted.geobox.boundingbox, 10 / points
        east = box.left + step * (np.arange(width * points) + 0.5)
        north = box.top - step * (np.arange(height * points) + 0.5)
        lon, lat = Transformer.from_crs(32647, 4326, always_xy=True).transform(*np.meshgrid(east, north))
        x, y = R * np.radians(lon) * np.cos(np.radians(lat)), R * np.radians(lat)
        return np.floor((y0 - y) / (TILE / 4800)).astype(int), np.floor((x - x0) / (TILE / 4800)).astype(int)

    return call


@pytest.mark.parametrize(("points", "close"), [(1, 1.001), (2, 80.0)])
def test_ndvi_is_truncated_from_mean_reflectances(points, close, free_modis, planted, cell_of):
    rows, cols = cell_of(points)
    shape = tuple(free_modis.truth["grid"]["shape"])
    inside = (rows >= 0) & (rows < shape[0]) & (cols >= 0) & (cols < shape[1])
    index = (rows * shape[1] + cols)[inside]
    year = 2022
    sums = [np.bincount(index, b.repeat(points, 0).repeat(points, 1)[inside], minlength=shape[0] * shape[1]).reshape(shape) for b in reflectance(planted, year)]
    red, nir = sums
    exact = 10000 * (nir - red) / np.where(red + nir > 0, red + nir, 1)
    truncated = plain = count = 0
    for item in free_modis.items:
        if not item["properties"]["start_datetime"].startswith(str(year)):
            continue
        stored, reliability = free_modis.read(item, NDVI), free_modis.read(item, RELIABILITY)
        land = np.isin(reliability, (0, 1)) & ((free_modis.read(item, QUALITY) >> 11) & 7 == 1)
        assert np.percentile(np.abs(stored[land] - exact[land]), 99) <= close
        land &= np.abs(exact - np.rint(exact)) > 1e-6  # pure soil and pure vegetation: rounding of the computation decides
        truncated, plain = truncated + (stored == np.trunc(exact))[land].sum(), plain + (stored == np.rint(exact))[land].sum()
        count += land.sum()
    print(f"{points} x {points} points a cell: {truncated} of {count} equal the truncated value, {plain} the rounded one")
    if points == 1:
        assert truncated == count > 1.7 * plain


def test_modis_zone_means_are_the_planted_ones_on_its_cells(modis, cell_of, planted):
    from affine import Affine
    from rasterio.features import rasterize

    shape = tuple(modis.truth["grid"]["shape"])
    rows, cols = cell_of(2)
    box = planted.geobox.boundingbox
    covers = {}
    for year in YEARS:
        stack = []
        for item in modis.items:
            if item["properties"]["start_datetime"].startswith(str(year)):
                land = np.isin(modis.read(item, RELIABILITY), (0, 1)) & ((modis.read(item, QUALITY) >> 11) & 7 != 3)
                stack.append(np.where(land, modis.read(item, NDVI) * 0.0001, np.nan))
        whole = np.stack(stack)
        known = np.isfinite(whole).any(axis=0)
        covers[year] = np.full(shape, np.nan)
        covers[year][known] = cover_of(np.nanmedian(whole[:, known], axis=0))
    worst, beyond = 0.0, []
    for name, outline in zone_shapes(32647).items():
        burnt = rasterize([outline], out_shape=rows.shape, transform=Affine(5, 0, box.left, 0, -5, box.top)).astype(bool)
        weight = np.zeros(shape)
        np.add.at(weight, (rows[burnt], cols[burnt]), 1)
        for i, year in enumerate(YEARS):
            known = np.isfinite(covers[year]) & (weight > 0)
            mean = np.average(covers[year][known], weights=weight[known])
            plain, grid = ZONES[name].means[i], modis.truth["zones"][name]["fvc_mean_on_grid"][str(year)]
            assert name not in ("Pit No. 4", "Pit No. 5", "Background") or abs(grid - plain) < 0.02
            print(f"{name} {year}: {mean:.4f}, on the grid {grid:.4f} ({mean - grid:+.4f}), planted {plain:.4f} ({mean - plain:+.4f})")
            worst = max(worst, abs(mean - grid))
            beyond += [name] if abs(mean - plain) > 0.03 else []
    print(f"largest difference from the planted mean on the grid: {worst:.4f}; mixed with their surroundings by more than 0.03: {sorted(set(beyond))}")
    assert worst < 0.02
    assert set(beyond) <= {"Bare spoil", "Pit No. 7", "South dump of Pit No. 2", "Closed meadow"}  # the small zones


# --- both --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["landsat", "modis"])
def test_bytes_depend_on_the_seed_only(kind, landsat, modis, tmp_path):
    first = {"landsat": landsat, "modis": modis}[kind]
    module = {"landsat": synthetic_landsat, "modis": synthetic_modis}[kind]
    module.generate(AOI, tmp_path / "again")
    names = sorted(p.relative_to(first.folder) for p in first.folder.rglob("*") if p.is_file())
    assert len(names) == 4 * len(first.items) + 2
    assert names == sorted(p.relative_to(tmp_path / "again") for p in (tmp_path / "again").rglob("*") if p.is_file())
    for name in names:
        assert (tmp_path / "again" / name).read_bytes() == (first.folder / name).read_bytes(), name


@pytest.mark.parametrize("module", [synthetic_landsat, synthetic_modis])
def test_another_aoi_is_refused(module, tmp_path):
    path = tmp_path / "other.geojson"
    path.write_text(AOI.read_text(encoding="utf-8").replace("Pit No. 7", "Pit No. 8"), encoding="utf-8")
    with pytest.raises(BadInput, match="the embedded mine's zones"):
        module.generate(path, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_another_seed_gives_another_sky(landsat, tmp_path):
    """The scenes of another seed differ, the grid does not."""
    synthetic_landsat.generate(AOI, tmp_path, seed=5)
    other = Made(tmp_path, "landsat")
    assert other.truth["grid"] == landsat.truth["grid"]
    same = [np.array_equal(other.read(a, "qa_pixel"), landsat.read(b, "qa_pixel")) for a, b in zip(other.items[:6], landsat.items[:6], strict=True)]
    assert not any(same)
