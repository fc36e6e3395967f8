"""What every stage starts from: the config, the folders, the threads."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import pipeline
from pipeline import config as configs
from pipeline.config import Config
from pipeline.layout import MineFolder, SensorFolder
from pipeline.provenance import digest, is_synthetic, options
from pipeline.sensors import SENSORS, Sensor


@dataclass(frozen=True)
class Job:
    """One call of a stage.

    `block` is the side of the blocks that are computed at a time, in cells; `dask` the address of a dask.distributed
    scheduler for stages whose blocks may run there.
    """

    config_path: Path
    results: Path
    sensor: str = ""
    threads: int = 1
    block: int = 512
    dask: str | None = None

    @cached_property
    def config(self) -> Config:
        """Return the validated config."""
        return configs.load(self.config_path)

    @property
    def record(self) -> Sensor:
        """Return what is known of the kind of sensor."""
        return SENSORS[self.config.kind(self.sensor)]

    @property
    def mine_folder(self) -> MineFolder:
        """Return results/<mine>/."""
        return MineFolder(self.results, self.config.mine)

    @property
    def folder(self) -> SensorFolder:
        """Return results/<mine>/<sensor>/."""
        return self.mine_folder.sensor(self.sensor)

    @property
    def has_scenes(self) -> bool:
        """Return whether the sensor has scenes, which tell water and what was clear; prepared composites do not."""
        return self.config.sensors[self.sensor].catalog is not None

    @cached_property
    def synthetic(self) -> bool:
        """Return whether the sensor's images are made by software, not observed."""
        return is_synthetic(self.folder.scenes)

    def tags(self, stage: str, **more: str) -> dict[str, str]:
        """Return the tags of a raster: no paths, titles or times, so that equal inputs give equal bytes."""
        config = self.config
        synthetic = {"source": "synthetic"} if self.synthetic else {}
        chosen = digest(options(config, stage, self.sensor), with_files=False)
        return {"software": f"minegreen {pipeline.__version__}", "sensor": config.kind(self.sensor), "options": chosen} | synthetic | more

    @contextmanager
    def computing(self, what: str) -> Iterator[None]:
        """Run Dask on this job's threads, or on the scheduler that was given, with progress."""
        import dask.threaded

        from pipeline.blockwise import cluster
        from pipeline.progress import dask_progress

        elsewhere = cluster(self.dask) if self.dask else nullcontext()
        with elsewhere, dask.config.set(scheduler=dask.threaded.get, num_workers=self.threads), dask_progress(what, self.threads):
            yield
