/** What the vectors do not show: signatures, links, pipes, kinds of values, mistakes of callers. */

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createHash, createHmac } from "node:crypto";
import fs from "node:fs";
import os from "node:os";
import path from "node:path";
import { test } from "node:test";

import { BundleRefusedError, SchemaError, UsageError, readBundle } from "../src/index.js";
import { VECTORS } from "../testing/vectors.js";

const KEY = "6b".repeat(32);
const bundles = path.join(VECTORS, "bundles");
const [batch] = fs.readdirSync(bundles).filter((name) => name.startsWith("batch_size"));
const NOW = new Date(
  JSON.parse(fs.readFileSync(path.join(bundles, batch, "manifest.json"))).created_at,
);

/** A copy of a bundle that a test may damage. */
function copied(t, name = batch) {
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), "bundle-"));
  t.after(() => fs.rmSync(folder, { recursive: true }));
  const place = path.join(folder, "b");
  fs.cpSync(path.join(bundles, name), place, { recursive: true });
  return place;
}

function sealed(place, key) {
  const manifest = fs.readFileSync(path.join(place, "manifest.json"));
  const digest = (...parts) =>
    parts.reduce((hash, part) => hash.update(part), createHash("sha256")).digest("hex");
  const seal = { format: 1, manifest_sha256: digest(manifest) };
  if (key) {
    const secret = Buffer.from(key, "hex");
    seal.key_id = digest("toolkit key id\n", secret).slice(0, 16);
    const hmac = createHmac("sha256", secret).update("toolkit bundle manifest\n");
    seal.hmac_sha256 = hmac.update(manifest).digest("hex");
  }
  fs.writeFileSync(path.join(place, "seal.json"), JSON.stringify(seal));
}

function refuses(place, words, options = { key: null }) {
  assert.throws(
    () => readBundle(place, options),
    (error) => error instanceof BundleRefusedError && words.test(error.message),
  );
}

test("a signature is verified where a key is given", (t) => {
  const place = copied(t);
  refuses(place, /not signed/, { key: KEY });
  sealed(place, KEY);

  assert.match(readBundle(place, { key: KEY }).signedBy, /^[0-9a-f]{16}$/);
  assert.equal(readBundle(place, { key: null }).signedBy, null);
  refuses(place, /signed by key/, { key: "00".repeat(32) });
  refuses(place, /at least 32/, { key: "00" });
  refuses(place, /not hexadecimal/, { key: "0g".repeat(32) });

  const seal = JSON.parse(fs.readFileSync(path.join(place, "seal.json")));
  seal.hmac_sha256 = "0".repeat(64);
  fs.writeFileSync(path.join(place, "seal.json"), JSON.stringify(seal));
  refuses(place, /does not hold/, { key: KEY });
});

test("the installed key is asked for, unless the caller asks for none", (t) => {
  const place = copied(t);
  const key = path.join(place, "..", "key");
  fs.writeFileSync(key, `${KEY}\n`, { mode: 0o600 });
  process.env.TOOLKIT_SIGNING_KEY = key;
  t.after(() => delete process.env.TOOLKIT_SIGNING_KEY);

  refuses(place, /not signed/, {});
  assert.ok(readBundle(place, { signed: false }));
  fs.chmodSync(key, 0o644);
  refuses(place, /open to others/, {});
  process.env.TOOLKIT_SIGNING_KEY = `${key}-not-there`;
  refuses(place, /signing key/, {});
});

test("any altered byte is refused by its hash", (t) => {
  const place = copied(t);
  for (const name of ["model.onnx", "golden.json", "MODEL_CARD.md", "manifest.json"]) {
    const file = path.join(place, name);
    const good = fs.readFileSync(file);
    const bad = Buffer.from(good);
    bad[bad.length >> 1] ^= 1;
    fs.writeFileSync(file, bad);
    refuses(place, new RegExp(name.replace(".", "\\.")));
    fs.writeFileSync(file, good);
  }
  assert.ok(readBundle(place, { key: null }));
});

test("a link inside is followed, one that leaves is refused", (t) => {
  const place = copied(t);
  const data = path.join(place, "..data");
  fs.mkdirSync(data);
  for (const name of fs.readdirSync(place)) {
    if (name === "..data") continue;
    fs.renameSync(path.join(place, name), path.join(data, name));
    fs.symlinkSync(path.join("..data", name), path.join(place, name));
  }
  assert.ok(readBundle(place, { key: null }));

  const card = path.join(place, "MODEL_CARD.md");
  fs.rmSync(card);
  fs.renameSync(path.join(data, "MODEL_CARD.md"), path.join(place, "..", "card"));
  fs.symlinkSync("../card", card);
  refuses(place, /leaves the folder/);
  fs.rmSync(card);
  fs.symlinkSync("MODEL_CARD.md", card);
  refuses(place, /cannot be read/);
});

test("a pipe does not block, a folder is no file", { skip: os.platform() === "win32" }, (t) => {
  const place = copied(t);
  fs.rmSync(path.join(place, "golden.json"));
  execFileSync("mkfifo", [path.join(place, "golden.json")]);
  refuses(place, /golden\.json is not a regular file/);
  fs.rmSync(path.join(place, "golden.json"));
  fs.mkdirSync(path.join(place, "golden.json"));
  refuses(place, /golden\.json is not a regular file/);
  refuses(path.join(place, "not-there"), /cannot be opened/);
});

test("format 1 is refused with what to do", (t) => {
  const place = copied(t);
  const file = path.join(place, "manifest.json");
  const manifest = JSON.parse(fs.readFileSync(file));
  fs.writeFileSync(file, JSON.stringify({ ...manifest, schema_version: 1 }));
  sealed(place);
  refuses(place, /export the model again/);
});

test("constraints are refused, not passed over", (t) => {
  for (const version of [2, 3]) {
    const place = copied(t);
    const file = path.join(place, "manifest.json");
    const manifest = JSON.parse(fs.readFileSync(file));
    const extra = { ...manifest.extra, constraints: {} };
    fs.writeFileSync(file, JSON.stringify({ ...manifest, extra, schema_version: version }));
    sealed(place);
    refuses(place, /constraints, which this reader cannot keep/);
  }
});

test("a mistake of the caller is an error, not an answer", () => {
  const bundle = readBundle(path.join(bundles, batch), { key: null });
  const ask = (context, options) => () => bundle.decide(context, { now: NOW, ...options });

  assert.throws(ask({ load_cpu: "much" }), SchemaError);
  assert.throws(ask({ load_cpu: {} }), UsageError);
  assert.throws(ask({}, { now: new Date("never") }), UsageError);
  assert.throws(ask({}, { actions: [] }), UsageError);
  assert.throws(ask({}, { actions: [1, NaN] }), UsageError);
  assert.throws(ask({}, { actions: [0] }), UsageError);
  assert.throws(ask({}, { actions: [[1, 2]] }), UsageError);
});

test("a context may be an object or a map; null, undefined and NaN are not known", () => {
  const bundle = readBundle(path.join(bundles, batch), { key: null });
  const known = { operation_type: "todoWrite", load_cpu: 0.9 };
  const more = { ...known, operation_bytes: null, load_io: undefined, load_memory: NaN };
  const answers = [known, more, new Map(Object.entries(known))].map((context) =>
    bundle.decide(context, { now: NOW }),
  );

  assert.deepEqual(answers[1], answers[0]);
  assert.deepEqual(answers[2], answers[0]);
  assert.notEqual(answers[0].reason.code, "bundle_expired");
});

test("after its end the rule answers", () => {
  const bundle = readBundle(path.join(bundles, batch), { key: null });
  const answer = bundle.decide({ operation_type: "todoWrite" }, { now: bundle.expiresAt });

  assert.equal(answer.reason.code, "bundle_expired");
  assert.equal(answer.rung, "rule");
});
