"""Progress: a bar in a terminal of one's own, plain lines elsewhere, and the last lines of a run."""

import json
import logging
import os
import pty
import re
import subprocess
import sys

import dask
import pytest
from running import ROOT, environment, place, snakemake

from pipeline import blockwise, progress
from pipeline.__main__ import main
from pipeline.closing import MOST_WARNINGS, last_lines

CURSOR = re.compile(r"\x1b\[(\?25[lh]|\d*[AK])")  # hides the cursor, moves up, erases: what a live bar does and a line never


def in_terminal(*command, **variables):
    """Run a command whose standard error and output are a terminal; return its exit code and what the terminal got."""
    ours, theirs = pty.openpty()
    variables = environment(TERM="xterm-256color", COLUMNS="120") | variables
    process = subprocess.Popen([sys.executable, *command], stdin=theirs, stdout=theirs, stderr=theirs, cwd=place(), env=variables)
    os.close(theirs)
    seen = b""
    while True:
        try:
            part = os.read(ours, 65536)
        except OSError:  # Linux says so when the other side has closed
            break
        if not part:
            break
        seen += part
    os.close(ours)
    return process.wait(60), seen.decode("utf-8")


@pytest.fixture
def pinned(small_mine):
    """Return a small mine and the command of a stage that has a bar."""
    config = str(small_mine.write())
    results = ["--results", str(small_mine.results)]
    assert main(["scenes", config, "--sensor", "sentinel-2", *results]) == 0
    return small_mine, ["-m", "pipeline", "composite", config, "--sensor", "sentinel-2", "--year", "2020", *results]


def test_a_stage_alone_in_a_terminal_draws_a_bar_and_takes_it_away(pinned):
    mine, command = pinned
    log = mine.folder / "stage.log"
    code, seen = in_terminal(*command, "--log", str(log))
    assert code == 0
    assert "minegreen: NDVI 2020" in seen
    assert "100%" in seen
    assert CURSOR.search(seen)
    last = re.split(r"\x1b\[\?25h", seen)[-1]
    assert "\x1b[2K" in last, "the bar is erased in the end"
    assert "NDVI" not in last
    assert "\x1b" not in log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("more", "variables"),
    [(["--threads", "1"], {"MINEGREEN_CORES": "8"}), ([], {"TERM": "dumb"})],
    ids=["beside other jobs", "dumb terminal"],
)
def test_no_bar_where_it_would_be_garbage(pinned, more, variables):
    code, seen = in_terminal(*pinned[1], *more, **variables)
    assert code == 0
    assert not CURSOR.search(seen)


def test_a_job_that_holds_all_cores_of_the_run_has_the_terminal_to_itself(pinned):
    code, seen = in_terminal(*pinned[1], "--threads", "1", MINEGREEN_CORES="1")
    assert code == 0
    assert CURSOR.search(seen)


def test_no_bar_in_a_pipe_or_a_file(pinned):
    done = subprocess.run([sys.executable, *pinned[1]], capture_output=True, text=True, cwd=ROOT, env=environment(FORCE_COLOR="1"), check=True)
    assert "\x1b" not in done.stdout + done.stderr


def test_the_terminal_of_a_run_with_jobs_side_by_side_stays_clean(small_mine):
    small_mine = type(small_mine)(small_mine.folder, years=(2022, 2023, 2024))
    small_mine.settings |= {"trend": {"min_years": 3}, "sensitivity": False}
    small_mine.write()
    command = ["-m", "snakemake", "--cores", "8", "--configfile", str(small_mine.config), "--config", f"results={small_mine.results}"]
    code, seen = in_terminal(*command, "--set-threads", "prepared=1", "fvc=1", "trend=1", "classes=1", "endmembers=1")
    assert code == 0, seen[-2000:]
    assert "minegreen: small: tables:" in seen
    assert not CURSOR.search(seen)


def test_messages_stand_above_the_bar_and_lines_of_progress_go_to_the_log_only(tmp_path):
    code = (
        "import logging, sys\n"
        "from pathlib import Path\n"
        "from pipeline import progress\n"
        "from pipeline.__main__ import _log_to\n"
        "progress.EVERY_S = -1.0\n"
        "_log_to(Path(sys.argv[1]))\n"
        "with progress.progress('a step') as report:\n"
        "    report(1, 4)\n"
        "    logging.getLogger('minegreen').warning('a message')\n"
        "    report(4, 4)\n"
        "logging.getLogger('minegreen').info('the end')\n"
    )
    log = tmp_path / "x.log"
    status, seen = in_terminal("-c", code, str(log))
    assert status == 0
    assert "minegreen: a message" in seen
    assert "minegreen: the end" in seen
    assert "a step: 25 %" not in seen
    assert log.read_text(encoding="utf-8").splitlines() == ["minegreen: a step: 25 %", "minegreen: a message", "minegreen: a step: 100 %", "minegreen: the end"]


@pytest.fixture
def often(monkeypatch, caplog):
    """Let every report be a line; return a function that gives the lines."""
    monkeypatch.setattr(progress, "EVERY_S", -1.0)
    caplog.set_level(logging.INFO, "minegreen")
    return lambda: [record.message for record in caplog.records if record.name == "minegreen"]


def test_lines_say_the_share_of_the_whole(often):
    with progress.progress("read") as report:
        for done in (1, 2, 3):
            report(done, 3)
    assert often() == ["read: 33 %", "read: 66 %", "read: 100 %"]


def test_a_line_comes_at_most_every_two_seconds(monkeypatch, caplog):
    caplog.set_level(logging.INFO, "minegreen")
    clock = iter([0.0, 1.9, 2.0, 2.0, 3.9, 4.1, 4.1])
    monkeypatch.setattr(progress, "monotonic", lambda: next(clock))
    with progress.progress("read") as report:
        for done in (1, 2, 3, 4):
            report(done, 4)
    assert [record.message for record in caplog.records] == ["read: 50 %", "read: 100 %"]


def test_the_blocks_of_a_computation_are_counted(often):
    with dask.config.set(scheduler="threads", num_workers=2), progress.dask_progress("blocks"):
        blockwise.each(lambda item: item, range(4), (), lambda result: None)
    shares = [int(line.split()[1]) for line in often()]
    assert len(shares) >= 4
    assert shares == sorted(shares)
    assert shares[-1] == 100


def test_blocks_on_a_cluster_are_counted(often, two_workers):
    with blockwise.cluster(two_workers), progress.progress("blocks"):
        blockwise.run([dask.delayed(int)(i) for i in range(4)], lambda result: None)
    assert often() == ["blocks: 25 %", "blocks: 50 %", "blocks: 75 %", "blocks: 100 %"]


def test_without_a_step_under_way_a_report_is_nothing(often):
    progress.report(1, 2)
    with progress.progress("step"):
        pass
    progress.report(1, 2)
    assert often() == []


def test_help_loads_nothing_that_draws():
    heavy = "{'rich', 'dask', 'numpy', 'jinja2'}"
    code = f"import sys\nfrom pipeline.__main__ import main\ntry:\n    main(['--help'])\nexcept SystemExit:\n    print(sorted({heavy} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, env=environment(), check=True)
    assert done.stdout.splitlines()[-1] == "[]"


# ---------------------------------------------------------------- the last lines of a run


def finish(results, mine, warnings=(), files=("report.html", "tables.xlsx", "{mine}.qgz")):
    """Leave what a finished run leaves, as empty files."""
    folder = results / mine
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps({"warnings": list(warnings)}), encoding="utf-8")
    for name in files:
        (folder / name.format(mine=mine)).touch()


def test_the_last_lines_name_report_project_and_tables(tmp_path):
    finish(tmp_path, "a")
    assert last_lines(tmp_path, ["a"]) == [
        f"a: report: {tmp_path}/a/report.html",
        f"a: QGIS project: {tmp_path}/a/a.qgz",
        f"a: tables: {tmp_path}/a/tables.xlsx",
    ]


def test_only_files_that_are_there_are_named(tmp_path):
    finish(tmp_path, "a", files=("tables.xlsx",))
    (tmp_path / "b").mkdir()
    assert last_lines(tmp_path, ["a", "b", "c"]) == [f"a: tables: {tmp_path}/a/tables.xlsx"]


def test_the_page_of_all_mines_is_named_where_there_are_several(tmp_path):
    (tmp_path / "summary").mkdir()
    (tmp_path / "summary" / "index.html").touch()
    finish(tmp_path, "a", files=())
    assert last_lines(tmp_path, ["a"]) == []
    finish(tmp_path, "b", files=())
    assert last_lines(tmp_path, ["a"]) == [f"all mines: {tmp_path}/summary/index.html"]


def test_warnings_come_first_one_line_each_and_the_rest_is_counted(tmp_path):
    texts = ["zone \x1b[31mred\nforged: all is well", *(f"warning {i}" for i in range(MOST_WARNINGS + 1))]
    finish(tmp_path, "a", texts, files=("tables.xlsx",))
    lines = last_lines(tmp_path, ["a"])
    assert lines[0] == "a: warning: zone \\x1b[31mred\\nforged: all is well"
    assert lines[MOST_WARNINGS] == f"a: and 2 more warnings: {tmp_path}/a/run.json"
    assert lines[-1] == f"a: tables: {tmp_path}/a/tables.xlsx"
    assert len(lines) == MOST_WARNINGS + 2


def test_a_run_that_was_stopped_names_nothing(small_mine):
    small_mine.write()
    (small_mine.folder / "2022.tif").write_bytes((small_mine.folder / "2022.tif").read_bytes()[:-3000])
    finish(small_mine.results, "small")  # what an earlier run left
    target = str(small_mine.results / "small" / "sentinel-2" / "ndvi_2022.tif")
    done = snakemake(target, "--configfile", str(small_mine.config), "--config", f"results={small_mine.results}")
    assert done.returncode == 3
    assert "minegreen: small: tables:" not in done.stdout + done.stderr
