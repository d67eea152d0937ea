import * as cell from "../cell.js";
import { CellError } from "./error.js";
import type { Epochs, Side } from "./epochs.js";
import type { SharedMemory } from "./memory.js";
import { checkU64 } from "./table.js";

/** How a side is. */
export type HealthState = "starting" | "serving" | "degraded" | "stopping";

const STATES: readonly HealthState[] = ["starting", "serving", "degraded", "stopping"];

/** What a side says of itself. */
export interface Health {
  readonly heartbeat: number;
  readonly state: HealthState;
  /** Of its own monotonic clock. */
  readonly timeNs: bigint;
}

/** One side's health line. Only that side beats. */
export class HealthLine {
  readonly #memory: SharedMemory;
  readonly #at: number;
  readonly #side: Side;
  readonly #epochs: Epochs;

  constructor(memory: SharedMemory, base: number, side: Side, epochs: Epochs) {
    const line = side === "host" ? cell.HEADER_HEALTH_HOST : cell.HEADER_HEALTH_PEER;
    this.#memory = memory;
    this.#at = base + cell.HEADERS_OFFSET + line * cell.HEADER_LINE_BYTES;
    this.#side = side;
    this.#epochs = epochs;
  }

  beat(state: HealthState, timeNs: bigint): void {
    if (this.#epochs.side !== this.#side) {
      throw new CellError("side.wrong", `the ${this.#side}'s health line is not written by the ${this.#epochs.side}`);
    }
    this.#memory.storeLong(this.#at + cell.HEALTH_TIME_OFFSET, checkU64("a time", timeNs));
    this.#memory.store(this.#at + cell.HEALTH_STATE_OFFSET, STATES.indexOf(state));
    this.#memory.increment(this.#at + cell.HEALTH_HEARTBEAT_OFFSET);
    this.#epochs.raise(this.#side === "host" ? cell.EPOCH_HEALTH_HOST : cell.EPOCH_HEALTH_PEER);
  }

  read(): Health {
    const heartbeat = this.#memory.load(this.#at + cell.HEALTH_HEARTBEAT_OFFSET);
    const number = this.#memory.load(this.#at + cell.HEALTH_STATE_OFFSET);
    const state = STATES[number];
    if (state === undefined) {
      throw new CellError("entry.invalid", `a health state ${number}; there are ${STATES.length}`);
    }
    return { heartbeat, state, timeNs: this.#memory.loadLong(this.#at + cell.HEALTH_TIME_OFFSET) };
  }
}
