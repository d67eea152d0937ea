import { CellError } from "./error.js";

const WORD_BYTES = 4;

/** A point in monotonic time by which a wait ends. Every wait has one. */
export class Deadline {
  readonly #endMs: number;

  constructor(timeoutMs: number) {
    if (!Number.isFinite(timeoutMs) || timeoutMs < 0) {
      throw new CellError("argument.invalid", `a timeout of ${timeoutMs} ms; a finite one from 0 is needed`);
    }
    this.#endMs = performance.now() + timeoutMs;
  }

  /** Never negative, so that it can be handed to a wait as it is. */
  remainingMs(): number {
    return Math.max(0, this.#endMs - performance.now());
  }
}

/**
 * The shared bytes, by byte offset from the start of the buffer.
 *
 * Control words and records go through `Atomics`, which in this language are all
 * sequentially consistent: each store is a Release and a full fence, each load an Acquire.
 * What is published by such a store (payloads of rings, bytes of a lease) is plain memory.
 */
export class SharedMemory {
  readonly buffer: SharedArrayBuffer;
  readonly bytes: Uint8Array<SharedArrayBuffer>;
  readonly #words: Int32Array<SharedArrayBuffer>;
  readonly #longs: BigUint64Array<SharedArrayBuffer>;

  constructor(buffer: SharedArrayBuffer) {
    if (buffer.byteLength % 8 !== 0) {
      throw new CellError("cell.size", `a buffer of ${buffer.byteLength} bytes; a multiple of 8 is needed`);
    }
    this.buffer = buffer;
    this.bytes = new Uint8Array(buffer);
    this.#words = new Int32Array(buffer);
    this.#longs = new BigUint64Array(buffer);
  }

  load(at: number): number {
    return Atomics.load(this.#words, at / WORD_BYTES) >>> 0;
  }

  store(at: number, value: number): void {
    Atomics.store(this.#words, at / WORD_BYTES, value | 0);
  }

  /** Adds one, wrapping, and returns the new value. */
  increment(at: number): number {
    return (Atomics.add(this.#words, at / WORD_BYTES, 1) + 1) >>> 0;
  }

  loadLong(at: number): bigint {
    return Atomics.load(this.#longs, at / 8);
  }

  storeLong(at: number, value: bigint): void {
    Atomics.store(this.#longs, at / 8, value);
  }

  /** Wakes everyone who sleeps on this word. */
  notify(at: number): void {
    Atomics.notify(this.#words, at / WORD_BYTES);
  }

  /** Sleeps while the word is `seen`; false once the deadline has passed with it unchanged. */
  wait(at: number, seen: number, deadline: Deadline): boolean {
    while (this.load(at) === seen) {
      const remainingMs = deadline.remainingMs();
      if (remainingMs === 0) {
        return false;
      }
      Atomics.wait(this.#words, at / WORD_BYTES, seen | 0, remainingMs);
    }
    return true;
  }

  /** Copies a record into private memory, word by word, so that later loads come after it. */
  copyRecord(at: number, bytes: number): DataView {
    const copy = new DataView(new ArrayBuffer(bytes));
    for (let offset = 0; offset < bytes; offset += WORD_BYTES) {
      copy.setUint32(offset, this.load(at + offset), true);
    }
    return copy;
  }

  /** Stores a record word by word; nobody sees a later store before it. */
  storeRecord(at: number, record: DataView): void {
    for (let offset = 0; offset < record.byteLength; offset += WORD_BYTES) {
      this.store(at + offset, record.getUint32(offset, true));
    }
  }
}
