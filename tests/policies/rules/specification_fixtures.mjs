// Computes what the specification's own JavaScript answers, once, for the tests to read.
//   node tests/baselines/specification_fixtures.mjs SPECIFICATION.md > tests/baselines/javascript.json
// The classes are taken from the page's own code blocks; helpers that the page only
// names return what the test varies. The tests read the JSON and need no Node.
import { readFileSync } from "node:fs";

const page = readFileSync(process.argv[2], "utf8");
const code = [...page.matchAll(/```javascript\n([\s\S]*?)```/g)].map((m) => m[1]).join("\n");
const names = ["AdaptiveBatchingOptimizer", "CoordinationEfficiencyMonitor", "PredictiveWorkflowOptimizer"];
const [Batching, Monitor, Workflow] = new Function(`${code}; return [${names}];`)();

function batchSize(operationType, load, complexity) {
  const optimizer = new Batching();
  optimizer.getHistoricalPerformance = () => [];
  optimizer.calculateSystemLoad = () => load;
  optimizer.assessCoordinationComplexity = () => complexity;
  optimizer.calculateConfidence = optimizer.generateReasoning = optimizer.predictEfficiency = () => null;
  return optimizer.optimizeBatchSize(operationType, {}, {}).recommendedBatchSize;
}

function agentCount(task) {
  const optimizer = new Workflow();
  optimizer.explainAgentCountReasoning = () => null;
  const { recommended, minimum, maximum } = optimizer.predictOptimalAgentCount(task);
  return [recommended, minimum, maximum];
}

function efficiency(factors) {
  const monitor = new Monitor();
  monitor.agentStates.set("a", { operations: [] });
  monitor.calculateOperationFrequency = () => factors[0];
  monitor.checkMemoryConsistency = () => factors[1];
  monitor.measureCoordinationLatency = () => factors[2];
  monitor.detectDuplicateWork = () => factors[3];
  monitor.validateHookCompliance = () => factors[4];
  monitor.calculateEfficiencyTrend = monitor.identifyAgentBottlenecks = () => null;
  return monitor.calculateRealTimeEfficiency("a").score;
}

let state = 20261122;
function uniform() {
  // A linear congruential generator: the same numbers on every machine.
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32;
}

const ratios = [0, 0.1, 0.3999999999999999, 0.4, 0.5, 0.7, 0.7000000000000001, 0.8, 0.8000000000000002, 1];
const batch_size = [];
for (const type of ["todoWrite", "taskSpawning", "fileOperations"])
  for (const load of ratios) for (const complexity of ratios) batch_size.push([type, load, complexity, batchSize(type, load, complexity)]);

const agent_count = [];
for (const components of [0, 1, 2, 3, 4, 5, 7, 9, 10, 12, 15, 16, 20, 25, 50, 1000])
  for (const parallelizable of [0, 0.1, 0.25, 0.5, 0.7, 0.9, 1])
    for (const coordinationNeeds of [0, 0.1, 0.3, 0.5, 1]) {
      const task = { components, dependencies: components, parallelizable, coordinationNeeds };
      agent_count.push([components, parallelizable, coordinationNeeds, ...agentCount(task)]);
    }
for (let i = 0; i < 500; i++) {
  const [components, parallelizable, coordinationNeeds] = [uniform() * 30, uniform(), uniform()];
  agent_count.push([components, parallelizable, coordinationNeeds, ...agentCount({ components, parallelizable, coordinationNeeds })]);
}

const efficiency_score = [];
for (let i = 0; i < 500; i++) {
  const factors = [0, 1, 2, 3, 4].map(() => (uniform() < 0.1 ? Math.round(uniform()) : uniform()));
  efficiency_score.push([...factors, efficiency(factors)]);
}

const missing = agentCount({});
const rounding = [2.5, 3.5, -2.5, 7.5, 8.4, 8.6, 10.4].map((value) => [value, Math.round(value)]);
const rows = (list) => `[\n${list.map((row) => `  ${JSON.stringify(row)}`).join(",\n")}\n ]`;
console.log(`{"batch_size": ${rows(batch_size)},\n"agent_count": ${rows(agent_count)},\n"agent_count_missing": ${JSON.stringify(missing)},\n"efficiency_score": ${rows(efficiency_score)},\n"rounding": ${rows(rounding)}}`);
