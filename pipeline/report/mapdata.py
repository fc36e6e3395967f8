"""What the map of a sensor shows: layers, views with their colours, zones, and the series of the zones; plain values for the page."""

from __future__ import annotations

from typing import Any

from pipeline.aoi import Zones
from pipeline.classes import legend
from pipeline.config import Config
from pipeline.config_months import is_seasonal
from pipeline.grid import ground_cell_m, native_grid
from pipeline.kernels.codes import OUTPUTS
from pipeline.layout import ABSOLUTE, RELATIVE, SensorFolder
from pipeline.reader import open_raster
from pipeline.report.layers import CODE, COUNT, COVER, NDVI, PROBABILITY, SLOPE, SLOPE_END, Layer, inside_zones, packed, step_of
from pipeline.styles import RAMPS
from pipeline.upright import upright
from pipeline.zonetables import Tables, all_too_small, number

BAND = {name: i for i, name in enumerate(OUTPUTS, 1)}
OUTSIDE = 10  # hundredths: cover and NDVI outside the zones in steps of 0.1, which keeps the page small
NO_UNIT = {"digits": 2, "unit": "", "unit_zh": ""}


def span(period: tuple[int, int]) -> str:
    """Return a period as the files name it."""
    return f"{period[0]}-{period[1]}"


def layers(config: Config, folder: SensorFolder) -> list[Layer]:
    """Return every array that the page holds: yearly values, and per period class, slope with interval, p and n."""
    out = [Layer("fvc", str(y), folder.fvc(y), 1, COVER, steps=OUTSIDE) for y in config.all_years]
    if config.trend.variable == "ndvi":
        out += [Layer("ndvi", str(y), folder.ndvi(y), 1, NDVI, steps=OUTSIDE) for y in config.all_years]
    for period in config.periods:
        words, trend = span(period), folder.trend(period)
        out.append(Layer("class", words, folder.classes(period), 1, CODE))
        ends = {"slope": SLOPE, "slope_low": SLOPE_END, "slope_high": SLOPE_END}
        out += [Layer(kind, words, trend, BAND[kind], how, zones_only=True) for kind, how in ends.items()]
        out += [Layer("p", words, trend, BAND["p"], PROBABILITY, zones_only=True), Layer("n", words, trend, BAND["n"], COUNT, zones_only=True)]
        if RELATIVE in config.targets:
            out.append(Layer("relative_class", words, folder.classes(period, RELATIVE), 1, CODE))
            out.append(Layer("relative_slope", words, folder.trend(period, RELATIVE), BAND["slope"], SLOPE, zones_only=True))
    return out


def views(config: Config, sensor: str = "", *, without_classes: bool = False) -> list[dict[str, Any]]:
    """Return what can be looked at, first what is shown first: how a value is coloured, and which layer holds it; labels begin with the sensor, if given.

    First are the classes; `without_classes`, where no zone has any, cover of the last year.
    """
    variable, years = config.trend.variable, config.all_years
    ramp = {name: [list(stop) for stop in RAMPS[name].stops] for name in ("fvc", "slope", "ndvi")}
    change = [[value * 10, colour, f"{value * 1000:+.0f} points 百分点" if value else "0"] for value, colour, _ in RAMPS["slope"].stops]
    per_year = {"digits": 3, "unit": "per year", "unit_zh": "每年"}
    named = {"fvc": "cover 覆盖度", "ndvi": "NDVI"}
    out: list[dict[str, Any]] = []
    for period in config.periods:
        words = span(period)
        for target in config.targets:
            of, less = ("", "") if target == ABSOLUTE else ("relative_", " minus reference 减参照区")
            held = f"{of}class {words}", f"{of}slope {words}"
            out.append({"id": held[0], "kind": "class", "label": f"trend class 趋势类别{less} {words}", "layer": held[0], "period": words})
            slope = {"id": held[1], "kind": "slope", "label": f"slope 斜率 {named[variable]}{less} {words}", "layer": held[1], "period": words}
            out.append(slope | {"ramp": ramp["slope"]} | per_year)
    kinds = ["fvc"] if variable == "fvc" else ["fvc", "ndvi"]
    out += [{"id": f"{k} {y}", "kind": k, "label": f"{named[k]} {y}", "layer": f"{k} {y}", "ramp": ramp[k]} | NO_UNIT for k in kinds for y in reversed(years)]
    if len(years) > 1:
        out.append(
            {"id": "change", "kind": "change", "label": "change of cover 覆盖度变化", "ramp": change, "digits": 0, "unit": "points", "unit_zh": "百分点"}
        )
    if without_classes:
        out.sort(key=lambda view: view["id"] != f"fvc {years[-1]}")
    return [view | {"label": f"{sensor}: {view['label']}"} for view in out] if sensor else out


def outlines(zones: Zones, grid: Any, step: int, references: frozenset[str]) -> list[dict[str, Any]]:
    """Return the zones as rings in cells of the shown map, simplified to half of such a cell, or to 1/2000 of the map where that is less."""
    there = zones.on(grid.crs, abs(grid.resolution.x))
    to_cell = ~grid.affine
    tolerance = abs(grid.resolution.x) * min(0.5 * step, max(grid.shape) / 2000)
    out = []
    for name, role, geometry in zip(there["zone"], there["role"], there.geometry, strict=True):
        simple = geometry.simplify(tolerance, preserve_topology=True)
        rings = []
        for polygon in getattr(simple, "geoms", [simple]):
            for ring in (polygon.exterior, *polygon.interiors):
                cells = [to_cell * (x, y) for x, y, *_ in ring.coords]
                rings.append([[round(c / step, 2), round(r / step, 2)] for c, r in cells])
        point = to_cell * geometry.representative_point().coords[0]
        label = [round(point[0] / step, 1), round(point[1] / step, 1)]
        out.append({"zone": name, "role": role, "rings": rings, "at": label, "reference": name in references})
    return out


def zone_series(config: Config, tables: Tables) -> dict[str, Any]:
    """Return each zone's yearly means and, per period, the line of its trend."""
    column = "fvc_mean" if config.trend.variable == "fvc" else "ndvi_mean"
    out: dict[str, Any] = {}
    for row in tables.fvc:
        out.setdefault(row["zone"], {"series": [], "trends": {}})["series"].append([int(row["year"]), number(row[column])])
    for row in tables.trend:
        names = {"slope": "slope", "low": "slope_low", "high": "slope_high", "p": "p", "n": "n"}
        found = {k: number(row[name]) for k, name in names.items()}
        trends = out[row["zone"]]["trends"]
        if row["target"] == ABSOLUTE:
            trends[f"{row['first_year']}-{row['last_year']}"] = found
        else:
            trends[f"{row['first_year']}-{row['last_year']}"]["relative"] = found
    return out


def map_data(
    config: Config, folder: SensorFolder, zones: Zones, references: frozenset[str], tables: Tables, out_of_reach: dict[str, list[int]], codes: set[int]
) -> dict[str, Any]:
    """Return one map; `out_of_reach`: per period the codes of classes whose p its years cannot reach; `codes`: those in the legend.

    A raster on a skew grid is drawn in UTM (`pipeline.upright`), so that north is up and its cells lie where they are.
    """
    from pyproj import CRS

    with open_raster(folder.classes(config.periods[0])) as dataset:
        own = native_grid(dataset)
    grid = upright(own, zones)
    shown = None if grid is own else grid
    wanted = layers(config, folder)
    step = step_of(grid.shape, len(wanted)) if shown is None else 1
    known = legend(config.trend.scheme)
    classes = [{"code": c.code, "label": c.label, "label_zh": c.label_zh, "colour": c.colour} for c in known if c.code in codes]
    return {
        "width": -(-grid.shape[1] // step),
        "height": -(-grid.shape[0] // step),
        "step": step,
        "cell_m": ground_cell_m(grid) * step,
        "affine": [grid.affine.c, grid.affine.a * step, grid.affine.f, grid.affine.e * step],
        "crs": CRS.from_wkt(grid.crs.to_wkt()).name,
        "years": config.all_years,
        "periods": [{"first": a, "last": b, "words": span((a, b))} for a, b in config.periods],
        "variable": config.trend.variable,
        "monthly": is_seasonal(config),
        "layers": packed(wanted, step, inside_zones(folder.classes(config.periods[0]), step, shown), shown),
        "views": views(config, folder.root.name if len(config.sensors) > 1 else "", without_classes=all_too_small(tables)),
        "own_cell_m": None if shown is None else ground_cell_m(own),
        "zones": outlines(zones, grid, step, references),
        "classes": classes,
        "out_of_reach": dict.fromkeys(out_of_reach, ()) if all_too_small(tables) else out_of_reach,
        "series": zone_series(config, tables),
    }
