"""DuckDB as the record store uses it: in UTC, within stated limits."""

import logging
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from toolkit.errors import MissingExtraError, UsageError

if TYPE_CHECKING:
    import duckdb

__all__ = ["EngineLimits", "connect"]

MEMORY = re.compile(r"([1-9]\d{0,5})(MB|GB)")
MOST_THREADS = 256
MOST_GROWN_MB = 2000
"""As far as limits grow, in MB: what reading may use by default."""

Answer = TypeVar("Answer")

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineLimits:
    """What DuckDB may use.

    Parameters
    ----------
    threads : int
        1 to 256.
    memory : str
        As `400MB` or `2GB`: what it holds before it spills to disk. The process needs
        about 200 MB more.
    grows : bool
        `within` may use more where this is not enough.

    Raises
    ------
    UsageError
        Either is something else.

    Examples
    --------
    >>> EngineLimits.from_environment({"TOOLKIT_THREADS": "4"}).threads
    4
    """

    threads: int = 2
    memory: str = "2GB"
    grows: bool = False

    def __post_init__(self) -> None:
        """Check both."""
        if not 1 <= self.threads <= MOST_THREADS:
            raise UsageError(f"{self.threads} threads are outside 1 to {MOST_THREADS}")
        if not MEMORY.fullmatch(self.memory):
            raise UsageError(
                f"`{self.memory}` is no amount of memory; write it as 400MB or 2GB"
            )

    @classmethod
    def from_environment(
        cls,
        environment: Mapping[str, str],
        *,
        default: "EngineLimits | None" = None,
    ) -> "EngineLimits":
        """Read `TOOLKIT_THREADS` and `TOOLKIT_MEMORY`; what is unset is the default.

        Parameters
        ----------
        environment : mapping of str to str
            Such as `os.environ`.
        default : EngineLimits, optional
            The class's own unless given.

        Returns
        -------
        EngineLimits

        Raises
        ------
        UsageError
            As above.
        """
        default = default or cls()
        threads = environment.get("TOOLKIT_THREADS", str(default.threads))
        if not (threads.isascii() and threads.isdigit()):
            raise UsageError(f"TOOLKIT_THREADS is `{threads}`, not a number")
        return cls(
            threads=int(threads),
            memory=environment.get("TOOLKIT_MEMORY", default.memory),
        )


COMPACTING = EngineLimits(threads=1, memory="192MB", grows=True)
"""Enough for a million new rows: sorting spills to disk. Finding copies among as many that are
there takes more. One thread holds fewer buffers and uses less CPU time."""


def within(limits: EngineLimits, work: Callable[[EngineLimits], Answer]) -> Answer:
    """Do some work, again with twice the memory where it was not enough and may grow.

    Parameters
    ----------
    limits : EngineLimits
    work : callable
        Given limits; doing it again must be as good as doing it once.

    Examples
    --------
    >>> def work(limits):
    ...     if limits.memory != "768MB":
    ...         raise MemoryError("Out of Memory Error: failed to allocate")
    ...     return limits.memory
    >>> within(COMPACTING, work)
    '768MB'
    """
    while True:
        try:
            return work(limits)
        except Exception as error:
            amount, unit = MEMORY.fullmatch(limits.memory).groups()  # type: ignore[union-attr]  # checked when it was made
            more_mb = 2 * int(amount) * (1000 if unit == "GB" else 1)
            if not limits.grows or more_mb > MOST_GROWN_MB or not _lacks_memory(error):
                raise
            limits = replace(limits, memory=f"{more_mb}MB")
            logger.info("DuckDB needs more memory: again with %s", limits.memory)


def _lacks_memory(error: Exception) -> bool:
    """Tell whether it is DuckDB's error, which Arrow may pass on under another name."""
    return "Out of Memory Error" in str(error)


@contextmanager
def connect(
    limits: EngineLimits | None = None, *, scratch: Path | None = None
) -> Iterator["duckdb.DuckDBPyConnection"]:
    """Open an in-memory DuckDB that counts in UTC.

    Parameters
    ----------
    limits : EngineLimits, optional
        Read from the environment unless given.
    scratch : path, optional
        Folder for what does not fit in memory; a private temporary one unless given.
        It is removed at the end.

    Yields
    ------
    duckdb.DuckDBPyConnection

    Raises
    ------
    MissingExtraError
        DuckDB is not installed: extra `history`.
    """
    try:
        import duckdb
    except ImportError as error:
        raise MissingExtraError("the record store", "history") from error
    limits = limits or EngineLimits.from_environment(os.environ)
    with tempfile.TemporaryDirectory(prefix="toolkit-", dir=scratch) as spill:
        connection = duckdb.connect()
        try:
            connection.execute(
                f"SET TimeZone='UTC'; SET memory_limit='{limits.memory}'; "
                f"SET threads={limits.threads}; SET temp_directory={quoted(spill)}; "
                "SET autoinstall_known_extensions=false; SET enable_progress_bar=false"
            )
            yield connection
        finally:
            connection.close()


def quoted(text: str | Path) -> str:
    """Write a text as an SQL literal.

    Examples
    --------
    >>> quoted("it's")
    "'it''s'"
    """
    escaped = str(text).replace("'", "''")
    return f"'{escaped}'"
