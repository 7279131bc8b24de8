/** Every vector: the same decision, and the same refusal, as Python's. */

import assert from "node:assert/strict";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";
import { gunzipSync } from "node:zlib";

import { BundleRefusedError, readBundle } from "../src/index.js";
import { VECTORS, check, linesOf, worst } from "../testing/vectors.js";

test("decisions equal Python's", async (t) => {
  const bundles = new Map();
  const codes = new Map();
  let count = 0;
  for await (const row of linesOf("decisions.jsonl")) {
    if (!bundles.has(row.bundle)) {
      const folder = path.join(VECTORS, "bundles", row.bundle);
      bundles.set(row.bundle, readBundle(folder, { key: null }));
    }
    count += 1;
    const where = `line ${count}, ${row.bundle}`;
    const code = check(bundles.get(row.bundle), row, where);
    codes.set(code, (codes.get(code) ?? 0) + 1);
  }
  assert.ok(count > 0, `no vectors in ${VECTORS}`);
  t.diagnostic(`${count} decisions of ${bundles.size} bundles; ${summary(codes)}`);
  t.diagnostic(`largest differences: ${summary(worst)}`);
});

test("damaged bundles are refused alike, or decide alike", async (t) => {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "mutants-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const counts = new Map();
  const odd = [];
  for await (const row of linesOf("mutants.jsonl")) {
    const good = path.join(VECTORS, "bundles", row.bundle);
    const place = path.join(folder, row.bundle);
    if (!fs.existsSync(place)) fs.cpSync(good, place, { recursive: true });
    put(place, row.changed);
    const end = outcome(place, row, odd);
    counts.set(end, (counts.get(end) ?? 0) + 1);
    for (const name of Object.keys(row.changed)) {
      fs.copyFileSync(path.join(good, name), path.join(place, name));
    }
  }
  t.diagnostic(summary(counts));
  assert.deepEqual(odd, []);
});

function put(place, changed) {
  for (const [name, content] of Object.entries(changed)) {
    if (content === null) fs.rmSync(path.join(place, name));
    else fs.writeFileSync(path.join(place, name), gunzipSync(Buffer.from(content, "base64")));
  }
}

/** How a damaged bundle ends; what is not as in Python is put on a list. */
function outcome(place, row, odd) {
  let bundle;
  try {
    bundle = readBundle(place, { key: null });
  } catch (error) {
    if (!(error instanceof BundleRefusedError) || row.refused === null) {
      odd.push(`${row.how}: ${error.stack}; Python: ${row.refused}`);
    }
    return "refused";
  }
  if (row.refused !== null) {
    odd.push(`${row.how}: read, Python refuses it: ${row.refused}`);
    return "read";
  }
  try {
    row.decisions.forEach((each, n) => check(bundle, each, `${row.how}, decision ${n}`));
  } catch (error) {
    odd.push(error.message);
  }
  return "read";
}

function summary(counts) {
  return [...counts].map(([name, value]) => `${name} ${value}`).join(", ");
}
