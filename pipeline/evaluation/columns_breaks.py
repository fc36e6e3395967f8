"""Columns of breaks_by_zone.csv and break_years_by_zone.csv that no other table has."""

from __future__ import annotations

from pipeline.column import AREA, COVER, SHARE, SLOPE, WHOLE, Column, P

BREAKS = (
    Column("break_method", "", "lines (two straight lines with a jump) or levels (two means)", "lines（两条带跳变的直线）或 levels（两个均值）"),
    Column("shown_at", "", "p up to which a break, a disturbance or a recovery is shown", "显示突变、扰动或恢复的 p 值上限", P),
    Column("n_least", "", "Years with a value that a break needs at least to be shown", "突变能够显示所需的最少有值年数", WHOLE),
    Column(
        "pettitt_year",
        "",
        "First year after the change point of Pettitt's test of the zone's mean, whatever its p",
        "分区均值 Pettitt 检验变点之后的首年（不论 p 值）",
        WHOLE,
    ),
    Column(
        "pettitt_p",
        "",
        "p of Pettitt's test, by orders of the values; a trend gives a small p too",
        "Pettitt 检验的 p 值（按数值的排列）；单纯的趋势也会使 p 变小",
        P,
    ),
    Column("break_year", "", "First year after the break of the zone's mean, whatever its p", "分区均值突变之后的首年（不论 p 值）", WHOLE),
    Column("break_step", "", "Line after minus line before, in the first year after the break", "突变后首年两条直线之差（后减前）", COVER),
    Column("break_p", "", "p of the two lines against one, by orders of the residuals", "两条直线相对一条直线的 p 值（按残差的排列）", P),
    Column("slope_before", "1/year", "Slope of the line before the break", "突变前直线的斜率", SLOPE),
    Column("slope_after", "1/year", "Slope of the line after the break", "突变后直线的斜率", SLOPE),
    Column("disturbance_year", "", "Year of disturbance of the zone's mean; empty where none is shown", "分区均值的扰动年份；未显示则为空", WHOLE),
    Column("disturbance_step", "", "Fall at the disturbance", "扰动处的下降", COVER),
    Column("disturbance_p", "", "p of its break", "其突变的 p 值", P),
    Column("recovery_year", "", "Year in which the zone's mean began to recover; empty where none is shown", "分区均值开始恢复的年份；未显示则为空", WHOLE),
    Column(
        "recovery_by",
        "",
        "break: recovery begins at a break of its own; disturbance: values rise from the year of disturbance on",
        "break：恢复始于另一处突变；disturbance：自扰动年份起上升",
    ),
    Column("recovery_p", "", "p of that break, or of the rise (Mann-Kendall)", "该突变或上升（Mann-Kendall）的 p 值", P),
    Column("tested_pct", "%", "Share of the zone's area whose cells have n_least years with a value", "像元有值年数达到 n_least 的面积占分区的比例", SHARE),
    Column(
        "disturbed_pct",
        "%",
        "Share of the tested area whose cells show a disturbance; in break_years_by_zone one in that year",
        "受检面积中显示扰动的比例；break_years_by_zone 中为该年的扰动",
        SHARE,
    ),
    Column("disturbance_usual", "", "Year of disturbance of most area", "面积最大的扰动年份", WHOLE),
    Column("disturbance_usual_pct", "%", "Share of the tested area that was disturbed in it", "该年扰动面积占受检面积的比例", SHARE),
    Column("disturbance_median", "", "Median year of disturbance of the disturbed area", "受扰动面积的扰动年份中位数", "0.0"),
    Column(
        "recovering_pct",
        "%",
        "Share of the tested area whose cells show a recovery; in break_years_by_zone one that began in that year",
        "受检面积中显示恢复的比例；break_years_by_zone 中为该年开始的恢复",
        SHARE,
    ),
    Column("recovery_usual", "", "Year of recovery of most area", "面积最大的恢复起始年份", WHOLE),
    Column("recovery_usual_pct", "%", "Share of the tested area in which recovery began in it", "该年开始恢复的面积占受检面积的比例", SHARE),
    Column("recovery_median", "", "Median year in which recovery began", "恢复起始年份的中位数", "0.0"),
    Column("one_line", "", "Value of the one straight line through the zone's mean", "分区均值单一直线的值", COVER),
    Column("two_lines", "", "Value of the two lines with a jump, shown or not", "两条带跳变直线的值（不论是否显示）", COVER),
    Column("disturbed_km2", "km2", "Area disturbed in that year", "该年受扰动的面积", AREA),
    Column("recovering_km2", "km2", "Area whose recovery began in that year", "该年开始恢复的面积", AREA),
)
