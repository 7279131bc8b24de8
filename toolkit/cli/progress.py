"""Progress on stderr: a bar on a terminal, a line now and then elsewhere."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol, Self

from toolkit.cli.output import print_text
from toolkit.escaping import printable

__all__ = ["Progress", "progress"]

FIRST_LINE_S = 2.0
"""Work that takes longer says how far it is; what is shorter needs no line."""

LINE_EVERY_S = 5.0
"""A log grows by one line in this time, not by one line a step."""


class Progress(Protocol):
    """What long work reports to."""

    def __call__(self, done: float, total: float, what: str = "") -> None:
        """Say how much of how much is done."""
        ...


@contextmanager
def progress(title: str, *, quiet: bool = False) -> Iterator[Progress]:
    """Show the progress of long work while the context lasts.

    Parameters
    ----------
    title : str
        What is going on.
    quiet : bool
        Show nothing.
    """
    if quiet:
        yield _silent
    elif sys.stderr.isatty():
        with _bar(title) as shown:
            yield shown
    else:
        with _Lines(title) as shown:
            yield shown


def _silent(done: float, total: float, what: str = "") -> None:
    """Report nothing."""


@contextmanager
def _bar(title: str) -> Iterator[Progress]:
    from rich.console import Console
    from rich.progress import BarColumn, TaskProgressColumn, TextColumn
    from rich.progress import Progress as Bar

    # What is worked on is often a file: its name is no markup.
    named = TextColumn("{task.description}", markup=False)
    columns = (named, BarColumn(), TaskProgressColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(printable(title), total=None)

        def show(done: float, total: float, what: str = "") -> None:
            now = printable(f"{title} {what}")
            bar.update(task, completed=done, total=total, description=now)

        yield show


class _Lines:
    """Writes how far the work is, now and then, also where the work does not say so."""

    def __init__(self, title: str) -> None:
        self._title = title
        self._reached: tuple[float, float, str] | None = None
        self._ended = threading.Event()

    def __call__(self, done: float, total: float, what: str = "") -> None:
        self._reached = done, total, what

    def __enter__(self) -> Self:
        threading.Thread(target=self._write_lines, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()

    def _write_lines(self) -> None:
        wait_s = FIRST_LINE_S
        while not self._ended.wait(wait_s):
            self.write()
            wait_s = LINE_EVERY_S

    def write(self) -> None:
        """Write one line."""
        line = self._title
        if self._reached is not None:
            done, total, what = self._reached
            line = f"{line} {done:g}/{total:g} {what}"
        print_text(line, to_stderr=True)
