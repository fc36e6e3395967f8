"""What the page says of breaks: sentences from breaks_by_zone.csv, the series of each zone with its lines, the years of its cells, and the table."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.breakchart import series_svg, years_svg, zone_years
from pipeline.layout import SensorFolder
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.tables import read_csv
from pipeline.words import Text, alpha_text, p_text, per_cent
from pipeline.zonetables import number

HEADINGS = headings(
    ("zone", "zone", "分区"),
    ("n", "years", "年数"),
    ("break_year", "break", "突变"),
    ("break_step", "step", "跳变"),
    ("break_p", "p", "p"),
    ("disturbance_year", "disturbance", "扰动"),
    ("recovery_year", "recovery", "恢复"),
    ("pettitt_year", "Pettitt", "Pettitt"),
    ("pettitt_p", "p", "p"),
    ("tested_pct", "tested, %", "受检，%"),
    ("disturbed_pct", "disturbed, %", "扰动，%"),
    ("disturbance_usual", "mostly in", "多在"),
    ("disturbance_median", "median", "中位数"),
    ("recovering_pct", "recovering, %", "恢复，%"),
    ("recovery_usual", "mostly from", "多自"),
    ("recovery_median", "median", "中位数"),
    ("note", "note", "说明"),
)
READ = Text(
    "Dots: the zone's mean; dashed: one line; blue: the two lines of its break, where it is shown; upright: year of disturbance (orange) and of recovery "
    "(green). Bars: share of the tested area by the year of its cells. The year is the first with a value after the change. A break says that the series "
    "changed its level or course, not why, and one break is one break: of several changes the one that the lines tell best.",
    "圆点：分区均值；虚线：单一直线；蓝线：显示突变时的两条直线；竖线：扰动年份（橙）与恢复年份（绿）。柱：按像元年份的受检面积比例。年份为变化之后有值的首年。"
    "突变说明序列的水平或走向改变，不说明原因；一次突变只有一个：有多次变化时为直线最能区分的一次。",
)


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor."""
    rows = read_csv(folder.table("breaks_by_zone"))
    drawn = zone_years(rows, read_csv(folder.table("break_years_by_zone")))
    first, last = rows[0]["first_year"], rows[0]["last_year"]
    level = float(rows[0]["shown_at"])
    figures = []
    for row, zone in zip(rows, drawn, strict=True):
        if number(row["break_year"]) is not None:
            figures.append(Figure(series_svg(zone, f"{zone.zone}: mean and break 均值与突变"), Text(f"{zone.zone}: mean", f"{zone.zone}：均值")))
        if number(row["disturbed_pct"]) or number(row["recovering_pct"]):
            caption = Text(f"{zone.zone}: years of its cells", f"{zone.zone}：像元的年份")
            figures.append(Figure(years_svg(zone, f"{zone.zone}: years of change 变化年份"), caption))
    chance = Text(
        f"Shown where p is at most {level:g}: of cells without a break about {alpha_text(level).en} show one by chance, a fall and a rise alike.",
        f"仅显示 p 不大于 {level:g} 者：无突变的像元约有 {alpha_text(level).zh}因偶然而显示，下降与上升大致各半。",
    )
    return Part(
        "breaks",
        Text(f"When it changed, {first}-{last}", f"何时变化，{first}—{last}"),
        tuple(_of_zone(row) for row in rows),
        figures=tuple(figures),
        notes=(READ, chance) if figures else (),
        tables=(Shown("breaks_by_zone", HEADINGS, rows),),
    )


def _of_zone(row: dict[str, str]) -> Text:
    """Return what is said of a zone: its mean, then its cells."""
    parts = [_of_mean(row), _of_cells(row)]
    return Text(f"{row['zone']}: " + " ".join(p.en for p in parts), f"{row['zone']}：" + "".join(p.zh for p in parts))


def _of_mean(row: dict[str, str]) -> Text:
    p, pettitt = number(row["break_p"]), number(row["pettitt_p"])
    if p is None or pettitt is None:
        needs, n = row["n_least"], row["n"]
        return Text(
            f"its mean has {n} years with a value, a break needs at least {needs}: no year can be told.",
            f"均值仅有 {n} 年有值，突变至少需 {needs} 年：无法判断。",
        )
    fall, rise = row["disturbance_year"], row["recovery_year"]
    if not fall and not rise:
        said = Text(f"its mean shows no disturbance and no recovery ({p_text(p).en} of the best break)", f"均值未显示扰动或恢复（最佳突变 {p_text(p).zh}）")
    else:
        falls = (
            Text(f"fell in {fall} by {abs(float(row['disturbance_step'])):.2f}", f"于 {fall} 年下降 {abs(float(row['disturbance_step'])):.2f}")
            if fall
            else None
        )
        rises = Text(f"{'has risen since' if fall == rise else 'began to recover in'} {rise}", f"自 {rise} 年起恢复") if rise else None
        both = [t for t in (falls, rises) if t is not None]
        said = Text("its mean " + " and ".join(t.en for t in both), "均值" + "，".join(t.zh for t in both))
    year = row["pettitt_year"]
    test = (
        Text(f"Pettitt's test: change in {year}, {p_text(pettitt).en}", f"Pettitt 检验：{year} 年，{p_text(pettitt).zh}")
        if year
        else Text("no change", "无变化")
    )
    return Text(f"{said.en}; {test.en}.", f"{said.zh}；{test.zh}。")


def _of_cells(row: dict[str, str]) -> Text:
    tested, fell, rose = (number(row[name]) for name in ("tested_pct", "disturbed_pct", "recovering_pct"))
    if not tested or fell is None or rose is None:
        return Text(f"No cell has {row['n_least']} years with a value.", f"没有像元具有 {row['n_least']} 个有值年份。")
    usual = Text(f", most often in {row['disturbance_usual']}", f"（多在 {row['disturbance_usual']} 年）") if row["disturbance_usual"] else Text("", "")
    since = Text(f", most often from {row['recovery_usual']}", f"（多自 {row['recovery_usual']} 年）") if row["recovery_usual"] else Text("", "")
    whole = Text("", "") if tested > 99.95 else Text(f" ({per_cent(tested).en} of the zone could be tested)", f"（可检验的面积占 {per_cent(tested).zh}）")
    return Text(
        f"Of its area{whole.en} {per_cent(fell).en} shows a disturbance{usual.en}, {per_cent(rose).en} a recovery{since.en}.",
        f"受检面积{whole.zh}中 {per_cent(fell).zh}显示扰动{usual.zh}，{per_cent(rose).zh}显示恢复{since.zh}。",
    )
