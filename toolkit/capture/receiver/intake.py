"""What was received, on its way from the disk to records.

::

    STORE/otlp/live.jsonl      signals that were acknowledged and are not yet joined
    STORE/otlp/open.sqlite     signals of sessions that may go on

Joining moves the first into the second, makes records of every session that something
came for, and only then drops the files: after a kill it is done again, with the same
result. Sessions that are over leave the second as well, so neither grows for ever.
"""

import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

from toolkit.capture.receiver.limits import Limits
from toolkit.clock import Clock
from toolkit.history import RecordStore
from toolkit.history.importers.otlp import (
    SIGNALS,
    Reduced,
    Signal,
    SignalGroups,
)
from toolkit.records import Provenance, Record, Spool, ensure_file, read_spool_lines

__all__ = ["Intake"]

SPOOL_NAME = "otlp"
OPEN_NAME = "open.sqlite"


class Intake:
    """Keeps what was received, and joins it to records.

    Parameters
    ----------
    store : RecordStore
    limits : Limits
    clock : Clock
    on_record : callable, optional
        Called with every record that is made, also when it is made again, fuller.
    """

    def __init__(
        self,
        store: RecordStore,
        limits: Limits,
        clock: Clock,
        on_record: Callable[[Record], object] | None = None,
    ) -> None:
        self._on_record = on_record or (lambda _: None)
        self._store = store
        self._limits = limits
        self._clock = clock
        self._spool = Spool(store.root / SPOOL_NAME)
        self._joining = threading.Lock()

    def keep(self, reduced: Reduced) -> tuple[int, int]:
        """Write down what a request said; when this returns it is on disk.

        Returns
        -------
        signals, records : int
            How many of each say something about batches.
        """
        at_s = self._clock.now().timestamp()
        rows = [
            {"signal": type(signal).__name__, "at_s": at_s, "values": list(signal)}
            for signal in reduced.signals
        ]
        made = [_from_outside(record) for record in reduced.records]
        records = [record.to_json() for record in made]
        self._spool.append_all(rows, durable=True)
        self._store.spool.append_all(records, durable=True)
        for record in made:
            self._on_record(record)
        links = sum(
            isinstance(signal, SIGNALS["LinkSignal"]) for signal in reduced.signals
        )
        return len(rows) - links, len(reduced.records)

    def is_full(self) -> bool:
        """Whether too much waits to be joined."""
        waiting = sum(path.stat().st_size for path in self._spool.files())
        return waiting > self._limits.waiting_bytes

    def join(self) -> int:
        """Make records of what has come since the last time.

        Returns
        -------
        int
            Records handed to the store, known ones included.
        """
        with self._joining:
            return self._join([segment.path for segment in self._spool.seal()])

    def _join(self, sealed: list[Path]) -> int:
        if not sealed:
            return 0
        now_s = self._clock.now().timestamp()
        with closing(self._open()) as groups:
            for signal in _signals(sealed):
                groups.add(signal, now_s)
            count = 0
            for record in groups.records(now_s):
                self._store.add(record)
                self._on_record(record)
                count += 1
            self._store.flush()
            idle_before_s = now_s - self._limits.settle_s
            groups.forget(idle_before_s, self._limits.open_signals)
        for path in sealed:
            path.unlink()
        return count

    def _open(self) -> SignalGroups:
        """Open what is held of sessions that may go on, or begin again.

        What it held has become records already; only a batch that goes on is split.
        """
        path = self._spool.directory / OPEN_NAME
        ensure_file(path)
        try:
            return SignalGroups(path)
        except sqlite3.DatabaseError:
            path.replace(path.with_suffix(".damaged"))
            ensure_file(path)
            return SignalGroups(path)


def _from_outside(record: Record) -> Record:
    """Mark a record that a sender made: what it clocked is its word, not ours.

    So it never goes before a copy that this machine measured or derived as fully.
    """
    if record.provenance is Provenance.MEASURED:
        return replace(record, provenance=Provenance.DECLARED)
    return record


def _signals(paths: list[Path]) -> Iterator[Signal]:
    for path in paths:
        for line in read_spool_lines(path):
            signal = _signal(line.row or {})
            if signal is not None:
                yield signal


def _signal(row: Mapping[str, Any]) -> Signal | None:
    kind = SIGNALS.get(str(row.get("signal")))
    values = row.get("values")
    if kind is None or not isinstance(values, list):
        return None
    if len(values) != len(kind._fields):
        return None  # written by another version; the sender's next export goes on
    return kind(*values)
