import * as cell from "../cell.js";
import type { Epochs } from "./epochs.js";
import { type Handle, readHandle, writeHandle } from "./handle.js";
import type { SharedMemory } from "./memory.js";
import { bytesOf, checkBytes, checkU32, checkU64, Table } from "./table.js";

/** A job that has ended. */
export interface FinishedJob {
  readonly job: bigint;
  readonly finishedNs: bigint;
  readonly status: number;
  readonly typeId: number;
  /** The result. */
  readonly handle: Handle;
  readonly digest: Uint8Array;
}

/** The last finished jobs: result n lies in entry (n - 1) mod the number of entries. */
export class History {
  protected readonly table: Table;

  constructor(memory: SharedMemory, base: number) {
    this.table = new Table(memory, {
      at: base + cell.HISTORY_OFFSET,
      count: cell.HISTORY_ENTRY_COUNT,
      entryBytes: cell.HISTORY_ENTRY_BYTES,
    });
  }

  /** Result `number`; undefined when it isn't there yet or was overwritten. */
  read(number: bigint): FinishedJob | undefined {
    checkU64("a result", number, 1n);
    const index = Number((number - 1n) % BigInt(cell.HISTORY_ENTRY_COUNT));
    const record = this.table.copyStable(index, (at) => {
      const found = this.table.memory.loadLong(at + cell.HISTORY_ENTRY_NUMBER_OFFSET);
      return found === number ? found : undefined;
    });
    return record === undefined ? undefined : parse(record);
  }
}

/** The host's side of it. */
export class HistoryWriter extends History {
  readonly #epochs: Epochs;
  #last = 0n;

  constructor(memory: SharedMemory, base: number, epochs: Epochs) {
    super(memory, base);
    this.#epochs = epochs;
  }

  /** Adds a result over the oldest one; returns its number. */
  add(job: FinishedJob): bigint {
    const record = encode(job);
    this.#last += 1n;
    const at = this.table.entry(Number((this.#last - 1n) % BigInt(cell.HISTORY_ENTRY_COUNT)));
    const number = at + cell.HISTORY_ENTRY_NUMBER_OFFSET;
    // Nobody takes the entry for the old result or the new one while it is a mixture of both.
    this.table.memory.storeLong(number, 0n);
    this.table.memory.storeRecord(at, record);
    this.table.memory.storeLong(number, this.#last);
    this.#epochs.raise(cell.EPOCH_HISTORY);
    return this.#last;
  }
}

/** All but the number, which is stored last. */
function encode(job: FinishedJob): DataView {
  const record = new DataView(new ArrayBuffer(cell.HISTORY_ENTRY_BYTES));
  record.setBigUint64(cell.HISTORY_ENTRY_JOB_OFFSET, checkU64("a job", job.job), true);
  record.setBigUint64(cell.HISTORY_ENTRY_FINISHED_OFFSET, checkU64("a time", job.finishedNs), true);
  record.setUint32(cell.HISTORY_ENTRY_STATUS_OFFSET, checkU32("a status", job.status), true);
  record.setUint32(cell.HISTORY_ENTRY_TYPE_ID_OFFSET, checkU32("a type id", job.typeId), true);
  writeHandle(record, cell.HISTORY_ENTRY_HANDLE_OFFSET, job.handle);
  const digest = checkBytes("a digest", job.digest, cell.DIGEST_BYTES);
  bytesOf(record, cell.HISTORY_ENTRY_DIGEST_OFFSET, digest.length).set(digest);
  return record;
}

function parse(record: DataView): FinishedJob {
  return {
    job: record.getBigUint64(cell.HISTORY_ENTRY_JOB_OFFSET, true),
    finishedNs: record.getBigUint64(cell.HISTORY_ENTRY_FINISHED_OFFSET, true),
    status: record.getUint32(cell.HISTORY_ENTRY_STATUS_OFFSET, true),
    typeId: record.getUint32(cell.HISTORY_ENTRY_TYPE_ID_OFFSET, true),
    handle: readHandle(record, cell.HISTORY_ENTRY_HANDLE_OFFSET),
    digest: bytesOf(record, cell.HISTORY_ENTRY_DIGEST_OFFSET, cell.DIGEST_BYTES),
  };
}
