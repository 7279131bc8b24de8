__all__: list[str]

from .plot import plot_controllers as plot_controllers
from .racing import LATENCY_OF as LATENCY_OF
from .racing import Race as Race
from .racing import RaceResult as RaceResult
from .racing import race as race
from .run import ControllersSpec as ControllersSpec
from .run import read_controllers_spec as read_controllers_spec
from .run import run_controllers as run_controllers
