import assert from "node:assert/strict";
import test from "node:test";
import { HostCell, PeerCell } from "../src/map/cell.js";

const BASE = 0x0100_0000;
const WRITER = BASE + 0x2000 + 10 * 128;
const READER = BASE + 0x2000 + 11 * 128;

function buffers(bytes = 5000): { host: HostCell; peer: PeerCell; first: number } {
  const host = HostCell.create("light");
  const first = Number(host.placePingPong(bytes).offset);
  const peer = PeerCell.attach(host.buffer);
  peer.openPingPong();
  return { host, peer, first };
}

function flip(peer: PeerCell, value: number): number {
  const buffer = peer.pingPong.begin();
  assert.ok(buffer);
  buffer.bytes.fill(value);
  return peer.pingPong.commit();
}

test("the reader gets the newest version, and the words are those of the layout", () => {
  const { host, peer, first } = buffers();
  assert.equal(host.pingPong.claim(), undefined, "nothing was written yet");
  assert.equal(flip(peer, 1), 1);
  assert.equal(flip(peer, 2), 2);
  assert.deepEqual([host.memory.load(WRITER), host.memory.load(WRITER + 4)], [0, (2 << 1) | 1]);
  assert.deepEqual([host.memory.loadLong(WRITER + 8), host.memory.loadLong(WRITER + 16)], [BigInt(first), 5000n]);
  const claimed = host.pingPong.claim();
  assert.equal(claimed?.version, 2);
  assert.equal(claimed?.bytes.byteOffset, BASE + first + 8192);
  assert.ok(claimed?.bytes.length === 5000 && claimed.bytes.every((byte) => byte === 2));
  assert.equal(host.memory.load(READER), 2);
  assert.equal(host.epochs.load(9), 2);
  host.pingPong.release();
  assert.equal(host.memory.load(READER), 0);
});

test("a claim stops the writer from flipping, and giving it back lets it go on", () => {
  const { host, peer } = buffers();
  flip(peer, 1);
  const claimed = host.pingPong.claim();
  flip(peer, 2);
  assert.equal(peer.pingPong.begin(), undefined, "it would write what is being read");
  assert.equal(host.memory.load(WRITER), 0, "the intent was not undone");
  assert.ok(claimed?.bytes.every((byte) => byte === 1));
  assert.throws(() => host.pingPong.claim(), { code: "argument.invalid" });
  host.pingPong.release();
  flip(peer, 3);
  assert.equal(host.pingPong.claim()?.version, 3);
});

test("a buffer that is being written is not claimed", () => {
  const { host, peer } = buffers();
  flip(peer, 1);
  assert.ok(peer.pingPong.begin());
  assert.equal(host.pingPong.claim()?.version, 1);
  host.pingPong.release();
  // A lie: the active one is the one being written. The reader doesn't wait for ever either.
  host.memory.store(WRITER + 4, (1 << 1) | 1);
  assert.equal(host.pingPong.claim(), undefined);
  assert.equal(host.memory.load(READER), 0, "the claim was not undone");
});

test("versions go on from 1 after 2^31 - 1, since 0 says that there is none", () => {
  const { host, peer } = buffers();
  flip(peer, 1);
  host.memory.store(WRITER + 4, 0xffff_fffe);
  assert.equal(flip(peer, 2), 1);
  assert.equal(host.pingPong.claim()?.version, 1);
});

test("buffers that don't lie in the arena are refused, and nothing stays claimed", () => {
  const lies: [string, bigint, bigint][] = [
    ["before the arena", 0x2000n, 64n],
    ["over the end", 15n * 2n ** 20n, 2n ** 20n],
    ["off the alignment", 0x150020n, 64n],
    ["at a handle's alignment and not at a lease's", 0x150040n, 64n],
    ["of nothing", 0x150000n, 0n],
    ["of 2^64 - 1 bytes", 0x150000n, 2n ** 64n - 1n],
    ["at 2^64 - 64", 2n ** 64n - 64n, 64n],
  ];
  for (const [name, offset, bytes] of lies) {
    const { host, peer } = buffers();
    flip(peer, 1);
    host.memory.storeLong(WRITER + 8, offset);
    host.memory.storeLong(WRITER + 16, bytes);
    assert.throws(() => host.pingPong.claim(), { code: "handle.invalid" }, name);
    assert.equal(host.memory.load(READER), 0, name);
    assert.throws(() => peer.pingPong.begin(), { code: "handle.invalid" }, name);
  }
});

test("a commit without a begin and a move of buffers in use are refused", () => {
  const { peer, first } = buffers();
  assert.throws(() => peer.pingPong.commit(), { code: "argument.invalid" });
  flip(peer, 1);
  assert.throws(() => peer.pingPong.commit(), { code: "argument.invalid" });
  assert.throws(() => peer.pingPong.place(first, 100), { code: "argument.invalid" });
  const { peer: fresh } = buffers();
  for (const [offset, bytes] of [[first + 64, 100], [first, 0], [first, 2 ** 40]] as const) {
    assert.throws(() => fresh.pingPong.place(offset, bytes), { code: "handle.invalid" });
  }
});
