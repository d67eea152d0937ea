/**
 * Leases of the arena: who holds what is in the owner's private tables, never in the shared memory.
 *
 * The extent that was freed last is handed out first, since its pages are the likeliest to be warm.
 */
import * as cell from "../cell.js";
import { CellError } from "./error.js";
import { checkHandle, type Handle, type HandleBounds } from "./handle.js";
import { checkU32 } from "./table.js";

/** How much may be leased at once. */
export interface ArenaQuota {
  readonly bytesMax: number;
  readonly leasesMax: number;
}

interface Extent {
  readonly offset: number;
  readonly bytes: number;
}

interface Lease extends Extent {
  readonly handle: Handle;
}

/** Hands out parts of the arena; there is one for each arena, on its owner's side. */
export class Arena {
  readonly bounds: HandleBounds;
  readonly #quota: ArenaQuota;
  readonly #leases = new Map<number, Lease>();
  /** The one that was freed last is at the end. No two overlap. */
  #free: Extent[];
  #generation = 0;
  #bytesLeased = 0;

  constructor(bounds: HandleBounds, quota: Partial<ArenaQuota> = {}) {
    const start = roundUp(bounds.start);
    this.bounds = bounds;
    this.#free = [{ offset: start, bytes: Math.max(0, roundDown(bounds.end) - start) }];
    this.#quota = { bytesMax: quota.bytesMax ?? Infinity, leasesMax: quota.leasesMax ?? 4096 };
  }

  get bytesLeased(): number {
    return this.#bytesLeased;
  }

  /** Leases at least `length` bytes. The handle says `length`; no other lease shares a page with it. */
  lease(length: number, typeId = 0): Handle {
    if (!Number.isSafeInteger(length) || length < 1) {
      throw new CellError("argument.invalid", `a lease of ${length} bytes; at least 1 is needed`);
    }
    checkU32("a type id", typeId);
    const bytes = roundUp(length);
    this.#checkQuota(bytes);
    const offset = this.#take(bytes) ?? this.#takeMerged(bytes);
    this.#generation = (this.#generation + 1) >>> 0;
    const { region } = this.bounds;
    const handle = { region, generation: this.#generation, typeId, offset: BigInt(offset), length: BigInt(length) };
    this.#leases.set(offset, { offset, bytes, handle });
    this.#bytesLeased += bytes;
    return handle;
  }

  /** Gives a lease back; false when it is not live, so that a late or second return does nothing. */
  release(handle: Handle): boolean {
    const lease = this.#find(handle);
    if (lease === undefined) {
      return false;
    }
    this.#leases.delete(lease.offset);
    this.#bytesLeased -= lease.bytes;
    this.#free.push({ offset: lease.offset, bytes: lease.bytes });
    return true;
  }

  /** Where a handle's bytes lie, if it is a live lease or its beginning. */
  check(handle: Handle): { offset: number; length: number } {
    const place = checkHandle(handle, this.bounds);
    if (this.#find(handle) === undefined) {
      throw new CellError("handle.stale", `no live lease of generation ${handle.generation} at ${handle.offset} has ${handle.length} bytes`);
    }
    return place;
  }

  #find(handle: Handle): Lease | undefined {
    const lease = handle.region === this.bounds.region ? this.#leases.get(Number(handle.offset)) : undefined;
    const isLive = lease?.handle.generation === handle.generation && handle.length <= BigInt(lease.bytes);
    return isLive ? lease : undefined;
  }

  #checkQuota(bytes: number): void {
    if (this.#leases.size >= this.#quota.leasesMax) {
      throw new CellError("quota.memory", `${this.#leases.size} leases are live, which is the most; give one back`);
    }
    if (this.#bytesLeased + bytes > this.#quota.bytesMax) {
      throw new CellError("quota.memory", `${this.#bytesLeased} bytes are leased; ${bytes} more are over the quota of ${this.#quota.bytesMax}`);
    }
  }

  /** Cuts the bytes off the extent that was freed last among those that are large enough. */
  #take(bytes: number): number | undefined {
    const index = this.#free.findLastIndex((extent) => extent.bytes >= bytes);
    const extent = this.#free[index];
    if (extent === undefined) {
      return undefined;
    }
    const rest = { offset: extent.offset + bytes, bytes: extent.bytes - bytes };
    this.#free.splice(index, 1, ...(rest.bytes > 0 ? [rest] : []));
    return extent.offset;
  }

  /** Joins neighbours and tries once more. */
  #takeMerged(bytes: number): number {
    const merged: Extent[] = [];
    for (const extent of this.#free.sort((a, b) => a.offset - b.offset)) {
      const last = merged.at(-1);
      if (last !== undefined && last.offset + last.bytes === extent.offset) {
        merged[merged.length - 1] = { offset: last.offset, bytes: last.bytes + extent.bytes };
      } else {
        merged.push(extent);
      }
    }
    this.#free = merged;
    const offset = this.#take(bytes);
    if (offset === undefined) {
      const longest = Math.max(0, ...merged.map((extent) => extent.bytes));
      throw new CellError("arena.full", `no ${bytes} bytes in one piece are free; the longest piece has ${longest}`);
    }
    return offset;
  }
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / cell.LEASE_ALIGN_BYTES) * cell.LEASE_ALIGN_BYTES;
}

function roundDown(bytes: number): number {
  return Math.floor(bytes / cell.LEASE_ALIGN_BYTES) * cell.LEASE_ALIGN_BYTES;
}
