/** The rules: each answers with the offered action nearest, in ratio, to its number. */

const DECIMALS = 1e12;
const SHARE_DECIMALS = 1e9;
const MOST_PARTS = 1e9;
const MOST_DOUBLINGS = 64;
const VERSION = "specification";

/**
 * Answer with a rule.
 * @param {{ rule: string, constant: number, parameters: object }} spec
 * @param {import("./problem.js").Problem} problem @param {string} name
 */
export function decideByRule(spec, problem, name = "rule") {
  if (spec.rule === "table_rule") {
    return decisionOf(problem, tableIndex(spec.parameters, problem), { code: "rule", facts: {} }, name);
  }
  const { target, reason } = RULES[spec.rule](spec, problem);
  return decisionOf(problem, nearestAction(problem, target), reason, name);
}

function decisionOf(problem, index, reason, policy) {
  return {
    index,
    label: problem.labels[index],
    action: [...problem.actions[index]],
    reason,
    policy,
    version: VERSION,
    expectedCost: null,
    costLow: null,
    costHigh: null,
    confidence: null,
    support: 0,
    baseline: problem.labels[index],
    propensity: 1,
    rung: "",
    curve: null,
  };
}

const RULES = {
  constant: ({ constant }) => ({
    target: constant,
    reason: { code: "constant", facts: { value: constant } },
  }),
  batch_size_rule: batchSize,
  agent_count_rule: (spec, problem) => {
    const facts = agentFacts(spec.parameters, {
      components: problem.number("components"),
      dependencies: problem.number("dependencies"),
      parallelizable: problem.number("parallelizable"),
      coordination_needs: problem.number("coordination_needs"),
    });
    const target = agentCount(spec.parameters, facts);
    return { target, reason: { code: "agent_count_rule", facts } };
  },
};

function batchSize({ constant, parameters }, problem) {
  const type = problem.text("operation_type");
  if (type === null || !Object.hasOwn(parameters.optimums, type)) {
    const facts = { operation_type: type || "not given", constant };
    return { target: constant, reason: { code: "no_rule_constant", facts } };
  }
  const [minimum, optimal, maximum] = parameters.optimums[type];
  const load = loadOf(problem, parameters.unknown_load);
  let size = optimal;
  let code = "optimal_size";
  if (load > parameters.high_load) {
    size = Math.max(size * parameters.shrink, minimum);
    code = "high_load";
  } else if (load < parameters.low_load) {
    size = Math.min(size * parameters.grow, maximum);
    code = "low_load";
  }
  const complexity = problem.number("coordination_complexity") ?? 0;
  if (complexity > parameters.high_complexity) {
    if (size > optimal) code = "high_complexity";
    size = Math.min(size, optimal);
  }
  return { target: halfUp(size), reason: { code, facts: { load, complexity, optimal } } };
}

/** Utilisation of the busiest resource that is known, each within 0 to 1. */
function loadOf(problem, unknown) {
  const known = ["cpu", "memory", "io"]
    .map((name) => problem.number(`load_${name}`))
    .filter((value) => value !== null)
    .map((value) => Math.min(Math.max(value, 0), 1));
  return known.length ? Math.max(...known) : unknown;
}

/** What the formula reads; a 0 counts as missing. */
function agentFacts(numbers, given) {
  return {
    components: given.components || numbers.default_components,
    dependencies: given.dependencies || numbers.default_dependencies,
    parallelizable: given.parallelizable || numbers.default_parallelizable,
    coordination_needs: given.coordination_needs || numbers.default_coordination_needs,
  };
}

function agentCount(numbers, facts) {
  const parts = facts.components * facts.parallelizable;
  const base = Math.ceil(Math.min(Math.max(parts, -MOST_PARTS), MOST_PARTS));
  const less = base - facts.coordination_needs * numbers.overhead_weight;
  return halfUp(Math.min(Math.max(numbers.fewest, less), numbers.most));
}

function halfUp(value) {
  return Math.floor(value + 0.5);
}

function tableIndex(numbers, problem) {
  const { columns } = problem;
  const targets = [];
  if (columns.includes("a_n")) targets.push([columns.indexOf("a_n"), workers(numbers, problem)]);
  const batch = ["a_b", "a_lb"].find((name) => columns.includes(name));
  if (batch !== undefined) targets.push([columns.indexOf(batch), numbers.batch]);
  if (!targets.length) return middle(problem.actions);
  const points = problem.actions.map((action) => targets.map(([column]) => action[column]));
  return nearestPoint(points, targets.map(([, number]) => Math.log2(number)));
}

function workers(numbers, problem) {
  const tasks = doublings(problem, "x_N");
  if (tasks === null) return numbers.workers;
  const parallelism = doublings(problem, "x_par");
  const share = parallelism === null ? null : 1 - 2 ** -parallelism;
  return agentCount(numbers, agentFacts(numbers, { components: 2 ** tasks, parallelizable: share }));
}

function doublings(problem, column) {
  const value = problem.number(column);
  return value === null ? null : Math.min(Math.max(value, -MOST_DOUBLINGS), MOST_DOUBLINGS);
}

/** The action nearest to the middle of the offered range, each axis by its range. */
function middle(actions) {
  const low = actions[0].map((_, axis) => Math.min(...actions.map((action) => action[axis])));
  const high = actions[0].map((_, axis) => Math.max(...actions.map((action) => action[axis])));
  const gaps = actions.map((action) =>
    action.reduce((sum, value, axis) => {
      const width = high[axis] > low[axis] ? high[axis] - low[axis] : 1;
      return sum + (rounded((value - low[axis]) / width, SHARE_DECIMALS) - 0.5) ** 2;
    }, 0),
  );
  return gaps.indexOf(Math.min(...gaps));
}

/** The offered action nearest to a number; by difference where there is no ratio. */
function nearestAction(problem, target) {
  const values = problem.actions.map(([value]) => value);
  if (target > 0 && values.every((value) => value > 0)) {
    return nearestPoint(values.map((value) => [Math.log2(value)]), [Math.log2(target)]);
  }
  return nearestPoint(values.map((value) => [value]), [target]);
}

/** The point nearest to a target; of two as near, the one of smaller numbers. */
function nearestPoint(points, target) {
  const keys = points.map((point) => {
    const gap = point.reduce((sum, value, axis) => sum + (value - target[axis]) ** 2, 0);
    return [rounded(gap), ...point];
  });
  let best = 0;
  for (let n = 1; n < keys.length; n += 1) if (before(keys[n], keys[best])) best = n;
  return best;
}

function before(left, right) {
  const place = left.findIndex((value, n) => value !== right[n]);
  return place >= 0 && left[place] < right[place];
}

/** Round to 12 decimals or to those given, a half to the even neighbour. */
function rounded(value, decimals = DECIMALS) {
  const scaled = value * decimals;
  const low = Math.floor(scaled);
  const left = scaled - low;
  const up = left > 0.5 || (left === 0.5 && low % 2 !== 0);
  return (up ? low + 1 : low) / decimals;
}
