import assert from "node:assert/strict";
import test from "node:test";
import * as cell from "../src/cell.js";
import { RingReader, RingWriter } from "../src/map/ring.js";
import { newSeed, Random } from "./random.js";
import { ringMemory } from "./ring_memory.js";

const KIB = 1024;

function ring(start = 0) {
  const { memory, place } = ringMemory(start);
  const set = {
    written: (value: number) => memory.store(place.writerPage, value),
    capacity: (value: number) => memory.store(place.writerPage + 4, value),
    read: (value: number) => memory.store(place.readerPage, value),
    word: (at: number, value: number) => memory.store(place.data + at, value),
  };
  return { memory, place, set, writer: new RingWriter(memory, place), reader: new RingReader(memory, place) };
}

test("a record lies in the bytes that the layout says", () => {
  const { memory, place, writer } = ring();
  memory.bytes.fill(0xee, place.data, place.data + 64);
  assert.ok(writer.tryWrite(0x01020304, Uint8Array.of(9, 8, 7)));
  const expected = [3, 0, 0, 0, 4, 3, 2, 1, 9, 8, 7, 0, 0, 0, 0, 0, 0xee];
  assert.deepEqual([...memory.bytes.subarray(place.data, place.data + 17)], expected);
  assert.equal(memory.load(place.writerPage), 16);
});

test("a record that wraps around the end of the data comes back whole", () => {
  const random = new Random(newSeed("wrap around"));
  for (const length of [0, 1, 7, 8, 9, 100, 8000]) {
    const { writer, reader } = ring((2 ** 32 - 16) >>> 0);
    for (let lap = 0; lap < 9; lap += 1) {
      const payload = random.bytes(length);
      assert.ok(writer.tryWrite(lap, payload));
      assert.deepEqual(reader.tryRead(), { msgId: lap, payload });
    }
  }
});

test("a ring that was full is twice as large when it is empty, up to the most", () => {
  const { memory, place, writer, reader } = ring();
  const payload = new Uint8Array(1000);
  for (const capacity of [16, 32, 64, 128, 256, 512, 512]) {
    let records = 0;
    while (writer.tryWrite(1, payload)) records += 1;
    assert.equal(memory.load(place.writerPage + 4), capacity * KIB, "it grew while there were records in it");
    assert.equal(records, Math.floor((capacity * KIB) / 1008));
    while (reader.tryRead() !== undefined) records -= 1;
    assert.equal(records, 0);
  }
});

test("the writer doubles the capacity only when the ring is empty and a record had no room", () => {
  const { memory, place, writer, reader } = ring();
  const capacity = () => memory.load(place.writerPage + 4);
  assert.ok(writer.tryWrite(1, new Uint8Array(16 * KIB - 8)));
  assert.equal(capacity(), 16 * KIB);
  assert.equal(writer.tryWrite(2, new Uint8Array(16 * KIB)), false, "grew or overwrote while a record was in the ring");
  assert.equal(capacity(), 16 * KIB);
  assert.equal(reader.tryRead()?.msgId, 1);
  assert.ok(writer.tryWrite(2, new Uint8Array(16 * KIB)));
  assert.equal(capacity(), 32 * KIB);
  assert.equal(reader.capacity, 16 * KIB, "the reader looked before it had to");
  assert.equal(reader.tryRead()?.payload.length, 16 * KIB);
  assert.equal(reader.capacity, 32 * KIB);
  assert.ok(writer.tryWrite(3, new Uint8Array(256 * KIB)));
  assert.equal(capacity(), 512 * KIB, "several doublings at once");
  assert.equal(reader.tryRead()?.payload.length, 256 * KIB);
});

test("a payload over the bound and a message id that is no u32 are refused", () => {
  const { writer } = ring();
  assert.throws(() => writer.tryWrite(1, new Uint8Array(256 * KIB + 1)), { code: "ring.payload" });
  for (const msgId of [-1, 2 ** 32, 1.5, NaN]) {
    assert.throws(() => writer.tryWrite(msgId, new Uint8Array(1)), { code: "argument.invalid" });
  }
  assert.ok(writer.tryWrite(2 ** 32 - 1, new Uint8Array(0)));
});

test("a wait ends with its deadline, and one without an end is refused", () => {
  const { writer, reader } = ring();
  assert.equal(reader.read(5), undefined);
  assert.ok(writer.write(1, new Uint8Array(16 * KIB - 8), 5));
  assert.equal(writer.write(2, new Uint8Array(1), 5), false);
  for (const timeout of [Infinity, NaN, -1]) {
    assert.throws(() => reader.read(timeout), { code: "argument.invalid" });
  }
});

type Ring = ReturnType<typeof ring>;

/** What a hostile writer may store, and what the reader must make of it. */
const LIES: [string, number, (lie: Ring["set"]) => void, RegExp | undefined][] = [
  ["written beyond the capacity", 0, (lie) => lie.written(16 * KIB + 8), /capacity is 16384/],
  ["written far behind read", 64, (lie) => lie.written(56), /capacity is 16384/],
  ["written half the range away", 0, (lie) => lie.written(2 ** 31), /capacity is 16384/],
  ["written that is no multiple of 8", 0, (lie) => lie.written(12), /multiple of 8/],
  ["a capacity that is no power of two", 0, (lie) => (lie.capacity(24 * KIB), lie.written(16)), /capacity of 24576/],
  ["a capacity of 0", 0, (lie) => (lie.capacity(0), lie.written(16)), /capacity of 0/],
  ["a capacity below the least", 0, (lie) => (lie.capacity(8 * KIB), lie.written(16)), /capacity of 8192/],
  ["a capacity above the most", 0, (lie) => (lie.capacity(1024 * KIB), lie.written(16)), /capacity of 1048576/],
  ["a capacity with the sign bit", 0, (lie) => (lie.capacity(2 ** 31), lie.written(16)), /capacity of 2147483648/],
  ["a record longer than what was published", 0, (lie) => (lie.word(0, 9), lie.written(16)), /a record of 9 bytes/],
  ["a record of 2^32 - 1 bytes", 0, (lie) => (lie.word(0, 2 ** 32 - 1), lie.written(16)), /a record of 4294967295/],
  ["a record of 2^32 - 8 bytes", 0, (lie) => (lie.word(0, 2 ** 32 - 8), lie.written(16)), /a record of 4294967288/],
  ["a payload longer than the longest", 0, (lie) => (lie.capacity(512 * KIB), lie.word(0, 256 * KIB + 1), lie.written(256 * KIB + 16)), /a record of 262145/],
  ["an honest record of the longest payload", 0, (lie) => (lie.capacity(512 * KIB), lie.word(0, 256 * KIB), lie.written(256 * KIB + 8)), undefined],
  ["an honest record", 0, (lie) => (lie.word(0, 8), lie.written(16)), undefined],
  ["an honest full ring", 0, (lie) => (lie.word(0, 16 * KIB - 8), lie.written(16 * KIB)), undefined],
  ["an honest record at the wrap of the index", 2 ** 32 - 8, (lie) => (lie.word(16 * KIB - 8, 8), lie.written(8)), undefined],
];

for (const [name, start, tell, expected] of LIES) {
  test(`the reader ${expected === undefined ? "takes" : "poisons the ring at"} ${name}`, () => {
    const { set, reader } = ring(start);
    tell(set);
    if (expected === undefined) {
      assert.notEqual(reader.tryRead(), undefined);
      return;
    }
    assert.throws(() => reader.tryRead(), { code: "ring.poisoned", message: expected });
    // What was once wrong stays so, even if the writer mends it.
    set.capacity(16 * KIB);
    set.written(start);
    assert.throws(() => reader.tryRead(), { code: "ring.poisoned", message: expected });
    assert.throws(() => reader.read(5), { code: "ring.poisoned" });
  });
}

test("the reader poisons the ring at a capacity that became smaller", () => {
  const { set, writer, reader } = ring();
  assert.ok(writer.tryWrite(1, new Uint8Array(60 * KIB)));
  assert.ok(reader.tryRead());
  assert.ok(writer.tryWrite(2, new Uint8Array(0)));
  set.capacity(32 * KIB);
  assert.throws(() => reader.tryRead(), { code: "ring.poisoned", message: /capacity of 32768 bytes after one of 65536/ });
});

test("the writer poisons the ring when read is not within what it wrote", () => {
  for (const [read, why] of [[32, /capacity/], [4, /multiple of 8/], [2 ** 31, /capacity/]] as const) {
    const { set, writer } = ring();
    assert.ok(writer.tryWrite(1, new Uint8Array(8)));
    set.read(read);
    assert.throws(() => writer.tryWrite(2, new Uint8Array(8)), { code: "ring.poisoned", message: why });
    set.read(0);
    assert.throws(() => writer.write(2, new Uint8Array(8), 5), { code: "ring.poisoned" });
  }
});

test("the writer refuses a page of its own with a capacity that can't be", () => {
  const { memory, place, set } = ring();
  set.capacity(3);
  assert.throws(() => new RingWriter(memory, place), { code: "ring.poisoned" });
});

test("random control words never make a reader leave its data or run on", () => {
  const random = new Random(newSeed("control words"));
  const { memory, place, set } = ring();
  const data = memory.bytes.subarray(place.data, place.data + cell.BYTE_RING_CAPACITY_BYTES_MAX);
  data.set(random.bytes(data.length));
  let [poisoned, records] = [0, 0];
  for (let round = 0; round < 20_000; round += 1) {
    const start = (random.next() & ~7) >>> 0;
    set.read(start);
    set.capacity(random.below(3) === 0 ? random.next() : 2 ** (12 + random.below(9)));
    set.written((start + (random.below(4) === 0 ? random.next() : 8 * random.below(9000))) >>> 0);
    // Half of the first records have a length that may be possible.
    set.word(start % (16 * KIB), random.below(2) === 0 ? random.next() : random.below(4000));
    const reader = new RingReader(memory, place);
    try {
      // Each record is at least 8 bytes of the capacity, so a reader that keeps to it ends by then.
      for (let taken = 0; reader.tryRead() !== undefined; taken += 1) {
        assert.ok(taken < cell.BYTE_RING_CAPACITY_BYTES_MAX / 8);
        records += 1;
      }
    } catch (error) {
      assert.equal((error as { code?: string }).code, "ring.poisoned", String(error));
      poisoned += 1;
    }
  }
  assert.ok(poisoned > 1000 && records > 100, `${poisoned} poisoned, ${records} records: too tame`);
});
