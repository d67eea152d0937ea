import assert from "node:assert/strict";
import test from "node:test";
import { Arena } from "../src/map/arena.js";
import { checkHandle, type Handle, NO_HANDLE, readHandle, writeHandle } from "../src/map/handle.js";
import { newSeed, Random } from "./random.js";

const PAGE = 4096;
const BOUNDS = { region: 1n, start: 0x150000, end: 0x150000 + 256 * PAGE };

test("live leases never overlap, stay in the arena and fill it again and again", () => {
  const random = new Random(newSeed("arena"));
  const arena = new Arena(BOUNDS);
  // The model: one flag a page.
  const pages = new Array<Handle | undefined>(256).fill(undefined);
  const live: Handle[] = [];
  let full = 0;
  for (let round = 0; round < 20_000; round += 1) {
    if (random.below(100) < 55) {
      const length = 1 + random.below(20 * PAGE);
      const needed = Math.ceil(length / PAGE);
      try {
        const handle = arena.lease(length, round);
        const first = (Number(handle.offset) - BOUNDS.start) / PAGE;
        assert.ok(Number.isInteger(first) && first >= 0 && first + needed <= 256);
        assert.ok(pages.slice(first, first + needed).every((holder) => holder === undefined), "two leases overlap");
        pages.fill(handle, first, first + needed);
        live.push(handle);
      } catch (error) {
        assert.equal((error as { code: string }).code, "arena.full");
        const gaps = pages.map((holder) => (holder === undefined ? " " : "x")).join("").split(/x+/);
        assert.ok(gaps.every((gap) => gap.length < needed), "it would have fitted");
        full += 1;
      }
    } else if (live.length > 0) {
      const [handle] = live.splice(random.below(live.length), 1) as [Handle];
      assert.equal(arena.release(handle), true);
      pages.forEach((holder, page) => holder === handle && (pages[page] = undefined));
    }
    assert.equal(arena.bytesLeased, pages.filter((holder) => holder !== undefined).length * PAGE);
  }
  assert.ok(full > 100, "the arena was never full");
  live.forEach((handle) => arena.release(handle));
  assert.equal(Number(arena.lease(256 * PAGE).offset), BOUNDS.start);
});

test("the extent that was freed last is handed out first", () => {
  const arena = new Arena(BOUNDS);
  const [a, b, c] = [arena.lease(PAGE), arena.lease(PAGE), arena.lease(PAGE)];
  arena.release(c);
  arena.release(a);
  assert.equal(arena.lease(1).offset, a.offset);
  assert.equal(arena.lease(1).offset, c.offset);
  assert.equal(arena.check(b).offset, Number(b.offset));
});

test("a second return, a late one and another session's change nothing", () => {
  const arena = new Arena(BOUNDS);
  const first = arena.lease(100, 7);
  assert.equal(arena.release({ ...first, region: 2n }), false);
  assert.equal(arena.release({ ...first, generation: first.generation + 1 }), false);
  assert.equal(arena.release({ ...first, offset: first.offset + 64n }), false);
  assert.equal(arena.release(first), true);
  assert.equal(arena.release(first), false);
  const second = arena.lease(100, 7);
  assert.equal(second.offset, first.offset);
  assert.ok(second.generation > first.generation);
  assert.equal(arena.release(first), false, "a stale handle gave back a newer lease");
  assert.throws(() => arena.check(first), { code: "handle.stale" });
  assert.deepEqual(arena.check(second), { offset: Number(second.offset), length: 100 });
});

test("the beginning of a lease may be named and given back, more than its pages may not", () => {
  const arena = new Arena(BOUNDS);
  const lease = arena.lease(PAGE + 1, 7);
  assert.deepEqual(arena.check({ ...lease, length: 5n, typeId: 9 }), { offset: Number(lease.offset), length: 5 });
  assert.equal(arena.check({ ...lease, length: BigInt(2 * PAGE) }).length, 2 * PAGE);
  assert.throws(() => arena.check({ ...lease, length: BigInt(2 * PAGE) + 1n }), { code: "handle.stale" });
  assert.throws(() => arena.check({ ...lease, offset: lease.offset + 64n, length: 1n }), { code: "handle.stale" });
  assert.equal(arena.release({ ...lease, length: 5n }), true);
  assert.equal(arena.bytesLeased, 0);
});

test("a quota bounds bytes and count", () => {
  const arena = new Arena(BOUNDS, { bytesMax: 3 * PAGE, leasesMax: 2 });
  assert.throws(() => arena.lease(3 * PAGE + 1), { code: "quota.memory" });
  const first = arena.lease(PAGE);
  arena.lease(1);
  assert.throws(() => arena.lease(1), { code: "quota.memory", message: /2 leases/ });
  arena.release(first);
  assert.throws(() => arena.lease(2 * PAGE + 1), { code: "quota.memory" });
  arena.lease(2 * PAGE);
});

test("a lease of nothing, of a part of a byte or of more than a number can say is refused", () => {
  const arena = new Arena(BOUNDS);
  for (const length of [0, -1, 0.5, NaN, Infinity, 2 ** 53]) {
    assert.throws(() => arena.lease(length), { code: "argument.invalid" }, `${length}`);
  }
  assert.throws(() => arena.lease(257 * PAGE), { code: "arena.full" });
  assert.equal(arena.bytesLeased, 0);
});

const GOOD: Handle = { region: 1n, generation: 1, typeId: 0, offset: 0x150000n, length: 64n };
const END = BigInt(BOUNDS.end);

/** Handles that a peer may send; the second column says whether they may be used. */
const HANDLES: [string, boolean, Partial<Handle>][] = [
  ["at the start", true, {}],
  ["up to the very end", true, { offset: END - 64n, length: 64n }],
  ["of the whole arena", true, { length: END - GOOD.offset }],
  ["one byte past the end", false, { offset: END - 64n, length: 65n }],
  ["that starts at the end", false, { offset: END, length: 1n }],
  ["of nothing", false, { length: 0n }],
  ["whose end wraps at 2^64", false, { length: 2n ** 64n - 64n }],
  ["of 2^64 - 1 bytes", false, { length: 2n ** 64n - 1n }],
  ["at 2^64 - 64", false, { offset: 2n ** 64n - 64n }],
  ["in the control words", false, { offset: 0x2000n }],
  ["in the outbox", false, { offset: 0x150000n - 64n, length: 128n }],
  ["of another region", false, { region: 2n }],
  ["of region 0", false, { region: 0n }],
  ...Array.from({ length: 15 }, (_, off): [string, boolean, Partial<Handle>] => [
    `${off + 1} bytes off its alignment`, false, { offset: GOOD.offset + BigInt(off + 1) },
  ]),
];

for (const [name, isGood, change] of HANDLES) {
  test(`a handle ${name} is ${isGood ? "taken" : "refused"}`, () => {
    const handle = { ...GOOD, ...change };
    if (isGood) {
      assert.deepEqual(checkHandle(handle, BOUNDS), { offset: Number(handle.offset), length: Number(handle.length) });
    } else {
      assert.throws(() => checkHandle(handle, BOUNDS), { code: "handle.invalid" });
    }
  });
}

test("a handle's 32 bytes are those of the layout", () => {
  const record = new DataView(new ArrayBuffer(40));
  const handle = { region: 0x0102030405060708n, generation: 0x11121314, typeId: 0x21222324, offset: 0x40n, length: 0x4142n };
  writeHandle(record, 8, handle);
  const hex = Buffer.from(record.buffer).toString("hex");
  assert.equal(hex, "0000000000000000" + "0807060504030201" + "14131211" + "24232221" + "4000000000000000" + "4241000000000000");
  assert.deepEqual(readHandle(record, 8), handle);
  assert.throws(() => writeHandle(record, 8, { ...NO_HANDLE, length: -1n }), { code: "argument.invalid" });
  assert.throws(() => writeHandle(record, 8, { ...NO_HANDLE, offset: 2n ** 64n }), { code: "argument.invalid" });
});
