"""`toolkit records simulate`: records of a seeded swarm whose optimum is known."""

import argparse
from typing import Any

from toolkit.cli.default_store import add_store_option
from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table
from toolkit.cli.progress import progress
from toolkit.cli.seed_option import add_seed_option

__all__ = ["add_verb", "simulate"]


def add_verb(subparsers: Any) -> None:
    """Add `simulate` to the verbs of `toolkit records`."""
    parser = subparsers.add_parser(
        "simulate",
        help="emit records of a swarm whose optimum is known, for tests",
        description="What it emits is marked simulated and trains no model by default.",
    )
    add_store_option(parser, unnamed="none: what is made up belongs apart")
    add_seed_option(parser)
    for kind in ("batches", "events", "workflows", "load-samples"):
        parser.add_argument(
            f"--{kind}", type=int, default=1000, help=f"how many {kind}"
        )
    add_json_option(parser)
    parser.set_defaults(command=simulate)


def simulate(options: argparse.Namespace) -> int:
    """Add simulated records to a store and say what is best in each context."""
    from itertools import chain

    from toolkit.errors import UsageError
    from toolkit.history import Addition, RecordStore
    from toolkit.testing.simulator import LOADS, SimulatedSwarm

    if options.store is None:
        raise UsageError("`--store` is missing; name a folder for what is made up")
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
