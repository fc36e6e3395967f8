"""Put the report together: tables, sentences, charts and layers of a run into one HTML page that asks nothing of any host."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.agreement import Extent, beside, cover_table, edge_sentence, scale_sentence
from pipeline.aoi import Zones
from pipeline.cartography import length_text
from pipeline.config import Config
from pipeline.config_months import is_seasonal
from pipeline.coverage import each_coverage
from pipeline.crosscheck import check
from pipeline.decoding import decoded
from pipeline.findings import findings
from pipeline.grid import finest, ground_cell_m, native_grid
from pipeline.layout import MineFolder
from pipeline.manifest import software
from pipeline.provenance import is_synthetic
from pipeline.reader import open_raster
from pipeline.report import headings, sections
from pipeline.report.evaluated import evaluated
from pipeline.report.mapdata import map_data, span
from pipeline.report.method import LIMITS, images, method, out_of_reach, reach, recommendations, rules_of, warned
from pipeline.report.where import where
from pipeline.sensors import SENSORS
from pipeline.sizes import excess_of_cells
from pipeline.words import Text, part, rounded
from pipeline.zonetables import Tables

HOME = Path(__file__).parent
CHECKED = 400  # pixels per sensor and period computed again for the page; `minegreen crosscheck` takes as many as asked for


def page(config: Config, folder: MineFolder, zones: Zones) -> str:
    """Return the whole page, from the products of a finished run."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from markupsafe import Markup

    described, maps = [], []
    tables = {name: sections.read_tables(folder.sensor(name)) for name in config.sensors}
    grids = {}
    for name in config.sensors:
        with open_raster(folder.sensor(name).classes(config.periods[0])) as dataset:
            grids[name] = native_grid(dataset)
    lead = finest(grids)
    tables = {lead: tables[lead]} | tables  # the finest cells first
    others = {name: of for name, of in tables.items() if name != lead}
    extents = {name: extents_of(zones, grids[name], SENSORS[config.kind(name)].least_pixels) for name in tables}
    small = {name: pixels_of(of, SENSORS[config.kind(name)].least_pixels) for name, of in extents.items()}
    compared = beside(tables[lead], others, lead, config.periods[0], small)
    for i, name in enumerate((lead, *others)):
        found, drawn = _sensor(config, folder, zones, name, tables[name], grids[name], small[name])
        found["beside"] = compared if name == lead else {}
        described.append(found | {"map_id": f"map{i}", "step": drawn["step"], "own_cell_m": drawn["own_cell_m"], "views": drawn["views"]})
        maps.append(drawn | {"id": f"map{i}"})
    environment = Environment(loader=FileSystemLoader(HOME), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    environment.filters["bound"] = bound
    content = {
        "mine": config.mine,
        "title": config.title or config.mine,
        "synthetic": any(is_synthetic(folder.sensor(s).scenes) for s in config.sensors),
        "sensors": described,
        "several": several(tables, extents, {d["name"]: (d["endmembers"]["soil"], d["endmembers"]["vegetation"]) for d in described}) if others else None,
        "warnings": zones.warnings,
        "headings": headings,
        "sensitivity_off": _no_sensitivity(config),
        "limits": LIMITS,
        "reach": reach(config),
        "warned": warned(config),
        "excess": {f"{a}–{b}": excess_of_cells(config.trend.test, b - a + 1).get(0.05) for a, b in config.periods},
        "recommendations": recommendations(config),
        "software": software(),
        "css": Markup((HOME / "page.css").read_text(encoding="utf-8")),
        "js": Markup((HOME / "page.js").read_text(encoding="utf-8")),
        "data": Markup(inert({"maps": maps})),
        "svg": Markup,
    }
    return environment.get_template("page.html.j2").render(content)


def _no_sensitivity(config: Config) -> Text | None:
    """Return why there is no sensitivity.csv; None where there is."""
    if config.sensitivity.run is False:
        return Text("Not computed: the config says sensitivity: false.", "未计算：配置为 sensitivity: false。")
    if is_seasonal(config):
        return Text("Not computed: the variants are of yearly values, the trend test is of monthly ones.", "未计算：各变体取年值，而趋势检验取月值。")
    return None


def bound(text: str) -> str:
    r"""Return text whose numbers keep their units on the line.

    >>> bound("50 % of the zone, p = 0.083") == "50\u00a0% of the zone, p\u00a0=\u00a00.083"
    True
    """
    return text.replace(" %", "\u00a0%").replace(" = ", "\u00a0=\u00a0")


def inert(values: Any) -> str:
    r"""Return JSON that cannot end the script element in which it stands.

    >>> print(inert({"zone": "</script><b>"}))
    {"zone":"\u003c/script\u003e\u003cb\u003e"}
    """
    text = json.dumps(values, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def extents_of(zones: Zones, grid: Any, least: int) -> dict[str, Extent]:
    """Return what each zone is on a grid."""
    return {c.zone: Extent(c.pixels, c.surroundings_pct, not c.holds(least)) for c in each_coverage(zones, grid)}


def pixels_of(extents: Mapping[str, Extent], least: int) -> dict[str, dict[str, Text | str | int]]:
    """Return for each zone that is too small how many pixels it has, and how many are needed."""
    return {zone: {"count": rounded(e.pixels), "least": least} for zone, e in extents.items() if e.small}


def several(tables: Mapping[str, Tables], extents: Mapping[str, Mapping[str, Extent]], pairs: Mapping[str, tuple[float, float]]) -> dict[str, Any]:
    """Return what stands beside each other of several sensors; the first of `tables` has the finest cells."""
    years, rows = cover_table(tables, extents)
    return {"scale": scale_sentence(pairs), "years": years, "rows": rows, "edges": edge_sentence(extents, next(iter(tables)))}


def _sensor(
    config: Config, root: MineFolder, zones: Zones, name: str, tables: Tables, grid: Any, small: dict[str, dict[str, Text | str | int]]
) -> tuple[dict[str, Any], dict[str, Any]]:
    folder, least = root.sensor(name), SENSORS[config.kind(name)].least_pixels
    places = where(folder, each_coverage(zones, grid), grid, config.periods, least)
    references = zones.reference_zones
    read, cell_m = decoded(json.loads(folder.scenes.read_text(encoding="utf-8"))), ground_cell_m(grid)
    synthetic = is_synthetic(folder.scenes)
    found = sections.describe(config, zones, folder, tables) | {
        "name": name,
        "cell": length_text(float(f"{cell_m:.3g}")),
        "synthetic": synthetic,
        "periods": [span(p) for p in config.periods],
        "zones": findings(tables, rules_of(config), zones.references, places, {zone: part("pixels", **fields) for zone, fields in small.items()}),
        "references": references,
        "checked": [sections.checked_sentence(check(config, name, folder, p, CHECKED)) for p in config.periods],
        "method": method(config, name, read, cell_m, synthetic=synthetic),
        "images": images(config, read),
        "evaluated": evaluated(config, zones, name, folder),
    }
    return found, map_data(config, folder, zones, references, tables, out_of_reach(config), sections.codes_shown(config, tables))
