"""Imports files of OTLP/JSON: one document a line, or one document a file."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError
from toolkit.history.importers import ImportSink, SourceFile, decode_value, find_files
from toolkit.history.importers.lines import (
    MAX_LINE_BYTES,
    UnreadableLineError,
    read_lines,
)
from toolkit.history.importers.otlp.batches import SignalGroups
from toolkit.history.importers.otlp.signals import CallSignal, reduce_document

__all__ = ["OtlpSource"]

SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")


class OtlpSource:
    """Reads OTLP/JSON as exporters, the collector and trace stores write it.

    A span exported by this toolkit becomes the record it was made of. Tool calls of
    other senders become batches; see `batches` for how.

    Examples
    --------
    >>> OtlpSource().name
    'otlp'
    """

    name = "otlp"

    def files(self, paths: Sequence[Path]) -> Iterable[SourceFile]:
        """Find the files to read, in the order of their names.

        Raises
        ------
        InputDataError
            For a path that does not exist or holds nothing of this format.
        """
        return find_files(paths, lambda path: path.name.endswith(SUFFIXES))

    def read(self, path: Path, sink: ImportSink) -> None:
        """Read one file.

        Raises
        ------
        InputDataError
            Nothing in it is an OTLP document.
        """
        documents = 0
        with closing(SignalGroups()) as groups:
            for number, document in _documents(path, sink):
                documents += _read(number, document, sink, groups)
            for record in groups.records():
                sink.add(record)
        if not documents:
            raise InputDataError("nothing in it is an OTLP document", file=path)


def _documents(path: Path, sink: ImportSink) -> Iterator[tuple[int, Any]]:
    """Read a document a line, or the one that fills a file over several lines."""
    begun = 0
    lines = read_lines(path)
    for number, line in lines:
        sink.read(1)
        if line is not None and not line.strip():
            continue
        begun += 1
        try:
            document = decode_value(line)
        except UnreadableLineError as error:
            whole = _whole(path) if begun == 1 else None
            if whole is not None:
                yield number, whole
                sink.read(sum(1 for _ in lines))
                return
            sink.reject(number, error.problem)
            continue
        yield number, document


def _whole(path: Path) -> Any:
    """Read a document that is written over several lines; `None` if it is none."""
    parts = []
    size = 0
    for _, line in read_lines(path):
        size += len(line or b"") + 1
        if line is None or size > MAX_LINE_BYTES:
            return None
        parts.append(line)
    try:
        return decode_value(b"\n".join(parts))
    except UnreadableLineError:
        return None


def _read(number: int, document: Any, sink: ImportSink, groups: SignalGroups) -> bool:
    try:
        reduced = reduce_document(document, sink.hidden)
    except InputDataError as error:
        sink.reject(number, error.problem)
        return False
    for reason in reduced.refused:
        sink.reject(number, reason)
    for kind, count in reduced.passed_over.items():
        sink.pass_over(kind, count)
    for record in reduced.records:
        sink.add(record)
    for signal in reduced.signals:
        groups.add(signal)
        if isinstance(signal, CallSignal):
            scope = signal.scope or signal.trace
            if not scope:  # a span without any id is of no session that can be named
                continue
            sink.met("session", scope)
            if signal.agent not in ("", "main"):
                sink.met("subagent_stream", f"{scope}:{signal.agent}")
    return True
