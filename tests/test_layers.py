"""Imports point one way, modules stay small, and kernels know only numpy and numba."""

import ast
import statistics
from pathlib import Path

import pytest

import pipeline
from pipeline.provenance import imports

HOME = Path(pipeline.__file__).parent
LAYERS = (
    {
        "pipeline",
        "pipeline.errors",
        "pipeline.handles",
        "pipeline.hdf4child",
        "pipeline.hdf4proof",
        "pipeline.kernels",
        "pipeline.kernels.breaks",
        "pipeline.kernels.codes",
        "pipeline.kernels.joint",
        "pipeline.kernels.null",
        "pipeline.kernels.kendall",
        "pipeline.kernels.neighbours",
        "pipeline.kernels.observe",
        "pipeline.kernels.pixels",
        "pipeline.kernels.seasonal",
        "pipeline.kernels.series",
        "pipeline.column",
        "pipeline.columns",
        "pipeline.evaluation.columns_climate",
        "pipeline.evaluation.columns_breaks",
        "pipeline.evaluation.columns_landcover",
        "pipeline.evaluation.columns_methods",
        "pipeline.evaluation.columns_footprint",
        "pipeline.evaluation.columns_recovery",
        "pipeline.evaluation.columns_strata",
        "pipeline.evaluation.records",
        "pipeline.evaluation",
        "pipeline.layout",
        "pipeline.manytests",
        "pipeline.evaluation.paired",
        "pipeline.evaluation.terrain",
        "pipeline.sensitivity",
        "pipeline.svg",
    },
    {"pipeline.quality", "pipeline.adjustments", "pipeline.evaluation.controls", "pipeline.evaluation.recovery"},
    {
        "pipeline.sensors",
        "pipeline.classes",
        "pipeline.yamlfile",
        "pipeline.catalogs",
        "pipeline.config_base",
        "pipeline.config_catalog",
        "pipeline.config_climate",
        "pipeline.config_cover",
        "pipeline.config_trend",
        "pipeline.config_errors",
        "pipeline.config_dem",
        "pipeline.config_evaluation",
        "pipeline.config_breaks",
        "pipeline.config_landcover",
        "pipeline.config_recovery",
        "pipeline.config_footprint",
        "pipeline.config_water",
        "pipeline.config_methods",
        "pipeline.config_months",
        "pipeline.config_network",
        "pipeline.config_sensitivity",
        "pipeline.config_uncertainty",
        "pipeline.config_scenes",
        "pipeline.config_strata",
        "pipeline.evaluation.groundarea",
        "pipeline.evaluation.landclasses",
        "pipeline.evaluation.landcover",
        "pipeline.evaluation.landfigure",
        "pipeline.evaluation.landsvg",
        "pipeline.evaluation.landtables",
        "pipeline.evaluation.patches",
        "pipeline.evaluation.pitlakes",
        "pipeline.evaluation.footprint",
        "pipeline.evaluation.tablecheck",
        "pipeline.landforms",
        "pipeline.evaluation.production",
        "pipeline.evaluation.tablefile",
        "pipeline.evaluation.footprinttable",
        "pipeline.evaluation.pitlaketable",
        "pipeline.evaluation.breakedges",
        "pipeline.passes",
        "pipeline.planted",
        "pipeline.planted_history",
        "pipeline.planted_site",
        "pipeline.progress",
        "pipeline.blockwise",
        "pipeline.stac",
        "pipeline.hdf4",
        "pipeline.packaged",
        "pipeline.products",
        "pipeline.templates",
        "pipeline.words",
    },
    {
        "pipeline.decoding",
        "pipeline.evidence",
        "pipeline.monthscheck",
        "pipeline.sectors",
        "pipeline.sizes",
        "pipeline.zonetables",
        "pipeline.referencewords",
    },
    {"pipeline.agreement", "pipeline.captions", "pipeline.coverwords", "pipeline.provedwords", "pipeline.cartography", "pipeline.lettering"},
    {"pipeline.findings"},
    {"pipeline.config", "pipeline.styles", "pipeline.zonestyle", "pipeline.radiometry"},
    {"pipeline.access", "pipeline.aoi", "pipeline.provenance", "pipeline.lock", "pipeline.season", "pipeline.variants"},
    {"pipeline.evaluation.baci", "pipeline.evaluation.overlap", "pipeline.evaluation.climate", "pipeline.endmembers", "pipeline.transport"},
    {"pipeline.evaluation.climatewords"},
    {"pipeline.evaluation.effects", "pipeline.evaluation.indicators", "pipeline.evaluation.ranking"},
    {"pipeline.evaluation.methodzones"},
    {"pipeline.evaluation.methodstable"},
    {
        "pipeline.grid",
        "pipeline.coverage",
        "pipeline.trend",
        "pipeline.jointtest",
        "pipeline.cover",
        "pipeline.attribution",
        "pipeline.closing",
        "pipeline.evaluation.recoverytable",
        "pipeline.evaluation.wholemine",
    },
    {
        "pipeline.reader",
        "pipeline.writer",
        "pipeline.zonestats",
        "pipeline.windows",
        "pipeline.missions",
        "pipeline.tiling",
        "pipeline.areabounds",
        "pipeline.evaluation.cellareas",
        "pipeline.evaluation.strata",
    },
    {
        "pipeline.relative",
        "pipeline.control",
        "pipeline.compositeerror",
        "pipeline.evaluation.breaks",
        "pipeline.evaluation.dem",
        "pipeline.evaluation.landmaps",
        "pipeline.evaluation.matched",
    },
    {"pipeline.evaluation.residualtrend"},
    {
        "pipeline.areas",
        "pipeline.referencecheck",
        "pipeline.evaluation.footprintinputs",
        "pipeline.zonetrend",
        "pipeline.evaluation.inputs",
        "pipeline.evaluation.residualraster",
        "pipeline.evaluation.residualtable",
        "pipeline.evaluation.breakraster",
        "pipeline.evaluation.breaktable",
    },
    {"pipeline.evaluation.stratified"},
    {"pipeline.evaluation.stratumtables", "pipeline.images", "pipeline.remote", "pipeline.prepared", "pipeline.tables", "pipeline.workbook", "pipeline.sheet"},
    {
        "pipeline.ground",
        "pipeline.history",
        "pipeline.mixture",
        "pipeline.sky",
        "pipeline.synthetic",
        "pipeline.synthetic_history",
        "pipeline.synthetic_site",
        "pipeline.synthetic_items",
        "pipeline.synthetic_landsat",
        "pipeline.synthetic_modis",
    },
    {"pipeline.productitems", "pipeline.listing"},
    {
        "pipeline.scenefiles",
        "pipeline.manifest",
        "pipeline.geopackage",
        "pipeline.qgis",
        "pipeline.maps",
        "pipeline.evaluation.climatechart",
        "pipeline.evaluation.climatefiles",
        "pipeline.coverchart",
        "pipeline.areachart",
        "pipeline.evaluation.breakchart",
        "pipeline.evaluation.landcharts",
        "pipeline.evaluation.footprintseries",
        "pipeline.evaluation.recoverychart",
        "pipeline.evaluation.yearlyareas",
        "pipeline.evaluation.stratachart",
        "pipeline.summary",
        "pipeline.upright",
    },
    {
        "pipeline.scenes",
        "pipeline.sources",
        "pipeline.proposals",
        "pipeline.evaluation.breakmap",
        "pipeline.evaluation.footprintmap",
        "pipeline.evaluation.pitlakewords",
    },
    {
        "pipeline.composite",
        "pipeline.pinned",
        "pipeline.search",
        "pipeline.observed",
        "pipeline.uncertainty",
        "pipeline.inspection",
        "pipeline.crosscheck",
        "pipeline.margin",
    },
    {"pipeline.plan", "pipeline.newmine", "pipeline.previews"},
    {"pipeline.report", "pipeline.report.charts", "pipeline.report.headings", "pipeline.report.layers", "pipeline.report.method", "pipeline.report.where"},
    {"pipeline.report.mapdata"},
    {"pipeline.report.climatebars", "pipeline.report.sections", "pipeline.report.part", "pipeline.report.recoverynotes"},
    {
        "pipeline.report.on_breaks",
        "pipeline.report.on_climate",
        "pipeline.report.on_footprint",
        "pipeline.report.on_landcover",
        "pipeline.report.on_recovery",
        "pipeline.report.on_water",
        "pipeline.report.on_strata",
    },
    {"pipeline.report.evaluated"},
    {"pipeline.report.page"},
    {"pipeline.methodschart", "pipeline.checkup"},
    {"pipeline.methodspage"},
    {"pipeline.summarypage"},
)
MODULES = sorted(".".join(p.relative_to(HOME.parent).with_suffix("").parts).removesuffix(".__init__") for p in HOME.rglob("*.py") if p.name != "__main__.py")


def level(module: str) -> int:
    if module.startswith("pipeline.stages"):
        return len(LAYERS)
    (found,) = [i for i, layer in enumerate(LAYERS) if module in layer]
    return found


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    for other in imports(module):
        assert level(other) <= level(module), f"{module} imports {other}"
        assert module not in imports(other), f"{module} and {other} import each other"


@pytest.mark.parametrize("path", sorted((HOME / "kernels").glob("*.py")), ids=lambda p: p.name)
def test_kernels_know_numpy_and_numba_only(path):
    allowed = {"numpy", "numba", "math", "functools", "typing", "__future__", "pipeline.kernels"}
    for node in ast.walk(ast.parse(path.read_text())):
        names = [a.name for a in node.names] if isinstance(node, ast.Import) else [node.module] if isinstance(node, ast.ImportFrom) else []
        for name in names:
            assert name in allowed or name.startswith("pipeline.kernels."), f"{path.name} imports {name}"


def test_synthetic_mine_shares_nothing_with_what_reads_it():
    todo, seen = [f"pipeline.synthetic{part}" for part in ("", "_history", "_landsat", "_modis", "_site")], set()
    while todo:
        module = todo.pop()
        if module not in seen:
            seen.add(module)
            todo += imports(module)
    assert seen == {
        "pipeline.synthetic",
        "pipeline.synthetic_history",
        "pipeline.synthetic_items",
        "pipeline.synthetic_landsat",
        "pipeline.synthetic_modis",
        "pipeline.synthetic_site",
        "pipeline.ground",
        "pipeline.history",
        "pipeline.mixture",
        "pipeline.sky",
        "pipeline.passes",
        "pipeline.planted",
        "pipeline.planted_history",
        "pipeline.planted_site",
        "pipeline.errors",
        "pipeline.writer",
        "pipeline.blockwise",
        "pipeline.progress",
    }


def test_modules_are_small():
    sizes = [len(p.read_text().splitlines()) for p in HOME.rglob("*.py")]
    assert max(sizes) <= 400
    assert statistics.median(sizes) <= 150


def test_tests_are_as_long_as_the_code():
    code = sum(len(p.read_text().splitlines()) for p in HOME.rglob("*.py"))
    tests = sum(len(p.read_text().splitlines()) for p in Path(__file__).parent.rglob("*.py"))
    assert tests >= code
