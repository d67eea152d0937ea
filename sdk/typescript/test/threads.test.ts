import assert from "node:assert/strict";
import test from "node:test";
import { BYTE_RING_PAYLOAD_BYTES_MAX } from "../src/cell.js";
import { RingWriter } from "../src/map/ring.js";
import { newSeed, Random } from "./random.js";
import { ringMemory } from "./ring_memory.js";
import { runPair } from "./workers/run.js";

test("records of any size arrive in order and unchanged, and no sleeper is forgotten", async () => {
  const seed = newSeed("one way");
  const { memory, place } = ringMemory(0);
  const data = { seed, count: 3000, payloadMax: BYTE_RING_PAYLOAD_BYTES_MAX, buffer: memory.buffer, place };
  const [sent, received] = await runPair(["send", "receive"], data);
  assert.equal(sent, "sent");
  assert.match(String(received), /^received with a capacity of (65536|131072|262144|524288)$/);
});

test("the indices may wrap at 2^32 in the middle of a stream", async () => {
  const seed = newSeed("wrap");
  const random = new Random(seed);
  const start = (2 ** 32 - 8 * (1 + random.below(60_000))) >>> 0;
  const { memory, place } = ringMemory(start);
  const data = { seed, count: 3000, payloadMax: 3000, buffer: memory.buffer, place };
  await runPair(["send", "receive"], data);
  const written = memory.load(place.writerPage);
  assert.ok(written < start, `written ${written} did not wrap from ${start}`);
  assert.equal(new RingWriter(memory, place).tryWrite(1, new Uint8Array(8)), true);
});

test("a host and a peer exchange records both ways at once over the Cell's rings", async () => {
  const data = { seed: newSeed("both ways"), count: 2000, payloadMax: BYTE_RING_PAYLOAD_BYTES_MAX };
  const returned = await runPair(["exchange as host", "exchange as peer"], data);
  assert.deepEqual(returned, ["exchanged", "exchanged"]);
});

test("a claimed buffer is never overwritten and never of two versions", async () => {
  const seed = newSeed("ping-pong");
  for (const [bytes, count] of [[64, 10_000], [4096, 5000], [40_000, 500]]) {
    const [watched, flipped] = (await runPair(["watch", "flip"], { seed, count, bytes })) as [
      { looks: number; newest: number },
      { busy: number; flips: number },
    ];
    console.log(`${bytes} bytes: ${watched.looks} looks, ${flipped.flips} flips, ${flipped.busy} times busy`);
  }
});

test("an entry that is overwritten while it is read comes back as it was at one moment, or not at all", async () => {
  const [churned, observed] = await runPair(["churn", "observe"], { seed: 0, count: 2000 });
  console.log(JSON.stringify({ churned, observed }));
});
