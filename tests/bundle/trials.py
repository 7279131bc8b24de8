"""Loads damaged bundles and asks them: what may be trusted of each is asserted.

A process that runs trials imports no more than a server does, so that its memory is a
server's. Files lie in memory (`/dev/shm`) where that exists; one is damaged, and restored.
"""

import ctypes
import math
import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from itertools import islice
from pathlib import Path
from types import FrameType

import numpy as np

from tests.bundle.mutants import Files, Mutant, Specimen
from toolkit.bundle import ACTION_BOUNDS, AdviceTable, Bundle, read_bundle
from toolkit.clock import VirtualClock
from toolkit.errors import BundleRefusedError, SchemaError
from toolkit.policies import Floats, Value
from toolkit.runtime.advice import LadderAdvisor
from toolkit.runtime.batching import AdaptiveBatchingOptimizer
from toolkit.runtime.planning import PredictiveWorkflowOptimizer, TaskComplexity

__all__ = ["peak_mb", "read_specimens", "run"]

NOW = datetime(2026, 3, 1, tzinfo=UTC)
LIMIT_S = 2.0
"""Processor time of one bundle, so that a busy machine fails none."""
MOST_MB = 256
"""Aim for the memory of a process that reads bundles and asks them."""

CONTEXTS: dict[str, tuple[dict[str, Value], ...]] = {
    "batch_size": (
        {"operation_type": "fileOperations", "load_cpu": 0.5, "operation_bytes": 9.0},
        {"operation_type": "nope", "load_cpu": 5.0, "operation_bytes": 0.0},
    ),
    "agent_count": ({"components": 10.0, "coordination_needs": 0.1}, {}),
    "table": ({"load": 0.5, "scale": 1.0}, {}),
}
LEVELLED: dict[str, Value] = {"call_characters": 50.0, "before": "web"}
"""What a level of hinges reads beside the first of them."""


def read_specimens(folder: Path) -> list[Specimen]:
    """Read the bundles of a folder; each has all others as donors."""
    files = {
        bundle.parent.name: {
            path.name: path.read_bytes() for path in sorted(bundle.parent.iterdir())
        }
        for bundle in sorted(folder.glob("*-*/manifest.json"))
    }
    return [
        Specimen(name, files[name], [files[other] for other in files if other != name])
        for name in files
    ]


def run(
    specimen: Specimen,
    folder: Path,
    *,
    seed: int,
    count: int,
    most_mb: float = math.inf,
) -> dict[str, float | int]:
    """Damage a bundle a number of times, and count how it ends.

    Parameters
    ----------
    specimen : Specimen
    folder : path
        Empty; one bundle is kept there while the trials run.
    seed, count : int
    most_mb : float
        Bound on the memory of the whole process while one bundle is read and asked.

    Returns
    -------
    dict
        Number by who damaged it (`accident`, `person`) and how it ended (`refused` on
        loading, `refused when asked`, `answered`); `slowest_s` is the most processor
        time of one bundle, `peak_mb` the most memory while one was read and asked.

    Raises
    ------
    AssertionError
        Another error, a hang, an answer out of bounds or too much memory; names the
        mutant.
    """
    ends: Counter[str] = Counter()
    slowest_s = peak = 0.0
    _write(folder, specimen.files)
    with _deadline():
        for mutant in islice(specimen.mutants(seed), count):
            _write(folder, mutant.changed)
            _forget_peak()
            began_s = time.process_time()
            signal.setitimer(signal.ITIMER_VIRTUAL, LIMIT_S)
            signal.setitimer(signal.ITIMER_PROF, 2 * LIMIT_S)
            try:
                who = "person" if mutant.sealed else "accident"
                ends[f"{who}: {_trial(specimen, mutant, folder)}"] += 1
            except Exception as error:
                raise AssertionError(f"{mutant.how}: {error!r}") from error
            finally:  # to damage the next one may take longer
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                signal.setitimer(signal.ITIMER_PROF, 0)
            slowest_s = max(slowest_s, time.process_time() - began_s)
            peak = max(peak, took_mb := peak_mb())
            assert took_mb < most_mb, f"{mutant.how}: {took_mb:.0f} MB"
            _write(folder, {name: specimen.files[name] for name in mutant.changed})
    return {**ends, "slowest_s": round(slowest_s, 2), "peak_mb": round(peak)}


def _forget_peak() -> None:
    """Give back what is free, so that what damaged the bundle is not counted."""
    _c_library().malloc_trim(0)
    descriptor = os.open("/proc/self/clear_refs", os.O_WRONLY)
    os.write(descriptor, b"5")
    os.close(descriptor)


@cache  # each makes a class: more than the call costs
def _c_library() -> ctypes.CDLL:
    return ctypes.CDLL(None)


def peak_mb() -> float:
    """Most memory that this program has had since `_forget_peak`, in megabytes.

    Linux only.

    `getrusage` counts what the process had before it became this program as well.
    """
    descriptor = os.open("/proc/self/status", os.O_RDONLY)
    status = os.read(descriptor, 8192)
    os.close(descriptor)
    return int(status.partition(b"VmHWM:")[2].split(maxsplit=1)[0]) / 1024


def _write(folder: Path, files: Files) -> None:
    for name, content in files.items():
        if content is None:
            (folder / name).unlink()
        else:
            (folder / name).write_bytes(content)


@contextmanager
def _deadline() -> Iterator[None]:
    """End what takes too long: in Python by an error; below it, the process."""

    def expired(_signal: int, _frame: FrameType | None) -> None:
        raise AssertionError(f"took over {LIMIT_S} s of processor time")

    before = signal.signal(signal.SIGVTALRM, expired)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGVTALRM, before)


def _trial(specimen: Specimen, mutant: Mutant, folder: Path) -> str:
    try:
        bundle = read_bundle(folder)
    except BundleRefusedError:
        return "refused"
    good = mutant.sealed or set(mutant.changed) <= {"seal.json"}
    assert good or mutant.changed.items() <= specimen.files.items(), "an accident"
    codes = _ask(bundle)
    return "refused when asked" if "bundle_refused" in codes else "answered"


def _ask(bundle: Bundle) -> list[str]:
    """Ask as servers do, and check each answer; give the codes of the reasons."""
    decision = bundle.manifest.decision
    advisor = LadderAdvisor(decision, bundle=bundle, clock=VirtualClock(NOW))
    actions = _offered(bundle) if decision == "table" else None
    codes = []
    first, *others = CONTEXTS[decision]
    for context in (first, {**first, **LEVELLED}, *others):
        answer = advisor.decide(context, actions)
        assert 0 <= (answer.confidence or 0) <= 1, "confidence"
        if actions is None:
            _check(decision, answer.action[0])
        else:
            assert answer.action in set(map(tuple, actions)), "an action not offered"
        codes.append(answer.reason.code)
    if decision == "batch_size":
        _batches(advisor)
    elif decision == "agent_count":
        _plan(advisor)
    if "advice.json" in bundle.files:
        try:
            table = AdviceTable.loads(bundle.files["advice.json"])
        except SchemaError:
            return codes
        table.lookup("fileOperations", {"load_cpu": 0.5})
    return codes


def _offered(bundle: Bundle) -> Floats:
    names = [column.name for column in bundle.manifest.feature_schema.action]
    width = sum(":" not in name for name in names)
    return np.repeat(np.arange(1.0, 6.0)[:, None], width, axis=1)


def _batches(advisor: LadderAdvisor) -> None:
    """Recommend, run, and recommend again with what was learned from it."""
    optimizer = AdaptiveBatchingOptimizer(advisor, clock=VirtualClock(NOW))
    for _ in range(2):
        with optimizer.batch("fileOperations") as batch:
            _check("batch_size", batch.size)
            batch.run([str] * batch.size)


def _plan(advisor: LadderAdvisor) -> None:
    rules = LadderAdvisor("batch_size", bundle=None, clock=VirtualClock(NOW))
    planner = PredictiveWorkflowOptimizer(agents=advisor, batches=rules)
    plan = planner.predict(TaskComplexity(components=10, parallelizable=0.8)).plan
    _check("agent_count", plan.agents.recommended)


def _check(decision: str, action: float) -> None:
    low, high = ACTION_BOUNDS[decision]
    assert low <= action <= high, f"{action} is out of bounds"
    assert float(action).is_integer(), f"{action} is not whole"
