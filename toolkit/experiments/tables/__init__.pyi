__all__: list[str]

from .decision_table import read_decision_tables as read_decision_tables
from .feature_rows import teaching_rows as teaching_rows
from .from_records import recorded_table as recorded_table
from .full_factorial import FullFactorial as FullFactorial
from .measured_replay import MeasuredReplay as MeasuredReplay
from .measured_replay import read_measured as read_measured
from .split import deal_folds as deal_folds
