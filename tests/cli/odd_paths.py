"""Every path that a command is given, each exchanged for what has no end.

The parser is asked for them, so that a new option is tried without an entry here.
"""

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from toolkit.cli import NOUNS, build_parser
from toolkit.cli.places import any_store, local

__all__ = ["ENDLESS", "commands", "given_paths", "words_with"]


def commands() -> Iterator[str]:
    """List every command of the parser."""
    yield from (name for name, _ in _parsers())


def given_paths() -> Iterator[tuple[str, str]]:
    """List every command with each option and argument of it that is a path."""
    for name, parser in _parsers():
        for action in parser._actions:
            if action.type in (any_store, local):
                yield name, _place(action)


def words_with(name: str, place: str, given: Path, words: Sequence[str]) -> list[str]:
    """Put a path into one place of a command.

    Parameters
    ----------
    name : str
        Of the command.
    place : str
        An option of it, or the name of an argument without one.
    given : path
    words : sequence of str
        The command as it is called.
    """
    parser = dict(_parsers())[name]
    if place.startswith("-"):
        return [*_without_rivals(words, place, parser), place, str(given)]
    before = [_place(a) for a in parser._actions if not a.option_strings]
    number = before.index(place)
    begin = len(name.split())
    free = [
        n
        for n in range(begin, len(words))
        if not words[n].startswith("-") and not _is_value(words[n - 1], parser)
    ]
    if number < len(free):
        return [*words[: free[number]], str(given), *words[free[number] + 1 :]]
    return [*words, str(given)]


def _without_rivals(
    words: Sequence[str], place: str, parser: argparse.ArgumentParser
) -> Iterator[str]:
    """Leave out the options that may not stand beside another."""
    rivals = {
        word: action
        for group in parser._mutually_exclusive_groups
        if any(place in action.option_strings for action in group._group_actions)
        for action in group._group_actions
        for word in action.option_strings
    }
    skipped = False
    for word in words:
        if word not in rivals and not skipped:
            yield word
        skipped = word in rivals and rivals[word].nargs != 0


def _is_value(before: str, parser: argparse.ArgumentParser) -> bool:
    """Check whether a word is an option that has a value."""
    return any(
        before in action.option_strings and action.nargs != 0
        for action in parser._actions
    )


def _parsers() -> Iterator[tuple[str, argparse.ArgumentParser]]:
    for noun in NOUNS:
        parser = build_parser([noun])
        (action,) = (a for a in parser._actions if _is_choice(a))
        yield from _leaves(action.choices[noun], noun)  # type: ignore[index]  # argparse's own


def _leaves(
    parser: argparse.ArgumentParser, name: str
) -> Iterator[tuple[str, argparse.ArgumentParser]]:
    below = [action for action in parser._actions if _is_choice(action)]
    if not below or not all(action.required for action in below):
        yield name, parser  # some are called with a verb or without
    for action in below:
        for word, child in action.choices.items():  # type: ignore[union-attr]  # argparse's own
            yield from _leaves(child, f"{name} {word}")


def _is_choice(action: argparse.Action) -> bool:
    return isinstance(action, argparse._SubParsersAction)


def _place(action: argparse.Action) -> str:
    return action.option_strings[-1] if action.option_strings else action.dest


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _pipe_in_a_folder(path: Path) -> None:
    path.mkdir()
    for name in INSIDE:
        os.mkfifo(path / name)


INSIDE = (
    *("manifest.json", "seal.json", "model.onnx", "golden.json", "advice.json"),
    *("spec.toml", "results.json", "report.md", "key", "store.json", "index.sqlite"),
    *("generation.json", "table.csv", "state.json", "mlflow.db", "session.jsonl"),
)
"""Names that commands look for in a folder."""

ENDLESS: dict[str, Callable[[Path], None]] = {
    "a pipe": os.mkfifo,
    "a device": _device,
    "a folder of pipes": _pipe_in_a_folder,
}
"""What never ends when it is read, by name; each makes itself at a path."""
