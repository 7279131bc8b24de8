/**
 * What a JSON document may hold: one rule a field, checked before anything reads it.
 *
 * A rule takes a value and the path to it, and throws `SchemaError` unless the value is
 * what the field may hold.
 */

import { SchemaError } from "./errors.js";

const UTF8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
/** Characters without a picture; unassigned ones by this program's Unicode tables. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/u;
const IDENTIFIER = /^[A-Za-z0-9_][A-Za-z0-9_.:+-]*$/;
const MOMENT =
  /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2}):(\d{2})(\.\d{1,6})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;
const MAX_WHOLE = 2 ** 53;

/** Parse UTF-8 JSON. @param {Uint8Array} content @returns {unknown} */
export function parse(content) {
  return JSON.parse(UTF8.decode(content));
}

/** Decode UTF-8 bytes strictly. @param {Uint8Array} content */
export function decode(content) {
  return UTF8.decode(content);
}

export function number(low = -1e300, high = 1e300) {
  return (value, path) => {
    if (typeof value !== "number" || !(low <= value && value <= high)) {
      throw refused(`not a number from ${low} to ${high}`, path);
    }
  };
}

export function whole(low = 0, high = MAX_WHOLE) {
  const inner = number(low, high);
  return (value, path) => {
    inner(value, path);
    if (!Number.isInteger(value)) throw refused("not a whole number", path);
  };
}

export function text(most = 200, { pattern = null, least = 0 } = {}) {
  return (value, path) => {
    // A text within bounds in UTF-16 units may be shorter in characters, never longer.
    if (typeof value !== "string" || value.length > 2 * most) {
      throw refused(`not a text of ${least} to ${most} characters`, path);
    }
    const length = [...value].length;
    if (length < least || length > most) {
      throw refused(`not a text of ${least} to ${most} characters`, path);
    }
    if (UNPRINTABLE.test(value)) throw refused("holds characters that cannot be printed", path);
    if (pattern !== null && !pattern.test(value)) {
      throw refused("not a name of the expected form", path);
    }
  };
}

export function identifier(most = 100) {
  return text(most, { pattern: IDENTIFIER, least: 1 });
}

export function oneOf(...known) {
  return (value, path) => {
    if (!known.includes(value)) throw refused(`not one of ${known.join(", ")}`, path);
  };
}

export function flag(value, path) {
  if (typeof value !== "boolean") throw refused("neither true nor false", path);
}

/** Accept an aware time of the years 2000 to 9000. */
export function moment(value, path) {
  const found = typeof value === "string" ? MOMENT.exec(value) : null;
  if (found === null || !isDate(found.slice(1, 7).map(Number))) {
    throw refused("not a time in ISO 8601", path);
  }
  if (Number(found[1]) < 2000 || Number(found[1]) > 9000) {
    throw refused("not an aware time of the years 2000 to 9000", path);
  }
}

function isDate([year, month, day, hour, minute, second]) {
  const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
  const known = month >= 1 && month <= 12 && day >= 1;
  return known && year >= 1 && day <= days && hour < 24 && minute < 60 && second < 60;
}

/** Microseconds since 1970 of a time that `moment` accepts. @returns {bigint} */
export function microseconds(value) {
  const found = MOMENT.exec(value);
  const [year, month, day, hour, minute, second] = found.slice(1, 7).map(Number);
  const fraction = BigInt((found[7] ?? ".").slice(1).padEnd(6, "0"));
  const zone = found[8] === "Z" ? "+00:00" : found[8];
  const offset = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(4, 6));
  const shift = zone[0] === "-" ? offset : -offset;
  const whole_ms = Date.UTC(year, month - 1, day, hour, minute + shift, second);
  return BigInt(whole_ms) * 1000n + fraction;
}

export function array(item, { most, least = 0, order = null }) {
  return (value, path) => {
    if (!Array.isArray(value) || value.length < least || value.length > most) {
      throw refused(`not a list of ${least} to ${most} values`, path);
    }
    value.forEach((each, place) => item(each, `${path}[${place}]`));
    for (let n = 1; order !== null && n < value.length; n += 1) {
      const fine = order === "ascending" ? value[n - 1] < value[n] : value[n - 1] <= value[n];
      if (!fine) throw refused(`its values are not ${order}`, path);
    }
  };
}

export function pair(first, second, { rising = false } = {}) {
  return (value, path) => {
    if (!Array.isArray(value) || value.length !== 2) throw refused("not a list of two values", path);
    first(value[0], `${path}[0]`);
    second(value[1], `${path}[1]`);
    if (rising && value[0] > value[1]) throw refused("its first value is above its second", path);
  };
}

export function mapping(key, item, most) {
  return (value, path) => {
    if (!isObject(value) || Object.keys(value).length > most) {
      throw refused(`not an object of at most ${most} fields`, path);
    }
    for (const [name, each] of Object.entries(value)) {
      key(name, path);
      item(each, `${path}.${name}`);
    }
  };
}

export function optional(rule) {
  return (value, path) => {
    if (value !== null) rule(value, path);
  };
}

export function section(fields, { may = {}, others = null } = {}) {
  const known = new Map([...Object.entries(fields), ...Object.entries(may)]);
  const needed = Object.keys(fields);
  return (value, path) => {
    if (!isObject(value)) throw refused("not an object", path);
    for (const name of needed) {
      if (!Object.hasOwn(value, name)) throw refused("is missing", below(path, name));
    }
    for (const [name, each] of Object.entries(value)) {
      const rule = known.get(name) ?? others;
      if (rule === null) throw refused("unknown field", below(path, name));
      rule(each, below(path, name));
    }
  };
}

/** Accept any JSON value of bounded size with finite numbers and printable texts. */
export function tree({ most = 4000, depth = 6, longest = 400 } = {}) {
  const leafText = text(longest);
  const leafNumber = number();
  function count(value, path, left) {
    if (typeof value === "string") leafText(value, path);
    else if (typeof value === "number") leafNumber(value, path);
    else if (value !== null && typeof value === "object") {
      if (left === 0) throw refused("nested too deeply", path);
      if (!Array.isArray(value)) Object.keys(value).forEach((name) => leafText(name, path));
      let sum = 1;
      for (const each of Object.values(value)) sum += count(each, path, left - 1);
      return sum;
    }
    return 1;
  }
  return (value, path) => {
    if (count(value, path, depth) > most) throw refused(`holds more than ${most} values`, path);
  };
}

export function isObject(value) {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}

function below(path, name) {
  return path ? `${path}.${name}` : name;
}

function refused(problem, path) {
  return new SchemaError(problem, path.slice(0, 200));
}
