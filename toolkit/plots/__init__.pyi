__all__: list[str]

from .calibration import plot_calibration as plot_calibration
from .constraints import plot_constraints as plot_constraints
from .frontier import plot_frontier as plot_frontier
from .regret import plot_regret as plot_regret
from .response import plot_response as plot_response
from .support import plot_support as plot_support
from .waves import plot_waves as plot_waves
