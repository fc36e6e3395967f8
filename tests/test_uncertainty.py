"""The key `uncertainty`: its faults, the range of the limit of `no_change`, and the bounds in the table of a run."""

import csv
import json
import shutil

import numpy as np
import pytest
from pipeline_configs import loaded, refused_config
from scenemine import SceneMine, read

from pipeline.__main__ import main
from pipeline.config import Config
from pipeline.endmembers import Endmembers
from pipeline.errors import BadInput
from pipeline.observed import read_part
from pipeline.uncertainty import contrasts, slope_limits

SCENES = {"sentinel-2": {"catalog": "synthetic"}}
PAIR = Endmembers(0.05, 0.85, 100)
LOW, HIGH = "area_low_km2", "area_high_km2"


def table(folder, name="trend_area_by_zone"):
    with (folder / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.parametrize("given", [True, False])
def test_the_short_form_is_a_bool(given, tmp_path):
    assert loaded(tmp_path, SCENES, uncertainty=given).uncertainty.run is given
    assert loaded(tmp_path, SCENES).uncertainty.run is True


@pytest.mark.parametrize(
    ("given", "part"),
    [
        ("auto", "uncertainty"),
        ({"level": 0.3}, "uncertainty.level"),
        ({"level": 1.0}, "uncertainty.level"),
        ({"ndvi_sd": -0.01}, "uncertainty.ndvi_sd"),
        ({"ndvi_sd": 2}, "uncertainty.ndvi_sd"),
        ({"ndvi_sd": [0.01, 0.02]}, "uncertainty.ndvi_sd"),
        ({"ndvi_sd_shared": 0.01}, "uncertainty"),
        ({"no_change": [0.002, 0.001]}, "uncertainty"),
        ({"no_change": [0.001]}, "uncertainty.no_change"),
        ({"no_change": [-0.001, 0.001]}, "uncertainty.no_change"),
        ({"endmembers": {"soil": [0.0, 0.1]}}, "uncertainty.endmembers"),
        ({"endmembers": {"soil": [0.2, 0.1], "vegetation": [0.8, 0.9]}}, "uncertainty.endmembers"),
        ({"endmembers": {"soil": [0.0, 0.8], "vegetation": [0.8, 0.9]}}, "uncertainty.endmembers"),
        ({"sd": 0.02}, "uncertainty.sd"),
    ],
)
def test_faults_are_refused_with_their_key(given, part, tmp_path):
    error = refused_config(tmp_path, SCENES, uncertainty=given)
    assert error.field.startswith(part)
    assert all([error.found, error.expected, error.fix])


def config(**more) -> Config:
    settings = {"mine": "x", "aoi": {"path": "a.gpkg"}, "years": {"first": 2020, "last": 2024}, "season": {"start": "07-01", "end": "08-31"}}
    return Config.model_validate_json(json.dumps(settings | {"sensors": SCENES} | more))


@pytest.fixture
def pooled(tmp_path):
    path = tmp_path / "endmembers.json"
    path.write_text(json.dumps({"percentiles": {"2": 0.0, "5": 0.05, "95": 0.85, "98": 0.9}}))
    return path


def test_percentiles_range_over_two_pairs_and_their_own(pooled):
    assert contrasts(config(), "sentinel-2", PAIR, pooled) == pytest.approx((0.8, 0.9, 0.8))
    own = config(fvc={"soil": {"percentile": 10}, "vegetation": {"percentile": 90}})
    assert contrasts(own, "sentinel-2", Endmembers(0.1, 0.8, 1), pooled) == pytest.approx((0.7, 0.9, 0.8))


def test_a_fixed_member_has_no_range(pooled):
    half = config(fvc={"soil": {"ndvi": 0.05}, "vegetation": {"percentile": 95}})
    assert contrasts(half, "sentinel-2", PAIR, pooled) == pytest.approx((0.8, 0.85, 0.8))
    both = config(fvc={"soil": {"ndvi": 0.05}, "vegetation": {"ndvi": 0.85}})
    assert set(np.round(contrasts(both, "sentinel-2", PAIR, pooled), 9)) == {0.8}
    assert contrasts(config(fvc={"endmembers": "pair.json"}), "sentinel-2", PAIR, pooled) == pytest.approx((0.8,))


def test_a_given_range_holds_for_any_pair(pooled):
    given = {"endmembers": {"soil": [0.0, 0.1], "vegetation": [0.7, 0.9]}}
    assert contrasts(config(fvc={"endmembers": "pair.json"}, uncertainty=given), "sentinel-2", PAIR, pooled) == pytest.approx((0.8, 0.6, 0.9))


def test_the_limit_of_no_change_ranges_from_half_to_double_times_the_contrast(pooled):
    assert slope_limits(config(), "sentinel-2", PAIR, pooled) == pytest.approx((0.0005 * 0.8, 0.00025 * 0.8, 0.001 * 0.9))
    of_ndvi = config(trend={"variable": "ndvi"}, uncertainty={"no_change": [0.0, 0.002]})
    assert slope_limits(of_ndvi, "sentinel-2", PAIR, pooled) == pytest.approx((0.0005, 0.0, 0.002))
    outside = config(trend={"variable": "ndvi", "no_change": 0.01}, uncertainty={"no_change": [0.001, 0.002]})
    assert slope_limits(outside, "sentinel-2", PAIR, pooled) == pytest.approx((0.01, 0.001, 0.01)), "the one in use is always in the range"


def again(mine, target, **settings):
    """Return the table of a copy of a mine's results, its areas made again under other settings."""
    shutil.copytree(mine.results, target, dirs_exist_ok=True)
    before = dict(mine.settings)
    mine.settings |= settings
    config = str(mine.write_config())
    mine.settings = before
    assert main(["areas", config, "--sensor", "sentinel-2", "--results", str(target)]) == 0
    return table(target / "small" / "sentinel-2")


def test_prepared_composites_have_bounds_only_where_the_config_says_their_error(small_mine, tmp_path):
    rng = np.random.default_rng(4)
    small_mine.write()
    rise = np.linspace(0, 0.1, len(small_mine.red))[:, None, None] * (np.arange(40) < 15)
    small_mine.nir = (small_mine.nir + rise + 0.02 * rng.standard_normal(small_mine.nir.shape)).astype(np.float32)
    folder = small_mine.run()
    plain = table(folder)
    assert {r[k] for r in plain for k in (LOW, HIGH)} == {""}, "nothing unknown is zero"
    given = again(small_mine, tmp_path / "given", uncertainty={"ndvi_sd": 0.01})
    drop = lambda r: {k: v for k, v in r.items() if k not in (LOW, HIGH)}  # noqa: E731
    assert [drop(r) for r in given] == [drop(r) for r in plain], "bounds change nothing else"
    known = [r for r in given if r["area_km2"]]
    assert known
    assert {r[k] for r in given if not r["area_km2"] for k in (LOW, HIGH)} == {""}
    assert all(0 <= float(r[LOW]) <= float(r["area_km2"]) + 1e-9 <= float(r[HIGH]) + 2e-9 for r in known)
    assert any(float(r[HIGH]) > float(r[LOW]) for r in known)
    for r in known:
        if int(r["code"]) >= 97:
            assert r[LOW] == r[HIGH] == r["area_km2"]
    off = again(small_mine, tmp_path / "off", uncertainty={"run": False, "ndvi_sd": 0.01})
    assert {r[k] for r in off for k in (LOW, HIGH)} == {""}


def test_no_error_and_one_limit_give_the_area_itself(small_mine, tmp_path):
    small_mine.run()
    fixed = {"ndvi_sd": 0.0, "no_change": [0.0005, 0.0005], "endmembers": {"soil": [0.05, 0.05], "vegetation": [0.85, 0.85]}}
    fvc = {"soil": {"ndvi": 0.05}, "vegetation": {"ndvi": 0.85}}
    small_mine.settings["fvc"] = fvc
    small_mine.run()
    rows = [r for r in again(small_mine, tmp_path / "none", uncertainty=fixed) if r["area_km2"]]
    assert rows
    for r in rows:
        assert float(r[LOW]) == pytest.approx(float(r["area_km2"]), abs=1e-9)
        assert float(r[HIGH]) == pytest.approx(float(r["area_km2"]), abs=1e-9)


@pytest.fixture(scope="module")
def scened(tmp_path_factory):
    """Five years of four noisy scenes each: the spread of the composites tells the error."""
    mine = SceneMine(tmp_path_factory.mktemp("scened"))
    for i, year in enumerate(range(2020, 2025)):
        for k in range(4):
            mine.add(f"{year}-07-{4 + 6 * k:02d}", ndvi=0.4 + 0.02 * i, noise=0.03, seed=100 * year + k)
    mine.settings["composite"] = {"min_clear": 1}
    mine.settings["fvc"] = {"soil": {"percentile": 5}, "vegetation": {"percentile": 95}}
    mine.settings["sensitivity"] = False
    return mine, mine.run()


def test_scenes_tell_the_error_themselves(scened):
    _, folder = scened
    rows = [r for r in table(folder) if r["area_km2"]]
    assert any(float(r[HIGH]) > float(r[LOW]) for r in rows)
    assert all(0 <= float(r[LOW]) <= float(r["area_km2"]) + 1e-9 <= float(r[HIGH]) + 2e-9 for r in rows)
    spread = read(folder / "sd_2020.tif")
    assert 0.01 < np.nanmedian(spread) < 0.2
    for name in ("sd_2020.tif", "sd_2020.qml"):
        assert (folder / name).is_file()


def test_the_percentiles_of_the_range_are_stored(scened):
    _, folder = scened
    described = json.loads((folder / "endmembers.json").read_text())
    assert list(described["percentiles"]) == ["2", "98", "5", "95"]
    assert described["percentiles"]["5"] == described["soil_ndvi"]
    assert described["percentiles"]["95"] == described["vegetation_ndvi"]
    assert described["percentiles"]["2"] <= described["soil_ndvi"] < described["vegetation_ndvi"] <= described["percentiles"]["98"]


@pytest.mark.parametrize("stored", [{}, {"percentiles": [1]}, {"percentiles": {"2": 0.1}}, {"percentiles": {"2": None, "5": 0.1, "95": 0.8, "98": 0.9}}])
def test_percentiles_that_are_missing_are_no_narrower_range(tmp_path, stored):
    (tmp_path / "endmembers.json").write_text(json.dumps({"soil_ndvi": 0.1, "vegetation_ndvi": 0.8} | stored))
    with pytest.raises(BadInput, match=r"endmembers\.json: percentiles"):
        contrasts(config(), "sentinel-2", PAIR, tmp_path / "endmembers.json")


@pytest.mark.parametrize("text", ["[1]", "null", "{}", '[{"zone": "pit"}]', '[{"zo'])
def test_what_scenes_showed_is_read_whole_or_not_at_all(tmp_path, text):
    (tmp_path / "2020.json").write_text(text)
    with pytest.raises(BadInput, match=r"2020\.json: rows"):
        read_part(tmp_path / "2020.json")
