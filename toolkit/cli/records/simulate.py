"""`toolkit records simulate`: records of a seeded swarm whose optimum is known."""

import argparse
from typing import Any

from toolkit.cli.output import print_json, print_note, print_table
from toolkit.cli.places import local
from toolkit.cli.progress import progress
from toolkit.cli.seed_option import seed

__all__ = ["add_verb", "simulate"]


def add_verb(subparsers: Any) -> None:
    """Add `simulate` to the verbs of `toolkit records`."""
    parser = subparsers.add_parser(
        "simulate",
        help="emit records of a swarm whose optimum is known, for tests",
        description="What it emits is marked simulated and trains no model by default.",
    )
    parser.add_argument("--store", type=local, required=True, help="where records go")
    parser.add_argument("--seed", type=seed, default=1, help="everything depends on it")
    for kind in ("batches", "events", "workflows", "load-samples"):
        parser.add_argument(
            f"--{kind}", type=int, default=1000, help=f"how many {kind}"
        )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(command=simulate)


def simulate(options: argparse.Namespace) -> int:
    """Add simulated records to a store and say what is best in each context."""
    from itertools import chain

    from toolkit.errors import UsageError
    from toolkit.history import Addition, RecordStore
    from toolkit.testing.simulator import LOADS, SimulatedSwarm

    if options.seed < 0:
        raise UsageError(f"`--seed` is at least 0, got {options.seed}")
    swarm = SimulatedSwarm(seed=options.seed)
    emitted = chain(
        swarm.batches(options.batches),
        swarm.events(options.events),
        swarm.workflows(options.workflows),
        swarm.load_samples(options.load_samples),
    )
    counts = dict.fromkeys(Addition, 0)
    with RecordStore(options.store) as store, progress("simulating"):
        for record in emitted:
            counts[store.add(record)] += 1
    best = [
        [kind, f"load {load:g}", swarm.best_size(kind, load=load)]
        for kind in sorted(swarm.batch_truths)
        for load in LOADS
    ]
    best += [
        [name, f"money {money:g}", swarm.best_agents(name, money=money)]
        for name in sorted(swarm.workflow_truths)
        for money in (0.0, 0.5)
    ]
    if options.json:
        rows = [dict(zip(("context", "at", "best"), row, strict=True)) for row in best]
        print_json({**{k.value: n for k, n in counts.items()}, "truth": rows})
    else:
        print_table(["context", "at", "best action"], best)
        print_note(f"{counts[Addition.ADDED]} records added to {options.store}")
    return 0
