"""A team's own tools and commands: which operation type each is, by a file in the store.

::

    # STORE/operations.toml
    [tools]  # of every agent
    acme_deploy = "deploy"  # a type of your own
    acme_view = "fileOperations read"

    [tools.codex]  # of one agent, in front of the others
    acme_view = "web read"

    [commands]  # first word of a shell command
    bazel = "build"

The word `read` says that calls of it change nothing, so that they may run side by side.
"""

import re
import tomllib
from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from typing import Any, NamedTuple

from toolkit.errors import InputDataError
from toolkit.records import read_given

__all__ = ["FILE_NAME", "OwnOperation", "OwnOperations", "read_own_operations"]

FILE_NAME = "operations.toml"
MOST_BYTES = 2**20
_WRITTEN = re.compile(r"([A-Za-z][A-Za-z0-9]{0,39})( read)?")


class OwnOperation(NamedTuple):
    """What a tool or a command is.

    Attributes
    ----------
    operation_type : str
    reads : bool
        It changes nothing.
    """

    operation_type: str
    reads: bool


class OwnOperations(NamedTuple):
    """What a team says of its tools and commands.

    Attributes
    ----------
    tools, commands : mapping of str to OwnOperation
        By the name of a tool, and by the first word of a shell command.
    digest : str
        Another one where the file changed.
    """

    tools: Mapping[str, OwnOperation]
    commands: Mapping[str, OwnOperation]
    digest: str

    def find(self, tool: str, word: str | None = None) -> OwnOperation | None:
        """Find what a call is; `None` where the file does not say."""
        found = self.tools.get(tool)
        return self.commands.get(word or "") if found is None else found


def read_own_operations(root: Path, source: str) -> OwnOperations | None:
    """Read the file of a store.

    Parameters
    ----------
    root : path
        The store.
    source : str
        Name of the importer: its section comes first.

    Returns
    -------
    OwnOperations or None
        `None` without the file.

    Raises
    ------
    InputDataError
        It is no TOML, or holds something else than names and operation types.
    """
    path = root / FILE_NAME
    try:
        data = read_given(path, max_bytes=MOST_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise InputDataError("cannot be read", file=path) from error
    try:
        document = tomllib.loads(data.decode())
    except ValueError as error:
        raise InputDataError(f"not readable TOML: {error}", file=path) from error
    if unknown := sorted(set(document) - {"tools", "commands"}):
        raise InputDataError(
            "not a section",
            field=unknown[0],
            file=path,
            fix="write [tools] or [commands]",
        )
    tools = _table(document.get("tools", {}), "tools", path)
    own = _table(tools.get(source, {}), f"tools.{source}", path)
    every = {k: v for k, v in tools.items() if not isinstance(v, dict)}
    commands = _table(document.get("commands", {}), "commands", path)
    return OwnOperations(
        {
            **{k: _read(v, f"tools.{k}", path) for k, v in every.items()},
            **{k: _read(v, f"tools.{source}.{k}", path) for k, v in own.items()},
        },
        {k: _read(v, f"commands.{k}", path) for k, v in commands.items()},
        blake2b(data, digest_size=8).hexdigest(),
    )


def _table(value: Any, name: str, path: Path) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InputDataError("not a section", field=name, file=path)
    return value


def _read(value: object, name: str, path: Path) -> OwnOperation:
    found = _WRITTEN.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        raise InputDataError(
            "not an operation type",
            field=name,
            got=value,
            file=path,
            fix='write letters and digits, as "shell", or with ` read` behind them',
        )
    return OwnOperation(found[1], found[2] is not None)
