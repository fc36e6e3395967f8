"""<mine>.qgz: the QGIS project of all results of a mine, written without QGIS, in the schema of QGIS 3.22."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
import zipfile
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.aoi import Zones
from pipeline.config import Config
from pipeline.evaluation.climate import LEAST_FOR_TREND
from pipeline.evaluation.footprintseries import ENTRIES
from pipeline.geopackage import LAYER
from pipeline.grid import finest
from pipeline.layout import ABSOLUTE, OBSERVED, MineFolder
from pipeline.season import season_days
from pipeline.styles import class_pipe, continuous_pipe, palette_pipe, year_pipe
from pipeline.upright import upright
from pipeline.writer import atomic
from pipeline.zonestyle import zone_style

DOCTYPE = "<!DOCTYPE qgis PUBLIC 'http://mrcc.com/qgis.dtd' 'SYSTEM'>\n"
TIME = (1980, 1, 1, 0, 0, 0)  # the earliest that a zip can hold: equal inputs give equal bytes
NOT_XML = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
CLEAR = {"clear": "clear observations", "doy": "mean day of year", "water": "share of water", "sd": "spread of NDVI"}


@dataclass(frozen=True)
class Layer:
    """One raster of the project: its file below the mine's folder, its name, and how it is drawn."""

    path: Path
    name: str
    pipe: ET.Element
    visible: bool = False


@dataclass(frozen=True)
class Group:
    """A group of the layer tree."""

    name: str
    content: list[Layer | Group] = field(default_factory=list)
    visible: bool = True
    open: bool = True


def groups(config: Config, root: MineFolder, lead: str, synthetic: Collection[str]) -> list[Group]:
    """Return a group per sensor, that of `lead` open and visible: its periods with trend class (visible in the first) and slope; cover, NDVI, observations.

    Rasters of evaluations are layers of their own: the footprint, the slope beside the weather, the year of disturbance.
    """
    out = []
    for sensor, entry in config.sensors.items():
        folder, years, variable = root.sensor(sensor), config.all_years, config.trend.variable.upper()
        parts: list[Layer | Group] = []
        for j, period in enumerate(config.periods):
            span = f"{period[0]}-{period[1]}"
            shown: list[Layer | Group] = []
            for target in config.targets:
                less = "" if target == ABSOLUTE else " minus reference"
                named = f"trend class{less} {span}", f"slope of {variable}{less} per year {span}", f"q{less} {span}"
                shown.append(Layer(folder.classes(period, target), named[0], class_pipe(config.trend.scheme), visible=target == ABSOLUTE))
                shown.append(Layer(folder.trend(period, target), named[1], continuous_pipe("slope")))
                shown.append(Layer(folder.q(period, target), named[2], continuous_pipe("q")))
            parts.append(Group(span, shown, visible=j == 0, open=j == 0))
        cover = [Layer(folder.fvc(y), f"cover {y}", continuous_pipe("fvc")) for y in years]
        ndvi = [Layer(folder.ndvi(y), f"NDVI {y}", continuous_pipe("ndvi")) for y in years]
        parts += [Group("cover", [*cover], visible=False, open=False), Group("NDVI", [*ndvi], visible=False, open=False)]
        asked = {e.key for e in config.evaluations_of(sensor)}
        if "footprint" in asked:
            parts.append(Layer(folder.root / "footprint.tif", "footprint of the mine", palette_pipe(ENTRIES)))
        if "climate" in asked and len(years) >= LEAST_FOR_TREND:  # with fewer the raster is empty
            beside = f"slope of {variable} beside the weather per year {years[0]}-{years[-1]}"
            parts.append(Layer(folder.root / "residual_trend.tif", beside, continuous_pipe("slope")))
        if config.breaks is not None and "breaks" in asked:
            a, b = config.breaks.period(config)
            parts.append(Layer(folder.root / "breaks.tif", f"year of disturbance {a}-{b}", year_pipe(*config.breaks.shown_years(config))))
        if entry.catalog is not None:
            spans = {"doy": season_days(config.season)}
            seen = [Layer(folder.observed(w, y), f"{CLEAR[w]} {y}", continuous_pipe(w, spans.get(w))) for w in OBSERVED for y in years]
            parts.append(Group("observations", [*seen], visible=False, open=False))
        marked = " (SYNTHETIC DATA, not observed)" if sensor in synthetic else ""
        out.append(Group(sensor + marked, parts, visible=sensor == lead, open=sensor == lead))
    return out


def project_xml(config: Config, root: MineFolder, grids: dict[str, Any], zones: Zones, synthetic: Collection[str] = ()) -> str:
    """Return the project; `grids` are the sensors' GeoBoxes, `synthetic` names those whose images are not observed.

    CRS and view are those of the sensor with the finest cells.
    """
    lead = finest(grids)
    first = upright(grids[lead], zones)
    qgis = ET.Element("qgis", version="3.22.0", projectname=_plain(config.title or config.mine))
    ET.SubElement(qgis, "homePath", path="")
    ET.SubElement(qgis, "title").text = _plain(config.title or config.mine)
    ET.SubElement(qgis, "projectCrs").append(_crs(first.crs))
    tree = ET.SubElement(qgis, "layer-tree-group")
    _view(ET.SubElement(qgis, "mapcanvas", name="theMapCanvas", annotationsVisible="1"), first)
    layers = ET.SubElement(qgis, "projectlayers")
    source = f"./{root.zones.name}|layername={LAYER}"
    _leaf(tree, _key("zones"), "zones", source, "ogr", visible=True)
    drawn = _maplayer(layers, "vector", _key("zones"), "zones", source, zones.frame.crs)
    drawn.attrib |= {"geometry": "Polygon", "labelsEnabled": "1"}
    ET.SubElement(drawn, "provider", encoding="UTF-8").text = "ogr"
    drawn.extend(zone_style(dict.fromkeys(zones.frame["role"])))
    for (sensor, grid), group in zip(grids.items(), groups(config, root, lead, synthetic), strict=True):
        _add(tree, layers, group, root, sensor, grid)
    _order(qgis, layers)
    ET.indent(qgis, " ")
    return DOCTYPE + ET.tostring(qgis, encoding="unicode") + "\n"


def write_project(path: Path, text: str) -> None:
    """Write a project as .qgz, whole or not at all."""
    with atomic(path) as part, zipfile.ZipFile(part, "w") as archive:
        entry = zipfile.ZipInfo(path.with_suffix(".qgs").name, TIME)
        entry.compress_type, entry.create_system, entry.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
        archive.writestr(entry, text.encode("utf-8"), compresslevel=9)


def _add(tree: ET.Element, layers: ET.Element, group: Group, root: MineFolder, sensor: str, grid: Any) -> None:
    """Add a group of the layer tree with what it holds, and its layers."""
    node = ET.SubElement(tree, "layer-tree-group", name=group.name, checked=_checked(group.visible), expanded=str(int(group.open)))
    for part in group.content:
        if isinstance(part, Group):
            _add(node, layers, part, root, sensor, grid)
            continue
        key = _key(f"{sensor}_{part.path.stem}")
        source = f"./{part.path.relative_to(root.root).as_posix()}"
        _leaf(node, key, part.name, source, "gdal", part.visible)
        layer = _maplayer(layers, "raster", key, part.name, source, grid.crs)
        ET.SubElement(layer, "provider").text = "gdal"
        layer.append(part.pipe)
        ET.SubElement(layer, "blendMode").text = "0"


def _key(name: str) -> str:
    """Return the id of a layer: QGIS gives those of ten characters or fewer another one, and the layer tree loses them."""
    return "minegreen_" + re.sub(r"\W", "_", name)


def _leaf(tree: ET.Element, key: str, name: str, source: str, provider: str, visible: bool) -> None:
    ET.SubElement(tree, "layer-tree-layer", id=key, name=name, source=source, providerKey=provider, checked=_checked(visible), expanded=str(int(visible)))


def _maplayer(layers: ET.Element, kind: str, key: str, name: str, source: str, crs: Any) -> ET.Element:
    layer = ET.SubElement(layers, "maplayer", type=kind, hasScaleBasedVisibilityFlag="0", styleCategories="AllStyleCategories")
    for tag, text in (("id", key), ("datasource", source), ("layername", name)):
        ET.SubElement(layer, tag).text = text
    ET.SubElement(layer, "srs").append(_crs(crs))
    return layer


def _order(qgis: ET.Element, layers: ET.Element) -> None:
    order = ET.SubElement(qgis, "layerorder")
    for layer in layers:
        ET.SubElement(order, "layer", id=layer.findtext("id", ""))
    properties = ET.SubElement(qgis, "properties")
    for group, key, kind, value in (("Paths", "Absolute", "bool", "false"), ("SpatialRefSys", "ProjectionsEnabled", "int", "1")):
        ET.SubElement(ET.SubElement(properties, group), key, type=kind).text = value


def _view(canvas: ET.Element, grid: Any) -> None:
    ET.SubElement(canvas, "units").text = "meters"
    extent = ET.SubElement(canvas, "extent")
    west, south, east, north = grid.boundingbox
    for tag, value in (("xmin", west), ("ymin", south), ("xmax", east), ("ymax", north)):
        ET.SubElement(extent, tag).text = repr(float(value))
    ET.SubElement(canvas, "rotation").text = "0"
    ET.SubElement(canvas, "destinationsrs").append(_crs(grid.crs))


def _crs(crs: Any) -> ET.Element:
    """Return a CRS by its WKT, and by its code where it has one."""
    from pyproj import CRS

    known = CRS.from_wkt(crs.to_wkt())
    found = ET.Element("spatialrefsys")
    ET.SubElement(found, "wkt").text = known.to_wkt("WKT2_2019")
    code = known.to_authority()
    if code is not None:
        ET.SubElement(found, "authid").text = ":".join(code)
    ET.SubElement(found, "description").text = known.name
    ET.SubElement(found, "geographicflag").text = str(known.is_geographic).lower()
    return found


def _checked(visible: bool) -> str:
    return "Qt::Checked" if visible else "Qt::Unchecked"


def _plain(text: str) -> str:
    """Return text without the characters that XML cannot hold."""
    return NOT_XML.sub("", text)
