"""Errors of the system and of other libraries, as one line with what to do about it.

This is the one place where they are translated. Libraries are known by the module that
their errors come from, so that none has to be imported to recognise its errors.
"""

import errno
import re
import sqlite3

from toolkit.errors import FILE_NOTE, InputDataError, MissingExtraError, ToolkitError

__all__ = ["translated"]

NO_SPACE = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
NOT_ALLOWED = {errno.EACCES, errno.EPERM, errno.EROFS}

LIBRARIES = frozenset(
    {
        "alembic",
        "duckdb",
        "mlflow",
        "optuna",
        "py4j",
        "pyarrow",
        "pyspark",
        "sqlalchemy",
        "sqlite3",
    }
)
"""Libraries that stand between us and a file; what they raise is about that file."""

KNOWN: tuple[tuple[str, str, str], ...] = (
    (
        "file is not a database|malformed",
        "not a SQLite database, or a damaged one",
        "move it away or restore it, and run again",
    ),
    (
        "database is locked|Could not set lock|Conflicting lock",
        "locked by another program",
        "wait until that one is done, and run again",
    ),
    (
        "out-of-date database schema|Can't locate revision",
        "written by another version of MLflow",
        "upgrade a copy of it with `mlflow db upgrade`, or give another folder",
    ),
    (
        "readonly database|read-only|unable to open database file|Permission denied",
        "cannot be written",
        "check its owner, its mode and its folder",
    ),
    (
        "Out of Memory Error",
        "DuckDB needs more memory than it may use",
        "set TOOLKIT_MEMORY to more, as 4GB, or `--memory` of `records compact`",
    ),
    (
        "disk I/O error",
        "the disk is full, or gives errors",
        "look at its space and its health, and run again: what was acknowledged is kept",
    ),
    (
        "database or disk is full|No space left",
        "no space is left for it",
        "free some, and run again: what was acknowledged is kept",
    ),
)
"""What a library's message holds, what is wrong, and what to do."""


EXTRAS = {
    "duckdb": "history",
    "matplotlib": "report",
    "msgspec": "history",
    "onnx": "bundle",
    "onnxruntime": "bundle",
    "orjson": "history",
    "pydantic": "history",
    **dict.fromkeys(
        (
            "ibis",
            "mlflow",
            "optuna",
            "pandas",
            "pyarrow",
            "scipy",
            "skl2onnx",
            "sklearn",
        ),
        "research",
    ),
}
"""The extra that brings a library, by the name it is imported by."""


def translated(error: BaseException) -> ToolkitError | None:
    """Turn an error into one of ours.

    Parameters
    ----------
    error : BaseException

    Returns
    -------
    ToolkitError or None
        `None` for an error that only a programmer can do something about.

    Examples
    --------
    >>> print(translated(OSError(errno.ENOSPC, "No space left on device", "/data/x")))
    /data/x: no space is left for it; free some, and run again: what was acknowledged is kept
    >>> translated(KeyError("a")) is None
    True
    """
    if isinstance(error, OSError):
        return _of_the_system(error)
    if isinstance(error, ModuleNotFoundError):
        extra = EXTRAS.get((error.name or "").partition(".")[0])
        return None if extra is None else MissingExtraError("this command", extra)
    if isinstance(error, sqlite3.Error) or _library(error) in LIBRARIES:
        return _of_a_library(error)
    return None


def _library(error: BaseException) -> str:
    return type(error).__module__.split(".", 1)[0].lstrip("_")


def _of_the_system(error: OSError) -> InputDataError:
    file = error.filename if isinstance(error.filename, str) else _file(error)
    if error.errno in NO_SPACE:
        problem, fix = KNOWN[-1][1:]
        return InputDataError(problem, file=file, fix=fix)
    if error.errno in NOT_ALLOWED:
        return InputDataError(
            f"not allowed: {error.strerror}",
            file=file,
            fix="check its owner and its mode, or give another place",
        )
    return InputDataError(
        error.strerror or str(error) or type(error).__name__,
        file=file,
        fix="give another place",
    )


def _of_a_library(error: BaseException) -> InputDataError:
    text = " ".join(str(error).split())
    for pattern, problem, fix in KNOWN:
        if re.search(pattern, text):
            return InputDataError(problem, file=_file(error), fix=fix)
    line = str(error).strip().split("\n", 1)[0][:200]
    return InputDataError(f"{_library(error)} says: {line}", file=_file(error))


def _file(error: BaseException) -> str | None:
    """Find the file that an error, or one that it came of, was given as a note."""
    seen: BaseException | None = error
    while seen is not None:
        for note in getattr(seen, "__notes__", ()):
            if note.startswith(FILE_NOTE):
                return str(note.removeprefix(FILE_NOTE))
        seen = seen.__cause__ or seen.__context__
    return None
