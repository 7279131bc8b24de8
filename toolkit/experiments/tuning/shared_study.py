"""One study that any number of processes fill: exactly its budget, also after kills.

The trials that count are the first `budget` of those that have not failed, in the order
of their numbers, which the storage gives. A trial is made waiting, and run by who takes
it, if it counts: taking is one atomic change in the storage. Its maker takes it, or another where he is gone. A trial whose worker is gone
fails, the next in the row counts instead, and what had been drawn for it is tried again.
Nothing here needs a lock or a coordinator, and no order of events lets more trials count
than the budget. Two processes may make the last one at once: one of them then waits
behind the row, for a larger budget.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.errors import InputDataError
from toolkit.experiments.tuning.lease import (
    WORKER,
    Watch,
    beating,
    new_signature,
    working_under,
)

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.storages import BaseStorage
    from optuna.trial import FrozenTrial

__all__ = ["PATIENCE_S", "SharedStudy", "StudyCount"]

STARTUP_TRIALS = 4
"""Random trials before the sampler learns; also before anything is pruned."""
PATIENCE_S = 60.0
"""How long a worker of another machine may be silent before its trial is taken away."""
MOST_RETRIES = 3
"""A draw that so many workers died of is not tried again: another is made."""
RETRY_OF = "retry_of"
"""Attribute of a trial: the failed ones whose draw it tries again."""
BUDGET = "budget"
"""Attribute of a study: how many finished trials it is to hold."""
LOOK_S = 0.2
"""Between two looks at trials that others are running."""

Suggest = Callable[["Trial"], object]
Scores = Callable[[dict[str, Any]], Iterator[float]]


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyCount:
    """What a study holds.

    Attributes
    ----------
    finished, pruned : int
        Trials that count and are done, and how many of them were given up early.
    failed : int
        Trials that were taken from a worker; they do not count.
    by_worker : mapping of str to int
        Finished trials of each worker.
    """

    finished: int
    pruned: int
    failed: int
    by_worker: Mapping[str, int]


class SharedStudy:
    """A study and its budget.

    Parameters
    ----------
    name : str
    storage : BaseStorage
        From `open_studies`.
    budget : int
        Finished trials that it is to hold in the end.
    seed : int
        A trial draws from the seed and its number alone.
    patience_s : float
        How long a worker of another machine may be silent.
    """

    def __init__(
        self,
        name: str,
        storage: "BaseStorage",
        *,
        budget: int,
        seed: int,
        patience_s: float = PATIENCE_S,
    ) -> None:
        self.name = name
        self.budget = budget
        self._storage = storage
        self._seed = seed
        self._patience_s = patience_s
        self._watch = Watch(patience_s)
        self._view: Study | None = None
        self._made = ""

    def make(self) -> None:
        """Make the study where it is missing, or raise the budget of the one there is."""
        import optuna

        study = optuna.create_study(
            study_name=self.name,
            storage=self._storage,
            direction="minimize",
            load_if_exists=True,
        )
        if study.user_attrs.get(BUDGET, 0) < self.budget:
            study.set_user_attr(BUDGET, self.budget)

    def join(self) -> None:
        """Take the budget of a study that another process has made.

        Raises
        ------
        InputDataError
            It has not: the data or the specification differ.
        """
        try:
            self.budget = int(self._seen().user_attrs[BUDGET])
        except KeyError as error:
            raise InputDataError(
                "no such study to join",
                got=self.name,
                fix="begin it without `--join`; where it has begun, the records or the "
                "specification differ from those that it was begun with",
            ) from error

    def count(self) -> StudyCount:
        """Count the trials."""
        trials = self._seen().get_trials(deepcopy=False)
        done = [trial for trial in self._counting(trials) if trial.state.is_finished()]
        by_worker: dict[str, int] = {}
        for trial in done:
            worker = str(trial.user_attrs.get(WORKER, "")).rpartition(":")[0]
            by_worker[worker] = by_worker.get(worker, 0) + 1
        return StudyCount(
            finished=len(done),
            pruned=sum(trial.state.name == "PRUNED" for trial in done),
            failed=sum(trial.state.name == "FAIL" for trial in trials),
            by_worker=by_worker,
        )

    def work(
        self,
        suggest: Suggest,
        scores: Scores,
        goes_on: Callable[[], bool] = lambda: True,
    ) -> bool:
        """Run trials while the budget has any left.

        Parameters
        ----------
        suggest, scores : callable
            As of `tune`.
        goes_on : callable
            Asked before each trial.

        Returns
        -------
        bool
            Whether the study is complete; `False` where others run its last trials.
        """
        while goes_on():
            row = self._row()
            taken = [self._take_away(trial) for trial in row]
            if any(taken):
                continue
            waiting = [trial for trial in row if self._may_take(trial)]
            if waiting:
                self._run(waiting[0], suggest, scores)
            elif len(row) < self.budget:
                self._made = new_signature()
                self._seen().enqueue_trial({}, user_attrs={WORKER: self._made})
            else:
                return all(trial.state.is_finished() for trial in row)
        return False

    def finish(self, suggest: Suggest, scores: Scores) -> None:
        """Run trials, and wait for those that others run, until the study is complete."""
        while not self.work(suggest, scores):
            time.sleep(LOOK_S)

    def finished_trials(self) -> "list[FrozenTrial]":
        """List the trials that count and are done."""
        return [trial for trial in self._row() if trial.state.is_finished()]

    def _row(self) -> "list[FrozenTrial]":
        """List the trials that count."""
        return self._counting(self._seen().get_trials(deepcopy=False))

    def _counting(self, trials: "list[FrozenTrial]") -> "list[FrozenTrial]":
        return [t for t in trials if t.state.name != "FAIL"][: self.budget]

    def _seen(self) -> "Study":
        """Load the study for looking at, once."""
        if self._view is None:
            self._view = self._study(0)
        return self._view

    def _study(self, number: int) -> "Study":
        """Load the study with a sampler for one trial."""
        import optuna

        seed = np.random.SeedSequence([self._seed, number]).generate_state(1)[0]
        return optuna.load_study(
            study_name=self.name,
            storage=self._storage,
            sampler=optuna.samplers.TPESampler(
                seed=int(seed), n_startup_trials=STARTUP_TRIALS
            ),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
        )

    def _may_take(self, trial: "FrozenTrial") -> bool:
        """Whether a trial waits for us: its maker runs it, unless he is gone."""
        if trial.state.name != "WAITING":
            return False
        maker = trial.user_attrs.get(WORKER)
        ours = maker in (None, self._made)
        return ours or self._watch.gave_up(trial, time.monotonic())

    def _take_away(self, trial: "FrozenTrial") -> bool:
        """Fail a running trial whose worker is gone, and have its draw tried again."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        if trial.state is not TrialState.RUNNING:
            return False
        if not self._watch.gave_up(trial, time.monotonic()):
            return False
        try:
            self._storage.set_trial_state_values(self._id_of(trial), TrialState.FAIL)
        except UpdateFinishedTrialError:
            return True
        before = [*trial.user_attrs.get(RETRY_OF, []), trial.number]
        again = len(before) <= MOST_RETRIES
        self._seen().enqueue_trial(
            trial.params if again else {},
            user_attrs={RETRY_OF: before} if again else {},
        )
        return True

    def _run(self, waiting: "FrozenTrial", suggest: Suggest, scores: Scores) -> None:
        import optuna
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        trial_id = self._id_of(waiting)
        signature = waiting.user_attrs.get(WORKER)
        if signature != self._made or not signature:
            signature = new_signature()
        # A trial that was taken from us meanwhile is another's: its result is his.
        with working_under(signature), suppress(UpdateFinishedTrialError):
            if not self._storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                return
            trial = optuna.Trial(self._study(waiting.number), trial_id)
            if signature != self._made:
                trial.set_user_attr(WORKER, signature)
            state, value = TrialState.FAIL, None
            with beating(trial, patience_s=self._patience_s):
                try:
                    value, pruned = _scored(trial, suggest, scores)
                    state = TrialState.PRUNED if pruned else TrialState.COMPLETE
                finally:
                    self._storage.set_trial_state_values(
                        trial_id, state, None if value is None else [value]
                    )

    def _id_of(self, trial: "FrozenTrial") -> int:
        return int(trial._trial_id)  # noqa: SLF001 - asking the storage would cost two queries


def _scored(trial: "Trial", suggest: Suggest, scores: Scores) -> tuple[float, bool]:
    """Mean score of a trial, and whether it was given up before the last one."""
    suggest(trial)
    seen: list[float] = []
    for step, score in enumerate(scores(trial.params)):
        seen.append(score)
        trial.report(sum(seen) / len(seen), step)
        if trial.should_prune():
            return sum(seen) / len(seen), True
    return sum(seen) / len(seen), False
