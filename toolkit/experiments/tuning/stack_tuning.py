"""Tunes how an ensemble's members are weighed, with Optuna, inside the training groups.

A trial chooses one alternative of every member and how sharply losses turn into weights.
It is graded as the ensemble itself would be: each training group in turn is decided with
weights learned from the other ones, by members that had not seen it. With a handful of
groups the best of twenty trials is mostly luck, so it replaces the default settings only
where its gain exceeds two standard errors over at least six groups.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from toolkit.experiments.tuning.search import quiet_optuna
from toolkit.models import (
    RelativeRows,
    Weighed,
    choice_regret,
    family_of,
    group_losses,
    prior_weights,
    softmax_weights,
)
from toolkit.policies import Floats

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["Settings", "TunedStack"]

FLOOR, SHARPNESS = 0.03, 0.05
"""Default settings: those of `decision_weights`."""
FLOORS, SHARPNESSES = (0.01, 0.2), (0.02, 0.3)
"""Ranges that are searched, on a logarithmic scale."""
STARTUP_TRIALS = 6
STANDARD_ERRORS = 2.0
LEAST_GROUPS = 6
"""As for any claim on one table: two standard errors over fewer groups are no evidence."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a trial chose.

    Attributes
    ----------
    members : tuple of int
        Position of the alternative taken of each family.
    floor, sharpness : float
        As in `softmax_weights`.
    """

    members: tuple[int, ...]
    floor: float
    sharpness: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TunedStack:
    """Weighs members with settings tuned across the training groups.

    Parameters
    ----------
    seed : int
        Of the sampler.
    trials : int
        At least 1; the first one is the default settings.
    """

    seed: int
    trials: int = 20

    def __call__(
        self, held_out: Floats, rows: RelativeRows, names: tuple[str, ...]
    ) -> Weighed:
        """Weigh members from their predictions, shape (members, rows)."""
        bench = _Trials(held_out, rows, names)
        default = bench.default
        found = default
        if bench.groups >= LEAST_GROUPS:
            found = self._found(bench)
            gain = bench.losses(default) - bench.losses(found)
            noise = gain.std(ddof=1) / np.sqrt(len(gain))
            if gain.mean() <= STANDARD_ERRORS * noise:
                found = default
        return Weighed(weights=bench.weights(found), tuned=found != default)

    def _found(self, bench: "_Trials") -> Settings:
        import optuna

        with quiet_optuna():
            sampler = optuna.samplers.TPESampler(
                seed=self.seed, n_startup_trials=STARTUP_TRIALS
            )
            study = optuna.create_study(sampler=sampler)
            study.enqueue_trial(bench.default_parameters())
            study.optimize(
                lambda trial: float(bench.losses(bench.suggested(trial)).mean()),
                n_trials=self.trials,
            )
            return bench.settings(study.best_params)


class _Trials:
    """Grades settings on the training groups."""

    def __init__(
        self, held_out: Floats, rows: RelativeRows, names: tuple[str, ...]
    ) -> None:
        self.held_out = held_out
        self.rows = rows
        self.names = names
        self.by_group = group_losses(held_out, rows)
        self.prior = prior_weights(names)
        self.groups = len(self.by_group)
        self.families: dict[str, list[str]] = {}
        for name in names:
            self.families.setdefault(family_of(name), []).append(name)
        self.default = self.settings(self.default_parameters())

    def default_parameters(self) -> dict[str, Any]:
        first = {family: names[0] for family, names in self._open().items()}
        return {"floor": FLOOR, "sharpness": SHARPNESS, **first}

    def suggested(self, trial: "Trial") -> Settings:
        chosen: dict[str, Any] = {
            "floor": trial.suggest_float("floor", *FLOORS, log=True),
            "sharpness": trial.suggest_float("sharpness", *SHARPNESSES, log=True),
        }
        for family, names in self._open().items():
            chosen[family] = trial.suggest_categorical(family, names)
        return self.settings(chosen)

    def settings(self, parameters: dict[str, Any]) -> Settings:
        return Settings(
            members=tuple(
                self.names.index(parameters.get(family, names[0]))
                for family, names in self.families.items()
            ),
            floor=parameters["floor"],
            sharpness=parameters["sharpness"],
        )

    def losses(self, settings: Settings) -> Floats:
        """Log loss of each group, decided with weights learned from the others."""
        chosen = list(settings.members)
        predicted = np.zeros(len(self.rows.X))
        for group in range(self.groups):
            others = np.delete(self.by_group[:, chosen], group, axis=0)
            inside = self.rows.group == group
            weights = softmax_weights(
                others,
                self.prior[chosen],
                floor=settings.floor,
                sharpness=settings.sharpness,
            )
            predicted[inside] = weights @ self.held_out[chosen][:, inside]
        groups = self.rows.group_of_problem
        regret = np.bincount(groups, choice_regret(predicted, self.rows))
        return np.asarray(np.log(regret / np.bincount(groups) + FLOOR))

    def weights(self, settings: Settings) -> Floats:
        chosen = list(settings.members)
        weights = np.zeros(len(self.names))
        weights[chosen] = softmax_weights(
            self.by_group[:, chosen],
            self.prior[chosen],
            floor=settings.floor,
            sharpness=settings.sharpness,
        )
        return weights

    def _open(self) -> dict[str, list[str]]:
        """Families with more than one alternative."""
        return {f: names for f, names in self.families.items() if len(names) > 1}
