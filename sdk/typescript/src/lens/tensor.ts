import { LensError } from "./error.js";
import type { ElementType, Tensor } from "./data.js";

const ELEMENT_BYTES: Record<ElementType, number> = {
  f32: 4, f16: 2, bf16: 2, f64: 8, i8: 1, i16: 2, i32: 4, i64: 8, u8: 1, u16: 2, u32: 4, u64: 8,
};

/** The tensor's data, in place, if they are as long as its shape and its elements say. */
export function tensorBytes(tensor: Tensor): Uint8Array {
  const { data } = tensor;
  const shape = [...tensor.shape];
  // Big integers don't wrap, and no factor makes a product of 0 anything else.
  const bytes = shape.reduce((product, size) => product * size, BigInt(ELEMENT_BYTES[tensor.elementType]));
  if (bytes !== BigInt(data.length)) {
    const what = `${data.length} bytes of data for a shape of ${shape.join(" x ") || "one element"} in ${tensor.elementType}`;
    throw new LensError("tensor.length", `${what}, which takes ${bytes}`);
  }
  return data;
}
