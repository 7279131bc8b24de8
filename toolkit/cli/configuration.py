"""The user's configuration file: a store to use, and words that stand for commands."""

import os
import shlex
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from toolkit.errors import InputDataError, UsageError

__all__ = ["Configuration", "configuration", "configuration_path", "expanded"]

KEYS = ("store", "aliases")
MAX_BYTES = 2**16


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuration:
    """What a user has configured.

    Attributes
    ----------
    store : str or None
        Where records are kept when neither `--store` nor `TOOLKIT_STORE` says.
    aliases : mapping of str to tuple of str
        Words of the command line, by the word that stands for them.
    """

    store: str | None = None
    aliases: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def configuration_path() -> Path:
    """Return where the file is looked for.

    `TOOLKIT_CONFIG`, or `workflow-toolkit/config.toml` in `XDG_CONFIG_HOME`, by default
    `~/.config`. Never the working folder: a checkout must not choose what a command does.
    """
    named = os.environ.get("TOOLKIT_CONFIG")
    if named:
        return Path(named).expanduser()
    home = os.environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "workflow-toolkit" / "config.toml"


def configuration() -> Configuration:
    """Read the user's configuration; without a file nothing is configured.

    Raises
    ------
    InputDataError
        The file cannot be read, or says something that is not known.
    """
    return _read(configuration_path())


def expanded(words: Sequence[str], known: Sequence[str]) -> list[str]:
    """Put the words of an alias in its place.

    An alias stands first and never hides a command; what follows it is kept.

    Parameters
    ----------
    words : sequence of str
        As typed.
    known : sequence of str
        Commands that there are.

    Raises
    ------
    UsageError
        An alias stands for another alias.
    """
    if not words or words[0] in known or words[0].startswith("-"):
        return list(words)
    aliases = configuration().aliases
    meant = aliases.get(words[0])
    if meant is None:
        return list(words)
    if meant[0] not in known:
        raise UsageError(
            f"alias `{words[0]}` stands for `{meant[0]}`, which is no command; "
            f"mend it in {configuration_path()}"
        )
    return [*meant, *words[1:]]


@cache
def _read(path: Path) -> Configuration:
    from toolkit.records import read_given

    try:
        text = read_given(path, max_bytes=MAX_BYTES).decode("utf-8")
    except FileNotFoundError:
        return Configuration()
    except OSError as error:
        raise InputDataError(
            f"cannot be read ({error.strerror}); mend or remove it", file=path
        ) from error
    except UnicodeDecodeError as error:
        raise InputDataError("is no text in UTF-8", file=path) from error
    try:
        given = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputDataError(f"is no TOML: {error}", file=path) from error
    return _checked(given, path)


def _checked(given: Mapping[str, Any], path: Path) -> Configuration:
    for key in given:
        if key not in KEYS:
            known = " and ".join(f"`{each}`" for each in KEYS)
            raise InputDataError(
                f"is not known; known are {known}", file=path, field=key
            )
    store = given.get("store")
    if store is not None and (not isinstance(store, str) or not store):
        raise InputDataError("must be a path", file=path, field="store", got=store)
    aliases = given.get("aliases", {})
    if not isinstance(aliases, dict):
        raise InputDataError("must be a table", file=path, field="aliases", got=aliases)
    return Configuration(
        store=store,
        aliases={name: _words(name, meant, path) for name, meant in aliases.items()},
    )


def _words(name: str, meant: Any, path: Path) -> tuple[str, ...]:
    """Split an alias as a shell would; nothing is run by a shell."""
    field_name = f"aliases.{name}"
    if not isinstance(meant, str):
        raise InputDataError(
            "must be a text of words", file=path, field=field_name, got=meant
        )
    try:
        words = tuple(shlex.split(meant))
    except ValueError as error:
        raise InputDataError(
            f"cannot be split: {error}", file=path, field=field_name
        ) from error
    if not words:
        raise InputDataError("is empty", file=path, field=field_name)
    return words
