"""What a batch workload is: operations that are done together or not at all."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

__all__ = ["Attempt", "BatchVariant", "BatchWorkload", "read_context"]

CONTEXT_BYTES = 4_000_000
"""What every turn reads again before its first operation, as an agent does."""

AGENTS_AT_MOST = 12
"""Agents at which the share of parallel agents counts as 1 (definitions, section 1)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchVariant:
    """What is known of a workload before a batch of it runs.

    Attributes
    ----------
    name : str
        Unique; becomes the group that evaluation holds out together.
    operation_type : str
    operation_bytes : int
        Payload of one operation.
    read_share : float
        Share of operations that only read, 0 to 1.
    failure_rate : float
        Share of operations that fail when first tried, 0 to 1.
    shared_share : float
        Share of what is written that other agents write too, 0 to 1.
    agents : int
        Processes that work on the same store, this one included.
    workers : int
        Operations of one batch that may run at once.
    """

    name: str
    operation_type: str
    operation_bytes: int
    read_share: float
    failure_rate: float
    shared_share: float = 0.0
    agents: int = 1
    workers: int = 1

    @property
    def coordination_complexity(self) -> float:
        """`1 - (1-s)(1-p)`, the operations of a batch being independent.

        Examples
        --------
        >>> alone = BatchVariant(
        ...     name="v",
        ...     operation_type="shell",
        ...     operation_bytes=1,
        ...     read_share=0,
        ...     failure_rate=0,
        ... )
        >>> alone.coordination_complexity
        0.0
        """
        crowd = (self.agents - 1) / (AGENTS_AT_MOST - 1)
        return round(1 - (1 - self.shared_share) * (1 - min(1.0, crowd)), 4)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One batch, tried once.

    Attributes
    ----------
    began_s, ended_s : float
        Start of the first operation and the last result, on the performance counter.
    durations_s : tuple of float
        Each operation that was begun.
    waited_s : float
        Time spent waiting for a lock.
    succeeded, failed, cancelled : int
        Operations; those that a failing sibling took along are cancelled.
    """

    began_s: float
    ended_s: float
    durations_s: tuple[float, ...]
    waited_s: float
    succeeded: int
    failed: int
    cancelled: int


class BatchWorkload(Protocol):
    """Real work that comes in batches.

    A batch is all or nothing: when an operation fails, what its siblings did is taken
    back, the cause is put right, and the same operations are tried again. Everything an
    attempt costs is work of the machine; nothing sleeps to look like work.
    """

    @property
    def variant(self) -> BatchVariant:
        """What is known before."""
        ...

    def prepare(self, directory: Path) -> None:
        """Make the files or stores, once.

        Parameters
        ----------
        directory : path
            Does not exist yet.
        """
        ...

    def reset(self, disturbed: Collection[int]) -> None:
        """Return to the first state and disturb the named operations: they will fail.

        Parameters
        ----------
        disturbed : collection of int
            Places of the operations, from 0.
        """
        ...

    def attempt(self, operations: Sequence[int]) -> Attempt:
        """Do the operations as one batch; put right what failed if one does.

        Parameters
        ----------
        operations : sequence of int
            Places of the operations, from 0.

        Returns
        -------
        Attempt
        """
        ...

    def release(self) -> None:
        """Stop the processes that work beside the batches."""
        ...


def read_context(path: Path) -> None:
    """Read and digest the whole context, made where there is none yet."""
    if not path.exists():
        path.write_bytes(bytes(CONTEXT_BYTES))
    sha256(path.read_bytes()).digest()
