"""Whether the hooks and the transcript of the same sessions tell the same batches."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.duplicates import COMPARED
from toolkit.history.importers import Source
from toolkit.history.importers.claude_code.source import ClaudeCodeSource
from toolkit.history.importers.hooks.events import HookSource
from toolkit.records import Batch, Record, keyed_hash

__all__ = ["Reconciliation", "reconcile"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reconciliation:
    """How two accounts of the same sessions compare, batch by batch.

    Attributes
    ----------
    both : int
        Batches that both tell, by their record ids.
    agree : int
        Of those, how many agree in every compared field.
    hooks_only, transcript_only : int
        Batches that one side alone tells, in sessions that both know.
    disagreements : dict of str to int
        How often each field differs.
    """

    both: int
    agree: int
    hooks_only: int
    transcript_only: int
    disagreements: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def reconcile(
    hooks: Path, transcripts: Sequence[Path], *, key: bytes
) -> Reconciliation:
    """Read both accounts without storing anything, and compare them.

    Parameters
    ----------
    hooks : path
        The `hooks` folder of a store.
    transcripts : sequence of path
        Files and directories.
    key : bytes
        The store's secret.

    Returns
    -------
    Reconciliation
        Counts of sessions and batches that either or both have, and of disagreements by
        field.

    Raises
    ------
    InputDataError
        A path does not exist, is a pipe or a device, or holds nothing of its format.
    """
    told = _batches(HookSource(), [hooks], key)
    later = _batches(ClaudeCodeSource(), transcripts, key)
    sessions = {b[0] for b in told.values()} & {b[0] for b in later.values()}
    both = told.keys() & later.keys()
    disagreements: dict[str, int] = {}
    agree = 0
    for name in both:
        differing = [
            compared
            for compared, one, other in zip(
                COMPARED, told[name][1], later[name][1], strict=True
            )
            if one != other
        ]
        agree += not differing
        for compared in differing:
            disagreements[compared] = disagreements.get(compared, 0) + 1
    return Reconciliation(
        both=len(both),
        agree=agree,
        hooks_only=_alone(told, later, sessions),
        transcript_only=_alone(later, told, sessions),
        disagreements=disagreements,
    )


_Batches = dict[str, tuple[str | None, tuple[Any, ...]]]


def _alone(one: _Batches, other: _Batches, sessions: set[str | None]) -> int:
    return sum(one[name][0] in sessions for name in one.keys() - other.keys())


def _batches(source: Source, paths: Sequence[Path], key: bytes) -> _Batches:
    found: _Batches = {}
    sink = _BatchSink(found, lambda name: keyed_hash(key, name))
    for file in source.files(paths):
        if not file.path.is_file():  # a pipe or a device would never end
            if file.path in paths:
                raise InputDataError("not a regular file", file=file.path)
            sink.refused += 1
            continue
        try:
            source.read(file.path, sink)
        except InputDataError:
            sink.refused += 1
    return found


class _BatchSink:
    """Keeps what is compared of each batch, and nothing else."""

    def __init__(self, found: _Batches, hidden: Callable[[str], str]) -> None:
        self.refused = 0
        self.hidden = hidden
        self._found = found

    def add(self, record: Record) -> None:
        self.add_row(record.known())

    def add_row(self, row: dict[str, Any]) -> None:
        if row["kind"] == Batch.kind:
            values = tuple(row.get(name) for name in COMPARED)
            self._found[row["record_id"]] = (row.get("session_id"), values)

    def reject(self, line: int, reason: str) -> None:  # noqa: ARG002 - the import itself reports them
        self.refused += 1

    def pass_over(self, kind: str, count: int = 1) -> None:
        """Compare nothing: it holds nothing."""

    def met(self, noun: str, identity: str) -> None:
        """Sessions are compared by their batches."""

    def read(self, lines: int) -> None:
        """Lines are not compared."""
