import { LensError } from "./error.js";
import { dataOf, List, textOf } from "./list.js";
import { DEFAULT_LIMITS, type LensLimits, Message, type StructPlace, structPlace, WORD_BYTES } from "./message.js";

const EMPTY: StructPlace = structPlace(0, 0, 0);

/** What a generated class is made by. */
export interface StructType<T> {
  /** The names of its fields, in the order of the schema. */
  readonly FIELDS: readonly string[];
  new (message: Message, place: StructPlace, depthLeft: number): T;
}

/** A struct in place. A field that the writer didn't know is what it is by default: 0 or empty. */
export class StructLens {
  readonly #message: Message;
  readonly #place: StructPlace;
  readonly #depthLeft: number;

  constructor(message: Message, place: StructPlace, depthLeft: number) {
    this.#message = message;
    this.#place = place;
    this.#depthLeft = depthLeft;
  }

  protected readBool(bit: number): boolean {
    const at = this.#data(bit >>> 3, 1);
    return at !== undefined && (this.#message.view.getUint8(at) & (1 << (bit & 7))) !== 0;
  }

  protected readU8(offset: number): number {
    const at = this.#data(offset, 1);
    return at === undefined ? 0 : this.#message.view.getUint8(at);
  }

  protected readU16(offset: number): number {
    const at = this.#data(offset, 2);
    return at === undefined ? 0 : this.#message.view.getUint16(at, true);
  }

  protected readU32(offset: number): number {
    const at = this.#data(offset, 4);
    return at === undefined ? 0 : this.#message.view.getUint32(at, true);
  }

  protected readU64(offset: number): bigint {
    const at = this.#data(offset, 8);
    return at === undefined ? 0n : this.#message.view.getBigUint64(at, true);
  }

  protected readF32(offset: number): number {
    const at = this.#data(offset, 4);
    return at === undefined ? 0 : this.#message.view.getFloat32(at, true);
  }

  protected readF64(offset: number): number {
    const at = this.#data(offset, 8);
    return at === undefined ? 0 : this.#message.view.getFloat64(at, true);
  }

  /** An enumerant by its name; a number that this schema has no name for is refused. */
  protected readEnumerant<Name extends string>(offset: number, names: readonly Name[]): Name {
    const number = this.readU16(offset);
    const name = names[number];
    if (name === undefined) {
      throw new LensError("lens.invalid", `enumerant ${number}; the schema has ${names.length}`);
    }
    return name;
  }

  protected readText(index: number): string {
    const at = this.#pointer(index);
    return at === undefined ? "" : textOf(this.#message, at);
  }

  protected readData(index: number): Uint8Array {
    const at = this.#pointer(index);
    return at === undefined ? new Uint8Array(0) : dataOf(this.#message, at);
  }

  /** Data of one length, such as a digest; none at all is read as zeros. */
  protected readExactly(index: number, bytes: number): Uint8Array {
    return exactly(this.readData(index), bytes);
  }

  protected readStruct<T>(index: number, type: StructType<T>): T {
    const at = this.#pointer(index);
    const place = at === undefined ? undefined : this.#message.struct(at);
    return new type(this.#message, place ?? EMPTY, this.#deeper());
  }

  protected readList(index: number): List {
    const at = this.#pointer(index);
    return new List(this.#message, at === undefined ? undefined : this.#message.list(at), this.#deeper());
  }

  #deeper(): number {
    if (this.#depthLeft === 0) {
      throw new LensError("lens.invalid", `a value lies deeper than ${this.#message.depthMax} pointers`);
    }
    return this.#depthLeft - 1;
  }

  #data(offset: number, bytes: number): number | undefined {
    return offset + bytes <= this.#place.dataBytes ? this.#place.dataAt + offset : undefined;
  }

  #pointer(index: number): number | undefined {
    return index < this.#place.pointerCount ? this.#place.pointersAt + index * WORD_BYTES : undefined;
  }
}

export function exactly(data: Uint8Array, bytes: number): Uint8Array {
  if (data.length === 0) {
    return new Uint8Array(bytes);
  }
  if (data.length !== bytes) {
    throw new LensError("lens.invalid", `${data.length} bytes of data where the schema has exactly ${bytes}`);
  }
  return data;
}

/** Opens a message whose root is of this type, in place: the bytes are neither copied nor changed. */
export function open<T>(type: StructType<T>, bytes: Uint8Array, limits: Partial<LensLimits> = {}): T {
  const message = new Message(bytes, { ...DEFAULT_LIMITS, ...limits });
  const root = message.struct(0);
  return new type(message, root ?? EMPTY, message.depthMax - 1);
}
