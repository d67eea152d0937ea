import { randomInt } from "node:crypto";

/** Random numbers that a seed decides. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A u32 (mulberry32). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** From 0 up to, not including, `end`. */
  below(end: number): number {
    return Math.floor((this.next() / 2 ** 32) * end);
  }

  bytes(count: number): Uint8Array {
    const bytes = new Uint8Array(count);
    const words = new Uint32Array(bytes.buffer, 0, count >>> 2);
    for (let index = 0; index < words.length; index += 1) {
      words[index] = this.next();
    }
    for (let index = words.length * 4; index < count; index += 1) {
      bytes[index] = this.next();
    }
    return bytes;
  }
}

/** A new seed, or the one in IOI_SEED; printed, so that a failure can be run again. */
export function newSeed(what: string): number {
  const seed = process.env.IOI_SEED === undefined ? randomInt(2 ** 32) : Number(process.env.IOI_SEED);
  console.log(`${what}: IOI_SEED=${seed}`);
  return seed;
}

/** What one side sends, as the other side expects it: the model of a ring is this very list. */
export function* recordStream(seed: number, count: number, payloadMax: number): Generator<{ msgId: number; payload: Uint8Array }> {
  const random = new Random(seed);
  for (let sent = 0; sent < count; sent += 1) {
    const kind = random.below(100);
    const bound = kind < 50 ? 65 : kind < 80 ? 4097 : kind < 96 ? 20_001 : payloadMax + 1;
    yield { msgId: random.next(), payload: random.bytes(random.below(Math.min(bound, payloadMax + 1))) };
  }
}
