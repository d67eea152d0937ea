import * as cell from "../cell.js";
import { CellError } from "./error.js";
import type { Epochs } from "./epochs.js";
import type { SharedMemory } from "./memory.js";
import { bytesOf, checkBytes, checkU32, Table } from "./table.js";
import { decodeName, encodeName } from "./text.js";

/** How bytes of a type are encoded. */
export type PatternKind = "rkyv" | "capnp";

const KINDS: readonly PatternKind[] = ["rkyv", "capnp"];

/** A type that was seen: what a handle's type id means. */
export interface Pattern {
  /** From 1. */
  readonly typeId: number;
  readonly kind: PatternKind;
  readonly schemaHash: Uint8Array;
  readonly name: string;
}

/** What everyone sees of the types. An entry never changes once it is filled. */
export class Patterns {
  protected readonly table: Table;

  constructor(memory: SharedMemory, base: number) {
    this.table = new Table(memory, {
      at: base + cell.PATTERNS_OFFSET,
      count: cell.PATTERN_ENTRY_COUNT,
      entryBytes: cell.PATTERN_ENTRY_BYTES,
    });
  }

  /** Entries are filled from the first on, so the search ends at an empty one. */
  find(typeId: number): Pattern | undefined {
    checkU32("a type id", typeId, 1);
    for (let index = 0; index < cell.PATTERN_ENTRY_COUNT; index += 1) {
      const found = this.typeIdAt(index);
      if (found === 0) {
        return undefined;
      }
      if (found === typeId) {
        return parse(this.table.memory.copyRecord(this.table.entry(index), cell.PATTERN_ENTRY_BYTES));
      }
    }
    return undefined;
  }

  protected typeIdAt(index: number): number {
    return this.table.memory.load(this.table.entry(index) + cell.PATTERN_ENTRY_TYPE_ID_OFFSET);
  }
}

/** The host's side of it. */
export class PatternsWriter extends Patterns {
  readonly #epochs: Epochs;
  #count = 0;

  constructor(memory: SharedMemory, base: number, epochs: Epochs) {
    super(memory, base);
    this.#epochs = epochs;
  }

  add(pattern: Pattern): void {
    const record = encode(pattern);
    if (this.find(pattern.typeId) !== undefined) {
      throw new CellError("argument.invalid", `type ${pattern.typeId} is in the pattern cache already`);
    }
    if (this.#count === cell.PATTERN_ENTRY_COUNT) {
      throw new CellError("table.full", `the pattern cache holds ${this.#count} types, which is the most`);
    }
    const at = this.table.entry(this.#count);
    this.table.memory.storeRecord(at, record);
    // Last, since by this number the entry is no longer empty.
    this.table.memory.store(at + cell.PATTERN_ENTRY_TYPE_ID_OFFSET, pattern.typeId);
    this.#count += 1;
    this.#epochs.raise(cell.EPOCH_PATTERN);
  }
}

/** All but the type id, which is stored last. */
function encode(pattern: Pattern): DataView {
  const record = new DataView(new ArrayBuffer(cell.PATTERN_ENTRY_BYTES));
  checkU32("a type id", pattern.typeId, 1);
  record.setUint32(cell.PATTERN_ENTRY_KIND_OFFSET, KINDS.indexOf(pattern.kind) + 1, true);
  const hash = checkBytes("a schema hash", pattern.schemaHash, cell.SCHEMA_HASH_BYTES);
  bytesOf(record, cell.PATTERN_ENTRY_SCHEMA_HASH_OFFSET, hash.length).set(hash);
  const name = encodeName(pattern.name, cell.PATTERN_ENTRY_NAME_BYTES);
  bytesOf(record, cell.PATTERN_ENTRY_NAME_OFFSET, name.length).set(name);
  return record;
}

function parse(record: DataView): Pattern {
  const number = record.getUint32(cell.PATTERN_ENTRY_KIND_OFFSET, true);
  const kind = KINDS[number - 1];
  if (kind === undefined) {
    throw new CellError("entry.invalid", `a pattern's kind ${number}; 1 to ${KINDS.length} are known`);
  }
  return {
    typeId: record.getUint32(cell.PATTERN_ENTRY_TYPE_ID_OFFSET, true),
    kind,
    schemaHash: bytesOf(record, cell.PATTERN_ENTRY_SCHEMA_HASH_OFFSET, cell.SCHEMA_HASH_BYTES),
    name: decodeName(bytesOf(record, cell.PATTERN_ENTRY_NAME_OFFSET, cell.PATTERN_ENTRY_NAME_BYTES)),
  };
}
