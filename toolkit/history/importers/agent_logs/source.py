"""How every client's files are read: one class, and one method for each client."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, ClassVar

from toolkit.errors import InputDataError, SchemaError
from toolkit.history.importers import (
    MAX_LINE_BYTES,
    Sink,
    SourceFile,
    UnreadableLineError,
    decode_object,
    find_files,
    read_lines,
    reason_of,
)
from toolkit.history.importers.agent_logs.log import MAIN, AgentLog
from toolkit.history.importers.agent_logs.records import records_of
from toolkit.records import Batch

__all__ = ["AgentLogSource", "rows_of", "whole_document"]


class AgentLogSource(ABC):
    """Reads the logs of one client; a subclass turns a file into `AgentLog`s."""

    name: ClassVar[str]

    def files(self, paths: Sequence[Path]) -> Iterator[SourceFile]:
        """Find this client's files below directories; take files as given.

        Raises
        ------
        InputDataError
            For a path that does not exist or holds nothing of this format.
        """
        return find_files(paths, self.is_log)

    def read(self, path: Path, sink: Sink) -> None:
        """Read one file.

        Raises
        ------
        InputDataError
            It is not of this client, or cannot be read.
        """
        for log in self.logs(path, sink):
            sink.met("session", log.session_id)
            for record in records_of(log, self.name, sink.hidden):
                if isinstance(record, SchemaError):
                    sink.reject(1, reason_of(record))
                    continue
                sink.add(record)
                if isinstance(record, Batch) and record.agent_id != MAIN:
                    sink.met(
                        "subagent_stream", f"{record.session_id}/{record.agent_id}"
                    )

    @abstractmethod
    def is_log(self, path: Path) -> bool:
        """Whether a file below a directory is one to read."""

    @abstractmethod
    def logs(self, path: Path, sink: Sink) -> Iterator[AgentLog]:
        """Read the sessions of one file."""


def rows_of(path: Path, sink: Sink) -> Iterator[tuple[int, dict[str, Any]]]:
    """Read the objects of a file of JSON lines, naming those that cannot be read.

    Yields
    ------
    number : int
        1-based.
    row : dict
    """
    number = 0
    try:
        for number, line in read_lines(path):
            if line is not None and not line.strip(b" \t\r\0"):
                continue  # blank, or padding behind the last line
            try:
                yield number, decode_object(line)
            except UnreadableLineError as error:
                sink.reject(number, reason_of(error))
    finally:
        sink.read(number)


def whole_document(path: Path, sink: Sink) -> dict[str, Any]:
    """Read a file that is one JSON object, on however many lines.

    Raises
    ------
    InputDataError
        It is none, or too large.
    """
    parts: list[bytes] = []
    size = 0
    for _, line in read_lines(path):
        if line is None or (size := size + len(line)) > MAX_LINE_BYTES:
            raise InputDataError(f"longer than {MAX_LINE_BYTES} bytes", file=path)
        parts.append(line)
    sink.read(1)
    try:
        return decode_object(b"\n".join(parts))
    except UnreadableLineError as error:
        raise InputDataError(reason_of(error), file=path) from error
