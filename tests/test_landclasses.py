"""Codes of land-cover maps: presets as published, codes without a name refused by name, classes by rule cell by cell."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from pipeline.errors import BadInput
from pipeline.evaluation.landclasses import HIGH, LOW, MEDIUM, MINING, NO_DATA, PRESETS, RULE, WATER, check_names, preset, read_codes, rule_codes

NAMES = {1: "mining", 2: "water", 7: "grassland"}

# As listed by the producers' catalogues
CODES = {
    "worldcover-v100": [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100],
    "worldcover-v200": [10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 100],
    "clcd": list(range(1, 10)),
    "mcd12q1-igbp": list(range(1, 18)),
}
WHAT = {  # scheme: code of grassland, water, bare ground, snow
    "worldcover-v100": (30, 80, 60, 70),
    "worldcover-v200": (30, 80, 60, 70),
    "clcd": (4, 5, 7, 6),
    "mcd12q1-igbp": (10, 17, 16, 15),
}


def test_presets_have_the_published_codes():
    assert set(PRESETS) == set(CODES)
    for key, scheme in PRESETS.items():
        assert list(scheme.names) == CODES[key]
        assert scheme.key == key
        check_names(scheme.names)
        words = [scheme.names[code] for code in WHAT[key]]
        for word, name in zip(("grass", "water", ("bar", "snow"), "snow"), words, strict=True):
            assert any(w in name for w in ([word] if isinstance(word, str) else word[:1])), (key, name)


def test_every_preset_says_where_its_codes_come_from():
    for scheme in PRESETS.values():
        assert "doi" in scheme.reference or "earthengine-catalog" in scheme.reference
        assert scheme.title
    assert "algorithm" in PRESETS["worldcover-v200"].caution.en
    with pytest.raises(FrozenInstanceError):
        RULE.key = "other"


def test_a_preset_that_is_none_names_the_nearest():
    with pytest.raises(ValueError, match="did you mean `worldcover-v200`"):
        preset("worldcover_v200")
    with pytest.raises(ValueError, match="use one of: clcd, mcd12q1-igbp"):
        preset("zzz")


def test_codes_are_read_and_what_is_no_code_is_no_data():
    codes = np.array([[1.0, 2.0, 7.0], [np.nan, 255.0, 0.0]], np.float32)
    found = read_codes(codes, NAMES, nodata=[0, 255])
    assert found.tolist() == [[1, 2, 7], [NO_DATA, NO_DATA, NO_DATA]]
    assert found.dtype == np.int32
    assert read_codes(codes[:1].astype("uint8"), NAMES).tolist() == [[1, 2, 7]]
    assert read_codes(np.ma.array([[1, 40]], mask=[[False, True]], dtype="uint8"), NAMES).tolist() == [[1, NO_DATA]]
    assert read_codes(np.array([[1, -128]], np.int8), NAMES, nodata=[-128]).tolist() == [[1, NO_DATA]]


def test_outside_of_the_zone_nothing_is_checked():
    inside = np.array([[True, False]])
    assert read_codes(np.array([[7, 13]]), NAMES, inside=inside).tolist() == [[7, NO_DATA]]
    with pytest.raises(ValueError, match="13"):
        read_codes(np.array([[7, 13]]), NAMES, inside=~inside)


def test_codes_without_a_name_are_an_error_that_names_them():
    codes = np.array([[1, 13, 13], [40, 2, 7]])
    with pytest.raises(ValueError, match=r"codes without a name: 13 \(2 cells\), 40 \(1 cells\); expected .* known are 1, 2, 7; fix:"):
        read_codes(codes, NAMES)
    with pytest.raises(BadInput) as error:
        read_codes(codes, NAMES, path="lc/2019.tif")
    assert error.value.where == "lc/2019.tif"
    assert "13 (2 cells), 40 (1 cells)" in str(error.value)
    with pytest.raises(ValueError, match=r"0 \(1 cells\).* and 15 more"):
        read_codes(np.array([[0, *range(10, 34)]]), NAMES)


@pytest.mark.parametrize("value", [1.5, -1.0, np.inf, -np.inf])
def test_values_that_are_no_code_are_refused(value):
    with pytest.raises(ValueError, match="codes without a name"):
        read_codes(np.array([[1.0, value]]), NAMES)


def test_a_code_that_is_named_and_no_data_is_refused():
    with pytest.raises(ValueError, match="code 7 is named 'grassland' and is no data"):
        read_codes(np.array([[1]]), NAMES, nodata=[7])


@pytest.mark.parametrize(
    ("names", "words"),
    [
        ({}, "no land-cover classes"),
        ({-1: "a"}, "code -1 of 'a'"),
        ({1.5: "a"}, "code 1.5 of 'a'"),
        ({2**31: "a"}, "code 2147483648 of 'a'"),
        ({True: "a"}, "code True of 'a'"),
        ({"1": "a"}, "code '1' of 'a'"),
        ({1: " "}, "class 1 is named ' '"),
        ({1: "no data"}, "class 1 is named 'no data'"),
        ({1: "a", 2: "a"}, "classes 1 and 2 are both named 'a'"),
    ],
)
def test_names_that_make_no_table_are_refused(names, words):
    with pytest.raises(ValueError, match=words):
        check_names(names)


BOUNDS = {"bare_below": 0.15, "medium_from": 0.3, "high_from": 0.6}


def by_rule(fvc, inside, water, bare_below, medium_from, high_from):
    """Return the class of one cell, spelled out."""
    if water:
        return WATER
    if fvc != fvc:
        return NO_DATA
    if inside and fvc < bare_below:
        return MINING
    if fvc < medium_from:
        return LOW
    return MEDIUM if fvc < high_from else HIGH


@pytest.mark.parametrize("bounds", [BOUNDS, {"bare_below": 0.5, "medium_from": 0.2, "high_from": 0.5}])
def test_classes_by_rule_are_those_of_the_rule_spelled_out(bounds):
    rng = np.random.default_rng(3)
    fvc = rng.random((40, 50)).round(2)
    fvc[rng.random(fvc.shape) < 0.1] = np.nan
    inside, water = rng.random((2, *fvc.shape)) < 0.4
    found = rule_codes(fvc, inside, water, **bounds)
    expected = [[by_rule(f, i, w, **bounds) for f, i, w in zip(*rows, strict=True)] for rows in zip(fvc, inside, water, strict=True)]
    np.testing.assert_array_equal(found, expected)
    assert set(np.unique(found)) == {NO_DATA, *RULE.names}


def test_values_at_a_bound_and_water_without_cover():
    fvc = np.array([[0.15, 0.3, 0.6, -0.05, 1.2, np.nan, np.nan]])
    inside, water = np.ones(fvc.shape, bool), np.array([[False] * 5 + [True, False]])
    assert rule_codes(fvc, inside, water, **BOUNDS).tolist() == [[LOW, MEDIUM, HIGH, MINING, HIGH, WATER, NO_DATA]]
    assert rule_codes(fvc, ~inside, **BOUNDS).tolist() == [[LOW, MEDIUM, HIGH, LOW, HIGH, NO_DATA, NO_DATA]], "bare ground outside is no mining"


@pytest.mark.parametrize(
    "bounds", [{"bare_below": 15}, {"high_from": 0.3}, {"medium_from": 0}, {"bare_below": 0}, {"bare_below": 0.7}, {"high_from": np.nan}, {"high_from": 1}]
)
def test_bounds_out_of_order_are_refused(bounds):
    with pytest.raises(ValueError, match="expected 0 < medium_from < high_from < 1"):
        rule_codes(np.zeros((1, 1)), np.ones((1, 1), bool), **BOUNDS | bounds)


def test_rule_refuses_infinite_cover_and_masks_of_numbers():
    with pytest.raises(ValueError, match="infinite"):
        rule_codes(np.array([[np.inf]]), np.ones((1, 1), bool), **BOUNDS)
    with pytest.raises(ValueError, match="the boundary is float64"):
        rule_codes(np.zeros((1, 1)), np.ones((1, 1)), **BOUNDS)
    with pytest.raises(ValueError, match=r"water has shape \(1, 2\)"):
        rule_codes(np.zeros((1, 1)), np.ones((1, 1), bool), np.ones((1, 2), bool), **BOUNDS)


def test_rule_has_no_default_bounds():
    with pytest.raises(TypeError):
        rule_codes(np.zeros((1, 1)), np.ones((1, 1), bool))
