/** What can be wrong with a Cell, each with a stable name. */
export type CellErrorCode =
  | "arena.full"
  | "argument.invalid"
  | "cell.size"
  | "cell.table"
  | "entry.invalid"
  | "handle.invalid"
  | "handle.stale"
  | "quota.memory"
  | "ring.payload"
  | "ring.poisoned"
  | "side.wrong"
  | "table.full";

/** One sentence with the value that was wrong, and a name for programs. */
export class CellError extends Error {
  readonly code: CellErrorCode;

  constructor(code: CellErrorCode, message: string) {
    super(message);
    this.name = "CellError";
    this.code = code;
  }
}
