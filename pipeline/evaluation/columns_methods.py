"""Columns of summary/methods.csv and summary/methods_effects.csv that no other table has."""

from __future__ import annotations

from pipeline.column import COVER, WHOLE, Column

METHODS = (
    Column(
        "method",
        "",
        "Set of restoration measures of the zone, sorted, joined by +; zones of all mines with the same set are together",
        "分区修复措施的集合（排序后以 + 连接）；各矿区措施相同的分区合并",
    ),
    Column("method_zones", "", "Zones with exactly these measures", "采用且仅采用这些措施的分区数", WHOLE),
    Column(
        "zones_used",
        "",
        "Zones with a position (of the score: with a score), of which its mean, interval and effects are made; value is the mean of every zone that has one",
        "有位置（得分行：有得分）的分区数，其均值、区间和效应由此计算；value 为所有有值分区的均值",
        WHOLE,
    ),
    Column(
        "indicator",
        "",
        "cover, gain, completeness, stability, trend_shares, relative_trend: docs/methods-compared.md; score: mean of the positions with the weights",
        "cover 覆盖度、gain 增益、completeness 完整度、stability 稳定性、trend_shares 趋势面积比例、relative_trend 相对趋势；score 得分：按权重的位置平均",
    ),
    Column("unit", "", "Unit of value, low and high; 0..1 is cover (or NDVI, by variable)", "value、low、high 的单位；0..1 为覆盖度（或按 variable 为 NDVI）"),
    Column(
        "position",
        "",
        "Place of the value between the state before restoration (0) and the reference (1); not cut off",
        "该值在修复前状态（0）与对照（1）之间的位置；不截断",
        COVER,
    ),
    Column("position_low", "", "Lower end of its t interval over zones, nominal 90 %", "其按分区计算的 t 区间下限，名义 90 %", COVER),
    Column("position_high", "", "Upper end of its t interval over zones", "其按分区计算的 t 区间上限", COVER),
    Column("weight", "", "Weight of the indicator in the score, of 1 in all; empty: not in the score", "该指标在得分中的权重，总和为 1；空：不计入得分", COVER),
    Column("rank", "", "Rank of the method by its score, 1 the best", "方法按得分的名次，1 为最好", WHOLE),
    Column("rank_low", "", "Best rank in its interval by bootstrap over zones, nominal 90 %", "按分区自助法的名次区间中最好的名次，名义 90 %", WHOLE),
    Column("rank_high", "", "Worst rank in its interval", "名次区间中最差的名次", WHOLE),
    Column("restoration_measure", "", "Restoration measure, as configured", "配置中给出的修复措施"),
    Column("with_measure", "", "Second measure of a pair; empty: effect of the first alone", "成对措施中的另一项；空：单项措施的效应"),
    Column(
        "identified",
        "",
        "yes: the zones compared tell the effect; no: note says what it cannot be told from",
        "yes：所比较的分区能够识别该效应；no：原因见 note",
    ),
    Column("effect", "", "Effect on the position (or score): of a pair beyond the sum of both", "对位置（或得分）的效应：成对措施为超出两者之和的部分", COVER),
    Column("effect_low", "", "Lower end of its t interval, nominal 90 %", "其 t 区间下限，名义 90 %", COVER),
    Column("effect_high", "", "Upper end of its t interval", "其 t 区间上限", COVER),
    Column("zones_given", "", "Of them with the measure, or with both", "其中采用该措施（或两项均采用）的分区数", WHOLE),
)
