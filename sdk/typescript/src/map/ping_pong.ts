/**
 * Two buffers: one is read while the other is written.
 *
 * Each side first says what it is about to do, then looks at what the other says (Dekker). As
 * both orders are sequentially consistent, at least one of two that want the same buffer sees
 * the other and steps back.
 */
import * as cell from "../cell.js";
import { CellError } from "./error.js";
import { checkHandle, type HandleBounds } from "./handle.js";
import type { SharedMemory } from "./memory.js";

/** How often a reader goes after a writer that flips, before it gives up for now. */
const ATTEMPTS_MAX = 1000;

/** Where the control lines lie, and what the buffers may cover. */
export interface PingPongPlace {
  readonly writerLine: number;
  readonly readerLine: number;
  /** In offsets from the base. */
  readonly bounds: HandleBounds;
  readonly base: number;
}

/** A buffer being written, or the newest one being read. */
export interface PingPongBuffer {
  readonly version: number;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
}

/** The bytes that two buffers of this size take. */
export function pingPongBytes(bytes: number): number {
  return secondOffset(bytes) + bytes;
}

function secondOffset(bytes: number): number {
  return Math.ceil(bytes / cell.PING_PONG_ALIGN_BYTES) * cell.PING_PONG_ALIGN_BYTES;
}

/** The bytes of buffer 0 or 1. What the writer's line says of them is checked each time. */
function bufferBytes(memory: SharedMemory, place: PingPongPlace, buffer: number): Uint8Array<SharedArrayBuffer> {
  const first = memory.loadLong(place.writerLine + cell.PING_PONG_FIRST_OFFSET);
  const bytes = memory.loadLong(place.writerLine + cell.PING_PONG_BYTES_OFFSET);
  const at = place.base + checkBuffers(first, bytes, place.bounds) + buffer * secondOffset(Number(bytes));
  return memory.bytes.subarray(at, at + Number(bytes));
}

/** Where the first buffer starts, if both lie within the bounds. */
function checkBuffers(first: bigint, bytes: bigint, bounds: HandleBounds): number {
  const align = BigInt(cell.PING_PONG_ALIGN_BYTES);
  if (first % align !== 0n) {
    throw new CellError("handle.invalid", `ping-pong buffers at ${first}; a multiple of ${align} is needed`);
  }
  // Big integers don't wrap, and a length of 0 is refused.
  const length = bytes === 0n ? 0n : ((bytes + align - 1n) / align) * align + bytes;
  return checkHandle({ region: bounds.region, generation: 0, typeId: 0, offset: first, length }, bounds).offset;
}

/** The side that fills the buffers. */
export class PingPongWriter {
  readonly #memory: SharedMemory;
  readonly #place: PingPongPlace;
  readonly #flipped: () => void;
  #writing: number | undefined;

  constructor(memory: SharedMemory, place: PingPongPlace, flipped: () => void = () => {}) {
    this.#memory = memory;
    this.#place = place;
    this.#flipped = flipped;
  }

  /** Says where the buffers are. Once, before the first of them is written. */
  place(offset: number, bytes: number): void {
    if (this.#active() !== 0 || this.#writing !== undefined) {
      throw new CellError("argument.invalid", "the buffers are in use and can't be moved");
    }
    checkBuffers(BigInt(offset), BigInt(bytes), this.#place.bounds);
    this.#memory.storeLong(this.#place.writerLine + cell.PING_PONG_BYTES_OFFSET, BigInt(bytes));
    this.#memory.storeLong(this.#place.writerLine + cell.PING_PONG_FIRST_OFFSET, BigInt(offset));
  }

  /** The buffer that is not the active one; undefined while a reader still holds it. */
  begin(): PingPongBuffer | undefined {
    const active = this.#active();
    const buffer = active === 0 ? 0 : 1 - (active & 1);
    const bytes = bufferBytes(this.#memory, this.#place, buffer);
    const writing = this.#place.writerLine + cell.PING_PONG_WRITING_OFFSET;
    this.#memory.store(writing, 1 + buffer);
    if (this.#memory.load(this.#place.readerLine + cell.PING_PONG_CLAIM_OFFSET) === 1 + buffer) {
      this.#memory.store(writing, 0);
      return undefined;
    }
    this.#writing = buffer;
    return { version: nextVersion(active), bytes };
  }

  /** Makes the buffer that was begun the active one; returns its version. */
  commit(): number {
    if (this.#writing === undefined) {
      throw new CellError("argument.invalid", "no buffer was begun");
    }
    const version = nextVersion(this.#active());
    this.#memory.store(this.#place.writerLine + cell.PING_PONG_ACTIVE_OFFSET, ((version << 1) | this.#writing) >>> 0);
    // Only now may a reader claim it.
    this.#memory.store(this.#place.writerLine + cell.PING_PONG_WRITING_OFFSET, 0);
    this.#writing = undefined;
    this.#flipped();
    return version;
  }

  #active(): number {
    return this.#memory.load(this.#place.writerLine + cell.PING_PONG_ACTIVE_OFFSET);
  }
}

/** Versions count from 1 and have 31 bits; 0 is left out, as it says that there is none. */
function nextVersion(active: number): number {
  const version = active >>> 1;
  return version === 0x7fff_ffff ? 1 : version + 1;
}

/** The side that looks at the newest buffer. There is one reader. */
export class PingPongReader {
  readonly #memory: SharedMemory;
  readonly #place: PingPongPlace;

  constructor(memory: SharedMemory, place: PingPongPlace) {
    this.#memory = memory;
    this.#place = place;
  }

  /**
   * Claims the newest buffer, until `release`; undefined when there is none yet, or when the
   * writer was flipping each time we looked. What it holds doesn't change while it is claimed.
   */
  claim(): PingPongBuffer | undefined {
    const claim = this.#place.readerLine + cell.PING_PONG_CLAIM_OFFSET;
    if (this.#memory.load(claim) !== 0) {
      throw new CellError("argument.invalid", "a buffer is claimed already");
    }
    for (let attempt = 0; attempt < ATTEMPTS_MAX; attempt += 1) {
      const active = this.#active();
      if (active === 0) {
        return undefined;
      }
      const buffer = active & 1;
      this.#memory.store(claim, 1 + buffer);
      const isWriting = this.#memory.load(this.#place.writerLine + cell.PING_PONG_WRITING_OFFSET) === 1 + buffer;
      // If it is no longer the active one, it may hold what a writer that died has left behind.
      if (!isWriting && this.#active() === active) {
        return this.#claimed(active);
      }
      this.release();
    }
    return undefined;
  }

  /** Gives the claim back; the bytes may change from now on. */
  release(): void {
    this.#memory.store(this.#place.readerLine + cell.PING_PONG_CLAIM_OFFSET, 0);
  }

  #claimed(active: number): PingPongBuffer {
    try {
      return { version: active >>> 1, bytes: bufferBytes(this.#memory, this.#place, active & 1) };
    } catch (error) {
      this.release();
      throw error;
    }
  }

  #active(): number {
    return this.#memory.load(this.#place.writerLine + cell.PING_PONG_ACTIVE_OFFSET);
  }
}
