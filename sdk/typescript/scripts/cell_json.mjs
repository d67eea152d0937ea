// Writes schema/vectors/cell.json, by which each language's constants are checked: every constant of
// schema/cell.capnp under its own name. It reads the compiled request with capnp-es, so that no code of
// ours stands on both sides of the comparison.
//
//   node scripts/cell_json.mjs           writes it if it has changed
//   node scripts/cell_json.mjs --check   writes nothing, and fails if it would change
import { readFileSync, writeFileSync } from "node:fs";
import { Message } from "capnp-es";
import { CodeGeneratorRequest, Node, Value } from "capnp-es/capnp/schema";

const SCHEMA = new URL("../../../schema/", import.meta.url);
const PLACE = new URL("vectors/cell.json", SCHEMA);

function constants() {
  const bytes = readFileSync(new URL("cell.capnp.req", SCHEMA));
  const buffer = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const request = new Message(buffer, false).getRoot(CodeGeneratorRequest);
  const nodes = new Map(Array.from(request.nodes, (node) => [node.id, node]));
  const file = nodes.get(request.requestedFiles.at(0).id);
  const entries = Array.from(file.nestedNodes, ({ name, id }) => [name, nodes.get(id)]);
  const found = entries.filter(([, node]) => node.which() === Node.CONST);
  return Object.fromEntries(found.map(([name, node]) => {
    const value = node.const.value;
    if (value.which() !== Value.UINT32) throw new Error(`${name} is no UInt32`);
    return [name, value.uint32];
  }));
}

const fresh = JSON.stringify(constants(), null, 2) + "\n";
let current;
try {
  current = readFileSync(PLACE, "utf8");
} catch {
  current = undefined;
}
if (current !== fresh && process.argv[2] === "--check") {
  console.log("schema/vectors/cell.json: stale; `node scripts/cell_json.mjs` makes it anew");
  process.exitCode = 4;
} else if (current !== fresh) {
  writeFileSync(PLACE, fresh);
  console.log("schema/vectors/cell.json: written");
}
