"""Optuna's journal, kept whole: exclusive appends, and what a damaged one still holds.

Optuna's own lock is a link that a killed process leaves behind; the next one waits
for half a minute or longer. `flock` goes with the process that holds it.
"""

import fcntl
import json
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from toolkit.escaping import printable
from toolkit.records import append_whole, open_regular, read_given, replace_file

if TYPE_CHECKING:
    from optuna.storages import JournalStorage

__all__ = ["keep_whole_lines", "open_journal"]

MAX_JOURNAL_BYTES = 1 << 30

logger = logging.getLogger(__name__)


def open_journal(journal: Path) -> "JournalStorage":
    """Open a journal as a storage that many processes append to at once.

    An append is all or none, and never waits for a process that is dead. What a trial
    found is on disk before it is used; what leads to it needs no wait, since
    it lies before it in the file.

    Parameters
    ----------
    journal : path
        Created where it is missing; its folder must exist.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from optuna.trial import TrialState

    finished = {int(state) for state in TrialState if state.is_finished()}

    class WholeJournal(JournalFileBackend):
        def append_logs(self, logs: list[dict[str, Any]]) -> None:
            lines = [json.dumps(log, separators=(",", ":")) + "\n" for log in logs]
            durable = any(log.get("state") in finished for log in logs)
            with _held(journal):
                append_whole(journal, "".join(lines).encode(), durable=durable)

    return JournalStorage(WholeJournal(str(journal)))


def keep_whole_lines(journal: Path) -> None:
    r"""Cut a journal where its first damaged line begins.

    What comes before that line is the journal as it was at some moment, so it can be
    replayed; what comes after may depend on what the line said. It is kept beside the
    journal, in a file that ends in `.damaged`.

    Parameters
    ----------
    journal : path
        Of Optuna's journal storage; it need not exist.

    Examples
    --------
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "j"
    >>> _ = path.write_bytes(b'{"op_code": 0}\n{"op_co')
    >>> keep_whole_lines(path)
    >>> path.read_bytes()
    b'{"op_code": 0}\n'
    """
    if not journal.exists():
        return
    with _held(journal):
        data = read_given(journal, max_bytes=MAX_JOURNAL_BYTES)
        whole = _whole(data)
        if whole == len(data):
            return
        replace_file(journal.with_name(f"{journal.name}.damaged"), data[whole:])
        replace_file(journal, data[:whole])
    logger.warning(
        "%s ends in a damaged line; the trials before it are used",
        printable(journal.name),
    )


@contextmanager
def _held(journal: Path) -> Iterator[None]:
    path = journal.with_name(f".{journal.name}.lock")
    descriptor = open_regular(path, os.O_RDWR | os.O_CREAT)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _whole(data: bytes) -> int:
    end = 0
    for line in data.splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        try:
            if not isinstance(json.loads(line), dict):
                break
        except ValueError:
            break
        end += len(line)
    return end
