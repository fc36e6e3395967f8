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


def snakemake(*arguments: str, cwd: Path = ROOT, timeout: int = 600, **variables: str) -> subprocess.CompletedProcess:
    """Run `snakemake --cores 8 ...` as a user would, and return its exit code and output."""
    command = [sys.executable, "-m", "snakemake", "--cores", "8", *arguments]
    return subprocess.run(command, cwd=cwd, env=environment(**variables), capture_output=True, text=True, timeout=timeout, check=False)


def environment(**variables: str) -> dict[str, str]:
    """Return this environment with the project's scripts first on the path."""
    return os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}", "PYTHONUNBUFFERED": "1"} | variables
