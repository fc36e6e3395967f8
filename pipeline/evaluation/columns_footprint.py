"""Columns of footprint_by_year.csv and pit_lakes_by_zone.csv that no other table has."""

from __future__ import annotations

from pipeline.column import AREA, SHARE, WHOLE, Column

FOOTPRINT = (
    Column(
        "kind",
        "",
        "excavated: bare ground that hangs together with the mine's boundary; affected: poor ground around it, excavated ground not counted; "
        "national_affected: of all mines of the country, by production",
        "excavated：与矿界相连的裸地（挖损）；affected：其周围植被较差的土地（不含挖损）；national_affected：按产量推算的全国全部矿山影响面积",
    ),
    Column("possible_km2", "km2", "Area if every cell without a value belonged to it", "若全部无值像元都属于该类时的面积", AREA),
    Column("cut", "", "yes: it may go on outside of the raster, so that the area is a lower bound", "yes：可能延伸到栅格之外，面积为下限"),
    Column("polygons", "", "File of the user's polygons of that year", "该年用户多边形文件"),
    Column("polygons_km2", "km2", "Ground area of these polygons", "这些多边形的实地面积", AREA),
    Column("iou", "", "Intersection over union of the footprint and the polygons, by ground area", "足迹与多边形的交并比（按实地面积）", "0.000"),
)
WATER = (
    Column("lakes", "", "Number of lakes: patches of water in the zone", "湖泊数：分区内的连片水体", WHOLE),
    Column("lakes_km2", "km2", "Area of the lakes", "湖泊面积", AREA),
    Column("largest_km2", "km2", "Area of the largest lake; empty without one", "最大湖泊的面积；无湖泊时为空", AREA),
    Column("water_km2", "km2", "Area of all water of the zone, patches too small for a lake included", "分区全部水体面积，含面积不足的水面", AREA),
    Column("unknown_km2", "km2", "Area without a clear observation that year", "该年无晴空观测的面积", AREA),
    Column("water_low_pct", "%", "Share of water in the zone with unknown cells as land", "水体占分区的比例（未知像元视为陆地）", SHARE),
    Column("water_high_pct", "%", "The same with unknown cells as water", "同上（未知像元视为水体）", SHARE),
    Column(
        "succession",
        "",
        "terrestrial, mixed or aquatic by the share of water and the configured bounds; empty without bounds or where unknown cells leave it open",
        "按水体比例和所配置界限的演替类型：terrestrial 陆生、mixed 混合、aquatic 水生；未给界限或未知像元使其不定时为空",
    ),
)
