"""Runs an operation many times in forked children, with one file-system call failing.

Started with the shim preloaded: `python -m tests.faults.trials SHIM SCRATCH`. The heavy
imports are paid once; each trial is a fork. One JSON object a line goes in (`name`,
`number`, `action`) and one comes out (`code`: the child's exit code, or minus its signal;
`calls`: how many calls were counted; `error`: what it said; `sound`: whether the store
held what it must, and the next run did the rest). With `every` instead of `number` and
`action`, power cuts are replayed.
"""

import ctypes
import itertools
import json
import os
import shutil
import sys
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from tests.faults.operations import OPERATIONS, prepare
from tests.faults.power import Disk, calls_of, contents_of

__all__ = ["ACTIONS", "main"]

ACTIONS = ("none", "EIO", "ENOSPC", "kill before", "kill after", "short write")


def main(shim: str, scratch: Path) -> None:
    """Serve trials until the input ends."""
    library = ctypes.CDLL(shim)
    for name in OPERATIONS:
        prepare(name, scratch / "templates" / name)
    for line in sys.stdin:
        asked = json.loads(line)
        serve = power_cuts if "every" in asked else trial
        answer = serve(library, scratch, **asked)
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


def trial(
    library: Any, scratch: Path, *, name: str, number: int, action: str
) -> dict[str, Any]:
    """Run one operation on a fresh copy of its store, then run it again unhurt."""
    store = scratch / "trial"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(scratch / "templates" / name, store, symlinks=True)
    log = scratch / "calls.log"
    log.unlink(missing_ok=True)
    operation = OPERATIONS[name]
    arm = [str(store).encode(), number, ACTIONS.index(action), str(log).encode()]
    code, calls, error = _forked(lambda: operation.run(store), library, arm, scratch)
    acknowledged = code == 0
    state, _, why = _forked(
        lambda: operation.check(store, acknowledged=acknowledged), None, [], scratch
    )
    return {
        "code": code,
        "calls": calls,
        "error": error,
        "sound": state == 0,
        "why": why,
    }


def power_cuts(library: Any, scratch: Path, *, name: str, every: int) -> dict[str, Any]:
    """Record one run, and check what the worst disk holds after a cut at any call.

    Parameters
    ----------
    library : CDLL
        The shim.
    scratch : path
    name : str
        Of the operation.
    every : int
        Check a cut behind each call of that step, and behind the last.
    """
    store = scratch / "trial"
    shutil.rmtree(store, ignore_errors=True)
    shutil.copytree(scratch / "templates" / name, store, symlinks=True)
    log = scratch / "calls.log"
    log.unlink(missing_ok=True)
    before = contents_of(store)
    arm = [str(store).encode(), 0, 0, str(log).encode()]
    code, _, error = _forked(lambda: OPERATIONS[name].run(store), library, arm, scratch)
    calls = list(calls_of(log))
    last = Disk(store)
    last.start(before)
    for call in calls:
        last.replay(call)
    last.end(contents_of(store))
    cuts = [*range(0, len(calls), every), len(calls)]
    unsound = []
    for cut, names_are_late in itertools.product(cuts, (False, True)):
        disk = Disk(store)
        disk.start(before)
        disk.contents.update(last.contents)
        for call in calls[:cut]:
            disk.replay(call)
        shutil.rmtree(store)
        disk.build(store, names_are_late=names_are_late)
        acknowledged = cut == len(calls) and code == 0
        state, _, why = _forked(
            partial(OPERATIONS[name].check, store, acknowledged=acknowledged),
            None,
            [],
            scratch,
        )
        if state:
            last_call = str(calls[cut - 1]) if cut else "none"
            unsound.append([cut, names_are_late, last_call, why[-300:]])
    return {"code": code, "error": error, "cuts": len(cuts), "unsound": unsound}


def _forked(
    work: Callable[[], int], library: Any, arm: list[Any], scratch: Path
) -> tuple[int, int, str]:
    counted, said = scratch / "counted", scratch / "said"
    counted.unlink(missing_ok=True)
    child = os.fork()
    if child == 0:
        code = 99
        try:
            descriptor = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            os.dup2(descriptor, 2)
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            if library is not None:
                library.fault_arm(
                    ctypes.c_char_p(arm[0]), ctypes.c_long(arm[1]), arm[2], arm[3]
                )
            code = work()
            if library is not None:
                counted.write_text(str(library.fault_disarm()))
        except BaseException:  # noqa: BLE001 - the child's last words are what is tested
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    calls = int(counted.read_text()) if counted.exists() else 0
    return code, calls, said.read_text()[-2000:]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
