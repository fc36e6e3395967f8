"""What the page says of land cover: the year of most mining land, areas by year, what became what, and the tables of the whole mine."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.landfigure import of_whole
from pipeline.evaluation.landsvg import by_year_svg, transition_svgs
from pipeline.layout import SensorFolder
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.tables import read_csv
from pipeline.words import NOTHING, Text, listed, years_text

Rows = list[dict[str, str]]
TITLE = Text("Land cover", "土地覆盖")
WHOLE = "whole mine 全矿区"
MOST_ZONES = 12  # whose peaks are told in words


BY_YEAR = headings(("year", "year", "年"), ("class", "class", "类别"), ("area_km2", "area, km2", "面积，km2"), ("share_pct", "share, %", "占比，%"))
CHANGES = headings(
    ("first_year", "from", "起"),
    ("last_year", "to", "止"),
    ("from_class", "was", "原类别"),
    ("to_class", "is", "现类别"),
    ("area_km2", "area, km2", "面积，km2"),
    ("share_from_pct", "of what it was, %", "占原类别，%"),
)
SINCE = headings(
    ("zone", "zone", "分区"),
    ("class", "class", "类别"),
    ("first_year", "from", "起"),
    ("year", "to", "止"),
    ("change_km2", "change, km2", "变化，km2"),
    ("change_low_km2", "at least", "下限"),
    ("change_high_km2", "at most", "上限"),
    ("peak_year", "year of most", "面积最大年份"),
    ("peak_certain", "certain", "是否确定"),
)


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor."""
    asked = config.landcover
    assert asked is not None  # the part is made where the key is
    by_year, changed, since = (read_csv(folder.table(f"landcover_{name}")) for name in ("by_year", "transitions", "baseline"))
    scheme, code = asked.scheme, asked.mining_code
    mining = asked.names[code] if code is not None else None
    said = Text(mining, scheme.chinese[mining] if scheme else mining) if mining is not None else NOTHING
    title = f"{TITLE.en} {TITLE.zh}"
    figures = [Figure(by_year_svg(by_year, scheme, mining, title), Text("Area of each class by year, km2", "各类别逐年面积，km2"))]
    figures += [Figure(svg, Text("What became what", "类别转移")) for svg in transition_svgs(changed, scheme, mining, title)]
    last = max((r["year"] for r in by_year), default="")
    whole = Text("Of the whole mine; the file has every zone.", "仅列全矿区；文件含各分区。")
    ended = [{**r, "zone": r["zone"] or WHOLE} for r in since if r["year"] == last and r["peak_year"]]
    tables = (
        Shown("landcover_by_year", BY_YEAR, [r for r in of_whole(by_year) if float(r["area_km2"]) > 0], whole),
        Shown("landcover_transitions", CHANGES, of_whole(changed) if changed else [], whole),
        Shown("landcover_baseline", SINCE, ended, Text("Up to the last year, classes that occur; the file has all.", "仅列至末年、出现过的类别；文件含全部。")),
    )
    lead = tuple(_lead(since, by_year, mining, said))
    return Part("landcover", TITLE, lead, _warnings(by_year, scheme.caution if scheme else NOTHING), tuple(figures), _notes(asked.rule is not None), tables)


def _lead(since: Rows, by_year: Rows, mining: str | None, said: Text) -> list[Text]:
    """Return when there was most mining land and what became of it, for the mine and each of its zones."""
    if mining is None:
        return [
            Text(
                "No class of these maps is named as mining land (landcover.mining): years are compared from first to last, and every class has a year of most.",
                "未指定哪一类为采矿用地（landcover.mining）：仅比较首末年，各类别均给出面积最大的年份。",
            )
        ]
    rows = [r for r in since if r["class"] == mining]
    out = [_peak([r for r in rows if r["level"] == "mine"], Text("The mine as a whole", "全矿区"), said)]
    names = list(dict.fromkeys(r["zone"] for r in rows if r["level"] == "zone"))
    never = [r["zone"] for r in rows if r["level"] == "zone" and r["year"] == r["first_year"] and not r["peak_year"]]
    mined = [name for name in names if name not in never]
    out += [_peak([r for r in rows if r["zone"] == name], Text(name, name), said) for name in mined[:MOST_ZONES]]
    if rest := len(mined[MOST_ZONES:]):
        out.append(Text(f"{rest} more zones are in landcover_baseline.csv.", f"另有 {rest} 个分区见 landcover_baseline.csv。"))
    if never:
        told = listed(Text(name, name) for name in never)
        out.append(Text(f"Zones without “{said.en}” in any year: {told.en}.", f"各年均无“{said.zh}”的分区：{told.zh}。"))
    return [text for text in out if text != NOTHING]


def _peak(rows: Rows, zone: Text, said: Text) -> Text:
    if not rows:
        return NOTHING
    first, last, peak = rows[0], rows[-1], next((r for r in rows if r["year"] == r["peak_year"]), None)
    if peak is None:
        return Text(f"{zone.en}: no “{said.en}” in any year.", f"{zone.zh}：各年均无“{said.zh}”。")
    area = {name: float(r["area_km2"]) for name, r in (("first", first), ("peak", peak), ("last", last))}
    ties = [int(r["year"]) for r in rows if r is not peak and r["area_km2"] == peak["area_km2"]]
    sure = Text("certain", "确定") if peak["peak_certain"] == "yes" else Text("not certain: another year may have as much", "不确定：其他年份可能同样多")
    if ties:
        same = years_text(ties)
        sure = Text(f"as much in {same.en}", f"{same.zh} 年同样多")
    en = f"{zone.en}: the area of “{said.en}” was largest in {peak['year']} ({sure.en}): {_km2(area['peak'])}"
    zh = f"{zone.zh}：“{said.zh}”面积以 {peak['year']} 年最大（{sure.zh}），为 {_km2(area['peak'])}"
    if first is not peak:
        en += f"; {_change(area['peak'] - area['first'])} since {first['year']}"
        zh += f"，较 {first['year']} 年变化 {_change(area['peak'] - area['first'])}"
    if last is not peak:
        en += f"; {_change(area['last'] - area['peak'])} from then to {last['year']}"
        zh += f"，此后至 {last['year']} 年变化 {_change(area['last'] - area['peak'])}"
    return Text(f"{en}.", f"{zh}。")


def _km2(value: float) -> str:
    return f"{value:.3g} km2"


def _change(value: float) -> str:
    return f"{value:+.3g} km2" if value else "0 km2"


def _warnings(by_year: Rows, caution: Text) -> tuple[Text, ...]:
    """Return the caution of the scheme, and in which years much of the mine has no class."""
    gaps = [r for r in of_whole(by_year) if r["code"] == "-1" and float(r["share_pct"]) >= 1]
    told = listed(Text(f"{r['year']} ({float(r['share_pct']):.0f} %)", f"{r['year']} 年（{float(r['share_pct']):.0f} %）") for r in gaps)
    missing = (Text(f"Ground without a class, of the whole: {told.en}.", f"无类别的地面占全部的比例：{told.zh}。"),) if gaps else ()
    return (*((caution,) if caution != NOTHING else ()), *missing)


def _notes(by_rule: bool) -> tuple[Text, ...]:
    change = Text(
        "Heights are ground areas; a ribbon has the colour of what the ground was. Errors of the classes are not in these numbers: a change smaller than the "
        "error of the maps may be none.",
        "高度表示实地面积；条带颜色为原类别。数字不含分类误差：小于地图误差的变化可能并不存在。",
    )
    rule = Text(
        "Classes by rule from yearly cover, not a classification of the images; its bounds are in the config.",
        "类别由逐年覆盖度按规则划分，并非影像分类；阈值见配置。",
    )
    return (rule, change) if by_rule else (change,)
