"""How the results were made, from the config: method, the smallest p of few years, limits. Nothing here is about a result."""

from __future__ import annotations

from pipeline.adjustments import ADJUSTMENTS
from pipeline.classes import TrendClass, legend
from pipeline.config import Config
from pipeline.config_cover import Endmember
from pipeline.config_months import intervals_of, is_seasonal, months_of
from pipeline.decoding import Decoded, mask_text, ndvi_text
from pipeline.evidence import Rules
from pipeline.kernels.null import smallest_p_of
from pipeline.layout import RELATIVE
from pipeline.sensors import SENSORS
from pipeline.sizes import LEAST_HELD_PCT, MONTHS_MEASURED, excess_of_cells, recommendation, size_of_cells
from pipeline.sizes import TESTS as TESTS_MEASURED
from pipeline.words import Text, joined

LIMITS: tuple[Text, ...] = (
    Text(
        "Few years: the smallest p that a test can reach depends on the number of years alone (table above). Where it lies above a level, no trend, however "
        "strong, can be proven there; that is not evidence that nothing changed.",
        "年份少：检验可达到的最小 p 值只取决于年数（见上表）。若其大于某一水平，无论趋势多强都无法在该水平上证明；但这并不表示没有变化。",
    ),
    Text(
        "Many cells: the classes test each on its own, and where nothing changes, chance alone brings a share of the cells to each class. What is adjusted for "
        "their number stands beside: q, the area under control of the false discovery rate. Neighbouring cells share weather, sensor and soil, so that "
        "their number does not strengthen the proof.",
        "像元众多：类别逐像元独立检验；即使没有变化，也会有一部分像元因偶然进入各类别。按像元数校正的结果另行给出：q，即控制错误发现率后的面积。"
        "相邻像元的天气、传感器和土壤相同，像元数量多并不增强证据。",
    ),
    Text(
        "Weather: one wet or dry year moves all of a landscape. Only a change that the reference does not show can be the site's own.",
        "天气：某一年的干湿会影响整个地区。只有参照区没有出现的变化，才可能是矿区自身的变化。",
    ),
    Text(
        "Cover is greenness on the scale of the endmember pair, not species, biomass or soil: sown grass and closed meadow may have equal cover. Cover "
        "from different pairs cannot be compared; trend classes do not depend on the pair except through the limit of no change.",
        "植被覆盖度是以端元对为尺度的绿度，不代表物种、生物量或土壤：人工草地与原生草甸的覆盖度可以相同。不同端元对得到的覆盖度不可比较；除“无变化”阈值外，趋势类别与端元对无关。",
    ),
    Text(
        "A slope is what the years had in common; a single step, such as sowing between two years, also gives a slope. Look at the yearly values.",
        "斜率概括各年的共同变化；一次性的跃变（如两年之间的播种）也会产生斜率。请查看逐年数值。",
    ),
    Text(
        "Clouds, shadows and snow are dropped by the provider's mask (in prepared composites by whoever made them), which errs over bright spoil and dark "
        "coal; cover of fewer clear days is less sure.",
        "云、阴影和积雪按数据提供方的掩膜剔除（已有的合成影像由其制作者处理）；掩膜在明亮的废石和深色煤面上会出错；晴空日少的覆盖度更不可靠。",
    ),
)

OWN_SCALE = Text(
    "The endmembers (cover 0 and 100 %) come from percentiles of this mine's own cells: cover is a scale of this mine, not to be compared with that of other "
    "endmembers.",
    "端元（覆盖度 0 与 100%）取自本矿区像元的百分位：覆盖度为本矿区的相对尺度，不能与其他端元对的覆盖度比较。",
)
GIVEN_SCALE = Text(
    "The endmembers (cover 0 and 100 %) are given by the config: cover is right as far as they hold for the ground here.",
    "端元（覆盖度 0 与 100%）由配置给定：其数值适用于当地时，覆盖度才准确。",
)


def lent_scale(lender: str) -> Text:
    """Return what cover on the pair of another sensor of the mine means."""
    return Text(
        f"The endmembers (cover 0 and 100 %) are those of {lender}: cover of both is on one scale, as far as their bands see the same NDVI.",
        f"端元（覆盖度 0 与 100%）取自 {lender}：两者的覆盖度为同一尺度，前提是两者波段的 NDVI 一致。",
    )


def rules_of(config: Config) -> Rules:
    """Return the options that decide classes."""
    alpha = config.trend.alpha
    return Rules(alpha.slight, alpha.significant, alpha.extreme, config.trend.significance, config.trend.test, len(months_of(config)))


def _endmember(end: Endmember) -> Text:
    if end.ndvi is not None:
        return Text(f"NDVI {end.ndvi:g} as configured", f"配置的 NDVI {end.ndvi:g}")
    return Text(f"percentile {end.percentile:g} of the pooled NDVI", f"汇总 NDVI 的第 {end.percentile:g} 百分位")


TESTS = {
    "seasonal-kendall": Text(
        "seasonal Kendall (Hirsch, Slack and Smith 1982), normal p; right only if the months of a year are independent",
        "季节性 Kendall 检验（Hirsch, Slack and Smith 1982），p 由正态近似得到；仅当同年各月相互独立时才正确",
    ),
    "hirsch-slack": Text(
        "Hirsch and Slack (1984), normal p with the covariances of the months; made for about 10 years and more. Its smallest p is a bound",
        "Hirsch and Slack (1984)，p 由正态近似得到并计入各月协方差；适用于约 10 年及以上。其最小 p 为下界",
    ),
    "year-permutation": Text(
        "orders of whole years, all months together: all orders of up to 7 years, 9,999 drawn ones above",
        "整年（各月一起）置换：7 年以内取全部排列，以上抽取 9,999 个",
    ),
}
SCHEMES = {"five": "五类", "seven": "七类", "nine": "九类"}
METHODS = {"median": Text("median", "中位数"), "mean": Text("mean", "平均值"), "max": Text("max", "最大值")}


def composed_by(method: str) -> Text:
    """Return a method of composites in words.

    >>> composed_by("median").zh, composed_by("p75").zh
    ('中位数', '第 75 百分位')
    """
    return METHODS.get(method) or Text(method, f"第 {method[1:]} 百分位")


def images(config: Config, found: Decoded) -> Text:
    """Return what the images were."""
    first, last, season = config.years.first, config.years.last, f"{config.season.start} – {config.season.end}"
    turn = config.season.end < config.season.start
    over = Text(" (a year is that in which the season starts)", "（年份为季节开始的年份）") if turn else Text("", "")
    if found.scenes is None:
        return Text(f"Images: prepared composites {first}-{last} of season {season}{over.en}.", f"影像：{first}—{last}年（{season}）已有的合成影像{over.zh}。")
    n, many = found.scenes, "" if found.scenes == 1 else "s"
    what = Text(f"{n} scene{many}", f"{n} 景") if found.days is None else Text(f"{n} composite{many} of {found.days} days", f"{n} 期 {found.days} 天合成影像")
    return Text(f"Images: {what.en} {first}-{last} of season {season}{over.en}.", f"影像：{first}—{last}年（{season}）共 {what.zh}{over.zh}。")


def method(config: Config, sensor: str, found: Decoded, cell_m: float, *, synthetic: bool) -> list[Text]:
    """Return how the results of a sensor were made, from what was read of its images; `cell_m`: side of a cell on the ground."""
    entry, mask, trend, fvc = config.sensors[sensor], config.mask, config.trend, config.fvc
    out = []
    out.append(images(config, found))
    if found.scenes is not None:
        out.append(mask_text(found, mask.drop, mask.dilate, mask.dilate_m, cell_m, mask.min_reflectance_sum))
        if entry.adjust != "none" and found.reflectance:
            source = ADJUSTMENTS[entry.adjust].reference
            out.append(
                Text(
                    f"Adjustment: red and NIR of other missions brought to Landsat OLI by published lines ({source}).",
                    f"换算：其他卫星的红光与近红外按已发表的线性关系换算到 Landsat OLI（{source}）。",
                )
            )
        chosen, how = config.composite, composed_by(config.composite.method)
        out.append(
            Text(
                f"Composite: {how.en} of a year's clear observations of land, where there are at least {chosen.min_clear}.",
                f"合成：每年陆地晴空观测的{how.zh}，至少 {chosen.min_clear} 次。",
            )
        )
        if months := months_of(config):
            named = ", ".join(f"{m:02d}" for m in months)
            out.append(
                Text(
                    f"Monthly composites: the same of each calendar month of the season ({named}), with the same smallest number.",
                    f"逐月合成：季节内各日历月（{named}）以同样方法、同样的最少次数合成。",
                )
            )
    out.append(ndvi_text(found))
    pair = [
        Text("soil: ", "裸土："),
        _endmember(fvc.soil),
        Text("; vegetation: ", "；植被："),
        _endmember(fvc.vegetation),
    ]
    if fvc.endmembers is not None:
        pair = [Text("the pair of an earlier run", "沿用以前运行的端元对")]
    lender = config.pair_of(sensor)
    if lender is not None:
        pair = [Text(f"the pair of {lender}", f"采用 {lender} 的端元对")]
    words = joined(pair, Text("", ""))
    out.append(
        Text(
            "Cover (FVC) = (NDVI - NDVI_soil) / (NDVI_vegetation - NDVI_soil), dimidiate pixel model (Gutman and Ignatov 1998), "
            f"one pair for all years; {words.en}.",
            f"植被覆盖度（FVC）=（NDVI - NDVI_soil）/（NDVI_vegetation - NDVI_soil），像元二分模型（Gutman and Ignatov 1998），各年同一端元对；{words.zh}。",
        )
    )
    exact = {
        "normal": Text("p from the normal approximation", "p 由正态近似得到"),
        "exact": Text("p exact, ties included", "p 为精确值（含并列值）"),
        "auto": Text("p exact up to 20 values, ties included, normal above", "20 个值以内 p 为精确值（含并列值），以上为正态近似"),
    }[trend.significance]
    name = Text("cover before clamping", "截断前的植被覆盖度") if trend.variable == "fvc" else Text("NDVI", "NDVI")
    if is_seasonal(config):
        how, at = TESTS[trend.test], len(months_of(config))
        out.append(
            Text(
                f"Trend of {name.en} per cell, of {at} months: seasonal Sen slope, the median of the slopes between years within a month, and two-sided test: "
                f"{how.en}. n counts years. Zone means, their p, and what zones do as a whole are of yearly values (Mann-Kendall).",
                f"{name.zh}的逐像元趋势（{at} 个月）：季节性 Sen 斜率（同月各年间斜率的中位数）与双侧检验：{how.zh}。n 为年数。"
                "分区均值及其 p 值和分区整体检验取自年值（Mann-Kendall）。",
            )
        )
    else:
        out.append(
            Text(
                f"Trend of {name.en} per cell: Theil-Sen slope (Sen 1968) and two-sided Mann-Kendall test (Mann 1945, Kendall 1975); {exact.en}.",
                f"{name.zh}的逐像元趋势：Theil-Sen 斜率（Sen 1968）与双侧 Mann-Kendall 检验（Mann 1945，Kendall 1975）；{exact.zh}。",
            )
        )
    limits = ", ".join(f"{c.label} p <= {rules_of(config).alpha(c.limit):g}" for c in _rising(config) if c.limit)
    limits_zh = "，".join(f"{c.label_zh} p <= {rules_of(config).alpha(c.limit):g}" for c in _rising(config) if c.limit)
    out.append(
        Text(
            f"Classes ({trend.scheme}): direction is the slope's sign, strength is p ({limits}); no change: slope below {trend.no_change:g} per year.",
            f"类别（{SCHEMES.get(trend.scheme, trend.scheme)}）：方向取斜率符号，强度取 p（{limits_zh}）；无变化：斜率每年小于 {trend.no_change:g}。",
        )
    )
    out += _together(config)
    out.append(
        Text(
            "Areas: the share of each cell that a zone covers times its ground area; the cells of a zone sum to its geodesic area on WGS 84.",
            "面积：分区覆盖像元的比例乘以实地面积；分区内像元之和等于其 WGS 84 测地面积。",
        )
    )
    out.append(_bounds_text(config, sensor))
    if pixels := SENSORS[config.kind(sensor)].least_pixels:
        out.append(
            Text(
                f"Areas by class are given for zones of at least {pixels} pixels; a smaller one is too small for this sensor: only its means are given, "
                "which hold part of its surroundings.",
                f"仅对不少于 {pixels} 个像元的分区给出各类别面积；更小的分区对此传感器而言面积过小，仅给出平均值（含部分周围地面）。",
            )
        )
    if synthetic:
        out.insert(
            0, Text("The scenes are synthetic: made by the software with planted truth, not observed.", "影像为软件生成的合成数据（已知真值），并非观测。")
        )
    return out


def _together(config: Config) -> list[Text]:
    """Return how the trend minus reference, the tests of a zone's cells together, q and b were made; those with a reference only where there is one."""
    slight = config.trend.alpha.slight
    joint = Text(
        "All cells of a zone together: whole years of all cells change places (joint permutation; every order of up to 7 years, 9,999 drawn ones above); "
        "p is the share of orders whose statistic (mean S, mean slope, share that rises or falls every year) is at least as far from 0 as the observed one.",
        "分区全部像元一起：全部像元的整年一起置换（7 年以内取全部排列，以上抽取 9,999 个）；"
        "p 为统计量（平均 S、平均斜率、逐年升降面积比例）偏离 0 的程度不小于实测值的排列所占比例。",
    )
    control = Text(
        f"q: p of a cell adjusted for the number of tested cells of its zone and period (Benjamini and Hochberg 1995); kept where q <= "
        f"{slight:g}. Not of references.",
        f"q：按分区和时段内受检像元数校正的像元 p 值（Benjamini and Hochberg 1995）；q <= {slight:g} 者保留。参照区除外。",
    )
    if RELATIVE not in config.targets:
        return [joint, control]
    minus = Text(
        "Minus reference: each cell's values minus the mean of the zone's reference in the same years, tested in the same way; of a reference, minus itself.",
        "减参照区：各像元值减去同年参照区均值，检验方法相同；参照区则减去其自身均值。",
    )
    swing = Text(
        "b: how far the zone swings when its reference swings by 1, from zone = a + c year + b reference by least squares; 90 % interval.",
        "b：参照区波动 1 时本区的波动，由最小二乘拟合 分区 = a + c 年 + b 参照区 得到；区间为 90%。",
    )
    return [minus, joint, control, swing]


def warned(config: Config) -> list[Text]:
    """Return per period that the test of single cells has more false positives than its levels, where that was measured; nothing where it holds them."""
    out = []
    for a, b in config.periods:
        found = excess_of_cells(config.trend.test, _length((a, b)))
        if found:
            said = joined([Text(f"{size:.2f} at p <= {level:g}", f"p <= {level:g} 时为 {size:.2f}") for level, size in found.items()], Text(", ", "，"))
            years = Text(f"{a}-{b}: ", f"{a}—{b}年：")
            out.append(
                Text(
                    f"{years.en}that a class can be reached is no proof here: "
                    f"{TESTS_MEASURED[config.trend.test].en} has more false positives than its level says, "
                    f"{said.en} (simulated, cells without any trend, {MONTHS_MEASURED} months a year).",
                    f"{years.zh}在此可达到某类别并不等于证明：{TESTS_MEASURED[config.trend.test].zh}的误报率高于其名义水平，{said.zh}"
                    f"（模拟，无趋势像元，每年 {MONTHS_MEASURED} 个月）。",
                )
            )
    return out


def _bounds_text(config: Config, sensor: str) -> Text:
    """Return what the bounds of class areas in the tables are from, or why there are none."""
    given = config.uncertainty
    if not given.run:
        return Text("Bounds of class areas: none (uncertainty: false).", "类别面积的上下限：无（uncertainty: false）。")
    if is_seasonal(config):
        return Text("Bounds of class areas: not known with a test of monthly values.", "类别面积的上下限：采用月值检验时未知。")
    if given.ndvi_sd is None and config.sensors[sensor].catalog is None:
        return Text(
            "Bounds of class areas: not known: prepared composites do not tell the error of NDVI (uncertainty.ndvi_sd).",
            "类别面积的上下限：未知：已有的合成影像不说明 NDVI 的误差（uncertainty.ndvi_sd）。",
        )
    spread = Text("the spread of each composite's observations", "各合成影像观测的离散度")
    error = (
        spread if given.ndvi_sd is None else Text(f"a standard deviation of NDVI of {given.ndvi_sd:g} as configured", f"配置的 NDVI 标准差 {given.ndvi_sd:g}")
    )
    return Text(
        f"Bounds of class areas (tables; nominal {100 * given.level:g} %): the area that a class would have without error of NDVI, from {error.en}, with "
        f"endmembers and the limit of no change in their ranges. Simulated bounds of 90 % held {LEAST_HELD_PCT} % of true areas or more (docs/methods.md).",
        f"类别面积的上下限（见表格；名义 {100 * given.level:g} %）：NDVI 无误差时该类别的面积，误差取自{error.zh}，"
        f"端元和“无变化”阈值在其范围内变化。模拟中名义 90 % 的上下限至少包含 {LEAST_HELD_PCT} % 的真实面积（docs/methods.md）。",
    )


def _rising(config: Config) -> list[TrendClass]:
    return [c for c in legend(config.trend.scheme) if c.direction > 0]


def reach(config: Config) -> list[tuple[int, float, list[TrendClass]]]:
    """Return for each number of years up to the longest period (at most 12) the smallest p, and the classes that it reaches, rise and fall."""
    rules, most = rules_of(config), max(b - a + 1 for a, b in config.periods)
    out = []
    for n in range(3, min(max(most, 6), 12) + 1):
        p = smallest_p_of(config.trend.test, n, len(months_of(config)), config.trend.significance)
        out.append((n, p, [c for c in legend(config.trend.scheme) if c.limit is not None and rules.reaches(p, rules.alpha(c.limit))]))
    return out


def recommendations(config: Config) -> list[Text]:
    """Return per period which test its number of years allows, with its measured false positives."""
    reference = RELATIVE in config.targets
    said = [(period, recommendation(_length(period), interval=i, reference=reference)) for period in config.periods for i in intervals_of(config)]
    of_cells = [(period, text) for period in config.periods if (text := size_of_cells(config.trend.test, _length(period))) is not None]
    return [Text(f"{a}-{b}: {text.en}.", f"{a}—{b}年：{text.zh}。") for (a, b), text in (*said, *of_cells)]


def _length(period: tuple[int, int]) -> int:
    return period[1] - period[0] + 1


def out_of_reach(config: Config) -> dict[str, list[int]]:
    """Return per period the codes of classes whose p the period's number of years cannot reach."""
    rules, out = rules_of(config), {}
    for a, b in config.periods:
        least = smallest_p_of(config.trend.test, b - a + 1, len(months_of(config)), config.trend.significance)
        out[f"{a}-{b}"] = [c.code for c in legend(config.trend.scheme) if c.limit is not None and not rules.reaches(least, rules.alpha(c.limit))]
    return out
