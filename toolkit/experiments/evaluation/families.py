"""Model families: what is fitted, and what Optuna may tune."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from toolkit.errors import UsageError
from toolkit.models import RatioCost, ShapedCost
from toolkit.models.members import BoostedCost, LinearCost, ScalabilityCurve

if TYPE_CHECKING:
    from optuna import Trial

__all__ = ["FAMILIES", "Family", "family", "make_model"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """One family of cost models.

    Attributes
    ----------
    name : str
    suggest : callable
        From an Optuna trial to parameters.
    make : callable
        From parameters, seed and price exponent to a regressor of log cost.
    """

    name: str
    suggest: Callable[["Trial"], dict[str, Any]]
    make: Callable[[Mapping[str, Any], int, float], Any]


def _linear_space(trial: "Trial") -> dict[str, Any]:
    return {"alpha": trial.suggest_float("alpha", 1e-2, 1e3, log=True)}


def _boosted_space(trial: "Trial") -> dict[str, Any]:
    return {
        "learning_rate": trial.suggest_float("learning_rate", 0.02, 0.3, log=True),
        "max_iter": trial.suggest_int("max_iter", 40, 200, step=20),
        "max_leaf_nodes": trial.suggest_int("max_leaf_nodes", 4, 24),
        "min_samples_leaf": trial.suggest_int("min_samples_leaf", 5, 40),
        "l2_regularization": trial.suggest_float(
            "l2_regularization", 0.1, 30, log=True
        ),
    }


FAMILIES: Mapping[str, Family] = {
    "linear": Family(
        name="linear",
        suggest=_linear_space,
        make=lambda given, _seed, _price: LinearCost(**given),
    ),
    "boosted": Family(
        name="boosted",
        suggest=_boosted_space,
        make=lambda given, seed, _price: BoostedCost(**given, random_state=seed),
    ),
    "scalability": Family(
        name="scalability",
        suggest=_linear_space,
        make=lambda given, _seed, price: ScalabilityCurve(
            **given, price_exponent=price
        ),
    ),
}
"""Every family by name."""


def family(name: str) -> Family:
    """Find a family.

    Raises
    ------
    UsageError
        Naming the nearest known one.
    """
    if name not in FAMILIES:
        raise UsageError.unknown("model family", name, sorted(FAMILIES))
    return FAMILIES[name]


def make_model(
    name: str,
    parameters: Mapping[str, Any],
    *,
    decision: str,
    seed: int,
    price_exponent: float,
    measured: bool,
) -> Any:
    """Make an unfitted model for a decision.

    Parameters
    ----------
    measured : bool
        Whether there are problems in which several actions were tried: level and shape
        are then learned apart. Else batches cost a ratio of two expectations, whose
        model regresses both, and a workflow's cost is one number.
    """
    price = 0.0 if decision == "batch_size" else price_exponent
    made = family(name).make(parameters, seed, price)
    if measured:
        return ShapedCost(shape=made)
    return RatioCost(seconds=made) if decision == "batch_size" else made
