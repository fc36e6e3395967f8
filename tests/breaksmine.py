"""A small mine whose cells break in planted years, and the stages up to breaks run in this process."""

import numpy as np
from scenemine import snapshot as snapshot

from pipeline.__main__ import main

FELL, ROSE = 2008, 2014  # the pit is stripped in one and sown in the other


def planted(mine, seed=1, noise=0.01):
    """Give a `SmallMine` of long series a pit that is stripped in FELL and sown in ROSE, and a background that only varies; return NDVI (years, y, x)."""
    rng = np.random.default_rng(seed)
    years = np.array(mine.years)[:, None, None]
    ndvi = np.full((len(mine.years), 30, 40), 0.6)
    ndvi[:, :, :24] = np.where(years < FELL, 0.6, np.where(years < ROSE, 0.15, 0.45))
    ndvi = ndvi + rng.normal(0, noise, ndvi.shape)
    mine.red, mine.nir = (0.2 * (1 - ndvi)).astype("float32"), (0.2 * (1 + ndvi)).astype("float32")
    mine.settings["breaks"] = {}
    return ndvi


def stage(mine, name, *more):
    """Run one stage and return its exit code."""
    return main([name, str(mine.config), "--results", str(mine.results), *more])


def made(mine, *stages, sensor="sentinel-2"):
    """Write the mine, run its stages up to `stages` and return the sensor's folder."""
    mine.write()
    for name in ("scenes", "composite", "endmembers", *stages):
        assert stage(mine, name, "--sensor", sensor) == 0, name
    return mine.results / mine.settings["mine"] / sensor
