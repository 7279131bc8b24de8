"""Readable names for hashed projects and branches, kept in the store and nowhere else.

Records hold keyed hashes. A person may name some of them; reports then show the name. Two
folders of one name (worktrees of a repository) are one project in reports.
"""

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from toolkit.errors import InputDataError, UsageError
from toolkit.escaping import is_plain
from toolkit.history.base import Dataset
from toolkit.history.dataset import LocalDataset
from toolkit.history.engine import connect
from toolkit.records import read_given, replace_file

__all__ = [
    "count_by",
    "read_aliases",
    "shown_names",
    "write_alias",
]

ALIASES_NAME = "aliases.json"
MOST_BYTES = 2**24
MOST_CHARACTERS = 100


def read_aliases(root: Path) -> dict[str, str]:
    """Read the names that a store's owner gave.

    Parameters
    ----------
    root : path
        The store.

    Returns
    -------
    dict of str to str
        By hash; empty where none was given.

    Raises
    ------
    InputDataError
        The file is damaged.
    """
    path = root / ALIASES_NAME
    try:
        found = json.loads(read_given(path, max_bytes=MOST_BYTES))
    except (FileNotFoundError, NotADirectoryError):
        return {}
    except (OSError, ValueError, RecursionError) as error:
        raise InputDataError(
            "cannot be read", file=path, fix="remove it, and name them again"
        ) from error
    named = found if isinstance(found, dict) else {}
    return {k: v for k, v in named.items() if isinstance(v, str) and is_plain(v)}


def shown_names(dataset: Dataset) -> Callable[[str | None], str]:
    """Say how reports show the projects and branches of a dataset.

    Parameters
    ----------
    dataset : Dataset
        On object storage there are no names.

    Returns
    -------
    callable
        From a hash to its name, or to itself where it has none; `unknown` for `None`.
    """
    names = (
        read_aliases(dataset.root.parent) if isinstance(dataset, LocalDataset) else {}
    )

    def shown(hashed: str | None) -> str:
        return "unknown" if hashed is None else names.get(hashed, hashed)

    return shown


def write_alias(root: Path, hashed: str, name: str | None) -> None:
    """Give a hash a name, or take it away.

    Parameters
    ----------
    root : path
        The store.
    hashed : str
        As records hold it.
    name : str or None
        1 to 100 printable characters; `None` removes it.

    Raises
    ------
    UsageError
        The name is none.
    InputDataError
        What was written before is damaged.
    """
    if name is not None and not (0 < len(name) <= MOST_CHARACTERS and is_plain(name)):
        raise UsageError(
            f"a name has 1 to {MOST_CHARACTERS} printable characters, got {len(name)}"
        )
    names = read_aliases(root)
    names.pop(hashed, None)
    if name is not None:
        names[hashed] = name
    text = json.dumps(names, indent=1, sort_keys=True) + "\n"
    replace_file(root / ALIASES_NAME, text.encode())


def count_by(dataset: Dataset, column: str) -> dict[str, int]:
    """Count the turns and batches of a store by a property.

    Parameters
    ----------
    dataset : Dataset
    column : {"project", "branch"}

    Returns
    -------
    dict of str to int
        By hash, most frequent first.
    """
    counts: Counter[str] = Counter()
    with dataset.snapshot() as snapshot, connect() as connection:
        for kind in ("turn", "batch"):
            view = snapshot.attach(connection, kind)
            rows = connection.execute(
                f'SELECT "{column}", count(*) FROM {view} '  # noqa: S608 - names of ours
                f'WHERE "{column}" IS NOT NULL GROUP BY 1'
            )
            counts.update({str(name): int(n) for name, n in rows.fetchall()})
    return dict(counts.most_common())
