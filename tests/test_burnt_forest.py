"""Recovery and breaks of a burnt forest through their stages: sites with their own years, the fire of 2005, against plain numpy."""

import csv
import math

import numpy as np
import pytest
import rasterio
from forestmine import FIRE, YEARS, ForestMine, mean_series
from running import ROOT
from scenemine import snapshot
from test_breaks import _by_definition, all_u, brute_fit

from pipeline.__main__ import main
from pipeline.evaluation.breakraster import NAMES

SITES = {"site 1": (2002, 2003), "site 2": (2002, 2003), "site 3": (2004, 2006), "site 4": (2002, 2004), "site 5": (2005, 2006), "fire": (2005, 2006)}
DNBR = 0.27  # moderate severity (Key and Benson 2006)


def table(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


class Run:
    """A finished mine: its folder, the index by plain numpy, the covered shares by shapely, and the bands of breaks.tif."""

    def __init__(self, mine, *more):
        self.mine = mine
        self.folder = mine.run("scenes", "composite", "endmembers", "breaks", *more)
        self.cube, self.share = mine.cells(self.folder)
        with rasterio.open(self.folder / "breaks.tif") as dataset:
            self.bands = dict(zip(NAMES, dataset.read().astype(np.float64), strict=True))

    def _mean(self, zone):
        return mean_series(self.cube, self.share[zone])


@pytest.fixture(scope="module")
def runs(shared, tmp_path_factory):
    home, folder = shared / "landsat_bc_annual_2000_2023", tmp_path_factory.mktemp("forest")
    return {
        "ndvi": Run(ForestMine(home, folder / "ndvi", "ndvi"), "recovery"),
        "nbr": Run(ForestMine(home, folder / "nbr", "nbr"), "recovery"),
        "ndvi to 2010": Run(ForestMine(home, folder / "fall", "ndvi", years=[2000, 2010])),
    }


def test_the_sites_are_those_of_the_files(runs):
    zones = runs["ndvi"].mine.zones.set_index("zone")
    assert {z: (int(zones.dist_start[z]), int(zones.rest_start[z])) for z in SITES} == SITES


@pytest.mark.parametrize("index", ["ndvi", "nbr"])
def test_the_index_of_a_run_is_that_of_plain_numpy(runs, index):
    run = runs[index]
    for i, year in enumerate(YEARS):
        with rasterio.open(run.folder / f"ndvi_{year}.tif") as dataset:
            np.testing.assert_allclose(dataset.read(1), run.cube[i], atol=1e-6)


@pytest.mark.parametrize("index", ["ndvi", "nbr"])
def test_recovery_of_the_sites_agrees_with_plain_numpy(runs, index):
    run = runs[index]
    rows = table(run.folder, "recovery_by_zone")
    both = np.add(run.share["reference 1"], run.share["reference 2"])  # they do not overlap
    years_of_r, values_of_r = mean_series(run.cube, both)
    r = dict(zip(years_of_r, values_of_r, strict=True))
    for zone, (_, restored) in SITES.items():
        x = dict(zip(*run._mean(zone), strict=True))
        own = {(row["measure"], row["year"]): row for row in rows if row["zone"] == zone}
        common = [y for y in YEARS if y in x and y in r]
        before = [y for y in common if own["r80p", str(y)]["phase"] == "before"]
        assert before and max(before) < restored
        start = np.mean([x[y] for y in x if y in {*before} or own["r80p", str(y)]["phase"] == "before"])
        for y in YEARS:
            r80p, done = own["r80p", str(y)], own["completeness", str(y)]
            if y not in common:
                assert (r80p["value"], done["value"]) == ("", "")
                continue
            assert float(r80p["value"]) == pytest.approx(x[y] / (0.8 * r[y]), rel=1e-5)
            if abs(r[y] - start - 0.02) > 1e-4:
                wanted = (x[y] - start) / (r[y] - start) if r[y] - start > 0.02 else math.nan
                assert (float(done["value"]) if done["value"] else math.nan) == pytest.approx(wanted, rel=1e-3, nan_ok=True), (zone, y)
        later = [y for y in YEARS if y >= restored]
        hits = [y for y in later if y in common and x[y] >= 0.8 * r[y]]
        (reached,) = [row for row in rows if row["zone"] == zone and row["measure"] == "years_to_recovery_with_partial"]
        assert reached["value"] == ("" if not hits else f"{hits[0] - int(reached['year'])}.0")
        assert int(reached["year"]) in (restored, restored + 1)
        last = max(y for y in common)
        print(f"{index} {zone}, restored {restored}: Y2R {reached['value'] or 'never'}, R80P {last} {float(own['r80p', str(last)]['value']):.3f}")


def test_the_reference_as_it_is_given_overlaps_the_sites_and_is_refused(shared, tmp_path, capsys):
    mine = ForestMine(shared / "landsat_bc_annual_2000_2023", tmp_path, "ndvi", cut=False)
    mine.run("scenes", "composite", "endmembers")
    before = snapshot(tmp_path)
    assert main(["recovery", str(tmp_path / "forest.yaml"), "--sensor", "landsat", "--results", str(tmp_path / "results")]) == 2
    assert "its reference reference 1 overlaps it by 94.3 % of the smaller" in capsys.readouterr().err
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("name", ["ndvi", "nbr", "ndvi to 2010"])
def test_break_years_of_the_sites_agree_with_plain_numpy(runs, name):
    run = runs[name]
    for row in table(run.folder, "breaks_by_zone"):
        cube = run.cube if name != "ndvi to 2010" else run.cube[:11]
        years, mean = mean_series(cube, run.share[row["zone"]])
        assert row["years_used"] == " ".join(map(str, years))
        t = np.array(years, float)
        fit, u = brute_fit(t, mean, 3), all_u(mean)
        assert (int(row["break_year"]), float(row["break_step"])) == (fit["first_after"], pytest.approx(fit["step"], abs=1e-5)), row["zone"]
        k = int(np.argmax(np.abs(u)))
        assert int(row["pettitt_year"]) == years[k + 1]
        print(
            f"{name} {row['zone']}: lines {row['break_year']}, step {float(row['break_step']):+.3f}, p {float(row['break_p']):.4f};"
            f" Pettitt {row['pettitt_year']}, p {float(row['pettitt_p']):.3f}; disturbance {row['disturbance_year'] or 'none shown'}"
        )


@pytest.mark.parametrize("name", ["ndvi", "nbr"])
def test_cells_follow_the_definition(runs, name):
    run = runs[name]
    inside = np.argwhere(run.share["fire"] > 0.5)
    for row, col in np.random.default_rng(3).permutation(inside)[:80]:
        with_value = np.isfinite(run.cube[:, row, col])
        series, t = run.cube[with_value, row, col].astype(np.float32).astype(float), np.array(YEARS, float)[with_value]
        found = run.bands["disturbance"][row, col], run.bands["recovery"][row, col]
        assert found == pytest.approx(_by_definition(t, series), nan_ok=True)


def test_disturbances_fall_in_the_year_of_the_fire_where_it_burnt_and_the_index_tells(runs):
    """A composite may be of before the fire: the first year that shows it is 2005 or 2006."""
    nbr, weight = runs["nbr"].cube, runs["nbr"].share["fire"]
    early = nbr[: FIRE - YEARS[0]]
    before = np.nansum(early, axis=0) / np.maximum(np.isfinite(early).sum(axis=0), 1)
    burnt = before - nbr[FIRE + 1 - YEARS[0]] > DNBR
    found = {}
    for name, run in runs.items():
        for what, cells in (("fire", weight > 0), ("burnt", (weight > 0) & burnt)):
            w, when = weight[cells], run.bands["disturbance"][cells]
            there = np.isfinite(when)
            near = (when == FIRE) | (when == FIRE + 1)
            found[name, what] = w[near].sum() / w.sum(), w[near].sum() / w[there].sum()
            print(
                f"{name}, {what}: a disturbance in {w[there].sum() / w.sum():.3f} of the area, of 2005 or 2006 {found[name, what][0]:.3f}, "
                f"{found[name, what][1]:.3f} of those shown"
            )
        (row,) = [r for r in table(run.folder, "breaks_by_zone") if r["zone"] == "fire"]
        tested = np.isfinite(run.bands["recovery_by"]) & (weight > 0)
        shown = np.isfinite(run.bands["disturbance"]) & (weight > 0)
        assert float(row["disturbed_pct"]) == pytest.approx(100 * weight[shown].sum() / weight[tested].sum(), rel=1e-6)
        years = [r for r in table(run.folder, "break_years_by_zone") if r["zone"] == "fire" and int(r["year"]) in (FIRE, FIRE + 1)]
        assert sum(float(r["disturbed_pct"]) for r in years) == pytest.approx(100 * found[name, "fire"][0] * weight.sum() / weight[tested].sum(), rel=1e-6)
    page = (ROOT / "docs" / "breaks.md").read_text(encoding="utf-8")
    told = {"nbr": "NBR, 2000-2023", "ndvi to 2010": "NDVI, 2000-2010", "ndvi": "NDVI, 2000-2023"}
    for (name, what), (near, of_shown) in found.items():
        (line,) = [x for x in page.splitlines() if x.startswith(f"| {told[name]}{', where it burnt' if what == 'burnt' else ' |'}")]
        cells = [c.strip(" *") for c in line.split("|")]
        assert cells[3:5] == [f"{100 * near:.0f} %", f"{100 * of_shown:.0f} %"]
    assert found["nbr", "fire"][0] > 0.5  # on most of the fire's area
    assert found["nbr", "burnt"][0] > 0.9 and found["nbr", "burnt"][1] > 0.99
    for name in ("ndvi", "ndvi to 2010"):  # of the disturbances that NDVI shows most are the fire; on most of the area it shows none
        assert found[name, "fire"][1] > 0.6 and found[name, "fire"][0] < 0.5
