__all__: list[str]

from .decisions import BUDGETS as BUDGETS
from .decisions import OURS as OURS
from .decisions import UNRANKED as UNRANKED
from .decisions import BenchSettings as BenchSettings
from .decisions import decide_group as decide_group
from .decisions import few_shot as few_shot
from .figures import compare as compare
from .figures import line_figures as line_figures
from .figures import report as report
from .grading import TableGrades as TableGrades
from .grading import fingerprint as fingerprint
from .grading import grade_table as grade_table
from .grading import graded as graded
from .plot import plot_report as plot_report
from .promises import Broken as Broken
from .promises import broken_promises as broken_promises
from .records_needed import SampleEfficiency as SampleEfficiency
from .records_needed import sample_efficiency as sample_efficiency
