"""Command line: one subcommand per rule, and those for users. Everything heavy is imported inside."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from itertools import product
from pathlib import Path
from typing import Any

from pipeline import __version__
from pipeline.errors import BadInput, RunFault
from pipeline.evaluation.records import EVALUATIONS
from pipeline.progress import Lines

log = logging.getLogger("minegreen")

# stage: (help, arguments beside the common ones)
STAGES: dict[str, tuple[str, tuple[str, ...]]] = {
    "synthetic": ("write the synthetic mine: the scenes of one kind of sensor, its history, or its weather and relief; and the truth", ("kind",)),
    "search": ("the items of a STAC API, pinned: items.json", ("sensor",)),
    "scenes": ("pin the images of one sensor and the grid: scenes.json, ledger.csv", ("sensor",)),
    "composite": ("NDVI of a year on the mine's grid: ndvi_<year>.tif; from scenes also clear_, doy_, water_ and sd_<year>.tif", ("sensor", "year")),
    "observations": ("what each scene showed of each zone: zone_by_scene.csv, masked_by_zone.csv", ("sensor",)),
    "endmembers": ("the endmember pair for all years: endmembers.json", ("sensor",)),
    "fvc": ("fractional vegetation cover of every year: fvc_<year>.tif", ("sensor",)),
    "trend": ("Theil-Sen slope and Mann-Kendall test of one period: trend_<a>-<b>.tif", ("sensor", "period")),
    "classes": ("trend classes of one period: trend_class_<a>-<b>.tif", ("sensor", "period")),
    "areas": ("the tables of one sensor", ("sensor",)),
    "sensitivity": ("how results come out under variants of the analysis: sensitivity.csv", ("sensor",)),
    **{e.key: (e.does, ("sensor",)) for e in EVALUATIONS.values()},
    "map": (
        "trend classes of one period, map and bars: trend_class_<a>-<b>.png, trend_area_by_zone_<a>-<b>.png",
        ("sensor", "period"),
    ),
    "chart": ("the chart of cover by zone and year: fvc_by_zone.png", ("sensor",)),
    "previews": ("the clearest image of each year in false colour: preview_<year>.png", ("sensor",)),
    "workbook": ("the tables of all sensors as a workbook: tables.xlsx", ()),
    "zones": ("the zones with the results of every sensor: zones.gpkg", ()),
    "project": ("the QGIS project of all results: <mine>.qgz", ()),
    "report": ("the report: report.html, one page that needs no network", ()),
    "manifest": ("close a run: run.json with checksums", ()),
}
KINDS = ("sentinel-2", "landsat", "modis", "history", "site")
MADE = "sensor whose scenes are made (default: sentinel-2); history: Landsat scenes 2002-2022; site: weather and relief"
BEFORE_KERNELS = ("synthetic", "search", "scenes")  # stages that compute nothing with them
DISTRIBUTED = ("composite", "trend")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one subcommand and return its exit code: 0 done, 2 bad input, 3 fault during the run."""
    parser = _parser()
    given = parser.parse_args(arguments)
    _log_to(getattr(given, "log", None))
    ending = _end_by_interrupt()
    try:
        return int(given.call(given) or 0)
    except (BadInput, RunFault) as error:
        log.error("%s", error)
        return error.exit_code
    except KeyboardInterrupt:
        log.error("interrupted; the same command resumes")
        return RunFault.exit_code
    except (OSError, MemoryError) as error:
        log.error("%s: %s: %s; the same command resumes", given.command, type(error).__name__, error)
        return RunFault.exit_code
    except Exception:
        log.exception("%s failed; the same command resumes", given.command)
        return RunFault.exit_code
    finally:
        if ending is not None:
            signal.signal(signal.SIGTERM, ending)
        for handler in [h for h in log.handlers if isinstance(h, logging.FileHandler)]:
            log.removeHandler(handler)
            handler.close()


def _end_by_interrupt() -> Any:
    """Let SIGTERM end a stage as Ctrl-C does, with its temporary files removed; return what it did before, None off the main thread."""
    if threading.current_thread() is not threading.main_thread():
        return None

    def stop(number: int, frame: Any) -> None:
        raise KeyboardInterrupt

    return signal.signal(signal.SIGTERM, stop)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="minegreen", description="Is the vegetation on this pit coming back, where, how much, and how sure can we be?")
    parser.add_argument("--version", action="version", version=f"minegreen {__version__}")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _user_commands(commands)
    for name, (text, more) in STAGES.items():
        stage = commands.add_parser(name, help=f"stage: {text}", description=f"Stage of the workflow: {text}.")
        stage.add_argument("config", type=Path, help="the mine's YAML file")
        stage.add_argument("--results", type=Path, default=Path("results"), help="results folder (default: results)")
        if "sensor" in more:
            stage.add_argument("--sensor", required=True, help="sensor id of the config")
        if "year" in more:
            stage.add_argument("--year", type=int, help="calendar year of the season's start (default: every year of the config)")
        if "kind" in more:
            stage.add_argument(
                "--kind", choices=KINDS, default=KINDS[0], help="sensor whose scenes are made; history: Landsat scenes 2002-2022; site: weather and relief"
            )
        if "period" in more:
            stage.add_argument("--period", type=_period, help="first-last, for instance 2021-2024 (default: every period of the config)")
        stage.add_argument("--threads", type=_positive, default=1, help="threads for blocks (default: 1)")
        stage.add_argument("--block", type=_positive, default=512, help="side of a block in cells (default: 512); changes no result")
        if name in DISTRIBUTED:
            stage.add_argument("--dask", default=os.environ.get("MINEGREEN_DASK"), help="dask.distributed scheduler for the blocks, tcp://host:port")
        stage.add_argument("--log", type=Path, help="also write messages to this file")
        stage.set_defaults(call=_stage(name, more))
    warm = commands.add_parser("warm", help="stage: compile the kernels once", description="Stage of the workflow: compile the kernels once.")
    warm.add_argument("done", type=Path, help="marker file to write")
    warm.add_argument("--log", type=Path, help="also write messages to this file")
    warm.set_defaults(call=_warm)
    summary = commands.add_parser(
        "summary", help="stage: every finished mine of a results folder: its tables and page in summary/", description="Stage of the workflow."
    )
    summary.add_argument("results", type=Path, help="folder of the mines' folders")
    summary.add_argument("--log", type=Path, help="also write messages to this file")
    summary.set_defaults(call=_summary)
    return parser


def _user_commands(commands: Any) -> None:
    new = commands.add_parser("new", help="write configs/MINE.yaml from an AOI file", description="Write configs/MINE.yaml, commented; never overwrites.")
    new.add_argument("mine", metavar="MINE", help="id of the mine: a-z, 0-9, -")
    new.add_argument("--aoi", type=Path, required=True, help="vector file with one polygon per zone")
    new.add_argument("--zone-field", help="attribute with the zone's name (default: `zone` if present, else one that names every polygon, else numbers)")
    new.add_argument("--where", metavar="FIELD=VALUE", help="of a file of many mines: only the polygons with this value, written to aoi/MINE.geojson")
    new.add_argument("--composites", help="path of yearly composites with {year} in it, or their folder; the years are found from the files")
    words = "STAC item collection (JSON) or folder of downloaded products, which tell the years; or earth-search, planetary-computer, cdse"
    new.add_argument("--catalog", help=words)
    new.set_defaults(call=_new)
    check = commands.add_parser("check", help="validate configs and say what a run will do", description="Validate config, AOI and images without computing.")
    check.add_argument("configs", type=Path, nargs="+", metavar="CONFIG", help="YAML files")
    check.add_argument("--results", type=Path, default=Path("results"), help="results folder (default: results); check.png is written there")
    check.set_defaults(call=_check)
    cross = commands.add_parser("crosscheck", help="recompute a sample of pixels with pymannkendall and scipy", description="Exit 3 when a pixel differs.")
    cross.add_argument("config", type=Path, metavar="CONFIG", help="YAML file of a finished run")
    cross.add_argument("--pixels", type=_positive, default=2000, help="sample size per sensor and period (default: 2000)")
    cross.add_argument("--results", type=Path, default=Path("results"), help="results folder (default: results)")
    cross.set_defaults(call=_crosscheck)
    verify = commands.add_parser(
        "verify",
        help="check every output against the run's manifest",
        description="Check every output against run.json; exit 3 when something differs.",
    )
    verify.add_argument("results", type=Path, help="results/<mine>/, or a folder of such folders")
    verify.set_defaults(call=_verify)
    table = commands.add_parser(
        "checktable",
        help="check whether a published table of areas and shares can be true",
        description="Check a table of areas and shares as printed: every number stands for all that round to it. Exit 3 when something cannot be true.",
    )
    table.add_argument("table", type=Path, metavar="TABLE", help="CSV file with the columns name, area, share (per cent of the whole) and part_of")
    table.add_argument("--total", help="area of the whole as printed, in the table's unit")
    table.add_argument("--incomplete", action="store_true", help="the classes do not make up the whole")
    table.set_defaults(call=_checktable)


def _stage(name: str, more: tuple[str, ...]) -> Callable[[argparse.Namespace], None]:
    def call(given: argparse.Namespace) -> None:
        from importlib import import_module

        from pipeline.lock import wait_for_kernels
        from pipeline.stages.job import Job

        threads = min(given.threads, os.cpu_count() or 1)
        job = Job(given.config, given.results, getattr(given, "sensor", ""), threads, given.block, getattr(given, "dask", None))
        if job.sensor and job.sensor not in job.config.sensors:
            raise BadInput(given.config, "--sensor", job.sensor, f"one of {', '.join(job.config.sensors)}", "use a sensor id of the config")
        _check_span(given, job)
        if name not in BEFORE_KERNELS:
            wait_for_kernels()
        run = import_module(f"pipeline.stages.{name}").run
        every = {"year": job.config.all_years, "period": job.config.periods}
        choices = [every[key] if key in every and getattr(given, key) is None else [getattr(given, key)] for key in more if key != "sensor"]
        for chosen in product(*choices):
            run(job, *chosen)

    return call


def _check_span(given: argparse.Namespace, job: Any) -> None:
    years, periods = job.config.all_years, job.config.periods
    if getattr(given, "year", None) not in (None, *years):
        raise BadInput(given.config, "--year", given.year, f"{years[0]} to {years[-1]}", "use a year of the config")
    if getattr(given, "period", None) not in (None, *periods):
        raise BadInput(given.config, "--period", given.period, " or ".join(f"{a}-{b}" for a, b in periods), "use a period of the config")


def _warm(given: argparse.Namespace) -> None:
    from pipeline.stages import warm

    warm.run(given.done)


def _summary(given: argparse.Namespace) -> None:
    from pipeline.stages import summary

    summary.run(given.results)


def _new(given: argparse.Namespace) -> None:
    from pipeline.newmine import Asked, run

    print(run(given.mine, Asked(given.aoi, given.zone_field, given.where, given.composites, given.catalog)))  # noqa: T201


def _check(given: argparse.Namespace) -> None:
    from pipeline.checkup import run

    print("\n".join(run(given.configs, given.results)))  # noqa: T201


def _crosscheck(given: argparse.Namespace) -> int:
    from pipeline.crosscheck import run

    lines, good = run(given.config, given.pixels, given.results)
    print("\n".join([*lines, "all within tolerance" if good else "DIFFERENCES ABOVE TOLERANCE"]))  # noqa: T201
    return 0 if good else RunFault.exit_code


def _verify(given: argparse.Namespace) -> int:
    from pipeline.manifest import unfinished, verify
    from pipeline.summary import stale

    different = [*verify(given.results), *stale(given.results)]
    open_ends = [f"not finished, so not verified: {mine}" for mine in unfinished(given.results)]
    print("\n".join([*(different or ["every output is as the run left it"]), *open_ends]))  # noqa: T201
    return RunFault.exit_code if different else 0


def _checktable(given: argparse.Namespace) -> int:
    from pipeline.evaluation.tablefile import run

    lines, good = run(given.table, given.total, complete=not given.incomplete)
    print("\n".join(lines))  # noqa: T201
    return 0 if good else RunFault.exit_code


def _log_to(path: Path | None) -> None:
    handlers: list[logging.Handler] = [Lines()]
    if path is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        handlers.append(logging.FileHandler(path, mode="w", encoding="utf-8"))
    for handler in handlers:
        handler.setFormatter(logging.Formatter("minegreen: %(message)s"))
    log.handlers = handlers
    log.setLevel(logging.INFO)


def _period(text: str) -> tuple[int, int]:
    first, _, last = text.partition("-")
    if not (first.isdigit() and last.isdigit() and int(first) < int(last)):
        raise argparse.ArgumentTypeError(f"{text!r}; expected first-last, for instance 2021-2024")
    return int(first), int(last)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r}; expected a whole number from 1")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
