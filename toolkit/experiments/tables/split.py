"""Splits that never let a group leak."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.errors import NotEnoughDataError
from toolkit.models import group_folds

__all__ = ["Fold", "deal_folds"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Groups to learn from and groups to judge by; they share none."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def deal_folds(groups: Sequence[str], *, folds: int, seed: int) -> list[Fold]:
    """Deal whole groups to folds at random.

    Parameters
    ----------
    groups : sequence of str
        One entry a row, or one a group.
    folds : int
        At least 2; no more than there are groups are made.
    seed : int

    Returns
    -------
    list of Fold
        Together they hold out every group once.

    Raises
    ------
    NotEnoughDataError
        With fewer than two groups.

    Examples
    --------
    >>> [fold.test for fold in deal_folds(list("aabc"), folds=3, seed=0)]
    [('a',), ('b',), ('c',)]
    """
    names = sorted(set(map(str, groups)))
    if len(names) < 2:
        raise NotEnoughDataError(
            "a split by groups", got=len(names), needed=2, unit="groups"
        )
    made = []
    for part in group_folds(np.arange(len(names)), folds, seed):
        test = {names[position] for position in part}
        made.append(
            Fold(
                train=tuple(name for name in names if name not in test),
                test=tuple(sorted(test)),
            )
        )
    return made
