"""The types of the schema, as far as checking a message takes."""

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import capnp

_FOLDER = Path(__file__).parent
# The types, by their names in the schema.
types = capnp.load(str(_FOLDER / "data.capnp"), imports=[str(_FOLDER)])

# The annotation `exactly` of the schema.
_EXACTLY = 0xE9B1D5C4A7260F38

# Bytes of a number, and the size code of a list of them.
_NUMBERS = {"uint32": (4, 4), "uint64": (8, 5), "float32": (4, 4)}
_POINTERS = {"text", "data", "struct", "list"}


@dataclass(frozen=True)
class Field:
    """One field. `of` is the type of a struct, or of a list's elements when that is what it is."""

    name: str
    kind: str
    # In bytes for numbers and enums, otherwise the index of the pointer.
    offset: int
    # The kind of a list's elements, and their size code.
    element: str = ""
    size: int = 0
    exactly: int = 0
    names: int = 0
    of: str = ""


@functools.cache
def shape(name: str) -> tuple[Field, ...]:
    """The fields of a type."""
    schema = getattr(types, name).schema
    return tuple(_field(found) for found in schema.fields.values())


def _field(found: Any) -> Field:
    proto = found.proto
    kind, offset = proto.slot.type.which(), proto.slot.offset
    known = {"name": proto.name, "kind": str(kind), "exactly": _exactly(proto)}
    if proto.slot.hadExplicitDefault or known["kind"] not in {*_NUMBERS, *_POINTERS, "enum"}:
        raise TypeError(f"the field {proto.name} has a default, or a type that is not known here")
    if kind == "enum":
        return Field(**known, offset=2 * offset, names=len(found.schema.enumerants))
    if kind == "struct":
        return Field(**known, offset=offset, of=_short(found.schema))
    if kind == "list":
        return Field(**known, offset=offset, **_element(proto.slot.type.list.elementType, found))
    return Field(**known, offset=offset * _NUMBERS[known["kind"]][0] if known["kind"] in _NUMBERS else offset)


def _element(kind: Any, found: Any) -> dict[str, Any]:
    which = str(kind.which())
    if which in _NUMBERS:
        return {"element": which, "size": _NUMBERS[which][1]}
    if which == "struct":
        return {"element": which, "size": 7, "of": _short(found.schema.elementType)}
    if which in ("text", "data"):
        return {"element": which, "size": 6}
    raise TypeError(f"the field {found.proto.name} is a list of what is not known here")


def _short(schema: Any) -> str:
    return schema.node.displayName[schema.node.displayNamePrefixLength :]


def _exactly(proto: Any) -> int:
    return next((found.value.uint32 for found in proto.annotations if found.id == _EXACTLY), 0)
