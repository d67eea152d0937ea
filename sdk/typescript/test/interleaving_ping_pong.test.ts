/** What both sides do to the buffers, with one of them stopped before each of its accesses in turn. */
import assert from "node:assert/strict";
import test from "node:test";
import { PING_PONG_ACTIVE_OFFSET, PING_PONG_WRITING_OFFSET } from "../src/cell.js";
import type { SharedMemory } from "../src/map/memory.js";
import { type PingPongBuffer, type PingPongPlace, PingPongReader, PingPongWriter } from "../src/map/ping_pong.js";
import { atEachStep, MAP_BYTES, memories, type SteppedMemory } from "./stepped.js";

const BYTES = 64;
const PLACE: PingPongPlace = {
  writerLine: 0, readerLine: 128, base: 0, bounds: { region: 1n, start: 4096, end: MAP_BYTES },
};

function flip(writer: PingPongWriter): void {
  const buffer = writer.begin();
  if (buffer !== undefined) {
    buffer.bytes.fill(buffer.version);
    writer.commit();
  }
}

/** What a writer may do meanwhile: flip so many times, and then perhaps begin once more. */
for (const [flips, begins] of [[1, false], [2, false], [3, false], [0, true], [1, true], [2, true]] as const) {
  test(`a claim holds, wherever its reader is when the writer flips ${flips} times${begins ? " and begins" : ""}`, () => {
    const steps = atEachStep((interruptAt) => {
      const { plain, stepped } = memories();
      const [writer, reader] = [new PingPongWriter(plain, PLACE), new PingPongReader(stepped, PLACE)];
      writer.place(4096, BYTES);
      flip(writer);
      let [interrupted, half] = [false, undefined as PingPongBuffer | undefined];
      stepped.interrupt = () => {
        interrupted = true;
        for (let count = 0; count < flips; count += 1) flip(writer);
        half = begins ? writer.begin() : undefined;
        half?.bytes.fill(0xee, 0, BYTES / 2);
      };
      stepped.countdown = interruptAt;
      const claimed = reader.claim();
      stepped.countdown = Infinity;
      assert.ok(claimed, "there is always a buffer that nobody writes");
      // Whatever the writer goes on to do, what is claimed stays what it is.
      half?.bytes.fill(0xdd);
      for (let count = 0; count < 3 && half === undefined; count += 1) flip(writer);
      assert.ok(claimed.bytes.every((byte) => byte === claimed.version), `version ${claimed.version} was written over`);
      return interrupted;
    });
    assert.ok(steps >= 5, `${steps} steps`);
  });
}

/** Both words say so between the last two stores of a writer. */
function isAboutToEnd(memory: SharedMemory): boolean {
  const active = memory.load(PLACE.writerLine + PING_PONG_ACTIVE_OFFSET);
  return memory.load(PLACE.writerLine + PING_PONG_WRITING_OFFSET) === 1 + (active & 1);
}

function isWhole({ bytes, version }: PingPongBuffer): boolean {
  return bytes.every((byte) => byte === version);
}

/** Writes half of the buffer, is stopped there as well, and writes the rest; false when it was busy. */
function flipInSteps(writer: PingPongWriter, memory: SteppedMemory): boolean {
  const buffer = writer.begin();
  if (buffer === undefined) {
    return false;
  }
  buffer.bytes.fill(buffer.version, 0, BYTES / 2);
  memory.load(PLACE.writerLine);
  buffer.bytes.fill(buffer.version);
  writer.commit();
  return true;
}

/** What a reader may do meanwhile: claim, or claim and give back, so many times, and then perhaps keep it. */
for (const [claims, keeps] of [[1, false], [2, false], [0, true], [1, true]] as const) {
  test(`a claim holds, wherever its writer is when the reader claims ${claims} times${keeps ? " and keeps one" : ""}`, () => {
    const steps = atEachStep((interruptAt) => {
      const { plain, stepped } = memories();
      const [writer, reader] = [new PingPongWriter(stepped, PLACE), new PingPongReader(plain, PLACE)];
      writer.place(4096, BYTES);
      flip(writer);
      let [interrupted, kept] = [false, undefined as PingPongBuffer | undefined];
      stepped.interrupt = () => {
        interrupted = true;
        for (let count = 0; count < claims + (keeps ? 1 : 0); count += 1) {
          kept = reader.claim();
          assert.ok(kept ? isWhole(kept) : isAboutToEnd(plain), `${kept?.version} is not whole`);
          if (count < claims) reader.release();
        }
      };
      stepped.countdown = interruptAt;
      let flipped = 0;
      for (let count = 0; count < 3; count += 1) flipped += flipInSteps(writer, stepped) ? 1 : 0;
      stepped.countdown = Infinity;
      if (keeps && kept !== undefined) {
        assert.ok(isWhole(kept), `version ${kept.version} was written over`);
        reader.release();
      }
      // The newest one is there, and the writer goes on.
      assert.equal(reader.claim()?.version, 1 + flipped);
      reader.release();
      assert.ok(flipInSteps(writer, stepped) && flipped >= 1, `${flipped} flips`);
      return interrupted;
    });
    assert.ok(steps >= 20, `${steps} steps`);
  });
}

test("a buffer that a writer left half written is not claimed", () => {
  const { plain, stepped } = memories();
  const [writer, reader] = [new PingPongWriter(plain, PLACE), new PingPongReader(stepped, PLACE)];
  writer.place(4096, BYTES);
  flip(writer);
  // Between the reader's look at `active` and its claim, the writer flips, begins the other buffer
  // again, dies, and another one in its place has cleared the intent.
  stepped.interrupt = () => {
    flip(writer);
    writer.begin()?.bytes.fill(0xee);
    plain.store(PLACE.writerLine, 0);
  };
  stepped.countdown = 2;
  const claimed = reader.claim();
  assert.ok(claimed?.version === 2 && claimed.bytes.every((byte) => byte === 2));
});
