"""Rows of an observed history as single runs, with all that was known before each."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Floats
from toolkit.bundle import Column, FeatureSchema
from toolkit.features import moment_columns
from toolkit.models import SingleCosts
from toolkit.policies import Value

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["encode_frame", "single_costs"]


def single_costs(
    rows: "pd.DataFrame",
    schema: FeatureSchema,
    *,
    action: str,
    context: Sequence[str] = (),
) -> SingleCosts:
    """Take the runs that achieved something.

    Parameters
    ----------
    rows : DataFrame
        From `teaching_rows`.
    schema : FeatureSchema
        Of the table's context.
    action : str
        Column of the action.
    context : sequence of str
        Columns that may be read; all of them unless given.

    Returns
    -------
    SingleCosts
    """
    achieved = rows["achieved"].to_numpy(dtype=np.float64)
    rows = rows[achieved > 0]
    columns, optional = moment_columns(rows, context=context)
    read = (*schema.context, *columns)
    found = rows[[column.name for column in schema.context]]
    places = found.groupby(list(found.columns), dropna=False).ngroup().to_numpy()
    first = np.unique(places, return_index=True)[1]
    return SingleCosts(
        columns=columns,
        optional=optional,
        X=encode_frame(read, rows),
        names=FeatureSchema(context=read, action=()).names,
        contexts=tuple(
            {str(name): _value(value) for name, value in row.items()}
            for row in found.iloc[first].to_dict("records")
        ),
        context=places.astype(np.int64),
        action=rows[action].to_numpy(dtype=np.float64),
        log_cost=np.log(rows["spent"].to_numpy(np.float64) / achieved[achieved > 0]),
        groups=rows["group"].to_numpy(dtype=np.str_),
    )


def encode_frame(columns: Sequence[Column], frame: "pd.DataFrame") -> Floats:
    """Encode a frame's columns as `FeatureSchema` encodes a context, all rows at once.

    Parameters
    ----------
    columns : sequence of Column
    frame : DataFrame of shape (n_rows, n_columns)

    Returns
    -------
    array of shape (n_rows, n_numbers)
        NaN is not known.
    """
    parts: list[Floats] = []
    for column in columns:
        values = frame[column.name]
        if column.kind == "category":
            texts = values.astype(object).to_numpy()
            parts += [
                (texts == known).astype(np.float64) for known in column.categories
            ]
        else:
            numbers = values.to_numpy(dtype=np.float64, na_value=np.nan)
            parts.append(np.log1p(numbers) if column.log else numbers)
    return np.column_stack(parts).astype(np.float32).astype(np.float64)


def _value(value: object) -> Value:
    if value is None or value != value:
        return None
    return value if isinstance(value, str) else float(str(value))
