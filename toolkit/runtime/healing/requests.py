"""Treatments that another organ asks for: a check whose findings are requests."""

from collections.abc import Callable
from dataclasses import dataclass, field

from toolkit.runtime.healing.check import CheckPlan
from toolkit.runtime.healing.check_result import CheckResult, Finding
from toolkit.runtime.healing.issues import IssueKind
from toolkit.runtime.healing.swarm import SwarmSnapshot

__all__ = ["REQUESTED_CAUSE", "RequestedTreatment"]

REQUESTED_CAUSE = "coordination"
"""What a reset treats: no rung for it restarts an agent."""

REQUESTED_PLAN = CheckPlan(
    name="requested",
    interval_s=15.0,
    threshold=1.0,
    issue=IssueKind.COORDINATION_BREAKDOWN,
)


@dataclass(slots=True)
class RequestedTreatment:
    """Finds what was asked to be treated, until the one that asked sees it no more.

    Examples
    --------
    >>> check = RequestedTreatment()
    >>> check.ask("coordination_efficiency", lambda: True)
    >>> [f.cause for f in check.measure(SwarmSnapshot(at_s=0.0, agents=())).findings]
    ['coordination']
    """

    plan: CheckPlan = REQUESTED_PLAN
    _asked: dict[str, Callable[[], bool]] = field(default_factory=dict)

    @property
    def asked(self) -> bool:
        """Whether there was a request."""
        return bool(self._asked)

    def ask(self, why: str, lasts: Callable[[], bool]) -> None:
        """Ask for a reset of the coordination.

        Parameters
        ----------
        why : str
            What has broken down.
        lasts : callable
            Whether it still does.
        """
        self._asked[why] = lasts

    def measure(self, snapshot: SwarmSnapshot) -> CheckResult:
        """Find what lasts."""
        lasting = sorted(why for why, lasts in self._asked.items() if lasts())
        if not lasting:
            return self.plan.result(snapshot, None, "nothing is asked for")
        why = ", ".join(lasting)
        finding = self.plan.finding(REQUESTED_CAUSE, 0.0, {"why": why})
        return self.plan.result(snapshot, 0.0, why, (finding,))

    def recovered(
        self, finding: Finding, snapshot: SwarmSnapshot, acted_s: float
    ) -> bool | None:
        """Whether nothing lasts; unknown after a restart, which forgets who asked."""
        del finding
        if snapshot.at_s <= acted_s or not self._asked:
            return None
        return None if any(lasts() for lasts in self._asked.values()) else True
