"""Six indicators of how far restoration brought a zone, each placed between its state before (0) and its reference (1).

Values are cover (0..1), one per year; NaN is a year without value and never becomes a number. A position is not cut off: above 1 the zone is
better than its reference, below 0 worse than before. Cover, gain and completeness are three views of one thing: where the reference is as before
they differ only in their years, so that weights on all three count the level three times.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.evaluation.baci import AFTER, BEFORE, contrast
from pipeline.evaluation.paired import LEVEL, ROUNDING, quantile, yearly
from pipeline.words import NOTHING, Text

LEAST_YEARS = 4  # for a spread about a line: of three years the departure from it is one number

NO_SERIES = Text(
    "no series of the zone and its reference: the key `recovery` is not in the config, or its `sensors` leave this one out, or the zone has no reference",
    "没有分区与对照的序列：配置中无 `recovery`，或其 `sensors` 不含该传感器，或分区没有对照",
)
NO_LEAST = Text("recovery.least_gap is not given: what counts as a gap to be closed is not known", "未给出 recovery.least_gap：无法确定多大的差距才算差距")
NO_DATE = Text("no date of restoration", "未给出修复时间")
NO_BEFORE = Text("no year before restoration with a value of zone and reference", "修复前没有分区与对照均有值的年份")
NO_AFTER = Text("no whole season after restoration with a value of zone and reference", "修复后没有分区与对照均有值的完整生长季")
NO_GAP = Text("the zone does not start clearly below its reference", "分区起点并不明显低于对照")
NO_GAP_THEN = Text("at the start of the period the zone does not lie clearly below its reference", "时段开始时分区并不明显低于对照")
FEW_YEARS = Text(f"fewer than {LEAST_YEARS} years after restoration with a value of zone and reference", f"修复后分区与对照均有值的年份不足 {LEAST_YEARS} 年")
FLAT = Text("the reference does not swing from year to year", "对照没有年际波动")
NO_SHARES = Text("the shares of the area that rise and fall against the reference are not known", "相对对照上升和下降的面积比例未知")
NO_SLOPE = Text("the slope of the zone minus its reference is not known", "分区减对照的斜率未知")


@dataclass(frozen=True)
class Observed:
    """What is known of one zone; NaN where it is not.

    `cover`, `reference`: (years,) mean cover 0..1 of the zone and of its reference, `phase` of each year (`baci.phases` or any other word for years that
    are neither before nor after; empty without a date of restoration). `completeness`: (3, years) value, lower and upper end as
    `recovery.completeness` gives them. `net_pct`: share of the area that rises minus the share that falls over the period,
    -100..100, each cell less its reference. `slope` and its interval: per year, of the zone minus its reference over the same period, `first` to `last`.
    """

    years: tuple[int, ...]
    cover: np.ndarray
    reference: np.ndarray
    phase: tuple[str, ...] = ()
    completeness: np.ndarray | None = None
    net_pct: float = math.nan
    slope: float = math.nan
    slope_low: float = math.nan
    slope_high: float = math.nan
    first: int = 0
    last: int = 0

    def __post_init__(self) -> None:
        """Refuse series that do not fit together."""
        cover, reference = yearly({"cover": self.cover, "reference": self.reference})
        if len(self.years) != cover.size or len(self.phase) not in (0, cover.size) or (np.diff(self.years) <= 0).any():
            raise ValueError(f"{len(self.years)} years, {len(self.phase)} phases, {cover.size} values; expected as many rising years as values, and phases")
        completeness = np.full((3, cover.size), np.nan) if self.completeness is None else np.asarray(self.completeness, np.float64)
        if completeness.shape != (3, cover.size):
            raise ValueError(f"completeness has shape {completeness.shape}; expected (3, {cover.size}): value, lower and upper end of each year")
        object.__setattr__(self, "completeness", completeness)
        object.__setattr__(self, "cover", cover)
        object.__setattr__(self, "reference", reference)

    def during(self, phase: str) -> np.ndarray:
        """Return which years are of a phase and have both values, (years,) bool."""
        of = np.array([p == phase for p in self.phase] or [False] * len(self.years), bool)
        return of & np.isfinite(self.cover) & np.isfinite(self.reference)

    @property
    def lacks(self) -> Text | None:
        """Return why before and after cannot be compared, None if they can."""
        if not self.years or not self.phase:
            return NO_DATE if self.years else NO_SERIES
        return NO_BEFORE if not self.during(BEFORE).any() else NO_AFTER if not self.during(AFTER).any() else None


@dataclass(frozen=True)
class Placed:
    """An indicator of one zone: its value with interval and its position; NaN where not known, `reason` then says why the position is not."""

    value: float = math.nan
    low: float = math.nan
    high: float = math.nan
    position: float = math.nan
    reason: Text = NOTHING


def cover(zone: Observed, least_gap: float) -> Placed:
    """Return the mean cover of the years after, with the t interval over them, and (X_A - X_0) / (R_A - X_0).

    X_0 is the mean of the zone over the years before, X_A and R_A those of zone and reference over the years after.

    >>> found = cover(Observed((2019, 2020, 2021), [0.2, 0.5, 0.6], [0.8, 0.8, 0.8], ("before", "after", "after")), 0.1)
    >>> round(found.value, 3), round(found.position, 3)
    (0.55, 0.583)
    """
    if zone.lacks:
        return Placed(reason=zone.lacks)
    after = zone.cover[zone.during(AFTER)]
    value, start = float(after.mean()), zone.cover[zone.during(BEFORE)].mean()
    width = float(quantile(after.size - 1, LEVEL) * after.std(ddof=1) / math.sqrt(after.size)) if after.size > 1 else math.nan
    gap = float(zone.reference[zone.during(AFTER)].mean() - start)
    return Placed(value, value - width, value + width, *_over(value - start, gap, least_gap, NO_GAP))


def gain(zone: Observed, least_gap: float) -> Placed:
    """Return the change of the zone beyond that of its reference, and its share of the gap before, R_0 - X_0.

    The change is the contrast of `baci.baci` without partial years, with its interval.

    >>> found = gain(Observed((2019, 2020, 2021), [0.2, 0.5, 0.6], [0.8, 0.9, 0.9], ("before", "after", "after")), 0.1)
    >>> round(found.value, 3), round(found.position, 3)
    (0.25, 0.417)
    """
    if zone.lacks:
        return Placed(reason=zone.lacks)
    kept = zone.during(BEFORE) | zone.during(AFTER)
    found = contrast((zone.cover - zone.reference)[kept], [p for p, k in zip(zone.phase, kept, strict=True) if k])
    gap = float((zone.reference - zone.cover)[zone.during(BEFORE)].mean())
    return Placed(found.value, found.low, found.high, *_over(found.value, gap, least_gap, NO_GAP))


def latest_completeness(zone: Observed, least_gap: float) -> Placed:
    """Return completeness, RC = (X_t - X_0) / (R_t - X_0), of the last year after restoration that has both values; the value is the position.

    >>> found = [[0.0, 0.5, 0.667], [float("nan")] * 3, [float("nan")] * 3]
    >>> latest_completeness(Observed((2019, 2020, 2021), [0.2, 0.5, 0.6], [0.8] * 3, ("before", "after", "after"), found), 0.1).position
    0.667
    """
    if zone.lacks:
        return Placed(reason=zone.lacks)
    assert zone.completeness is not None  # set when made
    value, low, high = zone.completeness[:, np.flatnonzero(zone.during(AFTER))[-1]].tolist()
    return Placed(value, low, high, value, (NO_LEAST if math.isnan(least_gap) else NO_GAP) if math.isnan(value) else NOTHING)


def stability(zone: Observed, least_gap: float) -> Placed:
    """Return how far the zone departs from its reference from year to year, and how that compares with the swing of the reference itself.

    Both are standard deviations about a straight line (n - 2 degrees of freedom) over the years after: s_D of zone minus reference, s_R of the
    reference. Position (s_R - s_D) / (s_R + s_D): 1 moves with the reference in good and bad years; 0 does not answer to them at all, as bare ground;
    towards -1 swings on its own. It is ours; s_D / s_R alone runs away where the reference happens to swing little. 0 is not the zone's own state before,
    for which years are lacking as a rule. `least_gap` does not matter.

    >>> years, r = (2020, 2021, 2022, 2023), np.array([0.7, 0.8, 0.7, 0.8])
    >>> [round(stability(Observed(years, x, r, ("after",) * 4), 0.1).position, 3) for x in (r - 0.3, r * 0 + 0.1, 0.5 * r)]
    [1.0, 0.0, 0.333]
    """
    if not zone.phase:
        return Placed(reason=NO_DATE if zone.years else NO_SERIES)
    after = zone.during(AFTER)
    if after.sum() < LEAST_YEARS:
        return Placed(reason=FEW_YEARS)
    years = np.array(zone.years, np.float64)[after]
    own, other = (_about_line(years, v[after]) for v in (zone.cover - zone.reference, zone.reference))
    flat = other <= ROUNDING * abs(zone.reference[after]).max()
    return Placed(own, position=math.nan if flat else (other - own) / (other + own), reason=FLAT if flat else NOTHING)


def trend_shares(zone: Observed, least_gap: float) -> Placed:
    """Return the share of the area that rises over the period minus that which falls, N in per cent, of cells minus their reference, and N / 100.

    0: as much of the area comes closer to the reference as draws away; 1: all of it comes closer. It is ours. Cells minus the reference, and not cells as they
    are less the share of the reference, because one good last year can make a whole reference rise. Needs a gap at the start of the period
    (`relative_trend`): a zone that is as its reference has no reason to rise.

    >>> found = trend_shares(Observed((2020, 2021), [0.2, 0.5], [0.8, 0.8], net_pct=60, first=2020, last=2021), 0.1)
    >>> found.value, found.position
    (60, 0.6)
    """
    if math.isnan(zone.net_pct):
        return Placed(reason=NO_SHARES)
    gap, reason = _over(1.0, _gap_at_start(zone), least_gap, NO_GAP_THEN if zone.years else NO_SERIES)
    return Placed(zone.net_pct, position=math.nan if math.isnan(gap) else zone.net_pct / 100, reason=reason)


def relative_trend(zone: Observed, least_gap: float) -> Placed:
    """Return the slope of the zone minus its reference per year, and its ratio to the slope that closes the gap within the period.

    Position slope x (last - first) / gap, with gap = R - X in the first year of the period that has both. 0: keeps its distance; 1: at this slope the
    gap of the start is closed at the end. It is ours; the interval is that of the slope.

    >>> found = relative_trend(Observed((2020, 2021, 2022), [0.2, 0.4, 0.5], [0.8] * 3, slope=0.15, first=2020, last=2022), 0.1)
    >>> found.value, round(found.position, 3)
    (0.15, 0.5)
    """
    if math.isnan(zone.slope):
        return Placed(reason=NO_SLOPE)
    reason = NO_GAP_THEN if zone.years else NO_SERIES
    return Placed(zone.slope, zone.slope_low, zone.slope_high, *_over(zone.slope * (zone.last - zone.first), _gap_at_start(zone), least_gap, reason))


@dataclass(frozen=True)
class Indicator:
    """One indicator: its name, unit of the value, formula in words, what 0 and 1 stand for, and where it comes from."""

    key: str
    name: Text
    unit: str
    formula: Text
    zero: Text
    one: Text
    reference: str
    of: Callable[[Observed, float], Placed]


BEFORE_STATE = Text("mean cover before restoration", "修复前的平均覆盖度")
OURS = "ours; no standard is known to us"
INDICATORS = (
    Indicator(
        "cover",
        Text("cover", "覆盖度"),
        "0..1",
        Text("mean cover of the years after restoration", "修复后各年的平均覆盖度"),
        BEFORE_STATE,
        Text("mean cover of the reference in the same years", "同期对照的平均覆盖度"),
        "the completeness of the period's mean",
        cover,
    ),
    Indicator(
        "gain",
        Text("gain", "增益"),
        "0..1",
        Text("change of the zone's mean cover from before to after restoration, less that of its reference", "修复前后分区平均覆盖度的变化减去对照的变化"),
        Text("no change beyond that of the reference", "变化不超过对照"),
        Text("the whole gap before restoration", "修复前的全部差距"),
        "before-after-control-impact contrast (Stewart-Oaten, Murdoch and Parker 1986); its scale is ours",
        gain,
    ),
    Indicator(
        "completeness",
        Text("completeness", "恢复完整度"),
        "1",
        Text(
            "(X_t - X_0) / (R_t - X_0) of the last year with a value",
            "最后有值年份的 (X_t - X_0) / (R_t - X_0)",
        ),
        BEFORE_STATE,
        Text("cover of the reference in the same year", "同年对照的覆盖度"),
        "the recovery completeness of recovery_by_zone.csv",
        latest_completeness,
    ),
    Indicator(
        "stability",
        Text("stability", "稳定性"),
        "0..1",
        Text(
            "standard deviation of zone minus reference about a straight line over the years after restoration",
            "修复后各年分区减对照的值相对直线的标准差",
        ),
        Text("as far as the reference itself swings: ground that does not answer to good and bad years", "与对照自身波动相同：地表对丰歉年没有响应"),
        Text("moves with the reference in good and bad years", "随对照同步波动"),
        OURS,
        stability,
    ),
    Indicator(
        "trend_shares",
        Text("trend shares", "趋势面积比例"),
        "%",
        Text("share of the area that rises against the reference minus that which falls", "相对对照上升的面积比例减去下降的面积比例"),
        Text("as much comes closer to the reference as draws away", "接近对照与远离对照的面积相等"),
        Text("the whole area comes closer", "全部面积都在接近对照"),
        OURS,
        trend_shares,
    ),
    Indicator(
        "relative_trend",
        Text("relative trend", "相对趋势"),
        "1/year",
        Text("Theil-Sen slope of zone minus reference", "分区减对照的 Theil-Sen 斜率"),
        Text("keeps its distance to the reference", "与对照的差距不变"),
        Text("the slope that closes the gap of the period's first year within the period", "在时段内弥合首年差距所需的斜率"),
        OURS,
        relative_trend,
    ),
)
KEYS = tuple(i.key for i in INDICATORS)


def placed(zone: Observed, least_gap: float | None) -> dict[str, Placed]:
    """Return every indicator of a zone by its key.

    `least_gap`: smallest distance to the reference, in cover, that counts as a gap to be closed; below it, and where it is not given, positions on a gap are
    not formed. ValueError for anything but a number of 0 or more.
    """
    if least_gap is not None and not (math.isfinite(least_gap) and least_gap >= 0):
        raise ValueError(f"least_gap is {least_gap}; expected a number of 0 or more, in the unit of the values")
    return {i.key: i.of(zone, math.nan if least_gap is None else least_gap) for i in INDICATORS}


def _over(part: float, gap: float, least: float, reason: Text) -> tuple[float, Text]:
    """Return a part of a gap; NaN with the reason where the gap is not above the least, or the least is not known."""
    if gap > least:
        return float(part / gap), NOTHING
    return math.nan, NO_LEAST if math.isnan(least) and not math.isnan(gap) else reason


def _gap_at_start(zone: Observed) -> float:
    """Return reference minus zone in the first year of the period that has both."""
    years = np.array(zone.years)
    gap = (zone.reference - zone.cover)[(years >= zone.first) & (years <= zone.last)]
    known: Sequence[float] = gap[np.isfinite(gap)].tolist()
    return known[0] if known else math.nan


def _about_line(years: np.ndarray, values: np.ndarray) -> float:
    """Return the standard deviation of values about their least-squares line, n - 2 degrees of freedom."""
    t = years - years.mean()
    left = values - values.mean() - t * (t @ values) / (t @ t)
    return float(np.sqrt(left @ left / (values.size - 2)))
