"""Any regressor of scikit-learn as a member, a pipeline included."""

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, clone
from sklearn.pipeline import Pipeline

from toolkit.arrays import Floats
from toolkit.errors import UsageError
from toolkit.models import RelativeRows, centred
from toolkit.models.members.single_precision import (
    round_thresholds_down,
    rounded_to_single,
)
from toolkit.models.rows import KNEE, softened

__all__ = ["FittedEstimator", "RelativeEstimator", "estimator_parts"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RelativeEstimator:
    """Fits a regressor of scikit-learn on actions, context and offered range.

    Its columns are numbers: the logarithms of actions and of the context's sizes, one
    column for each category, and the place of the action in the range on offer. Its
    target is the log cost over the best action, softened and centred in each problem.
    Rows are weighed where `fit` takes weights.

    Parameters
    ----------
    estimator : estimator
        Not fitted; it is cloned for each fold.

    Raises
    ------
    UsageError
        It has no `fit` and `predict`, or cannot be cloned.

    Examples
    --------
    >>> from sklearn.linear_model import Ridge
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> member = RelativeEstimator(estimator=make_pipeline(StandardScaler(), Ridge()))
    """

    estimator: BaseEstimator

    def __post_init__(self) -> None:
        if not all(
            callable(getattr(self.estimator, n, None)) for n in ("fit", "predict")
        ):
            raise UsageError(
                "a member must be a regressor with `fit` and `predict` "
                f"(got {type(self.estimator).__name__})"
            )
        try:
            clone(self.estimator)
        except TypeError as error:
            raise UsageError(f"a member must be an estimator: {error}") from error

    def fit(self, rows: RelativeRows) -> "FittedEstimator":
        """Fit on the rows of some groups."""
        layout = rows.layout
        columns = [*layout.a, *layout.x, *layout.offered]
        target = centred(softened(rows.regret, KNEE), rows.problem)
        estimator = clone(self.estimator)
        estimator.fit(
            rounded_to_single(rows.X[:, columns]),
            target,
            **_weights(estimator, rows.weight),
        )
        for part in estimator_parts(estimator):
            round_thresholds_down(part)
        return FittedEstimator(columns=columns, estimator=estimator)


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedEstimator:
    """A fitted regressor and the columns it reads."""

    columns: list[int]
    estimator: Any

    def predict(self, X: Floats) -> Floats:
        """Predict relative cost, shape (n,)."""
        predicted = self.estimator.predict(rounded_to_single(X[:, self.columns]))
        return np.asarray(predicted, dtype=np.float64).reshape(len(X))


def estimator_parts(estimator: Any) -> Iterator[Any]:
    """List a fitted estimator and those that it is made of.

    Parameters
    ----------
    estimator : estimator

    Yields
    ------
    estimator
    """
    waiting, seen = [estimator], set()
    while waiting:
        part = waiting.pop()
        if isinstance(part, list | tuple):
            waiting += part
        elif isinstance(part, np.ndarray) and part.dtype == object:
            waiting += part.ravel().tolist()
        elif isinstance(part, BaseEstimator) and id(part) not in seen:
            seen.add(id(part))
            yield part
            waiting += vars(part).values()


def _weights(estimator: BaseEstimator, weight: Floats) -> dict[str, Floats]:
    """Name the argument that takes the rows' weights, where there is one."""
    last, prefix = estimator, ""
    while isinstance(last, Pipeline):
        name, last = last.steps[-1]
        prefix += f"{name}__"
    takes = "sample_weight" in inspect.signature(last.fit).parameters
    return {f"{prefix}sample_weight": weight} if takes else {}
