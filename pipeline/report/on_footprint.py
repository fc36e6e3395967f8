"""What the page says of the footprint: its areas of the last year that is known, the largest, agreement with polygons, and bars by year."""

from __future__ import annotations

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.footprintseries import LABELS, area_by_year
from pipeline.evaluation.footprinttable import AFFECTED, EXCAVATED, NATIONAL
from pipeline.evaluation.yearlyareas import area_svg
from pipeline.layout import SensorFolder
from pipeline.report.headings import headings
from pipeline.report.part import Figure, Part, Shown
from pipeline.tables import read_csv
from pipeline.words import Text
from pipeline.zonetables import number

HEADINGS = headings(
    ("year", "year", "年"),
    ("kind", "kind", "类别"),
    ("area_km2", "area, km2", "面积，km2"),
    ("possible_km2", "at most, km2", "至多，km2"),
    ("cut", "cut", "是否截断"),
    ("iou", "IoU", "交并比"),
    ("note", "note", "说明"),
)
NOTES = (
    Text(
        "Excavated: bare ground that hangs together with the mine's boundary. Affected: ground around it with less cover than the reference by the bound "
        "of the config, excavated ground not counted. Grey bars: what cells without a value may add.",
        "挖损：与矿界相连的裸地。受影响：其周围覆盖度比参照区低于所配置界限的土地（不含挖损）。灰色条：无值像元可能增加的面积。",
    ),
)
CUT = Text(
    "In some years the footprint reaches the edge of the raster: these areas are lower bounds. A larger grid.buffer_m shows more.",
    "部分年份足迹到达栅格边缘，面积为下限。增大 grid.buffer_m 可看到更多。",
)


def part(config: Config, zones: Zones, sensor: str, folder: SensorFolder) -> Part:
    """Return the part of one sensor."""
    rows = read_csv(folder.table("footprint_by_year"))
    lead = [text for kind in (EXCAVATED, AFFECTED) if (text := _of_kind([r for r in rows if r["kind"] == kind], LABELS[kind]))]
    lead += [_agreement(r) for r in rows if number(r["iou"]) is not None]
    lead += [_national(r) for r in rows if r["kind"] == NATIONAL and number(r["area_km2"]) is not None]
    figures = tuple(Figure(area_svg(p, "km2", f"{p.name}, km2"), p.label) for p in area_by_year(rows))
    return Part(
        "footprint",
        Text("Footprint of the mine", "矿区足迹"),
        tuple(lead) or (Text("In no year is enough of the boundary seen.", "没有任何年份的矿界有足够的观测。"),),
        warnings=(CUT,) if any(r["cut"] == "yes" for r in rows) else (),
        figures=figures,
        notes=NOTES,
        tables=(Shown("footprint_by_year", HEADINGS, rows),),
    )


def _of_kind(rows: list[dict[str, str]], label: Text) -> Text | None:
    """Return the area of the last and the first year that are known, and the largest."""
    known = [r for r in rows if number(r["area_km2"]) is not None]
    if not known:
        return None
    first, last, peak = known[0], known[-1], max(known, key=lambda r: float(r["area_km2"]))
    told = [last] + ([first] if first is not last else []) + ([peak] if peak not in (first, last) else [])
    en = "; ".join(f"{'largest in ' if r is peak and r not in (first, last) else ''}{r['year']}: {_km2(r).en}" for r in told)
    zh = "；".join(f"{'最大在 ' if r is peak and r not in (first, last) else ''}{r['year']} 年：{_km2(r).zh}" for r in told)
    return Text(f"{label.en.capitalize()}, {en}.", f"{label.zh}，{zh}。")


def _km2(row: dict[str, str]) -> Text:
    area, most = f"{float(row['area_km2']):.4g}", number(row["possible_km2"])
    if most is None or f"{most:.4g}" == area:
        return Text(f"{area} km2", f"{area} km2")
    return Text(f"{area} km2 (up to {most:.4g})", f"{area} km2（至多 {most:.4g}）")


def _agreement(row: dict[str, str]) -> Text:
    label, iou, own = LABELS[row["kind"]], float(row["iou"]), float(row["polygons_km2"])
    return Text(
        f"{row['year']}, {label.en}, against {row['polygons']} ({own:.4g} km2): intersection over union {iou:.2f}.",
        f"{row['year']} 年，{label.zh}，与 {row['polygons']}（{own:.4g} km2）相比：交并比 {iou:.2f}。",
    )


def _national(row: dict[str, str]) -> Text:
    area = float(row["area_km2"])
    told = f"{area:,.0f}" if area >= 1000 else f"{area:.4g}"
    return Text(
        f"All mines of the country by output, {row['year']}: {told} km2 affected, if every ton affects the same area; excavated ground not counted.",
        f"按产量推算全国全部矿山，{row['year']} 年：影响 {told} km2（假定每吨影响面积相同，不含挖损）。",
    )
