"""How the files of one sensor are reached over the network: plain values from config and preset, which travel to workers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.catalogs import CATALOGS
from pipeline.config import Config
from pipeline.errors import BadInput

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
SENT = ("AWS_", "PC_SDK_", "GDAL_HTTP_USERPWD", "GDAL_HTTP_BEARER", "GDAL_HTTP_PROXYUSERPWD")  # how variables begin whose values become parts of headers
SLOWEST = 1000  # bytes a second; less for `timeout_s` is a server that hangs


@dataclass(frozen=True)
class Access:
    """Waiting and trying as in the config's `network`; `endpoint` and `region` of S3 storage, empty for the default; no secret is in it."""

    timeout_s: int = 30
    connect_timeout_s: int = 10
    attempts: int = 3
    pause_s: float = 1.0
    requester_pays: bool = False
    endpoint: str = ""
    region: str = ""

    def check_paid(self, catalog: Path, where: str, href: str, sensor: str) -> None:
        """Refuse a file in storage that bills its readers, unless the config agrees to pay.

        Raises
        ------
        BadInput
            Naming the item, what it means, and both ways out.
        """
        if not self.requester_pays:
            found, expected = f"{href.partition('?')[0]}, in storage that bills those who read it", f"`requester_pays: true` in sensors.{sensor}, at your cost"
            fix = "say so, with AWS keys in the environment, or take the images from another catalogue (docs/catalogues.md)"
            raise BadInput(catalog, where, found, expected, fix)


def access_of(config: Config, sensor: str) -> Access:
    """Return how the files of a sensor are reached."""
    entry, network = config.sensors[sensor], config.network
    preset = CATALOGS.get(str(entry.catalog))
    endpoint, region = (preset.endpoint, preset.region) if preset is not None else ("", "")
    return Access(network.timeout_s, network.connect_timeout_s, network.attempts, network.pause_s, entry.requester_pays, endpoint, region)


def check_keys(config: Config, environment: Mapping[str, str] = os.environ) -> None:
    """Refuse a config whose images need keys that the environment does not hold, and values that are no keys.

    Raises
    ------
    BadInput
        Naming the variable and the sensor; never a value.
    """
    check_values(environment)
    for sensor, entry in config.sensors.items():
        preset = CATALOGS.get(str(entry.catalog))
        if not (entry.requester_pays or (preset is not None and preset.access == "s3")):
            continue
        missing = [key for key in KEYS if not environment.get(key)]
        if missing:
            raise BadInput(
                "environment",
                missing[0],
                "not set",
                f"the S3 keys that the images of sensors.{sensor} need (catalog {entry.catalog})",
                f"set {' and '.join(KEYS)} in the environment; docs/catalogues.md says where they come from",
            )


def check_values(environment: Mapping[str, str] = os.environ) -> None:
    """Refuse credentials with line breaks or other control characters, which would be sent as headers of their own.

    Raises
    ------
    BadInput
        Naming the variable; never its value.
    """
    for name in sorted(environment):
        if name.startswith(SENT) and any(ord(c) < 32 or 127 <= ord(c) < 160 for c in environment[name]):
            raise BadInput("environment", name, "a line break or another control character", "text without any", "set it anew, without a line break at its end")
