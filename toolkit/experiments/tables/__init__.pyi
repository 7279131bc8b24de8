__all__: list[str]

from .decision_table import DecisionTable as DecisionTable
from .decision_table import read_decision_table as read_decision_table
from .decision_table import read_decision_tables as read_decision_tables
from .feature_rows import teaching_rows as teaching_rows
from .from_records import decision_rule as decision_rule
from .from_records import recorded_table as recorded_table
from .full_factorial import FloatArray as FloatArray
from .full_factorial import FullFactorial as FullFactorial
from .full_factorial import IntArray as IntArray
from .full_factorial import synthetic_full_factorial as synthetic_full_factorial
from .leakage import Decide as Decide
from .leakage import Taken as Taken
from .leakage import leaking_lines as leaking_lines
from .leakage import require_no_leak as require_no_leak
from .measured_replay import MeasuredReplay as MeasuredReplay
from .measured_replay import read_replay as read_replay
from .split import Fold as Fold
from .split import group_folds as group_folds
from .split import time_split as time_split
