/**
 * Evaluates a checked graph: 64-bit arithmetic where the graph has 64 bits, rounded to 32
 * where it has 32. Trees add up in 32 bits, leaf by leaf, in the order of the trees.
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
  sameShape,
  tablesOf,
  unsqueezed,
  without,
} from "./graph-check.js";

const ARRAYS = new Map([
  [FLOAT32, Float32Array],
  [FLOAT64, Float64Array],
  [BOOL, Uint8Array],
]);

/** A graph that is ready to be asked. */
export class Graph {
  /** @param {object} model parsed and checked */
  constructor(model) {
    const { initializers, nodes } = model.graph;
    const stored = new Map(initializers.map((tensor) => [tensor.name, tensor]));
    this.stored = new Map(initializers.map((tensor) => [tensor.name, tensorOf(tensor)]));
    this.steps = nodes.map((node) => ({
      output: node.outputs[0],
      inputs: node.inputs,
      run: KERNELS[node.operator](node, node.inputs.map((name) => constantOf(stored.get(name)))),
    }));
  }

  /**
   * Evaluate encoded rows.
   * @param {Float32Array} rows row by row @param {number} width
   * @returns {Float32Array} one log cost a row
   * @throws {ShapeError} the graph does not fit this number of rows
   */
  logCost(rows, width) {
    const count = rows.length / width;
    const known = new Map(this.stored);
    known.set(INPUT_NAME, { kind: FLOAT32, shape: [count, width], data: rows });
    for (const { output, inputs, run } of this.steps) {
      known.set(output, run(inputs.map((name) => known.get(name))));
    }
    const { data } = known.get(OUTPUT_NAME);
    if (data.length !== count) throw new ShapeError();
    return data;
  }
}

function tensorOf(tensor) {
  const shape = tensor.dims;
  if (tensor.type === INT64) return { kind: INT64, shape, data: constantOf(tensor) };
  const raw = tensor.raw ?? new Uint8Array(0);
  const copied = raw.buffer.slice(raw.byteOffset, raw.byteOffset + raw.byteLength);
  return { kind: tensor.type, shape, data: new (ARRAYS.get(tensor.type))(copied) };
}

function made(kind, shape) {
  return { kind, shape, data: new (ARRAYS.get(kind))(product(shape)) };
}

// -- element by element -----------------------------------------------------------------

function unary(compute, kind = null) {
  return () =>
    ([input]) => {
      const output = made(kind ?? input.kind, input.shape);
      const { data } = output;
      for (let n = 0; n < data.length; n += 1) data[n] = compute(input.data[n]);
      return output;
    };
}

function binary(compute) {
  return () => (inputs) => combined(compute, inputs[0], inputs[1]);
}

/** Fold any number of inputs; each result is rounded to the type that it has. */
function variadic(compute) {
  return () => (inputs) =>
    inputs.slice(1).reduce((left, right) => combined(compute, left, right), inputs[0]);
}

function combined(compute, left, right) {
  const shape = broadcast(left.shape, right.shape);
  const output = made(left.kind, shape);
  const { data } = output;
  if (sameShape(left.shape, right.shape)) {
    for (let n = 0; n < data.length; n += 1) data[n] = compute(left.data[n], right.data[n]);
    return output;
  }
  if (sameShape(left.shape, shape) && isLine(right)) {
    const { length } = right.data;
    for (let n = 0, c = 0; n < data.length; n += 1, c = c + 1 === length ? 0 : c + 1) {
      data[n] = compute(left.data[n], right.data[c]);
    }
    return output;
  }
  const a = positions(left.shape, shape);
  const b = positions(right.shape, shape);
  for (let n = 0; n < data.length; n += 1) data[n] = compute(left.data[a[n]], right.data[b[n]]);
  return output;
}

/** Whether a tensor is one number, or one row that every row of the other is met with. */
function isLine({ shape }) {
  return shape.slice(0, -1).every((size) => size === 1);
}

function where() {
  return ([which, yes, no]) => {
    const shape = broadcast(which.shape, yes.shape, no.shape);
    const output = made(yes.kind, shape);
    const places = [which, yes, no].map((input) => positions(input.shape, shape));
    for (let n = 0; n < output.data.length; n += 1) {
      const picked = which.data[places[0][n]];
      output.data[n] = picked ? yes.data[places[1][n]] : no.data[places[2][n]];
    }
    return output;
  };
}

/** Where each element of a broadcast shape lies in the smaller one. */
function positions(from, shape) {
  const size = product(shape);
  const found = new Int32Array(size);
  if (sameShape(from, shape)) {
    for (let n = 0; n < size; n += 1) found[n] = n;
    return found;
  }
  const steps = new Array(shape.length).fill(0);
  let step = 1;
  for (let n = from.length - 1; n >= 0; n -= 1) {
    const place = shape.length - from.length + n;
    steps[place] = from[n] === 1 ? 0 : step;
    step *= from[n];
  }
  const index = new Array(shape.length).fill(0);
  let place = 0;
  for (let n = 0; n < size; n += 1) {
    found[n] = place;
    for (let axis = shape.length - 1; axis >= 0; axis -= 1) {
      index[axis] += 1;
      place += steps[axis];
      if (index[axis] < shape[axis]) break;
      place -= steps[axis] * shape[axis];
      index[axis] = 0;
    }
  }
  return found;
}

function largest(a, b) {
  return Math.max(a, b);
}

function smallest(a, b) {
  return Math.min(a, b);
}

function cast(node) {
  const kind = numbersOf(node).to;
  return ([input]) => ({ kind, shape: input.shape, data: ARRAYS.get(kind).from(input.data) });
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
    const reduced = without(shapes[0], axes, true);
    const sums = new Float64Array(product(reduced));
    const places = positions(reduced, shapes[0]);
    const { data, kind } = inputs[0];
    for (let n = 0; n < data.length; n += 1) sums[places[n]] += data[n];
    const shape = without(shapes[0], axes, keep);
    return { kind, shape, data: kind === FLOAT64 ? sums : Float32Array.from(sums) };
  };
}

function softmax(node) {
  const { axis = -1 } = numbersOf(node);
  return ([input]) => {
    const output = made(input.kind, input.shape);
    const [outside, along, inside] = split(input.shape, axisOf(axis, input.shape.length));
    for (let a = 0; a < outside; a += 1) {
      for (let c = 0; c < inside; c += 1) {
        softmaxLine(input.data, output.data, a * along * inside + c, along, inside);
      }
    }
    return output;
  };
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
  return (inputs) => {
    const shapes = inputs.map(({ shape }) => shape);
    const output = made(inputs[0].kind, gather(shapes, attributes, constants));
    const axis = axisOf(attributes.axis ?? 0, shapes[0].length);
    const [outside, along, inside] = split(shapes[0], axis);
    let place = 0;
    for (let a = 0; a < outside; a += 1) {
      for (const picked of constants[1]) {
        const start = (a * along + (picked < 0 ? picked + along : picked)) * inside;
        for (let c = 0; c < inside; c += 1, place += 1) {
          output.data[place] = inputs[0].data[start + c];
        }
      }
    }
    return output;
  };
}

function join(node) {
  const attributes = numbersOf(node);
  return (inputs) => {
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
  };
}

function unsqueeze(_node, constants) {
  return (inputs) => {
    const shape = unsqueezed(inputs.map((input) => input.shape), {}, constants);
    return { ...inputs[0], shape };
  };
}

function multiply() {
  return ([left, right]) => {
    const shape = matmul([left.shape, right.shape]);
    const output = made(left.kind, shape);
    const [rows, columns] = shape.slice(-2);
    const inner = left.shape.at(-1);
    const outer = shape.slice(0, -2);
    const a = positions(left.shape.slice(0, -2), outer);
    const b = positions(right.shape.slice(0, -2), outer);
    const sums = new Float64Array(columns);
    for (let n = 0; n < a.length; n += 1) {
      for (let row = 0; row < rows; row += 1) {
        sums.fill(0);
        for (let k = 0; k < inner; k += 1) {
          const factor = left.data[(a[n] * rows + row) * inner + k];
          const start = (b[n] * inner + k) * columns;
          for (let c = 0; c < columns; c += 1) sums[c] += factor * right.data[start + c];
        }
        output.data.set(sums, (n * rows + row) * columns);
      }
    }
    return output;
  };
}

// -- trees ------------------------------------------------------------------------------

function forest(node) {
  const trees = layOut(tablesOf(node));
  return ([input]) => {
    const [count, width] = input.shape;
    const output = made(FLOAT32, [count, 1]);
    for (let row = 0; row < count; row += 1) {
      output.data[row] = sumOfLeaves(trees, input.data, row * width);
    }
    return output;
  };
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
  Add: binary((a, b) => a + b),
  Cast: cast,
  Concat: join,
  Div: binary((a, b) => a / b),
  Exp: unary(Math.exp),
  Gather: take,
  Identity: () => ([input]) => input,
  IsNaN: unary((value) => (Number.isNaN(value) ? 1 : 0), BOOL),
  Log: unary(Math.log),
  MatMul: multiply,
  Max: variadic(largest),
  Min: variadic(smallest),
  Mul: binary((a, b) => a * b),
  Neg: unary((value) => -value),
  ReduceSum: reduceSum,
  Relu: unary((value) => Math.max(value, 0)),
  Sigmoid: unary((value) => 1 / (1 + Math.exp(-value))),
  Softmax: softmax,
  Sqrt: unary(Math.sqrt),
  Sub: binary((a, b) => a - b),
  Tanh: unary(Math.tanh),
  Sum: variadic((a, b) => a + b),
  TreeEnsembleRegressor: forest,
  Unsqueeze: unsqueeze,
  Where: where,
};
