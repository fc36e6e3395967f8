"""NDVI and cover on numbers that can be checked by eye; missing in, missing out."""

from fractions import Fraction

import numpy as np
import pytest

from pipeline.kernels.pixels import cover, normalised_difference
from pipeline.trend import statistics

NAN, INF = float("nan"), float("inf")
F = np.float32


def ndvi(red, nir, **settings) -> list[float]:
    return normalised_difference(F(red), F(nir), **settings).tolist()


# Normalised difference


def test_ten_numbers():
    red = [0.1, 0.2, 0.3, 0.05, 0.4, 0.25, 0.01, 0.5, 0.06, 1.0]
    nir = [0.3, 0.2, 0.1, 0.45, 0.6, 0.75, 0.99, 0.3, 0.34, 1.5]
    expected = [0.5, 0.0, -0.5, 0.8, 0.2, 0.5, 0.98, -0.25, 0.7, 0.2]
    assert ndvi(red, nir) == pytest.approx(expected, abs=1e-6)


def test_float32_in_float32_out_of_the_same_shape():
    for shape in [(), (4,), (3, 5), (2, 3, 4)]:
        out = normalised_difference(np.full(shape, 0.1, F), np.full(shape, 0.3, F))
        assert out.shape == shape
        assert out.dtype == F
        assert np.allclose(out, 0.5)


@pytest.mark.parametrize(
    ("red", "nir"),
    [
        (NAN, 0.3),
        (0.3, NAN),
        (NAN, NAN),
        (0.0, 0.3),
        (0.3, 0.0),
        (0.0, 0.0),
        (-0.01, 0.3),
        (0.3, -0.01),
        (-0.1, -0.3),
        (-0.2, 0.2),  # zero denominator
        (INF, 0.3),
        (0.3, INF),
        (INF, INF),
        (-INF, 0.3),
    ],
)
def test_what_reflects_nothing_or_is_missing_is_nan_and_never_zero(red, nir):
    assert np.isnan(ndvi([red], [nir])).all()


def test_equal_bands_give_zero_and_the_range_is_minus_one_to_one():
    assert ndvi([1e-6, 0.3, 60000], [1e-6, 0.3, 60000]) == [0, 0, 0]
    rng = np.random.default_rng(0)
    red, nir = rng.uniform(1e-4, 1.6, (2, 10_000)).astype(F)
    out = normalised_difference(red, nir)
    assert (np.abs(out) < 1).all()
    assert np.array_equal(np.sign(out), np.sign(nir - red))


def test_swapping_the_bands_changes_the_sign():
    red, nir = np.random.default_rng(1).uniform(0.01, 1, (2, 1000)).astype(F)
    assert np.array_equal(normalised_difference(red, nir), -normalised_difference(nir, red))


@pytest.mark.parametrize(
    ("red", "nir", "scale", "offset", "expected"),
    [
        (1000, 3000, 1e-4, 0.0, 0.5),  # Sentinel-2 before baseline 04.00
        (2000, 4000, 1e-4, -0.1, 0.5),  # and after: 1,000 more in the file, the same reflectance
        (2000, 4000, 1e-4, 0.0, 1 / 3),  # the offset forgotten: a fake drop
        (10_000, 20_000, 2.75e-5, -0.2, 0.275 / 0.425),  # Landsat collection 2: 0.075 and 0.35
        (1001, 1003, 1e-4, -0.1, 0.5),  # 0.0001 and 0.0003: near the offset nothing is lost
    ],
)
def test_scale_and_offset_come_before_the_ratio(red, nir, scale, offset, expected):
    assert ndvi([red], [nir], scale=scale, offset=offset) == pytest.approx([expected], abs=1e-6)


def test_reflectance_decides_what_is_missing_not_the_stored_value():
    assert np.isnan(ndvi([999, 1000, 1500], [3000, 3000, 1000], scale=1e-4, offset=-0.1)).all()
    assert ndvi([-5], [-3], scale=-0.1, offset=0.0) == pytest.approx([-0.25], abs=1e-6)


def test_a_common_factor_cancels():
    red, nir = np.random.default_rng(2).integers(1, 20_000, (2, 1000)).astype(F)
    np.testing.assert_allclose(normalised_difference(red, nir, scale=1e-4), normalised_difference(red, nir), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize(("scale", "offset"), [(1.0, 0.0), (1e-4, -0.1), (2.75e-5, -0.2)])
def test_accuracy_is_that_of_float64_rounded_once(scale, offset):
    low = int(-offset / scale) + 2
    red, nir = np.random.default_rng(3).integers(low, 65_535, (2, 500))
    out = normalised_difference(red.astype(F), nir.astype(F), scale, offset)
    for r, n, value in zip(red.tolist(), nir.tolist(), out.tolist(), strict=True):
        a, b = (Fraction(v) * Fraction(scale) + Fraction(offset) for v in (r, n))
        assert abs(value - float((b - a) / (b + a))) <= 6.1e-8  # half a step of float32 below 1


def test_stored_integers_are_taken_without_wrapping():
    red, nir = np.array([3000, 65_535, 1], np.uint16), np.array([1000, 65_535, 65_535], np.uint16)
    assert normalised_difference(red, nir).tolist() == pytest.approx([-0.5, 0, 65_534 / 65_536], abs=1e-6)


def test_memory_layout_and_blocks_do_not_matter():
    red, nir = np.random.default_rng(4).uniform(-0.1, 1, (2, 30, 40)).astype(F)
    expected = normalised_difference(red, nir)
    assert np.isnan(expected).any()
    for view in (np.s_[:, ::3], np.s_[::-1], np.s_[7:9, 11:12]):
        assert np.array_equal(normalised_difference(red[view], nir[view]), expected[view], equal_nan=True)
    assert np.array_equal(normalised_difference(red.T, nir.T), expected.T, equal_nan=True)


# Cover


def test_cover_of_ten_numbers():
    values = F([0.05, 0.86, 0.455, 0.131, 0.212, 0.617, 0.0, 1.0, -0.2, NAN])
    expected = [0, 1, 0.5, 0.1, 0.2, 0.7, -0.05 / 0.81, 0.95 / 0.81, -0.25 / 0.81, NAN]
    assert cover(values, 0.05, 0.86).tolist() == pytest.approx(expected, abs=1e-6, nan_ok=True)


def test_cover_is_float64_unclamped_and_of_the_same_shape():
    out = cover(np.full((2, 3), 0.9, F), 0.1, 0.5)
    assert out.dtype == np.float64
    assert out.shape == (2, 3)
    assert np.allclose(out, 2, atol=1e-6)


def test_the_study_that_divides_by_ndvi_minus_vegetation_is_not_followed():
    assert cover(F([0.5]), 0.05, 0.86)[0] == pytest.approx(0.45 / 0.81, abs=1e-6)  # printed form: 0.45 / (0.5 - 0.86) = -1.25


def test_accuracy_of_cover():
    values = np.random.default_rng(5).uniform(-1, 1, 500).astype(F)
    soil, vegetation = 0.0731, 0.8412
    exact = [float((Fraction(v) - Fraction(soil)) / (Fraction(vegetation) - Fraction(soil))) for v in values.tolist()]
    np.testing.assert_allclose(cover(values, soil, vegetation), exact, rtol=0, atol=1e-14)


def test_invariant_endmembers_keep_a_uniform_change():
    means = [cover(F([0.5 + 0.03 * year]), 0.05, 0.86)[0] for year in range(4)]
    assert np.diff(means) == pytest.approx([0.03 / 0.81] * 3, abs=1e-6)


@pytest.mark.parametrize(("soil", "vegetation"), [(0.05, 0.86), (0.1234567, 0.1834567), (-0.3, 0.99)])
def test_neighbouring_float32_values_of_ndvi_stay_apart(soil, vegetation):
    values = np.random.default_rng(6).uniform(-1, 1, 5000).astype(F)
    values = np.concatenate([values, F([soil, vegetation, 0.5, -0.5, 1e-6, -1e-6])])
    above = np.nextafter(values, F(2))
    assert (cover(above, soil, vegetation) > cover(values, soil, vegetation)).all()


@pytest.mark.parametrize(("soil", "vegetation"), [(0.05, 0.86), (0.1234567, 0.7654321), (0.2, 0.26)])
@pytest.mark.parametrize("n", [4, 5, 12, 24])
def test_s_and_p_of_cover_equal_those_of_ndvi(n, soil, vegetation):
    rng = np.random.default_rng(n)
    values = rng.uniform(-0.2, 0.95, (n, 600)).astype(F)
    values[:, :200] = values[:, :200].round(2)  # ties
    values[:, 200:300] = np.float32(0.4) + rng.integers(0, 4, (n, 100)) * np.spacing(np.float32(0.4))  # values one step of float32 apart
    values[rng.random(values.shape) < 0.15] = NAN
    times = np.arange(float(n))
    of_ndvi, of_cover = statistics(values, times), statistics(cover(values, soil, vegetation), times)
    for row in (4, 5, 6, 7, 8):  # s, tau, z, p, n
        assert np.array_equal(of_cover[row].astype(F), of_ndvi[row], equal_nan=True)


def test_slope_of_cover_is_that_of_ndvi_over_the_contrast():
    values = np.random.default_rng(9).uniform(0, 0.9, (8, 100)).astype(F)
    of_ndvi, of_cover = (statistics(v, np.arange(8.0)) for v in (values.astype(np.float64), cover(values, 0.05, 0.86)))
    np.testing.assert_allclose(of_cover[:3], of_ndvi[:3] / 0.81, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(of_cover[3], (of_ndvi[3] - 0.05) / 0.81, rtol=1e-9, atol=1e-12)
