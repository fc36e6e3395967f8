"""Run by a Python that has QGIS: open every raster, zones.gpkg and the project of a mine's folder, and print what QGIS made of them as JSON.

`python qgis_probe.py FOLDER PICTURE` draws the visible layers of the project into PICTURE.
"""

import json
import os
import sys
from pathlib import Path

from qgis.core import (
    Qgis,
    QgsApplication,
    QgsExpression,
    QgsExpressionContext,
    QgsExpressionContextUtils,
    QgsLayerTree,
    QgsMapRendererParallelJob,
    QgsMapSettings,
    QgsProject,
    QgsRasterLayer,
    QgsVectorLayer,
)
from qgis.PyQt.QtCore import QSize
from qgis.PyQt.QtGui import QColor


def raster(layer):
    """Return how a raster layer is drawn."""
    renderer = layer.renderer()
    entries = [[e.value, e.color.name(), e.label] for e in renderer.classes()] if renderer.type() == "paletted" else None
    if renderer.type() == "singlebandpseudocolor":
        entries = [[e.value, e.color.name(), e.label] for e in renderer.shader().rasterShaderFunction().colorRampItemList()]
    return {"valid": layer.isValid(), "renderer": renderer.type(), "entries": entries, "crs": layer.crs().authid()}


def vector(layer):
    """Return what a vector layer holds and how it is drawn; `tips` are the map tips, which QGIS shows as HTML."""
    context = QgsExpressionContext(QgsExpressionContextUtils.globalProjectLayerScopes(layer))
    tips, previews = [], []
    for feature in layer.getFeatures():
        context.setFeature(feature)
        tips.append(QgsExpression.replaceExpressionText(layer.mapTipTemplate(), context))
        previews.append(QgsExpression(layer.displayExpression()).evaluate(context))
    labels = layer.labeling().settings() if layer.labelsEnabled() else None
    return {
        "valid": layer.isValid(),
        "renderer": layer.renderer().type(),
        "entries": [c.value() for c in layer.renderer().categories()] if layer.renderer().type() == "categorizedSymbol" else None,
        "fields": [f.name() for f in layer.fields()],
        "names": [f["zone"] for f in layer.getFeatures()],
        "tips": tips,
        "previews": previews,
        "label": None if labels is None else [labels.fieldName, labels.isExpression, labels.format().allowHtmlFormatting()],
        "crs": layer.crs().authid(),
    }


def tree(node):
    """Return the layer tree as [name, checked, visible, expanded, children]."""
    children = [tree(child) for child in node.children()] if QgsLayerTree.isGroup(node) else None
    return [node.name(), node.itemVisibilityChecked(), node.isVisible(), node.isExpanded(), children]


def draw(project, path):
    """Draw what is visible of a project."""
    settings = QgsMapSettings()
    settings.setLayers([n.layer() for n in project.layerTreeRoot().findLayers() if n.isVisible()])
    settings.setDestinationCrs(project.crs())
    first = next(layer for layer in project.layerTreeRoot().layerOrder() if isinstance(layer, QgsRasterLayer))
    settings.setExtent(first.extent())
    settings.setOutputSize(QSize(1000, 620))
    settings.setBackgroundColor(QColor("white"))
    job = QgsMapRendererParallelJob(settings)
    job.start()
    job.waitForFinished()
    job.renderedImage().save(path)


def main(folder, picture):
    """Print what QGIS makes of results/<mine>/."""
    application = QgsApplication([], False)
    application.initQgis()
    rasters = {str(p.relative_to(folder)): raster(QgsRasterLayer(str(p), p.stem)) for p in sorted(folder.glob("*/*.tif"))}
    zones = vector(QgsVectorLayer(f"{folder / 'zones.gpkg'}|layername=zones", "zones"))
    project = QgsProject.instance()
    (file,) = folder.glob("*.qgz")
    read = project.read(str(file))
    layers = {layer.id(): raster(layer) if isinstance(layer, QgsRasterLayer) else vector(layer) for layer in project.mapLayers().values()}
    found = {
        "version": Qgis.QGIS_VERSION,
        "rasters": rasters,
        "zones": zones,
        "read": read,
        "layers": layers,
        "sources": [layer.source() for layer in project.mapLayers().values()],
        "order": [layer.id() for layer in project.layerTreeRoot().layerOrder()],
        "tree": tree(project.layerTreeRoot()),
        "crs": project.crs().authid(),
        "title": project.title(),
    }
    draw(project, picture)
    print(json.dumps(found))
    sys.stdout.flush()
    os._exit(0)  # leaving QGIS in order can crash without a display


main(Path(sys.argv[1]), sys.argv[2])
