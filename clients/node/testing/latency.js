/**
 * Times decisions: `node latency.js BUNDLE CONTEXTS.json`, where CONTEXTS is a list of contexts.
 * Prints the microseconds of each decision, those of the processor for one of them (all threads
 * of this process), and the milliseconds of reading, as JSON.
 */

import fs from "node:fs";

import { readBundle } from "../src/index.js";

const [folder, contexts] = process.argv.slice(2);
const began = process.hrtime.bigint();
const bundle = readBundle(folder, { key: null });
const read = Number(process.hrtime.bigint() - began) / 1e6;
const asked = JSON.parse(fs.readFileSync(contexts));
const now = new Date(bundle.manifest.created_at);
for (const context of asked) bundle.decide(context, { now });
const before = process.cpuUsage();
const taken = asked.map((context) => {
  const start = process.hrtime.bigint();
  bundle.decide(context, { now });
  return Number(process.hrtime.bigint() - start) / 1e3;
});
const { user, system } = process.cpuUsage(before);
console.log(JSON.stringify({ read, taken, cpu: (user + system) / asked.length }));
