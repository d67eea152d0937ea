/**
 * The byte ring: records of any size up to a bound, one writer, one reader.
 *
 * Byte n of the stream lies at n mod capacity. Both indices count on and wrap at 2^32, so
 * every difference is taken modulo 2^32. Whatever the other side stored is checked before
 * it is used; a value that can't be right poisons the ring, and it stays poisoned.
 */
import * as cell from "../cell.js";
import { CellError } from "./error.js";
import { Deadline, type SharedMemory } from "./memory.js";

/** Where the three parts of one ring lie in the buffer. */
export interface RingPlace {
  readonly writerPage: number;
  readonly readerPage: number;
  readonly data: number;
}

/** One record, in memory of its own. */
export interface RingRecord {
  readonly msgId: number;
  readonly payload: Uint8Array;
}

const HEADER_BYTES = cell.BYTE_RING_RECORD_PAYLOAD_OFFSET;
const ALIGN_BYTES = cell.BYTE_RING_RECORD_ALIGN_BYTES;

/** A difference of two indices. */
function distance(to: number, from: number): number {
  return (to - from) >>> 0;
}

function recordBytes(payloadBytes: number): number {
  return HEADER_BYTES + Math.ceil(payloadBytes / ALIGN_BYTES) * ALIGN_BYTES;
}

function isCapacity(bytes: number): boolean {
  const isPowerOfTwo = (bytes & (bytes - 1)) === 0;
  return isPowerOfTwo && bytes >= cell.BYTE_RING_CAPACITY_BYTES_MIN && bytes <= cell.BYTE_RING_CAPACITY_BYTES_MAX;
}

/** What both ends share: the place, and the poison. */
class RingEnd {
  protected readonly memory: SharedMemory;
  protected readonly place: RingPlace;
  protected capacityBytes: number;
  #poison: string | undefined;

  constructor(memory: SharedMemory, place: RingPlace) {
    this.memory = memory;
    this.place = place;
    this.capacityBytes = cell.BYTE_RING_CAPACITY_BYTES_MIN;
  }

  get capacity(): number {
    return this.capacityBytes;
  }

  protected poison(reason: string): never {
    this.#poison = reason;
    return this.refusePoisoned() as never;
  }

  protected refusePoisoned(): void {
    if (this.#poison !== undefined) {
      throw new CellError("ring.poisoned", `the ring is closed for good: ${this.#poison}`);
    }
  }

  /** Bytes between the indices, refused when no honest peer can have made them. */
  protected checkUsed(written: number, read: number): number {
    const used = distance(written, read);
    if (used > this.capacityBytes) {
      this.poison(`written ${written} is ${used} bytes from read ${read}, and the capacity is ${this.capacityBytes}`);
    }
    if (used % ALIGN_BYTES !== 0) {
      this.poison(`written ${written} is ${used} bytes from read ${read}, which is no multiple of ${ALIGN_BYTES}`);
    }
    return used;
  }

  /** Where a byte of the stream lies in the buffer. */
  protected placeOf(index: number): number {
    return this.place.data + (index % this.capacityBytes);
  }

  /** Splits a range of the stream where it wraps around the end of the data. */
  protected split(index: number, bytes: number): [Uint8Array, Uint8Array] {
    const all = this.memory.bytes;
    const first = this.placeOf(index);
    const firstBytes = Math.min(bytes, this.place.data + this.capacityBytes - first);
    const rest = this.place.data;
    return [all.subarray(first, first + firstBytes), all.subarray(rest, rest + bytes - firstBytes)];
  }

  /** Rings if the sleeper waits for anything from the old index up to, not including, the new one. */
  protected ring(wakeAt: number, index: number, before: number, now: number): void {
    if (distance(this.memory.load(wakeAt), before) < distance(now, before)) {
      this.memory.notify(index);
    }
  }

  /** Sleeps until the peer's index is no longer `seen`; false once the deadline has passed. */
  protected sleep(wakeAt: number, index: number, seen: number, deadline: Deadline): boolean {
    this.memory.store(wakeAt, seen);
    return this.memory.wait(index, seen, deadline);
  }
}

/** Puts records into a ring. There is one writer. */
export class RingWriter extends RingEnd {
  readonly #published: () => void;
  #written: number;
  #read: number;
  /** What the capacity is to be once the ring is empty. */
  #wanted = 0;

  /** Goes on where the pages are; `published` is called after each record that became visible. */
  constructor(memory: SharedMemory, place: RingPlace, published: () => void = () => {}) {
    super(memory, place);
    this.#published = published;
    this.#written = memory.load(place.writerPage + cell.BYTE_RING_WRITTEN_OFFSET);
    this.#read = this.#loadRead();
    this.capacityBytes = memory.load(place.writerPage + cell.BYTE_RING_CAPACITY_OFFSET);
    if (!isCapacity(this.capacityBytes)) {
      this.poison(`its own page has a capacity of ${this.capacityBytes}`);
    }
  }

  /** Makes an empty ring; before anyone else knows of the memory. */
  static initialise(memory: SharedMemory, place: RingPlace): void {
    memory.store(place.writerPage + cell.BYTE_RING_CAPACITY_OFFSET, cell.BYTE_RING_CAPACITY_BYTES_MIN);
  }

  /** Publishes one record; false when there is no room for it now. */
  tryWrite(msgId: number, payload: Uint8Array): boolean {
    this.refusePoisoned();
    checkRecord(msgId, payload);
    const bytes = recordBytes(payload.length);
    this.#read = this.#loadRead();
    const used = this.checkUsed(this.#written, this.#read);
    if (bytes > this.capacityBytes - used) {
      this.#want(bytes);
    }
    if (used === 0) {
      this.#grow();
    }
    if (bytes > this.capacityBytes - used) {
      return false;
    }
    this.#put(msgId, payload, bytes);
    this.#publish(bytes);
    return true;
  }

  /** Publishes one record as soon as there is room; false when the time has passed before. */
  write(msgId: number, payload: Uint8Array, timeoutMs: number): boolean {
    const deadline = new Deadline(timeoutMs);
    const wakeAt = this.place.writerPage + cell.BYTE_RING_WRITER_WAKE_AT_OFFSET;
    const index = this.place.readerPage + cell.BYTE_RING_READ_OFFSET;
    while (!this.tryWrite(msgId, payload)) {
      if (!this.sleep(wakeAt, index, this.#read, deadline)) {
        return false;
      }
    }
    return true;
  }

  #loadRead(): number {
    return this.memory.load(this.place.readerPage + cell.BYTE_RING_READ_OFFSET);
  }

  /** A record had no room: the ring is to be twice as large, or as large as the record takes. */
  #want(bytes: number): void {
    let capacity = this.capacityBytes * 2;
    while (capacity < bytes) {
      capacity *= 2;
    }
    this.#wanted = Math.min(capacity, cell.BYTE_RING_CAPACITY_BYTES_MAX);
  }

  /**
   * Only an empty ring may grow: no byte of it would lie where its index says afterwards. The
   * memory of a shared buffer is there already.
   */
  #grow(): void {
    if (this.#wanted > this.capacityBytes) {
      this.capacityBytes = this.#wanted;
      this.memory.store(this.place.writerPage + cell.BYTE_RING_CAPACITY_OFFSET, this.capacityBytes);
    }
  }

  #put(msgId: number, payload: Uint8Array, bytes: number): void {
    const header = this.placeOf(this.#written);
    this.memory.store(header + cell.BYTE_RING_RECORD_LENGTH_OFFSET, payload.length);
    this.memory.store(header + cell.BYTE_RING_RECORD_MSG_ID_OFFSET, msgId);
    const [first, rest] = this.split(this.#written + HEADER_BYTES, bytes - HEADER_BYTES);
    const firstBytes = Math.min(first.length, payload.length);
    first.set(payload.subarray(0, firstBytes));
    rest.set(payload.subarray(firstBytes));
    first.fill(0, firstBytes);
    rest.fill(0, payload.length - firstBytes);
  }

  #publish(bytes: number): void {
    const before = this.#written;
    const index = this.place.writerPage + cell.BYTE_RING_WRITTEN_OFFSET;
    this.#written = (before + bytes) >>> 0;
    // The Release of the record and of the capacity; the reader's load of `written` acquires it.
    this.memory.store(index, this.#written);
    this.ring(this.place.readerPage + cell.BYTE_RING_READER_WAKE_AT_OFFSET, index, before, this.#written);
    this.#published();
  }
}

function checkRecord(msgId: number, payload: Uint8Array): void {
  if (!Number.isInteger(msgId) || msgId < 0 || msgId > 0xffff_ffff) {
    throw new CellError("argument.invalid", `the message id ${msgId} is no u32`);
  }
  if (payload.length > cell.BYTE_RING_PAYLOAD_BYTES_MAX) {
    const advice = "put longer ones into the arena and send a handle";
    throw new CellError("ring.payload", `a payload of ${payload.length} bytes; ${cell.BYTE_RING_PAYLOAD_BYTES_MAX} fit, ${advice}`);
  }
}

/** Takes records out of a ring. There is one reader. */
export class RingReader extends RingEnd {
  #read: number;
  #written: number;

  /** Goes on where its page is. */
  constructor(memory: SharedMemory, place: RingPlace) {
    super(memory, place);
    this.#read = memory.load(place.readerPage + cell.BYTE_RING_READ_OFFSET);
    this.#written = this.#read;
  }

  /** The next record, copied out; undefined when there is none now. */
  tryRead(): RingRecord | undefined {
    this.refusePoisoned();
    if (this.#written === this.#read && !this.#look()) {
      return undefined;
    }
    const header = this.placeOf(this.#read);
    // Read once: what is checked is what is used.
    const length = this.memory.load(header + cell.BYTE_RING_RECORD_LENGTH_OFFSET);
    const msgId = this.memory.load(header + cell.BYTE_RING_RECORD_MSG_ID_OFFSET);
    const bytes = recordBytes(length);
    const available = distance(this.#written, this.#read);
    if (bytes > available || length > cell.BYTE_RING_PAYLOAD_BYTES_MAX) {
      this.poison(`a record of ${length} bytes at ${this.#read}, where ${available} were published`);
    }
    const payload = new Uint8Array(length);
    const [first, rest] = this.split(this.#read + HEADER_BYTES, length);
    payload.set(first);
    payload.set(rest, first.length);
    this.#giveBack(bytes);
    return { msgId, payload };
  }

  /** The next record as soon as there is one; undefined when the time has passed before. */
  read(timeoutMs: number): RingRecord | undefined {
    const deadline = new Deadline(timeoutMs);
    const wakeAt = this.place.readerPage + cell.BYTE_RING_READER_WAKE_AT_OFFSET;
    const index = this.place.writerPage + cell.BYTE_RING_WRITTEN_OFFSET;
    for (;;) {
      const record = this.tryRead();
      if (record !== undefined || !this.sleep(wakeAt, index, this.#written, deadline)) {
        return record;
      }
    }
  }

  /** Everything is taken: looks for more, and only then at the capacity. */
  #look(): boolean {
    const written = this.memory.load(this.place.writerPage + cell.BYTE_RING_WRITTEN_OFFSET);
    if (written === this.#read) {
      return false;
    }
    const capacity = this.memory.load(this.place.writerPage + cell.BYTE_RING_CAPACITY_OFFSET);
    if (!isCapacity(capacity) || capacity < this.capacityBytes) {
      this.poison(`a capacity of ${capacity} bytes after one of ${this.capacityBytes}`);
    }
    this.capacityBytes = capacity;
    this.checkUsed(written, this.#read);
    this.#written = written;
    return true;
  }

  #giveBack(bytes: number): void {
    const before = this.#read;
    const index = this.place.readerPage + cell.BYTE_RING_READ_OFFSET;
    this.#read = (before + bytes) >>> 0;
    // The Release of the bytes that were copied; the writer's load of `read` acquires it.
    this.memory.store(index, this.#read);
    this.ring(this.place.writerPage + cell.BYTE_RING_WRITER_WAKE_AT_OFFSET, index, before, this.#read);
  }
}
