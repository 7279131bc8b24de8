"""Imports a framework, or a stand-in that says which extra installs it."""

import importlib
from typing import Any

from toolkit.errors import MissingExtraError

__all__ = ["framework"]


def framework(module: str, extra: str) -> Any:
    """Import a module of a framework.

    Parameters
    ----------
    module : str
    extra : str
        Extra of this package that installs it.

    Returns
    -------
    module
        Where it is not installed, a stand-in: its names can be subclassed, and raise
        `MissingExtraError` when they are called.

    Examples
    --------
    >>> missing = framework("no_such_framework", "none")
    >>> class Handler(missing.Base):
    ...     pass
    >>> Handler()
    Traceback (most recent call last):
        ...
    toolkit.errors.MissingExtraError: ...
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        return _Missing(extra, error)


class _Missing:
    """Any name of a framework that is not installed."""

    def __init__(self, extra: str, error: ImportError) -> None:
        self.extra = extra
        self.error = error

    def __getattr__(self, name: str) -> "_Missing":
        if name.startswith("__"):
            raise AttributeError(name)
        return self

    def __call__(self, *given: Any, **named: Any) -> Any:
        del given, named
        raise MissingExtraError(f"the {self.extra} adapter", self.extra) from self.error

    def __mro_entries__(self, bases: tuple[Any, ...]) -> tuple[type]:
        del bases

        def refuse(*given: Any, **named: Any) -> None:
            self(*given, **named)

        return (type("Missing", (), {"__init__": refuse}),)
