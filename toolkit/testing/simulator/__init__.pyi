__all__: list[str]

from .coordination import CoordinationTruth as CoordinationTruth
from .sessions import SessionTruth as SessionTruth
from .sessions import SimulatedCall as SimulatedCall
from .sessions import perform as perform
from .sessions import plan_session as plan_session
from .swarm import LOADS as LOADS
from .swarm import START as START
from .swarm import Swarm as Swarm
from .truth import BATCH_TRUTHS as BATCH_TRUTHS
from .truth import WORKFLOW_TRUTHS as WORKFLOW_TRUTHS
from .truth import BatchTruth as BatchTruth
from .truth import WorkflowTruth as WorkflowTruth
