import * as cell from "../cell.js";
import { CellError } from "./error.js";
import type { Epochs } from "./epochs.js";
import type { SharedMemory } from "./memory.js";
import { bytesOf, checkBytes, checkU32, checkU64, Table } from "./table.js";
import { decodeName, encodeName } from "./text.js";

/** A module of the peer or of the host, and what it may do. */
export interface Module {
  readonly name: string;
  /** From 1. */
  readonly module: number;
  readonly version: number;
  readonly capabilities: bigint;
  readonly state: number;
  /** The epoch that the module raises. */
  readonly epoch: number;
  readonly schemaHash: Uint8Array;
}

/** What everyone sees of the registry. */
export class Registry {
  protected readonly table: Table;
  protected readonly epochs: Epochs;

  constructor(memory: SharedMemory, base: number, epochs: Epochs) {
    this.table = new Table(memory, {
      at: base + cell.REGISTRY_OFFSET,
      count: cell.REGISTRY_ENTRY_COUNT,
      entryBytes: cell.REGISTRY_ENTRY_BYTES,
    });
    this.epochs = epochs;
  }

  /** The module in an entry, as it was at one moment; undefined for an empty entry. */
  read(index: number): Module | undefined {
    const record = this.table.copyStable(index, (at) => this.#version(at));
    return record === undefined ? undefined : parse(record);
  }

  /** The entry of a module, if it is registered. */
  find(module: number): number | undefined {
    checkU32("a module", module, 1);
    for (let index = 0; index < cell.REGISTRY_ENTRY_COUNT; index += 1) {
      if (this.moduleAt(index) === module) {
        return index;
      }
    }
    return undefined;
  }

  protected moduleAt(index: number): number {
    return this.table.memory.load(this.table.entry(index) + cell.REGISTRY_ENTRY_MODULE_OFFSET);
  }

  /** The host raises the epoch after it has emptied an entry and again after it has filled one. */
  #version(at: number): bigint | undefined {
    const epoch = this.epochs.load(cell.EPOCH_REGISTRY);
    const module = this.table.memory.load(at + cell.REGISTRY_ENTRY_MODULE_OFFSET);
    return module === 0 ? undefined : (BigInt(epoch) << 32n) | BigInt(module);
  }
}

/** The host's side of it. */
export class RegistryWriter extends Registry {
  /** Registers a module in the first empty entry; returns the entry. */
  add(module: Module): number {
    const record = encode(module);
    if (this.find(module.module) !== undefined) {
      throw new CellError("argument.invalid", `module ${module.module} is registered already`);
    }
    for (let index = 0; index < cell.REGISTRY_ENTRY_COUNT; index += 1) {
      if (this.moduleAt(index) === 0) {
        this.#fill(index, record, module.module);
        return index;
      }
    }
    throw new CellError("table.full", `the registry holds ${cell.REGISTRY_ENTRY_COUNT} modules, which is the most`);
  }

  setState(index: number, state: number): void {
    this.table.memory.store(this.#full(index) + cell.REGISTRY_ENTRY_STATE_OFFSET, checkU32("a state", state));
    this.epochs.raise(cell.EPOCH_REGISTRY);
  }

  remove(index: number): void {
    this.table.memory.store(this.#full(index) + cell.REGISTRY_ENTRY_MODULE_OFFSET, 0);
    this.epochs.raise(cell.EPOCH_REGISTRY);
  }

  /** The fields first, then the number by which the entry is no longer empty. */
  #fill(index: number, record: DataView, module: number): void {
    const at = this.table.entry(index);
    this.table.memory.storeRecord(at, record);
    this.table.memory.store(at + cell.REGISTRY_ENTRY_MODULE_OFFSET, module);
    this.epochs.raise(cell.EPOCH_REGISTRY);
  }

  #full(index: number): number {
    if (this.moduleAt(index) === 0) {
      throw new CellError("argument.invalid", `entry ${index} of the registry is empty`);
    }
    return this.table.entry(index);
  }
}

/** All but the module's number, which is stored last. */
function encode(module: Module): DataView {
  const record = new DataView(new ArrayBuffer(cell.REGISTRY_ENTRY_BYTES));
  checkU32("a module", module.module, 1);
  const name = encodeName(module.name, cell.REGISTRY_ENTRY_NAME_BYTES);
  bytesOf(record, cell.REGISTRY_ENTRY_NAME_OFFSET, name.length).set(name);
  record.setUint32(cell.REGISTRY_ENTRY_VERSION_OFFSET, checkU32("a version", module.version), true);
  record.setBigUint64(cell.REGISTRY_ENTRY_CAPABILITIES_OFFSET, checkU64("capabilities", module.capabilities), true);
  record.setUint32(cell.REGISTRY_ENTRY_STATE_OFFSET, checkU32("a state", module.state), true);
  record.setUint32(cell.REGISTRY_ENTRY_EPOCH_OFFSET, checkU32("an epoch", module.epoch), true);
  const hash = checkBytes("a schema hash", module.schemaHash, cell.SCHEMA_HASH_BYTES);
  bytesOf(record, cell.REGISTRY_ENTRY_SCHEMA_HASH_OFFSET, hash.length).set(hash);
  return record;
}

function parse(record: DataView): Module {
  return {
    name: decodeName(bytesOf(record, cell.REGISTRY_ENTRY_NAME_OFFSET, cell.REGISTRY_ENTRY_NAME_BYTES)),
    module: record.getUint32(cell.REGISTRY_ENTRY_MODULE_OFFSET, true),
    version: record.getUint32(cell.REGISTRY_ENTRY_VERSION_OFFSET, true),
    capabilities: record.getBigUint64(cell.REGISTRY_ENTRY_CAPABILITIES_OFFSET, true),
    state: record.getUint32(cell.REGISTRY_ENTRY_STATE_OFFSET, true),
    epoch: record.getUint32(cell.REGISTRY_ENTRY_EPOCH_OFFSET, true),
    schemaHash: bytesOf(record, cell.REGISTRY_ENTRY_SCHEMA_HASH_OFFSET, cell.SCHEMA_HASH_BYTES),
  };
}
