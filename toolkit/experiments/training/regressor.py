"""The learner as an estimator of scikit-learn: a frame of contexts and actions in, cost out."""

from collections.abc import Hashable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.utils.validation import check_is_fitted

from toolkit.arrays import Floats
from toolkit.bundle import Column, FeatureSchema
from toolkit.errors import NotEnoughDataError, UsageError
from toolkit.experiments.training.level_fit import fit_level
from toolkit.models import DecisionTable, RelativeMember, Stack
from toolkit.policies import Problem, Value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["LevelShapeRegressor"]

WIDE = 100.0
"""Ratio of the largest to the smallest value from which a column is read in logarithms."""


class LevelShapeRegressor(RegressorMixin, BaseEstimator):  # type: ignore[misc] # scikit-learn ships no types
    """Predicts the cost of an action in a context, and the action that costs least.

    A level, linear in the context, and a shape, the stack of the experiments, are
    learned apart. It is an estimator like any of scikit-learn: it can be cloned,
    searched with `GridSearchCV`, and stand at the end of a pipeline whose steps give
    frames (``set_output(transform="pandas")``). What goes into a bundle is learned by
    `Experiment`, which also grades it and shows which rungs it opens.

    Parameters
    ----------
    action : str
        Column that holds the action: numbers above 0.
    group : str, optional
        Column whose values are left out together when members are weighed, a session
        say; it is not read as context. Each context is its own group without.
    members : sequence of (str, RelativeMember), optional
        Those of the experiments unless given.
    seed : int

    Attributes
    ----------
    actions_ : array of shape (n_actions,)
        Actions that were seen, ascending.
    weights_ : dict of str to float
        Weight of each member.
    table_ : DecisionTable
        What it learned from.

    Examples
    --------
    >>> import pandas as pd
    >>> load, size = np.meshgrid(np.linspace(0, 1, 12), [1.0, 2.0, 4.0, 8.0])
    >>> X = pd.DataFrame({"load": load.ravel(), "size": size.ravel()})
    >>> y = 1 + (1 + 4 * X["load"]) / X["size"] + X["size"] / 8
    >>> model = LevelShapeRegressor().fit(X, y)
    >>> model.best_action(X.iloc[[0, 11]]).tolist()
    [4.0, 8.0]
    """

    def __init__(
        self,
        *,
        action: str = "size",
        group: str | None = None,
        members: Sequence[tuple[str, RelativeMember]] | None = None,
        seed: int = 0,
    ) -> None:
        self.action = action
        self.group = group
        self.members = members
        self.seed = seed

    def fit(self, X: "pd.DataFrame", y: Any) -> Self:
        """Learn from what actions cost.

        Parameters
        ----------
        X : DataFrame of shape (n, columns)
            The action, the group if there is one, and the context: numbers, or
            categories as texts. Rows with the same context are one problem.
        y : array-like of shape (n,)
            Costs, above 0.

        Returns
        -------
        LevelShapeRegressor

        Raises
        ------
        UsageError
            `X` is no frame or has no such column; an action or a cost is not above 0.
        NotEnoughDataError
            Fewer than two groups have a context in which two actions were tried.
        """
        frame = self._checked(X)
        costs = np.asarray(y, dtype=np.float64)
        if costs.shape != (len(frame),) or not (costs > 0).all():
            raise UsageError("`y` must hold one cost above 0 for each row of `X`")
        self.feature_names_in_ = np.asarray(frame.columns, dtype=object)
        self.n_features_in_ = len(frame.columns)
        self._schema = self._schema_of(frame)
        self.actions_ = np.unique(frame[self.action].to_numpy(dtype=np.float64))
        self.table_ = self._table(frame, np.log(costs))
        stack = Stack(seed=self.seed, members=tuple(self.members or ()))
        self._stack = stack.fit(self.table_)
        self._level = fit_level(self.table_)
        self.weights_ = dict(zip(self._stack.names, self._stack.weights, strict=True))
        return self

    def predict(self, X: "pd.DataFrame") -> Floats:
        """Predict the cost of each row's action in its context.

        Parameters
        ----------
        X : DataFrame of shape (n, columns)
            As in `fit`; a missing value is not known.

        Returns
        -------
        array of shape (n,)
            Costs, in the unit of `y`.
        """
        frame = self._checked(X, fitted=True)
        actions = frame[self.action].to_numpy(dtype=np.float64)
        predicted = np.empty(len(frame))
        for context, places in self._contexts(frame):
            offered = np.unique([*self.actions_, *actions[places]])
            found = np.searchsorted(offered, actions[places])
            predicted[places] = self._log_costs(context, offered)[found]
        return np.exp(predicted)

    def best_action(self, X: "pd.DataFrame") -> Floats:
        """Choose the action that is predicted to cost least, of those that were seen.

        Parameters
        ----------
        X : DataFrame of shape (n, columns)
            As in `fit`; its actions are not looked at.

        Returns
        -------
        array of shape (n,)
        """
        frame = self._checked(X, fitted=True)
        best = np.empty(len(frame))
        for context, places in self._contexts(frame):
            place = int(np.argmin(self._log_costs(context, self.actions_)))
            best[places] = self.actions_[place]
        return best

    def _checked(self, X: Any, *, fitted: bool = False) -> "pd.DataFrame":
        import pandas as pd

        if fitted:
            check_is_fitted(self)
        if not isinstance(X, pd.DataFrame):
            raise UsageError(f"`X` must be a DataFrame (got {type(X).__name__})")
        for name in (self.action, self.group):
            if name is not None and name not in X.columns:
                raise UsageError.unknown("column", name, sorted(map(str, X.columns)))
        actions = pd.to_numeric(X[self.action], errors="coerce")
        if not (actions > 0).all():
            raise UsageError(f"every `{self.action}` must be a number above 0")
        return X.reset_index(drop=True)

    def _names(self, frame: "pd.DataFrame") -> list[str]:
        """Columns of the context."""
        return [name for name in frame.columns if name not in (self.action, self.group)]

    def _schema_of(self, frame: "pd.DataFrame") -> FeatureSchema:
        return FeatureSchema(
            context=tuple(_column(frame[name]) for name in self._names(frame)),
            action=(Column(name=self.action),),
        )

    def _contexts(
        self, frame: "pd.DataFrame", *, by_group: bool = False
    ) -> "list[tuple[dict[str, Value], Any]]":
        """Find the rows of each context, and what the context holds."""
        names: list[Hashable] = list(self._names(frame))
        keys = [*names, *([self.group] if by_group and self.group else [])]
        if not keys:
            return [({}, np.arange(len(frame)))]
        return [
            (
                {str(name): _value(frame[name].iloc[places[0]]) for name in names},
                places,
            )
            for places in frame.groupby(keys, dropna=False, sort=True).indices.values()
        ]

    def _table(self, frame: "pd.DataFrame", log_costs: Floats) -> DecisionTable:
        actions = frame[self.action].to_numpy(dtype=np.float64)
        problems, costs, weights, groups = [], [], [], []
        for number, (context, places) in enumerate(
            self._contexts(frame, by_group=True)
        ):
            tried, of = np.unique(actions[places], return_inverse=True)
            if len(tried) < 2:
                continue
            runs = np.bincount(of)
            problems.append(self._problem(context, tried))
            costs.append(np.bincount(of, log_costs[places]) / runs)
            weights.append(runs.astype(np.float64))
            groups.append(
                str(number) if not self.group else str(frame[self.group][places[0]])
            )
        if len(set(groups)) < 2:
            raise NotEnoughDataError(
                "a model of cost",
                got=len(set(groups)),
                needed=2,
                unit="groups with two actions tried in one context",
            )
        return DecisionTable(
            name="frame",
            cost="cost",
            schema=self._schema,
            problems=tuple(problems),
            log_costs=tuple(costs),
            groups=tuple(groups),
            names=tuple(map(str, range(len(problems)))),
            rules=tuple(len(p.actions) // 2 for p in problems),
            weights=tuple(weights),
            axes=(0,),
        )

    def _problem(self, context: dict[str, Value], offered: Floats) -> Problem:
        return Problem(
            context=context, action_columns=(self.action,), actions=offered[:, None]
        )

    def _log_costs(self, context: dict[str, Value], offered: Floats) -> Floats:
        """Predict the log cost of every action on offer in one context."""
        asked = replace(
            self.table_,
            problems=(self._problem(context, offered),),
            log_costs=(np.zeros(len(offered)),),
            rules=(len(offered) // 2,),
            weights=(np.ones(len(offered)),),
        )
        shape = self._stack.predict(asked.encoded(0).astype(np.float32).astype(float))
        level, _ = self._level.predict(self._schema.encode_context(context))
        return np.asarray(level + shape - shape.mean())


def _column(values: "pd.Series[Any]") -> Column:
    """Declare a column as what its values are."""
    import pandas as pd

    name = str(values.name)
    if not pd.api.types.is_numeric_dtype(values):
        known = tuple(sorted({str(value) for value in values.dropna()}))
        return Column(name=name, kind="category", unit="category", categories=known)
    known_values = values.dropna()
    least = float(known_values.min()) if len(known_values) else 0.0
    wide = least >= 0 and float(known_values.max()) >= WIDE * max(least, 1.0)
    return Column(name=name, log=wide)


def _value(value: Any) -> Value:
    """Read one cell; `None` is not known."""
    if value is None or value != value:
        return None
    return value if isinstance(value, str) else float(value)
