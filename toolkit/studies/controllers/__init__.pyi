__all__: list[str]

from .plot import plot_controllers as plot_controllers
from .run import read_controllers_spec as read_controllers_spec
from .run import run_controllers as run_controllers
