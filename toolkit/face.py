"""Loads the public names of a room when they are first asked for.

The names of a room stand once, in its `__init__.pyi`, a line each::

    from .store import RecordStore as RecordStore

Type checkers read that file as it is; at run time `lazy_face` reads it when the first
name is asked for. So a room can offer light and heavy names side by side, rooms cannot
form import cycles, and an installed hook, which runs without site-packages and pays for
every import at each tool call, needs the standard library alone.
"""

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

__all__ = ["lazy_face"]


def lazy_face(
    package: str, file: str
) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """Make the `__getattr__` and `__dir__` of a room (PEP 562).

    Parameters
    ----------
    package : str
        `__name__` of the room.
    file : str
        `__file__` of the room; the stub lies beside it.

    Returns
    -------
    tuple of (callable, callable)
        `__getattr__`, which also answers `__all__`, and `__dir__`.

    Examples
    --------
    >>> import toolkit.stats
    >>> "RollingQuantile" in toolkit.stats.__all__
    True
    """
    homes: dict[str, str] = {}

    def read_homes() -> dict[str, str]:
        if not homes:
            homes.update(_homes(f"{file.rpartition('.')[0]}.pyi"))
        return homes

    def get(name: str) -> Any:
        if name == "__all__":
            return sorted(read_homes())
        home = None if name.startswith("__") else read_homes().get(name)
        if home is None:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        # Not kept here: what replaces the name in its module is seen by everyone.
        return getattr(import_module(f"{package}.{home}"), name)

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *read_homes()})

    return get, names


def _homes(stub: str) -> dict[str, str]:
    """Map each name of a stub to the module that defines it."""
    homes = {}
    with open(stub, encoding="utf-8") as lines:  # noqa: PTH123 - to load pathlib takes longer than the rest of `import toolkit`
        for line in lines:
            words = line.split()
            if words[:1] == ["from"]:
                homes[words[3]] = words[1].removeprefix(".")
    return homes
