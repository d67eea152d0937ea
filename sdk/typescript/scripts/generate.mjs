// Makes both halves of the message types from schema/data.capnp.req, without any `capnp`:
// the builder by capnp-es's own compiler, and the lens, which reads in place.
//
//   node scripts/generate.mjs            writes what has changed
//   node scripts/generate.mjs --check    writes nothing, and fails where something would change
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import { Message } from "capnp-es";
import { compileAll } from "capnp-es/compiler";
import { CodeGeneratorRequest, Node, Type } from "capnp-es/capnp/schema";

const PACKAGE = new URL("../", import.meta.url);
const REQUEST = new URL("../../schema/data.capnp.req", PACKAGE);
const HEAD = "// Generated from schema/data.capnp by scripts/generate.mjs. Do not edit.\n";
/** The annotation `exactly` of the schema. */
const EXACTLY = 0xe9b1d5c4a7260f38n;

const SCALARS = {
  [Type.BOOL]: { bits: 1, type: "boolean", get: "readBool" },
  [Type.UINT8]: { bits: 8, type: "number", get: "readU8" },
  [Type.UINT16]: { bits: 16, type: "number", get: "readU16" },
  [Type.UINT32]: { bits: 32, type: "number", get: "readU32" },
  [Type.UINT64]: { bits: 64, type: "bigint", get: "readU64" },
  [Type.FLOAT32]: { bits: 32, type: "number", get: "readF32" },
  [Type.FLOAT64]: { bits: 64, type: "number", get: "readF64" },
};
const ELEMENTS = { [Type.UINT32]: ["number", "u32()"], [Type.UINT64]: ["bigint", "u64()"], [Type.TEXT]: ["string", "text()"] };

/** Every generated file, by its path in this package. */
async function generate() {
  const request = readFileSync(REQUEST);
  const { files } = await compileAll(request, { ts: true });
  const [builder] = files.values();
  // As capnp-es's own command does it.
  const indented = builder.replace(/^\s+/gm, (space) => " ".repeat(space.length / 2));
  const buffer = request.buffer.slice(request.byteOffset, request.byteOffset + request.length);
  const root = new Message(buffer, false).getRoot(CodeGeneratorRequest);
  return { "src/builder/data.ts": HEAD + indented, "src/lens/data.ts": HEAD + lens(root) };
}

function lens(request) {
  const nodes = new Map(Array.from(request.nodes, (node) => [node.id, node]));
  const comments = new Map(Array.from(request.sourceInfo, (info) => [info.id, info]));
  const file = request.requestedFiles.at(0).id;
  const nested = Array.from(nodes.get(file).nestedNodes, ({ id }) => nodes.get(id));
  const parts = nested.map((node) => {
    if (node.which() === Node.ENUM) return enumeration(node);
    return node.which() === Node.STRUCT ? structure(node, nodes, comments.get(node.id)) : "";
  });
  const lists = 'import type { Elements } from "./list.js";\nimport { StructLens } from "./struct.js";\n';
  return lists + parts.join("");
}

function shortName(node) {
  return node.displayName.slice(node.displayNamePrefixLength);
}

function enumeration(node) {
  const name = shortName(node);
  const names = Array.from(node.enum.enumerants, (enumerant) => JSON.stringify(enumerant.name)).join(", ");
  return `\nexport const ${constant(name)} = [${names}] as const;\nexport type ${name} = (typeof ${constant(name)})[number];\n`;
}

function constant(name) {
  return name.replace(/(?<=[a-z])([A-Z])/g, "_$1").toUpperCase() + "_NAMES";
}

function structure(node, nodes, info) {
  const getters = Array.from(node.struct.fields, (field, index) => {
    const comment = note(info.members.at(index).docComment, "  ");
    const [type, expression] = getter(field, nodes);
    return `${comment}  get ${field.name}(): ${type} {\n    return ${expression};\n  }\n`;
  });
  const names = Array.from(node.struct.fields, (field) => JSON.stringify(field.name)).join(", ");
  const fields = `  static readonly FIELDS = [${names}] as const;\n\n`;
  const head = `${note(info.docComment, "")}export class ${shortName(node)} extends StructLens {\n`;
  return `\n${head}${fields}${getters.join("\n")}}\n`;
}

function note(comment, indent) {
  const lines = comment.trim().split("\n");
  if (lines.length === 1) return lines[0] === "" ? "" : `${indent}/** ${lines[0]} */\n`;
  return `${indent}/**\n${lines.map((line) => `${indent} * ${line.trim()}\n`).join("")}${indent} */\n`;
}

/** The type of a getter and how it reads. What this generator doesn't know, it refuses. */
function getter(field, nodes) {
  const slot = field.slot;
  if (slot.hadExplicitDefault) throw new Error(`${field.name} has a default, which the lens doesn't know`);
  const [kind, offset] = [slot.type.which(), slot.offset];
  const scalar = SCALARS[kind];
  if (scalar !== undefined) {
    return [scalar.type, `this.${scalar.get}(${scalar.bits === 1 ? offset : (offset * scalar.bits) / 8})`];
  }
  const exact = Array.from(field.annotations).find(({ id }) => id === EXACTLY)?.value.uint32;
  if (kind === Type.ENUM) {
    const name = shortName(nodes.get(slot.type.enum.typeId));
    return [name, `this.readEnumerant(${offset * 2}, ${constant(name)})`];
  }
  if (kind === Type.TEXT) return ["string", `this.readText(${offset})`];
  if (kind === Type.DATA) return ["Uint8Array", exact ? `this.readExactly(${offset}, ${exact})` : `this.readData(${offset})`];
  if (kind === Type.STRUCT) {
    const name = shortName(nodes.get(slot.type.struct.typeId));
    return [name, `this.readStruct(${offset}, ${name})`];
  }
  if (kind === Type.LIST) return list(field, slot.type.list.elementType, exact, nodes);
  throw new Error(`${field.name} has a type that the lens doesn't know`);
}

function list(field, element, exact, nodes) {
  const kind = element.which();
  const start = `this.readList(${field.slot.offset})`;
  if (ELEMENTS[kind] !== undefined) return [`Elements<${ELEMENTS[kind][0]}>`, `${start}.${ELEMENTS[kind][1]}`];
  if (kind === Type.DATA) return ["Elements<Uint8Array>", `${start}.${exact ? `exactly(${exact})` : "data()"}`];
  if (kind === Type.STRUCT) {
    const name = shortName(nodes.get(element.struct.typeId));
    return [`Elements<${name}>`, `${start}.structs(${name})`];
  }
  throw new Error(`${field.name} is a list of a type that the lens doesn't know`);
}

let stale = 0;
for (const [path, content] of Object.entries(await generate())) {
  const place = fileURLToPath(new URL(path, PACKAGE));
  let current;
  try {
    current = readFileSync(place, "utf8");
  } catch {
    current = undefined;
  }
  if (current === content) continue;
  stale += 1;
  if (process.argv[2] === "--check") {
    console.log(`${path}: stale; \`npm run generate\` makes it anew`);
  } else {
    mkdirSync(dirname(place), { recursive: true });
    writeFileSync(place, content);
    console.log(`${path}: written`);
  }
}
process.exitCode = process.argv[2] === "--check" && stale > 0 ? 4 : 0;
