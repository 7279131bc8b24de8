__all__: list[str]

from .effector import LocalPoolEffector as LocalPoolEffector
from .forkserver import ForkServer as ForkServer
from .forkserver import ForkServerProcess as ForkServerProcess
from .ledger import Task as Task
from .local_pool import LocalAgentPool as LocalAgentPool
from .local_pool import PoolSettings as PoolSettings
from .lockstep import Lockstep as Lockstep
from .lockstep import LockstepFollower as LockstepFollower
from .lockstep import SteppedClock as SteppedClock
from .lockstep import can_speak as can_speak
from .memory import WriteLock as WriteLock
from .records import ActivityRecords as ActivityRecords
from .view import PoolView as PoolView
from .worker import POISON as POISON
