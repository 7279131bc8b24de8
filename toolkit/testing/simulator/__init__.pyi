__all__: list[str]

from .sessions import SessionTruth as SessionTruth
from .sessions import perform as perform
from .sessions import plan_session as plan_session
from .swarm import LOADS as LOADS
from .swarm import SimulatedSwarm as SimulatedSwarm
