"""Imports files of OTLP/JSON lines, one document a line, of any signal and order."""

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

from toolkit.errors import InputDataError
from toolkit.history.importers import (
    Sink,
    SourceFile,
    decode_object,
    find_files,
    read_lines,
)
from toolkit.history.importers.otlp.batches import SignalGroups
from toolkit.history.importers.otlp.signals import CallSignal, reduce_document

__all__ = ["OtlpSource"]

SUFFIXES = (".jsonl", ".json", ".jsonl.gz", ".json.gz")


class OtlpSource:
    """Reads `.jsonl` files as the OpenTelemetry collector's file exporter writes them.

    A span exported by this toolkit becomes the record it was made of. Tool calls of
    other senders become batches; see `otlp_batches` for how.

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

    def read(self, path: Path, sink: Sink) -> None:
        """Read one file.

        Raises
        ------
        InputDataError
            No line of it is an OTLP document.
        """
        documents = lines = 0
        with closing(SignalGroups()) as groups:
            for number, line in read_lines(path):
                lines += 1
                if line is None:
                    sink.reject(number, "longer than a line may be")
                elif line.strip():
                    documents += _take(number, line, sink, groups)
            sink.read(lines)
            for record in groups.records():
                sink.add(record)
        if lines and not documents:
            raise InputDataError(
                "no line is an OTLP document", file=path, fix="one document a line"
            )


def _take(number: int, line: bytes, sink: Sink, groups: SignalGroups) -> bool:
    try:
        reduced = reduce_document(decode_object(line))
    except InputDataError as error:
        sink.reject(number, error.problem)
        return False
    for reason in reduced.refused:
        sink.reject(number, reason)
    for record in reduced.records:
        sink.add(record)
    for signal in reduced.signals:
        groups.add(signal)
        if isinstance(signal, CallSignal):
            sink.met("session", signal.scope)
            if signal.agent != "main":
                sink.met("subagent_stream", f"{signal.scope}:{signal.agent}")
    return True
