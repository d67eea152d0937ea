import { readdirSync, readFileSync } from "node:fs";
import { Data } from "capnp-es";
import * as builder from "../src/builder/data.js";
import { encode, setData } from "../src/builder/encode.js";
import * as lens from "../src/lens/data.js";
import { Elements } from "../src/lens/list.js";
import { StructLens, type StructType } from "../src/lens/struct.js";
import { fieldsOf } from "../src/lens/validate.js";

/** Next to this package, both in the sources and in `build/`. */
export const VECTORS = new URL("../../../../schema/vectors/data/", import.meta.url);

export type Json = string | number | boolean | Json[] | { [name: string]: Json };

/** What a file's `.json` says of it. */
export interface Described {
  readonly type: keyof typeof builder & keyof typeof lens;
  readonly typeId: number;
  readonly value: { [name: string]: Json };
}

const LANGUAGES = /^(go|python|typescript|later)-/;

/** The names of all messages, without `.bin`, those that other languages wrote included. */
export function vectorNames(): string[] {
  return readdirSync(VECTORS).filter((name) => name.endsWith(".bin")).map((name) => name.slice(0, -4));
}

/** Those of which every language writes its own; the canonical form of a value is no other value. */
export function valueNames(): string[] {
  return vectorNames().filter((name) => !LANGUAGES.test(name) && !name.endsWith("-canonical"));
}

/** The value is the same whoever wrote it. */
export function describe(name: string): Described {
  return JSON.parse(readFileSync(new URL(`${name.replace(LANGUAGES, "")}.json`, VECTORS), "utf8"));
}

export function readVector(name: string): Uint8Array {
  return readFileSync(new URL(`${name}.bin`, VECTORS));
}

export function typeOf(described: { type: string }): StructType<StructLens> {
  return lens[described.type as keyof typeof lens] as never;
}

/** A lens as the JSON of the vectors: 64 bits as decimal text, data as hexadecimal. */
export function show(value: unknown): Json {
  if (value instanceof StructLens) {
    return Object.fromEntries(fieldsOf(value).map((field) => [field, show(value[field as keyof StructLens])]));
  }
  if (value instanceof Elements) {
    return Array.from(value, show);
  }
  if (value instanceof Uint8Array) {
    return Buffer.from(value).toString("hex");
  }
  return typeof value === "bigint" ? value.toString() : (value as Json);
}

/** Writes a described value with capnp-es. The last field comes first, as no other writer has it. */
export function write(described: Described): Uint8Array {
  const type = builder[described.type] as never;
  return encode(type, (root) => fill(root, described.value, typeOf(described)));
}

function fill(target: any, value: { [name: string]: Json }, type: StructType<StructLens>): void {
  for (const field of [...type.FIELDS].reverse()) {
    setField(target, field, value[field] as Json, type);
  }
}

function setField(target: any, field: string, value: Json, type: StructType<StructLens>): void {
  const init = (length?: number) => target[`_init${field[0]?.toUpperCase()}${field.slice(1)}`](length);
  if (Array.isArray(value)) {
    const list = value.length > 0 ? init(value.length) : [];
    value.forEach((element, index) => setElement(list, index, element));
  } else if (typeof value === "object") {
    fill(init(), value, typeOf({ type: target[field].constructor.name }));
  } else if (field === "elementType" || field === "finishReason") {
    const names: readonly string[] = type === (lens.Tensor as unknown) ? lens.ELEMENT_TYPE_NAMES : lens.FINISH_REASON_NAMES;
    target[field] = names.indexOf(value as string);
  } else if (typeof target[`_init${field[0]?.toUpperCase()}${field.slice(1)}`] === "function") {
    init(String(value).length / 2).copyBuffer(Buffer.from(value as string, "hex"));
  } else {
    target[field] = typeof target[field] === "bigint" ? BigInt(value) : value;
  }
}

function setElement(list: any, index: number, value: Json): void {
  const element = list.get(index);
  if (typeof value === "object") {
    fill(element, value as { [name: string]: Json }, typeOf({ type: element.constructor.name }));
  } else if (element instanceof Data) {
    setData(list, index, Buffer.from(value as string, "hex"));
  } else {
    list.set(index, typeof element === "bigint" ? BigInt(value) : value);
  }
}
