"""Shapes of task graphs: which component waits for which."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from toolkit.errors import UsageError

__all__ = ["GraphShape"]

MOST_COMPONENTS = 200
"""A component's number must fit in a byte beside the number that means stop."""


@dataclass(frozen=True, slots=True)
class GraphShape:
    """A directed graph without cycles, in an order in which it could be worked off.

    Parameters
    ----------
    waits_for : tuple of tuple of int
        For each component the components that must end before it begins; all of them
        have smaller numbers.

    Examples
    --------
    >>> diamond = GraphShape(((), (0,), (0,), (1, 2)))
    >>> diamond.dependencies, diamond.longest_chain, diamond.parallelizable
    (4, 3, 0.25)
    """

    waits_for: tuple[tuple[int, ...], ...]

    def __post_init__(self) -> None:
        """Check the order.

        Raises
        ------
        UsageError
            A component waits for one that is not before it, or there are too many.
        """
        if not 1 <= len(self.waits_for) <= MOST_COMPONENTS:
            raise UsageError(
                f"a graph has 1 to {MOST_COMPONENTS} components, got {len(self.waits_for)}"
            )
        for component, others in enumerate(self.waits_for):
            if any(not 0 <= other < component for other in others):
                raise UsageError(
                    f"component {component} waits for {others}; name earlier ones only"
                )

    @classmethod
    def independent(cls, components: int) -> Self:
        """Nothing waits."""
        return cls(((),) * components)

    @classmethod
    def chain(cls, components: int) -> Self:
        """Each waits for the one before."""
        return cls(tuple((n - 1,) if n else () for n in range(components)))

    @classmethod
    def fork_join(cls, width: int, stages: int = 1) -> Self:
        """One, then `width` that wait for it, then one that waits for them; repeated."""
        waits: list[tuple[int, ...]] = [()]
        for _ in range(stages):
            root = len(waits) - 1
            waits += [(root,)] * width
            waits.append(tuple(range(root + 1, root + 1 + width)))
        return cls(tuple(waits))

    @classmethod
    def layered(cls, width: int, layers: int) -> Self:
        """Layers in which each waits for two neighbours of the layer before."""
        waits: list[tuple[int, ...]] = [()] * width
        for layer in range(1, layers):
            base = (layer - 1) * width
            waits += [
                tuple(sorted({base + n, base + (n + 1) % width})) for n in range(width)
            ]
        return cls(tuple(waits))

    @property
    def components(self) -> int:
        """Number of components."""
        return len(self.waits_for)

    @property
    def dependencies(self) -> int:
        """Number of edges."""
        return sum(map(len, self.waits_for))

    @property
    def longest_chain(self) -> int:
        """Components on the longest path."""
        lengths: list[int] = []
        for others in self.waits_for:
            lengths.append(1 + max((lengths[n] for n in others), default=0))
        return max(lengths)

    @property
    def critical_path_share(self) -> float:
        """Longest chain / components."""
        return self.longest_chain / self.components

    @property
    def parallelizable(self) -> float:
        """Share of the components that lie off the longest chain."""
        return 1 - self.critical_path_share

    def first(self) -> Sequence[int]:
        """List the components that wait for nothing."""
        return [n for n, others in enumerate(self.waits_for) if not others]

    def waiting_on(self, component: int) -> Sequence[int]:
        """List the components that wait for this one."""
        return [n for n, others in enumerate(self.waits_for) if component in others]
