import assert from "node:assert/strict";
import test from "node:test";
import * as constants from "../src/cell.js";
import { HostCell, PeerCell, TIERS } from "../src/map/cell.js";
import { NO_HANDLE } from "../src/map/handle.js";
import type { Module } from "../src/map/registry.js";

const BASE = 0x0100_0000;

function pair(): { host: HostCell; peer: PeerCell; hex: (at: number, bytes: number) => string } {
  const host = HostCell.create("light");
  const hex = (at: number, bytes: number) => Buffer.from(host.memory.bytes.slice(BASE + at, BASE + at + bytes)).toString("hex");
  return { host, peer: PeerCell.attach(host.buffer), hex };
}

const HASH = Uint8Array.from({ length: 32 }, (_, index) => index + 1);
const HASH_HEX = Buffer.from(HASH).toString("hex");

const MODULE: Module = {
  name: "grüße", module: 7, version: 3, capabilities: 2n ** 63n + 1n, state: 1, epoch: 16, schemaHash: HASH,
};

test("a tier is a ceiling on the whole region, and the browser's base takes 16 MiB of it", () => {
  const arenas = { light: 14.6875, moderate: 46.6875, heavy: 238.6875, dedicated: 494.6875 };
  for (const [tier, mib] of Object.entries(arenas) as [keyof typeof TIERS, number][]) {
    const { arena, buffer } = HostCell.create(tier);
    assert.equal(buffer.byteLength, TIERS[tier]);
    assert.equal(Number(arena.lease(mib * 2 ** 20).length), mib * 2 ** 20);
    assert.throws(() => arena.lease(1), { code: "arena.full" });
  }
});

test("nothing is in the first 16 MiB, which belong to somebody else", () => {
  const { host, peer } = pair();
  host.inbox.tryWrite(1, new Uint8Array(100));
  peer.outbox.tryWrite(1, new Uint8Array(100));
  host.registry.add(MODULE);
  host.view(host.arena.lease(5000)).fill(1);
  assert.ok(host.memory.bytes.subarray(0, BASE).every((byte) => byte === 0));
});

test("a buffer of another size or with other sections is not attached", () => {
  for (const bytes of [0, 8, TIERS.light - 8, TIERS.light + 8]) {
    assert.throws(() => PeerCell.attach(new SharedArrayBuffer(bytes)), { code: "cell.size" });
  }
  assert.throws(() => PeerCell.attach(undefined as never), { code: "cell.size" });
  assert.throws(() => PeerCell.attach(new SharedArrayBuffer(TIERS.light)), { code: "cell.table" });
  const { host } = pair();
  host.supervisor.write({ section: 8, flags: 2, offset: 0x050000, bytes: 524288 });
  assert.throws(() => PeerCell.attach(host.buffer), { code: "cell.table", message: /section 8/ });
});

test("the supervisor table lists the sections in order, the ping-pong buffers last", () => {
  const { host, peer } = pair();
  const found = Array.from({ length: 11 }, (_, section) => peer.supervisor.read(section));
  assert.deepEqual(found.map(({ section }) => section), [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10]);
  const offsets = [0, 0x80, 0x140, 0x2000, 0x3000, 0x10000, 0x20000, 0x50000, 0xd0000, 0x150000, 0x150000];
  assert.deepEqual(found.map(({ offset }) => offset), offsets);
  const sizes = [128, 176, 6144, 4096, 4096, 65536, 131072, 524288, 524288, 16 * 2 ** 20 - 0x150000, 0];
  assert.deepEqual(found.map(({ bytes }) => bytes), sizes);
  assert.throws(() => peer.openPingPong(), { code: "cell.table" });
  const handle = host.placePingPong(5000);
  assert.deepEqual(peer.supervisor.read(10), { section: 10, flags: 2, offset: Number(handle.offset), bytes: 5000 });
  assert.equal(handle.length, 8192n + 5000n);
  assert.equal(peer.epochs.load(constants.EPOCH_SUPERVISOR), 1);
});

test("each epoch is raised by its own side, by one at a time, wrapping", () => {
  const { host, peer } = pair();
  const ofHost = [0, 2, 3, 4, 7, 8, 10];
  const ofPeer = [1, 5, 6, 9];
  for (const [cell, may, mayNot] of [[host, ofHost, ofPeer], [peer, ofPeer, ofHost]] as const) {
    may.forEach((epoch) => assert.equal(cell.epochs.raise(epoch), 1));
    mayNot.forEach((epoch) => assert.throws(() => cell.epochs.raise(epoch), { code: "side.wrong" }));
    [11, 15].forEach((epoch) => assert.throws(() => cell.epochs.raise(epoch), { code: "side.wrong" }));
    [-1, 32, 0.5].forEach((epoch) => assert.throws(() => cell.epochs.raise(epoch), { code: "argument.invalid" }));
  }
  assert.equal(host.epochs.raise(31), 1);
  assert.equal(peer.epochs.raise(31), 2);
  host.memory.store(BASE + 4 * 16, 0xffff_ffff);
  assert.equal(peer.epochs.raise(16), 0);
  assert.equal(peer.epochs.wait(16, 0, 5), false);
  assert.equal(peer.epochs.wait(16, 0xffff_ffff, 5), true);
});

test("each new record raises its ring's epoch", () => {
  const { host, peer } = pair();
  host.inbox.tryWrite(1, new Uint8Array(1));
  host.inbox.tryWrite(2, new Uint8Array(1));
  peer.outbox.tryWrite(3, new Uint8Array(1));
  assert.deepEqual([peer.epochs.load(0), peer.epochs.load(1)], [2, 1]);
  assert.deepEqual([peer.inbox.tryRead()?.msgId, peer.inbox.tryRead()?.msgId, host.outbox.tryRead()?.msgId], [1, 2, 3]);
});

test("a module's 96 bytes are those of the layout, and come back", () => {
  const { host, peer, hex } = pair();
  const index = host.registry.add(MODULE);
  const name = Buffer.from("grüße").toString("hex").padEnd(64, "0");
  const numbers = "07000000" + "03000000" + "0100000000000080" + "01000000" + "10000000";
  assert.equal(hex(0x140, 96), name + numbers + HASH_HEX + "0".repeat(16));
  assert.deepEqual(peer.registry.read(index), MODULE);
  assert.equal(peer.registry.find(7), index);
  host.registry.setState(index, 2);
  assert.equal(peer.registry.read(index)?.state, 2);
  host.registry.remove(index);
  assert.equal(peer.registry.read(index), undefined);
  assert.equal(peer.epochs.load(constants.EPOCH_REGISTRY), 3);
  assert.throws(() => host.registry.setState(index, 1), { code: "argument.invalid" });
});

test("a registry that is full, a module twice and a name that doesn't fit are refused", () => {
  const { host } = pair();
  for (let module = 1; module <= 64; module += 1) {
    host.registry.add({ ...MODULE, module });
  }
  assert.throws(() => host.registry.add({ ...MODULE, module: 65 }), { code: "table.full" });
  assert.throws(() => host.registry.add({ ...MODULE, module: 64 }), { code: "argument.invalid" });
  host.registry.remove(10);
  assert.equal(host.registry.add({ ...MODULE, module: 65 }), 10);
  host.registry.remove(10);
  for (const wrong of [{ name: "" }, { name: "x".repeat(33) }, { name: "a\0b" }, { module: 0 }, { version: -1 }, { schemaHash: new Uint8Array(31) }]) {
    assert.throws(() => host.registry.add({ ...MODULE, module: 70, ...wrong }), { code: "argument.invalid" });
  }
});

test("an entry whose name is no name is refused with a reason", () => {
  const { host, peer } = pair();
  const index = host.registry.add(MODULE);
  const name = host.memory.bytes.subarray(BASE + 0x140, BASE + 0x140 + 32);
  name[20] = 65;
  assert.throws(() => peer.registry.read(index), { code: "entry.invalid", message: /behind its end/ });
  name.fill(0xff);
  assert.throws(() => peer.registry.read(index), { code: "entry.invalid", message: /UTF-8/ });
  name.fill(0);
  assert.throws(() => peer.registry.read(index), { code: "entry.invalid", message: /no name/ });
  // What other languages take for a part of the name is one here.
  name.set([0xef, 0xbb, 0xbf, 0x61]);
  assert.equal(peer.registry.read(index)?.name, "\ufeffa");
});

test("health is said by each side in its own line, with its own epoch", () => {
  const { host, peer, hex } = pair();
  host.healthOfHost.beat("serving", 0x0102030405060708n);
  peer.healthOfPeer.beat("degraded", 5n);
  peer.healthOfPeer.beat("stopping", 6n);
  assert.equal(hex(0x2000, 16), "01000000" + "01000000" + "0807060504030201");
  assert.deepEqual(peer.healthOfHost.read(), { heartbeat: 1, state: "serving", timeNs: 0x0102030405060708n });
  assert.deepEqual(host.healthOfPeer.read(), { heartbeat: 2, state: "stopping", timeNs: 6n });
  assert.deepEqual([host.epochs.load(4), host.epochs.load(5)], [1, 2]);
  assert.throws(() => peer.healthOfHost.beat("serving", 1n), { code: "side.wrong" });
  host.memory.store(BASE + 0x2000 + 9 * 128 + 4, 4);
  assert.throws(() => host.healthOfPeer.read(), { code: "entry.invalid" });
});

test("a call's 64 bytes are those of the layout, from asked to cleared", () => {
  const { host, peer, hex } = pair();
  const handle = { region: 1n, generation: 2, typeId: 3, offset: 64n, length: 5n };
  const call = peer.syscalls.ask(9, 4, 77n, handle);
  const numbers = "0100000000000000" + "09000000" + "01000000" + "04000000" + "00000000" + "4d00000000000000";
  assert.equal(hex(0x3000, 64), numbers + "0100000000000000" + "02000000" + "03000000" + "4000000000000000" + "0500000000000000");
  assert.deepEqual(host.syscalls.list(), [{ call, method: 9, state: "asked", module: 4, deadlineNs: 77n, handle }]);
  peer.syscalls.setState(call, "running");
  assert.equal(host.syscalls.read(0)?.state, "running");
  peer.syscalls.clear(call);
  assert.deepEqual(host.syscalls.list(), []);
  assert.equal(host.epochs.load(6), 3);
  assert.throws(() => peer.syscalls.clear(call), { code: "argument.invalid" });
  assert.throws(() => peer.syscalls.setState(0n, "done"), { code: "argument.invalid" });
});

test("64 calls are in flight at most, and no number is used twice", () => {
  const { host, peer } = pair();
  const calls = Array.from({ length: 64 }, () => peer.syscalls.ask(1, 1, 0n, NO_HANDLE));
  assert.throws(() => peer.syscalls.ask(1, 1, 0n, NO_HANDLE), { code: "table.full" });
  peer.syscalls.clear(calls[5] as bigint);
  assert.equal(peer.syscalls.ask(1, 1, 0n, NO_HANDLE), 65n);
  assert.equal(host.syscalls.list().length, 64);
  host.memory.store(BASE + 0x3000 + 12, 9);
  assert.throws(() => host.syscalls.read(0), { code: "entry.invalid" });
});

test("a caller that takes over goes on above the calls that were left", () => {
  const { host, peer } = pair();
  const left = [1, 2, 3].map((method) => peer.syscalls.ask(method, 1, 0n, NO_HANDLE));
  peer.syscalls.clear(left[1] as bigint);
  const next = PeerCell.attach(host.buffer).syscalls;
  const call = next.ask(9, 1, 0n, NO_HANDLE);
  assert.equal(call, 4n);
  next.setState(call, "done");
  const methods = host.syscalls.list().map(({ call, method, state }) => [call, method, state]);
  assert.deepEqual(methods, [[1n, 1, "asked"], [4n, 9, "done"], [3n, 3, "asked"]]);
  host.memory.storeLong(BASE + 0x3000, 2n ** 64n - 1n);
  assert.throws(() => PeerCell.attach(host.buffer).syscalls.ask(9, 1, 0n, NO_HANDLE), { code: "argument.invalid" });
});

test("a host opens no handle but that of a live lease", () => {
  const { host, peer } = pair();
  const handle = host.arena.lease(100);
  assert.equal(host.view(handle).length, 100);
  assert.equal(host.arena.release(handle), true);
  assert.throws(() => host.view(handle), { code: "handle.stale" });
  assert.equal(peer.view(handle).length, 100, "a peer can't know");
  assert.throws(() => host.view({ ...handle, generation: 7 }), { code: "handle.stale" });
  assert.throws(() => host.view({ ...handle, offset: 0x2000n }), { code: "handle.invalid" });
});

test("a type's 64 bytes are those of the layout, and 1024 types fit", () => {
  const { host, peer, hex } = pair();
  host.patterns.add({ typeId: 0x01020304, kind: "capnp", schemaHash: HASH, name: "Tensor" });
  assert.equal(hex(0x10000, 64), "04030201" + "02000000" + HASH_HEX + Buffer.from("Tensor").toString("hex").padEnd(48, "0"));
  assert.deepEqual(peer.patterns.find(0x01020304), { typeId: 0x01020304, kind: "capnp", schemaHash: HASH, name: "Tensor" });
  assert.equal(peer.patterns.find(5), undefined);
  assert.throws(() => host.patterns.add({ typeId: 0x01020304, kind: "rkyv", schemaHash: HASH, name: "x" }), { code: "argument.invalid" });
  for (let typeId = 1; typeId < 1024; typeId += 1) {
    host.patterns.add({ typeId, kind: "rkyv", schemaHash: HASH, name: `t${typeId}` });
  }
  assert.throws(() => host.patterns.add({ typeId: 5000, kind: "rkyv", schemaHash: HASH, name: "x" }), { code: "table.full" });
  assert.equal(peer.patterns.find(1023)?.name, "t1023");
  assert.equal(peer.epochs.load(7), 1024);
});

test("the history keeps the last 1024 results, each where the layout says", () => {
  const { host, peer, hex } = pair();
  const handle = { region: 1n, generation: 2, typeId: 3, offset: 64n, length: 5n };
  const result = (job: bigint) => ({ job, finishedNs: 9n, status: 4, typeId: 3, handle, digest: HASH });
  for (let job = 1n; job <= 1025n; job += 1n) {
    assert.equal(host.history.add(result(job * 10n)), job);
  }
  assert.equal(peer.history.read(1n), undefined, "it was overwritten");
  assert.deepEqual(peer.history.read(1025n), result(10250n));
  assert.deepEqual(peer.history.read(2n), result(20n));
  assert.equal(peer.history.read(1026n), undefined);
  assert.throws(() => peer.history.read(0n), { code: "argument.invalid" });
  const numbers = "0104000000000000" + "0a28000000000000" + "0900000000000000" + "04000000" + "03000000";
  const handleHex = "0100000000000000" + "02000000" + "03000000" + "4000000000000000" + "0500000000000000";
  assert.equal(hex(0x20000, 128), numbers + handleHex + HASH_HEX + "0".repeat(64));
  assert.equal(peer.epochs.load(8), 1025);
});

test("the peer hears of the end", () => {
  const { host, peer } = pair();
  assert.equal(peer.isShutdown(0), false);
  host.shutdown();
  assert.equal(peer.isShutdown(1000), true);
});
