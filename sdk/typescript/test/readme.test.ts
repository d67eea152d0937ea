import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import test from "node:test";
import { fileURLToPath } from "node:url";

const PACKAGE = new URL("../../", import.meta.url);

test("the README's example runs and prints what stands there", () => {
  const readme = readFileSync(new URL("README.md", PACKAGE), "utf8");
  const [, code, expected] = /```js\n(.*?)```\n\n```\n(.*?)```/s.exec(readme) ?? [];
  assert.ok(code && expected);
  // Beneath the package, so that it finds it by its name.
  const place = fileURLToPath(new URL("build/example.mjs", PACKAGE));
  writeFileSync(place, code);
  assert.equal(execFileSync(process.execPath, [place], { encoding: "utf8" }), expected);
});
