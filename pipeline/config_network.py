"""The config key `network`."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from pipeline.config_base import Model


class Network(Model):
    """How long to wait for servers, and how often to try; changes no result."""

    timeout_s: Annotated[int, Field(ge=1, le=3600)] = Field(
        30, description="a server that sends nothing (or less than 1,000 bytes a second) for so many seconds has failed"
    )
    connect_timeout_s: Annotated[int, Field(ge=1, le=600)] = Field(10, description="seconds within which a server must take the connection")
    attempts: Annotated[int, Field(ge=1, le=10)] = Field(
        3, description="how often a search or a read is tried; not again where the server refuses it (401, 403, 404)"
    )
    pause_s: Annotated[float, Field(ge=0, le=600)] = Field(1.0, description="seconds before the second attempt; twice that before the third, and so on")
