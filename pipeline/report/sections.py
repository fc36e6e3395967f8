"""What the page says of one sensor: words, tables and charts from its CSV tables, which are the one source of its numbers."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from itertools import product
from pathlib import Path
from typing import Any

from pipeline.aoi import Zones
from pipeline.captions import class_captions, cover_caption, zones_text
from pipeline.classes import P_TOLERANCE, legend
from pipeline.config import Config
from pipeline.coverchart import restored_on
from pipeline.coverwords import clamped_sentences, masked_warning, soil_sentences
from pipeline.crosscheck import Checked
from pipeline.layout import REFERENCE, RELATIVE, SENSITIVITY, SensorFolder
from pipeline.manifest import warnings_of
from pipeline.report.charts import Bar, Seen, class_bars, cover_series, scene_dots
from pipeline.report.mapdata import span
from pipeline.report.method import GIVEN_SCALE, OWN_SCALE, lent_scale
from pipeline.season import season_days
from pipeline.sensitivity import BASE, robust
from pipeline.tables import read_csv
from pipeline.words import Sentence, Text, per_cent, say, zone_named
from pipeline.zonetables import Tables, all_too_small, column, is_too_small, number, of_zone

ZONE_TABLES = {
    "fvc": "fvc_by_zone",
    "change": "fvc_change_by_zone",
    "area": "trend_area_by_zone",
    "groups": "trend_groups_by_zone",
    "trend": "trend_by_zone",
    "reference": REFERENCE,
}
SPECIAL, INSUFFICIENT = 97, 99  # codes from SPECIAL on are no trend class
LEDGER_ROWS = 2000  # written out in the page; the file holds them all


def read_tables(folder: SensorFolder) -> Tables:
    """Return the six tables of a sensor."""
    return Tables(**{name: read_csv(folder.table(file)) for name, file in ZONE_TABLES.items()})


def _optional(path: Path) -> list[dict[str, str]]:
    """Return the rows of a table that only scenes have."""
    return read_csv(path) if path.is_file() else []


def glance(tables: Tables, references: dict[str, tuple[str, ...]], alpha: float) -> list[dict[str, Any]]:
    """Return one row per zone and period: net change of cover first, then the shares with a slope, then whether p can reach `alpha`."""
    out = []
    groups = {(r["zone"], r["first_year"], r["last_year"], r["group"]): r for r in tables.groups if r["level"] == "zone" and r["target"] == "absolute"}
    p_min = {(r["zone"], r["first_year"], r["last_year"]): r["p_min"] for r in tables.area if r["target"] == "absolute"}
    for zone, first, last in p_min:
        (change,) = [r for r in tables.change if (r["zone"], r["from_year"], r["to_year"]) == (zone, first, last)]
        shares = {g: groups[zone, first, last, g]["share_valid_pct"] for g in ("increase", "decrease", "no_change")}
        shares |= {g: groups[zone, first, last, g]["share_pct"] for g in ("water", "insufficient")}
        small = is_too_small(of_zone(tables, zone))
        row: dict[str, Any] = {k: change[k] for k in ("zone", "role", "fvc_from", "fvc_to", "change_points", "reference_change_points")}
        if zone in references.get(zone, ()):
            row["reference_change_points"] = ""  # a reference is not compared with itself
        least = number(p_min[zone, first, last])
        row["can_be_significant"] = None if least is None else least <= alpha + P_TOLERANCE
        out.append(row | shares | {"too_small": small, "first_year": first, "last_year": last, "p_min": p_min[zone, first, last]})
    return out


def since(tables: Tables) -> tuple[list[str], list[tuple[str, list[str]]]]:
    """Return the years but the last, and per zone the change of cover in points from each of them to the last."""
    years = sorted({r["from_year"] for r in tables.change}, key=int)
    last = max((r["to_year"] for r in tables.change), key=int, default="")
    by = {(r["zone"], r["from_year"]): r["change_points"] for r in tables.change if r["to_year"] == last}
    zones = dict.fromkeys(r["zone"] for r in tables.change)
    return [*years, last], [(zone, [by.get((zone, y), "") for y in years]) for zone in zones]


def cover_figures(config: Config, zones: Zones, tables: Tables) -> list[dict[str, Any]]:
    """Return a chart of yearly cover per zone, with the means of its reference zones."""
    series: dict[str, list[tuple[int, float | None, float | None]]] = defaultdict(list)
    for r in tables.fvc:
        series[r["zone"]].append((int(r["year"]), number(r["fvc_mean"]), number(r["fvc_sd"])))
    out = []
    for zone, own in series.items():
        others = [r for r in zones.references[zone] if r != zone]
        facts = config.aoi.zones.get(zone)
        restored = restored_on(facts.restored, season_days(config.season)) if facts and facts.restored else None
        when = (restored.first + restored.last) / 2 if restored else None
        svg = cover_series({zone: own} | {r: series[r] for r in others}, f"{zone}: cover per year 逐年植被覆盖度", when)
        out.append({"zone": zone, "references": others, "restored": restored.text if restored else None, "svg": svg})
    return out


def class_figures(config: Config, zones: Zones, tables: Tables) -> list[dict[str, Any]]:
    """Return per period the bars of class areas, with the caption computed from them."""
    classes = [c for c in legend(config.trend.scheme) if c.code]
    out = []
    for period, target in product(config.periods, config.targets):
        rows = [r for r in tables.area if (int(r["first_year"]), int(r["last_year"])) == period and r["target"] == target]
        bars = []
        for zone in dict.fromkeys(r["zone"] for r in rows):
            own = [r for r in rows if r["zone"] == zone]
            names = ("share_pct", "area_km2", "share_reference_pct")
            shares, km2, there = ({int(k): v for k, v in column(own, "code", name).items()} for name in names)
            bars.append(Bar(zone, shares, km2, {} if zone in zones.references.get(zone, ()) else there))
        title = f"area by trend class 各趋势类别面积 {span(period)}"
        caption = class_captions(tables, target)[period]
        out.append({"period": span(period), "relative": target == RELATIVE, "svg": class_bars(bars, classes, title), "caption": caption})
    return out


def pinned(folder: SensorFolder) -> list[dict[str, Any]]:
    """Return the scenes of a run; none where the images are prepared composites."""
    found: list[dict[str, Any]] = json.loads(folder.scenes.read_text(encoding="utf-8")).get("scenes", [])
    return found


def scene_figures(folder: SensorFolder) -> list[dict[str, Any]]:
    """Return per zone its scenes by day of the year, from zone_by_scene.csv and the pinned scenes; none from composites."""
    days = {s["id"]: (int(s["year"]), int(s["day_of_year"])) for s in pinned(folder)}
    found: dict[str, list[Seen]] = defaultdict(list)
    for r in _optional(folder.table("zone_by_scene")) if days else ():  # without scenes the table is of an earlier run
        clear, masked = number(r["clear_pct"]) or 0.0, number(r["masked_pct"]) or 0.0
        year, day = days[r["item"]]
        found[r["zone"]].append(Seen(year, day, 100 * masked / (clear + masked), r["datetime"]))
    return [{"zone": zone, "scenes": len(seen), "svg": scene_dots(seen, f"{zone}: scenes 影像")} for zone, seen in found.items()]


def water(tables: Tables) -> tuple[list[Sentence], list[dict[str, str]]]:
    """Return a sentence where there is no row to show, and the rows of zones and years with water."""
    whole = zones_text(len({r["zone"] for r in tables.fvc}))
    known = [r for r in tables.fvc if r["water_pct"]]
    rows = [r for r in known if float(r["water_pct"]) > 0]
    if not known:
        return [say("water_unknown", zones=whole)], []
    years = [int(r["year"]) for r in known]
    return ([] if rows else [say("no_water", zones=whole, first=min(years), last=max(years))]), rows


def endmembers(config: Config, folder: SensorFolder, tables: Tables) -> dict[str, Any]:
    """Return the pair with its warnings."""
    pair = json.loads(folder.endmembers.read_text(encoding="utf-8"))
    given = config.fvc.endmembers is not None or (config.fvc.soil.ndvi is not None and config.fvc.vegetation.ndvi is not None)
    lender = config.pair_of(folder.root.name)
    warnings: list[Text] = [GIVEN_SCALE if given else OWN_SCALE if lender is None else lent_scale(lender)]
    warnings += soil_sentences(pair)
    clamped = [(v, r) for r in tables.fvc if (v := number(r["clamped_pct"])) is not None]
    if clamped:
        share, row = max(clamped, key=lambda c: c[0])
        years, zones = [int(r["year"]) for _, r in clamped], zones_text(len({r["zone"] for _, r in clamped}))
        none = say("not_clamped", zones=zones, first=min(years), last=max(years))
        warnings.append(say("clamped", share=per_cent(share), zone=row["zone"], year=row["year"]) if share > 0 else none)
    return {"soil": pair["soil_ndvi"], "vegetation": pair["vegetation_ndvi"], "pooled": pair["pooled_values"], "warnings": warnings}


def sensitivity(folder: SensorFolder) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    """Return what each zone's change and classes do under the variants, one row per zone and period, and the rows of sensitivity.csv."""
    rows, out = _optional(folder.table(SENSITIVITY)), []
    for (zone, first, last), verdict in robust(rows).items():
        done = [r for r in rows if (r["zone"], int(r["first_year"]), int(r["last_year"])) == (zone, first, last) and r["computed"] == "yes"]
        row: dict[str, Any] = {"zone": zone, "period": span((first, last)), "variants": verdict.variants}
        for name, key, holds, against in (
            ("change", "change_points", verdict.change, verdict.change_against),
            ("net", "net_pct", verdict.net, verdict.net_against),
        ):
            values = [float(r[key]) for r in done if r[key]]
            base = next((r[key] for r in done if r["variant"] == BASE), "")
            row[name] = {"base": base, "low": str(min(values, default="")), "high": str(max(values, default="")), "holds": holds, "against": against}
        out.append(row)
    return out, rows


def checked_sentence(found: Checked) -> Sentence:
    """Return what the recomputed sample showed."""
    key = "not_checked" if not found.trends else "checked" if found.good else "checked_differs"
    named = {"first": found.period[0], "last": found.period[1]}
    return say(key, **named) if key == "not_checked" else say(key, count=found.pixels, worst=found.shown, **named)


def ledger(folder: SensorFolder) -> dict[str, Any]:
    """Return how many assets were read and dropped, and the rows."""
    rows = read_csv(folder.ledger)
    return {"counts": dict(Counter(r["status"] for r in rows)), "rows": rows[:LEDGER_ROWS], "left": max(0, len(rows) - LEDGER_ROWS)}


def warnings(folder: SensorFolder, tables: Tables) -> list[Text]:
    """Return what the results of a sensor warn of, as run.json has it, in Chinese too where it comes from a table."""
    chinese = {text.en: text.zh for text in soil_sentences(json.loads(folder.endmembers.read_text(encoding="utf-8")))}
    for row in _optional(folder.table("masked_by_zone")):
        if row["warning"]:
            times = f"为参照区的{float(row['ratio']):.1f}倍" if row["ratio"] else "远高于参照区"
            chinese[masked_warning(row)] = f"{row['zone']}：在同一批影像上被掩膜的比例{times}：是否把地面误判为云或阴影？"
    for zone in dict.fromkeys(r["zone"] for r in tables.fvc):
        chinese |= {f"{zone_named(zone)}: {text.en}": f"{zone}：{text.zh}" for text in clamped_sentences([r for r in tables.fvc if r["zone"] == zone])}
    return [Text(text, chinese.get(text, text)) for text in warnings_of(folder.root)]


def codes_shown(config: Config, tables: Tables) -> set[int]:
    """Return the codes that a legend needs: classes with a trend, insufficient data, and what else occurs; where all zones are too small, what occurs."""
    occurring = {int(r["code"]) for r in tables.area if (number(r["area_km2"]) or 0) > 0}
    if all_too_small(tables):
        return occurring
    return {c.code for c in legend(config.trend.scheme) if 0 < c.code < SPECIAL or c.code == INSUFFICIENT} | occurring


def describe(config: Config, zones: Zones, folder: SensorFolder, tables: Tables) -> dict[str, Any]:
    """Return tables and charts of one sensor, by the names that the template uses."""
    sentences, wet = water(tables)
    years, changes = since(tables)
    codes = codes_shown(config, tables)
    verdicts, varied = sensitivity(folder)
    return {
        "glance": glance(tables, zones.references, config.trend.alpha.significant),
        "cover": cover_figures(config, zones, tables),
        "cover_caption": cover_caption(tables),
        "cover_rows": tables.fvc,
        "classes": [c for c in legend(config.trend.scheme) if c.code in codes],
        "bars": class_figures(config, zones, tables),
        "area_rows": [r for r in tables.area if (number(r["area_km2"]) or 0) > 0],
        "group_rows": [r for r in tables.groups if (number(r["area_km2"]) or 0) > 0],
        "trend_rows": tables.trend,
        "reference_rows": tables.reference,
        "since_years": years,
        "since_rows": changes,
        "change_rows": tables.change,
        "scenes": scene_figures(folder),
        "masked_rows": _optional(folder.table("masked_by_zone")) if pinned(folder) else [],
        "water": sentences,
        "water_rows": wet,
        "sensitivity": verdicts,
        "sensitivity_rows": varied,
        "endmembers": endmembers(config, folder, tables),
        "warnings": warnings(folder, tables),
        "ledger": ledger(folder),
    }
