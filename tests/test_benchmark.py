"""The benchmarks of the job and of the report run on a small case: they compare with others, or with the rasters, before they print a figure."""

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
    assert re.search(r"^\| 40 zones, 2 periods \| 120,000 \| 17 \| 111,744 \| [0-9.]+ MB ", done.stdout, re.MULTILINE)
