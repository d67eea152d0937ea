/** What can be wrong with a message, each with a stable name. */
export type LensErrorCode =
  | "lens.invalid"
  | "lens.length"
  | "lens.segments"
  | "lens.short"
  | "lens.unaligned"
  | "tensor.length"
  | "tensor.shape";

/** One sentence with the value that was wrong, and a name for programs. */
export class LensError extends Error {
  readonly code: LensErrorCode;

  constructor(code: LensErrorCode, message: string) {
    super(message);
    this.name = "LensError";
    this.code = code;
  }
}
