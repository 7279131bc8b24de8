"""The contract of a health check: a plan, a measurement, a post-condition."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.swarm import SwarmSnapshot

__all__ = ["CheckPlan", "HealthCheck", "ValueCheck"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckPlan:
    """Schedule and threshold of a check.

    Attributes
    ----------
    name : str
    interval_s : float
        Time between two measurements; a recovery must hold for as long.
    threshold : float
        Critical below it.
    issue : str
        Issue of its findings: a key of the plan's ladders.
    """

    name: str
    interval_s: float
    threshold: float
    issue: str

    def result(
        self,
        snapshot: SwarmSnapshot,
        value: float | None,
        evidence: str,
        findings: Iterable[Finding] = (),
        *,
        weakest: str | None = None,
    ) -> CheckResult:
        """Build a result for the moment of a snapshot; a value of `None` is *unknown*.

        Parameters
        ----------
        snapshot : SwarmSnapshot
        value : float or None
            On the scale of the threshold, usually 0 to 1.
        evidence : str
            What the value is made of, for people.
        findings : iterable of Finding
        weakest : str, optional
            Slot of the agent that lowers the value most.

        Returns
        -------
        CheckResult
        """
        return CheckResult(
            check=self.name,
            at_s=snapshot.at_s,
            value=value,
            evidence=evidence,
            findings=tuple(findings),
            weakest=weakest,
        )

    def finding(
        self,
        cause: str,
        value: float,
        evidence: Mapping[str, str],
        **details: Any,
    ) -> Finding:
        """Build a finding on the scale of this plan's threshold.

        Parameters
        ----------
        cause : str
        value : float
        evidence : mapping of str to str
        **details
            Other fields of `Finding`.

        Returns
        -------
        Finding
        """
        return Finding(
            issue=self.issue,
            cause=cause,
            value=value,
            threshold=self.threshold,
            check=self.name,
            evidence=evidence,
            **details,
        )


class HealthCheck(Protocol):
    """Measures one thing, and judges whether what it found has recovered."""

    @property
    def plan(self) -> CheckPlan:
        """Schedule and threshold."""
        ...

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Measure; what cannot be seen is *unknown*, not an error.

        Parameters
        ----------
        snapshot : SwarmSnapshot
            What can be seen of the swarm now; a field that is `None` or empty was not
            seen.

        Returns
        -------
        CheckResult
            Value, evidence, and a finding for each cause of trouble.
        """
        ...

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Judge a finding on evidence from after an action.

        Parameters
        ----------
        finding : Finding
            One of this check's.
        snapshot : SwarmSnapshot
            Taken after the action.
        acted_s : float
            When the action took effect.

        Returns
        -------
        bool or None
            `None` while nothing can be said; `False` is final. Beside a `True`, the
            engine asks that `measure` finds the cause no more, both for one interval
            of the check.
        """
        ...


@dataclass(frozen=True, slots=True)
class ValueCheck:
    """A check of one's own: a number that must not be below a threshold.

    Its post-condition is that the number is known and at or above the threshold.

    Parameters
    ----------
    plan : CheckPlan
        May name an issue of one's own; give its ladder to the `HealingPlan`.
    value : callable
        Takes a snapshot, returns 0 to 1 or `None` for *unknown*.
    cause : str
        What healing would treat.

    Examples
    --------
    >>> plan = CheckPlan(
    ...     name="cache_hits", interval_s=60.0, threshold=0.5, issue="cold_cache"
    ... )
    >>> check = ValueCheck(plan, lambda snapshot: 0.2)
    >>> check.measure(SwarmSnapshot(at_s=0.0, agents=())).findings[0].cause
    'swarm'
    """

    plan: CheckPlan
    value: Callable[[SwarmSnapshot], float | None]
    cause: str = "swarm"

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Take the number, and find the cause where it is below the threshold."""
        value = self.value(snapshot)
        if value is None:
            return self.plan.result(snapshot, None, "the value is not known")
        findings: tuple[Finding, ...] = ()
        if value < self.plan.threshold:
            findings = (self.plan.finding(self.cause, value, {"value": f"{value:g}"}),)
        return self.plan.result(snapshot, value, f"value {value:g}", findings)

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Whether the number is back at the threshold, measured after the action."""
        if snapshot.at_s <= acted_s:
            return None
        value = self.value(snapshot)
        return None if value is None or value < finding.threshold else True
