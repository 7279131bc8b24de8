"""One healing session: everything an engine needs to go on where another stopped."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from toolkit.runtime.healing.check_result import Finding
from toolkit.runtime.healing.issues import IssueKind

__all__ = ["HealingSession", "Phase"]


class Phase(StrEnum):
    """Where a session is."""

    ACTING = "acting"
    VERIFYING = "verifying"
    SUCCESS = "success"
    HANDED_OVER = "handed_over"
    """The ladder is at its end: a person has it, with everything that was tried."""
    ABANDONED = "abandoned"
    """A preventive treatment that changed nothing; the illness itself may yet come."""


@dataclass(slots=True, kw_only=True)
class HealingSession:
    """The state of one session.

    Attributes
    ----------
    session_id : str
    finding : Finding
        What was found first.
    opened_s : float
    phase : Phase
    rungs : tuple of (str, float)
        Names and time limits still ahead, the current one first.
    attempt : int
        Attempts at the current rung, 1 being the first.
    due_s : float
        When it wants to go on.
    acted_s, deadline_s : float or None
        When the current rung took effect, and until when it may show.
    tried : list of str
        `rung: outcome` of everything tried, in order.
    measured : list of (str, bool)
        Rungs that acted, and whether their post-condition held.
    merged : int
        Detections of the same cause that joined this session.
    preventive : bool
    closed_s : float or None
    worked : str or None
        The rung whose post-condition held.
    """

    session_id: str
    finding: Finding
    opened_s: float
    phase: Phase = Phase.ACTING
    rungs: tuple[tuple[str, float], ...]
    attempt: int = 1
    due_s: float
    acted_s: float | None = None
    deadline_s: float | None = None
    tried: list[str] = field(default_factory=list)
    measured: list[tuple[str, bool]] = field(default_factory=list)
    merged: int = 0
    preventive: bool = False
    closed_s: float | None = None
    worked: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it still wants to go on."""
        return self.phase in (Phase.ACTING, Phase.VERIFYING)

    @property
    def cause(self) -> str:
        """What is treated."""
        return self.finding.cause

    @property
    def rung(self) -> str:
        """Name of the current rung."""
        return self.rungs[0][0]

    @property
    def action_key(self) -> str:
        """Identity of the current attempt; the same after a crash."""
        return f"{self.session_id}:{self.rung}:{self.attempt}"

    def to_json(self) -> str:
        """Write the session."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "HealingSession":
        """Read a session written by `to_json`."""
        raw = json.loads(text)
        finding = raw.pop("finding")
        finding["issue"] = IssueKind(finding["issue"])
        raw["phase"] = Phase(raw["phase"])
        raw["rungs"] = tuple((name, within) for name, within in raw["rungs"])
        raw["measured"] = [(name, worked) for name, worked in raw["measured"]]
        return cls(finding=Finding(**finding), **raw)
