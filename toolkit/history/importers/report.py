"""What an import did, as `--json` prints it."""

from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["ImportReport"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportReport:
    """Counts of what was read, and of what that did to the store.

    What was read is counted once however many copies of it were met, and whether or not
    the store knew it: importing the same files again gives the same counts and nothing
    added.

    Attributes
    ----------
    files : int
        Files opened, the refused ones included.
    lines : int
        Lines (or rows) read.
    sessions, subagent_streams : int
        Sessions, and (session, subagent) pairs, met.
    batches, multi_call_batches, calls : int
        Batches met, those of two calls or more, and the calls in all of them.
    turns : int
        Replies of a model met, with or without calls.
    unpriced_turns : int
        Of those, replies of a model without a known price, where prices were at hand.
    load_samples, events, workflows, recoveries : int
        Records of the other kinds met.
    added, updated, duplicates : int
        Records new to the store; fuller than the copy it had; known already. They add
        up to all records emitted.
    shared_ids : int
        Of those updated, records that came again in this import with another content,
        or that the store knew from other sessions only: rows of a table that share an
        id, or batches that forks of a session repeat.
    rejected : int
        Lines that could not be read, each noted with its reason.
    first_reason : str
        Why the first of those lines and files could not be read.
    refused_files : int
        Files that could not be read as a whole, each noted with its reason.
    unchanged_files : int
        Files that have not changed since the last import and were not read again; what
        they hold is in no other count.
    passed_over : dict of str to int
        Lines, spans and events that hold nothing for us, or of a kind that is not
        known: how many, by kind, most frequent first.
    path : str
        What was imported; empty for the whole.
    parts : tuple of ImportReport
        The same counts for each path that was given.

    Examples
    --------
    >>> report = ImportReport(files=2, batches=3, calls=4)
    >>> report.to_json()["batches"]
    3
    """

    files: int = 0
    lines: int = 0
    sessions: int = 0
    batches: int = 0
    multi_call_batches: int = 0
    calls: int = 0
    subagent_streams: int = 0
    turns: int = 0
    unpriced_turns: int = 0
    load_samples: int = 0
    events: int = 0
    workflows: int = 0
    recoveries: int = 0
    added: int = 0
    updated: int = 0
    duplicates: int = 0
    shared_ids: int = 0
    rejected: int = 0
    refused_files: int = 0
    unchanged_files: int = 0
    passed_over: dict[str, int] = field(default_factory=dict)
    first_reason: str = ""
    path: str = ""
    parts: tuple["ImportReport", ...] = ()

    @property
    def records(self) -> int:
        """Records of all kinds met."""
        kinds = (self.batches, self.turns, self.load_samples, self.events)
        return sum(kinds) + self.workflows + self.recoveries

    @property
    def is_useless(self) -> bool:
        """Whether something was there to read, and nothing of it could be used."""
        unread = self.rejected or self.refused_files or self.passed_over
        used = self.records or self.sessions or self.unchanged_files
        return bool(unread) and not used

    def to_json(self) -> dict[str, Any]:
        """Write the report as JSON types.

        Returns
        -------
        dict
            By field name.
        """
        row = asdict(self)
        row["parts"] = [part.to_json() for part in self.parts]
        if not self.parts:
            del row["parts"]
        if not self.path:
            del row["path"]
        return row
