"""`toolkit recommend workflow`: agents, batches and coordination for a task."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.cli.default_store import add_store_option, default_store
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_error, print_json, print_table, print_text
from toolkit.cli.places import local
from toolkit.errors import BundleRefusedError, UsageError

if TYPE_CHECKING:
    from toolkit.policies import Reason
    from toolkit.runtime.planning import (
        BatchPlan,
        Estimate,
        ExpectedPerformance,
        MonitoringPlan,
        PredictiveWorkflowOptimizer,
        SystemResources,
        TaskComplexity,
        WorkflowPrediction,
    )

__all__ = ["add_verb", "prediction_json"]

TASK_OPTIONS = {
    "dependencies": "edges between parts",
    "parallelizable": "parts that can run together, 0 to 1",
    "coordination-needs": "work under shared state, 0 to 1",
    "shared-key-share": "memory keys touched by two agents or more, 0 to 1",
    "component-s": "estimated working time of one part, in seconds",
    "component-cv": "spread of those times: deviation / mean",
    "critical-path-share": "longest dependency chain / parts, 0 to 1",
}
RESOURCE_OPTIONS = {
    "memory-bytes": "memory that agents may fill",
    "agent-memory-bytes": "memory that one agent needs",
    "load-cpu": "processor utilisation, 0 to 1",
    "load-memory": "memory in use, 0 to 1",
    "load-io": "time spent on input and output, 0 to 1",
    "price-per-agent-s": "money for one agent and second, in any currency",
}
COUNT_OPTIONS = {
    "cpu-cores": "processor cores of the machine",
    "agent-limit": "most agents at once",
}


def add_verb(subparsers: Any) -> None:
    """Add the verb to `toolkit recommend`."""
    text = "recommend agents, batches and coordination for a task"
    parser = subparsers.add_parser(
        "workflow",
        help=text,
        description=f"{text.capitalize()}. Patterns that a store has saved correct the batch sizes.",
    )
    parser.add_argument(
        "--bundle",
        type=local,
        metavar="DIR",
        help="exported agent-count model; none means the rule",
    )
    parser.add_argument(
        "--batch-bundle",
        type=local,
        metavar="DIR",
        help="exported batch-size model; none means the rule",
    )
    add_store_option(parser, unnamed=f"{default_store()}, where there is one")
    parser.add_argument(
        "--components", type=float, required=True, metavar="N", help="parts of the task"
    )
    for options, kind in (
        (TASK_OPTIONS, float),
        (RESOURCE_OPTIONS, float),
        (COUNT_OPTIONS, int),
    ):
        for name, meaning in options.items():
            parser.add_argument(f"--{name}", type=kind, metavar="VALUE", help=meaning)
    parser.add_argument(
        "--operations",
        action="append",
        default=[],
        metavar="TYPE=COUNT",
        help="operations of a type in the whole task; repeat",
    )
    parser.add_argument(
        "--agent",
        action="append",
        default=[],
        metavar="NAME=TYPE,TYPE",
        help="an agent and what it can do; repeat",
    )
    add_json_option(parser)
    parser.set_defaults(command=recommend_workflow)


def recommend_workflow(options: argparse.Namespace) -> int:
    """Predict once and print the plan with what is behind it."""
    from toolkit.clock import SystemClock
    from toolkit.runtime.planning import AgentCapabilities, open_planner, read_patterns

    store = _store(options.store)
    task, resources = _task(options), _resources(options)
    planner = open_planner(
        clock=SystemClock(),
        agent_bundle=options.bundle,
        batch_bundle=options.batch_bundle,
        patterns=[] if store is None else read_patterns(store),
    )
    capabilities = AgentCapabilities(agents=_agents(options.agent))
    prediction = planner.predict(task, capabilities, resources)
    if options.json:
        print_json(prediction_json(prediction))
    else:
        _print(prediction)
    return _refusals(options, planner)


def _store(named: Path | None) -> Path | None:
    """Give the store of the patterns; the default one need not be there."""
    from toolkit.history import require_store

    if named is not None:
        require_store(named)
        return named
    default = default_store()
    return Path(default) if "://" not in default and Path(default).is_dir() else None


def _refusals(
    options: argparse.Namespace, planner: "PredictiveWorkflowOptimizer"
) -> int:
    code = 0
    for path, advisor in (
        (options.bundle, planner.agents),
        (options.batch_bundle, planner.batches),
    ):
        if advisor.refused is not None:
            print_error(f"bundle {path} refused: {advisor.refused}; rule used")
        elif advisor.doubt is not None:
            print_error(f"bundle {path}: {advisor.doubt}; rule used")
        else:
            continue
        code = BundleRefusedError.exit_code
    return code


def prediction_json(prediction: "WorkflowPrediction") -> dict[str, Any]:
    """Write a prediction as JSON types."""
    plan = prediction.plan
    return {
        "agents": {
            "recommended": plan.agents.recommended,
            "minimum": plan.agents.minimum,
            "maximum": plan.agents.maximum,
            "rule": plan.agents.rule,
            "learned": plan.agents.learned,
            "support": plan.agents.support,
            "policy": plan.agents.policy,
            "version": plan.agents.version,
            "propensity": plan.agents.propensity,
        },
        "batches": [_batch_json(batch) for batch in plan.batches],
        "strategy": plan.strategy,
        "memory_structure": plan.memory_structure,
        "expected": _expected_json(plan.expected),
        "confidence": prediction.confidence,
        "alternatives": [
            {
                "agents": other.agents,
                "strategy": other.strategy,
                "memory_structure": other.memory_structure,
                "expected": _expected_json(other.expected),
            }
            for other in prediction.alternatives
        ],
        "reasons": [_reason_json(reason) for reason in plan.reasons],
        "monitoring": _monitoring_json(prediction.monitoring),
    }


def _batch_json(batch: "BatchPlan") -> dict[str, Any]:
    return {
        "operation_type": batch.operation_type,
        "size": batch.size,
        "rule": batch.rule_size,
        "operations": batch.operations,
        "batches": batch.batches,
        "cost_s": _estimate_json(batch.cost_s),
        "confidence": batch.confidence,
        "reason": _reason_json(batch.reason),
    }


def _expected_json(expected: "ExpectedPerformance | None") -> dict[str, Any] | None:
    if expected is None:
        return None
    return {
        "cost": _estimate_json(expected.cost),
        "cost_unit": expected.cost_unit,
        "makespan_s": _estimate_json(expected.makespan_s),
        "agent_seconds": _estimate_json(expected.agent_seconds),
        "tasks_per_minute": _estimate_json(expected.tasks_per_minute),
        "price": _estimate_json(expected.price),
        "interval": expected.level,
        "support": expected.support,
    }


def _estimate_json(estimate: "Estimate | None") -> dict[str, float] | None:
    if estimate is None:
        return None
    return {"expected": estimate.expected, "low": estimate.low, "high": estimate.high}


def _reason_json(reason: "Reason") -> dict[str, Any]:
    return {"code": reason.code, "facts": dict(reason.facts), "text": str(reason)}


def _monitoring_json(plan: "MonitoringPlan") -> dict[str, Any]:
    return {
        "baseline": _expected_json(plan.baseline),
        "points": [point.value for point in plan.points],
        "alerts": [
            {
                "alert": rule.kind.value,
                "threshold": rule.threshold,
                "direction": "above" if rule.upwards else "below",
                "action": rule.action,
            }
            for rule in plan.alerts
        ],
        "adjustment": {"every": plan.adjustment.every, "rate": plan.adjustment.rate},
    }


def _print(prediction: "WorkflowPrediction") -> None:
    plan = prediction.plan
    agents = plan.agents
    confidence = prediction.confidence
    rows: list[list[object]] = [
        ["agents", f"{agents.recommended} ({agents.minimum} to {agents.maximum})"],
        ["the rule says", agents.rule],
        ["coordination", plan.strategy],
        ["memory", plan.memory_structure],
        *_expected_rows(plan.expected),
        [
            "probability of being no worse than the rule",
            "not known" if confidence is None else f"{confidence:.0%}",
        ],
    ]
    print_table(["what", "answer"], rows)
    print_text()
    print_table(
        ["operations", "batch size", "rule", "batches", "because"],
        [
            [b.operation_type, b.size, b.rule_size, _known(b.batches), b.reason]
            for b in plan.batches
        ],
    )
    if prediction.alternatives:
        print_text()
        print_table(
            ["instead", "coordination", "time", "agent-seconds"],
            [
                [
                    f"{other.agents} agent{'s' * (other.agents > 1)}",
                    other.strategy,
                    _shown(other.expected.makespan_s, "s"),
                    _shown(other.expected.agent_seconds, ""),
                ]
                for other in prediction.alternatives
            ],
        )
    print_text()
    for reason in plan.reasons:
        print_text(f"because: {reason}")


def _expected_rows(expected: "ExpectedPerformance | None") -> list[list[object]]:
    if expected is None:
        return [["expected time", "not known"]]
    rows: list[list[object]] = [
        ["expected cost", _shown(expected.cost, expected.cost_unit)],
        ["expected time", _shown(expected.makespan_s, "s")],
        ["expected agent-seconds", _shown(expected.agent_seconds, "")],
    ]
    if expected.price is not None:
        rows.append(["expected price", _shown(expected.price, "")])
    return rows


def _shown(estimate: "Estimate | None", unit: str) -> str:
    if estimate is None:
        return "not known"
    figures = f"{estimate.expected:.4g} [{estimate.low:.4g}, {estimate.high:.4g}]"
    return f"{figures} {unit}".rstrip()


def _known(value: int | None) -> str:
    return "not known" if value is None else str(value)


def _task(options: argparse.Namespace) -> "TaskComplexity":
    from toolkit.runtime.planning import TaskComplexity

    return TaskComplexity(
        components=options.components,
        operations=_operations(options.operations),
        **_given(options, TASK_OPTIONS),
    )


def _resources(options: argparse.Namespace) -> "SystemResources":
    from toolkit.runtime.planning import SystemResources

    return SystemResources(**_given(options, {**RESOURCE_OPTIONS, **COUNT_OPTIONS}))


def _given(options: argparse.Namespace, names: dict[str, str]) -> dict[str, Any]:
    fields = [name.replace("-", "_") for name in names]
    return {field: getattr(options, field) for field in fields}


def _operations(pairs: list[str]) -> dict[str, int]:
    counts = {}
    for pair in pairs:
        name, separator, count = pair.partition("=")
        if not (separator and name and count.isascii() and count.isdigit()):
            raise UsageError(f"`--operations {pair}`: write it as TYPE=COUNT")
        counts[name] = int(count)
    return counts


def _agents(pairs: list[str]) -> dict[str, frozenset[str]]:
    agents = {}
    for pair in pairs:
        name, separator, abilities = pair.partition("=")
        if not (separator and name):
            raise UsageError(f"`--agent {pair}`: write it as NAME=TYPE,TYPE")
        agents[name] = frozenset(filter(None, abilities.split(",")))
    return agents
