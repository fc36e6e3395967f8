"""Columns of recovery_by_zone.csv and control_balance_by_zone.csv that no other table has."""

from __future__ import annotations

from pipeline.column import COVER, SHARE, WHOLE, Column

RECOVERY = (
    Column("restored", "", "Year or month in which restoration of the zone ended, as configured", "配置中给出的分区修复结束年或月"),
    Column(
        "measure",
        "",
        "difference (zone minus reference), ratio, r80p (ratio over the share that counts as recovered), completeness, gap_closed, baci (contrast of "
        "zone minus reference, after minus before), baci_matched (against matched cells), years_to_recovery (from `year`, there the first season not before "
        "restoration and not the year reached, to the first season at the share); ..._with_partial: partial seasons counted",
        "difference（区减参照区）、ratio（比值）、r80p（比值除以视为恢复的比例）、completeness（完成度）、gap_closed（差距缩小比例）、baci（前后—对照—影响对比）、"
        "baci_matched（与匹配像元对比）、"
        "years_to_recovery（恢复所需年数：自 year，即不早于修复的首个季节而非达到的年份，至首个达到该比例的季节）；..._with_partial 计入部分季节",
    ),
    Column(
        "phase",
        "",
        "before restoration, partial (first season after it, or the season in which it ended), after, works (works went on), earlier (ahead of before_years); "
        "empty without a date",
        "before 修复前、partial 部分季节（修复结束所在季节或其后首季）、after 修复后、works 施工中、earlier 早于 before_years；无日期时为空",
    ),
    Column("zone_value", "", "Mean of the zone that year, in the variable", "该年分区均值（按变量）", COVER),
    Column("reference_value", "", "Mean of its reference that year, in the variable", "该年参照区均值（按变量）", COVER),
    Column(
        "value",
        "",
        "The measure; years for years_to_recovery; in methods the indicator or score",
        "该度量的值；years_to_recovery 为年数；methods 中为指标或得分",
        COVER,
    ),
    Column("low", "", "Lower end of its interval; of years_to_recovery the earliest possible", "区间下限；years_to_recovery 为可能的最早值", COVER),
    Column("high", "", "Upper end of its interval", "区间上限", COVER),
    Column("freedom", "", "Degrees of freedom of the interval", "区间的自由度", SHARE),
    Column("years_before", "", "Years before restoration that have a value", "修复前有值的年数", WHOLE),
    Column("years_after", "", "Years after restoration that have a value", "修复后有值的年数", WHOLE),
    Column("feature", "", "Matched by: NDVI of a year before restoration, or elevation in metres", "匹配所用特征：修复前某年的 NDVI，或海拔（米）"),
    Column("zone_mean", "", "Its mean over the restored cells", "修复像元的均值", COVER),
    Column("reference_mean", "", "Its mean over all cells of the reference", "参照区全部像元的均值", COVER),
    Column("controls_mean", "", "Its mean over the matched cells", "匹配像元的均值", COVER),
    Column("smd_before", "", "Standardised mean difference before matching", "匹配前的标准化均值差", COVER),
    Column("smd_after", "", "Standardised mean difference after matching, by the same spread", "匹配后的标准化均值差（同一离散度）", COVER),
    Column("cells", "", "Restored cells", "修复像元数", WHOLE),
    Column("cells_left_out", "", "Of them left out, as a year before restoration or the elevation lacks", "其中因修复前某年或海拔缺值而略去的像元数", WHOLE),
    Column("controls", "", "Matched cells of each restored cell", "每个修复像元的匹配像元数", WHOLE),
)
