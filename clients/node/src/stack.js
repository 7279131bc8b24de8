/** The stack of a bundle: level of the problem plus shape over its actions. */

import { encoded } from "./problem.js";
import { outside, rowsNear, without } from "./support.js";

const LEAST_VARIANCE = 1e-12;
const LEAST_SAVING = 1e-9;
const LEAST_DEVIATION = 1e-9;
const CAP = 30;
/** Offers that are kept, each with what the graph computed of its actions. */
const MOST_KEPT = 24;

export class StackModel {
  /**
   * @param {object} manifest with a section `stack`
   * @param {(rows: Float32Array, kept: Map<string, object>) => number[]} logCost
   * @param {(problem: import("./problem.js").Problem) => { index: number }} rule
   */
  constructor(manifest, logCost, rule) {
    this.section = manifest.extra.stack;
    this.schema = manifest.feature_schema;
    this.support = manifest.support;
    this.logCost = logCost;
    this.rule = rule;
    this.offers = new Map();
  }

  /** Expect a cost of each action. @param {import("./problem.js").Problem} problem */
  predict(problem) {
    const { ends, lost } = outside(this.support, problem.context);
    const within = ends.size === 0;
    let context = problem.context;
    let row = encoded(this.schema, within ? context : new Map([...context, ...ends]));
    const offer = this.offer(problem);
    const relative = this.logCost(rowsOf(row, offer.columns), offer.kept);
    const { intervals, level } = this.section;
    const { centre, half } = centreAndHalf(intervals, relative, offer.deviation);
    const support = rowsNear(this.support, problem);
    if (level === null) {
      return {
        logCost: relative,
        logLow: centre.map((value, n) => value - half[n]),
        logHigh: centre.map((value, n) => value + half[n]),
        support,
        relative: true,
      };
    }
    if (!within) {
      context = without(context, lost);
      row = encoded(this.schema, context);
    }
    const beside = level.columns ? encoded({ context: level.columns }, context) : [];
    const { height, deviation } = levelOf(level, [...row, ...beside]);
    const linear = level.terms === undefined;
    // The deviation of hinges is that of single runs from level and shape together.
    const wider = linear ? (level.deviation > 0 && lost.size > 0 ? deviation / level.deviation : 1) : 0;
    const logCost = centre.map((value) => height + value);
    const total = half.map((value) =>
      Math.sqrt((value * wider) ** 2 + intervals.normal * deviation ** 2),
    );
    return {
      logCost,
      logLow: logCost.map((value, n) => value - total[n]),
      logHigh: logCost.map((value, n) => value + total[n]),
      support,
      relative: false,
    };
  }

  /** Probability, 0 to 1, that one action costs no more than another. */
  probabilityNotWorse(problem, curve, chosen, reference) {
    const { intercept, saving: slope, certainty } = this.section.confidence;
    const { covariance } = this.offer(problem);
    const saving = Math.max(curve.logCost[reference] - curve.logCost[chosen], LEAST_SAVING);
    const variance =
      covariance[chosen][chosen] +
      covariance[reference][reference] -
      2 * covariance[chosen][reference];
    const deviation = Math.sqrt(Math.max(variance, LEAST_VARIANCE));
    let score = intercept + slope * saving;
    score += (certainty * saving) / Math.max(deviation, LEAST_DEVIATION);
    return 1 / (1 + Math.exp(-Math.max(-CAP, Math.min(CAP, score))));
  }

  /** The actions on offer as the model reads them, kept for the next question. */
  offer(problem) {
    const rule = this.rule(problem).index;
    const key = `${rule} ${problem.actions.join(" ")}`;
    let found = this.offers.get(key);
    if (found === undefined) {
      found = this.encodedActions(problem.actions, rule);
      if (this.offers.size >= MOST_KEPT) this.offers.clear();
      this.offers.set(key, found);
    }
    return found;
  }

  encodedActions(actions, rule) {
    const { measurement_prior: prior, sizes } = this.section;
    const shown = sizes ? actions.map((action) => action.map(Math.log2)) : actions;
    const covariance = covarianceOf(prior, pointsOf(prior, shown));
    return {
      columns: withOfferedRange(shown, prior.axes, rule),
      covariance,
      deviation: deviationOf(covariance),
      kept: new Map(),
    };
  }
}

/** Put an encoded context in front of the columns of each action. */
function rowsOf(context, columns) {
  const width = context.length + columns[0].length;
  const rows = new Float32Array(width * columns.length);
  columns.forEach((action, n) => {
    rows.set(context, n * width);
    rows.set(action, n * width + context.length);
  });
  return rows;
}

/** Add where each action lies: below the largest, above the smallest, share, from the rule. */
function withOfferedRange(actions, axes, rule) {
  const low = axes.map((axis) => Math.min(...actions.map((action) => action[axis])));
  const high = axes.map((axis) => Math.max(...actions.map((action) => action[axis])));
  return actions.map((action) => {
    const values = axes.map((axis) => action[axis]);
    return [
      ...action,
      ...values.map((value, n) => value - high[n]),
      ...values.map((value, n) => value - low[n]),
      ...values.map((value, n) => (value - low[n]) / (high[n] > low[n] ? high[n] - low[n] : 1)),
      ...values.map((value, n) => value - actions[rule][axes[n]]),
    ];
  });
}

/** Place actions on the curve's axes: in spreads, about their mean. */
function pointsOf({ axes, spread }, actions) {
  const points = actions.map((action) => axes.map((axis, n) => action[axis] / spread[n]));
  const means = axes.map((_, n) => points.reduce((sum, point) => sum + point[n], 0) / points.length);
  return points.map((point) => point.map((value, n) => value - means[n]));
}

/** Covariance of the errors of two actions: five kernels by their variances. */
function covarianceOf({ amplitudes: [history], lengths }, points) {
  return points.map((left, a) =>
    points.map((right, b) => {
      let inner = 0;
      let square = 0;
      left.forEach((value, n) => {
        inner += value * right[n];
        square += (value - right[n]) ** 2;
      });
      return (
        history[0] * inner +
        history[1] * Math.exp((-0.5 * square) / lengths[0] ** 2) +
        history[2] * Math.exp((-0.5 * square) / lengths[1] ** 2) +
        history[3] * inner ** 2 +
        (a === b ? history[4] : 0)
      );
    }),
  );
}

/** Deviation of each action's error about the mean error of those on offer. */
function deviationOf(covariance) {
  const count = covariance.length;
  const means = covariance[0].map(
    (_, b) => covariance.reduce((sum, row) => sum + row[b], 0) / count,
  );
  const all = means.reduce((sum, value) => sum + value, 0) / count;
  return means.map((mean, n) =>
    Math.sqrt(Math.max(covariance[n][n] - 2 * mean + all, LEAST_VARIANCE)),
  );
}

function centreAndHalf(intervals, logCost, deviation) {
  const { slope, factor, knee, most_knees: most, least_badness: least, widest } = intervals;
  const best = Math.min(...logCost);
  const badness = logCost.map((value) => {
    const away = value - best;
    return away < knee ? away : knee * Math.exp(Math.min(away / knee - 1, most));
  });
  const mean = badness.reduce((sum, value) => sum + value, 0) / badness.length;
  return {
    centre: badness.map((value) => slope * (value - mean)),
    half: badness.map((value, n) =>
      Math.min(factor * Math.sqrt(deviation[n] * (value + least)), widest),
    ),
  };
}

/** Level of a problem's costs; what is not known is taken as the centre, and widens. */
function levelOf(level, row) {
  return level.terms === undefined ? linearLevel(level, row) : hingeLevel(level, row);
}

function hingeLevel(level, row) {
  const { intercept, low, high, centre, unknown, widening, terms, slope, deviation } = level;
  const known = row.map((value, n) =>
    Number.isNaN(value) ? centre[n] : Math.min(Math.max(value, low[n]), high[n]),
  );
  let height = intercept;
  terms.forEach((term, n) => {
    height += term.reduce(
      (product, [column, knot]) => product * Math.max(known[column] - knot, 0),
      slope[n],
    );
  });
  const wider = widening.reduce((sum, value, n) => sum + value * known[n], 0);
  let variance = (deviation * Math.exp(wider)) ** 2;
  row.forEach((value, n) => {
    if (Number.isNaN(value)) variance += unknown[n] ** 2;
  });
  return { height, deviation: Math.sqrt(variance) };
}

function linearLevel({ intercept, centre, slope, spread, deviation }, row) {
  let height = intercept;
  let variance = deviation ** 2;
  row.forEach((value, n) => {
    if (Number.isNaN(value)) variance += (slope[n] * spread[n]) ** 2;
    else height += slope[n] * (value - centre[n]);
  });
  return { height, deviation: Math.sqrt(variance) };
}
