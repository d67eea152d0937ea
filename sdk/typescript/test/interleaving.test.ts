/**
 * One side is stopped before each of its accesses to the shared memory in turn, and the other does
 * all of its part in between. Threads meet at few of these points; here each is met.
 */
import assert from "node:assert/strict";
import test from "node:test";
import { Epochs } from "../src/map/epochs.js";
import { type FinishedJob, History, HistoryWriter } from "../src/map/history.js";
import { SharedMemory } from "../src/map/memory.js";
import { type PingPongPlace, PingPongReader, PingPongWriter } from "../src/map/ping_pong.js";
import { type Module, Registry, RegistryWriter } from "../src/map/registry.js";

/** Calls `interrupt` before the access that `countdown` says. */
class SteppedMemory extends SharedMemory {
  countdown = Infinity;
  interrupt: () => void = () => {};

  #step(): void {
    this.countdown -= 1;
    if (this.countdown < 0) {
      this.countdown = Infinity;
      this.interrupt();
    }
  }

  override load(at: number): number {
    this.#step();
    return super.load(at);
  }

  override store(at: number, value: number): void {
    this.#step();
    super.store(at, value);
  }

  override loadLong(at: number): bigint {
    this.#step();
    return super.loadLong(at);
  }

  override storeLong(at: number, value: bigint): void {
    this.#step();
    super.storeLong(at, value);
  }
}

const MAP_BYTES = 0x50000;

/** Runs `round` with an interruption before each access in turn, until none is left; returns how many there were. */
function atEachStep(round: (interruptAt: number) => boolean): number {
  let steps = 0;
  while (round(steps)) {
    steps += 1;
    assert.ok(steps < 10_000);
  }
  return steps;
}

function memories(): { plain: SharedMemory; stepped: SteppedMemory } {
  const buffer = new SharedArrayBuffer(MAP_BYTES);
  return { plain: new SharedMemory(buffer), stepped: new SteppedMemory(buffer) };
}

function jobOf(number: number): FinishedJob {
  const [long, digest] = [BigInt(number), new Uint8Array(32).fill(number)];
  const handle = { region: long, generation: number, typeId: number, offset: long, length: long };
  return { job: long, finishedNs: long, status: number, typeId: number, handle, digest };
}

function moduleOf(version: number): Module {
  const schemaHash = new Uint8Array(32).fill(version);
  return { name: `v${version}`, module: 7, version, capabilities: BigInt(version), state: version, epoch: version, schemaHash };
}

/** A history with its last 1024 results there; `number` is the next to be overwritten. */
function fullHistory(writerMemory: SharedMemory): HistoryWriter {
  const writer = new HistoryWriter(writerMemory, 0, new Epochs(writerMemory, 0, "host"));
  for (let job = 1; job <= 1024; job += 1) {
    writer.add(jobOf(job));
  }
  return writer;
}

function checkResults(history: History): void {
  for (const number of [1, 1025]) {
    const found = history.read(BigInt(number));
    if (found !== undefined) {
      assert.deepEqual(found, jobOf(number));
    }
  }
}

test("a result is read whole or not at all, wherever its reader is when it is overwritten", () => {
  const steps = atEachStep((interruptAt) => {
    const { plain, stepped } = memories();
    const [writer, reader] = [fullHistory(plain), new History(stepped, 0)];
    let interrupted = false;
    stepped.interrupt = () => {
      interrupted = true;
      writer.add(jobOf(1025));
    };
    stepped.countdown = interruptAt;
    checkResults(reader);
    return interrupted;
  });
  assert.ok(steps > 30, `${steps} steps`);
});

test("a result is read whole or not at all, wherever its writer is", () => {
  const steps = atEachStep((interruptAt) => {
    const { plain, stepped } = memories();
    const [writer, reader] = [fullHistory(stepped), new History(plain, 0)];
    let interrupted = false;
    stepped.interrupt = () => {
      interrupted = true;
      checkResults(reader);
    };
    stepped.countdown = interruptAt;
    writer.add(jobOf(1025));
    return interrupted;
  });
  assert.ok(steps > 30, `${steps} steps`);
});

function checkModule(registry: Registry): void {
  const found = registry.read(0);
  if (found !== undefined) {
    assert.deepEqual(found, moduleOf(found.version));
  }
}

test("a module is read whole or not at all, wherever its reader is when it is replaced", () => {
  const steps = atEachStep((interruptAt) => {
    const { plain, stepped } = memories();
    const writer = new RegistryWriter(plain, 0, new Epochs(plain, 0, "host"));
    const reader = new Registry(stepped, 0, new Epochs(stepped, 0, "peer"));
    writer.add(moduleOf(1));
    let interrupted = false;
    stepped.interrupt = () => {
      interrupted = true;
      writer.remove(0);
      writer.add(moduleOf(2));
    };
    stepped.countdown = interruptAt;
    checkModule(reader);
    return interrupted;
  });
  assert.ok(steps > 24, `${steps} steps`);
});

test("a module is read whole or not at all, wherever its writer is", () => {
  const steps = atEachStep((interruptAt) => {
    const { plain, stepped } = memories();
    const writer = new RegistryWriter(stepped, 0, new Epochs(stepped, 0, "host"));
    const reader = new Registry(plain, 0, new Epochs(plain, 0, "peer"));
    writer.add(moduleOf(1));
    let interrupted = false;
    stepped.interrupt = () => {
      interrupted = true;
      checkModule(reader);
    };
    stepped.countdown = interruptAt;
    writer.remove(0);
    writer.add(moduleOf(2));
    return interrupted;
  });
  assert.ok(steps > 24, `${steps} steps`);
});

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
      let [interrupted, half] = [false, undefined as ReturnType<PingPongWriter["begin"]>];
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
