import * as cell from "../cell.js";
import { CellError } from "./error.js";
import { checkU32, checkU64 } from "./table.js";

/** A part of a region, as plain data. */
export interface Handle {
  readonly region: bigint;
  readonly generation: number;
  readonly typeId: number;
  readonly offset: bigint;
  readonly length: bigint;
}

/** Writes the 32 bytes of a handle. */
export function writeHandle(record: DataView, at: number, handle: Handle): void {
  record.setBigUint64(at + cell.HANDLE_REGION_OFFSET, checkU64("a region", handle.region), true);
  record.setUint32(at + cell.HANDLE_GENERATION_OFFSET, checkU32("a generation", handle.generation), true);
  record.setUint32(at + cell.HANDLE_TYPE_ID_OFFSET, checkU32("a type id", handle.typeId), true);
  record.setBigUint64(at + cell.HANDLE_OFFSET_OFFSET, checkU64("an offset", handle.offset), true);
  record.setBigUint64(at + cell.HANDLE_LENGTH_OFFSET, checkU64("a length", handle.length), true);
}

/** Reads 32 bytes as a handle, whatever they say; `checkHandle` says whether it may be used. */
export function readHandle(record: DataView, at: number): Handle {
  return {
    region: record.getBigUint64(at + cell.HANDLE_REGION_OFFSET, true),
    generation: record.getUint32(at + cell.HANDLE_GENERATION_OFFSET, true),
    typeId: record.getUint32(at + cell.HANDLE_TYPE_ID_OFFSET, true),
    offset: record.getBigUint64(at + cell.HANDLE_OFFSET_OFFSET, true),
    length: record.getBigUint64(at + cell.HANDLE_LENGTH_OFFSET, true),
  };
}

/** A handle that points to nothing, for records that carry none. */
export const NO_HANDLE: Handle = { region: 0n, generation: 0, typeId: 0, offset: 0n, length: 0n };

/** The part of a region that handles may point into: from `start` up to, not including, `end`. */
export interface HandleBounds {
  readonly region: bigint;
  readonly start: number;
  readonly end: number;
}

/** Refuses a handle that is not a part of the bounds; returns where it lies. */
export function checkHandle(handle: Handle, bounds: HandleBounds): { offset: number; length: number } {
  const refuse = (why: string): never => {
    throw new CellError("handle.invalid", `a handle of ${handle.length} bytes at ${handle.offset} in region ${handle.region}: ${why}`);
  };
  if (handle.region !== bounds.region) {
    refuse(`this is region ${bounds.region}`);
  }
  if (handle.length === 0n) {
    refuse("it holds nothing");
  }
  if (handle.offset % BigInt(cell.HANDLE_ALIGN_BYTES) !== 0n) {
    refuse(`an offset is a multiple of ${cell.HANDLE_ALIGN_BYTES}`);
  }
  // Big integers don't wrap, so that this sum is the real end.
  if (handle.offset < BigInt(bounds.start) || handle.offset + handle.length > BigInt(bounds.end)) {
    refuse(`it must lie from ${bounds.start} to ${bounds.end}`);
  }
  return { offset: Number(handle.offset), length: Number(handle.length) };
}
