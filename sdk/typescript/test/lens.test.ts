import assert from "node:assert/strict";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { Message } from "capnp-es";
import * as builder from "../src/builder/data.js";
import { encode } from "../src/builder/encode.js";
import * as constants from "../src/cell.js";
import * as lens from "../src/lens/data.js";
import { LensError } from "../src/lens/error.js";
import { Elements } from "../src/lens/list.js";
import { open, StructLens, type StructType } from "../src/lens/struct.js";
import { tensorBytes } from "../src/lens/tensor.js";
import { fieldsOf, validate } from "../src/lens/validate.js";
import { newSeed, Random } from "./random.js";
import { describe, readVector, show, typeOf, valueNames, vectorNames, VECTORS, write } from "./vectors.js";

/** A copy that nobody else has, such as a message in the middle of a region. */
function placed(bytes: Uint8Array, buffer: ArrayBuffer | SharedArrayBuffer): Uint8Array {
  const at = new Uint8Array(buffer, 4096, bytes.length);
  at.set(bytes);
  return at;
}

/** Every piece of data that a lens hands out. */
function* dataIn(value: unknown): Generator<Uint8Array> {
  if (value instanceof Uint8Array) {
    yield value;
  } else if (value instanceof Elements) {
    for (const element of value) yield* dataIn(element);
  } else if (value instanceof StructLens) {
    for (const field of fieldsOf(value)) yield* dataIn(value[field as keyof StructLens]);
  }
}

const NAMES = vectorNames();

test("there are vectors of every type, and of every language that writes some", () => {
  const types = new Set(NAMES.map((name) => describe(name).type));
  const known = Object.entries(lens).filter(([, type]) => typeof type === "function").map(([name]) => name);
  assert.deepEqual([...types].sort(), known.sort());
  for (const language of ["go-", "python-", "typescript-"]) {
    const written = NAMES.filter((name) => name.startsWith(language));
    assert.deepEqual(written.sort(), valueNames().map((name) => language + name).sort());
  }
  assert.ok(valueNames().length >= 17);
});

for (const name of NAMES) {
  test(`${name} shows every field as described, in place`, () => {
    const described = describe(name);
    const original = readVector(name);
    for (const buffer of [new ArrayBuffer(16384), new SharedArrayBuffer(16384)]) {
      const bytes = placed(original, buffer);
      const root = validate(typeOf(described), bytes);
      assert.deepEqual(show(root), described.value);
      for (const data of dataIn(root)) {
        const isZeros = data.every((byte) => byte === 0);
        assert.ok(data.buffer === buffer || isZeros, "data were copied");
      }
      assert.deepEqual(Buffer.from(bytes), Buffer.from(original), "reading has changed the message");
    }
    const constant = `TYPE_ID_${described.type.replace(/(?<=[a-z])([A-Z])/g, "_$1").toUpperCase()}`;
    assert.equal(constants[constant as keyof typeof constants], described.typeId);
  });
}

for (const name of valueNames()) {
  test(`typescript-${name} is what is written now`, () => {
    const place = new URL(`typescript-${name}.bin`, VECTORS);
    const written = write(describe(name));
    // A changed file is a changed format, so it is only done on purpose.
    if (process.env.IOI_WRITE_VECTORS !== undefined) {
      writeFileSync(place, written);
    }
    assert.deepEqual(Buffer.from(written), readFileSync(place));
  });
}

const BAD: { file: string; type: string; says: string }[] = JSON.parse(readFileSync(new URL("bad/index.json", VECTORS), "utf8"));

for (const { file, type, says } of BAD) {
  test(`${file} is refused`, () => {
    const bytes = new Uint8Array(readFileSync(new URL(`bad/${file}`, VECTORS)));
    // Where the other lens's words have no code of their own, ours is the general one.
    const code = /^(lens|tensor)\.[a-z]+/.exec(says)?.[0] ?? "lens.invalid";
    const message = says.endsWith("limit") ? /read limit/ : /./;
    assert.throws(() => validate(typeOf({ type }), bytes), { name: "LensError", code, message });
  });
}

test("the bad messages are all there", () => {
  const files = readdirSync(new URL("bad/", VECTORS)).filter((name) => name.endsWith(".bin"));
  assert.deepEqual(BAD.map(({ file }) => file).sort(), files.sort());
  assert.ok(files.length >= 30);
});

/** Shapes of bytes, how many data there are, and what is refused. */
const SHAPES: [string, bigint[], number, string | undefined][] = [
  ["0 after a product of 2^80", [2n ** 40n, 2n ** 40n, 0n], 0, undefined],
  ["0 before a product of 2^80", [0n, 2n ** 40n, 2n ** 40n], 0, undefined],
  ["0 within a product of 2^80", [2n ** 40n, 0n, 2n ** 40n], 0, undefined],
  ["0 after a product of 2^80 with data", [2n ** 40n, 2n ** 40n, 0n], 1, "tensor.length"],
  ["2^64 - 1", [2n ** 64n - 1n], 0, "tensor.length"],
  ["2^64", [2n ** 32n, 2n ** 32n], 0, "tensor.shape"],
  ["2^64 and then 1", [2n ** 63n, 2n, 1n], 0, "tensor.shape"],
  ["100,000 times 2^63", new Array(100_000).fill(2n ** 63n), 0, "tensor.shape"],
  ["100,000 times 2^63 and 0", [...new Array(100_000).fill(2n ** 63n), 0n], 0, undefined],
];

for (const [name, shape, dataBytes, code] of SHAPES) {
  test(`a shape of ${name} is ${code ?? "taken"}, in bounded words`, () => {
    const bytes = encode(builder.Tensor, (tensor) => {
      tensor.elementType = builder.ElementType.U8;
      const sizes = tensor._initShape(shape.length);
      shape.forEach((size, index) => sizes.set(index, size));
      tensor._initData(dataBytes);
    });
    if (code === undefined) {
      assert.equal(tensorBytes(validate(lens.Tensor, bytes)).length, dataBytes);
    } else {
      assert.throws(() => validate(lens.Tensor, bytes), { name: "LensError", code, message: /^.{1,200}$/ });
    }
  });
}

test("a message that starts elsewhere than at a multiple of 8 is refused", () => {
  const message = readVector("envelope");
  const room = new Uint8Array(message.length + 8);
  for (let shift = 1; shift < 8; shift += 1) {
    room.set(message, shift);
    const bytes = room.subarray(shift, shift + message.length);
    assert.throws(() => open(lens.Envelope, bytes), { code: "lens.unaligned" });
    assert.throws(() => validate(lens.Envelope, bytes), { code: "lens.unaligned" });
  }
});

test("a message is not read deeper than the limit", () => {
  const bytes = new Uint8Array(readVector("context_slice"));
  // Slice, proof, leaf list, path list, digest: five pointers.
  assert.ok(validate(lens.ContextSlice, bytes, { depthMax: 5 }));
  for (const depthMax of [1, 2, 3]) {
    assert.throws(() => validate(lens.ContextSlice, bytes, { depthMax }), { code: "lens.invalid", message: /deeper than/ });
  }
});

test("a message is walked eight times and no ninth time through one lens", () => {
  const bytes = new Uint8Array(readVector("context_slice"));
  const slice = open(lens.ContextSlice, bytes);
  const walk = () => show(slice);
  for (let time = 0; time < 8; time += 1) walk();
  assert.throws(() => { for (let time = 0; time < 8; time += 1) walk(); }, { code: "lens.invalid", message: /read limit/ });
});

test("whatever is changed or cut in a message, it is read or refused with a lens's error", () => {
  const random = new Random(newSeed("changed messages"));
  let [read, refused] = [0, 0];
  for (let round = 0; round < 30_000; round += 1) {
    const name = NAMES[random.below(NAMES.length)] as string;
    let bytes = new Uint8Array(readVectorOnce(name));
    for (let change = random.below(4); change >= 0; change -= 1) {
      bytes[random.below(bytes.length)] = random.below(2) === 0 ? random.next() : 1 << random.below(8);
    }
    if (random.below(10) === 0) {
      bytes = bytes.subarray(0, random.below(bytes.length + 1));
    }
    const before = Buffer.from(bytes);
    try {
      validate(typeOf(describeOnce(name)), bytes);
      read += 1;
    } catch (error) {
      assert.ok(error instanceof LensError, `${name}: ${error} (${before.toString("hex")})`);
      refused += 1;
    }
    assert.deepEqual(Buffer.from(bytes), before, "reading has changed the message");
  }
  assert.ok(read > 1000 && refused > 1000, `${read} read, ${refused} refused: too tame`);
});

const cache = new Map<string, Uint8Array>();
const descriptions = new Map<string, ReturnType<typeof describe>>();
function readVectorOnce(name: string): Uint8Array {
  if (!cache.has(name)) cache.set(name, readVector(name));
  return cache.get(name) as Uint8Array;
}
function describeOnce(name: string): ReturnType<typeof describe> {
  if (!descriptions.has(name)) descriptions.set(name, describe(name));
  return descriptions.get(name) as ReturnType<typeof describe>;
}

test("a struct of an older writer has defaults where it ends, and one of a newer writer is read", () => {
  // An envelope with no words at all, and a handle with one word more than we know.
  const older = Uint8Array.of(0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0);
  const envelope = validate(lens.Envelope, older);
  assert.deepEqual(show(envelope), describe("envelope-empty").value);
  const newer = new Uint8Array(8 + 8 + 5 * 8);
  const view = new DataView(newer.buffer);
  view.setUint32(4, 6, true);
  view.setUint32(12, 5, true);
  view.setBigUint64(16, 77n, true);
  assert.equal(validate(lens.Handle, newer).region, 77n);
});

test("our writer's messages say the same through capnp-es's own reader", () => {
  const bytes = encode(builder.Envelope, (envelope) => {
    envelope.id = "m-1";
    envelope.timestamp = 2n ** 64n - 1n;
    envelope._initMetadata().deviceId = "naïve ☃";
    envelope._initPayload(3).copyBuffer(Uint8Array.of(1, 2, 3));
  });
  const own = open(lens.Envelope, bytes);
  const theirs = new Message(bytes, false).getRoot(builder.Envelope);
  assert.deepEqual([own.id, own.timestamp, own.metadata.deviceId], [theirs.id, theirs.timestamp, theirs.metadata.deviceId]);
  assert.deepEqual([...own.payload], [...theirs.payload.toUint8Array()]);
  assert.deepEqual([own.id, own.timestamp, own.metadata.deviceId], ["m-1", 2n ** 64n - 1n, "naïve ☃"]);
});

test("a message larger than one page of its writer is still one segment", () => {
  const bytes = encode(builder.AgentContext, (context) => {
    const ids = context._initTokenIds(100_000);
    for (let index = 0; index < 100_000; index += 1) ids.set(index, index);
    context.sessionId = "s";
  });
  const context = validate(lens.AgentContext as StructType<lens.AgentContext>, bytes);
  assert.equal(context.tokenIds.length, 100_000);
  assert.equal(context.tokenIds.at(99_999), 99_999);
  assert.throws(() => context.tokenIds.at(100_000), RangeError);
});
