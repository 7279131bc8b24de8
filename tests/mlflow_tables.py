"""MLflow's tables, migrated once in a process and copied from then on.

Making an empty `mlflow.db` runs all of MLflow's migrations, 0.9 s of processor time, and
gives the same tables each time. Only databases without tables of MLflow's own version
are filled by a copy; those that are older are migrated as ever.
"""

import sqlite3
import sys
from collections.abc import Callable
from contextlib import closing
from typing import Any

__all__ = ["migrate_once"]

MODULE = "mlflow.store.db.utils"


def migrate_once() -> None:
    """Let MLflow, where it has been imported, copy the tables that it made before."""
    module: Any = sys.modules.get(MODULE)
    upgrade = getattr(module, "_upgrade_db", None)
    if upgrade is not None and not isinstance(upgrade, _CopiedTables):
        module._upgrade_db = _CopiedTables(upgrade)


class _CopiedTables:
    """Stands where MLflow's `_upgrade_db` stood, and asks it for the first database."""

    def __init__(self, upgrade: Callable[[Any], None]) -> None:
        self._upgrade = upgrade
        self._template: sqlite3.Connection | None = None

    def __call__(self, engine: Any) -> None:
        if engine.dialect.name != "sqlite" or _has_a_version(engine):
            self._upgrade(engine)
        elif self._template is None:
            self._upgrade(engine)
            self._template = sqlite3.connect(":memory:", check_same_thread=False)
            _copy(engine, lambda made: made.backup(self._template))
        else:
            _copy(engine, self._template.backup)


def _has_a_version(engine: Any) -> bool:
    """Whether it is not empty: MLflow has migrated it before."""
    from sqlalchemy import inspect

    return bool(inspect(engine).has_table("alembic_version"))


def _copy(engine: Any, copy: Callable[[Any], None]) -> None:
    with closing(engine.raw_connection()) as pooled:
        copy(pooled.driver_connection)
