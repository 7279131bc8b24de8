"""Processes that share the journal of one machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import optuna
import psutil
import pytest

from tests.experiments.tuning.slow_study import quick_study
from tests.shared import ROOT
from toolkit.errors import InputDataError
from toolkit.experiments.tuning import tune_together
from toolkit.experiments.tuning.search import trials_of
from toolkit.experiments.tuning.studies_storage import open_studies

# Several workers import Optuna, and sixty seconds are given to their end.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

PARAMETERS = 5
"""Of the rule, with one operation type."""
LOOK_S = 0.2
"""Between two looks into the journal, each of which reads all of it."""
PROGRAM = [sys.executable, "-m", "tests.experiments.tuning.slow_study"]


Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def started() -> Iterator[Start]:
    """Give what starts the program; it and its workers end with the test, failed or not."""
    processes = []

    def start(*words: str) -> "subprocess.Popen[str]":
        process = subprocess.Popen(
            [*PROGRAM, *words],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        processes.append(process)
        return process

    yield start
    for process in processes:
        with suppress(ProcessLookupError):  # all of its group has ended
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert process.stdout is not None
        process.stdout.close()


def answer(process: "subprocess.Popen[str]") -> dict[str, Any]:
    said, _ = process.communicate()
    assert process.returncode == 0
    return dict(json.loads(said))


def test_four_processes_share_one_budget(tmp_path: Path, started: Start) -> None:
    found = answer(started(str(tmp_path / "j"), "--budget", "24"))
    states = trials_of(tmp_path / "j")["state"]

    assert (found["finished"], found["failed"]) == (24, 0)
    assert states.count("complete") + states.count("pruned") == len(states) == 24
    assert sum(found["workers"]) == 24
    assert len(found["workers"]) > 1


def test_two_commands_at_once_share_one_budget(tmp_path: Path, started: Start) -> None:
    words = (str(tmp_path / "j"), "--budget", "24", "--workers", "2")
    both = [started(*words), started(*words)]
    found = [answer(each) for each in both]

    assert [each["finished"] for each in found] == [24, 24]
    assert len(trials_of(tmp_path / "j")["state"]) == 24


def running_pids(journal: Path) -> list[int]:
    """List the processes that have drawn a trial and run it."""
    if not journal.exists():
        return []
    with open_studies(journal) as storage:
        studies = optuna.get_all_study_names(storage)
        held = [optuna.load_study(study_name=n, storage=storage) for n in studies]
        trials = [trial for study in held for trial in study.trials]
    return [
        int(trial.user_attrs["worker"].split(":")[1])
        for trial in trials
        if trial.state.name == "RUNNING" and len(trial.params) == PARAMETERS
    ]


def test_a_killed_worker_is_replaced_and_its_draw_is_tried_again(
    tmp_path: Path, started: Start
) -> None:
    journal = tmp_path / "j"
    process = started(str(journal), "--budget", "8", "--workers", "2", "--pause", "1")
    while not (running := running_pids(journal)):
        assert process.poll() is None
        time.sleep(LOOK_S)
    os.kill(running[0], signal.SIGKILL)
    found = answer(process)
    kept = trials_of(journal)
    (failed,) = [n for n, state in enumerate(kept["state"]) if state == "fail"]

    assert (found["finished"], found["failed"]) == (8, 1)
    assert kept["parameters"].count(kept["parameters"][failed]) == 2


def test_workers_end_with_the_process_that_started_them(
    tmp_path: Path, started: Start
) -> None:
    journal = tmp_path / "j"
    process = started(str(journal), "--budget", "500", "--workers", "2")
    while len(running := running_pids(journal)) < 2:
        assert process.poll() is None
        time.sleep(LOOK_S)
    workers = [psutil.Process(pid) for pid in running]
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=60)

    assert alive == []


def filled(journal: Path, budget: int, *, join: bool = False) -> int:
    """Fill a study with one worker; return how many trials are finished."""
    (count,) = tune_together(
        [quick_study(budget)],
        where=journal,
        workers=1,
        report=lambda *_: None,
        join=join,
    )
    return count.finished


def test_who_joins_needs_a_study_that_has_begun(tmp_path: Path) -> None:
    with pytest.raises(InputDataError, match="no such study to join"):
        filled(tmp_path / "j", 4, join=True)


def test_who_joins_takes_the_budget_that_is_there(tmp_path: Path) -> None:
    begun = filled(tmp_path / "j", 6)
    joined = filled(tmp_path / "j", 99, join=True)

    assert begun == joined == 6
