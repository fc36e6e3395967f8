"""EVALUATIONS: what is made of a sensor's finished results where the config asks for it, as data."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Evaluation:
    """One evaluation: its key in the config is the name of its stage and of its section in the report.

    `tables`, `charts` and `rasters` are names of products in the sensor's folder: <name>.csv, <name>.png, and <name>.tif with <name>.qml. `inputs` says
    what it reads of the sensor beside scenes.json and endmembers.json: `ndvi`, `fvc` and `water` (a raster a year), `parts` (what each scene showed of each
    zone) and `tables` (the tables of the stage areas). `options` are the parts of the config that it reads beside its own key, `after`
    the evaluations whose products it reads, where they are made for the sensor.
    """

    key: str
    does: str
    tables: tuple[str, ...]
    charts: tuple[str, ...] = ()
    rasters: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ("ndvi",)
    options: tuple[str, ...] = ()
    after: tuple[str, ...] = ()

    @property
    def files(self) -> tuple[str, ...]:
        """Return the names of all products, styles included.

        >>> Evaluation("breaks", "", ("breaks_by_zone",), rasters=("break",)).files
        ('breaks_by_zone.csv', 'break.tif', 'break.qml')
        """
        rasters = tuple(f"{name}.{end}" for name in self.rasters for end in ("tif", "qml"))
        return (*(f"{name}.csv" for name in self.tables), *(f"{name}.png" for name in self.charts), *rasters)


BY_STRATUM = ("recovery", "climate", "landcover", "water", "breaks")  # evaluations whose tables are made of each stratum too
EVALUATIONS: dict[str, Evaluation] = {
    e.key: e
    for e in (
        Evaluation(
            "recovery",
            "recovery against the reference: recovery_by_zone.csv, control_balance_by_zone.csv, recovery_by_zone.png",
            ("recovery_by_zone", "control_balance_by_zone"),
            ("recovery_by_zone",),
            inputs=("ndvi", "water", "parts"),
            options=("mine", "title", "aoi", "years", "season", "sensor", "composite.method", "trend.variable"),
        ),
        Evaluation(
            "climate",
            "weather of the seasons and the trend beside it: climate_by_zone.csv, climate_peak_by_zone.csv, residual_trend_by_zone.csv, residual_trend.tif",
            ("climate_by_zone", "climate_peak_by_zone", "residual_trend_by_zone"),
            ("climate_by_zone",),
            ("residual_trend",),
            inputs=("ndvi", "water", "tables"),
            options=("mine", "title", "aoi", "years", "season", "sensor", "composite.method", "trend.variable", "trend.periods", "trend.alpha"),
        ),
        Evaluation(
            "landcover",
            "land cover by year and what became what: landcover_by_year.csv, landcover_transitions.csv, landcover_baseline.csv, two figures",
            ("landcover_by_year", "landcover_transitions", "landcover_baseline"),
            ("landcover_by_year", "landcover_transitions"),
            inputs=("fvc", "water"),
            options=("mine", "title", "aoi", "years", "season", "sensor", "composite.method"),
        ),
        Evaluation(
            "footprint",
            "excavated and affected ground of the mine: footprint_by_year.csv, footprint_by_year.png, footprint.png, footprint.tif",
            ("footprint_by_year",),
            ("footprint_by_year", "footprint"),
            ("footprint",),
            inputs=("fvc", "water"),
            options=("mine", "title", "aoi", "years", "season", "sensor", "composite.method", "fvc"),
        ),
        Evaluation(
            "water",
            "pit lakes and succession type of every zone: pit_lakes_by_zone.csv, pit_lakes_by_zone.png",
            ("pit_lakes_by_zone",),
            ("pit_lakes_by_zone",),
            inputs=("water",),
            options=("mine", "title", "aoi", "years", "season", "sensor", "composite.method"),
        ),
        Evaluation(
            "breaks",
            "years of disturbance and recovery: breaks.tif, breaks_by_zone.csv, break_years_by_zone.csv, their maps and chart",
            ("breaks_by_zone", "break_years_by_zone"),
            ("break_disturbance", "break_recovery", "breaks_by_zone"),
            ("breaks",),
            inputs=("ndvi", "water"),
            options=("mine", "title", "aoi", "years", "season", "sensor", "composite.method", "trend.variable", "grid.clip", "references"),
        ),
        Evaluation(
            "strata",
            "the tables of each zone by stratum: strata_by_zone.csv, ..._by_stratum.csv, fvc_by_stratum.png",
            (
                "strata_by_zone",
                "fvc_by_stratum",
                "fvc_change_by_stratum",
                "trend_area_by_stratum",
                "trend_groups_by_stratum",
                "trend_by_stratum",
                "recovery_by_stratum",
                "residual_trend_by_stratum",
                "breaks_by_stratum",
                "break_years_by_stratum",
                "landcover_by_stratum",
                "transitions_by_stratum",
                "landcover_baseline_by_stratum",
                "pit_lakes_by_stratum",
            ),
            ("fvc_by_stratum",),
            inputs=("ndvi", "fvc", "water", "tables"),
            options=("mine", "title", "aoi", "years", "season", "sensor", "trend", "fvc", "composite.method", *BY_STRATUM),
            after=BY_STRATUM,
        ),
    )
}
TABLES = tuple(name for e in EVALUATIONS.values() for name in e.tables)
