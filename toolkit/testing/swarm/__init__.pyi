__all__: list[str]

from .settings import SwarmSettings as SwarmSettings
from .supervisor import ArmResult as ArmResult
from .supervisor import run_swarm as run_swarm
