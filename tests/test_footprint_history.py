"""Footprint and pit lakes of the planted history 2002-2022: every year's excavated and affected ground and the growing lake, bare ground elsewhere left out."""

import numpy as np
import pytest
from running import ROOT
from scipy.ndimage import label

from pipeline import history, planted_history
from pipeline.config_footprint import Footprint as Asked
from pipeline.config_water import Water
from pipeline.evaluation.footprinttable import Site, footprint_of, reference_mean, year_rows
from pipeline.evaluation.pitlaketable import lake_row

ASKED = Asked(bare_below=0.1, connectivity=8, distance_m=planted_history.HALO_M, relative_below=-0.2)
NO_REFERENCE = [z for z in ("Pit No. 4", "Pit No. 5", "South dump of Pit No. 2", "Pit No. 7", "Bare spoil", "Closed meadow")]


@pytest.fixture(scope="module")
def made():
    """Return the planted history: 21 years, 218 x 350 cells of 30 m, with its ground told cell by cell."""
    return history.make(ROOT / "aoi" / "jiangcang.geojson", 1538243)


def found_in(made, i, cover):
    """Return the footprint of the i-th year from cover, and its rows."""
    wet = made.ground[i] == history.WATER
    site = Site(made.place.touched(NO_REFERENCE), np.full(cover.shape, made.place.cell_m2), (30.0, 30.0))
    mean = reference_mean(np.where(wet, np.nan, cover), made.place.area_m2["Background"])
    found = footprint_of(cover, wet, mean, site, ASKED)
    return found, year_rows(found, planted_history.YEARS[i], site, ASKED, {}, 2022)


def test_every_year_is_recovered_cell_by_cell_and_open_ground_elsewhere_is_left_out(made):
    largest = {}
    for i, year in enumerate(planted_history.YEARS):
        found, rows = found_in(made, i, made.cover[i])
        np.testing.assert_array_equal(found.excavated.cells, made.ground[i] == history.DUG, str(year))
        np.testing.assert_array_equal(found.affected.cells, made.ground[i] == history.AFFECTED, str(year))
        assert not (found.excavated.cells & (made.ground[i] == history.OPEN)).any()
        areas = {row["kind"]: row["area_km2"] for row in rows}
        assert areas["excavated"] == pytest.approx((made.ground[i] == history.DUG).sum() * made.place.cell_m2 / 1e6, rel=1e-12)
        largest[year] = areas["excavated"]
    elsewhere = ((made.ground == history.OPEN) & (made.cover < ASKED.bare_below)).sum(axis=(1, 2))
    assert set(elsewhere.tolist()) == {1115}, "bare ground that is not of the mine lies there every year, as docs/footprint.md says"
    peak = max(largest, key=largest.get)
    told = {year: round(largest[year], 3) for year in (2002, peak, 2022)}
    print(f"{len(largest)} years, excavated and affected ground equal cell by cell; excavated km2: {told}")
    assert peak == 2019, "the planted peak of mining"
    assert largest[2002] == 0


def test_hidden_cells_never_add_to_the_area_and_hold_the_truth_between_the_bounds(made):
    """A third of the cells hidden at random: no year's true area leaves the range, and what is shown is a part of what is planted."""
    rng = np.random.default_rng(3)
    for i in (6, 12, 17, 20):
        hidden = np.where((rng.random(made.cover[i].shape) < 0.33) & (made.ground[i] != history.WATER), np.nan, made.cover[i])
        found, rows = found_in(made, i, hidden)
        true = (made.ground[i] == history.DUG).sum() * made.place.cell_m2 / 1e6
        assert rows[0]["area_km2"] <= true <= rows[0]["possible_km2"]
        assert not (found.excavated.cells & (made.ground[i] != history.DUG)).any()
        assert (found.excavated.possible | (made.ground[i] != history.DUG)).all()


def test_the_planted_lake_grows_in_its_pit_alone(made):
    lakes = {}
    for zone, area in made.place.area_m2.items():
        rows = np.flatnonzero(area.any(axis=1))
        cols = np.flatnonzero(area.any(axis=0))
        window = slice(rows[0], rows[-1] + 1), slice(cols[0], cols[-1] + 1)
        for i, year in enumerate(planted_history.YEARS):
            wet = (made.ground[i] == history.WATER)[window]
            row = lake_row(wet.astype(np.float32), area[window], Water(connectivity=4, terrestrial_below_pct=10, aquatic_from_pct=60))
            assert row["water_km2"] == pytest.approx(area[window][wet].sum() / 1e6, rel=1e-9, abs=1e-12)
            assert row["lakes"] == label(wet & (area[window] > 0))[1]
            if wet[area[window] > 0].any():
                lakes.setdefault(zone, {})[year] = row
    print({zone: {year: f"{row['water_low_pct']:.1f} % {row['succession']}" for year, row in of.items()} for zone, of in lakes.items()})
    assert set(lakes) == {"Pit No. 7"}
    own = lakes["Pit No. 7"]
    assert list(own) == list(range(planted_history.UNITS["Pit No. 7"].lake[0], 2023)), "the planted years"
    assert all(np.diff([row["water_km2"] for row in own.values()]) > 0)
    assert [own[year]["succession"] for year in (2017, 2018, 2022)] == ["terrestrial", "mixed", "mixed"], "8.6, 12.7 and 29.6 % of the zone"
