"""An experiment's folder: what is read from its `spec.toml` and kept in `results.json`."""

import json
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from toolkit.errors import InputDataError
from toolkit.records import read_given

__all__ = ["read_spec_file", "write_results"]

Spec = TypeVar("Spec")


def read_spec_file(
    path: Path, build: Callable[[dict[str, Any]], Spec], *, what: str, example: str
) -> Spec:
    """Build a specification from a file.

    Parameters
    ----------
    path : path
        TOML.
    build : callable
        Makes the specification of the file's content; a field that is missing or not
        known is a `KeyError` or `TypeError`.
    what : str
        What the file should be, for the error.
    example : str
        Where to find one that is right.

    Returns
    -------
    object
        What `build` made.

    Raises
    ------
    InputDataError
        Not readable, or with a field that is missing or not known.
    """
    try:
        return build(tomllib.loads(read_given(path).decode("utf-8")))
    except (
        OSError,
        UnicodeDecodeError,
        tomllib.TOMLDecodeError,
        KeyError,
        TypeError,
    ) as error:
        raise InputDataError(
            f"not a specification of {what}: {error}", file=path, fix=f"see {example}"
        ) from error


def write_results(path: Path, results: Mapping[str, Any]) -> None:
    """Write results as a whole or not at all.

    Parameters
    ----------
    path : path
        Its folder is made where it is missing.
    results : mapping
        JSON types.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    draft = path.with_suffix(".tmp")
    draft.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    draft.replace(path)
