"""From a bundle to the policy that serves: the only place where the ladder is built.

Experiment, gate, advisor, retraining, recommendation and the hook's table all decide with
what `policy_of` (`Bundle.policy`) returns. `docs/reference/bundle.md` describes each step, for
readers in other languages: a change here, or in what this calls, is a change there, in
`clients/node`, and of the format's version where bundles that exist would decide otherwise.
"""

from collections.abc import Callable

import numpy as np

from toolkit.bundle.feature_schema import Float32s
from toolkit.bundle.manifest import Fallback, Manifest, RungSpec
from toolkit.bundle.outcome_bounds import CONSTRAINTS, OutcomeLimits
from toolkit.bundle.reader import Bundle
from toolkit.bundle.stack_model import SECTION, StackModel
from toolkit.policies import (
    Decision,
    Floats,
    Ladder,
    Policy,
    Problem,
    Reason,
    Rung,
    cheapest_supported,
)
from toolkit.policies.rules import named_rule

__all__ = ["Learned", "LogCost", "ladder_of", "plain_rule", "policy_of", "rule_of"]

LogCost = Callable[[Float32s], Floats]
"""From encoded rows, shape (n, width), to relative log costs, shape (n,)."""


def policy_of(bundle: Bundle) -> Ladder:
    """Build the policy that a bundle describes."""
    return ladder_of(bundle.manifest, bundle.model.log_cost)


def ladder_of(manifest: Manifest, log_cost: LogCost) -> Ladder:
    """Build the policy of a manifest on any form of its model.

    Parameters
    ----------
    manifest : Manifest
    log_cost : callable
        The exported graph, or the fitted model that it was made from.

    Returns
    -------
    Ladder
        With the rule alone where the manifest describes no model.
    """
    rule = _Remembering(rule_of(manifest.fallback))
    model = None
    if SECTION in manifest.extra:
        model = StackModel(log_cost, manifest, rule=rule)
    limits = OutcomeLimits(manifest) if CONSTRAINTS in manifest.extra else None
    return Ladder(
        rule=rule,
        rungs=[_rung(spec, manifest, model, rule, limits) for spec in manifest.ladder],
        model=model,
        version=manifest.version,
        limits=limits,
    )


RULE_CONSTANT = 4.0
"""Batch size of types without a rule and without a history: the middle of 1 to 8."""


def plain_rule(decision: str) -> Policy:
    """Build the rule of the specification, which answers where there is no bundle.

    Parameters
    ----------
    decision : str
        `batch_size` or `agent_count`.

    Returns
    -------
    Policy
        The constant `RULE_CONSTANT` for what the specification has no rule for.
    """
    return rule_of(Fallback(rule=f"{decision}_rule", constant=RULE_CONSTANT))


def rule_of(fallback: Fallback) -> Policy:
    """Build the rule that answers where nothing else may.

    Parameters
    ----------
    fallback : Fallback
        Of a manifest.

    Returns
    -------
    Policy
    """
    return named_rule(
        fallback.rule, constant=fallback.constant, parameters=fallback.parameters
    )


def _rung(
    spec: RungSpec,
    manifest: Manifest,
    model: StackModel | None,
    rule: Policy,
    limits: OutcomeLimits | None,
) -> Rung:
    if spec.rule == "learned" and model is not None:
        made: Policy = Learned(model, manifest, rule, limits)
    else:
        made = named_rule(
            spec.rule,
            constant=spec.constant,
            parameters=spec.parameters,
            name=spec.name,
        )
    return Rung(name=spec.name, policy=made, evidence=spec.evidence)


class _Remembering:
    """A rule that remembers its last answer: rungs and model ask about one problem."""

    def __init__(self, rule: Policy) -> None:
        self.name = rule.name
        self._rule = rule
        self._last: tuple[Problem, Decision] | None = None

    def decide(self, problem: Problem) -> Decision:
        last = self._last
        if last is not None and last[0] is problem:
            return last[1]
        decision = self._rule.decide(problem)
        self._last = problem, decision
        return decision


class Learned:
    """The action of least predicted cost among those that history supports.

    Parameters
    ----------
    model : StackModel
    manifest : Manifest
    rule : Policy
        What the probability of being no worse is about.
    limits : OutcomeLimits, optional
        The cheapest of the permitted actions is taken, where one is permitted.
    """

    name = "learned"

    def __init__(
        self,
        model: StackModel,
        manifest: Manifest,
        rule: Policy,
        limits: OutcomeLimits | None = None,
    ) -> None:
        self.model = model
        self.rule = rule
        self.limits = limits
        self.minimum_support = manifest.minimum_support
        self.version = manifest.version

    def decide(self, problem: Problem) -> Decision:
        """Take the action, with the probability that it costs no more than the rule's.

        Raises
        ------
        NotEnoughDataError
            No action has enough support.
        """
        curve = self.model.predict(problem)
        index, supported = cheapest_supported(curve, self.minimum_support)
        reason = Reason(
            code="least_expected_cost", facts={"supported_actions": float(supported)}
        )
        permitted = None if self.limits is None else self.limits.permitted(problem)
        if permitted is not None and not permitted.allowed[index]:
            reason = permitted.reason(problem, index)
            if permitted.allowed.any():
                index = int(
                    np.where(permitted.allowed, curve.log_cost, np.inf).argmin()
                )
        reference = self.rule.decide(problem).index
        confidence = None
        if index != reference:
            confidence = self.model.probability_not_worse(
                problem, curve, index, reference
            )
        return Decision(
            index=index,
            label=problem.labels[index],
            action=tuple(problem.actions[index].tolist()),
            confidence=confidence,
            support=float(curve.support[index]),
            reason=reason,
            policy=self.name,
            version=self.version,
            curve=curve,
        )
