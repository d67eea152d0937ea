"""The golden vectors, and messages as the JSON that describes them."""

import json
import re
from pathlib import Path
from typing import Any

from ioi import lens
from ioi.shapes import Field, shape

FOLDER = Path(__file__).parents[3] / "schema/vectors/data"
LANGUAGES = re.compile(r"^(go|python|typescript|later)-")


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.bin"))


def value_names() -> list[str]:
    """Those of which every language writes its own; the canonical form of a value is no other value."""
    return [name for name in names() if not LANGUAGES.match(name) and not name.endswith("-canonical")]


def describe(name: str) -> dict[str, Any]:
    """The value is the same whoever wrote the message."""
    return json.loads((FOLDER / f"{LANGUAGES.sub('', name)}.json").read_text())


def read(name: str) -> bytearray:
    return bytearray((FOLDER / f"{name}.bin").read_bytes())


def show(root: Any, type_name: str, views: list[memoryview]) -> dict[str, Any]:
    """A message as JSON: 64 bits as decimal text, data as hexadecimal. Keeps the views of its data."""
    return {field.name: _show_field(root, field, views) for field in shape(type_name)}


def _show_field(root: Any, field: Field, views: list[memoryview]) -> Any:
    if field.kind == "data":
        views.append(lens.data_view(root, field.name))
        return (views[-1].hex()) or "00" * field.exactly
    value = getattr(root, field.name)
    if field.kind == "list":
        return [_show(element, field.element, field, views) for element in value]
    return _show(value, field.kind, field, views)


def _show(value: Any, kind: str, field: Field, views: list[memoryview]) -> Any:
    if kind == "struct":
        return show(value, field.of, views)
    if kind == "data":
        return value.hex() or "00" * field.exactly
    return str(value) if kind in ("uint64", "enum") else value


def written(described: dict[str, Any]) -> bytes:
    message = getattr(lens.types, described["type"]).new_message()
    _fill(message, described["type"], described["value"])
    return lens.encode(message)


def _fill(message: Any, type_name: str, value: dict[str, Any]) -> None:
    for field in shape(type_name):
        given = value[field.name]
        if field.kind == "struct":
            _fill(message.init(field.name), field.of, given)
        elif field.kind == "list":
            elements = message.init(field.name, len(given))
            for index, element in enumerate(given):
                if field.element == "struct":
                    _fill(elements[index], field.of, element)
                else:
                    elements[index] = _parse(element, field.element)
        else:
            setattr(message, field.name, _parse(given, field.kind))


def _parse(given: Any, kind: str) -> Any:
    if kind == "data":
        return bytes.fromhex(given)
    return int(given) if kind == "uint64" else given
