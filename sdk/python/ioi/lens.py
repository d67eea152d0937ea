"""Messages of the data plane, opened where they lie in memory.

A message is one segment: a head of 8 bytes (a zero u32, then the number of words that follow),
and the words. It is read by pycapnp, after the guard has walked through all of it; that is worth
its time only over bytes that nobody can write any more: sealed ones, or a copy.

Data are handed out in place by `data_view`. Python has no other way to show bytes without a copy:
an attribute makes `bytes`, and so does an element of a list of data.
"""

import contextlib
import ctypes
from collections.abc import Iterator
from typing import Any

import capnp

from .error import LensError
from .guard import WORD_BYTES, check, check_head
from .shapes import types

__all__ = ["DEPTH_MAX", "TRAVERSALS_MAX", "LensError", "data_view", "encode", "open_message", "types"]

# How often all of a message may be walked through while it is open.
TRAVERSALS_MAX = 8
DEPTH_MAX = 64


@contextlib.contextmanager
def open_message(
    name: str,
    message: Any,
    *,
    trusted: bool = False,
    traversals_max: int = TRAVERSALS_MAX,
    depth_max: int = DEPTH_MAX,
) -> Iterator[Any]:
    """Opens a message of the type `name` in any buffer, which must stay as it is until the end.

    `trusted` leaves the guard out, for messages that this process has written itself. What is raised
    while the message is open comes out as it is: the library's own `capnp.KjException` once the
    message was walked through too often.
    """
    view = memoryview(message).cast("B")
    if _address(view) % WORD_BYTES != 0:
        # The library would copy it, and then it is not read where it lies.
        raise LensError("lens.unaligned", "a message starts at a multiple of 8 bytes; copy it to one")
    words = len(check_head(view)) // WORD_BYTES
    if not trusted:
        check(name, view, depth_max)
    limits = {"traversal_limit_in_words": max(1, words * traversals_max), "nesting_limit": depth_max}
    with contextlib.ExitStack() as stack:
        try:
            root = stack.enter_context(getattr(types, name).from_bytes(view, **limits))
        except capnp.KjException as error:
            raise LensError("lens.invalid", str(error).splitlines()[0]) from error
        yield root


def data_view(root: Any, field: str) -> memoryview:
    """The bytes of a field of data, read-only and in place, for as long as the message is open."""
    try:
        return root.get_data_as_view(field)
    except ValueError:
        # What the library makes of no bytes at all.
        return memoryview(b"")


def encode(root: Any) -> bytes:
    """A new message as bytes: one segment, which is what every reader of the data plane takes."""
    words = 1 + root.total_size.word_count
    return root.as_reader().as_builder(words).to_bytes()


class _Buffer(ctypes.Structure):
    """Python's own Py_buffer, of which only the first field is looked at."""

    _fields_ = [("address", ctypes.c_void_p), ("rest", ctypes.c_byte * 128)]


def _address(view: memoryview) -> int:
    buffer = _Buffer()
    ctypes.pythonapi.PyObject_GetBuffer(ctypes.py_object(view), ctypes.byref(buffer), 0)
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(buffer))
    return buffer.address or 0
