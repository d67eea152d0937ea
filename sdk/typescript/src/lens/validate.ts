import { Tensor } from "./data.js";
import { Elements } from "./list.js";
import type { LensLimits } from "./message.js";
import { open, StructLens, type StructType } from "./struct.js";
import { tensorBytes } from "./tensor.js";

/**
 * Opens a message and reads all of it once, so that nothing in it can be refused later: texts,
 * enumerants, lengths, and the data of tensors. One in which anything is reached twice is refused
 * too. Worth its time only over bytes that nobody can write any more.
 */
export function validate<T extends StructLens>(type: StructType<T>, bytes: Uint8Array, limits: Partial<LensLimits> = {}): T {
  walk(open(type, bytes, { ...limits, traversalsMax: 1 }));
  return open(type, bytes, limits);
}

function walk(value: unknown): void {
  if (value instanceof Elements) {
    for (const element of value) {
      walk(element);
    }
  } else if (value instanceof Tensor) {
    tensorBytes(value);
  } else if (value instanceof StructLens) {
    for (const field of fieldsOf(value)) {
      walk(value[field as keyof StructLens]);
    }
  }
}

/** The names of the fields that a lens has. */
export function fieldsOf(lens: StructLens): readonly string[] {
  return (lens.constructor as StructType<StructLens>).FIELDS;
}
