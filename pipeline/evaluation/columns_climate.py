"""Columns of climate_by_zone.csv, climate_peak_by_zone.csv and residual_trend_by_zone.csv that no other table has."""

from __future__ import annotations

from pipeline.column import COVER, SHARE, SLOPE, WHOLE, Column, P

AMOUNT = "0.00"

CLIMATE = (
    Column(
        "quantity",
        "",
        "precipitation (sum of the season), temperature (mean), days_above_0 (days with a mean above 0 degC), degree_days (sum of daily means above 0 degC)",
        "precipitation（季节降水总量）、temperature（季节平均气温）、days_above_0（日均温高于 0 °C 的天数）、degree_days（高于 0 °C 的日均温之和）",
    ),
    Column("quantity_unit", "", "Unit of the quantity: mm, degC, days, degC days", "该量的单位：mm、degC、days（天）、degC days（度日）"),
    Column("first_day", "", "First day that the amount stands for", "所计首日"),
    Column("last_day", "", "Last day that the amount stands for; of monthly values whole months", "所计末日；月值按整月计"),
    Column("amount", "", "The quantity in that season; empty where a day or month is missing", "该季节的数值；缺日或缺月则为空", AMOUNT),
    Column("values_missing", "", "Days or months of the season without a value", "该季节缺值的日数或月数", WHOLE),
    Column("baseline_first", "", "First year that anomalies are measured from", "距平基准期首年", WHOLE),
    Column("baseline_last", "", "Last year that anomalies are measured from", "距平基准期末年", WHOLE),
    Column("baseline_n", "", "Years among these with a value", "基准期内有值的年数", WHOLE),
    Column("baseline_mean", "", "Mean of these years, in the quantity's unit", "基准期均值（单位同该量）", AMOUNT),
    Column("baseline_sd", "", "Their sample standard deviation; empty below 3 years or without spread", "基准期样本标准差；不足 3 年或无差异时为空", AMOUNT),
    Column("anomaly", "", "Amount minus the baseline's mean", "距平：数值减去基准期均值", AMOUNT),
    Column("anomaly_sd", "", "Anomaly divided by the baseline's standard deviation", "标准化距平：距平除以基准期标准差", AMOUNT),
    Column(
        "weather_rank",
        "",
        "Rank of the season, 1 = wettest or warmest; equal ones share the mean of their ranks; in climate_peak_by_zone of the peak year",
        "该季节的名次，1 为最湿或最暖；并列取平均名次；climate_peak_by_zone 中为峰值年的名次",
        "0.0",
    ),
    Column("ranked_years", "", "Years of the run that are ranked", "参与排名的年数", WHOLE),
    Column(
        "peak_year",
        "",
        "Year of the zone's largest mean cover; in landcover_baseline the first year of the class's largest area, empty where it never occurs",
        "分区平均植被覆盖度最大的年份；landcover_baseline 中为该类别面积最大的首个年份，从未出现时为空",
        WHOLE,
    ),
    Column("cover_years", "", "Years with cover", "有植被覆盖度的年数", WHOLE),
    Column(
        "spearman_rho", "", "Spearman's rank correlation of the zone's yearly cover with the quantity", "分区逐年植被覆盖度与该量的 Spearman 秩相关系数", SHARE
    ),
    Column("spearman_p", "", "Its two-sided p by permutation; exact up to 7 years", "其双侧置换检验 p 值；7 年及以内为精确值", P),
    Column("spearman_p_min", "", "Smallest p that so many years can reach", "该年数所能达到的最小 p", P),
    Column("predictors", "", "What the series was regressed on", "回归所用的气候变量"),
    Column(
        "partial_slope",
        "1/year",
        "Theil-Sen slope of the zone's mean series with climate taken out of series and years: the trend beside climate",
        "从序列和年份中同时剔除气候影响后分区均值序列的 Theil-Sen 斜率：气候以外的趋势",
        SLOPE,
    ),
    Column("partial_slope_low", "1/year", "Lower end of its interval, nominal 90 %", "其区间下限（名义 90 %）", SLOPE),
    Column("partial_slope_high", "1/year", "Upper end of its interval, nominal 90 %", "其区间上限（名义 90 %）", SLOPE),
    Column("partial_s", "", "Kendall's S of what climate leaves of the series and of the years", "剔除气候后序列与年份的 Kendall S", WHOLE),
    Column("partial_p", "", "Its two-sided p, for independent normal errors", "其双侧 p 值（按独立正态误差）", P),
    Column(
        "restrend_slope",
        "1/year",
        "Theil-Sen slope of the residuals over the years, as published (RESTREND); too flat where climate has a trend",
        "残差对年份的 Theil-Sen 斜率（RESTREND 原法）；气候自身有趋势时偏平",
        SLOPE,
    ),
    Column("restrend_p", "", "p of the Mann-Kendall test of the residuals, as published", "残差的 Mann-Kendall 检验 p 值（原法）", P),
    Column("climate_r2", "", "Share of the series' variance that climate explains", "气候所解释的序列方差比例", SHARE),
    Column("climate_p", "", "p of the F test of climate beside a linear trend", "线性趋势之外气候的 F 检验 p 值", P),
    Column(
        "time_left",
        "",
        "Share of the years' variance that climate does not explain; near 0 the two cannot be told apart",
        "气候未解释的年份方差比例；接近 0 时两者无法区分",
        COVER,
    ),
    Column("cell_alpha", "", "Level of the test of single cells", "单个像元检验的显著性水平", "0.00"),
    Column("cells_tested_pct", "%", "Share of the zone's area whose cells have the years that the test needs", "像元年数满足检验要求的面积占比", SHARE),
    Column("partial_rising_pct", "%", "Of that, the share whose cells rise beside climate at the level", "其中剔除气候后显著上升的面积占比", SHARE),
    Column("partial_falling_pct", "%", "Of that, the share whose cells fall beside climate at the level", "其中剔除气候后显著下降的面积占比", SHARE),
)
