"""Errors of the system and of libraries end a command with one line, never a traceback."""

import errno
import os
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from toolkit import cli
from toolkit.cli.translation import translated
from toolkit.errors import InputDataError, naming


class MlflowException(Exception):  # noqa: N818 - the library's own name
    __module__ = "mlflow.exceptions"


OTHERS: list[tuple[Exception, str]] = [
    (sqlite3.DatabaseError("file is not a database"), "not a SQLite database"),
    (sqlite3.OperationalError("database is locked"), "another program"),
    (
        MlflowException("Detected out-of-date database schema (found version f)"),
        "another version of MLflow",
    ),
    (
        sqlite3.OperationalError("attempt to write a readonly database"),
        "cannot be written",
    ),
    (sqlite3.OperationalError("database or disk is full"), "no space"),
    (MlflowException("something new\nand its background"), "mlflow says: something"),
]


@pytest.mark.parametrize(
    ("missing", "extra"), [("sklearn", "research"), ("onnx.helper", "bundle")]
)
def test_a_library_that_is_not_installed_names_its_extra(
    missing: str, extra: str
) -> None:
    known = translated(ModuleNotFoundError("no module", name=missing))

    assert known is not None
    assert known.exit_code == 2
    assert str(known).endswith(f"install workflow-toolkit[{extra}]")
    assert translated(ModuleNotFoundError("no module", name="toolkit.odd")) is None


@pytest.mark.parametrize(("error", "said"), OTHERS)
def test_a_library_s_error_names_the_file_and_says_what_to_do(
    error: Exception, said: str
) -> None:
    with pytest.raises(type(error)) as caught, naming("work/mlflow.db"):
        raise error
    found = translated(caught.value)

    assert isinstance(found, InputDataError)
    assert str(found).startswith("work/mlflow.db: ")
    assert said in str(found)
    assert "background" not in str(found)


@pytest.mark.parametrize(
    ("number", "said"),
    [
        (errno.EACCES, "not allowed"),
        (errno.EROFS, "not allowed"),
        (errno.ENOSPC, "no space"),
        (errno.EFBIG, "no space"),
        (errno.ENOTDIR, "Not a directory"),
    ],
)
def test_an_error_of_the_system_names_the_path(number: int, said: str) -> None:
    found = translated(OSError(number, os.strerror(number), "/data/x"))

    assert found is not None
    assert str(found).startswith("/data/x: ")
    assert said in str(found)


def test_an_error_of_our_own_code_stays_what_it_is() -> None:
    assert translated(KeyError("x")) is None
    with pytest.raises(InputDataError) as caught, naming("x"):
        raise InputDataError("of ours", file="y")
    assert not hasattr(caught.value, "__notes__")


def test_a_command_ends_with_the_line(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fails(_: Any) -> int:
        raise PermissionError(errno.EACCES, "Permission denied", str(tmp_path))

    class Options:
        command = staticmethod(fails)

    monkeypatch.setattr(
        cli, "build_parser", lambda _: type("P", (), {"parse_args": lambda *_: Options})
    )
    monkeypatch.setattr(cli, "_write_no_more", lambda: None)

    assert cli.run([]) == 3
    assert capsys.readouterr().err.count("\n") == 1
