"""What the page says of strata: shares and cover of each stratum from strata_by_zone.csv and fvc_by_stratum.csv, a figure a zone, and the table."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.strata import UNKNOWN
from pipeline.evaluation.stratachart import Line, colours, cover_lines, named, strata_svg
from pipeline.layout import SensorFolder
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.tables import read_csv
from pipeline.words import Text, joined, per_cent, rounded
from pipeline.zonetables import number

HEADINGS = headings(
    ("zone", "zone", "分区"),
    ("stratum", "stratum", "分层"),
    ("area_km2", "area, km2", "面积，km2"),
    ("share_pct", "share of the zone, %", "占分区，%"),
    ("slope_mean_deg", "mean slope, degrees", "平均坡度，度"),
)
BY_TERRAIN = Text(
    "By slope and aspect of the ground: platform below {platform:g} degrees, steep slope from {steep:g}; between them sunny where it faces {first:g} to "
    "{last:g} degrees from north (south of the equator the mirror image), else shady.",
    "按高程模型的坡度与坡向：低于 {platform:g}° 为平台，{steep:g}° 及以上为陡坡；其间坡向自北起 {first:g}°—{last:g}° 为阳坡（南半球镜像），其余为阴坡。",
)
BY_FIELD = Text("By the attribute {field} of the zones' file.", "按分区文件的属性 {field}。")


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor."""
    rows, lines = read_csv(folder.table("strata_by_zone")), cover_lines(read_csv(folder.table("fvc_by_stratum")))
    asked = config.strata
    assert asked is not None  # the part is of the key
    colour = colours(list(dict.fromkeys(r["stratum"] for r in rows)))
    first, last = asked.sunny_deg
    known = {"platform": asked.platform_below_deg, "steep": asked.steep_from_deg, "first": first, "last": last, "field": asked.field}
    rule = BY_TERRAIN if asked.field is None else BY_FIELD
    holes = {r["zone"]: share for r in rows if r["stratum"] == UNKNOWN and (share := number(r["share_pct"]) or 0.0) > 0}
    return Part(
        "strata",
        Text("Platforms and slopes", "平台与坡面") if asked.field is None else Text("Landforms", "地貌"),
        (Text(rule.en.format(**known), rule.zh.format(**known)), *(_of_zone(zone, own, rows) for zone, own in lines.items())),
        warnings=(*(_hole(zone, share, terrain=asked.field is None) for zone, share in holes.items()), *_unlike(zones, rows, terrain=asked.field is None)),
        figures=tuple(Figure(strata_svg(own, colour, f"{zone}: cover by stratum 分层植被覆盖度"), Text(zone, zone)) for zone, own in lines.items()),
        notes=(
            Text(
                "Columns on a reference compare a stratum with the same stratum of the reference. A cell that two strata share counts in both by its parts. "
                "Trends, recovery, years of change and land cover of each stratum are in the files ..._by_stratum.csv.",
                "与参照区对比的各列，均与参照区的同一分层相比。跨两个分层的像元按各自部分计入。"
                "各分层的趋势、恢复、变化年份与土地覆盖见 ..._by_stratum.csv 各文件。",
            ),
        ),
        tables=(Shown("strata_by_zone", HEADINGS, [r for r in rows if number(r["area_km2"])]),),
    )


def _of_zone(zone: str, own: list[Line], rows: list[dict[str, str]]) -> Text:
    """Return which strata a zone has, and their cover in the first and the last year that have it."""
    shares = {r["stratum"]: number(r["share_pct"]) or 0.0 for r in rows if r["zone"] == zone}
    parts = []
    for line in own:
        share, name = per_cent(shares.get(line.stratum, 0.0)), named(line.stratum)
        known = [(year, value) for year, value in zip(line.years, line.cover, strict=True) if value == value]
        cover = Text("", "")
        if known:
            told = [known[0], known[-1]] if len(known) > 1 else known
            en = " and ".join(f"{rounded(value)} % in {year}" for year, value in told)
            cover = Text(f", cover {en}", "，" + "、".join(f"{year} 年覆盖度 {rounded(value)}%" for year, value in told))
        parts.append(Text(f"{name.en} {share.en}{cover.en}", f"{name.zh} {share.zh}{cover.zh}"))
    text = joined(parts, Text("; ", "；"))
    return Text(f"{zone}: {text.en}.", f"{zone}：{text.zh}。")


def _unlike(zones: Zones, rows: list[dict[str, str]], *, terrain: bool) -> list[Text]:
    """Return a sentence for each zone with strata that its reference does not have."""
    has: dict[str, list[str]] = {}
    for r in rows:
        if number(r["area_km2"]):
            has.setdefault(r["zone"], []).append(r["stratum"])
    out = []
    for zone, own in has.items():
        references = zones.references[zone]
        alike = {stratum for name in references for stratum in has.get(name, [])}
        divided = terrain or not any(has.get(name) == [UNKNOWN] for name in references)  # a reference without landforms stands for every stratum
        if references and divided and (alone := [named(stratum) for stratum in own if stratum not in alike and stratum != UNKNOWN]):
            text = joined(alone, Text(", ", "、"))
            en = f"{zone}: its reference has no {text.en}, so that these are compared with nothing and have no rows of recovery."
            out.append(Text(en, f"{zone}：其参照区没有{text.zh}，因此这些分层没有可比对象，也没有恢复的行。"))
    return out


def _hole(zone: str, share: float, *, terrain: bool) -> Text:
    told = per_cent(share)
    if terrain:
        return Text(f"{zone}: {told.en} of it has no slope, as elevations are missing there or beside.", f"{zone}：{told.zh} 因该处或邻近缺高程而无坡度。")
    return Text(f"{zone}: of {told.en} of it the file names no landform.", f"{zone}：文件未给出其 {told.zh} 的地貌。")
