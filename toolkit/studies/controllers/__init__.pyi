__all__: list[str]

from .plot import plot_controllers as plot_controllers
from .racing import LATENCY_OF as LATENCY_OF
from .racing import Race as Race
from .racing import RaceResult as RaceResult
from .racing import race as race
from .run import ControllersSpec as ControllersSpec
from .run import read_controllers_spec as read_controllers_spec
from .run import run_controllers as run_controllers
from .shipped import FAILURES as FAILURES
from .shipped import OptimizerDesign as OptimizerDesign
from .shipped import OptimizerRace as OptimizerRace
from .shipped import ReplayedContext as ReplayedContext
from .shipped import bundles_of_others as bundles_of_others
from .shipped import race_optimizer as race_optimizer
from .shipped import replayed_contexts as replayed_contexts
