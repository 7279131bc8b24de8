"""Reads a feature table that was written before, by DuckDB or by Spark."""

from pathlib import Path
from typing import TYPE_CHECKING

from toolkit.errors import InputDataError, NotEnoughDataError
from toolkit.features.batch import COLUMNS as BATCH_COLUMNS
from toolkit.features.columns import (
    BATCH_BEFORE,
    BATCH_CONTEXT,
    BATCH_SEEN,
    BATCH_TARGETS,
    WORKFLOW_CONTEXT,
    WORKFLOW_TARGETS,
)
from toolkit.features.engine import SPARK_WROTE, TRAINABLE
from toolkit.features.workflow import COLUMNS as WORKFLOW_COLUMNS

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["read_feature_table"]

COLUMNS = {"batch": BATCH_COLUMNS, "workflow": WORKFLOW_COLUMNS}
NUMBERS = {
    "batch": (
        "size",
        *(
            column.name
            for column in (*BATCH_CONTEXT, *BATCH_BEFORE, *BATCH_SEEN)
            if column.kind == "number"
        ),
        *BATCH_TARGETS,
    ),
    "workflow": (
        "agents",
        *(column.name for column in WORKFLOW_CONTEXT),
        *(name for name in WORKFLOW_TARGETS if name != "outcome"),
    ),
}
"""Columns that what learns computes with."""


def read_feature_table(
    path: Path, kind: str, *, provenances: tuple[str, ...] = TRAINABLE
) -> "pd.DataFrame":
    """Read a feature table that `write_batch_table` or `write_workflow_table` wrote.

    Parameters
    ----------
    path : path
        A Parquet file, or a folder that Spark wrote.
    kind : str
        `batch` or `workflow`.
    provenances : tuple of str
        Which rows to keep.

    Returns
    -------
    DataFrame of shape (n_rows, n_columns)
        As `batch_table` or `workflow_table` builds it of the same records.

    Raises
    ------
    InputDataError
        There is no such table, Spark has not finished it, it is no Parquet, or it is of
        another kind.
    NotEnoughDataError
        No row is of these provenances.
    """
    import pyarrow as pa
    from pyarrow.compute import field
    from pyarrow.dataset import dataset

    build = f"build it with `toolkit features build {kind}`"
    if not path.exists():
        raise InputDataError("no such feature table", file=path, fix=build)
    if path.is_dir() and not (path / SPARK_WROTE).exists():
        raise InputDataError(
            f"no table that Spark has finished: there is no {SPARK_WROTE} in it",
            file=path,
            fix=build,
        )
    try:
        written = dataset(path, format="parquet")
        _require_columns(written.schema, kind, path=path)
        chosen = field("provenance").isin(list(provenances))
        rows = written.to_table(filter=chosen)
    except (pa.ArrowException, OSError) as error:
        raise InputDataError("not readable as Parquet", file=path, fix=build) from error
    if not rows.num_rows:
        raise NotEnoughDataError(
            f"a {kind} table of what is {', '.join(provenances)}",
            got=0,
            needed=1,
            unit="rows",
        )
    found: pd.DataFrame = rows.sort_by(
        [("at", "ascending"), ("record_id", "ascending")]
    ).to_pandas()
    return found


def _require_columns(schema: "pa.Schema", kind: str, *, path: Path) -> None:
    from pyarrow import types

    missing = [name for name in COLUMNS[kind] if name not in schema.names]
    if missing:
        raise InputDataError(
            f"no {kind} table: without {', '.join(f'`{name}`' for name in missing[:5])}",
            file=path,
            fix=f"build it with `toolkit features build {kind}`",
        )
    for name in NUMBERS[kind]:
        found = schema.field(name).type
        if not (
            types.is_integer(found) or types.is_floating(found) or types.is_null(found)
        ):
            raise InputDataError("no numbers", file=path, field=name, got=str(found))
    moment = schema.field("at").type
    if not types.is_timestamp(moment) or moment.tz is None:
        raise InputDataError(
            "no instants with a time zone", file=path, field="at", got=str(moment)
        )
