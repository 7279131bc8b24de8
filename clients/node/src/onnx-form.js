/**
 * Reads an ONNX model in the one form that a bundle's graph has.
 *
 * Fields ascend, numbers are written in their shortest form, and no field stands there but
 * those below. Whatever is written otherwise is refused, not guessed at.
 */

import { decode } from "./json-rules.js";

/** A graph is not in the one form, or has a field that is not allowed. */
export class FormError extends Error {}

/** Fields by message: number, name, kind; `[]` marks a repeated one, `=` one of bytes. */
const MESSAGES = {
  model: {
    1: ["irVersion", "int64"],
    2: ["producerName", "text"],
    3: ["producerVersion", "text"],
    7: ["graph", "graph"],
    8: ["opsets", "opset", true],
  },
  opset: { 1: ["domain", "text"], 2: ["version", "int64"] },
  graph: {
    1: ["nodes", "node", true],
    2: ["name", "text"],
    5: ["initializers", "tensor", true],
    11: ["inputs", "value", true],
    12: ["outputs", "value", true],
  },
  node: {
    1: ["inputs", "text", true],
    2: ["outputs", "text", true],
    3: ["name", "text"],
    4: ["operator", "text"],
    5: ["attributes", "attribute", true],
    7: ["domain", "text"],
  },
  attribute: {
    1: ["name", "text"],
    2: ["f", "float"],
    3: ["i", "int64"],
    4: ["s", "bytes"],
    7: ["floats", "float", true],
    8: ["ints", "int64", true],
    9: ["strings", "bytes", true],
    20: ["type", "int32"],
  },
  tensor: {
    1: ["dims", "int64", true],
    2: ["type", "int32"],
    8: ["name", "text"],
    9: ["raw", "bytes"],
  },
  value: { 1: ["name", "text"], 2: ["type", "type"] },
  type: { 1: ["tensor", "tensorType"] },
  tensorType: { 1: ["kind", "int32"], 2: ["shape", "shape"] },
  shape: { 1: ["dims", "dim", true] },
  dim: { 1: ["size", "int64"] },
};

/** Fields of all messages together, runs of an attribute's numbers and modes apart. */
const MAX_FIELDS = 1 << 15;
const MAX_ATTRIBUTE_BYTES = 12 << 20;
const MODES = ["LEAF", "BRANCH_LEQ"];

const VARINT = 0;
const LENGTH = 2;
const FIXED32 = 5;
const WIRE = { int64: VARINT, int32: VARINT, float: FIXED32 };

/** Parse a model. @param {Uint8Array} content @throws {FormError} */
export function parseModel(content) {
  return new Reader(content).message("model", content.length);
}

class Reader {
  constructor(bytes) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.place = 0;
    this.fields = 0;
    this.attributeBytes = 0;
  }

  message(kind, end) {
    const fields = MESSAGES[kind];
    const made = {};
    for (const [name, , repeated] of Object.values(fields)) made[name] = repeated ? [] : undefined;
    if (kind === "attribute") this.attributeBytes += end - this.place;
    if (this.attributeBytes > MAX_ATTRIBUTE_BYTES) throw new FormError("too long attributes");
    let last = 0;
    while (this.place < end) {
      const tag = this.varint(end);
      const number = tag >> 3n;
      const field = fields[number];
      if (field === undefined) throw new FormError(`field ${number} of ${kind} is not allowed`);
      const [name, type, repeated] = field;
      if (Number(tag & 7n) !== (WIRE[type] ?? LENGTH)) throw new FormError(`${name} of ${kind}`);
      if (number < last || (number === last && !repeated)) {
        throw new FormError(`the fields of ${kind} do not ascend`);
      }
      last = number;
      const value = this.value(type, end);
      if (!isRun(kind, name, value)) this.fields += 1;
      if (this.fields > MAX_FIELDS) throw new FormError(`over ${MAX_FIELDS} fields`);
      if (repeated) made[name].push(value);
      else made[name] = value;
    }
    return made;
  }

  value(type, end) {
    if (type === "float") {
      this.need(4, end);
      this.place += 4;
      return this.view.getFloat32(this.place - 4, true);
    }
    if (type === "int64" || type === "int32") {
      const value = BigInt.asIntN(64, this.varint(end));
      if (type === "int32" && BigInt.asIntN(32, value) !== value) throw new FormError("a number");
      return Number(value);
    }
    const size = this.varint(end);
    if (size > BigInt(end - this.place)) throw new FormError("a length beyond the end");
    const stop = this.place + Number(size);
    if (type === "bytes" || type === "text") {
      const bytes = this.bytes.subarray(this.place, stop);
      this.place = stop;
      return type === "bytes" ? bytes : textOf(bytes);
    }
    return this.message(type, stop);
  }

  /** A number of 64 bits in its shortest form. */
  varint(end) {
    let value = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      this.need(1, end);
      const byte = this.bytes[this.place];
      this.place += 1;
      value |= BigInt(byte & 127) << shift;
      if (byte < 128) {
        if ((byte === 0 && shift > 0n) || value >= 1n << 64n) throw new FormError("a number");
        return value;
      }
    }
    throw new FormError("a number of more than 64 bits");
  }

  need(count, end) {
    if (this.place + count > end) throw new FormError("a value beyond the end");
  }
}

/** Whether a value is one of a run that trees have a million of: not counted. */
function isRun(kind, name, value) {
  if (kind !== "attribute") return false;
  if (name === "ints" || name === "floats") return true;
  return name === "strings" && MODES.some((mode) => Buffer.from(mode).equals(value));
}

function textOf(bytes) {
  try {
    return decode(bytes);
  } catch {
    throw new FormError("a text that is not UTF-8");
  }
}
