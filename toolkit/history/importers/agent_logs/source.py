"""How every client's files are read: one class, and one method for each client."""

from abc import ABC, abstractmethod
from collections.abc import Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, ClassVar, Protocol

from toolkit.errors import InputDataError, SchemaError
from toolkit.history.importers import ImportSink, SourceFile, find_files
from toolkit.history.importers.agent_logs.log import MAIN, AgentLog
from toolkit.history.importers.agent_logs.operations import Operation
from toolkit.history.importers.agent_logs.records import log_records
from toolkit.history.importers.deferred_flow import HELD_BYTES
from toolkit.history.importers.lines import (
    MAX_LINE_BYTES,
    UnreadableLineError,
    decode_object,
    decode_objects,
    read_blocks,
    reason_of,
)
from toolkit.history.importers.own_operations import OwnOperations
from toolkit.records import Batch

__all__ = [
    "AgentLogSource",
    "LineLogSource",
    "LineReader",
    "rows_of",
    "whole_document",
]


class AgentLogSource(ABC):
    """Reads the logs of one client; a subclass turns a file into `AgentLog`s."""

    name: ClassVar[str]
    operations: OwnOperations | None = None
    """What a team says of its tools; it comes before the table of ours."""

    def files(self, paths: Sequence[Path]) -> Iterator[SourceFile]:
        """Find this client's files below directories; take files as given.

        Raises
        ------
        InputDataError
            For a path that does not exist or holds nothing of this format.
        """
        return find_files(paths, self.is_log)

    def read(self, path: Path, sink: ImportSink) -> None:
        """Read one file.

        Raises
        ------
        InputDataError
            It is not of this client, or cannot be read.
        """
        for log in self.logs(path, sink):
            sink.met("session", log.session_id)
            if self.operations is not None:
                _apply(self.operations, log)
            for row in log_records(log, self.name, sink.hidden):
                if isinstance(row, SchemaError):
                    sink.reject(1, reason_of(row))
                    continue
                if row["kind"] == Batch.kind and row["agent_id"] != MAIN:
                    stream = f"{row['session_id']}/{row['agent_id']}"
                    sink.met("subagent_stream", stream)
                sink.add_row(row)

    @abstractmethod
    def is_log(self, path: Path) -> bool:
        """Whether a file below a directory is one to read."""

    @abstractmethod
    def logs(self, path: Path, sink: ImportSink) -> Iterator[AgentLog]:
        """Read the sessions of one file."""


def _apply(operations: OwnOperations, log: AgentLog) -> None:
    """Classify the calls of a log as a team says."""
    for reply in log.replies:
        for call in reply.calls:
            own = operations.find(call.tool, call.word)
            if own is not None:
                call.operation = Operation(*own)


class LineReader(Protocol):
    """Takes the lines of one session, in their order."""

    @property
    def log(self) -> AgentLog | None:
        """The session, once a line has named it."""
        ...

    def take(self, row: dict[str, Any]) -> None:
        """Read one line's object.

        Raises
        ------
        UnreadableLineError
            The line is passed over with its reason.
        InputDataError
            The file is of another program.
        """
        ...

    def follow(self, *, ends: bool) -> None:
        """Follow the data flow of the lines so far; see `DeferredFlow.follow`."""
        ...


class LineLogSource(AgentLogSource):
    """Reads files of JSON lines, each about one session, with a `LineReader`."""

    what: ClassVar[str]
    """What a file is, to say that one is not."""

    @abstractmethod
    def reader(self, sink: ImportSink) -> LineReader:
        """Make the reader of one file."""

    def logs(self, path: Path, sink: ImportSink) -> Iterator[AgentLog]:
        """Read the session of one file.

        Raises
        ------
        InputDataError
            No line of it names a session.
        """
        reader = self.reader(sink)
        take = reader.take
        followed = 0
        with closing(rows_of(path, sink)) as rows:
            for number, row, size in rows:
                if size - followed > HELD_BYTES:
                    reader.follow(ends=False)
                    followed = size
                try:
                    take(row)
                except UnreadableLineError as error:
                    sink.reject(number, reason_of(error))
        reader.follow(ends=True)
        if reader.log is None:
            raise InputDataError(f"no {self.what}", file=path)
        yield reader.log


def rows_of(
    path: Path, sink: ImportSink
) -> Generator[tuple[int, dict[str, Any], int], None, None]:
    """Read the objects of a file of JSON lines, naming those that cannot be read.

    Yields
    ------
    number : int
        1-based.
    row : dict
    size : int
        Bytes that have been read of the file.
    """
    number = size = 0
    try:
        for block in read_blocks(path):
            size += len(block or b"")
            for row in decode_objects(block):
                number += 1
                if isinstance(row, UnreadableLineError):
                    sink.reject(number, reason_of(row))
                elif row is not None:
                    yield number, row, size
    finally:
        sink.read(number)


def whole_document(path: Path, sink: ImportSink) -> dict[str, Any]:
    """Read a file that is one JSON object, on however many lines.

    Raises
    ------
    InputDataError
        It is none, or too large.
    """
    blocks: list[bytes] = []
    size = 0
    for block in read_blocks(path):
        if block is None or (size := size + len(block)) > MAX_LINE_BYTES:
            raise InputDataError(f"longer than {MAX_LINE_BYTES} bytes", file=path)
        blocks.append(block)
    sink.read(1)
    try:
        return decode_object(b"".join(blocks))
    except UnreadableLineError as error:
        raise InputDataError(reason_of(error), file=path) from error
