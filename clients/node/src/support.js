/** How much history stands behind an action: counts near it, and the known ranges. */

/** Count past rows near each action. @returns {number[]} */
export function rowsNear(support, problem) {
  const category = categoryOf(support, problem.context);
  const known = category !== null && Object.hasOwn(support.counts, category);
  const rows = known ? support.counts[category] : [];
  const totals = [0];
  for (const [, count] of rows) totals.push(totals.at(-1) + count);
  return problem.actions.map(([action]) => {
    const above = bisect(rows, (at) => at <= action * (1 + support.near));
    const below = bisect(rows, (at) => at < action * (1 - support.near));
    return totals[above] - totals[below];
  });
}

/** How many of ascending rows a test holds for. */
function bisect(rows, holds) {
  const found = rows.findIndex(([action]) => !holds(action));
  return found < 0 ? rows.length : found;
}

function categoryOf(support, context) {
  if (support.column === null) return "";
  const value = context.get(support.column);
  return typeof value === "string" ? value : null;
}

/**
 * Find the numbers outside the range that training saw: the nearest end of each, and
 * the columns of those so far outside that they say nothing.
 * @returns {{ ends: Map<string, number>, lost: Set<string> }}
 */
export function outside(support, context) {
  const ends = new Map();
  const lost = new Set();
  for (const [name, [low, high]] of Object.entries(support.ranges)) {
    const value = context.get(name);
    if (typeof value !== "number" || Number.isNaN(value)) continue;
    if (low <= value && value <= high) continue;
    ends.set(name, value < low ? low : high);
    const slack = support.slack * (high - low);
    if (!(low - slack <= value && value <= high + slack)) lost.add(name);
  }
  return { ends, lost };
}

/** Leave columns out of a context. @returns {Map<string, number | string>} */
export function without(context, lost) {
  return new Map([...context].filter(([name]) => !lost.has(name)));
}
