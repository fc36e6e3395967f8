"""Draw the figures of the pages on evaluations. Run `python docs/evaluation_figures.py HISTORY DEFAULT`.

HISTORY is the results folder of `configs/examples/jiangcang-synthetic-2002-2022.yaml`: the charts of its run, made smaller. DEFAULT is that of the default run:
the figure of its `summary/index.html`. What all of them show is synthetic, as the charts and the pages say.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from PIL import Image

IMAGES = Path(__file__).parent / "images"
WIDTH, COLOURS = 1500, 256
CHARTS = (
    "recovery_by_zone",
    "climate_by_zone",
    "landcover_by_year",
    "landcover_transitions",
    "footprint",
    "pit_lakes_by_zone",
    "fvc_by_stratum",
    "breaks_by_zone",
)


def main(history: Path, default: Path) -> None:
    """Write docs/images/<chart>.png and docs/images/methods.svg."""
    for name in CHARTS:
        with Image.open(history / "jiangcang-history" / "landsat" / f"{name}.png") as chart:
            small = chart.convert("RGB").resize((WIDTH, round(chart.height * WIDTH / chart.width)), Image.Resampling.LANCZOS)
        small.quantize(COLOURS, dither=Image.Dither.NONE).save(IMAGES / f"{name}.png", optimize=True)
    found = re.search(r"<svg viewBox=.*?</svg>", (default / "summary" / "index.html").read_text(encoding="utf-8"), re.DOTALL)
    if found is None:
        raise SystemExit(f"{default}/summary/index.html has no figure")
    (IMAGES / "methods.svg").write_text(found[0] + "\n", encoding="utf-8")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:3]))
