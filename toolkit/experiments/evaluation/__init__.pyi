__all__: list[str]

from .baselines import ConstantGrades as ConstantGrades
from .baselines import log_slowdowns as log_slowdowns
from .calibration import fit_intervals as fit_intervals
from .cross_fitting import cross_fitted_ridge as cross_fitted_ridge
from .cross_fitting import folds_of_clusters as folds_of_clusters
from .figure import policy_figure as policy_figure
from .nested import Evaluation as Evaluation
from .nested import evaluate_held_out as evaluate_held_out
from .nested import evaluation_studies as evaluation_studies
from .observational import limits_of as limits_of
from .observational import prediction_skill as prediction_skill
from .observational import size_support as size_support
from .off_policy_report import OffPolicyReport as OffPolicyReport
from .off_policy_report import RuleWhereUnsupported as RuleWhereUnsupported
from .off_policy_report import evaluate_batch_policy as evaluate_batch_policy
from .plot_file import write_plot as write_plot
from .report import markdown_report as markdown_report
from .result import PolicyRow as PolicyRow
from .result import policy_rows as policy_rows
from .wording import measured_where as measured_where
from .wording import no_rule as no_rule
