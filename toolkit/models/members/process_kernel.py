"""The kernel of the relative-cost process: context similarity times action similarity."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from toolkit.arrays import Floats
from toolkit.models import RelativeRows
from toolkit.models.rows import RelativeLayout

__all__ = ["ProcessKernel"]


OWN_LENGTH = 0.3
"""Length scale of a group's own irregularities, in spreads of the action columns."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessKernel:
    """Columns in spreads, and the components that carry over to unseen groups.

    Attributes
    ----------
    layout : RelativeLayout
    raw : bool
        Whether the actions themselves, and not only where they lie on offer, count.
    actions, offered, context : list of int
        Positions that vary.
    mean, spread : array of shape (layout.width,)
    """

    layout: RelativeLayout
    raw: bool
    actions: list[int]
    offered: list[int]
    context: list[int]
    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, rows: RelativeRows, *, raw: bool) -> "ProcessKernel":
        """Scale by the training rows."""
        layout, spread = rows.layout, rows.X.std(axis=0)

        def varying(positions: list[int]) -> list[int]:
            return [p for p in positions if spread[p] > 1e-9]

        return cls(
            layout=layout,
            raw=raw,
            actions=varying(layout.a),
            offered=varying(layout.below_and_share),
            context=varying(layout.x),
            mean=rows.X.mean(axis=0),
            spread=np.where(spread > 1e-9, spread, np.inf),
        )

    @property
    def carried_count(self) -> int:
        """How many components `carried` yields."""
        contexts = 1 + len(self.context) + (len(self.context) > 1)
        return contexts * (5 if self.raw else 2) + len(self.pairs)

    @property
    def pairs(self) -> list[tuple[int, int]]:
        """Positions whose differences have a component: (action, context)."""
        return self.layout.pairs if self.raw else []

    def scaled(self, X: Floats) -> Floats:
        """Centre and divide by the spread; a constant column becomes zero."""
        return np.asarray((X - self.mean) / self.spread)

    def differences(self, X: Floats) -> Floats:
        """Subtract context from action, shape (n, pairs)."""
        if not self.pairs:
            return np.zeros((len(X), 0))
        first, second = np.array(self.pairs).T
        return X[:, first] - X[:, second]

    def action_kernels(self, S: Floats, T: Floats) -> list[Floats]:
        """Smooth and linear in the offered range; the raw actions where they count."""
        offered = _squares(S, T, self.offered)
        kernels = [np.exp(-0.5 * offered), _products(S, T, self.offered)]
        if self.raw:
            actions = _squares(S, T, self.actions)
            kernels += [
                np.exp(-0.5 * actions),
                _products(S, T, self.actions),
                np.exp(-0.125 * (actions + offered)),
            ]
        return kernels

    def context_kernels(self, S: Floats, T: Floats) -> list[Floats]:
        """Everywhere the same; alike in one column; alike in all."""
        each = [_squares(S, T, [column]) for column in self.context]
        kernels = [
            np.ones((len(S), len(T))),
            *(np.exp(-0.5 * square) for square in each),
        ]
        if len(each) > 1:
            kernels.append(np.exp(-0.5 * np.sum(each, axis=0) / len(each)))
        return kernels

    def carried(self, X: Floats, Y: Floats) -> Iterator[Floats]:
        """Compute every component that an unseen group shares, one at a time."""
        S, T = self.scaled(X), self.scaled(Y)
        actions = self.action_kernels(S, T)
        for context in self.context_kernels(S, T):
            for action in actions:
                yield context * action
        yield from self.difference_kernels(X, Y)

    def difference_kernels(self, X: Floats, Y: Floats) -> Iterator[Floats]:
        """Alike in one difference of action and context."""
        left, right = self.differences(X), self.differences(Y)
        scale = self.difference_spread
        for column in range(left.shape[1]):
            gap = left[:, column, None] - right[None, :, column]
            yield np.exp(-0.5 * (gap / scale[column]) ** 2)

    @property
    def difference_spread(self) -> Floats:
        """Scale of each difference, as if its two columns were independent."""
        finite = np.where(np.isfinite(self.spread), self.spread, 0.0)
        return np.array([np.hypot(finite[a], finite[x]) or 1.0 for a, x in self.pairs])

    def own(self, rows: RelativeRows) -> Iterator[Floats]:
        """Compute the components of a group and of a problem: noise elsewhere."""
        S = self.scaled(rows.X)
        actions = self.action_kernels(S, S)
        rough = np.exp(-0.5 * _squares(S, S, self.actions) / OWN_LENGTH**2)
        group = rows.group[:, None] == rows.group[None]
        problem = rows.problem[:, None] == rows.problem[None]
        yield from (group * k for k in (*actions, rough))
        yield from (problem * k for k in actions[:2])


def _squares(S: Floats, T: Floats, columns: list[int]) -> Floats:
    total = np.zeros((len(S), len(T)))
    for column in columns:
        gap = S[:, column, None] - T[None, :, column]
        gap *= gap
        total += gap
    return total


def _products(S: Floats, T: Floats, columns: list[int]) -> Floats:
    return np.asarray(S[:, columns] @ T[:, columns].T)
