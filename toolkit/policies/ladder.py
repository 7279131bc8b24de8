"""The ladder of answers: each rung answers only where it is shown better than the one below.

The lowest rung is the rule of the specification. Above it stands its tuned form or the
best constant, then the learned answer. What a rung is worth was found on groups that took
no part in it; a bound from too few of them is infinite, and opens nothing.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from toolkit.errors import NotEnoughDataError, SchemaError
from toolkit.policies.base import (
    CostCurve,
    CostModel,
    Decision,
    Policy,
    Problem,
    Reason,
    Value,
)
from toolkit.policies.constraint import CONSTRAINED, Permitted, PermittedActions

__all__ = ["Evidence", "Ladder", "Rung", "groups_needed"]

ASSUMPTIONS = ("", "normal")


def groups_needed(level: float) -> int:
    """Count the groups under which a one-sided bound of a level is infinite.

    The largest of m exchangeable values covers the next one with probability
    m / (m + 1): no distribution-free bound of a higher level exists.

    Parameters
    ----------
    level : float
        Above 0 and below 1.

    Returns
    -------
    int
        19 for 0.95.

    Examples
    --------
    >>> groups_needed(0.95), groups_needed(0.9)
    (19, 9)
    """
    return math.ceil(round(level / (1 - level), 9))


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """How a rung did against the one below it, on groups left out.

    Attributes
    ----------
    below : str
        Name of the rung that it was compared with.
    groups : int
        Groups in which the two gave different answers.
    groups_needed : int
        Fewer leave the bound infinite.
    difference : float or None
        Mean of this rung's log cost minus that of the one below over those groups;
        below 0 is cheaper. `None` without any.
    upper : float
        Its one-sided upper bound; infinite where there is no evidence.
    level : float
        Level of the bound, 0.5 to 1.
    not_worse : float or None
        Share of those groups in which this rung cost no more.
    assumes : str
        Distributional assumption of the bound: none, or `normal`.
    observed : bool
        Whether the actions were chosen by agents, not assigned: such a history proves
        no gain.

    Examples
    --------
    >>> nothing = Evidence.none(below="rule", level=0.95)
    >>> nothing.shown
    False
    """

    below: str
    groups: int
    groups_needed: int
    difference: float | None
    upper: float
    level: float
    not_worse: float | None = None
    assumes: str = ""
    observed: bool = False

    @classmethod
    def none(cls, *, below: str, level: float, observed: bool = False) -> "Evidence":
        """Build the evidence of a rung that was never compared.

        Parameters
        ----------
        below : str
            Name of the rung below, which it would have been compared with.
        level : float
            One-sided level the comparison would have needed, 0 to 1.
        observed : bool
            Whether the history is recorded choices and not a full factorial.

        Returns
        -------
        Evidence
            Of no groups, with an infinite upper bound: the rung stays closed.
        """
        return cls(
            below=below,
            groups=0,
            groups_needed=groups_needed(level),
            difference=None,
            upper=math.inf,
            level=level,
            observed=observed,
        )

    @property
    def shown(self) -> bool:
        """Whether the rung is shown to be cheaper than the one below."""
        return self.upper < 0 and not self.observed

    @property
    def probability_not_worse(self) -> float | None:
        """Probability, strictly between 0 and 1, of costing no more in a new group."""
        if self.not_worse is None:
            return None
        return (self.not_worse * self.groups + 1) / (self.groups + 2)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types; an infinite bound is `null`.

        Returns
        -------
        dict
            Values by field name, which `from_json` reads.
        """
        return {
            "below": self.below,
            "groups": self.groups,
            "groups_needed": self.groups_needed,
            "difference": self.difference,
            "upper": self.upper if math.isfinite(self.upper) else None,
            "level": self.level,
            "not_worse": self.not_worse,
            "assumes": self.assumes,
            "observed": self.observed,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Evidence":
        """Read what `to_json` wrote.

        Parameters
        ----------
        value : mapping

        Returns
        -------
        Evidence

        Raises
        ------
        SchemaError
            Where something is missing, of another type, or contradicts itself.
        """
        try:
            made = cls(
                below=str(value["below"]),
                groups=int(value["groups"]),
                groups_needed=int(value["groups_needed"]),
                difference=_optional(value["difference"]),
                upper=math.inf if value["upper"] is None else float(value["upper"]),
                level=float(value["level"]),
                not_worse=_optional(value["not_worse"]),
                assumes=str(value["assumes"]),
                observed=bool(value["observed"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise SchemaError("not evidence", field="ladder", got=str(error)) from error
        least = 1 if made.assumes else groups_needed(made.level)
        if made.assumes not in ASSUMPTIONS or not 0.5 <= made.level < 1:
            raise SchemaError("not evidence", field="ladder", got=dict(value))
        if made.shown and made.groups < max(least, made.groups_needed):
            raise SchemaError(
                "a bound from too few groups",
                field="ladder.groups",
                got=made.groups,
                fix="export the model again",
            )
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One rung above the rule.

    Attributes
    ----------
    name : str
        `tuned rule`, `best constant` or `learned`.
    policy : Policy
    evidence : Evidence
    """

    name: str
    policy: Policy
    evidence: Evidence


class Ladder:
    """Answer with the highest rung that is shown better than the one below it.

    Parameters
    ----------
    rule : Policy
        The lowest rung.
    rungs : sequence of Rung
        Ascending.
    model : CostModel or None
        Expects the cost of each action, for the figures of an answer.
    version : str
    limits : PermittedActions or None
        Which actions may be taken at all; every rung is bound by it, the rule too.

    Examples
    --------
    >>> from toolkit.policies.rules import ConstantPolicy
    >>> rung = Rung(
    ...     name="best constant",
    ...     policy=ConstantPolicy(8.0),
    ...     evidence=Evidence.none(below="rule", level=0.95),
    ... )
    >>> ladder = Ladder(rule=ConstantPolicy(4.0), rungs=[rung])
    >>> ladder.decide(Problem.of("size", [4, 8])).label
    '4'
    """

    name = "ladder"

    def __init__(
        self,
        *,
        rule: Policy,
        rungs: Sequence[Rung] = (),
        model: CostModel | None = None,
        version: str = "0",
        limits: PermittedActions | None = None,
    ) -> None:
        self.rule = rule
        self.rungs = tuple(rungs)
        self.model = model
        self.version = version
        self.limits = limits

    def decide(self, problem: Problem) -> Decision:
        """Take an action; the reason says which rung answered and why no higher one."""
        baseline = self.rule.decide(problem)
        permitted = self._permitted(problem)
        if permitted is not None and not permitted.allowed.any():
            nearest = permitted.bound(problem, baseline)
            return self._answer(problem, nearest, None, baseline, None)
        standing, by, why = self._climb(problem, baseline)
        if permitted is not None:
            standing = permitted.bound(problem, standing)
        return self._answer(problem, standing, by, baseline, why)

    def by_rule(self, problem: Problem, reason: Reason) -> Decision:
        """Take the rule's action, within the constraints, where no model may answer.

        Parameters
        ----------
        problem : Problem
        reason : Reason
            Why no model may; a constraint that changed the answer is added to its facts.

        Returns
        -------
        Decision
            Its `baseline` is what the rule says without constraints.
        """
        baseline = self.rule.decide(problem)
        permitted = self._permitted(problem)
        bound = baseline if permitted is None else permitted.bound(problem, baseline)
        facts = dict(reason.facts)
        if bound.reason.code in CONSTRAINED:
            facts[bound.reason.code] = bound.reason.facts["constraint"]
        return replace(
            bound,
            baseline=baseline.label,
            reason=replace(reason, facts=facts),
            rung="rule",
        )

    def _permitted(self, problem: Problem) -> Permitted | None:
        return None if self.limits is None else self.limits.permitted(problem)

    def _climb(
        self, problem: Problem, baseline: Decision
    ) -> tuple[Decision, Rung | None, Reason | None]:
        """Find the highest rung that answers, and why no higher one does."""
        standing, by = baseline, None
        why: Reason | None = None
        for rung in reversed(self.rungs):
            if not rung.evidence.shown:
                why = why or _closed(rung)
                continue
            try:
                standing, by = rung.policy.decide(problem), rung
            except NotEnoughDataError as error:
                why = why or Reason(
                    code="out_of_support",
                    facts={"support": float(error.got), "needed": float(error.needed)},
                )
            else:
                break
        return standing, by, why

    def _answer(
        self,
        problem: Problem,
        chosen: Decision,
        by: Rung | None,
        baseline: Decision,
        why: Reason | None,
    ) -> Decision:
        curve = chosen.curve
        if curve is None and self.model is not None:
            curve = self.model.predict(problem)
        costs: tuple[float | None, ...] = (None, None, None)
        supported = curve is not None and curve.support[chosen.index] > 0
        if curve is not None and supported and not curve.relative:
            costs = tuple(
                _cost(values[chosen.index])
                for values in (curve.log_cost, curve.log_low, curve.log_high)
            )
        reason = why if by is None else _shown(by, chosen, baseline, curve)
        if chosen.reason.code in CONSTRAINED:
            reason = chosen.reason
        return replace(
            chosen,
            expected_cost=costs[0],
            cost_low=costs[1],
            cost_high=costs[2],
            confidence=_confidence(by, chosen, baseline),
            support=0.0 if curve is None else float(curve.support[chosen.index]),
            baseline=baseline.label,
            reason=chosen.reason if reason is None else reason,
            policy="rule" if by is None else by.name,
            version=baseline.version if by is None else self.version,
            rung="rule" if by is None else by.name,
            curve=curve,
        )


def _closed(rung: Rung) -> Reason:
    """Say why a rung does not answer."""
    evidence = rung.evidence
    facts: dict[str, Value] = {
        "rung": rung.name,
        "groups": float(evidence.groups),
        "groups_needed": float(evidence.groups_needed),
    }
    if evidence.observed:
        return Reason(code="observed_only", facts=facts)
    if evidence.difference is not None:
        facts["saves"] = 1 - math.exp(evidence.difference)
    return Reason(code="not_shown_better", facts=facts)


def _shown(
    by: Rung, chosen: Decision, baseline: Decision, curve: CostCurve | None
) -> Reason:
    code = f"{by.name.replace(' ', '_')}_better"
    if chosen.index == baseline.index:
        code = f"rule_and_{by.name.replace(' ', '_')}_agree"
    facts: dict[str, Value] = {
        "saves_at_least": 1 - math.exp(by.evidence.upper),
        "groups": float(by.evidence.groups),
    }
    if curve is not None:
        difference = float(
            curve.log_cost[chosen.index] - curve.log_cost[baseline.index]
        )
        facts["saves"] = 1 - math.exp(difference)
    return Reason(code=code, facts=facts)


def _confidence(by: Rung | None, chosen: Decision, baseline: Decision) -> float | None:
    """Probability of costing no more than the rule; of the rule itself there is none."""
    if by is None or chosen.index == baseline.index:
        return None
    if chosen.confidence is not None:
        return chosen.confidence
    return by.evidence.probability_not_worse


def _cost(log_cost: float) -> float:
    return math.exp(min(max(float(log_cost), -700.0), 700.0))


def _optional(value: Any) -> float | None:
    return None if value is None else float(value)
