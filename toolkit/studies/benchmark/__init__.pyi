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
from .made_up import GRADING_SEEDS as GRADING_SEEDS
from .made_up import MadeUpTable as MadeUpTable
from .made_up import made_up_table as made_up_table
from .plot import plot_report as plot_report
from .promises import Broken as Broken
from .promises import broken_promises as broken_promises
from .records_needed import SampleEfficiency as SampleEfficiency
from .records_needed import sample_efficiency as sample_efficiency
from .suite import SuiteGrade as SuiteGrade
from .suite import grade_made_up as grade_made_up
from .suite import run_suite as run_suite
from .suite import suite_report as suite_report
