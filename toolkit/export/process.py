"""A process as a graph: its kernels between the rows and its known rows.

Known rows of a measured history are a grid: few contexts, each with the same few actions.
There the sum over known rows is a sum over distinct contexts and actions, which is the same
number from a hundredth of the work; elsewhere every known row has its own term.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from toolkit.export.graph import Graph
from toolkit.models.members import FittedProcess
from toolkit.policies import Floats

__all__ = ["write_process"]

SMALL_LENGTH = 0.125
"""Half of the inverse squared length of the joint kernel of actions and offered range."""
MOST_WEIGHTS = 40_000
"""Numbers in the grid's form beyond which it is no smaller than a term a row."""


def write_process(member: FittedProcess, graph: Graph, rows: str) -> str:
    """Append a process that reads 32-bit rows; return its (n, 1) 64-bit output's name."""
    grid = _Grid.of(member)
    if len(member.known) and grid.weights.size + len(grid.differences) <= MOST_WEIGHTS:
        return _GridProcess(member, graph, rows, grid).output()
    return _RowProcess(member, graph, rows).output()


class _Process:
    """What both forms read: rows in 64 bits, and in spreads."""

    def __init__(self, member: FittedProcess, graph: Graph, rows: str) -> None:
        self.kernel = member.kernel
        self.graph = graph
        self.variances = member.variances.tolist()
        self.solution = member.solution
        self.known = member.known
        self.raw = graph.to_double(rows)
        moved = graph.node("Sub", [self.raw, graph.doubles(self.kernel.mean[None, :])])
        inverse = graph.doubles(1 / self.kernel.spread[None, :])
        self.scaled = graph.node("Mul", [moved, inverse])
        self.scaled_known = self.kernel.scaled(member.known)

    def _action_kernels(self) -> list[str]:
        kernel = self.kernel
        offered = self._squares(kernel.offered)
        made = [self._exp(offered, 0.5), self._products(kernel.offered)]
        if kernel.raw:
            actions = self._squares(kernel.actions)
            joint = self.graph.node("Add", [actions, offered])
            made += [
                self._exp(actions, 0.5),
                self._products(kernel.actions),
                self._exp(joint, SMALL_LENGTH),
            ]
        return made

    def _squares(self, columns: list[int]) -> str:
        if not columns:
            zeros = self.graph.columns(self.scaled, [0])
            nothing = self.graph.doubles(np.zeros((1, len(self.known))))
            return self.graph.node("MatMul", [zeros, nothing])
        own = self.graph.columns(self.scaled, columns)
        known = self.scaled_known[:, columns]
        square = self.graph.node("Mul", [own, own])
        lengths = self.graph.node(
            "ReduceSum", [square, self.graph.integers([1])], keepdims=1
        )
        cross = self.graph.node("MatMul", [own, self.graph.doubles(-2 * known.T)])
        fixed = self.graph.doubles((known**2).sum(axis=1)[None, :])
        return self.graph.node("Sum", [lengths, cross, fixed])

    def _products(self, columns: list[int]) -> str:
        if not columns:
            return self._squares([])
        own = self.graph.columns(self.scaled, columns)
        known = self.graph.doubles(self.scaled_known[:, columns].T)
        return self.graph.node("MatMul", [own, known])

    def _exp(self, square: str, factor: float) -> str:
        return self.graph.node(
            "Exp", [self.graph.node("Mul", [square, self._number(-factor)])]
        )

    def _number(self, value: float) -> str:
        return self.graph.doubles([[value]])


class _RowProcess(_Process):
    """A term for every known row."""

    def output(self) -> str:
        """Add up context x action kernels and differences; times the solution."""
        actions = self._action_kernels()
        terms = []
        place = 0
        for context in self._context_kernels():
            inner = self._weighted(actions, self.variances[place:])
            place += len(actions)
            terms.append(
                inner if context is None else self.graph.node("Mul", [context, inner])
            )
        differences = self._difference_kernels()
        if differences:
            terms.append(self._weighted(differences, self.variances[place:]))
        total = self.graph.node("Sum", terms)
        solution = self.graph.doubles(self.solution[:, None])
        return self.graph.node("MatMul", [total, solution])

    def _weighted(self, kernels: list[str], variances: list[float]) -> str:
        paired = zip(kernels, variances, strict=False)
        return self.graph.node(
            "Sum",
            [self.graph.node("Mul", [k, self._number(v)]) for k, v in paired],
        )

    def _context_kernels(self) -> list[str | None]:
        each = [self._squares([column]) for column in self.kernel.context]
        made: list[str | None] = [None, *(self._exp(square, 0.5) for square in each)]
        if len(each) > 1:
            made.append(self._exp(self.graph.node("Sum", each), 0.5 / len(each)))
        return made

    def _difference_kernels(self) -> list[str]:
        known = self.kernel.differences(self.known)
        made = []
        for place, (action, context) in enumerate(self.kernel.pairs):
            left = self.graph.columns(self.raw, [action])
            right = self.graph.columns(self.raw, [context])
            own = self.graph.node("Sub", [left, right])
            gap = self.graph.node(
                "Sub", [own, self.graph.doubles(known[None, :, place])]
            )
            scale = float(self.kernel.difference_spread[place])
            made.append(self._exp(self.graph.node("Mul", [gap, gap]), 0.5 / scale**2))
        return made


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """The known rows by distinct context and action, with what the solution sums to there.

    Attributes
    ----------
    actions : array of shape (distinct actions, width)
        In spreads.
    columns : list of int
        Context column of each distinct value.
    values : array of shape (distinct values,)
        Of one context column each, in spreads.
    holds : array of shape (distinct values, distinct contexts)
        1 where a context has the value.
    weights : array of shape (distinct values + contexts, kernels x distinct actions)
        What a row's likeness to a value, or to a context, adds to each action kernel.
    always : array of shape (kernels x distinct actions,)
        What every row adds.
    differences : array of shape (distinct differences, 4)
        Action column, context column, value and scale of each.
    shares : array of shape (distinct differences,)
        What likeness to each adds.
    """

    actions: Floats
    columns: list[int]
    values: Floats
    holds: Floats
    weights: Floats
    always: Floats
    differences: Floats
    shares: Floats

    @classmethod
    def of(cls, member: FittedProcess) -> "_Grid":
        kernel = member.kernel
        scaled = kernel.scaled(member.known)
        contexts, context_of = _distinct(scaled[:, kernel.context])
        actions, action_of = _distinct(
            scaled[:, [*kernel.offered, *(kernel.actions if kernel.raw else [])]]
        )
        first = np.unique(action_of, return_index=True)[1]
        solution = np.zeros((len(contexts), len(actions)))
        np.add.at(solution, (context_of, action_of), member.solution)
        kinds = 5 if kernel.raw else 2
        likeness = 1 + len(kernel.context) + (len(kernel.context) > 1)
        pairs = member.variances[: kinds * likeness].reshape(likeness, kinds)
        columns: list[int] = []
        values, holds, weights = [], [], []
        for place, column in enumerate(kernel.context):
            distinct, value_of = np.unique(contexts[:, place], return_inverse=True)
            held = (np.arange(len(distinct))[:, None] == value_of[None]).astype(float)
            columns += [column] * len(distinct)
            values.append(distinct)
            holds.append(held)
            weights.append(_spread_out(pairs[1 + place], held @ solution))
        if len(kernel.context) > 1:
            weights.append(_spread_out(pairs[-1], solution))
        always = _spread_out(pairs[0], solution.sum(axis=0, keepdims=True))
        differences, shares = _differences(member, kinds * likeness)
        return cls(
            actions=scaled[first],
            columns=columns,
            values=np.concatenate(values) if values else np.zeros(0),
            holds=np.concatenate(holds) if holds else np.zeros((0, len(contexts))),
            weights=(
                np.concatenate(weights) if weights else np.zeros((0, always.shape[1]))
            ),
            always=always[0],
            differences=differences,
            shares=shares,
        )


def _distinct(rows: Floats) -> tuple[Floats, NDArray[np.intp]]:
    if not rows.shape[1]:
        return np.zeros((1, 0)), np.zeros(len(rows), dtype=np.intp)
    found, place = np.unique(rows, axis=0, return_inverse=True)
    return found, place.reshape(-1)


def _spread_out(variances: Floats, sums: Floats) -> Floats:
    """Lay sums of shape (n, actions) out by action kernel: (n, kernels x actions)."""
    return np.hstack([variance * sums for variance in variances])


def _differences(member: FittedProcess, first: int) -> tuple[Floats, Floats]:
    """Find the distinct differences of each pair of columns, and what each adds."""
    kernel = member.kernel
    known, scale = kernel.differences(member.known), kernel.difference_spread
    made, shares = [np.zeros((0, 4))], [np.zeros(0)]
    for place, (action, context) in enumerate(kernel.pairs):
        values, value_of = np.unique(known[:, place], return_inverse=True)
        fixed = np.tile([action, context, 0.0, scale[place]], (len(values), 1))
        fixed[:, 2] = values
        made.append(fixed)
        sums = np.bincount(value_of.reshape(-1), member.solution)
        shares.append(member.variances[first + place] * sums)
    return np.concatenate(made), np.concatenate(shares)


class _GridProcess(_Process):
    """A term for every distinct context and action of the known rows."""

    def __init__(
        self, member: FittedProcess, graph: Graph, rows: str, grid: _Grid
    ) -> None:
        super().__init__(member, graph, rows)
        self.known = self.scaled_known = grid.actions
        self.grid = grid

    def output(self) -> str:
        """Add up, over distinct actions, likeness of action times likeness of context."""
        actions = self.graph.node("Concat", self._action_kernels(), axis=1)
        product = self.graph.node("Mul", [actions, self._by_context()])
        total = self.graph.node(
            "ReduceSum", [product, self.graph.integers([1])], keepdims=1
        )
        if not len(self.grid.differences):
            return total
        return self.graph.node("Add", [total, self._by_difference()])

    def _by_context(self) -> str:
        """Compute what a row's context adds to each action kernel."""
        grid, graph = self.grid, self.graph
        always = graph.doubles(grid.always[None, :])
        if not grid.columns:
            return always
        own = graph.columns(self.scaled, grid.columns)
        gaps = graph.node("Sub", [own, graph.doubles(grid.values[None, :])])
        squares = graph.node("Mul", [gaps, gaps])
        near = [self._exp(squares, 0.5)]
        count = len(self.kernel.context)
        if count > 1:
            together = graph.node("MatMul", [squares, graph.doubles(grid.holds)])
            near.append(self._exp(together, 0.5 / count))
        joined = graph.node("Concat", near, axis=1)
        weighed = graph.node("MatMul", [joined, graph.doubles(grid.weights)])
        return graph.node("Add", [weighed, always])

    def _by_difference(self) -> str:
        grid, graph = self.grid, self.graph
        action, context = grid.differences[:, :2].astype(int).T.tolist()
        left, right = graph.columns(self.raw, action), graph.columns(self.raw, context)
        own = graph.node("Sub", [left, right])
        gaps = graph.node("Sub", [own, graph.doubles(grid.differences[None, :, 2])])
        scaled = graph.node(
            "Mul", [gaps, graph.doubles(1 / grid.differences[None, :, 3])]
        )
        near = self._exp(graph.node("Mul", [scaled, scaled]), 0.5)
        return graph.node("MatMul", [near, graph.doubles(grid.shares[:, None])])
