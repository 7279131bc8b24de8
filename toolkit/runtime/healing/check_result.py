"""Results of health checks: a value or *unknown*, and the findings behind it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["CheckResult", "Finding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, with the cause that healing would treat.

    Attributes
    ----------
    issue : str
        Key of the ladder.
    cause : str
        `agent:SLOT`, `key:NAME`, `task:ID`, `store` or `swarm`; findings with one cause
        are one issue, whichever check reported it.
    value : float
        0 (worst) to 1, on the scale of the check's threshold.
    threshold : float
    check : str
        The check that found it; the same check judges the recovery.
    silent_s : float or None
        Seconds of silence, where the cause is a silent agent.
    allowance_s : float or None
        Silence that its work explains, in seconds.
    agent_id, task_id : str or None
        Agent concerned and the task that it had in hand.
    first_rung : str or None
        Smallest rung that fits; gentler ones are skipped.
    evidence : mapping of str to str
    """

    issue: str
    cause: str
    value: float
    threshold: float
    check: str = ""
    silent_s: float | None = None
    allowance_s: float | None = None
    agent_id: str | None = None
    task_id: str | None = None
    first_rung: str | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def slot(self) -> str | None:
        """The agent concerned, where the cause is one."""
        kind, _, name = self.cause.partition(":")
        return name if kind == "agent" else None

    @property
    def is_gone(self) -> bool:
        """Whether the agent's process has ended."""
        return self.evidence.get("process") == "gone"

    @property
    def severity(self) -> float:
        """Share of the threshold that is missing (definitions, section 4), 0 to 1.

        Examples
        --------
        >>> finding = Finding(
        ...     issue="stuck_agent", cause="agent:a1", value=0.1, threshold=0.5
        ... )
        >>> finding.severity, finding.severity_name
        (0.8, 'critical')
        """
        return min(1.0, max(0.0, (self.threshold - self.value) / self.threshold))

    @property
    def severity_name(self) -> str:
        """Band of the severity: low < 0.25, medium < 0.5, high < 0.75, critical."""
        bands = ((0.25, "low"), (0.5, "medium"), (0.75, "high"))
        return next((n for top, n in bands if self.severity < top), "critical")


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckResult:
    """What one check measured at one moment.

    Attributes
    ----------
    check : str
    at_s : float
    value : float or None
        0 to 1; `None` is *unknown*, which is neither healthy nor sick.
    evidence : str
        What the value was taken from, or why there is none.
    findings : tuple of Finding
        One for each cause.
    weakest : str or None
        The cause nearest to its threshold, where one can be named.
    """

    check: str
    at_s: float
    value: float | None
    evidence: str
    findings: tuple[Finding, ...] = ()
    weakest: str | None = None

    def finds(self, cause: str) -> bool:
        """Whether a cause is among the findings.

        Parameters
        ----------
        cause : str

        Returns
        -------
        bool
        """
        return any(finding.cause == cause for finding in self.findings)
