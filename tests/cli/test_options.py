"""Options that several commands share: one spelling, one default, one help text."""

import argparse
import re
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from toolkit.cli import NOUNS, build_parser
from toolkit.cli.default_store import default_store
from toolkit.cli.recommend.workflow import add_verb

OWN_STORE = {
    "records simulate": "made up: kept apart from what was recorded",
    "heal demo": "made up: shown, and kept where asked",
    "hooks": "a project's, for its own hooks",
    "experiment run": "the specification's",
    "experiment tune": "the specification's",
    "recommend workflow": "answers without one too",
}
"""Commands, or nouns of them, that have no default store, and whose store it is."""

STREAMS = {"monitor", "heal watch"}
"""Commands that print an object a line while they run."""


TEXTS = {"completion", "model card"}
"""Commands that print a script and a page."""


def commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    """List every command that can be run, by its words."""
    below = [
        action.choices
        for action in parser._actions
        if isinstance(action, argparse._SubParsersAction)
    ]
    if not below:
        yield " ".join(words), parser
    for choices in below:
        for word, each in choices.items():
            yield from commands(each, (*words, word))


@pytest.fixture(scope="module")
def options() -> dict[str, dict[str, argparse.Action]]:
    """Options by name, then by command."""
    found: dict[str, dict[str, argparse.Action]] = defaultdict(dict)
    for command, parser in commands(build_parser(list(NOUNS))):
        for action in parser._actions:
            for name in action.option_strings:
                found[name][command] = action
    return found


def test_a_store_is_asked_for_in_one_way(
    options: dict[str, dict[str, argparse.Action]],
) -> None:
    shown = {
        "where records are kept (default: ": "DIR",
        "where records are kept, a folder or s3://BUCKET/PREFIX (default: ": "STORE",
    }
    for command, action in options["--store"].items():
        (begin,) = (b for b in shown if str(action.help).startswith(b))
        assert (action.metavar, action.required) == (shown[begin], False), command
        own = OWN_STORE.keys() & {command, command.partition(" ")[0]}
        if not own:
            assert action.default == default_store(), command
            assert action.help == f"{begin}%(default)s)", command
        elif command != "recommend workflow":
            assert action.default in (None, ".toolkit"), command


@pytest.mark.parametrize("name", ["--seed", "--json"])
def test_an_option_is_the_same_everywhere(
    options: dict[str, dict[str, argparse.Action]], name: str
) -> None:
    same = {
        (action.help, action.default, action.metavar, type(action), action.type)
        for command, action in options[name].items()
        if not (name == "--json" and command in STREAMS)
    }

    assert len(options[name]) > 5
    assert len(same) == 1, same


def test_what_streams_says_what_a_line_holds(
    options: dict[str, dict[str, argparse.Action]],
) -> None:
    for command in STREAMS:
        assert str(options["--json"][command].help).startswith("print JSON lines: ")


def test_every_command_that_prints_a_result_prints_json(
    options: dict[str, dict[str, argparse.Action]],
) -> None:
    every = {command for command, _ in commands(build_parser(list(NOUNS)))}

    assert every - options["--json"].keys() == TEXTS


def test_an_option_is_spelled_in_one_way(
    options: dict[str, dict[str, argparse.Action]],
) -> None:
    names = {name for name in options if name.startswith("--")}

    assert all(re.fullmatch(r"--[a-z0-9]+(-[a-z0-9]+)*", name) for name in names)


def test_a_default_is_written_in_one_way(
    options: dict[str, dict[str, argparse.Action]],
) -> None:
    wrong = [
        f"{command} {name}"
        for name, by_command in options.items()
        for command, action in by_command.items()
        if re.search(r"\(default(?!: |\))", str(action.help))
    ]

    assert wrong == []


def test_the_name_of_the_default_store_may_hold_a_percent_sign(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TOOLKIT_STORE", str(tmp_path / "100%"))
    parser = argparse.ArgumentParser()
    add_verb(parser.add_subparsers())

    (found,) = (each for words, each in commands(parser) if words == "workflow")

    assert "100%, where there is one" in " ".join(found.format_help().split())
