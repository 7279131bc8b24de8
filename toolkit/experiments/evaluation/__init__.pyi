__all__: list[str]

from .baselines import ConstantGrades as ConstantGrades
from .baselines import log_slowdowns as log_slowdowns
from .calibration import fit_intervals as fit_intervals
from .cross_fitting import cross_fitted_ridge as cross_fitted_ridge
from .cross_fitting import folds_of_clusters as folds_of_clusters
from .off_policy_report import OffPolicyReport as OffPolicyReport
from .off_policy_report import RuleWhereUnsupported as RuleWhereUnsupported
from .off_policy_report import evaluate_batch_policy as evaluate_batch_policy
from .plot_file import write_plot as write_plot
