__all__: list[str]

from .batch import batch_table as batch_table
from .batch import write_batch_table as write_batch_table
from .columns import context_schema as context_schema
from .columns import moment_columns as moment_columns
from .engine import TRAINABLE as TRAINABLE
from .engine import known_shares as known_shares
from .objectives import objective_periods as objective_periods
from .objectives import objective_periods_by as objective_periods_by
from .workflow import workflow_table as workflow_table
from .workflow import write_workflow_table as write_workflow_table
from .written import read_feature_table as read_feature_table
