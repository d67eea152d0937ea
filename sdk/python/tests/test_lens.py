import ctypes
import json
import os
import random
import re
import unittest

import capnp

from ioi import cell, lens
from ioi.guard import check

from . import vectors


def first_address(message):
    return ctypes.addressof(ctypes.c_char.from_buffer(message))


class Vectors(unittest.TestCase):
    def test_every_vector_shows_every_field_in_place(self):
        for name in vectors.names():
            with self.subTest(name):
                described, message = vectors.describe(name), vectors.read(name)
                before, views = bytes(message), []
                with lens.open_message(described["type"], message) as root:
                    self.assertEqual(vectors.show(root, described["type"], views), described["value"])
                    start, end = first_address(message), first_address(message) + len(message)
                    for view in filter(len, views):
                        self.assertTrue(start <= lens._address(view) < end, "data were copied")
                        self.assertTrue(view.readonly)
                self.assertEqual(bytes(message), before, "reading has changed the message")

    def test_there_are_vectors_of_every_type_and_language(self):
        names = vectors.names()
        own = vectors.value_names()
        self.assertGreaterEqual(len(own), 17)
        types = {vectors.describe(name)["type"] for name in own}
        known = {name for name in dir(lens.types) if hasattr(getattr(lens.types, name), "new_message")}
        self.assertEqual(types, known)
        for language in ("go", "python", "typescript"):
            self.assertEqual([f"{language}-{name}" for name in own], [n for n in names if n.startswith(language + "-")])

    def test_what_is_written_now_is_what_was_written(self):
        for name in vectors.value_names():
            with self.subTest(name):
                place, now = vectors.FOLDER / f"python-{name}.bin", vectors.written(vectors.describe(name))
                # A changed file is a changed format, so it is only done on purpose.
                if os.environ.get("IOI_WRITE_VECTORS"):
                    place.write_bytes(now)
                self.assertEqual(now, place.read_bytes())

    def test_a_message_larger_than_the_librarys_first_segment_is_still_one(self):
        message = lens.types.AgentContext.new_message(tokenIds=list(range(5000)), sessionId="x" * 20000)
        self.assertGreater(len(message.to_segments()), 1, "this shows nothing")
        with lens.open_message("AgentContext", bytearray(lens.encode(message))) as root:
            self.assertEqual((root.sessionId, list(root.tokenIds)), ("x" * 20000, list(range(5000))))


class Refusals(unittest.TestCase):
    def test_every_bad_message_is_refused(self):
        cases = json.loads((vectors.FOLDER / "bad/index.json").read_text())
        files = {path.name for path in (vectors.FOLDER / "bad").glob("*.bin")}
        self.assertEqual({case["file"] for case in cases}, files)
        self.assertGreaterEqual(len(files), 30)
        for case in cases:
            with self.subTest(case["file"]):
                message = bytearray((vectors.FOLDER / "bad" / case["file"]).read_bytes())
                with self.assertRaises(lens.LensError) as refused, lens.open_message(case["type"], message):
                    pass
                code = re.match(r"(lens|tensor)\.[a-z]+", case["says"])
                expected = code[0] if code else "lens.invalid"
                self.assertEqual(refused.exception.code, expected, str(refused.exception))

    def test_a_shapes_product_has_one_verdict_in_any_order_and_bounded_words(self):
        cases = (
            ([2**40, 2**40, 0], b"", None),
            ([0, 2**40, 2**40], b"", None),
            ([2**40, 0, 2**40], b"", None),
            ([2**40, 2**40, 0], b"x", "tensor.length"),
            ([2**64 - 1], b"", "tensor.length"),
            ([2**32, 2**32], b"", "tensor.shape"),
            ([2**63, 2, 1], b"", "tensor.shape"),
            ([2**63] * 100_000, b"", "tensor.shape"),
            ([2**63] * 100_000 + [0], b"", None),
        )
        for shape, data, code in cases:
            with self.subTest(f"{len(shape)} sizes from {shape[0]}, {code}"):
                tensor = lens.types.Tensor.new_message(elementType="u8", shape=shape, data=data)
                message = bytearray(lens.encode(tensor))
                if code is None:
                    with lens.open_message("Tensor", message) as root:
                        self.assertEqual(lens.data_view(root, "data").tobytes(), data)
                    continue
                with self.assertRaises(lens.LensError) as refused, lens.open_message("Tensor", message):
                    pass
                self.assertEqual(refused.exception.code, code)
                self.assertLess(len(str(refused.exception)), 200)

    def test_a_message_that_starts_elsewhere_is_refused(self):
        message = vectors.read("envelope")
        for shift in range(8):
            room = memoryview(bytearray(shift) + message)[shift:]
            if lens._address(room) % 8 == 0:
                continue
            with self.assertRaises(lens.LensError) as refused, lens.open_message("Envelope", room):
                pass
            self.assertEqual(refused.exception.code, "lens.unaligned")

    def test_a_message_is_not_read_deeper_than_the_limit(self):
        for depth, is_refused in ((1, True), (2, True), (3, False)):
            try:
                check("ContextSlice", memoryview(vectors.read("context_slice")), depth)
                self.assertFalse(is_refused, depth)
            except lens.LensError as error:
                self.assertTrue(is_refused and "deeper" in str(error), (depth, error))

    def test_every_message_can_be_walked_through_eight_times(self):
        for name in vectors.value_names():
            with self.subTest(name):
                described = vectors.describe(name)
                with lens.open_message(described["type"], vectors.read(name)) as root:
                    for _ in range(8):
                        self.assertEqual(vectors.show(root, described["type"], []), described["value"])

    def test_the_library_stops_at_the_limit_of_what_is_read(self):
        with self.assertRaises(capnp.KjException) as refused:
            with lens.open_message("ContextSlice", vectors.read("context_slice")) as root:
                for _ in range(10):
                    vectors.show(root, "ContextSlice", [])
        self.assertIn("traversal limit", str(refused.exception))

    def test_what_goes_wrong_elsewhere_while_a_message_is_open_is_not_said_of_it(self):
        with self.assertRaises(capnp.KjException), lens.open_message("Envelope", vectors.read("envelope")):
            # A message of no words has no root.
            with lens.types.Envelope.from_bytes(bytes(8)):
                pass

    def test_whatever_is_changed_or_cut_the_message_is_read_or_refused(self):
        seed = int(os.environ.get("IOI_SEED") or random.SystemRandom().getrandbits(32))
        print(f"changed messages: IOI_SEED={seed}", flush=True)
        chance, names = random.Random(seed), vectors.names()
        known = {name: (vectors.describe(name)["type"], vectors.read(name)) for name in names}
        read = refused = 0
        for _ in range(10_000):
            type_name, original = known[chance.choice(names)]
            message = bytearray(original)
            for _ in range(chance.randint(1, 4)):
                message[chance.randrange(len(message))] ^= 1 << chance.randrange(8)
            if chance.random() < 0.1:
                del message[chance.randrange(len(message) + 1) :]
            try:
                with lens.open_message(type_name, message) as root:
                    # What was found valid is read without a fault of the library.
                    vectors.show(root, type_name, [])
                read += 1
            except lens.LensError:
                refused += 1
        self.assertGreater(min(read, refused), 500, f"{read} read, {refused} refused: too tame")


class Constants(unittest.TestCase):
    def test_every_constant_is_that_of_the_schema_and_none_is_left_out(self):
        expected = json.loads((vectors.FOLDER.parent / "cell.json").read_text())
        named = {re.sub("([A-Z])", r"_\1", name).upper(): value for name, value in expected.items()}
        found = {name: value for name, value in vars(cell).items() if name.isupper()}
        types = {name: value for name, value in found.items() if name.startswith("TYPE_ID_")}
        self.assertEqual({name: value for name, value in found.items() if name not in types}, named)
        self.assertGreater(len(named), 150)
        for name in vectors.names():
            described = vectors.describe(name)
            constant = "TYPE_ID_" + re.sub("(?<=[a-z])([A-Z])", r"_\1", described["type"]).upper()
            self.assertEqual(types[constant], described["typeId"])


if __name__ == "__main__":
    unittest.main()
