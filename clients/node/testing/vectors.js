/** Conformance vectors: where they lie, how they are read, and what counts as equal. */

import assert from "node:assert/strict";
import fs from "node:fs";
import path from "node:path";
import readline from "node:readline";

/** The folder of the vectors: the small ones of this repository unless another is named. */
export const VECTORS = path.resolve(
  process.env.CONFORMANCE ?? path.join(import.meta.dirname, "..", "..", "conformance"),
);
/** Largest difference in log cost; costs themselves are compared by their logarithm. */
export const TOLERANCE = 1e-5;

/** Largest differences that were seen, by what was compared. */
export const worst = new Map();

export async function* linesOf(name) {
  const file = path.join(VECTORS, name);
  if (!fs.existsSync(file)) return;
  for await (const line of readline.createInterface({ input: fs.createReadStream(file) })) {
    yield JSON.parse(line);
  }
}

/** Put numbers that JSON has no form for in their place. */
export function revived(value) {
  if (Array.isArray(value)) return value.map(revived);
  if (value === null || typeof value !== "object") return value;
  if (Object.keys(value).join() === "number") {
    return { nan: NaN, inf: Infinity, "-inf": -Infinity }[value.number];
  }
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, revived(each)]));
}

/** Ask a bundle a question of a vector, and compare the answer. */
export function check(bundle, row, where) {
  const { context, actions, now, decision, error } = revived(row);
  let taken;
  try {
    taken = bundle.decide(context, { actions, now: new Date(now) });
  } catch (thrown) {
    assert.equal(thrown.name, error, `${where}: ${thrown.stack}`);
    return thrown.name;
  }
  assert.equal(error, undefined, `${where}: answered, Python raises ${error}`);
  const names = { expected_cost: "expectedCost", cost_low: "costLow", cost_high: "costHigh" };
  for (const [name, wanted] of Object.entries(decision)) {
    const got = taken[names[name] ?? name];
    const at = `${where}: ${name}`;
    if (name in names) same(logOf(got), logOf(wanted), "log cost", at);
    else if (name === "curve") curve(got, wanted, at);
    else if (name === "reason") reason(got, wanted, at);
    else if (name === "confidence") same(got, wanted, "confidence", at);
    else assert.deepEqual(got, wanted, at);
  }
  return taken.reason.code;
}

function curve(got, wanted, at) {
  if (wanted === null || got === null) return assert.equal(got, wanted, at);
  const names = { log_cost: "logCost", log_low: "logLow", log_high: "logHigh" };
  for (const [name, ours] of Object.entries(names)) {
    assert.equal(got[ours].length, wanted[name].length, at);
    wanted[name].forEach((value, n) => same(got[ours][n], value, "log cost", `${at} ${name} ${n}`));
  }
  assert.deepEqual(got.support, wanted.support, at);
  return assert.equal(got.relative, wanted.relative, at);
}

function reason(got, wanted, at) {
  assert.equal(got.code, wanted.code, at);
  if (got.code === "bundle_refused") return; // its text is for people
  assert.deepEqual(Object.keys(got.facts).sort(), Object.keys(wanted.facts).sort(), at);
  for (const [name, value] of Object.entries(wanted.facts)) {
    if (typeof value === "number") same(got.facts[name], value, "fact", `${at} ${name}`);
    else assert.equal(got.facts[name], value, at);
  }
}

function same(got, wanted, what, at) {
  if (got === wanted || (Number.isNaN(got) && Number.isNaN(wanted))) return;
  const size = what === "log cost" ? 1 : Math.max(1, Math.abs(wanted));
  const gap = Math.abs(got - wanted) / size;
  worst.set(what, Math.max(worst.get(what) ?? 0, gap));
  assert.ok(got !== null && gap <= TOLERANCE, `${at}: ${got}, Python has ${wanted}`);
}

function logOf(cost) {
  return cost === null ? null : Math.log(cost);
}
