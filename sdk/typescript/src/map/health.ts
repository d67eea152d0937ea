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
    const first = new DataView(new ArrayBuffer(8));
    const heartbeat = this.#memory.load(this.#at + cell.HEALTH_HEARTBEAT_OFFSET) + 1;
    first.setUint32(cell.HEALTH_HEARTBEAT_OFFSET, heartbeat, true);
    first.setUint32(cell.HEALTH_STATE_OFFSET, STATES.indexOf(state), true);
    this.#memory.storeLong(this.#at + cell.HEALTH_TIME_OFFSET, checkU64("a time", timeNs));
    // At once, so that a state is never taken for that of another beat.
    this.#memory.storeLong(this.#at, first.getBigUint64(0, true));
    this.#epochs.raise(this.#side === "host" ? cell.EPOCH_HEALTH_HOST : cell.EPOCH_HEALTH_PEER);
  }

  /** The last beat. Its time may be that of the next one: it is for people to look at. */
  read(): Health {
    const first = new DataView(new ArrayBuffer(8));
    first.setBigUint64(0, this.#memory.loadLong(this.#at), true);
    const heartbeat = first.getUint32(cell.HEALTH_HEARTBEAT_OFFSET, true);
    const number = first.getUint32(cell.HEALTH_STATE_OFFSET, true);
    const state = STATES[number];
    if (state === undefined) {
      throw new CellError("entry.invalid", `a health state ${number}; there are ${STATES.length}`);
    }
    return { heartbeat, state, timeNs: this.#memory.loadLong(this.#at + cell.HEALTH_TIME_OFFSET) };
  }
}
