"""The radiometric offset of Sentinel-2: every row of its table, what the data say, and real items' metadata."""

import copy
import json
from pathlib import Path

import numpy as np
import pytest

from pipeline.radiometry import OFFSET_RULES, Facts, Floor, decide, facts, floor, provider, rule_of, table
from pipeline.scenes import layers_of
from pipeline.sensors import SENSORS
from pipeline.stac import read_items

RULE = SENSORS["sentinel-2"].scenes
ITEMS = Path(__file__).parent / "items"
NOTHING = Floor(None, 0, None, 0)
GONE = Floor(312.0, 4000, 250.0, 900)
THERE = Floor(1312.0, 4000, 1250.0, 900)

ROWS = [
    (Facts("other", 5.1, -0.2, None), "unknown", ("any", "published offset neither 0 nor -0.1")),
    (Facts("planetary-computer", 3.01, -0.1, None), "unknown", ("any", "baseline before 04.00, published offset -0.1")),
    (Facts("planetary-computer", 3.01, None, None), "none", ("any", "baseline before 04.00")),
    (Facts("earth-search", 4.0, -0.1, True), "applied", ("earth-search", "boa_offset_applied true")),
    (Facts("earth-search", 4.0, -0.1, False), "raw", ("earth-search", "boa_offset_applied false, baseline from 04.00")),
    (Facts("earth-search", 5.1, 0.0, None), "unknown", ("earth-search", "no flag, baseline from 04.00")),
    (Facts("earth-search-c1", 5.1, -0.1, None), "raw", ("earth-search-c1", "published offset -0.1")),
    (Facts("planetary-computer", 4.0, None, None), "raw", ("planetary-computer", "baseline from 04.00")),
    (Facts("cdse", 5.1, -0.1, None), "raw", ("cdse", "baseline from 04.00")),
    (Facts("other", None, -0.1, None), "raw", ("other", "published offset -0.1")),
    (Facts("other", 5.1, 0.0, None), "applied", ("other", "published offset 0, baseline from 04.00")),
    (Facts("other", 5.1, None, None), "raw", ("other", "nothing published, baseline from 04.00")),
    (Facts("other", None, None, None), "unknown", ("any", "anything else")),
]


@pytest.mark.parametrize(("known", "verdict", "row"), ROWS, ids=[f"{p}: {c}" for _, _, (p, c) in ROWS])
def test_each_row_of_the_table_is_reached_and_gives_its_verdict(known, verdict, row):
    found = rule_of(known)
    assert (found.provider, found.condition) == row
    assert found.verdict == verdict


def test_the_cases_above_are_all_rows_of_the_table():
    assert [row for _, _, row in ROWS] == [(r.provider, r.condition) for r in OFFSET_RULES]


MORE = [
    # what is impossible goes before everything else
    (Facts("earth-search", 4.0, 0.1, True), "unknown"),
    (Facts("earth-search", 3.0, -0.2, True), "unknown"),
    (Facts("cdse", 5.1, -1000.0, None), "unknown"),
    (Facts("other", None, float("nan"), None), "unknown"),
    # an old product that publishes an offset contradicts itself, whoever publishes it
    (Facts("earth-search", 3.0, -0.1, True), "unknown"),
    (Facts("earth-search-c1", 2.14, -0.1, None), "unknown"),
    # an old product has none, whatever a flag says
    (Facts("earth-search", 3.01, 0.0, True), "none"),
    (Facts("earth-search", 3.99, None, False), "none"),
    (Facts("earth-search-c1", 2.08, 0.0, None), "none"),
    (Facts("other", 2.14, 0.0, None), "none"),
    # the flag goes before the published offset, and does not count elsewhere
    (Facts("earth-search", 5.09, 0.0, False), "raw"),
    (Facts("earth-search", None, None, True), "applied"),
    (Facts("other", 5.1, -0.1, True), "raw"),
    (Facts("planetary-computer", 4.0, 0.0, True), "raw"),
    # -0.1 as floating-point arithmetic gives it
    (Facts("other", None, -1000 * 0.0001, None), "raw"),
    (Facts("other", None, 0.2 - 0.3, None), "raw"),
    # nothing that decides
    (Facts("earth-search", None, -0.1, False), "unknown"),
    (Facts("earth-search", None, None, None), "unknown"),
    (Facts("earth-search-c1", 5.1, 0.0, None), "unknown"),
    (Facts("earth-search-c1", 5.1, None, None), "unknown"),
    (Facts("planetary-computer", None, None, None), "unknown"),
    (Facts("cdse", None, -0.1, None), "unknown"),
    (Facts("other", None, 0.0, None), "unknown"),
]


@pytest.mark.parametrize(("known", "verdict"), MORE, ids=lambda v: str(v))
def test_the_first_row_that_fits_decides(known, verdict):
    assert rule_of(known).verdict == verdict


def test_facts_in_words():
    text = str(Facts("earth-search", 4.0, -0.1, False))
    assert text == "provider earth-search, baseline 04.00, published offset -0.1, boa_offset_applied false"
    assert str(Facts("other", None, None, None)) == "provider other, baseline none, published offset none, boa_offset_applied none"
    assert "baseline 05.10" in str(Facts("cdse", 5.1, None, None))


def test_the_floor_is_the_first_percentile_of_ground_and_of_its_dark_classes():
    red = np.array([*range(1, 102), *range(5001, 5102), *[7] * 500], np.uint16)  # the percentile of 101 values is the second
    codes = np.array([*[6] * 101, *[4] * 101, *[8] * 500], np.uint8)  # water, vegetation, cloud
    found = floor(red, codes, RULE)
    assert (found.dark, found.dark_pixels) == (2.0, 101)
    assert found.ground_pixels == 202
    assert found.ground == pytest.approx(3.01)  # 1 % of 201 steps from the first value: 2.01 steps


def test_what_is_not_valid_and_what_is_no_ground_is_not_in_the_floor():
    codes = np.repeat(np.arange(12, dtype=np.uint8), 300).reshape(60, 60)
    red = np.full(codes.shape, 2000, np.uint16)
    red[np.isin(codes, (0, 1, 8, 9, 10, 11))] = 5
    red[:, 0], red[:, 1] = 0, 65535
    found = floor(red, codes, RULE)
    assert (found.ground, found.dark) == (2000.0, 2000.0)
    assert found.ground_pixels == 6 * 5 * 58  # classes 2 to 7, five rows each, without two columns
    assert found.dark_pixels == 3 * 5 * 58  # dark, shadow, water


def test_negative_values_are_not_in_the_floor():
    assert floor(np.full((20, 20), -9999, np.int16), np.full((20, 20), 4, np.uint8), RULE) == NOTHING


@pytest.mark.parametrize("shape", [(0,), (0, 5)])
def test_without_pixels_there_is_no_floor(shape):
    assert floor(np.empty(shape, np.uint16), np.empty(shape, np.uint8), RULE) == NOTHING
    assert NOTHING.present is None


@pytest.mark.parametrize(
    ("seen", "present"),
    [
        (Floor(850.0, 4000, None, 0), False),
        (Floor(899.9, 200, None, 0), False),
        (Floor(900.0, 4000, None, 0), None),
        (Floor(1.0, 199, None, 0), None),
        (Floor(850.0, 4000, 850.0, 900), False),
        (Floor(850.0, 4000, 999.0, 900), False),
        (Floor(1200.0, 4000, 1000.0, 200), True),
        (Floor(1200.0, 4000, 999.9, 900), None),
        (Floor(1200.0, 4000, 1200.0, 199), None),
        (Floor(2600.0, 4000, None, 0), None),
        (Floor(2600.0, 4000, 1100.0, 12), None),
        (Floor(950.0, 4000, 950.0, 900), None),
        (Floor(700.0, 90_000, 1100.0, 300), None),
        (Floor(None, 0, None, 0), None),
    ],
)
def test_what_a_floor_shows(seen, present):
    assert seen.present is present
    assert str(seen).startswith({True: "offset present", False: "offset absent", None: "the data cannot decide"}[present])


def test_a_bright_scene_without_water_and_shadow_cannot_decide():
    found = floor(np.full((30, 30), 3100, np.uint16), np.full((30, 30), 5, np.uint8), RULE)
    assert (found.ground, found.ground_pixels, found.dark, found.dark_pixels) == (3100.0, 900, None, 0)
    assert found.present is None


def test_a_planted_scene_with_and_without_the_offset():
    rng = np.random.default_rng(4)
    codes = rng.choice(np.array([4, 5, 6, 9], np.uint8), size=(100, 100), p=[0.5, 0.3, 0.1, 0.1])
    reflectance = np.select([codes == 4, codes == 5, codes == 6], [0.05, 0.2, 0.02], 0.8) + 0.002 * rng.standard_normal(codes.shape)
    without = floor(np.rint(reflectance * 10_000).astype(np.uint16), codes, RULE)
    with_it = floor(np.rint(reflectance * 10_000 + 1000).astype(np.uint16), codes, RULE)
    assert (without.present, with_it.present) == (False, True)
    assert without.dark == pytest.approx(200 - 2.326 * 20, abs=10)  # the first percentile of a normal distribution
    assert with_it.dark == without.dark + 1000


RAW, OLD, APPLIED, UNKNOWN = (
    Facts("other", 5.1, None, None),
    Facts("other", 3.0, None, None),
    Facts("other", 5.1, 0.0, None),
    Facts("other", None, None, None),
)


@pytest.mark.parametrize(
    ("known", "seen", "asked", "offset"),
    [
        (RAW, NOTHING, "auto", -0.1),
        (RAW, THERE, "auto", -0.1),
        (OLD, NOTHING, "auto", 0.0),
        (OLD, GONE, "auto", 0.0),
        (APPLIED, NOTHING, "auto", 0.0),
        (APPLIED, GONE, "auto", 0.0),
        (RAW, GONE, "raw", -0.1),
        (RAW, NOTHING, "raw", -0.1),
        (OLD, THERE, "raw", 0.0),
        (APPLIED, GONE, "raw", -0.1),
        (UNKNOWN, NOTHING, "raw", -0.1),
        (RAW, THERE, "applied", 0.0),
        (RAW, GONE, "applied", 0.0),
        (OLD, NOTHING, "applied", 0.0),
        (UNKNOWN, NOTHING, "applied", 0.0),
    ],
)
def test_the_offset_of_an_item(known, seen, asked, offset):
    found = decide(known, seen, asked, RULE)
    assert found.conflict is None
    assert found.offset == offset
    assert f"offset {offset:g}: " in found.reason
    assert str(seen) in found.reason
    if asked != "auto":
        assert f"config says {asked}" in found.reason


@pytest.mark.parametrize(
    ("known", "seen", "words"),
    [
        (RAW, GONE, "the offset is in the stored values"),
        (OLD, THERE, "the product has no offset"),
        (APPLIED, THERE, "the provider has subtracted the offset"),
    ],
)
def test_metadata_and_data_that_disagree_are_a_conflict_in_both_directions(known, seen, words):
    found = decide(known, seen, "auto", RULE)
    assert found.conflict == f"the metadata say that {words} ({known}), the data say the opposite: {seen}"


@pytest.mark.parametrize("seen", [NOTHING, GONE, THERE])
def test_an_unknown_offset_is_a_conflict_whatever_the_data_say(seen):
    found = decide(UNKNOWN, seen, "auto", RULE)
    assert found.conflict is not None
    assert "the metadata do not say" in found.conflict
    assert str(seen) in found.conflict


def test_the_printed_table_lists_every_rule():
    head, line, *rows = table()
    assert [len(text.split("|")) for text in (head, line, *rows)] == [6] * (2 + len(OFFSET_RULES))
    words = {"raw": "is in the stored values", "none": "has no offset", "applied": "has subtracted", "unknown": "unknown"}
    for text, (_, verdict, (name, condition)) in zip(rows, ROWS, strict=True):
        cells = [cell.strip() for cell in text.split("|")]
        assert cells[1:3] == [name, condition]
        assert words[verdict] in cells[3]
        assert cells[4]


ES = "https://sentinel-cogs.s3.us-west-2.amazonaws.com/sentinel-s2-l2a-cogs/47/S/NC/2022/7/S2A_47SNC_20220715_0_L2A/"
C1 = "https://e84-earth-search-sentinel-data.s3.us-west-2.amazonaws.com/sentinel-2-c1-l2a/47/S/NC/2022/7/S2A_T47SNC_20220715T041000_L2A/"
PC = "https://sentinel2l2a01.blob.core.windows.net/sentinel2-l2/47/S/NC/2022/07/15/S2A_MSIL2A_20220715T040551_N0400_R047_T47SNC_20220715T170000.SAFE/"
PC += "GRANULE/L2A_T47SNC_A036900_20220715T041000/IMG_DATA/"
CDSE = "s3://eodata/Sentinel-2/MSI/L2A_N0500/2022/07/15/S2A_MSIL2A_20220715T040551_N0510_R047_T47SNC_20240501T000000.SAFE/"
CDSE += "GRANULE/L2A_T47SNC_A036900_20220715T041000/IMG_DATA/"
SAFE = str(ITEMS / "S2A_MSIL2A_20220715T040551_N0510_R061_T47SNC_20240501T000000.SAFE/GRANULE/L2A_T47SNC_A036000_20220715T040551/IMG_DATA") + "/"
PROVIDERS = {
    "earth-search-sentinel-2-l2a": (
        Facts("earth-search", 4.0, -0.1, False),
        {"red": ("red", f"{ES}B04.tif"), "nir": ("nir", f"{ES}B08.tif"), "mask": ("scl", f"{ES}SCL.tif")},
    ),
    "earth-search-sentinel-2-c1-l2a": (
        Facts("earth-search-c1", 5.1, -0.1, None),
        {"red": ("red", f"{C1}B04.tif"), "nir": ("nir", f"{C1}B08.tif"), "mask": ("scl", f"{C1}SCL.tif")},
    ),
    "planetary-computer-sentinel-2-l2a": (
        Facts("planetary-computer", 4.0, None, None),
        {
            "red": ("B04", f"{PC}R10m/T47SNC_20220715T040551_B04_10m.tif"),
            "nir": ("B08", f"{PC}R10m/T47SNC_20220715T040551_B08_10m.tif"),
            "mask": ("SCL", f"{PC}R20m/T47SNC_20220715T040551_SCL_20m.tif"),
        },
    ),
    "stactools-sentinel-2-l2a": (  # made by stactools-sentinel2 from a .SAFE tree: files as ESA delivers them
        Facts("other", 5.1, -0.1, None),
        {
            "red": ("red", f"{SAFE}R10m/T47SNC_20220715T040551_B04_10m.jp2"),
            "nir": ("nir", f"{SAFE}R10m/T47SNC_20220715T040551_B08_10m.jp2"),
            "mask": ("scl", f"{SAFE}R20m/T47SNC_20220715T040551_SCL_20m.jp2"),
        },
    ),
    "cdse-sentinel-2-l2a": (
        Facts("cdse", 5.1, -0.1, None),
        {
            "red": ("B04_10m", f"{CDSE}R10m/T47SNC_20220715T040551_B04_10m.jp2"),
            "nir": ("B08_10m", f"{CDSE}R10m/T47SNC_20220715T040551_B08_10m.jp2"),
            "mask": ("SCL_20m", f"{CDSE}R20m/T47SNC_20220715T040551_SCL_20m.jp2"),
        },
    ),
}


def read_one(name):
    """Return catalogue and item of a provider."""
    path = ITEMS / f"{name}.json"
    (item,) = read_items(path)
    return path, item


def changed(tmp_path, name, **properties):
    """Return a provider's item with other properties; None removes one."""
    content = json.loads((ITEMS / f"{name}.json").read_text(encoding="utf-8"))
    kept = content["features"][0]["properties"] | properties
    content["features"][0]["properties"] = {k: v for k, v in kept.items() if v is not None}
    path = tmp_path / "items.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    (item,) = read_items(path)
    return item


def red(item):
    """Return the facts of an item by its red asset."""
    return facts(item, next(item.assets[k] for k in ("red", "B04", "B04_10m") if k in item.assets))


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_item_is_read(name):
    path, item = read_one(name)
    content = json.loads(path.read_text(encoding="utf-8"))["features"][0]
    assert item.id == content["id"]
    assert list(item.assets) == list(content["assets"])
    assert item.when.isoformat()[:11] == "2022-07-15T"
    assert item.tile == "47SNC"
    assert item.cloud_pct == 10.25
    assert item.collection == ("sentinel-2-c1-l2a" if "c1" in name else "sentinel-2-l2a")


@pytest.mark.parametrize("name", PROVIDERS)
def test_provider_and_facts_of_a_providers_item(name):
    _, item = read_one(name)
    known, layers = PROVIDERS[name]
    assert provider(item) == known.provider
    assert item.baseline == known.baseline
    assert facts(item, item.assets[layers["red"][0]]) == known


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_assets_of_a_providers_item(name):
    path, item = read_one(name)
    layers = layers_of(item, RULE, path, "sentinel-2")
    assert {role: (layer.asset, layer.href) for role, layer in layers.items()} == PROVIDERS[name][1]
    assert {layer.band for layer in layers.values()} == {1}
    assert [layers[role].scale for role in ("red", "nir")] == [0.0001, 0.0001]
    assert not any(layer.signed for layer in layers.values())
    assert {item.assets[layer.asset].epsg for layer in layers.values()} == {32647}
    assert item.assets[layers["red"].asset].projection("shape") == [10980, 10980]
    assert item.assets[layers["mask"].asset].projection("shape") == [5490, 5490]


@pytest.mark.parametrize("name", PROVIDERS)
def test_the_offset_of_a_providers_item_where_the_data_cannot_decide(name):
    found = decide(red(read_one(name)[1]), NOTHING, "auto", RULE)
    assert (found.offset, found.conflict) == (-0.1, None)


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_item_against_data_with_and_without_the_offset(name):
    known = red(read_one(name)[1])
    assert decide(known, THERE, "auto", RULE).conflict is None
    assert decide(known, THERE, "auto", RULE).offset == -0.1
    assert "the data say the opposite" in decide(known, GONE, "auto", RULE).conflict


def test_an_earth_search_item_whose_flag_is_false_although_the_offset_is_gone_is_a_conflict():
    _, item = read_one("earth-search-sentinel-2-l2a")
    rng = np.random.default_rng(7)
    codes = np.full((60, 80), 4, np.uint8)
    values = np.rint(10_000 * (0.03 + 0.004 * rng.random(codes.shape))).astype(np.uint16)
    found = decide(red(item), floor(values, codes, RULE), "auto", RULE)
    assert found.conflict is not None
    assert "boa_offset_applied false" in found.conflict
    assert "provider earth-search, baseline 04.00" in found.conflict
    assert "offset absent: data floor 300 over 4800 pixels" in found.conflict
    codes[:20] = 6
    found = decide(red(item), floor(values + np.uint16(1000), codes, RULE), "auto", RULE)
    assert (found.offset, found.conflict) == (-0.1, None)


def test_an_earth_search_item_whose_flag_is_true(tmp_path):
    known = red(changed(tmp_path, "earth-search-sentinel-2-l2a", **{"earthsearch:boa_offset_applied": True}))
    assert [(decide(known, seen, "auto", RULE).offset, decide(known, seen, "auto", RULE).conflict) for seen in (NOTHING, GONE)] == [(0.0, None)] * 2
    assert decide(known, THERE, "auto", RULE).conflict is not None


def test_an_older_name_of_the_flag(tmp_path):
    item = changed(tmp_path, "earth-search-sentinel-2-l2a", **{"earthsearch:boa_offset_applied": None, "sentinel:boa_offset_applied": True})
    assert red(item) == Facts("earth-search", 4.0, -0.1, True)


@pytest.mark.parametrize("flag", ["false", 0, None])
def test_an_earth_search_item_without_a_flag_is_unknown(tmp_path, flag):
    item = changed(tmp_path, "earth-search-sentinel-2-l2a", **{"earthsearch:boa_offset_applied": flag})
    assert red(item) == Facts("earth-search", 4.0, -0.1, None)
    assert decide(red(item), NOTHING, "auto", RULE).conflict is not None


@pytest.mark.parametrize("name", PROVIDERS)
def test_a_providers_item_without_a_baseline(tmp_path, name):
    item = changed(tmp_path, name, **{"s2:processing_baseline": None, "processing:version": None})
    found = decide(red(item), NOTHING, "auto", RULE)
    if name in ("earth-search-sentinel-2-c1-l2a", "stactools-sentinel-2-l2a"):  # publish -0.1
        assert (found.offset, found.conflict) == (-0.1, None)
    else:
        assert "baseline none" in found.conflict


@pytest.mark.parametrize("name", PROVIDERS)
def test_items_that_were_downloaded_keep_or_lose_their_provider_only_where_hrefs_tell_it(name):
    path, item = read_one(name)
    content = copy.deepcopy(json.loads(path.read_text(encoding="utf-8"))["features"][0])
    for key, asset in content["assets"].items():
        asset.clear()
        asset["href"] = f"scenes/{key}.tif"
    local = type(item)(item.id, item.collection, item.when, item.properties, {k: type(item.assets[k])(k, a, {}) for k, a in content["assets"].items()}, ())
    assert provider(local) == ("other" if name.startswith(("cdse", "planetary")) else PROVIDERS[name][0].provider)
