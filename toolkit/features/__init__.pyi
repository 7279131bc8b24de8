__all__: list[str]

from .batch import WINDOW as WINDOW
from .batch import batch_features as batch_features
from .batch import batch_table as batch_table
from .columns import BATCH_CONTEXT as BATCH_CONTEXT
from .columns import BATCH_TARGETS as BATCH_TARGETS
from .columns import BATCH_WINDOW as BATCH_WINDOW
from .columns import IDENTITY as IDENTITY
from .columns import WORKFLOW_CONTEXT as WORKFLOW_CONTEXT
from .columns import WORKFLOW_TARGETS as WORKFLOW_TARGETS
from .columns import batch_schema as batch_schema
from .columns import declared_columns as declared_columns
from .columns import workflow_schema as workflow_schema
from .coordination import COORDINATION_COLUMNS as COORDINATION_COLUMNS
from .coordination import coordination_features as coordination_features
from .coordination import coordination_table as coordination_table
from .engine import TRAINABLE as TRAINABLE
from .engine import connect as connect
from .engine import read_records as read_records
from .objectives import objective_periods as objective_periods
from .workflow import workflow_table as workflow_table
