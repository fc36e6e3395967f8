"""What a figure says of its numbers: sensor, season, years, method, software, and which classes its years cannot reach."""

from __future__ import annotations

from typing import Any

import pipeline
from pipeline.classes import legend, limits
from pipeline.config import Config
from pipeline.config_months import months_of
from pipeline.kernels.null import EXACT_MAX_N, smallest_p_of
from pipeline.sensors import SENSORS

SYNTHETIC = "SYNTHETIC DATA, not observed."
TREND = {
    "mann-kendall": "Theil-Sen slope and Mann-Kendall test",
    "seasonal-kendall": "seasonal Sen slope and seasonal Kendall test",
    "hirsch-slack": "seasonal Sen slope and Hirsch-Slack test",
    "year-permutation": "seasonal Sen slope and permutation of whole years",
}
OF_MONTHS = {
    "seasonal-kendall": "normal p, months taken as independent",
    "hirsch-slack": "normal p with the covariances of the months",
    "year-permutation": "p by orders of whole years",
}
SIGNIFICANCE = {"auto": f"exact p up to {EXACT_MAX_N} years", "exact": "exact p", "normal": "p by the normal approximation"}


def source_line(config: Config, sensor: str, years: tuple[int, int], *, synthetic: bool, trend: bool = False, images: bool = False) -> str:
    """Return the source of a figure of one sensor; `synthetic` images are called so, with `trend` the test is named, with `images` no composite is."""
    entry, season = config.sensors[sensor], config.season
    title = SENSORS[config.kind(sensor)].title
    named = title if sensor == config.kind(sensor) else f"{title} ({sensor})"
    when = f"season {season.start} to {season.end}, {years[0]}" + (f"-{years[1]}" if years[1] > years[0] else "")
    parts = [named, when]
    if not images:
        parts.append("prepared composites" if entry.catalog is None else f"{config.composite.method} of the clear observations")
    if trend:
        monthly, test = OF_MONTHS.get(config.trend.test), config.trend.test
        parts.append(f"{TREND[test]} of {'monthly ' if monthly else ''}{config.trend.variable.upper()}, {monthly or SIGNIFICANCE[config.trend.significance]}")
    first = f"{SYNTHETIC} " if synthetic else ""
    return f"{first}Source: {'; '.join(parts)}. Minegreen {pipeline.__version__}."


def title_of(config: Config, what: str, sensor: str = "") -> str:
    """Return the title of a figure of a mine; of one of several sensors with its name."""
    of = f", {sensor}" if sensor and len(config.sensors) > 1 else ""
    return f"{config.title or config.mine}{of}: {what}"


def unreachable(config: Config, pinned: dict[str, Any], period: tuple[int, int]) -> frozenset[int]:
    """Return the codes that no pixel can get, whatever the vegetation does: too few years of the period have an image.

    `pinned` is the content of scenes.json.
    """
    trend = config.trend
    seen = {s["year"] for s in pinned["scenes"]} if "scenes" in pinned else {i["year"] for i in pinned["images"] if i["file"] is not None}
    p_min = smallest_p_of(trend.test, sum(period[0] <= year <= period[1] for year in seen), len(months_of(config)), trend.significance)
    alphas = limits(trend.scheme, trend.alpha.slight, trend.alpha.significant, trend.alpha.extreme)
    return frozenset(c.code for c in legend(trend.scheme) if c.limit is not None and not p_min <= alphas[c.limit])
