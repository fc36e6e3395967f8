"""What every model of the config is, strict and frozen, and the types that several of them use."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

MINE_ID = r"[a-z0-9-]{1,63}"
Id = Annotated[str, StringConstraints(pattern=rf"^{MINE_ID}$")]
Year = Annotated[int, Field(ge=1950, le=2200)]


class Model(BaseModel):
    """Strict and frozen: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
