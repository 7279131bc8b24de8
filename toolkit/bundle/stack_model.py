"""The stack of a bundle as a cost model: relative graph, level, intervals, support."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.bundle.feature_schema import (
    Column,
    FeatureSchema,
    Float32s,
    read_columns,
)
from toolkit.bundle.manifest import Manifest
from toolkit.errors import SchemaError
from toolkit.policies import (
    Confidence,
    CostCurve,
    CostLevel,
    Floats,
    HingeLevel,
    Policy,
    Problem,
    with_offered_range,
)
from toolkit.policies.adaptation import (
    Intervals,
    MeasurementPrior,
    curve_covariance,
    curve_deviation,
    deviation_between,
)

__all__ = ["SECTION", "StackModel", "StackSection"]

SECTION = "stack"
"""Name of the manifest's section."""
MOST_KEPT = 64
"""Sets of offered actions that are kept encoded."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StackSection:
    """What the stack needs beside its graph.

    Attributes
    ----------
    sizes : bool
        Whether actions are sizes, of which the model reads the binary logarithm; else
        they are logarithms already.
    prior : MeasurementPrior
        Own runs, and how errors of two actions hang together.
    intervals : Intervals
    confidence : Confidence
    level : CostLevel, HingeLevel or None
        `None` where costs compare within a problem only.
    level_columns : tuple of Column
        What the level reads beside the context of the model.
    """

    sizes: bool
    prior: MeasurementPrior
    intervals: Intervals
    confidence: Confidence
    level: CostLevel | HingeLevel | None = None
    level_columns: tuple[Column, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types.

        Returns
        -------
        dict
            By field name; `from_json` reads it back.
        """
        return {
            "sizes": self.sizes,
            "measurement_prior": self.prior.to_json(),
            "intervals": self.intervals.to_json(),
            "confidence": self.confidence.to_json(),
            "level": None if self.level is None else self._level_json(self.level),
        }

    def _level_json(self, level: CostLevel | HingeLevel) -> dict[str, Any]:
        if not self.level_columns:
            return level.to_json()
        columns = [column.to_json() for column in self.level_columns]
        return {**level.to_json(), "columns": columns}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "StackSection":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        StackSection

        Raises
        ------
        SchemaError
            Where something is missing or of another type.
        """
        try:
            level = value["level"]
            kind = HingeLevel if level is not None and "terms" in level else CostLevel
            return cls(
                sizes=bool(value["sizes"]),
                prior=MeasurementPrior.from_json(value["measurement_prior"]),
                intervals=Intervals.from_json(value["intervals"]),
                confidence=Confidence.from_json(value["confidence"]),
                level=None if level is None else kind.from_json(level),
                level_columns=read_columns((level or {}).get("columns", ())),
            )
        except (KeyError, TypeError) as error:
            raise SchemaError(
                "not a stack section", field=f"extra.{SECTION}", got=str(error)
            ) from error


class StackModel:
    """Expects the cost of each action: level of the problem plus shape over its actions.

    Safe to share between threads.

    Parameters
    ----------
    log_cost : callable
        From encoded rows to relative log costs.
    manifest : Manifest
        With a section `stack`.
    rule : Policy
        What the distance of an action is measured from.

    Raises
    ------
    SchemaError
        The manifest has no such section.
    """

    def __init__(
        self,
        log_cost: Callable[[Float32s], Floats],
        manifest: Manifest,
        *,
        rule: Policy,
    ) -> None:
        if SECTION not in manifest.extra:
            raise SchemaError(
                "the bundle holds no stack",
                field=f"extra.{SECTION}",
                fix="export the model again",
            )
        self.section = StackSection.from_json(manifest.extra[SECTION])
        self.rule = rule
        self._log_cost = log_cost
        self._schema = manifest.feature_schema
        self._beside = FeatureSchema(context=self.section.level_columns, action=())
        self._support = manifest.support
        self._offers: dict[tuple[int, str | None, bytes], _Offer] = {}

    def predict(self, problem: Problem) -> CostCurve:
        """Expect a cost of each action.

        The shape reads a number outside its known range at the end of the range. Further
        outside it counts as missing for the level, which widens the interval.

        Parameters
        ----------
        problem : Problem

        Returns
        -------
        CostCurve
        """
        with np.errstate(over="ignore"):  # beyond 32 bits is infinite, not an error
            return self._predict(problem)

    def _predict(self, problem: Problem) -> CostCurve:
        context = problem.context
        ends, lost = self._support.outside(context)
        known = {**context, **ends} if ends else context
        encoded = self._schema.encode_context(known)
        offer = self._offer(problem)
        rows = np.empty((len(offer.columns), self._schema.width), dtype=np.float32)
        rows[:, : len(encoded)] = encoded
        rows[:, len(encoded) :] = offer.columns
        relative = self._log_cost(rows)
        centre, half = self.section.intervals.centre_and_half(relative, offer.deviation)
        level = self.section.level
        if level is None:
            return CostCurve(
                log_cost=relative,
                log_low=centre - half,
                log_high=centre + half,
                support=offer.support,
                relative=True,
            )
        if ends:
            context = {k: v for k, v in context.items() if k not in lost}
            encoded = self._schema.encode_context(context)
        if self._beside.context:
            beside = self._beside.encode_context(context)
            encoded = np.concatenate([encoded, beside])
        height, deviation = level.predict(encoded)
        if isinstance(level, HingeLevel):
            # The deviation is that of single runs from level and shape together.
            half = np.zeros_like(half)
        elif lost and level.deviation > 0:
            half *= deviation / level.deviation
        # The level's error and the shape's are taken as independent.
        normal = self.section.intervals.normal
        total = np.sqrt(half * half + normal * deviation**2)
        log_cost = height + centre
        return CostCurve(
            log_cost=log_cost,
            log_low=log_cost - total,
            log_high=log_cost + total,
            support=offer.support,
        )

    def probability_not_worse(
        self, problem: Problem, curve: CostCurve, chosen: int, reference: int
    ) -> float:
        """Probability, 0 to 1, that one action costs no more than another.

        Parameters
        ----------
        problem : Problem
        curve : CostCurve
            As `predict` gave it for the problem.
        chosen, reference : int
            Indices of the two actions.

        Returns
        -------
        float
        """
        saving = max(float(curve.log_cost[reference] - curve.log_cost[chosen]), 1e-9)
        covariance = self._offer(problem).covariance
        deviation = deviation_between(covariance, chosen, reference)
        return self.section.confidence.probability(saving=saving, deviation=deviation)

    def _offer(self, problem: Problem) -> "_Offer":
        """Encode the actions on offer, once for all contexts of a category."""
        rule = self.rule.decide(problem).index
        category = self._support.category(problem.context)
        key = rule, category, problem.actions.tobytes()
        found = self._offers.get(key)
        if found is None:
            found = self._encoded_actions(problem, rule)
            if len(self._offers) >= MOST_KEPT:
                self._offers.clear()
            self._offers[key] = found
        return found

    def _encoded_actions(self, problem: Problem, rule: int) -> "_Offer":
        expected = tuple(c.name for c in self._schema.action)
        given = problem.action_columns
        if expected[: len(given)] != given:
            raise SchemaError(
                "the model decides over other columns",
                field="action_columns",
                got=given,
                fix=f"offer actions with columns {expected}",
            )
        prior, sizes = self.section.prior, self.section.sizes
        shown = with_offered_range(problem, prior.axes, rule=rule, sizes=sizes)
        actions = shown.actions[:, : len(given)]
        points = prior.points(replace(problem, actions=actions))
        return _Offer(
            columns=shown.actions.astype(np.float32),
            covariance=curve_covariance(prior, points),
            deviation=curve_deviation(prior, points),
            support=self._support.rows_near(problem),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Offer:
    """A set of actions as the model reads it.

    Attributes
    ----------
    columns : array of shape (n_actions, n_columns)
    covariance : array of shape (n_actions, n_actions)
        Of the errors of two actions, by the prior.
    deviation : array of shape (n_actions,)
    support : array of shape (n_actions,)
        Past rows behind each action.
    """

    columns: Float32s
    covariance: Floats
    deviation: Floats
    support: Floats
