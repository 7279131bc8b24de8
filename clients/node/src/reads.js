/** Which steps of a graph read the columns of the action alone: asked once for each offer. */

import { INPUT_NAME, axisOf, constantOf, numbersOf } from "./graph-check.js";

const CONTEXT = 1;
const ACTION = 2;
const ELEMENTWISE = new Set(
  "Abs Add Cast Div Exp Identity IsNaN Log Max Min Mul Neg Relu Sigmoid Sqrt Sub Sum Tanh Where".split(" "),
);

/**
 * Find the steps that give the same for each question with the same actions on offer.
 * @param {object} graph checked
 * @param {number} width columns of the context, which come first
 * @param {number} total columns of context and action
 * @returns {Set<string>} names of their outputs
 */
export function readsActionsAlone({ nodes, initializers }, width, total) {
  const stored = new Map(initializers.map((tensor) => [tensor.name, tensor]));
  const columns = Array.from({ length: total }, (_, n) => (n < width ? CONTEXT : ACTION));
  const known = new Map([[INPUT_NAME, { columns }]]);
  for (const { name, dims } of initializers) known.set(name, { all: 0, width: dims.at(-1) ?? 1 });
  const found = new Set();
  for (const node of nodes) {
    const read = reading(node, known, stored);
    known.set(node.outputs[0], read);
    if (allOf(read) === ACTION) found.add(node.outputs[0]);
  }
  return found;
}

/** What a step reads: of each of its columns where they can be told apart, or altogether. */
function reading(node, known, stored) {
  const inputs = node.inputs.map((name) => known.get(name));
  const [first] = inputs;
  if (node.operator === "Gather" && first.columns !== undefined) {
    const { axis = 0 } = numbersOf(node);
    if (axisOf(axis, 2) === 1) {
      const picked = constantOf(stored.get(node.inputs[1]));
      return { columns: picked.map((place) => first.columns.at(place)) };
    }
  }
  if (ELEMENTWISE.has(node.operator)) {
    const { length } = inputs.find(({ columns }) => columns !== undefined)?.columns ?? [];
    const apart = inputs.every(({ columns, all, width }) =>
      columns === undefined ? all === 0 && (width === 1 || width === length) : columns.length === length,
    );
    if (length !== undefined && apart) {
      return { columns: Array.from({ length }, (_, n) => union(inputs, n)) };
    }
  }
  return { all: inputs.reduce((sum, each) => sum | allOf(each), 0) };
}

function union(inputs, place) {
  return inputs.reduce((sum, { columns }) => sum | (columns?.[place] ?? 0), 0);
}

function allOf({ columns, all }) {
  return columns === undefined ? all : columns.reduce((sum, each) => sum | each, 0);
}
