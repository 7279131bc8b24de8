"""The long form of the fault tests: every call, every action, every power cut.

`python -m tests.faults [--step N]` prints one line for each operation and action.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

from tests.faults.conftest import SHIM, Trials
from tests.faults.operations import OPERATIONS
from tests.faults.trials import ACTIONS


def main() -> None:
    """Run all trials and print how they ended."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--step", type=int, default=1, help="take each N-th call")
    step = parser.parse_args().step
    with tempfile.TemporaryDirectory() as folder:
        shim = Path(folder) / "shim.so"
        options = ["-shared", "-fPIC", "-O1", "-o", str(shim), str(SHIM), "-ldl"]
        subprocess.run(["cc", *options], check=True)
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.trials", str(shim), folder],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "LD_PRELOAD": str(shim)},
        )
        trials = Trials(process)
        for name in OPERATIONS:
            _run_all(trials, name, step)
        process.communicate()


def _run_all(trials: Trials, name: str, step: int) -> None:
    calls = trials.ask(name=name, number=0, action="none")["calls"]
    for action in ACTIONS[1:]:
        codes: Counter[int] = Counter()
        for number in range(1, calls + 1, step):
            answer = trials.ask(name=name, number=number, action=action)
            codes[answer["code"]] += 1
            if not answer["sound"] or "Traceback" in answer["error"]:
                _say({"name": name, "action": action, "number": number, **answer})
        _say({"name": name, "action": action, "calls": calls, "codes": dict(codes)})
    _say({"name": name, **trials.ask(name=name, every=step)})


def _say(row: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(row) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
