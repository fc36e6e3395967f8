"""The config key `landcover`."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, StringConstraints, field_validator

from pipeline.config_base import Model, Year
from pipeline.config_catalog import LocalPath
from pipeline.config_evaluation import EvaluationKey
from pipeline.errors import nearest
from pipeline.evaluation.landclasses import LARGEST, MINING, PRESETS, RULE, LandCover, check_names

if TYPE_CHECKING:
    from pipeline.config import Config

Share = Annotated[float, Field(gt=0, lt=1)]
Name = Annotated[str, StringConstraints(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f]+$")]
Code = Annotated[int, Field(ge=0, le=LARGEST)]
CODE = re.compile(r"0|[1-9][0-9]{0,9}")  # one way to write each number, so that no two keys are one code


class LandRule(Model):
    """Classes by rule, for mines without land-cover maps: docs/land-cover.md. The bounds have no defaults, as published grades differ."""

    bare_below: Share = Field(description="inside the boundary, cover below this is mining land; 0..1, at most high_from")
    medium_from: Share = Field(description="cover from which grassland is of medium cover, below it of low; 0..1")
    high_from: Share = Field(description="cover from which grassland is of high cover; 0..1, above medium_from")
    boundary: tuple[str, ...] | None = Field(None, description="zones that together are the mine inside its boundary; default: all that are no reference")


class Landcover(EvaluationKey):
    """Area of land-cover classes by year and what became what: from yearly maps (`path`, `classes`), or by `rule` from yearly cover."""

    path: LocalPath | None = Field(None, description="path of yearly land-cover maps, GeoTIFFs of codes on any grid, with {year} in it")
    classes: str | dict[Code, Name] | None = Field(
        None, description=f'with `path`: names of the codes, {{"1": mining, "2": water}}; or a published scheme: {", ".join(PRESETS)}'
    )
    nodata: tuple[int, ...] = Field((), description="with `path`: codes that are no class, beside the files' own nodata value")
    mining: Name | int | None = Field(
        None, description="with `path`: name or code of the class that is mining land; without it years are compared from first to last only"
    )
    years: tuple[Year, ...] | None = Field(
        None,
        description="years that have a map, also others than the run's; default: every year of the run. With `rule`: of the run, default those with images",
    )
    rule: LandRule | None = Field(None, description="instead of `path`: classes by rule")
    transitions: tuple[tuple[Year, Year], ...] | None = Field(
        None,
        description="pairs of years to compare, earlier one first; default: first year to that of the most mining land and from there to the last; []: none",
    )

    @field_validator("classes", mode="before")
    @classmethod
    def _codes_as_written(cls, value: Any) -> Any:
        if not isinstance(value, dict):
            return value
        for key, name in value.items():
            if isinstance(key, str) and not (CODE.fullmatch(key) and int(key) <= LARGEST):
                raise ValueError(f'{_at(key, key)}; expected as code a whole number from 0 to {LARGEST}, digits alone; fix: write it so, for instance "1"')
            if not isinstance(name, str) or not 1 <= len(name) <= 100 or min(name) < " ":
                expected = "as name of a class a text of 1 to 100 characters on one line"
                raise ValueError(f"{_at(key, name)}; expected {expected}; fix: correct the name, in quotes where it is a number or yes or no")
        return {int(key) if isinstance(key, str) else key: name for key, name in value.items()}

    @property
    def scheme(self) -> LandCover | None:
        """Return the published scheme or the rule; None where the names are the user's."""
        return RULE if self.rule is not None else PRESETS.get(self.classes) if isinstance(self.classes, str) else None

    @property
    def names(self) -> dict[int, str]:
        """Return the name of each code."""
        return self.scheme.names if self.scheme is not None else dict(self.classes) if isinstance(self.classes, dict) else {}

    @property
    def mining_code(self) -> int | None:
        """Return the code of mining land; None where no class is named as such."""
        if self.rule is not None:
            return MINING
        return next((code for code, name in self.names.items() if self.mining in (code, name, str(code))), None)

    def years_of(self, config: Config, sensor: str) -> list[int]:
        """Return the years that are classified, sorted."""
        if self.years is not None:
            return sorted(self.years)
        missing = config.sensors[sensor].missing_years if self.rule is not None else ()
        return [year for year in config.all_years if year not in missing]

    def maps(self, config: Config) -> dict[int, Path]:
        """Return the file of each year that has a map; none with a rule."""
        if self.path is None:
            return {}
        return {year: Path(self.path.replace("{year}", str(year))) for year in (sorted(self.years) if self.years is not None else config.all_years)}

    def files(self, config: Config, results: Path) -> list[Path]:
        """Return the maps."""
        return list(self.maps(config).values())


def _at(key: Any, found: Any) -> str:
    """Return what was found at a key of `classes`; the key comes first, as the error's field, unless it has other characters than field names have."""
    text = json.dumps(found, ensure_ascii=False, default=str).replace("; ", ";")
    return f"{key}: {text}" if re.fullmatch("[a-z0-9_-]+", str(key)) else f"the key {text}"


def check_landcover(config: Config) -> None:
    """Refuse land cover that is neither of maps nor by rule, classes that make no table, and years that do not fit."""
    asked = config.landcover
    if asked is None:
        return
    if (asked.path is None) == (asked.rule is None):
        found = "neither" if asked.path is None else "both"
        raise ValueError(f"landcover: {found} of `path` and `rule`; expected one of them; fix: give the maps, or the bounds of the rule")
    if asked.rule is not None:
        _check_rule(asked, asked.rule, config)
    else:
        _check_classes(asked)
    years = asked.years
    if years is not None and (not years or len(set(years)) < len(years)):
        raise ValueError(f"landcover.years: {list(years)}; expected each year once, at least one; fix: correct it, or remove it for every year of the run")
    for sensor in asked.sensors or config.sensors:
        _check_transitions(asked, asked.years_of(config, sensor) if sensor in config.sensors else [])


def _check_classes(asked: Landcover) -> None:
    if asked.path is not None and "{year}" not in asked.path:
        raise ValueError(f"landcover.path: {asked.path!r} lacks the year; expected a path with {{year}}; fix: for instance lc/{{year}}.tif")
    if asked.classes is None:
        raise ValueError('landcover.classes: missing; expected {"code": name} or a published scheme; fix: give one of ' + ", ".join(PRESETS))
    if isinstance(asked.classes, str) and asked.classes not in PRESETS:
        known = ", ".join(PRESETS)
        raise ValueError(f'landcover.classes: {asked.classes!r}; expected {{"code": name}} or one of {known}; fix: {nearest(asked.classes, list(PRESETS))}')
    try:
        check_names(asked.names)
    except ValueError as error:
        raise ValueError(f"landcover.classes: {error}; fix: correct the classes") from None
    if both := sorted(set(asked.nodata) & set(asked.names)):
        raise ValueError(f"landcover.nodata: {both[0]}, which is the class {asked.names[both[0]]!r}; expected other codes; fix: remove it from one of both")
    if asked.mining is not None and asked.mining_code is None:
        known = ", ".join(f"{code} {name}" for code, name in asked.names.items())
        raise ValueError(f"landcover.mining: {asked.mining!r}; expected one of {known}; fix: give the name or the code of a class")


def _check_rule(asked: Landcover, rule: LandRule, config: Config) -> None:
    if given := [key for key in ("classes", "nodata", "mining") if key in asked.model_fields_set]:
        raise ValueError(f"landcover.{given[0]}: given with `rule`; expected it only with `path`; fix: remove it, the rule has classes of its own")
    if not (rule.medium_from < rule.high_from and rule.bare_below <= rule.high_from):
        found = f"bare_below {rule.bare_below:g}, medium_from {rule.medium_from:g}, high_from {rule.high_from:g}"
        raise ValueError(f"landcover.rule: {found}; expected medium_from < high_from and bare_below <= high_from; fix: correct the bounds")
    if outside := sorted(set(asked.years or ()) - set(config.all_years)):
        raise ValueError(f"landcover.years: {outside} with `rule`; expected years of the run; fix: remove them, there is no cover of those years")
    if rule.boundary == ():
        raise ValueError("landcover.rule.boundary: none; expected zones; fix: name zones, or remove it for all zones that are no reference")


def _check_transitions(asked: Landcover, years: list[int]) -> None:
    for i, (first, last) in enumerate(asked.transitions or ()):
        if first >= last or first not in years or last not in years:
            known = ", ".join(map(str, years))
            raise ValueError(f"landcover.transitions: [{first}, {last}]; expected two years of {known}, the earlier first; fix: correct the pair")
        if (first, last) in (asked.transitions or ())[:i]:
            raise ValueError(f"landcover.transitions: [{first}, {last}] twice; expected each pair once; fix: remove one")
