/** What both sides do to the tables, with one of them stopped before each of its accesses in turn. */
import assert from "node:assert/strict";
import test from "node:test";
import { SECTION_PING_PONG, SUPERVISOR_FLAG_PEER } from "../src/cell.js";
import { Epochs } from "../src/map/epochs.js";
import { HealthLine } from "../src/map/health.js";
import { type FinishedJob, History, HistoryWriter } from "../src/map/history.js";
import type { SharedMemory } from "../src/map/memory.js";
import { type Module, Registry, RegistryWriter } from "../src/map/registry.js";
import { SupervisorTable } from "../src/map/supervisor.js";
import { Syscalls, SyscallsWriter } from "../src/map/syscalls.js";
import { atEachStep, memories } from "./stepped.js";

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

/** Each call's fields all say its own number. */
function checkCalls(syscalls: Syscalls): void {
  for (const found of syscalls.list()) {
    const number = Number(found.call);
    const handle = { region: found.call, generation: number, typeId: number, offset: found.call, length: found.call };
    const { call, state } = found;
    assert.deepEqual(found, { call, method: number, state, module: number, deadlineNs: call, handle });
  }
}

function ask(writer: SyscallsWriter, number: number): void {
  const long = BigInt(number);
  const handle = { region: long, generation: number, typeId: number, offset: long, length: long };
  assert.equal(writer.ask(number, number, long, handle), long);
}

/** A call ends and two others come, the first into its entry. */
function replaceCall(writer: SyscallsWriter): void {
  writer.setState(1n, "done");
  writer.clear(1n);
  ask(writer, 2);
  ask(writer, 3);
}

function caller(memory: SharedMemory): SyscallsWriter {
  return new SyscallsWriter(memory, 0, new Epochs(memory, 0, "peer"));
}

test("a call is read whole or not at all, wherever its reader is when it is replaced", () => {
  const steps = atEachStep((interruptAt) => {
    const { plain, stepped } = memories();
    const [writer, reader] = [caller(plain), new Syscalls(stepped, 0)];
    ask(writer, 1);
    let interrupted = false;
    stepped.interrupt = () => {
      interrupted = true;
      replaceCall(writer);
    };
    stepped.countdown = interruptAt;
    checkCalls(reader);
    return interrupted;
  });
  assert.ok(steps > 64, `${steps} steps`);
});

test("a call is read whole or not at all, wherever its writer is", () => {
  let seen = new Set<number>();
  const steps = atEachStep((interruptAt) => {
    const { plain, stepped } = memories();
    const [writer, reader] = [caller(stepped), new Syscalls(plain, 0)];
    ask(writer, 1);
    let interrupted = false;
    stepped.interrupt = () => {
      interrupted = true;
      checkCalls(reader);
      seen = seen.add(reader.list().length);
    };
    stepped.countdown = interruptAt;
    replaceCall(writer);
    return interrupted;
  });
  assert.ok(steps > 30, `${steps} steps`);
  assert.deepEqual([...seen].sort(), [0, 1, 2]);
});

test("a state is that of its own beat, wherever its reader or its writer is", () => {
  const states = ["starting", "serving", "degraded", "stopping"] as const;
  for (const side of ["reader", "writer"]) {
    const steps = atEachStep((interruptAt) => {
      const { plain, stepped } = memories();
      const lineOf = (memory: SharedMemory) => new HealthLine(memory, 0, "peer", new Epochs(memory, 0, "peer"));
      const [own, other] = [lineOf(stepped), lineOf(plain)];
      let [interrupted, beats] = [false, 0];
      const beat = (line: HealthLine) => {
        beats += 1;
        line.beat(states[beats % 4] as (typeof states)[number], BigInt(beats));
      };
      const look = (line: HealthLine) => {
        const { heartbeat, state } = line.read();
        assert.equal(state, states[heartbeat % 4]);
      };
      beat(other);
      stepped.interrupt = () => {
        interrupted = true;
        (side === "reader" ? beat : look)(other);
      };
      stepped.countdown = interruptAt;
      (side === "reader" ? look : beat)(own);
      return interrupted;
    });
    assert.ok(steps >= 2, `${steps} steps of the ${side}`);
  }
});

const PLACES = [[0x150000, 0], [0x160000, 5000], [0x170000, 64], [0x180000, 5000]] as const;

function place(table: SupervisorTable, [offset, bytes]: readonly [number, number]): void {
  table.write({ section: SECTION_PING_PONG, flags: SUPERVISOR_FLAG_PEER, offset, bytes });
}

/** Either there are no buffers, or their place and size are of one moment. */
function checkPlace(table: SupervisorTable, known: readonly (readonly [number, number])[]): void {
  const { section, flags, offset, bytes } = table.read(SECTION_PING_PONG);
  if (bytes !== 0) {
    assert.deepEqual([section, flags], [SECTION_PING_PONG, SUPERVISOR_FLAG_PEER]);
    assert.ok(known.some(([at, size]) => at === offset && size === bytes), `${bytes} bytes at ${offset}`);
  }
}

for (const [index, after] of PLACES.entries()) {
  const before = PLACES[index - 1];
  if (before === undefined) continue;
  test(`the buffers' place fits their size, wherever its reader or its writer is when ${before} becomes ${after}`, () => {
    for (const side of ["reader", "writer"]) {
      const steps = atEachStep((interruptAt) => {
        const { plain, stepped } = memories();
        const [own, other] = [new SupervisorTable(stepped, 0), new SupervisorTable(plain, 0)];
        place(other, before);
        let interrupted = false;
        const [move, look] = [(table: SupervisorTable) => place(table, after), (table: SupervisorTable) => checkPlace(table, [before, after])];
        stepped.interrupt = () => {
          interrupted = true;
          (side === "reader" ? move : look)(other);
        };
        stepped.countdown = interruptAt;
        (side === "reader" ? look : move)(own);
        return interrupted;
      });
      assert.ok(steps >= 4, `${steps} steps of the ${side}`);
    }
  });
}
