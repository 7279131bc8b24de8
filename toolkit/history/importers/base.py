"""The contract of an importer.

A `Source` knows a format; it never sees the store, the paths that were asked for or the
progress bar. For each file it is given an `ImportSink`, hands records to it, names lines that
cannot be read, and raises `InputDataError` to refuse the whole file. What a file gives
depends on that file alone. `run_import` does the rest.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, Protocol, runtime_checkable

from toolkit.records import Record

__all__ = ["DivisibleSource", "ImportSink", "Source", "SourceFile"]


class SourceFile(NamedTuple):
    """A file to read.

    Attributes
    ----------
    path : path
    part : int
        Index of the given path that it was found under.
    """

    path: Path
    part: int


class ImportSink(Protocol):
    """Where a source puts what it reads of one file."""

    def add(self, record: Record) -> None:
        """Keep a record, once however often it comes.

        Parameters
        ----------
        record : Record
        """
        ...

    def add_row(self, row: dict[str, Any]) -> None:
        """Keep a record that `Record.row` wrote; the row is the sink's from then on.

        Parameters
        ----------
        row : dict
        """
        ...

    def reject(self, line: int, reason: str) -> None:
        """Note a line (1-based) that cannot be read, without its content.

        Parameters
        ----------
        line : int
            From 1.
        reason : str
            Says what is wrong, and quotes nothing.
        """
        ...

    def pass_over(self, kind: str, count: int = 1) -> None:
        """Count what was understood to hold nothing, or not understood, by its kind.

        The kind is a name from the format, never a text of the file.

        Parameters
        ----------
        kind : str
        count : int
            How many of it.
        """
        ...

    def met(self, noun: str, identity: str) -> None:
        """Count a `session` or a `subagent_stream`, once however often it comes.

        Parameters
        ----------
        noun : str
            `session` or `subagent_stream`.
        identity : str
            Its id in the source.
        """
        ...

    def read(self, lines: int) -> None:
        """Count lines or rows read.

        Parameters
        ----------
        lines : int
            Read since the last call.
        """
        ...

    def hidden(self, name: str) -> str:
        """Hide a path, a key or another name with the store's key.

        Parameters
        ----------
        name : str

        Returns
        -------
        str
            As of `keyed_hash`: equal names stay equal within one store.
        """
        ...


class Source(Protocol):
    """A format that records are imported from.

    Attributes
    ----------
    name : str
        As typed after `toolkit records import`; the `source` of every record it makes.
    """

    name: str

    def files(self, paths: Sequence[Path]) -> Iterable[SourceFile]:
        """Find the files to read, in an order of their own.

        Parameters
        ----------
        paths : sequence of path
            Files and folders.

        Returns
        -------
        iterable of SourceFile

        Raises
        ------
        InputDataError
            For a path that does not exist or holds nothing of this format.
        """
        ...

    def read(self, path: Path, sink: ImportSink) -> None:
        """Read one file.

        Parameters
        ----------
        path : path
        sink : ImportSink
            Gets the records, and what cannot be read.

        Raises
        ------
        InputDataError
            The file as a whole is not of this format or cannot be read; what it gave
            before that is kept.
        """
        ...


@runtime_checkable
class DivisibleSource(Source, Protocol):
    """A source of which one file may hold everything, as a database does."""

    def divide(self, path: Path, parts: int) -> Sequence[Source]:
        """Divide a file, so that several processes may read it.

        Parameters
        ----------
        path : path
        parts : int
            How many there should be, 1 or more.

        Returns
        -------
        sequence of Source
            Each reads a part of the file, one after the other what this one reads of
            it; this one alone where it cannot be divided.
        """
        ...
