"""What the page says of recovery: sentences from recovery_by_zone.csv and the balance of matched controls, the ratio of each zone by year, and both tables."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.recoverychart import ratio_svg, ratios
from pipeline.layout import SensorFolder
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.report.recoverynotes import in_both
from pipeline.tables import read_csv
from pipeline.words import NOTHING, Text, years_text
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
BALANCE_HEADINGS = headings(
    ("zone", "zone", "分区"),
    ("feature", "matched by", "匹配特征"),
    ("zone_mean", "restored cells", "修复像元"),
    ("reference_mean", "reference", "参照区"),
    ("controls_mean", "matched cells", "匹配像元"),
    ("smd_before", "difference before, sd", "匹配前差异，标准差"),
    ("smd_after", "after, sd", "匹配后差异，标准差"),
    ("cells", "cells", "像元数"),
    ("cells_left_out", "left out", "略去"),
    ("controls", "matched to each", "每像元匹配数"),
)
CONTRASTS = (
    ("baci", "baci_matched", Text("without partial seasons", "不计部分季节")),
    ("baci_with_partial", "baci_matched_with_partial", Text("partial seasons counted", "计入部分季节")),
)
LEAST_COMMON = 50.0  # per cent of a zone: means of less are told
SERIES_WIDE = ("baci", "baci_with_partial", "baci_matched", "baci_matched_with_partial", "years_to_recovery", "years_to_recovery_with_partial")
FAR_BACK = 10  # years before restoration from which on the state before may be another one
BOUND = 0.25  # standard deviations between restored and matched cells
MEANS = Text(
    "Means are over the cells that are valid in all years used: the numbers of a zone with a lake or gaps can differ from the chart of cover.",
    "均值按所用各年均有效的像元计算：有湖泊或缺值的分区，其数值可能与覆盖度图不同。",
)


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor."""
    rows, balance = read_csv(folder.table("recovery_by_zone")), read_csv(folder.table("control_balance_by_zone"))
    asked = config.recovery
    share = asked.share if asked else 1.0
    series = ratios(rows)
    lead = tuple(text for zone in series for text in _of_zone([r for r in rows if r["zone"] == zone], [r for r in balance if r["zone"] == zone], zone, share))
    figures = tuple(Figure(ratio_svg(points, share, f"{zone}: zone / reference 区与参照区之比"), Text(zone, zone)) for zone, points in series.items())
    last = max((r["year"] for r in rows if r["measure"] == "ratio"), default="")
    shown = [r for r in rows if r["measure"] in SERIES_WIDE or r["year"] == last]
    tables = [Shown("recovery_by_zone", HEADINGS, shown, Text("The last year alone; the file has every year.", "仅列末年；文件含全部年份。"))]
    return Part(
        "recovery",
        Text("Recovery against the reference", "相对参照区的恢复"),
        lead or (Text("No zone has a reference other than itself.", "没有任何分区具有自身以外的参照区。"),),
        warnings=(
            *(_in_part(zone, share) for zone, share in _shares(rows).items() if share < LEAST_COMMON),
            *(_unlike(worst) for zone in series if (worst := _worst(balance, zone)) and abs(float(worst["smd_after"])) > BOUND),
        ),
        figures=figures,
        notes=(
            Text(
                "Line: zone divided by its reference in the same year, bar: interval of that year's state from its scenes; "
                "open circles: the first season after restoration, or works going on. What other years would have brought is in the contrast alone.",
                "折线：区与同年参照区之比，竖条：由该年影像得到的区间；空心圆：修复后首个季节或施工期。其他年份会怎样，只有前后对比能说明。",
            ),
            MEANS,
        ),
        tables=(*tables, *([Shown("control_balance_by_zone", BALANCE_HEADINGS, balance)] if balance else [])),
    )


def _shares(rows: list[dict[str, str]]) -> dict[str, float]:
    """Return of each zone the share of its area that its means are of, in per cent."""
    return {r["zone"]: share for r in rows if (share := number(r["common_pct"])) is not None}


def _in_part(zone: str, share: float) -> Text:
    return Text(
        f"{zone}: its means are of {share:.0f} % of its area, the cells that have a value in every year used; the rest (water, gaps) has none in some of them.",
        f"{zone}：其均值仅为所用各年均有值的像元（占分区面积 {share:.0f} %）的均值；其余部分（水体、缺测）在某些年份无值。",
    )


def _of_zone(rows: list[dict[str, str]], balance: list[dict[str, str]], zone: str, share: float) -> list[Text]:
    """Return what is said of a zone: how far it is, what the contrasts say, and when it reached the share."""
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
    before = [int(r["year"]) for r in rows if r["measure"] == "difference" and r["phase"] == "before" and number(r["value"]) is not None]
    out += _contrast(by, before) + _matched(by, balance)
    without, counted = by.get("years_to_recovery"), by.get("years_to_recovery_with_partial")
    if without and without["restored"]:
        out.append(_reached(without, share, Text("Without partial seasons", "不计部分季节，")))
        if counted and (
            counted["value"] != without["value"] or (counted["value"] == "" and counted["note"] != without["note"].replace("whole season", "year"))
        ):
            out.append(_reached(counted, share, Text("With partial seasons counted", "计入部分季节，")))
    return [Text(" ".join(t.en for t in out), "".join(t.zh for t in out))] if out else []


def _told(by: dict[str, dict[str, str]], *, matched: bool) -> tuple[dict[str, str], Text]:
    """Return the row of a contrast and what it counts: without partial seasons, and with them only where there is none without."""
    rows = [(by.get(own if matched else plain, {}), counts) for plain, own, counts in CONTRASTS]
    return next(((r, counts) for r, counts in rows if number(r.get("value")) is not None), rows[0])


def _contrast(by: dict[str, dict[str, str]], before: list[int]) -> list[Text]:
    r, counts = _told(by, matched=False)
    if not r or number(r.get("value")) is None:
        return [Text("No date of restoration is given.", "未给出修复日期。")] if r and not r["restored"] else []
    years, moved, why = years_text(before), _moved(r), _why(r)
    said = Text(
        f"Against its reference it moved by {moved.en} since before restoration ({years.en}), {counts.en}{why.en}.",
        f"与参照区相比，自修复前（{years.zh} 年）以来变化 {moved.zh}（{counts.zh}）{why.zh}。",
    )
    if not before or int(r["restored"][:4]) - before[0] <= FAR_BACK:
        return [said]
    earlier = Text(
        f"The years before reach back more than {FAR_BACK} years, so that an earlier state is in them; `recovery.before_years` takes the last ones alone.",
        f"修复前的年份追溯超过 {FAR_BACK} 年，其中含有更早的状态；`recovery.before_years` 可只取最后几年。",
    )
    return [said, earlier]


def _matched(by: dict[str, dict[str, str]], balance: list[dict[str, str]]) -> list[Text]:
    """Return the contrast against matched cells, how like they are, and the cells left out; nothing where none were asked for."""
    r, counts = _told(by, matched=True)
    if not r:
        return []
    if number(r["value"]) is None:
        why = in_both(r["note"])
        return [Text(f"Against matched cells there is no contrast: {why.en}.", f"没有与匹配像元的对比：{why.zh}。")]
    moved, why, cells, worst = _moved(r), _why(r), NOTHING, _worst(balance, r["zone"])
    if balance:
        all_cells, left_out = int(balance[0]["cells"]), int(balance[0]["cells_left_out"])
        cells = Text(
            f" ({balance[0]['controls']} for each restored cell; {left_out:,} of {all_cells:,} restored cells left out)",
            f"（每个修复像元 {balance[0]['controls']} 个；{all_cells:,} 个修复像元中略去 {left_out:,} 个）",
        )
    said = Text(
        f"Against matched cells of the reference{cells.en} it moved by {moved.en}, {counts.en}{why.en}.",
        f"与参照区匹配像元{cells.zh}相比，变化 {moved.zh}（{counts.zh}）{why.zh}。",
    )
    if worst is None:
        return [said]
    size, name = abs(float(worst["smd_after"])), _feature(worst["feature"])
    return [
        said,
        Text(
            f"After matching both differ at most by {size:.2f} standard deviations ({name.en}).",
            f"匹配后两者最多相差 {size:.2f} 个标准差（{name.zh}）。",
        ),
    ]


def _worst(balance: list[dict[str, str]], zone: str) -> dict[str, str] | None:
    """Return the feature in which restored and matched cells of a zone differ most; None where none is known."""
    known = [r for r in balance if r["zone"] == zone and number(r["smd_after"]) is not None]
    return max(known, key=lambda r: abs(float(r["smd_after"])), default=None)


def _unlike(worst: dict[str, str]) -> Text:
    zone, size, name = worst["zone"], abs(float(worst["smd_after"])), _feature(worst["feature"])
    return Text(
        f"{zone}: after matching, restored cells and matched cells still differ by {size:.2f} standard deviations ({name.en}), above {BOUND}, a common "
        "bound: part of the matched contrast may be that difference.",
        f"{zone}：匹配后修复像元与匹配像元仍相差 {size:.2f} 个标准差（{name.zh}），超过常用界限 {BOUND}：与匹配像元的对比中可能含有这一差异。",
    )


def _feature(name: str) -> Text:
    return Text("elevation", "海拔") if name == "elevation" else Text(f"NDVI {name[5:]}", f"{name[5:]} 年 NDVI")


def _moved(r: dict[str, str]) -> Text:
    """Return a contrast with its interval and its unit."""
    times, digits, unit = (100.0, 1, Text("points of cover", "个百分点")) if r["variable"] == "fvc" else (1.0, 3, Text("NDVI", "NDVI"))
    value = f"{times * float(r['value']):+.{digits}f}{_interval(r, times, '')}"
    return Text(f"{value} {unit.en}", f"{value} {unit.zh}")


def _why(r: dict[str, str]) -> Text:
    """Return a row's note in brackets, nothing without one."""
    note = in_both(r["note"])
    return Text(f" ({note.en})", f"（{note.zh}）") if r["note"] else NOTHING


def _interval(r: dict[str, str], times: float, unit: str) -> str:
    low, high = number(r["low"]), number(r["high"])
    digits = 3 if times == 1 else 0 if unit else 1
    return "" if low is None or high is None else f" ({times * low:.{digits}f} … {times * high:.{digits}f}{unit})"


def _reached(r: dict[str, str], share: float, counts: Text) -> Text:
    """Return when a zone reached the share; the row's year is the season from which the years are counted, not the one in which it did."""
    of, note = f"{100 * share:g} %", in_both(r["note"])
    if r["value"] == "":
        if not r["note"].startswith("below "):  # nothing was seen
            unknown = f"{counts.zh}是否达到参照区的 {of} 尚不清楚：{note.zh}。"
            return Text(f"{counts.en} it is not known whether it reached {of} of the reference: {note.en}.", unknown)
        return Text(f"{counts.en} it did not reach {of} of the reference: {note.en}.", f"{counts.zh}尚未达到参照区的 {of}：{note.zh}。")
    years, first, why = int(float(r["value"])), int(r["year"]), _why(r)
    start = Text("the first season not before restoration", "不早于修复的首个季节")
    when = f"{first + years}, {years} year{'' if years == 1 else 's'} after {first}, {start.en}" if years else f"{first}, {start.en}"
    after = f"{first + years} 年（{start.zh} {first} 年之后 {years} 年）" if years else f"{first} 年（{start.zh}）"
    return Text(f"{counts.en} it reached {of} of the reference in {when}{why.en}.", f"{counts.zh}{after}达到参照区的 {of}{why.zh}。")
