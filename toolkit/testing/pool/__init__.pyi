__all__: list[str]

from .effector import LocalPoolEffector as LocalPoolEffector
from .faults import Mischief as Mischief
from .forkserver import Nursery as Nursery
from .forkserver import NurseryError as NurseryError
from .forkserver import NurseryProcess as NurseryProcess
from .ledger import Ledger as Ledger
from .ledger import Task as Task
from .local_pool import LocalAgentPool as LocalAgentPool
from .local_pool import PoolSettings as PoolSettings
from .local_pool import SpawnError as SpawnError
from .lockstep import BeatError as BeatError
from .lockstep import BeatFollower as BeatFollower
from .lockstep import Metronome as Metronome
from .lockstep import PacedClock as PacedClock
from .lockstep import can_speak as can_speak
from .memory import Entry as Entry
from .memory import SharedMemory as SharedMemory
from .memory import WriteLock as WriteLock
from .records import ActivityRecords as ActivityRecords
from .view import PoolView as PoolView
from .worker import Worker as Worker
