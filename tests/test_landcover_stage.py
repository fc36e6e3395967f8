"""The evaluation `landcover` in a run: planted histories found again, area conserved in the files, maps of any grid, every refusal, figures and report."""

import csv
import re
import xml.etree.ElementTree as ET
from contextlib import nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from unittest.mock import patch

import geopandas as gpd
import numpy as np
import pytest
import rasterio
import yaml
from affine import Affine
from pipeline_configs import loaded, refused_config
from pyproj import Geod, Transformer
from shapely import union_all
from shapely.geometry import Point, box
from shapely.ops import transform as moved

from pipeline import plan
from pipeline.__main__ import main
from pipeline.aoi import read_zones
from pipeline.config import load
from pipeline.coverage import zone_coverages
from pipeline.errors import BadInput
from pipeline.evaluation.landcharts import by_year_chart, transition_chart
from pipeline.evaluation.landclasses import PRESETS
from pipeline.evaluation.landfigure import classes_of, looks, sankeys
from pipeline.evaluation.landtables import BASELINE_COLUMNS, BY_YEAR_COLUMNS, TRANSITION_COLUMNS
from pipeline.evaluation.strata import split
from pipeline.evaluation.stratified import Stratified
from pipeline.evaluation.wholemine import share_inside, together
from pipeline.layout import MineFolder
from pipeline.report.evaluated import evaluated
from pipeline.sheet import Words
from pipeline.stages.job import Job
from pipeline.stages.landcover import rows_by_stratum

CRS = "EPSG:32647"
WEST, NORTH = 540_000.0, 4_210_000.0
TABLES = {"landcover_by_year": BY_YEAR_COLUMNS, "landcover_transitions": TRANSITION_COLUMNS, "landcover_baseline": BASELINE_COLUMNS}
FIGURES = ["landcover_by_year.png", "landcover_transitions.png"]
NAMES = {"1": "mining", "2": "water", "3": "grass"}
RULE = {"bare_below": 0.2, "medium_from": 0.3, "high_from": 0.6}
COMPOSITES = {"composites": "{year}.tif", "bands": {"ndvi": 1}}
GEOD = Geod(ellps="WGS84")


@dataclass
class LandMine:
    """A mine with land-cover maps, or with rasters of cover: change what a test needs, then `write()`."""

    folder: Path
    years: tuple = (2020, 2021, 2022)
    shape: tuple = (40, 60)
    cell: float = 10.0
    zones: list = field(default_factory=list)
    landcover: dict = field(default_factory=dict)
    settings: dict = field(default_factory=dict)

    def __post_init__(self):
        """Plant two pits and a reference whose edges lie across cells."""
        w, n = WEST, NORTH
        self.zones = [
            ("north", box(w + 23, n - 177, w + 208, n - 31)),
            ("south", box(w + 96, n - 371, w + 287, n - 203)),
            ("background", box(w + 335, n - 372, w + 577, n - 33)),
        ]
        self.landcover = {"path": str(self.folder / "lc" / "{year}.tif"), "classes": NAMES, "mining": "mining"}
        self.settings = {"aoi": {"path": str(self.folder / "aoi.gpkg"), "reference": ["background"], "zones": {"north": {"role": "pit"}}}}

    @property
    def config(self):
        """Return the path of the config."""
        return self.folder / "land.yaml"

    @property
    def results(self):
        """Return the results folder."""
        return self.folder / "results"

    @property
    def transform(self):
        """Return the transform of the maps."""
        return Affine(self.cell, 0, WEST, 0, -self.cell, NORTH)

    def path(self, year):
        """Return the map of a year."""
        return self.folder / "lc" / f"{year}.tif"

    def write(self):
        """Write zones and config."""
        self.folder.mkdir(parents=True, exist_ok=True)
        names, polygons = zip(*self.zones, strict=True)
        gpd.GeoDataFrame({"zone": names}, geometry=list(polygons), crs=CRS).to_file(self.folder / "aoi.gpkg")
        settings = {
            "mine": "land",
            "years": {"first": self.years[0], "last": self.years[-1]},
            "season": {"start": "07-01", "end": "08-31"},
            "sensors": {"landsat": COMPOSITES},
            "landcover": self.landcover,
        }
        self.config.write_text(yaml.safe_dump(settings | self.settings), encoding="utf-8")
        return self

    def write_map(self, year, codes, path=None, **how):
        """Write one map."""
        path = path or self.path(year)
        path.parent.mkdir(parents=True, exist_ok=True)
        codes = np.asarray(codes)
        bands = codes if codes.ndim == 3 else codes[None]
        profile = {"driver": "GTiff", "dtype": codes.dtype, "count": len(bands), "height": bands.shape[1], "width": bands.shape[2]}
        with rasterio.open(path, "w", **profile | {"crs": CRS, "transform": self.transform} | how) as out:
            out.write(bands)

    def write_cover(self, year, cover, water=None):
        """Write what a run leaves of a year: cover, and the share of water where scenes tell it."""
        folder = MineFolder(self.results, "land").sensor("landsat").root
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "scenes.json").write_text('{"synthetic": false}', encoding="utf-8")
        self.write_map(year, np.asarray(cover, "float32"), folder / f"fvc_{year}.tif", nodata=np.nan)
        if water is not None:
            self.write_map(year, np.asarray(water, "float32"), folder / f"water_{year}.tif", nodata=np.nan)

    def run(self, png=False):
        """Run the stage and return its tables; without `png` the figures are drawn and not written, which takes most of the time."""
        with nullcontext() if png else patch("pipeline.stages.landcover.save") as save:
            assert main(["landcover", str(self.config), "--sensor", "landsat", "--results", str(self.results)]) == 0
        folder = MineFolder(self.results, "land").sensor("landsat").root
        assert png or [call.args[1].name for call in save.call_args_list] == FIGURES
        assert not png or all((folder / name).stat().st_size > 5000 for name in FIGURES)
        return [rows(folder / f"{name}.csv") for name in TABLES]

    def refused(self, capsys):
        """Return the error that preflight and stage agree on; nothing is written."""
        before = {p for p in self.folder.rglob("*")}
        with pytest.raises(BadInput) as caught:
            plan.check(self.config, load(self.config), self.results)
        assert caught.value.exit_code == 2
        capsys.readouterr()
        assert main(["landcover", str(self.config), "--sensor", "landsat", "--results", str(self.results)]) == 2
        assert f"minegreen: {caught.value}" in capsys.readouterr().err
        assert {p for p in self.folder.rglob("*") if p.suffix in {".csv", ".png"}} <= before
        return caught.value

    def part(self):
        """Return the part of the report."""
        config = load(self.config)
        (found,) = evaluated(config, read_zones(config, self.config), "landsat", MineFolder(self.results, "land").sensor("landsat"))
        return found


def rows(path):
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def area(table, year, name, zone=""):
    (found,) = [float(r["area_km2"]) for r in table if (r["zone"], r["year"], r["class"]) == (zone, str(year), name)]
    return found


def geodesic_km2(polygon, crs=CRS):
    lonlat = moved(Transformer.from_crs(crs, 4326, always_xy=True).transform, polygon)
    return abs(GEOD.geometry_area_perimeter(lonlat)[0]) / 1e6


@pytest.fixture
def land(tmp_path):
    """Return a mine of three years; nothing is written yet."""
    return LandMine(tmp_path)


@pytest.fixture
def three(land):
    """Return the mine with three written maps: mining comes, is most in 2021 and goes; a pit lake comes last; a gap in 2020."""
    for year, (mined, wet) in {2020: (5, 0), 2021: (30, 0), 2022: (15, 4)}.items():
        codes = np.full(land.shape, 3, "uint8")
        codes[:, :mined] = 1
        codes[:, :wet] = 2
        codes[:6, :20] = 255 if year == 2020 else codes[:6, :20]
        land.write_map(year, codes, nodata=255)
    return land.write()


# A planted history

YEARS = tuple(range(2002, 2023))
RADIUS = {year: 60 + 20 * (year - 2002) if year <= 2019 else 400 - 55 * (year - 2019) for year in YEARS}  # of the pit, m: largest in 2019
CENTRE = (WEST + 900.0, NORTH - 700.0)


@pytest.fixture
def history(tmp_path):
    """Return a mine of 2002 to 2022 on 30 m cells: a round pit that grows until 2019 and shrinks, in the half-vegetated middle of two zones."""
    mine = LandMine(tmp_path, YEARS, (50, 70), 30.0)
    w, n = WEST, NORTH
    mine.zones = [("left", box(w + 100, n - 1400, w + 900, n - 100)), ("right", box(w + 900, n - 1400, w + 1500, n - 100))]
    del mine.settings["aoi"]["zones"]
    mine.zones.append(("background", box(w + 1600, n - 1400, w + 2000, n - 100)))
    x, y = np.meshgrid(WEST + 30 * (np.arange(70) + 0.5), NORTH - 30 * (np.arange(50) + 0.5))
    mine.pit = {year: np.hypot(x - CENTRE[0], y - CENTRE[1]) <= RADIUS[year] for year in YEARS}
    return mine


def planted_km2(mine, year, name):
    """Return the planted area of the pit in a zone, from the circle itself and not from cells."""
    disc = Point(CENTRE).buffer(RADIUS[year], 256)
    polygon = dict(mine.zones).get(name) or union_all([p for zone, p in mine.zones if zone != "background"])
    return disc.intersection(polygon).area / 1e6


def test_the_planted_history_is_found_in_maps(history):
    for year, pit in history.pit.items():
        history.write_map(year, np.where(pit, 1, 3).astype("uint8"))
    by_year, changed, since = history.write().run()
    worst = 0.0
    for year in YEARS:
        for zone in ("", "left", "right"):
            planted = planted_km2(history, year, zone)
            if RADIUS[year] >= 150:  # a smaller circle is no circle on cells of 30 m
                worst = max(worst, abs(area(by_year, year, "mining", zone) / planted - 1))
    print(f"planted areas of 2002 to 2022: off by at most {100 * worst:.2f} %")
    assert worst < 0.02
    peaks = {(r["zone"], r["peak_year"], r["peak_certain"]) for r in since if r["class"] == "mining" and r["zone"] != "background"}
    assert peaks == {(zone, "2019", "yes") for zone in ("", "left", "right")}
    assert {(r["first_year"], r["last_year"]) for r in changed} == {("2002", "2019"), ("2019", "2022")}
    gained = [float(r["area_km2"]) for r in changed if (r["zone"], r["last_year"], r["from_class"], r["to_class"]) == ("", "2019", "grass", "mining")]
    assert gained == pytest.approx([area(by_year, 2019, "mining") - area(by_year, 2002, "mining")])
    lead = history.part().lead[0]
    assert lead.en.startswith("The mine as a whole: the area of “mining” was largest in 2019 (certain)")
    assert "2019 年最大（确定）" in lead.zh


def test_the_planted_history_is_found_by_rule(history):
    history.landcover = {"rule": RULE | {"boundary": ["left", "right"]}}
    rng = np.random.default_rng(7)
    history.write()
    for year, pit in history.pit.items():
        cover = np.where(pit, rng.uniform(0, 0.19, pit.shape), rng.uniform(0.61, 0.95, pit.shape))
        cover[:, 55:] = 0.05  # bare ground of the background is no mining land
        cover[:2] = np.nan if year == 2010 else cover[:2]
        history.write_cover(year, cover)
    by_year, _, since = history.run()
    worst = max(abs(area(by_year, y, "mining", z) / planted_km2(history, y, z) - 1) for y in YEARS if RADIUS[y] >= 150 for z in ("", "left", "right"))
    print(f"planted areas of 2002 to 2022 by rule: off by at most {100 * worst:.2f} %")
    assert worst < 0.02
    assert {(r["peak_year"], r["peak_certain"]) for r in since if r["level"] == "mine" and r["class"] == "mining"} == {("2019", "yes")}
    assert {float(r["area_km2"]) for r in by_year if r["zone"] == "background" and r["class"] == "mining"} == {0.0}
    assert area(by_year, 2019, "low-cover grassland", "background") == pytest.approx(geodesic_km2(dict(history.zones)["background"]) * 350 / 400)
    assert "water" not in {r["class"] for r in by_year}, "composites do not tell water: the class is not there, and not zero"


# The tables against plain numpy, and what they conserve


def test_areas_on_whole_cells_are_counts_of_cells(land):
    land.zones = [("north", box(WEST + 20, NORTH - 180, WEST + 200, NORTH - 30)), ("background", box(WEST + 300, NORTH - 300, WEST + 500, NORTH - 100))]
    rng, codes = np.random.default_rng(1), {}
    for year in land.years:
        codes[year] = rng.choice([1, 2, 3, 255], land.shape).astype("uint8")
        land.write_map(year, codes[year], nodata=255)
    by_year, changed, _ = land.write().run()
    cell = geodesic_km2(land.zones[0][1]) / (18 * 15)
    for year in land.years:
        window = codes[year][3:18, 2:20]
        for code, name in {1: "mining", 2: "water", 3: "grass", 255: "no data"}.items():
            assert area(by_year, year, name, "north") == pytest.approx(cell * (window == code).sum(), rel=1e-9, abs=1e-15)
    for r in changed:
        if r["zone"] == "north":
            a, b = (codes[int(r[y])][3:18, 2:20] for y in ("first_year", "last_year"))
            was, now = (255 if r[c] == "-1" else int(r[c]) for c in ("from_code", "to_code"))
            assert float(r["area_km2"]) == pytest.approx(cell * ((a == was) & (b == now)).sum(), rel=1e-9)
            assert float(r["share_from_pct"]) == pytest.approx(100 * ((a == was) & (b == now)).sum() / (a == was).sum())


def lonlat_grid():
    """Return a map's grid of 1/10,000 degrees that begins west of the zones and ends before their last column."""
    west, north = Transformer.from_crs(CRS, 4326, always_xy=True).transform(WEST - 30, NORTH + 30)
    return {"crs": "EPSG:4326", "transform": Affine(1e-4, 0, west, 0, -0.8e-4, north)}


@pytest.mark.parametrize("grid", [{}, lonlat_grid()], ids=["utm", "lonlat"])
def test_transitions_conserve_area_in_the_files(land, grid):
    """Odd zones that overlap, cells cut by edges, gaps: rows sum to the first year's class areas and columns to the last's; classes to the zone."""
    land.zones[1] = ("south", Point(WEST + 180, NORTH - 190).buffer(110))
    land.landcover["transitions"] = [[2020, 2021], [2020, 2022], [2021, 2022]]
    rng = np.random.default_rng(5)
    for year in land.years:
        land.write_map(year, rng.choice([1, 2, 3, 0], (60, 55)).astype("uint8"), nodata=0, **grid)
    by_year, changed, since = land.write().run()
    polygons = dict(land.zones)
    whole = {"": union_all([polygons["north"], polygons["south"]]), **polygons}
    assert {r["zone"] for r in changed} == set(whole)
    for zone, polygon in whole.items():
        for year in land.years:
            assert sum(float(r["area_km2"]) for r in by_year if (r["zone"], r["year"]) == (zone, str(year))) == pytest.approx(geodesic_km2(polygon), rel=2e-6)
        for pair in land.landcover["transitions"]:
            of = [r for r in changed if r["zone"] == zone and [int(r["first_year"]), int(r["last_year"])] == pair]
            for end, year in zip(("from_class", "to_class"), pair, strict=True):
                for name in (*NAMES.values(), "no data"):
                    assert sum(float(r["area_km2"]) for r in of if r[end] == name) == pytest.approx(area(by_year, year, name, zone), rel=1e-12, abs=1e-15)
            assert sum(float(r["share_pct"]) for r in of) == pytest.approx(100)
    for r in since:
        gap = area(by_year, 2020, "no data", r["zone"]) + area(by_year, r["year"], "no data", r["zone"])
        if r["year"] != "2020":
            assert float(r["change_high_km2"]) - float(r["change_low_km2"]) == pytest.approx(gap)
    assert area(by_year, 2020, "no data", "background") > (0.2 if grid else 0.05) * geodesic_km2(polygons["background"]), "beyond the map is no data"


def test_ground_of_two_zones_counts_once_in_the_mine(land):
    land.zones[1] = ("south", box(WEST + 96, NORTH - 371, WEST + 287, NORTH - 103))
    for year in land.years:
        land.write_map(year, np.ones(land.shape, "uint8"))
    by_year, _, _ = land.write().run()
    north, south = (geodesic_km2(p) for _, p in land.zones[:2])
    both = geodesic_km2(land.zones[0][1].intersection(land.zones[1][1]))
    assert area(by_year, 2020, "mining") == pytest.approx(north + south - both, rel=1e-6)
    assert area(by_year, 2020, "mining", "north") == pytest.approx(north, rel=1e-6)
    assert {(r["level"], r["zone"], r["role"]) for r in by_year} == {
        ("zone", "north", "pit"), ("zone", "south", "zone"), ("zone", "background", "reference"), ("mine", "", ""),
    }  # fmt: skip


def test_maps_of_different_grids_have_areas_but_no_transitions(land, capsys):
    land.landcover["transitions"] = []
    land.write_map(2020, np.full((40, 60), 3, "uint8"))
    land.write_map(2021, np.full((14, 21), 3, "uint8"), transform=Affine(30, 0, WEST - 7, 0, -30, NORTH + 2))
    land.write_map(2022, np.full((90, 90), 3, "uint8"), **lonlat_grid())
    by_year, changed, _ = land.write().run()
    assert changed == []
    for zone, polygon in land.zones:
        assert [area(by_year, y, "grass", zone) for y in land.years] == pytest.approx([geodesic_km2(polygon)] * 3, rel=2e-6)
    assert len(land.part().figures) == 1
    for asked in (None, [[2020, 2022]]):
        land.landcover["transitions"] = asked
        error = land.write().refused(capsys)
        assert error.field == "landcover.transitions" and "on one grid" in error.expected and "transitions: []" in error.fix


@pytest.mark.parametrize("other", [True, False], ids=["other-grid", "one-grid"])
def test_strata_on_maps_of_different_grids_have_areas_but_no_baseline(land, caplog, other):
    """Strata take another part of each cell on another grid, and one has no ground there: areas of a year still sum to the zone's."""
    land.landcover["transitions"] = []
    for year in land.years:
        land.write_map(year, np.random.default_rng(year).integers(2, 4, (40, 60)).astype("uint8"))
    if other:
        land.write_map(2021, np.full((14, 21), 3, "uint8"), transform=Affine(30, 0, WEST - 7, 0, -30, NORTH + 2))
    by_year, _, _ = land.write().run()
    config = load(land.config)
    zones = read_zones(config, land.config)

    def strata(grid):
        coarse = abs(grid.affine.a) > 20
        shares = {"top": 0.3, "foot": 0.7, "rim": 0.0} if coarse else {"top": 0.5, "foot": 0.4, "rim": 0.1}
        held = {c.zone: c for c in zone_coverages(zones, grid)}
        return Stratified(tuple(shares), {z: split(c, {n: np.full(c.area_m2.shape, s) for n, s in shares.items()}) for z, c in held.items()}, {})

    job = Job(land.config, land.results, "landsat")
    made = rows_by_stratum(job, zones, strata)
    for zone in zones.names:
        for year in land.years:
            found = [r for r in made["landcover_by_year"] if (r["zone"], r["year"]) == (zone, year)]
            assert {r["stratum"] for r in found} == ({"top", "foot"} if other and year == 2021 else {"top", "foot", "rim"})
            assert sum(r["area_km2"] for r in found if r["class"] == "grass") == pytest.approx(area(by_year, year, "grass", zone), rel=1e-12)
    told = [r.getMessage() for r in caplog.records if r.levelname == "WARNING"]
    if not other:
        assert made["landcover_baseline"] and told == []
        return
    assert made["landcover_baseline"] == made["landcover_transitions"] == []
    assert "different grids" in told[0] and "landcover_baseline_by_stratum.csv is empty" in told[0]
    assert told[1:] == [f"land cover: {zone}: rim has no ground on the map of 2021" for zone in zones.names]


def test_maps_of_one_grid_and_other_edges_are_compared(three):
    """A map that begins two cells further in still has the same cells."""
    codes = np.full((38, 58), 3, "uint8")
    three.write_map(2022, codes, transform=three.transform @ Affine.translation(2, 2))
    by_year, changed, _ = three.run()
    assert area(by_year, 2022, "grass", "background") == pytest.approx(geodesic_km2(three.zones[2][1]), rel=1e-6)
    assert {(r["first_year"], r["last_year"]) for r in changed} == {("2020", "2021"), ("2021", "2022")}


def test_years_outside_of_the_run_and_one_year_alone(land):
    land.landcover["years"] = [1990, 2021]
    for year in (1990, 2021):
        land.write_map(year, np.full(land.shape, 3 if year == 1990 else 1, "uint8"))
    by_year, changed, _ = land.write().run()
    assert {r["year"] for r in by_year} == {"1990", "2021"}
    assert {(r["first_year"], r["last_year"], r["to_class"]) for r in changed} == {("1990", "2021", "mining")}
    assert plan.Plan(land.results, {"land": (land.config, load(land.config))}, {}).evaluated("land", "landsat", "landcover")[-2:] == [
        str(land.path(1990)), str(land.path(2021)),
    ]  # fmt: skip
    land.landcover["years"] = [2021]
    by_year, changed, since = land.write().run()
    assert changed == [] and {r["year"] for r in by_year} == {"2021"} and {r["change_km2"] for r in since} == {"0.0"}
    assert len(land.part().figures) == 1


def test_a_preset_without_mining_compares_first_and_last(three):
    three.landcover = {"path": three.landcover["path"], "classes": "clcd", "nodata": [255]}
    _, changed, since = three.write().run()
    assert {(r["first_year"], r["last_year"]) for r in changed} == {("2020", "2022")}
    assert {r["class"]: r["peak_year"] for r in since if r["level"] == "mine"}["cropland"] == "2021"
    part = three.part()
    assert "No class of these maps is named as mining land" in part.lead[0].en and "采矿用地" in part.lead[0].zh
    assert any("CLCD" in t.en for t in part.warnings)
    assert "耕地" in part.figures[0].svg and "耕地" in part.figures[1].svg
    three.landcover["mining"] = 1
    _, changed, _ = three.write().run()
    assert {(r["first_year"], r["last_year"]) for r in changed} == {("2020", "2021"), ("2021", "2022")}


# The rule on cells


def test_the_rule_on_cells_and_years_without_images(land):
    land.zones = [("north", box(WEST, NORTH - 40, WEST + 40, NORTH)), ("background", box(WEST + 40, NORTH - 40, WEST + 80, NORTH))]
    land.settings["sensors"] = {"landsat": {"catalog": "items.json"}}
    land.landcover = {"rule": RULE}
    cover, water = np.full(land.shape, 0.7), np.zeros(land.shape)
    cover[0, :8], cover[1, :8], cover[2, 0], cover[2, 1] = 0.1, 0.3, np.nan, np.nan
    water[2, 0], water[0, 0] = 0.5, 0.9  # a value of cover goes before a share of water
    for year in land.years:
        land.write_cover(year, cover, water)
    by_year, _, _ = land.write().run()
    cell = geodesic_km2(land.zones[0][1]) / 16
    found = {name: round(area(by_year, 2021, name, "north") / cell, 6) for name in {r["class"] for r in by_year}}
    assert found == {"mining": 4, "water": 1, "low-cover grassland": 0, "medium-cover grassland": 4, "high-cover grassland": 6, "no data": 1}
    assert area(by_year, 2021, "low-cover grassland", "background") == pytest.approx(4 * cell, rel=1e-4)
    land.settings["sensors"] = {"landsat": COMPOSITES | {"missing_years": [2021]}}
    by_year, _, _ = land.write().run()
    assert {r["year"] for r in by_year} == {"2020", "2022"}


def test_inside_of_a_cell_that_the_boundary_cuts(land):
    """Neighbours that share an edge across cells of 10 m: 7 m of the middle column belong to the left, 3 m to the right; a small zone lies across the edge."""
    w, n = WEST, NORTH
    land.zones = [("left", box(w, n - 30, w + 17, n)), ("right", box(w + 17, n - 30, w + 40, n)), ("across", box(w + 12, n - 20, w + 26, n - 10))]
    land.settings["aoi"] = {"path": str(land.folder / "aoi.gpkg")}
    config = load(land.write().config)
    zones = read_zones(config, land.config)
    land.write_map(2020, np.ones(land.shape, "uint8"))
    from odc.geo.geobox import GeoBox

    grid = GeoBox((5, 5), land.transform, CRS)
    held = {c.zone: c for c in zone_coverages(zones, grid)}
    found = {z: share_inside(zones, together(zones, [z]), ["left"], held[z], grid) for z in held}
    assert found["left"].tolist() == [[True, True]] * 3
    assert not found["right"].any()
    assert found["across"].tolist() == [[True, False]], "5 of 8 m of its first cell lie to the left, nothing of its second"
    only = share_inside(zones, together(zones, ["across"]), ["right"], held["across"], grid)
    assert only.tolist() == [[False, True]]
    assert share_inside(zones, together(zones, ["across"]), ["left", "right"], held["across"], grid).all()


# What is refused


def unnamed(mine):
    codes = np.full(mine.shape, 3, "uint8")
    codes[10, 4:7] = 9
    codes[0, 0] = 77  # outside of all zones
    mine.write_map(2021, codes)


def without_crs(mine):
    mine.write_map(2022, np.ones(mine.shape, "uint8"), crs=None)


def scaled(mine, scale, offset):
    with rasterio.open(mine.path(2021), "r+") as out:
        out.scales, out.offsets = [scale], [offset]


def other_side(mine, projection):
    mine.write_map(2021, np.ones(mine.shape, "uint8"), crs=f"+proj={projection} +lat_0=-38 +lon_0=-80 +datum=WGS84")


REFUSED = [
    (unnamed, "land-cover codes", "codes without a name: 9 (3 cells)", "landcover.classes"),
    (lambda m: m.path(2021).unlink(), "landcover.path", "no file for 2021", "landcover.years: [2020, 2022]"),
    (lambda m: m.path(2021).write_bytes(b"<VRTDataset></VRTDataset>"), "raster", "not a readable", "convert"),
    (without_crs, "CRS", "none", "assign"),
    (lambda m: m.write_map(2020, np.ones((3, *m.shape), "uint8")), "bands", "3", "gdal_translate"),
    (lambda m: m.write_map(2020, np.ones(m.shape, "complex64")), "values", "complex64", "export"),
    (lambda m: m.write_map(2020, np.ones(m.shape, "uint8"), nodata=2), "nodata", "2, which is the class 'water'", "landcover.classes"),
    (lambda m: m.write_map(2020, np.ones(m.shape, "uint8"), transform=Affine(10, 0, WEST, 0, 10, NORTH - 400)), "georeference", "not north up", "gdalwarp"),
    (lambda m: m.write_map(2020, np.ones(m.shape, "uint8"), transform=m.transform @ Affine.rotation(3)), "georeference", "turned", "gdalwarp"),
    (lambda m: m.write_map(2020, np.ones(m.shape, "uint8"), transform=m.transform @ Affine.translation(900, 0)), "position", "no cell", "aoi.path"),
    (lambda m: m.write_map(2020, np.full(m.shape, 1.5, "float32")), "land-cover codes", "1.5", "landcover.classes"),
    (lambda m: scaled(m, 0.5, 0), "values", "a scale of 0.5 and an offset of 0", "gdal_translate -unscale"),
    (lambda m: scaled(m, 1, 2), "values", "a scale of 1 and an offset of 2", "gdal_edit"),
    (lambda m: other_side(m, "ortho"), "position", "no cell", "the map's CRS"),
    (lambda m: other_side(m, "gnom"), "position", "no cell", "the map's CRS"),
    (lambda m: [m.path(year).unlink() for year in m.years], "landcover.path", "no file for 2020, 2021, 2022", "add them, or correct the path"),
]


@pytest.mark.parametrize("spoil, field, found, fix", REFUSED, ids=[str(i) for i in range(len(REFUSED))])
def test_maps_that_cannot_be_used_are_refused_before_anything_is_written(three, capsys, spoil, field, found, fix):
    spoil(three)
    error = three.refused(capsys)
    assert (error.field, error.exit_code) == (field, 2)
    assert found in str(error.found) and fix in error.fix
    assert error.field == "landcover.path" or error.where.endswith(".tif"), "the map is named"
    assert "[]" not in error.fix, "no list of years is refused itself"
    assert not three.results.exists()


def test_codes_outside_of_the_zones_need_no_name(three):
    codes = np.full(three.shape, 77, "uint8")
    codes[3:38, 2:58] = 3
    three.write_map(2021, codes)
    by_year, _, _ = three.run()
    assert area(by_year, 2021, "grass", "background") == pytest.approx(geodesic_km2(three.zones[2][1]), rel=1e-6)


@pytest.mark.parametrize("boundary, found", [(["nroth"], "nroth"), (["north", "background"], "background, a reference")], ids=["no zone", "a reference"])
def test_a_boundary_of_other_ground_is_refused(land, capsys, boundary, found):
    land.landcover = {"rule": RULE | {"boundary": boundary}}
    error = land.write().refused(capsys)
    assert (error.field, error.found) == ("landcover.rule.boundary", found)


def test_a_mine_of_references_alone_has_no_boundary_and_no_whole(land, capsys):
    land.settings["aoi"] = {"path": str(land.folder / "aoi.gpkg"), "zones": {"north": {"reference": ["south"]}, "south": {"reference": ["north"]}}}
    land.zones = land.zones[:2]
    for year in land.years:
        land.write_map(year, np.full(land.shape, 3, "uint8"))
    by_year, _, _ = land.write().run()
    assert {r["level"] for r in by_year} == {"zone"}
    assert land.part().lead[0].en == "Zones without “mining” in any year: north and south."
    land.landcover = {"rule": RULE}
    assert land.write().refused(capsys).found == "every zone is a reference"


PATH = {"path": "lc/{year}.tif", "classes": NAMES}
CONFIGS = [
    ({}, "landcover", "neither"),
    (PATH | {"rule": RULE}, "landcover", "both"),
    (PATH | {"path": "lc/2020.tif"}, "landcover.path", "lacks the year"),
    (PATH | {"path": "/vsicurl/http://host/{year}.tif"}, "landcover.path", "vsicurl"),
    ({"path": "lc/{year}.tif"}, "landcover.classes", "missing"),
    (PATH | {"classes": "cldc"}, "landcover.classes", "cldc"),
    (PATH | {"classes": {}}, "landcover.classes", "no land-cover classes"),
    (PATH | {"classes": {"1": "a", "2": "a"}}, "landcover.classes", "both named"),
    (PATH | {"classes": {"1": "no data"}}, "landcover.classes", "no data"),
    (PATH | {"classes": {"1": "mining", "01": "water"}}, "landcover.classes.01", '"01"'),
    (PATH | {"classes": {"1.0": "mining"}}, "landcover.classes", 'the key "1.0"'),
    (PATH | {"classes": {"+1": "mining"}}, "landcover.classes", 'the key "+1"'),
    (PATH | {"classes": {" 1": "mining"}}, "landcover.classes", 'the key " 1"'),
    (PATH | {"classes": {"1_0": "mining"}}, "landcover.classes.1_0", '"1_0"'),
    (PATH | {"classes": {"１": "mining"}}, "landcover.classes", 'the key "１"'),
    (PATH | {"classes": {"-1": "mining"}}, "landcover.classes.-1", '"-1"'),
    (PATH | {"classes": {"2147483648": "mining"}}, "landcover.classes.2147483648", '"2147483648"'),
    (PATH | {"classes": {"a; b": "mining"}}, "landcover.classes", 'the key "a;b"'),
    (PATH | {"classes": {"1": "mining", "2": 5}}, "landcover.classes.2", "5"),
    (PATH | {"classes": {"1": None}}, "landcover.classes.1", "null"),
    (PATH | {"classes": {"1": ""}}, "landcover.classes.1", '""'),
    (PATH | {"classes": {"1": "a\nb"}}, "landcover.classes.1", r'"a\nb"'),
    (PATH | {"classes": {"1": "m" * 101}}, "landcover.classes.1", "mmm"),
    (PATH | {"nodata": [2]}, "landcover.nodata", "which is the class 'water'"),
    (PATH | {"mining": "minning"}, "landcover.mining", "minning"),
    (PATH | {"mining": 8}, "landcover.mining", "8"),
    (PATH | {"years": [2020, 2020]}, "landcover.years", "2020, 2020"),
    (PATH | {"years": []}, "landcover.years", "[]"),
    (PATH | {"transitions": [[2022, 2020]]}, "landcover.transitions", "[2022, 2020]"),
    (PATH | {"transitions": [[2020, 2030]]}, "landcover.transitions", "[2020, 2030]"),
    (PATH | {"transitions": [[2020, 2022], [2020, 2022]]}, "landcover.transitions", "twice"),
    ({"rule": {"bare_below": 0.2}}, "landcover.rule.medium_from: missing key", "nothing"),
    ({"rule": RULE | {"medium_from": 0.7}}, "landcover.rule", "medium_from 0.7"),
    ({"rule": RULE | {"bare_below": 0.61}}, "landcover.rule", "bare_below 0.61"),
    ({"rule": RULE | {"bare_below": 20.0}}, "landcover.rule.bare_below", "20.0"),
    ({"rule": RULE, "mining": "mining"}, "landcover.mining", "given with `rule`"),
    ({"rule": RULE, "years": [2019]}, "landcover.years", "[2019]"),
    ({"rule": RULE | {"boundary": []}}, "landcover.rule.boundary", "none"),
    (PATH | {"sensors": ["landsat"]}, "landcover.sensors", "landsat"),
]


@pytest.mark.parametrize("asked, field, found", CONFIGS, ids=[str(i) for i in range(len(CONFIGS))])
def test_what_a_config_may_not_say(tmp_path, asked, field, found):
    error = refused_config(tmp_path, {"sentinel-2": {"catalog": "synthetic"}}, landcover=asked)
    assert error.field == field
    assert found in str(error.found)
    assert error.expected and error.fix


def test_a_code_or_name_that_is_none_says_what_is_expected_and_the_line(tmp_path):
    where = {}
    for key, name, words in (("-1", "water", "a whole number from 0 to 2147483647"), ("3", True, "a text of 1 to 100 characters")):
        error = refused_config(tmp_path, {"sentinel-2": {"catalog": "synthetic"}}, landcover=PATH | {"classes": {"2": "a", key: name}})
        assert words in error.expected and error.fix
        where[key] = (tmp_path / "x.yaml").read_text().splitlines()[int(error.where.rsplit(":", 1)[1]) - 1].strip()
    assert where == {"-1": "'-1': water", "3": "'3': true"}
    config = loaded(tmp_path, {"sentinel-2": {"catalog": "synthetic"}}, landcover=PATH | {"classes": {"0": "a", "10": "m" * 100, "2147483647": "水"}})
    assert config.landcover.names == {0: "a", 10: "m" * 100, 2147483647: "水"}


def test_a_code_that_is_not_quoted_says_how(tmp_path):
    error = refused_config(tmp_path, {"sentinel-2": {"catalog": "synthetic"}}, landcover=PATH | {"classes": {1: "mining"}})
    assert error.fix == 'quote it: "1":'


def test_names_and_codes_of_a_config(tmp_path):
    config = loaded(tmp_path, {"sentinel-2": {"catalog": "synthetic"}}, landcover=PATH | {"mining": 2})
    assert config.landcover.names == {1: "mining", 2: "water", 3: "grass"}
    assert (config.landcover.mining_code, config.landcover.scheme) == (2, None)
    assert [str(p) for p in config.landcover.files(config, tmp_path)] == [f"lc/{y}.tif" for y in range(2020, 2025)]
    config = loaded(tmp_path, {"sentinel-2": {"catalog": "synthetic"}}, landcover={"rule": RULE})
    assert (config.landcover.mining_code, config.landcover.files(config, tmp_path)) == (1, [])


# Figures and report


def flows(*of):
    return [
        {
            "first_year": a,
            "last_year": b,
            "from_code": i,
            "from_class": f"c{i}",
            "to_code": j,
            "to_class": f"c{j}",
            "area_km2": km2,
            "level": "mine",
            "zone": "",
        }
        for a, b, i, j, km2 in ((str(a), str(b), str(i), str(j), str(v)) for a, b, i, j, v in of)
    ]


def test_sankey_ribbons_fill_their_nodes():
    shown = flows((2002, 2019, 1, 1, 2.0), (2002, 2019, 3, 1, 5.0), (2002, 2019, 3, 3, 3.0), (2019, 2022, 1, 3, 4.0), (2019, 2022, 1, 1, 3.0))
    shown += flows((2019, 2022, 3, 3, 3.0), (2003, 2004, 3, 3, 10.0))
    order = classes_of(shown, "c3")
    assert order == ["c3", "c1"]
    first, alone = sankeys(shown, order)
    assert (first.years, alone.years) == ((2002, 2019, 2022), (2003, 2004))
    assert {(n.column, n.name): n.area_km2 for n in first.nodes} == {(0, "c3"): 8, (0, "c1"): 2, (1, "c3"): 3, (1, "c1"): 7, (2, "c3"): 7, (2, "c1"): 3}
    scale = {round((n.bottom - n.top) / n.area_km2, 9) for n in first.nodes}
    assert len(scale) == 1, "one scale for all heights"
    for node in first.nodes:
        leaving = [r.left for r in first.ribbons if (r.column, r.before) == (node.column, node.name)]
        coming = [r.right for r in first.ribbons if (r.column + 1, r.after) == (node.column, node.name)]
        for ends in (leaving, coming):
            if ends:
                assert (ends[0][0], ends[-1][1]) == pytest.approx((node.top, node.bottom))
                assert all(a[1] == pytest.approx(b[0]) for a, b in zip(ends[:-1], ends[1:], strict=True)), "side by side, without gap or overlap"
    assert max(n.bottom for n in first.nodes) <= 1 + 1e-9


def test_figures_draw_what_the_tables_say(three):
    by_year, changed, _ = three.run(png=True)
    words = Words("title", (), ("source",))
    axes = by_year_chart(by_year, None, "mining", words).axes[1]
    drawn = {bars.get_label(): [b.get_height() for b in bars] for bars in axes.containers}
    assert list(drawn)[0] == "mining" and set(drawn) == {"mining", "water", "grass", "no data"}
    for name, heights in drawn.items():
        assert heights == pytest.approx([area(by_year, y, name) for y in three.years])
    figure = transition_chart(changed, None, "mining", words)
    gids = [p.get_gid() for p in figure.axes[0].patches if p.get_gid()]
    assert {g for g in gids if " to " in g} == {f"{r['from_class']} to {r['to_class']}" for r in changed if r["level"] == "mine"}
    assert {"mining 2020", "mining 2021", "mining 2022"} <= set(gids)
    heights = {p.get_gid(): p.get_height() for p in figure.axes[0].patches if p.get_gid() and p.get_gid()[-4:].isdigit()}
    assert heights["mining 2021"] / heights["mining 2022"] == pytest.approx(area(by_year, 2021, "mining") / area(by_year, 2022, "mining"))


def test_every_class_has_a_colour_of_its_own():
    names = [f"class {i}" for i in range(13)]
    shown = looks([*names, "no data"], None, "class 4")
    assert len({look.colour for look in shown.values()}) == 14
    assert list(shown)[-1] == "no data"
    known = looks(["water", "草地", "scree"], None, None)
    assert known["water"].colour == PRESETS["clcd"].colours["water"]
    assert known["草地"].colour == PRESETS["clcd"].colours["grassland"]


def test_the_report_says_it_in_both_languages(three):
    three.run()
    part = three.part()
    assert len(part.figures) == 2
    for text in (*part.lead, *part.warnings, *part.notes, part.title, *(f.caption for f in part.figures), *(t.note for t in part.tables)):
        assert text.en and re.search(r"[\u4e00-\u9fff]", text.zh), text
    for figure in part.figures:
        root = ET.fromstring(figure.svg)
        assert len(root.findall(".//{*}rect")) >= 6
        assert figure.svg.count("mining") >= 2
    assert len(part.figures[1].svg) < 8000
    assert part.lead[0].en.startswith("The mine as a whole: the area of “mining” was largest in 2021 (certain): 0.0")
    assert "north: " in part.lead[1].en and "“mining”" in part.lead[1].zh
    assert part.warnings[0].en == "Ground without a class, of the whole: 2020 (9 %)."
    for shown in part.tables:
        assert shown.rows
        for heading in shown.headings:
            assert all(heading.shown(row[heading.key]) for row in shown.rows)


def test_a_peak_that_a_gap_may_hide_is_not_certain(three):
    codes = np.full(three.shape, 3, "uint8")
    codes[:, :15], codes[:, 15:] = 1, 255
    three.write_map(2022, codes, nodata=255)
    _, _, since = three.run()
    assert {(r["peak_year"], r["peak_certain"]) for r in since if r["level"] == "mine" and r["class"] == "mining"} == {("2021", "no")}
    assert "largest in 2021 (not certain: another year may have as much)" in three.part().lead[0].en


def test_years_that_tie_are_named(three):
    three.write_map(2022, np.where(np.arange(60) < 30, 1, 3)[None].repeat(40, 0).astype("uint8"))
    _, _, since = three.run()
    assert {r["peak_certain"] for r in since if r["level"] == "mine" and r["class"] == "mining"} == {"no"}
    lead = three.part().lead[0]
    assert "was largest in 2021 (as much in 2022)" in lead.en and lead.en.endswith("; 0 km2 from then to 2022.")
    assert "（2022 年同样多）" in lead.zh


def test_names_of_classes_are_never_markup(three):
    three.landcover["classes"] = {"1": "<b>pit</b> & $x$", "2": "=1+1", "3": "草" * 40}
    three.landcover["mining"] = 1
    by_year, _, _ = three.write().run()
    assert "'=1+1" in {r["class"] for r in by_year}, "no spreadsheet runs it"
    for figure in three.part().figures:
        assert "<b>" not in figure.svg
        assert ET.fromstring(figure.svg) is not None


def test_years_without_any_code_are_passed_over(three):
    three.write_map(2020, np.full(three.shape, 255, "uint8"), nodata=255)
    by_year, changed, _ = three.run()
    assert {(r["first_year"], r["last_year"]) for r in changed} == {("2021", "2022")}
    assert {r["share_valid_pct"] for r in by_year if r["year"] == "2020"} == {""}
    assert "2020 (100 %)" in three.part().warnings[0].en
