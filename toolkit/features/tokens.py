"""Tokens of all kinds, added up as an Ibis expression."""

from collections.abc import Sequence
from functools import reduce
from operator import add
from typing import Any

__all__ = ["all_tokens"]


def all_tokens(rows: Any, inputs: Sequence[str]) -> Any:
    """Add up the tokens of all kinds; not known where those of the output are not.

    Parameters
    ----------
    rows : ibis.Table
        With `output_tokens`.
    inputs : sequence of str
        Columns of tokens that were read or cached; one that is not known counts nothing.

    Returns
    -------
    ibis.Column
    """
    return reduce(add, (rows[name].fill_null(0) for name in inputs), rows.output_tokens)
