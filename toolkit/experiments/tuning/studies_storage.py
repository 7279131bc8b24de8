"""Where studies are kept: a journal file of this machine, or a PostgreSQL of the team."""

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import InputDataError, MissingExtraError, ToolkitError
from toolkit.experiments.tuning.shared_study import PATIENCE_S
from toolkit.experiments.tuning.whole_journal import keep_whole_lines, open_journal

if TYPE_CHECKING:
    from optuna.storages import BaseStorage
    from sqlalchemy.engine import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

__all__ = [
    "checked_address",
    "open_studies",
    "reaching_studies",
    "shown_address",
    "studies_place",
    "with_driver",
]

SERVER = re.compile(r"postgres(?:ql)?(?:\+psycopg)?://")
CONNECT_S = 10
"""A server that has not answered by then cannot be reached."""
OPENING = 0x746F6F6C
"""Key of the advisory lock under which one process at a time makes the tables."""
MAKING_S = 300
"""Making the tables takes no longer; meanwhile the lock's own connection is idle."""
LAST_MADE = "alembic_version"
"""The table that Optuna makes last, together with its only row."""

REFUSALS = (
    (
        "password authentication failed|no password supplied",
        "refuses the user's password",
        "give it in the address, in `PGPASSWORD` or in `~/.pgpass`",
    ),
    (
        "role .* does not exist|no pg_hba.conf entry|permission denied",
        "refuses the user",
        "ask who keeps the server for the right to use this database",
    ),
    (
        "database .* does not exist",
        "has no such database",
        "make it with `createdb`, or name another",
    ),
    (
        "too many (?:connections|clients)|connection slots are reserved",
        "has no connection left",
        "start fewer workers, or raise `max_connections`",
    ),
    (
        "no longer compatible with the table schema",
        "holds studies of another version of Optuna, or another program's tables",
        "give a database for studies alone, or upgrade a copy with `optuna storage upgrade`",
    ),
)
"""What a server's message holds, what is wrong, and what to do. Messages themselves are
not shown: one of an address that was cut at the wrong place holds part of the password."""


JOURNAL = "optuna.journal"
"""Keeps the studies of a work folder, unless they are kept elsewhere."""


def studies_place(address: str | None, work: Path) -> str | Path:
    """Choose where studies are kept: at an address, or in a work folder's journal.

    Parameters
    ----------
    address : str or None
        As of `checked_address`.
    work : path

    Examples
    --------
    >>> studies_place(None, Path("runs"))
    PosixPath('runs/optuna.journal')
    """
    return work / JOURNAL if address is None else checked_address(address)


def checked_address(address: str) -> str | Path:
    """Check where studies are to be kept.

    Parameters
    ----------
    address : str
        `postgresql://[USER[:PASSWORD]@]HOST[:PORT]/DATABASE`, or the path of a journal.

    Returns
    -------
    str or path
        For `open_studies`.

    Raises
    ------
    InputDataError
        An address of another kind, or one that cannot be taken apart.

    Examples
    --------
    >>> checked_address("postgresql://ann@host/studies")
    'postgresql+psycopg://ann@host/studies'
    >>> checked_address("runs/optuna.journal")
    PosixPath('runs/optuna.journal')
    """
    if not SERVER.match(address):
        if "://" in address:
            raise InputDataError(
                "not a place for studies",
                field="--storage",
                got=shown_address(address),
                fix="write postgresql://USER@HOST/DATABASE, or the path of a journal",
            )
        path = Path(address).expanduser()
        if path.exists() and not path.is_file():
            raise InputDataError(
                "not a file, where a journal is expected", file=path, field="--storage"
            )
        return path
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(with_driver(address))
    except (ArgumentError, ValueError):
        url = None
    if url is None or not url.database or "@" in f"{url.database}{url.host}":
        raise InputDataError(
            "not an address of a database",
            field="--storage",
            fix="write postgresql://USER:PASSWORD@HOST:PORT/DATABASE, with `@`, `:` and "
            "`/` of a password as %40, %3A and %2F",
        ) from None
    return with_driver(address)


def with_driver(address: str) -> str:
    """Name the driver that the extra `postgres` installs in an address of PostgreSQL.

    Examples
    --------
    >>> with_driver("postgresql://host/mlflow")
    'postgresql+psycopg://host/mlflow'
    >>> with_driver("http://127.0.0.1:5000")
    'http://127.0.0.1:5000'
    """
    return SERVER.sub("postgresql+psycopg://", address, count=1)


def shown_address(address: str | Path) -> str:
    """Write an address for people: without user, password and options.

    Examples
    --------
    >>> shown_address("postgresql+psycopg://ann:secret@host:5433/studies?sslkey=k")
    'postgresql://host:5433/studies'
    """
    if isinstance(address, Path):
        return str(address)
    bare = re.sub(r"//.*@", "//", address.partition("?")[0])
    return SERVER.sub("postgresql://", bare)


@contextmanager
def open_studies(
    address: str | Path, *, patience_s: float = PATIENCE_S
) -> "Iterator[BaseStorage]":
    """Open the storage of studies, and make it where it is missing.

    Parameters
    ----------
    address : str or path
        As `studies_place` gives it.
    patience_s : float
        How long a server waits for a process that holds its locks and says nothing.

    Raises
    ------
    InputDataError
        The server cannot be reached, refuses, or holds tables of another revision.
    MissingExtraError
        The driver of PostgreSQL is not installed.
    """
    if isinstance(address, Path):
        address.parent.mkdir(parents=True, exist_ok=True)
        keep_whole_lines(address)
        yield open_journal(address)
    else:
        with (
            reaching_studies(address),
            _open_server(address, patience_s) as storage,
        ):
            yield storage


@contextmanager
def _open_server(address: str, patience_s: float) -> "Iterator[BaseStorage]":
    import sqlalchemy
    from optuna.storages import RDBStorage, get_storage

    named = "connect_timeout" in address
    try:
        engine = sqlalchemy.create_engine(
            address,
            pool_pre_ping=True,  # a connection that the server has cut is made again
            connect_args={} if named else {"connect_timeout": CONNECT_S},
        )
    except ImportError as error:
        raise MissingExtraError("a study on PostgreSQL", "postgres") from error
    _let_locks_go(engine, patience_s)
    try:
        with _alone(engine):
            # With our pool, which is closed here also where the tables are refused.
            opened = RDBStorage(address, engine_kwargs={"pool": engine.pool})
        yield get_storage(opened)
        opened.scoped_session.remove()
    finally:
        engine.dispose()


def _let_locks_go(engine: "Engine", patience_s: float) -> None:
    """Have the server end a transaction in which nothing happens.

    A machine that freezes or loses its network within one would keep the others from
    the study for as long as the connection lasts.
    """
    import sqlalchemy

    limit = f"SET idle_in_transaction_session_timeout = {math.ceil(1e3 * patience_s)}"

    @sqlalchemy.event.listens_for(engine, "connect")
    def _(connection: "DBAPIConnection", _: object) -> None:
        cursor = connection.cursor()
        cursor.execute(limit)
        cursor.close()
        connection.commit()


@contextmanager
def _alone(engine: "Engine") -> Iterator[None]:
    """Hold a lock of the database: two that make its tables at once would collide.

    Where they are made nothing is held, or who freezes while it opens would keep all
    others out for `MAKING_S`.
    """
    import sqlalchemy

    if sqlalchemy.inspect(engine).has_table(LAST_MADE):
        yield
        return
    with engine.begin() as connection:
        for statement in (
            f"SET LOCAL idle_in_transaction_session_timeout = {int(1e3 * MAKING_S)}",
            f"SELECT pg_advisory_xact_lock({OPENING})",
        ):
            connection.execute(sqlalchemy.text(statement))
        yield


@contextmanager
def reaching_studies(address: str | Path) -> Iterator[None]:
    """Turn what a server of studies raises into one error that holds no password.

    Parameters
    ----------
    address : str or path

    Raises
    ------
    InputDataError
    """
    try:
        yield
    except ToolkitError:
        raise
    except Exception as error:
        module = type(error).__module__.split(".", 1)[0]
        said = " ".join(str(error).split())
        known = module in ("sqlalchemy", "psycopg", "optuna") or "schema" in said
        if isinstance(address, Path) or not known:
            raise
        problem, fix = next(
            (
                (problem, fix)
                for pattern, problem, fix in REFUSALS
                if re.search(pattern, f"{said} {error.__cause__}")
            ),
            ("cannot be reached", "start the server, or correct the address"),
        )
        raise InputDataError(
            problem, file=shown_address(address), field="--storage", fix=fix
        ) from None
