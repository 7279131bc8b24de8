"""Outcomes beside the cost that a constraint may bound: one number a problem and action."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from toolkit.arrays import Floats
from toolkit.errors import UsageError

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["outcome_names", "outcome_values", "outcomes_of", "unknown_outcome"]

TAIL = 0.95
"""Of what is bounded in its tail: durations and memory."""


def _tail(values: Floats) -> float:
    return float(np.quantile(values[:, 0], TAIL))


def _mean(values: Floats) -> float:
    return float(values.mean())


def _each(values: Floats) -> float:
    done = values[:, 1].sum()
    return float(values[:, 0].sum() / done) if done > 0 else float("nan")


def _share(values: Floats) -> float:
    lost, ended = values[:, 1:].sum(), values.sum()
    return float(lost / ended) if ended > 0 else float("nan")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outcome:
    """Columns that an outcome is made of, how, and what a history must record for it."""

    columns: tuple[str, ...]
    of: Callable[[Floats], float]
    needs: str


TURN_TOKENS = "the turn that issued each batch, with its tokens"

OUTCOMES: Mapping[str, Mapping[str, _Outcome]] = {
    "batch_size": {
        "p95_s": _Outcome(columns=("cycle_s",), of=_tail, needs="`cycle_s` of batches"),
        "failure_share": _Outcome(
            columns=("succeeded", "failed", "cancelled"),
            of=_share,
            needs="how the operations of batches ended",
        ),
        "memory_bytes": _Outcome(
            columns=("memory_delta_bytes",),
            of=_tail,
            needs="`memory_delta_bytes` of batches",
        ),
        "tokens": _Outcome(columns=("turn_tokens",), of=_mean, needs=TURN_TOKENS),
        "tokens_per_operation": _Outcome(
            columns=("turn_tokens", "succeeded"), of=_each, needs=TURN_TOKENS
        ),
    },
    "agent_count": {
        "p95_s": _Outcome(
            columns=("makespan_s",), of=_tail, needs="`makespan_s` of workflows"
        ),
        "tokens": _Outcome(
            columns=("tokens",), of=_mean, needs="`output_tokens` of workflows"
        ),
        "memory_bytes": _Outcome(
            columns=("memory_bytes",),
            of=_tail,
            needs="`memory_bytes` of workflows, which no agent's log holds",
        ),
    },
}
"""By decision and name. Failed workflows teach nothing of a duration, so their share is
none of these."""


def unknown_outcome(name: str, known: Sequence[str], *, decision: str) -> UsageError:
    """Say why nothing can be asked of an outcome.

    Parameters
    ----------
    name : str
        Of the outcome.
    known : sequence of str
        Outcomes that the history knows.
    decision : str

    Returns
    -------
    UsageError
        With what a history must record, where the outcome is one of ours.
    """
    outcome = OUTCOMES.get(decision, {}).get(name)
    if outcome is None:
        return UsageError.unknown("outcome of a constraint", name, list(known))
    listed = ", ".join(f"`{each}`" for each in known) or "none"
    return UsageError(
        f"this history does not know the outcome of a constraint, `{name}`: it needs "
        f"{outcome.needs}; known are {listed}"
    )


def outcome_names(rows: "pd.DataFrame", *, decision: str) -> tuple[str, ...]:
    """List the outcomes whose columns the rows know.

    Parameters
    ----------
    rows : DataFrame
        From `teaching_rows`.
    decision : str

    Returns
    -------
    tuple of str
    """
    return tuple(
        name
        for name, outcome in OUTCOMES[decision].items()
        if all(
            column in rows.columns and rows[column].notna().any()
            for column in outcome.columns
        )
        and rows[list(outcome.columns)].ne(0).any(axis=None)
    )


def outcome_values(
    rows: "pd.DataFrame", names: Sequence[str], *, decision: str
) -> dict[str, Floats]:
    """Take the columns of outcomes out of rows.

    Parameters
    ----------
    rows : DataFrame
        From `teaching_rows`.
    names : sequence of str
        From `outcome_names`.
    decision : str

    Returns
    -------
    dict of str to array of shape (n_rows, n_columns)
        NaN where a row does not know it.
    """
    return {
        name: rows[list(OUTCOMES[decision][name].columns)].to_numpy(
            dtype=np.float64, na_value=np.nan
        )
        for name in names
    }


def outcomes_of(values: Mapping[str, Floats], *, decision: str) -> dict[str, float]:
    """Measure the outcomes of the rows of one problem and action.

    Parameters
    ----------
    values : mapping of str to array of shape (n_rows, n_columns)
        From `outcome_values`; rows that lack a column of an outcome are left out of it.
    decision : str

    Returns
    -------
    dict of str to float
        NaN where no row knows it.
    """
    measured = {}
    for name, found in values.items():
        known = found[~np.isnan(found).any(axis=1)]
        of = OUTCOMES[decision][name].of
        measured[name] = of(known) if len(known) else float("nan")
    return measured
