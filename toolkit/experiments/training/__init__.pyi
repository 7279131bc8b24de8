__all__: list[str]

from .bundling import export_learner as export_learner
from .experiment import Experiment as Experiment
from .experiment import ExperimentResult as ExperimentResult
from .folder import read_spec_file as read_spec_file
from .folder import write_results as write_results
from .learner import learn as learn
from .regressor import LevelShapeRegressor as LevelShapeRegressor
from .run import experiment_studies as experiment_studies
from .run import history_rows as history_rows
from .run import run_experiment as run_experiment
from .run import table_of as table_of
from .spec import ExperimentSpec as ExperimentSpec
from .spec import read_spec as read_spec
from .spec import spec_schema as spec_schema
from .spec_form import SCHEMA_NAME as SCHEMA_NAME
from .spec_form import spec_text as spec_text
from .stack_bundle import AIM as AIM
from .stack_bundle import RelativePolicy as RelativePolicy
from .stack_bundle import TrainedStack as TrainedStack
from .stack_bundle import train_bundle as train_bundle
