"""Importer of spools: records that another store, or a hook, wrote as JSON lines."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from toolkit.errors import InputDataError, SchemaError
from toolkit.history.importers.base import ImportSink, SourceFile
from toolkit.history.importers.lines import (
    UnreadableLineError,
    decode_object,
    read_lines,
    reason_of,
)
from toolkit.history.importers.paths import find_files
from toolkit.records import KINDS, Record

__all__ = ["SpoolSource"]


class SpoolSource:
    """Reads rows as `Record.to_json` writes them, and keeps their source's name.

    Keyed hashes stay as they are: those of another store do not compare with this one's.

    Examples
    --------
    >>> SpoolSource().name
    'spool'
    """

    name = "spool"

    def files(self, paths: Sequence[Path]) -> Iterator[SourceFile]:
        """Find `*.jsonl` below directories; take files as given."""
        return find_files(paths, _is_spool)

    def read(self, path: Path, sink: ImportSink) -> None:
        """Read one spool file.

        Raises
        ------
        InputDataError
            Not one line of it is a record.
        """
        number = readable = 0
        for number, line in read_lines(path):
            if line is not None and not line.strip():
                continue
            try:
                sink.add(_record(line))
                readable += 1
            except (UnreadableLineError, SchemaError) as error:
                sink.reject(number, reason_of(error))
        sink.read(number)
        if not readable:
            raise InputDataError("no record in it", file=path)


def _is_spool(path: Path) -> bool:
    return path.name.endswith((".jsonl", ".jsonl.gz"))


def _record(line: bytes | None) -> Record:
    row = decode_object(line)
    kind = KINDS.get(str(row.get("kind")))
    if kind is None:
        raise UnreadableLineError("not a kind of record", field="kind")
    return kind.from_json(row)
