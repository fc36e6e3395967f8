"""The proof that the HDF4 library survives a file, made once per file and state in another process (`pipeline.hdf4child`).

The library checks little of what it reads: on a damaged file it can end the process that reads, or never come back. One
process proves many files; the proof is kept, so that the stages of a run do not make it again.
"""

from __future__ import annotations

import atexit
import hashlib
import json
import os
import selectors
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from threading import Lock

from pipeline.errors import RunFault

CHILD = Path(__file__).with_name("hdf4child.py")
KEPT = Path(".snakemake") / "minegreen" / "proved"
SECONDS_OF_METADATA = 30  # a sound file takes some milliseconds
SECONDS_OF_VALUES = 120  # a sound layer of the largest tile takes about one
_lock = Lock()
_known: dict[str, str] = {}
_child: list[subprocess.Popen[bytes]] = []


def fault(path: Path | str, name: str = "") -> str:
    """Return why a file, or a data set of it, must not be opened in this process; empty where it may.

    Raises
    ------
    RunFault
        When no process can be started: nothing is then known of the file.
    """
    try:
        status = Path(path).stat()
        key = f"{Path(path).resolve()}\0{status.st_mtime_ns}\0{status.st_size}\0{name}"
    except OSError as error:
        return f"not a readable HDF4 file ({error.strerror})"
    if not os.access(path, os.R_OK):
        return "no permission to read it"
    with _lock:
        if key not in _known:
            kept = KEPT / hashlib.sha256(key.encode(errors="surrogateescape")).hexdigest()[:32]
            _known[key] = "" if kept.is_file() else _asked(str(Path(path).absolute()), name)
            if not _known[key]:
                with suppress(OSError):
                    kept.parent.mkdir(parents=True, exist_ok=True)
                    kept.touch()
        return _known[key]


def _asked(path: str, name: str) -> str:
    """Return what the child says of a file; a child that dies or does not answer has said it, too."""
    child = _child[0] if _child else _started()
    limit = SECONDS_OF_VALUES if name else SECONDS_OF_METADATA
    assert child.stdin is not None
    assert child.stdout is not None
    with suppress(BrokenPipeError):
        child.stdin.write(f"{json.dumps([path, name])}\n".encode())
        child.stdin.flush()
    with selectors.DefaultSelector() as waiting:
        waiting.register(child.stdout, selectors.EVENT_READ)
        answer = child.stdout.readline() if waiting.select(limit) else None
    if answer:
        return str(json.loads(answer))
    _end()
    return f"damaged (the HDF library fails on it: {'it crashes' if answer is not None else f'no answer within {limit} s'})"


def _started() -> subprocess.Popen[bytes]:
    """Return a new child; it is given paths as data, never as part of a command."""
    command = [sys.executable, "-P", str(CHILD)]
    few = os.environ | {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        _child.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=few))
    except OSError as error:
        raise RunFault(f"HDF4: no process can be started to try the files: {error.strerror}") from None
    return _child[0]


@atexit.register
def _end() -> None:
    """End the child, if there is one."""
    while _child:
        child = _child.pop()
        child.kill()
        with suppress(OSError):
            child.communicate()


def close() -> None:
    """End the child: the next question starts another."""
    with _lock:
        _end()
