import * as cell from "../cell.js";
import { CellError } from "./error.js";
import type { Epochs } from "./epochs.js";
import { type Handle, readHandle, writeHandle } from "./handle.js";
import type { SharedMemory } from "./memory.js";
import { checkU32, checkU64, Table } from "./table.js";

/** How far a call is. */
export type SyscallState = "asked" | "running" | "done" | "failed";

const STATES: readonly SyscallState[] = ["asked", "running", "done", "failed"];

/** A call in flight. */
export interface Syscall {
  /** From 1, and above every one that is still in the table. */
  readonly call: bigint;
  readonly method: number;
  readonly state: SyscallState;
  readonly module: number;
  /** Of the caller's monotonic clock. */
  readonly deadlineNs: bigint;
  readonly handle: Handle;
}

/** What everyone sees of the calls in flight. The caller alone writes them. */
export class Syscalls {
  protected readonly table: Table;

  constructor(memory: SharedMemory, base: number) {
    this.table = new Table(memory, {
      at: base + cell.SYSCALLS_OFFSET,
      count: cell.SYSCALL_ENTRY_COUNT,
      entryBytes: cell.SYSCALL_ENTRY_BYTES,
    });
  }

  /** The call in an entry, as it was at one moment; undefined for an empty entry. */
  read(index: number): Syscall | undefined {
    const record = this.table.copyStable(index, (at) => this.callAt(at) || undefined);
    return record === undefined ? undefined : parse(record);
  }

  /** All calls in flight. */
  list(): Syscall[] {
    const indices = Array.from({ length: cell.SYSCALL_ENTRY_COUNT }, (_, index) => index);
    return indices.map((index) => this.read(index)).filter((call) => call !== undefined);
  }

  protected callAt(at: number): bigint {
    return this.table.memory.loadLong(at + cell.SYSCALL_ENTRY_CALL_OFFSET);
  }
}

/** The caller's side of it. */
export class SyscallsWriter extends Syscalls {
  readonly #epochs: Epochs;
  #last: bigint;

  /** Goes on above the calls that a caller before it has left in the table. */
  constructor(memory: SharedMemory, base: number, epochs: Epochs) {
    super(memory, base);
    this.#epochs = epochs;
    this.#last = this.#newest();
  }

  /** Enters a call that was asked for; returns its number. */
  ask(method: number, module: number, deadlineNs: bigint, handle: Handle): bigint {
    const at = this.#place(0n);
    if (at === undefined) {
      throw new CellError("table.full", `${cell.SYSCALL_ENTRY_COUNT} calls are in flight, which is the most`);
    }
    const record = new DataView(new ArrayBuffer(cell.SYSCALL_ENTRY_BYTES));
    record.setUint32(cell.SYSCALL_ENTRY_METHOD_OFFSET, checkU32("a method", method), true);
    record.setUint32(cell.SYSCALL_ENTRY_STATE_OFFSET, cell.SYSCALL_STATE_ASKED, true);
    record.setUint32(cell.SYSCALL_ENTRY_MODULE_OFFSET, checkU32("a module", module), true);
    record.setBigUint64(cell.SYSCALL_ENTRY_DEADLINE_OFFSET, checkU64("a deadline", deadlineNs), true);
    writeHandle(record, cell.SYSCALL_ENTRY_HANDLE_OFFSET, handle);
    this.#last = checkU64("a call", this.#last + 1n);
    this.table.memory.storeRecord(at, record);
    this.#store(at, this.#last);
    return this.#last;
  }

  /** Says how far a call is. */
  setState(call: bigint, state: SyscallState): void {
    const at = this.#place(checkU64("a call", call, 1n)) ?? this.#unknown(call);
    this.table.memory.store(at + cell.SYSCALL_ENTRY_STATE_OFFSET, STATES.indexOf(state) + 1);
    this.#epochs.raise(cell.EPOCH_SYSCALL);
  }

  /** Takes a call that has ended out of the table. */
  clear(call: bigint): void {
    this.#store(this.#place(checkU64("a call", call, 1n)) ?? this.#unknown(call), 0n);
  }

  #store(at: number, call: bigint): void {
    this.table.memory.storeLong(at + cell.SYSCALL_ENTRY_CALL_OFFSET, call);
    this.#epochs.raise(cell.EPOCH_SYSCALL);
  }

  #newest(): bigint {
    let newest = 0n;
    for (let index = 0; index < cell.SYSCALL_ENTRY_COUNT; index += 1) {
      const call = this.callAt(this.table.entry(index));
      newest = call > newest ? call : newest;
    }
    return newest;
  }

  #place(call: bigint): number | undefined {
    for (let index = 0; index < cell.SYSCALL_ENTRY_COUNT; index += 1) {
      const at = this.table.entry(index);
      if (this.callAt(at) === call) {
        return at;
      }
    }
    return undefined;
  }

  #unknown(call: bigint): never {
    throw new CellError("argument.invalid", `call ${call} is not in flight`);
  }
}

function parse(record: DataView): Syscall {
  const number = record.getUint32(cell.SYSCALL_ENTRY_STATE_OFFSET, true);
  const state = STATES[number - 1];
  if (state === undefined) {
    throw new CellError("entry.invalid", `a call's state ${number}; 1 to ${STATES.length} are known`);
  }
  return {
    call: record.getBigUint64(cell.SYSCALL_ENTRY_CALL_OFFSET, true),
    method: record.getUint32(cell.SYSCALL_ENTRY_METHOD_OFFSET, true),
    state,
    module: record.getUint32(cell.SYSCALL_ENTRY_MODULE_OFFSET, true),
    deadlineNs: record.getBigUint64(cell.SYSCALL_ENTRY_DEADLINE_OFFSET, true),
    handle: readHandle(record, cell.SYSCALL_ENTRY_HANDLE_OFFSET),
  };
}
