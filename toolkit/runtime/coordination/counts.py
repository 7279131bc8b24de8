"""Nine small counters in one integer: a window's tally changes by one addition.

An operation is the sum of the units of everything it is; a window is the sum of its
operations. Adding the new one and subtracting the one that leaves updates all nine
counters at once, and the result is a key that finished factors are cached under.
"""

from typing import NamedTuple

__all__ = [
    "DUPLICATE",
    "FLAGGED",
    "HOOKED",
    "HOOKS_KNOWN",
    "KEYED",
    "OPERATION",
    "READ",
    "STALE_READ",
    "STALE_WRITE",
    "WRITE",
    "Counts",
    "unpack",
]

BITS = 24
"""Width of one counter: a window of the whole swarm may hold 16 million operations."""

MASK = (1 << BITS) - 1
OPERATION = 1
KEYED = 1 << BITS
HOOKS_KNOWN = 1 << 2 * BITS
HOOKED = 1 << 3 * BITS
READ = 1 << 4 * BITS
WRITE = 1 << 5 * BITS
STALE_READ = 1 << 6 * BITS
STALE_WRITE = 1 << 7 * BITS
DUPLICATE = 1 << 8 * BITS
FLAGGED = STALE_READ
"""An operation of this value or more is stale or a duplicate."""

UNITS: tuple[int, ...] = tuple(
    OPERATION
    + sum(
        (code >> place & 1) * unit
        for place, unit in enumerate(
            (
                KEYED,
                READ,
                WRITE,
                STALE_READ,
                STALE_WRITE,
                DUPLICATE,
                HOOKS_KNOWN,
                HOOKED,
            )
        )
    )
    for code in range(256)
)
"""The unit of every kind of operation, by its bits in the order above: made once, since
making one for each event costs more than counting it."""

IS_KEYED, IS_READ, IS_WRITE, IS_STALE_READ = 1, 2, 4, 8
IS_STALE_WRITE, IS_DUPLICATE, IS_HOOKS_KNOWN, IS_HOOKED = 16, 32, 64, 128


class Counts(NamedTuple):
    """What a window of operations holds.

    Attributes
    ----------
    operations : int
        All operations.
    keyed : int
        Those that name a memory key.
    hooks_known, hooked : int
        Those of which it is known whether both hook events came, and those with both.
    reads, writes : int
        Accesses to keys.
    stale_reads, stale_writes : int
        Reads that returned an older version; writes whose author had not seen the
        newest write, by another agent: that is a conflicting write.
    duplicates : int
        Operations that another agent had just done on the same key.
    """

    operations: int
    keyed: int
    hooks_known: int
    hooked: int
    reads: int
    writes: int
    stale_reads: int
    stale_writes: int
    duplicates: int


def unpack(packed: int) -> Counts:
    """Take the counters of a window apart.

    Examples
    --------
    >>> counts = unpack(2 * (OPERATION + KEYED) + WRITE)
    >>> counts.operations, counts.keyed, counts.writes, counts.duplicates
    (2, 2, 1, 0)
    """
    return Counts(
        packed & MASK,
        packed >> BITS & MASK,
        packed >> 2 * BITS & MASK,
        packed >> 3 * BITS & MASK,
        packed >> 4 * BITS & MASK,
        packed >> 5 * BITS & MASK,
        packed >> 6 * BITS & MASK,
        packed >> 7 * BITS & MASK,
        packed >> 8 * BITS,
    )
