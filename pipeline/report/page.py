"""Put the report together: tables, sentences, charts and layers of a run into one HTML page."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.classes import legend
from pipeline.config import Config
from pipeline.grid import native_grid
from pipeline.kernels.kendall import OUTPUTS
from pipeline.layout import MineFolder, SensorFolder
from pipeline.reader import open_raster
from pipeline.report.charts import class_bars, cover_series, scene_dots
from pipeline.report.layers import CODE, COUNT, COVER, PROBABILITY, SLOPE, Layer, inside_zones, outlines, packed, step_of
from pipeline.styles import RAMPS

HOME = Path(__file__).parent


@dataclass(frozen=True)
class Column:
    """One column of a table of the page: key of the CSV, heading in both languages, digits of its numbers."""

    key: str
    en: str
    zh: str
    digits: int = 2
    text: bool = False


COVER_COLUMNS = (
    Column("zone", "zone", "区", text=True),
    Column("year", "year", "年", 0),
    Column("fvc_mean", "cover, mean", "覆盖度均值", 3),
    Column("fvc_sd", "standard deviation", "标准差", 3),
    Column("ndvi_mean", "NDVI, mean", "NDVI 均值", 3),
    Column("valid_pct", "valid, %", "有效, %", 1),
    Column("water_pct", "water, %", "水体, %", 1),
    Column("masked_pct", "masked, %", "掩膜, %", 1),
    Column("clear_mean", "clear observations, mean", "晴空观测数均值", 1),
    Column("doy_mean", "day of year, mean", "年积日均值", 0),
)
AREA_COLUMNS = (
    Column("zone", "zone", "区", text=True),
    Column("class", "class", "类别", text=True),
    Column("area_km2", "area, km2", "面积, km2", 4),
    Column("share_pct", "share, %", "占比, %", 2),
    Column("share_reference_pct", "share of the reference, %", "参照区占比, %", 2),
    Column("p_min", "smallest reachable p", "可达最小 p", 4),
)


def read_table(path: Path) -> list[dict[str, str]]:
    """Return the rows of a CSV table as text; an empty cell is a missing value. A table that is absent has none."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as handle:
        return list(csv.DictReader(handle))


def number(text: str) -> float | None:
    """Return a cell as a number, None where it is empty."""
    return float(text) if text else None


def shown(value: Any, digits: int = 2) -> str:
    """Return a cell or number for the page: fixed digits, a dash for a missing value, text as it is."""
    if value is None or value == "":
        return "–"
    try:
        return f"{float(value):.{digits}f}"
    except ValueError:
        return str(value)


def page(config: Config, folder: MineFolder, frame: Any, manifest: dict[str, Any]) -> str:
    """Return the whole page; `frame` holds the zones, `manifest` versions and warnings."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    maps, sensors = [], []
    for i, name in enumerate(config.sensors):
        described, drawn = _sensor(config, folder.sensor(name), name, frame, f"map{i}")
        sensors.append(described)
        maps.append(drawn)
    environment = Environment(loader=FileSystemLoader(HOME), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    environment.filters["shown"] = shown
    content = {
        "title": config.title or config.mine,
        "synthetic": any(s.catalog == "synthetic" for s in config.sensors.values()),
        "sensors": sensors,
        "warnings": manifest.get("warnings", []),
        "software": manifest.get("software", {}),
        "css": (HOME / "page.css").read_text(encoding="utf-8"),
        "js": (HOME / "page.js").read_text(encoding="utf-8"),
        "data": inert({"maps": maps}),
    }
    return environment.get_template("page.html.j2").render(content)


def inert(values: Any) -> str:
    """Return JSON that cannot end the script element in which it stands.

    >>> inert({"zone": "</script><b>"})
    '{"zone": "\\\\u003c/script\\\\u003e\\\\u003cb\\\\u003e"}'
    """
    text = json.dumps(values, ensure_ascii=False, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _sensor(config: Config, folder: SensorFolder, name: str, frame: Any, map_id: str) -> tuple[dict[str, Any], dict[str, Any]]:
    first, last = period = config.periods[0]
    words = f"{first}-{last}"
    cover = read_table(folder.table("fvc_by_zone"))
    areas = [r for r in read_table(folder.table("trend_area_by_zone")) if (r["first_year"], r["last_year"]) == (str(first), str(last))]
    trends = {r["zone"]: r for r in read_table(folder.table("trend_by_zone")) if (r["first_year"], r["last_year"]) == (str(first), str(last))}
    by_zone: dict[str, list[dict[str, str]]] = defaultdict(list)
    for row in cover:
        by_zone[row["zone"]].append(row)
    references = [z for z, rows in by_zone.items() if rows[0]["role"] in ("background", "reference")]
    drawn = _map(config, folder, frame, period, map_id, by_zone, trends)
    classes = [c for c in legend(config.trend.scheme) if c.code]
    shares: dict[str, dict[int, float]] = defaultdict(dict)
    for row in areas:
        shares[row["zone"]][int(row["code"])] = number(row["share_pct"]) or 0.0
    pair = json.loads(folder.endmembers.read_text(encoding="utf-8"))

    def series(zone: str) -> list[tuple[int, float | None, float | None]]:
        return [(int(r["year"]), number(r["fvc_mean"]), number(r["fvc_sd"])) for r in by_zone[zone]]

    figures = [
        {"zone": zone, "svg": cover_series({zone: series(zone)} | {r: series(r) for r in references if r != zone}, f"{zone}: cover per year")}
        for zone in by_zone
    ]
    described = {
        "name": name,
        "period": words,
        "map_id": map_id,
        "map_words": f"{config.title or config.mine}, {name}",
        "step": drawn["step"],
        "views": [{"id": v["id"], "label": v["label"]} for v in drawn["views"]],
        "zones": [{"zone": zone, "role": rows[0]["role"], "sentences": [], "flags": []} for zone, rows in by_zone.items()],
        "cover": figures,
        "cover_columns": COVER_COLUMNS,
        "cover_rows": cover,
        "bars": class_bars(shares, classes, f"Area by trend class {words}"),
        "area_columns": AREA_COLUMNS,
        "area_rows": [r for r in areas if (number(r["area_km2"]) or 0) > 0],
        "scenes": _scenes(config, read_table(folder.table("zone_by_scene"))),
        "soil": pair["soil_ndvi"],
        "vegetation": pair["vegetation_ndvi"],
        "pooled": f"{pair['pooled_values']:,}",
    }
    return described, drawn


def _scenes(config: Config, rows: list[dict[str, str]]) -> list[dict[str, str]]:
    from datetime import datetime

    from pipeline.season import day_of_year, season_year

    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        day = datetime.fromisoformat(row["datetime"]).date()
        year = season_year(day, config.season)
        clear, masked = number(row["clear_pct"]) or 0.0, number(row["masked_pct"]) or 0.0
        if year is not None and clear + masked > 0:
            found[row["zone"]].append({"year": year, "day": day_of_year(day, year), "masked": 100 * masked / (clear + masked), "when": row["datetime"]})
    return [{"zone": zone, "svg": scene_dots(scenes, f"{zone}: scenes")} for zone, scenes in found.items()]


def _map(
    config: Config,
    folder: SensorFolder,
    frame: Any,
    period: tuple[int, int],
    map_id: str,
    by_zone: dict[str, list[dict[str, str]]],
    trends: dict[str, dict[str, str]],
) -> dict[str, Any]:
    words, years = f"{period[0]}-{period[1]}", config.all_years
    trend = folder.trend(period)
    with open_raster(trend) as dataset:
        grid = native_grid(dataset)
    step = step_of(grid.shape)
    band = {name: i for i, name in enumerate(OUTPUTS, 1)}
    layers = [Layer("class", words, folder.classes(period), 1, CODE), *(Layer("fvc", str(y), folder.fvc(y), 1, COVER) for y in years)]
    layers.append(Layer("slope", words, trend, band["slope"], SLOPE))
    layers += [Layer(kind, words, trend, band[kind], SLOPE, True) for kind in ("slope_low", "slope_high")]
    layers += [Layer("p", words, trend, band["p"], PROBABILITY, True), Layer("n", words, trend, band["n"], COUNT, True)]
    inside = inside_zones(folder.classes(period), step)
    ramp = {name: [[value, colour, label] for value, colour, label in RAMPS[name].stops] for name in ("fvc", "slope")}
    change = [[value * 10, colour, f"{value * 1000:+.0f} points" if value else "0"] for value, colour, _ in RAMPS["slope"].stops]
    numbers = {"digits": 2, "unit": "", "unit_zh": ""}
    views: list[dict[str, Any]] = [{"id": "class", "kind": "class", "label": f"trend class 趋势类别 {words}", "layer": f"class {words}"}]
    slope = {"id": "slope", "kind": "slope", "label": f"slope 斜率 {words}", "layer": f"slope {words}", "ramp": ramp["slope"]}
    views.append(slope | {"digits": 3, "unit": "per year", "unit_zh": "每年"})
    views += [{"id": f"fvc{y}", "kind": "fvc", "label": f"cover 覆盖度 {y}", "layer": f"fvc {y}", "ramp": ramp["fvc"]} | numbers for y in reversed(years)]
    ends = {"from": f"fvc {years[0]}", "to": f"fvc {years[-1]}"}
    views.append({"id": "change", "kind": "change", "label": f"change of cover 覆盖度变化 {years[0]}-{years[-1]}", "ramp": change} | ends | numbers)
    zones = outlines(frame, grid, step)
    for zone in zones:
        zone["reference"] = zone["role"] in ("background", "reference")

    def line(zone: str) -> dict[str, Any] | None:
        row = trends.get(zone, {})
        values = [number(row.get(key, "")) for key in ("slope", "slope_low", "slope_high")]
        if any(v is None for v in values):
            return None
        return {"first": period[0], "last": period[1], "slope": values[0], "low": values[1], "high": values[2]}

    series = {
        z: {"series": [[int(r["year"]), number(r["fvc_mean"])] for r in rows], "trend": line(z), "text": "", "text_zh": ""} for z, rows in by_zone.items()
    }
    classes = [{"code": c.code, "label": c.label, "label_zh": c.label_zh, "colour": c.colour, "note": "", "note_zh": ""} for c in legend(config.trend.scheme)]
    return {
        "id": map_id,
        "width": -(-grid.shape[1] // step),
        "height": -(-grid.shape[0] // step),
        "step": step,
        "cell_m": abs(grid.resolution.x) * step,
        "first": period[0],
        "last": period[1],
        "period": words,
        "years": years,
        "layers": [packed(layer, step, inside) for layer in layers],
        "views": views,
        "zones": zones,
        "classes": classes,
        "series": series,
    }
