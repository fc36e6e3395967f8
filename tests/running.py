"""Start the workflow as a user would."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared" / "data"


@dataclass(frozen=True)
class Run:
    """A finished run of the main job: its config, results folder and output."""

    config: Path
    results: Path
    output: str
    place: Path


_places: list[Path] = []


def linked(folder: Path) -> Path:
    """Make a working folder: links to what a run reads, and a `.snakemake` of its own, as the end of a run removes the locks of all others there.

    No link to `pipeline`: compiled kernels are kept by the path of their source.
    """
    folder.mkdir(parents=True)
    for name in ("Snakefile", "rules", "profiles", "configs", "aoi"):
        (folder / name).symlink_to(ROOT / name)
    return folder


def work_in(folder: Path) -> None:
    """Let the runs of this process work in a folder."""
    _places[:] = [folder]


def place() -> Path:
    """Return the folder in which this process runs the workflow: another test process has another."""
    return _places[0]


def snakemake(*arguments: str, cwd: Path | None = None, timeout: int = 600, **variables: str) -> subprocess.CompletedProcess:
    """Run `snakemake --cores 8 ...` as a user would, and return its exit code and output."""
    command = [sys.executable, "-m", "snakemake", "--cores", "8", *arguments]
    return subprocess.run(command, cwd=cwd or place(), env=environment(**variables), capture_output=True, text=True, timeout=timeout, check=False)


def environment(**variables: str) -> dict[str, str]:
    """Return this environment with the project's scripts first on the path."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"} | variables
