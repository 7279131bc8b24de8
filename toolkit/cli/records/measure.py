"""`toolkit records measure`: real batches on this machine, recorded."""

import argparse
from pathlib import Path
from typing import Any

from toolkit.cli.json_option import add_json_option
from toolkit.cli.output import print_json, print_note, print_table
from toolkit.cli.places import local
from toolkit.cli.progress import progress
from toolkit.cli.seed_option import add_seed_option

__all__ = ["add_verb", "measure"]

PATIENCE_S = 60.0


def add_verb(subparsers: Any) -> None:
    """Add `measure` to the verbs of `toolkit records`."""
    parser = subparsers.add_parser(
        "measure",
        help="run real batches and task graphs here and record what they cost",
        description="Tries every batch size and worker count on real work under several"
        " real load levels, shuffled and repeated. Interrupted, run it again: what was"
        " measured is kept in OUT/work and not measured twice.",
    )
    parser.add_argument(
        "--out", type=local, required=True, help="where the result goes"
    )
    add_seed_option(parser)
    parser.add_argument(
        "--repeats", type=int, default=4, help="how often each is tried"
    )
    parser.add_argument(
        "--scratch", type=local, help="directory on the file system to measure"
    )
    parser.add_argument(
        "--patience",
        type=float,
        metavar="SECONDS",
        help="how long to wait, in all, for others to leave the machine alone"
        f" (default: {PATIENCE_S:g}, with --quick 0)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a few workloads, seconds instead of minutes",
    )
    add_json_option(parser)
    parser.set_defaults(command=measure)


def measure(options: argparse.Namespace) -> int:
    """Measure, archive what was measured even when interrupted, and report."""
    import shutil
    import signal
    import tempfile

    from toolkit.clock import SystemClock
    from toolkit.measurement import (
        Sweep,
        default_design,
        describe_machine,
        quick_design,
        write_archive,
    )

    choose = quick_design if options.quick else default_design
    design = choose(seed=options.seed, repeats=options.repeats)
    patience_s = options.patience
    if patience_s is None:
        patience_s = 0.0 if options.quick else PATIENCE_S
    work: Path = options.out / "work"
    sweep = Sweep(design, work, now=SystemClock().now)
    machine = describe_machine(options.scratch or Path(tempfile.gettempdir()))
    # Ended from outside it cleans up as it does when interrupted.
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with progress("measuring", quiet=options.json) as shown:
            sweep.measure(
                scratch=options.scratch,
                patience_s=patience_s,
                progress=shown,
            )
    finally:
        report = write_archive(
            options.out, sweep.measured(), design=design, machine=machine
        )
        signal.signal(signal.SIGTERM, before)
    shutil.rmtree(work)
    if options.json:
        print_json({"directory": str(options.out), **report.to_json()})
    else:
        print_table(*report.table())
        print_note(f"written to {options.out}; what it holds is in its README.md")
    return 0
