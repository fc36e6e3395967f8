"""Columns of the tables of land cover that no other table has."""

from __future__ import annotations

from pipeline.column import AREA, SHARE, WHOLE, Column

LANDCOVER = (
    Column("from_code", "", "Code of the land-cover class in the first year; -1: no data", "首年土地覆盖类别编码；-1 为无数据", WHOLE),
    Column("from_class", "", "Name of that class", "该类别名称"),
    Column("to_code", "", "Code of the land-cover class in the last year; -1: no data", "末年土地覆盖类别编码；-1 为无数据", WHOLE),
    Column("to_class", "", "Name of that class", "该类别名称"),
    Column("share_from_pct", "%", "Share of the area that the class had in the first year", "占该类别首年面积的比例", SHARE),
    Column("change_km2", "km2", "Area of the class minus that of the first year", "该类别面积减首年面积", AREA),
    Column(
        "change_low_km2",
        "km2",
        "Least that this change can be, whatever the cells without a code are, of either year",
        "无论两年无编码像元为何类，变化的下限",
        AREA,
    ),
    Column("change_high_km2", "km2", "Most that it can be", "其上限", AREA),
    Column(
        "peak_certain",
        "",
        "yes: no other year can have as much, whatever its cells without a code are; no: one may, or ties",
        "yes：无论无编码像元为何类，其他年份都达不到；no：可能达到或并列",
    ),
)
