import { LensError } from "./error.js";
import type { ElementType, Tensor } from "./data.js";

const ELEMENT_BYTES: Record<ElementType, number> = {
  f32: 4, f16: 2, bf16: 2, f64: 8, i8: 1, i16: 2, i32: 4, i64: 8, u8: 1, u16: 2, u32: 4, u64: 8,
};

const BYTES_MAX = 0xffff_ffff_ffff_ffffn;

/** The tensor's data, in place, if they are as long as its shape and its elements say. */
export function tensorBytes(tensor: Tensor): Uint8Array {
  const { data, elementType } = tensor;
  const bytes = shapeBytes(tensor.shape, BigInt(ELEMENT_BYTES[elementType]));
  if (bytes !== BigInt(data.length)) {
    throw new LensError("tensor.length", `shape and ${elementType} say ${bytes} bytes, the data are ${data.length}`);
  }
  return data;
}

/**
 * What elements of this size take in this shape; one element where the shape is empty. A dimension
 * of 0 makes it 0, wherever it stands. The product never grows beyond a u64 and one factor more, so
 * that each step takes the same time.
 */
function shapeBytes(shape: Iterable<bigint>, elementBytes: bigint): bigint {
  let product = elementBytes;
  for (const size of shape) {
    if (size === 0n) {
      return 0n;
    }
    if (product <= BYTES_MAX) {
      product *= size;
    }
  }
  if (product > BYTES_MAX) {
    throw new LensError("tensor.shape", "the shape's product is larger than any memory");
  }
  return product;
}
