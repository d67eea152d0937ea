/**
 * A Cap'n Proto message as it lies in memory: a table of one segment, then the segment.
 *
 * Nothing is checked ahead and nothing is written. Each step is held against the segment's bounds
 * when it is taken, and charged: a message whose pointers meet in the same place, or a list of 2^29
 * elements of no size, ends at the limit.
 */
import { LensError } from "./error.js";

export const WORD_BYTES = 8;

/** How much of a message may be read. */
export interface LensLimits {
  /** How often all of it may be walked through. What a pointer leads to is counted each time. */
  readonly traversalsMax: number;
  /** Pointers from the root to the deepest value. The types of the schema need five. */
  readonly depthMax: number;
}

export const DEFAULT_LIMITS: LensLimits = { traversalsMax: 8, depthMax: 64 };

/** What a pointer to a struct says. */
export interface StructPlace {
  readonly dataAt: number;
  readonly dataBytes: number;
  readonly pointersAt: number;
  readonly pointerCount: number;
}

/** What a pointer to a list says. `struct` is the size of each element of a list of structs. */
export interface ListPlace {
  readonly at: number;
  readonly count: number;
  readonly elementSize: number;
  readonly struct: { readonly dataWords: number; readonly pointerCount: number } | undefined;
}

const STRUCT = 0;
const LIST = 1;
const COMPOSITE = 7;
const KINDS = ["struct", "list", "far", "capability"];
const ELEMENT_BITS = [0, 1, 8, 16, 32, 64, 64];

/** One message, in place. All positions are byte offsets from the start of its segment. */
export class Message {
  readonly bytes: Uint8Array;
  readonly view: DataView;
  readonly depthMax: number;
  readonly #wordsMax: number;
  #wordsLeft: number;

  constructor(bytes: Uint8Array, limits: LensLimits) {
    this.bytes = segment(bytes);
    this.view = new DataView(this.bytes.buffer, this.bytes.byteOffset, this.bytes.byteLength);
    this.depthMax = limits.depthMax;
    this.#wordsMax = (this.bytes.length / WORD_BYTES) * limits.traversalsMax;
    this.#wordsLeft = this.#wordsMax;
  }

  /** The struct that a pointer leads to; undefined for a null pointer. */
  struct(pointerAt: number): StructPlace | undefined {
    const pointer = this.#pointer(pointerAt, STRUCT);
    if (pointer === undefined) {
      return undefined;
    }
    const [dataWords, pointerCount] = [pointer.high & 0xffff, pointer.high >>> 16];
    this.charge(dataWords + pointerCount);
    this.#checkBounds(pointer.target, (dataWords + pointerCount) * WORD_BYTES);
    return structPlace(pointer.target, dataWords, pointerCount);
  }

  /** The list that a pointer leads to; undefined for a null pointer. */
  list(pointerAt: number): ListPlace | undefined {
    const pointer = this.#pointer(pointerAt, LIST);
    if (pointer === undefined) {
      return undefined;
    }
    const [elementSize, count] = [pointer.high & 7, pointer.high >>> 3];
    if (elementSize === COMPOSITE) {
      return this.#composite(pointer.target, count);
    }
    const bytes = Math.ceil((count * (ELEMENT_BITS[elementSize] as number)) / 64) * WORD_BYTES;
    // Elements of no size cost a word each, since a loop over them costs as much.
    this.charge(elementSize === 0 ? count : bytes / WORD_BYTES);
    this.#checkBounds(pointer.target, bytes);
    return { at: pointer.target, count, elementSize, struct: undefined };
  }

  /** Counts words that are reached. */
  charge(words: number): void {
    this.#wordsLeft -= words;
    if (this.#wordsLeft < 0) {
      throw new LensError("lens.invalid", `the read limit of ${this.#wordsMax} words was reached`);
    }
  }

  /** A list of structs: one tag that says how many and how large, then the structs. */
  #composite(at: number, words: number): ListPlace {
    this.charge(words + 1);
    this.#checkBounds(at, (words + 1) * WORD_BYTES);
    const [low, high] = [this.view.getUint32(at, true), this.view.getUint32(at + 4, true)];
    if ((low & 3) !== STRUCT) {
      throw new LensError("lens.invalid", `the tag of a list of structs is a ${KINDS[low & 3]} pointer`);
    }
    const [count, dataWords, pointerCount] = [low >>> 2, high & 0xffff, high >>> 16];
    const wordsEach = dataWords + pointerCount;
    if (count * wordsEach > words) {
      throw new LensError("lens.invalid", `a list of ${words} words does not hold ${count} structs of ${wordsEach}`);
    }
    if (wordsEach === 0) {
      this.charge(count);
    }
    return { at: at + WORD_BYTES, count, elementSize: COMPOSITE, struct: { dataWords, pointerCount } };
  }

  #pointer(at: number, kind: number): { target: number; high: number } | undefined {
    this.#checkBounds(at, WORD_BYTES);
    const [low, high] = [this.view.getInt32(at, true), this.view.getUint32(at + 4, true)];
    if (low === 0 && high === 0) {
      return undefined;
    }
    if ((low & 3) !== kind) {
      const advice = (low & 3) === 2 ? "; a message has one segment" : "";
      throw new LensError("lens.invalid", `a ${KINDS[low & 3]} pointer where a ${KINDS[kind]} pointer belongs${advice}`);
    }
    return { target: at + WORD_BYTES + (low >> 2) * WORD_BYTES, high };
  }

  #checkBounds(at: number, bytes: number): void {
    if (at < 0 || at + bytes > this.bytes.length) {
      throw new LensError("lens.invalid", `${bytes} bytes at ${at} are not within the segment's ${this.bytes.length}`);
    }
  }
}

export function structPlace(at: number, dataWords: number, pointerCount: number): StructPlace {
  const dataBytes = dataWords * WORD_BYTES;
  return { dataAt: at, dataBytes, pointersAt: at + dataBytes, pointerCount };
}

/** The one segment, which must be all that the bytes hold. */
function segment(bytes: Uint8Array): Uint8Array {
  if (bytes.byteOffset % WORD_BYTES !== 0) {
    // One that is refused natively is refused here, although this lens could read it.
    throw new LensError("lens.unaligned", "a message starts at a multiple of 8 bytes; copy it to one");
  }
  if (bytes.length < WORD_BYTES) {
    throw new LensError("lens.short", `${bytes.length} bytes are no message, which has ${WORD_BYTES} at least`);
  }
  const head = new DataView(bytes.buffer, bytes.byteOffset, WORD_BYTES);
  const [more, words] = [head.getUint32(0, true), head.getUint32(4, true)];
  if (more !== 0) {
    throw new LensError("lens.segments", `a message is one segment, this one says ${more + 1}; write it in one`);
  }
  const found = bytes.length - WORD_BYTES;
  if (words * WORD_BYTES !== found) {
    throw new LensError("lens.length", `the head says that ${words * WORD_BYTES} bytes follow, ${found} do`);
  }
  return bytes.subarray(WORD_BYTES);
}
