"""What the values of quality layers mean, against bits taken apart by hand and against real layers."""

import csv
import re

import numpy as np
import pytest
import rasterio

from pipeline.kernels.codes import GROWS, LAND, MASKED, NO_DATA, WATER
from pipeline.quality import QUALITY
from pipeline.sensors import SENSORS

ALL = ("cloud", "cirrus", "shadow", "snow", "saturated", "water", "dark", "unclassified")


@pytest.mark.parametrize("name", QUALITY)
def test_a_value_is_one_thing_only_and_has_a_source(name):
    rule = QUALITY[name]
    table = rule.table(("cloud", "shadow"), ("cloud",))
    assert table.shape == (65536,)
    assert set(np.unique(table)) <= {NO_DATA, LAND, WATER, MASKED, MASKED | GROWS}
    assert re.search(r"[A-Z]", rule.reference) and len(rule.reference) > 20


def test_qa_pixel_of_landsat_bit_by_bit():
    table = QUALITY["qa_pixel"].table(("cloud", "cirrus", "shadow", "snow"), ("cloud",))
    for value in range(65536):
        fill, dilated, cirrus, cloud, shadow, snow, _, water = (value >> i & 1 for i in range(8))
        if fill:
            expected = NO_DATA
        elif cloud or dilated:
            expected = MASKED | GROWS
        elif cirrus or shadow or snow:
            expected = MASKED
        else:
            expected = WATER if water else LAND
        assert table[value] == expected, value


@pytest.mark.parametrize("dropped", [("cloud",), ("shadow",), ("snow",), ("cirrus",), ()])
def test_only_what_is_dropped_is_masked(dropped):
    bits = {"cloud": 0b1010, "shadow": 0b10000, "snow": 0b100000, "cirrus": 0b100}
    table = QUALITY["qa_pixel"].table(dropped, ())
    for value in range(0, 256, 2):
        masked = any(value & bits[name] for name in dropped)
        assert table[value] == (MASKED if masked else WATER if value & 128 else LAND)


@pytest.mark.parametrize(("name", "red", "nir", "other"), [("qa_radsat-oli", 3, 4, 11), ("qa_radsat-tm", 2, 3, 9)])
def test_qa_radsat_counts_red_and_nir_of_the_mission_only(name, red, nir, other):
    table = QUALITY[name].table(("saturated",), ())
    for position in range(16):
        assert table[1 << position] == (MASKED if position in (red, nir, other) else LAND), position
    assert table[0] == LAND
    assert (QUALITY[name].table(("cloud",), ()) == LAND).all()


@pytest.mark.parametrize(("platform", "quality"), [("landsat-5", "qa_radsat-tm"), ("landsat-7", "qa_radsat-tm"), ("landsat-9", "qa_radsat-oli")])
def test_each_mission_has_one_radsat_rule(platform, quality):
    layers = SENSORS["landsat"].scenes.quality
    assert [v.quality for v in layers if v.role == "saturation" and platform in v.missions] == [quality]


def test_modis_state_flags_by_hand():
    table = QUALITY["sr_state"].table(ALL[:5], ())
    assert table[0b001000] == LAND
    assert table[0b001011] == LAND, "3: not set, assumed clear"
    assert [table[v] for v in (0b001001, 0b001010, 0b001100)] == [MASKED] * 3
    assert [table[0b001000 | v << 8] for v in range(4)] == [LAND, LAND, MASKED, MASKED], "cirrus none, small, average, high"
    assert [table[0b001000 | 1 << n] for n in (6, 7, 10, 11, 12, 13, 14, 15)] == [LAND, LAND, MASKED, LAND, MASKED, LAND, LAND, MASKED]
    assert [table[v << 3] for v in range(8)] == [WATER, LAND, LAND, WATER, LAND, WATER, WATER, WATER]
    assert table[65535] == NO_DATA


def test_reliability_of_modis_and_its_fill_in_either_type():
    table = QUALITY["vi_reliability"].table(("cloud", "snow"), ())
    assert table[:4].tolist() == [LAND, LAND, MASKED, MASKED]
    assert table[np.array([-1], np.int16).view(np.uint16)[0]] == table[255] == NO_DATA


def test_vi_quality_against_pixel_reliability_of_a_real_composite(shared):
    folder = shared / "modis_mod13a2_vi_quality_2016145"
    quality, reliability = (rasterio.open(folder / f"MOD13A2.A2016145.h18v04_clip_{name}.tif").read(1) for name in ("VI_Quality", "pixel_reliability"))
    ours = QUALITY["vi_quality"].table(("cloud",), ())[quality]
    theirs = QUALITY["vi_reliability"].table(("cloud",), ())[reliability.astype(np.int16).view(np.uint16)]
    assert (reliability == 3).sum() == 406
    np.testing.assert_array_equal(ours == MASKED, theirs == MASKED)
    np.testing.assert_array_equal(ours == NO_DATA, theirs == NO_DATA)
    assert (ours == WATER).sum() == np.isin(quality >> 11 & 7, (0, 3, 5, 6, 7)).sum() == 29


def test_detailed_qa_against_summary_qa_of_4220_rows(shared):
    with (shared / "modis_mod13a1_sites_2000_2018" / "MOD13A1_10sites.csv").open(newline="") as handle:
        listed = csv.DictReader(handle)
        rows = [[int(float(r[name])) if r[name] not in ("", "NA") else -1 for name in ("DetailedQA", "SummaryQA")] for r in listed]
    detailed, summary = np.array(rows).T
    assert len(rows) == 4220
    assert np.bincount(summary[summary >= 0]).tolist() == [2172, 1093, 415, 530]
    stored = detailed.astype(np.int64) & 0xFFFF
    cloud = QUALITY["vi_quality"].table(("cloud",), ())[stored]
    snow = QUALITY["vi_quality"].table(("snow",), ())[stored]
    np.testing.assert_array_equal(cloud == MASKED, summary == 3)
    np.testing.assert_array_equal(cloud == NO_DATA, summary == -1)
    assert (snow[summary == 2] == MASKED).all()
    assert (snow[(summary == 0) | (summary == 1)] != MASKED).all()


def test_qa_pixel_of_three_real_landsat_scenes(shared):
    folder = shared / "landsat_c2l2_scenes_qa_pixel"
    clear = {}
    for path in sorted(folder.glob("*_QA_PIXEL.TIF")):
        with rasterio.open(path) as dataset:
            stored = dataset.read(1)
        found = QUALITY["qa_pixel"].table(("cloud", "cirrus", "shadow", "snow"), ())[stored]
        by_hand = (stored & 0b111111) == 0
        np.testing.assert_array_equal((found == LAND) | (found == WATER), by_hand)
        np.testing.assert_array_equal(found == NO_DATA, (stored & 1) == 1)
        clear[path.name[10:16]] = int(by_hand.sum())
    assert clear["017036"] == 0, "the scene of 19 April 2013 is cloudy everywhere"
    assert clear["008059"] > 20_000
