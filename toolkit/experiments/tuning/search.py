"""Tuning with Optuna: seeded, pruned, resumable from a journal file."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.experiments.tuning.whole_journal import keep_whole_lines, open_journal

if TYPE_CHECKING:
    from optuna import Study, Trial

__all__ = ["Tuned", "quiet_optuna", "trials_of", "tune"]

STARTUP_TRIALS = 4
"""Random trials before the sampler learns; also before anything is pruned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuned:
    """What a study found.

    Attributes
    ----------
    parameters : dict
    score : float
        Lower is better.
    trials, pruned : int
        Trials in the journal, and how many of them were given up early.
    """

    parameters: dict[str, Any]
    score: float
    trials: int
    pruned: int


def tune(
    name: str,
    *,
    suggest: "Callable[[Trial], dict[str, Any]]",
    scores: Callable[[dict[str, Any]], Iterator[float]],
    trials: int,
    seed: int,
    journal: Path,
) -> Tuned:
    """Minimise the mean of a sequence of scores.

    Parameters
    ----------
    name : str
        Study's name: it must change with the data, since a journal that already holds
        enough trials of this name is not tuned again.
    suggest : callable
        From a trial to parameters.
    scores : callable
        From parameters to one score a fold, in order; a trial whose running mean is
        above the median of earlier ones is pruned before its last folds.
    trials : int
        Trials the study is to hold in the end.
    seed : int
    journal : path
        File of Optuna's journal storage.
    """
    with quiet_optuna():
        kept = _kept_study(name, journal)
        finished = [t for t in kept.trials if t.state.is_finished()]
        # A study takes about a second, and the journal waits for the disk at every line.
        study = _study_in_memory(seed)
        study.add_trials(finished)

        def objective(trial: "Trial") -> float:
            from optuna import TrialPruned

            parameters = suggest(trial)
            trial.set_user_attr("parameters", parameters)
            seen: list[float] = []
            for step, score in enumerate(scores(parameters)):
                seen.append(score)
                trial.report(sum(seen) / len(seen), step)
                if trial.should_prune():
                    raise TrialPruned
            return sum(seen) / len(seen)

        if trials > len(finished):
            study.optimize(objective, n_trials=trials - len(finished))
            kept.add_trials(study.trials[len(finished) :])
        return _summary(study)


def _study_in_memory(seed: int) -> "Study":
    import optuna

    return optuna.create_study(
        sampler=optuna.samplers.TPESampler(seed=seed, n_startup_trials=STARTUP_TRIALS),
        pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP_TRIALS),
        direction="minimize",
    )


def _kept_study(name: str, journal: Path) -> "Study":
    import optuna

    journal.parent.mkdir(parents=True, exist_ok=True)
    keep_whole_lines(journal)
    return optuna.create_study(
        study_name=name,
        storage=open_journal(journal),
        direction="minimize",
        load_if_exists=True,
    )


def _summary(study: "Study") -> Tuned:
    from optuna.trial import TrialState

    best = study.best_trial
    return Tuned(
        parameters=dict(best.user_attrs["parameters"]),
        score=float(best.value if best.value is not None else float("nan")),
        trials=len(study.trials),
        pruned=sum(t.state is TrialState.PRUNED for t in study.trials),
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


def trials_of(journal: Path, data: str = "") -> dict[str, list[Any]]:
    """Read every trial of the studies of a journal, as the columns of a table.

    Parameters
    ----------
    journal : path
        A file that may not exist yet.
    data : str
        How the names of the studies begin: what identifies their data.
    """
    import optuna

    columns: dict[str, list[Any]] = {
        name: [] for name in ("study", "trial", "state", "score", "parameters")
    }
    if not journal.exists():
        return columns
    with quiet_optuna():
        storage = open_journal(journal)
        for study in optuna.get_all_study_summaries(storage):
            if not study.study_name.startswith(data):
                continue
            held = optuna.load_study(study_name=study.study_name, storage=storage)
            for trial in held.trials:
                columns["study"].append(study.study_name)
                columns["trial"].append(trial.number)
                columns["state"].append(trial.state.name.lower())
                columns["score"].append(trial.value)
                columns["parameters"].append(json.dumps(trial.params, sort_keys=True))
    return columns
