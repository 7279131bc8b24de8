"""Runs an operation many times in forked children, with one file-system call failing.

Started with the shim preloaded: `python -m tests.faults.trials SHIM SCRATCH`. The heavy
imports are paid once; each trial is a fork. One JSON object a line goes in (`name`,
`number`, `action`) and one comes out (`code`: the child's exit code, or minus its signal;
`calls`: how many calls were counted, of which `changing` changed something; `error`:
what it said; `sound`: whether what was
acknowledged is there and whole, and the next run did the rest). With `every` instead of
`number` and `action`, power cuts are replayed.
"""

import ctypes
import gc
import io
import itertools
import json
import os
import random
import shutil
import sys
import traceback
import warnings
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from tests.faults.operation import ANSWERED
from tests.faults.operations import OPERATIONS
from tests.faults.power import Disk, calls_of
from toolkit.environment import silence_telemetry, use_one_thread

__all__ = ["ACTIONS", "main"]

ACTIONS = ("none", "EIO", "ENOSPC", "kill before", "kill after", "short write")


def main(shim: str, scratch: Path) -> None:
    """Serve trials until the input ends."""
    library = ctypes.CDLL(shim)
    silence_telemetry()
    use_one_thread()
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            trials = _Trials(library, scratch, asked.pop("name"))
            serve = trials.power_cuts if "every" in asked else trials.run
            answer = serve(**asked)
        except Exception:  # noqa: BLE001 - who asks must hear of it
            answer = {"sound": False, "why": traceback.format_exc(), "code": 99}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


class _Trials:
    """Trials of one operation."""

    def __init__(self, library: Any, scratch: Path, name: str) -> None:
        self._library = library
        self._operation = OPERATIONS[name]
        self._template = scratch / "templates" / name
        self._folder = scratch / "trial"
        self._log = scratch / "calls.log"
        self._scratch = scratch
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for module in self._operation.warm:
                import_module(module)
        if not self._template.exists():
            self._template.parent.mkdir(exist_ok=True)
            state, _, why = _forked(
                lambda: self._operation.prepare(self._template), None, [], scratch
            )
            if state:
                raise AssertionError(why)
            if self._operation.rehearsed:
                self._rehearse(scratch / "rehearsal" / name)
            gc.collect()
            gc.freeze()  # a collection in a child would copy every page of its parent

    def _rehearse(self, folder: Path) -> None:
        shutil.copytree(self._template, folder, symlinks=True)
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            self._operation.run(folder)
            self._operation.check(folder, acknowledged=True)

    def run(self, *, number: int, action: str) -> dict[str, Any]:
        """Run the operation on fresh files, then run it again unhurt."""
        passed = self._operation.passed
        code, calls, error = self._recorded(number, action, passed=passed)
        acknowledged = code == 0 or self._folder.with_name(ANSWERED).exists()
        state, why = self._checked(acknowledged=acknowledged)
        return {
            "code": code,
            "calls": calls,
            "error": error,
            "sound": state == 0,
            "why": why,
            "changing": [] if number else self._changing(),
        }

    def _changing(self) -> list[tuple[int, str]]:
        """List the calls that changed something, by number, and what they were."""
        return [(call.number, call.what) for call in calls_of(self._log)]

    def power_cuts(self, *, every: int) -> dict[str, Any]:
        """Record one run, and check what a bad disk holds after a cut at any call.

        Parameters
        ----------
        every : int
            Check a cut behind each call of that step, and behind the last.
        """
        code, _, error = self._recorded(0, "none", passed=())
        calls = list(calls_of(self._log))
        cuts = [*range(0, len(calls), every), len(calls)]
        states = list(itertools.product((False, True), (False, True)))
        unsound = []
        self._fresh()
        disk, done = Disk(self._folder), 0
        for cut in cuts:
            while done < cut:
                disk.replay(calls[done])
                done += 1
            acknowledged = cut == len(calls) and code == 0
            for names_are_late, mixed in states:
                shutil.rmtree(self._folder)
                disk.build(
                    self._folder,
                    names_are_late=names_are_late,
                    chosen=random.Random(cut) if mixed else None,
                )
                state, why = self._checked(acknowledged=acknowledged)
                if state:
                    last = str(calls[cut - 1]) if cut else "none"
                    unsound.append([cut, names_are_late, mixed, last, why[-1500:]])
        return {
            "code": code,
            "error": error,
            "states": len(cuts) * len(states),
            "unsound": unsound,
        }

    def _fresh(self) -> None:
        shutil.rmtree(self._folder, ignore_errors=True)
        shutil.copytree(self._template, self._folder, symlinks=True)

    def _recorded(
        self, number: int, action: str, *, passed: tuple[str, ...]
    ) -> tuple[int, int, str]:
        self._fresh()
        self._log.unlink(missing_ok=True)
        self._folder.with_name(ANSWERED).unlink(missing_ok=True)
        armed = [
            str(self._folder).encode(),
            number,
            ACTIONS.index(action),
            str(self._log).encode(),
        ]
        self._library.fault_pass("".join(f"{name}\n" for name in passed).encode())
        work = partial(self._operation.run, self._folder)
        return _forked(work, self._library, armed, self._scratch)

    def _checked(self, *, acknowledged: bool) -> tuple[int, str]:
        check = partial(self._operation.check, self._folder, acknowledged=acknowledged)
        state, _, why = _forked(check, None, [], self._scratch)
        return state, why


def _forked(
    work: Callable[[], int | None], library: Any, arm: list[Any], scratch: Path
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
            code = work() or 0
            if library is not None:
                counted.write_text(str(library.fault_disarm()))
        except BaseException:  # noqa: BLE001 - the child's last words are what is tested
            traceback.print_exc()
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    code = -os.WTERMSIG(status) if os.WIFSIGNALED(status) else os.WEXITSTATUS(status)
    calls = int(counted.read_text()) if counted.exists() else 0
    return code, calls, said.read_text()[-3000:]


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
