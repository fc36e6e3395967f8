"""Templates of what is said of results, in English and Chinese; filled in by `pipeline.words`."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """The same words in two languages; plain text, to be escaped by whoever renders it."""

    en: str
    zh: str


SENTENCES: dict[str, Text] = {
    "no_years": Text("No clear observation of land in {first}-{last}: cover is not known.", "{first}—{last}年无清晰的陆地观测：植被覆盖度未知。"),
    "cover": Text("Cover {values}.", "植被覆盖度：{values}。"),
    "change": Text("From {first} to {last} cover {moved}{over}{reference}.", "{first}—{last}年植被覆盖度{moved}{over}{reference}。"),
    "change_none": Text("No cell has a value in both {first} and {last}: the change is not known.", "没有像元在{first}年和{last}年都有值：变化未知。"),
    "one_year": Text("Only {year} has a value: no change can be formed.", "只有{year}年有值：无法计算变化。"),
    "all_water": Text("Water covers the whole zone in {years}.", "{years}年全区为水体。"),
    "no_observation": Text("No clear observation in {years}.", "{years}年无清晰观测。"),
    "no_land": Text("No clear observation of land in {years}, only of water.", "{years}年无清晰的陆地观测，仅观测到水体。"),
    "partial": Text("Cover is that of the observed part of the land only: {values}.", "植被覆盖度仅代表有观测的陆地部分：{values}。"),
    "partial_many": Text(
        "In {count} of {n} years less than {limit} of the land was observed, least in {year} ({share}).",
        "{n}年中有{count}年观测到的陆地不足{limit}，{year}年最少（{share}）。",
    ),
    "water": Text("Water covers {values}.", "水体面积：{values}。"),
    "slopes": Text(
        "{first}-{last}: {variable} has a rising slope on {up} of {whole}, a falling one on {down}, no change on {flat}{reference}.",
        "{first}—{last}年：{variable}呈上升斜率的面积占{whole}的{up}，下降占{down}，无变化占{flat}{reference}。",
    ),
    "mean": Text(
        "{first}-{last}: the zone's mean {variable} {moved} per year (Theil-Sen, {n} years, {p}{least}){unproven}.",
        "{first}—{last}年：全区平均{variable}每年{moved}（Theil-Sen，{n}年，{p}{least}）{unproven}。",
    ),
    "mean_none": Text(
        "{first}-{last}{less}: {n} years are usable for the zone's mean, too few for its trend.",
        "{first}—{last}年{less}：全区平均值仅{n}年可用，不足以计算趋势。",
    ),
    "classes": Text(
        "{first}-{last}{less}: {up} of {whole} is classed {up_class}{up_means}, {down} {down_class}{down_means}{reference}.",
        "{first}—{last}年{less}：{up_class}{up_means}的面积占{whole}的{up}，{down_class}{down_means}占{down}{reference}。",
    ),
    "verdict": Text(
        "{first}-{last}: the recommended test ({unit}: {test}{yearly}; column {column}, target {target}) gives {p}, {statistic}, {slope} per year: "
        "{found} at {level}.",
        "{first}—{last}年：推荐检验（{unit}：{test}{yearly}；{column} 列，target 为 {target}）：{p}，{statistic}，{slope}：在 {level} 水平上{found}。",
    ),
    "verdict_missing": Text(
        "{first}-{last}: the recommended test ({unit}: {test}{yearly}; column {column}, target {target}) could not be made.",
        "{first}—{last}年：推荐检验（{unit}：{test}{yearly}；{column} 列，target 为 {target}）无法进行。",
    ),
    "verdict_none": Text(
        "{first}-{last}: no test is recommended for {n} years: none finds a trend more often than it errs.",
        "{first}—{last}年：{n}年数据没有推荐的检验：没有检验发现趋势的机会大于出错的机会。",
    ),
    "bounds": Text(
        "{first}-{last}{less}: bounds of the classes' areas from the error of NDVI, the endmembers and the limit of no change: {values}.",
        "{first}—{last}年{less}：考虑 NDVI 误差、端元与“无变化”阈值后各类别面积的范围：{values}。",
    ),
    "joint": Text(
        "{first}-{last}, all cells together{less}{yearly}: when whole years change places, {p_s} for the cells' mean S ({s}); {rising} of the area rises every "
        "year and {falling} falls every year, {p_m}{least}.",
        "{first}—{last}年，全部像元一起{less}{yearly}：整年置换时像元平均 S（{s}）的{p_s}；逐年持续上升的面积占{rising}，持续下降的占{falling}，{p_m}{least}。",
    ),
    "controlled": Text(
        "{first}-{last}: adjusted for the number of cells tested (Benjamini-Hochberg, rate {alpha}), {up} of the zone keeps a rise{less} and {down} a fall.",
        "{first}—{last}年：按受检像元数校正后（Benjamini-Hochberg，错误发现率{alpha}），{up}的面积仍为上升{less}，{down}仍为下降。",
    ),
    "not_testable": Text(
        "{first}-{last}: adjusted for the number of cells tested, no cell can reach {alpha}{less}: the smallest q is {q}. That is no evidence of no change.",
        "{first}—{last}年：按受检像元数校正后，任何像元都达不到{alpha}{less}：最小 q 为 {q}。这并不表示没有变化。",
    ),
    "reference_moves": Text(
        "{first}-{last}: the reference ({names}) has a trend of its own ({moved} per year, {p}): the difference to it holds that too.",
        "{first}—{last}年：参照区（{names}）自身有趋势（每年{moved}，{p}）：与其之差包含该趋势。",
    ),
    "reference_leads": Text(
        "{first}-{last}: slope per year of the reference ({names}) {there} ({p}), of the zone {here}: the slope of the difference is mostly the reference's.",
        "{first}—{last}年：参照区（{names}）斜率为每年{there}（{p}），本区为{here}：两者之差的斜率主要来自参照区。",
    ),
    "reference_green": Text(
        "{first}-{last}: {share} of the reference ({names}) is at or beyond the NDVI of closed vegetation: it may no longer show good and bad years.",
        "{first}—{last}年：参照区（{names}）有{share}达到或超过全植被的 NDVI：可能已不能反映年景好坏。",
    ),
    "reference_swings": Text(
        "{first}-{last}: from year to year the zone swings {b} times as far as its reference ({names}), 90 % interval {low} to {high}: the difference keeps "
        "part of good and bad years.",
        "{first}—{last}年：本区的年际波动为参照区（{names}）的 {b} 倍（90% 区间 {low} 至 {high}）：两者之差仍含部分年景影响。",
    ),
    "reference_apart": Text(
        "{first}-{last}: from year to year the zone does not follow its reference ({names}): b is {b}, 90 % interval {low} to {high}, in step would be 1. The "
        "difference takes in the reference's good and bad years.",
        "{first}—{last}年：本区的年际变化不随参照区（{names}）：b = {b}（90% 区间 {low} 至 {high}；同步为 1）。两者之差带入参照区的年景影响。",
    ),
    "reference_unknown": Text(
        "{first}-{last}: how far the zone swings with its reference ({names}) from year to year is not known: b is {b}, 90 % interval {low} to {high}. Where "
        "it is not 1, the difference keeps part of good and bad years.",
        "{first}—{last}年：本区随参照区（{names}）年际波动的幅度未知：b = {b}（90% 区间 {low} 至 {high}）。若不为 1，两者之差仍含部分年景影响。",
    ),
    "reference_short": Text(
        "{first}-{last}: the reference ({names}) is seen well enough in {n} years only: no trend of the difference to it.",
        "{first}—{last}年：参照区（{names}）仅{n}年观测充分：无法计算与其之差的趋势。",
    ),
    "lake": Text("{first}-{last}: {share} of the zone is classed water and has no trend.", "{first}—{last}年：全区{share}划为水体，不计算趋势。"),
    "insufficient": Text(
        "{first}-{last}: {share} of the zone has too few valid years for a trend{less}.", "{first}—{last}年：全区{share}有效年份不足，无法计算趋势{less}。"
    ),
    "too_small": Text(
        "The zone is too small for this sensor{pixels}: no areas by class are given, and its means hold part of its surroundings.",
        "该区对此传感器而言面积过小{pixels}：不给出各类别面积，平均值中含有部分周围地面。",
    ),
    "beside": Text("{first}-{last} by other sensors: {values}.", "{first}—{last}年其他传感器：{values}。"),
    "one_pair": Text(
        "All have the same endmember pair (NDVI {soil} and {vegetation}): their levels of cover are on one scale, as far as their bands see the same NDVI.",
        "各传感器采用同一端元对（NDVI {soil} 与 {vegetation}）：在其波段 NDVI 一致的前提下，覆盖度为同一尺度。",
    ),
    "own_pairs": Text(
        "Their endmember pairs differ ({pairs}): levels of cover are not on one scale; compare directions.",
        "各传感器端元对不同（{pairs}）：覆盖度高低不可比较；请比较方向。",
    ),
    "edges": Text(
        "A pixel on a zone's outline holds ground of both sides: of what enters the mean of {zone}, {share} is of its surroundings with {sensor}, {least} with "
        "{finest}. The mean of a small zone on coarse pixels may differ from that on fine ones for this alone.",
        "位于分区边界的像元含两侧地面：{zone}的平均值中，{sensor}有{share}来自周围地面，{finest}为{least}。仅此一项即可使小分区在粗像元上的平均值不同于细像元。",
    ),
    "beside_unknown": Text(
        "{first}-{last}: {sensor} has no change of cover to compare with: {values}.", "{first}—{last}年：{sensor}没有可比较的覆盖度变化：{values}。"
    ),
    "unreachable": Text(
        "{first}-{last}: {n} years cannot prove a trend of a cell at {alpha}: smallest reachable {p}, so nothing can be classed {labels}.",
        "{first}—{last}年：{n}年数据无法在{alpha}水平上证明像元的趋势：可达到的最小值{p}，因此不会有面积划为{labels}。",
    ),
    "chance": Text(
        "{first}-{last}: where nothing changes, chance alone brings about {share} of the cells with {n} years to p <= {alpha} in each direction.",
        "{first}—{last}年：即使没有任何变化，{n}年数据中每个方向也约有{share}的像元因偶然达到p <= {alpha}。",
    ),
    "no_p": Text(
        "{first}-{last}: most of the zone has fewer than 3 valid years, from which no p can be formed.",
        "{first}—{last}年：大部分面积有效年份少于3年，无法计算p值。",
    ),
    "sector": Text("{first}-{last}: {label}: {words}.", "{first}—{last}年：{label}：{words}。"),
    "disagree": Text(
        "{first}-{last}: the zone's mean and its largest class disagree: the mean {variable} {moved}, the largest class is {label} ({share}). {why}.",
        "{first}—{last}年：全区平均与最大类别不一致：平均{variable}{moved}，最大类别为{label}（{share}）。{why}。",
    ),
    "disagree_slope": Text(
        "{first}-{last}: the zone's mean and its largest class disagree: the mean {variable} {moved} per year, the largest class is {label} ({share}). {why}.",
        "{first}—{last}年：全区平均与最大类别不一致：平均{variable}每年{moved}，最大类别为{label}（{share}）。{why}。",
    ),
    "season_shift": Text(
        "The clear observations of {late} lie {days} days later in the season than those of {early} (mean day of year {late_day} and {early_day}): "
        "part of what differs between these years may be the season.",
        "{late}年晴空观测的平均日期比{early}年晚{days}天（平均年积日{late_day}与{early_day}）：这两年的差异可能部分来自季节。",
    ),
    "beyond_pair": Text(
        "{values} of the valid land had cover below 0 or above 1 on the endmember scale and was set to 0 or 1: the change of cover can be far smaller "
        "than that of the ground.",
        "有效陆地中{values}的覆盖度在端元尺度上小于0或大于1，已截断为0或1：覆盖度的变化可能远小于地面的实际变化。",
    ),
    "clamped": Text(
        "Cover was clamped to 0 or 1 on up to {share} of a zone's valid area ({zone}, {year}).",
        "截断为0或1的面积最多占分区有效面积的{share}（{zone}，{year}年）。",
    ),
    "green_soil": Text(
        "Bare ground by percentile has NDVI {soil}; 2906 bare soils had a mean of 0.21 and a standard deviation of 0.10 (Montandon and Small 2008). "
        "The pooled pixels seem to hold no bare ground, so that cover is told too low: give the NDVI of bare ground, with its source.",
        "按百分位得到的裸土 NDVI 为 {soil}；2906 个裸土样本的平均值为 0.21，标准差为 0.10（Montandon 和 Small 2008）。"
        "汇总像元中似乎没有裸土，覆盖度因而偏低：请给出裸土的 NDVI 值并注明来源。",
    ),
    "not_clamped": Text("No cover of {zones} was clamped in {first}-{last}.", "{first}—{last}年{zones}的覆盖度均未截断。"),
    "checked": Text(
        "{first}-{last}: {count} cells computed again with pymannkendall and scipy; largest relative differences: {worst}; all within tolerance.",
        "{first}—{last}年：用pymannkendall和scipy重新计算{count}个像元；最大相对差异：{worst}；均在容差内。",
    ),
    "checked_differs": Text(
        "{first}-{last}: {count} cells computed again with pymannkendall and scipy DIFFER from the run beyond tolerance; largest relative differences: "
        "{worst}. Do not use these results before the cause is found.",
        "{first}—{last}年：用pymannkendall和scipy重新计算{count}个像元，与本次运行的差异超出容差；最大相对差异：{worst}。查明原因前请勿使用这些结果。",
    ),
    "not_checked": Text("{first}-{last}: no cell has a trend, so that nothing can be checked.", "{first}—{last}年：没有像元有趋势，无可核对。"),
    "no_water": Text("No water was seen in {zones} in {first}-{last}.", "{first}—{last}年{zones}均未见水体。"),
    "water_unknown": Text("Water is not known for {zones}: prepared composites do not tell it.", "{zones}的水体未知：已有的合成影像无法识别。"),
    "caption_cover": Text(
        "Mean cover of {zones} {first}-{last}, of the land observed in each year.", "{first}—{last}年{zones}平均植被覆盖度（各年有观测的陆地）。"
    ),
    "caption_no_cover": Text("No zone has a value of cover in {first}-{last}.", "{first}—{last}年所有区域均无植被覆盖度值。"),
    "caption_classes": Text(
        "Trend of {variable} {first}-{last} on {zones}, {area} km2 with a trend: {up} rising, {down} falling, {flat} no change{least}{small}.",
        "{first}—{last}年{zones}的{variable}趋势，可计算趋势面积{area} km2：上升{up}，下降{down}，无变化{flat}{least}{small}。",
    ),
    "caption_day": Text("{day}: clear over {share} of the zones' area.", "{day}：清晰面积占各区总面积的{share}。"),
    "caption_span": Text(
        "Composite of {first} to {last}, each pixel of a day of its own: clear over {share} of the zones' area.",
        "{first}至{last}合成影像（各像元日期不同）：清晰面积占各区总面积的{share}。",
    ),
    "caption_composite": Text("Composite of {year}: values over {share} of the zones' area.", "{year}年合成影像：有值面积占各区总面积的{share}。"),
    "caption_no_image": Text("No image in the season of {year}.", "{year}年生长季无影像。"),
    "caption_no_classes": Text("No area of {zones} has a trend in {first}-{last}{small}.", "{first}—{last}年{zones}没有可计算趋势的面积{small}。"),
    "caption_all_small": Text(
        "{each} is too small for this sensor: areas by class of the trend {first}-{last} cannot be given; that says nothing of whether cover changed.",
        "{each}对此传感器而言面积过小：无法给出{first}—{last}年趋势的各类别面积；这并不说明植被覆盖度有无变化。",
    ),
}

FRAGMENTS: dict[str, Text] = {
    "in_year": Text("{share} in {year}", "{year}年{share}"),
    "highest": Text("{share} in {year} (highest)", "{year}年{share}（最高）"),
    "lowest": Text("{share} in {year} (lowest)", "{year}年{share}（最低）"),
    "of_zone": Text("{share} of the zone in {year}", "{year}年占全区{share}"),
    "pixels": Text(" ({count} of its pixels, {least} are needed)", "（{count}个像元，需要{least}个）"),
    "by_same": Text("{sensor}: cover {moved} (the same direction)", "{sensor}：植被覆盖度{moved}（方向一致）"),
    "by_opposite": Text("{sensor}: cover {moved} (the opposite direction{small})", "{sensor}：植被覆盖度{moved}（方向相反{small}）"),
    "by_still": Text("{sensor}: cover {moved} (one of the two shows no change{small})", "{sensor}：植被覆盖度{moved}（其中一方无变化{small}）"),
    "by_small": Text("; the zone is too small for it: {count} of its pixels, {least} are needed", "；该区对其而言面积过小：{count}个像元，需要{least}个"),
    "pair": Text("{sensors}: NDVI {soil} and {vegetation}", "{sensors}：NDVI {soil} 与 {vegetation}"),
    "by": Text("{sensor}: cover {moved}", "{sensor}：植被覆盖度{moved}"),
    "by_none": Text("{sensor}: not known", "{sensor}：未知"),
    "over": Text(" (over the {share} of the zone that has values in both years)", "（仅限两年均有值的{share}面积）"),
    "reference_change": Text("; the reference {moved}: a difference of {difference}", "；参照区{moved}：相差{difference}"),
    "reference_three": Text(" (reference: {up}, {down}, {flat})", "（参照区：{up}、{down}、{flat}）"),
    "reference_two": Text("; on the reference {up} and {down}", "；参照区分别为{up}和{down}"),
    "zone": Text("the zone", "全区"),
    "classed": Text("the area with a trend", "可计算趋势面积"),
    "one_zone": Text("one zone", "1个区域"),
    "zones": Text("{count} zones", "{count}个区域"),
    "each_zone": Text("Each of {count} zones", "全部{count}个区域"),
    "the_zone": Text("The zone", "该区"),
    "small_too": Text("; too small for this sensor: {zones}", "；对此传感器而言面积过小：{zones}"),
    "least_p": Text(", smallest reachable {p}", "，可达到的最小值{p}"),
    "least_ps": Text("; smallest reachable {low}, in other zones {high}", "；可达到的最小值{low}，其他区域为{high}"),
    "rose": Text("rose by {amount}", "上升{amount}"),
    "fell": Text("fell by {amount}", "下降{amount}"),
    "little": Text("moved by {amount}", "变化{amount}"),
    "still": Text("did not move", "没有变化"),
    "points": Text("{number} percentage points", "{number}个百分点"),
    "points_little": Text("less than {number} percentage points", "不足{number}个百分点"),
    "ndvi": Text("{number}", "{number}"),
    "ndvi_little": Text("less than {number}", "不足{number}"),
    "per_cent": Text("{number} %", "{number}%"),
    "per_cent_little": Text("less than {number} %", "不足{number}%"),
    "per_cent_most": Text("more than {number} %", "超过{number}%"),
    "p": Text("p = {number}", "p = {number}"),
    "p_little": Text("p < {number}", "p < {number}"),
    "rose_every": Text(" ({who} rose every year)", "（{who}逐年上升）"),
    "fell_every": Text(" ({who} fell every year)", "（{who}逐年下降）"),
    "rose_each": Text(" ({who} rose in each year that has a value)", "（{who}有值的年份逐年上升）"),
    "fell_each": Text(" ({who} fell in each year that has a value)", "（{who}有值的年份逐年下降）"),
    "rose_never_fell": Text(" ({who} fell in no year)", "（{who}没有一年下降）"),
    "fell_never_rose": Text(" ({who} rose in no year)", "（{who}没有一年上升）"),
    "own_values": Text("it", ""),
    "difference": Text("the difference", "差值"),
    "unproven": Text(", not distinguishable from no change", "，与无变化无法区分"),
    "of_yearly": Text(", of yearly values", "，取年值"),
    "statistic_s": Text("S = {value}", "S = {value}"),
    "statistic_cells": Text("mean S of the cells {value}", "像元平均 S 为 {value}"),
    "statistic_shares": Text("rising minus falling every year {value} % of the area", "逐年上升减逐年下降的面积为 {value}%"),
    "slope_of_mean": Text("slope {value}", "斜率每年 {value}"),
    "slope_of_cells": Text("mean slope of the cells {value}", "像元平均斜率每年 {value}"),
    "slope_points": Text("{number} percentage points", "{number} 个百分点"),
    "found_rise": Text("a rise found", "发现上升"),
    "found_fall": Text("a fall found", "发现下降"),
    "found_none": Text("no trend found", "未发现趋势"),
    "as_configured": Text("{test} as configured", "{test}，按配置"),
    "why_values": Text("The mean is of yearly values, the class of monthly ones", "平均值取年值，类别取月值"),
    "fvc": Text("cover", "植被覆盖度"),
    "minus_reference": Text("{variable} minus reference", "{variable}与参照区之差"),
    "bounded": Text("{label} {low} to {high}", "{label}{low}至{high}"),
    "less_reference": Text(" (minus reference)", "（减去参照区）"),
    "fvc_before": Text("cover (before clamping)", "植被覆盖度（截断前）"),
    "ndvi_name": Text("NDVI", "NDVI"),
    "mostly": Text("mostly in the {sectors} ({share} of the class, {zone} of the zone)", "主要分布于{sectors}（占该类{share}，占全区{zone}）"),
    "more": Text("more than elsewhere in the {sectors} ({share} of the class, {zone} of the zone)", "较多分布于{sectors}（占该类{share}，占全区{zone}）"),
    "why_area": Text(
        "The mean counts how far each cell moved, the class counts area: {up} rises, {down} falls",
        "平均值反映各像元的变化幅度，类别反映面积：{up}上升，{down}下降",
    ),
    "why_order": Text("The mean compares {first} with {last} only, the class uses every year between", "平均值只比较{first}年与{last}年，类别使用其间所有年份"),
    "why_slope": Text(
        "The slope is the middle of all pairs of years; from {first} to {last} the mean {moved}", "斜率取所有年份对的中位数；{first}年至{last}年平均值{moved}"
    ),
    "mask_dropped": Text("{names} dropped", "剔除{names}"),
    "mask_nothing": Text("nothing dropped", "不剔除任何类别"),
    "mask_unknown": Text("its quality layers know no {names}: to drop these has no effect", "其质量图层不含{names}，相应设置不起作用"),
    "mask_partly": Text("only a part of the scenes tells {names}", "仅部分影像能识别{names}"),
    "mask_grown": Text("{names} grown by {metres} m", "{names}外扩 {metres} m"),
    "mask_not_grown": Text("{names} not grown: {metres} m is less than a cell of {cell} m", "{names}未外扩：{metres} m 小于 {cell} m 的像元"),
    "mask_dark": Text(
        "land with red + NIR reflectance below {least}, or one of them not positive, is no observation",
        "红光与近红外反射率之和低于 {least}（或其中之一不为正）的陆地不作观测",
    ),
    "ndvi_formed": Text("NDVI = (NIR - red) / (NIR + red) (Rouse et al. 1974).", "NDVI =（近红外 - 红光）/（近红外 + 红光）（Rouse et al. 1974）。"),
    "ndvi_read": Text(
        "NDVI is read ready-made from the files{names}; it is not formed here from reflectance.", "NDVI 直接读自文件{names}，并非在此由反射率计算。"
    ),
    "why_part": Text("The class was found on {share} of the zone", "类别仅在全区{share}的面积上得出"),
}
