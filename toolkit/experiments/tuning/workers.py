"""Several processes that fill studies together; any of them may be killed at any time."""

import multiprocessing
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.environment import silence_telemetry, use_one_thread
from toolkit.errors import InputDataError, ToolkitError
from toolkit.experiments.tuning.rule_tuning import RuleStudy
from toolkit.experiments.tuning.search import quiet_optuna
from toolkit.experiments.tuning.shared_study import (
    LOOK_S,
    PATIENCE_S,
    SharedStudy,
    StudyCount,
)
from toolkit.experiments.tuning.studies_storage import open_studies

if TYPE_CHECKING:
    from multiprocessing.context import ForkServerProcess

    from optuna.storages import BaseStorage

__all__ = ["tune_together"]

REPORT_S = 2.0
"""Between two counts of what is finished, which ask the storage."""
MOST_DEATHS = 5
"""Times that each worker may end early without a trial finished in between."""

Report = Callable[[float, float, str], None]


@dataclass(slots=True)
class _Worker:
    process: "ForkServerProcess"
    said: Connection
    place: int


def tune_together(
    studies: Sequence[RuleStudy],
    *,
    where: str | Path,
    workers: int,
    report: Report,
    join: bool = False,
    patience_s: float = PATIENCE_S,
) -> list[StudyCount]:
    """Fill the budgets of studies with several processes, and with those that join.

    A worker that is killed is replaced, and its trial tried again. Where this process is
    killed, its workers end after the trial that they run.

    Parameters
    ----------
    studies : sequence of RuleStudy
    where : path or str
        Where they are kept, as `studies_place` gives it: processes of one machine can
        share a journal, those of several a PostgreSQL.
    workers : int
        Processes to start, at least 1.
    report : callable
        Called with what is done of what, and what is going on.
    join : bool
        Only help with studies that another process has begun.
    patience_s : float
        How long a worker of another machine may be silent before its trial is taken away.

    Returns
    -------
    list of StudyCount

    Raises
    ------
    InputDataError
        The server of the studies cannot be reached or refuses; or there is no such study
        to join.
    ToolkitError
        Workers end again and again without finishing a trial.
    """
    with (
        quiet_optuna(),
        open_studies(where, patience_s=patience_s) as storage,
    ):
        shared = _shared(studies, storage, patience_s)
        for study in shared:
            if join:
                study.join()
            else:
                study.make()
        budgeted = [
            replace(study, trials=each.budget)
            for study, each in zip(studies, shared, strict=True)
        ]
        _Crew(budgeted, shared, size=workers, where=where, patience_s=patience_s).run(
            report
        )
        return [_count_of(study) for study in shared]


class _Crew:
    """The workers of this machine.

    Parameters
    ----------
    studies : sequence of RuleStudy
    shared : sequence of SharedStudy
        The same.
    size : int
        How many workers.
    where : path or str
    patience_s : float
    """

    def __init__(
        self,
        studies: Sequence[RuleStudy],
        shared: Sequence[SharedStudy],
        *,
        size: int,
        where: str | Path,
        patience_s: float,
    ) -> None:
        self._studies = studies
        self._shared = shared
        self._where = where
        self._patience_s = patience_s
        self._size = size
        # Workers are forked from a process that has imported everything, and has no thread.
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(
            [__name__, "optuna.samplers", "sqlalchemy"]
        )
        self._left = list(shared)
        self._counted: dict[str, int] = {}
        self._deaths = self._finished = 0
        self._workers: list[_Worker] = []

    def run(self, report: Report) -> None:
        """Keep the workers going until every study is complete."""
        total = sum(study.budget for study in self._shared)
        if self._count() == total:
            return
        try:
            self._workers = [self._start(place) for place in range(self._size)]
            while self._workers:
                wait([each.process.sentinel for each in self._workers], REPORT_S)
                self._replace_dead()
                report(self._count(), total, "trials")
        finally:
            for each in self._workers:
                each.process.terminate()
            for each in self._workers:
                each.process.join()

    def _count(self) -> int:
        for study in self._left[:]:
            finished = _count_of(study).finished
            self._counted[study.name] = finished
            if finished == study.budget:
                self._left.remove(study)  # is not asked again
        finished = sum(self._counted.values())
        if finished > self._finished:
            self._finished, self._deaths = finished, 0
        return finished

    def _start(self, place: int) -> _Worker:
        receiving, sending = self._context.Pipe(duplex=False)
        # Workers begin with different studies, so that each learns from what it saw.
        turned = place * len(self._studies) // self._size
        studies = [*self._studies[turned:], *self._studies[:turned]]
        process = self._context.Process(
            target=_work,
            args=(studies, self._where, self._patience_s, sending),
            daemon=True,
        )
        process.start()
        sending.close()
        return _Worker(process, receiving, place)

    def _replace_dead(self) -> None:
        for position, each in enumerate(self._workers):
            if each.process.exitcode:
                each.process.join()
                self._count()
                self._deaths += 1
                if self._deaths > MOST_DEATHS * self._size:
                    raise _ended(each, self._deaths)
                time.sleep(LOOK_S)
                self._workers[position] = self._start(each.place)
        self._workers = [w for w in self._workers if w.process.exitcode != 0]


def _shared(
    studies: Sequence[RuleStudy], storage: "BaseStorage", patience_s: float
) -> list[SharedStudy]:
    return [
        SharedStudy(
            study.name,
            storage,
            budget=study.trials,
            seed=study.seed,
            patience_s=patience_s,
        )
        for study in studies
    ]


def _count_of(study: SharedStudy) -> StudyCount:
    """Count a study; once more where the server has cut the connection meanwhile."""
    from optuna.exceptions import StorageInternalError

    try:
        return study.count()
    except StorageInternalError:
        return study.count()


def _ended(worker: _Worker, deaths: int) -> ToolkitError:
    """Say why workers end again and again: what the last of them said, or its signal."""
    try:
        said = worker.said.recv() if worker.said.poll() else ""
    except EOFError:  # it was killed, and said nothing
        said = ""
    if said:
        return InputDataError(said)
    code = worker.process.exitcode or 0
    how = f"signal {-code}" if code < 0 else f"exit code {code}"
    return ToolkitError(
        f"{deaths} workers ended with {how}, and no trial was finished in "
        "between; look at memory, start fewer, and run again: what is finished is kept"
    )


def _work(
    studies: Sequence[RuleStudy],
    where: str | Path,
    patience_s: float,
    sending: Connection,
) -> None:
    """Run trials in this process until every study is complete."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends its workers
    silence_telemetry()
    use_one_thread()
    parent = multiprocessing.parent_process()

    def goes_on() -> bool:
        return parent is None or parent.is_alive()

    try:
        with (
            quiet_optuna(),
            open_studies(where, patience_s=patience_s) as storage,
        ):
            shared = _shared(studies, storage, patience_s)
            left = list(zip(studies, shared, strict=True))
            while left and goes_on():
                left = [
                    (study, each)
                    for study, each in left
                    if not each.work(study.suggest, study.scores, goes_on)
                ]
                if left:
                    time.sleep(LOOK_S)
    except ToolkitError as error:
        sending.send(str(error))
        raise SystemExit(error.exit_code) from None
