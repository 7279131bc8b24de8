/**
 * Evaluates a checked graph: 64-bit arithmetic where the graph has 64 bits, rounded to 32
 * where it has 32. Trees add up in 32 bits, leaf by leaf, in the order of the trees.
 *
 * The rows of one question differ in their action alone. A tensor whose rows are equal is
 * `same`: it keeps its shape, holds one row, and what depends on it only is computed once.
 */

import {
  BOOL,
  FLOAT32,
  FLOAT64,
  INPUT_NAME,
  INT64,
  OUTPUT_NAME,
  ShapeError,
  axesOf,
  axisOf,
  broadcast,
  concat,
  constantOf,
  gather,
  matmul,
  numbersOf,
  product,
  tablesOf,
  unsqueezed,
  without,
} from "./graph-check.js";
import { readsActionsAlone } from "./reads.js";

const ARRAYS = new Map([
  [FLOAT32, Float32Array],
  [FLOAT64, Float64Array],
  [BOOL, Uint8Array],
]);

/** A graph that is ready to be asked. */
export class Graph {
  /**
   * @param {object} model parsed and checked
   * @param {number} width columns of the context @param {number} total and of the action
   */
  constructor(model, width, total) {
    const { initializers, nodes } = model.graph;
    const stored = new Map(initializers.map((tensor) => [tensor.name, tensor]));
    this.stored = new Map(initializers.map((tensor) => [tensor.name, tensorOf(tensor)]));
    this.steps = nodes.map((node) => ({
      output: node.outputs[0],
      inputs: node.inputs,
      run: KERNELS[node.operator](node, node.inputs.map((name) => constantOf(stored.get(name)))),
    }));
    const ofActions = readsActionsAlone(model.graph, width, total);
    this.others = this.steps.filter(({ output }) => !ofActions.has(output));
    const needed = new Set(this.others.flatMap(({ inputs }) => inputs));
    this.kept = [...ofActions].filter((name) => needed.has(name) || name === OUTPUT_NAME);
  }

  /**
   * Evaluate encoded rows.
   * @param {Float32Array} rows row by row @param {number} width
   * @param {Map<string, object>} [kept] what was computed of these actions, filled when empty
   * @returns {Float32Array} one log cost a row
   * @throws {ShapeError} the graph does not fit this number of rows
   */
  logCost(rows, width, kept = new Map()) {
    const count = rows.length / width;
    const known = new Map([...this.stored, ...kept]);
    known.set(INPUT_NAME, { kind: FLOAT32, shape: [count, width], data: rows, same: false });
    for (const { output, inputs, run } of kept.size ? this.others : this.steps) {
      known.set(output, run(inputs.map((name) => known.get(name))));
    }
    if (!kept.size) for (const name of this.kept) kept.set(name, known.get(name));
    const { data } = expanded(known.get(OUTPUT_NAME));
    if (data.length !== count) throw new ShapeError();
    return data;
  }
}

function tensorOf(tensor) {
  const shape = tensor.dims;
  if (tensor.type === INT64) return { kind: INT64, shape, data: constantOf(tensor), same: false };
  const raw = tensor.raw ?? new Uint8Array(0);
  const copied = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);
  const data = new (ARRAYS.get(tensor.type))(copied);
  return { kind: tensor.type, shape, data, same: false };
}

function made(kind, shape) {
  return { kind, shape, data: new (ARRAYS.get(kind))(product(shape)), same: false };
}

// -- equal rows -------------------------------------------------------------------------

/** Hold one row where all are equal. */
function compressed(tensor) {
  const { shape, data } = tensor;
  if (shape.length < 2 || shape[0] < 2) return tensor;
  const width = data.length / shape[0];
  for (let n = width; n < data.length; n += 1) {
    if (!Object.is(data[n], data[n - width])) return tensor;
  }
  return { ...tensor, data: data.slice(0, width), same: true };
}

/** Hold every row. */
function expanded(tensor) {
  if (!tensor.same) return tensor;
  const output = made(tensor.kind, tensor.shape);
  const width = tensor.data.length;
  for (let n = 0; n < output.data.length; n += width) output.data.set(tensor.data, n);
  return output;
}

/** See the one row of a tensor of equal rows as all of it. */
function oneRow(tensor) {
  return { ...tensor, shape: [1, ...tensor.shape.slice(1)], same: false };
}

/** Give the rows back that `oneRow` left out. */
function allRows(tensor, count) {
  return { ...tensor, shape: [count, ...tensor.shape.slice(1)], same: true };
}

/** Whether no input differs from row to row, and at least one is the same in all. */
function areSame(inputs) {
  const counts = inputs.filter(({ same }) => same).map(({ shape }) => shape[0]);
  if (!counts.length) return false;
  if (counts.some((count) => count !== counts[0])) throw new ShapeError();
  const rank = Math.max(...inputs.map(({ shape }) => shape.length));
  return inputs.every(({ same, shape }) =>
    same ? shape.length === rank : shape.length < rank || shape[0] === 1,
  );
}

/** Run an operator that works row by row: once, where all rows are the same. */
function byRow(run) {
  return (inputs) => {
    if (!areSame(inputs)) return run(inputs.map(expanded));
    const count = inputs.find(({ same }) => same).shape[0];
    return allRows(run(inputs.map((input) => (input.same ? oneRow(input) : input))), count);
  };
}

/** Run an operator on the first input, by row unless the axis is that of the rows. */
function alongAxis(axis, run) {
  const rowed = byRow(run);
  return (inputs) => {
    const across = axisOf(axis, inputs[0].shape.length) === 0;
    return across ? run(inputs.map(expanded)) : rowed(inputs);
  };
}

// -- element by element -----------------------------------------------------------------

/**
 * Visit the elements of a shape line by line.
 * @param {number[]} shape
 * @param {number[][]} strides of each operand, by axis
 * @param {(start: number, count: number, places: number[], steps: number[]) => void} visit
 */
function eachLine(shape, strides, visit) {
  const axes = mergedAxes(shape, strides);
  const { size: count, steps } = axes.pop();
  const index = new Array(axes.length).fill(0);
  const places = strides.map(() => 0);
  const size = product(shape);
  for (let start = 0; start < size; start += count) {
    visit(start, count, places, steps);
    for (let axis = axes.length - 1; axis >= 0; axis -= 1) {
      const { size: most, steps: moved } = axes[axis];
      index[axis] += 1;
      const back = index[axis] < most ? 0 : most;
      for (let n = 0; n < places.length; n += 1) places[n] += moved[n] * (1 - back);
      if (back === 0) break;
      index[axis] = 0;
    }
  }
}

/** Axes with more than one element; neighbours that every operand lays out as one are one. */
function mergedAxes(shape, strides) {
  const axes = [];
  for (let axis = 0; axis < shape.length; axis += 1) {
    const size = shape[axis];
    if (size === 1) continue;
    const steps = strides.map((each) => each[axis]);
    const before = axes.at(-1);
    if (before?.steps.every((step, n) => step === steps[n] * size)) {
      axes[axes.length - 1] = { size: before.size * size, steps };
    } else {
      axes.push({ size, steps });
    }
  }
  return axes.length ? axes : [{ size: 1, steps: strides.map(() => 0) }];
}

/** How far apart the neighbours of each axis of a broadcast shape lie in a tensor. */
function stridesIn({ shape: from, same }, rank) {
  const steps = new Array(rank).fill(0);
  let step = 1;
  for (let axis = from.length - 1; axis >= 0; axis -= 1) {
    const held = same && axis === 0 ? 1 : from[axis];
    if (held !== 1) steps[rank - from.length + axis] = step;
    step *= held;
  }
  return steps;
}

function unary(compute, kind = null) {
  return () =>
    ([input]) => {
      const data = new (ARRAYS.get(kind ?? input.kind))(input.data.length);
      for (let n = 0; n < data.length; n += 1) data[n] = compute(input.data[n]);
      return { ...input, kind: kind ?? input.kind, data };
    };
}

/** @param {(output, start, count, a, i, p, b, j, q) => void} line computes one line */
function binary(line) {
  return () => (inputs) => combined(line, inputs[0], inputs[1]);
}

/** Fold any number of inputs; each result is rounded to the type that it has. */
function variadic(line) {
  return () => (inputs) =>
    inputs.slice(1).reduce((left, right) => combined(line, left, right), inputs[0]);
}

function combined(line, left, right) {
  if (areSame([left, right])) {
    const { shape } = left.same ? left : right;
    const [a, b] = [left, right].map((input) => (input.same ? oneRow(input) : input));
    return allRows(combined(line, a, b), shape[0]);
  }
  const output = made(left.kind, broadcast(left.shape, right.shape));
  const rank = output.shape.length;
  const strides = [stridesIn(left, rank), stridesIn(right, rank)];
  eachLine(output.shape, strides, (start, count, [i, j], [p, q]) => {
    line(output.data, start, count, left.data, i, p, right.data, j, q);
  });
  return output;
}

// A loop of its own for each operator: one that calls a function for each element is
// several times slower, as the function is another one each time.

function add(output, start, count, a, i, p, b, j, q) {
  for (let n = 0; n < count; n += 1) output[start + n] = a[i + n * p] + b[j + n * q];
}

function subtract(output, start, count, a, i, p, b, j, q) {
  for (let n = 0; n < count; n += 1) output[start + n] = a[i + n * p] - b[j + n * q];
}

function times(output, start, count, a, i, p, b, j, q) {
  for (let n = 0; n < count; n += 1) output[start + n] = a[i + n * p] * b[j + n * q];
}

function divide(output, start, count, a, i, p, b, j, q) {
  for (let n = 0; n < count; n += 1) output[start + n] = a[i + n * p] / b[j + n * q];
}

function largest(output, start, count, a, i, p, b, j, q) {
  for (let n = 0; n < count; n += 1) output[start + n] = Math.max(a[i + n * p], b[j + n * q]);
}

function smallest(output, start, count, a, i, p, b, j, q) {
  for (let n = 0; n < count; n += 1) output[start + n] = Math.min(a[i + n * p], b[j + n * q]);
}

function where() {
  return byRow(([which, yes, no]) => {
    const output = made(yes.kind, broadcast(which.shape, yes.shape, no.shape));
    const strides = [which, yes, no].map((input) => stridesIn(input, output.shape.length));
    eachLine(output.shape, strides, (start, count, [i, j, k], [p, q, r]) => {
      for (let n = 0; n < count; n += 1) {
        const picked = which.data[i + n * p];
        output.data[start + n] = picked ? yes.data[j + n * q] : no.data[k + n * r];
      }
    });
    return output;
  });
}

function cast(node) {
  const kind = numbersOf(node).to;
  return ([input]) => ({ ...input, kind, data: ARRAYS.get(kind).from(input.data) });
}

// -- along axes -------------------------------------------------------------------------

/** Split a shape at an axis: what lies outside, along and inside of it. */
function split(shape, axis) {
  return [product(shape.slice(0, axis)), shape[axis], product(shape.slice(axis + 1))];
}

function reduceSum(node, constants) {
  const keep = (numbersOf(node).keepdims ?? 1) === 1;
  return (inputs) => {
    const shapes = inputs.map(({ shape }) => shape);
    const axes = axesOf(shapes, constants, shapes[0].length);
    const sum = ([input]) => summed(input, axes, keep);
    return axes.includes(0) ? sum([expanded(inputs[0])]) : byRow(sum)([inputs[0]]);
  };
}

function summed(input, axes, keep) {
  const { shape, data, kind } = input;
  const reduced = without(shape, axes, true);
  const sums = new Float64Array(product(reduced));
  const strides = [stridesIn({ shape: reduced, same: false }, shape.length)];
  eachLine(shape, strides, (start, count, [place], [step]) => {
    for (let n = 0; n < count; n += 1) sums[place + n * step] += data[start + n];
  });
  return {
    kind,
    shape: without(shape, axes, keep),
    data: kind === FLOAT64 ? sums : Float32Array.from(sums),
    same: false,
  };
}

function softmax(node) {
  const { axis = -1 } = numbersOf(node);
  return alongAxis(axis, ([input]) => {
    const output = made(input.kind, input.shape);
    const [outside, along, inside] = split(input.shape, axisOf(axis, input.shape.length));
    for (let a = 0; a < outside; a += 1) {
      for (let c = 0; c < inside; c += 1) {
        softmaxLine(input.data, output.data, a * along * inside + c, along, inside);
      }
    }
    return output;
  });
}

function softmaxLine(data, output, start, count, step) {
  let most = -Infinity;
  for (let n = 0; n < count; n += 1) most = Math.max(most, data[start + n * step]);
  let sum = 0;
  for (let n = 0; n < count; n += 1) {
    const value = Math.exp(data[start + n * step] - most);
    output[start + n * step] = value;
    sum += value;
  }
  for (let n = 0; n < count; n += 1) output[start + n * step] /= sum;
}

function take(node, constants) {
  const attributes = numbersOf(node);
  const { axis: given = 0 } = attributes;
  const rowed = alongAxis(given, ([input]) => picked(input, attributes, constants));
  return (inputs) => {
    const found = rowed([inputs[0]]);
    return found.same || axisOf(given, inputs[0].shape.length) === 0 ? found : compressed(found);
  };
}

function picked({ kind, shape, data }, attributes, constants) {
  const output = made(kind, gather([shape, [constants[1].length]], attributes, constants));
  const axis = axisOf(attributes.axis ?? 0, shape.length);
  const [outside, along, inside] = split(shape, axis);
  let place = 0;
  for (let a = 0; a < outside; a += 1) {
    for (const index of constants[1]) {
      const start = (a * along + (index < 0 ? index + along : index)) * inside;
      for (let c = 0; c < inside; c += 1, place += 1) output.data[place] = data[start + c];
    }
  }
  return output;
}

function join(node) {
  const attributes = numbersOf(node);
  return alongAxis(attributes.axis, (inputs) => {
    const shapes = inputs.map(({ shape }) => shape);
    const output = made(inputs[0].kind, concat(shapes, attributes));
    const axis = axisOf(attributes.axis, shapes[0].length);
    const sizes = shapes.map((shape) => product(shape.slice(axis)));
    const outside = product(shapes[0].slice(0, axis));
    let place = 0;
    for (let a = 0; a < outside; a += 1) {
      inputs.forEach(({ data }, n) => {
        output.data.set(data.subarray(a * sizes[n], (a + 1) * sizes[n]), place);
        place += sizes[n];
      });
    }
    return output;
  });
}

function unsqueeze(_node, constants) {
  return (inputs) => {
    const input = expanded(inputs[0]);
    const shape = unsqueezed(inputs.map((each) => each.shape), {}, constants);
    return { ...input, shape };
  };
}

function multiply() {
  return ([left, right]) => {
    if (left.same && !right.same && left.shape.length === 2 && right.shape.length === 2) {
      return allRows(product2(oneRow(left), right), left.shape[0]);
    }
    return product2(expanded(left), expanded(right));
  };
}

function product2(left, right) {
  const shape = matmul([left.shape, right.shape]);
  const output = made(left.kind, shape);
  const [rows, columns] = shape.slice(-2);
  const inner = left.shape.at(-1);
  const outer = shape.slice(0, -2);
  const strides = [left, right].map((input) =>
    stridesIn({ shape: input.shape.slice(0, -2), same: false }, outer.length),
  );
  eachLine(outer, strides, (start, count, [i, j], [p, q]) => {
    for (let n = 0; n < count; n += 1) {
      for (let row = 0; row < rows; row += 1) {
        const a = ((i + n * p) * rows + row) * inner;
        const b = (j + n * q) * inner * columns;
        const place = ((start + n) * rows + row) * columns;
        if (columns === 1) output.data[place] = dot(left.data, a, right.data, b, inner);
        else output.data.set(rowTimes(left.data, a, right.data, b, inner, columns), place);
      }
    }
  });
  return output;
}

function dot(left, a, right, b, count) {
  let sum = 0;
  for (let n = 0; n < count; n += 1) sum += left[a + n] * right[b + n];
  return sum;
}

function rowTimes(left, a, right, b, inner, columns) {
  const sums = new Float64Array(columns);
  for (let k = 0; k < inner; k += 1) {
    const factor = left[a + k];
    const start = b + k * columns;
    for (let c = 0; c < columns; c += 1) sums[c] += factor * right[start + c];
  }
  return sums;
}

// -- trees ------------------------------------------------------------------------------

function forest(node) {
  const trees = layOut(tablesOf(node));
  return byRow(([input]) => {
    const [count, width] = input.shape;
    const output = made(FLOAT32, [count, 1]);
    for (let row = 0; row < count; row += 1) {
      output.data[row] = sumOfLeaves(trees, input.data, row * width);
    }
    return output;
  });
}

function layOut(given) {
  const size = given.nodes_treeids.length;
  const roots = [];
  const children = new Int32Array(2 * size);
  const leaves = new Float32Array(size);
  const weights = new Map();
  given.target_treeids.forEach((tree, n) => {
    weights.set(`${tree}/${given.target_nodeids[n]}`, given.target_weights[n]);
  });
  let first = 0;
  for (let n = 0; n < size; n += 1) {
    if (n === 0 || given.nodes_treeids[n] !== given.nodes_treeids[n - 1]) {
      roots.push(n);
      first = n;
    }
    if (given.nodes_modes[n] === "LEAF") {
      leaves[n] = weights.get(`${given.nodes_treeids[n]}/${given.nodes_nodeids[n]}`);
    } else {
      children[2 * n] = first + given.nodes_truenodeids[n];
      children[2 * n + 1] = first + given.nodes_falsenodeids[n];
    }
  }
  const tracks = given.nodes_missing_value_tracks_true ?? [];
  return {
    roots: Int32Array.from(roots),
    children,
    leaves,
    features: Int32Array.from(given.nodes_featureids),
    thresholds: Float32Array.from(given.nodes_values),
    missing: Uint8Array.from({ length: size }, (_, n) => (tracks[n] === 1 ? 1 : 0)),
    base: Math.fround(given.base_values?.[0] ?? 0),
    average: given.aggregate_function === "AVERAGE",
  };
}

function sumOfLeaves(trees, data, start) {
  const { roots, children, leaves, features, thresholds, missing, base } = trees;
  let sum = 0;
  for (let tree = 0; tree < roots.length; tree += 1) {
    let n = roots[tree];
    while (children[2 * n]) {
      const value = data[start + features[n]];
      const yes = value <= thresholds[n] || (missing[n] === 1 && value !== value);
      n = children[2 * n + (yes ? 0 : 1)];
    }
    sum = Math.fround(sum + leaves[n]);
  }
  if (trees.average) sum = Math.fround(sum / roots.length);
  return Math.fround(sum + base);
}

const KERNELS = {
  Abs: unary(Math.abs),
  Add: binary(add),
  Cast: cast,
  Concat: join,
  Div: binary(divide),
  Exp: unary(Math.exp),
  Gather: take,
  Identity: () => ([input]) => input,
  IsNaN: unary((value) => (Number.isNaN(value) ? 1 : 0), BOOL),
  Log: unary(Math.log),
  MatMul: multiply,
  Max: variadic(largest),
  Min: variadic(smallest),
  Mul: binary(times),
  Neg: unary((value) => -value),
  ReduceSum: reduceSum,
  Relu: unary((value) => Math.max(value, 0)),
  Sigmoid: unary((value) => 1 / (1 + Math.exp(-value))),
  Softmax: softmax,
  Sqrt: unary(Math.sqrt),
  Sub: binary(subtract),
  Tanh: unary(Math.tanh),
  Sum: variadic(add),
  TreeEnsembleRegressor: forest,
  Unsqueeze: unsqueeze,
  Where: where,
};
