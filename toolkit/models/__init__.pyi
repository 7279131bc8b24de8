__all__: list[str]

from .base import RelativeMember as RelativeMember
from .decision_table import DecisionTable as DecisionTable
from .decision_table import TableOrigin as TableOrigin
from .decision_table import cell_log_cost as cell_log_cost
from .measurement_learning import learn_stack_prior as learn_stack_prior
from .ranking import other_tables as other_tables
from .rows import RelativeRows as RelativeRows
from .rows import centred as centred
from .rows import group_folds as group_folds
from .single_costs import SingleCosts as SingleCosts
from .stack import CONSTANT as CONSTANT
from .stack import FittedStack as FittedStack
from .stack import Stack as Stack
from .stack import decision_weights as decision_weights
