"""Importer of Claude Code transcripts: sessions and subagents, plain or gzipped.

A batch is the tool calls of one assistant message by one agent. It is identified by its
first call, so a fork, a resumed session, an earlier checkpoint or a second copy adds
nothing, and of two copies the one that saw more results stays. Its operation type is
that of its calls when they agree, else `mixed`; a `todoWrite` batch counts todos. How
people and sleep are kept out of its times is said in `claude_code_timing`.

What a file gives depends on that file alone, so the order of files does not matter.
Memory is bounded by the calls of the largest file, about 1 kB each, and by
`lines.MAX_LINE_BYTES`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.errors import InputDataError, SchemaError
from toolkit.history.importers import ImportSink, SourceFile, find_files
from toolkit.history.importers.claude_code.batches import SOURCE
from toolkit.history.importers.claude_code.journal import is_journal, read_journal
from toolkit.history.importers.claude_code.lines import TranscriptLine, decode_block
from toolkit.history.importers.claude_code.members import member_of
from toolkit.history.importers.claude_code.transcript import Transcript
from toolkit.history.importers.deferred_flow import HELD_BYTES
from toolkit.history.importers.lines import UnreadableLineError, read_blocks, reason_of
from toolkit.history.importers.own_operations import OwnOperations

__all__ = ["ClaudeCodeSource"]

STRANGE_LINES = 1000
"""Unreadable lines before the first readable one after which a file is another tool's;
so many reasons are held back at most."""


class ClaudeCodeSource:
    """Reads Claude Code transcripts; see the module for what counts as what.

    Examples
    --------
    >>> ClaudeCodeSource().name
    'claude-code'
    """

    name = SOURCE
    operations: OwnOperations | None = None
    """What a team says of its tools; it comes before the table of ours."""

    def files(self, paths: Sequence[Path]) -> Iterator[SourceFile]:
        """Find `*.jsonl` and `*.jsonl.gz` below directories; take files as given."""
        return find_files(paths, _is_transcript)

    def read(self, path: Path, sink: ImportSink) -> None:
        """Read one transcript.

        Raises
        ------
        InputDataError
            It is empty, holds no line of a transcript, or its compression is broken;
            lines before the break are kept.
        """
        if is_journal(path):
            read_journal(path, sink)
            return
        transcript = Transcript(sink, alias=member_of(path), operations=self.operations)
        try:
            _take_lines(path, transcript, sink)
        finally:
            _give(path, transcript, sink)


def _is_transcript(path: Path) -> bool:
    return path.name.endswith((".jsonl", ".jsonl.gz"))


def _take_lines(path: Path, transcript: Transcript, sink: ImportSink) -> None:
    strange: list[tuple[int, str]] = []
    number = held = 0
    try:
        for block in read_blocks(path):
            held += len(block or b"")
            if held > HELD_BYTES:
                transcript.follow()
                held = 0
            for line in decode_block(block):
                number += 1
                try:
                    if isinstance(line, TranscriptLine):
                        transcript.take(number, line)
                    elif line is not None:
                        raise line
                except UnreadableLineError as error:
                    strange.append((number, reason_of(error)))
                if strange and transcript.recognised:
                    _reject(strange, sink)
                elif len(strange) >= STRANGE_LINES:
                    raise InputDataError(_foreign(strange), file=path)
    finally:
        sink.read(number)
    if not transcript.recognised:
        raise InputDataError(_foreign(strange) if strange else "empty", file=path)


def _reject(strange: list[tuple[int, str]], sink: ImportSink) -> None:
    for number, reason in strange:
        sink.reject(number, reason)
    strange.clear()


def _foreign(strange: list[tuple[int, str]]) -> str:
    number, reason = strange[0]
    return f"no Claude Code transcript: line {number}: {reason}"


def _give(path: Path, transcript: Transcript, sink: ImportSink) -> None:
    """Hand over what was read, and count the session that the file is about.

    A file that also repeats lines of another session is about the one it is named for.
    """
    for line, row in transcript.records():
        if isinstance(row, SchemaError):
            sink.reject(line, reason_of(row))
        else:
            sink.add_row(row)
    for stream in transcript.streams():
        sink.met("subagent_stream", stream)
    own = path.name.partition(".")[0]
    session = own if own in transcript.sessions else transcript.first_session
    if session is not None:
        sink.met("session", session)
