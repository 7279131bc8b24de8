"""A fitted regressor behind the `CostModel` protocol, and what cross-fitting says of it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle import Conformal, FeatureSchema, Support
from toolkit.experiments.tables import Fold, LearningTable, MeasuredProblem
from toolkit.models import ShapedCost
from toolkit.policies import CostCurve, Floats, Gain, Policy, Problem

__all__ = ["CrossFit", "FittedCost", "cross_fit", "fit_on"]

PROBABILITIES = tuple(np.round(np.linspace(0.01, 0.99, 99), 2).tolist())


class FittedCost:
    """A fitted regressor as a cost model.

    Parameters
    ----------
    model : estimator
        Predicts log cost of encoded rows.
    schema : FeatureSchema
    support : Support
    low, high : float
        Interval bounds, added to the log cost.
    """

    def __init__(
        self,
        model: Any,
        schema: FeatureSchema,
        support: Support,
        *,
        low: float = 0.0,
        high: float = 0.0,
    ) -> None:
        self.model = model
        self.schema = schema
        self.support = support
        self.low = low
        self.high = high

    def predict(self, problem: Problem) -> CostCurve:
        """Expect a cost of each action."""
        rows = self.schema.encode(problem).astype(np.float64)
        log_cost = np.asarray(self.model.predict(rows), dtype=np.float64)
        return CostCurve(
            log_cost=log_cost,
            log_low=log_cost + self.low,
            log_high=log_cost + self.high,
            support=self.support.near(problem),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class CrossFit:
    """Errors of a model on groups it did not see.

    Attributes
    ----------
    residuals : array of shape (n,)
        Measured - predicted log cost.
    residual_groups : array of str, shape (n,)
    differences : array of shape (m,)
        Error of the predicted difference between the learned action and the rule's.
    difference_groups : array of str, shape (m,)
    predicted : array of shape (m,)
        Those predicted differences, learned - rule.
    learned, rule : array of shape (m,)
        Measured log cost of both actions over the best of their problem.
    """

    residuals: Floats
    residual_groups: NDArray[np.object_]
    differences: Floats
    difference_groups: NDArray[np.object_]
    predicted: Floats
    learned: Floats
    rule: Floats

    def conformal(self, *, level: float) -> Conformal:
        """Quantiles for intervals and differences that hold for an unseen group.

        Every group weighs the same, and levels move outwards by (g + 1) / g: with g
        groups the next one is exchangeable with them, not with their rows.
        """
        groups = len(set(self.residual_groups.tolist()))
        reach = min((1 + level) / 2 * (groups + 1) / groups, 1.0)
        low, high = _quantiles(
            self.residuals, self.residual_groups, np.array([1 - reach, reach])
        )
        differences = self.differences if len(self.differences) else np.zeros(1)
        owners = (
            self.difference_groups
            if len(self.differences)
            else np.array(["none"], dtype=object)
        )
        return Conformal(
            level=level,
            low=float(min(low, 0.0)),
            high=float(max(high, 0.0)),
            probabilities=PROBABILITIES,
            differences=tuple(
                _quantiles(differences, owners, np.array(PROBABILITIES)).tolist()
            ),
            groups=groups,
        )

    def guarded_loss(self, *, interval: float, level: float) -> float:
        """Mean log slowdown where the guard decides between the learned and the rule.

        A family that is best on average and sometimes very wrong is let through nowhere;
        this grades it by what a swarm would get.
        """
        if not len(self.predicted):
            return 0.0
        slack = self.gain(level=interval).upper(0.0, level=level)
        passed = self.predicted + slack < 0
        return float(np.where(passed, self.learned, self.rule).mean())

    def gain(self, *, level: float) -> Gain:
        """Uncertainty of a predicted difference, as the guard reads it."""
        conformal = self.conformal(level=level)
        return Gain(np.array(conformal.probabilities), np.array(conformal.differences))


def fit_on(table: LearningTable, groups: Sequence[str], model: Any) -> Any:
    """Fit a model on some groups: on their measured problems if it learns a shape."""
    if isinstance(model, ShapedCost):
        problems = table.problems_of(groups)
        sizes = [len(problem.log_cost) for problem in problems]
        return model.fit(
            np.vstack([problem.features for problem in problems]).astype(np.float64),
            np.concatenate([problem.log_cost for problem in problems]),
            problems=np.repeat(np.arange(len(problems)), sizes),
        )
    rows = table.rows_of(groups)
    return model.fit(table.X[rows].astype(np.float64), table.y[rows])


def cross_fit(
    table: LearningTable,
    folds: Sequence[Fold],
    make: Callable[[], Any],
    rule: Callable[[Sequence[str]], Policy],
) -> CrossFit:
    """Fit on each fold's training groups and note the errors on its test groups."""
    residuals: list[float] = []
    residual_groups: list[str] = []
    differences: list[float] = []
    difference_groups: list[str] = []
    pairs: list[tuple[float, float, float]] = []
    for fold in folds:
        model = fit_on(table, fold.train, make())
        fallback = rule(fold.train)
        problems = table.problems_of(fold.test) or _cells(table, fold.test)
        for problem in problems:
            predicted = model.predict(problem.features.astype(np.float64))
            errors = problem.log_cost - predicted
            residuals += errors.tolist()
            residual_groups += [problem.group] * len(errors)
            learned = int(np.argmin(predicted))
            reference = fallback.decide(problem.problem).index
            if learned != reference:
                differences.append(float(errors[learned] - errors[reference]))
                difference_groups.append(problem.group)
                best = problem.log_cost.min()
                pairs.append(
                    (
                        float(predicted[learned] - predicted[reference]),
                        float(problem.log_cost[learned] - best),
                        float(problem.log_cost[reference] - best),
                    )
                )
    compared = np.array(pairs).reshape(-1, 3)
    return CrossFit(
        residuals=np.array(residuals),
        residual_groups=np.array(residual_groups, dtype=object),
        differences=np.array(differences),
        difference_groups=np.array(difference_groups, dtype=object),
        predicted=compared[:, 0],
        learned=compared[:, 1],
        rule=compared[:, 2],
    )


def _cells(table: LearningTable, groups: Sequence[str]) -> list[MeasuredProblem]:
    """Make problems of an observational history: one a group and operation type.

    The cost of a size is the ratio of that group's totals. The sizes were not assigned
    at random, so these problems serve to measure errors, never to prove a gain.
    """
    rows = table.rows_of(groups)
    part = table.frame.iloc[rows].assign(
        _row=rows, _group=table.groups[rows], _type=table.frame.get("operation_type")
    )
    keys = ["_group", "_type"] if table.decision == "batch_size" else ["_group"]
    problems = []
    for _, cell in part.groupby(keys, sort=True, dropna=False):
        actions, costs = [], []
        for action, same in cell.groupby(table.action, sort=True):
            cost = _cost_of(table, same["_row"].to_numpy())
            if np.isfinite(cost):
                actions.append(float(str(action)))
                costs.append(cost)
        if len(actions) >= 2:
            problems.append(_problem(table, cell, actions, costs))
    return problems


def _cost_of(table: LearningTable, rows: NDArray[np.intp]) -> float:
    y = table.y[rows]
    if y.ndim == 1:
        return float(y.mean())
    seconds, succeeded = y.sum(axis=0)
    return float(np.log(seconds) - np.log(succeeded)) if succeeded > 0 else np.inf


def _problem(
    table: LearningTable, cell: Any, actions: list[float], costs: list[float]
) -> MeasuredProblem:
    context: dict[str, float | str | None] = {}
    for column in table.schema.context:
        known = cell[column.name].dropna()
        if known.empty:
            context[column.name] = None
        elif column.kind == "category":
            context[column.name] = str(known.iloc[0])
        else:
            context[column.name] = float(known.median())
    problem = Problem(
        context=context,
        action_columns=(table.action,),
        actions=np.array(actions)[:, None],
    )
    return MeasuredProblem(
        name=str(cell["_group"].iloc[0]),
        group=str(cell["_group"].iloc[0]),
        problem=problem,
        features=table.schema.encode(problem),
        log_cost=np.array(costs),
    )


def _quantiles(
    values: Floats, groups: NDArray[np.object_], probabilities: Floats
) -> Floats:
    """Weighted quantiles in which every group weighs the same."""
    _, codes, counts = np.unique(
        groups.astype(str), return_inverse=True, return_counts=True
    )
    weights = 1.0 / counts[codes]
    order = np.argsort(values)
    position = np.cumsum(weights[order]) - weights[order] / 2
    quantiles: Floats = np.interp(
        probabilities, position / weights.sum(), values[order]
    )
    return quantiles
