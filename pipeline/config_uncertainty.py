"""The config key `uncertainty`."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import Field, model_validator

from pipeline.config_base import Model
from pipeline.config_sensitivity import LEAST_CONTRAST

Ndvi = Annotated[float, Field(ge=-1, le=1)]
Spread = Annotated[float, Field(ge=0, le=1)]


def _ordered(name: str, pair: tuple[float, float]) -> None:
    if pair[0] > pair[1]:
        raise ValueError(f"{name} {list(pair)}; expected [lowest, highest]; fix: swap them")


def _tuples(given: Any) -> Any:
    """Return plain values with tuples in place of lists, which a strict model does not take once another validator has seen them."""
    if isinstance(given, dict):
        return {k: _tuples(v) for k, v in given.items()}
    return tuple(given) if isinstance(given, list) else given


class PairRange(Model):
    """What the endmembers may be."""

    soil: tuple[Ndvi, Ndvi] = Field(description="lowest and highest NDVI of bare ground")
    vegetation: tuple[Ndvi, Ndvi] = Field(description="lowest and highest NDVI of closed vegetation")

    @model_validator(mode="after")
    def _order(self) -> PairRange:
        _ordered("soil", self.soil)
        _ordered("vegetation", self.vegetation)
        if not self.vegetation[0] - self.soil[1] >= LEAST_CONTRAST:
            found = f"soil up to {self.soil[1]:g}, vegetation from {self.vegetation[0]:g}"
            raise ValueError(f"{found}; expected vegetation at least {LEAST_CONTRAST} above soil; fix: correct them")
        return self


class Uncertainty(Model):
    """Whether class areas get bounds, and from what; `uncertainty: false` is short for `{run: false}`."""

    run: bool = Field(True, description="as the short form: true or false")
    level: Annotated[float, Field(ge=0.5, le=0.99)] = Field(0.9, description="nominal coverage of the bounds; measured coverage: docs/methods.md")
    ndvi_sd: Spread | None = Field(
        None,
        description="standard deviation of the error of a yearly NDVI, independent between cells and years; default: from the spread of the observations that "
        "each composite is made of, which prepared composites do not tell: without it they have no bounds",
    )
    ndvi_sd_shared: Spread | None = Field(
        None, description="with `ndvi_sd`: standard deviation of the error that all cells of a zone share in a year (atmosphere); default: none"
    )
    endmembers: PairRange | None = Field(
        None,
        description="what the endmembers may be; default: members found by percentile range over percentiles 2 and 98, 5 and 95 and their own; "
        "others have no range",
    )
    no_change: tuple[Annotated[float, Field(ge=0, le=1)], Annotated[float, Field(ge=0, le=1)]] | None = Field(
        None, description="lowest and highest `trend.no_change`; default: half to double the one in use, a convention and no measure of an error"
    )

    @model_validator(mode="before")
    @classmethod
    def _short(cls, given: Any) -> Any:
        for name in ("ndvi_sd", "ndvi_sd_shared"):
            if isinstance(given, dict) and isinstance(value := given.get(name), list | tuple):
                raise ValueError(f"{name}: {list(value)}; expected one number, as ranges exist for endmembers and no_change alone; fix: give one number")
        return _tuples(given) if isinstance(given, dict | Uncertainty) else {"run": given}

    @model_validator(mode="after")
    def _fits(self) -> Uncertainty:
        if self.no_change is not None:
            _ordered("no_change", self.no_change)
        if self.ndvi_sd_shared is not None and self.ndvi_sd is None:
            raise ValueError("ndvi_sd_shared without ndvi_sd; expected both; fix: give ndvi_sd too, or leave ndvi_sd_shared out")
        return self

    @classmethod
    def __get_pydantic_json_schema__(cls, core: Any, handler: Any) -> Any:
        """Return the schema of the long form and of the short one."""
        return {"anyOf": [{"type": "boolean"}, handler.resolve_ref_schema(handler(core))]}
