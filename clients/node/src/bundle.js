/** Verifies and reads a bundle, and answers the decisions that it was exported to take. */

import { BundleRefusedError, SchemaError, UsageError } from "./errors.js";
import { Graph } from "./evaluate.js";
import { BundleFolder } from "./folder.js";
import { MAX_MODEL_BYTES, ShapeError, graphProblem } from "./graph-check.js";
import { array, microseconds, number, optional, parse, section } from "./json-rules.js";
import { ArithmeticError, climb } from "./ladder.js";
import {
  ACTION_BOUNDS,
  MANIFEST_MAX_BYTES,
  MANIFEST_NAME,
  contextWidth,
  readManifest,
} from "./manifest.js";
import { FormError, parseModel } from "./onnx-form.js";
import { Problem, actionsOf, contextOf, labelOf, offerOf } from "./problem.js";
import { decideByRule } from "./rules.js";
import {
  SEAL_MAX_BYTES,
  SEAL_NAME,
  installedKey,
  keyId,
  sealProblem,
  secretOf,
  sha256,
} from "./seal.js";
import { StackModel } from "./stack.js";

const MODEL_NAME = "model.onnx";
const GOLDEN_NAME = "golden.json";
const MAX_BUNDLE_BYTES = 24 << 20;
const OTHER_MAX_BYTES = 2 << 20;
const LIMITS = new Map([[MODEL_NAME, MAX_MODEL_BYTES]]);
const MAX_GOLDEN_ROWS = 64;
const TOLERANCE = 1e-5;
const FLOAT32 = 3.4e38;
const LOG_COST_LIMIT = 100;
const MOST_EXCHANGES = 3;

/**
 * Verify and load a bundle.
 * @param {string} path the folder
 * @param {{ key?: string | Uint8Array | null, signed?: boolean }} [options]
 * @returns {Bundle}
 * @throws {BundleRefusedError} naming the first check that failed
 */
export function readBundle(path, { key, signed = true } = {}) {
  const secret = signed ? requiredKey(path, key) : null;
  for (let exchanges = 0; ; exchanges += 1) {
    const folder = new BundleFolder(path, MAX_BUNDLE_BYTES);
    try {
      return read(folder, path, secret);
    } catch (error) {
      const again = error instanceof BundleRefusedError && folder.wasExchanged();
      if (!again || exchanges >= MOST_EXCHANGES) throw error;
    } finally {
      folder.close();
    }
  }
}

function requiredKey(path, key) {
  try {
    if (key === undefined) return installedKey();
    return key === null ? null : secretOf(key);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new BundleRefusedError(error.message, path);
  }
}

function read(folder, path, secret) {
  const text = folder.read(MANIFEST_NAME, MANIFEST_MAX_BYTES);
  const manifest = readManifest(text, path);
  const files = new Map();
  for (const [name, digest] of Object.entries(manifest.files)) {
    files.set(name, verified(folder, name, digest));
  }
  for (const name of [MODEL_NAME, GOLDEN_NAME]) {
    if (!files.has(name)) throw new BundleRefusedError(`the manifest lists no ${name}`, path);
  }
  const problem = sealProblem(folder.read(SEAL_NAME, SEAL_MAX_BYTES), text, secret);
  if (problem !== null) throw new BundleRefusedError(problem, path);
  const known = contextWidth(manifest.feature_schema);
  const width = known + manifest.feature_schema.action.length;
  const graph = graphOf(files.get(MODEL_NAME), known, width, path);
  const golden = goldenOf(files.get(GOLDEN_NAME), width, path);
  const bundle = new Bundle(path, manifest, graph, files, secret === null ? null : keyId(secret));
  checkGolden(bundle, golden, path);
  return bundle;
}

function verified(folder, name, digest) {
  const content = folder.read(name, LIMITS.get(name) ?? OTHER_MAX_BYTES);
  if (sha256(content) !== digest) {
    throw new BundleRefusedError(`${name} was altered (its hash differs)`, folder.path);
  }
  return content;
}

function graphOf(content, known, width, path) {
  let model;
  try {
    model = parseModel(content);
  } catch (error) {
    if (!(error instanceof FormError)) throw error;
    throw new BundleRefusedError(`${MODEL_NAME} is not ONNX in its one form: ${error.message}`, path);
  }
  const problem = graphProblem(model, width);
  if (problem !== null) throw new BundleRefusedError(problem, path);
  return new Graph(model, known, width);
}

function goldenOf(content, width, path) {
  try {
    const value = parse(content);
    const row = array(optional(number(-FLOAT32, FLOAT32)), { least: width, most: width });
    section({
      features: array(row, { least: 1, most: MAX_GOLDEN_ROWS }),
      log_cost: array(number(-100, 100), { least: 1, most: MAX_GOLDEN_ROWS }),
    })(value, "");
    if (value.features.length !== value.log_cost.length) throw new SchemaError("shapes disagree");
    const features = Float32Array.from(value.features.flat(), (each) => each ?? NaN);
    return { features, logCost: value.log_cost };
  } catch (error) {
    throw new BundleRefusedError(`${GOLDEN_NAME}: ${error.message}`, path);
  }
}

function checkGolden(bundle, golden, path) {
  const got = bundle.logCost(golden.features);
  const worst = got.reduce((most, value, n) => Math.max(most, Math.abs(value - golden.logCost[n])), 0);
  if (!(worst <= TOLERANCE)) {
    throw new BundleRefusedError(`golden rows differ by ${worst}, at most ${TOLERANCE} allowed`, path);
  }
}

/** A verified bundle. */
export class Bundle {
  #graph;
  #model;
  #offer;

  constructor(path, manifest, graph, files, signedBy) {
    this.path = path;
    this.manifest = manifest;
    this.files = files;
    this.signedBy = signedBy;
    this.decision = manifest.decision;
    this.#graph = graph;
    this.#offer = offerOf(manifest);
    this.#offer.labels = this.#offer.actions.map(labelOf);
    this.#model = Object.hasOwn(manifest.extra, "stack")
      ? new StackModel(
          manifest,
          (rows, kept) => this.logCost(rows, kept),
          (problem) => decideByRule(manifest.fallback, problem),
        )
      : null;
  }

  /** When the bundle expires; from then on the rule answers. @returns {Date} */
  get expiresAt() {
    return new Date(Number(microseconds(this.manifest.expires_at) / 1000n));
  }

  /** The actions that are chosen from; none where each question brings its own. */
  get actions() {
    return this.#offer.actions.map((action) => [...action]);
  }

  /**
   * Take a decision.
   * @param {Record<string, unknown> | Map<string, unknown>} context what is known, by column
   * @param {{ actions?: ArrayLike<unknown>, now?: Date | number }} [options]
   */
  decide(context, { actions, now = Date.now() } = {}) {
    const problem = this.#problem(contextOf(context), actions);
    const at_ms = Number(now);
    if (!Number.isFinite(at_ms)) throw new UsageError("`now` is no time");
    if (at_ms >= this.expiresAt.getTime()) {
      const at = this.expiresAt.toISOString().slice(0, 16).replace("T", " ");
      return this.#byRule(problem, { code: "bundle_expired", facts: { expired_at: at } });
    }
    try {
      return climb(this.manifest, this.#model, problem);
    } catch (error) {
      const refused = error instanceof BundleRefusedError;
      if (!refused && !(error instanceof ArithmeticError)) throw error;
      const because = refused ? error.reason : `its cost is no number (${error.message})`;
      return this.#byRule(problem, { code: "bundle_refused", facts: { because } });
    }
  }

  /**
   * Run the graph on encoded rows, one after the other.
   * @param {Float32Array} features
   * @param {Map<string, object>} [kept] what the graph has computed of the same actions
   * @returns {number[]} one log cost a row
   * @throws {BundleRefusedError} its answer is not one bounded number a row
   */
  logCost(features, kept) {
    const { feature_schema: schema } = this.manifest;
    const width = contextWidth(schema) + schema.action.length;
    let answer;
    try {
      answer = Array.from(this.#graph.logCost(features, width, kept));
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      throw new BundleRefusedError("the graph fails when it is asked", this.path);
    }
    if (!answer.every((value) => Math.abs(value) <= LOG_COST_LIMIT)) {
      throw new BundleRefusedError("the graph's answer is not one bounded number a row", this.path);
    }
    return answer;
  }

  #problem(context, given) {
    const { columns, actions, labels } = this.#offer;
    if (given === undefined) {
      if (!actions.length) throw new UsageError("this bundle needs the actions on offer");
      return new Problem(context, columns, actions, labels);
    }
    const sizes = ACTION_BOUNDS.has(this.decision) || this.manifest.extra.stack?.sizes === true;
    return new Problem(context, columns, actionsOf(given, columns, sizes));
  }

  #byRule(problem, reason) {
    return { ...decideByRule(this.manifest.fallback, problem), reason, rung: "rule" };
  }
}
