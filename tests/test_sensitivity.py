"""Variants of the analysis against plain numpy, and what is called robust."""

import csv
import hashlib
import itertools
import json
from datetime import date, timedelta

import numpy as np
import openpyxl
import pytest
import rasterio
from running import ROOT, snakemake
from scenemine import NORTH, SHAPE, WEST, SceneMine, read
from test_composite import composed, plain

from pipeline import config as configs
from pipeline import config_sensitivity, inspection, plan, planted
from pipeline.__main__ import main
from pipeline.config import Season
from pipeline.manifest import verify
from pipeline.margin import UNUSABLE
from pipeline.season import season_year
from pipeline.sensitivity import robust, sign, with_verdicts
from pipeline.tables import read_csv, write_csv
from pipeline.variants import all_variants, scene_variants, span

YEARS = (2020, 2021, 2022, 2023)
DAYS = ("06-14", "06-18", "06-28", "07-03", "07-20", "08-10", "08-25", "09-05", "09-20")
SEASONS = {"base": ("07-01", "08-31"), "season_minus_15": ("06-16", "08-16"), "season_plus_15": ("07-16", "09-15")}
MEDIAN = lambda v: np.nanmedian(v, axis=0)  # noqa: E731
METHODS = {"method_max": lambda v: np.nanmax(v, axis=0), "method_p75": lambda v: np.nanpercentile(v.astype("f8"), 75, axis=0)}
WINDOWS = {"pit": np.s_[6:50, 5:40], "background": np.s_[6:50, 45:74]}  # of the scenes: rows and columns of whole cells


def varied(folder, years=YEARS, days=DAYS):
    """A mine whose cover changes within the season, with clouds, water, no data, and two scenes on one day beside the season."""
    mine = SceneMine(folder)
    mine.zones = [("pit", mine.zones[0][1]), ("background", type(mine.zones[0][1])(_box("background")))]
    for (i, year), (k, day) in itertools.product(enumerate(years), enumerate(days)):
        rng = np.random.default_rng([year, k])
        ground = np.kron(np.random.default_rng(7).random((15, 20)), np.ones((4, 4)))
        ndvi = np.clip(ground * (0.6 + 0.05 * i) + 0.02 * (k - 4) * (ground - 0.4) + 0.05, 0.02, 0.95)
        scl = np.kron(rng.choice([4, 5, 8, 6, 0, 3], (15, 20), p=[0.55, 0.2, 0.1, 0.08, 0.04, 0.03]), np.ones((2, 2)))
        scl[20:24, 4:10] = 6 if i < 2 else 4  # a pond that dries up
        mine.add(f"{year}-{day}", ndvi=ndvi, noise=0.01, scl=scl.astype("u1"), seed=year)
        if day == "09-05":
            mine.add(f"{year}-{day}T04:07:25Z", ndvi=0.4, noise=0.02, scl=rng.choice([0, 4, 8], (30, 40)), seed=year)
    mine.settings["years"] = {"first": years[0], "last": years[-1]}
    mine.settings["mask"] = {"dilate": [], "dilate_m": 0}
    mine.settings["fvc"] = {"soil": {"percentile": 5}, "vegetation": {"percentile": 95}}
    mine.settings["trend"] = {"periods": [[years[0], years[-1]], [years[1], years[-1]]]}
    mine.settings["sensitivity"] = {"fixed": {"soil": 0.07, "vegetation": 0.75}}
    return mine


def _box(zone):
    rows, cols = WINDOWS[zone]
    west, east, north, south = WEST + 10 * cols.start, WEST + 10 * cols.stop, NORTH - 10 * rows.start, NORTH - 10 * rows.stop
    return [(west, south), (east, south), (east, north), (west, north)]


@pytest.fixture(scope="module")
def mine(tmp_path_factory):
    return varied(tmp_path_factory.mktemp("varied"))


@pytest.fixture(scope="module")
def folder(mine):
    return mine.run()


@pytest.fixture(scope="module")
def rows(folder):
    return read_csv(folder / "sensitivity.csv")


def row(rows, variant, zone="pit", period=(YEARS[0], YEARS[-1])):
    (found,) = [r for r in rows if (r["variant"], r["zone"], int(r["first_year"]), int(r["last_year"])) == (variant, zone, *period)]
    return found


def bands(path):
    with rasterio.open(path) as dataset:
        return dict(zip(dataset.descriptions, dataset.read(), strict=True))


def by_hand(mine, folder, variant, year):
    """Return NDVI and the share of water of a year under a variant, by plain numpy on the variant's own days."""
    first, last = SEASONS.get(variant, SEASONS["base"])
    days = {day: v for day, v in plain(mine, folder, year, dilate_m=0).items() if f"{year}-{first}" <= day <= f"{year}-{last}"}
    value, _, share = composed(days, METHODS.get(variant, MEDIAN))
    return value, share, len(days)


# ---------------------------------------------------------------- composites


@pytest.mark.parametrize("year", YEARS)
@pytest.mark.parametrize("variant", ["season_minus_15", "season_plus_15", "method_p75", "method_max"])
def test_composites_of_the_variants_equal_plain_numpy_on_their_own_days(mine, folder, variant, year):
    value, share, days = by_hand(mine, folder, variant, year)
    found = bands(folder / "sensitivity" / f"ndvi_{year}.tif")
    own = read(folder / f"ndvi_{year}.tif")
    assert days == {"season_minus_15": 5, "season_plus_15": 4}.get(variant, 4)
    assert 0.3 < np.isfinite(value).mean() < 0.99
    assert not np.array_equal(np.isfinite(value), np.isfinite(own)) or np.nanmax(np.abs(value - own)) > 0.01
    np.testing.assert_allclose(found[f"ndvi_{variant}"], value, rtol=0, atol=1e-6 if variant == "method_p75" else 0)
    if variant in SEASONS:
        np.testing.assert_array_equal(found[f"water_{variant}"], share)
    assert set(found) == {
        *(f"ndvi_{v}" for v in ("season_minus_15", "season_plus_15", "method_p75", "method_max")),
        "water_season_minus_15",
        "water_season_plus_15",
    }


@pytest.mark.parametrize("year", YEARS)
def test_the_runs_own_composite_is_of_its_own_days_only(mine, folder, year):
    value, share, _ = by_hand(mine, folder, "base", year)
    np.testing.assert_array_equal(read(folder / f"ndvi_{year}.tif"), value)
    np.testing.assert_array_equal(read(folder / f"water_{year}.tif"), share)


def digests(folder):
    names = sorted(p for p in folder.rglob("*") if p.suffix in {".tif", ".csv", ".qml", ".json"} and "sensitivity" not in str(p.relative_to(folder)))
    return {str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in names}


def test_every_other_product_is_the_same_bytes_with_and_without(mine, folder, tmp_path):
    without = varied(tmp_path / "same")
    without.folder, without.settings["sensitivity"] = mine.folder, False
    without.settings["sensors"], without.settings["aoi"] = mine.settings["sensors"], mine.settings["aoi"]
    mine.config.rename(tmp_path / "kept.yaml")
    without.write_config()
    try:
        other = without.run(results="without", write=False)
    finally:
        (tmp_path / "kept.yaml").replace(mine.config)
    on, off = digests(folder), digests(other)
    accounts = {"scenes.json", "ledger.csv"}
    assert {n for n in on if on[n] != off.get(n)} == accounts
    assert set(on) == set(off)
    assert len(on) > 40
    assert not (other / "sensitivity").exists()
    pinned, plainly = (json.loads((f / "scenes.json").read_text()) for f in (folder, other))
    assert pinned["scenes"] == plainly["scenes"]
    assert "margin" not in plainly
    whole, part = read_csv(folder / "ledger.csv"), read_csv(other / "ledger.csv")
    assert [r["item"] for r in whole] == [r["item"] for r in part]
    changed = {r["item"] for r, s in zip(whole, part, strict=True) if r != s}
    assert changed == {s["id"] for s in pinned["margin"]}
    assert len(changed) == 4 * len(YEARS)


def test_the_ledger_accounts_for_every_asset_and_says_what_serves_variants_only(mine, folder):
    ledger = read_csv(folder / "ledger.csv")
    assert len(ledger) == 3 * len(mine.scenes)
    only = {r["item"] for r in ledger if r["status"] == "read" and r["reason"].startswith("for sensitivity.csv only: ")}
    assert only == {s["id"] for s in mine.scenes if s["when"][5:10] in {"06-18", "06-28", "09-05"}}
    dropped = {r["item"] for r in ledger if r["status"] == "dropped"}
    assert dropped == {s["id"] for s in mine.scenes if s["when"][5:10] in {"06-14", "09-20"}}
    assert {r["reason"] for r in ledger if r["status"] == "dropped"} == {"outside the seasons"}
    seen = {r["item"] for r in read_csv(folder / "zone_by_scene.csv")}
    assert seen == {s["id"] for s in mine.scenes if "07-01" <= s["when"][5:10] <= "08-31"}


def test_blocks_and_threads_change_no_byte(mine, folder):
    config = str(mine.config)
    other = mine.folder / "small-blocks"
    common = ["--sensor", "sentinel-2", "--results", str(other), "--threads", "3", "--block", "16"]
    for stage in (["scenes"], *(["composite", "--year", str(y)] for y in YEARS)):
        assert main([stage[0], config, *stage[1:], *common]) == 0
    for year in YEARS:
        name = f"sensitivity/ndvi_{year}.tif"
        assert (other / "small" / "sentinel-2" / name).read_bytes() == (folder / name).read_bytes()


# ---------------------------------------------------------------- the table


PUBLIC = {"increase": "increase_pct", "decrease": "decrease_pct", "no_change": "no_change_pct", "insufficient": "insufficient_pct"} | {
    f"significant_or_slight_{d}": f"significant_or_slight_{d}_pct" for d in ("increase", "decrease")
}


def equals_public(folder):
    """Compare every base row, cell by cell as text, with the public tables; return how many cells."""
    rows, compared = read_csv(folder / "sensitivity.csv"), 0
    change, groups = (read_csv(folder / f"{name}.csv") for name in ("fvc_change_by_zone", "trend_groups_by_zone"))
    for r in (r for r in rows if r["variant"] == "base"):
        (there,) = [c for c in change if (c["zone"], c["from_year"], c["to_year"]) == (r["zone"], r["first_year"], r["last_year"])]
        for name in ("role", "fvc_from", "fvc_to", "change_points"):
            assert r[name] == there[name], (r["zone"], name)
            compared += 1
        for g in groups:
            if (
                g["target"] == "absolute"
                and (g["level"], g["zone"], g["first_year"], g["last_year"]) == ("zone", r["zone"], r["first_year"], r["last_year"])
                and g["group"] in PUBLIC
            ):
                assert r[PUBLIC[g["group"]]] == g["share_pct"], (r["zone"], g["group"])
                compared += 1
    return compared


def test_the_base_equals_the_public_tables(folder):
    assert equals_public(folder) == 2 * 2 * 10


def test_the_base_equals_the_public_tables_on_the_default_mine(jiangcang):
    folder = jiangcang.results / "jiangcang" / "sentinel-2"
    assert equals_public(folder) == 7 * 2 * 10
    listed = json.loads((jiangcang.results / "jiangcang" / "run.json").read_text())["sha256"]
    assert {"sentinel-2/sensitivity.csv", "sentinel-2/sensitivity/ndvi_2020.tif"} <= set(listed)
    notes = {r["note"] for r in read_csv(folder / "sensitivity.csv") if r["variant"].startswith("season")}
    assert len(notes) == 1
    assert "a shorter season, not a shifted one" in notes.pop()  # its scenes are all of July and August


def fractions(ndvi, soil, vegetation):
    return (ndvi.astype("f8") - soil) / (vegetation - soil)


def expected(mine, folder, variant, zone, period):
    """Return the numbers of a row by plain numpy: pair, covers, and shares in per cent; every cell counts alike."""
    grid = json.loads((folder / "scenes.json").read_text())["grid"]
    left, top = round((grid["transform"][2] - WEST) / 10), round((NORTH - grid["transform"][5]) / 10)
    places = {z: np.s_[:, r.start - top : r.stop - top, c.start - left : c.stop - left] for z, (r, c) in WINDOWS.items()}
    ndvi, share, days = (list(v) for v in zip(*(by_hand(mine, folder, variant, y) for y in YEARS), strict=True))
    ndvi, share = np.stack(ndvi), np.stack(share)
    low, high = {"endmembers_2_98": (2, 98)}.get(variant, (5, 95))
    pooled = np.concatenate([ndvi[p].ravel() for p in places.values()]).astype("f8")
    soil, vegetation = np.percentile(pooled[np.isfinite(pooled)], [low, high])
    if variant == "endmembers_fixed":
        soil, vegetation = 0.07, 0.75
    needed = 4
    if variant == "without_first_year":
        period, needed = (period[0] + 1, period[1]), min(4, period[1] - period[0])
    chosen = slice(YEARS.index(period[0]), YEARS.index(period[1]) + 1)
    cover = fractions(ndvi[places[zone]], soil, vegetation).reshape(len(YEARS), -1)[chosen]
    water = (share[places[zone]] >= 0.5).reshape(len(YEARS), -1)[chosen]
    both = np.isfinite(cover[0]) & np.isfinite(cover[-1])
    ends = [np.clip(cover[i][both], 0, 1).mean() for i in (0, -1)]
    slopes = [(cover[j] - cover[i]) / (j - i) for i, j in itertools.combinations(range(len(cover)), 2)]
    with np.errstate(all="ignore"):
        number = np.isfinite(cover).sum(0)
        slope = np.nanmedian(np.where(number >= 2, slopes, 0.0), axis=0)
        signs = np.sign([cover[j] - cover[i] for i, j in itertools.combinations(range(len(cover)), 2)])
        every = (number >= 4) & (np.abs(np.nansum(signs, axis=0)) == number * (number - 1) / 2)  # p = 0.083 with four years
    code = np.where(np.abs(slope) < 0.0005, 5, np.where(slope > 0, 6 + every, 4 - every))
    code[number < needed] = 99
    code[2 * water.sum(0) >= len(cover)] = 97
    part = lambda *codes: 100 * np.isin(code, codes).mean()  # noqa: E731
    return {
        "soil_ndvi": soil,
        "vegetation_ndvi": vegetation,
        "fvc_from": ends[0],
        "fvc_to": ends[1],
        "change_points": 100 * (ends[1] - ends[0]),
        "increase_pct": part(6, 7),
        "decrease_pct": part(3, 4),
        "significant_or_slight_increase_pct": part(7),
        "significant_or_slight_decrease_pct": part(3),
        "no_change_pct": part(5),
        "insufficient_pct": part(99),
        "net_pct": part(6, 7) - part(3, 4),
    }


EVERY = ("base", "season_minus_15", "season_plus_15", "method_p75", "method_max", "endmembers_2_98", "endmembers_fixed", "without_first_year")


@pytest.mark.parametrize("zone", WINDOWS)
@pytest.mark.parametrize("variant", EVERY)
def test_every_number_of_every_variant_equals_plain_numpy(mine, folder, rows, variant, zone):
    found = row(rows, variant, zone)
    assert found["computed"] == "yes"
    for name, value in expected(mine, folder, variant, zone, (YEARS[0], YEARS[-1])).items():
        assert float(found[name]) == pytest.approx(value, abs=2e-5 if name.startswith("fvc") or name.endswith("ndvi") else 2e-3), name
    assert int(found["from_year"]) == YEARS[0] + (variant == "without_first_year")
    per_year = {"season_minus_15": 5, "season_plus_15": 5}.get(variant, 4)  # of the later season two are of one day
    assert int(found["scenes"]) == per_year * (len(YEARS) - (variant == "without_first_year"))


def test_the_variants_differ_and_the_rows_are_complete_and_in_order(rows):
    assert [r["variant"] for r in rows] == [*EVERY] * 4
    assert [(r["zone"], r["first_year"]) for r in rows[:: len(EVERY)]] == [("pit", "2020"), ("pit", "2021"), ("background", "2020"), ("background", "2021")]
    changes = [row(rows, v)["change_points"] for v in EVERY]
    assert len(set(changes)) == len(changes)
    assert {r["choice"] for r in rows if r["variant"] == "season_plus_15"} == {"season 07-01 to 08-31, +15 days"}


def test_three_years_keep_no_trend_without_the_first(rows):
    found = row(rows, "without_first_year", period=(2021, 2023))
    assert (found["computed"], found["note"]) == ("no", "not computed: 2 years remain, a trend needs 3")
    assert {found[k] for k in ("from_year", "scenes", "soil_ndvi", "fvc_from", "change_points", "increase_pct", "net_pct")} == {""}
    base = row(rows, "base", period=(2021, 2023))
    assert (float(base["insufficient_pct"]), base["net_pct"]) == (pytest.approx(100, abs=20), "")  # fewer than min_years = 4
    assert (base["net_robust"], base["variants"]) == ("", str(len(EVERY) - 2))  # base has no value: nothing can be said


def test_the_verdicts_stand_in_every_row_of_their_zone_and_period(rows):
    found = robust(rows)
    words = {True: "yes", False: "no", None: ""}
    assert len(found) == 4
    for r in rows:
        verdict = found[r["zone"], int(r["first_year"]), int(r["last_year"])]
        assert (r["change_robust"], r["net_robust"], int(r["variants"])) == (words[verdict.change], words[verdict.net], verdict.variants)
    assert row(rows, "base")["change_robust"] == "yes"  # planted: five points a year


# ---------------------------------------------------------------- robust


def made(*variants, zone="pit", period=(2020, 2024)):
    """Return rows of (variant, computed, change_points, net_pct)."""
    columns = ("variant", "computed", "change_points", "net_pct")
    return [{"zone": zone, "first_year": period[0], "last_year": period[1]} | dict(zip(columns, v, strict=True)) for v in variants]


@pytest.mark.parametrize(
    ("rows", "change", "net", "against"),
    [
        ([("base", "yes", 2.0, 10.0), ("a", "yes", 0.1, 3.0), ("b", "yes", 9.0, 1e-3)], True, True, ()),
        ([("base", "yes", -2.0, -10.0), ("a", "yes", -0.1, -3.0)], True, True, ()),
        ([("base", "yes", 2.0, 10.0), ("a", "yes", -0.1, 3.0), ("b", "yes", 1.0, 3.0)], False, True, ("a",)),
        ([("base", "yes", 2.0, 10.0), ("a", "yes", 0.0, 3.0)], False, True, ("a",)),
        ([("base", "yes", 2.0, 10.0), ("a", "yes", 1e-12, 3.0)], False, True, ("a",)),
        ([("base", "yes", 2.0, 10.0), ("a", "yes", None, None)], False, False, ("a",)),
        ([("base", "yes", 0.0, None), ("a", "yes", 0.0, None)], False, None, ("a",)),
        ([("base", "yes", None, 1.0), ("a", "yes", 3.0, 1.0)], None, True, ()),
        ([("base", "yes", 2.0, 10.0), ("a", "no", None, None), ("b", "yes", 1.0, 1.0)], True, True, ()),
        ([("base", "yes", 2.0, 10.0), ("a", "no", None, None)], None, None, ()),
        ([("base", "yes", 2.0, 10.0)], None, None, ()),
        ([("a", "yes", 2.0, 10.0)], None, None, ()),
    ],
)
def test_robust_on_made_rows_as_values_and_as_text_of_a_file(rows, change, net, against, tmp_path):
    columns = ("zone", "first_year", "last_year", "variant", "computed", "change_points", "net_pct")
    write_csv(tmp_path / "made.csv", columns, made(*rows))
    for given in (made(*rows), read_csv(tmp_path / "made.csv")):
        (verdict,) = robust(given).values()
        assert (verdict.change, verdict.net) == (change, net)
        assert verdict.change_against == against
        assert verdict.variants == sum(r[0] != "base" and r[1] == "yes" for r in rows)


def test_zones_and_periods_are_judged_apart_and_every_sign_decides():
    rng = np.random.default_rng(3)
    rows, expected = [], {}
    for zone, period in itertools.product("abc", [(2020, 2024), (2021, 2024)]):
        values = rng.choice([-1.0, 0.0, 1.0, 2.0], (4, 2), p=[0.1, 0.1, 0.4, 0.4])
        rows += made(*(("base" if i == 0 else f"v{i}", "yes", *v) for i, v in enumerate(values.tolist())), zone=zone, period=period)
        expected[zone, *period] = tuple((np.sign(values) == 1).all(0) | (np.sign(values) == -1).all(0))
    found = robust(rng.permutation(np.array(rows, object)).tolist())
    assert {k: (v.change, v.net) for k, v in found.items()} == expected
    assert {x for pair in expected.values() for x in pair} == {True, False}


def test_signs_and_the_words_of_verdicts():
    assert [sign(v) for v in ("1e-8", "-1e-8", "1e-10", "0", "", None)] == [1, -1, 0, 0, 0, 0]
    rows = with_verdicts(made(("base", "yes", 1.0, None)))
    assert [(r["variants"], r["change_robust"], r["net_robust"]) for r in rows] == [(0, None, None)]


# ---------------------------------------------------------------- seasons


@pytest.mark.parametrize(
    "season", [("07-01", "08-31"), ("11-15", "02-28"), ("01-01", "12-31"), ("01-05", "03-31"), ("02-01", "02-29"), ("12-20", "12-10"), ("03-01", "02-28")]
)
@pytest.mark.parametrize("shift", [-15, 15])
def test_a_shifted_season_holds_the_days_of_the_season_moved_and_keeps_its_year(season, shift):
    chosen = Season(start=season[0], end=season[1])
    calendar = [date(2019, 1, 1) + timedelta(n) for n in range(366 * 6)]
    for year in (2020, 2021, 2022, 2023):
        own = [d for d in calendar if season_year(d, chosen, 0) == year]
        moved = [d for d in calendar if season_year(d, chosen, shift) == year]
        assert moved == [d + timedelta(shift) for d in own]
        assert own[0].strftime("%m-%d") == season[0]
        assert own[0].year == year
        assert calendar[span([(day, day) for day in calendar], chosen, shift, year)] == moved
    assert len(own) + len(calendar) > len(set(own))  # and no day is of two years: season_year returns one
    assert span([], chosen, shift, 2021) == slice(0, 0)


def test_a_season_of_a_whole_year_uses_a_scene_in_two_years_but_once_in_a_variant(tmp_path):
    mine = SceneMine(tmp_path)
    mine.settings["years"], mine.settings["season"] = {"first": 2020, "last": 2023}, {"start": "01-01", "end": "12-31"}
    levels = {}
    for year, day in itertools.product(range(2019, 2025), ("01-08", "06-15", "12-24")):
        levels[f"{year}-{day}"] = ndvi = 0.1 + 0.12 * (year - 2019) + {"01-08": 0.0, "06-15": 0.04, "12-24": 0.08}[day]
        mine.add(f"{year}-{day}", ndvi=round(ndvi, 3))
    folder = mine.run()
    pinned = json.loads((folder / "scenes.json").read_text())
    assert [s["day"] for s in pinned["scenes"]] == [d for d in levels if "2020" <= d[:4] <= "2023"]
    assert sorted((s["year"], s["day"]) for s in pinned["margin"]) == sorted(
        [(y, f"{y - 1}-12-24") for y in range(2020, 2024)] + [(y, f"{y + 1}-01-08") for y in range(2020, 2024)]
    )
    for year in range(2020, 2024):
        found = bands(folder / "sensitivity" / f"ndvi_{year}.tif")
        days = {
            "season_minus_15": (f"{year - 1}-12-24", f"{year}-01-08", f"{year}-06-15"),
            "season_plus_15": (f"{year}-06-15", f"{year}-12-24", f"{year + 1}-01-08"),
        }
        for name, chosen in days.items():
            assert np.nanmedian(found[f"ndvi_{name}"]) == pytest.approx(np.median([levels[d] for d in chosen]), abs=2e-4), (year, name)
        own = [levels[f"{year}-{d}"] for d in ("01-08", "06-15", "12-24")]
        assert np.nanmedian(read(folder / f"ndvi_{year}.tif")) == pytest.approx(np.median(own), abs=2e-4)
    status = [r["status"] for r in read_csv(folder / "ledger.csv")]
    assert (status.count("read"), len(status)) == (3 * 14, 3 * 18)


# ---------------------------------------------------------------- scenes beside the season that cannot be used


def beside(folder, **more):
    mine = SceneMine(folder).series(per_year=3, noise=0.02)
    for year in range(2020, 2025):
        mine.add(f"{year}-06-20", ndvi=0.4, noise=0.02)
        mine.add(f"{year}-08-10", ndvi=0.5, noise=0.02)
        mine.add(f"{year}-09-05", ndvi=0.6, noise=0.02)
    mine.settings["trend"] = {"periods": [[2020, 2024]]}
    return mine


def break_file(mine):
    (mine.folder / "scenes" / mine.scenes[-1]["id"] / "B08.tif").write_bytes(b"no GeoTIFF")


def remove_file(mine):
    (mine.folder / "scenes" / mine.scenes[-1]["id"] / "SCL.tif").unlink()


def unknown_offset(mine):
    mine.scenes[-1]["properties"] = {"s2:processing_baseline": None}
    mine.write_items()


def no_nir(mine):
    mine.scenes[-1]["nir"] = None
    mine.write_items()


def repeated_id(mine):
    items = json.loads(mine.catalog.read_text())
    items["features"].append(json.loads(json.dumps(items["features"][-1])))
    items["features"][-1]["properties"]["s2:processing_baseline"] = "05.09"
    mine.catalog.write_text(json.dumps(items))


@pytest.mark.parametrize("harm", [break_file, remove_file, unknown_offset, no_nir, repeated_id])
def test_a_scene_for_variants_only_that_cannot_be_used_is_accounted_and_stops_nothing(harm, tmp_path):
    good, harmed = beside(tmp_path / "good"), beside(tmp_path / "harmed")
    right = digests(good.run())
    harmed.write()
    harm(harmed)
    folder = harmed.run(write=False)
    found = digests(folder)
    assert {n for n in right if n not in {"scenes.json", "ledger.csv"} and right[n] != found[n]} == set()
    last = harmed.scenes[-1]["id"]
    reasons = {r["reason"] for r in read_csv(folder / "ledger.csv") if r["item"] == last and r["status"] == "dropped"}
    assert len(reasons) == 1
    assert any(r.startswith(UNUSABLE) for r in reasons)
    pinned = json.loads((folder / "scenes.json").read_text())
    (warning,) = [w for w in pinned["warnings"] if "sensitivity.csv" in w]
    assert last in warning
    assert "1 items" in warning
    notes = {r["note"] for r in read_csv(folder / "sensitivity.csv") if r["variant"] == "season_plus_15"}
    assert any("1 items near the season cannot be used, see ledger.csv" in n for n in notes)
    assert any("no scene in the 15 days that the shift adds in 2024" in n for n in notes)
    ids = [(s["year"], s["id"]) for s in pinned["margin"]]
    assert len(set(ids)) == len(ids) == 9


def test_a_scene_for_variants_only_that_fails_in_the_run_says_how_to_do_without(tmp_path, caplog):
    mine = beside(tmp_path)
    mine.write()
    assert mine.stage("scenes", "--sensor", "sentinel-2") == 0
    (mine.folder / "scenes" / mine.scenes[-1]["id"] / "B08.tif").unlink()
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2024") == 3
    assert mine.scenes[-1]["id"] in caplog.text
    assert "`sensitivity: false` runs without it" in caplog.text
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2023") == 0
    (mine.folder / "scenes" / mine.scenes[0]["id"] / "B08.tif").unlink()
    caplog.clear()
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2020") == 3
    assert "sensitivity" not in caplog.text


def test_a_catalogue_of_the_season_only_says_that_the_variants_are_shorter_seasons(tmp_path):
    mine = SceneMine(tmp_path).series(per_year=3, noise=0.02)
    found = read_csv(mine.run() / "sensitivity.csv")
    note = "the catalogue has no scene in the 15 days that the shift adds: a shorter season, not a shifted one"
    minus, plus = (row(found, f"season_{s}_15", period=(2020, 2024)) for s in ("minus", "plus"))
    assert (minus["note"], minus["computed"], minus["scenes"]) == (note, "yes", "15")
    assert (plus["computed"], plus["note"], plus["change_points"]) == ("no", "not computed: no scene in the shifted season of 2020, 2024", "")


# ---------------------------------------------------------------- other inputs and choices


def test_prepared_composites_vary_endmembers_and_first_year_only(small_mine):
    small_mine.settings["fvc"] = {"soil": {"percentile": 5}, "vegetation": {"percentile": 95}}
    rng = np.random.default_rng(1)
    small_mine.nir = (small_mine.nir * (1 + 0.05 * rng.standard_normal(small_mine.nir.shape))).astype("float32")
    folder = small_mine.run()
    rows = read_csv(folder / "sensitivity.csv")
    assert equals_public(folder) == 2 * 10
    refused = {r["variant"]: r for r in rows if r["zone"] == "pit" and r["computed"] == "no"}
    why = "not computed: prepared composites: the scenes behind them are not known"
    seasons = ("season_minus_15", "season_plus_15", "method_median", "method_p75", "method_max")
    assert {v: r["note"] for v, r in refused.items()} == dict.fromkeys(seasons, why) | {
        "endmembers_fixed": "not computed: no fixed pair given (sensitivity.fixed)"
    }
    numbers = [k for k in rows[0] if k.endswith(("_pct", "_points", "_ndvi", "_from", "_to")) or k == "scenes"]
    assert {r[k] for r in refused.values() for k in numbers} == {""}
    ndvi = np.stack([read(folder / f"ndvi_{y}.tif") for y in small_mine.years])
    assert ndvi.shape[1:] == (20, 33)  # the zones, and three columns between them
    soil, vegetation = np.percentile(np.delete(ndvi, np.s_[20:23], axis=2).astype("f8"), [2, 98])
    found = row(rows, "endmembers_2_98", period=(2020, 2024))
    assert (float(found["soil_ndvi"]), float(found["vegetation_ndvi"])) == pytest.approx((soil, vegetation), abs=1e-7)
    ends = [np.clip(fractions(ndvi[i, :, :20], soil, vegetation), 0, 1).mean() for i in (0, -1)]
    assert float(found["change_points"]) == pytest.approx(100 * (ends[1] - ends[0]), abs=1e-4)
    assert found["scenes"] == ""
    later = row(rows, "without_first_year", period=(2020, 2024))
    assert (later["from_year"], later["computed"]) == ("2021", "yes")
    assert later["change_robust"] == "yes"
    assert later["variants"] == "2"


def test_a_missing_second_year_leaves_no_period_without_the_first(small_mine):
    small_mine.settings["sensors"]["sentinel-2"]["missing_years"] = [2021]
    small_mine.write()
    rows = read_csv(small_mine.run() / "sensitivity.csv")
    assert row(rows, "without_first_year", period=(2020, 2024))["note"] == "not computed: no image of 2021"


def test_endmembers_without_contrast_and_a_fixed_pair(small_mine):
    small_mine.red[:], small_mine.nir[:] = 0.1, 0.2
    small_mine.settings["sensitivity"] = {"run": True, "fixed": {"soil": 0.1, "vegetation": 0.6}}
    rows = read_csv(small_mine.run() / "sensitivity.csv")
    percentiles = row(rows, "endmembers_5_95", period=(2020, 2024))
    assert percentiles["computed"] == "no"
    assert "expected vegetation at least 0.05 above soil" in percentiles["note"]
    fixed = row(rows, "endmembers_fixed", period=(2020, 2024))
    assert float(fixed["fvc_from"]) == pytest.approx((1 / 3 - 0.1) / 0.5, abs=1e-6)
    assert (fixed["change_points"], fixed["no_change_pct"]) == ("0.0", "100.0")
    assert (fixed["change_robust"], fixed["net_robust"]) == ("no", "no")  # no change has no sign


def test_an_earlier_runs_pair_stays_in_seasons_and_methods(mine, folder, tmp_path):
    frozen = tmp_path / "pair.json"
    frozen.write_text(json.dumps({"soil_ndvi": 0.1, "vegetation_ndvi": 0.8}))
    other = varied(tmp_path / "frozen")
    other.settings["fvc"] = {"endmembers": str(frozen), "region": "grid", "years": [2020, 2023]}
    found = read_csv(other.run() / "sensitivity.csv")
    for name in ("base", "season_minus_15", "method_max", "without_first_year"):
        assert (row(found, name)["soil_ndvi"], row(found, name)["vegetation_ndvi"]) == ("0.1", "0.8")
    ndvi = np.stack([read(other.folder / f"results/small/sentinel-2/ndvi_{y}.tif") for y in (2020, 2023)]).astype("f8")
    for low, high in ((2, 98), (5, 95)):  # pooled from the whole grid and two years
        pair = np.nanpercentile(ndvi, [low, high])
        there = row(found, f"endmembers_{low}_{high}")
        assert (float(there["soil_ndvi"]), float(there["vegetation_ndvi"])) == pytest.approx(tuple(pair), abs=1e-7)
    assert equals_public(other.folder / "results/small/sentinel-2") == 40


def test_only_what_differs_from_the_config_is_a_variant(mine):
    def names(**settings):
        mine.config.with_name("other.yaml").write_text(json.dumps(mine.settings | settings), encoding="utf-8")
        return [v.name for v in all_variants(configs.load(mine.config.with_name("other.yaml")), "sentinel-2")]

    assert names() == [*EVERY]
    assert [n for n in names(composite={"method": "p50"}) if "method" in n] == ["method_p75", "method_max"]
    assert [n for n in names(composite={"method": "p100"}) if "method" in n] == ["method_median", "method_p75"]
    assert [n for n in names(composite={"method": "mean"}) if "method" in n] == ["method_median", "method_p75", "method_max"]
    wide = {"soil": {"percentile": 2}, "vegetation": {"percentile": 98}}
    assert [n for n in names(fvc=wide) if "endm" in n] == ["endmembers_5_95", "endmembers_fixed"]
    same = {"soil": {"ndvi": 0.07}, "vegetation": {"ndvi": 0.75}}
    assert [n for n in names(fvc=same) if "endm" in n] == ["endmembers_2_98", "endmembers_5_95"]
    assert [n for n in names(fvc=same, sensitivity="auto") if "endm" in n] == ["endmembers_2_98", "endmembers_5_95"]
    assert [n for n in names(sensitivity="auto") if "endm" in n] == ["endmembers_2_98", "endmembers_fixed"]


# ---------------------------------------------------------------- auto, on and off


def test_auto_ends_at_its_number_of_cells_and_the_table_says_so(tmp_path, monkeypatch):
    mine = varied(tmp_path)
    mine.settings["sensitivity"] = "auto"
    monkeypatch.setattr(config_sensitivity, "LARGEST_AUTO", 1000)
    folder = mine.run()
    rows = read_csv(folder / "sensitivity.csv")
    height, width = read(folder / "ndvi_2020.tif").shape
    text = f"not computed: the grid has {height * width:,} cells, `sensitivity: auto` goes up to 1,000; say `sensitivity: true`"
    assert {r["note"] for r in rows if r["variant"] not in {"base", "endmembers_fixed"}} == {text}
    assert {r["computed"] for r in rows} == {"yes", "no"}
    assert {(r["variants"], r["change_robust"], r["net_robust"]) for r in rows} == {("0", "", "")}
    assert equals_public(folder) == 40
    assert not (folder / "sensitivity").exists()
    assert {r["reason"] for r in read_csv(folder / "ledger.csv") if r["status"] == "dropped"} == {"outside the seasons"}
    assert json.loads((folder / "scenes.json").read_text()).get("margin") is None


@pytest.mark.parametrize(
    ("setting", "cells", "table", "composites"),
    [("auto", 10**7, True, True), ("auto", 100, True, False), (True, 100, True, True), (False, 10**7, False, False)],
)
def test_what_is_planned(mine, folder, monkeypatch, tmp_path, setting, cells, table, composites):
    monkeypatch.setattr(config_sensitivity, "LARGEST_AUTO", cells)
    monkeypatch.setattr(inspection, "CACHE", tmp_path / "cache")
    path = tmp_path / "planned.yaml"
    path.write_text(json.dumps(mine.settings | {"sensitivity": setting}), encoding="utf-8")
    made = plan.make([str(path)], {"results": str(tmp_path / "results")})
    targets = [t for t in made.targets() if "sensitivity" in t]
    assert (any(t.endswith("sensitivity.csv") for t in targets), sum("ndvi_20" in t for t in targets)) == (table, 4 * composites)
    assert (str(tmp_path / "results/small/sentinel-2/sensitivity.csv") in made.tables("small")) is table
    files = {f for f in made.images("small", "sentinel-2", 2021) if "/scenes/" in f}
    assert len(files) == 3 * (8 if composites else 4)
    assert len(set(made.targets())) == len(made.targets())


def test_check_says_how_many_scenes_more_are_read(mine, folder, tmp_path, capsys):
    path = tmp_path / "checked.yaml"
    path.write_text(json.dumps(mine.settings), encoding="utf-8")
    assert main(["check", str(path), "--results", str(tmp_path / "results")]) == 0
    out = capsys.readouterr().out
    assert "sentinel-2: sensitivity.csv: reads 16 more scenes within 15 days of the season; `sensitivity: false` leaves them out" in out
    assert f"{4 * len(YEARS)} of {len(mine.scenes)} listed scenes" in out
    path.write_text(json.dumps(mine.settings | {"sensitivity": False}), encoding="utf-8")
    assert main(["check", str(path), "--results", str(tmp_path / "results")]) == 0
    assert "sensitivity.csv: no variants: sensitivity: false" in capsys.readouterr().out


def test_the_table_is_a_csv_with_the_registered_columns(folder):
    from pipeline.columns import COLUMNS
    from pipeline.sensitivity import SENSITIVITY_COLUMNS

    with (folder / "sensitivity.csv").open(encoding="utf-8", newline="") as handle:
        header = next(csv.reader(handle))
    assert tuple(header) == SENSITIVITY_COLUMNS
    assert set(header) <= set(COLUMNS)
    assert SHAPE == (60, 80)
    assert {v.name for v in scene_variants(configs.load(next(folder.parents[2].glob("small.yaml"))))} == {
        "season_minus_15",
        "season_plus_15",
        "method_p75",
        "method_max",
    }


def test_the_fixed_pair_of_the_default_mine_is_the_planted_one():
    config = configs.load(ROOT / "configs" / "jiangcang.yaml")
    assert (config.sensitivity.fixed.soil, config.sensitivity.fixed.vegetation) == (planted.SOIL, planted.VEGETATION)
    assert all(v.refused is None for v in all_variants(config, "sentinel-2"))


def test_the_workflow_makes_the_table_and_a_deleted_intermediate_again(tmp_path):
    mine = varied(tmp_path, years=YEARS[:3])
    config, results = str(mine.write()), tmp_path / "results"
    more = ("--configfile", config, "--config", f"results={results}")
    done = snakemake(*more)
    assert done.returncode == 0, done.stderr[-3000:]
    folder = results / "small" / "sentinel-2"
    assert equals_public(folder) == 2 * 2 * 10
    assert verify(results / "small") == []
    assert "sensitivity" in openpyxl.load_workbook(results / "small" / "tables.xlsx").sheetnames
    bands_before = (folder / "sensitivity" / "ndvi_2021.tif").read_bytes()
    (folder / "sensitivity" / "ndvi_2021.tif").unlink()
    planned = snakemake("-n", *more).stdout
    assert planned.count("and under variants") == planned.count("NDVI of every year, and under variants") == 1
    assert mine.stage("composite", "--sensor", "sentinel-2", "--year", "2021") == 0
    assert (folder / "sensitivity" / "ndvi_2021.tif").read_bytes() == bands_before
    mine.settings["sensitivity"] = False
    mine.write_config()
    planned = snakemake("-n", *more).stdout
    assert "pin the images and the grid" in planned
    assert "under variants" not in planned
