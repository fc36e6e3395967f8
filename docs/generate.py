"""Write what is generated: configs/schema.json and pages of docs/, see GENERATED. Run `python docs/generate.py`."""

from __future__ import annotations

import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import (
    areas,
    config,
    ground,
    history,
    mixture,
    observed,
    passes,
    planted,
    planted_history,
    planted_site,
    radiometry,
    synthetic_history,
    synthetic_landsat,
    synthetic_modis,
    synthetic_site,
    zonestats,
)
from pipeline.__main__ import STAGES, _parser
from pipeline.adjustments import ADJUSTMENTS
from pipeline.classes import LEGEND
from pipeline.columns import COLUMNS
from pipeline.evaluation import (
    breaktable,
    climate,
    climatewords,
    footprinttable,
    landtables,
    matched,
    pitlaketable,
    recoverytable,
    residualtable,
    stratumtables,
)
from pipeline.evaluation.methodstable import EFFECT_COLUMNS, METHOD_COLUMNS
from pipeline.quality import Bits
from pipeline.referencecheck import REFERENCE_COLUMNS
from pipeline.sensitivity import SENSITIVITY_COLUMNS
from pipeline.sensors import SENSORS
from pipeline.stages.scenes import LEDGER_COLUMNS
from pipeline.summary import SUMMARY_COLUMNS
from pipeline.zonetrend import TREND_COLUMNS

ROOT = Path(__file__).parents[1]


def schema() -> str:
    """Return configs/schema.json."""
    return json.dumps(config.schema(), indent=1, ensure_ascii=False) + "\n"


def configuration() -> str:
    """Return docs/configuration.md: every key of the models."""
    head = [
        "# Configuration: one YAML file per mine",
        "",
        "Relative paths are relative to the working directory. Unknown keys, duplicate keys and wrong types are errors that name the file, the line,",
        "the key and the nearest valid one (exit code 2, nothing written). Quote ids and names that YAML reads as something else: `no`, `on`, `007`.",
        "Anchors, aliases, tags and tabs are refused. `{year}` in `composites` stands for the four-digit year; other braces in paths are refused.",
        "",
        "| key | type | default | meaning |",
        "|---|---|---|---|",
    ]
    return "\n".join([*head, *rows(config.Config, "")]) + "\n"


def rows(model: Any, prefix: str) -> list[str]:
    """Return one table row per key of a model and of the models in it."""
    out = []
    for name, field in model.model_fields.items():
        key = f"{prefix}{name}"
        inner = [m for m in _models(field.annotation)]
        nested = {"zones": f"{key}.<zone>.", "sensors": f"{key}.<id>."}.get(name, f"{key}.")
        if not inner:
            out.append(f"| `{key}` | {_type(field)} | {_default(field)} | {_plain(field.description or '')} |")
        else:
            if field.description:
                out.append(f"| `{key}` | see below | {_default(field)} | {_plain(field.description)} |")
            out += rows(inner[0], nested)
    return out


def _plain(text: str) -> str:
    """Return text for a cell of a Markdown table: no bar, and outside of code no `<`, which would open a tag of HTML."""
    parts = text.replace("|", ",").split("`")
    return "`".join(part if i % 2 else re.sub(r"<(?=[a-z])", "&lt;", part) for i, part in enumerate(parts))


def _models(annotation: Any) -> list[Any]:
    from typing import get_args

    from pydantic import BaseModel

    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [m for part in get_args(annotation) for m in _models(part)]


def _type(field: Any) -> str:
    text = str(field.annotation) + str(field.metadata)
    if "Literal" in text:
        other = ", or a whole number" if "[int" in text else ", or true / false" if "bool" in text else ""
        words = [a or b for a, b in re.findall(r"'(\w[\w-]*)'|[\[ ](\d+)(?=[,\]])", text)]
        return "one of " + ", ".join(f"`{word}`" for word in words) + other
    if "StringConstraints" in text.split("tuple")[0] and "dict" not in text:
        return "text"
    names = {"dict": "mapping", "tuple": "list", "bool": "true / false", "float": "number", "int": "whole number"}
    for word, name in names.items():
        if word in text:
            return name
    return "text"


def _default(field: Any) -> str:
    from pydantic import BaseModel

    if field.is_required():
        return "**required**"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel):
        value = value.model_dump(mode="json", exclude_none=True)
        return "as below" if len(json.dumps(value)) > 40 else f"`{json.dumps(value)}`"
    return "none" if value is None or value in ((), {}) else f"`{json.dumps(value)}`"


def commands() -> str:
    """Return docs/commands.md: every command of `minegreen` with its arguments, and what `snakemake` takes."""
    given = next(a for a in _parser()._actions if a.choices)
    texts = {a.dest: a.help or "" for a in given._choices_actions}
    lines = [
        "# Commands",
        "",
        "`minegreen --help` lists the commands, `minegreen new --help` explains one; `minegreen --version` prints the version.",
        "",
        "| exit code | meaning |",
        "|---|---|",
        "| 0 | done |",
        "| 2 | bad input; nothing was written; the message names file, field, what was found, what was expected and the fix |",
        "| 3 | a fault during the run; the same command resumes. From `verify` and `crosscheck`: something differs |",
        "",
        "## snakemake",
        "",
        "Runs mines. Of its many options these matter here:",
        "",
        "| argument | meaning |",
        "|---|---|",
        "| `--cores 8` | how many cores it may use |",
        "| `--configfile FILE ...` | only these mines, one per file; default: every `configs/*.yaml` |",
        "| `--config results=DIR` | another results folder |",
        "| `--config dask=tcp://HOST:PORT` | blocks of composite and trend run on this dask.distributed scheduler, whose workers see the same files |",
        "| `-n` | say what would run, and run nothing |",
        "",
        "A file that Snakemake itself cannot load gives its own message and exit code 1.",
    ]
    level = "##"
    for name, command in given.choices.items():
        if name == next(iter(STAGES)):
            level = "###"
            lines += ["", "## Stages", "", "The workflow calls these; you need them only to look at one step. `snakemake -np` prints the calls of a run."]
        about = texts[name].removeprefix("stage: ")
        lines += ["", f"{level} minegreen {name}", "", f"{_plain(about[0].upper() + about[1:])}.", "", "| argument | needed | meaning |", "|---|---|---|"]
        lines += [f"| `{_shown(a)}` | {'yes' if a.required else 'no'} | {_plain(a.help or '')} |" for a in command._actions if a.dest != "help"]
    return "\n".join(lines) + "\n"


def _shown(action: Any) -> str:
    """Return an argument as it is typed."""
    if action.nargs == 0:
        return str(action.option_strings[-1])
    value = action.metavar or action.dest.upper()
    several = " ..." if action.nargs == "+" else ""
    return f"{action.option_strings[-1]} {value}{several}" if action.option_strings else f"{value}{several}"


def offset_table() -> str:
    """Return docs/sentinel-2-offset.md: the table by which the offset is decided."""
    head = [
        "# Sentinel-2 radiometric offset: the table",
        "",
        "The first row that fits an item decides; then the data are asked ([catalogues.md](catalogues.md)).",
        "",
    ]
    return "\n".join([*head, *radiometry.table()]) + "\n"


def quality_layers() -> str:
    """Return docs/quality-layers.md: what each value of each sensor's quality layers means, and the published adjustments."""
    lines = [
        "# Quality layers and adjustments: the tables",
        "",
        "What the names in `mask.drop` and `mask.dilate` stand for, sensor by sensor. No data goes before what is dropped, that before water, water before",
        "land; where an item has several quality layers, the same order holds between them. *Bits* count from 0, the lowest.",
    ]
    for sensor in SENSORS.values():
        for layer in sensor.scenes.quality if sensor.scenes else ():
            missions = f", {', '.join(layer.missions)}" if layer.missions else ""
            lines += [
                "",
                f"## {sensor.title}: {layer.names[0]}{missions}",
                "",
                f"Assets: {', '.join(f'`{n}`' for n in layer.names)}. Source: {layer.rule.reference}.",
            ]
            if layer.needed_for:
                lines += ["", f"An item without it is dropped where `mask.drop` names {', '.join(layer.needed_for)}."]
            lines += ["", "| name | stored values |", "|---|---|"]
            lines += [f"| {name} | {'; '.join(map(_bits, bits))} |" for name, bits in layer.rule.classes.items()]
            above = f"; above {layer.rule.largest}" if layer.rule.largest < 65535 else ""
            none = "; ".join(map(_bits, layer.rule.no_data)) + above
            lines += [f"| no data | {none.removeprefix('; ') or 'none'} |"]
    lines += ["", "## Adjustments to Landsat OLI", "", "`adjust` of a sensor; OLI = slope x reflectance + offset, before NDVI. The default is `none`.", ""]
    lines += ["| adjust | mission | red: slope, offset | NIR: slope, offset | source |", "|---|---|---|---|---|"]
    for name, a in ADJUSTMENTS.items():
        lines += [f"| `{name}` | {m} | {v['red'][0]:g}, {v['red'][1]:g} | {v['nir'][0]:g}, {v['nir'][1]:g} | {a.reference} |" for m, v in a.lines.items()]
        lines += [f"| `{name}` | {m} | as it is | as it is | {a.reference} |" for m in a.unchanged]
    lines += ["", "`hls-v2` reads the narrow NIR band (B8A, 20 m) in place of B08, which the adjustment does not cover."]
    return "\n".join(lines) + "\n"


def _bits(bits: Bits) -> str:
    """Return which stored values are meant, in words."""
    values = ", ".join(map(str, bits.values))
    if (bits.first, bits.last) == (0, 15):
        return values
    return f"bit {bits.first}" if bits.first == bits.last else f"bits {bits.first}-{bits.last} = {values}"


TABLES = {
    "fvc_by_zone": zonestats.FVC_COLUMNS,
    "fvc_change_by_zone": zonestats.CHANGE_COLUMNS,
    "trend_area_by_zone": areas.AREA_COLUMNS,
    "trend_groups_by_zone": areas.GROUP_COLUMNS,
    "trend_by_zone": TREND_COLUMNS,
    "reference_by_zone": REFERENCE_COLUMNS,
    "sensitivity": SENSITIVITY_COLUMNS,
    "zone_by_scene": observed.ZONE_BY_SCENE_COLUMNS,
    "masked_by_zone": observed.MASKED_COLUMNS,
    "ledger": LEDGER_COLUMNS,
    "mines": SUMMARY_COLUMNS,
    "methods": METHOD_COLUMNS,
    "methods_effects": EFFECT_COLUMNS,
}
EVALUATED = {
    "recovery_by_zone": recoverytable.COLUMNS,
    "control_balance_by_zone": matched.BALANCE_COLUMNS,
    **stratumtables.TABLES,
    "climate_by_zone": climate.CLIMATE_COLUMNS,
    "climate_peak_by_zone": climatewords.PEAK_COLUMNS,
    "residual_trend_by_zone": residualtable.RESIDUAL_COLUMNS,
    "breaks_by_zone": breaktable.COLUMNS,
    "break_years_by_zone": breaktable.YEAR_COLUMNS,
    "landcover_by_year": landtables.BY_YEAR_COLUMNS,
    "landcover_transitions": landtables.TRANSITION_COLUMNS,
    "landcover_baseline": landtables.BASELINE_COLUMNS,
    "footprint_by_year": footprinttable.COLUMNS,
    "pit_lakes_by_zone": pitlaketable.COLUMNS,
}


def columns() -> str:
    """Return docs/columns.md: every column of every CSV table."""
    lines = [
        "# Columns of the tables",
        "",
        "Every column of every CSV table, of `tables.xlsx` and of the tables in `summary/`, by table in the order of its columns;",
        "[results.md](results.md) says more.",
        "An empty cell means *not known*, zero means zero. 空单元格表示*未知*，零就是零。",
    ]
    for table, names in (TABLES | EVALUATED).items():
        lines += ["", f"## {table}", "", "| column | unit | meaning | 中文说明 |", "|---|---|---|---|"]
        lines += [f"| `{c.name}` | {c.unit} | {c.meaning} | {c.meaning_zh} |" for c in map(COLUMNS.__getitem__, names)]
    return "\n".join(lines) + "\n"


def synthetic_mine() -> str:
    """Return docs/synthetic-mine.md: the whole planted table."""
    label = {c.code: c.label for c in LEGEND}
    codes = [7, 6, 5, 4, 3]
    lines = [
        "# The synthetic mine: what is planted",
        "",
        "**Synthetic: made by `pipeline/synthetic*.py`, not observed.** `configs/jiangcang.yaml` is the default mine.",
        "Three sensors see the same ground: scenes like Sentinel-2 L2A,",
        f"{len(planted.YEARS)} years of 12 dates in July and August, some dates as two tiles; scenes like Landsat Collection 2 Level 2; composites like",
        "MOD13Q1 and MYD13Q1. `configs/examples/jiangcang-synthetic-sentinel-2.yaml` is the same mine with Sentinel-2 alone.",
        "Its place (38.04 N, 99.49 E), the areas of",
        "Pit No. 4 (2.50 km2) and Pit No. 5 (2.93 km2), and the numbers marked published are those of Feng 2025",
        "(Front. Environ. Sci. 12:1538243). Outlines are approximate. Every number not named under *published* is ours.",
        "NDVI carries the planted cover; brightness varies by pixel, year and date. In `results/jiangcang/synthetic/` lie:",
        "",
        "| sensor | items | scenes | what is planted |",
        "|---|---|---|---|",
        "| Sentinel-2 | `items.json` | `scenes/` | `truth.json`, `truth_fvc_<year>.tif`, `truth_water_<year>.tif`, `truth_class_<a>-<b>.tif` |",
        "| Landsat | `items_landsat.json` | `scenes_landsat/` | `truth_landsat.json` |",
        "| MODIS | `items_modis.json` | `scenes_modis/` | `truth_modis.json` |",
        "",
        "Only what the sensors of the config need is made. `minegreen synthetic CONFIG --kind landsat` makes one kind by hand. Beside this mine there are",
        "[a history 2002-2022](#the-history-2002-2022) of Landsat scenes, and [weather and relief](#weather-ours).",
        "",
        f"Endmembers (ours): soil NDVI {planted.SOIL}, vegetation NDVI {planted.VEGETATION}. Bare spoil and closed meadow each hold more than",
        "10 % of the pooled pixels, so that the 5th and 95th percentile recover this pair.",
        "",
        "## Mean cover per zone and year, per cent",
        "",
        "| zone | " + " | ".join(map(str, planted.YEARS)) + " | published |",
        "|---" * (len(planted.YEARS) + 2) + "|",
        *(f"| {name} | " + " | ".join(f"{100 * m:.2f}" for m in z.means) + f" | {z.published} |" for name, z in planted.ZONES.items()),
        "",
        "Pit No. 7: means of the year's land, the coal included; shares are those of pixels that are land in all of 2021-2024.",
        "",
        "## Water, per cent of the zone (ours)",
        "",
        "| zone | " + " | ".join(map(str, planted.YEARS)) + " |",
        "|---" * (len(planted.YEARS) + 1) + "|",
        *(f"| {name} | " + " | ".join(f"{100 * s:.0f}" for s in z.lake) + " |" for name, z in planted.ZONES.items() if z.lake is not None),
        "",
        "The truth has no cover where it has water. Its class is *water* where at least half of a period's years are water, else *insufficient data*",
        "with fewer than four years of land.",
        "",
        "## Class shares 2021-2024, per cent of the zone",
        "",
        "| zone | " + " | ".join(label[c] for c in codes) + " |",
        "|---" * (len(codes) + 1) + "|",
        *(f"| {name} | " + " | ".join(f"{100 * z.shares.get(c, 0):.2f}" for c in codes) + " |" for name, z in planted.ZONES.items()),
        "",
        "Pit No. 4: the five published shares add up to 100.01 %; no change is planted as 4.47 %. Pit No. 5: the split of the increase (62.00 not",
        "significant, 14.57 slightly significant) and of the decrease beyond 16.28 is ours. The shares of the dump, the",
        "background and Pit No. 7 are ours.",
        "Four annual values reach no class above *slightly significant* (smallest p = 0.083), so that one is planted where the study prints",
        "*(slightly) significant*.",
        "",
        *_facts(),
        "",
        *_sky(),
        "",
        *_coarser(),
        "",
        *_landsat(),
        "",
        *_modis(),
        "",
        *_history(),
        "",
        *_weather(),
        "",
        *_relief(),
    ]
    return "\n".join(lines) + "\n"


def _sky() -> list[str]:
    """Return the section on what lies between the ground and the scenes."""
    sky = planted.SKY
    row, column, size = sky.blind_patch
    first = {year: planted.dates(year)[0] for year in planted.YEARS}
    entries = {
        "dates": "every five days, twelve a year; first: " + ", ".join(f"{day}" for day in first.values()) + "; 04:07 UTC",
        "tiles": "dates 4 and 9 of each year: two tiles of one swath, 30 columns in common; else one",
        "digital numbers": "reflectance x 10000; plus 1000 from baseline 04.00 (2022) on; on 2022-08-14 west 05.10, east 03.00; 0: no data",
        "swath edge": "a diagonal strip without data on one date of " + ", ".join(str(year) for year, _ in sky.swath_edge),
        "noise": f"Gaussian, standard deviation {sky.noise_sd} of reflectance, red and NIR and every pixel and date apart; cut at {sky.least}",
        "season": f"cover falls by {100 * sky.season_fall:.0f} % within 31 days of its peak; peak moves by up to 7 days; median factor of a year 1",
        "cloud": f"{100 * sky.cloud[0]:.0f}-{100 * sky.cloud[1]:.0f} % of a date, cirrus among it; reflectance 0.3-0.7; shadows beside it at 45 % of the light",
        "missed cloud": f"{100 * sky.missed:.0f} % of the cloudy cells: SCL says vegetation or bare",
        "false cloud": f"{100 * sky.false:.0f} % of the clear cells with cover below 0.15, each date: SCL says cloud",
        "haze": f"{100 * sky.haze:.0f} % of the clear land cells of a date: {sky.haze_adds[0]} to {sky.haze_adds[1]} added to both bands, SCL unchanged",
        "clear dates": f"2 to 12 per pixel and year; {len(sky.pairs)} pairs of dates never hide the same place, 40 m of dilation included",
        "no clear date": f"{2 * size} x {2 * size} cells outside all zones in {sky.blind_year} (row {2 * row}, column {2 * column} of the truth rasters)",
        "water": f"red {planted.WATER[0]}, NIR {planted.WATER[1]}; SCL 6",
        "coal": f"{planted.COAL_CELLS} cells beside the lake; red {planted.COAL[0]}, NIR {planted.COAL[1]}, cover {planted.COAL_COVER:.3f}; "
        f"SCL 2 (dark), on {sky.coal_in_shadow} dates of 12 wrongly 3 (shadow)",
    }
    head = ["## The sky of Sentinel-2 (ours)", "", "| what | planted |", "|---|---|", *(f"| {name} | {text} |" for name, text in entries.items())]
    return [
        *head,
        "",
        "Shares are of the observed cells of 20 m; `truth.json` has those of every date. `generate(..., noise=False)`, which the tests use, leaves out",
        "noise, season, missed cloud, false cloud and haze; the rest is the same.",
    ]


def _coarser() -> list[str]:
    """Return the section on cells coarser than the planted ground."""
    made = ground.make(ROOT / "aoi" / "jiangcang.geojson", 1538243)
    columns = []
    for _, average in (synthetic_landsat.cells(made), synthetic_modis.cells(made)[:2]):
        mixtures = {year: mixture.mix(made, year, average) for year in planted.YEARS}
        columns.append({name: (f"{zone['cells']:.0f}", _span(zone)) for name, zone in mixture.zone_means(made, mixtures, average).items()})
    rows = [f"| {name} | " + " | ".join(cell for column in columns for cell in column[name]) + " |" for name in planted.ZONES]
    return [
        "## Cells coarser than the ground",
        "",
        "The ground is planted in cells of 10 m. A coarser cell reflects the mean, by area, of what the ground in it reflects; its NDVI is formed from these",
        "means, as a sensor's is, and is not the mean of NDVI. Clouds, noise and days are drawn for each sensor apart; the season's curve is the same.",
        "",
        "A cell on the outline of a zone shows ground of both sides. `truth_landsat.json` and `truth_modis.json` therefore give two means per zone and year:",
        "`fvc_mean`, what is planted, and `fvc_mean_on_grid`, the mean over the sensor's cells without sky, each counted with its share in the zone; cells",
        "whose greater part is water are left out. `cells` is the zone's area in cells as it is burnt: every cell of 2 m that the outline touches counts,",
        "up to 0.6 % more than the polygon, by which a run counts (Pit No. 4: 2,776 cells of Landsat).",
        "",
        "| zone | Landsat: cells | on the grid less planted, points | MODIS: cells | on the grid less planted, points |",
        "|---|---|---|---|---|",
        *rows,
        "",
        "On MODIS' cells pits No. 4 and No. 5 and the background keep their means within 2 points; of the smaller zones MODIS tells no more than a mixture",
        "with what lies around them.",
    ]


def _span(zone: dict[str, Any]) -> str:
    """Return the range over the years of the mean on the grid less the planted one, in points."""
    points = sorted({f"{100 * (zone['fvc_mean_on_grid'][year] - mean):+.1f}".replace("-0.0", "+0.0") for year, mean in zone["fvc_mean"].items()}, key=float)
    return points[0] if len(points) == 1 else f"{points[0]} to {points[-1]}"


def _table(title: str, entries: dict[str, str]) -> list[str]:
    return [f"## {title}", "", "| what | planted |", "|---|---|", *(f"| {name} | {text} |" for name, text in entries.items())]


def _landsat() -> list[str]:
    """Return the section on the Landsat scenes."""
    sky, rows = passes.LANDSAT, " and ".join(f"{row:03d}" for row in passes.ROWS)
    counts = sorted({len(passes.landsat_passes(year)) for year in planted.YEARS})
    low, high = sky.cloud
    entries = {
        "grid": "UTM 47N, cells of 30 m whose centres lie on multiples of 30 m, as USGS delivers: edges on odd multiples of 15 m, off those of Sentinel-2",
        "dates": f"Landsat 7 and 8 in 2020 and 2021, 8 and 9 from 2022 on; each every 16 days, the two 8 days apart: {counts[0]} or {counts[-1]} dates a year, "
        f"counted on from {passes.FIRST_PASS[8]}, a day of Landsat 8 on path {passes.PATH} by its 16-day cycle",
        "WRS-2": f"path {passes.PATH}; on passes {' and '.join(str(i + 1) for i in sky.two_rows)} of each year rows {rows} with 20 lines in "
        "common, else row 034",
        "digital numbers": "uint16, reflectance = DN x 0.0000275 - 0.2; 0: fill",
        "QA_PIXEL": "bit 0 fill, 1 dilated cloud, 2 cirrus (OLI alone), 3 cloud, 4 shadow, 5 snow, 6 clear (neither cloud nor dilated), 7 water; "
        "bits 8-9, 10-11, 12-13, 14-15: confidence of cloud, shadow, snow, cirrus (1 low, 2 medium, 3 high; none for cirrus from ETM+). "
        "Clear land is 21824, from ETM+ 5440",
        "gaps": f"every Landsat 7 scene: stripes of {sky.gap_width[0]:g} to {sky.gap_width[1]:g} cells each {sky.gap_period:g} lines, 22 % of the cells, at "
        "another place each date",
        "QA_RADSAT": f"bit = band - 1: red and NIR are bits 3 and 4 of OLI, 2 and 3 of ETM+. {100 * sky.saturated:g} % of the clear land cells are "
        f"saturated in one of them (65455). In {100 * sky.other_band:g} % a bit is set that means red or NIR on the *other* instrument (2 on OLI, 4 on "
        "ETM+); their values are right",
        "cloud": f"{100 * low:.0f}-{100 * high:.0f} % of a date; the second date of each pair is clear where the first is cloudy; "
        f"{len(sky.overcast)} dates ({', '.join(str(year) for year, _ in sky.overcast)}) have no clear cell",
        "dilated": "3 cells around a cloud; the ground below as it is",
        "doubtful": f"{100 * sky.doubtful:g} % of the clear cells: medium confidence of cloud, no bit",
        "snow": f"{100 * sky.snow_share:g} % of the clear cells on one date of {', '.join(str(year) for year, _ in sky.snow)}",
        "noise": f"standard deviation {sky.noise_sd} of reflectance",
    }
    return _table("Landsat (encoding: the product's; amounts: ours)", entries)


def _modis() -> list[str]:
    """Return the section on the MODIS composites."""
    sky = passes.MODIS
    low, high = sky.cloudy
    sphere, tile = synthetic_modis.RADIUS, synthetic_modis.TILE
    name = f"h{synthetic_modis.HORIZONTAL:02d}v{synthetic_modis.VERTICAL:02d}"
    starts = [f"{product}.061 from days {', '.join(map(str, days))}" for product, days in passes.STARTS.items()]
    entries = {
        "grid": f"sinusoidal, sphere of {sphere} m, tile {name} of {tile} m and {synthetic_modis.CELLS} cells: 231.66 m. A window around the mine; where "
        "less than half of a cell lies on the planted ground it is fill",
        "composites": " and ".join(starts) + f" of each year; {passes.PERIOD_DAYS} days each. Items have no `datetime`, but "
        "`start_datetime` and `end_datetime`",
        "NDVI": f"int16 x 0.0001, cut towards zero; fill {synthetic_modis.NDVI_FILL}; not below {synthetic_modis.NDVI_LEAST}, the end of the valid range",
        "pixel reliability": f"int8: 0 good, 1 marginal ({100 * sky.marginal:g} %), 2 snow ({100 * sky.snow:g} %), 3 cloudy ({100 * low:g}-{100 * high:g} %, "
        f"mixed with white by 0.3 to 0.9), -1 fill ({100 * sky.fill:g} %)",
        "VI Quality": f"uint16, fill {synthetic_modis.QUALITY_FILL}: bits 0-1 as the reliability says (0; 1; 1 with bit 14; 2 with bit 10), 2-5 usefulness, "
        "6-7 aerosol, 11-13 surface: 1 land, 2 shore where a cell has some water, 3 shallow inland water where it has more than half; of the planted year, "
        "while the product's map is fixed and does not see a new pit lake",
        "day of year": "int16, fill -1: of each cell, within the period; the season's curve is that of this day",
        "noise": f"standard deviation {sky.noise_sd} of reflectance",
    }
    return [
        *_table("MODIS (encoding: the product's; amounts: ours)", entries),
        "",
        "Encodings of both: USGS Landsat Collection 2 Level 2 guides (LSDS-1328, LSDS-1618, LSDS-1619), STAC items of stactools-packages/landsat and",
        "stactools-packages/modis, MOD13 user guide (Collection 6.1).",
    ]


def _facts() -> list[str]:
    """Return the section on what the configs say of the zones."""
    return [
        "## Phases, dates and measures of the configs",
        "",
        "`restored: 2021-06` of Pit No. 4 and Pit No. 5: construction went on until the first half of 2021 (Feng 2025), so that 2021 is a partial season. The",
        "study has a layer of sheep manure (495 m3/ha); which zone had which measure, and the phases, are ours. Nothing in the planted cover of 2020-2024",
        "depends on a phase or a measure.",
    ]


def _history() -> list[str]:
    """Return the section on the history 2002-2022."""
    plan, made = planted_history, history.make(ROOT / "aoi" / "jiangcang.geojson", 1538243)
    record = synthetic_history.record(made)
    bare, medium, high = plan.BOUNDS
    shown = [y for y in plan.YEARS if y in (2002, 2003, 2006, 2009, 2012, 2015, 2018) or y >= plan.PEAK]
    named = ("excavated", "affected", "restored", "water")
    entries = {
        "grid": "UTM 47N, cells of 30 m as of Landsat. The ground is planted in these cells: each is one thing, nothing is mixed, so that areas come back far "
        "better than from real images",
        "scenes": f"{len(plan.YEARS)} years of 3 or 4 dates, 16 days apart; Landsat 5 until 2011, Landsat 7 with its gaps in 2012, Landsat 8 from 2013 on; one "
        "WRS-2 row. Simplified: all missions measure the same reflectance, no season within a year, no snow, no haze, no saturation, no missed cloud",
        "QA_PIXEL": "as above, of Landsat 5 as of ETM+; cloud, its dilated ring, shadow, water, gaps. No cell is hidden on two dates of a year",
        "noise": f"standard deviation {passes.LANDSAT.noise_sd} of reflectance",
        "endmembers": f"soil NDVI {planted.SOIL}, vegetation NDVI {planted.VEGETATION}; the example gives this pair, as dug ground has a cover of {plan.BARE}",
        "meadow": f"cover {plan.HIGH} in a normal year (high); {plan.MEDIUM} (medium) and {plan.LOW} (low) in patches: {100 * plan.PATCHES[1]:.0f} % and "
        f"{100 * plan.PATCHES[0]:.0f} % of the ground more than {plan.APART_M:.0f} m from the mine, and the place of each pit or dump where digging starts. "
        f"Cells deviate by up to {plan.SPREAD[plan.HIGH]}. `{plan.REFERENCE}` is high cover alone; `{plan.STEADY}` has {plan.STEADY_COVER} in every year",
        "dug ground": f"cover {plan.BARE}. {100 * plan.UNITS['Pit No. 4'].opening:.0f} % of a pit or dump in the year in which it is opened, the rest in equal "
        f"parts until {plan.PEAK}; what is dug hangs together by edges with the zone's middle and mostly lies in the zone",
        "affected": f"meadow of high cover within {plan.HALO_M:.0f} m (centre to centre) of dug ground: {plan.HALO_FACTOR} of its cover, while that is dug",
        "restored": f"in its first, second and third season {', '.join(map(str, plan.RETURN))} of cover in a normal year, all of a pit or dump at once",
        "water": "the lake of Pit No. 7; cover is not known there",
        "bare ground elsewhere": f"a river bed {2 * plan.RIVER_HALF_M:.0f} m wide south of the mine and gravel at {len(plan.GRAVEL)} places, in every year; it "
        "never touches the mine",
        "weather": f"{planted_site.WEATHER} x (the year's wetness - 1) is added to the cover of meadow and restored ground alike ([weather](#weather-ours))",
    }
    rows = [f"| {name} | {unit.opened} | {unit.restored or 'never'} | {_lake(unit)} |" for name, unit in plan.UNITS.items()]
    mining = {year: record["class_m2_in_boundary"][str(year)]["mining"] for year in shown}
    areas = [[year, *(f"{record['ground_m2'][str(year)][k] / 1e6:.2f}" for k in named), f"{mining[year] / 1e6:.2f}"] for year in shown]
    return [
        *_table("The history 2002-2022", entries)[:2],
        "`configs/examples/jiangcang-synthetic-2002-2022.yaml`, `catalog: synthetic-history`: a mine of its own at the same place, with the same zones and",
        "other ground than in 2020-2024. All of it is ours, phases and measures of the example included.",
        "",
        *_table("", entries)[2:],
        "",
        "| pit or dump | opened | restored | water from, share of what is dug until 2022 |",
        "|---|---|---|---|",
        *rows,
        "",
        f"Classes of the truth: mining is cover below {bare} inside the mine's boundary (cells that a pit, dump or spoil touches); low cover below {medium},",
        f"medium below {high}, high from there on. No cell's cover lies within 0.04 of a bound. Areas in km2, on the ground:",
        "",
        "| year | " + " | ".join(named) + " | mining, in the boundary |",
        "|---" * (len(named) + 2) + "|",
        *("| " + " | ".join(map(str, row)) + " |" for row in areas),
        "",
        "In `synthetic/` lie `items_history.json`, `scenes_history/`, and the truth:",
        "",
        "| file | what |",
        "|---|---|",
        "| `truth_history_fvc.tif` | cover, a band per year; NaN where water |",
        "| `truth_history_class.tif` | a band per year: " + ", ".join(f"{code} {name}" for code, name in history.CLASSES.items()) + " |",
        "| `truth_history_ground.tif` | a band per year: " + ", ".join(f"{code} {name}" for code, name in history.GROUND.items()) + " |",
        "| `truth_history_change.tif` | the years in which a cell was dug and in which its cover came back; 0: never |",
        "| `truth_history.json` | bounds, halo, weather; per year areas in m2: `ground_m2` of the whole grid, `class_m2_in_boundary` of the mine; per zone "
        "means of cover, areas of classes, and the years `disturbed`, `restored`, `water_from`. Cells count with the share that a zone covers; each zone sums "
        "to its geodesic area |",
    ]


def _lake(unit: planted_history.Unit) -> str:
    """Return since when a unit has water, and which share of it."""
    if unit.lake is None:
        return ""
    first, start, end = unit.lake
    return f"{first}; {100 * start:.0f} to {100 * end:.0f} %"


def _weather() -> list[str]:
    """Return the section on the daily series."""
    normal, wetness, gain = planted_site.WEATHER_NORMALS, planted_site.WETNESS, planted_site.WEATHER
    fives = {first: range(first, min(first + 5, planted_site.LAST_DAY.year + 1)) for first in range(planted_site.FIRST_DAY.year, 2025, 5)}
    months = (1, 4, 5, 6, 7, 8, 9, 10)
    return [
        "## Weather (ours)",
        "",
        "`precipitation.csv` (mm a day) and `temperature.csv` (mean of a day, degrees Celsius) in `synthetic/`: columns `date` and `value`, "
        f"{planted_site.FIRST_DAY} to {planted_site.LAST_DAY}.",
        "Drawn, of the kind of the Qinghai plateau: no station's record. `minegreen synthetic CONFIG --kind site` makes them; a run does where its config asks",
        "for them. `truth_site.json` has the numbers.",
        "",
        f"Normal precipitation: {sum(normal.normal_mm):.0f} mm a year; "
        + ", ".join(f"{normal.normal_mm[m - 1]:.0f} in month {m}" for m in months)
        + ". Each month of May to September",
        "sums to its normal times the year's wetness, rounded to 0.1 mm, so that any sum of such months is proportional to it; the other months vary by",
        f"themselves. Temperature: {normal.mean_c} on average, {normal.swing_c} more in July and less in January; years differ by a standard deviation of",
        f"{normal.year_sd}; no trend, and nothing of it acts on cover.",
        "",
        "| years | wetness |",
        "|---|---|",
        *(f"| {first}-{years[-1]} | " + ", ".join(f"{wetness[year]:g}" for year in years) + " |" for first, years in fives.items()),
        "",
        f"2021 is the wettest year. In the history {gain} x (wetness - 1) is added to cover. The planted means of the background in 2020-2024 lie on",
        f"0.806 + {gain} x (wetness - 1) within 0.0001: wetness was chosen so. Those of pits and dump are as published or ours above, and follow no weather.",
    ]


def _relief() -> list[str]:
    """Return the section on the terrain model."""
    site, place = planted_site, history.locate(ROOT / "aoi" / "jiangcang.geojson")
    height = synthetic_site.elevation(place, 1538243)
    masks = synthetic_site.strata(height.astype("float32"))
    rows = [f"| {name} | " + " | ".join(f"{100 * area[mask].sum() / area.sum():.1f}" for mask in masks.values()) + " |" for name, area in place.area_m2.items()]
    return [
        "## Relief (ours)",
        "",
        "`synthetic/dem.tif`: metres, cells of 30 m, the zones' box and 700 m around it; made with the weather. A valley that rises to the north-east, with",
        "hills; pits are cut into it and dumps heaped on it in benches: steep faces, platforms, gentler slopes. No surveyed height, the same in all years, and",
        f"cover does not depend on it. Platform: slope below {site.PLATFORM_BELOW:g} degrees; steep: from {site.STEEP_FROM:g} on; between them sunny where",
        f"the ground falls to {site.SUNNY[0]:g} to below {site.SUNNY[1]:g} degrees clockwise from north, else shady. Slopes after Horn 1981, in per cent:",
        "",
        "| zone | " + " | ".join(masks) + " |",
        "|---" * (len(masks) + 1) + "|",
        *rows,
    ]


def page_of(name: str) -> Callable[[], str]:
    """Return the function that makes the page of a module beside this one."""

    def make() -> str:
        spec = importlib.util.spec_from_file_location(name, Path(__file__).with_name(f"{name}.py"))
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module  # dataclasses look their module up
        spec.loader.exec_module(module)
        return module.page()

    return make


GENERATED = {
    "configs/schema.json": schema,
    "docs/columns.md": columns,
    "docs/commands.md": commands,
    "docs/configuration.md": configuration,
    "docs/sentinel-2-offset.md": offset_table,
    "docs/quality-layers.md": quality_layers,
    "docs/synthetic-mine.md": synthetic_mine,
    "docs/small-samples.md": page_of("small_samples"),
    "docs/comparison.md": page_of("comparison"),
}

if __name__ == "__main__":
    for name, make in GENERATED.items():
        (ROOT / name).write_text(make(), encoding="utf-8")
