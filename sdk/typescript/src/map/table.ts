import { CellError } from "./error.js";
import type { SharedMemory } from "./memory.js";

/** How often a reader takes a record again that changed under it, before it says so. */
export const ATTEMPTS_MAX = 1000;

/** The geometry of a table of records of one size. */
export interface TablePlace {
  readonly at: number;
  readonly count: number;
  readonly entryBytes: number;
}

/** A table of records, by index. */
export class Table {
  readonly memory: SharedMemory;
  readonly place: TablePlace;

  constructor(memory: SharedMemory, place: TablePlace) {
    this.memory = memory;
    this.place = place;
  }

  /** Where an entry lies in the buffer. */
  entry(index: number): number {
    if (!Number.isInteger(index) || index < 0 || index >= this.place.count) {
      throw new CellError("argument.invalid", `entry ${index} of a table with ${this.place.count}`);
    }
    return this.place.at + index * this.place.entryBytes;
  }

  /**
   * Copies an entry as it was at one moment. `version` reads what changes whenever the
   * writer has touched the entry, and undefined while the entry is empty.
   */
  copyStable(index: number, version: (at: number) => bigint | undefined): DataView | undefined {
    const at = this.entry(index);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const before = version(at);
      if (before === undefined) {
        return undefined;
      }
      const copy = this.memory.copyRecord(at, this.place.entryBytes);
      if (version(at) === before) {
        return copy;
      }
    }
    throw new CellError("entry.invalid", `entry ${index} changed ${ATTEMPTS_MAX} times while it was read`);
  }
}

/** The bytes of a view from `offset`. */
export function bytesOf(view: DataView, offset: number, bytes: number): Uint8Array {
  return new Uint8Array(view.buffer, view.byteOffset + offset, bytes);
}

/** Bytes that must be of one length, such as a digest. */
export function checkBytes(what: string, value: Uint8Array, bytes: number): Uint8Array {
  if (value.length !== bytes) {
    throw new CellError("argument.invalid", `${what} of ${value.length} bytes; ${bytes} are needed`);
  }
  return value;
}

/** A number that must fit into a u32, and not be 0 where 0 means an empty entry. */
export function checkU32(what: string, value: number, min = 0): number {
  if (!Number.isInteger(value) || value < min || value > 0xffff_ffff) {
    throw new CellError("argument.invalid", `${what} ${value}; a u32 from ${min} is needed`);
  }
  return value;
}

/** A number that must fit into a u64. */
export function checkU64(what: string, value: bigint, min = 0n): bigint {
  if (value < min || value > 0xffff_ffff_ffff_ffffn) {
    throw new CellError("argument.invalid", `${what} ${value}; a u64 from ${min} is needed`);
  }
  return value;
}
