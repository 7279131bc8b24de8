"""Upper bounds of outcomes beside the cost, by action and context: what constraints ask.

Each outcome's logarithm is a form linear in the context, quadratic in the action, with
their products. Its error on groups left out gave one margin for all constraints: with it
the bounds of permitted actions held, at the stated probability, in groups that the form
had not seen. Light: no graph is evaluated.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from statistics import NormalDist
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from toolkit.errors import SchemaError
from toolkit.policies import Constraint, Floats, Permitted, Problem

if TYPE_CHECKING:
    from toolkit.bundle.manifest import Manifest

__all__ = ["CONSTRAINTS", "OutcomeBound", "OutcomeBounds", "OutcomeLimits"]

CONSTRAINTS = "constraints"
"""Name of the manifest's section; a manifest that has it is of format 3."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeBound:
    """One constraint, and the log of its outcome by context and action.

    Attributes
    ----------
    name : str
    at_most : float
        The limit, above 0, in the outcome's unit.
    probability : float
        With which a permitted action keeps it, 0.5 to 1.
    intercept : float
        Log of the outcome in an average context, of an average action.
    centre, spread : tuple of float
        Mean and standard deviation of each encoded context number.
    action_centre : tuple of float
        Mean of each action column, in log2.
    slope : tuple of float
        Of the context's numbers, of the actions, of their squares, and of the products
        of each action with the context.
    deviation : float
        Root mean square of the error on groups left out.
    """

    name: str
    at_most: float
    probability: float
    intercept: float
    centre: tuple[float, ...]
    spread: tuple[float, ...]
    action_centre: tuple[float, ...]
    slope: tuple[float, ...]
    deviation: float

    @property
    def constraint(self) -> Constraint:
        """What is asked, without what was learned."""
        return Constraint(
            name=self.name, at_most=self.at_most, probability=self.probability
        )

    def predict(self, encoded: Floats, log_actions: Floats) -> tuple[Floats, Floats]:
        """Predict the log outcome of each action, and what is not known of it.

        Parameters
        ----------
        encoded : array of shape (n_context,)
            NaN is not known, and taken as the mean.
        log_actions : array of shape (n_actions, n_columns)

        Returns
        -------
        log_outcome, unknown : array of shape (n_actions,)
            The second is the standard deviation that the missing numbers leave.
        """
        moved = encoded - np.asarray(self.centre)
        missing = np.isnan(moved)
        slope, count = np.asarray(self.slope), len(self.centre)
        rows = self.design(
            np.where(missing, 0.0, moved), log_actions - self.action_centre
        )
        columns = log_actions.shape[1]
        products = slope[count + 2 * columns :].reshape(columns, count)
        steepness = slope[:count] + (log_actions - self.action_centre) @ products
        lost = np.where(missing, steepness * np.asarray(self.spread), 0.0)
        return self.intercept + rows @ slope, np.sqrt((lost**2).sum(axis=1))

    @staticmethod
    def design(moved: Floats, actions: Floats) -> Floats:
        """Lay out the columns that the slopes are of.

        Parameters
        ----------
        moved : array of shape (n_context,)
            Context less its centre.
        actions : array of shape (n_actions, n_columns)
            In log2, less their centre.

        Returns
        -------
        array of shape (n_actions, n_context + n_columns * (2 + n_context))

        Examples
        --------
        >>> OutcomeBound.design(np.array([3.0]), np.array([[0.0], [2.0]])).tolist()
        [[3.0, 0.0, 0.0, 0.0], [3.0, 2.0, 4.0, 6.0]]
        """
        repeated = np.tile(moved, (len(actions), 1))
        products = (actions[:, :, None] * moved).reshape(len(actions), -1)
        return np.hstack([repeated, actions, actions**2, products])


@dataclass(frozen=True, slots=True, kw_only=True)
class OutcomeBounds:
    """The manifest's section: every constraint, and the margin that makes them hold.

    Attributes
    ----------
    sizes : bool
        Whether actions are sizes, of which the binary logarithm is taken.
    margin : float or None
        Deviations that are added to every prediction, at least 0; `None` where the groups
        show no action to keep the constraints.
    groups : int
        Groups that it was found on.
    outcomes : tuple of OutcomeBound
    """

    sizes: bool
    margin: float | None
    groups: int
    outcomes: tuple[OutcomeBound, ...]

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name; `from_json` reads it back.
        """
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "OutcomeBounds":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        OutcomeBounds

        Raises
        ------
        SchemaError
            Where something is missing or of another type.
        """
        try:
            margin = value["margin"]
            return cls(
                sizes=bool(value["sizes"]),
                margin=None if margin is None else float(margin),
                groups=int(value["groups"]),
                outcomes=tuple(map(_outcome, value["outcomes"])),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError(
                "not outcome bounds", field=f"extra.{CONSTRAINTS}", got=str(error)
            ) from error

    def permitted(self, encoded: Floats, log_actions: Floats) -> Permitted:
        """Bound every outcome of each action.

        Parameters
        ----------
        encoded : array of shape (n_context,)
        log_actions : array of shape (n_actions, n_columns)

        Returns
        -------
        Permitted
        """
        margin = math.inf if self.margin is None else self.margin
        bounds, excess, kept = [], [], []
        for outcome in self.outcomes:
            mean, unknown = outcome.predict(encoded, log_actions)
            reach = unknown * NormalDist().inv_cdf(outcome.probability)
            limit = math.log(outcome.at_most)
            bounds.append(mean + reach + margin * outcome.deviation)
            excess.append((mean + reach - limit) / outcome.deviation)
            kept.append(bounds[-1] <= limit)
        return Permitted(
            allowed=np.all(kept, axis=0),
            excess=np.array(excess),
            log_bound=np.array(bounds),
            constraints=tuple(outcome.constraint for outcome in self.outcomes),
        )


class OutcomeLimits:
    """The constraints of a manifest: which actions of a problem are permitted.

    Nothing is shown of an action with too few past rows near it: it is not permitted.

    Parameters
    ----------
    manifest : Manifest
        With a section `constraints`.
    """

    def __init__(self, manifest: "Manifest") -> None:
        self.bounds = OutcomeBounds.from_json(manifest.extra[CONSTRAINTS])
        self._schema = manifest.feature_schema
        self._support = manifest.support
        self._minimum = manifest.minimum_support
        self._last: tuple[Problem, Permitted] | None = None

    def permitted(self, problem: Problem) -> Permitted:
        """Bound every outcome of each action of a problem.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        Permitted

        Raises
        ------
        SchemaError
            A value of the context is none that its column may hold.
        """
        last = self._last  # rungs and ladder ask about one problem
        if last is not None and last[0] is problem:
            return last[1]
        _, lost = self._support.outside(problem.context)
        context = {k: v for k, v in problem.context.items() if k not in lost}
        encoded = self._schema.encode_context(context).astype(np.float64)
        actions = np.log2(problem.actions) if self.bounds.sizes else problem.actions
        with np.errstate(over="ignore", invalid="ignore"):
            found = self.bounds.permitted(encoded, actions)
        unknown = self._support.rows_near(problem) < self._minimum
        found.allowed[unknown] = False
        found.log_bound[:, unknown] = math.inf
        self._last = problem, found
        return found


def bounds_problem(manifest: "Manifest") -> str | None:
    """Find what is wrong with the section's lengths and names."""
    value = manifest.extra.get(CONSTRAINTS)
    if value is None:
        return None
    schema = manifest.feature_schema
    context = schema.action_position
    columns = sum(":" not in column.name for column in schema.action)
    outcomes = cast("Sequence[Mapping[str, Any]]", value["outcomes"])
    names = [outcome["name"] for outcome in outcomes]
    if len(set(names)) != len(names):
        return "two constraints on one outcome"
    lengths = {
        "centre": context,
        "spread": context,
        "action_centre": columns,
        "slope": context + columns * (2 + context),
    }
    for outcome in outcomes:
        for name, length in lengths.items():
            if len(outcome[name]) != length:
                return f"`{name}` of {outcome['name']} has not {length} numbers"
    return None


def _outcome(value: Mapping[str, Any]) -> OutcomeBound:
    numbers = {
        declared.name: tuple(map(float, value[declared.name]))
        if str(declared.type).startswith("tuple")
        else float(value[declared.name])
        for declared in fields(OutcomeBound)
        if declared.name != "name"
    }
    return OutcomeBound(name=str(value["name"]), **cast("dict[str, Any]", numbers))
