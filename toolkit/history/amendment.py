"""New values for some columns of records that are in a dataset."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.history.columns import column_names, column_types, parts_sql
from toolkit.history.engine import quoted

if TYPE_CHECKING:
    import duckdb

__all__ = ["Amendment"]

TABLE = "amendment"


class Amendment:
    """Changes by record, loaded into a connection.

    Parameters
    ----------
    connection : DuckDBPyConnection
    kind : str
    changes : path
        JSON lines with `keys` and `columns`.
    keys : sequence of str
        What a record must be, `record_id` first, for a change to hold.
    columns : sequence of str
        What changes.
    """

    def __init__(
        self,
        connection: "duckdb.DuckDBPyConnection",
        kind: str,
        changes: Path,
        keys: Sequence[str],
        columns: Sequence[str],
    ) -> None:
        self._connection = connection
        self._kind = kind
        self._keys = keys
        self._columns = columns
        types = column_types(kind)
        listed = ", ".join(f"'{name}': '{types[name]}'" for name in (*keys, *columns))
        connection.execute(
            f"CREATE OR REPLACE TEMP TABLE {TABLE} AS SELECT * FROM read_json("  # noqa: S608 - names come from the schema
            f"{quoted(changes)}, format='newline_delimited', columns={{{listed}}})"
        )

    def touches(self, part: str) -> bool:
        """Whether a part file holds a record that changes."""
        asked = self._connection.execute(
            f"SELECT 1 FROM read_parquet({quoted(part)}) "  # noqa: S608 - names of ours
            f"SEMI JOIN {TABLE} USING (record_id) LIMIT 1"
        )
        return asked.fetchone() is not None

    def stage(self, parts: Sequence[str], target: Path) -> str:
        """Write the records of some part files with their changes.

        Parameters
        ----------
        parts : sequence of str
        target : path

        Returns
        -------
        str
            The Parquet file that was written.
        """
        chosen = ", ".join(
            f'CASE WHEN c.record_id IS NULL THEN p."{name}" ELSE c."{name}" END '
            f'AS "{name}"'
            if name in self._columns
            else f'p."{name}"'
            for name in column_names(self._kind)
        )
        same = " AND ".join(
            f'p."{key}" IS NOT DISTINCT FROM c."{key}"' for key in self._keys
        )
        self._connection.execute(
            f"COPY (SELECT {chosen} FROM {parts_sql(self._kind, parts)} AS p "  # noqa: S608 - names come from the schema
            f"LEFT JOIN {TABLE} AS c ON {same}) TO {quoted(target)} (FORMAT parquet)"
        )
        return str(target)
