/** The Cell over a SharedArrayBuffer, and lenses on the messages of the data plane. */
export * as constants from "./cell.js";
export { Arena, type ArenaQuota } from "./map/arena.js";
export { BUFFER_REGION, HostCell, PeerCell, type Tier, TIERS } from "./map/cell.js";
export type { Epochs, Side } from "./map/epochs.js";
export { CellError, type CellErrorCode } from "./map/error.js";
export { checkHandle, type Handle, type HandleBounds, NO_HANDLE } from "./map/handle.js";
export type { Health, HealthState } from "./map/health.js";
export type { FinishedJob } from "./map/history.js";
export type { Pattern, PatternKind } from "./map/patterns.js";
export type { PingPongBuffer } from "./map/ping_pong.js";
export type { Module } from "./map/registry.js";
export type { RingReader, RingRecord, RingWriter } from "./map/ring.js";
export type { Syscall, SyscallState } from "./map/syscalls.js";
