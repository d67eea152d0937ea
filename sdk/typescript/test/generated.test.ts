import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";
import * as constants from "../src/cell.js";
import { VECTORS } from "./vectors.js";

const PACKAGE = new URL("../../", import.meta.url);

for (const script of ["generate.mjs", "cell_json.mjs"]) {
  test(`what ${script} makes is current`, () => {
    const path = fileURLToPath(new URL(`scripts/${script}`, PACKAGE));
    assert.equal(execFileSync(process.execPath, [path, "--check"], { encoding: "utf8" }), "");
  });
}

test("every constant is that of the schema, and none is left out", () => {
  const expected: Record<string, number> = JSON.parse(readFileSync(new URL("../cell.json", VECTORS), "utf8"));
  const screaming = (name: string) => name.replace(/([A-Z])/g, "_$1").toUpperCase();
  const named = Object.fromEntries(Object.entries(expected).map(([name, value]) => [screaming(name), value]));
  const found = Object.entries(constants).filter(([name]) => !name.startsWith("TYPE_ID_"));
  assert.deepEqual(Object.fromEntries(found), named);
  assert.ok(found.length > 150);
});
