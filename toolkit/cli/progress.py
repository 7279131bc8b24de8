"""Progress on stderr: a bar on a terminal, a line now and then elsewhere."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol

from toolkit.cli.output import print_text
from toolkit.escaping import printable

__all__ = ["Progress", "progress"]

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
        yield _Lines(title)


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
    def __init__(self, title: str) -> None:
        self._title = title
        self._last_s = time.monotonic()

    def __call__(self, done: float, total: float, what: str = "") -> None:
        now_s = time.monotonic()
        if now_s - self._last_s >= LINE_EVERY_S:
            self._last_s = now_s
            print_text(f"{self._title} {done:g}/{total:g} {what}", to_stderr=True)
