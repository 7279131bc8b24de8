"""Where an action lies among the actions on offer: what carries over to unseen groups.

A best batch size of 64 says little about another model; "the second largest that fits"
says much. Four numbers an axis are known before deciding: the distance to the largest
action on offer, to the smallest, the share of the way between them, and the distance to
the rule's action.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from toolkit.errors import UsageError
from toolkit.policies.base import Floats, Problem

__all__ = ["OFFERED_PLACES", "distinct_axes", "offered_columns", "with_offered_range"]

SAME = 1e-6
"""Two action columns that differ by less than this within every problem are one."""
OFFERED_PLACES = ("below_largest", "above_smallest", "share", "from_rule")
"""Columns of an axis, in blocks."""


def distinct_axes(actions: Sequence[Floats]) -> tuple[int, ...]:
    """Find the action columns that differ by more than a constant within problems.

    The total batch and the batch per worker are one axis where workers are fixed.

    Parameters
    ----------
    actions : sequence of arrays of shape (n_actions, n_columns)
        The actions of each problem.

    Returns
    -------
    tuple of int
        Positions of the columns to keep; the first of equal ones. The first column
        where none varies.

    Examples
    --------
    >>> distinct_axes([np.array([[0.0, 3.0, 1.0], [1.0, 4.0, 1.0], [2.0, 5.0, 1.0]])])
    (0,)
    """
    centred = np.concatenate([block - block.mean(axis=0) for block in actions])
    kept: list[int] = []
    for column in range(centred.shape[1]):
        values = centred[:, column]
        if np.abs(values).max() > SAME and all(
            np.abs(values - centred[:, other]).max() > SAME for other in kept
        ):
            kept.append(column)
    return tuple(kept) or (0,)


def offered_columns(
    actions: Floats, axes: Sequence[int], rule: int | None = None
) -> Floats:
    """Compute the four numbers of each axis, shape (n_actions, 4 * len(axes)).

    Parameters
    ----------
    actions : array of shape (n_actions, n_columns)
        All actions of one problem.
    axes : sequence of int
    rule : int, optional
        The action that the rule takes; the middle of the range stands in for it.

    Returns
    -------
    array of shape (n_actions, 4 * len(axes))
        Below the highest, above the lowest, share of the range (0 to 1), from the rule.

    Examples
    --------
    >>> offered_columns(np.array([[0.0], [1.0], [4.0]]), [0], rule=1).tolist()
    [[-4.0, 0.0, 0.0, -1.0], [-3.0, 1.0, 0.25, 0.0], [0.0, 4.0, 1.0, 3.0]]
    """
    values = actions[:, list(axes)]
    low, high = values.min(axis=0), values.max(axis=0)
    share = (values - low) / np.where(high > low, high - low, 1.0)
    place = (low + high) / 2 if rule is None else values[rule]
    return np.hstack([values - high, values - low, share, values - place])


def with_offered_range(
    problem: Problem,
    axes: Sequence[int],
    *,
    rule: int | None = None,
    sizes: bool = False,
) -> Problem:
    """Add the offered range's columns to the actions of a problem, all in log2.

    Parameters
    ----------
    problem : Problem
    axes : sequence of int
    rule : int, optional
        The action that the rule takes; the middle of the range stands in for it.
    sizes : bool
        Whether the actions are sizes, of which the logarithm is taken first.

    Returns
    -------
    Problem
        The same actions, with the columns of `offered_columns` after their own.

    Raises
    ------
    UsageError
        Where an axis is not an action column.

    Examples
    --------
    >>> problem = Problem.of("size", [1, 2, 16])
    >>> with_offered_range(problem, [0], rule=0, sizes=True).action_columns
    ('size', 'below_largest:size', 'above_smallest:size', 'share:size', 'from_rule:size')
    """
    if any(axis >= len(problem.action_columns) for axis in axes):
        raise UsageError(f"axes {tuple(axes)} of actions {problem.action_columns}")
    names = [problem.action_columns[axis] for axis in axes]
    added = [f"{what}:{name}" for what in OFFERED_PLACES for name in names]
    actions = np.log2(problem.actions) if sizes else problem.actions
    return replace(
        problem,
        action_columns=(*problem.action_columns, *added),
        actions=np.hstack([actions, offered_columns(actions, axes, rule)]),
    )
