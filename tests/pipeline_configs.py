"""Small configs for tests of what a config says."""

import pytest
import yaml

from pipeline.config import load
from pipeline.errors import BadInput


def written(folder, sensors, **more):
    """Write a small config and return its path."""
    settings = {"mine": "x", "aoi": {"path": "a.gpkg"}, "years": {"first": 2020, "last": 2024}, "season": {"start": "07-01", "end": "08-31"}}
    path = folder / "x.yaml"
    path.write_text(yaml.safe_dump(settings | {"sensors": sensors} | more), encoding="utf-8")
    return path


def loaded(folder, sensors, **more):
    """Return a small config."""
    return load(written(folder, sensors, **more))


def refused_config(folder, sensors, **more):
    """Return the error of a config that must be refused."""
    with pytest.raises(BadInput) as caught:
        loaded(folder, sensors, **more)
    assert caught.value.exit_code == 2
    return caught.value
