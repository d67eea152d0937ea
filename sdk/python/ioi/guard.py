"""Reads all of a message once, before anything else does.

pycapnp checks bounds, limits and kinds where a field is read, but not everywhere: a view of data
whose pointer is broken comes out empty, and a number that no enum has only fails when it is shown.
So it sees no message that this module has not walked through. Every step is charged, and what is
reached twice is reached once too often.

Pointers that this version of the schema has no field for are not followed here, and must not be by
anyone else: `total_size`, which follows all, ends the process at one that leads outside.
"""

import struct
from collections.abc import Iterable
from typing import NamedTuple

from .error import LensError
from .shapes import Field, shape

WORD_BYTES = 8
_STRUCT, _LIST = 0, 1
_POINTERS = ("struct", "list", "far", "capability")
_ELEMENT_BITS = (0, 1, 8, 16, 32, 64, 64)
_BYTE, _WORD_8, _COMPOSITE = 2, 5, 7
_ELEMENT_BYTES = (4, 2, 2, 8, 1, 2, 4, 8, 1, 2, 4, 8)
_BYTES_MAX = 2**64 - 1


class _Struct(NamedTuple):
    """Places are byte offsets from the start of the segment."""

    at: int
    data_words: int
    pointer_count: int


class _List(NamedTuple):
    at: int
    count: int
    data_words: int = 0
    pointer_count: int = 0


def check_head(message: memoryview) -> memoryview:
    """The one segment, which must be all that the bytes hold."""
    if len(message) < WORD_BYTES:
        raise LensError("lens.short", f"{len(message)} bytes are no message, which has {WORD_BYTES} at least")
    more, words = struct.unpack_from("<II", message)
    if more != 0:
        raise LensError("lens.segments", f"a message is one segment, this one says {more + 1}; write it in one")
    found = len(message) - WORD_BYTES
    if words * WORD_BYTES != found:
        raise LensError("lens.length", f"the head says that {words * WORD_BYTES} bytes follow, {found} do")
    return message[WORD_BYTES:]


def check(name: str, message: memoryview, depth_max: int) -> None:
    """Refuses a message of the type `name` in which anything is wrong."""
    walk = _Walk(check_head(message), depth_max)
    root = walk.struct(0)
    if root is not None:
        walk.check_struct(root, name, 1)


def _invalid(text: str) -> LensError:
    return LensError("lens.invalid", text)


def _shape_bytes(shape: Iterable[int], element_bytes: int) -> int:
    """What elements of this size take in this shape; one element where the shape is empty.

    A dimension of 0 makes it 0, wherever it stands. The product never grows beyond a u64 and one
    factor more, so that each step takes the same time.
    """
    product = element_bytes
    for size in shape:
        if size == 0:
            return 0
        if product <= _BYTES_MAX:
            product *= size
    if product > _BYTES_MAX:
        raise LensError("tensor.shape", "the shape's product is larger than any memory")
    return product


class _Walk:
    def __init__(self, segment: memoryview, depth_max: int) -> None:
        self.segment = segment
        self.words_left = len(segment) // WORD_BYTES
        self.depth_max = depth_max

    def check_struct(self, place: _Struct, name: str, depth: int) -> None:
        if depth > self.depth_max:
            raise _invalid(f"a value lies deeper than {self.depth_max} pointers")
        lists = {}
        for field in shape(name):
            if field.kind == "enum":
                self.check_enum(place, field)
            elif field.kind in ("text", "data", "struct", "list"):
                # What an older writer didn't know is null.
                if field.offset < place.pointer_count:
                    pointer = place.at + (place.data_words + field.offset) * WORD_BYTES
                    lists[field.name] = self.check_pointer(pointer, field.kind, field, depth)
        if name == "Tensor":
            self.check_tensor(self.number(place, 0), lists.get("shape"), lists.get("data"))

    def number(self, place: _Struct, offset: int) -> int:
        """An enum's number, 0 where the struct ends before it."""
        if offset + 2 > place.data_words * WORD_BYTES:
            return 0
        return struct.unpack_from("<H", self.segment, place.at + offset)[0]

    def check_enum(self, place: _Struct, field: Field) -> None:
        number = self.number(place, field.offset)
        if number >= field.names:
            raise _invalid(f"enumerant {number} of {field.name}, which has {field.names}")

    def check_pointer(self, pointer: int, kind: str, field: Field, depth: int) -> _List | None:
        if kind == "struct":
            place = self.struct(pointer)
            if place is not None:
                self.check_struct(place, field.of, depth + 1)
            return None
        found = self.list(pointer, field.size if kind == "list" else _BYTE)
        if found is None:
            return None
        if kind == "text":
            self.check_text(found)
        elif kind == "data" and field.exactly and found.count not in (0, field.exactly):
            raise _invalid(f"{found.count} bytes of data in {field.name}, which must be {field.exactly}")
        elif kind == "list":
            self.check_elements(found, field, depth)
        return found

    def check_text(self, found: _List) -> None:
        text = bytes(self.segment[found.at : found.at + found.count])
        if not text.endswith(b"\0"):
            raise _invalid(f"a text of {len(text)} bytes that does not end with a zero")
        try:
            text.decode()
        except UnicodeDecodeError as error:
            raise _invalid(f"a text that is not UTF-8: {error}") from error

    def check_elements(self, found: _List, field: Field, depth: int) -> None:
        if field.element == "struct":
            words = found.data_words + found.pointer_count
            for index in range(found.count):
                place = _Struct(found.at + index * words * WORD_BYTES, found.data_words, found.pointer_count)
                self.check_struct(place, field.of, depth + 1)
        elif field.element in ("text", "data"):
            for index in range(found.count):
                self.check_pointer(found.at + index * WORD_BYTES, field.element, field, depth + 1)

    def check_tensor(self, element: int, sizes: _List | None, data: _List | None) -> None:
        """The data are as long as shape and elements say."""
        shape = self.segment[sizes.at : sizes.at + sizes.count * WORD_BYTES] if sizes else b""
        expected = _shape_bytes((size for (size,) in struct.iter_unpack("<Q", shape)), _ELEMENT_BYTES[element])
        found = data.count if data else 0
        if expected != found:
            raise LensError("tensor.length", f"shape and element type say {expected} bytes, the data are {found}")

    def struct(self, pointer: int) -> _Struct | None:
        """Follows a pointer to a struct; none where it is null."""
        target, high = self.follow(pointer, _STRUCT)
        if target is None:
            return None
        place = _Struct(target, high & 0xFFFF, high >> 16)
        self.take(target, place.data_words + place.pointer_count)
        return place

    def list(self, pointer: int, size: int) -> _List | None:
        """Follows a pointer to a list of elements of this size code; fields are never retyped."""
        target, high = self.follow(pointer, _LIST)
        if target is None:
            return None
        found, count = high & 7, high >> 3
        if found != size:
            raise _invalid(f"a list of elements of size code {found} where {size} belongs")
        if found == _COMPOSITE:
            return self.composite(target, count)
        self.take(target, (count * _ELEMENT_BITS[found] + 63) // 64)
        return _List(target, count)

    def composite(self, target: int, words: int) -> _List:
        """A list of structs: one tag that says how many and how large, then the structs."""
        self.take(target, words + 1)
        low, data_words, pointer_count = struct.unpack_from("<IHH", self.segment, target)
        count, words_each = low >> 2, data_words + pointer_count
        if low & 3 != _STRUCT:
            raise _invalid(f"the tag of a list of structs is a {_POINTERS[low & 3]} pointer")
        if count * words_each > words:
            raise _invalid(f"a list of {words} words does not hold {count} structs of {words_each}")
        if words_each == 0:
            # Elements of no size cost a word each, since a loop over them costs as much.
            self.charge(count)
        return _List(target + WORD_BYTES, count, data_words, pointer_count)

    def follow(self, pointer: int, kind: int) -> tuple[int | None, int]:
        """Where a pointer leads to, and its upper half; none where it is null."""
        if pointer + WORD_BYTES > len(self.segment):
            raise _invalid(f"a pointer at {pointer} is not within the segment's {len(self.segment)} bytes")
        low, high = struct.unpack_from("<iI", self.segment, pointer)
        if low == 0 and high == 0:
            return None, 0
        if low & 3 != kind:
            raise _invalid(f"a {_POINTERS[low & 3]} pointer where a {_POINTERS[kind]} pointer belongs")
        return pointer + WORD_BYTES + (low >> 2) * WORD_BYTES, high

    def take(self, at: int, words: int) -> None:
        """Charges for words, and refuses them if they are not there."""
        self.charge(words)
        if at < 0 or at + words * WORD_BYTES > len(self.segment):
            raise _invalid(f"{words * WORD_BYTES} bytes at {at} are not within the segment's {len(self.segment)}")

    def charge(self, words: int) -> None:
        self.words_left -= words
        if self.words_left < 0:
            raise _invalid(f"the read limit of {len(self.segment) // WORD_BYTES} words was reached")
