"""Tuning with Optuna: seeded, pruned, shared between processes, resumable."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.experiments.tuning.shared_study import SharedStudy
from toolkit.experiments.tuning.studies_storage import open_studies

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["Tuned", "quiet_optuna", "summary_of", "trials_of", "tune"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What a study found.

    Attributes
    ----------
    parameters : dict
    score : float
        Lower is better.
    trials, pruned : int
        Finished trials, and how many of them were given up early.
    """

    parameters: dict[str, Any]
    score: float
    trials: int
    pruned: int


def tune(
    name: str,
    *,
    suggest: "Callable[[Trial], object]",
    scores: Callable[[dict[str, Any]], Iterator[float]],
    trials: int,
    seed: int,
    studies: str | Path,
) -> Tuned:
    """Minimise the mean of a sequence of scores.

    Processes that tune the same study share its trials; this one returns when the last
    of them is finished.

    Parameters
    ----------
    name : str
        Study's name: it must change with the data, since a study that already holds
        enough trials is not tuned again.
    suggest : callable
        Suggests each parameter of a trial.
    scores : callable
        From parameters to one score a fold, in order; a trial whose running mean is
        above the median of earlier ones is pruned before its last folds.
    trials : int
        Finished trials that the study is to hold in the end.
    seed : int
        With the number of a trial, of what is drawn for it.
    studies : path or str
        Where they are kept, as `studies_place` gives it: a journal, or a PostgreSQL.

    Returns
    -------
    Tuned

    Raises
    ------
    InputDataError
        The server of the studies cannot be reached, or refuses.
    """
    with quiet_optuna(), open_studies(studies) as storage:
        study = SharedStudy(name, storage, budget=trials, seed=seed)
        study.make()
        study.finish(suggest, scores)
        return summary_of(study)


def summary_of(study: SharedStudy) -> Tuned:
    """Read what a complete study found."""
    from optuna.trial import TrialState

    finished = study.finished_trials()
    complete = [t for t in finished if t.state is TrialState.COMPLETE]
    best = min(complete, key=lambda trial: trial.values[0])
    return Tuned(
        parameters=dict(sorted(best.params.items())),
        score=float(best.values[0]),
        trials=len(finished),
        pruned=len(finished) - len(complete),
    )


@contextmanager
def quiet_optuna() -> Iterator[None]:
    """Keep Optuna's line a trial out of the log; its warnings stay."""
    import optuna

    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def trials_of(studies: str | Path, data: str = "") -> dict[str, list[Any]]:
    """Read every trial of the studies that are kept somewhere, as columns of a table.

    Parameters
    ----------
    studies : path or str
        As `checked_address` gives it; a journal may not exist yet.
    data : str
        How the names of the studies begin: what identifies their data.

    Returns
    -------
    dict of str to list
        Columns `study`, `trial`, `state`, `score` and `parameters`.
    """
    import optuna

    columns: dict[str, list[Any]] = {
        name: [] for name in ("study", "trial", "state", "score", "parameters")
    }
    if isinstance(studies, Path) and not studies.exists():
        return columns
    with quiet_optuna(), open_studies(studies) as storage:
        for name in optuna.get_all_study_names(storage):
            if not name.startswith(data):
                continue
            held = optuna.load_study(study_name=name, storage=storage)
            for trial in held.get_trials(deepcopy=False):
                if trial.state.name == "WAITING":
                    continue
                columns["study"].append(name)
                columns["trial"].append(trial.number)
                columns["state"].append(trial.state.name.lower())
                columns["score"].append(trial.value)
                columns["parameters"].append(json.dumps(trial.params, sort_keys=True))
    return columns
