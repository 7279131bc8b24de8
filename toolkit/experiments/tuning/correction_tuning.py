"""The rate of the adaptive correction, tuned by replaying streams of held-out batches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.experiments.evaluation import fit_on
from toolkit.experiments.tables import Fold, LearningTable
from toolkit.experiments.tuning.search import Tuned, tune
from toolkit.policies import Floats
from toolkit.policies.adaptation import CorrectionSettings, CostCorrection

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["Replay", "out_of_fold", "replay_error", "tune_correction"]

HIGHEST_RATE = 0.9
"""Above this a correction chases the last observation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """One agent's rows in order of time.

    Attributes
    ----------
    predicted, observed : array of shape (n,)
        Log costs.
    operations : array of shape (n,)
    """

    predicted: Floats
    observed: Floats
    operations: Floats


def out_of_fold(
    table: LearningTable, folds: Sequence[Fold], make: Callable[[], Any]
) -> list[Replay]:
    """Predict every stream with a model that did not see its group."""
    replays = []
    for fold in folds:
        model = fit_on(table, fold.train, make())
        rows = table.rows_of(fold.test)
        predicted = model.predict(table.X[rows].astype(np.float64))
        part = table.frame.iloc[rows].assign(
            _predicted=predicted, _observed=table.log_cost[rows]
        )
        part = part[np.isfinite(part["_observed"])]
        keys = [name for name in ("session_id", "agent_id") if name in part.columns]
        for _, stream in part.groupby(keys, dropna=False, sort=True):
            ordered = stream.sort_values("at", kind="stable")
            replays.append(
                Replay(
                    predicted=ordered["_predicted"].to_numpy(dtype=np.float64),
                    observed=ordered["_observed"].to_numpy(dtype=np.float64),
                    operations=ordered[table.action].to_numpy(dtype=np.float64),
                )
            )
    return replays


def replay_error(replays: Sequence[Replay], settings: CorrectionSettings) -> float:
    """Mean absolute error of log cost when each row is predicted before it is seen."""
    total, rows = 0.0, 0
    for replay in replays:
        correction = CostCorrection(settings)
        for predicted, observed, operations in zip(
            replay.predicted, replay.observed, replay.operations, strict=True
        ):
            total += abs(observed - predicted - correction.log_factor)
            rows += 1
            correction.observe(
                predicted_cost=float(np.exp(predicted)),
                observed_cost=float(np.exp(observed)),
                operations=int(operations),
            )
    return total / max(rows, 1)


def tune_correction(
    replays: Sequence[Replay],
    *,
    study: str,
    trials: int,
    seed: int,
    journal: Path,
    every: int = CorrectionSettings().every,
) -> Tuned:
    """Find the rate with the least one-step-ahead error."""

    def suggest(trial: "Trial") -> dict[str, Any]:
        return {"rate": trial.suggest_float("rate", 0.0, HIGHEST_RATE)}

    def scores(parameters: dict[str, Any]) -> Iterator[float]:
        yield replay_error(replays, CorrectionSettings(**parameters, every=every))

    return tune(
        f"{study}/correction",
        suggest=suggest,
        scores=scores,
        trials=trials,
        seed=seed,
        journal=journal,
    )
