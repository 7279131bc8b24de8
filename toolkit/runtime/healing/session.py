"""Healing sessions: everything that an engine needs to continue another's work."""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum

from toolkit.runtime.healing.check_result import Finding
from toolkit.runtime.healing.issues import LadderStep, Reach

__all__ = ["HealingSession", "Phase"]


class Phase(StrEnum):
    """State of a session."""

    ACTING = "acting"
    VERIFYING = "verifying"
    SUCCESS = "success"
    """Its check found the cause no more for one of its intervals."""
    RECURRED = "recurred"
    """A success that did not last: its cause came back until a person was called."""
    HANDED_OVER = "handed_over"
    """A person was called, with everything that was tried."""
    ABANDONED = "abandoned"
    """A preventive treatment that changed nothing; the issue itself may yet come."""


@dataclass(slots=True, kw_only=True)
class HealingSession:
    """The state of one session.

    Attributes
    ----------
    session_id : str
    finding : Finding
        The finding that it treats; replaced when the cause comes back.
    opened_s : float
    phase : Phase
    rungs : tuple of LadderStep
        Rungs still ahead, the current one first.
    attempt : int
        Attempts at the current rung, 1 being the first.
    due_s : float
        When it continues.
    acted_s, deadline_s : float or None
        When the current rung took effect, and by when its post-condition must begin
        to hold.
    held_s : float or None
        Since when the post-condition has held without a break.
    tried : list of str
        `rung: outcome` of everything tried, in order.
    measured : list of (str, bool)
        Rungs that acted, and whether their post-condition held and lasted.
    merged : int
        Detections of the same cause that joined this session.
    restarts, relapses : int
        Restarts it carried out, and how often its cause came back.
    preventive : bool
    closed_s : float or None
    worked : str or None
        The rung whose post-condition held.
    """

    session_id: str
    finding: Finding
    opened_s: float
    phase: Phase = Phase.ACTING
    rungs: tuple[LadderStep, ...]
    attempt: int = 1
    due_s: float
    acted_s: float | None = None
    deadline_s: float | None = None
    held_s: float | None = None
    tried: list[str] = field(default_factory=list)
    measured: list[tuple[str, bool]] = field(default_factory=list)
    merged: int = 0
    restarts: int = 0
    relapses: int = 0
    preventive: bool = False
    closed_s: float | None = None
    worked: str | None = None

    @property
    def is_open(self) -> bool:
        """Whether it continues."""
        return self.phase in (Phase.ACTING, Phase.VERIFYING)

    @property
    def cause(self) -> str:
        """What is treated."""
        return self.finding.cause

    @property
    def rung(self) -> str:
        """Name of the current rung."""
        return self.rungs[0].name

    @property
    def action_key(self) -> str:
        """Identity of the current attempt; the same after a crash."""
        return f"{self.session_id}:{self.rung}:{self.relapses}.{self.attempt}"

    def to_json(self) -> str:
        """Write the session as JSON.

        Returns
        -------
        str
        """
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> "HealingSession":
        """Read a session written by `to_json`.

        Parameters
        ----------
        text : str

        Returns
        -------
        HealingSession
        """
        raw = json.loads(text)
        raw["phase"] = Phase(raw["phase"])
        raw["rungs"] = tuple(
            LadderStep(**{**rung, "reach": Reach(rung["reach"])})
            for rung in raw["rungs"]
        )
        raw["measured"] = [(name, worked) for name, worked in raw["measured"]]
        return cls(finding=Finding(**raw.pop("finding")), **raw)
