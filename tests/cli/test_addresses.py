"""An address is honoured or refused by every command, never made a folder."""

import argparse
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.odd_commands import COMMANDS
from toolkit.capture import hook_handler
from toolkit.cli import NOUNS, build_parser, run
from toolkit.errors import UsageError
from toolkit.history import History, RecordStore

ADDRESSES = ("gs://bucket/x", "file:///x", "sqlite:///x.db", "s3://bucket/x")
NAMING = {
    name: each
    for name, each in COMMANDS.items()
    if "{" in each.words and not each.reports
}


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for inner in action.choices.values():
                yield from _actions(inner)
        else:
            yield action


def test_no_option_makes_a_path_of_whatever_it_is_given() -> None:
    plain = [
        action.option_strings or action.dest
        for action in _actions(build_parser(list(NOUNS)))
        if action.type is Path
    ]

    assert plain == []


@pytest.mark.parametrize("address", ADDRESSES)
@pytest.mark.parametrize("name", NAMING)
def test_a_command_that_is_given_addresses_ends_with_one_error_and_no_folder(
    name: str,
    address: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    for variable in [each for each in os.environ if each.startswith("AWS_")]:
        monkeypatch.delenv(variable)
    words = NAMING[name].words
    for inner in ("{store}", "{logs}", "{table}", "{out}", "{work}", "{spec}"):
        words = words.replace(inner, address)
    for placeholder in ("{map}", "{otlp}", "{spool}", "{copy}", "{tables}"):
        words = words.replace(placeholder, address)
    for placeholder in ("{bundle}", "{served}", "{folder}", "{project}"):
        words = words.replace(placeholder, address)

    code = run([*name.split(), *shlex.split(words)])

    assert code == UsageError.exit_code
    assert capsys.readouterr().err.count("toolkit: error:") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_default_store_that_is_an_address_is_not_written_as_a_folder(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TOOLKIT_STORE", "s3://bucket/x")

    assert run(["records", "import", "spool", "a.jsonl"]) == UsageError.exit_code
    assert "is an address" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_an_installed_hook_makes_no_folder_of_an_address(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, hook_handler.__file__],
        cwd=tmp_path,
        env={**os.environ, "TOOLKIT_STORE": "s3://bucket/x"},
        input="{}",
        capture_output=True,
        text=True,
        check=True,
    )

    assert "nothing recorded" in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("address", ADDRESSES)
def test_a_program_that_writes_to_an_address_is_refused(
    address: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    with pytest.raises(UsageError, match="address"):
        RecordStore(Path(address))
    with pytest.raises(UsageError, match=r"address|only read"):
        History(address).extend([])
    assert list(tmp_path.iterdir()) == []
