"""Every error the toolkit raises, and the exit code each one ends a command with.

::

    ToolkitError                     1  unexpected
    ├── UsageError (ValueError)      2  the call's words are off
    ├── InputDataError (ValueError)  3  a file, line or field cannot be read
    │   ├── SchemaError              3  a record breaks the schema
    │   └── ManyProblemsError        3  a file has several problems, all of them named
    ├── MissingExtraError (ImportError)  2  the command needs an extra that is not installed
    ├── GateRefusedError             4  a promotion or export gate said no
    ├── NotEnoughDataError (LookupError)  5  the honest answer is "not enough data"
    ├── DriftError                   6  the world has changed since training
    ├── StorageError (OSError)       3  a disk is full, or a folder is not ours to write
    └── BundleRefusedError (ValueError)   7  an exported model may not be loaded

A message says what was wrong, what was got, and what to do. The values are attributes
too, so that a caller need not parse sentences.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import ClassVar

__all__ = [
    "BundleRefusedError",
    "DriftError",
    "GateRefusedError",
    "InputDataError",
    "ManyProblemsError",
    "MissingExtraError",
    "NotEnoughDataError",
    "SchemaError",
    "StorageError",
    "ToolkitError",
    "UsageError",
    "naming",
]

FILE_NOTE = "file: "
"""How a note of an error begins that names its file."""


class ToolkitError(Exception):
    """Base of every error the toolkit raises on purpose.

    Attributes
    ----------
    exit_code : int
        What the command line ends with when this error reaches it.
    """

    exit_code: ClassVar[int] = 1


class UsageError(ToolkitError, ValueError):
    """An argument is outside what a call accepts.

    Examples
    --------
    >>> error = UsageError.unknown("operation type", "todo", ["shell", "todoWrite"])
    >>> print(error)
    unknown operation type `todo`; known are `shell`, `todoWrite`. Did you mean `todoWrite`?
    """

    exit_code: ClassVar[int] = 2

    @classmethod
    def unknown(cls, what: str, got: str, known: list[str]) -> "UsageError":
        """Name something unknown beside the nearest known thing."""
        from difflib import get_close_matches

        lowered = {name.lower(): name for name in known}
        near = get_close_matches(got.lower(), list(lowered), n=1, cutoff=0.5)
        hint = f". Did you mean `{lowered[near[0]]}`?" if near else "."
        listed = ", ".join(f"`{name}`" for name in known)
        return cls(f"unknown {what} `{got}`; known are {listed}{hint}")


class InputDataError(ToolkitError, ValueError):
    """A file, line or field that cannot be read.

    Parameters
    ----------
    problem : str
        What was wrong.
    file : path, optional
        Where.
    line : int, optional
        1-based line of the file.
    field : str, optional
        Name of the offending field.
    got : object, optional
        The offending value; shown shortened.
    fix : str, optional
        What to do about it.

    Examples
    --------
    >>> print(
    ...     InputDataError(
    ...         "not a number",
    ...         file="a.csv",
    ...         line=3,
    ...         field="size",
    ...         got="x",
    ...         fix="write 3",
    ...     )
    ... )
    a.csv:3: field `size`: not a number (got 'x'); write 3
    """

    exit_code: ClassVar[int] = 3

    def __init__(
        self,
        problem: str,
        *,
        file: Path | str | None = None,
        line: int | None = None,
        field: str | None = None,
        got: object = None,
        fix: str | None = None,
    ) -> None:
        self.problem = problem
        self.file = file
        self.line = line
        self.field = field
        self.got = got
        self.fix = fix
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        place = "" if self.file is None else str(self.file)
        if self.line is not None:
            place = f"{place}:{self.line}"
        parts = [place] if place else []
        if self.field is not None:
            parts.append(f"field `{self.field}`")
        got = "" if self.got is None else f" (got {shortened(self.got)})"
        fix = "" if self.fix is None else f"; {self.fix}"
        return ": ".join([*parts, f"{self.problem}{got}{fix}"])


class ManyProblemsError(InputDataError):
    """A file with several problems, all of them named.

    Parameters
    ----------
    problems : sequence of InputDataError
        At least one; the fields of the first are the error's own.

    Examples
    --------
    >>> wrong = [InputDataError("missing", field=name) for name in ("at", "size")]
    >>> print(ManyProblemsError(wrong))
    2 problems:
      field `at`: missing
      field `size`: missing
    """

    def __init__(self, problems: Sequence[InputDataError]) -> None:
        self.problems = tuple(problems)
        first = self.problems[0]
        super().__init__(
            first.problem,
            file=first.file,
            line=first.line,
            field=first.field,
            got=first.got,
            fix=first.fix,
        )

    def _sentence(self) -> str:
        listed = "".join(f"\n  {problem}" for problem in self.problems)
        return f"{len(self.problems)} problems:{listed}"

    @staticmethod
    def of(problems: Sequence[InputDataError]) -> InputDataError:
        """Give the only problem as it is, and several as one error.

        Parameters
        ----------
        problems : sequence of InputDataError

        Returns
        -------
        InputDataError
        """
        return problems[0] if len(problems) == 1 else ManyProblemsError(problems)


class SchemaError(InputDataError):
    """A record that breaks the schema of its kind."""


class StorageError(ToolkitError, OSError):
    """What must be kept could not be written; nothing of it was acknowledged.

    Parameters
    ----------
    path : path
        What was written to.
    error : OSError
        What the system said.

    Examples
    --------
    >>> print(StorageError("store/spool", OSError(28, "No space left on device")))
    store/spool cannot be written: No space left on device; make room, or check its permissions
    """

    exit_code: ClassVar[int] = 3

    def __init__(self, path: Path | str, error: OSError) -> None:
        self.path = path
        super().__init__(
            f"{path} cannot be written: {error.strerror or error}; "
            "make room, or check its permissions"
        )


class MissingExtraError(ToolkitError, ImportError):
    """A command needs an optional dependency that is not installed.

    Examples
    --------
    >>> print(MissingExtraError("`toolkit features build`", "research"))
    `toolkit features build` needs the `research` extra; install workflow-toolkit[research]
    """

    exit_code: ClassVar[int] = 2

    def __init__(self, what: str, extra: str) -> None:
        self.what = what
        self.extra = extra
        super().__init__(
            f"{what} needs the `{extra}` extra; install workflow-toolkit[{extra}]"
        )


class GateRefusedError(ToolkitError):
    """A gate (promotion, export, install) looked and said no."""

    exit_code: ClassVar[int] = 4


class NotEnoughDataError(ToolkitError, LookupError):
    """The data at hand cannot answer the question.

    Parameters
    ----------
    question : str
        What was asked.
    got : int
        How many rows, groups or observations there were.
    needed : int
        How many there must be.
    unit : str
        What was counted.

    Examples
    --------
    >>> print(
    ...     NotEnoughDataError("a batch-size model", got=3, needed=40, unit="batches")
    ... )
    not enough data for a batch-size model: 3 batches, at least 40 needed
    """

    exit_code: ClassVar[int] = 5

    def __init__(self, question: str, *, got: int, needed: int, unit: str) -> None:
        self.question = question
        self.got = got
        self.needed = needed
        self.unit = unit
        super().__init__(
            f"not enough data for {question}: {got} {unit}, at least {needed} needed"
        )


class DriftError(ToolkitError):
    """What is observed no longer looks like what the model was trained on."""

    exit_code: ClassVar[int] = 6


class BundleRefusedError(ToolkitError, ValueError):
    """An exported model failed a check and must not be loaded.

    Parameters
    ----------
    reason : str
        Which check failed and how.
    path : path
        The bundle.
    """

    exit_code: ClassVar[int] = 7

    def __init__(self, reason: str, *, path: Path | str) -> None:
        self.reason = reason
        self.path = path
        super().__init__(
            f"bundle {path} refused: {reason}; the rule answers until it is exported again"
        )


@contextmanager
def naming(path: Path | str) -> Iterator[None]:
    """Have an error of another library name the file that it is about.

    The command line shows the name; see `toolkit.cli.translation`.

    Parameters
    ----------
    path : path
    """
    try:
        yield
    except Exception as error:
        if not isinstance(error, ToolkitError):
            error.add_note(f"{FILE_NOTE}{path}")
        raise


def shortened(value: object, limit: int = 60) -> str:
    """Show a value in at most `limit` characters.

    Examples
    --------
    >>> shortened("x" * 100, limit=10)
    "'xxxxxx..."
    """
    shown = repr(value)
    return shown if len(shown) <= limit else f"{shown[: limit - 3]}..."
