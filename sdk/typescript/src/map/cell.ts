/**
 * The Cell: one memory map between a host and one peer, in a SharedArrayBuffer.
 *
 * All threads that hold the buffer are of one origin and can write every byte of it. The sides
 * are a convention here, which the two classes keep; between processes that don't trust each
 * other the map is two regions, and the kernel keeps it.
 */
import * as cell from "../cell.js";
import { Arena, type ArenaQuota } from "./arena.js";
import { Epochs, type Side } from "./epochs.js";
import { CellError } from "./error.js";
import { checkHandle, type Handle, type HandleBounds } from "./handle.js";
import { HealthLine } from "./health.js";
import { History, HistoryWriter } from "./history.js";
import { SharedMemory } from "./memory.js";
import { Patterns, PatternsWriter } from "./patterns.js";
import { pingPongBytes, type PingPongPlace, PingPongReader, PingPongWriter } from "./ping_pong.js";
import { Registry, RegistryWriter } from "./registry.js";
import { type RingPlace, RingReader, RingWriter } from "./ring.js";
import { sections, SupervisorTable } from "./supervisor.js";
import { Syscalls, SyscallsWriter } from "./syscalls.js";

/** How large a region may be. */
export const TIERS = {
  light: cell.TIER_LIGHT_BYTES,
  moderate: cell.TIER_MODERATE_BYTES,
  heavy: cell.TIER_HEAVY_BYTES,
  dedicated: cell.TIER_DEDICATED_BYTES,
} as const;

export type Tier = keyof typeof TIERS;

/** Where the map starts in a SharedArrayBuffer. */
const BASE = cell.BASE_BROWSER;

/** The number of the only region: the buffer. */
export const BUFFER_REGION = 1n;

function line(number: number): number {
  return BASE + cell.HEADERS_OFFSET + number * cell.HEADER_LINE_BYTES;
}

const INBOX: RingPlace = {
  writerPage: line(cell.HEADER_INBOX_WRITER),
  readerPage: line(cell.HEADER_INBOX_READER),
  data: BASE + cell.INBOX_OFFSET,
};

const OUTBOX: RingPlace = {
  writerPage: line(cell.HEADER_OUTBOX_WRITER),
  readerPage: line(cell.HEADER_OUTBOX_READER),
  data: BASE + cell.OUTBOX_OFFSET,
};

/** What both sides have. */
class CellSide {
  readonly memory: SharedMemory;
  readonly epochs: Epochs;
  readonly supervisor: SupervisorTable;
  readonly healthOfHost: HealthLine;
  readonly healthOfPeer: HealthLine;
  /** Where handles may point to: the arena, in offsets from the base. */
  readonly arenaBounds: HandleBounds;

  protected constructor(memory: SharedMemory, side: Side) {
    this.memory = memory;
    this.epochs = new Epochs(memory, BASE, side);
    this.supervisor = new SupervisorTable(memory, BASE);
    this.healthOfHost = new HealthLine(memory, BASE, "host", this.epochs);
    this.healthOfPeer = new HealthLine(memory, BASE, "peer", this.epochs);
    this.arenaBounds = { region: BUFFER_REGION, start: cell.ARENA_OFFSET, end: memory.buffer.byteLength - BASE };
  }

  get buffer(): SharedArrayBuffer {
    return this.memory.buffer;
  }

  /** The arena's part that a handle names, in place. Whether it is still leased, the host alone knows. */
  view(handle: Handle): Uint8Array<SharedArrayBuffer> {
    const { offset, length } = checkHandle(handle, this.arenaBounds);
    return this.memory.bytes.subarray(BASE + offset, BASE + offset + length);
  }

  protected pingPongPlace(): PingPongPlace {
    return {
      writerLine: line(cell.HEADER_PING_PONG_WRITER),
      readerLine: line(cell.HEADER_PING_PONG_READER),
      bounds: this.arenaBounds,
      base: BASE,
    };
  }
}

/** The side that makes the map. */
export class HostCell extends CellSide {
  readonly inbox: RingWriter;
  readonly outbox: RingReader;
  readonly registry: RegistryWriter;
  readonly syscalls: Syscalls;
  readonly patterns: PatternsWriter;
  readonly history: HistoryWriter;
  readonly arena: Arena;
  readonly pingPong: PingPongReader;

  /** Makes a buffer of the tier's size. Pages that nobody touches take no memory. */
  static create(tier: Tier, quota: Partial<ArenaQuota> = {}): HostCell {
    const memory = new SharedMemory(new SharedArrayBuffer(TIERS[tier]));
    initialise(memory);
    return new HostCell(memory, quota);
  }

  private constructor(memory: SharedMemory, quota: Partial<ArenaQuota>) {
    super(memory, "host");
    this.inbox = new RingWriter(memory, INBOX, () => this.epochs.raise(cell.EPOCH_INBOX));
    this.outbox = new RingReader(memory, OUTBOX);
    this.registry = new RegistryWriter(memory, BASE, this.epochs);
    this.syscalls = new Syscalls(memory, BASE);
    this.patterns = new PatternsWriter(memory, BASE, this.epochs);
    this.history = new HistoryWriter(memory, BASE, this.epochs);
    this.arena = new Arena(this.arenaBounds, quota);
    this.pingPong = new PingPongReader(memory, this.pingPongPlace());
  }

  /** The bytes of a lease, in place. A handle that a peer sent may be stale. */
  override view(handle: Handle): Uint8Array<SharedArrayBuffer> {
    this.arena.check(handle);
    return super.view(handle);
  }

  /** Leases both buffers and says in the supervisor table where they are; the peer fills them. */
  placePingPong(bytes: number): Handle {
    const handle = this.arena.lease(pingPongBytes(bytes));
    const flags = cell.SUPERVISOR_FLAG_PEER;
    const place = { section: cell.SECTION_PING_PONG, flags, offset: Number(handle.offset), bytes };
    this.supervisor.write(place);
    this.epochs.raise(cell.EPOCH_SUPERVISOR);
    return handle;
  }

  /** Tells the peer to end. */
  shutdown(): void {
    this.epochs.raise(cell.EPOCH_SHUTDOWN);
  }
}

function initialise(memory: SharedMemory): void {
  RingWriter.initialise(memory, INBOX);
  RingWriter.initialise(memory, OUTBOX);
  const table = new SupervisorTable(memory, BASE);
  for (const section of sections(memory.buffer.byteLength - BASE)) {
    table.write(section);
  }
  table.write({ section: cell.SECTION_PING_PONG, flags: cell.SUPERVISOR_FLAG_PEER, offset: cell.ARENA_OFFSET, bytes: 0 });
}

/** The side that was given the buffer. */
export class PeerCell extends CellSide {
  readonly inbox: RingReader;
  readonly outbox: RingWriter;
  readonly registry: Registry;
  readonly syscalls: SyscallsWriter;
  readonly patterns: Patterns;
  readonly history: History;
  readonly pingPong: PingPongWriter;

  /** Refuses a buffer of another size than a tier's, and a map that lies elsewhere. */
  static attach(buffer: SharedArrayBuffer): PeerCell {
    const sizes: number[] = Object.values(TIERS);
    if (!(buffer instanceof SharedArrayBuffer) || !sizes.includes(buffer.byteLength)) {
      throw new CellError("cell.size", `${buffer?.byteLength} bytes are no tier's size (${sizes.join(", ")})`);
    }
    const memory = new SharedMemory(buffer);
    new SupervisorTable(memory, BASE).check(buffer.byteLength - BASE);
    return new PeerCell(memory);
  }

  private constructor(memory: SharedMemory) {
    super(memory, "peer");
    this.inbox = new RingReader(memory, INBOX);
    this.outbox = new RingWriter(memory, OUTBOX, () => this.epochs.raise(cell.EPOCH_OUTBOX));
    this.registry = new Registry(memory, BASE, this.epochs);
    this.syscalls = new SyscallsWriter(memory, BASE, this.epochs);
    this.patterns = new Patterns(memory, BASE);
    this.history = new History(memory, BASE);
    this.pingPong = new PingPongWriter(memory, this.pingPongPlace(), () => this.epochs.raise(cell.EPOCH_PING_PONG));
  }

  /** Takes the ping-pong buffers where the supervisor table has them. */
  openPingPong(): void {
    const { offset, bytes } = this.supervisor.read(cell.SECTION_PING_PONG);
    if (bytes === 0) {
      throw new CellError("cell.table", "the host has placed no ping-pong buffers yet");
    }
    this.pingPong.place(offset, bytes);
  }

  /** Whether the host has told the peer to end; waits for it up to the timeout. */
  isShutdown(timeoutMs: number): boolean {
    return this.epochs.wait(cell.EPOCH_SHUTDOWN, 0, timeoutMs);
  }
}
