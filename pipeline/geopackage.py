"""zones.gpkg: the zones, what the tables say of each, and the style that QGIS opens them with."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from pipeline.aoi import Zones
from pipeline.classes import GROUPS
from pipeline.errors import RunFault
from pipeline.layout import ABSOLUTE, TARGETS, SensorFolder
from pipeline.tables import read_csv
from pipeline.writer import atomic
from pipeline.zonestyle import zone_qml

LAYER = "zones"
DATE = "2000-01-01T00:00:00.000Z"  # in place of the time of writing: equal inputs give equal bytes
COVER = {"fvc_first": "fvc_from", "fvc_last": "fvc_to", "change_points": "change_points"}
TREND = ("slope", "p", "p_min", "p_s_mean")
STYLES = (
    "CREATE TABLE layer_styles (id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, f_table_catalog TEXT(256), f_table_schema TEXT(256), f_table_name TEXT(256),"
    " f_geometry_column TEXT(256), styleName TEXT(30), styleQML TEXT, styleSLD TEXT, useAsDefault BOOLEAN, description TEXT, owner TEXT(30), ui TEXT(30),"
    " update_time DATETIME)"
)


def zone_columns(
    folder: SensorFolder, sensor: str, periods: tuple[tuple[int, int], ...], zones: list[str], targets: tuple[str, ...] = TARGETS[:1]
) -> dict[str, list[float | None]]:
    """Return the columns of one sensor, `<sensor>_<first>_<last>_<what>`, with a value per zone; those of the relative trend begin with `relative_`."""
    change, groups, trend = (read_csv(folder.table(name)) for name in ("fvc_change_by_zone", "trend_groups_by_zone", "trend_by_zone"))
    out: dict[str, list[float | None]] = {}
    for first, last in periods:
        years, period = {"from_year": str(first), "to_year": str(last)}, {"first_year": str(first), "last_year": str(last)}
        name = f"{sensor.replace('-', '_')}_{first}_{last}"
        out |= {f"{name}_{column}": _values(change, years, source, zones) for column, source in COVER.items()}
        for target in targets:
            of, these = name if target == ABSOLUTE else f"{name}_{target}", period | {"target": target}
            for group in GROUPS:
                out[f"{of}_{group}_pct"] = _values(groups, these | {"level": "zone", "group": group}, "share_pct", zones, some=target != ABSOLUTE)
            out |= {f"{of}_{column}": _values(trend, these, column, zones, some=target != ABSOLUTE) for column in TREND}
    return out


def _values(rows: list[dict[str, str]], where: dict[str, str], column: str, zones: list[str], *, some: bool = False) -> list[float | None]:
    """Return a column of the rows that match, one per zone in the order of the zones; with `some`, None for zones without a row."""
    found = {r["zone"]: r for r in rows if all(r[key] == value for key, value in where.items())}
    if list(found) != [z for z in zones if z in found or not some]:
        raise RunFault(f"{column} of {where}: the tables are not of these zones; run again")
    return [float(found[z][column]) if z in found and found[z][column] else None for z in zones]


def write_zones(path: Path, zones: Zones, columns: dict[str, list[float | None]]) -> None:
    """Write the GeoPackage, in the CRS of the zones' file, whole or not at all; names are data there and stay as they are."""
    import numpy as np

    frame = zones.frame[["zone", "role", "geometry"]].copy()
    frame.insert(2, "area_km2", zones.frame["geodesic_m2"] / 1e6)
    for i, (name, values) in enumerate(columns.items(), 3):
        frame.insert(i, name, np.array(values, np.float64))
    with atomic(path) as part, _dated():
        frame.to_file(part, layer=LAYER, driver="GPKG", engine="pyogrio", promote_to_multi=True, VERSION="1.2")
        _add_style(part, zone_qml(dict.fromkeys(frame["role"])))


@contextmanager
def _dated() -> Iterator[None]:
    """Let GDAL write a fixed date."""
    import pyogrio

    before = pyogrio.get_gdal_config_option("OGR_CURRENT_DATE")
    pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": DATE})
    try:
        yield
    finally:
        pyogrio.set_gdal_config_options({"OGR_CURRENT_DATE": before})


def _add_style(path: Path, qml: str) -> None:
    """Add the table from which QGIS takes the style of a layer of a GeoPackage."""
    row: tuple[Any, ...] = ("", "", LAYER, "geom", LAYER, qml, "", 1, "outlines by role", "", "", DATE)
    with closing(sqlite3.connect(path)) as database, database:
        database.execute(STYLES)
        database.execute(f"INSERT INTO layer_styles VALUES (1{', ?' * len(row)})", row)
        database.execute(
            "INSERT INTO gpkg_contents (table_name, data_type, identifier, last_change) VALUES ('layer_styles', 'attributes', 'layer_styles', ?)", (DATE,)
        )
