__all__: list[str]

from .bootstrap import BootstrapInterval as BootstrapInterval
from .bootstrap import RatioOfTotals as RatioOfTotals
from .bootstrap import cluster_bootstrap as cluster_bootstrap
from .bootstrap import group_bootstrap as group_bootstrap
from .bootstrap import group_totals as group_totals
from .bootstrap import paired_group_bootstrap as paired_group_bootstrap
from .calibration import expected_calibration_error as expected_calibration_error
from .calibration import reliability as reliability
from .decision import geometric_mean_slowdown as geometric_mean_slowdown
from .decision import share_within as share_within
from .interval import clustered_wilson as clustered_wilson
from .interval import wilson as wilson
from .objective_counts import ObjectiveCounter as ObjectiveCounter
from .objectives import OBJECTIVES as OBJECTIVES
from .objectives import Objective as Objective
from .objectives import ObjectiveReport as ObjectiveReport
from .objectives import Period as Period
from .objectives import Trials as Trials
from .objectives import objective_report as objective_report
from .objectives import parted as parted
from .student_t import student_t_quantile as student_t_quantile
