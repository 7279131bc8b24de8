"""`toolkit demo`: the whole path on the bundled sample, from records to an answer."""

import argparse
import time
from pathlib import Path
from typing import Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_text
from toolkit.cli.places import local

__all__ = ["add_parser"]

EXPERIMENTS = {
    "batch": "experiments/001-batch-size/spec.toml",
    "agents": "experiments/002-agent-count/spec.toml",
}

SAMPLE = "data/sample"

QUESTIONS: dict[str, dict[str, str | float]] = {
    "batch": {
        "operation_type": "fileOperations",
        "operation_bytes": 16_000.0,
        "read_share": 0.8,
        "failure_rate": 0.1,
        "load_cpu": 0.9,
    },
    "agents": {
        "components": 16.0,
        "dependencies": 20.0,
        "parallelizable": 0.8,
        "coordination_needs": 0.25,
        "component_s": 0.02,
        "critical_path_share": 0.2,
        "cpu_cores": 2.0,
        "load_cpu": 0.5,
    },
}
"""What the runtime is asked at the end of each experiment."""


def add_parser(subparsers: Any) -> None:
    """Add the command."""
    parser = subparsers.add_parser(
        "demo", help="the whole path on the bundled sample: records to recommendation"
    )
    parser.add_argument(
        "--work",
        type=local,
        default=Path("work/demo"),
        metavar="DIR",
        help="where everything is written (default: work/demo)",
    )
    add_json_option(parser)
    parser.set_defaults(command=_demo)


def _demo(options: argparse.Namespace) -> int:
    from toolkit.cli.bundled import bundled
    from toolkit.cli.experiment.records_of import import_records
    from toolkit.cli.experiment.verbs import run_spec
    from toolkit.cli.recommend.verbs import decision_json
    from toolkit.clock import SystemClock
    from toolkit.history import RecordStore
    from toolkit.runtime.advice import open_advisor

    began_s = time.monotonic()
    answers: dict[str, Any] = {}
    store = options.work / "store"
    with RecordStore(store) as records:
        import_records(str(bundled(SAMPLE)), records)
    for name, path in EXPERIMENTS.items():
        spec = bundled(path)
        print_note(
            f"{spec.parent.name}: features, rules and models, tuning, "
            "comparison, tracking, export"
        )
        work = options.work / name
        results, markdown = run_spec(spec, store=store, work=work)
        decision = "batch_size" if name == "batch" else "agent_count"
        advisor = open_advisor(work / "bundle", decision=decision, clock=SystemClock())
        answer = decision_json(advisor.decide(QUESTIONS[name]), advisor)
        answers[name] = {"results": results, "asked": QUESTIONS[name], "answer": answer}
        if not options.json:
            _print(name, markdown, answer)
    took_s = time.monotonic() - began_s
    if options.json:
        print_json({**answers, "took_s": took_s, "work": str(options.work)})
    print_note(
        f"took {took_s:.0f} s; tracked in {options.work}/*/mlflow.db, bundles in "
        f"{options.work}/*/bundle"
    )
    return 0


def _print(name: str, markdown: str, answer: dict[str, Any]) -> None:
    asked = ", ".join(f"{key} {value}" for key, value in QUESTIONS[name].items())
    print_text(markdown)
    print_text(f"Asked ({asked}), the runtime recommends **{answer['recommended']:g}**")
    print_text(
        f"(the rule says {answer['rule']:g}) because: {answer['reason']['text']}."
    )
    if answer["expected_cost"] is not None:
        print_text(
            f"Expected: {answer['expected_cost']:.3g} [{answer['cost_low']:.3g}, "
            f"{answer['cost_high']:.3g}] {answer['cost_unit']}."
        )
    print_text()
