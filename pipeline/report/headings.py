"""Which columns the tables of the page show, with short headings; units, digits and meanings are those of COLUMNS."""

from __future__ import annotations

from dataclasses import dataclass

from pipeline.columns import COLUMNS
from pipeline.words import Text


@dataclass(frozen=True)
class Heading:
    """One column of a table of the page; `key` is the column of the CSV table."""

    key: str
    en: str
    zh: str

    @property
    def is_text(self) -> bool:
        """Return whether the cells are text."""
        return COLUMNS[self.key].is_text

    @property
    def meaning(self) -> str:
        """Return what the column means, in both languages."""
        return f"{COLUMNS[self.key].meaning} · {COLUMNS[self.key].meaning_zh}"

    def shown(self, text: str) -> str:
        """Return a cell of the CSV table as it is read: the digits of the workbook, a dash for what is not known.

        >>> Heading("share_pct", "share", "占比").shown("12.3456"), Heading("share_pct", "share", "占比").shown(""), Heading("zone", "zone", "区").shown("1e3")
        ('12.35', '–', '1e3')
        """
        if text == "":
            return "–"
        if self.is_text:
            return text
        _, _, decimals = COLUMNS[self.key].format.partition(".")
        return f"{float(text):.{len(decimals)}f}".replace("-0." + "0" * len(decimals), "0." + "0" * len(decimals))


def headings(*rows: tuple[str, str, str]) -> tuple[Heading, ...]:
    """Return columns from their keys and their headings in both languages."""
    return tuple(Heading(*row) for row in rows)


ZONE, ROLE = ("zone", "zone", "分区"), ("role", "role", "角色")
TARGET = ("target", "trend of", "趋势对象")
YEARS = (("first_year", "from", "起"), ("last_year", "to", "止"))
GLANCE_COVER = headings(
    ("fvc_from", "cover at first", "首年覆盖度"),
    ("fvc_to", "cover at last", "末年覆盖度"),
    ("change_points", "net change, points", "净变化，百分点"),
    ("reference_change_points", "reference, points", "参照区，百分点"),
)
SHARE, P_MIN = Heading("share_pct", "share, %", "占比，%"), Heading("p_min", "smallest reachable p", "可达最小 p")
STATUS = {"read": Text("read", "已读取"), "dropped": Text("dropped", "已剔除")}


def variant_text(name: str) -> Text:
    """Return a variant of sensitivity.csv in words.

    >>> variant_text("season_minus_15").en, variant_text("method_p75").zh, variant_text("endmembers_2_98").en
    ('season 15 days earlier', '合成方法 p75', 'endmembers: percentiles 2 and 98')
    """
    if name == "without_first_year":
        return Text("without the first year", "去掉首年")
    if name == "endmembers_fixed":
        return Text("a fixed endmember pair", "固定端元对")
    kind, *rest = name.split("_")
    if kind == "season":
        earlier = rest[0] == "minus"
        return Text(f"season {rest[1]} days {'earlier' if earlier else 'later'}", f"季节{'提前' if earlier else '推后'} {rest[1]} 天")
    if kind == "method":
        return Text(f"composite method {rest[0]}", f"合成方法 {rest[0]}")
    return Text(f"endmembers: percentiles {rest[0]} and {rest[1]}", f"端元：第 {rest[0]} 与 {rest[1]} 百分位")


MEAN = Heading("fvc_mean", "cover, mean", "覆盖度均值")
POINTS = Heading("change_points", "net change, points", "净变化，百分点")
CHANGE = headings(
    ZONE,
    ("from_year", "from", "起"),
    ("to_year", "to", "止"),
    ("fvc_from", "cover before", "前一年覆盖度"),
    ("fvc_to", "cover after", "后一年覆盖度"),
    ("change_points", "change, points", "变化，百分点"),
    ("change_pct", "relative, %", "相对变化，%"),
    ("reference_change_points", "reference, points", "参照区，百分点"),
    ("valid_both_pct", "valid in both, %", "两年均有效，%"),
)
WATER = headings(ZONE, ("year", "year", "年"), ("water_pct", "water, % of the zone", "水体，占分区 %"), ("area_km2", "zone, km2", "分区，km2"))
COVER = headings(
    ZONE,
    ("year", "year", "年"),
    ("fvc_mean", "cover, mean", "覆盖度均值"),
    ("fvc_mean_common", "of cells valid in all years", "各年均有效像元"),
    ("fvc_median", "median", "中位数"),
    ("fvc_sd", "standard deviation", "标准差"),
    ("ndvi_mean", "NDVI, mean", "NDVI 均值"),
    ("valid_pct", "valid, %", "有效，%"),
    ("water_pct", "water, %", "水体，%"),
    ("masked_pct", "masked, %", "掩膜，%"),
    ("clamped_pct", "clamped, %", "截断，%"),
    ("clear_mean", "clear observations", "晴空观测数"),
    ("doy_mean", "day of year", "年积日"),
)
AREA = headings(
    ZONE,
    *YEARS,
    TARGET,
    ("class", "class", "类别"),
    ("area_km2", "area, km2", "面积，km2"),
    ("area_low_km2", "lower bound", "下限"),
    ("area_high_km2", "upper bound", "上限"),
    ("share_pct", "share of the zone, %", "占分区，%"),
    ("share_valid_pct", "share of the area with a trend, %", "占可计算趋势面积，%"),
    ("share_reference_pct", "share of the reference, %", "占参照区，%"),
    ("p_min", "smallest reachable p", "可达最小 p"),
    ("testable_pct", "years can reach it, %", "年数可达，%"),
    ("area_q_km2", "area with q, km2", "以 q 计面积，km2"),
    ("control", "control", "校正"),
)
GROUPS = headings(
    ("level", "level", "级别"),
    ZONE,
    ROLE,
    *YEARS,
    TARGET,
    ("group", "group", "类别组"),
    ("area_km2", "area, km2", "面积，km2"),
    ("share_pct", "share, %", "占比，%"),
    ("share_valid_pct", "share of the area with a trend, %", "占可计算趋势面积，%"),
    ("share_reference_pct", "share of the reference, %", "占参照区，%"),
)
TREND = headings(  # first the columns that a recommended test reads
    ZONE,
    *YEARS,
    TARGET,
    ("p", "p, zone's mean", "p，分区均值"),
    ("p_s_mean", "p, cells together, mean S", "p，全部像元一起，平均 S"),
    ("s", "S, zone's mean", "S，分区均值"),
    ("s_mean", "S, mean of the cells", "S，像元平均"),
    ("slope", "slope of the mean (before clamping), per year", "均值斜率（截断前），每年"),
    ("slope_low", "lower end", "下限"),
    ("slope_high", "upper end", "上限"),
    ("p_min", "smallest reachable p, mean", "可达最小 p，均值"),
    ("slope_mean", "mean of the cells' slopes, per year", "像元斜率均值，每年"),
    ("rising_pct", "rises every year, %", "逐年上升，%"),
    ("falling_pct", "falls every year, %", "逐年下降，%"),
    ("p_monotone", "p, cells together, share that rises or falls every year", "p，全部像元一起，逐年升降比例"),
    ("p_joint_min", "smallest reachable p, cells together", "可达最小 p，全部像元一起"),
)
REFERENCE = headings(
    ZONE,
    *YEARS,
    ("reference", "reference", "参照区"),
    ("years_used", "years used", "所用年份"),
    ("mean", "mean", "均值"),
    ("slope", "its slope, per year", "其斜率，每年"),
    ("p", "its p", "其 p"),
    ("zone_slope", "the zone's slope", "本区斜率"),
    ("beyond_pct", "at or beyond closed vegetation, %", "达到或超过全植被，%"),
    ("b", "swing b", "波动系数 b"),
    ("b_low", "b, low", "b 下限"),
    ("b_high", "b, high", "b 上限"),
)
NET = Heading("net_pct", "rising minus falling, %", "上升减下降，%")
SENSITIVITY = headings(
    ZONE,
    *YEARS,
    ("variant", "variant", "变体"),
    ("choice", "choice", "选择"),
    ("computed", "computed", "已计算"),
    ("from_year", "change from", "变化起始年"),
    ("scenes", "scenes", "影像数"),
    ("soil_ndvi", "soil NDVI", "裸土 NDVI"),
    ("vegetation_ndvi", "vegetation NDVI", "植被 NDVI"),
    ("change_points", "net change, points", "净变化，百分点"),
    ("increase_pct", "rising, %", "上升，%"),
    ("decrease_pct", "falling, %", "下降，%"),
    ("net_pct", "rising minus falling, %", "上升减下降，%"),
    ("note", "note", "备注"),
)
MASKED = headings(
    ZONE,
    ("scenes", "scenes that show it and its reference", "同时覆盖该区及其参照区的影像数"),
    ("masked_pct", "masked, %", "掩膜，%"),
    ("reference_masked_pct", "of the reference, %", "参照区，%"),
    ("ratio", "ratio", "比值"),
)
LEDGER = headings(("item", "item", "影像"), ("datetime", "time", "时间"), ("asset", "file", "文件"), ("status", "status", "状态"), ("reason", "reason", "原因"))
