"""The variants of an analysis that sensitivity.csv compares: each changes one choice and keeps all others."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from pipeline.config import Config, Season
from pipeline.config_scenes import Composite
from pipeline.config_sensitivity import FixedPair
from pipeline.season import bounds, meeting

SHIFT_DAYS = 15
METHODS = ("median", "p75", "max")
PERCENTILES = ((2.0, 98.0), (5.0, 95.0))
NO_SCENES = "prepared composites: the scenes behind them are not known"
NO_PAIR = "no fixed pair given (sensitivity.fixed)"


@dataclass(frozen=True)
class Variant:
    """One choice that differs from the config's; `refused` says why the variant cannot be computed, None where it can be tried.

    `shift`: days by which the season is shifted; `percentile`: of the composite method, -1 for the mean, None for the config's;
    `endmembers`: percentiles of soil and vegetation; `fixed`: a pair; `drops_first`: the trend starts a year later.
    """

    name: str
    choice: str
    shift: int = 0
    percentile: float | None = None
    endmembers: tuple[float, float] | None = None
    fixed: FixedPair | None = None
    drops_first: bool = False
    refused: str | None = None

    @property
    def of_scenes(self) -> bool:
        """Return whether the variant has composites of its own."""
        return bool(self.shift) or self.percentile is not None


def span(days: Iterable[tuple[date, date]], season: Season, shift: int, year: int) -> slice:
    """Return which of ascending spans of days (first, last) meet a year's season, shifted, from the first to the last that does."""
    return meeting(days, year, *bounds(season, year, shift))


def percentile_of(method: str) -> float:
    """Return the percentile of a composite method, -1 for the mean: `median` and `p50` are the same."""
    return -1.0 if method == "mean" else Composite(method=method).percentile


def scene_variants(config: Config) -> tuple[Variant, ...]:
    """Return the variants whose composites differ from the config's: the season earlier and later, then other methods."""
    season = config.season
    shifts = [
        Variant(f"season_{'minus' if days < 0 else 'plus'}_{abs(days)}", f"season {season.start} to {season.end}, {days:+d} days", shift=days)
        for days in (-SHIFT_DAYS, SHIFT_DAYS)
    ]
    own = percentile_of(config.composite.method)
    methods = [Variant(f"method_{m}", f"composite method {m}", percentile=percentile_of(m)) for m in METHODS if percentile_of(m) != own]
    return (*shifts, *methods)


def all_variants(config: Config, sensor: str) -> tuple[Variant, ...]:
    """Return the config's own analysis, `base`, and every variant of it in the order of the table."""
    fvc, fixed = config.fvc, config.sensitivity.fixed
    if config.sensors[sensor].catalog is not None:
        images = scene_variants(config)
    else:  # the method behind the composites is not known, so that none of them can be left out
        season = scene_variants(config)[:2]
        images = tuple(Variant(v.name, v.choice.replace(f" {config.season.start} to {config.season.end}", ""), refused=NO_SCENES) for v in season)
        images += tuple(Variant(f"method_{m}", f"composite method {m}", refused=NO_SCENES) for m in METHODS)
    frozen = fvc.endmembers is not None or config.pair_of(sensor) is not None
    own = (fvc.soil.percentile, fvc.vegetation.percentile)
    pairs = [
        Variant(f"endmembers_{low:g}_{high:g}", f"endmembers: percentiles {low:g} and {high:g}", endmembers=(low, high))
        for low, high in PERCENTILES
        if frozen or own != (low, high)
    ]
    if fixed is not None:
        if frozen or (fvc.soil.ndvi, fvc.vegetation.ndvi) != (fixed.soil, fixed.vegetation):
            pairs.append(Variant("endmembers_fixed", f"endmembers: NDVI {fixed.soil:g} and {fixed.vegetation:g}", fixed=fixed))
    elif not frozen and own != (None, None):
        pairs.append(Variant("endmembers_fixed", "endmembers: a fixed pair", refused=NO_PAIR))
    return (Variant("base", "as configured"), *images, *pairs, Variant("without_first_year", "the period without its first year", drops_first=True))
