"""What the page says of recovery: sentences from recovery_by_zone.csv, the ratio of each zone by year, and the table."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.recoverychart import ratio_svg, ratios
from pipeline.layout import SensorFolder
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.tables import read_csv
from pipeline.words import Text
from pipeline.zonetables import number

HEADINGS = headings(
    ("zone", "zone", "分区"),
    ("measure", "measure", "度量"),
    ("year", "year", "年"),
    ("phase", "phase", "阶段"),
    ("value", "value", "值"),
    ("low", "low", "下限"),
    ("high", "high", "上限"),
    ("note", "note", "说明"),
)
SERIES_WIDE = ("baci", "baci_with_partial", "baci_matched", "baci_matched_with_partial", "years_to_recovery", "years_to_recovery_with_partial")


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor."""
    rows = read_csv(folder.table("recovery_by_zone"))
    asked = config.recovery
    share = asked.share if asked else 1.0
    series = ratios(rows)
    lead = tuple(text for zone in series for text in _of_zone([r for r in rows if r["zone"] == zone], zone, share))
    figures = tuple(Figure(ratio_svg(points, share, f"{zone}: zone / reference 区与参照区之比"), Text(zone, zone)) for zone, points in series.items())
    last = max((r["year"] for r in rows if r["measure"] == "ratio"), default="")
    shown = [r for r in rows if r["measure"] in SERIES_WIDE or r["year"] == last]
    return Part(
        "recovery",
        Text("Recovery against the reference", "相对参照区的恢复"),
        lead or (Text("No zone has a reference other than itself.", "没有任何分区具有自身以外的参照区。"),),
        figures=figures,
        notes=(
            Text(
                "Line: zone divided by its reference in the same year, bar: interval of that year's state from its scenes; "
                "open circles: the first season after restoration, or works going on. What other years would have brought is in the contrast alone.",
                "折线：区与同年参照区之比，竖条：由该年影像得到的区间；空心圆：修复后首个季节或施工期。其他年份会怎样，只有前后对比能说明。",
            ),
        ),
        tables=(Shown("recovery_by_zone", HEADINGS, shown, Text("The last year alone; the file has every year.", "仅列末年；文件含全部年份。")),),
    )


def _of_zone(rows: list[dict[str, str]], zone: str, share: float) -> list[Text]:
    """Return what is said of a zone: how far it is, what the contrast says, and when it reached the share."""
    out = []
    known = [r for r in rows if r["measure"] == "ratio" and number(r["value"]) is not None]
    if known:
        r = known[-1]
        out.append(
            Text(
                f"{zone}, {r['year']}: {100 * float(r['value']):.0f} % of its reference{_interval(r, 100, ' %')}.",
                f"{zone}，{r['year']} 年：为参照区的 {100 * float(r['value']):.0f} %{_interval(r, 100, ' %')}。",
            )
        )
    by = {r["measure"]: r for r in rows if r["measure"] in SERIES_WIDE}
    out += _contrast(by)
    reached = by.get("years_to_recovery_with_partial")
    if reached and reached["restored"]:
        out.append(_reached(reached, share))
    return [Text(" ".join(t.en for t in out), "".join(t.zh for t in out))] if out else []


def _contrast(by: dict[str, dict[str, str]]) -> list[Text]:
    r, name = by.get("baci", {}), "without the partial season"
    if not number(r.get("value")) and number(by.get("baci_with_partial", {}).get("value")) is not None:
        r, name = by["baci_with_partial"], "partial season counted"
    if not r or number(r.get("value")) is None:
        return [Text("No date of restoration is given.", "未给出修复日期。")] if r and not r["restored"] else []
    words = {"without the partial season": "不计部分季节", "partial season counted": "计入部分季节"}
    why = f" ({r['note']})" if r["note"] else ""
    none = "，年数不足，没有区间" if why else ""
    change, cover = float(r["value"]), r["variable"] == "fvc"
    times, digits, unit = (100.0, 1, Text("points of cover", "个百分点")) if cover else (1.0, 3, Text("NDVI", "NDVI"))
    return [
        Text(
            f"Against its reference it moved by {times * change:+.{digits}f}{_interval(r, times, '')} {unit.en} since before restoration, {name}{why}.",
            f"与参照区相比，自修复前以来变化 {times * change:+.{digits}f}{_interval(r, times, '')} {unit.zh}（{words[name]}）{none}。",
        )
    ]


def _interval(r: dict[str, str], times: float, unit: str) -> str:
    low, high = number(r["low"]), number(r["high"])
    digits = 3 if times == 1 else 0 if unit else 1
    return "" if low is None or high is None else f" ({times * low:.{digits}f} … {times * high:.{digits}f}{unit})"


def _reached(r: dict[str, str], share: float) -> Text:
    if r["value"] == "":
        return Text(f"It did not reach {100 * share:g} % of the reference: {r['note']}.", f"尚未达到参照区的 {100 * share:g} %。")
    years, first = int(float(r["value"])), int(r["year"])
    note = f" ({r['note']})" if r["note"] else ""
    when = f"in {first + years}, {years} year{'' if years == 1 else 's'} after the first season counted" if years else f"in {first}, the first season counted"
    after = f"{first + years} 年（首个计入季节后 {years} 年）" if years else f"{first} 年（首个计入季节）"
    return Text(f"It reached {100 * share:g} % of the reference {when}{note}.", f"{after}达到参照区的 {100 * share:g} %。")
