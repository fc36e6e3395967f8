"""The keys of the weather: where precipitation and temperature come from, and the years that anomalies are measured from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field, model_validator

from pipeline.config_base import Year
from pipeline.config_catalog import SYNTHETIC, LocalPath
from pipeline.config_evaluation import EvaluationKey
from pipeline.layout import MineFolder

if TYPE_CHECKING:
    from pipeline.config import Config

SYNTHETIC_SERIES = "synthetic"
SYNTHETIC_YEARS = (2002, 2024)  # of the embedded mine's weather
TABLE, RASTERS = ".csv", (".tif", ".tiff")


class Climate(EvaluationKey):
    """Precipitation and temperature of the growing season: a table of the mine or its zones, or rasters; one of them is enough."""

    precipitation: LocalPath | None = Field(
        None,
        description="mm: CSV with the columns date (YYYY-MM-DD: sum of a day, or YYYY-MM: sum of a month), value and, if zones differ, zone; or a GeoTIFF path "
        "with {year} in it: 12 bands are months, 365 or 366 days of the calendar year; or `synthetic`: the series of the embedded mine",
    )
    temperature: LocalPath | None = Field(None, description="degrees Celsius, means of days or months, likewise")
    baseline: tuple[Year, Year] | None = Field(
        None, description="[first, last]: the years whose mean anomalies are measured from, all of them in the files; default: the years of the run"
    )

    @model_validator(mode="after")
    def _forms(self) -> Climate:
        if not self.sources:
            raise ValueError("neither precipitation nor temperature; expected one of them or both; fix: give a path, or remove `climate`")
        for name, source in self.sources.items():
            if source == SYNTHETIC_SERIES or (source.lower().endswith(TABLE) and "{year}" not in source):
                continue
            if not source.lower().endswith(RASTERS):
                raise ValueError(f"{name} {source!r}; expected one .csv, a .tif with {{year}}, or synthetic; fix: convert the file, or correct the path")
            if "{year}" not in source:
                raise ValueError(f"{name} {source!r} lacks the year; expected a path with {{year}}; fix: for instance climate/rain_{{year}}.tif")
        if self.baseline is not None and self.baseline[1] < self.baseline[0] + 1:
            raise ValueError(f"baseline {list(self.baseline)}; expected two years, the first before the last; fix: correct them")
        return self

    @property
    def sources(self) -> dict[str, str]:
        """Return the paths that are given, by variable."""
        return {name: path for name in ("precipitation", "temperature") if (path := getattr(self, name)) is not None}

    def paths(self, config: Config, results: Path) -> dict[str, str]:
        """Return where each variable is read from: the paths that are given, `synthetic` as the file that the run makes."""
        made = MineFolder(results, config.mine).synthetic
        return {name: str(made / f"{name}.csv") if source == SYNTHETIC_SERIES else source for name, source in self.sources.items()}

    def files(self, config: Config, results: Path) -> list[Path]:
        """Return the tables, and of rasters those of the years of the run and the baseline that are there."""
        years = {*config.all_years, *(range(self.baseline[0], self.baseline[1] + 1) if self.baseline else ())}
        if config.season.end < config.season.start:
            years |= {year + 1 for year in years}
        out: list[Path] = []
        for source in self.paths(config, results).values():
            if "{year}" in source:
                out += [p for year in sorted(years) if (p := Path(source.replace("{year}", str(year)))).is_file()]
            else:
                out.append(Path(source))
        return out


def check_climate(config: Config) -> None:
    """Refuse the weather of the embedded mine for a mine that is not it, and a baseline that it does not have."""
    if config.climate is None or SYNTHETIC_SERIES not in config.climate.sources.values():
        return
    if not any(source.catalog in SYNTHETIC for source in config.sensors.values()):
        raise ValueError("climate: synthetic, but no sensor is; expected files of this mine's weather; fix: give their paths, or remove `climate`")
    first, last = SYNTHETIC_YEARS
    if (asked := config.climate.baseline) is not None and not first <= asked[0] <= asked[1] <= last:
        raise ValueError(f"climate.baseline: {list(asked)} with the synthetic weather; expected years in {first}..{last}; fix: take some of these")
