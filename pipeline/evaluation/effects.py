"""Effects of restoration measures and of pairs of measures by an additive model over zones, only where the zones compared identify them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from pipeline.evaluation.paired import LEVEL, ROUNDING, quantile
from pipeline.words import NOTHING, Text, listed

TOLERANCE = 1e-8  # of what singular values of tables of 0 and 1 this small leave above 0 by arithmetic

NO_ZONE = Text("no zone with a value", "没有有值的分区")
NEVER = Text("given in no zone with a value", "有值的分区均未采用")
ALWAYS = Text("given in every zone: there is none without it", "所有分区均采用：没有未采用的分区")
ALWAYS_BOTH = Text("given together in every zone: there is none without", "所有分区均同时采用：没有未采用的分区")
NEVER_TOGETHER = Text("never given together", "从未同时采用")
NO_FREEDOM = Text("as many unknowns as zones: no interval", "未知数与分区数相同：没有区间")
NO_SPREAD = Text("the model leaves no spread between zones: no interval", "模型没有留下分区间的离散：没有区间")


@dataclass(frozen=True)
class Effect:
    """Effect of one measure, or of a pair beyond the sum of both; in the unit of the values, NaN where not identified.

    `low`, `high`: t interval, NaN where `freedom`, the residual degrees of freedom, is 0 or nothing is left over. `zones`: with a value; `given`: of them
    with the measure, or with both. `reason`: why it is not identified, or has no interval.
    """

    measures: tuple[str, ...]
    identified: bool
    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    freedom: int = 0
    zones: int = 0
    given: int = 0
    reason: Text = NOTHING


@dataclass(frozen=True)
class _Design:
    """Columns of 0 and 1 over zones: the constant, the blocks but the first (`blocks` in all), the measures of these names, a pair; and the values."""

    columns: np.ndarray
    blocks: int
    names: tuple[str, ...]
    values: np.ndarray
    level: float


def effects(values: Sequence[float], measures: Sequence[frozenset[str]], blocks: Sequence[str] = (), *, level: float = LEVEL) -> tuple[Effect, ...]:
    """Return the effect of each measure, then of each pair, sorted by name.

    Model: value = constant (of each block, where there are several) + sum of the effects of the zone's measures + error, by least squares. A pair is
    added alone to the measures: its effect is how much both together bring beyond the sum of both, other pairs taken as bringing nothing.

    An effect is identified if its unit vector lies in the row space of the design (estimable, Scheffe 1959): then every least-squares solution gives the
    same value. Otherwise the reason names what it cannot be told from. Interval: t, equal error in all zones. Measures are not drawn by lot: where the
    better ground got the dearer measure, that difference is in the effect.

    Parameters
    ----------
    values : one per zone, NaN = left out
    measures : of each zone; a zone without any is no zone without measures but one of which nothing is known, and is refused
    blocks : of each zone, for instance its mine; none or one for all: no blocks

    >>> soil, seed = "soil", "seed"
    >>> zones = [frozenset({soil}), frozenset({seed}), frozenset({soil, seed})]
    >>> [(e.measures, e.identified, round(e.value, 3), e.reason.en) for e in effects([0.2, 0.5, 0.6], zones)][:2]
    [(('seed',), True, 0.4, 'as many unknowns as zones: no interval'), (('soil',), True, 0.1, 'as many unknowns as zones: no interval')]
    """
    given = list(measures)
    y = np.asarray(values, np.float64)
    if y.ndim != 1 or len(given) != y.size or len(blocks) not in (0, y.size) or np.isinf(y).any() or not all(given):
        raise ValueError(
            f"{y.size} values, {len(given)} sets of measures, {len(blocks)} blocks; expected one of each per zone, no set empty, no infinite value"
        )
    names = sorted(set().union(*given))
    kept = np.flatnonzero(np.isfinite(y)).tolist()
    y, held = y[kept], np.array([[name in given[i] for name in names] for i in kept], np.float64).reshape(len(kept), len(names))
    of = [blocks[i] for i in kept] if blocks else []
    mines = sorted(set(of))[1:]
    first = 1 + len(mines)
    start = np.array([[True, *(b == name for name in mines)] for b in of or kept], np.float64).reshape(len(kept), first)
    additive = _Design(np.hstack([start, held]), first, tuple(names), y, level)
    out = [_effect(additive, first + j, (name,), ()) for j, name in enumerate(names)]
    for j, k in combinations(range(len(names)), 2):
        both = np.hstack([additive.columns, (held[:, j] * held[:, k])[:, None]])
        design = _Design(both, first, additive.names, y, level)
        out.append(_effect(design, both.shape[1] - 1, (names[j], names[k]), (first + j, first + k)))
    return tuple(out)


def _effect(design: _Design, j: int, measures: tuple[str, ...], pair: tuple[int, ...]) -> Effect:
    n = len(design.values)
    column = design.columns[:, j]
    given = int(column.sum())
    if reason := _not_identified(design, j, pair):
        return Effect(measures, False, zones=n, given=given, reason=reason)
    inverse = np.linalg.pinv(design.columns.T @ design.columns, rcond=TOLERANCE, hermitian=True)
    solution = inverse @ design.columns.T @ design.values
    left = design.values - design.columns @ solution
    freedom = n - _rank(design.columns)
    value = float(solution[j])
    if freedom < 1:
        return Effect(measures, True, value, zones=n, given=given, reason=NO_FREEDOM)
    spread = math.sqrt(float(left @ left) / freedom)
    if spread <= ROUNDING * abs(design.values).max():
        return Effect(measures, True, value, freedom=freedom, zones=n, given=given, reason=NO_SPREAD)
    width = float(quantile(freedom, design.level)) * spread * math.sqrt(float(inverse[j, j]))
    return Effect(measures, True, value, value - width, value + width, freedom, n, given)


def _not_identified(design: _Design, j: int, pair: tuple[int, ...]) -> Text | None:
    """Return why a column's effect cannot be told, None if it can; `pair`: the columns of both measures, where it is that of a pair."""
    n, column = len(design.values), design.columns[:, j]
    if not n:
        return NO_ZONE
    if not column.any():
        return NEVER_TOGETHER if pair else NEVER
    if column.all():
        return ALWAYS_BOTH if pair else ALWAYS
    others = [k for k in range(design.columns.shape[1]) if k != j]
    if not _spans(design.columns[:, others], column):
        return None
    heads = design.columns[:, : design.blocks]
    constant = [k for k in others if k >= design.blocks and _spans(heads, design.columns[:, k])]
    strange = [k for k in others if k not in pair]
    for k in [*constant, *range(1, design.blocks), *strange, *pair]:  # leave out what is not needed; what says least goes first
        fewer = [o for o in others if o != k]
        if _spans(design.columns[:, fewer], column):
            others = fewer
    told = [k for k in others if k >= design.blocks]
    named = listed(Text(name, name) for name in (design.names[k - design.blocks] for k in told))
    mines = any(0 < k < design.blocks for k in others)
    if not told:
        return Text("within each mine given in all zones or in none: cannot be told from the mines", "每个矿区内或全部采用或全不采用：无法与矿区差异区分")
    if mines:
        named = Text(f"{named.en}, and the mines", f"{named.zh}及矿区")
    if pair:
        return Text(f"its zones follow from {named.en}: both together cannot be told from each alone", f"其分区由{named.zh}决定：共同作用无法与单独作用区分")
    if len(others) == 1:
        return Text(f"always given together with {named.en}", f"总是与{named.zh}同时采用")
    if len(told) == 1 and not mines:
        return Text(f"given exactly where {named.en} is not", f"恰在未采用{named.zh}处采用")
    return Text(f"its zones follow from {named.en}: cannot be told from them", f"其分区由{named.zh}决定：无法区分")


def _rank(columns: np.ndarray) -> int:
    return int(np.linalg.matrix_rank(columns, tol=TOLERANCE * max(1.0, float(np.linalg.norm(columns))))) if columns.size else 0


def _spans(columns: np.ndarray, column: np.ndarray) -> bool:
    """Return whether a column is a combination of others: then no contrast of rows tells its effect."""
    return _rank(np.column_stack([columns, column])) == _rank(columns)
