"""Coordination events as the bookkeeping of claude-flow implies them."""

from dataclasses import dataclass
from typing import Any

from toolkit.history.importers.claude_flow.moments import parse_time
from toolkit.records import CoordinationEvent, Outcome, Provenance, record_id

__all__ = ["EventMaker", "outcome_of"]

UNKNOWN_AGENT = "unknown"
"""Most bookkeeping does not say who; the schema asks for a name."""


@dataclass(frozen=True, slots=True)
class EventMaker:
    """Makes the events of one file.

    Parameters
    ----------
    version : str
        Generation of the tool that wrote the file.
    provenance : Provenance
        How much its rows can be believed.
    """

    version: str
    provenance: Provenance

    def make(
        self,
        identity: tuple[str, ...],
        at: Any,
        *,
        operation: str,
        action: str,
        agent: str | None = None,
        **known: Any,
    ) -> CoordinationEvent:
        """Make an event.

        Parameters
        ----------
        identity : tuple of str
            What names the event in its file: ids and times that a program drew.
        at : object
            As written; see `moments.parse_time`.
        operation, action : str
        agent : str, optional
        **known
            Other fields of the record.

        Raises
        ------
        InputDataError
            `at` is not a time, or a value breaks the schema.
        """
        return CoordinationEvent(
            record_id=record_id("claude-flow", *identity),
            at=parse_time(at),
            source="claude-flow",
            source_version=self.version,
            provenance=self.provenance,
            agent_id=agent or UNKNOWN_AGENT,
            operation=operation,
            action=action,
            **known,
        )


def outcome_of(success: Any) -> Outcome:
    """Read a success flag; the text forms that the command line wrote count as well.

    Examples
    --------
    >>> outcome_of(True).value, outcome_of("false").value, outcome_of(None).value
    ('succeeded', 'failed', 'unknown')
    """
    flags = {True: True, False: False, "true": True, "false": False}
    known = flags.get(success) if isinstance(success, (bool, str)) else None
    if known is None:
        return Outcome.UNKNOWN
    return Outcome.SUCCEEDED if known else Outcome.FAILED
