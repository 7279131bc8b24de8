"""What a person types after `recommend`, checked before anything is answered from it."""

import math
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING

from toolkit.errors import UsageError

if TYPE_CHECKING:
    from toolkit.policies import Value

__all__ = ["checked_context"]

RATIOS = frozenset(
    {
        "load_cpu",
        "load_memory",
        "load_io",
        "coordination_complexity",
        "coordination_needs",
        "read_share",
        "parallelizable",
    }
)
COUNTS = frozenset({"components", "cpu_cores", "active_agents"})


def checked_context(
    given: Mapping[str, str],
    *,
    columns: Collection[str],
    categories: Mapping[str, Collection[str]],
) -> "dict[str, Value]":
    """Read typed values, each as its column's.

    Parameters
    ----------
    given : mapping
        Texts by column.
    columns : collection of str
        Columns that something reads.
    categories : mapping
        Columns that hold words, with the known words; no words, any word.

    Raises
    ------
    UsageError
        A column that nothing reads, a word that is not known, or a number that is not
        finite or outside what its column can be.

    Examples
    --------
    >>> checked_context({"load_cpu": "0.3"}, columns=["load_cpu"], categories={})
    {'load_cpu': 0.3}
    """
    for name in given:
        if name not in columns:
            raise UsageError.unknown("column", name, sorted(columns))
    return {
        name: _word(name, text, categories[name])
        if name in categories
        else _number(name, text)
        for name, text in given.items()
    }


def _word(name: str, text: str, known: Collection[str]) -> str:
    if known and text not in known:
        raise UsageError.unknown(name.replace("_", " "), text, sorted(known))
    return text


def _is_own(name: str) -> bool:
    """Whether a column is one of ours, none of which goes below 0; a declared one may."""
    from toolkit.runtime.advice import CONTEXT_COLUMNS

    return any(name in columns for columns in CONTEXT_COLUMNS.values())


def _number(name: str, text: str) -> float:
    try:
        number = float(text)
    except ValueError as error:
        raise UsageError(f"`{name}` must be a number; got `{text}`") from error
    if not math.isfinite(number):
        raise UsageError(f"`{name}` must be a finite number; got `{text}`")
    if name in RATIOS and not 0 <= number <= 1:
        raise UsageError(f"`{name}` must be a ratio from 0 to 1; got `{text}`")
    if name in COUNTS and number <= 0:
        raise UsageError(f"`{name}` must be above 0; got `{text}`")
    if number < 0 and _is_own(name):
        raise UsageError(f"`{name}` must not be negative; got `{text}`")
    return number
