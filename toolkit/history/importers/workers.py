"""Reading files in this process, or in some beside it, in the order of the files.

The processes are forked: they share what is loaded already and start at once. Each reads
the files that are its own, or its parts of a database, in order, and writes pieces into a
pipe; when the pipe is full it waits. One that has no more reader ends.
"""

import fcntl
import marshal
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, suppress
from datetime import UTC, datetime
from functools import partial
from itertools import groupby
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector
from typing import Any, NamedTuple, NoReturn

from toolkit.history import PriceBook
from toolkit.history.importers.base import DivisibleSource, Source
from toolkit.history.importers.gathering import FileSink, Piece, read_file
from toolkit.history.importers.usage import TokenUsage

__all__ = ["Reading", "read_files", "usable_processes"]

MOST = 3
"""Processes that read, by default: each needs memory, and one writes what they give."""

WORTH_BYTES = 2**22
"""Bytes to read for which another process is worth its start, and passing on what was read."""

HELD_BYTES = 2**22
"""How far a process may be ahead of its turn."""

PIPE_BYTES = 2**20
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LENGTH_BYTES = 8

Begin = Callable[[int], None]
Take = Callable[[int, Piece], None]


class Reading(NamedTuple):
    """How files are read.

    Attributes
    ----------
    key : bytes
        Secret of the keyed hashes.
    prices : PriceBook or None
        Prices the turns.
    workers : int
        Processes that read, at most; this one reads where it would be one alone.
    """

    key: bytes
    prices: PriceBook | None
    workers: int

    def read(
        self, source: Source, path: Path, deliver: Callable[[Piece], None]
    ) -> None:
        """Read one file in this process."""
        read_file(source, path, FileSink(deliver, key=self.key, prices=self.prices))


def usable_processes() -> int:
    """Say how many processes may read beside this one: few, and none per thread.

    Only Linux forks without surprises, and only a process without other threads.

    Returns
    -------
    int
        At least 1.
    """
    if sys.platform != "linux" or threading.active_count() > 1:
        return 1
    return min(MOST, len(os.sched_getaffinity(0)))


def read_files(
    source: Source,
    paths: Sequence[Path],
    begin: Begin,
    take: Take,
    *,
    reading: Reading,
) -> None:
    """Read files one after the other.

    Parameters
    ----------
    source : Source
    paths : sequence of path
    begin : callable
        Called with the index of each file before its first piece.
    take : callable
        Given the index of each file and its pieces, in order; the last one of a file
        says whether it was refused.
    reading : Reading
    """
    tasks = _tasks(source, paths, reading.workers)
    shares = _shares([task.size for task in tasks], reading.workers)
    if max(shares, default=0) == 0:
        for number, path in enumerate(paths):
            begin(number)
            reading.read(source, path, partial(take, number))
        return
    if reading.prices is not None:
        # what a price list loads is then there once, and not once a process
        reading.prices.price("", EPOCH, TokenUsage(0, output_tokens=0))
    dealt = list(zip(tasks, shares, strict=True))
    with ExitStack() as stack:
        workers = [
            stack.enter_context(
                _Worker([task for task, share in dealt if share == n], reading)
            )
            for n in range(max(shares) + 1)
        ]
        for number, parts in groupby(dealt, key=lambda part: part[0].number):
            begin(number)
            pieces = [_pieces(workers, workers[share]) for _, share in parts]
            for piece in _joined(pieces):
                take(number, piece)


class _Task(NamedTuple):
    """A file, or a part of one, with the source that reads it and its size in bytes."""

    number: int
    source: Source
    path: Path
    size: int


def _tasks(source: Source, paths: Sequence[Path], workers: int) -> list[_Task]:
    """List what is to be read, in order; what several may read is divided for them."""
    tasks = []
    for number, path in enumerate(paths):
        size = _size(path)
        parts: Sequence[Source] = [source]
        if workers > 1 and isinstance(source, DivisibleSource):
            parts = source.divide(path, max(size // WORTH_BYTES, 1))
        tasks += [_Task(number, part, path, size // len(parts)) for part in parts]
    return tasks


def _joined(parts: Sequence[Iterator[Piece]]) -> Iterator[Piece]:
    """Give the pieces of a file's parts as those of one file."""
    *others, last = parts
    marks: dict[tuple[str, int], str] = {}
    refused = False
    for part in others:
        for piece in part:
            marks = {**piece.marks, **marks}
            refused |= bool(piece.refused)
            yield piece._replace(marks={}, refused=None)
    for piece in last:
        if piece.refused is None:
            yield piece
        else:
            yield piece._replace(
                marks={**piece.marks, **marks}, refused=refused or piece.refused
            )


def _shares(sizes: Sequence[int], workers: int) -> list[int]:
    """Deal files out, the largest first, each to the process with the least to read.

    Examples
    --------
    >>> _shares([2**22, 5 * 2**22, 9 * 2**22], 2)
    [1, 1, 0]
    >>> _shares([2**20, 2**10], 2)
    [0, 0]
    """
    held = [0] * max(1, min(workers, sum(sizes) // WORTH_BYTES))
    shares = [0] * len(sizes)
    for index in sorted(range(len(sizes)), key=sizes.__getitem__, reverse=True):
        shares[index] = held.index(min(held))
        held[shares[index]] += sizes[index]
    return shares


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0


def _pieces(workers: Sequence["_Worker"], turn: "_Worker") -> Iterator[Piece]:
    """Give the pieces of one task; meanwhile the other processes may run ahead."""
    while True:
        piece = turn.next_piece()
        if piece is None:
            _wait(workers, turn)
            continue
        yield piece
        if piece.refused is not None:
            return


def _wait(workers: Sequence["_Worker"], turn: "_Worker") -> None:
    """Take in what any process has written that is not too far ahead."""
    with DefaultSelector() as selector:
        for worker in workers:
            if not worker.ended and (worker is turn or worker.held < HELD_BYTES):
                selector.register(worker.pipe, EVENT_READ, worker)
        for key, _ in selector.select():
            key.data.take_in()


class _Worker:
    """A process that does some tasks and writes what they give into a pipe."""

    def __init__(self, tasks: Sequence[_Task], reading: Reading) -> None:
        self.ended = False
        self._written = bytearray()
        self.pipe, end = os.pipe()
        with suppress(AttributeError, OSError):  # Linux; elsewhere it waits more often
            fcntl.fcntl(end, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._process = os.fork()
        if self._process == 0:
            os.close(self.pipe)
            _serve(tasks, reading, end)
        os.close(end)

    def __enter__(self) -> "_Worker":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.pipe)
        with suppress(ProcessLookupError):
            os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)

    @property
    def held(self) -> int:
        """Bytes that are taken in and not yet asked for."""
        return len(self._written)

    def take_in(self) -> None:
        """Read what has been written; there is something, or the process has ended."""
        written = os.read(self.pipe, PIPE_BYTES)
        self._written += written
        self.ended = not written

    def next_piece(self) -> Piece | None:
        """Give the next piece; `None` where it is not written yet.

        Raises
        ------
        ChildProcessError
            The process ended early: it was killed.
        RuntimeError
            It failed, as this process would have.
        """
        length = int.from_bytes(self._written[:LENGTH_BYTES], "big")
        end = LENGTH_BYTES + length
        if not length or len(self._written) < end:
            if self.ended:
                raise ChildProcessError("a process that read logs was ended")
            return None
        with memoryview(self._written) as written:
            said = marshal.loads(written[LENGTH_BYTES:end])  # noqa: S302 - our own process wrote it
        del self._written[:end]
        if isinstance(said, str):
            raise RuntimeError(said)  # noqa: TRY004 - what it failed with
        return Piece(*said)


def _serve(tasks: Sequence[_Task], reading: Reading, end: int) -> NoReturn:
    """Read files in a separate process, and leave it without its parent's endings."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_DFL)
    try:
        for task in tasks:
            reading.read(
                task.source, task.path, lambda piece: _write(end, tuple(piece))
            )
    except BrokenPipeError:
        pass  # no more is wanted
    except BaseException:  # noqa: BLE001 - the parent raises it
        with suppress(OSError):
            _write(end, traceback.format_exc())
    finally:
        os._exit(0)


def _write(end: int, said: tuple[Any, ...] | str) -> None:
    data = marshal.dumps(said)
    left = memoryview(len(data).to_bytes(LENGTH_BYTES, "big") + data)
    while left:
        left = left[os.write(end, left) :]
