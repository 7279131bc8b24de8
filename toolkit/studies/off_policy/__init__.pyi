__all__: list[str]

from .plot import plot_worlds as plot_worlds
from .power import drawn_from_table as drawn_from_table
from .power import gate_rate as gate_rate
from .power import promoted_limit as promoted_limit
from .report import doubly_robust_cells as doubly_robust_cells
from .report import equal_rates as equal_rates
from .report import summary as summary
from .run import read_worlds_spec as read_worlds_spec
from .run import run_worlds as run_worlds
from .simulation import LogDesign as LogDesign
from .simulation import learned_elsewhere as learned_elsewhere
from .simulation import scenarios_of as scenarios_of
from .simulation import score_scenario as score_scenario
from .simulation import simulate_log as simulate_log
