"""What every model of the config is, strict and frozen, and the types that several of them use."""

from __future__ import annotations

import re
import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

MINE_ID = r"[a-z0-9-]{1,63}"
Id = Annotated[str, StringConstraints(pattern=rf"^{MINE_ID}$")]
FIRST_YEAR, LAST_YEAR = 1950, 2200
Year = Annotated[int, Field(ge=FIRST_YEAR, le=LAST_YEAR)]
MONTH = r"^[0-9]{4}(-(0[1-9]|1[0-2]))?$"


def _month(value: str) -> str:
    if not re.fullmatch(MONTH, value) or not FIRST_YEAR <= int(value[:4]) <= LAST_YEAR:
        raise ValueError(f'{value!r}; expected a year or month, "YYYY" or "YYYY-MM", {FIRST_YEAR} to {LAST_YEAR}; fix: write for instance "2021-06"')
    return value


def _free_text(value: str) -> str:
    if any(unicodedata.category(c) in {"Cc", "Cs"} and c not in "\n\t" for c in value):
        raise ValueError(f"{ascii(value)}; expected text without control characters; fix: remove them")
    return value


def _measure(value: str) -> str:
    if not value.strip() or " + " in value:
        raise ValueError(f"{value!r}; expected one measure, not blank and without ` + `; fix: give several as a list")
    return _free_text(value)


Month = Annotated[str, AfterValidator(_month), Field(json_schema_extra={"pattern": MONTH})]
FreeText = Annotated[str, StringConstraints(max_length=1000), AfterValidator(_free_text)]
Measure = Annotated[str, StringConstraints(max_length=200), AfterValidator(_measure)]


class Model(BaseModel):
    """Strict and frozen: an unknown key or a wrong type is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)
