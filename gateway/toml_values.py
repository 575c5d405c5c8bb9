"""Values of TOML files as they are written: "3" is no number and "yes" is not true.

TOML has its own numbers and truth values. A text in their place is a slip: read as what it looks like, it would hide
the same slip with another text.
"""

from __future__ import annotations

from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator
from pydantic_core import PydanticKnownError

_PLAIN = frozenset((bool, int, float, NoneType))


class TomlTable(BaseModel):
    """A table of a TOML file whose numbers and truth values stand without quotes."""

    # Models are parts of others: each alone would be compiled once more, and most commands need few of them.
    model_config = ConfigDict(defer_build=True)

    @field_validator("*", mode="before")
    @classmethod
    def _as_written(cls, value: Any, info: ValidationInfo) -> Any:
        kinds = _kinds(cls, info.field_name or "")
        if not kinds <= _PLAIN:
            return value
        if isinstance(value, str):
            kind = next(kind for kind in (int, float, bool) if kind in kinds)
            raise PydanticKnownError(f"{kind.__name__}_type")  # type: ignore[arg-type]
        if isinstance(value, bool) and bool not in kinds:
            raise PydanticKnownError("int_type" if int in kinds else "float_type")
        if isinstance(value, int | float) and not isinstance(value, bool) and not kinds & {int, float}:
            raise PydanticKnownError("bool_type")
        return value


@cache
def _kinds(model: type[BaseModel], name: str) -> frozenset[Any]:
    """The kinds of value that a field may hold."""
    field = model.model_fields.get(name)
    return frozenset(_alternatives(field.annotation)) if field is not None else frozenset((object,))


def _alternatives(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return _alternatives(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [kind for one in get_args(annotation) for kind in _alternatives(one)]
    return [annotation]
