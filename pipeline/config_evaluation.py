"""What the config keys of all evaluations share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from pipeline.config_base import Id, Model

if TYPE_CHECKING:
    from pipeline.config import Config


class EvaluationKey(Model):
    """The key of an evaluation: without it, the evaluation is not made."""

    sensors: tuple[Id, ...] | None = Field(None, description="ids of the sensors that it is made for; default: all")

    def files(self, config: Config, results: Path) -> list[Path]:
        """Return the files of the user's that the evaluation reads."""
        return []


def check_evaluations(config: Config) -> None:
    """Refuse an evaluation of a sensor that the mine does not have."""
    for key, asked in config.evaluations.items():
        if strange := [s for s in asked.sensors or () if s not in config.sensors]:
            raise ValueError(f"{key}.sensors: {strange[0]!r}; expected ids of {', '.join(config.sensors)}; fix: correct or remove it")
        if asked.sensors == ():
            raise ValueError(f"{key}.sensors: none; expected at least one of {', '.join(config.sensors)}; fix: remove `sensors`, or the key {key}")
