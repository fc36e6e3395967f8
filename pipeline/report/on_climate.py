"""What the page says of the weather: where each zone's best year stands, the trend beside climate, cover and anomalies of each zone, and the tables."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.climate import PRECIPITATION, TEMPERATURE, by_year
from pipeline.evaluation.climatewords import peak_sentences, read_peak
from pipeline.layout import SensorFolder
from pipeline.report.climatebars import climate_bars
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.tables import read_csv
from pipeline.words import Text, moved, p_text, plus
from pipeline.zonetables import number

MOST_FIGURES = 24  # of a few kB each
WEATHER = headings(
    ("zone", "zone", "分区"),
    ("quantity", "quantity", "量"),
    ("year", "year", "年"),
    ("amount", "amount", "数值"),
    ("quantity_unit", "unit", "单位"),
    ("anomaly", "anomaly", "距平"),
    ("anomaly_sd", "in standard deviations", "标准化距平"),
    ("weather_rank", "rank, 1 = wettest, warmest", "名次（1 为最湿、最暖）"),
    ("note", "note", "说明"),
)
TREND = headings(
    ("zone", "zone", "分区"),
    ("first_year", "from", "首年"),
    ("last_year", "to", "末年"),
    ("n", "years", "年数"),
    ("partial_slope", "slope beside climate", "剔除气候后的斜率"),
    ("partial_slope_low", "low", "下限"),
    ("partial_slope_high", "high", "上限"),
    ("partial_p", "p", "p"),
    ("restrend_slope", "RESTREND slope", "RESTREND 斜率"),
    ("climate_r2", "explained by climate", "气候解释的比例"),
    ("climate_p", "p of climate", "气候的 p"),
    ("time_left", "years not explained by climate", "气候未解释的年份方差"),
    ("note", "note", "说明"),
)
NOTES = (
    Text(
        "Line: mean cover of the zone. Bars: precipitation and temperature of the growing season minus their mean of the baseline years; no bar: not known. "
        "Shaded: the year of the largest cover.",
        "折线：分区平均植被覆盖度。柱：生长季降水与气温减去基准期均值；无柱表示未知。底色：植被覆盖度最大的年份。",
    ),
    Text(
        "The trend beside climate is what is left when precipitation and temperature are taken out of both the series and the years; it assumes that each "
        "acts in proportion and at once. Years that carry over into the next make its p too small. A correlation is no cause.",
        "“剔除气候后的趋势”是从序列与年份中同时去掉降水和气温影响后的趋势，假定二者的作用成比例且无滞后；若误差逐年延续，p 值会偏小。相关不等于因果。",
    ),
)


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor."""
    weather, peaks = read_csv(folder.table("climate_by_zone")), read_csv(folder.table("climate_peak_by_zone"))
    trends, fvc = read_csv(folder.table("residual_trend_by_zone")), read_csv(folder.table("fvc_by_zone"))
    names = list(dict.fromkeys(r["zone"] for r in weather))
    lead = tuple(_of_zone(zone, peaks, trends, config.trend.variable) for zone in names)
    unknown = [r for r in weather if r["amount"] == "" and r["values_missing"] not in ("", "0")]
    shown = [r for r in weather if r["quantity"] in (PRECIPITATION, TEMPERATURE)]
    left_out = Text("Precipitation and temperature alone; the file has every quantity.", "仅列降水与气温；文件含全部量。")
    return Part(
        "climate",
        Text("Weather", "天气"),
        lead,
        warnings=(_unknown(unknown),) if unknown else (),
        figures=tuple(_figure(zone, config, weather, fvc) for zone in names[:MOST_FIGURES]),
        notes=NOTES + (_first(len(names)) if len(names) > MOST_FIGURES else ()),
        tables=(Shown("climate_by_zone", WEATHER, shown, left_out), Shown("residual_trend_by_zone", TREND, trends)),
    )


def _of_zone(zone: str, peaks: list[dict[str, str]], trends: list[dict[str, str]], variable: str) -> Text:
    """Return the sentences on one zone: its best year and the weather, then the trend beside climate of each period."""
    said = [peak_sentences(zone, read_peak([r for r in peaks if r["zone"] == zone]))]
    said += [_trend(r, variable) for r in trends if r["zone"] == zone]
    return Text(" ".join(t.en for t in said), "".join(t.zh for t in said))


def _trend(row: dict[str, str], variable: str) -> Text:
    span, slope, p = f"{row['first_year']}-{row['last_year']}", number(row["partial_slope"]), number(row["partial_p"])
    if slope is None or p is None:
        why = "年数不足（至少需 8 年）" if int(row["n"]) < 8 else "气候随年份变化，无法区分"
        return Text(f"Trend beside climate {span}: not told, {row['note']}.", f"{span}年剔除气候后的趋势：未给出，{why}。")
    low, high = number(row["partial_slope_low"]), number(row["partial_slope_high"])
    times, digits = (100.0, 2) if variable == "fvc" else (1.0, 4)
    change, said_p = moved(times * slope, variable), p_text(p)
    ends = "" if low is None or high is None else f" ({plus(times * low, digits)} … {plus(times * high, digits)})"
    return Text(
        f"Beside climate it {change.en} a year in {span}{ends}, {said_p.en}.",
        f"剔除气候后，{span}年平均每年{change.zh}{ends}，{said_p.zh}。",
    )


def _figure(zone: str, config: Config, weather: list[dict[str, str]], fvc: list[dict[str, str]]) -> Figure:
    own = [r for r in weather if r["zone"] == zone]
    cover = {int(r["year"]): v for r in fvc if r["zone"] == zone and (v := number(r["fvc_mean"])) is not None}
    found = {name: by_year(own, name, "anomaly") for name in (PRECIPITATION, TEMPERATURE)}
    known = {name: {year: v for year, v in values.items() if v is not None} for name, values in found.items() if values}
    return Figure(climate_bars(config.all_years, cover, known, f"{zone}: cover, precipitation, temperature 植被覆盖度、降水、气温"), Text(zone, zone))


def _unknown(rows: list[dict[str, str]]) -> Text:
    seasons = sorted({(r["quantity"], r["year"]) for r in rows if r["quantity"] in (PRECIPITATION, TEMPERATURE)})
    listed = ", ".join(f"{quantity} {year}" for quantity, year in seasons[:12]) + (" …" if len(seasons) > 12 else "")
    return Text(
        f"Days or months are missing, so that these seasons are not known and are in no mean, rank or fit: {listed}.",
        f"因缺日或缺月，下列季节的数值未知，不参与均值、名次和回归：{listed}。",
    )


def _first(count: int) -> tuple[Text, ...]:
    return (Text(f"The first {MOST_FIGURES} of {count} zones are drawn; the tables have all.", f"仅绘前 {MOST_FIGURES} 个分区（共 {count} 个）；表中含全部。"),)
