"""`minegreen check`: what a run will do, before it does; nothing is written when any of its configs is bad."""

import json

import pytest
import rasterio
import yaml
from running import ROOT

from pipeline.__main__ import main
from pipeline.checkup import _periods
from pipeline.config import Config
from pipeline.evaluation.records import EVALUATIONS


def check(capsys, mine, *more):
    """Run the command on a mine and return exit code and lines."""
    code = main(["check", str(mine.config), *map(str, more), "--results", str(mine.results)])
    return code, capsys.readouterr().out.splitlines()


def lines_with(lines, *words):
    """Return the lines that hold all words."""
    return [line for line in lines if all(word in line for word in words)]


def test_it_says_what_a_run_will_do(small_mine, capsys):
    small_mine.write()
    code, lines = check(capsys, small_mine)
    assert code == 0
    assert lines[0] == f"{small_mine.config}: mine small"
    assert lines[1] == "  zone pit: role pit, 0.0400 km2, reference background"
    assert lines[2].startswith("  zone background: role reference, 0.0200 km2")
    assert lines_with(lines, "5 composites, 0.0 MB", "grid 33 x 20 cells of 10 m, EPSG:32647, 660 pixels a year")
    assert lines_with(lines, "writes at most", "MB of memory per thread")
    assert lines_with(lines, "zones drawn over the composite of", str(small_mine.results / "small" / "check.png"))


def test_pixels_and_bytes_are_those_of_the_files_and_the_grid(small_mine, capsys):
    small_mine.settings["grid"] = {"buffer_m": 100, "resolution_m": {"sentinel-2": 20}}
    small_mine.write()
    size = sum((small_mine.folder / f"{year}.tif").stat().st_size for year in small_mine.years)
    _, lines = check(capsys, small_mine)
    (line,) = lines_with(lines, "composites, ")
    assert f"{size / 1e6:.1f} MB" in line
    assert "grid 27 x 21 cells of 20 m" in line, "530 m x 400 m, edges on multiples of 20 m"


STRONG = {"significant decrease", "significant increase"}
SLIGHT = {"slightly significant decrease", "slightly significant increase"}
EXTREME = {"extremely significant decrease", "extremely significant increase"}


@pytest.mark.parametrize(
    ("first", "p", "trend", "impossible"),
    [
        (2020, 2 / 120, {}, set()),
        (2020, 2 / 120, {"scheme": "nine"}, EXTREME),
        (2021, 2 / 24, {}, STRONG),
        (2021, 2 / 24, {"scheme": "five"}, STRONG),
        (2021, 2 / 24, {"scheme": "nine"}, STRONG | EXTREME),
        (2021, 2 / 24, {"alpha": {"slight": 0.08}}, STRONG | SLIGHT),
        (2021, 2 / 24, {"alpha": {"significant": 1 / 12}}, set()),
        (2022, 2 / 6, {"min_years": 3}, STRONG | SLIGHT),
        (2021, 0.08942, {"significance": "normal"}, STRONG),
    ],
)
def test_the_smallest_p_and_the_classes_that_no_vegetation_can_reach(small_mine, capsys, first, p, trend, impossible):
    small_mine.settings["trend"] = {"periods": [[first, 2024]], **trend}
    small_mine.write()
    _, lines = check(capsys, small_mine)
    (line,) = lines_with(lines, f"trend {first}-2024: {2025 - first} years", "the smallest p that can be reached is")
    assert float(line.split(" is ")[-1]) == pytest.approx(p, rel=5e-3)
    listed = {name for line in lines_with(lines, f"trend {first}-2024: cannot occur") for name in line.split(": ")[-1].split(", ")}
    assert listed == impossible


@pytest.mark.parametrize(("significance", "years", "said"), [("auto", 21, True), ("auto", 20, False), ("normal", 21, False)])
def test_above_20_years_the_smallest_p_is_said_to_be_an_approximation(significance, years, said):
    first = 2025 - years
    settings = yaml.safe_load((ROOT / "configs" / "jiangcang.yaml").read_text(encoding="utf-8"))
    settings |= {"years": {"first": first, "last": 2024}, "trend": {"periods": [[first, 2024]], "significance": significance}}
    settings |= {"sensors": {"landsat": {"catalog": "items.json"}}, "fvc": {}, "sensitivity": False}
    settings = {key: value for key, value in settings.items() if key not in EVALUATIONS}
    (line, *_) = _periods(Config.model_validate_json(json.dumps(settings)), "landsat", None)
    assert f"{years} years with images" in line
    assert ("(normal approximation above 20 years)" in line) == said
    assert "nan" not in line


def test_the_recommended_test_is_named_with_its_measured_size_and_changes_with_the_reference(small_mine, capsys):
    from pipeline.sizes import recommended

    small_mine.settings["trend"] = {"periods": [[2021, 2024], [2022, 2024]], "min_years": 3}
    said = {}
    for reference in (True, False):
        if not reference:
            small_mine.settings["aoi"].pop("reference", None)
            for facts in (small_mine.settings["aoi"].get("zones") or {}).values():
                facts.pop("reference", None)
        small_mine.write()
        _, lines = check(capsys, small_mine)
        (said[reference],) = lines_with(lines, "recommended for 4 years")
        found = recommended(4, reference=reference)
        assert f"{'with' if reference else 'without'} a reference" in said[reference]
        assert f"false positives {found.size:.3f} ± {found.error:.3f}, power {found.power:.2f}" in said[reference]
        (none,) = lines_with(lines, "recommended for 3 years")
        assert "no test" in none
    assert "minus its reference" in said[True]
    assert "minus" not in said[False]


def test_a_reference_that_is_not_used_is_said_with_what_its_use_would_give(small_mine, capsys):
    from pipeline.sizes import recommended

    small_mine.settings["trend"] = {"periods": [[2021, 2024]], "relative_to_reference": False}
    small_mine.write()
    _, lines = check(capsys, small_mine)
    without, with_it = (next(i for i, line in enumerate(lines) if f"recommended for 4 years {word} a reference" in line) for word in ("without", "with"))
    (said,) = [i for i, line in enumerate(lines) if "trend.relative_to_reference is false" in line]
    assert without < said < with_it
    assert f"power {recommended(4, reference=True).power:.2f}" in lines[with_it]
    small_mine.settings["trend"] = {"periods": [[2021, 2024]]}
    small_mine.write_config()
    assert not lines_with(check(capsys, small_mine)[1], "relative_to_reference")


@pytest.mark.parametrize(
    ("given", "said"),
    [({"level": 0.8, "ndvi_sd": 0.02}, "level: 0.8, ndvi_sd: 0.02"), (False, "run: false"), ({"level": 0.9}, None), (True, None), ({}, None)],
    ids=str,
)
def test_only_settings_of_the_uncertainty_that_are_not_the_defaults_are_said(small_mine, capsys, given, said):
    small_mine.settings["uncertainty"] = given
    small_mine.write()
    found = lines_with(check(capsys, small_mine)[1], "uncertainty, other than the default")
    assert [line.strip() for line in found] == ([] if said is None else [f"uncertainty, other than the default: {said}"])


def test_too_few_years_for_any_p_are_said_in_words(small_mine, capsys):
    small_mine.settings["sensors"]["sentinel-2"]["missing_years"] = [2020, 2022, 2023]
    small_mine.write()
    _, lines = check(capsys, small_mine)
    (line,) = lines_with(lines, "2 years with images")
    assert "no p can be formed from so few" in line
    assert "nan" not in line


def test_no_size_is_zero_and_a_zone_is_not_called_zone_twice(small_mine, capsys):
    small_mine.zones = [("zone 1", small_mine.zones[0][1]), *small_mine.zones[1:]]
    small_mine.settings["aoi"]["zones"] = {}
    small_mine.write()
    _, lines = check(capsys, small_mine)
    assert lines_with(lines, "  zone 1: role")
    assert not lines_with(lines, "zone zone")
    (line,) = lines_with(lines, "writes at most")
    assert "at most 0 MB" not in line and "0.0 MB" not in line


def test_composites_without_an_error_of_ndvi_are_said_to_have_no_bounds(small_mine, capsys):
    small_mine.write()
    assert lines_with(check(capsys, small_mine)[1], "sentinel-2: no bounds of class areas", "ndvi_sd")
    for given in ({"ndvi_sd": 0.02}, False):
        small_mine.settings["uncertainty"] = given
        small_mine.write_config()
        assert not lines_with(check(capsys, small_mine)[1], "bounds of class areas")


def test_every_period_has_its_line(small_mine, capsys):
    small_mine.settings["trend"] = {"periods": [[2021, 2024], [2020, 2024]]}
    small_mine.write()
    _, lines = check(capsys, small_mine)
    assert [line.split(":")[0].strip() for line in lines_with(lines, "smallest p")] == ["trend 2021-2024", "trend 2020-2024"]


def test_the_picture_is_a_png_of_the_zones_over_the_clearest_composite(small_mine, capsys):
    small_mine.red[:4, :15] = small_mine.nir[:4, :15] = float("nan")
    small_mine.write()
    _, lines = check(capsys, small_mine)
    assert lines_with(lines, "zones drawn over the composite of 2024")
    png = small_mine.results / "small" / "check.png"
    assert [p for p in small_mine.results.rglob("*") if p.is_file()] == [png]
    with pytest.warns(rasterio.errors.NotGeoreferencedWarning), rasterio.open(png, driver="PNG") as dataset:
        assert min(dataset.shape) > 500
        assert len(set(dataset.read(1).ravel().tolist())) > 50


def test_the_synthetic_mine_is_called_planted(small_mine, capsys):
    small_mine.settings["sensors"] = {"sentinel-2": {"catalog": "synthetic"}}
    small_mine.write()
    code, lines = check(capsys, small_mine)
    assert code == 0
    assert lines_with(lines, "the synthetic mine, 5 years", "planted, not observed")
    assert lines_with(lines, "zones drawn without an image")


def second(small_mine, **settings):
    """Write a second config beside the first and return its path."""
    other = type(small_mine)(small_mine.folder)
    other.settings |= {"mine": "second"} | settings
    return other.write_config().rename(other.folder / "second.yaml")


def test_several_configs_are_several_mines(small_mine, capsys):
    other = second(small_mine)
    small_mine.write()
    code, lines = check(capsys, small_mine, other)
    assert code == 0
    assert [line for line in lines if not line.startswith(" ")] == [f"{small_mine.config}: mine small", f"{other}: mine second"]
    assert sorted(p.relative_to(small_mine.results).as_posix() for p in small_mine.results.rglob("*.png")) == ["second/check.png", "small/check.png"]


@pytest.mark.parametrize(
    "settings",
    [
        {"mine": "small"},
        {"trend": {"scheme": "six"}},
        {"aoi": {"path": "nothing.gpkg"}},
        {"sensors": {"landsat": {"composites": "x{year}", "bands": {"ndvi": 1}}}},
    ],
    ids=["same id", "bad value", "no AOI", "no images"],
)
def test_nothing_is_written_when_any_config_is_bad(small_mine, capsys, settings):
    other = second(small_mine, **settings)
    small_mine.write()
    assert check(capsys, small_mine, other) == (2, [])
    assert not small_mine.results.exists()


def test_a_results_folder_that_cannot_be_made_is_refused(small_mine, capsys):
    small_mine.write()
    assert main(["check", str(small_mine.config), "--results", str(small_mine.config)]) == 2
    assert "results folder" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["pit\nmine: forged", "pit\x1b[31mred", "pit\u2028forged"], ids=ascii)
def test_a_zone_name_is_one_line_without_control_characters(small_mine, capsys, name):
    small_mine.zones[0] = (name, small_mine.zones[0][1])
    small_mine.settings["aoi"]["zones"] = {}
    small_mine.write()
    _, lines = check(capsys, small_mine)
    assert lines_with(lines, "zone pit", "km2")
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("name", ["江仓 🌱", "منجم", "$x^{2$", "<b>%s {x}</b>", "x" * 300, "x " * 150], ids=lambda n: ascii(n[:20]))
def test_a_name_or_title_in_any_script_is_drawn_as_text(small_mine, capsys, name):
    import matplotlib

    small_mine.zones[0] = (name, small_mine.zones[0][1])
    small_mine.settings["aoi"]["zones"] = {}
    small_mine.settings["title"] = name
    small_mine.write()
    with matplotlib.rc_context({"font.family": ["sans-serif"]}):
        code, _ = check(capsys, small_mine)
    assert code == 0
    assert (small_mine.results / "small" / "check.png").is_file()


def test_the_smallest_p_counts_years_with_images_only(small_mine, capsys):
    small_mine.settings["sensors"]["sentinel-2"]["missing_years"] = [2022]
    small_mine.write()
    _, lines = check(capsys, small_mine)
    (line,) = lines_with(lines, "smallest p")
    assert "4 years with images" in line
    assert "0.0833" in line
    assert lines_with(lines, "cannot occur", "significant increase")


def test_negative_ndvi_is_named(small_mine, capsys):
    small_mine.settings["sensors"]["sentinel-2"]["bands"] = {"red": 2, "nir": 1}
    small_mine.write()
    _, lines = check(capsys, small_mine)
    assert lines_with(lines, "warning", "are red and nir the right bands?")


def test_the_size_of_the_synthetic_mine_is_said_too(small_mine, capsys):
    small_mine.settings["sensors"] = {"sentinel-2": {"catalog": "synthetic"}}
    small_mine.write()
    _, lines = check(capsys, small_mine)
    assert lines_with(lines, "the synthetic mine", "pixels a year")
    assert lines_with(lines, "writes at most", "MB of memory per thread")


@pytest.mark.parametrize(("year", "share"), [(2022, 100), (2020, 67)])
def test_the_picture_shows_the_image_that_shows_most_of_the_zones_and_says_how_much(small_mine, capsys, year, share):
    """The zones are 20 x 20 and 20 x 10 cells: without the smaller one two thirds are left."""
    for i, y in enumerate(small_mine.years):
        if y != year or share < 100:
            small_mine.red[i, :, 24:] = float("nan")
    small_mine.red[small_mine.years.index(year), :, :2] = float("nan")  # outside the zones: less of the grid than the others have
    small_mine.write()
    _, lines = check(capsys, small_mine)
    (line,) = lines_with(lines, "zones drawn over the composite of")
    assert f"which shows {share} % of their cells" in line
    if share == 100:
        assert f"composite of {year}," in line


def test_zones_of_which_the_image_shows_nothing_are_named(small_mine, capsys):
    small_mine.red[:, :, 24:] = float("nan")
    small_mine.settings["aoi"]["reference"] = [small_mine.zones[1][0]]
    small_mine.write()
    _, lines = check(capsys, small_mine)
    (line,) = lines_with(lines, "warning: sentinel-2:", "shows nothing of")
    assert f"shows nothing of {small_mine.zones[1][0]} (a reference); do the images" in line
    assert small_mine.zones[0][0] not in line


def test_the_clearest_scene_is_named_with_its_clear_share(small, capsys):
    """Half of the pit's columns lie under cloud in 2021, none in 2022."""
    small.scenes[0]["scl"][:, :12] = 9
    small.write()
    assert main(["check", str(small.config), "--results", str(small.folder / "results")]) == 0
    (line,) = lines_with(capsys.readouterr().out.splitlines(), "zones drawn over the clearest scene 2022-07-05")
    assert "shows 100 % of their cells" in line


def test_evaluations_that_can_tell_nothing_are_named(small_mine, capsys):
    small_mine.settings |= {"breaks": {}, "methods": {"weights": {"gain": 2}}}
    small_mine.write()
    rain = "".join(f"{year}-{month:02d},10\n" for year in small_mine.years for month in range(1, 13))
    (small_mine.folder / "rain.csv").write_text("date,value\n" + rain, encoding="utf-8")
    small_mine.settings["climate"] = {"precipitation": str(small_mine.folder / "rain.csv")}
    small_mine.write()
    assert main(["check", str(small_mine.config), "--results", str(small_mine.results)]) == 0
    said = capsys.readouterr().out
    assert "breaks: of 5 years no year of change can be told: a break needs at least 6" in said
    assert "climate: of 5 years there is no trend beside the weather: it needs at least 8; anomalies are made" in said
    assert "methods: without the key `recovery` this mine is not among the methods compared" in said


def test_files_that_are_not_there_are_refused_by_their_key(small_mine, capsys):
    for key, given in (("strata", {"dem": "no/dem.tif"}), ("climate", {"precipitation": "no/rain.csv"})):
        small_mine.settings[key] = given
        small_mine.write()
        assert main(["check", str(small_mine.config), "--results", str(small_mine.results)]) == 2
        said = capsys.readouterr().err
        assert f"{key}.{next(iter(given))}" in said and "relative to the working directory" in said
        del small_mine.settings[key]
