"""The stage `breaks` on a small mine with planted years: raster, tables, maps, chart, report, QGIS, and what is refused."""

import csv
import math
import re
import shutil
import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest
import rasterio
from breaksmine import FELL, ROSE, made, planted, snapshot, stage
from conftest import SmallMine
from matplotlib.image import imread
from pipeline_configs import loaded, refused_config
from test_breaks import brute_fit

from pipeline import config as configs
from pipeline.aoi import read_zones
from pipeline.config_breaks import Breaks
from pipeline.evaluation.breakchart import READ, series_svg, years_svg, zone_years
from pipeline.evaluation.breakedges import at_edges
from pipeline.evaluation.breakmap import FEW, NONE, year_bins
from pipeline.evaluation.breakraster import NAMES, STRIP_CELLS, break_bands
from pipeline.evaluation.breaks import break_p, disturbance_and_recovery, fewest, pettitt
from pipeline.evaluation.breaktable import ZoneBreaks, break_rows
from pipeline.layout import SensorFolder
from pipeline.qgis import groups
from pipeline.report import on_breaks
from pipeline.report.on_breaks import part
from pipeline.styles import year_colours, year_qml

YEARS = tuple(range(2000, 2021))
SENSOR = {"landsat": {"composites": "c/{year}.tif", "bands": {"red": 3, "nir": 4}}}
FILES = {
    "breaks.tif", "breaks.qml", "breaks_by_zone.csv", "break_years_by_zone.csv", "break_disturbance.png", "break_recovery.png", "breaks_by_zone.png"
}  # fmt: skip


def bands(folder):
    with rasterio.open(folder / "breaks.tif") as dataset:
        assert tuple(dataset.descriptions) == NAMES
        return dict(zip(NAMES, dataset.read(), strict=True))


def table(folder, name):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    """A finished mine of 21 years; nobody may change its files."""
    mine = SmallMine(tmp_path_factory.mktemp("breaks"), years=YEARS)
    mine.ndvi = planted(mine)
    mine.red[3, 8, 5] = mine.red[9, 8, 5] = float("nan")  # a cell with two gaps
    mine.red[:17, 9, 5] = float("nan")  # and one with four years
    mine.result = made(mine, "breaks")
    return mine


@pytest.fixture(scope="module")
def folder(mine):
    return mine.result


@pytest.fixture(scope="module")
def ndvi(folder):
    out = []
    for year in YEARS:
        with rasterio.open(folder / f"ndvi_{year}.tif") as dataset:
            out.append(dataset.read(1).astype(np.float64))
    return np.array(out)


def test_all_products_are_there(folder):
    assert {p.name for p in folder.iterdir()} >= FILES
    assert not [p for p in folder.iterdir() if ".part" in p.name]


def test_the_raster_holds_what_the_library_says_of_each_cell_that_a_zone_touches(folder, ndvi):
    found, times = bands(folder), np.array(YEARS, float)
    inside = np.isfinite(found["n"])
    assert int(inside.sum()) == 20 * 20 + 10 * 20
    series = (ndvi[:, inside] - 0.05) / (0.86 - 0.05)
    phases, change = disturbance_and_recovery(series, times, level=0.05), pettitt(series, times)
    for name, expected in (("disturbance", phases.disturbance), ("recovery", phases.recovery), ("pettitt", change.first_after), ("n", change.n)):
        np.testing.assert_array_equal(found[name][inside], expected.astype(np.float32))
    for name, expected in (("disturbance_step", phases.disturbance_step), ("recovery_p", phases.recovery_p), ("pettitt_p", change.p)):
        np.testing.assert_allclose(found[name][inside], expected, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(found["recovery_by"][inside], np.where(phases.tested, phases.recovery_by, np.nan))
    for name in NAMES:
        assert np.isnan(found[name][~inside]).all(), name


def test_planted_years_are_found_and_gaps_stay_gaps(folder):
    found = bands(folder)
    top = int(np.flatnonzero(np.isfinite(found["n"]).any(axis=1))[0])
    left = int(np.flatnonzero(np.isfinite(found["n"]).any(axis=0))[0])
    pit = {name: band[top : top + 20, left : left + 20] for name, band in found.items()}
    assert np.mean(pit["disturbance"] == FELL) > 0.99
    assert np.mean(pit["recovery"] == ROSE) > 0.99
    assert np.nanmedian(pit["disturbance_step"]) < -0.4
    n = pit["n"].ravel().tolist()
    assert (n.count(4), n.count(19), n.count(21)) == (1, 1, 398)
    few = pit["n"] == 4
    for name in ("disturbance", "recovery", "recovery_by", "disturbance_p"):
        assert np.isnan(pit[name][few]).all(), name


def test_zone_rows_agree_with_plain_numpy(folder, ndvi, mine):
    found, rows = bands(folder), {r["zone"]: r for r in table(folder, "breaks_by_zone")}
    inside = np.isfinite(found["n"])
    left = int(np.flatnonzero(inside.any(axis=0))[0])
    column = np.arange(inside.shape[1])[None] - left
    for zone, cells in (("pit", inside & (column < 20)), ("background", inside & (column >= 23))):
        r = rows[zone]
        always = np.isfinite(ndvi[:, cells]).all(axis=0)
        mean = (ndvi[:, cells][:, always].mean(axis=1) - 0.05) / 0.81  # every cell is covered whole
        assert float(r["common_pct"]) == pytest.approx(100 * always.mean(), abs=1e-6)
        fit = brute_fit(np.array(YEARS, float), mean, 3)
        assert (int(r["break_year"]), float(r["break_step"])) == (fit["first_after"], pytest.approx(fit["step"], rel=1e-4))
        assert (float(r["slope_before"]), float(r["slope_after"])) == pytest.approx((fit["slope_before"], fit["slope_after"]), abs=1e-5)
        assert float(r["break_p"]) == pytest.approx(break_p(mean[:, None], np.array(YEARS, float))[0], abs=2e-3)
        tested = np.isfinite(found["recovery_by"][cells])
        assert float(r["tested_pct"]) == pytest.approx(100 * tested.mean(), abs=1e-6)
        when = found["disturbance"][cells][tested]
        assert float(r["disturbed_pct"]) == pytest.approx(100 * np.isfinite(when).mean(), abs=1e-6)
        years, counts = np.unique(when[np.isfinite(when)], return_counts=True)
        assert int(r["disturbance_usual"]) == years[counts.argmax()]
        assert float(r["disturbance_usual_pct"]) == pytest.approx(100 * counts.max() / tested.sum(), abs=1e-6)
        assert float(r["disturbance_median"]) == np.median(when[np.isfinite(when)])
    pit = rows["pit"]
    assert (pit["disturbance_year"], pit["recovery_year"], pit["recovery_by"], pit["note"]) == (str(FELL), str(ROSE), "break", "")
    assert rows["background"]["disturbance_year"] == ""
    assert float(rows["background"]["disturbed_pct"]) < 10


def test_rows_of_years_hold_the_mean_its_lines_and_the_areas(folder, ndvi):
    found, rows = bands(folder), [r for r in table(folder, "break_years_by_zone") if r["zone"] == "pit"]
    assert [int(r["year"]) for r in rows] == list(YEARS)
    mean = np.array([float(r["zone_value"]) for r in rows])
    fit = brute_fit(np.array(YEARS, float), mean, 3)
    t = np.array(YEARS, float)
    at = int(fit["first_after"]) - YEARS[0]
    two = np.concatenate([np.polyval(np.polyfit(part - 2000, mean[part.astype(int) - 2000], 1), part - 2000) for part in (t[:at], t[at:])])
    np.testing.assert_allclose([float(r["two_lines"]) for r in rows], two, atol=1e-9)
    np.testing.assert_allclose([float(r["one_line"]) for r in rows], np.polyval(np.polyfit(t - 2000, mean, 1), t - 2000), atol=1e-9)
    whole = table(folder, "breaks_by_zone")[0]
    assert sum(float(r["disturbed_pct"]) for r in rows) == pytest.approx(float(whole["disturbed_pct"]))
    assert sum(float(r["recovering_pct"]) for r in rows) == pytest.approx(float(whole["recovering_pct"]))
    pit = np.isfinite(found["disturbance"])
    pit[:, 23:] = False
    assert sum(float(r["disturbed_km2"]) for r in rows) == pytest.approx(1e-4 * pit.sum(), rel=1e-2)  # km2 of cells of 10 m


def test_the_overviews_of_years_are_never_between_two_years(tmp_path):
    import dask.array as da
    from affine import Affine
    from odc.geo.geobox import GeoBox

    from pipeline.writer import Band, RasterSpec, write_raster

    years = np.tile(np.array([[2000.0, 2020.0], [2020.0, 2000.0]], np.float32), (512, 512))[None]
    for nearest in (True, False):
        path = tmp_path / f"{nearest}.tif"
        spec = RasterSpec((Band("year"),), "float32", float("nan"), nearest=nearest)
        write_raster(path, da.from_array(years, chunks=(1, 512, 512)), GeoBox(years.shape[1:], Affine(10, 0, 0, 0, -10, 0), "EPSG:32647"), spec)
        with rasterio.open(path, overview_level=0) as small:
            seen = set(np.unique(small.read(1)).tolist())
        assert seen <= {2000.0, 2020.0} if nearest else seen == {2010.0}


def test_threads_and_blocks_change_no_byte(mine, folder):
    before = {name: (folder / name).read_bytes() for name in FILES}
    assert stage(mine, "breaks", "--sensor", "sentinel-2", "--threads", "2", "--block", "16") == 0
    assert {name: (folder / name).read_bytes() for name in FILES} == before


def test_strips_of_cells_change_nothing():
    rng, times = np.random.default_rng(5), np.arange(2000.0, 2009)
    series = rng.normal(size=(9, 300))
    whole = break_bands(np.tile(series, (1, STRIP_CELLS // 300 + 2)), times, Breaks())
    alone = break_bands(series, times, Breaks())
    np.testing.assert_array_equal(whole, np.tile(alone, (1, STRIP_CELLS // 300 + 2)))


def test_the_box_is_filled_where_it_is_asked_for(tmp_path):
    mine = SmallMine(tmp_path, years=tuple(range(2000, 2008)))
    planted(mine)
    mine.settings["grid"] = {"buffer_m": 50, "clip": "box"}
    n = bands(made(mine, "breaks"))["n"]
    assert np.isfinite(n).all()
    assert (n == 8).sum() > 400


def test_sub_period_and_levels(mine, tmp_path):
    own = SmallMine(tmp_path, years=YEARS)
    planted(own)
    own.settings["breaks"] = {"years": [2000, 2012], "method": "levels", "level": 0.01}
    own.settings["trend"] = {"variable": "ndvi"}
    folder = made(own, "breaks")
    (pit, _), of_years = table(folder, "breaks_by_zone"), table(folder, "break_years_by_zone")
    assert (pit["first_year"], pit["last_year"], pit["n"], pit["break_method"], pit["shown_at"]) == ("2000", "2012", "13", "levels", "0.01")
    assert (pit["disturbance_year"], pit["recovery_year"]) == (str(FELL), "")
    assert float(pit["disturbance_step"]) == pytest.approx(-0.45, abs=0.01)
    assert (float(pit["slope_before"]), float(pit["slope_after"])) == (0, 0)
    assert {r["year"] for r in of_years} == {str(y) for y in range(2000, 2013)}
    with rasterio.open(folder / "breaks.tif") as dataset:
        tags = dataset.tags()
    assert (tags["period"], tags["method"], tags["shown_at"], tags["variable"]) == ("2000-2012", "levels", "0.01", "ndvi")


# Too few years


@pytest.mark.parametrize(("count", "settings", "needs"), [(5, {}, 6), (7, {"method": "levels"}, 8), (9, {"least": 5}, 10)])
def test_too_few_years_are_refused_in_words(tmp_path, count, settings, needs):
    mine = SmallMine(tmp_path, years=tuple(range(2000, 2000 + count)))
    planted(mine)
    mine.settings["breaks"] = settings
    folder = made(mine, "breaks")
    found = bands(folder)
    inside = np.isfinite(found["n"])
    assert set(found["n"][inside].tolist()) == {count}
    for name in ("disturbance", "recovery", "recovery_by"):
        assert np.isnan(found[name]).all(), name
    for r in table(folder, "breaks_by_zone"):
        assert f"{count} years with a value; a break needs at least {needs}" in r["note"]
        assert f"no cell has {needs} years with a value" in r["note"]
        assert (r["break_year"], r["break_p"], r["disturbed_pct"], r["tested_pct"]) == ("", "", "", "0.0")
    for r in table(folder, "break_years_by_zone"):
        assert (r["disturbed_km2"], r["disturbed_pct"]) == ("", "")
        assert float(r["zone_value"]) > 0
    said = shown_part(mine, folder)
    assert all(f"{count} years with a value, a break needs at least {needs}: no year can be told" in t.en for t in said.lead)
    assert all(f"至少需 {needs} 年" in t.zh for t in said.lead)
    assert said.figures == () and said.notes == ()
    image = imread(folder / "break_disturbance.png")
    assert painted(image, FEW) > 100_000 and painted(image, NONE) < 1000


def test_fewest_is_the_smallest_number_of_values_that_the_p_of_a_clear_step_can_reach():
    for slopes in (True, False):
        for level in (0.001, 0.01, 0.05, 0.2):
            needs = fewest(level, slopes=slopes)
            for n in range(6, 11):
                clear = np.where(np.arange(n) < n // 2, 0.8, 0.1) + 1e-4 * np.array([3, -1, 4, 1, -5, 9, -2, 6, 5, -3][:n])
                p = break_p(clear[:, None], np.arange(float(n)), slopes=slopes)[0]
                assert (p <= level) == (n >= needs), (slopes, level, n, p)


# Config


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"years": [2012, 2005]}, "rising years in 2000..2020"),
        ({"years": [1999, 2010]}, "rising years in 2000..2020"),
        ({"years": [2010, 2021]}, "rising years in 2000..2020"),
        ({"years": [2010, 2014]}, "at least 6 years, 3 on each side"),
        ({"years": [2010, 2016], "least": 4}, "at least 8 years, 4 on each side"),
        ({"least": 2}, "greater than or equal to 3"),
        ({"level": 0.5}, "less than or equal to 0.2"),
        ({"level": 0}, "greater than or equal to 0.001"),
        ({"method": "hinge"}, "lines"),
        ({"levels": 0.05}, "level"),
        ({"sensors": ["modis"]}, "ids of landsat"),
    ],
)
def test_bad_keys_are_refused(tmp_path, asked, says):
    error = refused_config(tmp_path, SENSOR, years={"first": 2000, "last": 2020}, breaks=asked)
    assert "breaks" in str(error) and says in str(error)


def test_bad_years_write_nothing(tmp_path, capsys):
    mine = SmallMine(tmp_path, years=tuple(range(2000, 2010)))
    planted(mine)
    mine.settings["breaks"] = {"years": [2000, 2004]}
    mine.write()
    before = snapshot(mine.folder)
    assert stage(mine, "breaks", "--sensor", "sentinel-2") == 2
    assert "2000..2004, 5 years, with breaks.least 3" in capsys.readouterr().err
    assert snapshot(mine.folder) == before


def test_without_the_key_nothing_is_made(tmp_path):
    config = loaded(tmp_path, SENSOR)
    assert config.breaks is None
    assert "breaks" not in config.evaluations
    asked = loaded(tmp_path, SENSOR, breaks={})
    assert asked.breaks.period(asked) == asked.breaks.shown_years(asked) == (2020, 2024)  # five years: none can break
    longer = loaded(tmp_path, SENSOR, years={"first": 2000, "last": 2020}, breaks={"least": 4})
    assert longer.breaks.shown_years(longer) == (2004, 2017)


# Rows by hand


def by_hand(**more):
    nan = math.nan
    of = {"area_m2": np.array([100.0, 300.0, 100.0, 100.0, 400.0]), "disturbance": np.array([2005, 2006, nan, 2006, nan])}
    of |= {"recovery": np.array([2005, nan, 2008, 2009, nan]), "recovery_by": np.array([2, 0, 1, 1, nan])}
    years = tuple(range(2000, 2012))
    values = np.where(np.arange(12) < 6, 0.8, 0.2) + 0.01 * np.array([0, 1, -1, 0.5, -0.5, 1, 0, -1, 0.7, -0.6, 0.2, 0.9])
    return ZoneBreaks(**({"years": years, "values": values, "common_pct": 90.0} | of | more))


def test_shares_are_of_the_tested_area():
    row, years = break_rows(by_hand(), Breaks(), (2000, 2011), {"zone": "z"})
    assert row["tested_pct"] == pytest.approx(60)
    assert row["disturbed_pct"] == pytest.approx(100 * 500 / 600)
    assert (row["disturbance_usual"], row["disturbance_usual_pct"], row["disturbance_median"]) == (2006, pytest.approx(400 / 6), 2006)
    assert row["recovering_pct"] == pytest.approx(50)
    assert row["recovery_median"] == 2008
    by = {r["year"]: r for r in years}
    assert (by[2006]["disturbed_km2"], by[2006]["recovering_pct"]) == (pytest.approx(4e-4), 0)
    assert by[2009]["recovering_pct"] == pytest.approx(100 / 6)


def test_nothing_shown_is_zero_and_nothing_tested_is_empty():
    nan = np.full(5, math.nan)
    row, _ = break_rows(by_hand(disturbance=nan, recovery=nan), Breaks(), (2000, 2011), {})
    assert (row["disturbed_pct"], row["recovering_pct"]) == (0, 0)
    assert row["disturbance_usual"] is None
    row, years = break_rows(by_hand(disturbance=nan, recovery=nan, recovery_by=nan), Breaks(), (2000, 2011), {})
    assert row["disturbed_pct"] is None
    assert {r["disturbed_pct"] for r in years} == {None}
    assert row["note"] == "no cell has 6 years with a value"
    assert row["disturbance_year"] == 2006  # the mean may be known where no cell is


def test_a_mean_on_one_line_has_no_break():
    row, years = break_rows(by_hand(values=0.1 + 0.02 * np.arange(12)), Breaks(), (2000, 2011), {})
    assert (row["break_year"], row["break_p"], row["disturbance_year"]) == (None, 1, None)
    assert [y["two_lines"] for y in years] == [None] * 12
    assert years[5]["one_line"] == pytest.approx(0.2)


def test_a_zone_without_any_year_has_a_row():
    row, years = break_rows(by_hand(years=(), values=np.empty(0), common_pct=0.0), Breaks(), (2000, 2011), {})
    assert row["note"].startswith("0 years with a value; a break needs at least 6")
    assert len(years) == 12 and years[0]["zone_value"] is None


# The ends of a series


WAVES = 0.01 * np.array([0, 1, -1, 0.5, -0.5, 1, 0, -1, 0.7, -0.6, 0.2, 0.9, -0.8, 0.4, 0.1, -0.3, 0.6, -0.9, 0.3, -0.2, 0.8])


def dug_and_restored(fell, rose, first=2002, last=2022, least=3):
    """Return the row of a zone of 0.75 cover that was 0.2 from `fell` on and 0.6 from `rose` on."""
    years = np.arange(first, last + 1)
    values = np.where(years < fell, 0.75, np.where(years < rose, 0.2, 0.6)) + WAVES[: years.size]
    return break_rows(by_hand(years=tuple(years.tolist()), values=values), Breaks(least=least), (first, last), {"zone": "z"})[0]


@pytest.mark.parametrize(("rose", "told", "later"), [(2021, 2020, True), (2020, 2020, True), (2018, 2018, False)])
def test_a_recovery_in_the_last_years_is_noted_as_one_that_may_be_later(rose, told, later):
    row = dug_and_restored(2009, rose)
    assert (row["disturbance_year"], row["recovery_year"]) == (2009, told)
    assert row["note"] == ("recovery in 2020 or later: no break of its values can be placed later" if later else None)
    assert at_edges(row, 3) == {"disturbance": (), "recovery": ("later",) if later else ()}


def test_a_disturbance_in_the_first_and_in_the_last_years_is_noted():
    first = dug_and_restored(2005, 2040)
    assert (first["disturbance_year"], first["note"][:27]) == (2005, "disturbance in 2005 or earl")
    last = dug_and_restored(2020, 2040)
    assert (last["disturbance_year"], last["note"][:27]) == (2020, "disturbance in 2020 or late")
    assert dug_and_restored(2006, 2040)["note"] is dug_and_restored(2019, 2040)["note"] is None


def test_the_ends_are_those_of_the_values_that_a_year_was_sought_in():
    row = {"years_used": " ".join(map(str, range(2002, 2023))), "break_year": 2018, "disturbance_year": 2015, "recovery_year": 2018, "recovery_by": "break"}
    assert at_edges(row, 3) == {"disturbance": ("later",), "recovery": ("earlier",)}  # of 2002-2017 the third from the end, of 2015-2022 the fourth
    assert at_edges(row, 4) == {"disturbance": (), "recovery": ()}
    alone = row | {"disturbance_year": None}
    assert at_edges(alone | {"recovery_year": 2005}, 3)["recovery"] == ("earlier",)
    gaps = row | {"years_used": "2002 2003 2004 2009 2010 2011 2012 2013 2020 2021 2022", "disturbance_year": None, "recovery_year": 2020}
    assert at_edges(gaps, 3)["recovery"] == ("later",)
    from_fall = row | {"disturbance_year": 2018, "recovery_by": "disturbance"}
    assert at_edges(from_fall, 5) == {"disturbance": ("later",), "recovery": ()}


def test_one_year_is_no_years():
    row, _ = break_rows(by_hand(years=(2004,), values=np.array([0.4])), Breaks(), (2000, 2011), {})
    assert row["note"].startswith("1 year with a value; ")


# Figures


def rgb(colour):
    return np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255


def painted(image, colour):
    """Return the number of pixels of one colour."""
    return int((np.abs(image[..., :3] - rgb(colour)).max(axis=-1) < 0.5 / 255).sum())


def test_the_maps_show_the_planted_years_in_their_colours(mine, folder):
    first, last = 2003, 2018
    colours = year_colours(0, len(year_bins(first, last)) - 1)
    assert year_bins(first, last) == [(y, y) for y in range(2003, 2019)]
    for name, year in (("disturbance", FELL), ("recovery", ROSE)):
        image = imread(folder / f"break_{name}.png")
        most = max(colours.values(), key=lambda c, image=image: painted(image, c))
        assert most == colours[year - first]
        assert painted(image, NONE) > 100_000  # the background


def test_the_words_of_the_maps_name_the_ends(mine, monkeypatch):
    captions = {}
    monkeypatch.setattr("pipeline.stages.breaks.year_map", lambda *given: captions.setdefault(given[6].title, given[6].captions))
    monkeypatch.setattr("pipeline.stages.breaks.save", lambda *given: None)
    assert stage(mine, "breaks", "--sensor", "sentinel-2") == 0
    for _, ends in captions.values():
        assert ends.en == "A break needs 3 values on each side: read 2003 as that year or earlier, 2018 as that year or later."
        assert ends.zh == "突变两侧各需 3 个值：2003 年应读作该年或更早，2018 年应读作该年或更晚。"
    assert len(captions) == 2


def test_bins_cover_every_year_once():
    for first, last in ((2003, 2003), (2003, 2022), (2003, 2023), (1986, 2022)):
        bins = year_bins(first, last)
        assert [y for a, b in bins for y in range(a, b + 1)] == list(range(first, last + 1))
        assert len(bins) <= 20


def test_the_style_has_one_entry_for_each_year_that_can_occur(folder):
    items = list(ET.parse(folder / "breaks.qml").iter("item"))
    assert [i.get("value") for i in items] == [i.get("label") for i in items] == [str(y) for y in range(2003, 2019)]
    assert len({i.get("color") for i in items}) == 16
    shader = next(ET.fromstring(year_qml(2003, 2003)).iter("colorrampshader"))
    assert (shader.get("colorRampType"), len(shader)) == ("EXACT", 1)


def test_the_project_has_the_year_of_disturbance_as_a_layer(mine):
    from pipeline.layout import MineFolder

    config = configs.load(mine.config)
    (sensor,) = groups(config, MineFolder(mine.results, "small"), "sentinel-2", ())
    (layer,) = [c for c in sensor.content if c.name.startswith("year of disturbance")]
    assert (layer.name, layer.path.name, layer.visible) == ("year of disturbance 2000-2020", "breaks.tif", False)
    assert [i.get("value") for i in layer.pipe.iter("item")] == [str(y) for y in range(2003, 2019)]


# Report


def shown_part(mine, folder):
    config = configs.load(mine.config)
    return part(config, read_zones(config, mine.config), "sentinel-2", SensorFolder(folder))


def test_the_report_says_what_the_tables_say_in_both_languages(mine, folder):
    said = shown_part(mine, folder)
    assert said.title.en == "When it changed, 2000-2020"
    pit, background = said.lead
    assert f"pit: its mean fell in {FELL} by " in pit.en and f"began to recover in {ROSE}" in pit.en
    assert f"于 {FELL} 年下降" in pit.zh and f"自 {ROSE} 年起恢复" in pit.zh
    assert "background: its mean shows no disturbance and no recovery" in background.en
    assert "background：均值未显示扰动或恢复" in background.zh
    shares = np.array([float(r["disturbed_pct"]) for r in table(folder, "break_years_by_zone") if r["zone"] == "pit"])
    assert f"shows a disturbance, most often in {FELL} ({shares.max():.0f} % of the area)" in pit.en
    assert any("about 5 % show one by chance" in t.en for t in said.notes)
    assert len(said.figures) == 4
    for figure in said.figures:
        root = ET.fromstring(figure.svg)
        assert len(figure.svg) < 8000
        assert len([e for e in root.iter() if e.tag.endswith(("circle", "rect"))]) >= 1
    assert [h.key for h in said.tables[0].headings if h.key not in said.tables[0].rows[0]] == []


@pytest.fixture
def edited(mine, folder, tmp_path):
    """Return the part of the report after changes of the rows of the zones."""

    def made(references=None, **changes):
        rows = [r | changes.get(r["zone"], {}) for r in table(folder, "breaks_by_zone")]
        for name in ("breaks_by_zone", "break_years_by_zone"):
            shutil.copyfile(folder / f"{name}.csv", tmp_path / f"{name}.csv")
        with (tmp_path / "breaks_by_zone.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, rows[0])
            writer.writeheader()
            writer.writerows(rows)
        config = configs.load(mine.config)
        zones = read_zones(config, mine.config)
        return part(config, zones if references is None else replace(zones, references=references), "sentinel-2", SensorFolder(tmp_path))

    return made


def test_the_report_says_or_later_and_or_earlier_of_the_last_and_the_first_year(edited):
    pit = edited(pit={"break_year": "2003", "disturbance_year": "2003", "recovery_year": "2018", "recovery_usual": "2018", "disturbance_usual": "2003"}).lead[0]
    assert "fell in 2003 or earlier by" in pit.en and "began to recover in 2018 or later;" in pit.en
    assert "于 2003 年或更早下降" in pit.zh and "自 2018 年或更晚起恢复" in pit.zh
    assert "most often in 2003 or earlier (" in pit.en and "most often from 2018 or later (" in pit.en
    assert "多在 2003 年或更早，" in pit.zh and "多自 2018 年或更晚，" in pit.zh
    same = {"break_year": "2003", "disturbance_year": "2003", "recovery_year": "2003", "recovery_by": "disturbance"}
    pit = edited(pit=same).lead[0]
    assert "has risen since 2003;" in pit.en and "自 2003 年起恢复" in pit.zh


def test_a_year_of_little_area_is_not_called_the_usual_one(edited):
    few = {"disturbed_pct": "40", "disturbance_usual_pct": "9.9", "recovering_pct": "40", "recovery_usual_pct": "10"}
    pit = edited(pit=few).lead[0]
    assert f"40 % shows a disturbance, 40 % a recovery, most often from {ROSE} (10 % of the area)" in pit.en
    assert f"40%显示扰动，40%显示恢复（多自 {ROSE} 年，占受检面积的 10%）" in pit.zh


def test_pettitt_is_told_as_a_difference_and_a_recovery_alone_says_that_no_disturbance_was_found(edited):
    pit, background = edited(pit={"disturbance_year": "", "pettitt_year": "2010"}, background={"pettitt_year": "2007", "pettitt_p": "0.4"}).lead
    assert f"its mean shows no disturbance and began to recover in {ROSE}; " in pit.en and f"均值未显示扰动，自 {ROSE} 年起恢复" in pit.zh
    assert "Pettitt's test: values before 2010 differ from those since, as a trend makes them too, p " in pit.en
    assert "2010 年之前与该年以来的值不同（单纯的趋势也会如此），p " in pit.zh
    assert "Pettitt's test: no difference shown (p = 0.4)" in background.en and "未显示差异（p = 0.4）" in background.zh
    assert "change in" not in pit.en + background.en


def test_shares_stand_beside_those_of_the_reference(edited):
    told = edited(background={"disturbed_pct": "12", "recovering_pct": "17"})
    pit, background = told.lead
    assert pit.en.endswith("; of the reference 12 % and 17 %.") and pit.zh.endswith("；参考区为 12%和 17%。")
    assert "of the reference" not in background.en
    both = edited({"pit": ("pit 2", "background"), "background": ()}, background={"disturbed_pct": "12", "recovering_pct": "17"})
    assert both.lead[0].en.endswith("; of the reference 12 % and 17 %.")  # a zone without a row says nothing
    untested = edited(background={"disturbed_pct": "", "recovering_pct": "", "tested_pct": "0.0"})
    assert "of the reference" not in untested.lead[0].en and untested.warnings == ()


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"disturbed_pct": "19", "recovering_pct": "3"}, "19 % of its area shows a disturbance and 3.0 % a recovery"),
        ({"disturbed_pct": "3", "recovering_pct": "12.6"}, "3.0 % of its area shows a disturbance and 13 % a recovery"),
        (
            {"break_year": "2007", "break_p": "0.0032", "disturbed_pct": "3", "recovering_pct": "3"},
            "its mean shows a break in 2007 (p = 0.0032), 3.0 % of its area",
        ),
        ({"disturbed_pct": "12.5", "recovering_pct": "12.5"}, None),
    ],
)
def test_a_reference_that_changed_is_warned_of(edited, changes, says):
    told = edited(background={"break_p": "0.5"} | changes)
    if says is None:
        assert told.warnings == ()
        return
    (warning,) = told.warnings
    assert warning.en.startswith("background is a reference, and ") and says in warning.en
    assert warning.en.endswith(": what its zones show is not theirs alone.")
    assert warning.zh.startswith("background 为参考区，") and warning.zh.endswith("并非仅属于自身。")
    assert re.findall(r"[0-9.]*[0-9]", warning.en) == re.findall(r"[0-9.]*[0-9]", warning.zh)
    assert edited({"pit": (), "background": ()}, background={"break_p": "0.5"} | changes).warnings == ()


def test_the_charts_say_that_years_may_be_of_a_part_and_at_the_ends():
    for words in (READ, on_breaks.READ.en):
        assert "The lines are those of the whole series; these years may be those of a part of it" in words
        assert words.count("may be earlier or later") == 1
    assert "直线属于整个序列" in on_breaks.READ.zh and "实际可能更早或更晚" in on_breaks.READ.zh


def test_no_line_of_the_series_leaves_the_frame(folder):
    steep = zone_years(table(folder, "breaks_by_zone"), table(folder, "break_years_by_zone"))[0]
    steep = replace(steep, one=tuple(np.linspace(1.4, -0.5, 21)), two=tuple(np.concatenate([np.linspace(-0.9, 0.2, 8), np.linspace(0.3, 1.9, 13)])))
    lines = ET.fromstring(series_svg(steep, "t")).findall("{*}line")
    places = [(float(x.get(f"x{i}")), float(x.get(f"y{i}"))) for x in lines for i in (1, 2)]
    assert all(42 <= x <= 348 and 12 <= y <= 174 for x, y in places)


def test_the_series_figure_marks_the_break_and_its_lines(folder):
    pit, background = zone_years(table(folder, "breaks_by_zone"), table(folder, "break_years_by_zone"))
    before, after = pit.parts
    assert (before[0][0], before[-1][0], after[0][0], after[-1][0]) == (2000, pit.break_year - 1, pit.break_year, 2020)
    assert background.parts == ([], [])
    svg = ET.fromstring(series_svg(pit, "<pit & more>"))
    assert svg.find("{*}title").text == "<pit & more>"
    titles = [t.text for t in svg.findall(".//{*}title")]
    assert f"disturbance 扰动 {FELL}" in titles and f"recovery 恢复 {ROSE}" in titles
    assert len(svg.findall("{*}circle")) == 21
    assert len([e for e in svg.findall("{*}line") if e.get("stroke-width") == "2"]) == 2
    bars = ET.fromstring(years_svg(pit, "t")).findall("{*}rect")
    assert all(float(b.get("height")) > 0 for b in bars)
    tallest = max(bars, key=lambda b: float(b.get("height")))
    assert tallest.find("{*}title").text.split(":")[0] in (f"disturbance 扰动 {FELL}", f"recovery 恢复 {ROSE}")
    low, high = background.range
    assert high - low >= 0.1 - 1e-9 and background.most == 10  # noise does not fill a panel
