/** The manifest of a bundle: what each field may hold, and what they must be together. */

import { BundleRefusedError, SchemaError } from "./errors.js";
import {
  array,
  flag,
  identifier,
  mapping,
  microseconds,
  moment,
  number,
  oneOf,
  optional,
  pair,
  parse,
  section,
  text,
  tree,
  whole,
} from "./json-rules.js";

export const MANIFEST_NAME = "manifest.json";
export const MANIFEST_MAX_BYTES = 2 << 20;
export const FORMAT = 2;

/** Smallest and largest action of a decision whose actions are whole numbers. */
export const ACTION_BOUNDS = new Map([
  ["batch_size", [1, 20]],
  ["agent_count", [1, 12]],
]);
/** What each decision calls its action. */
export const ACTION_COLUMNS = new Map([
  ["batch_size", "size"],
  ["agent_count", "agents"],
]);
/** Columns that say where an action lies among those on offer, in this order. */
export const PLACES = ["below_largest", "above_smallest", "share", "from_rule"];

const KERNELS = 5;
const MAX_WIDTH = 1024;
const LOG_COST = number(-100, 100);

const COLUMN = section({
  name: text(100, { least: 1 }),
  kind: oneOf("number", "category"),
  unit: text(40),
  about: text(400),
  categories: array(text(100), { most: 256 }),
  log: flag,
});
const FIGURES = mapping(text(100), tree(), 256);
const THRESHOLDS = {
  high_load: number(0, 1),
  low_load: number(0, 1),
  shrink: number(0.05, 1),
  grow: number(1, 20),
  high_complexity: number(0, 1),
  unknown_load: number(0, 1),
  optimums: mapping(
    text(100, { least: 1 }),
    array(whole(1, 20), { least: 3, most: 3, order: "rising" }),
    256,
  ),
};
const AGENT_CONSTANTS = {
  default_components: number(0, 1e6),
  default_dependencies: number(0, 1e6),
  default_parallelizable: number(0, 1),
  default_coordination_needs: number(0, 1),
  overhead_weight: number(0, 100),
  fewest: whole(1, 12),
  most: whole(1, 12),
  lower_share: number(0, 1),
  upper_share: number(1, 10),
};
const TABLE_NUMBERS = { batch: number(1e-6, 1e6), workers: number(1e-6, 1e6) };
/** Numbers of each rule, all of which must be there. */
const PARAMETERS = {
  batch_size_rule: THRESHOLDS,
  agent_count_rule: AGENT_CONSTANTS,
  table_rule: { ...TABLE_NUMBERS, ...AGENT_CONSTANTS },
  constant: {},
  learned: {},
};
const EVIDENCE = section({
  below: oneOf("rule", "tuned rule", "best constant"),
  groups: whole(0, 1e9),
  groups_needed: whole(1, 1e9),
  difference: optional(LOG_COST),
  upper: optional(LOG_COST),
  level: number(0.5, 0.9999),
  not_worse: optional(number(0, 1)),
  assumes: oneOf("", "normal"),
  observed: flag,
});
const RUNG = section({
  name: oneOf("tuned rule", "best constant", "learned"),
  rule: oneOf("batch_size_rule", "agent_count_rule", "constant", "learned"),
  constant: number(-1e6, 1e6),
  parameters: section({}, { may: { ...THRESHOLDS, ...AGENT_CONSTANTS } }),
  evidence: EVIDENCE,
});
const VECTOR = array(number(-1e9, 1e9), { most: 1024 });
const SCALES = array(number(0, 1e6), { least: 1, most: 32 });
const COEFFICIENT = number(-1e6, 1e6);
/** Columns with knots, of a level whose terms are products of hinges. */
const TERM = array(pair(whole(0, 1023), number(-1e9, 1e9)), { least: 1, most: 4 });
/** What a level has beside the common fields: a linear form, or one of hinges. */
const LINEAR = ["spread"];
const HINGES = ["high", "low", "terms", "unknown", "widening"];
const STACK = section({
  sizes: flag,
  measurement_prior: section({
    axes: array(whole(0, 15), { least: 1, most: 16 }),
    spread: array(number(1e-9, 1e9), { least: 1, most: 16 }),
    amplitudes: array(SCALES, { least: 2, most: 2 }),
    scales: SCALES,
    weights: array(SCALES, { least: 2, most: 2 }),
    noise: number(0, 1e6),
    stretch: flag,
    lengths: array(number(1e-3, 1e3), { least: 2, most: 2 }),
  }),
  intervals: section({
    slope: number(0, 100),
    factor: number(0, 1000),
    knee: number(1e-3, 100),
    most_knees: number(0, 10),
    least_badness: number(0, 100),
    widest: number(0, 100),
    normal: number(0, 100),
  }),
  confidence: section({ intercept: COEFFICIENT, saving: COEFFICIENT, certainty: COEFFICIENT }),
  level: optional(
    section(
      { intercept: LOG_COST, centre: VECTOR, slope: VECTOR, deviation: number(0, 100) },
      {
        may: {
          spread: VECTOR,
          columns: array(COLUMN, { most: 256 }),
          low: VECTOR,
          high: VECTOR,
          unknown: VECTOR,
          widening: array(number(-100, 100), { most: 1024 }),
          terms: array(TERM, { most: 1024 }),
        },
      },
    ),
  ),
});
const FIELDS = section({
  schema_version: oneOf(FORMAT),
  method: section({ rounding: oneOf("half_up"), nearest: oneOf("ratio"), decimals: oneOf(12) }),
  name: text(100, { least: 1 }),
  version: identifier(64),
  decision: oneOf("batch_size", "agent_count", "table"),
  created_at: moment,
  expires_at: moment,
  feature_schema: section({
    context: array(COLUMN, { most: 256 }),
    action: array(COLUMN, { least: 1, most: 64 }),
    action_is_log: flag,
  }),
  actions: array(number(-1e6, 1e6), { most: 256, order: "ascending" }),
  support: section({
    column: optional(text(100, { least: 1 })),
    counts: mapping(
      text(100),
      array(pair(number(-1e6, 1e6), whole(0, 1e12)), { most: 4096 }),
      256,
    ),
    ranges: mapping(text(100), pair(number(), number(), { rising: true }), 256),
    near: number(0, 1),
    slack: number(0, 10),
  }),
  minimum_support: number(0, 1e9),
  fallback: section({
    rule: oneOf("batch_size_rule", "agent_count_rule", "table_rule", "constant"),
    constant: number(-1e6, 1e6),
    parameters: section({}, { may: { ...THRESHOLDS, ...TABLE_NUMBERS, ...AGENT_CONSTANTS } }),
  }),
  conformal: section({
    level: number(0.5, 0.9999),
    low: LOG_COST,
    high: LOG_COST,
    probabilities: array(number(0, 1), { least: 2, most: 1000, order: "ascending" }),
    differences: array(LOG_COST, { least: 2, most: 1000, order: "rising" }),
    groups: whole(0, 1e9),
  }),
  guard_level: number(0.5, 1),
  adaptation_rate: number(0, 1),
  adaptation_every: whole(1, 1e6),
  cost_unit: text(100),
  training: FIGURES,
  metrics: FIGURES,
  ladder: array(RUNG, { most: 2 }),
  files: mapping(identifier(80), text(64, { pattern: /^[0-9a-f]{64}$/ }), 16),
  extra: section(
    {},
    {
      may: { stack: STACK, workflow: section({ price_exponent: number(0, 1) }) },
      others: tree({ most: 100_000 }),
    },
  ),
});

/**
 * Read the content of `manifest.json`.
 * @param {Uint8Array} content @param {string} path the bundle, for errors
 */
export function readManifest(content, path) {
  let value;
  try {
    value = parse(content);
  } catch {
    throw new BundleRefusedError(`${MANIFEST_NAME} is not JSON`, path);
  }
  try {
    if (value?.schema_version === 1) {
      throw new SchemaError("this reader reads version 2; export the model again", "schema_version");
    }
    if (value?.schema_version === 3 || Object.hasOwn(value?.extra ?? {}, "constraints")) {
      throw new SchemaError(
        "the bundle has constraints, which this reader cannot keep; decide in Python, or export it without",
        "schema_version",
      );
    }
    FIELDS(value, "");
    checkParameters(value);
    checkMeaning(value);
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new BundleRefusedError(`${MANIFEST_NAME}: ${error.message}`, path);
  }
  return value;
}

function checkParameters(manifest) {
  for (const { rule, parameters } of [manifest.fallback, ...manifest.ladder]) {
    const wanted = Object.keys(PARAMETERS[rule]);
    const given = Object.keys(parameters);
    const missing = wanted.find((name) => !Object.hasOwn(parameters, name));
    if (missing !== undefined) throw new SchemaError(`is missing for ${rule}`, missing);
    const other = given.find((name) => !wanted.includes(name));
    if (other !== undefined) throw new SchemaError(`unknown field for ${rule}`, other);
  }
}

const MEANING = [
  ["actions", boundsProblem],
  ["conformal", guardProblem],
  ["feature_schema", columnsProblem],
  ["support", supportProblem],
  ["fallback", ruleProblem],
  ["extra.stack", stackProblem],
  ["ladder", ladderProblem],
  ["expires_at", timeProblem],
];

function checkMeaning(manifest) {
  for (const [field, problemOf] of MEANING) {
    const problem = problemOf(manifest);
    if (problem) throw new SchemaError(problem, field);
  }
}

function boundsProblem(manifest) {
  const bounds = ACTION_BOUNDS.get(manifest.decision);
  if (bounds === undefined) return null;
  const [low, high] = bounds;
  const fine = [...manifest.actions, manifest.fallback.constant].every(
    (action) => low <= action && action <= high && Number.isInteger(action),
  );
  return fine ? null : `not whole numbers from ${low} to ${high}`;
}

function guardProblem({ conformal, guard_level: level }) {
  const { probabilities, differences, low, high } = conformal;
  if (probabilities.length !== differences.length) return "tables differ in length";
  if (interpolated(level, probabilities, differences) < 0) {
    return "the quantile at the guard's level is below 0: it would guard nothing";
  }
  return low > high ? "`low` is above `high`" : null;
}

function interpolated(at, xs, ys) {
  if (at <= xs[0]) return ys[0];
  const above = xs.findIndex((x) => x > at);
  if (above < 0) return ys.at(-1);
  const slope = (ys[above] - ys[above - 1]) / (xs[above] - xs[above - 1]);
  return slope * (at - xs[above - 1]) + ys[above - 1];
}

function columnsProblem({ feature_schema: schema, decision }) {
  const kinds = new Map(schema.context.map((column) => [column.name, column.kind]));
  if ((kinds.get("operation_type") ?? "category") !== "category") {
    return "`operation_type` is not a category";
  }
  const names = [...schema.context, ...schema.action].map((column) => column.name);
  if (new Set(names).size !== names.length) return "two columns have one name";
  const first = ACTION_COLUMNS.get(decision);
  if (first !== undefined && schema.action[0].name !== first) return `\`${first}\` is the action`;
  const width = contextWidth(schema) + schema.action.length;
  return width > MAX_WIDTH ? `rows of ${width} numbers, at most ${MAX_WIDTH}` : null;
}

/** Numbers in an encoded context. */
export function contextWidth(schema) {
  return schema.context.reduce(
    (sum, { kind, categories }) => sum + (kind === "category" ? categories.length : 1),
    0,
  );
}

function supportProblem({ support, decision, feature_schema: schema, ...manifest }) {
  const categories = schema.context.filter(({ kind }) => kind === "category");
  if (support.column !== null && !categories.some(({ name }) => name === support.column)) {
    return "splits by a category that the model does not read";
  }
  for (const rows of Object.values(support.counts)) {
    if (rows.some(([action], n) => n > 0 && rows[n - 1][0] >= action)) {
      return "actions are not ascending";
    }
  }
  const least = ACTION_BOUNDS.has(decision) ? 1 : 0;
  return manifest.minimum_support < least ? `\`minimum_support\` below ${least}` : null;
}

function ruleProblem({ fallback, decision }) {
  const fine = fallback.rule === "constant" || fallback.rule === `${decision}_rule`;
  return fine ? null : `\`${fallback.rule}\` does not decide ${decision}`;
}

function ladderProblem({ ladder, decision, extra }) {
  const bounds = ACTION_BOUNDS.get(decision);
  for (const { rule, name, constant, evidence } of ladder) {
    if (!["constant", "learned", `${decision}_rule`].includes(rule)) {
      return `\`${rule}\` does not decide ${decision}`;
    }
    if ((rule === "learned") !== (name === "learned")) return `\`${name}\` is not \`${rule}\``;
    if (rule === "learned" && !Object.hasOwn(extra, "stack")) {
      return "a learned rung without a section `stack`";
    }
    if (rule === "constant" && bounds !== undefined) {
      const fine = bounds[0] <= constant && constant <= bounds[1] && Number.isInteger(constant);
      if (!fine) return `a constant that is no whole number from ${bounds[0]} to ${bounds[1]}`;
    }
    const least = evidence.assumes ? 1 : groupsNeeded(evidence.level);
    if (isShown(evidence) && evidence.groups < Math.max(least, evidence.groups_needed)) {
      return "a bound from too few groups";
    }
  }
  return null;
}

/** Whether a rung is shown to be cheaper than the one below. */
export function isShown({ upper, observed }) {
  return upper !== null && upper < 0 && !observed;
}

/** Groups under which a one-sided bound of a level is infinite. */
function groupsNeeded(level) {
  return Math.ceil(Number((level / (1 - level)).toFixed(9)));
}

function levelProblem(schema, level) {
  const beside = level.columns ?? [];
  const names = [...schema.context, ...beside].map((column) => column.name);
  if (new Set(names).size !== names.length) return "two columns of the level have one name";
  const width = contextWidth(schema) + contextWidth({ context: beside });
  if (width > MAX_WIDTH) return `a level of ${width} numbers, at most ${MAX_WIDTH}`;
  const common = ["intercept", "centre", "slope", "deviation", "columns"];
  const form = Object.keys(level).filter((name) => !common.includes(name));
  const is = (names) => form.length === names.length && names.every((n) => form.includes(n));
  if (!is(LINEAR) && !is(HINGES)) return "a level that is neither linear nor of hinges";
  const byColumn = ["centre", ...form.filter((name) => name !== "terms")];
  if (is(LINEAR)) byColumn.push("slope");
  else if (level.slope.length !== level.terms.length) {
    return "as many slopes as terms of the level are needed";
  }
  if (byColumn.some((name) => level[name].length !== width)) {
    return `a level that does not read ${width} numbers`;
  }
  const places = (level.terms ?? []).flat().map(([place]) => place);
  if (places.some((place) => place >= width)) {
    return `a term of the level beyond its ${width} numbers`;
  }
  return null;
}

function stackProblem({ extra, feature_schema: schema, decision }) {
  if (!Object.hasOwn(extra, "stack")) return null;
  const { measurement_prior: prior, level } = extra.stack;
  const wrong = level === null ? null : levelProblem(schema, level);
  if (wrong !== null) return wrong;
  const names = schema.action.map((column) => column.name);
  const actions = names.filter((name) => !name.includes(":"));
  if (ACTION_BOUNDS.has(decision) && actions.length !== 1) return "not one action column";
  const { axes } = prior;
  if (new Set(axes).size !== axes.length || Math.max(...axes) >= actions.length) {
    return "axes that are no action columns";
  }
  if (prior.spread.length !== axes.length) return "as many spreads as axes are needed";
  const placed = PLACES.flatMap((what) => axes.map((axis) => `${what}:${actions[axis]}`));
  const wanted = [...actions, ...placed];
  if (names.length !== wanted.length || names.some((name, n) => name !== wanted[n])) {
    return `action columns that are not ${wanted}`;
  }
  const fits =
    prior.amplitudes.every((row) => row.length === KERNELS) &&
    prior.weights.every((row) => row.length === prior.scales.length);
  return fits ? null : "amplitudes or weights of another length";
}

function timeProblem({ created_at: created, expires_at: expires }) {
  return microseconds(expires) <= microseconds(created) ? "is not after `created_at`" : null;
}
