"""Compile the kernels once, as jobs that run side by side would all do it.

Those of monthly values are not among them: few runs ask for them, and every first run would wait for them.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.kernels import joint, kendall, neighbours, observe, pixels, series
from pipeline.writer import write_text


def run(done: Path) -> None:
    """Import the kernels (explicit signatures compile on import, into NUMBA_CACHE_DIR) and write a marker."""
    kernels = [k for module in (joint, kendall, neighbours, observe, pixels, series) for k in vars(module).values() if hasattr(k, "signatures")]
    write_text(done, "".join(f"{k.__name__} {len(k.signatures)}\n" for k in kernels))
