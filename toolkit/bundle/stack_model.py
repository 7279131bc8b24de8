"""The stack of a bundle as a cost model: relative graph, level, intervals, support."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from toolkit.bundle.feature_schema import Float32s
from toolkit.bundle.manifest import Manifest
from toolkit.errors import SchemaError
from toolkit.policies import (
    Confidence,
    CostCurve,
    CostLevel,
    Floats,
    Policy,
    Problem,
    with_offered_range,
)
from toolkit.policies.adaptation import (
    Intervals,
    MeasurementPrior,
    curve_deviation,
    difference_deviation,
)

__all__ = ["SECTION", "StackModel", "StackSection"]

SECTION = "stack"
"""Name of the manifest's section."""
MOST_KEPT = 64
"""Sets of offered actions whose geometry is kept."""


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
    level : CostLevel or None
        `None` where costs compare within a problem only.
    """

    sizes: bool
    prior: MeasurementPrior
    intervals: Intervals
    confidence: Confidence
    level: CostLevel | None = None

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return {
            "sizes": self.sizes,
            "measurement_prior": self.prior.to_json(),
            "intervals": self.intervals.to_json(),
            "confidence": self.confidence.to_json(),
            "level": None if self.level is None else self.level.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "StackSection":
        """Read what `to_json` wrote.

        Raises
        ------
        SchemaError
            Where something is missing or of another type.
        """
        try:
            level = value["level"]
            return cls(
                sizes=bool(value["sizes"]),
                prior=MeasurementPrior.from_json(value["measurement_prior"]),
                intervals=Intervals.from_json(value["intervals"]),
                confidence=Confidence.from_json(value["confidence"]),
                level=None if level is None else CostLevel.from_json(level),
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
        self._support = manifest.support
        self._geometry: dict[tuple[int, bytes], tuple[Float32s, Floats, Floats]] = {}

    def predict(self, problem: Problem) -> CostCurve:
        """Expect a cost of each action; a column outside its known range is missing."""
        with np.errstate(over="ignore"):  # beyond 32 bits is infinite, not an error
            return self._predict(problem)

    def _predict(self, problem: Problem) -> CostCurve:
        context, lost = self._support.within(problem.context)
        encoded = self._schema.encode_context(context)
        columns, _, deviation = self._of_actions(problem)
        rows = np.empty((len(columns), self._schema.width), dtype=np.float32)
        rows[:, : len(encoded)] = encoded
        rows[:, len(encoded) :] = columns
        relative = self._log_cost(rows)
        low, high = self.section.intervals.bounds(relative, deviation)
        if self.section.level is None:
            return CostCurve(
                log_cost=relative,
                log_low=low,
                log_high=high,
                support=self._support.near(problem),
                relative=True,
            )
        return self._absolute(
            problem, encoded, (low + high) / 2, (high - low) / 2, lost
        )

    def probability_not_worse(
        self, problem: Problem, curve: CostCurve, chosen: int, reference: int
    ) -> float:
        """Probability, 0 to 1, that one action costs no more than another."""
        saving = max(float(curve.log_cost[reference] - curve.log_cost[chosen]), 1e-9)
        _, points, _ = self._of_actions(problem)
        deviation = difference_deviation(self.section.prior, points, chosen, reference)
        return self.section.confidence.probability(saving=saving, deviation=deviation)

    def _absolute(
        self,
        problem: Problem,
        encoded: Float32s,
        centre: Floats,
        half: Floats,
        lost: int,
    ) -> CostCurve:
        """Add the level; its error and the shape's are taken as independent."""
        level, deviation = self.section.level.predict(encoded)  # type: ignore[union-attr]  # the caller has looked
        known = self.section.level.deviation  # type: ignore[union-attr]  # the caller has looked
        wider = deviation / known if known > 0 and lost else 1.0
        total = np.sqrt((half * wider) ** 2 + (_TWO_SIDED * deviation) ** 2)
        log_cost = level + centre
        return CostCurve(
            log_cost=log_cost,
            log_low=log_cost - total,
            log_high=log_cost + total,
            support=self._support.near(problem),
        )

    def _of_actions(self, problem: Problem) -> tuple[Float32s, Floats, Floats]:
        """Encode the actions on offer: columns, points of the prior, deviations."""
        rule = self.rule.decide(problem).index
        key = rule, problem.actions.tobytes()
        found = self._geometry.get(key)
        if found is None:
            found = self._encoded_actions(problem, rule)
            if len(self._geometry) >= MOST_KEPT:
                self._geometry.clear()
            self._geometry[key] = found
        return found

    def _encoded_actions(
        self, problem: Problem, rule: int
    ) -> tuple[Float32s, Floats, Floats]:
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
        return (
            shown.actions.astype(np.float32),
            points,
            curve_deviation(prior, points),
        )


_TWO_SIDED = math.sqrt(2.7055)
"""90 % of a normal error lie within so many deviations."""
