/**
 * One side is stopped before each of its accesses to the shared memory in turn, and the other does
 * all of its part in between. Threads meet at few of these points; here each is met.
 */
import assert from "node:assert/strict";
import { SharedMemory } from "../src/map/memory.js";

/** Calls `interrupt` before the access that `countdown` says. */
export class SteppedMemory extends SharedMemory {
  countdown = Infinity;
  interrupt: () => void = () => {};

  #step(): void {
    this.countdown -= 1;
    if (this.countdown < 0) {
      this.countdown = Infinity;
      this.interrupt();
    }
  }

  override load(at: number): number {
    this.#step();
    return super.load(at);
  }

  override store(at: number, value: number): void {
    this.#step();
    super.store(at, value);
  }

  override increment(at: number): number {
    this.#step();
    return super.increment(at);
  }

  override loadLong(at: number): bigint {
    this.#step();
    return super.loadLong(at);
  }

  override storeLong(at: number, value: bigint): void {
    this.#step();
    super.storeLong(at, value);
  }
}

export const MAP_BYTES = 0x50000;

/** Runs `round` with an interruption before each access in turn, until none is left; returns how many there were. */
export function atEachStep(round: (interruptAt: number) => boolean): number {
  let steps = 0;
  while (round(steps)) {
    steps += 1;
    assert.ok(steps < 10_000);
  }
  return steps;
}

export function memories(): { plain: SharedMemory; stepped: SteppedMemory } {
  const buffer = new SharedArrayBuffer(MAP_BYTES);
  return { plain: new SharedMemory(buffer), stepped: new SteppedMemory(buffer) };
}
