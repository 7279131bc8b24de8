"""Splits that never let a group, or the future, leak."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from toolkit.errors import NotEnoughDataError
from toolkit.models import group_folds as model_folds

__all__ = ["Fold", "group_folds", "time_split"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Groups to learn from and groups to judge by; they share none."""

    train: tuple[str, ...]
    test: tuple[str, ...]


def group_folds(groups: Sequence[str], *, folds: int, seed: int) -> list[Fold]:
    """Deal whole groups to folds at random.

    Parameters
    ----------
    groups : sequence of str
        One entry a row, or one a group.
    folds : int
        At least 2; no more than there are groups are made.
    seed : int

    Raises
    ------
    NotEnoughDataError
        With fewer than two groups.

    Examples
    --------
    >>> [fold.test for fold in group_folds(list("aabc"), folds=3, seed=0)]
    [('a',), ('b',), ('c',)]
    """
    names = sorted(set(map(str, groups)))
    if len(names) < 2:
        raise NotEnoughDataError(
            "a split by groups", got=len(names), needed=2, unit="groups"
        )
    made = []
    for part in model_folds(np.arange(len(names)), folds, seed):
        test = {names[position] for position in part}
        made.append(
            Fold(
                train=tuple(name for name in names if name not in test),
                test=tuple(sorted(test)),
            )
        )
    return made


def time_split(groups: Sequence[str], times: Sequence[float], *, share: float) -> Fold:
    """Hold out the groups that began last.

    Parameters
    ----------
    groups, times : sequences of one length
        A row's group and the second it began.
    share : float
        Share of groups to hold out, 0 to 1.

    Raises
    ------
    NotEnoughDataError
        With fewer than two groups.

    Examples
    --------
    >>> time_split(list("abab"), [3.0, 1.0, 2.0, 4.0], share=0.5)
    Fold(train=('b',), test=('a',))
    """
    began: dict[str, float] = {}
    for group, time in zip(groups, times, strict=True):
        began[group] = min(time, began.get(group, time))
    order = sorted(began, key=lambda name: (began[name], name))
    if len(order) < 2:
        raise NotEnoughDataError(
            "a split by time", got=len(order), needed=2, unit="groups"
        )
    held = min(max(1, round(share * len(order))), len(order) - 1)
    return Fold(train=tuple(order[:-held]), test=tuple(order[-held:]))
