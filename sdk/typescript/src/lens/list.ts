import { LensError } from "./error.js";
import { type ListPlace, Message, structPlace, WORD_BYTES } from "./message.js";
import { exactly, type StructType } from "./struct.js";

const BYTE = 2;
const WORD_4 = 4;
const WORD_8 = 5;
const POINTER = 6;
const COMPOSITE = 7;

const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Elements of one type, each read when it is asked for. */
export class Elements<T> implements Iterable<T> {
  readonly length: number;
  readonly #get: (index: number) => T;

  constructor(length: number, get: (index: number) => T) {
    this.length = length;
    this.#get = get;
  }

  at(index: number): T {
    if (!Number.isInteger(index) || index < 0 || index >= this.length) {
      throw new RangeError(`element ${index} of a list with ${this.length}`);
    }
    return this.#get(index);
  }

  *[Symbol.iterator](): Generator<T> {
    for (let index = 0; index < this.length; index += 1) {
      yield this.#get(index);
    }
  }
}

/** A list in place, before it is known what of. */
export class List {
  readonly #message: Message;
  readonly #place: ListPlace | undefined;
  readonly #depthLeft: number;

  constructor(message: Message, place: ListPlace | undefined, depthLeft: number) {
    this.#message = message;
    this.#place = place;
    this.#depthLeft = depthLeft;
  }

  u32(): Elements<number> {
    const { at, count } = this.#of(WORD_4);
    return new Elements(count, (index) => this.#message.view.getUint32(at + index * 4, true));
  }

  u64(): Elements<bigint> {
    const { at, count } = this.#of(WORD_8);
    return new Elements(count, (index) => this.#message.view.getBigUint64(at + index * 8, true));
  }

  text(): Elements<string> {
    const { at, count } = this.#of(POINTER);
    return new Elements(count, (index) => textOf(this.#message, at + index * WORD_BYTES));
  }

  data(): Elements<Uint8Array> {
    const { at, count } = this.#of(POINTER);
    return new Elements(count, (index) => dataOf(this.#message, at + index * WORD_BYTES));
  }

  exactly(bytes: number): Elements<Uint8Array> {
    const data = this.data();
    return new Elements(data.length, (index) => exactly(data.at(index), bytes));
  }

  structs<T>(type: StructType<T>): Elements<T> {
    const { at, count, struct } = this.#of(COMPOSITE);
    const [dataWords, pointerCount] = [struct?.dataWords ?? 0, struct?.pointerCount ?? 0];
    const bytesEach = (dataWords + pointerCount) * WORD_BYTES;
    return new Elements(count, (index) => {
      return new type(this.#message, structPlace(at + index * bytesEach, dataWords, pointerCount), this.#depthLeft);
    });
  }

  #of(elementSize: number): ListPlace {
    const place = this.#place ?? { at: 0, count: 0, elementSize, struct: undefined };
    checkElements(place, elementSize);
    return place;
  }
}

/** Fields are never retyped, so a list has exactly the elements that the schema says. */
function checkElements(place: ListPlace, elementSize: number): void {
  if (place.elementSize !== elementSize) {
    throw new LensError("lens.invalid", `a list of elements of size code ${place.elementSize} where ${elementSize} belongs`);
  }
}

/** The bytes that a pointer leads to, in place. */
export function dataOf(message: Message, pointerAt: number): Uint8Array {
  const place = message.list(pointerAt);
  if (place === undefined) {
    return new Uint8Array(0);
  }
  checkElements(place, BYTE);
  return message.bytes.subarray(place.at, place.at + place.count);
}

/** A text, which ends with a zero that is not a part of it. A string is always a copy. */
export function textOf(message: Message, pointerAt: number): string {
  const place = message.list(pointerAt);
  if (place === undefined) {
    return "";
  }
  checkElements(place, BYTE);
  // Copied before it is looked at: a decoder takes no shared memory, and what is checked is what is used.
  const bytes = message.bytes.slice(place.at, place.at + place.count);
  if (bytes.at(-1) !== 0) {
    throw new LensError("lens.invalid", `a text of ${bytes.length} bytes that does not end with a zero`);
  }
  try {
    return DECODER.decode(bytes.subarray(0, -1));
  } catch {
    throw new LensError("lens.invalid", `a text of ${bytes.length} bytes that is not UTF-8`);
  }
}
