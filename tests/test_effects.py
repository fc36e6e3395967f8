"""Effects of measures: hand cases, exact fractions and numpy's least squares, planted effects, and designs that tell nothing."""

from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from pipeline.evaluation.effects import effects

NAN = float("nan")


def sets(*texts):
    """Return sets of measures written as letters."""
    return [frozenset(text) for text in texts]


def by_name(found):
    """Return effects by their measures joined."""
    return {"".join(e.measures): e for e in found}


def exact_rank(rows):
    """Return the rank of a table by elimination with fractions."""
    rows = [[Fraction(int(v)) for v in row] for row in rows]
    rank = 0
    for column in range(len(rows[0]) if rows else 0):
        pivot = next((i for i in range(rank, len(rows)) if rows[i][column]), None)
        if pivot is None:
            continue
        rows[rank], rows[pivot] = rows[pivot], rows[rank]
        for i in range(len(rows)):
            if i != rank and rows[i][column]:
                factor = rows[i][column] / rows[rank][column]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[rank], strict=True)]
        rank += 1
    return rank


def design(given, blocks, pair=()):
    """Return the design table of the model, its last column that of the pair."""
    names = sorted(set().union(*given))
    mines = sorted(set(blocks)) if len(set(blocks)) > 1 else [None]
    rows = []
    for i, own in enumerate(given):
        row = [1 if m is None or blocks[i] == m else 0 for m in mines] + [int(n in own) for n in names]
        rows.append([*row, *([int(set(pair) <= own)] if pair else [])])
    return rows, len(mines), names


# Hand cases


def test_two_zones_with_and_two_without():
    """The effect is the difference of the means; its interval that of the two-sample t test with equal variances."""
    found = by_name(effects([0.2, 0.4, 0.7, 0.8], sets("a", "a", "ab", "ab")))
    expected = stats.ttest_ind([0.7, 0.8], [0.2, 0.4]).confidence_interval(0.90)
    assert found["b"].identified
    assert found["b"].value == pytest.approx(0.45)
    assert (found["b"].low, found["b"].high) == pytest.approx((expected.low, expected.high))
    assert (found["b"].freedom, found["b"].zones, found["b"].given) == (2, 4, 2)
    assert found["b"].reason.en == ""


def test_a_full_two_by_two_gives_the_pair():
    """With zones of a, b, c alone as the base: both together 0.9, sum of both 0.6."""
    found = by_name(effects([0.1, 0.3, 0.4, 0.9], sets("c", "ac", "bc", "abc")))
    assert found["ab"].value == pytest.approx(0.9 - 0.3 - 0.4 + 0.1)
    assert found["ab"].freedom == 0
    assert np.isnan(found["ab"].low)
    assert found["ab"].reason.en == "as many unknowns as zones: no interval"
    assert found["a"].value == pytest.approx((0.2 + 0.5) / 2)
    assert found["a"].freedom == 1
    assert found["c"].reason.en == "given in every zone: there is none without it"


def test_no_spread_gives_no_interval():
    found = by_name(effects([0.25, 0.25, 0.75, 0.75], sets("a", "a", "ab", "ab")))
    assert found["b"].value == pytest.approx(0.5)
    assert np.isnan(found["b"].low)
    assert found["b"].reason.en.startswith("the model leaves no spread")


# Against fractions and numpy


@pytest.mark.parametrize("seed", range(60))
def test_identified_and_estimated_as_exact_rank_and_lstsq_say(seed):
    rng = np.random.default_rng(seed)
    zones, names = int(rng.integers(2, 12)), "abcde"[: int(rng.integers(1, 6))]
    given = [frozenset(n for n in names if rng.random() < 0.5) or frozenset("a") for _ in range(zones)]
    blocks = [f"m{rng.integers(0, 3)}" for _ in range(zones)] if seed % 2 else []
    values = rng.normal(0.5, 0.2, zones)
    found = effects(values, given, blocks)
    present = sorted(set().union(*given))
    assert [e.measures for e in found] == [*((n,) for n in present), *combinations(present, 2)]
    for effect in found:
        rows, heads, columns = design(given, blocks, effect.measures if len(effect.measures) > 1 else ())
        j = len(rows[0]) - 1 if len(effect.measures) > 1 else heads + columns.index(effect.measures[0])
        unit = [int(k == j) for k in range(len(rows[0]))]
        rank = exact_rank(rows)
        assert effect.identified == (exact_rank([*rows, unit]) == rank), effect
        if not effect.identified:
            assert effect.reason.en
            assert effect.reason.zh
            assert np.isnan([effect.value, effect.low, effect.high]).all()
            continue
        x = np.array(rows, float)
        solution, *_ = np.linalg.lstsq(x, values)
        assert effect.value == pytest.approx(solution[j], abs=1e-9)
        assert effect.freedom == zones - rank
        if effect.freedom:
            rest = np.sum((values - x @ solution) ** 2) / effect.freedom
            half = stats.t.ppf(0.95, effect.freedom) * np.sqrt(rest * (unit @ np.linalg.pinv(x.T @ x) @ unit))
            assert (effect.low, effect.high) == pytest.approx((solution[j] - half, solution[j] + half), abs=1e-8)


def test_an_estimate_that_is_identified_is_that_of_every_solution():
    """Adding any vector of the null space to a solution leaves it; one that is not identified moves."""
    given = sets("ab", "ab", "abc", "c", "cd")
    x = np.array(design(given, [])[0], float)
    free = np.linalg.svd(x)[2][np.linalg.matrix_rank(x) :]
    for j, effect in enumerate(effects([0.1, 0.2, 0.4, 0.3, 0.7], given)[:4], start=1):
        assert effect.identified == bool((abs(free[:, j]) < 1e-12).all())


# Planted effects


def test_planted_effects_are_recovered_and_intervals_hold():
    """Three measures and one pair, mines that differ by more than any effect: 500 runs."""
    given = sets("a", "b", "ab", "abc", "c", "ac", "a", "b", "ab", "bc", "abc", "c")
    mines = ["m", "n"] * 6
    planted = {"a": 0.2, "b": -0.1, "c": 0.05}
    truth = np.array([sum(planted[n] for n in own) for own in given]) + np.where(np.array(mines) == "m", 0.5, 0.0)
    rng = np.random.default_rng(11)
    hits, values, runs = {n: 0 for n in planted}, {n: [] for n in planted}, 500
    for _ in range(runs):
        for name, effect in list(by_name(effects(truth + rng.normal(0, 0.08, 12), given, mines)).items())[:3]:
            values[name].append(effect.value)
            hits[name] += effect.low <= planted[name] <= effect.high
    for name, true in planted.items():
        assert np.mean(values[name]) == pytest.approx(true, abs=4 * np.std(values[name]) / runs**0.5)
        assert hits[name] / runs == pytest.approx(0.90, abs=4 * (0.09 / runs) ** 0.5)


def test_a_planted_pair_is_recovered_without_noise():
    given = sets("c", "ac", "bc", "abc", "c", "ac", "bc", "abc", "ad", "d")
    truth = [0.1 + 0.2 * ("a" in s) + 0.3 * ("b" in s) - 0.4 * ({"a", "b"} <= s) + 0.05 * ("d" in s) for s in given]
    found = by_name(effects(truth, given))
    assert found["ab"].value == pytest.approx(-0.4)
    assert found["ad"].identified
    assert found["cd"].reason.en == "never given together"


# Designs that tell nothing


@pytest.mark.parametrize(
    "given, blocks, name, en",
    [
        (("a", "a"), (), "a", "given in every zone: there is none without it"),
        (("ab", "ab", "c"), (), "a", "always given together with b"),
        (("a", "a", "b"), (), "a", "given exactly where b is not"),
        (("a", "b", "c"), (), "a", "its zones follow from b and c: cannot be told from them"),
        (("ab", "ac", "ad"), (), "b", "its zones follow from c and d: cannot be told from them"),
        (("ac", "ac", "c"), ("m", "m", "n"), "a", "within each mine given in all zones or in none: cannot be told from the mines"),
        (("ab", "a", "b"), (), "ab", "its zones follow from a and b: both together cannot be told from each alone"),
        (("a", "b", "c"), (), "ab", "never given together"),
        (("abc", "abc", "a"), (), "ab", "its zones follow from b: both together cannot be told from each alone"),
        (("abc", "abc", "a"), (), "ac", "its zones follow from c: both together cannot be told from each alone"),
        (("ab", "ab", "c"), (), "ab", "its zones follow from b: both together cannot be told from each alone"),
    ],
)
def test_what_is_not_identified_is_said(given, blocks, name, en):
    found = by_name(effects(np.linspace(0.1, 0.9, len(given)), sets(*given), blocks))[name]
    assert not found.identified
    assert found.reason.en == en
    assert found.reason.zh != en
    assert np.isnan(found.value)


def test_mines_and_a_measure_together_hide_another():
    """In m, a is given where b is; in n everywhere, without b: a = b + n. A relation that holds in all mines alike does not name them."""
    found = by_name(effects([0.1, 0.2, 0.3, 0.4], sets("ab", "c", "a", "ac"), ["m", "m", "n", "n"]))
    assert found["a"].reason.en == "its zones follow from b, and the mines: cannot be told from them"
    found = by_name(effects([0.1, 0.2, 0.3, 0.4], sets("a", "b", "a", "a"), ["m", "m", "n", "n"]))
    assert found["a"].reason.en == "given exactly where b is not"


def test_a_pair_in_every_zone():
    found = by_name(effects([0.1, 0.2, 0.3], sets("ab", "abc", "ab")))
    assert found["ab"].reason.en == "given together in every zone: there is none without"


def test_mines_take_their_difference_out():
    """Without blocks the better mine would be credited to the measure it used more."""
    given, mines = sets("a", "ab", "ab", "a", "a", "ab"), list("mmmnnn")
    values = [0.8 if m == "m" else 0.2 for m in mines]
    assert by_name(effects(values, given))["b"].value == pytest.approx(0.2)
    assert by_name(effects(values, given, mines))["b"].value == pytest.approx(0.0)


def test_a_measure_called_like_a_mine_is_a_measure():
    zones = [frozenset({"the mine", "x"}), frozenset({"the mine", "x"}), frozenset({"y"})]
    assert by_name(effects([0.1, 0.2, 0.3], zones))["x"].reason.en == "always given together with the mine"


# Gaps and bad input


def test_zones_without_a_value_are_left_out_and_may_cost_an_effect():
    given = sets("a", "ab", "a", "abc")
    whole, less = effects([0.1, 0.4, 0.2, 0.9], given), effects([0.1, 0.4, 0.2, NAN], given)
    assert by_name(whole)["c"].identified
    assert by_name(less)["c"].reason.en == "given in no zone with a value"
    assert by_name(less)["b"].value == pytest.approx(0.25)
    assert by_name(less)["b"].zones == 3


def test_nothing_in_nothing_out():
    assert effects([], []) == ()
    (only,) = effects([NAN], sets("a"))
    assert only.reason.en == "no zone with a value"


@pytest.mark.parametrize(
    "values, given, blocks",
    [([0.1], sets("a", "b"), ()), ([0.1, 0.2], sets("a", ""), ()), ([0.1, np.inf], sets("a", "b"), ()), ([0.1, 0.2], sets("a", "b"), ("m",))],
)
def test_what_does_not_fit_is_refused(values, given, blocks):
    with pytest.raises(ValueError, match="expected one of each per zone"):
        effects(values, given, blocks)
