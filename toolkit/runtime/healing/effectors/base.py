"""The contract of an effector: acts once for each key, and can say what took effect."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

__all__ = ["Action", "Effect", "EffectOutcome", "Effector", "ProcessEffector"]


class EffectOutcome(StrEnum):
    """How an action ended; whether it *helped* is for the post-condition to say."""

    ACTED = "acted"
    FAILED = "failed"
    INAPPLICABLE = "inapplicable"
    """There is nothing here that the action could change: trying again is pointless."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """One thing to do.

    Attributes
    ----------
    key : str
        Identity: an effector carries out one key once, however often it is asked.
    verb : str
        The rung, such as `reassign_task`.
    cause : str
        What is to be treated: `agent:SLOT`, `key:NAME`, `task:ID`, `store`, `swarm`.
    keys : tuple of str
        Memory keys concerned.
    evidence : mapping of str to str
        What the finding said, for an effector that needs it.
    """

    key: str
    verb: str
    cause: str
    keys: tuple[str, ...] = ()
    evidence: Mapping[str, str] = field(default_factory=dict)

    @property
    def slot(self) -> str | None:
        """The agent concerned, where the cause is one.

        Examples
        --------
        >>> Action(key="k", verb="agent_restart", cause="agent:a2").slot
        'a2'
        """
        kind, _, name = self.cause.partition(":")
        return name if kind == "agent" else self.evidence.get("slot")


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """What an action did.

    Attributes
    ----------
    outcome : EffectOutcome
    detail : str
        One short clause.
    affected : int
        Agents, tasks or keys touched.
    """

    outcome: EffectOutcome
    detail: str
    affected: int = 0


class Effector(Protocol):
    """Carries actions out.

    Obligations: `act` with a key that took effect before returns the first effect and
    does nothing; after a crash `effect_of` tells whether a key took effect. A failure
    is an `Effect`, not an exception, unless the effector itself is broken.
    """

    async def act(self, action: Action) -> Effect:
        """Carry out one action.

        Parameters
        ----------
        action : Action
            Its key identifies it: the same key takes effect once.

        Returns
        -------
        Effect
            Of this call, or of an earlier one with the same key.
        """
        ...

    async def effect_of(self, key: str) -> Effect | None:
        """Tell what the action with this key did; `None` if it took no effect.

        Parameters
        ----------
        key : str

        Returns
        -------
        Effect or None
        """
        ...


class ProcessEffector(Effector, Protocol):
    """An effector that sees the processes it acts on."""

    def alive(self, slot: str, /) -> bool | None:
        """Tell whether the process in a slot runs; `None` where there is none.

        Parameters
        ----------
        slot : str

        Returns
        -------
        bool or None
        """
        ...
