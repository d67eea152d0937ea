import * as cell from "../cell.js";
import { CellError } from "./error.js";
import { Deadline, type SharedMemory } from "./memory.js";

/** The two parties of a Cell. */
export type Side = "host" | "peer";

const PEER_EPOCHS: ReadonlySet<number> = new Set([
  cell.EPOCH_OUTBOX,
  cell.EPOCH_HEALTH_PEER,
  cell.EPOCH_SYSCALL,
  cell.EPOCH_PING_PONG,
]);

/** Counters that only grow, each raised by one side, that anyone may wait on. */
export class Epochs {
  readonly #memory: SharedMemory;
  readonly #at: number;
  readonly side: Side;

  constructor(memory: SharedMemory, base: number, side: Side) {
    this.#memory = memory;
    this.#at = base + cell.EPOCHS_OFFSET;
    this.side = side;
  }

  load(epoch: number): number {
    return this.#memory.load(this.#place(epoch));
  }

  /** Adds one, wrapping, and wakes whoever waits; returns the new value. */
  raise(epoch: number): number {
    const place = this.#place(epoch);
    if (!this.#mayRaise(epoch)) {
      throw new CellError("side.wrong", `epoch ${epoch} is not raised by the ${this.side}`);
    }
    const raised = this.#memory.increment(place);
    this.#memory.notify(place);
    return raised;
  }

  /** Sleeps until the epoch is not `seen` any more; false when the time has passed before. */
  wait(epoch: number, seen: number, timeoutMs: number): boolean {
    return this.#memory.wait(this.#place(epoch), seen, new Deadline(timeoutMs));
  }

  #mayRaise(epoch: number): boolean {
    if (epoch >= cell.EPOCH_MODULES_FIRST) {
      return true;
    }
    const isNamed = epoch <= cell.EPOCH_SHUTDOWN;
    return isNamed && PEER_EPOCHS.has(epoch) === (this.side === "peer");
  }

  #place(epoch: number): number {
    if (!Number.isInteger(epoch) || epoch < 0 || epoch >= cell.EPOCH_COUNT) {
      throw new CellError("argument.invalid", `epoch ${epoch}; there are ${cell.EPOCH_COUNT}`);
    }
    return this.#at + epoch * cell.EPOCH_BYTES;
  }
}
