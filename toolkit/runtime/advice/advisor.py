"""Takes decisions on an exported bundle, or on the rules where there is none to trust."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import MappingProxyType

import numpy as np

from toolkit.bundle import Bundle, Fallback, read_bundle
from toolkit.clock import Clock
from toolkit.errors import BundleRefusedError, UsageError
from toolkit.policies import (
    Decision,
    Gain,
    Greedy,
    Guarded,
    Policy,
    Problem,
    Reason,
    Value,
)
from toolkit.policies.rules import (
    AgentCountConstants,
    AgentCountRule,
    AgentCountRulePolicy,
    BatchSizeRule,
    BatchSizeRulePolicy,
    BatchSizeThresholds,
    ConstantPolicy,
)

__all__ = ["ACTIONS", "Advisor", "open_advisor"]

ACTIONS: Mapping[str, tuple[str, tuple[float, ...]]] = MappingProxyType(
    {
        "batch_size": ("size", tuple(map(float, range(1, 21)))),
        "agent_count": ("agents", tuple(map(float, range(1, 13)))),
    }
)
"""Column and offered actions of each decision where no bundle says otherwise: 1 to the
specification's largest maximum, 20 operations (section 1) and 12 agents (section 3)."""

RULE_CONSTANT = 4.0
"""Batch size of types without a rule and without a history: the middle of 1 to 8."""


class Advisor:
    """Answers with the learned action where the bundle may, else with the rule's.

    Safe to share between threads: it holds no state that decisions change.

    Parameters
    ----------
    decision : str
        `batch_size` or `agent_count`.
    bundle : Bundle or None
    clock : Clock
        Tells when the bundle has expired.
    refused : str or None
        Why there is no bundle although one was named.
    """

    def __init__(
        self,
        decision: str,
        *,
        bundle: Bundle | None,
        clock: Clock,
        refused: str | None = None,
    ) -> None:
        if decision not in ACTIONS:
            raise UsageError.unknown("decision", decision, sorted(ACTIONS))
        self.decision = decision
        self.bundle = bundle
        self.refused = refused
        self.rule = _rule(decision, bundle)
        self._clock = clock
        self._guarded = None if bundle is None else guarded_policy(bundle, self.rule)
        column, offered = ACTIONS[decision]
        if bundle is not None and bundle.manifest.actions:
            offered = bundle.manifest.actions
        self._columns = (column,)
        self._offered = np.asarray(offered, dtype=np.float64)[:, None]
        self._labels = tuple(f"{action:g}" for action in offered)

    @property
    def offered(self) -> tuple[float, ...]:
        """The actions that are chosen from, ascending."""
        return tuple(self._offered[:, 0].tolist())

    def decide(
        self, context: Mapping[str, Value], actions: Sequence[float] | None = None
    ) -> Decision:
        """Take a decision.

        Parameters
        ----------
        context : mapping
            What is known, by column of the bundle's feature schema; others are ignored.
        actions : sequence of float, optional
            Offered instead of the bundle's own.
        """
        problem = self.problem(context, actions)
        if (reason := self._doubt(context)) is not None:
            decision = self.rule.decide(problem)
            return replace(decision, baseline=decision.label, reason=reason)
        if self._guarded is None:
            return self.rule.decide(problem)
        try:
            return self._guarded.decide(problem)
        except BundleRefusedError as error:
            decision = self.rule.decide(problem)
            reason = Reason(code="bundle_refused", facts={"because": error.reason})
            return replace(decision, baseline=decision.label, reason=reason)

    def problem(
        self, context: Mapping[str, Value], actions: Sequence[float] | None = None
    ) -> Problem:
        """Put a context and the actions on offer together."""
        if actions is None:
            offered, labels = self._offered, self._labels
        else:
            offered, labels = np.asarray(actions, dtype=np.float64)[:, None], ()
        return Problem(
            context=context,
            action_columns=self._columns,
            actions=offered,
            labels=labels,
        )

    def _doubt(self, context: Mapping[str, Value]) -> Reason | None:
        """Say why the model must not answer here, if so."""
        if self.refused is not None:
            return Reason(code="bundle_refused", facts={"because": self.refused})
        if self.bundle is None:
            return None
        manifest = self.bundle.manifest
        if self._clock.now() >= manifest.expires_at:
            expired = f"{manifest.expires_at:%Y-%m-%d %H:%M}"
            return Reason(code="bundle_expired", facts={"expired_at": expired})
        if (column := manifest.support.outside(context)) is not None:
            facts = {"column": column, "value": context.get(column)}
            return Reason(code="out_of_support", facts=facts)
        return None


def open_advisor(path: Path | None, *, decision: str, clock: Clock) -> Advisor:
    """Load a bundle and make an advisor; a refused bundle leaves the rule, and says so.

    Parameters
    ----------
    path : path or None
        `None` means the rules alone.
    """
    if path is None:
        return Advisor(decision, bundle=None, clock=clock)
    try:
        bundle = read_bundle(path)
    except BundleRefusedError as error:
        return Advisor(decision, bundle=None, clock=clock, refused=error.reason)
    if bundle.manifest.decision != decision:
        reason = f"it decides {bundle.manifest.decision}, not {decision}"
        return Advisor(decision, bundle=None, clock=clock, refused=reason)
    return Advisor(decision, bundle=bundle, clock=clock)


def guarded_policy(bundle: Bundle, rule: Policy) -> Guarded:
    """Make the guarded policy that a bundle's manifest describes."""
    manifest = bundle.manifest
    conformal = manifest.conformal
    return Guarded(
        model=bundle.model,
        learned=Greedy(
            bundle.model,
            minimum_support=manifest.minimum_support,
            name="learned",
            version=manifest.version,
        ),
        rule=rule,
        gain=Gain(
            np.asarray(conformal.probabilities), np.asarray(conformal.differences)
        ),
        level=manifest.guard_level,
        version=manifest.version,
    )


def _rule(decision: str, bundle: Bundle | None) -> Policy:
    fallback = (
        Fallback(rule=f"{decision}_rule", constant=RULE_CONSTANT)
        if bundle is None
        else bundle.manifest.fallback
    )
    if fallback.rule == "constant":
        return ConstantPolicy(fallback.constant)
    parameters = dict(fallback.parameters)
    if fallback.rule == "batch_size_rule":
        batch_rule = BatchSizeRule(thresholds=BatchSizeThresholds(**parameters))
        return BatchSizeRulePolicy(batch_rule, constant=fallback.constant)
    if fallback.rule == "agent_count_rule":
        agent_rule = AgentCountRule(constants=AgentCountConstants(**parameters))
        return AgentCountRulePolicy(agent_rule)
    known = ["agent_count_rule", "batch_size_rule", "constant"]
    raise UsageError.unknown("fallback rule", fallback.rule, known)
