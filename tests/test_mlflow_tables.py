import importlib
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.mlflow_tables import migrate_once
from toolkit.experiments.training.tracking import own_warnings_ignored


def schema(path: Path) -> list[tuple[object, ...]]:
    """List the columns of a database's tables, its indices, and the version it has.

    The texts of the tables differ in the order of their constraints each time.
    """
    columns = (
        "SELECT t.type, t.name, t.tbl_name, c.name, c.type, c.[notnull], c.pk "
        "FROM sqlite_master t LEFT JOIN pragma_table_info(t.name) c ORDER BY 2, 4"
    )
    with closing(sqlite3.connect(path)) as opened:
        (version,) = opened.execute("SELECT version_num FROM alembic_version")
        return [*opened.execute(columns), version]


@pytest.mark.slow
def test_copied_tables_are_those_that_mlflow_migrates(tmp_path: Path) -> None:
    made = [tmp_path / f"{name}.db" for name in ("first", "second", "migrated")]
    with own_warnings_ignored():
        store = importlib.import_module("mlflow.store.tracking.sqlalchemy_store")
        utils = importlib.import_module("mlflow.store.db.utils")
        migrate_once()
        copies = utils._upgrade_db
        for path in made[:2]:
            store.SqlAlchemyStore(f"sqlite:///{path}", str(tmp_path))
        engine = utils.create_sqlalchemy_engine(f"sqlite:///{made[2]}")
        utils.InitialBase.metadata.create_all(engine)
        copies._upgrade(engine)
        engine.dispose()
    first, second, migrated = map(schema, made)

    assert second == first == migrated
    assert ("registered_models",) in {row[1:2] for row in migrated}


def test_without_mlflow_nothing_is_imported_for_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delitem(sys.modules, "mlflow.store.db.utils", raising=False)
    migrate_once()

    assert "mlflow.store.db.utils" not in sys.modules
