"""The record spool as a sink: what the runtime saw is tomorrow's training table."""

from toolkit.records import Record, Spool

__all__ = ["SpoolSink"]


class SpoolSink:
    """Appends every record to a spool; loses nothing and is never queued.

    When `emit` returns, the record survives the death of the process.

    Parameters
    ----------
    spool : Spool

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> SpoolSink(Spool(Path(tempfile.mkdtemp()))).close()
    """

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def emit(self, record: Record, /) -> None:
        """Append a record.

        Raises
        ------
        OSError
            The disk is full or the directory cannot be written: the caller gets the error,
            since nothing else would keep the record.
        """
        self._spool.append(record.to_json())

    def close(self) -> None:
        """Hold nothing back: every line is written when it is given."""
