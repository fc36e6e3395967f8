"""What the page says of pit lakes: lakes and water of the last known year, the type of succession, and bars by year."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.pitlakewords import of_zones, water_by_year
from pipeline.evaluation.yearlyareas import area_svg
from pipeline.layout import SensorFolder
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.tables import read_csv
from pipeline.words import Text
from pipeline.zonetables import number

HEADINGS = headings(
    ("zone", "zone", "分区"),
    ("year", "year", "年"),
    ("lakes", "lakes", "湖泊数"),
    ("water_km2", "water, km2", "水体，km2"),
    ("largest_km2", "largest, km2", "最大，km2"),
    ("water_low_pct", "share from, %", "占比下限，%"),
    ("water_high_pct", "to, %", "上限，%"),
    ("succession", "succession", "演替"),
    ("note", "note", "说明"),
)
TYPES = {"terrestrial": Text("terrestrial", "陆生"), "mixed": Text("mixed", "混合"), "aquatic": Text("aquatic", "水生")}
NO_BOUNDS = Text(
    "No type of succession is told: the study gives no bounds, and the config neither (water.terrestrial_below_pct, water.aquatic_from_pct).",
    "未给出演替类型：文献未提供界限，配置中也未给出（water.terrestrial_below_pct、water.aquatic_from_pct）。",
)
NOTE = Text(
    "Water: at least half of a year's clear observations of the cell. Grey bars: what cells without a clear observation may add; cross: nothing known.",
    "水体：像元一年中至少半数晴空观测为水。灰色条：无晴空观测的像元可能增加的面积；叉号：未知。",
)


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor; its table has the zones that have water in any year."""
    rows = read_csv(folder.table("pit_lakes_by_zone"))
    by_zone, panels = of_zones(rows), water_by_year(rows)
    wet = {p.name for p in panels}
    bounds = config.water is not None and config.water.terrestrial_below_pct is not None
    lead = [_of_zone(zone, own, bounds) for zone, own in by_zone.items() if zone in wet]
    if dry := [zone for zone in by_zone if zone not in wet]:
        lead.append(Text(f"No water seen in any year: {', '.join(dry)}.", f"各年均未见水体：{'、'.join(dry)}。"))
    if not bounds:
        lead.append(NO_BOUNDS)
    shown = [r for r in rows if r["zone"] in wet]
    left = Text("Zones with water alone; the file has every zone.", "仅列有水体的分区；文件含全部分区。") if len(shown) < len(rows) else None
    return Part(
        "pit-lakes",
        Text("Pit lakes", "矿坑湖"),
        tuple(lead),
        figures=tuple(Figure(area_svg(p, "ha", f"{p.name}: water 水体, ha"), p.label) for p in panels),
        notes=(NOTE,) if panels else (),
        tables=(Shown("pit_lakes_by_zone", HEADINGS, shown, left),) if shown else (),
    )


def _of_zone(zone: str, rows: list[dict[str, str]], bounds: bool) -> Text:
    r = [r for r in rows if number(r["water_km2"]) is not None][-1]
    lakes, water = int(r["lakes"]), 100 * float(r["water_km2"])
    low, high = (float(r[name]) for name in ("water_low_pct", "water_high_pct"))
    share = f"{low:.1f}" if f"{low:.1f}" == f"{high:.1f}" else f"{low:.1f}–{high:.1f}"
    en = f"{zone}, {r['year']}: {lakes} lake{'' if lakes == 1 else 's'}, {water:.3g} ha of water, {share} % of the zone"
    zh = f"{zone}，{r['year']} 年：{lakes} 个湖泊，水体 {water:.3g} ha，占分区 {share} %"
    if bounds:
        kind = TYPES.get(r["succession"])
        en += f"; succession: {kind.en if kind else 'open, as cells are unknown'}"
        zh += f"；演替：{kind.zh if kind else '未知像元使其不定'}"
    return Text(f"{en}.", f"{zh}。")
