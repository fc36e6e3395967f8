"""Compile the kernels once, as jobs that run side by side would all do it."""

from __future__ import annotations

from pathlib import Path

from pipeline.kernels import joint, kendall, neighbours, observe, pixels, seasonal, series
from pipeline.writer import write_text


def run(done: Path) -> None:
    """Import the kernels (explicit signatures compile on import, into NUMBA_CACHE_DIR) and write a marker."""
    kernels = [k for module in (joint, kendall, neighbours, observe, pixels, seasonal, series) for k in vars(module).values() if hasattr(k, "signatures")]
    write_text(done, "".join(f"{k.__name__} {len(k.signatures)}\n" for k in kernels))
