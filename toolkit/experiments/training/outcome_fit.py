"""Fits the bounds of constrained outcomes, and the margin with which they are kept."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.bundle import OutcomeBound, OutcomeBounds
from toolkit.errors import NotEnoughDataError
from toolkit.experiments.tables.outcomes import unknown_outcome
from toolkit.experiments.training.level_fit import PENALTIES, ridge
from toolkit.models import DecisionTable
from toolkit.policies import Constraint, Floats, Permitted, groups_needed

__all__ = ["FittedOutcomes", "check_constraints", "fit_outcomes"]

LEAST = {"failure_share": 0.01}
"""Floor of an outcome before its logarithm is taken, in its unit."""
FLOOR = 1e-6
LEAST_DEVIATION = 0.01
LEAST_PROMISED = 9
"""Groups that must be promised something before anything is: of fewer the luckiest margin
holds too often."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FittedOutcomes:
    """What a bundle says of its constraints, and what it would say of each group unseen.

    Attributes
    ----------
    bounds : OutcomeBounds
    held_out : tuple of Permitted
        By problem, from forms that had not seen its group.
    table : DecisionTable
    """

    bounds: OutcomeBounds
    held_out: tuple[Permitted, ...]
    table: DecisionTable

    def bind(self, place: int, index: int) -> int:
        """Move an answer to a problem to where the constraints leave it."""
        return self.held_out[place].bind(self.table.problems[place], index)

    def among(self, place: int, costs: Floats) -> Floats:
        """Let what is not permitted cost infinitely much; all of it where nothing is."""
        allowed = self.held_out[place].allowed
        return np.where(allowed, costs, np.inf) if allowed.any() else costs


def fit_outcomes(
    table: DecisionTable, constraints: Sequence[Constraint]
) -> FittedOutcomes:
    """Fit the outcomes of constraints, and find the margin that keeps them.

    Each form predicts every group without having seen it. An action is permitted where all
    predictions plus a margin, in deviations of their errors, are within the limits. The
    margin is the least for which, counting one more group in which a constraint is broken,
    the groups that were permitted something broke it in at most 1 - probability of cases;
    a problem counts as broken where *any* permitted action breaks it, so whatever is
    chosen among them.

    Parameters
    ----------
    table : DecisionTable
        Training groups only, with the outcomes.
    constraints : sequence of Constraint

    Returns
    -------
    FittedOutcomes
        Its margin is `None` where no margin does.

    References
    ----------
    Angelopoulos, Bates, Fisch, Lei and Schuster, *Conformal risk control*, ICLR (2024);
    Jin and Candes, *Selection by prediction with conformal p-values*, JMLR 24 (2023).
    """
    cells = _Cells.of(table)
    fits = [_fit(table, cells, constraint) for constraint in constraints]
    reach = np.min(
        [(_limit(f.bound) - f.held_out) / f.bound.deviation for f in fits], 0
    )
    margin = _margin(cells, reach, fits)
    bounds = OutcomeBounds(
        sizes=table.sizes,
        margin=margin,
        groups=len(table.group_names),
        outcomes=tuple(fit.bound for fit in fits),
    )
    return FittedOutcomes(
        bounds=bounds, held_out=_permitted(cells, bounds, fits), table=table
    )


def check_constraints(table: DecisionTable, constraints: Sequence[Constraint]) -> None:
    """Refuse constraints of which a table can show nothing.

    Parameters
    ----------
    table : DecisionTable
        All that will be learned from.
    constraints : sequence of Constraint

    Raises
    ------
    NotEnoughDataError
        Too few groups for a probability, or actions that were not assigned.
    UsageError
        A constraint is on an outcome that the table does not know.
    """
    if constraints and table.observed:
        raise NotEnoughDataError(
            "a constraint",
            got=0,
            needed=1,
            unit="contexts that were measured with several actions",
        )
    known = sorted(
        name
        for name, problems in table.outcomes.items()
        if any(np.isfinite(values).any() for values in problems)
    )
    for constraint in constraints:
        if constraint.name not in known:
            raise unknown_outcome(constraint.name, known, decision=table.name)
        needed = groups_needed(constraint.probability)
        if len(table.group_names) < needed:
            raise NotEnoughDataError(
                f"a constraint with probability {constraint.probability:g}",
                got=len(table.group_names),
                needed=needed,
                unit="groups",
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Cells:
    """Every action of every problem, as rows.

    Attributes
    ----------
    X : array of shape (rows, columns)
    problem, group : array of int, shape (rows,)
    centre, spread, action_centre : array
        Of the encoded context and the logarithms of the actions.
    """

    X: Floats
    problem: NDArray[np.int64]
    group: NDArray[np.int64]
    centre: Floats
    spread: Floats
    action_centre: Floats

    @classmethod
    def of(cls, table: DecisionTable) -> "_Cells":
        encoded = [table.schema.encode_context(p.context) for p in table.problems]
        context = np.array(encoded, dtype=np.float64)
        known = np.isfinite(context)
        count = np.maximum(known.sum(axis=0), 1)
        centre = np.where(known, context, 0.0).sum(axis=0) / count
        moved = np.where(known, context - centre, 0.0)
        logs = table.log_actions
        action_centre = np.concatenate(logs).mean(axis=0)
        sizes = [len(actions) for actions in logs]
        places = {group: place for place, group in enumerate(table.group_names)}
        return cls(
            X=np.concatenate(
                [
                    OutcomeBound.design(row, actions - action_centre)
                    for row, actions in zip(moved, logs, strict=True)
                ]
            ),
            problem=np.repeat(np.arange(len(sizes)), sizes),
            group=np.repeat([places[group] for group in table.groups], sizes),
            centre=centre,
            spread=moved.std(axis=0),
            action_centre=action_centre,
        )

    def by_group(self, cells: NDArray[np.bool_]) -> Floats:
        """Share of each group's problems with a cell of which something holds."""
        problems = np.zeros(self.problem.max() + 1, dtype=np.bool_)
        np.logical_or.at(problems, self.problem, cells)
        _, first = np.unique(self.problem, return_index=True)
        groups = self.group[first]
        return np.asarray(np.bincount(groups, problems) / np.bincount(groups))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fit:
    """A fitted outcome: its form, its predictions of groups left out, what broke it."""

    bound: OutcomeBound
    held_out: Floats
    broken: NDArray[np.bool_]


def _fit(table: DecisionTable, cells: _Cells, constraint: Constraint) -> _Fit:
    found = np.concatenate(table.outcomes[constraint.name])
    known = np.isfinite(found)
    y = np.log(np.maximum(found, LEAST.get(constraint.name, FLOOR)))
    scale = cells.X[known].std(axis=0)
    scale = np.where(scale > 0, scale, np.inf)
    X = cells.X / scale
    tried = [_left_out(X, y, known, cells.group, penalty) for penalty in PENALTIES]
    errors = [np.sqrt(np.mean((y - made)[known] ** 2)) for made in tried]
    best = int(np.argmin(errors))
    mean = float(y[known].mean())
    centred = X[known].mean(axis=0)
    weights = ridge(X[known] - centred, y[known] - mean, PENALTIES[best])
    bound = OutcomeBound(
        name=constraint.name,
        at_most=constraint.at_most,
        probability=constraint.probability,
        intercept=mean - float(centred @ weights),
        centre=tuple(map(float, cells.centre)),
        spread=tuple(map(float, cells.spread)),
        action_centre=tuple(map(float, cells.action_centre)),
        slope=tuple(map(float, weights / scale)),
        deviation=max(float(errors[best]), LEAST_DEVIATION),
    )
    broken = known & (found > constraint.at_most)
    return _Fit(bound=bound, held_out=tried[best], broken=broken)


def _left_out(
    X: Floats,
    y: Floats,
    known: NDArray[np.bool_],
    groups: NDArray[np.int64],
    penalty: float,
) -> Floats:
    """Predict each group by a form that was fitted on the others."""
    predicted = np.empty(len(y))
    for group in np.unique(groups):
        out = groups == group
        kept = known & ~out
        mean, centre = y[kept].mean(), X[kept].mean(axis=0)
        weights = ridge(X[kept] - centre, y[kept] - mean, penalty)
        predicted[out] = mean + (X[out] - centre) @ weights
    return predicted


def _margin(cells: _Cells, reach: Floats, fits: Sequence[_Fit]) -> float | None:
    """Find the least margin that keeps every constraint; `None` where none does.

    Margins are tried from the safest on, and the first that fails ends the search: to pick
    the luckiest of all of them would break what is stated.
    """
    found: float | None = None
    for margin in np.unique([0.0, *reach[reach > 0]])[::-1]:
        permitted = reach >= margin
        promised = cells.by_group(permitted).sum()
        if promised < LEAST_PROMISED:
            continue
        kept = all(
            cells.by_group(permitted & fit.broken).sum() + 1
            <= (1 - fit.bound.probability) * (promised + 1) + 1e-9
            for fit in fits
        )
        if kept:
            found = float(margin)
        elif found is not None:
            break
    return found


def _permitted(
    cells: _Cells, bounds: OutcomeBounds, fits: Sequence[_Fit]
) -> tuple[Permitted, ...]:
    margin = np.inf if bounds.margin is None else bounds.margin
    means = np.array([fit.held_out for fit in fits])
    deviations = np.array([[fit.bound.deviation] for fit in fits])
    limits = np.array([[_limit(fit.bound)] for fit in fits])
    log_bound = means + margin * deviations
    kept = np.asarray((log_bound <= limits).all(axis=0))
    return tuple(
        Permitted(
            allowed=kept[cells.problem == place],
            excess=((means - limits) / deviations)[:, cells.problem == place],
            log_bound=log_bound[:, cells.problem == place],
            constraints=tuple(fit.bound.constraint for fit in fits),
        )
        for place in range(cells.problem.max() + 1)
    )


def _limit(bound: OutcomeBound) -> float:
    return float(np.log(bound.at_most))
