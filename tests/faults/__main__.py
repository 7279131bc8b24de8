"""The long form of the fault tests: every call, every action, every power cut.

`python -m tests.faults [--step N] [--actions ACTION ...] [NAME ...]` prints one line
for each operation and action: how many calls there were, how the operation ended, and
each trial that lost something, tore something, or ended with a traceback. A call that
changes nothing (a file is opened to be read) is one at which a disk gives errors: it
cannot fill up there, and a process that is killed around it leaves what it left before.
Files lie in memory where `TMPDIR` says so (`/dev/shm`): the shim sees the same calls, sooner.
"""

import argparse
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from tests.faults.asking import Trials, serving
from tests.faults.operations import OPERATIONS
from tests.faults.trials import ACTIONS

CUT = "power cut"
KINDS = [*ACTIONS[1:], CUT]


def main() -> None:
    """Run all trials and print how they ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="take each N-th call")
    parser.add_argument("--cuts", type=int, default=1, help="cut behind each N-th call")
    parser.add_argument("--actions", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("names", nargs="*", choices=[*OPERATIONS, []], default=[])
    options = parser.parse_args()
    faults = [action for action in ACTIONS if action in options.actions]
    with (
        tempfile.TemporaryDirectory() as folder,
        serving(Path(folder)) as trials,
    ):
        for name in options.names or OPERATIONS:
            _fail_all(trials, name, faults, options.step)
            if CUT in options.actions:
                _say({"name": name, **trials.ask(name=name, every=options.cuts)})


def _fail_all(trials: Trials, name: str, faults: list[str], step: int) -> None:
    unhurt = trials.ask(name=name, number=0, action="none")
    for action in faults:
        numbers = _numbers(unhurt, action)[::step]
        codes: Counter[int] = Counter()
        unsound = tracebacks = 0
        for number in numbers:
            answer = trials.ask(name=name, number=number, action=action)
            codes[answer["code"]] += 1
            unsound += not answer["sound"]
            tracebacks += "Traceback" in answer["error"]
            if not answer["sound"] or "Traceback" in answer["error"]:
                _say({"name": name, "action": action, "number": number, **answer})
        _say(
            {
                "name": name,
                "action": action,
                "calls": unhurt["calls"],
                "trials": codes.total(),
                "codes": dict(codes),
                "unsound": unsound,
                "tracebacks": tracebacks,
            }
        )


def _numbers(unhurt: dict[str, Any], action: str) -> list[int]:
    """List the calls at which an action makes a difference."""
    if action == "EIO":
        return list(range(1, unhurt["calls"] + 1))
    return [
        number
        for number, what in unhurt["changing"]
        if what == "write" or action != "short write"
    ]


def _say(row: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
