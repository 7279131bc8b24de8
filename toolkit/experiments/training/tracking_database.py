"""The folder's `mlflow.db`: its address, its first opening, and its move elsewhere."""

import fcntl
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from toolkit.errors import UsageError, naming
from toolkit.experiments.training.tracking_elsewhere import given_address, is_server
from toolkit.records import ensure_file, make_directory

__all__ = ["opening", "tracking_address"]

NAME = "mlflow.db"
LOCK_NAME = ".mlflow.lock"
WAIT_S = 60
"""How long a statement waits for another process's; a run's last write is short."""

MISREAD = re.compile(r"\?|%[0-9A-Fa-f]{2}")
"""What an address takes for something else than part of a path."""

PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Where the database holds absolute addresses of artifacts."""


def tracking_address(folder: Path) -> str:
    """Write where a folder's runs are tracked, as MLflow reads it.

    That is what `MLFLOW_TRACKING_URI` names, or the folder's own database.

    Parameters
    ----------
    folder : path

    Returns
    -------
    str
        The address of an MLflow server or database.

    Raises
    ------
    UsageError
        The path holds what would be read as something else: the database would lie in
        another folder.

    Examples
    --------
    >>> tracking_address(Path("/data/work"))
    'sqlite:////data/work/mlflow.db?timeout=60'
    """
    elsewhere = given_address()
    if elsewhere is not None:
        return elsewhere
    path = (folder / NAME).resolve()
    found = MISREAD.search(str(path))
    if found is not None:
        raise UsageError(
            f"`{folder}` cannot hold an experiment: MLflow misreads `{found.group()}` "
            "in the path of its database; give another `--work`"
        )
    return f"sqlite:///{path}?timeout={WAIT_S}"


@contextmanager
def opening(folder: Path) -> Iterator[Path]:
    """Hold a folder's database while it is made, migrated or moved.

    Two first runs at once would otherwise both make its tables. A database that was
    moved with its folder gets the new place of its artifacts. What is made is as private
    as a store, whatever the process's umask.

    Yields
    ------
    path
        Of the artifacts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    artifacts = (folder / "artifacts").resolve()
    given = given_address()
    if given is None or not is_server(given):
        make_directory(artifacts)
    ensure_file(folder / LOCK_NAME)
    with (
        (folder / LOCK_NAME).open("w") as lock,
        naming(folder / NAME),
    ):
        fcntl.flock(lock, fcntl.LOCK_EX)
        if (folder / NAME).exists():
            _relocate(folder / NAME, artifacts)
        elif given is None:
            ensure_file(folder / NAME)
        yield artifacts


def _relocate(database: Path, artifacts: Path) -> None:
    """Let every address in the database begin where the artifacts are now."""
    now = artifacts.as_uri()
    with closing(sqlite3.connect(database, timeout=WAIT_S)) as opened, opened:
        tables = {
            row[0]
            for row in opened.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table'"
            )
        }
        if "experiments" not in tables:
            return
        rows = opened.execute(
            "SELECT DISTINCT artifact_location FROM experiments"
        ).fetchall()
        for (before,) in rows:
            if before and before != now and str(before).endswith("/artifacts"):
                _replace(opened, tables, str(before), now)


def _replace(
    opened: sqlite3.Connection, tables: set[str], before: str, now: str
) -> None:
    for table, column in PLACES:
        if table in tables:
            opened.execute(
                f"UPDATE {table} SET {column} = ? || substr({column}, ?) "  # noqa: S608 - names of this module
                f"WHERE {column} = ? OR {column} LIKE ? || '/%'",
                [now, len(before) + 1, before, before],
            )
