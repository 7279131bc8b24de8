/** What a bundle's graph may contain: operators, types, shapes, work, and trees that end. */

import { decode } from "./json-rules.js";

export const INPUT_NAME = "features";
export const OUTPUT_NAME = "log_cost";
export const MAX_MODEL_BYTES = 16 << 20;
export const FLOAT32 = 1;
export const INT64 = 7;
export const BOOL = 9;
export const FLOAT64 = 11;

const IR_VERSION = 10;
const OPSETS = new Map([
  ["", 21],
  ["ai.onnx.ml", 3],
]);
const MAX_NODES = 4096;
const ROWS = 64;
const MAX_ELEMENTS = 12 << 20;
/** Elements of tensors that are computed from stored ones alone. */
const MAX_STORED_ELEMENTS = 1 << 20;
const MAX_WORK = 2 ** 31;
/** Nodes of all trees of a graph. */
const MAX_TREE_NODES = 1 << 18;
const MAX_DEPTH = 256;
const ELEMENT_BYTES = new Map([
  [FLOAT32, 4],
  [INT64, 8],
  [FLOAT64, 8],
]);

/** The types or shapes of an operator's inputs do not fit it. */
export class ShapeError extends Error {}

/** Where an attribute of a type holds its value. */
const HELD = new Map([
  [1, "f"],
  [2, "i"],
  [3, "s"],
  [6, "floats"],
  [7, "ints"],
  [8, "strings"],
]);
const [FLOAT, INT, STRING, FLOATS, INTS, STRINGS] = HELD.keys();

/**
 * Check a parsed model; gives what is wrong, or null.
 * @param {object} model as `parseModel` gives it
 * @param {number} width numbers in one encoded row
 */
export function graphProblem(model, width) {
  const graph = model.graph ?? { nodes: [], initializers: [], inputs: [], outputs: [] };
  return (
    versionProblem(model) ??
    operatorProblem(graph) ??
    tensorProblem(graph) ??
    endsProblem(graph, width) ??
    shapesProblem(graph, width)
  );
}

function versionProblem(model) {
  if (model.irVersion !== IR_VERSION) {
    return `its graph has ONNX version ${model.irVersion}, this reader reads ${IR_VERSION}`;
  }
  for (const { domain = "", version = 0 } of model.opsets) {
    if (OPSETS.get(domain) !== version) return `operators \`${domain}\` of version ${version}`;
  }
  return model.opsets.length === OPSETS.size ? null : "another number of sets of operators";
}

function operatorProblem(graph) {
  if (!(graph.nodes.length > 0 && graph.nodes.length <= MAX_NODES)) {
    return `${graph.nodes.length} nodes, 1 to ${MAX_NODES} allowed`;
  }
  for (const node of graph.nodes) {
    const operator = operatorOf(node);
    if (operator === undefined) return `operator \`${node.operator}\` is not allowed`;
    const [least, most] = operator.inputs;
    const count = node.inputs.length;
    if (count < least || count > most || node.outputs.length !== 1) {
      return `operator \`${node.operator}\` has another number of inputs or outputs`;
    }
    const problem = attributesProblem(node, operator);
    if (problem !== null) return problem;
  }
  return null;
}

function attributesProblem(node, operator) {
  const names = new Set();
  for (const attribute of node.attributes) {
    const { name = "" } = attribute;
    if (names.has(name) || operator.attributes.get(name) !== attribute.type) {
      return `operator \`${node.operator}\` has an attribute that is not allowed`;
    }
    names.add(name);
    const held = HELD.get(attribute.type);
    for (const place of HELD.values()) {
      const given = Array.isArray(attribute[place])
        ? attribute[place].length > 0
        : attribute[place] !== undefined;
      const needed = place === held && "fis".includes(place);
      if ((given && place !== held) || (needed && !given)) return "an attribute of two types";
    }
  }
  return null;
}

function tensorProblem(graph) {
  for (const tensor of graph.initializers) {
    const size = ELEMENT_BYTES.get(tensor.type);
    if (
      size === undefined ||
      tensor.dims.length > 4 ||
      tensor.dims.some((dim) => dim < 0 || dim > MAX_ELEMENTS)
    ) {
      return "a stored tensor has a type or shape that is not allowed";
    }
    if ((tensor.raw?.length ?? 0) !== product(tensor.dims) * size) {
      return "a stored tensor has another size than its shape";
    }
  }
  return null;
}

function endsProblem(graph, width) {
  if (graph.inputs.length !== 1 || graph.inputs[0].name !== INPUT_NAME) {
    return `inputs must be [\`${INPUT_NAME}\`]`;
  }
  if (!areRows(graph.inputs[0], width)) {
    return `input \`${INPUT_NAME}\` must have rows of ${width} 32-bit floats`;
  }
  if (graph.outputs.length !== 1 || graph.outputs[0].name !== OUTPUT_NAME) {
    return `outputs must be [\`${OUTPUT_NAME}\`]`;
  }
  return areRows(graph.outputs[0], 1) ? null : "the output must have rows of one 32-bit float";
}

function areRows(value, width) {
  const tensor = value.type?.tensor;
  const dims = tensor?.shape?.dims ?? [];
  return (
    tensor?.kind === FLOAT32 &&
    dims.length === 2 &&
    dims[0].size === undefined &&
    dims[1].size === width
  );
}

function shapesProblem(graph, width) {
  const stored = new Map(graph.initializers.map((tensor) => [tensor.name ?? "", tensor]));
  if (stored.has(INPUT_NAME) || stored.has("") || stored.size !== graph.initializers.length) {
    return "a stored tensor has no name";
  }
  const known = new Map();
  for (const [name, tensor] of stored) known.set(name, { kind: tensor.type, shape: tensor.dims });
  known.set(INPUT_NAME, { kind: FLOAT32, shape: [ROWS, width] });
  let elements = 0;
  for (const { shape } of known.values()) elements += product(shape);
  const fromStored = new Set(stored.keys());
  let work = 0;
  let computed = 0;
  let treeNodes = 0;
  for (const node of graph.nodes) {
    const [output] = node.outputs;
    let made;
    try {
      made = outputOf(node, known, stored);
    } catch (error) {
      if (!(error instanceof ShapeError)) throw error;
      return `the inputs of operator \`${node.operator}\` do not fit it`;
    }
    if (known.has(output) || output === "") return "a tensor is written twice";
    known.set(output, made);
    elements += product(made.shape);
    work += workOf(node, node.inputs.map((name) => known.get(name).shape), made.shape);
    if (node.inputs.every((name) => fromStored.has(name))) {
      fromStored.add(output);
      computed += product(made.shape);
    }
    if (elements > MAX_ELEMENTS || work > MAX_WORK) {
      return `its tensors hold too much (${elements} elements, ${work} operations)`;
    }
    if (computed > MAX_STORED_ELEMENTS) {
      return `its stored tensors grow too much (${computed} elements)`;
    }
    if (node.operator === "TreeEnsembleRegressor") {
      treeNodes += Math.max(0, ...node.attributes.map(({ ints }) => ints.length));
      if (treeNodes > MAX_TREE_NODES) return `its trees have over ${MAX_TREE_NODES} nodes`;
      const problem = forestProblem(node, known.get(node.inputs[0]).shape[1]);
      if (problem !== null) return `its trees: ${problem}`;
    }
  }
  const { kind, shape } = known.get(OUTPUT_NAME) ?? { shape: [] };
  if (!sameShape(shape, [ROWS, 1]) || stored.has(OUTPUT_NAME)) {
    return `\`${OUTPUT_NAME}\` must be one number a row`;
  }
  return kind === FLOAT32 ? null : `\`${OUTPUT_NAME}\` must be 32-bit floats`;
}

function outputOf(node, known, stored) {
  const inputs = node.inputs.map((name) => known.get(name));
  if (inputs.includes(undefined)) throw new ShapeError();
  const operator = operatorOf(node);
  const attributes = numbersOf(node);
  const constants = node.inputs.map((name) => constantOf(stored.get(name)));
  const shape = operator.shape(
    inputs.map((input) => input.shape),
    attributes,
    constants,
  );
  if (shape.length > 4) throw new ShapeError();
  const kind = operator.kind(
    inputs.map((input) => input.kind),
    attributes,
  );
  return { kind, shape };
}

/** Whole numbers among the attributes of a node, by name. */
export function numbersOf(node) {
  const found = {};
  for (const { name, type, i } of node.attributes) if (type === INT) found[name] = i;
  return found;
}

/** The values of a stored tensor of whole numbers; undefined for any other. */
export function constantOf(tensor) {
  if (tensor === undefined || tensor.type !== INT64) return undefined;
  const raw = tensor.raw ?? new Uint8Array(0);
  const view = new DataView(raw.buffer, raw.byteOffset, raw.byteLength);
  return Array.from({ length: raw.length / 8 }, (_, n) => Number(view.getBigInt64(8 * n, true)));
}

function workOf(node, inputs, output) {
  const elements = product(output);
  if (node.operator === "MatMul") return elements * Math.max(inputs[0].at(-1), inputs[0][0]);
  if (node.operator === "TreeEnsembleRegressor") {
    const trees = node.attributes.find(({ name }) => name === "nodes_treeids");
    return elements * (trees === undefined ? 1 : new Set(trees.ints).size) * 64;
  }
  return Math.max(elements, ...inputs.map(product));
}

export function product(shape) {
  return shape.reduce((whole, size) => whole * size, 1);
}

export function sameShape(left, right) {
  return left.length === right.length && left.every((size, n) => size === right[n]);
}

// -- shapes -----------------------------------------------------------------------------

export function broadcast(...shapes) {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  const made = new Array(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((size, n) => {
      const place = rank - shape.length + n;
      if (size === 1) return;
      if (made[place] !== 1 && made[place] !== size) throw new ShapeError();
      made[place] = size;
    });
  }
  return made;
}

function same(inputs) {
  return broadcast(...inputs);
}

export function axisOf(axis, rank) {
  if (axis === undefined || axis < -rank || axis >= rank) throw new ShapeError();
  return axis < 0 ? axis + rank : axis;
}

/** Read the second input: a stored list of axes, each once. */
export function axesOf(inputs, constants, rank) {
  if (constants[1] === undefined || inputs[1].length !== 1) throw new ShapeError();
  const axes = constants[1].map((axis) => axisOf(axis, rank));
  if (new Set(axes).size !== axes.length) throw new ShapeError();
  return axes;
}

function summed(inputs, attributes, constants) {
  const axes = axesOf(inputs, constants, inputs[0].length);
  const keep = attributes.keepdims ?? 1;
  if (!axes.length || (keep !== 0 && keep !== 1)) throw new ShapeError();
  return without(inputs[0], axes, keep === 1);
}

export function without(shape, axes, keep) {
  if (keep) return shape.map((size, n) => (axes.includes(n) ? 1 : size));
  return shape.filter((_, n) => !axes.includes(n));
}

function softmax(inputs, attributes) {
  axisOf(attributes.axis ?? -1, inputs[0].length);
  return inputs[0];
}

export function matmul([left, right]) {
  if (left.length < 2 || right.length < 2 || left.at(-1) !== right.at(-2)) throw new ShapeError();
  return [...broadcast(left.slice(0, -2), right.slice(0, -2)), left.at(-2), right.at(-1)];
}

export function gather([shape, picked], attributes, constants) {
  const axis = axisOf(attributes.axis ?? 0, shape.length);
  if (constants[1] === undefined) throw new ShapeError();
  const size = shape[axis];
  if (constants[1].some((place) => place < -size || place >= size)) throw new ShapeError();
  return [...shape.slice(0, axis), ...picked, ...shape.slice(axis + 1)];
}

export function concat(inputs, attributes) {
  const [first] = inputs;
  const axis = axisOf(attributes.axis, first.length);
  for (const shape of inputs) {
    const fits = shape.length === first.length && shape.every((s, n) => n === axis || s === first[n]);
    if (!fits) throw new ShapeError();
  }
  return first.map((size, n) => (n === axis ? inputs.reduce((sum, s) => sum + s[axis], 0) : size));
}

export function unsqueezed(inputs, _attributes, constants) {
  const rank = inputs[0].length + product(inputs[1]);
  const places = axesOf(inputs, constants, rank);
  const left = [...inputs[0]];
  return Array.from({ length: rank }, (_, n) => (places.includes(n) ? 1 : left.shift()));
}

function forestShape([shape]) {
  if (shape.length !== 2) throw new ShapeError();
  return [shape[0], 1];
}

// -- types ------------------------------------------------------------------------------

function alike(kinds) {
  const known = kinds[0] === FLOAT32 || kinds[0] === FLOAT64;
  if (!known || kinds.some((kind) => kind !== kinds[0])) throw new ShapeError();
  return kinds[0];
}

function tested(kinds) {
  alike(kinds);
  return BOOL;
}

function chosen([which, ...kinds]) {
  if (which !== BOOL) throw new ShapeError();
  return alike(kinds);
}

function placed([kind, places]) {
  if (places !== INT64) throw new ShapeError();
  return alike([kind]);
}

function cast(kinds, attributes) {
  alike(kinds);
  return alike([attributes.to ?? 0]);
}

function single([kind]) {
  if (kind !== FLOAT32) throw new ShapeError();
  return FLOAT32;
}

// -- operators --------------------------------------------------------------------------

const MANY = 4096;
const AXIS = [["axis", INT]];
const TREES = [
  ["aggregate_function", STRING],
  ["base_values", FLOATS],
  ["n_targets", INT],
  ["nodes_falsenodeids", INTS],
  ["nodes_featureids", INTS],
  ["nodes_hitrates", FLOATS],
  ["nodes_missing_value_tracks_true", INTS],
  ["nodes_modes", STRINGS],
  ["nodes_nodeids", INTS],
  ["nodes_treeids", INTS],
  ["nodes_truenodeids", INTS],
  ["nodes_values", FLOATS],
  ["post_transform", STRING],
  ["target_ids", INTS],
  ["target_nodeids", INTS],
  ["target_treeids", INTS],
  ["target_weights", FLOATS],
];

function operator(inputs, kind, shape, attributes = []) {
  return { inputs, kind, shape, attributes: new Map(attributes) };
}

const OPERATORS = new Map([
  ...["Abs", "Exp", "Identity", "Log", "Neg", "Relu", "Sigmoid", "Sqrt", "Tanh"].map((name) => [
    name,
    operator([1, 1], alike, same),
  ]),
  ...["Add", "Div", "Mul", "Sub"].map((n) => [n, operator([2, 2], alike, same)]),
  ...["Max", "Min", "Sum"].map((n) => [n, operator([1, MANY], alike, same)]),
  ["Cast", operator([1, 1], cast, same, [["to", INT]])],
  ["Concat", operator([1, MANY], alike, concat, AXIS)],
  ["Gather", operator([2, 2], placed, gather, AXIS)],
  ["IsNaN", operator([1, 1], tested, same)],
  ["MatMul", operator([2, 2], alike, matmul)],
  ["ReduceSum", operator([2, 2], placed, summed, [["keepdims", INT]])],
  ["Softmax", operator([1, 1], alike, softmax, AXIS)],
  ["Unsqueeze", operator([2, 2], placed, unsqueezed)],
  ["Where", operator([3, 3], chosen, same)],
]);
const FOREST = operator([1, 1], single, forestShape, TREES);

/** Find an operator of the allow-list; undefined where it is not on it. */
export function operatorOf({ domain = "", operator: name = "" }) {
  if (domain === "ai.onnx.ml") return name === "TreeEnsembleRegressor" ? FOREST : undefined;
  return domain === "" ? OPERATORS.get(name) : undefined;
}

// -- trees ------------------------------------------------------------------------------

/** The attributes of a forest by name, texts decoded. */
export function tablesOf(node) {
  const found = {};
  for (const attribute of node.attributes) {
    const value = attribute[HELD.get(attribute.type)];
    if (attribute.type === STRING) found[attribute.name] = latin(value);
    else if (attribute.type === STRINGS) found[attribute.name] = value.map(latin);
    else found[attribute.name] = value;
  }
  return found;
}

function latin(bytes) {
  try {
    return decode(bytes);
  } catch {
    return null; // not one of the known words
  }
}

function forestProblem(node, width) {
  const given = tablesOf(node);
  const fixed = { aggregate_function: ["SUM", "AVERAGE"], post_transform: ["NONE"] };
  for (const [name, known] of Object.entries(fixed)) {
    if (Object.hasOwn(given, name) && !known.includes(given[name])) return `\`${name}\``;
  }
  if (given.n_targets !== 1) return "has not one target";
  return nodesProblem(given, width) ?? targetsProblem(given);
}

function nodesProblem(given, width) {
  const names = ["treeids", "nodeids", "featureids", "truenodeids", "falsenodeids"];
  if (names.some((name) => !given[`nodes_${name}`]?.length)) return "lacks a table of nodes";
  const trees = given.nodes_treeids;
  const size = trees.length;
  const modes = given.nodes_modes ?? [];
  const columns = [...names.slice(1).map((name) => given[`nodes_${name}`]), modes];
  columns.push(given.nodes_values ?? []);
  for (const name of ["nodes_hitrates", "nodes_missing_value_tracks_true"]) {
    if (Object.hasOwn(given, name)) columns.push(given[name]);
  }
  if (trees.some((tree) => tree < 0 || tree > MAX_TREE_NODES)) return "an id out of bounds";
  if (size > MAX_TREE_NODES || columns.some((column) => column.length !== size)) {
    return "tables of nodes differ in length";
  }
  if (modes.some((mode) => mode !== "LEAF" && mode !== "BRANCH_LEQ")) return "another mode";
  for (let n = 0; n < size; n += 1) {
    const feature = given.nodes_featureids[n];
    if (modes[n] !== "LEAF" && (feature < 0 || feature >= width)) {
      return "a node reads a column that is not there";
    }
    if (Number.isNaN(given.nodes_values[n])) return "a threshold is not a number";
  }
  return orderProblem(given);
}

/** Check that the nodes of each tree are numbered from 0, parents before children. */
function orderProblem(given) {
  const trees = given.nodes_treeids;
  const size = trees.length;
  const begins = [];
  for (let n = 0; n < size; n += 1) if (n === 0 || trees[n] !== trees[n - 1]) begins.push(n);
  if (new Set(begins.map((n) => trees[n])).size !== begins.length) {
    return "the nodes of a tree do not stand together";
  }
  const depths = new Int32Array(size);
  const parents = new Uint8Array(size);
  for (const [order, first] of begins.entries()) {
    const end = (begins[order + 1] ?? size) - first;
    for (let id = 0; id < end; id += 1) {
      const n = first + id;
      if (given.nodes_nodeids[n] !== id) return "the nodes of a tree are not numbered in order";
      if (given.nodes_modes[n] === "LEAF") continue;
      for (const child of [given.nodes_truenodeids[n], given.nodes_falsenodeids[n]]) {
        if (child <= id || child >= end) return "a child does not come after its parent";
        if (parents[first + child]) return "a node has no parent, or two";
        parents[first + child] = 1;
        depths[first + child] = depths[n] + 1;
        if (depths[first + child] >= MAX_DEPTH) return `a tree is deeper than ${MAX_DEPTH}`;
      }
    }
    for (let n = first + 1; n < first + end; n += 1) {
      if (!parents[n]) return "a node has no parent, or two";
    }
  }
  return null;
}

function targetsProblem(given) {
  const names = ["target_treeids", "target_nodeids", "target_ids", "target_weights"];
  const [trees, ids, targets, weights] = names.map((name) => given[name] ?? []);
  if (!trees.length || !ids.length || !targets.length || !weights.length) {
    return "lacks a table of targets";
  }
  if (new Set([trees.length, ids.length, targets.length, weights.length]).size !== 1) {
    return "tables of targets differ in length";
  }
  const wanted = [];
  given.nodes_modes.forEach((mode, n) => {
    if (mode === "LEAF") wanted.push(keyOf(given.nodes_treeids[n], given.nodes_nodeids[n]));
  });
  const found = trees.map((tree, n) => keyOf(tree, ids[n])).sort((a, b) => a - b);
  wanted.sort((a, b) => a - b);
  if (targets.some((target) => target !== 0) || !sameShape(wanted, found)) {
    return "the targets are not one for each leaf";
  }
  const base = given.base_values?.length ? given.base_values : [0];
  const finite = [...base, ...weights].every(Number.isFinite);
  return base.length === 1 && finite ? null : "a weight is no finite number";
}

function keyOf(tree, id) {
  return tree * MAX_TREE_NODES + id;
}
