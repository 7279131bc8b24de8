/** The ladder of answers: each rung answers only where it is shown better than the one below. */

import { isShown } from "./manifest.js";
import { decideByRule } from "./rules.js";

/** A number of the bundle is within bounds by itself, and together they are not. */
export class ArithmeticError extends Error {}

/**
 * Take an action.
 * @param {object} manifest @param {import("./stack.js").StackModel | null} model
 * @param {import("./problem.js").Problem} problem
 */
export function climb(manifest, model, problem) {
  const baseline = decideByRule(manifest.fallback, problem);
  let curve = null;
  const predicted = () => (curve ??= model === null ? null : model.predict(problem));
  let chosen = baseline;
  let by = null;
  let why = null;
  for (const rung of [...manifest.ladder].reverse()) {
    if (!isShown(rung.evidence)) {
      why ??= closed(rung);
      continue;
    }
    const found =
      rung.rule === "learned"
        ? learned(manifest, model, problem, { baseline, predicted })
        : { decision: decideByRule(rung, problem, rung.name) };
    if (found.decision === undefined) {
      why ??= { code: "out_of_support", facts: found.facts };
      continue;
    }
    chosen = found.decision;
    by = rung;
    break;
  }
  return answer(manifest, predicted(), { chosen, by, baseline, why });
}

/** The action of least predicted cost among those that history supports. */
function learned(manifest, model, problem, { baseline, predicted }) {
  const curve = predicted();
  const least = manifest.minimum_support;
  let index = -1;
  curve.support.forEach((rows, n) => {
    if (rows >= least && (index < 0 || curve.logCost[n] < curve.logCost[index])) index = n;
  });
  if (index < 0) {
    const facts = { support: Math.max(...curve.support), needed: Math.ceil(least) };
    return { facts };
  }
  const reference = baseline.index;
  const confidence =
    index === reference ? null : model.probabilityNotWorse(problem, curve, index, reference);
  return {
    decision: {
      index,
      label: problem.labels[index],
      action: [...problem.actions[index]],
      confidence,
      propensity: 1,
    },
  };
}

function answer(manifest, curve, { chosen, by, baseline, why }) {
  const { index } = chosen;
  const costed = curve !== null && curve.support[index] > 0 && !curve.relative;
  const cost = (values) => (costed ? costOf(values[index]) : null);
  const reason = by === null ? (why ?? chosen.reason) : shown(by, chosen, baseline, curve);
  return {
    index,
    label: chosen.label,
    action: chosen.action,
    expectedCost: cost(curve?.logCost),
    costLow: cost(curve?.logLow),
    costHigh: cost(curve?.logHigh),
    confidence: confidenceOf(by, chosen, baseline),
    support: curve === null ? 0 : curve.support[index],
    baseline: baseline.label,
    reason,
    policy: by === null ? "rule" : by.name,
    version: by === null ? baseline.version : manifest.version,
    propensity: 1,
    rung: by === null ? "rule" : by.name,
    curve,
  };
}

/** Say why a rung does not answer. */
function closed({ name, evidence }) {
  const facts = {
    rung: name,
    groups: evidence.groups,
    groups_needed: evidence.groups_needed,
  };
  if (evidence.observed) return { code: "observed_only", facts };
  if (evidence.difference !== null) facts.saves = 1 - exponential(evidence.difference);
  return { code: "not_shown_better", facts };
}

function shown(by, chosen, baseline, curve) {
  const name = by.name.replaceAll(" ", "_");
  const agree = chosen.index === baseline.index;
  const facts = {
    saves_at_least: 1 - exponential(by.evidence.upper),
    groups: by.evidence.groups,
  };
  if (curve !== null) {
    const difference = curve.logCost[chosen.index] - curve.logCost[baseline.index];
    facts.saves = 1 - exponential(difference);
  }
  return { code: agree ? `rule_and_${name}_agree` : `${name}_better`, facts };
}

/** Probability of costing no more than the rule; of the rule itself there is none. */
function confidenceOf(by, chosen, baseline) {
  if (by === null || chosen.index === baseline.index) return null;
  if (chosen.confidence !== null) return chosen.confidence;
  const { not_worse: share, groups } = by.evidence;
  return share === null ? null : (share * groups + 1) / (groups + 2);
}

function costOf(logCost) {
  return Math.exp(Math.min(Math.max(logCost, -700), 700));
}

function exponential(value) {
  const found = Math.exp(value);
  if (found === Infinity && value !== Infinity) throw new ArithmeticError("beyond 64 bits");
  return found;
}
