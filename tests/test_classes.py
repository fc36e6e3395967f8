"""Trend classes: each reachable (slope, S, p) has exactly one; codes, names and groups are the documented ones."""

import math
from fractions import Fraction
from functools import cache
from itertools import product

import numpy as np
import pytest
from scipy import stats

from pipeline.classes import GROUPS, LEGEND, P_TOLERANCE, legend, limits
from pipeline.kernels.null import EXACT_MAX_N, inversion_counts, partitions, two_sided_p
from pipeline.kernels.pixels import classify
from pipeline.trend import statistics

SCHEMES = ("five", "seven", "nine")
ALPHA = {"slight": 0.10, "significant": 0.05, "extreme": 0.01}
NO_CHANGE = 0.0005
NAN = float("nan")

# The published table of classes: code, class_id, class, Chinese name, schemes
TABLE = [
    (0, "outside", "outside", "区外", SCHEMES),
    (1, "extremely_significant_decrease", "extremely significant decrease", "极显著减少", ("nine",)),
    (2, "significant_decrease", "significant decrease", "显著减少", SCHEMES),
    (3, "slightly_significant_decrease", "slightly significant decrease", "轻微显著减少", ("seven", "nine")),
    (4, "no_significant_decrease", "no significant decrease", "不显著减少", SCHEMES),
    (5, "no_change", "no change", "无变化", SCHEMES),
    (6, "no_significant_increase", "no significant increase", "不显著增加", SCHEMES),
    (7, "slightly_significant_increase", "slightly significant increase", "轻微显著增加", ("seven", "nine")),
    (8, "significant_increase", "significant increase", "显著增加", SCHEMES),
    (9, "extremely_significant_increase", "extremely significant increase", "极显著增加", ("nine",)),
    (97, "water", "water", "水体", SCHEMES),
    (98, "too_small", "zone too small for this sensor", "面积过小", SCHEMES),
    (99, "insufficient_data", "insufficient data", "数据不足", SCHEMES),
]


def codes(slope, p, n=10, scheme="nine", min_years=4, no_change=NO_CHANGE, alpha=ALPHA) -> list[int]:
    """Classes of lists of slopes and p, as a flat list of codes."""
    slope, p, n = np.broadcast_arrays(np.float32(slope), np.float32(p), np.float32(n))
    return classify(slope, p, n, min_years=min_years, no_change=no_change, **limits(scheme, **alpha)).ravel().tolist()


# The legend


def test_codes_and_names_equal_the_published_table():
    assert [(c.code, c.class_id, c.label, c.label_zh, c.schemes) for c in LEGEND] == TABLE


@pytest.mark.parametrize("scheme", SCHEMES)
def test_legend_of_a_scheme_holds_as_many_trend_classes_as_its_name_says(scheme):
    assert sum(1 <= c.code <= 9 for c in legend(scheme)) == {"five": 5, "seven": 7, "nine": 9}[scheme]
    assert [c.code for c in legend(scheme)] == [row[0] for row in TABLE if scheme in row[4]]


def test_increases_mirror_decreases():
    by_code = {c.code: c for c in LEGEND}
    for code in range(1, 10):
        up, down = by_code[max(code, 10 - code)], by_code[min(code, 10 - code)]
        assert up.class_id.replace("increase", "decrease") == down.class_id
        assert up.label_zh.replace("增加", "减少") == down.label_zh
        assert (up.direction, up.limit, up.schemes) == (-down.direction, down.limit, down.schemes)
        assert by_code[code].direction == np.sign(code - 5)


def test_every_class_has_its_own_colour_and_only_outside_is_transparent():
    assert len({c.colour for c in LEGEND}) == len(LEGEND)
    assert [c.code for c in LEGEND if c.rgba[3] != 255] == [0]
    assert legend("seven")[1].rgba == (0x8C, 0x51, 0x0A, 255)


def test_groups_partition_the_codes():
    whole = ("increase", "decrease", "no_change", "water", "insufficient")
    members = [code for name in whole for code in GROUPS[name]]
    assert sorted(members) == [c.code for c in LEGEND if c.code != 0]
    assert set(GROUPS) == {*whole, "significant_or_slight_increase", "significant_or_slight_decrease"}


def test_groups_follow_direction_and_significance():
    for word, direction in (("increase", 1), ("decrease", -1)):
        assert set(GROUPS[word]) == {c.code for c in LEGEND if c.direction == direction}
        assert set(GROUPS[f"significant_or_slight_{word}"]) == {c.code for c in LEGEND if c.direction == direction and c.limit}


# Every reachable (slope, S, p) has exactly one class


@cache
def reachable(n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return slope, S, exact p and normal p of all that n values can give, whatever their ties.

    Sen's slope never has the sign opposite to S (tests/test_kendall.py), but it may be 0 or small; with S = 0 it may have either sign.
    """
    rows = []
    for pattern in partitions(n):
        pairs = inversion_counts(pattern).size - 1
        deviation = math.sqrt((n * (n - 1) * (2 * n + 5) - sum(t * (t - 1) * (2 * t + 5) for t in pattern)) / 18)
        exact = two_sided_p(pattern)
        for s in range(-pairs, pairs + 1, 2):
            normal = 2 * stats.norm.sf((abs(s) - 1) / deviation) if s else 1.0
            for sign in {np.sign(s)} if s else {-1, 1}:
                rows += [(sign * size, s, exact[abs(s)], normal) for size in (0.0, 1e-9, 0.0004, 0.0006, 0.2)]
    return tuple(np.array(rows).T)


def rules_met(slope: float, p: float, scheme: str) -> set[int]:
    """Return every class whose published rule holds, each rule written out on its own."""
    if abs(slope) < NO_CHANGE or slope == 0:
        return {5}
    extreme, significant, slight = (p <= ALPHA[word] + 1e-6 for word in ("extreme", "significant", "slight"))
    strengths = {
        "extreme": scheme == "nine" and extreme,
        "significant": significant and not (scheme == "nine" and extreme),
        "slight": scheme != "five" and slight and not significant,
        "none": not significant if scheme == "five" else not slight,
    }
    up = {"extreme": 9, "significant": 8, "slight": 7, "none": 6}
    return {up[word] if slope > 0 else 10 - up[word] for word, met in strengths.items() if met}


@pytest.mark.parametrize("n", range(3, 11))
@pytest.mark.parametrize("scheme", SCHEMES)
def test_each_reachable_slope_s_p_has_exactly_one_class(scheme, n):
    slope, _, *both = reachable(n)
    allowed = {c.code for c in legend(scheme)} & set(range(1, 10))
    for p in both:
        found = codes(slope, p, n=n, scheme=scheme, min_years=3)
        assert set(found) <= allowed
        for code, b, q in zip(found, slope, p, strict=True):
            assert rules_met(b, q, scheme) == {code}, (b, q)


@pytest.mark.parametrize("n", range(3, 11))
def test_a_coarser_scheme_is_a_function_of_the_finer(n):
    slope, _, *both = reachable(n)
    for p in both:
        five, seven, nine = (codes(slope, p, n=n, scheme=scheme, min_years=3) for scheme in SCHEMES)
        assert seven == [{9: 8, 1: 2}.get(code, code) for code in nine]
        assert five == [{7: 6, 3: 4}.get(code, code) for code in seven]


@pytest.mark.parametrize("n", range(3, 11))
def test_class_depends_on_the_sign_of_the_slope_symmetrically(n):
    slope, _, p, _ = reachable(n)
    assert codes(-slope, p, n=n, min_years=3) == [10 - code for code in codes(slope, p, n=n, min_years=3)]


@pytest.mark.parametrize("significance", ["auto", "normal"])
@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize(("n", "never"), [(3, {1, 2, 3, 7, 8, 9}), (4, {1, 2, 8, 9}), (5, {1, 9})])
def test_few_years_never_reach_these_classes(n, never, scheme, significance):
    """Four annual values are never significant, five never extremely: every series of n values, ties included."""
    every = np.array([w for w in product(range(n), repeat=n) if len(set(w)) == max(w) + 1]).T
    out = statistics(every * 0.1, np.arange(float(n)), significance=significance)
    found = set(codes(out[0], out[7], n=out[8], scheme=scheme, min_years=3))
    assert not found & never
    assert {4, 5, 6} <= found


@pytest.mark.parametrize(("n", "code"), [(3, 6), (4, 7), (5, 8), (6, 9), (10, 9)])
def test_strongest_class_of_n_rising_years(n, code):
    slope, _, _, _, _, _, _, p, valid = statistics(0.01 * np.arange(n)[:, None], np.arange(float(n)))
    assert codes(slope, p, n=valid, min_years=3) == [code]
    assert codes(-slope, p, n=valid, min_years=3) == [10 - code]


# Bounds


@pytest.mark.parametrize(("alpha", "inside", "outside"), [(0.10, 7, 6), (0.05, 8, 7), (0.01, 9, 8)])
def test_bounds_are_closed_also_for_p_stored_as_float32(alpha, inside, outside):
    single = np.float32(alpha)
    at = [single, np.nextafter(single, np.float32(1)), np.nextafter(single, np.float32(0)), alpha + 5e-7]
    assert codes(0.1, at) == [inside] * 4
    assert codes(0.1, [alpha + 2e-6, alpha + 1e-3]) == [outside] * 2


@pytest.mark.parametrize(("alpha", "inside"), [(Fraction(1, 10), 7), (Fraction(1, 20), 8), (Fraction(1, 100), 9)])
def test_p_exactly_at_alpha_is_within(alpha, inside):
    reached = []
    for n in range(3, 13):
        for pattern in partitions(n):
            counts = inversion_counts(pattern)
            tail, total = np.cumsum(counts), int(counts.sum())
            reached += [two_sided_p(pattern)[len(counts) - 1 - 2 * i] for i in range(counts.size // 2) if Fraction(2 * int(tail[i]), total) == alpha]
    if alpha == Fraction(1, 10):
        assert reached  # 1 1 1 2 2 2: S = 9 in 1 of 20 orders, |S| = 9 in 2
    assert codes(0.1, reached) == [inside] * len(reached)


def test_tolerance_lets_a_larger_p_in_for_four_heavily_tied_patterns_only():
    let_in = []
    for pattern in (pattern for n in range(3, EXACT_MAX_N + 1) for pattern in partitions(n)):
        p = two_sided_p(pattern)
        for alpha in ALPHA.values():
            let_in += [(alpha, pattern) for _ in np.flatnonzero((p > alpha + 1e-12) & (p <= alpha + P_TOLERANCE))]
    assert sorted(let_in) == [(0.01, (4, 3, 3, 3, 3, 1, 1, 1, 1)), (0.01, (4, 4, *[2] * 6)), (0.01, (6, 4, 4, *[1] * 6)), (0.01, (9, 8, 1))]


def test_alpha_can_be_moved():
    moved = {"slight": 0.2, "significant": 0.1, "extreme": 0.001}
    assert codes(0.1, [0.0005, 0.01, 0.1, 0.15, 0.3], alpha=moved) == [9, 8, 8, 7, 6]


def test_limits_carry_the_tolerance_and_switch_off_what_a_scheme_lacks():
    assert P_TOLERANCE == 1e-6
    assert limits("nine", 0.1, 0.05, 0.01) == {"slight": 0.1 + 1e-6, "significant": 0.05 + 1e-6, "extreme": 0.01 + 1e-6}
    assert limits("seven", 0.1, 0.05, 0.01)["extreme"] < 0
    assert limits("five", 0.1, 0.05, 0.01)["slight"] < 0
    assert codes(0.1, [0.0, 0.0], scheme="seven") == [8, 8]  # p of 0 does not slip under a switched-off limit


def test_classify_itself_has_closed_bounds_and_no_tolerance_of_its_own():
    rules = {"min_years": 3, "no_change": 0.0, "slight": 0.5, "significant": 0.25, "extreme": 0.125}  # exact in float32
    p = np.float32([0.125, 0.25, 0.5])
    slope, n = np.ones(3, np.float32), np.full(3, 9, np.float32)
    assert classify(slope, p, n, **rules).tolist() == [9, 8, 7]
    assert classify(slope, np.nextafter(p, np.float32(1)), n, **rules).tolist() == [8, 7, 6]


# Order of the rules


def test_no_change_goes_before_significance():
    assert codes([0.0004, -0.0004, 0.0006, -0.0006], 1e-6) == [5, 5, 9, 1]


def test_no_change_is_open_at_its_limit():
    quarter = 0.25  # exact in float32
    assert codes([quarter, -quarter, np.nextafter(np.float32(quarter), np.float32(0))], 0.5, no_change=quarter) == [6, 4, 5]


@pytest.mark.parametrize("zero", [0.0, -0.0])
def test_slope_zero_is_no_change_even_without_a_limit(zero):
    assert codes([zero, 1e-30, -1e-30], [0.001, 0.5, 0.5], no_change=0) == [5, 6, 4]


def test_min_years_go_before_everything():
    assert codes([0.0, 0.1, -0.1], [1, 1e-6, 1e-6], n=[3, 3, 3], min_years=4) == [99, 99, 99]
    assert codes(0.1, 1e-6, n=[3, 4, 5], min_years=4) == [99, 9, 9]


def test_missing_is_insufficient_data_and_never_outside():
    assert codes([NAN, NAN, 0.1], [NAN, 0.01, 0.01], n=[0, 10, NAN]) == [99, 99, 99]
    few = statistics(np.array([[NAN, 0.2, 0.2], [NAN, NAN, 0.3], [NAN, NAN, NAN]]), np.arange(3.0))
    assert codes(few[0], few[7], n=few[8], min_years=2) == [99, 99, 99]


def test_codes_below_ten_and_99_are_all_that_classify_gives():
    values = (NAN, -math.inf, -1, -1e-9, 0, 1e-9, 1, math.inf)
    grid = np.array(list(product(values, (NAN, 0, 0.01, 0.05, 0.1, 1), (NAN, 0, 3, 4, 20)))).T
    found = codes(*grid)
    assert 0 not in found
    assert set(found) <= {*range(1, 10), 99}


@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (2, 3, 4)])
def test_codes_are_bytes_of_the_same_shape(shape):
    slope = np.float32(np.linspace(-1, 1, math.prod(shape)).reshape(shape))
    out = classify(slope, np.full(shape, 0.03, np.float32), np.full(shape, 9, np.float32), min_years=4, no_change=0.0, **limits("seven", **ALPHA))
    assert out.dtype == np.uint8
    assert out.shape == shape
    assert np.isin(out, [2, 5, 8]).all()


def test_memory_layout_does_not_matter():
    rng = np.random.default_rng(0)
    slope, p, n = (np.float32(v) for v in (rng.normal(size=(6, 8)), rng.random((6, 8)) / 5, np.full((6, 8), 9)))
    rules = {"min_years": 4, "no_change": NO_CHANGE} | limits("nine", **ALPHA)
    expected = classify(slope, p, n, **rules)
    assert np.array_equal(classify(slope.T, p.T, n.T, **rules), expected.T)
    assert np.array_equal(classify(slope[::2], p[::2], n[::2], **rules), expected[::2])
