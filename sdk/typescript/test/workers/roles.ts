/** What the threads of the tests do. Each role returns when its part is shown, and throws otherwise. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { EPOCH_HISTORY, EPOCH_INBOX, EPOCH_MODULES_FIRST, EPOCH_OUTBOX } from "../../src/cell.js";
import { HostCell, PeerCell } from "../../src/map/cell.js";
import type { FinishedJob } from "../../src/map/history.js";
import { SharedMemory } from "../../src/map/memory.js";
import type { Module } from "../../src/map/registry.js";
import { type RingPlace, RingReader, RingWriter } from "../../src/map/ring.js";
import { Random, recordStream } from "../random.js";

const WAIT_MS = 30_000;

interface Job {
  role: string;
  port: MessagePort;
  seed: number;
  count: number;
  payloadMax: number;
  buffer: SharedArrayBuffer;
  place: RingPlace;
  bytes: number;
}

const job = workerData as Job;

/** Sleeps now and then, so that either side finds the other asleep and awake. */
function dawdle(random: Random): void {
  if (random.below(40) === 0) {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, random.below(3));
  }
}

/** Sends every record with a blocking write; a wake that is missing ends in the deadline. */
function send(): string {
  const writer = new RingWriter(new SharedMemory(job.buffer), job.place);
  const random = new Random(job.seed + 1);
  for (const { msgId, payload } of recordStream(job.seed, job.count, job.payloadMax)) {
    assert.ok(writer.write(msgId, payload, WAIT_MS), "no room within the deadline");
    dawdle(random);
  }
  return "sent";
}

function receive(): string {
  const reader = new RingReader(new SharedMemory(job.buffer), job.place);
  const random = new Random(job.seed + 2);
  for (const expected of recordStream(job.seed, job.count, job.payloadMax)) {
    const record = reader.read(WAIT_MS);
    assert.ok(record, "no record within the deadline");
    assert.equal(record.msgId, expected.msgId);
    assert.ok(Buffer.from(record.payload).equals(expected.payload), "a payload differs from what was sent");
    dawdle(random);
  }
  assert.equal(reader.tryRead(), undefined, "a record that nobody sent");
  return `received with a capacity of ${reader.capacity}`;
}

/** Both directions at once, over the Cell's own rings, sleeping on the epochs. */
function exchange(cell: HostCell | PeerCell): string {
  const isHost = cell instanceof HostCell;
  const [writer, reader] = isHost ? [cell.inbox, cell.outbox] : [cell.outbox, cell.inbox];
  const incoming = isHost ? EPOCH_OUTBOX : EPOCH_INBOX;
  const streams = [job.seed, job.seed ^ 0x5bd1e995].map((seed) => recordStream(seed, job.count, job.payloadMax));
  const [mine, theirs] = (isHost ? streams : streams.reverse()) as [typeof streams[0], typeof streams[0]];
  let [toSend, expected] = [mine.next(), theirs.next()];
  const end = performance.now() + WAIT_MS;
  while (!toSend.done || !expected.done) {
    assert.ok(performance.now() < end, "the exchange did not end in time");
    const seen = cell.epochs.load(incoming);
    const sent = !toSend.done && writer.tryWrite(toSend.value.msgId, toSend.value.payload);
    if (sent) {
      toSend = mine.next();
    }
    const record = expected.done ? undefined : reader.tryRead();
    if (record !== undefined && !expected.done) {
      assert.equal(record.msgId, expected.value.msgId);
      assert.ok(Buffer.from(record.payload).equals(expected.value.payload), "a payload differs from what was sent");
      expected = theirs.next();
    }
    if (!sent && record === undefined) {
      cell.epochs.wait(incoming, seen, 5);
    }
  }
  return "exchanged";
}

/** Every word of a buffer says which version it belongs to. */
function word(version: number, index: number): number {
  return Math.imul(version, 0x9e3779b1) ^ Math.imul(index, 0x85ebca6b) | 0;
}

function words(bytes: Uint8Array): Int32Array {
  return new Int32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength >>> 2);
}

/** The reader raises it when it has looked often enough to show something. */
const ENOUGH = EPOCH_MODULES_FIRST;

/** Flips as fast as the reader allows, in pieces of random length, until both have met often enough. */
function flip(cell: PeerCell): object {
  cell.openPingPong();
  const random = new Random(job.seed);
  let [busy, flips] = [0, 0];
  const end = performance.now() + WAIT_MS;
  while (flips < job.count || busy === 0 || cell.epochs.load(ENOUGH) === 0) {
    assert.ok(performance.now() < end, `the two did not meet in time: ${flips} flips, ${busy} times busy`);
    const buffer = cell.pingPong.begin();
    if (buffer === undefined) {
      busy += 1;
      continue;
    }
    const target = words(buffer.bytes);
    for (let at = 0; at < target.length; ) {
      const end = Math.min(target.length, at + 1 + random.below(200));
      for (; at < end; at += 1) {
        target[at] = word(buffer.version, at);
      }
    }
    assert.equal(cell.pingPong.commit(), buffer.version);
    flips += 1;
  }
  cell.epochs.raise(EPOCH_OUTBOX);
  return { busy, flips };
}

/** Looks at each claimed buffer several times: it is of one version, the whole time. */
function watch(cell: HostCell): object {
  const random = new Random(job.seed + 1);
  let [looks, newest] = [0, 0];
  while (cell.epochs.load(EPOCH_OUTBOX) === 0) {
    const buffer = cell.pingPong.claim();
    if (buffer === undefined) {
      continue;
    }
    assert.ok(buffer.version >= newest, `version ${buffer.version} after ${newest}`);
    newest = buffer.version;
    for (let look = random.below(4); look >= 0; look -= 1) {
      checkOneVersion(words(buffer.bytes), buffer.version);
      looks += 1;
    }
    cell.pingPong.release();
    if (looks >= job.count && newest >= 100 && cell.epochs.load(ENOUGH) === 0) {
      cell.epochs.raise(ENOUGH);
    }
  }
  return { looks, newest };
}

function checkOneVersion(found: Int32Array, version: number): void {
  for (let at = 0; at < found.length; at += 1) {
    if (found[at] !== word(version, at)) {
      assert.fail(`word ${at} of version ${version} is torn or overwritten`);
    }
  }
}

/** A result and a module all of whose fields say the same number. */
function jobOf(number: bigint): FinishedJob {
  const small = Number(number & 0xffff_ffffn);
  const handle = { region: number, generation: small, typeId: small, offset: number, length: number };
  return { job: number, finishedNs: number, status: small, typeId: small, handle, digest: new Uint8Array(32).fill(small) };
}

function moduleOf(version: number): Module {
  const schemaHash = new Uint8Array(32).fill(version);
  return { name: `v${version}`, module: 7, version, capabilities: BigInt(version), state: version, epoch: version, schemaHash };
}

/** Overwrites the same entries again and again, until the reader has seen enough. */
function churn(cell: HostCell): object {
  let rounds = 0;
  const end = performance.now() + WAIT_MS;
  while (cell.epochs.load(ENOUGH) === 0) {
    assert.ok(performance.now() < end, "the reader saw too little in time");
    rounds += 1;
    const index = cell.registry.add(moduleOf(rounds));
    for (let job = 0; job < 64; job += 1) {
      const number = BigInt((rounds - 1) * 64 + job + 1);
      assert.equal(cell.history.add(jobOf(number)), number);
    }
    cell.registry.remove(index);
  }
  return { rounds };
}

/** Whatever is read is of one moment, however often it is overwritten meanwhile. */
function observe(cell: PeerCell): object {
  let [modules, results, overwritten] = [0, 0, 0];
  const end = performance.now() + WAIT_MS;
  while (modules < job.count || results < job.count || overwritten < 100) {
    assert.ok(performance.now() < end, `saw too little in time: ${modules} modules, ${results} results, ${overwritten} overwritten`);
    const module = cell.registry.read(0);
    if (module !== undefined) {
      assert.deepEqual(module, moduleOf(module.version));
      modules += 1;
    }
    // The oldest entries are the next to be overwritten.
    const newest = cell.epochs.load(EPOCH_HISTORY);
    for (let age = 1023; age > 1000 && newest > 1023; age -= 1) {
      const number = BigInt(newest - age);
      const found = cell.history.read(number);
      if (found === undefined) {
        overwritten += 1;
      } else {
        assert.deepEqual(found, jobOf(number));
        results += 1;
      }
    }
  }
  cell.epochs.raise(ENOUGH);
  return { modules, results, overwritten };
}

async function host(): Promise<HostCell> {
  const cell = HostCell.create("light");
  if (job.bytes !== undefined) {
    cell.placePingPong(job.bytes);
  }
  job.port.postMessage(cell.buffer);
  return cell;
}

async function peer(): Promise<PeerCell> {
  const [buffer] = await once(job.port, "message");
  return PeerCell.attach(buffer as SharedArrayBuffer);
}

const ROLES: Record<string, () => unknown> = {
  send,
  receive,
  "exchange as host": async () => exchange(await host()),
  "exchange as peer": async () => exchange(await peer()),
  watch: async () => watch(await host()),
  flip: async () => flip(await peer()),
  churn: async () => churn(await host()),
  observe: async () => observe(await peer()),
};

const role = ROLES[job.role];
assert.ok(role, `no role ${job.role}`);
const returned = await role();
job.port.close();
parentPort?.postMessage(returned);
