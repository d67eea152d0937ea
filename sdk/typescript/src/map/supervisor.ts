import * as cell from "../cell.js";
import { CellError } from "./error.js";
import { ATTEMPTS_MAX, Table } from "./table.js";
import type { SharedMemory } from "./memory.js";

/** One line of the supervisor table: a section, who writes in it, and where it lies. */
export interface Section {
  readonly section: number;
  readonly flags: number;
  /** From the base. */
  readonly offset: number;
  readonly bytes: number;
}

const HOST = cell.SUPERVISOR_FLAG_HOST;
const PEER = cell.SUPERVISOR_FLAG_PEER;
const BOTH = HOST | PEER;

/** The sections of a map whose region has this many bytes from the base on. */
export function sections(mapBytes: number): Section[] {
  const rows: [number, number, number, number][] = [
    [cell.SECTION_EPOCHS, BOTH, cell.EPOCHS_OFFSET, cell.EPOCHS_BYTES],
    [cell.SECTION_SUPERVISOR, HOST, cell.SUPERVISOR_OFFSET, cell.SUPERVISOR_BYTES],
    [cell.SECTION_REGISTRY, HOST, cell.REGISTRY_OFFSET, cell.REGISTRY_BYTES],
    [cell.SECTION_HEADERS, BOTH, cell.HEADERS_OFFSET, cell.HEADERS_BYTES],
    [cell.SECTION_SYSCALLS, PEER, cell.SYSCALLS_OFFSET, cell.SYSCALLS_BYTES],
    [cell.SECTION_PATTERNS, HOST, cell.PATTERNS_OFFSET, cell.PATTERNS_BYTES],
    [cell.SECTION_HISTORY, HOST, cell.HISTORY_OFFSET, cell.HISTORY_BYTES],
    [cell.SECTION_INBOX, HOST, cell.INBOX_OFFSET, cell.INBOX_BYTES],
    [cell.SECTION_OUTBOX, PEER, cell.OUTBOX_OFFSET, cell.OUTBOX_BYTES],
    [cell.SECTION_ARENA, BOTH, cell.ARENA_OFFSET, mapBytes - cell.ARENA_OFFSET],
  ];
  return rows.map(([section, flags, offset, bytes]) => ({ section, flags, offset, bytes }));
}

/** Where every section of a map is, in the map itself. */
export class SupervisorTable {
  readonly #table: Table;

  constructor(memory: SharedMemory, base: number) {
    const entryBytes = cell.SUPERVISOR_ENTRY_BYTES;
    this.#table = new Table(memory, { at: base + cell.SUPERVISOR_OFFSET, count: cell.SUPERVISOR_ENTRY_COUNT, entryBytes });
  }

  /** The section as it was at one moment. Its bytes say whether it changed meanwhile. */
  read(section: number): Section {
    const at = this.#table.entry(section);
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const bytes = this.#load(at, cell.SUPERVISOR_ENTRY_BYTES_OFFSET);
      const found = {
        section: this.#load(at, cell.SUPERVISOR_ENTRY_SECTION_OFFSET),
        flags: this.#load(at, cell.SUPERVISOR_ENTRY_FLAGS_OFFSET),
        offset: this.#load(at, cell.SUPERVISOR_ENTRY_OFFSET_OFFSET),
        bytes,
      };
      if (this.#load(at, cell.SUPERVISOR_ENTRY_BYTES_OFFSET) === bytes) {
        return found;
      }
    }
    throw new CellError("entry.invalid", `section ${section} changed ${ATTEMPTS_MAX} times while it was read`);
  }

  /** For the host, while nobody else knows of the memory, and for the ping-pong buffers. */
  write(section: Section): void {
    const at = this.#table.entry(section.section);
    // Nobody takes the old place with the new size, or the other way round.
    this.#store(at, cell.SUPERVISOR_ENTRY_BYTES_OFFSET, 0);
    this.#store(at, cell.SUPERVISOR_ENTRY_SECTION_OFFSET, section.section);
    this.#store(at, cell.SUPERVISOR_ENTRY_FLAGS_OFFSET, section.flags);
    this.#store(at, cell.SUPERVISOR_ENTRY_OFFSET_OFFSET, section.offset);
    this.#store(at, cell.SUPERVISOR_ENTRY_BYTES_OFFSET, section.bytes);
  }

  /** Refuses a map whose sections lie elsewhere than this library's constants say. */
  check(mapBytes: number): void {
    for (const expected of sections(mapBytes)) {
      const found = this.read(expected.section);
      const isSame = Object.entries(expected).every(([name, value]) => found[name as keyof Section] === value);
      if (!isSame) {
        const message = `section ${expected.section} should be ${JSON.stringify(expected)} and is ${JSON.stringify(found)}`;
        throw new CellError("cell.table", `the map is not a Cell of this version: ${message}`);
      }
    }
  }

  #load(at: number, field: number): number {
    return this.#table.memory.load(at + field);
  }

  #store(at: number, field: number, value: number): void {
    this.#table.memory.store(at + field, value);
  }
}
