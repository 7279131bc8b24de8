__all__: list[str]

from .embedding import embed_in_supervisor as embed_in_supervisor
from .embedding import embed_in_worker as embed_in_worker
from .settings import SwarmSettings as SwarmSettings
from .supervisor import ArmResult as ArmResult
from .supervisor import run_swarm as run_swarm
from .tasks import TaskCounts as TaskCounts
