/** One decision to take: what is known beforehand, and the actions on offer. */

import { SchemaError, UsageError } from "./errors.js";
import { ACTION_BOUNDS, ACTION_COLUMNS } from "./manifest.js";

const FLOAT32 = 3.4e38;

export class Problem {
  /**
   * @param {Map<string, number | string>} context only what is known
   * @param {string[]} columns @param {number[][]} actions @param {string[]} [labels]
   */
  constructor(context, columns, actions, labels = actions.map(labelOf)) {
    this.context = context;
    this.columns = columns;
    this.actions = actions;
    this.labels = labels;
  }

  /** A value of the context as a finite number; null where it is none. */
  number(name) {
    const value = this.context.get(name);
    return typeof value === "number" && Number.isFinite(value) ? value : null;
  }

  /** A value of the context as a text; null where it is none. */
  text(name) {
    const value = this.context.get(name);
    return typeof value === "string" ? value : null;
  }
}

/** Columns of an action, and the actions that a bundle offers by itself. */
export function offerOf(manifest) {
  const { decision, actions, feature_schema: schema } = manifest;
  if (decision === "table") {
    const names = schema.action.map((column) => column.name);
    return { columns: names.filter((name) => !name.includes(":")), actions: [] };
  }
  const [low, high] = ACTION_BOUNDS.get(decision);
  const all = Array.from({ length: high - low + 1 }, (_, n) => low + n);
  const offered = (actions.length ? actions : all).map((action) => [action]);
  return { columns: [ACTION_COLUMNS.get(decision)], actions: offered };
}

/**
 * Read a context: null, undefined and NaN are not known; true is 1 and false 0.
 * @param {Record<string, unknown> | Map<string, unknown>} given
 */
export function contextOf(given) {
  const known = new Map();
  const entries = given instanceof Map ? given.entries() : Object.entries(given);
  for (const [name, value] of entries) {
    if (value === null || value === undefined || Number.isNaN(value)) continue;
    if (!["number", "string", "boolean"].includes(typeof value)) {
      throw new UsageError(`\`${name}\` is a ${typeof value}; give a number or a text`);
    }
    known.set(name, typeof value === "boolean" ? Number(value) : value);
  }
  return known;
}

/**
 * Read the actions of a question: numbers, or one list of numbers each.
 * @param {number | ArrayLike<unknown>} given @param {string[]} columns
 * @param {boolean} positive whether actions are sizes
 */
export function actionsOf(given, columns, positive) {
  const actions = Array.from(given, (action) =>
    typeof action === "number" ? [action] : Array.from(action),
  );
  if (!actions.length || actions.some((action) => action.length !== columns.length)) {
    throw new UsageError(`give actions of ${columns.length} numbers each: ${columns}`);
  }
  if (actions.flat().some((value) => !Number.isFinite(value) || (positive && value <= 0))) {
    throw new UsageError(`actions are finite numbers${positive ? " above 0" : ""}`);
  }
  return actions;
}

/** Encode a context as the model reads it; unknown numbers are NaN. @returns {Float32Array} */
export function encoded(schema, context) {
  const numbers = [];
  for (const column of schema.context) {
    const value = context.get(column.name);
    if (column.kind === "category") {
      for (const category of column.categories) numbers.push(value === category ? 1 : 0);
    } else {
      numbers.push(encodedNumber(column, value));
    }
  }
  return Float32Array.from(numbers);
}

function encodedNumber({ name, log }, value) {
  if (value === undefined) return NaN;
  if (typeof value === "string" || Math.abs(value) > FLOAT32) {
    throw new SchemaError("not a number of 32 bits", name);
  }
  if (!log) return value;
  if (value <= -1) throw new SchemaError("not a size", name);
  return Math.log1p(value);
}

/** Name an action: its numbers with six digits, joined by a slash. */
export function labelOf(action) {
  return action.map(shortest).join("/");
}

/** Write a number with six significant digits, as C's `%g` does. */
function shortest(value) {
  if (value === 0) return Object.is(value, -0) ? "-0" : "0";
  const [digits, exponent] = value.toExponential(5).split("e");
  const power = Number(exponent);
  if (power >= -4 && power < 6) return trimmed(value.toFixed(5 - power));
  const sign = power < 0 ? "-" : "+";
  return `${trimmed(digits)}e${sign}${String(Math.abs(power)).padStart(2, "0")}`;
}

function trimmed(digits) {
  return digits.includes(".") ? digits.replace(/\.?0+$/, "") : digits;
}
