"""Answers printed by others, reached to the last digit printed: R packages trend and EnvStats, and the papers' own small tables."""

import csv
import json
import math
from pathlib import Path

import numpy as np
import pytest
import xarray as xr

from pipeline.kernels.null import untied_tail
from pipeline.trend import trend

STATIONS = ("we", "ka", "mz", "ko", "bh", "bi")


@pytest.fixture
def answers(shared) -> Path:
    return shared / "trend_test_answers"


def column(path: Path, name: str) -> np.ndarray:
    with path.open(encoding="utf-8") as file:
        return np.array([float(row[name]) for row in csv.DictReader(file)])


def result(values, times=None, **settings) -> dict[str, float]:
    times = np.arange(len(values)) if times is None else times
    out = trend(xr.DataArray(values, coords={"time": times}, dims="time"), **settings)
    return {name: float(out[name]) for name in out.data_vars}


def agrees(value: float, printed) -> bool:
    """Return whether a value rounds to what was printed."""
    mantissa, _, exponent = str(printed).partition("e")
    step = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
    return abs(value - float(printed)) <= 0.5000001 * step


@pytest.fixture
def vignette(answers) -> dict[str, dict]:
    """Printed output of the vignette of the R package trend (Pohlert), by series."""
    cases = json.loads((answers / "trend_vignette_answers.json").read_text(encoding="utf-8"))["cases"]
    return {case["data"]: case for case in cases}


def test_annual_discharge_of_the_rhine_at_maxau(answers, vignette):
    printed, found = vignette["maxau.csv:Q"], result(column(answers / "maxau.csv", "Q"))
    assert (found["n"], found["s"]) == (printed["n"], printed["S"]) == (45, -144)
    for name in ("z", "p", "tau"):
        assert agrees(found[name], printed[name]), name
    assert ((abs(found["s"]) - 1) / found["z"]) ** 2 == pytest.approx(printed["varS"], rel=1e-12)


def test_annual_suspended_sediment_of_the_rhine_at_maxau(answers, vignette):
    printed, found = vignette["maxau.csv:s"], result(column(answers / "maxau.csv", "s"))
    for name in ("slope", "z", "p", "n"):
        assert agrees(found[name], printed[name]), name
    low, high = printed["ci95"]  # ours is nominal 90 %: inside the printed 95 %
    assert low < found["slope_low"] < found["slope"] < found["slope_high"] < high


@pytest.mark.parametrize("station", STATIONS)
def test_monthly_hcb_on_suspended_matter_of_the_rhine(station, answers, vignette):
    printed, found = vignette[f"hcb.csv:{station}"], result(column(answers / "hcb.csv", station))
    for name in ("z", "p", "n"):
        assert agrees(found[name], printed[name]), name


def test_sulfate_of_the_epa_guidance_on_irregular_times(answers):
    """Example 17-6 of the Unified Guidance as printed by EnvStats: 23 dates, ties, Conover's line."""
    (printed,) = [c for c in json.loads((answers / "envstats_answers.json").read_text(encoding="utf-8"))["cases"] if "sulfate" in c["data"]]
    path = answers / printed["data"]
    times = column(path, printed["x"])
    found = result(column(path, printed["y"]), times)
    for name in ("n", "tau", "slope", "z", "p"):
        assert agrees(found[name], printed[name]), name
    assert found["s"] == 194
    assert agrees(found["intercept"] - found["slope"] * times[0], printed["intercept_conover"])
    low, high = printed["slope_ci95_gilbert"]
    assert low <= found["slope_low"] < found["slope"] < found["slope_high"] < high


def test_sodium_of_the_epa_guidance_on_irregular_times(answers):
    """Example 17-7 of the Unified Guidance as printed by EnvStats: tau, slope, line, z, p and the 95 % interval [0.40, 2.33]."""
    path = answers / "EnvStats_EPA.09.Ex.17.7.sodium.df.csv"
    times = column(path, "Year")
    found = result(column(path, "Sodium.ppm"), times, significance="normal")
    printed = {"n": 10, "s": 25, "tau": 0.5555556, "slope": 1.3333333, "z": 2.146625, "p": 0.03182313}
    for name, value in printed.items():
        assert agrees(found[name], value), name
    assert agrees(found["intercept"] - found["slope"] * times[0], -65.9666667)
    assert 0.3992083 < found["slope_low"] < found["slope_high"] < 2.3333333
    assert result(column(path, "Sodium.ppm"), times)["p"] == pytest.approx(2 * untied_tail(10)[10], rel=1e-12)  # exact: |S| = 45 - 20


@pytest.mark.parametrize(
    ("values", "s", "z", "normal", "exact"),
    [
        ([1, 2, 3, 4], 6, "1.6984", ".0894", ".0833"),
        ([1, 2, 4, 3], 4, "1.0190", ".3082", ".3333"),
        ([2, 1, 4, 3], 2, ".3397", ".7341", ".7500"),
        ([2, 4, 1, 3], 0, "0", "1", "1"),
        ([1, 1, 2, 3], 5, "1.445", None, ".167"),
        ([1, 1, 2, 2], 4, "1.162", None, ".333"),
        ([0.9, 1, 1, 1], 3, ".894", ".371", ".500"),
        ([1, 1, 1, 1], 0, "0", "1", "1"),
        ([1, 2, 3, 4, 5], 10, "2.205", None, ".0167"),
        ([1, 2, 3, 5, 4], 8, "1.715", None, ".0833"),
    ],
)
def test_attainable_values_of_four_and_five_years(values, s, z, normal, exact):
    found = result(np.array(values, float))
    assert found["s"] == s
    assert agrees(found["z"], z)
    assert agrees(found["p"], exact)
    if normal:
        assert agrees(result(np.array(values, float), significance="normal")["p"], normal)


def test_an_earth_engine_tutorial_calls_four_rising_years_significant_and_is_wrong():
    assert 6 / math.sqrt(26 / 3) == pytest.approx(2.038, abs=5e-4)  # z without continuity correction: above 1.96
    assert result(np.arange(4.0))["p"] > 0.05
    assert result(np.arange(4.0), significance="normal")["p"] > 0.05


def test_four_values_that_the_yue_wang_modification_calls_significant():
    found = result(np.array([0.5, 0.62, 0.61, 0.8]))  # that modification prints p = .0229; two values out of order cannot give it
    assert agrees(found["p"], ".333")
