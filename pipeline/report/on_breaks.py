"""What the page says of breaks: sentences from breaks_by_zone.csv, the series of each zone with its lines, the years of its cells, and the table."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.breakchart import series_svg, years_svg, zone_years
from pipeline.evaluation.breakedges import EARLIER, LATER, at_edges, edges_of
from pipeline.layout import SensorFolder
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.tables import read_csv
from pipeline.words import Text, alpha_text, counts, joined, p_text, per_cent
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
    "(green). The lines are those of the whole series; these years may be those of a part of it: the values before its break, or from the fall on. "
    "Bars: share of the tested area by the year of its cells. The year is the first with a value after the change; a change in the first or the last years "
    "is placed at the first or the last year that a break can have: it may be earlier or later. A break says that the series "
    "changed its level or course, not why, and one break is one break: of several changes the one that the lines tell best.",
    "圆点：分区均值；虚线：单一直线；蓝线：显示突变时的两条直线；竖线：扰动年份（橙）与恢复年份（绿）。直线属于整个序列；这些年份可能来自序列的一部分："
    "突变之前的值，或下降以后的值。柱：按像元年份的受检面积比例。年份为变化之后有值的首年；最初或最后几年的变化记在突变可能的首年或末年：实际可能更早或更晚。"
    "突变说明序列的水平或走向改变，不说明原因；一次突变只有一个：有多次变化时为直线最能区分的一次。",
)
LEAST_USUAL = 0.25  # of the disturbed (recovering) area, in the year of most: below it no year is the usual one
MUCH = 2.5  # times the level: shares of a reference above it are more than chance
NOTHING = Text("", "")
EDGES = {
    (): NOTHING,
    (EARLIER,): Text(" or earlier", "或更早"),
    (LATER,): Text(" or later", "或更晚"),
    (EARLIER, LATER): Text(" (or earlier, or later)", "（或更早、更晚）"),
}


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor."""
    assert config.breaks is not None  # the part is of a stage that is made where the key is
    rows = read_csv(folder.table("breaks_by_zone"))
    by_zone = {row["zone"]: row for row in rows}
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
    lead = []
    for row in rows:
        names = zones.references.get(row["zone"], ())
        beside = [by_zone[name] for name in names if name in by_zone] if row["zone"] not in names else []
        said = (_of_mean(row, config.breaks.least), _of_cells(row, config.breaks.shown_years(config), beside))
        lead.append(Text(f"{row['zone']}: " + " ".join(t.en for t in said), f"{row['zone']}：" + "".join(t.zh for t in said)))
    return Part(
        "breaks",
        Text(f"When it changed, {first}-{last}", f"何时变化，{first}—{last}"),
        tuple(lead),
        warnings=tuple(_of_reference(row) for row in rows if row["zone"] in zones.reference_zones and _changed(row)),
        figures=tuple(figures),
        notes=(READ, chance) if figures else (),
        tables=(Shown("breaks_by_zone", HEADINGS, rows),),
    )


def _of_mean(row: dict[str, str], least: int) -> Text:
    p, pettitt = number(row["break_p"]), number(row["pettitt_p"])
    if p is None or pettitt is None:
        needs, n = row["n_least"], row["n"]
        return Text(
            f"its mean has {counts(int(n), 'year')} with a value, a break needs at least {needs}: no year can be told.",
            f"均值仅有 {n} 年有值，突变至少需 {needs} 年：无法判断。",
        )
    fall, rise = row["disturbance_year"], row["recovery_year"]
    edges = {name: EDGES[words] for name, words in at_edges(row, least).items()}
    if not fall and not rise:
        said = Text(f"its mean shows no disturbance and no recovery ({p_text(p).en} of the best break)", f"均值未显示扰动或恢复（最佳突变 {p_text(p).zh}）")
    else:
        fell = Text("shows no disturbance", "未显示扰动")
        if fall:
            step, edge = f"{abs(float(row['disturbance_step'])):.2f}", edges["disturbance"]
            fell = Text(f"fell in {fall}{edge.en} by {step}", f"于 {fall} 年{edge.zh}下降 {step}")
        edge = edges["recovery"]
        rises = Text(f"{'has risen since' if fall == rise else 'began to recover in'} {rise}{edge.en}", f"自 {rise} 年{edge.zh}起恢复") if rise else None
        both = [t for t in (fell, rises) if t is not None]
        said = Text("its mean " + " and ".join(t.en for t in both), "均值" + "，".join(t.zh for t in both))
    test = _of_pettitt(row["pettitt_year"], pettitt, float(row["shown_at"]))
    return Text(f"{said.en}; {test.en}.", f"{said.zh}；{test.zh}。")


def _of_pettitt(year: str, p: float, level: float) -> Text:
    """Return what Pettitt's test says: a difference, which may be that of a trend, no change of its own."""
    if not year:
        return Text("no change", "无变化")
    if p > level:
        return Text(f"Pettitt's test: no difference shown ({p_text(p).en})", f"Pettitt 检验：未显示差异（{p_text(p).zh}）")
    return Text(
        f"Pettitt's test: values before {year} differ from those since, as a trend makes them too, {p_text(p).en}",
        f"Pettitt 检验：{year} 年之前与该年以来的值不同（单纯的趋势也会如此），{p_text(p).zh}",
    )


def _of_cells(row: dict[str, str], span: tuple[int, int], references: list[dict[str, str]]) -> Text:
    """Return the shares of the tested area, beside those of the references; `span`: first and last year that a break of the run's years can have."""
    tested, fell, rose = (number(row[name]) for name in ("tested_pct", "disturbed_pct", "recovering_pct"))
    if not tested or fell is None or rose is None:
        return Text(f"No cell has {row['n_least']} years with a value.", f"没有像元具有 {row['n_least']} 个有值年份。")
    usual = _usual(row, "disturbance", fell, span, Text("in", "在"))
    since = _usual(row, "recovery", rose, span, Text("from", "自"))
    whole = NOTHING if tested > 99.95 else Text(f" ({per_cent(tested).en} of the zone could be tested)", f"（可检验的面积占 {per_cent(tested).zh}）")
    beside = _beside(references)
    return Text(
        f"Of its area{whole.en} {per_cent(fell).en} shows a disturbance{usual.en}, {per_cent(rose).en} a recovery{since.en}{beside.en}.",
        f"受检面积{whole.zh}中 {per_cent(fell).zh}显示扰动{usual.zh}，{per_cent(rose).zh}显示恢复{since.zh}{beside.zh}。",
    )


def _usual(row: dict[str, str], name: str, share: float, span: tuple[int, int], when: Text) -> Text:
    """Return the year of most area with its share; nothing where it holds less than LEAST_USUAL of the area that shows one."""
    year, own = row[f"{name}_usual"], number(row[f"{name}_usual_pct"])
    if not year or own is None or own < LEAST_USUAL * share:
        return NOTHING
    edge = EDGES[edges_of(int(year), *span)]
    return Text(
        f", most often {when.en} {year}{edge.en} ({per_cent(own).en} of the area)", f"（多{when.zh} {year} 年{edge.zh}，占受检面积的 {per_cent(own).zh}）"
    )


def _beside(references: list[dict[str, str]]) -> Text:
    """Return the shares of each reference; named where there are several."""
    told = []
    for row in references:
        fell, rose = number(row["disturbed_pct"]), number(row["recovering_pct"])
        if fell is not None and rose is not None:
            name = f" {row['zone']}" if len(references) > 1 else ""
            told.append(
                Text(
                    f"of the reference{name} {per_cent(fell).en} and {per_cent(rose).en}",
                    f"参考区{name and f'{name} '}为 {per_cent(fell).zh}和 {per_cent(rose).zh}",
                )
            )
    both = joined(told)
    return Text(f"; {both.en}", f"；{both.zh}") if told else NOTHING


def _changed(row: dict[str, str]) -> bool:
    """Return whether a reference shows more than chance: a break of its mean, or shares above MUCH times the level."""
    p, level = number(row["break_p"]), float(row["shown_at"])
    shares = [number(row[name]) or 0.0 for name in ("disturbed_pct", "recovering_pct")]
    return (bool(row["break_year"]) and p is not None and p <= level) or max(shares) > MUCH * 100 * level


def _of_reference(row: dict[str, str]) -> Text:
    """Return the warning on a reference that changed."""
    p, fell, rose = (number(row[name]) for name in ("break_p", "disturbed_pct", "recovering_pct"))
    told = []
    if row["break_year"] and p is not None and p <= float(row["shown_at"]):
        told.append(Text(f"its mean shows a break in {row['break_year']} ({p_text(p).en})", f"均值在 {row['break_year']} 年显示突变（{p_text(p).zh}）"))
    if fell is not None and rose is not None:
        told.append(
            Text(
                f"{per_cent(fell).en} of its area shows a disturbance and {per_cent(rose).en} a recovery",
                f"受检面积中 {per_cent(fell).zh}显示扰动，{per_cent(rose).zh}显示恢复",
            )
        )
    said = joined(told)
    return Text(
        f"{row['zone']} is a reference, and {said.en}: what its zones show is not theirs alone.",
        f"{row['zone']} 为参考区，{said.zh}：以其为参考的分区所显示的变化并非仅属于自身。",
    )
