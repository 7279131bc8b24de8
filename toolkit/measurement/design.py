"""What a sweep measures: every action in every context, in randomised blocks."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from random import Random
from typing import Any

from toolkit.errors import UsageError
from toolkit.measurement.load import LOAD_LEVELS, LoadLevel

__all__ = ["Cell", "Design"]

SIZES = (1, 2, 3, 4, 6, 8, 10, 12, 15, 20)
"""Through and around every operation type's range (definitions, section 1)."""
SPAWN_SIZES = (1, 2, 3, 4, 6, 8, 12, 15)
WORKERS = (1, 2, 3, 4, 6, 8, 12)
OPERATIONS = 12
"""Operations that must succeed before a cell ends: many small batches, or few large."""
SPAWN_OPERATIONS = 4
"""Fewer, since each is a process."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """One action tried in one context, once.

    Attributes
    ----------
    repeat : int
        From 0.
    load : str
        Name of the load level.
    group : str
        Name of the workload variant.
    action : int
        Batch size, or number of workers.
    """

    repeat: int
    load: str
    group: str
    action: int

    @property
    def context(self) -> str:
        """Everything but the action and the repeat."""
        return f"{self.group}/{self.load}"

    @property
    def key(self) -> str:
        """Names the cell among those of one design."""
        return f"{self.context}/{self.action}/{self.repeat}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Design:
    """A full factorial of load levels, workload variants and actions, repeated.

    A block is one context of one repeat: all its actions, in a newly drawn order, within
    a second or two, so that what else happens on the machine falls on all of them alike.
    The load levels of a repeat and the contexts of a level come in a new order each
    time, batches and task graphs mixed, so that drift cannot masquerade as an effect.
    The same operations fail whatever the batch size, so that sizes are compared on the
    same luck.

    Parameters
    ----------
    seed : int
        Draws orders, sizes of work and failing operations.
    repeats : int
        At least 1; 3 or more let noise be distinguished from effect.
    batch_groups, graph_groups : sequence of str
        Names of the variants.
    loads : sequence of LoadLevel
    sizes, spawn_sizes, workers : tuple of int
        Actions of batches, of batches that spawn processes, and of task graphs.
    operations, spawn_operations : int
        Operations that must succeed in one cell.
    """

    seed: int
    repeats: int
    batch_groups: Sequence[str]
    graph_groups: Sequence[str]
    loads: Sequence[LoadLevel] = LOAD_LEVELS
    sizes: tuple[int, ...] = SIZES
    spawn_sizes: tuple[int, ...] = SPAWN_SIZES
    workers: tuple[int, ...] = WORKERS
    operations: int = OPERATIONS
    spawn_operations: int = SPAWN_OPERATIONS

    def __post_init__(self) -> None:
        """Check what could not be measured.

        Raises
        ------
        UsageError
            No repeat, or nothing to measure.
        """
        if self.repeats < 1:
            raise UsageError(f"`repeats` must be at least 1, got {self.repeats}")
        if not (self.batch_groups or self.graph_groups) or not self.loads:
            raise UsageError("nothing to measure: name a workload and a load level")

    def rounds(self) -> Iterator[tuple[LoadLevel, list[list[Cell]]]]:
        """Draw the load levels in the order they are measured, each with its blocks.

        Yields
        ------
        load : LoadLevel
        blocks : list of list of Cell
            The cells of one context and repeat each, to be measured together.
        """
        random = Random(self.seed)  # noqa: S311 - an order of work, nothing secret
        groups = [*self.batch_groups, *self.graph_groups]
        for repeat in range(self.repeats):
            for load in random.sample(list(self.loads), len(self.loads)):
                yield (
                    load,
                    [
                        self._block(random, repeat, load.name, group)
                        for group in random.sample(groups, len(groups))
                    ],
                )

    def _block(self, random: Random, repeat: int, load: str, group: str) -> list[Cell]:
        actions = self.actions(group)
        return [
            Cell(repeat=repeat, load=load, group=group, action=action)
            for action in random.sample(actions, len(actions))
        ]

    def actions(self, group: str) -> tuple[int, ...]:
        """List the actions that are tried in a group."""
        if group in self.graph_groups:
            return self.workers
        return self.spawn_sizes if group.startswith("tasks-") else self.sizes

    def operations_of(self, group: str) -> int:
        """Count the operations that must succeed in one cell of a group."""
        return self.spawn_operations if group.startswith("tasks-") else self.operations

    def failing(self, cell: Cell, failure_rate: float) -> set[int]:
        """Draw which operations of a cell fail when first tried.

        Over the even repeats of a context exactly the stated share fails, and over the
        odd ones: the two halves of a sweep have seen as much of it. A cell has its own
        stretch of its half's stream, the same for every action. Numbers start at 0; what
        a last large batch needs beyond the stretch is drawn from the next.
        """
        span, half = self.operations_of(cell.group), cell.repeat % 2
        total = span * ((self.repeats + 1 - half) // 2)
        random = Random(f"{self.seed}/{cell.context}/{half}")  # noqa: S311 - see above
        stream = random.sample(range(total), round(failure_rate * total))
        first = cell.repeat // 2 * span
        return {(number - first) % total for number in stream}

    @property
    def cells(self) -> int:
        """Number of cells."""
        groups = [*self.batch_groups, *self.graph_groups]
        each = sum(len(self.actions(group)) for group in groups)
        return self.repeats * len(self.loads) * each

    def to_json(self) -> dict[str, Any]:
        """Write as JSON types."""
        return asdict(self)
