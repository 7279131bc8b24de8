__all__: list[str]

from .run import read_swarm_spec as read_swarm_spec
from .run import run_swarm_study as run_swarm_study
