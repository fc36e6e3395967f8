"""COLUMNS: what each column of the CSV tables means, in English and Chinese; it feeds tables.xlsx and docs/columns.md."""

from __future__ import annotations

from pipeline.column import AREA as AREA
from pipeline.column import COVER, SHARE, SLOPE, P
from pipeline.column import TEXT as TEXT
from pipeline.column import WHOLE as WHOLE
from pipeline.column import Column as Column
from pipeline.evaluation.columns_breaks import BREAKS
from pipeline.evaluation.columns_climate import CLIMATE
from pipeline.evaluation.columns_footprint import FOOTPRINT, WATER
from pipeline.evaluation.columns_landcover import LANDCOVER
from pipeline.evaluation.columns_methods import METHODS
from pipeline.evaluation.columns_recovery import RECOVERY
from pipeline.evaluation.columns_strata import STRATA

_ALL = (
    Column("mine", "", "Id of the mine", "矿区代号"),
    Column("title", "", "Title of the mine", "矿区名称"),
    Column("sensor", "", "Id of the sensor in the config", "配置中的传感器代号"),
    Column("synthetic", "", "yes: made by the software, not observed; no", "yes：软件生成的合成数据，非观测；no：否"),
    Column("variable", "", "Variable of the trend: fvc (cover) or ndvi", "趋势变量：fvc（植被覆盖度）或 ndvi"),
    Column(
        "target",
        "",
        "What the trend is of: absolute (the pixel itself), or relative (the pixel minus the mean of its zone's reference)",
        "趋势对象：absolute（像元本身）或 relative（像元减去其分区对照区的均值）",
    ),
    Column(
        "level",
        "",
        "zone: one zone; role: all zones of a role together; mine: all zones that are no reference, ground in several of them counted once",
        "zone：单个分区；role：同一角色的全部分区合计；mine：对照区以外的全部分区，重叠地面只计一次",
    ),
    Column("zone", "", "Name of the zone; empty where several zones are together", "分区名称；多区合计的行为空"),
    Column("role", "", "Role of the zone", "分区的角色"),
    Column("year", "", "Year in which the season starts; of a land-cover map its year", "季节开始的年份；土地覆盖图为其年份", WHOLE),
    Column("first_year", "", "First year of the period, or of those compared", "时段首年，或所比较的首年", WHOLE),
    Column("last_year", "", "Last year of the period, or of those compared", "时段末年，或所比较的末年", WHOLE),
    Column("from_year", "", "Earlier year of the pair", "两年中的前一年", WHOLE),
    Column("to_year", "", "Later year of the pair", "两年中的后一年", WHOLE),
    Column(
        "years_used", "", "Years in the zone's series; one with less than half of the zone's land falls out", "参与分区序列的年份；有效陆地不足一半的年份不用"
    ),
    Column("test", "", "Test of the trend", "趋势检验方法"),
    Column("scheme", "", "Class scheme: five, seven or nine", "分级方案：five、seven 或 nine"),
    Column(
        "code", "", "Code of the class in the class raster, or in the land-cover map (-1: no data)", "类别在分级栅格或土地覆盖图中的编码（-1 为无数据）", WHOLE
    ),
    Column("class_id", "", "Id of the class", "类别代号"),
    Column("class", "", "Name of the class", "类别名称"),
    Column("group", "", "Group of classes", "类别组"),
    Column("zones", "", "Number of the mine's zones that are no reference", "矿区中对照分区以外的分区数", WHOLE),
    Column(
        "area_km2",
        "km2",
        "True ground area: of the class or group in the zone; in fvc_by_zone of the zone; in mines of the zones that are no reference",
        "实地面积：该类或组在分区内的面积；fvc_by_zone 中为分区面积；mines 中为对照分区以外各分区的面积",
        AREA,
    ),
    Column("area_ha", "ha", "The same area in hectares", "同一面积，以公顷计", AREA),
    Column(
        "area_low_km2",
        "km2",
        "Lower bound of the area without error of NDVI, endmembers and no_change in their ranges (nominal 90 % by default)",
        "无 NDVI 误差时面积的下限，端元和 no_change 在其范围内（默认名义 90 %）",
        AREA,
    ),
    Column(
        "area_high_km2",
        "km2",
        "Upper bound of the area without error of NDVI, endmembers and no_change in their ranges (nominal 90 % by default)",
        "无 NDVI 误差时面积的上限，端元和 no_change 在其范围内（默认名义 90 %）",
        AREA,
    ),
    Column("share_pct", "%", "Share of the zone's area; in tables by stratum of the stratum's", "占分区面积的比例；分层表中为占该层面积的比例", SHARE),
    Column(
        "share_valid_pct",
        "%",
        "Share of the zone's area (in tables by stratum of the stratum's) without water, zones too small and insufficient data; of land cover without no data",
        "占分区（分层表中为该层）扣除水体、面积过小和数据不足后面积的比例；土地覆盖为扣除无数据",
        SHARE,
    ),
    Column(
        "share_reference_pct",
        "%",
        "share_pct of the zone's reference zones together: of their whole area, with water and insufficient data",
        "对照分区合计的 share_pct：占其全部面积的比例，含水体和数据不足",
        SHARE,
    ),
    Column(
        "p_min",
        "",
        "Smallest p that the number of years of most of the zone, or of its series, can reach; in mines of the zones with most of the area",
        "分区多数像元或分区序列的年数所能达到的最小 p 值；mines 中为占面积最多的分区的值",
        P,
    ),
    Column(
        "testable_pct",
        "%",
        "Share of the zone's tested area whose own number of valid years can reach the p of the class; 0: the class cannot occur",
        "分区受检面积中，其自身有效年数足以达到该类别 p 值的比例；0 表示该类别不可能出现",
        SHARE,
    ),
    Column(
        "area_q_km2",
        "km2",
        "Area of the class with q (p adjusted for the number of cells tested in the zone, Benjamini-Hochberg) in place of p; empty where control says why. "
        "A class that is not significant takes in what q does not confirm, and may exceed area_km2",
        "以 q（按分区受检像元数作 Benjamini-Hochberg 校正的 p）代替 p 时该类别的面积；为空时原因见 control。不显著的类别会计入 q 未确认的面积，可大于 area_km2",
        AREA,
    ),
    Column("q_min", "", "Smallest q that the zone's cells could reach, if every cell had the smallest p of its years", "分区像元所能达到的最小 q 值", P),
    Column(
        "control",
        "",
        "controlled: area_q_km2 is given; not testable: no q can reach the level of the class; reference: never in a family of tests",
        "controlled：给出 area_q_km2；not testable：任何 q 都达不到该类别的水平；reference：对照区不参与多重检验",
    ),
    Column(
        "fvc_mean", "", "Mean cover (0 to 1) of the year's valid cells, weighted by ground area", "当年有效像元的平均覆盖度（0 至 1），按实地面积加权", COVER
    ),
    Column("fvc_mean_common", "", "Mean cover of the cells valid in every year that has any", "在所有有数据年份均有效的像元的平均覆盖度", COVER),
    Column("fvc_median", "", "Median cover, weighted by ground area", "覆盖度中位数，按实地面积加权", COVER),
    Column("fvc_sd", "", "Standard deviation of cover over the zone's cells", "分区像元覆盖度的标准差", COVER),
    Column(
        "ndvi_mean", "", "Mean NDVI of the valid cells; in zone_by_scene of the clear land", "有效像元的平均 NDVI；zone_by_scene 中为晴空陆地的平均值", COVER
    ),
    Column("valid_pct", "%", "Share of the zone that is valid in the year", "当年有效面积占分区的比例", SHARE),
    Column(
        "common_pct",
        "%",
        "Share of the zone valid in every year that has any; in tables of a series (trend, recovery, weather, breaks) in all years used, whose mean it is",
        "在所有有数据年份均有效的面积占分区的比例；序列的表（趋势、恢复、气候、突变）中为所用各年：其均值即该部分的均值",
        SHARE,
    ),
    Column(
        "water_pct",
        "%",
        "Share of the zone that is water in the year; in mines of the zones that are no reference, in the period",
        "当年水体占分区的比例；mines 中为时段内水体占对照以外各分区的比例",
        SHARE,
    ),
    Column(
        "masked_pct",
        "%",
        "Masked share of what the scenes showed of the zone; in zone_by_scene of the zone's area",
        "影像所见分区中被掩膜的比例；zone_by_scene 中为占分区面积的比例",
        SHARE,
    ),
    Column(
        "clamped_pct", "%", "Share of the valid area whose cover was below 0 or above 1 before clamping", "截断前覆盖度小于 0 或大于 1 的有效面积比例", SHARE
    ),
    Column("clear_mean", "", "Mean number of clear observations", "晴空观测的平均次数", "0.00"),
    Column("doy_mean", "day of year", "Mean day of year of the clear observations", "晴空观测的平均年积日", "0.0"),
    Column("fvc_from", "", "Mean cover in the earlier year over the cells valid in both", "前一年的平均覆盖度（两年均有效的像元）", COVER),
    Column("fvc_to", "", "Mean cover in the later year over the cells valid in both", "后一年的平均覆盖度（两年均有效的像元）", COVER),
    Column("change_points", "percentage points", "Change of mean cover", "平均覆盖度的变化（百分点）", SHARE),
    Column("change_pct", "%", "Change relative to the earlier year", "相对前一年的变化", SHARE),
    Column("reference_change_points", "percentage points", "Change of the reference zones together", "对照分区合计的变化（百分点）", SHARE),
    Column(
        "valid_both_pct",
        "%",
        "Share of the zone that is valid in both years; in mines of the zones that are no reference",
        "两年均有效的面积占分区的比例；mines 中为占对照以外各分区的比例",
        SHARE,
    ),
    Column(
        "slope",
        "1/year",
        "Theil-Sen slope of the zone's mean series; in reference_by_zone of the reference's",
        "分区均值序列的 Theil-Sen 斜率；reference_by_zone 中为对照区的",
        SLOPE,
    ),
    Column("slope_low", "1/year", "Lower end of the slope's interval", "斜率区间下限", SLOPE),
    Column("slope_high", "1/year", "Upper end of the slope's interval", "斜率区间上限", SLOPE),
    Column("s", "", "Mann-Kendall S", "Mann-Kendall 统计量 S", WHOLE),
    Column("tau", "", "Kendall's tau-a", "Kendall tau-a 相关系数", "0.0000"),
    Column("p", "", "Two-sided p of the Mann-Kendall test of the mean series", "均值序列 Mann-Kendall 检验的双侧 p 值", P),
    Column("n", "", "Number of years used", "所用年数", WHOLE),
    Column(
        "slope_mean",
        "1/year",
        "Mean slope of the zone's pixels in the trend raster; of monthly values with a test of these, while every p of the row is of yearly values",
        "趋势栅格中分区像元的平均斜率；采用月值检验时为月值的斜率，而该行各 p 值均取自年值",
        SLOPE,
    ),
    Column("change_mean", "", "Mean over pixels of last minus first year, before clamping", "像元末年减首年的平均值（截断前）", COVER),
    Column(
        "s_zero_pct",
        "%",
        "Share of the tested area with S = 0 in the trend raster; of monthly values with a test of these",
        "趋势栅格中 S = 0 的面积占受检面积的比例；采用月值检验时为月值的 S",
        SHARE,
    ),
    Column("s_mean", "", "Mean Mann-Kendall S of the zone's cells, weighted by area", "分区像元 S 的面积加权平均", "0.0000"),
    Column(
        "rising_pct",
        "%",
        "Share of the area of the cells with at least 3 values in the years used that rises from each of its values to the next",
        "在所用各年中至少有 3 个值的像元中，逐值持续上升者所占面积比例",
        SHARE,
    ),
    Column(
        "falling_pct",
        "%",
        "Share of the area of the cells with at least 3 values in the years used that falls from each of its values to the next",
        "在所用各年中至少有 3 个值的像元中，逐值持续下降者所占面积比例",
        SHARE,
    ),
    Column(
        "p_s_mean",
        "",
        "p of s_mean when whole years of all cells change places together",
        "整年（全部像元一起）置换时 s_mean 的 p 值",
        P,
    ),
    Column("p_monotone", "", "The same of the larger of rising_pct and falling_pct", "rising_pct 与 falling_pct 中较大者的同样 p 值", P),
    Column("p_slope_mean", "", "The same of the mean slope of the cells", "像元平均斜率的同样 p 值", P),
    Column("p_joint_min", "", "Smallest p that the orders of the years can give", "年份置换所能给出的最小 p 值", P),
    Column(
        "orders",
        "",
        "Number of orders of the years looked at: all up to 7 years, 9999 drawn above",
        "所考察的年份排列数：7 年以内为全部，以上抽取 9999 个",
        WHOLE,
    ),
    Column("reference", "", "Names of the reference zones", "对照分区名称"),
    Column("mean", "", "Mean of the reference over its years", "对照区各年均值的平均", COVER),
    Column(
        "beyond_pct",
        "%",
        "Share of the reference's area and years whose cover before clamping is 1 or more: NDVI of closed vegetation or beyond",
        "对照区面积与年份中截断前覆盖度不小于 1（NDVI 达到或超过全植被）的比例",
        SHARE,
    ),
    Column("zone_slope", "1/year", "Theil-Sen slope of the zone's own mean series over the same years", "同样年份分区自身均值序列的 Theil-Sen 斜率", SLOPE),
    Column(
        "b",
        "",
        "How the zone swings with its reference: b of zone = a + c year + b reference; 1: as the reference does",
        "分区随对照区波动的系数 b（分区 = a + c 年 + b 对照）；1 表示同幅波动",
        "0.00",
    ),
    Column("b_low", "", "Lower end of the 90 % interval of b", "b 的 90% 区间下限", "0.00"),
    Column("b_high", "", "Upper end of the 90 % interval of b", "b 的 90% 区间上限", "0.00"),
    Column("datetime", "", "Time of the scene, UTC; of a composite its year", "影像时间（UTC）；合成影像为年份"),
    Column("item", "", "Id of the scene in the catalogue, or the composite", "目录中的影像代号，或合成影像"),
    Column("clear_pct", "%", "Clear share of the zone's area in the scene", "影像中晴空面积占分区的比例", SHARE),
    Column("offset", "reflectance", "Radiometric offset that was added", "所加的辐射偏移量", "0.0000"),
    Column("scenes", "", "Number of scenes that show the zone and its reference", "同时覆盖分区及其对照的影像数", WHOLE),
    Column("reference_masked_pct", "%", "Masked share of what the same scenes showed of the reference", "同一批影像所见对照分区中被掩膜的比例", SHARE),
    Column("ratio", "", "masked_pct divided by reference_masked_pct", "masked_pct 与 reference_masked_pct 之比", "0.00"),
    Column("warning", "", "What to beware of; in masked_by_zone where the ratio is above 1.5", "需要注意的事项；masked_by_zone 中为比值大于 1.5"),
    Column("variant", "", "base: the analysis as configured; else the one choice that differs", "base：按配置的分析；其余为所改变的一项选择"),
    Column("choice", "", "The variant in words", "变体说明"),
    Column("computed", "", "yes, or no: note says why, and the numbers are empty", "yes（已计算）或 no（未计算，原因见 note，数值为空）"),
    Column("soil_ndvi", "", "NDVI of bare ground that cover is formed with", "计算覆盖度所用的裸土 NDVI", COVER),
    Column("vegetation_ndvi", "", "NDVI of closed vegetation that cover is formed with", "计算覆盖度所用的全植被 NDVI", COVER),
    Column("increase_pct", "%", "Share of the zone whose cover increases, significantly or not", "覆盖度增加（显著与否）的面积占分区的比例", SHARE),
    Column("decrease_pct", "%", "Share of the zone whose cover decreases, significantly or not", "覆盖度减少（显著与否）的面积占分区的比例", SHARE),
    Column(
        "significant_or_slight_increase_pct",
        "%",
        "Share of the zone with an increase that is at least slightly significant",
        "至少轻微显著增加的面积占分区的比例",
        SHARE,
    ),
    Column(
        "significant_or_slight_decrease_pct",
        "%",
        "Share of the zone with a decrease that is at least slightly significant",
        "至少轻微显著减少的面积占分区的比例",
        SHARE,
    ),
    Column("no_change_pct", "%", "Share of the zone without change", "无变化的面积占分区的比例", SHARE),
    Column("insufficient_pct", "%", "Share of the zone with insufficient data", "数据不足的面积占分区的比例", SHARE),
    Column(
        "net_pct",
        "%",
        "increase_pct minus decrease_pct; empty where no cell has a class",
        "increase_pct 减 decrease_pct；没有任何像元可分级时为空",
        SHARE,
    ),
    Column("variants", "", "Number of variants beside base that could be computed", "除 base 外已计算的变体数", WHOLE),
    Column(
        "change_robust",
        "",
        "yes: change_points has the same sign, not zero, in base and every computed variant; empty: no variant could be computed",
        "yes：change_points 在 base 与所有已计算变体中符号相同且不为零；空：没有可计算的变体",
    ),
    Column("net_robust", "", "The same of net_pct", "net_pct 的同样判断"),
    Column("note", "", "Why a variant was not computed, or what to know of it", "未计算的原因，或需要说明的事项"),
    Column("asset", "", "File of the item, as the catalogue calls it; of a composite the band", "目录中影像文件的名称；合成影像为波段"),
    Column("increase_pct", "%", "Share of the zones' area with an increase, significant or not", "增加（无论显著与否）的面积占各分区面积的比例", SHARE),
    Column("decrease_pct", "%", "Share of the zones' area with a decrease, significant or not", "减少（无论显著与否）的面积占各分区面积的比例", SHARE),
    Column("no_change_pct", "%", "Share of the zones' area without change", "无变化的面积占各分区面积的比例", SHARE),
    Column(
        "insufficient_pct", "%", "Share of the zones' area with insufficient data, or in zones too small", "数据不足或分区过小的面积占各分区面积的比例", SHARE
    ),
    Column(
        "significant_or_slight_increase_pct",
        "%",
        "Share of the zones' area with a significant or slightly significant increase",
        "显著或轻微显著增加的面积占各分区面积的比例",
        SHARE,
    ),
    Column(
        "significant_or_slight_decrease_pct",
        "%",
        "Share of the zones' area with a significant or slightly significant decrease",
        "显著或轻微显著减少的面积占各分区面积的比例",
        SHARE,
    ),
    Column("warnings", "", "Number of warnings in run.json, of the whole mine", "run.json 中整个矿区的警告数", WHOLE),
    Column("report", "", "Path of the report, relative to the table", "报告的路径（相对于本表）"),
    Column("status", "", "read or dropped", "read（已读取）或 dropped（未采用）"),
    Column("reason", "", "Why it was dropped, or how its offset was decided", "未采用的原因，或偏移量的判定依据"),
)
COLUMNS: dict[str, Column] = {
    c.name: c
    for c in (
        *_ALL,
        *FOOTPRINT,
        *WATER,
        *RECOVERY,
        *STRATA,
        *CLIMATE,
        *BREAKS,
        *LANDCOVER,
        *METHODS,
    )
}
