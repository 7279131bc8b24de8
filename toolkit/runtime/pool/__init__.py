"""A pool of agents that are real processes: queue, memory, activity, spawning, the beat.

It exists to be healed: the demo, the experiments and the tests act on it. It knows
nothing of healing; whoever watches it reads a `PoolView`, whoever acts on it calls
`LocalAgentPool`.
"""

from toolkit.runtime.pool.ledger import Ledger, Task
from toolkit.runtime.pool.local_pool import (
    LocalAgentPool,
    PoolSettings,
    SpawnError,
)
from toolkit.runtime.pool.memory import Entry, SharedMemory, WriteLock
from toolkit.runtime.pool.metronome import (
    BeatError,
    BeatFollower,
    Metronome,
    PacedClock,
)
from toolkit.runtime.pool.mischief import Mischief
from toolkit.runtime.pool.nursery import Nursery, NurseryError, NurseryProcess
from toolkit.runtime.pool.records import ActivityRecords
from toolkit.runtime.pool.view import PoolView
from toolkit.runtime.pool.worker import Worker

__all__ = [
    "ActivityRecords",
    "BeatError",
    "BeatFollower",
    "Entry",
    "Ledger",
    "LocalAgentPool",
    "Metronome",
    "Mischief",
    "Nursery",
    "NurseryError",
    "NurseryProcess",
    "PacedClock",
    "PoolSettings",
    "PoolView",
    "SharedMemory",
    "SpawnError",
    "Task",
    "Worker",
    "WriteLock",
]
