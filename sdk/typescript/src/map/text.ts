import { CellError } from "./error.js";

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** A name as a fixed number of bytes: UTF-8 with zeros behind it. */
export function encodeName(name: string, bytes: number): Uint8Array {
  const encoded = ENCODER.encode(name);
  if (encoded.length === 0 || encoded.length > bytes || encoded.includes(0)) {
    throw new CellError("argument.invalid", `the name ${JSON.stringify(name)}; 1 to ${bytes} bytes of UTF-8 without zeros are needed`);
  }
  const padded = new Uint8Array(bytes);
  padded.set(encoded);
  return padded;
}

/** The name in zero-padded bytes. Anything behind the first zero but zeros is refused. */
export function decodeName(padded: Uint8Array): string {
  const end = padded.indexOf(0);
  const name = end < 0 ? padded : padded.subarray(0, end);
  if (end >= 0 && padded.subarray(end).some((byte) => byte !== 0)) {
    throw new CellError("entry.invalid", "a name has bytes behind its end");
  }
  if (name.length === 0) {
    throw new CellError("entry.invalid", "an entry has no name");
  }
  try {
    return DECODER.decode(name);
  } catch {
    throw new CellError("entry.invalid", "a name is not UTF-8");
  }
}
