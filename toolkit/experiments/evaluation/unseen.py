"""How well the cost of single batches is predicted in groups that training never saw."""

from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from toolkit.arrays import Floats
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.tables import deal_folds
from toolkit.experiments.training import ExperimentSpec
from toolkit.experiments.training.learner import fit_costs
from toolkit.experiments.training.single_level import predict_singles
from toolkit.metrics import RatioOfTotals, cluster_bootstrap, group_totals
from toolkit.models import DecisionTable, SingleCosts

__all__ = ["UnseenSkill", "unseen_skill"]

Report = Callable[[float, float, str], None]
Bounded = tuple[float, float | None, float | None]
"""A figure and its bounds; too few groups bound nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UnseenSkill:
    """How well log costs of single batches are predicted in groups left out.

    Attributes
    ----------
    rows, groups, folds : int
    r2, median_r2 : (float, float or None, float or None)
        Share of the variance of log cost that is explained, and its 95 % interval over
        groups; of the bundle, and of the median of each operation type and size.
    error : float
        Root of the mean square error of the bundle, in log cost.
    coverage : (float, float or None, float or None)
        Share of the batches whose cost lies in its interval, likewise.
    nominal : float
        What that share should be.
    mean_group_coverage : float
        The same with every group weighing alike.
    read : list of str
        Columns of the moment before a batch that the level of the whole history reads.
    """

    rows: int
    groups: int
    folds: int
    r2: Bounded
    median_r2: Bounded
    error: float
    coverage: Bounded
    nominal: float
    mean_group_coverage: float
    read: list[str]

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name.
        """
        return asdict(self)


def unseen_skill(
    table: DecisionTable, spec: ExperimentSpec, *, read: list[str], report: Report
) -> UnseenSkill | None:
    """Leave groups out, learn from the others, and predict every batch of theirs.

    The whole path is repeated without the groups: shape, level, intervals.

    Parameters
    ----------
    table : DecisionTable
        Of an observed history.
    spec : ExperimentSpec
        With `split.outer_folds` folds; each group is one where there are so many.
    read : list of str
        Columns that the level of the whole history reads.
    report : callable
        Called with what is done of what, and what is going on.

    Returns
    -------
    UnseenSkill or None
        `None` where the table has no single batches, too few groups, or one cost.
    """
    singles = table.singles
    if singles is None:
        return None
    names = np.unique(singles.groups)
    found = []
    try:
        folds = deal_folds(names.tolist(), folds=spec.split.outer_folds, seed=spec.seed)
        for number, fold in enumerate(folds):
            report(number, len(folds), "costs of groups left out")
            fitted = fit_costs(table.of_groups(fold.train), spec)
            left_out = singles.of_groups(fold.test)
            predicted, half = predict_singles(fitted.manifest, left_out, fitted.stack)
            medians = _medians(singles.of_groups(fold.train), left_out)
            found.append((left_out, predicted, half, medians))
    except NotEnoughDataError as error:
        report(0, 1, f"no prediction of groups left out: {error}")
        return None
    y = np.concatenate([part.log_cost for part, *_ in found])
    group = np.concatenate([part.groups for part, *_ in found])
    predicted, half, medians = (
        np.concatenate([each[place] for each in found]) for place in (1, 2, 3)
    )
    varied = (y - y.mean()) ** 2
    if not varied.sum() > 0:
        return None
    inside = (np.abs(y - predicted) <= half).astype(np.float64)

    def bounded(top: Floats, bottom: Floats) -> Bounded:
        totals, sizes = group_totals([top, bottom], group)
        interval = cluster_bootstrap(
            totals,
            RatioOfTotals(),
            rng=np.random.default_rng(spec.seed),
            rows=int(sizes.sum()),
        )
        return interval.estimate, _finite(interval.low), _finite(interval.high)

    def explained(errors: Floats) -> Bounded:
        share, low, high = bounded(errors**2, varied)
        return (
            1 - share,
            None if high is None else 1 - high,
            None if low is None else 1 - low,
        )

    return UnseenSkill(
        rows=len(y),
        groups=len(names),
        folds=len(folds),
        r2=explained(y - predicted),
        median_r2=explained(y - medians),
        error=float(np.sqrt(np.mean((y - predicted) ** 2))),
        coverage=bounded(inside, np.ones(len(y))),
        nominal=spec.guard.interval,
        mean_group_coverage=float(np.mean([inside[group == n].mean() for n in names])),
        read=read,
    )


def _finite(bound: float) -> float | None:
    return bound if np.isfinite(bound) else None


def _medians(known: SingleCosts, asked: SingleCosts) -> Floats:
    """Predict the median log cost of the same operation type and size."""
    place = known.names.index
    types = [place(n) for n in known.names if n.startswith("operation_type=")]

    def key(singles: SingleCosts, row: int) -> tuple[float, ...]:
        return (*singles.X[row, types].tolist(), float(singles.action[row]))

    costs: dict[tuple[float, ...], list[float]] = {}
    for row, cost in enumerate(known.log_cost.tolist()):
        costs.setdefault(key(known, row), []).append(cost)
    medians = {name: float(np.median(values)) for name, values in costs.items()}
    default = float(np.median(known.log_cost))
    rows = range(len(asked.action))
    return np.array([medians.get(key(asked, row), default) for row in rows])
