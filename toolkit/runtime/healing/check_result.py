"""What a health check says: a value or *unknown*, and what it found."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from toolkit.runtime.healing.issues import IssueKind

__all__ = ["CheckResult", "Finding"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that is wrong, with the cause that healing would treat.

    Attributes
    ----------
    issue : IssueKind
    cause : str
        `agent:SLOT`, `key:NAME`, `task:ID`, `store` or `swarm`; findings with one cause
        are one illness, whichever check met it.
    value : float
        0 (certainly ill) to 1, on the scale of the check's threshold.
    threshold : float
    silent_s : float or None
        How long the agent has been silent, where it is one.
    allowance_s : float or None
        The silence that its work explains.
    evidence : mapping of str to str
    """

    issue: IssueKind
    cause: str
    value: float
    threshold: float
    silent_s: float | None = None
    allowance_s: float | None = None
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def slot(self) -> str | None:
        """The agent concerned, where the cause is one."""
        kind, _, name = self.cause.partition(":")
        return name if kind == "agent" else None

    @property
    def severity(self) -> float:
        """Share of the threshold that is missing (definitions, section 4), 0 to 1.

        Examples
        --------
        >>> finding = Finding(
        ...     issue=IssueKind.STUCK_AGENT, cause="agent:a1", value=0.1, threshold=0.5
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
