__all__: list[str]

from .decisions import BUDGETS as BUDGETS
from .decisions import OURS as OURS
from .decisions import BenchSettings as BenchSettings
from .decisions import few_shot as few_shot
from .figures import line_figures as line_figures
from .figures import report as report
from .grading import TableGrades as TableGrades
from .grading import fingerprint as fingerprint
from .grading import grade_table as grade_table
from .grading import graded as graded
from .plot import plot_report as plot_report
from .records_needed import sample_efficiency as sample_efficiency
from .suite import read_suite_spec as read_suite_spec
from .suite import run_suite as run_suite
from .suite import suite_report as suite_report
