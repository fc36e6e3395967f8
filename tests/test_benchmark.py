"""The benchmarks run on a small case: they compare with others, or with the rasters, before they print a figure."""

import re
import subprocess
import sys

from running import ROOT, environment


def test_the_small_case_agrees_and_prints_its_table():
    command = [sys.executable, str(ROOT / "benchmarks" / "job.py"), "--small"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^\| ours, to arrays in memory \| [0-9.]+ ", done.stdout, re.MULTILINE)
    assert "NDVI bit by bit" in done.stdout
    assert "extrapolated" in done.stdout


def test_the_report_of_a_small_case_agrees_and_prints_its_table():
    command = [sys.executable, str(ROOT / "benchmarks" / "report.py"), "--small"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert re.search(r"^\| 40 zones, 2 periods \| 120,000 \| 21 \| 111,744 \| [0-9.]+ MB ", done.stdout, re.MULTILINE)


def test_the_false_positives_of_a_small_case_are_printed_for_every_test_and_nothing_is_written():
    from pipeline.sizes import TESTS

    table = (ROOT / "pipeline" / "sizes.csv").read_bytes()
    command = [sys.executable, str(ROOT / "benchmarks" / "false_positives.py"), "--small"]
    done = subprocess.run(command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    head, _, *rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    assert "size .05 | size .10" in head
    assert {row.split(" | ")[0][2:] for row in rows} == set(TESTS)
    assert {row.split(" | ")[3] for row in rows} == {"4", "8"}
    assert all(re.search(r"\| 0\.\d{3} ± 0\.\d{3} \|", row) or "1.000" in row for row in rows)
    assert re.search(rf"^{len(rows)} rows in \d+ s$", done.stdout, re.MULTILINE)
    assert (ROOT / "pipeline" / "sizes.csv").read_bytes() == table
    both = subprocess.run([*command, "--write"], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=60, check=False)
    assert both.returncode == 1
    assert "too rough" in both.stderr


def test_the_coverage_of_bounds_is_printed_for_the_settings_of_the_methods_page():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "bounds.py"), "--small"], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    rows = [line for line in done.stdout.splitlines() if re.match(r"\| [0-9]", line)]
    assert re.search(r"^15 settings of 4 zones, nominal 90%; least covered class of all: [0-9.]+%", done.stdout, re.MULTILINE)
    page = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8").split("**Coverage measured.**")[1].split("Planted changes")[0]
    told = [line for line in page.splitlines() if re.match(r"\| [0-9]", line)]
    settings = [[line.split(" | ")[:7] for line in lines] for lines in (rows, told)]
    assert len(rows) == 15
    assert settings[0] == settings[1]
    assert all(int(line.split(" | ")[7].rstrip(" %")) >= 90 for line in told), "the stated level"


def test_the_coverage_of_rank_intervals_is_printed_for_the_settings_of_its_page():
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "ranks.py"), "--small"], cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]
    page = (ROOT / "docs" / "methods-compared.md").read_text(encoding="utf-8")
    printed, told = ([line for line in text.splitlines() if re.match(r"\| [36] \|", line)] for text in (done.stdout, page))
    assert len(printed) == 16
    assert [line.split(" | ")[:3] for line in printed] == [line.split(" | ")[:3] for line in told]
    shares = [float(cell.split()[0]) for line in told for cell in line.strip("| ").split(" | ")[3:]]
    assert min(shares) >= 0.90, "the stated level"
    assert f"least of all: {min(shares):.3f}" in page
